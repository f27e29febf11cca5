"""Do the tracks themselves support stripes?  Left-out readings decide, place by place.

Anisotropic smoothing always finds some direction, and draws stripes along it even in data that have
none.  Here each quarter of the readings, in tiles, is predicted twice from the others: along
strike, and by a thin plate that knows no direction.  Where the first predicts better its field is
kept, where it does not the plate's is: the share that fits the withheld readings best is a
regression, taken over a neighbourhood (stacked generalisation, Wolpert 1992, Neural Networks 5,
241-259).  The same misfits choose, as
locally, the smoothing and the plate.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from . import _pyramid, _structure
from ._known import double_angle

TILE_CELLS = 16  # side of the tiles of withheld readings
REACH_CELLS = 96.0  # standard deviation of the neighbourhood in which support is measured,
CHOICE_CELLS = 48.0  # and of that in which smoothing and plate are chosen
ROUGHLY = 5e-3  # relative residual of predictions that only choose among a few
SMOOTHINGS = (1.0, 3.0, 10.0, 30.0)
PLATES = ((0.01, 0.05), (0.02, 1.0), (2.0, 200.0))  # tension and bending, soft to stiff
# chosen on simulated stripes, isotropic fields, seamounts and shuffled readings; see _support
RIDGE, NONE, ALL = 0.15, 0.15, 0.45
CAUTION = 3.0  # standard errors
WORTH = 0.1  # of a known strike that suffices, in readings for stripes, as a share of all
BEYOND_CELLS, ALONG_CELLS = 8.0, 50.0  # along it lie others that tell of a withheld reading
FAINT = 1e-3  # how much the misfit of the whole map counts beside that around a place
TOLERATED = 1.03  # growth of the squared misfit that a smoother map is worth: withheld readings
# call for too little smoothing, since fewer of them are left to smooth and errors of one cruise
# agree on both sides of a tile's edge


@dataclass
class Choice:
    """What the withheld readings choose."""

    support: np.ndarray  # share of the field along strike, 0 to 1, on large cells
    smoothing: np.ndarray  # on large cells
    plates: np.ndarray  # share of each of `PLATES`, on large cells


def withhold(data, weight, known, levels):
    """Withhold a quarter of the readings, in tiles, and then each other quarter.

    `levels` hold all readings, on the cells on which predictions are compared and on larger ones.
    Returns, for each quarter, the levels without it and where on the first of them it lies; nothing
    where all readings lie in one.
    """
    row, column = np.indices(data.shape, sparse=True)
    tile, quarters = row // TILE_CELLS % 2 + 2 * (column // TILE_CELLS % 2), []
    for part in range(4):
        of_others = np.where(tile == part, 0, weight)
        if not of_others.any():
            return []
        kept = _pyramid.build(data, of_others, known, len(levels))
        kept = [level for level in kept if level.size >= levels[0].size]
        test = (kept[0].weight == 0) & (levels[0].weight > 0)
        quarters.append((kept, test))
    return quarters


def weigh(quarters, full, tensor, smoothing, across, known=None):
    """Predict withheld readings along strike and without direction, and compare.

    `tensor` is the structure tensor of the map from all readings, `full` holds these on the cells
    of the comparison; where `smoothing` is None it is chosen among `SMOOTHINGS`.  Where the strike
    is `known` and suffices, those count that could be told along it by others.
    """
    if not quarters:
        shares = np.zeros((len(PLATES), 1, 1), "float32")
        shares[0] = 1
        smoothing = np.full((1, 1), smoothing or SMOOTHINGS[0], "float32")
        return Choice(np.zeros((1, 1), "float32"), smoothing, shares)
    tested = np.any([test for _, test in quarters], axis=0)
    weight, step = np.where(tested, full.weight, 0), max(1, int(CHOICE_CELLS / full.size) // 4)
    sigma = CHOICE_CELLS / full.size / step

    def misfits(quarters, solve, choices):
        """Misfit of each choice, and its square around each place."""
        found = [_misfit(quarters, full, functools.partial(solve, *choice)) for choice in choices]
        square = [_structure.block_mean(weight * each**2, step) for each in found]
        # far from readings the choice of the whole map stands
        square = np.array([_around(part, sigma) + FAINT * part.mean() for part in square])
        return np.array(found), square

    def along_strike(value, kept):
        return _pyramid.along_strike(kept, tensor, value, across)

    def plate(tension, bending, kept):
        return _pyramid.plate(kept, tension, bending)

    # along strike: as smooth as the withheld readings bear
    choices = np.array(SMOOTHINGS if smoothing is None else (smoothing,), "float32")
    along, square = misfits(quarters, along_strike, [[value] for value in choices])
    borne = square <= TOLERATED * square.min(axis=0)
    stiffest = len(choices) - 1 - np.argmax(borne[::-1], axis=0)
    chosen = np.exp(_around(np.log(choices)[stiffest], 1.0, mode="nearest"))
    along = _at(along, stiffest, step)
    # without direction: the plate that predicts them best
    plates, square = misfits(_roughly(quarters), plate, PLATES)
    best = np.argmin(square, axis=0)
    shares = np.array([_around(1.0 * (best == k), 1.0, mode="nearest") for k in range(len(PLATES))])
    plates = _at(plates, best, step)
    # and the share of the one and the other, place by place
    given = None
    if known is not None and known.strike_suffices:
        given = _given(quarters, full, known.strike_deg)
    support = _support(along, plates, weight, full.size, given)
    return Choice(support, chosen.astype("float32"), shares.astype("float32"))


def _at(found, chosen, step):
    """Take from maps, one for each choice, the one chosen in each block."""
    rows, columns = found.shape[1:]
    of_cell = chosen.repeat(step, 0).repeat(step, 1)[:rows, :columns]
    return np.take_along_axis(found, of_cell[None], axis=0)[0]


def _around(blocks, sigma, mode="constant"):
    """Average over the blocks around each."""
    return ndimage.gaussian_filter(np.asarray(blocks, float), sigma, mode=mode)


def _roughly(quarters):
    """Lower the precision to which the levels of quarters are solved."""
    roughly = functools.partial(replace, tolerance=ROUGHLY)
    return [([roughly(level) for level in kept], test) for kept, test in quarters]


def _misfit(quarters, full, predict):
    """Take from each reading its prediction from the other quarters (nT); 0 off the tracks.

    The quarters wait for nothing and are predicted side by side.
    """
    misfit = np.zeros_like(full.total)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fields = list(pool.map(predict, [kept for kept, _ in quarters]))
    for field, (kept, test) in zip(fields, quarters, strict=True):
        total = full.total
        if full.offsets is not None:
            total = full.offsets.without(total, kept[0].offsets.constants(field))
        misfit += np.where(test, total / np.maximum(full.weight, 1e-12) - field, 0)
    return misfit


def _given(quarters, full, strike_deg):
    """Tell where a strike is known (0 to 1), and which withheld readings tell of it.

    Those are they that have others along the strike, from `BEYOND_CELLS` to `ALONG_CELLS` away: a
    lone track has none.
    """
    known, cos, sin = (_structure.block_mean(part, full.size) for part in double_angle(strike_deg))
    angle = 0.5 * np.arctan2(sin, cos)  # across strike, anticlockwise from east
    tells = np.zeros(full.weight.shape, bool)
    steps = np.arange(BEYOND_CELLS / full.size, ALONG_CELLS / full.size)
    for kept, test in quarters:
        others = ndimage.binary_dilation(kept[0].weight > 0, np.ones((3, 3)))
        row, column = np.nonzero(test)
        for step in [*steps, *-steps]:
            north = np.rint(row + step * np.cos(angle[row, column])).astype(int)
            east = np.rint(column - step * np.sin(angle[row, column])).astype(int)
            inside = (north >= 0) & (north < tells.shape[0]) & (east >= 0) & (east < tells.shape[1])
            inside[inside] = others[north[inside], east[inside]]
            tells[row[inside], column[inside]] = True
    return known, tells


def _support(along, without, weight, size, given=None):
    """Share of the prediction along strike that fits the withheld readings best, 0 to 1.

    With ``d - i`` and ``d - g`` the misfits of the plate and along strike, the best share of a
    neighbourhood is ``<(d - i)(g - i)> / (<(g - i)^2> + RIDGE <(d - i)^2>)``: where the two differ
    by little beside what neither explains, the plate is kept.  `CAUTION` standard errors are taken
    off, since few readings may favour a direction by chance; they come from the scatter between
    blocks, within which readings are not independent.  A share up to `NONE` counts as none, one
    from `ALL` as all.

    Where a strike is `given` (`_given`) only readings that tell of it count, and it counts for
    stripes, as much as a share of `WORTH` of all readings: where none tells, it decides.
    """
    step = max(1, int(REACH_CELLS / size) // 4)
    sigma = REACH_CELLS / size / step
    # d - i is `without`, d - g is `along`, so that g - i is their difference
    difference = without - along
    both = weight * without * difference
    square = weight * (difference**2 + RIDGE * without**2)
    if given is not None:
        known, tells = given
        worth = WORTH * known * square
        tells = 1 - known * ~tells
        both, square = tells * both + worth, tells * square + worth
    both, square = (_structure.block_mean(part, step) for part in (both, square))
    # <(d - i)(g - i)> over <(g - i)^2> + RIDGE <(d - i)^2>
    total = _around(square, sigma) + 1e-30
    share = _around(both, sigma) / total
    # its standard error, from what each block leaves unexplained
    scatter = _around((both - share * square) ** 2, sigma / np.sqrt(2)) / (4 * np.pi * sigma**2)
    share = share - CAUTION * np.sqrt(scatter) / total
    # none up to NONE, all from ALL, smoothly between
    share = np.clip((share - NONE) / (ALL - NONE), 0, 1)
    return share * share * (3 - 2 * share)
