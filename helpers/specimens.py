"""Fields whose nature is known, to try a method on: stripes, a fracture zone, blobs, seamounts.

Each has a standard deviation of 100 nT.  They are simpler than simulated seafloor on purpose: what
a method makes of them shows one of its habits at a time.
"""

import numpy as np
import xarray as xr
from scipy import ndimage

from . import gridding, ships

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
