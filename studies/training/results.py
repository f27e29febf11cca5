"""Scores, log and shipped weights: what `make train` writes in the end.

`scores.json` is a list of records, one a line: model, input, seed, region, coverage and scores.
F1, precision and recall are those of `scores.score_lines` at 2 cells; `f1_one_to_one_1` (`_2`,
`_3`) pair the cells one to one within 1, 2 and 3 cells, which are 2, 4 and 6 km.  `counts` and
`counts_one_to_one` hold, for each block, the predicted cells, how many of them are right, the true
cells and how many of them are found; `studies.protocol` makes intervals from them.
`precision_curve` and `recall_curve` run over several thresholds, one to one at 2 cells;
`reliability` has the mean prediction, the observed share and the number of cells of each class of
probability.  What begins with `false_` is the length of line (km per 1,000 km²) on maps without
lineations, beside `line_km_per_1000_km2` on the test blocks.
"""

import json
import platform

import keras
import numpy as np
from skimage.morphology import skeletonize

from helpers import _shared, network, scores
from helpers.network import _inputs, _model
from helpers.scores import _cells

from .. import protocol, ridge_filters
from . import maps, photographs, runs

TOLERANCES = (1, 2, 3)  # cells
SHIPPED = (  # the best seed of each
    ("scratch", "raw"), ("transfer", "raw"), ("transfer", "guided"), ("transfer", "both"),
)  # fmt: skip
TOGETHER = (("transfer", "both"), ("transfer", "raw"))  # joined, with
MEMBERS = 4  # seeds of each, so that each network has one of the eight positions to itself
JOINED = "both"  # what they see together
MOST_BYTES = 20_000_000
CELL_KM = 2.0  # side of the cells of the maps that are scored


def write(job):
    """Score all runs on the test blocks; write scores, log and the best weights."""
    blocks, nulls = maps.labelled(job), maps.null_maps(job)
    runs = [(start, name, seed) for start, name in job.size["runs"] for seed in job.size["seeds"]]
    jobs = [(job, *run) for run in runs]
    records = [record for part in maps.in_parallel(score_run, jobs, "scores") for record in part]
    records += score_together(job, blocks, nulls)
    names = [(job, name, kind) for name in ("raw", "guided") for kind in ridge_filters.DETECTORS]
    records += [
        one for part in maps.in_parallel(score_detector, names, "detectors") for one in part
    ]
    turned = np.rot90(blocks["test_truth"][..., 0], axes=(1, 2))
    about = {"model": "chance", "input": "none", "seed": 0, "threshold": 0.5}
    records += score_maps(about, turned, blocks)
    results = job.out / "results"
    results.mkdir(parents=True, exist_ok=True)
    protocol.save_json(results / "scores.json", records)
    protocol.save_json(results / "training.json", _log(job, blocks))
    ship(job, blocks, records)


# --- scores -----------------------------------------------------------------------------------


def score_run(job, start, name, seed):
    """Records of one training."""
    path = runs.run_path(job, start, name, seed)
    run = json.loads(path.with_suffix(".json").read_text())
    with np.load(path.with_suffix(".npz")) as held:
        seen = {part: held[part].astype("float32") for part in held.files}
    about = {"model": start, "input": name, "seed": seed}
    return _score_network(about, run, seen, maps.labelled(job), maps.null_maps(job))


def score_together(job, blocks, nulls):
    """Records of the mean of the joined networks, calibrated anew."""
    total, members = {}, _members(job)
    for run in members:
        path = runs.run_path(job, run["model"], run["input"], run["seed"])
        with np.load(path.with_suffix(".npz")) as held:
            for part in held.files:
                total[part] = total.get(part, 0) + held[part].astype("float32")
    seen = {part: values / len(members) for part, values in total.items()}
    chosen = runs.choose(seen["validation"][..., 0], blocks["validation_truth"])
    about = {"model": "ensemble", "input": JOINED, "seed": 0}
    return _score_network(about, chosen, seen, blocks, nulls)


def _score_network(about, chosen, seen, blocks, nulls):
    """Calibrate what a network gave, score it, and count its false lines."""
    settings = {key: chosen[key] for key in ("temperature", "offset")}
    about = about | settings | {"threshold": chosen["threshold"]}
    false = [network.calibrated(seen[f"null{number}"], **settings) for number in range(len(nulls))]
    about |= false_lines(false, nulls, chosen["threshold"])
    test = network.calibrated(seen["test"][..., 0], **settings)
    strike = _inputs.strike_deg(seen["test"][..., 1], seen["test"][..., 2])
    return score_maps(about, test, blocks, strike)


def score_detector(job, name, kind):
    """Records of one detector that is no network, tuned on the validation patches."""
    blocks, nulls = maps.labelled(job), maps.null_maps(job)
    truth = blocks["validation_truth"]
    chosen = ridge_filters.tune(
        kind, blocks[f"validation_{name}"][..., 0], truth[..., 0], truth[..., 1]
    )

    def look(field):
        return ridge_filters.DETECTORS[kind].filter(field, **chosen["setting"])

    test = np.stack([look(field) for field in blocks[f"test_{name}"][..., 0]])
    about = {"model": kind, "input": name, "seed": 0, "threshold": chosen["threshold"],
             "setting": chosen["setting"]}  # fmt: skip
    about |= false_lines([look(one[name][..., 0]) for one in nulls], nulls, chosen["threshold"])
    return score_maps(about, test, blocks)


def false_lines(seen, nulls, threshold):
    """Length of false line by kind of map, and the mean over the kinds (km per 1,000 km²)."""
    found = {}
    for values, one in zip(seen, nulls, strict=True):
        density = line_density(np.nan_to_num(values), one["mask"], threshold)
        found.setdefault(one["kind"].replace(" ", "_"), []).append(density)
    means = {f"false_{kind}": float(np.mean(values)) for kind, values in found.items()}
    return means | {"false_km_per_1000_km2": float(np.mean(list(means.values())))}


def score_maps(about, probability, blocks, strike=None):
    """Make one record for each region and coverage, pooled over its test blocks.

    What gives a strike is a network: its calibrated probabilities are judged, too.
    """
    records = []
    for number, region in enumerate(protocol.REGIONS):
        for coverage in protocol.COVERAGES:
            chosen = (blocks["test_region"] == number) & (blocks["test_coverage"] == coverage)
            if not chosen.any():  # a size may leave out regions and coverages
                continue
            truth, seen = blocks["test_truth"][chosen], probability[chosen]
            where = {"region": region, "coverage": coverage, "blocks": int(chosen.sum())}
            record = about | where | _line_scores(seen, truth, about["threshold"])
            if strike is not None:
                record["strike_error_deg"] = _strike_error(strike[chosen], truth)
                known = truth[..., 1] > 0
                judged = seen[known], truth[..., 0][known]
                record["ece"] = _cells.calibration_error(*judged)
                record["brier"] = brier(*judged)
                record["reliability"] = _reliability(*judged)
            records.append(record)
    return records


def brier(probability, truth):
    """Mean squared difference of probability and truth (Brier 1950)."""
    return float(np.mean((np.asarray(probability, float) - truth) ** 2))


def _line_scores(seen, truth, threshold):
    """Scores of lines of several blocks, and the counts of each block."""
    label, known = truth[..., 0], truth[..., 1] > 0
    rows = list(zip(seen, label, known, strict=True))
    each = [scores.score_lines(*row, threshold=threshold) for row in rows]
    record = scores.pooled(each)
    del record["ece"]  # of what is no probability
    record["counts"] = [
        [round(one["predicted_cells"]), round(one["precision"] * one["predicted_cells"]),
         round(one["true_cells"]), round(one["recall"] * one["true_cells"])]
        for one in each
    ]  # fmt: skip
    for tolerance in TOLERANCES:
        counts = [protocol.one_to_one_counts(*row, tolerance, threshold).tolist() for row in rows]
        record[f"f1_one_to_one_{tolerance}"] = protocol.one_to_one_f1(counts)
        if tolerance == 2:
            record["counts_one_to_one"] = counts
    best = protocol.best_one_to_one_f1(seen, label, known, thresholds=_thresholds(threshold))
    record |= {"ods": best["ods"], "ois": best["ois"]}
    for name in ("precision", "recall"):
        record[f"{name}_curve"] = np.round(best[name], 4).tolist()
    density = [line_density(one, mask, threshold) for one, _, mask in rows]
    return record | {"line_km_per_1000_km2": float(np.nanmean(density))}


def _reliability(probability, truth):
    """Mean prediction, observed share and number of cells of each class that is not empty."""
    table = np.stack(_cells.reliability(probability, truth), axis=1)
    return [[round(p, 4), round(o, 4), int(n)] for p, o, n in table.tolist() if n]


def _thresholds(threshold):
    """Thresholds around the chosen one, which for a detector can be any number."""
    return threshold * np.array([0.25, 0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 2.0])


def _strike_error(strike, truth):
    """Median angle between predicted and true strike on the true lines (degrees)."""
    errors = [strike_errors(one, answer) for one, answer in zip(strike, truth, strict=True)]
    return float(np.median(np.concatenate(errors)))


def strike_errors(strike, truth):
    """Angles (0 to 90 degrees) between predicted and true strike on the true lines that count.

    `strike` (n, m) is in degrees clockwise from north, `truth` (n, m, 4) is from
    `network.truth_channels`: line, mask, and cosine and sine of twice the strike.
    """
    where = skeletonize(truth[..., 0] > 0.5) & (truth[..., 1] > 0.5)
    true = np.degrees(np.arctan2(truth[..., 3], truth[..., 2])[where]) / 2
    return _shared.axial_difference(strike[where], true)


def line_density(probability, mask, threshold):
    """Length of line on an area, true or false: km per 1,000 km² of the cells that count.

    NaN where none does.
    """
    mask = np.asarray(mask) > 0.5
    lines = skeletonize(np.asarray(probability) >= threshold) & mask
    area = mask.sum() * CELL_KM**2
    return 1000 * length_cells(lines) * CELL_KM / area if area else float("nan")


def length_cells(lines):
    """Length of thinned lines (cells): steps to neighbours, aslant only where no way is round."""
    north, east = lines[1:] & lines[:-1], lines[:, 1:] & lines[:, :-1]
    steep = lines[1:, 1:] & lines[:-1, :-1] & ~lines[1:, :-1] & ~lines[:-1, 1:]
    flat = lines[1:, :-1] & lines[:-1, 1:] & ~lines[1:, 1:] & ~lines[:-1, :-1]
    return float(north.sum() + east.sum() + np.sqrt(2.0) * (steep.sum() + flat.sum()))


# --- log --------------------------------------------------------------------------------------


def _log(job, blocks):
    """What made the results: settings, versions, numbers of patches, times, learning curves."""
    import tensorflow

    def read(name):
        return json.loads((job.cache / f"{name}.json").read_text())

    all_runs = [
        read(f"{start}_{name}_{seed}")
        for start, name in job.size["runs"]
        for seed in job.size["seeds"]
    ]
    pretraining = {
        name: read(f"pretrained_{name}.weights") for name in runs.pretrained_inputs(job.size)
    }
    return {
        "config": job.size | {"cruise_seed": protocol.CRUISE_SEED},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "keras": keras.__version__,
            "tensorflow": tensorflow.__version__,
        },
        "patches": {part: int((~blocks[f"{part}_null"]).sum()) for part in protocol.CRUISE_SEED}
        | {"null": int(blocks["train_null"].sum())},
        "seconds": read("seconds"),
        "training_seconds": sum(part["seconds"] for part in [*pretraining.values(), *all_runs]),
        "pretraining": pretraining,
        "runs": all_runs,
        "curves": read("curves") if (job.cache / "curves.json").exists() else [],
    }


# --- weights ----------------------------------------------------------------------------------


def ship(job, blocks, records):
    """Copy the weights of the best seeds, of the members of the ensemble, and pretrained ones."""
    folder = job.out / "models"
    folder.mkdir(parents=True, exist_ok=True)
    about, wanted = {}, [one for one in SHIPPED if one in job.size["runs"]]
    for start, name in wanted:
        _ship_one(job, blocks, f"{start}_{name}", _runs(job, start, name)[0], about)
    _ship_together(job, blocks, about)
    for name in runs.pretrained_inputs(job.size)[-1:]:
        source = job.cache / f"pretrained_{name}.weights.h5"
        record = runs.record_of("scratch", name) | {
            "seed": protocol.PRETRAIN_SEED,
            "threshold": 0.5,
        }
        copy_weights(record, source, folder / f"pretrained_{name}.weights.h5")
        about[f"pretrained_{name}"] = record
    _note_scores(about, records)
    protocol.save_json(folder / "models.json", about)
    total = sum(path.stat().st_size for path in folder.iterdir())
    if total > MOST_BYTES:
        raise ValueError(f"{folder} holds {total / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} are "
                         "to be shipped. Take runs out of SHIPPED.")  # fmt: skip


def _note_scores(about, records):
    """Note what made each model, and its F1 on the test blocks, mean over regions and coverages."""
    for shipped, record in about.items():
        record["command"] = "make train"
        key = shipped.split("_")[0], record["input"], 0 if "members" in record else record["seed"]
        found = [one["f1"] for one in records if (one["model"], one["input"], one["seed"]) == key]
        if found:
            record["test_f1"] = float(np.mean(found))


def _runs(job, start, name):
    """Runs of one model and input, the one that validates best first."""
    paths = [runs.run_path(job, start, name, seed) for seed in job.size["seeds"]]
    found = [json.loads(path.with_suffix(".json").read_text()) for path in paths]
    return sorted(found, key=lambda run: -run["validation_f1"])


def _members(job):
    """Runs that are joined."""
    return [
        run
        for start, name in TOGETHER
        if (start, name) in job.size["runs"]
        for run in _runs(job, start, name)[:MEMBERS]
    ]


def _ship_one(job, blocks, shipped, run, about):
    """Copy the weights of one run; calibrate it as `network.predict` uses it."""
    start, name, seed = run["model"], run["input"], run["seed"]
    source = runs.run_path(job, start, name, seed)
    record = runs.record_of(start, name) | {"seed": seed}
    path = job.out / "models" / f"{shipped}.weights.h5"
    model = copy_weights(record, source.with_name(source.name + ".weights.h5"), path)
    kept = blocks[f"validation_{name}"]
    seen = mean_of_positions(model, runs.seen_by(record, kept))[..., 0]
    about[shipped] = record | runs.choose(seen, blocks["validation_truth"])


def _ship_together(job, blocks, about):
    """Ship the networks that are joined, and the record that joins them."""
    members = []
    for run in _members(job):
        name = f"{run['model']}_{run['input']}"
        if about.get(name, {}).get("seed") != run["seed"]:
            name = f"{name}_{run['seed']}"
            _ship_one(job, blocks, name, run, about)
        members.append(name)
    folder, joined = job.out / "models", f"ensemble_{JOINED}"
    about[joined] = runs.record_of("transfer", JOINED) | {"members": members, "seed": "all"}
    protocol.save_json(folder / "models.json", about)
    kept = blocks[f"validation_{JOINED}"]
    seen = mean_of_positions(network.load(joined, folder), kept)[..., 0]
    about[joined] |= runs.choose(seen, blocks["validation_truth"])


def mean_of_positions(model, inputs):
    """Mean output for patches, each seen in its eight positions, as `predict` sees a tile."""
    members = getattr(model, "members", [model])
    return np.stack([_model._passes(members, patch).mean(axis=0) for patch in inputs])


def copy_weights(record, source, path):
    """Copy weights without the optimiser's state, two thirds of the file, and compress them.

    Returns the model with these weights.
    """
    import h5py

    model = photographs.build(record)
    _model.read_weights(model, source)
    plain = path.with_name("plain." + path.name)
    model.save_weights(plain)
    with _shared.written(path) as beside:
        with h5py.File(plain) as given, h5py.File(beside, "w", libver=("v110", "v110")) as packed:
            _copy_compressed(given, packed)
    plain.unlink()
    return model


def _copy_compressed(given, packed):
    """Copy groups, attributes and compressed arrays of an HDF5 file."""
    import h5py

    packed.attrs.update(given.attrs)
    for name, item in given.items():
        if isinstance(item, h5py.Group):
            _copy_compressed(item, packed.create_group(name))
        elif item.size > 1000:
            copy = packed.create_dataset(
                name, data=item[()], chunks=item.shape, compression=9, shuffle=True
            )
            copy.attrs.update(item.attrs)
        else:
            given.copy(item, packed, name)
