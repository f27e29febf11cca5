"""Grids that others made: every format gives the same field, and says what is wrong."""

import netCDF4
import numpy as np
import pytest
import rasterio
import xarray as xr
from pyproj import CRS, Transformer
from rasterio.transform import from_origin

from helpers import data, gridding
from helpers.gridding import _read_grid

REGION = data.region_from_box(-31, -29, 39, 41, name="test")
LON, LAT = np.arange(-33, -26.99, 1 / 30), np.arange(37, 43.01, 1 / 30)
BOX = (-31, -29, 39, 41)


def field(lon, lat):
    """A smooth anomaly (nT) that every format must give back."""
    return 100 * np.sin(2 * lon) * np.cos(lat)


def points():
    """Longitude (0 to 360), latitude and value of every point; the first has none, as EMAG2."""
    lon, lat = (part.ravel() for part in np.meshgrid(LON % 360, LAT))
    value = field(lon - 360, lat)
    value[0] = 99999.0
    return lon, lat, value, 0 * lon


def emag2_v3(folder):
    lon, lat, value, zero = points()
    rows = np.column_stack([zero, zero, lon, lat, value, value / 2, zero, zero])
    np.savetxt(folder / "EMAG2_V3.csv", rows, fmt="%.6f", delimiter=",")
    return folder / "EMAG2_V3.csv"


def emag2_v2(folder):
    np.savetxt(folder / "EMAG2_V2.xyz", np.column_stack(points()), fmt="%.6f")
    return folder / "EMAG2_V2.xyz"


def gmt(folder):
    """As GMT and WDMAM write it: longitudes 0 to 360, no word on the projection."""
    z = xr.DataArray(field(*np.meshgrid(LON, LAT)), {"lat": LAT, "lon": LON % 360}, ("lat", "lon"))
    z.to_dataset(name="z").to_netcdf(folder / "wdmam.nc")
    return folder / "wdmam.nc"


def old_gmt(folder):
    with netCDF4.Dataset(folder / "old.grd", "w") as file:
        file.createDimension("side", 2)
        file.createDimension("xysize", LON.size * LAT.size)
        for name, kind, values in (
            ("x_range", "f8", [LON[0], LON[-1]]), ("y_range", "f8", [LAT[0], LAT[-1]]),
            ("spacing", "f8", [1 / 30, 1 / 30]), ("dimension", "i4", [LON.size, LAT.size]),
        ):  # fmt: skip
            file.createVariable(name, kind, ("side",))[:] = values
        z = file.createVariable("z", "f4", ("xysize",))
        z[:] = field(*np.meshgrid(LON, LAT[::-1])).ravel()
        z.node_offset = 0
    return folder / "old.grd"


def geotiff(folder):
    """In another projection than the region's, in metres, with scale and no-data."""
    x, y = np.arange(50000, 800000, 2000), np.arange(4800000, 4100000, -2000)
    grid = np.meshgrid(x + 1000, y - 1000)
    lon, lat = Transformer.from_crs("EPSG:32626", "EPSG:4326", always_xy=True).transform(*grid)
    value = np.rint(10 * field(lon, lat)).astype("int16")
    value[0, 0] = -9999
    about = {"crs": "EPSG:32626", "transform": from_origin(x[0], y[0], 2000, 2000)}
    shape = {"height": len(y), "width": len(x), "count": 1, "dtype": "int16", "nodata": -9999}
    with rasterio.open(folder / "map.tif", "w", driver="GTiff", **about, **shape) as file:
        file.write(value, 1)
        file.scales = (0.1,)
    return folder / "map.tif"


def own(folder):
    """CF netCDF with a grid mapping, coordinates in km."""
    region = data.region("azores")
    northing, easting = region.grid_coords(4.0)
    lon, lat = region.unproject(*np.meshgrid(easting, northing))
    coords = {"northing": northing, "easting": easting}
    dims = ("northing", "easting")
    grid = xr.Dataset({"anomaly": (dims, field(lon, lat), {"grid_mapping": "crs"})}, coords)
    grid["crs"] = ((), 0, CRS(region.crs).to_cf())
    grid.to_netcdf(folder / "own.nc")
    return folder / "own.nc"


@pytest.mark.parametrize("make", [emag2_v3, emag2_v2, gmt, old_gmt, geotiff, own])
def test_every_format_gives_the_same_map(make, tmp_path):
    grid = gridding.read_grid(make(tmp_path), BOX)
    assert grid.x[-1] > grid.x[0] and grid.y[-1] > grid.y[0]
    map_ = gridding.on_map(grid, REGION)
    lon, lat = REGION.unproject(*np.meshgrid(map_.easting, map_.northing))
    off = np.abs(map_["anomaly"] - field(lon, lat))
    # linear interpolation over 4 km of a field whose second derivative is 400 nT a square degree
    assert float(off.max()) < 0.5
    assert map_["anomaly"].notnull().all() and (map_["distance_km"] == 0).all()
    assert map_.attrs["crs"] == REGION.crs and map_["weight"].dtype == "float32"


def test_other_columns_and_no_data_of_emag2(tmp_path):
    path = emag2_v3(tmp_path)
    whole = gridding.read_grid(path)
    assert np.isnan(whole[0, 0]) and whole.notnull().sum() == whole.size - 1
    assert (gridding.read_grid(path, BOX, column="upward").max() * 2).item() == pytest.approx(
        gridding.read_grid(path, BOX).max().item(), rel=1e-4
    )


def test_a_finer_grid_is_averaged():
    """Cells of 0.5 km whose signs alternate: no cell of 2 km sees a single one of them."""
    x = np.arange(-50, 50, 0.5) + 0.25
    value = np.where(np.add.outer(np.arange(200), np.arange(200)) % 2, 100.0, -100.0)
    grid = _read_grid.as_grid(value, x, x, REGION.crs)
    map_ = gridding.on_map(grid, data.region_from_box(-30.3, -29.7, 39.8, 40.2), 2.0)
    assert float(np.abs(map_["anomaly"]).max()) < 1e-3


def test_a_global_grid_closes_at_its_seam():
    lon, lat = np.arange(0, 360, 0.5), np.arange(-10, 10.1, 0.5)
    value = np.broadcast_to(np.cos(np.radians(lon)), (len(lat), len(lon)))
    grid = _read_grid.as_grid(value, lon, lat, "EPSG:4326")
    map_ = gridding.on_map(grid, data.region_from_box(-2, 2, 3, 6), 20.0)
    assert map_["anomaly"].notnull().all() and float(map_["anomaly"].min()) > 0.999


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "", "a.txt is empty"),
        ("a.csv", "a line of words\n", "not a table of numbers"),
        ("a.csv", "1,2\n", "2 columns"),
        ("a.csv", "1,1,x,2,3,4,5,6\n1,1,x,2,3,4,5,6\n", "not a table of numbers"),
        ("a.nc", "no netCDF", "no netCDF file"),
        ("a.tif", "no picture", "no GeoTIFF"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=said):
        gridding.read_grid(tmp_path / name)


def test_bad_choices_say_what_there_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.nc"):
        gridding.read_grid(tmp_path / "nothing.nc")
    with pytest.raises(ValueError, match="1 bands"):
        gridding.read_grid(geotiff(tmp_path), band=2)
    with pytest.raises(ValueError, match="'z'"):
        gridding.read_grid(gmt(tmp_path), variable="w")
    with pytest.raises(ValueError, match="column 'top'"):
        gridding.read_grid(emag2_v3(tmp_path), column="top")
    with pytest.raises(ValueError, match="0 cells in the box"):
        gridding.read_grid(emag2_v3(tmp_path), (10, 12, 0, 2))
    far = gridding.read_grid(gmt(tmp_path))
    with pytest.raises(ValueError, match="no value in region reykjanes"):
        gridding.on_map(far, data.region("reykjanes"), 20.0)


def test_kilometres_without_a_projection_ask_for_it(tmp_path):
    x = np.arange(0, 4000, 100.0)
    grid = xr.DataArray(np.zeros((40, 40)), {"y": x, "x": x}, ("y", "x"))
    grid.to_dataset(name="z").to_netcdf(tmp_path / "km.nc")
    with pytest.raises(ValueError, match="crs="):
        gridding.read_grid(tmp_path / "km.nc")
    assert gridding.read_grid(tmp_path / "km.nc", crs=REGION.crs).attrs["crs"] == REGION.crs


def test_a_region_fits_around_a_grid(tmp_path):
    region = gridding.region_of(gridding.read_grid(gmt(tmp_path), BOX), "mine")
    assert region.name == "mine"
    edges = (region.west, region.east, region.south, region.north)
    assert edges == pytest.approx((-31.5, -28.5, 38.5, 41.5), abs=0.1)
