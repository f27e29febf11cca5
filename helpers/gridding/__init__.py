"""Gridding: from readings on tracks to a grid that knows its distance to data."""

from ._cross_validate import cross_validate, pooled_errors
from ._grid import (
    NOISE_NT,
    error_by_distance,
    grid_points,
    grid_tracks,
    leave_out_tiles,
    sample,
)
from ._gridders import METHODS, interpolate
from ._read_grid import on_map, read_grid, region_of

__all__ = [
    "METHODS",
    "NOISE_NT",
    "cross_validate",
    "error_by_distance",
    "grid_points",
    "grid_tracks",
    "interpolate",
    "leave_out_tiles",
    "on_map",
    "pooled_errors",
    "read_grid",
    "region_of",
    "sample",
]
