"""Scores of line maps: a line is found if a predicted line runs within a few cells of it.

Share of correct pixels would mislead: nine cells in ten are not on a line, so a map that finds
nothing is 90 % correct.
"""

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize
from sklearn.metrics import average_precision_score

from .. import _shared

BINS = 15  # of the reliability diagram


def score_lines(probability, truth, mask, tolerance_cells=2, threshold=0.5):
    """Score a probability map against label lines.

    Both maps are thinned to lines one cell wide.  Precision is the share of predicted line
    within the tolerance of a true line, recall the share of true line within the tolerance of a
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
    precision = _share(predicted, _near(skeletonize(truth), tolerance_cells))
    recall = _share(true, _near(skeletonize(found), tolerance_cells))
    values = {"precision": precision, "recall": recall, "f1": harmonic(precision, recall)}
    values["cldice"] = harmonic(_share(predicted, truth), _share(true, found))
    values["average_precision"] = _average_precision(probability[mask], truth[mask])
    values["ece"] = calibration_error(probability[mask], truth[mask])
    values.update(predicted_cells=float(predicted.sum()), true_cells=float(true.sum()))
    return values


def harmonic(precision, recall):
    """Harmonic mean of two shares (F1); 0 where both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def reliability(probability, truth):
    """Mean prediction, observed frequency and number of cells in classes of probability.

    Parameters
    ----------
    probability, truth : numpy.ndarray, shape (n,)
        Predicted probability and 0 or 1.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (BINS,)
        NaN means in empty classes.
    """
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    divisor = np.where(count > 0, count, np.nan)
    predicted = np.bincount(bins, probability, BINS) / divisor
    observed = np.bincount(bins, truth.astype(float), BINS) / divisor
    return predicted, observed, count


def calibration_error(probability, truth):
    """Give the expected calibration error: the mean gap of predicted and observed shares."""
    predicted, observed, count = reliability(probability, truth)
    return float(np.nansum(np.abs(predicted - observed) * count) / count.sum())


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
        name: _mean([record[name] for record in records])
        for name in ("cldice", "average_precision", "ece")
    }
    values["precision"] = _weighted([record["precision"] for record in records], predicted)
    values["recall"] = _weighted([record["recall"] for record in records], true)
    values["f1"] = harmonic(values["precision"], values["recall"])
    values.update(predicted_cells=float(predicted.sum()), true_cells=float(true.sum()))
    return values


def interval(values):
    """Mean and half width of its 95 % interval (Student's t).

    Parameters
    ----------
    values : sequence of float
        One score for each seed.

    Returns
    -------
    tuple of float
        The half width is NaN for fewer than two values.
    """
    from scipy.stats import t

    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), float("nan")
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(half)


def _near(lines, tolerance_cells):
    """Cells within the tolerance of a line."""
    if not lines.any():
        return np.zeros(lines.shape, bool)
    return ndimage.distance_transform_edt(~lines) <= tolerance_cells


def _share(part, whole):
    """Share of the cells of `part` that lie in `whole`; 0 where there are none."""
    return float((part & whole).sum() / part.sum()) if part.any() else 0.0


def _mean(values):
    """Mean of the scores that exist; NaN where none does (maps without any line)."""
    values = np.array(values, float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


def _weighted(values, weight):
    return float(np.sum(np.array(values) * weight) / weight.sum()) if weight.sum() else 0.0


def _average_precision(probability, truth):
    return float(average_precision_score(truth, probability)) if truth.any() else float("nan")


# Lines against lines, one to one: each cell of a line answers for one cell of another.
#
# `score_lines` asks whether some line runs near; two predicted lines beside one true line
# are then both right.  Here each cell of a thinned line is paired with at most one cell of the
# other map, as in the benchmark of Martin et al. (2004), so the second line is a false one.
#
# References
# ----------
# Martin, D. R., Fowlkes, C. C. & Malik, J. (2004). doi:10.1109/TPAMI.2004.1273918.

THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.1), 2)  # of the best F over a data set or a map
DIAGONAL = np.sqrt(2.0)


def counts(probability, truth, mask, tolerance_cells=2.0, threshold=0.5):
    """Count the cells of line, and how many of them are paired one to one.

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


def pairs(one, other, farthest):
    """Pair as many cells of two sets as possible, one to one.

    Parameters
    ----------
    one, other : numpy.ndarray, shapes (a, 2) and (b, 2)
        Rows and columns of the cells.
    farthest : float
        Largest distance of a pair.

    Returns
    -------
    tuple of numpy.ndarray of int, shapes (a,) and (b,)
        Index of the partner in the other set, -1 where there is none.
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
    """
    table = np.asarray(counted)
    total = table.sum(axis=-2) if table.ndim > 1 else table
    precision, recall = _shares(total)
    value = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(value) if value.ndim == 0 else value


def best_f1(probability, truth, mask, tolerance_cells=2.0, thresholds=THRESHOLDS):
    """Find the highest F1 of one threshold for all maps (ODS) and of one for each map (OIS).

    Both look at the truth; they say what a better choice of thresholds could still bring.

    Parameters
    ----------
    probability, truth, mask : numpy.ndarray, shape (maps, n, m)
        As `counts`, several maps.
    tolerance_cells : float
        As `counts`.
    thresholds : sequence of float
        What is tried.

    Returns
    -------
    dict
        ``ods``, ``ois``, the ``threshold`` of the first, and lists of ``precision`` and
        ``recall`` over the thresholds.
    """
    table = np.array([
        [counts(*one, tolerance_cells, threshold)
         for one in zip(probability, truth, mask, strict=True)]
        for threshold in thresholds
    ])  # fmt: skip
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


def _shares(counted):
    """Precision and recall from counts, shape (..., 4)."""
    predicted, right, true, found = np.moveaxis(np.asarray(counted), -1, 0)
    return right / np.maximum(predicted, 1), found / np.maximum(true, 1)


def strike_errors(strike, truth):
    """Angles between predicted and true strike on the true lines that count.

    Parameters
    ----------
    strike : numpy.ndarray, shape (n, m)
        Predicted, degrees clockwise from north.
    truth : numpy.ndarray, shape (n, m, 4)
        From `network.truth_channels`.

    Returns
    -------
    numpy.ndarray, shape (cells,)
        0 to 90 degrees.
    """
    where = skeletonize(truth[..., 0] > 0.5) & (truth[..., 1] > 0.5)
    true = np.degrees(np.arctan2(truth[..., 3], truth[..., 2])[where]) / 2
    return _shared.axial_difference(strike[where], true)


def line_density(probability, mask, threshold, spacing_km=2.0):
    """Length of line on an area, true or false.

    Parameters
    ----------
    probability, mask : array_like, shape (n, m)
        As `counts`.
    threshold : float
        As `counts`.
    spacing_km : float
        Side of the cells.

    Returns
    -------
    float
        km of line per 1,000 km² of the cells that count; NaN where none does.
    """
    mask = np.asarray(mask) > 0.5
    lines = skeletonize(np.asarray(probability) >= threshold) & mask
    area = mask.sum() * spacing_km**2
    return 1000 * length_cells(lines) * spacing_km / area if area else float("nan")


def length_cells(lines):
    """Length of thinned lines: steps to neighbours, aslant only where there is no way round.

    Parameters
    ----------
    lines : numpy.ndarray of bool, shape (n, m)

    Returns
    -------
    float
        In cells.
    """
    north, east = lines[1:] & lines[:-1], lines[:, 1:] & lines[:, :-1]
    steep = lines[1:, 1:] & lines[:-1, :-1] & ~lines[1:, :-1] & ~lines[:-1, 1:]
    flat = lines[1:, :-1] & lines[:-1, 1:] & ~lines[1:, 1:] & ~lines[:-1, :-1]
    return float(north.sum() + east.sum() + DIAGONAL * (steep.sum() + flat.sum()))
