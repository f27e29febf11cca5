"""Kriging along a strike: a Gaussian process as the peer of guided diffusion.

What a user of scikit-learn would do with a few hundred readings: a Matérn covariance whose scale
along strike differs from that across it, strike and scales by the marginal likelihood of the
readings, the mean and the noise with them.  One strike holds for all readings of a call, so it
suits small boxes, or the surroundings of one track.

References
----------
Rasmussen, C. E. & Williams, C. K. I. (2006). Gaussian Processes for Machine Learning, section 5.4.
"""

import warnings

import numpy as np
from scipy.spatial import cKDTree
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

STRIKES_DEG = np.arange(0, 180, 15)
SCALES_KM = ((100.0, 10.0), (40.0, 10.0), (100.0, 25.0), (20.0, 20.0))  # along, across: to begin
BOUNDS_KM = (2.0, 500.0)
FITTED, USED = 300, 1200  # readings near the places: those that choose the covariance, and all
NOISE_SHARE = 0.02  # of the variance, to begin with


def predict(places, values, wanted, spacing_km=2.0):
    """Predict a field at places from readings near them.

    Parameters
    ----------
    places, wanted : array_like, shape (n, 2) and (m, 2)
        Easting and northing (km) of the readings and of where the field is wanted.
    values : array_like, shape (n,)
        Readings (nT).
    spacing_km : float
        Distance between readings that count as different: the covariance knows nothing shorter.

    Returns
    -------
    numpy.ndarray, shape (m,)
        The mean of the process (nT).
    """
    places, values, wanted = (np.asarray(each, float) for each in (places, values, wanted))
    far = cKDTree(wanted).query(places)[0]
    order = np.argsort(far, kind="stable")[:USED]
    places, values = places[order], values[order]
    few = slice(None, None, max(len(places) // FITTED, 1))
    mean = values.mean()
    strike, kernel = _chosen(places[few], values[few] - mean, spacing_km)
    process = GaussianProcessRegressor(kernel, optimizer=None)
    process.fit(_turned(places, strike), values - mean)
    return mean + process.predict(_turned(wanted, strike))


def _turned(places, strike_deg):
    """Distances along and across a strike (km)."""
    angle = np.radians(strike_deg)
    along = places @ [np.sin(angle), np.cos(angle)]
    return np.column_stack([along, places @ [np.cos(angle), -np.sin(angle)]])


def _chosen(places, values, spacing_km):
    """Strike (degrees) and kernel of the largest marginal likelihood."""
    variance = max(float(values.var()), 1e-6)
    bounds = (max(BOUNDS_KM[0], spacing_km), BOUNDS_KM[1])
    best = (-np.inf, 0.0, None)
    for strike in STRIKES_DEG:
        turned = _turned(places, strike)
        for scales in SCALES_KM:
            kernel = ConstantKernel(variance, (variance / 30, variance * 30)) * Matern(
                scales, bounds, nu=1.5
            ) + WhiteKernel(NOISE_SHARE * variance, (1e-4 * variance, variance))
            process = GaussianProcessRegressor(kernel, optimizer=None).fit(turned, values)
            likelihood = process.log_marginal_likelihood_value_
            best = max(best, (likelihood, strike, kernel), key=lambda one: one[0])
    _, strike, kernel = best
    with warnings.catch_warnings():  # a scale at its bound is a scale all the same
        warnings.simplefilter("ignore", ConvergenceWarning)
        process = GaussianProcessRegressor(kernel).fit(_turned(places, strike), values)
    return strike, process.kernel_
