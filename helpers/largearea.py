"""Large areas: grid, diffuse and predict tile by tile, from disk to disk.

A whole ocean basin at 2 km does not fit a laptop's memory.  Here every step reads its input lazily
with xarray, tile by tile with an overlap, and writes the tile's core into a zarr store.  Finished
tiles are marked there: a run that was stopped, or whose worker was killed, goes on where it was.

Tiles are dask tasks.  Without more ado they are computed one after another in this process; if a
`dask.distributed.Client` is open, its workers share them, on this machine or on a cluster whose
machines see the same files.

How near this comes to one solution in memory: the medians of track cells, the weights and the
distances up to the overlap are the same; the linear interpolation differs where triangles are
longer than the overlap; guided diffusion differs by a few per cent of the anomaly's standard
deviation, most of it along the borders of tiles, for the support of stripes is measured in each
tile; the prediction is the same up to rounding, for tiles are cut where the network cuts its own.
`tests/test_largearea.py` holds these statements.
"""

import functools
import itertools
import json
import sys
from pathlib import Path

import dask
import dask.array
import numpy as np
import xarray as xr
import zarr
from tqdm import tqdm

from . import _shared, diffusion, gridding, network
from .network import _tiles

TILE = 1920  # cells a side of a tile's core; for `predict` a multiple of the network's step
OVERLAP = 128  # cells read on each side of it
SAMPLE = 768  # cells a side of the window that chooses smoothing and averaging for all tiles
FEWEST = 4  # cells with data, below which a tile stays blank
GRID = ("anomaly", "block", "weight", "distance_km")
GUIDED = ("anomaly", "strike_deg", "coherence")
PREDICTED = ("probability", "uncertainty", "strike_deg")
DIMS = ("northing", "easting")


def open_grid(path):
    """Open a grid lazily.

    Parameters
    ----------
    path : str or pathlib.Path
        A zarr store, or a netCDF file.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    ValueError
        If it has no coordinates ``northing`` and ``easting``.
    """
    path = Path(path)
    if path.is_dir():
        opened = xr.open_zarr(path, chunks=None, consolidated=False)
    else:
        opened = xr.open_dataset(path)
    if not {"northing", "easting"} <= set(opened.coords):
        raise ValueError(
            f"{path} has the coordinates {list(opened.coords)}; `northing` and `easting` (km) are "
            "expected. A grid in degrees is put on a map by gridding.on_map."
        )
    return opened


def grid_tracks(table, region, store, spacing_km=2.0, tile=TILE, overlap=OVERLAP, progress=True):
    """Grid a track table tile by tile.

    Parameters
    ----------
    table, region, spacing_km
        As `gridding.grid_tracks`.
    store : str or pathlib.Path
        Zarr store, made or gone on with.
    tile, overlap : int
        Cells a side of a tile's core, and cells read around it.
    progress : bool
        Show a bar.

    Returns
    -------
    pathlib.Path
        The store, with ``anomaly``, ``block``, ``weight`` and ``distance_km``; the distance is
        right up to the overlap.

    Raises
    ------
    ValueError
        If the store holds the results of another run.
    """
    axes = dict(zip(DIMS, region.grid_coords(spacing_km), strict=True))
    places = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    points = np.column_stack([*places, table["residual_nt"].to_numpy()])
    attrs = {"region": region.name, "crs": region.crs, "spacing_km": spacing_km}
    return grid_points(points, axes, store, attrs, tile, overlap, progress)


def grid_points(points, axes, store, attrs=None, tile=TILE, overlap=OVERLAP, progress=True):
    """Grid projected readings tile by tile, as `grid_tracks`.

    `points` are rows of easting, northing (km) and anomaly (nT), those with NaN left out; `axes`
    the ``northing`` and ``easting`` of the cells (km), ascending and evenly spaced; `attrs`
    attributes of the result.
    """
    points = points[np.isfinite(points).all(axis=1)]
    spacing = float(axes["easting"][1] - axes["easting"][0])
    about = {"step": "grid", "points": len(points), "overlap": overlap} | (attrs or {})

    def work(window):
        here = {dim: axes[dim][window[dim]] for dim in DIMS}
        inside = np.ones(len(points), bool)
        for column, dim in enumerate(("easting", "northing")):
            low, high = here[dim][[0, -1]] + np.array([-0.5, 0.5]) * spacing
            inside &= (points[:, column] >= low) & (points[:, column] < high)
        return functools.partial(_grid, points[inside], here)

    sides = (overlap, overlap)
    return _run(work, store, axes, GRID, about, attrs or {}, tile, sides, progress)


def choose(source):
    """Choose smoothing and averaging of the orientation for a whole area, by its densest window.

    Every tile must use the same, or the map has seams.

    Parameters
    ----------
    source : str or pathlib.Path
        Grid from `grid_tracks`.

    Returns
    -------
    dict of str to float
        ``smoothing`` and ``integration_cells``, as `guided` takes them.
    """
    grid, best, most = open_grid(source), None, -1
    for window in _windows(grid["block"].shape, SAMPLE):
        block = grid["block"].isel(window).load()
        if int(block.notnull().sum()) > most and min(block.shape) >= 8:
            most, best = int(block.notnull().sum()), window
    part = grid[["block", "weight"]].isel(best).load()
    made = diffusion.guided(part["block"], part["weight"], uncertainty=False)
    return {name: made.attrs[name] for name in ("smoothing", "integration_cells")}


def guided(source, store, smoothing, integration_cells, tile=TILE, overlap=OVERLAP, progress=True):
    """Apply guided diffusion tile by tile.

    Parameters
    ----------
    source : str or pathlib.Path
        Grid with ``block`` and ``weight``, as `open_grid` takes it.
    smoothing, integration_cells : float
        From `choose`.
    store, tile, overlap, progress
        As `grid_tracks`.

    Returns
    -------
    pathlib.Path
        The store, with ``anomaly``, ``strike_deg`` and ``coherence``.
    """
    options = {"smoothing": smoothing, "integration_cells": integration_cells}
    about = {"step": "guide", "source": str(source), "overlap": overlap} | options

    def work(window):
        return functools.partial(_guided, str(source), window, options)

    return _run_on(source, work, store, GUIDED, about, tile, (overlap, overlap), progress)


def predict(source, guided, store, model, tile=TILE, progress=True):
    """Apply a shipped network tile by tile.

    Parameters
    ----------
    source, guided : str or pathlib.Path
        Stores of `grid_tracks` and `guided`.
    model : str
        Name of a shipped model.
    tile : int
        Cells, a multiple of the network's own step.
    store, progress
        As `grid_tracks`.

    Returns
    -------
    pathlib.Path
        The store, with ``probability``, ``uncertainty`` and ``strike_deg`` (the network's where
        it gives one, else that of the guided map).

    Raises
    ------
    ValueError
        As `grid_tracks`, or if `tile` is no multiple of the step.
    """
    step = _tiles.TILE - _tiles.OVERLAP
    if tile % step:
        raise ValueError(f"tile is {tile}; give a multiple of the network's step, {step} cells.")
    about = {"step": "predict", "source": str(source), "guided": str(guided), "model": model}

    def work(window):
        return functools.partial(_predict, str(source), str(guided), window, model)

    return _run_on(source, work, store, PREDICTED, about, tile, (step, _tiles.TILE), progress)


def _run_on(source, work, store, names, about, tile, overlap, progress):
    """Run on the cells of a grid on disk."""
    with open_grid(source) as grid:
        axes = {name: grid[name].to_numpy() for name in ("northing", "easting")}
        attrs = {key: value for key, value in grid.attrs.items() if key != "made_with"}
    return _run(work, store, axes, names, about, attrs, tile, overlap, progress)


def _grid(points, axes):
    """Grid the points of one window."""
    east, north, value = points.T
    cells = np.rint(_shared.cell_of(east, north, **axes))
    if np.unique(cells, axis=1).shape[1] < FEWEST:
        return _blank(axes, GRID)
    return gridding.grid_points(east, north, value, **axes, uncertainty=False)[list(GRID)]


def _guided(source, window, options):
    """Diffuse one window."""
    grid = open_grid(source)[["block", "weight"]].isel(window).load()
    if int(grid["block"].notnull().sum()) < FEWEST or min(grid["block"].shape) < 8:
        return _blank(grid.coords, GUIDED)
    made = diffusion.guided(grid["block"], grid["weight"], uncertainty=False, **options)
    return made[list(GUIDED)]


def _predict(source, guided, window, model):
    """Predict one window."""
    grid = open_grid(source)[["anomaly", "block", "distance_km"]].isel(window).load()
    near = network.knowable(grid)
    if not bool(near.any()):
        return _blank(grid.coords, PREDICTED)
    made = open_grid(guided)[list(GUIDED)].isel(window).load()
    seen = network.predict(_model(model), grid, near, guided=made)
    if "strike_deg" not in seen:
        seen["strike_deg"] = made["strike_deg"]
    return seen[list(PREDICTED)].where(near)


@functools.cache
def _model(name):
    """Load a network, once in each process."""
    return network.load(name)


def _blank(axes, names):
    """Make a window without any data."""
    coords = {dim: np.asarray(axes[dim]) for dim in DIMS}
    shape = tuple(len(axis) for axis in coords.values())
    return xr.Dataset({n: (DIMS, np.full(shape, np.nan, "float32")) for n in names}, coords)


# Tiles of a large grid: dask tasks that write into a zarr store and can be stopped at any time.
#
# A finished tile is marked in the store, after its cells are written.  A run that was stopped goes
# on where it was, and a worker that is killed loses the tile it was at, which another takes over.


def _run(work, store, axes, names, about, attrs, tile, overlap, progress=True):
    """Compute what is missing in a store, tile by tile; return its path.

    `work` takes a window (dict of str to slice, overlap included) and returns a function without
    arguments, that can be pickled, that makes the window's dataset with the layers `names`.
    `about` is what makes this run: a store made by another is refused.  `overlap` cells are read
    before and after the core, along both axes.
    """
    store, shape = Path(store), tuple(len(axis) for axis in axes.values())
    about = json.dumps(about | {"tile": tile, "shape": shape}, sort_keys=True)
    _prepare(store, axes, names, about, attrs, tile)
    done = zarr.open_group(store, mode="r")["done"][:]
    tasks = []
    for core in _windows(shape, tile):
        number = tuple(core[dim].start // tile for dim in DIMS)
        if not done[number]:
            window = _widened(core, overlap, shape)
            task = dask.delayed(_tile, pure=False)
            tasks.append(task(work(window), str(store), core, window, number))
    bar = tqdm(total=done.size, initial=int(done.sum()), unit="tile", disable=not progress)
    with bar:
        for _ in _computed(tasks):
            bar.update()
    return store


def _windows(shape, size):
    """Cut a grid into windows (dict of str to slice), row by row; the last ones are smaller."""
    starts = [range(0, length, size) for length in shape]
    return [
        {
            dim: slice(start, min(start + size, length))
            for dim, start, length in zip(DIMS, corner, shape, strict=True)
        }
        for corner in itertools.product(*starts)
    ]


def _computed(tasks):
    """Compute tasks on the cluster of an open client, else here, one after another."""
    client = None
    if "distributed" in sys.modules:
        import distributed

        try:
            client = distributed.get_client()
        except ValueError:  # no client is open
            client = None
    if client is None:
        yield from (task.compute(scheduler="synchronous") for task in tasks)
    else:
        for future in distributed.as_completed(client.compute(tasks)):
            yield future.result()


def _prepare(store, axes, names, about, attrs, tile):
    """Make an empty store whose chunks are the tiles, or check the one that is there."""
    if store.exists():
        made = zarr.open_group(store, mode="r").attrs.get("made_with")
        if made != about:
            raise ValueError(
                f"{store} holds the results of another run ({made}, not {about}); give another "
                "path, or remove it."
            )
        return
    shape = tuple(len(axis) for axis in axes.values())
    blank = dask.array.full(shape, np.nan, chunks=tile, dtype="float32")
    tiles = tuple(-(-size // tile) for size in shape)
    layers = {name: (tuple(axes), blank) for name in names}
    layers["done"] = (("tile_row", "tile_column"), np.zeros(tiles, "uint8"))
    template = xr.Dataset(layers, axes, attrs | {"made_with": about})
    beside = store.with_name("part_" + store.name)
    encoding = {"done": {"chunks": (1, 1)}}
    template.to_zarr(beside, mode="w", compute=False, encoding=encoding, consolidated=False)
    beside.replace(store)


def _tile(make, store, core, window, number):
    """Compute one tile, write its core, then mark it."""
    inner = {
        dim: slice(core[dim].start - window[dim].start, core[dim].stop - window[dim].start)
        for dim in DIMS
    }
    made = make().isel(inner).drop_vars(DIMS)
    made.to_zarr(store, region=core, consolidated=False)
    zarr.open_group(store, mode="r+")["done"][number] = 1


def _widened(core, overlap, shape):
    """Window of a core with its overlap, as far as the grid reaches."""
    before, after = overlap
    return {
        dim: slice(max(core[dim].start - before, 0), min(core[dim].stop + after, size))
        for dim, size in zip(DIMS, shape, strict=True)
    }
