"""The forward model against closed forms, sums of dipoles, and harmonica's prisms."""

import harmonica
import numpy as np
import pytest

import toys
from helpers.seafloor import forward

POLE = forward.direction(90, 0)
HALF_MU0 = 0.5 * 4e-7 * np.pi * 1e9  # nT per A/m


def block_at_pole(x, half_width, top, bottom):
    """Return the anomaly (nT) of a 2-D block of 1 A/m, vertical field and magnetisation.

    The two faces carry surface poles: (mu0 / 2 pi) times the difference of the angles they fill.
    """

    def angle(depth):
        return np.arctan((x + half_width) / depth) - np.arctan((x - half_width) / depth)

    return 2 * HALF_MU0 / (2 * np.pi) * (angle(top) - angle(bottom))


def test_directions():
    np.testing.assert_allclose(forward.direction(90, 33), [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(forward.direction(0, 90), [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(forward.direction(-30, 0), [0, 3**0.5 / 2, -0.5], atol=1e-15)
    np.testing.assert_allclose(forward.dipole(0.0), [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(forward.dipole(-90.0), [0, 0, -1], atol=1e-15)
    north, down = forward.dipole(45.0)[1:]
    assert down / north == pytest.approx(2.0)  # tan I = 2 tan(latitude)


# --- three dimensions, against harmonica ------------------------------------------------------


def by_prisms(points, prisms, moment, field):
    """Return the total-field anomaly (nT) of prisms (km, depths down) by harmonica (SI, up)."""
    west, east, south, north, top, bottom = np.array(prisms, float).T * 1e3
    boxes = np.column_stack([west, east, south, north, -bottom, -top])
    moment = np.array(moment, float).T * np.array([[1], [1], [-1]])
    at = tuple(np.array(part, float) * 1e3 for part in (points[0], points[1], 0 * points[0]))
    b_e, b_n, b_u = harmonica.prism_magnetic(at, boxes, tuple(moment), field="b", parallel=False)
    return field[0] * b_e + field[1] * b_n - field[2] * b_u


DIRECTIONS = [((90, 0), (90, 0)), ((55, -10), (-35, 70)), ((10, 20), (25, 160))]


@pytest.mark.parametrize(("field", "remanence"), DIRECTIONS)
def test_single_prism_meets_harmonica(field, remanence):
    spacing, size = 0.5, 200
    field, remanence = forward.direction(*field), forward.direction(*remanence)
    centre = (np.arange(size) + 0.5) * spacing - 50
    source = np.zeros((size, size))
    source[90:110, 84:116] = 4.0  # 10 km north-south, 16 km east-west
    anomaly = forward.total_field_anomaly(source, 3.0, spacing, field, remanence, 1.5)
    rows, columns = np.arange(60, 141, 4), np.arange(60, 141, 4)
    north, east = (
        part.ravel() for part in np.meshgrid(centre[rows], centre[columns], indexing="ij")
    )
    expected = by_prisms((east, north), [(-8, 8, -5, 5, 3.0, 4.5)], [4.0 * remanence], field)
    found = anomaly[np.ix_(rows, columns)].ravel()
    # samples 0.5 km apart of a face 3 km below: (h / z)**2 / 24 = 0.1 %; the rim 40 km away
    assert np.abs(found - expected).max() < 0.005 * np.abs(expected).max()


@pytest.mark.parametrize(("field", "remanence"), DIRECTIONS)
def test_layer_between_two_surfaces_meets_a_prism_for_each_cell(field, remanence):
    """Relief of 1.4 km, thickness from 0.4 to 1.6 km, directions that turn from cell to cell."""
    spacing, size = 1.0, 72
    centre = (np.arange(size) + 0.5) * spacing
    north, east = np.meshgrid(centre, centre, indexing="ij")
    depth = 3.2 + 0.7 * np.sin(east / 5) * np.cos(north / 7)
    thickness = 1.0 + 0.6 * np.cos(east / 9 + north / 6)
    window = np.sin(np.pi * east / 72) * np.sin(np.pi * north / 72)
    source = window * 5 * np.cos(east / 6 - north / 11)
    field = forward.direction(field[0] + 20 * np.cos(east / 15), field[1] + north / 2)
    turned = forward.direction(remanence[0] + 25 * np.sin(north / 20), remanence[1] + east / 2)
    anomaly = forward.total_field_anomaly(
        source, depth, spacing, field, turned, thickness, tolerance=1e-5
    )
    prisms = np.column_stack(
        [
            part.ravel()
            for part in (east - 0.5, east + 0.5, north - 0.5, north + 0.5, depth, depth + thickness)
        ]
    )
    i = slice(20, 52, 6)
    points, there = (east[i, i].ravel(), north[i, i].ravel()), field[:, i, i].reshape(3, -1)
    expected = by_prisms(points, prisms, (source * turned).reshape(3, -1).T, there)
    # a cell's own face is smoother than its middle: (h k)**2 / 24 = 0.1 to 0.5 % at k = 0.17 to
    # 0.35 per km; below 1 % is what the layer promises
    assert np.abs(anomaly[i, i].ravel() - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-5])
def test_series_errs_no_more_than_it_says(tolerance):
    rng = np.random.default_rng(3)
    source, depth = rng.normal(0, 1, (64, 64)), rng.uniform(0.7, 5.5, (64, 64))
    exact = forward.total_field_anomaly(source, depth, 2.0, POLE, POLE, tolerance=1e-12)
    short = forward.total_field_anomaly(source, depth, 2.0, POLE, POLE, tolerance=tolerance)
    assert 0 < np.abs(short - exact).max() < tolerance * np.abs(exact).max()


def test_endless_slab_has_no_anomaly():
    """A uniform layer's two faces cancel: only the rims of the map show, and they are far."""
    slab, block = np.full((400, 400), 5.0), np.zeros((400, 400))
    block[:, 180:220] = 5.0
    field = forward.direction(50, 30)
    middle = np.s_[190:210, 190:210]
    anomaly = forward.total_field_anomaly(slab, 3.0, 1.0, field, field)[middle]
    peak = np.abs(forward.total_field_anomaly(block, 3.0, 1.0, field, field)).max()
    # the transform repeats the map, so the slab is endless but for the gap of 64 km between its
    # repeats, 200 km from here
    assert np.abs(anomaly).max() < 0.01 * peak


def test_layer_above_the_sea_is_a_clear_error():
    with pytest.raises(ValueError, match="depth of -0.1 km; the sea surface is at 0"):
        forward.total_field_anomaly(np.ones((8, 8)), np.full((8, 8), -0.1), 2.0, POLE, POLE)


# --- two dimensions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inclination", "strike", "expected"),
    [
        *((pole, strike, 0) for pole in (90, -90) for strike in (0, 37, 90, 171)),
        (45, 90, 90),  # stripes run east, field and remanence point down to the north: x is south
        (45, 0, 0),  # stripes that run north see only the vertical part
        (0, 90, 180),  # at the equator stripes that run east are turned over
    ],
)
def test_skewness_of_known_cases(inclination, strike, expected):
    vector = forward.direction(inclination, 0)
    found = forward.skewness(vector, vector, strike)
    assert (abs(found) if expected == 180 else found) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("strike", [0, 30, 75, 140])
@pytest.mark.parametrize(("field", "remanence"), DIRECTIONS)
def test_both_dimensions_agree_on_stripes(strike, field, remanence):
    spacing, size, depth, thickness = 1.0, 361, 3.0, 0.8
    vectors = forward.direction(*field), forward.direction(*remanence)
    across = toys.across_strike((size, size), strike)  # km: cells of 1 km

    def blocks(x):
        edges = np.array([-31, -22, -9, -6, 4, 13.0])
        return sum(np.tanh((x - edge) / 1.5) * (-1) ** n for n, edge in enumerate(edges)) * 3

    anomaly = forward.total_field_anomaly(
        blocks(across), depth, spacing, *vectors, thickness_km=thickness
    )
    x = np.arange(-300, 300, 0.5)

    def response(k):
        return forward.earth_filter(k, depth, thickness, *vectors, strike)

    profile = forward.profile_anomaly(blocks(x), 0.5, response)
    near = np.abs(across) < 30
    row, column = np.indices(near.shape)
    near &= np.hypot(row - size // 2, column - size // 2) < 45
    expected = np.interp(across[near], x, profile)
    # the map ends 180 km away, where it leaves thickness * depth / 180**2 of the peak; linear
    # interpolation of the profile (k h)**2 / 8 = 0.2 %
    assert np.abs(anomaly[near] - expected).max() < 0.01 * np.abs(profile).max()


@pytest.mark.parametrize("half_width", [5.0, 15.0])
def test_profile_of_a_block_meets_the_closed_form(half_width):
    x = (np.arange(2400) + 0.5 - 1200) * 0.25
    block = np.where(np.abs(x) < half_width, 1.0, 0.0)
    found = forward.profile_anomaly(
        block, 0.25, lambda k: forward.earth_filter(k, 2.5, 1.0, POLE, POLE, 0)
    )
    expected = block_at_pole(x, half_width, 2.5, 3.5)
    # as in the map: samples of 0.25 km, 300 km to the end and 200 beyond
    assert np.abs(found - expected).max() < 0.002 * expected.max()


# --- reduction to the pole --------------------------------------------------------------------


@pytest.mark.parametrize(("field", "remanence"), [((60, 10), (45, -20)), ((-35, 5), (-50, 30))])
def test_reduction_to_the_pole_gives_the_anomaly_of_the_pole(field, remanence):
    row, column = np.indices((128, 128)) - 64.0
    source = 5 * np.exp(-(row**2 + (column - 10) ** 2) / 50)
    vectors = forward.direction(*field), forward.direction(*remanence)
    tilted = forward.total_field_anomaly(source, 3.0, 2.0, *vectors)
    upright = forward.total_field_anomaly(source, 3.0, 2.0, POLE, POLE)
    reduced = forward.reduce_to_pole(tilted, 2.0, *vectors)
    # cells at the rim of the map, 128 km away, were cut off; damping 0.1**4 / 0.35**4 = 0.7 %
    assert np.abs(reduced - upright).max() < 0.03 * upright.max()
    assert np.abs(tilted - upright).max() > 0.3 * upright.max()


def test_reduction_at_the_equator_stays_finite():
    flat = forward.direction(0, 0)
    noise = np.random.default_rng(4).normal(0, 1, (64, 64))
    assert np.abs(forward.reduce_to_pole(noise, 2.0, flat, flat)).max() < 500


def test_reduction_of_a_map_with_gaps_is_a_clear_error():
    field = np.zeros((32, 32))
    field[3, 4] = np.nan
    with pytest.raises(ValueError, match="has 1 cells without a value"):
        forward.reduce_to_pole(field, 2.0, POLE, POLE)
