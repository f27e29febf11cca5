"""Labels: one line a band, at its centre and of the stated width; the direction across strike."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

import toys
from helpers import seafloor
from helpers.seafloor import labels

SIZE = 121  # odd, so that the middle of the map is the middle of a cell


def across(strike_deg, size=SIZE):
    """Return the distance (cells) across strike from the middle, and the angle across."""
    distance = toys.across_strike((size, size), strike_deg)
    return distance, np.full(distance.shape, -np.radians(strike_deg))


def band(distance, width, edge=1.0):
    """Return a flat-topped band of 100 nT between seas of -50 nT, its edges one cell wide."""
    return np.interp(np.abs(distance), [(width - edge) / 2, (width + edge) / 2], [100.0, -50.0])


def lines(field, angle, lineated=None):
    lineated = np.ones(field.shape, bool) if lineated is None else lineated
    return seafloor.crest_lines(field, angle, lineated)


def inner(part, margin=30):
    """Return the part of a map where no band is cut by its border."""
    return part[margin:-margin, margin:-margin]


@pytest.mark.parametrize("strike", [0, 20, 45, 90, 117, 160])
@pytest.mark.parametrize("width", [4, 9, 16, 30])
def test_flat_topped_band_has_one_line_at_its_centre_three_cells_wide(strike, width):
    """The trap of ridge detectors: they find the two edges of a flat top."""
    distance, angle = across(strike)
    found = inner(lines(band(distance, width), angle)) > 0
    distance = inner(distance)
    assert ndimage.label(found, np.ones((3, 3)))[1] == 1
    # the band is sampled every cell, which moves its centroid by less than 0.6 cell
    half = labels.LINE_CELLS / 2
    assert np.abs(distance[found]).max() < half + 0.6
    assert found[np.abs(distance) < half - 0.6].all()
    if strike in (0, 90) and width == 9:  # exact where strike follows the grid
        np.testing.assert_array_equal(found, np.abs(distance) < 1.5)


def test_lopsided_band_has_its_line_at_the_centroid():
    """A ramp from 60 to 120 nT over 12 cells: the half-peak level takes it all."""
    distance, angle = across(0)
    inside = (distance >= 0) & (distance <= 12)
    field = np.where(inside, 60 + 5 * distance, -50.0)
    steps = np.arange(13)
    centroid = np.sum(steps * (60 + 5 * steps)) / np.sum(60 + 5 * steps)
    found = inner(lines(field, angle)) > 0
    marked = np.unique(inner(distance)[found])
    assert len(marked) == 3
    # moments are counted from the cell itself: the centroid of the line is that of the band
    assert marked.mean() == pytest.approx(centroid, abs=0.5)


@pytest.mark.parametrize("strike", [0, 33, 70, 90, 135])
def test_waves_have_their_crests_marked_and_nothing_else(strike):
    wavelength = 16.0
    distance, angle = across(strike)
    field = 80 * np.cos(2 * np.pi * distance / wavelength)
    found = inner(lines(field, angle)) > 0
    to_crest = np.abs((inner(distance) + wavelength / 2) % wavelength - wavelength / 2)
    assert to_crest[found].max() < 2.1 and found[to_crest < 0.9].all()
    thin = skeletonize(found)
    assert np.median(to_crest[thin]) < 0.6  # half a cell
    assert found.sum() == pytest.approx(np.sum(to_crest < labels.LINE_CELLS / 2), rel=0.15)


def test_two_bands_with_a_deep_gap_are_two_lines_and_with_a_shallow_one_are_one():
    distance, angle = across(25)
    for dip, number in ((20.0, 2), (70.0, 1)):  # of 100 nT; the share that parts bands is half
        top = np.interp(np.abs(distance), [1, 3, 11, 12], [dip, 100, 100, -50])
        found = inner(lines(top, angle)) > 0
        assert ndimage.label(found, np.ones((3, 3)))[1] == number
        offset = np.abs(inner(distance)[found])
        if number == 1:
            assert offset.max() < 2.2
        else:
            assert offset.min() > 4.5 and offset.max() < 9.5


def test_no_line_where_seafloor_is_not_lineated():
    distance, angle = across(40)
    lineated = np.ones(distance.shape, bool)
    lineated[:, 60:] = False
    whole, part = lines(band(distance, 8), angle), lines(band(distance, 8), angle, lineated)
    assert whole[:, 60:].any()
    np.testing.assert_array_equal(part[:, :60], whole[:, :60])
    assert not part[:, 60:].any()


@pytest.mark.parametrize(
    ("top", "width"), [(4.9, 9), (100, 2 * labels.WIDEST_CELLS + 10)], ids=["weak", "wide"]
)
def test_no_line_in_bands_too_weak_or_too_wide(top, width):
    distance, angle = across(0, 201)
    assert not lines(band(distance, width) / 100 * top, angle).any()
    assert lines(band(distance, 9) / 100 * 5.1, angle).any()  # just strong enough


def test_no_line_in_negative_bands_and_none_in_nan():
    distance, angle = across(0)
    field = -band(distance, 9)
    assert not inner(lines(field, angle))[np.abs(inner(distance)) < 8].any()
    field = band(distance, 9)
    field[40:80] = np.nan
    found = lines(field, angle)
    assert not found[40:80].any() and found[:38, 60].all() and found.dtype == "uint8"


def test_specks_are_dropped():
    """A piece of line shorter than 12 cells goes, one of 13 stays."""
    distance, angle = across(0)
    for length, kept in ((11, False), (13, True)):
        lineated = np.zeros(distance.shape, bool)
        lineated[50 : 50 + length] = True
        assert lines(band(distance, 9), angle, lineated).any() == kept


# --- the direction across strike --------------------------------------------------------------


def axial(difference_rad):
    """Return the angle (degrees) between two directions without sense."""
    return np.abs((np.degrees(difference_rad) + 90) % 180 - 90)


@pytest.mark.parametrize("strike", [0, 30, 90, 150])
def test_both_sides_of_a_ridge_agree(strike):
    distance, angle = across(strike)
    found, coherence = labels.across_direction(0.1 * np.abs(distance))
    # on the axis itself the differences straddle the kink and point anywhere; they are few
    assert axial(found - angle).max() < 5 and np.median(axial(found - angle)) < 0.1
    assert coherence.min() > 0.9


def test_step_at_a_fracture_zone_does_not_turn_the_direction_beside_it():
    """An offset of 200 times the gradient of one cell, across which only its own rows differ."""
    distance, angle = across(0)  # ages grow to the east
    age = 60 + 0.1 * distance
    age[60:] += 20.0
    found, coherence = labels.across_direction(age)
    row = np.abs(np.arange(SIZE) - 59.5)
    beside = (row > 6) & (row < 20)  # beyond one averaging length
    assert axial(found - angle)[beside].max() < 1
    assert axial(found - angle)[row < 1].min() > 10 or coherence[row < 1].max() < 0.8


def test_disturbed_seafloor_has_no_coherent_direction():
    rough = ndimage.gaussian_filter(np.random.default_rng(1).normal(0, 1, (SIZE, SIZE)), 1.5)
    _, coherence = labels.across_direction(rough)
    assert (coherence > labels.LINEATED_COHERENCE).mean() < 0.02


@pytest.mark.parametrize("strike", [0, 30, 90, 150])
def test_across_direction_of_a_plane_ignores_nan(strike):
    distance, angle = across(strike)
    age = 50 + 0.1 * distance
    age[:, 80:] = np.nan
    found, coherence = labels.across_direction(age)
    assert axial(found - angle)[:, :85].max() < 1e-6 and coherence[:, :70].min() > 1 - 1e-6
    assert np.isfinite(coherence).all() and coherence[:, 85:].max() <= 1
