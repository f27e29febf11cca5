"""Maps: pictures of regions, windows and what the explorers show.

Every `draw_...` takes data and returns a `matplotlib.figure.Figure`, which it neither saves nor
shows.
"""

from ._network import UNDER, draw_models, draw_region, draw_threshold
from ._region import SIMULATED, Panel, add_source, draw_maps, robust_limit
from ._seafloor import draw_spreading
from ._tracks import draw_gridding, draw_wiggles
from ._window import draw_fields, draw_guided, draw_probabilities, draw_regions

__all__ = [
    "SIMULATED",
    "UNDER",
    "Panel",
    "add_source",
    "draw_fields",
    "draw_gridding",
    "draw_guided",
    "draw_maps",
    "draw_models",
    "draw_probabilities",
    "draw_region",
    "draw_regions",
    "draw_spreading",
    "draw_threshold",
    "draw_wiggles",
    "robust_limit",
]
