"""Trials of guided diffusion on cruises: their constants and headings, and real surveys.

Each trial is made anew where it is called and none returns a stored number.
"""

import functools

import numpy as np
import pandas as pd

from . import (
    crossovers,
    crossvalidation,
    data,
    diffusion,
    gridding,
    interpolation,
    levelling,
    seafloor,
    ships,
    specimens,
    surveys,
    trials,
    views,
)

_truth = functools.lru_cache(maxsize=2)(seafloor.simulate_region)


def region_survey(name, coverage, seed):
    """Send cruises over a simulated region, level and grid them, as `patches.region_grid` does.

    Parameters
    ----------
    name, coverage, seed
        As in `patches.region_grid`.

    Returns
    -------
    tuple of xarray.Dataset
        Truth, and the grid without ``uncertainty_nt``.
    """
    truth, region = _truth(name), data.region(name)
    table = ships.cruise_over(truth, region, np.random.default_rng(seed), coverage)
    return truth, _grid(levelling.level(table, region)[0], region, truth)


def cruise_constants(name, coverage, seed, added_nt=0.0):
    """Solve for constants and headings of the cruises with the field, levelled before or not.

    Parameters
    ----------
    name, coverage, seed
        As in `patches.region_grid`.
    added_nt : float
        Standard deviation of constants that are added to the simulated cruises.

    Returns
    -------
    pandas.DataFrame
        Correlations with the truth; rows ``as read`` and ``levelled``, columns ``field alone``,
        ``with constants`` and ``with headings``.
    """
    truth, region = _truth(name), data.region(name)
    rng = np.random.default_rng(seed)
    table = ships.cruise_over(truth, region, rng, coverage)
    number, cruises = pd.factorize(table["cruise"])
    table["residual_nt"] += rng.normal(0, added_nt, len(cruises))[number]
    rows = {}
    for row, read in {"as read": table, "levelled": levelling.level(table, region)[0]}.items():
        grid = _grid(read, region, truth)
        cruise, heading = cruise_cells(read, region, grid)
        known = {
            "field alone": {},
            "with constants": {"cruise": cruise},
            "with headings": {"cruise": cruise, "heading_deg": heading},
        }
        maps = {
            column: diffusion.guided(grid["block"], grid["weight"], uncertainty=False, **parts)
            for column, parts in known.items()
        }
        rows[row] = trials.correlations(maps, truth["anomaly"])
    return pd.DataFrame(rows).T


def parallel_cruises(cells, spacing_cells, constant_nt, noise_nt, seeds):
    """Level parallel tracks by one tie line, or solve for their constants with the field.

    Parameters
    ----------
    cells : int
        Side of the maps, stripes at 30 degrees.
    spacing_cells : int
        Distance between the tracks, which run north; a cruise each. The tie line runs east.
    constant_nt, noise_nt : float
        Standard deviations of the constants and of the noise of each reading.
    seeds : iterable of int
        One set of errors each.

    Returns
    -------
    pandas.DataFrame
        A row for each seed: correlations with the truth ``as read``, ``levelled first`` (each
        track by its one crossing) and ``joint``; ``levelled_nt`` and ``joint_nt``, what is left of
        the constants (standard deviation, nT).
    """
    field, rows = specimens.stripes(cells), []
    cruise, columns = (
        np.full((cells, cells), -1),
        np.arange(spacing_cells // 2, cells, spacing_cells),
    )
    cruise[cells // 2] = len(columns)
    cruise[:, columns] = np.arange(len(columns))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        constants = np.append(rng.normal(0, constant_nt, len(columns)), 0.0)
        read = field + constants[cruise] + rng.normal(0, noise_nt, field.shape)
        tie = field[cells // 2, columns] + rng.normal(0, noise_nt, len(columns))
        found = np.append(read[cells // 2, columns] - tie, 0.0)
        as_read = np.where(cruise >= 0, read, np.nan)
        levelled = as_read - found[cruise]
        solved = diffusion.guided(as_read, uncertainty=False, cruise=cruise)
        maps = {
            "as read": diffusion.guided(as_read, uncertainty=False)["anomaly"],
            "levelled first": diffusion.guided(levelled, uncertainty=False)["anomaly"],
            "joint": solved["anomaly"],
        }
        rows.append({name: views.agreement(part, field) for name, part in maps.items()})
        rows[-1]["levelled_nt"] = float(np.std(found - constants))
        rows[-1]["joint_nt"] = float(np.std(solved["offset_nt"] - constants))
    return pd.DataFrame(rows)


def cruise_cells(table, region, grid):
    """Find which cruise read the field in each cell, and where it was heading.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table.
    region : helpers.data.Region
        Gives the projection.
    grid : xarray.Dataset
        From `gridding.grid_tracks`.

    Returns
    -------
    tuple of numpy.ndarray, shape (northing, easting)
        Number of the cruise in order of its name (int), -1 off the tracks, and the heading
        (degrees clockwise from north), NaN there; where several cruises share a cell, those of
        the last reading.
    """
    track = crossovers.along(table)
    number, heading = np.full(grid["block"].shape, -1), np.full(grid["block"].shape, np.nan)
    place = region.project(track["longitude"].to_numpy(), track["latitude"].to_numpy())
    column, row = (
        np.rint((where - float(grid[axis][0])) / float(grid[axis][1] - grid[axis][0])).astype(int)
        for where, axis in zip(place, ("easting", "northing"), strict=True)
    )
    inside = (row >= 0) & (row < number.shape[0]) & (column >= 0) & (column < number.shape[1])
    cell = row[inside], column[inside]
    number[cell] = pd.factorize(track["cruise"])[0][inside]
    heading[cell] = track["heading_deg"].to_numpy()[inside]
    known = grid["block"].notnull().to_numpy()
    return np.where(known, number, -1), np.where(known, heading, np.nan)


def real_surveys(by="line"):
    """Leave tracks or tiles of the real surveys out and predict them, by each method.

    Parameters
    ----------
    by : str
        As in `crossvalidation.cross_validate`.

    Returns
    -------
    pandas.DataFrame
        Root mean square errors (nT): a row for each survey that can be had, columns the methods.
    """

    def linear(block):
        return interpolation.interpolate(block, "linear")

    methods = {
        "linear": linear,
        "isotropic": lambda block: diffusion.isotropic(linear(block))["anomaly"],
        "classical": lambda block: diffusion.classical(linear(block))["anomaly"],
        "guided": lambda block: diffusion.guided(block, uncertainty=False)["anomaly"],
    }
    rows = {}
    for name, table in surveys.load_all().items():
        survey = surveys.SURVEYS[name]
        place = (survey.region, survey.spacing_km)
        errors = crossvalidation.cross_validate(table, *place, methods, by)
        rows[survey.title] = crossvalidation.pooled(errors)["rms_nt"]
    return pd.DataFrame(rows, index=list(methods)).T


def _grid(table, region, truth):
    """Grid a table on the cells of a simulated region, without the expected error."""
    place = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    axes = (truth["northing"].to_numpy(), truth["easting"].to_numpy())
    return gridding.grid_points(*place, table["residual_nt"].to_numpy(), *axes, uncertainty=False)
