"""Maps without lineations, on which every line that is found is a false one.

Of invented seafloor: a field without direction, seamounts, and a quiet zone (crust of one polarity
under rough relief).  Of real surveys: the readings dealt anew to the cells of their tracks.
"""

import numpy as np
from scipy import ndimage

from . import crust, forward, gridding, nulls, specimens, surveys

CELLS = 192  # side of the invented maps
MARGIN = 24  # cells around the quiet zone, cut off again
QUIET_DEPTH_KM, QUIET_RELIEF_KM = 4.5, 0.4  # of old, slowly spread crust
KINDS = ("isotropic", "seamounts", "quiet zone")
REAL = ("ew0007", "pacific_antarctic")  # surveys wide enough for cells of 2 km


def quiet_zone(cells, rng, spacing_km=2.0):
    """Simulate crust of one polarity: only its relief and uneven magnetisation are seen.

    Parameters
    ----------
    cells : int
        Side of the map.
    rng : numpy.random.Generator
        Source of all randomness.
    spacing_km : float
        Side of the cells.

    Returns
    -------
    numpy.ndarray, shape (cells, cells)
        Anomaly (nT), mean 0.
    """
    shape = (cells + 2 * MARGIN, cells + 2 * MARGIN)
    strength = crust.OLD_A_M * crust.variation(rng, shape, spacing_km, 10.0, 0.3)
    strength *= crust.variation(rng, shape, spacing_km, *crust.REGIONAL)
    hills = QUIET_RELIEF_KM * crust.smooth_noise(rng, shape, 8.0 / spacing_km)
    depth = np.clip(QUIET_DEPTH_KM + hills, 1.0, None)
    latitude = rng.uniform(15, 60)
    directions = forward.dipole(latitude), forward.dipole(latitude - rng.uniform(0, 30))
    field = forward.total_field_anomaly(strength, depth, spacing_km, *directions)
    field = field[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return field - field.mean()


def invented(kind, rng, coverage, cells=CELLS):
    """Invent a map without lineations and send simulated cruises over it.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    rng : numpy.random.Generator
        Source of all randomness.
    coverage : float
        Share of cells on tracks.
    cells : int
        Side of the map.

    Returns
    -------
    xarray.Dataset
        As `specimens.survey`.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    makers = {"isotropic": specimens.blobs, "seamounts": specimens.seamounts,
              "quiet zone": quiet_zone}  # fmt: skip
    if kind not in makers:
        raise ValueError(f"There is no null map {kind!r}; choose one of {', '.join(KINDS)}.")
    return specimens.survey(makers[kind](cells, rng), rng, coverage)


def shuffled(rng):
    """Deal the readings of the real surveys anew to the cells of their tracks.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    list of xarray.Dataset
        At most `CELLS` a side, where the tracks are densest; empty where the registry cannot give
        the files.
    """
    tables = {name: table for name, table in surveys.load_all().items() if name in REAL}
    grids = [
        gridding.grid_tracks(table, surveys.SURVEYS[name].region) for name, table in tables.items()
    ]
    return [nulls.replaced(_densest(grid), rng, "shuffled") for grid in grids]


def _densest(grid):
    """Cut the window with the most track cells out of a grid."""
    tracks = np.isfinite(grid["block"].to_numpy()).astype("float32")
    side = [min(CELLS, size) for size in tracks.shape]
    share = ndimage.uniform_filter(tracks, side, mode="constant")
    middle = np.unravel_index(np.argmax(share), share.shape)
    start = [
        int(np.clip(where - cells // 2, 0, size - cells))
        for where, cells, size in zip(middle, side, tracks.shape, strict=True)
    ]
    rows, columns = (slice(first, first + cells) for first, cells in zip(start, side, strict=True))
    return grid.isel(northing=rows, easting=columns)
