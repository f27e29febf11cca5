"""Calibration: temperature and offset are found again, and change no order."""

import numpy as np
import pytest
from scipy.special import expit, logit

from helpers import network
from helpers.scores import _cells
from studies.training import results, runs


@pytest.mark.parametrize(("temperature", "offset"), [(1.0, 0.0), (2.5, -0.7), (0.6, 1.2)])
def test_fit_finds_what_spoilt_the_probabilities(temperature, offset):
    rng = np.random.default_rng(1)
    right = rng.normal(-1, 2, 200_000)
    truth = rng.random(right.size) < expit(right)
    spoilt = expit((right - offset) * temperature)
    found = runs.fit_calibration(spoilt, truth)
    # 200,000 cells tell slope and offset of the logit to about 0.01
    assert found["temperature"] == pytest.approx(temperature, rel=0.03)
    assert found["offset"] == pytest.approx(offset, abs=0.04)
    mended = network.calibrated(spoilt, **found)
    assert _cells.calibration_error(mended, truth) < 0.005
    if temperature != 1:
        assert _cells.calibration_error(spoilt, truth) > 0.05
        assert results.brier(mended, truth) < results.brier(spoilt, truth)


def test_calibrated_by_hand():
    values = np.array([0.1, 0.5, 0.9])
    np.testing.assert_array_equal(network.calibrated(values), values)
    cold = network.calibrated(values, 2.0, 1.0)
    np.testing.assert_allclose(cold, expit(logit(values) / 2 + 1), rtol=1e-9)


def test_order_type_and_limits_stay():
    values = np.linspace(0, 1, 101, dtype="float32")
    made = network.calibrated(values, 3.0, -0.5)
    assert made.dtype == "float32" and (np.diff(made) >= 0).all()
    assert 0 < made[0] < made[-1] < 1


def test_brier_by_hand():
    assert results.brier(np.array([0.8, 0.3]), np.array([1, 0])) == pytest.approx(0.065)
