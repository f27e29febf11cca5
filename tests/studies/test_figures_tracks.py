"""Pictures along tracks: what is drawn is what was given."""

import numpy as np
import pandas as pd

from helpers import data
from pictures import redrawn
from studies.figures import tracks

test_figure = redrawn(tracks.FIGURES, quick="01_cleaning")


def test_cleaning_view_says_how_many_readings_are_left():
    minutes = pd.to_timedelta(np.arange(60), unit="min")
    table = pd.DataFrame({"time": pd.Timestamp("2001-01-01") + minutes, "latitude": 50.0})
    table["longitude"], table["residual_nt"] = 0.005 * np.arange(60), 1.0
    figure = tracks.draw_cleaning(table, table.iloc[::2], "made up")
    titles = [axis.get_title() for axis in figure.axes]
    assert f"as it came: {len(table):,} readings" in titles
    assert f"cleaned: {len(table) // 2:,} readings" in titles


def test_crossover_view_gives_medians():
    before = pd.DataFrame({"error_nt": [-30.0, 10.0, 20.0, -50.0, 40.0]})
    after = before / 10
    legend = tracks.draw_crossovers(before, after, "made up").axes[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert "median size 30.0 nT" in texts[0] and "median size 3.0 nT" in texts[1]


def test_profile_is_centred_on_the_crest():
    # due east along 45 S; the youngest cell of the age grid lies where the sign changes
    longitude = np.arange(-120.0, -106.0, 0.05)
    leg = pd.DataFrame({"longitude": longitude, "latitude": -45.0, "residual_nt": longitude})
    profile = tracks.crest_profile(leg, data.region("pacific_antarctic"))
    assert profile["distance_km"].is_monotonic_increasing
    assert profile["distance_km"].abs().max() < tracks.CREST_KM
    crest = profile.loc[profile["distance_km"].abs().idxmin()]
    assert crest["distance_km"] == 0
    assert crest["age_ma"] == profile["age_ma"].min() < 0.5
    assert crest["polarity"] == 1  # the present chron is normal
    # 0.05 degrees of longitude at 45 S are 3.94 km; the projection is true to a few per cent
    np.testing.assert_allclose(np.diff(profile["distance_km"]), 3.94, rtol=0.05)
    assert len(tracks.draw_crest_profile(profile, "a test").axes) == 3
