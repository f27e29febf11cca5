"""Figures: one function each, drawn alike by `make figures` and by the notebooks.

Every `draw_...` returns a `matplotlib.figure.Figure`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    "all diffusion explorers network paper regions seafloor tables tracks".split(),
)
