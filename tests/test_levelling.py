"""Crossovers and levelling, on tracks over a known field with known errors."""

import numpy as np
import pandas as pd
import pytest

from helpers import data, levelling

REGION = data.region_from_box(-3, 3, -3, 3, name="test box")


def field(east, north):
    """A smooth anomaly (nT) with stripes of 60 km."""
    return 80 * np.sin(2 * np.pi * (east + 0.3 * north) / 60)


def cruise(name, start, stop, constant=0.0, drift=0.0, noise=0.0, seed=0, step_km=0.5):
    """Readings along a straight line (km), with an offset and a drift over the line."""
    start, stop = np.array(start, float), np.array(stop, float)
    number = int(np.hypot(*(stop - start)) / step_km) + 1
    share = np.linspace(0, 1, number)
    east, north = (start + share[:, None] * (stop - start)).T
    longitude, latitude = REGION.unproject(east, north)
    error = constant + drift * (share - 0.5)
    error += noise * np.random.default_rng(seed).standard_normal(number)
    return pd.DataFrame(
        {
            "cruise": name,
            "time": pd.Timestamp("1990-01-01") + pd.to_timedelta(share * 10, unit="D"),
            "longitude": longitude,
            "latitude": latitude,
            "residual_nt": field(east, north) + error,
        }
    )


def grid_of_cruises(rng, number=12, **errors):
    """Cruises west-east and south-north that all cross, with constants of 50 nT."""
    constants = rng.normal(0, 50, 2 * number)
    drifts = rng.normal(0, errors.pop("drift", 0.0), 2 * number)
    place = np.linspace(-250, 250, number)
    pieces = []
    for k in range(number):
        ends = [((-280, place[k]), (280, place[k])), ((place[k], -280), (place[k], 280))]
        for way, (start, stop) in enumerate(ends):
            n = 2 * k + way
            pieces.append(
                cruise(f"C{n:02d}", start, stop, constants[n], drifts[n], seed=n, **errors)
            )
    return pd.concat(pieces, ignore_index=True), constants, drifts


def test_two_crossing_tracks_meet_once_at_the_right_place_with_their_difference():
    table = pd.concat([cruise("A", (-50, -10), (50, -10), 7), cruise("B", (20, -60), (20, 60), -5)])
    found = levelling.crossovers(table, REGION)
    assert len(found) == 1
    assert found.easting_km[0] == pytest.approx(20, abs=0.01)
    assert found.northing_km[0] == pytest.approx(-10, abs=0.01)
    sign = 1 if found.cruise_1[0] == "A" else -1
    # linear interpolation over 0.5 km of a 60 km wave is off by at most 0.03 nT
    assert sign * found.error_nt[0] == pytest.approx(12, abs=0.1)


def test_parallel_tracks_and_gaps_do_not_cross():
    table = pd.concat([cruise("A", (-50, 0), (50, 0)), cruise("B", (-50, 5), (50, 5))])
    assert levelling.crossovers(table, REGION).empty
    gap = cruise("C", (0, -60), (0, 60))
    gap = gap[np.abs(REGION.project(gap.longitude, gap.latitude)[1]) > 10]
    table = pd.concat([cruise("A", (-50, 0), (50, 0)), gap])
    assert levelling.crossovers(table, REGION).empty


def test_a_cruise_that_crosses_itself_is_listed():
    eight = pd.concat([cruise("A", (-50, -50), (50, 50)), cruise("A", (50, -50), (-50, 50))])
    eight["time"] = pd.Timestamp("1990-01-01") + pd.to_timedelta(np.arange(len(eight)), unit="min")
    found = levelling.crossovers(eight, REGION)
    assert len(found) == 1 and found.cruise_1[0] == found.cruise_2[0] == "A"


def test_every_crossing_of_a_grid_is_found():
    table, _, _ = grid_of_cruises(np.random.default_rng(0), number=9)
    assert len(levelling.crossovers(table, REGION)) == 81


def test_known_constants_come_back_and_the_errors_fall_fivefold():
    table, constants, _ = grid_of_cruises(np.random.default_rng(1), noise=4.0)
    levelled, corrections = levelling.level(table, REGION, drift=False)
    expected = constants - np.average(constants, weights=corrections.crossovers)
    # 12 crossovers of 4 nT noise, twice, leave about 1.6 nT for each constant
    assert np.abs(corrections.constant_nt.to_numpy() - expected).max() < 5
    before = levelling.crossovers(table, REGION).error_nt.abs().median()
    after = levelling.crossovers(levelled, REGION).error_nt.abs().median()
    assert before > 5 * after


def test_known_drifts_come_back():
    table, _, drifts = grid_of_cruises(np.random.default_rng(2), noise=1.0, drift=20.0)
    _, corrections = levelling.level(table, REGION)
    # what all drifts share with the constants cannot be told apart; the rest must follow
    assert np.corrcoef(corrections.drift_nt, drifts)[0, 1] > 0.98


def test_outliers_at_crossings_do_not_spoil_the_rest():
    table, constants, _ = grid_of_cruises(np.random.default_rng(3))
    wild = np.random.default_rng(4).random(len(table)) < 0.03
    table.loc[wild, "residual_nt"] += 2000
    _, corrections = levelling.level(table, REGION, drift=False)
    expected = constants - np.average(constants, weights=corrections.crossovers)
    assert np.abs(corrections.constant_nt.to_numpy() - expected).max() < 5


def test_the_table_given_is_left_alone_and_cruises_that_cross_none_too():
    lonely = cruise("Z", (-270, -277), (-265, -277), constant=9)
    table = pd.concat([cruise("A", (-50, 0), (50, 0), 8), cruise("B", (0, -50), (0, 50)), lonely])
    copy = table.copy()
    levelled, corrections = levelling.level(table, REGION)
    pd.testing.assert_frame_equal(table, copy)
    assert "Z" not in corrections.index
    same = levelled.cruise == "Z"
    np.testing.assert_array_equal(levelled[same].residual_nt, lonely.residual_nt)


def test_bad_input_says_what_to_do():
    table = pd.concat([cruise("A", (-50, 0), (50, 0)), cruise("B", (-50, 5), (50, 5))])
    with pytest.raises(ValueError, match="crossovers"):
        levelling.level(table, REGION)
    with pytest.raises(ValueError, match="residual_nt"):
        levelling.crossovers(table.drop(columns="residual_nt"), REGION)
