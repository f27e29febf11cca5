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
    east, north = region.project(picks["longitude"], picks["latitude"])
    row = (np.asarray(north) - float(truth.northing[0])) / spacing
    column = (np.asarray(east) - float(truth.easting[0])) / spacing
    distance = np.full(len(picks), np.nan)
    for value, which in picks.groupby("age_ma").indices.items():
        contours = find_contours(age, value)
        if contours:
            tree = cKDTree(np.concatenate([_dense(contour) for contour in contours]))
            distance[which] = spacing * tree.query(np.column_stack([row, column])[which])[0]
    i, j = (np.clip(np.rint(part).astype(int), 0, size - 1) for part, size in zip(
        (row, column), age.shape, strict=True
    ))  # fmt: skip
    return np.where(np.isfinite(age[i, j]), distance, np.nan)


def _dense(contour, steps=8):
    """Points between the vertices of a contour, which lie up to a cell apart."""
    fine = np.arange(0, len(contour) - 1 + 1e-9, 1 / steps)
    return np.column_stack([np.interp(fine, np.arange(len(contour)), part) for part in contour.T])
