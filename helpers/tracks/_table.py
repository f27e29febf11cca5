"""The table of readings: its columns, what a valid row is, and distances and gaps along it.

A reader takes the bytes of one file, its full name for messages (`where`) and its name without
folder and ending (`stem`, the cruise where the file names none). It turns them into columns
(`judge` says which) and finds what only the format can tell, such as a line that is cut. Here
the rows are judged alike, the good ones kept and the others counted, each under the first reason
of `REASONS` that fits. Each reader raises `TrackError` where no row is valid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import _shared

COLUMNS = [
    "cruise",
    "time",
    "longitude",
    "latitude",
    "total_field_nt",
    "residual_nt",
    "depth_m",
]
REASONS = [  # in the order of judgement: a row counts under the first that fits
    "repeated header",
    "truncated line",
    "wrong number of fields",
    "not a data record",
    "unparsable number",
    "bad position",
    "bad time",
    "no magnetic reading",
    "total field out of range",
    "residual out of range",
]
NOTES = [  # what is told of rows that are kept
    "depth blanked",
    "total field blanked",
    "residual blanked",
    "second sensor",
    "time interpolated",
    "time made up",
]
FIELD_RANGE_NT = (15_000.0, 75_000.0)  # wider than the Earth's field at the sea surface
LARGEST_NT = 10_000.0  # beyond this no anomaly at the sea surface lies
DEEPEST_M = 12_000.0
MADE_UP_KMH, MADE_UP_START = 18.0, "2000-01-01"  # of rows without times,
MADE_UP_STEP_S, MADE_UP_YEARS = (1.0, 86_400.0), 90.0  # least and most from row to row, and in all
NO_FIX_DEG = 0.5  # 0, 0 is no position where no other lies so near
TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, normal distribution
YEARS = (1900, 2100)  # the first year of a valid time, and the first that is none


class TrackError(ValueError):
    """A file, folder or archive that holds no readable track; the message says why."""


@dataclass
class Reading:
    """What one file held: the rows kept, in the order of the file, and what became of the others.

    `counts` has ``rows_read``, ``rows_kept``, a count for each of `REASONS`, and of `NOTES` for
    rows that are kept: values that were blanked (a depth that is no number between 0 and 12,000 m,
    a total field or residual that is none), readings of a second sensor, times that were missing.
    """

    table: pd.DataFrame  # the columns of `COLUMNS`
    counts: dict
    about: dict  # what the file says of itself: ``platform``, ``instrument`` and so on


def judge(where, columns, faults=None, about=None, starts=()) -> Reading:
    """Keep the valid rows and count the others.

    `columns` has ``cruise``, ``time`` (datetime64 in UTC, NaT where there is none) and the float
    columns of `COLUMNS`, NaN where there is no value; it may have ``second_nt``, the total field
    of a second sensor.  `faults` marks the rows that show one of `REASONS`, or of `NOTES`, as the
    reader itself found it.  Segments begin with the rows `starts`.

    Rows without a time keep their residual: their time is interpolated between those before and
    after, in the order of the file.  Where a cruise has no times at all they are made up, and the
    table has a column ``time_made_up``.
    """
    rows = len(columns["time"])
    found = {reason: np.zeros(rows, dtype=bool) for reason in [*REASONS, *NOTES]} | (faults or {})
    columns = {name: np.array(column) for name, column in columns.items()}
    depth = columns["depth_m"]
    unlikely = (depth < 0) | (depth > DEEPEST_M)
    depth[unlikely] = np.nan
    found["depth blanked"] = found["depth blanked"] | unlikely
    _judge_readings(columns, found)
    lon, lat = columns["longitude"], columns["latitude"]
    found["bad position"] = ~((np.abs(lat) <= 90) & (lon >= -180) & (lon <= 360))
    found["bad position"] |= _no_fix(lon, lat, ~found["bad position"])
    columns["longitude"] = np.where(lon > 180, lon - 360, lon)
    time = columns["time"] = columns["time"].astype("datetime64[ns]")
    first, end = (np.datetime64(f"{year}-01-01", "ns") for year in YEARS)
    bad = found["bad time"] | ((time < first) | (time >= end))
    time[bad] = np.datetime64("NaT")
    cruises = pd.factorize(columns["cruise"])[0] if rows else np.zeros(0, int)
    timed = np.bincount(cruises, ~np.isnat(time), minlength=1)[cruises] > 0
    # without any time there is no reference field, and a total field alone says nothing
    alone = np.isfinite(columns["total_field_nt"]) & np.isnan(columns["residual_nt"])
    found["bad time"] = bad | (~timed & alone)
    keep, counts = _sift(found, rows)
    if not keep.any():
        said = [f"{counts[reason]} {reason}" for reason in REASONS if counts[reason]]
        raise TrackError(
            f"{where} has no valid row: {rows} read{', ' if said else ''}{', '.join(said)}"
        )
    table = pd.DataFrame({name: columns[name] for name in COLUMNS})
    starts = np.isin(np.arange(rows), list(starts))
    if not keep.all():
        table, starts, cruises = table[keep], starts[keep], cruises[keep]
    about = {name: text for name, text in (about or {}).items() if text}
    if table["time"].isna().any():
        table, made_up, between = _with_times(table, cruises, starts)
        counts |= {"time interpolated": between, "time made up": made_up}
        about |= {"time": "made up: the file has none"} if made_up else {}
    return Reading(table, counts, about)


def _judge_readings(columns, found):
    """Blank readings that are numbers for "no value", and tell which rows have none left."""
    total, residual = columns["total_field_nt"], columns["residual_nt"]
    off = np.isfinite(total) & ~in_range(total)
    filled = no_value(residual)
    total[off], residual[filled] = np.nan, np.nan
    second = columns.pop("second_nt", np.full(total.size, np.nan))
    second = np.where(in_range(second), second, np.nan)
    instead = np.isfinite(second) & np.isnan(total)
    instead &= np.isnan(residual) | np.isnan(total).all()
    total[instead] = second[instead]
    none = np.isnan(total) & np.isnan(residual)
    found["no magnetic reading"] = none & ~off & ~filled
    found["total field out of range"] = none & off
    found["residual out of range"] = none & filled
    found["total field blanked"] = off
    found["residual blanked"] = filled
    found["second sensor"] = instead


def in_range(total) -> np.ndarray:
    """Which total fields (nT) the Earth may have."""
    return (total >= FIELD_RANGE_NT[0]) & (total <= FIELD_RANGE_NT[1])


def no_value(values) -> np.ndarray:
    """Which anomalies (nT) are numbers for "no value": beyond physics, or fills that lie apart."""
    with np.errstate(invalid="ignore"):
        bad = np.abs(values) > LARGEST_NT
    return bad | np.isin(values, _shared.fill_values(values[np.isfinite(values) & ~bad]))


def _no_fix(lon, lat, valid):
    """Rows at 0, 0, unless others lie near: navigation without a fix writes it."""
    null = (lon == 0) & (lat == 0)
    if not null.any():
        return null
    others = valid & ~null
    near = (np.abs(lon[others]) < NO_FIX_DEG) & (np.abs(lat[others]) < NO_FIX_DEG)
    return null & bool(others.any() and not near.any())


def _sift(found, rows):
    """Which rows have no fault, and the count of each reason."""
    keep = np.ones(rows, dtype=bool)
    counts = {"rows_read": rows, "rows_kept": 0}
    for reason in REASONS:
        counts[reason] = int((keep & found[reason]).sum())
        keep &= ~found[reason]
    counts["rows_kept"] = int(keep.sum())
    counts |= {note: int((keep & found[note]).sum()) for note in NOTES}
    return keep, counts


def _with_times(table, cruises, starts):
    """Give times to rows without; tell how many were made up and how many interpolated."""
    time = table["time"].to_numpy().copy()
    made_up, between = np.zeros(len(table), bool), 0
    lon, lat = table["longitude"].to_numpy(), table["latitude"].to_numpy()
    for cruise in np.unique(cruises[np.isnat(time)]):
        rows = np.flatnonzero(cruises == cruise)
        gone = _sailed(lon[rows], lat[rows], starts[rows])  # seconds since the first row
        known = np.flatnonzero(~np.isnat(time[rows]))
        if not known.size:
            time[rows] = np.datetime64(MADE_UP_START, "ns") + (gone * 1e9).astype("timedelta64[ns]")
            made_up[rows] = True
            continue
        missing = np.flatnonzero(np.isnat(time[rows]))
        start = time[rows[known[0]]]
        seconds = (time[rows[known]] - start) / np.timedelta64(1, "s")
        filled = np.interp(missing, known, seconds)  # in the order of the file
        for end, outside in ((known[0], missing < known[0]), (known[-1], missing > known[-1])):
            filled[outside] += gone[missing[outside]] - gone[end]
        time[rows[missing]] = start + (filled * 1e9).astype("timedelta64[ns]")
        between += missing.size
    table = table.assign(time=time)
    table = table.assign(time_made_up=made_up) if made_up.any() else table
    return table, int(made_up.sum()), between


def _sailed(lon, lat, starts):
    """Seconds since the first row at one speed, in the order of the rows; a gap at each start."""
    km = distance_km(lon[:-1], lat[:-1], lon[1:], lat[1:])
    seconds = np.clip(km / MADE_UP_KMH * 3600, *MADE_UP_STEP_S)
    if starts[1:].any():
        seconds[starts[1:]] += max(4 * GAP_LEAST_S, 2 * GAP_STEPS * float(np.median(seconds)))
    gone = np.r_[0.0, np.cumsum(seconds)]
    return gone * min(1.0, MADE_UP_YEARS * 365 * 86_400 / max(gone[-1], 1.0))


def number(column):
    """Numbers of a column of text, NaN where there is no finite one; and where text is none."""
    if column.dtype.kind not in "iuf":
        column = stripped(column).replace("", np.nan)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, copy=True)
    broken = column.notna().to_numpy() & ~np.isfinite(values)
    values[~np.isfinite(values)] = np.nan
    return values, broken


def numbers(raw, columns, rows):
    """Columns of numbers, NaN where there is none, and the faults of their rows.

    `columns` says which column of the raw text table (or dict of columns) is which of ours. A field
    that is no number spoils its row, but for the depth, which is blanked and counted.
    """
    values = {}
    faults = {"unparsable number": np.zeros(rows, bool), "depth blanked": np.zeros(rows, bool)}
    for ours, theirs in columns.items():
        values[ours] = np.full(rows, np.nan)
        if theirs in raw:
            values[ours], broken = number(raw[theirs])
            reason = "depth blanked" if ours == "depth_m" else "unparsable number"
            faults[reason] = faults[reason] | broken
    return values, faults


def faults_of_lines(column, names, body, separator, last_needed):
    """Which rows repeat the header line, and which may be cut inside, or before, a needed field.

    The former have in `column` one of the `names` of that column.  Only the last row can be cut, if
    it has no line end and no separator after field `last_needed`.
    """
    repeated, cut = np.zeros((2, len(column)), dtype=bool)
    if column.dtype.kind not in "iuf":
        repeated = stripped(column).isin(names).to_numpy(dtype=bool)
    last_line = body[body.rfind(b"\n") + 1 :]
    if not body.endswith(b"\n"):
        cut[-1:] = last_line.count(separator.encode()) <= last_needed
    return {"repeated header": repeated, "truncated line": cut}


def stripped(column):
    """Text column without blanks about its values; NaN stays."""
    return column.astype(object).map(lambda value: str(value).strip(), na_action="ignore")


def matched(form, texts) -> dict:
    """Give the groups of a regular expression that fits a whole text, as arrays by name.

    They are "" where a text does not fit, or has no such group; ``fits`` tells which ones do.
    """
    form = re.compile(form)
    place, different = pd.factorize(np.asarray(texts, dtype=object))  # times and days repeat
    found = [form.fullmatch(text) for text in different]
    nothing = ("",) * form.groups
    groups = [match.groups("") if match else nothing for match in found]
    columns = np.array(groups, dtype=object).reshape(len(found), form.groups)
    named = {name: columns[place, at - 1] for name, at in form.groupindex.items()}
    return named | {"fits": np.array([match is not None for match in found], bool)[place]}


def floats(texts) -> np.ndarray:
    """Numbers of texts with a decimal point or comma, NaN where a text is empty."""
    place, different = pd.factorize(np.asarray(texts, dtype=object))
    values = [float(text.replace(",", ".")) if text else np.nan for text in different]
    return np.array(values, float)[place]


def names_of_cruises(column, stem):
    """Cruise of each row, an object array; `stem` where the column is blank."""
    kinds = {kind: str(kind).strip() or stem for kind in column.dropna().unique()}
    return column.map(kinds).astype(object).fillna(stem).to_numpy(dtype=object)


def unified(content):
    """Bytes of a text file without byte order mark, every line end a newline."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content.removeprefix(b"\xef\xbb\xbf")


def calendar(year, month, day, seconds):
    """UTC as datetime64[ns] from calendar numbers (float, NaN where unknown), to the millisecond.

    `seconds` count from midnight, negative or beyond a day where a time zone leads there. NaT where
    there is no such day.
    """
    valid = np.isfinite(year) & np.isfinite(month) & np.isfinite(day) & np.isfinite(seconds)
    valid &= (year >= YEARS[0]) & (year < YEARS[1]) & (month >= 1) & (month <= 12)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype(np.int64)
    months = months.astype("datetime64[M]")
    first = months.astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[D]") - first).astype(int)
    valid &= (day >= 1) & (day <= length)
    days = np.where(valid, day - 1, 0).astype(np.int64)
    milliseconds = np.rint(1000 * np.where(valid, seconds, 0.0)).astype("timedelta64[ms]")
    time = (first + days).astype("datetime64[ns]") + milliseconds
    return np.where(valid, time, np.datetime64("NaT"))


# Along a track: distances, steps from row to row, gaps, and a summary per cruise.

EARTH_KM = 6371.0088  # mean radius, IUGG
GAP_STEPS = 10.0  # a step this many times the median one is a gap,
GAP_LEAST_S = 1800.0  # but not below half an hour


def distance_km(lon0, lat0, lon1, lat1) -> np.ndarray:
    """Great-circle distance (km) between points in degrees, also across the date line.

    Haversine formula, exact for short distances too, on a sphere of the Earth's mean radius.
    """
    a, b = np.radians(lat0), np.radians(lat1)
    # haversines of the differences: sin²(Δφ/2) + cos φ₀ cos φ₁ sin²(Δλ/2)
    across = np.sin(np.radians(np.subtract(lon1, lon0)) / 2) ** 2
    square = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * across
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(square, 0, 1)))


def steps(table) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and kilometres from each row of one cruise, in the order sailed, to the next."""
    lon, lat = table["longitude"].to_numpy(float), table["latitude"].to_numpy(float)
    seconds = np.diff(table["time"].to_numpy("datetime64[ns]")) / np.timedelta64(1, "s")
    return seconds, distance_km(lon[:-1], lat[:-1], lon[1:], lat[1:])


def gaps(table) -> np.ndarray:
    """Find the gaps in the readings of one cruise.

    Parameters
    ----------
    table : pandas.DataFrame, n rows
        One cruise in the order sailed.

    Returns
    -------
    numpy.ndarray of int
        Positions (from 0) of the rows that follow a gap: a step in time of over half an hour and
        over ten times the median step.

    Examples
    --------
    >>> import pandas as pd
    >>> minutes = pd.to_timedelta([0, 1, 2, 60, 61], unit="min")
    >>> table = pd.DataFrame({"time": pd.Timestamp("2001-01-01") + minutes})
    >>> gaps(table.assign(longitude=0.0, latitude=50.0))
    array([3])
    """
    return np.flatnonzero(is_gap(steps(table)[0])) + 1


def is_gap(seconds) -> np.ndarray:
    """Which steps are over half an hour and over ten times the median step."""
    usual = np.median(seconds[seconds > 0]) if (seconds > 0).any() else 0.0
    return seconds > max(GAP_STEPS * usual, GAP_LEAST_S)


def summary(table) -> pd.DataFrame:
    """Tell in one row what each cruise is.

    Parameters
    ----------
    table : pandas.DataFrame
        A table from `helpers.tracks.read_tracks`, or one derived from it.

    Returns
    -------
    pandas.DataFrame
        A row for each cruise: ``first``, ``last`` (UTC), ``rows``, ``length_km`` (gaps left out),
        ``gaps``, ``sampling_s`` and ``sampling_km`` (medians), ``rejected_share`` (0 to 1, of the
        rows of its files, NaN where that is unknown) and ``reasons``, the main ones in words.
    """
    files, report = table.attrs.get("files", {}), table.attrs.get("report", {})
    rows = {}
    for cruise, part in table.groupby("cruise", sort=False, dropna=False):
        part = part.sort_values("time", kind="stable")
        seconds, km = steps(part)
        gap = is_gap(seconds)
        one = len(part) > 1
        rows[cruise] = {
            "first": part["time"].iloc[0],
            "last": part["time"].iloc[-1],
            "rows": len(part),
            "length_km": float(km[~gap].sum()),
            "gaps": int(gap.sum()),
            "sampling_s": float(np.median(seconds)) if one else np.nan,
            "sampling_km": float(np.median(km)) if one else np.nan,
        } | _rejected([report[name] for name in files.get(cruise, []) if name in report])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cruise")


def _rejected(counts):
    """Share of rejected rows in some files, and the main reasons."""
    read = sum(count["rows_read"] for count in counts)
    if not read:
        return {"rejected_share": np.nan, "reasons": ""}
    lost = {reason: sum(count.get(reason, 0) for count in counts) for reason in REASONS}
    main = sorted((reason for reason in REASONS if lost[reason]), key=lambda r: -lost[r])[:3]
    kept = sum(count["rows_kept"] for count in counts)
    words = ", ".join(f"{lost[reason]} {reason}" for reason in main)
    return {"rejected_share": 1 - kept / read, "reasons": words}
