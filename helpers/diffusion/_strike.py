"""The strike of the stripes, asked of the readings themselves, before there is any map.

In windows of some 80 km around, the readings are held to be a Gaussian process that changes across
strike and hardly along it.  The marginal likelihood of each of a fan of strikes, averaged over
neighbouring windows, is the posterior of the strike: sharp where two tracks or more agree, flat
where nothing was read.  A lone track excludes hardly more than strikes along itself, and widths
other than those tried: whether stripes are drawn, withheld readings decide (`_withheld`).

The covariance is Matérn 3/2 across strike and Gaussian along it.  On a line across strike a Matérn
3/2 process needs no more than its value and its slope to go on (Hartikainen & Särkkä 2010), and
along strike, within a window shorter than the scale, two terms of its series will do: so one pass
of a Kalman filter over the readings, in their order across strike, gives the likelihood of a
strike, at a cost that grows with the number of readings and not with its cube.

References
----------
Rasmussen, C. E. & Williams, C. K. I. (2006). Gaussian Processes for Machine Learning, section 5.4.
Hartikainen, J. & Särkkä, S. (2010). Kalman filtering and smoothing solutions to temporal Gaussian
process regression models. Proc. IEEE Workshop on Machine Learning for Signal Processing, 379-384.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from . import _structure
from ._known import double_angle

STEP_CELLS = 20  # from window to window
RADIUS_CELLS, NEAREST = 40.0, 200  # a window reaches so far, or to so many readings
LARGE_CELLS = 4  # side of the cells of the tensor
FEWEST = 12  # readings that tell of a strike at all
STRIKES = 24  # that are tried, and FINER times as many between them
FINER = 4
ACROSS_CELLS, ALONG_CELLS = (2.5, 5.0), 50.0  # scales of the covariance (5 or 10, and 100 km)
NOISE = 0.3  # variance of a reading's error and of what bends within a window, beside the field's
LEVEL = 1.0  # variance of the constant of a track that meets no other, beside the field's
LEVELS = 6  # constants in a window; tracks beyond share the last
AVERAGED = 0.7  # standard deviation of the average over windows, beside their radius
ALONE = 0.1  # share of windows with readings around, below which the average fades
KNOWN = 3.0  # log density of a known strike; of the one square to it it is the negative


def posterior(data, weight, known):
    """Give the posterior of the strike in windows, and its structure tensor.

    Parameters
    ----------
    data, weight : numpy.ndarray, shape (n, m)
        Readings (nT) and their confidence (0 to 1, 0 off the tracks).
    known : _known.Known
        A known strike is its prior; constants of known cruises are told from the field.

    Returns
    -------
    probability : numpy.ndarray, shape (rows, columns, STRIKES * FINER)
        Of each strike (`angles`), in windows `STEP_CELLS` apart; they add up to 1.
    tensor : numpy.ndarray, shape (3, n / 4, m / 4)
        Components xx, xy, yy of the mean of ``n n^T``, with ``n`` the unit vector across strike:
        the structure tensor, of trace 1, of a field with these strikes.  Its coherence, the length
        of the mean of ``exp(2 i angle)``, tells how sure the strike is (0 to 1).
    """
    likelihood, radius = _likelihood(data, weight, known)
    mean = _averaged(likelihood, radius)
    if known.strike_deg is not None:
        mean = mean + _prior(known.strike_deg)
    # between the strikes that were tried: a periodic function, by its Fourier series
    mean = FINER * np.fft.irfft(np.fft.rfft(mean, axis=-1), STRIKES * FINER, axis=-1)
    probability = np.exp(mean - mean.max(axis=-1, keepdims=True))
    probability /= probability.sum(axis=-1, keepdims=True)
    cos, sin = (probability @ part(2 * angles(FINER)) for part in (np.cos, np.sin))
    shape = [-(-size // LARGE_CELLS) for size in data.shape]
    parts = (0.5 * part.astype("float32") for part in (1 + cos, sin, 1 - cos))
    tensor = [_structure.enlarge(part, shape, STEP_CELLS // LARGE_CELLS) for part in parts]
    return probability, np.stack(tensor)


def angles(finer=1):
    """Angles across the strikes (radians, anticlockwise from east): strike is -angle."""
    return np.pi * np.arange(STRIKES * finer) / (STRIKES * finer)


def _likelihood(data, weight, known):
    """Log likelihood of each strike, and how far the window reaches (0: too few readings)."""
    shape = [-(-size // STEP_CELLS) for size in data.shape]
    likelihood, radius = np.zeros((*shape, STRIKES)), np.zeros(shape)
    cell = np.argwhere(weight > 0)
    if len(cell) < FEWEST:
        return likelihood, radius
    tree = cKDTree(cell)
    of_cell = tuple(cell.T)
    value, noise = data[of_cell].astype(float), NOISE / weight[of_cell].astype(float)
    track = _tracks(weight > 0, known)[of_cell]
    window = np.argwhere(np.ones(shape, bool))
    centre = (window + 0.5) * STEP_CELLS - 0.5

    def work(some):
        far, near = tree.query(
            centre[some], min(NEAREST, len(cell)), distance_upper_bound=RADIUS_CELLS
        )
        for at, place, apart, index in zip(window[some], centre[some], far, near, strict=True):
            index = index[np.isfinite(apart)]
            here = cell[index] - place, value[index], noise[index], track[index]
            found = of_window(*here, angles())
            if found is not None:
                likelihood[tuple(at)] = found
                radius[tuple(at)] = apart[np.isfinite(apart)].max()

    parts = np.array_split(np.arange(len(window)), max(1, len(window) // 64))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, parts))
    return likelihood - likelihood.mean(axis=-1, keepdims=True), radius


def of_window(offset, value, noise, track, angle):
    """Log likelihood of each angle across strike from the readings of a window; None of too few.

    `offset` (n, 2) is how far they lie north and east of its centre (cells).
    """
    spread = value.std() if value.size >= FEWEST else 0.0
    if spread <= 0:
        return None
    north, east = offset.T
    level = np.minimum(np.unique(track, return_inverse=True)[1], LEVELS - 1)
    readings = east, north, (value - value.mean()) / spread, noise, level
    fans = [_fan(*readings, angle, scale) for scale in ACROSS_CELLS]
    return np.logaddexp.reduce(fans)  # narrow stripes or wide ones


def _tracks(track, known):
    """Give the cruise of each cell or, where it is not known, a number for tracks that meet."""
    if known.cruise is not None:
        return known.cruise
    return ndimage.label(track, np.ones((3, 3)))[0]


def _averaged(likelihood, radius):
    """Average over windows as far apart as their readings: wide where tracks are few.

    Where no window around has readings the average fades to zero: every strike is as likely.
    """
    has = (radius > 0).astype(float)
    widths = AVERAGED * RADIUS_CELLS / STEP_CELLS / np.array([2.0, 1.0])
    means = []
    for width in widths:
        total = ndimage.gaussian_filter(likelihood, (width, width, 0), mode="constant")
        share = ndimage.gaussian_filter(has, width, mode="constant")
        share = np.minimum(share, ALONE) ** 2 / ALONE**2 / np.maximum(share, 1e-9)
        means.append(total * share[..., None])
    # how far the readings of the windows around lie
    far = ndimage.gaussian_filter(radius, widths[1], mode="constant")
    far /= ndimage.gaussian_filter(has, widths[1], mode="constant") + 1e-9
    wide = np.clip(2 * far / RADIUS_CELLS - 1, 0, 1)[..., None]
    return (1 - wide) * means[0] + wide * means[1]


def _prior(strike_deg):
    """Log density of a known strike, up to a constant: `KNOWN` cos of twice the angle from it."""
    _, cos, sin = (_structure.block_mean(part, STEP_CELLS) for part in double_angle(strike_deg))
    turn = 2 * angles()
    return KNOWN * (cos[..., None] * np.cos(turn) + sin[..., None] * np.sin(turn))


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _fan(east, north, value, noise, level, angle, scale):
    """Log marginal likelihood of readings for each angle across strike (radians).

    The state holds the value and the slope (times the scale) of the two terms along strike, and the
    constants of the tracks.  The variance of the field is the most likely one.
    """
    terms, number = 2, value.size
    size = 2 * terms + level.max() + 1
    mean, gain, cover = np.empty(size), np.empty(size), np.empty((size, size))
    likelihood, order = np.empty(angle.size), np.argsort(east)
    for k in range(angle.size):
        cos, sin = np.cos(angle[k]), np.sin(angle[k])
        across = east * cos + north * sin
        _sort(order, across)  # nearly in order already, from the angle before
        mean[:] = 0
        cover[:] = 0
        for i in range(size):
            cover[i, i] = 1 if i < 2 * terms else LEVEL
        misfit, spread, last = 0.0, 0.0, across[order[0]]
        for i in order:
            step = np.sqrt(3.0) * (across[i] - last) / scale
            last = across[i]
            if step > 0:
                _go_on(mean, cover, step, terms)
            # what this reading sees of the state: two terms of the series along strike, its level
            along = (north[i] * cos - east[i] * sin) / ALONG_CELLS
            first = np.exp(-0.5 * along * along)
            second, own = first * along, 2 * terms + level[i]
            for j in range(size):
                gain[j] = first * cover[j, 0] + second * cover[j, 2] + cover[j, own]
            off = value[i] - first * mean[0] - second * mean[2] - mean[own]
            variance = noise[i] + first * gain[0] + second * gain[2] + gain[own]
            misfit += off * off / variance
            spread += np.log(variance)
            for j in range(size):
                share = gain[j] / variance
                mean[j] += share * off
                for m in range(size):
                    cover[j, m] -= share * gain[m]
        likelihood[k] = -0.5 * (number * np.log(misfit / number) + spread)
    return likelihood


@numba.njit(cache=True, nogil=True)
def _sort(order, value):
    """Sort an order by value: quick where it is nearly sorted (insertion sort)."""
    for i in range(1, order.size):
        moved, j = order[i], i - 1
        while j >= 0 and value[order[j]] > value[moved]:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = moved


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _go_on(mean, cover, step, terms):
    """Carry the state on across strike by a step (times the rate): Matérn 3/2 of variance 1."""
    fall = np.exp(-step)
    a, b, c, d = fall * (1 + step), fall * step, -fall * step, fall * (1 - step)
    for j in range(0, 2 * terms, 2):
        value, slope = mean[j], mean[j + 1]
        mean[j], mean[j + 1] = a * value + b * slope, c * value + d * slope
        for m in range(mean.size):
            value, slope = cover[j, m], cover[j + 1, m]
            cover[j, m], cover[j + 1, m] = a * value + b * slope, c * value + d * slope
    for j in range(0, 2 * terms, 2):
        for m in range(mean.size):
            value, slope = cover[m, j], cover[m, j + 1]
            cover[m, j], cover[m, j + 1] = a * value + b * slope, c * value + d * slope
        cover[j, j] += 1 - a * a - b * b
        cover[j, j + 1] -= a * c + b * d
        cover[j + 1, j] -= a * c + b * d
        cover[j + 1, j + 1] += 1 - c * c - d * d
