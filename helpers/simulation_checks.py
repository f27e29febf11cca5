"""What notebook A1 and its figures hold the simulated seafloor against, each computed once."""

import functools

import numpy as np
import pandas as pd
import xarray as xr

from . import comparison, crust, data, picks, seafloor, tracks

CRUISES = ("nbp9707", "nbp97-4a", "nbp9908")
TIED = "NBP9707"  # the cruise on which picks lie
QUIET_CRUISE, QUIET_BOX = "vanc05mv", (6.0, 14.0, -46.0, -36.0)  # east of C34 in the Cape Basin
NEEDED = (
    *(f"tracks/ncei/{name}.m77t" for name in (*CRUISES, QUIET_CRUISE)),
    "picks/Croon++_2008_G3.gmt",
)


@functools.cache
def simulated(name):
    """Simulate a region once."""
    return seafloor.simulate_region(name)


def careless_polarity(truth, region):
    """Polarity of the nearest cell of the age grid: what a region would be without splines.

    Parameters
    ----------
    truth : xarray.Dataset
        Simulated region.
    region : helpers.data.Region

    Returns
    -------
    numpy.ndarray, shape (n, m)
        -1 to 1; 0 where there is no seafloor.
    """
    grid = data.context(region.name)["age_ma"]
    longitude, latitude = region.unproject(*np.meshgrid(truth["easting"], truth["northing"]))
    row = np.searchsorted(0.5 * (grid.latitude[1:] + grid.latitude[:-1]), latitude)
    column = np.searchsorted(0.5 * (grid.longitude[1:] + grid.longitude[:-1]), longitude)
    age = grid.to_numpy()[row, column]
    return np.nan_to_num(crust.mean_polarity(age, np.zeros_like(age)))


@functools.cache
def real_profiles():
    """Real cruises against the simulated map they cross: one even profile for each cruise.

    Raises
    ------
    helpers.data.DataUnavailable
        If a cruise cannot be had.
    """
    region = data.region("pacific_antarctic")
    table = tracks.read_tracks([data.fetch(f"tracks/ncei/{name}.m77t") for name in CRUISES])
    return {
        str(name): comparison.on_map(comparison.even_profile(part, region), simulated(region.name))
        for name, part in tracks.residual(table).groupby("cruise")
    }


@functools.cache
def tied_profile():
    """Profile of the cruise on which picks lie, with the anomaly of ages tied to them.

    Raises
    ------
    helpers.data.DataUnavailable
        If cruise or picks cannot be had.
    """
    region = data.region("pacific_antarctic")
    data.fetch("picks/Croon++_2008_G3.gmt")
    own = picks.region_picks(region).query("cruise == @TIED")
    table = tracks.residual(tracks.read_tracks(data.fetch("tracks/ncei/nbp9707.m77t")))
    return comparison.tied_to_picks(comparison.even_profile(table, region), own, region)


@functools.cache
def pick_distances(name):
    """Distance (km) of each pick in a region to the simulated boundary of its age.

    Raises
    ------
    helpers.data.DataUnavailable
        If no picks can be had.
    """
    data.fetch("picks/Croon++_2008_G3.gmt")
    region = data.region(name)
    distance = picks.distance_to_boundaries(picks.region_picks(region), simulated(name), region)
    return distance[np.isfinite(distance)]


@functools.cache
def line_distances(name, moved_km=0.0, seed=0):
    """Distance (km) of each pick in a region to the label line of its chron.

    Parameters
    ----------
    name : str
        A region of the registry.
    moved_km : float
        Move the picks so far in random directions first: what chance gives.
    seed : int
        Of the directions.

    Returns
    -------
    pandas.DataFrame
        As `picks.distance_to_lines`, the picks that have one.

    Raises
    ------
    helpers.data.DataUnavailable
        If no picks can be had.
    """
    data.fetch("picks/Croon++_2008_G3.gmt")
    region, rng = data.region(name), np.random.default_rng(seed)
    given = picks.region_picks(region), simulated(name), region
    return picks.distance_to_lines(*given, moved_km, rng).dropna()


def continuity(name, lag_km):
    """Correlation of polarity along strike in a region, as simulated and taken carelessly."""
    truth = simulated(name)
    where, strike = truth["lineated"].to_numpy() > 0, truth["strike_deg"].to_numpy()
    lag = lag_km / truth.attrs["spacing_km"]
    return tuple(
        comparison.along_strike_correlation(polarity, strike, where, lag)
        for polarity in (
            truth["polarity"].to_numpy(), careless_polarity(truth, data.region(name)),
        )
    )  # fmt: skip


def fracture_contrast(name, steep=3.0):
    """Mean size of polarity at fracture zones, as simulated and taken carelessly.

    There the age grid passes through ages that never were; stripes drawn from them are false.

    Parameters
    ----------
    name : str
        A region of the registry.
    steep : float
        A cell belongs to a fracture zone where age changes so many times faster than usual.

    Returns
    -------
    tuple of float
        0 for no stripes, 1 for stripes of full strength.
    """
    truth = simulated(name)
    slope, usual = seafloor.age_slopes(truth["age_ma"].to_numpy(), truth.attrs["spacing_km"])
    where = slope > steep * usual
    return tuple(
        float(np.mean(np.abs(polarity[where])))
        for polarity in (
            truth["polarity"].to_numpy(), careless_polarity(truth, data.region(name)),
        )
    )  # fmt: skip


@functools.cache
def age_error(name):
    """Age of the grid at each pick in a region less the age of the pick.

    Returns
    -------
    pandas.DataFrame
        ``off_ma`` and ``off_km`` (by the local spreading rate), positive where the grid is older.

    Raises
    ------
    helpers.data.DataUnavailable
        If no picks can be had.
    """
    data.fetch("picks/Croon++_2008_G3.gmt")
    region, truth = data.region(name), simulated(name)
    table = picks.region_picks(region)
    east, north = region.project(table["longitude"], table["latitude"])
    age = truth["age_ma"]
    at = {"northing": ("pick", north), "easting": ("pick", east)}
    found = age.interp({key: xr.Variable(*value) for key, value in at.items()}).to_numpy()
    _, usual = seafloor.age_slopes(age.to_numpy(), truth.attrs["spacing_km"])
    here = age.copy(data=usual).interp({key: xr.Variable(*value) for key, value in at.items()})
    off = found - table["age_ma"].to_numpy()
    return pd.DataFrame({"off_ma": off, "off_km": off / here.to_numpy()}).dropna()


@functools.cache
def quiet_profile():
    """Even profile of a real cruise over crust of the Cretaceous superchron.

    VANC05MV in the Cape Basin, between the isochrons of chrons 34 (83 Ma, crossed near 5 E) and M0
    (121 Ma, beyond the end of the cruise) of Mueller et al. (2016),
    doi:10.1146/annurev-earth-060115-012211.

    Raises
    ------
    helpers.data.DataUnavailable
        If the cruise cannot be had.
    """
    region = data.region_from_box(*QUIET_BOX, name="cape_basin")
    table = tracks.read_tracks(data.fetch(f"tracks/ncei/{QUIET_CRUISE}.m77t"))
    return comparison.even_profile(tracks.residual(table), region)
