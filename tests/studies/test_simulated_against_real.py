"""Simulated against real: distances to picks, tied profiles, spectra, distributions, continuity."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

import toys
from helpers import data, seafloor, tracks
from registry_files import fetch_or_skip
from studies import simulated_against_real as real

CROON = "picks/Croon++_2008_G3.gmt"


# --- picks ------------------------------------------------------------------------------------


def plane(rate=20.0, spacing=2.0):
    """Return a region and a map whose age grows eastward from its middle."""
    region = data.region_from_box(-30, -27, 58, 60, name="box")
    axes = region.grid_coords(spacing)
    return region, toys.grid({"age_ma": np.abs(axes[1] / rate)}, axes, spacing_km=spacing)


def picked(region, east, ages):
    """Return picks of these ages."""
    longitude, latitude = region.unproject(np.array(east), np.linspace(-40, 40, len(east)))
    return pd.DataFrame({"longitude": longitude, "latitude": latitude, "age_ma": ages})


@pytest.mark.parametrize("off_km", [0.0, 3.7, -6.0])
def test_distance_from_a_pick_to_its_boundary(off_km):
    region, truth = plane()
    east = np.array([20.0, 40.0, -30.0]) + off_km
    table = picked(region, east, np.abs(east - off_km) / 20)
    found = real.distance_to_boundaries(table, truth, region)
    # points of a contour lie 0.25 km apart
    np.testing.assert_allclose(found, abs(off_km), atol=0.13)


def test_pick_of_an_age_that_the_map_lacks_has_no_distance():
    region, truth = plane()
    table = pd.DataFrame({"longitude": [-28.5], "latitude": [59.0], "age_ma": [170.0]})
    assert np.isnan(real.distance_to_boundaries(table, truth, region)).all()


@pytest.mark.parametrize(("name", "median_km"), [("reykjanes", 4.0), ("azores", 6.0)])
def test_boundaries_lie_near_the_picks_of_others(name, median_km):
    """Slow ridges, where the age grid is known well; 2.9 and 5.0 km were found."""
    fetch_or_skip(CROON)
    region, truth = data.region(name), seafloor.simulate_region(name, spacing_km=4.0)
    table = data.region_picks(region)
    distance = real.distance_to_boundaries(table, truth, region)
    assert len(table) > 1000 and np.nanmedian(distance) < median_km


CHRONS = np.array([[0.5, 1.0], [1.5, 1.9], [2.5, 3.1], [3.2, 3.6]])  # blocks of 10, 8, 12 + 8 km


def lined(monkeypatch, spacing=1.0):
    """Return a region and a map with a label line along the middle of each anomaly of `CHRONS`."""
    scale = pd.DataFrame(CHRONS, columns=["young_ma", "old_ma"])
    monkeypatch.setattr(data, "timescale", lambda: scale)
    region, truth = plane(spacing=spacing)
    middles = np.array([15, 34, 61])  # of the last two blocks together
    near = np.abs(truth.easting.to_numpy()[:, None] - middles).min(axis=1) < 1.5 * spacing
    label = np.ones((truth.northing.size, 1), "uint8") * near
    return region, truth.assign(label=(("northing", "easting"), label))


@pytest.mark.parametrize("off_km", [0.0, 2.0])
def test_distance_from_a_pick_to_the_line_of_its_chron(monkeypatch, off_km):
    region, truth = lined(monkeypatch)
    ages = CHRONS.ravel()
    table = picked(region, 20 * ages - off_km, ages)
    found = real.distance_to_lines(table, truth, region)
    # half the width of the block; two blocks 2 km apart have one crest
    to_line = np.array([5, -5, 4, -4, 11, -1, -3, -11])
    # the line lies on the middle of a cell, at most half a cell from where it should
    np.testing.assert_allclose(found.expected_km, np.abs(to_line), atol=0.6)
    np.testing.assert_allclose(found.distance_km, np.abs(to_line + off_km), atol=0.6)


def test_picks_of_no_end_or_without_a_line_have_no_distance(monkeypatch):
    region, truth = lined(monkeypatch)
    table = picked(region, [15.0, 10.0], [0.75, 0.5])
    truth["label"] = truth["label"].where(truth.easting > 50, 0)
    assert real.distance_to_lines(table, truth, region).isna().all(axis=None)


def test_moved_picks_lie_as_far_off_as_they_were_moved(monkeypatch):
    region, truth = lined(monkeypatch)
    table = picked(region, np.full(400, 10.0), np.full(400, 0.5))
    rng = np.random.default_rng(3)
    moved = real.distance_to_lines(table, truth, region, 40.0, rng).distance_km
    # 40 cos a eastward of a place 5 km west of the line, whose cells may be half a cell off both
    # ways; lines are long, moves north count not
    turn = np.random.default_rng(3).uniform(0, 2 * np.pi, 400)
    np.testing.assert_allclose(moved, np.abs(40 * np.cos(turn) - 5), atol=0.75)


@pytest.mark.parametrize(
    ("name", "median_km", "gain"), [("reykjanes", 6.5, 5), ("azores", 12, 2.5), ("epr", 30, 1.3)]
)
def test_label_lines_lie_near_the_picks_of_their_chron(name, median_km, gain):
    """5.2, 10.4 and 25 km were found, and 36, 37 and 41 km with the picks moved by 50 km."""
    fetch_or_skip(CROON)
    near, chance = (real.line_distances(name, km)["distance_km"] for km in (0.0, 50.0))
    assert len(near) > 900
    assert near.median() < median_km and chance.median() > gain * near.median()


# --- profiles ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tied():
    """Return the profile of NBP9707, tied to the picks on it."""
    region = data.region("pacific_antarctic")
    table = tracks.residual(tracks.read_tracks(fetch_or_skip("tracks/ncei/nbp9707.m77t")))
    fetch_or_skip(CROON)
    own = data.region_picks(region)
    own = own[own["cruise"] == "NBP9707"]
    return real.tied_to_picks(real.even_profile(table, region), own, region)


def test_stripes_tied_to_picks_fit_the_real_cruise(tied):
    """0.90 along 2,200 km, and the amplitude in every band from 6 to 120 km within 15 %.

    With a skewness wrong by 30 degrees the same blocks fit at most by 0.88.
    """
    found = np.corrcoef(tied["observed_nt"], tied["simulated_nt"])[0, 1]
    simulated, observed = (real.band_amplitudes(tied[f"{name}_nt"])
                           for name in ("simulated", "observed"))  # fmt: skip
    ratio = simulated / observed
    assert len(tied) > 2000 and found > 0.88
    assert ratio.min() > 0.87 and ratio.max() < 1.15


def test_profile_of_a_map_stops_where_the_map_does():
    age = np.ones((40, 40))
    age[:, 20:] = np.nan
    truth = toys.grid({"anomaly": 5 * age, "age_ma": age}, spacing_km=2.0)
    profile = pd.DataFrame({"easting_km": np.arange(0.0, 100), "northing_km": 40.0})
    found = real.with_simulated(profile, truth)
    assert found["easting_km"].max() == 38 and np.allclose(found["age_ma"], 1)


def test_map_has_the_amplitudes_of_the_cruises():
    """Median of three cruises; 0.84 below 10 km, where a cell's averaging tells, else within 8 %.

    Read along straight lines between cells, the shortest band has 0.71.
    """
    for name in real.NEEDED:
        fetch_or_skip(name)
    profiles = real.real_profiles().values()
    ratio = np.median([real.amplitude_ratio(part) for part in profiles], axis=0)
    assert ratio[0] > 0.8 and ratio[1:].min() > 0.9 and ratio.max() < 1.12


def test_cruise_without_picks_is_a_clear_error():
    region, _ = plane()
    east, north = np.linspace(-60, 60, 200), np.zeros(200)
    longitude, latitude = region.unproject(east, north)
    place = {"longitude": longitude, "latitude": latitude}
    table = pd.DataFrame(place | {"residual_nt": 0.0, "depth_m": 3000.0})
    profile = real.even_profile(table, region)
    assert profile["distance_km"].iloc[-1] == pytest.approx(120, abs=1.5)
    far = pd.DataFrame({"longitude": [0.0], "latitude": [0.0], "age_ma": [1.0]})
    with pytest.raises(ValueError, match="Only 0 picks lie within 3.0 km of the track"):
        real.tied_to_picks(profile, far, region)


def test_amplitude_of_a_wave_is_in_its_band():
    x = np.arange(4096)
    for wavelength, band in ((8, 0), (20, 2), (50, 4)):
        found = real.band_amplitudes(30 * np.sin(2 * np.pi * x / wavelength))
        assert found[band] == pytest.approx(30 / np.sqrt(2), rel=0.01)
        assert np.delete(found, band).max() < 1


def test_shift_is_found_and_chance_is_told():
    rng = np.random.default_rng(1)
    wave = ndimage.gaussian_filter1d(rng.normal(0, 1, 2000), 4)
    moved = pd.DataFrame({"observed_nt": wave[:-30], "simulated_nt": wave[30:]})
    table = real.correlation_after_shift(moved)
    assert (table.shift_km == -30).all() and (table.shifted > 0.999).all()
    assert (table.by_chance < 0.6).all() and (table.plain < 0.6).all()


def test_laplace_gain_of_both_distributions():
    rng = np.random.default_rng(2)
    # entropies: 1 + ln 2b against half ln(2 pi e 2 b**2): 0.072; for a normal, -0.048
    for draw, gain in ((rng.laplace, 0.072), (rng.normal, -0.048)):
        assert real.laplace_gain(draw(0, 80, 400_000)) == pytest.approx(gain, abs=0.01)


# --- continuity -------------------------------------------------------------------------------


@pytest.mark.parametrize("strike", [0, 30, 90, 140])
def test_stripes_are_alike_along_strike_and_not_across(strike):
    field = np.sin(toys.across_strike((96, 96), strike) / 2)
    inner = np.zeros((96, 96), bool)
    inner[20:-20, 20:-20] = True
    turned = np.full((96, 96), float(strike))
    assert real.along_strike_correlation(field, turned, inner, 6.0) > 0.999
    half_wave = 2 * np.pi
    assert real.along_strike_correlation(field, turned + 90, inner, half_wave) < -0.95


@pytest.mark.parametrize("name", list(data.REGIONS))
def test_stripes_of_real_regions_have_no_beads(name):
    """One age cell (12 km) apart along strike polarity is the same; taken carelessly it is not.

    A straight line of 12 km leaves the narrow stripes of slow ridges where they bend: 5 %.
    """
    whole, careless = real.continuity(name, 12.0)
    assert whole > 0.94 and careless < 0.8


@pytest.mark.parametrize("name", list(data.REGIONS))
def test_false_ages_at_fracture_zones_make_no_full_stripes(name):
    """Polarity is weaker where the grid's ages were never there: 0.21 to 0.62 of full stripes.

    On the slow Reykjanes Ridge steep ages are often real ones.
    """
    false, careless = real.fracture_contrast(name)
    assert careless > 0.95 and false < 0.7


def test_error_of_the_age_grid_is_no_shift_of_the_time_scale():
    """Picks of the M sequence at Shatsky, and of the C sequence: a wrong scale shifts by 1 Ma."""
    fetch_or_skip(CROON)
    for name in ("reykjanes", "shatsky", "pacific_antarctic"):
        off = real.age_error(name)
        assert len(off) > 1000 and abs(off["off_ma"].median()) < 0.2
