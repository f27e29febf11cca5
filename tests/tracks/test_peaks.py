"""Peaks along a track: where they are in profiles of known shape, and none in noise."""

import numpy as np
import pandas as pd
import pytest

from helpers import tracks


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
