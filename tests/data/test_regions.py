"""Regions: projection, date line, grid coordinates, clear errors."""

import numpy as np
import pytest
from pyproj import Proj

from helpers import data


@pytest.mark.parametrize("here", data.REGIONS.values(), ids=data.REGIONS)
def test_projection_is_conformal_centred_true_to_scale_and_turns_back(here):
    lon, lat = np.meshgrid(
        np.linspace(here.west, here.east, 25), np.linspace(here.south, here.north, 25)
    )
    factors = Proj(here.crs).get_factors(lon, lat)
    assert np.abs(factors.angular_distortion).max() < 1e-5
    # a map 24 degrees high on two standard parallels stays within 1.5 percent
    assert np.abs(factors.meridional_scale - 1).max() < 0.015
    east, north = here.project(0.5 * (here.west + here.east), 0.5 * (here.south + here.north))
    assert abs(east) < 1e-6 and abs(north) < 1e-6
    np.testing.assert_allclose(here.unproject(*here.project(lon, lat)), (lon, lat), atol=1e-9)


def test_projected_distance_is_in_km():
    here = data.region("reykjanes")
    _, north = here.project([-29, -29], [59.0, 60.0])
    assert np.diff(north)[0] == pytest.approx(111.4, abs=0.5)  # one degree at 59.5 N on WGS84


@pytest.mark.parametrize("spacing", [2.0, 7.5])
def test_grid_covers_the_box_with_edges_on_whole_steps(spacing):
    here = data.region("epr")
    northing, easting = here.grid_coords(spacing)
    x, y = here.outline()
    for centres, edge in ((northing, y), (easting, x)):
        np.testing.assert_allclose(np.diff(centres), spacing, atol=1e-9)
        assert centres[0] - spacing / 2 <= edge.min() < centres[0] + spacing / 2
        assert centres[-1] - spacing / 2 < edge.max() <= centres[-1] + spacing / 2
        np.testing.assert_allclose((centres / spacing) % 1, 0.5, atol=1e-9)
    rng = np.random.default_rng(0)
    x, y = here.project(rng.uniform(-120, -102, 2000), rng.uniform(4, 20, 2000))
    assert np.abs(x).max() <= easting[-1] + spacing / 2
    assert y.min() >= northing[0] - spacing / 2 and y.max() <= northing[-1] + spacing / 2


@pytest.mark.parametrize("east", [-170, 190])
def test_a_box_across_the_date_line_has_no_seam(east):
    here = data.region_from_box(170, east, -45, -30, name="kermadec")
    assert (here.west, here.east) == (170, 190)
    assert "+lon_0=-180" in here.crs or "+lon_0=180" in here.crs
    assert here.contains([179.9, -179.9, 185, -165, 0], [-40] * 5).tolist() == [
        *(True, True, True, False, False)
    ]
    x, _ = here.project([179.99, -179.99], [-40, -40])
    assert 1.6 < np.diff(x)[0] < 1.8  # 0.02 degrees at 40 S is 1.7 km
    lon, lat = here.unproject(*here.project([-175, 175], [-40, -31]))
    np.testing.assert_allclose(lon, [185, 175], atol=1e-9)
    np.testing.assert_allclose(lat, [-40, -31], atol=1e-9)
    assert len(here.grid_coords(10.0)[1]) < 210


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        ((0, 20, -5, 5), "merc"),
        ((0, 20, 0, 10), "lcc"),
        ((-20, 20, 75, 88), "stere"),
        ((350, 10, -70, -60), "lcc"),
    ],
)
def test_own_boxes_get_a_conformal_projection(box, kind):
    here = data.region_from_box(*box)
    assert f"+proj={kind}" in here.crs and "+units=km" in here.crs
    lon = np.linspace(here.west, here.east, 9)
    factors = Proj(here.crs).get_factors(lon, np.full(9, 0.5 * (box[2] + box[3])))
    assert np.abs(factors.angular_distortion).max() < 1e-5
    assert np.abs(factors.meridional_scale - 1).max() < 0.02


def test_longitudes_of_any_range_are_the_same_place():
    here = data.region("pacific_antarctic")
    np.testing.assert_allclose(here.project(250, -45), here.project(-110, -45), atol=1e-6)
    assert here.contains(250, -45) and not here.contains(np.nan, -45)
    assert np.isnan(here.project(np.nan, -45)).all()


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0, 10, 20, 10), "south < north"),
        ((0, 10, -95, 10), "south < north"),
        ((0, 0, 0, 10), "0 degrees wide"),
        ((0, 150, 0, 10), "150 degrees wide"),
        ((0, np.nan, 0, 10), "four numbers"),
        ((0, 10, -10, 89), "pole"),
    ],
)
def test_impossible_boxes(box, words):
    with pytest.raises(ValueError, match=words):
        data.region_from_box(*box)


def test_unknown_region_lists_the_names():
    with pytest.raises(KeyError, match="Did you mean 'shatsky'.*epr, reykjanes, shatsky, azores"):
        data.region("Shatski")
    with pytest.raises(KeyError, match="region_from_box"):
        data.context("atlantis")


@pytest.mark.parametrize("spacing", [0, -2.0, np.nan])
def test_impossible_spacing(spacing):
    with pytest.raises(ValueError, match="spacing_km"):
        data.region("azores").grid_coords(spacing)
