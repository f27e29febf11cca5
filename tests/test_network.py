"""The network: shapes, loss, training that repeats, prediction in tiles, weights that load."""

import json

import numpy as np
import pytest
import xarray as xr

from helpers import network, patches

keras = network.keras
EPOCHS = 10  # of four batches


def tiny():
    """Return a small network with the levels of the real one."""
    keras.utils.set_random_seed(1)
    return network.unet(widths=(4, 4, 4, 4, 4))


def stripes(number, seed, size=32):
    """Return patches of stripes and their crests: what a network should learn at once."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((size, size))
    inputs, truth = np.ones((2, number, size, size, 2), "float32")
    for one in range(number):
        angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        wave = np.cos(0.5 * (row * np.sin(angle) + column * np.cos(angle)) + phase)
        inputs[one, ..., 0] = wave + rng.normal(0, 0.1, wave.shape)
        truth[one, ..., 0] = wave > 0.8
    return inputs, truth


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


# --- loss -------------------------------------------------------------------------------------


def loss(truth, probability):
    return np.asarray(network.line_loss(truth, probability))


def test_loss_by_hand():
    """Half the cells on a line, probability 1/2 everywhere, 64 x 64 cells."""
    truth, probability = np.ones((1, 64, 64, 2), "float32"), np.full((1, 64, 64, 1), 0.5, "float32")
    truth[:, :32, :, 0] = 0
    cells = 64 * 64
    entropy = np.log(2) * (2 * cells / 2 + cells / 2) / (cells + 1)
    dice = 1 - (2 * 0.5 * cells / 2 + 50) / (cells / 2 + cells / 2 + 50)
    assert loss(truth, probability)[0] == pytest.approx(entropy + dice, rel=1e-5)  # float32


def test_loss_falls_as_maps_get_better():
    _, truth = stripes(3, 2)
    label = truth[..., :1]
    maps = [1 - label, 0 * label + 0.1, 0.2 + 0.4 * label, 0.1 + 0.8 * label, label]
    losses = np.array([loss(truth, part.astype("float32")) for part in maps])
    assert losses.shape == (5, 3)
    assert (np.diff(losses, axis=0) < 0).all()
    assert losses[-1].max() < 1e-3 and losses[0].min() > 10


def test_loss_ignores_masked_cells():
    _, truth = stripes(2, 3)
    truth[:, :, 30:, 1] = 0
    rng = np.random.default_rng(4)
    one = rng.uniform(0, 1, truth[..., :1].shape).astype("float32")
    two, turned = one.copy(), truth.copy()
    two[:, :, 30:] = rng.uniform(0, 1, two[:, :, 30:].shape)
    turned[:, :, 30:, 0] = 1 - turned[:, :, 30:, 0]
    np.testing.assert_array_equal(loss(truth, one), loss(truth, two))
    np.testing.assert_array_equal(loss(truth, one), loss(turned, one))
    two[:, 0, 0] = 1 - two[:, 0, 0]
    assert (loss(truth, one) != loss(truth, two)).all()


def test_loss_is_finite_for_certain_errors_and_empty_masks():
    truth = np.ones((2, 16, 16, 2), "float32")
    truth[1, ..., 1] = 0
    found = loss(truth, np.zeros((2, 16, 16, 1), "float32"))
    assert np.isfinite(found).all() and found[0] > 10 and found[1] == pytest.approx(0, abs=1e-6)


# --- training ---------------------------------------------------------------------------------


def trained(seed):
    inputs, truth = stripes(64, 5)
    model = tiny()
    history = network.train(model, inputs, truth, stripes(16, 6), EPOCHS, rate=1e-2, seed=seed)
    return model, history


@pytest.fixture(scope="module")
def taught():
    """Return a tiny network after 40 steps, and its history."""
    return trained(1)


def test_training_lowers_the_loss(taught):
    model, history = taught
    assert set(history) == {"loss", "val_loss"} and len(history["loss"]) == EPOCHS
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    json.dumps(history)  # plain numbers
    # the weights kept are those of the best epoch
    inputs, truth = stripes(16, 6)
    kept = loss(truth, model.predict(inputs, verbose=0)).mean()
    assert kept == pytest.approx(min(history["val_loss"]), rel=1e-4)  # sums in another order


def test_training_repeats_for_a_seed(taught):
    _, again = trained(1)
    # one machine, one seed: sums over two threads may differ in the last bits of float32, which
    # forty steps of training do not carry beyond a thousandth; another order of patches does
    np.testing.assert_allclose(again["loss"], taught[1]["loss"], rtol=1e-3)
    np.testing.assert_allclose(again["val_loss"], taught[1]["val_loss"], rtol=1e-3)


def test_order_and_turns_follow_from_the_seed():
    inputs = np.zeros((32, 8, 8, 2), "float32")
    one, two, other = (
        network._Turned(inputs, inputs, np.random.default_rng(seed), 16) for seed in (1, 1, 2)
    )
    for _ in range(2):
        np.testing.assert_array_equal(one.order, two.order)
        np.testing.assert_array_equal(one.turns, two.turns)
        assert (one.order != other.order).any() and (one.turns != other.turns).any()
        one.on_epoch_end(), two.on_epoch_end()


def test_patches_and_truth_turn_together():
    """Every batch is the same eight positions of inputs and of truth, and all are used."""
    inputs = np.random.default_rng(7).normal(0, 1, (32, 16, 16, 2)).astype("float32")
    batches = network._Turned(inputs, inputs[..., :1] * 2, np.random.default_rng(8), 16)
    assert len(batches) == 2
    seen = []
    for number in range(2):
        one, two = batches[number]
        np.testing.assert_array_equal(one[..., :1] * 2, two)
        seen += [np.sort(part.ravel()).tobytes() for part in one]
    assert sorted(seen) == sorted(np.sort(part.ravel()).tobytes() for part in inputs)
    before = batches.order.copy()
    batches.on_epoch_end()
    assert (batches.order != before).any() and set(batches.turns) <= set(range(8))


def test_eight_turns_are_different_and_turn_back():
    stack = np.arange(32.0).reshape(4, 4, 2)
    turned = [network._turn(stack, turn) for turn in range(8)]
    assert len({part.tobytes() for part in turned}) == 8
    for turn, part in enumerate(turned):
        np.testing.assert_array_equal(network._turn_back(part, turn), stack)


# --- prediction -------------------------------------------------------------------------------


def wave_grid(shape):
    row, column = np.indices(shape)
    field = 100 * np.cos(0.3 * row + 0.4 * column)
    field += np.random.default_rng(9).normal(0, 20, shape)
    coords = {"northing": 2.0 * np.arange(shape[0]), "easting": 5 + 2.0 * np.arange(shape[1])}
    return xr.DataArray(field, coords, ("northing", "easting"), attrs={"crs": "+proj=merc"})


@pytest.mark.parametrize("shape", [(64, 64), (50, 71), (17, 90)])
def test_prediction_lies_on_the_grid_of_any_size(taught, shape):
    model, _ = taught
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
    model, _ = taught
    anomaly = wave_grid((64, 64))
    far = xr.Dataset({"anomaly": anomaly, "distance_km": 0 * anomaly + 40, "block": anomaly})
    near = far.assign(distance_km=0 * anomaly)
    np.testing.assert_array_equal(
        network.predict(model, near).probability, network.predict(model, anomaly).probability
    )
    difference = network.predict(model, far).probability - network.predict(model, near).probability
    assert float(np.abs(difference).max()) > 1e-3


def test_probability_is_the_mean_of_eight_positions_and_uncertainty_their_spread(taught):
    model, _ = taught
    grid = wave_grid((64, 64))
    seen = network.predict(model, grid)
    stack = patches.channels(grid)
    maps = np.stack(
        [
            network._turn_back(
                np.asarray(model(network._turn(stack, turn)[None].copy()))[0, ..., 0], turn
            )
            for turn in range(8)
        ]
    )
    np.testing.assert_allclose(seen.probability, maps.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(seen.uncertainty, maps.std(axis=0), atol=1e-5)


def test_prediction_turns_with_the_map(taught):
    model, _ = taught
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
    model, grid = taught[0], wave_grid(shape)
    tiled = network.predict(model, grid)
    assert network._starts(480) == [0, 192, 224]
    pad = [(0, -size % 16) for size in shape]
    stack = np.pad(patches.channels(grid), [*pad, (0, 0)], mode="symmetric")
    whole, variance = (part[: shape[0], : shape[1]] for part in network._turns(model, stack))
    difference = np.abs(tiled.probability.values - whole)
    assert whole.std() > 0.1  # the map is no constant
    assert difference.max() < 0.05 and np.sqrt(np.mean(difference**2)) < 0.005
    assert np.abs(tiled.uncertainty.values - np.sqrt(variance)).max() < 0.05
    # cells in one tile only and farther from its end than the network looks (94 cells): all equal
    first = (slice(None), slice(90)) if shape[1] > shape[0] else (slice(90), slice(None))
    np.testing.assert_allclose(tiled.probability.values[first], whole[first], atol=1e-5)


@pytest.mark.parametrize("size", [16, 250, 256, 257, 448, 449, 1000])
def test_tiles_cover_every_cell_with_some_weight(size):
    padded = network._padded(size)
    assert padded % 16 == 0 and 0 <= padded - size < 16
    weight = np.zeros(padded)
    for start in network._starts(padded):
        assert start % 16 == 0  # cells fall into the same pools as in one pass
        tile = min(network.TILE, padded)
        assert start + tile <= padded
        weight[start : start + tile] += network._window((tile, tile))[tile // 2]
    assert weight.min() > 0


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
