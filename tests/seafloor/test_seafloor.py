"""Simulated seafloor: polarity, region and random maps."""

import numpy as np
import pytest
import xarray as xr

from helpers import data, seafloor
from helpers.seafloor import crust


def test_intensity_decays_from_the_ridge():
    ages = np.array([0.0, crust.DECAY_MA, 1e3])
    step = crust.AXIS_A_M - crust.OLD_A_M
    expected = crust.OLD_A_M + step * np.array([1, np.exp(-1), 0])
    np.testing.assert_allclose(crust.intensity(ages), expected, rtol=1e-14)


# --- polarity ---------------------------------------------------------------------------------

SCALE = np.array([[0.0, 1.0], [2.0, 3.0], [6.0, 6.5]])  # normal; all between is reversed


def polarity(age, width, scale=SCALE):
    age = np.atleast_1d(np.asarray(age, float))
    return crust.mean_polarity(age, np.broadcast_to(width, age.shape), scale)


def test_polarity_of_a_hand_made_scale():
    # exact but for the ends of the interval, which are differences of numbers near 6
    found = polarity([0.0, 0.5, 1.5, 2.5, 4.0, 6.25, 8.0, 400.0], 0.0)
    np.testing.assert_allclose(found, [1, 1, -1, 1, -1, 1, -1, -1], atol=1e-9)


def test_polarity_is_the_mean_over_the_interval():
    # at 1.0, width 0.5: half normal; at 2.5, width 2: half; at 4.5, width 6 (1.5 to 7.5): 1.5 of 6
    found = polarity([1.0, 2.5, 4.5, 6.25], [0.5, 2.0, 6.0, 1.0])
    np.testing.assert_allclose(found, [0, 0, 2 * 1.5 / 6 - 1, 0], atol=1e-9)


def test_polarity_near_the_ridge_looks_at_no_future():
    # at 0.2 of width 2 the interval is cut at age 0: 0 to 1.2, of which 1.0 is normal
    np.testing.assert_allclose(polarity([0.2], 2.0), [2 * 1.0 / 1.2 - 1], atol=1e-9)


def test_polarity_of_nan_is_nan_and_that_of_others_unharmed():
    found = polarity([np.nan, 0.5, 1.5], [0.1, 0.1, 0.1])
    np.testing.assert_allclose(found, [np.nan, 1, -1], atol=1e-9)
    assert np.isnan(polarity([0.5], [np.nan])).all()


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0.5, 1),  # Brunhes, C1n
        (0.85, -1),  # Matuyama
        (1.03, 1),  # Jaramillo, C1r.1n
        (1.5, -1),
        (1.87, 1),  # Olduvai, C2n
        (3.4, 1),  # Gauss, C2An
        (30.0, 1),  # C11n.2n, 29.853 to 30.098 Ma
        (29.75, -1),  # C11n.1r
        (62.0, -1),  # between C26n and C27n
        (100.0, 1),  # Cretaceous quiet zone
        (120.8, -1),  # M0r, 120.6 to 121.0 Ma
        (121.5, 1),  # M1n
        (125.0, -1),  # M3r
    ],
)
def test_polarity_at_well_known_ages(age, expected):
    assert polarity([age], 0.01, None)[0] == pytest.approx(expected, abs=1e-6)


# --- maps -------------------------------------------------------------------------------------

NAMES = {"anomaly", "label", "strike_deg", "polarity", "lineated", "age_ma", "relief_m"}


@pytest.fixture(scope="module")
def reykjanes():
    return seafloor.simulate_region("reykjanes", spacing_km=4.0)


def test_region_has_the_layers_that_the_design_promises(reykjanes):
    region = data.region("reykjanes")
    assert set(reykjanes) == NAMES
    northing, easting = region.grid_coords(4.0)
    np.testing.assert_array_equal(reykjanes.northing, northing)
    np.testing.assert_array_equal(reykjanes.easting, easting)
    for part in reykjanes.values():
        assert part.dims == ("northing", "easting") and part.attrs["units"]
        assert part.attrs["long_name"]
    assert reykjanes.anomaly.attrs["units"] == "nT" and reykjanes.easting.attrs["units"] == "km"
    about = {"region": "reykjanes", "crs": region.crs, "spacing_km": 4.0, "source": "simulated"}
    assert reykjanes.attrs == about


def test_region_is_nan_where_there_is_no_seafloor(reykjanes):
    land = np.isnan(reykjanes.age_ma.values)
    assert 0.02 < land.mean() < 0.6  # Iceland, Greenland, Rockall
    assert np.isnan(reykjanes.anomaly.values[land]).all()
    assert np.isfinite(reykjanes.anomaly.values[~land]).all()
    assert not reykjanes.label.values[land].any() and not reykjanes.lineated.values[land].any()
    longitude, latitude = data.region("reykjanes").unproject(
        *np.meshgrid(reykjanes.easting, reykjanes.northing)
    )
    context = data.context("reykjanes")
    at = {"longitude": (("n", "e"), longitude), "latitude": (("n", "e"), latitude)}
    at = {name: xr.DataArray(values, dims=dims) for name, (dims, values) in at.items()}
    near = context.age_ma.sel(at, method="nearest")
    inside = (longitude > context.longitude.values[0]) & (longitude < context.longitude.values[-1])
    inside &= (latitude > context.latitude.values[0]) & (latitude < context.latitude.values[-1])
    assert land[~inside].all()
    # the coast is drawn between the age grid's points, not along the borders of its cells
    assert (np.isnan(near.values) == land)[inside].mean() > 0.99


def test_region_is_plausible(reykjanes):
    anomaly, age = reykjanes.anomaly.values, reykjanes.age_ma.values
    assert 50 < np.nanstd(anomaly) < 400 and np.nanmax(np.abs(anomaly)) < 2500
    ridge = age < 0.5
    assert np.nanmedian(anomaly[ridge]) > 100  # the central anomaly is positive and strong
    old, young = np.nanstd(anomaly[age > 30]), np.nanstd(anomaly[age < 5])
    assert old < young
    # three cells of 4 km for each of the stripes, 20 to 40 km apart
    assert 0.2 < reykjanes.label.values[reykjanes.lineated.values > 0].mean() < 0.45
    assert np.nanmax(np.abs(reykjanes.polarity.values)) <= 1 + 1e-6
    _, latitude = data.region("reykjanes").unproject(
        *np.meshgrid(reykjanes.easting, reykjanes.northing)
    )
    strike = reykjanes.strike_deg.values[(age < 3) & (latitude > 58.5) & (latitude < 62)]
    assert np.abs(np.median(strike) - 36) < 5  # the ridge strikes 036 north of the Bight


def test_labels_lie_on_positive_anomalies(reykjanes):
    """Lines are those of the stripes; the variation within them and the volcanoes move little."""
    lines = (reykjanes.label.values > 0) & np.isfinite(reykjanes.anomaly.values)
    assert (reykjanes.anomaly.values[lines] > 0).mean() > 0.97


def test_quiet_zone_of_polarity_alone_is_quiet():
    """Little more than the rims: 7 nT of 170 on lively crust."""
    truth = seafloor.simulate_region("azores", spacing_km=4.0)
    alone, age = seafloor.stripes_alone(truth), truth.age_ma.values
    quiet, lively = (age > 88) & (age < 117), (age < 80) & (truth.lineated.values > 0)
    assert quiet.sum() > 5000 and alone[quiet].std() < 0.06 * alone[lively].std()


def test_region_repeats_for_a_seed_and_changes_with_it(reykjanes):
    again = seafloor.simulate_region("reykjanes", spacing_km=4.0)
    other = seafloor.simulate_region("reykjanes", spacing_km=4.0, seed=1)
    assert again.identical(reykjanes)
    assert not np.array_equal(other.anomaly, reykjanes.anomaly, equal_nan=True)
    np.testing.assert_array_equal(other.label, reykjanes.label)  # the stripes are the same


def test_unknown_region_is_a_clear_error():
    with pytest.raises(KeyError, match="Did you mean 'reykjanes'"):
        seafloor.simulate_region("reykjanez")
