"""Which column of a table is which, by the names that people give them, or as the caller says."""

from __future__ import annotations

import re

from . import _places, _table

NAMES = {  # names that are recognised, as `plain` writes them; the first that is there is taken
    "cruise": ["cruise", "survey_id", "surveyid", "cruise_id", "survey", "cruise_name", "event"],
    "time": ["time", "datetime", "date_time", "timestamp", "utc", "time_utc", "utc_time", "gmt"]
    + ["date_time_utc", "datetime_utc", "reading_time", "time_of_day", "epoch", "unix_time"]
    + ["hhmm", "hhmmss", "gps_time", "gmt_time", "time_gmt"],
    "date": ["date", "reading_date", "date_utc", "utc_date", "gps_date", "gmt_date", "yyyymmdd"]
    + ["date_gmt"],
    "longitude": ["longitude", "lon", "long", "lon_deg", "longitude_deg", "lon_dd", "long_dd"]
    + ["longitude_dd", "lon_wgs84", "mag_longitude", "mag_lon", "lon_degrees", "long_deg"]
    + ["longitude_wgs84", "longitude_degrees", "lon_d", "deg_lon", "londeg"],
    "latitude": ["latitude", "lat", "lat_deg", "latitude_deg", "lat_dd", "latitude_dd"]
    + ["lat_wgs84", "mag_latitude", "mag_lat", "lat_degrees", "latitude_wgs84"]
    + ["latitude_degrees", "lat_d", "deg_lat", "latdeg"],
    "total_field_nt": ["total_field_nt", "mag_tot", "mtf1", "total_field", "mag_total", "tmi"],
    "residual_nt": ["residual_nt", "mag_res", "residual", "anomaly_nt", "mag_anomaly"]
    + ["magnetic_anomaly", "maganomaly", "mag_anom", "anom_nt", "residual_field", "tfa"]
    + ["magnetic_residual"],
    "depth_m": ["depth_m", "corr_depth", "depth"],
    "year": ["year", "yyyy", "yr"],
    "month": ["month", "mon", "mm", "mo"],
    "day": ["day", "dd", "day_of_month", "mday"],
    "day_of_year": ["day_of_year", "doy", "yday", "jday", "julian_day", "yearday", "ddd"],
    "hour": ["hour", "hr", "hh", "hours", "decimal_hour", "hour_utc"],
    "minute": ["minute", "min", "mn", "mi", "minutes"],
    "second": ["second", "sec", "ss", "seconds"],
    "zone": ["timezone", "tz"],
}
EITHER = ["mag", "mag_nt", "magnetic", "magnetics", "mag_field", "f_nt", "nt"]  # their size tells
EITHER += ["magnetic_field", "field", "magnetometer", "mag1"]
BARE = ["anomaly", "anom"]  # of gravity as well as of magnetics: taken where nothing else is there
SECOND = ["mag_tot2", "mtf2"]  # total field of a second sensor
NEEDED = ["longitude", "latitude"]
READINGS = ["total_field_nt", "residual_nt"]
PROJECTED = {"x", "y", "easting", "northing", "x_m", "y_m", "utm_x", "utm_y"}
METRIC = re.compile(r"(?i)easting|northing|utm|_k?m$|[(\[]\s*k?m\s*[)\]]$")
UNITS = {"": 1.0, "nt": 1.0, "gamma": 1.0, "gammas": 1.0, "ut": 1e3, "µt": 1e3, "μt": 1e3}
UNITS |= {"mt": 1e6, "t": 1e9, "nanotesla": 1.0, "tesla": 1e9}  # nT in one of them


def plain(name):
    """Write a name of a column without capitals, blanks and a unit in brackets."""
    name = re.sub(r"[(\[].*[)\]]$", "", str(name).strip().lower()).strip(" _")
    return re.sub(r"[\s./-]+", "_", name)


def unit(name):
    """Size (nT) of the unit in brackets behind the name of a magnetic column; None of another."""
    found = re.search(r"[(\[]\s*(.*?)\s*[)\]]$", str(name).strip())
    return UNITS.get(found[1].lower() if found else "")


def is_header(names, columns=None):
    """Whether names are those of the columns of magnetic readings, with positions of some kind."""
    given = [plain(name) for name in (columns or {}).values()]
    lower = {plain(name) for name in names}
    known = [name for ours in READINGS for name in NAMES[ours]] + BARE + SECOND
    known += EITHER if "magtype" not in lower else []  # magnitudes of earthquakes
    places = [*NAMES["longitude"], *NAMES["latitude"], *PROJECTED]
    magnetic = lower & {*known, *given}
    return len(names) > 2 and bool(magnetic) and len(lower & {*places, *given}) > 1


def choose(where, header, columns):
    """Position of each column that is there, by our name for it.

    Beside those of `NAMES` there may be ``either`` (a reading that its name does not tell),
    ``sensor_2`` (total field of a second sensor), and ``minutes``, ``seconds`` and ``letter`` of
    longitude and latitude, such as ``latitude minutes``.
    """
    unknown = sorted(set(columns) - set(NAMES))
    if unknown:
        raise _table.TrackError(
            f"columns names {', '.join(unknown)}; the table has only {', '.join(NAMES)}"
        )
    lower = [plain(name) for name in header]
    chosen = {}
    for ours, known in NAMES.items():
        names = [plain(columns[ours])] if ours in columns else known
        there = [name for name in names if name in lower]
        if ours in READINGS and ours not in columns:
            there = [name for name in there if unit(header[lower.index(name)])]
        if there:
            if lower.count(there[0]) > 1:
                raise _table.TrackError(f"{where} names a column twice: {there[0]}")
            chosen[ours] = lower.index(there[0])
        elif ours in columns:
            raise _table.TrackError(
                f"{where} has no column {columns[ours]!r}; it has {shown(header)}"
            )
    if "mtf1" in lower and "cruise" not in chosen and "id" in lower:  # of GMT's mgd77convert
        chosen["cruise"] = lower.index("id")
    _choose_readings(header, lower, chosen)
    _choose_times(header, columns, chosen)
    for which in NEEDED:
        if which in chosen and which not in columns:
            chosen |= {f"{which} {k}": at for k, at in _places.beside(lower, which).items()}
    _check_complete(where, header, chosen)
    return chosen


def _choose_readings(header, lower, chosen):
    """Choose among columns whose names do not tell a total field from a residual or gravity."""
    for name in SECOND:
        if name in lower:
            chosen.setdefault("sensor_2", lower.index(name))
    magnetic = [name for name in EITHER if name in lower and unit(header[lower.index(name)])]
    if magnetic and "residual_nt" not in chosen:
        chosen["either"] = lower.index(magnetic[0])
    bare = [name for name in BARE if name in lower and unit(header[lower.index(name)])]
    if bare and not {"residual_nt", "either"} & set(chosen):
        chosen["residual_nt"] = lower.index(bare[0])


def _choose_times(header, columns, chosen):
    """Leave of the columns of times those that belong together."""
    if "time" in columns and "date" not in columns:
        chosen.pop("date", None)
    if "time" not in chosen and "date" not in chosen and header[:1] == [""]:
        chosen["time"] = 0  # as a table is written whose index is the time
    if {"year", "hour"} <= set(chosen) and "time" not in columns:
        chosen.pop("time", None)
    day = ("month" in chosen and "day" in chosen) or "day_of_year" in chosen
    if "date" in chosen or "date" in columns or not ("year" in chosen and day):
        for part in ("year", "month", "day", "day_of_year"):
            chosen.pop(part, None)
    if not {"date", "year"} & set(chosen) or "time" in chosen:
        for part in ("hour", "minute", "second"):
            chosen.pop(part, None)


def advice(name):
    """Say how the column of a quantity is named."""
    return (
        f'Say which column it is: read_tracks(path, columns={{"{name}": "..."}}), or '
        f"make map ... COLUMNS='{name}=...'"
    )


def shown(header):
    """List the columns of a file for a message."""
    return ", ".join(name or "(no name)" for name in header[:60]) or "none"


def _check_complete(where, header, chosen):
    """Raise an error that says what is missing and how to give it."""
    if header and all(re.fullmatch(r"[-+.\deE]+", name) for name in header):
        raise _table.TrackError(
            f"{where} begins with numbers, {shown(header)}: it has no line with the names of its "
            "columns. Write one above, such as longitude,latitude,residual_nt"
        )
    metric = [header[chosen[name]] for name in NEEDED if name in chosen]
    metric = [name for name in metric if METRIC.search(name.strip())]
    if metric:
        raise _table.TrackError(
            f"{where}: {' and '.join(metric)} are kilometres or metres by their names. Convert "
            "them to longitude and latitude in degrees"
        )
    readings = [*READINGS, "either", "sensor_2"]
    missing = [name for name in NEEDED if name not in chosen]
    timed = {"time", "date", "year"} & set(chosen)
    if not timed and not {"residual_nt", "either"} & set(chosen):
        missing.insert(0, "time")
    lower = {plain(name) for name in header}
    if {"longitude", "latitude"} & set(missing) and len(lower & PROJECTED) > 1:
        raise _table.TrackError(
            f"{where} has projected positions ({', '.join(sorted(lower & PROJECTED))}) and does "
            "not state the projection. Convert them to longitude and latitude in degrees and "
            f"name those columns; it has {shown(header)}"
        )
    if not any(name in chosen for name in readings):
        missing.append("total_field_nt or residual_nt")
    if missing:
        raise _table.TrackError(
            f"{where}: no column for {', '.join(missing)} is recognised among {shown(header)}. "
            + advice(missing[0].split()[0])
        )
