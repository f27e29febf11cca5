"""Invented plates: the age of a piece of seafloor that no one has seen.

The map lies somewhere on both flanks of a ridge of several segments.  What is drawn at random for
a map and for each of its segments makes curved and oblique isochrons, changing and asymmetric
rates, transform faults with their fracture zones, propagating ridges with the V of their
pseudofaults, and ridge jumps that leave the same stripes twice on one side.

References
----------
Hey, R. (1977). Geology 5, 758-762 (propagating ridges and pseudofaults).
Mueller, R. D. et al. (2008). doi:10.1029/2007GC001743 (rates and asymmetry).
"""

from dataclasses import dataclass

import numpy as np

SLOWEST_KM_MA, FASTEST_KM_MA = 5.0, 80.0  # half spreading rate
SEGMENT_KM = 110.0  # mean distance between offsets of the ridge
OLDEST_MA = 165.0  # of the time scale


@dataclass
class Plate:
    """A piece of seafloor.

    Parameters
    ----------
    age_ma : numpy.ndarray, shape (n, m)
        Age of the seafloor.
    rate_km_ma : float
        Mean half rate of spreading.
    axis_km : numpy.ndarray, shape (n, m)
        Distance from the ridge axis, positive on the right of strike.
    fault_km : numpy.ndarray, shape (n, m)
        Distance from the nearest fracture zone or pseudofault.
    strike_rad : float
        Strike of the ridge, clockwise from north.
    """

    age_ma: np.ndarray
    rate_km_ma: float
    axis_km: np.ndarray
    fault_km: np.ndarray
    strike_rad: float


def random_plate(rng, shape, spacing_km):
    """Invent the age of a piece of seafloor.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    shape : tuple of int
        Cells (northing, easting).
    spacing_km : float
        Side of the cells.

    Returns
    -------
    Plate
    """
    size = max(shape) * spacing_km
    strike = rng.uniform(0, np.pi)
    across, along = _frame(shape, spacing_km, strike)
    across = across - rng.uniform(-1.3, 1.3) * size  # the ridge lies in about every third map
    segment, fault_km, offset, centre = _segments(rng, across, along, size)
    slant = _obliquity(rng, len(offset))
    bend = (
        rng.normal(0, 0.04)
        * size
        * np.sin(2 * np.pi * (along / size / rng.uniform(0.8, 3) + rng.random()))
    )
    axis = across + bend + offset[segment] - slant[segment] * (along - centre[segment])
    history = _history(rng)
    fan = np.clip(1 + rng.normal(0, 0.08) * along / size, 0.7, 1.4)  # the pole of rotation is near
    jump = _jumps(rng, len(offset), history)
    age = _age(axis / fan, history, jump[0][segment], jump[1][segment])
    age = np.clip(age + _latest(rng), 0, None)
    if age.max() > OLDEST_MA:
        age = age + max(OLDEST_MA - age.max(), -age.min())
    return Plate(np.clip(age, 0, OLDEST_MA + 10), history[3], axis, fault_km, strike)


def random_scale(rng):
    """Half the time the real polarity time scale, else invented chrons of the same statistics.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    numpy.ndarray, shape (chrons, 2), or None
        Ends of the normal intervals (Ma); None stands for the real scale.
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
    """Give the segment of each cell, the distance to its border, and each segment's offset.

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
    return segment, fault_km, offset, 0.5 * (ends[1:] + ends[:-1])


def _offsets(rng, number):
    """Offsets of the ridge (km) at the borders of its segments: most small, some large."""
    return rng.choice([-1, 1], number) * rng.lognormal(np.log(22), 0.8, number)


def _obliquity(rng, segments):
    """Slope of each segment against the direction of spreading: one of the map, and its own."""
    common = rng.normal(0, 0.25) if rng.random() < 0.4 else 0.0
    return common + rng.normal(0, 0.04, segments)


def _history(rng):
    """Give the ends of stages (Ma), how far each flank had grown (km), and the mean rate."""
    duration = rng.uniform(2, 12, 60)
    mean = np.exp(rng.uniform(np.log(SLOWEST_KM_MA), np.log(FASTEST_KM_MA)))
    rate = np.clip(mean * np.exp(rng.normal(0, 0.25, 60)), SLOWEST_KM_MA, FASTEST_KM_MA)
    share = np.clip(rng.normal(0.5, 0.04) + rng.normal(0, 0.03, 60), 0.3, 0.7)
    time, right, left = (
        np.concatenate([[0], np.cumsum(step)])
        for step in (duration, 2 * share * rate * duration, 2 * (1 - share) * rate * duration)
    )
    return time, right, left, mean


def _jumps(rng, segments, history):
    """Time (Ma) and length (km) of each segment's ridge jump; length 0 where there was none."""
    when = np.full(segments, rng.uniform(0.5, 8))
    length = np.zeros(segments)
    if rng.random() < 0.2:
        jumped = rng.random(segments) < 0.6
        length[jumped] = rng.choice([-1, 1]) * rng.uniform(10, 60)
        when = np.full(segments, np.interp(rng.uniform(10, 200), history[1], history[0]))
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
