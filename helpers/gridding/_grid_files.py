"""Readers of grids as rasters: netCDF with xarray; GeoTIFF, Surfer and ESRI with GDAL.

GDAL is always told the driver, so that a file that is something else, such as a list of addresses
to fetch, is never opened.
"""

import math
import re
import struct
import warnings

import numpy as np
import xarray as xr

from ..data._netcdf import check_declared, check_netcdf
from ._grid_checks import X_NAMES, Y_NAMES, GridError, ask, assemble, check_cells, listed

STANDARD = {"longitude": "x", "latitude": "y"}
STANDARD |= {f"projection_{axis}_coordinate": axis for axis in "xy"}
OLD_GMT = {"x_range", "y_range", "spacing", "dimension", "z"}
ESRI_START = re.compile(rb"\s*(ncols|nrows|[xy]ll(corner|center))\s+[-\d]", re.I)
ESRI_WORDS = set(b"ncols nrows cellsize dx dy nodata_value nodata".split())
ESRI_WORDS |= set(b"xllcorner yllcorner xllcenter yllcenter".split())
NUMBERS = re.compile(rb"[\s\d.,+\-eEnNaA]*")  # all that may stand in the body of a text grid


def read_netcdf(path, choice):
    """Read a netCDF grid of WDMAM, GMT (also of its old form) or the workbook's own."""
    name = path.name
    check_netcdf(path, name)
    with xr.open_dataset(path, engine="netcdf4", decode_times=False) as file:
        if "xysize" in file.dims:
            return _old_gmt(file, name, choice)
        flat = {key: _flat(variable) for key, variable in file.data_vars.items()}
        axes = {key: _axes(file, variable) for key, variable in flat.items()}
        grids = {key: variable for key, variable in flat.items() if axes[key]}
        chosen = [choice.variable] if choice.variable is not None else list(grids)
        if not grids:
            raise GridError(
                f"{name} holds no grid of numbers over x and y, or longitude and latitude; it "
                f"holds {listed(_about(file)) or 'nothing'}."
            )
        if len(chosen) != 1 or chosen[0] not in grids:
            raise GridError(
                f"{name} holds the grids {listed(map(repr, grids))}; name one of them: "
                f"{ask('variable', next(iter(grids)))}."
            )
        grid = grids[chosen[0]]
        x, y = (file[axis] for axis in axes[chosen[0]])

        def read(rows, columns):
            part = grid.isel({y.dims[0]: rows, x.dims[0]: columns})
            return part.transpose(y.dims[0], x.dims[0]).to_numpy()

        return assemble(
            name,
            read,
            x.to_numpy(),
            y.to_numpy(),
            choice,
            crs=_said_crs(file, grid),
            unit=grid.attrs.get("units", ""),
            axis_unit=x.attrs.get("units", "") or y.attrs.get("units", ""),
            labels=(str(x.name), str(y.name)),
        )


def _about(file):
    """Name each variable of a file with its dimensions and their lengths."""
    for name, variable in file.variables.items():
        sizes = ", ".join(f"{axis} {length}" for axis, length in variable.sizes.items())
        yield f"{name} ({sizes})"


def _flat(variable):
    """Drop the dimensions of length one, as of a single time."""
    single = [axis for axis, length in variable.sizes.items() if length == 1]
    return variable.squeeze(single, drop=True)


def _axes(file, variable):
    """Names of what x and y of a two-dimensional grid of numbers are; None of anything else."""
    if variable.ndim != 2 or variable.dtype.kind not in "iuf":
        return None
    axes = {}
    for axis in variable.dims:  # the variable of its name, or another along it: lat(rows)
        along = [key for key, other in file.variables.items() if other.dims == (axis,)]
        for key in sorted(along, key=lambda key: key != axis):
            axes.setdefault(_direction(file[key]), (axis, key))
    if {"x", "y"} <= set(axes) and axes["x"][0] != axes["y"][0]:
        return axes["x"][1], axes["y"][1]
    return None


def _direction(positions):
    """Whether positions are x or y, by their name or what is said about them; None if neither."""
    if positions.dtype.kind not in "iuf":
        return None
    name, about = str(positions.name).lower(), positions.attrs
    if name in X_NAMES or name in Y_NAMES:
        return "x" if name in X_NAMES else "y"
    said = STANDARD.get(str(about.get("standard_name", "")).lower())
    unit = str(about.get("units", "")).lower()
    by_unit = {"degrees_east": "x", "degree_east": "x", "degrees_north": "y", "degree_north": "y"}
    by_axis = {"x": "x", "y": "y"}.get(str(about.get("axis", "")).lower())
    return said or by_unit.get(unit) or by_axis


def _said_crs(file, grid):
    """Find the projection that a netCDF file names: a grid mapping, or an attribute ``crs``."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    mapping = grid.attrs.get("grid_mapping") or grid.encoding.get("grid_mapping")
    about = file[mapping].attrs if mapping in file.variables else {}
    ways = (
        lambda: CRS.from_cf(about) if about else None,
        lambda: CRS.from_user_input(grid.attrs.get("crs") or file.attrs["crs"]),
    )
    for way in ways:
        try:
            found = way()
        except (CRSError, KeyError, TypeError, ValueError, AttributeError):
            continue
        if found is not None:
            return found
    return None


def _old_gmt(file, name, choice):
    """Read GMT's old netCDF form: one long row of values, from the north-western corner."""
    missing = sorted(OLD_GMT - set(file.variables))
    if missing:
        raise GridError(f"{name} is a damaged grid of old GMT: it lacks {', '.join(missing)}.")
    columns, rows = (int(size) for size in file["dimension"].to_numpy())
    z = file["z"]
    if min(columns, rows) < 2 or columns * rows != z.size:
        raise GridError(f"{name} says that it is {columns} x {rows} and holds {z.size:,} values.")
    check_cells(name, z.size)
    shift = 0.5 if int(z.attrs.get("node_offset", 0)) else 0.0
    x, y = (
        float(file[f"{axis}_range"][0]) + (np.arange(size) + shift) * float(step)
        for axis, size, step in zip("xy", (columns, rows), file["spacing"].to_numpy(), strict=True)
    )
    values = z.to_numpy().reshape(rows, columns)
    unit = file["z_range"].attrs.get("units", "") if "z_range" in file else ""
    if choice.variable not in (None, "z"):
        raise GridError(f"{name} holds one grid, z; leave {choice.variable!r} away.")
    return assemble(name, lambda *part: values[part], x, y[::-1], choice, unit=unit)


# With GDAL.


def read_geotiff(path, choice):
    """Read a band of a GeoTIFF that lies north up, the first unless another is asked for."""
    return _read_gdal(path, choice, "GTiff", _check_tiff)


def read_esri(path, choice):
    """Read an ESRI ASCII grid; a projection may stand beside it in a ``.prj``."""
    return _read_gdal(path, choice, "AAIGrid", _check_esri, DATATYPE="Float64")


def read_surfer_text(path, choice):
    """Read Surfer 6 ASCII (DSAA)."""
    return _read_gdal(path, choice, "GSAG", _check_surfer_text)


def read_surfer_6(path, choice):
    """Read Surfer 6 binary (DSBB)."""
    return _read_gdal(path, choice, "GSBG", _check_surfer_6)


def read_surfer_7(path, choice):
    """Read Surfer 7 binary (DSRB)."""
    return _read_gdal(path, choice, "GS7BG", _check_surfer_7)


def _read_gdal(path, choice, driver, check, **options):
    """Read a layer of a file with one driver of GDAL, after its header was checked."""
    import rasterio
    import rioxarray

    name = path.name
    if driver != "GTiff":
        check(path)
    with warnings.catch_warnings(), rasterio.Env():
        warnings.simplefilter("ignore")  # of no position: said below
        with rasterio.open(path, driver=driver, sharing=False, **options) as file:
            if driver == "GTiff":
                check(path, file)
            band = _band(name, file, choice.variable)
            crs, turn = file.crs, file.transform
            unit = file.units[band - 1] or file.tags(band).get("units", "")
        if turn.b or turn.d or turn.is_identity:
            raise GridError(
                f"{name} has the transform {tuple(turn)[:6]}; a position and a grid with north up "
                "are needed."
            )
        raster = rioxarray.open_rasterio(
            path, driver=driver, mask_and_scale=True, decode_times=False, **options
        )
        with raster as layers:
            layer = layers[band - 1]
            if driver == "GTiff" and crs is None and choice.crs is None:
                raise GridError(f"{name} names no projection; name it: {ask('crs', 'EPSG:4326')}.")
            return assemble(
                name,
                lambda rows, columns: layer[rows, columns].to_numpy(),
                layer.x.to_numpy(),
                layer.y.to_numpy(),
                choice,
                crs=crs.to_wkt() if crs else None,
                unit=unit,
            )


def _band(name, file, wanted):
    """Find a band, asked for by its number or its description."""
    described = {text: band for band, text in enumerate(file.descriptions, start=1) if text}
    band = described.get(wanted, 1 if wanted is None else wanted)
    if not str(band).isdigit() or not 1 <= int(band) <= file.count:
        raise GridError(
            f"{name} has {file.count} bands{': ' if described else ''}{listed(described)}; there "
            f"is no band {wanted}. Say which: {ask('variable', 1)}."
        )
    return int(band)


def _check_tiff(path, file):
    """Refuse a TIFF that is a picture in colours, has pages, or declares more than it holds."""
    name = path.name
    colours = {"red", "green", "blue", "palette"} & {kind.name for kind in file.colorinterp}
    if file.subdatasets:
        raise GridError(f"{name} has {len(file.subdatasets)} pages; a grid is one.")
    if colours and set(file.dtypes) == {"uint8"}:
        raise GridError(f"{name} is a picture in colours; a grid of values in nT is needed.")
    if any(np.dtype(kind).kind not in "iuf" for kind in file.dtypes):
        raise GridError(f"{name} holds values of the type {file.dtypes[0]}, which are no anomaly.")
    width, held = max(np.dtype(kind).itemsize for kind in file.dtypes), path.stat().st_size
    for sides in ((file.count, file.height, file.width), *file.block_shapes):
        check_declared(width * math.prod(sides), held, name)


def _check_esri(path):
    """Refuse an ESRI ASCII grid whose body is not what its header promises."""
    with open(path, "rb") as file:
        found, lines = {}, 0
        for line in file:
            words = line.lower().split()
            if words and not (len(words) == 2 and words[0] in ESRI_WORDS):
                break
            lines += 1
            found.update([words] if words else [])
    _check_text(path, found.get(b"ncols"), found.get(b"nrows"), lines)


def _check_surfer_text(path):
    """Refuse a Surfer ASCII grid whose body is not what its header promises."""
    with open(path, "rb") as file:
        words = [file.readline(1000).split() for _ in range(5)]
    sizes = words[1] if len(words[1]) == 2 else (None, None)
    if any(len(pair) != 2 for pair in words[2:]):
        raise GridError(f"{path.name} is damaged: its header is not that of a Surfer grid.")
    _check_text(path, *sizes, lines=5)


def _check_text(path, columns, rows, lines):
    """Count the numbers behind the header of a text grid."""
    try:
        columns, rows = int(columns), int(rows)
    except (TypeError, ValueError):
        columns = rows = 0
    if min(columns, rows) < 2:
        raise GridError(f"{path.name} is damaged: its header tells no number of columns and rows.")
    held = path.stat().st_size
    if 2 * columns * rows - 1 > held:  # a digit and a blank each
        raise _cut_off(path, columns, rows, f"{held:,} bytes")
    check_cells(path.name, columns * rows)
    count = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file):
            if number < lines:
                continue
            if not NUMBERS.fullmatch(line):
                raise GridError(f"{path.name}: line {number + 1} holds more than numbers.")
            count += len(line.split())
    if count != columns * rows:
        raise _cut_off(path, columns, rows, f"{count:,} values")


def _cut_off(path, columns, rows, held):
    """Make the error about a grid that is not what its header says."""
    return GridError(
        f"{path.name} is damaged or cut off: its header promises {columns} x {rows} values, and it "
        f"holds {held}."
    )


def _check_surfer_6(path):
    """Refuse a Surfer 6 binary grid that is shorter than its header promises."""
    with open(path, "rb") as file:
        start = file.read(8)
    columns, rows = struct.unpack("<hh", start[4:8]) if len(start) == 8 else (0, 0)
    held = path.stat().st_size
    if min(columns, rows) < 2 or 56 + 4 * columns * rows > held:
        raise _cut_off(path, columns, rows, f"{held:,} bytes")


def _check_surfer_7(path):
    """Refuse a Surfer 7 binary grid that is cut off or turned."""
    held = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(12)
        place, sizes, turn, end = 0, (0, 0), 0.0, 0
        size = struct.unpack("<i", start[4:8])[0] if len(start) == 12 else 0
        place = 8 + size
        for _ in range(100):  # sections: a tag, a length, the content
            if not 0 < place < held:
                break
            file.seek(place)
            head = file.read(8)
            if len(head) < 8:
                break
            length = struct.unpack("<i", head[4:])[0]
            if head[:4] == b"GRID":
                about = file.read(72)
                if len(about) == 72:
                    rows, columns, *_, turn, _ = struct.unpack("<ii8d", about)
                    sizes = columns, rows
            if head[:4] == b"DATA":
                end = place + 8 + length
                break
            place += 8 + length
    if min(sizes) < 2 or end > held or 8 * sizes[0] * sizes[1] > end - place - 8:
        raise _cut_off(path, *sizes, f"{held:,} bytes")
    if turn:
        raise GridError(f"{path.name} is turned by {turn:g} degrees; north up is needed.")
