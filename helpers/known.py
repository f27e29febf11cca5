"""What is known beside the readings: cruises, headings, strikes, fracture zones, seamounts."""

from dataclasses import dataclass

import numpy as np

WANTED = {  # types of arrays, and what they should hold
    "cruise": ("iu", "an integer index of each track cell, -1 where there is none"),
    "heading_deg": ("fiu", "degrees clockwise from north on each track cell"),
    "strike_deg": ("fiu", "degrees clockwise from north, NaN where it is not known"),
    "barrier": ("b", "True on the cells of fracture zones (bool)"),
    "seamount": ("b", "True on the cells of seamounts (bool)"),
}


@dataclass
class Known:
    """What is known beside the readings; each part (n, m) on the finest cells, or None.

    Parameters
    ----------
    cruise : numpy.ndarray of int
        Index of the cruise on track cells, -1 elsewhere.
    heading_deg : numpy.ndarray
        Heading of the ship on track cells (clockwise from north); needs `cruise`.
    strike_deg : numpy.ndarray
        Strike of isochrons or fabric (clockwise from north), NaN where it is not known.
    barrier : numpy.ndarray of bool
        Cells of fracture zones, which nothing is carried across.
    seamount : numpy.ndarray of bool
        Cells of seamounts, whose readings say nothing of the stripes around.
    """

    cruise: np.ndarray | None = None
    heading_deg: np.ndarray | None = None
    strike_deg: np.ndarray | None = None
    barrier: np.ndarray | None = None
    seamount: np.ndarray | None = None

    def cut(self, window):
        """Return what is known within a window, a tuple of two slices."""
        parts = {name: None if part is None else part[window] for name, part in vars(self).items()}
        return Known(**parts)


def check(data, cruise=None, heading_deg=None, strike_deg=None, barrier=None, seamount=None):
    """Check what is known beside the readings and put it together.

    Parameters
    ----------
    data : numpy.ndarray, shape (n, m)
        Readings (nT), NaN off the tracks.
    cruise, heading_deg, strike_deg, barrier, seamount
        As in `Known`.

    Returns
    -------
    Known

    Raises
    ------
    ValueError
        If a part has another shape or type than it should, a heading is missing, or all readings
        lie on seamounts.
    """
    parts = {"cruise": cruise, "heading_deg": heading_deg, "strike_deg": strike_deg}
    parts |= {"barrier": barrier, "seamount": seamount}
    parts = {name: None if part is None else np.asarray(part) for name, part in parts.items()}
    for name, part in parts.items():
        kinds, wanted = WANTED[name]
        if part is not None and (part.shape != data.shape or part.dtype.kind not in kinds):
            raise ValueError(
                f"{name} has shape {part.shape} and type {part.dtype}, block shape {data.shape}; "
                f"give {wanted}."
            )
    if seamount is not None and parts["seamount"][np.isfinite(data)].all():
        raise ValueError("All readings lie on seamounts; mark fewer cells, or leave seamount out.")
    if parts["cruise"] is not None and parts["cruise"].max() < 0:
        parts["cruise"] = parts["heading_deg"] = None
    return Known(**_checked_heading(data, parts))


def _checked_heading(data, parts):
    """Refuse headings without cruises, or missing on the track of one."""
    if parts["heading_deg"] is None:
        return parts
    if parts["cruise"] is None:
        raise ValueError("heading_deg was given without cruise; give both, or leave it out.")
    missing = np.isfinite(data) & (parts["cruise"] >= 0) & ~np.isfinite(parts["heading_deg"])
    if missing.any():
        raise ValueError(
            f"heading_deg is not finite on {missing.sum()} track cells that have a cruise; give it "
            "there, or set their cruise to -1."
        )
    return parts
