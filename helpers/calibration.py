"""Calibration: of the cells given 70 %, seven in ten should be on a line.

Networks are too sure of themselves, and a loss that counts line cells double makes them see too
many.  Dividing the logit by one number, the temperature (Guo et al. 2017), cures the first,
adding another, the offset (Platt 1999), the second.  Both are chosen on validation maps and leave
the order of the cells as it was.

References
----------
Guo, C. et al. (2017). On calibration of modern neural networks. arXiv:1706.04599.
Platt, J. (1999). Probabilistic outputs for support vector machines.
Brier, G. W. (1950). doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
"""

import numpy as np
from scipy import optimize, special

NEAREST = 1e-6  # probabilities are kept so far from 0 and 1


def fit(probability, truth):
    """Choose temperature and offset by the likelihood of the truth.

    Parameters
    ----------
    probability, truth : numpy.ndarray, shape (n,)
        Predicted probability and 0 or 1 of the cells that count.

    Returns
    -------
    dict of str to float
        ``temperature`` and ``offset``, as `calibrated` takes them.
    """
    logit, truth = _logit(probability).astype(float), np.asarray(truth, float)

    def cost(values):
        slope, offset = np.exp(values[0]), values[1]
        seen = slope * logit + offset
        wrong = special.expit(seen) - truth
        likelihood = np.mean(np.logaddexp(0, seen) - truth * seen)
        return likelihood, [np.mean(wrong * slope * logit), np.mean(wrong)]

    found = optimize.minimize(cost, [0.0, 0.0], jac=True, method="BFGS").x
    return {"temperature": float(np.exp(-found[0])), "offset": float(found[1])}


def calibrated(probability, temperature=1.0, offset=0.0):
    """Apply temperature and offset.

    Parameters
    ----------
    probability : numpy.ndarray
        0 to 1.
    temperature, offset : float
        The logit is divided by the one, the other is added.

    Returns
    -------
    numpy.ndarray of that shape
    """
    if temperature == 1.0 and offset == 0.0:
        return probability
    made = special.expit(_logit(probability) / temperature + offset)
    return made.astype(np.asarray(probability).dtype)


def brier(probability, truth):
    """Mean squared difference of probability and truth (Brier 1950)."""
    return float(np.mean((np.asarray(probability, float) - truth) ** 2))


def _logit(probability):
    return special.logit(np.clip(np.asarray(probability, "float64"), NEAREST, 1 - NEAREST))
