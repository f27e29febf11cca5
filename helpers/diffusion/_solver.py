"""The linear systems under the diffusion, matrix-free, by conjugate gradients.

`solve` takes ``(W + A) u = total`` with ``A = scale * G^T D G``, built as linear finite elements on
triangles whose diagonal follows the anisotropy: symmetric, never negative, exact for linear fields,
stored as the couplings of each cell with four neighbours.  `solve_bending` takes the thin plate
under tension.  Both can solve for a constant of each cruise along with the field (`Offsets`).

Where no coupling is negative, ``W + A`` is an M-matrix and the solution stays within the range of
the data: with strike along the axes and diagonals at any anisotropy, and at any strike where the
diffusivity across is at least 0.17 of the one along.  Elsewhere it may leave the range; a square
spot that diffuses at one of 0.003 does so by up to 1.7 percent
(``tests/diffusion/test_solver.py``).

The kernels run in one thread: a hundred short steps that wait for each other gain little from a
second one, and lose tenfold where another program has that core.  Large maps are solved in tiles,
which wait for nothing, one in each core.

References
----------
Bullard, E. C. & Mason, R. G. (1961). Deep-Sea Research 8, 20-27 (heading error).
Cai, X.-C. & Sarkis, M. (1999). SIAM J. Sci. Comput. 21, 792-797 (tiles with halos).
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

TOLERANCE = 1e-3  # relative residual of the conjugate gradients; 1e-2 leaves gaps unfilled
MAX_ITERATIONS = 400
TILE_CELLS, HALO_CELLS = 512, 32  # ten arrays of a tile fit a cache of 16 MB
FREE = 0, 0, 0, 0  # no rim is held
PLATE = (np.zeros((0, 0), "float32"),) * 4  # in place of couplings
SOFT = np.float32(0), np.float32(0)  # in place of a plate's stiffness
ALONE = (*[np.zeros(0, int)] * 2, np.zeros((0, 1)), np.zeros((0, 1, 1)))  # no constants of cruises


class Offsets:
    """Unknown constants of each cruise, and terms of its heading, eliminated from the system.

    A reading is ``d = u + b . x`` with ``x`` the unknowns of its cruise and ``b = (1)`` or, with
    headings, ``(1, cos H, sin H, cos 2H, sin 2H)`` (Bullard & Mason 1961).  For a given field the
    best ``x`` solves a small system for each cruise; put back, it leaves a system for ``u`` alone
    (the Schur complement).

    For each reading: the cell (of the flattened grid), cruise, weight, value (nT) and row of
    ``b``; `prior` is the weight, in readings, of the expectation that each unknown is zero.
    """

    def __init__(self, cell, cruise, weight, value, basis, count, prior):
        # W b, summed over the readings that one cruise has in one cell
        key = cell.astype(np.int64) * count + cruise
        unique, inverse = np.unique(key, return_inverse=True)
        self.cell, self.cruise = unique // count, unique % count
        weighed = weight[:, None] * basis
        self.share = _sums(inverse, weighed, unique.size)
        # for each cruise: the sum of W b d, and the inverse of the sum of W b b^T plus the prior
        self.total = _sums(cruise, weighed * value[:, None], count)
        squares = (weighed[:, :, None] * basis[:, None]).reshape(len(basis), -1)
        normal = _sums(cruise, squares, count).reshape(count, *[basis.shape[1]] * 2)
        self.inverse = np.linalg.inv(normal + np.diag(np.broadcast_to(prior, basis.shape[1])))

    def without(self, total, terms):
        """Return the right-hand side with the terms of each cruise taken from its readings."""
        rest = total.copy()
        subtract(self.cell, self.cruise, self.share, terms, rest.ravel())
        return rest

    def of_readings(self):
        """Return the terms that go with a field of zeros (nT)."""
        return self._times_inverse(self.total)

    def constants(self, field):
        """Return the terms of each cruise that go with a field (nT), shape (cruises, terms)."""
        return self._times_inverse(self.total - self._sums_of(field))

    def eliminated(self):
        """Return what `remove_means` needs."""
        return self.cell, self.cruise, self.share, self.inverse

    def _sums_of(self, field):
        """Sum W b u over the readings of each cruise."""
        return sum_by_cruise(self.cell, self.cruise, self.share, field.ravel(), len(self.total))

    def _times_inverse(self, sums):
        """Solve the small system of each cruise."""
        return np.einsum("kij,kj->ki", self.inverse, sums)


def _sums(key, rows, count):
    """Sum rows that share a key."""
    return np.stack([np.bincount(key, column, count) for column in rows.T], axis=1)


def stencil(tensor, scale):
    """Couplings of each cell with its neighbours for the operator ``scale * G^T D G``.

    `tensor` holds the components xx, xy, yy of ``D`` (x: columns, y: rows).  Returns the couplings
    to the cell in the next column, in the next row, along the diagonal (i, j)-(i+1, j+1), and along
    the other diagonal (i, j+1)-(i+1, j).
    """
    edges = np.zeros((4, *tensor[0].shape), "float32")
    couple(*(np.asarray(part, "float32") for part in tensor), np.float32(0.25 * scale), *edges)
    return tuple(edges)


def solve(weight, edges, total, start, offsets=None, tolerance=TOLERANCE):
    """Conjugate gradients with a diagonal preconditioner for ``(W + A) u = total``.

    `weight` is the diagonal ``W``, `edges` are the couplings of ``A`` from `stencil`.  Ends at a
    relative residual of `tolerance` or after `MAX_ITERATIONS`; with `offsets` the constants of the
    cruises are solved for along with the field.
    """

    def restrict(part):
        of_part, *within = (np.ascontiguousarray(array[part]) for array in (weight, *edges))
        return (of_part, tuple(within), SOFT), _diagonal(of_part, *within)

    return _solve(restrict, total, start, offsets, 1, tolerance)


def solve_bending(weight, total, start, tension, bending, offsets=None, tolerance=TOLERANCE):
    """Thin plate under tension: ``(W + tension * L + bending * L^2) u = total``.

    ``L`` is minus the Laplacian; this is the minimum-curvature gridding of Smith & Wessel (1990)
    with springs to the data instead of fixed values.  The rest is as in `solve`.
    """
    stiffness = np.float32(tension), np.float32(bending)

    def restrict(part):
        of_part = np.ascontiguousarray(weight[part])
        return (of_part, PLATE, stiffness), of_part + (4 * stiffness[0] + 20 * stiffness[1])

    return _solve(restrict, total, start, offsets, 2, tolerance)


def _solve(restrict, total, start, offsets, ring, tolerance):
    """Solve in one piece or, if the map is large and has no constants to solve for, in tiles.

    `restrict` gives the operator (weight, couplings, stiffness) and its diagonal for a part of the
    map; `ring` is how many cells the operator reaches.
    """
    start = np.ascontiguousarray(start, "float32")
    if offsets is None and total.size > 2 * TILE_CELLS**2:
        return _in_tiles(restrict, total, start, ring, tolerance)
    operator, diagonal = restrict(np.s_[:, :])
    total = np.ascontiguousarray(total, "float32")
    if offsets is not None:
        total = offsets.without(total, offsets.of_readings())
    goal = tolerance**2 * float(np.vdot(total, total / np.maximum(diagonal, 1e-12)))
    cruises = ALONE if offsets is None else offsets.eliminated()
    return _conjugate_gradients(operator, cruises, FREE, diagonal, total, start.copy(), goal)


def _in_tiles(restrict, total, start, ring, tolerance):
    """Correct a first guess tile by tile; around each, in a halo, the guess holds at its rim.

    A tile fits the processor's cache, in which an iteration takes half the time, and tiles wait
    for nothing. The guess comes from cells twice as large and lacks only what is fine: what a rim
    held to it does to the tile dies out in the halo (additive Schwarz, Cai & Sarkis 1999).
    """
    field = np.empty_like(start)
    corners = [(row, column) for row in range(0, total.shape[0], TILE_CELLS)
               for column in range(0, total.shape[1], TILE_CELLS)]  # fmt: skip
    size = np.vdot(total, total) / total.size  # a tile without readings is held to this, too

    def improve(corner):
        tile, core, inside = _tile(corner, field.shape)
        operator, diagonal = restrict(tile)
        rim = _rim(tile, field.shape, ring)
        here = np.ascontiguousarray(start[tile])
        right, spare = np.empty((2, *here.shape), "float32")
        multiply(*operator, ALONE, FREE, here, right, spare)
        right = total[tile] - right
        hold(right, rim)
        goal = tolerance**2 * float(size * np.sum(1 / np.maximum(diagonal, 1e-12)))
        none = np.zeros_like(right)
        change = _conjugate_gradients(operator, ALONE, rim, diagonal, right, none, goal)
        field[core] = start[core] + change[inside]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(improve, corners))
    return field


def _rim(tile, shape, ring):
    """Cells that are held on the north, south, west and east of a tile: none where the map ends."""
    (north, east), (rows, columns) = tile, shape
    inside = (north.start > 0, north.stop < rows, east.start > 0, east.stop < columns)
    return tuple(ring * side for side in inside)


def _tile(corner, shape):
    """Slices of a tile with its halo, of its core, and of the core within the tile."""
    parts = []
    for begin, size in zip(corner, shape, strict=True):
        end = min(begin + TILE_CELLS, size)
        outer = max(begin - HALO_CELLS, 0), min(end + HALO_CELLS, size)
        parts.append((slice(*outer), slice(begin, end), slice(begin - outer[0], end - outer[0])))
    return tuple(zip(*parts, strict=True))


def _conjugate_gradients(operator, cruises, rim, diagonal, total, field, goal):
    """Solve from a first guess until the squared residual over the diagonal is below `goal`."""
    inverse = (1 / np.maximum(diagonal, 1e-12)).astype("float32")
    descend(*operator, cruises, rim, inverse, total, field, goal, MAX_ITERATIONS)
    return field


def _diagonal(weight, right, down, diagonal, anti):
    """Diagonal of the operator: the weight and all couplings of each cell."""
    total = weight + right + down + diagonal
    total[:, 1:] += right[:, :-1] + anti[:, :-1]
    total[1:] += down[:-1]
    total[1:, 1:] += diagonal[:-1, :-1]
    total[1:, :-1] += anti[:-1, :-1]
    return total


# The inner loops, compiled.


# Where arrays that are written may overlap others, compiled loops come in two forms, and which one
# runs depends on where the arrays lie.  Both round alike as long as sums keep their order: loops
# that write may only fuse a product and a sum, and sums over a row stand in loops that only read.
STEADY = {"contract"}


@numba.njit(cache=True, nogil=True)
def descend(weight, edges, stiffness, cruises, rim, inverse, total, field, goal, limit):
    """Solve by conjugate gradients, `field` being first guess and result.

    It ends when the squared residual over the diagonal is at most `goal`, or after `limit` steps,
    and returns their number.
    """
    product, direction, curvature = np.empty_like(field), np.zeros_like(field), np.empty_like(field)
    # r = b - A u, z = r / diagonal, rho = r . z, p = z
    multiply(weight, edges, stiffness, cruises, rim, field, product, curvature)
    residual = total - product
    rho = advance(field, residual, direction, product, inverse, np.float32(0))
    redirect(direction, residual, inverse, np.float32(0))
    for step in range(limit):
        if rho <= goal:
            return step
        # alpha = rho / p . A p; u += alpha p, r -= alpha A p
        inner = multiply(weight, edges, stiffness, cruises, rim, direction, product, curvature)
        updated = advance(field, residual, direction, product, inverse, np.float32(rho / inner))
        # p = z + (new rho / old rho) p
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
        # L u, and L of it: out = W u + tension L u + bending L^2 u
        laplacian(field, curvature)
        laplacian(curvature, out)
        inner = add_plate(weight, stiffness[0], stiffness[1], curvature, field, out)
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
    """Add up the couplings of each square between four cells.

    Each square is cut into two triangles along the diagonal that follows the sign of ``xy``; with
    linear elements that diagonal carries ``|xy|`` and each side half of ``xx - |xy|`` or
    ``yy - |xy|``, the other half coming from the square beyond.
    """
    rows, columns = xx.shape
    half, zero = np.float32(0.5), np.float32(0)
    for i in range(rows - 1):
        for j in range(columns - 1):
            # D in the middle of the square, times the scale
            east = quarter * (xx[i, j] + xx[i + 1, j] + xx[i, j + 1] + xx[i + 1, j + 1])
            mixed = quarter * (xy[i, j] + xy[i + 1, j] + xy[i, j + 1] + xy[i + 1, j + 1])
            north = quarter * (yy[i, j] + yy[i + 1, j] + yy[i, j + 1] + yy[i + 1, j + 1])
            # mixed derivatives fall to one diagonal
            diagonal[i, j], anti[i, j] = max(mixed, zero), max(-mixed, zero)
            # and the rest to the sides
            along_row, along_column = half * (east - abs(mixed)), half * (north - abs(mixed))
            right[i, j] += along_row
            right[i + 1, j] += along_row
            down[i, j] += along_column
            down[i, j + 1] += along_column


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
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


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
def _within(i, weight, right, down, diagonal, anti, field, out):
    """Multiply in the cells of a row that have all eight neighbours."""
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
    return _inner_product(out[i, 1:-1], field[i, 1:-1])


@numba.njit(cache=True, fastmath=True, nogil=True)
def _inner_product(one, other):
    """Inner product of two rows; it only reads, so the order of its sum is always the same."""
    inner = np.float32(0)
    for j in range(one.size):
        inner += one[j] * other[j]
    return inner


@numba.njit(cache=True, fastmath=True, nogil=True)
def _weighted_square(row, weight):
    """Sum of the squares of a row, weighted; like `_inner_product` it only reads."""
    total = np.float32(0)
    for j in range(row.size):
        total += row[j] * row[j] * weight[j]
    return total


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
def _at_rim(some_rows, some_columns, weight, right, down, diagonal, anti, field, out):
    """Multiply in cells that lack neighbours; what would flow beyond the map does not."""
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


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
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


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
def _laplacian_within(i, up, down, field, out):
    """Do so in the cells of a row that have neighbours on both sides."""
    for j in range(1, field.shape[1] - 1):
        around = field[up, j] + field[down, j] + field[i, j - 1] + field[i, j + 1]
        out[i, j] = np.float32(4.0) * field[i, j] - around


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
def add_plate(weight, tension, bending, curvature, field, out):
    """Write the plate's operator into `out`; return its inner product with `field`.

    `curvature` is minus the Laplacian of `field`; `out` holds minus that of `curvature`.
    """
    inner = 0.0
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            value = weight[i, j] * field[i, j] + tension * curvature[i, j]
            out[i, j] = value + bending * out[i, j]
        inner += _inner_product(out[i], field[i])
    return inner


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
def advance(field, residual, direction, product, inverse, step):
    """Move along the direction; return the preconditioned norm of the new residual."""
    rho = 0.0
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            field[i, j] += step * direction[i, j]
            residual[i, j] -= step * product[i, j]
        rho += _weighted_square(residual[i], inverse[i])
    return rho


@numba.njit(cache=True, fastmath=STEADY, nogil=True)
def redirect(direction, residual, inverse, ratio):
    """Make the next search direction from the residual and the last direction."""
    for i in range(direction.shape[0]):
        for j in range(direction.shape[1]):
            direction[i, j] = residual[i, j] * inverse[i, j] + ratio * direction[i, j]


@numba.njit(cache=True, nogil=True)
def remove_means(cell, cruise, share, inverse, field, out):
    """Take what the cruises explain out of `out`; return what its inner product loses."""
    # out -= B N^-1 B^T u, with B^T u the sums of the cruises: what is left is the Schur complement
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
