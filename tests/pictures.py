"""Whether a drawn figure is the committed one.

Tolerance: compare_images gives the root mean square of the difference of the pixels, 0 to 255.
On one machine a figure repeats to the byte (0). Another processor moves a contour or a smoothed
stripe by part of a pixel (below 1). Seen in tests/tools/test_tools.py: a changed word in a title
gives about 3, a map shifted by one cell more than 10. Hence 2.
"""

from matplotlib.testing.compare import compare_images

import make_figures

TOLERANCE_RMS = 2.0


def differs(figure, committed, folder):
    """Draw a figure into a folder; say how it differs from the committed one, or None."""
    drawn = folder / committed.name
    make_figures.save(figure, drawn)
    return compare_images(str(committed), str(drawn), tol=TOLERANCE_RMS)
