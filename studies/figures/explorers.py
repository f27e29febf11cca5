"""Pictures of scores, models and regions that the explorers of notebooks 03 to 05 move.

What takes seconds (maps and predictions of whole regions) is made once by the caller; what is
drawn here takes a fraction of a second.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from skimage.morphology import skeletonize

from helpers import _shared, data, lines, maps, network, scores
from helpers.maps import _region

SIMULATED_CELLS = "easting (cells of 2 km); simulated seafloor and tracks"
TOLERANCE_CELLS = 2
THRESHOLDS = np.arange(0.1, 0.91, 0.1)
COARSE_STEP = 3  # a quick picture of a region shows every third cell
UNDER = {  # layer under the lines of a region: kind of `_region.STYLES`, label of the colour bar
    "guided map": ("anomaly", "anomaly (nT)"),
    "probability": ("probability", "probability of a lineation"),
    "spread": ("uncertainty", "spread over positions and networks"),
    "distance to data": ("distance", "distance to data (km)"),
}
KINDS = {"found": "#0072B2", "false alarm": "#E69F00", "missed": "k"}


def draw_threshold(blocks, block, threshold, tolerance_cells, coarse=False):
    """Draw what a threshold finds on one of the blocks, and the scores at all thresholds.

    The blocks are input maps, probabilities, labels and the cells that count, each of shape (n,
    rows, columns).  Lines match up to `tolerance_cells`; a coarse picture leaves the curves out.
    """
    field, probability, label, mask = (part[block] for part in blocks)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, 4.4), width_ratios=(1.15, 1), layout="constrained"
    )
    left.imshow(field, origin="lower", cmap="RdBu_r", vmin=-2, vmax=2, alpha=0.5)
    _draw_matches(left, probability >= threshold, label > 0.5, mask, tolerance_cells)
    got = scores.score_lines(probability, label, mask, tolerance_cells, threshold)
    left.set_title(_in_words(got), fontsize=10)
    _draw_key(figure)
    left.set(xlabel=SIMULATED_CELLS, ylabel="northing (cells)")
    if not coarse:
        curve = [
            scores.score_lines(probability, label, mask, tolerance_cells, each)
            for each in THRESHOLDS
        ]
        for name, style in (("precision", "--"), ("recall", ":"), ("f1", "-")):
            right.plot(THRESHOLDS, [each[name] for each in curve], style, color="k", label=name)
        right.legend(frameon=False, loc="lower left")
    right.axvline(threshold, color="#D55E00", lw=1)
    right.set(xlim=(0.05, 0.95), ylim=(0, 1), xlabel="threshold")
    right.set_title(f"this block, tolerance {tolerance_cells:g} cells", fontsize=10)
    return figure


def _draw_matches(axis, found, true, mask, tolerance_cells):
    """Draw found, falsely found and missed line cells in three colours."""
    found, true = skeletonize(found), skeletonize(true)
    near_true, near_found = (_shared.within(each, tolerance_cells) for each in (true, found))
    parts = (found & near_true, found & ~near_true, true & ~near_found)
    for part, colour in zip(parts, KINDS.values(), strict=True):
        row, column = np.nonzero(part & (mask > 0))
        axis.plot(column, row, "s", color=colour, ms=2, mew=0)
    axis.set(xlim=(-0.5, true.shape[1] - 0.5), ylim=(-0.5, true.shape[0] - 0.5), aspect="equal")


def _in_words(got, lines=False):
    """Precision, recall and F1 in words, on one line or three."""
    parts = (f"{name} {got[name.lower()]:.2f}" for name in ("precision", "recall", "F1"))
    return ("\n" if lines else ", ").join(parts)


def _draw_key(figure, place="outside upper center"):
    """Say above a figure what the colours of the line cells mean."""
    marks = [Line2D([], [], marker="s", ls="", color=colour) for colour in KINDS.values()]
    figure.legend(marks, KINDS, loc=place, ncols=3, fontsize=8, frameon=False)


def draw_models(made, block, first, second, shown="probability"):
    """Draw two models side by side on one test block: what each sees and what it finds.

    `made` is from `cases.prepare_models`, `first` and `second` are names of models in it.  What is
    `shown` is the ``probability``, or the ``lines``: found, false alarms and misses at the
    threshold of the model.
    """
    label, mask = made["label"][block], made["mask"][block]
    figure, axes = plt.subplots(2, 3, figsize=(10, 6.4), sharex=True, sharey=True, layout="none")
    # placed by hand: looking for the best places takes longer than all the rest
    figure.subplots_adjust(left=0.05, right=0.89, bottom=0.08, top=0.9, wspace=0.08, hspace=0.16)
    bars = [figure.add_axes((0.91, low, 0.015, 0.33)) for low in (0.53, 0.1)]
    beside, limit = [], maps.robust_limit(made["seen"][second][block])
    for (top, bottom), name in zip(axes.T, (first, second), strict=False):
        probability, threshold = made["probability"][name][block], made["threshold"][name]
        seen = made["seen"][name][block]
        field = top.imshow(seen, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
        got = scores.score_lines(probability, label, mask, threshold=threshold)
        beside.append(f"{_words(name)}\n{_in_words(got, lines=True)}\nthreshold {threshold:.2f}")
        top.set_title(f"{_words(name)}: what it sees", fontsize=10)
        bottom.set_title(f"what it finds: F1 {got['f1']:.2f}", fontsize=10)
        if shown == "lines":
            _draw_matches(bottom, probability >= threshold, label > 0.5, mask, TOLERANCE_CELLS)
        else:
            chance = bottom.imshow(probability, origin="lower", cmap="magma", vmin=0, vmax=1)
    axes[0, 2].imshow(np.where(mask, label, 0.35), origin="lower", cmap="Greys", vmin=0, vmax=1)
    axes[0, 2].set_title("label (grey: too far from data)", fontsize=10)
    axes[1, 2].set_axis_off()
    axes[1, 2].text(0, 0.5, "\n\n".join(beside), va="center", transform=axes[1, 2].transAxes)
    figure.colorbar(field, cax=bars[0], label="anomaly (nT)")
    if shown == "lines":
        bars[1].set_axis_off()
        _draw_key(figure, "upper center")
    else:
        figure.colorbar(chance, cax=bars[1], label="probability")
    maps.add_source(figure, SIMULATED_CELLS)
    return figure


def _words(name):
    """Name of a shipped model in words."""
    return name.replace("_", ", ")


def draw_region(made, region, under, threshold, near_km, shortest_km, coarse=False):
    """Draw the lines of a region as a reader of its map would choose them.

    `made` has, by name of the region, grid, guided map, prediction (Datasets) and, where it is
    known, the true label (DataArray), else None; `under` the lines lies one of `UNDER`.  Lines are
    drawn from a threshold of the probability up, where data are no farther than `near_km`, and no
    shorter than `shortest_km`.  A coarse picture marks the cells above the threshold, on every
    third cell.
    """
    grid, guided, prediction, label = made[region]
    near = grid["distance_km"] <= near_km
    probability = prediction["probability"].where(near)
    layers = {
        "guided map": guided["anomaly"].where(network.knowable(grid)),
        "probability": prediction["probability"],
        "spread": prediction["uncertainty"],
        "distance to data": grid["distance_km"],
    }
    figure, axis = plt.subplots(figsize=(7.6, 5.6), layout="constrained")
    step = COARSE_STEP if coarse else 1
    _draw_layer(figure, axis, layers[under][::step, ::step], under)
    colour = "k" if under == "guided map" else "w"
    title = f"{data.region(region).title}: "
    if coarse:
        above = probability[::step, ::step].to_numpy() >= threshold
        over = {"origin": "lower", "extent": axis.images[0].get_extent(), "cmap": "binary"}
        axis.imshow(np.where(above, colour == "k", np.nan), vmin=0, vmax=1, alpha=0.5, **over)
        title += f"{np.mean(above):.0%} of the cells above the threshold"
    else:
        seen = prediction.assign(probability=probability)
        found = lines.trace(seen, threshold, shortest_km=shortest_km)
        _region.draw_lines(axis, found, color=colour, lw=0.7)
        title += f"{len(found)} lines, {found['length_km'].sum():,.0f} km"
        if label is not None:
            got = scores.score_lines(probability.fillna(0), label, near, threshold=threshold)
            title += "\nbefore short ones are left out: " + _in_words(got)
    axis.set_title(title, fontsize=10)
    return figure


def _draw_layer(figure, axis, layer, name):
    """Draw the layer under the lines and its colour bar."""
    kind, label = UNDER[name]
    colours, low, high = _region.STYLES[kind]
    if kind == "anomaly":
        high = maps.robust_limit(layer)
        low = -high
    x, y = layer["easting"].to_numpy(), layer["northing"].to_numpy()
    shown = axis.imshow(
        layer, origin="lower", extent=(x[0], x[-1], y[0], y[-1]), cmap=colours, vmin=low, vmax=high
    )
    axis.set(xlabel="easting (km); simulated", ylabel="northing (km)", facecolor="0.85")
    figure.colorbar(shown, ax=axis, shrink=0.8, label=label)
