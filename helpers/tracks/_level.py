"""Levelling: corrections of each cruise and leg that make crossing tracks agree.

What two tracks differ by where they cross is the sum of their errors. All crossovers together
are fitted by a mixed model: a constant of each cruise, which is free, and smaller terms of known
shape, which are held back by their expected size, so that few crossovers cannot run wild. `level`
lists the terms and gives the equation.

References
----------
Bullard, E. C., Mason, R. G. (1961). The magnetic field astern of a ship. Deep-Sea Research 8,
20-27 (the terms in H and 2H).
Dempster, A. P., Laird, N. M., Rubin, D. B. (1977). Maximum likelihood from incomplete data via
the EM algorithm. J. R. Stat. Soc. B 39, 1-38 (the sizes of random effects).
Huber, P. J. (1964). Robust estimation of a location parameter. Ann. Math. Stat. 35, 73-101.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, sparse
from scipy.sparse import csgraph
from threadpoolctl import threadpool_limits

from . import _crossovers, _table

EXPECTED_NT = {"leg": 4.0, "drift": 8.0, "heading": 8.0, "heading2": 3.0, "daily": 8.0}
FREE_NT, LEVEL_NT = 1000.0, 200.0  # of the constants of cruises, and at exchanges of the sensor
BELIEF = 4.0  # the expected size of a term counts like so many of its members,
NAVIGATION_BELIEF = 20.0  # and the expected errors of position like so many crossovers
NAVIGATION_KM = ((0, 2.5), (1967, 0.6), (1992, 0.06))  # from which year; sextant, Transit, GPS
LEG_CROSSOVERS = 3  # legs with fewer have no constant of their own
HUBER = 1.5  # crossovers farther off than this many standard deviations count less
LEAST_NT = 0.1  # no crossover is better than this
ROUNDS, SETTLED_NT = 20, 0.2  # re-weighting ends when no term changes by more than this
ROWS_AT_ONCE = 200_000


def level(table, region, expected_nt=None):
    """Correct each cruise and leg so that crossing tracks agree.

    Beside a constant of each cruise there are these terms:

    ``leg``
        A constant of each leg; see `legs`.
    ``drift``
        Linear in time, from the first to the last reading of the cruise in the region.
    ``heading``, ``heading2``
        The ship's own magnetism: cos H and sin H of the heading H, permanent; cos 2H and sin 2H,
        induced.
    ``daily``
        cos and sin of the local time of day, of each cruise: the daily variation.
    ``level``
        A constant of each stretch between exchanges of the sensor, which `clean` flags in the
        column ``level``.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table; the column ``level`` is used if it is there.
    region : helpers.data.Region
        Where crossovers are looked for. All readings of the cruises are corrected.
    expected_nt : dict, optional
        Expected sizes (standard deviations, nT) of the terms, by name, in place of
        `EXPECTED_NT`; 0 leaves a term out. The sizes found in the data count more the more
        cruises (or legs) there are.

    Returns
    -------
    tuple of pandas.DataFrame
        The table with corrected ``residual_nt``, and the corrections, index cruise:
        ``constant_nt``, the mean of what was taken off its readings in the region, and
        ``constant_sd_nt``, its standard deviation by the model; ``crossovers``; and the sizes of
        the terms: ``drift_nt`` from begin to end, ``heading_nt``, ``heading2_nt`` and
        ``daily_nt`` (amplitudes), ``leg_nt`` (root mean square over the legs that have a
        constant). ``attrs["fitted"]`` has the sizes of the terms found (nT) and ``navigation``,
        the factor by which positions are worse than expected. Tracks that cross nothing are left
        as they are.

    Raises
    ------
    ValueError
        If no tracks cross in the region, or a name or size in `expected_nt` is wrong.

    Notes
    -----
    The errors e at the crossovers are fitted by e = X b + noise, where X has a column for each
    member of each term (1, time, cos H, ...; of the one track minus of the other) and the sizes
    b of a term are held back by their standard deviation s:

        b = (Xᵀ W X + S⁻¹)⁻¹ Xᵀ W e,  W = diag(w / v),  S = diag(s²)

    with Huber's weights w (1964) and the variance v of each crossover: one of all, and on the
    steep flank of an anomaly what errors of position make there (they are expected by the year:
    sextant, Transit satellites, GPS). The sizes s and the factor by which positions are worse are
    estimated from the data on the way (Dempster et al. 1977).

    The constants are known up to a common one (one for each set of cruises that hangs
    together); their mean, weighted by the crossovers, is zero. The time grows with the cube of
    the number of cruises and legs: about a second for 70 cruises, four for 150 (350,000 readings,
    12,000 crossovers).
    """
    expected = _expected(expected_nt)
    track = _crossovers.legs(table)
    found = _crossovers.meetings(track, region)
    if found.empty:
        raise ValueError(
            f"No tracks cross in {region.title or region.name}; levelling needs crossovers. "
            "Choose a larger region, or remove each cruise's median (tracks.remove_cruise_median)."
        )
    inside = region.contains(track["longitude"], track["latitude"])
    terms = _Terms(track[inside], found, expected)
    with threadpool_limits(1, "blas"):  # on busy cores its threads wait for each other
        fit = _solve(terms, found, expected)
    other = found["cruise_2"][found["cruise_1"] != found["cruise_2"]]
    number = pd.concat([found["cruise_1"], other]).value_counts().reindex(terms.cruises)
    mean = terms.mean(track[inside])
    common = terms.common(mean, found, number.to_numpy())
    corrections = terms.describe(fit.solution, number)
    free = mean - common
    corrections["constant_nt"] = free @ fit.solution
    corrections["constant_sd_nt"] = np.sqrt(np.sum((free @ fit.covariance) * free, axis=1))
    corrections.attrs["fitted"] = fit.sizes
    known = track["cruise"].isin(terms.cruises).to_numpy()
    cruise = terms.cruises.get_indexer(track["cruise"][known])
    shift = terms.evaluate(track[known], fit.solution) - (common @ fit.solution)[cruise]
    residual = table["residual_nt"].to_numpy(float, copy=True)
    residual[track.index[known]] -= shift
    return table.assign(residual_nt=residual), corrections


class _Terms:
    """The columns of the model: which members each term has, and what they do to a reading."""

    def __init__(self, track, found, expected):
        """Keep the members that the crossovers know."""
        self.cruises = _members(found, "cruise")
        time = track.groupby("cruise")["time"].agg(["min", "max"]).reindex(self.cruises)
        self.begin = time["min"].to_numpy("datetime64[ns]")
        self.length = np.maximum(time["max"].to_numpy("datetime64[ns]") - self.begin, 1)
        several = track.groupby("cruise")["level"].transform("nunique") > 1
        self.members = {"leg": _members(found, "leg", LEG_CROSSOVERS)}
        self.cruise_of_leg = track.groupby("leg")["cruise"].first().reindex(self.members["leg"])
        self.members["level"] = pd.Index(track["level"][several].unique())
        self.names = ["constant", "level", *(name for name in EXPECTED_NT if expected[name] > 0)]
        sizes = [len(self.members.get(n, self.cruises)) for n in self.names for _ in SHAPES[n]]
        self.first = np.cumsum([0, *sizes])
        self.term = np.repeat([n for n in self.names for _ in SHAPES[n]], sizes)

    def matrix(self, readings):
        """Give a row for each reading, and a column for each unknown."""
        rows, columns, values = [], [], []
        angles = self._angles(readings)
        shapes = [(name, shape) for name in self.names for shape in SHAPES[name]]
        for first, (name, shape) in zip(self.first[:-1], shapes, strict=True):
            key = name if name in self.members else "cruise"
            member = self.members.get(name, self.cruises).get_indexer(readings[key])
            row = np.flatnonzero(member >= 0)
            rows.append(row)
            columns.append(first + member[row])
            values.append(shape(angles)[row])
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_matrix(entries, (len(readings), self.first[-1]))

    def evaluate(self, readings, solution):
        """Add up what the solution says of each reading (nT)."""
        parts = [self.matrix(readings.iloc[rows]) @ solution for rows in _slices(len(readings))]
        return np.concatenate(parts)

    def mean(self, readings):
        """Give the mean row of each cruise, shape (cruises, unknowns)."""
        cruise = self.cruises.get_indexer(readings["cruise"])
        total = np.zeros((len(self.cruises), self.first[-1]))
        for rows in _slices(len(readings)):
            known = np.flatnonzero(cruise[rows] >= 0)
            of = sparse.csr_matrix(
                (np.ones(known.size), (cruise[rows][known], known)),
                (len(total), len(cruise[rows])),
            )
            total += (of @ self.matrix(readings.iloc[rows])).toarray()
        return total / np.bincount(cruise[cruise >= 0], minlength=len(total))[:, None]

    def common(self, mean, found, number):
        """Give what cannot be known: the mean row of each set of cruises that hangs together."""
        ends = [self.cruises.get_indexer(found[f"cruise_{k}"]) for k in (1, 2)]
        net = sparse.csr_matrix((np.ones(len(found)), ends), (len(mean), len(mean)))
        group = csgraph.connected_components(net, directed=False)[1]
        share = (group[:, None] == group) * number
        return share / share.sum(axis=1, keepdims=True) @ mean

    def describe(self, solution, number):
        """Tabulate the sizes of the terms of each cruise."""
        first = {"constant_nt": 0.0, "constant_sd_nt": 0.0, "crossovers": number}
        table = pd.DataFrame(first, index=self.cruises)
        for name in self.names[2:]:
            values = solution[self.term == name]
            if name == "leg":
                values = pd.Series(values**2).groupby(self.cruise_of_leg.to_numpy()).mean() ** 0.5
                table["leg_nt"] = values.reindex(self.cruises).fillna(0.0)
            else:
                each = values.reshape(len(SHAPES[name]), -1)
                table[f"{name}_nt"] = each[0] if name == "drift" else np.hypot(*each)
        return table.rename_axis("cruise")

    def _angles(self, readings):
        """Share of the cruise gone by (-1/2 to 1/2), heading and time of day (radians)."""
        cruise = self.cruises.get_indexer(readings["cruise"])
        time = readings["time"].to_numpy("datetime64[ns]")
        share = np.clip((time - self.begin[cruise]) / self.length[cruise], 0, 1) - 0.5
        day = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "D")
        day += readings["longitude"].to_numpy(float) / 360
        heading = np.radians(readings["heading_deg"].to_numpy(float))
        return {"share": share, "heading": heading, "day": 2 * np.pi * day}


SHAPES = {
    "constant": [lambda at: np.ones_like(at["share"])],
    "level": [lambda at: np.ones_like(at["share"])],
    "leg": [lambda at: np.ones_like(at["share"])],
    "drift": [lambda at: at["share"]],
    "heading": [lambda at: np.cos(at["heading"]), lambda at: np.sin(at["heading"])],
    "heading2": [lambda at: np.cos(2 * at["heading"]), lambda at: np.sin(2 * at["heading"])],
    "daily": [lambda at: np.cos(at["day"]), lambda at: np.sin(at["day"])],
}


def _expected(given):
    """Sizes of the terms: those given, else the usual."""
    expected = EXPECTED_NT | (given or {})
    wrong = {name: size for name, size in expected.items() if not 0 <= size < np.inf}
    unknown = set(expected) - set(EXPECTED_NT)
    if unknown or wrong:
        raise ValueError(
            f"expected_nt has {given}; its names are {sorted(EXPECTED_NT)}, "
            "its sizes nT from 0 (left out) up."
        )
    return expected


def _slices(rows):
    """Cut so many rows into pieces that a matrix of them fits in memory."""
    return [slice(k, k + ROWS_AT_ONCE) for k in range(0, rows, ROWS_AT_ONCE)]


def _inverse(matrix):
    """Invert a symmetric positive definite matrix, at half the cost of a general one."""
    half, bad = linalg.lapack.dpotri(linalg.cholesky(matrix, check_finite=False))
    if bad:
        raise np.linalg.LinAlgError("The normal equations of the levelling cannot be inverted.")
    return np.triu(half) + np.triu(half, 1).T


def _members(found, name, least=1):
    """Cruises or legs with so many crossovers at least, in order."""
    number = pd.concat([found[f"{name}_1"], found[f"{name}_2"]]).value_counts()
    return pd.Index(sorted(number.index[number >= least]))


def _side(found, number):
    """Give one of the two tracks at the crossings."""
    names = {f"{name}_{number}": name for name in ("cruise", "leg", "level", "time")}
    return found.rename(columns=names | {f"heading_{number}_deg": "heading_deg"})


def _steepness(found):
    """Variance (nT^2) that the expected errors of position make at each crossover."""
    first, size = np.array(NAVIGATION_KM).T
    error = 0.0
    for k in (1, 2):  # both tracks are off, and each in both directions
        era = np.searchsorted(first, found[f"time_{k}"].dt.year, "right") - 1
        error = error + size[era] ** 2
    slope = found["slope_1_nt_km"] ** 2 + found["slope_2_nt_km"] ** 2
    return (error * slope).to_numpy()


class _Fit(NamedTuple):
    """What fits the crossovers."""

    solution: np.ndarray  # b, nT
    covariance: np.ndarray  # of b, nT²
    sizes: dict  # of the terms (nT), and ``navigation``


def _solve(terms, found, expected):
    """Fit the crossovers; sizes of terms and scatter of crossovers are estimated on the way."""
    steep = _steepness(found)
    # X: what the terms do to the first track, minus what they do to the second
    design = terms.matrix(_side(found, 1)) - terms.matrix(_side(found, 2))
    error = found["error_nt"].to_numpy()
    sizes = {"constant": FREE_NT, "level": LEVEL_NT} | expected
    scatter, weight = (np.median(np.abs(error)) ** 2, 1.0), np.ones(len(error))
    solution = np.zeros(len(terms.term))
    for _ in range(ROUNDS):
        # v: on flat field, and what errors of position make on a slope
        variance = np.maximum(scatter[0], LEAST_NT**2) + scatter[1] * steep
        prior = np.array([sizes[name] ** -2.0 for name in terms.term])
        # b = (Xᵀ W X + S⁻¹)⁻¹ Xᵀ W e
        weighted = design.multiply((weight / variance)[:, None]).tocsr()
        covariance = _inverse((design.T @ weighted).toarray() + np.diag(prior))
        before, solution = solution, covariance @ (weighted.T @ error)
        spread = np.diag(covariance)
        free = max(1 - np.sum(1 - spread * prior) / len(error), 0.1)
        misfit = np.abs(error - design @ solution)
        # Huber's weights: 1 up to 1.5 standard deviations, then falling with the misfit
        weight = np.minimum(1.0, HUBER * np.sqrt(variance) / np.maximum(misfit, 1e-9))
        scatter = _scatter(misfit / np.sqrt(free), steep)
        # s² = (Σ (b² + variance of b) + 4 expected²) / (members + 4)
        for name in terms.names[2:]:
            squares = (solution**2 + spread)[terms.term == name]
            total = squares.sum() + BELIEF * expected[name] ** 2
            sizes[name] = float(np.sqrt(total / (len(squares) + BELIEF)))
        if np.abs(solution - before).max() < SETTLED_NT:
            break
    fitted = {name: sizes[name] for name in terms.names[2:]}
    return _Fit(solution, covariance, fitted | {"navigation": float(np.sqrt(scatter[1]))})


def _scatter(misfit, steep):
    """Split the variance of crossovers: on flat field (nT^2), and the factor of `steep`.

    The flatter and the steeper half of the crossovers each have a robust variance.
    """
    order, number = np.argsort(steep), len(steep)
    halves = order[: (number + 1) // 2], order[number // 2 :]
    flat, rough = ((_table.TO_SIGMA * np.median(misfit[half])) ** 2 for half in halves)
    low, high = (np.median(steep[half]) for half in halves)
    position = max(rough - flat, 0.0) / max(high - low, 1e-9)
    position = number * position + NAVIGATION_BELIEF
    position /= number + NAVIGATION_BELIEF
    return max(flat - position * low, flat / 4), position
