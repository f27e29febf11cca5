"""The protocol of the comparison: what is trained, chosen and tested where, fixed beforehand.

Blocks of a region are one patch large and a gap apart, so that no cell and no neighbour of a cell
serves twice.  Everything is chosen on the validation blocks; the test blocks are scored once, on a
simulated seafloor and under cruises of their own, which no earlier training was scored on.  Beside
the scores of `helpers.scores` stand stricter ones, which pair cells one to one, and intervals over
seeds and blocks.
"""

import functools
import json
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree
from scipy.special import stdtrit
from skimage.morphology import skeletonize

from helpers import _shared, network

from . import ridge_filters

REGIONS = ("epr", "reykjanes")
COVERAGES = (0.05, 0.1, 0.2)  # share of cells on tracks
SEEDS = (1, 2, 3, 4, 5)
PRETRAIN_SEED = 1
MOST_TRAINING_PATCHES = 40
RUNS = (  # (start, input): the paper's three, transfer from photographs, and what tells them apart
    ("scratch", "raw"),
    ("scratch", "guided"),
    ("vgg", "raw"),
    ("vgg", "guided"),
    ("transfer", "raw"),
    ("transfer", "classical"),
    ("transfer", "both"),
    ("transfer", "guided"),
)
NAMES = {  # of (model, input) in tables and figures
    ("scratch", "raw"): "CNN from scratch",
    ("transfer", "raw"): "transfer",
    ("transfer", "classical"): "transfer, classical diffusion",
    ("scratch", "guided"): "scratch, guided diffusion",
    ("transfer", "guided"): "transfer, guided diffusion",
    ("transfer", "both"): "transfer, one network sees both maps",
    ("ensemble", "both"): "networks on both maps and on raw grids together",
    ("vgg", "raw"): "transfer from photographs",
    ("vgg", "guided"): "transfer from photographs, guided diffusion",
    ("sato filter", "raw"): "Sato filter",
    ("sato filter", "guided"): "Sato filter, guided diffusion",
    ("meijering filter", "raw"): "Meijering filter",
    ("meijering filter", "guided"): "Meijering filter, guided diffusion",
    ("frangi filter", "raw"): "Frangi filter",
    ("frangi filter", "guided"): "Frangi filter, guided diffusion",
    ("tilt maxima", "raw"): "tilt maxima",
    ("tilt maxima", "guided"): "tilt maxima, guided diffusion",
    ("phase symmetry", "raw"): "phase symmetry",
    ("phase symmetry", "guided"): "phase symmetry, guided diffusion",
    ("chance", "none"): "chance (truth turned by 90°)",
}
UNTRAINED = (*ridge_filters.DETECTORS, "chance")

# Of each part its own; those of the test were drawn before any of these models was trained
CRUISE_SEED = {"train": 211, "validation": 212, "test": 214}
FLOOR_SEED = {"train": 0, "validation": 0, "test": 1}  # of what is random in the seafloor
ORDER = ("test", "train", "validation", "train", "test")  # of successive blocks, along the rows
GAP_CELLS = 24  # between blocks
LEAST_LINEATED = 0.6  # share of a block that is lineated seafloor


def results(name):
    """Read a results file that `make train` or `make bench` wrote: scores, training or bench."""
    return json.loads((_shared.ROOT / "data" / "results" / f"{name}.json").read_text())


def save_json(path, value):
    """Write JSON; of a list, one entry a line."""
    text = json.dumps(value, indent=1)
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]"
    with _shared.written(path) as beside:
        beside.write_text(text + "\n")


def leading(records):
    """Leave of the records of scores only the best detector on each input, and all that is none.

    The best is that of the highest mean F1.
    """
    sums = {}
    for record in records:
        if record["model"] in ridge_filters.DETECTORS:
            of_input = sums.setdefault(record["input"], {})
            of_input.setdefault(record["model"], []).append(record["f1"])
    best = {
        name: max(found, key=lambda one: sum(found[one]) / len(found[one]))
        for name, found in sums.items()
    }
    return [
        record
        for record in records
        if record["model"] not in ridge_filters.DETECTORS
        or record["model"] == best[record["input"]]
    ]


def blocks(truth):
    """Divide a simulated region into spatial blocks for training, validation and test.

    Blocks have `network.SIZE` cells a side and lie `GAP_CELLS` apart; those with less lineated
    seafloor than `LEAST_LINEATED` are left out.  Gives their lower corners (row, column), lists
    under ``train``, ``validation`` and ``test``.
    """
    lineated, size = truth["lineated"].to_numpy() > 0, network.SIZE
    step = size + GAP_CELLS
    # what is left over is left on both sides alike
    rows, columns = (
        range((cells - size) % step // 2, cells - size + 1, step) for cells in lineated.shape
    )
    corners = [
        (row, column)
        for row in rows
        for column in columns
        if lineated[row : row + size, column : column + size].mean() >= LEAST_LINEATED
    ]
    parts = {"train": [], "validation": [], "test": []}
    for number, corner in enumerate(corners):
        parts[ORDER[number % len(ORDER)]].append(corner)
    return parts


# Scores that pair each cell of a line with at most one cell of another.
#
# `scores.score_lines` takes two predicted lines beside one true line as right, both of them; here
# the second is a false one, as in the benchmark of Martin et al. (2004),
# doi:10.1109/TPAMI.2004.1273918.


def one_to_one_counts(probability, truth, mask, tolerance_cells=2.0, threshold=0.5):
    """Count the cells of line, and how many of them are paired one to one.

    Maps are as `scores.score_lines` takes them.  Gives predicted cells, those of them that are
    paired, true cells, those of them that are paired; all inside the mask.

    Examples
    --------
    >>> truth, found = np.zeros((2, 20, 30))
    >>> truth[10] = found[8] = found[12] = 1
    >>> one_to_one_counts(found, truth, np.ones((20, 30))).tolist()
    [60, 30, 30, 30]
    """
    mask = np.asarray(mask) > 0.5
    predicted = np.argwhere(skeletonize(np.asarray(probability) >= threshold))
    true = np.argwhere(skeletonize(np.asarray(truth) > 0.5))
    of_predicted, of_true = pair_one_to_one(predicted, true, tolerance_cells)
    inside = [mask[tuple(cells.T)] for cells in (predicted, true)]
    return np.array([
        inside[0].sum(), (of_predicted >= 0)[inside[0]].sum(),
        inside[1].sum(), (of_true >= 0)[inside[1]].sum(),
    ])  # fmt: skip


def one_to_one_f1(counted):
    """F1 from `one_to_one_counts`, summed over the last axis but one, that of several maps.

    0 where nothing is predicted or nothing true.

    Examples
    --------
    >>> round(one_to_one_f1([[10, 10, 10, 10], [30, 0, 10, 0]]), 3)
    0.333
    """
    table = np.asarray(counted)
    total = table.sum(axis=-2) if table.ndim > 1 else table
    precision, recall = _shares(total)
    value = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(value) if value.ndim == 0 else value


def best_one_to_one_f1(probability, truth, mask, thresholds):
    """Find the highest F1 of one threshold for all maps (ODS) and of one for each map (OIS).

    Both look at the truth; they say what a better choice of thresholds could still bring. Maps
    have the shape (maps, n, m). Beside ``ods``, ``ois`` and the ``threshold`` of the first there
    are lists of ``precision`` and ``recall`` over the thresholds.
    """
    rows = list(zip(probability, truth, mask, strict=True))
    table = np.array(
        [[one_to_one_counts(*row, threshold=each) for row in rows] for each in thresholds]
    )
    whole, each = one_to_one_f1(table), one_to_one_f1(table[:, :, None])
    best = table[each.argmax(axis=0), np.arange(table.shape[1])]
    precision, recall = _shares(table.sum(axis=1))
    return {
        "ods": float(whole.max()),
        "ois": one_to_one_f1(best),
        "threshold": float(thresholds[int(np.argmax(whole))]),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
    }


def pair_one_to_one(one, other, farthest):
    """Pair as many cells of two sets as possible, one to one, none farther apart than that.

    Cells are rows and columns, shapes (a, 2) and (b, 2). Returns the index of the partner of each
    in the other set, shapes (a,) and (b,), -1 where there is none.
    """
    of_one, of_other = np.full(len(one), -1), np.full(len(other), -1)
    if len(one) and len(other):
        near = cKDTree(one).sparse_distance_matrix(cKDTree(other), farthest, output_type="ndarray")
        linked = sparse.csr_matrix(
            (np.ones(len(near), "int8"), (near["i"], near["j"])), shape=(len(one), len(other))
        )
        of_one = maximum_bipartite_matching(linked, perm_type="column")
        paired = np.flatnonzero(of_one >= 0)
        of_other[of_one[paired]] = paired
    return of_one, of_other


def _shares(counted):
    """Precision and recall from counts, shape (..., 4)."""
    predicted, right, true, found = np.moveaxis(np.asarray(counted), -1, 0)
    return right / np.maximum(predicted, 1), found / np.maximum(true, 1)


# How sure is a score? Intervals over seeds and over test blocks.
#
# A few seeds tell how much training varies, a few blocks how much places do. The bootstrap draws
# both anew, with replacement, and asks how much the score moves (Efron & Tibshirani 1993). Blocks
# are drawn within their region, since the regions are chosen and not drawn.

DRAWS, DRAW_SEED = 1000, 0
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
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(half)


class Interval(NamedTuple):
    """Mean of a score and both ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def interval_of_records(records, measure="counts"):
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
    blocks = {region: next(s.shape[1] for (r, _), s in stacks.items() if r == region)
              for region in sorted({region for region, _ in stacks})}  # fmt: skip
    drawn = _means(stacks, *_draw(len(seeds), tuple(blocks.items())))
    low, high = np.percentile(drawn, [50 - LEVEL / 2, 50 + LEVEL / 2])
    everything = {region: np.arange(n)[None] for region, n in blocks.items()}
    mean = _means(stacks, np.arange(len(seeds))[None], everything)[0]
    return Interval(float(mean), float(low), float(high))


def interval_ends(records, measure="f1"):
    """Mean of a score over the records of one model and input, and its interval.

    With counts of each block that of F1 is from `interval_of_records`; else it is over the seeds
    alone (Student's t), each of which counts once, as its own mean. The ends are NaN for a single
    seed, all are where no record has the score.
    """
    counts = COUNTS.get(measure)
    if records and counts and all(counts in record for record in records):
        return interval_of_records(records, measure=counts)
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
    mean, low, high = interval_ends(records, measure)
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


@functools.cache  # every score of a table is drawn alike
def _draw(seeds, blocks):
    """Draw seeds, and blocks of each region, with replacement: an array (draws, number) of each.

    `blocks` are pairs of a region and their number there, in order.
    """
    rng, numbers = np.random.default_rng(DRAW_SEED), dict(blocks)
    places, drawn = {region: [] for region in numbers}, []
    for _ in range(DRAWS):
        for region, found in places.items():
            found.append(rng.integers(numbers[region], size=numbers[region]))
        drawn.append(rng.integers(seeds, size=seeds))
    return np.array(drawn), {region: np.array(found) for region, found in places.items()}


def _means(stacks, seeds, places):
    """Mean F1 over seeds, regions and coverages, of each draw."""
    means = []
    for (region, _), stack in stacks.items():
        counts = stack[seeds[:, :, None], places[region][:, None, :]]  # draws, seeds, blocks, 4
        means.append(one_to_one_f1(counts).mean(axis=1))
    return np.mean(means, axis=0)
