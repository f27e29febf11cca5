"""Files: what comes with the workbook (`data/`), and what the registry fetches.

Embedded: seafloor age and relief of the regions, the polarity time scale, coastlines.
"""

from __future__ import annotations

from pathlib import Path

from helpers.regions import REGIONS, Region, region, region_from_box

__all__ = [
    "DATA", "REGIONS", "Region", "context", "region", "region_from_box", "timescale",
    "use_offline_coastlines",
]  # fmt: skip

DATA = Path(__file__).resolve().parent.parent / "data"


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


def fetch(name: str) -> Path:
    """Give the path of a registry file (mirror only, until the registry lands)."""
    import os

    return Path(os.environ["LMA_DATA_MIRROR"]) / name
