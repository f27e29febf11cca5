"""Crests along simulated tracks, whose stripes are known: whether their probability is right.

`tracks.crests` gives each crest the probability that it is one of a stripe.  Here simulated cruises
read anomalies of stripes, relief and uneven rock with the errors of ships, and the anomaly of the
polarity alone along the same tracks says which crests are right.  The constant of the
probability is fitted to them (`fit`) and judged on regions that the fit has not seen (`left_out`).
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import optimize, signal

from helpers import data, seafloor, tracks
from helpers.tracks import _peaks

from . import cases
from ._kept import kept

COVERAGE = 0.05  # share of cells on the tracks
CRUISE_SEED = 5
LEAST_NT = 1.0  # that the anomaly of stripes rises by at a true crest
NEAR_KM = 4.0  # two cells: a crest lies so near to a true one, or within half its width
EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0)


@kept("seafloor")
def simulated_crests(name, floor=0):
    """Find all crests along simulated cruises over a region, and whether they are right.

    `floor` is the seed of the seafloor (`cases.seafloor_of`).  Gives the columns of `tracks.crests`
    of all above the noise, whatever their probability; ``rms_nt``, that of the profile around;
    ``above_noise``, the part of the probability that knows the noise; and ``true``, whether the
    noise-free anomaly of the stripes has a crest of the same sign there.
    """
    truth, region = cases.seafloor_of(name, floor), data.region(name)
    rng = np.random.default_rng(CRUISE_SEED + floor)
    table = seafloor.cruise_over(truth, region, rng, COVERAGE)
    stripes = truth["anomaly"].copy(data=seafloor.stripes_alone(truth))
    found = []
    for _, part in tracks.legs(table).groupby("leg", sort=False):
        profile = _peaks.profile_of(part)
        if profile is None:
            continue
        x, y = region.project(profile["longitude"], profile["latitude"])
        at = {"easting": xr.DataArray(x, dims="km"), "northing": xr.DataArray(y, dims="km")}
        known = stripes.interp(at).to_numpy()
        if np.isfinite(known).all():
            crests = _peaks.peaks_of(profile, lambda smooth: smooth.noise_nt)
            found.append(crests.assign(true=are_true(crests, profile["along_km"], known)))
    return pd.concat(found, ignore_index=True).assign(region=name)


def are_true(crests, along_km, stripes_nt):
    """Tell which crests lie at one of the known anomaly along the same leg."""
    near = np.maximum(NEAR_KM, crests["width_km"].to_numpy() / 2)
    true = np.zeros(len(crests), bool)
    for sign in (1, -1):
        at, _ = signal.find_peaks(sign * stripes_nt, prominence=LEAST_NT)
        if at.size:
            off = np.abs(crests["along_km"].to_numpy()[:, None] - along_km[at]).min(axis=1)
            true |= (crests["sign"] == sign).to_numpy() & (off <= near)
    return true


def fit(crests):
    """Fit the constant of `tracks.crests` to crests that are known, by likelihood.

    Each region counts the same; what is most likely noise is left aside, since of that a share is
    right by coincidence alone.
    """
    crests = crests[crests["above_noise"] >= 0.5]
    weight = 1 / crests.groupby("region")["true"].transform("size")
    rise, around, sure = (crests[name] for name in ("prominence_nt", "rms_nt", "above_noise"))

    def surprise(log_even):
        told = (sure * _peaks.of_stripes(rise, around, np.exp(log_even))).clip(1e-9, 1 - 1e-9)
        return -np.sum(weight * np.log(told.where(crests["true"], 1 - told)))

    return float(np.exp(optimize.minimize_scalar(surprise, (np.log(0.01), 0.0)).x))


def left_out(crests):
    """Give each crest the probability by the constant that is fitted to the other regions."""
    told = pd.Series(np.nan, crests.index)
    for name, own in crests.groupby("region"):
        even = fit(crests[crests["region"] != name])
        told[own.index] = own["above_noise"] * _peaks.of_stripes(
            own["prominence_nt"], own["rms_nt"], even
        )
    return told


def reliability(probability, true, edges=EDGES):
    """Hold probabilities against what is true, in classes: told, found and number of crests."""
    probability, true = np.asarray(probability), np.asarray(true)
    group = np.clip(np.digitize(probability, edges) - 1, 0, len(edges) - 2)
    rows = [
        (edges[k], edges[k + 1], probability[group == k].mean(), true[group == k].mean(),
         int((group == k).sum()))
        for k in np.unique(group)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["from", "to", "told", "found", "crests"])
