"""The figures of regions: the way in short (00), two applications (05), real surveys (A2)."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from helpers import data, maps, network

from .. import cases, real_bench, region_doubts
from . import _shared

DRAWN = {  # how what people have drawn looks
    "isochrons": {"color": _shared.COLOURS[2], "lw": 0.8},
    "fracture zones": {"color": _shared.COLOURS[3], "lw": 0.8, "ls": "--"},
    "triple junction": {"color": _shared.COLOURS[4], "lw": 2.0},
}
DRAWN_SOURCE = (
    "\nisochrons (green) and triple junction (purple): Müller et al. 2016; "
    "fracture zones (dashed): Cande et al. 1989"
)
SHOWN = 3  # which test block of Reykjanes shows the whole way
APPLICATIONS = ("shatsky", "azores")
PROFILES = {  # survey, box, in company: what the title says of it, and rows
    ("NBP9707", "A2", True): ("with NBP97-4A and NBP9908 in the box", 3),
    ("WI933014", "Reykjanes", False): ("alone, across the Reykjanes Ridge", 2),
}
MARKS = {
    "crest of the profile": (_shared.COLOURS[4], "^"),
    "peak of the profile": (_shared.COLOURS[2], "^"),
    "line of the Sato filter crosses": (_shared.COLOURS[1], "v"),
    "line of the network crosses": (_shared.COLOURS[3], "v"),
}
DISTANCES = {"data": (0, 2, 6, 12, 18, 24.1), "disturbed": (0, 10, 20, 30, 60, 120, 250)}
NAMES = {"data": "data", "disturbed": "disturbed seafloor"}
SWATH = {"northing": slice(80, 400), "easting": slice(-650, 450)}  # km
SMALL = ("lucky_strike", "index17", "ew0007")
SURVEY_SOURCE = "real readings: 1993 Lucky Strike survey (Mirone test data); INDEX17, EW0007: NCEI"


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
                       lines=_shared.clip(found, window)),
            maps.Panel(truth.sel(window)["anomaly"], "truth (simulated)", limit=limit),
        ],
        columns=3,
    )  # fmt: skip


def draw_application(name, drawn=None):
    """Draw the way from tracks to lines over a simulated region.

    On top lies what people have `drawn`, by default `cases.drawn_over` (`DataUnavailable` where the
    registry has none of it); empty, nothing.
    """
    drawn = _needed(cases.drawn_over(name)) if drawn is None else drawn
    truth, table, grid, guided = cases.simulated(name)
    prediction, found = cases.detected(name)
    limit = maps.robust_limit(guided["anomaly"])
    relief = truth["relief_m"].assign_attrs(units="m")
    over = tuple((lines, DRAWN[key]) for key, lines in drawn.items())
    thin = tuple((lines, DRAWN[key] | {"lw": 0.4}) for key, lines in drawn.items())
    panels = [
        maps.Panel(relief, "relief, and tracks (simulated)", "relief", table=table, overlays=over),
        maps.Panel(grid["anomaly"], "linear interpolation", limit=limit),
        maps.Panel(
            guided["anomaly"].where(network.knowable(grid)), "guided diffusion", limit=limit,
            overlays=thin,
        ),
        maps.Panel(prediction["probability"], "probability of a lineation", "probability"),
        maps.Panel(prediction["uncertainty"], "spread over positions and networks", "uncertainty"),
        maps.Panel(grid["distance_km"], "lines over distance to data", "distance", 50.0, found,
              overlays=over),
    ]  # fmt: skip
    source = maps.SIMULATED + (DRAWN_SOURCE if drawn else "")
    return maps.draw_maps(data.region(name), panels, source=source, columns=2, size=4.6)


def draw_interpretation(drawn=None):
    """Draw right and wrong lines of both regions over relief, plateau and triple junction.

    `drawn` is, by region, as `draw_application` takes it.
    """
    panels = []
    for name in APPLICATIONS:
        lines = _needed(cases.drawn_over(name)) if drawn is None else drawn[name]
        truth, found = cases.simulated(name).truth, cases.detected(name).lines
        right = region_doubts.right_share(found, cases.true_lines(name)) >= 0.5
        junction = lines.get("triple junction", found.iloc[:0])
        over = (
            (found[right], {"color": "k"}),
            (found[~right], {"color": _shared.COLOURS[1], "lw": 1.0}),
            (junction, DRAWN["triple junction"]),
        )
        high = region_doubts.plateau(truth)
        relief = truth["relief_m"].where(high).assign_attrs(units="m")
        title = f"{data.region(name).title} (simulated)"
        panels.append(maps.Panel(relief, title, "relief", region=data.region(name), overlays=over))
    source = (
        "black: line beside a true one; orange: elsewhere; coloured: plateau, 1 km shallower than "
        "normal; purple: triple junction (from isochrons of Müller et al. 2016)\n" + maps.SIMULATED
    )
    return maps.draw_maps(panels[0].region, panels, source=source, size=5.6)


def draw_doubts():
    """Draw precision, recall and error against distance to data and to disturbed seafloor."""
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 6), layout="constrained", sharey="row")
    for number, name in enumerate(APPLICATIONS):
        truth, _, grid, guided = cases.simulated(name)
        given = _scored(name)
        far = region_doubts.distances(truth, grid)
        for column, (what, edges) in enumerate(DISTANCES.items()):
            table = region_doubts.by_distance(far[what], edges, **given)
            middle = 0.5 * (table["from_km"] + np.append(table["from_km"][1:], edges[len(table)]))
            colour, title = _shared.COLOURS[number], data.region(name).title
            for measure, style in (("precision", "-"), ("recall", "--")):
                text = f"{title}, {measure}"
                axes[0, column].plot(middle, table[measure], f"o{style}", c=colour, label=text)
            axes[1, column].plot(middle, table["error_nt"], "o-", c=colour, label=title)
            axes[1, column].set(xlabel=f"distance to {NAMES[what]} (km)")
    axes[0, 0].set(ylim=(0, 1), ylabel="share of line")
    axes[1, 0].set(ylim=(0, None), ylabel="error of the anomaly (nT)")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="lower left")
    axes[1, 0].legend(frameon=False, fontsize=8)
    for axis in axes.ravel():
        axis.grid(alpha=0.3)
    maps.add_source(figure, maps.SIMULATED)
    return figure


def draw_real_swath():
    """Draw a window of the real swath: anomaly, guided map and probability."""
    grid, guided, prediction, found = _shared.at_hand(cases.real_swath())
    limit = maps.robust_limit(grid["block"])
    near = network.knowable(grid)
    return maps.draw_maps(
        data.region("pacific_antarctic"),
        [
            maps.Panel(grid["block"].sel(SWATH), "real readings", limit=limit),
            maps.Panel(guided["anomaly"].where(near).sel(SWATH), "guided diffusion", limit=limit),
            maps.Panel(prediction["probability"].sel(SWATH), "probability of a lineation",
                  "probability", lines=_shared.clip(found, SWATH)),
        ],
        columns=1,
        source=_shared.REAL,
        size=8.0,
    )  # fmt: skip


def profiles_at_hand():
    """Tell whether the files that `draw_blocks` needs can be had."""
    return None not in [real_bench.profile(*one) for one in PROFILES]


def draw_blocks():
    """Draw two real profiles: normal blocks by picks, crests, peaks, and where lines cross."""
    rows = sum(number for _, number in PROFILES.values())
    figure, axes = plt.subplots(rows, 1, figsize=(9, 1.9 * rows), layout="constrained")
    first = 0
    for (title, box, in_company), (company, number) in PROFILES.items():
        profile = _shared.at_hand(real_bench.profile(title, box, in_company))
        edges = np.linspace(0, np.nanmax(profile.along_km), number + 1)
        for axis, low, high in zip(axes[first:], edges[:-1], edges[1:], strict=False):
            _draw_profile(axis, profile)
            axis.set(xlim=(low, high))
        axes[first].set_title(f"{title} {company}", loc="left", fontsize=10)
        first += number
    axes[-1].set_xlabel("distance along the track (km)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3,
                  frameon=False, fontsize=8)  # fmt: skip
    source = (
        "real readings: NOAA NCEI; grey: normal blocks by picks (GSFML, Seton et al. 2014; along "
        "NBP9707 Croon et al. 2008)"
    )
    maps.add_source(figure, source)
    return figure


def _draw_profile(axis, profile):
    """Draw residual, blocks, crests, peaks and crossings of one profile on an axis."""
    for block in profile.blocks.itertuples():
        axis.axvspan(block.start_km, block.end_km, color="0.87", lw=0)
    axis.plot(profile.along_km, profile.residual_nt, color=_shared.COLOURS[0], lw=0.7)
    for height, (name, (colour, mark)) in zip((540, 680, 820, 960), MARKS.items(), strict=True):
        at = profile.places[name]
        axis.plot(at, np.full(len(at), height), mark, color=colour, ms=5, label=name)
    axis.set(ylim=(-600, 1040), yticks=(-400, 0, 400), ylabel="nT")


def draw_small_surveys():
    """Draw guided map and probability, with lines, of the small real surveys."""
    panels = []
    for name in SMALL:
        grid, guided, prediction, found = _shared.at_hand(cases.real_survey(name))
        about = cases.SURVEYS[name]
        near = grid["distance_km"] <= about.mask_km
        limit = maps.robust_limit(grid["block"])
        panels += [
            maps.Panel(guided["anomaly"].where(near), f"{about.title}: guided", limit=limit,
                  table=cases.load_survey(name), region=about.region),
            maps.Panel(prediction["probability"].where(near), "probability and lines",
                       "probability", lines=found, region=about.region),
        ]  # fmt: skip
    return maps.draw_maps(panels[0].region, panels, source=SURVEY_SOURCE, size=4.6)


def _scored(name):
    """Collect what the classes of `region_doubts.by_distance` are scored on."""
    truth, _, grid, guided = cases.simulated(name)
    prediction, _ = cases.detected(name)
    return {
        "probability": prediction["probability"].fillna(0).to_numpy(),
        "truth": truth["label"].to_numpy(),
        "known": network.truth_channels(truth, grid)[..., 1] > 0,
        "misfit": (guided["anomaly"] - truth["anomaly"]).to_numpy(),
        "threshold": cases.threshold(),
    }


def _needed(drawn):
    """Pass on what people have drawn, or say that it is missing."""
    if drawn is None or not len(drawn):
        raise data.DataUnavailable("this figure needs isochrons, fracture zones or picks")
    return drawn


FIGURES = {
    "00_result": draw_result,
    "00_regions": partial(maps.draw_regions, data.REGIONS),
    "05_shatsky": partial(draw_application, "shatsky"),
    "05_azores": partial(draw_application, "azores"),
    "05_interpretation": draw_interpretation,
    "05_doubts": draw_doubts,
    "A2_swath": draw_real_swath,
    "A2_blocks": draw_blocks,
    "A2_surveys": draw_small_surveys,
}
CAPTIONS = {
    "00_result": "From ship tracks to lines on a test block of the simulated Reykjanes Ridge, "
    "whose cruises cross a tenth of the cells of the whole region.",
    "00_regions": "The five regions of the workbook on the globe.",
    "05_shatsky": "Simulated Shatsky Rise: relief and tracks, grid, guided map, probability, "
    "spread and lines, with isochrons, fracture zones and the trace of the triple junction; blank "
    "farther than 24 km from any reading.",
    "05_azores": "Simulated Azores Plateau, drawn in the same way.",
    "05_interpretation": "Lines of both simulated regions that run beside a true one, and those "
    "that do not, over the plateaus and the trace of the triple junction.",
    "05_doubts": "Precision, recall and error of both simulated regions against the distance to "
    "data and to seafloor whose isochrons change direction.",
    "A2_swath": "The best model along real cruises across the Pacific-Antarctic Ridge, with the "
    "lines that two tracks support, if any.",
    "A2_blocks": "Real residuals along NBP9707, with two other ships in the map, and WI933014, "
    "alone: the normal blocks by picks (grey), crests and peaks of the profile, and where lines of "
    "the Sato filter and of the network cross the track, if any do.",
    "A2_surveys": "Three small real surveys: guided map with tracks, probability and lines.",
}
