"""Cells of lines paired one to one, in closed cases."""

import doctest

import numpy as np
import pytest

from studies import protocol
from toys import rows as line

SHAPE = (60, 80)
EVERYWHERE = np.ones(SHAPE)


def counted(probability, truth, mask=EVERYWHERE, **options):
    return protocol.one_to_one_counts(probability, truth, mask, **options).tolist()


def test_two_lines_beside_one_are_one_hit_and_one_false_line():
    assert counted(line(28, 32), line(30)) == [160, 80, 80, 80]
    assert counted(line(30), line(28, 32)) == [80, 80, 160, 80]
    assert protocol.one_to_one_f1(counted(line(28, 32), line(30))) == pytest.approx(2 / 3)


@pytest.mark.parametrize("tolerance", [1.0, 2.0, 3.0])
def test_pairs_reach_up_to_the_tolerance_and_not_beyond(tolerance):
    shift = int(tolerance)
    near = counted(line(30 + shift), line(30), tolerance_cells=tolerance)
    far = counted(line(31 + shift), line(30), tolerance_cells=tolerance)
    assert near == [80, 80, 80, 80] and far == [80, 0, 80, 0]


def test_pairs_are_as_many_as_can_be_and_one_to_one():
    one = np.array([[0, 0], [0, 1], [9, 9]])
    other = np.array([[0, 1], [0, 2]])  # the first of one reaches only the first of other
    of_one, of_other = protocol.pair_one_to_one(one, other, 1.0)
    assert of_one.tolist() == [0, 1, -1] and of_other.tolist() == [0, 1]
    nothing = protocol.pair_one_to_one(one, other[:0], 1.0)
    assert nothing[0].tolist() == [-1, -1, -1] and nothing[1].size == 0


def test_pairs_under_the_mask_do_not_count():
    mask = EVERYWHERE.copy()
    mask[40:] = 0
    assert counted(line(20, 45), line(20, 52), mask) == [80, 80, 80, 80]


def test_f1_of_several_maps_is_of_the_sums():
    table = [[10, 10, 10, 10], [30, 0, 10, 0]]
    assert protocol.one_to_one_f1(table) == pytest.approx(2 * 0.25 * 0.5 / 0.75)
    assert protocol.one_to_one_f1([0, 0, 0, 0]) == 0 and protocol.one_to_one_f1([5, 0, 0, 0]) == 0


def test_best_threshold_of_all_and_of_each():
    """One map needs a threshold below 0.3, the other one above 0.6."""
    maps = np.stack([0.3 * line(10), 0.9 * line(20) + 0.6 * line(40)])
    truth, mask = np.stack([line(10), line(20)]), np.stack([EVERYWHERE] * 2)
    best = protocol.best_one_to_one_f1(maps, truth, mask, thresholds=(0.25, 0.75))
    assert best["ois"] == 1.0
    # with the lower one a false line is drawn: 2 of 3; with the upper one a line is missed: 1 of 2
    assert best["ods"] == pytest.approx(2 * (2 / 3) / (5 / 3)) and best["threshold"] == 0.25
    assert best["precision"] == pytest.approx([2 / 3, 1]) and best["recall"] == [1, 0.5]


@pytest.mark.parametrize("module", [protocol])
def test_examples_are_right(module):
    assert doctest.testmod(module).failed == 0
