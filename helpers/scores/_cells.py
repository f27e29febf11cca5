"""Scores of maps of lines: a line is found if a predicted line runs within a few cells of it.

Share of correct pixels would mislead: nine cells in ten are not on a line, so a map that finds
nothing is 90 % correct. Both maps are therefore thinned to lines one cell wide, and the cells of
one are held against those of the other, in two ways:

buffered    `score_lines` asks whether some line runs near; two predicted lines beside one true
            line are then both right.
one to one  `counts` pairs each cell with at most one cell of the other map, as in the benchmark
            of Martin et al. (2004), so that the second line is a false one.

Further down stands what else a map of probability can be asked: its calibration.

References
----------
Martin, D. R., Fowlkes, C. C. & Malik, J. (2004). doi:10.1109/TPAMI.2004.1273918.
Shit, S. et al. (2021). doi:10.1109/CVPR46437.2021.01629 (clDice).
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize
from sklearn.metrics import average_precision_score

from .. import _shared

BINS = 15  # of the reliability diagram


def score_lines(probability, truth, mask, tolerance_cells=2, threshold=0.5):
    """Score a probability map against label lines.

    Both maps are thinned to lines one cell wide. Precision is the share of predicted line within
    the tolerance of a true line, recall the share of true line within the tolerance of a
    predicted one.

    Parameters
    ----------
    probability : array_like, shape (n, m)
        Predicted probability, 0 to 1.
    truth : array_like, shape (n, m)
        Label, 1 on lines.
    mask : array_like of bool, shape (n, m)
        Cells that count.
    tolerance_cells : float
        Largest distance of a match.
    threshold : float
        Probability from which a cell is taken as line.

    Returns
    -------
    dict of str to float
        ``precision``, ``recall``, ``f1``, ``average_precision`` (area under the
        precision-recall curve of the cells), ``cldice`` (Shit et al. 2021), ``ece`` (expected
        calibration error), ``predicted_cells`` and ``true_cells`` of line.

    Raises
    ------
    ValueError
        If the shapes differ or no cell counts.

    Examples
    --------
    >>> truth = np.zeros((20, 30))
    >>> truth[10] = 1
    >>> found = np.zeros((20, 30))
    >>> found[11, :15] = 0.9  # half of the line, a cell beside it
    >>> values = score_lines(found, truth, np.ones((20, 30)))
    >>> values["precision"], round(values["recall"], 2)
    (1.0, 0.53)
    """
    probability, truth, mask = (np.asarray(part) for part in (probability, truth, mask))
    truth, mask = truth > 0.5, mask > 0.5
    if not probability.shape == truth.shape == mask.shape:
        raise ValueError(
            f"Shapes differ: probability {probability.shape}, truth {truth.shape}, mask "
            f"{mask.shape}; give three maps on the same cells."
        )
    if not mask.any():
        raise ValueError("The mask leaves no cell to score; check the distance to data.")
    found = probability >= threshold
    predicted, true = skeletonize(found) & mask, skeletonize(truth) & mask
    # precision P and recall R, each of thinned line near any line of the other map
    precision = _share(predicted, _shared.within(skeletonize(truth), tolerance_cells))
    recall = _share(true, _shared.within(skeletonize(found), tolerance_cells))
    # F1 = 2 P R / (P + R)
    values = {"precision": precision, "recall": recall, "f1": harmonic(precision, recall)}
    # clDice: the same of thinned line that lies on the lines themselves, without tolerance
    values["cldice"] = harmonic(_share(predicted, truth), _share(true, found))
    values["average_precision"] = _average_precision(probability[mask], truth[mask])
    values["ece"] = calibration_error(probability[mask], truth[mask])
    values.update(predicted_cells=float(predicted.sum()), true_cells=float(true.sum()))
    return values


def best_threshold(probability, truth, mask, tolerance_cells=2):
    """Threshold of the highest F1, to be chosen on validation maps.

    Parameters
    ----------
    probability, truth, mask : numpy.ndarray, shape (maps, n, m)
        As `score_lines`, several maps.
    tolerance_cells : float
        As `score_lines`.

    Returns
    -------
    float
        Between 0.05 and 0.9.
    """
    candidates = np.arange(0.05, 0.91, 0.05)
    scores = [
        pooled(
            [
                score_lines(p, t, m, tolerance_cells, threshold)
                for p, t, m in zip(probability, truth, mask, strict=True)
            ]
        )["f1"]
        for threshold in candidates
    ]
    return float(candidates[int(np.argmax(scores))])


def pooled(records):
    """Combine the scores of several maps, each weighted by its length of line.

    Parameters
    ----------
    records : list of dict
        From `score_lines`.

    Returns
    -------
    dict of str to float
        Precision weighted by predicted cells, recall by true cells, F1 of the two; the plain
        mean of the other scores.
    """
    predicted = np.array([record["predicted_cells"] for record in records])
    true = np.array([record["true_cells"] for record in records])
    values = {
        name: _shared.mean_of_known([record[name] for record in records])
        for name in ("cldice", "average_precision", "ece")
    }
    values["precision"] = _weighted([record["precision"] for record in records], predicted)
    values["recall"] = _weighted([record["recall"] for record in records], true)
    values["f1"] = harmonic(values["precision"], values["recall"])
    values.update(predicted_cells=float(predicted.sum()), true_cells=float(true.sum()))
    return values


def harmonic(precision, recall):
    """Harmonic mean of two shares (F1); 0 where both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def _share(part, whole):
    """Share of the cells of `part` that lie in `whole`; 0 where there are none."""
    return float((part & whole).sum() / part.sum()) if part.any() else 0.0


def _weighted(values, weight):
    """Mean of shares weighted by their length of line; 0 where there is none."""
    return float(np.sum(np.array(values) * weight) / weight.sum()) if weight.sum() else 0.0


def _average_precision(probability, truth):
    """Area under the precision-recall curve of cells; NaN where no cell is on a line."""
    return float(average_precision_score(truth, probability)) if truth.any() else float("nan")


# One to one: each cell of a line answers for one cell of another.


def counts(probability, truth, mask, tolerance_cells=2.0, threshold=0.5):
    """Count the cells of line, and how many of them are paired one to one.

    Two predicted lines beside one true line are one hit and one false line here.

    Parameters
    ----------
    probability, truth, mask : array_like, shape (n, m)
        As `score_lines`.
    tolerance_cells : float
        Largest distance of a pair.
    threshold : float
        Probability from which a cell is taken as line.

    Returns
    -------
    numpy.ndarray of int, shape (4,)
        Predicted cells, those of them that are paired, true cells, those of them that are paired;
        all inside the mask.

    Notes
    -----
    As in the benchmark of Martin et al. (2004), doi:10.1109/TPAMI.2004.1273918.

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
    """F1 from counts, summed over maps where several are given.

    Parameters
    ----------
    counted : array_like, shape (..., 4) or (..., maps, 4)
        From `counts`; where there are two axes or more, the last but one is summed over.

    Returns
    -------
    float or numpy.ndarray
        0 where nothing is predicted or nothing true.

    Examples
    --------
    >>> round(f1([[10, 10, 10, 10], [30, 0, 10, 0]]), 3)
    0.333
    """
    table = np.asarray(counted)
    total = table.sum(axis=-2) if table.ndim > 1 else table
    precision, recall = shares(total)
    value = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(value) if value.ndim == 0 else value


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


def shares(counted):
    """Precision and recall from counts, shape (..., 4)."""
    predicted, right, true, found = np.moveaxis(np.asarray(counted), -1, 0)
    return right / np.maximum(predicted, 1), found / np.maximum(true, 1)


# Calibration: does a probability of 0.3 come true three times in ten?


class Reliability(NamedTuple):
    """Classes of probability, each array of shape (BINS,); means of empty classes are NaN."""

    predicted: np.ndarray  # mean prediction
    observed: np.ndarray  # share that came true
    cells: np.ndarray


def reliability(probability, truth):
    """Mean prediction, observed share and number of cells in classes of probability.

    `probability` (0 to 1) and `truth` (0 or 1) have the shape (n,).
    """
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    cells = np.bincount(bins, minlength=BINS)
    divisor = np.where(cells > 0, cells, np.nan)
    predicted = np.bincount(bins, probability, BINS) / divisor
    observed = np.bincount(bins, truth.astype(float), BINS) / divisor
    return Reliability(predicted, observed, cells)


def calibration_error(probability, truth):
    """Give the expected calibration error: the mean gap of predicted and observed shares."""
    predicted, observed, cells = reliability(probability, truth)
    return float(np.nansum(np.abs(predicted - observed) * cells) / cells.sum())
