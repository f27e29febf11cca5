"""Scores of line maps: a line is found if a predicted line runs within a few cells of it.

Share of correct pixels would mislead: nine cells in ten are not on a line, so a map that finds
nothing is 90 % correct.
"""

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize
from sklearn.metrics import average_precision_score

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
