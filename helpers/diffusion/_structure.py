"""Orientation of a map: structure tensor, its angle and coherence, and the diffusion tensor.

References
----------
Bigun, J. & Granlund, G. H. (1987). Optimal orientation detection of linear symmetry. Proc. 1st Int.
Conf. on Computer Vision, London, 433-438.
Weickert, J. (1999). Coherence-enhancing diffusion filtering. Int. J. Comput. Vis. 31, 111-127.
"""

from functools import lru_cache

import numba
import numpy as np


def structure_tensor(field, confidence, gradient_cells, integration_cells):
    """Average the products of the gradient, weighted by confidence.

    The structure tensor ``J = <c g g^T> / <c>`` of Bigun & Granlund (1987), with ``g`` the gradient
    under a Gaussian and ``< >`` an average under a wider one.

    Parameters
    ----------
    field, confidence : numpy.ndarray, shape (n, m)
        The map and how much the gradient of each cell is trusted (0 to 1).
    gradient_cells, integration_cells : float
        Standard deviations, in cells, of the Gaussian under the gradient and of the averaging.

    Returns
    -------
    numpy.ndarray, shape (3, n / k, m / k)
        Components xx, xy, yy (x: easting) on cells k = integration_cells // 4 times larger:
        an average this wide need not be stored more finely.

    Examples
    --------
    Stripes that run north change along easting alone:

    >>> import numpy as np
    >>> from helpers import diffusion
    >>> east = np.indices((64, 64))[1]
    >>> tensor = diffusion.structure_tensor(np.sin(east / 2), np.ones((64, 64)), 1.0, 8.0)
    >>> tensor.shape
    (3, 32, 32)
    >>> bool(tensor[0].min() > 0.05), bool(abs(tensor[2]).max() < 1e-6)
    (True, True)
    """
    # g, the gradient
    step = max(1, int(integration_cells // 4))
    east, north = gradient(field, gradient_cells)

    def average(values):
        return _blur(block_mean(values, step), taps)

    taps = _gaussian(integration_cells / step)
    # <c g g^T> / <c>
    total = average(confidence) + np.float32(1e-12)
    products = (east * east, east * north, north * north)
    return np.stack([average(confidence * product) / total for product in products])


def gradient(field, sigma_cells):
    """Differentiate a field under a Gaussian, mirrored at the edges, in one pass over its rows.

    Change per cell along the columns (east) and along the rows (north), float32; the Gaussian is
    cut off at three standard deviations.
    """
    # a Gaussian along one axis and its derivative along the other
    smooth = _gaussian(sigma_cells)
    reach = smooth.size // 2
    slope = smooth * np.arange(-reach, reach + 1, dtype="float32") / np.float32(sigma_cells**2)
    rows, columns = (np.pad(np.arange(size), reach, mode="symmetric") for size in field.shape)
    east, north = np.empty((2, *field.shape), "float32")
    field = np.ascontiguousarray(field, "float32")
    _differentiate(field, rows, columns, smooth, slope, east, north)
    return east, north


def orientation(tensor):
    """Direction of the strongest gradient and coherence of a structure tensor.

    With ``h >= l`` the eigenvalues of the tensor, the coherence is ``(h - l) / (h + l)``, and the
    angle that of the first eigenvector, ``atan2(2 xy, xx - yy) / 2`` (Weickert 1999).

    Parameters
    ----------
    tensor : numpy.ndarray, shape (3, n, m)
        Components xx, xy, yy.

    Returns
    -------
    angle : numpy.ndarray, shape (n, m)
        Across the stripes (radians, anticlockwise from east); their strike, clockwise from north,
        is its negative.
    coherence : numpy.ndarray, shape (n, m)
        0 (no direction) to 1 (a single one).

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import diffusion
    >>> east = np.indices((64, 64))[1]
    >>> tensor = diffusion.structure_tensor(np.sin(east / 2), np.ones((64, 64)), 1.0, 8.0)
    >>> angle, coherence = diffusion.orientation(tensor)
    >>> bool(abs(angle).max() < 1e-3), bool(coherence.min() > 0.99)
    (True, True)
    """
    xx, xy, yy = tensor
    difference = np.hypot(xx - yy, 2 * xy)
    return 0.5 * np.arctan2(2 * xy, xx - yy), difference / (xx + yy + 1e-20)


def diffusion_tensor(tensor, shape, across):
    """Turn a structure tensor into diffusivities: 1 along strike, less across.

    The diffusivity across strike grows from `across` to 1 as coherence falls from 1 to 0, so that
    round structures stay round.  Returns xx, xy, yy on the cells of a map of the given shape.
    """
    xx, xy, yy = tensor
    difference = np.hypot(xx - yy, 2 * xy)
    round_share = 1 - difference / (xx + yy + 1e-20)
    # across strike: across + (1 - across) (1 - coherence)^3; half its distance from 1
    half = 0.5 * (1 - across) * (1 - round_share * round_share * round_share)
    # over the difference of the eigenvalues: times xx - yy and 2 xy, cosine and sine of 2 angle
    turn = half / np.maximum(difference, 1e-30)
    # D = (1 - half) I - half (cos, sin; sin, -cos of 2 angle)
    along, mixed, mean = turn * (xx - yy), -2 * turn * xy, 1 - half
    parts = (mean - along, mixed, mean + along)
    return [enlarge(part.astype("float32"), shape) for part in parts]


def block_mean(values, step):
    """Mean over blocks of step x step cells; the last row and column are padded with zeros."""
    rows, columns = (-(-size // step) for size in values.shape)
    means = np.zeros((rows, columns), "float32")
    _add_blocks(np.ascontiguousarray(values), step, means)
    means /= step * step
    return means


def enlarge(values, shape, step=None):
    """Interpolate linearly from the centres of large cells, of `step` cells a side, to all."""
    if values.shape == tuple(shape):
        return values
    (top, bottom, south), (left, right, east) = (
        _between(size, large, step) for size, large in zip(shape, values.shape, strict=True)
    )
    out = np.empty(shape, "float32")
    _interpolate(
        np.ascontiguousarray(values, "float32"), top, bottom, south, left, right, east, out
    )
    return out


@lru_cache
def _gaussian(sigma_cells):
    """Weights of a Gaussian, cut off at three standard deviations."""
    reach = int(3.0 * sigma_cells + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_cells) ** 2)
    return (weights / weights.sum()).astype("float32")


@lru_cache
def _between(size, large, step=None):
    """Large cells before and after the centre of each of `size` small ones, share of the latter."""
    step = step or -(-size // large)
    position = (np.arange(size) + 0.5) / step - 0.5
    lower = np.clip(np.floor(position).astype(int), 0, large - 1)
    return (
        lower,
        np.minimum(lower + 1, large - 1),
        np.clip(position - lower, 0, 1).astype("float32"),
    )


@numba.njit(cache=True, nogil=True)
def _add_blocks(values, step, sums):
    """Add up blocks of step x step cells."""
    rows, columns = values.shape
    for i in range(rows):
        row, into = values[i], sums[i // step]
        for block in range(sums.shape[1]):
            total = np.float32(0)
            for j in range(block * step, min(block * step + step, columns)):
                total += row[j]
            into[block] += total


@numba.njit(cache=True, nogil=True)
def _interpolate(values, top, bottom, south, left, right, east, out):
    """Interpolate row by row: first between two rows, then along the one that this gives."""
    one = np.float32(1)
    row = np.empty(values.shape[1], np.float32)
    for i in range(out.shape[0]):
        above, below, share, to = values[top[i]], values[bottom[i]], south[i], out[i]
        for j in range(row.size):
            row[j] = above[j] * (one - share) + below[j] * share
        for j in range(to.size):
            to[j] = row[left[j]] * (one - east[j]) + row[right[j]] * east[j]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _differentiate(field, rows, columns, smooth, slope, east, north):
    """Filter down the columns into two rows with margins, then along these rows."""
    reach = smooth.size // 2
    smoothed, sloping = np.zeros((2, columns.size), np.float32)
    for i in range(field.shape[0]):
        smoothed[:], sloping[:] = 0, 0
        for k in range(smooth.size):
            _add_row(smoothed[reach:], smooth[k], field[rows[i + k]])
            _add_row(sloping[reach:], slope[k], field[rows[i + k]])
        for margin in range(reach):
            for j in (margin, columns.size - 1 - margin):
                smoothed[j] = smoothed[reach + columns[j]]
                sloping[j] = sloping[reach + columns[j]]
        east[i], north[i] = 0, 0
        for k in range(smooth.size):
            _add_row(east[i], slope[k], smoothed[k : k + field.shape[1]])
            _add_row(north[i], smooth[k], sloping[k : k + field.shape[1]])


@numba.njit(cache=True, fastmath=True, nogil=True)
def _blur(values, taps):
    """Filter down the columns and along the rows; zeros lie around the map."""
    rows, columns = values.shape
    reach = taps.size // 2
    out, row = np.zeros_like(values), np.zeros(columns + 2 * reach, np.float32)
    for i in range(rows):
        row[:] = 0
        for k in range(max(reach - i, 0), min(taps.size, rows + reach - i)):
            _add_row(row[reach:], taps[k], values[i + k - reach])
        for k in range(taps.size):
            _add_row(out[i], taps[k], row[k : k + columns])
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def _add_row(total, factor, row):
    """Add a multiple of a row to the first cells of another."""
    for j in range(row.size):
        total[j] += factor * row[j]
