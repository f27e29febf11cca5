"""From a track table to a grid that knows how far it is from data.

The steps are the usual ones of marine geophysics: project, take the median of each cell that a
ship crossed, interpolate, and say how much the interpolation can be trusted.
"""

import numba
import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.spatial import Delaunay

NOISE_NT = 10.0  # error of one crossing of a cell: instrument, diurnal variation, navigation
TILE_CELLS = 24  # side of the tiles that are left out to measure the interpolation error


def grid_tracks(table, region, spacing_km=2.0):
    """Grid a track table in the projection of a region.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``longitude``, ``latitude`` (degrees) and ``residual_nt`` (nT).
    region : helpers.data.Region
        Gives the projection and the bounds.
    spacing_km : float
        Side of the square cells.

    Returns
    -------
    xarray.Dataset
        On dims (northing, easting), in km: ``anomaly`` (linear interpolation, NaN outside the
        hull of the data), ``block`` (median of each track cell, NaN elsewhere), ``weight``
        (0 to 1), ``distance_km`` to the nearest data and ``uncertainty_nt``.

    Raises
    ------
    ValueError
        If a column is missing, `spacing_km` is not positive, or fewer than four cells of the
        region hold a reading.
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
    dataset = grid_points(east, north, table["residual_nt"].to_numpy(), northing, easting)
    for name in dataset.data_vars:
        dataset[name].attrs["crs"] = region.crs
    dataset.attrs.update(region=region.name, crs=region.crs, spacing_km=spacing_km)
    return dataset


def grid_points(east_km, north_km, value_nt, northing, easting, uncertainty=True):
    """Grid scattered values on given cell centres.

    Parameters
    ----------
    east_km, north_km, value_nt : array_like, shape (n,)
        Projected positions (km) and values (nT); rows with NaN are left out.
    northing, easting : numpy.ndarray, 1-D, ascending and evenly spaced
        Cell centres (km).
    uncertainty : bool
        Also measure the interpolation error (a second interpolation).

    Returns
    -------
    xarray.Dataset
        As `grid_tracks`; without ``uncertainty_nt`` where it was not asked for.

    Raises
    ------
    ValueError
        If fewer than four cells hold a reading.
    """
    block, spread, count = block_median(east_km, north_km, value_nt, northing, easting)
    if np.isfinite(block).sum() < 4:
        raise ValueError(
            f"Only {np.isfinite(block).sum()} cells of the region hold a reading; at least 4 are "
            "needed. Check that the tracks cross the region and that residual_nt is filled."
        )
    spacing = float(easting[1] - easting[0])
    distance = ndimage.distance_transform_edt(np.isnan(block))
    anomaly = interpolate(block)
    layers = {
        "anomaly": (anomaly, "nT", "magnetic anomaly, linear interpolation"),
        "block": (block, "nT", "magnetic anomaly, median of track cells"),
        "weight": (_weight(block, spread, count), "1", "confidence of the track cells"),
        "distance_km": (distance * spacing, "km", "distance to the nearest track cell"),
    }
    if uncertainty:
        error = _left_out_error(block, distance)
        layers["uncertainty_nt"] = (error, "nT", "expected interpolation error")
    coords = {"northing": northing, "easting": easting}
    dataset = xr.Dataset(
        {
            name: (("northing", "easting"), values.astype("float32"), _attrs(units, text))
            for name, (values, units, text) in layers.items()
        },
        coords,
    )
    for name, text in (("northing", "northing"), ("easting", "easting")):
        dataset[name].attrs.update(units="km", long_name=text)
    return dataset


def block_median(east_km, north_km, value_nt, northing, easting):
    """Median, robust spread and number of the readings in each cell.

    Parameters
    ----------
    east_km, north_km, value_nt : array_like, shape (n,)
        Projected positions (km) and values (nT).
    northing, easting : numpy.ndarray, 1-D
        Cell centres (km), ascending and evenly spaced.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (len(northing), len(easting))
        Median (nT), 1.4826 times the median absolute deviation (nT), count; NaN, NaN and 0
        in cells without readings.
    """
    shape = (len(northing), len(easting))
    spacing = float(easting[1] - easting[0])
    value = np.asarray(value_nt, float)
    column = (np.asarray(east_km, float) - easting[0]) / spacing + 0.5
    row = (np.asarray(north_km, float) - northing[0]) / spacing + 0.5
    good = np.isfinite(value) & np.isfinite(column) & np.isfinite(row)
    good &= (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    cell = row[good].astype(int) * shape[1] + column[good].astype(int)
    value = value[good]
    block, spread = np.full((2, shape[0] * shape[1]), np.nan)
    count = np.bincount(cell, minlength=block.size)
    median = pd.Series(value).groupby(cell).median()
    block[median.index] = median
    deviation = pd.Series(np.abs(value - block[cell])).groupby(cell).median()
    spread[deviation.index] = 1.4826 * deviation
    return block.reshape(shape), spread.reshape(shape), count.reshape(shape)


def interpolate(block):
    """Fill the gaps between track cells by linear interpolation on Delaunay triangles.

    Each triangle is filled in turn, in time proportional to the cells.  The usual way, to look
    up the triangle of each cell (scipy's LinearNDInterpolator, under verde.Linear), can take
    minutes on track cells, whose exact lattice makes flat triangles.

    Parameters
    ----------
    block : numpy.ndarray, shape (n, m)
        Values on track cells, NaN elsewhere.

    Returns
    -------
    numpy.ndarray, shape (n, m)
        The track cells as they were, triangles between them, NaN outside their hull.
    """
    rows, columns = np.nonzero(np.isfinite(block))
    if np.ptp(rows) == 0 or np.ptp(columns) == 0 or _collinear(rows, columns):
        return block.copy()  # a single straight track spans no triangle
    points = np.column_stack([rows, columns])
    triangles = Delaunay(points).simplices
    filled = _fill_triangles(points[triangles], block[rows, columns][triangles], block.shape)
    return np.where(np.isfinite(block), block, filled)


def error_by_distance(left_out_distance, misfit, distance, spread, on_track=NOISE_NT):
    """Estimate the error of each cell from the misfit of left-out cells at known distances.

    The root mean square misfit is taken in classes of distance and never allowed to fall with
    distance; beyond the farthest class it grows to the spread of the data.

    Parameters
    ----------
    left_out_distance, misfit : numpy.ndarray, shape (n,)
        Distance to the nearest cell that was used (cells) and predicted minus observed (nT).
    distance : numpy.ndarray, any shape
        Distance to data of the cells wanted (cells).
    spread : float
        Standard deviation of the data (nT): the error where nothing is known.
    on_track : float
        Error of the cells that were used (nT): the noise of the readings where the map passes
        through them, more where it smooths them.

    Returns
    -------
    numpy.ndarray, shape of `distance`
        Expected error (nT), at least `on_track`.
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


def leave_out_tiles(used):
    """Choose every fourth tile of the track cells, in a slanting pattern.

    Parameters
    ----------
    used : numpy.ndarray of bool, shape (n, m)
        Cells with data.

    Returns
    -------
    numpy.ndarray of bool, shape (n, m)
        The cells to withhold; tiles are `TILE_CELLS` wide.
    """
    rows, columns = np.indices(used.shape) // TILE_CELLS
    return used & ((rows + 2 * columns) % 4 == 0)


def _left_out_error(block, distance):
    """Error of the linear interpolation (nT), measured on tiles that were left out."""
    used = np.isfinite(block)
    left_out = leave_out_tiles(used)
    spread = float(np.std(block[used]))
    kept = np.where(left_out, np.nan, block)
    if left_out.sum() < 20 or np.isfinite(kept).sum() < 4:
        return np.interp(distance, [0.0, 24.0], [NOISE_NT, max(spread, NOISE_NT)])
    misfit = (interpolate(kept) - block)[left_out]
    kept_distance = ndimage.distance_transform_edt(np.isnan(kept))[left_out]
    return error_by_distance(kept_distance, misfit, distance, spread)


def _weight(block, spread, count):
    """Confidence: 1 for a quiet cell, less where readings in one cell disagree."""
    quiet = np.nan_to_num(spread / np.sqrt(np.maximum(count, 1)))
    return np.where(np.isfinite(block), 1 / (1 + (quiet / NOISE_NT) ** 2), 0.0)


@numba.njit(cache=True)
def _fill_triangles(corners, values, shape):
    """Interpolate inside triangles; corners (n, 3, 2) in rows and columns, values (n, 3)."""
    filled = np.full(shape, np.nan)
    for n in range(len(corners)):
        (r0, c0), (r1, c1), (r2, c2) = corners[n]
        area = (r1 - r0) * (c2 - c0) - (r2 - r0) * (c1 - c0)
        if area == 0:
            continue
        for row in range(min(r0, r1, r2), max(r0, r1, r2) + 1):
            for column in range(min(c0, c1, c2), max(c0, c1, c2) + 1):
                second = ((row - r0) * (c2 - c0) - (r2 - r0) * (column - c0)) / area
                third = ((r1 - r0) * (column - c0) - (row - r0) * (c1 - c0)) / area
                first = 1.0 - second - third
                if first >= -1e-12 and second >= -1e-12 and third >= -1e-12:
                    filled[row, column] = (
                        first * values[n, 0] + second * values[n, 1] + third * values[n, 2]
                    )
    return filled


def _collinear(rows, columns):
    """Whether all cells lie on one straight line."""
    points = np.column_stack([rows - rows.mean(), columns - columns.mean()])
    return np.linalg.matrix_rank(points) < 2


def _attrs(units, long_name):
    return {"units": units, "long_name": long_name}
