"""EMAG2 by name, against a loopback server that answers as NOAA's image service documents."""

import http.server
import json
import threading
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

import make_map
from helpers import data, gridding
from helpers.data import _emag2, _registry


def field(lon, lat):
    """Anomaly (nT) that the server holds."""
    return 200 * np.sin(np.radians(40 * lon)) + 10 * lat


class Service(http.server.BaseHTTPRequestHandler):
    """An image service of cells of 1/30 degree; ``server.kind`` tells what goes wrong."""

    def do_GET(self):
        kind, asked = self.server.kind, urlsplit(self.path)
        if asked.path.startswith("/pictures/"):
            return self.answer(self.server.pictures[asked.path])
        if asked.path != "/emag2/exportImage":
            return self.send_error(404)
        query = {name: one[0] for name, one in parse_qs(asked.query).items()}
        self.server.asked.append(query)
        west, south, east, north = (float(edge) for edge in query["bbox"].split(","))
        width, height = (int(side) for side in query["size"].split(","))
        if kind == "aspect":  # the service widens the box where cells would not be square
            west -= 1
        side_x, side_y = (east - west) / width, (north - south) / height
        lon = west + side_x * (np.arange(width) + 0.5)
        lat = north - side_y * (np.arange(height) + 0.5)
        values = field((lon[None] + 180) % 360 - 180, lat[:, None]).astype("float32")
        values[0, 0] = 99999
        values = {"tesla": values * 1e-9, "none": np.full_like(values, 99999)}.get(kind, values)
        about = {"driver": "GTiff", "height": height, "width": width, "count": 1,
                 "dtype": "float64" if kind == "doubles" else "float32", "crs": "EPSG:4326",
                 "transform": rasterio.transform.from_bounds(
                     west, south, east, north, width, height)}  # fmt: skip
        with MemoryFile() as memory:
            with memory.open(**about) as file:
                file.write(values, 1)
            picture = bytes(memory.getbuffer())
        if kind == "cut":
            picture = picture[: len(picture) // 3]
        if kind == "at_once":
            return self.answer(picture)
        if kind == "error":
            said = {"error": {"code": 400, "message": "Invalid or missing input parameters.",
                              "details": ["no such raster"]}}  # fmt: skip
            return self.answer(json.dumps(said).encode())
        if kind == "page":
            return self.answer(b"<html>Under maintenance</html>")
        place = f"/pictures/{len(self.server.pictures)}.tif"
        self.server.pictures[place] = picture
        said = {"href": f"http://127.0.0.1:{self.server.server_port}{place}",
                "width": width, "height": height, "scale": 0,
                "extent": {"xmin": west, "ymin": south, "xmax": east, "ymax": north,
                           "spatialReference": {"wkid": 4326, "latestWkid": 4326}}}  # fmt: skip
        return self.answer(json.dumps(said).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch, tmp_path):
    monkeypatch.setenv("LMA_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(_registry, "_unreachable", {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as made:
        made.kind, made.asked, made.pictures = "good", [], {}
        monkeypatch.setenv("LMA_EMAG2_URL", f"http://127.0.0.1:{made.server_port}/emag2")
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


BOX = (-33.01, -32.0, 38.0, 38.51)


@pytest.mark.parametrize("kind", ["good", "at_once"])
def test_a_box_is_fetched_once_cell_for_cell(service, kind):
    service.kind = kind
    path = data.emag2(BOX)
    grid = gridding.read_grid(path)
    assert grid.shape == (16, 31)  # from 33 1/30 W and to 38 16/30 N: the next whole cells
    edge = [float(grid.x[0]), float(grid.x[-1]), float(grid.y[0]), float(grid.y[-1])]
    half = 0.5 / 30
    np.testing.assert_allclose(
        edge, [-33 - 1 / 30 + half, -32 - half, 38 + half, 38 + 16 / 30 - half]
    )
    expected = field(grid.x.to_numpy()[None], grid.y.to_numpy()[:, None])
    known = grid.notnull().to_numpy()
    assert (~known).sum() == 1 and not known[-1, 0]  # 99999 of the grid, in the north-west
    np.testing.assert_allclose(grid.to_numpy()[known], expected[known], rtol=1e-5)
    assert grid.attrs["units"] == "nT"
    assert data.emag2(BOX) == path and len(service.asked) == 1
    (asked,) = service.asked
    rule = json.loads(asked["mosaicRule"])
    assert rule["where"] == "Name = 'EMAG2_V3_20170530_SeaLevel'" and asked["pixelType"] == "F32"
    assert asked["interpolation"] == "RSP_NearestNeighbor" and asked["bboxSR"] == "4326"


def test_a_damaged_file_of_the_cache_is_fetched_again(service):
    path = data.emag2(BOX)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert data.emag2(BOX).read_bytes() == whole and len(service.asked) == 2


def test_a_box_across_the_date_line_is_one_grid(service):
    grid = gridding.read_grid(data.emag2((179.5, -179.5, -50, -49)))
    assert grid.shape == (30, 30) and len(service.asked) == 2
    expected = field((grid.x.to_numpy()[None] + 180) % 360 - 180, grid.y.to_numpy()[:, None])
    known = grid.notnull().to_numpy()
    assert (~known).sum() == 2  # one in each piece
    np.testing.assert_allclose(grid.to_numpy()[known], expected[known], rtol=1e-5)


@pytest.mark.parametrize(
    "kind, words",
    [
        ("error", "answered: Invalid or missing input parameters. no such raster"),
        ("page", "answered no description of a picture, but '<html>Under"),
        ("aspect", "gives 16 x 31 cells over -34.03333.*that were asked for"),
        ("doubles", "the values came as float64, not as float32"),
        ("tesla", "these are no anomalies in nT"),
        ("none", "no value in this box"),
        ("cut", "no whole GeoTIFF"),
    ],
)
def test_what_is_not_the_grid_is_refused_with_what_to_do(service, kind, words, tmp_path):
    service.kind = kind
    with pytest.raises(data.DataUnavailable, match=f"(?s){words}.*By hand: download EMAG2"):
        data.emag2(BOX)
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".tif"]
    assert not kept


def test_a_service_that_is_not_there_is_one_clear_message(service, monkeypatch):
    monkeypatch.setenv("LMA_EMAG2_URL", "http://127.0.0.1:1/emag2")
    with pytest.raises(data.DataUnavailable, match="127.0.0.1:1 cannot be reached.*By hand: downl"):
        data.emag2(BOX)


def test_boxes_that_are_none_are_refused(service):
    with pytest.raises(ValueError, match="south is 41 and north is 38"):
        data.emag2((-33, -29, 41, 38))
    with pytest.raises(ValueError, match="360 degrees wide.*for up to 133"):
        data.emag2((-180, 180, -10, 10))
    assert _emag2._cells((0, 1, 0, 1)) == (0, 30, 0, 30)
    assert _emag2._cells((170, -170, -1, 1)) == (170 * 30, 190 * 30, -30, 30)
    assert not service.asked


def test_make_map_takes_it_by_name(service, capsys):
    asked = make_map.options(["--grid", "EMAG2", "--box", "-34", "-32", "38", "39.5"])
    region, made, *_ = make_map.of_grid(asked)
    assert made["block"].notnull().mean() > 0.9  # the box is not square on the map
    east, north = np.meshgrid(made.easting, made.northing)
    lon, lat = region.unproject(east, north)
    off = made["block"].to_numpy() - field(lon, lat)
    assert np.nanmedian(np.abs(off)) < 5.0
    assert len(service.asked) == 1
    with pytest.raises(ValueError, match="GRID=emag2 fetches a box of the world: write BOX="):
        make_map.of_grid(make_map.options(["--grid", "emag2"]))
    assert "cells with a value in the box" in capsys.readouterr().out
