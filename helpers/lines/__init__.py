"""Lines: from probability to polylines, and to files that a GIS opens."""

from ._crests import crest_points, crest_ticks
from ._find import BEST, SINGLE, find
from ._support import Supported, supported
from ._trace import points_along, trace
from ._write import write, write_geotiff, write_netcdf

__all__ = [
    "BEST",
    "SINGLE",
    "Supported",
    "crest_points",
    "crest_ticks",
    "find",
    "points_along",
    "supported",
    "trace",
    "write",
    "write_geotiff",
    "write_netcdf",
]
