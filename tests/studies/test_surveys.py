"""The real surveys: each can be read, lies in its box and grids into something to look at."""

import numpy as np
import pytest

from helpers import data, gridding
from registry_files import fetch_or_skip
from studies import cases


@pytest.fixture(scope="module", params=list(cases.SURVEYS))
def survey(request):
    """Return name, description and table of a survey."""
    for name in cases.SURVEYS[request.param].files:
        fetch_or_skip(name)
    return request.param, cases.SURVEYS[request.param], cases.load_survey(request.param)


def test_survey_is_clean_and_level(survey):
    _, _, table = survey
    assert len(table) > 1000 and np.isfinite(table["residual_nt"]).all()
    medians = table.groupby("cruise")["residual_nt"].median()
    np.testing.assert_allclose(medians, 0, atol=1e-9)
    assert "level" in table and "cleaning" in table.attrs


def test_survey_grids_in_its_box(survey):
    name, about, table = survey
    grid = gridding.grid_tracks(table, about.region, about.spacing_km)
    on_track = float(grid["block"].notnull().mean())
    near = float((grid["distance_km"] <= about.mask_km).mean())
    assert 0.004 < on_track < 0.5 and 2 * on_track < near < 1
    # anomalies of the seafloor: some hundred nT, not the thousands of a wrong reference field
    assert 20 < float(grid["block"].std()) < 400, name


def test_lucky_strike_shows_its_central_anomaly():
    """The present chron, 37.3 N 32.27 W, is positive, with negative anomalies on each side."""
    fetch_or_skip(cases.SURVEYS["lucky_strike"].files[0])
    about = cases.SURVEYS["lucky_strike"]
    grid = gridding.grid_tracks(cases.load_survey("lucky_strike"), about.region, about.spacing_km)
    middle = {"northing": slice(-8, 8)}
    profile = grid["anomaly"].sel(middle).median("northing")
    centre = float(profile.sel(easting=slice(-5, 3)).mean())
    sides = [float(profile.sel(easting=part).mean()) for part in (slice(-20, -12), slice(8, 13))]
    assert centre > 100 and max(sides) < centre - 100


def test_unknown_survey_names_the_choices():
    with pytest.raises(KeyError, match="No survey 'lucky'; the surveys are lucky_strike, index17"):
        cases.load_survey("lucky")


def test_surveys_that_cannot_be_had_are_left_out(monkeypatch, tmp_path, capsys):
    def missing(name):
        print(f"Left out: {name}")

    monkeypatch.setattr(data, "try_fetch", missing)
    assert cases.load_surveys() == {}
    assert capsys.readouterr().out.count("Left out") >= 4
