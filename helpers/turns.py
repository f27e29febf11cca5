"""The eight positions of a square: four turns, and each of them mirrored.

A strike is stored as the cosine and sine of twice its angle (clockwise from north), so that 0 and
180 degrees are one direction.  A quarter turn of the map changes the sign of both, a mirror image
the sign of the sine.
"""

import numpy as np

POSITIONS = 8


def turn(stack, position, strike=False):
    """Bring a map into one of its eight positions.

    Parameters
    ----------
    stack : numpy.ndarray, shape (n, m, channels)
        Rows northing, columns easting.
    position : int
        0 to 7; from 4 on mirrored, east for west.
    strike : bool
        Whether the last two channels are cosine and sine of twice the strike.

    Returns
    -------
    numpy.ndarray, shape (n, m, channels) or (m, n, channels)
    """
    turned = np.rot90(stack, position % 4, axes=(0, 1))
    turned = turned[:, ::-1] if position >= 4 else turned
    return _signed(turned, position) if strike else turned


def turn_back(stack, position, strike=False):
    """Undo `turn`; the parameters are the same."""
    stack = stack[:, ::-1] if position >= 4 else stack
    turned = np.rot90(stack, -(position % 4), axes=(0, 1))
    return _signed(turned, position) if strike else turned


def double_angle(strike_deg):
    """Cosine and sine of twice a strike.

    Parameters
    ----------
    strike_deg : numpy.ndarray
        Clockwise from north (degrees).

    Returns
    -------
    tuple of numpy.ndarray
    """
    double = 2 * np.radians(strike_deg)
    return np.cos(double), np.sin(double)


def strike_deg(cos2, sin2):
    """Strike (degrees clockwise from north, 0 to 180) from cosine and sine of twice its angle."""
    return np.degrees(np.arctan2(sin2, cos2)) / 2 % 180


def _signed(stack, position):
    """Change the signs of the strike as the position asks."""
    quarter = -1.0 if position % 2 else 1.0
    signs = np.ones(stack.shape[-1], stack.dtype)
    signs[-2:] = quarter, -quarter if position >= 4 else quarter
    return stack * signs
