"""Times as people write them, in one column or several, as UTC.

Read are: ISO 8601 and its relatives (1994-06-02T03:00, 1994/06/02 03:00), 02-Jun-1994 03:00,
02.06.1994, day/month/year or month/day/year where the values tell which, with AM and PM; day of
year (1994-153); 8, 12 and 14 digits (yyyymmdd, yyyymmddhhmm, yyyymmddhhmmss); seconds or
milliseconds since 1970. A date beside a time of day (03:00:00, 0300, 30000 for 03:00:00, hours with
decimals), and year, month, day (or day of the year), hour, minute, second in columns of their own.
A form that can be read in two ways is refused, with the value that stands there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import _table

FORMS = (
    "read are 1994-06-02T03:00, 1994/06/02 03:00, 02-Jun-1994 03:00, 02.06.1994 03:00, 1994-153, "
    "19940602030000, seconds since 1970, and a date and a time of day in two columns"
)
PARTS = ("year", "month", "day", "day_of_year", "hour", "minute", "second")
DAYS = {  # forms of a day: regular expression with groups for its numbers
    "ymd": r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
    "ymd8": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    "doy": r"(?P<y>\d{4})[-/. ]?(?P<n>\d{3})",
    "dmy.": r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})",
    "dmy": r"(?P<d>\d{1,2})[-/ ](?P<m>\d{1,2})[-/ ](?P<y>\d{4})",  # or month before day
    "dMy": r"(?P<d>\d{1,2})[-/. ]*(?P<M>[A-Za-z]{3,9})[-/., ]*(?P<y>\d{4})",
    "Mdy": r"(?P<M>[A-Za-z]{3,9})[-/. ]*(?P<d>\d{1,2})[-/., ]+(?P<y>\d{4})",
    "yMd": r"(?P<y>\d{4})[-/. ]*(?P<M>[A-Za-z]{3,9})[-/. ]*(?P<d>\d{1,2})",
}
CLOCK = (
    r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{1,2}(?:[.,]\d*)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?:Z|z|UTC|GMT|(?P<sign>[-+])(?P<zh>\d{2}):?(?P<zm>\d{2}))?"
)
ISO = r"\d{4}-\d\d-\d\d"
COMPACT = r"(?P<h>\d{2})(?P<m>\d{2})(?P<s>\d{2}(?:\.\d*)?)?"
MONTHS = {name: k + 1 for k, name in enumerate(
    "jan feb mar apr may jun jul aug sep oct nov dec".split()
)}  # fmt: skip
SINCE_1970 = {1.0: (1e8, 4.1e9), 1e-3: (1e11, 4.1e12), 1e-6: (1e14, 4.1e15), 1e-9: (1e17, 4.1e18)}


class Times(NamedTuple):
    """Times of the rows of a file."""

    time: np.ndarray  # datetime64[ns], UTC; NaT where there is none
    bad: np.ndarray  # rows in which something stands that is no time


def read(where, columns, names) -> Times:
    """Read the times of a table of text.

    `columns` holds the columns of the file (Series) under ``time``, ``date`` or those of `PARTS`;
    `names` what the file calls them, for messages.
    """
    rows = len(next(iter(columns.values())))
    if "year" in columns and ({"month", "day"} <= set(columns) or "day_of_year" in columns):
        return _of_parts(where, columns, names, rows)
    if "date" in columns:
        day, clock, bad = _stamps(where, names["date"], columns["date"])
        if "time" in columns or "hour" in columns:
            beside, wrong = _beside(where, columns, names)
            blank = np.isnan(beside) & ~wrong
            clock, bad = np.where(blank & (clock > 0), clock, beside), bad | wrong
        return _joined(day, clock, bad)
    return _joined(*_stamps(where, names["time"], columns["time"]))


def _joined(day, clock, bad):
    """Join days (datetime64[D]) and seconds of the day to times."""
    known = ~np.isnat(day) & np.isfinite(clock) & ~bad
    step = np.rint(np.where(known, clock, 0.0) * 1e3).astype("timedelta64[ms]")
    time = np.where(known, day.astype("datetime64[ms]") + step, np.datetime64("NaT"))
    years = time.astype("datetime64[Y]").astype(float) + 1970
    within = np.isnat(time) | ((years >= _table.YEARS[0]) & (years < _table.YEARS[1]))
    time = np.where(within, time, np.datetime64("NaT")).astype("datetime64[ns]")
    return Times(time, bad | ~within)


def _of_parts(where, columns, names, rows):
    """Read times from year, month, day (or day of the year) and hour, minute, second."""
    values, bad = {}, np.zeros(rows, bool)
    for name in PARTS:
        values[name] = np.zeros(rows)
        if name in columns:
            values[name], broken = _table.number(columns[name])
            bad |= broken
    year = values["year"]
    if np.nanmax(year, initial=0) < 100:
        raise _table.TrackError(
            f"{where}: column {names['year']!r} holds years of two digits, such as "
            f"{columns['year'].iloc[0]}; write the century, too"
        )
    if "month" in columns:
        month, date = values["month"], values["day"]
    else:
        month, date = np.ones(rows), values["day_of_year"]
    blank = np.isnan(year) | np.isnan(month) | np.isnan(date)
    seconds = 3600 * values["hour"] + 60 * values["minute"] + values["second"]
    if "time" in columns and "hour" not in columns:
        seconds, wrong = _beside(where, columns, names)
        bad |= wrong
    blank |= np.isnan(seconds)
    bad |= ~blank & ((values["hour"] >= 25) | (values["minute"] >= 60) | (values["second"] >= 61))
    if "month" not in columns:  # the n-th day of the year: n - 1 days after the first
        bad |= ~blank & ((date < 1) | (date >= 367))
        seconds, date = seconds + 86400 * (np.floor(date) - 1) + 86400 * (date % 1), np.ones(rows)
    whole = np.where(np.isfinite(date), np.floor(date), np.nan)
    time = _table.calendar(year, month, whole, seconds + 86400 * (date - whole))
    bad |= ~blank & np.isnat(time)
    return Times(np.where(bad, np.datetime64("NaT"), time), bad)


def _beside(where, columns, names):
    """Seconds of the day in the column or columns beside a date; NaN where blank, and bad rows."""
    if "time" in columns:
        return _clock(where, names["time"], columns["time"])
    hour, bad = _table.number(columns["hour"])
    seconds, top = 3600 * hour, np.nanmax(hour, initial=0)
    if top >= 100:  # a column of that name may hold hhmm
        return _clock(where, names["hour"], columns["hour"])
    for name, unit in (("minute", 60), ("second", 1)):
        if name in columns:
            value, broken = _table.number(columns[name])
            seconds, bad = seconds + unit * value, bad | broken | (value >= 61)
    return seconds, bad | (hour < 0) | (hour >= 25)


def _clock(where, name, column):
    """Seconds of the day of a column of times of day; NaN where it is blank, and the bad rows."""
    if column.dtype.kind not in "iuf":
        text = _table.stripped(column).replace("", np.nan)
        known = text.dropna()
        if known.str.contains(":").any():
            text = text.str.replace(r"^.*[T ](?=\d{1,2}:)", "", regex=True)
            return _seconds(CLOCK, text.fillna("").to_numpy())
        padded = known.str.fullmatch(r"\d{6}(\.\d*)?|\d{4}")
        if padded.size and padded.all() and known.str.len().nunique() == 1:
            return _seconds(COMPACT, text.fillna("").to_numpy())
    value, bad = _table.number(column)
    if not np.isfinite(value).any():
        return value, bad
    return _numeric_clock(where, name, value), bad | (value < 0) | (value >= 250000)


def _numeric_clock(where, name, value):
    """Seconds of the day from numbers: hhmm, hhmmss, hours, or seconds of the day."""
    known = value[np.isfinite(value)]
    top, whole = known.max(), np.all(known % 1 == 0)
    minutes_fit = np.all(known % 100 < 60)
    seconds_fit = minutes_fit and np.all(known // 100 % 100 < 60) and top < 240000
    if top >= 2400 and seconds_fit:
        hour, minute, second = value // 10000, value // 100 % 100, value % 100
        return 3600 * hour + 60 * minute + second
    if 2400 <= top <= 86400:
        return value
    if (top > 24 or _plain_hhmm(name)) and minutes_fit and top < 2400:
        return 3600 * (value // 100) + 60 * (value % 100)
    if top <= 24 and "hour" in name.lower() or (top <= 24 and not whole and top > 1):
        return 3600 * value
    raise _table.TrackError(
        f"{where}: column {name!r} holds {known[0]:g} to {top:g} for a time of day, which can be "
        "read in more than one way. Write it as 03:00:00"
    )


def _plain_hhmm(name):
    """Whether a column is said to hold hhmm."""
    return "hhmm" in re.sub(r"\W", "", name.lower())


def _seconds(form, text):
    """Seconds of the day of times of day in the form of `CLOCK` or `COMPACT`, and the bad rows.

    NaN where the text is empty.
    """
    there = text != ""
    part = _table.matched(form, text)
    hour, minute, second = (_table.floats(part[k]) for k in "hms")
    second = np.nan_to_num(second)
    bad = there & ~((hour <= 24) & (minute < 60) & (second < 61))
    if "half" in part:
        half = np.array([text[:1].upper() for text in part["half"]], dtype=object)
        bad |= (half != "") & ((hour < 1) | (hour > 12))
        hour = np.where(half != "", hour % 12 + 12 * (half == "P"), hour)
        ahead = np.nan_to_num(60 * _table.floats(part["zh"]) + _table.floats(part["zm"]))
        minute = minute - np.where(part["sign"] == "-", -1, 1) * ahead  # to UTC
    return np.where(bad, np.nan, 3600 * hour + 60 * minute + second), bad


def _stamps(where, name, column):
    """Days, seconds of the day and bad rows of a column of whole times, or of days alone."""
    if column.dtype.kind in "iuf":
        return _numeric_stamps(where, name, column.to_numpy(float))
    text = _table.stripped(column)
    text = text.where(~text.isin(["", "NaT", "-", "*"]))
    there = text.notna().to_numpy()
    known = text.to_numpy()[there]
    if known.size and all(map(re.compile(r"\d+(\.\d*)?").fullmatch, known)):
        return _numeric_stamps(where, name, pd.to_numeric(text).to_numpy(float))
    day = np.full(len(text), np.datetime64("NaT"), "datetime64[D]")
    clock = np.full(len(text), np.nan)
    done = there.copy()
    done[there] = [match is not None for match in map(re.compile(ISO).match, known)]
    moment = np.full(len(text), np.datetime64("NaT"), "datetime64[ns]")
    if done.any():
        iso = pd.to_datetime(text[done], format="ISO8601", utc=True, errors="coerce")
        moment[done] = iso.dt.tz_localize(None).to_numpy("datetime64[ns]")
    done = ~np.isnat(moment)
    day[done] = moment[done].astype("datetime64[D]")
    clock[done] = (moment[done] - day[done]) / np.timedelta64(1, "s")
    rest = there & ~done
    if rest.any():
        day[rest], clock[rest] = _other_forms(where, name, text[rest])
    return day, clock, there & (np.isnat(day) | np.isnan(clock))


def _other_forms(where, name, text):
    """Days and seconds of the day of times that are not ISO 8601, form by form."""
    day = np.full(len(text), np.datetime64("NaT"), "datetime64[D]")
    clock = np.full(len(text), np.nan)
    left, whole = np.ones(len(text), bool), text.to_numpy()
    before, after = _split(whole)  # the day, and the time of day with its colons
    for kind, form in DAYS.items():
        cut = after != ""
        cut[cut] = _table.matched(form, before[cut])["fits"]
        form = rf"{form}(?:[T ,:]+(?P<clock>\S.*))?"
        days = np.where(cut, before, whole)
        if not left.any() or not any(map(re.compile(form).fullmatch, days[left])):
            continue
        part = _table.matched(form, days[left])
        fits = part.pop("fits")
        part = {letter: column[fits] for letter, column in part.items()}
        here = np.flatnonzero(left)[fits]
        left[here] = False
        written = np.where(cut[here], after[here], part.pop("clock"))
        day[here] = _days(where, name, kind, part, whole[here[0]])  # of all rows of a form at once
        clock[here] = _seconds_beside(written)
    if left.all() and any(map(re.compile(CLOCK).fullmatch, whole)):
        raise _table.TrackError(
            f"{where}: column {name!r} holds times of day such as {whole[0]!r}, and no column "
            'the date. Name it: COLUMNS="date=... time=..."'
        )
    return day, clock


def _split(texts):
    """Cut times of day, which hold a colon, off the days before them: days repeat, so are quick.

    Where there is none the text is given whole, and "".
    """
    days, clocks = list(texts), [""] * len(texts)
    for place, text in enumerate(texts):
        colon = text.find(":")
        start = colon - 2 if text[max(colon - 2, 0) : colon - 1].isdigit() else colon - 1
        if colon > 2 and text[start - 1] in "T ,":
            days[place], clocks[place] = text[:start].rstrip("T ,"), text[start:]
    return np.array(days, dtype=object), np.array(clocks, dtype=object)


def _seconds_beside(written):
    """Seconds of the day of times of day behind a day: 0 where there is none, NaN of a bad one."""
    compact = np.array([":" not in text for text in written], bool)
    seconds, bad = _seconds(CLOCK, np.where(compact, "", written))
    if compact.any():
        other, wrong = _seconds(COMPACT, np.where(compact, written, ""))
        seconds, bad = np.where(compact, other, seconds), bad | wrong
    return np.where(bad, np.nan, np.where(written == "", 0.0, seconds))


def _days(where, name, kind, part, sample):
    """Days (datetime64[D]) from the groups of one of `DAYS`, NaT where there is no such day."""
    year = _table.floats(part["y"])
    if kind == "doy":
        number = _table.floats(part["n"])
        start = _calendar_day(year, np.ones(year.size), np.ones(year.size))
        fits = (number >= 1) & (number <= 366)
        moved = start + np.where(fits, number - 1, 0).astype("timedelta64[D]")
        return np.where(fits, moved, np.datetime64("NaT"))
    day = _table.floats(part["d"])
    if "M" in part:
        month = np.array([MONTHS.get(text[:3].lower(), np.nan) for text in part["M"]], float)
    else:
        month = _table.floats(part["m"])
    if kind == "dmy" and _month_first(where, name, day, month, year, sample):
        day, month = month, day
    return _calendar_day(year, month, day)


def _calendar_day(year, month, day):
    """Days (datetime64[D]) of calendar numbers, NaT where there is no such day."""
    return _table.calendar(year, month, day, np.zeros(len(year))).astype("datetime64[D]")


def _month_first(where, name, first, second, year, sample):
    """Tell month/day/year from day/month/year: by a number above 12, or by days that follow.

    Days of a cruise follow one another: 02/06, 03/06 are two days in June, or a month apart.
    """
    if (first > 12).any() != (second > 12).any():
        return bool((second > 12).any())
    if (first == second).all():
        return False
    following = []
    for day, month in ((first, second), (second, first)):
        days = _calendar_day(year, month, day)
        step = np.diff(days[~np.isnat(days)]) / np.timedelta64(1, "D")
        following.append(bool((np.abs(step) == 1).any()))
    if following[0] != following[1]:
        return following[1]
    raise _table.TrackError(
        f"{where}: column {name!r} holds {sample!r}, which may be day/month/year or "
        f"month/day/year. Write it as year-month-day; {FORMS}"
    )


def _numeric_stamps(where, name, value):
    """Days, seconds of the day and bad rows of times written as one number."""
    known = value[np.isfinite(value)]
    if not known.size:
        day = np.full(value.size, np.datetime64("NaT"), "datetime64[D]")
        return day, np.full(value.size, np.nan), np.zeros(value.size, bool)
    typical = np.median(known)
    for length in (8, 12, 14):  # yyyymmdd, then hhmm, then ss
        low, high = 1900_01_01 * 10.0 ** (length - 8), 2100_01_01 * 10.0 ** (length - 8)
        if low <= typical < high:
            return _from_digits(value, length)
    for unit, (low, high) in SINCE_1970.items():
        if low <= typical <= high and not (unit == 1 and _hours_in_digits(known)):
            seconds = np.where(np.isfinite(value), value * unit, 0.0)
            bad = np.isfinite(value) & ((value < 0) | (value > high))
            days = np.floor(seconds / 86400)
            day = np.where(np.isfinite(value) & ~bad, days, 0).astype("datetime64[D]")
            none = ~np.isfinite(value) | bad
            day[none] = np.datetime64("NaT")
            return day, np.where(none, np.nan, seconds - 86400 * days), bad
    raise _table.TrackError(
        f"{where}: column {name!r} holds {known[0]:.12g}, no time that is read here; {FORMS}"
    )


def _hours_in_digits(known):
    """Whether numbers may as well be yyyymmddhh as seconds since 1970."""
    digits = known // 100
    date = _calendar_day(digits // 10000, digits // 100 % 100, digits % 100)
    return bool(np.all(known % 100 < 24) and not np.isnat(date).any())


def _from_digits(value, length):
    """Days, seconds of the day and bad rows of yyyymmdd, yyyymmddhhmm or yyyymmddhhmmss."""
    there = np.isfinite(value) & (np.abs(value) < 1e15)
    number = np.where(there, value, 0.0)
    fraction = number % 1
    digits = np.floor(number).astype(np.int64)
    clock = digits % 10 ** (length - 8)
    if length == 12:
        clock = clock * 100
    date = digits // 10 ** (length - 8)
    hour, minute, second = clock // 10000, clock // 100 % 100, clock % 100
    day = _calendar_day(date // 10000.0, date // 100 % 100 * 1.0, date % 100 * 1.0)
    fits = (hour < 24) & (minute < 60) & (second < 61) & ~np.isnat(day) & there
    bad = np.isfinite(value) & ~fits
    seconds = 3600.0 * hour + 60.0 * minute + second + fraction
    return np.where(fits, day, np.datetime64("NaT")), np.where(fits, seconds, np.nan), bad
