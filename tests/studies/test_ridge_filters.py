"""Detectors: crests are found, whatever their strike and amplitude, and tuning tunes."""

import numpy as np
import pytest

import toys
from studies import protocol, ridge_filters

NAMES = list(ridge_filters.DETECTORS)


def waves(strike_deg, size=96, wavelength=14.0):
    """Return waves of one strike and their crest lines."""
    phase = 2 * np.pi * toys.across_strike((size, size), strike_deg) / wavelength
    return np.cos(phase), np.abs(np.angle(np.exp(1j * phase))) < np.pi / wavelength


def look(name, field):
    detector = ridge_filters.DETECTORS[name]
    return detector.filter(field, **detector.settings[2])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strike", [0.0, 30.0, 90.0, 155.0])
def test_crests_of_waves_are_found(name, strike):
    field, crest = waves(strike)
    inner = np.zeros(field.shape)
    inner[12:-12, 12:-12] = 1  # filters bend lines at the edge of a map
    seen = look(name, field)
    assert seen.shape == field.shape and np.isfinite(seen).all()
    thresholds = np.quantile(seen, 1 - ridge_filters.SHARES)
    found = [protocol.one_to_one_counts(seen, crest, inner, 2, each) for each in thresholds]
    assert max(map(protocol.one_to_one_f1, found)) > 0.9


@pytest.mark.parametrize("name", ["tilt maxima", "phase symmetry"])
def test_weak_crests_count_like_strong_ones(name):
    field, crest = waves(30.0)
    field = field * np.linspace(0.2, 1, field.shape[1])
    seen = look(name, field)
    weak, strong = (np.median(seen[:, part][crest[:, part]])
                    for part in (slice(12, 40), slice(60, 84)))  # fmt: skip
    assert weak > 0.75 * strong


@pytest.mark.parametrize("name", NAMES)
def test_troughs_are_no_crests(name):
    field, crest = waves(60.0)
    seen = look(name, field)
    trough = field < np.quantile(field, 0.1)
    assert np.median(seen[crest]) > 3 * np.median(seen[trough])


def test_phase_symmetry_is_a_share():
    field = np.random.default_rng(1).normal(0, 1, (64, 64))
    seen = ridge_filters.phase_symmetry(field, 6.0, 0.0)
    assert 0 <= seen.min() and seen.max() <= 1
    quieter = ridge_filters.phase_symmetry(field, 6.0, 2.0)
    assert quieter.mean() < 0.5 * seen.mean()


def test_tuning_takes_the_setting_and_threshold_that_fit():
    rng = np.random.default_rng(2)
    made = [waves(strike) for strike in (10.0, 80.0)]
    fields = np.stack([field for field, _ in made]) + rng.normal(0, 0.8, (2, 96, 96))
    truth, mask = np.stack([crest for _, crest in made]), np.ones(fields.shape)
    chosen = ridge_filters.tune("sato filter", fields, truth, mask)
    assert chosen["setting"] in ridge_filters.DETECTORS["sato filter"].settings
    # under so much noise the narrowest filter follows the noise
    assert max(chosen["setting"]["sigmas"]) >= 2.5 and chosen["f1"] > 0.7
    seen = np.stack([ridge_filters.sato(field, **chosen["setting"]) for field in fields])
    share = (seen >= chosen["threshold"]).mean()
    assert ridge_filters.SHARES[0] - 0.01 <= share <= ridge_filters.SHARES[-1] + 0.01
