"""Every figure is what its function draws now, and has a caption and a place in the index.

Tolerance: compare_images gives the root mean square of the difference of the pixels, 0 to 255.
On one machine a figure repeats to the byte (0). Another processor moves a contour or a smoothed
stripe by part of a pixel (below 1). Seen in test_tools.py: a changed word in a title
gives about 3, a map shifted by one cell more than 10. Hence 2.
"""

import importlib
import os

import numpy as np
import pytest
from matplotlib.testing.compare import compare_images

import make_figures
from helpers.data import DataUnavailable

TOLERANCE_RMS = 2.0
FOLDER = make_figures.ROOT / "figures"
HERE = (make_figures.ROOT / "helpers" / "figures.py").exists()
FIGURES, CAPTIONS = make_figures.registry() if HERE else ({}, {})


def differs(figure, committed, folder):
    """Draw a figure into a folder; say how it differs from the committed one, or None."""
    drawn = folder / committed.name
    make_figures.save(figure, drawn)
    return compare_images(str(committed), str(drawn), tol=TOLERANCE_RMS)


def test_every_name_has_a_file_and_every_file_a_name():
    if not HERE and not os.environ.get("CI"):
        pytest.skip("no figure yet")
    assert FIGURES
    assert {path.stem for path in FOLDER.glob("*.png")} == set(FIGURES)


@pytest.mark.skipif(not HERE, reason="no figure yet")
def test_the_index_is_made_from_the_captions():
    assert (FOLDER / "README.md").read_text("utf-8") == make_figures.index(CAPTIONS)
    assert all(len(caption.split()) >= 8 for caption in CAPTIONS.values())


@pytest.mark.parametrize("name", FIGURES)
def test_figure(name, tmp_path):
    try:
        figure = FIGURES[name]()
    except DataUnavailable as reason:
        assert not os.environ.get("LMA_DATA_MIRROR"), reason  # with a mirror nothing may be missing
        pytest.skip(str(reason))
    assert differs(figure, FOLDER / f"{name}.png", tmp_path) is None


def test_figures_of_real_cruises_say_so_where_there_are_none(monkeypatch):
    figures = importlib.import_module("helpers.figures")
    monkeypatch.setattr(figures.cases, "real_cruises", lambda: None)
    monkeypatch.setattr(figures.cases, "real_swath", lambda: None)
    for name in ("01_profile", "A2_swath"):
        with pytest.raises(DataUnavailable, match="real cruises"):
            figures.FIGURES[name]()


@pytest.mark.parametrize("name", ["epr", "reykjanes"])
def test_the_window_shown_lies_in_a_test_block(name):
    parts = ("cases", "patches", "protocol")
    cases, patches, protocol = (importlib.import_module(f"helpers.{part}") for part in parts)
    truth = importlib.import_module("helpers.seafloor").simulate_region(name)
    row, column = protocol.blocks(truth)["test"][1]
    for cells in (96, 128):
        part = truth.sel(cases.test_window(name, cells, number=1))
        assert part["anomaly"].shape == (cells, cells)
        start = [
            int(np.flatnonzero(truth[axis].to_numpy() == part[axis].to_numpy()[0])[0])
            for axis in ("northing", "easting")
        ]
        inside = (patches.SIZE - cells) // 2
        assert start == [row + inside, column + inside]
