"""Pictures along ship tracks: cleaning, crossovers, gridding choices, a profile across a ridge."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.collections import LineCollection, PolyCollection

from . import alongtrack, crossvalidation, data, gridding, seafloor

GREY = "0.35"
COARSE_KM = 2.0  # smaller cells are doubled for a quick picture
FINEST_MA = 0.05  # polarity along a profile is averaged over this interval


def draw_cleaning(before, after, source):
    """Draw speed and residual of one cruise before and after cleaning.

    Parameters
    ----------
    before, after : pandas.DataFrame
        Track tables of the cruise, in the order of sailing.
    source : str
        Where the data come from.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(
        2, 2, figsize=(9.5, 5), sharex=True, sharey="row", layout="constrained"
    )
    for (top, bottom), table, title in zip(
        axes.T, (before, after), ("as it came", "cleaned"), strict=True
    ):
        seconds, km = alongtrack.steps(table)
        speed = km / np.maximum(seconds, 1.0) * 3600
        time = table["time"].to_numpy()
        top.plot(time[1:], speed, ".", ms=1.5, color="#0072B2", rasterized=True)
        bottom.plot(time, table["residual_nt"], ".", ms=1.5, color="k", rasterized=True)
        top.set(title=f"{title}: {len(table):,} readings", yscale="log")
        bottom.tick_params(axis="x", rotation=30)
    axes[0, 0].set_ylabel("speed (km/h)")
    axes[1, 0].set_ylabel("residual (nT)")
    figure.supxlabel(source, fontsize=8, color=GREY)
    return figure


def draw_crossovers(before, after, source):
    """Draw the crossover errors before and after levelling as histograms.

    Parameters
    ----------
    before, after : pandas.DataFrame
        From `levelling.crossovers`.
    source : str
        What is simulated or where the data come from.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    reach = float(np.percentile(np.abs(before["error_nt"]), 98))
    bins = np.linspace(-reach, reach, 61)
    styles = (("before", before, "#E69F00", 0.9), ("after", after, "#0072B2", 0.6))
    for name, found, colour, opacity in styles:
        median = found["error_nt"].abs().median()
        label = f"{name} levelling: median size {median:.1f} nT, {len(found)} crossovers"
        axis.hist(
            found["error_nt"].clip(-reach, reach), bins, color=colour, alpha=opacity, label=label
        )
    axis.set(xlabel=f"crossover error (nT); {source}", ylabel="crossovers")
    axis.set_ylim(0, 1.2 * axis.get_ylim()[1])  # room for the legend
    axis.legend(frameon=False, fontsize=8)
    return figure


def draw_gridding(tables, survey, spacing_km, method, mask_km, coarse=False):
    """Grid a survey with given choices; draw the map, and the misfit along its longest cruise.

    Parameters
    ----------
    tables : dict of str to tuple
        By name: track table and `helpers.data.Region`.
    survey : str
        Which of them.
    spacing_km : float
        Side of the cells.
    method : str
        A gridder of `interpolation.METHODS`.
    mask_km : float
        Cells farther from data are left blank.
    coarse : bool
        Draw quickly: by linear interpolation, in cells of twice the side where they are small.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table, region = tables[survey]
    if coarse:
        spacing_km, method = spacing_km * (2 if spacing_km < COARSE_KM else 1), "linear"
    grid = gridding.grid_tracks(table, region, spacing_km, method, mask_km)
    part = along_track(table, region, spacing_km, method)
    limit = float(np.nanpercentile(np.abs(grid["block"]), 97))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10.5, 4), width_ratios=(1, 1.15), layout="constrained"
    )
    x, y = grid["easting"].to_numpy(), grid["northing"].to_numpy()
    image = left.pcolormesh(x, y, grid["anomaly"], cmap="RdBu_r", vmin=-limit, vmax=limit)
    east, north = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    left.plot(east, north, ",", color="k", alpha=0.3)
    left.set(xlim=x[[0, -1]], ylim=y[[0, -1]], aspect="equal")
    left.set(xlabel="easting (km)", ylabel="northing (km)", facecolor="0.9")
    left.set_title(f"{survey}: {method.replace('_', ' ')}", fontsize=10)
    figure.colorbar(image, ax=left, shrink=0.8, label="anomaly (nT)")
    right.plot(part["distance_km"], part["observed_nt"], color="k", lw=1, label="read")
    right.plot(part["distance_km"], part["predicted_nt"], color="#D55E00", lw=1,
               label="gridded without these readings")  # fmt: skip
    misfit = (part["predicted_nt"] - part["observed_nt"]).dropna()
    error = f"{np.sqrt(np.mean(misfit**2)):.0f} nT rms" if len(misfit) else "none could be gridded"
    right.set_title(f"cruise {part.attrs['cruise']}, left out tile by tile: {error}", fontsize=10)
    right.set(xlabel="distance along the track (km)", ylabel="residual (nT)")
    right.legend(frameon=False, fontsize=8)
    return figure


def along_track(table, region, spacing_km, method):
    """Compare the longest cruise of a region with grids made without its readings, tile by tile.

    Parameters
    ----------
    table, region, spacing_km
        As `gridding.grid_tracks`.
    method : str
        A gridder of `interpolation.METHODS`.

    Returns
    -------
    pandas.DataFrame
        ``distance_km`` along the track, ``observed_nt`` and ``predicted_nt`` (NaN after a gap); its
        ``attrs`` name the ``cruise``.
    """
    inside = region.contains(table["longitude"], table["latitude"])
    table = table[inside & np.isfinite(table["residual_nt"])]
    name = table["cruise"].value_counts().index[0]
    own = table[table["cruise"] == name].sort_values("time")
    predicted = crossvalidation.left_out_grid(table, region, spacing_km, method)
    east, north = region.project(own["longitude"].to_numpy(), own["latitude"].to_numpy())
    place = {"easting": xr.DataArray(east), "northing": xr.DataArray(north)}
    found = pd.DataFrame(
        {
            "distance_km": _sailed(east, north),
            "observed_nt": own["residual_nt"].to_numpy(),
            "predicted_nt": predicted.sel(place, method="nearest").to_numpy(),
        }
    )
    gaps = np.flatnonzero(alongtrack.is_gap(alongtrack.steps(own)[0])) + 1
    found.loc[gaps, ["observed_nt", "predicted_nt"]] = np.nan  # no line is drawn across a gap
    found.attrs["cruise"] = name
    return found


def draw_wiggles(table, region, fields, under, cruises, nt_per_km, towards_deg):
    """Draw residuals as wiggles along the tracks, over a map.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table.
    region : helpers.data.Region
        Gives the projection.
    fields : dict of str to xarray.DataArray
        Maps (nT) of one window, by name; the first one says what part of the tracks is drawn.
    under : str
        Which of them lies under the wiggles; none for any other word.
    cruises : int
        How many cruises are drawn, those with the most readings in the window first.
    nt_per_km : float
        Residual that moves a wiggle by one kilometre.
    towards_deg : float
        Direction to which positive wiggles point, clockwise from north.

    Returns
    -------
    matplotlib.figure.Figure
    """
    frame = next(iter(fields.values()))
    east, north = frame["easting"].to_numpy(), frame["northing"].to_numpy()
    figure, axis = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
    if under in fields:
        limit = float(np.nanpercentile(np.abs(list(fields.values())[-1]), 97))
        extent = (*east[[0, -1]], *north[[0, -1]])
        image = axis.imshow(fields[under], origin="lower", extent=extent, cmap="RdBu_r",
                            vmin=-limit, vmax=limit, alpha=0.6)  # fmt: skip
        figure.colorbar(image, ax=axis, shrink=0.8, label="anomaly (nT)")
    pieces = _pieces(table, region, (east, north), cruises)
    azimuth = np.radians(towards_deg)
    lift = np.array([np.sin(azimuth), np.cos(azimuth)]) / nt_per_km
    wiggles = [place + value[:, None] * lift for place, value in pieces]
    lobes = [np.concatenate([place + np.maximum(value, 0)[:, None] * lift, place[::-1]])
             for place, value in pieces]  # fmt: skip
    axis.add_collection(PolyCollection(lobes, facecolor="0.15", alpha=0.55, lw=0))
    axis.add_collection(LineCollection([place for place, _ in pieces], color="0.5", lw=0.4))
    axis.add_collection(LineCollection(wiggles, color="k", lw=0.7))
    axis.set(xlim=east[[0, -1]], ylim=north[[0, -1]], aspect="equal")
    axis.set(xlabel="easting (km); simulated", ylabel="northing (km)")
    axis.set_title(f"{cruises} cruises; positive residuals filled", fontsize=10)
    return figure


def _pieces(table, region, frame, cruises):
    """Cut the cruises with the most readings in a frame at their gaps: places (km), values (nT)."""
    east, north = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    inside = np.ones(len(table), bool)
    for place, axis in zip((east, north), frame, strict=True):
        inside &= (place >= axis[0]) & (place <= axis[-1])
    part = table.assign(east=east, north=north)[inside & np.isfinite(table["residual_nt"])]
    found = []
    for name in part["cruise"].value_counts().index[:cruises]:
        own = part[part["cruise"] == name].sort_values("time")
        cuts = np.flatnonzero(alongtrack.is_gap(alongtrack.steps(own)[0])) + 1
        for leg in np.split(own[["east", "north", "residual_nt"]].to_numpy(), cuts):
            found.append((leg[:, :2], leg[:, 2]))
    return found


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
    distance = _sailed(east, north)
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


def _sailed(east, north):
    """Add up the distance along a track (km)."""
    return np.concatenate([[0.0], np.hypot(np.diff(east), np.diff(north))]).cumsum()
