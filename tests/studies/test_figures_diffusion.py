"""Pictures of diffusion: what is drawn is what was given."""

import numpy as np

from pictures import redrawn
from studies.figures import diffusion

test_figure = redrawn(diffusion.FIGURES, quick="02_breaks")


def test_support_has_its_own_scale():
    truth = 100 * np.sin(np.indices((64, 64))[1] / 4.0)
    track = np.indices((64, 64))[0] % 4 == 0
    fields = {"tracks": np.where(track, truth, np.nan), "truth": truth}
    figure = diffusion.draw_share(fields, track, 80.0, "a share")
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert [image.get_clim() for image in images] == [(-80.0, 80.0)] * 2 + [(0.0, 1.0)]
    np.testing.assert_array_equal(images[-1].get_array(), track)
