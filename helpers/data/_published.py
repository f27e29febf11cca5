"""What others have published of a region: isochrons, ridges, fracture zones, lineations and picks.

References
----------
Müller, R. D. et al. (2016). doi:10.1146/annurev-earth-060115-012211 (isochrons, ridges).
Cande, S. C. et al. (1989). Magnetic Lineations of the World's Ocean Basins. AAPG (fracture zones,
lineations).
Nakanishi, M. et al. (1989), doi:10.1029/JB094iB11p15437 (lineations of the M sequence).
Seton, M. et al. (2014), doi:10.1002/2013GC005176 (GSFML picks).
"""

import re
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely

from .. import _shared
from . import _registry

ISOCHRONS = "fabric/Muller_etal_AREPS_2016_Isochrons.gmt"
RIDGES = "fabric/Muller_etal_AREPS_2016_Ridges.gmt"
FRACTURE_ZONES = "lineations/cande1989_fracture_zones.gmt"
LINEATIONS = {  # file of the registry: its authors, and whether it holds latitudes first
    "lineations/cande1989_lineations.gmt": ("Cande et al. 1989", False),
    "lineations/nakanishi1989_lineations.gmt": ("Nakanishi et al. 1989", True),
}


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


def lineations(region):
    """Read the magnetic lineations that experts drew in a region.

    Parameters
    ----------
    region : helpers.data.Region

    Returns
    -------
    geopandas.GeoDataFrame or None
        ``chron`` as it is written on the chart ("5", "33R", "M4", "" where nothing is), ``plate``,
        ``source`` (the authors) and ``geometry`` in the region's projection (km), cut to its box;
        None where no file can be had. How far positions can be trusted differs from place to place
        (2 km around Shatsky Rise, 10 km and more elsewhere).
    """
    paths = [(_registry.try_fetch(name), *about) for name, about in LINEATIONS.items()]
    parts = [_chart(*each) for each in paths if each[0] is not None]
    if not parts:
        return None
    return _within(pd.concat(parts, ignore_index=True), region)


def _chart(path, source, latitude_first):
    """Lines of a chart in GMT's text of many segments; what their headers say of chron and plate."""
    rows = []
    for segment in path.read_text("utf-8", "replace").split(">")[1:]:
        header, _, body = segment.partition("\n")
        places = np.array(body.split(), float).reshape(-1, 2)[:, :: -1 if latitude_first else 1]
        if len(places) > 1:
            places[:, 0] = np.unwrap((places[:, 0] + 180) % 360 - 180, period=360)
            chron = re.search(r"isochron:\s*(\S*)", header)
            plate = re.search(r":\s*(.*?) PLATE", header)
            rows.append((chron[1] if chron else "", plate[1].title() if plate else "",
                         source, shapely.linestrings(places)))  # fmt: skip
    columns = ["chron", "plate", "source", "geometry"]
    return geopandas.GeoDataFrame(pd.DataFrame(rows, columns=columns), crs=4326)


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
    return _within(drawn.explode(ignore_index=True), region)


def _within(drawn, region):
    """Lines cut to the box of a region, in its projection."""
    cut = _in_box(drawn, region).explode(ignore_index=True)
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


PLACES = {"lon": "longitude", "long": "longitude", "x": "longitude", "lat": "latitude"}
PLACES |= {"y": "latitude", "age": "age_ma", "chron": "chron", "anomalyend": "end"}


def read_picks(path):
    """Read a file of picks of magnetic anomalies.

    Parameters
    ----------
    path : str or pathlib.Path
        A file of the GSFML (``.gmt``), a shapefile or another file of points that GDAL reads with
        the same columns, or a table (``.csv``) with ``longitude``, ``latitude`` and ``age_ma``.

    Returns
    -------
    pandas.DataFrame
        A row a pick, columns as of `region_picks`; those that the file lacks are empty.

    Raises
    ------
    ValueError
        If the file cannot be read, or has no positions or ages.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".csv":
            table = pd.read_csv(path)
            columns = list(table)
        else:
            _shared.check_vector(path)
            picks = geopandas.read_file(path, on_invalid="ignore")
            points = picks.geometry.to_crs(4326) if picks.crs else picks.geometry
            columns = list(picks.columns.drop("geometry"))
            table = pd.DataFrame(picks.drop(columns="geometry"))
            table = table.assign(longitude=points.x, latitude=points.y)
    except Exception as error:  # whatever a library makes of another file
        raise ValueError(f"{path} cannot be read as picks: {error}") from error
    short = {name[:10]: ours for name, ours in PICK_COLUMNS.items()}  # as shapefiles cut names
    table = table.rename(columns=short | PICK_COLUMNS)
    named = {name: PLACES.get(str(name).strip().lower(), name) for name in table.columns}
    table = table.rename(columns=named)
    missing = {"longitude", "latitude", "age_ma"} - set(table.columns)
    if missing:
        raise ValueError(
            f"{path} has the columns {', '.join(map(str, columns))}; picks need longitude, "
            "latitude and age_ma (Ma, Gee & Kent 2007), or those of the GSFML "
            f"({', '.join(PICK_COLUMNS)})."
        )
    for name in ("quality", "age_ma", "longitude", "latitude"):
        if name in table:
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
