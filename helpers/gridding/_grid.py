"""From a track table to a grid that knows how far it is from data.

The steps are the usual ones of marine geophysics: project, take the median of each cell that a
ship crossed, interpolate, and say how much the interpolation can be trusted.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.interpolate import interpn

from .. import _shared
from . import _gridders

NOISE_NT = 10.0  # error of one crossing of a cell: instrument, diurnal variation, navigation
SLOPE_NT_KM = 30.0  # usual slope of the field inside a cell
TILE_CELLS = 24  # side of the tiles that are left out to measure the interpolation error
TILE_FOLDS = 4  # a quarter of the tiles is left out at a time
SPACINGS_KM = (2.0, 1.0, 0.5, 0.25)  # sides of cells that are chosen among
CELLS_APART, FITS = 6.0, 1.5  # of these between lines, and how much larger a cell may be
BESIDE_KM = 10.0  # belongs to a line; and the longest step between its readings
WIDE_KM = 500.0  # side of a region whose area is told in cells of 4 km
LEAST_SHARED = 20  # cells shared by cruises; fewer do not tell the error on the tracks


class Cells(NamedTuple):
    """What the readings of each cell say, as grids; NaN and 0 in cells without readings.

    The scatter is that about a plane, which stands for the slope of the field inside the cell
    and is no error of the readings; of a single reading it is NaN.
    """

    block: np.ndarray  # median (nT)
    spread: np.ndarray  # standard deviation about the plane (nT)
    count: np.ndarray


def choose_spacing(table, region):
    """Choose cells that suit a survey: about a sixth of the distance between its lines.

    Stripes are some cells wide then, and the gap between lines is one that can be bridged.  Cells
    of 2 km, in which the networks learnt, are the largest: lone tracks tell no more in larger ones.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``longitude`` and ``latitude`` (degrees), in the order sailed.
    region : helpers.data.Region
        Gives the projection and the bounds.

    Returns
    -------
    float
        Side of a cell (km), one of `SPACINGS_KM`.

    Raises
    ------
    ValueError
        If no reading lies in the region.

    Notes
    -----
    The distance between lines is the area within `BESIDE_KM` of readings over the length of the
    tracks; passages of a cruise that are farther apart than that are not joined.

    Examples
    --------
    A ship goes up and down on lines 3 km apart:

    >>> import pandas as pd
    >>> from helpers import data, gridding
    >>> region = data.region_from_box(-30.5, -30.0, 38.0, 38.5)
    >>> lat = np.concatenate([np.linspace(38, 38.5, 50)[:: (-1) ** k] for k in range(10)])
    >>> lon = np.repeat(-30.5 + 0.034 * np.arange(10), 50)
    >>> table = pd.DataFrame({"cruise": "a", "longitude": lon, "latitude": lat})
    >>> gridding.choose_spacing(table, region)
    0.5
    """
    x, y = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    across = np.ptp(np.concatenate(region.outline()))
    northing, easting = region.grid_coords(1.0 if across < WIDE_KM else 4.0)
    row, column = np.rint(_shared.cell_of(x, y, easting, northing)).astype(int)
    inside = (row >= 0) & (row < northing.size) & (column >= 0) & (column < easting.size)
    if not inside.any():
        raise ValueError(f"None of the {len(table):,} readings lies in the region; give another.")
    free = np.ones((northing.size, easting.size), bool)
    free[row[inside], column[inside]] = False
    cell_km = float(easting[1] - easting[0])
    area = np.sum(ndimage.distance_transform_edt(free) * cell_km <= BESIDE_KM) * cell_km**2
    step = np.hypot(np.diff(x), np.diff(y))
    of_one = (table["cruise"].to_numpy()[1:] == table["cruise"].to_numpy()[:-1]) & inside[1:]
    length = step[of_one & inside[:-1] & (step <= BESIDE_KM)].sum()
    wanted = area / max(length, cell_km) / CELLS_APART
    return next((km for km in SPACINGS_KM if km <= FITS * wanted), SPACINGS_KM[-1])


def grid_tracks(table, region, spacing_km=2.0, method="linear", mask_km=None, uncertainty=True):
    """Grid a track table in the projection of a region.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``longitude``, ``latitude`` (degrees) and ``residual_nt`` (nT); a column
        ``cruise``, where there is one, tells how well cruises agree in the cells they share.
    region : helpers.data.Region
        Gives the projection and the bounds.
    spacing_km : float
        Side of the square cells.
    method : str
        A gridder of `gridding.METHODS`.
    mask_km : float, optional
        Leave ``anomaly`` and ``uncertainty_nt`` blank (NaN) farther from data than this.
    uncertainty : bool
        Also measure the interpolation error (a second interpolation).

    Returns
    -------
    xarray.Dataset
        On dims (northing, easting), in km: ``anomaly`` (interpolated; by the linear gridder NaN
        outside the hull of the data), ``block`` (median of each track cell, NaN elsewhere),
        ``spread_nt`` (scatter of its readings), ``weight`` (0 to 1), ``distance_km`` to the
        nearest data and, where it was asked for, ``uncertainty_nt``.

    Raises
    ------
    ValueError
        If a column is missing, `spacing_km` is not positive, there is no such gridder, or fewer
        than four cells of the region hold a reading.
    """
    missing = {"longitude", "latitude", "residual_nt"} - set(table.columns)
    if missing:
        raise ValueError(
            f"The track table lacks {sorted(missing)}; it has {list(table.columns)}. "
            "Read it with tracks.read_tracks and add the residual with tracks.residual."
        )
    if not spacing_km > 0:
        raise ValueError(f"spacing_km is {spacing_km}; give the side of a cell in km, above 0.")
    northing, easting = region.grid_coords(spacing_km)
    east, north = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    value = table["residual_nt"].to_numpy()
    cruise = table["cruise"].to_numpy() if "cruise" in table else None
    dataset = grid_points(east, north, value, northing, easting, uncertainty, method, cruise)
    if mask_km is not None:
        near = dataset["distance_km"] <= mask_km
        for name in {"anomaly", "uncertainty_nt"} & set(dataset):
            dataset[name] = dataset[name].where(near)
    for name in dataset.data_vars:
        dataset[name].attrs["crs"] = region.crs
    dataset.attrs.update(region=region.name, crs=region.crs, spacing_km=spacing_km)
    return dataset


def grid_points(
    east_km, north_km, value_nt, northing, easting, uncertainty=True, method="linear", cruise=None
):
    """Grid scattered values on given cell centres.

    Parameters
    ----------
    east_km, north_km, value_nt : array_like, shape (n,)
        Projected positions (km) and values (nT); rows with NaN are left out.
    northing, easting : numpy.ndarray, 1-D, ascending and evenly spaced
        Cell centres (km).
    uncertainty : bool
        Also measure the interpolation error (a second interpolation).
    method : str
        A gridder of `gridding.METHODS`.
    cruise : array_like, shape (n,), optional
        Which cruise each value comes from. In cells that cruises share, their disagreement is
        the error on the tracks; without it, or with few such cells, that is 10 nT.

    Returns
    -------
    xarray.Dataset
        As `grid_tracks`; without ``uncertainty_nt`` where it was not asked for.

    Raises
    ------
    ValueError
        If fewer than four cells hold a reading, or there is no such gridder.
    """
    points = _in_cells(east_km, north_km, value_nt, northing, easting, cruise)
    block, spread, count = _medians(points, (len(northing), len(easting)))
    if np.isfinite(block).sum() < 4:
        raise ValueError(
            f"Only {np.isfinite(block).sum()} cells of the region hold a reading; at least 4 are "
            "needed. Check that the tracks cross the region and that residual_nt is filled."
        )
    spacing = float(easting[1] - easting[0])
    distance = ndimage.distance_transform_edt(np.isnan(block))
    anomaly = _gridders.interpolate(block, method)
    layers = {
        "anomaly": (anomaly, "nT", f"magnetic anomaly, gridder {method}"),
        "block": (block, "nT", "magnetic anomaly, median of track cells"),
        "spread_nt": (spread, "nT", "scatter of the readings of a cell"),
        "weight": (_weight(spread, count), "1", "confidence of the track cells"),
        "distance_km": (distance * spacing, "km", "distance to the nearest track cell"),
    }
    if uncertainty:
        error = _interpolation_error(block, distance, method, _on_track_error(points))
        layers["uncertainty_nt"] = (error, "nT", "expected error of the anomaly")
    return _shared.as_dataset(layers, northing, easting)


def block_median(east_km, north_km, value_nt, northing, easting):
    """Median, scatter (nT) and number of the readings in each cell of a grid."""
    points = _in_cells(east_km, north_km, value_nt, northing, easting)
    return _medians(points, (len(northing), len(easting)))


def sample(grid, region, longitude, latitude):
    """Look a grid up at positions, linearly between its cells.

    Parameters
    ----------
    grid : xarray.DataArray
        On (northing, easting), in km of the region's projection.
    region : helpers.data.Region
        Gives the projection.
    longitude, latitude : array_like of one shape
        Positions (degrees).

    Returns
    -------
    numpy.ndarray of that shape
        NaN beyond the grid.
    """
    east, north = region.project(np.asarray(longitude), np.asarray(latitude))
    # as xarray's interp, which loads dask to ask whether the grid is one of its
    axes = grid["northing"].to_numpy(), grid["easting"].to_numpy()
    grid = grid.transpose("northing", "easting").to_numpy()
    return interpn(axes, grid, (north, east), bounds_error=False).reshape(np.shape(east))


def left_out_error(values, used, solve, on_track):
    """Measure the error (nT) of a map in each cell, by leaving out tiles of its data.

    Every fourth tile is withheld, in a slanting pattern, and the map is made again without it; the
    root mean square misfit there is a function of the distance to the data used.

    Parameters
    ----------
    values : numpy.ndarray, shape (n, m)
        Data (nT), where there are any.
    used : numpy.ndarray of bool, shape (n, m)
        Cells with data.
    solve : callable
        From the cells that are kept (bool, shape (n, m)) to the map (nT) made of their data.
    on_track : float
        Error where the map passes through readings (their noise), or smooths them (nT).

    Returns
    -------
    numpy.ndarray or None
        None where too few data could be left out.
    """
    left_out = used & (tile_folds(used.shape) == 0)
    kept = used & ~left_out
    if left_out.sum() < 20 or kept.sum() < 4:
        return None
    misfit = (solve(kept) - values)[left_out]
    distance, kept_distance = (ndimage.distance_transform_edt(~part) for part in (used, kept))
    spread = float(np.std(values[used]))
    return error_by_distance(kept_distance[left_out], misfit, distance, spread, on_track)


def error_by_distance(left_out_distance, misfit, distance, spread, on_track=NOISE_NT):
    """Estimate the error (nT) of cells from the misfit of left-out ones at known distances.

    Distances are in cells. The root mean square misfit is taken in classes of distance and never
    allowed to fall with distance, from `on_track` where the map passes through readings (their
    noise) or smooths them (more); beyond the farthest class it grows to `spread`, the standard
    deviation of the data.
    """
    edges = np.array([0.0, 1.5, 2.5, 4.5, 6.5, 9.5, 13.5, 20.5])
    centres, errors = [0.0], [on_track]
    finite = np.isfinite(misfit)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        chosen = finite & (left_out_distance > low) & (left_out_distance <= high)
        if chosen.sum() >= 10:
            centres.append(float(left_out_distance[chosen].mean()))
            errors.append(float(np.sqrt(np.mean(misfit[chosen] ** 2))))
    centres.append(max(2 * centres[-1], 24.0))
    errors.append(spread)
    return np.interp(distance, centres, np.maximum.accumulate(errors))


def tile_folds(shape):
    """Give each cell the number of its tile, 0 to 3; tiles side by side have different ones."""
    rows, columns = np.indices(shape) // TILE_CELLS
    return (rows + 2 * columns) % TILE_FOLDS


def _in_cells(east_km, north_km, value_nt, northing, easting, cruise=None):
    """Take the readings inside the grid: cell, place in it (km), value (nT) and cruise."""
    spacing = float(easting[1] - easting[0])
    value = np.asarray(value_nt, float)
    place = _shared.cell_of(east_km, north_km, easting, northing)
    row, column = (part + 0.5 for part in place)  # from the edge of the first cell
    good = np.isfinite(value) & np.isfinite(column) & np.isfinite(row)
    good &= (row >= 0) & (row < len(northing)) & (column >= 0) & (column < len(easting))
    row, column = row[good], column[good]
    points = pd.DataFrame(
        {
            "cell": row.astype(int) * len(easting) + column.astype(int),
            "x": (column % 1 - 0.5) * spacing,
            "y": (row % 1 - 0.5) * spacing,
            "value": value[good],
        }
    )
    return points if cruise is None else points.assign(cruise=np.asarray(cruise)[good])


def _medians(points, shape):
    """Take median, spread about a plane and count of each cell, as grids."""
    block, spread = np.full((2, shape[0] * shape[1]), np.nan)
    median = points.groupby("cell")["value"].median()
    block[median.index] = median
    count = np.bincount(points["cell"], minlength=block.size)
    scatter = _scatter_about_plane(points, block.size)
    spread[median.index] = scatter[median.index]
    return Cells(block.reshape(shape), spread.reshape(shape), count.reshape(shape))


def _scatter_about_plane(points, size):
    """Measure how the readings of each cell scatter about a plane through them (nT).

    The slopes are least squares with a prior of `SLOPE_NT_KM`, so that few readings, or readings
    on one line, fix only the slope that they show.
    """
    cell = points["cell"].to_numpy()
    count = np.maximum(np.bincount(cell, minlength=size), 1)

    def total(values):
        return np.bincount(cell, values, size)

    x, y, value = (
        points[name].to_numpy() - (total(points[name]) / count)[cell]
        for name in "x y value".split()
    )
    # normal equations of the plane, the prior on their diagonal
    prior = (NOISE_NT / SLOPE_NT_KM) ** 2
    xx, yy, xy = total(x * x) + prior, total(y * y) + prior, total(x * y)
    xv, yv = total(x * value), total(y * value)
    area = xx * yy - xy**2
    along_x, along_y = (yy * xv - xy * yv) / area, (xx * yv - xy * xv) / area
    left = value - along_x[cell] * x - along_y[cell] * y
    spent = 3 - prior * (xx + yy) / area  # degrees of freedom of the mean and the two slopes
    free = count - spent
    return np.sqrt(np.where(free > 0.5, total(left**2) / np.maximum(free, 0.5), np.nan))


def _on_track_error(points):
    """Error of one cruise in one cell (nT), from the cells that several cruises share."""
    if "cruise" not in points:
        return NOISE_NT
    medians = points.groupby(["cell", "cruise"], observed=True)["value"].median()
    cell = medians.groupby("cell")
    number = cell.transform("size")
    off = (medians - cell.transform("mean")) * np.sqrt(number / (number - 1).clip(lower=1))
    shared = off[number > 1]
    return float(np.sqrt((shared**2).mean())) if len(shared) >= 2 * LEAST_SHARED else NOISE_NT


def _interpolation_error(block, distance, method, on_track):
    """Error of the interpolation (nT), measured on tiles that were left out."""
    used = np.isfinite(block)

    def solve(kept):
        return _gridders.interpolate(np.where(kept, block, np.nan), method)

    error = left_out_error(block, used, solve, on_track)
    if error is None:
        return np.interp(distance, [0.0, 24.0], [on_track, max(np.std(block[used]), on_track)])
    return error


def _weight(spread, count):
    """Confidence: 1 for a quiet cell, less where readings in one cell disagree."""
    error = np.nan_to_num(spread / np.sqrt(np.maximum(count, 1)))
    return np.where(count > 0, 1 / (1 + (error / NOISE_NT) ** 2), 0.0)
