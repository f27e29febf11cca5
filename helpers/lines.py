"""From probability to lines: thin, trace, join, measure and write for a GIS."""

from pathlib import Path

import geopandas
import numpy as np
import shapely
from shapely.geometry import LineString

from . import files, tracing

DRIVERS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".gmt": "OGR_GMT"}
GAP_KM = 16.0  # longest gap that is bridged
SMOOTH_CELLS = 5
STRIKE_DEG = 30.0  # most that a bridge may leave the strike of the map
COLUMNS = (
    "length_km", "strike_deg", "probability", "uncertainty", "polarity", "distance_km", "geometry",
)  # fmt: skip


def trace(prediction, threshold=0.5, fracture_zones=None, shortest_km=20.0, gap_km=GAP_KM):
    """Turn a probability map into lines.

    The cells above the threshold are thinned to one cell and cut where they meet.  Pieces whose
    ends head for each other are joined, where the map's strike agrees, the anomaly keeps its sign
    and no fracture zone lies between; the lines are smoothed over five cells and cut at fracture
    zones.

    Parameters
    ----------
    prediction : xarray.Dataset
        ``probability`` on (northing, easting) in km, and where they are known ``uncertainty``,
        ``anomaly`` (nT), ``strike_deg`` and ``distance_km`` to data; the attribute ``crs`` (PROJ)
        of the dataset or of ``probability`` gives the projection.
    threshold : float
        Probability from which a cell is taken as line.
    fracture_zones : geopandas.GeoDataFrame, optional
        Lines that nothing is carried across, in any projection.
    shortest_km : float
        Shorter lines are left out.
    gap_km : float
        Longest gap that is bridged; 0 joins nothing.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a line: ``length_km``, ``strike_deg`` (clockwise from north, 0 to 180); means
        along it of ``probability``, ``uncertainty`` and ``distance_km`` (NaN where not given);
        ``polarity``, the sign of the mean anomaly (1 or -1, 0 where not given); ``geometry``.

    Raises
    ------
    ValueError
        If there is no ``probability`` or no ``crs``.
    """
    crs = _checked_crs(prediction)
    probability = prediction["probability"]
    zones = _zones(fracture_zones, crs)
    frame = _Frame(prediction)
    paths = tracing.thin(np.nan_to_num(probability.to_numpy()) >= threshold)
    paths = tracing.join(paths, gap_km / frame.spacing, lambda a, b: _bridged(frame, zones, a, b))
    found = [LineString(frame.place(tracing.smooth(path, SMOOTH_CELLS))) for path in paths]
    if zones is not None and found:
        barrier = zones.buffer(frame.spacing / 2)
        found = list(shapely.get_parts(shapely.difference(found, barrier)))
    rows = [_measure(line) | _means(line, frame) for line in found if line.length >= shortest_km]
    return geopandas.GeoDataFrame(rows, columns=list(COLUMNS), geometry="geometry", crs=crs)


def write(lines, path):
    """Write lines in longitude and latitude, for QGIS, GMT, GPlates and their like.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame
        From `trace`.
    path : str or pathlib.Path
        ``.geojson``, ``.gpkg`` or ``.gmt`` (OGR/GMT multi-segment text); written beside and
        renamed, so that it is whole or not there.

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
    degrees = _cut_at_date_line(lines).to_crs("EPSG:4326")
    with files.whole(path) as beside:
        degrees.to_file(beside, driver=DRIVERS[path.suffix], engine="pyogrio")


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


def axial_difference(one_deg, other_deg):
    """Angle between strikes (degrees, 0 to 90).

    Parameters
    ----------
    one_deg, other_deg : array_like
        Strikes (degrees).

    Returns
    -------
    numpy.ndarray
    """
    return np.abs((np.asarray(one_deg) - np.asarray(other_deg) + 90) % 180 - 90)


def points_along(lines, every_km):
    """Points at even distances along lines, and the strike of the line there.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame or geopandas.GeoSeries
        Lines in km.
    every_km : float
        Distance between points; the first is half of it from the end.

    Returns
    -------
    tuple of numpy.ndarray
        Places (n, 2), strikes (n,) in degrees, and the position (n,) of the line in `lines`.
    """
    geometry = np.asarray(lines.geometry)
    number = np.maximum((shapely.length(geometry) / every_km).astype(int), 1)
    owner = np.repeat(np.arange(len(geometry)), number)
    order = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
    step = (shapely.length(geometry) / number)[owner]
    middle = (order + 0.5) * step
    places, ahead, behind = (
        shapely.get_coordinates(shapely.line_interpolate_point(geometry[owner], middle + shift))
        for shift in (0.0, step / 2, -step / 2)
    )
    east, north = (ahead - behind).T
    return places, np.degrees(np.arctan2(east, north)) % 180, owner


class _Frame:
    """The cells of a prediction: from places to cells and back, and what its grids say there."""

    def __init__(self, prediction):
        self.grids = {name: prediction[name].to_numpy() for name in prediction.data_vars}
        self.easting, self.northing = (
            prediction[name].to_numpy() for name in ("easting", "northing")
        )
        self.spacing = float(self.easting[1] - self.easting[0])

    def place(self, cells):
        """Easting and northing (km) of cells (row, column), also between them."""
        east = np.interp(cells[:, 1], np.arange(len(self.easting)), self.easting)
        north = np.interp(cells[:, 0], np.arange(len(self.northing)), self.northing)
        return np.column_stack([east, north])

    def at(self, name, places):
        """Values of a grid in the cells of places (km); NaN where it was not given."""
        if name not in self.grids:
            return np.full(len(places), np.nan)
        origin = [self.easting[0], self.northing[0]]
        column, row = np.rint((places - origin) / self.spacing).astype(int).T
        return self.grids[name][row, column]


def _checked_crs(prediction):
    """Projection of a prediction."""
    if "probability" not in prediction:
        raise ValueError(
            f"The prediction holds {list(prediction.data_vars)}; `probability` is expected, as "
            "network.predict returns it."
        )
    crs = prediction.attrs.get("crs", prediction["probability"].attrs.get("crs"))
    if crs is None:
        raise ValueError("The prediction has no attribute `crs`; give the grid's PROJ string.")
    return crs


def _zones(fracture_zones, crs):
    """All fracture zones as one geometry in the projection; None without any."""
    if fracture_zones is None or not len(fracture_zones):
        return None
    return fracture_zones.to_crs(crs).geometry.union_all()


def _bridged(frame, zones, one, other):
    """Tell which gaps may be bridged: along the map's strike, on one sign, across no zone."""
    one, other = frame.place(one), frame.place(other)
    east, north = (other - one).T
    strike = frame.at("strike_deg", 0.5 * (one + other))
    off = axial_difference(np.degrees(np.arctan2(east, north)), strike)
    sign = [np.sign(frame.at("anomaly", part)) for part in (one, 0.5 * (one + other), other)]
    same = (sign[0] == sign[1]) & (sign[1] == sign[2])
    good = (np.isnan(strike) | (off <= STRIKE_DEG)) & (np.isnan(sign[1]) | same)
    if zones is not None:
        good &= ~shapely.intersects(shapely.linestrings(np.stack([one, other], axis=1)), zones)
    return good


def _measure(line):
    """Length and strike of a line."""
    east, north = np.diff(np.array(line.coords), axis=0).T
    strike, _ = axial_mean(np.degrees(np.arctan2(east, north)), np.hypot(east, north))
    return {"length_km": line.length, "strike_deg": strike, "geometry": line}


def _means(line, frame):
    """Means of the grids along a line."""
    places = shapely.get_coordinates(line.segmentize(frame.spacing))
    means = ("probability", "uncertainty", "distance_km")
    values = {name: _mean(frame.at(name, places)) for name in means}
    sign = np.sign(_mean(frame.at("anomaly", places)))
    return values | {"polarity": 0 if np.isnan(sign) else int(sign)}


def _mean(values):
    """Mean of the known values, NaN where there is none."""
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


def _cut_at_date_line(lines):
    """Cut lines where the 180 degree meridian crosses them, as the GeoJSON standard asks."""
    bounds = lines.to_crs("EPSG:4326").bounds
    if not (bounds["maxx"] - bounds["minx"] > 180).any():
        return lines
    meridian = geopandas.GeoSeries([LineString([(180, lat) for lat in range(-85, 86)])], crs=4326)
    barrier = meridian.to_crs(lines.crs).buffer(1e-3).iloc[0]
    return lines.set_geometry(lines.difference(barrier)).explode(ignore_index=True)
