"""Fields whose nature is known, to try a method on: stripes, a fracture zone, blobs, seamounts.

Each has a standard deviation of 100 nT.  They are simpler than simulated seafloor on purpose: what
a method makes of them shows one of its habits at a time.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from helpers import diffusion, gridding, tracks
from helpers.diffusion import _null_test
from helpers.seafloor import crust, forward, ships

AMPLITUDE_NT = 100.0
CELLS_PER_MOUNT = 2200  # one seamount on so many cells
MOUNT_CELLS = (4.0, 12.0)  # smallest and largest standard deviation of a seamount


def stripes(cells, strike_deg=30.0, wavelength_cells=16.0, offset_cells=0.0):
    """Make parallel stripes, which a fracture zone across the middle may offset.

    Parameters
    ----------
    cells : int
        Side of the map.
    strike_deg : float
        Strike, clockwise from north (the first axis).
    wavelength_cells : float
        From one positive stripe to the next.
    offset_cells : float
        How far the stripes beyond the fracture zone are moved across their strike.

    Returns
    -------
    numpy.ndarray, shape (cells, cells)
        Anomaly (nT).
    """
    across = across_strike(cells, strike_deg) + offset_cells * (along_strike(cells, strike_deg) > 0)
    return AMPLITUDE_NT * np.sqrt(2) * np.sin(2 * np.pi * across / wavelength_cells)


def along_strike(cells, strike_deg=30.0):
    """Cells along strike from the middle of the map, which is where the fracture zone runs."""
    row, column = np.indices((cells, cells)) - (cells - 1) / 2
    return row * np.cos(np.radians(strike_deg)) + column * np.sin(np.radians(strike_deg))


def across_strike(cells, strike_deg=30.0):
    """Cells across strike from the middle of the map."""
    return along_strike(cells, strike_deg + 90.0)


def blobs(cells, rng, reach_cells=4.0):
    """Make a random field without direction: white noise under a Gaussian.

    Parameters
    ----------
    cells : int
        Side of the map.
    rng : numpy.random.Generator
        Source of all randomness.
    reach_cells : float
        Standard deviation of the Gaussian.

    Returns
    -------
    numpy.ndarray, shape (cells, cells)
        Anomaly (nT).
    """
    return _scaled(ndimage.gaussian_filter(rng.standard_normal((cells, cells)), reach_cells))


def seamounts(cells, rng):
    """Make round bumps of either sign and random size on a flat field.

    Parameters
    ----------
    cells : int
        Side of the map.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    numpy.ndarray, shape (cells, cells)
        Anomaly (nT).
    """
    row, column = np.indices((cells, cells))
    field = np.zeros((cells, cells))
    for _ in range(max(1, cells**2 // CELLS_PER_MOUNT)):
        square = (row - rng.uniform(0, cells)) ** 2 + (column - rng.uniform(0, cells)) ** 2
        field += rng.normal() * np.exp(-square / (2 * rng.uniform(*MOUNT_CELLS) ** 2))
    return _scaled(field)


def half_striped(cells, rng):
    """Make a map of stripes in its western half and of blobs in its eastern one.

    Parameters
    ----------
    cells : int
        Side of the map.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    numpy.ndarray, shape (cells, cells)
        Anomaly (nT).
    """
    field = stripes(cells)
    field[:, cells // 2 :] = blobs(cells, rng)[:, cells // 2 :]
    return field


@dataclass
class Case:
    """A field that misleads, where to judge it, and what could be known of it beforehand."""

    field: np.ndarray
    where: np.ndarray
    known: diffusion.Known | None = None


def hard_cases(cells, wavelength_cells=16.0, near_cells=10):
    """Make the cases in which following a direction goes wrong most easily.

    Parameters
    ----------
    cells : int
        Side of the maps.
    wavelength_cells : float
        Of the stripes.
    near_cells : int
        How far from the difficulty to judge.

    Returns
    -------
    dict of str to Case
        ``curved`` and ``fan-shaped`` isochrons (judged everywhere), ``crossing strikes`` and
        ``fracture zone`` (judged near the border), ``seamount`` (among stripes, judged near it).
    """
    north, east = np.indices((cells, cells)) - (cells - 1) / 2
    turn = 2 * np.pi / wavelength_cells
    everywhere, height = np.ones((cells, cells), bool), AMPLITUDE_NT * np.sqrt(2)
    radius = np.hypot(north + 0.8 * cells, east + 0.3 * cells)
    pole = np.arctan2(east + 0.8 * cells, north + 0.4 * cells)
    two = np.where(east < 0, across_strike(cells, 30.0), across_strike(cells, 120.0))
    strikes = np.where(east < 0, 30.0, 120.0)
    zone = along_strike(cells)
    mount = 4 * AMPLITUDE_NT * np.exp(-(north**2 + east**2) / (2 * (0.3 * wavelength_cells) ** 2))
    return {
        "curved": Case(height * np.sin(turn * radius), everywhere),
        "fan-shaped": Case(height * np.sin(turn * 0.9 * cells * pole), everywhere),
        "crossing strikes": Case(
            height * np.sin(turn * two),
            np.abs(east) < near_cells,
            diffusion.Known(strike_deg=strikes),
        ),
        "fracture zone": Case(
            stripes(cells, wavelength_cells=wavelength_cells, offset_cells=wavelength_cells / 2),
            np.abs(zone) < near_cells,
            diffusion.Known(barrier=np.abs(zone) < 0.75),
        ),
        "seamount": Case(
            stripes(cells, wavelength_cells=wavelength_cells) + mount,
            np.hypot(north, east) < 2 * near_cells,
            diffusion.Known(seamount=np.hypot(north, east) < 0.75 * wavelength_cells),
        ),
    }


def survey(field, rng, coverage, spacing_km=2.0):
    """Send simulated cruises over a field and grid what they read, errors included.

    Parameters
    ----------
    field : numpy.ndarray, shape (n, m)
        True anomaly (nT).
    rng : numpy.random.Generator
        Source of all randomness.
    coverage : float
        Share of cells on tracks.
    spacing_km : float
        Side of the cells.

    Returns
    -------
    xarray.Dataset
        As `gridding.grid_points` without ``uncertainty_nt``, and ``truth``, the field.
    """
    northing, easting = ((np.arange(size) + 0.5) * spacing_km for size in field.shape)
    axes = {"northing": northing, "easting": easting}
    truth = xr.DataArray(field, axes, tuple(axes))
    table = ships.lay_tracks(northing, easting, rng, coverage)
    value = ships.read_field(field, truth, table, rng)
    place = (table["easting_km"], table["northing_km"])
    grid = gridding.grid_points(*place, value, northing, easting, uncertainty=False)
    return grid.assign(truth=truth)


def _scaled(field):
    """Bring a field to mean zero and the common amplitude."""
    return AMPLITUDE_NT * (field - field.mean()) / field.std()


# Maps without lineations, on which every line that is found is a false one.
#
# Of invented seafloor: a field without direction, seamounts, and a quiet zone (crust of one
# polarity under rough relief).  Of real surveys: the readings dealt anew to the cells of their
# tracks.

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
        As `survey`.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    makers = {"isotropic": blobs, "seamounts": seamounts,
              "quiet zone": quiet_zone}  # fmt: skip
    if kind not in makers:
        raise ValueError(f"There is no null map {kind!r}; choose one of {', '.join(KINDS)}.")
    return survey(makers[kind](cells, rng), rng, coverage)


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
    tables = {name: table for name, table in tracks.load_surveys().items() if name in REAL}
    grids = [
        gridding.grid_tracks(table, tracks.SURVEYS[name].region) for name, table in tables.items()
    ]
    return [replaced(_densest(grid), rng, "shuffled") for grid in grids]


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


# Null tests: what the same tracks would show if there were no stripes.
#
# The tracks stay where they are and what was read on them is replaced by something without
# direction.  The coherence that `diffusion.guided` then reports is invented, and a survey's own
# coherence means something only as far as it stands above it.  Likewise every line that is then
# found is a false one.


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
    block = _null_test.NULLS[kind](grid["block"].to_numpy().astype(float), rng)
    anomaly = gridding.interpolate(block)
    return grid.assign(
        block=grid["block"].copy(data=block.astype(grid["block"].dtype)),
        anomaly=grid["anomaly"].copy(data=anomaly.astype(grid["anomaly"].dtype)),
    )
