"""Whether a drawn figure is the committed one.

Tolerance: compare_images gives the root mean square of the difference of the pixels, 0 to 255.
On one machine a figure repeats to the byte (0). Another processor moves a contour or a smoothed
stripe by part of a pixel (below 1). Seen in tests/tools/test_tools.py: a changed word in a title
gives about 3, a map shifted by one cell more than 10. Hence 2.
"""

import os

import pytest
from matplotlib.testing.compare import compare_images

import make_figures
from helpers import data

TOLERANCE_RMS = 2.0
FOLDER = make_figures.ROOT / "figures"


def differs(picture, committed, folder):
    """Say how a picture (its bytes) differs from the committed one, or None."""
    drawn = folder / committed.name
    drawn.write_bytes(picture)
    return compare_images(str(committed), str(drawn), tol=TOLERANCE_RMS)


def redrawn(figures, quick):
    """Return a test of every figure of a subject; `make test` draws the quick one alone.

    A picture that was drawn since its sources changed, as by `make workbook`, is not drawn again.
    """
    rest = [pytest.param(name, marks=pytest.mark.rest) for name in figures if name != quick]

    @pytest.mark.parametrize("name", [quick, *rest])
    def test_figure(name, tmp_path):
        try:
            picture = make_figures.drawn(name)
        except data.DataUnavailable as reason:
            assert not os.environ.get("LMA_DATA_MIRROR"), reason  # nothing is missing in a mirror
            pytest.skip(str(reason))
        assert differs(picture, FOLDER / f"{name}.png", tmp_path) is None

    return test_figure
