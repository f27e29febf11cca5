"""Diffusion: stripes restored from tracks, noise taken off a map, and what is kept on the way."""

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from helpers import diffusion, gridding
from helpers._shared import agreement, axial_difference
from helpers.diffusion import _solver, _structure
from striped import AMPLITUDE, read, stripes, survey
from studies import made_up_fields

# --- orientation ------------------------------------------------------------------------------


@pytest.mark.parametrize("strike", [0, 25, 90, 135, 178])
def test_structure_tensor_finds_the_strike_of_a_plane_wave(strike):
    field = stripes((96, 96), strike, 12)
    tensor = diffusion.structure_tensor(field, np.ones_like(field), 1.0, 8.0)
    angle, coherence = diffusion.orientation(tensor)
    inner = (slice(12, -12),) * 2  # of cells twice as large: edges of the map bend the gradient
    assert axial_difference(np.degrees(-angle[inner]), strike).max() < 0.5
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


@pytest.fixture(scope="module")
def striped():
    """Return truth, track data and the guided solution of stripes that strike 65 degrees."""
    truth = stripes((128, 128), 65, 14)
    block = read(truth, 3, 0.1)
    return truth, block, diffusion.guided(block)


@pytest.mark.parametrize(
    ("strike", "noise_nt"), [(0, 0), (20, 0), (65, 0), (110, 0), (150, 0), (30, 20)]
)
def test_guided_restores_stripes_that_interpolation_breaks(strike, noise_nt):
    truth = stripes((128, 128), strike, 14)
    block = read(truth + np.random.default_rng(5).normal(0, noise_nt, truth.shape), 3, 0.1)
    result = diffusion.guided(block, uncertainty=False)
    linear = agreement(np.nan_to_num(gridding.interpolate(block)), truth)
    guided = agreement(result.anomaly.values, truth)
    assert guided > 0.9 and guided > linear + 0.4
    error = axial_difference(result.strike_deg.values, strike)
    if noise_nt:
        assert np.median(error) < 5.0
    else:
        assert np.median(error) < 1.0 and np.percentile(error, 95) < 5.0
        assert np.median(result.coherence) > 0.5


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize(("share", "least"), [(0.05, 0.9), (0.1, 0.95), (0.2, 0.97)])
def test_guided_on_stripe_maps_with_fracture_zones(share, least, seed):
    made = made_up_fields.stripe_map(share, seed)
    block, truth = made["block"].to_numpy(), made["truth"].to_numpy()
    guided = agreement(diffusion.guided(block, uncertainty=False).anomaly.values, truth)
    assert guided > least
    assert 1 - guided < 0.6 * (1 - agreement(gridding.interpolate(block), truth))


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


@pytest.mark.parametrize(
    "where",
    [
        np.s_[3, 4],  # a single reading
        np.s_[20, :],  # a single track
        np.s_[:, ::30],  # parallel tracks
        np.s_[2:6, 2:6],  # an island of data
        np.s_[:, :],  # everywhere
    ],
    ids=["cell", "track", "parallel", "island", "full"],
)
@pytest.mark.parametrize("shape", [(37, 101), (64, 50)])
def test_any_lay_of_the_tracks_is_answered(where, shape):
    """Finite everywhere, coherence and strike in range, and a constant stays what it is."""
    block, cruise = np.full(shape, np.nan), np.full(shape, -1)
    block[where], cruise[where] = 25.0, 0
    result = diffusion.guided(block)
    # the residual is measured against data of 25 nT; the constant itself solves the system
    np.testing.assert_allclose(result.anomaly, 25.0, atol=25e-3)
    error = result.uncertainty_nt.fillna(gridding.NOISE_NT)  # too few tracks to withhold any: NaN
    np.testing.assert_allclose(error, gridding.NOISE_NT, atol=0.1)
    assert (result.coherence.values >= 0).all() and (result.coherence.values <= 1).all()
    assert (result.strike_deg.values >= 0).all() and (result.strike_deg.values < 180.1).all()
    shared = diffusion.guided(block, uncertainty=False, known=diffusion.Known(cruise=cruise))
    # one constant and one cruise: the prior leaves it to the field but for one reading's worth
    assert np.isfinite(shared.anomaly).all() and np.isfinite(shared.offset_nt).all()
    known = diffusion.Known(cruise=np.full(shape, -1))
    nameless = diffusion.guided(block, uncertainty=False, known=known)
    np.testing.assert_array_equal(nameless.anomaly, result.anomaly)


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
    assert (excess > 0).mean() < 0.03
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
    assert axial_difference(turn_back(turned.strike_deg.values), strike).max() < 0.5


def test_guided_uncertainty_tells_where_data_are_far(striped):
    _, block, result = striped
    error = result.uncertainty_nt.values
    distance = ndimage.distance_transform_edt(np.isnan(block))
    order = np.argsort(distance, axis=None, kind="stable")
    assert (np.diff(error.ravel()[order]) > -1e-3).all()
    assert error.min() >= gridding.NOISE_NT
    assert error[distance > 6].mean() > error[distance <= 1].mean() + 5


@pytest.mark.parametrize("noise", [30.0, 80.0])
def test_expected_error_on_the_tracks(noise):
    """It is that of a reading: cautious where noise is independent, and is smoothed away."""
    rng, truth = np.random.default_rng(21), stripes((160, 160), 50, 18)
    track = survey(21, 0.1) >= 0
    block = np.where(track, truth + rng.normal(0, noise, truth.shape), np.nan)
    result = diffusion.guided(block)
    # the stripes themselves leave a residual, too: up to a fifth
    expected = np.sqrt(np.mean(result.uncertainty_nt.values[track] ** 2))
    assert expected == pytest.approx(noise, rel=0.2)
    true = np.sqrt(np.mean((result.anomaly.values - truth)[track] ** 2))
    assert true < expected < 4 * true


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
        (np.full((16, 16), np.nan), "holds no data.*Check region and tracks"),
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
    truth = stripes((96, 96), 30, 12)
    noise = np.random.default_rng(8).normal(0, 50, truth.shape)
    result = diffusion.classical(truth + noise)
    left = result.anomaly.values - truth
    inner = (slice(10, -10),) * 2
    # over a length of 2 sqrt(2 * 40) = 18 cells and one across, 50 nT of noise average to 15 nT
    assert np.sqrt(np.mean(left[inner] ** 2)) < 15
    share = np.sum(result.anomaly.values * truth) / np.sum(truth**2)
    assert 0.9 < share < 1.0
    assert np.median(axial_difference(result.strike_deg.values[inner], 30)) < 2


def test_classical_restores_stripes_of_any_strike_alike():
    noise, found = np.random.default_rng(4).normal(0, 70, (128, 128)), []
    for strike in (0, 15, 30, 45, 60, 75):
        truth = stripes((128, 128), strike, 14)
        smooth = diffusion.classical(truth + noise).anomaly.values
        found.append(agreement(smooth, truth))
    assert min(found) > 0.9 and max(found) - min(found) < 0.03


@pytest.mark.parametrize("time", [0.5, 40.0, 1e4, 1e7])
def test_classical_is_stable_and_preserves_the_mean(time):
    rng = np.random.default_rng(9)
    field = stripes((64, 80), 110, 12) + rng.normal(30, 40, (64, 80))
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


@pytest.mark.parametrize("turn", [np.rot90, np.transpose, np.flipud, np.fliplr])
def test_classical_turns_with_the_map(turn):
    field = np.random.default_rng(2).normal(0, 50, (48, 60)).astype("float32")
    one = turn(diffusion.classical(field).anomaly.values)
    other = diffusion.classical(np.ascontiguousarray(turn(field))).anomaly.values
    # sums in another order move the end of the iteration within its tolerance
    assert np.abs(one - other).max() < 10 * _solver.TOLERANCE * np.abs(field).max()


def test_classical_keeps_nan_cells_nan_and_ignores_them():
    field = stripes((64, 64), 30, 12)
    holed = field.copy()
    holed[20:30, 40:52] = np.nan
    holed[:5] = np.nan
    result, whole = (diffusion.classical(part).anomaly.values for part in (holed, field))
    np.testing.assert_array_equal(np.isnan(result), np.isnan(holed))
    far = np.s_[40:, :30]  # more than the smoothing length from any hole
    assert np.abs(result - whole)[far].max() < 0.05 * AMPLITUDE
