"""The model applied: what is drawn over the simulated regions, and the real surveys it is shown.

Everything is computed once and kept.
"""

import functools

from . import cases, data, diffusion, fabric, gridding, realgrids, surveys

CHILE = data.region_from_box(-75.6, -71.0, -41.5, -33.0, name="chile", title="EMAG2 v3 off Chile")


@functools.cache
def drawn_over(name):
    """Collect what people have drawn in a region.

    Parameters
    ----------
    name : str
        A region of the registry.

    Returns
    -------
    dict of str to geopandas object
        ``fracture zones``, ``isochrons`` and ``triple junction`` in the region's projection; empty
        where the files cannot be had.
    """
    region = data.region(name)
    isochrons, zones = fabric.isochrons(region), fabric.fracture_zones(region)
    if isochrons is None or zones is None:
        return {}
    junction = fabric.triple_junction(isochrons)
    return {"fracture zones": zones, "isochrons": isochrons, "triple junction": junction}


@functools.cache
def survey(name):
    """Grid, guided map, prediction and lines of a real survey.

    Parameters
    ----------
    name : str
        One of `surveys.SURVEYS`.

    Returns
    -------
    tuple or None
        Grid, guided map, prediction (Datasets) and lines; None where the files cannot be had.
    """
    about = surveys.SURVEYS[name]
    if None in [data.try_fetch(file) for file in about.files]:
        return None
    grid = gridding.grid_tracks(surveys.load(name), about.region, about.spacing_km)
    return _seen(grid)


@functools.cache
def chile(spacing_km=6.0):
    """Show the sea of the picture of EMAG2 v3 off Chile to the model.

    Parameters
    ----------
    spacing_km : float
        Side of the cells.  The network knows stripes a few cells wide; those of this map are
        smooth and wide, so that they suit it in larger cells than those of tracks.

    Returns
    -------
    tuple or None
        As `survey`.
    """
    if data.try_fetch(realgrids.CHILE) is None:
        return None
    map_ = realgrids.on_map(realgrids.chile_picture(), CHILE, spacing_km)
    sea = realgrids.ocean(map_, CHILE)
    for name in ("anomaly", "block"):
        map_[name] = map_[name].where(sea)
    map_["weight"] = map_["weight"].where(sea, 0)
    return _seen(map_)


def _seen(grid):
    """Diffuse a grid and show it to the network that is for real data."""
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    return grid, guided, *cases.detect(grid, guided, model=cases.SINGLE)
