"""A figure that answers to the mouse in a notebook, by ipympl, and what is drawn on it."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from . import maps


def live(figure):
    """Put a figure on a canvas of ipympl.

    Where matplotlib is loaded already, ipympl makes itself its backend when it is imported, and
    the other figures of the notebook are then no longer shown; so the one before is put back.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    ipympl.backend_nbagg.Canvas or None
        A widget; None where ipympl is not installed.
    """
    before = matplotlib.get_backend()
    plt.switch_backend(before)  # loads it: it must have told the notebook of itself by now
    interactive = matplotlib.is_interactive()
    try:
        from ipympl.backend_nbagg import Canvas, FigureManager
    except ImportError:
        return None
    if matplotlib.get_backend() != before:
        plt.switch_backend(before)
        matplotlib.interactive(interactive)
    canvas = Canvas(figure)
    manager = FigureManager(canvas, 0)
    canvas.mpl_disconnect(manager.key_press_handler_id)  # keys are the page's, not matplotlib's
    canvas.header_visible, canvas.toolbar_position = False, "right"
    return canvas


def in_degrees(region, east_km, north_km):
    """Write a place of a map in degrees.

    Parameters
    ----------
    region : helpers.data.Region
    east_km, north_km : float

    Returns
    -------
    str
        As in ``"39.50 N, 31.02 W"``.
    """
    longitude, latitude = (float(value) for value in region.unproject(east_km, north_km))
    longitude = (longitude + 180) % 360 - 180
    return (
        f"{abs(latitude):.2f} {'N' if latitude >= 0 else 'S'}, "
        f"{abs(longitude):.2f} {'E' if longitude >= 0 else 'W'}"
    )


def colours(field):
    """Choose the colours of a map: about zero where it has negative values, else from zero on.

    Parameters
    ----------
    field : xarray.DataArray

    Returns
    -------
    dict
        Arguments of ``imshow``.
    """
    limit = maps.robust_limit(field)
    signed = float(field.min()) < 0
    return {"cmap": "RdBu_r" if signed else "Greys", "vmin": -limit if signed else 0, "vmax": limit}


def distance(points, place):
    """Measure how far a place is from a line.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
    place : numpy.ndarray, shape (2,)

    Returns
    -------
    float
    """
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((place - start) * step).sum(axis=1) / length, 0, 1)
    return float(np.hypot(*(start + share[:, None] * step - place).T).min())
