"""Ship tracks: read cruises as NCEI delivers them, and recompute their magnetic residuals.

One table holds any number of cruises, a row for each magnetic reading in the order of the files:
``cruise, time, longitude, latitude, total_field_nt, residual_nt, depth_m``. ``time`` is UTC, as
datetime64[ns] without a time zone; longitudes lie in -180..180. What a file held and which of
its rows were rejected, and why, stands in ``table.attrs["report"]``; see `report`.

The formats have a module each: `_mgd77`, `_mgd77`, `_binary` and
`_csv`; `_read` finds the files and tells which is which.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from . import _mgd77, _read, _table

CHUNK = 4_000  # points evaluated at once: 105 harmonics each, about 50 MB
TREND_ROWS = 1_000  # readings of a cruise, evenly picked, that its trend is fitted to


def read_tracks(path, columns=None) -> pd.DataFrame:
    """Read cruises from files, folders and archives.

    Parameters
    ----------
    path : str, pathlib.Path or sequence of them
        A file, a folder or archive that is searched with all its subfolders (an NCEI delivery,
        ``trackline-item-*/MGD77_*/*.m77t``, as a folder, ``.zip``, ``.tar`` or ``.tar.gz``), or
        several of any. Formats: MGD77T, fixed-width MGD77, MGD77+ netCDF, old-GMT binary, and
        tables with named columns (CSV).
    columns : dict, optional
        For CSV: our name to the file's, such as ``{"time": "UTC", "longitude": "x_deg",
        "residual_nt": "dT"}``. Usual names are recognised without it.

    Returns
    -------
    pandas.DataFrame
        The columns of `COLUMNS`; a row has a position, a time, and a total field or a residual.
        ``residual_nt`` is at first the file's own, on the reference field of its day; `residual`
        recomputes it. Missing values are NaN. ``attrs["report"]`` counts, for each file, the
        rows read, kept and rejected by reason; ``attrs["about"]`` tells what the files say of
        themselves (``instrument``, ``reference_field`` and the like), ``attrs["files"]`` the
        files of each cruise, and ``attrs["passed_over"]`` the files that are no tracks.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    TrackError
        If a file that was named is in none of the formats, has no magnetic column or no valid
        row. In a folder or archive one good file is enough; the others are in the report.

    Notes
    -----
    MGD77T: UTC is DATE and TIME (hhmm with decimal minutes) plus TIMEZONE hours; a blank TIMEZONE
    is taken as UTC. Text files: a last line without a line end is rejected as truncated unless
    each field that a row needs is followed by another (its very last field may be cut all the
    same): NCEI drops trailing empty fields, so a short line alone proves nothing.
    """
    given = [path] if isinstance(path, str | Path) else list(path)
    tables, headers = [], {}
    attrs = {"report": {}, "about": {}, "files": {}, "passed_over": []}
    for found in _read.find_tracks(given):
        if found.ending == ".h77t" and not found.named:
            headers[found.name[:-5]] = _mgd77.read_h77t(found.content or b"")
            continue
        reading = _read_one(found, columns, attrs)
        if reading is not None:
            tables.append(reading.table)
    if not tables:
        why = " ".join(count.get("error", "") for count in attrs["report"].values())
        raise _table.TrackError(f"No file holds a readable track. {why}".strip())
    for name in attrs["about"]:
        attrs["about"][name] |= headers.get(name[:-5], {}) if name[-5:].lower() == ".m77t" else {}
    table = pd.concat(tables, ignore_index=True)
    table.attrs |= attrs
    return table


def _read_one(found, columns, attrs):
    """Read one file and write down what it gave; None where it gave no rows."""
    try:
        reading = _read.read_found(found, columns)
    except _table.TrackError as error:
        if found.named:
            raise
        attrs["report"][found.name] = {"rows_read": 0, "rows_kept": 0, "error": str(error)}
        return None
    if reading is None:
        attrs["passed_over"].append(found.name)
        return None
    attrs["report"][found.name] = reading.counts
    attrs["about"][found.name] = reading.about
    for cruise in reading.table["cruise"].unique():
        attrs["files"].setdefault(cruise, []).append(found.name)
    return reading


def report(table: pd.DataFrame) -> pd.DataFrame:
    """Tabulate what was read, kept and rejected.

    Parameters
    ----------
    table : pandas.DataFrame
        A table from `read_tracks`, or one derived from it.

    Returns
    -------
    pandas.DataFrame
        A row for each file: ``rows_read``, ``rows_kept``, a column for each reason that
        occurred, and ``error`` where a whole file was rejected.

    Raises
    ------
    TrackError
        If the table carries no report.
    """
    if "report" not in table.attrs:
        raise _table.TrackError("This table has no report; it does not come from read_tracks")
    rows = pd.DataFrame.from_dict(table.attrs["report"], orient="index").rename_axis("file")
    order = ["rows_read", "rows_kept", *_table.REASONS, "depth blanked", "error"]
    rows = rows[[name for name in order if name in rows]].copy()
    for name in rows.columns.drop("error", errors="ignore"):
        rows[name] = rows[name].fillna(0).astype(int)
    always = ["rows_read", "rows_kept", "error"]
    return rows.loc[:, [name in always or rows[name].any() for name in rows.columns]]


def residual(table: pd.DataFrame) -> pd.DataFrame:
    """Recompute the residual: total field minus IGRF-14 at the time and place of each reading.

    Parameters
    ----------
    table : pandas.DataFrame
        A track table.

    Returns
    -------
    pandas.DataFrame
        A copy with new ``residual_nt`` and a bool column ``recomputed``: False where there is no
        total field or the time is outside the model, and the file's own residual stays.
        ``attrs["residual"]`` counts both and names the model.

    Notes
    -----
    IGRF-14 runs from 1900 to 2030; from 2025 on it is a prediction (its secular variation).
    """
    out = table.copy()
    total = out["total_field_nt"].to_numpy(float)
    done = np.isfinite(total)
    place = (out[name].to_numpy()[done] for name in ("longitude", "latitude", "time"))
    model = np.full(total.shape, np.nan)
    model[done] = np.linalg.norm(reference_field(*place), axis=0)
    done &= np.isfinite(model)
    own = out["residual_nt"].to_numpy(float)
    out["residual_nt"] = np.where(done, total - model, own)
    out["recomputed"] = done
    count = {"recomputed": int(done.sum()), "kept_from_file": int((~done).sum())}
    out.attrs["residual"] = {"model": "IGRF-14", **count}
    return out


def reference_field(longitude, latitude, time, height_km: float = 0.0) -> np.ndarray:
    """Evaluate the IGRF-14 main field at many places and times.

    Parameters
    ----------
    longitude, latitude : array_like, shape (n,)
        Geodetic degrees.
    time : array_like of datetime64, shape (n,)
        UTC.
    height_km : float
        Height above the ellipsoid; the sea surface by default.

    Returns
    -------
    numpy.ndarray, shape (3, n)
        East, north and up components in nT; NaN outside 1900 to 2030.

    Notes
    -----
    The coefficients of the IGRF are linear in time between epochs five years apart, and so are
    the components of the field. Evaluating the two epochs about each point and interpolating the
    components is therefore exact, and needs no evaluation for each date. Evaluated by ppigrf
    from Alken et al. (2021), doi:10.1186/s40623-020-01288-x; coefficients
    doi:10.5281/zenodo.14012302.
    """
    import ppigrf

    lon, lat = np.atleast_1d(np.asarray(longitude, float), np.asarray(latitude, float))
    when = np.atleast_1d(np.asarray(time, dtype="datetime64[ns]"))
    lat = np.clip(lat, -89.9999, 89.9999)  # the east component has no limit at the pole itself
    epochs = np.asarray(ppigrf.ppigrf.read_shc()[0].index, dtype="datetime64[ns]")
    before = np.clip(np.searchsorted(epochs, when, side="right") - 1, 0, epochs.size - 2)
    field = np.full((3, lon.size), np.nan)
    valid = np.isfinite(lon) & np.isfinite(lat) & (when >= epochs[0]) & (when <= epochs[-1])
    for k in np.unique(before[valid]):
        pair = pd.to_datetime(epochs[k : k + 2]).to_pydatetime()
        here = np.flatnonzero(valid & (before == k))
        part = (when[here] - epochs[k]) / (epochs[k + 1] - epochs[k])
        for start in range(0, here.size, CHUNK):
            at, t = here[start : start + CHUNK], part[start : start + CHUNK]
            ends = np.stack(ppigrf.igrf(lon[at], lat[at], height_km, pair))
            field[:, at] = (1 - t) * ends[:, 0] + t * ends[:, 1]
    return field


def remove_cruise_median(table: pd.DataFrame) -> pd.DataFrame:
    """Take the median residual of each cruise off that cruise.

    The simplest levelling: it removes what a cruise has in common with itself, such as an error
    of the reference field or the ship's own magnetism, and a little of the geology too.

    Parameters
    ----------
    table : pandas.DataFrame
        A track table.

    Returns
    -------
    pandas.DataFrame
        A copy; ``attrs["cruise_median_nt"]`` has what was taken off each cruise.
    """
    out = table.copy()
    cruises = out["cruise"].to_numpy()
    median = out["residual_nt"].groupby(cruises).median()
    out["residual_nt"] = out["residual_nt"].to_numpy() - median.reindex(cruises).to_numpy()
    out.attrs["cruise_median_nt"] = median.round(3).to_dict()
    return out


def remove_cruise_trend(table: pd.DataFrame) -> pd.DataFrame:
    """Take a robust straight line in time off the residuals of each cruise.

    Beside what `remove_cruise_median` removes, a slow drift of the instrument. It harms where the
    geology has a trend of its own: a short cruise, or a long one over a few broad anomalies,
    loses the slope that they have along its track, and crossing cruises then fit worse. Where
    cruises cross, `helpers.tracks.level` tells drift from geology; this cannot.

    Parameters
    ----------
    table : pandas.DataFrame
        A track table.

    Returns
    -------
    pandas.DataFrame
        A copy; ``attrs["cruise_trend"]`` has for each cruise what was taken off: ``offset_nt``
        at the middle of its time, and ``slope_nt_per_day``.

    Notes
    -----
    Repeated medians (Siegel 1982, doi:10.1093/biomet/69.1.242) of 1,000 readings evenly picked:
    up to half of them may be wild.
    """
    from scipy.stats import siegelslopes

    out, taken = table.copy(), {}
    residual = table["residual_nt"].to_numpy(float, copy=True)
    for cruise, rows in table.groupby("cruise").indices.items():
        time = table["time"].to_numpy("datetime64[ns]")[rows]
        days = (time - time.min()) / np.timedelta64(1, "D")
        days -= days.max() / 2
        known = np.flatnonzero(np.isfinite(residual[rows]))
        known = known[:: max(known.size // TREND_ROWS, 1)]
        slope, offset = 0.0, float(np.median(residual[rows][known])) if known.size else 0.0
        if np.unique(days[known]).size > 1:
            slope, offset = siegelslopes(residual[rows][known], days[known])
        residual[rows] -= offset + slope * days
        taken[cruise] = {"offset_nt": float(offset), "slope_nt_per_day": float(slope)}
    out["residual_nt"] = residual
    out.attrs["cruise_trend"] = taken
    return out
