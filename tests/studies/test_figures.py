"""Every figure has a file, a caption and a place in the index."""

from pathlib import Path

import pytest

import make_figures
from helpers import data
from pictures import FOLDER
from studies import cases
from studies.figures import all as all_figures

FIGURES, CAPTIONS = make_figures.registry()


def test_every_name_has_a_file_and_every_file_a_name():
    assert FIGURES
    assert {path.stem for path in FOLDER.glob("*.png")} == set(FIGURES)
    for part in all_figures.PARTS:  # each subject has a file of tests, which draws its figures
        subject = part.__name__.rpartition(".")[2]
        drawn = Path(__file__).with_name(f"test_figures_{subject}.py").read_text()
        assert f"redrawn({subject}.FIGURES" in drawn


def test_the_index_is_made_from_the_captions():
    assert (FOLDER / "README.md").read_text("utf-8") == make_figures.index(CAPTIONS)
    assert all(len(caption.split()) >= 8 for caption in CAPTIONS.values())


def test_figures_of_real_cruises_say_so_where_there_are_none(monkeypatch):
    monkeypatch.setattr(cases, "real_cruises", lambda: None)
    monkeypatch.setattr(cases, "real_swath", lambda: None)
    for name in ("01_profile", "A2_swath"):
        with pytest.raises(data.DataUnavailable, match="real cruises"):
            FIGURES[name]()
