"""Print the table of scores from data/results/scores.json, which `make train` writes.

    python tools/print_scores.py                 one row for each model and input
    python tools/print_scores.py --by region     and for each region

The file is a list of records: model, input, seed, region, coverage, and scores. A row shows the
mean over seeds and its 95 % interval (Student's t); a seed counts once, as its own mean over
whatever the table does not tell apart (regions, coverages).
"""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd
from scipy.stats import t as student

ROOT = Path(__file__).resolve().parents[1]
SCORES = ["f1", "precision", "recall", "average_precision", "cldice", "strike_error_deg", "ece"]


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


def interval(values):
    """Return mean, half-width of the 95 % interval (NaN for fewer than 2 seeds), and count."""
    values = values.dropna()
    n = len(values)
    half = student.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5 if n > 1 else float("nan")
    return values.mean(), half, n


def summary(table, by=("model", "input")):
    """Return the table of scores as text, one row for each combination of ``by``."""
    scores = [name for name in SCORES if name in table.columns]
    seeds = table.groupby([*by, "seed"], sort=False)[scores].mean()
    rows = []
    for key, group in seeds.groupby(level=list(by), sort=False):
        row = dict(zip(by, key, strict=True)) | {"seeds": len(group)}
        for name in scores:
            mean, half, n = interval(group[name])
            row[name] = f"{mean:.3f}" + (f" ± {half:.3f}" if n > 1 else "") if n else "-"
        rows.append(row)
    return pd.DataFrame(rows).to_string(index=False)


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=ROOT / "data" / "results" / "scores.json")
    parser.add_argument("--by", nargs="*", default=[], help="region, coverage or both")
    options = parser.parse_args(arguments)
    table = read(options.file)
    print("Scores: mean over seeds ± 95 % interval")
    print(summary(table, ["model", "input", *options.by]))


if __name__ == "__main__":
    sys.exit(main())
