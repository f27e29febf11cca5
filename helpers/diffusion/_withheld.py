"""Do the tracks themselves support stripes?  Left-out readings decide, place by place.

Anisotropic smoothing always finds some direction, and draws stripes along it even in data that have
none.  Here each half of the readings, in tiles, is predicted twice from the other: along strike,
and by a thin plate that knows no direction.  Where the first predicts better its field is
kept, where it does not the plate's is: the share that fits the withheld readings best is a
regression, taken over a neighbourhood (stacked generalisation, Wolpert 1992, Neural Networks 5,
241-259).  The same misfits choose the smoothing.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from . import _pyramid, _structure

TILE_CELLS = 16  # side of the tiles of withheld readings
REACH_CELLS = 96.0  # standard deviation of the neighbourhood in which support is measured
ROUGHLY = 5e-3  # relative residual of predictions that only choose among a few
SMOOTHINGS = (1.0, 3.0, 10.0, 30.0)
INTEGRATIONS = (36.0, 24.0, 12.0)  # cells, wide to narrow
SAMPLE_CELLS = 1024  # side of the window, on larger maps, that tells which
REESTIMATIONS, LAST = 3, 2  # for each, the latter on the finest cells; more hardly change the best
PLATES = ((0.01, 0.05), (0.02, 1.0), (2.0, 200.0))  # tension and bending, soft to stiff
# chosen on simulated stripes, isotropic fields, seamounts and shuffled readings; see _support
RIDGE, NONE, ALL = 0.15, 0.15, 0.45
CAUTION = 1.5  # standard errors
WORTH = 1.0  # standard errors of misfit that a narrower average of the orientation must gain
TOLERATED = 1.03  # growth of the squared misfit that a smoother map is worth: withheld readings
# call for too little smoothing, since fewer of them are left to smooth and errors of one cruise
# agree on both sides of a tile's edge


@dataclass
class Choice:
    """What the withheld readings choose."""

    support: np.ndarray  # share of the field along strike, 0 to 1, on large cells
    smoothing: float
    plate: tuple[float, float]  # tension and bending


def halve(data, weight, known, levels):
    """Withhold one half of the readings, in tiles, and then the other.

    `levels` hold all readings, on the cells on which predictions are compared and on larger ones.
    Returns, for each half, the levels without it and where on the first of them it lies; nothing
    where one half has no readings.
    """
    row, column = np.indices(data.shape, sparse=True)
    tile, halves = (row // TILE_CELLS + column // TILE_CELLS) % 2, []
    for withheld in (tile == 1, tile == 0):
        kept = _pyramid.build(data, np.where(withheld, 0, weight), known, len(levels))
        kept = [level for level in kept if level.size >= levels[0].size]
        test = (kept[0].weight == 0) & (levels[0].weight > 0)
        if not test.any() or not kept[0].weight.any():
            return []
        halves.append((kept, test))
    return halves


def busiest(weight):
    """Return the window of at most `SAMPLE_CELLS` a side that holds most readings, two slices."""
    shares = _structure.block_mean((weight > 0).astype("float32"), SAMPLE_CELLS)
    corner = np.unravel_index(np.argmax(shares), shares.shape)
    return tuple(slice(at * SAMPLE_CELLS, (at + 1) * SAMPLE_CELLS) for at in corner)


def integration(halves, full, smoothing, across):
    """Choose how widely the orientation is averaged: by predicting withheld readings.

    Orientation and field come from the kept readings alone.  A wide average is steady where
    tracks are few, a narrow one follows fans and offsets where they are many.  Of `INTEGRATIONS`
    (cells) it is the first whose next, narrower, is not better by more than `WORTH` standard errors
    of the misfit.  `full` holds all readings on the cells of the comparison.
    """
    if not halves:
        return INTEGRATIONS[1]
    rough = _roughly(halves)

    def misfits(cells):
        options = _pyramid.Options(smoothing, cells, across, REESTIMATIONS)

        def predict(kept):
            return _pyramid.along_strike(kept, options, last=LAST)[0]

        found = _misfit(rough, full, predict)
        return _structure.block_mean(found**2, max(1, TILE_CELLS // full.size)).ravel()

    wide, found = INTEGRATIONS[0], misfits(INTEGRATIONS[0])
    for narrow in INTEGRATIONS[1:]:
        gain = found - misfits(narrow)
        if gain.sum() <= WORTH * np.sqrt(np.sum(gain**2)):
            break
        wide, found = narrow, found - gain
    return wide


def weigh(halves, full, tensor, smoothing, across):
    """Predict withheld readings along strike and without direction, and compare.

    `tensor` is the structure tensor of the map from all readings, `full` holds these on the cells
    of the comparison; where `smoothing` is None it is chosen among `SMOOTHINGS`.
    """
    if not halves:
        return Choice(np.zeros((1, 1), "float32"), smoothing or SMOOTHINGS[0], PLATES[0])

    def misfit(halves, solve, *given):
        return _misfit(halves, full, lambda kept: solve(kept, *given))

    # along strike: as smooth as the withheld readings bear
    choices = SMOOTHINGS if smoothing is None else (smoothing,)
    smoothing, along = _stiffest(
        choices, lambda value: misfit(halves, _pyramid.along_known, tensor, value, across)
    )
    # without direction: the plate that predicts them best
    rough = _roughly(halves)
    rivals = [misfit(rough, _pyramid.plate, *choice) for choice in PLATES]
    best = int(np.argmin([np.sum(rival**2) for rival in rivals]))
    # and the share of the one and the other, place by place
    tested = np.any([test for _, test in halves], axis=0)
    support = _support(along, rivals[best], np.where(tested, full.weight, 0), full.size)
    return Choice(support, smoothing, PLATES[best])


def _roughly(halves):
    """Lower the precision to which the levels of halves are solved."""
    return [([replace(level, tolerance=ROUGHLY) for level in kept], test) for kept, test in halves]


def _misfit(halves, full, predict):
    """Take from each reading its prediction from the other half (nT); 0 off the tracks.

    The halves wait for nothing and are predicted side by side.
    """
    misfit = np.zeros_like(full.total)
    with ThreadPoolExecutor(len(halves)) as pool:
        fields = list(pool.map(predict, [kept for kept, _ in halves]))
    for field, (kept, test) in zip(fields, halves, strict=True):
        total = full.total
        if full.offsets is not None:
            total = full.offsets.without(total, kept[0].offsets.constants(field))
        misfit += np.where(test, total / np.maximum(full.weight, 1e-12) - field, 0)
    return misfit


def _stiffest(choices, predict):
    """Climb from soft to stiff as long as the withheld readings are predicted hardly worse."""
    best, found = choices[0], predict(choices[0])
    least = np.sum(found**2)
    for choice in choices[1:]:
        misfit = predict(choice)
        if np.sum(misfit**2) > TOLERATED * least:
            break
        best, found = choice, misfit
        least = min(least, np.sum(misfit**2))
    return best, found


def _support(along, without, weight, size):
    """Share of the prediction along strike that fits the withheld readings best, 0 to 1.

    With ``d - i`` and ``d - g`` the misfits of the plate and along strike, the best share of a
    neighbourhood is ``<(d - i)(g - i)> / (<(g - i)^2> + RIDGE <(d - i)^2>)``: where the two differ
    by little beside what neither explains, the plate is kept.  `CAUTION` standard errors are taken
    off, since few readings may favour a direction by chance; they come from the scatter between
    blocks, within which readings are not independent.  A share up to `NONE` counts as none, one
    from `ALL` as all.
    """
    step = max(1, int(REACH_CELLS / size) // 4)
    sigma = REACH_CELLS / size / step

    def around(blocks, sigma=sigma):
        return ndimage.gaussian_filter(blocks, sigma, mode="constant")

    # d - i is `without`, d - g is `along`, so that g - i is their difference
    difference = without - along
    both = _structure.block_mean(weight * without * difference, step)
    square = _structure.block_mean(weight * (difference**2 + RIDGE * without**2), step)
    # <(d - i)(g - i)> over <(g - i)^2> + RIDGE <(d - i)^2>
    total = around(square) + 1e-30
    share = around(both) / total
    # its standard error, from what each block leaves unexplained
    scatter = around((both - share * square) ** 2, sigma / np.sqrt(2)) / (4 * np.pi * sigma**2)
    share = share - CAUTION * np.sqrt(scatter) / total
    # none up to NONE, all from ALL, smoothly between
    share = np.clip((share - NONE) / (ALL - NONE), 0, 1)
    return share * share * (3 - 2 * share)
