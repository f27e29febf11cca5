"""Labels drawn by people as truth: cells, agreement, and a little training."""

import numpy as np
import pytest
from scipy import ndimage

import toys
from helpers import labelling, network
from helpers.labelling import _learn


def line(*points):
    return labelling.Line(np.array(points, float), "Ada", "", "a test grid")


@pytest.fixture
def grid():
    axis = np.arange(0, 2 * network.SIZE, 2.0)
    values = np.sin(axis / 8) * np.ones((axis.size, 1))
    distance = np.where(axis < 60, 0.0, 10.0)
    distance[-10:] = 100.0
    fields = dict.fromkeys(("anomaly", "block", "linear"), values)
    return toys.grid(fields | {"distance_km": distance})


def test_lines_are_three_cells_wide_where_they_run(grid):
    label = labelling.label_of([line((20, 0), (20, 254))], grid)
    assert np.flatnonzero(label[60]).tolist() == [9, 10, 11]
    slanted = labelling.label_of([line((0, 0), (254, 254))], grid)
    assert np.array_equal(slanted, ndimage.binary_dilation(np.eye(128)))


def test_what_lies_beyond_the_map_is_left_out(grid):
    label = labelling.label_of([line((-50, 20), (50, 20)), line((500, 0), (600, 9))], grid)
    row = np.arange(128)
    expected = (abs(row - 10) <= 1)[:, None] & (row < 26)
    expected[10, 26] = True  # the end is widened, too
    assert np.array_equal(label, expected)
    assert not labelling.label_of([], grid).any()


def test_agreement_is_a_score_and_changing_places_swaps_it(grid):
    first = [line((20, 0), (20, 254)), line((60, 0), (60, 254))]
    second = [line((22, 0), (22, 254)), line((120, 0), (120, 254)), line((180, 0), (180, 254))]
    got, back = labelling.agreement(first, second, grid), labelling.agreement(second, first, grid)
    # one line of two is met by one of three, a cell away; ends are skeletons' ends
    assert got["precision"] == pytest.approx(1 / 2, abs=0.02)
    assert got["recall"] == pytest.approx(1 / 3, abs=0.02)
    assert got["f1"] == pytest.approx(back["f1"]) and got["recall"] == back["precision"]
    assert labelling.agreement(first, first, grid)["f1"] == 1.0


def test_truth_counts_only_what_was_looked_at_and_can_be_known(grid):
    truth = labelling.truth_of([line((20, 0), (20, 254))], grid, area=(0, 100, 50, 1000))
    assert truth.shape == (128, 128, 2) and truth.dtype == np.float32
    assert truth[:25, :, 1].max() == 0 and truth[25:, :51, 1].min() == 1
    assert truth[:, 51:, 1].max() == 0
    everywhere = labelling.truth_of([line((20, 0), (20, 254))], grid)
    assert everywhere[:, -10:, 1].max() == 0 and everywhere[:, :-10, 1].min() == 1


def test_training_and_choosing_cells_are_apart():
    truth = np.ones((200, 200, 2), "float32")
    kept, unseen = _learn._split(truth)
    assert (kept[..., 1] * unseen[..., 1]).max() == 0
    assert 0.1 < unseen[..., 1].mean() < 0.3
    away = ndimage.distance_transform_edt(unseen[..., 1] == 0)
    assert away[kept[..., 1] > 0].min() > _learn.GAP_CELLS


def test_a_small_map_is_enlarged_and_a_large_one_covered():
    assert _learn._padded(np.ones((50, 140, 2))).shape == (128, 140, 2)
    seen = np.zeros((200, 300), bool)
    for row, column in _learn._corners(seen.shape):
        seen[row : row + network.SIZE, column : column + network.SIZE] = True
    assert seen.all()


@pytest.mark.rest
def test_fine_tuning_takes_the_map_towards_the_labels(grid):
    troughs = [line((2 * k, 0), (2 * k, 254)) for k in range(19, 110, 25)]  # never crests
    truth = labelling.truth_of(troughs, grid)
    name = "transfer_both"
    model, history = labelling.fine_tune(name, grid, truth, epochs=3, seed=1)
    shipped = network.load(name)
    on = truth[..., 0] * truth[..., 1] > 0
    before, after = (network.predict(m, grid)["probability"].to_numpy() for m in (shipped, model))
    assert len(history["loss"]) == 3 and model.record == shipped.record
    # the model is sure that troughs are no lines; three epochs only begin to change its mind
    assert after[on].mean() / before[on].mean() > 2 * after[~on].mean() / before[~on].mean()


def test_without_labels_there_is_nothing_to_learn(grid):
    with pytest.raises(ValueError, match="no line in the labelled area"):
        labelling.fine_tune("transfer_both", grid, labelling.truth_of([], grid))
    with pytest.raises(ValueError, match="smaller than a hundredth"):
        far = labelling.truth_of([line((20, 0), (20, 99))], grid, area=(900, 901, 0, 1))
        labelling.fine_tune("transfer_both", grid, far)
