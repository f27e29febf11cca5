"""The network: a small U-Net, its loss, its training and its predictions.

The only module that imports keras.  Weights are saved, never whole models: a model is rebuilt
from the code here and its weights are checked against `data/models/models.json`.
"""

import itertools
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import xarray as xr  # noqa: E402
from keras import layers, ops  # noqa: E402

from . import patches  # noqa: E402

MODELS = Path(__file__).resolve().parents[1] / "data" / "models"
WIDTHS = (8, 16, 32, 64, 128)  # filters at each level, from full cells to cells 16 times larger
CHANNELS = len(patches.CHANNELS)
TILE = 256  # cells a side of one pass of `predict`
OVERLAP = 64  # cells shared by neighbouring tiles


def unet(channels=CHANNELS, widths=WIDTHS):
    """Build the U-Net (Ronneberger et al. 2015): about half a million weights.

    Parameters
    ----------
    channels : int
        Input channels.
    widths : sequence of int
        Filters at each level.

    Returns
    -------
    keras.Model
        Maps (n, rows, columns, channels) to the probability of a line, (n, rows, columns, 1);
        rows and columns must be multiples of ``2 ** (len(widths) - 1)``.
    """
    inputs = keras.Input((None, None, channels))
    x, skips = inputs, []
    for level, width in enumerate(widths):
        if level:
            skips.append(x)
            x = layers.MaxPooling2D()(x)
        x = _convolve(_convolve(x, width), width)
    for width in reversed(widths[:-1]):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = layers.Concatenate()([x, skips.pop()])
        x = _convolve(_convolve(x, width), width)
    outputs = layers.Conv2D(1, 1, activation="sigmoid", bias_initializer=_rare_lines)(x)
    return keras.Model(inputs, outputs)


def line_loss(truth, probability):
    """Balanced cross entropy plus Dice, on the cells whose truth is known.

    Lines fill about a tenth of a map, so plain cross entropy rewards predicting nothing; the
    balance doubles the weight of line cells and Dice scores the overlap itself.

    Parameters
    ----------
    truth : tensor, shape (n, rows, columns, 2)
        Label and weight, as `patches.truth_channels` gives them.
    probability : tensor, shape (n, rows, columns, 1)
        Output of the network.

    Returns
    -------
    tensor, shape (n,)
    """
    label, weight = truth[..., 0], truth[..., 1]
    p = ops.clip(probability[..., 0], 1e-6, 1 - 1e-6)
    entropy = -(2 * label * ops.log(p) + (1 - label) * ops.log(1 - p)) * weight
    cells = ops.sum(weight, axis=(1, 2)) + 1.0
    overlap = ops.sum(p * label * weight, axis=(1, 2))
    size = ops.sum((p + label) * weight, axis=(1, 2))
    dice = 1 - (2 * overlap + 50.0) / (size + 50.0)
    return ops.sum(entropy, axis=(1, 2)) / cells + dice


def train(
    model, inputs, truth, validation, epochs, rate=1e-3, patience=8, batch=16, seed=0, verbose=0
):
    """Train a model, with turned and mirrored patches, and keep its best weights.

    Parameters
    ----------
    model : keras.Model
        From `unet`; changed in place.
    inputs, truth : numpy.ndarray, shapes (n, 128, 128, channels) and (n, 128, 128, 2)
        Training patches.
    validation : tuple of numpy.ndarray
        Inputs and truth that choose the best epoch and stop the training.
    epochs : int
        At most this many.
    rate : float
        Learning rate at the start; it falls to nothing along a cosine.
    patience : int
        Epochs without improvement before training stops.
    batch : int
        Patches in one step; what is left over at the end of an epoch waits for the next.
    seed : int
        Seed of order and turns.
    verbose : int
        As in Keras.

    Returns
    -------
    dict of str to list of float
        Loss and validation loss of each epoch.
    """
    batches = _Turned(inputs, truth, np.random.default_rng(seed), batch)
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * len(batches), alpha=0.02)
    model.compile(keras.optimizers.Adam(schedule), loss=line_loss)
    best = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    history = model.fit(
        batches, validation_data=validation, epochs=epochs, callbacks=[best], verbose=verbose
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def predict(model, grid, wanted=None):
    """Probability of a line in every cell of a grid of any size, and its uncertainty.

    The grid is seen in overlapping tiles whose edges are blended, each in four turned and four
    mirrored positions: the mean is the probability, the standard deviation the uncertainty.

    Parameters
    ----------
    model : keras.Model
        From `unet` or `load`.
    grid : xarray.Dataset or xarray.DataArray
        As `patches.channels` takes it.
    wanted : array_like of bool, shape of `grid`, optional
        Cells that matter, such as those near a track; tiles without any are passed over.

    Returns
    -------
    xarray.Dataset
        ``probability`` and ``uncertainty`` (0 to 1) on the cells of `grid`; NaN in cells that no
        tile reached.
    """
    stack = patches.channels(grid)
    rows, columns = stack.shape[:2]
    side = [_padded(size) for size in (rows, columns)]
    padded = np.pad(stack, [(0, side[0] - rows), (0, side[1] - columns), (0, 0)], mode="symmetric")
    total, square = np.zeros((2, *side))
    weight, chosen = np.zeros(side), np.zeros(side, bool)
    chosen[:rows, :columns] = True if wanted is None else wanted
    for row, column in itertools.product(*map(_starts, side)):
        here = (slice(row, row + TILE), slice(column, column + TILE))
        if not chosen[here].any():
            continue
        mean, variance = _turns(model, padded[here])
        window = _window(mean.shape)
        total[here] += window * mean
        square[here] += window * variance
        weight[here] += window
    weight[weight == 0] = np.nan
    anomaly = grid if isinstance(grid, xr.DataArray) else grid["anomaly"]
    layers_ = {"probability": total / weight, "uncertainty": np.sqrt(square / weight)}
    names = {"probability": "probability of a line", "uncertainty": "spread over eight positions"}
    return xr.Dataset(
        {
            name: anomaly.copy(data=values[:rows, :columns].astype("float32")).assign_attrs(
                units="1", long_name=names[name]
            )
            for name, values in layers_.items()
        }
    )


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
        With the attribute ``record``: input, threshold, seed and scores.

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
    path = folder / f"{name}.weights.h5"
    model = unet()
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        reason = str(error).partition("\n")[0]  # keras lists every layer after the first line
        raise ValueError(
            f"The weights in {path} cannot be loaded into this network ({reason}). The file is "
            "missing, truncated or of another architecture; restore it from the repository or "
            "make it anew with `make train`."
        ) from error
    model.record = known[name]
    return model


def _convolve(x, width):
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def _rare_lines(shape, dtype=None):
    """Bias of an untrained output: one cell in ten is on a line."""
    return ops.full(shape, -2.2, dtype)


class _Turned(keras.utils.PyDataset):
    """Batches of patches in random order, each turned and mirrored at random."""

    def __init__(self, inputs, truth, rng, batch):
        super().__init__()
        self.inputs, self.truth, self.rng, self.batch = inputs, truth, rng, min(batch, len(inputs))
        self.on_epoch_end()

    def __len__(self):
        return len(self.inputs) // self.batch

    def __getitem__(self, number):
        chosen = self.order[number * self.batch : (number + 1) * self.batch]
        turned = [
            [_turn(stack[i], int(turn)) for i, turn in zip(chosen, self.turns[chosen], strict=True)]
            for stack in (self.inputs, self.truth)
        ]
        return tuple(np.stack(part).astype("float32") for part in turned)

    def on_epoch_end(self):
        """Draw a new order and new turns."""
        self.order = self.rng.permutation(len(self.inputs))
        self.turns = self.rng.integers(0, 8, len(self.inputs))


def _turn(stack, turn):
    """One of the eight positions of a square."""
    stack = np.rot90(stack, turn % 4, axes=(0, 1))
    return stack[:, ::-1] if turn >= 4 else stack


def _turn_back(stack, turn):
    stack = stack[:, ::-1] if turn >= 4 else stack
    return np.rot90(stack, -(turn % 4), axes=(0, 1))


def _turns(model, tile):
    """Mean and variance of the predictions of a tile in its eight positions."""
    seen = [model(_turn(tile, turn)[None].copy(), training=False) for turn in range(8)]
    maps = [_turn_back(np.asarray(map_)[0, :, :, 0], turn) for turn, map_ in enumerate(seen)]
    return np.mean(maps, axis=0), np.var(maps, axis=0)


def _padded(size):
    """Next multiple of the cells that the coarsest level joins."""
    step = 2 ** (len(WIDTHS) - 1)
    return -(-size // step) * step


def _starts(size):
    """Lower corners of the tiles along one axis; the last tile ends at the edge."""
    if size <= TILE:
        return [0]
    return [*range(0, size - TILE, TILE - OVERLAP), size - TILE]


def _window(shape):
    """Weights of a tile, falling towards its edges, for blending."""
    ramps = [np.minimum(np.arange(size) + 1, size - np.arange(size)) for size in shape]
    return np.outer(*(np.minimum(ramp, OVERLAP / 2) for ramp in ramps))
