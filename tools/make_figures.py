"""Redraw the figures into figures/ and write their index, without Jupyter.

    python tools/make_figures.py               all
    python tools/make_figures.py --only name   one; the index is written anew all the same
    python tools/make_figures.py --pdf         the set for a paper, PDF and PNG, into build/figures/

The functions stand in studies/figures/; its all.py has FIGURES, name to function, and CAPTIONS.
"""

import argparse
import importlib
import io
import itertools
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import run_notebooks

ROOT = Path(__file__).resolve().parents[1]
DPI = 110
COLOURS = 256  # of the palette of each picture
AT_ONCE = 2  # figures, each in a process of one thread
MADE_FROM = "studies tools data/results data/natural_earth".split()  # beside the rooms of helpers


def registry():
    """Return the functions and the captions of the figures, by name."""
    figures = importlib.import_module("studies.figures.all")
    missing = set(figures.FIGURES) ^ set(figures.CAPTIONS)
    if missing:
        raise SystemExit(
            f"studies/figures/all.py: FIGURES and CAPTIONS differ in {sorted(missing)}"
        )
    return figures.FIGURES, figures.CAPTIONS


def write_bytes(picture, path):
    """Write a picture whole or not at all."""
    from helpers import _shared

    path.parent.mkdir(parents=True, exist_ok=True)
    with _shared.written(path) as beside:
        beside.write_bytes(picture)


def png(figure):
    """Give the bytes of the picture of a figure; the same figure gives the same bytes."""
    import matplotlib.pyplot as plt
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    plt.close(figure)
    with Image.open(drawn) as picture:  # a palette: a quarter of the bytes, no visible difference
        picture.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
        ).save(small, format="png", optimize=True)
    return small.getvalue()


def draw(name, folder):
    """Draw a figure and save it; say how long it took, or why it was left as it is."""
    from helpers import data

    begin = time.perf_counter()
    try:
        write_bytes(drawn(name), folder / f"{name}.png")
    except data.DataUnavailable as reason:
        return f"{name:40s} left as it is: {reason}"
    return f"{name:40s}{time.perf_counter() - begin:7.1f} s"


def drawn(name):
    """Give the bytes of a figure, drawn again only where what it is made from has changed."""
    import matplotlib

    matplotlib.use("Agg")
    from helpers import data
    from studies._kept import kept

    at_hand = [file for file, there in data.at_hand().items() if there]
    return kept("maps", *MADE_FROM)(picture_of)(name, at_hand)


def picture_of(name, _at_hand):
    """Draw a figure; what it shows depends on the files of the registry that are at hand."""
    return png(registry()[0][name]())


def index(captions):
    """Return the text of figures/README.md."""
    parts = [
        "# Figures\n\nMade by `make figures` from `studies/figures/all.py`, this index too. "
        "CC BY 4.0, see `LICENSE-text`.\n"
    ]
    for name, caption in captions.items():
        parts.append(f"## {name}\n\n![{name.replace('_', ' ')}]({name}.png)\n\n{caption.strip()}\n")
    return "\n".join(parts)


def paper(names=None):
    """Save the set for a paper, or the figures named, as PDF and PNG at journal widths."""
    from helpers import data
    from studies.figures import paper

    for name in names or paper.PAPER:
        try:
            print(*paper.save(name, ROOT / "build" / "figures"), flush=True)
        except data.DataUnavailable as reason:
            print(f"{name:40s} left out: {reason}", flush=True)


def main(arguments=None, folder=ROOT / "figures"):
    """Redraw what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", help="redraw this one figure")
    parser.add_argument("--pdf", action="store_true", help="the set for a paper, in build/figures")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    figures, captions = registry()
    if options.only and options.only not in figures:
        raise SystemExit(f"no figure {options.only!r}; there are: {', '.join(figures)}")
    if options.pdf:
        return paper([options.only] if options.only else None)
    names = [options.only] if options.only else list(figures)
    if len(names) > 1 and AT_ONCE > 1:
        os.environ.update(run_notebooks.ONE_THREAD)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(AT_ONCE, spawn, sys.path.insert, (0, str(ROOT))) as pool:
            for said in pool.map(draw, names, itertools.repeat(folder)):
                print(said, flush=True)
    else:
        for name in names:
            print(draw(name, folder), flush=True)
    (folder / "README.md").write_text(index(captions), encoding="utf-8")
    for path in sorted(folder.glob("*.png")):
        if path.stem not in figures:
            print(f"{path.name} has no function in studies/figures/all.py: remove it")
    print(f"figures are in {folder}, their index is {folder / 'README.md'}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
