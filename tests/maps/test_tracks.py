"""Views along tracks: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest

from helpers import data, gridding, maps
from helpers.maps import _tracks

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
    found = _tracks.along_track(table, REGION, 1.0, "linear")
    assert found.attrs["cruise"] == "LINES" and found["distance_km"].is_monotonic_increasing
    misfit = found["predicted_nt"] - found["observed_nt"]
    # stripes that run north: neighbouring lines tell a good part, but not all, of each other
    assert 1 < np.sqrt(np.nanmean(misfit**2)) < 80
    assert found["predicted_nt"].notna().mean() > 0.3


def test_gridding_view_moves_with_every_control(table):
    tables = {"made": (table, REGION)}
    first = dict(survey="made", spacing_km=1.0, method="linear", mask_km=5.0)

    def picture(**change):
        figure = maps.draw_gridding(tables, **(first | change))
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba()).copy()

    start = picture()
    for change in ({"spacing_km": 2.0}, {"method": "minimum_curvature"}, {"mask_km": 1.0}):
        assert (picture(**change) != start).any(), change


def test_coarse_is_linear_in_larger_cells(table):
    tables = {"made": (table, REGION)}
    given = dict(survey="made", spacing_km=1.0, method="minimum_curvature", mask_km=5.0)
    figure = maps.draw_gridding(tables, **given, coarse=True)
    expected = gridding.grid_tracks(table, REGION, 2.0, "linear", 5.0)["anomaly"]
    shown = np.ma.filled(figure.axes[0].collections[0].get_array(), np.nan)
    np.testing.assert_array_equal(shown.reshape(expected.shape), expected)
    # cells that are large already stay: four of them must hold a reading
    figure = maps.draw_gridding(tables, **(given | {"spacing_km": 5.0}), coarse=True)
    assert figure.axes[0].collections[0].get_array().size < expected.size / 3


def test_a_survey_of_which_nothing_can_be_left_out_is_drawn(table):
    figure = maps.draw_gridding({"made": (table, REGION)}, "made", 40.0, "linear", 50.0)
    assert "none could be gridded" in figure.axes[1].get_title()


def test_wiggles_point_where_they_should(table):
    grid = gridding.grid_tracks(table, REGION, 2.0)["anomaly"]
    given = dict(under="none", cruises=2, nt_per_km=50.0, towards_deg=90.0)
    axis = maps.draw_wiggles(table, REGION, {"map": grid}, **given).axes[0]
    lobes, tracks, wiggles = axis.collections
    # the first cruise is the one with the most readings, and its lines are cut at no gap
    place, moved = tracks.get_segments()[0], wiggles.get_segments()[0]
    value = table.loc[table["cruise"] == "LINES", "residual_nt"].to_numpy()
    inside = len(place)
    assert 0.9 * len(value) < inside <= len(value)
    np.testing.assert_allclose(moved[:, 1], place[:, 1], atol=1e-9)  # to the east only
    np.testing.assert_allclose(moved[:, 0] - place[:, 0], 100 * np.sin(place[:, 0] / 12) / 50)
    assert not axis.images
    one = maps.draw_wiggles(table, REGION, {"map": grid}, **(given | {"cruises": 1}))
    assert len(one.axes[0].collections[1].get_segments()) == len(tracks.get_segments()) - 1
    over = maps.draw_wiggles(table, REGION, {"map": grid}, **(given | {"under": "map"}))
    np.testing.assert_array_equal(over.axes[0].images[0].get_array(), grid)


def test_mask_hides_what_is_far_from_data(table):
    figure = maps.draw_gridding({"made": (table, REGION)}, "made", 1.0, "linear", 2.0)
    shown = figure.axes[0].collections[0].get_array()
    share = 1 - np.ma.getmaskarray(np.ma.masked_invalid(shown)).mean()
    # lines every 10 km, drawn 2 km to each side (5 of 10 rows), and the tie line
    assert 0.3 < share < 0.65
