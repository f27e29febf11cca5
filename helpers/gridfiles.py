"""The file formats of grids that others made; `helpers.realgrids` chooses among them."""

import re

import numpy as np
import pandas as pd
import xarray as xr

MARGIN_DEG = 0.5  # read beyond a box, so that its projected edges are covered
CHUNK_ROWS = 2_000_000  # of the EMAG2 table, which is too large for memory
LEAST_FILLED = 50  # cells of a grid for each that has a line in its table, at most
NO_DATA = 88888  # EMAG2 writes 99999 where it knows nothing
EMAG2_V3 = {"sea level": 4, "upward": 5}  # place of the column
X_NAMES = ("x", "lon", "longitude", "easting")
Y_NAMES = ("y", "lat", "latitude", "northing")


def as_grid(values, x, y, crs):
    """Put values on ascending coordinates.

    Parameters
    ----------
    values : array_like, shape (len(y), len(x))
        NaN where there is none.
    x, y : array_like, 1-D
        Cell centres, ascending or descending.
    crs : str
        What x and y are.

    Returns
    -------
    xarray.DataArray
        On (y, x).
    """
    grid = xr.DataArray(values, {"y": np.asarray(y, float), "x": np.asarray(x, float)}, ("y", "x"))
    return grid.astype("float32").sortby(["y", "x"]).assign_attrs(crs=str(crs))


def is_geographic(grid):
    """Tell whether x and y of a grid are degrees."""
    from pyproj import CRS

    return CRS(grid.attrs["crs"]).is_geographic


def read_emag2(path, box=None, column="sea level"):
    """Read EMAG2 as delivered, or a table of longitude, latitude and anomaly of a regular grid.

    EMAG2 v3 is a table of 8 columns without a header, v2 one of 4; GMT's grd2xyz writes one of 3.

    Parameters
    ----------
    path : pathlib.Path
    box : tuple of float, optional
        West, east, south, north (degrees).
    column : str
        Of v3: ``sea level`` or ``upward`` (continued to 4 km).

    Returns
    -------
    xarray.DataArray
        On (y, x), degrees.

    Raises
    ------
    ValueError
        If the table has another number of columns, holds no numbers, or nothing in the box.
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

    Parameters
    ----------
    path : pathlib.Path
    box : tuple of float, optional
        West, east, south, north (degrees); for grids in degrees.
    variable : str, optional
        Which, where there are several.
    crs : str, optional
        What x and y are, where the file does not say it and they are no degrees.

    Returns
    -------
    xarray.DataArray
        On (y, x).

    Raises
    ------
    ValueError
        If there is no grid in it, there are several, or x and y are of no known kind.
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
                "of them: read(path, variable=...)."
            )
        grid = grids[chosen[0]]
        y, x = _axes(grid)
        kind = crs or _kind(file, grid, x, path.name)
        grid = grid.rename({y: "y", x: "x"}).transpose("y", "x").sortby(["y", "x"])
        grid = _cut(grid.assign_attrs(crs=kind), box)
        return as_grid(grid.to_numpy(), grid.x, grid.y, kind)


def read_geotiff(path, box=None, band=1):
    """Read a band of a GeoTIFF.

    Parameters
    ----------
    path : pathlib.Path
    box : tuple of float, optional
        West, east, south, north (degrees).
    band : int
        Counted from 1.

    Returns
    -------
    xarray.DataArray
        On (y, x).

    Raises
    ------
    ValueError
        If it cannot be read, has no projection, is turned, or has no such band.
    """
    import rasterio

    try:
        opened = rasterio.open(path)
    except rasterio.errors.RasterioIOError as error:
        raise ValueError(f"{path.name} is no GeoTIFF that can be read: {error}") from error
    with opened as file:
        if file.crs is None or file.transform.b or file.transform.d:
            raise ValueError(
                f"{path.name} has the projection {file.crs} and the transform "
                f"{tuple(file.transform)[:6]}; a projection and a grid with north up are needed."
            )
        if not 1 <= band <= file.count:
            raise ValueError(f"{path.name} has {file.count} bands; there is no band {band}.")
        value = file.read(band, masked=True).astype("float32").filled(np.nan)
        value = value * file.scales[band - 1] + file.offsets[band - 1]
        x = file.transform.c + (np.arange(file.width) + 0.5) * file.transform.a
        y = file.transform.f + (np.arange(file.height) + 0.5) * file.transform.e
        return _cut(as_grid(value, x, y, file.crs.to_wkt()), box)


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
        "degrees, and the file names no projection; name it: read(path, crs=...)."
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
        from pyproj import Transformer

        to_grid = Transformer.from_crs("EPSG:4326", grid.attrs["crs"], always_xy=True)
        low_x, low_y, high_x, high_y = to_grid.transform_bounds(
            west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG
        )
        return grid.sel(x=slice(low_x, high_x), y=slice(low_y, high_y))
    width = (east - west) % 360 + 2 * MARGIN_DEG
    start = west - MARGIN_DEG
    turned = grid.assign_coords(x=(grid.x - start) % 360 + start).sortby("x")
    rows = slice(south - MARGIN_DEG, north + MARGIN_DEG)
    return turned.sel(x=slice(start, start + width), y=rows)
