"""Grids that others made: read EMAG2, WDMAM, GMT grids, GeoTIFF and a picture, and map them.

`read` gives the grid as it is, on its own coordinates; `on_map` puts it on the square cells of a
region's projection, where everything else of the workbook works.
"""

from pathlib import Path

import numpy as np
import xarray as xr
from scipy import ndimage

from . import data, gridfiles
from .regions import region_from_box

CHILE = "emag2/emag2v3_chile_34.5S_67.2W.png"
CHILE_CENTRE = (-67.2, -34.467)  # degrees, of the picture
CHILE_CELL_DEG = 2 / 60
CHILE_NT = (-200.0, 200.0)  # grey 0 and grey 254
NO_DATA_GREY = 255
READERS = {
    ".csv": gridfiles.read_emag2,
    ".xyz": gridfiles.read_emag2,
    ".nc": gridfiles.read_netcdf,
    ".grd": gridfiles.read_netcdf,
    ".tif": gridfiles.read_geotiff,
    ".tiff": gridfiles.read_geotiff,
}


def read(path, box=None, **options):
    """Read a magnetic anomaly grid of your own.

    Parameters
    ----------
    path : str or pathlib.Path
        EMAG2 v3 (``.csv``) or v2 (``.xyz``) as NOAA delivers them, a WDMAM or GMT netCDF grid
        (``.nc``, ``.grd``), or a GeoTIFF (``.tif``).
    box : tuple of float, optional
        West, east, south, north (degrees): only this part is read, a little more than it.
    **options
        ``column`` for EMAG2 v3 (``sea level`` or ``upward``), ``variable`` and ``crs`` for netCDF,
        ``band`` for GeoTIFF.

    Returns
    -------
    xarray.DataArray
        Anomaly (nT) on (y, x), both ascending, NaN where there is none; the attribute ``crs`` says
        what x and y are.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is another one, or the file is not what its ending says; the message tells
        what was found and what to do.
    """
    path = Path(path)
    if path.suffix.lower() not in READERS:
        raise ValueError(
            f"{path.name} ends in {path.suffix!r}; a grid is one of {', '.join(READERS)}. A table "
            "of readings along tracks is read with tracks.read_tracks."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; give the path of a grid.")
    grid = READERS[path.suffix.lower()](path, box, **options)
    return grid.assign_attrs(units="nT", long_name="magnetic anomaly")


def chile_picture(path=None):
    """Read the picture of EMAG2 v3 off Chile.

    Parameters
    ----------
    path : pathlib.Path, optional
        The picture; by default that of the registry.

    Returns
    -------
    xarray.DataArray
        As `read`; values beyond 200 nT were clipped when the picture was made.

    Raises
    ------
    DataUnavailable
        If the registry cannot give it.
    """
    from PIL import Image

    with Image.open(path or data.fetch(CHILE)) as picture:
        grey = np.asarray(picture.convert("L"))[::-1].astype(float)
    low, high = CHILE_NT
    value = np.where(grey == NO_DATA_GREY, np.nan, low + grey / 254 * (high - low))
    x, y = (
        centre + (np.arange(size) - (size - 1) / 2) * CHILE_CELL_DEG
        for centre, size in zip(CHILE_CENTRE, value.shape[::-1], strict=True)
    )
    return gridfiles.as_grid(value, x, y, "EPSG:4326").assign_attrs(units="nT")


def region_of(grid, name="own"):
    """Make a region around a grid.

    Parameters
    ----------
    grid : xarray.DataArray
        From `read`.
    name : str
        Name of the region.

    Returns
    -------
    helpers.data.Region

    Raises
    ------
    ValueError
        If the grid is wider than a map can be: read it with a ``box``.
    """
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(grid.attrs["crs"], "EPSG:4326", always_xy=True)
    edges = (float(edge) for edge in (grid.x[0], grid.y[0], grid.x[-1], grid.y[-1]))
    west, south, east, north = to_degrees.transform_bounds(*edges)
    return region_from_box(west, east, south, north, name=name)


def on_map(grid, region, spacing_km=2.0):
    """Put a grid on the square cells of a region's projection.

    A grid with finer cells is averaged first, one with coarser cells is interpolated.

    Parameters
    ----------
    grid : xarray.DataArray
        From `read`.
    region : helpers.data.Region
        Gives the projection and the bounds.
    spacing_km : float
        Side of the cells.

    Returns
    -------
    xarray.Dataset
        As `gridding.grid_tracks` gives it, every cell with a value being data: ``anomaly``,
        ``block``, ``weight`` and ``distance_km``.

    Raises
    ------
    ValueError
        If the grid has no value inside the region.
    """
    northing, easting = region.grid_coords(spacing_km)
    lon, lat = region.unproject(*np.meshgrid(easting, northing))
    value = _interpolated(_averaged(grid, spacing_km), lon, lat)
    known = np.isfinite(value)
    if not known.any():
        raise ValueError(
            f"The grid has no value in region {region.name} ({region.west:g} to {region.east:g} E, "
            f"{region.south:g} to {region.north:g} N); its x is {float(grid.x[0]):g} to "
            f"{float(grid.x[-1]):g}, its y {float(grid.y[0]):g} to {float(grid.y[-1]):g} "
            f"({grid.attrs['crs']}). realgrids.region_of(grid) makes a region that fits."
        )
    far = ndimage.distance_transform_edt(~known) * spacing_km
    layers = {"anomaly": value, "block": value, "weight": known, "distance_km": far}
    units = {"anomaly": "nT", "block": "nT", "weight": "1", "distance_km": "km"}
    return xr.Dataset(
        {
            name: (("northing", "easting"), np.asarray(layer, "float32"), {"units": units[name]})
            for name, layer in layers.items()
        },
        {"northing": northing, "easting": easting},
        {"region": region.name, "crs": region.crs, "spacing_km": spacing_km},
    )


def ocean(map_, region):
    """Tell which cells of a map are sea, by Natural Earth's land at 1:50 million.

    Parameters
    ----------
    map_ : xarray.Dataset
        From `on_map`.
    region : helpers.data.Region
        Its region.

    Returns
    -------
    xarray.DataArray of bool
    """
    import geopandas
    from rasterio.features import geometry_mask
    from rasterio.transform import from_origin

    folder = data.DATA / "natural_earth" / "shapefiles" / "natural_earth" / "physical"
    box = (region.west - 1, region.south - 1, region.east + 1, region.north + 1)
    land = geopandas.read_file(folder / "ne_50m_land.shp", bbox=box).clip(box).to_crs(region.crs)
    spacing = float(map_.attrs["spacing_km"])
    west, north = float(map_.easting[0]) - spacing / 2, float(map_.northing[-1]) + spacing / 2
    corner = from_origin(west, north, spacing, spacing)
    shape = map_["anomaly"].shape
    sea = geometry_mask(land.geometry, shape, corner) if len(land) else np.ones(shape, bool)
    return map_["anomaly"].copy(data=sea[::-1])


def _averaged(grid, spacing_km):
    """Average the cells of a grid that is finer than the map."""
    if gridfiles.is_geographic(grid):
        cell = abs(float(grid.y[1] - grid.y[0])) * 111.2
    else:
        from pyproj import CRS

        metres = CRS(grid.attrs["crs"]).axis_info[0].unit_conversion_factor
        cell = abs(float(grid.y[1] - grid.y[0])) * metres / 1000
    factor = max(int(spacing_km / cell + 1e-6), 1)
    if factor == 1:
        return grid
    return grid.coarsen(x=factor, y=factor, boundary="trim").mean(keep_attrs=True)


def _interpolated(grid, lon, lat):
    """Values of a grid at positions, linear between its cells, NaN beyond."""
    if gridfiles.is_geographic(grid):
        step = float(grid.x[1] - grid.x[0])
        if float(grid.x[-1] - grid.x[0]) + 1.5 * step >= 360:  # whole turn: close it
            grid = grid.pad(x=(1, 1), mode="wrap").assign_coords(
                x=np.concatenate([[grid.x[-1] - 360], grid.x, [grid.x[0] + 360]])
            )
        x, y = (lon - float(grid.x[0])) % 360 + float(grid.x[0]), lat
    else:
        from pyproj import Transformer

        x, y = Transformer.from_crs("EPSG:4326", grid.attrs["crs"], always_xy=True).transform(
            lon, lat
        )
    dims = ("row", "column")
    return grid.interp(x=(dims, x), y=(dims, y)).to_numpy()
