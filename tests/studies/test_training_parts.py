"""Parts of the training: its sizes, its trials, and what it chooses and counts."""

import numpy as np
import pytest

import train
from helpers.network import _inputs
from studies import protocol
from studies.training import maps, results, runs


def test_full_size_is_what_the_results_need():
    full = train.SIZES["full"]
    assert full["runs"] == protocol.RUNS and full["regions"] == protocol.REGIONS
    assert full["coverages"] == protocol.COVERAGES and len(full["seeds"]) >= 5
    assert full["pairs"] >= 20_000
    assert runs.pretrained_inputs(full) == list(_inputs.INPUTS)
    assert runs.pretrained_inputs(train.SIZES["tiny"]) == ["both"]
    assert {key for size in train.SIZES.values() for key in size} == set(full)


def test_curves_vary_one_thing_at_a_time():
    variants = list(runs._variants(train.SIZES["full"]))
    assert {one["varied"] for one in variants} == {
        "pairs", "widths", "channels", "raw channels",
    }  # fmt: skip
    assert len({(one["varied"], one["value"]) for one in variants}) == len(variants)
    assert all(len(one["changes"]) <= 1 for one in variants)
    most = train.SIZES["full"]["curve_pairs"][-1]
    assert all(one["pairs"] == most for one in variants if one["varied"] != "pairs")
    assert list(runs._variants(train.SIZES["tiny"])) == []


def test_calibration_and_threshold_are_chosen_on_the_maps_given():
    truth = np.zeros((2, 64, 64, 4), "float32")
    truth[..., 1], truth[:, 30:33, :, 0] = 1, 1
    probability = np.where(truth[..., 0] > 0, 0.7, 0.4)  # too sure that lines are everywhere
    rng = np.random.default_rng(1)
    probability = np.clip(probability + rng.normal(0, 0.05, probability.shape), 0.01, 0.99)
    chosen = runs.choose(probability, truth)
    assert chosen["validation_f1"] == 1 and chosen["offset"] < 0
    assert set(chosen) == {"temperature", "offset", "threshold", "validation_f1"}


def test_false_lines_are_counted_by_kind():
    line = np.zeros((40, 50))
    line[20] = 1
    mask = np.ones(line.shape, bool)
    nulls = [{"kind": kind, "mask": mask} for kind in ("isotropic", "isotropic", "quiet zone")]
    found = results.false_lines([line, 0 * line, 0 * line], nulls, 0.5)
    one = 1000 * 49 * 2 / (40 * 50 * 4)  # km per 1,000 km2
    assert found["false_isotropic"] == pytest.approx(one / 2)
    assert found["false_quiet_zone"] == 0
    assert found["false_km_per_1000_km2"] == pytest.approx(one / 4)


def test_too_many_training_patches_are_refused(monkeypatch, tmp_path):
    """The protocol allows 40; a split that gives more is an error, not a footnote."""
    job = maps.Job(train.SIZES["tiny"], tmp_path, tmp_path)
    many = {"truth": np.zeros((41, 2, 2, 4)), "null": np.zeros(41, bool)}
    monkeypatch.setattr(maps, "in_parallel", lambda work, jobs, text: [many] * len(jobs))
    with pytest.raises(ValueError, match="41 training patches were cut; the protocol allows 40"):
        maps._cut_all(job)
