"""Layers of lines: what was drawn is on disk, whole, with who, when and on what data."""

import json
import subprocess
import sys
import threading
from datetime import datetime

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

import toys
from helpers import data, labelling, lines
from helpers.labelling import _layer

REGION = data.region_from_box(-3, 3, 48, 52, name="box")
PATHS = [[(0, 0), (10, 5), (30, 20)], [(-50, 10), (-20, 12)]]


@pytest.fixture
def layer(tmp_path):
    return labelling.Layer(tmp_path / "deep" / "lines.geojson", REGION, "Ada", "a test grid")


def on_disk(layer):
    """Return the points (km) of the lines that another program would read."""
    return [line.points for line in _layer.read(layer.path, REGION)]


def beside(layer):
    """Return the names of the files in the folder of a layer, its lock aside."""
    names = {path.name for path in layer.path.parent.iterdir()}
    return sorted(names - {f".{layer.path.name}.lock"})


def test_a_stroke_is_on_disk_with_who_when_and_on_what(layer):
    layer.add(PATHS[0])
    stored = json.loads(layer.path.read_text())["features"]
    about = stored[0]["properties"]
    assert (about["who"], about["data"], about["source"]) == ("Ada", "a test grid", "drawn")
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(about["when"])).days) < 1
    # longitude and latitude are rounded to 1e-6 degrees, a tenth of a metre
    np.testing.assert_allclose(on_disk(layer)[0], PATHS[0], atol=2e-4)
    assert beside(layer) == ["lines.geojson"]
    assert geopandas.read_file(layer.path).crs.to_epsg() == 4326


def test_lines_are_changed_deleted_and_taken_back_on_disk(layer):
    first, second = (layer.add(path) for path in PATHS)
    layer.change(first, PATHS[1])
    np.testing.assert_allclose(on_disk(layer)[0], PATHS[1], atol=2e-4)
    layer.delete(second)
    assert len(on_disk(layer)) == 1
    assert layer.undo() and len(on_disk(layer)) == 2
    assert layer.undo() and layer.undo() and layer.undo()
    assert not layer.undo() and on_disk(layer) == [] and not layer.lines


def test_many_lines_are_one_stroke(layer):
    layer.add_all([(np.array(path), "picks C5n.o") for path in PATHS])
    assert [line.source for line in _layer.read(layer.path, REGION)] == ["picks C5n.o"] * 2
    assert layer.undo() and not layer.lines


def test_another_person_goes_on_where_one_stopped(layer):
    layer.add(PATHS[0])
    other = labelling.Layer(layer.path, REGION, "Ben", "another grid")
    other.change(other.add(PATHS[1]), PATHS[1])
    assert [line.who for line in _layer.read(layer.path, REGION)] == ["Ada", "Ben"]


WRITES = """
import sys
from helpers import data, labelling
region = data.region_from_box(-3, 3, 48, 52, name="box")
layer = labelling.Layer(sys.argv[1], region, "Ben", "a test grid")
print("ready", flush=True)
sys.stdin.readline()
for k in range(60):
    layer.add([(0, k), (10, k)])
"""


def test_strokes_of_two_notebooks_are_all_on_disk_and_every_read_is_whole(layer):
    layer.add([(-10, 0), (0, 0)])
    read, over = [], threading.Event()

    def keep_reading():
        while not over.wait(0.005):  # and leaves the strokes their time
            try:
                read.append(len(json.loads(layer.path.read_text())["features"]))
            except ValueError as problem:
                read.append(problem)

    command = [sys.executable, "-c", WRITES, layer.path]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        reader = threading.Thread(target=keep_reading)
        reader.start()
        other.stdin.write("go\n")
        other.stdin.flush()
        for k in range(60):
            layer.add([(-10, k), (0, k)])
        assert other.wait(60) == 0
    over.set()
    reader.join()
    assert len(on_disk(layer)) == 121
    assert all(isinstance(number, int) for number in read)
    assert read == sorted(read) and len(set(read)) > 20  # grows, and was read in between
    assert beside(layer) == ["lines.geojson"]


def test_what_another_notebook_changed_is_kept_and_undo_takes_back_ours_alone(layer):
    number = layer.add(PATHS[0])
    other = labelling.Layer(layer.path, REGION, "Ben", "a test grid")
    theirs = other.add(PATHS[1])
    layer.change(number, PATHS[1])
    assert sorted(line.who for line in layer.lines.values()) == ["Ada", "Ben"]
    other.change(theirs, PATHS[0])  # and does not put ours back
    assert [len(points) for points in on_disk(other)] == [2, 3]
    assert layer.undo() and [len(points) for points in on_disk(layer)] == [3, 3]
    assert layer.undo() and [line.who for line in layer.lines.values()] == ["Ben"]
    assert not layer.undo()
    other.delete(theirs)
    assert on_disk(layer) == [] and layer.add(PATHS[0]) not in (number, theirs)


@pytest.mark.parametrize("name", ["older.geojson", "older.gpkg"])
@pytest.mark.parametrize("column", ["polarity", "anomaly_sign"])
def test_lines_found_by_the_network_are_read_also_with_the_older_name_of_a_column(
    tmp_path, name, column
):
    shapes = [LineString(path) for path in PATHS]
    found = geopandas.GeoDataFrame({column: [1, -1]}, geometry=shapes, crs=REGION.crs)
    lines.write(found, tmp_path / name)
    read = _layer.read(tmp_path / name, REGION)
    for line, path in zip(read, PATHS, strict=True):
        np.testing.assert_allclose(line.points, path, atol=1e-3)


def test_of_a_file_with_crests_beside_the_lines_the_lines_are_read(tmp_path):
    found = geopandas.GeoDataFrame(geometry=[LineString(PATHS[0])], crs=REGION.crs)
    crests = lines.crest_points(pd.DataFrame({"longitude": [0.0], "latitude": [50.0]}))
    lines.write(found, tmp_path / "both.gpkg", crests)
    (line,) = _layer.read(tmp_path / "both.gpkg", REGION)
    np.testing.assert_allclose(line.points, PATHS[0], atol=1e-3)


def test_lines_of_a_gis_are_told_apart_by_all_who_read_them(layer):
    layer.add(PATHS[0])
    stored = json.loads(layer.path.read_text())
    stored["features"] *= 2  # copied in a GIS, with all it knows
    bare = {**stored["features"][0], "properties": {"colour": "red"}}
    stored["features"] += [bare, bare]
    layer.path.write_text(json.dumps(stored))
    one, two = (labelling.Layer(layer.path, REGION, who, "a grid") for who in ("Ada", "Ben"))
    assert [line.id for line in one.lines.values()] == [line.id for line in two.lines.values()]
    one.delete(3)
    two.delete(1)
    assert len(on_disk(layer)) == 2 and {line.who for line in two.lines.values()} == {
        "Ada", "unknown"}  # fmt: skip


KILLED = """
import os, signal, sys
from pathlib import Path
from helpers import data, labelling
region = data.region_from_box(-3, 3, 48, 52, name="box")
layer = labelling.Layer(sys.argv[1], region, "Ada", "a test grid")
replace = Path.replace
for k in range(3):
    layer.add([(0, k), (10, k)])
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # in the midst of a stroke
layer.add([(0, 9), (10, 9)])
"""


def test_all_strokes_before_the_death_of_the_kernel_are_on_disk(layer):
    done = subprocess.run([sys.executable, "-c", KILLED, str(layer.path)], capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    assert [round(float(points[0, 1])) for points in on_disk(layer)] == [0, 1, 2]
    again = labelling.Layer(layer.path, REGION, "Ada", "a test grid")  # and drawing goes on
    again.add(PATHS[0])
    assert len(on_disk(layer)) == 4


def test_a_failing_disk_changes_nothing(layer, monkeypatch):
    number = layer.add(PATHS[0])

    def full(*_args, **_options):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        layer.delete(number)
    assert number in layer.lines and len(on_disk(layer)) == 1


def test_what_a_gis_drew_is_read(tmp_path, layer):
    layer.add(PATHS[0])
    table = geopandas.read_file(layer.path)[["geometry"]].assign(colour="red")
    table.to_crs("EPSG:3395").to_file(tmp_path / "gis.gpkg")
    (line,) = _layer.read(tmp_path / "gis.gpkg", REGION)
    assert (line.who, line.source) == ("unknown", "drawn")
    np.testing.assert_allclose(line.points, PATHS[0], atol=2e-4)


def test_what_is_wrong_is_said(tmp_path, layer):
    with pytest.raises(ValueError, match="who draws and on what data"):
        labelling.Layer(tmp_path / "x.geojson", REGION, "", "grid")
    with pytest.raises(ValueError, match="two points"):
        layer.add([(0, 0)])
    assert not layer.path.exists()
    (tmp_path / "half.geojson").write_text('{"type": "Feat')
    with pytest.raises(ValueError, match="half.geojson cannot be read.*copy"):
        labelling.Layer(tmp_path / "half.geojson", REGION, "Ada", "grid")
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy([0], [50]), crs=4326)
    points.to_file(tmp_path / "points.geojson")
    with pytest.raises(ValueError, match="holds Point; a layer of labels holds lines"):
        _layer.read(tmp_path / "points.geojson", REGION)


def test_picks_of_one_isochron_are_joined_and_others_are_not():
    north = np.arange(0, 200, 20.0)
    rows = [("C5n", "o", 10.0, y) for y in north] + [("C5n", "y", 20.0, y) for y in north[:3]]
    rows += [("C5n", "o", 210.0, 0.0), ("C5n", "o", 210.0, 30.0)]  # the other flank
    rows += [("C6n", "o", 60.0, 0.0)]  # alone
    table = pd.DataFrame(rows, columns=["chron", "end", "east", "north"])
    place = REGION.unproject(*table[["east", "north"]].to_numpy().T)
    table["longitude"], table["latitude"] = place
    table = table.sample(frac=1, random_state=1)
    found = labelling.pick_lines(table, REGION)
    assert sorted((source, len(points)) for points, source in found) == [
        ("picks C5n.o", 2), ("picks C5n.o", 10), ("picks C5n.y", 3),
    ]  # fmt: skip
    longest = max((points for points, _ in found), key=len)
    np.testing.assert_allclose(np.abs(np.diff(longest[:, 1])), 20.0, atol=1e-6)  # in order


def test_a_branching_set_of_picks_is_cut_where_it_branches():
    arms = [(k * 20.0, 0.0) for k in range(-3, 4)] + [(0.0, k * 20.0) for k in range(1, 4)]
    longitude, latitude = REGION.unproject(*np.array(arms).T)
    table = pd.DataFrame({"longitude": longitude, "latitude": latitude, "chron": "C1n", "end": "o"})
    found = labelling.pick_lines(table, REGION)
    assert sorted(len(points) for points, _ in found) == [4, 4, 4]


def test_a_map_of_ones_own_is_opened(tmp_path):
    layers = {key: np.full((5, 5), k) for k, key in enumerate(_layer.SHOWN.values())}
    made = toys.grid(layers, box=[-3, 3, 48, 52], name="mine", data="cruises/")
    made.to_netcdf(tmp_path / "mine.nc")
    own = _layer.open_map(tmp_path / "mine.nc")
    assert (own.region.box, own.region.crs, own.about) == (REGION.box, REGION.crs, "cruises/")
    assert [int(field[0, 0]) for field in own.fields.values()] == list(range(len(layers)))


def test_the_table_tells_the_length(layer):
    layer.add([(0, 0), (3, 4)])
    table = labelling.table_of(layer.lines.values(), REGION)
    assert table["length_km"].tolist() == [5.0] and table.crs == REGION.crs
    assert len(labelling.table_of([], REGION)) == 0


VRT = """<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>secret.geojson</SrcDataSource>
</OGRVRTLayer></OGRVRTDataSource>"""


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.vrt"])
def test_text_that_makes_gdal_read_other_files_is_refused(tmp_path, name):
    (tmp_path / "secret.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (tmp_path / name).write_text(VRT)
    with pytest.raises(ValueError, match=f"{name} (is no|ends in)"):
        _layer.read(tmp_path / name, REGION)
