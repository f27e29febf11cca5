"""Intervals over seeds and blocks: what they hold, and what widens them."""

import numpy as np
import pytest

from studies import protocol


def records(table, region="epr", coverage=0.1):
    """Return records from counts, shape (seeds, blocks, 4)."""
    return [
        {"seed": seed, "region": region, "coverage": coverage, "counts": row.tolist()}
        for seed, row in enumerate(np.asarray(table), start=1)
    ]


def blocks(shares, cells=100):
    """Return counts of blocks with these shares of right and found cells."""
    return [[cells, round(share * cells), cells, round(share * cells)] for share in shares]


def test_interval_against_hand_values():
    # mean 3, standard deviation sqrt(2.5), t(0.975, 4) = 2.776445
    mean, half = protocol.interval([1, 2, 3, 4, 5])
    assert mean == 3 and half == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)
    mean, half = protocol.interval([0.2, 0.4])  # t(0.975, 1) = 12.70620
    assert mean == pytest.approx(0.3) and half == pytest.approx(12.70620 * 0.1, rel=1e-6)
    mean, half = protocol.interval([0.7])
    assert mean == 0.7 and np.isnan(half)


def test_no_spread_has_no_width():
    table = np.array([blocks([0.8] * 6)] * 5)
    assert protocol.interval_of_records(records(table)) == pytest.approx((0.8, 0.8, 0.8))


def test_mean_is_over_seeds_regions_and_coverages():
    first = records([blocks([0.6, 0.8]), blocks([0.8, 1.0])])
    other = records([blocks([0.2]), blocks([0.2])], "reykjanes", 0.2)
    mean, low, high = protocol.interval_of_records(first + other)
    assert mean == pytest.approx((0.8 + 0.2) / 2) and low < mean < high


def test_width_is_that_of_the_mean_over_blocks():
    """One seed, 40 blocks: the bootstrap's spread is that of a mean of 40."""
    rng = np.random.default_rng(1)
    shares = np.round(rng.uniform(0.4, 0.8, 40), 2)
    mean, low, high = protocol.interval_of_records(records([blocks(shares)]))
    assert mean == pytest.approx(protocol.one_to_one_f1(blocks(shares)))
    # 1,000 draws know the ends to about 3 % of the width
    assert high - low == pytest.approx(2 * 1.96 * shares.std() / np.sqrt(40), rel=0.1)


def test_seeds_that_differ_widen_the_interval():
    same = records([blocks([0.5, 0.6, 0.7])] * 4)
    apart = records([blocks(np.array([0.5, 0.6, 0.7]) + add) for add in (-0.2, -0.1, 0.1, 0.2)])
    widths = [np.ptp(protocol.interval_of_records(one)[1:]) for one in (same, apart)]
    assert widths[1] > 1.3 * widths[0]


# --- as text and tables -----------------------------------------------------------------------


def test_text_says_what_the_interval_is_over():
    table = records([blocks([0.3, 0.9, 0.5, 0.6, 0.8])] * 3)
    for record, value in zip(table, (0.2, 0.3, 0.4), strict=True):
        record["f1"] = record["ece"] = value
        record["counts_one_to_one"] = blocks([0.1] * 5)
    mean, low, high = protocol.interval_of_records(table)
    assert protocol.interval_text(table) == f"{mean:.2f} ({low:.2f}-{high:.2f})"
    assert protocol.interval_ends(table) == (mean, low, high)  # drawn anew, and the same
    assert protocol.interval_ends(table, "f1_one_to_one_2").mean == pytest.approx(0.1)
    # t(2) = 4.303, half-width 4.303 * .1 / sqrt(3) = .248
    assert protocol.interval_text(table, "ece", 3) == "0.300 ± 0.248"
    np.testing.assert_allclose(protocol.interval_ends(table, "ece"), [0.3, 0.052, 0.548], atol=1e-3)
    assert protocol.interval_text(table[:1], "ece") == "0.20"
    assert protocol.interval_text(table, "brier") == protocol.interval_text([]) == "-"


def test_table_has_a_row_for_each_model_and_a_column_for_each_coverage():
    made = [
        {"model": model, "input": "raw", "seed": 1, "region": region, "coverage": cover, "f1": f1}
        for model, cover, f1 in (("a", 0.05, 0.1), ("a", 0.2, 0.3), ("b", 0.2, 0.5))
        for region in ("epr", "reykjanes")
    ]
    table = protocol.interval_table(made)
    assert table.index.tolist() == [("a", "raw"), ("b", "raw")]
    assert table.to_numpy().tolist() == [["0.10", "0.30"], ["-", "0.50"]]
