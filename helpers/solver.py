"""The linear system under the diffusion: ``(W + A) u = total``, matrix-free.

``A = scale * G^T D G`` is built as linear finite elements on triangles whose diagonal follows
the anisotropy: symmetric, never negative and exact for linear fields.  It is stored as the
couplings of each cell with four neighbours and solved by conjugate gradients.
"""

import numba
import numpy as np

TOLERANCE = 1e-3  # relative residual of the conjugate gradients; 1e-2 leaves gaps unfilled
MAX_ITERATIONS = 400


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
    xx, xy, yy = (
        0.25 * scale * (part[:-1, :-1] + part[1:, :-1] + part[:-1, 1:] + part[1:, 1:])
        for part in tensor
    )
    right, down, diagonal, anti = np.zeros((4, *tensor[0].shape), "float32")
    diagonal[:-1, :-1] = np.maximum(xy, 0)
    anti[:-1, :-1] = np.maximum(-xy, 0)
    along_row, along_column = 0.5 * (xx - abs(xy)), 0.5 * (yy - abs(xy))
    right[:-1, :-1] += along_row
    right[1:, :-1] += along_row
    down[:-1, :-1] += along_column
    down[:-1, 1:] += along_column
    return right, down, diagonal, anti


def solve(weight, edges, total, start):
    """Conjugate gradients with a diagonal preconditioner for ``(W + A) u = total``.

    Parameters
    ----------
    weight, total, start : numpy.ndarray, shape (n, m)
        Diagonal ``W``, right-hand side and first guess.
    edges : tuple of four numpy.ndarray
        Couplings from `stencil`.

    Returns
    -------
    numpy.ndarray, shape (n, m), float32
        The solution, to a relative residual of `TOLERANCE` or after `MAX_ITERATIONS`.
    """
    field = np.ascontiguousarray(start, "float32").copy()
    product = np.empty_like(field)
    inverse = (1 / np.maximum(_diagonal(weight, *edges), 1e-12)).astype("float32")
    _apply(weight, *edges, field, product)
    residual = total - product
    direction = residual * inverse
    rho = float(np.vdot(residual, direction))
    goal = TOLERANCE**2 * float(np.vdot(total, total * inverse))
    for _ in range(MAX_ITERATIONS):
        if rho <= goal:
            break
        step = rho / _apply(weight, *edges, direction, product)
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


@numba.njit(cache=True, parallel=True, fastmath=True)
def _apply(weight, right, down, diagonal, anti, field, out):
    """Write ``(W + A) field`` into `out`; return its inner product with `field`."""
    rows, columns = field.shape
    inner = 0.0
    for i in numba.prange(rows):
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


@numba.njit(cache=True, parallel=True, fastmath=True)
def _advance(field, residual, direction, product, inverse, step):
    """Move along the direction; return the preconditioned norm of the new residual."""
    rho = 0.0
    for i in numba.prange(field.shape[0]):
        row = 0.0
        for j in range(field.shape[1]):
            field[i, j] += step * direction[i, j]
            left = residual[i, j] - step * product[i, j]
            residual[i, j] = left
            row += left * left * inverse[i, j]
        rho += row
    return rho


@numba.njit(cache=True, parallel=True, fastmath=True)
def _redirect(direction, residual, inverse, ratio):
    """Make the next search direction from the residual and the last direction."""
    for i in numba.prange(direction.shape[0]):
        for j in range(direction.shape[1]):
            direction[i, j] = residual[i, j] * inverse[i, j] + ratio * direction[i, j]
