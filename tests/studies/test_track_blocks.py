"""A cruise with picks: blocks on its track, and what crosses them."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

from helpers import data
from registry_files import fetch_or_skip
from studies import cases, lines_against_maps

REGION = data.region("pacific_antarctic")
RATE = 40.0  # km a Ma, on both flanks of an axis at 500 km
LINE = LineString([(0, 0), (1000, 0)])


def picked(ages):
    """Picks of ages (negative: western flank) on the line, and one off it."""
    ages = np.array(ages)
    lon, lat = REGION.unproject([*(500 + RATE * ages), 300.0], [*np.zeros(len(ages)), 40.0])
    return pd.DataFrame({"longitude": lon, "latitude": lat, "age_ma": [*abs(ages), 5.0]})


def test_picked_chrons_become_blocks_of_their_width():
    blocks = lines_against_maps.blocks(
        LINE, picked([-10.949, -3.58, -0.78, 0.78, 3.58, 9.74]), REGION
    )
    assert blocks["chron"].tolist() == ["C5n.2n", "C2An.3n", "C1n", "C2An.3n"]
    middle = blocks[blocks["chron"] == "C1n"].iloc[0]
    assert (middle.start_km, middle.end_km) == pytest.approx((500 - 31.2, 500 + 31.2), abs=0.1)
    old = blocks.iloc[0]  # C5n.2n, 9.92 to 10.949 Ma
    assert (old.start_km, old.end_km) == pytest.approx((500 - 437.96, 500 - 396.8), abs=4)


def test_too_few_picks_say_so():
    with pytest.raises(ValueError, match="Only 2 picks"):
        lines_against_maps.blocks(LINE, picked([1, 2]), REGION)


def test_crossings_are_places_on_the_track():
    across = [LineString([(x, -10), (x, 10)]) for x in (700, 100, 102)]
    along = LineString([(0, 5), (900, 5)])
    found = geopandas.GeoDataFrame(geometry=[*across, along])
    assert lines_against_maps.crossings(found, LINE).tolist() == [
        100,
        700,
    ]  # 102 is less than 4 km on
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
    table = lines_against_maps.table({"one": found}, LINE, blocks, np.random.default_rng(0))
    assert table.loc["one", ["crossed", "without_block"]].tolist() == [1, 0]
    assert 0.2 < table.loc["one", "by_chance"] < 0.5  # a third of the track is block


def test_the_track_of_a_cruise_is_found_or_named():
    for name in cases.CRUISES:
        fetch_or_skip(f"tracks/ncei/{name}.m77t")
    table = cases.real_cruises()
    line = lines_against_maps.track(table, "NBP9707", REGION)
    assert 2200 < line.length < 2300
    blocks = lines_against_maps.blocks(line, data.region_picks(REGION), REGION)
    assert len(blocks) == 60 and (blocks["end_km"] > blocks["start_km"]).all()
    with pytest.raises(ValueError, match="NBP9707"):
        lines_against_maps.track(table, "nobody", REGION)
