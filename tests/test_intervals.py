"""Intervals over seeds and blocks: what they hold, and what widens them."""

import numpy as np
import pytest

from helpers import intervals, matching


def records(table, region="epr", coverage=0.1):
    """Return records from counts, shape (seeds, blocks, 4)."""
    return [
        {"seed": seed, "region": region, "coverage": coverage, "counts": row.tolist()}
        for seed, row in enumerate(np.asarray(table), start=1)
    ]


def blocks(shares, cells=100):
    """Return counts of blocks with these shares of right and found cells."""
    return [[cells, round(share * cells), cells, round(share * cells)] for share in shares]


def test_no_spread_has_no_width():
    table = np.array([blocks([0.8] * 6)] * 5)
    assert intervals.of_records(records(table)) == pytest.approx((0.8, 0.8, 0.8))


def test_mean_is_over_seeds_regions_and_coverages():
    first = records([blocks([0.6, 0.8]), blocks([0.8, 1.0])])
    other = records([blocks([0.2]), blocks([0.2])], "reykjanes", 0.2)
    mean, low, high = intervals.of_records(first + other)
    assert mean == pytest.approx((0.8 + 0.2) / 2) and low < mean < high


def test_width_is_that_of_the_mean_over_blocks():
    """One seed, 40 blocks: the bootstrap's spread is that of a mean of 40."""
    rng = np.random.default_rng(1)
    shares = np.round(rng.uniform(0.4, 0.8, 40), 2)
    mean, low, high = intervals.of_records(records([blocks(shares)]))
    assert mean == pytest.approx(matching.f1(blocks(shares)))
    # 1,000 draws know the ends to about 3 % of the width
    assert high - low == pytest.approx(2 * 1.96 * shares.std() / np.sqrt(40), rel=0.1)


def test_seeds_that_differ_widen_the_interval():
    same = records([blocks([0.5, 0.6, 0.7])] * 4)
    apart = records([blocks(np.array([0.5, 0.6, 0.7]) + add) for add in (-0.2, -0.1, 0.1, 0.2)])
    widths = [np.ptp(intervals.of_records(one)[1:]) for one in (same, apart)]
    assert widths[1] > 1.3 * widths[0]


def test_interval_repeats_and_takes_other_counts():
    table = records([blocks([0.3, 0.9, 0.5])] * 2)
    assert intervals.of_records(table) == intervals.of_records(table)
    for record in table:
        record["other"] = blocks([0.1, 0.1, 0.1])
    assert intervals.of_records(table, measure="other")[0] == pytest.approx(0.1)
