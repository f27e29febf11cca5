"""Scores of traced lines against true ones: what a map's score does not tell.

`helpers.scores` counts cells; here whole lines are held against each other, so that a stripe
found in five pieces is not as good as one found whole.
"""

import numpy as np
import shapely
from scipy.spatial import cKDTree

from .. import _shared, lines

TOLERANCE_KM = 4.0  # two cells of 2 km, as in `helpers.scores`
STEP_KM = 2.0  # between the points of a line that are looked at
PIECE_KM = 10.0  # a found line counts as a piece of a true one from this length beside it


def true_lines(truth, known, shortest_km=20.0):
    """Trace the labels of a simulated region.

    Parameters
    ----------
    truth : xarray.Dataset
        With ``label`` from `helpers.seafloor`, and the attribute ``crs``.
    known : array_like of bool, shape of ``label``
        Cells whose truth is known and whose data are near (`network.truth_channels`).
    shortest_km : float
        Shorter lines are left out.

    Returns
    -------
    geopandas.GeoDataFrame
        As `lines.trace`.
    """
    label = truth["label"].where(np.asarray(known) > 0, 0)
    return lines.trace(
        label.to_dataset(name="probability").assign_attrs(crs=truth.attrs["crs"]),
        shortest_km=shortest_km,
    )


def evaluate(found, true, tolerance_km=TOLERANCE_KM):
    """Hold found lines against true ones.

    Parameters
    ----------
    found, true : geopandas.GeoDataFrame
        Lines in one projection, in km.
    tolerance_km : float
        Largest distance of a match.

    Returns
    -------
    dict of str to float
        ``completeness``, the share of the true length beside which a found line runs;
        ``correctness``, the share of the found length beside a true line; ``fragmentation``, the
        found lines beside each true line that was found at all (1: whole); ``breaks_per_100km``,
        gaps inside true lines that were found on both sides of the gap; ``mean_segment_km``, the
        mean length of found lines; ``strike_error_deg``, the median angle between a found line
        and the true one beside it.  NaN where there is nothing to measure.

    Notes
    -----
    Completeness and correctness after Wiedemann et al. (1998), Empirical evaluation of
    automatically extracted road axes.
    """
    on_true, on_found = along(true), along(found)
    hit = _beside(on_true[0], found, tolerance_km)
    right, nearest = _nearest(on_found, on_true, tolerance_km)
    off = _shared.axial_difference(on_found[1], on_true[1][nearest] if len(true) else np.nan)
    pieces = _pieces(found, true, tolerance_km)
    return {
        "completeness": _mean(hit),
        "correctness": _mean(right),
        "fragmentation": _mean(pieces[pieces > 0]),
        "breaks_per_100km": 100 * _gaps(hit, on_true[2]) / max(float(true.length.sum()), STEP_KM),
        "mean_segment_km": _mean(found.length.to_numpy()),
        "strike_error_deg": float(np.median(off[right])) if right.any() else float("nan"),
    }


def right_share(found, true, tolerance_km=TOLERANCE_KM):
    """Share of each found line that runs beside a true line.

    Parameters
    ----------
    found, true, tolerance_km
        As `evaluate`.

    Returns
    -------
    numpy.ndarray, shape (len(found),)
    """
    places, _, owner = along(found)
    beside = _beside(places, true, tolerance_km)
    return np.bincount(owner, beside, len(found)) / np.bincount(owner, minlength=len(found))


def along(found):
    """Points every `STEP_KM` along lines, as `lines.points_along`."""
    return lines.points_along(found, STEP_KM)


def _beside(places, others, tolerance_km):
    """Which places lie within the tolerance of a line."""
    near = np.zeros(len(places), bool)
    tree = shapely.STRtree(np.asarray(others.geometry))
    near[tree.query(shapely.points(places), "dwithin", tolerance_km)[0]] = True
    return near


def _nearest(points, others, tolerance_km):
    """Whether a point of another set of lines is within the tolerance, and which is nearest."""
    if not len(others[0]):
        return np.zeros(len(points[0]), bool), np.zeros(len(points[0]), int)
    off, nearest = cKDTree(others[0]).query(points[0])
    return off <= np.hypot(tolerance_km, STEP_KM / 2), nearest


def _pieces(found, true, tolerance_km):
    """Found lines that run beside each true line for `PIECE_KM` or more."""
    number = np.zeros(len(true), int)
    bands = shapely.buffer(np.asarray(true.geometry), tolerance_km, cap_style="flat")
    geometry = np.asarray(found.geometry)
    band, line = shapely.STRtree(geometry).query(bands, "intersects")
    beside = shapely.length(shapely.intersection(bands[band], geometry[line]))
    np.add.at(number, band[beside >= PIECE_KM], 1)
    return number


def _gaps(hit, owner):
    """Gaps between found stretches of the same true line."""
    if not len(hit):
        return 0.0
    starts = hit[1:] & ~hit[:-1] & (owner[1:] == owner[:-1])  # found again after a stretch of none
    first = np.zeros(len(hit), bool)
    _, begin = np.unique(owner, return_index=True)
    first[begin] = True
    stretches = np.bincount(owner, np.append(False, starts) | (first & hit))
    return float(np.maximum(stretches - 1, 0).sum())


def _mean(values):
    """Mean, NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")
