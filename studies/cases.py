"""What several figures and notebooks show: computed once and kept.

First regions simulated under simulated cruises, then real surveys and what the network makes of
them, then the maps that the networks are shown: as they are interpolated, or diffused.
"""

import functools
from typing import NamedTuple

import geopandas
import numpy as np
import pandas as pd
import xarray as xr

from helpers import data, diffusion, gridding, lines, network, seafloor, tracks
from helpers.data import _published
from helpers.network import _inputs

from . import protocol
from ._kept import kept

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


@kept("gridding")
def region_grid(name, coverage, seed, kept=1.0, floor=0):
    """Simulate a region, send cruises over it, level them and grid what they read.

    Parameters
    ----------
    name : str
        A region of the registry.
    coverage : float
        Share of cells on tracks.
    seed : int
        Seed of the cruises.
    kept : float
        Share of the cruises that is kept; the others are dropped, drawn at random.
    floor : int
        Seed of what is random in the seafloor (`seafloor.simulate_region`).

    Returns
    -------
    Surveyed
        ``truth`` (Dataset), levelled track ``table`` (DataFrame) and ``grid`` (Dataset).
    """
    truth, region = seafloor.simulate_region(name, seed=floor), data.region(name)
    rng = np.random.default_rng(seed)
    table = seafloor.cruise_over(truth, region, rng, coverage)
    if kept < 1:
        cruises = table["cruise"].unique()
        chosen = rng.choice(cruises, max(2, round(kept * len(cruises))), replace=False)
        table = table[table["cruise"].isin(chosen)].reset_index(drop=True)
    table, _ = tracks.level(table, region)
    grid = gridding.grid_tracks(table, region, float(truth.attrs["spacing_km"]))
    return Surveyed(truth, table, grid.assign_attrs(source="simulated"))


@kept("diffusion")
def simulated(name, coverage=COVERAGE):
    """Simulate a region, survey it and restore the map by guided diffusion.

    Parameters
    ----------
    name : str
        A region of the registry.
    coverage : float
        Share of cells on tracks.

    Returns
    -------
    Simulated
        ``truth`` (Dataset), track ``table``, ``grid`` and ``guided`` (Datasets).
    """
    return _restored(region_grid(name, coverage, SEED))


@kept("diffusion")
def tested(name, coverage=COVERAGE):
    """Give the map that `make train` scores: another seafloor than `simulated`, other cruises.

    Parameters
    ----------
    name, coverage
        As `simulated`.

    Returns
    -------
    Simulated
    """
    seeds = protocol.CRUISE_SEED["test"], 1.0, protocol.FLOOR_SEED["test"]
    return _restored(region_grid(name, coverage, *seeds))


def _restored(surveyed):
    """Add the guided map to what `region_grid` gives."""
    grid = surveyed.grid
    return Simulated(*surveyed, diffusion.guided(grid["block"], grid["weight"]))


@kept("lines")
def detected(name):
    """Show the guided map of a simulated region to the best network and trace lines.

    Parameters
    ----------
    name : str
        A region of the registry.

    Returns
    -------
    Detected
        ``prediction`` (Dataset) and ``lines`` (GeoDataFrame).
    """
    case = simulated(name)
    return Detected(*lines.find(case.grid, case.guided))


def threshold():
    """Probability from which the best shipped model takes a cell as line."""
    return network.load(lines.BEST).record["threshold"]


def test_window(name, cells=network.SIZE, number=0):
    """Find a window inside a test block of a simulated region.

    Parameters
    ----------
    name : str
        A region of the registry.
    cells : int
        Side of the window, at most that of a block.
    number : int
        Which of the test blocks.

    Returns
    -------
    dict of str to slice
        Northing and easting (km) for ``.sel``; the window lies in the middle of the block.
    """
    truth = seafloor.simulate_region(name)
    corner = protocol.blocks(truth)["test"][number]
    window = {}
    for axis, first in zip(("northing", "easting"), corner, strict=True):
        first += (network.SIZE - cells) // 2
        centres = truth[axis].to_numpy()[first : first + cells]
        window[axis] = slice(float(centres[0]), float(centres[-1]))
    return window


@kept("lines")
def prepare_models(name, names, coverage=COVERAGE, most=6):
    """Apply shipped models to the test blocks of a simulated region.

    Parameters
    ----------
    name : str
        A region of the registry.
    names : sequence of str
        Models of ``data/models/models.json``.
    coverage : float
        Share of cells on tracks.
    most : int
        Take at most so many blocks.

    Returns
    -------
    dict
        ``label`` and ``mask``, lists with an array (rows, columns) for each block; ``seen`` (the
        map, nT), ``probability`` and ``threshold``, by name of the model.
    """
    case, windows = tested(name, coverage), _test_windows(name, most)
    near = network.knowable(case.grid)
    made = {"label": [case.truth["label"].sel(each).to_numpy() for each in windows]}
    made |= {"mask": [near.sel(each).to_numpy() for each in windows]}
    made |= {"seen": {}, "probability": {}, "threshold": {}}
    inputs = dict.fromkeys(GUIDED, as_seen(case.grid, "both", case.guided))
    for each in names:
        model = network.load(each)
        kind = model.record["input"]
        if kind not in inputs:
            inputs[kind] = as_seen(case.grid, kind)
        parts = [inputs[kind].sel(window) for window in windows]
        made["seen"][each] = [part["anomaly"].to_numpy() for part in parts]
        made["probability"][each] = [
            network.predict(model, part)["probability"].to_numpy() for part in parts
        ]
        made["threshold"][each] = model.record["threshold"]
    return made


def _test_windows(name, most):
    """Test blocks of a region, at most so many."""
    found = []
    while len(found) < most:
        try:
            found.append(test_window(name, number=len(found)))
        except IndexError:
            break
    return found


# Real surveys, and what people have drawn.  Where files cannot be had there is nothing to show.

CRUISES = ("nbp9707", "nbp97-4a", "nbp9908")  # over the Pacific-Antarctic Ridge
# (along a track far from others the networks on the raw grid draw lines along the track)


class Interpreted(NamedTuple):
    """A real survey and what the network for real data makes of it."""

    grid: xr.Dataset
    guided: xr.Dataset
    prediction: xr.Dataset
    lines: geopandas.GeoDataFrame


@functools.cache
def real_cruises():
    """Read the real cruises over the Pacific-Antarctic Ridge.

    Returns
    -------
    pandas.DataFrame or None
        Residuals less the median of each cruise; None where the files cannot be had.
    """
    paths = [data.try_fetch(f"tracks/ncei/{cruise}.m77t") for cruise in CRUISES]
    if None in paths:
        return None
    return tracks.remove_cruise_median(tracks.residual(tracks.read_tracks(paths)))


@kept("lines")
def real_swath():
    """Map the real cruises over the Pacific-Antarctic Ridge and show the map to the network.

    Returns
    -------
    Interpreted or None
        None where the files cannot be had.
    """
    table = real_cruises()
    if table is None:
        return None
    return _interpreted(gridding.grid_tracks(table, data.region("pacific_antarctic")))


@kept("lines")
def real_survey(name):
    """Map a real survey and show the map to the network.

    Parameters
    ----------
    name : str
        One of `tracks.SURVEYS`.

    Returns
    -------
    Interpreted or None
        None where the files cannot be had.
    """
    about = tracks.SURVEYS[name]
    if None in [data.try_fetch(file) for file in about.files]:
        return None
    return _interpreted(
        gridding.grid_tracks(tracks.load_survey(name), about.region, about.spacing_km)
    )


def _interpreted(grid):
    """Diffuse a grid and show it to the network that is for real data."""
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return Interpreted(grid, guided, *lines.find(grid, guided, model=lines.SINGLE))


@functools.cache
def drawn_over(name):
    """Collect what people have drawn in a region.

    Parameters
    ----------
    name : str
        A region of the registry.

    Returns
    -------
    dict of str to geopandas object
        ``fracture zones``, ``isochrons`` and ``triple junction`` in the region's projection; empty
        where the files cannot be had.
    """
    region = data.region(name)
    isochrons, zones = data.isochrons(region), data.fracture_zones(region)
    if isochrons is None or zones is None:
        return {}
    junction = _published.triple_junction(isochrons)
    return {"fracture zones": zones, "isochrons": isochrons, "triple junction": junction}


# The maps that the networks are shown.  There are four inputs: ``raw`` (linear interpolation),
# ``classical`` (that grid diffused), ``guided``, and ``both`` (guided beside raw).

GUIDED = ("guided", "both")  # the inputs that need guided diffusion


def input_stack(grid, name, guided=None):
    """Stack the channels of one of the inputs.

    Parameters
    ----------
    grid : xarray.Dataset, shape (n, m)
        From `gridding.grid_tracks` or `gridding.grid_points`.
    name : str
        ``raw``, ``classical``, ``guided`` or ``both``.
    guided : xarray.Dataset, optional
        From `diffusion.guided`, where it has been made already.

    Returns
    -------
    numpy.ndarray, shape (n, m, len(layers)), float32
    """
    layers = _inputs.LAYERS.get(name, network.CHANNELS)
    return network.channels(as_seen(grid, name, guided), layers)


def as_seen(grid, name, guided=None):
    """Put the map of one input into a grid.

    Parameters
    ----------
    grid, name, guided
        As `input_stack`.

    Returns
    -------
    xarray.Dataset
        `grid` with another ``anomaly``; for ``guided`` and ``both`` its own is there as
        ``linear``.
    """
    if name not in GUIDED:
        return grid.assign(anomaly=make_map(grid, name))
    if guided is None:
        guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return network.with_guided(grid, guided)


def make_map(grid, name):
    """Make the anomaly (nT) that one of the inputs shows of a grid; ValueError for other names."""
    if name == "raw":
        return grid["anomaly"]
    if name == "classical":
        return diffusion.classical(grid["anomaly"])["anomaly"]
    if name in GUIDED:
        return diffusion.guided(grid["block"], grid["weight"], uncertainty=False)["anomaly"]
    raise ValueError(
        f"There is no input named {name!r}; choose one of {', '.join(_inputs.INPUTS)}."
    )
