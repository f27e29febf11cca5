"""Sparse data on grids from coarse to fine, and the diffusion along strike solved on them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import _solver, _structure

COARSEST_CELLS = 48  # the pyramid stops before a side gets shorter than this
DATA_REACH_CELLS = 2.0  # how far from a track the orientation is still trusted
FLOOR = 0.1  # trust in the orientation far from any track
LEAK = np.float32(1e-3)  # what a barrier lets through, so that no cell is left alone
UNTRUSTED = 1e-3  # factor of the trust in gradients beside a barrier
SILENCE = 0.02  # mean trust in readings that a known strike outweighs
KNOWN = 4.0  # weight of a known strike far from readings that show a direction
OFFSET_PRIOR = 1.0  # readings' worth of expecting a cruise's constant to be zero
HEADING_PRIOR = 25.0  # and each term of its heading, which is smaller


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
    """Sum the readings over cells that double from level to level.

    Parameters
    ----------
    data, weight : numpy.ndarray, shape (n, m)
        Values (nT; anything where the weight is 0) and confidence.
    known : Known, optional
        Cruises, headings, strikes and barriers.
    levels : int
        Number of coarser grids.

    Returns
    -------
    list of Level
        Finest first.
    """
    known = known or Known()
    total = np.where(weight > 0, weight * np.nan_to_num(data), 0).astype("float32")
    barrier = None if known.barrier is None else known.barrier.astype("float32")
    across = None if known.strike_deg is None else _double_angle(known.strike_deg)
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


def along_strike(
    pyramid, smoothing, integration_cells, across, reestimations, start=None, last=None
):
    """Solve ``(W + smoothing * G^T D G) u = W d`` from the coarsest level to the finest.

    Parameters
    ----------
    pyramid : list of Level
        From `build`, or a part of it: the first is the level of the result.
    smoothing, integration_cells, across, reestimations
        As in `helpers.diffusion.guided`; cells are those of the finest data.
    start : numpy.ndarray, optional
        First guess for the coarsest level; without direction by default.
    last : int, optional
        Re-estimations on the first level, the finest and dearest, if not as many as elsewhere.

    Returns
    -------
    tuple
        Field (n, m) and the structure tensor of `_structure.structure_tensor`.
    """
    field = _isotropic(pyramid[-1], smoothing) if start is None else start
    for level in reversed(pyramid):
        field = _structure.enlarge(field, level.weight.shape)
        confidence = _confidence(level)
        for _ in range(last if last and level is pyramid[0] else reestimations):
            tensor = _tensor(level, field, confidence, integration_cells)
            field = _solve(level, tensor, smoothing, across, field)
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
        field = _structure.enlarge(field, level.weight.shape)
        field = _solve(level, tensor, smoothing, across, field)
    return field


def couplings(level, tensor, smoothing, across, continuity=None):
    """Couple the cells of a level along a structure tensor, up to the barriers.

    Parameters
    ----------
    level : Level
        Whose cells.
    tensor, smoothing, across
        As in `along_known`.
    continuity : numpy.ndarray, shape (n, m), optional
        Share of the couplings that is left at breaks of the stripes (`_guided`).

    Returns
    -------
    tuple of four numpy.ndarray, each of shape (n, m)
        As `_solver.stencil`.
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

    A stiff plate is smooth over many cells and is solved on larger cells only.

    Parameters
    ----------
    pyramid : list of Level
        From `build`, or a part of it.
    tension, bending : float
        As in `_solver.solve_bending`, for the finest cells.
    where : numpy.ndarray of bool, optional
        On large cells that cover the map: where the finest level is wanted; elsewhere the level
        above it will do.  By default everywhere.

    Returns
    -------
    numpy.ndarray, shape (n, m)
    """
    field = _isotropic(pyramid[-1], tension)
    for level in reversed(pyramid):
        field = _structure.enlarge(field, level.weight.shape)
        if level.size < bending**0.25:
            continue
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


def basis(known, cells):
    """Give what multiplies the unknowns of its cruise in the readings of some cells.

    Parameters
    ----------
    known : Known
        With ``heading_deg``, if terms of the heading are asked for.
    cells : numpy.ndarray of bool, shape (n, m), or tuple of indices
        Which ones.

    Returns
    -------
    numpy.ndarray, shape (cells, terms)
        1 and, with headings, cos H, sin H, cos 2H and sin 2H.
    """
    if known.heading_deg is None:
        return np.ones((known.cruise[cells].size, 1))
    turn = np.radians(known.heading_deg[cells])
    waves = np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)
    return np.stack([np.ones_like(turn), *waves], axis=1)


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
    silence = SILENCE / (SILENCE + np.maximum(trust - FLOOR, 0))
    doubt = 1 - _structure.orientation(tensor)[1]
    share = 0.5 * KNOWN * silence * doubt * (tensor[0] + tensor[2])
    return tensor + share * np.stack([known + cos, sin, known - cos])


def _double_angle(strike_deg):
    """Where a strike is known, and cos and sin of twice the angle across it; 0 elsewhere."""
    known = np.isfinite(strike_deg)
    twice = np.where(known, -2 * np.radians(strike_deg), 0.0)
    parts = (known, known * np.cos(twice), known * np.sin(twice))
    return tuple(part.astype("float32") for part in parts)


def _isotropic(level, smoothing):
    """First guess on the coarsest level: without orientation and without bending."""
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


# What is known beside the readings: cruises, headings, strikes, fracture zones, seamounts.

WANTED = {  # types of arrays, and what they should hold
    "cruise": ("iu", "an integer index of each track cell, -1 where there is none"),
    "heading_deg": ("fiu", "degrees clockwise from north on each track cell"),
    "strike_deg": ("fiu", "degrees clockwise from north, NaN where it is not known"),
    "barrier": ("b", "True on the cells of fracture zones (bool)"),
    "seamount": ("b", "True on the cells of seamounts (bool)"),
}


@dataclass
class Known:
    """What is known beside the readings; each part (n, m) on the finest cells, or None.

    Parameters
    ----------
    cruise : numpy.ndarray of int
        Index of the cruise on track cells, -1 elsewhere.
    heading_deg : numpy.ndarray
        Heading of the ship on track cells (clockwise from north); needs `cruise`.
    strike_deg : numpy.ndarray
        Strike of isochrons or fabric (clockwise from north), NaN where it is not known.
    barrier : numpy.ndarray of bool
        Cells of fracture zones, which nothing is carried across.
    seamount : numpy.ndarray of bool
        Cells of seamounts, whose readings say nothing of the stripes around.
    """

    cruise: np.ndarray | None = None
    heading_deg: np.ndarray | None = None
    strike_deg: np.ndarray | None = None
    barrier: np.ndarray | None = None
    seamount: np.ndarray | None = None

    def cut(self, window):
        """Return what is known within a window, a tuple of two slices."""
        parts = {name: None if part is None else part[window] for name, part in vars(self).items()}
        return Known(**parts)


def check(data, cruise=None, heading_deg=None, strike_deg=None, barrier=None, seamount=None):
    """Check what is known beside the readings and put it together.

    Parameters
    ----------
    data : numpy.ndarray, shape (n, m)
        Readings (nT), NaN off the tracks.
    cruise, heading_deg, strike_deg, barrier, seamount
        As in `Known`.

    Returns
    -------
    Known

    Raises
    ------
    ValueError
        If a part has another shape or type than it should, a heading is missing, or all readings
        lie on seamounts.
    """
    parts = {"cruise": cruise, "heading_deg": heading_deg, "strike_deg": strike_deg}
    parts |= {"barrier": barrier, "seamount": seamount}
    parts = {name: None if part is None else np.asarray(part) for name, part in parts.items()}
    for name, part in parts.items():
        kinds, wanted = WANTED[name]
        if part is not None and (part.shape != data.shape or part.dtype.kind not in kinds):
            raise ValueError(
                f"{name} has shape {part.shape} and type {part.dtype}, block shape {data.shape}; "
                f"give {wanted}."
            )
    if seamount is not None and parts["seamount"][np.isfinite(data)].all():
        raise ValueError("All readings lie on seamounts; mark fewer cells, or leave seamount out.")
    if parts["cruise"] is not None and parts["cruise"].max() < 0:
        parts["cruise"] = parts["heading_deg"] = None
    return Known(**_checked_heading(data, parts))


def _checked_heading(data, parts):
    """Refuse headings without cruises, or missing on the track of one."""
    if parts["heading_deg"] is None:
        return parts
    if parts["cruise"] is None:
        raise ValueError("heading_deg was given without cruise; give both, or leave it out.")
    missing = np.isfinite(data) & (parts["cruise"] >= 0) & ~np.isfinite(parts["heading_deg"])
    if missing.any():
        raise ValueError(
            f"heading_deg is not finite on {missing.sum()} track cells that have a cruise; give it "
            "there, or set their cruise to -1."
        )
    return parts
