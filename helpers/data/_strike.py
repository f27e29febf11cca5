"""The strike that others have published, on the cells of a map: a prior for guided diffusion."""

from dataclasses import replace

import numpy as np
import shapely
import xarray as xr
from scipy import ndimage
from scipy.spatial import cKDTree

from .. import _shared
from . import _published, _regions, _registry

REACH_KM = 200.0  # from the nearest line; farther away no strike is known
MEAN_KM = 50.0  # standard deviation of the Gaussian that weights what lies around
WIDE = 2.0  # times as wide is the mean from which legs along fracture zones are told
OFFSET = np.radians(45)  # what runs farther off it is such a leg
AGREE = 0.7  # strikes around that agree less have no mean (`_shared.axial_mean`)
BESIDE_KM, ALONG = 30.0, np.radians(20)  # so near a fracture zone and along it runs a leg of it
STEP_KM, CELL_KM = 5.0, 10.0  # between points of a line; side of the cells that are averaged
SMOOTH_KM = 15.0  # standard deviation of the smoothing of the age grid, before its slope is taken


def published_strike(source, region, spacing_km=2.0):
    """Give the strike that isochrons, lineations or the age grid tell on the cells of a region.

    It is the mean of the strikes of all lines around, of doubled angles, weighted by their length
    and a Gaussian of the distance (standard deviation 50 km). Legs of isochrons along fracture
    zones do not count: what lies within 30 km and 20 degrees of one that Cande et al. (1989) drew,
    or more than 45 degrees off a mean twice as wide.

    Parameters
    ----------
    source : str
        "isochrons" (Müller et al. 2016, with the ridges of today) or "lineations" (Cande et al.
        1989 and Nakanishi et al. 1989), files of the registry; or "age", from the embedded age
        grid (Seton et al. 2020), where the box lies in one of the regions of the workbook.
    region : helpers.data.Region
        Gives the box and the projection; lines beyond its edges count, too.
    spacing_km : float
        Side of the square cells.

    Returns
    -------
    xarray.DataArray
        Strike (degrees clockwise from north of the map, 0 to 180) on (northing, easting) in km;
        NaN farther than 200 km from any line, and where those around do not agree. The attribute
        ``source`` says where it is from.

    Raises
    ------
    ValueError
        If there is no such source, the box lies in no region with an embedded age, or no line is
        in reach of it.
    DataUnavailable
        If the file cannot be had.

    Notes
    -----
    What is published is seldom of the place: isochrons lie 100 to 400 km apart and are a
    reconstruction where nobody sailed. It says how stripes should run, not that there are any. In
    the five regions of the workbook the strike of isochrons is within 5 degrees of that of the age
    grid in the median, and more than 45 degrees off it on 0 to 6 % of the cells; that of
    lineations, drawn independently, within 2 to 9 degrees and more than 45 off on 0 to 3 %.

    Examples
    --------
    Seafloor at the Reykjanes Ridge strikes north-east:

    >>> from helpers import data
    >>> strike = data.published_strike("age", data.region("reykjanes"), spacing_km=20.0)
    >>> float(strike.median()) // 10 * 10
    30.0
    """
    if source not in SOURCES:
        raise ValueError(
            f"No strike is published under {source!r}; there are {', '.join(STRIKES)}."
        )
    read, about = SOURCES[source]
    places, twice = read(region)
    northing, easting = region.grid_coords(spacing_km)
    wide = _at(_mean(places, twice, MEAN_KM * WIDE, northing, easting), places)
    along = (twice * wide.conj()).real > np.cos(2 * OFFSET) * np.abs(twice * wide)
    mean = _mean(places[along], twice[along], MEAN_KM, northing, easting)
    east, north = np.meshgrid(easting, northing)
    mean = _at(mean, np.column_stack([east.ravel(), north.ravel()])).reshape(east.shape)
    if not np.isfinite(mean).any():
        raise ValueError(
            f"Nothing of {source} ({about}) lies within {REACH_KM:g} km of the box "
            f"{_box(region)}; choose another prior, or none."
        )
    strike = np.degrees(np.angle(mean)) / 2 % 180
    attrs = {"units": "degree", "long_name": "strike clockwise from north, published",
             "crs": region.crs, "source": f"{source} ({about})"}  # fmt: skip
    axes = {"northing": northing, "easting": easting}
    return xr.DataArray(strike.astype("float32"), axes, ("northing", "easting"), attrs=attrs)


def _mean(places, twice, sigma_km, northing, easting):
    """Mean of doubled angles (complex) on coarse cells around a map.

    NaN out of reach of all places, and where those around do not agree.
    """
    y, x = (
        np.arange(axis[0] - REACH_KM, axis[-1] + REACH_KM + CELL_KM, CELL_KM)
        for axis in (northing, easting)
    )
    row, column = (np.rint(at).astype(int) for at in _shared.cell_of(*places.T, x, y))
    inside = (row >= 0) & (row < y.size) & (column >= 0) & (column < x.size)
    cell = row[inside] * x.size + column[inside]
    parts = [
        np.bincount(cell, part[inside], minlength=y.size * x.size).reshape(y.size, x.size)
        for part in (np.abs(twice), twice.real, twice.imag)
    ]
    known = parts[0] > 0
    weight, cos, sin = (
        ndimage.gaussian_filter(part, sigma_km / CELL_KM, mode="constant", truncate=4.0)
        for part in parts
    )
    near = _shared.within(known, REACH_KM / CELL_KM)
    mean = (cos + 1j * sin) / np.where(near, weight, 1.0)
    mean = np.where(near & (np.abs(mean) >= AGREE), mean, np.nan)
    return xr.DataArray(mean, {"northing": y, "easting": x})


def _at(mean, places):
    """Values of the coarse cells at places (km), linear between them."""
    at = _shared.cell_of(*places.T, mean["easting"].to_numpy(), mean["northing"].to_numpy())
    return ndimage.map_coordinates(mean.to_numpy(), at, order=1, mode="nearest")


def _around(region):
    """Give the region with a box as much wider as lines reach, in the same projection."""
    high = REACH_KM / _shared.KM_PER_DEGREE
    south, north = max(region.south - high, -90.0), min(region.north + high, 90.0)
    wide = high / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.1)
    return replace(region, box=(region.west - wide, region.east + wide, south, north))


def _of_lines(drawn):
    """Points along lines (km), and their doubled strikes."""
    places, twice = [np.empty((0, 2))], [np.empty(0, complex)]
    for line in drawn.geometry:
        ends = shapely.get_coordinates(line.segmentize(STEP_KM))
        step = np.diff(ends, axis=0)
        places.append(ends[:-1] + step / 2)
        length, strike = np.hypot(*step.T), np.arctan2(*step.T)
        twice.append(length / STEP_KM * np.exp(2j * strike))
    return np.concatenate(places), np.concatenate(twice)


def _of_isochrons(region):
    """Read isochrons and the ridge, which is that of today, without legs along fracture zones."""
    _registry.fetch(_published.ISOCHRONS)  # or the error that says what to do
    around = _around(region)
    parts = [read(around) for read in (_published.isochrons, _published.ridges)]
    places, twice = (
        np.concatenate(each)
        for each in zip(*[_of_lines(part) for part in parts if part is not None], strict=True)
    )
    zones = _published.fracture_zones(around)
    if zones is None or not len(zones):
        return places, twice
    on_zone, zone = _of_lines(zones)
    off, nearest = cKDTree(on_zone).query(places)
    turn = np.abs(np.angle(twice * zone[nearest].conj())) / 2
    leg = (off <= BESIDE_KM) & (turn <= ALONG)
    return places[~leg], twice[~leg]


def _of_lineations(region):
    """Read the lineations of experts."""
    drawn = _published.lineations(_around(region))
    if drawn is None:
        _registry.fetch(next(iter(_published.LINEATIONS)))
    return _of_lines(drawn)


def _of_age(region):
    """Give cells around a box, and the doubled strikes of the embedded age grid there."""
    cut = _age_of(region)
    near = _around(region)
    northing, easting = near.grid_coords(CELL_KM)
    east, north = np.meshgrid(easting, northing)
    longitude, latitude = near.unproject(east, north)
    lon, lat = cut["longitude"].to_numpy(), cut["latitude"].to_numpy()
    age = cut.to_numpy()
    known = np.isfinite(age)
    at = _shared.cell_of((longitude - lon[0]) % 360 + lon[0], latitude, lon, lat)
    age, known = (
        ndimage.map_coordinates(part, at, order=1, mode="constant")
        for part in (np.where(known, age, 0.0), known.astype(float))
    )
    age, known = (
        ndimage.gaussian_filter(part, SMOOTH_KM / CELL_KM) for part in (age, known)
    )  # the age grid has steps
    age = np.where(known > 0.9, age / np.maximum(known, 0.9), np.nan)
    slope_north, slope_east = np.gradient(age)
    slope = slope_east + 1j * slope_north  # across strike, anticlockwise from east
    good = np.isfinite(slope) & (slope != 0)
    # of a strike clockwise from north: the direction across it has the angle -strike
    twice = (slope[good] / np.abs(slope[good])).conj() ** 2
    return np.column_stack([east[good], north[good]]), twice


def _age_of(region):
    """Embedded age grid (Ma) of a region of the workbook in which the box lies."""
    for name in _regions.REGIONS:
        cut = _regions.context(name)["age_ma"]
        lon, lat = cut["longitude"].to_numpy(), cut["latitude"].to_numpy()
        wide = (region.west - lon[0]) % 360 + region.east - region.west
        if wide <= lon[-1] - lon[0] and lat[0] <= region.south <= region.north <= lat[-1]:
            return cut
    raise ValueError(
        f"The box {_box(region)} lies in no region with an embedded age grid "
        f"({', '.join(_regions.REGIONS)}); choose isochrons or lineations."
    )


def _box(region):
    """Write the box of a region."""
    return ", ".join(f"{edge:g}" for edge in region.box)


SOURCES = {  # by name: what reads it, and whose it is
    "age": (_of_age, "Seton et al. 2020"),
    "isochrons": (_of_isochrons, "Müller et al. 2016"),
    "lineations": (_of_lineations, "Cande et al. 1989, Nakanishi et al. 1989"),
}
STRIKES = tuple(SOURCES)
