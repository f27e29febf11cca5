"""The residual against the direct evaluation of the field, and what is taken off a cruise."""

from datetime import datetime

import numpy as np
import pandas as pd
import ppigrf
import pytest

from helpers import data, tracks
from helpers.tracks import _residual, _table
from track_files import fetched, m77t_row, read_m77t


def test_field_equals_the_direct_evaluation_at_any_time():
    """ppigrf interpolates coefficients in time; we interpolate the field: both are linear."""
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(-180, 180, 60), rng.uniform(-89, 89, 60)
    when = pd.Timestamp("1900-01-01") + pd.to_timedelta(rng.integers(0, 47_000, 60), unit="D")
    field = _residual.reference_field(lon, lat, when)
    for k in range(60):
        direct = ppigrf.igrf(lon[k], lat[k], 0.0, when[k].to_pydatetime())
        # rounding only: the field itself is about 5e4 nT in double precision
        np.testing.assert_allclose(field[:, k], np.ravel(direct), atol=1e-5)


def test_field_at_epochs_poles_and_outside_the_model():
    times = np.array(["1900-01-01", "1995-01-01", "2030-01-01"], dtype="datetime64[ns]")
    field = _residual.reference_field([10, 10, 10], [0, 0, 0], times)
    for k, year in enumerate([1900, 1995, 2030]):
        direct = ppigrf.igrf(10, 0, 0.0, datetime(year, 1, 1))
        np.testing.assert_allclose(field[:, k], np.ravel(direct), atol=1e-6)
    assert 5.5e4 < np.linalg.norm(_residual.reference_field(0, 90, times[1])) < 5.9e4
    outside = np.array(["1899-12-31", "2030-01-02", "NaT"], dtype="datetime64[ns]")
    assert np.isnan(_residual.reference_field([10] * 3, [0] * 3, outside)).all()


def test_residual_keeps_the_files_own_where_it_cannot_be_recomputed(tmp_path):
    rows = [m77t_row(), m77t_row(MAG_TOT=""), m77t_row(DATE="20400101"), m77t_row(MAG_RES="")]
    given = read_m77t(tmp_path, *rows)
    table = tracks.residual(given)
    assert given.residual_nt[0] == -14.5 and list(given) == _table.COLUMNS
    assert table.recomputed.tolist() == [True, False, False, True]
    assert table.residual_nt[1] == table.residual_nt[2] == -14.5
    direct = ppigrf.igrf(-110.25, -45.5, 0.0, datetime(1997, 6, 5, 14, 15))
    assert table.residual_nt[0] == pytest.approx(46015.7 - np.linalg.norm(direct), abs=1e-4)
    assert table.attrs["residual"] == {"model": "IGRF-14", "recomputed": 2, "kept_from_file": 2}


def test_the_median_of_each_cruise_goes(tmp_path):
    rows = [m77t_row(SURVEY_ID=who, MAG_RES=res) for who, res in zip("AAABB", "12957", strict=True)]
    given = read_m77t(tmp_path, *rows)
    table = tracks.remove_cruise_median(given)
    assert given.residual_nt.tolist() == [1, 2, 9, 5, 7]
    assert table.residual_nt.tolist() == [-1, 0, 7, -1, 1]
    assert table.attrs["cruise_median_nt"] == {"A": 2.0, "B": 6.0}


def test_the_trend_of_each_cruise_goes_and_wild_readings_do_not_bend_it():
    rng, days = np.random.default_rng(0), np.linspace(0, 20, 3000)
    table = pd.DataFrame(
        {
            "cruise": np.repeat(["A", "B"], days.size),
            "time": pd.Timestamp("2001-01-01") + pd.to_timedelta(np.r_[days, days], unit="D"),
            "residual_nt": np.r_[40 + 1.5 * (days - 10), -70 - 0.8 * (days - 10)],
        }
    )
    clean = tracks.remove_cruise_trend(table)
    # lines alone go to the last digit
    assert np.abs(clean.residual_nt).max() < 1e-6
    noise = rng.normal(0, 5, len(table))
    noise[rng.random(len(table)) < 0.2] += 800
    copy = table.assign(residual_nt=table.residual_nt + noise)
    trend = tracks.remove_cruise_trend(copy).attrs["cruise_trend"]
    for name, offset, slope in (("A", 40, 1.5), ("B", -70, -0.8)):
        # a fifth of wild readings on one side moves a median of 5 nT noise by 0.32 sd = 1.6 nT;
        # its slope has a standard error of about 5 / sqrt(1000) / 5.8 days = 0.03
        assert trend[name]["offset_nt"] == pytest.approx(offset, abs=2.5)
        assert trend[name]["slope_nt_per_day"] == pytest.approx(slope, abs=0.12)


def test_a_trend_of_one_reading_is_its_value_and_of_none_is_nothing(tmp_path):
    rows = [m77t_row(SURVEY_ID="A", MAG_RES="7"), m77t_row(SURVEY_ID="B", MAG_RES="")]
    table = read_m77t(tmp_path, *rows)
    done = tracks.remove_cruise_trend(table)
    assert done.residual_nt[0] == 0 and np.isnan(done.residual_nt[1])
    assert done.attrs["cruise_trend"]["A"] == {"offset_nt": 7.0, "slope_nt_per_day": 0.0}
    assert table.residual_nt[0] == 7 and "cruise_trend" not in table.attrs


# ------------------------------------------------------------------ real cruises


@pytest.mark.parametrize(
    ("name", "survey", "read", "kept", "spread_nt"),
    [
        ("nbp9707", "NBP9707", 23890, 23870, 129.3),
        ("nbp97-4a", "NBP97-4A", 25145, 24947, 90.2),
        ("nbp9908", "NBP9908", 29607, 28006, 102.1),
    ],
)
def test_real_cruises(name, survey, read, kept, spread_nt):
    table = tracks.read_tracks(fetched(f"ncei/{name}.m77t"))
    assert table.cruise.unique().tolist() == [survey] and len(table) == kept
    shown = tracks.report(table).loc[f"{name}.m77t"]
    assert (shown.rows_read, shown.rows_kept) == (read, kept)
    assert shown["no magnetic reading"] == read - kept
    assert table.time.is_monotonic_increasing
    here = data.region("pacific_antarctic")
    assert here.contains(table.longitude, table.latitude).sum() > 3000
    new = tracks.residual(table)
    assert new.recomputed.all()
    # the file's own residual was made with the reference field of its day
    assert (new.residual_nt - table.residual_nt).std() == pytest.approx(spread_nt, abs=0.1)
    # against IGRF-14 the cruise lies about zero: its median is smaller than a stripe
    assert abs(new.residual_nt.median()) < 60 < new.residual_nt.std() < 250
