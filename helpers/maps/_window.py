"""Pictures beside the maps: windows of a few hundred kilometres, and the globe.

The windows use no map projection, so that a slider can redraw them in a fraction of a second.
"""

import cartopy.crs as ccrs
import matplotlib.pyplot as plt
import numpy as np

from .. import _shared, data, diffusion, gridding
from . import _region

SPACING_KM = 2.0  # side of the cells of a window
STICK_CELLS = 12  # between the sticks along strike


def draw_fields(fields, limit, source="simulated", columns=None):
    """Draw windows side by side with one colour scale.

    Parameters
    ----------
    fields : dict of str to array_like, shape (n, m)
        The windows by title; rows northing, columns easting, cells of 2 km.
    limit : float
        Highest absolute value of the colour scale (nT).
    source : str
        What is simulated or where the data come from; written under the windows.
    columns : int, optional
        Windows in a row; by default all.
    """
    columns = columns or len(fields)
    rows = -(-len(fields) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.7 * columns + 0.9, 2.9 * rows + 0.3), layout="constrained",
        squeeze=False, sharex=True, sharey=True,
    )  # fmt: skip
    for axis in axes.ravel()[len(fields) :]:
        axis.set_visible(False)
    for axis, (title, field) in zip(axes.ravel(), fields.items(), strict=False):
        shown = show_field(axis, field, limit)
        axis.set_title(title, fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("northing (km)")
    figure.colorbar(shown, ax=axes, shrink=0.8, label="anomaly (nT)")
    _region.add_source(figure, f"easting (km); {source}")
    return figure


def draw_probabilities(fields, label, spacing_km=SPACING_KM, source="simulated"):
    """Draw probabilities of a lineation side by side, and how the last field differs.

    Parameters
    ----------
    fields : dict of str to array_like, shape (n, m)
        By title; the last one is a difference and has a scale of its own, centred on zero.
    label : array_like, shape (n, m)
        1 on the true lines, drawn over the difference.
    spacing_km : float
        Side of the cells.
    source : str
        Where the data come from.
    """
    figure, axes = plt.subplots(
        1, len(fields), figsize=(3.4 * len(fields) + 1, 3.4), layout="constrained", sharey=True
    )
    for axis, (title, field) in zip(axes, fields.items(), strict=True):
        last = axis is axes[-1]
        low, high, colours = (-0.5, 0.5, "PuOr_r") if last else (0, 1, "magma")
        extent = (0, field.shape[1] * spacing_km, 0, field.shape[0] * spacing_km)
        shown = axis.imshow(field, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high)
        axis.set_title(title, fontsize=9)
        figure.colorbar(shown, ax=axis, shrink=0.7)
    axes[-1].contour(np.asarray(label) > 0, [0.5], colors="0.5", linewidths=0.5, extent=extent)
    axes[0].set_ylabel("northing (km)")
    _region.add_source(figure, f"easting (km); {source}")
    return figure


def draw_regions(regions):
    """Draw the boxes of regions on the globe.

    Parameters
    ----------
    regions : dict of str to helpers.data.Region
        The regions by name.
    """
    data.use_offline_coastlines()
    figure = plt.figure(figsize=(8.5, 4.3), layout="constrained")
    axis = figure.add_subplot(projection=ccrs.Robinson(central_longitude=-110))
    axis.set_global()
    axis.coastlines("110m", lw=0.5, color="0.4")
    axis.gridlines(lw=0.3, color="0.7")
    for region in regions.values():
        east, north = region.outline()
        longitude, latitude = region.unproject(east, north)
        axis.plot(longitude, latitude, color="#D55E00", lw=2, transform=ccrs.Geodetic())
        axis.text(
            float(longitude.mean()), region.south - 2, region.title, ha="center", va="top",
            fontsize=8, transform=ccrs.PlateCarree(), bbox={"fc": "w", "lw": 0, "pad": 0.8},
        )  # fmt: skip
    _region.add_source(figure, "coastlines: Natural Earth")
    return figure


def draw_guided(block, weight, truth, log_smoothing, across_percent):
    """Diffuse track data with given parameters; draw before, after with its strike, and the truth.

    Parameters
    ----------
    block, weight, truth : array_like, shape (n, m)
        Track data (nT; NaN elsewhere), their confidence (0 to 1) and the simulated truth (nT), in
        cells of 2 km.
    log_smoothing : float
        Logarithm to base 10 of the smoothing of `diffusion.guided`, which is not chosen by the
        data here; the data still decide how far stripes are supported.
    across_percent : float
        Diffusivity across strike in per cent of that along strike.
    """
    result = diffusion.guided(
        block, weight, 10.0**log_smoothing, across_percent / 100, uncertainty=False
    )
    field, truth = result["anomaly"].to_numpy(), np.asarray(truth)
    limit = _region.robust_limit(truth)
    coherence = float(result["coherence"].mean())
    title = f"guided: supported coherence {coherence:.2f},\n"
    title += f"correlation {_shared.agreement(field, truth):.3f}"
    before = gridding.interpolate(np.asarray(block))
    fields = {"linear grid, readings on top": before, title: field, "truth (simulated)": truth}
    figure = draw_fields(fields, limit)
    row, column = np.nonzero(np.isfinite(np.asarray(block)))
    place = (column + 0.5) * SPACING_KM, (row + 0.5) * SPACING_KM
    figure.axes[0].scatter(*place, s=0.4, color="k", linewidths=0)
    _sticks(figure.axes[1], result["strike_deg"], result["coherence"])
    return figure


def _sticks(axis, strike_deg, coherence):
    """Draw sticks along strike on a window, as long as the orientation is coherent."""
    strike_deg, coherence = np.asarray(strike_deg), np.asarray(coherence)
    rows, columns = (part[STICK_CELLS // 2 :: STICK_CELLS, STICK_CELLS // 2 :: STICK_CELLS]
                     for part in np.indices(strike_deg.shape))  # fmt: skip
    angle, length = np.radians(strike_deg[rows, columns]), coherence[rows, columns]
    axis.quiver(
        (columns + 0.5) * SPACING_KM, (rows + 0.5) * SPACING_KM, length * np.sin(angle),
        length * np.cos(angle), angles="xy", pivot="middle", headwidth=0, headlength=0,
        headaxislength=0, scale=12, width=0.006,
    )  # fmt: skip


def show_field(axis, field, limit):
    """Draw one window in km from its lower left corner; return the image."""
    values = np.asarray(field, dtype=float)
    extent = (0, values.shape[1] * SPACING_KM, 0, values.shape[0] * SPACING_KM)
    axis.set_facecolor("0.9")
    return axis.imshow(
        values, origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit,
        interpolation="nearest",
    )  # fmt: skip
