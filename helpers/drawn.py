"""Lines held against what people have drawn, and against lines that know nothing.

A distance to the nearest isochron means little by itself: where lines are dense, something is
always near.  So the same numbers are taken for the lines moved away, for the lines turned by 90
degrees, and for the ridges of a plain filter.
"""

import geopandas
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree
from skimage.filters import sato

from . import lines, patches

STEP_KM = 5.0  # between the points of a line that are looked at
TREND_DEG = 30.0  # a line and an isochron of one trend differ by no more
MOVED_KM = (30.0, 60.0)
PAIR_KM = (5.0, 60.0)  # between neighbouring picks of one chron
YOUNGEST_MA = 5.0  # younger picks have those of the other flank within `PAIR_KM`
BESIDE_KM = 10.0  # a pair of picks is held against a line so near
SIGMAS = (1.5, 2.5, 4.0)  # of the ridge filter (cells)
RANKS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # thresholds: share of cells left out
REACH_KM = 50.0  # isochrons farther off say nothing about a line


def moved(found, rng):
    """Move each line `MOVED_KM` in a random direction.

    Parameters
    ----------
    found : geopandas.GeoDataFrame
        Lines in km.
    rng : numpy.random.Generator
        Source of directions and distances.

    Returns
    -------
    geopandas.GeoDataFrame
    """
    angle, far = rng.uniform(0, 2 * np.pi, len(found)), rng.uniform(*MOVED_KM, len(found))
    shifts = np.column_stack([far * np.cos(angle), far * np.sin(angle)])
    coordinates, owner = shapely.get_coordinates(found.geometry, return_index=True)
    shifted = shapely.linestrings(coordinates + shifts[owner], indices=owner)
    return found.set_geometry(geopandas.GeoSeries(shifted, found.index, found.crs))


def turned(found):
    """Turn each line by 90 degrees about its middle.

    Parameters
    ----------
    found : geopandas.GeoDataFrame

    Returns
    -------
    geopandas.GeoDataFrame
        With ``strike_deg`` turned as well.
    """
    strike = (found["strike_deg"] + 90) % 180
    return found.set_geometry(found.rotate(90, origin="centroid")).assign(strike_deg=strike)


def beside_chance(found, rng):
    """Put lines beside the same lines moved and turned.

    Parameters
    ----------
    found : geopandas.GeoDataFrame
        Lines of the network.
    rng : numpy.random.Generator
        As `moved`.

    Returns
    -------
    dict of str to geopandas.GeoDataFrame
        ``network``, ``moved`` and ``turned``.
    """
    return {"network": found, "moved": moved(found, rng), "turned": turned(found)}


def ridge_lines(grid, guided, length_km):
    """Trace the ridges of the guided map (Sato et al. 1998), as long in total as wanted.

    Parameters
    ----------
    grid, guided : xarray.Dataset
        From `gridding.grid_tracks` and `diffusion.guided`.
    length_km : float
        Total length; of `RANKS` the threshold that comes nearest to it is taken.

    Returns
    -------
    geopandas.GeoDataFrame
        As `lines.trace`; ``probability`` is the rank of the filter's answer.
    """
    near = patches.knowable(grid)
    field = patches.channels(grid.assign(anomaly=guided["anomaly"]))[..., 0]
    answer = sato(field, sigmas=SIGMAS, black_ridges=False)
    rank = np.searchsorted(np.sort(answer[near]), answer) / int(near.sum())
    layers = {"probability": near.copy(data=rank), "anomaly": guided["anomaly"]}
    layers |= {"strike_deg": guided["strike_deg"], "distance_km": grid["distance_km"]}
    ranked = grid.drop_vars(list(grid.data_vars)).assign(layers).where(near)
    tried = [lines.trace(ranked, threshold) for threshold in RANKS]
    return min(tried, key=lambda found: abs(found["length_km"].sum() - length_km))


def pick_strikes(picks, region):
    """Strikes that neighbouring picks of one end of one chron tell.

    Parameters
    ----------
    picks : pandas.DataFrame
        From `picks.region_picks`.
    region : helpers.data.Region
        The projection.

    Returns
    -------
    pandas.DataFrame
        One row a pair, each pick with its nearest of another cruise at `PAIR_KM`:
        ``easting_km``, ``northing_km`` of the middle and ``strike_deg``; picks younger than
        `YOUNGEST_MA` are left out.
    """
    rows = []
    old = picks[picks["age_ma"] >= YOUNGEST_MA]
    for _, group in old.groupby(["chron", "end"]):
        places = np.column_stack(region.project(group["longitude"], group["latitude"]))
        cruise = group["cruise"].to_numpy()
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        same = (cruise[:, None] == cruise[None]) & (cruise != "N/A")[:, None]
        apart[same | (apart < PAIR_KM[0]) | (apart > PAIR_KM[1])] = np.inf
        for one in np.flatnonzero(np.isfinite(apart).any(axis=1)):
            other = int(apart[one].argmin())
            east, north = places[other] - places[one]
            middle = 0.5 * (places[one] + places[other])
            rows.append((*middle, np.degrees(np.arctan2(east, north)) % 180))
    return pd.DataFrame(rows, columns=["easting_km", "northing_km", "strike_deg"])


def compare(sets, isochrons, strikes, known=None):
    """Hold sets of lines against isochrons and picks.

    Parameters
    ----------
    sets : dict of str to geopandas.GeoDataFrame
        Lines by name, in one projection (km).
    isochrons : geopandas.GeoDataFrame
        From `fabric.isochrons`.
    strikes : pandas.DataFrame
        From `pick_strikes`.
    known : xarray.DataArray of bool, optional
        Cells where lines can be: isochrons count there only.

    Returns
    -------
    pandas.DataFrame
        One row a set: ``lines``, ``length_km``; medians of the distance from isochrons to the
        nearest line of their trend (``isochron_km``) and back (``to_isochron_km``); of the angle
        between lines and the nearest isochron within `REACH_KM` (``isochron_deg``), and between
        pairs of picks and lines within `BESIDE_KM` (``picks_deg``, ``pairs`` of them).
    """
    drawn = lines.points_along(isochrons, STEP_KM)
    if known is not None:
        inside = _inside(drawn[0], known)
        drawn = tuple(part[inside] for part in drawn)
    rows = {name: _against(found, drawn, strikes) for name, found in sets.items()}
    return pd.DataFrame(rows).T.astype({"lines": int, "pairs": int})


def _against(found, drawn, strikes):
    """Measure one set of lines: a row of `compare`."""
    ours = lines.points_along(found, STEP_KM)
    off, nearest = _nearest(ours[0], drawn[0], REACH_KM)
    within = np.isfinite(off)
    pairs = strikes[["easting_km", "northing_km"]].to_numpy()
    beside, which = _nearest(pairs, ours[0], BESIDE_KM)
    close = np.isfinite(beside)
    turn = lines.axial_difference(ours[1][within], drawn[1][nearest[within]])
    angle = lines.axial_difference(strikes["strike_deg"][close], ours[1][which[close]])
    return {
        "lines": len(found),
        "length_km": found.length.sum(),
        "isochron_km": _median(_to_trend(drawn, ours)),
        "to_isochron_km": _median(_to_trend(ours, drawn)),
        "isochron_deg": _median(turn),
        "picks_deg": _median(angle),
        "pairs": int(close.sum()),
    }


def _nearest(places, others, reach_km):
    """Distance to the nearest other place (inf beyond the reach), and which it is."""
    if not len(others) or not len(places):
        return np.full(len(places), np.inf), np.zeros(len(places), int)
    return cKDTree(others).query(places, distance_upper_bound=reach_km)


def _median(values):
    """Median, NaN of nothing."""
    return float(np.median(values)) if len(values) else float("nan")


def _inside(places, known):
    """Which places lie on cells that are known."""
    origin = [float(known.easting[0]), float(known.northing[0])]
    spacing = float(known.easting[1] - known.easting[0])
    column, row = np.rint((places - origin) / spacing).astype(int).T
    good = (row >= 0) & (column >= 0) & (row < known.shape[0]) & (column < known.shape[1])
    good[good] = known.to_numpy()[row[good], column[good]]
    return good


def _to_trend(points, others, turns=12):
    """Distance from points to the nearest other point of like strike (km), inf without any."""
    distance = np.full(len(points[0]), np.inf)
    edges = np.linspace(0, 180, turns + 1)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        mine = (points[1] >= low) & (points[1] < high)
        like = lines.axial_difference(others[1], 0.5 * (low + high)) <= TREND_DEG
        if mine.any() and like.any():
            distance[mine] = _nearest(points[0][mine], others[0][like], np.inf)[0]
    return distance
