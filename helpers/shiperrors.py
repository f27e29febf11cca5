"""What goes wrong on simulated cruises: positions by the era of their navigation, and readings.

The sizes follow what crossovers of real cruises show: 61 nT (root mean square) before levelling
and 45 after it for the North Atlantic's whole archive, 20 to 30 nT for well-kept cruises.

References
----------
Bullard, E. C. & Mason, R. G. (1961). Deep-Sea Research 8, 20-27 (heading error).
Quesnel, Y. et al. (2009). doi:10.1029/2008GC002305 (crossovers of the marine archive).
Chandler, M. T. & Wessel, P. (2008). doi:10.1016/j.cageo.2007.05.006 (errors of its navigation).
"""

import numpy as np

# all are standard deviations
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


def position_error(table, year, rng):
    """Error of the recorded positions: slowly varying, of the size of the cruise's era.

    Each fix has an error of its own; from one to the next the error passes over gradually.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``cruise`` and ``hours``.
    year : numpy.ndarray, shape (cruises,)
        Year of each cruise, in the order of ``numpy.unique(cruise)``.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    numpy.ndarray, shape (2, len(table))
        Northward and eastward distance (km) of the true from the recorded position.
    """
    cruise, hours = _since_start(table)
    first, size, interval = np.array(ERAS).T
    era = np.searchsorted(first, year, "right") - 1
    walk = _wander(cruise, hours / interval[era][cruise], 2, rng)
    return size[era][cruise] * walk


def reading_error(table, rng):
    """Error of each reading: all that does not come from the seafloor.

    The heading error is ``b cos H + c cos 2H + d sin H + e sin 2H`` (Bullard & Mason 1961); its
    constant is the cruise's offset.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``cruise``, ``hours`` and ``heading_deg``.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    numpy.ndarray, shape (len(table),)
        nT.
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
