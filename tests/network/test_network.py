"""The network: shapes, prediction in tiles and positions, weights that load."""

import json

import h5py
import keras
import numpy as np
import pytest
import xarray as xr

import toys
from helpers import diffusion, network
from helpers.network import _inputs, _model, _tiles
from studies import cases
from studies.figures import network as figures
from studies.training import results

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


def test_features_are_the_answers_of_one_convolution():
    model = network.unet(widths=(2, 4))
    inputs = np.random.default_rng(1).normal(0, 1, (3, 16, 16, 2)).astype("float32")
    first, third = (figures.features(model, inputs, number) for number in (0, 2))
    assert first.shape == (3, 16, 16, 2) and third.shape == (3, 8, 8, 4)
    kernel = model.layers[1].get_weights()[0]  # the convolution of the first filter by hand
    wide = np.pad(inputs[0], [(1, 1), (1, 1), (0, 0)])
    middle = np.einsum("ijc,ijcf->f", wide[7:10, 4:7], kernel)
    # untrained, the normalisation divides by the root of 1.001
    np.testing.assert_allclose(first[0, 7, 4], np.maximum(middle, 0) / np.sqrt(1.001), rtol=1e-4)


def test_patches_are_seen_once_in_batches():
    model = network.unet(widths=(2, 4))
    number = 2 * _model.BATCH + 1
    inputs = np.random.default_rng(2).normal(0, 1, (number, 16, 16, 2)).astype("float32")
    np.testing.assert_allclose(_model.outputs(model, inputs), np.asarray(model(inputs)), atol=1e-6)


@pytest.fixture(scope="module")
def taught():
    """Return a shipped network, as if its probabilities were not calibrated."""
    model = network.load("scratch_raw")
    model.record = {**model.record, "temperature": 1.0, "offset": 0.0}
    return model


# --- prediction -------------------------------------------------------------------------------


def wave_grid(shape):
    row, column = np.indices(shape)
    field = 100 * np.cos(0.3 * row + 0.4 * column)
    field += np.random.default_rng(9).normal(0, 20, shape)
    return toys.grid({"anomaly": field})["anomaly"].assign_attrs(crs="+proj=merc")


@pytest.mark.parametrize("shape", [(64, 64), (50, 71), (17, 90)])
def test_prediction_lies_on_the_grid_of_any_size(taught, shape):
    grid = wave_grid(shape)
    seen = network.predict(taught, grid)
    assert set(seen) == {"probability", "uncertainty", "strike_deg"}
    for part in seen.values():
        assert part.dims == grid.dims and part.shape == shape and part.dtype == "float32"
        assert part.attrs["crs"] == "+proj=merc"
        np.testing.assert_array_equal(part.easting, grid.easting)
    assert 0 <= float(seen.probability.min()) and float(seen.probability.max()) <= 1
    assert 0 <= float(seen.uncertainty.min()) and float(seen.uncertainty.max()) <= 0.5
    # crests are told from troughs
    crest, trough = (seen.probability.values[where].mean() for where in (grid > 80, grid < 0))
    assert crest > trough + 0.2


def test_prediction_of_a_dataset_looks_at_the_distance(taught):
    anomaly = wave_grid((64, 64))
    far = xr.Dataset({"anomaly": anomaly, "distance_km": 0 * anomaly + 40, "block": anomaly})
    near = far.assign(distance_km=0 * anomaly)
    np.testing.assert_array_equal(
        network.predict(taught, near).probability, network.predict(taught, anomaly).probability
    )
    difference = network.predict(taught, far).probability
    difference -= network.predict(taught, near).probability
    assert float(np.abs(difference).max()) > 1e-3


def test_probability_is_the_mean_of_eight_positions_and_uncertainty_their_spread(taught):
    grid = wave_grid((64, 64))
    seen = network.predict(taught, grid)
    stack = network.channels(grid)
    maps = np.stack(
        [
            _inputs.turn_back(
                np.asarray(taught(_inputs.turn(stack, turn)[None].copy()))[0, ..., 0], turn
            )
            for turn in range(8)
        ]
    )
    np.testing.assert_allclose(seen.probability, maps.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(seen.uncertainty, maps.std(axis=0), atol=1e-5)


# --- strike, calibration, guided maps, ensembles ----------------------------------------------


def test_strike_is_given_and_turns_with_the_map(taught):
    grid = wave_grid((48, 64)).to_dataset(name="anomaly")
    seen = network.predict(taught, grid)
    assert seen["strike_deg"].attrs["units"] == "degree"
    assert 0 <= float(seen["strike_deg"].min()) and float(seen["strike_deg"].max()) <= 180
    other = network.predict(taught, toys.grid({"anomaly": np.rot90(grid["anomaly"].values)}))
    np.testing.assert_allclose(  # sums in another order
        np.rot90(seen["probability"].values), other["probability"].values, atol=1e-5
    )
    # a quarter turn of the map turns its strikes by as much
    off = np.rot90(seen["strike_deg"].values) - 90 - other["strike_deg"].values
    assert np.abs((off + 90) % 180 - 90).max() < 0.1


def test_probability_is_calibrated_as_the_record_says(taught, monkeypatch):
    grid = wave_grid((48, 64))
    raw = network.predict(taught, grid)["probability"].values
    monkeypatch.setattr(taught, "record", taught.record | {"temperature": 2.0, "offset": 0.5})
    made = network.predict(taught, grid)
    np.testing.assert_allclose(made["probability"], network.calibrated(raw, 2.0, 0.5), atol=1e-6)
    assert float(made["uncertainty"].max()) > 0


def test_guided_map_is_seen_in_place_of_the_grids_own():
    grid = wave_grid((48, 64)).to_dataset(name="anomaly")
    model = _model.build({"widths": [4, 8], "layers": list(_inputs.LAYERS["both"])})
    block = grid["anomaly"].where(np.random.default_rng(7).random(grid["anomaly"].shape) < 0.3)
    survey = grid[["anomaly"]].assign(block=block, weight=block.notnull().astype(float))
    survey["distance_km"] = 0 * survey["anomaly"]
    guided = diffusion.guided(survey["block"], survey["weight"], uncertainty=False)
    raw, plain = cases.input_stack(survey, "raw"), network.unet()
    expected = network.channels(survey.assign(anomaly=guided["anomaly"]))
    np.testing.assert_array_equal(_model.see(plain, survey, guided), expected)
    np.testing.assert_array_equal(_model.see(plain, survey), raw)
    both = _model.see(model, survey, guided)
    np.testing.assert_array_equal(both[..., ::2], expected)
    np.testing.assert_array_equal(both[..., 1:], raw)
    with pytest.raises(ValueError, match="guided=..."):
        network.predict(model, survey)


def test_ensemble_is_the_mean_of_its_members_and_shares_the_positions(folder):
    model = network.load("joined", folder)
    one, two = (network.load(name, folder) for name in ("good", "second"))
    inputs = np.random.default_rng(8).normal(0, 1, (2, 32, 32, 2)).astype("float32")
    mean = (np.asarray(one(inputs)) + np.asarray(two(inputs))) / 2
    np.testing.assert_allclose(np.asarray(model(inputs)), mean, atol=1e-6)
    assert model.record["input"] == "raw" and model.record["threshold"] == 0.3
    passes = _model._passes(model.members, inputs[0])
    for position in range(_inputs.POSITIONS):
        member = (one, two)[position % 2]
        np.testing.assert_allclose(
            passes[position], _model._passes([member], inputs[0])[position], atol=1e-6
        )
    np.testing.assert_allclose(
        results.mean_of_positions(model, inputs)[0], passes.mean(axis=0), atol=1e-6
    )


def test_tiles_agree_with_one_pass(taught):
    """A map of no multiple of 16 cells, seen in three tiles and in one pass.

    Tiles end where the map goes on, so cells within the reach of the network from the edge of a
    tile see zeros instead of their neighbours; those count little, as tiles are blended.  The
    largest difference found is 0.06, in single cells.
    """
    shape = (60, 470)
    grid = wave_grid(shape)
    tiled = network.predict(taught, grid)
    assert _tiles.starts(480) == [0, 192, 224]
    pad = [(0, -size % 16) for size in shape]
    stack = np.pad(network.channels(grid), [*pad, (0, 0)], mode="symmetric")
    passes = _model._passes([taught], stack)[:, : shape[0], : shape[1], 0]
    whole, variance = passes.mean(axis=0), passes.var(axis=0)
    difference = np.abs(tiled.probability.values - whole)
    assert whole.std() > 0.1  # the map is no constant
    assert difference.max() < 0.08 and np.sqrt(np.mean(difference**2)) < 0.005
    assert np.abs(tiled.uncertainty.values - np.sqrt(variance)).max() < 0.08
    # cells in one tile only and farther from its end than the network looks (94 cells): all equal
    np.testing.assert_allclose(tiled.probability.values[:, :90], whole[:, :90], atol=1e-5)


def test_tiles_without_wanted_cells_are_passed_over():
    model, grid = network.unet(widths=(2, 4)), wave_grid((32, 600))
    wanted = np.zeros(grid.shape, bool)
    with pytest.raises(ValueError, match="No cell is wanted"):
        network.predict(model, grid, wanted)
    wanted[:, :40] = True  # tiles start at columns 0, 192 and 352: only the first is needed
    part, full = network.predict(model, grid, wanted), network.predict(model, grid)
    assert int(np.isfinite(part["probability"]).sum()) == 32 * _tiles.TILE
    near = (slice(None), slice(40))
    for name in ("probability", "uncertainty"):
        np.testing.assert_array_equal(part[name].to_numpy()[near], full[name].to_numpy()[near])


# --- weights on disk --------------------------------------------------------------------------


RECORD = {"input": "raw", "threshold": 0.4, "seed": 3, "widths": [4, 8, 8]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write two models, and the names of others that are not as they should be."""
    made = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(3)
    for name in ("good", "second"):
        network.unet(widths=RECORD["widths"]).save_weights(made / f"{name}.weights.h5")
    known = dict.fromkeys(("good", "second", "missing", "truncated", "other"), RECORD)
    known["joined"] = {"members": ["good", "second"], "threshold": 0.3}
    (made / "models.json").write_text(json.dumps(known))
    return made


def test_weights_come_back_as_they_were(folder):
    model = network.load("good", folder)
    assert model.record == RECORD
    keras.utils.set_random_seed(3)
    for one, two in zip(model.weights, network.unet(widths=RECORD["widths"]).weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_is_known_of_a_model_is_read_without_loading_it(folder):
    assert network.record_of("joined", folder)["threshold"] == 0.3
    assert network.record_of("missing", folder) == RECORD


def test_joined_networks_are_loaded_once_for_the_same_weights(tmp_path):
    (tmp_path / "models.json").write_text(json.dumps({"one": RECORD, "all": {"members": ["one"]}}))
    network.unet(widths=RECORD["widths"]).save_weights(tmp_path / "one.weights.h5")
    loaded = network.load("all", tmp_path)
    assert network.load("all", tmp_path) is loaded
    network.unet(widths=RECORD["widths"]).save_weights(tmp_path / "one.weights.h5")
    assert network.load("all", tmp_path) is not loaded


def test_what_is_not_there_is_a_clear_error(folder, tmp_path):
    with pytest.raises(ValueError, match="no model named 'best'; choose one of good, second"):
        network.load("best", folder)
    with pytest.raises(ValueError, match="missing.weights.h5.*make train"):
        network.load("missing", folder)
    with pytest.raises(ValueError, match="models.json is missing.*\n?.*make train"):
        network.load("good", tmp_path)


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_truncated_weights_are_a_clear_error(folder, kept):
    whole = (folder / "good.weights.h5").read_bytes()
    (folder / "truncated.weights.h5").write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match="truncated.weights.h5.*make train"):
        network.load("truncated", folder)


def test_damaged_weights_are_a_clear_error_or_load(folder, tmp_path):
    path = folder / "truncated.weights.h5"
    whole, refused = (folder / "good.weights.h5").read_bytes(), 0
    model = network.load("good", folder)
    np.savez(tmp_path / "zip.npz", whole=np.zeros(9))
    for changed in [*toys.damaged(whole, 24), (tmp_path / "zip.npz").read_bytes(), bytes(9000)]:
        path.write_bytes(changed)
        try:
            _model.read_weights(model, path)
        except ValueError as problem:
            assert str(path) in str(problem) and "restore it" in str(problem)
            refused += 1
    assert refused > 12


def test_weights_that_declare_more_than_the_network_has_are_refused_unread(folder):
    path = folder / "other.weights.h5"
    path.write_bytes((folder / "good.weights.h5").read_bytes())
    names = []
    with h5py.File(path, "r+") as file:
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        del file[names[0]]
        file.create_dataset(names[0], (10**11,), "float32", chunks=(1000,))  # 400 GB, none written
    with pytest.raises(ValueError, match=f"{names[0]} has 100,000,000,000 numbers, the network"):
        network.load("other", folder)


def test_weights_that_are_no_numbers_are_refused(folder):
    model = network.load("good", folder)
    model.layers[1].set_weights([np.nan * one for one in model.layers[1].get_weights()])
    model.save_weights(folder / "other.weights.h5")
    with pytest.raises(ValueError, match="other.weights.h5.*no finite numbers"):
        network.load("other", folder)


@pytest.mark.parametrize(
    "options", [{"widths": (4, 8)}, {"channels": 3, "widths": (4, 8, 8)}, {"widths": (4, 4, 8)}]
)
def test_weights_of_another_architecture_are_a_clear_error(folder, options):
    network.unet(**options).save_weights(folder / "other.weights.h5")
    with pytest.raises(ValueError, match=r"other.weights.h5[^\n]*architecture"):
        network.load("other", folder)


def test_members_on_either_map_get_the_channels_that_they_know(tmp_path):
    records = {
        name: {"kind": "unet", "input": name, "layers": list(_inputs.LAYERS[name]),
               "widths": [4, 8], "outputs": 3, "threshold": 0.5}
        for name in ("raw", "guided")
    }  # fmt: skip
    inputs = {
        name: np.random.default_rng(9).normal(size=(2, 16, 16, len(_inputs.LAYERS[name])))
        for name in records
    }
    inputs["guided"][..., 1] = inputs["raw"][..., 1]  # the distance to data is one
    joined = {"members": list(records), "input": "both", "layers": list(_inputs.LAYERS["both"])}
    (tmp_path / "models.json").write_text(json.dumps(records | {"joined": joined}))
    for name, record in records.items():
        _model.build(record).save_weights(tmp_path / f"{name}.weights.h5")
    each = [np.asarray(network.load(name, tmp_path)(inputs[name])) for name in records]
    both = np.concatenate([inputs["guided"][..., :1], inputs["raw"]], axis=-1)
    seen = network.load("joined", tmp_path)(both)
    np.testing.assert_allclose(np.asarray(seen), np.mean(each, axis=0), atol=1e-6)
