"""Labels: where the lineations of a noise-free anomaly are, computed and not drawn.

A label is the centre line of a positive linear anomaly.  It is found by walking across the
stripe from every positive cell to both edges of its band, where the anomaly falls below half the
band's peak; the cell is on the centre line if the centroid of the band lies within it.  Unlike
ridge detectors this finds one line in a flat-topped band and not its two edges.
"""

import numba
import numpy as np
from scipy import ndimage

LINE_CELLS = 3  # width of a label line
SHORTEST_CELLS = 12  # shorter pieces of line are left out
BAND_SHARE = 0.5  # a band reaches from its peak down to this share of it
WIDEST_CELLS = 40  # farthest walk to an edge of a band; wider bands (quiet zones) have no line
WEAKEST_NT = 5.0  # a band must reach this to count as an anomaly: half the error of a reading
LINEATED_COHERENCE = 0.65  # of the age gradient's direction; bends by 25 degrees either way keep it
OUTSIDE = -1e9  # the value beyond the map
FRAME_CELLS = 5.0  # averaging of the age gradient's direction, in cells


def across_direction(age):
    """Direction across the isochrons, and how uniform it is nearby.

    Each age gradient counts as a unit vector, so that the steep steps at fracture zones do not
    outweigh the seafloor between them; opposite directions (both sides of a ridge) agree.

    Parameters
    ----------
    age : numpy.ndarray, shape (n, m)
        Seafloor age (Ma), rows northing, columns easting; NaN where there is none.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (n, m)
        Angle of the gradient (radians, anticlockwise from east) and its coherence, 0 to 1.
    """
    north, east = np.gradient(age)
    length = np.hypot(east, north)
    valid = np.isfinite(length) & (length > 0)
    safe = np.where(valid, length, 1.0)
    double = 2 * np.arctan2(np.where(valid, north / safe, 0), np.where(valid, east / safe, 1))

    def average(values):
        return ndimage.gaussian_filter(np.where(valid, values, 0.0), FRAME_CELLS, truncate=3.0)

    # directions of twice the angle, averaged over the cells that have one
    total = average(np.ones_like(safe)) + 1e-9
    cos, sin = average(np.cos(double)) / total, average(np.sin(double)) / total
    return 0.5 * np.arctan2(sin, cos), np.hypot(cos, sin)


def crest_lines(anomaly, angle, lineated):
    """Mark the centre lines of the positive bands.

    Parameters
    ----------
    anomaly : numpy.ndarray, shape (n, m)
        Noise-free anomaly (nT).
    angle : numpy.ndarray, shape (n, m)
        Direction across the stripes (radians, anticlockwise from east).
    lineated : numpy.ndarray of bool, shape (n, m)
        Cells where the polarity blocks are lineated; no line is drawn elsewhere.

    Returns
    -------
    numpy.ndarray of uint8, shape (n, m)
        1 on lines `LINE_CELLS` wide, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> stripe = np.tile(100 * np.exp(-((np.arange(41) - 20.0) / 4) ** 2), (30, 1))
    >>> lines = crest_lines(stripe, np.zeros((30, 41)), np.ones((30, 41), bool))
    >>> np.flatnonzero(lines[15])
    array([19, 20, 21])
    """
    field = np.ascontiguousarray(np.nan_to_num(anomaly), "float32")
    angle = np.ascontiguousarray(angle, "float32")
    lines = _walk_across(field, angle, np.ascontiguousarray(lineated))
    return _drop_specks(lines)


def _drop_specks(lines):
    """Remove pieces of line shorter than `SHORTEST_CELLS`."""
    pieces, number = ndimage.label(lines, structure=np.ones((3, 3)))
    area = np.bincount(pieces.ravel(), minlength=number + 1)
    keep = area >= SHORTEST_CELLS * LINE_CELLS
    keep[0] = False
    return keep[pieces].astype("uint8")


@numba.njit(cache=True)
def _walk_across(field, angle, lineated):
    """Mark cells whose band's centroid lies within half a line width."""
    rows, columns = field.shape
    lines = np.zeros((rows, columns), np.uint8)
    for i in range(rows):
        for j in range(columns):
            if field[i, j] <= 0 or not lineated[i, j]:
                continue
            # the band reaches down to a share of its peak, to either side
            peak = max(_peak(field, i, j, angle[i, j], 1), _peak(field, i, j, angle[i, j], -1))
            if peak < WEAKEST_NT or field[i, j] < BAND_SHARE * peak:
                continue
            level = BAND_SHARE * peak
            total_up, moment_up, reach_up = _side(field, i, j, angle[i, j], 1, level)
            total_down, moment_down, reach_down = _side(field, i, j, angle[i, j], -1, level)
            # its centroid, counted from this cell, is (moment_up - moment_down) / total
            total = field[i, j] + total_up + total_down
            centred = abs(moment_up - moment_down) <= 0.5 * LINE_CELLS * total
            if centred and max(reach_up, reach_down) <= WIDEST_CELLS:
                lines[i, j] = 1
    return lines


@numba.njit(cache=True)
def _peak(field, i, j, angle, side):
    """Highest value on the way across until the field has fallen below a share of it."""
    peak = field[i, j]
    for walked in range(1, WIDEST_CELLS + 1):
        value = _between(field, i, j, angle, side * walked)
        peak = max(peak, value)
        if value < BAND_SHARE * peak:
            break
    return peak


@numba.njit(cache=True)
def _side(field, i, j, angle, side, level):
    """Sum, first moment and length of the band on one side, down to a level."""
    total, moment = 0.0, 0.0
    for walked in range(1, WIDEST_CELLS + 1):
        value = _between(field, i, j, angle, side * walked)
        if value == OUTSIDE:
            break  # where the band ends is not known, nor is its centre
        if value < level:
            return total, moment, walked
        total += value
        moment += walked * value
    return total, moment, WIDEST_CELLS + 1


@numba.njit(cache=True)
def _between(field, i, j, angle, walked):
    """Bilinear interpolation a walk away from a cell; far below zero outside the grid."""
    row, column = i + walked * np.sin(angle), j + walked * np.cos(angle)
    if row < 0 or column < 0 or row > field.shape[0] - 1 or column > field.shape[1] - 1:
        return OUTSIDE
    i, j = min(int(row), field.shape[0] - 2), min(int(column), field.shape[1] - 2)
    y, x = row - i, column - j
    upper = field[i, j] * (1 - x) + field[i, j + 1] * x
    lower = field[i + 1, j] * (1 - x) + field[i + 1, j + 1] * x
    return upper * (1 - y) + lower * y
