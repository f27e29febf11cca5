"""The pieces of a thinned map: followed from end to end, joined across gaps, smoothed.

Everything here works in cells: a path is an array of (row, column), one row a cell.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

NEIGHBOURS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
SPUR_CELLS = 4  # shorter pieces are hairs of the thinning
END_CELLS = 8  # of a piece tell where it heads
CLOSE_CELLS = 3.0  # ends nearer than this meet at a cut junction: the gap itself has no direction
TURN_DEG = 30.0  # most that a line may turn into a gap, and out of it
BEND = 4.0  # how much longer a gap counts if the line turns by a right angle into it


def thin(mask):
    """Thin a map and follow every piece between junctions.

    Parameters
    ----------
    mask : numpy.ndarray of bool, shape (n, m)
        Cells taken as line.

    Returns
    -------
    list of numpy.ndarray, each of shape (cells, 2)
        Row and column along each piece, pieces of fewer than `SPUR_CELLS` left out.
    """
    skeleton = skeletonize(mask)
    neighbours = ndimage.convolve(skeleton.astype(int), np.ones((3, 3)), mode="constant") - 1
    left = set(zip(*np.nonzero(skeleton & (neighbours <= 2)), strict=True))
    ends = [cell for cell in sorted(left) if len(_next(cell, left)) <= 1]
    paths = []
    for start in [*ends, *sorted(left)]:  # ends first; closed rings start anywhere
        if start in left:
            paths.append(_follow(start, left))
    return [np.array(path, float) for path in paths if len(path) >= SPUR_CELLS]


def join(paths, gap_cells, allowed):
    """Join pieces whose ends head for each other, the best pairs first, each end once.

    Parameters
    ----------
    paths : list of numpy.ndarray, each of shape (cells, 2)
        From `thin`.
    gap_cells : float
        Longest gap.
    allowed : callable
        Takes the two sides of gaps, arrays (pairs, 2) of row and column, and returns an array of
        bool: which may be bridged.

    Returns
    -------
    list of numpy.ndarray
        Paths with their gaps filled by straight pieces.
    """
    if len(paths) < 2 or gap_cells <= 0:
        return paths
    places = np.concatenate([path[[0, -1]] for path in paths])  # end 2 k begins, 2 k + 1 ends k
    heads = np.concatenate([_heads(path) for path in paths])
    partner = {}
    group = np.arange(len(paths))
    for one, other in _pairs(places, heads, gap_cells, allowed):
        if one in partner or other in partner or group[one // 2] == group[other // 2]:
            continue
        partner[one], partner[other] = other, one
        group[group == group[one // 2]] = group[other // 2]
    return _chains(paths, partner)


def smooth(path, cells):
    """Average a path over some cells; its ends stay.

    Parameters
    ----------
    path : numpy.ndarray, shape (n, 2)
    cells : int

    Returns
    -------
    numpy.ndarray, shape (n, 2)
    """
    smoothed = ndimage.uniform_filter1d(path, cells, axis=0, mode="nearest")
    smoothed[[0, -1]] = path[[0, -1]]
    return smoothed


def _follow(cell, left):
    """Walk along a piece, taking its cells out of `left`."""
    path = [cell]
    left.discard(cell)
    while near := _next(path[-1], left):
        path.append(near[0])
        left.discard(near[0])
    return path


def _next(cell, left):
    """Neighbours of a cell that are left, the nearest first."""
    around = [(cell[0] + i, cell[1] + j) for i, j in NEIGHBOURS]
    return sorted(
        (c for c in around if c in left), key=lambda c: abs(c[0] - cell[0]) + abs(c[1] - cell[1])
    )


def _heads(path):
    """Give unit vectors out of both ends of a path."""
    inside = min(END_CELLS, len(path) - 1)
    out = np.array([path[0] - path[inside], path[-1] - path[-1 - inside]])
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def _pairs(places, heads, gap_cells, allowed):
    """Pairs of ends that may be joined, the best first: short gaps that go straight on."""
    one, other = cKDTree(places).query_pairs(gap_cells, output_type="ndarray").T
    gap = places[other] - places[one]
    length = np.linalg.norm(gap, axis=1)
    gap = gap / np.maximum(length, 1e-9)[:, None]
    close = length <= CLOSE_CELLS
    on = -np.sum(heads[one] * heads[other], axis=1)  # cosines: 1 where the line goes straight on
    into = np.where(close, on, np.sum(heads[one] * gap, axis=1))
    out = np.where(close, on, -np.sum(heads[other] * gap, axis=1))
    straight = np.minimum(into, out)
    good = straight >= np.cos(np.radians(TURN_DEG))
    good[good] = close[good] | allowed(places[one[good]], places[other[good]])
    good &= one // 2 != other // 2
    cost = length * (1 + BEND * (1 - straight)) + BEND * (1 - straight)
    order = np.argsort(cost[good], kind="stable")
    return np.column_stack([one, other])[good][order].tolist()


def _chains(paths, partner):
    """Walk from free end to free end through the partners."""
    chains, used = [], set()
    for start in range(2 * len(paths)):
        if start in partner or start // 2 in used:
            continue
        parts, end = [], start
        while True:
            used.add(end // 2)
            path = paths[end // 2] if end % 2 == 0 else paths[end // 2][::-1]
            parts += [_bridge(parts[-1][-1], path[0]), path] if parts else [path]
            leaving = end ^ 1
            if leaving not in partner:
                break
            end = partner[leaving]
        chains.append(np.concatenate(parts))
    return chains


def _bridge(start, end):
    """Points between two places, about a cell apart, without the places themselves."""
    steps = max(int(np.ceil(np.linalg.norm(end - start))), 1)
    return start + (end - start) * (np.arange(1, steps) / steps)[:, None]
