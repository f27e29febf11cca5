"""What others have published of a region: isochrons, ridges, fracture zones and picks.

References
----------
Müller, R. D. et al. (2016). doi:10.1146/annurev-earth-060115-012211 (isochrons, ridges).
Cande, S. C. et al. (1989). Magnetic Lineations of the World's Ocean Basins. AAPG (fracture zones).
Seton, M. et al. (2014), doi:10.1002/2013GC005176 (GSFML picks).
"""

import geopandas
import numpy as np
import pandas as pd
import shapely

from . import _registry

ISOCHRONS = "fabric/Muller_etal_AREPS_2016_Isochrons.gmt"
RIDGES = "fabric/Muller_etal_AREPS_2016_Ridges.gmt"
FRACTURE_ZONES = "lineations/cande1989_fracture_zones.gmt"


def isochrons(region):
    """Read the isochrons of a region.

    Parameters
    ----------
    region : helpers.data.Region

    Returns
    -------
    geopandas.GeoDataFrame or None
        ``age_ma``, ``plates`` (numbers of the two plates) and ``geometry`` in the region's
        projection (km), cut to its box; None where the file cannot be had.
    """
    return _read(region, ISOCHRONS)


def ridges(region):
    """Read the spreading ridges of a region, as `isochrons`."""
    return _read(region, RIDGES)


def fracture_zones(region):
    """Read the fracture zones that Cande et al. (1989) drew in a region, as `isochrons`; no ages."""
    return _read(region, FRACTURE_ZONES)


def _read(region, name):
    """Lines of a file of the registry in the box and the projection of a region."""
    path = _registry.try_fetch(name)
    if path is None:
        return None
    drawn = geopandas.read_file(path).set_crs(4326)
    drawn = drawn.rename(columns={"FROMAGE": "age_ma"})
    if "PLATEID1" in drawn:
        pair = np.sort(drawn[["PLATEID1", "PLATEID2"]].astype(int), axis=1)
        drawn["plates"] = [f"{one} {other}" for one, other in pair]
    drawn = drawn.reindex(columns=["age_ma", "plates", "geometry"])
    cut = _in_box(drawn.explode(ignore_index=True), region).explode(ignore_index=True)
    return cut[cut.geom_type == "LineString"].to_crs(region.crs).reset_index(drop=True)


def _in_box(drawn, region):
    """Cut to the box; lines across the date line are made whole first."""
    whole = drawn.set_geometry([shapely.transform(line, _unwrapped) for line in drawn.geometry])
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        box = (region.west + turn, region.south, region.east + turn, region.north)
        cut = whole.clip(box)
        parts.append(cut.set_geometry(cut.translate(-turn)))
    return pd.concat(parts).set_crs(drawn.crs)


def _unwrapped(places):
    """Longitudes of a line without the jump at the date line."""
    return np.column_stack([np.unwrap(places[:, 0], period=360.0), places[:, 1]])


# Picks of magnetic anomalies on tracks, of the Global Seafloor Fabric and Magnetic Lineation
# project (GSFML): files in OGR/GMT text.

PICK_COLUMNS = {  # name in a file: name here
    "Chron": "chron",
    "AnomalyEnd": "end",  # y, o or c: young end, old end, centre
    "AnomEndQua": "quality",  # 1 is best
    "CruiseName": "cruise",
    "Reference": "reference",
    "GeeK2007": "age_ma",
    "IDMethod": "method",
}
COLUMNS = [*PICK_COLUMNS.values(), "longitude", "latitude"]
MAGNETIC = "Magnetic Anomaly"  # of `method`; others are strikes of abyssal hills


def read_picks(path):
    """Read one file of picks as a table of `COLUMNS`; ValueError if it is of something else."""
    picks = geopandas.read_file(path, on_invalid="ignore")
    if not set(PICK_COLUMNS) - {"IDMethod"} <= set(picks.columns):
        raise ValueError(
            f"{path} has the columns {list(picks.columns.drop('geometry'))}; picks of the GSFML "
            f"have {', '.join(PICK_COLUMNS)}. Give one of its files, such as Croon++_2008_G3.gmt."
        )
    table = pd.DataFrame(picks.rename(columns=PICK_COLUMNS).drop(columns="geometry"))
    table = table.assign(longitude=picks.geometry.x, latitude=picks.geometry.y)
    for name in ("quality", "age_ma"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table.reindex(columns=COLUMNS)


def region_picks(region):
    """Read the picks of all files of the registry that lie in a region.

    Parameters
    ----------
    region : helpers.data.Region

    Returns
    -------
    pandas.DataFrame or None
        A row a pick of a magnetic anomaly with an age: ``chron``, ``end`` (y, o or c: young end,
        old end, centre), ``quality`` (1 is best), ``cruise``, ``reference``, ``age_ma`` (Gee &
        Kent 2007), ``method``, ``longitude`` and ``latitude`` (degrees). None where no file can
        be had.
    """
    names = [
        name for name in _registry.entries() if name.startswith("picks/") and name.endswith(".gmt")
    ]
    paths = _registry.fetch_those_at_hand(names)
    if not paths:
        return None
    table = pd.concat([read_picks(path) for path in paths], ignore_index=True)
    table = table[(table["method"] == MAGNETIC) & np.isfinite(table["age_ma"])]
    return table[region.contains(table["longitude"], table["latitude"])].reset_index(drop=True)
