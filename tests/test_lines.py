"""Tracing probability maps into lines, and writing them."""

import geopandas
import numpy as np
import pytest
import xarray as xr

from helpers import data, lines

REGION = data.region("reykjanes")


def prediction(probability, spacing=2.0):
    """Wrap a probability array as a prediction in the projection of a region."""
    coords = {
        "northing": (np.arange(probability.shape[0]) + 0.5) * spacing,
        "easting": (np.arange(probability.shape[1]) + 0.5) * spacing,
    }
    grid = xr.DataArray(probability, coords, dims=("northing", "easting"))
    return xr.Dataset({"probability": grid, "uncertainty": 0.1 * grid}, attrs={"crs": REGION.crs})


def band(strike_deg, offset=0.0, size=100, half=1.5):
    """A straight band three cells wide through the middle of a map."""
    north, east = np.indices((size, size)) - size / 2 + 0.5
    strike = np.radians(strike_deg)
    return (abs(east * np.cos(strike) - north * np.sin(strike) - offset) <= half).astype(float)


@pytest.mark.parametrize("strike", [0, 30, 45, 90, 135, 160])
def test_a_straight_band_is_one_line_with_its_strike(strike):
    found = lines.trace(prediction(0.9 * band(strike)))
    assert len(found) == 1
    difference = (found.strike_deg[0] - strike + 90) % 180 - 90
    assert abs(difference) < 1.0  # the skeleton may hook by a cell at the ends of 200 km
    full = 200 / max(abs(np.cos(np.radians(strike))), abs(np.sin(np.radians(strike))))
    assert full - 16 < found.length_km[0] < full + 4
    assert found.probability[0] == pytest.approx(0.9, abs=0.01)
    assert found.uncertainty[0] == pytest.approx(0.09, abs=0.001)


def test_the_line_lies_where_the_band_lies():
    found = lines.trace(prediction(band(0, offset=20)))
    east = np.array(found.geometry[0].coords)[:, 0]
    assert np.abs(east - (50 + 20) * 2.0).max() <= 2.0  # one cell


def test_crossing_bands_are_cut_where_they_meet():
    found = lines.trace(prediction(np.maximum(band(0), band(90))))
    assert len(found) == 4
    assert sorted(np.round(found.strike_deg / 90).astype(int) % 2) == [0, 0, 1, 1]


def test_short_lines_and_weak_cells_are_left_out():
    short = np.zeros((60, 60))
    short[30, 10:15] = 1.0
    assert len(lines.trace(prediction(short))) == 0
    assert len(lines.trace(prediction(0.4 * band(0)))) == 0
    assert len(lines.trace(prediction(0.4 * band(0)), threshold=0.3)) == 1


def test_missing_values_are_no_lines():
    field = band(0)
    field[:50] = np.nan
    found = lines.trace(prediction(field))
    assert len(found) == 1 and found.length_km[0] < 104


@pytest.mark.parametrize("name", ["found.geojson", "found.gpkg"])
def test_written_lines_come_back_in_degrees(tmp_path, name):
    found = lines.trace(prediction(band(40)))
    lines.write(found, tmp_path / name)
    back = geopandas.read_file(tmp_path / name)
    assert back.crs.to_epsg() == 4326 and len(back) == 1
    assert back.length_km[0] == pytest.approx(found.length_km[0])
    east, north = REGION.project(*np.array(back.geometry[0].coords).T[:2])
    expected = np.array(found.geometry[0].coords)
    np.testing.assert_allclose(np.column_stack([east, north]), expected, atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == [name]  # nothing half-written beside


def test_bad_input_says_what_is_expected(tmp_path):
    grid = prediction(band(0))
    with pytest.raises(ValueError, match="probability"):
        lines.trace(grid.drop_vars("probability"))
    with pytest.raises(ValueError, match="crs"):
        lines.trace(grid.drop_attrs())
    with pytest.raises(ValueError, match="geojson"):
        lines.write(lines.trace(grid), tmp_path / "found.shp")
    with pytest.raises(ValueError, match="no lines"):
        lines.write(lines.trace(grid).iloc[:0], tmp_path / "a.gpkg")


def test_axial_mean_wraps_at_north():
    mean, agreement = lines.axial_mean([175, 5], [1, 1])
    assert min(mean, 180 - mean) < 1e-6
    assert agreement == pytest.approx(np.cos(np.radians(10)))
    assert lines.axial_mean([0, 90], [1, 1])[1] == pytest.approx(0, abs=1e-9)
