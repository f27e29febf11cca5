"""Data: regions with their age and relief, the time scale, and published data by name."""

from ._emag2 import emag2
from ._published import fracture_zones, isochrons, lineations, read_picks, region_picks, ridges
from ._regions import (
    REGIONS,
    Region,
    region,
    region_from_box,
    context,
    timescale,
    use_offline_coastlines,
)
from ._registry import DataUnavailable, at_hand, citation, fetch, left_out, try_fetch
from ._strike import STRIKES, published_strike

__all__ = [
    "DataUnavailable",
    "REGIONS",
    "Region",
    "STRIKES",
    "at_hand",
    "citation",
    "context",
    "emag2",
    "fetch",
    "fracture_zones",
    "isochrons",
    "left_out",
    "lineations",
    "published_strike",
    "read_picks",
    "region",
    "region_from_box",
    "region_picks",
    "ridges",
    "timescale",
    "try_fetch",
    "use_offline_coastlines",
]
