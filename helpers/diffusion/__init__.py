"""Diffusion: guided by the structure of the map, the classical kind, and how to judge them."""

from ._diffusion import classical, guided
from ._known import Known
from ._leave_out import strike_without
from ._null_test import null_test
from ._structure import orientation, structure_tensor

__all__ = [
    "Known",
    "classical",
    "guided",
    "null_test",
    "orientation",
    "strike_without",
    "structure_tensor",
]
