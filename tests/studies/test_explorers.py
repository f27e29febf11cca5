"""Scores, models and regions that sliders move: what is drawn is what was scored."""

import numpy as np
import pytest

import toys
from studies.figures import explorers


@pytest.fixture
def blocks():
    """Return two blocks: a line found, a line missed, a false one; and nothing at all."""
    label, probability = np.zeros((2, 2, 60, 60))
    label[0, 10:50, 10] = label[0, 10:50, 30] = 1
    probability[0, 10:50, 11], probability[0, 10:50, 50] = 0.8, 0.4
    return np.zeros_like(label), probability, label, np.ones_like(label)


def test_found_missed_and_false_lines_have_their_colours(blocks):
    axis = explorers.draw_threshold(blocks, 0, 0.3, 2).axes[0]
    found, false, missed = (set(line.get_xdata()) for line in axis.lines)
    assert (found, false, missed) == ({11}, {50}, {30})
    assert axis.get_title() == "precision 0.50, recall 0.50, F1 0.50"


def test_threshold_tolerance_and_block_change_the_score(blocks):
    def title(*values, **options):
        return explorers.draw_threshold(blocks, *values, **options).axes[0].get_title()

    assert title(0, 0.6, 2) == "precision 1.00, recall 0.50, F1 0.67"
    assert title(0, 0.3, 0.5) == "precision 0.00, recall 0.00, F1 0.00"
    assert title(1, 0.3, 2) == "precision 0.00, recall 0.00, F1 0.00"
    assert title(0, 0.6, 2, coarse=True) == title(0, 0.6, 2)


def test_only_the_fine_picture_has_the_curves(blocks):
    fine, coarse = (
        explorers.draw_threshold(blocks, 0, 0.3, 2, coarse=each).axes[1].lines
        for each in (False, True)
    )
    assert len(fine) == 4 and len(coarse) == 1
    precision = fine[0].get_ydata()
    assert precision[explorers.THRESHOLDS < 0.39] == pytest.approx(0.5)
    assert precision[(explorers.THRESHOLDS > 0.41) & (explorers.THRESHOLDS < 0.79)] == (
        pytest.approx(1.0)
    )


@pytest.fixture
def made(blocks):
    field, probability, label, mask = blocks
    first, second = {"a_raw": probability, "b_guided": label}, {"a_raw": 0.3, "b_guided": 0.5}
    seen = {"a_raw": field, "b_guided": field + 1}
    return {"label": label, "mask": mask > 0, "seen": seen, "probability": first,
            "threshold": second}  # fmt: skip


@pytest.mark.parametrize("shown", ["probability", "lines"])
def test_models_stand_side_by_side_with_their_scores(made, shown):
    axes = explorers.draw_models(made, 0, "a_raw", "b_guided", shown).axes
    titles = [axis.get_title() for axis in axes]
    assert titles[0] == "a, raw: what it sees" and titles[1] == "b, guided: what it sees"
    assert titles[3:5] == ["what it finds: F1 0.50", "what it finds: F1 1.00"]
    np.testing.assert_array_equal(axes[1].images[0].get_array(), made["seen"]["b_guided"][0])
    text = axes[5].texts[0].get_text()
    assert "precision 0.50" in text and "threshold 0.30" in text and "F1 1.00" in text
    assert bool(axes[3].images) == (shown == "probability")


@pytest.fixture
def region():
    """Return a map with one long and one short line, both far from data in the east."""
    axis = np.arange(0, 200, 2.0)
    probability = np.zeros((100, 100))
    probability[50, 5:95], probability[80, 5:25] = 0.9, 0.4
    label = np.zeros((100, 100))
    label[50, 5:95] = 1

    layers = {"distance_km": np.where(axis < 120, 0.0, 20.0), "anomaly": probability - 0.5}
    layers |= {"probability": probability, "uncertainty": 0.1 * probability, "label": label}
    made = toys.grid(layers, crs="+proj=merc +units=km")
    return {"epr": (made[["distance_km"]], made[["anomaly"]], made, made["label"])}


FIRST = dict(region="epr", under="guided map", threshold=0.3, near_km=24, shortest_km=20)


def test_a_reader_chooses_lines(region):
    def title(**change):
        figure = explorers.draw_region(region, **(FIRST | change))
        return figure.axes[0].get_title()

    assert title().startswith("East Pacific Rise: 2 lines, ")
    assert "precision 0.82, recall 1.00" in title()  # 90 of 110 cells of line are true
    assert title(threshold=0.5).startswith("East Pacific Rise: 1 lines, 178 km")
    assert title(shortest_km=100).startswith("East Pacific Rise: 1 lines, ")
    assert title(near_km=10, threshold=0.5).startswith("East Pacific Rise: 1 lines, 108 km")
    assert title(threshold=0.95).startswith("East Pacific Rise: 0 lines, 0 km")


def test_layers_lie_under_the_lines_and_a_truth_is_not_needed(region):
    shown = {}
    for under in explorers.UNDER:
        figure = explorers.draw_region(region, **(FIRST | {"under": under}))
        shown[under] = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown["distance to data"], region["epr"][0]["distance_km"])
    np.testing.assert_array_equal(shown["probability"], region["epr"][2]["probability"])
    unknown = {"epr": (*region["epr"][:3], None)}
    assert "precision" not in explorers.draw_region(unknown, **FIRST).axes[0].get_title()


def test_the_coarse_picture_marks_cells_in_place_of_lines(region):
    axis = explorers.draw_region(region, **FIRST, coarse=True).axes[0]
    field, marked = (image.get_array() for image in axis.images)
    assert field.shape == marked.shape == (34, 34)
    above = region["epr"][2]["probability"].to_numpy()[::3, ::3] >= 0.3
    np.testing.assert_array_equal(np.isfinite(np.ma.filled(marked.astype(float), np.nan)), above)
    assert not axis.collections
