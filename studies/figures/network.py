"""The figures of notebooks 03 and 04: how networks are built, trained and scored."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers import data, maps, network
from helpers.network import _inputs, _model
from helpers.scores import _cells

from .. import cases, protocol
from ..training.pairs import simulate_pair
from . import _shared

LEVEL = 1.25  # distance between levels in the drawing
HIGHEST = 1.9  # height of the box of the finest level
PAIRS_SEED = 11
SHOWN = 3  # which test block is shown enlarged
BLOCKS = "test blocks of simulated regions"
VARIED = {
    "pairs": "pretraining pairs",
    "widths": "filters at each level",
    "channels": "channels, guided map",
    "raw channels": "channels, raw grid",
    "loss": "loss (from scratch)",
}


def draw_network():
    """Draw the U-Net: levels from fine to coarse and back, with the connections between them."""
    figure, axis = plt.subplots(figsize=(8.4, 4.4), layout="constrained")
    depth = len(_model.WIDTHS) - 1
    places = [*range(depth + 1), *range(depth - 1, -1, -1)]  # level of each box, left to right
    centres = []
    for number, level in enumerate(places):
        colour = _shared.COLOURS[0] if number <= depth else _shared.COLOURS[1]
        centres.append(_box(axis, 1.5 * number, level, _model.WIDTHS[level], colour))
    for one, other in zip(centres[:-1], centres[1:], strict=True):
        _arrow(axis, one, other, "-")
    for level in range(depth):
        _arrow(axis, centres[level], centres[len(places) - 1 - level], "--")
    last = 1.5 * (len(places) - 1)
    inputs = "\n".join(network.CHANNELS)
    axis.text(-0.8, 0, inputs, ha="right", va="center", fontsize=9)
    axis.text(last + 0.8, 0, "probability\nof a line", ha="left", va="center", fontsize=9)
    axis.set(xlim=(-2.6, last + 2.6), ylim=(-LEVEL * (depth + 0.75), 1.6))
    axis.set_axis_off()
    parameters = network.unet().count_params()
    text = (
        "numbers: filters; each box: two convolutions of 3 x 3; solid: to cells twice or half as "
    )
    maps.add_source(figure, f"{text}large; dashed: passed on; {parameters:,} weights")
    return figure


def _box(axis, x, level, width, colour):
    """Draw one level; return its centre."""
    y, height = -LEVEL * level, HIGHEST / 1.5**level
    axis.add_patch(Rectangle((x - 0.28, y - height / 2), 0.56, height, fc=colour, alpha=0.75))
    axis.text(x, y, str(width), ha="center", va="center", color="w", weight="bold", fontsize=9)
    below = f"1/{2**level} size" if level else "full size"
    axis.text(x, y - height / 2 - 0.08, below, ha="center", va="top", fontsize=7)
    return x, y


def _arrow(axis, start, end, style):
    """Draw an arrow between two boxes."""
    about = {"arrowstyle": "-|>", "mutation_scale": 9, "shrinkA": 16, "shrinkB": 16}
    axis.add_patch(FancyArrowPatch(start, end, ls=style, color="0.3", lw=1.0, **about))


def trials():
    """List the trials that `make train` logged, with the networks that they stand beside.

    Those of the orientation as a channel and of other losses are of an earlier run: they did not
    pay, and `make train` no longer makes them.  Of each trial there is what is ``varied``, its
    ``value``, and ``f1``: the validation score of each seed.
    """
    log, found = protocol.results("training"), {}
    for one in log["curves"]:
        scores = found.setdefault(one["varied"], {}).setdefault(one["value"], [])
        scores.append(one["validation_f1"])
    usual = list(found["pairs"].values())[-1]
    whole = [run["validation_f1"] for run in log["runs"]
             if (run["model"], run["input"]) == ("transfer", "guided")]  # fmt: skip
    found["pairs"][str(log["config"]["pairs"])] = whole[: len(usual)]
    found["widths"]["-".join(map(str, _model.WIDTHS))] = usual
    found["channels"]["-".join(_inputs.LAYERS["guided"])] = usual
    order = {"widths": lambda value: int(value.split("-")[0]), "channels": len}
    return [
        {"varied": kind, "value": value, "f1": of_kind[value]}
        for kind, of_kind in found.items()
        for value in (sorted(of_kind, key=order[kind]) if kind in order else of_kind)
    ]


def draw_labels():
    """Draw the simulated anomaly and the labels of both training regions, enlarged."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
    for axis, name in zip(axes, ("reykjanes", "epr"), strict=True):
        part = cases.seafloor_of(name).sel(cases.test_window(name, number=SHOWN))
        limit = maps.robust_limit(part["anomaly"])
        x, y = part.easting.to_numpy(), part.northing.to_numpy()
        shown = axis.pcolormesh(x, y, part["anomaly"], cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.contourf(x, y, part["label"], levels=[0.5, 1.5], colors="k")
        axis.set(aspect="equal", title=data.region(name).title)
        axis.set(xlabel="easting (km)", ylabel="northing (km)")
        figure.colorbar(shown, ax=axis, shrink=0.8, label="anomaly (nT)")
    maps.add_source(figure, maps.SIMULATED + "; black: label")
    return figure


def draw_training_pairs(pairs=None):
    """Draw simulated training pairs, one a column: linear grid, guided map and label.

    `pairs` are from `training.pairs.simulate_pair`; by default six, as in pretraining.
    """
    if pairs is None:
        rng = np.random.default_rng(PAIRS_SEED)
        pairs = [simulate_pair(rng, cases.COVERAGE) for _ in range(6)]
    names = {"raw": "linear interpolation", "guided": "guided diffusion"}
    figure, axes = plt.subplots(
        len(names) + 1, len(pairs), figsize=(2.1 * len(pairs), 2.2 * (len(names) + 1)),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for column, (inputs, truth) in enumerate(pairs):
        for row, name in enumerate(names):
            field = inputs[name][..., 0]
            shown = axes[row, column].imshow(field, cmap="RdBu_r", vmin=-2, vmax=2, origin="lower")
        label = np.where(truth[..., 1] > 0, truth[..., 0], 0.35)
        axes[-1, column].imshow(label, cmap="Greys", vmin=0, vmax=1, origin="lower")
    for row, name in enumerate([*names.values(), "label (grey: unknowable)"]):
        axes[row, 0].set_ylabel(name)
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes, shrink=0.5, label="anomaly / local amplitude")
    maps.add_source(figure, "simulated random seafloor; each map 256 km wide")
    return figure


def draw_scores(records=None):
    """Draw the F1 of each model at each coverage: mean and 95 % interval, by region."""
    records = protocol.leading(_scores(records))
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
                _draw_score(axis, place + 0.2 * (number - 1), own, key, coverage, number)
        axis.set(title=data.region(region).title, xlabel="F1 (2-cell tolerance)")
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(np.arange(len(names)), list(names.values()))
    axes[0, 0].invert_yaxis()
    handles, texts = axes[0, 0].get_legend_handles_labels()
    known = dict(zip(reversed(texts), reversed(handles), strict=True))  # the first of each name
    texts = sorted(known, key=lambda text: float(text[:-1]))
    figure.legend([known[text] for text in texts], texts, title="cells\non tracks",
                  loc="outside right center", frameon=False)  # fmt: skip
    maps.add_source(figure, "test blocks of simulated regions; white: needs no training")
    return figure


def _draw_score(axis, place, records, key, coverage, number):
    """Draw the score of one model at one coverage, with its interval."""
    rows = [row for row in records
            if (row["model"], row["input"]) == key and row["coverage"] == coverage]  # fmt: skip
    if not rows:
        return
    mean, low, high = protocol.interval_ends(rows, "f1")
    axis.errorbar(
        mean, place, xerr=np.nan_to_num([[mean - low], [high - mean]]), fmt="o", ms=4, capsize=2,
        color=_shared.COLOURS[number], mfc="white" if key[0] in protocol.UNTRAINED else None,
        label=f"{coverage:.0%}",
    )  # fmt: skip


def draw_learning_curves():
    """Draw validation loss against epoch for every run of `make train`, a colour for each model."""
    runs = protocol.results("training")["runs"]
    figure, axis = plt.subplots(figsize=(7, 4.4), layout="constrained")
    names = _names(runs)
    for run in runs:
        colour = _shared.COLOURS[list(names).index((run["model"], run["input"]))]
        curve = run["history"]["val_loss"]
        axis.plot(np.arange(1, len(curve) + 1), curve, color=colour, lw=1, alpha=0.7)
    handles = [Line2D([], [], color=_shared.COLOURS[number]) for number in range(len(names))]
    figure.legend(handles, names.values(), loc="outside lower center", ncols=2, frameon=False,
                  fontsize=8)  # fmt: skip
    highest = np.percentile(np.concatenate([run["history"]["val_loss"] for run in runs]), 99)
    axis.set(xlabel="epoch", ylabel="validation loss", title="Training on at most 40 patches")
    axis.set_ylim(top=highest)  # a few first epochs lie higher
    axis.grid(alpha=0.3)
    return figure


def draw_precision_recall(records=None, coverage=cases.COVERAGE):
    """Draw precision against recall of each model at one coverage, mean over seeds and regions."""
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    for level in (0.5, 0.6, 0.7, 0.8, 0.9):
        recall = np.linspace(level / (2 - level), 1, 100)
        axis.plot(recall, level * recall / (2 * recall - level), color="0.85", lw=0.8, zorder=0)
        axis.text(1.005, level / (2 - level), f"F {level}", fontsize=7, color="0.5", va="center")
    for number, (name, own) in enumerate(_by_name(_scores(records), "precision_curve").items()):
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


def draw_reliability(records=None):
    """Draw the observed share of line cells against the probability given, after calibration."""
    figure, axis = plt.subplots(figsize=(7, 4.6), layout="constrained")
    axis.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    for number, (name, own) in enumerate(_by_name(_scores(records), "reliability").items()):
        given, observed, cells = np.concatenate([record["reliability"] for record in own]).T
        place = np.minimum((given * _cells.BINS).astype(int), _cells.BINS - 1)
        total = np.bincount(place, cells, _cells.BINS)
        filled = total > 0
        mean = [
            np.bincount(place, cells * part, _cells.BINS)[filled] / total[filled]
            for part in (given, observed)
        ]
        axis.plot(*mean, label=name, **_style(number))
    axis.set(xlabel="probability given", ylabel="share of cells on a line")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    return _finished(figure)


def draw_false_lines(records=None):
    """Draw the length of false line on maps without lineations beside that on lineated ones."""
    named = _by_name(_scores(records), "false_km_per_1000_km2")
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
    return _finished(figure, f"{BLOCKS}, invented maps; shuffled: real readings dealt anew")


def draw_trials(made=None):
    """Draw the validation score against what was varied, one thing at a time.

    `made` is what `trials` gives, or alike.
    """
    made = made or trials()
    kinds = [kind for kind in VARIED if any(one["varied"] == kind for one in made)]
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(3 * len(kinds), 3.6), sharey=True, layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for axis, kind in zip(axes[0], kinds, strict=True):
        own = [one for one in made if one["varied"] == kind]
        places = np.arange(len(own))
        for place, one in zip(places, own, strict=True):
            axis.plot([place] * len(one["f1"]), one["f1"], "o", color="0.6", ms=4)
        means = [np.mean(one["f1"]) for one in own]
        axis.plot(
            places, means, "_-" if kind == "pairs" else "_", ms=18, mew=2, color=_shared.COLOURS[0]
        )
        labels = [one["value"].replace("-", "\n").replace("_loss", "") for one in own]
        axis.set_xticks(places, labels, fontsize=8)
        axis.set(title=VARIED[kind], xlim=(-0.5, len(own) - 0.5))
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("F1, validation blocks")
    text = "simulated regions, guided maps if not said otherwise; grey: one seed, blue: the mean"
    maps.add_source(figure, text)
    return figure


def draw_three_models(name="reykjanes"):
    """Draw the predictions of the paper's three models on one window of the test map."""
    truth, _, grid, _ = cases.tested(name)
    window = cases.test_window(name, number=SHOWN)
    limit = maps.robust_limit(truth.sel(window)["anomaly"])
    panels = [
        maps.Panel(truth.sel(window)["anomaly"], "truth (simulated)", limit=limit),
        maps.Panel(truth.sel(window)["label"], "label", "label"),
        maps.Panel(grid.sel(window)["anomaly"], "linear interpolation", limit=limit),
    ]
    for key in (("scratch", "raw"), ("transfer", "raw"), ("transfer", "guided")):
        prediction = cases.on_test_blocks(name, "_".join(key))[SHOWN]
        panels.append(maps.Panel(prediction["probability"], protocol.NAMES[key], "probability"))
    return maps.draw_maps(data.region(name), panels, columns=3)


def features(model, inputs, number):
    """Show what the filters of one convolution, counted from the input, answer to patches.

    Both have the shape (n, rows, columns, channels or filters); deeper convolutions have fewer rows
    and columns.
    """
    import keras  # takes seconds, and the other figures do without

    answers = [layer for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    return np.asarray(keras.Model(model.input, answers[number].output)(inputs, training=False))


def draw_features(field, before, after, filters=4):
    """Draw what the same filters answer before and after fine-tuning.

    Both see `field` (n, m); `before` and `after` (n, m, filters) are from `features`.  As
    many `filters` are drawn, those that fine-tuning changed most.
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
    maps.add_source(figure, "simulated map; bright: the filter answers")
    return figure


def _scores(records):
    """Take the scores given, or those that `make train` wrote (``data/results/scores.json``)."""
    return protocol.results("scores") if records is None else records


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
    dashes = "--" if number >= len(_shared.COLOURS) else "-"
    colour = _shared.COLOURS[number % len(_shared.COLOURS)]
    return {"color": colour, "ls": dashes, "marker": "o", "ms": 3, "lw": 1.2}


def _finished(figure, text=BLOCKS):
    """Add the legend and say where the maps come from."""
    if figure.axes[0].get_legend_handles_labels()[0]:
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
    maps.add_source(figure, text)
    return figure


def _names(records):
    """Give the models of some records and what they are called, in one order."""
    known = {(record["model"], record["input"]) for record in records}
    return {key: name for key, name in protocol.NAMES.items() if key in known}


FIGURES = {
    "03_labels": draw_labels,
    "03_network": draw_network,
    "03_learning_curves": draw_learning_curves,
    "03_trials": draw_trials,
    "04_scores": draw_scores,
    "04_precision_recall": draw_precision_recall,
    "04_reliability": draw_reliability,
    "04_false_lines": draw_false_lines,
    "04_training_pairs": draw_training_pairs,
    "04_three_models": draw_three_models,
    "04_three_models_epr": partial(draw_three_models, "epr"),
}
CAPTIONS = {
    "03_labels": "Simulated anomalies of both training regions with their labels (black): the "
    "centre line of each positive stripe.",
    "03_network": "The network of the workbook, a small U-Net (Ronneberger et al. 2015), drawn "
    "from its code.",
    "03_learning_curves": "Validation loss of every run of `make train`.",
    "03_trials": "F1 on the simulated validation blocks against the number of pretraining pairs, "
    "the size of the network, its channels and its loss: each seed, and their mean.",
    "04_scores": "F1 of every model on the simulated test blocks, mean and 95 % interval.",
    "04_precision_recall": "Precision against recall of every model on the simulated test blocks, "
    "a tenth of the cells on tracks, cells paired one to one.",
    "04_reliability": "How often a cell of a given probability lies on a line, on the simulated "
    "test blocks, after calibration on the validation blocks.",
    "04_false_lines": "Length of line that each model finds on maps without lineations, beside "
    "that on the simulated test blocks.",
    "04_training_pairs": "Random simulated seafloor for pretraining: linear grid, guided map and "
    "label; maps without stripes have no label.",
    "04_three_models": "The paper's three models on a test block of the simulated Reykjanes map, "
    "under the test cruises.",
    "04_three_models_epr": "The same on a test block of the simulated East Pacific Rise.",
}
