"""Views along tracks: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest

from helpers import data, views_tracks

REGION = data.region_from_box(-1.5, 0, 50, 51, name="box")


@pytest.fixture(scope="module")
def table():
    """Return parallel lines of one cruise over smooth waves, and a tie line of another."""
    pieces = []
    for k in range(10):
        along = np.arange(-45, 45, 0.5)
        pieces.append(pd.DataFrame({"east": along, "north": -45.0 + 10 * k, "cruise": "LINES"}))
    pieces.append(pd.DataFrame({"east": 3.0, "north": np.arange(-45, 45, 0.5), "cruise": "TIE"}))
    found = pd.concat(pieces, ignore_index=True)
    found["longitude"], found["latitude"] = REGION.unproject(found["east"], found["north"])
    found["time"] = pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(len(found)), unit="min")
    found["residual_nt"] = 100 * np.sin(found["east"] / 12)
    return found


def test_along_track_predicts_without_the_tile_of_the_reading(table):
    found = views_tracks.along_track(table, REGION, 1.0, "linear")
    assert found.attrs["cruise"] == "LINES" and found["distance_km"].is_monotonic_increasing
    misfit = found["predicted_nt"] - found["observed_nt"]
    # stripes that run north: neighbouring lines tell a good part, but not all, of each other
    assert 1 < np.sqrt(np.nanmean(misfit**2)) < 80
    assert found["predicted_nt"].notna().mean() > 0.3


def test_gridding_view_moves_with_every_control(table):
    tables = {"made": (table, REGION)}
    first = dict(survey="made", spacing_km=1.0, method="linear", mask_km=5.0)

    def picture(**change):
        figure = views_tracks.draw_gridding(tables, **(first | change))
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba()).copy()

    start = picture()
    for change in ({"spacing_km": 2.0}, {"method": "minimum_curvature"}, {"mask_km": 1.0}):
        assert (picture(**change) != start).any(), change


def test_mask_hides_what_is_far_from_data(table):
    figure = views_tracks.draw_gridding({"made": (table, REGION)}, "made", 1.0, "linear", 2.0)
    shown = figure.axes[0].collections[0].get_array()
    share = 1 - np.ma.getmaskarray(np.ma.masked_invalid(shown)).mean()
    # lines every 10 km, drawn 2 km to each side (5 of 10 rows), and the tie line
    assert 0.3 < share < 0.65


def test_cleaning_view_says_how_many_readings_are_left(table):
    figure = views_tracks.draw_cleaning(table, table.iloc[::2], "made up")
    titles = [axis.get_title() for axis in figure.axes]
    assert f"as it came: {len(table):,} readings" in titles
    assert f"cleaned: {len(table) // 2:,} readings" in titles


def test_crossover_view_gives_medians():
    before = pd.DataFrame({"error_nt": [-30.0, 10.0, 20.0, -50.0, 40.0]})
    after = before / 10
    legend = views_tracks.draw_crossovers(before, after, "made up").axes[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert "median size 30.0 nT" in texts[0] and "median size 3.0 nT" in texts[1]
