"""Grids that others made: read them whatever their format, and put them on a map.

`read_grid` gives the grid as it is, on its own coordinates; `on_map` puts it on the square cells
of a region's projection, where everything else of the workbook works.
"""

from pathlib import Path

import numpy as np
from scipy import ndimage

from .. import _shared, data
from ..data._netcdf import NetcdfError
from . import _grid_files, _grid_tables
from ._grid_checks import Choice, GridError, as_grid, checked_box, is_geographic

__all__ = ["as_grid", "on_map", "read_grid", "region_of"]

READERS = {  # by the first bytes of a file, never by its ending
    b"CDF\x01": _grid_files.read_netcdf,
    b"CDF\x02": _grid_files.read_netcdf,
    b"CDF\x05": _grid_files.read_netcdf,
    b"\x89HDF\r\n\x1a\n": _grid_files.read_netcdf,
    b"II*\0": _grid_files.read_geotiff,
    b"MM\0*": _grid_files.read_geotiff,
    b"II+\0": _grid_files.read_geotiff,
    b"MM\0+": _grid_files.read_geotiff,
    b"DSAA": _grid_files.read_surfer_text,
    b"DSBB": _grid_files.read_surfer_6,
    b"DSRB": _grid_files.read_surfer_7,
}
OTHERS = {
    b"\x1f\x8b": "packed with gzip: unpack it first",
    b"PK": "packed with zip: unpack it first",
    b"BZh": "packed with bzip2: unpack it first",
    b"\xfd7zXZ": "packed with xz: unpack it first",
    b"\x89PNG": "a picture, not a grid of values",
    b"\xff\xd8\xff": "a picture, not a grid of values",
    b"%PDF": "a document, not a grid of values",
    b"\x0e\x03\x13\x01": "HDF4: turn it into netCDF first",
    b"<": "text with markup, such as XML, not a grid of values",
}
CALLED = {  # what a file of such an ending is expected to be
    ".nc": "netCDF file",
    ".grd": "grid of GMT or Surfer",
    ".tif": "GeoTIFF",
    ".tiff": "GeoTIFF",
    ".asc": "ESRI ASCII grid",
}
FORMATS = (
    "netCDF (GMT, WDMAM), GeoTIFF, Surfer 6 and 7, ESRI ASCII, and tables of longitude, latitude "
    "and anomaly (EMAG2, .csv, .xyz)"
)


def read_grid(path, box=None, *, variable=None, crs=None, units=None, column=None, band=None):
    r"""Read a magnetic anomaly grid of your own.

    The content decides what a file is, not its ending. Cells that hold a number for "no value"
    which the file doesn't declare (99999, Surfer's 1.70141e38, all above 10,000 nT, isolated -999)
    are blanked and counted.

    Parameters
    ----------
    path : str or pathlib.Path
        EMAG2 v3 or v2 as NOAA delivers them, another table of a regular grid whose first line
        names the columns, a netCDF grid (WDMAM, GMT), a GeoTIFF, a grid of Surfer 6 or 7, or an
        ESRI ASCII grid.
    box : tuple of float, optional
        West, east, south, north (degrees): only this part is read, a little more than it.
    variable : str or int, optional
        Which layer, where there are several: a variable of a netCDF file, a column of a table (its
        name, or its number from 1), a band of a GeoTIFF (its number from 1, or its description;
        without it the first).
    crs : str, optional
        What x and y are, such as ``EPSG:32625``, where they are no degrees and the file doesn't
        say it, or says it wrongly.
    units : str, optional
        Unit of the values (nT, gamma, µT, mT, T), where the file doesn't say it, or wrongly.
    column, band : str or int, optional
        Other names of `variable`; EMAG2 v3 has the columns ``sea level`` (read without it) and
        ``upward``.

    Returns
    -------
    xarray.DataArray
        Anomaly (nT) on (y, x), both ascending, NaN where there is none. The attribute ``crs`` says
        what x and y are, ``blanked`` how many cells were taken as no value and what stood there
        (empty if none).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is none of these, damaged, cut off, too large for memory, has several layers,
        no known projection, another unit, uneven steps or nearly no value; the message names the
        file and tells what was found and what to do.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "mine.csv"
    >>> rows = [f"{lat},{lon},{10 * lat}" for lat in (40, 41, 42) for lon in (-31, -30)]
    >>> _ = path.write_text("\n".join(["lat,lon,anomaly", *rows, "43,-31,99999", "43,-30,430"]))
    >>> grid = gridding.read_grid(path)
    >>> grid.shape, grid.attrs["blanked"]
    ((4, 2), '1 cells of 99999 taken as no value')
    >>> float(grid.sel(y=41, x=-30))
    410.0
    """
    path = Path(path)
    if path.is_dir():
        raise GridError(f"{path.name} is a folder; give the path of one grid.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; give the path of a grid.")
    layer = next((given for given in (variable, column, band) if given is not None), None)
    if box is not None:
        checked_box(box)
        box = tuple(float(edge) for edge in box)
    choice = Choice(box, layer, crs, units)
    try:
        grid = reader_of(path)(path, choice)
    except (GridError, NetcdfError):
        raise
    except Exception as error:  # whatever a library makes of a damaged file
        raise GridError(_unreadable(path, error)) from error
    return grid.assign_attrs(units="nT", long_name="magnetic anomaly")


def reader_of(path):
    """Choose the reader of a file by its first bytes."""
    with open(path, "rb") as file:
        start = file.read(512)
    called = CALLED.get(path.suffix.lower(), "table of numbers")
    for magic, reader in READERS.items():
        if start.startswith(magic):
            return reader
    if _grid_files.ESRI_START.match(start):
        return _grid_files.read_esri
    for magic, what in OTHERS.items():
        if start.lstrip().startswith(magic):
            raise GridError(f"{path.name} is no {called}: it is {what}.")
    if not start:
        raise GridError(f"{path.name} is empty.")
    if b"\0" in start and start[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise GridError(f"{path.name} is no {called} that is known; those are {FORMATS}.")
    if path.suffix.lower() in CALLED and not _grid_tables.first_numbers(path):
        raise GridError(f"{path.name} is no {called}: it holds text that is no table of numbers.")
    return _grid_tables.read_table


def _unreadable(path, error):
    """Say that a file could not be read, in our words and not a library's."""
    if isinstance(error, PermissionError):
        return f"{path.name} may not be read: ask for the permission."
    if isinstance(error, MemoryError):
        return f"{path.name} asks for more memory than there is: it is damaged, or choose a box."
    return f"{path.name} cannot be read: it is damaged, cut off, or not what it begins as."


def region_of(grid, name="own"):
    """Make a region around a grid.

    Parameters
    ----------
    grid : xarray.DataArray
        From `read_grid`.
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
    if not np.all(np.isfinite([west, east, south, north])):
        raise ValueError(f"The grid lies where its projection ({grid.attrs['crs']}) has no place.")
    return data.region_from_box(west, east, south, north, name=name)


def on_map(grid, region, spacing_km=2.0):
    """Put a grid on the square cells of a region's projection.

    A grid with finer cells is averaged first, one with coarser cells is interpolated.

    Parameters
    ----------
    grid : xarray.DataArray
        From `read_grid`.
    region : helpers.data.Region
        Gives the projection and the bounds.
    spacing_km : float
        Side of the cells.

    Returns
    -------
    xarray.Dataset
        As `grid_tracks` gives it, every cell with a value being data: ``anomaly``,
        ``block``, ``weight`` and ``distance_km``.

    Raises
    ------
    ValueError
        If the grid has no value inside the region, or fewer than two rows or columns.
    """
    if min(grid.shape) < 2:
        raise ValueError(f"The grid has {grid.shape[0]} x {grid.shape[1]} cells, too few for a map")
    grid = _once_around(grid)
    northing, easting = region.grid_coords(spacing_km)
    lon, lat = region.unproject(*np.meshgrid(easting, northing))
    value = _interpolated(_averaged(grid, region, spacing_km), lon, lat)
    known = np.isfinite(value)
    if not known.any():
        raise ValueError(
            f"The grid has no value in region {region.name} ({region.west:g} to {region.east:g} E, "
            f"{region.south:g} to {region.north:g} N); its x is {float(grid.x[0]):g} to "
            f"{float(grid.x[-1]):g}, its y {float(grid.y[0]):g} to {float(grid.y[-1]):g} "
            f"({str(grid.attrs['crs'])[:60]}). gridding.region_of(grid) makes a region that fits."
        )
    far = ndimage.distance_transform_edt(~known) * spacing_km
    layers = {
        "anomaly": (value, "nT", "magnetic anomaly"),
        "block": (value, "nT", "magnetic anomaly"),
        "weight": (known.astype(float), "1", "confidence of the cells"),
        "distance_km": (far, "km", "distance to the nearest cell with a value"),
    }
    about = {"region": region.name, "crs": region.crs, "spacing_km": spacing_km}
    return _shared.as_dataset(layers, northing, easting, **about)


def _averaged(grid, region, spacing_km):
    """Average the cells of a grid that is finer than the map, along each axis."""
    km = {"x": 1.0, "y": 1.0}
    if is_geographic(grid.attrs["crs"]):
        middle = np.radians((region.south + region.north) / 2)
        degree = _shared.KM_PER_DEGREE
        km = {"x": degree * max(float(np.cos(middle)), 0.05), "y": degree}
    else:
        from pyproj import CRS

        axes = CRS(grid.attrs["crs"]).axis_info
        km = dict.fromkeys(km, axes[0].unit_conversion_factor / 1000 if axes else 0.001)
    factors = {
        axis: min(max(int(spacing_km / (_step(grid[axis]) * km[axis]) + 1e-6), 1), size // 2)
        for axis, size in grid.sizes.items()
    }
    if max(factors.values()) == 1:
        return grid
    if _turns(grid):  # so that no meridian is left over at the seam
        grid = _wrapped(grid, 0, -grid.sizes["x"] % factors["x"])
    return grid.coarsen(factors, boundary="trim").mean(keep_attrs=True)


def _interpolated(grid, lon, lat):
    """Values of a grid at positions, linear between its cells, NaN beyond."""
    if is_geographic(grid.attrs["crs"]):
        if _turns(grid):
            grid = _wrapped(grid, 1, 1)
        x, y = (lon - float(grid.x[0])) % 360 + float(grid.x[0]), lat
    else:
        from pyproj import Transformer

        transformer = Transformer.from_crs("EPSG:4326", grid.attrs["crs"], always_xy=True)
        x, y = transformer.transform(lon, lat)
    dims = ("row", "column")
    return grid.interp(x=(dims, x), y=(dims, y)).to_numpy()


def _once_around(grid):
    """Leave away the meridian that a grid in degrees holds at both ends of a whole turn."""
    if not is_geographic(grid.attrs["crs"]):
        return grid
    return grid.isel(x=np.flatnonzero(grid.x < grid.x[0] + 360 - 0.01 * _step(grid.x)))


def _step(axis):
    """Step of the coordinates along an axis."""
    return float(np.median(np.diff(axis)))


def _turns(grid):
    """Whether a grid in degrees goes round the Earth, to one step."""
    whole = float(grid.x[-1] - grid.x[0]) + 1.5 * _step(grid.x) >= 360
    return is_geographic(grid.attrs["crs"]) and whole


def _wrapped(grid, before, after):
    """Repeat meridians of a grid of the whole turn beyond its ends."""
    west, east = grid.x[grid.sizes["x"] - before :] - 360, grid.x[:after] + 360
    return grid.pad(x=(before, after), mode="wrap").assign_coords(
        x=np.concatenate([west, grid.x, east])
    )
