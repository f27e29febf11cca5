"""The simulated seafloor: from age and polarity to the magnetic anomaly at the sea surface.

A layer below the seafloor is magnetised with the polarity of its age; its total-field anomaly is
computed by `helpers.forward`.  Everything made here is simulated and
must be called so wherever it is shown.

References
----------
Gee, J. S. & Kent, D. V. (2007). Treatise on Geophysics 5, 455-507 (the time scale).
Seton, M. et al. (2020). doi:10.1029/2020GC009214 (the age grid).
"""

import datetime

import numpy as np
import ppigrf
import xarray as xr
from scipy import ndimage
from scipy.interpolate import RectBivariateSpline

from . import data, labels
from .forward import dipole, total_field_anomaly

TRANSITION_KM = 3.0  # distance over which the polarity of the layer changes
AXIS_A_M, OLD_A_M, DECAY_MA = 10.0, 4.0, 4.0  # magnetisation at the ridge, of old crust, decay
FIELD_DATE = datetime.datetime(2000, 1, 1)
PALEOLATITUDE = {"shatsky": 0.0}  # assumed: formed near the equator, carried north since


def simulate_region(name, spacing_km=2.0, seed=0):
    """Simulate the anomaly of a real region from its age, relief and reference field.

    Parameters
    ----------
    name : str
        A region of the registry.
    spacing_km : float
        Side of the square cells.
    seed : int
        Seed of the small-scale variation of the magnetisation.

    Returns
    -------
    xarray.Dataset
        On (northing, easting): ``anomaly`` (nT, noise-free), ``label`` (1 on centre lines of
        positive anomalies), ``strike_deg``, ``polarity`` (-1 to 1), ``lineated`` (where a label
        can be), ``age_ma`` and ``relief_m``; NaN or 0 where the age grid has no seafloor.
    """
    region = data.region(name)
    northing, easting = region.grid_coords(spacing_km)
    age, relief = _interpolate_context(region, northing, easting)
    angle, coherence = labels.across_direction(age)
    polarity = mean_polarity(age, _averaging_width(age, spacing_km))
    blocks = np.nan_to_num(polarity * intensity(age))
    variation = _variation(np.random.default_rng(seed), age.shape, spacing_km)
    east, north, up = (
        float(np.squeeze(part)) for part in ppigrf.igrf(*_centre(region), 0.0, FIELD_DATE)
    )
    field = np.array([east, north, -up]) / np.linalg.norm([east, north, up])
    remanence = dipole(PALEOLATITUDE.get(name, _centre(region)[1]))
    depth = np.clip(-relief / 1000, 0.5, None)
    stripes = total_field_anomaly(blocks, depth, spacing_km, field, remanence)
    anomaly = total_field_anomaly(blocks * variation, depth, spacing_km, field, remanence)
    lineated = np.isfinite(age) & (coherence > labels.LINEATED_COHERENCE) & (relief < 0)
    label = labels.crest_lines(stripes, angle, lineated)
    dataset = _pack(anomaly, label, angle, polarity, lineated, age, relief, northing, easting)
    dataset.attrs.update(region=name, crs=region.crs, spacing_km=spacing_km, source="simulated")
    return dataset


def mean_polarity(age, width_ma, scale=None):
    """Mean polarity over an interval of age: the share of normal minus that of reversed.

    Averaging before sampling keeps chrons shorter than a cell continuous and lets polarity fade
    out where ages change abruptly, as at fracture zones.

    Parameters
    ----------
    age, width_ma : numpy.ndarray, shape (n, m)
        Age and full width of the interval (Ma).
    scale : numpy.ndarray, shape (chrons, 2), optional
        Young and old ends of the normal intervals (Ma), ascending; by default Gee & Kent (2007).

    Returns
    -------
    numpy.ndarray, shape (n, m)
        Polarity, -1 to 1; NaN where the age is NaN.
    """
    if scale is None:
        scale = data.timescale()[["young_ma", "old_ma"]].to_numpy()
    ends = scale.ravel()
    normal = np.concatenate([[0.0], np.cumsum(np.diff(ends) * (np.arange(ends.size - 1) % 2 == 0))])
    young = np.clip(age - np.maximum(width_ma, 1e-3) / 2, ends[0], None)
    old = np.maximum(age + np.maximum(width_ma, 1e-3) / 2, young + 1e-4)
    share = (np.interp(old, ends, normal) - np.interp(young, ends, normal)) / (old - young)
    return 2 * share - 1


def intensity(age):
    """Magnetisation (A/m) of crust of an age (Ma): strong at the ridge, weaker off axis."""
    return OLD_A_M + (AXIS_A_M - OLD_A_M) * np.exp(-age / DECAY_MA)


def _pack(anomaly, label, angle, polarity, lineated, age, relief, northing, easting):
    """Make the dataset that region and random maps share."""
    anomaly = np.where(np.isfinite(age), anomaly, np.nan)
    layers = {
        "anomaly": (anomaly, "nT", "simulated magnetic anomaly, noise-free"),
        "label": (label, "1", "centre line of a positive anomaly"),
        "strike_deg": (np.degrees(-angle) % 180, "degree", "strike clockwise from north"),
        "polarity": (polarity, "1", "mean polarity, normal positive"),
        "lineated": (lineated, "1", "polarity blocks are lineated here"),
        "age_ma": (age, "Ma", "seafloor age"),
        "relief_m": (relief, "m", "relief"),
    }
    dataset = xr.Dataset(coords={"northing": northing, "easting": easting})
    for name, (values, units, text) in layers.items():
        values = values.astype("float32") if values.dtype.kind == "f" else values.astype("uint8")
        dataset[name] = (("northing", "easting"), values, {"units": units, "long_name": text})
    for name in ("northing", "easting"):
        dataset[name].attrs.update(units="km", long_name=name)
    return dataset


def _interpolate_context(region, northing, easting):
    """Age (Ma) and relief (m) on a region's cells by cubic splines; NaN where there is no age."""
    context = data.context(region.name)
    east, north = np.meshgrid(easting, northing)
    longitude, latitude = region.unproject(east, north)
    x, y = context.longitude.to_numpy(), context.latitude.to_numpy()
    known = np.isfinite(context.age_ma.to_numpy())
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    age = RectBivariateSpline(y, x, context.age_ma.to_numpy()[tuple(nearest)]).ev(
        latitude, longitude
    )
    relief = RectBivariateSpline(y, x, context.relief_m.to_numpy()).ev(latitude, longitude)
    near_known = RectBivariateSpline(y, x, known.astype(float), kx=1, ky=1).ev(latitude, longitude)
    inside = (near_known > 0.5) & (latitude >= y[0]) & (latitude <= y[-1])
    age = ndimage.gaussian_filter(age, 1.5, truncate=3.0)  # the kinks between the age grid's cells
    inside &= (longitude >= x[0]) & (longitude <= x[-1])
    return np.where(inside, np.clip(age, 0, None), np.nan), relief


def _averaging_width(age, spacing_km, reach_km=30.0):
    """Interval of age (Ma) over which polarity is averaged in each cell.

    It is the age change over `TRANSITION_KM`.  Where ages change much faster than nearby, at a
    fracture zone, the age grid only blurs a jump and the ages between its two sides never
    existed: there the interval grows with the excess squared, so that no false stripes appear.
    """
    slope = np.hypot(*np.gradient(age, spacing_km)) + 1e-6
    valid = np.isfinite(slope)
    sigma = reach_km / spacing_km
    slowness = ndimage.gaussian_filter(np.where(valid, 1 / np.where(valid, slope, 1), 0), sigma)
    usual = ndimage.gaussian_filter(valid.astype(float), sigma) / (slowness + 1e-9)
    excess = np.clip(slope / (1.5 * usual), 1, None)
    return TRANSITION_KM * slope * excess**2


def _centre(region):
    """Longitude and latitude of the middle of a region (degrees)."""
    return 0.5 * (region.west + region.east), 0.5 * (region.south + region.north)


def _variation(rng, shape, spacing_km, reach_km=8.0, share=0.15):
    """Positive random factors of the magnetisation, mean near 1, correlated over `reach_km`."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), reach_km / spacing_km)
    return np.exp(share * noise / noise.std())


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
        Share of maps with stripes; the rest are isotropic and have no label.

    Returns
    -------
    xarray.Dataset
        As `simulate_region`.
    """
    margin = 16
    full = (shape[0] + 2 * margin, shape[1] + 2 * margin)
    age, scale = _random_age(rng, full, spacing_km), _random_scale(rng)
    polarity = mean_polarity(age, _averaging_width(age, spacing_km), scale)
    disturbed = _random_patch(rng, full, spacing_km)
    if rng.random() > lineated_share:
        disturbed[:] = 1.0
    noise = ndimage.gaussian_filter(rng.standard_normal(full), rng.uniform(2, 8))
    polarity = polarity * (1 - disturbed) + disturbed * noise / noise.std() * rng.uniform(0.2, 1)
    blocks = polarity * rng.uniform(3, 10)
    relief = _random_relief(rng, full, spacing_km)
    field, remanence = _random_direction(rng)
    depth = np.clip(-relief / 1000, 0.5, None)
    stripes = total_field_anomaly(blocks, depth, spacing_km, field, remanence)
    varied = blocks * _variation(rng, full, spacing_km) + _seamounts(rng, full, spacing_km)
    anomaly = total_field_anomaly(varied, depth, spacing_km, field, remanence)
    angle, coherence = labels.across_direction(age)
    lineated = (disturbed < 0.3) & (coherence > labels.LINEATED_COHERENCE)
    label = labels.crest_lines(stripes, angle, lineated)
    northing, easting = ((np.arange(size) + 0.5) * spacing_km for size in full)
    dataset = _pack(anomaly, label, angle, polarity, lineated, age, relief, northing, easting)
    inner = {"northing": slice(margin, -margin), "easting": slice(margin, -margin)}
    return dataset.isel(inner).assign_attrs(spacing_km=spacing_km, source="simulated")


def _random_age(rng, shape, spacing_km):
    """Age (Ma) of an invented plate: a ridge with bends, offsets and changing, uneven rates."""
    size = max(shape) * spacing_km
    north, east = (np.indices(shape) - np.array(shape)[:, None, None] / 2) * spacing_km
    strike = rng.uniform(0, np.pi)
    across = east * np.cos(strike) - north * np.sin(strike)
    along = east * np.sin(strike) + north * np.cos(strike)
    bend = rng.normal(0, 0.04) * size * np.sin(2 * np.pi * along / size / rng.uniform(0.8, 3))
    faults = np.sort(rng.uniform(-0.7, 0.7, rng.poisson(1.2))) * size
    offsets = np.concatenate([[0], np.cumsum(rng.normal(0, 0.12 * size, len(faults)))])
    segment = np.searchsorted(faults, along + rng.normal(0, 0.1) * across)
    distance = across + bend + offsets[segment] - rng.uniform(-1.5, 1.5) * size
    rate = np.exp(rng.uniform(np.log(7), np.log(80)))
    change = np.cumsum(np.concatenate([[0], rng.uniform(20, 150, 30)]))
    slowness = np.cumsum(
        np.diff(change, append=change[-1] + 100) / rate * rng.uniform(0.7, 1.4, 31)
    )
    asymmetry = np.where(distance > 0, 1.0, rng.uniform(0.75, 1.3))
    fan = 1 + rng.normal(0, 0.08) * along / size
    grown = np.interp(np.abs(distance) * asymmetry * fan, change, slowness - slowness[0])
    return grown + rng.choice([0.0, rng.uniform(0, 70), rng.uniform(121, 150)])


def _random_scale(rng):
    """Half the time the real polarity time scale, else invented chrons of the same statistics."""
    if rng.random() < 0.5:
        return None
    lengths = np.maximum(rng.exponential(rng.uniform(0.3, 0.9), 2000), 0.03)
    ends = np.cumsum(lengths)[: 2 * (np.searchsorted(np.cumsum(lengths), 250) // 2)]
    return ends.reshape(-1, 2)


def _random_patch(rng, shape, spacing_km):
    """Weight, 0 to 1, of a tectonically disturbed patch; zero in most maps."""
    if rng.random() < 0.6:
        return np.zeros(shape)
    rough = ndimage.gaussian_filter(rng.standard_normal(shape), rng.uniform(20, 60) / spacing_km)
    return 1 / (1 + np.exp(-6 * (rough / rough.std() - rng.uniform(0.3, 1.2))))


def _random_relief(rng, shape, spacing_km):
    """Relief (m): a mean depth with hills of tens of kilometres."""
    hills = ndimage.gaussian_filter(rng.standard_normal(shape), rng.uniform(5, 15) / spacing_km)
    return -rng.uniform(2000, 5500) + hills / hills.std() * rng.uniform(50, 300)


def _random_direction(rng):
    """Present field and remanence: any latitude outside the lowest, any declination."""
    latitude = rng.choice([-1, 1]) * rng.uniform(8, 75)
    field = dipole(latitude, rng.uniform(-25, 25))
    return field, dipole(np.clip(latitude + rng.normal(0, 12), -85, 85), rng.normal(0, 15))


def _seamounts(rng, shape, spacing_km):
    """Magnetisation (A/m) of round volcanoes of either polarity."""
    total = np.zeros(shape)
    north, east = np.indices(shape) * spacing_km
    for _ in range(rng.poisson(2)):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        square = (north - row * spacing_km) ** 2 + (east - column * spacing_km) ** 2
        total += rng.normal(0, 8) * np.exp(-square / (2 * rng.uniform(4, 14) ** 2))
    return total
