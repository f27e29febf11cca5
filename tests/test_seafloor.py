"""Simulated seafloor: the forward model against closed forms, polarity, region and random maps."""

import numpy as np
import pytest
import xarray as xr

from helpers import data, forward, seafloor

POLE = forward.direction(90, 0)
HALF_MU0 = 0.5 * 4e-7 * np.pi * 1e9  # nT per A/m


# --- the forward model ------------------------------------------------------------------------


def across_strike(shape, spacing, strike_deg):
    """Return the distance across strike (km), to the right of it, from the middle of the map."""
    row, column = np.indices(shape)
    north, east = (row - shape[0] / 2) * spacing, (column - shape[1] / 2) * spacing
    strike = np.radians(strike_deg)
    return east * np.cos(strike) - north * np.sin(strike)


def fitted_wave(field, across, wavelength, half=40):
    """Return the complex amplitude z of ``Re z exp(i k x)`` in the middle of a map."""
    middle = tuple(slice(size // 2 - half, size // 2 + half) for size in field.shape)
    phase = 2 * np.pi / wavelength * across[middle].ravel()
    waves = np.column_stack([np.cos(phase), -np.sin(phase)])
    (real, imaginary), *_ = np.linalg.lstsq(waves, field[middle].ravel(), rcond=None)
    return real + 1j * imaginary


def effective(vector, strike_deg):
    """Return the inclination of a direction projected on the plane across strike, and its share.

    Schouten & McCamy (1972): tan I' = tan I / sin(alpha), alpha the angle from strike to the
    horizontal part of the field.
    """
    east, north, down = vector
    strike = np.radians(strike_deg)
    inclination = np.arcsin(down)
    alpha = np.arctan2(east, north) - strike
    projected = np.arctan2(np.sin(inclination), np.cos(inclination) * np.sin(alpha))
    return projected, np.sin(inclination) / np.sin(projected)


@pytest.mark.parametrize("strike", [0, 30, 75, 140])
@pytest.mark.parametrize("wavelength", [12.0, 40.0])
@pytest.mark.parametrize(
    ("field", "remanence"),
    [((90, 0), (90, 0)), ((60, 10), (45, -20)), ((-30, 5), (20, 0)), ((15, 90), (-70, 200))],
)
def test_wave_of_magnetisation_meets_the_two_dimensional_earth_filter(
    strike, wavelength, field, remanence
):
    shape, spacing, depth, thickness, strength = (256, 256), 2.0, 3.0, 1.5, 5.0
    across = across_strike(shape, spacing, strike)
    magnetisation = strength * np.cos(2 * np.pi / wavelength * across)
    vectors = forward.direction(*field), forward.direction(*remanence)
    anomaly = forward.total_field_anomaly(magnetisation, depth, spacing, *vectors, thickness)
    k = 2 * np.pi / wavelength
    (i_field, c_field), (i_remanence, c_remanence) = (effective(v, strike) for v in vectors)
    # x to the right of strike, exp(+ikx): the phase is that of (sin I + i cos I) of both vectors
    theta = np.pi - i_field - i_remanence
    earth = HALF_MU0 * np.exp(-k * depth) * (1 - np.exp(-k * thickness))
    expected = strength * earth * c_field * c_remanence * np.exp(1j * theta)
    # 0.5 %: the margins of the map, 176 km from the middle, are not part of the closed form
    assert abs(fitted_wave(anomaly, across, wavelength) - expected) < 0.005 * abs(expected)


def block_at_pole(x, half_width, top, bottom):
    """Return the anomaly (nT) of a 2-D block of 1 A/m, vertical field and magnetisation.

    The two faces carry surface poles: (mu0 / 2 pi) times the difference of the angles they fill.
    """

    def angle(depth):
        return np.arctan((x + half_width) / depth) - np.arctan((x - half_width) / depth)

    return 2 * HALF_MU0 / (2 * np.pi) * (angle(top) - angle(bottom))


@pytest.mark.parametrize(("half_width", "top", "bottom"), [(5.0, 2.5, 3.5), (15.0, 3.0, 5.0)])
@pytest.mark.parametrize("strike", [0, 90])
def test_block_at_the_pole_meets_the_closed_form(half_width, top, bottom, strike):
    spacing = 0.5
    x = (np.arange(1200) + 0.5 - 600) * spacing  # 600 km: the block's own scale is 10 to 30 km
    profile = np.where(np.abs(x) < half_width, 1.0, 0.0)
    along = 401
    magnetisation = np.repeat(profile[None], along, axis=0)
    if strike == 90:
        magnetisation = magnetisation.T
    anomaly = forward.total_field_anomaly(
        magnetisation, top, spacing, POLE, POLE, thickness_km=bottom - top
    )
    middle = anomaly[along // 2] if strike == 0 else anomaly[:, along // 2]
    expected = block_at_pole(x, half_width, top, bottom)
    # samples of 0.5 km at 2.5 km depth: (h / z)**2 / 24 = 0.2 %; the block ends 100 km away, where
    # it leaves (3 / 100)**2: together below half a percent of the peak
    assert np.abs(middle - expected).max() < 0.005 * expected.max()


@pytest.mark.parametrize("strike", [0, 35, 90])
@pytest.mark.parametrize(("field", "remanence"), [((50, 20), (30, -15)), ((-20, 100), (65, 10))])
def test_block_off_the_pole_meets_a_sum_of_line_dipoles(strike, field, remanence):
    """An independent check of the signs: the field of line dipoles, summed in space."""
    spacing, half_width, top, thickness = 1.0, 8.0, 3.0, 1.0
    shape = (361, 361)
    across = across_strike(shape, spacing, strike)
    smooth = np.exp(-0.5 * (across / half_width) ** 2)
    vectors = forward.direction(*field), forward.direction(*remanence)
    anomaly = forward.total_field_anomaly(smooth, top, spacing, *vectors, thickness)
    s = np.radians(strike)
    right = np.array([np.cos(s), -np.sin(s), 0.0])
    (f_x, f_z), (m_x, m_z) = ((v @ right, v[2]) for v in vectors)
    source = np.arange(-60, 60, 0.1) + 0.05
    strength = np.exp(-0.5 * (source / half_width) ** 2) * 0.1 * thickness / 20
    depth = top + (np.arange(20) + 0.5) * thickness / 20
    for row, column in ((180, 180), (150, 200), (190, 165), (205, 190)):
        x = across[row, column] - source[:, None]
        z = 0.0 - depth[None]  # from the source up to the sea surface, down positive
        square = x**2 + z**2
        dot = m_x * x + m_z * z
        b_x, b_z = 2 * dot * x / square**2 - m_x / square, 2 * dot * z / square**2 - m_z / square
        # mu0 / 2 pi per line dipole
        expected = HALF_MU0 / np.pi * np.sum(strength[:, None] * (f_x * b_x + f_z * b_z))
        # 2 nT of a peak near 100: samples, sums and the ends of the map
        assert anomaly[row, column] == pytest.approx(expected, abs=0.01 * np.abs(anomaly).max())


def test_seamount_meets_a_sum_of_point_dipoles():
    """The same in three dimensions, where strike does not exist."""
    spacing, width, top, thickness = 1.0, 4.0, 3.0, 1.0
    row, column = np.indices((129, 129))
    north, east = row - 64.0, column - 64.0
    source = np.exp(-0.5 * (north**2 + east**2) / width**2)
    field, remanence = forward.direction(55, -10), forward.direction(-35, 70)
    anomaly = forward.total_field_anomaly(source, top, spacing, field, remanence, thickness)
    depth = top + (np.arange(8) + 0.5) * thickness / 8
    moment = source.ravel()[:, None] * thickness / 8
    for i, j in ((64, 64), (70, 64), (64, 72), (58, 60)):
        r_east = (east[i, j] - east).ravel()[:, None] + 0 * depth
        r_north = (north[i, j] - north).ravel()[:, None] + 0 * depth
        r = np.stack([r_east, r_north, -depth + 0 * r_east])
        length = np.sqrt(np.sum(r**2, axis=0))
        m_r, f_r = (np.tensordot(v, r, 1) / length for v in (remanence, field))
        expected = np.sum(moment * (3 * m_r * f_r - field @ remanence) / length**3)
        expected *= HALF_MU0 / (2 * np.pi)  # mu0 / 4 pi
        assert anomaly[i, j] == pytest.approx(expected, abs=0.01 * np.abs(anomaly).max())


def test_skewness_vanishes_at_the_pole_and_where_the_inclinations_add_to_180_degrees():
    """A symmetric block gives a symmetric anomaly where theta is 0, an odd one where it is 90."""
    x = (np.arange(400) + 0.5 - 200) * 1.0
    block = np.repeat(np.where(np.abs(x) < 20, 5.0, 0)[None], 200, axis=0)
    along_east = forward.direction(45, 90)  # strike is north, the field lies across it

    def profile(field, remanence):
        return forward.total_field_anomaly(block, 3.0, 1.0, field, remanence)[100]

    upright, tilted = profile(POLE, POLE), profile(along_east, along_east)
    cancelled = profile(along_east, forward.direction(45, -90))
    peak = np.abs(upright).max()
    assert np.abs(upright - upright[::-1]).max() < 1e-9 * peak  # sums of a Fourier transform
    # the block ends 132 km from here, where a horizontal part of its moment shows: 1 %
    assert np.abs(tilted + tilted[::-1]).max() < 0.01 * peak
    assert np.abs(cancelled - upright).max() < 0.01 * peak
    assert np.abs(tilted).max() > 0.5 * peak


def test_sharing_between_depth_levels_errs_as_stated():
    """Halfway between two levels, (2 pi LEVEL / L)**2 / 8 too much: 1.2 % at 10 km."""
    shape, spacing, wavelength = (256, 256), 2.0, 10.0
    across = across_strike(shape, spacing, 90)
    magnetisation = np.cos(2 * np.pi / wavelength * across)
    depth = np.full(shape, 3.0 + 0.5 * forward.LEVEL_KM)
    depth[:8], depth[-8:] = 3.0, 3.0 + 2 * forward.LEVEL_KM
    anomaly = forward.total_field_anomaly(magnetisation, depth, spacing, POLE, POLE)
    flat = forward.total_field_anomaly(magnetisation, depth[128, 128], spacing, POLE, POLE)
    excess = fitted_wave(anomaly, across, wavelength) / fitted_wave(flat, across, wavelength) - 1
    stated = (2 * np.pi * forward.LEVEL_KM / wavelength) ** 2 / 8
    assert stated == pytest.approx(0.012, abs=5e-4)
    # cosh(x) - 1 against x**2 / 2 differ by x**2 / 12, 0.2 % of it; the margins by 0.1 % of all
    assert excess.real == pytest.approx(stated, abs=1e-3) and abs(excess.imag) < 1e-3


def test_deeper_sources_are_weaker_by_the_exponential():
    shape, wavelength = (256, 256), 20.0
    across = across_strike(shape, 2.0, 60)
    magnetisation = np.cos(2 * np.pi / wavelength * across)
    high, low = (
        fitted_wave(
            forward.total_field_anomaly(magnetisation, depth, 2.0, POLE, POLE), across, wavelength
        )
        for depth in (2.0, 5.0)
    )
    assert abs(low / high) == pytest.approx(np.exp(-2 * np.pi / wavelength * 3.0), rel=0.003)


def test_directions():
    np.testing.assert_allclose(forward.direction(90, 33), [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(forward.direction(0, 90), [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(forward.direction(-30, 0), [0, 3**0.5 / 2, -0.5], atol=1e-15)
    np.testing.assert_allclose(forward.dipole(0.0), [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(forward.dipole(-90.0), [0, 0, -1], atol=1e-15)
    north, down = forward.dipole(45.0)[1:]
    assert down / north == pytest.approx(2.0)  # tan I = 2 tan(latitude)


def test_intensity_decays_from_the_ridge():
    ages = np.array([0.0, seafloor.DECAY_MA, 1e3])
    step = seafloor.AXIS_A_M - seafloor.OLD_A_M
    expected = seafloor.OLD_A_M + step * np.array([1, np.exp(-1), 0])
    np.testing.assert_allclose(seafloor.intensity(ages), expected, rtol=1e-14)


# --- polarity ---------------------------------------------------------------------------------

SCALE = np.array([[0.0, 1.0], [2.0, 3.0], [6.0, 6.5]])  # normal; all between is reversed


def polarity(age, width, scale=SCALE):
    age = np.atleast_1d(np.asarray(age, float))
    return seafloor.mean_polarity(age, np.broadcast_to(width, age.shape), scale)


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


def test_region_repeats_for_a_seed_and_changes_with_it(reykjanes):
    again = seafloor.simulate_region("reykjanes", spacing_km=4.0)
    other = seafloor.simulate_region("reykjanes", spacing_km=4.0, seed=1)
    assert again.identical(reykjanes)
    assert not np.array_equal(other.anomaly, reykjanes.anomaly, equal_nan=True)
    np.testing.assert_array_equal(other.label, reykjanes.label)  # the stripes are the same


def test_unknown_region_is_a_clear_error():
    with pytest.raises(KeyError, match="Did you mean 'reykjanes'"):
        seafloor.simulate_region("reykjanez")


def test_random_maps_repeat_to_the_byte():
    one, two, other = (seafloor.simulate_random(np.random.default_rng(s)) for s in (7, 7, 8))
    assert set(one) == NAMES and dict(one.sizes) == {"northing": 128, "easting": 128}
    for name in one:
        assert one[name].values.tobytes() == two[name].values.tobytes()
    assert one.attrs == {"spacing_km": 2.0, "source": "simulated"}
    assert not np.array_equal(one.anomaly, other.anomaly)


def test_random_maps_have_any_shape_and_no_edge_of_zeros():
    made = seafloor.simulate_random(np.random.default_rng(3), (64, 90), spacing_km=3.0)
    assert made.anomaly.shape == (64, 90) and np.isfinite(made.anomaly).all()
    assert float(made.easting[1] - made.easting[0]) == 3.0


def test_random_maps_without_lineations_have_no_label():
    rng = np.random.default_rng(9)
    for _ in range(6):
        null = seafloor.simulate_random(rng, (64, 64), lineated_share=0.0)
        assert not null.label.values.any() and not null.lineated.values.any()
        assert null.anomaly.values.std() > 1


def test_random_maps_with_lineations_have_labels_within_them():
    rng, lined = np.random.default_rng(10), 0
    for _ in range(12):
        made = seafloor.simulate_random(rng, (96, 96), lineated_share=1.0)
        assert not (made.label.values[made.lineated.values == 0]).any()
        assert made.label.dtype == "uint8" and set(np.unique(made.label)) <= {0, 1}
        lined += made.label.values.mean() > 0.01
    assert lined >= 9  # quiet zones and strongly disturbed maps have none


def test_random_directions_cover_both_hemispheres_and_spare_the_equator():
    rng = np.random.default_rng(11)
    down = np.array([[v[2] for v in seafloor._random_direction(rng)] for _ in range(400)])
    lowest = forward.dipole(8.0)[2]
    assert np.abs(down[:, 0]).min() >= lowest - 1e-12
    assert 0.4 < (down[:, 0] > 0).mean() < 0.6
