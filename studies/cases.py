"""What several figures and notebooks show: computed once and kept.

Simulated regions under simulated cruises, and the real cruises over the Pacific-Antarctic Ridge.
"""

import functools

import numpy as np

from helpers import data, diffusion, gridding, lines, network, seafloor, tracks
from helpers.data import _registry
from helpers.gridding import _read_grid
from helpers.network import _inputs

from . import protocol

COVERAGE = 0.1  # share of cells on simulated tracks in the figures
SEED = 213  # of the cruises: others than those of training and test
CRUISES = ("nbp9707", "nbp97-4a", "nbp9908")
# (along a track far from others the networks on the raw grid draw lines along the track)


@functools.cache
def simulated(name, coverage=COVERAGE):
    """Truth, track table, grid and guided diffusion of a simulated region.

    Parameters
    ----------
    name : str
        A region of the registry.
    coverage : float
        Share of cells on tracks.

    Returns
    -------
    tuple
        Truth (Dataset), track table, grid (Dataset), guided (Dataset).
    """
    return _diffused(*region_grid(name, coverage, SEED))


@functools.cache
def tested(name, coverage=COVERAGE):
    """As `simulated`, for the map that `make train` scores: another seafloor, other cruises."""
    seeds = protocol.CRUISE_SEED["test"], 1.0, protocol.FLOOR_SEED["test"]
    return _diffused(*region_grid(name, coverage, *seeds))


def _diffused(truth, table, grid):
    """Add the guided map to what `region_grid` gives."""
    return truth, table, grid, diffusion.guided(grid["block"], grid["weight"])


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


@functools.cache
def detected(name):
    """Prediction of the best model on the guided map of a simulated region, and its lines."""
    _, _, grid, guided = simulated(name)
    return lines.find(grid, guided)


def threshold():
    """Probability from which the best shipped model takes a cell as line."""
    return network.load(lines.BEST).record["threshold"]


@functools.cache
def real_cruises():
    """Residuals of the real Pacific-Antarctic cruises; None where they cannot be had."""
    paths = [data.try_fetch(f"tracks/ncei/{cruise}.m77t") for cruise in CRUISES]
    if None in paths:
        return None
    return tracks.remove_cruise_median(tracks.residual(tracks.read_tracks(paths)))


@functools.cache
def real_swath():
    """Grid, guided map, prediction and lines along the real cruises; None without them."""
    table = real_cruises()
    if table is None:
        return None
    grid = gridding.grid_tracks(table, data.region("pacific_antarctic"))
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return grid, guided, *lines.find(grid, guided, model=lines.SINGLE)


# The model applied: what is drawn over the simulated regions, and the real surveys it is shown.
#
# Everything is computed once and kept.

CHILE = data.region_from_box(-75.6, -71.0, -41.5, -33.0, name="chile", title="EMAG2 v3 off Chile")


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
    junction = data.triple_junction(isochrons)
    return {"fracture zones": zones, "isochrons": isochrons, "triple junction": junction}


@functools.cache
def survey(name):
    """Grid, guided map, prediction and lines of a real survey.

    Parameters
    ----------
    name : str
        One of `tracks.SURVEYS`.

    Returns
    -------
    tuple or None
        Grid, guided map, prediction (Datasets) and lines; None where the files cannot be had.
    """
    about = tracks.SURVEYS[name]
    if None in [data.try_fetch(file) for file in about.files]:
        return None
    grid = gridding.grid_tracks(tracks.load_survey(name), about.region, about.spacing_km)
    return _seen(grid)


@functools.cache
def chile(spacing_km=6.0):
    """Show the sea of the picture of EMAG2 v3 off Chile to the model.

    Parameters
    ----------
    spacing_km : float
        Side of the cells.  The network knows stripes a few cells wide; those of this map are
        smooth and wide, so that they suit it in larger cells than those of tracks.

    Returns
    -------
    tuple or None
        As `survey`.
    """
    if data.try_fetch(CHILE_FILE) is None:
        return None
    map_ = gridding.on_map(chile_picture(), CHILE, spacing_km)
    sea = ocean(map_, CHILE)
    for name in ("anomaly", "block"):
        map_[name] = map_[name].where(sea)
    map_["weight"] = map_["weight"].where(sea, 0)
    return _seen(map_)


def _seen(grid):
    """Diffuse a grid and show it to the network that is for real data."""
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return grid, guided, *lines.find(grid, guided, model=lines.SINGLE)


GUIDED = ("guided", "both")  # the inputs that need guided diffusion


def input_stack(grid, name, guided=None):
    """Stack the channels of one of the inputs.

    Parameters
    ----------
    grid : xarray.Dataset, shape (n, m)
        From `gridding.grid_tracks` or `gridding.grid_points`.
    name : str
        One of `INPUTS`.
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
    """Turn a gridded dataset into the map of one of the inputs.

    Parameters
    ----------
    grid : xarray.Dataset
        From `gridding.grid_tracks` or `gridding.grid_points`.
    name : str
        ``raw`` (linear interpolation), ``classical`` (that grid diffused), ``guided`` or ``both``.

    Returns
    -------
    xarray.DataArray
        Anomaly (nT) on the cells of `grid`.

    Raises
    ------
    ValueError
        If `name` is none of `INPUTS`.
    """
    if name == "raw":
        return grid["anomaly"]
    if name == "classical":
        return diffusion.classical(grid["anomaly"])["anomaly"]
    if name in GUIDED:
        return diffusion.guided(grid["block"], grid["weight"], uncertainty=False)["anomaly"]
    raise ValueError(
        f"There is no input named {name!r}; choose one of {', '.join(_inputs.INPUTS)}."
    )


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
    tuple
        Truth (Dataset), levelled track table (DataFrame) and grid (Dataset).
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
    return truth, table, grid.assign_attrs(source="simulated")


CHILE_FILE = "emag2/emag2v3_chile_34.5S_67.2W.png"
CHILE_CENTRE = (-67.2, -34.467)  # degrees, of the picture
CHILE_CELL_DEG = 2 / 60
CHILE_NT = (-200.0, 200.0)  # grey 0 and grey 254
NO_DATA_GREY = 255


def chile_picture(path=None):
    """Read the picture of EMAG2 v3 off Chile.

    Parameters
    ----------
    path : pathlib.Path, optional
        The picture; by default that of the registry.

    Returns
    -------
    xarray.DataArray
        As `read`; values beyond 200 nT were clipped when the picture was made.

    Raises
    ------
    DataUnavailable
        If the registry cannot give it.
    """
    from PIL import Image

    with Image.open(path or data.fetch(CHILE_FILE)) as picture:
        grey = np.asarray(picture.convert("L"))[::-1].astype(float)
    low, high = CHILE_NT
    value = np.where(grey == NO_DATA_GREY, np.nan, low + grey / 254 * (high - low))
    x, y = (
        centre + (np.arange(size) - (size - 1) / 2) * CHILE_CELL_DEG
        for centre, size in zip(CHILE_CENTRE, value.shape[::-1], strict=True)
    )
    return _read_grid.as_grid(value, x, y, "EPSG:4326").assign_attrs(units="nT")


def ocean(map_, region):
    """Tell which cells of a map are sea, by Natural Earth's land at 1:50 million.

    Parameters
    ----------
    map_ : xarray.Dataset
        From `on_map`.
    region : helpers.data.Region
        Its region.

    Returns
    -------
    xarray.DataArray of bool
    """
    import geopandas
    from rasterio.features import geometry_mask
    from rasterio.transform import from_origin

    folder = _registry.DATA / "natural_earth" / "shapefiles" / "natural_earth" / "physical"
    box = (region.west - 1, region.south - 1, region.east + 1, region.north + 1)
    land = geopandas.read_file(folder / "ne_50m_land.shp", bbox=box).clip(box).to_crs(region.crs)
    spacing = float(map_.attrs["spacing_km"])
    west, north = float(map_.easting[0]) - spacing / 2, float(map_.northing[-1]) + spacing / 2
    corner = from_origin(west, north, spacing, spacing)
    shape = map_["anomaly"].shape
    sea = geometry_mask(land.geometry, shape, corner) if len(land) else np.ones(shape, bool)
    return map_["anomaly"].copy(data=sea[::-1])


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
    truth, _, grid, guided = tested(name, coverage)
    windows = _test_windows(name, most)
    near = network.knowable(grid)
    made = {"label": [truth["label"].sel(each).to_numpy() for each in windows]}
    made |= {"mask": [near.sel(each).to_numpy() for each in windows]}
    made |= {"seen": {}, "probability": {}, "threshold": {}}
    inputs = dict.fromkeys(GUIDED, as_seen(grid, "both", guided))
    for each in names:
        model = network.load(each)
        kind = model.record["input"]
        if kind not in inputs:
            inputs[kind] = grid.assign(anomaly=make_map(grid, kind))
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
