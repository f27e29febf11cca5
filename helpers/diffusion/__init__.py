"""Diffusion: guided by the structure of the map, the classical kind, and how to judge them."""

from ._diffusion import classical, guided, isotropic
from ._pyramid import Known
from ._structure import orientation, structure_tensor
from ._withheld import null_test

__all__ = [
    "Known",
    "classical",
    "guided",
    "isotropic",
    "null_test",
    "orientation",
    "structure_tensor",
]
