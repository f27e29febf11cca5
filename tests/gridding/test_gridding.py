"""Gridding: cell medians, interpolation, distance, weights, expected error, clear errors."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import data, gridding
from helpers.gridding import _grid

# grids are stored as float32, which carries 24 bits: half a unit in the last place is 6e-8
FLOAT32 = 1.2e-7


@pytest.fixture(scope="module")
def region():
    """Return a small box, about 100 by 110 km."""
    return data.region_from_box(-30.0, -28.2, 59.0, 60.0, name="box")


def table_on_cells(region, rows, columns, value, spacing=2.0):
    """Return a track table with one reading at the centre of each of the given cells."""
    northing, easting = region.grid_coords(spacing)
    longitude, latitude = region.unproject(easting[columns], northing[rows])
    return pd.DataFrame({"longitude": longitude, "latitude": latitude, "residual_nt": value})


def scattered_cells(shape, number, seed):
    rng = np.random.default_rng(seed)
    return np.unravel_index(rng.choice(shape[0] * shape[1], number, replace=False), shape)


def test_block_median_of_hand_made_cells():
    # cells are 2 km wide; centres at 1, 3, 5 km east and 11, 13 km north
    easting, northing = np.array([1.0, 3.0, 5.0]), np.array([11.0, 13.0])
    rows = [  # east, north, value
        (0.1, 10.1, 5.0),
        (1.9, 11.9, 7.0),
        (1.0, 11.0, 100.0),  # cell (0, 0): median 7
        (5.0, 13.0, -3.0),
        (5.0, 13.0, -1.0),  # cell (1, 2): median -2, and no slope between readings of one place
        (2.0, 12.0, 8.0),  # a lower edge belongs to the cell: (1, 1)
        (5.0, 11.0, np.nan),
        (np.nan, 11.0, 50.0),
        (6.0, 11.0, 50.0),  # beyond the eastern edge
        (1.0, 9.999, 50.0),  # beyond the southern edge
        (-0.001, 11.0, 50.0),
    ]
    block, spread, count = _grid.block_median(*np.array(rows).T, northing, easting)
    nan = np.nan
    np.testing.assert_array_equal(block, [[7, nan, nan], [nan, 8, -2]])
    assert spread[1, 2] == pytest.approx(np.sqrt(2), rel=1e-12)  # standard deviation of -3 and -1
    # three readings on one line: a slope, penalised, takes little off a spike in the middle
    assert spread[0, 0] == pytest.approx(np.std([5, 7, 100], ddof=1), rel=0.5)
    np.testing.assert_array_equal(np.isfinite(spread), [[True, False, False], [False, False, True]])
    np.testing.assert_array_equal(count, [[3, 0, 0], [0, 1, 2]])


def test_layers_dims_units_and_attributes(region):
    shape = tuple(map(len, region.grid_coords(2.0)))
    rows, columns = scattered_cells(shape, 60, 2)
    grid = gridding.grid_tracks(table_on_cells(region, rows, columns, 1.0 * rows), region)
    units = {name: part.attrs["units"] for name, part in grid.data_vars.items()}
    nt = ("anomaly", "block", "spread_nt", "uncertainty_nt")
    assert units == dict.fromkeys(nt, "nT") | {"weight": "1", "distance_km": "km"}
    for part in grid.data_vars.values():
        assert part.dims == ("northing", "easting") and part.dtype == "float32"
        assert part.attrs["crs"] == region.crs and part.attrs["long_name"]
    assert grid.northing.attrs["units"] == grid.easting.attrs["units"] == "km"
    assert grid.attrs == {"region": "box", "crs": region.crs, "spacing_km": 2.0}


@pytest.mark.parametrize("spacing", [2.0, 5.0])
def test_distance_is_in_km_to_the_nearest_track_cell(region, spacing):
    shape = tuple(map(len, region.grid_coords(spacing)))
    rows, columns = np.array([3, 3, 9, 14]), np.array([4, 10, 6, 2])
    grid = gridding.grid_tracks(
        table_on_cells(region, rows, columns, [1.0, 2, 3, 4], spacing), region, spacing
    )
    i, j = np.indices(shape)
    by_hand = np.min([np.hypot(i - r, j - c) for r, c in zip(rows, columns, strict=True)], axis=0)
    np.testing.assert_allclose(grid.distance_km, by_hand * spacing, rtol=FLOAT32)


def test_weight_is_one_in_a_quiet_cell_and_falls_where_readings_disagree():
    northing = easting = np.arange(0.5, 10)
    positions = np.array([(1.5, 1.5), (7.5, 1.5), (1.5, 7.5), (7.5, 7.5)])
    east, north = np.repeat(positions, 4, axis=0).T
    quiet = np.tile([5.0, 5.0, 5.0, 5.0], 3)
    # the standard deviation of -a, -a, a, a is a sqrt(4/3); choose a so that the error of the mean
    # of four readings is just NOISE_NT: the weight is then one half
    a = np.sqrt(3) * _grid.NOISE_NT
    grid = gridding.grid_points(
        east, north, np.append(quiet, [-a, -a, a, a]), northing, easting, uncertainty=False
    )
    weight = grid.weight.values
    np.testing.assert_allclose(weight[[1, 1, 7], [1, 7, 1]], 1.0, rtol=FLOAT32)
    assert weight[7, 7] == pytest.approx(0.5, abs=1e-6)
    assert np.count_nonzero(weight) == 4
    assert "uncertainty_nt" not in grid


def test_the_slope_of_the_field_in_a_cell_is_no_error_of_its_readings():
    """Nine readings a cell of a steep plane, 60 nT/km, count as much as readings of a flat one."""
    step = np.arange(0, 20, 1 / 1.5) + 1 / 3
    east, north = (part.ravel() for part in np.meshgrid(step, step))
    centres = np.arange(1.0, 20, 2.0)
    grid = gridding.grid_points(east, north, 60 * east - 20 * north, centres, centres, False)
    raw = np.std([-40, 0, 40])  # what the slope would be taken for: 33 nT
    # the prior of the slopes takes (NOISE_NT / SLOPE_NT_KM)^2 against the sum of squares in a cell
    assert float(grid.spread_nt.max()) < 0.1 * raw
    assert float(grid.weight.min()) > 0.98


def test_error_on_the_tracks_is_the_disagreement_of_cruises():
    """West-east and south-north cruises, each with its own offset of 30 nT (standard deviation)."""
    rng = np.random.default_rng(8)
    place = np.arange(3.0, 200, 8.0)
    along = np.arange(0.5, 200.0)
    east = np.concatenate([np.tile(along, len(place)), np.repeat(place, len(along))])
    north = np.concatenate([np.repeat(place, len(along)), np.tile(along, len(place))])
    cruise = np.repeat(np.arange(2 * len(place)), len(along))
    value = 50 * np.sin(east / 15) + rng.normal(0, 30, 2 * len(place))[cruise]
    axes = (np.arange(1.0, 200, 2.0),) * 2
    grid = gridding.grid_points(east, north, value, *axes, cruise=cruise)
    told = grid.uncertainty_nt.where(grid.distance_km == 0).mean()
    # 50 offsets tell their standard deviation to about 10 %
    assert float(told) == pytest.approx(30, rel=0.25)
    without = gridding.grid_points(east, north, value, *axes)
    assert float(without.uncertainty_nt.min()) == _grid.NOISE_NT


def test_two_cruises_that_share_few_cells_say_nothing_about_the_error():
    along = np.arange(0.5, 100.0)
    east = np.concatenate([along, np.full(100, 50.0)])
    north = np.concatenate([np.full(100, 50.0), along])
    value = np.repeat([0.0, 500.0], 100)
    axes = (np.arange(1.0, 100, 2.0),) * 2
    grid = gridding.grid_points(east, north, value, *axes, cruise=np.repeat([0, 1], 100))
    assert float(grid.uncertainty_nt.min()) == _grid.NOISE_NT


@pytest.mark.parametrize("method", ["linear", "minimum_curvature", "equivalent_sources"])
def test_every_gridder_is_named_and_has_an_uncertainty(region, method):
    shape = tuple(map(len, region.grid_coords(2.0)))
    rows, columns = scattered_cells(shape, 300, 3)
    table = table_on_cells(region, rows, columns, 50 * np.sin(columns / 5.0))
    grid = gridding.grid_tracks(table, region, method=method)
    assert method in grid.anomaly.attrs["long_name"]
    assert np.isfinite(grid.uncertainty_nt).all()


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (2, 1)])
def test_single_straight_track_keeps_its_cells_and_invents_nothing(region, step):
    along = np.arange(20)
    rows, columns = 3 + step[0] * along, 2 + step[1] * along
    grid = gridding.grid_tracks(table_on_cells(region, rows, columns, 10.0 * along), region)
    on_track = np.zeros(grid.anomaly.shape, bool)
    on_track[rows, columns] = True
    for layer in (grid.anomaly, grid.block):
        np.testing.assert_array_equal(np.isfinite(layer), on_track)
    np.testing.assert_allclose(grid.anomaly.values[rows, columns], 10.0 * along, rtol=FLOAT32)
    assert np.isfinite(grid.uncertainty_nt).all()


@pytest.mark.parametrize(
    ("number", "changes", "spacing", "words"),
    [
        (0, {}, 2.0, "Only 0 cells .* at least 4"),
        (3, {}, 2.0, "Only 3 cells .* at least 4"),
        (1, {"residual_nt": "total"}, 2.0, r"lacks \['residual_nt'\].*tracks\.residual"),
        (1, {}, 0, "spacing_km"),
    ],
)
def test_bad_input_is_a_clear_error(region, number, changes, spacing, words):
    cells = np.arange(number)
    table = table_on_cells(region, cells, cells, 1.0).rename(columns=changes)
    with pytest.raises(ValueError, match=words):
        gridding.grid_tracks(table, region, spacing)


def test_error_by_distance_closed_case():
    """Misfits of 20, 40 and 60 nT in three classes; the spread of the data is 100 nT."""
    distance = np.repeat([1.0, 2.0, 6.0], 20)
    misfit = np.repeat([20.0, 40.0, 60.0], 20) * np.tile([-1, 1], 30)
    wanted = np.array([0.0, 1.0, 2.0, 4.0, 6.0, 15.0, 24.0, 90.0])
    error = _grid.error_by_distance(distance, misfit, wanted, 100.0)
    # linear between the class means; the spread is reached at 24 cells
    np.testing.assert_allclose(error, [10, 20, 40, 50, 60, 80, 100, 100], rtol=1e-12)


def test_error_by_distance_never_falls():
    rng = np.random.default_rng(5)
    distance, wanted = rng.uniform(0.5, 20, 4000), np.linspace(0, 60, 200)
    misfit = rng.normal(0, 1, 4000) * np.where(distance < 5, 80, 30)  # worse near the data
    misfit[::7] = np.nan  # outside the hull
    error = _grid.error_by_distance(distance, misfit, wanted, 25.0)
    assert np.isfinite(error).all() and (np.diff(error) >= 0).all()
    assert error[0] == _grid.NOISE_NT and error.max() > 75  # below the spread, yet not lowered


def test_left_out_error_is_the_real_error_and_grows_with_distance():
    """Measured on withheld tiles, it must tell the error at cells that no track ever crossed."""
    rows, columns = np.indices((192, 192))
    rng = np.random.default_rng(6)
    truth = 100 * np.sin(2 * np.pi * (columns + 0.4 * rows) / 30)
    block = np.full(truth.shape, np.nan)
    for start in rng.choice(192, 14, replace=False):
        block[start], block[:, (start * 5) % 192] = truth[start], truth[:, (start * 5) % 192]
    i, j = np.nonzero(np.isfinite(block))
    grid = gridding.grid_points(j + 0.5, i + 0.5, block[i, j], *[np.arange(192) + 0.5] * 2)
    distance, expected = grid.distance_km.values, grid.uncertainty_nt.values
    order = np.argsort(distance, axis=None)
    assert (np.diff(expected.ravel()[order]) >= -1e-4).all()
    misfit = np.abs(grid.anomaly.values - truth)
    near = (distance >= 1) & (distance <= 3) & np.isfinite(misfit)
    far = (distance >= 5) & (distance <= 9) & np.isfinite(misfit)
    measured, told = (
        np.array([np.sqrt(np.nanmean(part[where] ** 2)) for where in (near, far)])
        for part in (misfit, expected)
    )
    assert measured[1] > 2 * measured[0] and told[1] > 1.5 * told[0]
    assert 0.5 < told[1] / measured[1] < 2.0  # an error bar is worth little beyond a factor of two


def test_sample_is_linear_between_cells_and_nan_beyond(region):
    northing, easting = region.grid_coords(2.0)
    plane = 3.0 * northing[:, None] - 2.0 * easting
    grid = xr.DataArray(plane, {"northing": northing, "easting": easting}, ("northing", "easting"))
    east, north = np.array([[-10.3, 4.7], [20.0, 900.0]]), np.array([[5.5, -8.1], [0.3, 0.0]])
    found = gridding.sample(grid, region, *region.unproject(east, north))
    # there and back through the projection: 1e-9 of a degree
    np.testing.assert_allclose(found.ravel()[:3], (3 * north - 2 * east).ravel()[:3], atol=1e-6)
    assert found.shape == (2, 2) and np.isnan(found[1, 1])


def test_mask_blanks_what_is_far_from_data(region):
    shape = tuple(map(len, region.grid_coords(2.0)))
    rows, columns = scattered_cells(shape, 60, 7)
    table = table_on_cells(region, rows, columns, 1.0 * rows)
    whole = gridding.grid_tracks(table, region, method="minimum_curvature")
    masked = gridding.grid_tracks(table, region, method="minimum_curvature", mask_km=6.0)
    near = whole.distance_km.values <= 6
    assert 0.1 < near.mean() < 0.9
    for name in ("anomaly", "uncertainty_nt"):
        np.testing.assert_array_equal(np.isfinite(masked[name]), near)
        np.testing.assert_array_equal(masked[name].values[near], whole[name].values[near])
        assert masked[name].attrs["units"] == "nT" and masked[name].attrs["crs"] == region.crs


@pytest.mark.parametrize("mask_km", [None, 6.0])
def test_without_the_expected_error_all_else_is_the_same(region, mask_km):
    shape = tuple(map(len, region.grid_coords(2.0)))
    rows, columns = scattered_cells(shape, 60, 7)
    table = table_on_cells(region, rows, columns, 1.0 * rows)
    whole = gridding.grid_tracks(table, region, mask_km=mask_km)
    quick = gridding.grid_tracks(table, region, mask_km=mask_km, uncertainty=False)
    assert quick.identical(whole.drop_vars("uncertainty_nt"))


@pytest.mark.parametrize(("apart_km", "wanted_km"), [(1.0, 0.25), (3.0, 0.5), (12.0, 2.0)])
def test_cells_suit_the_distance_between_lines(apart_km, wanted_km):
    """A ship goes up and down; a lone track, and lines far apart, get the largest cells."""
    region = data.region_from_box(-30.6, -30.0, 0.0, 0.6)
    column = np.arange(0, 0.6, apart_km / 111.2)
    lat = np.concatenate([np.linspace(0, 0.6, 60)[:: (-1) ** k] for k in range(column.size)])
    lon = -30.6 + np.repeat(column, 60)
    table = pd.DataFrame({"cruise": "a", "longitude": lon, "latitude": lat})
    assert gridding.choose_spacing(table, region) == wanted_km
    assert gridding.choose_spacing(table[:60], region) == 2.0


def test_cells_of_no_reading_are_refused():
    table = pd.DataFrame({"cruise": ["a"], "longitude": [10.0], "latitude": [50.0]})
    with pytest.raises(ValueError, match="None of the 1 readings lies in the region"):
        gridding.choose_spacing(table, data.region_from_box(-30.6, -30.0, 0.0, 0.6))
