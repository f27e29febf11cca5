"""From somebody's own tracks to lines: what the command writes, and what it says when it cannot."""

import geopandas
import numpy as np
import pandas as pd
import pytest

import make_map
from helpers import data
from helpers.labelling import _layer

BOX = ["-1.5", "1.5", "50", "52"]


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Write a cruise that mows a box over stripes that run north, and one that crosses it."""
    region = data.region_from_box(*map(float, BOX))
    legs = [pd.DataFrame({"east": np.arange(-90, 90, 1.0)[:: (-1) ** k], "north": -90.0 + 12 * k,
                          "cruise": "MOW"}) for k in range(16)]  # fmt: skip
    north = np.arange(-95, 95, 1.0)  # aslant: an instrument that reads one value counts as stuck
    legs.append(pd.DataFrame({"east": 0.5 * north, "north": north, "cruise": "TIE"}))
    table = pd.concat(legs, ignore_index=True)
    table["longitude"], table["latitude"] = region.unproject(*table[["east", "north"]].T.to_numpy())
    start = np.where(table["cruise"] == "TIE", 30, 0)
    days = pd.to_timedelta(start, unit="D") + pd.to_timedelta(4 * np.arange(len(table)), unit="min")
    table["time"] = (pd.Timestamp("2001-01-01") + days).strftime("%Y-%m-%dT%H:%M:%S")
    table["residual_nt"] = 200 * np.sin(2 * np.pi * table["east"] / 30)
    path = tmp_path_factory.mktemp("own") / "cruises.csv"
    columns = ["cruise", "time", "longitude", "latitude", "residual_nt"]
    table[columns].to_csv(path, index=False)
    return path


def test_lines_grid_and_picture_are_written(tracks, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_map, "MAPS", tmp_path)
    make_map.main(["--box", *BOX, "--tracks", str(tracks), "--name", "own"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "own.nc", "own.png", "own.geojson", "own.gpkg"}  # fmt: skip
    said = capsys.readouterr().out
    assert "readings of 2 cruises in the box" in said and "Not levelled" not in said
    found = geopandas.read_file(tmp_path / "own.gpkg")
    off = (found["strike_deg"] + 45) % 180 - 45  # the stripes run north
    assert found.crs.to_epsg() == 4326 and len(found) >= 5 and abs(off.median()) < 10
    own = _layer.open_map(tmp_path / "own.nc")
    assert own.region.box == tuple(map(float, BOX)) and own.about == tracks.name
    assert np.isfinite(own.fields["guided diffusion"]).all()
    assert len(_layer.read(tmp_path / "own.geojson", own.region)) == len(found)


def test_tracks_elsewhere_are_told_where_they_are(tracks):
    with pytest.raises(ValueError, match="None of the .* readings lies in the box.*50.. to 51"):
        make_map.main(["--box", "10", "12", "50", "52", "--tracks", str(tracks)])


def test_without_crossings_the_medians_have_to_do(tracks, capsys):
    alone = pd.read_csv(tracks).query("cruise == 'TIE'")
    path = tracks.with_name("tie.csv")
    alone.to_csv(path, index=False)
    read = make_map.tracks.read_tracks(path)
    table = make_map.readings(read, data.region_from_box(*map(float, BOX)))
    assert "Not levelled: No tracks cross" in capsys.readouterr().out
    assert len(table) > 0.9 * len(alone) and abs(table["residual_nt"].median()) < 1e-6


@pytest.mark.parametrize(
    "text", ["-33 -29 38 41", "-33,-29, 38,41", "33W 29W 38N 41N", "\N{MINUS SIGN}33 -29 38°N 41"]
)
def test_a_box_is_read_as_people_write_it(text):
    assert make_map.box_of(text) == (-33, -29, 38, 41)


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 2 3", "not four numbers"), ("a b c d", "not four numbers"), ("1 2 41 38", "south is 41")],
)
def test_a_wrong_box_says_how_to_write_one(text, said):
    with pytest.raises(ValueError, match=f"{said}.*BOX=.*west"):
        make_map.box_of(text)


def test_names_and_folders_with_blanks_and_dots(tmp_path):
    folder = tmp_path / "my cruises"
    folder.mkdir()
    asked = make_map.options(["--tracks", str(folder), "--name", "Gebiet Süd/1.2"])
    assert asked.tracks == [str(folder)] and asked.stem == "Gebiet_Süd_1.2" and asked.box is None
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("")
    assert len(make_map.options(["--tracks", f"{tmp_path}/*.csv"]).tracks) == 2
    asked = make_map.options(["--tracks", "a.csv b.csv", "--columns", "longitude='X deg' time=T"])
    assert asked.tracks == ["a.csv", "b.csv"]
    assert asked.columns == {"longitude": "X deg", "time": "T"}
    with pytest.raises(ValueError, match="Say of what"):
        make_map.options(["--tracks="])


def test_without_a_box_the_map_is_around_the_data():
    table = pd.DataFrame({"longitude": [179.0, -179.5, 178.0], "latitude": [-20.0, -18.0, -19.0]})
    assert make_map.box_around(table) == (178, 180.5, -20, -18)
    with pytest.raises(ValueError, match="178.0 to .*too wide.*BOX="):
        make_map.box_around(pd.concat([table, table.assign(latitude=50.0)]))


def test_a_grid_of_others_becomes_a_map(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_map, "MAPS", tmp_path)
    lon, lat = np.meshgrid(np.arange(-1.5, 1.5, 0.04) % 360, np.arange(50, 52, 0.04))
    east = (lon + 180) % 360 - 180
    table = pd.DataFrame({"lon": lon.ravel(), "lat": lat.ravel()})
    table["anomaly"] = 200 * np.sin(2 * np.pi * east.ravel() * 70 / 30)  # 70 km are a degree
    table.to_csv(tmp_path / "grid.csv", index=False)
    with pytest.raises(ValueError, match="choose a part of it, BOX="):  # 0 to 360, across Greenwich
        make_map.main(["--grid", str(tmp_path / "grid.csv"), "--name", "g"])
    make_map.main(["--grid", str(tmp_path / "grid.csv"), "--name", "g", "--box", *BOX])
    assert "All count as data" in capsys.readouterr().out
    own = _layer.open_map(tmp_path / "g.nc")
    assert own.about.endswith("grid.csv")
    assert float(own.fields["distance to data"].median()) == 0
    assert len(geopandas.read_file(tmp_path / "g.gpkg")) >= 5
    make_map.main(["--grid", str(tmp_path / "grid.csv"), "--name", "g", "--box", "-1 1 50.5 51.5"])
    assert "replaces a map g of another box" in capsys.readouterr().out


def test_readings_along_tracks_are_no_grid(tmp_path):
    place = np.linspace(0, 1, 200)
    pd.DataFrame({"lon": place, "lat": 50 + place, "nt": 1.0}).to_csv(
        tmp_path / "a.csv", index=False
    )
    with pytest.raises(ValueError, match="no regular grid.*TRACKS="):
        make_map.main(["--grid", str(tmp_path / "a.csv")])
