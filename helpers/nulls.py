"""Null tests: what the same tracks would show if there were no stripes.

The tracks stay where they are and what was read on them is replaced by something without
direction.  The coherence that `diffusion.guided` then reports is invented, and a survey's own
coherence means something only as far as it stands above it.  Likewise every line that is then
found is a false one.
"""

import numpy as np
from scipy import ndimage

from . import diffusion
from .interpolation import interpolate

KINDS = ("shuffled", "isotropic")


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
    if kind not in KINDS or trials < 1:
        raise ValueError(f"kind is {kind!r}, trials {trials}; give one of {KINDS} and at least 1.")
    values = np.asarray(block, float)
    own = _coherence(values, options)
    found = [_coherence(MAKERS[kind](values, rng), options) for _ in range(trials)]
    return {
        "coherence": own,
        "null_coherence": float(np.mean(found)),
        "null_highest": float(np.max(found)),
        "ratio": float(np.mean(found)) / own if own > 0 else np.inf,
    }


def replaced(grid, rng, kind="shuffled"):
    """Put a null survey in the place of a survey.

    Parameters
    ----------
    grid : xarray.Dataset
        From `gridding.grid_tracks` or `gridding.grid_points`.
    rng : numpy.random.Generator
        Source of all randomness.
    kind : str
        As in `null_test`.

    Returns
    -------
    xarray.Dataset
        `grid` with another ``block``, and the ``anomaly`` interpolated from it.
    """
    block = MAKERS[kind](grid["block"].to_numpy().astype(float), rng)
    anomaly = interpolate(block)
    return grid.assign(
        block=grid["block"].copy(data=block.astype(grid["block"].dtype)),
        anomaly=grid["anomaly"].copy(data=anomaly.astype(grid["anomaly"].dtype)),
    )


def _coherence(values, options):
    """Mean coherence that the data support."""
    return float(diffusion.guided(values, uncertainty=False, **options)["coherence"].mean())


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
