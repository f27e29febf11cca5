"""Tracing probability maps into lines."""

import geopandas
import numpy as np
import pytest
from shapely.geometry import LineString

import toys
from helpers import data, lines

REGION = data.region("reykjanes")


def prediction(probability):
    """Wrap a probability array as a prediction in the projection of a region."""
    axes = [2.0 * np.arange(size) + 1 for size in probability.shape]
    layers = {"probability": probability, "uncertainty": 0.1 * probability}
    return toys.grid(layers, axes, crs=REGION.crs)


def band(strike_deg, offset=0.0, size=100, half=1.5):
    """A straight band three cells wide through the middle of a map."""
    north, east = np.indices((size, size)) - size / 2 + 0.5
    strike = np.radians(strike_deg)
    return (abs(east * np.cos(strike) - north * np.sin(strike) - offset) <= half).astype(float)


@pytest.mark.parametrize("strike", [0, 30, 45, 90, 135, 160])
def test_a_straight_band_is_one_line_with_its_strike(strike):
    found = lines.trace(prediction(0.9 * band(strike)))
    assert len(found) == 1
    difference = (found.strike_deg[0] - strike + 90) % 180 - 90
    assert abs(difference) < 1.0  # the skeleton may hook by a cell at the ends of 200 km
    full = 200 / max(abs(np.cos(np.radians(strike))), abs(np.sin(np.radians(strike))))
    assert full - 16 < found.length_km[0] < full + 4
    assert found.probability[0] == pytest.approx(0.9, abs=0.01)
    assert found.uncertainty[0] == pytest.approx(0.09, abs=0.001)


def test_the_line_lies_where_the_band_lies():
    found = lines.trace(prediction(band(0, offset=20)))
    east = np.array(found.geometry[0].coords)[:, 0]
    assert np.abs(east - (50 + 20) * 2.0).max() <= 2.0  # one cell


def test_crossing_bands_are_cut_where_they_meet_and_joined_straight_on():
    crossing = prediction(np.maximum(band(0), band(90)))
    for gap_km, expected in ((0, [0, 0, 1, 1]), (16, [0, 1])):
        found = lines.trace(crossing, gap_km=gap_km)
        assert sorted(np.round(found.strike_deg / 90).astype(int) % 2) == expected


def broken(strike_deg, gap_cells, offset=0.0):
    """A band whose middle is missing; the second half may be shifted sideways."""
    north, east = np.indices((100, 100)) - 49.5
    strike = np.radians(strike_deg)
    along = east * np.sin(strike) + north * np.cos(strike)
    half = np.where(along > 0, band(strike_deg, offset), band(strike_deg))
    return half * (abs(along) > gap_cells / 2)


@pytest.mark.parametrize(
    ("field", "number"),
    [
        (broken(30, 6), 1),
        (broken(30, 12), 2),  # too far: thinning takes another cell or two from each end
        (broken(90, 6, offset=6), 2),  # the halves do not head for each other
    ],
)
def test_gaps_are_bridged_where_the_ends_head_for_each_other(field, number):
    found = lines.trace(prediction(field))
    assert len(found) == number
    if number == 1:  # the cells of the gap count in the mean
        assert 0.85 < found.probability[0] < 0.99


@pytest.mark.parametrize(
    ("layer", "inside", "number"),
    [
        ("strike_deg", 0.0, 1),
        ("strike_deg", 80.0, 2),
        ("anomaly", 50.0, 1),
        ("anomaly", -50.0, 2),
    ],
)
def test_no_bridge_against_the_strike_or_the_sign_of_the_map(layer, inside, number):
    grid = prediction(broken(0, 4))
    values = np.full((100, 100), 50.0 if layer == "anomaly" else np.nan)
    values[48:52] = inside
    grid[layer] = grid["probability"].copy(data=values)
    assert len(lines.trace(grid)) == number


def test_fracture_zones_cut_lines_and_bear_no_bridge():
    zone = geopandas.GeoDataFrame(geometry=[LineString([(0, 101), (200, 101)])], crs=REGION.crs)
    for field in (band(0), broken(0, 4)):
        found = lines.trace(prediction(field), fracture_zones=zone.to_crs(4326))
        assert len(found) == 2
        assert not found.intersects(zone.geometry[0]).any()
        assert found.length_km.sum() > 170


def test_a_line_carries_the_means_of_what_it_crosses():
    grid = prediction(band(90))
    ramp = np.broadcast_to(np.arange(100.0), (100, 100))
    grid["distance_km"] = grid["probability"].copy(data=ramp)
    grid["anomaly"] = grid["probability"].copy(data=-1.0 - ramp)
    found = lines.trace(grid)
    assert found.distance_km[0] == pytest.approx(49.5, abs=1)
    assert found.anomaly_sign[0] == -1
    bare = lines.trace(prediction(band(90)))
    assert bare.anomaly_sign[0] == 0 and np.isnan(bare.distance_km[0])


def test_points_along_a_line_know_its_strike():
    bent = [LineString([(0, 0), (0, 10), (10, 10)]), LineString([(5, 5), (6, 6)])]
    bent = geopandas.GeoSeries(bent)
    places, strike, owner = lines.points_along(bent, 2.0)
    assert np.bincount(owner).tolist() == [10, 1]
    np.testing.assert_allclose(places[[0, 9, 10]], [(0, 1), (9, 10), (5.5, 5.5)])
    np.testing.assert_allclose(strike[[0, 9, 10]], [0, 90, 45])


def test_short_lines_and_weak_cells_are_left_out():
    short = np.zeros((60, 60))
    short[30, 10:15] = 1.0
    for nothing in (short, 0.4 * band(0)):
        assert len(lines.trace(prediction(nothing))) == 0
    assert len(lines.trace(prediction(0.4 * band(0)), threshold=0.3)) == 1


def test_missing_values_are_no_lines():
    field = band(0)
    field[:50] = np.nan
    found = lines.trace(prediction(field))
    assert len(found) == 1 and found.length_km[0] < 104


def test_bad_input_says_what_is_expected():
    grid = prediction(band(0))
    with pytest.raises(ValueError, match="probability"):
        lines.trace(grid.drop_vars("probability"))
    with pytest.raises(ValueError, match="crs"):
        lines.trace(grid.drop_attrs())
