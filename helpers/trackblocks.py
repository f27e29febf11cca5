"""A cruise with picks: which polarity blocks the predicted lines cross, and which they do not.

Picks give the age along a track; between them it is interpolated, so that each normal chron that
was picked becomes a block with a beginning and an end on the track.
"""

import numpy as np
import pandas as pd
import shapely
from scipy.interpolate import PchipInterpolator
from shapely.geometry import LineString

from . import data
from .picks import SAME_MA

ON_TRACK_KM = 3.0  # picks farther off belong to another track
EVERY_KM = 1.0  # between the points of the track
APART_KM = 4.0  # crossings nearer to each other than two cells are one
TOLERANCE_KM = 2.0  # one cell
DRAWS = 200


def track(table, cruise, region):
    """Line of a cruise through a region.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table.
    cruise : str
        Its name there.
    region : helpers.data.Region
        The projection; readings beyond the box are left out.

    Returns
    -------
    shapely.LineString
        In km.

    Raises
    ------
    ValueError
        If the cruise has fewer than two readings in the region.
    """
    own = table[table["cruise"] == cruise]
    own = own[region.contains(own["longitude"], own["latitude"])]
    if len(own) < 2:
        raise ValueError(
            f"The table has {len(own)} readings of cruise {cruise!r} in {region.name}; at least 2 "
            f"are needed. Its cruises are {', '.join(map(str, table['cruise'].unique()))}."
        )
    line = LineString(np.column_stack(region.project(own["longitude"], own["latitude"])))
    return line.simplify(EVERY_KM / 4)


def blocks(line, picks, region):
    """Place the picked normal chrons on a track.

    Parameters
    ----------
    line : shapely.LineString
        From `track`.
    picks : pandas.DataFrame
        From `picks.region_picks`; those within `ON_TRACK_KM` of the track count.
    region : helpers.data.Region
        The projection.

    Returns
    -------
    pandas.DataFrame
        ``chron``, ``start_km`` and ``end_km`` along the track, in its order.  A chron on both
        flanks makes two blocks, the one at the axis one.

    Raises
    ------
    ValueError
        If fewer than four picks lie on the track.
    """
    points = shapely.points(*region.project(picks["longitude"], picks["latitude"]))
    own = shapely.distance(points, line) <= ON_TRACK_KM
    if own.sum() < 4:
        raise ValueError(f"Only {own.sum()} picks lie within {ON_TRACK_KM} km of the track.")
    along, age = shapely.line_locate_point(line, points[own]), picks["age_ma"].to_numpy()[own]
    axis = along[age == age.min()].mean()
    signed = pd.Series(along, np.where(along < axis, -age, age)).groupby(level=0).mean()
    place = PchipInterpolator(signed.index, signed.to_numpy(), extrapolate=False)
    scale = data.timescale()
    scale = scale[~scale["cryptochron"]]
    rows = []
    for chron in scale.itertuples():
        ends = {(-chron.old_ma, -chron.young_ma), (chron.young_ma, chron.old_ma)}
        if chron.young_ma == 0:
            ends = {(-chron.old_ma, chron.old_ma)}
        for young, old in ends:
            inside = (signed.index >= young - SAME_MA) & (signed.index <= old + SAME_MA)
            edges = place(np.clip([young, old], signed.index[0], signed.index[-1]))
            if inside.any() and edges[0] != edges[1]:
                rows.append((chron.chron, *sorted(edges)))
    return pd.DataFrame(rows, columns=["chron", "start_km", "end_km"]).sort_values(
        "start_km", ignore_index=True
    )


def crossings(found, line):
    """Where lines cross a track.

    Parameters
    ----------
    found : geopandas.GeoDataFrame
        Lines in the track's projection.
    line : shapely.LineString
        From `track`.

    Returns
    -------
    numpy.ndarray
        Distances along the track (km), ascending; those nearer than `APART_KM` to the one before
        are left out.
    """
    met = shapely.intersection(np.asarray(found.geometry), line)
    points = shapely.points(shapely.get_coordinates(met))
    along = np.sort(shapely.line_locate_point(line, points))
    kept = []
    for place in along:
        if not kept or place - kept[-1] >= APART_KM:
            kept.append(place)
    return np.array(kept)


def count(places, blocks_):
    """Count blocks that are crossed, and crossings that have no block.

    Parameters
    ----------
    places : numpy.ndarray
        From `crossings`.
    blocks_ : pandas.DataFrame
        From `blocks`.

    Returns
    -------
    dict of str to int
        ``crossed`` blocks of ``blocks``; ``crossings`` between the first block and the last, and
        those ``without_block``.
    """
    start, end = (blocks_[name].to_numpy() for name in ("start_km", "end_km"))
    start, end = start - TOLERANCE_KM, end + TOLERANCE_KM
    places = places[(places >= start.min()) & (places <= end.max())]
    inside = (places[:, None] >= start) & (places[:, None] <= end)
    return {
        "blocks": len(blocks_),
        "crossed": int(inside.any(axis=0).sum()),
        "crossings": len(places),
        "without_block": int((~inside.any(axis=1)).sum()),
    }


def by_chance(places, blocks_, rng):
    """Count what the same crossings give when they slide along the track together.

    Parameters
    ----------
    places : numpy.ndarray
        From `crossings`.
    blocks_ : pandas.DataFrame
        From `blocks`.
    rng : numpy.random.Generator
        Source of how far they slide; what leaves at one end comes in at the other.

    Returns
    -------
    dict of str to float
        As `count`, the mean of `DRAWS` draws.
    """
    low, high = blocks_["start_km"].min(), blocks_["end_km"].max()
    inside = places[(places >= low) & (places <= high)] - low
    slides = rng.uniform(0, high - low, DRAWS)
    drawn = [count(low + (inside + slide) % (high - low), blocks_) for slide in slides]
    return pd.DataFrame(drawn).mean().to_dict()


def table(sets, line, blocks_, rng):
    """Count for several sets of lines, with chance beside each.

    Parameters
    ----------
    sets : dict of str to geopandas.GeoDataFrame
        Lines by name.
    line, blocks_, rng
        As `crossings` and `by_chance`.

    Returns
    -------
    pandas.DataFrame
        One row a set: as `count`, and ``by_chance``, the blocks that slid crossings reach.
    """
    rows = {}
    for name, found in sets.items():
        places = crossings(found, line)
        chance = by_chance(places, blocks_, rng)["crossed"]
        rows[name] = count(places, blocks_) | {"by_chance": chance}
    return pd.DataFrame(rows).T
