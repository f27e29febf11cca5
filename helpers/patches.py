"""Patches: what the network sees, made from maps in one place.

A patch is a float32 array (n, 128, 128, channels).  What the channels can be:

- ``anomaly``, divided by the amplitude of the track data around the cell;
- ``linear``, the linear interpolation, likewise, where ``anomaly`` is the guided map;
- ``nearness`` to data, ``exp(-distance / 8 km)``;
- ``coherence`` of guided diffusion, 0 to 1: how far the readings support a direction;
- ``cos2`` and ``sin2`` of twice the strike of guided diffusion, times the coherence.

The last three do not pay, as the trials of `make train` show: no shipped network sees them.

Truth has four channels: the label (0 or 1), the weight of the cell in loss and score (0 or 1), and
cosine and sine of twice the strike.
"""

import numpy as np
import xarray as xr
from scipy import ndimage

from . import data, diffusion, gridding, levelling, seafloor, ships, turns

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
TRIED = (*CHANNELS, "coherence", "cos2", "sin2")  # with the guided map; a strike comes last
FIELDS = ("anomaly", "linear")  # channels that change their sign with the field; they come first
GUIDED = ("guided", "both")  # the inputs that need guided diffusion
INPUTS = tuple(LAYERS)


def input_stack(grid, name, guided=None, layers=None):
    """Stack the channels of one of the inputs.

    Parameters
    ----------
    grid : xarray.Dataset, shape (n, m)
        From `gridding.grid_tracks` or `gridding.grid_points`.
    name : str
        One of `INPUTS`.
    guided : xarray.Dataset, optional
        From `diffusion.guided`, where it has been made already.
    layers : sequence of str, optional
        Channels, if not those of `LAYERS`.

    Returns
    -------
    numpy.ndarray, shape (n, m, len(layers)), float32
    """
    return channels(as_seen(grid, name, guided), layers or LAYERS.get(name, CHANNELS))


def as_seen(grid, name, guided=None):
    """Put the map of one input, and its orientation where it has one, into a grid.

    Parameters
    ----------
    grid, name, guided
        As `input_stack`.

    Returns
    -------
    xarray.Dataset
        `grid` with another ``anomaly``; for ``guided`` and ``both`` also with ``strike_deg`` and
        ``coherence``, and the anomaly of `grid` as ``linear``.
    """
    if name not in GUIDED:
        return grid.assign(anomaly=make_map(grid, name))
    if guided is None:
        guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    made = {part: guided[part] for part in ("anomaly", "strike_deg", "coherence")}
    return grid.assign(made | {"linear": grid["anomaly"]})


def join(raw, guided):
    """Join the channels of the inputs ``raw`` and ``guided`` to those of ``both``.

    Parameters
    ----------
    raw, guided : numpy.ndarray, shape (..., n, m, channels)

    Returns
    -------
    numpy.ndarray, shape (..., n, m, channels)
    """
    return np.concatenate([guided[..., :1], raw[..., :1], guided[..., 1:]], axis=-1)


def make_map(grid, name):
    """Turn a gridded dataset into the map of one of the inputs.

    Parameters
    ----------
    grid : xarray.Dataset
        From `gridding.grid_tracks` or `gridding.grid_points`.
    name : str
        ``raw`` (linear interpolation), ``classical`` (that grid diffused), ``guided`` or ``both``.

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
    if name in GUIDED:
        return diffusion.guided(grid["block"], grid["weight"], uncertainty=False)["anomaly"]
    raise ValueError(f"There is no input named {name!r}; choose one of {', '.join(INPUTS)}.")


def channels(grid, layers=CHANNELS):
    """Stack the channels of a map.

    Parameters
    ----------
    grid : xarray.Dataset or xarray.DataArray, shape (n, m)
        The map as ``anomaly`` (nT); with ``block`` and ``distance_km`` of the tracks under it
        where they are known (without them every cell counts as data), and with ``coherence`` and
        ``strike_deg``, and ``linear``, where they are asked for (`as_seen`).
    layers : sequence of str
        Which channels, as the head of this module names them.

    Returns
    -------
    numpy.ndarray, shape (n, m, len(layers)), float32
        Cells without a value are 0.

    Raises
    ------
    ValueError
        If an orientation or a linear grid is asked for and the map has none.
    """
    if isinstance(grid, xr.DataArray):
        grid = grid.to_dataset(name="anomaly")
    needed = {"coherence", "strike_deg"} if "coherence" in layers else set()
    missing = sorted((needed | {"linear"} & set(layers)) - set(grid))
    if missing:
        raise ValueError(
            f"The channels {', '.join(layers)} are asked for, but the map has no "
            f"{' and '.join(missing)}; give what diffusion.guided returned (guided=...)."
        )
    make = {"anomaly": _scaled, "linear": _linear, "nearness": _nearness, "coherence": _coherence,
            "cos2": _cos2, "sin2": _sin2}  # fmt: skip
    made = [make[layer](grid) for layer in layers]
    return np.stack([np.nan_to_num(part) for part in made], axis=-1).astype("float32")


def _scaled(grid, name="anomaly"):
    """Anomaly over the amplitude of the track data around it."""
    block = grid["block" if "block" in grid else "anomaly"].to_numpy()
    return np.clip(grid[name].to_numpy() / amplitude(block), -4, 4)


def _linear(grid):
    return _scaled(grid, "linear")


def _nearness(grid):
    """Nearness to data, 1 where there are any."""
    if "distance_km" not in grid:
        return np.ones(grid["anomaly"].shape)
    return np.exp(-grid["distance_km"].to_numpy() / NEARNESS_KM)


def _coherence(grid):
    return grid["coherence"].to_numpy()


def _cos2(grid):
    return _coherence(grid) * turns.double_angle(grid["strike_deg"].to_numpy())[0]


def _sin2(grid):
    return _coherence(grid) * turns.double_angle(grid["strike_deg"].to_numpy())[1]


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


def knowable(grid):
    """Tell which cells are within `KNOWABLE_KM` of data.

    Parameters
    ----------
    grid : xarray.Dataset
        With ``distance_km``.

    Returns
    -------
    xarray.DataArray of bool, shape (n, m)
    """
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
    strike = np.nan_to_num(turns.double_angle(truth["strike_deg"].to_numpy()))
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


def region_grid(name, coverage, seed, kept=1.0, floor=0):
    """Simulate a region, send cruises over it, level them and grid what they read.

    Parameters
    ----------
    name : str
        A region of the registry.
    coverage : float
        Share of cells on tracks.
    seed : int
        Seed of the cruises.
    kept : float
        Share of the cruises that is kept; the others are dropped, drawn at random.
    floor : int
        Seed of what is random in the seafloor (`seafloor.simulate_region`).

    Returns
    -------
    tuple
        Truth (Dataset), levelled track table (DataFrame) and grid (Dataset).
    """
    truth, region = seafloor.simulate_region(name, seed=floor), data.region(name)
    rng = np.random.default_rng(seed)
    table = ships.cruise_over(truth, region, rng, coverage)
    if kept < 1:
        cruises = table["cruise"].unique()
        chosen = rng.choice(cruises, max(2, round(kept * len(cruises))), replace=False)
        table = table[table["cruise"].isin(chosen)].reset_index(drop=True)
    table, _ = levelling.level(table, region)
    grid = gridding.grid_tracks(table, region, float(truth.attrs["spacing_km"]))
    return truth, table, grid.assign_attrs(source="simulated")
