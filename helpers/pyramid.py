"""Sparse data on grids from coarse to fine, and the diffusion along strike solved on them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import solver, structure

COARSEST_CELLS = 48  # the pyramid stops before a side gets shorter than this
DATA_REACH_CELLS = 2.0  # how far from a track the orientation is still trusted
FLOOR = 0.02  # trust in the orientation far from any track
OFFSET_PRIOR = 1.0  # readings' worth of expecting a cruise's constant to be zero


@dataclass
class Level:
    """The data on cells `size` times as large: summed weight, summed weight times value."""

    weight: np.ndarray
    total: np.ndarray
    size: int
    offsets: solver.Offsets | None


def build(data, weight, cruise=None, levels=4):
    """Sum the readings over cells that double from level to level.

    Parameters
    ----------
    data, weight : numpy.ndarray, shape (n, m)
        Values (nT; anything where the weight is 0) and confidence.
    cruise : numpy.ndarray of int, shape (n, m), optional
        Index of the cruise on track cells.
    levels : int
        Number of coarser grids.

    Returns
    -------
    list of Level
        Finest first.
    """
    total = np.where(weight > 0, weight * np.nan_to_num(data), 0).astype("float32")
    pyramid = [Level(weight, total, 1, _offsets(data, weight, cruise, 1))]
    while len(pyramid) <= levels and min(pyramid[-1].weight.shape) > COARSEST_CELLS:
        finer, size = pyramid[-1], 2 * pyramid[-1].size
        parts = (4 * structure.block_mean(part, 2) for part in (finer.weight, finer.total))
        pyramid.append(Level(*parts, size, _offsets(data, weight, cruise, size)))
    return pyramid


def along_strike(pyramid, smoothing, integration_cells, across, reestimations, start=None):
    """Solve ``(W + smoothing * G^T D G) u = W d`` from the coarsest level to the finest.

    Parameters
    ----------
    pyramid : list of Level
        From `build`, or a part of it: the first is the level of the result.
    smoothing, integration_cells, across, reestimations
        As in `helpers.diffusion.guided`; cells are those of the finest data.
    start : numpy.ndarray, optional
        First guess for the coarsest level; without direction by default.

    Returns
    -------
    tuple
        Field (n, m) and the structure tensor of `structure.structure_tensor`.
    """
    field = _isotropic(pyramid[-1], smoothing) if start is None else start
    for level in reversed(pyramid):
        field = structure.enlarge(field, level.weight.shape)
        confidence = _confidence(level)
        for _ in range(reestimations):
            tensor = _tensor(level, field, confidence, integration_cells)
            diffusivity = structure.diffusion_tensor(tensor, field.shape, across)
            edges = solver.stencil(diffusivity, smoothing)
            field = solver.solve(level.weight, edges, level.total, field, level.offsets)
    return field, _tensor(level, field, confidence, integration_cells)


def along_known(pyramid, tensor, smoothing, across, start=None):
    """Solve as `along_strike` with a structure tensor that is already known.

    Parameters
    ----------
    pyramid : list of Level
        From `build`, or a part of it.
    tensor : numpy.ndarray, shape (3, n, m)
        Structure tensor on cells of any size.
    smoothing, across : float
        As in `helpers.diffusion.guided`.
    start : numpy.ndarray, optional
        First guess for the coarsest level; without direction by default.

    Returns
    -------
    numpy.ndarray, shape (n, m)
    """
    field = _isotropic(pyramid[-1], smoothing) if start is None else start
    for level in reversed(pyramid):
        field = structure.enlarge(field, level.weight.shape)
        diffusivity = structure.diffusion_tensor(tensor, field.shape, across)
        edges = solver.stencil(diffusivity, smoothing)
        field = solver.solve(level.weight, edges, level.total, field, level.offsets)
    return field


def plate(pyramid, tension, bending):
    """Solve for a thin plate under tension from the coarsest level to the finest.

    A stiff plate is smooth over many cells and is solved on larger cells only.

    Parameters
    ----------
    pyramid : list of Level
        From `build`, or a part of it.
    tension, bending : float
        As in `solver.solve_bending`, for the finest cells.

    Returns
    -------
    numpy.ndarray, shape (n, m)
    """
    field = _isotropic(pyramid[-1], tension)
    for level in reversed(pyramid):
        field = structure.enlarge(field, level.weight.shape)
        if level.size < bending**0.25:
            continue
        stiffness = bending / level.size**2
        field = solver.solve_bending(
            level.weight, level.total, field, tension, stiffness, level.offsets
        )
    return field


def _confidence(level):
    """How much the gradient of each cell is trusted, by its distance to data."""
    distance = ndimage.distance_transform_edt(level.weight <= 0) * level.size
    return (np.exp(-((distance / DATA_REACH_CELLS) ** 2)) + FLOOR).astype("float32")


def _tensor(level, field, confidence, integration_cells):
    """Structure tensor of the field of a level; scales in cells of the finest data."""
    gradient = max(2.0 / level.size, 0.7)
    integration = max(integration_cells / level.size, 2.0)
    return structure.structure_tensor(field, confidence, gradient, integration)


def _isotropic(level, smoothing):
    """First guess on the coarsest level: without orientation and without bending."""
    start = np.full_like(level.weight, level.total.sum() / level.weight.sum())
    return solver.solve_bending(level.weight, level.total, start, smoothing, 0.0, level.offsets)


def _offsets(data, weight, cruise, size):
    """Unknown constants of the cruises on cells `size` times as large; None without cruises."""
    if cruise is None:
        return None
    row, column = np.nonzero((weight > 0) & (cruise >= 0))
    columns = -(-data.shape[1] // size)
    cell = row // size * columns + column // size
    of_track = (row, column)
    count = int(cruise.max()) + 1
    return solver.Offsets(
        cell, cruise[of_track], weight[of_track], data[of_track], count, OFFSET_PRIOR
    )
