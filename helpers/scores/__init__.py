"""Scores: found against true, cell by cell and line by line."""

from ._cells import best_threshold, pooled, score_lines
from ._lines import evaluate, true_lines

__all__ = [
    "best_threshold",
    "evaluate",
    "pooled",
    "score_lines",
    "true_lines",
]
