"""Large areas: tiles give what memory gives, on a cluster too, and survive what happens to workers.

Tolerances.  Medians, weights and distances do not depend on the tile: equal to the bit.  Guided
diffusion measures how far stripes are supported over 96 cells, and a tile sees 128 beyond its
core: root mean square differences of 2 % of the anomaly's standard deviation, seen 1.3 to 1.8 %;
4 % are allowed here, where tiles are small.  The network's tiles are cut where its own are cut:
only the rounding of sums and the amplitude of the whole map differ, less than 0.001.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import distributed
import keras
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import ndimage

from helpers import data, diffusion, gridding, largearea, network

REGION = data.region_from_box(-34, -24, 34, 43, name="test")
TILE, OVERLAP = 192, 128
pytestmark = pytest.mark.rest  # a minute and a half


@pytest.fixture(scope="module")
def table():
    """Stripes of 20 km on straight tracks in all directions."""
    rng = np.random.default_rng(2)
    east, north = REGION.outline()
    size = np.array([np.ptp(east), np.ptp(north)])
    middle = np.array([east.min(), north.min()]) + rng.uniform(0, 1, (90, 2)) * size
    angle = rng.uniform(0, np.pi, 90)
    along = np.arange(-700, 700, 1.5)[:, None]
    x, y = ((middle[:, k] + along * f(angle)).ravel() for k, f in enumerate((np.cos, np.sin)))
    lon, lat = REGION.unproject(x, y)
    value = 100 * np.sin(2 * np.pi * (x + 0.4 * y) / 40) + rng.normal(0, 5, x.size)
    return pd.DataFrame({"longitude": lon, "latitude": lat, "residual_nt": value})


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


@pytest.fixture(scope="module")
def stores(table, cluster, tmp_path_factory):
    """The grid and the guided map, made by the two workers."""
    folder = tmp_path_factory.mktemp("stores")
    options = {"tile": TILE, "overlap": OVERLAP, "progress": False}
    with distributed.Client(cluster):
        grid = largearea.grid_tracks(table, REGION, folder / "grid.zarr", **options)
        guided = largearea.guided(grid, folder / "guided.zarr", **options)
    return grid, guided


@pytest.fixture(scope="module")
def in_memory(table):
    return gridding.grid_tracks(table, REGION)


def test_two_workers_grid_as_one_memory_does(stores, in_memory):
    made = largearea.open_grid(stores[0])
    assert made["block"].shape[0] > 2.5 * TILE  # several tiles, the last ones smaller
    for name in ("block", "weight"):
        np.testing.assert_array_equal(made[name], in_memory[name])
    near = in_memory["distance_km"] <= 2.0 * OVERLAP
    far = [part["distance_km"].where(near) for part in (made, in_memory)]
    np.testing.assert_array_equal(*far)
    off = (made["anomaly"] - in_memory["anomaly"]).to_numpy()
    assert np.nanmean(off == 0) > 0.9  # the same triangles but for those along the border
    assert made.attrs["crs"] == REGION.crs and made.attrs["spacing_km"] == 2.0


def test_two_workers_diffuse_as_one_memory_does(stores, in_memory):
    made = largearea.open_grid(stores[1])
    whole = diffusion.guided(in_memory["block"], in_memory["weight"], uncertainty=False)
    near = (in_memory["distance_km"] <= network.KNOWABLE_KM).to_numpy()
    off = (made["anomaly"] - whole["anomaly"]).to_numpy()[near]
    assert np.sqrt(np.mean(off**2)) < 0.04 * whole["anomaly"].to_numpy()[near].std()


def test_tiles_are_predicted_as_one_memory_predicts(tmp_path, monkeypatch):
    keras.utils.set_random_seed(3)
    model = network.unet(widths=(2, 3, 3, 3, 3))
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([100 * kernel, 0 * bias])  # so that it says something
    monkeypatch.setattr(largearea, "_model", lambda name: model)
    monkeypatch.setattr(network, "fingerprint", lambda name: "", raising=False)
    rng = np.random.default_rng(4)
    axes = {"northing": np.arange(200) * 2.0, "easting": np.arange(600) * 2.0}
    smooth = ndimage.gaussian_filter(rng.standard_normal((200, 600)), 4).astype("float32")
    seen = xr.Dataset({name: (largearea.DIMS, 100 * smooth) for name in ("block", "anomaly")}, axes)
    for name in ("distance_km", "strike_deg", "coherence"):
        seen[name] = 0 * seen["block"]
    seen.to_netcdf(tmp_path / "grid.nc")
    source = (tmp_path / "grid.nc", tmp_path / "grid.nc")
    store = largearea.predict(*source, tmp_path / "p.zarr", "any", tile=192, progress=False)
    np.testing.assert_array_equal(largearea.open_grid(store)["strike_deg"], seen["strike_deg"])
    made = largearea.open_grid(store)["probability"]
    whole = network.predict(model, seen)["probability"]
    np.testing.assert_allclose(made, whole, atol=1e-3)
    assert float(whole.std()) > 0.02
    assert largearea.TILE % 192 == 0
    with pytest.raises(ValueError, match="multiple of the network's step, 192"):
        largearea.predict(*source, tmp_path / "q.zarr", "any", tile=200)


def numbered(window, folder, deadly=None):
    """Return a window of ones; leave a note; die once at the window named."""
    name = f"{window['northing'].start}_{window['easting'].start}"
    with open(folder / f"{name}.txt", "a") as note:
        note.write("x")
    if name == deadly and len((folder / f"{name}.txt").read_text()) == 1:
        os._exit(1)  # as the kernel kills a process for memory
    if deadly == "raise" and name == "0_20":
        raise RuntimeError("stopped")
    axes = {dim: np.arange(part.start, part.stop, dtype=float) for dim, part in window.items()}
    return xr.Dataset(
        {"one": (largearea.DIMS, np.ones([len(axis) for axis in axes.values()]))}, axes
    )


def ones(store, folder, deadly=None):
    """Compute ones on 30 x 40 cells in 12 tiles."""
    axes = {"northing": np.arange(30.0), "easting": np.arange(40.0)}

    def work(window):
        return functools.partial(numbered, window, folder, deadly)

    return largearea._run(work, store, axes, ["one"], {}, {}, 10, (0, 2), progress=False)


def test_a_killed_worker_does_not_lose_the_run(cluster, tmp_path):
    with distributed.Client(cluster):
        store = ones(tmp_path / "a.zarr", tmp_path, deadly="10_20")
    assert (largearea.open_grid(store)["one"] == 1).all()
    tried = {path.stem: len(path.read_text()) for path in tmp_path.glob("*.txt")}
    assert len(tried) == 12 and tried["10_20"] >= 2
    assert sum(tried.values()) <= 12 + 4  # no more than what the dead one had in hand


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    with pytest.raises(RuntimeError, match="stopped"):
        ones(tmp_path / "a.zarr", tmp_path, deadly="raise")
    with pytest.raises(ValueError, match="not finished or was damaged, it lacks 10 tiles"):
        largearea.open_grid(tmp_path / "a.zarr")
    half = xr.open_zarr(tmp_path / "a.zarr", consolidated=False)["one"].load()
    assert int(half.notnull().sum()) == 200  # two tiles stand
    store = ones(tmp_path / "a.zarr", tmp_path)
    assert (largearea.open_grid(store)["one"] == 1).all()
    tried = {path.stem: len(path.read_text()) for path in tmp_path.glob("*.txt")}
    assert tried.pop("0_20") == 2 and set(tried.values()) == {1}


def test_the_store_of_another_run_is_refused(stores, table, tmp_path):
    with pytest.raises(ValueError, match=r"another run, with other overlap \(128, not 129\)"):
        largearea.grid_tracks(table, REGION, stores[0], tile=TILE, overlap=OVERLAP + 1)
    options = {"tile": TILE, "overlap": OVERLAP, "progress": False}
    assert largearea.grid_tracks(table, REGION, stores[0], **options) == stores[0]
    changed = table.assign(residual_nt=table["residual_nt"] + (table.index == 7))  # one reading
    with pytest.raises(ValueError, match="another run, with other data .*remove it"):
        largearea.grid_tracks(changed, REGION, stores[0], **options)


def small(folder, shift=0.0, tile=24):
    """Grid a few readings and diffuse them, in tiles; return both stores."""
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(0, 118, (300, 2)), rng.normal(shift, 1, 300)])
    axes = {dim: np.arange(60) * 2.0 for dim in largearea.DIMS}
    options = {"tile": tile, "overlap": 12, "progress": False}
    grid = largearea.grid_points(points, axes, folder / f"grid_{shift}.zarr", **options)
    return grid, largearea.guided(grid, folder / "guided.zarr", **options)


def test_a_store_made_of_another_store_is_refused(tmp_path):
    options = {"tile": 60, "overlap": 12, "progress": False}
    for _ in range(2):
        small(tmp_path, tile=60)
    with pytest.raises(ValueError, match="guided.zarr holds .* other source"):
        small(tmp_path, shift=5.0, tile=60)
    moved = (tmp_path / "grid_0.0.zarr").rename(tmp_path / "moved.zarr")
    largearea.guided(moved, tmp_path / "guided.zarr", **options)  # the same by content
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="no store of this step"):
        largearea.guided(moved, tmp_path / "folder", **options)


def flipped(path):
    """Flip a bit in the middle of a file."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 4
    path.write_bytes(whole)


def test_what_is_missing_or_damaged_is_noticed_and_computed_anew(tmp_path):
    grid, guided = small(tmp_path)
    good = [largearea.open_grid(store).load() for store in (grid, guided)]
    harm = {"block/c/0/1": Path.unlink, "block/c/1/1": flipped, "weight/c/2/2": flipped,
            "easting/c/0": flipped, "northing/c/0": Path.unlink,
            "done/c/0/0": flipped}  # fmt: skip
    for name, does in harm.items():
        whole = (grid / name).read_bytes()
        does(grid / name)
        with pytest.raises(ValueError):
            largearea.open_grid(grid).load()
        if name[0] in "bew":  # as each of the steps says it
            with pytest.raises(ValueError, match="grid_0.0.zarr .*computes only what is missing"):
                largearea.guided(grid, tmp_path / "again.zarr", progress=False)
        (grid / name).write_bytes(whole)
    for name, does in harm.items():
        does(grid / name)
    small(tmp_path)
    for store, before in zip((grid, guided), good, strict=True):
        xr.testing.assert_identical(largearea.open_grid(store).load(), before)


SLOWLY = """
import functools, time
import numpy as np
import xarray as xr
from helpers import largearea

axes = {dim: np.arange(9.0) for dim in largearea.DIMS}

def make(window):
    time.sleep(0.1)
    shape = [part.stop - part.start for part in window.values()]
    here = {dim: axes[dim][part] for dim, part in window.items()}
    print(shape)
    return xr.Dataset({"one": (largearea.DIMS, np.ones(shape))}, here)

def run(store):
    work = functools.partial(functools.partial, make)
    largearea._run(work, store, axes, ["one"], {}, {}, 3, (0, 0), progress=False)
"""


def test_two_processes_that_start_one_store_make_it_once_and_whole(tmp_path, capsys):
    ours, store = {}, tmp_path / "a.zarr"
    exec(SLOWLY, ours)
    code = f"{SLOWLY}\nimport sys\nprint('ready', flush=True)\nrun(sys.stdin.readline().strip())"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write(f"{store}\n")
        other.stdin.flush()
        ours["run"](store)
        said = other.communicate(timeout=60)[0] + capsys.readouterr().out
    assert other.returncode == 0
    assert said.count("Another process computes") == 1 and said.count("[3, 3]") == 9
    assert (largearea.open_grid(store)["one"] == 1).all()


def test_netcdf_is_read_and_degrees_are_refused(in_memory, tmp_path):
    in_memory[["block"]].to_netcdf(tmp_path / "grid.nc")
    assert largearea.open_grid(tmp_path / "grid.nc")["block"].shape == in_memory["block"].shape
    degrees = xr.Dataset({"z": (("lat", "lon"), np.zeros((2, 2)))}, {"lat": [0, 1], "lon": [0, 1]})
    degrees.to_netcdf(tmp_path / "degrees.nc")
    with pytest.raises(ValueError, match="gridding.on_map"):
        largearea.open_grid(tmp_path / "degrees.nc")


def test_tiles_without_data_stay_blank(table, tmp_path):
    west = table[table["longitude"] < -31]
    grid = largearea.grid_tracks(west, REGION, tmp_path / "g.zarr", 4.0, 96, 0, progress=False)
    guided = largearea.guided(grid, tmp_path / "u.zarr", 96, 0, progress=False)
    made = largearea.open_grid(guided)["anomaly"]
    assert made[:, -96:].isnull().all() and made[:, :40].notnull().any()
