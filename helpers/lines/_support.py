"""What supports a line: how many tracks cross it, how far apart, and which lines are artefacts.

One track tells where an anomaly peaks but not how it runs. Two that cross the same line apart from
each other tell its strike; so do the cells of a full grid. Lines that the readings do not support
are left out, and counted with the reason.
"""

from typing import NamedTuple

import geopandas
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer
from scipy import ndimage
from scipy.spatial import cKDTree

from .. import _shared, diffusion, tracks
from . import _trace

REACH_CELLS, REACH_KM = 6.0, 12.0  # a track so near to a line, the less of both, bears on it,
LONGER_CELLS, LONGER_KM = 12.0, 24.0  # or to the line made longer by so much
HEAD_KM = 10.0  # of a line tell where it heads
APART_CELLS = 4.0  # passages nearer to each other along the line are one: they tell no strike
ALONG_DEG = 15.0  # a track within this angle of the line runs along it and does not cross it
SQUARE_DEG = 30.0  # within this angle of a right one a line is square to its track
TIE_CELLS = 12.0  # shorter legs across survey lines are turns, not tie lines
ON_CELLS = 2.0  # a reading so near is on the line, and the edge of a full grid beside it
MOST = 0.5  # of a line's length
FULL = 0.5  # of the cells near data that have a value make a full grid,
NEAR_CELLS = 3.0  # near: so far from the nearest
ON_DATA, WANDER_KM = 0.75, 0.3  # error of position: cells at readings; km² a km away from them
ONE_MOST = 4  # lines that more tracks cross do not rest on one,
ONE_LEFT = 3.0  # and without so many legs around nobody knows the strike without the one
ONE_SURE, ONE_DEG = 0.8, 45.0  # coherence of a strike without one leg, and its change, that count
ONE_AGREES_DEG = 20.0  # within this angle of the line all readings together have its strike
ALONG_CELLS, ASIDE_CELLS = 40.0, 28.0  # between windows along a line, and to those beside it
PRIOR_DEG = 30.0  # a line within this angle of a prior has its strike
NO_TRACK = "crossed by no track"
LONE = "crossed by one track only"
SQUARE = "square to a lone track"
PARALLEL = "parallel to survey lines without tie lines"
EDGE = "along the edge of the data"
ONE = "a strike that changes when one line is left out"


class Supported(NamedTuple):
    """Lines that the readings support, and those left out; see `supported`."""

    lines: geopandas.GeoDataFrame
    left_out: geopandas.GeoDataFrame


def supported(found, grid, table=None, prior=False):
    """Tell the lines that readings support from those that they do not.

    Parameters
    ----------
    found : geopandas.GeoDataFrame
        From `find` or `trace`.
    grid : xarray.Dataset
        What they were found in: ``block`` (NaN where nothing was read) and ``distance_km``.
    table : pandas.DataFrame, optional
        The track table that was gridded. Without it the grid must be full, as those of others are:
        most cells within three of a value have one.
    prior : xarray.DataArray or bool
        Strike that was given to the diffusion (degrees, NaN where none was), on the cells of the
        grid: one track is enough for a line that runs within 30 degrees of it along most of its
        length. True: the strike of all lines was given.

    Returns
    -------
    Supported
        Named tuple: ``lines`` and ``left_out``, with these columns more. ``tracks``: how many
        (legs of `helpers.tracks.legs`) cross the line, or pass it and its continuation of twelve
        cells (at most 24 km) within six (12 km), four cells apart along it or more; of a full grid
        0. ``gap_km``: its longest stretch without a reading within two cells. ``position_km``:
        expected error of its position across strike. ``change_deg``: how far the strike that the
        readings around tell turns, at most, when one of the legs that pass the line is left out,
        each in turn; NaN where that cannot be told. ``strike_from``: "prior" where the line runs
        along the strike given, however many tracks cross it, for the diffusion had both; else
        "readings".
        ``left_out`` has also the ``reason``: "crossed by no track", "crossed by one track only",
        "square to a lone track", "parallel to survey lines without tie lines" (the tracks beside
        most of it run within 15 degrees of its strike, and none crosses it but where ships turn),
        "a strike that changes when one line is left out" (by more than 45 degrees), or, on a full
        grid, "along the edge of the data" (most of it within two cells).

    Raises
    ------
    ValueError
        If the grid lacks a layer, or is of tracks and `table` is not given.

    Notes
    -----
    Two passages that each place the line within a cell tell its strike within 20 degrees if they
    are four cells apart: arctan(sqrt(2) / 4).

    ``position_km`` is the root of (0.75 cell)² + 0.3 km d, d the distance to data in the mean over
    the line: a line is drawn in cells, and away from readings it strays like a random walk. Both
    numbers are those of lines found on the simulated Reykjanes Ridge and East Pacific Rise (rms
    distance to the true line 1.2 to 1.8 km at readings, 2.6 to 3.2 km at 20 km from them;
    `studies.line_support`).

    ``change_deg`` is of lines that up to four tracks cross, and counts where all readings around
    agree with the line within 20 degrees and where, without the leg, at least three legs lie around
    and are sure of a strike (coherence 0.8): one or two that are left exclude strikes, but tell
    none.
    """
    missing = {"block", "distance_km"} - set(grid)
    if missing:
        raise ValueError(f"The grid lacks {sorted(missing)}; it comes from gridding.grid_tracks.")
    if table is None and not is_full(grid):
        raise ValueError("The grid is of tracks; give the track table that was gridded.")
    if not len(found):
        more = {"tracks": int, "gap_km": float, "position_km": float, "change_deg": float}
        more["strike_from"] = object
        empty = found.assign(**{name: np.empty(0, kind) for name, kind in more.items()})
        return Supported(empty, empty.assign(reason=np.empty(0, object)))
    spacing = float(grid["easting"][1] - grid["easting"][0])
    points = _trace.points_along(found, spacing / 2)
    away = _at(grid, "distance_km", points.places)
    error = np.sqrt((ON_DATA * spacing) ** 2 + WANDER_KM * _mean(points, away, len(found)))
    if table is None:
        told = pd.DataFrame({"tracks": 0, "reason": _of_grid(grid, points, spacing, len(found))},
                            index=range(len(found)))  # fmt: skip
    else:
        track = _legs(table, found.crs, spacing)
        told = _of_tracks(found, track, spacing)
    given, change = _along_prior(prior, points, len(found)), np.full(len(found), np.nan)
    if table is not None:
        asked = np.flatnonzero(~given & (told["reason"] == "") & (told["tracks"] <= ONE_MOST))
        change[asked] = _change(found.iloc[asked], grid, track, spacing)
        told.loc[change > ONE_DEG, "reason"] = ONE
    told.loc[given & told["reason"].isin([LONE, SQUARE]).to_numpy(), "reason"] = ""
    judged = found.assign(
        tracks=told["tracks"].to_numpy(int),
        gap_km=_gaps(points, away <= ON_CELLS * spacing, found),
        position_km=error,
        change_deg=change,
        strike_from=np.where(given, "prior", "readings").astype(object),
        reason=told["reason"].to_numpy(object),
    )
    good = (judged["reason"] == "").to_numpy()
    kept = judged[good].drop(columns="reason").reset_index(drop=True)
    return Supported(kept, judged[~good].reset_index(drop=True))


def _along_prior(prior, points, number):
    """Tell which lines run along a prior of the strike, over most of their length."""
    if isinstance(prior, bool):
        return np.full(number, prior)
    off = _shared.axial_difference(_on_cells(prior, prior.to_numpy(), points.places),
                                   points.strike_deg)  # fmt: skip
    return _mean(points, off <= PRIOR_DEG, number) > MOST  # NaN is not


def is_full(grid):
    """Tell a full grid from one of tracks: most cells near data have a value themselves."""
    spacing = float(grid["easting"][1] - grid["easting"][0])
    near = grid["distance_km"].to_numpy() <= NEAR_CELLS * spacing
    return bool(np.isfinite(grid["block"].to_numpy())[near].mean() > FULL)


def _legs(table, crs, spacing):
    """Give readings their place, leg, its length (km) and heading in the projection (degrees).

    One reading in a cell is enough of each leg.
    """
    track = tracks.legs(table)
    project = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    lon, lat = (track[name].to_numpy(float) for name in ("longitude", "latitude"))
    x, y = project(lon, lat)
    heading = np.radians(track["heading_deg"].to_numpy())
    step = 0.01  # degrees, of latitude: headings are from true north, lines from that of the grid
    ahead = project(
        lon + step * np.sin(heading) / np.cos(np.radians(lat)), lat + step * np.cos(heading)
    )
    turned = np.degrees(np.arctan2(ahead[0] - x, ahead[1] - y)) % 180
    placed = pd.DataFrame({"x": x, "y": y, "leg": track["leg"].to_numpy(), "heading": turned})
    step = np.hypot(placed["x"].diff(), placed["y"].diff()).where(placed["leg"].diff() == 0, 0.0)
    placed["length"] = step.groupby(placed["leg"]).transform("sum")
    cell = (placed[["x", "y"]] // spacing).assign(leg=placed["leg"])
    return placed[~cell.duplicated()].reset_index(drop=True)


def _of_tracks(found, track, spacing):
    """Count the tracks that cross each line, and say what is wrong with it."""
    number, tree = len(found), cKDTree(track[["x", "y"]].to_numpy())
    points = _trace.points_along(found, spacing)
    beside = track["heading"].to_numpy()[tree.query(points.places)[1]]
    along = _shared.axial_difference(beside, points.strike_deg) <= ALONG_DEG
    parallel = _mean(points, along, number) > MOST
    passed = _passages(found, track, tree, spacing)
    runs_along = passed["angle"] <= ALONG_DEG
    turn = parallel[passed["line"]] & (passed["length"] < TIE_CELLS * spacing)
    counted, angle = np.zeros(number, int), np.full(number, np.nan)
    for line, own in passed[~runs_along & ~turn].groupby("line"):
        counted[line] = _apart(np.sort(own["km"].to_numpy()), APART_CELLS * spacing)
        angle[line] = own["angle"].max()
    # with a tie line across, the survey lines along it are one track more
    counted += (counted > 0) & parallel
    reason = np.full(number, "", object)
    reason[counted == 1] = LONE
    reason[(counted == 1) & (angle >= 90 - SQUARE_DEG)] = SQUARE
    reason[counted == 0] = NO_TRACK
    reason[(counted == 0) & parallel] = PARALLEL
    return pd.DataFrame({"tracks": counted, "reason": reason})


def _passages(found, track, tree, spacing):
    """Where legs pass lines: line, leg, its length, place along the line (km) and angle to it."""
    longer = _longer(found, min(LONGER_CELLS * spacing, LONGER_KM))
    points = _trace.points_along(longer, 2 * spacing)
    step = longer.length.to_numpy() / np.bincount(points.line)
    around = tree.query_ball_point(points.places, min(REACH_CELLS * spacing, REACH_KM))
    size = np.array([len(one) for one in around], int)
    row = np.repeat(np.arange(len(size)), size)
    reading = np.array([k for one in around for k in one], int)
    away = track[["x", "y"]].to_numpy()[reading] - points.places[row]
    course = track["heading"].to_numpy()[reading]
    strike = points.strike_deg[row]
    # where the course of the leg, straight on, meets the line: two legs in a row meet it once
    across = np.sin(np.radians(strike - course))
    east, north = np.sin(np.radians(course)), np.cos(np.radians(course))
    ahead = (away[:, 0] * north - away[:, 1] * east) / np.where(across == 0, np.inf, across)
    met = pd.DataFrame({
        "line": points.line[row],
        "leg": track["leg"].to_numpy()[reading],
        "length": track["length"].to_numpy()[reading],
        "km": row * step[points.line[row]] + ahead,  # along the line, from any origin
        "angle": _shared.axial_difference(course, strike),
    })  # fmt: skip
    nearest = np.argsort(np.linalg.norm(away, axis=1), kind="stable")
    return met.iloc[nearest].drop_duplicates(["line", "leg"]).reset_index(drop=True)


def _change(found, grid, track, spacing):
    """Tell how far the strike around each line turns, at most, without one of its legs (degrees).

    NaN where all together have another strike, or too few are left to be sure of one.
    """
    change = np.full(len(found), np.nan)
    readings = _readings(grid, track)
    if not len(found) or readings.empty:
        return change
    windows = _windows(found, grid, spacing)
    every = diffusion.strike_without(readings, windows, [-1] * len(windows))
    off = _shared.axial_difference(every["strike_deg"], _trace.points_along(found, 1e9).strike_deg)
    passed = _passages(found, track, cKDTree(track[["x", "y"]].to_numpy()), spacing)
    known = (off <= ONE_AGREES_DEG) & (every["legs"] >= ONE_LEFT).to_numpy()
    passed = passed[(passed["angle"] > ALONG_DEG) & known[passed["line"]]]
    line = passed["line"].to_numpy()
    without = diffusion.strike_without(
        readings, [windows[k] for k in line], passed["leg"].to_numpy()
    )
    turn = _shared.axial_difference(without["strike_deg"], every["strike_deg"].to_numpy()[line])
    sure = ((without["coherence"] >= ONE_SURE) & (without["legs"] >= ONE_LEFT)).to_numpy()
    np.fmax.at(change, line[sure], turn[sure])
    return change


def _readings(grid, track):
    """Give the readings of each leg in each cell, for `diffusion.strike_without`."""
    block = grid["block"].to_numpy()
    row, column = (
        np.rint(at).astype(int)
        for at in _shared.cell_of(
            track["x"], track["y"], grid["easting"].to_numpy(), grid["northing"].to_numpy()
        )
    )
    inside = (row >= 0) & (row < block.shape[0]) & (column >= 0) & (column < block.shape[1])
    row, column = row[inside], column[inside]
    weight = grid["weight"].to_numpy() if "weight" in grid else np.ones(block.shape)
    meets = ndimage.label(np.isfinite(block), np.ones((3, 3)))[0]
    made = pd.DataFrame({
        "row": row, "column": column, "value_nt": block[row, column],
        "weight": weight[row, column], "track": meets[row, column],
        "leg": track["leg"].to_numpy()[inside],
    })  # fmt: skip
    return made[np.isfinite(made["value_nt"]) & (made["weight"] > 0)].reset_index(drop=True)


def _windows(found, grid, spacing):
    """Centres of windows (row, column) on each line and on both sides of it."""
    points = _trace.points_along(found, ALONG_CELLS * spacing)
    strike = np.radians(points.strike_deg)
    aside = ASIDE_CELLS * spacing * np.column_stack([np.cos(strike), -np.sin(strike)])
    axes = grid["easting"].to_numpy(), grid["northing"].to_numpy()
    places = np.stack([points.places + side * aside for side in (-1, 0, 1)], axis=1)
    cells = np.stack(_shared.cell_of(places[..., 0], places[..., 1], *axes), axis=-1)
    return [cells[points.line == k].reshape(-1, 2) for k in range(len(found))]


def _longer(found, by_km):
    """Make lines longer at both ends, straight on."""
    made = []
    for line in found.geometry:
        places = shapely.get_coordinates(line)
        inside = [line.interpolate(HEAD_KM), line.interpolate(-HEAD_KM)]
        ends = []
        for end, behind in zip(places[[0, -1]], shapely.get_coordinates(inside), strict=True):
            way = end - behind
            ends.append(end + by_km * way / max(np.hypot(*way), 1e-9))
        made.append(shapely.LineString([ends[0], *places, ends[1]]))
    return geopandas.GeoSeries(made, found.index, found.crs)


def _apart(places, least):
    """Count places, in order, of which each is at least so far from the one counted before."""
    counted, last = 0, -np.inf
    for place in places:
        if place - last >= least:
            counted, last = counted + 1, place
    return counted


def _of_grid(grid, points, spacing, number):
    """Say which lines of a full grid run along the edge of its data."""
    known = np.isfinite(grid["block"].to_numpy())
    inside = ndimage.distance_transform_edt(known) if not known.all() else np.full(known.shape, 1e9)
    near = _on_cells(grid, inside, points.places) <= ON_CELLS + 0.5  # from centre to centre
    return np.where(_mean(points, near, number) > MOST, EDGE, "")


def _at(grid, name, places):
    """Values of a layer in the cells of places (km)."""
    return _on_cells(grid, grid[name].to_numpy(), places)


def _on_cells(grid, values, places):
    """Values of an array in the cells of places (km)."""
    place = _shared.cell_of(*places.T, grid["easting"].to_numpy(), grid["northing"].to_numpy())
    row, column = (
        np.clip(np.rint(axis).astype(int), 0, size - 1)
        for axis, size in zip(place, values.shape, strict=True)
    )
    return values[row, column]


def _mean(points, values, number):
    """Mean over the points of each line."""
    each = np.bincount(points.line, np.asarray(values, float), minlength=number)
    return each / np.maximum(np.bincount(points.line, minlength=number), 1)


def _gaps(points, near, found):
    """Longest stretch of each line whose points are not near a reading (km)."""
    longest = np.zeros(len(found))
    for line in range(len(found)):
        off = np.r_[False, ~near[points.line == line], False]
        edge = np.flatnonzero(np.diff(off))
        runs = edge[1::2] - edge[::2]
        step = found.geometry.iloc[line].length / max(len(off) - 2, 1)
        longest[line] = runs.max(initial=0) * step
    return longest
