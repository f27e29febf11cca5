"""Pictures of scores: what is drawn is what the records hold."""

import numpy as np
import pytest

from pictures import redrawn
from studies import protocol
from studies.figures import network

test_figure = redrawn(network.FIGURES, quick="04_precision_recall")
MODELS = ("scratch", "transfer", "sato filter")


def records():
    """Return records of two models, two seeds and one detector."""
    made = []
    for model, shift in zip(MODELS, (0.0, 0.2, 0.1), strict=True):
        for seed in (1, 2):
            record = {
                "model": model, "input": "raw", "seed": seed, "region": "epr", "coverage": 0.1,
                "f1": 0.5 + shift, "precision_curve": [0.9 - 0.1 * seed, 0.5 + shift],
                "recall_curve": [0.2 + shift, 0.6 + shift], "line_km_per_1000_km2": 40.0,
                "false_isotropic": 2.0 * seed, "false_quiet_zone": 1.0,
                "false_km_per_1000_km2": seed + 0.5,
            }  # fmt: skip
            if model != "sato filter":
                record["reliability"] = [[0.1, 0.1 + shift, 100 * seed], [0.9, 0.8, 50]]
            made.append(record)
    return made


def curves(figure):
    """Return the curves that have a name."""
    return {line.get_label(): line for line in figure.axes[0].get_lines()
            if not line.get_label().startswith("_")}  # fmt: skip


def test_precision_and_recall_are_means_over_seeds():
    drawn = curves(network.draw_precision_recall(records(), 0.1))
    assert set(drawn) == {protocol.NAMES[model, "raw"] for model in MODELS}
    np.testing.assert_allclose(drawn["transfer"].get_xydata(), [[0.4, 0.75], [0.8, 0.7]])
    assert not curves(network.draw_precision_recall(records(), 0.2))


def test_reliability_is_weighed_by_cells_and_of_probabilities_only():
    drawn = curves(network.draw_reliability(records()))
    assert set(drawn) == {"CNN from scratch", "transfer"}
    np.testing.assert_allclose(drawn["transfer"].get_xydata(), [[0.1, 0.3], [0.9, 0.8]])


def test_false_lines_are_drawn_by_kind():
    figure = network.draw_false_lines(records())
    drawn = curves(figure)
    assert set(drawn) == {"lineated (test blocks)", "isotropic", "quiet zone"}
    np.testing.assert_allclose(drawn["isotropic"].get_xdata(), [3, 3, 3])
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["CNN from scratch", "transfer", "Sato filter"]


def test_trials_have_a_panel_for_each_thing_varied():
    trials = [
        {"varied": "pairs", "value": "1000", "f1": [0.5, 0.7]},
        {"varied": "pairs", "value": "4000", "f1": [0.7, 0.7]},
        {"varied": "loss", "value": "focal_loss", "f1": [0.5, 0.6]},
    ]
    figure = network.draw_trials(trials)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["pretraining pairs", "loss (from scratch)"]
    *seeds, means = figure.axes[0].get_lines()
    assert means.get_ydata() == pytest.approx([0.6, 0.7])
    assert list(seeds[0].get_ydata()) == [0.5, 0.7]
    assert figure.axes[1].get_xticklabels()[0].get_text() == "focal"


def test_filters_that_changed_most_are_drawn_side_by_side():
    before = np.zeros((8, 8, 6))
    after = before + np.array([0, 3, 0, 1, 0, 2])
    figure = network.draw_features(np.zeros((8, 8)), before, after, filters=2)
    assert [axis.get_title() for axis in figure.axes[:3]] == ["map", "filter 2", "filter 6"]
    seen = [axis.get_images()[0].get_array().mean() for axis in figure.axes]
    assert seen == [0, 0, 0, 0, 3, 2]
    assert figure.axes[1].get_images()[0].get_clim() == (0, 3)


def test_scores_are_drawn_with_the_mean_over_seeds():
    record = {"model": "scratch", "input": "raw", "region": "epr", "coverage": 0.1}
    records = [record | {"seed": seed, "f1": value} for seed, value in ((1, 0.4), (2, 0.6))]
    axis = network.draw_scores(records).axes[0]
    drawn = [line.get_xdata() for line in axis.get_lines() if len(line.get_xdata())]
    assert any(np.allclose(values, [0.5]) for values in drawn)
