"""The figures of guided diffusion: where the readings support a direction."""

import matplotlib.pyplot as plt
import numpy as np

from helpers.maps import _window


def draw_sticks(field, strike_deg, coherence, limit, every=12, spacing_km=2.0):
    """Draw a window with sticks along strike, as long as the orientation is coherent.

    Parameters
    ----------
    field, strike_deg, coherence : array_like, shape (n, m)
        Anomaly (nT), strike (degrees clockwise from north) and coherence (0 to 1).
    limit : float
        Highest absolute value of the colour scale (nT).
    every : int
        Cells between sticks.
    spacing_km : float
        Side of the cells.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(4.8, 4), layout="constrained")
    shown = _window._window(axis, field, limit, spacing_km)
    _window._sticks(axis, strike_deg, coherence, every, spacing_km)
    axis.set(xlabel="easting (km); simulated", ylabel="northing (km)")
    figure.colorbar(shown, ax=axis, shrink=0.8, label="anomaly (nT)")
    return figure


def draw_support(fields, share, limit, spacing_km=2.0, title="coherence that the readings support"):
    """Draw windows and, beside them, a share: how far the data support stripes, or these run on.

    Parameters
    ----------
    fields : dict of str to array_like, shape (n, m)
        Simulated anomalies (nT) by title.
    share : array_like, shape (n, m)
        Supported coherence or continuity from `diffusion.guided` (0 to 1).
    limit : float
        Highest absolute value of the colour scale of the anomalies (nT).
    spacing_km : float
        Side of the cells.
    title : str
        Of the share; its first word stands at the colour bar.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = len(fields) + 1
    figure, axes = plt.subplots(
        1, count, figsize=(2.7 * count + 1.5, 3.1), layout="constrained", sharey=True
    )
    for axis, (name, field) in zip(axes, fields.items(), strict=False):
        shown = _window._window(axis, field, limit, spacing_km)
        axis.set_title(name, fontsize=9)
    figure.colorbar(shown, ax=axes[:-1], shrink=0.8, label="anomaly (nT)")
    shown = axes[-1].imshow(
        np.asarray(share), origin="lower", extent=shown.get_extent(), vmin=0, vmax=1
    )
    axes[-1].set_title(title, fontsize=9)
    figure.colorbar(shown, ax=axes[-1], shrink=0.8, label=title.split()[0])
    axes[0].set_ylabel("northing (km)")
    figure.supxlabel("easting (km); simulated", fontsize=8, color=_window.GREY)
    return figure
