"""How sure is a score? Intervals over seeds and over test blocks.

A few seeds tell how much training varies, a few blocks how much places do. The bootstrap draws
both anew, with replacement, and asks how much the score moves (Efron & Tibshirani 1993). Blocks
are drawn within their region, since the regions are chosen and not drawn.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from . import one_to_one

DRAWS, SEED = 1000, 0
LEVEL = 95.0  # per cent
COUNTS = {"f1": "counts", "f1_one_to_one_2": "counts_one_to_one"}  # of each block, by score


def interval(values):
    """Mean of the scores of several seeds, and half the width of its 95 % interval (Student's t).

    The half width is NaN for fewer than two values.

    Examples
    --------
    >>> mean, half = interval([0.79, 0.80, 0.81])
    >>> f"{mean:.2f} ± {half:.2f}"
    '0.80 ± 0.02'
    """
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), float("nan")
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(half)


class Interval(NamedTuple):
    """Mean of a score and both ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def of_records(records, measure="counts"):
    """Mean F1 of the records of one model and input, over seeds, regions and coverages.

    The interval is that of seeds and blocks drawn anew. `measure` names the counts of each block
    (`counts`) in the records.
    """
    seeds = sorted({record["seed"] for record in records})
    tables = {}
    for record in records:
        key = record["region"], record["coverage"]
        tables.setdefault(key, {})[record["seed"]] = np.asarray(record[measure])
    stacks = {key: np.stack([one[s] for s in seeds]) for key, one in tables.items()}
    rng = np.random.default_rng(SEED)
    blocks = {region: next(s.shape[1] for (r, _), s in stacks.items() if r == region)
              for region in {region for region, _ in stacks}}  # fmt: skip
    drawn = _means(stacks, *_draw(rng, len(seeds), blocks))
    low, high = np.percentile(drawn, [50 - LEVEL / 2, 50 + LEVEL / 2])
    everything = {region: np.arange(n)[None] for region, n in blocks.items()}
    mean = _means(stacks, np.arange(len(seeds))[None], everything)[0]
    return Interval(float(mean), float(low), float(high))


def ends(records, measure="f1"):
    """Mean of a score over the records of one model and input, and its interval.

    With counts of each block that of F1 is from `of_records`; else it is over the seeds alone
    (Student's t), each of which counts once, as its own mean. The ends are NaN for a single seed,
    all are where no record has the score.
    """
    counts = COUNTS.get(measure)
    if records and counts and all(counts in record for record in records):
        return of_records(records, measure=counts)
    seeds = {}
    for record in records:
        if np.isfinite(record.get(measure, np.nan)):
            seeds.setdefault(record["seed"], []).append(record[measure])
    if not seeds:
        return Interval(*[float("nan")] * 3)
    mean, half = interval([np.mean(values) for values in seeds.values()])
    return Interval(mean, mean - half, mean + half)


def interval_text(records, measure="f1", digits=2):
    """Write a score with its 95 % interval, both with so many digits after the point.

    The records are those of one model and input.  "0.80 (0.77-0.83)" is over seeds and blocks
    (bootstrap), where they have counts of each block, "0.80 ± 0.02" over the seeds alone (Student's
    t), "0.80" of one seed; "-" where no record has the score.

    Examples
    --------
    >>> records = [{"seed": seed, "ece": value} for seed, value in enumerate([0.1, 0.2, 0.3])]
    >>> interval_text(records, "ece")
    '0.20 ± 0.25'
    """
    mean, low, high = ends(records, measure)
    if np.isnan(mean):
        return "-"
    written = f"{mean:.{digits}f}"
    if COUNTS.get(measure) in records[0]:
        return f"{written} ({low:.{digits}f}-{high:.{digits}f})"
    return written if np.isnan(high) else f"{written} ± {high - mean:.{digits}f}"


def interval_table(records):
    """Lay F1 out by `interval_text`: a row for each model and input, a column for each coverage.

    The records are those of ``data/results/scores.json``, whose order stays; regions are averaged.
    "-" where there is no record.
    """
    cells = {}
    for record in records:
        row = cells.setdefault((record["model"], record["input"]), {})
        row.setdefault(record["coverage"], []).append(record)
    coverages = sorted({coverage for row in cells.values() for coverage in row})
    written = [[interval_text(row.get(one, [])) for one in coverages] for row in cells.values()]
    index = pd.MultiIndex.from_tuples(cells, names=["model", "input"])
    return pd.DataFrame(written, index, coverages)


def _draw(rng, seeds, blocks):
    """Draw seeds, and blocks of each region, with replacement: an array (draws, number) of each."""
    places, drawn = {region: [] for region in sorted(blocks)}, []
    for _ in range(DRAWS):
        for region, found in places.items():
            found.append(rng.integers(blocks[region], size=blocks[region]))
        drawn.append(rng.integers(seeds, size=seeds))
    return np.array(drawn), {region: np.array(found) for region, found in places.items()}


def _means(stacks, seeds, places):
    """Mean F1 over seeds, regions and coverages, of each draw."""
    means = []
    for (region, _), stack in stacks.items():
        counts = stack[seeds[:, :, None], places[region][:, None, :]]  # draws, seeds, blocks, 4
        means.append(one_to_one.f1(counts).mean(axis=1))
    return np.mean(means, axis=0)
