"""Peaks along a track: where they are in profiles of known shape, and none in noise."""

import numpy as np
import pandas as pd
import pytest

from helpers import data, tracks


def profile(value, step_km=0.3, cruise="A", minutes=1.0):
    """A ship that sails due east along 20 S with these readings."""
    km = step_km * np.arange(len(value))
    time = pd.Timestamp("2001-01-01") + pd.to_timedelta(minutes * np.arange(len(value)), unit="min")
    table = pd.DataFrame({"cruise": cruise, "time": time, "latitude": -20.0})
    return table.assign(longitude=km / 111.195 / np.cos(np.radians(20)), residual_nt=value), km


def bumps(km, places, width_km=4.0, height=200.0):
    """Gaussian bumps at places."""
    return sum(height * np.exp(-0.5 * ((km - place) / width_km) ** 2) for place in places)


@pytest.mark.parametrize("noise", [1.0, 10.0, 25.0])
def test_bumps_in_noise_are_found_and_nothing_else(noise):
    _, km = profile(np.zeros(1000))
    places = [40, 80, 130, 190, 240]
    value = bumps(km, places) + np.random.default_rng(2).normal(0, noise, km.size)
    found = tracks.peaks(profile(value)[0]).query("sign == 1")
    assert len(found) == 5
    np.testing.assert_allclose(found["along_km"], places, atol=1.5)
    np.testing.assert_allclose(found["width_km"], 2.355 * 4, rtol=0.35)
    assert (found["prominence_nt"] > 100).all() and (found["latitude"] == -20).all()


def test_noise_alone_has_few_peaks_and_a_constant_none():
    rng = np.random.default_rng(1)
    found = [len(tracks.peaks(profile(rng.normal(0, 10, 1000))[0])) for _ in range(5)]
    assert np.mean(found) < 8  # of some 100 that a picker without a spectrum finds
    assert len(tracks.peaks(profile(np.full(1000, 7.0))[0])) == 0


def test_what_is_given_and_what_comes_back():
    _, km = profile(np.zeros(800))
    value = bumps(km, [60, 120], height=200) - bumps(km, [180], height=150)
    one, two = profile(value)[0], profile(-value, cruise="B")[0]
    found = tracks.peaks(pd.concat([one, two], ignore_index=True), prominence_nt=100)
    assert found.query("cruise == 'A'")["sign"].tolist() == [1, -1, 1, -1]
    assert found["sign"].sum() == 0 and found.groupby("cruise")["leg"].nunique().eq(1).all()
    assert list(found)[:5] == ["cruise", "leg", "along_km", "longitude", "latitude"]
    assert len(tracks.peaks(one, prominence_nt=500)) == 0
    assert len(tracks.peaks(one[:20])) == 0  # too short for a peak
    with pytest.raises(ValueError, match="prominence_nt is 0; it is a height in nT, above 0"):
        tracks.peaks(one, prominence_nt=0)
    with pytest.raises(ValueError, match="lacks"):
        tracks.peaks(one.drop(columns="time"))


def test_sparse_and_dense_readings_give_the_same_peaks():
    places = [40, 80, 130, 190, 240]
    for step in (0.05, 0.3, 1.5):
        _, km = profile(np.zeros(int(290 / step)), step)
        found = tracks.peaks(profile(bumps(km, places), step)[0]).query("sign == 1")
        np.testing.assert_allclose(found["along_km"], places, atol=1.0)


def lone_track(rng, noise=5.0, step_km=0.3):
    """Bumps of falling height in noise, 40 km apart, over 800 km."""
    _, km = profile(np.zeros(int(800 / step_km)), step_km)
    heights = np.linspace(400, 20, 19)
    places = 40 + 40 * np.arange(19)
    value = sum(bumps(km, [at], height=h) for at, h in zip(places, heights, strict=True))
    return profile(value + rng.normal(0, noise, km.size), step_km)[0], places


def test_the_probability_of_a_crest_grows_with_its_height_and_falls_with_the_noise():
    sure, noisy = (lone_track(np.random.default_rng(3), noise)[0] for noise in (5.0, 60.0))
    found = tracks.crests(sure, 0.01).query("sign == 1")
    high = found["prominence_nt"].rank().corr(found["probability"].rank())
    assert high > 0.8 and found["probability"].between(0.01, 1).all()
    assert (found.nlargest(9, "prominence_nt")["probability"] > 0.9).all()
    assert len(tracks.crests(sure)) > len(tracks.crests(noisy))
    shown = tracks.crests(sure, 0.95)
    assert 5 < len(shown) < len(tracks.crests(sure)) and shown["probability"].min() >= 0.95


@pytest.mark.parametrize("step_km", [0.1, 0.3, 1.0, 3.0])
def test_noise_alone_has_hardly_a_crest_however_far_apart_the_readings(step_km):
    rng = np.random.default_rng(4)
    for _ in range(4):
        table, _ = profile(rng.normal(0, 10, int(600 / step_km)), step_km)
        assert len(tracks.crests(table)) <= 3  # of 600 km, where a picker has some 100
        assert not len(tracks.crests(table, 0.95))


def test_crests_know_where_the_track_heads_and_both_signs():
    table, places = lone_track(np.random.default_rng(5))
    found = tracks.crests(table, 0.95)
    assert set(found["sign"]) == {1, -1}
    np.testing.assert_allclose(found["heading_deg"], 90, atol=0.5)  # due east
    off = np.abs(found.query("sign == 1")["along_km"].to_numpy()[:, None] - places).min(axis=1)
    assert off.max() < 2


def test_neither_the_box_nor_other_ships_change_the_crests_of_a_cruise():
    rng = np.random.default_rng(6)
    one, other = lone_track(rng)[0], lone_track(rng)[0]
    other = other.assign(cruise="B", latitude=-20.1)
    alone = tracks.crests(one)
    region = data.region_from_box(2, 5, -21, -19)
    both = tracks.crests(pd.concat([one, other], ignore_index=True), region=region)
    inside = alone[region.contains(alone["longitude"], alone["latitude"])]
    kept = both.query("cruise == 'A'")
    assert 0 < len(kept) < len(alone)
    pd.testing.assert_frame_equal(kept, inside.reset_index(drop=True))
    elsewhere = data.region_from_box(20, 25, -21, -19)
    assert len(tracks.crests(one, region=elsewhere)) == 0


@pytest.mark.parametrize("least", [0, 1, -0.1, 95])
def test_a_probability_that_is_none_is_refused(least):
    with pytest.raises(ValueError, match=f"least is {least}; it is a probability, above 0"):
        tracks.crests(profile(np.zeros(100))[0], least)
