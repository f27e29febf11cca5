"""Windows, profiles and the globe: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import data, maps
from helpers.maps import _window
from studies import made_up_fields


@pytest.fixture
def window():
    """Return stripes that run north, readings of every fourth row, and their weight."""
    truth = 100 * np.sin(np.indices((64, 64))[1] / 4.0)
    track = np.indices((64, 64))[0] % 4 == 0
    return np.where(track, truth, np.nan), track.astype(float), truth


def test_fields_share_one_scale(window):
    figure = maps.draw_fields({"tracks": window[0], "truth": window[2]}, limit=80.0)
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert [image.get_clim() for image in images] == [(-80.0, 80.0)] * 2
    assert tuple(images[0].get_extent()) == (0, 128, 0, 128)


def test_sticks_run_along_strike():
    _, axis = plt.subplots()
    _window._sticks(axis, np.full((64, 64), 30.0), np.full((64, 64), 0.5))
    sticks = axis.collections[0]
    np.testing.assert_allclose(np.degrees(np.arctan2(sticks.U, sticks.V)), 30.0)
    np.testing.assert_allclose(np.hypot(sticks.U, sticks.V), 0.5)


def test_guided_window_says_how_well_it_agrees(window):
    figure = maps.draw_guided(*window, 0.0, 0.3)
    titles = [axis.get_title() for axis in figure.axes]
    agreement = [float(title.split()[-1]) for title in titles if "correlation" in title]
    assert len(agreement) == 1
    assert agreement[0] > 0.95


def test_guided_window_says_how_far_stripes_are_supported(window):
    titles = [axis.get_title() for axis in maps.draw_guided(*window, 0.0, 0.3).axes]
    found = [title for title in titles if "supported coherence" in title]
    assert len(found) == 1 and float(found[0].split(",")[0].split()[-1]) > 0.8


def test_each_parameter_of_the_guided_window_changes_it():
    grid = made_up_fields.survey(made_up_fields.stripes(128), np.random.default_rng(1), 0.1)
    given = (grid["block"], grid["weight"], grid["truth"])

    def restored(*values):
        return maps.draw_guided(*given, *values).axes[1].images[0].get_array()

    first = restored(0.5, 0.3)
    for values in ((2.0, 0.3), (0.5, 20.0)):
        # stripes have 100 nT; the solver's own tolerance is a thousandth
        assert np.abs(restored(*values) - first).max() > 1.0


def test_probabilities_share_a_scale_and_the_change_is_centred(window):
    fields = {"before": np.abs(window[2]) / 100, "after": window[1], "change": -window[1]}
    figure = maps.draw_probabilities(fields, window[2] > 50)
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert [image.get_clim() for image in images] == [(0.0, 1.0)] * 2 + [(-0.5, 0.5)]
    np.testing.assert_array_equal(images[2].get_array(), -window[1])


def test_every_region_is_on_the_globe():
    figure = maps.draw_regions(data.REGIONS)
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert texts >= {region.title for region in data.REGIONS.values()}
