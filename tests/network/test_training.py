"""Training: it learns, repeats for a seed, and goes on after an interruption as if none were."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from helpers import network
from helpers._shared import axial_difference
from helpers.network import _inputs, _training
from toys import damaged, stripes


def tiny():
    """Return a small network."""
    keras.utils.set_random_seed(1)
    return network.unet(widths=(4, 8))


def run(checkpoint=None, epochs=5):
    """Train a tiny network; return it and its history."""
    model = tiny()
    history = network.train(
        model, *stripes(24, 5), stripes(8, 6), epochs, 1e-2, seed=4, batch=8, checkpoint=checkpoint
    )
    return model, history


pytestmark = pytest.mark.rest  # minutes


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a network trained without interruption, its history and its checkpoint."""
    path = tmp_path_factory.mktemp("whole") / "run.checkpoint.npz"
    return *run(path), path


def test_training_lowers_the_loss(whole):
    model, history, _ = whole
    assert set(history) == {"loss", "val_loss"} and len(history["loss"]) == 5
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    json.dumps(history)  # plain numbers
    # the weights kept are those of the best epoch
    inputs, truth = stripes(8, 6)
    kept = np.asarray(network.line_loss(truth, model.predict(inputs, verbose=0))).mean()
    assert kept == pytest.approx(min(history["val_loss"]), rel=1e-4)  # sums in another order


def test_training_stops_when_nothing_gets_better():
    inputs, truth = stripes(16, 5)
    history = network.train(tiny(), inputs, truth, (inputs, truth), 12, rate=0.0, patience=2)
    # nothing is learnt but the running means of the normalisation, which settle
    best = int(np.argmin(history["val_loss"]))
    assert len(history["loss"]) == min(best + 3, 12)


def test_strike_is_learnt_beside_the_probability():
    """Stripes of one strike and its turned and mirrored ones, told from the map alone."""
    inputs, truth = stripes(48, 7)
    keras.utils.set_random_seed(2)
    model = network.unet(widths=(4, 8, 8), outputs=3)
    history = network.train(
        model, inputs[:40], truth[:40], (inputs[40:], truth[40:]), 20, 2e-2, batch=8
    )
    found, true = (
        _inputs.strike_deg(part[..., -2], part[..., -1])
        for part in (np.asarray(model(inputs[40:])), truth[40:])
    )
    error = axial_difference(found, true)[truth[40:, ..., 0] > 0]
    assert np.median(error) < 30  # chance gives 45, and so few steps about 20
    assert history["val_loss"][-1] < history["val_loss"][0]


# --- batches ----------------------------------------------------------------------------------


def test_what_is_random_follows_from_seed_and_epoch():
    inputs = np.arange(32.0).reshape(32, 1, 1, 1) * np.ones((1, 8, 8, 2))
    one, two, other = (_training.Batches(inputs, inputs, seed, 16) for seed in (1, 1, 2))
    drawn = {}
    for epoch in (0, 1, 5, 0):
        for part in (one, two, other):
            part.begin(epoch)
        np.testing.assert_array_equal(one[0][0], two[0][0])
        assert (one[0][0] != other[0][0]).any()
        if epoch in drawn:
            np.testing.assert_array_equal(one[0][0], drawn[epoch])
        drawn[epoch] = one[0][0]
    assert (drawn[0] != drawn[1]).any()


def test_patches_and_truth_turn_together():
    """Every batch is the same eight positions of inputs and of truth, and all patches are used."""
    inputs = np.random.default_rng(7).normal(0, 1, (32, 16, 16, 2)).astype("float32")
    batches = _training.Batches(inputs, np.abs(inputs), 8, 16)
    assert len(batches) == 2
    seen = []
    for number in range(2):
        one, two = batches[number]
        np.testing.assert_array_equal(np.abs(one), two)
        seen += [np.sort(part.ravel()).tobytes() for part in one]
    assert sorted(seen) == sorted(np.sort(part.ravel()).tobytes() for part in inputs)
    assert set(batches.positions) <= set(range(_inputs.POSITIONS))
    assert len(set(batches.positions)) == _inputs.POSITIONS


def test_epochs_of_a_part_go_through_all_patches():
    inputs = np.arange(20.0).reshape(20, 1, 1, 1) * np.ones((1, 4, 4, 1)) + 1
    batches = _training.Batches(inputs, inputs, 3, batch=5, per_epoch=10)
    assert len(batches) == 2
    for first in (0, 2):
        seen = []
        for epoch in (first, first + 1):
            batches.begin(epoch)
            seen += [int(one.flat[0]) for number in range(2) for one in batches[number][0]]
        assert sorted(seen) == list(range(1, 21))


def test_sign_is_drawn_only_where_no_line_is():
    inputs = np.ones((40, 4, 4, 2))
    truth = np.zeros((40, 4, 4, 2))
    truth[20:, 0, 0, 0] = 1
    inputs[:, 0, 0, 1] = np.arange(40)  # the second channel tells the patch
    seen, answer = _training.Batches(inputs, truth, 1, 40)[0]
    signs = seen[..., 0].mean(axis=(1, 2))
    lined = answer[..., 0].any(axis=(1, 2))
    assert (signs[lined] == 1).all()
    assert set(signs[~lined]) == {-1.0, 1.0}
    assert (seen[..., 1] >= 0).all()
    two, _ = _training.Batches(inputs + 1, truth, 1, 40, fields=2)[0]
    np.testing.assert_array_equal(np.sign(two[..., 0]), np.sign(two[..., 1]))
    assert set(np.sign(two[~lined]).ravel()) == {-1.0, 1.0}


def test_one_of_the_versions_is_drawn():
    inputs = np.ones((30, 3, 4, 4, 2)) * np.arange(3).reshape(1, 3, 1, 1, 1) + 1
    seen, answer = _training.Batches(inputs, inputs, 1, 30)[0]
    assert seen.shape == (30, 4, 4, 2)
    np.testing.assert_array_equal(seen, answer)
    assert set(np.unique(seen)) == {1.0, 2.0, 3.0}


# --- interruption -----------------------------------------------------------------------------

KILLED = """
import os, sys
from test_training import run
from helpers.network import _training

begin = _training.Batches.begin
def fall(self, epoch):
    if epoch == int(sys.argv[2]):
        os._exit(9)
    begin(self, epoch)
_training.Batches.begin = fall
run(sys.argv[1])
"""


def in_another_process(code, *arguments):
    """Run code that imports this file."""
    folder = os.path.dirname(__file__)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([folder, os.path.dirname(folder)])}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_killed_training_goes_on_to_the_same_result(whole, tmp_path):
    path = tmp_path / "run.checkpoint.npz"
    done = in_another_process(KILLED, str(path), "3")
    assert done.returncode == 9, done.stderr[-2000:]
    assert [name.name for name in tmp_path.iterdir()] == [path.name]  # nothing half written
    assert len(json.loads(str(np.load(path)["text"]))["history"]["loss"]) == 3
    model, history = run(path)
    expected = whole[1]
    assert len(history["loss"]) == 5
    # one seed, two processes: sums over two threads may differ in the last bits, which 15 steps do
    # not carry far
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-4)
    np.testing.assert_allclose(history["val_loss"], expected["val_loss"], rtol=1e-4)
    for one, two in zip(model.get_weights(), whole[0].get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


TOGETHER = """
import tensorflow
from test_training import run
from studies.training import runs

cpu = tensorflow.config.list_physical_devices("CPU")[0]
parts = [tensorflow.config.LogicalDeviceConfiguration()] * 2
tensorflow.config.set_logical_device_configuration(cpu, parts)
with runs.on_all_devices("CPU"):
    number = tensorflow.distribute.get_strategy().num_replicas_in_sync
    _, history = run()
print(number, *history["val_loss"])
"""


def test_several_devices_share_a_training(whole):
    """Two devices (here made of one processor) share the batches, and learn as one does."""
    done = in_another_process(TOGETHER)
    assert done.returncode == 0, done.stderr[-2000:]
    used, *losses = (float(part) for part in done.stdout.split())
    assert used == 2 and losses[-1] < 0.75 * losses[0]
    # each device normalises its own half of a batch (4 patches of 8), so the two differ
    np.testing.assert_allclose(losses, whole[1]["val_loss"], rtol=0.25)


def test_finished_training_is_not_done_again(whole, monkeypatch):
    model, history, path = whole
    monkeypatch.setattr(_training.Batches, "__getitem__", None)  # no patch may be drawn again
    again, same = run(path)
    assert same == history
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_checkpoint_of_another_training_is_a_clear_error(whole):
    with pytest.raises(ValueError, match="of another training .* delete it"):
        run(whole[2], epochs=7)


def compiled(model):
    """Make a model ready to be trained."""
    model.compile(keras.optimizers.Adam(1e-3), loss=_training.total_loss)
    model.optimizer.build(model.trainable_variables)
    return model


def test_damaged_checkpoint_is_a_clear_error_and_leaves_the_model(tmp_path):
    path, model, about = tmp_path / "run.checkpoint.npz", compiled(tiny()), {"seed": 1}
    _training._State(model, about, path).add(2.0, 1.0)
    good, before, refused = path.read_bytes(), model.get_weights(), 0
    assert _training._State(model, about, path).history == {"loss": [2.0], "val_loss": [1.0]}
    with pytest.raises(ValueError, match="npz is of another network.*delete it"):
        _training._State(compiled(network.unet(widths=(4, 4))), about, path)
    changed = [one + 1 for one in before]
    model.set_weights(changed)
    np.savez(tmp_path / "other.npz", text=np.array("[]"))
    for other in [*damaged(good, 24), (tmp_path / "other.npz").read_bytes(), bytes(9000)]:
        path.write_bytes(other)
        try:
            _training._State(model, about, path)
        except ValueError as problem:
            assert str(path) in str(problem) and "delete it" in str(problem)
            refused += 1
            for one, two in zip(model.get_weights(), changed, strict=True):
                np.testing.assert_array_equal(one, two)
        model.set_weights(changed)
    assert refused > 18
