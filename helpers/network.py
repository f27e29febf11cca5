"""The network: a small U-Net, the shipped weights and their predictions.

Weights are saved, never whole models: a model is rebuilt by the code here from its record in
`data/models/models.json`, and a file that does not fit it is refused.  Keras is imported here, in
`encoder`, `losses` and `training`, and nowhere else.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import xarray as xr  # noqa: E402
from keras import layers  # noqa: E402

from . import calibration, encoder, patches, tiles, turns  # noqa: E402
from .losses import line_loss  # noqa: E402
from .training import on_all_devices, train  # noqa: E402

__all__ = [
    "build", "features", "line_loss", "load", "mean_of_positions", "on_all_devices", "outputs",
    "predict", "read_weights", "see", "train", "unet",
]  # fmt: skip

MODELS = Path(__file__).resolve().parents[1] / "data" / "models"
WIDTHS = (8, 16, 32, 64, 128)  # filters at each level, from full cells to cells 16 times larger
CHANNELS = len(patches.CHANNELS)
OUTPUTS = 3  # probability of a line, cosine and sine of twice its strike
TEXTS = {
    "probability": ("1", "probability of a line"),
    "uncertainty": ("1", "spread over positions and networks"),
    "strike_deg": ("degree", "strike of the line clockwise from north"),
}


def unet(channels=CHANNELS, widths=WIDTHS, outputs=1):
    """Build the U-Net (Ronneberger et al. 2015): about half a million weights.

    Parameters
    ----------
    channels : int
        Input channels.
    widths : sequence of int
        Filters at each level.
    outputs : int
        1 for the probability alone, 3 with the strike.

    Returns
    -------
    keras.Model
        Maps (n, rows, columns, channels) to (n, rows, columns, outputs): the probability of a
        line, then cosine and sine of twice its strike; rows and columns must be multiples of
        ``2 ** (len(widths) - 1)``.
    """
    inputs = keras.Input((None, None, channels))
    x, skips = inputs, []
    for level, width in enumerate(widths):
        if level:
            skips.append(x)
            x = layers.MaxPooling2D()(x)
        x = encoder.convolve(encoder.convolve(x, width), width)
    for width in reversed(widths[:-1]):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Concatenate()([x, skips.pop()])
        x = encoder.convolve(encoder.convolve(x, width), width)
    return keras.Model(inputs, encoder.answer(x, outputs))


def build(record):
    """Build an untrained model as its record says.

    Parameters
    ----------
    record : dict
        ``kind`` (``unet`` or ``vgg``), ``layers`` (names of the input channels), ``widths`` and
        ``outputs``; what is missing is as in the first models: a U-Net of `WIDTHS` that sees
        `patches.CHANNELS` and gives a probability.

    Returns
    -------
    keras.Model
        With the attribute ``record``.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    channels, outputs = len(record.get("layers", patches.CHANNELS)), record.get("outputs", 1)
    kind = record.get("kind", "unet")
    if kind == "unet":
        model = unet(channels, tuple(record.get("widths", WIDTHS)), outputs)
    elif kind == "vgg":
        model = encoder.vgg(channels, outputs)
    else:
        raise ValueError(f"The record asks for a network of kind {kind!r}; known: unet, vgg.")
    model.record = record
    return model


def load(name, folder=MODELS):
    """Rebuild a shipped model and load its weights.

    Parameters
    ----------
    name : str
        A model of ``models.json`` in `folder`.
    folder : pathlib.Path
        Where the weights lie.

    Returns
    -------
    keras.Model
        With the attribute ``record``: input, threshold, seed and scores.  A model whose record
        names ``members`` is their mean, and has them as an attribute.

    Raises
    ------
    ValueError
        If there is no such model, or its file is missing, truncated or of another architecture.
    """
    if not (folder / "models.json").exists():
        raise ValueError(
            f"There are no models in {folder}: models.json is missing. Restore it from the "
            "repository or make the models anew with `make train`."
        )
    known = json.loads((folder / "models.json").read_text())
    if name not in known:
        raise ValueError(f"There is no model named {name!r}; choose one of {', '.join(known)}.")
    if "members" in known[name]:
        return _mean_of([load(member, folder) for member in known[name]["members"]], known[name])
    model = build(known[name])
    read_weights(model, folder / f"{name}.weights.h5")
    return model


def read_weights(model, path):
    """Load weights into a model, or say clearly why that is impossible.

    Parameters
    ----------
    model : keras.Model
    path : pathlib.Path
        A ``.weights.h5`` file.

    Raises
    ------
    ValueError
        If the file is missing, truncated or of another architecture.
    """
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        reason = str(error).partition("\n")[0]  # keras lists every layer after the first line
        raise ValueError(
            f"The weights in {path} cannot be loaded into this network ({reason}). The file is "
            "missing, truncated or of another architecture; restore it from the repository or "
            "make it anew with `make train`."
        ) from error


def see(model, grid, name=None, guided=None):
    """Stack what a model sees of a map.

    Parameters
    ----------
    model : keras.Model
        From `load`, `build` or `unet`.
    grid : xarray.Dataset or xarray.DataArray
        As `patches.channels` takes it.
    name : str, optional
        Which input to make of `grid`, of `patches.INPUTS`; by default the grid's own ``anomaly``
        is taken as it is.
    guided : xarray.Dataset, optional
        From `diffusion.guided`, where it has been made already; `name` is then ``guided``.

    Returns
    -------
    numpy.ndarray, shape (n, m, channels), float32
    """
    if guided is not None or name is not None:
        grid = patches.as_seen(grid, name or "guided", guided)
    return patches.channels(grid, _record(model).get("layers", patches.CHANNELS))


def predict(model, grid, wanted=None, name=None, guided=None):
    """Probability of a line in every cell of a grid of any size, its strike and uncertainty.

    The grid is seen in overlapping tiles whose edges are blended, in four turned and four
    mirrored positions, which the members of an ensemble share: the mean is the probability, the
    standard deviation the uncertainty.

    Parameters
    ----------
    model : keras.Model
        From `unet` or `load`.
    grid : xarray.Dataset or xarray.DataArray
        As `patches.channels` takes it.
    wanted : array_like of bool, shape of `grid`, optional
        Cells that matter, such as those near a track; tiles without any are passed over.
    name, guided : optional
        As `see`.

    Returns
    -------
    xarray.Dataset
        ``probability`` and ``uncertainty`` (0 to 1), calibrated where the model's record has a
        temperature, and ``strike_deg`` (0 to 180) where the model gives one, on the cells of
        `grid`; NaN in cells that no tile reached.
    """
    record = _record(model)
    found = tiles.blend(
        see(model, grid, name, guided), lambda tile: _summary(_passes(model, tile), record), wanted
    )
    made = {"probability": found[..., 0], "uncertainty": np.sqrt(found[..., 1])}
    if found.shape[-1] == 4:
        made["strike_deg"] = turns.strike_deg(found[..., 2], found[..., 3]).astype("float32")
    anomaly = grid if isinstance(grid, xr.DataArray) else grid["anomaly"]
    layers_ = {
        key: anomaly.copy(data=values).assign_attrs(
            units=TEXTS[key][0], long_name=TEXTS[key][1]
        )
        for key, values in made.items()
    }  # fmt: skip
    return xr.Dataset(layers_)


def outputs(model, inputs, batch=16):
    """Show a model patches, each once.

    Parameters
    ----------
    model : keras.Model
    inputs : numpy.ndarray, shape (n, rows, columns, channels)
    batch : int
        Patches seen together.

    Returns
    -------
    numpy.ndarray, shape (n, rows, columns, outputs)
        What it gives: the probability first, not calibrated.
    """
    parts = (inputs[first : first + batch] for first in range(0, len(inputs), batch))
    return np.concatenate([np.asarray(model(part, training=False)) for part in parts])


def features(model, inputs, number):
    """Show what the filters of one convolution of a network answer to patches.

    Parameters
    ----------
    model : keras.Model
        From `load`, `build` or `unet`.
    inputs : numpy.ndarray, shape (n, rows, columns, channels)
    number : int
        Which convolution, counted from the input.

    Returns
    -------
    numpy.ndarray, shape (n, rows, columns, filters)
        Deeper convolutions have fewer rows and columns.
    """
    answers = [layer for layer in model.layers if isinstance(layer, layers.Activation)]
    return np.asarray(keras.Model(model.input, answers[number].output)(inputs, training=False))


def mean_of_positions(model, inputs):
    """Mean output for patches, each seen in its eight positions, as `predict` sees a tile.

    Parameters
    ----------
    model : keras.Model
        From `load`.
    inputs : numpy.ndarray, shape (n, rows, columns, channels)

    Returns
    -------
    numpy.ndarray, shape (n, rows, columns, outputs)
        The probability first, not calibrated.
    """
    return np.stack([_passes(model, patch).mean(axis=0) for patch in inputs])


def _record(model):
    return getattr(model, "record", {})


def _mean_of(members, record):
    """Join members into one model whose output is the mean of theirs.

    Where the record lists the layers of `patches.LAYERS["both"]`, each member gets those that it
    knows: what is the anomaly to a member that sees raw grids is called linear there.
    """
    seen = record.get("layers", members[0].record.get("layers", patches.CHANNELS))
    inputs = keras.Input((None, None, len(seen)))
    picked = [keras.ops.take(inputs, _places(one.record, seen), axis=-1) for one in members]
    parts = [keras.Model(inputs, one(own)) for one, own in zip(members, picked, strict=True)]
    model = keras.Model(inputs, layers.average([part(inputs) for part in parts]))
    model.record, model.members = dict(members[0].record) | record, parts
    return model


def _places(record, seen):
    """Where among the layers that a model sees are those of one of its members."""
    own = record.get("layers", patches.CHANNELS)
    raw = record.get("input") == "raw" and "linear" in seen
    return [seen.index("linear" if raw and layer == "anomaly" else layer) for layer in own]


def _passes(model, tile):
    """See a tile in its eight positions and turn back: (8, rows, columns, outputs)."""
    members = getattr(model, "members", [model])
    strike, seen = "cos2" in _record(model).get("layers", ()), {}
    for number, member in enumerate(members):
        own = range(number, turns.POSITIONS, len(members))
        for quarter in (0, 1):  # a quarter turn may change the shape
            positions = [position for position in own if position % 2 == quarter]
            shown = [turns.turn(tile, position, strike) for position in positions]
            outputs = np.asarray(member(np.stack(shown), training=False)) if shown else ()
            for position, output in zip(positions, outputs, strict=True):
                seen[position] = turns.turn_back(output, position, output.shape[-1] == OUTPUTS)
    return np.stack([seen[position] for position in range(turns.POSITIONS)])


def _summary(passes, record):
    """Mean and variance of the probability and, where there is one, the mean strike."""
    settings = {key: record[key] for key in ("temperature", "offset") if key in record}
    mean = calibration.calibrated(passes[..., 0].mean(axis=0), **settings)
    variance = calibration.calibrated(passes[..., 0], **settings).var(axis=0)
    return np.stack([mean, variance, *np.moveaxis(passes[..., 1:].mean(axis=0), -1, 0)], axis=-1)
