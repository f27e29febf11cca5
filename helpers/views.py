"""Pictures beside the maps: windows of a few hundred kilometres, profiles, the globe.

As in `helpers.maps`, every function takes data and returns a `matplotlib.figure.Figure`.  These
use no map projection, so that a slider can redraw them in a fraction of a second.
"""

import cartopy.crs as ccrs
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from . import data, diffusion, seafloor

GREY = "0.35"
FINEST_MA = 0.05  # polarity along a profile is averaged over this interval


def draw_fields(fields, limit, spacing_km=2.0, source="simulated"):
    """Draw windows side by side with one colour scale.

    Parameters
    ----------
    fields : dict of str to array_like, shape (n, m)
        The windows by title; rows northing, columns easting.
    limit : float
        Highest absolute value of the colour scale (nT).
    spacing_km : float
        Side of the cells.
    source : str
        What is simulated or where the data come from; written under the windows.

    Returns
    -------
    matplotlib.figure.Figure
    """
    size = (2.7 * len(fields) + 0.9, 3.2)
    figure, axes = plt.subplots(1, len(fields), figsize=size, layout="constrained", squeeze=False)
    for axis, (title, field) in zip(axes[0], fields.items(), strict=True):
        shown = _window(axis, field, limit, spacing_km)
        axis.set_title(title, fontsize=9)
    axes[0, 0].set_ylabel("northing (km)")
    for axis in axes[0, 1:]:
        axis.tick_params(labelleft=False)
    figure.colorbar(shown, ax=axes, shrink=0.8, label="anomaly (nT)")
    figure.supxlabel(f"easting (km); {source}", fontsize=8, color=GREY)
    return figure


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
    shown = _window(axis, field, limit, spacing_km)
    rows, columns = np.mgrid[every // 2 : shown.get_size()[0] : every,
                             every // 2 : shown.get_size()[1] : every]  # fmt: skip
    angle = np.radians(np.asarray(strike_deg)[rows, columns])
    length = np.asarray(coherence)[rows, columns]
    axis.quiver(
        (columns + 0.5) * spacing_km, (rows + 0.5) * spacing_km, length * np.sin(angle),
        length * np.cos(angle), angles="xy", pivot="middle", headwidth=0, headlength=0,
        headaxislength=0, scale=12, width=0.006,
    )  # fmt: skip
    axis.set(xlabel="easting (km); simulated", ylabel="northing (km)")
    figure.colorbar(shown, ax=axis, shrink=0.8, label="anomaly (nT)")
    return figure


def crest_profile(leg, region, reach_km):
    """Follow a track across a ridge crest and look up the seafloor below it.

    Parameters
    ----------
    leg : pandas.DataFrame
        Track table of one crossing, in the order of sailing.
    region : helpers.data.Region
        A region of the registry around it.
    reach_km : float
        Length of the profile on each side of the crest, which is where the age is least.

    Returns
    -------
    pandas.DataFrame
        ``distance_km`` along the track from the crest, ``residual_nt``, ``age_ma`` (Seton et al.
        2020) and ``polarity`` (-1 to 1, Gee & Kent 2007), by rising distance.
    """
    east, north = region.project(leg["longitude"].to_numpy(), leg["latitude"].to_numpy())
    distance = np.concatenate([[0.0], np.hypot(np.diff(east), np.diff(north))]).cumsum()
    place = {name: ("row", leg[name].to_numpy()) for name in ("latitude", "longitude")}
    age = data.context(region.name)["age_ma"].interp(place).to_numpy()
    profile = pd.DataFrame(
        {
            "distance_km": distance - distance[np.nanargmin(age)],
            "residual_nt": leg["residual_nt"].to_numpy(),
            "age_ma": age,
            "polarity": seafloor.mean_polarity(age, np.full_like(age, FINEST_MA)),
        }
    )
    return profile[profile["distance_km"].abs() < reach_km].reset_index(drop=True)


def draw_profile(profile, source):
    """Draw the anomaly along a track over the polarity of the seafloor below it.

    Parameters
    ----------
    profile : pandas.DataFrame
        From `crest_profile`.
    source : str
        Where the data come from.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (top, strip, bottom) = plt.subplots(
        3, 1, figsize=(9, 5), sharex=True, height_ratios=(6, 0.7, 2.5), layout="constrained"
    )
    distance = profile["distance_km"].to_numpy()
    top.plot(distance, profile["residual_nt"], color="k", lw=0.8)
    top.axhline(0, color="0.7", lw=0.5)
    top.set_ylabel("residual (nT)")
    edges = np.concatenate([distance[:1], (distance[1:] + distance[:-1]) / 2, distance[-1:]])
    polarity = profile["polarity"].to_numpy()[None]
    strip.pcolormesh(edges, [0, 1], polarity, cmap="Greys", vmin=-1, vmax=1, rasterized=True)
    strip.set_yticks([0.5], ["polarity"])
    bottom.plot(distance, profile["age_ma"], color="#0072B2")
    bottom.set(ylabel="age (Ma)", xlabel=f"distance from the ridge crest (km); {source}")
    return figure


def draw_regions(regions):
    """Draw the boxes of regions on the globe.

    Parameters
    ----------
    regions : dict of str to helpers.data.Region
        The regions by name.

    Returns
    -------
    matplotlib.figure.Figure
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
    figure.supxlabel("coastlines: Natural Earth", fontsize=8, color=GREY)
    return figure


def draw_guided(block, truth, log_smoothing, integration_cells, across_percent, reestimations):
    """Diffuse track data with given parameters and draw them, the result and the truth.

    Parameters
    ----------
    block, truth : array_like, shape (n, m)
        Track data (nT; NaN elsewhere) and the simulated truth (nT).
    log_smoothing : float
        Logarithm to base 10 of the smoothing of `diffusion.guided`.
    integration_cells, reestimations
        As in `diffusion.guided`.
    across_percent : float
        Diffusivity across strike in per cent of that along strike.

    Returns
    -------
    matplotlib.figure.Figure
    """
    field = diffusion.guided(
        block, None, 10.0**log_smoothing, integration_cells, across_percent / 100, reestimations,
        uncertainty=False,
    )["anomaly"].to_numpy()  # fmt: skip
    truth = np.asarray(truth)
    known = np.isfinite(truth)
    agreement = np.corrcoef(field[known], truth[known])[0, 1]
    limit = float(np.nanpercentile(np.abs(truth), 97))
    title = f"guided diffusion, correlation {agreement:.3f}"
    fields = {"track cells": block, title: field, "truth (simulated)": truth}
    return draw_fields(fields, limit)


def _window(axis, field, limit, spacing_km):
    """Draw one window in km from its lower left corner; return the image."""
    values = np.asarray(field, dtype=float)
    extent = (0, values.shape[1] * spacing_km, 0, values.shape[0] * spacing_km)
    axis.set_facecolor("0.9")
    return axis.imshow(
        values, origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit, vmax=limit,
        interpolation="nearest",
    )  # fmt: skip
