"""Anisotropic diffusion: restore the continuity of stripes along their own direction.

Two ways to do it, both built on the same three pieces (structure tensor, diffusion tensor,
linear solve):

* `classical` smooths a grid that was already interpolated, as the paper does;
* `guided` solves for the field and honours the track data in one system,
  ``(W + lambda * G^T D G) u = W d``.

``G`` is the gradient, ``D`` the diffusion tensor, ``W`` the confidence of each cell and ``d`` the
block-averaged track data.  Everything here works in cells; kilometres enter only through the
coordinates of the grids.

References
----------
Weickert, J. (1999). Coherence-enhancing diffusion filtering. Int. J. Comput. Vis. 31, 111-127.
Hale, D. (2009). Structure-oriented smoothing and semblance. CWP-635, Colorado School of Mines.
Ghosh, Thoram, Sun & Sager (2025). Scientific Reports, doi:10.1038/s41598-025-30926-1.
"""

import numpy as np
import xarray as xr
from scipy import ndimage

from . import gridding, solver

COARSEST_CELLS = 48  # the pyramid stops before a side gets shorter than this
DATA_REACH_CELLS = 2.0  # how far from a track the orientation is still trusted
FLOOR = 0.02  # trust in the orientation far from any track


def guided(
    block,
    weight=None,
    smoothing=5.0,
    integration_cells=24.0,
    across=0.003,
    reestimations=3,
    levels=3,
    uncertainty=True,
):
    """Interpolate and smooth sparse track data along their own orientation in one system.

    Solves ``(W + smoothing * G^T D G) u = W d`` from coarse to fine cells; at each level the
    diffusion tensor ``D`` is re-estimated from the current ``u``, its averaging weighted by the
    distance to data.

    Parameters
    ----------
    block : xarray.DataArray or numpy.ndarray, shape (northing, easting)
        Block-averaged track data (nT); NaN where no track crosses the cell.
    weight : array_like of the same shape, optional
        Confidence of each cell, 0 to 1; by default 1 on tracks and 0 elsewhere.
    smoothing : float
        Weight of the smoothness along strike against the data (lambda).
    integration_cells : float
        Standard deviation, in cells, of the averaging of the structure tensor.
    across : float
        Diffusivity across strike relative to the one along strike, where coherence is 1.
    reestimations : int
        How often the orientation is estimated anew at each level.
    levels : int
        Number of coarser grids, each with cells twice as large, solved first.
    uncertainty : bool
        Also estimate the error by leaving out tiles of the tracks (takes a second solution).

    Returns
    -------
    xarray.Dataset
        ``anomaly`` and ``uncertainty_nt`` (nT), ``strike_deg`` (clockwise from north, 0 to 180)
        and ``coherence`` (0 to 1), on the cells of `block`.

    Raises
    ------
    ValueError
        If `block` is not two-dimensional, smaller than 8 x 8 cells, holds no data at all,
        or `weight` has another shape, negative or non-finite values.
    """
    grid = _as_grid(block)
    data = grid.values.astype("float32")
    weight = _confidence(data, weight)
    options = (smoothing, integration_cells, across, reestimations, levels)
    field, tensor = _solve_pyramid(data, weight, *options)
    error = np.full(data.shape, np.nan, "float32")
    if uncertainty:
        error = _left_out_error(data, weight, options)
    return _dataset(grid, field, tensor, error)


def classical(anomaly, time_cells2=40.0, steps=4, integration_cells=8.0, across=0.003):
    """Smooth a complete grid along its orientation: coherence-enhancing diffusion.

    Each step solves ``(I + dt * G^T D G) u = f`` implicitly, which is stable for any ``dt``,
    and then estimates the orientation anew (Weickert 1999; Hale 2009).

    Parameters
    ----------
    anomaly : xarray.DataArray or numpy.ndarray, shape (northing, easting)
        Interpolated grid (nT).  NaN cells are filled by the diffusion and left NaN in the result.
    time_cells2 : float
        Total diffusion time in cells squared; stripes are smoothed over about
        ``sqrt(2 * time_cells2)`` cells along strike.
    steps : int
        Number of implicit steps.
    integration_cells : float
        Standard deviation, in cells, of the averaging of the structure tensor.
    across : float
        Diffusivity across strike relative to the one along strike, where coherence is 1.

    Returns
    -------
    xarray.Dataset
        ``anomaly`` (nT), ``strike_deg`` (0 to 180) and ``coherence`` (0 to 1).

    Raises
    ------
    ValueError
        If `anomaly` is not two-dimensional, smaller than 8 x 8 cells or holds no data at all.
    """
    grid = _as_grid(anomaly)
    field = grid.values.astype("float32")
    valid = np.isfinite(field)
    weight = valid.astype("float32")
    field = np.where(valid, field, field[valid].mean())
    for _ in range(steps):
        tensor = structure_tensor(field, np.maximum(weight, FLOOR), 1.0, integration_cells)
        edges = solver.stencil(diffusion_tensor(tensor, field.shape, across), time_cells2 / steps)
        field = solver.solve(weight, edges, weight * field, field)
    field = np.where(valid, field, np.nan)
    return _dataset(grid, field, tensor, None)


def structure_tensor(field, confidence, gradient_cells, integration_cells):
    """Average the products of the gradient, weighted by confidence.

    Parameters
    ----------
    field, confidence : numpy.ndarray, shape (n, m)
        The map and how much the gradient of each cell is trusted (0 to 1).
    gradient_cells, integration_cells : float
        Standard deviations, in cells, of the Gaussian under the gradient and of the averaging.

    Returns
    -------
    numpy.ndarray, shape (3, n / k, m / k)
        Components xx, xy, yy (x: easting) on cells k = integration_cells // 4 times larger:
        an average this wide need not be stored more finely.
    """
    step = max(1, int(integration_cells // 4))
    east = ndimage.gaussian_filter(field, gradient_cells, order=(0, 1), truncate=3.0)
    north = ndimage.gaussian_filter(field, gradient_cells, order=(1, 0), truncate=3.0)

    def average(values):
        blocks = _block_mean(values, step)
        sigma = integration_cells / step
        return ndimage.gaussian_filter(blocks, sigma, truncate=3.0, mode="constant")

    total = average(confidence) + 1e-12
    products = (east * east, east * north, north * north)
    return np.stack([average(confidence * product) / total for product in products])


def orientation(tensor):
    """Direction of the strongest gradient and coherence of a structure tensor.

    Parameters
    ----------
    tensor : numpy.ndarray, shape (3, n, m)
        Components xx, xy, yy.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (n, m)
        Angle across the stripes (radians, anticlockwise from east) and coherence (0 to 1):
        the difference of the eigenvalues over their sum.
    """
    xx, xy, yy = tensor
    difference = np.hypot(xx - yy, 2 * xy)
    return 0.5 * np.arctan2(2 * xy, xx - yy), difference / (xx + yy + 1e-20)


def diffusion_tensor(tensor, shape, across):
    """Turn a structure tensor into diffusivities: 1 along strike, less across.

    The diffusivity across strike grows from `across` to 1 as coherence falls from 1 to 0,
    so that round structures stay round.

    Parameters
    ----------
    tensor : numpy.ndarray, shape (3, n / k, m / k)
        Structure tensor from `structure_tensor`.
    shape : tuple of int
        Shape (n, m) of the map.
    across : float
        Relative diffusivity across strike at full coherence.

    Returns
    -------
    list of numpy.ndarray, three of shape (n, m)
        Components xx, xy, yy of the diffusion tensor.
    """
    angle, coherence = orientation(tensor)
    low = across + (1 - across) * (1 - coherence) ** 3
    cos, sin = np.cos(angle), np.sin(angle)
    parts = (low * cos**2 + sin**2, (low - 1) * cos * sin, low * sin**2 + cos**2)
    return [_enlarge(part.astype("float32"), shape) for part in parts]


def _as_grid(values):
    """Check the input and wrap a plain array as a grid with cells of unit size."""
    grid = values
    if not isinstance(values, xr.DataArray):
        values = np.asarray(values)
        if values.ndim == 2:
            coords = {"northing": np.arange(values.shape[0]), "easting": np.arange(values.shape[1])}
            grid = xr.DataArray(values, coords, dims=("northing", "easting"))
    if values.ndim != 2 or min(values.shape) < 8:
        raise ValueError(
            f"A grid of shape {values.shape} was given; a 2-D grid (northing, easting) of at "
            "least 8 x 8 cells is expected. Grid the tracks first (gridding.grid_tracks)."
        )
    if not np.isfinite(values).any():
        raise ValueError("The grid holds no data: every cell is NaN. Check region and tracks.")
    return grid


def _confidence(data, weight):
    """Weights of the cells: zero where there is no data, checked where they are given."""
    valid = np.isfinite(data)
    if weight is None:
        return valid.astype("float32")
    weight = np.asarray(weight, "float32")
    if weight.shape != data.shape:
        raise ValueError(f"weight has shape {weight.shape}, block {data.shape}; give one shape.")
    if not np.isfinite(weight).all() or weight.min() < 0 or not weight[valid].any():
        raise ValueError("weight must be finite, not negative, and above 0 on some track cell.")
    return np.where(valid, weight, 0).astype("float32")


def _solve_pyramid(data, weight, smoothing, integration_cells, across, reestimations, levels):
    """Solve from the coarsest level to the finest; return the field and its structure tensor."""
    total = np.where(weight > 0, weight * np.nan_to_num(data), 0).astype("float32")
    pyramid = [(weight, total)]
    while len(pyramid) <= levels and min(pyramid[-1][0].shape) > COARSEST_CELLS:
        pyramid.append(tuple(4 * _block_mean(part, 2) for part in pyramid[-1]))
    field = None
    for level in range(len(pyramid) - 1, -1, -1):
        weight, total = pyramid[level]
        size = 2.0**level
        if field is None:
            field = _isotropic(weight, total, smoothing)
        field = _enlarge(field, weight.shape)
        distance = ndimage.distance_transform_edt(weight <= 0) * size
        confidence = np.exp(-((distance / DATA_REACH_CELLS) ** 2)) + FLOOR
        for _ in range(reestimations):
            tensor = structure_tensor(
                field, confidence, max(2.0 / size, 0.7), max(integration_cells / size, 2.0)
            )
            edges = solver.stencil(diffusion_tensor(tensor, field.shape, across), smoothing)
            field = solver.solve(weight, edges, total, field)
    return field, tensor


def _isotropic(weight, total, smoothing):
    """First guess on the coarsest level: the same system without any orientation."""
    one = np.ones_like(weight)
    edges = solver.stencil((one, 0 * one, one), smoothing)
    start = np.full_like(weight, total.sum() / weight.sum())
    return solver.solve(weight, edges, total, start)


def _left_out_error(data, weight, options):
    """Error expected in each cell (nT), from tiles of the tracks that were left out.

    Every fourth tile of track cells is withheld, the map is solved again without it, and the
    root mean square misfit there is taken as a function of the distance to the data used.  On
    the tracks themselves it is what the smoothing takes away from the readings.
    """
    left_out = gridding.leave_out_tiles(weight > 0)
    kept = np.where(left_out, 0, weight).astype("float32")
    distance = ndimage.distance_transform_edt(weight <= 0)
    if not kept.any() or left_out.sum() < 20:
        return np.full(data.shape, np.nan, "float32")
    field, _ = _solve_pyramid(data, kept, *options)
    misfit = (field - data)[left_out]
    withheld_distance = ndimage.distance_transform_edt(kept <= 0)[left_out]
    spread = float(np.std(data[weight > 0]))
    smoothed_away = float(np.sqrt(np.mean((field - data)[kept > 0] ** 2)))
    on_track = max(smoothed_away, gridding.NOISE_NT)
    error = gridding.error_by_distance(withheld_distance, misfit, distance, spread, on_track)
    return error.astype("float32")


def _dataset(grid, field, tensor, error):
    """Pack field, orientation and error on the coordinates of the input grid."""
    xx, xy, yy = (_enlarge(part.astype("float32"), field.shape) for part in tensor)
    angle, coherence = orientation(np.stack([xx, xy, yy]))
    strike = np.degrees(-angle) % 180.0
    layers = {"anomaly": field, "strike_deg": strike, "coherence": coherence}
    if error is not None:
        layers["uncertainty_nt"] = error
    units = {"anomaly": "nT", "strike_deg": "degree", "coherence": "1", "uncertainty_nt": "nT"}
    names = {
        "anomaly": "magnetic anomaly, diffused",
        "strike_deg": "strike clockwise from north",
        "coherence": "coherence of the orientation",
        "uncertainty_nt": "expected error of the anomaly",
    }
    dataset = xr.Dataset(
        {
            name: grid.copy(data=values.astype("float32")).assign_attrs(
                {**grid.attrs, "units": units[name], "long_name": names[name]}
            )
            for name, values in layers.items()
        }
    )
    return dataset


def _block_mean(values, step):
    """Mean over blocks of step x step cells; the last row and column are padded with zeros."""
    rows, columns = (-(-size // step) * step for size in values.shape)
    padded = np.zeros((rows, columns), values.dtype)
    padded[: values.shape[0], : values.shape[1]] = values
    blocks = padded.reshape(rows // step, step, columns // step, step)
    return blocks.mean(axis=(1, 3)).astype("float32")


def _enlarge(values, shape):
    """Interpolate linearly from the centres of large cells to those of smaller ones."""
    if values.shape == tuple(shape):
        return values
    for axis, size in enumerate(shape):
        step = -(-size // values.shape[axis])
        position = (np.arange(size) + 0.5) / step - 0.5
        lower = np.clip(np.floor(position).astype(int), 0, values.shape[axis] - 1)
        upper = np.minimum(lower + 1, values.shape[axis] - 1)
        part = np.clip(position - lower, 0, 1).astype("float32")
        part = part[:, None] if axis == 0 else part
        values = values.take(lower, axis) * (1 - part) + values.take(upper, axis) * part
    return np.ascontiguousarray(values, "float32")
