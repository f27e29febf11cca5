"""Pretraining pairs: surveys, lone tracks, compilations, and those without a line."""

import numpy as np
import pytest

import toys
from helpers import network
from helpers.network import _inputs
from studies.training import maps as maps_
from studies.training import pairs


@pytest.fixture(scope="module")
def pair():
    return pairs.simulate_pair(np.random.default_rng(5), 0.1, _inputs.INPUTS)


def test_pair_has_one_shape_and_one_truth(pair):
    maps, truth = pair
    assert tuple(maps) == _inputs.INPUTS
    channels = [len(_inputs.LAYERS[name]) for name in maps]
    for stack, number in zip((*maps.values(), truth), (*channels, 4), strict=True):
        assert stack.shape == (network.SIZE, network.SIZE, number) and stack.dtype == "float32"
        assert np.isfinite(stack).all()
    assert set(np.unique(truth[..., :2])) == {0, 1}
    np.testing.assert_allclose(np.hypot(truth[..., 2], truth[..., 3]), 1, rtol=1e-5)
    nearness = maps["raw"][..., 1]
    for stack in maps.values():
        assert np.abs(stack[..., 0]).max() <= 4
    for name in ("classical", "guided"):
        np.testing.assert_array_equal(maps[name][..., 1], nearness)
    for name, channels in maps_.OF_BOTH.items():
        np.testing.assert_array_equal(maps["both"][channels], maps[name])
    # a cell is on a track where the distance is 0
    assert 0.1 <= (nearness == 1).mean() < 0.2
    np.testing.assert_array_equal(truth[..., 1], nearness >= np.exp(np.float32(-24 / 8)) - 1e-7)


def test_pair_repeats_for_a_seed(pair):
    again = pairs.simulate_pair(np.random.default_rng(5), 0.1, _inputs.INPUTS)
    other = pairs.simulate_pair(np.random.default_rng(6), 0.1, ("raw",))
    np.testing.assert_array_equal(again[1], pair[1])
    # the raw map is made by plain sums in one order; sums on two cores may end in another bit,
    # which the iteration under the other two carries to within its tolerance
    np.testing.assert_array_equal(again[0]["raw"], pair[0]["raw"])
    for name in ("classical", "guided"):
        assert np.abs(again[0][name] - pair[0][name]).max() < 0.02
    assert np.abs(other[0]["raw"] - pair[0]["raw"]).max() > 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_null_pairs_have_the_tracks_and_no_line(seed):
    pair, null = (
        pairs.simulate_pair(np.random.default_rng(seed), 0.1, ("raw",), share)
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(null[0]["raw"][..., 1], pair[0]["raw"][..., 1])  # nearness
    assert np.abs(null[0]["raw"][..., 0] - pair[0]["raw"][..., 0]).max() > 0.5
    assert not null[1][..., 0].any()
    np.testing.assert_array_equal(null[1][..., 1], pair[1][..., 1])


def of_kind(monkeypatch, kind, seed):
    """Return the nearness and the truth of a pair of one kind."""
    alone = {name: (float(name == kind), *about[1:]) for name, about in pairs.KINDS.items()}
    monkeypatch.setattr(pairs, "KINDS", alone)
    maps, truth = pairs.simulate_pair(np.random.default_rng(seed), None, ("raw",))
    return maps["raw"][..., 1], truth


@pytest.mark.parametrize("kind", ["survey", "lone tracks"])
def test_coverage_lies_where_the_kind_says(kind, monkeypatch):
    shares = np.array([(of_kind(monkeypatch, kind, seed)[0] == 1).mean() for seed in range(5)])
    low, high = pairs.KINDS[kind][1:]
    # tracks end where the coverage is reached (see the tests of cruises)
    assert low <= shares.min() and shares.max() < high + 0.01 and np.ptp(shares) > 0.1 * high


def test_a_compilation_has_data_in_nearly_every_cell(monkeypatch):
    nearness, truth = of_kind(monkeypatch, "compilation", 3)
    assert (nearness == 1).mean() > 0.9 and truth[..., 1].mean() > 0.9


def test_kinds_share_all_pairs():
    assert sum(share for share, _, _ in pairs.KINDS.values()) == pytest.approx(1)


def test_compiled_map_is_smooth_keeps_its_gaps_and_forgets_its_tracks():
    rng = np.random.default_rng(4)
    value = rng.normal(100, 20, (40, 50)).astype("float32")
    value[:5, :7] = np.nan
    layers = {"anomaly": value, "block": np.where(rng.random(value.shape) < 0.1, value, np.nan),
              "weight": 0.0, "distance_km": 9.0}  # fmt: skip
    grid = toys.grid(layers)
    made = pairs.compiled(grid, 1.5)
    known = np.isfinite(value)
    np.testing.assert_array_equal(np.isfinite(made["anomaly"]), known)
    np.testing.assert_array_equal(made["block"], made["anomaly"])
    np.testing.assert_array_equal(made["weight"], known)
    np.testing.assert_array_equal(made["distance_km"], ~known)
    # the gap does not draw its neighbours towards 0, and noise is averaged out
    assert 80 < made["anomaly"].values[known].min() and made["anomaly"].values[known].std() < 8
    same = pairs.compiled(grid, 0.0)
    np.testing.assert_allclose(same["anomaly"], value, rtol=1e-6)
