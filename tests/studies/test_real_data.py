"""The judge of real data, in cases whose answer is known."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import ndimage

import make_compare
import make_map
from helpers import data
from registry_files import fetch_or_skip
from studies import figures, protocol, real_bench, real_data

BOX = (-1.5, 1.5, 50.0, 52.0)
REGION = data.region_from_box(*BOX)
RATE = 20.0  # km a Ma: the axis lies at the western edge


def test_a_wave_is_resolved_down_to_where_the_prediction_is_smoothed():
    rng = np.random.default_rng(0)
    read = rng.normal(size=(6, 1024))
    told = [ndimage.gaussian_filter1d(one, 4.0) + rng.normal(0, 0.06, 1024) for one in read]
    # signal exp(-(2 pi s / L)^2) against noise .06^2 falls to a coherence of a half at L = 21 km
    found = real_data.resolved_km(list(zip(read, told, strict=True)), 2.0)
    expected = 2 * np.pi * 8.0 / np.sqrt(np.log(1 / 0.06**2))
    assert found == pytest.approx(expected, rel=0.15)
    noise = [(one, rng.normal(size=1024)) for one in read]
    assert real_data.resolved_km(noise, 2.0) is None
    assert real_data.resolved_km([(one[:19], one[:19]) for one in read], 2.0) is None  # too short


def test_holes_in_a_prediction_split_it_and_short_lines_have_spectra_of_their_own():
    rng = np.random.default_rng(1)
    read = rng.normal(size=(6, 1024))
    told = read.copy()
    told[:, ::100] = np.nan  # stretches of 198 km are left, and perfect
    assert real_data.resolved_km(list(zip(read, told, strict=True)), 2.0) < 6
    told[:, ::15] = np.nan  # too short
    assert real_data.resolved_km(list(zip(read, told, strict=True)), 2.0) is None


def survey(folder):
    """Write parallel lines over stripes that run north, and picks of them on the middle line."""
    scale = data.timescale()
    scale = scale[~scale["cryptochron"]]
    edges = scale[["young_ma", "old_ma"]].to_numpy().ravel() * RATE - 105.0  # km east
    east = np.arange(-100, 100, 0.5)
    normal = np.searchsorted(edges, east) % 2 == 1
    value = 150.0 * ndimage.gaussian_filter1d(np.where(normal, 1.0, -1.0), 3)
    rows = []
    for k, north in enumerate(np.arange(-90, 91, 15.0)):  # there and back
        way = slice(None, None, (-1) ** k)
        rows.append({"cruise": "MOW", "east": east[way], "north": north, "nt": value[way]})
    table = pd.concat([pd.DataFrame(row) for row in rows], ignore_index=True)
    table["longitude"], table["latitude"] = REGION.unproject(table["east"], table["north"])
    minutes = pd.to_timedelta(3 * np.arange(len(table)), unit="min")
    table["time"] = pd.Timestamp("2001-01-01") + minutes
    names = ["cruise", "time", "longitude", "latitude", "nt"]
    table[names].rename(columns={"nt": "anomaly"}).to_csv(folder / "tracks.csv", index=False)
    within = (edges > -95) & (edges < 95)
    lon, lat = REGION.unproject(edges[within], np.full(within.sum(), 0.0))
    ages = (edges[within] + 105.0) / RATE
    picks = pd.DataFrame({"longitude": lon, "latitude": lat, "age_ma": ages})
    picks.to_csv(folder / "picks.csv", index=False)


def test_a_prior_is_passed_on_and_named(tmp_path, monkeypatch, capsys):
    survey(tmp_path)
    monkeypatch.setattr(make_compare, "MAPS", tmp_path)
    strike = xr.DataArray(0.0, attrs={"source": "lineations (somebody 2001)"})
    monkeypatch.setattr(make_compare.data, "published_strike", lambda *asked: strike)
    got = {}

    def compare(*_, prior=None):
        got["prior"] = prior
        drawn = {"lines": 0, "length_km": 0.0, "km": None}
        return {"methods": None, "lines": drawn, "withheld": None, "not_levelled": ""}

    monkeypatch.setattr(make_compare.real_data, "compare", compare)
    given = ["--tracks", str(tmp_path / "tracks.csv"), "--box", *map(str, BOX)]
    make_compare.main([*given, "--prior", "lineations"])
    said = capsys.readouterr().out
    assert got["prior"] is strike and "Prior of the strike: lineations (somebody 2001)" in said
    assert "held against below are those of the prior" in said
    found = json.loads((tmp_path / "mine_compare.json").read_text())
    assert found["prior"] == "lineations (somebody 2001)"
    make_compare.main(given)
    assert got["prior"] is None and "Prior" not in capsys.readouterr().out


@pytest.mark.rest
def test_one_command_judges_a_survey(tmp_path, monkeypatch, capsys):
    survey(tmp_path)
    monkeypatch.setattr(make_compare, "MAPS", tmp_path)
    given = ["--tracks", str(tmp_path / "tracks.csv"), "--picks", str(tmp_path / "picks.csv")]
    make_compare.main([*given, "--box", *map(str, BOX), "--name", "judged"])
    found = json.loads((tmp_path / "judged_compare.json").read_text())
    assert set(found) == {"blocks", "km", "methods", "lines", "withheld", "not_levelled"}
    methods = found["methods"]
    assert set(methods) == {
        "network", "moved", "turned", "sato", "crests", "peaks", "all_peaks"}  # fmt: skip
    assert found["blocks"] >= 8 and 150 < found["km"] < 200
    most = max(methods[name]["crossings"] for name in ("network", "crests"))
    assert methods["peaks"]["crossings"] <= most
    assert methods["crests"]["crossed"] > methods["turned"]["crossed"]
    for one in methods.values():
        low, high = one["by_chance_95"]
        assert 0 <= low <= one["by_chance"] <= high and one["crossed"] <= found["blocks"]
    assert methods["network"]["crossed"] > methods["turned"]["crossed"]
    withheld = found["withheld"]
    assert withheld["guided"]["rms_nt"] < 0.6 * withheld["zero"]["rms_nt"]
    assert withheld["gaussian_process"]["rms_nt"] < 0.6 * withheld["zero"]["rms_nt"]
    assert withheld["lines"] == 11  # of 13: none beyond the outermost
    assert withheld["guided"]["resolved_km"] < 40 and withheld["zero"]["resolved_km"] is None
    said = capsys.readouterr().out
    assert "Polarity blocks of picks" in said and "tracks.csv: kept" in said


def test_a_block_counts_as_crossed_once_and_its_interval_holds_the_count():
    rng = np.random.default_rng(2)
    start = np.arange(0.0, 1000.0, 20.0)
    blocks = pd.DataFrame({"start_km": start, "end_km": start + 8.0})
    places = np.repeat(start[::2] + 4.0, 2) + np.tile([0.0, 3.0], 25)  # every other block, twice
    one = real_data.Tracked(None, None, blocks, None)
    found = real_data._counted([places], [one], rng)
    assert (found["crossed"], found["crossings"], found["without_block"]) == (25, 50, 0)
    low, high = found["crossed_95"]
    assert 20 < low <= 25 <= high < 30  # alternate blocks: hardly any luck
    low, high = found["by_chance_95"]
    assert low <= found["by_chance"] <= high


def test_the_tables_tell_what_the_records_hold():
    records = protocol.results("real_data")
    tables = [make(records) for make in figures.tables.TABLES]
    titles = {survey.title for survey in real_bench.SURVEYS}
    assert set(tables[1]["survey"]) == titles  # every survey stands there, lines or not
    assert len(tables[1]) == len(records["surveys"])
    assert {"NBP9707", "WI933014", "Lucky Strike"} <= set(tables[0]["survey"])
    whole = next(one for one in records["surveys"] if one["methods"])
    network = whole["methods"]["network"]
    assert tables[0]["network"].iloc[0] == f"{network['crossed']} / {network['crossings']}"
    assert set(tables[3]["region"]) == set(real_bench.LINEATED)
    for survey in real_bench.SURVEYS:
        assert len(survey.boxes) >= 3


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="Say of what: make compare TRACKS="):
        make_compare.main([])
    with pytest.raises(ValueError, match="judges tracks; a GRID has none"):
        make_compare.main(["--grid", "a.nc"])
    assert make_map.options(["--tracks", "a.csv"], make_compare.PICKS).picks == ""


def test_picks_of_several_formats(tmp_path):
    path = fetch_or_skip("picks/Croon++_2008_G3.gmt")
    picks = data.read_picks(path)
    import geopandas

    frame = geopandas.read_file(path, on_invalid="ignore").set_crs(4326, allow_override=True)
    frame.to_file(tmp_path / "picks.shp")
    again = data.read_picks(tmp_path / "picks.shp")
    assert len(again) == len(picks)
    np.testing.assert_allclose(again["age_ma"], picks["age_ma"], atol=1e-6)
    (tmp_path / "picks.csv").write_text("Lon,Lat,Age,chron\n-110,-45,2.58,C2An\n")
    row = data.read_picks(tmp_path / "picks.csv").iloc[0]
    assert (row.longitude, row.latitude, row.age_ma, row.chron) == (-110, -45, 2.58, "C2An")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="other.csv has the columns a, b; picks need longitude"):
        data.read_picks(tmp_path / "other.csv")
    with pytest.raises(ValueError, match="nowhere.shp cannot be read as picks"):
        data.read_picks(tmp_path / "nowhere.shp")
    (tmp_path / "vrt.gmt").write_text("<OGRVRTDataSource></OGRVRTDataSource>")
    with pytest.raises(ValueError, match="vrt.gmt is no .gmt file: it begins"):
        data.read_picks(tmp_path / "vrt.gmt")
