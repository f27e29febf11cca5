"""Stripes stand only where withheld readings support them, and end at fracture zones."""

import numpy as np
import pytest
from scipy import ndimage

from helpers import diffusion, gridding
from helpers._shared import agreement
from helpers.diffusion import _guided, _pyramid, _strike, _withheld
from striped import SIDE, read, stripes, survey
from studies import made_up_fields


@pytest.fixture(scope="module")
def truth():
    """Return stripes of 100 nT that bend a little."""
    return stripes(bend=3)


def blobs(seed, side=SIDE):
    return made_up_fields.blobs(side, np.random.default_rng(seed), 5.0)


@pytest.mark.parametrize("coverage", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("make", [made_up_fields.blobs, made_up_fields.seamounts])
def test_no_stripes_are_invented(make, coverage):
    """Without direction in the truth: coherence at most 1.5 times its own, no worse than linear."""
    found, linear, coherence, true = np.zeros((4, 4))
    for seed in range(4):
        field = make(256, np.random.default_rng(seed))
        block = read(field, seed, coverage)
        result = diffusion.guided(block, uncertainty=False)
        interpolated = gridding.interpolate(block)
        inside = np.where(np.isfinite(interpolated), result.anomaly.values, np.nan)
        found[seed], linear[seed] = agreement(inside, field), agreement(interpolated, field)
        tensor = diffusion.structure_tensor(field.astype("float32"), np.ones_like(field), 2.0, 24.0)
        true[seed] = diffusion.orientation(tensor)[1].mean()
        coherence[seed] = result.coherence.mean()
    assert coherence.mean() < 1.5 * true.mean()
    assert found.mean() > linear.mean()


@pytest.mark.parametrize(("coverage", "least"), [(0.05, 0.85), (0.1, 0.94), (0.2, 0.98)])
def test_stripes_are_supported_and_run_on_without_a_fracture_zone(truth, coverage, least):
    block = read(truth, 5, coverage)
    result = diffusion.guided(block, uncertainty=False)
    near = ndimage.distance_transform_edt(np.isnan(block)) <= 12  # cells, 24 km
    coherence = result.coherence.values
    assert coherence[near].mean() > 0.85 and not coherence[~near].any()
    assert agreement(result.anomaly.values, truth) > least
    assert np.mean(result.continuity < 0.5) < 0.03


def test_few_readings_are_doubted():
    """Small maps of blobs with 5 % on tracks: stripes by chance on at most a fifth of them."""
    found = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        grid = made_up_fields.survey(made_up_fields.blobs(96, rng), rng, 0.05)
        result = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
        found.append(float(result.coherence.mean()))
    assert np.mean(np.array(found) > 0.2) <= 0.2


def test_support_is_local():
    """Stripes in the west, none in the east: each half is treated as what it is."""
    side, field = 384, stripes((384, 384), 10, bend=3)
    field[:, side // 2 :] = blobs(6, side)[:, side // 2 :]
    coherence = diffusion.guided(read(field, 6, 0.1), uncertainty=False).coherence.values
    assert coherence[:, : side // 2 - 40].mean() > 0.7
    assert coherence[:, side // 2 + 40 :].mean() < 0.1


def test_noise_asks_for_more_smoothing():
    """The smoothing that withheld readings choose grows with noise, and pays."""
    truth, chosen = stripes(wavelength=30.0, bend=3), []
    track = survey(7, 0.2) >= 0
    for noise in (0.0, 150.0):
        values = truth + np.random.default_rng(7).normal(0, noise, truth.shape)
        data = np.where(track, values, np.nan).astype("float32")
        weight = track.astype("float32")
        levels = _pyramid.build(data, weight)[1:]
        _, tensor = _strike.posterior(data, weight, diffusion.Known())
        quarters = _withheld.withhold(data, weight, None, levels)
        choice = _withheld.weigh(quarters, levels[0], tensor, None, 0.003)
        chosen.append(np.median(choice.smoothing))
    assert chosen[0] < 3 and chosen[1] >= 10
    results = [diffusion.guided(data, smoothing=s, uncertainty=False) for s in (None, 1.0)]
    of_choice, of_least = (agreement(result.anomaly.values, truth) for result in results)
    assert of_choice > of_least + 0.05


def test_fracture_zones_of_the_truth_are_found_along_their_whole_length():
    """Half a wavelength of offset: there less than half is carried along strike."""
    field = made_up_fields.stripes(128, offset_cells=8.0).astype("float32")
    tensor = diffusion.structure_tensor(field, np.ones_like(field), 1.0, 24.0)
    level = _pyramid.build(field, np.ones_like(field), levels=0)[0]
    share = _guided.continuity(level, tensor, 0.001, field)
    distance = np.abs(made_up_fields.along_strike(128))
    assert np.quantile(share[distance < 1], 0.9) < 0.5
    assert np.quantile(share[distance > 12], 0.1) > 0.9
    assert 0 < share.min() <= share.max() <= 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fracture_zones_are_found_between_tracks_and_known_ones_are_kept(seed):
    """Stripes offset by half a wavelength, a tenth of the cells read.

    The map shows where they end, but not quite; where the zone is known the error near it is half
    that of linear, and that of the rest stays.
    """
    case = made_up_fields.hard_cases(192)["fracture zone"]
    grid = made_up_fields.survey(case.field, np.random.default_rng(seed), 0.1)
    found, told = (
        diffusion.guided(grid["block"], grid["weight"], uncertainty=False, known=known)
        for known in (None, case.known)
    )
    distance = np.abs(made_up_fields.along_strike(192))
    share = found["continuity"].values
    assert np.median(share[distance < 2]) < 0.5 < np.median(share[distance > 20])
    maps = [part["anomaly"].values for part in (found, told, grid)]
    assert agreement(np.where(case.where, maps[0], np.nan), case.field) > 0.6
    bent, offset, linear = (np.nanmean((part - case.field)[case.where] ** 2) for part in maps)
    assert offset < 0.5 * linear and offset < 0.8 * bent
    off = np.abs(maps[0] - maps[1])[distance > 60]
    assert off.std() < 0.3 * made_up_fields.AMPLITUDE_NT


def test_errors_shared_along_a_track_are_told_from_the_field(truth, monkeypatch):
    """Constants of 30 nT on lines that nothing tells apart; noise is left as it is."""
    line, rng = survey(13, 0.2), np.random.default_rng(13)
    constants, noise = rng.normal(0, 30, line.max() + 1)[line], rng.normal(0, 20, line.shape)

    def error(errors):
        block = np.where(line >= 0, truth + errors, np.nan)
        return np.std(diffusion.guided(block, uncertainty=False)["anomaly"] - truth)

    shared = error(constants), error(noise)
    monkeypatch.setattr(_guided, "ROUNDS", 0)
    plain = error(constants), error(noise)
    assert shared[0] < 0.93 * plain[0]
    assert shared[1] < 1.01 * plain[1]


def test_a_field_without_stripes_does_not_lend_to_the_errors(monkeypatch):
    block = read(blobs(14), 14, 0.1)
    found = diffusion.guided(block, uncertainty=False)
    assert not found["coherence"].any()
    monkeypatch.setattr(_guided, "ROUNDS", 0)
    plain = diffusion.guided(block, uncertainty=False)
    np.testing.assert_array_equal(found["anomaly"], plain["anomaly"])
