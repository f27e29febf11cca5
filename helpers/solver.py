"""The linear systems under the diffusion, matrix-free, by conjugate gradients.

`solve` takes ``(W + A) u = total`` with ``A = scale * G^T D G``, built as linear finite elements on
triangles whose diagonal follows the anisotropy: symmetric, never negative, exact for linear fields,
stored as the couplings of each cell with four neighbours.  `solve_bending` takes the thin plate
under tension.  Both can solve for a constant of each cruise along with the field (`Offsets`).

Where no coupling is negative, ``W + A`` is an M-matrix and the solution stays within the range of
the data: with strike along the axes and diagonals at any anisotropy, and at any strike where the
diffusivity across is at least 0.17 of the one along.  Elsewhere it may leave the range; a square
spot that diffuses at one of 0.003 does so by up to 1.7 percent (``tests/test_solver.py``).

The kernels run in one thread: a hundred short steps that wait for each other gain little from a
second one, and lose tenfold where another program has that core.

References
----------
Bullard, E. C. & Mason, R. G. (1961). Deep-Sea Research 8, 20-27 (heading error).
"""

import numba
import numpy as np

TOLERANCE = 1e-3  # relative residual of the conjugate gradients; 1e-2 leaves gaps unfilled
MAX_ITERATIONS = 400


class Offsets:
    """Unknown constants of each cruise, and terms of its heading, eliminated from the system.

    A reading is ``d = u + b . x`` with ``x`` the unknowns of its cruise and ``b = (1)`` or, with
    headings, ``(1, cos H, sin H, cos 2H, sin 2H)`` (Bullard & Mason 1961).  For a given field the
    best ``x`` solves a small system for each cruise; put back, it leaves a system for ``u`` alone
    (the Schur complement).

    Parameters
    ----------
    cell, cruise : numpy.ndarray of int, shape (n,)
        Cell (index of the flattened grid) and cruise of each reading.
    weight, value : numpy.ndarray, shape (n,)
        Confidence and value (nT) of each reading.
    basis : numpy.ndarray, shape (n, terms)
        What multiplies the unknowns of its cruise in each reading.
    count : int
        Number of cruises.
    prior : array_like, shape (terms,)
        Weight, in readings, of the expectation that each unknown is zero.
    """

    def __init__(self, cell, cruise, weight, value, basis, count, prior):
        key = cell.astype(np.int64) * count + cruise
        unique, inverse = np.unique(key, return_inverse=True)
        self.cell, self.cruise = unique // count, unique % count
        weighed = weight[:, None] * basis
        self.share = _sums(inverse, weighed, unique.size)
        self.total = _sums(cruise, weighed * value[:, None], count)
        squares = (weighed[:, :, None] * basis[:, None]).reshape(len(basis), -1)
        normal = _sums(cruise, squares, count).reshape(count, *[basis.shape[1]] * 2)
        self.inverse = np.linalg.inv(normal + np.diag(np.broadcast_to(prior, basis.shape[1])))

    def remove_means(self, field, product):
        """Take what the cruises explain out of `product`; return what its inner product loses."""
        sums = self._sums_of(field)
        terms = self._times_inverse(sums)
        _subtract(self.cell, self.cruise, self.share, terms, product.ravel())
        return float(np.sum(sums * terms))

    def without(self, total, terms):
        """Return the right-hand side with the terms of each cruise taken from its readings."""
        rest = total.copy()
        _subtract(self.cell, self.cruise, self.share, terms, rest.ravel())
        return rest

    def of_readings(self):
        """Return the terms that go with a field of zeros (nT)."""
        return self._times_inverse(self.total)

    def constants(self, field):
        """Return the terms of each cruise that go with a field (nT), shape (cruises, terms)."""
        return self._times_inverse(self.total - self._sums_of(field))

    def _sums_of(self, field):
        return _sum_by_cruise(self.cell, self.cruise, self.share, field.ravel(), len(self.total))

    def _times_inverse(self, sums):
        return np.einsum("kij,kj->ki", self.inverse, sums)


def _sums(key, rows, count):
    """Sum rows that share a key."""
    return np.stack([np.bincount(key, column, count) for column in rows.T], axis=1)


def stencil(tensor, scale):
    """Couplings of each cell with its neighbours for the operator ``scale * G^T D G``.

    Parameters
    ----------
    tensor : sequence of three numpy.ndarray, each of shape (n, m)
        Components xx, xy, yy of the diffusion tensor (x: columns, y: rows).
    scale : float
        Factor of the operator.

    Returns
    -------
    tuple of four numpy.ndarray, each of shape (n, m)
        Coupling to the cell in the next column, in the next row, along the diagonal
        (i, j)-(i+1, j+1), and along the other diagonal (i, j+1)-(i+1, j).
    """
    edges = np.zeros((4, *tensor[0].shape), "float32")
    _couple(*(np.asarray(part, "float32") for part in tensor), np.float32(0.25 * scale), *edges)
    return tuple(edges)


def solve(weight, edges, total, start, offsets=None):
    """Conjugate gradients with a diagonal preconditioner for ``(W + A) u = total``.

    Parameters
    ----------
    weight, total, start : numpy.ndarray, shape (n, m)
        Diagonal ``W``, right-hand side and first guess.
    edges : tuple of four numpy.ndarray
        Couplings from `stencil`.
    offsets : Offsets, optional
        Constants of the cruises, to be solved for along with the field.

    Returns
    -------
    numpy.ndarray, shape (n, m), float32
        The solution, to a relative residual of `TOLERANCE` or after `MAX_ITERATIONS`.
    """

    def operator(field, product):
        return _apply(weight, *edges, field, product)

    return _conjugate_gradients(operator, _diagonal(weight, *edges), total, start, offsets)


def solve_bending(weight, total, start, tension, bending, offsets=None):
    """Thin plate under tension: ``(W + tension * L + bending * L^2) u = total``.

    ``L`` is minus the Laplacian; this is the minimum-curvature gridding of Smith & Wessel (1990)
    with springs to the data instead of fixed values.

    Parameters
    ----------
    weight, total, start : numpy.ndarray, shape (n, m)
        Diagonal ``W``, right-hand side and first guess.
    tension, bending : float
        Factors of the first and second derivatives' squares.
    offsets : Offsets, optional
        Constants of the cruises, to be solved for along with the field.

    Returns
    -------
    numpy.ndarray, shape (n, m), float32
        As `solve`.
    """
    curvature = np.empty(weight.shape, "float32")
    tension, bending = np.float32(tension), np.float32(bending)

    def operator(field, product):
        _laplacian(field, curvature)
        return _plate(weight, tension, bending, curvature, field, product)

    diagonal = weight + 4 * tension + 20 * bending
    return _conjugate_gradients(operator, diagonal, total, start, offsets)


def _conjugate_gradients(operator, diagonal, total, start, offsets):
    """Solve from a first guess; `operator` writes a product and returns the inner product."""

    def multiply(field, product):
        inner = operator(field, product)
        return inner if offsets is None else inner - offsets.remove_means(field, product)

    total = total if offsets is None else offsets.without(total, offsets.of_readings())
    field = np.ascontiguousarray(start, "float32").copy()
    product = np.empty_like(field)
    inverse = (1 / np.maximum(diagonal, 1e-12)).astype("float32")
    multiply(field, product)
    residual = total - product
    direction = residual * inverse
    rho = float(np.vdot(residual, direction))
    goal = TOLERANCE**2 * float(np.vdot(total, total * inverse))
    for _ in range(MAX_ITERATIONS):
        if rho <= goal:
            break
        step = rho / multiply(direction, product)
        updated = _advance(field, residual, direction, product, inverse, np.float32(step))
        _redirect(direction, residual, inverse, np.float32(updated / rho))
        rho = updated
    return field


def _diagonal(weight, right, down, diagonal, anti):
    """Diagonal of the operator: the weight and all couplings of each cell."""
    total = weight + right + down + diagonal
    total[:, 1:] += right[:, :-1] + anti[:, :-1]
    total[1:] += down[:-1]
    total[1:, 1:] += diagonal[:-1, :-1]
    total[1:, :-1] += anti[:-1, :-1]
    return total


@numba.njit(cache=True)
def _couple(xx, xy, yy, quarter, right, down, diagonal, anti):
    """Add up the couplings of each square between four cells."""
    rows, columns = xx.shape
    half, zero = np.float32(0.5), np.float32(0)
    for i in range(rows - 1):
        for j in range(columns - 1):
            east = quarter * (xx[i, j] + xx[i + 1, j] + xx[i, j + 1] + xx[i + 1, j + 1])
            mixed = quarter * (xy[i, j] + xy[i + 1, j] + xy[i, j + 1] + xy[i + 1, j + 1])
            north = quarter * (yy[i, j] + yy[i + 1, j] + yy[i, j + 1] + yy[i + 1, j + 1])
            diagonal[i, j], anti[i, j] = max(mixed, zero), max(-mixed, zero)
            along_row, along_column = half * (east - abs(mixed)), half * (north - abs(mixed))
            right[i, j] += along_row
            right[i + 1, j] += along_row
            down[i, j] += along_column
            down[i, j + 1] += along_column


@numba.njit(cache=True, fastmath=True)
def _apply(weight, right, down, diagonal, anti, field, out):
    """Write ``(W + A) field`` into `out`; return its inner product with `field`."""
    rows, columns = field.shape
    inner = 0.0
    for i in range(rows):
        row_inner = 0.0
        for j in range(columns):
            here = field[i, j]
            value = weight[i, j] * here
            if j < columns - 1:
                value += right[i, j] * (here - field[i, j + 1])
            if j > 0:
                value += right[i, j - 1] * (here - field[i, j - 1])
            if i < rows - 1:
                value += down[i, j] * (here - field[i + 1, j])
                if j < columns - 1:
                    value += diagonal[i, j] * (here - field[i + 1, j + 1])
                if j > 0:
                    value += anti[i, j - 1] * (here - field[i + 1, j - 1])
            if i > 0:
                value += down[i - 1, j] * (here - field[i - 1, j])
                if j > 0:
                    value += diagonal[i - 1, j - 1] * (here - field[i - 1, j - 1])
                if j < columns - 1:
                    value += anti[i - 1, j] * (here - field[i - 1, j + 1])
            out[i, j] = value
            row_inner += value * here
        inner += row_inner
    return inner


@numba.njit(cache=True, fastmath=True)
def _laplacian(field, out):
    """Write minus the Laplacian of `field` into `out`; nothing flows over the edges."""
    rows, columns = field.shape
    for i in range(rows):
        up, down = max(i - 1, 0), min(i + 1, rows - 1)
        for j in range(columns):
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            around = field[up, j] + field[down, j] + field[i, left] + field[i, right]
            out[i, j] = np.float32(4.0) * field[i, j] - around


@numba.njit(cache=True, fastmath=True)
def _plate(weight, tension, bending, curvature, field, out):
    """Write the plate's operator into `out`; return its inner product with `field`."""
    rows, columns = field.shape
    inner = 0.0
    for i in range(rows):
        up, down = max(i - 1, 0), min(i + 1, rows - 1)
        row_inner = 0.0
        for j in range(columns):
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            here = curvature[i, j]
            around = curvature[up, j] + curvature[down, j] + curvature[i, left]
            second = np.float32(4.0) * here - around - curvature[i, right]
            value = weight[i, j] * field[i, j] + tension * here + bending * second
            out[i, j] = value
            row_inner += value * field[i, j]
        inner += row_inner
    return inner


@numba.njit(cache=True, fastmath=True)
def _advance(field, residual, direction, product, inverse, step):
    """Move along the direction; return the preconditioned norm of the new residual."""
    rho = 0.0
    for i in range(field.shape[0]):
        row = 0.0
        for j in range(field.shape[1]):
            field[i, j] += step * direction[i, j]
            left = residual[i, j] - step * product[i, j]
            residual[i, j] = left
            row += left * left * inverse[i, j]
        rho += row
    return rho


@numba.njit(cache=True, fastmath=True)
def _redirect(direction, residual, inverse, ratio):
    """Make the next search direction from the residual and the last direction."""
    for i in range(direction.shape[0]):
        for j in range(direction.shape[1]):
            direction[i, j] = residual[i, j] * inverse[i, j] + ratio * direction[i, j]


@numba.njit(cache=True)
def _sum_by_cruise(cell, cruise, share, field, count):
    """Sum the field over the readings of each cruise, weighted by their shares of the terms."""
    sums = np.zeros((count, share.shape[1]))
    for n in range(cell.size):
        for term in range(share.shape[1]):
            sums[cruise[n], term] += share[n, term] * field[cell[n]]
    return sums


@numba.njit(cache=True)
def _subtract(cell, cruise, share, terms, out):
    """Subtract from `out` what the terms of each cruise make in its readings."""
    for n in range(cell.size):
        for term in range(share.shape[1]):
            out[cell[n]] -= share[n, term] * terms[cruise[n], term]
