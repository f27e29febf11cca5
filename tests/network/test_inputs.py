"""What a network sees: what each channel means, what is masked, and how patches are cut."""

import numpy as np
import pytest
import xarray as xr

import toys
from helpers import data, diffusion, network
from helpers.network import _inputs
from studies import cases


def grid_of(block, anomaly=None, **layers):
    """Return a gridded dataset as `helpers.gridding` makes it."""
    anomaly = block if anomaly is None else anomaly
    return toys.grid({"anomaly": anomaly, "block": block} | layers)


# --- channels ---------------------------------------------------------------------------------


def test_amplitude_of_readings_of_one_size_is_that_size():
    """Readings of +-80 nT, however few and uneven, have an amplitude of 80 nT everywhere."""
    rng = np.random.default_rng(1)
    block = np.full((150, 180), np.nan)
    chosen = rng.random(block.shape) < np.linspace(0.02, 0.5, 180)
    block[chosen] = 80 * rng.choice([-1, 1], chosen.sum())
    # a thousandth of an nT is added to the overall amplitude, and sums are of float32
    np.testing.assert_allclose(_inputs.amplitude(block), 80.0, rtol=1e-4)


def test_amplitude_follows_the_data_from_place_to_place():
    block = np.full((64, 400), np.nan)
    block[::8] = np.where(np.arange(400) < 200, 20.0, 200.0)
    amplitude = _inputs.amplitude(block)
    # beyond three widths of the Gaussian (96 cells) the other half counts only in the overall
    # amplitude (142 nT), which weighs 1e-4 against the share of cells on tracks: 1/8, half of
    # that at an edge, a quarter in a corner.  20 * (1 + 1e-4 * 49 / (2 / 32)) = 21.6
    np.testing.assert_allclose(amplitude[:, :100], 20, rtol=0.09)
    np.testing.assert_allclose(amplitude[:, 300:], 200, rtol=0.002)
    assert (np.diff(amplitude[32, 100:300]) > -1e-3).all()


def test_amplitude_far_from_all_data_is_that_of_all_data():
    block = np.full((400, 400), np.nan)
    block[5:25, 5:25] = 30.0
    assert _inputs.amplitude(block)[390, 390] == pytest.approx(30.0, rel=1e-3)


def test_channels_are_the_scaled_anomaly_and_the_nearness():
    rng = np.random.default_rng(2)
    anomaly = 50 * rng.choice([-1.0, 1.0], (140, 130))
    distance = rng.uniform(0, 40, anomaly.shape)
    anomaly[3, 4] = np.nan
    stack = network.channels(grid_of(anomaly, distance_km=distance))
    assert stack.shape == (140, 130, len(network.CHANNELS)) and stack.dtype == "float32"
    expected = np.nan_to_num(anomaly / 50)
    np.testing.assert_allclose(stack[..., 0], expected, atol=1e-3)
    assert stack[3, 4, 0] == 0
    np.testing.assert_allclose(stack[..., 1], np.exp(-distance / _inputs.NEARNESS_KM), rtol=1e-6)


def test_scale_comes_from_the_tracks_and_not_from_the_map():
    """A map made smoother than its data keeps its place on the data's scale."""
    block = np.full((128, 128), np.nan)
    block[::5] = 100.0
    smooth = np.full((128, 128), 25.0)
    stack = network.channels(grid_of(block, smooth, distance_km=0))
    np.testing.assert_allclose(stack[..., 0], 0.25, rtol=1e-3)


def test_channels_do_not_change_with_the_unit_and_are_clipped():
    rng = np.random.default_rng(3)
    field = rng.laplace(0, 60, (128, 128))
    field[64, 64] = 1e5
    one, ten = (network.channels(grid_of(factor * field))[..., 0] for factor in (1, 10))
    np.testing.assert_allclose(one, ten, rtol=1e-4, atol=1e-6)
    assert one[64, 64] == 4.0 and np.abs(one).max() == 4.0


def test_map_without_tracks_counts_as_data_everywhere():
    field = xr.DataArray(np.full((64, 48), -20.0), dims=("northing", "easting"))
    stack = network.channels(field)
    np.testing.assert_allclose(stack[..., 0], -1, rtol=1e-3)
    np.testing.assert_array_equal(stack[..., 1], 1)


def test_truth_is_masked_where_nothing_can_be_known():
    label = np.zeros((4, 5))
    label[2] = 1
    distance = np.tile([0.0, 23.9, 24.0, 24.1, 80.0], (4, 1))
    anomaly = np.ones((4, 5))
    anomaly[0, 0] = np.nan
    truth = grid_of(anomaly, label=label, strike_deg=30.0)
    stack = network.truth_channels(truth, grid_of(anomaly, distance_km=distance))
    expected = np.tile([1, 1, 1, 0, 0], (4, 1))
    expected[0, 0] = 0
    np.testing.assert_array_equal(stack[..., 0], label)
    np.testing.assert_array_equal(stack[..., 1], expected)
    np.testing.assert_allclose(stack[..., 2], 0.5, rtol=1e-6)  # cos 60 degrees
    np.testing.assert_allclose(stack[..., 3], np.sqrt(0.75), rtol=1e-6)
    assert stack.shape == (4, 5, 4) and stack.dtype == "float32"


# --- maps and pairs ---------------------------------------------------------------------------


def test_maps_are_what_their_names_say():
    rng = np.random.default_rng(4)
    block = np.where(rng.random((48, 48)) < 0.3, rng.normal(0, 50, (48, 48)), np.nan)
    weight = np.where(np.isfinite(block), rng.uniform(0.2, 1, block.shape), 0)
    anomaly = rng.normal(0, 50, block.shape)
    grid = grid_of(block, anomaly, weight=weight)
    assert cases.as_seen(grid, "raw").identical(grid)
    classical, guided = (cases.as_seen(grid, name).anomaly for name in ("classical", "guided"))
    np.testing.assert_array_equal(classical, diffusion.classical(anomaly).anomaly)
    np.testing.assert_array_equal(
        guided, diffusion.guided(block, weight, uncertainty=False).anomaly
    )
    for made in (classical, guided):
        assert made.dims == ("northing", "easting") and made.attrs["units"] == "nT"


def test_unknown_map_is_a_clear_error():
    with pytest.raises(ValueError, match="'diffused'; choose one of raw, classical, both, guided"):
        cases.as_seen(grid_of(np.zeros((8, 8))), "diffused")


def test_guided_map_made_already_is_taken():
    block = np.random.default_rng(8).normal(0, 50, (48, 48))
    grid = grid_of(block, distance_km=0.0, weight=1.0)
    flat = grid.assign(anomaly=0 * grid["anomaly"])
    assert (network.channels(cases.as_seen(grid, "guided", flat))[..., 0] == 0).all()


def test_channels_that_a_map_does_not_have_are_a_clear_error():
    with pytest.raises(ValueError, match="no linear; give what diffusion.guided"):
        network.channels(grid_of(np.ones((64, 64))), _inputs.LAYERS["both"])


# --- cutting ----------------------------------------------------------------------------------


def test_cut_takes_the_patches_from_their_corners():
    stack = np.arange(150 * 170 * 2).reshape(150, 170, 2)
    corners = [(0, 0), (22, 42), (5, 7)]
    cut = network.cut(stack, corners)
    assert cut.shape == (3, network.SIZE, network.SIZE, 2)
    for piece, (row, column) in zip(cut, corners, strict=True):
        assert piece[0, 0, 0] == stack[row, column, 0]
        assert piece[-1, -1, 1] == stack[row + 127, column + 127, 1]


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (23, 0), (0, 43), (500, 500)])
def test_cutting_beyond_the_map_is_a_clear_error(corner):
    with pytest.raises(ValueError, match="reaches beyond the map of 150 x 170.*0 to 22 and 42"):
        network.cut(np.zeros((150, 170, 2)), [(0, 0), corner])


def test_dropped_cruises_are_dropped():
    _, whole, _ = cases.region_grid("reykjanes", 0.02, 3)
    _, part, _ = cases.region_grid("reykjanes", 0.02, 3, kept=0.5)
    cruises, fewer = set(whole["cruise"]), set(part["cruise"])
    assert fewer < cruises and len(fewer) == pytest.approx(len(cruises) / 2, abs=0.51)


def test_maps_of_a_region_lie_on_one_grid():
    """A small region through the whole way: simulated seafloor, cruises, grid and maps."""
    truth, _, grid = cases.region_grid("reykjanes", 0.05, 3)
    assert truth.anomaly.shape == grid.anomaly.shape
    np.testing.assert_array_equal(truth.easting, grid.easting)
    assert grid.attrs["source"] == truth.attrs["source"] == "simulated"
    assert grid.attrs["crs"] == data.region("reykjanes").crs
    on_track = np.isfinite(grid.block.values)
    # cruises cover 5 % of the box, land and the corners beyond the age grid included
    assert 0.03 < on_track.mean() < 0.06
    # where the map is flat, a reading differs from it by the errors of ships alone: 19 nT, and
    # by 10 nT per km of their position, 2.5 km in the oldest cruises: 25 nT more at most
    slope = np.hypot(*np.gradient(truth.anomaly.values))
    misfit = (grid.block - truth.anomaly).values
    assert 10 < np.nanstd(misfit[slope < 10]) < 45
    # and the two lie on each other: any shift by one cell fits worse
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    shifted = [grid.block.values - np.roll(truth.anomaly.values, by, (0, 1)) for by in shifts]
    least = min(np.nanmedian(np.abs(part)) for part in shifted)
    assert np.nanmedian(np.abs(misfit)) < 0.8 * least


# --- the eight positions ----------------------------------------------------------------------


def test_eight_positions_are_different_and_turn_back():
    stack = np.arange(32.0).reshape(4, 4, 2)
    for strike in (False, True):
        turned = [_inputs.turn(stack, position, strike) for position in range(_inputs.POSITIONS)]
        assert len({part.tobytes() for part in turned}) == _inputs.POSITIONS
        for position, part in enumerate(turned):
            np.testing.assert_array_equal(_inputs.turn_back(part, position, strike), stack)


@pytest.mark.parametrize("position", range(_inputs.POSITIONS))
@pytest.mark.parametrize("angle", [0.0, 20.0, 45.0, 90.0, 130.0])
def test_strike_turns_with_its_line(position, angle):
    """A line drawn through a map keeps the strike that the turned channels say."""
    cells = np.arange(-20.0, 20.0) + 0.5
    north, east = np.meshgrid(cells, cells, indexing="ij")
    radians = np.radians(angle)
    line = np.abs(east * np.cos(radians) - north * np.sin(radians)) < 1.2
    strike = np.full(line.shape, angle)
    stack = np.stack([line, *_inputs.double_angle(strike)], axis=-1)
    turned = _inputs.turn(stack, position, strike=True)
    rows, columns = np.nonzero(turned[..., 0])
    # the main direction of the cells of the line, by its moments
    y, x = rows - rows.mean(), columns - columns.mean()
    seen = np.degrees(0.5 * np.arctan2(2 * (x * y).sum(), (y * y - x * x).sum()))
    told = _inputs.strike_deg(turned[..., 1], turned[..., 2])[rows[0], columns[0]]
    # a line of three cells in a square has its ends cut at right angles to the axes: 2 degrees
    assert abs((seen - told + 90) % 180 - 90) < 2
