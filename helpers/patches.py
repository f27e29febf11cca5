"""Patches: what the network sees, made from maps in one place.

A patch is a float32 array (n, 128, 128, channels).  Channels, in order:

0. the anomaly, divided by the amplitude of the track data around the cell;
1. nearness to data, ``exp(-distance / 8 km)``.

Truth has two channels: the label (0 or 1) and the weight of the cell in loss and score (0 or 1).
"""

import numpy as np
import xarray as xr
from scipy import ndimage

from . import data, diffusion, gridding, levelling, seafloor, ships

SIZE = 128
CHANNELS = ("anomaly", "nearness")
NEARNESS_KM = 8.0
AMPLITUDE_CELLS = 32.0
KNOWABLE_KM = 24.0  # cells farther from any data are left out of loss and score
INPUTS = ("raw", "classical", "guided")


def simulate_pair(rng, coverage=None, inputs=("raw", "guided")):
    """Make one training pair: a random seafloor, cruises over it, and the workbook's own maps.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    coverage : float, optional
        Share of cells on tracks; by default random between 0.02 and 0.25.
    inputs : sequence of str
        Which maps to make, of `INPUTS`.

    Returns
    -------
    tuple
        ``{input: array (128, 128, 2)}`` and the truth, an array (128, 128, 2).
    """
    truth = seafloor.simulate_random(rng, (SIZE, SIZE))
    coverage = rng.uniform(0.02, 0.25) if coverage is None else coverage
    northing, easting = truth.northing.to_numpy(), truth.easting.to_numpy()
    table = ships.lay_tracks(northing, easting, rng, coverage)
    value = ships.read_field(truth["anomaly"].to_numpy(), truth["anomaly"], table, rng)
    grid = gridding.grid_points(
        table.easting_km, table.northing_km, value, northing, easting, uncertainty=False
    )
    maps = {name: channels(grid.assign(anomaly=make_map(grid, name))) for name in inputs}
    return maps, truth_channels(truth, grid)


def make_map(grid, name):
    """Turn a gridded dataset into one of the three input maps.

    Parameters
    ----------
    grid : xarray.Dataset
        From `gridding.grid_tracks` or `gridding.grid_points`.
    name : str
        ``raw`` (linear interpolation), ``classical`` (that grid diffused) or ``guided``.

    Returns
    -------
    xarray.DataArray
        Anomaly (nT) on the cells of `grid`.

    Raises
    ------
    ValueError
        If `name` is none of `INPUTS`.
    """
    if name == "raw":
        return grid["anomaly"]
    if name == "classical":
        return diffusion.classical(grid["anomaly"])["anomaly"]
    if name == "guided":
        return diffusion.guided(grid["block"], grid["weight"], uncertainty=False)["anomaly"]
    raise ValueError(f"There is no input named {name!r}; choose one of {', '.join(INPUTS)}.")


def channels(grid):
    """Stack the channels of a map.

    Parameters
    ----------
    grid : xarray.Dataset or xarray.DataArray, shape (n, m)
        The map as ``anomaly`` (nT); with ``block`` and ``distance_km`` of the tracks under it
        where they are known.  Without them every cell counts as data.

    Returns
    -------
    numpy.ndarray, shape (n, m, 2), float32
        The channels named in `CHANNELS`; cells without a value are 0.
    """
    if isinstance(grid, xr.DataArray):
        grid = grid.to_dataset(name="anomaly")
    anomaly = grid["anomaly"].to_numpy()
    block = grid["block"].to_numpy() if "block" in grid else anomaly
    field = np.nan_to_num(anomaly / amplitude(block))
    nearness = np.ones_like(field)
    if "distance_km" in grid:
        nearness = np.exp(-grid["distance_km"].to_numpy() / NEARNESS_KM)
    return np.stack([np.clip(field, -4, 4), nearness], axis=-1).astype("float32")


def amplitude(block):
    """Amplitude (nT) of the track data around each cell.

    Parameters
    ----------
    block : numpy.ndarray, shape (n, m)
        Track data (nT), NaN elsewhere.

    Returns
    -------
    numpy.ndarray, shape (n, m)
        Root mean square of the data, averaged with a Gaussian of `AMPLITUDE_CELLS`.
    """
    known = np.isfinite(block)

    def average(values):
        return ndimage.gaussian_filter(values, AMPLITUDE_CELLS, truncate=3.0, mode="constant")

    weight = average(known.astype("float32")) + 1e-9
    overall = float(np.sqrt(np.mean(block[known] ** 2))) + 1e-3
    square = average(np.where(known, block, 0).astype("float32") ** 2)
    return np.sqrt((square + 1e-4 * overall**2) / (weight + 1e-4))


def truth_channels(truth, grid):
    """Label and weight of each cell.

    Parameters
    ----------
    truth : xarray.Dataset
        With ``label`` and ``anomaly`` from `helpers.seafloor`.
    grid : xarray.Dataset
        With ``distance_km`` on the same cells.

    Returns
    -------
    numpy.ndarray, shape (n, m, 2), float32
        Label, and weight: 0 where the seafloor is unknown or data are farther than
        `KNOWABLE_KM`.
    """
    known = np.isfinite(truth["anomaly"].to_numpy())
    known &= grid["distance_km"].to_numpy() <= KNOWABLE_KM
    return np.stack([truth["label"].to_numpy(), known], axis=-1).astype("float32")


def cut(stack, corners):
    """Cut patches out of a stack of channels.

    Parameters
    ----------
    stack : numpy.ndarray, shape (n, m, channels)
        Channels of a whole map.
    corners : iterable of (row, column)
        Lower corners of the patches.

    Returns
    -------
    numpy.ndarray, shape (len(corners), 128, 128, channels)

    Raises
    ------
    ValueError
        If a patch would reach beyond the map.
    """
    rows, columns = stack.shape[:2]
    for row, column in corners:
        if row < 0 or column < 0 or row + SIZE > rows or column + SIZE > columns:
            raise ValueError(
                f"A patch of {SIZE} cells at row {row}, column {column} reaches beyond the map of "
                f"{rows} x {columns} cells; choose corners from 0 to {rows - SIZE} and "
                f"{columns - SIZE}."
            )
    return np.stack([stack[row : row + SIZE, column : column + SIZE] for row, column in corners])


def blocks(truth, gap=24, least_known=0.6):
    """Divide a region into spatial blocks for training, validation and test.

    The map is tiled by blocks of one patch with a gap between them, so that no cell and no
    neighbour of a cell serves twice.  Of every five blocks, counted along the rows, the second
    is for validation and the fourth and fifth for test.

    Parameters
    ----------
    truth : xarray.Dataset
        Simulated region.
    gap : int
        Cells between blocks.
    least_known : float
        Blocks with a smaller share of lineated seafloor are left out.

    Returns
    -------
    dict of str to list of (row, column)
        Lower corners, under ``train``, ``validation`` and ``test``.
    """
    lineated = truth["lineated"].to_numpy() > 0
    rows, columns = lineated.shape
    corners = [
        (row, column)
        for row in range(0, rows - SIZE + 1, SIZE + gap)
        for column in range(0, columns - SIZE + 1, SIZE + gap)
        if lineated[row : row + SIZE, column : column + SIZE].mean() >= least_known
    ]
    parts = {"train": [], "validation": [], "test": []}
    for number, corner in enumerate(corners):
        part = ("train", "validation", "train", "test", "test")[number % 5]
        parts[part].append(corner)
    return parts


def region_maps(name, coverage, seed, inputs=INPUTS):
    """Simulate a region, its cruises and the input maps over it.

    Parameters
    ----------
    name : str
        A region of the registry.
    coverage : float
        Share of cells on tracks.
    seed : int
        Seed of the cruises.
    inputs : sequence of str
        Which maps to make, of `INPUTS`.

    Returns
    -------
    tuple
        Truth (Dataset), grid (Dataset) and ``{input: DataArray}``.
    """
    truth, _, grid = region_grid(name, coverage, seed)
    return truth, grid, {name_: make_map(grid, name_) for name_ in inputs}


def region_grid(name, coverage, seed):
    """Simulate a region, send cruises over it, level them and grid what they read.

    Parameters
    ----------
    name, coverage, seed
        As `region_maps`.

    Returns
    -------
    tuple
        Truth (Dataset), levelled track table (DataFrame) and grid (Dataset).
    """
    truth, region = seafloor.simulate_region(name), data.region(name)
    table = ships.cruise_over(truth, region, np.random.default_rng(seed), coverage)
    table, _ = levelling.level(table, region)
    grid = gridding.grid_tracks(table, region, float(truth.attrs["spacing_km"]))
    return truth, table, grid.assign_attrs(source="simulated")
