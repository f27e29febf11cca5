"""Stripes, straight tracks across them, and the diffusion operator, for the tests of diffusion."""

import numpy as np

from helpers.diffusion import _solver

AMPLITUDE = 100.0  # of the stripes (nT)
SIDE = 160


def stripes(shape=(SIDE, SIDE), strike_deg=60, wavelength=16.0, bend=0.0):
    """Return stripes of a strike (clockwise from north); rows go north, columns east."""
    row, column = np.indices(shape)
    strike = np.radians(strike_deg)
    across = column * np.cos(strike) - row * np.sin(strike)
    along = column * np.sin(strike) + row * np.cos(strike)
    across = across + bend * np.sin(2 * np.pi * along / shape[0])
    return AMPLITUDE * np.sin(2 * np.pi * across / wavelength)


def survey(seed, coverage, side=SIDE):
    """Return which line crosses each cell (-1: none): straight lines in random directions."""
    rng = np.random.default_rng(seed)
    line, number, along = np.full((side, side), -1), 0, np.arange(-1.5 * side, 1.5 * side, 0.5)
    while (line >= 0).mean() < coverage:
        angle, centre = rng.uniform(0, np.pi), rng.uniform(0, side, 2)
        row = np.rint(centre[0] + along * np.sin(angle)).astype(int)
        column = np.rint(centre[1] + along * np.cos(angle)).astype(int)
        inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
        free = inside.copy()
        free[inside] = line[row[inside], column[inside]] < 0
        line[row[free], column[free]] = number
        number += 1
    return line


def read(field, seed, coverage):
    """Return what the lines of a survey read of a field, NaN between them."""
    return np.where(survey(seed, coverage, len(field)) >= 0, field, np.nan)


def tensor_of(angle, across=0.003):
    """Return a diffusion tensor with eigenvalue `across` along `angle` and 1 at right angles."""
    cos, sin = np.cos(angle), np.sin(angle)
    return across * cos**2 + sin**2, (across - 1) * cos * sin, across * sin**2 + cos**2


def dense(weight, edges):
    """Return the operator as a matrix, one column for each unit vector."""
    columns = []
    for number in range(weight.size):
        unit, out = np.zeros((2, *weight.shape), "float32")
        unit.flat[number] = 1
        _solver.apply(weight, *edges, unit, out)
        columns.append(out.ravel())
    return np.array(columns, float).T
