"""The strike without one leg: lines over stripes, and one leg that reads others."""

import numpy as np
import pandas as pd
import pytest

from helpers import _shared, diffusion
from studies import made_up_fields

CENTRE = [np.array([[48.0, 48.0]])]


def leg(rows, columns, field, number):
    """Readings of one leg at some cells of a field."""
    row, column = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    made = pd.DataFrame({"row": row, "column": column, "value_nt": field[row, column]})
    return made.assign(weight=1.0, track=number, leg=number)


def readings():
    """Three lines over stripes that strike 60 degrees, and a leg that mows others of 150."""
    field, other = (made_up_fields.stripes(96, strike) for strike in (60.0, 150.0))
    lines = [leg([row], np.arange(8, 88), field, k) for k, row in enumerate((34, 41, 62))]
    return pd.concat([*lines, leg(np.arange(40, 57, 4), np.arange(30, 66), 3 * other, 3)])


def test_the_strike_is_that_of_the_readings_that_are_left():
    told = diffusion.strike_without(readings(), CENTRE * 3, [-1, 3, 0])
    assert _shared.axial_difference(told["strike_deg"], [150, 60, 150]).max() < 10
    assert (told["coherence"] > 0.8).all()
    assert told["legs"].tolist() == [4, 3, 3]


def test_too_few_readings_tell_nothing():
    few = leg([48], np.arange(40, 50), np.ones((96, 96)), 0)
    told = diffusion.strike_without(few, [*CENTRE, np.array([[900.0, 900.0]])], [-1, -1])
    assert told["strike_deg"].isna().all()
    assert (told[["coherence", "legs"]] == 0).all(axis=None)


def test_a_missing_column_is_said():
    with pytest.raises(ValueError, match=r"The readings lack \['leg'\]; they have \['row', "):
        diffusion.strike_without(readings().drop(columns="leg"), CENTRE, [-1])
