"""The figures of notebook 01: cleaning, levelling, gridders and the real surveys."""

import numpy as np

from . import (
    cases,
    cleaning,
    data,
    gridding,
    interpolation,
    levelling,
    maps,
    seafloor,
    ships,
    surveys,
    tracks,
    views,
    views_tracks,
)
from .maps import Panel

CREST_KM = 300.0  # length of the profile on each side of the crest
GRIDDERS = ("linear", "minimum_curvature", "equivalent_sources", "spline", "cubic")
WINDOW_CELLS = 96  # side of the window on which the gridders are drawn
CLOCK_SURVEY = "ew0007"  # the survey whose clock contradicts its positions


def draw_profile():
    """Draw the real cruise NBP9707 across the crest of the Pacific-Antarctic Ridge."""
    table, region = maps.at_hand(cases.real_cruises()), data.region("pacific_antarctic")
    inside = region.contains(table["longitude"], table["latitude"])
    leg = table[inside & (table["cruise"] == "NBP9707")]
    profile = views_tracks.crest_profile(leg, region, CREST_KM)
    return views_tracks.draw_profile(profile, "NBP9707, NOAA NCEI; age: Seton et al. 2020")


def draw_cleaning():
    """Draw speed and residual of a real cruise before and after cleaning."""
    files = surveys.SURVEYS[CLOCK_SURVEY].files
    raw = tracks.residual(tracks.read_tracks([data.fetch(name) for name in files]))
    source = "EW0007, NOAA NCEI marine trackline geophysics"
    return views_tracks.draw_cleaning(raw, cleaning.clean(raw), source)


def draw_levelling():
    """Draw the crossover errors of simulated cruises before and after levelling."""
    region = data.region("epr")
    rng = np.random.default_rng(cases.SEED)
    truth = seafloor.simulate_region("epr")
    table = ships.cruise_over(truth, region, rng, cases.COVERAGE)
    better, _ = levelling.level(table, region)
    before, after = (levelling.crossovers(each, region) for each in (table, better))
    source = "simulated cruises over the East Pacific Rise"
    return views_tracks.draw_crossovers(before, after, source)


def draw_gridding():
    """Draw track cells, linear interpolation, distance and uncertainty of one region."""
    _, _, grid, _ = cases.simulated("epr")
    limit = maps.robust_limit(grid["block"])
    return maps.draw_maps(
        data.region("epr"),
        [
            Panel(grid["block"], "median of track cells", limit=limit),
            Panel(grid["anomaly"], "linear interpolation", limit=limit),
            Panel(grid["distance_km"], "distance to data", "distance", limit=50.0),
            Panel(grid["uncertainty_nt"], "expected error", "uncertainty"),
        ],
    )


def draw_gridders():
    """Draw the five gridders on a window of the simulated Reykjanes Ridge, beside the truth."""
    truth, _, grid, _ = cases.simulated("reykjanes")
    window = cases.test_window("reykjanes", WINDOW_CELLS)
    block, truth = grid["block"].sel(window), truth["anomaly"].sel(window)
    limit = maps.robust_limit(truth)
    fields = {"truth (simulated)": truth}
    for name in GRIDDERS:
        filled = interpolation.interpolate(block.to_numpy(), name)
        title = f"{name.replace('_', ' ')}, r = {views.agreement(filled, truth):.2f}"
        fields[title] = filled
    return views.draw_fields(fields, limit, columns=3, source="simulated cruises, Reykjanes Ridge")


def draw_surveys():
    """Draw the grids of the four real surveys, blank where no reading is near."""
    panels = []
    for name, survey in surveys.SURVEYS.items():
        table, region = surveys.load(name), survey.region
        grid = gridding.grid_tracks(
            table, region, survey.spacing_km, "minimum_curvature", survey.mask_km
        )
        panels.append(
            Panel(grid["anomaly"], survey.title, limit=maps.robust_limit(grid["block"]),
                  table=table, region=region)
        )  # fmt: skip
    return maps.draw_maps(panels[0].region, panels, source=SURVEY_SOURCE, size=5.0)


SURVEY_SOURCE = (
    "real cruises: NOAA NCEI (INDEX17, EW0007, NBP9707, NBP97-4A, NBP9908); "
    "Lucky Strike: 1993 survey, Mirone test data"
)
FIGURES = {
    "01_cleaning": draw_cleaning,
    "01_profile": draw_profile,
    "01_levelling": draw_levelling,
    "01_gridding": draw_gridding,
    "01_gridders": draw_gridders,
    "01_surveys": draw_surveys,
}
CAPTIONS = {
    "01_cleaning": "Speed from reading to reading and residual of the real cruise EW0007, whose "
    "clock contradicts its positions, before and after cleaning.",
    "01_profile": "Residual of the real cruise NBP9707 across the crest of the Pacific-Antarctic "
    "Ridge; black: normal polarity expected from seafloor age and time scale.",
    "01_levelling": "Crossover errors of simulated cruises over the East Pacific Rise before and "
    "after levelling.",
    "01_gridding": "Simulated cruises over the East Pacific Rise: track cells, linear "
    "interpolation, distance to data and the error measured by leaving out tiles of the tracks.",
    "01_gridders": "Five gridders on the same track cells of the simulated Reykjanes Ridge: "
    "correlation with the truth, and how cubic and spline swing off.",
    "01_surveys": "Four real surveys, gridded with a sheet under tension and blank where no "
    "reading is near.",
}
