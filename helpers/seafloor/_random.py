"""Random seafloor for pretraining: invented plates with all that makes real maps difficult.

The map lies somewhere on both flanks of a ridge of several segments.  What is drawn at random for
a map and for each of its segments makes curved and oblique isochrons, changing and asymmetric
rates, transform faults with their fracture zones, propagating ridges with the V of their
pseudofaults, and ridge jumps that leave the same stripes twice on one side.  To the ages come
relief, uneven magnetisation, volcanoes and disorder.  Everything here is simulated.

References
----------
Hey, R. (1977). Geology 5, 758-762 (propagating ridges and pseudofaults).
Mueller, R. D. et al. (2008). doi:10.1029/2007GC001743 (rates and asymmetry).
Parsons, B. & Sclater, J. G. (1977). J. Geophys. Res. 82, 803-827 (depth and age).
Goff, J. A. & Jordan, T. H. (1988). J. Geophys. Res. 93, 13589-13608 (abyssal hills).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import fft

from . import crust, forward, labels

MARGIN_CELLS = 24  # made and cut off again: the transform's rim, and stripes that end there
TOLERANCE = 1e-2  # of Parker's series; the relief here is gentle
SHALLOWEST_KM = 0.8
LOWEST_SINE = 0.1  # of the latitude, as its greatest is HIGHEST_SINE
HIGHEST_SINE = 0.97
DISTURBED = 0.3  # weight of a disturbed patch above which there is no label
SLOWEST_KM_MA, FASTEST_KM_MA = 5.0, 80.0  # half spreading rate
SEGMENT_KM = 110.0  # mean distance between offsets of the ridge
OLDEST_MA = 165.0  # of the time scale


@dataclass
class Plate:
    """A piece of seafloor: its age and where it lies about the ridge, cell by cell."""

    age_ma: np.ndarray
    rate_km_ma: float  # mean half rate of spreading
    axis_km: np.ndarray  # distance from the ridge axis, positive on the right of strike
    fault_km: np.ndarray  # distance from the nearest fracture zone or pseudofault
    strike_rad: float  # of the ridge, clockwise from north


class Segments(NamedTuple):
    """The ridge in pieces: which of them each cell belongs to, and where each of them lies."""

    number: np.ndarray  # of each cell, from 0
    fault_km: np.ndarray  # distance of each cell from the border of its segment
    offset_km: np.ndarray  # of each segment, across the ridge
    centre_km: np.ndarray  # of each segment, along the ridge


class History(NamedTuple):
    """How a ridge has spread: at the end of each stage, how far each flank had grown."""

    time_ma: np.ndarray
    right_km: np.ndarray
    left_km: np.ndarray
    rate_km_ma: float  # mean half rate


def simulate_random(rng, shape=(128, 128), spacing_km=2.0, lineated_share=0.8):
    """Simulate an invented piece of seafloor, for pretraining.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    shape : tuple of int
        Cells (northing, easting).
    spacing_km : float
        Side of the square cells.
    lineated_share : float
        Share of maps with stripes; the rest have none and no label.

    Returns
    -------
    xarray.Dataset
        As `simulate_region`; labels are of the ordered stripes over a flat floor, without the
        hills, volcanoes and disorder that the anomaly has.

    Examples
    --------
    >>> import numpy as np
    >>> made = simulate_random(np.random.default_rng(0), (64, 64))
    >>> sorted(made)
    ['age_ma', 'anomaly', 'label', 'lineated', 'polarity', 'relief_m', 'strike_deg']
    >>> made.attrs["source"]
    'simulated'
    """
    full = tuple(size + 2 * MARGIN_CELLS for size in shape)
    plate = random_plate(rng, full, spacing_km)
    # polarity of each cell: of its age where the crust is ordered, at random where it is disturbed
    transition = rng.uniform(1, 2) + 12 / plate.rate_km_ma * rng.random()
    width = np.hypot(transition, spacing_km) / plate.rate_km_ma
    ordered = crust.mean_polarity(plate.age_ma, width, random_scale(rng))
    disturbed, plateau = _patch(rng, full, spacing_km)
    if rng.random() > lineated_share:
        disturbed = np.ones(full)
    polarity = ordered * (1 - disturbed) + disturbed * _disorder(rng, full)
    # the magnetised layer: where it lies and how strong it is
    relief = _relief(rng, plate, spacing_km) + plateau
    depth = np.clip(-relief / 1000, SHALLOWEST_KM, None) + rng.choice([0, rng.uniform(0, 1)])
    thickness = rng.uniform(0.5, 4)
    strength = _strength(rng, plate) * forward.THICKNESS_KM / thickness
    shared = (depth, spacing_km, *_directions(rng), thickness, TOLERANCE)
    uneven = strength * _unevenness(rng, full, spacing_km)
    # the anomaly over the relief, and that of the ordered stripes alone over a flat floor
    anomaly = forward.total_field_anomaly(polarity * uneven, *shared)
    stripes = forward.total_field_anomaly(ordered * strength, float(depth.mean()), *shared[1:])
    cones = _seamounts(rng, full, spacing_km)
    if cones is not None:
        anomaly = anomaly + _volcanic(rng, cones, float(depth.mean()), spacing_km, shared[2])
        relief = relief + cones
    angle, coherence = labels.across_direction(plate.age_ma)
    lineated = (disturbed < DISTURBED) & (coherence > labels.LINEATED_COHERENCE)
    layers = {
        "anomaly": anomaly, "label": labels.crest_lines(stripes, angle, lineated), "angle": angle,
        "polarity": polarity, "lineated": lineated, "age_ma": plate.age_ma, "relief_m": relief,
    }  # fmt: skip
    return _cut(layers, spacing_km)


def _cut(layers, spacing_km):
    """Cut the margin off and make the dataset."""
    inner = slice(MARGIN_CELLS, -MARGIN_CELLS)
    layers = {name: values[inner, inner] for name, values in layers.items()}
    axes = ((np.arange(size) + 0.5 + MARGIN_CELLS) * spacing_km for size in layers["label"].shape)
    return crust.pack(layers, *axes, spacing_km=spacing_km, source="simulated")


def _strength(rng, plate):
    """Magnetisation (A/m) without its sign: by age, by map, and lower at fracture zones."""
    level = rng.uniform(0.4, 1.6) * crust.intensity(plate.age_ma)
    damage = rng.uniform(0, 0.9) * np.exp(-0.5 * (plate.fault_km / rng.uniform(2, 8)) ** 2)
    return level * (1 - damage)


def _unevenness(rng, shape, spacing_km):
    """Positive factors of the magnetisation: uneven from hill to hill and region to region."""
    local = crust.variation(rng, shape, spacing_km, rng.uniform(4, 14), rng.uniform(0, 0.35))
    return local * crust.variation(rng, shape, spacing_km, crust.REGIONAL[0], rng.uniform(0, 0.5))


def _patch(rng, shape, spacing_km):
    """Weight, 0 to 1, of a tectonically disturbed patch, and the relief (m) if it is a plateau.

    Most maps have none.
    """
    if rng.random() < 0.6:
        return np.zeros(shape), 0.0
    rough = crust.smooth_noise(rng, shape, rng.uniform(20, 60) / spacing_km)
    weight = 1 / (1 + np.exp(-6 * (rough - rng.uniform(0.3, 1.2))))
    plateau = rng.uniform(800, 2500) * weight if rng.random() < 0.4 else 0.0
    return weight * rng.uniform(0.4, 1), plateau


def _disorder(rng, shape):
    """Polarity without lineations: isotropic, of one scale or of all scales."""
    if rng.random() < 0.6:
        noise = crust.smooth_noise(rng, shape, rng.uniform(2, 8))
    else:
        noise = rng.standard_normal(shape)
        k = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
        slope = np.maximum(k, 1 / 128) ** -rng.uniform(0.8, 2)
        noise = fft.irfft2(fft.rfft2(noise) * slope, shape)
    noise = noise / noise.std()
    if rng.random() < 0.3:
        noise = np.tanh(4 * noise)  # blocks of either polarity, as real ones have
    return noise * rng.uniform(0.2, 1)


def _relief(rng, plate, spacing_km):
    """Relief (m): depth from age, abyssal hills along the ridge, its valley, troughs at faults."""
    shape, slow = plate.age_ma.shape, plate.rate_km_ma < 20
    depth = 2500 + 350 * np.sqrt(np.minimum(plate.age_ma, 80)) + rng.normal(0, 400)
    north = 2 * np.pi * fft.fftfreq(shape[0], spacing_km)[:, None]
    east = 2 * np.pi * fft.rfftfreq(shape[1], spacing_km)[None]
    along = east * np.sin(plate.strike_rad) + north * np.cos(plate.strike_rad)
    across = east * np.cos(plate.strike_rad) - north * np.sin(plate.strike_rad)
    narrow = rng.uniform(1.5, 4)
    shaped = np.exp(-0.5 * (across * narrow) ** 2 - 0.5 * (along * narrow * rng.uniform(1, 5)) ** 2)
    hills = fft.irfft2(fft.rfft2(rng.standard_normal(shape)) * shaped, shape)
    hills *= (rng.uniform(120, 300) if slow else rng.uniform(40, 120)) / hills.std()
    valley = -rng.uniform(500, 1800) if slow else rng.uniform(0, 400)
    crest = valley * np.exp(-0.5 * (plate.axis_km / rng.uniform(4, 10)) ** 2) * (plate.age_ma < 3)
    trough = -rng.uniform(0, 900) * np.exp(-0.5 * (plate.fault_km / 4) ** 2)
    return -depth + hills + crest + trough


def _directions(rng):
    """Present field and remanence: any latitude, any meridian, some drift and turning since."""
    latitude = np.degrees(np.arcsin(rng.choice([-1, 1]) * rng.uniform(LOWEST_SINE, HIGHEST_SINE)))
    field = forward.dipole(latitude + rng.normal(0, 5), rng.normal(0, 15))
    origin = np.clip(latitude + rng.normal(0, 12), -85, 85)
    return field, forward.dipole(origin, rng.normal(0, 15))


def _seamounts(rng, shape, spacing_km):
    """Relief (m) of volcanoes, singly or in a chain; None on about half of the maps."""
    if rng.random() < 0.5:
        return None
    number = 1 + rng.poisson(rng.choice([1, 2, 12], p=[0.5, 0.35, 0.15]))
    place = rng.uniform(0, 1, (number, 2)) * shape
    if number > 2 and rng.random() < 0.5:  # a chain
        course, start = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7, 2) * shape
        step = np.linspace(-0.5, 0.5, number)[:, None] * max(shape)
        place = start + step * [np.sin(course), np.cos(course)] + rng.normal(0, 4, (number, 2))
    north, east = (part * spacing_km for part in np.ogrid[: shape[0], : shape[1]])
    total = np.zeros(shape)
    for row, column in place:
        radius, height = rng.uniform(3, 12), rng.uniform(0.5, 1)
        far_north = np.exp(-0.5 * ((north - row * spacing_km) / radius) ** 2)
        far_east = np.exp(-0.5 * ((east - column * spacing_km) / radius) ** 2)
        total += height * 250 * radius * far_north * far_east
    return np.minimum(total, 3000)


def _volcanic(rng, cones, base_km, spacing_km, field):
    """Anomaly (nT) of the volcanoes: a sheet at mid-height, of one age, formed anywhere near."""
    remanence = forward.direction(rng.uniform(-80, 80), rng.normal(0, 30)) * rng.choice([-1, 1])
    sheet = cones / 1000 * rng.uniform(1, 6)
    middle = max(base_km - 0.4 * cones.max() / 1000, SHALLOWEST_KM)
    return forward.total_field_anomaly(sheet, middle, spacing_km, field, remanence, 1.0)


def random_plate(rng, shape, spacing_km):
    """Invent the age of a piece of seafloor; return a `Plate`."""
    size = max(shape) * spacing_km
    strike = rng.uniform(0, np.pi)
    across, along = _frame(shape, spacing_km, strike)
    across = across - rng.uniform(-1.3, 1.3) * size  # the ridge lies in about every third map
    segment, fault_km, offset, centre = _segments(rng, across, along, size)
    slant = _obliquity(rng, len(offset))
    # distance from the axis, which is bent, offset from segment to segment and runs aslant
    bend = (
        rng.normal(0, 0.04)
        * size
        * np.sin(2 * np.pi * (along / size / rng.uniform(0.8, 3) + rng.random()))
    )
    axis = across + bend + offset[segment] - slant[segment] * (along - centre[segment])
    history = _history(rng)
    fan = np.clip(1 + rng.normal(0, 0.08) * along / size, 0.7, 1.4)  # the pole of rotation is near
    when, length = _jumps(rng, len(offset), history)
    age = _age(axis / fan, history, when[segment], length[segment])
    age = np.clip(age + _latest(rng), 0, None)
    if age.max() > OLDEST_MA:
        age = age + max(OLDEST_MA - age.max(), -age.min())
    return Plate(np.clip(age, 0, OLDEST_MA + 10), history.rate_km_ma, axis, fault_km, strike)


def random_scale(rng):
    """Half the time invent chrons like the real ones; else give None, which means the real scale.

    Invented ones are rows of the young and the old end (Ma) of a normal interval.
    """
    if rng.random() < 0.5:
        return None
    lengths = np.maximum(rng.exponential(rng.uniform(0.3, 0.9), 1500), 0.03)
    ends = np.cumsum(lengths)
    return ends[: 2 * (np.searchsorted(ends, 250) // 2)].reshape(-1, 2)


def _frame(shape, spacing_km, strike):
    """Distance across strike (to the right) and along it, from the middle of the map (km)."""
    north, east = np.ogrid[: shape[0], : shape[1]]
    north, east = (north - shape[0] / 2) * spacing_km, (east - shape[1] / 2) * spacing_km
    return (
        east * np.cos(strike) - north * np.sin(strike),
        east * np.sin(strike) + north * np.cos(strike),
    )


def _segments(rng, across, along, size):
    """Cut the ridge into segments.

    A border follows the direction of spreading, gently curved (a fracture zone), or runs away
    from it on both sides of the ridge as the tip propagates (the V of two pseudofaults).
    """
    borders = np.sort(rng.uniform(-0.75, 0.75, rng.poisson(1.5 * size / SEGMENT_KM / 2))) * size
    offset = np.concatenate([[0], np.cumsum(_offsets(rng, borders.size))])
    segment = np.zeros(across.shape, int)
    fault_km = np.full(across.shape, np.inf)
    flow = rng.normal(0, 0.1) * across + rng.normal(0, 0.1) * across**2 / size
    for number, border in enumerate(borders):
        axis = np.abs(across + 0.5 * (offset[number] + offset[number + 1]))
        vee = rng.choice([-1, 1]) * rng.uniform(0.3, 1.5) if rng.random() < 0.25 else 0.0
        beyond = along - border - flow - vee * axis
        segment += beyond > 0
        fault_km = np.minimum(fault_km, np.abs(beyond) / np.hypot(1, vee))
    ends = np.concatenate([[-0.75 * size], borders, [0.75 * size]])
    return Segments(segment, fault_km, offset, 0.5 * (ends[1:] + ends[:-1]))


def _offsets(rng, number):
    """Offsets of the ridge (km) at the borders of its segments: most small, some large."""
    return rng.choice([-1, 1], number) * rng.lognormal(np.log(22), 0.8, number)


def _obliquity(rng, segments):
    """Slope of each segment against the direction of spreading: one of the map, and its own."""
    common = rng.normal(0, 0.25) if rng.random() < 0.4 else 0.0
    return common + rng.normal(0, 0.04, segments)


def _history(rng):
    """Invent a history of stages, whose rates and asymmetry change from one to the next."""
    duration = rng.uniform(2, 12, 60)
    mean = np.exp(rng.uniform(np.log(SLOWEST_KM_MA), np.log(FASTEST_KM_MA)))
    rate = np.clip(mean * np.exp(rng.normal(0, 0.25, 60)), SLOWEST_KM_MA, FASTEST_KM_MA)
    share = np.clip(rng.normal(0.5, 0.04) + rng.normal(0, 0.03, 60), 0.3, 0.7)
    time, right, left = (
        np.concatenate([[0], np.cumsum(step)])
        for step in (duration, 2 * share * rate * duration, 2 * (1 - share) * rate * duration)
    )
    return History(time, right, left, mean)


def _jumps(rng, segments, history):
    """Time (Ma) and length (km) of each segment's ridge jump; length 0 where there was none."""
    when = np.full(segments, rng.uniform(0.5, 8))
    length = np.zeros(segments)
    if rng.random() < 0.2:
        jumped = rng.random(segments) < 0.6
        length[jumped] = rng.choice([-1, 1]) * rng.uniform(10, 60)
        when = np.full(segments, np.interp(rng.uniform(10, 200), history.right_km, history.time_ma))
    return when, length


def _age(axis, history, when, length):
    """Age (Ma) at a distance from the axis (km), positive to the right.

    Before the jump the old axis lay `length` to the left of the new one; crust older than the
    jump has its age from the distance to the old axis.
    """
    time, right, left, _ = history
    rightward = axis > 0
    grown_right, grown_left = np.interp(when, time, right), np.interp(when, time, left)
    old_axis = np.where(rightward, axis - grown_right, axis + grown_left) + length
    before = np.where(rightward, axis > grown_right, axis < -grown_left) & (length != 0)
    on_right = np.where(before, old_axis > 0, rightward)
    distance = np.abs(np.where(before, old_axis, axis))
    distance += np.where(before, np.where(on_right, grown_right, grown_left), 0)
    return np.where(on_right, np.interp(distance, right, time), np.interp(distance, left, time))


def _latest(rng):
    """Age (Ma) at which spreading ended: 0 on most maps; some lie in quiet or old seafloor."""
    case = rng.random()
    if case < 0.55:
        return 0.0
    if case < 0.75:
        return rng.uniform(0, 70)
    return rng.uniform(70, 121) if case < 0.83 else rng.uniform(121, 150)
