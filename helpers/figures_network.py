"""The figure of the network: its levels, filters and connections, drawn from the code."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

from . import network, patches
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


FIGURES = {"03_network": draw_network}
CAPTIONS = {
    "03_network": "The network of the workbook, a small U-Net (Ronneberger et al. 2015), drawn "
    "from its code."
}
