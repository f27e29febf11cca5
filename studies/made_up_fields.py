"""Fields whose nature is known, to try a method on: stripes, a fracture zone, blobs, seamounts.

They are simpler than simulated seafloor on purpose: what a method makes of them shows one of its
habits at a time.  Maps are square, so many cells a side; `rng` is the source of all randomness.
Behind them come maps without lineations, on which every line is a false one.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from helpers import diffusion, gridding
from helpers.diffusion import _null_test
from helpers.seafloor import crust, forward, ships

from . import cases

AMPLITUDE_NT = 100.0  # standard deviation of a field
SPACING_KM = 2.0  # side of the cells
WAVELENGTH_CELLS = 16.0  # from one positive stripe to the next
CELLS_PER_MOUNT = 2200  # one seamount on so many cells
MOUNT_CELLS = (4.0, 12.0)  # smallest and largest standard deviation of a seamount
NEAR_CELLS = 10  # how far from the difficulty a hard case is judged
WIDTHS_CELLS = 16.0, 0.5  # median width of a block of one polarity, and its spread (of the log)
STRENGTH = 0.4, 1.0  # of a block; polarities alternate
EDGE_CELLS = 2.0  # over which the anomaly turns from one polarity to the next
BEND_CELLS = 25.0, 0.6  # how far stripes swing to either side, and how often on the map
OFFSET_CELLS = 15.0, 40.0  # smallest and largest offset at a fracture zone
CONSTANT, NOISE = 0.2, 0.1  # of cruises and of readings, over the spread of the anomaly
TRACK_CELLS = 200, 600  # shortest and longest track, before the rim of the map cuts it


def stripes(cells, strike_deg=30.0, offset_cells=0.0):
    """Make parallel stripes (nT), which a fracture zone across the middle may offset.

    The strike is clockwise from north (the first axis); beyond the fracture zone the stripes are
    moved by `offset_cells` across it.
    """
    across = across_strike(cells, strike_deg) + offset_cells * (along_strike(cells, strike_deg) > 0)
    return AMPLITUDE_NT * np.sqrt(2) * np.sin(2 * np.pi * across / WAVELENGTH_CELLS)


def stripe_map(share, seed, cells=512):
    """Make bending blocks with two fracture zones, and survey them on straight lines.

    Parameters
    ----------
    share : float
        Share of the cells that cruises cross.
    seed : int
        Seed of field and cruises.
    cells : int
        Side of the map.

    Returns
    -------
    xarray.Dataset, shape (cells, cells)
        ``truth`` (standard deviation 1); ``block``, the readings, each with noise and the unknown
        constant of its cruise, NaN off the tracks; ``cruise``, its number, -1 off the tracks.
    """
    rng = np.random.default_rng(seed)
    strike = rng.uniform(0, 180)
    along, across = along_strike(cells, strike), across_strike(cells, strike)
    swing, times = BEND_CELLS
    across += swing * np.sin(2 * np.pi * (times * along / cells + rng.uniform()))
    for place in rng.uniform(-0.35, 0.35, 2) * cells:  # fracture zones
        across += rng.choice([-1, 1]) * rng.uniform(*OFFSET_CELLS) * (along > place)

    # a profile of blocks across strike, in quarters of a cell, with edges as smooth as the depth
    width = rng.lognormal(np.log(WIDTHS_CELLS[0]), WIDTHS_CELLS[1], cells)
    strength = rng.uniform(*STRENGTH, cells) * (-1) ** np.arange(cells)
    at = np.arange(across.min() - 1, across.max() + 1, 0.25)
    block = np.searchsorted(np.cumsum(width), at - at[0])
    profile = ndimage.gaussian_filter1d(strength[block], EDGE_CELLS / 0.25)
    truth = np.interp(across, at, profile)
    truth = (truth - truth.mean()) / truth.std()

    cruise = straight_tracks(share, rng, cells)
    constant = rng.normal(0, CONSTANT, cruise.max() + 1)
    reading = truth + constant[cruise] + rng.normal(0, NOISE, truth.shape)
    layers = {"truth": truth, "block": np.where(cruise >= 0, reading, np.nan), "cruise": cruise}
    return xr.Dataset({name: (("northing", "easting"), one) for name, one in layers.items()})


def straight_tracks(share, rng, cells):
    """Draw the number of the cruise in each cell, -1 off the tracks; the last one counts."""
    cruise = np.full((cells, cells), -1)
    while (cruise >= 0).mean() < share:
        angle, (south, west) = rng.uniform(0, 2 * np.pi), rng.uniform(0, cells, 2)
        far = np.arange(0, rng.uniform(*TRACK_CELLS), 0.5)
        places = south + far * np.cos(angle), west + far * np.sin(angle)
        row, column = np.floor(places).astype(int)
        inside = (row >= 0) & (row < cells) & (column >= 0) & (column < cells)
        cruise[row[inside], column[inside]] = cruise.max() + 1
    return cruise


def along_strike(cells, strike_deg=30.0):
    """Cells along strike from the middle of the map, which is where the fracture zone runs."""
    row, column = np.indices((cells, cells)) - (cells - 1) / 2
    return row * np.cos(np.radians(strike_deg)) + column * np.sin(np.radians(strike_deg))


def across_strike(cells, strike_deg=30.0):
    """Cells across strike from the middle of the map."""
    return along_strike(cells, strike_deg + 90.0)


def blobs(cells, rng, reach_cells=4.0):
    """Make a random field (nT) without direction: white noise under a Gaussian."""
    return _scaled(ndimage.gaussian_filter(rng.standard_normal((cells, cells)), reach_cells))


def seamounts(cells, rng):
    """Make round bumps of either sign and random size on a flat field (nT)."""
    row, column = np.indices((cells, cells))
    field = np.zeros((cells, cells))
    for _ in range(max(1, cells**2 // CELLS_PER_MOUNT)):
        square = (row - rng.uniform(0, cells)) ** 2 + (column - rng.uniform(0, cells)) ** 2
        field += rng.normal() * np.exp(-square / (2 * rng.uniform(*MOUNT_CELLS) ** 2))
    return _scaled(field)


def half_striped(cells, rng):
    """Make a map (nT) of stripes in its western half and of blobs in its eastern one."""
    field = stripes(cells)
    field[:, cells // 2 :] = blobs(cells, rng)[:, cells // 2 :]
    return field


@dataclass
class Case:
    """A field that misleads, where to judge it, and what could be known of it beforehand."""

    field: np.ndarray
    where: np.ndarray
    known: diffusion.Known | None = None


def hard_cases(cells):
    """Make the cases in which following a direction goes wrong most easily, by name.

    ``curved`` and ``fan-shaped`` isochrons are judged everywhere, ``crossing strikes`` and
    ``fracture zone`` near the border, ``seamount`` (among stripes) near it.
    """
    north, east = np.indices((cells, cells)) - (cells - 1) / 2
    turn = 2 * np.pi / WAVELENGTH_CELLS
    everywhere, height = np.ones((cells, cells), bool), AMPLITUDE_NT * np.sqrt(2)
    radius = np.hypot(north + 0.8 * cells, east + 0.3 * cells)
    pole = np.arctan2(east + 0.8 * cells, north + 0.4 * cells)
    two = np.where(east < 0, across_strike(cells, 30.0), across_strike(cells, 120.0))
    strikes = np.where(east < 0, 30.0, 120.0)
    zone = along_strike(cells)
    mount = 4 * AMPLITUDE_NT * np.exp(-(north**2 + east**2) / (2 * (0.3 * WAVELENGTH_CELLS) ** 2))
    return {
        "curved": Case(height * np.sin(turn * radius), everywhere),
        "fan-shaped": Case(height * np.sin(turn * 0.9 * cells * pole), everywhere),
        "crossing strikes": Case(
            height * np.sin(turn * two),
            np.abs(east) < NEAR_CELLS,
            diffusion.Known(strike_deg=strikes),
        ),
        "fracture zone": Case(
            stripes(cells, offset_cells=WAVELENGTH_CELLS / 2),
            np.abs(zone) < NEAR_CELLS,
            diffusion.Known(barrier=np.abs(zone) < 0.75),
        ),
        "seamount": Case(
            stripes(cells) + mount,
            np.hypot(north, east) < 2 * NEAR_CELLS,
            diffusion.Known(seamount=np.hypot(north, east) < 0.75 * WAVELENGTH_CELLS),
        ),
    }


def survey(field, rng, coverage):
    """Send simulated cruises over a field (nT) and grid what they read, errors included.

    They cross the share `coverage` of its cells.  Gives what `gridding.grid_points` does, without
    ``uncertainty_nt``, and ``truth``, the field.
    """
    northing, easting = ((np.arange(size) + 0.5) * SPACING_KM for size in field.shape)
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
# polarity under rough relief).  Of real surveys: the tracks stay where they are, and what was read
# on them is replaced by something without direction.

CELLS = 192  # side of the invented maps
MARGIN = 24  # cells around the quiet zone, cut off again
QUIET_DEPTH_KM, QUIET_RELIEF_KM = 4.5, 0.4  # of old, slowly spread crust
REAL = ("ew0007", "pacific_antarctic")  # surveys wide enough for cells of 2 km


def quiet_zone(cells, rng):
    """Simulate crust of one polarity (nT): only its relief and uneven magnetisation are seen."""
    shape = (cells + 2 * MARGIN, cells + 2 * MARGIN)
    strength = crust.OLD_A_M * crust.variation(rng, shape, SPACING_KM, 10.0, 0.3)
    strength *= crust.variation(rng, shape, SPACING_KM, *crust.REGIONAL)
    hills = QUIET_RELIEF_KM * crust.smooth_noise(rng, shape, 8.0 / SPACING_KM)
    depth = np.clip(QUIET_DEPTH_KM + hills, 1.0, None)
    latitude = rng.uniform(15, 60)
    directions = forward.dipole(latitude), forward.dipole(latitude - rng.uniform(0, 30))
    field = forward.total_field_anomaly(strength, depth, SPACING_KM, *directions)
    field = field[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return field - field.mean()


MAKERS = {"isotropic": blobs, "seamounts": seamounts, "quiet zone": quiet_zone}
KINDS = tuple(MAKERS)


def invented(kind, rng, coverage):
    """Invent a map of one of `KINDS` and survey it as `survey` does; ValueError for others."""
    if kind not in MAKERS:
        raise ValueError(f"There is no null map {kind!r}; choose one of {', '.join(KINDS)}.")
    return survey(MAKERS[kind](CELLS, rng), rng, coverage)


def shuffled(rng):
    """Deal the readings of the real surveys anew to the cells of their tracks.

    Of each survey at most `CELLS` a side, where the tracks are densest; no surveys where the
    registry cannot give the files.
    """
    tables = {name: table for name, table in cases.load_surveys().items() if name in REAL}
    grids = [
        gridding.grid_tracks(table, cases.SURVEYS[name].region, uncertainty=False)
        for name, table in tables.items()
    ]
    return [replaced(_densest(grid), rng, "shuffled") for grid in grids]


def _densest(grid):
    """Cut the window with the most track cells out of a grid."""
    crossed = np.isfinite(grid["block"].to_numpy()).astype("float32")
    side = [min(CELLS, size) for size in crossed.shape]
    share = ndimage.uniform_filter(crossed, side, mode="constant")
    middle = np.unravel_index(np.argmax(share), share.shape)
    start = [
        int(np.clip(where - cells // 2, 0, size - cells))
        for where, cells, size in zip(middle, side, crossed.shape, strict=True)
    ]
    rows, columns = (slice(first, first + cells) for first, cells in zip(start, side, strict=True))
    return grid.isel(northing=rows, easting=columns)


def replaced(grid, rng, kind="shuffled"):
    """Put a null survey (`diffusion.null_test`) in the place of a survey: its block and anomaly."""
    block = _null_test.NULLS[kind](grid["block"].to_numpy().astype(float), rng)
    anomaly = gridding.interpolate(block)
    return grid.assign(
        block=grid["block"].copy(data=block.astype(grid["block"].dtype)),
        anomaly=grid["anomaly"].copy(data=anomaly.astype(grid["anomaly"].dtype)),
    )
