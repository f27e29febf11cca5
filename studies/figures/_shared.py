"""What all figures share."""

from helpers import data


def at_hand(real):
    """Pass real data on, if there are any.

    Parameters
    ----------
    real : object or None
        Table or grid; None where the registry could not give the files.

    Returns
    -------
    object
        What was given.

    Raises
    ------
    DataUnavailable
        If it is None.
    """
    if real is None:
        raise data.DataUnavailable("this figure needs the real cruises of the registry")
    return real
