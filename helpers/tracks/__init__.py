"""Tracks: any cruise file, folder or archive, read, cleaned, reduced and levelled."""

from ._clean import clean, cleaning_report
from ._crossovers import crossover_statistics, crossovers, legs
from ._level import level
from ._peaks import SURE, crests, peaks
from ._read import read_tracks, report
from ._residual import remove_cruise_median, remove_cruise_trend, residual
from ._table import TrackError, gaps, summary

__all__ = [
    "SURE",
    "TrackError",
    "clean",
    "cleaning_report",
    "crests",
    "crossover_statistics",
    "crossovers",
    "gaps",
    "legs",
    "level",
    "peaks",
    "read_tracks",
    "remove_cruise_median",
    "remove_cruise_trend",
    "report",
    "residual",
    "summary",
]
