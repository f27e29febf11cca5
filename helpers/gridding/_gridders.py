"""Fill the gaps between track cells: five gridders, and how to choose one.

Every gridder takes a grid of block medians, NaN off the tracks, and gives the whole grid back.
All of them are isotropic: they know how far a cell is from data, not where a stripe runs.

==================== ===================================== ==================================
gridder              what it does                          when to take it
==================== ===================================== ==================================
linear               flat triangles between track cells    default: fast, cannot overshoot
minimum_curvature    a bent sheet under tension            smooth maps; gaps of any width
equivalent_sources   point sources below the ship          upward continuation, derivatives
spline               thin plate through 50 neighbours      exact, noise-free data only
cubic                bent triangles                        exact, noise-free data only
==================== ===================================== ==================================

Cubic and thin-plate surfaces pass through every reading and have no limit beside it: where two
cruises disagree at a crossing they swing far off between the next tracks.  Level first.

References
----------
Smith, W. H. F. & Wessel, P. (1990). Gridding with continuous curvature splines in tension.
Geophysics 55, 293-305.
Soler, S. R. & Uieda, L. (2021). Gradient-boosted equivalent sources. Geophys. J. Int. 227,
1768-1783.
"""

import numba
import numpy as np
import pyamg
from scipy import sparse
from scipy.interpolate import CloughTocher2DInterpolator, RBFInterpolator
from scipy.spatial import Delaunay
from threadpoolctl import threadpool_limits

TENSION = 0.25  # Smith & Wessel's advice for potential fields
CURVATURE_TOLERANCE = 1e-5  # relative residual of the multigrid
EVEN = ("jacobi", {"weighting": "local"})  # needs no random vector: same data, same bytes
NEIGHBOURS = 50  # readings under each value of the thin-plate spline
SOURCE_DEPTH_CELLS = 1.5  # of the equivalent sources
SOURCE_WINDOW_CELLS = 50.0  # side of the windows that are boosted one after another


def interpolate(block, method="linear"):
    """Fill the gaps between track cells.

    Parameters
    ----------
    block : numpy.ndarray, shape (n, m)
        Values on track cells, NaN elsewhere.
    method : str
        One of `gridding.METHODS`: ``linear`` (flat triangles; the default), ``minimum_curvature``
        (a sheet under tension; fills gaps of any width), ``equivalent_sources`` (point sources
        below the ship), ``spline`` and ``cubic`` (both only for exact, noise-free data).

    Returns
    -------
    numpy.ndarray, shape (n, m)
        The track cells as they were; ``linear`` and ``cubic`` leave NaN outside the hull of the
        data, and all methods do so where all track cells lie on one straight line.

    Raises
    ------
    ValueError
        If there is no such method.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import gridding
    >>> block = np.full((3, 3), np.nan)
    >>> block[[0, 0, 2, 2], [0, 2, 0, 2]] = 0.0, 2.0, 2.0, 4.0
    >>> gridding.interpolate(block)
    array([[0., 1., 2.],
           [1., 2., 3.],
           [2., 3., 4.]])
    """
    if method not in METHODS:
        raise ValueError(f"No gridder {method!r}; choose one of {', '.join(METHODS)}.")
    rows, columns = np.nonzero(np.isfinite(block))
    if len(rows) < 4 or _collinear(rows, columns):
        return np.array(block, float)  # a single straight track spans no surface
    filled = _GRIDDERS[method](np.asarray(block, float), rows, columns)
    return np.where(np.isfinite(block), block, filled)


def _linear(block, rows, columns):
    """Flat Delaunay triangles, filled one after another in time proportional to the cells.

    To look up the triangle of each cell (scipy's LinearNDInterpolator, under verde.Linear) can
    take minutes on track cells, whose exact lattice makes flat triangles.
    """
    points = np.column_stack([rows, columns])
    triangles = Delaunay(points).simplices
    return _fill_triangles(points[triangles], block[rows, columns][triangles], block.shape)


def _cubic(block, rows, columns):
    """Bent triangles (Clough-Tocher); moved by a thousandth of a cell off the exact lattice."""
    points = np.column_stack([rows, columns]).astype(float)
    points += np.random.default_rng(0).uniform(-1e-3, 1e-3, points.shape)
    return CloughTocher2DInterpolator(points, block[rows, columns])(*np.indices(block.shape))


def _spline(block, rows, columns):
    """Thin-plate spline through the nearest readings of each cell."""
    points = np.column_stack([rows, columns])
    neighbours = min(NEIGHBOURS, len(points))
    spline = RBFInterpolator(points, block[rows, columns], neighbors=neighbours)
    return spline(np.indices(block.shape).reshape(2, -1).T).reshape(block.shape)


def _equivalent_sources(block, rows, columns):
    """Point sources below the readings, fitted window by window (Soler & Uieda 2021)."""
    from harmonica import EquivalentSourcesGB  # takes seconds to import

    window = float(min(SOURCE_WINDOW_CELLS, np.ptp(rows), np.ptp(columns)))
    sources = EquivalentSourcesGB(
        depth=SOURCE_DEPTH_CELLS, damping=1.0, window_size=window, random_state=0
    )
    sources.fit((1.0 * columns, 1.0 * rows, 0.0 * rows), block[rows, columns])
    i, j = np.indices(block.shape, dtype=float)
    return sources.predict((j, i, np.zeros_like(i)))


def _minimum_curvature(block, rows, columns):
    """Solve ``(1 - T) L² u = T L u`` off the tracks by multigrid (L: Laplacian, T: tension)."""
    known = np.zeros(block.shape, bool)
    known[rows, columns] = True
    matrix, target = _sheet(block, known)
    field = block.copy()
    with threadpool_limits(1, "blas"):  # on busy cores its threads wait for each other
        multigrid = pyamg.smoothed_aggregation_solver(matrix, smooth=EVEN, coarse_solver="splu")
        field[~known] = multigrid.solve(target, tol=CURVATURE_TOLERANCE, accel="cg", maxiter=500)
    return field


def _sheet(block, known):
    """Matrix and right-hand side of the sheet under tension on the cells off the tracks."""
    rows, columns = (_second_difference(size) for size in block.shape)
    one_row, one_column = (sparse.identity(size) for size in block.shape)
    laplacian = (sparse.kron(one_row, columns) + sparse.kron(rows, one_column)).tocsr()
    matrix = ((1 - TENSION) * laplacian @ laplacian - TENSION * laplacian).tocsr()
    known = known.ravel()
    free = matrix[~known]
    return free[:, ~known].tocsr(), -(free[:, known] @ block.ravel()[known])


def _second_difference(size):
    """Second difference on a line of cells whose ends are free of slope."""
    middle = np.full(size, -2.0)
    middle[[0, -1]] = -1.0
    return sparse.diags([np.ones(size - 1), middle, np.ones(size - 1)], [-1, 0, 1])


@numba.njit(cache=True)
def _fill_triangles(corners, values, shape):
    """Interpolate inside triangles; corners (n, 3, 2) in rows and columns, values (n, 3)."""
    filled = np.full(shape, np.nan)
    for n in range(len(corners)):
        (r0, c0), (r1, c1), (r2, c2) = corners[n]
        area = (r1 - r0) * (c2 - c0) - (r2 - r0) * (c1 - c0)
        if area == 0:
            continue
        for row in range(min(r0, r1, r2), max(r0, r1, r2) + 1):
            for column in range(min(c0, c1, c2), max(c0, c1, c2) + 1):
                second = ((row - r0) * (c2 - c0) - (r2 - r0) * (column - c0)) / area
                third = ((r1 - r0) * (column - c0) - (row - r0) * (c1 - c0)) / area
                first = 1.0 - second - third
                if first >= -1e-12 and second >= -1e-12 and third >= -1e-12:
                    filled[row, column] = (
                        first * values[n, 0] + second * values[n, 1] + third * values[n, 2]
                    )
    return filled


def _collinear(rows, columns):
    """Whether all cells lie on one straight line."""
    points = np.column_stack([rows - rows.mean(), columns - columns.mean()])
    return np.linalg.matrix_rank(points) < 2


_GRIDDERS = {
    "linear": _linear,
    "minimum_curvature": _minimum_curvature,
    "equivalent_sources": _equivalent_sources,
    "spline": _spline,
    "cubic": _cubic,
}
METHODS = tuple(_GRIDDERS)
