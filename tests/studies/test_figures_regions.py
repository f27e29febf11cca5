"""Figures of regions and real surveys are those that their functions draw now."""

from pictures import redrawn
from studies.figures import regions

test_figure = redrawn(regions.FIGURES, quick="00_regions")
