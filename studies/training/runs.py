"""The trainings of `train.py`: pretraining, training and fine-tuning, learning curves."""

import functools
import json
import time

import keras
import numpy as np
from keras import ops

from helpers import _shared, network, scores
from helpers.network import _inputs, _model, _tiles, _training

from .. import protocol
from . import maps, photographs

HELD = 20  # of the pretraining pairs, one in so many chooses the best epoch
RATES = {"pretrain": 2e-3, "finetune": 1e-3, "unfrozen": 1e-4}
FROZEN_SHARE = 0.6  # of the epochs of transfer from photographs
FINE_BATCH = 8
CURVE_SEEDS = 3  # of each trial of the learning curves
CHANNELS_TRIED = (1, 3, 5)  # how many of `network._inputs.TRIED`, beside the usual two
BITS = 6  # of a weight; an error of at most 1.6 %


def pretrained_inputs(size):
    """Return the inputs that some run transfers to."""
    wanted = {name for model, name in size["runs"] if model == "transfer"}
    return [name for name in _inputs.INPUTS if name in wanted]


def record_of(start, name, **changes):
    """Say how the model of a run is built (`network._model.build`)."""
    kind = "vgg" if start == "vgg" else "unet"
    return {"kind": kind, "input": name, "layers": list(_inputs.LAYERS[name]), "outputs": 3} | (
        changes
    )


def seen_by(record, stack):
    """Leave of the channels that are kept of an input those that a network sees."""
    kept = maps.layers_of(record["input"])
    chosen = [kept.index(layer) for layer in record["layers"]]
    if chosen == list(range(len(chosen))):
        return stack[..., : len(chosen)]  # not read from disk before it is needed
    return stack[..., chosen]


def on_all_devices(stage):
    """Let a stage use all GPUs together, where there are several."""

    @functools.wraps(stage)
    def spread(job):

        with _training.on_all_devices():
            stage(job)

    return spread


# --- pretraining ------------------------------------------------------------------------------


@on_all_devices
def pretrain_all(job):
    """Pretrain one network for each input that some run transfers to."""
    for name in pretrained_inputs(job.size):
        path = job.cache / f"pretrained_{name}.weights.h5"
        if not path.exists():
            print(f"pretraining on {job.size['pairs']} pairs, input {name}", flush=True)
            pretrain(job, record_of("scratch", name), job.size["pairs"], path)


def pretrain(job, record, number, path):
    """Pretrain a network on the first pairs; weights and history are kept.

    Parameters
    ----------
    job : train_maps.Job
    record : dict
        From `record_of`.
    number : int
        How many pairs.
    path : pathlib.Path
        Of the weights; the history goes beside, as JSON.
    """
    name, held = record["input"], max(16, number // HELD)
    inputs, truth = (
        seen_by(record, maps.read_pairs(job, name)[:number]),
        maps.read_pairs(job, "truth")[:number],
    )
    unseen = tuple(np.asarray(part[:held], "float32") for part in (inputs, truth))
    keras.utils.set_random_seed(protocol.PRETRAIN_SEED)
    model, begun = photographs.build(record), time.time()
    rounds, checkpoint = job.size["rounds"], path.with_suffix(".checkpoint.npz")
    epochs = job.size["passes"] * rounds
    history = network.train(
        model, inputs[held:], truth[held:], unseen, epochs, RATES["pretrain"], epochs,
        seed=protocol.PRETRAIN_SEED, verbose=1, per_epoch=(number - held) // rounds,
        checkpoint=checkpoint,
    )  # fmt: skip
    round_weights(model)
    about = {"history": history, "seconds": time.time() - begun, "pairs": number, "record": record}
    about |= {"backend": keras.backend.backend(),
              "devices": keras.distribution.list_devices()}  # fmt: skip
    _shared.save_json(path.with_suffix(".json"), about)
    _shared.save_weights(path, model)
    checkpoint.unlink(missing_ok=True)


# --- training on labelled patches -------------------------------------------------------------


@on_all_devices
def fine_tune_all(job):
    """Train every run with every seed on the labelled patches; predict validation and test."""
    blocks, nulls = maps.labelled(job), maps.null_maps(job)
    for seed in job.size["seeds"]:
        for start, name in job.size["runs"]:
            path = run_path(job, start, name, seed)
            if path.with_suffix(".npz").exists():
                continue
            model, run = fine_tune(job, record_of(start, name), start, seed, blocks, path)
            _shared.save_arrays(path.with_suffix(".npz"), _look_at_all(model, blocks, nulls))
            print(f"{start} {name} {seed}: validation F1 {run['validation_f1']:.3f}, "
                  f"{run['seconds']:.0f} s", flush=True)  # fmt: skip


def run_path(job, start, name, seed):
    """Where a run keeps its files, without an ending."""
    return job.cache / f"{start}_{name}_{seed}"


def fine_tune(job, record, start, seed, blocks, path, pretrained=None, loss=None):
    """Train one model on the labelled patches, and calibrate it on the validation patches.

    Parameters
    ----------
    job : train_maps.Job
    record : dict
        From `record_of`.
    start : str
        ``scratch``, ``transfer`` or ``vgg``.
    seed : int
        Of weights, order and positions.
    blocks : dict
        From `maps.labelled`.
    path : pathlib.Path
        Of the run's files, without an ending.
    pretrained : pathlib.Path, optional
        Weights to start from, if not those of the record's input.
    loss : callable, optional
        Of the lines, if not the usual one.

    Returns
    -------
    tuple
        The model, and what is known of the run (dict).
    """
    keras.utils.set_random_seed(seed)
    model, begun, name = photographs.build(record), time.time(), record["input"]
    if start == "transfer":
        source = pretrained or job.cache / f"pretrained_{name}.weights.h5"
        _model.read_weights(model, source)
    seen = {part: seen_by(record, blocks[f"{part}_{name}"]) for part in ("train", "validation")}
    history = _fit(job, model, seen, blocks, seed, path, loss or network.line_loss)
    round_weights(model)
    validation = _model.outputs(model, seen["validation"])[..., 0]
    run = {"model": start, "input": name, "seed": seed, "history": history}
    run |= choose(validation, blocks["validation_truth"]) | {"seconds": time.time() - begun}
    _shared.save_json(path.with_suffix(".json"), run)
    _shared.save_weights(path.with_name(path.name + ".weights.h5"), model)
    return model, run


def _fit(job, model, seen, blocks, seed, path, loss):
    """Train on the labelled patches; an encoder is frozen first and let loose later.

    An epoch with the encoder of photographs takes about eight times as long, so it gets fewer.
    """
    parts = [(job.size["epochs"], RATES["finetune"])]
    if model.record["kind"] == "vgg":
        epochs = job.size["encoder_epochs"]
        frozen = max(1, round(FROZEN_SHARE * epochs))
        parts = [(frozen, RATES["finetune"]), (epochs - frozen, RATES["unfrozen"])]
    history, checkpoints = {"loss": [], "val_loss": []}, []
    unseen = (seen["validation"], blocks["validation_truth"])
    for number, (epochs, rate) in enumerate(parts):
        if number:
            photographs.unfreeze(model)
        checkpoints.append(path.with_name(f"{path.name}.checkpoint{number}.npz"))
        new = network.train(
            model, seen["train"], blocks["train_truth"], unseen, epochs, rate,
            job.size["patience"], FINE_BATCH, seed, loss=loss, checkpoint=checkpoints[-1],
        )  # fmt: skip
        history = {key: values + new[key] for key, values in history.items()}
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
    return history


def choose(probability, truth):
    """Choose calibration and threshold on validation maps.

    Parameters
    ----------
    probability : numpy.ndarray, shape (maps, n, m)
        As the network gives it.
    truth : numpy.ndarray, shape (maps, n, m, 4)

    Returns
    -------
    dict of float
        ``temperature``, ``offset``, ``threshold`` (of the calibrated probability) and the
        ``validation_f1`` that it reaches.
    """
    label, known = truth[..., 0], truth[..., 1] > 0
    made = _model.fit(probability[known], label[known])
    seen = network.calibrated(probability, **made)
    threshold = scores.best_threshold(seen, label, known)
    rows = zip(seen, label, known, strict=True)
    found = scores.pooled([scores.score_lines(*row, threshold=threshold) for row in rows])
    return made | {"threshold": threshold, "validation_f1": found["f1"]}


def _look_at_all(model, blocks, nulls):
    """Outputs for validation and test patches and for the maps without lineations."""
    record = model.record
    seen = {
        part: _model.outputs(model, seen_by(record, blocks[f"{part}_{record['input']}"]))
        for part in ("validation", "test")
    }
    for number, one in enumerate(nulls):
        seen[f"null{number}"] = _tiles.blend(
            seen_by(record, one[record["input"]]),
            lambda tile: np.asarray(model(tile[None], training=False))[0],
            one["mask"],
        )[..., 0]
    return {part: values.astype("float16") for part, values in seen.items()}


# --- learning curves --------------------------------------------------------------------------


@on_all_devices
def draw_curves(job):
    """See what pairs, size, channels and loss do, by the validation scores of a few seeds."""
    path = job.cache / "curves.json"
    done = json.loads(path.read_text()) if path.exists() else []
    known = {(one["varied"], one["value"], one["seed"]) for one in done}
    blocks = None
    for one in _variants(job.size):
        for seed in job.size["seeds"][:CURVE_SEEDS]:
            if (one["varied"], one["value"], seed) not in known:
                blocks = blocks or maps.labelled(job)
                done.append(_try(job, one, seed, blocks))
                _shared.save_json(path, done)
                found = done[-1]["validation_f1"]
                print(f"{one['varied']} {one['value']} {seed}: F1 {found:.3f}", flush=True)


def _variants(size):
    """List the trials: what is varied, its value, pairs, changes of the record, and loss."""
    pairs_, widths = size["curve_pairs"], size["curve_widths"]
    if not pairs_:
        return
    for number in pairs_:
        yield {"varied": "pairs", "value": str(number), "pairs": number, "changes": {}}
    for some in widths:
        text = "-".join(map(str, some))
        yield {"varied": "widths", "value": text, "pairs": pairs_[-1],
               "changes": {"widths": list(some)}}  # fmt: skip
    for number in CHANNELS_TRIED:
        layers = list(_inputs.TRIED[:number])
        yield {"varied": "channels", "value": "-".join(layers), "pairs": pairs_[-1],
               "changes": {"layers": layers}}  # fmt: skip
    for layers in (network.CHANNELS[:1], network.CHANNELS):
        yield {"varied": "raw channels", "value": "-".join(layers), "pairs": pairs_[-1],
               "changes": {"layers": list(layers)}, "input": "raw"}  # fmt: skip
    for loss in ("line_loss", "focal_loss", "plain_loss"):
        yield {"varied": "loss", "value": loss, "pairs": 0, "changes": {}, "loss": loss}


def _try(job, one, seed, blocks):
    """Pretrain (where pairs are given), fine-tune and score one variant."""
    record = record_of("scratch", one.get("input", "guided"), **one["changes"])
    path = job.cache / f"curve_{one['varied']}_{one['value']}"
    weights = path.with_name(path.name + "_pretrained.weights.h5")
    if one["pairs"] and not weights.exists():
        pretrain(job, record, one["pairs"], weights)
    by_name = {"line_loss": network.line_loss, "focal_loss": focal_loss, "plain_loss": plain_loss}
    loss = by_name[one.get("loss", "line_loss")]
    start = "transfer" if one["pairs"] else "scratch"
    path = path.with_name(f"{path.name}_{seed}")
    model, run = fine_tune(job, record, start, seed, blocks, path, weights, loss)
    kept = ("validation_f1", "temperature", "seconds", "seed")
    return one | {key: run[key] for key in kept} | {"weights": model.count_params()}


# --- weights ----------------------------------------------------------------------------------


def round_weights(model):
    """Round kernels to `BITS` binary digits, which makes the compressed file a quarter as large.

    This is done before anything is scored: scores are those of the rounded weights.
    """
    model.set_weights([_rounded(w) if w.ndim > 1 else w for w in model.get_weights()])


def _rounded(values):
    """Keep the first binary digits of each number."""
    share, exponent = np.frexp(values)
    return np.ldexp(np.round(share * 2**BITS) / 2**BITS, exponent).astype("float32")


FOCUS = 2.0  # exponent of the focal loss


def focal_loss(truth, output):
    """Focal loss plus Dice; shapes as `line_loss`."""
    label = truth[..., 0]
    missed = ops.abs(label - output[..., 0])
    return _training._mean(
        4 * missed**FOCUS * _training._entropy(truth, output), truth
    ) + _training._dice(truth, output)


def plain_loss(truth, output):
    """Cross entropy alone; shapes as `line_loss`."""
    return _training._mean(_training._entropy(truth, output), truth)
