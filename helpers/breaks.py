"""Fracture zones that a map shows by itself: places where stripes end side by side.

Where a stripe is offset, the map changes along strike somewhere between the last track before the
fracture zone and the first one beyond it.  One stripe tells little of where.  But a fracture zone
cuts many, and what their doubtful stretches share is a line across them.  So the square slope along
strike is averaged far across strike and hardly along it.  Where this mean stands out from its
surroundings less is carried along strike, the change gathers there, and the next mean is sharper:
a line process, whose elements favour neighbours in line (Geman & Geman 1984), solved by
half-quadratic steps (Geman & Reynolds 1992).

References
----------
Geman, S. & Geman, D. (1984). Stochastic relaxation, Gibbs distributions, and the Bayesian
restoration of images. IEEE Trans. Pattern Anal. Mach. Intell. 6, 721-741.
Geman, D. & Reynolds, G. (1992). Constrained restoration and the recovery of discontinuities. IEEE
Trans. Pattern Anal. Mach. Intell. 14, 367-383.
"""

import numpy as np
from scipy import ndimage

from . import pyramid, solver, structure

REACH_CELLS = 24.0  # how far across strike slopes are averaged
AROUND_CELLS = 96.0  # standard deviation of the surroundings
USUAL = 3.0  # times the slope of the surroundings at which half is carried along
ROUNDS = 3
ROUGHLY = 1e-2  # relative residual of the averages and of the solutions with breaks


def find(level, tensor, smoothing, across, field):
    """Find breaks and solve with them, in turn.

    Parameters
    ----------
    level : pyramid.Level
        On whose cells.
    tensor : numpy.ndarray, shape (3, n / k, m / k)
        Structure tensor.
    smoothing, across : float
        As in `helpers.diffusion.guided`.
    field : numpy.ndarray, shape (n, m)
        The map so far.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (n, m)
        The map, and how much is carried along strike (`continuity`).
    """
    for _ in range(ROUNDS):
        share = continuity(level, tensor, across, field)
        edges = pyramid.couplings(level, tensor, smoothing, across, share)
        field = solver.solve(level.weight, edges, level.total, field, level.offsets, ROUGHLY)
    return field, share


def continuity(level, tensor, across, field):
    """Tell how much of the smoothing along strike is left where stripes end side by side.

    Parameters
    ----------
    level, tensor, across, field
        As in `find`.

    Returns
    -------
    numpy.ndarray, shape (n, m)
        1 where stripes run on; a half where the mean square slope is `USUAL` times that of the
        surroundings, and falling with its square beyond.
    """
    xx, xy, yy = structure.diffusion_tensor(tensor, field.shape, across)
    east, north = structure.gradient(field, max(1.0 / level.size, 0.7))
    steep = structure.enlarge((tensor[0] + tensor[2]).astype("float32"), field.shape)
    along = (xx * east**2 + 2 * xy * east * north + yy * north**2) / (steep + np.float32(1e-20))
    both = np.float32(1 + across)  # the sum of both diffusivities where coherence is 1
    edges = solver.stencil((both - xx, -xy, both - yy), (REACH_CELLS / level.size) ** 2)
    mean = solver.solve(np.ones_like(along), edges, along, along, tolerance=ROUGHLY)
    usual = _around(mean, AROUND_CELLS / level.size)
    excess = np.maximum(mean, 0) / (np.float32(USUAL) * usual + np.float32(1e-20))
    return 1 / (1 + excess * excess)


def _around(values, sigma_cells):
    """Mean of the surroundings of each cell, on cells a quarter of their size."""
    step = max(1, int(sigma_cells // 4))
    blocks = structure.block_mean(np.maximum(values, 0), step)
    filled = structure.block_mean(np.ones_like(values), step)
    mean, full = (ndimage.gaussian_filter(part, sigma_cells / step, mode="constant")
                  for part in (blocks, filled))  # fmt: skip
    return structure.enlarge(mean / full, values.shape)
