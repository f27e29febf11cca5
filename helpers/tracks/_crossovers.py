"""Where tracks cross: the legs of a track, the crossover errors, and their statistics.

Two ships, or one ship twice, read the same field at the same place; what they differ by is the
sum of their errors.

References
----------
Wessel, P. (2010). Tools for analyzing intersecting tracks: the x2sys package.
Computers & Geosciences 36, 348-354.
"""

import numpy as np
import pandas as pd
from shapely import STRtree, linestrings

from . import _table

GAP_KM, GAP_HOURS = 5.0, 12.0  # readings farther apart than either are not joined
COURSE_KM = 5.0  # of track on either side over which a change of course must last
BEND_DEG = 45.0  # a sharper change of course begins a new leg
REACH_KM = 1.5  # of track on either side from which heading and slope are taken
WANDER_HOURS = 1.0  # a ship that meets its own track sooner lay still or wandered
ROWS_AT_ONCE = 200_000  # segments looked up at once in the tree
NEEDED = {"cruise", "time", "longitude", "latitude", "residual_nt"}


def legs(table):
    """Sort the readings by cruise and time, and tell the leg, heading and slope at each.

    A new leg begins after a gap (5 km or 12 hours), at a change of course of more than 45
    degrees that lasts for 5 km, and where the column ``level`` changes, if there is one
    (`helpers.tracks.clean` adds it at exchanges of the sensor).

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``time``, ``longitude``, ``latitude``, ``residual_nt``.

    Returns
    -------
    pandas.DataFrame
        The rows with a residual, the index their place (from 0) in `table`, and these columns
        more: ``leg`` and ``level`` (numbers within the whole table), ``joined`` (bool: no gap
        before the reading), ``heading_deg`` (clockwise from north) and ``slope_nt_km`` (along
        the track), both over 1.5 km of track on either side.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = NEEDED - set(table.columns)
    if missing:
        raise ValueError(
            f"The track table lacks {sorted(missing)}; read it with tracks.read_tracks."
        )
    track = table[sorted(NEEDED)].reset_index(drop=True)
    track["level"] = table["level"].to_numpy() if "level" in table else 0
    track = track[np.isfinite(track["residual_nt"])].sort_values(["cruise", "time"], kind="stable")
    track["level"] = track.groupby(["cruise", "level"]).ngroup()
    if track.empty:
        return track.assign(leg=0, joined=False, heading_deg=0.0, slope_nt_km=0.0)
    east, north = _unroll(track)
    step = np.hypot(np.diff(east), np.diff(north))
    hours = np.diff(track["time"].to_numpy("datetime64[ns]")) / np.timedelta64(1, "h")
    same = [
        track[name].to_numpy()[1:] == track[name].to_numpy()[:-1] for name in ("cruise", "level")
    ]
    joined = np.r_[False, same[0] & same[1] & (step <= GAP_KM) & (hours <= GAP_HOURS)]
    place = np.r_[0.0, np.cumsum(step)]
    walk = _Walk(place, np.cumsum(~joined) - 1)
    bend = walk.bend(east, north)
    track["leg"] = np.cumsum(~joined | _sharpest(bend)) - 1
    rise_east, rise_north = walk.rise(east, REACH_KM), walk.rise(north, REACH_KM)
    track["heading_deg"] = np.degrees(np.arctan2(rise_east, rise_north)) % 360
    track["slope_nt_km"] = walk.rise(track["residual_nt"].to_numpy(float), REACH_KM)
    return track.assign(joined=joined)


def crossovers(table, region):
    """Find where tracks cross, and the two readings there.

    Segments between neighbouring readings are searched in a tree of their boxes, in a time that
    grows with the number of readings and crossings, not with its square.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``time``, ``longitude``, ``latitude``, ``residual_nt``, and
        ``level`` if cleaning has added it.
    region : helpers.data.Region
        Its projection; only readings in its box are used.

    Returns
    -------
    pandas.DataFrame
        One row a crossing: for either track ``cruise_1``, ``leg_1``, ``level_1``, ``time_1``,
        ``days_1`` (since the first reading of the cruise in the region), ``heading_1_deg``,
        ``slope_1_nt_km``, ``residual_1_nt``, the same with 2; ``easting_km``, ``northing_km``,
        ``longitude`` and ``error_nt``, the first residual minus the second. Crossings of a
        cruise with itself are in it, unless they are less than an hour apart.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> from helpers import data
    >>> minutes = pd.Timestamp("2001-01-01") + pd.to_timedelta(range(99), unit="min")
    >>> way = (np.arange(99) - 40) / 100  # readings about a kilometre apart
    >>> cruise = pd.DataFrame({"time": minutes, "longitude": 0.0, "latitude": 0.0})
    >>> east = cruise.assign(cruise="A", longitude=way, residual_nt=50.0)
    >>> north = cruise.assign(cruise="B", latitude=way, residual_nt=-30.0)
    >>> found = crossovers(pd.concat([east, north]), data.region_from_box(-1, 1, -1, 1))
    >>> found[["cruise_1", "cruise_2", "error_nt"]].values.tolist()
    [['A', 'B', 80.0]]
    """
    return meetings(legs(table), region)


def meetings(track, region):
    """Find the crossings of the tracks that `legs` has sorted; see `crossovers`."""
    inside = region.contains(track["longitude"], track["latitude"])
    row = np.flatnonzero(inside)
    track = track[inside]
    points = np.column_stack(region.project(track["longitude"], track["latitude"]))
    step = np.hypot(*np.diff(points, axis=0).T)
    next_to = (np.diff(row) == 1) & track["joined"].to_numpy()[1:]
    start = np.flatnonzero(next_to & (step > 0))
    lines = linestrings(np.stack([points[start], points[start + 1]], axis=1))
    first, second = (start[k] for k in _touching(lines))
    # the crossing error is the difference of the readings, each interpolated along its track
    part_1, part_2 = _meet(points, first, second)
    good = _once(first + part_1, second + part_2)
    ends = [(first[good], part_1[good]), (second[good], part_2[good])]
    found = pd.concat([_at(track, *end, k) for k, end in enumerate(ends, 1)], axis=1)
    index, part = ends[0]
    for k, name in enumerate(("easting_km", "northing_km")):
        found[name] = _between(points[:, k], index, part)
    found["longitude"] = region.unproject(found["easting_km"], found["northing_km"])[0]
    found["error_nt"] = found["residual_1_nt"] - found["residual_2_nt"]
    apart = (found["time_1"] - found["time_2"]).abs() > pd.Timedelta(WANDER_HOURS, "h")
    return found[apart | (found["cruise_1"] != found["cruise_2"])].reset_index(drop=True)


def crossover_statistics(found):
    """Tell how large the crossover errors are, between cruises and within them.

    Parameters
    ----------
    found : pandas.DataFrame
        From `crossovers`.

    Returns
    -------
    pandas.DataFrame
        Rows ``between cruises``, ``within cruises`` and ``all``; columns ``number``,
        ``median_abs_nt``, ``rms_nt``, ``robust_sd_nt`` (1.4826 times the median absolute error:
        the sign of a crossover error is arbitrary) and ``track_nt``, the error of one reading:
        the robust standard deviation over the root of 2, if both tracks are as good.
    """
    within = found["cruise_1"] == found["cruise_2"]
    parts = {"between cruises": ~within, "within cruises": within, "all": within | True}
    rows = {}
    for name, which in parts.items():
        error = found.loc[which, "error_nt"].abs()
        robust = _table.TO_SIGMA * error.median()
        rows[name] = {
            "number": len(error),
            "median_abs_nt": error.median(),
            "rms_nt": np.sqrt((error**2).mean()),
            "robust_sd_nt": robust,
            "track_nt": robust / np.sqrt(2),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("crossovers")


class _Walk:
    """Looks a little back and ahead along pieces of track."""

    def __init__(self, place, piece):
        """Keep kilometres along the whole table, and the number of the piece of each reading."""
        self.place = place
        self.begin = place[np.searchsorted(piece, piece, "left")]
        self.end = place[np.searchsorted(piece, piece, "right") - 1]

    def look(self, values, km):
        """Interpolate values so far ahead (or back), not beyond the piece; and how far it was."""
        at = np.clip(self.place + km, self.begin, self.end)
        return np.interp(at, self.place, values), at

    def rise(self, values, reach_km):
        """Change of values for each kilometre, over a reach on either side."""
        (before, back), (after, ahead) = self.look(values, -reach_km), self.look(values, reach_km)
        return (after - before) / np.maximum(ahead - back, 1e-9)

    def bend(self, east, north):
        """Change of course from the track behind to the track ahead (degrees, 0 to 180)."""
        back = [values - self.look(values, -COURSE_KM)[0] for values in (east, north)]
        ahead = [self.look(values, COURSE_KM)[0] - values for values in (east, north)]
        across = back[0] * ahead[1] - back[1] * ahead[0]
        return np.degrees(np.abs(np.arctan2(across, back[0] * ahead[0] + back[1] * ahead[1])))


def _unroll(track):
    """Tracks laid out flat: km east and north, true for short stretches."""
    lon, lat = (np.radians(track[name].to_numpy(float)) for name in ("longitude", "latitude"))
    # Δx = R cos φ Δλ, with the shorter way across the date line
    turn = (np.diff(lon) + np.pi) % (2 * np.pi) - np.pi
    east = _table.EARTH_KM * np.r_[0.0, np.cumsum(turn * np.cos(0.5 * (lat[1:] + lat[:-1])))]
    return east, _table.EARTH_KM * lat


def _sharpest(bend):
    """Mark the sharpest reading of each turn."""
    turning = bend > BEND_DEG
    run = np.cumsum(np.r_[turning[0], turning[1:] & ~turning[:-1]])
    marked = np.zeros(bend.size, bool)
    rows = np.flatnonzero(turning)
    marked[rows[pd.Series(bend[rows]).groupby(run[rows]).idxmax().to_numpy()]] = True
    return marked


def _touching(lines):
    """Pairs of lines that touch, each once, and not a line with its neighbour."""
    tree, pairs = STRtree(lines), []
    for begin in range(0, len(lines), ROWS_AT_ONCE):
        found = tree.query(lines[begin : begin + ROWS_AT_ONCE], predicate="intersects")
        found[0] += begin
        pairs.append(found[:, found[0] + 1 < found[1]])
    return np.concatenate([*pairs, np.zeros((2, 0), int)], axis=1)


def _meet(points, first, second):
    """Where two segments meet, as shares of their lengths; NaN where they are parallel."""
    a, b = points[first], points[second]
    along_a, along_b = points[first + 1] - a, points[second + 1] - b
    # a + s·Δa = b + t·Δb: s = (b - a) × Δb / (Δa × Δb), t = (b - a) × Δa / (Δa × Δb)
    cross = along_a[:, 0] * along_b[:, 1] - along_a[:, 1] * along_b[:, 0]
    cross = np.where(cross == 0, np.nan, cross)
    gap = b - a
    part_a = (gap[:, 0] * along_b[:, 1] - gap[:, 1] * along_b[:, 0]) / cross
    part_b = (gap[:, 0] * along_a[:, 1] - gap[:, 1] * along_a[:, 0]) / cross
    return part_a, part_b


def _once(place_1, place_2):
    """Pick each crossing once: one at a reading is met by the segments on both sides of it."""
    places = np.round(np.column_stack([place_1, place_2]), 6)
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    return known[np.unique(places[known], axis=0, return_index=True)[1]]


def _at(track, index, part, number):
    """Tell what one of the two tracks says at the crossings."""
    near = track.iloc[index + (part > 0.5)].reset_index(drop=True)
    ends = [track["time"].to_numpy("datetime64[ns]")[index + k] for k in (0, 1)]
    time = pd.Series(ends[0] + (ends[1] - ends[0]) * part)
    begin = track.groupby("cruise")["time"].min().reindex(near["cruise"]).to_numpy()
    residual = _between(track["residual_nt"].to_numpy(float), index, part)
    return pd.DataFrame(
        {
            f"cruise_{number}": near["cruise"],
            f"leg_{number}": near["leg"],
            f"level_{number}": near["level"],
            f"time_{number}": time,
            f"days_{number}": (time - begin).dt.total_seconds() / 86400,
            f"heading_{number}_deg": near["heading_deg"],
            f"slope_{number}_nt_km": near["slope_nt_km"],
            f"residual_{number}_nt": residual,
        }
    )


def _between(values, index, part):
    """Interpolate between neighbouring readings."""
    return values[index] * (1 - part) + values[index + 1] * part
