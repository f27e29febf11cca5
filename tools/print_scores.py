"""Print the table of scores from data/results/scores.json, which `make train` writes.

    python tools/print_scores.py                 one row for each model and input
    python tools/print_scores.py --by region     and for each region
    python tools/print_scores.py --all           every score, in a wide table
    python tools/print_scores.py --readme        writes the tables of README.md

The file is a list of records: model, input, seed, region, coverage, and scores. A row shows the
mean and its 95 % interval: of F1 over seeds and test blocks (bootstrap), "0.80 (0.77-0.83)", where
the records hold the counts of each block; of all else over seeds (Student's t), "0.80 ± 0.02". A
seed counts once, as its own mean over whatever the table does not tell apart.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from studies import figures, protocol  # noqa: E402

MARKS = ("<!-- {} -->", "<!-- end of {} -->")  # around a table of README.md
README_SCORES = {  # a table that fits a terminal of 100 columns
    "f1": "F1",
    "average_precision": "avg. precision",
    "strike_error_deg": "strike error",
    "false_km_per_1000_km2": "false lines",
}
ALL_SCORES = {name: name for name in (
    "f1", "f1_one_to_one_1", "f1_one_to_one_2", "f1_one_to_one_3", "precision", "recall",
    "average_precision", "cldice", "ods", "ois", "strike_error_deg", "ece",
    "line_km_per_1000_km2", "false_km_per_1000_km2",
)}  # fmt: skip


def read(path):
    """Read the records into a table; stop with one clear line where that is impossible."""
    try:
        records = json.loads(path.read_text())
    except FileNotFoundError:
        raise SystemExit(f"{path} is missing: `make train` writes it") from None
    except ValueError as problem:
        raise SystemExit(f"{path} is not JSON ({problem}): run `make train` again") from None
    table = pd.DataFrame(records if isinstance(records, list) else [])
    missing = {"model", "input", "seed"} - set(table.columns)
    if missing:
        raise SystemExit(f"{path}: expected a list of records, each with {sorted(missing)}")
    return table


def readme_table(table):
    """Return F1 by model, input and coverage as markdown, the mean over regions.

    Beside it stands the length of line on maps without lineations.  Of the detectors that are no
    networks only the best on each input is shown.
    """
    leading = protocol.leading(records(table))
    made, false = protocol.interval_table(leading), {}
    for one in leading:
        of_model = false.setdefault((one["model"], one["input"]), [])
        of_model.append(one.get("false_km_per_1000_km2", np.nan))
    names = ["model", "input", *(f"{c:.0%} of cells" for c in made.columns), "false lines"]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for key, row in made.iterrows():
        mean = np.mean(false[tuple(key)])
        last = "-" if np.isnan(mean) else f"{mean:.1f}"
        lines.append(f"| {' | '.join([*key, *row, last])} |")
    return "\n".join(lines)


def markdown(table):
    """Return a table as markdown."""
    rows = [table.columns, ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def real_tables():
    """Return what `make bench` found on real surveys: blocks crossed, lines, withheld lines."""
    records = protocol.results("real_data")
    found = figures.tables.blocks(records), figures.tables.withheld(records)
    return "\n\n".join(markdown(table) for table in found)


def write_readme(table, path=ROOT / "README.md"):
    """Put the tables between their markers in README.md."""
    text = path.read_text()
    for name, made in (("scores", readme_table(table)), ("real data", real_tables())):
        begin, end = (mark.format(name) for mark in MARKS)
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{made}\n{end}{rest.split(end)[1]}"
    beside = path.with_suffix(".part")
    beside.write_text(text)
    beside.replace(path)


def summary(table, by=("model", "input"), names=README_SCORES, digits=2):
    """Return the table of scores as text, one row for each combination of the columns ``by``.

    `names` are the scores and their headings, with so many digits after the point; what the table
    lacks is passed over.
    """
    rows = []
    for key, group in table.groupby(list(by), sort=False):
        row = dict(zip(by, key, strict=True)) | {"seeds": group["seed"].nunique()}
        for name in filter(table.columns.__contains__, names):
            row[names[name]] = protocol.interval_text(records(group), name, digits)
        rows.append(row)
    return pd.DataFrame(rows).to_string(index=False)


def records(table):
    """Return the rows of a table as they stood in the file."""
    return [row.dropna().to_dict() for _, row in table.iterrows()]


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=ROOT / "data" / "results" / "scores.json")
    parser.add_argument("--by", nargs="*", default=[], help="region, coverage or both")
    parser.add_argument("--all", action="store_true", help="every score, in a wide table")
    parser.add_argument("--readme", action="store_true", help="write the tables of README.md")
    options = parser.parse_args(arguments)
    table = read(options.file)
    if options.readme:
        write_readme(table)
    names = ALL_SCORES if options.all else README_SCORES
    print(
        "Scores: mean and 95 % interval; strike error in degrees, false lines in km per 1,000 km²"
    )
    print(summary(table, ["model", "input", *options.by], names, 3 if options.all else 2))


if __name__ == "__main__":
    sys.exit(main())
