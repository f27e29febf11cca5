"""The loss by hand, what it rewards and what it ignores."""

import numpy as np
import pytest

from helpers import network
from helpers.network import _training
from toys import stripes


def value(loss, truth, output):
    return np.asarray(loss(truth, output))


def test_loss_by_hand():
    """Half the cells on a line, probability 1/2 everywhere, 64 x 64 cells."""
    truth, probability = np.ones((1, 64, 64, 2), "float32"), np.full((1, 64, 64, 1), 0.5, "float32")
    truth[:, :32, :, 0] = 0
    cells = 64 * 64
    dice = 1 - (2 * 0.5 * cells / 2 + 50) / (cells / 2 + cells / 2 + 50)
    share = cells / (cells + 1)
    expected = np.log(2) * (2 / 2 + 1 / 2) * share + dice  # line cells count double
    found = value(network.line_loss, truth, probability)[0]
    assert found == pytest.approx(expected, rel=1e-5)  # float32


def test_loss_falls_as_maps_get_better():
    _, truth = stripes(3, 2)
    label = truth[..., :1]
    maps = [1 - label, 0 * label + 0.1, 0.2 + 0.4 * label, 0.1 + 0.8 * label, label]
    found = np.array([value(network.line_loss, truth, part.astype("float32")) for part in maps])
    assert found.shape == (5, 3)
    assert (np.diff(found, axis=0) < 0).all()
    assert found[-1].max() < 1e-3 and found[0].min() > 10


@pytest.mark.parametrize("loss", [network.line_loss, _training.total_loss])
def test_loss_ignores_masked_cells(loss):
    _, truth = stripes(2, 3)
    truth[:, :, 30:, 1] = 0
    rng = np.random.default_rng(4)
    one = rng.uniform(0, 1, truth[..., :3].shape).astype("float32")
    two, other = one.copy(), truth.copy()
    two[:, :, 30:] = rng.uniform(0, 1, two[:, :, 30:].shape)
    other[:, :, 30:, 0] = 1 - other[:, :, 30:, 0]
    np.testing.assert_array_equal(value(loss, truth, one), value(loss, truth, two))
    np.testing.assert_array_equal(value(loss, truth, one), value(loss, other, one))
    two[:, 0, 0] = 1 - two[:, 0, 0]
    assert (value(loss, truth, one) != value(loss, truth, two)).all()


def test_loss_is_finite_for_certain_errors_and_empty_masks():
    truth = np.ones((2, 16, 16, 2), "float32")
    truth[1, ..., 1] = 0
    found = value(network.line_loss, truth, np.zeros((2, 16, 16, 1), "float32"))
    assert np.isfinite(found).all() and found[0] > 10 and found[1] == pytest.approx(0, abs=1e-6)


def test_strike_loss_by_hand():
    """On one of four cells is a line; there the double angle is off by (0.6, 0.8), square 1."""
    truth, output = np.zeros((1, 2, 2, 4), "float32"), np.zeros((1, 2, 2, 3), "float32")
    truth[..., 1], truth[0, 0, 0] = 1, (1, 1, 1.0, 0.0)
    output[0, 0, 0], output[0, 1, 1] = (0.5, 0.4, 0.8), (0.5, 9.0, 9.0)
    assert value(_training.strike_loss, truth, output)[0] == pytest.approx(1 / (1 + 1))
    joined, lines = _training.total_loss, value(network.line_loss, truth, output)
    expected = lines + _training.STRIKE_WEIGHT * 0.5
    np.testing.assert_allclose(value(joined, truth, output), expected, rtol=1e-6)
    np.testing.assert_allclose(value(joined, truth, output[..., :1]), lines, rtol=1e-6)
    np.testing.assert_allclose(value(joined, truth[..., :2], output), lines, rtol=1e-6)
