"""From somebody's own tracks to lines: what the command writes, and what it says when it cannot."""

import geopandas
import numpy as np
import pandas as pd
import pytest

import make_map
from helpers import data, labelling

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
    region, fields, about = labelling.open_map(tmp_path / "own.nc")
    assert region.box == tuple(map(float, BOX)) and about == str(tracks)
    assert np.isfinite(fields["guided diffusion"]).all()
    assert len(labelling.read(tmp_path / "own.geojson", region)) == len(found)


def test_tracks_elsewhere_are_told_where_they_are(tracks):
    with pytest.raises(SystemExit, match="None of the .* readings lies in the box.*50.. to 51"):
        make_map.main(["--box", "10", "12", "50", "52", "--tracks", str(tracks)])


def test_without_crossings_the_medians_have_to_do(tracks, capsys):
    alone = pd.read_csv(tracks).query("cruise == 'TIE'")
    path = tracks.with_name("tie.csv")
    alone.to_csv(path, index=False)
    table = make_map.readings([str(path)], data.region_from_box(*map(float, BOX)))
    assert "Not levelled: No tracks cross" in capsys.readouterr().out
    assert len(table) > 0.9 * len(alone) and abs(table["residual_nt"].median()) < 1e-6
