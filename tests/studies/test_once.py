"""Calls and trainings of notebooks: what is taken from disk is what would be computed."""

import keras
import numpy as np
import pytest

from helpers import data, diffusion, labelling, network
from studies import _kept, cases

SETTINGS = {"rate": 1e-2, "batch": 1, "seed": 1}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let results be kept in a folder of the test."""
    monkeypatch.setattr(_kept, "FOLDER", tmp_path)
    return tmp_path


def patches():
    """Two patches with a line across, and their truth."""
    field = np.random.default_rng(0).normal(size=(2, network.SIZE, network.SIZE, 2))
    truth = np.zeros((2, network.SIZE, network.SIZE, 4))
    truth[..., 1], truth[:, 60:64, :, 0] = 1.0, 1.0
    return field.astype("float32"), truth.astype("float32")


def small(widths=(2, 4)):
    """Build a small network with the same weights each time, but other names of layers."""
    keras.utils.set_random_seed(1)
    return network.unet(widths=widths)


def refuse(*_, **__):
    """Stand for what must not be computed again."""
    raise AssertionError("computed again")


@pytest.mark.parametrize("strike", [30.0, 120.0])
def test_a_call_gives_what_the_function_gives(strike):
    across = np.add.outer(np.arange(40.0), strike / 90 * np.arange(40.0))
    block = np.where(np.arange(40) % 6 == 0, np.sin(across / 3), np.nan)
    for _ in range(2):
        found = cases.once(diffusion.guided)(block, uncertainty=False)
        assert found.identical(diffusion.guided(block, uncertainty=False))


def test_a_call_with_the_same_arguments_is_not_computed_again(folder):
    cases.once(data.timescale)()
    (kept,) = folder.rglob("*.pkl")
    before = kept.stat().st_mtime_ns
    assert cases.once(data.timescale)().equals(data.timescale())
    assert kept.stat().st_mtime_ns == before and len([*folder.rglob("*.pkl")]) == 1


def test_a_function_of_a_package_can_be_called(folder):
    assert cases.once(np.linalg.norm)([3.0, 4.0]) == 5.0
    assert len([*folder.rglob("*.pkl")]) == 1


def test_a_training_is_that_of_the_network_and_is_made_once(monkeypatch):
    pair, by_hand, first, second = patches(), small(), small(), small()
    wanted = network.train(by_hand, *pair, pair, 2, **SETTINGS)
    assert cases.train(first, *pair, pair, 2, **SETTINGS) == wanted
    monkeypatch.setattr(cases.network, "train", refuse)
    assert cases.train(second, *pair, pair, 2, **SETTINGS) == wanted
    for model in (first, second):
        for one, other in zip(by_hand.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("changed", ["weights", "widths", "frozen", "patches", "epochs", "seed"])
def test_another_training_is_made_anew(monkeypatch, changed):
    pair, model, epochs, settings = patches(), small(), 1, dict(SETTINGS)
    cases.train(small(), *pair, pair, epochs, **settings)
    if changed == "weights":
        model.set_weights([1.01 * one for one in model.get_weights()])
    elif changed == "widths":
        model = small((2, 6))
    elif changed == "frozen":
        model.layers[1].trainable = False
    elif changed == "patches":
        pair[0][0, 0, 0, 0] += 1.0
    elif changed == "epochs":
        epochs = 3
    else:
        settings["seed"] = 2
    monkeypatch.setattr(cases.network, "train", refuse)
    with pytest.raises(AssertionError, match="computed again"):
        cases.train(model, *pair, pair, epochs, **settings)


def test_labels_tune_a_model_once(monkeypatch):
    def tuned(name, *_):
        model = network.load(name)
        model.set_weights([1.5 * one for one in model.get_weights()])
        return model, {"loss": [1.0], "val_loss": [2.0]}

    monkeypatch.setattr(labelling, "fine_tune", tuned)
    asked = "scratch_raw", patches()[0][0], patches()[1][0], 1, 0
    first, losses = cases.fine_tune(*asked)
    monkeypatch.setattr(labelling, "fine_tune", refuse)
    second, again = cases.fine_tune(*asked)
    assert losses == again == {"loss": [1.0], "val_loss": [2.0]} and second.record == first.record
    wanted = tuned("scratch_raw")[0].get_weights()
    for model in (first, second):
        for one, other in zip(wanted, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
