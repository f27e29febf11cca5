"""What the rule of support leaves out where the truth is known."""

import pytest

from studies import line_support


@pytest.mark.rest
def test_where_many_tracks_cross_the_rule_leaves_out_little_and_little_that_is_right():
    found, errors = line_support.judged("reykjanes", 0.1)
    share = found.loc["left out", "length_km"] / found.loc["all", "length_km"]
    assert 0 < share < 0.05
    assert found.loc["left out", "correctness"] < found.loc["supported", "correctness"] - 0.1
    assert found.loc["supported", "correctness"] > found.loc["all", "correctness"]
    assert found.loc["supported", "f1"] > found.loc["all", "f1"] - 0.015
    one = found.loc["a strike that changes when one line is left out"]
    assert one["correctness"] < 0.5 and one["length_km"] < 0.02 * found.loc["all", "length_km"]
    ratio = errors["told_km"] / errors["error_km"]
    assert ratio.between(0.6, 1.7).all()
