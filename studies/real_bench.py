"""The bench of real data: every real survey of the registry, alone and in company, in three boxes.

`main` judges each (`real_data.compare`) and writes data/results/real_data.json, from which README,
notebook A2 and the figures take their numbers; `make bench` calls it.
"""

import json
import os
import re
import warnings
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from helpers import _shared, data, diffusion, gridding, lines, tracks

from . import cases, lines_against_maps, real_data
from ._kept import kept

PATH = _shared.ROOT / "data" / "results" / "real_data.json"
PACIFIC = tuple(f"tracks/ncei/{name}.m77t" for name in cases.CRUISES)
CHILE = ("tracks/ncei/rc2107.m77t", "tracks/ncei/v1707.m77t")
SEED = 0
PROCESSES = 2


class Survey(NamedTuple):
    """A real survey: its file, those of its company, its boxes and the side of a cell."""

    title: str
    file: str
    boxes: dict  # name: west, east, south, north
    spacing_km: float
    company: tuple = ()  # files
    withheld: bool = True  # its lines are withheld, in the first box, in company


REGION = {name: (at.west, at.east, at.south, at.north) for name, at in data.REGIONS.items()}
SURVEYS = (
    Survey("NBP9707", PACIFIC[0], {
        "A2": REGION["pacific_antarctic"], "west": (-120, -104, -52.5, -44),
        "wide": (-135, -90, -56, -34)}, 2.0, PACIFIC[1:]),
    Survey("NBP97-4A", PACIFIC[1], {
        "A2": REGION["pacific_antarctic"], "narrow": (-120, -104, -40, -35),
        "wide": (-135, -90, -56, -34)}, 4.0, withheld=False),
    Survey("NBP9908", PACIFIC[2], {
        "A2": REGION["pacific_antarctic"], "narrow": (-120, -104, -46, -38),
        "wide": (-135, -90, -56, -34)}, 4.0, withheld=False),
    Survey("WI933014", "tracks/ncei/wi933014.m77t", {
        "Reykjanes": REGION["reykjanes"], "axis": (-38, -26, 53, 60),
        "wide": (-40, -10, 50, 64)}, 2.0),
    Survey("RC2107", CHILE[0], {
        "all": (-97, -73, -60, -44), "east": (-86, -74, -60, -48), "west": (-97, -84, -60, -50)},
        4.0, CHILE[1:]),
    Survey("V1707", CHILE[1], {
        "all": (-80, -73, -54, -36), "north": (-80, -73, -48, -36),
        "south": (-80, -73, -54, -48)}, 4.0, CHILE[:1], withheld=False),
    Survey("ELT03", "tracks/ncei/elt03.m77t", {
        "south": (-82, -70, -33, -15), "north": (-86, -76, -16, 0),
        "Nazca": (-78, -70, -33, -24)}, 4.0),
    Survey("VANC05MV", "tracks/ncei/vanc05mv.m77t", {
        "east": (0, 14, -47, -36), "middle": (-20, 5, -52, -42), "west": (-32, -10, -54, -48)},
        4.0),
    Survey("Lucky Strike", "tracks/surveys/so_lucky.gmt", {
        "survey": (-32.55, -31.95, 37.19, 37.42), "west": (-32.55, -32.2, 37.19, 37.42),
        "around": (-33.2, -31.3, 36.8, 37.8)}, 0.5),
    Survey("INDEX17", "tracks/surveys/index17.csv", {
        "survey": (72.0, 73.0, -27.5, -26.7), "west": (70.5, 72.0, -27.6, -26.5),
        "around": (69.5, 74.0, -29.2, -26.2)}, 1.0),
    Survey("EW0007", "tracks/surveys/ew0007.csv", {
        "survey": (-46.4, -43.0, 44.4, 46.6), "north": (-47.5, -44.5, 45.5, 48),
        "around": (-50, -42.5, 43.5, 48)}, 2.0),
)  # fmt: skip


def tasks():
    """List what is judged: survey, box, in company or alone, lines withheld or not."""
    made = []
    for survey in SURVEYS:
        for number, box in enumerate(survey.boxes):
            first = survey.withheld and number == 0
            made.append((survey.title, box, False, first and not survey.company))
            if survey.company:
                made.append((survey.title, box, True, first))
    return made


EMAG2_BOX, EMAG2_KM = (-36, -26, 55, 62), 4.0  # over the Reykjanes Ridge; side of the cells


def judged_emag2(box=EMAG2_BOX, spacing_km=EMAG2_KM):
    """Hold lines of a cut of EMAG2 v3 against experts' lineations: a record as `judged` gives.

    None where the grid cannot be had. A grid has no track: no blocks, no withheld lines.
    """
    try:
        path = data.emag2(box)
    except data.DataUnavailable as problem:
        print(f"EMAG2 v3 is left out: {problem}")
        return None
    region = data.region_from_box(*box)
    grid = gridding.on_map(gridding.read_grid(path, box=box), region, spacing_km)
    guided = diffusion.guided(grid["block"], grid["weight"], uncertainty=False)
    _, found = lines.find(grid, guided, model=lines.SINGLE)
    found = lines.supported(found, grid).lines
    rng, long = np.random.default_rng(SEED), float(found["length_km"].sum())
    sets = {"network": found, "sato": lines_against_maps.ridge_lines(grid, guided, long)}
    return {
        "survey": "EMAG2 v3", "box": "Reykjanes", "ships": 0, "spacing_km": spacing_km,
        "blocks": None, "km": None, "methods": None, "withheld": None, "not_levelled": "",
        "lines": real_data.beside_experts(sets, data.lineations(region), rng),
    }  # fmt: skip


@kept("lines")
def judged(title, box, in_company, withheld):
    """Judge a survey in a box: a record, or None where the file cannot be had."""
    survey = _survey(title)
    given = _given(survey, box, in_company)
    if given is None or (in_company and given.ships < 2):  # the company does not come here
        return None
    found = real_data.compare(
        given.table, given.region, None, survey.spacing_km, SEED, given.cruise, withheld
    )
    return {
        "survey": survey.title, "box": box, "ships": given.ships,
        "spacing_km": survey.spacing_km, **found,
    }  # fmt: skip


class _Given(NamedTuple):
    """What is judged: a track table, the region, the cruise in question, and ships that come."""

    table: pd.DataFrame
    region: data.Region
    cruise: str
    ships: int


def _survey(title):
    """Find a survey by its title."""
    return next(one for one in SURVEYS if one.title == title)


def _given(survey, box, in_company):
    """Read a survey, alone or in company; None where a file cannot be had."""
    names = (survey.file, *(survey.company if in_company else ()))
    if None in [data.try_fetch(name) for name in names]:
        return None
    parts = [tracks.read_tracks(data.fetch(name)) for name in names]
    region = data.region_from_box(*survey.boxes[box])
    within = [region.contains(part["longitude"], part["latitude"]).any() for part in parts]
    table = pd.concat(parts, ignore_index=True)
    return _Given(table, region, parts[0]["cruise"].iloc[0], sum(map(bool, within)))


class Profile(NamedTuple):
    """The passages of a track that have picks, one behind the other: what crosses their blocks."""

    along_km: np.ndarray  # of the readings, NaN between passages
    residual_nt: np.ndarray
    blocks: pd.DataFrame
    places: dict  # by what is drawn: km along the track


MARGIN_KM = 20.0  # of a passage before its first block and behind its last


@kept("lines")
def profile(title, box, in_company):
    """Judge the track of a survey as `judged` does, and keep where; None without its files."""
    survey = _survey(title)
    given = _given(survey, box, in_company)
    picks = given and data.region_picks(given.region)
    if picks is None:
        return None
    made = real_data.make(given.table, given.region, survey.spacing_km)
    own = made.table[made.table["cruise"] == given.cruise]
    peaks = tracks.peaks(own).query("sign == 1")
    crests = made.crests[made.crests["cruise"] == given.cruise].query("sign == 1")
    sato = lines_against_maps.ridge_lines(
        made.grid, made.guided, float(made.lines["length_km"].sum())
    )
    parts, begin = [], 0.0
    for one in real_data.tracked_passages(made.table, given.cruise, peaks, given.region, picks):
        low = one.blocks["start_km"].min() - MARGIN_KM
        high = one.blocks["end_km"].max() + MARGIN_KM
        points = shapely.points(
            *given.region.project(one.readings["longitude"], one.readings["latitude"])
        )
        along = shapely.line_locate_point(one.line, points)
        shown = (along >= low) & (along <= high)
        crossed = {
            "crest of the profile": real_data.prominent(crests, one.line, one.blocks, given.region),
            "peak of the profile": real_data.prominent(peaks, one.line, one.blocks, given.region),
            "line of the Sato filter crosses": lines_against_maps.crossings(sato, one.line),
            "line of the network crosses": lines_against_maps.crossings(made.lines, one.line),
        }
        parts.append(Profile(
            np.append(along[shown] - low + begin, np.nan),
            np.append(one.readings["residual_nt"].to_numpy()[shown], np.nan),
            one.blocks.assign(start_km=one.blocks["start_km"] - low + begin,
                              end_km=one.blocks["end_km"] - low + begin),
            {name: at[(at >= low) & (at <= high)] - low + begin for name, at in crossed.items()},
        ))  # fmt: skip
        begin += high - low
    if not parts:
        return None
    return Profile(
        np.concatenate([part.along_km for part in parts]),
        np.concatenate([part.residual_nt for part in parts]),
        pd.concat([part.blocks for part in parts], ignore_index=True),
        {name: np.concatenate([part.places[name] for part in parts]) for name in parts[0].places},
    )


# Simulated regions against what experts drew there.

LINEATED = ("epr", "reykjanes", "shatsky", "azores")
LEAST_KM = 500.0  # of lineations of one chron, to be told by itself
SLACK_MA = 0.3  # a crest may lie so far beyond its chron, as it does where anomalies are skewed


def simulated_region(name):
    """Hold the labels of a simulated region against expert lineations, all and by chron.

    Medians over points along the lineations of the distance to the nearest label and of the angle
    between them, of those within reach; and of the lineations moved, with their interval.  The
    lineations of a chron are held against the labels of that chron alone, by the age grid.
    """
    region = data.region(name)
    drawn = data.lineations(region)
    if drawn is None or not len(drawn):
        return None
    rng = np.random.default_rng(SEED)
    labels = label_lines(name)
    ours = lines.points_along(labels, real_data.STEP_KM)
    age = cases.seafloor_of(name)["age_ma"].interp(
        easting=xr.DataArray(ours.places[:, 0], dims="point"),
        northing=xr.DataArray(ours.places[:, 1], dims="point"),
    )
    rows = [{"chron": "all"} | _against(drawn, ours, rng)]
    for chron, group in drawn.assign(chron=drawn["chron"].str.strip("?'")).groupby("chron"):
        ages = normal_ages(chron)
        if ages is None or group.length.sum() < LEAST_KM:
            continue
        within = ((age >= ages[0] - SLACK_MA) & (age <= ages[1] + SLACK_MA)).to_numpy()
        if within.any():
            of_chron = ours._make(part[within] for part in ours)
            rows.append({"chron": chron} | _against(group, of_chron, rng))
    return {"region": name, "labels_km": float(labels.length.sum()), "rows": rows}


def normal_ages(chron):
    """Youngest and oldest age (Ma) of a chron of normal polarity as charts name it, or None."""
    scale = data.timescale()
    name = chron if chron.startswith("M") else f"C{chron}"
    here = scale["chron"].str.fullmatch(rf"{re.escape(name)}n(\.\d)?") & ~scale["cryptochron"]
    found = scale[here]
    return None if found.empty else (found["young_ma"].min(), found["old_ma"].max())


def label_lines(name):
    """Trace the labels of a simulated region as lines."""
    truth = cases.seafloor_of(name)
    label = truth["label"].astype("float32")
    layers = {"probability": label, "anomaly": truth["anomaly"]}
    layers |= {"strike_deg": truth["strike_deg"], "distance_km": xr.zeros_like(label)}
    return lines.trace(truth.drop_vars(list(truth.data_vars)).assign(layers), 0.5)


def _against(drawn, ours, rng):
    """Distance and angle from lineations to the nearest label, and those of moved lineations."""

    def off(these):
        return lines_against_maps.to_nearest(lines.points_along(these, real_data.STEP_KM), ours)

    km, deg = off(drawn)
    moved = np.array([
        [np.median(each) if len(each) else np.nan for each in
         off(lines_against_maps.moved(drawn, rng))]
        for _ in range(real_data.MOVES)
    ])  # fmt: skip
    if not len(km) or np.isnan(moved).all():
        return {"length_km": float(drawn.length.sum()), "within_reach": 0.0, "km": None}
    places = len(lines.points_along(drawn, real_data.STEP_KM).places)
    return {
        "length_km": float(drawn.length.sum()), "within_reach": len(km) / places,
        "km": float(np.median(km)),
        "deg": float(np.median(deg)), "moved_km": float(np.nanmean(moved[:, 0])),
        "moved_km_90": real_data.interval(moved[:, 0], real_data.MOVED),
        "moved_deg": float(np.nanmean(moved[:, 1])),
        "moved_deg_90": real_data.interval(moved[:, 1], real_data.MOVED),
    }  # fmt: skip


def main():
    """Judge every survey and region, and write the records."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        surveys = [joblib.delayed(judged)(*task) for task in tasks()]
        regions = [joblib.delayed(simulated_region)(name) for name in LINEATED]
        found = joblib.Parallel(n_jobs=PROCESSES)([*surveys, *regions])
        found.insert(len(surveys), judged_emag2())
    records = {
        "surveys": [one for one in found[: len(surveys) + 1] if one],
        "regions": [one for one in found[len(surveys) + 1 :] if one],
    }
    with _shared.written(PATH) as beside:
        beside.write_text(json.dumps(records, indent=1) + os.linesep)
    return records
