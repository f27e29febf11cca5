"""Trials of guided diffusion: they are what they say, and can turn out badly."""

import numpy as np
import pandas as pd
import pytest

import toys
from helpers import data, gridding
from studies import diffusion_trials, made_up_fields

CELLS = 128


def test_correlations_are_of_the_cells_that_all_maps_fill():
    rng = np.random.default_rng(4)
    truth = made_up_fields.survey(made_up_fields.stripes(CELLS), rng, 0.1)["truth"]
    good = truth.to_dataset(name="anomaly")
    half = good.where(truth["easting"] < 100.0)
    spoilt = good.where(truth["easting"] < 100.0, -good)  # wrong only where the other is blank
    assert diffusion_trials.correlations({"half": half, "spoilt": spoilt}, truth) == pytest.approx(
        {"half": 1.0, "spoilt": 1.0}
    )
    assert diffusion_trials.correlations({"spoilt": spoilt}, truth)["spoilt"] < 0.9


def test_strike_errors_turn_by_half_circles():
    truth = toys.grid({"strike_deg": np.full((8, 8), 178.0), "lineated": 1})
    other = toys.grid({"strike_deg": np.full((8, 8), 3.0)})
    wrong = diffusion_trials.strike_errors(other, truth)
    np.testing.assert_allclose(wrong, 5.0)
    truth["lineated"][0, 0] = 0
    assert int(diffusion_trials.strike_errors(truth, truth).isnull().sum()) == 1


def test_withheld_readings_tell_stripes_from_blobs():
    rng = np.random.default_rng(5)
    striped = made_up_fields.survey(made_up_fields.stripes(192), rng, 0.1)
    along, plate, found = diffusion_trials.withheld(striped)
    assert min(along.values()) < 0.6 * plate and found.support.mean() > 0.9
    blobs = made_up_fields.survey(made_up_fields.blobs(192, rng), rng, 0.1)
    along, plate, found = diffusion_trials.withheld(blobs)
    assert min(along.values()) > plate and found.support.mean() < 0.1


def test_trial_without_stripes_has_a_row_for_each_map():
    trial = diffusion_trials.without_stripes(made_up_fields.blobs, 96, 0.1, range(2))
    assert len(trial) == 2 and not trial.isnull().any().any()
    again = diffusion_trials.without_stripes(made_up_fields.blobs, 96, 0.1, range(2))
    pd.testing.assert_frame_equal(trial, again)
    assert (trial["classical coherence"] > trial["guided coherence"]).all()


def test_a_seamount_is_drawn_out_along_strike_until_tracks_show_it_or_it_is_told():
    truth = toys.grid({"strike_deg": np.full((CELLS, CELLS), 30.0)})
    striped = made_up_fields.stripes(CELLS)
    few, many = (
        diffusion_trials.added_seamounts(
            made_up_fields.survey(striped, np.random.default_rng(6), coverage), truth, 200.0, 8.0
        )
        for coverage in (0.1, 0.4)
    )  # fmt: skip
    assert list(few.index) == ["linear", "classical", "guided", "told"]
    assert few.loc["guided", "along_km"] > 1.5 * few.loc["guided", "across_km"]
    assert (few["highest_nt"] < 200.0).all()
    # with many tracks the linear grid has the size that was added, and guided comes nearer to it
    assert many.loc["linear", "along_km"] == pytest.approx(8.0, rel=0.1)
    assert many.loc["guided", "along_km"] < 0.7 * few.loc["guided", "along_km"]
    assert many.loc["guided", "along_km"] < many.loc["classical", "along_km"]
    # told where it is, it stays round and disturbs nothing, with few tracks, too
    assert few.loc["told", "along_km"] < 1.4 * few.loc["told", "across_km"]
    assert few.loc["told", "error"] < 0.6 * few.loc["guided", "error"]
    assert many.loc["told", "error"] < 0.2


def test_cells_know_their_cruise():
    region = data.region("reykjanes")
    north, east = region.grid_coords(2.0)
    longitude, latitude = region.unproject(east[50:60], np.full(10, north[40]))
    parts = {"longitude": longitude, "latitude": latitude, "residual_nt": 1.0}
    table = pd.DataFrame({**parts, "cruise": ["A"] * 4 + ["B"] * 6})
    table["time"] = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(10) * 6, unit="min")
    grid = gridding.grid_tracks(table, region)
    cruise, heading = diffusion_trials.cruise_cells(table, region, grid)
    np.testing.assert_array_equal(cruise[40, 49:61], [-1, *[0] * 4, *[1] * 6, -1])
    assert (cruise >= 0).sum() == 10
    np.testing.assert_allclose(heading[40, 50:60], 90.0, atol=12)  # meridians converge


def test_joint_solution_beats_levelling_by_one_tie_line():
    """A single crossing carries the noise of two readings; the field knows all the others."""
    trial = diffusion_trials.parallel_cruises(128, 6, 40.0, 15.0, range(4))
    assert trial["joint"].mean() > trial["levelled first"].mean() + 0.002
    assert (trial["levelled first"] > trial["as read"]).all()
    # noise of 15 nT twice; of 40 nT little is left, what all share cannot be told from the field
    assert (trial["levelled_nt"] > 15).all() and (trial["joint_nt"] < 12).all()


def test_hard_cases_are_judged_where_they_are_hard():
    trial = diffusion_trials.misleading_directions(96, 0.1, range(1))
    assert (trial["guided"] > trial["classical"]).all()
    told = trial.index[trial["told"].notnull()]
    assert list(told) == ["crossing strikes", "fracture zone", "seamount"]
    case = made_up_fields.hard_cases(96)["seamount"]
    assert case.where[48, 48] and not case.where[0, 0]


def test_isotropic_is_a_gaussian_and_nothing_of_no_width():
    field = np.zeros((65, 65))
    field[32, 32] = 1e4
    result = diffusion_trials.isotropic(field, 4.0)
    row = np.arange(65) - 32
    exact = 1e4 / (16 * 2 * np.pi) * np.exp(-0.5 * (row[:, None] ** 2 + row**2) / 16)
    # scipy samples the Gaussian: within a thousandth of the peak where sigma is 4 cells
    assert np.abs(result - exact).max() < 1e-3 * exact.max()
    rough = np.random.default_rng(3).normal(0, 50, (40, 40))
    rough[3:6, 7:9] = np.nan
    np.testing.assert_allclose(diffusion_trials.isotropic(rough, 0.0), rough, rtol=1e-5)
