"""Maps and plots: what is drawn, and in what range."""

import numpy as np
import pandas as pd
import pytest

import toys
from helpers import data, maps

REGION = data.region("reykjanes")


@pytest.fixture
def grid():
    """A grid of 20 km cells over the Reykjanes Ridge, rising from -50 to 100 nT."""
    northing, easting = REGION.grid_coords(20.0)
    values = np.linspace(-50, 100, northing.size * easting.size).reshape(len(northing), -1)
    return toys.grid({"map": values}, (northing, easting))["map"].assign_attrs(units="nT")


def images(figure):
    return [image for axis in figure.axes for image in axis.get_images()]


def test_anomalies_are_centred_on_zero_and_share_a_given_limit(grid):
    free, limited = maps.Panel(grid, "free"), maps.Panel(grid, "limited", limit=30.0)
    one, two = images(maps.draw_maps(REGION, [free, limited]))
    assert one.get_clim() == pytest.approx((-one.get_clim()[1], one.get_clim()[1]))
    assert two.get_clim() == (-30.0, 30.0)


def test_row_0_of_a_grid_is_drawn_in_the_south(grid):
    image = images(maps.draw_maps(REGION, [maps.Panel(grid, "test")]))[0]
    west, east, south, north = image.get_extent()
    assert image.origin == "lower" and south < north and west < east
    assert south == pytest.approx(float(grid.northing[0]) - 10)  # half a cell
    assert east == pytest.approx(float(grid.easting[-1]) + 10)


def test_tracks_are_drawn_where_they_are():
    table = pd.DataFrame({"longitude": [-30.0, -25.0], "latitude": [58.0, 62.0]})
    figure = maps.draw_maps(REGION, [maps.Panel(None, "tracks", table=table)])
    drawn = [np.asarray(artist.get_offsets()) for artist in figure.axes[0].collections]
    expected = np.column_stack(REGION.project([-30, -25], [58, 62]))
    assert any(offsets.shape == (2, 2) and np.allclose(offsets, expected) for offsets in drawn)


def test_each_map_names_its_source_title_and_units(grid):
    figure = maps.draw_maps(REGION, [maps.Panel(grid, "a title")], source="simulated for a test")
    assert figure.get_supxlabel() == "simulated for a test"
    assert figure.axes[0].get_title() == "a title"
    assert any(axis.get_ylabel() == "anomaly (nT)" for axis in figure.axes)
