"""Positions as people write them: degrees, degrees and minutes, with or without a hemisphere.

A column may hold numbers, or text such as 38 36.000 N, 38°36'00"N, 38:36:00 or 38.6N; minutes,
seconds and the letter of the hemisphere may stand in columns of their own.
"""

from __future__ import annotations

import re

import numpy as np

from . import _table

TEXT = (
    r"(?P<before>[NSEWnsew])?\s*(?P<sign>[-+−])?\s*(?P<degrees>\d+(?:[.,]\d*)?)\s*[°ºd:\s]*"
    r"(?:(?P<minutes>\d+(?:[.,]\d*)?)\s*['′’m:\s]*)?(?:(?P<seconds>\d+(?:[.,]\d*)?)\s*[\"″”s'’\s]*)?"
    r"(?P<after>[NSEWnsew])?"
)
LETTERS = {"longitude": "EW", "latitude": "NS"}
SHORT = {"longitude": r"lon(?:g|gitude)?", "latitude": r"lat(?:itude)?"}
RUN_ON_DEG = 5.0  # from row to row of a track whose longitudes run on over the date line
WHOLE_ROWS = 20  # so many positions in whole degrees are no positions


def beside(header, which) -> dict:
    """Positions of columns that go with longitude or latitude: its minutes, seconds and letter.

    `header` holds the names of all columns, plain; `which` is ``longitude`` or ``latitude``.
    """
    axis, letters = SHORT[which], LETTERS[which].lower()
    hand = rf"{letters[0]}_?(?:or_?)?{letters[1]}"
    kinds = {
        "minutes": rf"{axis}_?(?:m|mm|min|mins|minutes?)|(?:m|mm|min|mins|minutes?)_{axis}",
        "seconds": rf"{axis}_?(?:s|ss|sec|secs|seconds?)|(?:s|ss|sec|secs|seconds?)_{axis}",
        "letter": rf"{hand}|{axis}_?(?:{hand}|dir|direction|h|hem|hemi|hemis|hemisphere|ind"
        rf"|indicator)|(?:dir|hem|hemi|hemisphere)_{axis}|{hand}_{axis}",
    }
    return {
        kind: header.index(name)
        for kind, form in kinds.items()
        for name in header
        if re.fullmatch(form, name)
    }


def degrees(where, name, which, raw, parts):
    """Degrees of a column, and the rows that hold none.

    `parts` holds the columns that `beside` found, by kind.  `TrackError` where the column is
    written in a way that cannot be told.
    """
    negative = np.zeros(len(raw), bool)
    if raw.dtype.kind in "iuf":
        value, broken = _table.number(raw)
        negative = np.signbit(value)
    else:
        text = _table.stripped(raw).fillna("").to_numpy()
        found = _table.matched(TEXT, text)
        part = {k: _table.floats(found[k]) for k in ("degrees", "minutes", "seconds")}
        before, after = (np.char.upper(found[k].astype(str)) for k in ("before", "after"))
        letter = np.where(before == "", after, before)
        wrong = (letter != "") & ~np.isin(letter, list(LETTERS[which]))
        wrong |= (before != "") & (after != "")
        value = part["degrees"]
        signed = found["sign"] != ""
        wrong |= signed & (letter != "")
        negative = (signed & (found["sign"] != "+")) | np.isin(letter, ["S", "W"])
        minutes, seconds = (np.nan_to_num(part[k]) for k in ("minutes", "seconds"))
        wrong |= (minutes >= 60) | (seconds >= 60)
        wrong |= (minutes > 0) & (value % 1 != 0)
        value = value + minutes / 60 + seconds / 3600
        value = np.where(negative, -value, value)
        broken = (text != "") & (np.isnan(value) | wrong)
        value[broken] = np.nan
    whole = np.isnan(value) | (value % 1 == 0)
    for kind, unit in (("minutes", 60), ("seconds", 3600)):
        if kind in parts:
            more, bad = _table.number(parts[kind])
            bad |= (more < 0) | (more >= 60) | (np.isfinite(more) & ~whole)
            broken = broken | bad
            value = np.where(negative, value - more / unit, value + more / unit)
            value[bad] = np.nan
    if "letter" in parts:
        said = _table.stripped(parts["letter"]).fillna("").to_numpy()
        letter = np.array([str(text)[:1].upper() for text in said], dtype=object)
        west = letter == LETTERS[which][1]
        bad = ~np.isin(letter, list(LETTERS[which])) | (negative & ~west)
        broken = broken | (bad & np.isfinite(value))
        value = np.where(west, -np.abs(value), value)
        value[bad] = np.nan
    return value, broken


def turned(longitude):
    """Longitudes within -180 to 360 where a track runs on beyond, from row to row."""
    step = np.abs(np.diff(longitude))
    near = np.r_[False, step < RUN_ON_DEG] | np.r_[step < RUN_ON_DEG, False]
    beyond = near & ((longitude < -180) | (longitude > 360)) & (np.abs(longitude) < 900)
    return np.where(beyond, (longitude + 180) % 360 - 180, longitude)


def check(where, names, longitude, latitude, columns):
    """Raise an error where positions are no degrees: metres, minutes apart, or changed over."""
    for name, values, most in (("longitude", longitude, 360), ("latitude", latitude, 90)):
        known = np.abs(values[np.isfinite(values)])
        if not known.size or np.median(known) <= most:
            continue
        if np.median(known) > 360:
            raise _table.TrackError(
                f"{where}: column {names[name]!r} holds no degrees (most are beyond 360): "
                f"projected metres, or degrees and minutes as one number? Convert it to {name} in "
                "degrees"
            )
        raise _table.TrackError(
            f"{where}: column {names[name]!r} holds {known.max():g}, and latitudes lie between -90 "
            'and 90. Is it the longitude? Say which is which: COLUMNS="longitude=... latitude=..."'
        )
    both = np.isfinite(longitude) & np.isfinite(latitude)
    place = np.column_stack([longitude[both], latitude[both]])
    if len(place) >= WHOLE_ROWS and np.all(place % 1 == 0):
        if 2 * len(np.unique(place, axis=0)) < len(place):
            raise _table.TrackError(
                f"{where}: all positions are whole degrees, such as {place[0][0]:g}, "
                f"{place[0][1]:g}. Do minutes stand in another column? It has {columns}; minutes "
                "are read from columns such as lat_min and lon_min"
            )
