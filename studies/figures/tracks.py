"""The figures of notebook 01: cleaning, levelling, gridders and the real surveys."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import _shared as shared
from helpers import data, gridding, maps, seafloor, tracks
from helpers.maps import _tracks
from helpers.tracks import _table

from .. import cases
from . import _shared

CREST_KM = 300.0  # length of the profile on each side of the crest
FINEST_MA = 0.05  # polarity along a profile is averaged over this interval
PROFILE_SOURCE = "NBP9707, NOAA NCEI; age: Seton et al. 2020"
GRIDDERS = ("linear", "minimum_curvature", "equivalent_sources", "spline", "cubic")
WINDOW_CELLS = 96  # side of the window on which the gridders are drawn
CLOCK_SURVEY = "ew0007"  # the survey whose clock contradicts its positions
CLOCK_SOURCE = "EW0007, NOAA NCEI marine trackline geophysics"
SURVEY_SOURCE = (
    "real cruises: NOAA NCEI (INDEX17, EW0007, NBP9707, NBP97-4A, NBP9908); "
    "Lucky Strike: 1993 survey, Mirone test data"
)


def draw_cleaning(before=None, after=None, source=CLOCK_SOURCE):
    """Draw speed and residual of one cruise before and after cleaning.

    `before` and `after` are its track tables, in the order of sailing; by default those of the
    real survey whose clock contradicts its positions.
    """
    if before is None:
        files = cases.SURVEYS[CLOCK_SURVEY].files
        before = tracks.residual(tracks.read_tracks([data.fetch(name) for name in files]))
        after = tracks.clean(before)
    figure, axes = plt.subplots(
        2, 2, figsize=(9.5, 5), sharex=True, sharey="row", layout="constrained"
    )
    for (top, bottom), table, title in zip(
        axes.T, (before, after), ("as it came", "cleaned"), strict=True
    ):
        seconds, km = _table.steps(table)
        speed = km / np.maximum(seconds, 1.0) * 3600
        time = table["time"].to_numpy()
        top.plot(time[1:], speed, ".", ms=1.5, color="#0072B2", rasterized=True)
        bottom.plot(time, table["residual_nt"], ".", ms=1.5, color="k", rasterized=True)
        top.set(title=f"{title}: {len(table):,} readings", yscale="log")
        bottom.tick_params(axis="x", rotation=30)
    axes[0, 0].set_ylabel("speed (km/h)")
    axes[1, 0].set_ylabel("residual (nT)")
    maps.add_source(figure, source)
    return figure


def crest_profile(leg, region):
    """Follow a track across a ridge crest, where the age is least; look up the seafloor below.

    Gives ``distance_km`` along the track from the crest, as far as `CREST_KM` to each side,
    ``residual_nt``, ``age_ma`` (Seton et al. 2020) and ``polarity`` (-1 to 1, Gee & Kent 2007).
    """
    east, north = region.project(leg["longitude"].to_numpy(), leg["latitude"].to_numpy())
    distance = _tracks.sailed_km(east, north)
    place = {name: ("row", leg[name].to_numpy()) for name in ("latitude", "longitude")}
    age = data.context(region.name)["age_ma"].interp(place).to_numpy()
    profile = pd.DataFrame(
        {
            "distance_km": distance - distance[np.nanargmin(age)],
            "residual_nt": leg["residual_nt"].to_numpy(),
            "age_ma": age,
            "polarity": seafloor.crust.mean_polarity(age, np.full_like(age, FINEST_MA)),
        }
    )
    return profile[profile["distance_km"].abs() < CREST_KM].reset_index(drop=True)


def draw_crest_profile(profile=None, source=PROFILE_SOURCE):
    """Draw the anomaly along a track over the polarity of the seafloor below it.

    `profile` is from `crest_profile`; by default of the real cruise NBP9707 across the crest of
    the Pacific-Antarctic Ridge.
    """
    if profile is None:
        table, region = _shared.at_hand(cases.real_cruises()), data.region("pacific_antarctic")
        inside = region.contains(table["longitude"], table["latitude"])
        profile = crest_profile(table[inside & (table["cruise"] == "NBP9707")], region)
    figure, (top, strip, bottom) = plt.subplots(
        3, 1, figsize=(9, 5), sharex=True, height_ratios=(6, 0.7, 2.5), layout="constrained"
    )
    distance = profile["distance_km"].to_numpy()
    top.plot(distance, profile["residual_nt"], color="k", lw=0.8)
    top.axhline(0, color="0.7", lw=0.5)
    top.set_ylabel("residual (nT)")
    edges = np.concatenate([distance[:1], (distance[1:] + distance[:-1]) / 2, distance[-1:]])
    polarity = profile["polarity"].to_numpy()[None]
    strip.pcolormesh(edges, [0, 1], polarity, cmap="Greys", vmin=-1, vmax=1, rasterized=True)
    strip.set_yticks([0.5], ["polarity"])
    bottom.plot(distance, profile["age_ma"], color="#0072B2")
    bottom.set(ylabel="age (Ma)", xlabel=f"distance from the ridge crest (km); {source}")
    return figure


def draw_levelling():
    """Draw the crossover errors of simulated cruises before and after levelling."""
    region = data.region("epr")
    rng = np.random.default_rng(cases.SEED)
    truth = cases.seafloor_of("epr")
    table = seafloor.cruise_over(truth, region, rng, cases.COVERAGE)
    better, _ = tracks.level(table, region)
    before, after = (tracks.crossovers(each, region) for each in (table, better))
    source = "simulated cruises over the East Pacific Rise"
    return draw_crossovers(before, after, source)


def draw_crossovers(before, after, source):
    """Draw histograms of the crossover errors before and after levelling."""
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    reach = float(np.percentile(np.abs(before["error_nt"]), 98))
    bins = np.linspace(-reach, reach, 61)
    styles = (("before", before, "#E69F00", 0.9), ("after", after, "#0072B2", 0.6))
    for name, found, colour, opacity in styles:
        median = found["error_nt"].abs().median()
        label = f"{name} levelling: median size {median:.1f} nT, {len(found)} crossovers"
        axis.hist(
            found["error_nt"].clip(-reach, reach), bins, color=colour, alpha=opacity, label=label
        )
    axis.set(xlabel=f"crossover error (nT); {source}", ylabel="crossovers")
    axis.set_ylim(0, 1.2 * axis.get_ylim()[1])  # room for the legend
    axis.legend(frameon=False, fontsize=8)
    return figure


def draw_track_grid():
    """Draw track cells, linear interpolation, distance and uncertainty of one region."""
    grid = gridding.grid_tracks(cases.simulated("epr").table, data.region("epr"))
    limit = maps.robust_limit(grid["block"])
    return maps.draw_maps(
        data.region("epr"),
        [
            maps.Panel(grid["block"], "median of track cells", limit=limit),
            maps.Panel(grid["anomaly"], "linear interpolation", limit=limit),
            maps.Panel(grid["distance_km"], "distance to data", "distance", limit=50.0),
            maps.Panel(grid["uncertainty_nt"], "expected error", "uncertainty"),
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
        filled = gridding.interpolate(block.to_numpy(), name)
        title = f"{name.replace('_', ' ')}, r = {shared.agreement(filled, truth):.2f}"
        fields[title] = filled
    return maps.draw_fields(fields, limit, columns=3, source="simulated cruises, Reykjanes Ridge")


def draw_surveys():
    """Draw the grids of the four real surveys, blank where no reading is near."""
    panels = []
    for name, survey in cases.SURVEYS.items():
        table, region = cases.load_survey(name), survey.region
        grid = gridding.grid_tracks(
            table, region, survey.spacing_km, "minimum_curvature", survey.mask_km, uncertainty=False
        )
        panels.append(
            maps.Panel(grid["anomaly"], survey.title, limit=maps.robust_limit(grid["block"]),
                  table=table, region=region)
        )  # fmt: skip
    return maps.draw_maps(panels[0].region, panels, source=SURVEY_SOURCE, size=5.0)


FIGURES = {
    "01_cleaning": draw_cleaning,
    "01_profile": draw_crest_profile,
    "01_levelling": draw_levelling,
    "01_gridding": draw_track_grid,
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
