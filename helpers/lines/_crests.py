"""Crests of single tracks as points and as ticks across the track, for files and pictures."""

import geopandas
import numpy as np
import shapely

from .. import _shared


def crest_points(crests):
    """Give crests as points.

    Parameters
    ----------
    crests : pandas.DataFrame
        From `tracks.crests`: with ``longitude`` and ``latitude``.

    Returns
    -------
    geopandas.GeoDataFrame
        The other columns, and points in degrees (WGS 84), as `lines.write` takes them.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = {"longitude", "latitude"} - set(crests)
    if missing:
        raise ValueError(f"The crests lack {sorted(missing)}; take them from tracks.crests.")
    points = geopandas.points_from_xy(crests["longitude"], crests["latitude"])
    rest = crests.drop(columns=["longitude", "latitude"])
    return geopandas.GeoDataFrame(rest, geometry=points, crs="EPSG:4326")


def crest_ticks(crests, region, length_km):
    """Give crests as ticks square to the track, which claim no strike.

    Parameters
    ----------
    crests : pandas.DataFrame
        From `tracks.crests`: with ``longitude``, ``latitude`` and ``heading_deg``.
    region : helpers.data.Region
        Its projection.
    length_km : float
        Length of a tick.

    Returns
    -------
    geopandas.GeoDataFrame
        The columns of `crests`, and lines in km.
    """
    lon, lat = (crests[name].to_numpy(float) for name in ("longitude", "latitude"))
    right = np.radians(crests["heading_deg"].to_numpy(float) + 90)
    step = 0.01  # degrees, of latitude
    middle = np.column_stack(region.project(lon, lat))
    side = region.project(
        lon + step * np.sin(right) / np.cos(np.radians(lat)), lat + step * np.cos(right)
    )
    way = np.column_stack(side) - middle
    way *= length_km / 2 / (step * _shared.KM_PER_DEGREE)
    ticks = shapely.linestrings(np.stack([middle - way, middle + way], axis=1))
    return geopandas.GeoDataFrame(crests.reset_index(drop=True), geometry=ticks, crs=region.crs)
