"""The maps that `make train` trains on and tests with, made on both cores and kept in its cache."""

import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from helpers import _shared, network
from helpers.network import _inputs

from .. import cases, made_up_fields, protocol
from . import pairs

PROCESSES = 2
STORED = ("both", "classical")  # the inputs that are kept
OF_BOTH = {"raw": np.s_[..., 1:], "guided": np.s_[..., ::2]}  # what `both` has of two others
NULL_SHARE = 0.05  # of the pretraining pairs
NULL_SEED = 31
COMPILED = "compiled"  # the version of a map whose tracks are forgotten
NULL_EVERY = 3  # of the labelled patches, one in so many is seen without its stripes, too


@dataclass
class Job:
    """What to do (one of `train.SIZES`), where to keep it and where results go."""

    size: dict
    cache: Path
    out: Path


def timed(job, name, stage):
    """Run a stage and note the seconds it took, with those of calls that were interrupted."""
    begun, path = time.time(), job.cache / "seconds.json"
    stage(job)
    spent = json.loads(path.read_text()) if path.exists() else {}
    spent[name] = spent.get(name, 0.0) + time.time() - begun
    protocol.save_json(path, spent)
    print(f"{name}: {time.time() - begun:.0f} s", flush=True)


def in_parallel(work, jobs, text):
    """Do independent pieces of work in processes of one thread each, with a progress bar."""
    fresh = multiprocessing.get_context("spawn")  # a fork of a process that ran keras may hang
    with ProcessPoolExecutor(PROCESSES, fresh, numba.set_num_threads, (1,)) as pool:
        running = [pool.submit(work, *one) for one in jobs]
        return [one.result() for one in tqdm(running, text, disable=not running)]


# --- pretraining pairs ------------------------------------------------------------------------


def simulate_pairs(job):
    """Simulate the pretraining pairs, chunk by chunk; a finished chunk is kept."""
    number, chunk = job.size["pairs"], job.size["chunk"]
    seeds = np.random.SeedSequence(protocol.PRETRAIN_SEED).spawn(number)
    widths = {name: len(_inputs.LAYERS[name]) for name in STORED} | {"truth": 4}
    for name, channels in widths.items():
        path = _pairs_file(job, name)
        if not path.exists():  # a sparse file: it grows as chunks are written
            shape = (number, network.SIZE, network.SIZE, channels)
            open_memmap(path, "w+", "float16", shape).flush()
    (job.cache / "chunks").mkdir(exist_ok=True)
    todo = [
        (job, first, seeds[first : first + chunk])
        for first in range(0, number, chunk)
        if not _done(job, first).exists()
    ]
    in_parallel(_simulate_chunk, todo, "simulating pairs")


def _simulate_chunk(job, first, seeds):
    """Simulate one chunk, write it in its place, and say so."""
    stacks = {name: open_memmap(_pairs_file(job, name), "r+")
              for name in (*STORED, "truth")}  # fmt: skip
    for number, seed in enumerate(seeds, start=first):
        rng = np.random.default_rng(seed)
        maps, truth = pairs.simulate_pair(rng, None, STORED, NULL_SHARE)
        for name, stack in (maps | {"truth": truth}).items():
            stacks[name][number] = stack
    for stack in stacks.values():
        stack.flush()
    _done(job, first).touch()


def read_pairs(job, name):
    """Inputs of one name, or the truth, of all pretraining pairs; read from disk as needed."""
    if name in OF_BOTH:
        return read_pairs(job, "both")[OF_BOTH[name]]
    return np.load(_pairs_file(job, name), mmap_mode="r")


def _pairs_file(job, name):
    return job.cache / f"pairs_{name}.npy"


def _done(job, first):
    return job.cache / "chunks" / f"{first:06d}"


# --- labelled maps ----------------------------------------------------------------------------


def make_labelled(job):
    """Cut the labelled patches of each part, and make the maps without lineations."""
    path = job.cache / "labelled.npz"
    if not path.exists():
        _shared.save_arrays(path, _cut_all(job))
    if not (job.cache / "nulls.npz").exists():
        _shared.save_arrays(job.cache / "nulls.npz", _make_nulls(job))


def labelled(job):
    """Labelled patches by part and name, as float32: ``train_raw``, ``test_truth`` and so on.

    Training patches have an axis of versions (the same map with part of its cruises) after the
    first.  Some of them (``train_null``) have readings without direction on the same tracks: they
    need no label and keep the network able to say no.
    """
    with np.load(job.cache / "labelled.npz") as held:
        maps = {name: _wide(held[name]) for name in held.files}
    for part in protocol.CRUISE_SEED:
        for name, channels in OF_BOTH.items():
            maps[f"{part}_{name}"] = maps[f"{part}_both"][channels]
    return maps


def null_maps(job):
    """Maps without lineations: a list of dict with ``kind``, ``mask`` and the inputs by name."""
    with np.load(job.cache / "nulls.npz") as held:
        maps = {}
        for name in held.files:
            kind, number, part = name.split("|")
            maps.setdefault((kind, number), {"kind": kind})[part] = _wide(held[name])
    for one in maps.values():
        one |= {name: one["both"][channels] for name, channels in OF_BOTH.items()}
    return list(maps.values())


def _wide(array):
    return array.astype("float32") if array.dtype == "float16" else array


def _cut_all(job):
    """Simulate the regions for each part, coverage and version and cut their blocks."""
    jobs = [
        (job, region, coverage, part, kept)
        for region in job.size["regions"]
        for coverage in job.size["coverages"]
        for part in protocol.CRUISE_SEED
        for kept in (job.size["versions"] if part == "train" else (1.0,))
    ]
    found = in_parallel(_cut_one, jobs, "labelled maps")
    arrays = {}
    for part in protocol.CRUISE_SEED:
        made = [one for one, about in zip(found, jobs, strict=True) if about[3] == part]
        versions = len(job.size["versions"]) if part == "train" else 1
        for key in made[0]:
            columns = [np.concatenate([one[key] for one in made[v::versions]])
                       for v in range(versions)]  # fmt: skip
            several = part == "train" and columns[0].ndim > 1
            arrays[f"{part}_{key}"] = np.stack(columns, axis=1) if several else columns[0]
    labels = int((~arrays["train_null"]).sum())
    if labels > protocol.MOST_TRAINING_PATCHES:
        raise ValueError(
            f"{labels} training patches were cut; the protocol allows "
            f"{protocol.MOST_TRAINING_PATCHES}. Enlarge the gap or leave out a coverage."
        )
    return arrays


def _cut_one(job, region, coverage, part, kept):
    """Cut the blocks of one part out of one simulated map under one set of cruises."""
    seeds = protocol.CRUISE_SEED[part], protocol.FLOOR_SEED[part]
    share = 1.0 if kept == COMPILED else kept
    truth, _, grid = cases.region_grid(region, coverage, seeds[0], share, seeds[1])
    corners = protocol.blocks(truth)[part]
    answer = network.truth_channels(truth, grid)
    if kept == COMPILED:
        grid = pairs.compiled(grid)
    if part != "train":
        return _cut(grid, answer, corners, region, coverage)
    skip = protocol.COVERAGES.index(coverage)  # two of the three coverages for each block
    corners = [corner for number, corner in enumerate(corners) if number % 3 != skip]
    labelled_ = _cut(grid, answer, corners, region, coverage)
    rng = np.random.default_rng([protocol.CRUISE_SEED[part], skip])
    nothing = made_up_fields.replaced(grid, rng, pairs.NULL_KINDS[skip % 2])
    answer = answer * (0, 1, 1, 1)
    empty = _cut(nothing, answer, corners[::NULL_EVERY], region, coverage, null=True)
    return {key: np.concatenate([labelled_[key], empty[key]]) for key in labelled_}


def _cut(grid, answer, corners, region, coverage, null=False):
    """Cut blocks of all inputs and of the truth, and note where they are from."""
    made = {
        name: network.cut(cases.input_stack(grid, name), corners).astype("float16")
        for name in STORED
    }
    made["truth"] = network.cut(answer, corners).astype("float16")
    made["region"] = np.repeat(protocol.REGIONS.index(region), len(corners))
    made["coverage"] = np.repeat(coverage, len(corners))
    made["null"] = np.repeat(null, len(corners))
    return made


def _make_nulls(job):
    """Make the maps without lineations, for every coverage, and of the real surveys."""
    rng, arrays, number = np.random.default_rng(NULL_SEED), {}, 0
    for kind in made_up_fields.KINDS:
        for coverage in job.size["coverages"]:
            for _ in range(job.size["null_maps"]):
                _add_null(arrays, kind, number, made_up_fields.invented(kind, rng, coverage))
                number += 1
    real = made_up_fields.shuffled(rng)
    if not real:
        print("The real surveys cannot be had: no maps of shuffled readings are scored.")
    for grid in real:
        _add_null(arrays, "shuffled", number, grid)
        number += 1
    return arrays


def _add_null(arrays, kind, number, grid):
    for name in STORED:
        arrays[f"{kind}|{number}|{name}"] = cases.input_stack(grid, name).astype("float16")
    arrays[f"{kind}|{number}|mask"] = network.knowable(grid).to_numpy()
