"""A region: where a map lies, its projection, its ridge and its ages.

A region is a box in degrees with a conformal projection in km centred on it, so that angles
(the strike of a stripe) are true and a cell of the grid is square on the ground. The regions of
the workbook stand in `helpers.data.REGIONS`.
"""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass

import numpy as np

from . import _registry

EDGE_POINTS = 181  # points along each side of a box when its projected outline is drawn


@dataclass(frozen=True)
class Region:
    """A box on the globe with its map projection.

    Its methods take numbers or arrays, longitudes of any range, and give arrays of their shape.

    Parameters
    ----------
    name : str
        Short name, as used in ``region(name)`` and in file names.
    title : str
        Name for figures.
    box : tuple of float
        West, east, south and north in degrees. West lies in -180..180; a box across the date
        line may be given with east < west or with east > 180 (170, -170 equals 170, 190).
    crs : str
        PROJ string of a conformal projection in km.
    ridge : str
        The spreading centre that made the seafloor of the box.
    age_range_ma : tuple of float
        Youngest and oldest seafloor in the box in the age grid, rounded outwards to whole Ma
        (NaN where unknown).
    note : str
        What to know about the region.
    """

    name: str
    title: str
    box: tuple[float, float, float, float]
    crs: str
    ridge: str = ""
    age_range_ma: tuple[float, float] = (float("nan"), float("nan"))
    note: str = ""

    @property
    def west(self) -> float:
        """Western edge in degrees, -180..180."""
        return _wrap(self.box[0])

    @property
    def east(self) -> float:
        """Eastern edge in degrees, always more than `west` (above 180 across the date line)."""
        return self.west + _width(self.box[0], self.box[1])

    @property
    def south(self) -> float:
        """Southern edge in degrees."""
        return float(self.box[2])

    @property
    def north(self) -> float:
        """Northern edge in degrees."""
        return float(self.box[3])

    def unwrap(self, longitude):
        """Bring longitudes (degrees) into the 360 centred on the box, so that it has no seam."""
        centre = 0.5 * (self.west + self.east)
        return (np.asarray(longitude, dtype=float) - centre + 180.0) % 360.0 - 180.0 + centre

    def contains(self, longitude, latitude):
        """Tell which points (degrees) lie in the box, its edges included; NaN lies nowhere."""
        lon, lat = self.unwrap(longitude), np.asarray(latitude, dtype=float)
        inside_lon = (lon >= self.west) & (lon <= self.east)
        return inside_lon & (lat >= self.south) & (lat <= self.north)

    def project(self, longitude, latitude):
        """Project degrees (WGS84) to easting and northing (km); NaN where that is impossible."""
        lon, lat = np.asarray(longitude, dtype=float), np.asarray(latitude, dtype=float)
        return _finite(_transformer(self.crs).transform(lon, lat))

    def unproject(self, easting_km, northing_km):
        """Turn km on the map back into degrees, the longitudes as `unwrap` gives them."""
        x, y = np.asarray(easting_km, dtype=float), np.asarray(northing_km, dtype=float)
        lon, lat = _finite(_transformer(self.crs).transform(x, y, direction="INVERSE"))
        return self.unwrap(lon), lat

    def outline(self):
        """Give easting and northing (km) of many points on the edge of the box.

        There are ``4 * EDGE_POINTS``, clockwise from the south-west corner: its curves show.
        """
        t = np.linspace(0.0, 1.0, EDGE_POINTS)
        lon = self.west + (self.east - self.west) * np.concatenate([0 * t, t, 0 * t + 1, 1 - t])
        lat = self.south + (self.north - self.south) * np.concatenate([t, 0 * t + 1, 1 - t, 0 * t])
        return self.project(lon, lat)

    def grid_coords(self, spacing_km: float = 2.0):
        """Cell centres, northing and easting (km, ascending), of the grid that covers the box.

        The cell edges lie on whole multiples of the spacing, so grids of one region and spacing
        always fall on each other.  ValueError if the spacing is not a positive number.
        """
        if not (np.isfinite(spacing_km) and spacing_km > 0):
            raise ValueError(f"spacing_km must be a positive number of km, not {spacing_km!r}")
        easting, northing = self.outline()
        return _centres(northing, spacing_km), _centres(easting, spacing_km)


def region_from_box(west, east, south, north, name="own", **about) -> Region:
    """Make a region of your own, with a conformal projection chosen for its box.

    Lambert conformal conic in middle latitudes, Mercator at the equator, polar stereographic
    where the box nears a pole (Snyder 1987, USGS Professional Paper 1395).

    Parameters
    ----------
    west, east, south, north : float
        Edges in degrees. Across the date line east may be less than west, or above 180.
    name : str
        Name of the region.
    **about
        Other fields of `Region`: title, ridge, age_range_ma, note.

    Returns
    -------
    Region

    Raises
    ------
    ValueError
        If an edge is no number, or the box is empty, too wide, or beyond a pole.

    Examples
    --------
    >>> from helpers import data
    >>> mine = data.region_from_box(170, -170, -45, -30, name="kermadec")
    >>> mine.west, mine.east
    (170.0, 190.0)
    >>> northing, easting = mine.grid_coords(spacing_km=10.0)
    >>> len(northing), len(easting)
    (172, 194)
    """
    box = tuple(float(edge) for edge in (west, east, south, north))
    if not np.all(np.isfinite(box)):
        raise ValueError(f"The box needs four numbers in degrees, not {box}")
    if not -90 <= box[2] < box[3] <= 90:
        raise ValueError(f"The box needs -90 <= south < north <= 90, not {box[2]} and {box[3]}")
    width = _width(box[0], box[1])
    if not 0 < width <= 120:
        raise ValueError(f"The box is {width:g} degrees wide; a map takes more than 0, up to 120")
    about.setdefault("title", name.replace("_", " "))
    return Region(name=name, box=box, crs=_conformal_crs(*box), **about)


def _wrap(longitude):
    """Bring a longitude into -180..180."""
    return (float(longitude) + 180.0) % 360.0 - 180.0


def _width(west, east):
    """Degrees from west to east, going east."""
    turns = (float(east) - float(west)) % 360.0
    return turns or (360.0 if east != west else 0.0)


def _conformal_crs(west, east, south, north):
    """PROJ string of a conformal projection that suits the box."""
    lon_0 = round(_wrap(_wrap(west) + 0.5 * _width(west, east)), 4)
    lat_0, height = round(0.5 * (south + north), 4), north - south
    common = "+x_0=0 +y_0=0 +datum=WGS84 +units=km +no_defs"
    if max(abs(south), abs(north)) > 85:
        if min(abs(south), abs(north)) < 30 or south * north < 0:
            raise ValueError("A box near a pole must stay poleward of 30 degrees")
        pole = 90 if lat_0 > 0 else -90
        return f"+proj=stere +lat_0={pole} +lat_ts={lat_0:g} +lon_0={lon_0:g} {common}"
    if abs(lat_0) < height / 4 or abs(lat_0) < 3:
        lat_ts = round(max(abs(south), abs(north)) * 0.6, 4)
        return f"+proj=merc +lat_ts={lat_ts:g} +lon_0={lon_0:g} {common}"
    lat_1, lat_2 = (round(south + height * part, 4) for part in (1 / 6, 5 / 6))
    cone = f"+lat_1={lat_1:g} +lat_2={lat_2:g} +lat_0={lat_0:g} +lon_0={lon_0:g}"
    return f"+proj=lcc {cone} {common}"


@functools.lru_cache(maxsize=32)
def _transformer(crs):
    """Make the transformer from degrees to the map, once for each projection."""
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def _finite(pair):
    """Arrays with NaN in place of the infinities that mark a failed projection."""
    x, y = (np.asarray(values, dtype=float) for values in pair)
    bad = ~(np.isfinite(x) & np.isfinite(y))
    return np.where(bad, np.nan, x), np.where(bad, np.nan, y)


def _centres(values, spacing):
    """Cell centres covering the values, the cell edges on multiples of the spacing."""
    first, last = np.floor(np.min(values) / spacing), np.ceil(np.max(values) / spacing)
    return (np.arange(first, last) + 0.5) * spacing


# The regions of the workbook; their seafloor age and relief, and the time scale (in `data/`).

REGIONS = {
    made.name: made
    for made in (
        region_from_box(
            *(-120, -102, 4, 20),  # west, east, south, north
            name="epr",
            title="East Pacific Rise",
            ridge="East Pacific Rise (Pacific and Nazca plates)",
            age_range_ma=(0.0, 24.0),
            note="Fast; axis close to north-south at low latitude: anomalies are small.",
        ),
        region_from_box(
            *(-40, -18, 54, 65),
            name="reykjanes",
            title="Reykjanes Ridge",
            ridge="Reykjanes Ridge (North America and Eurasia plates)",
            age_range_ma=(0.0, 80.0),
            note="Slow and oblique, nearly without transform faults; V-shaped ridges.",
        ),
        region_from_box(
            *(150, 170, 28, 44),
            name="shatsky",
            title="Shatsky Rise",
            ridge="Pacific-Izanagi and Pacific-Farallon ridges, meeting in a triple junction",
            age_range_ma=(116.0, 158.0),
            note="M sequence: two sets of stripes meet at the rise.",
        ),
        region_from_box(
            *(-38, -20, 32, 44),
            name="azores",
            title="Azores Plateau",
            ridge="Mid-Atlantic Ridge and Terceira Rift",
            age_range_ma=(0.0, 114.0),
            note="Slow spreading, thick crust, a triple junction; stripes broken by volcanoes.",
        ),
        region_from_box(
            *(-125, -95, -58, -34),
            name="pacific_antarctic",
            title="Pacific-Antarctic Ridge",
            ridge="Pacific-Antarctic Ridge and Chile Rise",
            age_range_ma=(0.0, 62.0),
            note="Real cruises NBP9707, NBP97-4A and NBP9908 cross this region.",
        ),
    )
}


def region(name: str) -> Region:
    """Look a region up by its name.

    Parameters
    ----------
    name : str
        One of the keys of `REGIONS`.

    Returns
    -------
    Region

    Raises
    ------
    KeyError
        If there is no such region; the message lists the names.

    Examples
    --------
    >>> from helpers import data
    >>> data.region("azores").box
    (-38.0, -20.0, 32.0, 44.0)
    """
    if name in REGIONS:
        return REGIONS[name]
    near = difflib.get_close_matches(str(name).lower(), REGIONS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise KeyError(
        f"No region {name!r}.{hint} The regions are {', '.join(REGIONS)}; "
        "for a box of your own use region_from_box(west, east, south, north)."
    )


def context(name: str):
    """Seafloor age and relief around a region.

    Parameters
    ----------
    name : str
        Name of a region of the registry.

    Returns
    -------
    xarray.Dataset
        ``age_ma`` (Ma, Gee & Kent 2007 time scale; NaN off oceanic crust) and ``relief_m`` (m,
        positive up), dims ``(latitude, longitude)``, 6 arc-minutes. It is cut wider than the
        region's box.

    Raises
    ------
    KeyError
        If there is no such region.

    Notes
    -----
    Age: Seton et al. (2020), doi:10.1029/2020GC009214. Relief: ETOPO1, Amante & Eakins (2009).
    """
    import xarray as xr

    with xr.open_dataset(_registry.DATA / "context" / f"{region(name).name}.nc") as cut:
        return cut.load()


def timescale():
    """Normal-polarity intervals from the present to 169.7 Ma.

    Returns
    -------
    pandas.DataFrame
        ``chron``, ``young_ma``, ``old_ma`` (Ma), ``sequence`` ("C", "M" or "deep-tow") and
        ``cryptochron`` (bool; the short events that Cande & Kent 1995 leave out), sorted by age
        and not overlapping. Everything between two intervals is reversed.

    Notes
    -----
    Gee & Kent (2007), Treatise on Geophysics 5, 455-507, whose C sequence is that of Cande &
    Kent (1995), doi:10.1029/94JB03098. "deep-tow" (older than M29n) is Tominaga et al. (2008),
    doi:10.1029/2007JB005527, fitted to that scale at M29 in the GSFML table.
    """
    import pandas as pd

    return pd.read_csv(_registry.DATA / "timescale.csv", comment="#")


def use_offline_coastlines():
    """Let cartopy draw coastlines and land at 110m and 50m without any network.

    Name the scale when drawing (``ax.coastlines("50m")``): "auto" may ask for 10m, which is not
    embedded.
    """
    import cartopy

    cartopy.config["pre_existing_data_dir"] = str(_registry.DATA / "natural_earth")
