"""Peaks and crests of the anomaly along a track: what one ship's profile tells by itself.

The profile is smoothed as much as its own spectrum asks for (Wiener filter), and a peak is where it
stands out from its surroundings. No network, no map: what a network finds on real cruises must be
more than this. A crest is a peak or trough with the probability that it is one of a stripe.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage

from . import _crossovers, _table

STEP_KM = 0.5  # between the points of a profile
LEAST_KM = 20.0  # of track, below which no peak is sought
SEGMENT_KM = 200.0  # of track in one spectrum
QUIET_SHARE = 0.25  # of the wavenumbers, the highest, hold noise alone
LONGEST_KM = 300.0  # what is longer is no anomaly of the crust's polarity
NARROWEST_KM = 2.0  # of a peak, at half its height
RISE_SIGMA = 5.7  # a peak rises by so many sigma of noise (4, of a difference of two readings),
RISE_SHARE = 0.35  # and by so much of the profile's standard deviation
AROUND_KM = 75.0  # standard deviation of the window in which a crest is held against its like
EVEN = 0.11  # prominence over the rms around at which a crest is one of a stripe as often as not
LEAST = 0.5  # probability of a crest,
SURE = 0.95  # and of one that is counted as a finding


class Smooth(NamedTuple):
    """A profile smoothed by its own spectrum, and the noise that is left in it."""

    value: np.ndarray  # nT, less what is longer than `LONGEST_KM`
    noise_nt: float  # standard deviation
    waves: float  # of that noise, in `SEGMENT_KM`


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
        ``prominence_nt``, ``width_km`` (at half the prominence), ``sign`` (1 of a peak, -1 of a
        trough), ``probability`` (see `crests`) and ``heading_deg`` of the track, clockwise from
        north.

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

    def least(smooth):
        if prominence_nt is not None:
            return prominence_nt
        spread = _table.TO_SIGMA * np.median(np.abs(smooth.value - np.median(smooth.value)))
        return max(RISE_SIGMA * smooth.noise_nt, RISE_SHARE * spread)

    return _of_legs(table, least)


def crests(table, least=LEAST, region=None) -> pd.DataFrame:
    """Find the crests of the anomaly along each track: peaks and troughs, and how sure they are.

    Each track is judged by its own readings alone, so give whole cruises, and the region of a map
    apart: then neither other ships nor the box change what is found. No strike is claimed, for one
    track tells none.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table as for `peaks`, cleaned; it need not be levelled.
    least : float
        Lowest probability, above 0 and below 1. From 0.95 on a crest counts as a finding in
        `make compare`.
    region : helpers.data.Region, optional
        Only crests in its box are given.

    Returns
    -------
    pandas.DataFrame
        Columns as of `peaks`. ``probability`` (0 to 1) is the chance that a lineated anomaly has a
        crest of this sign here, rather than that noise, relief or unevenly magnetised rock make the
        peak. It holds where the seafloor has stripes: a lone track does not tell them from other
        anomalies as strong.

    Raises
    ------
    ValueError
        If a column is missing, or `least` is not between 0 and 1.

    Notes
    -----
    With h the prominence, probability = R L.

    R = [1 - exp(-h² / 8 s²)]ⁿ is the chance that noise alone would not make it: the heights of the
    peaks of a random wave follow Rayleigh's distribution, exp(-a² / 2 s²), and a peak rises by 2 a
    above the troughs beside it (Longuet-Higgins 1952); s is the noise that the filter leaves, and n
    its waves in 200 km of track (Rice 1945, doi:10.1002/j.1538-7305.1945.tb00453.x).

    L = h / (h + 0.11 r), with r the rms of the smoothed profile around (Gaussian window, 75 km), is
    the chance that an anomaly so high is that of a stripe: its odds grow as its height. The
    constant is fitted to simulated cruises over five regions, where the stripes are known without
    relief, uneven rock and noise (`studies.crests`). Of crests told to be right with 0.95 to 1.00,
    95 to 99 % are in each region, by the constant fitted to the others.

    Examples
    --------
    >>> minutes = pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(400), unit="min")
    >>> km = 0.3 * np.arange(400)  # due north, peaks at 10, 30, 50 ... km
    >>> table = pd.DataFrame({"cruise": "A", "time": minutes, "longitude": 0.0})
    >>> table = table.assign(latitude=km / 111.2, residual_nt=-100 * np.cos(2 * np.pi * km / 20))
    >>> found = crests(table, least=0.9)
    >>> found["sign"].tolist()
    [1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1]
    """
    if not 0 < least < 1:
        raise ValueError(f"least is {least}; it is a probability, above 0 and below 1")
    if region is not None:  # no need to look at cruises that do not come here
        here = region.contains(table["longitude"], table["latitude"])
        table = table[table["cruise"].isin(table["cruise"][here].unique())]
    found = _of_legs(table, lambda smooth: smooth.noise_nt)
    found = found[found["probability"] >= least]
    if region is not None:
        found = found[region.contains(found["longitude"], found["latitude"])]
    return found.reset_index(drop=True)


COLUMNS = {  # of a table of peaks, and their types
    "cruise": object, "leg": int, "along_km": float, "longitude": float, "latitude": float,
    "amplitude_nt": float, "prominence_nt": float, "width_km": float, "sign": int,
    "probability": float, "heading_deg": float,
}  # fmt: skip


def _of_legs(table, least):
    """Find the peaks of each leg that rise by what `least` says of its smoothed profile (nT)."""
    found = []
    for (cruise, leg), part in _crossovers.legs(table).groupby(["cruise", "leg"], sort=False):
        profile = profile_of(part)
        if profile is not None:
            found.append(peaks_of(profile, least).assign(cruise=cruise, leg=leg))
    if not found:
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def profile_of(part):
    """One leg at even steps: kilometres, residual, longitude, latitude; None of a short one.

    ``spacing_km`` is that of the readings, or the step where they lie closer.
    """
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
    longitude = np.interp(along, km, np.unwrap(lon, period=360))
    latitude = np.interp(along, km, lat)
    ahead, behind = (np.clip(np.arange(along.size) + k, 0, along.size - 1) for k in (3, -3))
    east = (longitude[ahead] - longitude[behind]) * np.cos(np.radians(latitude))
    return {
        "along_km": along,
        "value": np.interp(along, place, mean),
        "longitude": longitude,
        "latitude": latitude,
        "heading_deg": np.degrees(np.arctan2(east, latitude[ahead] - latitude[behind])) % 360,
        "spacing_km": max(STEP_KM, float(np.median(np.diff(place)))),
    }


def peaks_of(profile, least):
    """Peaks and troughs of one leg; beside the columns told ``rms_nt`` and ``above_noise``."""
    from scipy import signal  # takes a second to import

    smooth = smoothed(profile["value"], profile["spacing_km"])
    square = ndimage.gaussian_filter1d(smooth.value**2, AROUND_KM / STEP_KM, mode="reflect")
    tables = []
    for sign in (1, -1):
        at, about = signal.find_peaks(
            sign * smooth.value, prominence=max(least(smooth), 1e-9),
            width=NARROWEST_KM / STEP_KM, rel_height=0.5,
        )  # fmt: skip
        tables.append(pd.DataFrame({
            "along_km": profile["along_km"][at],
            "longitude": (profile["longitude"][at] + 180) % 360 - 180,
            "latitude": profile["latitude"][at],
            "heading_deg": profile["heading_deg"][at],
            "amplitude_nt": smooth.value[at],
            "prominence_nt": about["prominences"],
            "width_km": about["widths"] * STEP_KM,
            "sign": sign,
            "rms_nt": np.sqrt(square[at]),
            "above_noise": above_noise(about["prominences"], smooth),
        }))  # fmt: skip
    found = pd.concat(tables).sort_values("along_km", ignore_index=True)
    stripes = of_stripes(found["prominence_nt"], found["rms_nt"])
    return found.assign(probability=found["above_noise"] * stripes)


def above_noise(rise_nt, smooth):
    """Chance that no peak of the noise, in `SEGMENT_KM` of track, rises so far; see `crests`."""
    steps = rise_nt / max(smooth.noise_nt, 1e-9)
    return (1 - np.exp(-(steps**2) / 8)) ** smooth.waves


def of_stripes(rise_nt, rms_nt, even=EVEN):
    """Chance that a true anomaly that rises so far above others is a stripe; see `crests`."""
    return rise_nt / (rise_nt + even * rms_nt)


def smoothed(value, spacing_km=STEP_KM):
    """Smooth a profile at even steps by its own spectrum; between readings it is interpolated."""
    from scipy import signal  # takes a second to import

    trend = ndimage.gaussian_filter1d(value, LONGEST_KM / STEP_KM / 4, mode="reflect")
    rest = value - trend
    length = min(int(SEGMENT_KM / STEP_KM), rest.size)
    frequency, power = signal.welch(rest, 1 / STEP_KM, nperseg=length)
    shortest = 0.5 / spacing_km  # wavenumber; what is beyond is made by the interpolation,
    if spacing_km > STEP_KM:  # which takes down what is below by sinc²
        power = power / np.sinc(np.minimum(frequency, shortest) * spacing_km) ** 4
    quiet = (frequency >= (1 - QUIET_SHARE) * shortest) & (frequency <= shortest)
    level = float(np.median(power[quiet]))
    gain = np.clip(1 - level / np.maximum(power, 1e-30), 0, 1) * (frequency <= shortest)
    gain = np.minimum.accumulate(np.maximum(ndimage.median_filter(gain, 3), 0))  # falls with k
    padded = np.pad(rest, rest.size, mode="reflect")
    spectrum = np.fft.rfft(padded)
    at = np.fft.rfftfreq(padded.size, STEP_KM)
    smooth = np.fft.irfft(spectrum * np.interp(at, frequency, gain), padded.size)
    # noise that passes: its level times the mean squared gain over the band
    passed = np.trapezoid(gain**2, frequency)
    noise = np.sqrt(level * passed)
    # and its mean wavenumber (Rice 1945)
    wave = np.sqrt(np.trapezoid((gain * frequency) ** 2, frequency) / max(passed, 1e-30))
    return Smooth(smooth[rest.size : 2 * rest.size], float(noise), float(wave * SEGMENT_KM))
