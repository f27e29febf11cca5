"""Made-up fields are what they say; maps without lineations have no direction in them."""

import numpy as np
import pytest

from helpers import _shared, diffusion, network
from registry_files import fetch_or_skip
from studies import cases, made_up_fields

CELLS = 128


def direction(field, smoothing=2.0, integration=24.0):
    """Return the angle across stripes and the coherence of a field."""
    field = field.astype("float32")
    tensor = diffusion.structure_tensor(field, np.ones_like(field), smoothing, integration)
    return diffusion.orientation(tensor)


def coherence(field):
    return direction(field)[1].mean()


@pytest.mark.parametrize("make", [made_up_fields.blobs, made_up_fields.seamounts])
def test_fields_without_stripes_have_no_direction(make):
    field = make(CELLS, np.random.default_rng(1))
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(made_up_fields.AMPLITUDE_NT)
    assert coherence(field) < 0.25  # stripes have 0.9


def test_stripes_run_along_their_strike():
    field = made_up_fields.stripes(CELLS, strike_deg=30.0)
    angle, found = direction(field)
    inner = (slice(8, -8),) * 2  # the rim of the tensor is averaged with nothing beyond it
    np.testing.assert_allclose(np.degrees(-angle[inner]) % 180, 30.0, atol=1.0)
    assert found[inner].min() > 0.95
    assert field.std() == pytest.approx(made_up_fields.AMPLITUDE_NT, rel=0.02)


def test_a_fracture_zone_offsets_one_side():
    whole, broken = made_up_fields.stripes(CELLS), made_up_fields.stripes(CELLS, offset_cells=8.0)
    beyond = made_up_fields.along_strike(CELLS) > 0
    np.testing.assert_array_equal(broken[~beyond], whole[~beyond])
    np.testing.assert_allclose(broken[beyond], -whole[beyond], atol=1e-6)  # half a wavelength


def test_half_of_a_map_is_striped():
    field = made_up_fields.half_striped(CELLS, np.random.default_rng(2))
    assert coherence(field[:, : CELLS // 2]) > 0.85 > 0.35 > coherence(field[:, CELLS // 2 :])


def test_survey_reads_the_field_where_it_says():
    truth = made_up_fields.stripes(CELLS)
    grid = made_up_fields.survey(truth, np.random.default_rng(3), 0.1)
    # ships err in position, and some readings are lost
    assert 0.05 < float(grid["block"].notnull().mean()) < 0.13
    assert _shared.agreement(grid["block"], grid["truth"]) > 0.85


@pytest.mark.parametrize("kind", made_up_fields.KINDS)
def test_invented_maps_are_surveyed_fields(monkeypatch, kind):
    monkeypatch.setattr(made_up_fields, "CELLS", 96)
    grid = made_up_fields.invented(kind, np.random.default_rng(1), 0.1)
    assert grid["anomaly"].shape == (96, 96)
    assert 0.1 <= np.isfinite(grid["block"]).mean() < 0.2
    assert {"weight", "distance_km"} <= set(grid)
    known = network.knowable(grid).to_numpy()
    np.testing.assert_array_equal(known, grid["distance_km"] <= network.KNOWABLE_KM)
    same = made_up_fields.invented(kind, np.random.default_rng(1), 0.1)
    assert same.identical(grid)


def test_quiet_zone_has_no_direction_and_no_reversal():
    coherence, spread = [], []
    for seed in range(6):
        field = made_up_fields.quiet_zone(128, np.random.default_rng(seed))
        coherence.append(direction(field, 1.0, 12.0)[1].mean())
        spread.append(field.std())
        assert abs(field.mean()) < 1e-3 * field.std()
    # of an isotropic field averaged over so many cells; stripes have more than 0.9
    assert np.mean(coherence) < 0.5
    # uneven magnetisation and relief of some hundred metres at depth: tens of nT
    assert 5 < np.median(spread) < 80


def test_unknown_kind_is_a_clear_error():
    with pytest.raises(ValueError, match="'stripes'; choose one of isotropic, seamounts, quiet"):
        made_up_fields.invented("stripes", np.random.default_rng(1), 0.1)


@pytest.mark.rest
def test_real_surveys_keep_tracks_and_readings_in_another_order():
    for name in made_up_fields.REAL:
        for file in cases.SURVEYS[name].files:
            fetch_or_skip(file)
    grids = made_up_fields.shuffled(np.random.default_rng(1))
    assert len(grids) == len(made_up_fields.REAL)
    for grid in grids:
        assert max(grid["block"].shape) <= made_up_fields.CELLS
        block = grid["block"].to_numpy()
        known = np.isfinite(block)
        assert known.sum() > 200
        np.testing.assert_array_equal(grid["anomaly"].to_numpy()[known], block[known])
        # neighbours along a track have nothing in common any more
        beside = known[:, 1:] & known[:, :-1]
        pairs = np.corrcoef(block[:, 1:][beside], block[:, :-1][beside])[0, 1]
        assert abs(pairs) < 4 / np.sqrt(beside.sum())


def test_without_the_registry_there_are_no_real_ones(monkeypatch):
    monkeypatch.setattr(cases, "load_surveys", dict)
    assert made_up_fields.shuffled(np.random.default_rng(1)) == []
