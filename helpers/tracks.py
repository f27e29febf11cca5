"""Ship tracks: read cruises as NCEI delivers them, and recompute their magnetic residuals.

One table holds any number of cruises, a row for each magnetic reading in the order of the files:
``cruise, time, longitude, latitude, total_field_nt, residual_nt, depth_m``. ``time`` is UTC, as
datetime64[ns] without a time zone; longitudes lie in -180..180. What a file held and which of
its rows were rejected, and why, stands in ``table.attrs["report"]``; see `report`.

Format: MGD77T, tab-separated with one header line (NOAA NCEI marine trackline data).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.mgd77 import COLUMNS, REASONS, TrackError, read_mgd77t

__all__ = [
    "COLUMNS",
    "TrackError",
    "read_tracks",
    "reference_field",
    "remove_cruise_median",
    "report",
    "residual",
]


CHUNK = 4_000  # points evaluated at once: 105 harmonics each, about 50 MB


def read_tracks(path) -> pd.DataFrame:
    """Read cruises from MGD77T files.

    Parameters
    ----------
    path : str, pathlib.Path or sequence of them
        A file, a folder that is searched with all its subfolders for ``*.m77t`` (an NCEI
        delivery, ``trackline-item-*/MGD77_*/*.m77t``), or several of either.

    Returns
    -------
    pandas.DataFrame
        The columns of `COLUMNS`; a row has a position, a time, and a total field or a residual.
        ``residual_nt`` is at first the file's own, on the reference field of its day; `residual`
        recomputes it. Missing values are NaN. ``attrs["report"]`` counts, for each file, the
        rows read, kept and rejected by reason.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    TrackError
        If a file is not MGD77T, has no magnetic column or no valid row, or a folder has no
        ``.m77t`` file. In a folder one good file is enough; the others are in the report.

    Notes
    -----
    UTC is DATE and TIME (hhmm with decimal minutes) plus TIMEZONE hours; a blank TIMEZONE is
    taken as UTC. A last line without a line end is rejected as truncated unless each field that
    a row needs is followed by another (its very last field may be cut all the same): NCEI drops
    trailing empty fields, so a short line alone proves nothing.
    """
    given = [path] if isinstance(path, str | Path) else list(path)
    tables, counts, failures = [], {}, {}
    for name, file, strict in _find_files(given):
        try:
            table, counts[name] = read_mgd77t(file)
            tables.append(table)
        except TrackError as error:
            if strict:
                raise
            failures[name] = str(error)
            counts[name] = {"rows_read": 0, "rows_kept": 0, "error": str(error)}
    if not tables:
        raise TrackError("No file holds a readable track. " + " ".join(failures.values()))
    table = pd.concat(tables, ignore_index=True)
    table.attrs["report"] = counts
    return table


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
        raise TrackError("This table has no report; it does not come from read_tracks")
    rows = pd.DataFrame.from_dict(table.attrs["report"], orient="index").rename_axis("file")
    order = ["rows_read", "rows_kept", *REASONS, "depth blanked", "error"]
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


def _find_files(given):
    """List (name for the report, file, whether a fault in it is an error) without repeats."""
    found, seen = [], set()
    for start in map(Path, given):
        if not start.exists():
            raise FileNotFoundError(f"No such file or folder: {start}")
        if start.is_file():
            inside = [start]
        else:
            inside = sorted(p for p in start.rglob("*") if p.suffix.lower() == ".m77t")
            if not inside:
                raise TrackError(f"No .m77t file in the folder {start}; {_what_else(start)}")
        for file in inside:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                name = file.name if file is start else file.relative_to(start).as_posix()
                taken = any(name == other for other, _, _ in found)
                found.append((str(file) if taken else name, file, file is start))
    if not found:
        raise TrackError("No path was given; give a file, a folder or a list of them")
    return found


def _what_else(folder):
    """Say what a folder without tracks holds."""
    kinds = sorted({p.suffix or "no suffix" for p in folder.rglob("*") if p.is_file()})
    return f"it holds only {', '.join(kinds)}" if kinds else "it is empty"
