"""The solver against direct solutions, and what diffusion keeps: sums, ranges, directions."""

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from helpers import diffusion
from helpers.diffusion import _solver, _structure

SHAPE = (24, 31)


def tensor_of(angle, across):
    """Return a diffusion tensor with eigenvalue `across` along `angle` and 1 at right angles."""
    cos, sin = np.cos(angle), np.sin(angle)
    return across * cos**2 + sin**2, (across - 1) * cos * sin, across * sin**2 + cos**2


def system(across=0.05, seed=3):
    """Return weight, couplings and right-hand side with a third of the cells known."""
    rng = np.random.default_rng(seed)
    edges = _solver.stencil(tensor_of(rng.uniform(0, np.pi, SHAPE), across), 5.0)
    weight = (rng.random(SHAPE) < 0.3).astype("float32")
    return weight, edges, (weight * rng.normal(0, 100, SHAPE)).astype("float32")


def direct(weight, edges, total):
    """Solve by elimination, in double precision."""
    columns = []
    for number in range(weight.size):
        unit, out = np.zeros((2, *weight.shape), "float32")
        unit.flat[number] = 1
        _solver.apply(weight, *edges, unit, out)
        columns.append(out.ravel())
    matrix = sparse.csc_matrix(np.array(columns, float).T)
    return spsolve(matrix, total.ravel().astype(float)).reshape(weight.shape)


NEIGHBOURS = [  # both cells of each coupling, and where it is stored
    (np.s_[:, :-1], np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[:-1], np.s_[1:], np.s_[:-1]),
    (np.s_[:-1, :-1], np.s_[1:, 1:], np.s_[:-1, :-1]),
    (np.s_[:-1, 1:], np.s_[1:, :-1], np.s_[:-1, :-1]),
]
SHAPES = [SHAPE, (1, 1), (1, 7), (7, 1), (2, 2), (2, 5), (3, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_operator_adds_what_each_pair_of_neighbours_exchanges(shape):
    """Pair by pair, on maps too thin to have an inside, too."""
    rng = np.random.default_rng(4)
    weight, *edges, field = rng.random((6, *shape), "float32")
    expected, out = (weight * field).astype(float), np.empty(shape, "float32")
    for edge, (first, second, stored) in zip(edges, NEIGHBOURS, strict=True):
        flow = edge[stored] * (field[first] - field[second])
        expected[first] += flow
        expected[second] -= flow
    inner = _solver.apply(weight, *edges, field, out)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert inner == pytest.approx(np.sum(expected * field), rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_laplacian_takes_each_cell_from_its_four_neighbours(shape):
    """Beyond the edge lies the cell's own value."""
    field = np.random.default_rng(5).random(shape, "float32")
    around, out = np.pad(field, 1, mode="edge"), np.empty(shape, "float32")
    four = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    _solver.laplacian(field, out)
    np.testing.assert_allclose(out, 4 * field - four, atol=1e-5)


def test_solution_converges_to_the_direct_one_as_the_tolerance_shrinks():
    weight, edges, total = system()
    exact, errors = direct(weight, edges, total), []
    for tolerance in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
        found = _solver.solve(weight, edges, total, np.zeros(SHAPE), tolerance=tolerance)
        errors.append(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)))
        # the least eigenvalue makes of a residual an error at most about ten times as large
        assert errors[-1] < 10 * tolerance
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-3 * errors[0]


def steps(side, monkeypatch):
    """Return how many steps of the iteration a map takes, its tracks 16 cells apart."""
    counts, descend = [], _solver.descend

    def counted(*given):
        counts.append(descend(*given))

    row, column = np.indices((side, side))
    weight = ((row % 16 == 0) | (column % 16 == 0)).astype("float32")
    total = (weight * 100 * np.sin((column + 0.4 * row) / 3)).astype("float32")
    edges = _solver.stencil(tensor_of(np.full((side, side), 0.38), 0.003), 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(_solver, "descend", counted)
        _solver.solve(weight, edges, total, np.zeros((side, side)))
    return sum(counts)


def test_cost_of_a_cell_does_not_grow_with_the_map(monkeypatch):
    """Equally dense tracks bound the system's least eigenvalue, and so the iterations."""
    small, large = (steps(side, monkeypatch) for side in (64, 512))
    assert 10 < large <= 1.15 * small


@pytest.mark.parametrize("time", [1.0, 40.0, 1e3])
def test_classical_conserves_the_sum(time):
    """Every coupling takes from one cell what it gives to the other."""
    field = np.random.default_rng(1).normal(20, 50, (48, 61)).astype("float32")
    smooth = diffusion.classical(field, time_cells2=time).anomaly.values
    # four solves, each to a relative residual of the tolerance
    error = abs(smooth.mean(dtype=float) - field.mean(dtype=float))
    assert error < 4 * _solver.TOLERANCE * np.sqrt(np.mean(field**2))


def step_response(angle, across):
    """Return the excess over 0 to 1 of one implicit step on a spot, as a share of the spot."""
    spot = np.zeros((41, 41), "float32")
    spot[18:23, 18:23] = 1
    edges = _solver.stencil(tensor_of(np.full(spot.shape, angle), across), 10.0)
    smooth = _solver.solve(np.ones_like(spot), edges, spot, spot)
    return max(0.0, -float(smooth.min()), float(smooth.max()) - 1)


@pytest.mark.parametrize(
    ("angle", "across"), [(0.0, 0.003), (np.pi / 4, 0.003), (np.pi / 8, 0.3), (0.3, 1.0)]
)
def test_maximum_principle_holds_where_no_coupling_is_negative(angle, across):
    """On the axes and diagonals, and elsewhere for weak anisotropy: an M-matrix."""
    tensor = tensor_of(np.full((4, 4), angle), across)
    assert min(part.min() for part in _solver.stencil(tensor, 10.0)) > -1e-6
    assert step_response(angle, across) < 10 * _solver.TOLERANCE


def test_maximum_principle_is_broken_by_little_between_axes_and_diagonals():
    tensor = tensor_of(np.full((4, 4), np.pi / 8), 0.003)
    assert min(part.min() for part in _solver.stencil(tensor, 10.0)) < -0.5
    excess = [step_response(np.radians(angle), 0.003) for angle in (10, 22.5, 35)]
    # 1.7, 1.2 and 0.8 percent: far more than the tolerance of 0.1, far less than the spot
    assert min(excess) > 5 * _solver.TOLERANCE and max(excess) < 0.025


def test_least_diffusivity_across_that_keeps_the_maximum_principle():
    """At 22.5 degrees, the worst: ``yy = |xy|`` gives tan^2 (pi / 8) = 0.17."""
    for across, kept in ((0.18, True), (0.16, False)):
        edges = _solver.stencil(tensor_of(np.full((4, 4), np.pi / 8), across), 10.0)
        assert (min(part.min() for part in edges) >= 0) == kept


@pytest.mark.parametrize("turn", [np.rot90, np.transpose, np.flipud, np.fliplr])
def test_classical_turns_with_the_map(turn):
    field = np.random.default_rng(2).normal(0, 50, (48, 60)).astype("float32")
    one = turn(diffusion.classical(field).anomaly.values)
    other = diffusion.classical(np.ascontiguousarray(turn(field))).anomaly.values
    # sums in another order move the end of the iteration within its tolerance
    assert np.abs(one - other).max() < 10 * _solver.TOLERANCE * np.abs(field).max()


def test_classical_restores_stripes_of_any_strike_alike():
    row, column = np.indices((128, 128))
    noise, found = np.random.default_rng(4).normal(0, 70, (128, 128)), []
    for strike in np.radians([0, 15, 30, 45, 60, 75]):
        truth = 100 * np.sin((column * np.cos(strike) - row * np.sin(strike)) / 2.2)
        smooth = diffusion.classical(truth + noise).anomaly.values
        found.append(np.corrcoef(smooth.ravel(), truth.ravel())[0, 1])
    assert min(found) > 0.9 and max(found) - min(found) < 0.03


@pytest.mark.parametrize("function", [diffusion.guided, diffusion.classical])
def test_no_track_is_a_clear_error(function):
    with pytest.raises(ValueError, match="holds no data.*Check region and tracks"):
        function(np.full((32, 32), np.nan))


def test_classical_leaves_a_constant_constant():
    smooth = diffusion.classical(np.full((32, 40), -37.0)).anomaly.values
    np.testing.assert_allclose(smooth, -37.0, rtol=1e-5)


def test_tiles_change_the_solution_by_no_more_than_the_tolerance(monkeypatch):
    """A map in tiles and in one piece: both stop at the same residual, and agree as far as that."""
    solver_tolerance, rng, side = _solver.TOLERANCE, np.random.default_rng(31), 150
    angle = ndimage.gaussian_filter(rng.uniform(0, np.pi, (side, side)), 12) * 8
    cos, sin = np.cos(angle), np.sin(angle)
    parts = (0.003 * cos**2 + sin**2, -0.997 * cos * sin, 0.003 * sin**2 + cos**2)
    edges = _solver.stencil([part.astype("float32") for part in parts], 2.0)
    weight = (rng.random((side, side)) < 0.1).astype("float32")
    total = (weight * rng.normal(0, 100, weight.shape)).astype("float32")
    # as guided diffusion starts: from the solution on cells twice as large
    start = _structure.enlarge(_structure.block_mean(total, 2), total.shape)
    monkeypatch.setattr(_solver, "TOLERANCE", 1e-6)
    exact = _solver.solve(weight, edges, total, start)
    start = _structure.enlarge(_structure.block_mean(exact, 2), total.shape)
    monkeypatch.setattr(_solver, "TOLERANCE", solver_tolerance)
    whole = _solver.solve(weight, edges, total, start)
    monkeypatch.setattr(_solver, "TILE_CELLS", 40)  # 4 x 4 tiles, the last ones 30 cells
    calls, improve = [], _solver._in_tiles
    monkeypatch.setattr(_solver, "_in_tiles", lambda *given: calls.append(1) or improve(*given))
    tiled = _solver.solve(weight, edges, total, start)
    assert calls
    off, of_whole = (np.sqrt(np.mean((part - exact) ** 2)) for part in (tiled, whole))
    # what a residual of 1e-3 leaves to a map in one piece, and twice that in tiles
    assert off < 2 * max(of_whole, 1e-3 * exact.std())


def test_tiles_are_repeatable(monkeypatch):
    """Tiles run in threads of their own and write to places of their own: the same bytes."""
    monkeypatch.setattr(_solver, "TILE_CELLS", 40)
    rng = np.random.default_rng(32)
    block = np.where(rng.random((160, 160)) < 0.1, rng.normal(0, 100, (160, 160)), np.nan)
    one, other = (diffusion.guided(block, uncertainty=False).anomaly.values for _ in range(2))
    assert one.tobytes() == other.tobytes()
