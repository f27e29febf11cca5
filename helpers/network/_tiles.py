"""Maps of any size in overlapping tiles, blended so that no seam shows.

What is seen near the edge of a tile is seen without its surroundings, so a tile counts the less
the nearer to an edge inside the map.
"""

import itertools

import numpy as np

from .. import _shared

TILE = 256  # cells a side
OVERLAP = 64  # cells shared by neighbouring tiles
STEP = 16  # tiles start at and measure multiples of this: the cells that the coarsest level joins


def blend(stack, see, wanted=None):
    """See a map (rows, columns, channels) tile by tile and blend what was seen.

    `see` takes a part of the map whose sides are multiples of `STEP` and gives (rows, columns,
    layers).  Tiles without any cell `wanted` (bool, rows by columns) are passed over; cells that
    no tile reached are NaN.
    """
    rows, columns = stack.shape[:2]
    side = [padded(size) for size in (rows, columns)]
    chosen = np.zeros(side, bool)
    chosen[:rows, :columns] = True if wanted is None else wanted
    total, weight = None, np.zeros((*side, 1), "float32")
    corners = list(itertools.product(*map(starts, side)))
    for row, column in _shared.progress(corners, "network, tile by tile"):
        here = (slice(row, min(row + TILE, side[0])), slice(column, min(column + TILE, side[1])))
        if not chosen[here].any():
            continue
        seen = see(_part(stack, here))
        window = np.outer(*(ramp(part, size) for part, size in zip(here, side, strict=True)))
        if total is None:
            total = np.zeros((*side, seen.shape[-1]), "float32")
        total[here] += window[..., None] * seen
        weight[here] += window[..., None]
    if total is None:
        raise ValueError("No cell is wanted: `wanted` is False everywhere; check distance to data.")
    weight[weight == 0] = np.nan
    return (total / weight)[:rows, :columns]


def padded(size):
    """Next multiple of `STEP`."""
    return -(-size // STEP) * STEP


def starts(size):
    """Lower corners of the tiles along one axis; the last tile ends at the edge."""
    if size <= TILE:
        return [0]
    return [*range(0, size - TILE, TILE - OVERLAP), size - TILE]


def ramp(part, size):
    """Weights of a tile along one axis, falling towards edges inside a map of `size` cells."""
    cell = np.arange(part.start, part.stop)
    low = cell - part.start + 1 if part.start > 0 else np.full(len(cell), OVERLAP)
    high = part.stop - cell if part.stop < size else np.full(len(cell), OVERLAP)
    return np.minimum(np.minimum(low, high), OVERLAP / 2).astype("float32")


def _part(stack, here):
    """Cut a tile; beyond the map it is its mirror image."""
    part = stack[here]
    missing = [
        (0, side.stop - side.start - size) for side, size in zip(here, part.shape, strict=False)
    ]
    return np.pad(part, [*missing, (0, 0)], mode="symmetric")
