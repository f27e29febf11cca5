"""Scores in closed cases: straight lines, shifts, masks, one to one, calibration by hand."""

import numpy as np
import pytest

from helpers import scores
from helpers.scores import _cells

SHAPE = (60, 80)
EVERYWHERE = np.ones(SHAPE)


def line(*rows, width=1):
    """Return a map with straight lines across all of it, `width` rows thick around each row."""
    half = width // 2
    made = np.zeros(SHAPE)
    for row in rows:
        made[row - half : row + half + 1] = 1.0
    return made


def score(probability, truth, mask=None, **options):
    mask = np.ones(SHAPE, bool) if mask is None else mask
    return scores.score_lines(probability, truth, mask, **options)


def test_perfect_map():
    values = score(line(30), line(30))
    for name in ("precision", "recall", "f1", "cldice", "average_precision"):
        assert values[name] == 1.0
    assert values["ece"] == 0.0
    assert values["true_cells"] == values["predicted_cells"] == SHAPE[1]


@pytest.mark.parametrize("tolerance", [1, 2, 3.5])
def test_shift_counts_up_to_the_tolerance_and_not_beyond(tolerance):
    within, beyond = int(tolerance), int(tolerance) + 1
    for shift, expected in ((within, 1.0), (beyond, 0.0), (-within, 1.0), (-beyond, 0.0)):
        values = score(line(30 + shift), line(30), tolerance_cells=tolerance)
        assert values["precision"] == values["recall"] == values["f1"] == expected


def test_tolerance_is_two_cells_unless_told():
    assert score(line(32), line(30))["f1"] == 1 and score(line(33), line(30))["f1"] == 0


def test_precision_and_recall_by_hand():
    """Two of three predicted lines are true; two of four true lines are found."""
    predicted = line(10) + line(25) + line(54)
    truth = line(10) + line(25) + line(40) + line(47)
    values = score(predicted, truth)
    assert values["precision"] == pytest.approx(2 / 3) and values["recall"] == pytest.approx(1 / 2)
    assert values["f1"] == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert (values["predicted_cells"], values["true_cells"]) == (3 * 80, 4 * 80)
    assert values["cldice"] == values["f1"]  # one cell wide: the skeleton is the line


def test_half_a_line():
    half = line(30)
    half[:, 40:] = 0
    values = score(half, line(30))
    assert values["precision"] == 1.0
    assert values["recall"] == 42 / 80  # 40 cells and the two of the tolerance beyond its end
    assert values["cldice"] == pytest.approx(2 * 0.5 / 1.5)  # no tolerance: half is found


def test_nothing_predicted_is_no_merit():
    values = score(np.zeros(SHAPE), line(30))
    assert [values[name] for name in ("precision", "recall", "f1", "cldice")] == [0, 0, 0, 0]
    assert values["predicted_cells"] == 0 and values["true_cells"] == 80
    assert values["average_precision"] == pytest.approx(80 / 4800)  # as much as chance
    assert values["ece"] == pytest.approx(80 / 4800)


def test_nothing_to_find():
    values = score(line(30), np.zeros(SHAPE))
    assert values["precision"] == values["f1"] == 0 and values["true_cells"] == 0
    assert np.isnan(values["average_precision"])


def test_mask_is_honoured():
    """A false line and a missed one, both under the mask, cost nothing."""
    mask = np.ones(SHAPE, bool)
    mask[40:] = False
    values = score(line(20) + line(45), line(20) + line(52), mask)
    for name in ("precision", "recall", "f1", "cldice", "average_precision"):
        assert values[name] == 1.0
    assert values["predicted_cells"] == values["true_cells"] == 80
    assert score(line(20) + line(45), line(20) + line(52))["f1"] == 0.5


def test_line_under_the_mask_still_matches_one_beside_it():
    """A true line just beyond the border of the mask is not held against the prediction."""
    mask = np.ones(SHAPE, bool)
    mask[31:] = False
    assert score(line(30), line(31), mask)["precision"] == 1.0


def test_thick_lines_are_thinned_before_they_are_measured():
    values = score(line(30, width=5), line(30, width=3))
    assert values["precision"] == values["recall"] == 1.0
    # a thinned band loses at most half its width at each end
    assert 80 - 6 <= values["predicted_cells"] <= 80 and 80 - 4 <= values["true_cells"] <= 80
    assert values["average_precision"] == pytest.approx(3 / 5)  # cells are not thinned there


def test_threshold_chooses_the_cells():
    values = 0.4 * line(30)
    assert score(values, line(30))["f1"] == 0
    assert score(values, line(30), threshold=0.4)["f1"] == 1


def test_average_precision_by_hand():
    """Sorted by probability: true, false, true. Precision 1 at recall 1/2, 2/3 at recall 1."""
    probability, truth = np.zeros((2, 1, 3))
    probability[:] = [[0.9, 0.8, 0.7]]
    truth[:] = [[1, 0, 1]]
    values = scores.score_lines(probability, truth, np.ones((1, 3)))
    assert values["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_shapes_that_differ_are_a_clear_error(which):
    parts = [line(30), line(30), np.ones(SHAPE)]
    parts[which] = parts[which][:, :-1]
    with pytest.raises(ValueError, match=r"Shapes differ.*\(60, 79\)"):
        scores.score_lines(*parts)


def test_empty_mask_is_a_clear_error():
    with pytest.raises(ValueError, match="no cell to score"):
        score(line(30), line(30), np.zeros(SHAPE))


# --- calibration ------------------------------------------------------------------------------


def test_calibration_error_by_hand():
    # class of 0.9: 10 cells, 6 true, gap 0.3; class of 0.1: 30 cells, 3 true, no gap
    probability = np.repeat([0.9, 0.1], [10, 30])
    truth = np.repeat([1, 0, 1, 0], [6, 4, 3, 27])
    assert _cells.calibration_error(probability, truth) == pytest.approx(0.3 * 10 / 40)
    predicted, observed, count = _cells.reliability(probability, truth)
    filled = count > 0
    np.testing.assert_array_equal(count[filled], [30, 10])
    np.testing.assert_allclose(predicted[filled], [0.1, 0.9])
    np.testing.assert_allclose(observed[filled], [0.1, 0.6])
    assert np.isnan(predicted[~filled]).all() and len(count) == _cells.BINS


def test_certain_predictions_fall_in_the_outer_classes():
    probability, truth = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0, 1, 1, 0])
    assert _cells.calibration_error(probability, truth) == 0
    assert _cells.calibration_error(1 - probability, truth) == 1
    count = _cells.reliability(probability, truth)[2]
    assert count[0] == count[-1] == 2


def test_calibrated_by_construction():
    rng = np.random.default_rng(1)
    probability = rng.random(200_000)
    truth = rng.random(200_000) < probability
    # each class holds 13,000 cells, its frequency is known to 0.004
    assert _cells.calibration_error(probability, truth) < 0.01


# --- several maps -----------------------------------------------------------------------------


def test_pooling_weighs_by_length_of_line():
    records = [
        {"precision": 1.0, "recall": 0.5, "predicted_cells": 30.0, "true_cells": 60.0},
        {"precision": 0.2, "recall": 0.0, "predicted_cells": 10.0, "true_cells": 20.0},
    ]
    others = [
        {"cldice": 0.2, "average_precision": 0.4, "ece": 0.1},
        {"cldice": 0.4, "average_precision": np.nan, "ece": 0.3},
    ]
    values = scores.pooled([a | b for a, b in zip(records, others, strict=True)])
    precision, recall = (30 + 2) / 40, 30 / 80
    assert values["precision"] == pytest.approx(precision)
    assert values["recall"] == pytest.approx(recall)
    assert values["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert values["cldice"] == pytest.approx(0.3) and values["ece"] == pytest.approx(0.2)
    assert values["average_precision"] == 0.4  # a map without any line has none
    assert (values["predicted_cells"], values["true_cells"]) == (40, 80)


def test_pooling_maps_without_any_line():
    values = scores.pooled([score(np.zeros(SHAPE), np.zeros(SHAPE))] * 2)
    assert values["precision"] == values["recall"] == values["f1"] == 0
    assert np.isnan(values["average_precision"])


def test_best_threshold_separates_true_lines_from_false_ones():
    """True lines at 0.62, false ones at 0.43: thresholds of 0.45 to 0.6 make no error."""
    probability = np.stack([0.62 * line(10) + 0.43 * line(30), 0.62 * line(40) + 0.43 * line(20)])
    truth, mask = np.stack([line(10), line(40)]), np.ones((2, *SHAPE))
    chosen = scores.best_threshold(probability, truth, mask)
    assert 0.43 < chosen <= 0.62
    # masking the second false line and all else of that map leaves the choice as it was
    mask[1, :35] = 0
    assert scores.best_threshold(probability, truth, mask) == chosen
