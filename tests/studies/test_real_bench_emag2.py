"""A cut of EMAG2 in the bench of real data: lines of a full grid, or a word that there is none."""

import numpy as np
import rasterio

from studies import real_bench

BOX = (-33.0, -29.0, 57.0, 59.0)


def test_lines_of_the_grid_are_held_against_lineations(tmp_path, monkeypatch):
    """Stripes 40 km wide that run north, in cells of two minutes, unit nT."""
    east = np.arange(BOX[0], BOX[1], 1 / 30) + 1 / 60
    values = np.tile(200 * np.sin(east / 0.66 * 2 * np.pi), (60, 1)).astype("float32")
    path = tmp_path / "emag2.tif"
    place = rasterio.transform.from_origin(BOX[0], BOX[3], 1 / 30, 1 / 30)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1}
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", crs="EPSG:4326", transform=place, **shape
    ) as file:
        file.write(values, 1)
        file.units = ("nT",)
    monkeypatch.setattr(real_bench.data, "emag2", lambda box: path)
    found = real_bench.judged_emag2(BOX)
    assert found["blocks"] is None and found["withheld"] is None
    assert found["lines"]["lines"] >= 2 and found["lines"]["length_km"] > 200


def test_without_the_server_the_grid_is_left_out(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LMA_EMAG2_URL", "http://127.0.0.1:1/emag2")
    monkeypatch.setenv("LMA_CACHE", str(tmp_path))
    assert real_bench.judged_emag2((-33.1, -29.0, 57.0, 59.0)) is None
    assert "EMAG2 v3 is left out" in capsys.readouterr().out
