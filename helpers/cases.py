"""What several figures and notebooks show: computed once and kept.

Simulated regions under simulated cruises, and the real cruises over the Pacific-Antarctic Ridge.
"""

import functools

from . import data, diffusion, gridding, lines, network, patches, protocol, seafloor, tracks

COVERAGE = 0.1  # share of cells on simulated tracks in the figures
SEED = 213  # of the cruises: others than those of training and test
CRUISES = ("nbp9707", "nbp97-4a", "nbp9908")
BEST = "ensemble_both"
SINGLE = "transfer_both"  # the best of its members: for real cruises, and to fine-tune
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
    return _diffused(*patches.region_grid(name, coverage, SEED))


@functools.cache
def tested(name, coverage=COVERAGE):
    """As `simulated`, for the map that `make train` scores: another seafloor, other cruises."""
    seeds = protocol.CRUISE_SEED["test"], 1.0, protocol.FLOOR_SEED["test"]
    return _diffused(*patches.region_grid(name, coverage, *seeds))


def _diffused(truth, table, grid):
    """Add the guided map to what `patches.region_grid` gives."""
    return truth, table, grid, diffusion.guided(grid["block"], grid["weight"])


def test_window(name, cells=patches.SIZE, number=0):
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
        first += (patches.SIZE - cells) // 2
        centres = truth[axis].to_numpy()[first : first + cells]
        window[axis] = slice(float(centres[0]), float(centres[-1]))
    return window


@functools.cache
def detected(name):
    """Prediction of the best model on the guided map of a simulated region, and its lines."""
    _, _, grid, guided = simulated(name)
    return detect(grid, guided)


def threshold():
    """Probability from which the best shipped model takes a cell as line."""
    return network.load(BEST).record["threshold"]


def detect(grid, guided, fracture_zones=None, model=BEST):
    """Apply a shipped model to a guided map, blank beyond `patches.KNOWABLE_KM`.

    Parameters
    ----------
    grid, guided : xarray.Dataset
        From `gridding.grid_tracks` and `diffusion.guided`.
    fracture_zones : geopandas.GeoDataFrame, optional
        Lines are cut there.
    model : str
        One of ``data/models/models.json``.

    Returns
    -------
    tuple
        Prediction (Dataset; with anomaly and strike of the guided map and the distance to data)
        and lines (GeoDataFrame).
    """
    model = network.load(model)
    near = patches.knowable(grid)
    prediction = network.predict(model, grid, near, guided=guided)
    prediction = prediction.assign(anomaly=guided["anomaly"], distance_km=grid["distance_km"])
    if "strike_deg" not in prediction:
        prediction["strike_deg"] = guided["strike_deg"]
    prediction = prediction.where(near).assign_attrs(grid.attrs)
    return prediction, lines.trace(prediction, model.record["threshold"], fracture_zones)


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
    return grid, guided, *detect(grid, guided, model=SINGLE)
