"""Training: the whole of `make train` at its smallest size, and a second call that only reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import train
from helpers import network, patches

ROOT = Path(__file__).resolve().parents[1]
RUNS = {("scratch", "raw"), ("transfer", "guided")}
COMPARED = {("sato filter", "raw"), ("sato filter", "guided"), ("chance", "none")}
SHARES = ("precision", "recall", "f1", "cldice", "average_precision", "ece")


def call(folder):
    """Run the tool as `make train` does; return what it printed."""
    command = [sys.executable, ROOT / "tools" / "train.py", "--size", "tiny"]
    command += ["--out", folder / "out", "--cache", folder / "cache"]
    # the optimised sums: the tests' own setting makes training four times slower
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("train")
    assert call(made).count("validation F1") == 2
    return made


def read(folder, *path):
    return json.loads((folder / "out").joinpath(*path).read_text())


def test_scores_have_a_record_for_each_model_and_comparison(folder):
    records = read(folder, "results", "scores.json")
    assert {(record["model"], record["input"]) for record in records} == RUNS | COMPARED
    assert len(records) == len(RUNS | COMPARED)
    for record in records:
        assert (record["region"], record["coverage"]) == ("reykjanes", 0.1)
        assert record["seed"] in (0, 1) and record["blocks"] >= 3
        assert all(0 <= record[name] <= 1 for name in SHARES)
        assert 0 < record["threshold"] < 1
    # one truth for all of them, and lines in it
    assert len({record["true_cells"] for record in records}) == 1
    assert records[0]["true_cells"] > 1000


def test_log_tells_what_made_the_results(folder):
    log = read(folder, "results", "training.json")
    assert set(log) == {
        "config", "versions", "patches", "training_seconds", "pretraining", "runs"
    }  # fmt: skip
    tiny = json.loads(json.dumps(train.SIZES["tiny"]))
    assert log["config"] == tiny | {"cruise_seed": train.CRUISE_SEED}
    assert set(log["versions"]) == {"python", "numpy", "keras", "tensorflow"}
    assert all(number >= 2 for number in log["patches"].values())
    assert log["patches"]["train"] <= train.MOST_TRAINING_PATCHES
    assert list(log["pretraining"]) == ["guided"]
    assert {(run["model"], run["input"]) for run in log["runs"]} == RUNS
    for part in (*log["runs"], *log["pretraining"].values()):
        assert set(part["history"]) == {"loss", "val_loss"} and part["seconds"] > 0
        assert np.isfinite(part["history"]["loss"]).all()


def test_models_are_shipped_and_load(folder):
    models = read(folder, "models", "models.json")
    assert set(models) == {"scratch_raw", "transfer_guided", "pretrained_guided"}
    files = {path.name for path in (folder / "out" / "models").iterdir()}
    assert files == {f"{name}.weights.h5" for name in models} | {"models.json"}
    for name, record in models.items():
        assert record["command"] == "make train" and 0 < record["threshold"] < 1
        model = network.load(name, folder / "out" / "models")
        assert model.record == record
    # the model that was loaded last sees something
    seen = np.asarray(model(np.ones((1, 16, 16, len(patches.CHANNELS)), "float32")))
    assert np.isfinite(seen).all() and 0 < seen.min() <= seen.max() < 1


def test_second_call_resumes_from_the_cache(folder):
    def state(part):
        files = [path for path in (folder / part).rglob("*") if path.is_file()]
        return {path.name: path.stat().st_mtime_ns for path in files}

    before, records = state("cache"), read(folder, "results", "scores.json")
    assert not any("part" in name for name in before)  # no file half written
    assert "validation F1" not in call(folder)
    assert state("cache") == before
    assert read(folder, "results", "scores.json") == records
    # results are written again, from what was kept
    again = read(folder, "results", "training.json")
    assert len(again["runs"]) == len(RUNS)


def test_full_size_is_what_the_results_need():
    full = train.SIZES["full"]
    assert full["runs"] == train.RUNS and full["regions"] == train.REGIONS
    assert full["coverages"] == train.COVERAGES and len(full["seeds"]) >= 5
    assert train.pretrained_inputs(full) == list(patches.INPUTS)
    assert train.pretrained_inputs(train.SIZES["tiny"]) == ["guided"]
