"""The magnetised crust: polarity from age and time scale, intensity, and the layers of a map.

References
----------
Gee, J. S. & Kent, D. V. (2007). Treatise on Geophysics 5, 455-507 (the time scale).
Gee, J. S. & Kent, D. V. (1994). Geophys. Res. Lett. 21, 1927-1930 (intensity near the ridge).
"""

import functools

import numpy as np
from scipy import fft

from .. import _shared, data

# magnetisation at the ridge and of old crust, and decay, of a layer `forward.THICKNESS_KM` thick:
# with these the spectrum along cruise NBP9707 agrees best (notebook A1)
AXIS_A_M, OLD_A_M, DECAY_MA = 4.7, 2.9, 10.0
TRANSITION_KM = 2.0  # distance over which the polarity of the layer changes
REGIONAL = (40.0, 0.3)  # variation of the magnetisation from region to region: reach (km), share
SHORTEST_MA = 1e-3  # interval of age over which polarity is averaged at least


def mean_polarity(age, width_ma, scale=None):
    """Mean polarity over an interval of age (Ma): share of normal less that of reversed, -1 to 1.

    Averaging before sampling keeps chrons shorter than a cell continuous and lets polarity fade
    out where ages change abruptly, as at fracture zones.  `scale` has the young and old ends (Ma)
    of the normal intervals, ascending; by default those of Gee & Kent (2007).
    """
    ends = _real_scale() if scale is None else np.ravel(scale)
    # time of normal polarity (Ma) from the youngest end up to each end
    normal = np.concatenate([[0.0], np.cumsum(np.diff(ends) * (np.arange(ends.size - 1) % 2 == 0))])
    half = 0.5 * np.maximum(width_ma, SHORTEST_MA)
    young = np.clip(age - half, ends[0], None)
    old = np.maximum(age + half, young + 1e-4)
    # of the interval of each cell, the share that is normal
    share = (np.interp(old, ends, normal) - np.interp(young, ends, normal)) / (old - young)
    return 2 * share - 1


def intensity(age):
    """Magnetisation (A/m) of crust of an age (Ma): strong at the ridge, weaker off axis.

    Examples
    --------
    >>> round(float(intensity(0.0)), 1), round(float(intensity(100.0)), 1)
    (4.7, 2.9)
    """
    return OLD_A_M + (AXIS_A_M - OLD_A_M) * np.exp(-age / DECAY_MA)


def variation(rng, shape, spacing_km, reach_km=8.0, share=0.15):
    """Positive random factors of the magnetisation, mean square 1, correlated over a distance.

    `share` is the standard deviation of their logarithm.
    """
    return np.exp(share * smooth_noise(rng, shape, reach_km / spacing_km) - share**2)


def smooth_noise(rng, shape, reach_cells):
    """Gaussian noise of mean 0 and variance 1, smoothed over a reach; it repeats beyond the map."""
    north, east = (2 * np.pi * part for part in (fft.fftfreq(shape[0]), fft.rfftfreq(shape[1])))
    passed = (np.exp(-0.5 * (reach_cells * k) ** 2) for k in (north[:, None], east[None]))
    spectrum = fft.rfft2(rng.standard_normal(shape)) * next(passed) * next(passed)
    spectrum[0, 0] = 0
    noise = fft.irfft2(spectrum, shape)
    return noise / noise.std()


def pack(layers, northing, easting, **attrs):
    """Make the dataset that region and random maps share.

    `layers` are ``anomaly``, ``label``, ``angle`` (across strike, radians anticlockwise from east),
    ``polarity``, ``lineated``, ``age_ma`` (NaN where there is no seafloor) and ``relief_m``;
    `northing` and `easting` are cell centres (km), `attrs` attributes of the dataset.
    """
    layers = dict(layers, strike_deg=np.degrees(-layers["angle"]) % 180)
    layers["anomaly"] = np.where(np.isfinite(layers["age_ma"]), layers["anomaly"], np.nan)
    about = {
        "anomaly": ("nT", "simulated magnetic anomaly, noise-free"),
        "label": ("1", "centre line of a positive anomaly"),
        "strike_deg": ("degree", "strike clockwise from north"),
        "polarity": ("1", "mean polarity, normal positive"),
        "lineated": ("1", "polarity blocks are lineated here"),
        "age_ma": ("Ma", "seafloor age"),
        "relief_m": ("m", "relief"),
    }
    made = {name: (layers[name], *texts) for name, texts in about.items()}
    return _shared.as_dataset(made, northing, easting, **attrs)


@functools.cache
def _real_scale():
    """Give the ends of the normal intervals of the real time scale (Ma), read once."""
    return data.timescale()[["young_ma", "old_ma"]].to_numpy().ravel()
