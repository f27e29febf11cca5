"""Gridding: from readings on tracks to a grid that knows its distance to data."""

from ._cross_validate import cross_validate, pooled_errors
from ._grid import grid_points, grid_tracks, sample
from ._gridders import METHODS, interpolate
from ._read_grid import on_map, read_grid, region_of

__all__ = [
    "METHODS",
    "cross_validate",
    "grid_points",
    "grid_tracks",
    "interpolate",
    "on_map",
    "pooled_errors",
    "read_grid",
    "region_of",
    "sample",
]
