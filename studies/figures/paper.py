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
PAPER = {  # figure: width (mm)
    "00_regions": TWO_COLUMNS_MM,
    "01_gridding": TWO_COLUMNS_MM,
    "02_orientation": TWO_COLUMNS_MM,
    "02_diffusion": TWO_COLUMNS_MM,
    "04_training_pairs": TWO_COLUMNS_MM,
    "03_network": TWO_COLUMNS_MM,
    "03_learning_curves": TWO_COLUMNS_MM,
    "04_three_models": TWO_COLUMNS_MM,
    "04_three_models_epr": TWO_COLUMNS_MM,
    "04_scores": TWO_COLUMNS_MM,
    "05_shatsky": TWO_COLUMNS_MM,
    "05_azores": TWO_COLUMNS_MM,
    "05_interpretation": TWO_COLUMNS_MM,
    "05_doubts": TWO_COLUMNS_MM,
}


def save(name, folder, width_mm=None):
    """Draw a figure and save it as PDF and PNG.

    Parameters
    ----------
    name : str
        One of `all.FIGURES`.
    folder : str or pathlib.Path
        Where ``NAME.pdf`` and ``NAME.png`` go; each is written beside and renamed.
    width_mm : float, optional
        Width; by default that of `PAPER`, or two columns.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    KeyError
        If there is no such figure.
    """
    if name not in all.FIGURES:
        raise KeyError(f"No figure {name!r}; there are {', '.join(all.FIGURES)}.")
    figure = all.FIGURES[name]()
    resize(figure, width_mm or PAPER.get(name, TWO_COLUMNS_MM))
    folder, made = Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    for ending, dated in (("pdf", "CreationDate"), ("png", "Software")):
        path = folder / f"{name}.{ending}"
        with _shared.whole(path) as beside, matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(beside, dpi=DPI, metadata={dated: None})  # text stays text
        made.append(path)
    plt.close(figure)
    return made


def resize(figure, width_mm):
    """Bring a figure to a width; text shrinks with it, but not below `SMALLEST_PT`.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Changed in place.
    width_mm : float
        Width of the page.
    """
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
