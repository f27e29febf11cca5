"""Training: the loss, patches in random positions, and going on after an interruption.

What is random in an epoch follows from the seed and the number of the epoch alone.  A training
that was interrupted and goes on from its last whole epoch therefore ends as if it had not been.
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from .. import _shared
from . import _inputs

# What the training lowers: a loss for thin lines and for their strike.
#
# Lines fill about a tenth of a map, so plain cross entropy rewards predicting little: the cells on
# lines count double, and the loss of the overlap is added (Dice; Milletari et al. 2016).  Trials of
# plain cross entropy and of the focal loss (Lin et al. 2017) are in `data/results/training.json`.
#
# Truth has four channels: label, weight, cosine and sine of twice the strike (`_inputs`);
# the output of a network has the probability of a line and, if it has three channels, the strike.

LINE_WEIGHT = 2.0  # of a cell on a line, in the balanced cross entropy
STRIKE_WEIGHT = 0.5
DICE_CELLS = 50.0  # added to overlap and size, so that maps without lines can be right
FEW_STEPS = 8  # so short a training takes less time than compiling it


def line_loss(truth, output):
    """Balanced cross entropy plus Dice, on the cells whose truth is known.

    Parameters
    ----------
    truth : tensor, shape (n, rows, columns, 2 or 4)
        Label and weight first, as `truth_channels` gives them.
    output : tensor, shape (n, rows, columns, 1 or 3)
        Output of the network, the probability first.

    Returns
    -------
    tensor, shape (n,)
        With label y, probability p and mean over the cells of weight 1: the mean of
        ``-(1 + y) (y log p + (1 - y) log(1 - p))``, plus
        ``1 - (2 sum(p y) + 50) / (sum(p + y) + 50)``.

    References
    ----------
    Lin, T.-Y. et al. (2017). doi:10.1109/ICCV.2017.324 (the focal loss, which was tried).
    Milletari, F., Navab, N. & Ahmadi, S.-A. (2016). doi:10.1109/3DV.2016.79.
    """
    label = truth[..., 0]
    return _mean((1 + (LINE_WEIGHT - 1) * label) * _entropy(truth, output), truth) + _dice(
        truth, output
    )


def strike_loss(truth, output):
    """Squared error of the strike as a double angle, mean over the cells on lines."""
    on_lines = truth[..., 0] * truth[..., 1]
    square = ops.sum((output[..., 1:] - truth[..., 2:]) ** 2, axis=-1)
    return ops.sum(square * on_lines, axis=(1, 2)) / (ops.sum(on_lines, axis=(1, 2)) + 1.0)


def total_loss(truth, output):
    """Loss of the lines and, where network and truth have one, that of the strike."""
    total = line_loss(truth, output)
    if output.shape[-1] == 3 and truth.shape[-1] == 4:
        total = total + STRIKE_WEIGHT * strike_loss(truth, output)
    return total


def _entropy(truth, output):
    """Cross entropy of each cell, shape (n, rows, columns)."""
    label, p = truth[..., 0], ops.clip(output[..., 0], 1e-6, 1 - 1e-6)
    return -(label * ops.log(p) + (1 - label) * ops.log(1 - p))


def _mean(values, truth):
    """Mean over the cells that count."""
    weight = truth[..., 1]
    return ops.sum(values * weight, axis=(1, 2)) / (ops.sum(weight, axis=(1, 2)) + 1.0)


def _dice(truth, output):
    """One minus the overlap of prediction and label."""
    label, weight, p = truth[..., 0], truth[..., 1], output[..., 0]
    p = ops.clip(p, 1e-6, 1 - 1e-6)
    overlap = ops.sum(p * label * weight, axis=(1, 2))
    size = ops.sum((p + label) * weight, axis=(1, 2))
    return 1 - (2 * overlap + DICE_CELLS) / (size + DICE_CELLS)


# What is shown in an epoch, and the training itself.


class Batches(keras.utils.PyDataset):
    """Batches of patches in random order and position.

    A quarter turn or a mirror image of a map is as likely a map.  The field of a map with lines
    may not change its sign, for its lines run along the positive bands; where no line is, either
    sign is as likely, and half of these maps are flipped.

    `inputs` and `truth` are (n, rows, columns, channels), or (n, versions, rows, ...), where one
    of the versions (the same map with other tracks) is drawn anew each time.  What `batch` leaves
    over at the end waits for the next epoch, which takes `per_epoch` patches, by default all.  The
    first `fields` channels change their sign with the field.
    """

    def __init__(self, inputs, truth, seed, batch=16, per_epoch=None, fields=1):
        super().__init__()
        self.inputs, self.truth, self.seed, self.fields = inputs, truth, seed, fields
        self.size = min(per_epoch or len(inputs), len(inputs))
        self.batch = min(batch, self.size)
        self.begin(0)

    def __len__(self):
        """Batches in an epoch."""
        return self.size // self.batch

    def begin(self, epoch):
        """Draw order, positions, signs and versions of an epoch."""
        parts = len(self.inputs) // self.size
        whole, part = divmod(epoch, parts)
        order = np.random.default_rng([self.seed, whole]).permutation(len(self.inputs))
        self.order = order[part * self.size : (part + 1) * self.size]
        rng = np.random.default_rng([self.seed, epoch, 1])
        self.positions = rng.integers(0, _inputs.POSITIONS, self.size)
        self.signs = rng.choice([-1.0, 1.0], self.size)
        self.versions = rng.random(self.size)

    def __getitem__(self, number):
        """Patches and truth of one batch."""
        here = slice(number * self.batch, (number + 1) * self.batch)
        drawn = zip(
            self.order[here], self.positions[here], self.signs[here], self.versions[here],
            strict=True,
        )  # fmt: skip
        made = [self._make(*one) for one in drawn]
        return tuple(np.stack(part) for part in zip(*made, strict=True))

    def _make(self, patch, position, sign, version):
        """One patch and its truth as the network sees them."""
        pair = self.inputs[patch], self.truth[patch]
        if pair[0].ndim == 4:
            pair = tuple(part[int(version * len(part))] for part in pair)
        seen, truth = (np.asarray(part, "float32") for part in pair)
        seen = _inputs.turn(seen, int(position))
        truth = _inputs.turn(truth, int(position), truth.shape[-1] == 4)
        if not truth[..., 0].any():
            seen = seen.copy()
            seen[..., : self.fields] *= sign
        return seen, truth


def train(
    model, inputs, truth, validation, epochs, rate=1e-3, patience=8, batch=16, seed=0, verbose=0,
    per_epoch=None, checkpoint=None,
):  # fmt: skip
    """Train a model, with turned and mirrored patches, and keep its best weights.

    Parameters
    ----------
    model : keras.Model
        Changed in place; its ``record``, if it has one, tells its layers.
    inputs, truth : numpy.ndarray
        Training patches, shape (n, rows, columns, channels), from `channels` and
        `truth_channels` by `cut`; or (n, versions, rows, ...), where one of the versions (the
        same map with other tracks) is drawn anew each time.
    validation : tuple of numpy.ndarray
        Inputs and truth that choose the best epoch and stop the training.
    epochs : int
        At most this many.
    rate : float
        Learning rate at the start; it falls to nothing along a cosine.
    patience : int
        Epochs without improvement before training stops.
    batch : int
        Patches in a batch.
    seed : int
        Of the order, positions and signs of the patches.
    verbose : int
        0: no progress bar.
    per_epoch : int, optional
        Patches in an epoch; by default all.
    checkpoint : pathlib.Path, optional
        File (.npz) that is written after every epoch; a training that finds it goes on from there.

    Returns
    -------
    dict of str to list of float
        ``loss`` and ``val_loss`` of each epoch: `line_loss`, and where network and truth have a
        strike half its squared error as a double angle on the lines.

    Raises
    ------
    ValueError
        If the checkpoint is of a training with other settings, or damaged.
    """
    layers = getattr(model, "record", {}).get("layers", ())
    fields = max(1, sum(layer in _inputs.FIELDS for layer in layers))
    batches = Batches(inputs, truth, seed, batch, per_epoch, fields)
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * len(batches), alpha=0.02)
    few = epochs * len(batches) <= FEW_STEPS
    model.compile(keras.optimizers.Adam(schedule), loss=total_loss, run_eagerly=few)
    model.optimizer.build(model.trainable_variables)
    about = {"seed": seed, "epochs": epochs, "rate": rate, "batch": batches.batch,
             "patches": len(inputs), "per_epoch": batches.size}  # fmt: skip
    state = _State(model, about, checkpoint)
    bar = tqdm(range(epochs), "training", initial=state.epoch, disable=not verbose)
    while state.epoch < epochs and state.waited() < patience:
        batches.begin(state.epoch)
        seen = model.fit(batches, epochs=1, shuffle=False, verbose=0).history["loss"][0]
        unseen = model.evaluate(*validation, batch_size=batch, verbose=0)
        state.add(float(seen), float(unseen))
        bar.set_postfix(loss=f"{seen:.3f}", validation=f"{unseen:.3f}")
        bar.update()
    bar.close()
    model.set_weights(state.best)
    return state.history


class _State:
    """Where a training stands: history, best weights, and everything needed to go on."""

    def __init__(self, model, about, path):
        self.model, self.about, self.path = model, about, path and Path(path)
        self.history = {"loss": [], "val_loss": []}
        self.best = model.get_weights()
        if self.path and self.path.exists():
            self._read()

    @property
    def epoch(self):
        """Epochs that are done."""
        return len(self.history["loss"])

    def waited(self):
        """Epochs since the best one."""
        values = self.history["val_loss"]
        return len(values) - 1 - int(np.argmin(values)) if values else 0

    def add(self, loss, val_loss):
        """Note an epoch and write the checkpoint."""
        if val_loss < min(self.history["val_loss"], default=np.inf):
            self.best = self.model.get_weights()
        self.history["loss"].append(loss)
        self.history["val_loss"].append(val_loss)
        if self.path:
            self._write()

    def _write(self):
        parts = self._parts().items()
        arrays = {f"{key}_{i}": one for key, part in parts for i, one in enumerate(part)}
        text = json.dumps({"about": self.about, "history": self.history})
        _shared.save_arrays(self.path, {**arrays, "text": np.array(text)})

    def _read(self):
        """Go on from the checkpoint: all of it is read and judged before anything is changed."""
        try:
            about, history, parts = self._stored()
        except Exception as problem:  # a damaged file fails anywhere in numpy, zipfile and zlib
            reason = f"{type(problem).__name__}: {problem}".partition("\n")[0]
            raise ValueError(
                f"The checkpoint {self.path} cannot be read ({reason}). It is damaged or something "
                "else; delete it to begin the training anew."
            ) from problem
        if about != self.about:
            raise ValueError(
                f"{self.path} is of another training ({about}) than the one asked for "
                f"({self.about}); delete it to begin anew."
            )
        for key, own in self._parts().items():
            shapes = [[np.shape(one) for one in part] for part in (parts[key], own)]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"The checkpoint {self.path} is of another network: the shapes of its {key} "
                    "differ; delete it to begin anew."
                )
        variables = self.model.optimizer.variables
        for variable, value in zip(variables, parts["optimizer"], strict=True):
            variable.assign(value)
        self.model.set_weights(parts["weight"])
        self.best, self.history = parts["best"], history

    def _stored(self):
        """Read settings, history and arrays by part from the checkpoint."""
        with np.load(self.path, allow_pickle=False) as held:
            read = json.loads(str(held["text"]))
            names = [name for name in held.files if name != "text"]
            arrays = {name: held[name] for name in names}
        history = {key: [float(one) for one in read["history"][key]] for key in self.history}
        if len({len(values) for values in history.values()}) != 1:
            raise ValueError(f"its history is {history}")
        parts = {}
        for key in self._parts():
            number = sum(name.startswith(f"{key}_") for name in names)
            parts[key] = [arrays[f"{key}_{i}"] for i in range(number)]
        return read["about"], history, parts

    def _parts(self):
        """All arrays that are needed to go on."""
        return {
            "weight": self.model.get_weights(),
            "optimizer": [np.asarray(variable) for variable in self.model.optimizer.variables],
            "best": self.best,
        }
