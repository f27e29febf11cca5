"""The set of figures for a paper: vector PDF and PNG at the widths of journals, one call each."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.text import Text

from helpers import _shared

from . import all

TWO_COLUMNS_MM = 183.0
SMALLEST_PT = 6.0  # that journals print
DPI = 300
PAPER = (
    "00_regions",
    "01_gridding",
    "02_orientation",
    "02_diffusion",
    "04_training_pairs",
    "03_network",
    "03_learning_curves",
    "04_three_models",
    "04_three_models_epr",
    "04_scores",
    "05_shatsky",
    "05_azores",
    "05_interpretation",
    "05_doubts",
)


def save(name, folder, width_mm=TWO_COLUMNS_MM):
    """Draw one of `all.FIGURES`; save it as ``NAME.pdf`` and ``NAME.png``, and return their paths.

    Raises KeyError if there is no such figure.
    """
    if name not in all.FIGURES:
        raise KeyError(f"No figure {name!r}; there are {', '.join(all.FIGURES)}.")
    figure = all.FIGURES[name]()
    resize(figure, width_mm)
    folder, made = Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    for ending, dated in (("pdf", "CreationDate"), ("png", "Software")):
        path = folder / f"{name}.{ending}"
        with _shared.written(path) as beside, matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(beside, dpi=DPI, metadata={dated: None})  # text stays text
        made.append(path)
    plt.close(figure)
    return made


def resize(figure, width_mm):
    """Bring a figure to a width; text shrinks with it, but not below `SMALLEST_PT`."""
    width, height = figure.get_size_inches()
    share = width_mm / 25.4 / width
    figure.draw_without_rendering()  # so that every text is there
    for text in figure.findobj(Text):
        text.set_fontsize(max(SMALLEST_PT, min(share, 1.0) * text.get_fontsize()))
    for axis in figure.axes:
        for line in (axis.xaxis, axis.yaxis):
            labels = line.get_ticklabels()
            if labels:
                line.set_tick_params(labelsize=labels[0].get_fontsize())
    figure.set_size_inches(share * width, share * height)
