"""What is known beside the readings: cruises, headings, strikes, fracture zones, seamounts."""

import numpy as np
import pytest

from helpers import diffusion
from helpers._shared import agreement, axial_difference
from helpers.diffusion import Known
from striped import SIDE, read, stripes, survey
from studies import made_up_fields

# --- constants of the cruises -----------------------------------------------------------------


@pytest.fixture(scope="module")
def truth():
    """Return stripes of 100 nT that bend a little."""
    return stripes(bend=3)


def agreements(truth, *results):
    return [agreement(result.anomaly.values, truth) for result in results]


@pytest.fixture(scope="module")
def without_errors(truth):
    """Return the lines of a survey, and the map of its readings as they should be."""
    line = survey(8, 0.1)
    return line, diffusion.guided(np.where(line >= 0, truth, np.nan), uncertainty=False)


def test_constants_of_cruises_are_found_with_the_field(truth, without_errors):
    line, known = without_errors
    constants = np.random.default_rng(8).normal(0, 40, line.max() + 1)
    block = np.where(line >= 0, truth + constants[line], np.nan)
    joint = diffusion.guided(block, uncertainty=False, known=Known(cruise=line))
    without = diffusion.guided(block, uncertainty=False)
    of_joint, of_without, of_known = agreements(truth, joint, without, known)
    assert of_known - of_joint < 0.25 * (of_known - of_without)
    size = np.bincount(line[line >= 0])
    error = (joint["offset_nt"].values - constants)[size > 30]
    # what is common to all cruises cannot be told from the mean of the field; a line that runs
    # along one stripe may take its amplitude for a constant, hence medians
    assert np.median(np.abs(error - np.median(error))) < 0.1 * np.std(constants)


def test_cruises_without_an_offset_change_little(truth, without_errors):
    line, without = without_errors
    block = np.where(line >= 0, truth, np.nan)
    joint = diffusion.guided(block, uncertainty=False, known=Known(cruise=line))
    of_joint, of_without = agreements(truth, joint, without)
    assert np.std(joint["offset_nt"]) < 5 and of_joint > of_without - 0.01


def test_headings_of_cruises_are_found_with_the_field(truth):
    """A ship's own magnetism, told from the field by lines sailed in many directions."""
    line = survey(14, 0.2)
    rng, cruise = np.random.default_rng(14), np.where(line >= 0, line % 4, -1)
    heading = np.where(line >= 0, rng.uniform(0, 360, line.max() + 1)[line], np.nan)
    turn, terms = np.radians(heading), rng.normal(0, 20, (4, 2))
    error = terms[cruise, 0] * np.cos(turn) + terms[cruise, 1] * np.sin(turn)
    block = np.where(line >= 0, truth + error, np.nan)
    with_headings, constants = (
        diffusion.guided(block, uncertainty=False, known=Known(cruise, degrees))
        for degrees in (heading, None)
    )
    known = diffusion.guided(np.where(line >= 0, truth, np.nan), uncertainty=False)
    of_headings, of_constants, of_known = agreements(truth, with_headings, constants, known)
    assert of_known - of_headings < 0.25 * (of_known - of_constants)
    wrong = with_headings["heading_nt"].values[:, :2] - terms
    # the field takes a part of each term: a line's mean is also the mean of the field along it
    assert np.sqrt(np.mean(wrong**2)) < 0.4 * 20


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"heading_deg": np.zeros((16, 16))}, "without cruise"),
        (
            {"cruise": np.zeros((16, 16), int), "heading_deg": np.full((16, 16), np.nan)},
            "not finite on 16 track cells",
        ),
        ({"cruise": np.zeros((8, 9), int)}, "cruise has shape .* integer index"),
        ({"cruise": np.zeros((16, 16))}, "cruise has shape .* integer index"),
        ({"strike_deg": np.zeros(16)}, "strike_deg has shape"),
        ({"strike_suffices": True}, "strike_suffices was given without strike_deg; give both"),
        ({"barrier": np.zeros((16, 16))}, "barrier has shape .*bool"),
        ({"seamount": np.eye(16)}, "seamount has shape .*bool"),
        ({"seamount": np.eye(16) > 0}, "All readings lie on seamounts"),
    ],
)
def test_bad_knowledge_is_a_clear_error(known, message):
    block = np.where(np.eye(16) > 0, 1.0, np.nan)
    with pytest.raises(ValueError, match=message):
        diffusion.guided(block, known=Known(**known))


# --- strikes, fracture zones and seamounts ----------------------------------------------------


def test_a_barrier_without_readings_beyond_it_is_crossed_at_last():
    """Nothing is left undefined: where only one side has data, its value leaks through."""
    block, barrier = np.full((40, 60), np.nan), np.zeros((40, 60), bool)
    block[:, 5], barrier[:, 30] = 25.0, True
    known = Known(barrier=barrier)
    result = diffusion.guided(block, uncertainty=False, known=known).anomaly.values
    np.testing.assert_allclose(result, 25.0, atol=0.5)


def test_a_known_strike_leads_where_readings_are_silent_and_only_there(truth):
    block = read(truth, 15, 0.1)
    block[:, 60:] = np.nan  # the east was never sailed
    wrong, right = (Known(strike_deg=np.full(truth.shape, strike)) for strike in (150.0, 60.0))
    free, led, aligned = (
        diffusion.guided(block, uncertainty=False, known=known) for known in (None, wrong, right)
    )

    def off(result, part, strike):
        return np.median(axial_difference(result.strike_deg.values[:, part], strike))

    west, east = slice(0, 50), slice(140, 160)
    assert off(led, west, 60) < off(free, west, 60) + 3
    assert off(aligned, east, 60) < 10 and off(aligned, west, 60) < 5


def lone(field):
    """Readings of one track that runs north through the middle, and of nothing else."""
    block = np.full(field.shape, np.nan)
    block[:, field.shape[1] // 2] = field[:, field.shape[1] // 2]
    return block


def test_a_known_strike_that_suffices_draws_stripes_where_a_lone_track_leaves_it_open():
    field = made_up_fields.stripes(160, 110.0)
    strike = np.full(field.shape, 110.0)
    only, led = (
        diffusion.guided(lone(field), uncertainty=False, known=Known(strike_deg=strike, **more))
        for more in ({}, {"strike_suffices": True})
    )
    near = np.abs(np.arange(160) - 80) <= 8
    assert only["coherence"].values.max() < 0.1
    assert led["coherence"].values[40:-40, near].min() > 0.5
    assert agreement(led["anomaly"].values[:, near], field[:, near]) > 0.85
    strike[:, :] = np.nan  # known nowhere: as if nothing were
    nowhere = diffusion.guided(
        lone(field), uncertainty=False, known=Known(strike_deg=strike, strike_suffices=True)
    )
    assert nowhere["coherence"].values.max() < 0.1


def test_a_known_strike_does_not_suffice_where_readings_speak_against_stripes():
    grid = made_up_fields.survey(
        made_up_fields.seamounts(160, np.random.default_rng(2)), np.random.default_rng(2), 0.1
    )
    known = Known(strike_deg=np.full(grid["block"].shape, 30.0), strike_suffices=True)
    led = diffusion.guided(grid["block"], uncertainty=False, known=known)
    assert led["coherence"].values.mean() < 0.2


def test_readings_on_a_known_seamount_say_nothing_of_the_stripes(truth):
    """Outside the seamount the map is that of the readings outside, whatever lies upon it."""
    line = survey(16, 0.1)
    north, east = np.indices(truth.shape) - SIDE / 2
    mount = np.hypot(north, east) < 12
    block, cruise = np.where(line >= 0, truth, np.nan), line
    for known in (Known(seamount=mount), Known(cruise, seamount=mount)):
        plain, high = (
            diffusion.guided(block + rise, uncertainty=False, known=known)["anomaly"]
            for rise in (0.0, np.where(mount, 500.0, 0.0))
        )
        np.testing.assert_allclose(plain.values[~mount], high.values[~mount], atol=1e-3)
        inside = mount & (line >= 0)
        assert np.median((high - plain).values[inside]) > 400
