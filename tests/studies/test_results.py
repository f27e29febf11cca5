"""What only `make train` asks of maps, in closed cases: thresholds, strikes, lengths of line."""

import numpy as np
import pytest

from helpers.network import _inputs
from studies.training import results
from toys import rows as line

SHAPE = (60, 80)
EVERYWHERE = np.ones(SHAPE)


def test_strike_errors_are_axial_and_on_lines_only():
    truth = np.zeros((*SHAPE, 4))
    truth[30, :, 0] = truth[..., 1] = 1
    truth[30, 40:, 1] = 0
    truth[..., 2], truth[..., 3] = _inputs.double_angle(np.full(SHAPE, 178.0))
    strike = np.full(SHAPE, 90.0)
    strike[30] = 3.0
    errors = results.strike_errors(strike, truth)
    assert errors.shape == (40,)
    np.testing.assert_allclose(errors, 5.0, atol=1e-9)


def test_lengths_of_lines():
    assert results.length_cells(line(30) > 0) == SHAPE[1] - 1
    diagonal = np.eye(20, dtype=bool)
    assert results.length_cells(diagonal) == pytest.approx(19 * np.sqrt(2))
    assert results.length_cells(diagonal[::-1]) == pytest.approx(19 * np.sqrt(2))
    corner = np.zeros((5, 5), bool)
    corner[0, :], corner[:, 0] = True, True  # around the corner, not across it
    assert results.length_cells(corner) == 8


def test_density_is_per_thousand_square_kilometres():
    # 79 steps of 2 km on 60 x 80 cells of 4 km2
    density = results.line_density(line(30), EVERYWHERE, 0.5)
    assert density == pytest.approx(1000 * 158 / (60 * 80 * 4))
    half = EVERYWHERE.copy()
    half[31:] = 0
    density = results.line_density(line(30) + line(50), half, 0.5)
    assert density == pytest.approx(1000 * 158 / (31 * 320))
    assert np.isnan(results.line_density(line(30), 0 * EVERYWHERE, 0.5))
