"""Files that are whole or not there: written beside, then renamed."""

import contextlib
import json
import re

import numpy as np


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
