"""What labels drawn by people are good for: agreement, truth, and fine-tuning of a model."""

import numpy as np
from rasterio import features
from rasterio.transform import Affine
from scipy import ndimage
from shapely.geometry import LineString

from .. import network, scores
from ..seafloor import labels

BLOCK_CELLS = 32  # side of the blocks of which some are kept from training, to choose the epoch
GAP_CELLS = 4  # between these and the training cells
EVERY = 5  # one block in so many is kept
STEP_CELLS = 48  # from one training patch to the next
RATE, PATIENCE = 1e-3, 6


def label_of(lines, grid):
    """Draw lines on the cells of a grid, as wide as the labels of simulated maps.

    Parameters
    ----------
    lines : iterable of Line
    grid : xarray.Dataset or xarray.DataArray
        Gives the cells, (northing, easting) in km.

    Returns
    -------
    numpy.ndarray of bool, shape of `grid`
        True on lines, three cells wide; what lies beyond the grid is left out.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from helpers import labelling
    >>> grid = xr.Dataset(coords={"northing": [0.0, 2.0, 4.0], "easting": np.arange(0, 14, 2.0)})
    >>> line = labelling.Line(np.array([[6, 0], [6, 4]]), "Ada", "", "a map")
    >>> labelling.label_of([line], grid)[1].astype(int).tolist()
    [0, 0, 1, 1, 1, 0, 0]
    """
    east, north = (grid[name].to_numpy() for name in ("easting", "northing"))
    shape, paths = (north.size, east.size), [LineString(line.points) for line in lines]
    if not paths:
        return np.zeros(shape, bool)
    wide, high = east[1] - east[0], north[1] - north[0]
    # from columns and rows, counted from the outer corner of the first cell, to km
    to_km = Affine(wide, 0, east[0] - wide / 2, 0, high, north[0] - high / 2)
    marked = features.rasterize(paths, shape, transform=to_km)
    return ndimage.binary_dilation(marked, iterations=labels.LINE_CELLS // 2)


def agreement(first, second, grid, mask=None):
    """Score one person's lines against another's, as a network's would be.

    Parameters
    ----------
    first, second : iterable of Line
        The lines scored, and those taken as truth.
    grid : xarray.Dataset or xarray.DataArray
        The map on which both drew.
    mask : array_like of bool, optional
        Cells that count: what both have looked at; by default all.

    Returns
    -------
    dict of str to float
        From `scores.score_lines`, within 2 cells. Changing places swaps precision and recall; F1
        stays.
    """
    drawn, truth = (label_of(lines, grid) for lines in (first, second))
    mask = np.ones(truth.shape, bool) if mask is None else mask
    return scores.score_lines(drawn.astype(float), truth, mask)


def truth_of(lines, grid, area=None):
    """Label and weight of each cell of a map that a person has labelled.

    Where nobody looked is not background: the weight is 0 outside `area`, and where data are
    farther than `network.KNOWABLE_KM`.  Inside, all that is not on a line is background.

    Parameters
    ----------
    lines : iterable of Line
        The labels.
    grid : xarray.Dataset
        The map, with ``distance_km``.
    area : tuple of float, optional
        West, east, south and north (km) of what was looked at; by default the whole map.

    Returns
    -------
    numpy.ndarray, shape (n, m, 2), float32
        As `network.truth_channels`.
    """
    west, east, south, north = (-np.inf, np.inf, -np.inf, np.inf) if area is None else area
    x, y = grid["easting"].to_numpy()[None], grid["northing"].to_numpy()[:, None]
    looked = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    looked &= network.knowable(grid).to_numpy()
    return np.stack([label_of(lines, grid), looked], axis=-1).astype("float32")


def fine_tune(name, grid, truth, epochs=20, seed=0):
    """Train a shipped model a little further on a labelled map.

    One block of cells in `EVERY` is kept from the loss and chooses the epoch. The running means
    of the batch normalisation stay as they were: a few patches cannot tell them anew.

    Parameters
    ----------
    name : str
        The model to start from, for the kind of map that `grid` is.
    grid : xarray.Dataset
        The map, as `network.predict` takes it.
    truth : numpy.ndarray, shape (n, m, 2)
        From `truth_of`.
    epochs : int
        At most this many.
    seed : int
        Seed of the order and the turns of the patches.

    Returns
    -------
    tuple
        The model, with its ``record``, and the losses of each epoch, as `network.train` gives
        them.

    Raises
    ------
    ValueError
        If hardly anything is labelled.
    """
    if truth[..., 0].max() == 0 or truth[..., 1].mean() < 0.01:
        raise ValueError(
            "There is no line in the labelled area, or the area is smaller than a hundredth of "
            "the map; draw some lines first, and give the area that you looked at."
        )
    model = network.load(name)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.trainable = False
    seen = network.channels(grid, model.record["layers"])
    stack, parts = _padded(seen), _split(truth)
    corners = _corners(stack.shape[:2])
    inputs = network.cut(stack, corners)
    kept, unseen = (network.cut(_padded(part), corners) for part in parts)
    used = kept[..., 1].any(axis=(1, 2))
    history = network.train(
        model, inputs[used], kept[used], (inputs, unseen), epochs, RATE, PATIENCE, batch=2,
        seed=seed,
    )  # fmt: skip
    return model, history


def _split(truth):
    """Truth to train on, and truth to choose the epoch by: blocks apart by a gap."""
    row, column = np.indices(truth.shape[:2]) // BLOCK_CELLS
    chosen = (2 * row + column) % EVERY == EVERY - 1  # a knight's move apart
    away = ndimage.distance_transform_edt(~chosen) > GAP_CELLS if chosen.any() else ~chosen
    return tuple(
        np.stack([truth[..., 0], truth[..., 1] * part], axis=-1) for part in (away, chosen)
    )


def _padded(stack):
    """Enlarge a small map by empty cells to the size of a patch."""
    short = [max(0, network.SIZE - size) for size in stack.shape[:2]]
    return np.pad(stack, [(0, short[0]), (0, short[1]), (0, 0)])


def _corners(shape):
    """Lower corners of overlapping patches that cover a map."""
    starts = [sorted({*range(0, size - network.SIZE, STEP_CELLS), size - network.SIZE})
              for size in shape]  # fmt: skip
    return [(row, column) for row in starts[0] for column in starts[1]]
