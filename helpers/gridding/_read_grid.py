"""Grids that others made: read EMAG2, WDMAM, GMT grids, GeoTIFF and a picture, and map them.

`read_grid` gives the grid as it is, on its own coordinates; `on_map` puts it on the square cells
of a region's projection, where everything else of the workbook works.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from .. import _shared, data


def read_grid(path, box=None, **options):
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
            f"({grid.attrs['crs']}). gridding.region_of(grid) makes a region that fits."
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


def _averaged(grid, spacing_km):
    """Average the cells of a grid that is finer than the map."""
    if is_geographic(grid):
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
    if is_geographic(grid):
        step = float(grid.x[1] - grid.x[0])
        if float(grid.x[-1] - grid.x[0]) + 1.5 * step >= 360:  # whole turn: close it
            grid = grid.pad(x=(1, 1), mode="wrap").assign_coords(
                x=np.concatenate([[grid.x[-1] - 360], grid.x, [grid.x[0] + 360]])
            )
        x, y = (lon - float(grid.x[0])) % 360 + float(grid.x[0]), lat
    else:
        x, y = _from_degrees(grid).transform(lon, lat)
    dims = ("row", "column")
    return grid.interp(x=(dims, x), y=(dims, y)).to_numpy()


# The readers of the file formats; `READERS` below chooses among them by the ending.

MARGIN_DEG = 0.5  # read beyond a box, so that its projected edges are covered
CHUNK_ROWS = 2_000_000  # of the EMAG2 table, which is too large for memory
LEAST_FILLED = 50  # cells of a grid for each that has a line in its table, at most
NO_DATA = 88888  # EMAG2 writes 99999 where it knows nothing
EMAG2_V3 = {"sea level": 4, "upward": 5}  # place of the column
X_NAMES = ("x", "lon", "longitude", "easting")
Y_NAMES = ("y", "lat", "latitude", "northing")


def as_grid(values, x, y, crs):
    """Put values on coordinates of cell centres, both then ascending: a grid on (y, x)."""
    grid = xr.DataArray(values, {"y": np.asarray(y, float), "x": np.asarray(x, float)}, ("y", "x"))
    return grid.astype("float32").sortby(["y", "x"]).assign_attrs(crs=str(crs))


def is_geographic(grid):
    """Whether x and y of a grid are degrees."""
    from pyproj import CRS

    return CRS(grid.attrs["crs"]).is_geographic


def _from_degrees(grid):
    """Give the transformer from degrees to x and y of a grid."""
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:4326", grid.attrs["crs"], always_xy=True)


def read_emag2(path, box=None, column="sea level"):
    """Read EMAG2 as delivered, or a table of longitude, latitude and anomaly of a regular grid.

    EMAG2 v3 is a table of 8 columns without a header (`column`: at sea level, or continued upward
    to 4 km), v2 one of 4; GMT's grd2xyz writes one of 3.
    """
    with open(path) as text:
        first = text.readline()
    separator = "," if "," in first else r"\s+"
    number = len(first.replace(",", " ").split())
    places = {8: (2, 3, EMAG2_V3.get(column)), 4: (0, 1, 2), 3: (0, 1, 2)}.get(number)
    if places is None or None in places:
        raise ValueError(
            f"{path.name} has {number} columns, and column {column!r} was asked for; EMAG2 v3 has "
            f"8 (column {' or '.join(EMAG2_V3)}), v2 has 4, a table of longitude, latitude and "
            f"anomaly has 3. It begins {first.strip()[:80]!r}."
        )
    named = 1 if re.match(r"[\s\"]*[A-Za-z]", first) else 0  # a line with the names of the columns
    options = {"sep": separator, "header": None, "usecols": places, "dtype": "float64"}
    options["skiprows"] = named
    chunks = pd.read_csv(path, chunksize=CHUNK_ROWS, **options)
    try:
        parts = [_inside(chunk.set_axis(["x", "y", "value"], axis=1), box) for chunk in chunks]
    except ValueError as error:
        raise ValueError(f"{path.name} is not a table of numbers: {error}") from error
    return _pivot(pd.concat(parts), path.name)


def read_netcdf(path, box=None, variable=None, crs=None):
    """Read a netCDF grid of WDMAM, GMT (also of its old form) or the workbook's own.

    `variable` says which, where there are several; `crs` what x and y are, where they are no
    degrees and the file doesn't say it.
    """
    try:
        opened = xr.open_dataset(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name} is no netCDF file that can be read: {error}") from error
    with opened as file:
        if "xysize" in file.dims:
            return _cut(_old_gmt(file), box).load()
        grids = {n: v for n, v in file.data_vars.items() if _axes(v)}
        chosen = [variable] if variable else list(grids)
        if len(chosen) != 1 or chosen[0] not in grids:
            raise ValueError(
                f"{path.name} holds the grids {list(grids)} among {list(file.variables)}; name one "
                "of them: read_grid(path, variable=...)."
            )
        grid = grids[chosen[0]]
        y, x = _axes(grid)
        kind = crs or _kind(file, grid, x, path.name)
        grid = grid.rename({y: "y", x: "x"}).transpose("y", "x").sortby(["y", "x"])
        grid = _cut(grid.assign_attrs(crs=kind), box)
        return as_grid(grid.to_numpy(), grid.x, grid.y, kind)


def read_geotiff(path, box=None, band=1):
    """Read a band (counted from 1) of a GeoTIFF that lies north up."""
    import rasterio
    import rioxarray

    try:
        opened = rioxarray.open_rasterio(path, mask_and_scale=True)
    except rasterio.errors.RasterioIOError as error:
        raise ValueError(f"{path.name} is no GeoTIFF that can be read: {error}") from error
    with opened as file:
        crs, transform = file.rio.crs, file.rio.transform()
        if crs is None or transform.b or transform.d:
            raise ValueError(
                f"{path.name} has the projection {crs} and the transform "
                f"{tuple(transform)[:6]}; a projection and a grid with north up are needed."
            )
        if not 1 <= band <= file.rio.count:
            raise ValueError(f"{path.name} has {file.rio.count} bands; there is no band {band}.")
        whole = file.sel(band=band, drop=True).assign_attrs(crs=crs.to_wkt())
        cut = _cut(whole.sortby(["y", "x"]), box)  # nothing is read before here
        return as_grid(cut.to_numpy(), cut.x, cut.y, crs.to_wkt())


def _inside(chunk, box):
    """Rows of a table that lie in a box, their longitudes without a seam in it."""
    if box is None:
        return chunk
    west, east, south, north = box
    start, width = west - MARGIN_DEG, (east - west) % 360 + 2 * MARGIN_DEG
    chunk = chunk.assign(x=(chunk["x"] - start) % 360 + start)
    return chunk[
        (chunk["x"] <= start + width) & chunk["y"].between(south - MARGIN_DEG, north + MARGIN_DEG)
    ]


def _pivot(table, name):
    """Table of x, y and value as a grid."""
    if len(table) < 4:
        raise ValueError(f"{name} has {len(table)} cells in the box; give another box.")
    x, column = np.unique(table["x"].round(6), return_inverse=True)
    y, row = np.unique(table["y"].round(6), return_inverse=True)
    if len(y) * len(x) > LEAST_FILLED * len(table):
        raise ValueError(
            f"{name} holds {len(table):,} places that are no regular grid, but lie on {len(y):,} "
            "latitudes and as many longitudes: are they readings along tracks? Those are read by "
            "tracks.read_tracks, or make map TRACKS=..."
        )
    values = np.full((len(y), len(x)), np.nan)
    values[row, column] = table["value"].where(table["value"] < NO_DATA)
    return as_grid(values, x, y, "EPSG:4326")


def _axes(variable):
    """Names of y and x of a two-dimensional grid; None of anything else."""
    if variable.ndim != 2:
        return None
    y, x = (
        next((name for name in variable.dims if str(name).lower() in names), None)
        for names in (Y_NAMES, X_NAMES)
    )
    return (y, x) if y and x and y in variable.coords and x in variable.coords else None


def _kind(file, grid, x, name):
    """Find what x and y of a netCDF grid are: said by the file, or degrees by their range."""
    from pyproj import CRS

    mapping = grid.attrs.get("grid_mapping") or grid.encoding.get("grid_mapping")
    if mapping in file.variables:
        return CRS.from_cf(file[mapping].attrs).to_wkt()
    if "degree" in str(file[x].attrs.get("units", "")) or float(abs(file[x]).max()) <= 361:
        return "EPSG:4326"
    raise ValueError(
        f"{name}: x runs from {float(file[x][0]):g} to {float(file[x][-1]):g}, which are no "
        "degrees, and the file names no projection; name it: read_grid(path, crs=...)."
    )


def _old_gmt(file):
    """Grid of GMT's old netCDF form: one long row of values, from the north-western corner."""
    columns, rows = (int(size) for size in file["dimension"])
    shift = 0.5 if int(file["z"].attrs.get("node_offset", 0)) else 0.0
    x, y = (
        low + (np.arange(size) + shift) * float(step)
        for (low, _), size, step in zip(
            (file["x_range"].to_numpy(), file["y_range"].to_numpy()), (columns, rows),
            file["spacing"].to_numpy(), strict=True,
        )
    )  # fmt: skip
    return as_grid(file["z"].to_numpy().reshape(rows, columns), x, y[::-1], "EPSG:4326")


def _cut(grid, box):
    """Cut a grid to a box in degrees, with a margin."""
    if box is None:
        return grid
    west, east, south, north = box
    if not is_geographic(grid):
        low_x, low_y, high_x, high_y = _from_degrees(grid).transform_bounds(
            west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG
        )
        return grid.sel(x=slice(low_x, high_x), y=slice(low_y, high_y))
    width = (east - west) % 360 + 2 * MARGIN_DEG
    start = west - MARGIN_DEG
    turned = grid.assign_coords(x=(grid.x - start) % 360 + start).sortby("x")
    rows = slice(south - MARGIN_DEG, north + MARGIN_DEG)
    return turned.sel(x=slice(start, start + width), y=rows)


READERS = {
    ".csv": read_emag2,
    ".xyz": read_emag2,
    ".nc": read_netcdf,
    ".grd": read_netcdf,
    ".tif": read_geotiff,
    ".tiff": read_geotiff,
}
