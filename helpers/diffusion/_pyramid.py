"""Sparse data on grids from coarse to fine, and the diffusion along strike solved on them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import _solver, _structure
from ._known import Known, basis

COARSEST_CELLS = 48  # the pyramid stops before a side gets shorter than this
LEAK = np.float32(1e-3)  # what a barrier lets through, so that no cell is left alone
OFFSET_PRIOR = 1.0  # readings' worth of expecting a cruise's constant to be zero
HEADING_PRIOR = 25.0  # and each term of its heading, which is smaller
PULL = 1e-4  # weight, in readings a cell, of expecting the mean of all: far from any a plate comes
# back to it and does not run on in its slope


@dataclass
class Level:
    """The data on cells `size` times as large: summed weight, summed weight times value."""

    weight: np.ndarray
    total: np.ndarray
    size: int
    offsets: _solver.Offsets | None
    barrier: np.ndarray | None = None  # share of each cell that is a barrier
    tolerance: float = _solver.TOLERANCE  # relative residual of the solutions on it


def build(data, weight, known=None, levels=4):
    """Sum the readings over cells that double from level to level; the finest comes first.

    Values (nT) may be anything where their weight is 0; `levels` is the number of coarser grids.
    """
    known = known or Known()
    total = np.where(weight > 0, weight * np.nan_to_num(data), 0).astype("float32")
    barrier = None if known.barrier is None else known.barrier.astype("float32")
    offsets = _offsets(data, weight, known, 1)
    pyramid = [Level(weight, total, 1, offsets, barrier)]
    while len(pyramid) <= levels and min(pyramid[-1].weight.shape) > COARSEST_CELLS:
        finer, size = pyramid[-1], 2 * pyramid[-1].size
        parts = [4 * _structure.block_mean(part, 2) for part in (finer.weight, finer.total)]
        if barrier is not None:
            barrier = _structure.block_mean(finer.barrier, 2)
        offsets = _offsets(data, weight, known, size)
        pyramid.append(Level(*parts, size, offsets, barrier))
    return pyramid


def along_strike(pyramid, tensor, smoothing, across, start=None):
    """Solve ``(W + smoothing * G^T D G) u = W d`` from the coarsest level to the finest.

    ``D`` is that of a structure tensor on cells of any size; `smoothing` is a number, or lies on
    cells of any size as well.  `start` is the first guess on the coarsest level, by default
    without direction.
    """
    if start is None:
        start = _first_guess(pyramid[-1], float(np.median(smoothing)))
    field = start
    for level in reversed(pyramid):
        # the solution on large cells is the first guess on those half as large
        field = _structure.enlarge(field, level.weight.shape)
        field = _solve(level, tensor, smoothing, across, field)
    return field


def couplings(level, tensor, smoothing, across, continuity=None):
    """Couple the cells of a level along a structure tensor: ``smoothing * G^T D G``.

    `continuity` is the share of ``D`` that is left at fracture zones that the map shows
    (`_guided`); at barriers next to nothing is.
    """
    diffusivity = _structure.diffusion_tensor(tensor, level.weight.shape, across)
    if np.ndim(smoothing):
        smoothing = _structure.enlarge(smoothing, level.weight.shape)
        diffusivity = [part * smoothing for part in diffusivity]
        smoothing = 1.0
    if continuity is not None:
        diffusivity = [part * continuity for part in diffusivity]
    if level.barrier is not None:  # one cell around it, for all that touches it to be closed
        closed = ndimage.binary_dilation(level.barrier > 0, np.ones((3, 3)))
        diffusivity = [np.where(closed, LEAK * part, part) for part in diffusivity]
    return _solver.stencil(diffusivity, smoothing)


def plate(pyramid, tension, bending, where=None):
    """Solve for a thin plate under tension from the coarsest level to the finest.

    `tension` and `bending` are those of the finest cells.  A stiff plate is smooth over many cells
    and is solved on larger cells only.  `where`, on large cells that cover the map, tells where the
    finest level is wanted; elsewhere the level above it will do.
    """
    field = _first_guess(pyramid[-1], tension)
    mean = np.float32(pyramid[-1].total.sum() / pyramid[-1].weight.sum())
    for level in reversed(pyramid):
        field = _structure.enlarge(field, level.weight.shape)
        if level.size < bending**0.25:
            continue
        # squared curvature over the area: differences grow with size^2, cells get fewer with it
        stiffness = bending / level.size**2
        pull = np.float32(PULL * level.size**2)
        weight, total = level.weight + pull, level.total + pull * mean
        if level is pyramid[0] and where is not None and not where.all():
            if level.offsets is not None:
                total = level.offsets.without(total, level.offsets.constants(field))
            for box in _boxes(where, field.shape):
                parts = (np.ascontiguousarray(part[box]) for part in (weight, total, field))
                field[box] = _solver.solve_bending(*parts, tension, stiffness)
            continue
        field = _solver.solve_bending(
            weight, total, field, tension, stiffness, level.offsets, level.tolerance
        )
    return field


def _boxes(where, shape):
    """Slices of a map around the connected parts of a coarse mask, with a margin."""
    step = [-(-size // count) for size, count in zip(shape, where.shape, strict=True)]
    pieces = ndimage.find_objects(ndimage.label(where, np.ones((3, 3)))[0])
    return [
        tuple(
            slice(max((part.start - 1) * by, 0), (part.stop + 1) * by)
            for part, by in zip(piece, step, strict=True)
        )
        for piece in pieces
    ]


def _solve(level, tensor, smoothing, across, start):
    """Solve the system of one level along a structure tensor, up to the barriers."""
    edges = couplings(level, tensor, smoothing, across)
    return _solver.solve(level.weight, edges, level.total, start, level.offsets, level.tolerance)


def _first_guess(level, smoothing):
    """Solve on the coarsest level without orientation and without bending."""
    start = np.full_like(level.weight, level.total.sum() / level.weight.sum())
    return _solver.solve_bending(level.weight, level.total, start, smoothing, 0.0, level.offsets)


def _offsets(data, weight, known, size):
    """Unknown terms of the cruises on cells `size` times as large; None without cruises."""
    if known.cruise is None:
        return None
    of_track = np.nonzero((weight > 0) & (known.cruise >= 0))
    columns = -(-data.shape[1] // size)
    cell = of_track[0] // size * columns + of_track[1] // size
    terms = basis(known, of_track)
    prior = [OFFSET_PRIOR] + [HEADING_PRIOR] * (terms.shape[1] - 1)
    readings = (known.cruise[of_track], weight[of_track], data[of_track])
    return _solver.Offsets(cell, *readings, terms, int(known.cruise.max()) + 1, prior)
