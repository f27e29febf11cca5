"""Simulated cruises: coverage, order, columns, land, and errors of the stated size."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import data, ships

COLUMNS = "cruise time longitude latitude total_field_nt residual_nt depth_m".split()


def box(rows=160, columns=200, spacing=2.0):
    return (np.arange(rows) + 0.5) * spacing, (np.arange(columns) + 0.5) * spacing


def covered(table, northing, easting):
    """Return the share of cells that hold a reading."""
    spacing = easting[1] - easting[0]
    row = np.rint((table.northing_km - northing[0]) / spacing).astype(int)
    column = np.rint((table.easting_km - easting[0]) / spacing).astype(int)
    return len(set(zip(row, column, strict=True))) / (len(northing) * len(easting))


@pytest.mark.parametrize("coverage", [0.04, 0.1, 0.25, 0.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_coverage_is_reached_and_hardly_exceeded(coverage, seed):
    northing, easting = box()
    table = ships.lay_tracks(northing, easting, np.random.default_rng(seed), coverage)
    share = covered(table, northing, easting)
    # the last cruise may overshoot: a survey has at most 9 lines of half the shorter side
    # (160 cells) and as many turns, 800 of 32,000 cells
    assert coverage <= share < coverage + 0.03
    last = table[table.cruise < table.cruise.max()]
    assert covered(last, northing, easting) < coverage  # it stopped as soon as it could


def test_tracks_repeat_for_a_seed():
    one, two, other = (
        ships.lay_tracks(*box(), np.random.default_rng(seed), 0.1) for seed in (3, 3, 4)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert len(one) != len(other)


def test_readings_follow_each_other_within_the_box_at_the_speed_of_a_ship():
    northing, easting = box()
    table = ships.lay_tracks(northing, easting, np.random.default_rng(5), 0.2)
    assert table.easting_km.between(easting[0], easting[-1]).all()
    assert table.northing_km.between(northing[0], northing[-1]).all()
    assert sorted(table.cruise.unique()) == list(range(table.cruise.max() + 1))
    straight = 0
    for number, cruise in table.groupby("cruise"):
        assert (np.diff(cruise.hours) > 0).all()
        assert cruise.hours.iloc[0] == pytest.approx(720.0 * number)
        step = np.hypot(np.diff(cruise.easting_km), np.diff(cruise.northing_km))
        run = np.diff(cruise.hours) * ships.SPEED_KM_H
        # a straight line is never longer than what was sailed (corners, and bits out of the box)
        assert (step <= run + 1e-9).all()
        heading = np.radians(cruise.heading_deg.to_numpy()[1:])
        east, north = np.sin(heading) * step, np.cos(heading) * step
        same = np.abs(np.diff(cruise.easting_km) - east) + np.abs(
            np.diff(cruise.northing_km) - north
        )
        straight += np.sum(same < 1e-6)
    assert straight / len(table) > 0.9  # headings are clockwise from north, but for the corners


@pytest.mark.parametrize("coverage", [0, -0.1, 0.9, 1.5, np.nan])
def test_bad_coverage_is_a_clear_error(coverage):
    with pytest.raises(ValueError, match="coverage is .* between 0 and 0.9"):
        ships.lay_tracks(*box(), np.random.default_rng(1), coverage)


# --- what the ships read ----------------------------------------------------------------------


def many_cruises(number, heading=0.0, hours=0.0, position=(100.0, 100.0)):
    """Return one reading of each of many cruises."""
    return pd.DataFrame(
        {
            "cruise": np.arange(number),
            "easting_km": position[0],
            "northing_km": position[1],
            "heading_deg": heading,
            "hours": hours,
        }
    )


def grid_of(field, spacing=2.0):
    northing, easting = box(*field.shape, spacing)
    return xr.DataArray(field, {"northing": northing, "easting": easting}, ("northing", "easting"))


def errors_of(table, seed, field=None):
    grid = grid_of(np.zeros((101, 101)) if field is None else field)
    return ships.read_field(grid.to_numpy(), grid, table, np.random.default_rng(seed))


NUMBER = 40000  # of cruises: a standard deviation is then known to 1 / sqrt(2 n) = 0.35 %
RELATIVE = 0.015  # four times that


def diurnal_variance():
    """Return the variance of a sine of random phase: half its amplitude squared."""
    return ships.DIURNAL_NT**2 / 2


def test_errors_of_cruises_have_the_stated_size():
    error = errors_of(many_cruises(NUMBER, heading=np.linspace(0, 360, NUMBER)), 1)
    variance = ships.OFFSET_NT**2 + ships.HEADING_NT**2 + ships.NOISE_NT**2 + diurnal_variance()
    assert error.std() == pytest.approx(np.sqrt(variance), rel=RELATIVE)
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(NUMBER)


def test_drift_has_the_stated_size_after_500_hours():
    error = errors_of(many_cruises(NUMBER, hours=500.0), 2)
    variance = ships.OFFSET_NT**2 + ships.HEADING_NT**2 + ships.NOISE_NT**2 + diurnal_variance()
    variance += ships.DRIFT_NT**2
    assert error.std() == pytest.approx(np.sqrt(variance), rel=RELATIVE)


def pairs(number, **second):
    """Return two readings of each cruise, the second different; their errors' difference."""
    first = many_cruises(number)
    table = pd.concat([first, first.assign(**second)], ignore_index=True)
    error = errors_of(table, 3)
    return error[number:] - error[:number]


def test_noise_alone_parts_two_readings_at_one_time_and_place():
    assert pairs(NUMBER).std() == pytest.approx(np.sqrt(2) * ships.NOISE_NT, rel=RELATIVE)


def test_heading_error_between_opposite_courses():
    # cos H changes sign, sin H stays 0: twice the coefficient
    variance = (2 * ships.HEADING_NT) ** 2 + 2 * ships.NOISE_NT**2
    assert pairs(NUMBER, heading_deg=180.0).std() == pytest.approx(np.sqrt(variance), rel=RELATIVE)


def test_diurnal_variation_repeats_after_a_day_and_turns_after_half():
    half, day = pairs(NUMBER, hours=12.0), pairs(NUMBER, hours=24.0)
    drift, noise = (ships.DRIFT_NT / 500) ** 2, 2 * ships.NOISE_NT**2
    assert day.std() == pytest.approx(np.sqrt(noise + drift * 24**2), rel=RELATIVE)
    variance = 4 * diurnal_variance() + noise + drift * 12**2
    assert half.std() == pytest.approx(np.sqrt(variance), rel=RELATIVE)


def test_navigation_error_shows_on_a_slope():
    slope = 50.0  # nT per km, to the east; far above the other errors
    field = np.tile(slope * box(101, 101)[1], (101, 1))
    error = errors_of(many_cruises(NUMBER), 4, field) - errors_of(many_cruises(NUMBER), 4)
    assert error.mean() == pytest.approx(slope * 100.0, rel=1e-3)
    assert error.std() == pytest.approx(slope * ships.NAVIGATION_KM, rel=RELATIVE)


def test_field_is_read_where_the_ship_was():
    """On a slope to the north, the mean over many cruises tells the place to a few metres."""
    field = np.repeat(30.0 * box(101, 101)[0][:, None], 101, axis=1)
    for north in (37.0, 121.5):
        error = errors_of(many_cruises(NUMBER, position=(60.0, north)), 5, field)
        assert error.mean() == pytest.approx(30.0 * north, abs=4 * error.std() / np.sqrt(NUMBER))


# --- the table --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sea():
    """Return a box with land in its northern third, and its region."""
    region = data.region_from_box(-30, -27, 58, 60, name="box")
    northing, easting = region.grid_coords(2.0)
    field = np.zeros((len(northing), len(easting)))
    field[2 * len(northing) // 3 :] = np.nan
    anomaly = xr.DataArray(
        field, {"northing": northing, "easting": easting}, ("northing", "easting")
    )
    return region, anomaly.to_dataset(name="anomaly")


def test_table_is_one_of_the_design(sea):
    region, dataset = sea
    table = ships.cruise_over(dataset, region, np.random.default_rng(1), 0.15)
    assert list(table.columns) == COLUMNS
    assert pd.api.types.is_datetime64_dtype(table.time)
    assert table.cruise.str.fullmatch(r"SIM\d{3}").all() and table.cruise.nunique() > 3
    for _, cruise in table.groupby("cruise"):
        assert cruise.time.is_monotonic_increasing and cruise.time.is_unique
    assert table.total_field_nt.isna().all() and table.depth_m.isna().all()
    assert list(table.index) == list(range(len(table)))


def test_readings_on_land_are_left_out(sea):
    region, dataset = sea
    table = ships.cruise_over(dataset, region, np.random.default_rng(1), 0.15)
    assert np.isfinite(table.residual_nt).all()
    east, north = region.project(table.longitude, table.latitude)
    coast = float(dataset.northing[2 * dataset.sizes["northing"] // 3])
    # each cruise is off by its navigation error, half a kilometre; five times that is rare
    assert north.max() < coast + 5 * ships.NAVIGATION_KM and north.max() > coast - 20
    assert (east >= float(dataset.easting[0]) - 1e-6).all()
    assert table.residual_nt.abs().max() < 6 * ships.OFFSET_NT  # errors only: the field is 0


def test_cruises_repeat_for_a_seed(sea):
    region, dataset = sea
    one, two = (ships.cruise_over(dataset, region, np.random.default_rng(9)) for _ in range(2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_longitudes_are_written_as_files_have_them():
    region = data.region_from_box(179, -179, 40, 41, name="box")
    northing, easting = region.grid_coords(2.0)
    anomaly = xr.DataArray(
        np.zeros((len(northing), len(easting))),
        {"northing": northing, "easting": easting},
        ("northing", "easting"),
    )
    table = ships.cruise_over(
        anomaly.to_dataset(name="anomaly"), region, np.random.default_rng(2), 0.2
    )
    assert table.longitude.between(-180, 180).all()
    assert (table.longitude > 178).any() and (table.longitude < -178).any()
