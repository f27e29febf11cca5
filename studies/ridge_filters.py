"""Finding crests without a network: ridge filters, the tilt derivative and phase symmetry.

Each takes a map and gives the strength of a bright ridge in every cell.  What they leave to be
chosen (widths, wavelengths, noise) is tuned on validation maps, and so is the threshold; a network
that does not beat them on the same map has learnt nothing worth having.

References
----------
Sato, Y. et al. (1998). doi:10.1016/S1361-8415(98)80009-1.
Frangi, A. F. et al. (1998). doi:10.1007/BFb0056195.
Meijering, E. et al. (2004). doi:10.1002/cyto.a.20022.
Miller, H. G. & Singh, V. (1994). doi:10.1016/0926-9851(94)90022-1 (the tilt derivative).
Kovesi, P. (1997). Symmetry and asymmetry from local phase.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage
from skimage import filters

from helpers import scores

from ._kept import kept

WIDTHS = ((1.0, 1.5), (1.5, 2.5), (1.5, 2.5, 4.0), (2.5, 4.0), (4.0, 6.0))  # cells
MARGIN = 16  # cells of mirror image around a map before it is transformed
SCALES, ORIENTATIONS = 4, 8  # wavelengths and directions of `phase_symmetry`
SHARES = np.linspace(0.04, 0.4, 13)  # of the cells that a threshold may take as lines


def sato(field, sigmas):
    """Ridge filter of Sato et al. (1998): the strongest curvature across a bright line."""
    return filters.sato(field, sigmas=sigmas, black_ridges=False)


def meijering(field, sigmas):
    """Ridge filter of Meijering et al. (2004), made for neurites."""
    return filters.meijering(field, sigmas=sigmas, black_ridges=False)


def frangi(field, sigmas):
    """Ridge filter of Frangi et al. (1998), made for vessels, where the map is bent downwards."""
    ridges = filters.frangi(field, sigmas=sigmas, black_ridges=False)
    return ridges * (ndimage.gaussian_laplace(field, max(sigmas)) < 0)  # else troughs count, too


def tilt_maxima(field, smooth_cells):
    """Crests of the tilt derivative of a map smoothed by a Gaussian of some cells.

    The tilt is the angle of the vertical against the horizontal derivative (Miller & Singh 1994):
    it is as large over weak sources as over strong ones.
    """
    wide = np.pad(ndimage.gaussian_filter(field, smooth_cells), MARGIN, mode="symmetric")
    wavenumber, _ = _wavenumbers(wide.shape)
    # the vertical derivative multiplies the spectrum by the wavenumber
    vertical = fft.irfft2(fft.rfft2(wide) * wavenumber, wide.shape)
    tilt = np.arctan2(vertical, np.hypot(*np.gradient(wide)))
    return sato(tilt, [smooth_cells])[MARGIN:-MARGIN, MARGIN:-MARGIN]


def phase_symmetry(field, shortest_cells, noise):
    """Symmetry of the local phase (Kovesi 1997), 0 to 1: where waves of many lengths have a crest.

    The map passes log-Gabor filters of `SCALES` wavelengths, the finest of `shortest_cells` and
    each next one 1.6 times longer, and of `ORIENTATIONS` directions.  On a crest the even part of
    each answer is large and the odd part vanishes; what noise alone would give, `noise` times the
    median answer of the finest filter, is taken off, and the sum is divided by that of the
    amplitudes, so that weak crests count like strong ones.
    """
    wide = np.pad(field, MARGIN, mode="symmetric")
    wavenumber, angle = _wavenumbers(wide.shape, whole=True)
    spectrum = fft.fft2(wide)
    symmetry, total = np.zeros((2, *wide.shape))
    for direction in np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS:
        # half the plane, a Gaussian of the angle: the answer is complex, even and odd part
        away = np.abs(np.angle(np.exp(1j * (angle - direction))))
        beam = np.exp(-0.5 * (away * ORIENTATIONS / (1.2 * np.pi)) ** 2) * (away < np.pi / 2)
        for scale in range(SCALES):
            # a Gaussian of the logarithm of the wavenumber
            centre = 2 * np.pi / (shortest_cells * 1.6**scale)
            octave = np.log(np.maximum(wavenumber, 1e-9) / centre) / np.log(0.65)
            answer = fft.ifft2(spectrum * beam * np.exp(-0.5 * octave**2) * (wavenumber > 0))
            size = np.abs(answer)
            if scale == 0:  # white noise gives less in longer waves
                finest = noise * np.median(size)
            crest = answer.real - np.abs(answer.imag) - finest / 1.6**scale
            symmetry += np.maximum(crest, 0)
            total += size
    return (symmetry / (total + 1e-3))[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _wavenumbers(shape, whole=False):
    """Wavenumber (radians per cell) and its angle, for half the plane or all of it."""
    north = 2 * np.pi * fft.fftfreq(shape[0])[:, None]
    east = 2 * np.pi * (fft.fftfreq if whole else fft.rfftfreq)(shape[1])[None]
    return np.hypot(north, east), np.arctan2(north, east)


class Detector(NamedTuple):
    """A filter (map to strength of a ridge) and the settings of it that are tried."""

    filter: Callable
    settings: list


DETECTORS = {
    "sato filter": Detector(sato, [{"sigmas": widths} for widths in WIDTHS]),
    "meijering filter": Detector(meijering, [{"sigmas": widths} for widths in WIDTHS]),
    "frangi filter": Detector(frangi, [{"sigmas": widths} for widths in WIDTHS]),
    "tilt maxima": Detector(
        tilt_maxima, [{"smooth_cells": width} for width in (0.7, 1.0, 1.5, 2.5, 4.0)]
    ),
    "phase symmetry": Detector(
        phase_symmetry,
        [{"shortest_cells": cells, "noise": much} for cells in (4.0, 6.0) for much in (0.5, 1, 2)],
    ),
}


@kept("scores")
def tune(name, fields, truth, mask):
    """Choose the setting and the threshold of one of `DETECTORS` on validation maps.

    Maps, truth (label) and mask (cells that count) have the shape (maps, n, m).  Gives ``setting``,
    ``threshold`` and the ``f1`` that they reach on these maps.
    """
    detector, tried = DETECTORS[name], []
    for setting in detector.settings:
        seen = np.stack([detector.filter(field, **setting) for field in fields])
        thresholds = np.quantile(seen[mask > 0], 1 - SHARES)
        best = scores.best_threshold(seen, truth, mask, candidates=thresholds)
        rows = zip(seen, truth, mask, strict=True)
        f1 = scores.pooled([scores.score_lines(*row, threshold=best) for row in rows])["f1"]
        tried.append({"setting": setting, "threshold": best, "f1": f1})
    return max(tried, key=lambda one: one["f1"])
