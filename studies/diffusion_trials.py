"""Trials of guided diffusion: beside linear and classical, on fields with stripes and without.

What a trial finds is kept on disk (`_kept`) until a source that it rests on changes.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage

from helpers import _shared, data, diffusion, gridding, seafloor, tracks
from helpers.diffusion import _pyramid, _strike, _withheld

from . import cases, made_up_fields
from ._kept import kept

# The maps that are compared, and how they are judged.


@kept("diffusion")
def restore(grid):
    """Make the three maps that the workbook compares, from a grid of tracks.

    These are ``linear`` (the grid itself), ``classical`` and ``guided``, Datasets by name, each
    with ``anomaly`` (nT).
    """
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return {"linear": grid, "classical": diffusion.classical(grid["anomaly"]), "guided": guided}


def isotropic(anomaly, sigma_cells=2.0):
    """Smooth a complete grid alike in all directions, by a Gaussian: a baseline.

    NaN cells are left out of the averages and left NaN.
    """
    anomaly = np.asarray(anomaly)
    valid = np.isfinite(anomaly)
    # sums under the Gaussian over the weights under it
    total = ndimage.gaussian_filter(np.where(valid, anomaly, 0).astype("float32"), sigma_cells)
    weight = ndimage.gaussian_filter(valid.astype("float32"), sigma_cells)
    return np.where(valid, total / np.maximum(weight, 1e-6), np.nan).astype("float32")


def correlations(maps, truth):
    """Correlate maps (Datasets by name) with the true anomaly, on the cells that all fill."""
    for result in maps.values():
        truth = truth.where(result["anomaly"].notnull())
    return {name: _shared.agreement(result["anomaly"], truth) for name, result in maps.items()}


def strike_errors(result, truth):
    """Error of the strike of a map (degrees, 0 to 90) where the simulated seafloor has stripes.

    NaN elsewhere; both have ``strike_deg``, the truth also ``lineated``.
    """
    wrong = _shared.axial_difference(result["strike_deg"], truth["strike_deg"])
    return truth["strike_deg"].copy(data=wrong).where(truth["lineated"] == 1)


class Withheld(NamedTuple):
    """How well withheld readings are predicted, and what guided diffusion makes of that."""

    along_nt: dict  # root mean square error along strike, by smoothing
    plate_nt: float  # that of the best plate
    verdict: object  # ``support`` of a direction, cell by cell, ``smoothing`` and ``plate``


@kept("diffusion")
def withheld(grid):
    """Predict a quarter of the readings of a grid from the rest, along strike and by plates.

    Much as `diffusion.guided` does it to choose its smoothing, but on the fine cells.
    """
    across, known = 0.001, diffusion.Known()
    values, weight = (grid[name].to_numpy() for name in ("block", "weight"))
    levels = _pyramid.build(values, weight)[1:]
    _, tensor = _strike.posterior(values, weight, known)
    quarters = _withheld.withhold(values, weight, known, levels)
    out = quarters[0][1].repeat(2, 0).repeat(2, 1)[: values.shape[0], : values.shape[1]]
    kept = _pyramid.build(values, np.where(out, 0, weight))

    def error(field):
        return float(np.sqrt(np.nanmean((field - values)[out] ** 2)))

    along = {
        smoothing: error(_pyramid.along_strike(kept, tensor, smoothing, across))
        for smoothing in _withheld.SMOOTHINGS
    }
    best = min(error(_pyramid.plate(kept, *choice)) for choice in _withheld.PLATES)
    return Withheld(along, best, _withheld.weigh(quarters, levels[0], tensor, None, across))


# Made-up fields: without stripes, with seamounts, and where a direction misleads.

APART_KM = 120.0  # between added seamounts; each is looked at within half of it


@kept("diffusion")
def without_stripes(make, cells, coverage, seeds):
    """Try the methods on fields without stripes: a map for each seed.

    ``make(cells, rng)`` makes a field of so many cells a side, as `made_up_fields.blobs` does;
    tracks lie on the share `coverage` of its cells.  Gives a row for each map: correlations
    ``linear``, ``classical`` and ``guided``; coherences ``classical coherence`` and ``guided
    coherence``.
    """
    rows = []
    for seed in _shared.progress(seeds, "made-up maps"):
        rng = np.random.default_rng(seed)
        grid = made_up_fields.survey(make(cells, rng), rng, coverage)
        maps = restore(grid)
        rows.append(correlations(maps, grid["truth"]))
        for name in ("classical", "guided"):
            rows[-1][f"{name} coherence"] = float(maps[name]["coherence"].mean())
    return pd.DataFrame(rows)


@kept("diffusion")
def added_seamounts(grid, truth, height_nt, size_km):
    """Add round anomalies to the readings, far from each other; see what they add to each map.

    `grid` are the readings, `truth` has ``strike_deg``; what is added are Gaussians of this height
    and standard deviation.  Gives a row for each method, and ``told``, guided diffusion to which
    the cells of the seamounts (within 2.5 standard deviations) are given as known: means over the
    seamounts of the size (standard deviation, km) ``along_km`` and ``across_km`` strike of what is
    added and of its ``highest_nt``, and ``error``, that of all that is added relative to what
    should be.
    """
    north, east = (grid[axis] - grid[axis].mean() for axis in ("northing", "easting"))
    counts = [int((float(axis.max()) - APART_KM / 2) // APART_KM) for axis in (north, east)]
    rows, columns = (APART_KM * np.arange(-count, count + 1) for count in counts)
    places = [(north - y, east - x) for y in rows for x in columns]
    height = sum(np.exp(-(y**2 + x**2) / (2 * size_km**2)) for y, x in places)
    known = diffusion.Known(seamount=(height > np.exp(-0.5 * 2.5**2)).to_numpy())
    maps = []
    for each in (grid, grid.assign(block=grid["block"] + height_nt * height)):
        linear = gridding.interpolate(each["block"].to_numpy(), "linear")
        made = restore(each.assign(anomaly=height.copy(data=linear)))
        told = diffusion.guided(each["block"], each["weight"], uncertainty=False, known=known)
        maps.append(made | {"told": told})
    rows = {}
    for name in maps[0]:
        added = maps[1][name]["anomaly"] - maps[0][name]["anomaly"]
        sizes = [_size(added, truth, *place, APART_KM / 2) for place in places]
        wrong = float((added - height_nt * height).std() / (height_nt * height).std())
        rows[name] = [*np.nanmean(sizes, axis=0), wrong]
    return pd.DataFrame(rows, index=["along_km", "across_km", "highest_nt", "error"]).T


def _size(added, truth, north, east, within_km):
    """Size along and across strike (km) of what is added around one place, and its height (nT)."""
    square = north**2 + east**2
    middle = np.unravel_index(np.argmin(square.to_numpy()), square.shape)
    azimuth = np.radians(float(truth["strike_deg"][middle]))
    along = north * np.cos(azimuth) + east * np.sin(azimuth)
    across = np.sqrt(np.maximum(square - along**2, 0))
    added = added.where(square < within_km**2)
    share = np.abs(added) / np.abs(added).sum()
    sizes = [float(np.sqrt((share * distance**2).sum())) for distance in (along, across)]
    return [*sizes, float(added.max())]


@kept("diffusion")
def misleading_directions(cells, coverage, seeds):
    """Try the methods where a direction misleads: bends, offsets, crossing strikes, a seamount.

    Maps have so many cells a side, ships go over the share `coverage` of them, once for each seed.
    Gives the mean correlation with the truth where the difficulty lies: a row for each case of
    `made_up_fields.hard_cases`, columns the methods; ``told`` is guided diffusion to which the
    strike, the fracture zone or the seamount was given as known, NaN where none is.
    """
    rows = {}
    for name, case in _shared.progress(made_up_fields.hard_cases(cells).items(), "hard cases"):
        found = []
        for seed in seeds:
            grid = made_up_fields.survey(case.field, np.random.default_rng(seed), coverage)
            smooth = grid["anomaly"].copy(data=isotropic(grid["anomaly"]))
            maps = {"linear": grid, "isotropic": grid.assign(anomaly=smooth)} | restore(grid)
            if case.known is not None:
                told = diffusion.guided(
                    grid["block"], grid["weight"], uncertainty=False, known=case.known
                )
                maps["told"] = told
            found.append(correlations(maps, grid["truth"].where(case.where)))
        rows[name] = pd.DataFrame(found).mean()
    return pd.DataFrame(rows).T


# Cruises: over simulated regions, with constants and headings of their own, and real surveys.


@kept("diffusion")
def cruise_constants(name, coverage, seed, added_nt):
    """Solve for constants and headings of the cruises with the field, levelled before or not.

    `added_nt` is the standard deviation of constants that are added to the simulated cruises.
    Gives correlations with the truth; rows ``as read`` and ``levelled``, columns ``field alone``,
    ``with constants`` and ``with headings``.
    """
    truth, region = cases.seafloor_of(name), data.region(name)
    rng = np.random.default_rng(seed)
    table = seafloor.cruise_over(truth, region, rng, coverage)
    number, cruises = pd.factorize(table["cruise"])
    table["residual_nt"] += rng.normal(0, added_nt, len(cruises))[number]
    rows = {}
    for row, read in {"as read": table, "levelled": tracks.level(table, region)[0]}.items():
        grid = _grid(read, region, truth)
        cruise, heading = cruise_cells(read, region, grid)
        known = {
            "field alone": None,
            "with constants": diffusion.Known(cruise=cruise),
            "with headings": diffusion.Known(cruise=cruise, heading_deg=heading),
        }
        maps = {
            column: diffusion.guided(grid["block"], grid["weight"], uncertainty=False, known=part)
            for column, part in known.items()
        }
        rows[row] = correlations(maps, truth["anomaly"])
    return pd.DataFrame(rows).T


@kept("diffusion")
def parallel_cruises(cells, spacing_cells, constant_nt, noise_nt, seeds):
    """Level parallel tracks by one tie line, or solve for their constants with the field.

    The maps have so many cells a side and stripes at 30 degrees.  The tracks run north,
    `spacing_cells` apart and a cruise each, the tie line runs east; constants and noise of the
    readings have these standard deviations.  Gives a row for each seed of the errors: correlations
    with the truth ``as read``, ``levelled first`` (each track by its one crossing) and ``joint``;
    ``levelled_nt`` and ``joint_nt``, what is left of the constants (standard deviation, nT).
    """
    field, rows = made_up_fields.stripes(cells), []
    columns = np.arange(spacing_cells // 2, cells, spacing_cells)
    cruise = np.full((cells, cells), -1)
    cruise[cells // 2] = len(columns)
    cruise[:, columns] = np.arange(len(columns))
    for seed in _shared.progress(seeds, "surveys with one tie line"):
        rng = np.random.default_rng(seed)
        constants = np.append(rng.normal(0, constant_nt, len(columns)), 0.0)
        read = field + constants[cruise] + rng.normal(0, noise_nt, field.shape)
        tie = field[cells // 2, columns] + rng.normal(0, noise_nt, len(columns))
        found = np.append(read[cells // 2, columns] - tie, 0.0)
        as_read = np.where(cruise >= 0, read, np.nan)
        levelled = as_read - found[cruise]
        known = diffusion.Known(cruise=cruise)
        solved = diffusion.guided(as_read, uncertainty=False, known=known)
        maps = {
            "as read": diffusion.guided(as_read, uncertainty=False)["anomaly"],
            "levelled first": diffusion.guided(levelled, uncertainty=False)["anomaly"],
            "joint": solved["anomaly"],
        }
        rows.append({name: _shared.agreement(part, field) for name, part in maps.items()})
        rows[-1]["levelled_nt"] = float(np.std(found - constants))
        rows[-1]["joint_nt"] = float(np.std(solved["offset_nt"] - constants))
    return pd.DataFrame(rows)


def cruise_cells(table, region, grid):
    """Find which cruise read the field in each cell (number, -1 off the tracks), and its heading.

    Cruises are numbered in order of their names, headings are in degrees clockwise from north (NaN
    off the tracks); where several cruises share a cell, those of the last reading.
    """
    track = tracks.legs(table)
    number, heading = np.full(grid["block"].shape, -1), np.full(grid["block"].shape, np.nan)
    place = region.project(track["longitude"].to_numpy(), track["latitude"].to_numpy())
    row, column = np.rint(_shared.cell_of(*place, grid["easting"], grid["northing"])).astype(int)
    inside = (row >= 0) & (row < number.shape[0]) & (column >= 0) & (column < number.shape[1])
    cell = row[inside], column[inside]
    number[cell] = pd.factorize(track["cruise"])[0][inside]
    heading[cell] = track["heading_deg"].to_numpy()[inside]
    known = grid["block"].notnull().to_numpy()
    return np.where(known, number, -1), np.where(known, heading, np.nan)


def real_surveys():
    """Leave lines of the real surveys out and predict them: root mean square errors (nT).

    A row for each survey that can be had, columns the methods.
    """
    found = {survey.title: _left_out(name) for name, survey in cases.SURVEYS.items()}
    return pd.DataFrame({title: errors for title, errors in found.items() if errors is not None}).T


@kept("diffusion")
def _left_out(name):
    """Errors of a real survey's lines (nT), each predicted from the others; None without files."""

    def linear(block):
        return gridding.interpolate(block, "linear")

    methods = {
        "linear": linear,
        "isotropic": lambda block: isotropic(linear(block)),
        "classical": lambda block: diffusion.classical(linear(block))["anomaly"],
        "guided": lambda block: diffusion.guided(block, uncertainty=False)["anomaly"],
    }
    survey = cases.SURVEYS[name]
    if None in [data.try_fetch(file) for file in survey.files]:
        return None
    place = survey.region, survey.spacing_km
    errors = gridding.cross_validate(cases.load_survey(name), *place, methods, "line")
    return gridding.pooled_errors(errors)["rms_nt"].reindex(list(methods)).rename_axis(None)


def _grid(table, region, truth):
    """Grid a table on the cells of a simulated region, without the expected error."""
    place = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    axes = (truth["northing"].to_numpy(), truth["easting"].to_numpy())
    return gridding.grid_points(*place, table["residual_nt"].to_numpy(), *axes, uncertainty=False)
