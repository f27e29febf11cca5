"""Real data as the judge: what is drawn on real cruises, beside what knows nothing.

For a survey and picks on the track of one of its cruises `compare` counts the polarity blocks that
are crossed, by the network's lines, by those of a plain filter, by crests and peaks along the track
(`tracks.crests`, `tracks.peaks`), and by the same lines moved and turned; it holds the lines
against those that experts drew, and predicts withheld lines. Each number stands beside what chance
gives.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
import xarray as xr
from scipy import signal

from helpers import data, diffusion, gridding, lines, tracks

from . import gaussian_process, lines_against_maps

CHANCE = 95.0  # per cent of the draws lie in the interval of chance,
MOVED = 90.0  # and in that of moved lines
MOVES = 50  # draws of moved lines
RUN = 5  # neighbouring blocks that are drawn together, for the interval of a count
DRAWS = 500  # of blocks
STEP_KM = 5.0  # between the points of a line that are held against experts' lines
COHERENT = 0.5  # down to this coherence a wave is resolved
SEGMENT_KM = 256.0  # of track in one spectrum, or as long as half of the stretches are
LEAST_STEPS = 20  # a withheld line that is shorter, in cells, is none
MOST_LINES = 12  # withheld lines, the longest, are predicted


class Made(NamedTuple):
    """A survey, its map, and what the network for real data makes of it."""

    table: pd.DataFrame  # cleaned and levelled
    crests: pd.DataFrame  # of whole cruises, those in the region
    grid: xr.Dataset
    guided: xr.Dataset
    prediction: xr.Dataset
    lines: object  # GeoDataFrame, of those that the readings support
    left_out: object  # GeoDataFrame, of the others
    not_levelled: str  # why, where the median of each cruise had to do


def levelled(table, region):
    """Clean and level what lies in a region; and why it could not be levelled, or nothing."""
    inside = region.contains(table["longitude"], table["latitude"])
    table = tracks.remove_cruise_median(tracks.clean(tracks.residual(table[inside])))
    try:
        return tracks.level(table, region)[0], ""
    except ValueError as problem:  # no crossings: the median of each cruise has to do
        return table, str(problem).split(";")[0]


def sure_crests(table, region):
    """Find the crests in a region that count as findings, as `make map` does: of whole cruises."""
    here = region.contains(table["longitude"], table["latitude"])
    whole = table[table["cruise"].isin(table["cruise"][here].unique())]
    return tracks.crests(tracks.clean(tracks.residual(whole)), tracks.SURE, region)


def make(table, region, spacing_km=2.0, prior=None):
    """Clean, level, grid, diffuse and interpret a track table, as `make map` does.

    `prior` is a strike that is given to the diffusion (`data.published_strike`).
    """
    crests = sure_crests(table, region)
    table, not_levelled = levelled(table, region)
    grid = gridding.grid_tracks(table, region, spacing_km, uncertainty=False)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False, known=_known(prior))
    prediction, found = lines.find(grid, guided, model=lines.SINGLE)
    found, left_out = lines.supported(found, grid, table, False if prior is None else prior)
    return Made(table, crests, grid, guided, prediction, found, left_out, not_levelled)


def _known(prior):
    """Give a strike to the diffusion, as `make map` does."""
    return None if prior is None else diffusion.Known(strike_deg=prior, strike_suffices=True)


def compare(
    table, region, picks=None, spacing_km=2.0, seed=0, cruise=None, withheld=True, prior=None
):
    """Judge what is drawn of a survey.

    `picks` are as of `data.region_picks`, None for those of the registry; `cruise` is the one on
    whose track blocks are counted, None for all with four picks or more; `prior` is as of `make`.
    Gives ``blocks`` (their
    number), ``km`` of track that carries them, ``methods`` (`blocks_crossed`), ``lines``
    (`beside_experts`), ``withheld`` (`withheld_lines`) and ``not_levelled``; what cannot be had is
    None.
    """
    made = make(table, region, spacing_km, prior)
    rng = np.random.default_rng(seed)
    picks = data.region_picks(region) if picks is None else picks
    sets = lines_against_maps.beside_chance(made.lines, rng)
    sets["sato"] = lines_against_maps.ridge_lines(
        made.grid, made.guided, float(made.lines["length_km"].sum())
    )
    return blocks_crossed(made, sets, region, picks, rng, cruise) | {
        "lines": beside_experts(sets, data.lineations(region), rng),
        "withheld": (
            withheld_lines(made.table, region, spacing_km, prior=prior) if withheld else None
        ),
        "not_levelled": made.not_levelled,
    }


def blocks_crossed(made, sets, region, picks, rng, cruise=None):
    """Count polarity blocks of picks on the tracks that each set of lines or points crosses.

    By method: ``crossed`` blocks and ``crossed_95``, its interval over stretches of `RUN` blocks;
    ``crossings`` between the first block and the last, those ``without_block``, ``by_chance``, the
    blocks that the same crossings reach when they slide along the track, and ``by_chance_95``, its
    interval.  ``crests`` are those with a probability of `tracks.SURE` or more, ``peaks`` the most
    prominent peaks of a track, as many as the best of network and crests has crossings.  Of crests
    and peaks those of positive sign count, as the network's lines follow positive stripes.
    """
    crests = made.crests.query("sign == 1")
    peaks = tracks.peaks(made.table).query("sign == 1")
    tracked, cruises = [], made.table["cruise"].unique() if cruise is None else [cruise]
    for name in cruises if picks is not None else ():
        tracked += tracked_passages(made.table, name, peaks[peaks["cruise"] == name], region, picks)
    if not tracked:
        return {"blocks": None, "km": None, "methods": None}
    methods = {}
    for name, found in sets.items():
        places = [lines_against_maps.crossings(found, one.line) for one in tracked]
        methods[name] = _counted(places, tracked, rng)
    network = [lines_against_maps.crossings(made.lines, one.line) for one in tracked]
    own = [crests[crests["cruise"] == one.readings["cruise"].iloc[0]] for one in tracked]
    sure = [
        prominent(these, one.line, one.blocks, region)
        for these, one in zip(own, tracked, strict=True)
    ]
    methods["crests"] = _counted(sure, tracked, rng)
    best = network if methods["network"]["crossed"] > methods["crests"]["crossed"] else sure
    places = [
        prominent(one.peaks, one.line, one.blocks, region, _between(at, one.blocks).size)
        for at, one in zip(best, tracked, strict=True)
    ]
    methods["peaks"] = _counted(places, tracked, rng)
    # and all peaks, as a reader would pick them
    places = [prominent(one.peaks, one.line, one.blocks, region, None) for one in tracked]
    methods["all_peaks"] = _counted(places, tracked, rng)
    km = sum(float(one.blocks["end_km"].max() - one.blocks["start_km"].min()) for one in tracked)
    return {"blocks": sum(len(one.blocks) for one in tracked), "km": km, "methods": methods}


class Tracked(NamedTuple):
    """A passage of a cruise, its blocks and the peaks of the cruise."""

    line: object
    readings: pd.DataFrame
    blocks: pd.DataFrame
    peaks: pd.DataFrame


def tracked_passages(table, cruise, peaks, region, picks):
    """Passages of a cruise that have four picks or more, with their blocks and its peaks."""
    found = []
    try:
        passages = lines_against_maps.passages(table, cruise, region)
    except ValueError:  # hardly a reading of this cruise is in the region
        return found
    for passage in passages:
        try:
            blocks = lines_against_maps.picked_blocks(passage.line, picks, region)
        except ValueError:  # too few picks on this passage
            continue
        if len(blocks):
            found.append(Tracked(*passage, blocks, peaks))
    return found


def _between(places, blocks):
    """Places between the first block and the last."""
    low, high = blocks["start_km"].min(), blocks["end_km"].max()
    slack = lines_against_maps.TOLERANCE_KM
    return places[(places >= low - slack) & (places <= high + slack)]


def prominent(peaks, line, blocks, region, number=None):
    """Places (km along a track) of its most prominent peaks between the first block and last."""
    points = shapely.points(*region.project(peaks["longitude"], peaks["latitude"]))
    at = shapely.line_locate_point(line, points)
    near = shapely.distance(points, line) <= lines_against_maps.ON_TRACK_KM
    rank = pd.Series(peaks["prominence_nt"].to_numpy()[near], at[near]).sort_values()
    within = _between(rank.index.to_numpy(), blocks)
    return np.sort(rank[rank.index.isin(within)].index.to_numpy()[::-1][:number])


def _counted(places, tracked, rng):
    """Add up what is crossed on all tracks, and what slid crossings give."""
    found, slid, met = [], [], []
    for here, one in zip(places, tracked, strict=True):
        found.append(lines_against_maps.count(here, one.blocks))
        slid.append(lines_against_maps.slides(here, one.blocks, rng)["crossed"].to_numpy())
        met.append(lines_against_maps.met(here, one.blocks))
    total = pd.DataFrame(found).sum()
    drawn = np.sum(slid, axis=0)
    names = ("crossed", "crossings", "without_block")
    return {name: int(total[name]) for name in names} | {
        "crossed_95": interval(_redrawn(np.concatenate(met), rng), CHANCE),
        "by_chance": float(drawn.mean()), "by_chance_95": interval(drawn, CHANCE),
    }  # fmt: skip


def _redrawn(met, rng):
    """How many blocks are crossed in draws of stretches of `RUN` blocks (circular bootstrap)."""
    number = len(met)
    first = rng.integers(0, number, (DRAWS, -(-number // RUN), 1))
    drawn = ((first + np.arange(RUN)) % number).reshape(DRAWS, -1)[:, :number]
    return met[drawn].sum(axis=1)


def interval(drawn, level):
    """Give the ends of the interval that holds so many per cent of the draws."""
    return [float(end) for end in np.nanpercentile(drawn, [50 - level / 2, 50 + level / 2])]


def beside_experts(sets, drawn, rng):
    """Hold lines against lineations that experts drew, and against the same lines moved.

    Medians of the distance from a line to the nearest lineation within
    `lines_against_maps.REACH_KM` (``km``) and of the angle between them (``deg``), over points
    along the network's lines, and along those of the filter (``sato_km``, ``sato_deg``); of the
    network's lines moved the mean and the interval of `MOVES` draws.  Without lines or lineations
    ``km`` and ``deg`` are None.
    """
    found = sets["network"]
    told = {"lines": len(found), "length_km": float(found["length_km"].sum())}
    if drawn is None or not len(drawn) or not len(found):
        return told | {"lineations": None if drawn is None else len(drawn), "km": None, "deg": None}
    published = lines.points_along(drawn, STEP_KM)
    km, deg = _off(found, published)
    if np.isnan(km):  # none in reach
        return told | {"lineations": len(drawn), "km": None, "deg": None}
    sato_km, sato_deg = _off(sets["sato"], published)
    moved = np.array([_off(lines_against_maps.moved(found, rng), published) for _ in range(MOVES)])
    moved = moved[np.isfinite(moved).all(axis=1)]
    if not len(moved):
        moved = np.full((1, 2), np.nan)
    return told | {
        "lineations": len(drawn), "km": km, "deg": deg, "sato_km": sato_km, "sato_deg": sato_deg,
        "moved_km": float(np.nanmean(moved[:, 0])), "moved_km_90": interval(moved[:, 0], MOVED),
        "moved_deg": float(np.nanmean(moved[:, 1])), "moved_deg_90": interval(moved[:, 1], MOVED),
    }  # fmt: skip


def _off(found, published):
    """Median distance (km) and angle (degrees) from lines to the nearest published one in reach."""
    if not len(found):
        return np.nan, np.nan
    off, turn = lines_against_maps.to_nearest(lines.points_along(found, STEP_KM), published)
    return (float(np.median(off)), float(np.median(turn))) if len(off) else (np.nan, np.nan)


METHODS = ("guided", "linear", "zero", "gaussian_process")


def withheld_lines(table, region, spacing_km, most=MOST_LINES, prior=None):
    """Predict each line of a survey, the longest `most` of them, from the others.

    A line is a leg of a track (`tracks.legs`). It is compared at steps of a cell, where linear
    interpolation of the others predicts anything and no other line crosses that cell.  By method:
    ``rms_nt``, ``median_abs_nt``, ``correlation`` (over all lines) and ``resolved_km``, the
    wavelength down to which prediction and withheld readings are coherent (None where no wave is).
    ``within_1_sigma`` and ``within_2_sigma`` are the shares of withheld readings within the
    expected error of the guided map; ``lines`` and ``lines_in_all`` count.  None where no line can
    be left out.
    """
    track = tracks.legs(table)
    size = track.groupby("leg").size().sort_values(ascending=False, kind="stable")
    profiles = []
    for leg in size.index:
        if len(profiles) == most:
            break
        own, others = track[track["leg"] == leg], track[track["leg"] != leg]
        found = _profile(own, others, region, spacing_km, prior)
        if found is not None:
            profiles.append(found)
    if not profiles:
        return None
    every = pd.concat(profiles)
    every = every[every["known"]]
    found = {}
    for name in METHODS:
        off = every[name] - every["read"]
        varied = name != "zero" and every[name].std() > 0
        pairs = [(one["read"], one[name].where(one["known"])) for one in profiles]
        found[name] = {
            "rms_nt": float(np.sqrt(np.mean(off**2))),
            "median_abs_nt": float(off.abs().median()),
            "correlation": float(every[name].corr(every["read"])) if varied else None,
            "resolved_km": resolved_km(pairs, spacing_km) if varied else None,
        }
    off = (every["guided"] - every["read"]).abs() / every["expected"]
    shares = {f"within_{k}_sigma": float(np.mean(off <= k)) for k in (1, 2)}
    return found | shares | {"lines": len(profiles), "lines_in_all": len(size)}


def _profile(own, others, region, spacing_km, prior):
    """Put a withheld line beside what each method predicts; None of one that is too short."""
    x, y = region.project(own["longitude"].to_numpy(), own["latitude"].to_numpy())
    km = np.r_[0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))]
    step = np.arange(0, km[-1], spacing_km)
    if len(step) < LEAST_STEPS or not len(others):
        return None
    grid = gridding.grid_tracks(others, region, spacing_km, uncertainty=False)
    block = grid["block"].to_numpy()
    if np.isfinite(block).sum() < LEAST_STEPS:
        return None
    places = np.column_stack([np.interp(step, km, x), np.interp(step, km, y)])
    at = {
        name: xr.DataArray(place, dims="step")
        for name, place in zip(("easting", "northing"), places.T, strict=True)
    }
    linear = grid["anomaly"].interp(at).to_numpy()
    crossed = grid["block"].interp(at, method="nearest").notnull().to_numpy()
    known = np.isfinite(linear) & ~crossed
    if known.sum() < LEAST_STEPS:
        return None
    guided = diffusion.guided(grid["block"], grid["weight"], known=_known(prior))
    row, column = np.nonzero(np.isfinite(block))
    cells = np.column_stack([grid["easting"].to_numpy()[column], grid["northing"].to_numpy()[row]])
    told = gaussian_process.predict(cells, block[row, column], places, spacing_km)
    made = pd.DataFrame({
        "read": np.interp(step, km, own["residual_nt"].to_numpy()),
        "known": known,
        "guided": guided["anomaly"].interp(at).to_numpy(),
        "expected": guided["uncertainty_nt"].interp(at).to_numpy(),
        "linear": linear,
        "zero": 0.0,
        "gaussian_process": told,
    })  # fmt: skip
    made["known"] &= np.isfinite(made["guided"])
    return made


def resolved_km(profiles, step_km):
    """Wavelength (km) at which the coherence of prediction and readings falls to a half.

    `profiles` are pairs of arrays at steps of `step_km`, NaN where nothing is predicted.  The
    spectra of all stretches that are long enough are averaged (Welch); None where even the longest
    wave is not coherent, or no stretch is long enough.
    """
    stretches = []
    for read, told in profiles:
        read, told = np.asarray(read, float), np.asarray(told, float)
        known = np.isfinite(told) & np.isfinite(read)
        edge = np.flatnonzero(np.diff(np.r_[False, known, False]))
        stretches += [(read[first:end], told[first:end])
                      for first, end in zip(edge[::2], edge[1::2], strict=True)]  # fmt: skip
    if not stretches:
        return None
    usual = int(np.median([len(read) for read, _ in stretches]))
    length, cross = min(int(SEGMENT_KM / step_km), usual), []
    if length < LEAST_STEPS:
        return None
    for pair in stretches:
        for start in range(0, len(pair[0]) - length + 1, max(length // 2, 1)):
            part = slice(start, start + length)
            a, b = (np.fft.rfft(signal.detrend(one[part]) * np.hanning(length)) for one in pair)
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
