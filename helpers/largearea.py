"""Large areas: grid, diffuse and predict tile by tile, from disk to disk.

A whole ocean basin at 2 km does not fit a laptop's memory.  Here every step reads its input lazily
with xarray, tile by tile with an overlap, and writes the tile's core into a zarr store.  Finished
tiles are marked there: a run that was stopped, or whose worker was killed, goes on where it was.

A store knows what it was made of: a hash of the readings or of the weights, all settings, and the
key of the store before it.  One that was made of something else is refused and never overwritten,
for it may have taken hours.  Each chunk has a checksum.  What is missing or damaged is never read
as "no data": readers refuse the store, and the step that made it computes those tiles anew.

Tiles are dask tasks.  Without more ado they are computed one after another in this process; if a
`dask.distributed.Client` is open, its workers share them, on this machine or on a cluster whose
machines see the same files.  With tiles of 960 cells a worker of one thread takes about 0.6 GB, and
the process that gives them out as much and 0.2 kB more for each reading: for 8192 x 8192 cells
two workers and this process together some 2 GB.

How near this comes to one solution in memory: the medians of track cells, the weights and the
distances up to the overlap are the same; the linear interpolation differs where triangles are
longer than the overlap; guided diffusion differs by a few per cent of the anomaly's standard
deviation, most of it along the borders of tiles, for the support of stripes is measured in each
tile; the prediction is the same up to rounding, for tiles are cut where the network cuts its own.
`tests/test_largearea.py` holds these statements.
"""

import functools
import hashlib
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
from zarr.codecs import Crc32cCodec, ZstdCodec

from . import _shared, diffusion, gridding, network
from .network import _tiles

TILE = 960  # cells a side of a tile's core; for `predict` a multiple of the network's step
OVERLAP = 128  # cells read on each side of it
FEWEST = 4  # cells with data, below which a tile stays blank
GRID = ("anomaly", "block", "weight", "distance_km")
GUIDED = ("anomaly", "strike_deg", "coherence")
PREDICTED = ("probability", "uncertainty", "strike_deg")
DIMS = ("northing", "easting")
AHEAD = 2  # tiles given to each worker of a cluster at a time
CHECKED = (ZstdCodec(), Crc32cCodec())  # a chunk of which a bit was flipped is not read
AGAIN = "run the step that makes it again: it computes only what is missing or damaged"


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
        If it has no coordinates ``northing`` and ``easting``, or is a store of this module that
        is not finished or lacks a part. A damaged part is an error of zarr when it is read.
    """
    path = Path(path)
    if path.is_dir():
        _refuse_unfinished(path)
    return _open(path)


def _refuse_unfinished(store):
    """Refuse a store of ours of which some chunk is missing, which would be read as NaN."""
    try:
        group = zarr.open_group(store, mode="r")
        if "made_with" not in group.attrs:
            return
        lacking = {"tiles": int((group["done"][:] == 0).sum())}
        for name, array in group.arrays():
            if name in DIMS:
                array[:]  # its checksum is right
            if name != "done":
                lacking[f"chunks of {name}"] = array.nchunks - array.nchunks_initialized
    except Exception as problem:  # whatever zarr finds wrong
        raise ValueError(f"{store} cannot be read ({problem}); {AGAIN}.") from problem
    listed = ", ".join(f"{number} {what}" for what, number in lacking.items() if number)
    if listed:
        raise ValueError(f"{store} is not finished or was damaged, it lacks {listed}; {AGAIN}.")


def _open(path):
    """Open a grid lazily, be it finished or not."""
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
        If the store holds the results of another run, of other readings or other settings.
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
    about |= {"data": _hash(points, *(axes[dim] for dim in DIMS))}

    def work(window):
        here = {dim: axes[dim][window[dim]] for dim in DIMS}
        inside = np.ones(len(points), bool)
        for column, dim in enumerate(("easting", "northing")):
            low, high = here[dim][[0, -1]] + np.array([-0.5, 0.5]) * spacing
            inside &= (points[:, column] >= low) & (points[:, column] < high)
        return functools.partial(_grid, points[inside], here)

    sides = (overlap, overlap)
    return _run(work, store, axes, GRID, about, attrs or {}, tile, sides, progress)


def guided(source, store, tile=TILE, overlap=OVERLAP, progress=True):
    """Apply guided diffusion tile by tile; what it chooses, it chooses place by place.

    Parameters
    ----------
    source : str or pathlib.Path
        Grid with ``block`` and ``weight``, as `open_grid` takes it.
    store, tile, overlap, progress
        As `grid_tracks`.

    Returns
    -------
    pathlib.Path
        The store, with ``anomaly``, ``strike_deg`` and ``coherence``.
    """
    about = {"step": "guide", "source": _key_of(source), "overlap": overlap}

    def work(window):
        return functools.partial(_guided, str(source), window)

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
    about = {"step": "predict", "source": _key_of(source), "guided": _key_of(guided)}
    about |= {"model": model, "weights": network.fingerprint(model)}

    def work(window):
        return functools.partial(_predict, str(source), str(guided), window, model)

    return _run_on(source, work, store, PREDICTED, about, tile, (step, _tiles.TILE), progress)


def _hash(*parts):
    """Hash of arrays, files and texts."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as stream:
                part = hashlib.file_digest(stream, "sha256").hexdigest()
        if not isinstance(part, str):
            part = np.ascontiguousarray(part, float)
            found.update(str(part.shape).encode())
        found.update(part.encode() if isinstance(part, str) else part)
    return found.hexdigest()


def _key_of(path):
    """Key of a grid: of what a store was made with, or of the bytes of a file."""
    path = Path(path)
    if path.is_file():
        return _hash(path)
    made_with = open_grid(path).attrs.get("made_with")
    files = sorted(each for each in path.rglob("*") if each.is_file())
    return _hash(made_with) if made_with else _hash(*files)


def _loaded(path, names, window):
    """Read layers of a window; a damaged chunk is an error that says what to do."""
    try:
        return _open(path)[list(names)].isel(window).load()
    except (ValueError, OSError, RuntimeError) as problem:
        raise ValueError(f"{path} is damaged ({problem}); {AGAIN}.") from problem


def _run_on(source, work, store, names, about, tile, overlap, progress):
    """Run on the cells of a grid on disk."""
    with _open(source) as grid:
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


def _guided(source, window):
    """Diffuse one window."""
    grid = _loaded(source, ("block", "weight"), window)
    if int(grid["block"].notnull().sum()) < FEWEST or min(grid["block"].shape) < 8:
        return _blank(grid.coords, GUIDED)
    made = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return made[list(GUIDED)]


def _predict(source, guided, window, model):
    """Predict one window."""
    grid = _loaded(source, ("anomaly", "block", "distance_km"), window)
    near = network.knowable(grid)
    if not bool(near.any()):
        return _blank(grid.coords, PREDICTED)
    made = _loaded(guided, GUIDED, window)
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
    before and after the core, along both axes.  Another process that computes the same store is
    waited for.
    """
    store, shape = Path(store), tuple(len(axis) for axis in axes.values())
    about = json.dumps(about | {"tile": tile, "shape": shape}, sort_keys=True)
    with _shared.locked(store, waiting=f"Another process computes {store}: waiting for it."):
        if store.exists():
            _check_made_with(store, about)
            _restore_axes(store, axes)
        else:
            _make_empty(store, axes, names, about, attrs, tile)
        cores = {tuple(core[dim].start // tile for dim in DIMS): core
                 for core in _windows(shape, tile)}  # fmt: skip
        finished = _finished(store, names, cores)
        left = {number: core for number, core in cores.items() if number not in finished}
        windows = {number: _widened(core, overlap, shape) for number, core in left.items()}
        tasks = (  # made when their turn comes, for each holds its readings
            dask.delayed(_tile, pure=False)(
                work(windows[number]), str(store), core, windows[number], number
            )
            for number, core in left.items()
        )
        bar = {"total": len(cores), "initial": len(cores) - len(left), "unit": "tile"}
        with tqdm(**bar, disable=not progress) as shown:
            for _ in _computed(tasks):
                shown.update()
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
        return
    first = itertools.islice(tasks, AHEAD * max(1, sum(client.nthreads().values())))
    running = distributed.as_completed([client.compute(task) for task in first])
    for future in running:
        yield future.result()
        for task in itertools.islice(tasks, 1):
            running.add(client.compute(task))


def _check_made_with(store, about):
    """Refuse a store that was made with something else."""
    try:
        made = json.loads(zarr.open_group(store, mode="r").attrs["made_with"])
    except Exception as problem:  # no store, no attribute, no JSON
        raise ValueError(
            f"{store} is there and no store of this step ({problem}); give another path, or "
            "remove it."
        ) from problem
    asked = json.loads(about)
    other = [name for name in sorted({*made, *asked}) if made.get(name) != asked.get(name)]
    if other:
        listed = ", ".join(f"{k} ({made.get(k)}, not {asked.get(k)})" for k in other)
        raise ValueError(
            f"{store} holds the results of another run, with other {listed}; give another path, or "
            "remove it to compute anew."
        )


def _restore_axes(store, axes):
    """Write those axes again that are not as they were written."""
    group = zarr.open_group(store, mode="r+")
    for name, values in axes.items():
        try:
            right = np.array_equal(group[name][:], values)
        except (ValueError, OSError, RuntimeError):  # of a codec
            right = False
        if not right:
            for chunk in (store / name / "c").rglob("*"):
                chunk.unlink()
            group[name][:] = values


def _make_empty(store, axes, names, about, attrs, tile):
    """Make an empty store whose chunks are the tiles."""
    shape = tuple(len(axis) for axis in axes.values())
    blank = dask.array.full(shape, np.nan, chunks=tile, dtype="float32")
    tiles = tuple(-(-size // tile) for size in shape)
    layers = {name: (tuple(axes), blank) for name in names}
    layers["done"] = (("tile_row", "tile_column"), np.zeros(tiles, "uint8"))
    template = xr.Dataset(layers, axes, attrs | {"made_with": about})
    encoding = {name: {"compressors": CHECKED} for name in template.variables}
    encoding["done"]["chunks"] = (1, 1)
    with _shared.written(store) as beside:
        template.to_zarr(
            beside, mode="w", compute=False, encoding=encoding, consolidated=False, zarr_format=3,
            write_empty_chunks=True,
        )  # fmt: skip


def _finished(store, names, cores):
    """Which tiles are marked and whole; what is there of the others is taken away."""
    group, finished = zarr.open_group(store, mode="r+"), set()
    for number, core in cores.items():
        chunks = [store / name / group[name].metadata.encode_chunk_key(number) for name in names]
        try:
            if group["done"][number] == 1 and all(chunk.is_file() for chunk in chunks):
                for name in names:
                    group[name][tuple(core[dim] for dim in DIMS)]  # its checksum is right
                finished.add(number)
        except (ValueError, OSError, RuntimeError):  # of a codec
            group["done"][number] = 0
        if number not in finished:
            for chunk in chunks:
                chunk.unlink(missing_ok=True)
    return finished


def _tile(make, store, core, window, number):
    """Compute one tile, write its core, then mark it."""
    inner = {
        dim: slice(core[dim].start - window[dim].start, core[dim].stop - window[dim].start)
        for dim in DIMS
    }
    made = make().isel(inner).drop_vars(DIMS)
    made.to_zarr(store, region=core, consolidated=False, write_empty_chunks=True)
    zarr.open_group(store, mode="r+")["done"][number] = 1


def _widened(core, overlap, shape):
    """Window of a core with its overlap, as far as the grid reaches."""
    before, after = overlap
    return {
        dim: slice(max(core[dim].start - before, 0), min(core[dim].stop + after, size))
        for dim, size in zip(DIMS, shape, strict=True)
    }
