"""Trials of guided diffusion: beside linear and classical, on fields with stripes and without.

Each trial is made anew where it is called and none returns a stored number.
"""

import numpy as np
import pandas as pd

from . import (
    diffusion,
    evidence,
    interpolation,
    pyramid,
    restoration,
    specimens,
    views,
)


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


def withheld(grid, integration_cells=24.0, across=0.001):
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
    first = (restoration.FIRST_SMOOTHING, integration_cells, across)
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
    halves = evidence.halve(values, weight, None, levels)
    return along, best, evidence.weigh(halves, levels[0], tensor, None, across)


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


def added_seamounts(grid, truth, height_nt, size_km, apart_km=120.0):
    """Add round anomalies to the readings, far from each other; see what they add to each map.

    Parameters
    ----------
    grid, truth : xarray.Dataset
        Grid of the readings, simulated truth with ``strike_deg``.
    height_nt, size_km : float
        Height and standard deviation of the Gaussians that are added.
    apart_km : float
        Distance between neighbours; each is looked at within half of it.

    Returns
    -------
    pandas.DataFrame
        A row for each method, and ``told``, guided diffusion that knows the cells of the seamounts
        (within 2.5 standard deviations): means over the seamounts of the size (standard deviation,
        km) ``along_km`` and ``across_km`` strike of what is added and of its ``highest_nt``, and
        ``error``, that of all that is added relative to what should be.
    """
    north, east = (grid[axis] - grid[axis].mean() for axis in ("northing", "easting"))
    counts = [int((float(axis.max()) - apart_km / 2) // apart_km) for axis in (north, east)]
    rows, columns = (apart_km * np.arange(-count, count + 1) for count in counts)
    places = [(north - y, east - x) for y in rows for x in columns]
    height = sum(np.exp(-(y**2 + x**2) / (2 * size_km**2)) for y, x in places)
    known = (height > np.exp(-0.5 * 2.5**2)).to_numpy()
    maps = []
    for each in (grid, grid.assign(block=grid["block"] + height_nt * height)):
        linear = interpolation.interpolate(each["block"].to_numpy(), "linear")
        made = restore(each.assign(anomaly=height.copy(data=linear)))
        told = diffusion.guided(each["block"], each["weight"], uncertainty=False, seamount=known)
        maps.append(made | {"told": told})
    rows = {}
    for name in maps[0]:
        added = maps[1][name]["anomaly"] - maps[0][name]["anomaly"]
        sizes = [_size(added, truth, *place, apart_km / 2) for place in places]
        wrong = float((added - height_nt * height).std() / (height_nt * height).std())
        rows[name] = [*np.nanmean(sizes, axis=0), wrong]
    return pd.DataFrame(rows, index=["along_km", "across_km", "highest_nt", "error"]).T


def _size(added, truth, north, east, within_km):
    """Size along and across strike (km) of what is added around one place, and its height (nT)."""
    square = north**2 + east**2
    middle = np.unravel_index(np.argmin(square.to_numpy()), square.shape)
    azimuth = np.radians(float(truth["strike_deg"][middle]))
    along = north * np.cos(azimuth) + east * np.sin(azimuth)
    across = np.sqrt(np.maximum(square - along**2, 0))
    added = added.where(square < within_km**2)
    share = np.abs(added) / np.abs(added).sum()
    sizes = [float(np.sqrt((share * distance**2).sum())) for distance in (along, across)]
    return [*sizes, float(added.max())]


def hard_cases(cells, coverage, seeds):
    """Try the methods where a direction misleads: bends, offsets, crossing strikes, a seamount.

    Parameters
    ----------
    cells : int
        Side of the maps.
    coverage : float
        Share of cells on tracks.
    seeds : iterable of int
        One set of ships each.

    Returns
    -------
    pandas.DataFrame
        Mean correlation with the truth where the difficulty lies: a row for each case of
        `specimens.hard_cases`, columns the methods; ``told`` is guided diffusion that was given
        the strike, the fracture zone or the seamount where one is known, NaN elsewhere.
    """
    rows = {}
    for name, case in specimens.hard_cases(cells).items():
        found = []
        for seed in seeds:
            grid = specimens.survey(case.field, np.random.default_rng(seed), coverage)
            maps = {"linear": grid, "isotropic": diffusion.isotropic(grid["anomaly"])}
            maps |= restore(grid)
            if case.known:
                told = diffusion.guided(
                    grid["block"], grid["weight"], uncertainty=False, **case.known
                )
                maps["told"] = told
            found.append(correlations(maps, grid["truth"].where(case.where)))
        rows[name] = pd.DataFrame(found).mean()
    return pd.DataFrame(rows).T
