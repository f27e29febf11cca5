"""Anisotropic diffusion: restore the continuity of stripes along their own direction.

Two ways to do it, both built on the same pieces (structure tensor, diffusion tensor, linear
solve):

* `classical` smooths a grid that was already interpolated, as the paper does;
* `guided` solves for the field and honours the track data in one system,
  ``(W + lambda * G^T D G) u = W d``.

``G`` is the gradient, ``D`` the diffusion tensor, ``W`` the confidence of each cell and ``d`` the
block-averaged track data.  Everything here works in cells; kilometres enter only through the
coordinates of the grids.

`guided` goes through four steps:

1. The readings are asked for their strike before there is any map: in windows, by the likelihood
   of a Gaussian process that changes across strike and hardly along it (`_strike`).  How sharp
   this posterior is, is the coherence.
2. Each quarter of the readings is predicted from the others, along strike and by thin plates that
   know no direction.  The misfits choose, place by place, ``lambda`` and the plate, and tell how
   far the data support stripes at all (`_withheld`).
3. Where stripes end side by side, at fracture zones, less is carried along them.  The system is
   solved on the fine cells; errors that readings share with their neighbours on a track are solved
   for along with it.  Where stripes are not supported, the plate's field takes over, brought back
   to the readings by a soft one, so that a lone track is honoured.  The coherence returned is the
   supported one, and 0 farther than `FAR_KM` from any reading (`_guided`).
4. Where it is known which cruise read what, a constant of each cruise and its heading error are
   solved for in the same system (`_solver.Offsets`): cruises that disagree otherwise become
   stripes along the tracks, or ask for more smoothing than the field bears.

Known fracture zones are barriers, readings on known seamounts are kept out of the stripes and
their rise is laid over them, and a known strike leads where readings are silent (`_known`).

References
----------
Weickert, J. (1999). Coherence-enhancing diffusion filtering. Int. J. Comput. Vis. 31, 111-127.
Hale, D. (2009). Structure-oriented smoothing and semblance. CWP-635, Colorado School of Mines.
Smith, W. H. F. & Wessel, P. (1990). Gridding with continuous curvature splines in tension.
Geophysics 55, 293-305.
Rasmussen, C. E. & Williams, C. K. I. (2006). Gaussian Processes for Machine Learning.
Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5, 241-259.
Ghosh, Thoram, Sun & Sager (2025). Scientific Reports, doi:10.1038/s41598-025-30926-1.
"""

import numpy as np
import xarray as xr
from scipy import ndimage

from . import _guided, _known, _solver, _structure

STEPS, INTEGRATION_CELLS, ACROSS = 4, 8.0, 0.003  # of classical diffusion, as in the paper
FAR_KM = 24.0  # farther from any reading nothing is known of stripes
PLAIN_KM = 2.0  # side of the cells of a plain array
FLOOR = 0.1  # its trust in gradients where the grid holds nothing


def guided(
    block,
    weight=None,
    smoothing=None,
    across=0.001,
    uncertainty=True,
    known=None,
):
    """Interpolate and smooth sparse track data along their own orientation in one system.

    Solves ``(W + smoothing * G^T D G) u = W d`` from coarse to fine cells, with the diffusion
    tensor ``D`` of the strike that the readings themselves make likely.  Where withheld readings do
    not support the direction, the field of a thin plate takes its place, so that no stripes are
    invented.

    Parameters
    ----------
    block : xarray.DataArray or numpy.ndarray, shape (northing, easting)
        Block-averaged track data (nT); NaN where no track crosses the cell.
    weight : array_like of the same shape, optional
        Confidence of each cell, 0 to 1; by default 1 on tracks and 0 elsewhere.
    smoothing : float, optional
        Weight of the smoothness along strike against the data (lambda); by default, place by place,
        the one that predicts withheld readings.
    across : float
        Diffusivity across strike relative to the one along strike, where coherence is 1.
    uncertainty : bool
        Also estimate the error by leaving out tiles of the tracks (takes a second solution).
    known : Known, optional
        What is known beside the readings: cruises and headings, whose errors are then solved for,
        strikes, fracture zones and seamounts.

    Returns
    -------
    xarray.Dataset
        ``anomaly`` and ``uncertainty_nt`` (nT), ``strike_deg`` (clockwise from north, 0 to 180),
        ``coherence`` (0 to 1, the part that the data support; 0 far from any) and ``continuity``
        (near 0 along fracture zones that the map shows, 1 elsewhere), on the cells of `block`; the
        attribute ``smoothing`` tells what was used, the median of the map.  With known cruises also
        ``offset_nt``, the constant of each cruise, and with headings ``heading_nt``, its terms
        in cos H, sin H, cos 2H and sin 2H.

    Raises
    ------
    ValueError
        If `block` is not two-dimensional, smaller than 8 x 8 cells, holds no data at all,
        another array has another shape or type, `weight` negative or non-finite values, a heading
        is missing or comes without a cruise, or all readings lie on seamounts.

    Examples
    --------
    Stripes of 100 nT that strike north, read on every eighth row of a small map:

    >>> import numpy as np
    >>> from helpers import diffusion
    >>> north, east = np.indices((64, 64))
    >>> truth = 100 * np.sin(east / 2.5)
    >>> made = diffusion.guided(np.where(north % 8 == 0, truth, np.nan), uncertainty=False)
    >>> bool(np.corrcoef(made["anomaly"].to_numpy().ravel(), truth.ravel())[0, 1] > 0.99)
    True
    """
    grid = _as_grid(block)
    data = grid.values.astype("float32")
    weight = _weights(data, weight)
    known = _known.check(known or _known.Known(), np.where(weight > 0, data, np.nan))
    restored = _guided.restore(data, weight, known, smoothing, across)
    error = np.full(data.shape, np.nan, "float32")
    if uncertainty:
        error = _guided.expected_error(data, weight, known, restored, smoothing, across)
    cell_km = _spacing_km(block) if isinstance(block, xr.DataArray) else PLAIN_KM
    near = ndimage.distance_transform_edt(weight <= 0) * cell_km <= FAR_KM
    dataset = _dataset(grid, restored.field, restored.tensor, near * restored.support, error)
    dataset["continuity"] = dataset["coherence"].copy(data=restored.continuity)
    dataset["continuity"].attrs["long_name"] = "share carried along strike, low at fracture zones"
    dataset.attrs["smoothing"] = float(np.median(restored.smoothing))
    if restored.terms is not None:
        attrs = {"units": "nT", "long_name": "constant of the cruise, taken out"}
        dataset["offset_nt"] = ("cruise", restored.terms[:, 0], attrs)
        if known.heading_deg is not None:
            attrs = {"units": "nT", "long_name": "terms in cos H, sin H, cos 2H, sin 2H"}
            dataset["heading_nt"] = (("cruise", "term"), restored.terms[:, 1:], attrs)
    return dataset


def classical(anomaly, time_cells2=40.0):
    """Smooth a complete grid along its orientation: coherence-enhancing diffusion.

    Each of four steps solves ``(I + dt * G^T D G) u = f`` implicitly, which is stable for any
    ``dt``, and then estimates the orientation anew (Weickert 1999; Hale 2009).  The structure
    tensor is averaged over 8 cells, and across strike 0.003 of what goes along it is carried.

    Parameters
    ----------
    anomaly : xarray.DataArray or numpy.ndarray, shape (northing, easting)
        Interpolated grid (nT).  NaN cells are filled by the diffusion and left NaN in the result.
    time_cells2 : float
        Total diffusion time in cells squared; stripes are smoothed over about
        ``sqrt(2 * time_cells2)`` cells along strike.

    Returns
    -------
    xarray.Dataset
        ``anomaly`` (nT), ``strike_deg`` (0 to 180) and ``coherence`` (0 to 1).

    Raises
    ------
    ValueError
        If `anomaly` is not two-dimensional, smaller than 8 x 8 cells or holds no data at all.

    Examples
    --------
    Noise goes, stripes stay:

    >>> import numpy as np
    >>> from helpers import diffusion
    >>> truth = 100 * np.sin(np.indices((64, 64))[1] / 2.5)
    >>> noise = np.random.default_rng(0).normal(0, 50, truth.shape)
    >>> left = diffusion.classical(truth + noise)["anomaly"].to_numpy() - truth
    >>> bool(left.std() < 20)
    True
    """
    grid = _as_grid(anomaly)
    field = grid.values.astype("float32")
    valid = np.isfinite(field)
    weight = valid.astype("float32")
    field = np.where(valid, field, field[valid].mean())
    for _ in range(STEPS):
        # D from the current u
        confidence = np.maximum(weight, FLOOR)
        tensor = _structure.structure_tensor(field, confidence, 1.0, INTEGRATION_CELLS)
        diffusivity = _structure.diffusion_tensor(tensor, field.shape, ACROSS)
        # (I + dt G^T D G) u = f, with I and f left out where there is no data
        edges = _solver.stencil(diffusivity, time_cells2 / STEPS)
        field = _solver.solve(weight, edges, weight * field, field)
    field = np.where(valid, field, np.nan)
    return _dataset(grid, field, tensor, 1.0, None)


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


def _spacing_km(grid):
    """Side of the cells of a grid (km)."""
    axis = grid[grid.dims[1]].to_numpy()
    return float(abs(axis[1] - axis[0]))


def _weights(data, weight):
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


def _dataset(grid, field, tensor, support, error):
    """Pack field, orientation and error on the coordinates of the input grid."""
    xx, xy, yy = (_structure.enlarge(part.astype("float32"), field.shape) for part in tensor)
    angle, coherence = _structure.orientation(np.stack([xx, xy, yy]))
    strike = np.degrees(-angle) % 180.0
    layers = {
        "anomaly": (field, "nT", "magnetic anomaly, diffused"),
        "strike_deg": (strike, "degree", "strike clockwise from north"),
        "coherence": (support * coherence, "1", "coherence of the orientation"),
    }
    if error is not None:
        layers["uncertainty_nt"] = (error, "nT", "expected error of the anomaly")
    dataset = xr.Dataset()
    for name, (values, units, text) in layers.items():
        about = {**grid.attrs, "units": units, "long_name": text}
        dataset[name] = grid.copy(data=values.astype("float32")).assign_attrs(about)
    return dataset
