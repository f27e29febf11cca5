"""Scores of maps of lines: a line is found if a predicted line runs within a few cells of it.

Share of correct pixels would mislead: nine cells in ten are not on a line, so a map that finds
nothing is 90 % correct. Both maps are therefore thinned to lines one cell wide, and each
line is right as far as one of the other map runs near.  Two predicted lines beside one true line
are then both right.

Further down stands what else a map of probability can be asked: its calibration.

References
----------
Shit, S. et al. (2021). doi:10.1109/CVPR46437.2021.01629 (clDice).
"""

from typing import NamedTuple

import numpy as np
from skimage.morphology import skeletonize

from .. import _shared

BINS = 15  # of the reliability diagram
CANDIDATES = np.arange(0.05, 0.91, 0.05)  # for a threshold


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
    thin, true = skeletonize(found), true_lines(truth, tolerance_cells)
    values = matched(thin, true, mask, tolerance_cells)
    # clDice: the same of thinned line that lies on the lines themselves, without tolerance
    values["cldice"] = harmonic(_share(thin & mask, truth), _share(true.thin & mask, found))
    values["average_precision"] = _average_precision(probability[mask], truth[mask])
    values["ece"] = calibration_error(probability[mask], truth[mask])
    return values


class _True(NamedTuple):
    """True lines one cell wide, and the cells within the tolerance of them."""

    thin: np.ndarray
    near: np.ndarray


def true_lines(truth, tolerance_cells):
    """Thin the true lines."""
    thin = skeletonize(truth)
    return _True(thin, _shared.within(thin, tolerance_cells))


def matched(thin, true, mask, tolerance_cells):
    """Precision, recall and F1 of thinned lines, and how long both maps' lines are."""
    predicted, known = thin & mask, true.thin & mask
    # precision P and recall R, each of thinned line near any line of the other map
    precision = _share(predicted, true.near)
    recall = _share(known, _shared.within(thin, tolerance_cells))
    return {
        "precision": precision,
        "recall": recall,
        "f1": harmonic(precision, recall),  # 2 P R / (P + R)
        "predicted_cells": float(predicted.sum()),
        "true_cells": float(known.sum()),
    }


def best_threshold(probability, truth, mask, tolerance_cells=2, candidates=CANDIDATES):
    """Threshold of the highest F1, to be chosen on validation maps.

    Parameters
    ----------
    probability, truth, mask : numpy.ndarray, shape (maps, n, m)
        As `score_lines`, several maps.
    tolerance_cells : float
        As `score_lines`.
    candidates : sequence of float
        The thresholds that are tried, by default 0.05 to 0.9.

    Returns
    -------
    float
        The first of the best.
    """
    mask = np.asarray(mask) > 0.5
    true = [true_lines(one, tolerance_cells) for one in np.asarray(truth) > 0.5]
    scores = []
    for threshold in candidates:
        maps = zip(probability, true, mask, strict=True)
        found = [matched(skeletonize(p >= threshold), t, m, tolerance_cells) for p, t, m in maps]
        scores.append(_pooled_f1(found)["f1"])
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
    values = {
        name: _shared.mean_of_known([record[name] for record in records])
        for name in ("cldice", "average_precision", "ece")
    }
    return values | _pooled_f1(records)


def _pooled_f1(records):
    """Combine what `matched` gives of several maps."""
    predicted = np.array([record["predicted_cells"] for record in records])
    true = np.array([record["true_cells"] for record in records])
    values = {
        "precision": _weighted([record["precision"] for record in records], predicted),
        "recall": _weighted([record["recall"] for record in records], true),
    }
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
    from sklearn.metrics import average_precision_score  # takes half a second to import

    return float(average_precision_score(truth, probability)) if truth.any() else float("nan")


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
