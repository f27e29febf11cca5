"""Inner loops of the linear systems under the diffusion, compiled; `helpers.solver` calls them."""

import numba
import numpy as np


@numba.njit(cache=True)
def couple(xx, xy, yy, quarter, right, down, diagonal, anti):
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def apply(weight, right, down, diagonal, anti, field, out):
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def laplacian(field, out):
    """Write minus the Laplacian of `field` into `out`; nothing flows over the edges."""
    rows, columns = field.shape
    for i in range(rows):
        up, down = max(i - 1, 0), min(i + 1, rows - 1)
        for j in range(columns):
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            around = field[up, j] + field[down, j] + field[i, left] + field[i, right]
            out[i, j] = np.float32(4.0) * field[i, j] - around


@numba.njit(cache=True, fastmath=True, nogil=True)
def plate(weight, tension, bending, curvature, field, out):
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def advance(field, residual, direction, product, inverse, step):
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def redirect(direction, residual, inverse, ratio):
    """Make the next search direction from the residual and the last direction."""
    for i in range(direction.shape[0]):
        for j in range(direction.shape[1]):
            direction[i, j] = residual[i, j] * inverse[i, j] + ratio * direction[i, j]


@numba.njit(cache=True)
def sum_by_cruise(cell, cruise, share, field, count):
    """Sum the field over the readings of each cruise, weighted by their shares of the terms."""
    sums = np.zeros((count, share.shape[1]))
    for n in range(cell.size):
        for term in range(share.shape[1]):
            sums[cruise[n], term] += share[n, term] * field[cell[n]]
    return sums


@numba.njit(cache=True)
def subtract(cell, cruise, share, terms, out):
    """Subtract from `out` what the terms of each cruise make in its readings."""
    for n in range(cell.size):
        for term in range(share.shape[1]):
            out[cell[n]] -= share[n, term] * terms[cruise[n], term]
