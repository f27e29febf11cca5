"""How sure is a score?  Intervals over seeds and over test blocks.

A few seeds tell how much training varies, a few blocks how much places do.  The bootstrap draws
both anew, with replacement, and asks how much the score moves (Efron & Tibshirani 1993).  Blocks
are drawn within their region, since the regions are chosen and not drawn.
"""

import numpy as np

from .matching import f1

DRAWS = 1000
LEVEL = 95.0  # per cent


def of_records(records, seed=0, measure="counts"):
    """Mean F1 of several records and its 95 % interval.

    Parameters
    ----------
    records : list of dict
        Of one model and input, from ``data/results/scores.json``, with ``seed``, ``region``,
        ``coverage`` and the counts of each block (`matching.counts`).
    seed : int
        Of the draws.
    measure : str
        Which counts.

    Returns
    -------
    tuple of float
        Mean over seeds, regions and coverages, and both ends of the interval.
    """
    seeds = sorted({record["seed"] for record in records})
    tables = {}
    for record in records:
        key = record["region"], record["coverage"]
        tables.setdefault(key, {})[record["seed"]] = np.asarray(record[measure])
    stacks = {key: np.stack([one[s] for s in seeds]) for key, one in tables.items()}
    rng = np.random.default_rng(seed)
    blocks = {region: next(s.shape[1] for (r, _), s in stacks.items() if r == region)
              for region in {region for region, _ in stacks}}  # fmt: skip
    drawn = [_mean(stacks, *_draw(rng, len(seeds), blocks)) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, [50 - LEVEL / 2, 50 + LEVEL / 2])
    everything = np.arange(len(seeds)), {region: np.arange(n) for region, n in blocks.items()}
    return _mean(stacks, *everything), float(low), float(high)


def _draw(rng, seeds, blocks):
    """Draw seeds, and blocks of each region, with replacement."""
    places = {region: rng.integers(n, size=n) for region, n in sorted(blocks.items())}
    return rng.integers(seeds, size=seeds), places


def _mean(stacks, seeds, places):
    """Mean F1 over seeds, regions and coverages."""
    values = []
    for (region, _), stack in stacks.items():
        chosen = stack[seeds][:, places[region]].sum(axis=1)
        values.append(np.mean([f1(one) for one in chosen]))
    return float(np.mean(values))
