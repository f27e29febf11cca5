"""Simulated cruises over a simulated anomaly: where ships went and what they would have read.

Ships cross on passage, mow a box in parallel lines, or go to and fro over one place (a star).
Positions err by the era of their navigation, readings by what sensor, ship and Earth's outer field
add.  The sizes of errors follow what crossovers of real cruises show: 61 nT (root mean square)
before levelling and 45 after it for the North Atlantic's whole archive, 20 to 30 nT for well-kept
cruises.

References
----------
Bullard, E. C. & Mason, R. G. (1961). Deep-Sea Research 8, 20-27 (heading error).
Quesnel, Y. et al. (2009). doi:10.1029/2008GC002305 (crossovers of the marine archive).
Chandler, M. T. & Wessel, P. (2008). doi:10.1016/j.cageo.2007.05.006 (errors of its navigation).
"""

import numpy as np
import pandas as pd
from scipy import ndimage

from .. import _shared

SAMPLE_KM = 1.0  # distance between readings along a track
SPEED_KM_H = 18.0  # about 10 knots
SURVEY_SHARE, STAR_SHARE = 0.15, 0.07  # of the cruises; the others are on passage
YEARS = (1958, 1974, 2018)  # first, commonest and last year of a cruise
GAP_EVERY_KM, GAP_KM = 800.0, 40.0  # mean distance between gaps, and their mean length
LAUNCH = pd.Timestamp("1958-01-01")
HOURS_A_YEAR = 365.25 * 24
# errors; all are standard deviations
OFFSET_NT = 14.0  # of a cruise: reference field, sensor, ship's permanent field
DRIFT_NT = 8.0  # reached after DRIFT_HOURS
HEADING_NT, HEADING_2_NT = 6.0, 2.5  # of the coefficients of cos H and sin H, of cos 2H and sin 2H
DIURNAL_NT = 8.0  # quiet-day variation, over all hours, days and cruises
ACTIVITY_NT = 4.0  # the magnetosphere's own, on quiet and disturbed days
NOISE_NT = 3.0
DRIFT_HOURS = 500.0
ACTIVITY_HOURS = 5.0
NOON_WIDTH_HOURS = 2.5  # of the quiet-day variation about local noon
DAY_TO_DAY = 0.4  # standard deviation of the logarithm of its size
ERAS = (  # first year, error of a position (km) along each axis, hours between fixes
    (0, 2.5, 12.0),  # stars and sun, dead reckoning between them
    (1967, 0.6, 2.5),  # Transit satellites
    (1992, 0.06, 1.0),  # GPS
)


def cruise_over(dataset, region, rng, coverage=0.1):
    """Send simulated cruises over a simulated region.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``anomaly`` (nT) on (northing, easting) in km, as `simulate_region` gives.
    region : helpers.data.Region
        Turns kilometres into longitude and latitude.
    rng : numpy.random.Generator
        Source of all randomness.
    coverage : float
        Share of the cells that some track crosses, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        A track table: cruise, time (UTC), longitude, latitude, total_field_nt (NaN: only the
        residual is simulated), residual_nt, depth_m (NaN).  Readings on land are left out.

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 0.9.
    """
    anomaly = dataset["anomaly"]
    table = lay_tracks(anomaly.northing.to_numpy(), anomaly.easting.to_numpy(), rng, coverage)
    table["residual_nt"] = read_field(anomaly.to_numpy(), anomaly, table, rng)
    table = table[np.isfinite(table.residual_nt)].reset_index(drop=True)
    longitude, latitude = region.unproject(table.easting_km, table.northing_km)
    table["longitude"] = (np.asarray(longitude) + 180) % 360 - 180
    table["latitude"] = latitude
    number, numbers = pd.factorize(table["cruise"])
    table["cruise"] = ("SIM" + pd.Series(numbers).astype(str).str.zfill(3)).array.take(number)
    table["time"] = LAUNCH + pd.to_timedelta(table["hours"], unit="h")
    table["total_field_nt"], table["depth_m"] = np.nan, np.nan
    columns = "cruise time longitude latitude total_field_nt residual_nt depth_m".split()
    return table[columns]


def lay_tracks(northing, easting, rng, coverage):
    """Lay passages, surveys and stars over a box until they cover a share of its cells.

    `northing` and `easting` are cell centres (km).  Gives a table of readings: ``cruise`` (number),
    ``easting_km``, ``northing_km`` (as recorded), ``heading_deg`` (clockwise from north) and
    ``hours`` since `LAUNCH`.
    """
    if not 0 < coverage < 0.9:
        raise ValueError(f"coverage is {coverage}; give the share of cells, between 0 and 0.9.")
    box = (easting[0], easting[-1], northing[0], northing[-1])
    crossed = np.zeros(len(northing) * len(easting), bool)
    wanted, pieces = int(np.ceil(coverage * crossed.size)), []
    while (missing := wanted - np.count_nonzero(crossed)) > 0:
        piece = _lose_some(_sample(_course(box, rng), box), rng)
        place = _shared.cell_of(piece[0], piece[1], easting, northing)
        row, column = np.rint(place).astype(int)
        cell = row * len(easting) + column
        new = np.sort(np.unique(cell, return_index=True)[1])
        new = new[~crossed[cell[new]]]
        if len(new) == 0 or len(cell) < 10:
            continue
        end = new[missing - 1] + 1 if len(new) >= missing else len(cell)
        crossed[cell[:end]] = True
        pieces.append(piece[:, :end])
    return _join(pieces, rng)


def read_field(field, anomaly, table, rng):
    """Read the anomaly (nT) along tracks: the field where the ship was, and each cruise's errors.

    `anomaly` is any grid with the coordinates (km) of `field`; NaN where the field is NaN.
    """
    northing, easting = anomaly.northing.to_numpy(), anomaly.easting.to_numpy()
    start = table.groupby("cruise")["hours"].min().to_numpy()
    shift = position_error(table, LAUNCH.year + start / HOURS_A_YEAR, rng)
    north, east = table["northing_km"].to_numpy() + shift[0], table["easting_km"] + shift[1]
    place = _shared.cell_of(east, north, easting, northing)
    row, column = (np.clip(at, 0, size - 1) for at, size in zip(place, field.shape, strict=True))
    return between_cells(field, row, column) + reading_error(table, rng)


def between_cells(values, row, column):
    """Values of a map at places (in cells from the centre of the first), by cubic splines.

    Straight lines between cells of 2 km would take a fifth off waves of 8 km.  NaN beyond the map
    and where a cell beside has no value.
    """
    known = np.isfinite(values)
    if not known.all():
        nearest = ndimage.distance_transform_edt(
            ~known, return_distances=False, return_indices=True
        )
        values = values[tuple(nearest)]
    found = ndimage.map_coordinates(values, [row, column], order=3, cval=np.nan)
    beside = ndimage.map_coordinates(known.astype(float), [row, column], order=1, cval=0.0)
    return np.where(beside > 1 - 1e-6, found, np.nan)


def _course(box, rng):
    """Corners of one cruise's course."""
    kind = rng.random()
    if kind < SURVEY_SHARE:
        return _survey(box, rng)
    return _star(box, rng) if kind < SURVEY_SHARE + STAR_SHARE else _transit(box, rng)


def _join(pieces, rng):
    """Make one table of the cruises, each with its own year."""
    values = np.concatenate(pieces, axis=1)
    length = [piece.shape[1] for piece in pieces]
    year = np.repeat(rng.triangular(*YEARS, len(pieces)) - LAUNCH.year, length)
    return pd.DataFrame(
        {
            "cruise": np.repeat(np.arange(len(pieces)), length),
            "easting_km": values[0],
            "northing_km": values[1],
            "heading_deg": values[2],
            "hours": values[3] + HOURS_A_YEAR * year,
        }
    )


def _transit(box, rng):
    """Corners of a passage across the box with one or two changes of course."""
    west, east, south, north = box
    angle = rng.uniform(0, 2 * np.pi)
    centre = np.array([rng.uniform(west, east), rng.uniform(south, north)])
    half = np.hypot(east - west, north - south)
    bend = rng.normal(0, 0.15)
    ahead = np.array([np.cos(angle), np.sin(angle)])
    back = -np.array([np.cos(angle + bend), np.sin(angle + bend)])
    return np.array([centre + half * back, centre, centre + half * ahead])


def _survey(box, rng):
    """Corners of a survey: parallel lines and one tie line."""
    west, east, south, north = box
    size = min(east - west, north - south)
    length, gap = rng.uniform(0.2, 0.5) * size, rng.uniform(0.03, 0.08) * size
    lines = int(rng.integers(4, 10))
    centre = np.array([rng.uniform(west, east), rng.uniform(south, north)])
    angle = rng.uniform(0, np.pi)
    along, across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = []
    for line in range(lines):
        side = 1 if line % 2 else -1
        start = centre + (line - lines / 2) * gap * across
        corners += [start - side * length / 2 * along, start + side * length / 2 * along]
    return np.array(corners + [centre - lines / 2 * gap * across])


def _star(box, rng):
    """Corners of a star: crossings of one place on several courses, as over a seamount."""
    west, east, south, north = box
    half = rng.uniform(0.1, 0.3) * min(east - west, north - south)
    centre = np.array([rng.uniform(west, east), rng.uniform(south, north)])
    rays = int(rng.integers(3, 6))
    angle = rng.uniform(0, np.pi) + np.pi * (1 + 1 / rays) * np.arange(rays)
    tips = half * np.column_stack([np.cos(angle), np.sin(angle)])
    return centre + np.stack([tips, -tips], axis=1).reshape(-1, 2)


def _sample(corners, box):
    """Place readings every `SAMPLE_KM` along straight legs, inside the box only.

    Gives easting, northing (km), heading (degrees) and hours, in rows.
    """
    legs = np.diff(corners, axis=0)
    ends = np.concatenate([[0], np.cumsum(np.hypot(*legs.T))])
    distance = np.arange(0, ends[-1], SAMPLE_KM)
    east = np.interp(distance, ends, corners[:, 0])
    north = np.interp(distance, ends, corners[:, 1])
    leg = np.clip(np.searchsorted(ends, distance, "right") - 1, 0, len(legs) - 1)
    heading = (np.degrees(np.arctan2(legs[:, 0], legs[:, 1])) % 360)[leg]
    inside = (east > box[0]) & (east < box[1]) & (north > box[2]) & (north < box[3])
    return np.stack([east, north, heading, distance / SPEED_KM_H])[:, inside]


def _lose_some(piece, rng):
    """Leave out the readings of gaps, when the magnetometer was on deck or out of order."""
    readings = piece.shape[1]
    kept = np.ones(readings, bool)
    for _ in range(rng.poisson(readings * SAMPLE_KM / GAP_EVERY_KM)):
        start = rng.integers(readings)
        kept[start : start + int(rng.exponential(GAP_KM) / SAMPLE_KM)] = False
    piece = piece[:, kept]
    return piece - np.array([[0], [0], [0], [piece[3, 0] if piece.shape[1] else 0]])


def position_error(table, year, rng):
    """Northward and eastward distance (km) of the true from the recorded position of each reading.

    Each fix has an error of its own, of the size of the cruise's era; from one to the next the
    error passes over gradually.  `year` has one for each cruise, in the order of their numbers.
    """
    cruise, hours = _since_start(table)
    first, size, interval = np.array(ERAS).T
    era = np.searchsorted(first, year, "right") - 1
    walk = _wander(cruise, hours / interval[era][cruise], 2, rng)
    return size[era][cruise] * walk


def reading_error(table, rng):
    """Error of each reading (nT): all that does not come from the seafloor.

    The heading error is ``b cos H + c cos 2H + d sin H + e sin 2H`` (Bullard & Mason 1961); its
    constant is the cruise's offset.
    """
    cruise, hours = _since_start(table)
    number = cruise.max() + 1
    offset, drift = rng.normal(0, [[OFFSET_NT], [DRIFT_NT / DRIFT_HOURS]], (2, number))[:, cruise]
    sizes = np.array([HEADING_NT, HEADING_NT, HEADING_2_NT, HEADING_2_NT])[:, None]
    b, d, c, e = rng.normal(0, sizes, (4, number))[:, cruise]
    turn = np.radians(table["heading_deg"].to_numpy())
    heading = b * np.cos(turn) + d * np.sin(turn) + c * np.cos(2 * turn) + e * np.sin(2 * turn)
    activity = ACTIVITY_NT * _wander(cruise, hours / ACTIVITY_HOURS, 1, rng)[0]
    noise = rng.normal(0, NOISE_NT, len(cruise))
    return offset + drift * hours + heading + _quiet_day(cruise, hours, rng) + activity + noise


def _quiet_day(cruise, hours, rng):
    """Quiet-day variation: a bump about local noon, its size from the cruise and the day (nT)."""
    number = cruise.max() + 1
    level, start = rng.normal(0, DIURNAL_NT, number), rng.uniform(0, 24, number)
    local = hours + start[cruise]
    day = (local // 24).astype(int)
    first = _first_of_each(cruise, day)
    growth = np.exp(rng.normal(-(DAY_TO_DAY**2), DAY_TO_DAY, first[-1]))  # mean square 1
    shape = np.exp(-0.5 * ((local % 24 - 12) / NOON_WIDTH_HOURS) ** 2)
    root_mean_square = np.sqrt(NOON_WIDTH_HOURS * np.sqrt(np.pi) / 24)
    return level[cruise] * growth[first[cruise] + day] * shape / root_mean_square


def _wander(cruise, steps, parts, rng):
    """Give curves of unit variance that run through independent values at whole steps."""
    position = steps + rng.random(cruise.max() + 1)[cruise]
    knot = position.astype(int)
    first = _first_of_each(cruise, knot + 1)
    values = rng.standard_normal((parts, first[-1]))
    place, share = first[cruise] + knot, 0.5 * np.pi * (position - knot)
    return values[:, place] * np.cos(share) + values[:, place + 1] * np.sin(share)


def _first_of_each(cruise, index):
    """Where each cruise's values begin in one array that has all, and its length at the end."""
    most = np.zeros(cruise.max() + 1, int)
    np.maximum.at(most, cruise, index)
    return np.concatenate([[0], np.cumsum(most + 1)])


def _since_start(table):
    """Return the cruise of each reading as 0, 1, 2, ... and the hours since that cruise began."""
    _, cruise = np.unique(table["cruise"].to_numpy(), return_inverse=True)
    hours = table["hours"].to_numpy(float)
    start = np.full(cruise.max() + 1, np.inf)
    np.minimum.at(start, cruise, hours)
    return cruise, hours - start[cruise]
