"""Grids as people have them, and as they are damaged: right values, or one clear sentence."""

import struct
import tracemalloc
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from helpers import data, gridding
from helpers.data._netcdf import check_netcdf
from helpers.gridding import _grid_checks, _grid_tables

CASES = Path(__file__).parents[1] / "cases"
INPUTS, HOSTILE = CASES / "inputs", CASES / "hostile"
# a field of six decimals and more, so that no two cells agree by chance
LON, LAT = np.linspace(-33, -29, 21), np.linspace(38, 41, 16)
FIELD = 150 * np.sin(8 * LON) * np.cos(3 * LAT)[:, None]
HOLE = np.s_[3:7, 5:9]  # 16 cells that a fill takes


@pytest.fixture(scope="module")
def truth():
    """The field that the cases 40 to 49 hold, written with one decimal."""
    return gridding.read_grid(case("43*/latlon.csv"))


def case(name):
    """Path of a case by its number and file."""
    (found,) = INPUTS.glob(name)
    return found


def with_fill(fill, dtype="float32"):
    values = FIELD.astype(dtype)
    values[HOLE] = fill
    return values


def write_netcdf(path, values=FIELD, lat=LAT, lon=LON, dims=("lat", "lon"), units=None, **options):
    grid = xr.DataArray(values, {dims[0]: lat, dims[1]: lon}, dims, name="z")
    grid = grid.assign_attrs(units=units) if units is not None else grid
    options.setdefault("encoding", {"z": {"_FillValue": None}})
    grid.to_dataset().to_netcdf(path, **options)
    return path


def write_raster(path, driver, values, step=0.2, crs=None):
    """With GDAL, north up, cells centred on LON and LAT."""
    corner = from_origin(LON[0] - step / 2, LAT[-1] + step / 2, step, step)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1}
    options = {"dtype": values.dtype, "crs": crs, "transform": corner, **shape}
    with rasterio.open(path, "w", driver=driver, **options) as file:
        file.write(values[::-1], 1)
    return path


def write_table(path, header="lon lat anomaly", values=FIELD, order=(0, 1, 2), mark=" "):
    lon, lat = np.meshgrid(LON, LAT)
    columns = np.column_stack([lon.ravel(), lat.ravel(), values.ravel()])[:, order]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines([f"{header}\n"] if header else [])
        np.savetxt(file, columns, fmt="%.6f", delimiter=mark)
    return path


def write_surfer_text(path, values=FIELD):
    rows = "\n".join(" ".join(f"{value:.4f}" for value in row) for row in values)
    path.write_text(f"DSAA\n21 16\n-33 -29\n38 41\n-150 150\n{rows}\n")
    return path


def write_surfer_6(path, values=FIELD):
    head = struct.pack("<4shh6d", b"DSBB", 21, 16, -33, -29, 38, 41, -150, 150)
    path.write_bytes(head + values.astype("<f4").tobytes())
    return path


def write_surfer_7(path, values=FIELD, turned=0.0):
    about = struct.pack("<ii8d", 16, 21, -33, 38, 0.2, 0.2, -150, 150, turned, 1.70141e38)
    body = values.astype("<f8").tobytes()
    path.write_bytes(
        b"DSRB" + struct.pack("<ii", 4, 1) + b"GRID" + struct.pack("<i", 72) + about
        + b"DATA" + struct.pack("<i", len(body)) + body
    )  # fmt: skip
    return path


def write_esri(path, values=FIELD):
    rows = "\n".join(" ".join(f"{value:.4f}" for value in row) for row in values[::-1])
    head = "ncols 21\nnrows 16\nxllcenter -33\nyllcenter 38\ncellsize 0.2\nNODATA_value -9999\n"
    path.write_text(head + rows + "\n")
    return path


WRITERS = {
    "netcdf3.nc": lambda path, values: write_netcdf(path, values, format="NETCDF3_CLASSIC"),
    "netcdf4.nc": write_netcdf,
    "plain.tif": lambda path, values: write_raster(path, "GTiff", values, crs="EPSG:4326"),
    "table.xyz": lambda path, values: write_table(path, values=values),
    "surfer.grd": write_surfer_text,
    "surfer6.grd": write_surfer_6,
    "surfer7.grd": write_surfer_7,
    "esri.asc": write_esri,
}


@pytest.mark.parametrize(
    ("name", "options", "blanked", "within"),
    [
        ("40*/99999.nc", {}, "56 cells of 99999", 0.06),
        ("40*/minus99999.nc", {}, "56 cells of -99999", 0.06),
        ("40*/netcdf_default.nc", {}, "56 cells of 9.96921e+36", 0.06),
        ("40*/surfer_blank.nc", {}, "56 cells of 1.70141e+38", 0.06),
        ("41*/99999.tif", {}, "56 cells of 99999", 0.06),
        ("41*/float_min.tif", {}, "56 cells of -3.402823e+38", 0.06),
        ("41*/int16.tif", {}, "56 cells of -32768", 1.06),  # whole nT, cut off
        ("42*/syn.xyz", {}, "59 cells of -99999", 0.06),
        ("43*/height.csv", {}, "", 0.06),
        ("46*/syn.nc", {}, "", 0.06),
        ("47*/two.nc", {"variable": "anomaly"}, "", 0.06),
        ("48*/tesla.nc", {}, "", 0.06),
        ("49*/esri.asc", {}, "", 0.06),
        ("49*/surfer6.grd", {}, "", 0.06),
    ],
)
def test_cases_hold_one_field(truth, name, options, blanked, within):
    grid = gridding.read_grid(case(name), **options)
    assert grid.attrs["blanked"] == (f"{blanked} taken as no value" if blanked else "")
    assert int(grid.isnull().sum()) == int(blanked.split()[0] if blanked else 0)
    at = truth.sel(y=grid.y, x=grid.x, method="nearest", tolerance=1e-6)
    assert float(np.abs(grid - at.to_numpy()).max()) < within
    assert grid.attrs["units"] == "nT"
    edges = (grid.x[0], grid.x[-1], grid.y[0], grid.y[-1])
    assert np.allclose(edges, (-33, -29, 38, 41)), "where the case lies"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "44*/syn.nc",
            r"km\), which are no degrees.*crs=\"EPSG:32625\".*CRS=EPSG:32625 at make map",
        ),
        ("47*/utm.grd", r"no degrees.*crs=\"EPSG:32625\".*CRS=EPSG:32625 at make map"),
        ("47*/two.nc", r"'anomaly', 'error'.*variable=\"anomaly\".*VARIABLE=anomaly at make map"),
    ],
)
def test_cases_that_ask(name, said):
    with pytest.raises(ValueError, match=said):
        gridding.read_grid(case(name))


def test_a_metric_grid_lies_where_its_projection_says():
    grid = gridding.read_grid(case("47*/utm.grd"), crs="EPSG:32625")
    region = gridding.region_of(grid)  # zone 25 has its axis at 33 W, x = 500 km
    assert (region.east, region.south) == pytest.approx((-33.0, 38.8), abs=0.06)
    assert float(np.abs(grid).max()) < 50
    kilometres = gridding.read_grid(case("44*/syn.nc"), crs="EPSG:32625")
    assert float(kilometres.x[-1]) == 58_000, "58 km are 58,000 m of the projection"


@pytest.mark.parametrize(
    ("name", "box", "edges"),
    [
        ("45*/g0_360.nc", (-5, 5, -3, 3), (-4, 4, -2, 2)),
        ("45*/g0_360.nc", (-180, 180, -10, 10), (-4, 4, -2, 2)),
        ("45*/g0_360.nc", (-180, 180, -10, 10), (176, 184, -2, 2)),
        ("45*/g0_360.nc", None, (-4, 4, -2, 2)),
        ("45*/g0_360.nc", None, (176, 184, -2, 2)),
        ("45*/g180.nc", (175, 185, -3, 3), (176, 184, -2, 2)),
        ("45*/g180.nc", (175, -175, -3, 3), (176, -176, -2, 2)),
        ("45*/g180.nc", None, (-184, -176, -2, 2)),
        ("45*/g180.nc", None, (86, 94, -2, 2)),
        ("54*/syn.nc", (-33, -29, 38.5, 41), (-33, -29, 38.5, 41)),
        ("54*/syn.nc", (-32.5, -32, 40.1, 41), (-32.5, -32, 40.1, 41)),  # no node within
        ("54*/syn.nc", None, (-33, -29, 38.5, 41)),
    ],
)
def test_global_and_coarse_grids_fill_every_map(name, box, edges):
    """Both seam meridians, or cells of 4 degrees: 100 cos(lon) cos(lat) all over the map."""
    region = data.region_from_box(*edges)
    map_ = gridding.on_map(gridding.read_grid(case(name), box), region, 20.0)
    lon, lat = np.radians(region.unproject(*np.meshgrid(map_.easting, map_.northing)))
    off = np.abs(map_["anomaly"] - 100 * np.cos(lon) * np.cos(lat))
    # 4 degrees are 0.07 rad; 100 nT x 0.07^2 / 8 a direction
    assert map_["anomaly"].notnull().all() and float(off.max()) < 0.13


def test_a_whole_turn_averaged_leaves_no_seam():
    """180 columns of 2 degrees by sevens: five are left over at the seam."""
    grid = gridding.read_grid(case("45*/g0_360.nc"))
    for middle in (-4, 0, 5):
        region = data.region_from_box(middle - 2, middle + 2, -2, 2)
        map_ = gridding.on_map(grid, region, 7.2 * 2 * 111.2)
        assert map_["anomaly"].notnull().all() and 94 < float(map_["anomaly"].min()) < 100


def test_a_grid_across_greenwich_is_one_piece(tmp_path):
    """Longitudes 358, 358.2 ... 1.8: not a turn of 360 degrees with a gap."""
    lon = np.arange(-2, 1.9, 0.2)
    path = write_netcdf(tmp_path / "a.nc", np.cos(lon) * np.ones((16, 1)), LAT, lon % 360)
    grid = gridding.read_grid(path)
    assert float(grid.x[-1] - grid.x[0]) == pytest.approx(3.8)
    assert np.allclose(grid[0], np.cos(lon), atol=1e-6)
    map_ = gridding.on_map(grid, data.region_from_box(-0.5, 0.5, 39, 40), 5.0)
    assert map_["anomaly"].notnull().all() and float(map_["anomaly"].min()) > 0.8


# Fills and units.


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("fill", [99999.0, -99999.0, -999.0, 9999.0, 1.70141e38])
def test_fills_are_blanked_in_every_format(tmp_path, writer, fill):
    grid = gridding.read_grid(WRITERS[writer](tmp_path / writer, with_fill(fill)))
    expected = FIELD.copy()
    expected[HOLE] = np.nan
    assert np.allclose(grid, expected, atol=1e-3, equal_nan=True)
    declared = "surfer" in writer and fill > 1e38  # Surfer's own blank
    assert grid.attrs["blanked"] == (
        "" if declared else f"16 cells of {fill:.7g} taken as no value"
    )


@pytest.mark.parametrize("fill", [32767, -32768, -999, 888, 8888, -9999, 9999, -5000])
def test_fills_of_whole_numbers(tmp_path, fill):
    grid = gridding.read_grid(write_netcdf(tmp_path / "a.nc", with_fill(fill, "int16")))
    assert int(grid.isnull().sum()) == 16 and float(np.abs(grid).max()) <= 150


@pytest.mark.parametrize("fill", [999.9, -999.99, 88888.0, -9999.0, 999.25, -3276.8, np.inf])
def test_fills_among_floats(tmp_path, fill):
    grid = gridding.read_grid(write_netcdf(tmp_path / "a.nc", with_fill(fill)))
    assert int(grid.isnull().sum()) == 16 and f"{np.float32(fill):.7g}" in grid.attrs["blanked"]


def test_two_fills_and_a_single_one():
    values = with_fill(-999)
    values[0, :4], values[-1, -1] = 99999, 9999
    left, said = _grid_checks.without_fills("a.nc", values)
    assert np.isnan(left).sum() == 21
    assert said == "16 cells of -999 and 4 cells of 99999 and 1 cells of 9999 taken as no value"


def test_large_anomalies_stay():
    values = 1000 * np.random.default_rng(1).standard_normal((60, 60))
    values[3, 3:6] = 999  # within the range of the others
    values[5, 5:9] = values.max()  # an extreme that is repeated, close to the next
    values[9, 9] = 9000  # a seamount
    left, said = _grid_checks.without_fills("a.nc", values)
    assert said == "" and np.array_equal(left, values.astype("float32"))
    steps = np.repeat([-200.0, 200.0], 50).reshape(10, 10)
    assert _grid_checks.without_fills("a.nc", steps)[1] == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (48_000 + FIELD, "not a total field"),
        (np.full((16, 21), 99999.0), "0 are left"),
        (np.full((16, 21), np.nan), "no value"),
        (FIELD * 1e-9, "UNITS=T at make map"),
    ],
)
def test_values_that_are_no_anomaly(tmp_path, values, said):
    with pytest.raises(ValueError, match=f"a.nc.*{said}"):
        gridding.read_grid(write_netcdf(tmp_path / "a.nc", values))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("T", 1e9), ("tesla", 1e9), ("mT", 1e6), ("\u00b5T", 1e3), ("\u03bcT", 1e3), ("uT", 1e3),
        ("microtesla", 1e3), ("nT", 1), ("nano Tesla", 1), ("gammas", 1), ("nanotesla (nT)", 1),
        ("10^-9 T", 1), ("[nT]", 1), ("1", 1), ("", 1),
    ],
)  # fmt: skip
def test_units_are_converted(tmp_path, unit, factor):
    path = write_netcdf(tmp_path / "a.nc", FIELD / factor, units=unit)
    assert np.allclose(gridding.read_grid(path), FIELD, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("unit", ["mGal", "m", "nT/m", "degrees", "nT, mGal"])
def test_other_units_are_refused(tmp_path, unit):
    path = write_netcdf(tmp_path / "a.nc", units=unit)
    with pytest.raises(ValueError, match=r"a\.nc has the unit .*none of a magnetic anomaly"):
        gridding.read_grid(path)
    assert np.allclose(gridding.read_grid(path, units="nT"), FIELD, atol=1e-4)


def test_a_fill_in_tesla_is_a_fill(tmp_path):
    values = with_fill(99999, float)
    values[values < 1e4] *= 1e-9
    grid = gridding.read_grid(write_netcdf(tmp_path / "a.nc", values, units="T"))
    assert grid.attrs["blanked"].startswith("16 cells of 99999")
    assert np.allclose(grid.fillna(0), np.where(with_fill(99999) > 1e4, 0, FIELD), atol=1e-4)


# Tables.


@pytest.mark.parametrize(
    ("header", "order", "mark"),
    [
        ("lat,lon,mag", (1, 0, 2), ","),
        ("anomaly;Longitude;Latitude", (2, 0, 1), ";"),
        ("# x y z", (0, 1, 2), " "),
        ("Latitude (deg) Longitude (deg) TFA (nT)", (1, 0, 2), " "),
        ("POINT_X\tPOINT_Y\tmag_nT", (0, 1, 2), "\t"),
        ('"LON","LAT","Mag Anomaly [nT]"', (0, 1, 2), ","),
        ("height,lon,lat,residual", (1, 0, 1, 2), ","),
        ("x,y,gravity,anomaly,error", (0, 1, 0, 2, 1), ","),
        ("a file of somebody\nlon lat value\ndeg deg nT", (0, 1, 2), " "),
        ("", (0, 1, 2), " "),
    ],
)
def test_names_of_columns_are_obeyed(tmp_path, header, order, mark):
    table = write_table(tmp_path / "a.dat", header, order=order, mark=mark)
    grid = gridding.read_grid(table)
    assert np.allclose(grid, FIELD, atol=1e-5) and np.allclose(grid.x, LON)


def test_tables_as_other_countries_and_programs_write_them(tmp_path):
    text = write_table(tmp_path / "a.csv", "lon;lat;nT", mark=";").read_text()
    for name, content in (
        ("comma.txt", text.replace(".", ",").encode()),
        ("blank.txt", text.replace(".", ",").replace(";", " ").encode()),
        ("mark.txt", text.encode("utf-8-sig")),
        ("wide.txt", text.encode("utf-16")),
        ("old_mac.txt", text.replace("\n", "\r").encode()),
    ):
        (tmp_path / name).write_bytes(content)
        assert np.allclose(gridding.read_grid(tmp_path / name), FIELD, atol=1e-5), name


@pytest.mark.parametrize(
    ("header", "order", "said"),
    [
        ("lon,lat,mag,tmi", (0, 1, 2, 2), "columns lon, lat, mag, tmi.*VARIABLE=mag"),
        ("a,b,c", (0, 1, 2), "columns a, b, c; one of longitude is needed"),
        ("lon,lat,depth", (0, 1, 2), "columns lon, lat, depth.*VARIABLE=depth"),
        ("lon,lat", (0, 1, 2), "3 columns, and its first line names 2"),
        ("lon,lat,anomaly (mGal)", (0, 1, 2), "unit 'mGal'"),
        ("easting,northing,nT", (0, 1, 2), "no degrees.*CRS=EPSG:32625"),
        ("x (km),y (km),nT", (0, 1, 2), "no degrees.*CRS=EPSG:32625"),
        ("", (0, 1, 2, 2, 2), "5 columns without names.*VARIABLE=3"),
        ("", (0, 2, 1), "no degrees"),
    ],
)
def test_tables_that_ask(tmp_path, header, order, said):
    path = write_table(tmp_path / "a.csv", header, order=order, mark=",")
    with pytest.raises(ValueError, match=f"a.csv.*{said}"):
        gridding.read_grid(path)


def test_the_caller_chooses_a_column(tmp_path):
    order, named = (0, 1, 2, 0), tmp_path / "a.csv"
    write_table(named, "lon,lat,mag,tmi (nT)", order=order, mark=",")
    for choice in ({"variable": "mag"}, {"column": "MAG"}, {"variable": "3"}, {"variable": 3}):
        assert np.allclose(gridding.read_grid(named, **choice), FIELD, atol=1e-5)
    assert np.allclose(gridding.read_grid(named, variable="tmi"), LON, atol=1e-5)
    bare = write_table(tmp_path / "b.xyz", "", order=(0, 1, 0, 1, 2))
    assert np.allclose(gridding.read_grid(bare, variable=5), FIELD, atol=1e-5)


def test_left_out_rows_are_holes_and_not_bridged(tmp_path):
    """Many tables leave out cells without a value, here all of two columns and of one row."""
    lines = write_table(tmp_path / "a.xyz").read_text().splitlines()
    gone = tuple(f"{lon:.6f} " for lon in LON[7:9])
    kept = [line for line in lines if not line.startswith(gone) and f" {LAT[4]:.6f} " not in line]
    (tmp_path / "b.xyz").write_text("\n".join(kept))
    grid = gridding.read_grid(tmp_path / "b.xyz")
    expected = FIELD.copy()
    expected[:, 7:9] = expected[4] = np.nan
    assert np.allclose(grid, expected, atol=1e-5, equal_nan=True)


def test_places_that_stand_twice_are_refused(tmp_path):
    text = write_table(tmp_path / "a.xyz").read_text()
    (tmp_path / "b.xyz").write_text(text + "-33.0 38.0 500\n")
    with pytest.raises(ValueError, match="1 places that stand in it twice"):
        gridding.read_grid(tmp_path / "b.xyz")


# Axes.


def test_axes_in_any_order(tmp_path):
    mixed = np.random.default_rng(2).permutation(16)
    for rows, columns in ((np.s_[::-1], np.s_[::-1]), (mixed, np.s_[:])):
        path = write_netcdf(tmp_path / "a.nc", FIELD[rows][:, columns], LAT[rows], LON[columns])
        for box in (None, (-32, -30, 39, 40)):
            grid = gridding.read_grid(path, box)
            at = np.ix_(
                np.isin(LAT.round(6), grid.y.round(6)), np.isin(LON.round(6), grid.x.round(6))
            )
            assert np.allclose(grid, FIELD[at], atol=1e-4) and (np.diff(grid.y) > 0).all()
    turned = write_netcdf(tmp_path / "b.nc", FIELD.T, LON, LAT, dims=("lon", "lat"))
    assert np.allclose(gridding.read_grid(turned), FIELD, atol=1e-4)


def test_axes_that_stand_beside_their_dimensions_and_single_layers(tmp_path):
    dims = ("time", "rows", "band", "columns")
    grid = xr.Dataset({"z": (dims, FIELD[None, :, None])})
    grid["latitude"], grid["longitude"] = ("rows", LAT), ("columns", LON)
    grid["when"] = ("rows", LAT)
    grid.to_netcdf(tmp_path / "a.nc")
    read = gridding.read_grid(tmp_path / "a.nc")
    assert np.allclose(read, FIELD, atol=1e-4) and np.allclose(read.x, LON)
    months = xr.concat([grid.isel(time=0)] * 3, "time", data_vars=["z"], coords="minimal")
    months.to_netcdf(tmp_path / "b.nc")
    with pytest.raises(ValueError, match=r"no grid .*z \(time 3, rows 16, band 1, columns 21\)"):
        gridding.read_grid(tmp_path / "b.nc")


def test_a_map_that_was_made_here_is_read_again(tmp_path):
    """The map of `make map`: kilometres, and the projection in an attribute."""
    region = data.region_from_box(-33, -29, 38, 41)
    made = gridding.on_map(gridding.read_grid(case("43*/latlon.csv")), region, 10.0)
    made.to_netcdf(tmp_path / "mine.nc")
    grid = gridding.read_grid(tmp_path / "mine.nc", variable="anomaly")
    assert np.allclose(grid, made["anomaly"], equal_nan=True)
    again = gridding.on_map(grid, region, 10.0)
    off = np.abs(again["anomaly"] - made["anomaly"])  # beside an empty cell it may be empty
    assert float(off.max()) < 0.01 and off.notnull().sum() > 0.8 * made["anomaly"].notnull().sum()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lat: lat.__setitem__(3, np.nan), "1 of 16 positions along lat are no numbers"),
        (lambda lat: lat.__setitem__(3, np.inf), "1 of 16 positions along lat are no numbers"),
        (lambda lat: lat.__setitem__(3, lat[4]), "1 of 16 positions along lat are repeated"),
        (lambda lat: lat.__setitem__(3, 38.8 - 0.13), "no regular grid: the steps along lat"),
        (lambda lat: lat.__setitem__(15, 4e15), "no degrees"),
    ],
)
def test_axes_that_are_none(tmp_path, change, said):
    lat = LAT.copy()
    change(lat)
    with pytest.raises(ValueError, match=f"a.nc.*{said}"):
        gridding.read_grid(write_netcdf(tmp_path / "a.nc", lat=lat))


def test_latitudes_of_a_mercator_map_stay_as_they_are(tmp_path):
    lat = np.degrees(np.arctan(np.sinh(np.linspace(0.6, 0.9, 120))))
    path = write_netcdf(tmp_path / "a.nc", lat[:, None] * np.ones(21), lat, LON)
    grid = gridding.read_grid(path)
    assert np.allclose(grid.y, lat)
    region = data.region_from_box(-32, -30, 39, 41)
    map_ = gridding.on_map(grid, region, 5.0)
    lat_of_map = region.unproject(*np.meshgrid(map_.easting, map_.northing))[1]
    assert float(np.abs(map_["anomaly"] - lat_of_map).max()) < 1e-3  # linear along latitude


def test_flat_cells_are_averaged_along_each_axis():
    """Cells of 0.5 x 4 km on a map of 4 km: averaged along x only."""
    x, y = np.arange(-100, 100, 0.5), np.arange(-100, 100, 4.0)
    value = y[:, None] + np.where(np.arange(400) % 2, 10.0, -10.0)
    region = data.region_from_box(-30.3, -29.7, 39.8, 40.2)
    map_ = gridding.on_map(_grid_checks.as_grid(value, x, y, region.crs), region, 4.0)
    assert float(np.abs(map_["anomaly"] - map_.northing).max()) < 1e-3


@pytest.mark.parametrize(
    "box", [(10, 12, 0, 2), (-31, -29, 60, 61), (-31, -31, 38, 39), (1, 2), "a", 5]
)
@pytest.mark.parametrize("writer", ["netcdf3.nc", "plain.tif", "table.xyz", "esri.asc"])
def test_a_box_elsewhere_or_none(tmp_path, writer, box):
    path = WRITERS[writer](tmp_path / writer, FIELD.astype("float32"))
    with pytest.raises(ValueError, match="0 cells in the box|four numbers"):
        gridding.read_grid(path, box)


# What a file is.


@pytest.mark.parametrize("writer", WRITERS)
def test_the_content_decides_and_not_the_ending(tmp_path, writer):
    for ending in (".grd", ".tif", ".dat", ".nc", ""):
        path = WRITERS[writer](tmp_path / writer, FIELD.astype("float32"))
        path = path.rename(tmp_path / f"other{ending}")
        grid = gridding.read_grid(path)
        assert np.allclose(grid, FIELD, atol=1e-3) and np.allclose(grid.x, LON), ending


def test_an_esri_grid_of_whole_numbers_keeps_its_decimals_and_its_projection(tmp_path):
    """GDAL takes a grid for whole numbers if the first ones are; a .prj stands beside it."""
    head = "ncols 300\nnrows 400\nxllcorner 400000\nyllcorner 4300000\ncellsize 1000\n"
    row = " ".join(["7"] * 300)
    (tmp_path / "a.asc").write_text(head + f"{row}\n" * 399 + " ".join(["7.25"] * 300))
    with pytest.raises(ValueError, match="CRS="):
        gridding.read_grid(tmp_path / "a.asc")
    (tmp_path / "a.prj").write_text(rasterio.CRS.from_epsg(32625).to_wkt())
    grid = gridding.read_grid(tmp_path / "a.asc")
    assert float(grid[0, 0]) == 7.25 and float(grid.y[0]) == 4_300_500
    assert _grid_checks.is_geographic(grid.attrs["crs"]) is False


@pytest.mark.parametrize(
    "text",
    [
        '<VRTDataset rasterXSize="5" rasterYSize="5"><SourceFilename>{}</SourceFilename>',
        '<GDAL_WMS><Service name="TMS"><ServerUrl>http://localhost/{}</ServerUrl></Service>',
        "<GDAL_WMTS><GetCapabilitiesUrl>{}</GetCapabilitiesUrl></GDAL_WMTS>",
        '\n<?xml version="1.0"?><html>{}</html>',
    ],
)
def test_text_that_points_elsewhere_is_never_opened(tmp_path, text):
    other = WRITERS["plain.tif"](tmp_path / "other.tif", FIELD)
    for ending in (".tif", ".grd", ".csv"):
        path = tmp_path / f"a{ending}"
        path.write_text(text.format(other))
        with pytest.raises(ValueError, match=r"^a\.\w+ is no .*markup") as said:
            gridding.read_grid(path)
        assert "://" not in str(said.value) and str(tmp_path) not in str(said.value)


def test_pictures_and_packed_files_are_refused(tmp_path):
    colours = {"driver": "GTiff", "count": 3, "dtype": "uint8", "height": 4, "width": 4}
    corner = from_origin(-33, 41, 1, 1)
    with rasterio.open(
        tmp_path / "a.tif", "w", photometric="RGB", crs="EPSG:4326", transform=corner, **colours
    ) as file:
        file.write(np.ones((3, 4, 4), "uint8"))
    for name, content, said in (
        ("a.tif", None, "picture in colours"),
        ("b.nc", b"\x1f\x8b" + bytes(50), "gzip: unpack it first"),
        ("c.grd", bytes(range(256)), "no grid of GMT or Surfer that is known"),
        ("d.csv", b"PK\x03\x04" + bytes(50), "zip: unpack it first"),
    ):
        if content:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=said):
            gridding.read_grid(tmp_path / name)
    with pytest.raises(ValueError, match="is a folder"):
        gridding.read_grid(tmp_path)


def test_a_band_is_chosen(tmp_path):
    about = {"crs": "EPSG:4326", "transform": from_origin(-33, 41, 1, 1), "dtype": "float32"}
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=2, height=3, width=3, **about
    ) as file:
        file.write(np.stack([np.full((3, 3), 5.0), np.full((3, 3), 7.0)]).astype("float32"))
        file.set_band_description(2, "upward")
    for choice, value in (({}, 5), ({"band": 2}, 7), ({"variable": "2"}, 7)):
        assert (gridding.read_grid(tmp_path / "a.tif", **choice) == value).all()
    assert (gridding.read_grid(tmp_path / "a.tif", variable="upward") == 7).all()
    with pytest.raises(ValueError, match="2 bands: upward; there is no band 3.*VARIABLE="):
        gridding.read_grid(tmp_path / "a.tif", variable=3)


def test_a_projection_that_is_none(tmp_path):
    path = write_netcdf(tmp_path / "a.nc")
    with pytest.raises(ValueError, match="'somewhere' is no projection"):
        gridding.read_grid(path, crs="somewhere")
    far = write_netcdf(tmp_path / "b.nc", lat=1e12 * LAT)
    with pytest.raises(ValueError, match="no place on the Earth"):
        gridding.read_grid(far, crs="EPSG:32625")


# Damaged and hostile files.


@pytest.mark.parametrize("path", sorted(HOSTILE.glob("g*")), ids=lambda path: path.name)
def test_hostile_grids_are_refused_or_right(path):
    """What is read of them is of the size of an anomaly; the memory stays small."""
    tracemalloc.start()
    try:
        grid = gridding.read_grid(path)
        assert float(np.abs(grid).max()) < 1000
        assert path.name in ("grid_1078.xyz", "grid_1148.tif"), (
            "damaged in a place that none can see"
        )
    except ValueError as said:
        assert str(said).startswith(path.name) and "://" not in str(said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def classic(path, form="NETCDF3_CLASSIC", records=False):
    """A classic file with an odd number of int16, and records of two variables if asked."""
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.createDimension("x", 5)
        file.createDimension("t", None if records else 3)
        for name, kind in (("a", "i2"), ("b", "f8"), ("c", "i1")):
            file.createVariable(name, kind, ("t", "x"))[:] = np.arange(15).reshape(3, 5)
        file.createVariable("last", "i2", ("x",))[:] = np.arange(5)
        file.title = "odd"
    return path.read_bytes()


@pytest.mark.parametrize("records", [False, True])
@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
def test_a_classic_file_is_whole_or_refused(tmp_path, form, records):
    content = classic(tmp_path / "a.nc", form, records)
    check_netcdf(content, "a.nc")
    check_netcdf(tmp_path / "a.nc", "a.nc")
    check_netcdf(content + b"more", "a.nc")
    padding = 3  # bytes at the end that hold no value
    for length in range(len(content) - padding):
        with pytest.raises(ValueError, match=r"^a\.nc is"):
            check_netcdf(content[:length], "a.nc")


@pytest.mark.parametrize("path", sorted(HOSTILE.glob("segfault*")), ids=lambda path: path.name)
def test_headers_that_end_the_library_are_refused(path):
    with pytest.raises(ValueError, match=f"{path.name} is a damaged netCDF file"):
        check_netcdf(path.read_bytes(), path.name)


def test_values_in_other_files_are_refused(tmp_path):
    other = tmp_path / "other.nc"
    WRITERS["netcdf4.nc"](other, FIELD)
    (tmp_path / "raw").write_bytes(FIELD.tobytes())

    def link(file):
        file["z"] = h5py.ExternalLink(str(other), "z")

    def storage(file):
        place = [(str(tmp_path / "raw"), 0, FIELD.nbytes)]
        file.create_dataset("deep/z", FIELD.shape, "f8", external=place)

    def virtual(file):
        layout = h5py.VirtualLayout(FIELD.shape, "f8")
        layout[:] = h5py.VirtualSource(str(other), "z", FIELD.shape)
        file.create_virtual_dataset("z", layout)

    for make in (link, storage, virtual):
        with h5py.File(tmp_path / "a.nc", "w") as file:
            make(file)
        with pytest.raises(ValueError, match=r"a\.nc points to values in other files"):
            gridding.read_grid(tmp_path / "a.nc")
        with pytest.raises(ValueError, match=r"b points to values in other files"):
            check_netcdf((tmp_path / "a.nc").read_bytes(), "b")
    check_netcdf(other, "other.nc")


def test_what_is_declared_and_not_there_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.create_dataset("z", (20_000_000,), "f8", chunks=(1000,))
    with pytest.raises(ValueError, match="a.nc declares 160 MB"):
        gridding.read_grid(tmp_path / "a.nc")
    about = {"crs": "EPSG:4326", "transform": from_origin(-33, 41, 1e-4, 1e-4), "dtype": "float32"}
    about |= {"height": 20_000, "width": 20_000, "count": 1, "tiled": True, "SPARSE_OK": True}
    with rasterio.open(tmp_path / "b.tif", "w", driver="GTiff", blockxsize=2048, blockysize=2048,
                       **about):  # fmt: skip
        pass
    with pytest.raises(ValueError, match="b.tif declares 1,600 MB"):
        gridding.read_grid(tmp_path / "b.tif")
    for name, content in (
        (
            "c.asc",
            "ncols 2000000000\nnrows 2000000000\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n",
        ),
        ("d.grd", "DSAA\n100000 100000\n0 1\n0 1\n0 1\n1 2 3\n"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError, match=f"{name} is damaged or cut off"):
            gridding.read_grid(tmp_path / name)


@pytest.mark.parametrize("writer", ["netcdf3.nc", "plain.tif"])
def test_too_large_for_memory_asks_for_a_box(tmp_path, monkeypatch, writer):
    path = WRITERS[writer](tmp_path / writer, FIELD)
    monkeypatch.setattr(_grid_checks, "MOST_CELLS", 300)
    with pytest.raises(ValueError, match='336 cells.*BOX="'):
        gridding.read_grid(path)
    assert gridding.read_grid(path, (-31.2, -30.8, 39, 40)).size < 300


def test_too_many_rows_ask_for_a_box(tmp_path, monkeypatch):
    monkeypatch.setattr(_grid_tables, "MOST_ROWS", 300)
    path = write_table(tmp_path / "a.xyz")
    with pytest.raises(ValueError, match='more than 300 cells.*BOX="'):
        gridding.read_grid(path)
    assert gridding.read_grid(path, (-31.2, -30.8, 39, 40)).size < 300


def test_a_turned_surfer_grid_is_refused(tmp_path):
    with pytest.raises(ValueError, match="turned by 30 degrees"):
        gridding.read_grid(write_surfer_7(tmp_path / "a.grd", turned=30.0))


def mutated(content, random):
    """A file with a few bytes changed, a piece cut out, or cut off."""
    content = bytearray(content)
    for place in random.integers(0, len(content), random.integers(1, 6)):
        other = content[random.integers(0, len(content))]  # or a byte that the file has, as a digit
        content[place] = other if random.random() < 0.5 else random.integers(0, 256)
    if random.random() < 0.3:
        start = random.integers(0, len(content))
        del content[start : start + random.integers(1, 40)]
    return content[: random.integers(1, len(content))] if random.random() < 0.3 else content


@pytest.mark.parametrize("writer", [name for name in WRITERS if name != "netcdf4.nc"])
def test_changed_files_are_read_or_refused_in_one_sentence(tmp_path, writer):
    random = np.random.default_rng(sum(writer.encode()))
    whole = WRITERS[writer](tmp_path / writer, FIELD.astype("float32")).read_bytes()
    refused = 0
    for number in range(60):
        path = tmp_path / f"{number}_{writer}"
        path.write_bytes(mutated(whole, random))
        try:
            grid = gridding.read_grid(path)
            assert grid.notnull().any() and float(np.abs(grid).max()) <= 10_000
        except ValueError as said:
            refused += 1
            assert str(said).startswith(path.name), said
            assert "://" not in str(said) and "\n" not in str(said) and len(str(said)) < 500
    assert 0 < refused < 60


def test_whatever_a_library_raises_names_the_file(tmp_path, monkeypatch):
    path = write_netcdf(tmp_path / "a.nc")
    for error in (OverflowError, KeyError, IndexError, MemoryError, RuntimeError, PermissionError):
        monkeypatch.setattr(
            xr, "open_dataset", lambda *_, kind=error, **__: (_ for _ in ()).throw(kind())
        )
        with pytest.raises(ValueError, match=r"^a\.nc "):
            gridding.read_grid(path)
