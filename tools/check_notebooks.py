"""Hold the notebooks against the rules of CONTRIBUTING.md; print what breaks them.

    python tools/check_notebooks.py notebooks/02_anisotropic_diffusion.ipynb

Without names it checks all. tests/whole/test_notebooks.py runs the same rules, one test for each.
"""

import re
import sys
from pathlib import Path

import nbformat

from run_notebooks import ROOT, find_notebooks, stored_form

FIRST = [
    "00_start_here",
    "01_track_gridding",
    "02_anisotropic_diffusion",
    "03_cnn_baseline",
    "04_transfer_learning",
    "05_regional_application",
]
TAGS = {"nbval-check-output", "nbval-skip", "raises-exception"}
CHECKED_CELLS = 3
OPENING = {"do": r"\bdo\b", "learn": r"\blearn", "need": r"\bneed", "time": r"\bminutes?\b"}
ENDING = ["Check yourself", "On your own", "References"]


def of_kind(notebook, kind):
    """Return the cells of a kind, with their position counted from 0."""
    return [(k, cell) for k, cell in enumerate(notebook.cells) if cell.cell_type == kind]


def tags(cell):
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", []))


def wrong_form(notebook, path):
    """Stored form: what tools/run_notebooks.py --store writes, to the byte."""
    if nbformat.writes(stored_form(notebook, path.stem)) + "\n" != path.read_text("utf-8"):
        yield f"not in stored form: python tools/run_notebooks.py --store --only {path.stem}"


def wrong_counts(notebook, path):
    """Execution counts run 1 to n: the notebook was run once, from top to bottom."""
    counts = [cell.execution_count for _, cell in of_kind(notebook, "code")]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1 to {len(counts)}"


def unchecked(notebook, path):
    """At least three cells are compared by nbval, and each stores what it compares."""
    checked = [(k, c) for k, c in of_kind(notebook, "code") if "nbval-check-output" in tags(c)]
    if len(checked) < CHECKED_CELLS:
        yield f"{len(checked)} cells tagged nbval-check-output, at least {CHECKED_CELLS} are needed"
    for k, cell in checked:
        if not any(output.get("text") or output.get("data") for output in cell.outputs):
            yield f"cell {k} is checked but stores no output: nothing would be compared"


def errors(notebook, path):
    """No error is stored, but where the lesson is the error."""
    for k, cell in of_kind(notebook, "code"):
        stored = any(output.output_type == "error" for output in cell.outputs)
        if stored and "raises-exception" not in tags(cell):
            yield f"cell {k} stores an error"
        if not stored and "raises-exception" in tags(cell):
            yield f"cell {k} is tagged raises-exception but stores no error"


def unknown_tags(notebook, path):
    """Tags are those that mean something: a misspelt one would be passed over."""
    for k, cell in enumerate(notebook.cells):
        for tag in sorted(tags(cell) - TAGS):
            yield f"cell {k} has the unknown tag {tag!r}"


def trailing_semicolons(notebook, path):
    """No `;` at the end: write `_ = axes.plot(...)`."""
    for k, cell in of_kind(notebook, "code"):
        if cell.source.rstrip().endswith(";"):
            yield f"cell {k} ends in a semicolon"


def pictures(notebook, path):
    """Pictures come from figures/, exist and have a text; none is inside the notebook."""
    for k, cell in enumerate(notebook.cells):
        if cell.get("attachments") or "data:image" in cell.source:
            yield f"cell {k} holds a picture: show it from ../figures/"
        for output in cell.get("outputs", []):
            if any(key.startswith("image/") for key in output.get("data", {})):
                yield f"cell {k} stores a picture in its output"
    for k, cell in of_kind(notebook, "markdown"):
        for alt, name in re.findall(r"!\[([^\]]*)\]\(([^) ]+)", cell.source):
            if not alt.strip():
                yield f"cell {k} shows {name} without a text for those who cannot see it"
        for name in re.findall(r"\.\./figures/[\w.-]+", cell.source):
            if not (path.parent / name).is_file():
                yield f"cell {k} shows {name}, which does not exist"


def sections(notebook, path):
    """The opening says what you will do, learn and need, and how long it takes; endings follow."""
    text = [cell.source for _, cell in of_kind(notebook, "markdown")]
    if not text or not text[0].startswith("# "):
        yield "the first text does not begin with a title, '# ...'"
    opening = "\n".join(text[:2]).lower()
    for what, pattern in OPENING.items():
        if not re.search(pattern, opening):
            yield f"the opening (first two texts) does not say what you {what}"
    if path.name[0] == "S":
        return
    headings = re.findall(r"^#+ +(.+?) *$", "\n".join(text), flags=re.MULTILINE)
    found = [name for heading in headings for name in ENDING if heading.startswith(name)]
    if found != ENDING:
        yield f"the ending has the sections {found}, not {ENDING}"


def exercises(notebook):
    """Return the numbers of the exercises under *On your own*."""
    for _, cell in of_kind(notebook, "markdown"):
        if "## On your own" in cell.source:
            part = re.split(r"^## ", cell.source.split("## On your own")[1], flags=re.MULTILINE)[0]
            return [int(number) for number in re.findall(r"^(\d+)\. ", part, flags=re.MULTILINE)]
    return []


def few_exercises(notebook, path):
    """Two to four exercises, numbered from 1."""
    found = exercises(notebook)
    if path.name[0] != "S" and (not 2 <= len(found) <= 4 or found != [*range(1, len(found) + 1)]):
        yield f"the exercises are numbered {found}; give two to four, from 1"


RULES = [
    wrong_form,
    wrong_counts,
    unchecked,
    errors,
    unknown_tags,
    trailing_semicolons,
    pictures,
    sections,
    few_exercises,
]


def out_of_order(names):
    """Yield what is wrong with a set of notebook names: 00 to 05 exist, numbers have no gap.

    The asides A1, A2 and on stand each for itself: one may be missing.
    """
    for name in FIRST:
        if name not in names:
            yield f"notebooks/{name}.ipynb is missing"
    for family, start in (("0", 0), ("S", 1)):
        numbers = sorted(int(name[1]) for name in names if re.match(family + r"\d_", name))
        if numbers != list(range(start, start + len(numbers))):
            yield f"the notebooks {family}... are numbered {numbers}"
    for name in names:
        if not re.match(r"[0AS]\d_[a-z0-9_]+$", name):
            yield f"{name} is not named like 06_short_name, A4_short_name or S1_solutions"


def without_solution(notebooks):
    """Yield the exercises that the solutions leave out, and solutions without an exercise.

    Parameters
    ----------
    notebooks : dict of str to nbformat.NotebookNode
        By name, such as ``01_track_gridding`` and ``S1_solutions``.
    """
    asked = {f"{name[:2]}.{k}" for name, each in notebooks.items() for k in exercises(each)}
    text = "\n".join(
        cell.source
        for name, each in notebooks.items()
        if name[0] == "S"
        for _, cell in of_kind(each, "markdown")
    )
    solved = set(re.findall(r"^### (\w\d\.\d) ", text, flags=re.MULTILINE))
    yield from (f"exercise {one} has no solution" for one in sorted(asked - solved))
    yield from (f"solution {one} has no exercise" for one in sorted(solved - asked))


def main():
    """Check the notebooks named on the command line, or all."""
    paths = [Path(name).resolve() for name in sys.argv[1:]] or find_notebooks(ROOT / "notebooks")
    broken = [
        f"{path.name}: {problem}"
        for path in paths
        for rule in RULES
        for problem in rule(nbformat.read(path, as_version=4), path)
    ]
    print("\n".join(broken) or f"{len(paths)} notebooks keep the rules")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
