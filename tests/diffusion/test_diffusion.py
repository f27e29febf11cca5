"""Diffusion and its solver: the operator in closed cases, and stripes restored from tracks."""

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from helpers import diffusion, gridding
from helpers.diffusion import _solver, _structure
from registry_files import fetch_or_skip
from studies import made_up_fields

AMPLITUDE = 100.0  # of the stripes made here (nT)


# --- the operator -----------------------------------------------------------------------------


def random_tensor(shape, seed, across=0.003):
    """Return a diffusion tensor of random directions, with eigenvalues 1 and `across`."""
    angle = np.random.default_rng(seed).uniform(0, np.pi, shape)
    cos, sin = np.cos(angle), np.sin(angle)
    return across * cos**2 + sin**2, (across - 1) * cos * sin, across * sin**2 + cos**2


def dense(weight, edges):
    """Return the operator as a matrix, one column for each unit vector."""
    size, columns = weight.size, []
    for number in range(size):
        unit, out = np.zeros((2, *weight.shape), "float32")
        unit.flat[number] = 1
        _solver.apply(weight, *edges, unit, out)
        columns.append(out.ravel())
    return np.array(columns, float).T


@pytest.fixture(scope="module")
def operator():
    edges = _solver.stencil(random_tensor((8, 9), 1), 5.0)
    return dense(np.zeros((8, 9), "float32"), edges)


def test_operator_is_symmetric_and_semidefinite_and_annihilates_constants(operator):
    # every coupling is one float32 number used for both its cells: symmetric to the bit
    np.testing.assert_array_equal(operator, operator.T)
    values = np.linalg.eigvalsh(operator)
    # couplings of up to 5 in float32, eight of them in a cell
    assert values[0] > -8 * 5 * 6e-8 and values[-1] > 5
    assert np.abs(operator.sum(axis=1)).max() < 8 * 5 * 6e-8
    # nothing but constants: the next eigenvalue is well above the rounding
    assert values[1] > 1e-4


def test_diagonal_is_that_of_the_operator(operator):
    edges = _solver.stencil(random_tensor((8, 9), 1), 5.0)
    weight = np.random.default_rng(2).uniform(0, 1, (8, 9)).astype("float32")
    expected = np.diag(operator) + weight.ravel()
    diagonal = _solver._diagonal(weight, *edges).ravel()
    np.testing.assert_allclose(diagonal, expected, rtol=1e-6)


@pytest.mark.parametrize("slope", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8), (2.0, 3.0)])
@pytest.mark.parametrize("xy", [0.45, -0.45])
def test_energy_of_a_linear_field_is_exact(slope, xy):
    """``u . A u = scale * area * g . D g`` for a uniform tensor; 56 squares between 72 cells."""
    scale, xx, yy = 3.0, 0.7, 0.3
    tensor = [np.full((8, 9), part) for part in (xx, xy, yy)]
    matrix = dense(np.zeros((8, 9), "float32"), _solver.stencil(tensor, scale))
    row, column = np.indices((8, 9))
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
    across, shape = 0.003, (16, 16)
    row, column = np.indices(shape)
    field = ((-1.0) ** (row + column)).ravel()  # the finest stripes along the other diagonal
    cos = sin = np.sqrt(0.5)
    low = [across * cos**2 + sin**2, (across - 1) * cos * sin, across * sin**2 + cos**2]
    tensor = [np.full(shape, part) for part in low]
    matrix = dense(np.zeros(shape, "float32"), _solver.stencil(tensor, 1.0))
    one = [np.full(shape, part) for part in (1.0, 0.0, 1.0)]
    isotropic = dense(np.zeros(shape, "float32"), _solver.stencil(one, 1.0))
    share = (field @ matrix @ field) / (field @ isotropic @ field)
    assert share == pytest.approx(across, rel=1e-3)


def test_conjugate_gradients_agree_with_a_direct_solution():
    shape = (24, 31)
    rng = np.random.default_rng(3)
    edges = _solver.stencil(random_tensor(shape, 4, 0.05), 5.0)
    weight = (rng.random(shape) < 0.3).astype("float32")
    total = (weight * rng.normal(0, 100, shape)).astype("float32")
    system = sparse.csc_matrix(dense(weight, edges))
    direct = spsolve(system, total.ravel().astype(float)).reshape(shape)
    solved = _solver.solve(weight, edges, total, np.zeros(shape))
    # the iteration ends at a relative residual of 1e-3; the least eigenvalue of the system with
    # a third of all cells fixed lets the error of the solution be about ten times that
    assert np.abs(solved - direct).max() < 10 * _solver.TOLERANCE * np.abs(direct).max()
    # a good first guess is left alone
    again = _solver.solve(weight, edges, total, direct)
    assert np.abs(again - direct).max() < 1e-4


# --- orientation ------------------------------------------------------------------------------


def plane_wave(shape, strike_deg, wavelength, phase=0.0):
    """Return stripes of a strike (clockwise from north); rows go north, columns east."""
    row, column = np.indices(shape)
    strike = np.radians(strike_deg)
    across = column * np.cos(strike) - row * np.sin(strike)
    return AMPLITUDE * np.sin(2 * np.pi * across / wavelength + phase)


def axial(difference_deg):
    """Return the angle between two directions without sense, 0 to 90 degrees."""
    return np.abs((np.asarray(difference_deg) + 90) % 180 - 90)


@pytest.mark.parametrize("strike", [0, 25, 90, 135, 178])
def test_structure_tensor_finds_the_strike_of_a_plane_wave(strike):
    field = plane_wave((96, 96), strike, 12)
    tensor = diffusion.structure_tensor(field, np.ones_like(field), 1.0, 8.0)
    angle, coherence = diffusion.orientation(tensor)
    inner = (slice(12, -12),) * 2  # of cells twice as large: edges of the map bend the gradient
    assert axial(np.degrees(-angle[inner]) - strike).max() < 0.5
    assert coherence[inner].min() > 0.99


def test_diffusion_tensor_has_the_stated_eigenvalues():
    angle, across = 0.4, 0.003
    cos, sin = np.cos(angle), np.sin(angle)
    for coherence in (1.0, 0.5, 0.0):
        high, low = 1 + coherence, 1 - coherence  # coherence is (high - low) / (high + low)
        xx, yy = high * cos**2 + low * sin**2, high * sin**2 + low * cos**2
        parts = (xx, (high - low) * cos * sin, yy)
        tensor = np.array([np.full((8, 8), part) for part in parts])
        xx, xy, yy = (part[0, 0] for part in _structure.diffusion_tensor(tensor, (8, 8), across))
        values, vectors = np.linalg.eigh([[xx, xy], [xy, yy]])
        expected = across + (1 - across) * (1 - coherence) ** 3
        np.testing.assert_allclose(values, [expected, 1.0], atol=1e-6)  # float32
        if coherence:
            assert abs(vectors[:, 0] @ [cos, sin]) == pytest.approx(1, abs=1e-6)  # low across


# --- guided -----------------------------------------------------------------------------------


def tracks(shape, seed, coverage=0.1):
    """Return cells on straight lines in random directions."""
    rng = np.random.default_rng(seed)
    crossed = np.zeros(shape, bool)
    along = np.arange(-300, 300, 0.5)
    while crossed.mean() < coverage:
        angle, centre = rng.uniform(0, np.pi), rng.uniform(0, shape)
        row = np.rint(centre[0] + along * np.sin(angle)).astype(int)
        column = np.rint(centre[1] + along * np.cos(angle)).astype(int)
        inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
        crossed[row[inside], column[inside]] = True
    return crossed


def correlation(one, other):
    return np.corrcoef(np.nan_to_num(one).ravel(), other.ravel())[0, 1]


@pytest.fixture(scope="module")
def striped():
    """Return truth, track data and the guided solution of stripes that strike 65 degrees."""
    truth = plane_wave((128, 128), 65, 14)
    block = np.where(tracks(truth.shape, 3), truth, np.nan)
    return truth, block, diffusion.guided(block)


@pytest.mark.parametrize("strike", [0, 20, 65, 110, 150])
def test_guided_restores_stripes_that_interpolation_breaks(strike):
    truth = plane_wave((128, 128), strike, 14)
    block = np.where(tracks(truth.shape, 3), truth, np.nan)
    result = diffusion.guided(block, uncertainty=False)
    linear = correlation(gridding.interpolate(block), truth)
    guided = correlation(result.anomaly.values, truth)
    assert guided > 0.9 and guided > linear + 0.4
    error = axial(result.strike_deg.values - strike)
    assert np.median(error) < 1.0 and np.percentile(error, 95) < 5.0
    assert np.median(result.coherence) > 0.5


def test_guided_with_noise_still_beats_interpolation():
    truth = plane_wave((128, 128), 30, 14)
    noise = np.random.default_rng(5).normal(0, 20, truth.shape)
    block = np.where(tracks(truth.shape, 3), truth + noise, np.nan)
    result = diffusion.guided(block, uncertainty=False)
    guided = correlation(result.anomaly.values, truth)
    assert guided > 0.9 and guided > correlation(gridding.interpolate(block), truth) + 0.4
    assert np.median(axial(result.strike_deg.values - 30)) < 5.0


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize(("percent", "least"), [(5, 0.9), (10, 0.95), (20, 0.97)])
def test_guided_on_the_stripe_maps_of_the_registry(percent, least, seed):
    with np.load(fetch_or_skip(f"stripes/stripes_{percent:02d}pct_{seed}.npz")) as file:
        truth, linear, track = file["truth"], file["linear"], file["track"]
    result = diffusion.guided(np.where(track, linear, np.nan), uncertainty=False)
    guided = correlation(result.anomaly.values, truth)
    assert guided > least
    assert 1 - guided < 0.6 * (1 - correlation(linear, truth))


def test_guided_honours_the_data_where_smoothing_is_tiny(striped):
    _, block, _ = striped
    result = diffusion.guided(block, smoothing=1e-4, uncertainty=False)
    track = np.isfinite(block)
    # a cell gives way by smoothing * |A u| / W: at most 1e-4 * 8 neighbours * 200 nT
    assert np.abs(result.anomaly.values - block)[track].max() < 0.16
    assert np.isfinite(result.anomaly.values).all()


def test_guided_follows_the_weights():
    """A cell that contradicts all others counts if it is trusted and not if it is not."""
    block = np.full((32, 32), np.nan)
    block[::4] = 20.0
    block[16, 16] = 500.0
    trusted, doubted = np.ones((2, 32, 32))
    trusted[16, 16], doubted[16, 16] = 1000.0, 1e-6
    near = [
        float(diffusion.guided(block, weight, uncertainty=False).anomaly[16, 16])
        for weight in (trusted, doubted)
    ]
    assert near[0] > 450 and near[1] == pytest.approx(20, abs=0.1)


def test_guided_of_an_array_equals_that_of_a_grid(striped):
    _, block, of_array = striped
    coords = {"northing": 5 + 2.0 * np.arange(128), "easting": -9 + 2.0 * np.arange(128)}
    grid = xr.DataArray(
        block, coords, ("northing", "easting"), attrs={"units": "nT", "crs": "+proj=merc"}
    )
    of_grid = diffusion.guided(grid)
    for name in of_array:
        np.testing.assert_array_equal(of_array[name].values, of_grid[name].values)
        assert of_grid[name].dims == grid.dims and of_grid[name].attrs["crs"] == "+proj=merc"
    np.testing.assert_array_equal(of_grid.easting, grid.easting)
    units = {name: part.attrs["units"] for name, part in of_grid.items()}
    assert units == {
        "anomaly": "nT", "strike_deg": "degree", "coherence": "1", "uncertainty_nt": "nT",
        "continuity": "1",
    }  # fmt: skip


def test_guided_leaves_a_constant_constant():
    block = np.where(tracks((100, 75), 6), -37.0, np.nan)
    result = diffusion.guided(block)
    # the residual is measured against data of 37 nT; the constant itself solves the system
    np.testing.assert_allclose(result.anomaly, -37.0, atol=37e-3)
    np.testing.assert_allclose(result.uncertainty_nt, gridding.NOISE_NT, atol=0.1)


def test_guided_stays_within_the_range_of_the_data(striped):
    """Linear elements keep no exact maximum principle for so strong an anisotropy.

    Between the tracks the excess is a few percent.  Beyond their hull slopes are carried on along
    strike, up to a tenth of the range of the data; a corner there is a guess in any case.
    """
    truth, block, result = striped
    excess = np.abs(result.anomaly.values) - np.nanmax(np.abs(block))
    between = np.isfinite(gridding.interpolate(block))
    assert 0.9 < between.mean() < 1.0
    assert excess[between].max() < 0.1 * AMPLITUDE
    assert excess.max() == pytest.approx(0.1 * np.ptp(block[np.isfinite(block)]), rel=1e-3)
    assert (excess > 0).mean() < 0.02
    noise = np.random.default_rng(7).normal(0, AMPLITUDE, truth.shape)
    rough = np.where(np.isfinite(block), noise, np.nan)
    found = diffusion.guided(rough, uncertainty=False).anomaly.values
    assert np.abs(found).max() < np.nanmax(np.abs(rough))


@pytest.mark.parametrize(
    ("turn", "turn_back", "strike_after"),
    [
        # rows are northing, so a step of np.rot90 turns the map by 90 degrees clockwise
        (np.rot90, lambda part: np.rot90(part, -1), lambda strike: strike + 90),
        (lambda part: part[:, ::-1], lambda part: part[:, ::-1], lambda strike: -strike),
        (np.transpose, np.transpose, lambda strike: 90 - strike),
    ],
    ids=["quarter turn", "mirror", "transpose"],
)
def test_guided_turns_with_the_map(striped, turn, turn_back, strike_after):
    _, block, result = striped
    turned = diffusion.guided(np.ascontiguousarray(turn(block)))
    # equal but for the order of sums, which moves the iteration's end within its tolerance: a
    # relative residual of 1e-3, ten times that in the worst cell far from data
    difference = turn_back(turned.anomaly.values) - result.anomaly.values
    assert np.abs(difference).max() < 1e-2 * AMPLITUDE
    assert np.sqrt(np.mean(difference**2)) < 3e-3 * AMPLITUDE
    strike = strike_after(result.strike_deg.values)
    assert axial(turn_back(turned.strike_deg.values) - strike).max() < 0.5


def test_guided_uncertainty_tells_where_data_are_far(striped):
    _, block, result = striped
    error = result.uncertainty_nt.values
    distance = ndimage.distance_transform_edt(np.isnan(block))
    order = np.argsort(distance, axis=None, kind="stable")
    assert (np.diff(error.ravel()[order]) > -1e-3).all()
    assert error.min() >= gridding.NOISE_NT
    assert error[distance > 6].mean() > error[distance <= 1].mean() + 5


def test_guided_without_enough_tracks_to_withhold_says_so_with_nan():
    block = np.full((40, 40), np.nan)
    block[30, 30:38] = 50.0  # one tile, too few cells to measure an error on
    result = diffusion.guided(block)
    assert np.isnan(result.uncertainty_nt).all() and np.isfinite(result.anomaly).all()


@pytest.mark.parametrize("function", [diffusion.guided, diffusion.classical])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(64), r"shape \(64,\).*2-D"),
        (np.zeros((4, 64, 64)), r"shape \(4, 64, 64\)"),
        (np.zeros((7, 64)), r"shape \(7, 64\).*8 x 8"),
        (np.full((16, 16), np.nan), "no data"),
        (xr.DataArray(np.zeros(64)), r"shape \(64,\).*2-D"),
    ],
    ids=["1-D", "3-D", "too small", "all NaN", "1-D DataArray"],
)
def test_bad_grids_are_clear_errors(function, values, message):
    with pytest.raises(ValueError, match=message):
        function(values)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((16, 15)), r"weight has shape \(16, 15\)"),
        (np.full((16, 16), -1.0), "not negative"),
        (np.full((16, 16), np.nan), "finite"),
        (np.full((16, 16), np.inf), "finite"),
        (np.zeros((16, 16)), "above 0"),
        (np.pad([[1.0]], ((15, 0), (15, 0))), "above 0"),  # only where there is no data
    ],
    ids=["shape", "negative", "NaN", "infinite", "zero", "zero on the tracks"],
)
def test_bad_weights_are_clear_errors(weight, message):
    block = np.full((16, 16), np.nan)
    block[3] = 1.0
    with pytest.raises(ValueError, match=message):
        diffusion.guided(block, weight)


# --- classical --------------------------------------------------------------------------------


def test_classical_smooths_along_stripes_and_not_across_them():
    truth = plane_wave((96, 96), 30, 12)
    noise = np.random.default_rng(8).normal(0, 50, truth.shape)
    result = diffusion.classical(truth + noise)
    left = result.anomaly.values - truth
    inner = (slice(10, -10),) * 2
    # over a length of 2 sqrt(2 * 40) = 18 cells and one across, 50 nT of noise average to 15 nT
    assert np.sqrt(np.mean(left[inner] ** 2)) < 15
    share = np.sum(result.anomaly.values * truth) / np.sum(truth**2)
    assert 0.9 < share < 1.0
    assert np.median(axial(result.strike_deg.values[inner] - 30)) < 2


@pytest.mark.parametrize("time", [0.5, 40.0, 1e4, 1e7])
def test_classical_is_stable_and_preserves_the_mean(time):
    rng = np.random.default_rng(9)
    field = plane_wave((64, 80), 110, 12) + rng.normal(30, 40, (64, 80))
    result = diffusion.classical(field, time_cells2=time).anomaly.values
    assert np.isfinite(result).all()
    # diffusion moves nothing in or out; what the iteration leaves undone is within 1e-3 of the
    # field in each of four steps
    size = np.sqrt(np.mean(field**2))
    assert abs(result.mean() - field.mean()) < 4 * _solver.TOLERANCE * size
    assert result.std() < field.std() and np.abs(result).max() < np.abs(field).max()


def test_classical_for_ever_ends_in_the_mean():
    """Isotropic noise has no direction to keep: a very long time leaves next to nothing."""
    field = np.random.default_rng(10).normal(0, 50, (40, 40))
    left = [diffusion.classical(field, time_cells2=t).anomaly.values.std() for t in (1, 1e2, 1e5)]
    assert left[0] > left[1] > left[2] and left[2] < 1


def test_classical_keeps_nan_cells_nan_and_ignores_them():
    field = plane_wave((64, 64), 30, 12)
    holed = field.copy()
    holed[20:30, 40:52] = np.nan
    holed[:5] = np.nan
    result, whole = (diffusion.classical(part).anomaly.values for part in (holed, field))
    np.testing.assert_array_equal(np.isnan(result), np.isnan(holed))
    far = np.s_[40:, :30]  # more than the smoothing length from any hole
    assert np.abs(result - whole)[far].max() < 0.05 * AMPLITUDE


def test_no_estimate_of_strike_is_refused():
    with pytest.raises(ValueError, match="reestimations"):
        diffusion.guided(np.eye(16), reestimations=0)


@pytest.mark.parametrize("noise", [30.0, 80.0])
def test_expected_error_on_the_tracks(noise):
    """It is that of a reading: cautious where noise is independent, and is smoothed away."""
    rng, truth = np.random.default_rng(21), plane_wave((160, 160), 50, 18)
    track = tracks((160, 160), 21)
    block = np.where(track, truth + rng.normal(0, noise, truth.shape), np.nan)
    result = diffusion.guided(block)
    # the stripes themselves leave a residual, too: up to a fifth
    expected = np.sqrt(np.mean(result.uncertainty_nt.values[track] ** 2))
    assert expected == pytest.approx(noise, rel=0.2)
    true = np.sqrt(np.mean((result.anomaly.values - truth)[track] ** 2))
    assert true < expected < 4 * true


def test_guided_repeats_to_the_bit_wherever_its_arrays_lie():
    rng = np.random.default_rng(24)
    grid = made_up_fields.survey(made_up_fields.blobs(96, rng), rng, 0.05)
    found, between = set(), []
    for number in range(8):
        again = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
        found.add(again["anomaly"].to_numpy().tobytes())
        between.append(np.ones(1000 + 37 * number))  # moves what is allocated after it
    assert len(found) == 1
