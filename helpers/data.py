"""Files: what comes with the workbook (`data/`), and what the registry fetches.

Embedded: seafloor age and relief of the regions, the polarity time scale, coastlines; here is
also the one list of the regions. What a `Region` is stands in `helpers.regions`, the fetching in
`helpers.registry`; both are reached from here: a notebook needs only ``from helpers import
data``.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from helpers.regions import Region, region_from_box
from helpers.registry import (
    DATA,
    ChecksumError,
    DataUnavailable,
    available,
    cache_folder,
    citation,
    fetch,
    mirror_folder,
    names,
    retry_network,
    try_fetch,
)

__all__ = [
    "ChecksumError",
    "DATA",
    "DataUnavailable",
    "REGIONS",
    "Region",
    "available",
    "cache_folder",
    "citation",
    "context",
    "fetch",
    "mirror_folder",
    "names",
    "region",
    "region_from_box",
    "retry_network",
    "timescale",
    "try_fetch",
    "use_offline_coastlines",
]


def _known(name, box, **about):
    """Make a region of the registry."""
    return region_from_box(*box, name=name, **about)


REGIONS = {
    made.name: made
    for made in (
        _known(
            "epr",
            (-120, -102, 4, 20),
            title="East Pacific Rise",
            ridge="East Pacific Rise (Pacific and Nazca plates)",
            age_range_ma=(0.0, 24.0),
            note="Fast; axis close to north-south at low latitude: anomalies are small.",
        ),
        _known(
            "reykjanes",
            (-40, -18, 54, 65),
            title="Reykjanes Ridge",
            ridge="Reykjanes Ridge (North America and Eurasia plates)",
            age_range_ma=(0.0, 80.0),
            note="Slow and oblique, nearly without transform faults; V-shaped ridges.",
        ),
        _known(
            "shatsky",
            (150, 170, 28, 44),
            title="Shatsky Rise",
            ridge="Pacific-Izanagi and Pacific-Farallon ridges, meeting in a triple junction",
            age_range_ma=(116.0, 158.0),
            note="M sequence: two sets of stripes meet at the rise.",
        ),
        _known(
            "azores",
            (-38, -20, 32, 44),
            title="Azores Plateau",
            ridge="Mid-Atlantic Ridge and Terceira Rift",
            age_range_ma=(0.0, 114.0),
            note="Slow spreading, thick crust, a triple junction; stripes broken by volcanoes.",
        ),
        _known(
            "pacific_antarctic",
            (-125, -95, -58, -34),
            title="Pacific-Antarctic Ridge",
            ridge="Pacific-Antarctic Ridge and Chile Rise",
            age_range_ma=(0.0, 62.0),
            note="Real cruises NBP9707, NBP97-4A and NBP9908 cross this region.",
        ),
    )
}


def region(name: str) -> Region:
    """Look a region up by its name.

    Parameters
    ----------
    name : str
        One of the keys of `REGIONS`.

    Returns
    -------
    Region

    Raises
    ------
    KeyError
        If there is no such region; the message lists the names.
    """
    if name in REGIONS:
        return REGIONS[name]
    near = difflib.get_close_matches(str(name).lower(), REGIONS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise KeyError(
        f"No region {name!r}.{hint} The regions are {', '.join(REGIONS)}; "
        "for a box of your own use region_from_box(west, east, south, north)."
    )


def context(name: str):
    """Seafloor age and relief around a region.

    Parameters
    ----------
    name : str
        Name of a region of the registry.

    Returns
    -------
    xarray.Dataset
        ``age_ma`` (Ma, Gee & Kent 2007 time scale; NaN off oceanic crust) and ``relief_m`` (m,
        positive up), dims ``(latitude, longitude)``, 6 arc-minutes. It is cut wider than the
        region's box.

    Raises
    ------
    KeyError
        If there is no such region.

    Notes
    -----
    Age: Seton et al. (2020), doi:10.1029/2020GC009214. Relief: ETOPO1, Amante & Eakins (2009).
    """
    import xarray as xr

    with xr.open_dataset(DATA / "context" / f"{region(name).name}.nc") as cut:
        return cut.load()


def timescale():
    """Normal-polarity intervals from the present to 169.7 Ma.

    Returns
    -------
    pandas.DataFrame
        ``chron``, ``young_ma``, ``old_ma`` (Ma), ``sequence`` ("C", "M" or "deep-tow") and
        ``cryptochron`` (bool; the short events that Cande & Kent 1995 leave out), sorted by age
        and not overlapping. Everything between two intervals is reversed.

    Notes
    -----
    Gee & Kent (2007), Treatise on Geophysics 5, 455-507, whose C sequence is that of Cande &
    Kent (1995), doi:10.1029/94JB03098. "deep-tow" (older than M29n) is Tominaga et al. (2008),
    doi:10.1029/2007JB005527, fitted to that scale at M29 in the GSFML table.
    """
    import pandas as pd

    return pd.read_csv(DATA / "timescale.csv", comment="#")


def use_offline_coastlines() -> Path:
    """Let cartopy draw coastlines and land at 110m and 50m without any network.

    Returns
    -------
    pathlib.Path
        The folder that cartopy now reads from.

    Notes
    -----
    Name the scale when drawing (``ax.coastlines("50m")``): "auto" may ask for 10m, which is
    not embedded.
    """
    import cartopy

    folder = DATA / "natural_earth"
    cartopy.config["pre_existing_data_dir"] = str(folder)
    return folder
