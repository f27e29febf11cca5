"""Random seafloor for pretraining: invented plates with all that makes real maps difficult.

Everything here is simulated; the ages come from `helpers.randomage`.

References
----------
Parsons, B. & Sclater, J. G. (1977). J. Geophys. Res. 82, 803-827 (depth and age).
Goff, J. A. & Jordan, T. H. (1988). J. Geophys. Res. 93, 13589-13608 (abyssal hills).
"""

import numpy as np
from scipy import fft

from . import crust, labels
from .forward import THICKNESS_KM, dipole, direction, total_field_anomaly
from .randomage import random_plate, random_scale

MARGIN_CELLS = 24  # made and cut off again: the transform's rim, and stripes that end there
TOLERANCE = 1e-2  # of Parker's series; the relief here is gentle
SHALLOWEST_KM = 0.8
LOWEST_SINE = 0.1  # of the latitude, as its greatest is HIGHEST_SINE
HIGHEST_SINE = 0.97
DISTURBED = 0.3  # weight of a disturbed patch above which there is no label


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
        As `seafloor.simulate_region`; labels are of the ordered stripes over a flat floor, without
        the hills, volcanoes and disorder that the anomaly has.
    """
    full = tuple(size + 2 * MARGIN_CELLS for size in shape)
    plate = random_plate(rng, full, spacing_km)
    transition = rng.uniform(1, 2) + 12 / plate.rate_km_ma * rng.random()
    width = np.hypot(transition, spacing_km) / plate.rate_km_ma
    ordered = crust.mean_polarity(plate.age_ma, width, random_scale(rng))
    disturbed, plateau = _patch(rng, full, spacing_km)
    if rng.random() > lineated_share:
        disturbed = np.ones(full)
    polarity = ordered * (1 - disturbed) + disturbed * _disorder(rng, full)
    relief = _relief(rng, plate, spacing_km) + plateau
    depth = np.clip(-relief / 1000, SHALLOWEST_KM, None) + rng.choice([0, rng.uniform(0, 1)])
    thickness = rng.uniform(0.5, 4)
    strength = _strength(rng, plate) * THICKNESS_KM / thickness
    shared = (depth, spacing_km, *_directions(rng), thickness, TOLERANCE)
    uneven = strength * _unevenness(rng, full, spacing_km)
    anomaly = total_field_anomaly(polarity * uneven, *shared)
    stripes = total_field_anomaly(ordered * strength, float(depth.mean()), *shared[1:])
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
    field = dipole(latitude + rng.normal(0, 5), rng.normal(0, 15))
    origin = np.clip(latitude + rng.normal(0, 12), -85, 85)
    return field, dipole(origin, rng.normal(0, 15))


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
        total += (
            height
            * 250
            * radius
            * far_north
            * np.exp(-0.5 * ((east - column * spacing_km) / radius) ** 2)
        )
    return np.minimum(total, 3000)


def _volcanic(rng, cones, base_km, spacing_km, field):
    """Anomaly (nT) of the volcanoes: a sheet at mid-height, of one age, formed anywhere near."""
    remanence = direction(rng.uniform(-80, 80), rng.normal(0, 30)) * rng.choice([-1, 1])
    sheet = cones / 1000 * rng.uniform(1, 6)
    middle = max(base_km - 0.4 * cones.max() / 1000, SHALLOWEST_KM)
    return total_field_anomaly(sheet, middle, spacing_km, field, remanence, 1.0)
