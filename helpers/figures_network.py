"""The figures of the networks: how they are built, trained and scored."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

from . import network, patches, protocol, views_scores
from .cases import COVERAGE
from .maps import COLOURS

LEVEL = 1.25  # distance between levels in the drawing
HIGHEST = 1.9  # height of the box of the finest level


def draw_network():
    """Draw the U-Net: levels from fine to coarse and back, with the connections between them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(8.4, 4.4), layout="constrained")
    depth = len(network.WIDTHS) - 1
    places = [*range(depth + 1), *range(depth - 1, -1, -1)]  # level of each box, left to right
    centres = []
    for number, level in enumerate(places):
        colour = COLOURS[0] if number <= depth else COLOURS[1]
        centres.append(_box(axis, 1.5 * number, level, network.WIDTHS[level], colour))
    for one, other in zip(centres[:-1], centres[1:], strict=True):
        _arrow(axis, one, other, "-")
    for level in range(depth):
        _arrow(axis, centres[level], centres[len(places) - 1 - level], "--")
    last = 1.5 * (len(places) - 1)
    inputs = "\n".join(patches.CHANNELS)
    axis.text(-0.8, 0, inputs, ha="right", va="center", fontsize=9)
    axis.text(last + 0.8, 0, "probability\nof a line", ha="left", va="center", fontsize=9)
    axis.set(xlim=(-2.6, last + 2.6), ylim=(-LEVEL * (depth + 0.75), 1.6))
    axis.set_axis_off()
    parameters = network.unet().count_params()
    figure.supxlabel(
        "numbers: filters; each box: two convolutions of 3 x 3; solid: to cells twice or half as "
        f"large; dashed: passed on; {parameters:,} weights",
        fontsize=8, color="0.35",
    )  # fmt: skip
    return figure


def _box(axis, x, level, width, colour):
    """Draw one level; return its centre."""
    y, height = -LEVEL * level, HIGHEST / 1.5**level
    axis.add_patch(Rectangle((x - 0.28, y - height / 2), 0.56, height, fc=colour, alpha=0.75))
    axis.text(x, y, str(width), ha="center", va="center", color="w", weight="bold", fontsize=9)
    below = f"1/{2**level} size" if level else "full size"
    axis.text(x, y - height / 2 - 0.08, below, ha="center", va="top", fontsize=7)
    return x, y


def _arrow(axis, start, end, style):
    """Draw an arrow between two boxes."""
    about = {"arrowstyle": "-|>", "mutation_scale": 9, "shrinkA": 16, "shrinkB": 16}
    axis.add_patch(FancyArrowPatch(start, end, ls=style, color="0.3", lw=1.0, **about))


def draw_learning_curves():
    """Draw the learning curves that `make train` logged."""
    return views_scores.draw_learning_curves(protocol.results("training")["runs"])


def trials():
    """List the trials that `make train` logged, with the networks that they stand beside.

    Returns
    -------
    list of dict
        What is ``varied``, its ``value``, and ``f1``: the validation score of each seed.
    """
    log, found = protocol.results("training"), {}
    for one in log["curves"]:
        scores = found.setdefault(one["varied"], {}).setdefault(one["value"], [])
        scores.append(one["validation_f1"])
    usual = list(found["pairs"].values())[-1]
    whole = [run["validation_f1"] for run in log["runs"]
             if (run["model"], run["input"]) == ("transfer", "guided")]  # fmt: skip
    found["pairs"][str(log["config"]["pairs"])] = whole[: len(usual)]
    found["widths"]["-".join(map(str, network.WIDTHS))] = usual
    found["channels"]["-".join(patches.LAYERS["guided"])] = usual
    order = {"widths": lambda value: int(value.split("-")[0]), "channels": len}
    return [
        {"varied": kind, "value": value, "f1": of_kind[value]}
        for kind, of_kind in found.items()
        for value in (sorted(of_kind, key=order[kind]) if kind in order else of_kind)
    ]


def draw_trials():
    """Draw what more pairs, larger networks, other channels and other losses did."""
    return views_scores.draw_trials(trials())


def draw_scores():
    """Draw the scores that `make train` wrote."""
    return views_scores.draw_scores(protocol.leading(protocol.results("scores")))


def draw_precision_recall():
    """Draw precision against recall at one coverage."""
    return views_scores.draw_precision_recall(protocol.results("scores"), COVERAGE)


def draw_reliability():
    """Draw how far the probabilities can be believed."""
    return views_scores.draw_reliability(protocol.results("scores"))


def draw_false_lines():
    """Draw how much line each model finds where there is none."""
    return views_scores.draw_false_lines(protocol.results("scores"))


FIGURES = {
    "03_network": draw_network,
    "03_learning_curves": draw_learning_curves,
    "03_trials": draw_trials,
    "04_scores": draw_scores,
    "04_precision_recall": draw_precision_recall,
    "04_reliability": draw_reliability,
    "04_false_lines": draw_false_lines,
}
CAPTIONS = {
    "03_network": "The network of the workbook, a small U-Net (Ronneberger et al. 2015), drawn "
    "from its code.",
    "03_learning_curves": "Validation loss of every run of `make train`.",
    "03_trials": "F1 on the simulated validation blocks against the number of pretraining pairs, "
    "the size of the network, its channels and its loss: each seed, and their mean.",
    "04_scores": "F1 of every model on the simulated test blocks, mean and 95 % interval.",
    "04_precision_recall": "Precision against recall of every model on the simulated test blocks, "
    "a tenth of the cells on tracks, cells paired one to one.",
    "04_reliability": "How often a cell of a given probability lies on a line, on the simulated "
    "test blocks, after calibration on the validation blocks.",
    "04_false_lines": "Length of line that each model finds on maps without lineations, beside "
    "that on the simulated test blocks.",
}
