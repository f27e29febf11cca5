"""The magnetic residual: total field minus reference field, and what a cruise has of its own.

Fields and residuals are in nT. The reference field is the 14th generation of the IGRF (Alken et
al. 2021).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

CHUNK = 4_000  # points evaluated at once: 105 harmonics each, about 50 MB
TREND_ROWS = 1_000  # readings of a cruise, evenly picked, that its trend is fitted to


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
        total field, or the time is made up or outside the model, and the file's own residual stays.
        ``attrs["residual"]`` counts both and names the model.

    Notes
    -----
    IGRF-14 (Alken et al. 2021, doi:10.1186/s40623-020-01288-x) runs from 1900 to 2030; from 2025
    on it is a prediction (its secular variation).

    Examples
    --------
    >>> import pandas as pd
    >>> reading = {"time": pd.Timestamp("2001-06-01"), "longitude": -33.0, "latitude": 38.0}
    >>> table = pd.DataFrame([reading | {"total_field_nt": 44900.0, "residual_nt": float("nan")}])
    >>> residual(table)["residual_nt"].round(1).tolist()
    [694.3]
    """
    out = table.copy()
    total = out["total_field_nt"].to_numpy(float)
    done = np.isfinite(total)
    if "time_made_up" in out:
        done &= ~out["time_made_up"].to_numpy(bool)
    place = (out[name].to_numpy()[done] for name in ("longitude", "latitude", "time"))
    model = np.full(total.shape, np.nan)
    # ΔT = T - |B(IGRF)|
    model[done] = np.linalg.norm(reference_field(*place), axis=0)
    done &= np.isfinite(model)
    own = out["residual_nt"].to_numpy(float)
    out["residual_nt"] = np.where(done, total - model, own)
    out["recomputed"] = done
    count = {"recomputed": int(done.sum()), "kept_from_file": int((~done).sum())}
    out.attrs["residual"] = {"model": "IGRF-14", **count}
    return out


def reference_field(longitude, latitude, time) -> np.ndarray:
    """East, north and up components of IGRF-14 (nT, shape (3, n)) at sea level; NaN beyond it.

    Takes geodetic degrees and UTC, shape (n,). The coefficients are linear in time between epochs
    five years apart, and so are the components: to interpolate between the two epochs about each
    point is exact, and faster than to evaluate each date. By ppigrf, coefficients
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
            # B(t) = (1 - τ) B(epoch before) + τ B(epoch after), component by component
            ends = np.stack(ppigrf.igrf(lon[at], lat[at], 0.0, pair))
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

    Examples
    --------
    >>> table = pd.DataFrame({"cruise": list("AAAB"), "residual_nt": [1.0, 2.0, 9.0, 5.0]})
    >>> remove_cruise_median(table)["residual_nt"].tolist()
    [-1.0, 0.0, 7.0, 0.0]
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
            # slope: median over i of the medians over j of (Tⱼ - Tᵢ) / (tⱼ - tᵢ)
            slope, offset = siegelslopes(residual[rows][known], days[known])
        residual[rows] -= offset + slope * days
        taken[cruise] = {"offset_nt": float(offset), "slope_nt_per_day": float(slope)}
    out["residual_nt"] = residual
    out.attrs["cruise_trend"] = taken
    return out
