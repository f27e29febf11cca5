"""Cruises in text tables with named columns: CSV, or with semicolons, tabs, bars or blanks between.

Which column is which is recognised by the names in `NAMES`, or said by the caller. Upper and
lower case are the same, and a unit in brackets after a name does not count. A column that does
not say which reading it is (`EITHER`) is a total field if its values are of that size.

Times are read as ISO 8601, with the zone that is written; without one they are UTC. A ``date``
column beside a ``time`` of day is joined to it. Residuals need no time: without a column of times
the rows are taken in their order, at `MADE_UP_KMH`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import _table

NAMES = {  # names that are recognised, as `_plain` writes them; the first that is there is taken
    "cruise": ["cruise", "survey_id", "surveyid", "cruise_id", "survey"],
    "time": ["time", "datetime", "date_time", "timestamp", "utc", "time_utc", "date"],
    "longitude": ["longitude", "lon", "long", "lon_deg", "longitude_deg", "lon_dd", "long_dd"]
    + ["longitude_dd", "lon_wgs84"],
    "latitude": ["latitude", "lat", "lat_deg", "latitude_deg", "lat_dd", "latitude_dd"]
    + ["lat_wgs84"],
    "total_field_nt": ["total_field_nt", "mag_tot", "mtf1", "total_field", "mag_total", "tmi"],
    "residual_nt": ["residual_nt", "mag_res", "residual", "anomaly_nt", "mag_anomaly"]
    + ["magnetic_anomaly", "maganomaly", "anomaly", "mag_anom", "anom", "anom_nt"]
    + ["residual_field"],
    "depth_m": ["depth_m", "corr_depth", "depth"],
}
EITHER = ["mag", "mag_nt", "magnetic", "magnetics", "mag_field", "f_nt", "nt"]  # their size tells
NEEDED = ["time", "longitude", "latitude"]
READINGS = ["total_field_nt", "residual_nt"]
PROJECTED = {"x", "y", "easting", "northing", "x_m", "y_m", "utm_x", "utm_y"}
EMPTY = ["", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "None"]
SEPARATORS = ",;\t|"
MADE_UP_KMH, MADE_UP_START = 18.0, "2000-01-01"  # of a table without times


def looks_named(content, columns) -> bool:
    """Tell by its header whether a text table seems to hold magnetic readings.

    True for positions of some kind beside them, even such as `read_csv` then refuses.
    """
    first = _split(content[:65536]).header
    given = [_plain(name) for name in (columns or {}).values()]
    lower = {_plain(name) for name in first}
    known = [name for ours in READINGS for name in NAMES[ours]]
    known += EITHER if "magtype" not in lower else []  # magnitudes of earthquakes
    places = [*NAMES["longitude"], *NAMES["latitude"], *PROJECTED]
    magnetic = lower & {*known, *given}
    return len(first) > 2 and bool(magnetic) and len(lower & {*places, *given}) > 1


def read_csv(content, where, stem, columns) -> _table.Reading:
    """Read a text table with named columns; any line ending, any order of columns.

    `columns` gives our name to the file's where they are not to be recognised. `TrackError` where
    longitude, latitude or any reading cannot be found, or a total field has no time.
    """
    header, separator, body = _split(content)
    chosen, date = _choose(where, header, columns or {})
    wanted = [*chosen.values(), *([date] if date is not None else [])]
    raw = _raw(body, header, separator, wanted)
    quantities = ["longitude", "latitude", *READINGS, "depth_m"]
    quantities += ["either"] if "either" in chosen else []
    found, faults = _table.numbers(raw, {name: chosen.get(name) for name in quantities})
    _settle(where, header, chosen, found)
    _check_degrees(where, header, chosen, found)
    blank = pd.Series(np.full(len(raw), np.nan), index=raw.index)
    found["cruise"] = _table.names_of_cruises(raw.get(chosen.get("cruise", -1), blank), stem)
    about = {}
    if "time" in chosen:
        found["time"] = _times(raw[chosen["time"]], raw[date] if date is not None else None)
    else:
        found["time"] = _made_up(found["longitude"], found["latitude"])
        about["time"] = "made up: the file has none"
    needed = max(chosen[name] for name in [*NEEDED, *READINGS] if name in chosen)
    latitude = chosen["latitude"]
    faults |= _table.faults_of_lines(raw[latitude], [header[latitude]], body, separator, needed)
    return _table.judge(where, found, faults, about)


def _settle(where, header, chosen, found):
    """Tell by its size what a reading is whose name does not say it; a total field needs times."""
    if "either" in chosen:
        value = found.pop("either")
        typical = np.nanmedian(value) if np.isfinite(value).any() else 0.0
        kind = "total_field_nt" if typical > _table.FIELD_RANGE_NT[0] else "residual_nt"
        chosen[kind] = chosen.pop("either")
        found[kind] = value
    if "time" not in chosen and "total_field_nt" in chosen and "residual_nt" not in chosen:
        raise _table.TrackError(
            f"{where}: {header[chosen['total_field_nt']]!r} is a total field, and without the time "
            "of each reading no reference field can be taken off. " + _advice("time")
        )


def _made_up(longitude, latitude):
    """Make up times for rows that have none, in their order and at one speed."""
    km = _table.distance_km(longitude[:-1], latitude[:-1], longitude[1:], latitude[1:])
    seconds = np.maximum(np.nan_to_num(km) / MADE_UP_KMH * 3600, 1.0)
    gone = np.concatenate([[0.0], np.cumsum(seconds)])[: len(longitude)]
    return np.datetime64(MADE_UP_START, "ns") + (gone * 1e9).astype("timedelta64[ns]")


class _Text(NamedTuple):
    """A table of text, taken apart."""

    header: list  # names of the columns
    separator: str
    body: bytes  # the lines after the header


def _split(content):
    """Header, separator and the lines after the header; lines that begin with # go before it."""
    content = _table.unified(content)
    while content[:1] in (b"#", b"\n"):
        _, _, content = content.partition(b"\n")
    first, _, body = content.partition(b"\n")
    text = first.decode("latin-1").replace("\0", "")
    separator = max(SEPARATORS, key=text.count)
    if not text.count(separator) and len(text.split()) > 2:  # columns with blanks between them
        text = ",".join(text.split())
        body = re.sub(rb"(?m)^ +| +$", b"", body)
        separator, body = ",", re.sub(rb" +", b",", body)
    names = next(csv.reader([text], delimiter=separator), [])
    return _Text([name.strip() for name in names], separator, body)


def _choose(where, header, columns):
    """Position of each column that is there, and of a date beside a time of day."""
    unknown = sorted(set(columns) - set(NAMES))
    if unknown:
        raise _table.TrackError(
            f"columns names {', '.join(unknown)}; the table has only {', '.join(NAMES)}"
        )
    lower = [_plain(name) for name in header]
    chosen = {}
    for ours, known in NAMES.items():
        names = [_plain(columns[ours])] if ours in columns else known
        there = [name for name in names if name in lower]
        if there:
            if lower.count(there[0]) > 1:
                raise _table.TrackError(f"{where} names a column twice: {there[0]}")
            chosen[ours] = lower.index(there[0])
        elif ours in columns:
            raise _table.TrackError(
                f"{where} has no column {columns[ours]!r}; it has {_shown(header)}"
            )
    there = [name for name in EITHER if name in lower]
    if there and not any(name in chosen for name in READINGS):
        chosen["either"] = lower.index(there[0])
    if "time" not in chosen and header[:1] == [""]:
        chosen["time"] = 0  # as a table is written whose index is the time
    _check_complete(where, header, chosen)
    clock = lower[chosen["time"]] == "time" if "time" in chosen else False
    both = "time" not in columns and clock and "date" in lower
    return chosen, lower.index("date") if both else None


def _plain(name):
    """Write a name of a column without capitals, blanks and a unit in brackets."""
    name = re.sub(r"[(\[].*[)\]]$", "", str(name).strip().lower()).strip(" _")
    return re.sub(r"[\s.-]+", "_", name)


def _advice(name):
    """Say how the column of a quantity is named."""
    return (
        f'Say which column it is: read_tracks(path, columns={{"{name}": "..."}}), or '
        f"make map ... COLUMNS='{name}=...'"
    )


def _shown(header):
    """List the columns of a file for a message."""
    return ", ".join(name or "(no name)" for name in header) or "none"


def _check_complete(where, header, chosen):
    """Raise an error that says what is missing and how to give it."""
    if header and all(re.fullmatch(r"[-+.\deE]+", name) for name in header):
        raise _table.TrackError(
            f"{where} begins with numbers, {_shown(header)}: it has no line with the names of its "
            "columns. Write one above, such as longitude,latitude,residual_nt"
        )
    timeless = "residual_nt" in chosen or "either" in chosen
    missing = [name for name in NEEDED if name not in chosen and not (timeless and name == "time")]
    lower = {_plain(name) for name in header}
    if {"longitude", "latitude"} & set(missing) and len(lower & PROJECTED) > 1:
        raise _table.TrackError(
            f"{where} has projected positions ({', '.join(sorted(lower & PROJECTED))}) and does "
            "not state the projection. Convert them to longitude and latitude in degrees and "
            f"name those columns; it has {_shown(header)}"
        )
    if not any(name in chosen for name in [*READINGS, "either"]):
        missing.append("total_field_nt or residual_nt")
    if missing:
        raise _table.TrackError(
            f"{where}: no column for {', '.join(missing)} is recognised among {_shown(header)}. "
            + _advice(missing[0].split()[0])
        )


def _check_degrees(where, header, chosen, found):
    """Raise an error where positions are so large that they must be metres."""
    for name in ("longitude", "latitude"):
        values = np.abs(found[name][np.isfinite(found[name])])
        if values.size and np.median(values) > 360:
            raise _table.TrackError(
                f"{where}: column {header[chosen[name]]!r} holds no degrees (most are beyond 360): "
                f"projected metres? Convert it to {name} in degrees"
            )


def _raw(body, header, separator, wanted):
    """Table of the columns wanted, by position; numbers where a whole column is numeric."""
    if not body.strip():
        return pd.DataFrame({k: [] for k in wanted})
    how = {
        "sep": separator,
        "usecols": sorted({str(k) for k in wanted}),
        "index_col": False,
        "na_values": EMPTY,
        "keep_default_na": False,
        "encoding": "latin-1",
        "low_memory": False,
    }
    top = separator.join(str(k) for k in range(len(header))).encode() + b"\n"
    if b'"' in body:  # a lone quotation mark must not swallow the lines after it
        lines = sum(1 for line in body.split(b"\n") if line.strip())
        with contextlib.suppress(pd.errors.ParserError):
            raw = pd.read_csv(io.BytesIO(top + body), **how)
            if len(raw) == lines:
                return raw.rename(columns=int)
        body = body.replace(b'"', b"")
    return pd.read_csv(io.BytesIO(top + body), quoting=csv.QUOTE_NONE, **how).rename(columns=int)


def _times(column, date):
    """UTC of each row as datetime64[ns], NaT where it cannot be read."""
    if column.dtype.kind not in "iuf" or date is not None:
        column = column.astype(str).str.strip()
    else:
        column = column.astype("Int64").astype(str) if (column % 1 == 0).all() else column * np.nan
    if date is not None:
        column = date.astype(str).str.strip() + " " + column
    text = column.astype(object)
    time = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    return time.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
