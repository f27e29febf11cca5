"""From probability to lines: thin, trace, measure and write for a GIS."""

from pathlib import Path

import geopandas
import numpy as np
from scipy import ndimage
from shapely.geometry import LineString
from skimage.morphology import skeletonize

NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
DRIVERS = {".geojson": "GeoJSON", ".gpkg": "GPKG"}


def trace(prediction, threshold=0.5, shortest_km=20.0):
    """Turn a probability map into lines.

    The cells above the threshold are thinned to one cell, cut where lines meet, and every piece
    is followed from end to end and smoothed over five cells.

    Parameters
    ----------
    prediction : xarray.Dataset
        ``probability`` on (northing, easting) in km, with ``uncertainty`` if there is one; the
        attribute ``crs`` (PROJ) of the dataset or of ``probability`` gives the projection.
    threshold : float
        Probability from which a cell is taken as line.
    shortest_km : float
        Shorter lines are left out.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a line: ``length_km``, ``strike_deg`` (clockwise from north, 0 to 180),
        ``probability`` and ``uncertainty`` (means along it, NaN where not given), ``geometry``.

    Raises
    ------
    ValueError
        If there is no ``probability`` or no ``crs``.
    """
    if "probability" not in prediction:
        raise ValueError(
            f"The prediction holds {list(prediction.data_vars)}; `probability` is expected, as "
            "network.predict returns it."
        )
    probability = prediction["probability"]
    crs = prediction.attrs.get("crs", probability.attrs.get("crs"))
    if crs is None:
        raise ValueError("The prediction has no attribute `crs`; give the grid's PROJ string.")
    field = np.nan_to_num(probability.to_numpy())
    spread = np.full(field.shape, np.nan)
    if "uncertainty" in prediction:
        spread = prediction["uncertainty"].to_numpy()
    rows = []
    for path in _paths(skeletonize(field >= threshold)):
        line = _as_line(path, probability.easting.to_numpy(), probability.northing.to_numpy())
        if line.length >= shortest_km:
            cells = tuple(np.array(path).T)
            rows.append(_measure(line) | _means(field[cells], spread[cells]))
    columns = ["length_km", "strike_deg", "probability", "uncertainty", "geometry"]
    return geopandas.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=crs)


def write(lines, path):
    """Write lines in longitude and latitude, for QGIS and its like.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame
        From `trace`.
    path : str or pathlib.Path
        ``.geojson`` or ``.gpkg``; written beside and renamed, so that it is whole or not there.

    Raises
    ------
    ValueError
        If the ending is another one, or there are no lines.
    """
    path = Path(path)
    if path.suffix not in DRIVERS:
        raise ValueError(f"{path.name} ends in {path.suffix!r}; use {' or '.join(DRIVERS)}.")
    if not len(lines):
        raise ValueError("There are no lines to write; lower the threshold or `shortest_km`.")
    beside = path.with_name("part_" + path.name)
    beside.unlink(missing_ok=True)
    lines.to_crs("EPSG:4326").to_file(beside, driver=DRIVERS[path.suffix])
    beside.replace(path)


def axial_mean(strike_deg, weight):
    """Mean of strikes, for which 0 and 180 degrees are the same, and their agreement.

    Parameters
    ----------
    strike_deg, weight : array_like, shape (n,)
        Strikes (degrees) and their weights.

    Returns
    -------
    tuple of float
        Mean strike (0 to 180) and resultant length (0: no common strike, 1: all the same).
    """
    double = np.exp(2j * np.radians(np.asarray(strike_deg)))
    mean = np.sum(np.asarray(weight) * double) / np.sum(weight)
    return float(np.degrees(np.angle(mean)) / 2 % 180), float(abs(mean))


def _paths(skeleton):
    """Follow every piece between junctions; return lists of (row, column) from end to end."""
    neighbours = ndimage.convolve(skeleton.astype(int), np.ones((3, 3)), mode="constant") - 1
    left = set(zip(*np.nonzero(skeleton & (neighbours <= 2)), strict=True))
    paths = []
    ends = [cell for cell in sorted(left) if len(_next(cell, left)) <= 1]
    for start in [*ends, *sorted(left)]:  # ends first; closed rings start anywhere
        if start in left:
            paths.append(_follow(start, left))
    return [path for path in paths if len(path) > 1]


def _follow(cell, left):
    """Walk along a piece, taking its cells out of `left`."""
    path = [cell]
    left.discard(cell)
    while near := _next(path[-1], left):
        path.append(near[0])
        left.discard(near[0])
    return path


def _next(cell, left):
    """Neighbours of a cell that are left, the nearest first."""
    around = [(cell[0] + i, cell[1] + j) for i, j in NEIGHBOURS]
    return sorted(
        (c for c in around if c in left), key=lambda c: abs(c[0] - cell[0]) + abs(c[1] - cell[1])
    )


def _as_line(path, easting, northing):
    """Smooth a path over five cells and turn it into kilometres; the ends stay."""
    path = np.array(path, float)
    smooth = ndimage.uniform_filter1d(path, 5, axis=0, mode="nearest")
    smooth[0], smooth[-1] = path[0], path[-1]
    east = np.interp(smooth[:, 1], np.arange(len(easting)), easting)
    north = np.interp(smooth[:, 0], np.arange(len(northing)), northing)
    return LineString(np.column_stack([east, north]))


def _measure(line):
    """Length and strike of a line."""
    east, north = np.diff(np.array(line.coords), axis=0).T
    strike, _ = axial_mean(np.degrees(np.arctan2(east, north)), np.hypot(east, north))
    return {"length_km": line.length, "strike_deg": strike, "geometry": line}


def _means(probability, spread):
    return {"probability": float(np.mean(probability)), "uncertainty": float(np.mean(spread))}
