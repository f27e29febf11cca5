"""The figures of notebook 02: both diffusions, and where the readings support a direction."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from helpers import data, diffusion, maps, network
from helpers.maps import _window

from .. import cases, made_up_fields

LIMIT_NT = 200.0  # of the colour scale of made-up stripes
NULL_CELLS, SUPPORT_CELLS, FRACTURE_ZONE_CELLS = 192, 384, 256  # sides of made-up maps


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
            maps.Panel(
                guided["anomaly"].where(network.knowable(grid)),
                "guided diffusion of the tracks",
                limit=limit,
            ),
        ],
    )


def draw_orientation():
    """Draw strike, coherence and uncertainty of the guided map."""
    _, _, _, guided = cases.simulated("epr", uncertainty=True)
    return maps.draw_maps(
        data.region("epr"),
        [
            maps.Panel(guided["strike_deg"], "strike", "strike"),
            maps.Panel(guided["coherence"], "coherence", "coherence"),
            maps.Panel(guided["uncertainty_nt"], "expected error", "uncertainty"),
        ],
        columns=3,
    )


def draw_null():
    """Draw two fields without stripes, their linear grids and what both diffusions make of them."""
    rng, fields = np.random.default_rng(cases.SEED), {}
    made = {
        "blobs": made_up_fields.blobs(NULL_CELLS, rng),
        "seamounts": made_up_fields.seamounts(NULL_CELLS, rng),
    }
    for name, truth in made.items():
        grid = made_up_fields.survey(truth, rng, cases.COVERAGE)
        fields |= {
            f"{name}: truth": truth,
            f"{name}: linear": grid["anomaly"],
            f"{name}: classical": diffusion.classical(grid["anomaly"])["anomaly"],
            f"{name}: guided": cases.as_seen(grid, "guided")["anomaly"],
        }
    return maps.draw_fields(fields, 250.0, source="simulated fields without stripes", columns=4)


def draw_support():
    """Draw stripes in the west, blobs in the east, and how far the readings support stripes."""
    rng = np.random.default_rng(cases.SEED)
    truth = made_up_fields.half_striped(SUPPORT_CELLS, rng)
    grid = made_up_fields.survey(truth, rng, cases.COVERAGE)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    fields = {"truth": truth, "track cells": grid["block"], "guided": guided["anomaly"]}
    title = "coherence that the readings support"
    return draw_share(fields, guided["coherence"], LIMIT_NT, title)


def draw_fracture_zone():
    """Draw stripes that a fracture zone offsets, and where the guided map finds it."""
    case = made_up_fields.hard_cases(FRACTURE_ZONE_CELLS)["fracture zone"]
    grid = made_up_fields.survey(case.field, np.random.default_rng(cases.SEED), cases.COVERAGE)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    fields = {"truth": case.field, "track cells": grid["block"], "guided": guided["anomaly"]}
    return draw_share(fields, guided["continuity"], LIMIT_NT, "continuity along strike")


def draw_share(fields, share, limit, title):
    """Draw windows and, beside them, a share: how far the data support stripes, or these run on.

    `fields` are simulated anomalies (nT) by title, `limit` the highest absolute value of their
    colour scale, `share` has the same shape (0 to 1).  The first word of its `title` stands at its
    colour bar.
    """
    count = len(fields) + 1
    figure, axes = plt.subplots(
        1, count, figsize=(2.7 * count + 1.5, 3.1), layout="constrained", sharey=True
    )
    for axis, (name, field) in zip(axes, fields.items(), strict=False):
        shown = _window.show_field(axis, field, limit)
        axis.set_title(name, fontsize=9)
    figure.colorbar(shown, ax=axes[:-1], shrink=0.8, label="anomaly (nT)")
    shown = axes[-1].imshow(
        np.asarray(share), origin="lower", extent=shown.get_extent(), vmin=0, vmax=1
    )
    axes[-1].set_title(title, fontsize=9)
    figure.colorbar(shown, ax=axes[-1], shrink=0.8, label=title.split()[0])
    axes[0].set_ylabel("northing (km)")
    maps.add_source(figure, "easting (km); simulated")
    return figure


FIGURES = {
    "02_diffusion": draw_diffusion,
    "02_diffusion_epr": partial(draw_diffusion, "epr"),
    "02_orientation": draw_orientation,
    "02_support": draw_support,
    "02_null": draw_null,
    "02_breaks": draw_fracture_zone,
}
CAPTIONS = {
    "02_diffusion": "Simulated Reykjanes Ridge: the grid's beads, what classical diffusion makes "
    "of them, and guided diffusion of the same tracks, blank farther than 24 km from any.",
    "02_diffusion_epr": "The same comparison on the simulated East Pacific Rise.",
    "02_orientation": "Strike, coherence as far as the readings support it, and expected error of "
    "the guided map of the simulated East Pacific Rise.",
    "02_support": "Simulated stripes in the west, blobs in the east: guided diffusion follows a "
    "direction only where withheld readings support one.",
    "02_null": "Simulated fields without stripes, their linear grids, and both diffusions: the "
    "classical one draws streaks, the guided one does not.",
    "02_breaks": "Simulated stripes offset by half a wavelength: the guided map, and how much it "
    "carries along strike: little at the fracture zone, which nobody showed it.",
}
