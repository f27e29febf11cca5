"""Quantities along a track: distances, steps from row to row, gaps, and a summary per cruise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.readings import REASONS

EARTH_KM = 6371.0088  # mean radius, IUGG
GAP_STEPS = 10.0  # a step this many times the median one is a gap,
GAP_LEAST_S = 1800.0  # but not below half an hour


def distance_km(lon0, lat0, lon1, lat1) -> np.ndarray:
    """Great-circle distance between points.

    Parameters
    ----------
    lon0, lat0, lon1, lat1 : array_like
        Degrees; any longitudes, also on either side of the date line.

    Returns
    -------
    numpy.ndarray
        Kilometres on a sphere of the Earth's mean radius (haversine formula, exact for short
        distances too).
    """
    a, b = np.radians(lat0), np.radians(lat1)
    across = np.sin(np.radians(np.subtract(lon1, lon0)) / 2) ** 2
    square = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * across
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(square, 0, 1)))


def steps(table) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and kilometres from each row of one cruise to the next.

    Parameters
    ----------
    table : pandas.DataFrame, n rows
        One cruise in the order sailed.

    Returns
    -------
    seconds, km : numpy.ndarray, shape (n - 1,)
    """
    lon, lat = table["longitude"].to_numpy(float), table["latitude"].to_numpy(float)
    seconds = np.diff(table["time"].to_numpy("datetime64[ns]")) / np.timedelta64(1, "s")
    return seconds, distance_km(lon[:-1], lat[:-1], lon[1:], lat[1:])


def is_gap(seconds) -> np.ndarray:
    """Which steps are gaps in the readings.

    Parameters
    ----------
    seconds : numpy.ndarray
        Steps in time of one cruise.

    Returns
    -------
    numpy.ndarray of bool
        True where a step is over half an hour and over ten times the median step.
    """
    usual = np.median(seconds[seconds > 0]) if (seconds > 0).any() else 0.0
    return seconds > max(GAP_STEPS * usual, GAP_LEAST_S)


def summary(table) -> pd.DataFrame:
    """Tell in one row what each cruise is.

    Parameters
    ----------
    table : pandas.DataFrame
        A table from `helpers.tracks.read_tracks`, or one derived from it.

    Returns
    -------
    pandas.DataFrame
        A row for each cruise: ``first``, ``last`` (UTC), ``rows``, ``length_km`` (gaps left out),
        ``gaps``, ``sampling_s`` and ``sampling_km`` (medians), ``rejected_share`` (0 to 1, of the
        rows of its files, NaN where that is unknown) and ``reasons``, the main ones in words.
    """
    files, report = table.attrs.get("files", {}), table.attrs.get("report", {})
    rows = {}
    for cruise, part in table.groupby("cruise", sort=False, dropna=False):
        part = part.sort_values("time", kind="stable")
        seconds, km = steps(part)
        gap = is_gap(seconds)
        one = len(part) > 1
        rows[cruise] = {
            "first": part["time"].iloc[0],
            "last": part["time"].iloc[-1],
            "rows": len(part),
            "length_km": float(km[~gap].sum()),
            "gaps": int(gap.sum()),
            "sampling_s": float(np.median(seconds)) if one else np.nan,
            "sampling_km": float(np.median(km)) if one else np.nan,
        } | _rejected([report[name] for name in files.get(cruise, []) if name in report])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cruise")


def _rejected(counts):
    """Share of rejected rows in some files, and the main reasons."""
    read = sum(count["rows_read"] for count in counts)
    if not read:
        return {"rejected_share": np.nan, "reasons": ""}
    lost = {reason: sum(count.get(reason, 0) for count in counts) for reason in REASONS}
    main = sorted((reason for reason in REASONS if lost[reason]), key=lambda r: -lost[r])[:3]
    kept = sum(count["rows_kept"] for count in counts)
    words = ", ".join(f"{lost[reason]} {reason}" for reason in main)
    return {"rejected_share": 1 - kept / read, "reasons": words}
