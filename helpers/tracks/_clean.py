"""Clean cruises: take out what cannot be true, flag what may not be, and say how much of each.

Each step works on one cruise at a time; `clean` describes them. A finder (`FINDERS`) is given one
cruise in the order of time and returns which rows are bad, and what else is to be counted.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from . import _table

STEPS = ("duplicates", "jumps", "stationary", "dropouts", "spikes", "swaps")
FASTEST_KMH = 45.0  # no ship sails faster: 24 knots
SLACK_KM = 0.2  # by which rounded positions and minutes may be off
MOST_DROPPED = 5  # rows given up to mend one impossible step; beyond that it is only counted
WRITTEN_S = (86_400.0, 3600.0, 60.0, 1.0, 1e-3, 1e-9)  # to what times are written
SHORT_S = 60.0  # up to here readings of one time are a regular series
STILL_KMH, STILL_S = 1.0, 1200.0  # a ship slower than this over so long lies still
STUCK_ROWS, STUCK_KM = 20, 2.0  # so many equal readings over more than this: a stuck instrument
SPIKE_ROWS, ROUGH_ROWS = 5, 101  # windows of the running median and of its local scatter
SPIKE_SIGMA, LEAST_SPIKE_NT = 8.0, 20.0  # off the median: local standard deviations, and nT
STEEPEST_NT_KM = 100.0  # what sources some kilometres below the ship can make of a flank
SWAP_ROWS = 15  # rows on either side over which a change of level must last
SWAP_SIGMA, LEAST_SWAP_NT = 12.0, 60.0  # of a step between two readings, likewise


def clean(table, steps=STEPS) -> pd.DataFrame:
    """Clean the cruises of a table, one by one.

    The steps, in this order:

    ``duplicates``
        Rows at a time and place that were there already go (and rows out of order are put in
        order). Rows of one time at different places, as where times are to the minute or to the
        day, are none: they are spread over that minute or day, in the order of the file.
    ``jumps``
        Rows go whose position or time would need more than 45 km/h (24 knots).
    ``stationary``
        Stretches go where the ship made less than 1 km/h for 20 minutes. These two steps need
        times: rows whose time is made up (`read_tracks`) are left alone.
    ``dropouts``
        Twenty or more equal readings in a row, over more than 2 km, are a stuck instrument: they
        go.
    ``spikes``
        Single or double readings go that are eight local standard deviations off the median of
        the five readings about them, and at least 20 nT plus 100 nT for each kilometre between
        readings: a Hampel filter whose scale is that of the longer neighbourhood (101 readings).
        So the flanks of true anomalies stay, and sparse readings, of which any could be a crest,
        are left alone.
    ``swaps``
        Sudden lasting changes of level, as when a sensor is exchanged, are flagged, not removed:
        a step between two readings of 12 local standard deviations of such steps, three times
        the steps about it, and at least 60 nT plus 100 nT for each kilometre; most of it lasts
        for the next 15 readings.

    Parameters
    ----------
    table : pandas.DataFrame
        A track table. Spikes and swaps are looked for in ``residual_nt``: recompute it before.
    steps : sequence of str
        Which steps to do; all of them by default.

    Returns
    -------
    pandas.DataFrame
        The rows that are left, each cruise in the order of time, with an int column ``level``
        that rises by one within a cruise at each swap (where that step is on).
        ``attrs["cleaning"]`` has the counts for each cruise; see `cleaning_report`.

    Raises
    ------
    TrackError
        If the table has no rows.
    ValueError
        If there is no such step.

    Notes
    -----
    Hampel filter: Pearson (2002), doi:10.1109/TCST.2001.995563.

    Examples
    --------
    >>> minutes = pd.Timestamp("2001-01-01") + pd.to_timedelta(range(60), unit="min")
    >>> table = pd.DataFrame({"cruise": "A", "time": minutes, "latitude": np.arange(60) / 360})
    >>> table = table.assign(longitude=0.0, total_field_nt=np.nan, residual_nt=np.arange(60.0))
    >>> table.loc[30, "residual_nt"] = 900.0
    >>> cleaning_report(clean(table))[["rows_in", "spikes", "rows_out"]].loc["A"].tolist()
    [60, 1, 59]
    """
    if not len(table):
        raise _table.TrackError("There is nothing to clean: the table has no rows")
    unknown = sorted(set(steps) - set(STEPS))
    if unknown:
        raise ValueError(f"clean has no steps {unknown}; it has {', '.join(STEPS)}.")
    parts, found = [], {}
    bare = pd.DataFrame(table, copy=False)
    bare.attrs = {}  # pandas copies them at each step: the time would grow with cruises squared
    for cruise, part in bare.groupby("cruise", sort=False, dropna=False):
        part, said = _clean_cruise(part, steps)
        if "swaps" in steps:
            part, said["swaps"] = _flag_swaps(part)
        parts.append(part)
        found[cruise] = said | {"rows_out": len(part)}
    out = pd.concat(parts, ignore_index=True)
    out.attrs = {**table.attrs, "cleaning": found}
    return out


def cleaning_report(table) -> pd.DataFrame:
    """Tabulate what was cleaned.

    Parameters
    ----------
    table : pandas.DataFrame
        A table from `clean`, or one derived from it.

    Returns
    -------
    pandas.DataFrame
        A row for each cruise: ``rows_in``, ``out_of_order``, ``gaps`` in the readings as they
        came, the rows that each step removed, ``times_spread`` (rows of one time at other places),
        ``jumps_left`` (impossible steps that could not be mended), ``gaps``, ``swaps`` (flagged),
        ``rows_out`` and ``removed_share`` (0 to 1). Steps that were off are missing.

    Raises
    ------
    TrackError
        If the table was not cleaned.
    """
    if "cleaning" not in table.attrs:
        raise _table.TrackError("This table has no report of cleaning; it does not come from clean")
    rows = {
        cruise: {k: len(v) if k == "swaps" else v for k, v in said.items()}
        for cruise, said in table.attrs["cleaning"].items()
    }
    shown = pd.DataFrame.from_dict(rows, orient="index").rename_axis("cruise")
    shown["removed_share"] = 1 - shown["rows_out"] / shown["rows_in"]
    return shown


def _clean_cruise(part, steps):
    """One cruise without what the steps remove, and the counts."""
    said = {"rows_in": len(part)}
    backwards = part["time"].diff() < pd.Timedelta(0)
    said["out_of_order"] = int(backwards.sum())
    part = part.sort_values("time", kind="stable") if said["out_of_order"] else part
    said["gaps"] = len(_table.gaps(part))
    made_up = "time_made_up" in part and bool(part["time_made_up"].any())
    for name, find in FINDERS.items():
        if name in steps:
            said[name] = 0
        if name in steps and len(part) and not (made_up and name in NEED_TIMES):
            bad, more = find(part)
            said |= {name: int(bad.sum()), **more}
            part = part[~bad] if bad.any() else part
        if name == "duplicates" and name in steps:
            part, spread = _spread_times(part)
            said |= {"times_spread": spread} if spread else {}
    return part, said


def _find_duplicates(part):
    """Rows at a time and place that an earlier row has."""
    return part.duplicated(["time", "longitude", "latitude"]).to_numpy(), {}


def _spread_times(part):
    """Spread rows of one time over the minute, hour or day that their times are written to.

    Within a minute evenly, as instruments read; within an hour or a day as the ship sails, but
    within it.
    """
    time = part["time"].to_numpy("datetime64[ns]")
    first = np.flatnonzero(np.r_[True, np.diff(time) != np.timedelta64(0)])
    length = np.diff(np.r_[first, len(time)])
    if (length == 1).all():
        return part, 0
    stamps = time[first].astype("int64")
    written = next(size for size in WRITTEN_S if not (stamps % round(size * 1e9)).any())
    last = stamps[-1:] + round(written * 1e9)
    width = np.minimum(np.diff(np.r_[stamps, last]) / 1e9, written)
    group = np.repeat(np.arange(len(first)), length)
    gone = (np.arange(len(time)) - first[group]) / length[group] * width[group]
    if written > SHORT_S:
        km = np.r_[0.0, _table.steps(part)[1]]
        sailed = np.cumsum(np.maximum(km / _table.MADE_UP_KMH * 3600, 1.0))
        sailed -= sailed[first][group]
        end = np.maximum.reduceat(sailed, first)
        gone = sailed * np.minimum(1.0, 0.99 * width / np.maximum(end, 1.0))[group]
    spread = length[group] > 1
    moved = time + np.where(spread, gone * 1e9, 0).astype("timedelta64[ns]")
    return part.assign(time=moved), int(spread.sum())


def _find_jumps(part):
    """Rows to give up so that no step is impossible; few at each, on the side that needs fewer."""
    seconds, km = _table.steps(part)
    late = np.flatnonzero(km > FASTEST_KMH * seconds / 3600 + SLACK_KM) + 1
    bad, left = np.zeros(len(part), dtype=bool), 0
    pace = _pace(part)
    first, end = -1, len(part)  # before and after the cruise, whence any pace is possible
    for row in late:
        before = [i for i in range(max(row - 2 * MOST_DROPPED, first), row) if i < 0 or not bad[i]]
        after = [j for j in range(row, min(row + MOST_DROPPED, end) + 1) if j == end or not bad[j]]
        drop = []
        if before:
            if pace(before[-1], after[0]) < math.inf:
                continue  # an earlier repair has mended this step too
            drop = _fewest(before[::-1], after, pace)
        bad[drop] = True
        left += not drop
    return bad, {"jumps_left": left}


def _pace(part):
    """Make a function of two rows: km/h from one to the other, infinity where it is too fast."""
    lon, lat = np.radians(part["longitude"].to_numpy()), np.radians(part["latitude"].to_numpy())
    place = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    place = place.tolist()  # plain numbers: this is asked for two rows at a time
    hours = ((part["time"] - part["time"].iloc[0]).dt.total_seconds() / 3600).tolist()

    def pace(i, j):
        if i < 0 or j == len(hours):
            return 0.0
        km = 2 * _table.EARTH_KM * math.asin(min(math.dist(place[i], place[j]) / 2, 1.0))
        taken = hours[j] - hours[i]
        return km / max(taken, 1e-9) if km <= FASTEST_KMH * taken + SLACK_KM else math.inf

    return pace


def _fewest(before, after, pace):
    """Choose the fewest rows on one side of an impossible step without which it is possible."""
    for count in range(1, MOST_DROPPED + 1):
        choices = [(math.inf, [])]
        if count < len(before):
            choices.append((pace(before[count], after[0]), before[:count]))
        if count < len(after):
            choices.append((pace(before[0], after[count]), after[:count]))
        speed, rows = min(choices, key=lambda choice: choice[0])
        if speed < math.inf:
            return rows
    return []


def _find_stationary(part):
    """Rows about which, before and after, the ship did not get away."""
    time = (part["time"] - part["time"].iloc[0]).dt.total_seconds().to_numpy()
    lon, lat = part["longitude"].to_numpy(float), part["latitude"].to_numpy(float)
    here = np.arange(len(part))
    first = np.minimum(np.searchsorted(time, time - STILL_S / 2, side="left"), here)
    last = np.maximum(np.searchsorted(time, time + STILL_S / 2, side="right") - 1, here)
    reach = STILL_KMH * STILL_S / 2 / 3600
    near = (_table.distance_km(lon, lat, lon[first], lat[first]) < reach) & (
        _table.distance_km(lon, lat, lon[last], lat[last]) < reach
    )
    # three quarters of the time must be covered: sparse readings prove nothing
    return near & (time[last] - time[first] >= 0.75 * STILL_S), {}


def _find_dropouts(part):
    """Rows of long runs of one value while the ship sails."""
    seconds, km = _table.steps(part)
    total = part["total_field_nt"].to_numpy(float)
    value = np.where(np.isnan(total), part["residual_nt"].to_numpy(float), total)
    run = np.r_[0, np.cumsum((np.diff(value) != 0) | _table.is_gap(seconds))]
    length = np.bincount(run)
    sailed = np.bincount(
        run[1:], weights=np.where(np.diff(run) == 0, km, 0.0), minlength=run[-1] + 1
    )
    stuck = (length >= STUCK_ROWS) & (sailed > STUCK_KM)
    return stuck[run], {}


def _pieces(part):
    """Rows with a residual, in pieces without gaps, and kilometres from reading to reading."""
    rows = np.flatnonzero(np.isfinite(part["residual_nt"].to_numpy(float)))
    if rows.size < SPIKE_ROWS:
        return []
    gaps = _table.gaps(part.iloc[rows])
    km = np.split(np.r_[0.0, _table.steps(part.iloc[rows])[1]], gaps)
    return [(piece, k[1:]) for piece, k in zip(np.split(rows, gaps), km, strict=True)]


def _find_spikes(part):
    """Find readings far off the running median, by the scatter of their neighbourhood."""
    bad = np.zeros(len(part), dtype=bool)
    value = part["residual_nt"].to_numpy(float)
    for rows, km in _pieces(part):
        if rows.size < SPIKE_ROWS:
            continue
        # Hampel: a spike is |T - median| > 8 standard deviations, these from the median of |...|
        off = np.abs(value[rows] - median_filter(value[rows], SPIKE_ROWS, mode="nearest"))
        apart = np.maximum(np.r_[km, 0.0], np.r_[0.0, km])
        least = LEAST_SPIKE_NT + STEEPEST_NT_KM * apart
        bad[rows] = off > np.maximum(SPIKE_SIGMA * _scatter(off), least)
    return bad, {}


def _scatter(off):
    """Local standard deviation of deviations, robust: from their running median."""
    return _table.TO_SIGMA * median_filter(off, min(ROUGH_ROWS, off.size | 1), mode="reflect")


def _flag_swaps(part):
    """Add the column ``level``, and list time and size of each lasting step."""
    value, swap, found = part["residual_nt"].to_numpy(float), np.zeros(len(part), dtype=int), []
    for rows, km in _pieces(part):
        if rows.size < 2 * SWAP_ROWS:
            continue
        jump = np.abs(np.diff(value[rows]))
        least = LEAST_SWAP_NT + STEEPEST_NT_KM * km
        for k in np.flatnonzero(jump > np.maximum(SWAP_SIGMA * _scatter(jump), least)):
            about = np.r_[jump[max(k - 3, 0) : k], jump[k + 1 : k + 4]]
            size = _lasting(value[rows], k + 1)
            if jump[k] > 3 * about.max() and abs(size) > 0.6 * jump[k]:
                swap[rows[k + 1]] = 1
                time = part["time"].iloc[rows[k + 1]]
                found.append({"time": time.isoformat(), "step_nt": round(float(size), 1)})
    return part.assign(level=np.cumsum(swap)), found


def _lasting(known, k):
    """Change of level at row k: straight lines fitted on either side, robustly, meet there."""
    sides = known[max(k - SWAP_ROWS, 0) : k][::-1], known[k : k + SWAP_ROWS]
    ends = []
    for side in sides:
        third = max(len(side) // 3, 1)
        near, far = np.median(side[:third]), np.median(side[-third:])
        ends.append(near + (near - far) * third / 2 / max(len(side) - third, 1))
    return ends[1] - ends[0]


NEED_TIMES = ("jumps", "stationary")
FINDERS = {
    "duplicates": _find_duplicates,
    "jumps": _find_jumps,
    "stationary": _find_stationary,
    "dropouts": _find_dropouts,
    "spikes": _find_spikes,
}
