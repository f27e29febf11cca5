"""The strike of the stripes around some places, asked again without the readings of one leg."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from . import _strike


def strike_without(readings, windows, legs):
    """Give the strike that readings make likely around some places when one leg is left out.

    It is the posterior that `guided` begins with, of the mean over a few windows.

    Parameters
    ----------
    readings : pandas.DataFrame
        ``row`` and ``column`` (cells), ``value_nt``, ``weight`` (above 0, up to 1), ``track`` (a
        number for those that share a constant) and ``leg``; one reading of each leg in a cell.
    windows : sequence of numpy.ndarray, shape (k, 2)
        For each question the centres of its windows (row, column); they reach 40 cells.
    legs : sequence of int
        For each question the leg that is left out; -1 leaves out none.

    Returns
    -------
    pandas.DataFrame
        For each question ``strike_deg`` (clockwise from north, 0 to 180), ``coherence`` (0 to 1,
        how sure it is) and ``legs``, how many a window has in the mean; NaN, 0 and 0 where too few
        readings are left.

    Raises
    ------
    ValueError
        If the readings lack a column.

    Examples
    --------
    Stripes of uneven width that strike north, on four lines across:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from helpers import diffusion
    >>> row, column = (part.ravel() for part in np.mgrid[10:90:20, 0:100])
    >>> lines = pd.DataFrame({"row": row, "column": column, "leg": row // 20, "track": row // 20})
    >>> lines = lines.assign(value_nt=100 * np.sin(lines["column"] ** 1.5 / 40), weight=1.0)
    >>> told = diffusion.strike_without(lines, [np.array([[40.0, 50.0]])] * 2, [-1, 2])
    >>> told["legs"].tolist(), bool((abs(90 - told["strike_deg"]) > 85).all())
    ([4.0, 3.0], True)
    """
    missing = {"row", "column", "value_nt", "weight", "track", "leg"} - set(readings)
    if missing:
        raise ValueError(f"The readings lack {sorted(missing)}; they have {list(readings)}.")
    cell = readings[["row", "column"]].to_numpy(float)
    value = readings["value_nt"].to_numpy(float)
    noise = _strike.NOISE / readings["weight"].to_numpy(float)
    track, leg = readings["track"].to_numpy(), readings["leg"].to_numpy()
    tree = cKDTree(cell)
    angle = _strike.angles()[::2].copy()  # 15 degrees apart: enough for large turns

    def ask(question):
        likelihood, number = [], []
        for place in windows[question]:
            index = np.array(tree.query_ball_point(place, _strike.RADIUS_CELLS), int)
            index = index[leg[index] != legs[question]]
            away = np.hypot(*(cell[index] - place).T)
            index = index[np.argsort(away, kind="stable")[: _strike.NEAREST]]
            here = cell[index] - place, value[index], noise[index], track[index]
            of_window = _strike.of_window(*here, angle)
            if of_window is None:
                continue
            likelihood.append(of_window)
            number.append(np.unique(leg[index]).size)
        if not likelihood:
            return np.nan, 0.0, 0.0
        mean = np.mean(likelihood, axis=0)
        density = np.exp(mean - mean.max())
        double = np.sum(density * np.exp(2j * angle)) / density.sum()
        return np.degrees(-np.angle(double) / 2) % 180, abs(double), np.mean(number)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = list(pool.map(ask, range(len(windows))))
    return pd.DataFrame(told, columns=["strike_deg", "coherence", "legs"])
