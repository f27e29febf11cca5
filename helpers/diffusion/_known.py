"""What is known beside the readings: cruises, headings, strikes, fracture zones, seamounts."""

from dataclasses import dataclass, replace

import numpy as np

WANTED = {  # types of arrays, and what they should hold
    "cruise": ("iu", "an integer index of each track cell, -1 where there is none"),
    "heading_deg": ("fiu", "degrees clockwise from north on each track cell"),
    "strike_deg": ("fiu", "degrees clockwise from north, NaN where it is not known"),
    "barrier": ("b", "True on the cells of fracture zones (bool)"),
    "seamount": ("b", "True on the cells of seamounts (bool)"),
}


@dataclass(frozen=True, eq=False)
class Known:
    """What is known beside the readings, for `guided`.

    Each part has the shape (northing, easting) of the readings' grid, and may be left out.

    Parameters
    ----------
    cruise : array_like of int, optional
        Index of the cruise (0, 1, ...) on each track cell, -1 elsewhere.  A constant of each
        cruise is then solved for together with the field, and taken out of it.
    heading_deg : array_like, optional
        Heading of the ship on each track cell (clockwise from north), anything elsewhere.  With
        `cruise`, the heading error of each cruise (terms in H and 2H) is solved for, too.
    strike_deg : array_like, optional
        Strike that is known from elsewhere (isochrons, fabric; clockwise from north), NaN where it
        is not.  It is the prior of what the readings tell, and leads where they are silent; how far
        stripes are supported, the readings decide.
    strike_suffices : bool
        Whether the known strike is enough to draw stripes along it where withheld readings leave
        open whether there are any, as those of a lone track do.  Where they speak against stripes
        none are drawn.  False by default: then they must speak for them.
    barrier : array_like of bool, optional
        Cells of known fracture zones: nothing is carried across, so that offsets stay offsets.
    seamount : array_like of bool, optional
        Cells of known seamounts: their readings say nothing of the stripes, and what they have
        beyond these stays within.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import diffusion
    >>> zone = np.zeros((64, 64), bool)
    >>> zone[:, 32] = True
    >>> known = diffusion.Known(barrier=zone)
    >>> int(known.barrier.sum())
    64
    """

    cruise: np.ndarray | None = None
    heading_deg: np.ndarray | None = None
    strike_deg: np.ndarray | None = None
    barrier: np.ndarray | None = None
    seamount: np.ndarray | None = None
    strike_suffices: bool = False

    def _parts(self):
        """Return the arrays that are known, by name."""
        parts = {name: getattr(self, name) for name in WANTED}
        return {name: part for name, part in parts.items() if part is not None}


def check(known, data):
    """Return what is known as arrays, or say what is wrong; readings (nT) are NaN off the tracks.

    Cruises none of which has a reading are left out.
    """
    known = replace(known, **{name: np.asarray(part) for name, part in known._parts().items()})
    if known.strike_suffices and known.strike_deg is None:
        raise ValueError(
            "strike_suffices was given without strike_deg; give both, or leave it out."
        )
    for name, part in known._parts().items():
        kinds, wanted = WANTED[name]
        if part.shape != data.shape or part.dtype.kind not in kinds:
            raise ValueError(
                f"{name} has shape {part.shape} and type {part.dtype}, block shape {data.shape}; "
                f"give {wanted}."
            )
    if known.seamount is not None and known.seamount[np.isfinite(data)].all():
        raise ValueError("All readings lie on seamounts; mark fewer cells, or leave seamount out.")
    if known.cruise is not None and known.cruise.max() < 0:
        return replace(known, cruise=None, heading_deg=None)
    if known.heading_deg is not None:
        _check_heading(known, data)
    return known


def _check_heading(known, data):
    """Refuse headings without cruises, or missing on the track of one."""
    if known.cruise is None:
        raise ValueError("heading_deg was given without cruise; give both, or leave it out.")
    missing = np.isfinite(data) & (known.cruise >= 0) & ~np.isfinite(known.heading_deg)
    if missing.any():
        raise ValueError(
            f"heading_deg is not finite on {missing.sum()} track cells that have a cruise; give it "
            "there, or set their cruise to -1."
        )


def basis(known, cells):
    """Give what multiplies the unknowns of its cruise in the readings of some cells.

    1 and, with headings, cos H, sin H, cos 2H and sin 2H: shape (cells, 1 or 5).
    """
    if known.heading_deg is None:
        return np.ones((known.cruise[cells].size, 1))
    turn = np.radians(known.heading_deg[cells])
    waves = np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)
    return np.stack([np.ones_like(turn), *waves], axis=1)


def double_angle(strike_deg):
    """Where a strike is known, and cos and sin of twice the angle across it; 0 elsewhere."""
    known = np.isfinite(strike_deg)
    twice = np.where(known, -2 * np.radians(strike_deg), 0.0)
    parts = (known, known * np.cos(twice), known * np.sin(twice))
    return tuple(part.astype("float32") for part in parts)
