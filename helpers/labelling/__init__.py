"""Labelling: draw lines over a map, compare them, and fine-tune a network on them."""

from ._desk import Desk
from ._labeller import Labeller
from ._layer import Layer, Line, pick_lines, table_of
from ._learn import agreement, fine_tune, label_of, truth_of

__all__ = [
    "Desk",
    "Labeller",
    "Layer",
    "Line",
    "agreement",
    "fine_tune",
    "label_of",
    "pick_lines",
    "table_of",
    "truth_of",
]
