"""Sparse data on grids from coarse to fine, and the diffusion along strike solved on them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import _solver, _structure
from ._known import Known, basis, double_angle

COARSEST_CELLS = 48  # the pyramid stops before a side gets shorter than this
DATA_REACH_CELLS = 2.0  # how far from a track the orientation is still trusted
FLOOR = 0.1  # trust in the orientation far from any track
LEAK = np.float32(1e-3)  # what a barrier lets through, so that no cell is left alone
UNTRUSTED = 1e-3  # factor of the trust in gradients beside a barrier
SILENCE = 0.02  # mean trust in readings that a known strike outweighs
KNOWN = 4.0  # weight of a known strike far from readings that show a direction
OFFSET_PRIOR = 1.0  # readings' worth of expecting a cruise's constant to be zero
HEADING_PRIOR = 25.0  # and each term of its heading, which is smaller


@dataclass(frozen=True)
class Options:
    """How to diffuse, as `guided` explains it; None leaves the choice to withheld readings."""

    smoothing: float | None
    integration_cells: float | None
    across: float
    reestimations: int


@dataclass
class Level:
    """The data on cells `size` times as large: summed weight, summed weight times value."""

    weight: np.ndarray
    total: np.ndarray
    size: int
    offsets: _solver.Offsets | None
    barrier: np.ndarray | None = None  # share of each cell that is a barrier
    across: tuple | None = None  # known strike: share of the cell, cos and sin of twice its normal
    tolerance: float = _solver.TOLERANCE  # relative residual of the solutions on it


def build(data, weight, known=None, levels=4):
    """Sum the readings over cells that double from level to level; the finest comes first.

    Values (nT) may be anything where their weight is 0; `levels` is the number of coarser grids.
    """
    known = known or Known()
    total = np.where(weight > 0, weight * np.nan_to_num(data), 0).astype("float32")
    barrier = None if known.barrier is None else known.barrier.astype("float32")
    across = None if known.strike_deg is None else double_angle(known.strike_deg)
    offsets = _offsets(data, weight, known, 1)
    pyramid = [Level(weight, total, 1, offsets, barrier, across)]
    while len(pyramid) <= levels and min(pyramid[-1].weight.shape) > COARSEST_CELLS:
        finer, size = pyramid[-1], 2 * pyramid[-1].size
        parts = [4 * _structure.block_mean(part, 2) for part in (finer.weight, finer.total)]
        if barrier is not None:
            barrier = _structure.block_mean(finer.barrier, 2)
        if across is not None:
            across = tuple(_structure.block_mean(part, 2) for part in finer.across)
        offsets = _offsets(data, weight, known, size)
        pyramid.append(Level(*parts, size, offsets, barrier, across))
    return pyramid


def along_strike(pyramid, options, start=None, last=None):
    """Solve ``(W + smoothing * G^T D G) u = W d`` from the coarsest level to the finest.

    `D` is estimated anew between solutions: `last` times on the first level, the finest and
    dearest, if not as often as elsewhere.  `start` is the first guess on the coarsest level, by
    default without direction.  Returns the field and its structure tensor.
    """
    field = _first_guess(pyramid[-1], options.smoothing) if start is None else start
    for level in reversed(pyramid):
        # the solution on large cells is the first guess on those half as large
        field = _structure.enlarge(field, level.weight.shape)
        confidence = _confidence(level)
        for _ in range(last if last and level is pyramid[0] else options.reestimations):
            # D from the current u, then u from D
            tensor = _tensor(level, field, confidence, options.integration_cells)
            field = _solve(level, tensor, options.smoothing, options.across, field)
    return field, _tensor(level, field, confidence, options.integration_cells)


def along_known(pyramid, tensor, smoothing, across, start=None):
    """Solve as `along_strike` with a structure tensor, on cells of any size, that stays."""
    field = _first_guess(pyramid[-1], smoothing) if start is None else start
    for level in reversed(pyramid):
        field = _structure.enlarge(field, level.weight.shape)
        field = _solve(level, tensor, smoothing, across, field)
    return field


def couplings(level, tensor, smoothing, across, continuity=None):
    """Couple the cells of a level along a structure tensor: ``smoothing * G^T D G``.

    `continuity` is the share of ``D`` that is left at fracture zones that the map shows
    (`_guided`); at barriers next to nothing is.
    """
    diffusivity = _structure.diffusion_tensor(tensor, level.weight.shape, across)
    if continuity is not None:
        for part in diffusivity:
            part *= continuity
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
    for level in reversed(pyramid):
        field = _structure.enlarge(field, level.weight.shape)
        if level.size < bending**0.25:
            continue
        # squared curvature over the area: differences grow with size^2, cells get fewer with it
        stiffness = bending / level.size**2
        if level is pyramid[0] and where is not None and not where.all():
            total = level.total
            if level.offsets is not None:
                total = level.offsets.without(total, level.offsets.constants(field))
            for box in _boxes(where, field.shape):
                parts = (np.ascontiguousarray(part[box]) for part in (level.weight, total, field))
                field[box] = _solver.solve_bending(*parts, tension, stiffness)
            continue
        field = _solver.solve_bending(
            level.weight, level.total, field, tension, stiffness, level.offsets, level.tolerance
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


def _confidence(level):
    """How much the gradient of each cell is trusted: by its distance to data, not at barriers."""
    distance = ndimage.distance_transform_edt(level.weight <= 0) * level.size
    trust = np.exp(-((distance / DATA_REACH_CELLS) ** 2)) + FLOOR
    if level.barrier is not None:
        reach = 1 + 4 // level.size  # cells to which the gradient across a barrier reaches
        trust[ndimage.binary_dilation(level.barrier > 0, np.ones((3, 3)), reach)] *= UNTRUSTED
    return trust.astype("float32")


def _tensor(level, field, confidence, integration_cells):
    """Structure tensor of the field of a level; scales in cells of the finest data."""
    gradient = max(2.0 / level.size, 0.7)
    integration = max(integration_cells / level.size, 2.0)
    tensor = _structure.structure_tensor(field, confidence, gradient, integration)
    if level.across is None:
        return tensor
    return _with_known(tensor, level.across, confidence, integration)


def _with_known(tensor, across, confidence, integration):
    """Add a known strike to a structure tensor where readings are far and show no direction."""
    step = round(max(confidence.shape) / max(tensor.shape[1:]))
    known, cos, sin = (_structure.block_mean(part, step) for part in across)
    trust = ndimage.gaussian_filter(_structure.block_mean(confidence, step), integration / step)
    # silent: no readings within reach; in doubt: readings without a common direction
    silence = SILENCE / (SILENCE + np.maximum(trust - FLOOR, 0))
    doubt = 1 - _structure.orientation(tensor)[1]
    # n n^T with n across strike, written with twice its angle; its trace beside the tensor's own
    share = 0.5 * KNOWN * silence * doubt * (tensor[0] + tensor[2])
    return tensor + share * np.stack([known + cos, sin, known - cos])


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
