"""Measure how long each explorer takes to draw anew, coarsely and finely: part of `make bench`.

    python tools/bench_explorers.py      prints the figures

What an explorer shows is made as its notebook makes it; timed is what happens when a control
moves: the drawing and the PNG, median of several runs.
"""

import json
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib

from run_notebooks import ROOT

sys.path.insert(0, str(ROOT))

from helpers import (  # noqa: E402
    cases,
    data,
    explore,
    patches,
    surveys,
    views,
    views_learning,
    views_simulation,
    views_tracks,
)

RUNS = 5
MODELS = ("scratch_raw", "transfer_guided")
WIGGLES = {"northing": slice(-6, 250), "easting": slice(-112, 144)}  # km, of notebook 00
GUIDED = {"northing": slice(-250, 134), "easting": slice(-150, 234)}  # km, of notebook 02


def cases_shown():
    """Yield name, drawing function, its data, and the values of its controls."""
    truth, table, grid, guided = cases.simulated("reykjanes")
    maps = {"guided": guided["anomaly"].sel(WIGGLES), "truth": truth["anomaly"].sel(WIGGLES)}
    given = (table, data.region("reykjanes"), maps)
    yield "wiggles", views_tracks.draw_wiggles, given, ("truth", 20, 60, 0)
    if None not in [data.try_fetch(name) for name in surveys.SURVEYS["ew0007"].files]:
        tables = {"ew0007": (surveys.load("ew0007"), surveys.SURVEYS["ew0007"].region)}
        values = ("ew0007", 1.0, "minimum_curvature", 15.0)
        yield "gridding", views_tracks.draw_gridding, (tables,), values
    part = [each.sel(GUIDED) for each in (grid["block"], grid["weight"], truth["anomaly"])]
    yield "guided", views.draw_guided, part, (0.5, 36, 0.1, 6)
    yield "spreading", views_simulation.draw_spreading, (), (20, 30, 60, 3.0)
    made = views_learning.prepare_models("reykjanes", MODELS, most=1)
    name = MODELS[-1]
    seen, found = made["seen"][name], made["probability"][name]
    blocks = ([seen[0] / patches.amplitude(seen[0])], found, made["label"], made["mask"])
    yield "threshold", views_learning.draw_threshold, (blocks,), (0, 0.3, 2)
    yield "models", views_learning.draw_models, (made,), (0, *MODELS, "lines")
    regions = {"reykjanes": (grid, guided, cases.detected("reykjanes")[0], truth["label"])}
    values = ("reykjanes", "guided map", 0.3, 24, 20)
    yield "region", views_learning.draw_region, (regions,), values


def redraw_s(draw, given, values, **options):
    """Median time of a drawing and its PNG (s), after one to warm up."""
    times = []
    for _ in range(RUNS + 1):
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


if __name__ == "__main__":
    matplotlib.use("Agg")
    print(json.dumps(explorers(), indent=1))
