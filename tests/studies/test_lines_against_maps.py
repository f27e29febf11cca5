"""Lines against isochrons, picks, blocks on a track, and lines that know nothing."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

import toys
from helpers import data, lines
from helpers.data import _published
from registry_files import fetch_or_skip
from studies import cases, lines_against_maps

CRS = "+proj=merc +units=km"


def made(*pairs):
    """Straight lines as a table, with strikes."""
    table = geopandas.GeoDataFrame(geometry=[LineString(pair) for pair in pairs], crs=CRS)
    places, strike, owner = lines.points_along(table, 1e6)
    return table.assign(strike_deg=strike, length_km=table.length)


ISOCHRONS = made([(0, 0), (0, 300)], [(100, 0), (100, 300)])
FOUND = made([(6, 0), (6, 300)], [(94, 0), (94, 300)])


def strikes(*rows):
    return pd.DataFrame(rows, columns=["easting_km", "northing_km", "strike_deg"])


def test_lines_are_measured_against_isochrons_and_picks():
    pairs = strikes((8, 100, 10), (92, 200, 170), (50, 100, 90))  # the last has no line near
    sets = {"found": FOUND, "turned": lines_against_maps.turned(FOUND)}
    table = lines_against_maps.compare(sets, ISOCHRONS, pairs)
    row = table.loc["found"]
    assert row["lines"] == 2 and row["length_km"] == 600
    assert row["isochron_km"] == pytest.approx(6) and row["to_isochron_km"] == pytest.approx(6)
    assert row["isochron_deg"] == 0 and row["picks_deg"] == pytest.approx(10) and row["pairs"] == 2
    assert table.loc["turned", "isochron_deg"] == pytest.approx(90)
    assert np.isinf(table.loc["turned", "isochron_km"])  # no line of their trend


def test_isochrons_count_only_where_lines_can_be():
    axes = np.arange(0, 301, 10.0), np.arange(0, 61, 10.0)
    known = toys.grid({"known": True}, axes)["known"]
    given = {"found": FOUND.iloc[:1]}, ISOCHRONS, strikes()
    everywhere = lines_against_maps.compare(*given).loc["found", "isochron_km"]
    near = lines_against_maps.compare(*given, known).loc["found", "isochron_km"]
    assert everywhere > 40 and near == pytest.approx(6)


def test_no_lines_measure_nothing():
    none = {"none": FOUND.iloc[:0]}
    row = lines_against_maps.compare(none, ISOCHRONS, strikes((0, 0, 0))).loc["none"]
    assert row["lines"] == row["pairs"] == 0 and np.isnan(row["isochron_deg"])


def test_moved_lines_keep_their_shape_and_turned_ones_their_middle():
    sets = lines_against_maps.beside_chance(FOUND, np.random.default_rng(3))
    moved, turned = sets["moved"], sets["turned"]
    gone = FOUND.centroid.distance(moved.centroid)
    assert gone.between(*lines_against_maps.MOVED_KM).all()
    np.testing.assert_allclose(moved.length, FOUND.length)
    assert turned.geometry[0].centroid.distance(FOUND.geometry[0].centroid) < 1e-9
    assert turned["strike_deg"].tolist() == [90, 90]


def test_neighbouring_picks_of_one_chron_tell_a_strike():
    region = data.region("azores")
    lon, lat = region.unproject([0, 0, 40, 0, 0], [0, 30, 0, 33, 200])
    table = pd.DataFrame({"longitude": lon, "latitude": lat, "age_ma": 10.9})
    table["chron"], table["end"] = "C5n.2n", "o"
    table["cruise"] = ["A", "B", "A", "B", "C"]  # the third is of the first one's cruise
    found = lines_against_maps.pick_strikes(table, region)
    np.testing.assert_allclose(found["strike_deg"].iloc[:2], [0, 0], atol=1e-6)
    assert len(found) == 4  # the last has no other within 60 km
    assert lines_against_maps.pick_strikes(table.assign(age_ma=2.0), region).empty
    assert set(_published.COLUMNS) > set(table.columns)


def test_ridges_of_a_plain_filter_find_plain_stripes():
    stripes = 100 * np.sin(2 * np.pi * np.indices((100, 100))[1] / 20)
    grid = toys.grid({"anomaly": stripes, "block": stripes, "distance_km": 0.0}, crs=CRS)
    guided = toys.grid({"anomaly": stripes, "strike_deg": 0.0})
    found = lines_against_maps.ridge_lines(grid, guided, 1000.0)
    assert len(found) == 5 and found["length_km"].sum() == pytest.approx(1000, rel=0.05)
    crests = (np.arange(5) * 20 + 5) * 2.0
    np.testing.assert_allclose(np.sort(found.centroid.x), crests, atol=2.0)  # a cell


# --- polarity blocks on the track of a cruise --------------------------------------------------

REGION = data.region("pacific_antarctic")
RATE = 40.0  # km a Ma, on both flanks of an axis at 500 km
LINE = LineString([(0, 0), (1000, 0)])


def picked(ages):
    """Picks of ages (negative: western flank) on the line, and one off it."""
    ages = np.array(ages)
    lon, lat = REGION.unproject([*(500 + RATE * ages), 300.0], [*np.zeros(len(ages)), 40.0])
    return pd.DataFrame({"longitude": lon, "latitude": lat, "age_ma": [*abs(ages), 5.0]})


def test_picked_chrons_become_blocks_of_their_width():
    picks = picked([-10.949, -3.58, -0.78, 0.78, 3.58, 9.74])
    blocks = lines_against_maps.picked_blocks(LINE, picks, REGION)
    assert blocks["chron"].tolist() == ["C5n.2n", "C2An.3n", "C1n", "C2An.3n"]
    middle = blocks[blocks["chron"] == "C1n"].iloc[0]
    assert (middle.start_km, middle.end_km) == pytest.approx((500 - 31.2, 500 + 31.2), abs=0.1)
    old = blocks.iloc[0]  # C5n.2n, 9.92 to 10.949 Ma
    assert (old.start_km, old.end_km) == pytest.approx((500 - 437.96, 500 - 396.8), abs=4)


def test_a_chron_that_the_track_meets_twice_stays_two():
    """The ship sails to 15 Ma, turns, and comes back 60 km beside its way."""
    line = LineString([(500, 0), (1100, 0), (1100, 60), (500, 60)])
    ages = np.array([0.78, 3.58, 5.894, 9.74, 13.0])
    there, back = 500 + RATE * ages, 500 + RATE * ages[::-1]
    lon, lat = REGION.unproject([*there, *back], [0.0] * 5 + [60.0] * 5)
    picks = pd.DataFrame({"longitude": lon, "latitude": lat, "age_ma": [*ages, *ages[::-1]]})
    blocks = lines_against_maps.picked_blocks(line, picks, REGION)
    counted = blocks["chron"].value_counts()
    assert counted["C2An.3n"] == 2 and counted["C3An.1n"] == 2
    width = blocks[blocks["chron"] == "C2An.3n"].eval("end_km - start_km")
    assert width.tolist() == pytest.approx([RATE * 0.25] * 2, abs=2.5)


def test_the_axis_between_picks_is_one_block_and_a_turn_before_it_none():
    line = LineString([(0, 0), (600, 0), (600, 50), (0, 50)])  # turns 100 km beyond the axis
    flank = [(2.58, 396.8), (5.894, 264.2)]
    lon, lat = REGION.unproject([x for _, x in flank] * 2, [0.0, 0.0, 50.0, 50.0])
    picks = pd.DataFrame({"longitude": lon, "latitude": lat, "age_ma": [2.58, 5.894] * 2})
    blocks = lines_against_maps.picked_blocks(line, picks, REGION)
    assert not (blocks["end_km"] - blocks["start_km"] > 120).any()


def test_too_few_picks_say_so():
    with pytest.raises(ValueError, match="Only 2 picks"):
        lines_against_maps.picked_blocks(LINE, picked([1, 2]), REGION)


def test_crossings_are_places_on_the_track():
    across = [LineString([(x, -10), (x, 10)]) for x in (700, 100, 102)]
    along = LineString([(0, 5), (900, 5)])
    found = geopandas.GeoDataFrame(geometry=[*across, along])
    # 102 is less than 4 km on
    assert lines_against_maps.crossings(found, LINE).tolist() == [100, 700]
    assert len(lines_against_maps.crossings(found.iloc[:0], LINE)) == 0


def test_blocks_and_crossings_are_counted():
    blocks = pd.DataFrame({"chron": list("abc"), "start_km": [0, 50, 90], "end_km": [10, 60, 100]})
    places = np.array([-30, 5, 9, 30, 61, 75])
    expected = {"blocks": 3, "crossed": 2, "crossings": 5, "without_block": 2}
    assert lines_against_maps.count(places, blocks) == expected
    chance = lines_against_maps.by_chance(places, blocks, np.random.default_rng(0))
    assert chance["crossings"] == 5
    # each slid crossing falls in a block, or within a cell of it, with probability 0.38
    assert chance["without_block"] == pytest.approx(5 * 0.62, abs=0.3)


def test_sets_of_lines_stand_beside_chance():
    blocks = pd.DataFrame({"chron": ["a", "b"], "start_km": [0, 500], "end_km": [100, 600]})
    found = geopandas.GeoDataFrame(geometry=[LineString([(50, -9), (50, 9)])])
    rng = np.random.default_rng(0)
    table = lines_against_maps.compare_blocks({"one": found}, LINE, blocks, rng)
    assert table.loc["one", ["crossed", "without_block"]].tolist() == [1, 0]
    assert 0.2 < table.loc["one", "by_chance"] < 0.5  # a third of the track is block


def test_the_track_of_a_cruise_is_found_or_named():
    for name in cases.CRUISES:
        fetch_or_skip(f"tracks/ncei/{name}.m77t")
    table = cases.real_cruises()
    ((line, readings),) = lines_against_maps.passages(table, "NBP9707", REGION)
    assert 2200 < line.length < 2300 and len(readings) > 6000
    blocks = lines_against_maps.picked_blocks(line, data.region_picks(REGION), REGION)
    assert len(blocks) == 60 and (blocks["end_km"] > blocks["start_km"]).all()
    with pytest.raises(ValueError, match="NBP9707"):
        lines_against_maps.passages(table, "nobody", REGION)


def test_a_gap_divides_a_track_into_passages():
    """Two stretches of 100 km, 200 km apart: nothing lies between them."""
    east = np.r_[np.arange(0, 101, 5.0), np.arange(300, 401, 5.0)]
    lon, lat = REGION.unproject(east, np.zeros(east.size))
    table = pd.DataFrame({"cruise": "A", "longitude": lon, "latitude": lat})
    found = lines_against_maps.passages(table, "A", REGION)
    assert [one.line.length for one in found] == pytest.approx([100, 100], abs=0.5)
    assert [len(one.readings) for one in found] == [21, 21]
