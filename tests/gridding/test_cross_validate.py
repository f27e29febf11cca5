"""Leaving out tiles and cruises: what is withheld, what is kept, what the table says."""

import numpy as np
import pandas as pd
import pytest

from helpers import data, gridding

REGION = data.region_from_box(-3, 0, 50, 52, name="box")
NORTHING, EASTING = REGION.grid_coords(2.0)


def cruises(offset=0.0, number=12, step_km=1.0):
    """West-east and south-north cruises over a smooth field; the first has an offset."""
    pieces = []
    for k in range(number):
        along = np.arange(-90, 90, step_km)
        across = np.full(len(along), np.linspace(-80, 80, number)[k])
        for name, east, north in ((f"E{k}", along, across), (f"N{k}", across, along)):
            longitude, latitude = REGION.unproject(east, north)
            value = 80 * np.sin(east / 20) * np.cos(north / 25)
            value += offset if name == "E0" else 0.0
            pieces.append(
                pd.DataFrame(
                    {"cruise": name, "longitude": longitude, "latitude": latitude}
                    | {"residual_nt": value}
                )
            )
    return pd.concat(pieces, ignore_index=True)


def test_a_method_that_knows_the_truth_makes_no_error_and_the_mean_makes_the_spread():
    table = cruises()
    north, east = np.meshgrid(NORTHING, EASTING, indexing="ij")
    truth = 80 * np.sin(east / 20) * np.cos(north / 25)
    methods = {
        "truth": lambda block: truth,
        "mean": lambda block: np.full(block.shape, np.nanmean(block)),
    }
    for by in ("tiles", "cruise"):
        errors = gridding.cross_validate(table, REGION, methods=methods, by=by)
        pooled = gridding.pooled_errors(errors)
        # readings lie up to 1 km from the centre of a cell, over slopes of at most 4 nT/km
        assert pooled.rms_nt["truth"] < 4 and pooled.correlation["truth"] > 0.99
        assert pooled.rms_nt["mean"] == pytest.approx(truth.std(), rel=0.2)
        assert list(pooled.index) == ["truth", "mean"]


def test_tiles_are_withheld_whole_and_each_cell_once():
    seen = []

    def watch(block):
        seen.append(np.isfinite(block))
        return np.zeros(block.shape)

    table = cruises()
    errors = gridding.cross_validate(table, REGION, methods={"watch": watch})
    everything = np.logical_or.reduce(seen)
    times_withheld = sum((everything & ~kept).astype(int) for kept in seen)
    assert len(seen) == 4 and (times_withheld[everything] == 1).all()
    assert errors.cells.sum() == everything.sum()


def test_a_cruise_is_judged_without_itself():
    errors = gridding.cross_validate(cruises(offset=300.0), REGION, by="cruise")
    by_cruise = errors.set_index("left_out").rms_nt
    assert set(by_cruise.index) == set(cruises().cruise)
    # its own offset is the error of the grid that does not know it
    assert by_cruise["E0"] == pytest.approx(300, rel=0.1)
    assert by_cruise[[f"E{k}" for k in range(2, 11)]].max() < 20  # far from it, no harm


def test_a_line_is_judged_without_itself():
    """Here every cruise is one straight line, so that lines and cruises are the same parts."""
    table = cruises(offset=300.0)
    table["time"] = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(table)), unit="min")
    lines, whole = (gridding.cross_validate(table, REGION, by=by) for by in ("line", "cruise"))
    assert sorted(lines.rms_nt) == pytest.approx(sorted(whole.rms_nt))


def test_every_gridder_is_compared_on_the_same_cells():
    box = data.region_from_box(-1.5, 0, 50.5, 51.5, name="small box")
    errors = gridding.cross_validate(cruises(), box, methods=gridding.METHODS)
    cells = errors.pivot(index="left_out", columns="method", values="cells")
    assert set(cells) == set(gridding.METHODS) and (cells.nunique(axis=1) == 1).all()


def test_pooled_error_is_weighted_by_cells():
    errors = pd.DataFrame(
        {"left_out": ["a", "b"], "method": "m", "cells": [30, 10], "rms_nt": [2.0, 6.0]}
        | {"median_abs_nt": [1.0, 3.0], "correlation": [0.9, 0.5]}
    )
    pooled = gridding.pooled_errors(errors).loc["m"]
    assert pooled.rms_nt == pytest.approx(np.sqrt((30 * 4 + 10 * 36) / 40))
    assert (pooled.parts, pooled.cells, pooled.median_abs_nt) == (2, 40, 2.0)


def test_bad_input_says_what_to_do():
    table = cruises(number=2)
    with pytest.raises(ValueError, match="choose one of 'tiles', 'cruise', 'line'"):
        gridding.cross_validate(table, REGION, by="point")
    few = table[table.cruise == "E0"].iloc[:30]
    with pytest.raises(ValueError, match="1 cruises in box.*smaller cells"):
        gridding.cross_validate(few, REGION, by="cruise")
