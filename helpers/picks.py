"""Magnetic picks: where others saw the borders of polarity blocks, and how far ours are off.

References
----------
Seton, M. et al. (2014). doi:10.1002/2013GC005176 (GSFML, the compilation).
"""

import csv

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from . import data

COLUMNS = "chron end quality cruise reference age_ma method longitude latitude".split()
ONE_ANOMALY_KM = 4.0  # blocks nearer than the layer is deep blend into one crest
SAME_MA = 0.002  # the compilation and the time scale are rounded to 0.001
MAGNETIC = "Magnetic Anomaly"  # of `method`; others are strikes of abyssal hills


def read_picks(path):
    """Read a file of picks in the GSFML's OGR/GMT text.

    Parameters
    ----------
    path : str or pathlib.Path
        One file of the compilation.

    Returns
    -------
    pandas.DataFrame
        ``chron``, ``end`` (y, o or c: young end, old end, centre), ``quality`` (1 is best),
        ``cruise``, ``reference``, ``age_ma`` (Gee & Kent 2007), ``method``, ``longitude`` and
        ``latitude`` (degrees).

    Raises
    ------
    ValueError
        If the file names no columns, or not those of the compilation.
    """
    names, about, rows = None, None, []
    with open(path, encoding="latin-1") as lines:
        for line in lines:
            if line.startswith("# @N"):
                names = line[4:].strip().split("|")
            elif line.startswith("# @D"):
                about = next(csv.reader([line[4:].strip()], delimiter="|"))
            elif about is not None and line[:1] not in "#>\n":
                rows.append([*about, *line.split()[:2]])
    expected = {"Chron", "AnomalyEnd", "AnomEndQua", "CruiseName", "Reference", "GeeK2007"}
    if names is None or not expected <= set(names):
        raise ValueError(
            f"{path} has the columns {names}; picks of the GSFML have {', '.join(sorted(expected))}"
            ". Give one of its files, such as Croon++_2008_G3.gmt."
        )
    table = pd.DataFrame(rows, columns=[*names, "longitude", "latitude"])
    table = table.rename(
        columns={
            "Chron": "chron", "AnomalyEnd": "end", "AnomEndQua": "quality",
            "CruiseName": "cruise", "Reference": "reference", "GeeK2007": "age_ma",
            "IDMethod": "method",
        }
    )  # fmt: skip
    for name in ("quality", "age_ma", "longitude", "latitude"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table.reindex(columns=COLUMNS)


def region_picks(region):
    """Read the picks of all files of the registry that lie in a region.

    Parameters
    ----------
    region : helpers.data.Region

    Returns
    -------
    pandas.DataFrame or None
        As `read_picks`, those from magnetic anomalies with an age; None where no file can be had.
    """
    names = [name for name in data.names() if name.startswith("picks/") and name.endswith(".gmt")]
    paths = [path for path in map(data.try_fetch, names) if path is not None]
    if not paths:
        return None
    table = pd.concat([read_picks(path) for path in paths], ignore_index=True)
    table = table[(table["method"] == MAGNETIC) & np.isfinite(table["age_ma"])]
    return table[region.contains(table["longitude"], table["latitude"])].reset_index(drop=True)


def distance_to_boundaries(picks, truth, region):
    """Distance from each pick to the nearest place of its age on a simulated map.

    The pick marks an end of a chron, which on the map is the border of a polarity block.

    Parameters
    ----------
    picks : pandas.DataFrame
        From `region_picks`.
    truth : xarray.Dataset
        With ``age_ma``, as `seafloor.simulate_region` gives.
    region : helpers.data.Region
        The map's projection.

    Returns
    -------
    numpy.ndarray, shape (len(picks),)
        km; NaN where the map has no seafloor of that age, or none below the pick.
    """
    from skimage.measure import find_contours

    age = truth["age_ma"].to_numpy()
    spacing = float(truth.attrs["spacing_km"])
    row, column = _cells(picks, truth, region)
    distance = np.full(len(picks), np.nan)
    for value, which in picks.groupby("age_ma").indices.items():
        contours = find_contours(age, value)
        if contours:
            tree = cKDTree(np.concatenate([_dense(contour) for contour in contours]))
            distance[which] = spacing * tree.query(np.column_stack([row, column])[which])[0]
    return np.where(_on_seafloor(row, column, age), distance, np.nan)


def distance_to_lines(picks, truth, region, moved_km=0.0, rng=None):
    """Distance from each pick to the nearest label line of its chron, and what it should be.

    The pick marks an end of a block of normal polarity, the label line runs along the crest of
    its anomaly: on a right map half the block's width away, unless skewness slides the crest to
    one side, or neighbouring blocks are too near to each other to have crests of their own. A
    line belongs to the normal chron next to it, and to all that are nearer than
    `ONE_ANOMALY_KM`.

    Parameters
    ----------
    picks : pandas.DataFrame
        From `region_picks`; those of the ends of normal chrons count.
    truth : xarray.Dataset
        With ``age_ma`` and ``label``, as `seafloor.simulate_region` gives.
    region : helpers.data.Region
        The map's projection.
    moved_km : float
        Move each pick so far in a random direction first, to tell what chance gives.
    rng : numpy.random.Generator, optional
        Source of the directions.

    Returns
    -------
    pandas.DataFrame
        One row a pick, its index kept: ``distance_km`` and ``expected_km``, how far apart the
        map itself has that line and the place of the pick's age; NaN where the map has no line
        of that chron, or no seafloor below the pick.
    """
    from skimage.morphology import skeletonize

    age, spacing = truth["age_ma"].to_numpy(), float(truth.attrs["spacing_km"])
    row, column = _cells(picks, truth, region)
    turn = 0.0 if rng is None else rng.uniform(0, 2 * np.pi, len(picks))
    places = np.column_stack([row + moved_km / spacing * np.sin(turn),
                              column + moved_km / spacing * np.cos(turn)])  # fmt: skip
    ends = data.timescale()[["young_ma", "old_ma"]].to_numpy()
    lines = np.argwhere(skeletonize(truth["label"].to_numpy() > 0) & np.isfinite(age))
    km_per_ma = 1 / np.hypot(*np.gradient(age, spacing))[tuple(lines.T)]
    of_line, of_pick = age[tuple(lines.T)], picks["age_ma"].to_numpy()
    nearest_chron = np.searchsorted(0.5 * (ends[1:, 0] + ends[:-1, 1]), of_line)
    found = np.full((2, len(picks)), np.nan)
    for chron, which in picks.groupby(_chron(of_pick, ends)).indices.items():
        outside = np.abs(of_line - np.clip(of_line, *ends[chron])) * km_per_ma
        near = np.flatnonzero((outside < ONE_ANOMALY_KM) | (nearest_chron == chron))
        if chron >= 0 and near.size:
            off, nearest = cKDTree(lines[near]).query(places[which])
            nearest = near[nearest]
            found[0, which] = spacing * off
            found[1, which] = np.abs(of_line[nearest] - of_pick[which]) * km_per_ma[nearest]
    found[:, ~_on_seafloor(*places.T, age)] = np.nan
    return pd.DataFrame(found.T, picks.index, ["distance_km", "expected_km"])


def _dense(contour, steps=8):
    """Points between the vertices of a contour, which lie up to a cell apart."""
    fine = np.arange(0, len(contour) - 1 + 1e-9, 1 / steps)
    return np.column_stack([np.interp(fine, np.arange(len(contour)), part) for part in contour.T])


def _chron(age_ma, ends):
    """Find the normal chron that begins or ends at each age: its place in `ends`, or -1."""
    off = np.abs(age_ma[:, None, None] - ends).min(axis=2)
    return np.where(off.min(axis=1) < SAME_MA, off.argmin(axis=1), -1)


def _cells(picks, truth, region):
    """Row and column (not whole) of each pick on a map."""
    spacing = float(truth.attrs["spacing_km"])
    east, north = region.project(picks["longitude"], picks["latitude"])
    row = (np.asarray(north) - float(truth.northing[0])) / spacing
    return row, (np.asarray(east) - float(truth.easting[0])) / spacing


def _on_seafloor(row, column, age):
    """Whether the map has an age at places on it."""
    i, j = (np.clip(np.rint(part).astype(int), 0, size - 1) for part, size in zip(
        (row, column), age.shape, strict=True
    ))  # fmt: skip
    return np.isfinite(age[i, j])
