"""Scores that pair each cell of a line with at most one cell of another.

`scores.score_lines` takes two predicted lines beside one true line as right, both of them; here the
second is a false one, as in the benchmark of Martin et al. (2004), doi:10.1109/TPAMI.2004.1273918.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize


def counts(probability, truth, mask, tolerance_cells=2.0, threshold=0.5):
    """Count the cells of line, and how many of them are paired one to one.

    Maps are as `scores.score_lines` takes them.  Gives predicted cells, those of them that are
    paired, true cells, those of them that are paired; all inside the mask.

    Examples
    --------
    >>> truth, found = np.zeros((2, 20, 30))
    >>> truth[10] = found[8] = found[12] = 1
    >>> counts(found, truth, np.ones((20, 30))).tolist()
    [60, 30, 30, 30]
    """
    mask = np.asarray(mask) > 0.5
    predicted = np.argwhere(skeletonize(np.asarray(probability) >= threshold))
    true = np.argwhere(skeletonize(np.asarray(truth) > 0.5))
    of_predicted, of_true = pairs(predicted, true, tolerance_cells)
    inside = [mask[tuple(cells.T)] for cells in (predicted, true)]
    return np.array([
        inside[0].sum(), (of_predicted >= 0)[inside[0]].sum(),
        inside[1].sum(), (of_true >= 0)[inside[1]].sum(),
    ])  # fmt: skip


def f1(counted):
    """F1 from `counts`, of which the last axis but one, that of several maps, is summed over.

    0 where nothing is predicted or nothing true.

    Examples
    --------
    >>> round(f1([[10, 10, 10, 10], [30, 0, 10, 0]]), 3)
    0.333
    """
    table = np.asarray(counted)
    total = table.sum(axis=-2) if table.ndim > 1 else table
    precision, recall = _shares(total)
    value = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(value) if value.ndim == 0 else value


def best_f1(probability, truth, mask, thresholds):
    """Find the highest F1 of one threshold for all maps (ODS) and of one for each map (OIS).

    Both look at the truth; they say what a better choice of thresholds could still bring. Maps
    have the shape (maps, n, m). Beside ``ods``, ``ois`` and the ``threshold`` of the first there
    are lists of ``precision`` and ``recall`` over the thresholds.
    """
    rows = list(zip(probability, truth, mask, strict=True))
    table = [[counts(*row, threshold=threshold) for row in rows] for threshold in thresholds]
    table = np.array(table)
    whole, each = f1(table), f1(table[:, :, None])
    best = table[each.argmax(axis=0), np.arange(table.shape[1])]
    precision, recall = _shares(table.sum(axis=1))
    return {
        "ods": float(whole.max()),
        "ois": f1(best),
        "threshold": float(thresholds[int(np.argmax(whole))]),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
    }


def pairs(one, other, farthest):
    """Pair as many cells of two sets as possible, one to one, none farther apart than that.

    Cells are rows and columns, shapes (a, 2) and (b, 2). Returns the index of the partner of each
    in the other set, shapes (a,) and (b,), -1 where there is none.
    """
    of_one, of_other = np.full(len(one), -1), np.full(len(other), -1)
    if len(one) and len(other):
        near = cKDTree(one).sparse_distance_matrix(cKDTree(other), farthest, output_type="ndarray")
        linked = sparse.csr_matrix(
            (np.ones(len(near), "int8"), (near["i"], near["j"])), shape=(len(one), len(other))
        )
        of_one = maximum_bipartite_matching(linked, perm_type="column")
        paired = np.flatnonzero(of_one >= 0)
        of_other[of_one[paired]] = paired
    return of_one, of_other


def _shares(counted):
    """Precision and recall from counts, shape (..., 4)."""
    predicted, right, true, found = np.moveaxis(np.asarray(counted), -1, 0)
    return right / np.maximum(predicted, 1), found / np.maximum(true, 1)
