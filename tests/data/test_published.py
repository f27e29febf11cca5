"""What people have drawn: read, cut to a region and projected."""

import numpy as np
import pytest
import shapely

from helpers import data
from helpers.data import _published, _registry
from registry_files import fetch_or_skip
from studies import cases


@pytest.fixture(autouse=True)
def files():
    for name in (_published.ISOCHRONS, _published.RIDGES, _published.FRACTURE_ZONES):
        fetch_or_skip(name)


def test_isochrons_of_shatsky_are_of_the_m_sequence():
    region = data.region("shatsky")
    drawn = data.isochrons(region)
    assert len(drawn) > 5 and drawn["age_ma"].between(115, 160).all()
    assert drawn.crs == region.crs and (drawn.geom_type == "LineString").all()
    lon, lat = region.unproject(*drawn.get_coordinates().to_numpy().T)
    assert abs(lon - 160).max() < 10 + 1e-6 and abs(lat - 36).max() < 8 + 1e-6


def test_the_ridge_of_the_azores_runs_along_the_youngest_seafloor():
    region = data.region("azores")
    lon, lat = region.unproject(*data.ridges(region).get_coordinates().to_numpy().T)
    age = data.context("azores")["age_ma"].interp(
        longitude=("n", np.asarray(lon)), latitude=("n", np.asarray(lat))
    )
    assert float(age.median()) < 3


def test_fracture_zones_of_the_azores_run_east():
    zones = data.fracture_zones(data.region("azores"))
    assert len(zones) >= 9 and (zones.geom_type == "LineString").all()
    bounds = zones.bounds
    assert ((bounds.maxx - bounds.minx) > 2 * (bounds.maxy - bounds.miny)).mean() > 0.7


def test_a_box_across_the_date_line_has_both_sides():
    region = data.region_from_box(170, -160, -60, -40)
    lon, _ = region.unproject(*data.isochrons(region).get_coordinates().to_numpy().T)
    assert (lon < 179).any() and (lon > 181).any()


def test_the_triple_junction_of_shatsky_runs_along_the_rise():
    """Its trace from M25 to M4, 154 to 126 Ma: from the south-west to the north-east."""
    region = data.region("shatsky")
    trace = cases.triple_junction(data.isochrons(region))
    lon, lat = region.unproject(*trace.get_coordinates().to_numpy().T)
    order = np.argsort(lon)
    assert (lon.min(), lon.max()) == pytest.approx((151.3, 165.5), abs=0.2)
    assert (np.diff(lat[order]) >= 0).all() and len(trace) == 4


def test_a_line_over_the_date_line_is_not_drawn_around_the_globe():
    """Mendocino and its like: no fracture zone of Shatsky runs straight through the whole box."""
    zones = data.fracture_zones(data.region("shatsky"))
    bounds = zones.bounds
    flat = (bounds["maxx"] - bounds["minx"] > 1500) & (bounds["maxy"] - bounds["miny"] < 50)
    assert len(zones) > 20 and not flat.any()


def test_isochrons_of_two_plates_meet_at_no_triple_junction():
    one = data.isochrons(data.region("shatsky"))
    assert cases.triple_junction(one[one["plates"] == "901 902"]).empty


def test_without_the_files_there_is_nothing(monkeypatch):
    monkeypatch.setattr(_registry, "try_fetch", lambda name: None)
    assert data.isochrons(data.region("azores")) is None


def test_lineations_of_experts_lie_beside_the_picks():
    region = data.region("shatsky")
    drawn, picks = data.lineations(region), data.region_picks(region)
    if drawn is None or picks is None:
        pytest.skip("lineations and picks are not at hand")
    assert set(drawn["source"]) == {"Cande et al. 1989", "Nakanishi et al. 1989"}
    assert {"M1", "M11"} < set(drawn["chron"]) and (drawn.length > 0).all()
    points = shapely.points(*region.project(picks["longitude"], picks["latitude"]))
    whole = drawn.geometry.union_all()
    near = np.mean(shapely.distance(points, whole) < 5)
    away = np.mean(shapely.distance(shapely.transform(points, lambda xy: xy + 40.0), whole) < 5)
    assert near > 0.8 and away < 0.5  # the chart's own account: 85 %, moved picks 25 %
