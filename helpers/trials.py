"""Trials of guided diffusion: beside linear and classical, on fields with stripes and without.

Each trial is made anew where it is called and none returns a stored number.
"""

import functools

import numpy as np
import pandas as pd

from . import (
    crossvalidation,
    data,
    diffusion,
    evidence,
    gridding,
    interpolation,
    levelling,
    pyramid,
    seafloor,
    ships,
    specimens,
    surveys,
    views,
)

_truth = functools.lru_cache(maxsize=2)(seafloor.simulate_region)


def restore(grid):
    """Make the three maps that the workbook compares.

    Parameters
    ----------
    grid : xarray.Dataset
        From `gridding.grid_tracks`.

    Returns
    -------
    dict of str to xarray.Dataset
        ``linear`` (the grid itself), ``classical`` and ``guided``, each with ``anomaly`` (nT).
    """
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return {"linear": grid, "classical": diffusion.classical(grid["anomaly"]), "guided": guided}


def correlations(maps, truth):
    """Correlate maps with the truth on the cells that all of them fill.

    Parameters
    ----------
    maps : dict of str to xarray.Dataset
        With ``anomaly`` (nT).
    truth : xarray.DataArray
        The simulated truth (nT).

    Returns
    -------
    dict of str to float
    """
    for result in maps.values():
        truth = truth.where(result["anomaly"].notnull())
    return {name: views.agreement(result["anomaly"], truth) for name, result in maps.items()}


def strike_errors(result, truth):
    """Error of a strike where the simulated seafloor has stripes.

    Parameters
    ----------
    result, truth : xarray.Dataset
        With ``strike_deg`` (0 to 180); the truth also with ``lineated``.

    Returns
    -------
    xarray.DataArray
        Degrees, 0 to 90; NaN where there are no stripes.
    """
    wrong = np.abs((result["strike_deg"] - truth["strike_deg"] + 90) % 180 - 90)
    return wrong.where(truth["lineated"] == 1)


def region_survey(name, coverage, seed):
    """Send cruises over a simulated region, level and grid them, as `patches.region_grid` does.

    Parameters
    ----------
    name, coverage, seed
        As in `patches.region_grid`.

    Returns
    -------
    tuple of xarray.Dataset
        Truth, and the grid without ``uncertainty_nt``.
    """
    truth, region = _truth(name), data.region(name)
    table = ships.cruise_over(truth, region, np.random.default_rng(seed), coverage)
    return truth, _grid(levelling.level(table, region)[0], region, truth)


def withheld(grid, integration_cells=24.0, across=0.003):
    """Predict half of the readings from the other half, along strike and by plates.

    Much as `evidence.weigh` does it, but on the fine cells.

    Parameters
    ----------
    grid : xarray.Dataset
        With ``block`` (nT) and ``weight``.
    integration_cells, across : float
        As in `diffusion.guided`.

    Returns
    -------
    tuple
        Root mean square errors (nT) along strike by smoothing (dict), that of the best plate,
        and the `evidence.Evidence` that guided diffusion goes by.
    """
    values, weight = (grid[name].to_numpy() for name in ("block", "weight"))
    levels = pyramid.build(values, weight)[1:]
    first = (diffusion.FIRST_SMOOTHING, integration_cells, across)
    _, tensor = pyramid.along_strike(levels, *first, reestimations=6)
    row, column = np.indices(values.shape) // evidence.TILE_CELLS
    out = (row + column) % 2 == 1
    half = pyramid.build(values, np.where(out, 0, weight))

    def error(field):
        return float(np.sqrt(np.nanmean((field - values)[out] ** 2)))

    along = {
        smoothing: error(pyramid.along_known(half, tensor, smoothing, across))
        for smoothing in evidence.SMOOTHINGS
    }
    best = min(error(pyramid.plate(half, *choice)) for choice in evidence.PLATES)
    return along, best, evidence.weigh(values, weight, None, levels, tensor, None, across)


def without_stripes(make, cells, coverage, seeds):
    """Try the methods on fields that have no stripes.

    Parameters
    ----------
    make : callable
        ``make(cells, rng)``, such as `specimens.blobs`.
    cells : int
        Side of the maps.
    coverage : float
        Share of cells on tracks.
    seeds : iterable of int
        One map each.

    Returns
    -------
    pandas.DataFrame
        A row for each map: correlations ``linear``, ``classical`` and ``guided``; coherences
        ``classical coherence`` and ``guided coherence``.
    """
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        grid = specimens.survey(make(cells, rng), rng, coverage)
        maps = restore(grid)
        rows.append(correlations(maps, grid["truth"]))
        for name in ("classical", "guided"):
            rows[-1][f"{name} coherence"] = float(maps[name]["coherence"].mean())
    return pd.DataFrame(rows)


def added_seamount(grid, truth, guided, height_nt, size_km, around_km=80.0):
    """Add a round anomaly to the readings in the middle of a map; see what it adds to the map.

    Parameters
    ----------
    grid, truth, guided : xarray.Dataset
        Grid of the readings, simulated truth with ``strike_deg``, guided map of the readings.
    height_nt, size_km : float
        Height and standard deviation of the Gaussian that is added.
    around_km : float
        How far from the middle to look.

    Returns
    -------
    tuple
        What is added to the map (DataArray, nT) and its size (standard deviation, km) ``along``
        and ``across`` strike, a dict.
    """
    north, east = (grid[axis] - grid[axis].mean() for axis in ("northing", "easting"))
    square = north**2 + east**2
    mount = height_nt * np.exp(-square / (2 * size_km**2))
    raised = diffusion.guided(grid["block"] + mount, grid["weight"], uncertainty=False)
    added = (raised["anomaly"] - guided["anomaly"]).where(square < around_km**2)
    middle = truth["strike_deg"][tuple(size // 2 for size in square.shape)]
    azimuth = np.radians(float(middle))
    distance = {
        "along": north * np.cos(azimuth) + east * np.sin(azimuth),
        "across": north * np.sin(azimuth) - east * np.cos(azimuth),
    }
    share = np.abs(added) / np.abs(added).sum()
    return added, {name: float(np.sqrt((share * d**2).sum())) for name, d in distance.items()}


def cruise_constants(name, coverage, seed):
    """Solve for constants of the cruises with the field, levelled before or not.

    Parameters
    ----------
    name, coverage, seed
        As in `patches.region_grid`.

    Returns
    -------
    pandas.DataFrame
        Correlations with the truth; rows ``as read`` and ``levelled``, columns ``field alone``
        and ``with constants``.
    """
    truth, region = _truth(name), data.region(name)
    table = ships.cruise_over(truth, region, np.random.default_rng(seed), coverage)
    rows = {}
    for row, read in {"as read": table, "levelled": levelling.level(table, region)[0]}.items():
        grid = _grid(read, region, truth)
        known = {"field alone": None, "with constants": cruise_cells(read, region, grid)}
        maps = {
            column: diffusion.guided(
                grid["block"], grid["weight"], uncertainty=False, cruise=cruise
            )
            for column, cruise in known.items()
        }
        rows[row] = correlations(maps, truth["anomaly"])
    return pd.DataFrame(rows).T


def cruise_cells(table, region, grid):
    """Find which cruise read the field in each cell.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``longitude`` and ``latitude``.
    region : helpers.data.Region
        Gives the projection.
    grid : xarray.Dataset
        From `gridding.grid_tracks`.

    Returns
    -------
    numpy.ndarray of int, shape (northing, easting)
        Number of the cruise in order of appearance, -1 off the tracks; where several cruises
        share a cell, that of the last reading.
    """
    number = np.full(grid["block"].shape, -1)
    place = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    column, row = (
        np.rint((where - float(grid[axis][0])) / float(grid[axis][1] - grid[axis][0])).astype(int)
        for where, axis in zip(place, ("easting", "northing"), strict=True)
    )
    inside = (row >= 0) & (row < number.shape[0]) & (column >= 0) & (column < number.shape[1])
    number[row[inside], column[inside]] = pd.factorize(table["cruise"])[0][inside]
    return np.where(grid["block"].notnull(), number, -1)


def real_surveys():
    """Leave tiles of the real surveys out and predict them, by each method.

    Returns
    -------
    pandas.DataFrame
        Root mean square errors (nT): a row for each survey that can be had, columns the methods.
    """

    def linear(block):
        return interpolation.interpolate(block, "linear")

    methods = {
        "linear": linear,
        "classical": lambda block: diffusion.classical(linear(block))["anomaly"],
        "guided": lambda block: diffusion.guided(block, uncertainty=False)["anomaly"],
    }
    rows = {}
    for name, table in surveys.load_all().items():
        survey = surveys.SURVEYS[name]
        place = (survey.region, survey.spacing_km)
        errors = crossvalidation.cross_validate(table, *place, methods)
        rows[survey.title] = crossvalidation.pooled(errors)["rms_nt"]
    return pd.DataFrame(rows, index=list(methods)).T


def _grid(table, region, truth):
    """Grid a table on the cells of a simulated region, without the expected error."""
    place = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    axes = (truth["northing"].to_numpy(), truth["easting"].to_numpy())
    return gridding.grid_points(*place, table["residual_nt"].to_numpy(), *axes, uncertainty=False)
