"""Simulated cruises: coverage, order, columns, land, and errors of the stated size."""

import numpy as np
import pandas as pd
import pytest

import toys
from helpers import data, seafloor, tracks
from helpers.seafloor import ships

COLUMNS = "cruise time longitude latitude total_field_nt residual_nt depth_m".split()


def box(rows=160, columns=200, spacing=2.0):
    return (np.arange(rows) + 0.5) * spacing, (np.arange(columns) + 0.5) * spacing


def covered(table, northing, easting):
    """Return the share of cells that hold a reading."""
    spacing = easting[1] - easting[0]
    row = np.rint((table.northing_km - northing[0]) / spacing).astype(int)
    column = np.rint((table.easting_km - easting[0]) / spacing).astype(int)
    return len(set(zip(row, column, strict=True))) / (len(northing) * len(easting))


@pytest.mark.parametrize("coverage", [0.02, 0.1, 0.25, 0.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_coverage_is_reached_and_hardly_exceeded(coverage, seed):
    northing, easting = box()
    table = ships.lay_tracks(northing, easting, np.random.default_rng(seed), coverage)
    share = covered(table, northing, easting)
    # the last cruise ends at the reading that completes the share
    assert coverage <= share < coverage + 1 / (len(northing) * len(easting))
    last = table[table.cruise < table.cruise.max()]
    assert covered(last, northing, easting) < coverage  # it stopped as soon as it could


def test_readings_follow_each_other_within_the_box_at_the_speed_of_a_ship():
    northing, easting = box()
    table = ships.lay_tracks(northing, easting, np.random.default_rng(5), 0.2)
    assert table.easting_km.between(easting[0], easting[-1]).all()
    assert table.northing_km.between(northing[0], northing[-1]).all()
    assert sorted(table.cruise.unique()) == list(range(table.cruise.max() + 1))
    straight = 0
    for _, cruise in table.groupby("cruise"):
        assert (np.diff(cruise.hours) > 0).all()
        step = np.hypot(np.diff(cruise.easting_km), np.diff(cruise.northing_km))
        run = np.diff(cruise.hours) * ships.SPEED_KM_H
        # a straight line is never longer than what was sailed (corners, and bits out of the box)
        assert (step <= run + 1e-9).all()
        heading = np.radians(cruise.heading_deg.to_numpy()[1:])
        east, north = np.sin(heading) * step, np.cos(heading) * step
        off = np.diff(cruise.easting_km) - east, np.diff(cruise.northing_km) - north
        straight += np.sum(np.abs(off).sum(axis=0) < 1e-6)
    assert straight / len(table) > 0.9  # headings are clockwise from north, but for the corners


def test_cruises_are_of_all_years_and_kinds():
    northing, easting = box()
    table = ships.lay_tracks(northing, easting, np.random.default_rng(8), 0.6)
    start = table.groupby("cruise")["hours"].min() / ships.HOURS_A_YEAR + ships.LAUNCH.year
    assert start.between(ships.YEARS[0], ships.YEARS[2]).all()
    assert (start < 1970).any() and (start > 1995).any()
    courses = table.groupby("cruise")["heading_deg"].nunique()
    assert (courses <= 2).any() and (courses >= 3).any()


def test_gaps_are_of_the_stated_number_and_length():
    rng, readings = np.random.default_rng(9), 200_000
    piece = np.stack([np.zeros(readings)] * 3 + [np.arange(readings) / ships.SPEED_KM_H])
    kept = ships._lose_some(piece, rng)
    share = ships.GAP_KM / ships.GAP_EVERY_KM  # 5 %; gaps overlap in 2.5 % of their length
    gaps = readings * ships.SAMPLE_KM / ships.GAP_EVERY_KM
    assert 1 - kept.shape[1] / readings == pytest.approx(share, rel=4 * np.sqrt(2 / gaps))
    assert kept[3, 0] == 0 and (np.diff(kept[3]) > 0).all()


@pytest.mark.parametrize("coverage", [0, -0.1, 0.9, 1.5, np.nan])
def test_bad_coverage_is_a_clear_error(coverage):
    with pytest.raises(ValueError, match="coverage is .* between 0 and 0.9"):
        ships.lay_tracks(*box(), np.random.default_rng(1), coverage)


# --- what the ships read ----------------------------------------------------------------------


def many_cruises(number, heading=0.0, hours=0.0, position=(100.0, 100.0)):
    """Return one reading of each of many cruises."""
    table = pd.DataFrame({"cruise": np.arange(number), "heading_deg": heading, "hours": hours})
    table["easting_km"], table["northing_km"] = position
    return table


def errors_of(table, seed, field=0.0):
    grid = toys.grid({"anomaly": field}, box(101, 101))["anomaly"]
    return ships.read_field(grid.to_numpy(), grid, table, np.random.default_rng(seed))


NUMBER = 40000  # of cruises: a standard deviation is then known to 1 / sqrt(2 n) = 0.35 %
RELATIVE = 0.015  # four times that


def variance(*sizes):
    """Return the variance of independent errors of these sizes."""
    return float(np.sum(np.square(sizes)))


def test_errors_of_cruises_have_the_stated_size():
    table = many_cruises(NUMBER, heading=np.linspace(0, 360, NUMBER))
    error = errors_of(table, 1)
    expected = variance(ships.OFFSET_NT, ships.DIURNAL_NT, ships.ACTIVITY_NT, ships.NOISE_NT)
    expected += ships.HEADING_NT**2 + ships.HEADING_2_NT**2  # b and d, c and e: each half
    # the diurnal variation is zero at night: its fourth power, 5 to 10 times its square's, counts
    assert error.std() == pytest.approx(np.sqrt(expected), rel=2 * RELATIVE)
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(NUMBER)


def pairs(number, seed=3, **second):
    """Return two readings of each cruise, the second different; their errors' difference."""
    first = many_cruises(number)
    table = pd.concat([first, first.assign(**second)], ignore_index=True)
    error = errors_of(table, seed)
    return error[number:] - error[:number]


def later(hours, alike):
    """Return the variance that hours put between two readings; the day is alike to a share."""
    drift = ships.DRIFT_NT * hours / ships.DRIFT_HOURS
    return 2 * (ships.ACTIVITY_NT**2 + ships.DIURNAL_NT**2 * (1 - alike)) + drift**2


SAME_HOUR = np.exp(-(ships.DAY_TO_DAY**2))  # of another day, which differs by its size alone


@pytest.mark.parametrize(
    ("second", "expected", "times"),
    [
        ({}, 0.0, 1),  # noise alone
        # cos H and sin H change sign, the double angle does not: twice b
        ({"heading_deg": 180.0}, variance(2 * ships.HEADING_NT), 1),
        # from north to east: cos H 1 to 0, sin H 0 to 1, cos 2H 1 to -1
        ({"heading_deg": 90.0}, 2 * ships.HEADING_NT**2 + (2 * ships.HEADING_2_NT) ** 2, 1),
        # noon and midnight hardly overlap: exp(-(12 / 2 / width)**2) = 0.3 %
        ({"hours": 12.0}, later(12.0, 0.0), 2),
        ({"hours": 24.0}, later(24.0, SAME_HOUR), 2),
        ({"hours": 960.0}, later(960.0, SAME_HOUR), 2),
    ],
    ids=["nothing", "turned back", "turned", "half a day", "a day", "forty days"],
)
def test_two_readings_of_a_cruise_differ_by_what_lies_between_them(second, expected, times):
    expected += 2 * ships.NOISE_NT**2
    assert pairs(NUMBER, **second).std() == pytest.approx(np.sqrt(expected), rel=times * RELATIVE)


def test_quiet_day_is_quiet_at_night_and_has_one_bump():
    hours = np.arange(0, 240, 0.25)
    variation = ships._quiet_day(np.zeros(hours.size, int), hours, np.random.default_rng(1))
    peak = np.abs(variation).max()
    above = np.abs(variation) > 0.3 * peak
    assert np.sum(np.diff(above.astype(int)) == 1) in (9, 10, 11)  # once a day
    assert (np.abs(variation) < 0.01 * peak).mean() > 0.3  # the night
    assert (variation >= 0).all() or (variation <= 0).all()


# --- where the ships were ---------------------------------------------------------------------


def years_of(number, year):
    return np.full(number, float(year))


@pytest.mark.parametrize(("year", "size"), [(1960, 2.5), (1975, 0.6), (2005, 0.06)])
def test_navigation_error_is_that_of_the_era(year, size):
    table = many_cruises(NUMBER, hours=0.0)
    error = ships.position_error(table, years_of(NUMBER, year), np.random.default_rng(4))
    assert error.std(axis=1) == pytest.approx([size, size], rel=RELATIVE)
    assert abs(np.corrcoef(error)[0, 1]) < 4 / np.sqrt(NUMBER)


def test_navigation_error_changes_from_fix_to_fix_and_not_at_once():
    hours = np.arange(0, 480, 0.05)
    table = pd.DataFrame({"cruise": 7, "hours": hours + 5000})
    error = ships.position_error(table, np.array([1975.0]), np.random.default_rng(5))[0]
    # the steepest passage turns by 90 degrees in one interval: pi / 2 / 50 of the values
    assert np.abs(np.diff(error)).max() < 4 * 0.6 * np.sqrt(2) * np.pi / 2 / 50
    apart = int(2 * 2.5 / 0.05)  # two intervals: independent
    assert abs(np.corrcoef(error[:-apart], error[apart:])[0, 1]) < 4 / np.sqrt(480 / 2.5)
    assert np.corrcoef(error[:-5], error[5:])[0, 1] > 0.95  # a quarter of an hour


def test_field_is_read_where_the_ship_was_and_errors_of_navigation_show_on_a_slope():
    """The mean over many cruises tells the place to a few metres."""
    northing, easting = box(101, 101)
    field = 500 * easting + 300 * northing[:, None]  # nT; far above the other errors
    in_2005 = 47 * 365.25 * 24.0
    error = errors_of(many_cruises(NUMBER, hours=in_2005, position=(60.0, 121.5)), 4, field)
    parts = ships.OFFSET_NT, ships.DIURNAL_NT, ships.ACTIVITY_NT, ships.NOISE_NT
    parts += ships.HEADING_NT, ships.HEADING_2_NT, 500 * 0.06, 300 * 0.06
    assert error.std() == pytest.approx(np.sqrt(variance(*parts)), rel=2 * RELATIVE)
    true = 500 * 60.0 + 300 * 121.5
    assert error.mean() == pytest.approx(true, abs=4 * error.std() / np.sqrt(NUMBER))


def test_crossovers_have_the_size_of_real_ones():
    """Below the 61 nT of the whole archive and not better than well-kept cruises, 20 nT."""
    region, truth = data.region("epr"), seafloor.simulate_region("epr", spacing_km=4.0)
    table = seafloor.cruise_over(truth, region, np.random.default_rng(1), 0.1)
    error = tracks.crossovers(table, region)["error_nt"]
    assert len(error) > 200
    assert 20 < np.sqrt((error**2).mean()) < 61 and 12 < error.abs().median() < 30


# --- the table --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sea():
    """Return a box with land in its northern third, and its region."""
    region = data.region_from_box(-30, -27, 58, 60, name="box")
    made = toys.grid({"anomaly": 0.0}, region.grid_coords(2.0))
    made["anomaly"][2 * made.sizes["northing"] // 3 :] = np.nan
    return region, made


def test_table_is_one_of_the_design(sea):
    region, dataset = sea
    table = seafloor.cruise_over(dataset, region, np.random.default_rng(1), 0.15)
    assert list(table.columns) == COLUMNS
    assert pd.api.types.is_datetime64_dtype(table.time)
    assert table.cruise.str.fullmatch(r"SIM\d{3}").all() and table.cruise.nunique() > 3
    for _, cruise in table.groupby("cruise"):
        assert cruise.time.is_monotonic_increasing and cruise.time.is_unique
    assert table.total_field_nt.isna().all() and table.depth_m.isna().all()
    assert list(table.index) == list(range(len(table)))


def test_readings_on_land_are_left_out(sea):
    region, dataset = sea
    table = seafloor.cruise_over(dataset, region, np.random.default_rng(1), 0.15)
    assert np.isfinite(table.residual_nt).all()
    east, north = region.project(table.longitude, table.latitude)
    coast = float(dataset.northing[2 * dataset.sizes["northing"] // 3])
    # each reading is off by its navigation error, 2.5 km in the oldest cruises; five times is rare
    assert north.max() < coast + 5 * ships.ERAS[0][1] and north.max() > coast - 20
    assert (east >= float(dataset.easting[0]) - 1e-6).all()
    assert table.residual_nt.abs().max() < 8 * ships.OFFSET_NT  # errors only: the field is 0


def test_cruises_repeat_for_a_seed(sea):
    region, dataset = sea
    one, two, other = (
        seafloor.cruise_over(dataset, region, np.random.default_rng(seed)) for seed in (9, 9, 4)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert len(one) != len(other)


def test_longitudes_are_written_as_files_have_them():
    region = data.region_from_box(179, -179, 40, 41, name="box")
    flat = toys.grid({"anomaly": 0.0}, region.grid_coords(2.0))
    table = seafloor.cruise_over(flat, region, np.random.default_rng(2), 0.2)
    assert table.longitude.between(-180, 180).all()
    assert (table.longitude > 178).any() and (table.longitude < -178).any()


def test_waves_of_four_cells_are_read_whole_between_cells():
    """Straight lines between cells would leave 0.81 of them; NaN cells are not read across."""
    column = np.arange(64.0)
    wave = np.tile(np.cos(np.pi / 2 * (column + 0.3)), (20, 1))
    places = np.linspace(12, 50, 400)  # splines feel the edge over some four cells
    read = ships.between_cells(wave, np.full(400, 9.4), places)
    slope = np.polyfit(np.cos(np.pi / 2 * (places + 0.3)), read, 1)[0]
    assert slope == pytest.approx(1.0, abs=0.02)
    wave[:, 30] = np.nan
    read = ships.between_cells(wave, np.full(400, 9.4), places)
    np.testing.assert_array_equal(np.isnan(read), np.abs(places - 30) < 1 - 1e-6)
    assert np.isnan(ships.between_cells(wave, np.array([-0.1]), np.array([5.0]))).all()
