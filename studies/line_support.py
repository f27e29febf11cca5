"""What the rule of support (`lines.supported`) costs and gains where the truth is known.

On simulated regions with many crossing tracks it should leave out little, and little that is right;
and the expected error of position should be that of the lines.
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from helpers import lines, network, scores

from . import cases
from ._kept import kept

REGIONS = ("reykjanes", "epr")
MATCH_KM = 10.0  # a place farther from all true lines is of a false line, not of an error
AWAY_KM = (0.0, 1.0, 4.0, 8.0, 12.0, 24.1)  # classes of distance to data


@kept("scores")
def judged(name, coverage):
    """Judge the lines of a simulated region: all, those that are supported, and those left out.

    Gives a table with a row for each of the three, and one for each reason to leave lines out:
    ``lines``, ``length_km``, ``completeness``, ``correctness`` and ``f1`` (`scores.evaluate`); and
    one of the error of position of the lines supported, by distance to data: ``away_km``,
    ``error_km`` and ``told_km`` (rms).
    """
    truth, table, grid, guided = cases.simulated(name, coverage)
    _, found = lines.find(grid, guided, lines.SINGLE)
    supported, left_out = lines.supported(found, grid, table)
    answer = scores.true_lines(truth, network.knowable(grid).to_numpy())
    rows = {}
    kinds = [("all", found), ("supported", supported), ("left out", left_out)]
    for kind, those in (*kinds, *left_out.groupby("reason")):
        got = scores.evaluate(those, answer)
        both = got["completeness"], got["correctness"]
        rows[kind] = {
            "lines": len(those), "length_km": float(those["length_km"].sum()),
            "completeness": both[0], "correctness": both[1],
            "f1": 2 * both[0] * both[1] / max(sum(both), 1e-9),
        }  # fmt: skip
    return pd.DataFrame(rows).T, errors(supported, truth, grid)


def errors(found, truth, grid):
    """Error of position of lines and what is told of it, by distance to data."""
    spacing = float(truth.attrs["spacing_km"])
    off = ndimage.distance_transform_edt(truth["label"].to_numpy() == 0) * spacing
    points = lines.points_along(found, spacing)
    at = {
        axis: xr.DataArray(place, dims="point")
        for axis, place in zip(("easting", "northing"), points.places.T, strict=True)
    }
    error = truth["label"].astype(float).copy(data=off).sel(at, method="nearest")
    away = grid["distance_km"].sel(at, method="nearest")
    told = pd.DataFrame({
        "error_km": error.to_numpy(), "away_km": away.to_numpy(),
        "told_km": found["position_km"].to_numpy()[points.line],
    })  # fmt: skip
    told = told[told["error_km"] <= MATCH_KM]
    square = (told**2).groupby(pd.cut(told["away_km"], AWAY_KM, include_lowest=True), observed=True)
    return np.sqrt(square.mean()).reset_index(drop=True)
