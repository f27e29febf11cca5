"""The MGD77T format: one cruise, tab-separated, one header line (NOAA NCEI).

`helpers.tracks` gathers what this module reads from single files. Column names and units:
MGD77T data format description, NOAA National Centers for Environmental Information.
"""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd

from helpers.readings import (
    Reading,
    TrackError,
    calendar,
    judge,
    names_of_cruises,
    number,
    stripped,
    unified,
)

PLACE_AND_TIME = ["DATE", "TIME", "LAT", "LON"]  # a file without these is not MGD77T
MAGNETIC = ["MAG_TOT", "MAG_RES"]
NUMBERS = [*PLACE_AND_TIME, *MAGNETIC, "TIMEZONE", "CORR_DEPTH"]
ABOUT = {  # what is kept of the .h77t file beside a cruise
    "PLATFORM": "platform",
    "INST_SRC": "institution",
    "NAV_INSTR": "navigation",
    "MAG_INSTR": "instrument",
    "MAG_REFFLD": "reference_field",
}


def read_mgd77t(content, where, stem) -> Reading:
    """Read one MGD77T file.

    Parameters
    ----------
    content : bytes
        The file; any line ending, any order of columns, trailing empty fields left out or not.
    where : str
        The file, for messages.
    stem : str
        Its name without ending: the cruise where SURVEY_ID is blank.

    Returns
    -------
    Reading

    Raises
    ------
    TrackError
        If the file is not MGD77T, has no magnetic column or no valid row.
    """
    first, _, body = unified(content).partition(b"\n")
    header = _header(where, first)
    raw = _raw(body, header)
    values, broken, depth_broken = _numbers(raw)
    nowhere = pd.Series(np.full(len(raw), np.nan), index=raw.index)
    columns = {
        "cruise": names_of_cruises(raw.get("SURVEY_ID", nowhere), stem),
        "time": _times(values),
        "longitude": values["LON"],
        "latitude": values["LAT"],
        "total_field_nt": values["MAG_TOT"],
        "residual_nt": values["MAG_RES"],
        "depth_m": values["CORR_DEPTH"],
    }
    cut = np.zeros(len(raw), dtype=bool)
    if len(raw):
        cut[-1] = _is_truncated(body, header)
    faults = {
        "repeated header": _repeated(raw),
        "truncated line": cut,
        "unparsable number": broken,
        "depth blanked": depth_broken,
    }
    return judge(where, columns, faults)


def read_h77t(content) -> dict:
    """Read what an MGD77T header file says of a cruise.

    Parameters
    ----------
    content : bytes
        The ``.h77t`` file: a line of names and a line of values, tab-separated.

    Returns
    -------
    dict
        ``platform``, ``institution``, ``navigation``, ``instrument`` and ``reference_field``, as
        far as they are filled in; empty if the file is something else.
    """
    lines = unified(content).decode("latin-1").split("\n")
    if len(lines) < 2:
        return {}
    found = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=False))
    said = {ours: found.get(theirs, "").strip() for theirs, ours in ABOUT.items()}
    return {name: value for name, value in said.items() if value}


def _header(where, first):
    """Column names of the file, or a clear error where it is no magnetic MGD77T file."""
    names = [name.strip().upper() for name in first.decode("latin-1").split("\t")]
    if "FORMAT_77" in names:
        raise TrackError(f"{where} is an MGD77T header file (.h77t); give the .m77t beside it")
    missing = [name for name in PLACE_AND_TIME if name not in names]
    if missing:
        raise TrackError(
            f"{where} is not MGD77T: its first line should name tab-separated columns, and "
            f"{', '.join(missing)} are not among them; it begins {first[:60].decode('latin-1')!r}"
        )
    if not any(name in names for name in MAGNETIC):
        raise TrackError(
            f"{where} has no magnetic column: neither MAG_TOT nor MAG_RES is among "
            f"{', '.join(names)}"
        )
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise TrackError(f"{where} names a column twice: {', '.join(twice)}")
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
    """Columns as float arrays, rows with text where a number is needed, and such depths."""
    values, broken = {}, np.zeros(len(raw), dtype=bool)
    depth_broken = broken.copy()
    for name in NUMBERS:
        if name not in raw:
            values[name] = np.full(len(raw), np.nan)
            continue
        values[name], bad = number(raw[name])
        if name == "CORR_DEPTH":  # a depth is not needed: it is blanked, and that is counted
            depth_broken |= bad
        else:
            broken |= bad
    return values, broken, depth_broken


def _times(values):
    """UTC of each row as datetime64[ns], NaT where it is invalid."""
    date, clock = values["DATE"], values["TIME"]
    zone = np.where(np.isnan(values["TIMEZONE"]), 0.0, values["TIMEZONE"])
    valid = np.isfinite(date) & (np.abs(date) < 1e9)
    digits = np.where(valid, date, 0).astype(np.int64)
    hour = np.floor(clock / 100)
    minute = clock - 100 * hour
    valid &= (digits == date) & (hour >= 0) & (hour < 24) & (minute < 60) & (np.abs(zone) <= 14)
    seconds = np.where(valid, 3600.0 * (hour + zone) + 60.0 * minute, np.nan)
    return calendar(digits // 10_000, digits // 100 % 100, digits % 100, seconds)


def _repeated(raw):
    """Which rows repeat the header line."""
    if raw["LAT"].dtype.kind in "iuf":
        return np.zeros(len(raw), dtype=bool)
    return stripped(raw["LAT"]).isin(["LAT", "lat"]).to_numpy(dtype=bool)


def _is_truncated(body, header):
    """Tell whether the last line may be cut inside, or before, a field that a row needs."""
    if body.endswith(b"\n"):
        return False
    reading = next(name for name in MAGNETIC if name in header)
    needed = max(header.index(name) for name in [*PLACE_AND_TIME, reading])
    return body[body.rfind(b"\n") + 1 :].count(b"\t") <= needed
