"""Scores in closed cases: straight lines, shifts, masks, calibration by hand."""

import numpy as np
import pytest

from helpers import scores
from helpers.scores import _cells
from toys import rows as line

SHAPE = (60, 80)
EVERYWHERE = np.ones(SHAPE)


def under(rows):
    """Return a mask that leaves out all from a row on."""
    mask = EVERYWHERE.copy()
    mask[rows:] = 0
    return mask


LEFT_HALF = line(30) * (np.arange(80) < 40)
ALL_ONE = dict.fromkeys(("precision", "recall", "f1", "cldice", "average_precision"), 1.0)
NO_MERIT = dict.fromkeys(("precision", "recall", "f1", "cldice", "predicted_cells"), 0.0)
CHANCE = {"average_precision": 80 / 4800, "ece": 80 / 4800, "true_cells": 80}
BY_HAND = {  # found and true lines, and some of the scores
    "perfect": (line(30), line(30), ALL_ONE | {"ece": 0, "predicted_cells": 80, "true_cells": 80}),
    # one cell wide: the skeleton is the line, and clDice is F1
    "two of three are true, two of four are found": (
        line(10, 25, 54),
        line(10, 25, 40, 47),
        {"precision": 2 / 3, "recall": 1 / 2, "f1": 4 / 7, "cldice": 4 / 7}
        | {"predicted_cells": 3 * 80, "true_cells": 4 * 80},
    ),
    # found are 40 cells and the two of the tolerance beyond their end; clDice has no tolerance
    "half": (LEFT_HALF, line(30), {"precision": 1, "recall": 42 / 80, "cldice": 2 * 0.5 / 1.5}),
    "nothing predicted": (line(), line(30), NO_MERIT | CHANCE),
    "nothing to find": (line(30), line(), {"precision": 0, "f1": 0, "average_precision": np.nan}),
    # sorted by probability: precision 1 at recall 1/2, 2/3 at recall 1
    "in order": ([[0.9, 0.8, 0.7]], [[1, 0, 1]], {"average_precision": 0.5 * 1 + 0.5 * 2 / 3}),
}


@pytest.mark.parametrize(("found", "true", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_scores_by_hand(found, true, expected):
    values = scores.score_lines(found, true, np.ones_like(true))
    shown = {name: values[name] for name in expected}
    assert shown == pytest.approx(expected, nan_ok=True)


def test_what_lies_under_the_mask_costs_nothing():
    """A false line and a missed one; a true line just under the mask still excuses one above."""
    given = line(20, 45), line(20, 52)
    values = scores.score_lines(*given, under(40))
    assert {name: values[name] for name in ALL_ONE} == ALL_ONE
    assert values["predicted_cells"] == values["true_cells"] == 80
    assert scores.score_lines(*given, EVERYWHERE)["f1"] == 0.5
    assert scores.score_lines(line(30), line(31), under(31))["precision"] == 1


def test_thick_lines_are_thinned_before_they_are_measured():
    values = scores.score_lines(line(30, width=5), line(30, width=3), EVERYWHERE)
    assert values["precision"] == values["recall"] == 1.0
    # a thinned band loses at most half its width at each end
    assert 80 - 6 <= values["predicted_cells"] <= 80 and 80 - 4 <= values["true_cells"] <= 80
    assert values["average_precision"] == pytest.approx(3 / 5)  # cells are not thinned there


@pytest.mark.parametrize("tolerance", [1, 2, 3.5, None])
@pytest.mark.parametrize("way", [1, -1])
def test_lines_match_up_to_the_tolerance_and_not_beyond(tolerance, way):
    """Two cells unless told."""
    told = {} if tolerance is None else {"tolerance_cells": tolerance}
    within = int(tolerance or 2)
    for shift, expected in ((within, 1.0), (within + 1, 0.0)):
        given = line(30 + way * shift), line(30), EVERYWHERE
        values = scores.score_lines(*given, **told)
        assert values["precision"] == values["recall"] == values["f1"] == expected


def test_threshold_chooses_the_cells():
    given = 0.4 * line(30), line(30), EVERYWHERE
    for threshold, expected in ((0.5, 0), (0.4, 1)):
        assert scores.score_lines(*given, threshold=threshold)["f1"] == expected


@pytest.mark.parametrize("which", [0, 1, 2])
def test_shapes_that_differ_are_a_clear_error(which):
    parts = [line(30), line(30), np.ones(SHAPE)]
    parts[which] = parts[which][:, :-1]
    with pytest.raises(ValueError, match=r"Shapes differ.*\(60, 79\)"):
        scores.score_lines(*parts)


def test_empty_mask_is_a_clear_error():
    with pytest.raises(ValueError, match="no cell to score"):
        scores.score_lines(line(30), line(30), np.zeros(SHAPE))


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
    assert count[0] == count[-1] == 2 and len(count) == _cells.BINS


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
    values = scores.pooled([scores.score_lines(line(), line(), EVERYWHERE)] * 2)
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
