"""What the network sees of a map and what it should answer, and the eight positions of both.

A patch is a float32 array (n, 128, 128, channels).  What the channels can be:

- ``anomaly``, divided by the amplitude of the track data around the cell;
- ``linear``, the linear interpolation, likewise, where ``anomaly`` is the guided map;
- ``nearness`` to data, ``exp(-distance / 8 km)``.

Truth has four channels: the label (0 or 1), the weight of the cell in loss and score (0 or 1), and
cosine and sine of twice the strike.  The coherence and strike of guided diffusion were tried as
further channels and did not pay (`data/results/training.json`, under ``curves``).
"""

import numpy as np
import xarray as xr
from scipy import ndimage

SIZE = 128
CHANNELS = ("anomaly", "nearness")
NEARNESS_KM = 8.0
AMPLITUDE_CELLS = 32.0
KNOWABLE_KM = 24.0  # cells farther from any data are left out of loss and score
LAYERS = {  # the channels of each input, in order
    "raw": CHANNELS,
    "classical": CHANNELS,
    "both": ("anomaly", "linear", "nearness"),
    "guided": CHANNELS,
}
FIELDS = ("anomaly", "linear")  # channels that change their sign with the field; they come first
INPUTS = tuple(LAYERS)


def with_guided(grid, guided):
    """Put the map of `diffusion.guided` into a grid as ``anomaly``, its own being ``linear``."""
    return grid.assign(anomaly=guided["anomaly"], linear=grid["anomaly"])


def channels(grid, layers=CHANNELS):
    """Stack the channels of a map as a network sees them.

    Parameters
    ----------
    grid : xarray.Dataset or xarray.DataArray, shape (n, m)
        The map as ``anomaly`` (nT); with ``block`` and ``distance_km`` of the tracks under it
        where they are known (without them every cell counts as data), and with ``linear`` where
        it is asked for (`with_guided`).
    layers : sequence of str
        Which channels: ``anomaly`` and ``linear``, each divided by the amplitude of the track data
        around the cell and clipped at 4, and ``nearness``, ``exp(-distance / 8 km)``.

    Returns
    -------
    numpy.ndarray, shape (n, m, len(layers)), float32
        Rows run north, columns east.  Cells without a value are 0.

    Raises
    ------
    ValueError
        If ``linear`` is asked for and the map has none.

    Examples
    --------
    A map without tracks: every cell counts as data, and 50 nT is as large as usual.

    >>> import numpy as np
    >>> import xarray as xr
    >>> from helpers import network
    >>> field = xr.DataArray(np.full((3, 4), 50.0), dims=("northing", "easting"))
    >>> network.channels(field)[1, 2].round(3).tolist()
    [1.0, 1.0]
    """
    if isinstance(grid, xr.DataArray):
        grid = grid.to_dataset(name="anomaly")
    if "linear" in layers and "linear" not in grid:
        raise ValueError(
            f"The channels {', '.join(layers)} are asked for, but the map has no linear; give what "
            "diffusion.guided returned (guided=...)."
        )
    made = [_nearness(grid) if layer == "nearness" else _scaled(grid, layer) for layer in layers]
    return np.stack([np.nan_to_num(part) for part in made], axis=-1).astype("float32")


def _scaled(grid, name):
    """Divide a field by the amplitude of the track data around each cell."""
    block = grid["block" if "block" in grid else "anomaly"].to_numpy()
    return np.clip(grid[name].to_numpy() / amplitude(block), -4, 4)


def _nearness(grid):
    """Nearness to data, 1 where there are any."""
    if "distance_km" not in grid:
        return np.ones(grid["anomaly"].shape)
    return np.exp(-grid["distance_km"].to_numpy() / NEARNESS_KM)


def amplitude(block):
    """Root mean square (nT) of the track data around each cell, under a Gaussian.

    `block` holds track data (nT), NaN elsewhere.  Far from all data it is that of all data.
    """
    known = np.isfinite(block)

    def average(values):
        return ndimage.gaussian_filter(values, AMPLITUDE_CELLS, truncate=3.0, mode="constant")

    # share of cells with data, and their mean square, each under the Gaussian
    weight = average(known.astype("float32")) + 1e-9
    square = average(np.where(known, block, 0).astype("float32") ** 2)
    # a little of the mean square of all data, which decides where none are near
    overall = float(np.sqrt(np.mean(block[known] ** 2))) + 1e-3
    return np.sqrt((square + 1e-4 * overall**2) / (weight + 1e-4))


def knowable(grid):
    """Tell which cells of a grid are within `KNOWABLE_KM` of data, by its ``distance_km``."""
    return grid["distance_km"] <= KNOWABLE_KM


def truth_channels(truth, grid):
    """Label, weight and strike of each cell.

    Parameters
    ----------
    truth : xarray.Dataset
        With ``label``, ``anomaly`` and ``strike_deg`` from `helpers.seafloor`.
    grid : xarray.Dataset
        With ``distance_km`` on the same cells.

    Returns
    -------
    numpy.ndarray, shape (n, m, 4), float32
        Label; weight, 0 where the seafloor is unknown or data are farther than `KNOWABLE_KM`;
        cosine and sine of twice the strike.
    """
    known = np.isfinite(truth["anomaly"].to_numpy())
    known &= knowable(grid).to_numpy()
    strike = np.nan_to_num(double_angle(truth["strike_deg"].to_numpy()))
    return np.stack([truth["label"].to_numpy(), known, *strike], axis=-1).astype("float32")


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


# The eight positions of a square: four turns, and each of them mirrored. A map of seafloor in any
# of them is as likely a map.
#
# A strike is stored as the cosine and sine of twice its angle (clockwise from north), so that 0 and
# 180 degrees are one direction.  A quarter turn of the map changes the sign of both, a mirror image
# the sign of the sine.

POSITIONS = 8


def turn(stack, position, strike=False):
    """Bring a map (rows north, columns east, channels) into one of its eight positions.

    From 4 on it is mirrored, east for west.  With `strike` the last two channels are cosine and
    sine of twice the strike.
    """
    turned = np.rot90(stack, position % 4, axes=(0, 1))
    turned = turned[:, ::-1] if position >= 4 else turned
    return _signed(turned, position) if strike else turned


def turn_back(stack, position, strike=False):
    """Undo `turn`; the parameters are the same."""
    stack = stack[:, ::-1] if position >= 4 else stack
    turned = np.rot90(stack, -(position % 4), axes=(0, 1))
    return _signed(turned, position) if strike else turned


def _signed(stack, position):
    """Change the signs of the double angle of the strike as the position asks."""
    quarter = -1.0 if position % 2 else 1.0
    signs = np.ones(stack.shape[-1], stack.dtype)
    signs[-2:] = quarter, -quarter if position >= 4 else quarter
    return stack * signs


def double_angle(strike_deg):
    """Cosine and sine of twice a strike (degrees clockwise from north)."""
    double = 2 * np.radians(strike_deg)
    return np.cos(double), np.sin(double)


def strike_deg(cos2, sin2):
    """Strike (degrees clockwise from north, 0 to 180) from cosine and sine of twice its angle."""
    return np.degrees(np.arctan2(sin2, cos2)) / 2 % 180
