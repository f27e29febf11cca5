"""Figures of the simulated seafloor are those that their functions draw now."""

from pictures import redrawn
from studies.figures import seafloor

test_figure = redrawn(seafloor.FIGURES, quick="A1_skewness")
