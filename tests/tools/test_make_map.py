"""From somebody's own tracks to lines: what the command writes, and what it says when it cannot."""

import os
import subprocess

import geopandas
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import make_map
from helpers import data
from helpers.labelling import _layer

BOX = ["-1.5", "1.5", "50", "52"]
CASES = make_map.ROOT / "tests" / "cases" / "inputs"


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
        "own.nc", "own.png", "own.geojson", "own.gpkg", "own_crests.geojson"}  # fmt: skip
    said = capsys.readouterr().out
    assert "readings of 2 cruises in the box" in said and "Not levelled" not in said
    found = geopandas.read_file(tmp_path / "own.gpkg", layer="lines")
    assert f"{len(found)} lines" in said and "prior" not in said and "prior" not in found
    crests = geopandas.read_file(tmp_path / "own.gpkg", layer="crests")
    assert f"{len(crests)} crests along single tracks" in said
    east, _ = data.region_from_box(*map(float, BOX)).project(crests.geometry.x, crests.geometry.y)
    sure = (crests["probability"] >= make_map.tracks.SURE).to_numpy()
    peaks = 7.5 + 30 * np.round((east - 7.5) / 30)  # of the sine, a period of 30 km
    aside = np.abs(east - peaks)[sure & (crests["sign"] == 1).to_numpy()]
    assert sure.sum() > 100 and np.quantile(aside, 0.9) < 2
    assert len(geopandas.read_file(tmp_path / "own_crests.geojson")) == len(crests)
    off = (found["strike_deg"] + 45) % 180 - 45  # the stripes run north
    assert found.crs.to_epsg() == 4326 and len(found) >= 5 and abs(off.median()) < 10
    own = _layer.open_map(tmp_path / "own.nc")
    assert own.region.box == tuple(map(float, BOX)) and own.about == tracks.name
    near = own.grid["distance_km"] <= 24
    assert (own.fields["guided diffusion"].notnull() == near).all() and near.mean() > 0.9
    assert len(_layer.read(tmp_path / "own.geojson", own.region)) == len(found)


def test_a_lone_track_has_crests_and_no_line(tracks, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_map, "MAPS", tmp_path)
    table = pd.read_csv(tracks)
    path = tmp_path / "lone.csv"
    table[table["cruise"] == "TIE"].to_csv(path, index=False)
    make_map.main(["--box", *BOX, "--tracks", str(path), "--name", "lone", "--spacing", "4"])
    said = capsys.readouterr().out
    assert "No line is supported by these data." in said
    assert len(geopandas.read_file(tmp_path / "lone.gpkg", layer="lines")) == 0
    found = geopandas.read_file(tmp_path / "lone_crests.geojson")
    assert f"{len(found)} crests along single tracks" in said and len(found) >= 4
    assert not (tmp_path / "lone.geojson").exists() and (tmp_path / "lone.png").exists()
    with xr.open_dataset(tmp_path / "lone.nc") as made:  # far from the track nothing is claimed
        near = made["distance_km"] <= 24
        assert not near.all()
        for name in (*make_map.LAYERS, "probability"):
            assert not made[name].where(~near).notnull().any() and made[name].notnull().any()
    monkeypatch.setattr(make_map.tracks, "crests", lambda *_a, **_k: found[:0])
    make_map.main(["--box", *BOX, "--tracks", str(path), "--name", "lone", "--spacing", "4"])
    assert "0 crests" in capsys.readouterr().out  # those of the map before are gone
    assert not list(tmp_path.glob("lone*.geojson")) and not (tmp_path / "lone.gpkg").exists()


def test_with_a_prior_a_lone_track_has_lines_that_say_so(tracks, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_map, "MAPS", tmp_path)
    path = tmp_path / "lone.csv"
    pd.read_csv(tracks).iloc[7 * 180 : 8 * 180].to_csv(path, index=False)  # one line across

    def published(source, region, spacing_km):
        axes = dict(zip(("northing", "easting"), region.grid_coords(spacing_km), strict=True))
        strike = xr.DataArray(0.0, axes, ("northing", "easting"))
        return strike.assign_attrs(source=f"{source} (somebody 2001)")

    monkeypatch.setattr(make_map.data, "published_strike", published)
    given = ["--box", *BOX, "--tracks", str(path), "--spacing", "2", "--prior", "isochrons"]
    make_map.main([*given, "--name", "led"])
    said = capsys.readouterr().out
    assert "Prior of the strike: isochrons (somebody 2001), known on 100% of the cells" in said
    found = geopandas.read_file(tmp_path / "led.gpkg", layer="lines")
    number = f"{len(found)} of them have their strike from the prior, isochrons (somebody 2001)"
    assert f"{number}; {len(found)} are crossed by one track only" in said and len(found) >= 3
    assert set(found["strike_from"]) == {"prior"} and set(found["tracks"]) == {1}
    assert set(found["prior"]) == {"isochrons (somebody 2001)"}
    assert np.abs((found["strike_deg"] + 45) % 180 - 45).max() < 20  # north
    with xr.open_dataset(tmp_path / "led.nc") as made:
        assert made.attrs["prior"] == "isochrons (somebody 2001)"


def test_tracks_elsewhere_are_told_where_they_are(tracks):
    with pytest.raises(ValueError, match="None of the .* readings lies in the box.*50.. to 51"):
        make_map.main(["--box", "10", "12", "50", "52", "--tracks", str(tracks)])


def test_without_crossings_the_medians_have_to_do(tracks, capsys):
    alone = pd.read_csv(tracks).query("cruise == 'TIE'")
    path = tracks.with_name("tie.csv")
    alone.to_csv(path, index=False)
    read = make_map.tracks.read_tracks(path)
    region = data.region_from_box(*map(float, BOX))
    table = make_map.levelled(make_map.tracks.clean(make_map.inside(read, region)), region)
    assert "Not levelled: No tracks cross" in capsys.readouterr().out
    assert len(table) > 0.9 * len(alone) and abs(table["residual_nt"].median()) < 1e-6


@pytest.mark.parametrize(
    "text", ["-33 -29 38 41", "-33,-29, 38,41", "33W 29W 38N 41N", "\N{MINUS SIGN}33 -29 38°N 41"]
)
def test_a_box_is_read_as_people_write_it(text):
    assert make_map.box_of(text) == (-33, -29, 38, 41)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 3", "not four numbers"),
        ("a b c d", "not four numbers"),
        ("1 2 41 38", "south is 41"),
        ("33WW 29W 38N 41N", "not four numbers"),
        ("33N 29N 38N 41N", "'33N' stands where a number E or W"),
        ("33W 29W 38W 41N", "'38W' stands where a number N or S"),
        ("-33W 29W 38N 41N", "'-33W' stands"),
        ("1 2 3 4 5", "not four numbers"),
    ],
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--name", "x" * 300], "NAME is 300 letters long; up to 80"),
        (["--spacing", "1e-9"], "SPACING is '1e-9'; it is the side of a cell in km, 0.05 to 100"),
        (["--spacing", "two"], "SPACING is 'two'"),
        (["--prior", "picks"], "PRIOR is 'picks'; it is one of age, isochrons, lineations"),
        (["--columns", "longitude"], "COLUMNS is 'longitude'; write our name, ="),
        (["--columns", "time='a"], 'COLUMNS is "time=\'a"'),
    ],
)
def test_wrong_options_are_refused_before_the_work(given, said):
    with pytest.raises(ValueError, match=said):
        make_map.options(["--tracks", "a.csv", *given])


def test_a_fine_spacing_of_a_large_box_is_refused(tracks):
    with pytest.raises(ValueError, match="The box has .* cells of 0.05 km; choose a smaller box"):
        make_map.main(["--tracks", str(tracks), "--spacing", "0.05", "--box", "-10 10 45 55"])


def test_a_dense_survey_in_a_wide_box_gets_cells_that_the_box_can_bear(monkeypatch, capsys):
    """Lines 1 km apart ask for cells of 0.25 km; the box has room for those of 1 km."""
    asked = make_map.options(["--tracks", "a.csv", "--box", "-31 -30 0 1"])
    region = make_map.region_of(asked)
    lat = np.concatenate([np.linspace(0, 0.3, 40)[:: (-1) ** k] for k in range(30)])
    lon = -31 + np.repeat(0.009 * np.arange(30), 40)
    table = pd.DataFrame({"cruise": "a", "longitude": lon, "latitude": lat})
    assert make_map.gridding.choose_spacing(table, region) == 0.25
    monkeypatch.setattr(make_map, "MOST_CELLS", 15_000)
    make_map.settle_cells(asked, table, region)
    assert asked.spacing == 1.0
    assert "Cells of 1 km suit" in capsys.readouterr().out


def test_make_passes_what_is_written_as_it_stands(tmp_path):
    """Nothing of it reaches the shell or is expanded by make."""
    wild = "$(shell touch made)`touch by_shell`$HOME\"'"
    command = ["make", "-f", str(make_map.ROOT / "Makefile"), "map", "TRACKS=" + wild]
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/.installed").touch()
    python = tmp_path / ".venv/bin/python"
    python.write_text('#!/bin/sh\nprintf "%s|%s" "$MAP_TRACKS" "$MAP_NAME" > said\n')
    python.chmod(0o755)
    for name in ("pyproject.toml", "requirements.lock"):  # the installation is up to date
        (tmp_path / name).touch()
    os.utime(tmp_path / ".venv/.installed", (4e9, 4e9))
    environment = os.environ | {"NAME": "host", "COLUMNS": "80"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / "said").read_text() == f"{wild}|"
    assert not (tmp_path / "made").exists() and not (tmp_path / "by_shell").exists()


def test_the_environment_is_read_where_make_calls(monkeypatch):
    monkeypatch.setenv("MAP_TRACKS", "a b.csv")
    monkeypatch.setenv("MAP_SPACING", "4")
    monkeypatch.setenv("COLUMNS", "80")  # of a terminal
    asked = make_map.options(["--as-make"])
    assert asked.tracks == ["a", "b.csv"] and asked.spacing == 4 and asked.name == "mine"


def test_without_a_box_the_map_is_around_the_data():
    table = pd.DataFrame({"longitude": [179.0, -179.5, 178.0], "latitude": [-20.0, -18.0, -19.0]})
    assert make_map.box_around(table) == (178, 180.5, -20, -18)
    with pytest.raises(ValueError, match='178.0 to .*too wide.*BOX="175 180 -20 -15"'):
        make_map.box_around(pd.concat([table, table.assign(latitude=50.0)]))


def test_a_box_around_a_single_line_gets_some_width(capsys):
    table = pd.DataFrame({"longitude": [-31.0, -31.0], "latitude": [38.0, 40.0]})
    assert make_map.box_around(table) == (-31.23, -30.77, 38, 40)
    assert "on a single line: the box around it is 40 km wide" in capsys.readouterr().out


def test_losses_are_told_file_by_file_and_cruise_by_cruise(tmp_path, capsys):
    track = [f"2001-01-01T{k // 60:02d}:{k % 60:02d},{k / 300:.4f},10,{k % 7}" for k in range(200)]
    track[50] = "2001-01-01T00:50,8.0,10,3"  # too far to sail
    track[10:26] = [line.replace("2001", "x") for line in track[10:26]]
    (tmp_path / "a.csv").write_text("\n".join(["time,lon,lat,anomaly", *track, ""]))
    (tmp_path / "b.csv").write_text("x,y,z\n1,2,3\n")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\0")
    table = make_map.tracks.read_tracks(tmp_path)
    make_map.tell_files(table)
    make_map.tell_cleaning(make_map.tracks.clean(table))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "a.csv: kept 184 of 200 (16 bad time)"
    assert said[1] == "Warning: 8% of the rows of a.csv are lost."
    assert said[2].startswith("Left out b.csv: no columns of a track are recognised among x, y, z")
    assert said[3:] == [
        "No tracks, passed over: c.png", "a: cleaning took 1 jumps of 184 readings"
    ]  # fmt: skip


def test_a_map_that_was_cut_short_is_no_hindrance(tmp_path):
    (tmp_path / "own.nc").write_bytes(b"CDF\x01" + bytes(44))
    assert make_map.box_before(tmp_path / "own.nc") is None


def test_a_grid_of_others_becomes_a_map(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_map, "MAPS", tmp_path)
    lon, lat = np.meshgrid(np.arange(-1.5, 1.5, 0.04) % 360, np.arange(50, 52, 0.04))
    east = (lon + 180) % 360 - 180
    table = pd.DataFrame({"lon": lon.ravel(), "lat": lat.ravel()})
    table["anomaly"] = 200 * np.sin(2 * np.pi * east.ravel() * 70 / 30)  # 70 km are a degree
    table.to_csv(tmp_path / "grid.csv", index=False)
    with pytest.raises(ValueError, match="choose a part of it, BOX="):
        make_map.main(["--grid", str(CASES / "45_global_grid_with_both_seam_meridians/g0_360.nc")])
    make_map.main(["--grid", str(tmp_path / "grid.csv"), "--name", "g", "--box", *BOX])
    said = capsys.readouterr().out
    assert "All count as data" in said and "a grid has none" in said
    assert not (tmp_path / "g_crests.geojson").exists()
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
