"""Maps for other programs: what the reading libraries find in them."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from pyproj import CRS

from helpers import data, lines

REGION = data.region("reykjanes")


@pytest.fixture(scope="module")
def prediction():
    """A map whose every cell differs, with a hole, larger than one tile of the GeoTIFF."""
    coords = {"northing": np.arange(700) * 2.0 - 99, "easting": np.arange(530) * 2.0 + 31}
    values = np.linspace(0, 1, 700 * 530).reshape(700, 530).astype("float32")
    values[3, 4] = np.nan
    layer = xr.DataArray(values, coords, ("northing", "easting"))
    layers = {"probability": layer, "uncertainty": 0.1 * layer, "strike_deg": 179 * layer}
    return xr.Dataset(layers, attrs={"crs": REGION.crs, "source": "simulated"})


def test_netcdf_comes_back_with_cf_attributes(prediction, tmp_path):
    lines.write_netcdf(prediction, tmp_path / "map.nc", title="a test")
    with xr.open_dataset(tmp_path / "map.nc", decode_coords="all") as back:
        for own, name in (("probability",) * 2, ("strike_deg", "orientation")):
            np.testing.assert_array_equal(back[name], prediction[own])
            assert back[name].encoding["grid_mapping"] == "crs"
        assert back.attrs["Conventions"].startswith("CF-") and back.attrs["source"] == "simulated"
        assert CRS.from_cf(back["crs"].attrs).equals(CRS(REGION.crs))
        assert back["crs"].attrs["grid_mapping_name"] == "lambert_conformal_conic"
        for name, axis in (("easting", "x"), ("northing", "y")):
            assert back[name].attrs["standard_name"] == f"projection_{axis}_coordinate"
            assert back[name].attrs["units"] == "km"
        assert all("units" in back[name].attrs and "long_name" in back[name].attrs for name in back)
    assert [path.name for path in tmp_path.iterdir()] == ["map.nc"]


def test_geotiff_comes_back_north_up_and_cloud_optimised(prediction, tmp_path):
    lines.write_geotiff(prediction, tmp_path / "map.tif")
    with rasterio.open(tmp_path / "map.tif") as back:
        assert back.descriptions == ("probability", "uncertainty", "orientation")
        np.testing.assert_array_equal(back.read(1)[::-1], prediction["probability"])
        east, north = back.xy(0, 0)  # the first row is the northern one
        assert (east, north) == (prediction.easting[0], prediction.northing[-1])
        assert CRS(back.crs).equals(CRS(REGION.crs), ignore_axis_order=True)
        assert back.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert back.overviews(3) == [2] and np.isnan(back.nodata)
        half = back.read(3, out_shape=(350, 265))
        assert np.isin(half[np.isfinite(half)], back.read(3)).all()  # strikes are never averaged
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]


def test_what_is_not_given_is_not_written(prediction, tmp_path):
    lines.write_netcdf(prediction[["probability"]], tmp_path / "map.nc")
    with xr.open_dataset(tmp_path / "map.nc") as back:
        assert set(back.data_vars) == {"probability", "crs"}


@pytest.mark.parametrize("write", [lines.write_netcdf, lines.write_geotiff])
def test_bad_input_says_what_is_expected(prediction, tmp_path, write):
    ending = ".nc" if write is lines.write_netcdf else ".tif"
    with pytest.raises(ValueError, match="use .nc|use .tif"):
        write(prediction, tmp_path / "map.grd")
    with pytest.raises(ValueError, match="probability"):
        write(prediction.drop_vars("probability"), tmp_path / f"map{ending}")
    with pytest.raises(ValueError, match="crs"):
        write(prediction.drop_attrs(), tmp_path / f"map{ending}")
