"""Random seafloor: same seed same bytes, and everything that real maps have."""

import time

import numpy as np
import pytest

from helpers import seafloor
from helpers.seafloor import _random

NAMES = {"anomaly", "label", "strike_deg", "polarity", "lineated", "age_ma", "relief_m"}


# --- invented ages ----------------------------------------------------------------------------


def history(right=20.0, left=30.0):
    """Return a history of constant rates."""
    time_ma = np.arange(0.0, 100.0, 5.0)
    return _random.History(time_ma, right * time_ma, left * time_ma, 25.0)


def test_age_grows_at_the_rate_of_each_flank():
    axis = np.array([-90.0, -30.0, 0.0, 20.0, 100.0])
    age = _random._age(axis, history(), np.full(5, 2.0), np.zeros(5))
    np.testing.assert_allclose(age, [3, 1, 0, 1, 5], atol=1e-12)


def test_ridge_jump_leaves_the_older_crust_twice_on_one_side():
    """A jump of 30 km to the right 2 Ma ago, by hand: 20 km/Ma to the right, 30 to the left."""
    axis = np.array([-60.0, -30.0, 39.0, 41.0, 60.0, -61.0, -89.0, -91.0, -120.0])
    age = _random._age(axis, history(), np.full(9, 2.0), np.full(9, 30.0))
    # new crust until 2 Ma: 40 km right, 60 left.  Right of it the old right flank goes on from
    # 30 km off the old axis; left of it that same flank comes backwards, the old axis at -90 km,
    # and then the old left flank.
    old = [2, 1, 1.95, 2 + 31 / 20, 2 + 50 / 20, 2 + 29 / 20, 2 + 1 / 20, 2 + 1 / 30, 3]
    np.testing.assert_allclose(age, old, atol=1e-12)


@pytest.fixture(scope="module")
def plates():
    """Return 300 small plates."""
    rng = np.random.default_rng(20)
    return [_random.random_plate(rng, (64, 64), 4.0) for _ in range(300)]


def test_rates_span_the_range_that_spreads(plates):
    rates = np.array([plate.rate_km_ma for plate in plates])
    assert rates.min() >= _random.SLOWEST_KM_MA and rates.max() <= _random.FASTEST_KM_MA
    assert (rates < 10).mean() > 0.15 and (rates > 50).mean() > 0.1


def test_ages_are_of_the_time_scale_and_some_maps_hold_a_ridge_and_some_the_quiet_zone(plates):
    assert all(0 <= p.age_ma.min() and p.age_ma.max() <= _random.OLDEST_MA + 10 for p in plates)
    ridge = np.mean([plate.age_ma.min() < 0.5 for plate in plates])
    quiet = np.mean([((p.age_ma > 83) & (p.age_ma < 120.6)).mean() > 0.5 for p in plates])
    assert 0.1 < ridge < 0.6 and 0.03 < quiet < 0.2


def test_strikes_cover_the_circle(plates):
    strikes = np.degrees([plate.strike_rad for plate in plates])
    counts = np.histogram(strikes, 6, (0, 180))[0]
    assert counts.sum() == 300 and counts.min() > 25  # 50 expected, 3.9 standard deviations


def test_border_of_segments_is_where_ages_jump(plates):
    """Away from fracture zones and pseudofaults, and from jumps of the ridge, age is smooth."""
    steps, at_fault = [], []
    for plate in plates:
        step = np.abs(np.diff(plate.age_ma, axis=0))
        near = plate.fault_km[1:] < 5
        if near.any():
            steps.append(np.median(step[~near]))
            at_fault.append(np.percentile(step[near], 75))
    ratio = np.array(at_fault) / np.maximum(steps, 1e-3)
    assert len(ratio) > 100 and np.median(ratio) > 2


def test_propagator_leaves_a_v():
    """With one propagating border its two arms lean away from each other about the ridge."""
    across, along = _random._frame((101, 101), 2.0, 0.0)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        segment, _, offset, _ = _random._segments(rng, across, along, 200.0)
        if len(offset) != 2:
            continue
        border = (segment == 0).sum(axis=0).astype(float)  # rows of the first segment
        left, right = np.gradient(border[10:40]).mean(), np.gradient(border[60:90]).mean()
        if 20 < border.min() and border.max() < 80 and left * right < -0.1:
            return
    pytest.fail("No V in 400 plates.")


# --- maps -------------------------------------------------------------------------------------


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


def test_random_directions_cover_both_hemispheres_down_to_the_low_latitudes():
    rng = np.random.default_rng(11)
    down = np.array([[v[2] for v in _random._directions(rng)] for _ in range(600)])
    assert 0.4 < (down[:, 0] > 0).mean() < 0.6
    assert (np.abs(down[:, 0]) < 0.3).mean() > 0.05 and (np.abs(down[:, 0]) > 0.9).mean() > 0.2
    # remanence keeps the hemisphere of most: plates drift by some 12 degrees
    assert np.corrcoef(down.T)[0, 1] > 0.9


def test_hills_in_a_quiet_zone_are_no_label(monkeypatch):
    """Hills under even magnetisation make anomalies, but no lineations of polarity."""

    def quiet(rng, shape, spacing_km):
        age = np.linspace(90, 114, shape[1])[None] * np.ones((shape[0], 1))
        far = np.full(shape, 1e3)
        return _random.Plate(age, 15.0, far, far, 0.0)

    monkeypatch.setattr(_random, "random_plate", quiet)
    monkeypatch.setattr(_random, "random_scale", lambda rng: None)
    monkeypatch.setattr(_random, "_patch", lambda rng, shape, _: (np.zeros(shape), 0.0))
    for seed in range(6):
        made = seafloor.simulate_random(np.random.default_rng(seed), (64, 64), lineated_share=1.0)
        assert np.ptp(made.polarity.values) == 0 and made.anomaly.values.std() > 2
        assert not made.label.values.any()


def test_volcanoes_show_on_maps_without_stripes():
    rng = np.random.default_rng(4)
    cones = [_random._seamounts(rng, (96, 96), 2.0) for _ in range(60)]
    some = [cone for cone in cones if cone is not None]
    assert 20 < len(some) < 40
    assert all(0 < cone.max() <= 3000 and cone.min() >= 0 for cone in some)
    field = _random._volcanic(rng, some[0], 4.0, 2.0, np.array([0, 0.5, 0.75**0.5]))
    assert np.abs(field).max() > 10


def test_disorder_has_no_preferred_direction():
    """Spectral power along rows and along columns, mean of 40 maps."""
    rng, power = np.random.default_rng(5), []
    for _ in range(40):
        field = _random._disorder(rng, (96, 96))
        north, east = np.gradient(field)
        power.append(np.log(np.mean(north**2) / np.mean(east**2)))
    assert abs(np.mean(power)) < 4 * np.std(power) / np.sqrt(40) + 0.02


def test_many_maps_a_second():
    rng = np.random.default_rng(6)
    seafloor.simulate_random(rng)
    begun = time.process_time()
    for _ in range(10):
        seafloor.simulate_random(rng)
    # 0.03 s of one core each; the bound only catches a tenfold loss
    assert time.process_time() - begun < 3.0
