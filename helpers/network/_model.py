"""The network: a small U-Net, the shipped weights and their predictions.

Weights are saved, never whole models: a model is rebuilt by the code here from its record in
`data/models/models.json`, and a file that does not fit it is refused.  Of all helpers only this
file and `_training` import keras.
"""

import functools
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import xarray as xr
from keras import layers, ops
from scipy import special

from . import _inputs, _tiles
from ._records import MODELS, fingerprint, record_of

WIDTHS = (8, 16, 32, 64, 128)  # filters at each level, from full cells to cells 16 times larger
BATCH = 16  # patches shown together
SOON_COMPILED = 4  # tiles of a map above which compiling a model takes less time than it saves
OUTPUTS = 3  # probability of a line, cosine and sine of twice its strike
TEXTS = {
    "probability": ("1", "probability of a line"),
    "uncertainty": ("1", "spread over positions and networks"),
    "strike_deg": ("degree", "strike of the line clockwise from north"),
}

# The architecture, and models rebuilt from their records.


def unet(channels=2, widths=WIDTHS, outputs=1):
    """Build the U-Net (Ronneberger et al. 2015): about half a million weights.

    At each level two convolutions of 3 x 3 cells, each normalised and rectified; cells are pooled
    by twos on the way down and brought back bilinearly on the way up, where what was seen at that
    level on the way down is joined.

    Parameters
    ----------
    channels : int
        Input channels; by default those of `CHANNELS`.
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

    References
    ----------
    Ronneberger, O., Fischer, P. & Brox, T. (2015). doi:10.1007/978-3-319-24574-4_28.
    """
    inputs = keras.Input((None, None, channels))
    x, skips = inputs, []
    for level, width in enumerate(widths):
        if level:
            skips.append(x)
            x = layers.MaxPooling2D()(x)
        x = convolve(convolve(x, width), width)
    for width in reversed(widths[:-1]):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Concatenate()([x, skips.pop()])
        x = convolve(convolve(x, width), width)
    return keras.Model(inputs, answer(x, outputs))


def convolve(x, width, cells=3):
    """Convolve with filters of `cells` x `cells`, normalise and rectify."""
    x = layers.Conv2D(width, cells, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def answer(x, outputs):
    """Probability of a line and, with three outputs, cosine and sine of twice its strike."""
    lines = layers.Conv2D(1, 1, activation="sigmoid", bias_initializer=_rare_lines)(x)
    if outputs == 1:
        return lines
    return layers.Concatenate()([lines, layers.Conv2D(2, 1)(x)])


def _rare_lines(shape, dtype=None):
    """Bias of an untrained output: one cell in ten is on a line."""
    return ops.full(shape, -2.2, dtype)


def build(record):
    """Build an untrained model as its record says, which it gets as the attribute ``record``.

    What a record lacks is as in the first models: a U-Net of `WIDTHS` that sees
    `_inputs.CHANNELS` and gives a probability alone.
    """
    channels, outputs = len(record.get("layers", _inputs.CHANNELS)), record.get("outputs", 1)
    kind = record.get("kind", "unet")
    if kind != "unet":
        raise ValueError(f"The record asks for a network of kind {kind!r}; known: unet.")
    model = unet(channels, tuple(record.get("widths", WIDTHS)), outputs)
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
        With the attribute ``record`` (`record_of`).  A model whose record names ``members`` is
        their mean, and has them as an attribute; it is made once, and not meant to be trained.

    Raises
    ------
    ValueError
        If there is no such model, or its file is missing, truncated or of another architecture.
    """
    about = record_of(name, folder)
    if "members" not in about:
        model = build(about)
        read_weights(model, folder / f"{name}.weights.h5")
        return model
    members = [folder / f"{member}.weights.h5" for member in about["members"]]
    return _ensemble(name, folder, all(map(Path.exists, members)) and fingerprint(name, folder))


@functools.lru_cache(maxsize=2)
def _ensemble(name, folder, _weights):
    """Load the members of a model, which takes seconds, once for the same weights."""
    about = record_of(name, folder)
    return _mean_of([load(member, folder) for member in about["members"]], about)


def read_weights(model, path):
    """Load a ``.weights.h5`` file into a model, or say clearly why that is impossible."""
    try:
        _check_sizes(model, path)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model.load_weights(path)
        for one in said:  # layers that are not in the file stay untrained, with a warning only
            if "Skipping nested container" in str(one.message):
                raise ValueError("it lacks some layers")
        if not all(np.isfinite(one).all() for one in model.get_weights()):
            raise ValueError("some weights are no finite numbers")
    except Exception as error:  # a damaged file fails anywhere in keras, h5py and zlib
        reason = str(error).partition("\n")[0]  # keras lists every layer after the first line
        raise ValueError(
            f"The weights in {path} cannot be loaded into this network ({reason}). The file is "
            "missing, truncated, damaged or of another architecture; restore it from the "
            "repository or make it anew with `make train`."
        ) from error


def _check_sizes(model, path):
    """Refuse a file whose arrays are larger than the network, before any of them is read."""
    largest = model.count_params()

    def check(name, item):
        if isinstance(item, h5py.Dataset) and item.size and item.size > largest:
            raise ValueError(f"{name} has {item.size:,} numbers, the network {largest:,}")

    with h5py.File(path) as file:
        file.visititems(check)


def _mean_of(members, record):
    """Join members into one model whose output is the mean of theirs.

    Where the record lists the layers of `_inputs.LAYERS["both"]`, each member gets those that it
    knows: what is the anomaly to a member that sees raw grids is called linear there.
    """
    seen = record.get("layers", members[0].record.get("layers", _inputs.CHANNELS))
    inputs = keras.Input((None, None, len(seen)))
    picked = [ops.take(inputs, _places(one.record, seen), axis=-1) for one in members]
    parts = [keras.Model(inputs, one(own)) for one, own in zip(members, picked, strict=True)]
    model = keras.Model(inputs, layers.average([part(inputs) for part in parts]))
    model.record, model.members = dict(members[0].record) | record, parts
    return model


def _places(record, seen):
    """Where among the layers that a model sees are those of one of its members."""
    own = record.get("layers", _inputs.CHANNELS)
    raw = record.get("input") == "raw" and "linear" in seen
    return [seen.index("linear" if raw and layer == "anomaly" else layer) for layer in own]


# What a model makes of a map.


def see(model, grid, guided=None):
    """Stack the channels that a model sees of a map, as `predict` takes it."""
    if guided is not None:
        grid = _inputs.with_guided(grid, guided)
    return _inputs.channels(grid, getattr(model, "record", {}).get("layers", _inputs.CHANNELS))


def predict(model, grid, wanted=None, guided=None):
    """Probability of a line in every cell of a grid of any size, its strike and uncertainty.

    The grid is seen in overlapping tiles whose edges are blended, in four turned and four
    mirrored positions, which the members of an ensemble share: the mean is the probability, the
    standard deviation the uncertainty.

    Parameters
    ----------
    model : keras.Model
        From `unet` or `load`.
    grid : xarray.Dataset or xarray.DataArray
        As `channels` takes it.
    wanted : array_like of bool, shape of `grid`, optional
        Cells that matter, such as those near a track (`knowable`); tiles without any are passed
        over.
    guided : xarray.Dataset, optional
        From `diffusion.guided`: seen in place of the grid's own ``anomaly``, which becomes
        ``linear``.

    Returns
    -------
    xarray.Dataset
        ``probability`` and ``uncertainty`` (0 to 1), calibrated where the model's record has a
        temperature, and ``strike_deg`` (0 to 180, clockwise from north) where the model gives
        one, on the cells of `grid`; NaN in cells that no tile reached.

    Raises
    ------
    ValueError
        If the model sees ``linear`` and there is no guided map, or no cell is wanted.
    """
    record, stack = getattr(model, "record", {}), see(model, grid, guided)
    members = getattr(model, "members", [model])
    if stack[..., 0].size > SOON_COMPILED * _tiles.TILE**2:
        members = model.compiled_members = _compiled_members(model, members)
    found = _tiles.blend(stack, lambda tile: _summary(_passes(members, tile), record), wanted)
    made = {"probability": found[..., 0], "uncertainty": np.sqrt(found[..., 1])}
    if found.shape[-1] == 4:
        made["strike_deg"] = _inputs.strike_deg(found[..., 2], found[..., 3]).astype("float32")
    anomaly = grid if isinstance(grid, xr.DataArray) else grid["anomaly"]
    for key, values in made.items():
        units, text = TEXTS[key]
        made[key] = anomaly.copy(data=values).assign_attrs(units=units, long_name=text)
    return xr.Dataset(made)


def _compiled_members(model, members):
    """Give members as functions of the backend: three times as fast as layer by layer."""
    if hasattr(model, "compiled_members"):
        return model.compiled_members
    if keras.backend.backend() != "tensorflow":
        return members
    import tensorflow as tf

    # traced for two shapes, half a second each; then for any
    return tuple(tf.function(member, reduce_retracing=True) for member in members)


def _passes(members, tile):
    """See a tile in its eight positions and turn back: (8, rows, columns, outputs)."""
    seen = {}
    for number, member in enumerate(members):
        own = range(number, _inputs.POSITIONS, len(members))
        for quarter in (0, 1):  # a quarter turn may change the shape
            positions = [position for position in own if position % 2 == quarter]
            shown = [_inputs.turn(tile, position) for position in positions]
            found = np.asarray(member(np.stack(shown), training=False)) if shown else ()
            for position, output in zip(positions, found, strict=True):
                seen[position] = _inputs.turn_back(output, position, output.shape[-1] == OUTPUTS)
    return np.stack([seen[position] for position in range(_inputs.POSITIONS)])


def _summary(passes, record):
    """Mean and variance of the probability and, where there is one, the mean strike."""
    settings = {key: record[key] for key in ("temperature", "offset") if key in record}
    mean = calibrated(passes[..., 0].mean(axis=0), **settings)
    variance = calibrated(passes[..., 0], **settings).var(axis=0)
    return np.stack([mean, variance, *np.moveaxis(passes[..., 1:].mean(axis=0), -1, 0)], axis=-1)


def outputs(model, inputs):
    """Show a model patches, each once: what it gives, the probability first, not calibrated."""
    parts = (inputs[first : first + BATCH] for first in range(0, len(inputs), BATCH))
    return np.concatenate([np.asarray(model(part, training=False)) for part in parts])


# Calibration: of the cells given 70 %, seven in ten should be on a line.
#
# Networks are too sure of themselves, and a loss that counts line cells double makes them see too
# many.  Dividing the logit by one number, the temperature (Guo et al. 2017), cures the first,
# adding another, the offset (Platt 1999), the second.  Both are chosen on validation maps (`make
# train`) and leave the order of the cells as it was.
#
# References
# ----------
# Guo, C. et al. (2017). On calibration of modern neural networks. arXiv:1706.04599.
# Platt, J. (1999). Probabilistic outputs for support vector machines.

NEAREST = 1e-6  # probabilities are kept so far from 0 and 1


def calibrated(probability, temperature=1.0, offset=0.0):
    """Apply temperature and offset: ``logit(p) / temperature + offset`` is the logit of the result.

    Parameters
    ----------
    probability : numpy.ndarray
        0 to 1.
    temperature, offset : float
        As in the record of a shipped model; 1 and 0 change nothing.

    Returns
    -------
    numpy.ndarray of that shape

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import network
    >>> network.calibrated(np.array([0.1, 0.5, 0.9]), temperature=2.0).round(2).tolist()
    [0.25, 0.5, 0.75]
    """
    if temperature == 1.0 and offset == 0.0:
        return probability
    made = special.expit(_logit(probability) / temperature + offset)
    return made.astype(np.asarray(probability).dtype)


def _logit(probability):
    return special.logit(np.clip(np.asarray(probability, "float64"), NEAREST, 1 - NEAREST))
