"""Real data as the judge: what is drawn on real cruises, beside what knows nothing.

For a survey and picks on the track of one of its cruises `compare` counts the polarity blocks that
are crossed, by the network's lines, by those of a plain filter, by peaks picked along the track
(`tracks.peaks`), and by the same lines moved and turned; it holds the lines against those that
experts drew, and predicts withheld lines. Each number stands beside what chance gives.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
import xarray as xr
from scipy import signal

from helpers import data, diffusion, gridding, lines, network, tracks

from . import lines_against_maps

LEVEL = 95.0  # per cent, of intervals
MOVES = 20  # draws of moved lines
STEP_KM = 5.0  # between the points of a line that are held against experts' lines
COHERENT = 0.5  # down to this coherence a wave is resolved
SEGMENT_KM = 256.0  # of track in one spectrum
LEAST_KM = 64.0  # a withheld line that is shorter has no spectrum


class Made(NamedTuple):
    """A survey, its map, and what the network for real data makes of it."""

    table: pd.DataFrame  # cleaned and levelled
    grid: xr.Dataset
    guided: xr.Dataset
    prediction: xr.Dataset
    lines: object  # GeoDataFrame


def make(table, region, spacing_km=2.0):
    """Clean, level, grid, diffuse and interpret a track table, as `make map` does."""
    inside = region.contains(table["longitude"], table["latitude"])
    table = tracks.remove_cruise_median(tracks.clean(tracks.residual(table[inside])))
    try:
        table = tracks.level(table, region)[0]
    except ValueError:  # no crossings: the median of each cruise has to do
        pass
    grid = gridding.grid_tracks(table, region, spacing_km)
    guided = diffusion.guided(grid["block"], grid["weight"])
    return Made(table, grid, guided, *lines.find(grid, guided, model=lines.SINGLE))


def compare(table, region, picks=None, spacing_km=2.0, seed=0):
    """Judge what is drawn of a survey.

    `picks` are as of `data.region_picks`, None for those of the registry.  Gives ``blocks`` (their
    number, on the tracks of all cruises with four picks or more), ``km`` of track that carries
    them, ``methods`` (`blocks_crossed`), ``lines`` (`beside_experts`) and ``withheld``
    (`withheld_lines`); what cannot be had is None.
    """
    made = make(table, region, spacing_km)
    rng = np.random.default_rng(seed)
    picks = data.region_picks(region) if picks is None else picks
    found = blocks_crossed(made, region, picks, rng)
    return found | {
        "lines": beside_experts(made, data.lineations(region), rng),
        "withheld": withheld_lines(made.table, region, spacing_km),
    }


def blocks_crossed(made, region, picks, rng):
    """Count polarity blocks of picks on the tracks that each set of lines or points crosses.

    By method: ``crossed`` blocks, ``crossings`` between the first block and the last, those
    ``without_block``, ``by_chance``, the blocks that the same crossings reach when they slide along
    the track, and ``by_chance_95``, its interval.  ``peaks`` are the most prominent of a track, as
    many as the network has crossings.
    """
    sets = lines_against_maps.beside_chance(made.lines, rng)
    sets["sato"] = lines_against_maps.ridge_lines(
        made.grid, made.guided, float(made.lines["length_km"].sum())
    )
    peaks = tracks.peaks(made.table).query("sign == 1")
    tracked = []
    for cruise in made.table["cruise"].unique() if picks is not None else ():
        try:
            line = lines_against_maps.track(made.table, cruise, region)
            blocks = lines_against_maps.picked_blocks(line, picks, region)
        except ValueError:  # too few readings, or picks, of this cruise
            continue
        if len(blocks):
            tracked.append(_Tracked(line, blocks, peaks[peaks["cruise"] == cruise]))
    if not tracked:
        return {"blocks": None, "km": None, "methods": None}
    methods = {}
    for name, found in sets.items():
        places = [lines_against_maps.crossings(found, one.line) for one in tracked]
        methods[name] = _counted(places, tracked, rng)
    places = []
    for one in tracked:
        number = _between(lines_against_maps.crossings(made.lines, one.line), one.blocks).size
        places.append(_most_prominent(one, region, number))
    methods["peaks"] = _counted(places, tracked, rng)
    km = sum(float(one.blocks["end_km"].max() - one.blocks["start_km"].min()) for one in tracked)
    return {"blocks": sum(len(one.blocks) for one in tracked), "km": km, "methods": methods}


class _Tracked(NamedTuple):
    """The track of a cruise, its blocks and its peaks."""

    line: object
    blocks: pd.DataFrame
    peaks: pd.DataFrame


def _between(places, blocks):
    """Places between the first block and the last."""
    low, high = blocks["start_km"].min(), blocks["end_km"].max()
    slack = lines_against_maps.TOLERANCE_KM
    return places[(places >= low - slack) & (places <= high + slack)]


def _most_prominent(one, region, number):
    """Places (km along the track) of the most prominent peaks between the first block and last."""
    points = shapely.points(*region.project(one.peaks["longitude"], one.peaks["latitude"]))
    at = shapely.line_locate_point(one.line, points)
    near = shapely.distance(points, one.line) <= lines_against_maps.ON_TRACK_KM
    rank = pd.Series(one.peaks["prominence_nt"].to_numpy()[near], at[near]).sort_values()
    within = _between(rank.index.to_numpy(), one.blocks)
    return np.sort(rank[rank.index.isin(within)].index.to_numpy()[::-1][:number])


def _counted(places, tracked, rng):
    """Add up what is crossed on all tracks, and what slid crossings give."""
    found, slid = [], []
    for here, one in zip(places, tracked, strict=True):
        found.append(lines_against_maps.count(here, one.blocks))
        slid.append(lines_against_maps.slides(here, one.blocks, rng)["crossed"].to_numpy())
    total = pd.DataFrame(found).sum()
    drawn = np.sum(slid, axis=0)
    interval = np.percentile(drawn, [50 - LEVEL / 2, 50 + LEVEL / 2])
    names = ("crossed", "crossings", "without_block")
    return {name: int(total[name]) for name in names} | {
        "by_chance": float(drawn.mean()), "by_chance_95": [float(end) for end in interval]
    }  # fmt: skip


def beside_experts(made, drawn, rng):
    """Hold lines against lineations that experts drew, and against the same lines moved.

    Medians of the distance from a line to the nearest lineation within
    `lines_against_maps.REACH_KM` (``km``) and of the angle between them (``deg``), over points
    along the lines; of the moved ones the mean and the interval of `MOVES` draws.  None without
    lines or lineations.
    """
    if drawn is None or not len(drawn) or not len(made.lines):
        return None
    published = lines.points_along(drawn, STEP_KM)
    km, deg = _off(made.lines, published)
    moved = np.array(
        [_off(lines_against_maps.moved(made.lines, rng), published) for _ in range(MOVES)]
    )
    ends = np.nanpercentile(moved, [50 - LEVEL / 2, 50 + LEVEL / 2], axis=0)
    return {
        "lines": len(made.lines), "length_km": float(made.lines["length_km"].sum()),
        "lineations": len(drawn), "km": km, "deg": deg,
        "moved_km": float(np.nanmean(moved[:, 0])), "moved_km_95": ends[:, 0].tolist(),
        "moved_deg": float(np.nanmean(moved[:, 1])), "moved_deg_95": ends[:, 1].tolist(),
    }  # fmt: skip


def _off(found, published):
    """Median distance (km) and angle (degrees) from lines to the nearest published one in reach."""
    off, turn = lines_against_maps.to_nearest(lines.points_along(found, STEP_KM), published)
    return (float(np.median(off)), float(np.median(turn))) if len(off) else (np.nan, np.nan)


def _linear(block):
    """Interpolate linearly between the tracks."""
    return gridding.interpolate(block, "linear")


def _guided(block):
    """Guided diffusion of the tracks."""
    return diffusion.guided(block, uncertainty=False)["anomaly"]


METHODS = {"guided": _guided, "linear": _linear, "zero": np.zeros_like}


def withheld_lines(table, region, spacing_km):
    """Predict each line of a survey from the others.

    By method: ``rms_nt``, ``median_abs_nt``, ``correlation`` (`gridding.cross_validate`) and
    ``resolved_km``, the wavelength down to which prediction and withheld readings are coherent
    (None where no wave is).  ``within_1_sigma`` and ``within_2_sigma`` are the shares of withheld
    readings within the expected error of the guided map.  None where no line can be left out.
    """
    try:
        errors = gridding.cross_validate(table, region, spacing_km, METHODS, "line")
    except ValueError:
        return None
    pooled = gridding.pooled_errors(errors)
    profiles, shares = _profiles(table, region, spacing_km)
    found = {}
    for name, row in pooled.iterrows():
        measures = ("rms_nt", "median_abs_nt", "correlation")
        found[name] = {one: None if np.isnan(row[one]) else float(row[one]) for one in measures}
        if name != "zero":
            found[name]["resolved_km"] = resolved_km(profiles[name], spacing_km)
    return found | shares


def _profiles(table, region, spacing_km):
    """Withheld readings along each line beside what each method predicts, at steps of a cell.

    And the shares of them within one and two expected errors of the guided map.
    """
    track = tracks.legs(table)
    profiles, inside = {"guided": [], "linear": []}, []
    for leg in track["leg"].unique():
        own = track[track["leg"] == leg]
        x, y = region.project(own["longitude"].to_numpy(), own["latitude"].to_numpy())
        km = np.r_[0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))]
        others = track[track["leg"] != leg]
        if km[-1] < LEAST_KM or not len(others):
            continue
        grid = gridding.grid_tracks(others, region, spacing_km)
        if np.isfinite(grid["block"]).sum() < 4:
            continue
        guided = diffusion.guided(grid["block"], grid["weight"])
        step = np.arange(0, km[-1], spacing_km)
        at = {
            name: xr.DataArray(np.interp(step, km, place), dims="step")
            for name, place in (("easting", x), ("northing", y))
        }
        read = np.interp(step, km, own["residual_nt"].to_numpy())
        near = network.knowable(grid).astype(float).interp(at, method="nearest").to_numpy() > 0.5
        for name, field in (("guided", guided["anomaly"]), ("linear", grid["anomaly"])):
            told = field.interp(at).to_numpy()
            profiles[name].append((read, np.where(near, told, np.nan)))
        error = guided["uncertainty_nt"].interp(at).to_numpy()
        off = np.abs(guided["anomaly"].interp(at).to_numpy() - read)[near] / error[near]
        inside.append(off[np.isfinite(off)])
    off = np.concatenate(inside) if inside else np.zeros(0)
    shares = {
        f"within_{k}_sigma": float(np.mean(off <= k)) if off.size else None for k in (1, 2)
    }
    return profiles, shares


def resolved_km(profiles, step_km):
    """Wavelength (km) at which the coherence of prediction and readings falls to a half.

    `profiles` are pairs of arrays at steps of `step_km`, NaN where nothing is predicted.  The
    spectra of all stretches that are long enough are averaged (Welch); None where even the longest
    wave is not coherent, or no stretch is long enough.
    """
    length, cross = int(SEGMENT_KM / step_km), []
    for read, told in profiles:
        known = np.isfinite(told) & np.isfinite(read)
        edge = np.flatnonzero(np.diff(np.r_[False, known, False]))
        for first, end in zip(edge[::2], edge[1::2], strict=True):
            for start in range(first, end - length + 1, length // 2):
                part = slice(start, start + length)
                pair = [signal.detrend(one[part]) * np.hanning(length) for one in (read, told)]
                a, b = (np.fft.rfft(one) for one in pair)
                cross.append(np.stack([np.abs(a) ** 2, np.abs(b) ** 2, a * np.conj(b)]))
    if len(cross) < 4:  # the coherence of few segments is no measure
        return None
    power_a, power_b, both = np.sum(cross, axis=0)
    coherence = np.abs(both) ** 2 / np.maximum(np.abs(power_a * power_b), 1e-30)
    coherence = (coherence - 1 / len(cross)) / (1 - 1 / len(cross))  # less what chance gives
    frequency = np.fft.rfftfreq(length, step_km)
    below = np.flatnonzero(coherence[1:] < COHERENT)
    if not below.size or below[0] == 0:
        return None if below.size else float(1 / frequency[-1])
    k = below[0] + 1  # between the last coherent wavenumber and the first that is not
    share = (coherence[k - 1] - COHERENT) / (coherence[k - 1] - coherence[k])
    return float(1 / (frequency[k - 1] + share * (frequency[k] - frequency[k - 1])))
