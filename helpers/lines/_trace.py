"""From a map of probability to lines: thinned, followed, joined across gaps and measured.

Paths are followed and joined in cells: a path is an array of (row, column), one row a cell. Lines
are in km in the projection of the map.
"""

from typing import NamedTuple

import geopandas
import numba
import numpy as np
import shapely
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely.geometry import LineString
from skimage.morphology import skeletonize

from .. import _shared

GAP_KM = 16.0  # longest gap that is bridged
SMOOTH_CELLS = 5  # lines are averaged over so many
STRIKE_DEG = 30.0  # most that a bridge may leave the strike of the map
NEIGHBOURS = (  # the nearest first
    (-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1),
)  # fmt: skip
SPUR_CELLS = 4  # shorter pieces are hairs of the thinning
END_CELLS = 8  # of a piece tell where it heads
CLOSE_CELLS = 3.0  # ends nearer than this meet at a cut junction: the gap itself has no direction
TURN_DEG = 30.0  # most that a line may turn into a gap, and out of it
BEND = 4.0  # how much longer a gap counts if the line turns by a right angle into it
COLUMNS = (
    "length_km", "strike_deg", "probability", "uncertainty", "anomaly_sign", "distance_km",
    "geometry",
)  # fmt: skip


def trace(prediction, threshold=0.5, fracture_zones=None, shortest_km=20.0, gap_km=GAP_KM):
    """Turn a probability map into lines.

    The cells above the threshold are thinned to one cell and cut where they meet. Pieces whose
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
        ``anomaly_sign``, that of the mean anomaly along it (1 or -1, 0 where not given);
        ``geometry``.

    Raises
    ------
    ValueError
        If there is no ``probability`` or no ``crs``.

    Notes
    -----
    ``anomaly_sign`` tells of the anomaly, not of the crust below: a block of normal polarity makes
    a positive anomaly at high magnetic latitude and, where it strikes east, a negative one at low
    latitude (Schouten & McCamy 1972, doi:10.1029/JB077i035p07089).

    Examples
    --------
    >>> import xarray as xr
    >>> north, east = np.mgrid[0:100:2.0, 0:80:2.0]
    >>> stripe = np.exp(-(((east - 40) / 3) ** 2))  # 100 km long, 40 km east of the corner
    >>> axes = {"northing": north[:, 0], "easting": east[0]}
    >>> grid = xr.DataArray(stripe, axes, ("northing", "easting"), attrs={"crs": "+proj=merc"})
    >>> found = trace(grid.to_dataset(name="probability"))
    >>> found[["length_km", "strike_deg"]].round(1).to_dict("records")
    [{'length_km': 94.0, 'strike_deg': 0.0}]
    """
    crs = _checked_crs(prediction)
    probability = prediction["probability"]
    zones = _zones(fracture_zones, crs)
    frame = _Frame(prediction)
    paths = thin(np.nan_to_num(probability.to_numpy()) >= threshold)
    paths = join(paths, gap_km / frame.spacing, lambda a, b: _bridged(frame, zones, a, b))
    found = [LineString(frame.place(smooth(path, SMOOTH_CELLS))) for path in paths]
    if zones is not None and found:
        barrier = zones.buffer(frame.spacing / 2)
        found = list(shapely.get_parts(shapely.difference(found, barrier)))
    rows = [_measure(line) | _means(line, frame) for line in found if line.length >= shortest_km]
    return geopandas.GeoDataFrame(rows, columns=list(COLUMNS), geometry="geometry", crs=crs)


class Points(NamedTuple):
    """Points along lines; see `points_along`."""

    places: np.ndarray
    strike_deg: np.ndarray
    line: np.ndarray


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
    Points
        Named tuple: ``places`` (n, 2), easting and northing in km; ``strike_deg`` (n,), that of
        the line there, clockwise from north, 0 to 180; ``line`` (n,), its position in `lines`.

    Examples
    --------
    >>> import geopandas
    >>> from shapely import LineString
    >>> line = geopandas.GeoSeries([LineString([(0, 0), (0, 10)])])
    >>> points_along(line, 5.0).places.tolist()
    [[0.0, 2.5], [0.0, 7.5]]
    """
    geometry = np.asarray(lines.geometry)
    length = shapely.length(geometry)
    number = np.maximum((length / every_km).astype(int), 1)
    owner = np.repeat(np.arange(len(geometry)), number)
    order = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
    step = (length / number)[owner]
    if not len(geometry):
        return Points(np.empty((0, 2)), np.empty(0), owner)
    # all lines one after another, 1 km apart, so that one interpolation serves them
    parts, line = shapely.get_parts(geometry, return_index=True)
    vertices, part = shapely.get_coordinates(parts, return_index=True)
    passed = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    passed[np.diff(part) > 0] = 0.0  # from one part of a line to its next
    line = line[part]
    passed[np.diff(line) > 0] = 1.0
    along = np.append(0.0, np.cumsum(passed))
    start = along[np.searchsorted(line, np.arange(len(geometry)))][owner]
    middle, end = start + (order + 0.5) * step, start + length[owner]

    def at(place):
        place = np.clip(place, start, end)
        return np.column_stack([np.interp(place, along, axis) for axis in vertices.T])

    places, ahead, behind = at(middle), at(middle + step / 2), at(middle - step / 2)
    east, north = (ahead - behind).T
    return Points(places, np.degrees(np.arctan2(east, north)) % 180, owner)


# The pieces of a thinned map, in cells: followed from end to end, joined across gaps, smoothed.


def thin(mask):
    """Thin a map and follow each piece between junctions, but for those under `SPUR_CELLS`."""
    skeleton = np.pad(skeletonize(mask), 1)  # so that every cell has all its neighbours
    left = skeleton & (_neighbours(skeleton) <= 2)
    ends = left & (_neighbours(left) <= 1)
    # ends first; closed rings start anywhere
    cells, lengths = _follow(left, np.concatenate([np.argwhere(ends), np.argwhere(left)]))
    paths = np.split(cells - 1.0, np.cumsum(lengths)[:-1])
    return [path for path in paths if len(path) >= SPUR_CELLS]


def _neighbours(cells):
    """Count the marked ones among the eight neighbours of each cell."""
    return ndimage.convolve(cells.astype(int), np.ones((3, 3), int), mode="constant") - cells


@numba.njit(cache=True)
def _follow(left, starts):
    """Walk along the pieces that are left, from those of the starts that no walk has taken.

    Gives the cells of all walks one after another, and how many each has.  Each goes on to the
    nearest neighbour that is left, and empties `left`.
    """
    cells = np.empty_like(starts)
    lengths = np.empty(len(starts), np.int64)
    walks, total = 0, 0
    for start in range(len(starts)):
        row, column = starts[start]
        begin, going = total, left[row, column]
        while going:
            cells[total] = row, column
            total += 1
            left[row, column] = going = False
            for i, j in NEIGHBOURS:
                if left[row + i, column + j]:
                    row, column, going = row + i, column + j, True
                    break
        if total > begin:
            lengths[walks] = total - begin
            walks += 1
    return cells[:total], lengths[:walks]


def join(paths, gap_cells, allowed):
    """Join paths whose ends head for each other, the best pairs first, each end once.

    `allowed` takes the two sides of gaps, arrays (pairs, 2) of row and column, and tells which may
    be bridged. Gaps are filled by straight pieces.
    """
    if len(paths) < 2 or gap_cells <= 0:
        return paths
    places = np.concatenate([path[[0, -1]] for path in paths])  # end 2 k begins, 2 k + 1 ends k
    heads = np.concatenate([_heads(path) for path in paths])
    partner = {}
    group = np.arange(len(paths))
    for one, other in _pairs(places, heads, gap_cells, allowed):
        if one in partner or other in partner or group[one // 2] == group[other // 2]:
            continue
        partner[one], partner[other] = other, one
        group[group == group[one // 2]] = group[other // 2]
    return _chains(paths, partner)


def smooth(path, cells):
    """Average a path over some cells; its ends stay."""
    smoothed = ndimage.uniform_filter1d(path, cells, axis=0, mode="nearest")
    smoothed[[0, -1]] = path[[0, -1]]
    return smoothed


def _heads(path):
    """Give unit vectors out of both ends of a path."""
    inside = min(END_CELLS, len(path) - 1)
    out = np.array([path[0] - path[inside], path[-1] - path[-1 - inside]])
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def _pairs(places, heads, gap_cells, allowed):
    """Pairs of ends that may be joined, the best first: short gaps that go straight on."""
    one, other = cKDTree(places).query_pairs(gap_cells, output_type="ndarray").T
    gap = places[other] - places[one]
    length = np.linalg.norm(gap, axis=1)
    gap = gap / np.maximum(length, 1e-9)[:, None]
    close = length <= CLOSE_CELLS
    # cosines of the turns into the gap and out of it
    on = -np.sum(heads[one] * heads[other], axis=1)  # of the two heads: 1 straight on
    into = np.where(close, on, np.sum(heads[one] * gap, axis=1))
    out = np.where(close, on, -np.sum(heads[other] * gap, axis=1))
    straight = np.minimum(into, out)
    good = straight >= np.cos(np.radians(TURN_DEG))
    good[good] = close[good] | allowed(places[one[good]], places[other[good]])
    good &= one // 2 != other // 2
    # a gap counts as up to 1 + BEND times its length where the line turns
    cost = length * (1 + BEND * (1 - straight)) + BEND * (1 - straight)
    order = np.argsort(cost[good], kind="stable")
    return np.column_stack([one, other])[good][order].tolist()


def _chains(paths, partner):
    """Walk from free end to free end through the partners."""
    chains, used = [], set()
    for start in range(2 * len(paths)):
        if start in partner or start // 2 in used:
            continue
        parts, end = [], start
        while True:
            used.add(end // 2)
            path = paths[end // 2] if end % 2 == 0 else paths[end // 2][::-1]
            parts += [_bridge(parts[-1][-1], path[0]), path] if parts else [path]
            leaving = end ^ 1
            if leaving not in partner:
                break
            end = partner[leaving]
        chains.append(np.concatenate(parts))
    return chains


def _bridge(start, end):
    """Points between two places, about a cell apart, without the places themselves."""
    steps = max(int(np.ceil(np.linalg.norm(end - start))), 1)
    return start + (end - start) * (np.arange(1, steps) / steps)[:, None]


# What the maps say of lines, in km.


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
        place = _shared.cell_of(*places.T, self.easting, self.northing)
        row, column = np.rint(place).astype(int)
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
    off = _shared.axial_difference(np.degrees(np.arctan2(east, north)), strike)
    sign = [np.sign(frame.at("anomaly", part)) for part in (one, 0.5 * (one + other), other)]
    same = (sign[0] == sign[1]) & (sign[1] == sign[2])
    good = (np.isnan(strike) | (off <= STRIKE_DEG)) & (np.isnan(sign[1]) | same)
    if zones is not None:
        good &= ~shapely.intersects(shapely.linestrings(np.stack([one, other], axis=1)), zones)
    return good


def _measure(line):
    """Length and strike of a line."""
    east, north = np.diff(np.array(line.coords), axis=0).T
    strike, _ = _shared.axial_mean(np.degrees(np.arctan2(east, north)), np.hypot(east, north))
    return {"length_km": line.length, "strike_deg": strike, "geometry": line}


def _means(line, frame):
    """Means of the grids along a line."""
    places = shapely.get_coordinates(line.segmentize(frame.spacing))
    means = ("probability", "uncertainty", "distance_km")
    values = {name: _shared.mean_of_known(frame.at(name, places)) for name in means}
    sign = np.sign(_shared.mean_of_known(frame.at("anomaly", places)))
    return values | {"anomaly_sign": 0 if np.isnan(sign) else int(sign)}
