"""Cruises in text tables with named columns: CSV, or with semicolons, tabs or bars between.

Which column is which is recognised by the names in `NAMES`, or said by the caller.
"""

from __future__ import annotations

import contextlib
import csv
import io

import numpy as np
import pandas as pd

from helpers.readings import Reading, TrackError, judge, names_of_cruises, number, unified

NAMES = {  # names that are recognised, in lower case; the first of a list that is there is taken
    "cruise": ["cruise", "survey_id", "surveyid", "cruise_id", "survey"],
    "time": ["time", "datetime", "date_time", "timestamp", "utc", "time_utc", "date"],
    "longitude": ["longitude", "lon", "long", "lon_deg", "longitude_deg"],
    "latitude": ["latitude", "lat", "lat_deg", "latitude_deg"],
    "total_field_nt": ["total_field_nt", "mag_tot", "mtf1", "total_field", "mag_total", "tmi"],
    "residual_nt": ["residual_nt", "mag_res", "residual", "anomaly_nt", "mag_anomaly"]
    + ["magnetic_anomaly", "maganomaly"],
    "depth_m": ["depth_m", "corr_depth", "depth"],
}
NEEDED = ["time", "longitude", "latitude"]
READINGS = ["total_field_nt", "residual_nt"]
PROJECTED = {"x", "y", "easting", "northing", "x_m", "y_m", "utm_x", "utm_y"}
EMPTY = ["", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "None"]
SEPARATORS = ",;\t|"


def looks_named(content, columns=None) -> bool:
    """Tell whether a text table seems to hold magnetic readings, by its header line.

    Parameters
    ----------
    content : bytes
        The file.
    columns : dict, optional
        As for `read_csv`.

    Returns
    -------
    bool
        True where the table has magnetic readings and positions of some kind, even positions
        that `read_csv` then refuses.
    """
    first, _, _ = _split(content[:65536])
    given = [str(name).strip().lower() for name in (columns or {}).values()]
    lower = {name.lower() for name in first}
    known = [name for ours in READINGS for name in NAMES[ours]]
    places = [*NAMES["longitude"], *NAMES["latitude"], *PROJECTED]
    magnetic = lower & {*known, *given}
    return len(first) > 2 and bool(magnetic) and len(lower & {*places, *given}) > 1


def read_csv(content, where, stem, columns=None) -> Reading:
    """Read a text table with named columns.

    Parameters
    ----------
    content : bytes
        The file; any line ending, any order of columns, lines that begin with # before the
        header.
    where : str
        The file, for messages.
    stem : str
        Its name without ending: the cruise where no column says it.
    columns : dict, optional
        Our name to the file's, such as ``{"time": "UTC", "residual_nt": "dT"}``; what is not in
        it is recognised by name. Upper and lower case are the same.

    Returns
    -------
    Reading

    Raises
    ------
    TrackError
        If time, longitude, latitude or any reading cannot be found, or no row is valid.

    Notes
    -----
    Times are read as ISO 8601, with the zone that is written; without one they are UTC. A ``date``
    column beside a ``time`` of day is joined to it. A last line without a line end is rejected as
    truncated unless each field that a row needs is followed by another.
    """
    header, separator, body = _split(content)
    chosen, date = _choose(where, header, columns or {})
    wanted = [*chosen.values(), *([date] if date is not None else [])]
    raw = _raw(body, header, separator, wanted)
    found, broken = _values(raw, chosen)
    _check_degrees(where, header, chosen, found)
    blank = pd.Series(np.full(len(raw), np.nan), index=raw.index)
    found["cruise"] = names_of_cruises(raw.get(chosen.get("cruise", -1), blank), stem)
    found["time"] = _times(raw[chosen["time"]], raw[date] if date is not None else None)
    cut = np.zeros(len(raw), dtype=bool)
    if len(raw):
        needed = [chosen[name] for name in [*NEEDED, *READINGS] if name in chosen]
        cut[-1] = _is_cut(body, separator, max(needed))
    faults = {
        "repeated header": _repeated(raw, header, chosen["latitude"]),
        "truncated line": cut,
        "unparsable number": broken["needed"],
        "depth blanked": broken["depth_m"],
    }
    return judge(where, found, faults)


def _values(raw, chosen):
    """Columns of numbers, NaN where there is none, and the rows where a field is no number."""
    found = {}
    broken = {part: np.zeros(len(raw), dtype=bool) for part in ("needed", "depth_m")}
    for name in ("longitude", "latitude", "total_field_nt", "residual_nt", "depth_m"):
        found[name] = np.full(len(raw), np.nan)
        if name in chosen:
            found[name], bad = number(raw[chosen[name]])
            broken["depth_m" if name == "depth_m" else "needed"] |= bad
    return found, broken


def _split(content):
    """Names in the header line, the separator, and the rest."""
    content = unified(content)
    while content[:1] in (b"#", b"\n"):
        _, _, content = content.partition(b"\n")
    first, _, body = content.partition(b"\n")
    text = first.decode("latin-1").replace("\0", "")
    separator = max(SEPARATORS, key=text.count)
    names = next(csv.reader([text], delimiter=separator), [])
    return [name.strip() for name in names], separator, body


def _choose(where, header, columns):
    """Position of each column that is there, and of a date beside a time of day."""
    unknown = sorted(set(columns) - set(NAMES))
    if unknown:
        raise TrackError(
            f"columns names {', '.join(unknown)}; the table has only {', '.join(NAMES)}"
        )
    lower = [name.lower() for name in header]
    chosen = {}
    for ours, known in NAMES.items():
        names = [str(columns[ours]).strip().lower()] if ours in columns else known
        there = [name for name in names if name in lower]
        if there:
            if lower.count(there[0]) > 1:
                raise TrackError(f"{where} names a column twice: {there[0]}")
            chosen[ours] = lower.index(there[0])
        elif ours in columns:
            raise TrackError(f"{where} has no column {columns[ours]!r}; it has {_shown(header)}")
    if "time" not in chosen and header[:1] == [""]:
        chosen["time"] = 0  # as a table is written whose index is the time
    _check_complete(where, header, chosen)
    both = "time" not in columns and lower[chosen["time"]] == "time" and "date" in lower
    return chosen, lower.index("date") if both else None


def _shown(header):
    """List the columns of a file for a message."""
    return ", ".join(name or "(no name)" for name in header) or "none"


def _check_complete(where, header, chosen):
    """Raise an error that says what is missing and how to give it."""
    missing = [name for name in NEEDED if name not in chosen]
    lower = {name.lower() for name in header}
    if {"longitude", "latitude"} & set(missing) and len(lower & PROJECTED) > 1:
        raise TrackError(
            f"{where} has projected positions ({', '.join(sorted(lower & PROJECTED))}) and does "
            "not state the projection. Convert them to longitude and latitude in degrees and "
            f"name those columns; it has {_shown(header)}"
        )
    if not any(name in chosen for name in READINGS):
        missing.append("total_field_nt or residual_nt")
    if missing:
        raise TrackError(
            f"{where}: no column for {', '.join(missing)} is recognised among {_shown(header)}. "
            f'Say which it is: read_tracks(path, columns={{"{missing[0].split()[0]}": "..."}})'
        )


def _check_degrees(where, header, chosen, found):
    """Raise an error where positions are so large that they must be metres."""
    for name in ("longitude", "latitude"):
        values = np.abs(found[name][np.isfinite(found[name])])
        if values.size and np.median(values) > 360:
            raise TrackError(
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


def _repeated(raw, header, position):
    """Which rows repeat the header line."""
    column = raw[position]
    if column.dtype.kind in "iuf":
        return np.zeros(len(raw), dtype=bool)
    return (column.astype(str).str.strip() == header[position]).to_numpy(dtype=bool)


def _is_cut(body, separator, last_needed):
    """Tell whether the last line may be cut inside, or before, a field that a row needs."""
    if body.endswith(b"\n"):
        return False
    return body[body.rfind(b"\n") + 1 :].count(separator.encode()) <= last_needed
