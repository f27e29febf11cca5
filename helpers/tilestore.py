"""Tiles of a large grid: dask tasks that write into a zarr store and can be stopped at any time.

A finished tile is marked in the store, after its cells are written.  A run that was stopped goes
on where it was, and a worker that is killed loses the tile it was at, which another takes over.
"""

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

DIMS = ("northing", "easting")


def run(work, store, axes, names, about, attrs, tile, overlap, progress=True):
    """Compute what is missing in a store, tile by tile.

    Parameters
    ----------
    work : callable
        Takes a window (dict of str to slice, overlap included) and returns a function without
        arguments that makes the window's dataset; that function must be picklable.
    store : str or pathlib.Path
        Zarr store, made or gone on with.
    axes : dict of str to numpy.ndarray
        ``northing`` and ``easting`` of the whole area (km).
    names : sequence of str
        Layers of the result.
    about : dict
        What makes this run; a store made by another is refused.
    attrs : dict
        Attributes of the result.
    tile : int
        Cells a side of a tile's core.
    overlap : tuple of int
        Cells read before and after the core, along both axes.
    progress : bool
        Show a bar.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If the store holds the results of another run.
    """
    store, shape = Path(store), tuple(len(axis) for axis in axes.values())
    about = json.dumps(about | {"tile": tile, "shape": shape}, sort_keys=True)
    _prepare(store, axes, names, about, attrs, tile)
    done = zarr.open_group(store, mode="r")["done"][:]
    tasks = []
    for core in windows(shape, tile):
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


def windows(shape, size):
    """Cut a grid into windows.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    size : int
        Cells a side; the last ones are smaller.

    Returns
    -------
    list of dict of str to slice
        By dimension, row by row.
    """
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
