"""Maps: pictures of regions, windows and what the explorers show.

Every `draw_...` takes data and returns a `matplotlib.figure.Figure`, which it neither saves nor
shows.
"""

from ._region import SIMULATED, Panel, add_source, draw_maps, robust_limit
from ._seafloor import draw_spreading
from ._tracks import draw_gridding, draw_wiggles
from ._window import draw_fields, draw_guided, draw_probabilities, draw_regions

__all__ = [
    "SIMULATED",
    "Panel",
    "add_source",
    "draw_fields",
    "draw_gridding",
    "draw_guided",
    "draw_maps",
    "draw_probabilities",
    "draw_regions",
    "draw_spreading",
    "draw_wiggles",
    "robust_limit",
]
