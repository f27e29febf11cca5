"""The spreading ridge that sliders move: what it draws is what the forward model says."""

import numpy as np
import pytest

from helpers import maps
from helpers.maps import _seafloor
from helpers.seafloor import crust, forward

GIVEN = dict(half_rate_km_ma=20.0, strike_deg=30.0, latitude=60.0, depth_km=3.0)


def profile(**change):
    return _seafloor.spreading_profile(**(GIVEN | change))


def test_blocks_follow_the_time_scale_and_widen_with_the_rate():
    x, source, _ = profile()
    age = np.abs(x) / 20.0
    np.testing.assert_allclose(source, source[::-1], atol=1e-9)  # both flanks alike
    assert (source[(age > 0.1) & (age < 0.7)] > 0).all()  # the present chron, to 0.78 Ma
    assert (source[(age > 0.8) & (age < 0.98)] < 0).all()
    fast = profile(half_rate_km_ma=40.0)[1]
    at = np.abs(x) < 100
    # twice the rate at twice the distance, but for the width of a transition
    wide = np.interp(2 * x[at], x, fast)
    assert np.corrcoef(wide, source[at])[0, 1] > 0.95


def test_at_the_pole_the_anomaly_is_symmetric_and_at_the_equator_north_stripes_have_none():
    x, _, anomaly = profile(latitude=90.0)
    inside = np.abs(x) < _seafloor.REACH_KM
    np.testing.assert_allclose(anomaly[inside], anomaly[::-1][inside], atol=1.0)  # of 1000 nT
    assert np.ptp(anomaly[inside]) > 500
    flat = profile(latitude=0.0, strike_deg=0.0)[2]
    assert np.ptp(flat[inside]) < 1e-6


def test_depth_weakens_by_the_earth_filter():
    x, source, shallow = profile(depth_km=2.0)
    deep = profile(depth_km=6.0)[2]
    assert np.ptp(deep) < 0.7 * np.ptp(shallow)
    field = forward.dipole(60.0)
    k = np.array([0.1])
    layer = [forward.earth_filter(k, z, forward.THICKNESS_KM, field, field, 30.0) for z in (2, 6)]
    assert abs(layer[1] / layer[0])[0] == pytest.approx(np.exp(-0.4))
    assert np.abs(source).max() <= crust.AXIS_A_M + 1e-9


@pytest.mark.parametrize("strike", [0.0, 30.0, 90.0])
def test_stripes_on_the_map_run_along_the_ridge(strike):
    axes = maps.draw_spreading(**(GIVEN | {"strike_deg": strike})).axes
    shown = axes[0].images[0].get_array()
    north, east = np.gradient(shown)
    angle = np.radians(strike)
    along = east * np.sin(angle) + north * np.cos(angle)
    across = east * np.cos(angle) - north * np.sin(angle)
    # differences over cells of 2 km see steep flanks a little aslant; a wrong turn gives over 0.5
    assert np.abs(along).mean() < 0.1 * np.abs(across).mean()


def test_every_control_changes_the_picture_and_the_title_tells_the_skewness():
    def shown(**change):
        figure = maps.draw_spreading(**(GIVEN | change))
        return figure.axes[0].images[0].get_array()

    first = shown()
    for change in ({"half_rate_km_ma": 21.0}, {"strike_deg": 35.0}, {"latitude": 55.0},
                   {"depth_km": 3.5}):  # fmt: skip
        assert np.abs(shown(**change) - first).max() > 1.0, change
    titles = [axis.get_title() for axis in maps.draw_spreading(**GIVEN).axes]
    field = forward.dipole(60.0)
    angle = abs(forward.skewness(field, field, 30.0))
    assert any(title.startswith(f"skewness {angle:.0f}°") for title in titles)
