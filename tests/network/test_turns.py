"""The eight positions of a map, and what they do to a strike."""

import numpy as np
import pytest

from helpers.network import _inputs


def test_eight_positions_are_different_and_turn_back():
    stack = np.arange(32.0).reshape(4, 4, 2)
    for strike in (False, True):
        turned = [_inputs.turn(stack, position, strike) for position in range(_inputs.POSITIONS)]
        assert len({part.tobytes() for part in turned}) == _inputs.POSITIONS
        for position, part in enumerate(turned):
            np.testing.assert_array_equal(_inputs.turn_back(part, position, strike), stack)


def test_maps_that_are_no_squares_change_their_shape_by_quarter_turns():
    stack = np.zeros((3, 5, 1))
    shapes = [_inputs.turn(stack, position).shape for position in range(_inputs.POSITIONS)]
    assert shapes == [(3, 5, 1), (5, 3, 1)] * 4


@pytest.mark.parametrize("position", range(_inputs.POSITIONS))
@pytest.mark.parametrize("angle", [0.0, 20.0, 45.0, 90.0, 130.0])
def test_strike_turns_with_its_line(position, angle):
    """A line drawn through a map keeps the strike that the turned channels say."""
    cells = np.arange(-20.0, 20.0) + 0.5
    north, east = np.meshgrid(cells, cells, indexing="ij")
    radians = np.radians(angle)
    line = np.abs(east * np.cos(radians) - north * np.sin(radians)) < 1.2
    strike = np.full(line.shape, angle)
    stack = np.stack([line, *_inputs.double_angle(strike)], axis=-1)
    turned = _inputs.turn(stack, position, strike=True)
    rows, columns = np.nonzero(turned[..., 0])
    # the main direction of the cells of the line, by its moments
    y, x = rows - rows.mean(), columns - columns.mean()
    seen = np.degrees(0.5 * np.arctan2(2 * (x * y).sum(), (y * y - x * x).sum()))
    told = _inputs.strike_deg(turned[..., 1], turned[..., 2])[rows[0], columns[0]]
    # a line of three cells in a square has its ends cut at right angles to the axes: 2 degrees
    assert abs((seen - told + 90) % 180 - 90) < 2


def test_strike_comes_back_from_its_double_angle():
    strike = np.array([0.0, 1.0, 45.0, 90.0, 135.0, 179.0])
    np.testing.assert_allclose(
        _inputs.strike_deg(*_inputs.double_angle(strike)), strike, atol=1e-12
    )
    turned = _inputs.strike_deg(*_inputs.double_angle(strike + 180))
    np.testing.assert_allclose((turned - strike + 90) % 180, 90, atol=1e-9)
