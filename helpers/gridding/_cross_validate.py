"""How wrong is a grid where no ship has been?  Leave data out, grid without them, compare.

Two ways to leave data out answer two questions.  Tiles (blocks of the map): how well are gaps
filled?  Whole cruises: how well would the grid have foretold the next cruise, with the offset
that it carries?  To leave out single readings answers neither: their neighbours on the same
track give them away.

References
----------
Roberts, D. R. et al. (2017). Cross-validation strategies for data with temporal, spatial,
hierarchical, or phylogenetic structure. Ecography 40, 913-929.
"""

import numpy as np
import pandas as pd
import xarray as xr

from .. import _shared, tracks
from . import _grid, _gridders

LEAST_CELLS = 20  # a part with fewer cells to compare is left out of the table


def cross_validate(table, region, spacing_km=2.0, methods=("linear",), by="tiles"):
    """Grid without a part of the data, compare with that part, and so on for every part.

    Parameters
    ----------
    table : pandas.DataFrame
        Track table with ``cruise``, ``longitude``, ``latitude`` and ``residual_nt``.
    region : helpers.data.Region
        Gives the projection and the bounds.
    spacing_km : float
        Side of the square cells.
    methods : sequence of str or dict of str to callable
        Gridders of `gridding.METHODS`, or any functions that take block medians
        (numpy.ndarray, NaN off the tracks) and give the whole grid.
    by : str
        ``"tiles"``: every fourth tile of 24 by 24 cells in turn; ``"cruise"``: one
        cruise after another, compared in the cells that only it crosses; ``"line"``: one leg of a
        track (`tracks.legs`) after another, likewise.

    Returns
    -------
    pandas.DataFrame
        A row for each part and method: ``left_out``, ``method``, ``cells`` compared, ``rms_nt``
        and ``median_abs_nt`` of predicted minus observed, ``correlation``. Parts with fewer than
        20 cells to compare are not in it; cells that some method cannot predict (outside the
        hull of the data) are left out for all.

    Raises
    ------
    ValueError
        If `by` is none of these, or no part has enough cells to compare.
    """
    parts = {"tiles": _tile_parts, "cruise": _cruise_parts, "line": _line_parts}
    if by not in parts:
        raise ValueError(f"by is {by!r}; choose one of {', '.join(map(repr, parts))}.")
    if not isinstance(methods, dict):
        methods = {
            name: lambda block, name=name: _gridders.interpolate(block, name) for name in methods
        }
    rows = []
    folds = parts[by](table, region, spacing_km)
    for left_out, kept, withheld in _shared.progress(folds, "cross-validation"):
        if np.isfinite(withheld).sum() < LEAST_CELLS or np.isfinite(kept).sum() < 4:
            continue
        rows += [{"left_out": left_out} | row for row in _compare(kept, withheld, methods)]
    if not rows:
        raise ValueError(
            f"No part of the data has {LEAST_CELLS} cells to compare: "
            f"{table['cruise'].nunique()} cruises in {region.title or region.name}. "
            "Choose smaller cells, a larger region, or leave out tiles instead of cruises."
        )
    return pd.DataFrame(rows)


def left_out_grid(table, region, spacing_km=2.0, method="linear"):
    """Predict every track cell (nT) from a grid made without the tile in which it lies.

    NaN off the tracks and where the gridder gives none.
    """
    northing, easting = region.grid_coords(spacing_km)
    predicted = np.full((len(northing), len(easting)), np.nan)
    for _, kept, withheld in _tile_parts(table, region, spacing_km):
        if np.isfinite(kept).any():
            out = np.isfinite(withheld)
            predicted[out] = _gridders.interpolate(kept, method)[out]
    coords = {"northing": northing, "easting": easting}
    return xr.DataArray(predicted, coords, ("northing", "easting"), attrs={"units": "nT"})


def pooled_errors(errors):
    """Put all parts of a cross-validation together.

    Parameters
    ----------
    errors : pandas.DataFrame
        From `cross_validate`.

    Returns
    -------
    pandas.DataFrame
        Index method: ``parts``, ``cells``, ``rms_nt`` over all cells, and the medians over the
        parts of ``median_abs_nt`` and ``correlation``; best first.
    """
    square = errors["cells"] * errors["rms_nt"] ** 2
    groups = errors.assign(square=square).groupby("method")
    cells = groups["cells"].sum()
    found = pd.DataFrame(
        {
            "parts": groups.size(),
            "cells": cells,
            "rms_nt": np.sqrt(groups["square"].sum() / cells),
            "median_abs_nt": groups["median_abs_nt"].median(),
            "correlation": groups["correlation"].median(),
        }
    )
    return found.sort_values("rms_nt")


def _compare(kept, withheld, methods):
    """Score every method on the withheld cells that all of them predict."""
    predicted = {name: np.asarray(work(kept)) for name, work in methods.items()}
    known = np.isfinite(withheld)
    for field in predicted.values():
        known &= np.isfinite(field)
    if known.sum() < LEAST_CELLS:
        return
    observed = withheld[known]
    for name, field in predicted.items():
        misfit = field[known] - observed
        varied = np.std(field[known]) > 0 and np.std(observed) > 0
        yield {
            "method": name,
            "cells": int(known.sum()),
            "rms_nt": float(np.sqrt(np.mean(misfit**2))),
            "median_abs_nt": float(np.median(np.abs(misfit))),
            "correlation": float(np.corrcoef(field[known], observed)[0, 1]) if varied else np.nan,
        }


def _tile_parts(table, region, spacing_km):
    """Yield number, block medians that are kept, and those withheld, for each set of tiles."""
    block = _block(table, region, spacing_km)
    fold = _grid.tile_folds(block.shape)
    for number in range(_grid.TILE_FOLDS):
        out = fold == number
        yield f"tiles {number + 1}", np.where(out, np.nan, block), np.where(out, block, np.nan)


def _cruise_parts(table, region, spacing_km):
    """Leave out one cruise after another."""
    return _track_parts(table, table["cruise"].to_numpy(), region, spacing_km)


def _line_parts(table, region, spacing_km):
    """Leave out one leg of a track after another."""
    track = tracks.legs(table)
    return _track_parts(track, track["leg"].to_numpy(), region, spacing_km)


def _track_parts(table, track, region, spacing_km):
    """Yield name, block medians of the others, and of the cells only it crosses, per track."""
    for name in pd.unique(track):
        own = track == name
        kept = _block(table[~own], region, spacing_km)
        alone = _block(table[own], region, spacing_km)
        yield name, kept, np.where(np.isfinite(kept), np.nan, alone)


def _block(table, region, spacing_km):
    """Block medians of a table in a region."""
    northing, easting = region.grid_coords(spacing_km)
    east, north = region.project(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    return _grid.block_median(east, north, table["residual_nt"].to_numpy(), northing, easting).block
