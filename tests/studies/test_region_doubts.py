"""Where a map is wrong, and why: on a toy whose answers are known."""

import geopandas
import numpy as np
import pytest
import xarray as xr
from shapely.geometry import LineString

import toys
from helpers import lines, scores, seafloor
from studies import region_doubts

SIDE = 120


def layer(values):
    return toys.grid({"layer": values}, (np.arange(SIDE) * 2.0,) * 2)["layer"]


@pytest.fixture
def toy():
    """Seafloor of 30 Ma, a plateau in the east, disturbed in the west; data in the first row."""
    column, row = np.arange(SIDE), np.arange(SIDE)[:, None]
    normal = -(5651.0 - 2473.0 * np.exp(-0.0278 * 30))
    layers = {
        "age_ma": 30.0,
        "relief_m": np.where(column >= 80, normal + 2000, normal),
        "lineated": np.where(column < 10, 0, 1),
        "label": np.where(column % 20 == 10, 1, 0),
        "distance_km": row * 2.0,
    }
    about = {"spacing_km": 2.0, "crs": "+proj=merc +units=km", "region": "azores"}
    made = toys.grid(layers, **about)
    return made.drop_vars("distance_km"), made[["distance_km"]]


def test_distances_are_those_of_a_ruler(toy):
    truth, grid = toy
    line = geopandas.GeoSeries([LineString([(0, 0), (0, 240)])])
    far = region_doubts.distances(truth, grid, {"zone": line}).isel(northing=60)
    assert far["data"][5] == 120
    assert far["disturbed"].to_numpy()[[5, 20]].tolist() == [0, 22]
    assert abs(far["plateau flank"].to_numpy()[[20, 110]] - [120, 60]).max() <= 4
    np.testing.assert_allclose(far["zone"], far.easting, atol=1e-6)


def test_there_is_no_flank_without_a_plateau(toy):
    truth, grid = toy
    flat = truth.assign(relief_m=truth["relief_m"].isel(easting=0).broadcast_like(truth["age_ma"]))
    assert np.isinf(region_doubts.distances(flat, grid)["plateau flank"]).all()


def test_classes_tell_where_the_map_is_wrong(toy):
    truth, grid = toy
    known = np.ones((SIDE, SIDE), bool)
    far = grid["distance_km"]
    probability = truth["label"].where(far < 120, 0).to_numpy().astype(float)  # half is found
    misfit = far.to_numpy()
    table = region_doubts.by_distance(
        far, (0, 100, 240), probability, truth["label"], known, misfit, 0.5
    )
    assert table["recall"].iloc[0] == 1 and 0 < table["recall"].iloc[1] < 0.3
    assert table["share"].sum() == pytest.approx(1)
    assert table["error_nt"].iloc[0] == pytest.approx(np.sqrt(np.mean(far[:50] ** 2)))
    both = region_doubts.error_correlations(xr.Dataset({"data": far, "back": -far}), misfit, known)
    assert both == pytest.approx({"data": 1, "back": -1})


def test_causes_of_wrong_lines(toy, monkeypatch):
    truth, _ = toy
    column = np.arange(SIDE)
    stripes = layer(np.where(column % 20 == 10, 100.0, 0.0))
    truth["anomaly"] = stripes + layer(np.where(column == 85, 70.0, 0.0))  # a row of volcanoes
    monkeypatch.setattr(seafloor, "stripes_alone", lambda truth: stripes.to_numpy())
    true = scores.true_lines(truth, np.ones((SIDE, SIDE), bool))
    probability = layer(np.isin(column, (30, 85)).astype(float))
    found = lines.trace(xr.Dataset({"probability": probability}, attrs=truth.attrs))
    table = region_doubts.causes(found, true, truth).sort_values("right")
    assert table["right"].tolist() == [False, True]
    assert table["other_nt"].tolist() == [70, 0] and table["stripes_nt"].tolist() == [0, 100]
    assert table["plateau"].tolist() == [1, 0]
    assert table["disturbed_km"].tolist() == [152, 42]
    assert table["bend_deg"].max() < 1e-6


def test_a_bent_line_is_off_its_own_strike(toy, monkeypatch):
    truth, _ = toy
    truth["anomaly"] = layer(0.0)
    monkeypatch.setattr(seafloor, "stripes_alone", lambda truth: np.zeros((SIDE, SIDE)))
    corner = LineString([(40, 40), (40, 140), (140, 140)])
    found = geopandas.GeoDataFrame({"strike_deg": [45.0]}, geometry=[corner])
    table = region_doubts.causes(found, found, truth)
    assert table["bend_deg"].tolist() == [45] and table["right"].tolist() == [True]


def test_the_plateaus_of_the_regions_are_plateaus():
    """The Azores Plateau fills much of its region, Shatsky Rise a tenth."""
    share = {
        name: float(region_doubts.plateau(seafloor.simulate_region(name, 8.0)).mean())
        for name in ("shatsky", "azores")
    }
    assert 0.05 < share["shatsky"] < 0.15 and 0.4 < share["azores"] < 0.7


def test_along_stripes_the_distance_to_the_end_is_counted_along_the_line():
    true = geopandas.GeoDataFrame(geometry=[LineString([(20, 19), (20, 59)])])
    prediction = xr.Dataset({"probability": layer(0.5), "uncertainty": layer(np.arange(SIDE) / 2)})
    row = np.arange(SIDE)[:, None]
    table = region_doubts.along_stripes(
        true, prediction, xr.Dataset({"distance_km": layer(row * 2.0)})
    )
    assert table["to_end_km"].max() == 19 and table["to_end_km"].iloc[[0, -1]].tolist() == [1, 1]
    assert (table["spread"] == 5).all() and (table["probability"] == 0.5).all()
    assert table["to_data_km"].tolist() == list(range(20, 59, 2))
