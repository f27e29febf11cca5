"""The MGD77T format: one cruise, tab-separated, one header line (NOAA NCEI).

`helpers.tracks` gathers what this module reads from single files. Column names and units:
MGD77T data format description, NOAA National Centers for Environmental Information.
"""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd

COLUMNS = [
    "cruise",
    "time",
    "longitude",
    "latitude",
    "total_field_nt",
    "residual_nt",
    "depth_m",
]
PLACE_AND_TIME = ["DATE", "TIME", "LAT", "LON"]  # a file without these is not MGD77T
MAGNETIC = ["MAG_TOT", "MAG_RES"]
NUMBERS = [*PLACE_AND_TIME, *MAGNETIC, "TIMEZONE", "CORR_DEPTH"]
REASONS = [  # in the order of judgement: a row counts under the first that fits
    "repeated header",
    "truncated line",
    "unparsable number",
    "bad position",
    "bad time",
    "no magnetic reading",
    "total field out of range",
]
FIELD_RANGE_NT = (15_000.0, 75_000.0)  # wider than the Earth's field at the sea surface
DEEPEST_M = 12_000.0


class TrackError(ValueError):
    """A file or folder that holds no readable track; the message says why."""


def read_mgd77t(file):
    """Read one MGD77T file.

    Parameters
    ----------
    file : pathlib.Path
        The file; any line ending, any order of columns, trailing empty fields left out or not.

    Returns
    -------
    table : pandas.DataFrame
        The columns of `COLUMNS`, one row for each reading kept, in the order of the file.
    counts : dict
        ``rows_read``, ``rows_kept``, a count for each of `REASONS`, and ``depth blanked``: kept
        rows whose depth was no number between 0 and 12,000 m.

    Raises
    ------
    TrackError
        If the file is not MGD77T, has no magnetic column or no valid row.
    """
    content = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    first, _, body = content.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    header = _header(file, first)
    raw = _raw(body, header)
    values, broken = _numbers(raw)
    time, timely = _times(values)
    table = pd.DataFrame(
        {
            "cruise": _cruises(raw, file.stem),
            "time": time,
            "longitude": np.where(values["LON"] > 180, values["LON"] - 360, values["LON"]),
            "latitude": values["LAT"],
            "total_field_nt": values["MAG_TOT"],
            "residual_nt": values["MAG_RES"],
            "depth_m": values["CORR_DEPTH"],
        }
    )
    faults = _faults(raw, values, broken, timely)
    if len(raw):
        faults["truncated line"][-1] = _is_truncated(body, header)
    return _sift(file, table, faults)


def _header(file, first):
    """Column names of the file, or a clear error where it is no magnetic MGD77T file."""
    names = [name.strip().upper() for name in first.decode("latin-1").split("\t")]
    if "FORMAT_77" in names:
        raise TrackError(f"{file} is an MGD77T header file (.h77t); give the .m77t beside it")
    missing = [name for name in PLACE_AND_TIME if name not in names]
    if missing:
        raise TrackError(
            f"{file} is not MGD77T: its first line should name tab-separated columns, and "
            f"{', '.join(missing)} are not among them; it begins {first[:60].decode('latin-1')!r}"
        )
    if not any(name in names for name in MAGNETIC):
        raise TrackError(
            f"{file} has no magnetic column: neither MAG_TOT nor MAG_RES is among "
            f"{', '.join(names)}"
        )
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise TrackError(f"{file} names a column twice: {', '.join(twice)}")
    return names


def _raw(body, header):
    """Table of the columns used; numbers where a whole column is numeric, else text."""
    wanted = [name for name in ["SURVEY_ID", *NUMBERS] if name in header]
    if not body.strip():
        return pd.DataFrame({name: [] for name in wanted})
    return pd.read_csv(
        io.BytesIO("\t".join(header).encode("latin-1", "replace") + b"\n" + body),
        sep="\t",
        usecols=wanted,
        dtype={"SURVEY_ID": object},
        index_col=False,
        quoting=csv.QUOTE_NONE,
        na_values=[""],
        keep_default_na=False,
        encoding="latin-1",
        low_memory=False,
    )


def _numbers(raw):
    """Numeric columns as float arrays, and which rows hold text where a number is needed."""
    values, broken = {}, np.zeros(len(raw), dtype=bool)
    for name in NUMBERS:
        if name not in raw:
            values[name] = np.full(len(raw), np.nan)
            continue
        column = raw[name]
        if column.dtype.kind not in "iuf":
            column = _stripped(column).replace("", np.nan)
        number = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, copy=True)
        bad = column.notna().to_numpy() & ~np.isfinite(number)
        number[~np.isfinite(number)] = np.nan
        values[name] = number
        if name == "CORR_DEPTH":  # a depth is not needed: it is blanked, and that is counted
            bad |= (number < 0) | (number > DEEPEST_M)
            number[bad] = np.nan
            values["depth blanked"] = bad
        else:
            broken |= bad
    values.setdefault("depth blanked", np.zeros(len(raw), dtype=bool))
    return values, broken


def _stripped(column):
    """Text column without blanks about its values; NaN stays."""
    return column.astype(object).map(lambda value: str(value).strip(), na_action="ignore")


def _times(values):
    """UTC of each row as datetime64[ns], and which rows have a valid one (NaT elsewhere)."""
    date, clock = values["DATE"], values["TIME"]
    zone = np.where(np.isnan(values["TIMEZONE"]), 0.0, values["TIMEZONE"])
    valid = np.isfinite(date) & np.isfinite(clock) & (np.abs(zone) <= 14)
    number = np.where(valid & (np.abs(date) < 1e9), date, 0).astype(np.int64)
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    hour = np.floor(clock / 100)
    minute = clock - 100 * hour
    valid &= (number == date) & (year >= 1900) & (year < 2100) & (month >= 1) & (month <= 12)
    valid &= (hour >= 0) & (hour < 24) & (minute < 60)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    first = months.astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[D]") - first).astype(int)
    valid &= (day >= 1) & (day <= length)
    seconds = np.where(valid, 3600.0 * (hour + zone) + 60.0 * minute, 0.0)
    milliseconds = np.rint(1000 * seconds).astype("timedelta64[ms]")
    time = (first + np.where(valid, day - 1, 0)).astype("datetime64[ns]") + milliseconds
    return np.where(valid, time, np.datetime64("NaT")), valid


def _cruises(raw, stem):
    """Cruise of each row; the file's own name where SURVEY_ID is blank."""
    if "SURVEY_ID" not in raw:
        return np.full(len(raw), stem, dtype=object)
    kinds = {kind: str(kind).strip() or stem for kind in raw["SURVEY_ID"].dropna().unique()}
    return raw["SURVEY_ID"].map(kinds).fillna(stem).to_numpy(dtype=object)


def _faults(raw, values, broken, timely):
    """Which rows show which of the reasons for rejection."""
    lon, lat, total = values["LON"], values["LAT"], values["MAG_TOT"]
    header = np.zeros(len(raw), dtype=bool)
    if raw["LAT"].dtype.kind not in "iuf":
        header = _stripped(raw["LAT"]).isin(["LAT", "lat"]).to_numpy(dtype=bool)
    low, high = FIELD_RANGE_NT
    return {
        "repeated header": header,
        "truncated line": np.zeros(len(raw), dtype=bool),
        "unparsable number": broken,
        "bad position": ~((np.abs(lat) <= 90) & (lon >= -180) & (lon <= 360)),
        "bad time": ~timely,
        "no magnetic reading": np.isnan(total) & np.isnan(values["MAG_RES"]),
        "total field out of range": (total < low) | (total > high),
        "depth blanked": values["depth blanked"],
    }


def _is_truncated(body, header):
    """Tell whether the last line may be cut inside, or before, a field that a row needs."""
    if body.endswith(b"\n"):
        return False
    reading = next(name for name in MAGNETIC if name in header)
    needed = max(header.index(name) for name in [*PLACE_AND_TIME, reading])
    return body[body.rfind(b"\n") + 1 :].count(b"\t") <= needed


def _sift(file, table, faults):
    """Keep the rows without a fault and count the others, each under its first reason."""
    keep = np.ones(len(table), dtype=bool)
    counts = {"rows_read": len(table), "rows_kept": 0}
    for reason in REASONS:
        counts[reason] = int((keep & faults[reason]).sum())
        keep &= ~faults[reason]
    counts["rows_kept"] = int(keep.sum())
    counts["depth blanked"] = int((keep & faults["depth blanked"]).sum())
    if not keep.any():
        said = [f"{counts[reason]} {reason}" for reason in REASONS if counts[reason]]
        raise TrackError(
            f"{file} has no valid row: {len(table)} read{', ' if said else ''}{', '.join(said)}"
        )
    return table[keep], counts
