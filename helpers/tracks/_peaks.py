"""Peaks of the anomaly along a track: what one ship's profile tells by itself.

The profile is smoothed as much as its own spectrum asks for (Wiener filter), and a peak is where it
stands out from its surroundings. No network, no map: what a network finds on real cruises must be
more than this.
"""

import numpy as np
import pandas as pd
from scipy import ndimage, signal

from . import _crossovers, _table

STEP_KM = 0.5  # between the points of a profile
LEAST_KM = 20.0  # of track, below which no peak is sought
SEGMENT_KM = 200.0  # of track in one spectrum
QUIET_SHARE = 0.25  # of the wavenumbers, the highest, hold noise alone
LONGEST_KM = 300.0  # what is longer is no anomaly of the crust's polarity
NARROWEST_KM = 2.0  # of a peak, at half its height
RISE_SIGMA = 5.7  # a peak rises by so many sigma of noise (4, of a difference of two readings),
RISE_SHARE = 0.35  # and by so much of the profile's standard deviation


def peaks(table, prominence_nt=None) -> pd.DataFrame:
    """Find the peaks of the anomaly along each track.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``time``, ``longitude``, ``latitude`` and ``residual_nt``:
        cleaned, and levelled where tracks cross.
    prominence_nt : float, optional
        How far a peak must rise above the saddles beside it (nT). Without it, 5.7 standard
        deviations of the noise and 0.35 of the profile's, whichever is more, leg by leg.

    Returns
    -------
    pandas.DataFrame
        One row a peak or trough, in the order sailed: ``cruise``, ``leg`` (as
        `helpers.tracks.legs` counts them), ``along_km`` (from the begin of the leg), ``longitude``,
        ``latitude``, ``amplitude_nt`` (of the smoothed profile, less what is longer than 300 km),
        ``prominence_nt``, ``width_km`` (at half the prominence) and ``sign`` (1 of a peak, -1 of a
        trough).

    Raises
    ------
    ValueError
        If a column is missing, or `prominence_nt` is not positive.

    Notes
    -----
    Wiener filter: the share of signal at each wavenumber, (P - N) / P, with P the spectrum of the
    leg (Welch 1967, doi:10.1109/TAU.1967.1161901) and N its level at the highest quarter of the
    wavenumbers. Prominence and width: `scipy.signal.find_peaks`.

    Examples
    --------
    >>> minutes = pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(400), unit="min")
    >>> km = 0.3 * np.arange(400)  # due north, peaks at 10, 30, 50 ... km
    >>> table = pd.DataFrame({"cruise": "A", "time": minutes, "longitude": 0.0})
    >>> table = table.assign(latitude=km / 111.2, residual_nt=-100 * np.cos(2 * np.pi * km / 20))
    >>> found = peaks(table).query("sign == 1")
    >>> found["along_km"].round().tolist()
    [10.0, 30.0, 50.0, 70.0, 90.0, 110.0]
    """
    if prominence_nt is not None and not prominence_nt > 0:
        raise ValueError(f"prominence_nt is {prominence_nt}; it is a height in nT, above 0")
    rows = []
    for (cruise, leg), part in _crossovers.legs(table).groupby(["cruise", "leg"], sort=False):
        profile = _profile(part)
        if profile is not None:
            found = _peaks_of(profile, prominence_nt)
            rows.append(found.assign(cruise=cruise, leg=leg))
    columns = ["cruise", "leg", "along_km", "longitude", "latitude", "amplitude_nt"]
    columns += ["prominence_nt", "width_km", "sign"]
    if not rows:
        return pd.DataFrame(columns=columns)
    return pd.concat(rows, ignore_index=True)[columns]


def _profile(part):
    """One leg at even steps: kilometres, residual, longitude, latitude; None of a short one."""
    lon, lat = part["longitude"].to_numpy(float), part["latitude"].to_numpy(float)
    km = np.r_[0.0, np.cumsum(_table.distance_km(lon[:-1], lat[:-1], lon[1:], lat[1:]))]
    if km[-1] < LEAST_KM or len(km) < 4:
        return None
    value = part["residual_nt"].to_numpy(float)
    along = np.arange(0, km[-1], STEP_KM)
    # readings closer than a step are averaged, others interpolated
    cell = np.rint(km / STEP_KM).astype(int)
    mean = ndimage.mean(value, cell, np.unique(cell))
    place = ndimage.mean(km, cell, np.unique(cell))
    return {
        "along_km": along,
        "value": np.interp(along, place, mean),
        "longitude": np.interp(along, km, np.unwrap(lon, period=360)),
        "latitude": np.interp(along, km, lat),
    }


def _peaks_of(profile, prominence_nt):
    """Peaks and troughs of one leg."""
    smooth, noise = smoothed(profile["value"])
    spread = _table.TO_SIGMA * np.median(np.abs(smooth - np.median(smooth)))
    least = prominence_nt or max(RISE_SIGMA * noise, RISE_SHARE * spread, 1e-9)
    tables = []
    for sign in (1, -1):
        at, about = signal.find_peaks(
            sign * smooth, prominence=least, width=NARROWEST_KM / STEP_KM, rel_height=0.5
        )
        tables.append(pd.DataFrame({
            "along_km": profile["along_km"][at],
            "longitude": (profile["longitude"][at] + 180) % 360 - 180,
            "latitude": profile["latitude"][at],
            "amplitude_nt": smooth[at],
            "prominence_nt": about["prominences"],
            "width_km": about["widths"] * STEP_KM,
            "sign": sign,
        }))  # fmt: skip
    return pd.concat(tables).sort_values("along_km", ignore_index=True)


def smoothed(value):
    """Smooth a profile at even steps by its own spectrum; and the noise left in it (nT)."""
    trend = ndimage.gaussian_filter1d(value, LONGEST_KM / STEP_KM / 4, mode="reflect")
    rest = value - trend
    length = min(int(SEGMENT_KM / STEP_KM), rest.size)
    frequency, power = signal.welch(rest, 1 / STEP_KM, nperseg=length)
    level = float(np.median(power[frequency >= (1 - QUIET_SHARE) * frequency[-1]]))
    gain = np.clip(1 - level / np.maximum(power, 1e-30), 0, 1)
    gain = np.minimum.accumulate(np.maximum(ndimage.median_filter(gain, 3), 0))  # falls with k
    padded = np.pad(rest, rest.size, mode="reflect")
    spectrum = np.fft.rfft(padded)
    at = np.fft.rfftfreq(padded.size, STEP_KM)
    smooth = np.fft.irfft(spectrum * np.interp(at, frequency, gain), padded.size)
    # noise that passes: its level times the mean squared gain over the band
    noise = np.sqrt(level * np.trapezoid(gain**2, frequency))
    return smooth[rest.size : 2 * rest.size], float(noise)
