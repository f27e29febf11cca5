"""The strike that readings make likely, before there is a map."""

import numpy as np
import pytest
from scipy import linalg, ndimage

from helpers import _shared, diffusion
from helpers.diffusion import _strike
from studies import made_up_fields

NOTHING = diffusion.Known()


def dense(east, north, value, noise, angle, scale):
    """Log marginal likelihood by the covariance of all readings, up to the same constant."""
    across = east * np.cos(angle) + north * np.sin(angle)
    along = (north * np.cos(angle) - east * np.sin(angle)) / _strike.ALONG_CELLS
    apart = np.sqrt(3) * np.abs(across[:, None] - across) / scale
    # two terms of the series of exp(-(a - b)^2 / 2)
    terms = (1 + np.outer(along, along)) * np.exp(-0.5 * (along[:, None] ** 2 + along**2))
    cover = terms * (1 + apart) * np.exp(-apart) + _strike.LEVEL + np.diag(noise)
    factor = linalg.cholesky(cover, lower=True)
    misfit = np.sum(linalg.solve_triangular(factor, value, lower=True) ** 2)
    number = value.size
    return -0.5 * number * np.log(misfit / number) - np.sum(np.log(np.diag(factor)))


def test_the_filter_gives_the_likelihood_of_the_whole_covariance():
    rng = np.random.default_rng(0)
    east, north = rng.uniform(-30, 30, (2, 60))
    value, noise = rng.normal(size=60), rng.uniform(0.2, 0.6, 60)
    level = np.zeros(60, int)
    found = _strike._fan(east, north, value, noise, level, _strike.angles(), 5.0)
    wanted = [dense(east, north, value, noise, angle, 5.0) for angle in _strike.angles()]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


@pytest.mark.parametrize("strike_deg", [0.0, 20.0, 45.0, 100.0, 171.0])
def test_the_strike_of_straight_stripes_is_found_from_a_few_tracks(strike_deg):
    field = made_up_fields.stripes(192, strike_deg)
    track = made_up_fields.straight_tracks(0.05, np.random.default_rng(1), 192) >= 0
    data = np.where(track, field, 0).astype("float32")
    probability, tensor = _strike.posterior(data, track.astype("float32"), NOTHING)
    np.testing.assert_allclose(probability.sum(axis=-1), 1)
    angle, sure = diffusion.orientation(tensor)
    off = _shared.axial_difference(np.degrees(-angle), strike_deg)
    middle = np.s_[8:-8, 8:-8]
    assert np.median(off[middle]) < 3 and np.median(sure[middle]) > 0.9


def uneven(seed):
    """Stripes that strike 70 degrees, of uneven width: even ones can be joined in several ways."""
    across = made_up_fields.across_strike(128, 70.0)
    noise = ndimage.gaussian_filter1d(np.random.default_rng(seed).normal(size=400), 4.0)
    return (1e3 * np.interp(across, np.arange(-200, 200), noise)).astype("float32")


def test_neighbouring_tracks_tell_of_the_strike():
    weight, off, sure = np.zeros((128, 128), "float32"), [], []
    weight[:, [40, 64, 88]] = 1
    for seed in range(5):
        _, tensor = _strike.posterior(uneven(seed) * weight, weight, NOTHING)
        angle, coherence = diffusion.orientation(tensor)
        off.append(_shared.axial_difference(np.degrees(-angle[16, 16]), 70.0))
        sure.append(coherence[16, 16])
    assert np.median(off) < 5 and np.median(sure) > 0.9


@pytest.mark.parametrize("seed", [0, 1])
def test_a_lone_track_is_honoured_and_shows_no_stripes(seed):
    read = uneven(seed)[:, 64]
    block = np.full((128, 128), np.nan)
    block[:, 64] = read
    found = diffusion.guided(block, uncertainty=False)
    assert found["coherence"].max() < 0.1
    assert np.polyfit(read, found["anomaly"].to_numpy()[:, 64], 1)[0] > 0.9


def test_levels_of_lines_that_never_meet_are_no_stripes():
    """Lines with constants and noise alone; where their cruises are not told apart, they are."""
    rng, weight = np.random.default_rng(0), np.zeros((128, 128), "float32")
    weight[:, 4::8] = 1
    constant = np.repeat(rng.normal(0, 30, 16), 8)
    data = (weight * (constant + rng.normal(0, 5, weight.shape))).astype("float32")
    apart, together = (
        np.ptp(np.log(_strike.posterior(data, weight, known)[0] + 1e-30), axis=-1).mean()
        for known in (NOTHING, diffusion.Known(cruise=np.zeros(weight.shape, int)))
    )
    assert apart < 0.5 * together


def test_a_known_strike_leads_where_nothing_was_read():
    weight = np.zeros((192, 192), "float32")
    weight[::8, :48] = 1
    data = (weight * made_up_fields.stripes(192, 30.0)).astype("float32")
    known = diffusion.Known(strike_deg=np.full(weight.shape, 120.0))
    angle, sure = diffusion.orientation(_strike.posterior(data, weight, known)[1])
    strike = np.degrees(-angle) % 180
    assert _shared.axial_difference(strike[:, :8], 30.0).max() < 10
    assert _shared.axial_difference(strike[:, 40:], 120.0).max() < 3
    without = diffusion.orientation(_strike.posterior(data, weight, NOTHING)[1])[1]
    assert without[:, 40:].max() < 0.1 < sure[:, 40:].min()


def test_too_few_readings_tell_of_no_strike():
    weight = np.zeros((64, 64), "float32")
    weight[10, :8] = 1
    probability, tensor = _strike.posterior(weight * 100, weight, NOTHING)
    np.testing.assert_allclose(probability, 1 / probability.shape[-1])
    assert diffusion.orientation(tensor)[1].max() < 1e-6
