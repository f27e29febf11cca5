"""Fields whose nature is known, to try a method on: stripes, a fracture zone, blobs, seamounts.

Each has a standard deviation of 100 nT.  They are simpler than simulated seafloor on purpose: what
a method makes of them shows one of its habits at a time.
"""

from dataclasses import dataclass

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


@dataclass
class Case:
    """A field that misleads, where to judge it, and what could be known of it beforehand."""

    field: np.ndarray
    where: np.ndarray
    known: dict


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
        "curved": Case(height * np.sin(turn * radius), everywhere, {}),
        "fan-shaped": Case(height * np.sin(turn * 0.9 * cells * pole), everywhere, {}),
        "crossing strikes": Case(
            height * np.sin(turn * two), np.abs(east) < near_cells, {"strike_deg": strikes}
        ),
        "fracture zone": Case(
            stripes(cells, wavelength_cells=wavelength_cells, offset_cells=wavelength_cells / 2),
            np.abs(zone) < near_cells,
            {"barrier": np.abs(zone) < 0.75},
        ),
        "seamount": Case(
            stripes(cells, wavelength_cells=wavelength_cells) + mount,
            np.hypot(north, east) < 2 * near_cells,
            {"seamount": np.hypot(north, east) < 0.75 * wavelength_cells},
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
