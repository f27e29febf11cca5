"""Cruises in tables of text with named columns.

`_text` takes the file apart, `_names` tells which column is which, `_places` and `_times` read
positions and times. A column that does not say which reading it is (`_names.EITHER`) is a total
field if its values are of that size. Residuals need no time.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re

import numpy as np
import pandas as pd

from . import _names, _places, _table, _text, _times

EMPTY = ["", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "None", "*"]
COMMA = re.compile(rb"[-+]?\d+,\d+")


def looks_named(content, columns=None) -> bool:
    """Tell by its header whether a table of text seems to hold magnetic readings.

    True for positions of some kind beside them, even such as `read_csv` then refuses.
    """
    return _names.is_header(header_of(content, columns), columns)


def header_of(content, columns=None) -> list:
    """Names of the columns of a table of text, as far as it has such a line."""
    start = content[: _text.LOOKED_AT]
    return _text.take_apart(start, lambda names: _names.is_header(names, columns)).header


def has_columns(content) -> bool:
    """Whether the first lines of a text have the same separators, as a table's and no prose's."""
    text = _text.decoded(content[: _text.LOOKED_AT])
    lines = [line for line in text.split(b"\n") if line.strip()]
    counts = [[line.count(each.encode()) for each in _text.SEPARATORS] for line in lines[:3]]
    return len(counts) > 1 and all(one == counts[0] for one in counts) and max(counts[0]) > 1


def read_csv(content, where, stem, columns) -> _table.Reading:
    """Read a text table with named columns; any line ending, any order of columns.

    `columns` gives our name to the file's where they are not to be recognised. `TrackError` where
    longitude, latitude or any reading cannot be found, or a total field has no time.
    """
    columns = columns or {}
    text = _text.take_apart(content, lambda names: _names.is_header(names, columns))
    chosen = _names.choose(where, text.header, columns)
    names = {ours: text.header[at] for ours, at in chosen.items()}
    # degrees beside minutes are kept as text: -0 is south of 0
    signed = [chosen[which] for which in _names.NEEDED if f"{which} minutes" in chosen]
    raw = _raw(text, sorted(set(chosen.values())), signed)
    parts = {ours: raw[at] for ours, at in chosen.items()}
    if len(text.wrong) != len(raw):
        raise _table.TrackError(f"{where}: its rows cannot be told apart")
    found, faults = _readings(where, parts, names, len(raw))
    needed = [*_names.NEEDED, *_names.READINGS, "either", "time"]
    last = max(at for name, at in chosen.items() if name in needed)
    # a field may be missing before the reading, so that another stands in its place: but where most
    # rows are short, empty fields at the end are left out
    short = (text.fields < len(text.header)) & (text.fields > last)
    if 2 * np.count_nonzero(short) < short.size:
        text.wrong |= short
    faults["wrong number of fields"] = text.wrong
    blank = pd.Series(np.full(len(raw), np.nan), index=raw.index)
    found["cruise"] = _table.names_of_cruises(parts.get("cruise", blank), stem)
    for which in _names.NEEDED:
        more = {kind.split()[1]: parts[kind] for kind in parts if kind.startswith(which + " ")}
        found[which], broken = _places.degrees(where, names[which], which, parts[which], more)
        faults["unparsable number"] = faults["unparsable number"] | broken
    found["longitude"] = _places.turned(found["longitude"])
    _places.check(where, names, found["longitude"], found["latitude"], _names.shown(text.header))
    faults["bad time"] = _read_times(where, parts, names, found)
    latitude = parts["latitude"]
    faults |= _table.faults_of_lines(latitude, [names["latitude"]], text.body, text.separator, last)
    return _table.judge(where, found, faults, starts=text.starts)


def _readings(where, parts, names, rows):
    """Total field, residual (nT) and depth (m), and the faults of their rows."""
    kinds = {"total_field_nt", "residual_nt", "either", "sensor_2", "depth_m"}
    found, faults = _table.numbers(parts, {kind: kind for kind in kinds}, rows)
    for kind in kinds - {"depth_m"}:
        found[kind] *= _names.unit(names.get(kind, "")) or 1.0
    either, found["second_nt"] = found.pop("either"), found.pop("sensor_2")
    if "either" in parts:
        # what is neither nothing nor a number for "no value" tells by its size which it is
        told = either[np.abs(either) > 0]
        told = told[~_table.no_value(told) | _table.in_range(told)]
        typical = np.median(told) if told.size else 0.0
        kind = "total_field_nt" if typical > _table.FIELD_RANGE_NT[0] else "residual_nt"
        if kind not in parts:
            found[kind], names[kind] = either, names["either"]
    timed = {"time", "date", "year"} & set(parts)
    total = next((kind for kind in ("total_field_nt", "sensor_2") if kind in names), None)
    if not timed and total and np.isnan(found["residual_nt"]).all():
        raise _table.TrackError(
            f"{where}: {names[total]!r} is a total field, and without the time "
            "of each reading no reference field can be taken off. " + _names.advice("time")
        )
    return found, faults


def _read_times(where, parts, names, found):
    """Read the times into `found`, UTC, NaT where there is none; give the rows with bad ones."""
    kinds = ("time", "date", *_times.PARTS)
    columns = {kind: parts[kind] for kind in kinds if kind in parts}
    if not columns:
        found["time"] = np.full(len(found["longitude"]), np.datetime64("NaT"), "datetime64[ns]")
        return np.zeros(len(found["longitude"]), bool)
    time, bad = _times.read(where, columns, names)
    if "zone" in parts:
        time = time + _zone(where, parts["zone"], names)
    if bad.all() and bad.size:
        kind, column = next(iter(columns.items()))
        raise _table.TrackError(
            f"{where}: column {names[kind]!r} holds no time that is read here in any of its "
            f"{bad.size} rows, such as {column.iloc[0]!r} (bad time); {_times.FORMS}"
        )
    found["time"] = time
    return bad


def _zone(where, column, names):
    """Give what is added to get UTC: hours in a table of MGD77T; elsewhere none are read."""
    hours, _ = _table.number(column)
    hours = np.where(np.abs(hours) <= 14, hours, 0.0)
    if hours.any() and _names.plain(names.get("cruise", "")) not in ("survey_id", "id"):
        raise _table.TrackError(
            f"{where}: column {names['zone']!r} holds a time zone, {hours[hours != 0][0]:g}, that "
            "is read in files of MGD77T alone. Write the times in UTC, or with their zone, as in "
            "1994-06-02T03:00+02:00"
        )
    return np.rint(3600e3 * hours).astype("timedelta64[ms]")


def _raw(text, wanted, as_text=()):
    """Table of the columns wanted, by position; numbers where a whole column is numeric."""
    if not text.body.strip():
        return pd.DataFrame({k: [] for k in wanted})
    how = {
        "sep": text.separator,
        "usecols": sorted({str(k) for k in wanted}),
        "index_col": False,
        "na_values": EMPTY,
        "keep_default_na": False,
        "dtype": {str(k): object for k in as_text},
        "encoding": "utf-8",
        "low_memory": False,
        "decimal": "," if _decimal_commas(text) else ".",
    }
    top = text.separator.join(str(k) for k in range(len(text.header))).encode() + b"\n"
    body = text.body
    if b'"' in body:  # a lone quotation mark must not swallow the lines after it
        lines = sum(1 for line in body.split(b"\n") if line.strip())
        with contextlib.suppress(pd.errors.ParserError):
            raw = pd.read_csv(io.BytesIO(top + body), **how)
            if len(raw) == lines:
                return raw.rename(columns=int)
        body = body.replace(b'"', b"")
    return pd.read_csv(io.BytesIO(top + body), quoting=csv.QUOTE_NONE, **how).rename(columns=int)


def _decimal_commas(text):
    """Whether numbers are written with a comma: some are, and none with a point."""
    if text.separator == ",":
        return False
    fields = text.body[:20_000].replace(b'"', b"").replace(b"\n", text.separator.encode())
    numbers = [part.strip() for part in fields.split(text.separator.encode())]
    commas = sum(1 for part in numbers if COMMA.fullmatch(part))
    points = sum(1 for part in numbers if re.fullmatch(rb"[-+]?\d*\.\d+", part))
    return commas > points
