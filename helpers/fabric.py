"""What people have drawn on the seafloor: isochrons, ridges and fracture zones.

References
----------
Müller, R. D. et al. (2016). doi:10.1146/annurev-earth-060115-012211 (isochrons, ridges).
Matthews, K. J. et al. (2011), doi:10.1029/2010JB007898; Wessel, P. et al. (2015) (GSFML fracture
zones, by four interpreters).
"""

import geopandas
import pandas as pd

from . import data

ISOCHRONS = "fabric/Muller_etal_AREPS_2016_Isochrons.gmt"
RIDGES = "fabric/Muller_etal_AREPS_2016_Ridges.gmt"
FRACTURE_ZONES = tuple(f"fabric/GSFML_SF_{who}.gmt" for who in ("JW", "KM", "MC", "RM"))


def isochrons(region):
    """Read the isochrons of a region.

    Parameters
    ----------
    region : helpers.data.Region

    Returns
    -------
    geopandas.GeoDataFrame or None
        ``age_ma`` and ``geometry`` in the region's projection (km), cut to its box; None where
        the file cannot be had.
    """
    return _read(region, [ISOCHRONS])


def ridges(region):
    """Read the spreading ridges of a region; as `isochrons`."""
    return _read(region, [RIDGES])


def fracture_zones(region):
    """Read the fracture zones of a region, of all interpreters; as `isochrons`, without an age."""
    return _read(region, FRACTURE_ZONES)


def _read(region, names):
    """Lines of files of the registry in the box and the projection of a region."""
    paths = [data.try_fetch(name) for name in names]
    if None in paths:
        return None
    drawn = pd.concat([geopandas.read_file(path).set_crs(4326) for path in paths])
    drawn = drawn.rename(columns={"FROMAGE": "age_ma"}).reindex(columns=["age_ma", "geometry"])
    cut = _in_box(drawn, region).explode(ignore_index=True)
    return cut[cut.geom_type == "LineString"].to_crs(region.crs).reset_index(drop=True)


def _in_box(drawn, region):
    """Cut to the box, on both sides of the date line where it is crossed."""
    east = min(region.east, 180.0)
    cut = drawn.clip((region.west, region.south, east, region.north))
    if region.crosses_date_line:
        rest = drawn.clip((-180.0, region.south, region.east - 360.0, region.north))
        cut = pd.concat([cut, rest])
    return cut
