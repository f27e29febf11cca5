"""Kriging along a strike, where the strike is known."""

import numpy as np
import pytest

from studies import gaussian_process


def stripes(places, strike_deg):
    """Field (nT) of stripes 25 km wide along a strike."""
    angle = np.radians(strike_deg)
    return 100 * np.sin(2 * np.pi * places @ [np.cos(angle), -np.sin(angle)] / 25)


@pytest.mark.parametrize("strike_deg", [30, 150])
def test_stripes_are_carried_on_along_strike(strike_deg):
    rng = np.random.default_rng(0)
    along = np.arange(-60, 60, 2.0)
    lines = [np.column_stack([along, np.full(along.size, y)]) for y in (-60, -30, 30, 60)]
    places = np.concatenate([one + rng.normal(0, 0.2, one.shape) for one in lines])
    wanted = np.column_stack([along, np.zeros(along.size)])
    read = stripes(places, strike_deg) + rng.normal(0, 5, len(places)) + 40.0  # and a constant
    told = gaussian_process.predict(places, read, wanted)
    truth = stripes(wanted, strike_deg) + 40.0
    assert np.sqrt(np.mean((told - truth) ** 2)) < 25 < truth.std()
    strike, _ = gaussian_process._chosen(places, read - read.mean(), 2.0)
    assert abs(strike - strike_deg) <= 7.5


def test_far_from_all_readings_the_mean_is_told():
    places = np.column_stack([np.arange(40.0), np.zeros(40)])
    read = 30.0 + np.random.default_rng(1).normal(0, 10, 40)
    told = gaussian_process.predict(places, read, [[20.0, 5000.0]])
    assert told[0] == pytest.approx(read.mean(), abs=1.0)
