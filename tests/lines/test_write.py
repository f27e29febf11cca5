"""Lines and maps for other programs: what the reading libraries find in them."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from pyproj import CRS
from shapely.geometry import LineString

import toys
from helpers import data, lines

REGION = data.region("reykjanes")


def drawn(*places, crs=REGION.crs):
    """Lines through places (km), with attributes as `trace` gives them."""
    geometry = [LineString(part) for part in places]
    table = geopandas.GeoDataFrame(geometry=geometry, crs=crs)
    return table.assign(strike_deg=40.0, anomaly_sign=1, length_km=table.length)


@pytest.mark.parametrize("name", ["found.geojson", "found.gpkg", "found.gmt"])
def test_lines_come_back_in_degrees(tmp_path, name):
    found = drawn([(0, 0), (60, 80), (90, 130)], [(40, 0), (50, 90)])
    lines.write(found, tmp_path / name)
    back = geopandas.read_file(tmp_path / name)
    assert back.crs.to_epsg() == 4326 and set(found.columns) == set(back.columns)
    np.testing.assert_allclose(back.length_km, found.length_km)
    places = np.column_stack(REGION.project(*back.get_coordinates().to_numpy().T))
    np.testing.assert_allclose(places, found.get_coordinates(), atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == [name]  # nothing half-written beside
    layer = "lines" if name == "found.gpkg" else "found"
    assert geopandas.list_layers(tmp_path / name)["name"].tolist() == [layer]
    if name == "found.gmt":
        text = (tmp_path / name).read_text().splitlines()
        assert text[0].startswith("# @VGMT1.0 @GLINESTRING") and text.count(">") == 2
        assert "# @Nstrike_deg|anomaly_sign|length_km" in text


def test_a_line_across_the_date_line_is_cut_there(tmp_path):
    crs = data.region_from_box(170, -170, 30, 40).crs
    lines.write(drawn([(-100, 1), (100, 1)], crs=crs), tmp_path / "found.geojson")
    bounds = geopandas.read_file(tmp_path / "found.geojson").bounds
    assert len(bounds) == 2 and (bounds.maxx - bounds.minx).max() < 2


CRESTS = pd.DataFrame({
    "longitude": [-30.0, 179.99], "latitude": [58.0, -20.0], "heading_deg": [0.0, 45.0],
    "sign": [1, -1], "probability": [0.9, 0.6],
})  # fmt: skip


@pytest.mark.parametrize("found", [drawn([(0, 0), (60, 80)]), drawn()])
def test_crests_are_a_layer_of_their_own_also_without_lines(tmp_path, found):
    path = tmp_path / "both.gpkg"
    lines.write(found, path, lines.crest_points(CRESTS))
    assert geopandas.list_layers(path)["name"].tolist() == ["lines", "crests"]
    assert len(geopandas.read_file(path, layer="lines")) == len(found)
    back = geopandas.read_file(path, layer="crests")
    np.testing.assert_allclose(back.get_coordinates(), CRESTS[["longitude", "latitude"]])
    assert back["sign"].tolist() == [1, -1] and set(back.geom_type) == {"Point"}
    lines.write(lines.crest_points(CRESTS), tmp_path / "crests.geojson")
    assert len(geopandas.read_file(tmp_path / "crests.geojson")) == 2
    with pytest.raises(ValueError, match="both.gmt holds one layer; write the crests to a file"):
        lines.write(found, tmp_path / "both.gmt", lines.crest_points(CRESTS))


def test_ticks_lie_square_to_the_track():
    places = pd.DataFrame({"longitude": -31.0, "latitude": 60.0, "heading_deg": [0.0, 45.0, 90.0]})
    ticks = lines.crest_ticks(places, REGION, 20.0)
    np.testing.assert_allclose(ticks.length, 20.0, rtol=0.02)
    lon, lat = REGION.unproject(*ticks.get_coordinates().to_numpy().T)
    east, north = (np.diff(np.reshape(x, (3, 2)))[:, 0] for x in (lon, lat))
    way = np.degrees(np.arctan2(east * np.cos(np.radians(60)), north)) % 180
    np.testing.assert_allclose(way, [90, 135, 0], atol=0.5)
    with pytest.raises(ValueError, match=r"The crests lack \['latitude'\]; take them from"):
        lines.crest_points(places.drop(columns="latitude"))


def test_lines_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="geojson"):
        lines.write(drawn([(0, 0), (1, 1)]), tmp_path / "found.shp")
    with pytest.raises(ValueError, match="no lines"):
        lines.write(drawn(), tmp_path / "a.gpkg")


def test_lines_are_as_they_were_if_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "found.gpkg"
    lines.write(drawn([(0, 0), (60, 80)]), path)
    before = path.read_bytes()

    def full(_table, place, **_options):
        (place.parent / f"{place.name}-journal").write_text("half")
        raise OSError("no space left on device")

    monkeypatch.setattr(geopandas.GeoDataFrame, "to_file", full)
    with pytest.raises(OSError, match="no space"):
        lines.write(drawn([(0, 0), (1, 1)]), path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["found.gpkg"]


@pytest.fixture(scope="module")
def prediction():
    """A map whose every cell differs, with a hole, larger than one tile of the GeoTIFF."""
    axes = np.arange(700) * 2.0 - 99, np.arange(530) * 2.0 + 31
    values = np.linspace(0, 1, 700 * 530).reshape(700, 530).astype("float32")
    values[3, 4] = np.nan
    layers = {"probability": values, "uncertainty": 0.1 * values, "strike_deg": 179 * values}
    return toys.grid(layers, axes, crs=REGION.crs, source="simulated")


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
