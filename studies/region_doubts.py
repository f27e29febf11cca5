"""Where a map of lineations is wrong, and why: coverage, tectonics, volcanoes.

Everything here needs a truth, so it speaks about simulated regions.

References
----------
Stein, C. A. & Stein, S. (1992). doi:10.1038/359123a0 (GDH1, depth of normal seafloor of an age).
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.stats import rankdata
from shapely import distance, points, prepare
from skimage.morphology import skeletonize

from helpers import _shared, lines, seafloor
from helpers.scores import _cells, _lines

PLATEAU_M = 1000.0  # so much shallower than normal seafloor of its age
SMOOTH_KM = 20.0  # relief is averaged over this before a plateau is outlined
EVERY = 4  # distance to lines is measured in every fourth cell and interpolated between


def plateau(truth):
    """Outline the plateau: seafloor at least `PLATEAU_M` shallower than its age says."""
    age, relief = truth["age_ma"].to_numpy(), truth["relief_m"].to_numpy()
    # normal depth of an age (GDH1): by its square root below 20 Ma, then towards a limit
    old = 5651.0 - 2473.0 * np.exp(-0.0278 * np.where(age >= 20, age, 20))
    normal = -np.where(age < 20, 2600.0 + 365.0 * np.sqrt(np.where(age < 20, age, 0)), old)
    known = np.isfinite(age) & np.isfinite(relief)
    # how much shallower, averaged over the cells that are known
    sigma = SMOOTH_KM / float(truth.attrs["spacing_km"])
    weight = ndimage.gaussian_filter(known.astype(float), sigma)
    higher = ndimage.gaussian_filter(np.where(known, relief - normal, 0.0), sigma)
    return truth["age_ma"].copy(data=known & (higher >= PLATEAU_M * np.maximum(weight, 1e-6)))


def distances(truth, grid, published=None):
    """Distance of each cell of a simulated region, gridded, to what may spoil the map (km).

    The layers are ``data`` (nearest reading), ``disturbed`` (seafloor whose isochrons change
    direction within a few cells), ``plateau flank``, and one for each of `published`: lines by name
    (fracture zones, triple junction) in the region's projection.
    """
    high = plateau(truth).to_numpy()
    flank = high ^ ndimage.binary_erosion(high, border_value=1)
    layers = {
        "data": grid["distance_km"],
        "disturbed": _from(_disturbed(truth), truth),
        "plateau flank": _from(flank, truth),
    }
    for name, some in (published or {}).items():
        layers[name] = _to_lines(truth, some)
    return xr.Dataset(layers)


def by_distance(far, edges, probability, truth, known, misfit, threshold):
    """Score a map class by class of a distance.

    `far` is a layer of `distances`, `edges` are the borders of the classes (km), probability,
    truth, the known cells and threshold are as in `scores.score_lines`, and `misfit` is the anomaly
    of the map minus the true one (nT).  Gives a row a class that has cells: ``from_km``,
    ``precision``, ``recall``, ``error_nt`` (root mean square) and ``share`` of the known map.
    """
    rows, tolerance_cells = [], 2  # as `scores.score_lines`, whose other scores take longer
    thin = skeletonize(np.asarray(probability) >= threshold)
    true = _cells.true_lines(np.asarray(truth) > 0.5, tolerance_cells)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        here = known & (far.to_numpy() >= low) & (far.to_numpy() < high)
        if here.any():
            found = _cells.matched(thin, true, here, tolerance_cells)
            error = float(np.sqrt(np.nanmean(np.asarray(misfit)[here] ** 2)))
            share = here.sum() / known.sum()
            rows.append((low, found["precision"], found["recall"], error, share))
    return pd.DataFrame(rows, columns=["from_km", "precision", "recall", "error_nt", "share"])


def error_correlations(far, misfit, known):
    """Rank correlation (Spearman) of the size of the error with each of the `distances`.

    `misfit` is as in `by_distance`.  Positive where the error grows with the distance.
    """
    here = known & np.isfinite(misfit)
    # the correlation of ranks, which are found once for the error
    size = rankdata(np.abs(np.asarray(misfit))[here])
    ranks = {name: rankdata(far[name].to_numpy()[here]) for name in far}
    return {name: float(np.corrcoef(rank, size)[0, 1]) for name, rank in ranks.items()}


def causes(found, true, truth):
    """Ask of each line whether it is right, and which part of the anomaly lies under it.

    Lines found and true are from `lines.trace` and `scores.true_lines`.  Gives the table of those
    found without geometry, with ``right`` (half of it runs beside a true line), ``stripes_nt``, the
    mean anomaly of the polarity alone along it, ``other_nt``, that of relief and uneven
    magnetisation (volcanoes, in nature), ``plateau``, the share of it that lies on the plateau,
    ``disturbed_km``, its mean distance to disturbed seafloor, and ``bend_deg``, the median angle
    between its pieces and its own strike: how far it is from being linear.
    """
    stripes = truth["anomaly"].copy(data=seafloor.stripes_alone(truth))
    grids = {
        "stripes_nt": stripes,
        "other_nt": truth["anomaly"] - stripes,
        "plateau": plateau(truth).astype(float),
        "disturbed_km": _from(_disturbed(truth), truth),
    }
    table = pd.DataFrame(found.drop(columns="geometry"))
    table["right"] = right_share(found, true) >= 0.5
    places, strike, owner = lines.points_along(found, _lines.STEP_KM)
    table[list(grids)] = _sample(grids, places).groupby(owner).mean().to_numpy()
    off = _shared.axial_difference(strike, found["strike_deg"].to_numpy()[owner])
    return table.assign(bend_deg=pd.Series(off).groupby(owner).median().to_numpy())


def right_share(found, true):
    """Share of each found line that runs beside a true line, as `scores.evaluate` takes them."""
    places, _, line = lines.points_along(found, _lines.STEP_KM)
    beside = _lines.beside(places, true)
    return np.bincount(line, beside, len(found)) / np.bincount(line, minlength=len(found))


def along_stripes(true, prediction, grid):
    """Follow the true lines, and note how sure the network is beside data, gaps and ends.

    Gives a row every `scores._lines.STEP_KM` of a line: ``to_data_km``, ``to_end_km`` (along the
    line, to its nearer end), ``probability`` and ``spread`` of the cell.
    """
    places, _, owner = lines.points_along(true, _lines.STEP_KM)
    layers = {
        "to_data_km": grid["distance_km"],
        "probability": prediction["probability"],
        "spread": prediction["uncertainty"],
    }
    table = _sample(layers, places)
    of_line = table.groupby(owner)["spread"]
    number = np.minimum(of_line.cumcount(), of_line.cumcount(ascending=False))
    return table.assign(to_end_km=(number + 0.5) * _lines.STEP_KM)


def _sample(layers, places):
    """Values of layers in the cells nearest to places: a row for each place."""
    place = {"easting": ("point", places[:, 0]), "northing": ("point", places[:, 1])}
    return pd.DataFrame(
        {name: layer.interp(place, method="nearest").to_numpy() for name, layer in layers.items()}
    )


def _disturbed(truth):
    """Seafloor whose isochrons change direction within a few cells."""
    return (np.isfinite(truth["age_ma"]) & ~(truth["lineated"] > 0)).to_numpy()


def _from(mask, truth):
    """Distance of each cell to the nearest of a mask (km); infinite where there is none."""
    spacing = float(truth.attrs["spacing_km"])
    far = ndimage.distance_transform_edt(~mask) * spacing if mask.any() else np.inf
    return truth["age_ma"].copy(data=np.full(mask.shape, far))


def _to_lines(truth, others):
    """Distance of each cell to lines (km), measured exactly on every few cells."""
    coarse = truth["age_ma"][::EVERY, ::EVERY]
    whole = others.union_all() if hasattr(others, "union_all") else others
    prepare(whole)
    east, north = np.meshgrid(coarse.easting, coarse.northing)
    far = coarse.copy(data=distance(points(east, north), whole))
    return far.interp_like(truth["age_ma"], kwargs={"fill_value": "extrapolate"})
