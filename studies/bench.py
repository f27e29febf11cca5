"""Measure speed, memory and quality: `make bench` writes data/results/bench.json.

Times are the median of several runs on the machine at hand; where a peer does the same work it is
timed in the same run and its figure carries its name.
"""

import itertools
import json
import multiprocessing
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import matplotlib
import numba
import numpy as np
import pandas as pd
from scipy.interpolate import LinearNDInterpolator

from helpers import (
    _shared,
    data,
    diffusion,
    explore,
    gridding,
    largearea,
    maps,
    network,
    seafloor,
    tracks,
)
from helpers.network import _inputs

from . import cases, diffusion_trials, made_up_fields, protocol, real_bench
from .figures import explorers as pictures
from .figures import tables
from .training import pairs

RESULTS = _shared.ROOT / "data" / "results"
RUNS = 3


def seconds(work, runs=RUNS):
    """Median time of a piece of work, after one run to warm up (s)."""
    work()
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def reading():
    """Rows of MGD77T read in a second, pandas alone beside it; time and memory of a million."""
    rows, many = 300_000, 1_000_000
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.m77t"
        _write_cruise(path, rows)
        ours = seconds(lambda: tracks.read_tracks(path))
        peer = seconds(lambda: pd.read_csv(path, sep="\t", low_memory=False))
        _write_cruise(path, many)
        # a process of its own has a peak of its own; spawned small, for it starts at its parent's
        run = [sys.executable, "-c", SPAWN_SMALL, sys.executable, "-c", READ_IT, str(path)]
        said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    figures["read_1m_rows_s"], figures["read_1m_rows_peak_gb"] = map(float, said)
    return {"read_rows_per_s": rows / ours, "read_rows_per_s_pandas_alone": rows / peer} | figures


SPAWN_SMALL = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
READ_IT = """
import resource, sys, time
from helpers import tracks
begun = time.perf_counter()
tracks.read_tracks(sys.argv[1])
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
"""


def _write_cruise(path, rows):
    """Write a made-up cruise as MGD77T."""
    header = "SURVEY_ID\tTIMEZONE\tDATE\tTIME\tLAT\tLON\tMAG_TOT\tMAG_RES\tCORR_DEPTH\n"
    minute = np.arange(rows)
    when = pd.Timestamp("2001-01-01") + pd.to_timedelta(minute, unit="min")
    table = pd.DataFrame({"date": when.strftime("%Y%m%d")})
    table.insert(0, "id", "BENCH")
    table.insert(1, "zone", 0)
    table["time"] = when.strftime("%H%M")
    table["lat"] = np.round(40 * np.sin(minute / 9e4), 5)
    table["lon"] = np.round(minute / 1e4 % 360 - 180, 5)
    table["tot"] = np.round(48000 + 300 * np.sin(minute / 50), 1)
    table["res"], table["depth"] = 12.3, 4000.5
    path.write_text(header + table.to_csv(sep="\t", index=False, header=False))


def levelling():
    """How far levelling brings the crossovers of simulated cruises, and the time it takes."""
    constant_nt, coverage, much = 50.0, 0.05, 0.2
    rng, region = np.random.default_rng(0), data.region("epr")
    anomaly = cases.seafloor_of("epr")
    table = seafloor.cruise_over(anomaly, region, rng, coverage)
    number, cruises = pd.factorize(table["cruise"])
    table["residual_nt"] += rng.normal(0, constant_nt, len(cruises))[number]
    levelled, _ = tracks.level(table, region)
    before, after = (
        tracks.crossovers(each, region)["error_nt"].abs().median() for each in (table, levelled)
    )
    large = seafloor.cruise_over(anomaly, region, rng, much)
    return {
        "levelling_improvement": before / after,
        "crossovers_rows": len(large),
        "crossovers_number": len(tracks.crossovers(large, region)),
        "crossovers_s": seconds(lambda: tracks.crossovers(large, region), 1),
        "levelling_s": seconds(lambda: tracks.level(large, region), 1),
    }


def gridding_speed():
    """Time to grid 200,000 points on 1024 x 1024 cells; scipy's triangle look-up beside it."""
    points, cells = 200_000, 1024
    rng = np.random.default_rng(0)
    east, north = rng.uniform(0, 2 * cells, (2, points))
    value = np.sin(east / 20)
    centres = np.arange(cells) * 2.0 + 1.0
    ours = seconds(lambda: gridding.grid_points(east, north, value, centres, centres), 3)

    def scipy_alone():
        LinearNDInterpolator(np.column_stack([north, east]), value)(*np.meshgrid(centres, centres))

    return {"grid_200k_to_1024_s": ours, "grid_200k_to_1024_s_scipy": seconds(scipy_alone, 1)}


def pair_rate():
    """Complete training pairs made in a second (raw and guided) by two processes."""
    number, processes = 20, 2
    pool = multiprocessing.get_context("spawn").Pool(processes, numba.set_num_threads, (1,))
    with pool:
        shares = [(seed, number) for seed in range(processes)]
        together = seconds(lambda: pool.starmap(make_pairs, shares, chunksize=1))
    return {"pairs_per_s": processes * number / together}


def make_pairs(seed, number):
    """Make training pairs and drop them: the work that `pair_rate` times."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        pairs.simulate_pair(rng)


def guided_speed():
    """Time of guided diffusion in seconds per million cells, and its peak memory per cell."""
    figures = {}
    for side in (512, 1024, 2048):
        block = _stripes(side)
        taken = seconds(lambda block=block: diffusion.guided(block, uncertainty=False))
        figures[f"guided_s_per_mcell_{side}"] = taken / side**2 * 1e6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    block = _stripes(4096)
    begun = time.perf_counter()
    diffusion.guided(block, uncertainty=False)
    figures["guided_s_per_mcell_4096"] = (time.perf_counter() - begun) / 4096**2 * 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures["guided_bytes_per_cell"] = (peak - before) / 4096**2
    classical = _stripes(1024, 1.0)
    taken = seconds(lambda: diffusion.classical(classical, time_cells2=40.0)) / 1024**2 * 1e6
    figures["classical_s_per_mcell_1024"] = taken
    figures["classical_ms_per_mcell_and_time"] = 1000 * taken / 40.0
    return figures


def tiled():
    """Peak memory and time of gridding and guided diffusion by tiles, two workers side by side.

    The peak is the sum of the peaks of this process, which lays the tracks, and of both workers.
    Prediction is left out: eight passes of the network over every cell take ten times as long.
    """
    import distributed

    cells, coverage = 8192, 0.03
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of what was measured before
    name, axis = f"tiled_{cells}", np.arange(cells) * 2.0
    with (
        tempfile.TemporaryDirectory() as folder,
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        points = _readings(np.random.default_rng(1), cells, coverage)
        begun = time.perf_counter()
        axes = {"northing": axis, "easting": axis}
        grid = largearea.grid_points(points, axes, Path(folder) / "grid.zarr")
        gridded = time.perf_counter()
        largearea.guided(grid, Path(folder) / "guided.zarr")
        done = time.perf_counter()
        peaks = [*client.run(_peak_gb).values(), _peak_gb()]
    return {
        f"{name}_peak_gb": sum(peaks),
        f"{name}_peak_gb_one_worker": max(peaks[:-1]),
        f"{name}_grid_s": gridded - begun,
        f"{name}_guided_s": done - gridded,
    }


def _peak_gb():
    """Peak memory of this process so far, of Linux.

    `ru_maxrss` will not do: a new process starts at the peak of the one that started it.
    """
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) * 1024 / 1e9


def _readings(rng, side, coverage):
    """Easting, northing (km) and anomaly of stripes along tracks on about a share of the cells."""
    along = np.arange(0, 1.4 * side, 1.0)
    tracks_ = []
    for _ in range(round(1.3 * coverage * side)):  # a track through the middle crosses 1.3 sides
        angle, (x, y) = rng.uniform(0, np.pi), rng.uniform(0, side, 2)
        place = np.column_stack([x + np.cos(angle) * (along - 0.7 * side),
                                 y + np.sin(angle) * (along - 0.7 * side)])  # fmt: skip
        tracks_.append(place[((place >= 0) & (place < side)).all(axis=1)])
    cell = np.concatenate(tracks_).astype("float32")
    value = 100 * np.sin(2 * np.pi * (cell[:, 0] + 0.4 * cell[:, 1]) / 20)
    return np.column_stack([2 * cell, value])


def quality():
    """Correlation with the truth on simulated stripe maps, mean of two each."""
    figures = {}
    for percent in (5, 10, 20):
        values = {"linear": [], "classical": [], "guided": [], "guided_cruises": []}
        for number in (11, 12):
            made = made_up_fields.stripe_map(percent / 100, number)
            block, cruise = made["block"].to_numpy(), made["cruise"].to_numpy()
            linear = gridding.interpolate(block)
            guided = partial(diffusion.guided, block, uncertainty=False)
            maps = {
                "linear": linear,
                "classical": diffusion.classical(linear)["anomaly"],
                "guided": guided()["anomaly"],
                "guided_cruises": guided(known=diffusion.Known(cruise=cruise))["anomaly"],
            }
            for name, field in maps.items():
                values[name].append(_shared.agreement(field, made["truth"]))
        figures[f"stripes_corr_{percent}pct"] = float(np.mean(values.pop("guided")))
        for name, found in values.items():
            figures[f"stripes_corr_{percent}pct_{name}"] = float(np.mean(found))
    return figures


def null_maps():
    """Coherence and correlation of guided maps of fields without stripes, three kinds of them.

    The ratio is that of the coherence found to the truth's; shuffled readings have no truth, and
    theirs is to the truth of the isotropic fields.
    """
    number, side = 4, 256
    figures, usual = {}, None
    for kind in ("isotropic", "seamounts", "shuffled"):
        for percent in (5, 10, 20):
            rows = [_null_map(kind, seed, side, percent / 100) for seed in range(number)]
            found, true, ours, linear = np.mean(rows, axis=0)
            usual = true if kind == "isotropic" else usual
            name = "null" if (kind, percent) == ("isotropic", 10) else f"null_{kind}_{percent}pct"
            figures[f"{name}_coherence_ratio"] = float(found / (usual if np.isnan(true) else true))
            if kind != "shuffled":
                figures[f"{name}_corr"], figures[f"{name}_corr_linear"] = float(ours), float(linear)
    return figures


def joint():
    """Cruises with constants: correlation with the truth of the map, levelled first or jointly.

    Eight simulated surveys; the first figures are of errors as they are, the second with constants
    added such as archives have.
    """
    figures = {}
    surveys = list(itertools.product(("epr", "reykjanes"), (0.05, 0.1), (13, 14)))
    for suffix, added_nt in (("", 0.0), ("_60_nt_added", 60.0)):
        found = [diffusion_trials.cruise_constants(*survey, added_nt) for survey in surveys]
        mean = sum(found) / len(found)
        gain = [
            table.loc["as read", "with headings"] - table.loc["levelled", "field alone"]
            for table in found
        ]
        figures |= {
            f"cruises_as_read_corr{suffix}": mean.loc["as read", "field alone"],
            f"cruises_levelled_first_corr{suffix}": mean.loc["levelled", "field alone"],
            f"cruises_joint_corr{suffix}": mean.loc["as read", "with headings"],
            f"cruises_joint_constants_alone_corr{suffix}": mean.loc["as read", "with constants"],
            f"cruises_both_corr{suffix}": mean.loc["levelled", "with headings"],
            f"cruises_joint_better_of_8{suffix}": int(np.sum(np.array(gain) > 0)),
        }
    return figures


def _null_map(kind, seed, side, coverage):
    """Coherence found and true, correlation with the truth of ours and of linear; one null map."""
    rng = np.random.default_rng(seed)
    make = made_up_fields.seamounts if kind == "seamounts" else made_up_fields.blobs
    field = make(side, rng)
    block = np.where(made_up_fields.straight_tracks(coverage, rng, side) >= 0, field, np.nan)
    if kind == "shuffled":
        track = np.isfinite(block)
        block[track] = rng.permutation(block[track])
        found = diffusion.guided(block, uncertainty=False)["coherence"]
        return float(found.mean()), np.nan, np.nan, np.nan
    guided, linear = diffusion.guided(block, uncertainty=False), gridding.interpolate(block)
    whole = diffusion.structure_tensor(field.astype("float32"), np.ones_like(field), 2.0, 24.0)
    ours = np.where(np.isfinite(linear), guided["anomaly"], np.nan)
    true = float(diffusion.orientation(whole)[1].mean())
    scores = (_shared.agreement(part, field) for part in (ours, linear))
    return float(guided["coherence"].mean()), true, *scores


def inference():
    """Million cells seen in a second by one pass of the U-Net, and memory of a prediction.

    The memory is what a prediction takes at its peak beyond what there was before: some of it is
    that of a tile, the rest grows with the map, which is given and returned whole.
    """
    side, model = 1024, network.unet()
    stack = np.random.default_rng(0).standard_normal((side**2 // 256**2, 256, 256, 2))
    taken = seconds(lambda: model.predict(stack.astype("float32"), batch_size=4, verbose=0))
    run = [sys.executable, "-c", SPAWN_SMALL, sys.executable, "-c", PREDICT, *map(str, PREDICTED)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    small, large = map(float, said)
    cells = PREDICTED[1] ** 2 - PREDICTED[0] ** 2
    return {
        "inference_mcell_per_s": side**2 / 1e6 / taken,
        "prediction_peak_gb_512": small / 1e9,
        "prediction_bytes_per_cell": (large - small) / cells,
    }


PREDICTED = (512, 3072)  # cells a side
PREDICT = """
import resource, sys
import numpy as np
import xarray as xr
from helpers import network

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

model, before = network.unet(outputs=3), peak()
for side in map(int, sys.argv[1:]):
    field = np.random.default_rng(0).standard_normal((side, side)).astype("float32")
    network.predict(model, xr.DataArray(field, dims=("northing", "easting")))
    print(peak() - before)
"""


def _stripes(side, coverage=0.1):
    """Stripes of 20 cells on straight lines that cross a share of the cells."""
    rng = np.random.default_rng(1)
    rows, columns = np.indices((side, side), dtype="float32")
    field = np.sin(2 * np.pi * (columns + 0.4 * rows) / 20)
    if coverage < 1:
        field[made_up_fields.straight_tracks(coverage, rng, side) < 0] = np.nan
    return field


# Explorers: what each shows is made as its notebook makes it; timed is what happens when a control
# moves, the drawing and the PNG, median of several runs.

PICTURES = 5
MODELS = ("scratch_raw", "transfer_guided")
WIGGLES = {"northing": slice(-6, 250), "easting": slice(-112, 144)}  # km, of notebook 00
GUIDED = {"northing": slice(-250, 134), "easting": slice(-150, 234)}  # km, of notebook 02


def cases_shown():
    """Yield name, drawing function, its data, and the values of its controls."""
    truth, table, grid, guided = cases.simulated("reykjanes")
    fields = {"guided": guided["anomaly"].sel(WIGGLES), "truth": truth["anomaly"].sel(WIGGLES)}
    given = (table, data.region("reykjanes"), fields)
    yield "wiggles", maps.draw_wiggles, given, ("truth", 20, 60, 0)
    if None not in [data.try_fetch(name) for name in cases.SURVEYS["ew0007"].files]:
        tables = {"ew0007": (cases.load_survey("ew0007"), cases.SURVEYS["ew0007"].region)}
        values = ("ew0007", 1.0, "minimum_curvature", 15.0)
        yield "gridding", maps.draw_gridding, (tables,), values
    part = [each.sel(GUIDED) for each in (grid["block"], grid["weight"], truth["anomaly"])]
    yield "guided", maps.draw_guided, part, (0.5, 0.1)
    yield "spreading", maps.draw_spreading, (), (20, 30, 60, 3.0)
    made = cases.prepare_models("reykjanes", MODELS, most=1)
    name = MODELS[-1]
    seen, found = made["seen"][name], made["probability"][name]
    blocks = ([seen[0] / _inputs.amplitude(seen[0])], found, made["label"], made["mask"])
    yield "threshold", pictures.draw_threshold, (blocks,), (0, 0.3, 2)
    yield "models", pictures.draw_models, (made,), (0, *MODELS, "lines")
    regions = {"reykjanes": (grid, guided, cases.detected("reykjanes").prediction, truth["label"])}
    values = ("reykjanes", "guided map", 0.3, 24, 20)
    yield "region", pictures.draw_region, (regions,), values


def redraw_s(draw, given, values, **options):
    """Median time of a drawing and its PNG (s), after one to warm up."""
    times = []
    for _ in range(PICTURES + 1):
        begun = time.perf_counter()
        explore.png(draw(*given, *values, **options), coarse=bool(options))
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def explorers():
    """Return the seconds of each explorer: while a control moves, and when it rests."""
    figures = {}
    for name, draw, given, values in cases_shown():
        figures[f"redraw_{name}_fine_s"] = redraw_s(draw, given, values)
        coarse = {"coarse": True} if explore.takes_coarse(draw) else {}
        figures[f"redraw_{name}_s"] = redraw_s(draw, given, values, **coarse)
    return figures


def real():
    """Judge the real surveys; `real_bench` writes what it finds."""
    records = real_bench.main()
    for table in tables.TABLES:
        print(table(records).to_string(index=False), "\n", flush=True)
    return {}


MEASURES = (
    reading,
    levelling,
    gridding_speed,
    pair_rate,
    guided_speed,
    quality,
    null_maps,
    joint,
    inference,
    tiled,
    explorers,
    real,
)


def main(names=()):
    """Run every measurement, or those of these names, and write the figures."""
    matplotlib.use("Agg")
    known = {measure.__name__: measure for measure in MEASURES}
    if unknown := set(names) - set(known):
        raise SystemExit(f"No part {', '.join(sorted(unknown))}; the parts are {', '.join(known)}.")
    figures = protocol.results("bench") if names else {}
    figures |= {"machine_cores": os.cpu_count(), "machine_python": platform.python_version()}
    for measure in [known[name] for name in names] or MEASURES:
        figures |= measure()
        print(json.dumps(figures, indent=1), flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    protocol.save_json(RESULTS / "bench.json", figures)


if __name__ == "__main__":
    main(sys.argv[1:])
