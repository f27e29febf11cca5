"""The null test of a survey: the coherence of the same tracks over a field without stripes."""

import numpy as np
import pytest

from helpers import diffusion
from helpers.diffusion import _null_test
from striped import read, stripes
from studies import made_up_fields


@pytest.mark.parametrize("kind", sorted(_null_test.NULLS))
def test_null_test_tells_stripes_from_none(kind):
    striped = read(stripes(bend=3), 11, 0.1)
    result = diffusion.null_test(striped, np.random.default_rng(11), kind)
    assert result["coherence"] > 0.8 and result["ratio"] < 0.1
    assert result["null_coherence"] <= result["null_highest"] < 0.2
    again = diffusion.null_test(striped, np.random.default_rng(11), kind)
    assert again == result


def test_isotropic_null_is_as_steep_as_the_survey():
    truth = made_up_fields.blobs(256, np.random.default_rng(12), 6.0)
    block = read(truth + 30, 12, 0.2)
    null = _null_test._isotropic(block, np.random.default_rng(12))
    np.testing.assert_array_equal(np.isnan(null), np.isnan(block))

    def slope(values):
        steps = np.diff(values, axis=0)
        return np.sqrt(np.nanmean(steps**2))

    # two random fields of about 200 independent patches each
    assert slope(null) == pytest.approx(slope(block), rel=0.15)
    assert np.nanstd(null) == pytest.approx(np.nanstd(block), rel=0.15)


def test_a_null_test_of_no_kind_is_a_clear_error():
    with pytest.raises(ValueError, match="kind is 'rotated'; give one of .*shuffled"):
        diffusion.null_test(np.eye(16), np.random.default_rng(0), "rotated")
