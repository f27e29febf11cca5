"""The simulated seafloor: from age and polarity to the magnetic anomaly at the sea surface.

A layer below the seafloor is magnetised with the polarity of its age (`crust`); its total-field
anomaly is computed by `forward`.  Real regions are made here, random seafloor in `_random`.
Everything is simulated and must be called so wherever it is shown.

References
----------
Gee, J. S. & Kent, D. V. (2007). Treatise on Geophysics 5, 455-507 (the time scale).
Seton, M. et al. (2020). doi:10.1029/2020GC009214 (the age grid).
Sager, W. W. (2006). Pure Appl. Geophys. 163, 2009-2037 (Pacific plate in the Cretaceous).
"""

import datetime

import numpy as np
import ppigrf
from scipy import ndimage
from scipy.interpolate import RectBivariateSpline

from .. import data
from . import crust, forward, labels

COVER_KM = 0.2  # of sediment and unmagnetised rock over the layer
USUAL_KM = 30.0  # standard deviation of the Gaussian that says which change of age is usual
SHALLOWEST_KM = 1.0  # half a cell: sources nearer to the surface cannot be told apart
FIELD_DATE = datetime.datetime(2000, 1, 1)
COARSE_CELLS = 48  # the reference field is evaluated on every so many cells and interpolated
TOLERANCE = 5e-3  # of Parker's series
NORTHWARD_DEG_PER_MA = {"shatsky": 0.26}  # drift of the plate since; elsewhere left out


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

    Raises
    ------
    KeyError
        If there is no such region.

    Examples
    --------
    >>> made = simulate_region("epr", spacing_km=16.0)
    >>> made["anomaly"].dims, made["anomaly"].attrs["units"]
    (('northing', 'easting'), 'nT')
    """
    region = data.region(name)
    northing, easting = region.grid_coords(spacing_km)
    age, relief = _interpolate_context(region, northing, easting)
    angle, coherence = labels.across_direction(age)
    polarity = crust.mean_polarity(age, _averaging_width(age, spacing_km))
    # the magnetisation (A/m), uneven from hill to hill and from region to region
    blocks = np.nan_to_num(polarity * crust.intensity(age))
    rng = np.random.default_rng(seed)
    varied = blocks * crust.variation(rng, age.shape, spacing_km)
    varied *= crust.variation(rng, age.shape, spacing_km, *crust.REGIONAL)
    depth = np.clip(COVER_KM - relief / 1000, SHALLOWEST_KM, None)
    depth = np.where(np.isfinite(age), depth, np.nanmedian(depth))
    directions = _directions(region, northing, easting, age)
    anomaly = forward.total_field_anomaly(
        varied, depth, spacing_km, *directions, tolerance=TOLERANCE
    )
    flat = float(np.mean(depth[np.isfinite(age)]))  # labels are of the polarity, not of hills
    stripes = forward.total_field_anomaly(blocks, flat, spacing_km, *directions)
    lineated = np.isfinite(age) & (coherence > labels.LINEATED_COHERENCE) & (relief < 0)
    layers = {
        "anomaly": anomaly, "label": labels.crest_lines(stripes, angle, lineated), "angle": angle,
        "polarity": polarity, "lineated": lineated, "age_ma": age, "relief_m": relief,
    }  # fmt: skip
    about = {"region": name, "crs": region.crs, "spacing_km": spacing_km, "source": "simulated"}
    return crust.pack(layers, northing, easting, **about)


def stripes_alone(truth):
    """Anomaly (nT) of a region's polarity alone: a flat layer, evenly magnetised.

    Parameters
    ----------
    truth : xarray.Dataset
        From `simulate_region`.

    Returns
    -------
    numpy.ndarray, shape (n, m)
    """
    age, relief = truth["age_ma"].to_numpy(), truth["relief_m"].to_numpy()
    depth = np.clip(COVER_KM - relief[np.isfinite(age)] / 1000, SHALLOWEST_KM, None)
    blocks = np.nan_to_num(truth["polarity"].to_numpy() * crust.intensity(age))
    region = data.region(truth.attrs["region"])
    directions = _directions(region, truth.northing.to_numpy(), truth.easting.to_numpy(), age)
    spacing = float(truth.attrs["spacing_km"])
    return forward.total_field_anomaly(blocks, float(np.mean(depth)), spacing, *directions)


def _directions(region, northing, easting, age):
    """Give unit vectors (east, north, down of the map) of the present field and the remanence.

    The field is IGRF, the remanence that of a dipole where the crust formed: at the latitude of
    today less the plate's drift.  Both turn with the meridians of the map's projection.
    """
    rows, columns = (
        np.unique(np.append(np.arange(0, size, COARSE_CELLS), size - 1))
        for size in (northing.size, easting.size)
    )
    east, north = np.meshgrid(easting[columns], northing[rows])
    longitude, latitude = region.unproject(east, north)
    b_east, b_north, b_up = (
        part.reshape(east.shape) for part in ppigrf.igrf(longitude, latitude, 0.0, FIELD_DATE)
    )
    origin = _fine(latitude, rows, columns)
    origin -= NORTHWARD_DEG_PER_MA.get(region.name, 0.0) * np.nan_to_num(age)
    turn = np.arctan2(*(b - a for a, b in zip(
        (east, north), region.project(longitude, latitude + 0.01), strict=True
    )))  # fmt: skip
    declination = _fine(np.degrees(np.arctan2(b_east, b_north) + turn), rows, columns)
    inclination = _fine(np.degrees(np.arctan2(-b_up, np.hypot(b_east, b_north))), rows, columns)
    return (
        forward.direction(inclination, declination),
        forward.dipole(origin, _fine(np.degrees(turn), rows, columns)),
    )


def _fine(coarse, rows, columns):
    """Interpolate from some rows and columns to all cells."""
    spline = RectBivariateSpline(rows, columns, coarse, kx=2, ky=2)
    return spline(np.arange(rows[-1] + 1), np.arange(columns[-1] + 1))


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


def _averaging_width(age, spacing_km):
    """Interval of age (Ma) over which polarity is averaged in each cell.

    It is the age change over `crust.TRANSITION_KM` and a cell; without the cell's share the
    shortest waves would be a tenth stronger, but narrow stripes on shallow seafloor would break
    into beads.
    Where ages change much faster than nearby, at a fracture zone, the age grid only blurs a jump
    and the ages between its two sides never existed: there the interval grows with the excess
    squared, so that no false stripes appear.
    """
    slope, usual = age_slopes(age, spacing_km)
    excess = np.clip(slope / (1.5 * usual), 1, None)
    return np.hypot(crust.TRANSITION_KM, spacing_km) * slope * excess**2


def age_slopes(age, spacing_km):
    """Change of age per km (Ma/km) in each cell, and what is usual around it.

    The first is NaN beside cells without an age.
    """
    slope = np.hypot(*np.gradient(age, spacing_km)) + 1e-6
    valid = np.isfinite(slope)
    sigma = USUAL_KM / spacing_km
    slowness = ndimage.gaussian_filter(np.where(valid, 1 / np.where(valid, slope, 1), 0), sigma)
    return slope, ndimage.gaussian_filter(valid.astype(float), sigma) / (slowness + 1e-9)
