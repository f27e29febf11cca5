"""The steps of guided diffusion, in order, and the error that is to be expected of its map.

References
----------
Geman, S. & Geman, D. (1984). Stochastic relaxation, Gibbs distributions, and the Bayesian
restoration of images. IEEE Trans. Pattern Anal. Mach. Intell. 6, 721-741.
Geman, D. & Reynolds, G. (1992). Constrained restoration and the recovery of discontinuities. IEEE
Trans. Pattern Anal. Mach. Intell. 14, 367-383.
Wahba, G. (1983). Bayesian "confidence intervals" for the cross-validated smoothing spline.
J. R. Stat. Soc. B 45, 133-150.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .. import _shared, gridding
from . import _known, _pyramid, _solver, _strike, _structure, _withheld

OVERSHOOT = 0.1  # how far a map may leave the range of the readings, as a share of it: beyond the
# hull of the tracks slopes are carried on along strike, and would grow without end
SHARED, SLOWLY = 0.02, 30.0  # weights, in readings, of expecting that an error shared along a
# track is zero, and that it does not change from cell to cell: it may within about five
ROUNDS, RELAXED, ROUGHLY = 3, 1.9, 1e-2  # of field and error in turn, over-relaxed
SOFT = 0.01, 0.01  # tension and bending of the plate through what readings have beyond the map
MOUNT = 0.02, 0.2  # tension and bending of the plate that is laid over a known seamount


@dataclass
class Restored:
    """What `restore` found."""

    field: np.ndarray  # anomaly (nT), shape (n, m)
    tensor: np.ndarray  # structure tensor, shape (3, n / 4, m / 4)
    support: np.ndarray  # how far stripes are supported, 0 to 1, shape (n, m)
    continuity: np.ndarray  # how far they run on, 0 to 1, shape (n, m)
    smoothing: np.ndarray  # that was used, on large cells
    terms: np.ndarray | None  # constants and heading terms (nT), shape (cruises, terms)


def restore(data, weight, known, smoothing, across):
    """Ask the readings for their strike and what they support, and solve along it.

    `data` are the readings (nT) and `weight` their confidence, 0 off the tracks, both (n, m);
    `smoothing` None leaves it to withheld readings.
    """
    with _shared.stages("guided diffusion", 5) as begin:
        return _restore(data, weight, known, smoothing, across, begin)


def _restore(data, weight, known, smoothing, across, begin):
    """Take the steps of `restore`; `begin` is told the name of each."""
    begin("strike of the readings")
    # readings on known seamounts are kept out of the stripes
    striped = weight if known.seamount is None else np.where(known.seamount, 0, weight)
    _, tensor = _strike.posterior(data, striped, known)

    begin("what withheld readings support")
    grids = _pyramid.build(data, striped, known)
    coarse = grids[1:] or grids
    quarters = _withheld.withhold(data, striped, known, coarse)
    chosen = _withheld.weigh(quarters, coarse[0], tensor, smoothing, across, known)
    support = _structure.enlarge(chosen.support.astype("float32"), data.shape)

    begin("fracture zones")
    # where stripes are supported: how far they run on across fracture zones
    field = _pyramid.along_strike(coarse, tensor, chosen.smoothing, across)
    continuity = np.ones_like(support)
    if support.any():
        field, share = find_fracture_zones(coarse[0], tensor, chosen.smoothing, across, field)
        continuity = _structure.enlarge(share, data.shape)

    begin("the finest cells")
    # (W + smoothing G^T D G) u = W d on the fine cells, with the errors of readings
    edges = _pyramid.couplings(grids[0], tensor, chosen.smoothing, across, continuity)
    field = _finish(grids[0], edges, support, _structure.enlarge(field, data.shape))

    begin("the plate elsewhere")
    # elsewhere: the plates that know no direction
    if support.min() < 1:
        flat = _plate(grids, chosen, support)
        field = support * field + (1 - support) * flat
    low, high = data[striped > 0].min(), data[striped > 0].max()
    field = np.clip(field, low - OVERSHOOT * (high - low), high + OVERSHOOT * (high - low))
    terms = None if grids[0].offsets is None else grids[0].offsets.constants(field)
    if known.seamount is not None:
        field = _with_seamounts(data, weight, known, terms, field)
    return Restored(field, tensor, support, continuity, chosen.smoothing, terms)


def _plate(grids, chosen, support):
    """Lay plates under tension through the readings, in each place the one that predicts best.

    Where readings are too few for any plate to predict them from each other, the stiffest wins and
    passes them by.  A soft plate through what they have beyond it brings the map back to them.
    """
    level, flat = grids[0], np.zeros_like(support)
    elsewhere = chosen.support < 1
    for choice, share in zip(_withheld.PLATES, chosen.plates, strict=True):
        if (share > 0).any():
            share = _structure.enlarge(share, support.shape)
            flat += share * _pyramid.plate(grids, *choice, elsewhere)
    total = level.total
    if level.offsets is not None:
        total = level.offsets.without(total, level.offsets.constants(flat))
    beyond = total - level.weight * flat
    return flat + _solver.solve_bending(level.weight, beyond, np.zeros_like(flat), *SOFT)


def _finish(level, edges, support, field):
    """Solve on the finest cells, together with the errors that neighbours on a track share.

    Readings that follow each other share the constant of their cruise, its heading error, the time
    of day.  With ``e`` that error, ``|d - u - e|^2 + SHARED |e|^2``, the roughness of ``u`` along
    strike and that of ``e`` along the tracks are lessened together, by ``u`` and ``e`` in turn.
    """
    weight, total = level.weight, level.total
    # u and the constants of the cruises; these are then taken out of the readings
    field = _solver.solve(weight, edges, total, field, level.offsets)
    if level.offsets is not None:
        total = level.offsets.without(total, level.offsets.constants(field))
    error, tracks = np.zeros_like(weight), _along_tracks(weight > 0)
    for _ in range(ROUNDS if support.any() else 0):  # without support the plate is kept anyway
        # (1 + SHARED) W e + roughness of e = W (d - u), carried on beyond where it ends
        best = _solver.solve(
            (1 + SHARED) * weight, tracks, total - weight * field, error, tolerance=ROUGHLY
        )
        error += RELAXED * (best - error)
        # (W + smoothing G^T D G) u = W (d - e), as far as stripes are supported
        field = _solver.solve(weight, edges, total - weight * support * error, field)
    return field


def _with_seamounts(data, weight, known, terms, field):
    """Lay a plate over known seamounts, held to zero around them, and add it to the stripes.

    It takes what the readings there have beyond the stripes, which were found without them.
    """
    # what readings on seamounts have beyond the stripes and the constants of their cruise
    inside = known.seamount & (weight > 0)
    beyond = np.where(inside, np.nan_to_num(data) - field, 0)
    if terms is not None:
        of_cruise = inside & (known.cruise >= 0)
        basis = _known.basis(known, of_cruise)
        beyond[of_cruise] -= np.sum(terms[known.cruise[of_cruise]] * basis, axis=1)
    # a plate through that, and through zero around the seamounts
    trust = np.where(known.seamount, weight, 1).astype("float32")
    total = (trust * beyond).astype("float32")
    rise = _solver.solve_bending(trust, total, np.zeros_like(total), *MOUNT)
    return field + np.where(known.seamount, rise, 0)


def _along_tracks(track):
    """Couplings of neighbouring track cells, as `_solver.stencil` gives them."""
    edges = np.zeros((4, *track.shape), "float32")
    edges[0, :, :-1] = track[:, :-1] & track[:, 1:]
    edges[1, :-1] = track[:-1] & track[1:]
    edges[2, :-1, :-1] = track[:-1, :-1] & track[1:, 1:]
    edges[3, :-1, :-1] = track[:-1, 1:] & track[1:, :-1]
    return tuple(np.float32(SLOWLY) * edges)


def expected_error(data, weight, known, restored, smoothing, across):
    """Error expected in each cell (nT): see `gridding.left_out_error` and `_error_on_track`.

    NaN everywhere where too few tracks could be left out.
    """

    def solve(kept):
        kept = np.where(kept, weight, 0).astype("float32")
        return restore(data, kept, known, smoothing, across).field

    on_track = max(_error_on_track(data, weight, restored, across), gridding.NOISE_NT)
    error = gridding.left_out_error(data, weight > 0, solve, on_track)
    return np.full(data.shape, np.nan, "float32") if error is None else error.astype("float32")


def _error_on_track(data, weight, restored, across):
    """Root mean square error expected on the tracks (nT): that of a reading.

    The map takes away the same share of errors of variance 1 as of the true ones, so that the
    residual over that share tells the error of a reading (Wahba 1983).  Smoothing does not lessen
    it by much, since the errors of one track agree (constants, positions).  The share is measured
    by sending random signs through the same system (Hutchinson's estimate of a trace).
    """
    # random signs s less their map A s: what the map takes away of errors of variance 1
    track = weight > 0
    signs = np.where(np.random.default_rng(0).random(data.shape) < 0.5, -1, 1).astype("float32")
    grids = _pyramid.build(signs, weight, levels=0)
    start = np.zeros_like(signs)
    kept = _pyramid.along_strike(grids, restored.tensor, restored.smoothing, across, start)
    taken_away = np.sqrt(np.mean((signs - kept)[track] ** 2))
    # readings less map is the same share of their true errors
    residual = np.sqrt(np.mean((restored.field - data)[track] ** 2))
    return float(residual / max(taken_away, 0.2))


# Fracture zones that a map shows by itself: places where stripes end side by side.
#
# Where a stripe is offset, the map changes along strike somewhere between the last track before the
# fracture zone and the first one beyond it.  One stripe tells little of where.  But a fracture zone
# cuts many, and what their doubtful stretches share is a line across them.  So the square slope
# along strike is averaged far across strike and hardly along it.  Where this mean stands out from
# its surroundings less is carried along strike, the change gathers there, and the next mean is
# sharper: a line process, whose elements favour neighbours in line (Geman & Geman 1984), solved by
# half-quadratic steps (Geman & Reynolds 1992).

REACH_CELLS = 24.0  # how far across strike slopes are averaged
AROUND_CELLS = 96.0  # standard deviation of the surroundings
USUAL = 3.0  # times the slope of the surroundings at which half is carried along
FRACTURE_ROUNDS = 3
FRACTURE_ROUGHLY = 1e-2  # relative residual of the averages and of the solutions in between


def find_fracture_zones(level, tensor, smoothing, across, field):
    """Find fracture zones and solve with them, in turn; return the map and its `continuity`."""
    for _ in range(FRACTURE_ROUNDS):
        share = continuity(level, tensor, across, field)
        edges = _pyramid.couplings(level, tensor, smoothing, across, share)
        field = _solver.solve(
            level.weight, edges, level.total, field, level.offsets, FRACTURE_ROUGHLY
        )
    return field, share


def continuity(level, tensor, across, field):
    """Tell how much of the smoothing along strike is left where stripes end side by side.

    1 where stripes run on; a half where the mean square slope is `USUAL` times that of the
    surroundings, and falling with its square beyond.
    """
    xx, xy, yy = _structure.diffusion_tensor(tensor, field.shape, across)
    east, north = _structure.gradient(field, max(1.0 / level.size, 0.7))
    # square slope along strike, grad u . D grad u, over the usual square slope
    steep = _structure.enlarge((tensor[0] + tensor[2]).astype("float32"), field.shape)
    along = (xx * east**2 + 2 * xy * east * north + yy * north**2) / (steep + np.float32(1e-20))
    # averaged across strike: diffusion with the other eigenvector, (1 + across) I - D
    both = np.float32(1 + across)  # the sum of both diffusivities where coherence is 1
    edges = _solver.stencil((both - xx, -xy, both - yy), (REACH_CELLS / level.size) ** 2)
    mean = _solver.solve(np.ones_like(along), edges, along, along, tolerance=FRACTURE_ROUGHLY)
    # beside its surroundings
    usual = _around(mean, AROUND_CELLS / level.size)
    excess = np.maximum(mean, 0) / (np.float32(USUAL) * usual + np.float32(1e-20))
    return 1 / (1 + excess * excess)


def _around(values, sigma_cells):
    """Mean of the surroundings of each cell, on cells a quarter of their size."""
    step = max(1, int(sigma_cells // 4))
    blocks = _structure.block_mean(np.maximum(values, 0), step)
    filled = _structure.block_mean(np.ones_like(values), step)
    mean, full = (ndimage.gaussian_filter(part, sigma_cells / step, mode="constant")
                  for part in (blocks, filled))  # fmt: skip
    return _structure.enlarge(mean / full, values.shape)
