"""Clean cruises: take out what cannot be true, flag what may not be, and say how much of each.

The steps, in this order; each works on one cruise at a time and can be switched off:

duplicates  rows at a time that was there already (and rows out of order are put in order)
jumps       rows whose position or time would need an impossible speed
stationary  stretches where the ship lay still
dropouts    a stuck instrument: one and the same value while the ship sails on
spikes      single or double readings far off the running median
swaps       sudden lasting changes of level, as when a sensor is exchanged: flagged, not removed
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from . import _table

STEPS = ["duplicates", "jumps", "stationary", "dropouts", "spikes", "swaps"]
SLACK_KM = 0.2  # by which rounded positions and minutes may be off
MOST_DROPPED = 5  # rows given up to mend one impossible step; beyond that it is only counted
TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, normal distribution
SPIKE_ROWS, ROUGH_ROWS = 5, 101  # windows of the running median and of its local scatter
LEAST_SPIKE_NT = 20.0
STEEPEST_NT_KM = 100.0  # what sources some kilometres below the ship can make of a flank
SWAP_ROWS = 15  # rows on either side over which a change of level must last
LEAST_SWAP_NT = 60.0


def clean(
    table,
    *,
    duplicates: bool = True,
    jumps: bool = True,
    stationary: bool = True,
    dropouts: bool = True,
    spikes: bool = True,
    swaps: bool = True,
    max_speed_kmh: float = 45.0,
    still_kmh: float = 1.0,
    still_minutes: float = 20.0,
    stuck_rows: int = 20,
    spike_sigma: float = 8.0,
    swap_sigma: float = 12.0,
) -> pd.DataFrame:
    """Clean the cruises of a table.

    Parameters
    ----------
    table : pandas.DataFrame
        A track table. Spikes and swaps are looked for in ``residual_nt``: recompute it before.
    duplicates, jumps, stationary, dropouts, spikes, swaps : bool
        Which steps to do; see the head of this module.
    max_speed_kmh : float
        Faster a ship does not sail (45 km/h are 24 knots).
    still_kmh, still_minutes : float
        A ship slower than this over so long lies still.
    stuck_rows : int
        So many equal readings in a row, over more than 2 km, are a stuck instrument.
    spike_sigma : float
        A spike is so many local standard deviations off the median of the five readings about
        it, and at least 20 nT plus 100 nT for each kilometre between readings: a Hampel filter
        whose scale is that of the longer neighbourhood (101 readings). So the flanks of true
        anomalies stay, and sparse readings, of which any could be a crest, are left alone.
    swap_sigma : float
        A swap is a step between two readings of so many local standard deviations of such steps,
        three times the steps about it, and at least 60 nT plus 100 nT for each kilometre; most
        of it lasts for the next 15 readings.

    Returns
    -------
    pandas.DataFrame
        The rows that are left, each cruise in the order of time, with an int column ``level``
        that rises by one within a cruise at each swap (where that step is on).
        ``attrs["cleaning"]`` has the counts for each cruise; see `report`.

    Raises
    ------
    TrackError
        If the table has no rows.

    Notes
    -----
    Hampel filter: Pearson (2002), doi:10.1109/TCST.2001.995563.
    """
    if not len(table):
        raise _table.TrackError("There is nothing to clean: the table has no rows")
    limits = {
        "jumps": {"max_speed_kmh": max_speed_kmh},
        "stationary": {"still_kmh": still_kmh, "seconds": 60 * still_minutes},
        "dropouts": {"stuck_rows": stuck_rows},
        "spikes": {"sigma": spike_sigma},
    }
    on = dict(zip(STEPS, (duplicates, jumps, stationary, dropouts, spikes, swaps), strict=True))
    parts, found = [], {}
    for cruise, part in table.groupby("cruise", sort=False, dropna=False):
        part, said = _clean_cruise(part, on, limits)
        if swaps:
            part, said["swaps"] = _flag_swaps(part, swap_sigma)
        parts.append(part)
        found[cruise] = said | {"rows_out": len(part)}
    out = pd.concat(parts, ignore_index=True)
    out.attrs = {**table.attrs, "cleaning": found}
    return out


def report(table) -> pd.DataFrame:
    """Tabulate what was cleaned.

    Parameters
    ----------
    table : pandas.DataFrame
        A table from `clean`, or one derived from it.

    Returns
    -------
    pandas.DataFrame
        A row for each cruise: ``rows_in``, ``out_of_order``, ``gaps`` in the readings as they
        came, the rows that each step removed,
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


def _clean_cruise(part, on, limits):
    """One cruise without what the steps remove, and the counts."""
    said = {"rows_in": len(part)}
    backwards = part["time"].diff() < pd.Timedelta(0)
    said["out_of_order"] = int(backwards.sum())
    part = part.sort_values("time", kind="stable") if said["out_of_order"] else part
    said["gaps"] = int(_table.is_gap(_table.steps(part)[0]).sum())
    for name, find in FINDERS.items():
        if on[name]:
            said[name] = 0
        if on[name] and len(part):
            bad, more = find(part, **limits.get(name, {}))
            said |= {name: int(bad.sum()), **more}
            part = part[~bad] if bad.any() else part
    return part, said


def _find_duplicates(part):
    """Rows at a time that an earlier row has."""
    return part["time"].duplicated().to_numpy(), {}


def _find_jumps(part, max_speed_kmh):
    """Rows to give up so that no step is impossible; few at each, on the side that needs fewer."""
    seconds, km = _table.steps(part)
    late = np.flatnonzero(km > max_speed_kmh * seconds / 3600 + SLACK_KM) + 1
    bad, left = np.zeros(len(part), dtype=bool), 0
    pace = _pace(part, max_speed_kmh)
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


def _pace(part, max_speed_kmh):
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
        return km / max(taken, 1e-9) if km <= max_speed_kmh * taken + SLACK_KM else math.inf

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


def _find_stationary(part, still_kmh, seconds):
    """Rows about which, before and after, the ship did not get away."""
    time = (part["time"] - part["time"].iloc[0]).dt.total_seconds().to_numpy()
    lon, lat = part["longitude"].to_numpy(float), part["latitude"].to_numpy(float)
    here = np.arange(len(part))
    first = np.minimum(np.searchsorted(time, time - seconds / 2, side="left"), here)
    last = np.maximum(np.searchsorted(time, time + seconds / 2, side="right") - 1, here)
    reach = still_kmh * seconds / 2 / 3600
    near = (_table.distance_km(lon, lat, lon[first], lat[first]) < reach) & (
        _table.distance_km(lon, lat, lon[last], lat[last]) < reach
    )
    # three quarters of the time must be covered: sparse readings prove nothing
    return near & (time[last] - time[first] >= 0.75 * seconds), {}


def _find_dropouts(part, stuck_rows):
    """Rows of long runs of one value while the ship sails."""
    seconds, km = _table.steps(part)
    total = part["total_field_nt"].to_numpy(float)
    value = np.where(np.isnan(total), part["residual_nt"].to_numpy(float), total)
    run = np.r_[0, np.cumsum((np.diff(value) != 0) | _table.is_gap(seconds))]
    length = np.bincount(run)
    sailed = np.bincount(
        run[1:], weights=np.where(np.diff(run) == 0, km, 0.0), minlength=run[-1] + 1
    )
    stuck = (length >= stuck_rows) & (sailed > 2.0)
    return stuck[run], {}


def _pieces(part):
    """Rows with a residual, in pieces without gaps, and kilometres from reading to reading."""
    rows = np.flatnonzero(np.isfinite(part["residual_nt"].to_numpy(float)))
    if rows.size < SPIKE_ROWS:
        return []
    seconds, km = _table.steps(part.iloc[rows])
    breaks = np.flatnonzero(_table.is_gap(seconds)) + 1
    km = np.split(np.r_[0.0, km], breaks)
    return [(piece, k[1:]) for piece, k in zip(np.split(rows, breaks), km, strict=True)]


def _find_spikes(part, sigma):
    """Find readings far off the running median, by the scatter of their neighbourhood."""
    bad = np.zeros(len(part), dtype=bool)
    value = part["residual_nt"].to_numpy(float)
    for rows, km in _pieces(part):
        if rows.size < SPIKE_ROWS:
            continue
        off = np.abs(value[rows] - median_filter(value[rows], SPIKE_ROWS, mode="nearest"))
        apart = np.maximum(np.r_[km, 0.0], np.r_[0.0, km])
        least = LEAST_SPIKE_NT + STEEPEST_NT_KM * apart
        bad[rows] = off > np.maximum(sigma * _scatter(off), least)
    return bad, {}


def _scatter(off):
    """Local standard deviation of deviations, robust: from their running median."""
    return TO_SIGMA * median_filter(off, min(ROUGH_ROWS, off.size | 1), mode="reflect")


def _flag_swaps(part, sigma):
    """Add the column ``level``, and list time and size of each lasting step."""
    value, swap, found = part["residual_nt"].to_numpy(float), np.zeros(len(part), dtype=int), []
    for rows, km in _pieces(part):
        if rows.size < 2 * SWAP_ROWS:
            continue
        jump = np.abs(np.diff(value[rows]))
        least = LEAST_SWAP_NT + STEEPEST_NT_KM * km
        for k in np.flatnonzero(jump > np.maximum(sigma * _scatter(jump), least)):
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


FINDERS = {
    "duplicates": _find_duplicates,
    "jumps": _find_jumps,
    "stationary": _find_stationary,
    "dropouts": _find_dropouts,
    "spikes": _find_spikes,
}
