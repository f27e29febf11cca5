"""What every stage uses: the folder of the workbook, whole files, axial angles, correlation."""

import contextlib
import json
import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]  # of the workbook


@contextlib.contextmanager
def whole(path):
    """Give a place beside a file to write to; what was written there then takes its name.

    Parameters
    ----------
    path : pathlib.Path
        The file; its folder must be there.

    Yields
    ------
    pathlib.Path
        In the same folder and with the same ending; the file itself stays as it was if writing
        fails.
    """
    beside = path.with_name("part_" + path.name)
    beside.unlink(missing_ok=True)
    yield beside
    beside.replace(path)


def safe_name(text, default="mine"):
    """Turn what somebody calls a thing into the name of a file.

    Parameters
    ----------
    text : str
    default : str
        Where nothing is left of it.

    Returns
    -------
    str
        Letters, digits, ``_``, ``-`` and dots within.
    """
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or default


def save_arrays(path, arrays, pack=False):
    """Write arrays as ``.npz``.

    Parameters
    ----------
    path : pathlib.Path
    arrays : dict of str to numpy.ndarray
    pack : bool
        Whether to compress.
    """
    with whole(path) as beside:
        (np.savez_compressed if pack else np.savez)(beside, **arrays)


def save_json(path, value):
    """Write JSON; of a list, one entry a line.

    Parameters
    ----------
    path : pathlib.Path
    value : dict or list
    """
    text = json.dumps(value, indent=1)
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]"
    with whole(path) as beside:
        beside.write_text(text + "\n")


def save_weights(path, model):
    """Write the weights of a keras model.

    Parameters
    ----------
    path : pathlib.Path
        Ends in ``.weights.h5``.
    model : keras.Model
    """
    with whole(path) as beside:
        model.save_weights(beside)


def axial_mean(strike_deg, weight):
    """Mean of strikes, for which 0 and 180 degrees are the same, and their agreement.

    Parameters
    ----------
    strike_deg, weight : array_like, shape (n,)
        Strikes (degrees) and their weights.

    Returns
    -------
    tuple of float
        Mean strike (0 to 180) and resultant length (0: no common strike, 1: all the same).
    """
    double = np.exp(2j * np.radians(np.asarray(strike_deg)))
    mean = np.sum(np.asarray(weight) * double) / np.sum(weight)
    return float(np.degrees(np.angle(mean)) / 2 % 180), float(abs(mean))


def axial_difference(one_deg, other_deg):
    """Angle between strikes (degrees, 0 to 90).

    Parameters
    ----------
    one_deg, other_deg : array_like
        Strikes (degrees).

    Returns
    -------
    numpy.ndarray
    """
    return np.abs((np.asarray(one_deg) - np.asarray(other_deg) + 90) % 180 - 90)


def agreement(field, truth):
    """Correlation of a field with the truth over the cells where both are known.

    Parameters
    ----------
    field, truth : array_like of one shape
        NaN where unknown.

    Returns
    -------
    float
    """
    field, truth = np.asarray(field, float), np.asarray(truth, float)
    known = np.isfinite(field) & np.isfinite(truth)
    return float(np.corrcoef(field[known], truth[known])[0, 1])
