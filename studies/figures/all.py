"""Every figure of the workbook: one function and one caption each, redrawn by `make figures`.

Notebooks call the same functions, which stand in the file of their subject; the set for a paper is
named in `studies.figures.paper`.
"""

from . import diffusion, network, regions, seafloor, tracks

PARTS = (regions, tracks, diffusion, network, seafloor)


def _by_notebook(found):
    """Put figures or captions in the order of the notebooks, with which their names begin."""
    return dict(sorted(found.items(), key=lambda one: one[0].partition("_")[0]))


FIGURES = _by_notebook({name: draw for part in PARTS for name, draw in part.FIGURES.items()})
CAPTIONS = _by_notebook({name: text for part in PARTS for name, text in part.CAPTIONS.items()})
