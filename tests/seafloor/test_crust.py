"""Uneven magnetisation of the crust."""

import numpy as np
import pytest

from helpers.seafloor import crust


@pytest.mark.parametrize("reach", [3.0, 10.0])
def test_smooth_noise_has_its_variance_and_its_reach(reach):
    rng = np.random.default_rng(6)
    fields = [crust.smooth_noise(rng, (128, 160), reach) for _ in range(40)]
    lag = int(2 * reach)
    for field in fields:
        assert abs(field.mean()) < 1e-12 and field.std() == pytest.approx(1)
    alike = [np.mean(field[:, lag:] * field[:, :-lag]) for field in fields]
    # a Gaussian of that reach, twice: exp(-lag**2 / (4 reach**2)) = exp(-1)
    assert np.mean(alike) == pytest.approx(np.exp(-1), abs=4 * np.std(alike) / np.sqrt(40))


def test_variation_is_positive_and_of_the_stated_share():
    rng = np.random.default_rng(7)
    factors = np.array([crust.variation(rng, (96, 96), 2.0, 8.0, 0.3) for _ in range(40)])
    assert factors.min() > 0 and np.log(factors[0]).std() == pytest.approx(0.3)
    # exp(2 s x - 2 s**2) of a normal x has the mean 1; some 40 x 16 independent patches
    assert np.mean(factors**2) == pytest.approx(1, abs=4 * 0.65 / np.sqrt(40 * 16))
