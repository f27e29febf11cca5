"""Pictures of scores and of what networks see: curves, reliability, false lines, trials, filters.

Records are as `tools/train.py` writes them; what a model is called comes from `protocol.NAMES`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from . import data, intervals, protocol
from .maps import COLOURS
from .scores import BINS

SIMULATED = "test blocks of simulated regions"
VARIED = {
    "pairs": "pretraining pairs",
    "widths": "filters at each level",
    "channels": "channels, guided map",
    "raw channels": "channels, raw grid",
    "loss": "loss (from scratch)",
}


def draw_scores(records, measure="f1", label="F1 (2-cell tolerance)"):
    """Draw the score of each model at each coverage: mean and 95 % interval, by region.

    Parameters
    ----------
    records : list of dict
        From ``data/results/scores.json``.
    measure, label : str
        Which score, and its name on the axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    regions = sorted({record["region"] for record in records})
    names = _names(records)
    figure, axes = plt.subplots(
        1, len(regions), figsize=(4 * len(regions) + 2.4, 0.36 * len(names) + 1.4), sharey=True,
        sharex=True, layout="constrained", squeeze=False,
    )  # fmt: skip
    for axis, region in zip(axes[0], regions, strict=True):
        own = [record for record in records if record["region"] == region]
        for number, coverage in enumerate(sorted({record["coverage"] for record in own})):
            for place, key in enumerate(names):
                _draw_score(axis, place + 0.2 * (number - 1), own, key, coverage, number, measure)
        axis.set(title=data.region(region).title, xlabel=label)
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(np.arange(len(names)), list(names.values()))
    axes[0, 0].invert_yaxis()
    handles, texts = axes[0, 0].get_legend_handles_labels()
    known = dict(zip(reversed(texts), reversed(handles), strict=True))  # the first of each name
    texts = sorted(known, key=lambda text: float(text[:-1]))
    figure.legend([known[text] for text in texts], texts, title="cells\non tracks",
                  loc="outside right center", frameon=False)  # fmt: skip
    figure.supxlabel("test blocks of simulated regions; white: needs no training", fontsize=8,
                     color="0.35")  # fmt: skip
    return figure


def _draw_score(axis, place, records, key, coverage, number, measure):
    """Draw the score of one model at one coverage, with its interval."""
    rows = [
        row
        for row in records
        if (row["model"], row["input"]) == key and row["coverage"] == coverage
    ]
    if not rows:
        return
    mean, low, high = intervals.ends(rows, measure)
    axis.errorbar(
        mean, place, xerr=np.nan_to_num([[mean - low], [high - mean]]), fmt="o", ms=4, capsize=2,
        color=COLOURS[number], mfc="white" if key[0] in protocol.UNTRAINED else None,
        label=f"{coverage:.0%}",
    )  # fmt: skip


def draw_learning_curves(runs, measure="val_loss"):
    """Draw validation loss against epoch for every run, one colour for each model and input.

    Parameters
    ----------
    runs : list of dict
        ``runs`` of ``data/results/training.json``.
    measure : str
        Curve of the history to draw.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 4.4), layout="constrained")
    names = _names(runs)
    for run in runs:
        number = list(names).index((run["model"], run["input"]))
        curve = run["history"][measure]
        axis.plot(np.arange(1, len(curve) + 1), curve, color=COLOURS[number], lw=1, alpha=0.7)
    handles = [Line2D([], [], color=COLOURS[number]) for number in range(len(names))]
    figure.legend(handles, names.values(), loc="outside lower center", ncols=2, frameon=False,
                  fontsize=8)  # fmt: skip
    highest = np.percentile(np.concatenate([run["history"][measure] for run in runs]), 99)
    axis.set(xlabel="epoch", ylabel="validation loss", title="Training on at most 40 patches")
    axis.set_ylim(top=highest)  # a few first epochs lie higher
    axis.grid(alpha=0.3)
    return figure


def draw_precision_recall(records, coverage):
    """Draw precision against recall of each model, mean over seeds and regions.

    Parameters
    ----------
    records : list of dict
        Of ``data/results/scores.json``, with ``precision_curve`` and ``recall_curve``.
    coverage : float
        Share of cells on tracks.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    for level in (0.5, 0.6, 0.7, 0.8, 0.9):
        recall = np.linspace(level / (2 - level), 1, 100)
        axis.plot(recall, level * recall / (2 * recall - level), color="0.85", lw=0.8, zorder=0)
        axis.text(1.005, level / (2 - level), f"F {level}", fontsize=7, color="0.5", va="center")
    for number, (name, own) in enumerate(_by_name(records, "precision_curve").items()):
        own = [record for record in own if record["coverage"] == coverage]
        if own:
            precision, recall = (
                np.mean([record[f"{part}_curve"] for record in own], axis=0)
                for part in ("precision", "recall")
            )
            axis.plot(recall, precision, label=name, **_style(number))
    axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    axis.set_title(f"{coverage:.0%} of the cells on tracks, one to one", fontsize=10)
    return _finished(figure)


def draw_reliability(records):
    """Draw the observed share of line cells against the probability given, after calibration.

    Parameters
    ----------
    records : list of dict
        With ``reliability``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 4.6), layout="constrained")
    axis.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    for number, (name, own) in enumerate(_by_name(records, "reliability").items()):
        given, observed, cells = np.concatenate([record["reliability"] for record in own]).T
        place = np.minimum((given * BINS).astype(int), BINS - 1)
        total = np.bincount(place, cells, BINS)
        filled = total > 0
        mean = [
            np.bincount(place, cells * part, BINS)[filled] / total[filled]
            for part in (given, observed)
        ]
        axis.plot(*mean, label=name, **_style(number))
    axis.set(xlabel="probability given", ylabel="share of cells on a line")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    return _finished(figure)


def draw_false_lines(records):
    """Draw the length of false line on maps without lineations beside that on lineated ones.

    Parameters
    ----------
    records : list of dict
        With ``line_km_per_1000_km2`` and what begins with ``false_``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    named = _by_name(records, "false_km_per_1000_km2")
    kinds = sorted({key for own in named.values() for record in own for key in record
                    if key.startswith("false_") and not key.endswith("km2")})  # fmt: skip
    figure, axis = plt.subplots(figsize=(9, 0.42 * len(named) + 1.6), layout="constrained")
    place = np.arange(len(named))
    for key in ("line_km_per_1000_km2", *kinds):
        values = [np.mean([record.get(key, np.nan) for record in own]) for own in named.values()]
        if key in kinds:
            axis.plot(values, place, "o", ms=5, label=key[6:].replace("_", " "))
        else:
            axis.plot(values, place, "k|", ms=14, label="lineated (test blocks)")
    axis.set_yticks(place, list(named))
    axis.invert_yaxis()
    axis.set(xlabel="line found (km per 1,000 km²)", xlim=(0, None))
    axis.grid(axis="x", alpha=0.3)
    return _finished(figure, f"{SIMULATED}, invented maps; shuffled: real readings dealt anew")


def draw_trials(trials):
    """Draw the validation score against what was varied, one thing at a time.

    Parameters
    ----------
    trials : list of dict
        From `figures_network.trials`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    kinds = [kind for kind in VARIED if any(one["varied"] == kind for one in trials)]
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(3 * len(kinds), 3.6), sharey=True, layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for axis, kind in zip(axes[0], kinds, strict=True):
        own = [one for one in trials if one["varied"] == kind]
        places = np.arange(len(own))
        for place, one in zip(places, own, strict=True):
            axis.plot([place] * len(one["f1"]), one["f1"], "o", color="0.6", ms=4)
        means = [np.mean(one["f1"]) for one in own]
        axis.plot(places, means, "_-" if kind == "pairs" else "_", ms=18, mew=2, color=COLOURS[0])
        labels = [one["value"].replace("-", "\n").replace("_loss", "") for one in own]
        axis.set_xticks(places, labels, fontsize=8)
        axis.set(title=VARIED[kind], xlim=(-0.5, len(own) - 0.5))
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("F1, validation blocks")
    text = "simulated regions, guided maps if not said otherwise; grey: one seed, blue: the mean"
    figure.supxlabel(text, fontsize=8, color="0.35")
    return figure


def draw_features(field, before, after, filters=4):
    """Draw what the same filters answer before and after fine-tuning.

    Parameters
    ----------
    field : numpy.ndarray, shape (n, m)
        The map that both see.
    before, after : numpy.ndarray, shape (n, m, filters)
        From `network.features`.
    filters : int
        How many are drawn: those that fine-tuning changed most.

    Returns
    -------
    matplotlib.figure.Figure
    """
    changed = np.argsort(-np.abs(after - before).mean(axis=(0, 1)))[:filters]
    figure, axes = plt.subplots(
        2, filters + 1, figsize=(2.2 * (filters + 1), 4.6), layout="constrained"
    )
    for row, (name, seen) in enumerate((("before", before), ("after", after))):
        axes[row, 0].imshow(field, cmap="RdBu_r", vmin=-2, vmax=2, origin="lower")
        axes[row, 0].set_ylabel(f"{name} fine-tuning")
        for axis, number in zip(axes[row, 1:], changed, strict=True):
            high = max(part[..., number].max() for part in (before, after))
            axis.imshow(seen[..., number], cmap="magma", vmin=0, vmax=high, origin="lower")
            axis.set_title(f"filter {number + 1}", fontsize=9)
    axes[0, 0].set_title("map", fontsize=9)
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    figure.supxlabel("simulated map; bright: the filter answers", fontsize=8, color="0.35")
    return figure


def _by_name(records, needed):
    """Group the leading records that hold what is needed, by the name of their model."""
    named = {}
    for record in protocol.leading(records):
        if needed in record:
            name = protocol.NAMES[record["model"], record["input"]]
            named.setdefault(name, []).append(record)
    return named


def _style(number):
    """Line of one of several models: colours, and broken lines where these have run out."""
    dashes = "--" if number >= len(COLOURS) else "-"
    return {
        "color": COLOURS[number % len(COLOURS)],
        "ls": dashes,
        "marker": "o",
        "ms": 3,
        "lw": 1.2,
    }


def _finished(figure, text=SIMULATED):
    """Add the legend and say where the maps come from."""
    if figure.axes[0].get_legend_handles_labels()[0]:
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
    figure.supxlabel(text, fontsize=8, color="0.35")
    return figure


def _names(records):
    """Give the models of some records and what they are called, in one order."""
    known = {(record["model"], record["input"]) for record in records}
    return {key: name for key, name in protocol.NAMES.items() if key in known}
