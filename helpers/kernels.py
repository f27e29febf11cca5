"""Inner loops of the linear systems under the diffusion, compiled; `helpers.solver` calls them."""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def descend(weight, edges, stiffness, cruises, rim, inverse, total, field, goal, limit):
    """Solve by conjugate gradients, `field` being first guess and result.

    It ends when the squared residual over the diagonal is at most `goal`, or after `limit` steps,
    and returns their number.
    """
    product, direction, curvature = np.empty_like(field), np.zeros_like(field), np.empty_like(field)
    multiply(weight, edges, stiffness, cruises, rim, field, product, curvature)
    residual = total - product
    rho = advance(field, residual, direction, product, inverse, np.float32(0))
    redirect(direction, residual, inverse, np.float32(0))
    for step in range(limit):
        if rho <= goal:
            return step
        inner = multiply(weight, edges, stiffness, cruises, rim, direction, product, curvature)
        updated = advance(field, residual, direction, product, inverse, np.float32(rho / inner))
        redirect(direction, residual, inverse, np.float32(updated / rho))
        rho = updated
    return limit


@numba.njit(cache=True, nogil=True)
def multiply(weight, edges, stiffness, cruises, rim, field, out, curvature):
    """Write the system's product with `field` into `out`; return its inner product with `field`.

    `edges` are couplings, or empty for a plate of `stiffness` (tension and bending); `cruises` the
    cells, cruises, shares and inverse of constants that are eliminated, or empty; `rim` how many
    rows and columns on each side are held, where `field` is 0.  A plate overwrites `curvature`.
    """
    if edges[0].size:
        inner = apply(weight, edges[0], edges[1], edges[2], edges[3], field, out)
    else:
        laplacian(field, curvature)
        laplacian(curvature, out)
        inner = plate(weight, stiffness[0], stiffness[1], curvature, field, out)
    if cruises[0].size:
        inner -= remove_means(cruises[0], cruises[1], cruises[2], cruises[3], field, out)
    hold(out, rim)
    return inner


@numba.njit(cache=True, nogil=True)
def hold(out, rim):
    """Set the outermost cells to 0: `rim` rows and columns on the north, south, west and east."""
    north, south, west, east = rim
    rows, columns = out.shape
    out[:north], out[rows - south :] = 0, 0
    out[:, :west], out[:, columns - east :] = 0, 0


@numba.njit(cache=True, nogil=True)
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
    """Write ``(W + A) field`` into `out`; return its inner product with `field`.

    Cells at the rim have fewer neighbours.  All others go row by row in a loop without conditions,
    which the compiler turns into vector instructions wherever the arrays lie.
    """
    rows, columns = field.shape
    ends, sides = (0, rows, max(rows - 1, 1)), (0, columns, max(columns - 1, 1))
    inner = _at_rim(ends, (0, columns, 1), weight, right, down, diagonal, anti, field, out)
    inner += _at_rim((1, rows - 1, 1), sides, weight, right, down, diagonal, anti, field, out)
    for i in range(1, rows - 1):
        inner += _within(i, weight, right, down, diagonal, anti, field, out)
    return inner


@numba.njit(cache=True, fastmath=True, nogil=True)
def _within(i, weight, right, down, diagonal, anti, field, out):
    inner = np.float32(0)
    for j in range(1, field.shape[1] - 1):
        here = field[i, j]
        value = weight[i, j] * here
        value += right[i, j] * (here - field[i, j + 1])
        value += right[i, j - 1] * (here - field[i, j - 1])
        value += down[i, j] * (here - field[i + 1, j])
        value += down[i - 1, j] * (here - field[i - 1, j])
        value += diagonal[i, j] * (here - field[i + 1, j + 1])
        value += diagonal[i - 1, j - 1] * (here - field[i - 1, j - 1])
        value += anti[i, j - 1] * (here - field[i + 1, j - 1])
        value += anti[i - 1, j] * (here - field[i - 1, j + 1])
        out[i, j] = value
        inner += value * here
    return inner


@numba.njit(cache=True, fastmath=True, nogil=True)
def _at_rim(some_rows, some_columns, weight, right, down, diagonal, anti, field, out):
    (rows, columns), inner = field.shape, 0.0
    for i in range(*some_rows):
        north, south = i > 0, i < rows - 1
        for j in range(*some_columns):
            west, east, here = j > 0, j < columns - 1, field[i, j]
            value = weight[i, j] * here
            if east:
                value += right[i, j] * (here - field[i, j + 1])
            if west:
                value += right[i, j - 1] * (here - field[i, j - 1])
            if south:
                value += down[i, j] * (here - field[i + 1, j])
            if north:
                value += down[i - 1, j] * (here - field[i - 1, j])
            if south and east:
                value += diagonal[i, j] * (here - field[i + 1, j + 1])
            if north and west:
                value += diagonal[i - 1, j - 1] * (here - field[i - 1, j - 1])
            if south and west:
                value += anti[i, j - 1] * (here - field[i + 1, j - 1])
            if north and east:
                value += anti[i - 1, j] * (here - field[i - 1, j + 1])
            out[i, j] = value
            inner += value * here
    return inner


@numba.njit(cache=True, fastmath=True, nogil=True)
def laplacian(field, out):
    """Write minus the Laplacian of `field` into `out`; nothing flows over the edges."""
    rows, columns = field.shape
    for i in range(rows):
        up, down = max(i - 1, 0), min(i + 1, rows - 1)
        _laplacian_within(i, up, down, field, out)
        for j in range(0, columns, max(columns - 1, 1)):
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            around = field[up, j] + field[down, j] + field[i, left] + field[i, right]
            out[i, j] = np.float32(4.0) * field[i, j] - around


@numba.njit(cache=True, fastmath=True, nogil=True)
def _laplacian_within(i, up, down, field, out):
    for j in range(1, field.shape[1] - 1):
        around = field[up, j] + field[down, j] + field[i, j - 1] + field[i, j + 1]
        out[i, j] = np.float32(4.0) * field[i, j] - around


@numba.njit(cache=True, fastmath=True, nogil=True)
def plate(weight, tension, bending, curvature, field, out):
    """Write the plate's operator into `out`; return its inner product with `field`.

    `curvature` is minus the Laplacian of `field`; `out` holds minus that of `curvature`.
    """
    inner = 0.0
    for i in range(field.shape[0]):
        row_inner = 0.0
        for j in range(field.shape[1]):
            value = weight[i, j] * field[i, j] + tension * curvature[i, j] + bending * out[i, j]
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


@numba.njit(cache=True, nogil=True)
def remove_means(cell, cruise, share, inverse, field, out):
    """Take what the cruises explain out of `out`; return what its inner product loses."""
    sums = sum_by_cruise(cell, cruise, share, field.ravel(), inverse.shape[0])
    terms = np.sum(inverse * np.expand_dims(sums, 1), axis=2)
    subtract(cell, cruise, share, terms, out.ravel())
    return np.sum(sums * terms)


@numba.njit(cache=True, nogil=True)
def sum_by_cruise(cell, cruise, share, field, count):
    """Sum the field over the readings of each cruise, weighted by their shares of the terms."""
    sums = np.zeros((count, share.shape[1]))
    for n in range(cell.size):
        for term in range(share.shape[1]):
            sums[cruise[n], term] += share[n, term] * field[cell[n]]
    return sums


@numba.njit(cache=True, nogil=True)
def subtract(cell, cruise, share, terms, out):
    """Subtract from `out` what the terms of each cruise make in its readings."""
    for n in range(cell.size):
        for term in range(share.shape[1]):
            out[cell[n]] -= share[n, term] * terms[cruise[n], term]
