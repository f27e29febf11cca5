"""What several figures and notebooks show: computed once and kept.

First regions simulated under simulated cruises, then short trainings, then real surveys and what
the network makes of them, then the maps that the networks are shown: as they are interpolated, or
diffused.  A notebook that calls a helper that takes its time calls it by `once`, and trains by
`train` and `fine_tune`: run again, it takes from disk what has not changed.
"""

import functools
import json
from dataclasses import dataclass
from typing import NamedTuple

import geopandas
import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import distance_matrix
from shapely.geometry import LineString

from helpers import data, diffusion, gridding, lines, network, scores, seafloor, tracks
from helpers.network import _inputs

from . import protocol
from ._kept import kept, once

# Regions simulated under simulated cruises.

COVERAGE = 0.1  # share of cells on simulated tracks in the figures
SEED = 213  # of the cruises: others than those of training and test


class Surveyed(NamedTuple):
    """A simulated region, the cruises over it and the grid of what they read."""

    truth: xr.Dataset
    table: pd.DataFrame
    grid: xr.Dataset


class Simulated(NamedTuple):
    """A simulated region, surveyed and restored by guided diffusion."""

    truth: xr.Dataset
    table: pd.DataFrame
    grid: xr.Dataset
    guided: xr.Dataset


class Detected(NamedTuple):
    """What the network says of a map, and the lines that are traced in it."""

    prediction: xr.Dataset
    lines: geopandas.GeoDataFrame


@kept("seafloor")
def seafloor_of(name, floor=0):
    """Simulate a region (`seafloor.simulate_region`, with the seed `floor`) once."""
    return seafloor.simulate_region(name, seed=floor)


@kept("gridding")
def region_grid(name, coverage, seed, kept=1.0, floor=0):
    """Simulate a region, send cruises over it, level them and grid what they read.

    Tracks lie on the share `coverage` of the cells, `seed` is that of the cruises.  Only the share
    `kept` of these is kept, drawn at random; `floor` is the seed of what is random in the seafloor
    (`seafloor.simulate_region`).
    """
    truth, region = seafloor_of(name, floor), data.region(name)
    rng = np.random.default_rng(seed)
    table = seafloor.cruise_over(truth, region, rng, coverage)
    if kept < 1:
        cruises = table["cruise"].unique()
        chosen = rng.choice(cruises, max(2, round(kept * len(cruises))), replace=False)
        table = table[table["cruise"].isin(chosen)].reset_index(drop=True)
    table, _ = tracks.level(table, region)
    spacing_km = float(truth.attrs["spacing_km"])
    grid = gridding.grid_tracks(table, region, spacing_km, uncertainty=False)
    return Surveyed(truth, table, grid.assign_attrs(source="simulated"))


@kept("diffusion")
def simulated(name, coverage=COVERAGE, uncertainty=False):
    """Simulate a region of the registry, survey it and restore the map by guided diffusion.

    Tracks lie on the share `coverage` of the cells.  The map has its expected error only where
    `uncertainty` asks for it, which takes four times as long as the map itself.
    """
    return _restored(region_grid(name, coverage, SEED), uncertainty)


@kept("diffusion")
def tested(name, coverage=COVERAGE):
    """Give the map that `make train` scores: another seafloor than `simulated`, other cruises."""
    seeds = protocol.CRUISE_SEED["test"], 1.0, protocol.FLOOR_SEED["test"]
    return _restored(region_grid(name, coverage, *seeds), uncertainty=False)


def _restored(surveyed, uncertainty):
    """Add the guided map to what `region_grid` gives."""
    block, weight = surveyed.grid["block"], surveyed.grid["weight"]
    return Simulated(*surveyed, diffusion.guided(block, weight, uncertainty=uncertainty))


@kept("lines")
def detected(name, coverage=COVERAGE):
    """Show the guided map of a `simulated` region to the best network and trace lines."""
    case = simulated(name, coverage)
    return Detected(*lines.find(case.grid, case.guided))


@kept("scores")
def true_lines(name):
    """Trace the labels of a `simulated` region, where data are near (`scores.true_lines`)."""
    case = simulated(name)
    return scores.true_lines(case.truth, network.truth_channels(case.truth, case.grid)[..., 1])


def threshold():
    """Probability from which the best shipped model takes a cell as line."""
    return network.record_of(lines.BEST)["threshold"]


def test_window(name, cells=network.SIZE, number=0):
    """Find a window in the middle of a test block of a simulated region, ready for ``.sel``.

    It has `cells` a side, at most those of a block; `number` tells which of the blocks.  Gives
    slices of northing and easting (km).
    """
    truth = seafloor_of(name)
    corner = protocol.blocks(truth)["test"][number]
    window = {}
    for axis, first in zip(("northing", "easting"), corner, strict=True):
        first += (network.SIZE - cells) // 2
        centres = truth[axis].to_numpy()[first : first + cells]
        window[axis] = slice(float(centres[0]), float(centres[-1]))
    return window


def prepare_models(name, names, coverage=COVERAGE, most=6):
    """Apply shipped models, by name, to the test blocks of a simulated region, at most so many.

    Gives (dict) ``label`` and ``mask``, lists with an array (rows, columns) for each block;
    ``seen`` (the map, nT), ``probability`` and ``threshold``, by name of the model.
    """
    case, windows = tested(name, coverage), _test_windows(name, most)
    near = network.knowable(case.grid)
    made = {"label": [case.truth["label"].sel(each).to_numpy() for each in windows]}
    made |= {"mask": [near.sel(each).to_numpy() for each in windows]}
    made |= {"seen": {}, "probability": {}, "threshold": {}}
    for each in names:
        predicted = on_test_blocks(name, each, coverage, most)
        made["seen"][each] = [part["anomaly"].to_numpy() for part in predicted]
        made["probability"][each] = [part["probability"].to_numpy() for part in predicted]
        made["threshold"][each] = network.record_of(each)["threshold"]
    return made


@kept("lines")
def on_test_blocks(name, model, coverage=COVERAGE, most=6):
    """Apply a shipped model to the test blocks of a simulated region, at most so many.

    Gives a list with a prediction (Dataset; with the map that was seen as ``anomaly``) for each.
    """
    case, applied = tested(name, coverage), network.load(model)
    kind = applied.record["input"]
    seen = as_seen(case.grid, kind, case.guided if kind in GUIDED else None)
    parts = [seen.sel(window) for window in _test_windows(name, most)]
    return [network.predict(applied, part).assign(anomaly=part["anomaly"]) for part in parts]


def _test_windows(name, most):
    """Test blocks of a region, at most so many."""
    found = []
    while len(found) < most:
        try:
            found.append(test_window(name, number=len(found)))
        except IndexError:
            break
    return found


# Short trainings: those of the notebooks, and those from which the solutions of the exercises (S1)
# draw their answers.


class _Start:
    """A model as it is when training starts: known by its architecture, record and weights."""

    def __init__(self, model):
        self.model = model

    def __getstate__(self):
        """Give what tells one start from another; names, which count models made, do not."""
        text = json.dumps(self.model.get_config())
        for number, layer in enumerate((self.model, *self.model.layers)):
            text = text.replace(f'"{layer.name}",', f'"{number}",')
        record = json.dumps(getattr(self.model, "record", None))
        return text, record, self.model.get_weights()


def train(model, inputs, truth, validation, epochs, **options):
    """Train a model as `network.train`, or take from disk what the same training has given.

    The same are the model with its weights, the patches and all settings.

    Parameters
    ----------
    model, inputs, truth, validation, epochs
        As `network.train` takes them; the model gets its best weights.
    **options
        ``rate``, ``patience``, ``batch``, ``seed`` and ``per_epoch``, likewise.

    Returns
    -------
    dict of str to list of float
        ``loss`` and ``val_loss`` of each epoch.
    """
    history, weights = _trained(_Start(model), inputs, truth, validation, epochs, **options)
    model.set_weights(weights)
    return history


@kept("network")
def _trained(start, inputs, truth, validation, epochs, **options):
    """Train a model; give losses and weights."""
    history = network.train(start.model, inputs, truth, validation, epochs, **options)
    return history, start.model.get_weights()


def fine_tune(name, grid, truth, epochs=20, seed=0):
    """Do as `labelling.fine_tune`, or take from disk what the same labels have given.

    Parameters
    ----------
    name, grid, truth, epochs, seed
        As `labelling.fine_tune` takes them.

    Returns
    -------
    tuple
        The model and the losses of each epoch.
    """
    history, weights = _tuned(name, grid, truth, epochs, seed)
    model = network.load(name)
    model.set_weights(weights)
    return model, history


@kept("labelling")
def _tuned(name, grid, truth, epochs, seed):
    """Fine-tune a shipped model; give losses and weights."""
    from helpers import labelling  # its widgets are for notebooks alone

    model, history = labelling.fine_tune(name, grid, truth, epochs, seed)
    return history, model.get_weights()


class Answered(NamedTuple):
    """What a network says of the validation blocks of a region: arrays (blocks, rows, columns)."""

    probability: np.ndarray
    label: np.ndarray
    weight: np.ndarray  # 0 where nobody could know


@kept("network")
def small_network(coverage, kind, name="epr"):
    """Train a network of two levels on the training blocks of a region, as notebook 03 does.

    `kind` is the input (`input_stack`), `coverage` the share of cells on tracks.
    """
    import keras  # takes seconds, and what is kept does without

    keras.utils.set_random_seed(1)
    surveyed = region_grid(name, coverage, protocol.CRUISE_SEED["train"])
    train, unseen = _blocks(surveyed, input_stack(surveyed.grid, kind))
    model = network.unet(train[0].shape[-1], widths=(8, 16))
    network.train(model, *train, unseen, 8, rate=3e-3, patience=8, batch=4, seed=1)
    return _answered(model, unseen)


@kept("network")
def trained_on_few(count, start, name="reykjanes", coverage=COVERAGE):
    """Train a network on the first blocks of a region, at most `count`, for three epochs.

    It starts from ``scratch`` or from a shipped model, on raw grids.
    """
    import keras

    keras.utils.set_random_seed(1)
    surveyed = region_grid(name, coverage, protocol.CRUISE_SEED["train"])
    train, unseen = _blocks(surveyed, input_stack(surveyed.grid, "raw"), count)
    model = network.unet() if start == "scratch" else network.load(start)
    network.train(model, *train, unseen, 3, batch=2, seed=1)
    return _answered(model, unseen)


def _blocks(surveyed, stack, count=None):
    """Cut training and validation blocks, inputs and truth, of the first at most `count`."""
    both, corners = (stack, network.truth_channels(*surveyed[::2])), protocol.blocks(surveyed.truth)
    train = tuple(network.cut(each, corners["train"][:count]) for each in both)
    return train, tuple(network.cut(each, corners["validation"]) for each in both)


def _answered(model, unseen):
    """Show a model the validation blocks."""
    inputs, target = unseen
    found = np.asarray(model(inputs, training=False))[..., 0]
    return Answered(found, target[..., 0], target[..., 1])


# Real surveys of the registry, read, cleaned and ready to grid.  There is no dense one of the
# training regions; these four are what can be had.


@dataclass(frozen=True)
class Survey:
    """A real survey: its files, where to look, and cells that suit the distance of its lines."""

    title: str  # for captions
    files: tuple  # names in the registry
    box: tuple  # west, east, south, north (degrees)
    spacing_km: float  # side of the cells
    mask_km: float  # farther from data, about the distance between lines, a grid says nothing
    source: str = "NOAA NCEI marine trackline geophysics"

    @property
    def region(self):
        """`helpers.data.Region` around the survey."""
        return data.region_from_box(*self.box, title=self.title)


SURVEYS = {
    "lucky_strike": Survey(
        "Lucky Strike, Mid-Atlantic Ridge",
        ("tracks/surveys/so_lucky.gmt",),
        (-32.55, -31.95, 37.19, 37.42),
        0.5,
        3.0,
        "1993 Lucky Strike survey, Mirone test data",
    ),
    "index17": Survey(
        "INDEX17, Central Indian Ridge",
        ("tracks/surveys/index17.csv",),
        (72.0, 73.0, -27.5, -26.7),
        1.0,
        5.0,
    ),
    "ew0007": Survey(
        "EW0007, Newfoundland Basin",
        ("tracks/surveys/ew0007.csv",),
        (-46.4, -43.0, 44.4, 46.6),
        2.0,
        15.0,
    ),
    "pacific_antarctic": Survey(
        "Pacific-Antarctic Ridge",
        ("tracks/ncei/nbp9707.m77t", "tracks/ncei/nbp97-4a.m77t", "tracks/ncei/nbp9908.m77t"),
        (-120.0, -104.0, -52.0, -35.0),
        4.0,
        40.0,
    ),
}


def load_survey(name):
    """Read a survey: residuals on one reference field where the total field is given, cleaned.

    The track table has the column ``level``; the residual of each cruise has the median zero.
    """
    if name not in SURVEYS:
        raise KeyError(f"No survey {name!r}; the surveys are {', '.join(SURVEYS)}.")
    return _cleaned(SURVEYS[name].files).copy()


@kept("tracks")
def _cleaned(files):
    """Read files of the registry: recomputed residuals, cleaned, less the median of each cruise."""
    table = tracks.read_tracks([data.fetch(file) for file in files])
    return tracks.remove_cruise_median(tracks.clean(tracks.residual(table)))


def load_surveys():
    """Read every survey that can be had, by name; the registry says which files are missing."""
    tables = {}
    for name, survey in SURVEYS.items():
        if None not in [data.try_fetch(file) for file in survey.files]:
            tables[name] = load_survey(name)
    return tables


# What the network makes of real surveys, and what people have drawn.  Where files cannot be had
# there is nothing (None) to show.

CRUISES = ("nbp9707", "nbp97-4a", "nbp9908")  # over the Pacific-Antarctic Ridge
# (along a track far from others the networks on the raw grid draw lines along the track)
MEET_KM = 40.0  # isochrons of two plate pairs whose ends are nearer met at a triple junction
NEXT_KM = 900.0  # places of a triple junction that are farther apart are not joined


class Interpreted(NamedTuple):
    """A real survey and what the network for real data makes of it."""

    grid: xr.Dataset
    guided: xr.Dataset
    prediction: xr.Dataset
    lines: geopandas.GeoDataFrame  # those that two tracks or more support


@kept("tracks")
def real_cruises():
    """Read the real cruises over the Pacific-Antarctic Ridge, less the median of each."""
    paths = [data.try_fetch(f"tracks/ncei/{cruise}.m77t") for cruise in CRUISES]
    if None in paths:
        return None
    return tracks.remove_cruise_median(tracks.residual(tracks.read_tracks(paths)))


@kept("lines")
def real_swath():
    """Map the real cruises over the Pacific-Antarctic Ridge and show the map to the network."""
    table = real_cruises()
    if table is None:
        return None
    return _interpreted(table, data.region("pacific_antarctic"), 2.0)


@kept("lines")
def real_survey(name, spacing_km=None):
    """Map a real survey, one of `SURVEYS`, and show the map to the network.

    `spacing_km` is the side of the cells, by default that of the survey.
    """
    about = SURVEYS[name]
    if None in [data.try_fetch(file) for file in about.files]:
        return None
    return _interpreted(load_survey(name), about.region, spacing_km or about.spacing_km)


def _interpreted(table, region, spacing_km):
    """Grid and diffuse a survey, show it to the network for real data, keep supported lines."""
    table = table[region.contains(table["longitude"], table["latitude"])]
    grid = gridding.grid_tracks(table, region, spacing_km, uncertainty=False)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    prediction, found = lines.find(grid, guided, model=lines.SINGLE)
    return Interpreted(grid, guided, prediction, lines.supported(found, grid, table).lines)


def triple_junction(isochrons):
    """Lines along a triple junction: isochrons of one age but of two pairs of plates meet there.

    Each line runs from one meeting place to the next; empty where there are none.
    """
    met = {}
    for _, group in isochrons.groupby("age_ma"):
        ends = np.array([geometry.coords[k] for geometry in group.geometry for k in (0, -1)])
        plates = np.repeat(group["plates"].to_numpy(), 2)
        apart = distance_matrix(ends, ends) + np.where(plates[:, None] == plates, np.inf, 0.0)
        for one, other in np.argwhere(np.triu(apart <= MEET_KM)):
            three = frozenset(f"{plates[one]} {plates[other]}".split())
            met.setdefault(three, []).append(0.5 * (ends[one] + ends[other]))
    joined = [line for places in met.values() for line in _chain(np.array(places))]
    return geopandas.GeoSeries(joined, crs=isochrons.crs)


def _chain(places):
    """Lines from each place to its nearest, so that all within reach hang together."""
    tree = minimum_spanning_tree(distance_matrix(places, places)).tocoo()
    return [
        LineString(places[[one, other]])
        for one, other, far in zip(tree.row, tree.col, tree.data, strict=True)
        if far <= NEXT_KM
    ]


@functools.cache
def drawn_over(name):
    """Collect what people have drawn in a region of the registry, in its projection.

    These are ``fracture zones``, ``isochrons`` and ``triple junction`` (geopandas objects by name);
    nothing where the files cannot be had.
    """
    region = data.region(name)
    isochrons, zones = data.isochrons(region), data.fracture_zones(region)
    if isochrons is None or zones is None:
        return {}
    junction = triple_junction(isochrons)
    return {"fracture zones": zones, "isochrons": isochrons, "triple junction": junction}


# The maps that the networks are shown.  There are four inputs: ``raw`` (linear interpolation),
# ``classical`` (that grid diffused), ``guided``, and ``both`` (guided beside raw).

GUIDED = ("guided", "both")  # the inputs that need guided diffusion


def input_stack(grid, name):
    """Stack the channels of one input of a grid: (n, m, channels), float32."""
    return network.channels(as_seen(grid, name), _inputs.LAYERS[name])


def as_seen(grid, name, guided=None):
    """Put the map of one input into a grid of tracks, as its ``anomaly``; ValueError for others.

    For ``guided`` and ``both`` its own is there as ``linear``; `guided` is from `diffusion.guided`,
    where it has been made already.
    """
    if name == "raw":
        return grid
    if name == "classical":
        return grid.assign(anomaly=diffusion.classical(grid["anomaly"])["anomaly"])
    if name not in GUIDED:
        raise ValueError(
            f"There is no input named {name!r}; choose one of {', '.join(_inputs.INPUTS)}."
        )
    if guided is None:
        guided = once(diffusion.guided)(grid["block"], grid["weight"], uncertainty=False)
    return _inputs.with_guided(grid, guided)
