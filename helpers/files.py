"""Files that are whole or not there: written beside, then renamed."""

import json

import numpy as np


def save_arrays(path, arrays, pack=False):
    """Write arrays as ``.npz``.

    Parameters
    ----------
    path : pathlib.Path
    arrays : dict of str to numpy.ndarray
    pack : bool
        Whether to compress.
    """
    beside = _beside(path)
    (np.savez_compressed if pack else np.savez)(beside, **arrays)
    beside.replace(path)


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
    beside = _beside(path)
    beside.write_text(text + "\n")
    beside.replace(path)


def save_weights(path, model):
    """Write the weights of a keras model.

    Parameters
    ----------
    path : pathlib.Path
        Ends in ``.weights.h5``.
    model : keras.Model
    """
    beside = _beside(path)
    model.save_weights(beside)
    beside.replace(path)


def _beside(path):
    """Where a file is written before it gets its name; the ending stays."""
    return path.with_name("part." + path.name)
