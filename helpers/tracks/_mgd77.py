"""Cruises in the formats of NOAA NCEI: MGD77T, and the MGD77 of fixed width before it.

MGD77T holds one cruise, tab-separated, below one line with the names of the columns. Names and
units: MGD77T data format description, NOAA National Centers for Environmental Information.
"""

from __future__ import annotations

import csv
import io
import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import _table

PLACE_AND_TIME = ["DATE", "TIME", "LAT", "LON"]  # a file without these is not MGD77T
MAGNETIC = ["MAG_TOT", "MAG_RES", "MAG_TOT2"]
STANDARD = (  # the columns of the format, in their order, for a file without the line of names
    "SURVEY_ID TIMEZONE DATE TIME LAT LON POS_TYPE NAV_QUALCO BAT_TTIME CORR_DEPTH BAT_CPCO "
    "BAT_TYPCO BAT_QUALCO MAG_TOT MAG_TOT2 MAG_RES MAG_RESSEN MAG_DICORR MAG_SDEPTH MAG_QUALCO "
    "GRA_OBS EOTVOS FREEAIR GRA_QUALCO LINEID POINTID"
).split()
NUMBERS = {  # our column, or what the time is made of: theirs
    "latitude": "LAT",
    "longitude": "LON",
    "total_field_nt": "MAG_TOT",
    "residual_nt": "MAG_RES",
    "depth_m": "CORR_DEPTH",
    "date": "DATE",
    "clock": "TIME",
    "zone": "TIMEZONE",
}
ABOUT = {  # what is kept of the .h77t file beside a cruise
    "PLATFORM": "platform",
    "INST_SRC": "institution",
    "NAV_INSTR": "navigation",
    "MAG_INSTR": "instrument",
    "MAG_REFFLD": "reference_field",
}


def read_mgd77t(content, where, stem) -> _table.Reading:
    """Read one MGD77T file; any line ending, any order of columns.

    Trailing empty fields may be left out.
    """
    content = _table.unified(content)
    first, _, body = content.partition(b"\n")
    header = STANDARD if looks_nameless(first) else _header(where, first)
    raw = _raw(content if header is STANDARD else body, header)
    columns, faults = _table.numbers(raw, NUMBERS, len(raw))
    time, bad = _times(columns.pop("date"), columns.pop("clock"), columns.pop("zone"))
    columns["time"], faults["bad time"] = time, bad
    nowhere = pd.Series(np.full(len(raw), np.nan), index=raw.index)
    columns["second_nt"], _ = _table.number(raw.get("MAG_TOT2", nowhere))
    columns["cruise"] = _table.names_of_cruises(raw.get("SURVEY_ID", nowhere), stem)
    reading = next(name for name in MAGNETIC if name in header)
    needed = max(header.index(name) for name in [*PLACE_AND_TIME, reading])
    faults |= _table.faults_of_lines(raw["LAT"], ["LAT", "lat"], body, "\t", needed)
    return _table.judge(where, columns, faults)


def read_h77t(content) -> dict:
    """Read what an MGD77T header file (``.h77t``) says of its cruise, as far as it is filled in.

    It has a line of names and a line of values; of another kind of file it is nothing.
    """
    lines = _table.unified(content).decode("latin-1").split("\n")
    if len(lines) < 2:
        return {}
    found = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=False))
    said = {ours: found.get(theirs, "").strip() for theirs, ours in ABOUT.items()}
    return {name: value for name, value in said.items() if value}


def looks_nameless(first) -> bool:
    """Tell whether the first line of a file is a row of MGD77T: delivered without its names."""
    fields = first.split(b"\t")
    return len(fields) in (len(STANDARD), len(STANDARD) + 1) and all(
        re.fullmatch(form, fields[k].strip()) is not None
        for k, form in ((2, rb"\d{8}|"), (3, rb"[\d.]*"), (4, rb"[-+\d.]+"), (5, rb"[-+\d.]+"))
    )


def _header(where, first):
    """Column names of the file, or a clear error where it is no magnetic MGD77T file."""
    names = [name.strip().upper() for name in first.decode("latin-1").split("\t")]
    if "FORMAT_77" in names:
        raise _table.TrackError(
            f"{where} is an MGD77T header file (.h77t); give the .m77t beside it"
        )
    missing = [name for name in PLACE_AND_TIME if name not in names]
    if missing:
        raise _table.TrackError(
            f"{where} is not MGD77T: its first line should name tab-separated columns, and "
            f"{', '.join(missing)} are not among them; it begins {first[:60].decode('latin-1')!r}"
        )
    if not any(name in names for name in MAGNETIC):
        raise _table.TrackError(
            f"{where} has no magnetic column: neither MAG_TOT nor MAG_RES is among "
            f"{', '.join(names)}"
        )
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise _table.TrackError(f"{where} names a column twice: {', '.join(twice)}")
    return names


def _raw(body, header):
    """Table of the columns used; numbers where a whole column is numeric, else text."""
    wanted = [name for name in ["SURVEY_ID", "MAG_TOT2", *NUMBERS.values()] if name in header]
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


def _times(date, clock, zone):
    """UTC of each row: yyyymmdd, hhmm with decimal minutes, hours; and the rows that hold no time.

    NaT where it is invalid or blank; a file with days alone has the time of each day's beginning.
    """
    zone = np.where(np.isnan(zone), 0.0, zone)
    there = np.isfinite(date)
    if there.any() and not np.isfinite(clock).any():
        clock = np.where(there, 0.0, np.nan)
    there &= np.isfinite(clock)
    valid = there & (np.abs(date) < 1e9)
    digits = np.where(valid, date, 0).astype(np.int64)
    hour = np.floor(clock / 100)
    minute = clock - 100 * hour
    valid &= (digits == date) & (hour >= 0) & (hour < 24) & (minute < 60) & (np.abs(zone) <= 14)
    seconds = np.where(valid, 3600.0 * (hour + zone) + 60.0 * minute, np.nan)
    time = _table.calendar(digits // 10_000, digits // 100 % 100, digits % 100, seconds)
    return time, there & np.isnat(time)


# The older MGD77: 24 header cards of 80 characters, then records of 120 characters.
#
# Columns, units and conventions: The Marine Geophysical Data Exchange Format - "MGD77", Key to
# Geophysical Records Documentation No. 10 (revised 1998), NOAA National Geophysical Data Center.
# Records of type 5 have years of four digits and time zones in hours; those of type 3, from before
# 1998, years of two digits and time zones in hundredths of an hour.

RECORD, CARD, CARDS = 120, 80, 24
LEAST_DIGITS = 20  # of date, time and position in a record
NEEDED = 78  # characters up to the end of the residual; what follows may be missing
FIELDS = {  # first and last column as the format counts them, and the unit of the last digit
    "month": (17, 18, 1.0),
    "day": (19, 20, 1.0),
    "hour": (21, 22, 1.0),
    "minute": (23, 27, 1e-3),
    "latitude": (28, 35, 1e-5),
    "longitude": (36, 44, 1e-5),
    "depth_m": (52, 57, 0.1),
    "total_field_nt": (61, 66, 0.1),
    "second_nt": (67, 72, 0.1),  # the total field of the second sensor
    "residual_nt": (73, 78, 0.1),
}
BY_TYPE = {  # where the record types differ
    b"5": {"zone": (10, 12, 1.0), "year": (13, 16, 1.0)},
    b"3": {"zone": (10, 14, 0.01), "year": (15, 16, 1.0)},
}
OLDEST = 39  # two-digit years below are of the 2000s
ABOUT_CARDS = {  # card, first and last column
    "institution": (1, 40, 78),
    "platform": (2, 19, 39),
    "navigation": (5, 1, 40),
    "instrument": (7, 1, 40),
    "reference_field": (13, 20, 31),
}


def looks_fixed(content) -> bool:
    """Tell whether a file is fixed-width MGD77, by its first header card or its first record."""
    start = content[:400].lstrip(b"\r\n")
    if start[:1] == b"4" and start[9:14] == b"MGD77":
        return True
    first = re.split(rb"[\r\n]", start, maxsplit=1)[0][:RECORD]
    return len(first) >= NEEDED and re.match(rb"[35].{8}[-+ 0-9]{35}", first) is not None


def read_mgd77(content, where, stem) -> _table.Reading:
    """Read one file of fixed-width MGD77, with any line ending or none, as on tape.

    The header may be missing, and several cruises may follow each other with a header each.
    """
    if not looks_fixed(content):
        raise _table.TrackError(
            f"{where} is not fixed-width MGD77: it should begin with a header card (4, survey, "
            f"MGD77) or a data record (3 or 5); it begins {content[:40].decode('latin-1')!r}"
        )
    text = _lines(content)
    table = _matrix(text.records)
    long = np.fromiter(map(len, text.records), int, len(text.records)) >= NEEDED
    if text.cut and len(text.records[-1]) < RECORD:
        long[-1] = False
    kind = table[:, 0]
    data = (kind == ord("3")) | (kind == ord("5"))
    columns, faults = _columns(table, kind == ord("3"), stem)
    faults |= {"truncated line": ~long, "not a data record": ~data}
    return _table.judge(where, columns, faults, _about(text.cards))


class _Lines(NamedTuple):
    """The lines of a file of fixed width."""

    cards: list  # of the headers
    records: list
    cut: bool  # whether the last record may be


def _lines(content):
    """Tell header cards from data records."""
    content = _table.unified(content)
    if b"\n" not in content.rstrip(b"\n"):
        content = _from_tape(content)
    lines = content.split(b"\n")
    cut = lines[-1] != b""
    cards, records, skip = [], [], 0
    for text in lines:
        if text[:1] == b"4" and text[9:14] == b"MGD77":
            skip = CARDS
        if skip and len(text) <= CARD + 2 and not _is_record(text):  # a header may be cut
            cards.append(text)
            skip -= 1
        elif text.strip():
            skip = 0
            records.append(text)
    return _Lines(cards, records or [b""], cut and bool(records))


def _is_record(text):
    """Whether a line is a data record, and no header card: digits where its numbers are."""
    fits = len(text) >= NEEDED and re.match(rb"[35].{8}[-+ 0-9]{35}", text)
    return bool(fits) and sum(chr(letter).isdigit() for letter in text[9:44]) >= LEAST_DIGITS


def _from_tape(content):
    """Cut what has no line ends into cards and records of their fixed lengths."""
    head = CARD * CARDS if content[:1] == b"4" else 0
    parts = [content[k : k + CARD] for k in range(0, head, CARD)]
    parts += [content[k : k + RECORD] for k in range(head, len(content), RECORD)]
    whole = (len(content) - head) % RECORD == 0
    return b"\n".join(parts) + (b"\n" if whole else b"")


def _matrix(records):
    """Characters as an array of bytes (records, 120); short records are filled with blanks."""
    joined = b"".join(text[:RECORD].ljust(RECORD) for text in records)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, RECORD)


def _columns(table, old, stem):
    """Columns that `judge` wants, and the faults of their rows."""
    values, broken = {}, np.zeros(len(table), dtype=bool)
    for name, (first, last, unit) in FIELDS.items():
        values[name], bad = _digits(table[:, first - 1 : last], unit)
        if name == "depth_m":
            depth_broken = bad
        elif name != "second_nt":
            broken |= bad
    for name in ("zone", "year"):
        values[name] = np.empty(len(table))
        for kind, rows in ((b"3", old), (b"5", ~old)):
            first, last, unit = BY_TYPE[kind][name]
            # of a year of two digits nines are 1999, where a month and a day follow
            missing = name != "year" or kind != b"3"
            values[name][rows], bad = _digits(table[rows, first - 1 : last], unit, missing)
            broken[rows] |= bad
    year, zone = values.pop("year"), values.pop("zone")
    year = np.where(old, year + np.where(year < OLDEST, 2000, 1900), year)
    zone = np.where(np.isnan(zone) | (zone == 99), 0.0, zone)
    hour, minute = values.pop("hour"), values.pop("minute")
    timely = (hour >= 0) & (hour < 24) & (minute >= 0) & (minute < 60) & (np.abs(zone) <= 14)
    seconds = np.where(timely, 3600 * (hour + zone) + 60 * minute, np.nan)
    month, day = values.pop("month"), values.pop("day")
    time = _table.calendar(year, month, day, seconds)
    there = np.isfinite(year + month + day + hour + minute)
    columns = {"cruise": _cruises(table, stem), "time": time, **values}
    faults = {"unparsable number": broken, "depth blanked": depth_broken}
    return columns, faults | {"bad time": there & np.isnat(time)}


def _digits(field, unit, nines_missing=True):
    """Numbers of one field (rows, characters), NaN where it is blank or all nines; bad rows.

    Decimal points are implied, and leading blanks are zeros. A two-digit field of nines is
    missing too, as is a sign followed by nines.
    """
    digit = (field >= ord("0")) & (field <= ord("9"))
    begun = np.logical_or.accumulate(digit, axis=1)
    minus = (field == ord("-")) & ~begun
    sign = minus | ((field == ord("+")) & ~begun)
    blank = (field == ord(" ")) & ~begun
    bad = ~(digit | sign | blank).all(axis=1) | (sign.sum(axis=1) > 1)
    bad |= sign.any(axis=1) & ~digit.any(axis=1)
    value = np.zeros(len(field))
    for k in range(field.shape[1]):
        value = np.where(digit[:, k], 10 * value + (field[:, k].astype(float) - ord("0")), value)
    nines = ((field == ord("9")) | sign).all(axis=1) & nines_missing
    scaled = value / round(1 / unit)  # one rounding, so that the decimal number comes out
    scaled = np.where(minus.any(axis=1), -scaled, scaled)
    return np.where(bad | nines | ~digit.any(axis=1), np.nan, scaled), bad


def _cruises(table, stem):
    """Survey of each record, from its columns 2 to 9."""
    names = np.ascontiguousarray(table[:, 1:9]).view("S8").ravel()
    kinds, which = np.unique(names, return_inverse=True)
    said = [kind.decode("latin-1").strip(" \0") or stem for kind in kinds]
    return np.array(said, dtype=object)[which]


def _about(cards):
    """Tell what the first header says of the cruise."""
    said = {}
    for name, (card, first, last) in ABOUT_CARDS.items():
        if card <= len(cards):
            said[name] = cards[card - 1][first - 1 : last].decode("latin-1").strip(" \0")
    return said
