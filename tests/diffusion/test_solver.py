"""The solver: its operator in closed cases, its solutions against direct ones."""

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from helpers import diffusion
from helpers.diffusion import _pyramid, _solver, _structure
from striped import dense, read, tensor_of
from studies import made_up_fields

SHAPE = (24, 31)
SMALL = (8, 9)


# --- the operator -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def edges():
    """Return couplings of random directions."""
    return _solver.stencil(tensor_of(np.random.default_rng(1).uniform(0, np.pi, SMALL)), 5.0)


@pytest.fixture(scope="module")
def operator(edges):
    return dense(np.zeros(SMALL, "float32"), edges)


def test_operator_is_symmetric_and_semidefinite_and_annihilates_constants(operator):
    # every coupling is one float32 number used for both its cells: symmetric to the bit
    np.testing.assert_array_equal(operator, operator.T)
    values = np.linalg.eigvalsh(operator)
    # couplings of up to 5 in float32, eight of them in a cell
    assert values[0] > -8 * 5 * 6e-8 and values[-1] > 5
    assert np.abs(operator.sum(axis=1)).max() < 8 * 5 * 6e-8
    # nothing but constants: the next eigenvalue is well above the rounding
    assert values[1] > 1e-4


def test_diagonal_is_that_of_the_operator(operator, edges):
    weight = np.random.default_rng(2).uniform(0, 1, SMALL).astype("float32")
    expected = np.diag(operator) + weight.ravel()
    diagonal = _solver._diagonal(weight, *edges).ravel()
    np.testing.assert_allclose(diagonal, expected, rtol=1e-6)


@pytest.mark.parametrize("slope", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8), (2.0, 3.0)])
@pytest.mark.parametrize("xy", [0.45, -0.45])
def test_energy_of_a_linear_field_is_exact(slope, xy):
    """``u . A u = scale * area * g . D g`` for a uniform tensor; 56 squares between 72 cells."""
    scale, xx, yy = 3.0, 0.7, 0.3
    tensor = [np.full(SMALL, part) for part in (xx, xy, yy)]
    matrix = dense(np.zeros(SMALL, "float32"), _solver.stencil(tensor, scale))
    row, column = np.indices(SMALL)
    field = (slope[0] * column + slope[1] * row).ravel()
    form = xx * slope[0] ** 2 + 2 * xy * slope[0] * slope[1] + yy * slope[1] ** 2
    # the diagonal is rounded to float32 before it multiplies the squares of the field
    rounding = 6e-8 * np.sum(np.diag(matrix) * field**2)
    assert rounding < 1e-3 * scale * 56 * form
    assert field @ matrix @ field == pytest.approx(scale * 56 * form, rel=1e-6, abs=rounding)


def test_stripes_along_a_diagonal_cost_only_the_diffusivity_across_them():
    """At 45 degrees the couplings follow the stripe exactly: nothing leaks out of a field that
    varies across strike, but ``across`` of what an isotropic operator would take.
    """
    row, column = np.indices((16, 16))
    field = ((-1.0) ** (row + column)).ravel()  # the finest stripes along the other diagonal
    energy = []
    for across in (0.003, 1.0):
        edges = _solver.stencil(tensor_of(np.full((16, 16), np.pi / 4), across), 1.0)
        energy.append(field @ dense(np.zeros((16, 16), "float32"), edges) @ field)
    assert energy[0] / energy[1] == pytest.approx(0.003, rel=1e-3)


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


# --- its solutions ----------------------------------------------------------------------------


def test_solution_converges_to_the_direct_one_as_the_tolerance_shrinks():
    rng, errors = np.random.default_rng(3), []
    edges = _solver.stencil(tensor_of(rng.uniform(0, np.pi, SHAPE), 0.05), 5.0)
    weight = (rng.random(SHAPE) < 0.3).astype("float32")
    total = (weight * rng.normal(0, 100, SHAPE)).astype("float32")
    system = sparse.csc_matrix(dense(weight, edges))
    exact = spsolve(system, total.ravel().astype(float)).reshape(SHAPE)
    for tolerance in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
        found = _solver.solve(weight, edges, total, np.zeros(SHAPE), tolerance=tolerance)
        errors.append(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)))
        # the least eigenvalue makes of a residual an error at most about ten times as large
        assert errors[-1] < 10 * tolerance
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-3 * errors[0]
    # a good first guess is left alone
    again = _solver.solve(weight, edges, total, exact)
    assert np.abs(again - exact).max() < 1e-4


def steps(side, monkeypatch):
    """Return how many steps of the iteration a map takes, its tracks 16 cells apart."""
    counts, descend = [], _solver.descend

    def counted(*given):
        counts.append(descend(*given))

    row, column = np.indices((side, side))
    weight = ((row % 16 == 0) | (column % 16 == 0)).astype("float32")
    total = (weight * 100 * np.sin((column + 0.4 * row) / 3)).astype("float32")
    edges = _solver.stencil(tensor_of(np.full((side, side), 0.38)), 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(_solver, "descend", counted)
        _solver.solve(weight, edges, total, np.zeros((side, side)))
    return sum(counts)


def test_cost_of_a_cell_does_not_grow_with_the_map(monkeypatch):
    """Equally dense tracks bound the system's least eigenvalue, and so the iterations."""
    small, large = (steps(side, monkeypatch) for side in (64, 512))
    assert 10 < large <= 1.15 * small


def laplacian(rows, columns):
    """Return minus the Laplacian as a sparse matrix, nothing flowing over the edges."""
    one = [sparse.diags([-np.ones(n), np.ones(n)], [0, 1], (n - 1, n)) for n in (rows, columns)]
    down, right = (part.T @ part for part in one)
    return sparse.kron(down, sparse.eye(columns)) + sparse.kron(sparse.eye(rows), right)


def test_plate_agrees_with_a_direct_solution():
    rng = np.random.default_rng(9)
    weight = (rng.random(SHAPE) < 0.3).astype("float32")
    total = (weight * rng.normal(0, 100, SHAPE)).astype("float32")
    operator = laplacian(*SHAPE)
    system = sparse.diags(weight.ravel()) + 0.5 * operator + 2.0 * operator @ operator
    direct = spsolve(system.tocsc().astype(float), total.ravel().astype(float)).reshape(SHAPE)
    solved = _solver.solve_bending(weight, total, np.zeros(SHAPE), 0.5, 2.0)
    # the relative residual ends at 1e-3; the worst cell may be off by ten times that
    assert np.abs(solved - direct).max() < 10 * _solver.TOLERANCE * np.abs(direct).max()


def test_field_and_constants_agree_with_a_direct_solution():
    """The same system with the constants as unknowns beside the field."""
    rng, shape, prior = np.random.default_rng(10), (20, 17), 1.0
    cruise = np.where(rng.random(shape) < 0.4, rng.integers(0, 5, shape), -1)
    cell = np.flatnonzero(cruise >= 0)
    which, value = cruise.ravel()[cell], rng.normal(0, 100, cell.size)
    trust = rng.uniform(0.2, 1, cell.size)
    member = sparse.csr_matrix((trust, (cell, which)), (cruise.size, 5))
    weight = np.asarray(member.sum(axis=1)).reshape(shape)
    mass = np.asarray(member.sum(axis=0)).ravel() + prior
    operator = laplacian(*shape)
    matrix = sparse.bmat(
        [[sparse.diags(weight.ravel()) + 0.5 * operator, member], [member.T, sparse.diags(mass)]]
    )
    total = np.bincount(cell, trust * value, cruise.size)
    right = np.concatenate([total, np.bincount(which, trust * value, 5)])
    direct = spsolve(matrix.tocsc(), right)
    offsets = _solver.Offsets(cell, which, trust, value, np.ones((cell.size, 1)), 5, [prior])
    layers = (
        part.reshape(shape).astype("float32") for part in (weight, total, np.zeros(total.size))
    )
    solved = _solver.solve_bending(*layers, 0.5, 0.0, offsets)
    worst = 10 * _solver.TOLERANCE * np.abs(direct).max()
    assert np.abs(solved.ravel() - direct[:-5]).max() < worst
    assert np.abs(offsets.constants(solved)[:, 0] - direct[-5:]).max() < worst


def test_plate_in_boxes_is_the_plate():
    """Solved in boxes only, the plate there is that of the whole map, away from the margin."""
    field = made_up_fields.blobs(160, np.random.default_rng(16), 5.0)
    block = read(field, 16, 0.1).astype("float32")
    grids = _pyramid.build(block, np.isfinite(block).astype("float32"))
    where = np.zeros((8, 8), bool)
    where[2:4, 3:6] = where[6, 6] = True
    whole, boxes = (_pyramid.plate(grids, 0.01, 0.05, part) for part in (None, where))
    fine = np.kron(where, np.ones((20, 20), bool))
    # of 100 nT; beyond the margin of a box, one large cell wide, the plate knows no readings
    assert np.sqrt(np.mean((whole - boxes)[fine] ** 2)) < 4.0
    assert np.abs(whole - boxes)[~ndimage.binary_dilation(fine, iterations=25)].max() > 5.0


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
    tensor = tensor_of(np.full((4, 4), np.pi / 8))
    assert min(part.min() for part in _solver.stencil(tensor, 10.0)) < -0.5
    excess = [step_response(np.radians(angle), 0.003) for angle in (10, 22.5, 35)]
    # 1.7, 1.2 and 0.8 percent: far more than the tolerance of 0.1, far less than the spot
    assert min(excess) > 5 * _solver.TOLERANCE and max(excess) < 0.025


def test_least_diffusivity_across_that_keeps_the_maximum_principle():
    """At 22.5 degrees, the worst: ``yy = |xy|`` gives tan^2 (pi / 8) = 0.17."""
    for across, kept in ((0.18, True), (0.16, False)):
        edges = _solver.stencil(tensor_of(np.full((4, 4), np.pi / 8), across), 10.0)
        assert (min(part.min() for part in edges) >= 0) == kept


def test_tiles_change_the_solution_by_no_more_than_the_tolerance(monkeypatch):
    """A map in tiles and in one piece: both stop at the same residual, and agree as far as that."""
    solver_tolerance, rng, side = _solver.TOLERANCE, np.random.default_rng(31), 150
    angle = ndimage.gaussian_filter(rng.uniform(0, np.pi, (side, side)), 12) * 8
    edges = _solver.stencil([part.astype("float32") for part in tensor_of(angle)], 2.0)
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


@pytest.mark.parametrize("tile_cells", [_solver.TILE_CELLS, 40])
def test_guided_repeats_to_the_bit(monkeypatch, tile_cells):
    """Wherever its arrays lie; and in tiles, whose threads write to places of their own."""
    monkeypatch.setattr(_solver, "TILE_CELLS", tile_cells)
    rng = np.random.default_rng(24)
    grid = made_up_fields.survey(made_up_fields.blobs(96, rng), rng, 0.05)
    found, between = set(), []
    for number in range(8):
        again = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
        found.add(again["anomaly"].to_numpy().tobytes())
        between.append(np.ones(1000 + 37 * number))  # moves what is allocated after it
    assert len(found) == 1
