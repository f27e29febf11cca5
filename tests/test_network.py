"""The network: shapes, prediction in tiles and positions, weights that load."""

import json

import numpy as np
import pytest
import xarray as xr
from toys import stripes

from helpers import network, patches, tiles, turns

keras = network.keras


# --- architecture -----------------------------------------------------------------------------


def test_real_network_has_about_half_a_million_weights_and_keeps_the_size():
    model = network.unet()
    assert 4.5e5 < model.count_params() < 5.5e5
    for size in (128, 256):
        assert model.compute_output_shape((2, size, size, 2)) == (2, size, size, 1)
    seen = np.asarray(model(np.zeros((1, 128, 128, 2), "float32")))
    assert seen.shape == (1, 128, 128, 1)
    # sigmoid(-2.2) = 0.0998: one cell in ten is on a line, before any training
    np.testing.assert_allclose(seen, 0.0998, atol=1e-4)


def test_network_takes_other_channels_and_rectangles():
    model = network.unet(channels=3, widths=(2, 4))
    assert model.compute_output_shape((1, 6, 10, 3)) == (1, 6, 10, 1)


@pytest.fixture(scope="module")
def taught():
    """Return a tiny network after 40 steps."""
    keras.utils.set_random_seed(1)
    model = network.unet(widths=(4, 4, 4, 4, 4))
    network.train(model, *stripes(64, 5), stripes(16, 6), 10, rate=1e-2, seed=1)
    return model


# --- prediction -------------------------------------------------------------------------------


def wave_grid(shape):
    row, column = np.indices(shape)
    field = 100 * np.cos(0.3 * row + 0.4 * column)
    field += np.random.default_rng(9).normal(0, 20, shape)
    coords = {"northing": 2.0 * np.arange(shape[0]), "easting": 5 + 2.0 * np.arange(shape[1])}
    return xr.DataArray(field, coords, ("northing", "easting"), attrs={"crs": "+proj=merc"})


@pytest.mark.parametrize("shape", [(64, 64), (50, 71), (17, 90)])
def test_prediction_lies_on_the_grid_of_any_size(taught, shape):
    model = taught
    grid = wave_grid(shape)
    seen = network.predict(model, grid)
    assert set(seen) == {"probability", "uncertainty"}
    for part in seen.values():
        assert part.dims == grid.dims and part.shape == shape and part.dtype == "float32"
        assert part.attrs["units"] == "1" and part.attrs["crs"] == "+proj=merc"
        np.testing.assert_array_equal(part.easting, grid.easting)
    assert 0 <= float(seen.probability.min()) and float(seen.probability.max()) <= 1
    assert 0 <= float(seen.uncertainty.min()) and float(seen.uncertainty.max()) <= 0.5
    # crests are told from troughs
    crest, trough = (seen.probability.values[where].mean() for where in (grid > 80, grid < 0))
    assert crest > trough + 0.2


def test_prediction_of_a_dataset_looks_at_the_distance(taught):
    model = taught
    anomaly = wave_grid((64, 64))
    far = xr.Dataset({"anomaly": anomaly, "distance_km": 0 * anomaly + 40, "block": anomaly})
    near = far.assign(distance_km=0 * anomaly)
    np.testing.assert_array_equal(
        network.predict(model, near).probability, network.predict(model, anomaly).probability
    )
    difference = network.predict(model, far).probability - network.predict(model, near).probability
    assert float(np.abs(difference).max()) > 1e-3


def test_probability_is_the_mean_of_eight_positions_and_uncertainty_their_spread(taught):
    model = taught
    grid = wave_grid((64, 64))
    seen = network.predict(model, grid)
    stack = patches.channels(grid)
    maps = np.stack(
        [
            turns.turn_back(
                np.asarray(model(turns.turn(stack, turn)[None].copy()))[0, ..., 0], turn
            )
            for turn in range(8)
        ]
    )
    np.testing.assert_allclose(seen.probability, maps.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(seen.uncertainty, maps.std(axis=0), atol=1e-5)


def test_prediction_turns_with_the_map(taught):
    model = taught
    grid = wave_grid((64, 64))
    turned = grid.copy(data=np.rot90(grid.values))
    one, two = (network.predict(model, part).probability.values for part in (grid, turned))
    np.testing.assert_allclose(np.rot90(one), two, atol=1e-5)  # sums in another order


@pytest.mark.parametrize("shape", [(60, 470), (470, 60)])
def test_tiles_agree_with_one_pass(taught, shape):
    """A map of no multiple of 16 cells, seen in three tiles and in one pass.

    Tiles end where the map goes on, so cells within the reach of the network from the edge of a
    tile see zeros instead of their neighbours; those count little, as tiles are blended.
    """
    model, grid = taught, wave_grid(shape)
    tiled = network.predict(model, grid)
    assert tiles.starts(480) == [0, 192, 224]
    pad = [(0, -size % 16) for size in shape]
    stack = np.pad(patches.channels(grid), [*pad, (0, 0)], mode="symmetric")
    passes = network._passes(model, stack)[:, : shape[0], : shape[1], 0]
    whole, variance = passes.mean(axis=0), passes.var(axis=0)
    difference = np.abs(tiled.probability.values - whole)
    assert whole.std() > 0.1  # the map is no constant
    assert difference.max() < 0.05 and np.sqrt(np.mean(difference**2)) < 0.005
    assert np.abs(tiled.uncertainty.values - np.sqrt(variance)).max() < 0.05
    # cells in one tile only and farther from its end than the network looks (94 cells): all equal
    first = (slice(None), slice(90)) if shape[1] > shape[0] else (slice(90), slice(None))
    np.testing.assert_allclose(tiled.probability.values[first], whole[first], atol=1e-5)


def test_tiles_without_wanted_cells_are_passed_over(taught):
    grid = wave_grid((32, 600))
    wanted = np.zeros(grid.shape, bool)
    wanted[:, :40] = True  # tiles start at columns 0, 192 and 352: only the first is needed
    part, full = network.predict(taught, grid, wanted), network.predict(taught, grid)
    assert int(np.isfinite(part["probability"]).sum()) == 32 * tiles.TILE
    near = (slice(None), slice(40))
    for name in ("probability", "uncertainty"):
        np.testing.assert_array_equal(part[name].to_numpy()[near], full[name].to_numpy()[near])


# --- weights on disk --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    keras.utils.set_random_seed(3)
    network.unet().save_weights(tmp_path / "good.weights.h5")
    record = {"input": "raw", "threshold": 0.4, "seed": 3}
    names = ("good", "missing", "truncated", "other", "empty")
    (tmp_path / "models.json").write_text(json.dumps(dict.fromkeys(names, record)))
    return tmp_path


def test_weights_come_back_as_they_were(folder):
    model = network.load("good", folder)
    assert model.record == {"input": "raw", "threshold": 0.4, "seed": 3}
    keras.utils.set_random_seed(3)
    for one, two in zip(model.weights, network.unet().weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_unknown_model_is_a_clear_error(folder):
    with pytest.raises(ValueError, match="no model named 'best'; choose one of good, missing"):
        network.load("best", folder)


def test_missing_list_of_models_is_a_clear_error(tmp_path):
    with pytest.raises(ValueError, match="make train"):
        network.load("good", tmp_path)


def test_missing_weights_are_a_clear_error(folder):
    with pytest.raises(ValueError, match="missing.weights.h5.*make train"):
        network.load("missing", folder)


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_truncated_weights_are_a_clear_error(folder, kept):
    whole = (folder / "good.weights.h5").read_bytes()
    (folder / "truncated.weights.h5").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match="truncated.weights.h5.*make train"):
        network.load("truncated", folder)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize(
    "options", [{"widths": (8, 16, 32, 64)}, {"channels": 3}, {"widths": (4,) * 5}]
)
def test_weights_of_another_architecture_are_a_clear_error(folder, options):
    network.unet(**options).save_weights(folder / "other.weights.h5")
    with pytest.raises(ValueError, match=r"other.weights.h5[^\n]*architecture"):
        network.load("other", folder)
