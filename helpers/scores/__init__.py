"""Scores: found against true, cell by cell and line by line."""

from ._cells import best_threshold, counts, f1, pooled, score_lines
from ._lines import evaluate, right_share, true_lines

__all__ = [
    "best_threshold",
    "counts",
    "evaluate",
    "f1",
    "pooled",
    "right_share",
    "score_lines",
    "true_lines",
]
