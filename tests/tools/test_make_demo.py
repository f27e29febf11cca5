"""The first map that a reader makes."""

import pandas as pd

import make_demo
import make_map
from helpers import data
from registry_files import fetch_or_skip
from studies import cases


def test_the_demo_ends_with_a_picture_a_geopackage_and_five_lines(tmp_path, monkeypatch, capsys):
    fetch_or_skip(cases.SURVEYS[make_demo.SURVEY].files[0])
    for module in (make_demo, make_map):
        monkeypatch.setattr(module, "MAPS", tmp_path)
    make_demo.main()
    said = capsys.readouterr().out.split("What it shows\n")[1].splitlines()
    assert [line[:2] for line in said] == ["1.", "2.", "3.", "4.", "5."]
    assert "real readings" in said[0] and said[2].startswith("3. 2 lines, 47 km")
    endings = {path.suffix for path in tmp_path.iterdir()}
    assert {".png", ".gpkg"} <= endings


def test_without_the_survey_simulated_tracks_take_its_place(tmp_path, monkeypatch, capsys):
    def none(name):
        raise data.DataUnavailable(f"{name} cannot be had")

    monkeypatch.setattr(data, "fetch", none)
    monkeypatch.setattr(make_demo, "ROOT", tmp_path)
    assert make_demo.real_survey() is None and "cannot be had" in capsys.readouterr().out
    path, _, about = make_demo.simulated_survey()
    assert "SIMULATED" in about and len(pd.read_csv(path)) > 10_000
