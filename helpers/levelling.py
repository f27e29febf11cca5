"""Crossover errors of cruises, and the corrections that make cruises agree.

Two cruises that cross read the same field at the same place; what they differ by is the sum of
their errors.  Constants and drifts of each cruise are estimated from all crossovers at once.

References
----------
Wessel, P. (2010). Tools for analyzing intersecting tracks: the x2sys package.
Computers & Geosciences 36, 348-354.
Huber, P. J. (1964). Robust estimation of a location parameter. Ann. Math. Stat. 35, 73-101.
"""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import lsqr
from shapely import STRtree, linestrings

GAP_KM = 5.0  # readings farther apart than this are not joined
HUBER = 1.5  # crossovers farther off than this many standard deviations count less
ROUNDS = 15  # of re-weighting


def crossovers(table, region):
    """Find where tracks cross, and the two readings there.

    Segments between neighbouring readings are searched in a tree of their boxes, in a time that
    grows with the number of readings and crossings, not with its square.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``time``, ``longitude``, ``latitude``, ``residual_nt``.
    region : helpers.data.Region
        Its projection; only readings in its box are used.

    Returns
    -------
    pandas.DataFrame
        One row a crossing: ``cruise_1``, ``cruise_2``, ``days_1``, ``days_2`` (since the start of
        each cruise), ``easting_km``, ``northing_km``, ``residual_1_nt``, ``residual_2_nt`` and
        ``error_nt``, the first minus the second.  Crossings of a cruise with itself are in it.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = {"cruise", "time", "longitude", "latitude", "residual_nt"} - set(table.columns)
    if missing:
        raise ValueError(
            f"The track table lacks {sorted(missing)}; read it with tracks.read_tracks."
        )
    inside = region.contains(table["longitude"], table["latitude"])
    table = table[inside & np.isfinite(table["residual_nt"])].sort_values(["cruise", "time"])
    start, joined, points, days = _segments(table, region)
    lines = linestrings(np.stack([points[start], points[start + 1]], axis=1))
    first, second = STRtree(lines).query(lines, predicate="intersects")
    keep = first + 1 < second  # each pair once, and not a segment with its neighbour
    first, second = start[first[keep]], start[second[keep]]
    part_1, part_2 = _meet(points, first, second)
    good = _once(first + part_1, second + part_2)
    ends = [(first[good], part_1[good]), (second[good], part_2[good])]
    found = pd.DataFrame()
    for number, (index, part) in enumerate(ends, start=1):
        found[f"cruise_{number}"] = joined[index]
        found[f"days_{number}"] = _between(days, index, part)
        found[f"residual_{number}_nt"] = _between(table["residual_nt"].to_numpy(), index, part)
    index, part = ends[0]
    found["easting_km"] = _between(points[:, 0], index, part)
    found["northing_km"] = _between(points[:, 1], index, part)
    found["error_nt"] = found["residual_1_nt"] - found["residual_2_nt"]
    return found


def level(table, region, drift=True, drift_penalty_nt=20.0):
    """Correct each cruise by a constant, and a drift, that make crossing cruises agree.

    Least squares over all crossovers between different cruises with Huber weights.  The constants
    are known up to a common one: their mean, weighted by the crossovers, is set to zero.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table.
    region : helpers.data.Region
        Where crossovers are looked for.
    drift : bool
        Also estimate a drift over the length of each cruise.
    drift_penalty_nt : float
        Expected size of that drift (nT from begin to end); it keeps drifts of cruises with few
        crossovers small.

    Returns
    -------
    tuple of pandas.DataFrame
        The table with corrected ``residual_nt``, and the corrections: index cruise,
        ``constant_nt``, ``drift_nt`` (over the cruise) and ``crossovers``.  Cruises that cross
        no other are left as they are.

    Raises
    ------
    ValueError
        If no two cruises cross in the region.
    """
    found = crossovers(table, region)
    found = found[found["cruise_1"] != found["cruise_2"]]
    if found.empty:
        raise ValueError(
            f"No two cruises cross in {region.title or region.name}; levelling needs crossovers. "
            "Choose a larger region, or remove each cruise's median (tracks.remove_cruise_median)."
        )
    times = table.groupby("cruise")["time"].agg(["min", "max"])
    length = ((times["max"] - times["min"]).dt.total_seconds() / 86400).clip(lower=1e-6)
    names = pd.Index(sorted(set(found["cruise_1"]) | set(found["cruise_2"])))
    matrix = _design(found, names, length, drift)
    solution = _robust(matrix, found["error_nt"].to_numpy(), len(names), drift_penalty_nt)
    number = pd.concat([found["cruise_1"], found["cruise_2"]]).value_counts().reindex(names)
    constant = solution[: len(names)]
    constant = constant - np.average(constant, weights=number)
    rest = solution[len(names) :] if drift else np.zeros(len(names))
    corrections = pd.DataFrame(
        {"constant_nt": constant, "drift_nt": rest, "crossovers": number.to_numpy()}, index=names
    )
    return _apply(table, corrections, times["min"], length), corrections


def _segments(table, region):
    """First readings of all segments; cruise, position (km) and days of every reading."""
    cruise = table["cruise"].to_numpy()
    time = table["time"]
    days = (time - time.groupby(cruise).transform("min")).dt.total_seconds().to_numpy() / 86400
    points = np.column_stack(region.project(table["longitude"], table["latitude"]))
    step = np.hypot(*np.diff(points, axis=0).T)
    start = np.flatnonzero((cruise[1:] == cruise[:-1]) & (step > 0) & (step <= GAP_KM))
    return start, cruise, points, days


def _meet(points, first, second):
    """Where two segments meet, as shares of their lengths; NaN where they are parallel."""
    a, b = points[first], points[second]
    along_a, along_b = points[first + 1] - a, points[second + 1] - b
    cross = along_a[:, 0] * along_b[:, 1] - along_a[:, 1] * along_b[:, 0]
    cross = np.where(cross == 0, np.nan, cross)
    gap = b - a
    part_a = (gap[:, 0] * along_b[:, 1] - gap[:, 1] * along_b[:, 0]) / cross
    part_b = (gap[:, 0] * along_a[:, 1] - gap[:, 1] * along_a[:, 0]) / cross
    return part_a, part_b


def _once(place_1, place_2):
    """Pick each crossing once: one at a reading is met by the segments on both sides of it."""
    places = np.round(np.column_stack([place_1, place_2]), 6)
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    return known[np.unique(places[known], axis=0, return_index=True)[1]]


def _between(values, index, part):
    """Interpolate between neighbouring readings."""
    return values[index] * (1 - part) + values[index + 1] * part


def _design(found, names, length, drift):
    """Differences of the corrections at each crossover: constants, then drifts."""
    rows = np.arange(len(found))
    blocks = []
    for drift_term in (False, True)[: 2 if drift else 1]:
        block = sparse.csr_matrix((len(found), len(names)))
        for number, sign in ((1, 1.0), (2, -1.0)):
            cruise = found[f"cruise_{number}"]
            value = np.full(len(found), sign)
            if drift_term:  # from -1/2 at the begin of a cruise to 1/2 at its end
                share = found[f"days_{number}"].to_numpy() / length.reindex(cruise).to_numpy()
                value *= share - 0.5
            place = (rows, names.get_indexer(cruise))
            block = block + sparse.csr_matrix((value, place), block.shape)
        blocks.append(block)
    return sparse.hstack(blocks).tocsr()


def _robust(matrix, error, cruises, drift_penalty_nt):
    """Solve ``matrix @ x = error`` with Huber weights and a penalty on drifts."""
    parameters = matrix.shape[1]
    scale = max(1.4826 * np.median(np.abs(error)), 1e-6)
    weight = np.ones(len(error))
    for _ in range(ROUNDS):
        penalty = np.full(parameters, 1e-6)
        penalty[cruises:] = scale / drift_penalty_nt
        system = sparse.vstack([sparse.diags(weight) @ matrix, sparse.diags(penalty)])
        target = np.concatenate([weight * error, np.zeros(parameters)])
        solution = lsqr(system, target, atol=1e-10, btol=1e-10)[0]
        misfit = np.abs(error - matrix @ solution)
        scale = max(1.4826 * np.median(misfit), 1e-6)
        weight = np.sqrt(np.minimum(1.0, HUBER * scale / np.maximum(misfit, 1e-9)))
    return solution


def _apply(table, corrections, begin, length):
    """Subtract the corrections from a copy of the table."""
    levelled = table.copy()
    cruise = table["cruise"]
    days = (table["time"] - begin.reindex(cruise).to_numpy()).dt.total_seconds() / 86400
    share = days.to_numpy() / length.reindex(cruise).to_numpy() - 0.5
    known = corrections.reindex(cruise).fillna(0.0)
    shift = known["constant_nt"].to_numpy() + known["drift_nt"].to_numpy() * share
    levelled["residual_nt"] = table["residual_nt"].to_numpy() - shift
    return levelled
