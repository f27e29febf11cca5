"""Pretraining pairs: random seafloor as the workbook's own maps show it, beside its true lines.

Most pairs are surveys as people have them, tracks over a few to 25 % of the cells.  Some have a
track or two, so that the network learns how little can be said along them.  Some are compilations
such as EMAG2: a smooth value in every cell, and nobody says where the ships went.
"""

import numpy as np
from scipy import ndimage

from helpers import gridding, network, seafloor
from helpers.seafloor import ships

from .. import cases, made_up_fields

KINDS = {  # share of the pairs, lowest and highest share of their cells on tracks
    "survey": (0.8, 0.02, 0.25),
    "lone tracks": (0.1, 0.004, 0.02),
    "compilation": (0.1, 0.1, 0.5),
}
SMOOTHEST_CELLS = 2.0  # of a compilation, which is smoothed or seen from higher up
NULL_KINDS = ("isotropic", "shuffled")  # of pairs without any lineation


def simulate_pair(rng, coverage=None, inputs=("raw", "guided"), null_share=0.0):
    """Make one training pair: a random seafloor, cruises over it, and the workbook's own maps.

    Tracks lie on the share `coverage` of the cells of a survey; by default one of `KINDS` is drawn,
    and a share.  `inputs` are the maps to make (``raw``, ``classical``, ``guided``, ``both``).  In
    the share `null_share` of pairs the readings are replaced by something without direction
    (`made_up_fields.replaced`) and the truth has no line; beside those that have none anyway.

    Gives ``{input: array (128, 128, channels)}``, float32, with the channels of that input, and the
    truth, an array (128, 128, 4) as `network.truth_channels` gives it.
    """
    truth = seafloor.simulate_random(rng, (network.SIZE, network.SIZE))
    kind = "survey"
    if coverage is None:
        shares = [share for share, _, _ in KINDS.values()]
        kind = str(rng.choice(list(KINDS), p=shares))
        coverage = rng.uniform(*KINDS[kind][1:])
    grid = _surveyed(truth, rng, coverage)
    answer = network.truth_channels(truth, grid)
    if null_share and rng.random() < null_share:
        grid = made_up_fields.replaced(grid, rng, str(rng.choice(NULL_KINDS)))
        answer[..., 0] = 0
    if kind == "compilation":
        grid = compiled(grid, rng.uniform(0, SMOOTHEST_CELLS))
    return {name: cases.input_stack(grid, name) for name in inputs}, answer


def _surveyed(truth, rng, coverage):
    """Send cruises over a seafloor and grid what they read."""
    northing, easting = truth.northing.to_numpy(), truth.easting.to_numpy()
    table = ships.lay_tracks(northing, easting, rng, coverage)
    value = ships.read_field(truth["anomaly"].to_numpy(), truth["anomaly"], table, rng)
    return gridding.grid_points(
        table.easting_km, table.northing_km, value, northing, easting, uncertainty=False
    )


def compiled(grid, smoothing_cells=1.0):
    """Make of a gridded survey what a compilation gives: smoothed, and its tracks forgotten.

    The smoothed ``anomaly`` is ``block`` too, with ``weight`` 1 and ``distance_km`` 0 in all cells
    that have a value; `smoothing_cells` is the standard deviation of the Gaussian.
    """
    values = grid["anomaly"].to_numpy().astype("float64")
    known = np.isfinite(values)
    share = np.maximum(ndimage.gaussian_filter(known.astype(float), smoothing_cells), 1e-9)
    smooth = ndimage.gaussian_filter(np.where(known, values, 0), smoothing_cells) / share
    smooth = np.where(known, smooth, np.nan)
    made = {"anomaly": smooth, "block": smooth, "weight": known, "distance_km": ~known}
    return grid.assign(
        {name: grid[name].copy(data=part.astype(grid[name].dtype)) for name, part in made.items()}
    )
