"""The trainings of `make train`: pretraining, training and fine-tuning, learning curves."""

import contextlib
import json
import time

import keras
import numpy as np
from scipy import optimize, special

from helpers import _shared, network, scores
from helpers.network import _inputs, _model, _tiles

from .. import protocol
from . import maps, photographs

HELD = 20  # of the pretraining pairs, one in so many chooses the best epoch
RATES = {"pretrain": 2e-3, "finetune": 1e-3, "unfrozen": 1e-4}
FROZEN_SHARE = 0.6  # of the epochs of transfer from photographs
FINE_BATCH = 8
CURVE_SEEDS = 3  # of each trial of the learning curves
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
    """Leave of the channels of an input the first ones, which a network of a trial sees."""
    return stack[..., : len(record["layers"])]


@contextlib.contextmanager
def on_all_devices(kind="GPU"):
    """Build and train models on all devices together; a context manager, or a decorator.

    Batches are shared out where there are several devices of that kind, as TensorFlow names it;
    with one or none, or where Keras does not run on TensorFlow, nothing changes.
    """
    found = []
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        found = [device.name for device in tensorflow.config.list_logical_devices(kind)]
    several = len(found) > 1
    with (
        tensorflow.distribute.MirroredStrategy(found).scope()
        if several
        else contextlib.nullcontext()
    ):
        yield


# --- pretraining ------------------------------------------------------------------------------


@on_all_devices()
def pretrain_all(job):
    """Pretrain one network for each input that some run transfers to."""
    for name in pretrained_inputs(job.size):
        path = job.cache / f"pretrained_{name}.weights.h5"
        if not path.exists():
            print(f"pretraining on {job.size['pairs']} pairs, input {name}", flush=True)
            pretrain(job, record_of("scratch", name), job.size["pairs"], path)


def pretrain(job, record, number, path):
    """Pretrain a network on the first pairs; its weights go to `path`, its history beside."""
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
    protocol.save_json(path.with_suffix(".json"), about)
    _shared.save_weights(path, model)
    checkpoint.unlink(missing_ok=True)


# --- training on labelled patches -------------------------------------------------------------


@on_all_devices()
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


def fine_tune(job, record, start, seed, blocks, path, pretrained=None):
    """Train one model on the labelled patches, and calibrate it on the validation patches.

    A ``transfer`` starts from the weights in `pretrained`, by default those of the record's input.
    The run's files lie at `path`, without an ending.  Returns the model, and what is known of the
    run (dict).
    """
    keras.utils.set_random_seed(seed)
    model, begun, name = photographs.build(record), time.time(), record["input"]
    if start == "transfer":
        source = pretrained or job.cache / f"pretrained_{name}.weights.h5"
        _model.read_weights(model, source)
    seen = {part: seen_by(record, blocks[f"{part}_{name}"]) for part in ("train", "validation")}
    history = _fit(job, model, seen, blocks, seed, path)
    round_weights(model)
    validation = _model.outputs(model, seen["validation"])[..., 0]
    run = {"model": start, "input": name, "seed": seed, "history": history}
    run |= choose(validation, blocks["validation_truth"]) | {"seconds": time.time() - begun}
    protocol.save_json(path.with_suffix(".json"), run)
    _shared.save_weights(path.with_name(path.name + ".weights.h5"), model)
    return model, run


def _fit(job, model, seen, blocks, seed, path):
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
            job.size["patience"], FINE_BATCH, seed, checkpoint=checkpoints[-1],
        )  # fmt: skip
        history = {key: values + new[key] for key, values in history.items()}
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
    return history


def choose(probability, truth):
    """Choose calibration and threshold on validation maps (maps, n, m) and their truth.

    Gives ``temperature``, ``offset``, ``threshold`` (of the calibrated probability) and the
    ``validation_f1`` that it reaches.
    """
    label, known = truth[..., 0], truth[..., 1] > 0
    made = fit_calibration(probability[known], label[known])
    seen = network.calibrated(probability, **made)
    threshold = scores.best_threshold(seen, label, known)
    rows = zip(seen, label, known, strict=True)
    found = scores.pooled([scores.score_lines(*row, threshold=threshold) for row in rows])
    return made | {"threshold": threshold, "validation_f1": found["f1"]}


def fit_calibration(probability, truth):
    """Temperature and offset (dict) under which the truth of the cells, 0 or 1, is likeliest."""
    logit, truth = _model._logit(probability).astype(float), np.asarray(truth, float)

    def cost(values):
        slope, offset = np.exp(values[0]), values[1]
        seen = slope * logit + offset
        wrong = special.expit(seen) - truth
        # minus the mean logarithm of the likelihood, and its gradient
        likelihood = np.mean(np.logaddexp(0, seen) - truth * seen)
        return likelihood, [np.mean(wrong * slope * logit), np.mean(wrong)]

    found = optimize.minimize(cost, [0.0, 0.0], jac=True, method="BFGS").x
    return {"temperature": float(np.exp(-found[0])), "offset": float(found[1])}


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


@on_all_devices()
def draw_curves(job):
    """See what pairs, size and channels do, by the validation scores of a few seeds."""
    path = job.cache / "curves.json"
    done = json.loads(path.read_text()) if path.exists() else []
    known = {(one["varied"], one["value"], one["seed"]) for one in done}
    blocks = None
    for one in _variants(job.size):
        for seed in job.size["seeds"][:CURVE_SEEDS]:
            if (one["varied"], one["value"], seed) not in known:
                blocks = blocks or maps.labelled(job)
                done.append(_try(job, one, seed, blocks))
                protocol.save_json(path, done)
                found = done[-1]["validation_f1"]
                print(f"{one['varied']} {one['value']} {seed}: F1 {found:.3f}", flush=True)


def _variants(size):
    """List the trials: what is varied, its value, pairs, input, and changes of the record."""
    for number in size["curve_pairs"]:
        yield {"varied": "pairs", "value": str(number), "pairs": number, "changes": {}}
    if not size["curve_pairs"]:
        return
    usual = {"pairs": size["curve_pairs"][-1]}
    for some in size["curve_widths"]:
        text = "-".join(map(str, some))
        yield usual | {"varied": "widths", "value": text, "changes": {"widths": list(some)}}
    alone, both = (list(network.CHANNELS[:number]) for number in (1, 2))
    yield usual | {"varied": "channels", "value": alone[0], "changes": {"layers": alone}}
    for layers in (alone, both):
        yield usual | {"varied": "raw channels", "value": "-".join(layers), "input": "raw",
                       "changes": {"layers": layers}}  # fmt: skip


def _try(job, one, seed, blocks):
    """Pretrain, fine-tune and score one variant."""
    record = record_of("scratch", one.get("input", "guided"), **one["changes"])
    path = job.cache / f"curve_{one['varied']}_{one['value']}"
    weights = path.with_name(path.name + "_pretrained.weights.h5")
    if not weights.exists():
        pretrain(job, record, one["pairs"], weights)
    path = path.with_name(f"{path.name}_{seed}")
    model, run = fine_tune(job, record, "transfer", seed, blocks, path, weights)
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
