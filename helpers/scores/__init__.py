"""Scores: found against true, cell by cell and line by line, with intervals."""

from ._cells import best_threshold, counts, f1, pooled, score_lines
from ._intervals import interval, interval_table, interval_text
from ._lines import evaluate, right_share, true_lines

__all__ = [
    "best_threshold",
    "counts",
    "evaluate",
    "f1",
    "interval",
    "interval_table",
    "interval_text",
    "pooled",
    "right_share",
    "score_lines",
    "true_lines",
]
