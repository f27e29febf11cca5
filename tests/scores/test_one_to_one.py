"""One-to-one matching, best thresholds, strike errors and lengths in closed cases."""

import numpy as np
import pytest

from helpers import scores
from helpers.network import _inputs
from helpers.scores import _cells

SHAPE = (60, 80)
EVERYWHERE = np.ones(SHAPE)


def line(*rows):
    """Return a map with straight lines across all of it."""
    made = np.zeros(SHAPE)
    made[list(rows)] = 1.0
    return made


def counted(probability, truth, mask=EVERYWHERE, **options):
    return scores.counts(probability, truth, mask, **options).tolist()


def test_two_lines_beside_one_are_one_hit_and_one_false_line():
    assert counted(line(28, 32), line(30)) == [160, 80, 80, 80]
    assert counted(line(30), line(28, 32)) == [80, 80, 160, 80]
    assert scores.f1(scores.counts(line(28, 32), line(30), EVERYWHERE)) == pytest.approx(2 / 3)


@pytest.mark.parametrize("tolerance", [1.0, 2.0, 3.0])
def test_shift_counts_up_to_the_tolerance_and_not_beyond(tolerance):
    shift = int(tolerance)
    near = counted(line(30 + shift), line(30), tolerance_cells=tolerance)
    far = counted(line(31 + shift), line(30), tolerance_cells=tolerance)
    assert near == [80, 80, 80, 80] and far == [80, 0, 80, 0]


def test_pairs_are_as_many_as_can_be_and_one_to_one():
    one = np.array([[0, 0], [0, 1], [9, 9]])
    other = np.array([[0, 1], [0, 2]])  # the first of one reaches only the first of other
    of_one, of_other = _cells.pairs(one, other, 1.0)
    assert of_one.tolist() == [0, 1, -1] and of_other.tolist() == [0, 1]
    nothing = _cells.pairs(one, other[:0], 1.0)
    assert nothing[0].tolist() == [-1, -1, -1] and nothing[1].size == 0


def test_mask_is_honoured():
    mask = EVERYWHERE.copy()
    mask[40:] = 0
    assert counted(line(20, 45), line(20, 52), mask) == [80, 80, 80, 80]


def test_f1_of_several_maps_is_of_the_sums():
    table = [[10, 10, 10, 10], [30, 0, 10, 0]]
    assert scores.f1(table) == pytest.approx(2 * 0.25 * 0.5 / 0.75)
    assert scores.f1([0, 0, 0, 0]) == 0 and scores.f1([5, 0, 0, 0]) == 0


def test_best_threshold_of_all_and_of_each():
    """One map needs a threshold below 0.3, the other one above 0.6."""
    maps = np.stack([0.3 * line(10), 0.9 * line(20) + 0.6 * line(40)])
    truth, mask = np.stack([line(10), line(20)]), np.stack([EVERYWHERE] * 2)
    best = _cells.best_f1(maps, truth, mask, thresholds=(0.25, 0.75))
    assert best["ois"] == 1.0
    # with the lower one a false line is drawn: 2 of 3; with the upper one a line is missed: 1 of 2
    assert best["ods"] == pytest.approx(2 * (2 / 3) / (5 / 3)) and best["threshold"] == 0.25
    assert best["precision"] == pytest.approx([2 / 3, 1]) and best["recall"] == [1, 0.5]


def test_strike_errors_are_axial_and_on_lines_only():
    truth = np.zeros((*SHAPE, 4))
    truth[30, :, 0] = truth[..., 1] = 1
    truth[30, 40:, 1] = 0
    truth[..., 2], truth[..., 3] = _inputs.double_angle(np.full(SHAPE, 178.0))
    strike = np.full(SHAPE, 90.0)
    strike[30] = 3.0
    errors = _cells.strike_errors(strike, truth)
    assert errors.shape == (40,)
    np.testing.assert_allclose(errors, 5.0, atol=1e-9)


def test_lengths_of_lines():
    assert _cells.length_cells(line(30) > 0) == SHAPE[1] - 1
    diagonal = np.eye(20, dtype=bool)
    assert _cells.length_cells(diagonal) == pytest.approx(19 * np.sqrt(2))
    assert _cells.length_cells(diagonal[::-1]) == pytest.approx(19 * np.sqrt(2))
    corner = np.zeros((5, 5), bool)
    corner[0, :], corner[:, 0] = True, True  # around the corner, not across it
    assert _cells.length_cells(corner) == 8


def test_density_is_per_thousand_square_kilometres():
    # 79 steps of 2 km on 60 x 80 cells of 4 km2
    density = _cells.line_density(line(30), EVERYWHERE, 0.5)
    assert density == pytest.approx(1000 * 158 / (60 * 80 * 4))
    half = EVERYWHERE.copy()
    half[31:] = 0
    assert _cells.line_density(line(30, 50), half, 0.5) == pytest.approx(1000 * 158 / (31 * 320))
    assert np.isnan(_cells.line_density(line(30), 0 * EVERYWHERE, 0.5))
