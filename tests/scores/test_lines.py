"""Scores of lines: on lines whose scores follow from a ruler."""

import geopandas
import numpy as np
import pytest
from shapely.geometry import LineString, MultiLineString

import toys
from helpers import scores
from helpers.scores import _lines
from studies import region_doubts


def made(*pairs):
    """Straight lines as a table."""
    geometry = [LineString(pair) for pair in pairs]
    table = geopandas.GeoDataFrame(geometry=geometry, crs="+proj=merc +units=km")
    return table.assign(length_km=table.length)


TRUE = made([(0, 0), (0, 200)], [(50, 0), (50, 200)])


def test_the_truth_scores_best():
    values = scores.evaluate(TRUE, TRUE)
    expected = {
        "completeness": 1, "correctness": 1, "fragmentation": 1, "breaks_per_100km": 0,
        "mean_segment_km": 200, "strike_error_deg": 0,
    }  # fmt: skip
    assert values == pytest.approx(expected)


def test_a_line_in_three_pieces_beside_a_wrong_one():
    found = made([(2, 0), (2, 60)], [(2, 80), (2, 120)], [(2, 140), (2, 200)], [(25, 0), (25, 160)])
    values = scores.evaluate(found, TRUE)
    # of 400 km 160 are found, and of each end of a gap the tolerance of 4 km reaches sqrt(12) on
    assert values["completeness"] == pytest.approx((160 + 4 * 12**0.5) / 400, abs=0.01)
    assert values["correctness"] == pytest.approx(160 / 320, abs=0.01)
    assert values["fragmentation"] == 3
    assert values["breaks_per_100km"] == pytest.approx(2 / 4)
    assert values["mean_segment_km"] == 80
    np.testing.assert_allclose(region_doubts.right_share(found, TRUE), [1, 1, 1, 0])


def test_the_strike_error_is_the_angle_between_found_and_true():
    slope = np.tan(np.radians(5)) * 40
    found = made([(-slope / 2, 80), (slope / 2, 120)])
    assert scores.evaluate(found, TRUE)["strike_error_deg"] == pytest.approx(5, abs=1e-6)


def test_far_lines_and_no_lines_score_nothing():
    nothing = made()
    for found in (made([(25, 0), (25, 200)]), nothing):
        values = scores.evaluate(found, TRUE)
        assert values["completeness"] == 0 and np.isnan(values["fragmentation"])
        assert np.isnan(values["strike_error_deg"])
    assert np.isnan(scores.evaluate(TRUE, nothing)["completeness"])


def test_true_lines_stand_where_truth_is_known():
    label = np.zeros((100, 60), "uint8")
    label[:, 29:32] = 1
    truth = toys.grid({"label": label}, crs="+proj=merc +units=km")
    known = np.ones((100, 60), bool)
    known[:50] = False
    line = scores.true_lines(truth, known).geometry[0]
    assert abs(line.bounds[1] - 100) <= 6 and abs(line.centroid.x - 60) < 0.5


def test_places_lie_beside_a_line_that_bends_or_comes_in_parts():
    parts = MultiLineString([[(0, 0), (50, 0), (50, 50)], [(0, 100), (50, 100)]])
    others = geopandas.GeoDataFrame(geometry=[parts])
    places = np.array([(25, 3.9), (25, 4.1), (46.1, 30), (25, 97), (25, 75), (50, 80)])
    np.testing.assert_array_equal(_lines.beside(places, others), [1, 0, 1, 1, 0, 0])
    assert not _lines.beside(places, others[:0]).any()
