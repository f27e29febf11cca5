"""Every figure of the workbook: one function and one caption each, redrawn by `make figures`.

Notebooks call the same functions.  Those of notebook 01 stand in `studies.figures.tracks`,
those of 05 and A2 in `studies.figures.regions`, those of A1 in `studies.figures.seafloor`; the
set for a paper is named in `studies.figures.paper`.
"""

import matplotlib.pyplot as plt
import numpy as np

from helpers import data, diffusion, maps, network, seafloor
from helpers.maps import _region

from .. import cases, made_up_fields, protocol
from ..training import pairs
from . import diffusion as diffusion_figures
from . import network as network_figures
from . import regions as regions_figures
from . import seafloor as seafloor_figures
from . import tracks as tracks_figures

SHOWN = 3  # which test block of Reykjanes is shown enlarged


def draw_result():
    """Draw the whole chain on one window: tracks, linear grid, guided map, lines."""
    truth, _, grid, guided = cases.simulated("reykjanes")
    prediction, found = cases.detected("reykjanes")
    window = cases.test_window("reykjanes", number=SHOWN)
    part, smooth = grid.sel(window), guided.sel(window)
    limit = maps.robust_limit(truth.sel(window)["anomaly"])
    return maps.draw_maps(
        data.region("reykjanes"),
        [
            maps.Panel(part["block"], "ship tracks (simulated)", limit=limit),
            maps.Panel(part["anomaly"], "linear interpolation", limit=limit),
            maps.Panel(smooth["anomaly"], "guided diffusion", limit=limit),
            maps.Panel(prediction.sel(window)["probability"], "probability of a lineation",
                  "probability"),
            maps.Panel(smooth["anomaly"], "lines found", limit=limit,
                       lines=maps.clip(found, window)),
            maps.Panel(truth.sel(window)["anomaly"], "truth (simulated)", limit=limit),
        ],
        columns=3,
    )  # fmt: skip


def draw_regions():
    """Draw the boxes of the regions on the globe."""
    return maps.draw_regions(data.REGIONS)


def draw_diffusion(name="reykjanes"):
    """Draw truth, linear interpolation, classical and guided diffusion of one region."""
    truth, _, grid, guided = cases.simulated(name)
    classical = diffusion.classical(grid["anomaly"])
    limit = maps.robust_limit(truth["anomaly"])
    return maps.draw_maps(
        data.region(name),
        [
            maps.Panel(truth["anomaly"], "truth (simulated)", limit=limit),
            maps.Panel(grid["anomaly"], "linear interpolation", limit=limit),
            maps.Panel(classical["anomaly"], "classical diffusion of that grid", limit=limit),
            maps.Panel(guided["anomaly"], "guided diffusion of the tracks", limit=limit),
        ],
    )


def draw_diffusion_epr():
    """Draw the diffusion comparison on the East Pacific Rise."""
    return draw_diffusion("epr")


def draw_orientation():
    """Draw strike, coherence and uncertainty of the guided map."""
    _, _, _, guided = cases.simulated("epr")
    return maps.draw_maps(
        data.region("epr"),
        [
            maps.Panel(guided["strike_deg"], "strike", "strike"),
            maps.Panel(guided["coherence"], "coherence", "coherence"),
            maps.Panel(guided["uncertainty_nt"], "expected error", "uncertainty"),
        ],
        columns=3,
    )


def draw_null(cells=192):
    """Draw two fields without stripes, their linear grids and what both diffusions make of them."""
    rng, fields = np.random.default_rng(cases.SEED), {}
    made = {
        "blobs": made_up_fields.blobs(cells, rng),
        "seamounts": made_up_fields.seamounts(cells, rng),
    }
    for name, truth in made.items():
        grid = made_up_fields.survey(truth, rng, cases.COVERAGE)
        fields |= {
            f"{name}: truth": truth,
            f"{name}: linear": grid["anomaly"],
            f"{name}: classical": diffusion.classical(grid["anomaly"])["anomaly"],
            f"{name}: guided": cases.make_map(grid, "guided"),
        }
    return maps.draw_fields(fields, 250.0, source="simulated fields without stripes", columns=4)


def draw_support(cells=384):
    """Draw stripes in the west, blobs in the east, and how far the readings support stripes."""
    rng = np.random.default_rng(cases.SEED)
    truth = made_up_fields.half_striped(cells, rng)
    grid = made_up_fields.survey(truth, rng, cases.COVERAGE)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    fields = {"truth": truth, "track cells": grid["block"], "guided": guided["anomaly"]}
    return diffusion_figures.draw_support(fields, guided["coherence"], 200.0)


def draw_breaks(cells=256):
    """Draw stripes that a fracture zone offsets, and where the guided map finds it."""
    case = made_up_fields.hard_cases(cells)["fracture zone"]
    grid = made_up_fields.survey(case.field, np.random.default_rng(cases.SEED), cases.COVERAGE)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    fields = {"truth": case.field, "track cells": grid["block"], "guided": guided["anomaly"]}
    title = "continuity along strike"
    return diffusion_figures.draw_support(fields, guided["continuity"], 200.0, title=title)


def draw_labels():
    """Draw the simulated anomaly and the labels of both training regions, enlarged."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
    for axis, name in zip(axes, ("reykjanes", "epr"), strict=True):
        part = seafloor.simulate_region(name).sel(cases.test_window(name, number=SHOWN))
        limit = maps.robust_limit(part["anomaly"])
        x, y = part.easting.to_numpy(), part.northing.to_numpy()
        shown = axis.pcolormesh(x, y, part["anomaly"], cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.contourf(x, y, part["label"], levels=[0.5, 1.5], colors="k")
        axis.set(aspect="equal", title=data.region(name).title)
        axis.set(xlabel="easting (km)", ylabel="northing (km)")
        figure.colorbar(shown, ax=axis, shrink=0.8, label="anomaly (nT)")
    figure.supxlabel(_region.SIMULATED + "; black: label", fontsize=8, color="0.35")
    return figure


def draw_training_pairs():
    """Draw six random simulated pairs, as the networks are pretrained on."""
    rng = np.random.default_rng(11)
    return network_figures.draw_training_pairs([pairs.simulate_pair(rng, 0.1) for _ in range(6)])


def draw_three_models(name="reykjanes"):
    """Draw the predictions of the paper's three models on one window of the test map."""
    truth, _, grid, guided = cases.tested(name)
    window = cases.test_window(name, number=SHOWN)
    limit = maps.robust_limit(truth.sel(window)["anomaly"])
    panels = [
        maps.Panel(truth.sel(window)["anomaly"], "truth (simulated)", limit=limit),
        maps.Panel(truth.sel(window)["label"], "label", "label"),
        maps.Panel(grid.sel(window)["anomaly"], "linear interpolation", limit=limit),
    ]
    for key in (("scratch", "raw"), ("transfer", "raw"), ("transfer", "guided")):
        seen = guided.sel(window) if key[1] == "guided" else None
        model = network.load("_".join(key))
        prediction = network.predict(model, cases.as_seen(grid.sel(window), key[1], seen))
        panels.append(maps.Panel(prediction["probability"], protocol.NAMES[key], "probability"))
    return maps.draw_maps(data.region(name), panels, columns=3)


def draw_three_models_epr():
    """Draw the predictions of the three models on the East Pacific Rise."""
    return draw_three_models("epr")


FIGURES = {
    "00_result": draw_result,
    "00_regions": draw_regions,
    **tracks_figures.FIGURES,
    "02_diffusion": draw_diffusion,
    "02_diffusion_epr": draw_diffusion_epr,
    "02_orientation": draw_orientation,
    "02_support": draw_support,
    "02_null": draw_null,
    "02_breaks": draw_breaks,
    "03_labels": draw_labels,
    **network_figures.FIGURES,
    "04_training_pairs": draw_training_pairs,
    "04_three_models": draw_three_models,
    "04_three_models_epr": draw_three_models_epr,
    **regions_figures.FIGURES,
    **seafloor_figures.FIGURES,
}
CAPTIONS = {
    "00_result": "From ship tracks to lines on a test block of the simulated Reykjanes Ridge, "
    "whose cruises cross a tenth of the cells of the whole region.",
    "00_regions": "The five regions of the workbook on the globe.",
    **tracks_figures.CAPTIONS,
    "02_diffusion": "Simulated Reykjanes Ridge: the grid's beads, what classical diffusion makes "
    "of them, and guided diffusion of the same tracks.",
    "02_diffusion_epr": "The same comparison on the simulated East Pacific Rise.",
    "02_orientation": "Strike, coherence as far as the readings support it, and expected error of "
    "the guided map of the simulated East Pacific Rise.",
    "02_support": "Simulated stripes in the west, blobs in the east: guided diffusion follows a "
    "direction only where withheld readings support one.",
    "02_null": "Simulated fields without stripes, their linear grids, and both diffusions: the "
    "classical one draws streaks, the guided one does not.",
    "02_breaks": "Simulated stripes offset by half a wavelength: the guided map, and how much it "
    "carries along strike: little at the fracture zone, which nobody showed it.",
    "03_labels": "Simulated anomalies of both training regions with their labels (black): the "
    "centre line of each positive stripe.",
    **network_figures.CAPTIONS,
    "04_training_pairs": "Random simulated seafloor for pretraining: linear grid, guided map and "
    "label; maps without stripes have no label.",
    "04_three_models": "The paper's three models on a test block of the simulated Reykjanes map, "
    "under the test cruises.",
    "04_three_models_epr": "The same on a test block of the simulated East Pacific Rise.",
    **regions_figures.CAPTIONS,
    **seafloor_figures.CAPTIONS,
}
