"""The protocol: blocks that never touch, parts that are fixed, results that are of it."""

import numpy as np
import pytest
import xarray as xr

from helpers import network
from studies import cases, protocol, ridge_filters


def lineated(rows, columns):
    return xr.Dataset({"lineated": (("northing", "easting"), np.ones((rows, columns), "uint8"))})


@pytest.mark.parametrize("gap", [0, 24])
def test_blocks_of_different_parts_never_come_closer_than_the_gap(monkeypatch, gap):
    monkeypatch.setattr(protocol, "GAP_CELLS", gap)
    parts = protocol.blocks(lineated(640, 730))
    assert {name: len(found) for name, found in parts.items()} == {
        0: {"train": 10, "validation": 5, "test": 10},
        24: {"train": 6, "validation": 3, "test": 7},
    }[gap]
    corners = [corner for found in parts.values() for corner in found]
    assert len(set(corners)) == len(corners)
    for number, one in enumerate(corners):
        network.cut(np.zeros((640, 730, 1)), [one])  # each lies within the map
        for other in corners[number + 1 :]:
            apart = max(abs(one[0] - other[0]), abs(one[1] - other[1]))
            assert apart >= network.SIZE + gap


def test_blocks_leave_out_what_is_not_lineated():
    truth = lineated(300, 600)
    truth.lineated[:, :300] = 0
    parts = protocol.blocks(truth)
    corners = [corner for found in parts.values() for corner in found]
    assert corners and all(column + 64 >= 300 - 0.4 * 128 for _, column in corners)
    assert {"train": [], "validation": [], "test": []} == protocol.blocks(lineated(100, 600))


def test_blocks_leave_the_same_margin_on_both_sides():
    corners = [c for found in protocol.blocks(lineated(300, 470)).values() for c in found]
    # 300 = 10 + 128 + 24 + 128 + 10; 470 = 19 + 3 * 128 + 2 * 24 + 19
    assert {row for row, _ in corners} == {10, 162}
    assert {column for _, column in corners} == {19, 171, 323}


@pytest.fixture(scope="module")
def regions():
    """Return the regions of the protocol, simulated."""
    return {name: cases.seafloor_of(name) for name in protocol.REGIONS}


def test_there_is_enough_of_everything_in_both_regions(regions):
    assert set(protocol.ORDER) == set(protocol.CRUISE_SEED) == {"train", "validation", "test"}
    assert len(set(protocol.CRUISE_SEED.values())) == 3
    parts = {}
    for truth in regions.values():
        for part, corners in protocol.blocks(truth).items():
            assert len(corners) >= 3
            parts[part] = parts.get(part, 0) + len(corners)
    assert parts["test"] >= 15
    # two of three coverages for each block
    assert 2 / 3 * len(protocol.COVERAGES) * parts["train"] <= protocol.MOST_TRAINING_PATCHES


@pytest.mark.parametrize("name", protocol.REGIONS)
def test_the_window_shown_lies_in_a_test_block(regions, name):
    truth = regions[name]
    row, column = protocol.blocks(truth)["test"][1]
    for cells in (96, 128):
        part = truth.sel(cases.test_window(name, cells, number=1))
        assert part["anomaly"].shape == (cells, cells)
        inside = (network.SIZE - cells) // 2
        for axis, start in (("northing", row + inside), ("easting", column + inside)):
            assert truth[axis][start] == part[axis][0]


def test_results_are_of_this_protocol():
    assert protocol.results("training")["config"]["cruise_seed"] == protocol.CRUISE_SEED


def test_only_the_best_detector_on_each_input_leads():
    scores = {("scratch", "raw"): 0.1, ("chance", "none"): 0.0, ("sato filter", "raw"): 0.5,
              ("frangi filter", "raw"): 0.4, ("sato filter", "guided"): 0.6,
              ("tilt maxima", "guided"): 0.7}  # fmt: skip
    records = [
        {"model": model, "input": name, "f1": f1 + add}
        for (model, name), f1 in scores.items()
        for add in (-0.05, 0.05)
    ]
    kept = [(record["model"], record["input"]) for record in protocol.leading(records)]
    assert set(kept) == set(scores) - {("frangi filter", "raw"), ("sato filter", "guided")}
    assert len(kept) == 2 * (len(scores) - 2)


def test_every_run_and_detector_has_a_name():
    keys = {(name, kind) for name in ridge_filters.DETECTORS for kind in ("raw", "guided")}
    assert keys | set(protocol.RUNS) <= set(protocol.NAMES)
    assert len(set(protocol.NAMES.values())) == len(protocol.NAMES)
