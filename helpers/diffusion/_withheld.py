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

from . import _diffusion, _pyramid, _structure

TILE_CELLS = 16  # side of the tiles of withheld readings
REACH_CELLS = 96.0  # standard deviation of the neighbourhood in which support is measured
ROUGHLY = 5e-3  # relative residual of predictions that only choose among a few
SMOOTHINGS = (1.0, 3.0, 10.0, 30.0)
INTEGRATIONS = (36.0, 24.0, 12.0)  # cells, wide to narrow
SAMPLE_CELLS = 1024  # side of the window, on larger maps, that tells which
REESTIMATIONS = {"reestimations": 3, "last": 2}  # for each; more hardly change which is best
PLATES = ((0.01, 0.05), (0.02, 1.0), (2.0, 200.0))  # tension and bending, soft to stiff
# chosen on simulated stripes, isotropic fields, seamounts and shuffled readings; see _support
RIDGE, NONE, ALL = 0.15, 0.15, 0.45
CAUTION = 1.5  # standard errors
WORTH = 1.0  # standard errors of misfit that a narrower average of the orientation must gain
TOLERATED = 1.03  # growth of the squared misfit that a smoother map is worth: withheld readings
# call for too little smoothing, since fewer of them are left to smooth and errors of one cruise
# agree on both sides of a tile's edge


@dataclass
class Evidence:
    """What the withheld readings say."""

    support: np.ndarray  # share of the field along strike, 0 to 1, on large cells
    smoothing: float
    plate: tuple[float, float]


def halve(data, weight, known, levels):
    """Withhold one half of the readings, in tiles, and then the other.

    Parameters
    ----------
    data, weight, known
        As in `_pyramid.build`.
    levels : list of pyramid.Level
        All readings, on the cells on which predictions are compared and on larger ones.

    Returns
    -------
    list of tuple
        Levels without the half, and where on the first of them it lies (numpy.ndarray of bool);
        empty where one half has no readings.
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
    tracks are few, a narrow one follows fans and offsets where they are many.

    Parameters
    ----------
    halves : list of tuple
        From `halve`.
    full : pyramid.Level
        All readings, on the cells of the comparison.
    smoothing, across : float
        As in `helpers.diffusion.guided`.

    Returns
    -------
    float
        Of `INTEGRATIONS` (cells) the first whose next, narrower, is not better by more than `WORTH`
        standard errors of the misfit.
    """
    if not halves:
        return INTEGRATIONS[1]
    rough = _roughly(halves)

    def misfits(cells):
        def predict(kept):
            return _pyramid.along_strike(kept, smoothing, cells, across, **REESTIMATIONS)[0]

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

    Parameters
    ----------
    halves, full
        As in `integration`.
    tensor : numpy.ndarray, shape (3, n, m)
        Structure tensor of the map from all readings.
    smoothing : float, optional
        Smoothness along strike; None chooses among `SMOOTHINGS`.
    across : float
        As in `helpers.diffusion.guided`.

    Returns
    -------
    Evidence
    """
    if not halves:
        return Evidence(np.zeros((1, 1), "float32"), smoothing or SMOOTHINGS[0], PLATES[0])

    def misfit(halves, solve, *options):
        return _misfit(halves, full, lambda kept: solve(kept, *options))

    choices = SMOOTHINGS if smoothing is None else (smoothing,)
    smoothing, along = _stiffest(
        choices, lambda value: misfit(halves, _pyramid.along_known, tensor, value, across)
    )
    rough = _roughly(halves)
    rivals = [misfit(rough, _pyramid.plate, *choice) for choice in PLATES]
    best = int(np.argmin([np.sum(rival**2) for rival in rivals]))
    tested = np.any([test for _, test in halves], axis=0)
    support = _support(along, rivals[best], np.where(tested, full.weight, 0), full.size)
    return Evidence(support, smoothing, PLATES[best])


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

    difference = without - along
    both = _structure.block_mean(weight * without * difference, step)
    square = _structure.block_mean(weight * (difference**2 + RIDGE * without**2), step)
    total = around(square) + 1e-30
    share = around(both) / total
    scatter = around((both - share * square) ** 2, sigma / np.sqrt(2)) / (4 * np.pi * sigma**2)
    share = share - CAUTION * np.sqrt(scatter) / total
    share = np.clip((share - NONE) / (ALL - NONE), 0, 1)
    return share * share * (3 - 2 * share)


NULL_KINDS = ("shuffled", "isotropic")


def null_test(block, rng, kind="isotropic", trials=4, **options):
    """Coherence of a survey beside that of the same tracks over a field without stripes.

    Parameters
    ----------
    block : xarray.DataArray or numpy.ndarray, shape (northing, easting)
        Block-averaged track data (nT); NaN where no track crosses the cell.
    rng : numpy.random.Generator
        Source of all randomness.
    kind : str
        ``"shuffled"`` deals the readings anew to the track cells; ``"isotropic"`` reads a random
        field with the variance of the survey and the mean square slope along its tracks.
    trials : int
        Number of null surveys.
    **options
        Passed to `helpers.diffusion.guided`.

    Returns
    -------
    dict of float
        ``coherence`` of the survey, ``null_coherence`` (mean of the trials), ``null_highest`` (of
        the trials) and ``ratio`` of null to survey.

    Raises
    ------
    ValueError
        If `kind` is not one of `KINDS` or `trials` is below 1.
    """
    if kind not in NULL_KINDS or trials < 1:
        raise ValueError(
            f"kind is {kind!r}, trials {trials}; give one of {NULL_KINDS} and at least 1."
        )
    values = np.asarray(block, float)
    own = _coherence(values, options)
    found = [_coherence(MAKERS[kind](values, rng), options) for _ in range(trials)]
    return {
        "coherence": own,
        "null_coherence": float(np.mean(found)),
        "null_highest": float(np.max(found)),
        "ratio": float(np.mean(found)) / own if own > 0 else np.inf,
    }


def _coherence(values, options):
    """Mean coherence that the data support."""
    return float(_diffusion.guided(values, uncertainty=False, **options)["coherence"].mean())


def _shuffled(values, rng):
    """Deal the readings anew to the track cells."""
    track, dealt = np.isfinite(values), values.copy()
    dealt[track] = rng.permutation(values[track])
    return dealt


def _isotropic(values, rng):
    """Read a random field, as variable and as steep as the survey, on its tracks.

    A Gaussian filter of standard deviation s over white noise leaves a mean square difference
    between neighbours of ``variance / (2 s^2)``.
    """
    steps = np.concatenate([np.diff(values, axis=axis).ravel() for axis in (0, 1)])
    steps = steps[np.isfinite(steps)]
    variance = np.nanvar(values)
    reach = 1.0
    if steps.size and variance > 0:
        reach = np.clip(np.sqrt(variance / (2 * np.mean(steps**2) + 1e-12 * variance)), 0.5, 50.0)
    field = ndimage.gaussian_filter(rng.standard_normal(values.shape), reach)
    field *= np.sqrt(variance) / field.std()
    return np.where(np.isfinite(values), field + np.nanmean(values), np.nan)


MAKERS = {"shuffled": _shuffled, "isotropic": _isotropic}
