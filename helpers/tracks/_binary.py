"""Cruises in binary files: MGD77+ (netCDF) and the MGG binary of early GMT.

MGD77+: Wessel & Chandler (2007), doi:10.1016/j.cageo.2006.05.010. MGG binary, of the GMT
supplement mgg: a header (int32 year, int32 count, 10 characters), then records of 18 bytes (int32
seconds since 1 January of that year, int32 latitude and longitude in 1e-6 degrees, int16 gravity
anomaly in 0.1 mGal, int16 magnetic anomaly in nT, int16 topography in m; -32000 is missing).
"""

from __future__ import annotations

import re

import numpy as np

from ..data._netcdf import NetcdfError, check_netcdf
from . import _table

NETCDF = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n")
PLUS = {  # our column: theirs
    "latitude": "lat",
    "longitude": "lon",
    "total_field_nt": "mtf1",
    "second_nt": "mtf2",
    "residual_nt": "mag",
    "depth_m": "depth",
}
ABOUT = {
    "Platform_Name": "platform",
    "Source_Institution": "institution",
    "Navigation_Instrumentation": "navigation",
    "Magnetics_Instrumentation": "instrument",
    "Magnetics_Ref_Field": "reference_field",
}
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
MISSING = -32000
MOST_ROWS = 50_000_000  # a year of readings, one a second, and more
PARTS = [("t", "i4"), ("lat", "i4"), ("lon", "i4"), ("grav", "i2"), ("mag", "i2"), ("topo", "i2")]


def read_netcdf(content, where, stem) -> _table.Reading:
    """Read one cruise in MGD77+, netCDF 3 or 4.

    Scale factors, offsets and missing values are those of each variable; one without the dimension
    ``time`` holds for all rows. Times are in UTC as they stand.
    """
    import netCDF4

    try:
        check_netcdf(content, where)  # before a library takes what the header promises for true
    except NetcdfError as error:
        raise _table.TrackError(str(error)) from error
    try:
        with netCDF4.Dataset("memory", memory=content) as file:
            missing = [name for name in ("time", "lat", "lon") if name not in file.variables]
            if missing or not {"mtf1", "mtf2", "mag"} & set(file.variables):
                raise _table.TrackError(
                    f"{where} is netCDF but not MGD77+: it should hold time, lat, lon and mtf1 or "
                    f"mag; it holds {', '.join(file.variables) or 'no variable'}. A grid is read "
                    "by gridding.read_grid, or make map GRID=..."
                )
            rows = file["time"].size
            if rows > MOST_ROWS:
                raise _table.TrackError(f"{where} declares {rows:,} rows, too many for a cruise")
            columns = {ours: _plus(file, name, rows) for ours, name in PLUS.items()}
            columns["time"] = _since(where, file["time"], _plus(file, "time", rows))
            about = {ours: str(getattr(file, theirs, "")).strip() for theirs, ours in ABOUT.items()}
            name = str(getattr(file, "Survey_Identifier", "")).strip() or stem
    except _table.TrackError:
        raise
    except (OSError, RuntimeError, IndexError, ValueError, MemoryError) as error:
        raise _table.TrackError(f"{where} is a damaged netCDF file, or cut off") from error
    columns["cruise"] = np.full(rows, name, dtype=object)
    return _table.judge(where, columns, about=about)


def _plus(file, name, rows):
    """One variable as floats of the length of the cruise, NaN where missing."""
    if name not in file.variables:
        return np.full(rows, np.nan)
    values = np.ma.filled(np.ma.asarray(file[name][...]).astype(float), np.nan)
    return np.broadcast_to(values.ravel(), rows).copy()  # one value holds for all rows


def _since(where, variable, values):
    """Tell times of a variable with units such as ``seconds since 1970-01-01 00:00:00``."""
    units = str(getattr(variable, "units", ""))
    found = re.match(r"(second|minute|hour|day)s? since (\d+-\d+-\d+)[T ]?([\d:.]*)", units)
    try:
        if found is None:
            raise ValueError
        year, month, day = map(int, found[2].split("-"))
        start = np.datetime64(f"{year:04}-{month:02}-{day:02}T{found[3] or '00:00:00'}", "ns")
    except ValueError:
        raise _table.TrackError(
            f"{where} has times in units {units!r}; expected such as 'seconds since 1970-01-01'"
        ) from None
    seconds = values * UNITS[found[1]]
    valid = np.abs(seconds) < 9e9
    steps = np.rint(1000 * np.where(valid, seconds, 0)).astype("timedelta64[ms]")
    return np.where(valid, start + steps, np.datetime64("NaT"))


def looks_mgg(content) -> bool:
    """Tell whether a file may be MGG binary: a plausible year and count in either byte order."""
    return _order(content) is not None


def _order(content):
    """Byte order of an MGG binary file, or None where it is none."""
    for order in "<>":
        if len(content) >= 18:
            year, count = np.frombuffer(content[:8], dtype=f"{order}i4")
            if _table.YEARS[0] <= year < _table.YEARS[1] and count >= 0:
                return order
    return None


def read_mgg(content, where, stem) -> _table.Reading:
    """Read one cruise in the MGG binary of early GMT, in either byte order.

    The format holds no total fields. Records that the header promises and the file does not hold
    are counted as truncated.
    """
    order = _order(content)
    if order is None:
        raise _table.TrackError(
            f"{where} is not MGG binary: it should begin with a year and a count"
        )
    year, promised = np.frombuffer(content[:8], dtype=f"{order}i4").tolist()
    kind = np.dtype([(name, order + size) for name, size in PARTS])
    body = content[18:]
    whole = np.frombuffer(body[: len(body) // 18 * 18], dtype=kind)
    columns = _records(whole, year)
    said = content[8:18].split(b"\0")[0].decode("latin-1").strip()
    name = said if re.fullmatch(r"[\w.+ -]+", said, re.ASCII) else stem
    columns["cruise"] = np.full(len(whole), name, dtype=object)
    lost = max(promised, -(-len(body) // 18)) - len(whole)
    if not len(whole):
        raise _table.TrackError(f"{where} has no valid row: 0 read, {lost} truncated line")
    reading = _table.judge(where, columns)
    reading.counts["rows_read"] += lost
    reading.counts["truncated line"] += lost
    return reading


def _records(whole, year):
    """Columns of complete records."""
    mag, topo = whole["mag"].astype(float), whole["topo"].astype(float)
    mag[whole["mag"] == MISSING] = np.nan
    topo[whole["topo"] == MISSING] = np.nan
    return {
        "time": np.datetime64(f"{year}-01-01", "ns") + whole["t"].astype("timedelta64[s]"),
        "longitude": whole["lon"] / 1e6,
        "latitude": whole["lat"] / 1e6,
        "total_field_nt": np.full(len(whole), np.nan),
        "residual_nt": mag,
        "depth_m": -topo,
    }
