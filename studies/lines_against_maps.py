"""Lines held against published isochrons and picks, and against lines that know nothing.

A distance to the nearest isochron means little by itself: where lines are dense, something is
always near.  So the same numbers are taken for the lines moved away, for the lines turned by 90
degrees, and for the ridges of a plain filter.
"""

from typing import NamedTuple

import geopandas
import numpy as np
import pandas as pd
import shapely
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree
from shapely.geometry import LineString
from skimage.filters import sato

from helpers import _shared, data, lines, network

from . import cases, simulated_against_real
from ._kept import kept

STEP_KM = 5.0  # between the points of a line that are looked at
TREND_DEG = 30.0  # a line and an isochron of one trend differ by no more
TURNS = 12  # classes of strike in which points of one trend are sought
MOVED_KM = (30.0, 60.0)
PAIR_KM = (5.0, 60.0)  # between neighbouring picks of one chron
YOUNGEST_MA = 5.0  # younger picks have those of the other flank within `PAIR_KM`
BESIDE_KM = 10.0  # a pair of picks is held against a line so near
SIGMAS = (1.5, 2.5, 4.0)  # of the ridge filter (cells)
RANKS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # thresholds: share of cells left out
REACH_KM = 50.0  # isochrons farther off say nothing about a line


def moved(found, rng):
    """Move each line `MOVED_KM` in a random direction."""
    angle, far = rng.uniform(0, 2 * np.pi, len(found)), rng.uniform(*MOVED_KM, len(found))
    shifts = np.column_stack([far * np.cos(angle), far * np.sin(angle)])
    coordinates, owner = shapely.get_coordinates(found.geometry, return_index=True)
    shifted = shapely.linestrings(coordinates + shifts[owner], indices=owner)
    return found.set_geometry(geopandas.GeoSeries(shifted, found.index, found.crs))


def turned(found):
    """Turn each line, and its ``strike_deg``, by 90 degrees about its middle."""
    strike = (found["strike_deg"] + 90) % 180
    return found.set_geometry(found.rotate(90, origin="centroid")).assign(strike_deg=strike)


def beside_chance(found, rng):
    """Put the lines of the ``network`` beside the same lines ``moved`` and ``turned``, by name."""
    return {"network": found, "moved": moved(found, rng), "turned": turned(found)}


def ridge_lines(grid, guided, length_km):
    """Trace the ridges of the guided map of a grid (Sato et al. 1998), as long in total as wanted.

    Of `RANKS` the threshold is taken that comes nearest to `length_km`.  Lines are as of
    `lines.trace`; their ``probability`` is the rank of the filter's answer.
    """
    near = network.knowable(grid)
    field = network.channels(grid.assign(anomaly=guided["anomaly"]))[..., 0]
    answer = sato(field, sigmas=SIGMAS, black_ridges=False)
    rank = np.searchsorted(np.sort(answer[near]), answer) / int(near.sum())
    layers = {"probability": near.copy(data=rank), "anomaly": guided["anomaly"]}
    layers |= {"strike_deg": guided["strike_deg"], "distance_km": grid["distance_km"]}
    ranked = grid.drop_vars(list(grid.data_vars)).assign(layers).where(near)
    tried = [lines.trace(ranked, threshold) for threshold in RANKS]
    return min(tried, key=lambda found: abs(found["length_km"].sum() - length_km))


@kept("lines")
def ridges_of(name):
    """Trace the ridges (`ridge_lines`) of a `cases.simulated` region, as long as its lines."""
    case, found = cases.simulated(name), cases.detected(name).lines
    return ridge_lines(case.grid, case.guided, found["length_km"].sum())


def pick_strikes(picks, region):
    """Strikes that neighbouring picks of one end of one chron tell.

    Gives a row a pair, each pick with its nearest of another cruise at `PAIR_KM`: ``easting_km``,
    ``northing_km`` of the middle and ``strike_deg``; picks younger than `YOUNGEST_MA` are left out.
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
    """Hold sets of lines, by name, against isochrons and the strikes of picks (`pick_strikes`).

    Isochrons count in the cells that are `known` only, those where lines can be.  Gives a row a
    set: ``lines``, ``length_km``; medians of the distance from isochrons to the nearest line of
    their trend (``isochron_km``) and back (``to_isochron_km``); of the angle between lines and the
    nearest isochron within `REACH_KM` (``isochron_deg``), and between pairs of picks and lines
    within `BESIDE_KM` (``picks_deg``, ``pairs`` of them).
    """
    published = lines.points_along(isochrons, STEP_KM)
    if known is not None:
        inside = _inside(published.places, known)
        published = published._make(part[inside] for part in published)
    rows = {name: _against(found, published, strikes) for name, found in sets.items()}
    return pd.DataFrame(rows).T.astype({"lines": int, "pairs": int})


def _against(found, published, strikes):
    """Measure one set of lines: a row of `compare`."""
    ours = lines.points_along(found, STEP_KM)
    _, turn = to_nearest(ours, published)
    pairs = strikes[["easting_km", "northing_km"]].to_numpy()
    beside, which = _nearest(pairs, ours.places, BESIDE_KM)
    close = np.isfinite(beside)
    angle = _shared.axial_difference(strikes["strike_deg"][close], ours.strike_deg[which[close]])
    return {
        "lines": len(found),
        "length_km": found.length.sum(),
        "isochron_km": _median(_to_trend(published, ours)),
        "to_isochron_km": _median(_to_trend(ours, published)),
        "isochron_deg": _median(turn),
        "picks_deg": _median(angle),
        "pairs": int(close.sum()),
    }


def to_nearest(points, others):
    """Distance (km) and angle (degrees) to the nearest other point, of those within `REACH_KM`."""
    off, nearest = _nearest(points.places, others.places, REACH_KM)
    within = np.isfinite(off)
    turn = _shared.axial_difference(points.strike_deg[within], others.strike_deg[nearest[within]])
    return off[within], turn


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
    place = _shared.cell_of(*places.T, known.easting, known.northing)
    row, column = np.rint(place).astype(int)
    good = (row >= 0) & (column >= 0) & (row < known.shape[0]) & (column < known.shape[1])
    good[good] = known.to_numpy()[row[good], column[good]]
    return good


def _to_trend(points, others):
    """Distance from points to the nearest other point of like strike (km), inf without any."""
    distance = np.full(len(points.places), np.inf)
    edges = np.linspace(0, 180, TURNS + 1)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        mine = (points.strike_deg >= low) & (points.strike_deg < high)
        like = _shared.axial_difference(others.strike_deg, 0.5 * (low + high)) <= TREND_DEG
        if mine.any() and like.any():
            distance[mine] = _nearest(points.places[mine], others.places[like], np.inf)[0]
    return distance


# A cruise with picks: which polarity blocks the predicted lines cross, and which they do not.
#
# Picks give the age along a track; between them it is interpolated, so that each normal chron that
# was picked becomes a block with a beginning and an end on the track.

ON_TRACK_KM = 3.0  # picks farther off belong to another track
GAP_KM = 50.0  # readings farther apart belong to two passages
EVERY_KM = 1.0  # between the points of the track,
AXIS_KM = 30.0  # that the flanks of an axis may miss each other by
FINE_KM = 0.1  # and between places at which its age is asked
APART_KM = 4.0  # crossings nearer to each other than two cells are one
TOLERANCE_KM = 2.0  # one cell
DRAWS = 200


class Passage(NamedTuple):
    """A stretch of a cruise through a region, without gaps."""

    line: LineString  # km
    readings: pd.DataFrame


def passages(table, cruise, region):
    """Passages of a cruise of a track table through a region, in the order sailed.

    Where readings lie `GAP_KM` apart the ship was elsewhere, or did not read, and a new passage
    begins.  ValueError if the cruise has fewer than two readings in the region.
    """
    own = table[table["cruise"] == cruise]
    own = own[region.contains(own["longitude"], own["latitude"])]
    if len(own) < 2:
        raise ValueError(
            f"The table has {len(own)} readings of cruise {cruise!r} in {region.name}; at least 2 "
            f"are needed. Its cruises are {', '.join(map(str, table['cruise'].unique()))}."
        )
    places = np.column_stack(region.project(own["longitude"], own["latitude"]))
    gaps = np.flatnonzero(np.hypot(*np.diff(places, axis=0).T) > GAP_KM) + 1
    return [
        Passage(LineString(places[part]).simplify(EVERY_KM / 4), own.iloc[part])
        for part in np.split(np.arange(len(own)), gaps)
        if len(part) > 1
    ]


def picked_blocks(line, picks, region):
    """Place the picked normal chrons on a track.

    Of the picks (`data.region_picks`) those within `ON_TRACK_KM` of the line count; ValueError if
    there are fewer than four.  Gives ``chron``, ``start_km`` and ``end_km`` along the track, in its
    order.  The age is interpolated from pick to pick in the order sailed, so that a chron that the
    track meets twice, on both flanks or by turning back, makes two blocks, and the one at the axis
    one.
    """
    at, age = _passed(line, picks, region)
    if len(at) < 4:
        raise ValueError(f"Only {len(at)} picks lie within {ON_TRACK_KM} km of the track.")
    at, age, unknown = _with_turns(at, age)
    place = np.arange(at[0], at[-1] + FINE_KM / 2, FINE_KM)
    along = PchipInterpolator(at, age)(place)
    for start, end in unknown:
        along[(place > start) & (place < end)] = np.nan
    scale = data.timescale()
    scale = scale[~scale["cryptochron"]]
    slack, rows = simulated_against_real.SAME_MA, []
    for chron in scale.itertuples():
        within = (along >= chron.young_ma - slack) & (along <= chron.old_ma + slack)
        edge = np.flatnonzero(np.diff(np.r_[False, within, False]))
        for first, end in zip(edge[::2], edge[1::2], strict=True):
            ends = place[first], place[end - 1]
            near = (at >= ends[0] - FINE_KM) & (at <= ends[1] + FINE_KM)
            if near.any() and ends[1] > ends[0]:
                rows.append((chron.chron, *ends))
    return pd.DataFrame(rows, columns=["chron", "start_km", "end_km"]).sort_values(
        "start_km", ignore_index=True
    )


def _passed(line, picks, region):
    """Where a track passes picks (km along it, ascending), each time it does, and their ages.

    Picks of one age nearer to each other than `ON_TRACK_KM` are one, at their mean.
    """
    step = np.arange(0, line.length, FINE_KM)
    track = cKDTree(shapely.get_coordinates(shapely.line_interpolate_point(line, step)))
    found = []
    places = np.column_stack(region.project(picks["longitude"], picks["latitude"]))
    for place, age in zip(places, picks["age_ma"], strict=True):
        near = np.sort(track.query_ball_point(place, ON_TRACK_KM))
        for run in np.split(near, np.flatnonzero(np.diff(near) > 1) + 1) if len(near) else ():
            off = np.linalg.norm(track.data[run] - place, axis=1)
            found.append((step[run[off.argmin()]], age))
    found.sort()
    merged = []
    for at, age in found:
        same = [one for one in merged if at - one[0][-1] < ON_TRACK_KM
                and abs(age - one[1]) < simulated_against_real.SAME_MA]  # fmt: skip
        if same:
            same[-1][0].append(at)
        else:
            merged.append(([at], age))
    table = pd.Series({float(np.mean(at)): age for at, age in merged}, dtype=float).sort_index()
    return table.index.to_numpy(), table.to_numpy()


def _with_turns(at, age):
    """Add to picks along a track the places between two where it turns to older or younger crust.

    Between two picks beyond which the age rises (or falls) on both sides the age goes on as it does
    there, until both sides meet: at the axis at 0. Where both reach the axis long before they meet,
    the track went on over the other flank; nothing is known of that, and its ends are given, too.
    """
    new, unknown = [], []
    for k in range(1, len(at) - 2):
        before, after = age[k - 1] - age[k], age[k + 2] - age[k + 1]
        if before * after <= 0:
            continue
        slopes = before / (at[k] - at[k - 1]), after / (at[k + 2] - at[k + 1])
        gap = at[k + 1] - at[k]
        # age falls from both sides into the gap: a1 - s1 x = a2 - s2 (gap - x)
        x = (age[k] - age[k + 1] + slopes[1] * gap) / (slopes[0] + slopes[1])
        if not 0 < x < gap:
            continue
        apex = age[k] - slopes[0] * x
        if apex >= 0:
            new.append((at[k] + x, apex))
        else:  # both sides reach the axis before they meet
            ends = at[k] + age[k] / slopes[0], at[k + 1] - age[k + 1] / slopes[1]
            new += [(end, 0.0) for end in ends]
            unknown += [ends] if ends[1] - ends[0] > AXIS_KM else []
    table = pd.Series(np.r_[age, [a for _, a in new]], np.r_[at, [x for x, _ in new]]).sort_index()
    table = table[~table.index.duplicated()]
    return table.index.to_numpy(), table.to_numpy(), unknown


def crossings(found, line):
    """Where lines cross a track (km along it, ascending).

    Those nearer than `APART_KM` to the one before are left out.
    """
    met = shapely.intersection(np.asarray(found.geometry), line)
    points = shapely.points(shapely.get_coordinates(met))
    along = np.sort(shapely.line_locate_point(line, points))
    kept = []
    for place in along:
        if not kept or place - kept[-1] >= APART_KM:
            kept.append(place)
    return np.array(kept)


def count(places, blocks):
    """Count blocks that are ``crossed``, and ``crossings`` that are ``without_block``.

    Only crossings between the first block and the last count.
    """
    start, end = (blocks[name].to_numpy() for name in ("start_km", "end_km"))
    start, end = start - TOLERANCE_KM, end + TOLERANCE_KM
    places = places[(places >= start.min()) & (places <= end.max())]
    inside = (places[:, None] >= start) & (places[:, None] <= end)
    return {
        "blocks": len(blocks),
        "crossed": int(inside.any(axis=0).sum()),
        "crossings": len(places),
        "without_block": int((~inside.any(axis=1)).sum()),
    }


def met(places, blocks):
    """Tell of each block whether a crossing lies in it: an array of bool."""
    start, end = (blocks[name].to_numpy() for name in ("start_km", "end_km"))
    here = (places[:, None] >= start - TOLERANCE_KM) & (places[:, None] <= end + TOLERANCE_KM)
    return here.any(axis=0)


def slides(places, blocks, rng):
    """Count what the same crossings give when they slide along the track together.

    What leaves at one end comes in at the other; a row for each of `DRAWS` draws.
    """
    low, high = blocks["start_km"].min(), blocks["end_km"].max()
    inside = places[(places >= low) & (places <= high)] - low
    far = rng.uniform(0, high - low, DRAWS)
    return pd.DataFrame([count(low + (inside + km) % (high - low), blocks) for km in far])


def by_chance(places, blocks, rng):
    """Give the mean of `slides`."""
    return slides(places, blocks, rng).mean().to_dict()


def compare_blocks(sets, line, blocks, rng):
    """Count for several sets of lines, by name, what they cross, with chance beside each.

    `line` and `blocks` are from `track` and `picked_blocks`; `rng` tells how far crossings slide.
    Gives a row a set: ``crossed`` blocks of ``blocks``, ``crossings`` between the first block and
    the last, those ``without_block``, and ``by_chance``, the blocks that slid crossings reach.
    """
    rows = {}
    for name, found in sets.items():
        places = crossings(found, line)
        chance = by_chance(places, blocks, rng)["crossed"]
        rows[name] = count(places, blocks) | {"by_chance": chance}
    return pd.DataFrame(rows).T
