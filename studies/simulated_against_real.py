"""What notebook A1 and its figures hold the simulated seafloor against, each computed once.

First the questions that the notebook asks, then what answers them: profiles along real cruises,
measures of how alike two profiles or two maps are, and distances from magnetic picks.  What needs
cruises or picks that cannot be had raises `helpers.data.DataUnavailable`.

References
----------
Seton, M. et al. (2014). doi:10.1002/2013GC005176 (GSFML, the compilation of the picks).
"""

import datetime

import numpy as np
import pandas as pd
import ppigrf
import xarray as xr
from scipy import ndimage, signal
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from helpers import _shared, data, tracks
from helpers.seafloor import _region, crust, forward, ships

from . import cases
from ._kept import kept

# The questions.

TIED = "NBP9707"  # the cruise on which picks lie
QUIET_CRUISE, QUIET_BOX = "vanc05mv", (6.0, 14.0, -46.0, -36.0)  # east of C34 in the Cape Basin
PICKS = "picks/Croon++_2008_G3.gmt"
NEEDED = (*(f"tracks/ncei/{name}.m77t" for name in (*cases.CRUISES, QUIET_CRUISE)), PICKS)
STEEP = 3.0  # a cell belongs to a fracture zone where age changes so many times faster than usual
MOVED_SEED = 0  # of the directions in which picks are moved


@kept("seafloor")
def real_profiles():
    """Real cruises against the simulated map they cross.

    By cruise: a point every km, with ``observed_nt``, ``simulated_nt`` and ``age_ma``.
    """
    region = data.region("pacific_antarctic")
    table = tracks.read_tracks([data.fetch(f"tracks/ncei/{name}.m77t") for name in cases.CRUISES])
    return {
        str(name): with_simulated(even_profile(part, region), cases.seafloor_of(region.name))
        for name, part in tracks.residual(table).groupby("cruise")
    }


@kept("seafloor")
def tied_profile():
    """Profile of the cruise on which picks lie, with the anomaly of ages tied to them."""
    region = data.region("pacific_antarctic")
    data.fetch(PICKS)
    own = data.region_picks(region).query("cruise == @TIED")
    table = tracks.residual(tracks.read_tracks(data.fetch("tracks/ncei/nbp9707.m77t")))
    return tied_to_picks(even_profile(table, region), own, region)


@kept("seafloor")
def quiet_profile():
    """Even profile of a real cruise over crust of the Cretaceous superchron.

    VANC05MV in the Cape Basin, between the isochrons of chrons 34 (83 Ma, crossed near 5 E) and M0
    (121 Ma, beyond the end of the cruise) of Mueller et al. (2016),
    doi:10.1146/annurev-earth-060115-012211.
    """
    region = data.region_from_box(*QUIET_BOX, name="cape_basin")
    table = tracks.read_tracks(data.fetch(f"tracks/ncei/{QUIET_CRUISE}.m77t"))
    return even_profile(tracks.residual(table), region)


@kept("seafloor")
def pick_distances(name):
    """Distance (km) of picks in a region to the simulated boundary of their age, where one is."""
    data.fetch(PICKS)
    region = data.region(name)
    distance = distance_to_boundaries(data.region_picks(region), cases.seafloor_of(name), region)
    return distance[np.isfinite(distance)]


@kept("seafloor")
def line_distances(name, moved_km=0.0):
    """Distance (km) of the picks in a region to the label line of their chron, if it has one.

    Moved in random directions first, picks show what chance gives.  Gives ``distance_km`` and
    ``expected_km``, how far apart the simulated map itself has that line and the place of their
    age.
    """
    data.fetch(PICKS)
    region, rng = data.region(name), np.random.default_rng(MOVED_SEED)
    given = data.region_picks(region), cases.seafloor_of(name), region
    return distance_to_lines(*given, moved_km, rng).dropna()


@kept("seafloor")
def age_error(name):
    """Age of the grid at the picks in a region less their own: ``off_ma`` and ``off_km``.

    The latter is by the local spreading rate; positive where the grid is older.
    """
    data.fetch(PICKS)
    region, truth = data.region(name), cases.seafloor_of(name)
    table = data.region_picks(region)
    east, north = region.project(table["longitude"], table["latitude"])
    age = truth["age_ma"]
    at = {"northing": xr.Variable("pick", north), "easting": xr.Variable("pick", east)}
    found = age.interp(at).to_numpy()
    _, usual = _region.age_slopes(age.to_numpy(), truth.attrs["spacing_km"])
    here = age.copy(data=usual).interp(at)
    off = found - table["age_ma"].to_numpy()
    return pd.DataFrame({"off_ma": off, "off_km": off / here.to_numpy()}).dropna()


@kept("seafloor")
def continuity(name, lag_km):
    """Correlation of polarity along strike in a region, as simulated and taken carelessly.

    `lag_km` lies between two places of one stripe.  Near 1 where stripes are whole.
    """
    truth = cases.seafloor_of(name)
    where, strike = truth["lineated"].to_numpy() > 0, truth["strike_deg"].to_numpy()
    lag = lag_km / truth.attrs["spacing_km"]
    return tuple(
        along_strike_correlation(polarity, strike, where, lag) for polarity in _polarities(name)
    )


@kept("seafloor")
def fracture_contrast(name):
    """Mean size of polarity at fracture zones, as simulated and taken carelessly.

    There the age grid passes through ages that never were; stripes drawn from them are false.  0
    for no stripes, 1 for stripes of full strength.
    """
    truth = cases.seafloor_of(name)
    slope, usual = _region.age_slopes(truth["age_ma"].to_numpy(), truth.attrs["spacing_km"])
    where = slope > STEEP * usual
    return tuple(float(np.mean(np.abs(polarity[where]))) for polarity in _polarities(name))


def _polarities(name):
    """Polarity of a region as simulated, and taken carelessly."""
    truth = cases.seafloor_of(name)
    return truth["polarity"].to_numpy(), careless_polarity(truth, data.region(name))


def careless_polarity(truth, region):
    """Polarity (-1 to 1; 0 off the seafloor) of the nearest cell of the age grid.

    What a simulated region would be without splines.
    """
    grid = data.context(region.name)["age_ma"]
    longitude, latitude = region.unproject(*np.meshgrid(truth["easting"], truth["northing"]))
    row = np.searchsorted(0.5 * (grid.latitude[1:] + grid.latitude[:-1]), latitude)
    column = np.searchsorted(0.5 * (grid.longitude[1:] + grid.longitude[:-1]), longitude)
    age = grid.to_numpy()[row, column]
    return np.nan_to_num(crust.mean_polarity(age, np.zeros_like(age)))


# Profiles along cruises, and what the simulated seafloor has below them.

STEP_KM = 1.0  # between points of a profile
REGIONAL_KM = 100.0  # standard deviation of the Gaussian that is taken off as regional field
ON_TRACK_KM = 3.0  # a pick farther from a track is not its own
TIED_DATE = datetime.datetime(1997, 2, 1)  # of the reference field of `TIED`


def even_profile(table, region):
    """Resample one cruise (in the order of sailing) to a point every `STEP_KM` along its track.

    Readings outside the box of the region are left out.  Gives ``distance_km``, ``easting_km``,
    ``northing_km``, ``observed_nt`` (less its regional field) and ``depth_km``.
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


def with_simulated(profile, truth):
    """Add what a simulated map has below a profile: ``simulated_nt`` and ``age_ma``.

    Points where the map has no seafloor are left out.
    """
    place = profile["easting_km"], profile["northing_km"]
    row, column = _shared.cell_of(*place, truth["easting"], truth["northing"])
    profile = profile.copy()
    for name, layer in (("simulated_nt", "anomaly"), ("age_ma", "age_ma")):
        profile[name] = ships.between_cells(truth[layer].to_numpy(), row, column)
    profile = profile.dropna().reset_index(drop=True)
    profile["simulated_nt"] = less_regional(profile["simulated_nt"].to_numpy())
    return profile


def tied_to_picks(profile, picks, region):
    """Add the anomaly of stripes whose ages are tied to the picks on the track itself.

    Between picks, age grows smoothly (a monotone cubic); the layer follows the depth sounded, the
    stripes are two-dimensional and square to the track where it crosses the ridge.  Picks within
    `ON_TRACK_KM` count; the profile between the outermost is given, with ``age_ma`` and
    ``simulated_nt``.
    """
    age, axis_km = _tied_age(profile, picks, region)
    profile = profile.assign(age_ma=age).dropna().reset_index(drop=True)
    # strike: square to the course over 200 points about the axis
    middle = int(np.argmin(np.abs(profile["distance_km"] - axis_km)))
    ends = profile.loc[[max(middle - 100, 0), min(middle + 100, len(profile) - 1)]]
    course = np.degrees(np.arctan2(*np.diff(ends[["easting_km", "northing_km"]], axis=0)[0]))
    # direction of the present field: east, north, down
    longitude, latitude = region.unproject(*profile.loc[middle, ["easting_km", "northing_km"]])
    east, north, up = (float(np.squeeze(b)) for b in ppigrf.igrf(longitude, latitude, 0, TIED_DATE))
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
        # one flank at a time: age has its least value, a kink, on the axis
        part = knots[side * (knots.index - axis) >= 0]
        spline = PchipInterpolator(part.index, part.to_numpy(), extrapolate=False)
        where = side * (distance - axis) >= 0
        tied[where] = spline(distance[where])
    return tied, axis


def _stripes(profile, field, remanence, strike_deg):
    """Anomaly (nT) of two-dimensional stripes under a profile, with its relief."""
    age = profile["age_ma"].to_numpy()
    polarity = crust.mean_polarity(age, crust.TRANSITION_KM * np.abs(np.gradient(age, STEP_KM)))
    blocks = (polarity * crust.intensity(age))[None] * np.ones((8, 1))
    depth = (profile["depth_km"].to_numpy() + _region.COVER_KM)[None] * np.ones((8, 1))
    strike = np.radians(strike_deg)  # the map is turned so that the stripes run north
    turn = np.array(
        [[np.cos(strike), -np.sin(strike), 0], [np.sin(strike), np.cos(strike), 0], [0, 0, 1]]
    )
    wide = [np.concatenate([part] * 40) for part in (blocks, depth)]
    return forward.total_field_anomaly(*wide, STEP_KM, turn @ field, turn @ remanence)[160]


# How alike two profiles or the two ends of a stripe are: spectra, shifts, distributions.

BANDS_KM = ((6, 10), (10, 15), (15, 25), (25, 40), (40, 70), (70, 120))
SEGMENT_POINTS = 512  # of a spectrum
WINDOW_KM = 400.0  # of local shifts
FARTHEST_KM = 60.0  # longest shift


def band_amplitudes(values):
    """Root mean square of a profile (a point every `STEP_KM`) in each of `BANDS_KM`."""
    values = np.asarray(values, float)
    frequency, density = signal.welch(values, 1 / STEP_KM, nperseg=min(SEGMENT_POINTS, len(values)))
    step = frequency[1] - frequency[0]
    power = [
        density[(frequency >= 1 / longest) & (frequency < 1 / shortest)].sum() * step
        for shortest, longest in BANDS_KM
    ]
    return np.sqrt(power)


def amplitude_ratio(profile):
    """Divide the simulated by the real amplitude of a profile, in each of `BANDS_KM`."""
    return band_amplitudes(profile["simulated_nt"]) / band_amplitudes(profile["observed_nt"])


def correlation(profile):
    """Correlation of the observed and the simulated anomaly of a profile."""
    return _shared.agreement(profile["observed_nt"], profile["simulated_nt"])


def correlation_after_shift(profile):
    """Correlation of observed and simulated, window by window, each shifted to fit best.

    The age grid is off by tens of km in places, more than a stripe is wide; the shift takes that
    out. A best shift also raises the correlation of profiles that have nothing in common:
    ``by_chance``, with the simulated profile reversed, tells by how much.  A row a window of
    `WINDOW_KM`: ``start_km``, ``plain``, ``shifted``, ``shift_km`` and ``by_chance``.
    """
    observed, simulated = (profile[name].to_numpy() for name in ("observed_nt", "simulated_nt"))
    length, farthest = int(WINDOW_KM / STEP_KM), int(FARTHEST_KM / STEP_KM)
    rows = []
    for start in range(farthest, len(observed) - length - farthest, length):
        window = observed[start : start + length]
        found, chance = (
            [_shared.agreement(window, part[start + s : start + s + length])
             for s in range(-farthest, farthest + 1)]
            for part in (simulated, simulated[::-1])
        )  # fmt: skip
        best = int(np.argmax(found))
        shift = (best - farthest) * STEP_KM
        rows.append((start * STEP_KM, found[farthest], found[best], shift, max(chance)))
    return pd.DataFrame(rows, columns="start_km plain shifted shift_km by_chance".split())


def along_strike_correlation(field, strike_deg, where, lag_cells):
    """Correlation between values some way apart along strike: near 1 where stripes are whole.

    Strike is in degrees clockwise from north; `where` tells the cells that are middles of pairs.
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
    return _shared.agreement(*ends)


def laplace_gain(values):
    """How much likelier a Laplace than a normal distribution makes values, per value.

    The mean difference of the logarithms of likelihood, each distribution fitted by its own
    maximum: positive where Laplace fits better; 0.072 for a true Laplace distribution.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    normal = -0.5 * np.log(2 * np.pi * np.e * values.var())
    laplace = -np.log(2 * np.e * np.mean(np.abs(values - np.median(values))))
    return float(laplace - normal)


# Magnetic picks: where others saw the borders of polarity blocks, and how far ours are off.

ONE_ANOMALY_KM = 4.0  # blocks nearer than the layer is deep blend into one crest
SAME_MA = 0.002  # the compilation and the time scale are rounded to 0.001


def distance_to_boundaries(picks, truth, region):
    """Distance (km) from each pick to the nearest place of its age on a simulated map.

    The pick marks an end of a chron, which on the map is the border of a polarity block.  NaN where
    the map has no seafloor of that age, or none below the pick.
    """
    from skimage.measure import find_contours

    age = truth["age_ma"].to_numpy()
    spacing = float(truth.attrs["spacing_km"])
    row, column = _cells(picks, truth, region)
    distance = np.full(len(picks), np.nan)
    for value, which in picks.groupby("age_ma").indices.items():
        contours = find_contours(age, value)
        if contours:
            tree = cKDTree(np.concatenate([_dense(contour) for contour in contours]))
            distance[which] = spacing * tree.query(np.column_stack([row, column])[which])[0]
    return np.where(_on_seafloor(row, column, age), distance, np.nan)


def distance_to_lines(picks, truth, region, moved_km=0.0, rng=None):
    """Distance from each pick to the nearest label line of its chron, and what it should be.

    The pick marks an end of a block of normal polarity, the label line runs along the crest of
    its anomaly: on a right map half the block's width away, unless skewness slides the crest to
    one side, or neighbouring blocks are too near to each other to have crests of their own. A
    line belongs to the normal chron next to it, and to all that are nearer than `ONE_ANOMALY_KM`.
    Picks may be moved in random directions first, to tell what chance gives.

    Gives a row a pick: ``distance_km`` and ``expected_km``, how far apart the map itself has that
    line and the place of the pick's age; NaN where the map has no line of that chron, or no
    seafloor below the pick.
    """
    from skimage.morphology import skeletonize

    age, spacing = truth["age_ma"].to_numpy(), float(truth.attrs["spacing_km"])
    row, column = _cells(picks, truth, region)
    turn = 0.0 if rng is None else rng.uniform(0, 2 * np.pi, len(picks))
    places = np.column_stack([row + moved_km / spacing * np.sin(turn),
                              column + moved_km / spacing * np.cos(turn)])  # fmt: skip
    ends = data.timescale()[["young_ma", "old_ma"]].to_numpy()
    lines = np.argwhere(skeletonize(truth["label"].to_numpy() > 0) & np.isfinite(age))
    km_per_ma = 1 / np.hypot(*np.gradient(age, spacing))[tuple(lines.T)]
    of_line, of_pick = age[tuple(lines.T)], picks["age_ma"].to_numpy()
    nearest_chron = np.searchsorted(0.5 * (ends[1:, 0] + ends[:-1, 1]), of_line)
    found = np.full((2, len(picks)), np.nan)
    for chron, which in picks.groupby(_chron(of_pick, ends)).indices.items():
        outside = np.abs(of_line - np.clip(of_line, *ends[chron])) * km_per_ma
        near = np.flatnonzero((outside < ONE_ANOMALY_KM) | (nearest_chron == chron))
        if chron >= 0 and near.size:
            off, nearest = cKDTree(lines[near]).query(places[which])
            nearest = near[nearest]
            found[0, which] = spacing * off
            found[1, which] = np.abs(of_line[nearest] - of_pick[which]) * km_per_ma[nearest]
    found[:, ~_on_seafloor(*places.T, age)] = np.nan
    return pd.DataFrame(found.T, picks.index, ["distance_km", "expected_km"])


def _dense(contour):
    """Points between the vertices of a contour, which lie up to a cell apart."""
    fine = np.arange(0, len(contour) - 1 + 1e-9, 1 / 8)
    return np.column_stack([np.interp(fine, np.arange(len(contour)), part) for part in contour.T])


def _chron(age_ma, ends):
    """Find the normal chron that begins or ends at each age: its place in `ends`, or -1."""
    off = np.abs(age_ma[:, None, None] - ends).min(axis=2)
    return np.where(off.min(axis=1) < SAME_MA, off.argmin(axis=1), -1)


def _cells(picks, truth, region):
    """Row and column (not whole) of picks on a map."""
    place = region.project(picks["longitude"], picks["latitude"])
    return _shared.cell_of(*place, truth["easting"], truth["northing"])


def _on_seafloor(row, column, age):
    """Whether the map has an age at places on it."""
    i, j = (np.clip(np.rint(part).astype(int), 0, size - 1) for part, size in zip(
        (row, column), age.shape, strict=True
    ))  # fmt: skip
    return np.isfinite(age[i, j])
