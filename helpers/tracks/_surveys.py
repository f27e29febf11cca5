"""Real surveys of the registry, read, cleaned and ready to grid.

There is no dense real survey of the training regions; these four are what can be had.
"""

from dataclasses import dataclass

from .. import data
from . import _clean, _read, _residual


@dataclass(frozen=True)
class Survey:
    """A real survey: its files, where to look, and cells that suit the distance of its lines.

    Parameters
    ----------
    title : str
        Name for captions.
    files : tuple of str
        Names in the registry.
    box : tuple of float
        West, east, south, north (degrees).
    spacing_km : float
        Side of the cells.
    mask_km : float
        Farther from data than this, about the distance between lines, a grid says nothing.
    source : str
        Where the data come from.
    """

    title: str
    files: tuple
    box: tuple
    spacing_km: float
    mask_km: float
    source: str = "NOAA NCEI marine trackline geophysics"

    @property
    def region(self):
        """`helpers.data.Region` around the survey."""
        return data.region_from_box(*self.box, title=self.title)


SURVEYS = {
    "lucky_strike": Survey(
        "Lucky Strike, Mid-Atlantic Ridge",
        ("tracks/surveys/so_lucky.gmt",),
        (-32.55, -31.95, 37.19, 37.42),
        0.5,
        3.0,
        "1993 Lucky Strike survey, Mirone test data",
    ),
    "index17": Survey(
        "INDEX17, Central Indian Ridge",
        ("tracks/surveys/index17.csv",),
        (72.0, 73.0, -27.5, -26.7),
        1.0,
        5.0,
    ),
    "ew0007": Survey(
        "EW0007, Newfoundland Basin",
        ("tracks/surveys/ew0007.csv",),
        (-46.4, -43.0, 44.4, 46.6),
        2.0,
        15.0,
    ),
    "pacific_antarctic": Survey(
        "Pacific-Antarctic Ridge",
        ("tracks/ncei/nbp9707.m77t", "tracks/ncei/nbp97-4a.m77t", "tracks/ncei/nbp9908.m77t"),
        (-120.0, -104.0, -52.0, -35.0),
        4.0,
        40.0,
    ),
}


def load_survey(name):
    """Read a survey: residuals on one reference field where the total field is given, cleaned.

    Parameters
    ----------
    name : str
        One of `SURVEYS`.

    Returns
    -------
    pandas.DataFrame
        Track table with the column ``level``; the residual of each cruise has the median zero.

    Raises
    ------
    KeyError
        If there is no such survey.
    DataUnavailable
        If a file cannot be had.
    """
    if name not in SURVEYS:
        raise KeyError(f"No survey {name!r}; the surveys are {', '.join(SURVEYS)}.")
    table = _read.read_tracks([data.fetch(file) for file in SURVEYS[name].files])
    return _residual.remove_cruise_median(_clean.clean(_residual.residual(table)))


def load_surveys():
    """Read every survey that can be had.

    Returns
    -------
    dict of str to pandas.DataFrame
        By name; without those whose files are missing (the registry has said which).
    """
    tables = {}
    for name, survey in SURVEYS.items():
        if None not in [data.try_fetch(file) for file in survey.files]:
            tables[name] = load_survey(name)
    return tables
