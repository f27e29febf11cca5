"""Tracks: any cruise file, folder or archive, read, cleaned, reduced and levelled."""

from ._clean import clean
from ._clean import report as cleaning_report
from ._crossovers import along, crossovers
from ._crossovers import statistics as crossover_statistics
from ._level import level
from ._residual import read_tracks, remove_cruise_median, remove_cruise_trend, report, residual
from ._surveys import SURVEYS, Survey
from ._surveys import load as load_survey
from ._surveys import load_all as load_surveys
from ._table import TrackError, is_gap, steps, summary

__all__ = [
    "SURVEYS",
    "Survey",
    "TrackError",
    "along",
    "clean",
    "cleaning_report",
    "crossover_statistics",
    "crossovers",
    "is_gap",
    "level",
    "load_survey",
    "load_surveys",
    "read_tracks",
    "remove_cruise_median",
    "remove_cruise_trend",
    "report",
    "residual",
    "steps",
    "summary",
]
