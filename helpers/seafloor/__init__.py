"""Seafloor: simulated anomalies over real or random crust, and ships that read them."""

from . import crust, forward, labels, ships
from ._random import simulate_random
from ._region import simulate_region, stripes_alone
from .labels import crest_lines
from .ships import cruise_over

__all__ = [
    "crest_lines",
    "cruise_over",
    "crust",
    "forward",
    "labels",
    "ships",
    "simulate_random",
    "simulate_region",
    "stripes_alone",
]
