"""Scores of traced lines against true ones: what a map's score does not tell.

`score_lines` counts cells; here whole lines are held against each other, so that a stripe found
in five pieces is not as good as one found whole.
"""

import numpy as np
import shapely
from scipy.spatial import cKDTree

from .. import _shared, lines

TOLERANCE_KM = 4.0  # two cells of 2 km, as in `score_lines`
STEP_KM = 2.0  # between the points of a line that are looked at
PIECE_KM = 10.0  # a found line counts as a piece of a true one from this length beside it


def true_lines(truth, known):
    """Trace the labels of a simulated region.

    Parameters
    ----------
    truth : xarray.Dataset
        With ``label`` from `helpers.seafloor`, and the attribute ``crs``.
    known : array_like of bool, shape of ``label``
        Cells whose truth is known and whose data are near (`network.truth_channels`).

    Returns
    -------
    geopandas.GeoDataFrame
        As `helpers.lines.trace`.
    """
    label = truth["label"].where(np.asarray(known) > 0, 0)
    return lines.trace(label.to_dataset(name="probability").assign_attrs(crs=truth.attrs["crs"]))


def evaluate(found, true):
    """Hold found lines against true ones.

    Parameters
    ----------
    found, true : geopandas.GeoDataFrame
        Lines in one projection, in km. They match within 4 km, two cells of 2 km.

    Returns
    -------
    dict of str to float
        ``completeness``, the share of the true length beside which a found line runs;
        ``correctness``, the share of the found length beside a true line; ``fragmentation``, the
        found lines beside each true line that was found at all (1: whole); ``breaks_per_100km``,
        gaps inside true lines that were found on both sides of the gap; ``mean_segment_km``, the
        mean length of found lines; ``strike_error_deg``, the median angle between a found line
        and the true one beside it. NaN where there is nothing to measure.

    Notes
    -----
    Completeness and correctness after Wiedemann et al. (1998), Empirical evaluation of
    automatically extracted road axes.

    Examples
    --------
    >>> import geopandas
    >>> true = geopandas.GeoDataFrame(geometry=geopandas.GeoSeries.from_wkt(
    ...     ["LINESTRING (0 0, 0 100)"]))
    >>> half = geopandas.GeoDataFrame(geometry=geopandas.GeoSeries.from_wkt(
    ...     ["LINESTRING (2 0, 2 46)", "LINESTRING (30 0, 30 46)"]))
    >>> values = evaluate(half, true)
    >>> values["completeness"], values["correctness"], values["fragmentation"]
    (0.5, 0.5, 1.0)
    """
    on_true, on_found = (lines.points_along(each, STEP_KM) for each in (true, found))
    hit = beside(on_true.places, found)
    right, nearest = _nearest(on_found.places, on_true.places)
    true_deg = on_true.strike_deg[nearest] if len(true) else np.nan
    off = _shared.axial_difference(on_found.strike_deg, true_deg)
    pieces = _pieces(found, true)
    return {
        "completeness": _shared.mean_of_known(hit),
        "correctness": _shared.mean_of_known(right),
        "fragmentation": _shared.mean_of_known(pieces[pieces > 0]),
        "breaks_per_100km": 100 * _gaps(hit, on_true.line) / max(float(true.length.sum()), STEP_KM),
        "mean_segment_km": _shared.mean_of_known(found.length.to_numpy()),
        "strike_error_deg": float(np.median(off[right])) if right.any() else float("nan"),
    }


def beside(places, others):
    """Which places lie within the tolerance of a line."""
    near = np.zeros(len(places), bool)
    # straight pieces, each with a small box: a box around a whole stripe holds half of the map
    tree = shapely.STRtree(_straight_pieces(np.asarray(others.geometry)))
    near[tree.query(shapely.points(places), "dwithin", TOLERANCE_KM)[0]] = True
    return near


def _straight_pieces(geometry):
    """Cut lines at their vertices."""
    vertices, line = shapely.get_coordinates(shapely.get_parts(geometry), return_index=True)
    same = line[1:] == line[:-1]
    return shapely.linestrings(np.stack([vertices[:-1], vertices[1:]], axis=1)[same])


def _nearest(places, others):
    """Whether one of the other places is within the tolerance, and which is nearest."""
    if not len(others):
        return np.zeros(len(places), bool), np.zeros(len(places), int)
    off, nearest = cKDTree(others).query(places)
    return off <= np.hypot(TOLERANCE_KM, STEP_KM / 2), nearest


def _pieces(found, true):
    """Found lines that run beside each true line for `PIECE_KM` or more."""
    number = np.zeros(len(true), int)
    bands = shapely.buffer(np.asarray(true.geometry), TOLERANCE_KM, cap_style="flat")
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
