"""Train every model from seeds and write weights, scores and a log: `make train`.

Stages, each kept in the cache folder so that an interrupted run goes on where it stopped:
simulate pretraining pairs, pretrain on them, train and fine-tune on labelled patches of the East
Pacific Rise and Reykjanes maps, score on the test blocks.  Everything here is simulated seafloor.
"""

import argparse
import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from tqdm import tqdm

from helpers import patches, scores

ROOT = Path(__file__).resolve().parents[1]
REGIONS = ("epr", "reykjanes")
COVERAGES = (0.05, 0.1, 0.2)
CRUISE_SEED = {"train": 11, "validation": 12, "test": 13}
PRETRAIN_SEED = 1
SEEDS = (1, 2, 3, 4, 5)
RUNS = (  # (model, input): the paper's three, and what tells their parts apart
    ("scratch", "raw"),
    ("transfer", "raw"),
    ("transfer", "classical"),
    ("scratch", "guided"),
    ("transfer", "guided"),
)
ALL = {"regions": REGIONS, "coverages": COVERAGES, "runs": RUNS}
PART = {"regions": REGIONS[1:], "coverages": COVERAGES[1:2], "runs": (RUNS[0], RUNS[-1])}
SHIPPED = (("scratch", "raw"), ("transfer", "raw"), ("transfer", "guided"))
SIZES = {  # less than full only shows that everything runs
    "full": ALL | {"pairs": 8000, "pretrain_epochs": 3, "epochs": 60, "seeds": SEEDS},
    "small": ALL | {"pairs": 64, "pretrain_epochs": 1, "epochs": 2, "seeds": SEEDS[:2]},
    "tiny": PART | {"pairs": 24, "pretrain_epochs": 1, "epochs": 1, "seeds": SEEDS[:1]},
}
CHUNK = 250
MOST_TRAINING_PATCHES = 40


def main():
    """Run the stages asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full", help="how much to do")
    parser.add_argument("--small", action="store_const", const="small", dest="size")
    parser.add_argument("--out", type=Path, default=ROOT / "data", help="where results go")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "train")
    arguments = parser.parse_args()
    size = SIZES[arguments.size]
    cache = arguments.cache / arguments.size
    cache.mkdir(parents=True, exist_ok=True)
    simulate_pairs(size["pairs"], cache)
    for name in pretrained_inputs(size):
        pretrain(name, size, cache)
    maps = labelled_maps(size, cache)
    for seed in size["seeds"]:
        for model, name in size["runs"]:
            fine_tune(model, name, seed, size, maps, cache)
    write_results(size, maps, cache, arguments.out)


def simulate_pairs(number, cache):
    """Simulate the pretraining pairs, in chunks on both cores; a finished chunk is kept."""
    seeds = np.random.SeedSequence(PRETRAIN_SEED).spawn(number)
    todo = [
        (cache / f"pairs_{first:05d}.npz", seeds[first : first + CHUNK])
        for first in range(0, number, CHUNK)
        if not (cache / f"pairs_{first:05d}.npz").exists()
    ]
    with ProcessPoolExecutor(2, initializer=_one_thread) as pool:
        jobs = [pool.submit(_simulate_chunk, *job) for job in todo]
        for job in tqdm(jobs, desc="simulating pairs", disable=not jobs):
            job.result()


def _one_thread():
    import numba

    numba.set_num_threads(1)


def _simulate_chunk(path, seeds):
    """Simulate one chunk and write it beside, then rename."""
    made = [patches.simulate_pair(np.random.default_rng(s), inputs=patches.INPUTS) for s in seeds]
    stacks = {name: np.stack([maps[name] for maps, _ in made]) for name in patches.INPUTS}
    stacks["truth"] = np.stack([truth for _, truth in made])
    _save(path, {name: stack.astype("float16") for name, stack in stacks.items()})


def pretrained_inputs(size):
    """Return the inputs that some run transfers to."""
    wanted = {name for model, name in size["runs"] if model == "transfer"}
    return [name for name in patches.INPUTS if name in wanted]


def pretrain(name, size, cache):
    """Pretrain one network on the simulated pairs of one input; the weights are kept."""
    from helpers import network

    path = cache / f"pretrained_{name}.weights.h5"
    if path.exists():
        return
    files = sorted(cache.glob("pairs_*.npz"))
    inputs, truth = (
        np.concatenate([np.load(file)[part] for file in files])[: size["pairs"]]
        for part in (name, "truth")
    )
    held = max(16, len(inputs) // 20)
    network.keras.utils.set_random_seed(PRETRAIN_SEED)
    model, begun = network.unet(), time.time()
    history = network.train(
        model,
        inputs[held:],
        truth[held:],
        (inputs[:held].astype("float32"), truth[:held].astype("float32")),
        size["pretrain_epochs"],
        rate=2e-3,
        seed=PRETRAIN_SEED,
        verbose=2,
    )
    _round_weights(model)
    _save_json(path.with_suffix(".json"), {"history": history, "seconds": time.time() - begun})
    _save_weights(model, path)


def labelled_maps(size, cache):
    """Cut the labelled patches of each part: inputs by name, truth, region and coverage."""
    path = cache / "labelled.npz"
    if not path.exists():
        _save(path, _cut_labelled(size))
    loaded = np.load(path)
    return {name: loaded[name] for name in loaded.files}


def _cut_labelled(size):
    """Simulate the regions for each part and coverage and cut their blocks."""
    collected = {}

    def add(part, key, values):
        collected.setdefault(f"{part}_{key}", []).append(values)

    for region in size["regions"]:
        for coverage in size["coverages"]:
            for part, seed in CRUISE_SEED.items():
                truth, grid, maps = patches.region_maps(region, coverage, seed)
                corners = patches.blocks(truth)[part]
                if part == "train":  # two of the three coverages for each block
                    skip = COVERAGES.index(coverage)
                    corners = [c for number, c in enumerate(corners) if number % 3 != skip]
                for name, anomaly in maps.items():
                    stack = patches.channels(grid.assign(anomaly=anomaly))
                    add(part, name, patches.cut(stack, corners))
                add(part, "truth", patches.cut(patches.truth_channels(truth, grid), corners))
                add(part, "region", np.repeat(REGIONS.index(region), len(corners)))
                add(part, "coverage", np.repeat(coverage, len(corners)))
    arrays = {key: np.concatenate(values) for key, values in collected.items()}
    if len(arrays["train_truth"]) > MOST_TRAINING_PATCHES:
        raise ValueError(
            f"{len(arrays['train_truth'])} training patches were cut; the protocol allows "
            f"{MOST_TRAINING_PATCHES}. Enlarge the gap or leave out a coverage."
        )
    return arrays


def fine_tune(model_name, name, seed, size, maps, cache):
    """Train one model on the labelled patches, choose its threshold, predict the test blocks."""
    from helpers import network

    path = cache / f"{model_name}_{name}_{seed}"
    if path.with_suffix(".npz").exists():
        return
    network.keras.utils.set_random_seed(seed)
    model, begun = network.unet(), time.time()
    if model_name == "transfer":
        model.load_weights(cache / f"pretrained_{name}.weights.h5")
    history = network.train(
        model,
        maps[f"train_{name}"],
        maps["train_truth"],
        (maps[f"validation_{name}"], maps["validation_truth"]),
        size["epochs"],
        rate=1e-3,
        patience=15,
        batch=8,
        seed=seed,
    )
    _round_weights(model)
    seen = {
        part: model.predict(maps[f"{part}_{name}"], verbose=0)[..., 0]
        for part in ("validation", "test")
    }
    truth = maps["validation_truth"]
    threshold = scores.best_threshold(seen["validation"], truth[..., 0], truth[..., 1])
    record = {"threshold": threshold, "seconds": time.time() - begun, "history": history}
    record["validation_f1"] = _score(seen["validation"], truth, threshold)["f1"]
    _save_json(path.with_suffix(".json"), record)
    _save_weights(model, Path(f"{path}.weights.h5"))
    _save(path.with_suffix(".npz"), {"test": seen["test"].astype("float16")})
    print(model_name, name, seed, f"validation F1 {record['validation_f1']:.3f}", flush=True)


def write_results(size, maps, cache, out):
    """Score all runs on the test blocks; write scores, log and the weights of the best seeds."""
    records, log = [], []
    for model_name, name in size["runs"]:
        for seed in size["seeds"]:
            path = cache / f"{model_name}_{name}_{seed}"
            run = json.loads(path.with_suffix(".json").read_text())
            test = np.load(path.with_suffix(".npz"))["test"].astype("float32")
            about = {"model": model_name, "input": name, "seed": seed}
            records += _records(about, test, maps, run["threshold"])
            log.append(about | run)
    records += filter_records(maps)
    (out / "results").mkdir(parents=True, exist_ok=True)
    _save_json(out / "results" / "scores.json", records)
    _save_json(out / "results" / "training.json", _log(size, maps, cache, log))
    _ship(log, cache, out / "models")


def filter_records(maps):
    """Score what needs no training: a ridge filter (Sato et al. 1998) and chance.

    Chance takes the lines of the truth, turned by 90 degrees: right in number, wrong in place.
    """
    from skimage.filters import sato

    records = []
    for name in ("raw", "guided"):
        ridges = {
            part: np.stack([_ridges(patch[..., 0], sato) for patch in maps[f"{part}_{name}"]])
            for part in ("validation", "test")
        }
        truth = maps["validation_truth"]
        threshold = scores.best_threshold(ridges["validation"], truth[..., 0], truth[..., 1])
        about = {"model": "sato filter", "input": name, "seed": 0}
        records += _records(about, ridges["test"], maps, threshold)
    turned = np.rot90(maps["test_truth"][..., 0], axes=(1, 2))
    records += _records({"model": "chance", "input": "none", "seed": 0}, turned, maps, 0.5)
    return records


def _ridges(field, sato):
    """Bright ridges of a patch, scaled to 0..1."""
    ridges = sato(field, sigmas=(1.5, 2.5, 4.0), black_ridges=False)
    return ridges / (np.percentile(ridges, 99) + 1e-6) * 0.9


def _records(about, probability, maps, threshold):
    """One record for each region and coverage, pooled over its test blocks."""
    records = []
    for number, region in enumerate(REGIONS):
        for coverage in COVERAGES:
            chosen = (maps["test_region"] == number) & (maps["test_coverage"] == coverage)
            if not chosen.any():  # a size may leave out regions and coverages
                continue
            values = _score(probability[chosen], maps["test_truth"][chosen], threshold)
            where = {"region": region, "coverage": coverage, "blocks": int(chosen.sum())}
            records.append(about | where | {"threshold": threshold} | values)
    return records


def _score(probability, truth, threshold):
    return scores.pooled(
        [
            scores.score_lines(p, t[..., 0], t[..., 1], threshold=threshold)
            for p, t in zip(probability, truth, strict=True)
        ]
    )


def _log(size, maps, cache, runs):
    """What made the results: settings, versions, numbers of patches, times, learning curves."""
    import keras
    import tensorflow

    pretraining = {
        name: json.loads((cache / f"pretrained_{name}.weights.json").read_text())
        for name in pretrained_inputs(size)
    }
    return {
        "config": size | {"cruise_seed": CRUISE_SEED},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "keras": keras.__version__,
            "tensorflow": tensorflow.__version__,
        },
        "patches": {part: len(maps[f"{part}_truth"]) for part in CRUISE_SEED},
        "training_seconds": sum(part["seconds"] for part in [*pretraining.values(), *runs]),
        "pretraining": pretraining,
        "runs": runs,
    }


def _ship(log, cache, folder):
    """Copy the weights of the paper's three models, the seed with the best validation score."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {}
    for model_name, name in SHIPPED:
        runs = [run for run in log if (run["model"], run["input"]) == (model_name, name)]
        if not runs:
            continue
        best = max(runs, key=lambda run: run["validation_f1"])
        source = cache / f"{model_name}_{name}_{best['seed']}.weights.h5"
        _copy_weights(source, folder / f"{model_name}_{name}.weights.h5")
        kept = ("input", "seed", "threshold", "validation_f1")
        about[f"{model_name}_{name}"] = {key: best[key] for key in kept}
    source = cache / "pretrained_guided.weights.h5"
    _copy_weights(source, folder / "pretrained_guided.weights.h5")
    about["pretrained_guided"] = {"input": "guided", "seed": PRETRAIN_SEED, "threshold": 0.5}
    for record in about.values():
        record["command"] = "make train"
    _save_json(folder / "models.json", about)


def _save(path, arrays):
    """Write arrays beside, then rename, so that a file is whole or not there."""
    beside = path.with_suffix(".part.npz")
    np.savez(beside, **arrays)
    beside.replace(path)


def _save_json(path, value):
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(value, indent=1) + "\n")
    beside.replace(path)


def _round_weights(model):
    """Round to half precision, which halves the compressed file; scores are of the rounded ones."""
    model.set_weights([w.astype("float16").astype("float32") for w in model.get_weights()])


def _copy_weights(source, path):
    """Copy weights without the optimiser's state, two thirds of the file, and compress them."""
    import h5py

    from helpers import network

    model = network.unet()
    model.load_weights(source)
    plain, beside = path.with_name("plain." + path.name), path.with_name("part." + path.name)
    model.save_weights(plain)
    with h5py.File(plain) as given, h5py.File(beside, "w") as packed:
        _copy_compressed(given, packed)
    plain.unlink()
    beside.replace(path)


def _copy_compressed(given, packed):
    """Copy groups, attributes and compressed arrays of an HDF5 file."""
    import h5py

    packed.attrs.update(given.attrs)
    for name, item in given.items():
        if isinstance(item, h5py.Group):
            _copy_compressed(item, packed.create_group(name))
        elif item.size > 1000:
            copy = packed.create_dataset(name, data=item[()], compression="gzip", shuffle=True)
            copy.attrs.update(item.attrs)
        else:
            given.copy(item, packed, name)


def _save_weights(model, path):
    beside = path.with_name("part." + path.name)
    model.save_weights(beside)
    beside.replace(path)


if __name__ == "__main__":
    main()
