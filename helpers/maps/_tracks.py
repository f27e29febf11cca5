"""Pictures along ship tracks that sliders move: what gridding choices do, and wiggles."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.collections import LineCollection, PolyCollection

from .. import gridding, tracks
from . import _region

COARSE_KM = 2.0  # smaller cells are doubled for a quick picture


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
        A gridder of `gridding.METHODS`.
    mask_km : float
        Cells farther from data are left blank.
    coarse : bool
        Draw quickly: by linear interpolation, in cells of twice the side where they are small.
    """
    table, region = tables[survey]
    if coarse:
        spacing_km, method = spacing_km * (2 if spacing_km < COARSE_KM else 1), "linear"
    grid = gridding.grid_tracks(table, region, spacing_km, method, mask_km)
    part = along_track(table, region, spacing_km, method)
    limit = _region.robust_limit(grid["block"])
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

    Gives ``distance_km`` along the track, ``observed_nt`` and ``predicted_nt`` (NaN after a gap);
    its ``attrs`` name the ``cruise``.
    """
    inside = region.contains(table["longitude"], table["latitude"])
    table = table[inside & np.isfinite(table["residual_nt"])]
    name = table["cruise"].value_counts().index[0]
    own = table[table["cruise"] == name].sort_values("time")
    predicted = gridding.left_out_grid(table, region, spacing_km, method)
    east, north = region.project(own["longitude"].to_numpy(), own["latitude"].to_numpy())
    place = {"easting": xr.DataArray(east), "northing": xr.DataArray(north)}
    found = pd.DataFrame(
        {
            "distance_km": sailed_km(east, north),
            "observed_nt": own["residual_nt"].to_numpy(),
            "predicted_nt": predicted.sel(place, method="nearest").to_numpy(),
        }
    )
    # no line is drawn across a gap
    found.loc[tracks.gaps(own), ["observed_nt", "predicted_nt"]] = np.nan
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
    """
    frame = next(iter(fields.values()))
    east, north = frame["easting"].to_numpy(), frame["northing"].to_numpy()
    figure, axis = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
    if under in fields:
        limit = _region.robust_limit(list(fields.values())[-1])
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
        columns = own[["east", "north", "residual_nt"]].to_numpy()
        for leg in np.split(columns, tracks.gaps(own)):
            found.append((leg[:, :2], leg[:, 2]))
    return found


def sailed_km(east, north):
    """Add up the distance along a track from its places (km)."""
    return np.concatenate([[0.0], np.hypot(np.diff(east), np.diff(north))]).cumsum()
