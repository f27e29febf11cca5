"""Simulated against real: profiles along cruises, spectra, distributions, continuity of stripes."""

import datetime

import numpy as np
import pandas as pd
import ppigrf
from scipy import ndimage, signal
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from . import crust, forward, ships
from .seafloor import COVER_KM, TRANSITION_KM

STEP_KM = 1.0  # between points of a profile
REGIONAL_KM = 100.0  # standard deviation of the Gaussian that is taken off as regional field
BANDS_KM = ((6, 10), (10, 15), (15, 25), (25, 40), (40, 70), (70, 120))
ON_TRACK_KM = 3.0  # a pick farther from a track is not its own
WINDOW_KM = 400.0  # of local shifts
SEGMENT_POINTS = 512  # of a spectrum


def even_profile(table, region):
    """Resample one cruise to even steps along its track.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table of one cruise, in the order of sailing.
    region : helpers.data.Region
        Gives the projection; readings outside its box are left out.

    Returns
    -------
    pandas.DataFrame
        Every `STEP_KM`: ``distance_km``, ``easting_km``, ``northing_km``, ``observed_nt`` (less
        its regional field) and ``depth_km``.
    """
    table = table[region.contains(table["longitude"], table["latitude"])]
    table = table[np.isfinite(table["residual_nt"])]
    east, north = region.project(table["longitude"], table["latitude"])
    distance = np.concatenate([[0], np.cumsum(np.hypot(np.diff(east), np.diff(north)))])
    new = np.concatenate([[True], np.diff(distance) > 0])
    x = np.arange(0, distance[-1], STEP_KM)
    depth = table["depth_m"].interpolate(limit_direction="both").to_numpy() / 1000
    columns = {"easting_km": east, "northing_km": north, "depth_km": depth}
    columns["observed_nt"] = table["residual_nt"].to_numpy()
    profile = pd.DataFrame({"distance_km": x})
    for name, values in columns.items():
        profile[name] = np.interp(x, distance[new], np.asarray(values)[new])
    profile["observed_nt"] = less_regional(profile["observed_nt"].to_numpy())
    return profile


def less_regional(values):
    """Take the regional field, a running Gaussian mean of `REGIONAL_KM`, off a profile (nT)."""
    return values - ndimage.gaussian_filter1d(values, REGIONAL_KM / STEP_KM)


def on_map(profile, truth):
    """Add what a simulated map has below a profile: ``simulated_nt`` and ``age_ma``.

    Parameters
    ----------
    profile : pandas.DataFrame
        From `even_profile`.
    truth : xarray.Dataset
        From `seafloor.simulate_region`.

    Returns
    -------
    pandas.DataFrame
        Without the points where the map has no seafloor.
    """
    spacing = float(truth.attrs["spacing_km"])
    row = (profile["northing_km"] - float(truth.northing[0])) / spacing
    column = (profile["easting_km"] - float(truth.easting[0])) / spacing
    profile = profile.copy()
    for name, layer in (("simulated_nt", "anomaly"), ("age_ma", "age_ma")):
        profile[name] = ships.between_cells(truth[layer].to_numpy(), row, column)
    profile = profile.dropna().reset_index(drop=True)
    profile["simulated_nt"] = less_regional(profile["simulated_nt"].to_numpy())
    return profile


def tied_to_picks(profile, picks, region, date=datetime.datetime(1997, 2, 1)):
    """Add the anomaly of stripes whose ages are tied to the picks on the track itself.

    Between picks, age grows smoothly (a monotone cubic); the layer follows the depth sounded, the
    stripes are two-dimensional and square to the track where it crosses the ridge.

    Parameters
    ----------
    profile : pandas.DataFrame
        From `even_profile`.
    picks : pandas.DataFrame
        From `picks.region_picks`; those within `ON_TRACK_KM` of the track count.
    region : helpers.data.Region
    date : datetime.datetime
        Of the reference field.

    Returns
    -------
    pandas.DataFrame
        The part of the profile between its outermost picks with ``age_ma`` and ``simulated_nt``.
    """
    age, axis_km = _tied_age(profile, picks, region)
    profile = profile.assign(age_ma=age).dropna().reset_index(drop=True)
    middle = int(np.argmin(np.abs(profile["distance_km"] - axis_km)))
    ends = profile.loc[[max(middle - 100, 0), min(middle + 100, len(profile) - 1)]]
    course = np.degrees(np.arctan2(*np.diff(ends[["easting_km", "northing_km"]], axis=0)[0]))
    longitude, latitude = region.unproject(*profile.loc[middle, ["easting_km", "northing_km"]])
    east, north, up = (float(np.squeeze(b)) for b in ppigrf.igrf(longitude, latitude, 0, date))
    field = np.array([east, north, -up]) / np.linalg.norm([east, north, up])
    profile["simulated_nt"] = less_regional(
        _stripes(profile, field, forward.dipole(latitude), course - 90)
    )
    return profile


def _tied_age(profile, picks, region):
    """Age (Ma) along a profile by its own picks, NaN beyond them; and where the axis is (km)."""
    east, north = region.project(picks["longitude"], picks["latitude"])
    tree = cKDTree(profile[["easting_km", "northing_km"]])
    off, nearest = tree.query(np.column_stack([east, north]))
    own = off < ON_TRACK_KM
    x, age = profile["distance_km"].to_numpy()[nearest[own]], picks["age_ma"].to_numpy()[own]
    if len(x) < 4:
        raise ValueError(
            f"Only {len(x)} picks lie within {ON_TRACK_KM} km of the track; at least 4 are needed "
            "on both sides of the axis. Choose a cruise that was picked, such as NBP9707."
        )
    axis = float(np.median(x[age == age.min()]))
    knots = pd.Series(np.append(age, 0.0), np.append(x, axis)).groupby(level=0).mean()
    distance = profile["distance_km"].to_numpy()
    tied = np.full(len(distance), np.nan)
    for side in (-1, 1):
        part = knots[side * (knots.index - axis) >= 0]
        spline = PchipInterpolator(part.index, part.to_numpy(), extrapolate=False)
        where = side * (distance - axis) >= 0
        tied[where] = spline(distance[where])
    return tied, axis


def _stripes(profile, field, remanence, strike_deg):
    """Anomaly (nT) of two-dimensional stripes under a profile, with its relief."""
    age = profile["age_ma"].to_numpy()
    polarity = crust.mean_polarity(age, TRANSITION_KM * np.abs(np.gradient(age, STEP_KM)))
    blocks = (polarity * crust.intensity(age))[None] * np.ones((8, 1))
    depth = (profile["depth_km"].to_numpy() + COVER_KM)[None] * np.ones((8, 1))
    strike = np.radians(strike_deg)  # the map is turned so that the stripes run north
    turn = np.array(
        [[np.cos(strike), -np.sin(strike), 0], [np.sin(strike), np.cos(strike), 0], [0, 0, 1]]
    )
    wide = [np.concatenate([part] * 40) for part in (blocks, depth)]
    return forward.total_field_anomaly(*wide, STEP_KM, turn @ field, turn @ remanence)[160]


def band_amplitudes(values, bands_km=BANDS_KM):
    """Root mean square of a profile in bands of wavelength.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Every `STEP_KM`.
    bands_km : sequence of (shortest, longest)

    Returns
    -------
    numpy.ndarray, shape (bands,)
        In the unit of `values`.
    """
    values = np.asarray(values, float)
    frequency, density = signal.welch(values, 1 / STEP_KM, nperseg=min(SEGMENT_POINTS, len(values)))
    step = frequency[1] - frequency[0]
    power = [
        density[(frequency >= 1 / longest) & (frequency < 1 / shortest)].sum() * step
        for shortest, longest in bands_km
    ]
    return np.sqrt(power)


def amplitude_ratio(profile):
    """Divide the simulated by the real amplitude of a profile, band by band."""
    return band_amplitudes(profile["simulated_nt"]) / band_amplitudes(profile["observed_nt"])


def correlation(profile):
    """Correlation of the observed and the simulated anomaly of a profile."""
    return _correlation(profile["observed_nt"], profile["simulated_nt"])


def correlation_after_shift(profile, farthest_km=60.0):
    """Correlation of observed and simulated, window by window, each shifted to fit best.

    The age grid is off by tens of km in places, more than a stripe is wide; the shift takes that
    out.  A best shift also raises the correlation of profiles that have nothing in common: the
    second value, with the simulated profile reversed, tells by how much.

    Parameters
    ----------
    profile : pandas.DataFrame
        With ``observed_nt`` and ``simulated_nt``.
    farthest_km : float
        Longest shift.

    Returns
    -------
    pandas.DataFrame
        One row a window of `WINDOW_KM`: ``start_km``, ``plain``, ``shifted``, ``shift_km`` and
        ``by_chance``.
    """
    observed, simulated = (profile[name].to_numpy() for name in ("observed_nt", "simulated_nt"))
    length, farthest = int(WINDOW_KM / STEP_KM), int(farthest_km / STEP_KM)
    rows = []
    for start in range(farthest, len(observed) - length - farthest, length):
        window = observed[start : start + length]
        found, chance = (
            [_correlation(window, part[start + s : start + s + length])
             for s in range(-farthest, farthest + 1)]
            for part in (simulated, simulated[::-1])
        )  # fmt: skip
        best = int(np.argmax(found))
        shift = (best - farthest) * STEP_KM
        rows.append((start * STEP_KM, found[farthest], found[best], shift, max(chance)))
    return pd.DataFrame(rows, columns="start_km plain shifted shift_km by_chance".split())


def along_strike_correlation(field, strike_deg, where, lag_cells):
    """Correlation between values some way apart along strike: near 1 where stripes are whole.

    Parameters
    ----------
    field, strike_deg : numpy.ndarray, shape (n, m)
        The map, and strike clockwise from north (degrees).
    where : numpy.ndarray of bool, shape (n, m)
        Middles of the pairs.
    lag_cells : float
        Distance between the two.

    Returns
    -------
    float
    """
    row, column = np.nonzero(where)
    strike = np.radians(strike_deg[row, column])
    field = np.nan_to_num(field)
    ends = [
        ndimage.map_coordinates(
            field,
            [row + half * lag_cells * np.cos(strike), column + half * lag_cells * np.sin(strike)],
            order=1,
        )
        for half in (-0.5, 0.5)
    ]
    return _correlation(*ends)


def laplace_gain(values):
    """How much likelier a Laplace than a normal distribution makes values, per value.

    Parameters
    ----------
    values : numpy.ndarray

    Returns
    -------
    float
        Mean difference of the logarithms of likelihood, each distribution fitted by its own
        maximum: positive where Laplace fits better; 0.072 for a true Laplace distribution.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    normal = -0.5 * np.log(2 * np.pi * np.e * values.var())
    laplace = -np.log(2 * np.e * np.mean(np.abs(values - np.median(values))))
    return float(laplace - normal)


def _correlation(one, other):
    """Correlation of two arrays."""
    return float(np.corrcoef(one, other)[0, 1])
