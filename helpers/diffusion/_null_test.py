"""What the same tracks would show if there were no stripes.

The tracks stay where they are and what was read on them is replaced by something without
direction.  The coherence that is then reported is invented, and a survey's own coherence means
something only as far as it stands above it.
"""

import numpy as np
from scipy import ndimage

from .. import _shared
from . import _diffusion

TRIALS = 4  # null surveys


def null_test(block, rng, kind="isotropic"):
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

    Returns
    -------
    dict of float
        ``coherence`` of the survey (0 to 1, mean of the map), ``null_coherence`` (mean of four null
        surveys), ``null_highest`` (of the four) and ``ratio`` of null to survey: near 0 where the
        survey shows stripes, near 1 where what it shows is no more than chance.

    Raises
    ------
    ValueError
        If there is no such `kind`.

    Examples
    --------
    Stripes read on every fourth row of a small map:

    >>> import numpy as np
    >>> from helpers import diffusion
    >>> north, east = np.indices((64, 64))
    >>> block = np.where(north % 4 == 0, 100 * np.sin(east / 2.5), np.nan)
    >>> found = diffusion.null_test(block, np.random.default_rng(0), "shuffled")
    >>> found["coherence"] > 0.9, found["ratio"] < 0.1
    (True, True)
    """
    if kind not in NULLS:
        raise ValueError(f"kind is {kind!r}; give one of {tuple(NULLS)}.")
    values = np.asarray(block, float)
    own = _coherence(values)
    trials = _shared.progress(range(TRIALS), "null surveys")
    found = [_coherence(NULLS[kind](values, rng)) for _ in trials]
    return {
        "coherence": own,
        "null_coherence": float(np.mean(found)),
        "null_highest": float(np.max(found)),
        "ratio": float(np.mean(found)) / own if own > 0 else np.inf,
    }


def _coherence(values):
    """Mean coherence that the data support."""
    return float(_diffusion.guided(values, uncertainty=False)["coherence"].mean())


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


NULLS = {"shuffled": _shuffled, "isotropic": _isotropic}
