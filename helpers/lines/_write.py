"""Files for other programs: lines for a GIS, maps as CF netCDF and Cloud-optimised GeoTIFF."""

from pathlib import Path

import geopandas
import numpy as np
from shapely.geometry import LineString

from .. import _shared

DRIVERS = {".geojson": "GeoJSON", ".gpkg": "GPKG", ".gmt": "OGR_GMT"}
LAYERS = {  # name here: name in the file, units, long name
    "probability": ("probability", "1", "probability of a linear magnetic anomaly"),
    "uncertainty": ("uncertainty", "1", "spread of the probability"),
    "strike_deg": ("orientation", "degree", "strike of the anomaly, clockwise from north"),
}
CONVENTIONS = "CF-1.11"
COG = {
    "driver": "COG",
    "compress": "deflate",
    "predictor": 3,  # for floats
    "overview_resampling": "nearest",  # the mean of the strikes 1 and 179 degrees is not 90
}


def write(lines, path, crests=None):
    """Write lines in longitude and latitude, for QGIS, GMT, GPlates and their like.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame
        From `trace`; or points, from `crest_points`.
    path : str or pathlib.Path
        ``.geojson``, ``.gpkg`` or ``.gmt`` (OGR/GMT multi-segment text); written beside and
        renamed, so that it is whole or not there. In a ``.gpkg`` the layer is called ``lines``.
    crests : geopandas.GeoDataFrame, optional
        From `crest_points`: the layer ``crests`` of a ``.gpkg``, behind the lines. With them there
        may be no lines: their layer is then empty.

    Raises
    ------
    ValueError
        If the ending is another one, there is nothing to write, or crests are given for a format
        of one layer.
    """
    path = _checked(path, DRIVERS)
    crested = crests is not None and len(crests) > 0
    if crested and path.suffix != ".gpkg":
        raise ValueError(f"{path.name} holds one layer; write the crests to a file of their own.")
    if not len(lines) and not crested:
        raise ValueError("There are no lines to write; lower the threshold or `shortest_km`.")
    options = {"driver": DRIVERS[path.suffix], "engine": "pyogrio"}
    if path.suffix == ".gpkg":
        options["layer"] = "lines"
    if not len(lines):
        options["geometry_type"] = "LineString"
    with _shared.written(path) as beside:
        (_cut_at_date_line(lines) if len(lines) else lines).to_crs("EPSG:4326").to_file(
            beside, **options
        )
        if crested:
            crests.to_crs("EPSG:4326").to_file(beside, **options | POINTS, mode="a")


POINTS = {"layer": "crests", "geometry_type": "Point"}


def _cut_at_date_line(lines):
    """Cut lines where the 180 degree meridian crosses them, as the GeoJSON standard asks."""
    bounds = lines.to_crs("EPSG:4326").bounds
    if not (bounds["maxx"] - bounds["minx"] > 180).any():
        return lines
    meridian = geopandas.GeoSeries([LineString([(180, lat) for lat in range(-85, 86)])], crs=4326)
    barrier = meridian.to_crs(lines.crs).buffer(1e-3).iloc[0]
    return lines.set_geometry(lines.difference(barrier)).explode(ignore_index=True)


def write_netcdf(prediction, path, title="Linear magnetic anomalies"):
    """Write probability, uncertainty and orientation as CF-conforming netCDF.

    Parameters
    ----------
    prediction : xarray.Dataset
        ``probability``, and ``uncertainty`` and ``strike_deg`` where there are, on (northing,
        easting) in km, with the attribute ``crs`` (PROJ).
    path : str or pathlib.Path
        ``.nc``; written beside and renamed, so that it is whole or not there.
    title : str
        Title of the file; say so there if the anomaly is simulated.

    Raises
    ------
    ValueError
        If there is no ``probability``, no ``crs``, or the ending is another one.
    """
    import xarray as xr
    from pyproj import CRS

    path, layers = _checked(path, (".nc",)), _layers(prediction)
    for name, layer in layers.items():
        layers[name] = layer.assign_attrs(grid_mapping="crs")
    written = xr.Dataset(layers)
    written["crs"] = ((), np.int32(0), CRS(prediction.attrs["crs"]).to_cf())
    for name, axis in (("northing", "y"), ("easting", "x")):
        written[name].attrs = {
            "standard_name": f"projection_{axis}_coordinate", "units": "km", "axis": axis.upper(),
            "long_name": name,
        }  # fmt: skip
    source = str(prediction.attrs.get("source", "ship tracks"))
    written.attrs = {"Conventions": CONVENTIONS, "title": title, "source": source}
    packed = {"zlib": True, "complevel": 4, "_FillValue": np.float32(np.nan)}
    encoding = {name: packed for name in layers}
    encoding |= {name: {"_FillValue": None} for name in ("northing", "easting")}
    with _shared.written(path) as beside:
        written.to_netcdf(beside, encoding=encoding)


def write_geotiff(prediction, path):
    """Write probability, uncertainty and orientation as the bands of a Cloud-optimised GeoTIFF.

    Parameters
    ----------
    prediction : xarray.Dataset
        As `write_netcdf`.
    path : str or pathlib.Path
        ``.tif``; written beside and renamed.

    Raises
    ------
    ValueError
        As `write_netcdf`.
    """
    import rasterio
    from rasterio.transform import from_origin

    path, layers = _checked(path, (".tif", ".tiff")), _layers(prediction)
    easting, northing = (prediction[name].to_numpy() for name in ("easting", "northing"))
    spacing = float(easting[1] - easting[0])
    corner = from_origin(easting[0] - spacing / 2, northing[-1] + spacing / 2, spacing, spacing)
    shape = {"height": len(northing), "width": len(easting), "count": len(layers)}
    about = {"crs": prediction.attrs["crs"], "transform": corner, "nodata": np.nan}
    options = {"dtype": "float32", **shape, **about, **COG}
    with _shared.written(path) as beside, rasterio.open(beside, "w", **options) as file:
        for band, (name, layer) in enumerate(layers.items(), start=1):
            file.write(layer.to_numpy()[::-1], band)  # north up
            file.set_band_description(band, name)
            file.update_tags(band, units=layer.attrs["units"], long_name=layer.attrs["long_name"])


def _checked(path, endings):
    """Path of the file, if its ending is as it should be."""
    path = Path(path)
    if path.suffix not in endings:
        raise ValueError(f"{path.name} ends in {path.suffix!r}; use {' or '.join(endings)}.")
    return path


def _layers(prediction):
    """Layers that are there, under the names of the file, with units."""
    if "probability" not in prediction or "crs" not in prediction.attrs:
        raise ValueError(
            f"The prediction holds {list(prediction.data_vars)} and the attributes "
            f"{list(prediction.attrs)}; `probability` and `crs` (PROJ string) are expected."
        )
    layers = {}
    for own, (name, units, text) in LAYERS.items():
        if own in prediction:
            bare = prediction[own].astype("float32").drop_attrs()
            layers[name] = bare.assign_attrs(units=units, long_name=text)
    return layers
