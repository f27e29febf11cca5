"""The figures of notebook A1: forward model, real regions against real data, random seafloor."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from skimage.morphology import skeletonize

from helpers import data, maps, seafloor
from helpers.seafloor import crust, forward, ships

from .. import cases, simulated_against_real
from . import _shared

LATITUDES, STRIKES = (90, 60, 30, 10, 0), (0, 30, 60, 90)  # degrees
WINDOWS = {  # first cell northward and eastward, of 256 x 256
    "epr": (480, 480),
    "reykjanes": (330, 300),
    "shatsky": (300, 150),
    "azores": (250, 330),
    "pacific_antarctic": (850, 560),
}
WINDOW_CELLS = 256
MOVED_KM = 50.0  # picks, to see what chance gives
ERAS = ("stars and sun", "Transit", "GPS")
GALLERY_SEED, SHIPS_SEED = 0, 4
COVERAGES = (0.02, 0.08, 0.25)
REGIONS = "simulated anomaly over the real age and relief (Seton et al. 2020, ETOPO1)"


def draw_skewness():
    """Draw the anomaly of two blocks for latitudes (rows) and strikes (columns)."""
    x = np.arange(-150, 150, 0.5)
    blocks = np.where((np.abs(x + 25) < 15) | (np.abs(x - 20) < 8), 5.0, 0.0)
    figure, axes = plt.subplots(
        len(LATITUDES), len(STRIKES), figsize=(9.5, 8), sharex=True, sharey="row",
        layout="constrained",
    )  # fmt: skip
    for row, latitude in enumerate(LATITUDES):
        field = forward.dipole(latitude)
        for axis, strike in zip(axes[row], STRIKES, strict=True):
            response = partial(
                forward.earth_filter, depth_km=3.0, thickness_km=forward.THICKNESS_KM, field=field,
                remanence=field, strike_deg=strike,
            )  # fmt: skip
            anomaly = forward.profile_anomaly(blocks, 0.5, response)
            axis.plot(x, anomaly, color=_shared.COLOURS[0], lw=1.2)
            axis.fill_between(
                x, 0, 1, blocks > 0, color="0.88", zorder=0, transform=axis.get_xaxis_transform()
            )
            axis.axhline(0, color="0.7", lw=0.5)
            angle = abs(forward.skewness(field, field, strike))
            axis.text(
                0.98, 0.93, f"θ {angle:.0f}°", transform=axis.transAxes, ha="right", va="top",
                fontsize=8,
            )  # fmt: skip
            axis.set(xlim=(-80, 80))
        axes[row, 0].set_ylabel(f"latitude {latitude}°\nanomaly (nT)")
    for axis, strike in zip(axes[0], STRIKES, strict=True):
        axis.set_title(f"strike {strike:03d}°", fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("distance across strike (km)")
    return figure


def draw_region_windows():
    """Draw a window of each simulated region with its labels."""
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.2), layout="compressed")
    for axis, name in zip(axes.flat, WINDOWS, strict=False):
        _draw_map(figure, axis, _window(name))
        axis.set(title=data.region(name).title, xlabel="easting (km)", ylabel="northing (km)")
    _draw_beads(axes.flat[-1], "reykjanes")
    maps.add_source(figure, REGIONS)
    return figure


def _window(name):
    """Cut the window of a region that is drawn."""
    row, column = (slice(first, first + WINDOW_CELLS) for first in WINDOWS[name])
    return cases.seafloor_of(name).isel(northing=row, easting=column)


def _draw_beads(axis, name):
    """Draw the polarity of a region as the nearest cells of the age grid would give it."""
    part = _window(name)
    x, y = part["easting"].to_numpy(), part["northing"].to_numpy()
    beads = simulated_against_real.careless_polarity(part, data.region(name))
    extent = (x[0] - 1, x[-1] + 1, y[0] - 1, y[-1] + 1)
    axis.imshow(beads, origin="lower", cmap="Greys", vmin=-1, vmax=1, extent=extent)
    axis.set(title=f"{data.region(name).title}: careless polarity")
    axis.set(xlabel="easting (km)", ylabel="northing (km)")


def draw_profile():
    """Draw the real cruise over its picks' stripes: polarity, both anomalies."""
    profile = simulated_against_real.tied_profile()
    x = profile["distance_km"].to_numpy()
    halves = np.array_split(np.arange(len(x)), 2)
    figure, axes = plt.subplots(
        4, 1, figsize=(11, 6.4), height_ratios=(6, 0.5, 6, 0.5), layout="constrained"
    )
    polarity = crust.mean_polarity(profile["age_ma"].to_numpy(), 0.01)
    for number, half in enumerate(halves):
        upper, strip = axes[2 * number : 2 * number + 2]
        upper.plot(
            x[half], profile["observed_nt"].iloc[half], "k", lw=0.9,
            label=f"{simulated_against_real.TIED} (real)",
        )  # fmt: skip
        upper.plot(
            x[half], profile["simulated_nt"].iloc[half], color=_shared.COLOURS[3], lw=0.9,
            label="simulated, ages tied to picks",
        )  # fmt: skip
        shown = polarity[half][None, 1:]
        strip.pcolormesh(x[half], [0, 1], shown, cmap="Greys", vmin=-1, vmax=1, rasterized=True)
        upper.set(ylabel="anomaly (nT)", xlim=x[half[[0, -1]]], ylim=(-600, 700), xticklabels=[])
        strip.set(xlim=x[half[[0, -1]]], yticks=[])
    axes[0].legend(frameon=False, ncols=2, loc="upper left")
    strip.set_xlabel(f"distance along the track (km); black: normal polarity; {_shared.REAL}")
    return figure


def draw_spectra():
    """Draw amplitude spectra of real and simulated profiles, and how amplitudes are spread."""
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.8), layout="constrained")
    middle = [np.sqrt(shortest * longest) for shortest, longest in simulated_against_real.BANDS_KM]
    profiles = {
        f"{simulated_against_real.TIED}, tied to picks": simulated_against_real.tied_profile(),
        **simulated_against_real.real_profiles(),
    }
    del profiles[simulated_against_real.TIED]
    for axis, (name, profile) in zip(axes, profiles.items(), strict=False):
        for column, colour, text in (
            ("observed_nt", "k", "real"), ("simulated_nt", _shared.COLOURS[3], "simulated"),
        ):  # fmt: skip
            amplitude = simulated_against_real.band_amplitudes(profile[column])
            axis.loglog(middle, amplitude, "o-", color=colour, label=text)
        axis.set(title=name, xlabel="wavelength (km)", ylim=(8, 150))
        axis.set_xticks([10, 20, 50, 100], [10, 20, 50, 100])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("amplitude in the band (nT)")
    axes[0].legend(frameon=False)
    _draw_distribution(axes[3], profiles)
    maps.add_source(figure, f"{_shared.REAL}; {REGIONS}")
    return figure


def _draw_distribution(axis, profiles):
    """Draw the distribution of anomalies, and a normal and a Laplace one of the same spread."""
    edges = np.linspace(-4, 4, 33)
    middle = 0.5 * (edges[1:] + edges[:-1])
    for column, colour in (("observed_nt", "k"), ("simulated_nt", _shared.COLOURS[3])):
        values = np.concatenate([part[column] / part[column].std() for part in profiles.values()])
        axis.step(middle, np.histogram(values, edges, density=True)[0], color=colour, where="mid")
    normal = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
    axis.plot(middle, normal, ":", color="0.4", label="normal")
    laplace = np.exp(-np.sqrt(2) * np.abs(middle)) / np.sqrt(2)
    axis.plot(middle, laplace, "--", color="0.4", label="Laplace")
    axis.set(title="All three profiles", xlabel="anomaly / standard deviation", ylabel="density")
    axis.legend(frameon=False)


def draw_picks():
    """Draw how far polarity boundaries and label lines of simulated regions lie from picks."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    for colour, name in zip(_shared.COLOURS, WINDOWS, strict=False):
        title = data.region(name).title
        line = simulated_against_real.line_distances(name)["distance_km"]
        chance = simulated_against_real.line_distances(name, MOVED_KM)["distance_km"]
        for axis, distance in zip(
            axes, (simulated_against_real.pick_distances(name), line), strict=True
        ):
            text = f"{title}: median {np.median(distance):.0f} km of {distance.size}"
            axis.ecdf(distance, color=colour, label=text)
        axes[1].ecdf(chance, color=colour, ls=":", lw=1)
    axes[0].set(title="to the boundary of its age", ylabel="share of picks nearer than this")
    axes[1].set(title=f"to the label line of its chron (dotted: picks moved {MOVED_KM:.0f} km)")
    for axis in axes:
        axis.set(xlabel="distance from a pick (km)", xlim=(0, 60), ylim=(0, 1))
        axis.legend(frameon=False, fontsize=8, loc="lower right")
        axis.grid(alpha=0.3)
    maps.add_source(figure, "picks: GSFML (Seton et al. 2014); age: Seton et al. (2020)")
    return figure


def draw_random():
    """Draw a gallery of random seafloor with labels, as the seed gives it."""
    rng = np.random.default_rng(GALLERY_SEED)
    figure, axes = plt.subplots(4, 7, figsize=(13, 7.8), layout="constrained")
    for axis in axes.flat:
        _draw_map(figure, axis, seafloor.simulate_random(rng), bar=False)
        axis.set(xticks=[], yticks=[])
    text = "simulated; each map 256 km wide, its own colour scale (red: positive); black: labels"
    maps.add_source(figure, text)
    return figure


def draw_ships():
    """Draw tracks at three coverages, and the errors of one cruise of each era."""
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    centres = (np.arange(128) + 0.5) * 2.0
    for axis, coverage in zip(axes[0], COVERAGES, strict=True):
        table = ships.lay_tracks(centres, centres, np.random.default_rng(SHIPS_SEED), coverage)
        axis.scatter(table["easting_km"], table["northing_km"], s=0.4, color="k", lw=0)
        axis.set(title=f"{coverage:.0%} of the cells", xlabel="easting (km)", aspect="equal")
    axes[0, 0].set_ylabel("northing (km)")
    hours = np.arange(0, 120, 0.1)
    for axis, era, (first, size, _) in zip(axes[1], ERAS, ships.ERAS, strict=True):
        table = _cruise(hours)
        rng = np.random.default_rng(SHIPS_SEED)
        position = ships.position_error(table, np.array([first + 5.0]), rng)
        axis.plot(hours, ships.reading_error(table, rng), "k", lw=0.7, label="reading (nT)")
        east = axis.twinx()
        east.plot(hours, position[1], color=_shared.COLOURS[3], lw=1)
        east.set_ylim(-3 * ships.ERAS[0][1], 3 * ships.ERAS[0][1])
        east.tick_params(axis="y", colors=_shared.COLOURS[3])
        axis.set(title=f"{era}: positions good to {size:g} km", xlabel="hours", ylim=(-80, 80))
    axes[1, 0].set_ylabel("error of the reading (nT)")
    east.set_ylabel("eastward error of position (km)", color=_shared.COLOURS[3])
    maps.add_source(figure, "simulated")
    return figure


def _cruise(hours):
    """Make one cruise that turns back halfway."""
    heading = np.where(hours < hours.mean(), 40.0, 220.0)
    return pd.DataFrame({"cruise": 0, "hours": hours, "heading_deg": heading})


def _draw_map(figure, axis, part, bar=True):
    """Draw one simulated map with its labels."""
    values = part["anomaly"].to_numpy()
    limit = maps.robust_limit(values)
    x, y = part["easting"].to_numpy(), part["northing"].to_numpy()
    shown = axis.imshow(
        values, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit,
        extent=(x[0] - 1, x[-1] + 1, y[0] - 1, y[-1] + 1), interpolation="bilinear",
    )  # fmt: skip
    thin = skeletonize(part["label"].to_numpy() > 0)
    axis.imshow(
        np.ma.masked_equal(thin, 0), origin="lower", cmap="Greys", vmin=0, vmax=1,
        extent=shown.get_extent(), interpolation="nearest",
    )  # fmt: skip
    if bar:
        figure.colorbar(shown, ax=axis, shrink=0.8, label="anomaly (nT)")


FIGURES = {
    "A1_skewness": draw_skewness,
    "A1_regions": draw_region_windows,
    "A1_profile": draw_profile,
    "A1_spectra": draw_spectra,
    "A1_picks": draw_picks,
    "A1_random": draw_random,
    "A1_ships": draw_ships,
}
CAPTIONS = {
    "A1_skewness": "The same two blocks (grey) at five latitudes and four strikes; field and "
    "remanence are those of an axial dipole. θ is the skewness angle.",
    "A1_regions": "Windows of 512 km of the five simulated regions, with the labels (black): "
    "simulated anomaly over the real age and relief. Last, what goes wrong: the polarity of the "
    "nearest cell of the age grid.",
    "A1_profile": "The real cruise NBP9707 over the Pacific-Antarctic Ridge, and the anomaly of "
    "stripes whose ages are tied to the picks on its track.",
    "A1_spectra": "Amplitude against wavelength of real and simulated profiles: tied to picks, and "
    "from the simulated map below two other cruises; and the distribution of all their values.",
    "A1_picks": "How far the boundaries of simulated polarity blocks, and the label lines, lie "
    "from picks of the same age and chron, in five regions; dotted: from picks moved by 50 km.",
    "A1_random": "Random simulated seafloor, the first maps of one seed, with labels; maps without "
    "stripes have none.",
    "A1_ships": "Simulated cruises at three coverages, and the errors of position (orange) and "
    "reading (black) of one cruise in each era of navigation.",
}
