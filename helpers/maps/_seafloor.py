"""Pictures of the simulated seafloor that a slider can move: a ridge that spreads."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from ..seafloor import crust, forward

REACH_KM = 150.0  # of the picture, to each side of the ridge
STEP_KM = 0.5  # of the profile across it
MARGIN_KM = 150.0  # computed beyond the picture, so that its rims are right


class Profile(NamedTuple):
    """What lies across a ridge, at even steps to the right of its strike."""

    distance_km: np.ndarray  # from the ridge
    magnetisation_a_m: np.ndarray
    anomaly_nt: np.ndarray


def spreading_profile(half_rate_km_ma, strike_deg, latitude, depth_km):
    """Magnetise the flanks of a straight ridge with the time scale; compute their anomaly."""
    x = np.arange(-REACH_KM - MARGIN_KM, REACH_KM + MARGIN_KM, STEP_KM) + STEP_KM / 2
    age = np.abs(x) / half_rate_km_ma
    # blocks of either polarity, whose borders are as wide as the transition
    width_ma = np.full_like(x, crust.TRANSITION_KM / half_rate_km_ma)
    source = crust.mean_polarity(age, width_ma) * crust.intensity(age)
    field = forward.dipole(latitude)

    def response(wavenumber):
        layer = (depth_km, forward.THICKNESS_KM)
        return forward.earth_filter(wavenumber, *layer, field, field, strike_deg)

    return Profile(x, source, forward.profile_anomaly(source, STEP_KM, response))


def draw_spreading(half_rate_km_ma, strike_deg, latitude, depth_km):
    """Draw the anomaly of a spreading ridge as a map, and a profile over its blocks.

    Parameters
    ----------
    half_rate_km_ma : float
        Half spreading rate (km per million years), the same on both flanks.
    strike_deg : float
        Strike of the ridge, clockwise from north.
    latitude : float
        Where the ridge lies and the crust formed (degrees); the field is that of a dipole.
    depth_km : float
        Depth of the top of the magnetised layer.
    """
    x, source, anomaly = spreading_profile(half_rate_km_ma, strike_deg, latitude, depth_km)
    inside = np.abs(x) < REACH_KM
    limit = max(float(np.abs(anomaly[inside]).max()), 1.0)
    figure, axes = plt.subplot_mosaic(
        [["map", "profile"], ["map", "blocks"]], figsize=(9.5, 3.9), height_ratios=(5, 1),
        width_ratios=(1, 1.5), layout="constrained",
    )  # fmt: skip
    shown = _draw_map(axes["map"], x, anomaly, strike_deg, limit)
    figure.colorbar(shown, ax=axes["map"], shrink=0.85, label="anomaly (nT)")
    axes["profile"].plot(x[inside], anomaly[inside], color="k", lw=1.2)
    axes["profile"].axhline(0, color="0.7", lw=0.5)
    field = forward.dipole(latitude)
    angle = forward.skewness(field, field, strike_deg)
    title = f"skewness {abs(angle):.0f}°, {np.ptp(anomaly[inside]):.0f} nT from lowest to highest"
    axes["profile"].set_title(title, fontsize=10)
    axes["profile"].set(ylabel="anomaly (nT)", xlim=(-REACH_KM, REACH_KM), xticklabels=[])
    axes["blocks"].imshow(
        source[None, inside], aspect="auto", cmap="Greys", extent=(-REACH_KM, REACH_KM, 0, 1)
    )
    old = REACH_KM / half_rate_km_ma
    axes["blocks"].set(yticks=[], xlabel=f"distance across the ridge (km); {old:.0f} Ma at the rim")
    axes["blocks"].set_ylabel("blocks", rotation=0, ha="right", va="center")
    return figure


def _draw_map(axis, x, anomaly, strike_deg, limit):
    """Draw the stripes from above, with the ridge; return the image."""
    edge = np.linspace(-REACH_KM, REACH_KM, 151)
    east, north = np.meshgrid(edge, edge)
    strike = np.radians(strike_deg)
    across = east * np.cos(strike) - north * np.sin(strike)
    extent = (-REACH_KM, REACH_KM, -REACH_KM, REACH_KM)
    shown = axis.imshow(
        np.interp(across, x, anomaly), origin="lower", extent=extent, cmap="RdBu_r", vmin=-limit,
        vmax=limit,
    )  # fmt: skip
    along = REACH_KM * np.array([-1.5, 1.5])
    axis.plot(along * np.sin(strike), along * np.cos(strike), color="k", lw=1, ls="--")
    axis.set(xlim=extent[:2], ylim=extent[2:], xlabel="easting (km)", ylabel="northing (km)")
    axis.set_title("simulated; dashed: the ridge", fontsize=10)
    return shown
