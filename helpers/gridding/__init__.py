"""Gridding: from readings on tracks to a grid that knows its distance to data."""

from ._cross_validate import cross_validate, left_out_grid, pooled_errors
from ._grid import NOISE_NT, choose_spacing, grid_points, grid_tracks, left_out_error, sample
from ._gridders import METHODS, interpolate
from ._read_grid import on_map, read_grid, region_of

__all__ = [
    "METHODS",
    "NOISE_NT",
    "choose_spacing",
    "cross_validate",
    "grid_points",
    "grid_tracks",
    "interpolate",
    "left_out_error",
    "left_out_grid",
    "on_map",
    "pooled_errors",
    "read_grid",
    "region_of",
    "sample",
]
