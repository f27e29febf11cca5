"""EMAG2 v3, the world's magnetic anomalies at 2 arc-minutes, a box at a time.

NOAA's image service cuts the grid. The product is chosen by its name and the box laid on the grid's
own cells, so that nothing is resampled on the way; what comes is checked for its size, its place
and its unit before it is kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode, urlsplit

import numpy as np

from .. import _shared
from . import _registry

SERVICE = "https://gis.ngdc.noaa.gov/arcgis/rest/services/EMAG2v3/ImageServer"
PRODUCT = "EMAG2_V3_20170530_SeaLevel"
PAGE = "https://doi.org/10.7289/V5H70CVX"
PER_DEGREE = 30  # cells of 2 arc-minutes, whose edges lie on whole 2 arc-minutes
MOST_CELLS = 4000  # on a side, which the service gives at once
LIMIT_NT = 20_000.0  # no anomaly at sea level is larger; 99999 and -32768 stand for no value,
LEAST_NT = 1.0  # and in no box are all smaller: then the unit is another
SAME_DEG = 1e-6  # between an edge that was asked for and the one that came


def emag2(box) -> Path:
    """Fetch EMAG2 v3 at sea level for a box, from NOAA or from the cache.

    Parameters
    ----------
    box : tuple of float
        West, east, south, north (degrees); west of the date line and east of it where east is the
        smaller number.

    Returns
    -------
    pathlib.Path
        GeoTIFF in the cache (float32, nT, north up, cells of 1/30 degree, NaN for no value), which
        `helpers.gridding.read_grid` reads. It reaches to the next whole cell on each side.

    Raises
    ------
    ValueError
        If the box is no box, or wider or higher than 133 degrees.
    DataUnavailable
        If the service can't be reached, or what it gives isn't what was asked for; the message says
        what to download by hand.

    Notes
    -----
    The environment variable LMA_EMAG2_URL names another image service that holds the grid.

    References
    ----------
    Meyer, B., Saltus, R. & Chulliat, A. (2017). EMAG2 v3, NOAA. doi:10.7289/V5H70CVX.

    Examples
    --------
    >>> from helpers import data
    >>> data.emag2((-33, -29, 41, 38))
    Traceback (most recent call last):
    ValueError: south is 41 and north is 38; south comes first, both between -90 and 90
    """
    west, east, south, north = _cells(box)
    name = f"{PRODUCT}_{west}_{east}_{south}_{north}.tif"  # edges in cells
    path = _registry.cache_folder() / "emag2" / name
    try:
        with _shared.locked(path):
            if not _is_kept(path, (north - south, east - west)):
                _keep(path, _over(west, east, south, north), west, north)
    except OSError as error:
        raise _registry.DataUnavailable(_message(_registry.not_written(error))) from error
    return path


def _cells(box):
    """Edges of a box in whole cells from 0 degrees: west, east (the larger number), south, north."""
    west, east, south, north = (float(edge) for edge in box)
    if not -90 <= south < north <= 90:
        raise ValueError(
            f"south is {south:g} and north is {north:g}; south comes first, both between -90 and 90"
        )
    west = (west + 180) % 360 - 180
    east = west + ((east - west) % 360 or 360)
    slack = SAME_DEG * PER_DEGREE
    low = [int(np.floor(edge * PER_DEGREE + slack)) for edge in (west, south)]
    high = [int(np.ceil(edge * PER_DEGREE - slack)) for edge in (east, north)]
    if max(high[0] - low[0], high[1] - low[1]) > MOST_CELLS:
        raise ValueError(
            f"the box is {east - west:g} degrees wide and {north - south:g} high; EMAG2 is fetched "
            f"for up to {MOST_CELLS // PER_DEGREE}"
        )
    return low[0], high[0], low[1], high[1]


def _is_kept(path, shape):
    """Whether the cache has a whole file of this box."""
    import rasterio

    if not path.is_file():
        return False
    try:
        with rasterio.open(path, driver="GTiff") as file:
            return file.shape == shape and file.tags().get("UNITS") == "nT" and file.read(1).size > 0
    except rasterio.errors.RasterioError:  # cut off or damaged: fetched again
        return False


def _over(west, east, south, north):
    """Anomaly (nT) of a box in cells, north up; in two pieces where it crosses the date line."""
    half = 180 * PER_DEGREE
    if east <= half:
        return _checked(_piece(west, east, south, north))
    pieces = _piece(west, half, south, north), _piece(-half, east - 2 * half, south, north)
    return _checked(np.hstack(pieces))


def _piece(west, east, south, north):
    """Ask the service for a box in cells that doesn't cross the date line."""
    edges = [edge / PER_DEGREE for edge in (west, south, east, north)]
    shape = north - south, east - west
    asked = {
        "bbox": ",".join(f"{edge:.10f}" for edge in edges),
        "bboxSR": 4326,
        "imageSR": 4326,
        "size": f"{shape[1]},{shape[0]}",
        "format": "tiff",
        "pixelType": "F32",
        "interpolation": "RSP_NearestNeighbor",
        "mosaicRule": json.dumps(
            {"mosaicMethod": "esriMosaicNone", "where": f"Name = '{PRODUCT}'"}
        ),
        "f": "json",
    }
    url = f"{os.environ.get('LMA_EMAG2_URL') or SERVICE}/exportImage?{urlencode(asked)}"
    with TemporaryDirectory() as folder:
        place = Path(folder) / "answer"
        _download(url, place)
        if not place.read_bytes().startswith((b"II", b"MM")):  # else the picture came at once
            _download(_address(place.read_bytes(), url, edges, shape), place)
        return _values(place, edges, shape)


def _download(url, place):
    """Download a file, or say why it can't be."""
    why = _registry.why_not(url, lambda: _registry.stream(url, place))
    if why:
        raise _registry.DataUnavailable(_message(why))


def _address(answer, url, edges, shape):
    """Where the picture lies, by the service's answer, which must describe what was asked for."""
    server = urlsplit(url).netloc
    try:
        said = json.loads(answer)
        if "error" in said:
            told = said["error"]
            words = [str(told.get("message", told)), *map(str, told.get("details") or ())]
            raise _registry.DataUnavailable(_message(f"{server} answered: {' '.join(words)}"))
        came = int(said["height"]), int(said["width"])
        extent = [float(said["extent"][name]) for name in ("xmin", "ymin", "xmax", "ymax")]
        address = str(said["href"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        start = answer[:60].decode("utf-8", "replace")
        raise _registry.DataUnavailable(
            _message(f"{server} answered no description of a picture, but {start!r}")
        ) from error
    _compare(came, extent, edges, shape)
    if not address.startswith(("http://", "https://")):
        raise _registry.DataUnavailable(_message(f"the picture lies at {address!r}, no address"))
    return address


def _compare(came, extent, edges, shape):
    """Refuse what has another size or lies elsewhere."""
    if came != shape or not np.allclose(extent, edges, rtol=0, atol=SAME_DEG):
        there, here = (", ".join(f"{edge:.5f}" for edge in one) for one in (extent, edges))
        raise _registry.DataUnavailable(_message(
            f"the service gives {came[0]} x {came[1]} cells over {there} (west, south, east, "
            f"north), not the {shape[0]} x {shape[1]} over {here} that were asked for"
        ))  # fmt: skip


def _values(place, edges, shape):
    """Values (nT) of a GeoTIFF that must be what was asked for; NaN for no value."""
    import rasterio

    try:
        with rasterio.open(place, driver="GTiff") as file:
            kind, extent = file.dtypes[0], file.bounds
            _compare(file.shape, extent, edges, shape)
            values, nodata = file.read(1), file.nodata
    except rasterio.errors.RasterioError as error:
        raise _registry.DataUnavailable(
            _message(f"what came is no whole GeoTIFF ({error})")
        ) from error
    if kind != "float32":
        raise _registry.DataUnavailable(_message(f"the values came as {kind}, not as float32"))
    none = ~np.isfinite(values) | (np.abs(values) >= LIMIT_NT)
    if nodata is not None:
        none |= values == nodata
    return np.where(none, np.float32(np.nan), values)


def _checked(values):
    """Give values back that can be anomalies in nT."""
    largest = np.nanmax(np.abs(values), initial=0.0, where=np.isfinite(values))
    if not np.isfinite(values).any():
        raise _registry.DataUnavailable(_message("EMAG2 has no value in this box"))
    if largest < LEAST_NT:
        raise _registry.DataUnavailable(
            _message(f"no value is larger than {largest:.3g}: these are no anomalies in nT")
        )
    return values


def _keep(path, values, west, north):
    """Write a GeoTIFF, whole or not at all."""
    import rasterio

    side = 1 / PER_DEGREE
    about = {
        "driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1,
        "dtype": "float32", "crs": "EPSG:4326", "nodata": np.nan, "compress": "deflate",
        "transform": rasterio.transform.Affine(side, 0, west * side, 0, -side, north * side),
    }  # fmt: skip
    with _shared.written(path) as beside, rasterio.open(beside, "w", **about) as file:
        file.write(values, 1)
        file.update_tags(UNITS="nT", SOURCE=f"{PRODUCT}, {PAGE}")


def _message(why):
    """Say why the grid is not there, and what to do by hand."""
    return (
        f"EMAG2 v3 could not be fetched: {why}. By hand: download EMAG2_V3_20170530.zip from "
        f"{PAGE}, unpack it, and give the table, GRID=EMAG2_V3_20170530.csv with the same BOX."
    )
