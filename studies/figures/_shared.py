"""What several figures share."""

from helpers import data

REAL = "real cruises: NOAA NCEI marine trackline geophysics"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#999999")


def at_hand(real):
    """Pass on a real table or grid; raise `DataUnavailable` where the registry has none."""
    if real is None:
        raise data.DataUnavailable("this figure needs the real cruises of the registry")
    return real


def clip(lines, window):
    """Cut lines to a window, given as slices of northing and easting (km)."""
    east, north = window["easting"], window["northing"]
    return lines.clip((east.start, north.start, east.stop, north.stop))
