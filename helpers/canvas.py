"""A figure that answers to the mouse in a notebook, by ipympl."""

import matplotlib


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
    try:
        from ipympl.backend_nbagg import Canvas, FigureManager
    except ImportError:
        return None
    if matplotlib.get_backend() != before:
        matplotlib.use(before)
    canvas = Canvas(figure)
    manager = FigureManager(canvas, 0)
    canvas.mpl_disconnect(manager.key_press_handler_id)  # keys are the page's, not matplotlib's
    canvas.header_visible, canvas.toolbar_position = False, "right"
    return canvas
