"""The set for a paper: at journal widths, as vectors, with letters that can be read."""

import re

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text
from PIL import Image

from studies.figures import all, paper


@pytest.fixture
def toy(monkeypatch):
    """Put a wide figure with small and large letters among the figures."""

    def draw():
        figure, axis = plt.subplots(figsize=(14, 7), layout="constrained")
        axis.plot([0, 1], [0, 1])
        axis.set_title("a title", fontsize=20)
        axis.text(0.5, 0.5, "small", fontsize=7)
        return figure

    monkeypatch.setitem(all.FIGURES, "toy", draw)


@pytest.mark.parametrize("width_mm", [89.0, 183.0])
def test_pdf_and_png_have_the_width_of_the_journal(toy, tmp_path, width_mm):
    pdf, png = paper.save("toy", tmp_path, width_mm)
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf.read_bytes())
    assert float(box[1]) / 72 * 25.4 == pytest.approx(width_mm, abs=0.1)
    assert float(box[1]) == pytest.approx(2 * float(box[2]), rel=1e-3)
    with Image.open(png) as picture:
        assert picture.width == pytest.approx(width_mm / 25.4 * 300, abs=1)
    assert b"/FontFile2" in pdf.read_bytes()  # TrueType: text that can be edited
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.pdf", "toy.png"]


def test_letters_shrink_with_the_figure_but_stay_legible(toy):
    figure = all.FIGURES["toy"]()
    paper.resize(figure, 89.0)
    figure.draw_without_rendering()
    sizes = {text.get_text(): text.get_fontsize() for text in figure.findobj(Text)}
    assert sizes["a title"] == paper.SMALLEST_PT and min(sizes.values()) >= 6
    wide = all.FIGURES["toy"]()
    paper.resize(wide, 14 * 25.4 / 2)
    assert wide.axes[0].title.get_fontsize() == 10


def test_the_same_figure_gives_the_same_bytes(toy, tmp_path):
    one, other = (paper.save("toy", tmp_path / part)[0].read_bytes() for part in "ab")
    assert one == other


def test_the_set_is_of_figures_that_exist():
    assert set(paper.PAPER) <= set(all.FIGURES) and len(paper.PAPER) >= 12
    with pytest.raises(KeyError, match="No figure 'nothing'"):
        paper.save("nothing", ".")
