"""Training: the whole of `make train` at its smallest size, and a second call that only reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import print_scores
import train
from helpers import network
from helpers.network import _inputs
from studies import protocol, ridge_filters
from studies.training import maps, runs

pytestmark = pytest.mark.rest  # minutes

ROOT = Path(__file__).resolve().parents[2]
RUNS = {("scratch", "raw"), ("transfer", "both")}
COMPARED = {(name, kind) for name in ridge_filters.DETECTORS for kind in ("raw", "guided")}
SHARES = ("precision", "recall", "f1", "cldice", "average_precision", "f1_one_to_one_1",
          "f1_one_to_one_2", "f1_one_to_one_3", "ods", "ois")  # fmt: skip


def call(folder, *options):
    """Run the tool as `make train` does; return what it printed."""
    command = [sys.executable, ROOT / "tools" / "train.py", "--size", "tiny", *options]
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


def records(folder):
    return read(folder, "results", "scores.json")


def test_scores_have_a_record_for_each_model_and_comparison(folder):
    found = records(folder)
    expected = RUNS | COMPARED | {("ensemble", "both"), ("chance", "none")}
    assert {(record["model"], record["input"]) for record in found} == expected
    assert len(found) == len(expected)
    for record in found:
        assert (record["region"], record["coverage"]) == ("reykjanes", 0.1)
        assert record["seed"] in (0, 1) and record["blocks"] >= 3
        assert all(0 <= record[name] <= 1 for name in SHARES)
        assert record["f1_one_to_one_1"] <= record["f1_one_to_one_2"] <= record["f1_one_to_one_3"]
        assert record["f1_one_to_one_2"] <= record["f1"] + 1e-9
        assert record["ois"] >= record["ods"] - 0.01  # a sum of bests is nearly the best sum
        assert record["line_km_per_1000_km2"] >= 0
    # one truth for all of them, and lines in it
    assert len({record["true_cells"] for record in found}) == 1
    assert found[0]["true_cells"] > 1000


def test_networks_and_filters_say_how_much_they_see_where_nothing_is(folder):
    for record in records(folder):
        if record["model"] == "chance":
            continue
        kinds = [record[f"false_{kind}"] for kind in ("isotropic", "seamounts", "quiet_zone")]
        if "false_shuffled" in record:
            kinds.append(record["false_shuffled"])
        assert record["false_km_per_1000_km2"] == pytest.approx(np.mean(kinds))
        assert min(kinds) >= 0


def test_probabilities_are_judged_as_such_and_strikes_too(folder):
    for record in records(folder):
        network_ = record["model"] in ("scratch", "transfer", "ensemble")
        assert network_ == ({"ece", "brier", "strike_error_deg", "temperature"} <= set(record))
        if network_:
            assert 0 <= record["ece"] <= 1 and 0 <= record["strike_error_deg"] <= 90


def test_counts_of_blocks_give_the_scores(folder):
    for record in records(folder):
        for measure, counts in (("f1", "counts"), ("f1_one_to_one_2", "counts_one_to_one")):
            mean, low, high = protocol.interval_of_records([record], measure=counts)
            assert np.shape(record[counts]) == (record["blocks"], 4)
            assert mean == pytest.approx(record[measure], abs=1e-9)
            assert low <= mean <= high


def test_readme_and_tables_take_the_records(folder):
    table = print_scores.read(folder / "out" / "results" / "scores.json")
    lines = print_scores.readme_table(table).splitlines()
    # of ten filters on two inputs only the best on each
    assert len(lines) == 2 + len(protocol.leading(records(folder))) == 2 + 6 and "(" in lines[2]
    assert "f1_one_to_one_2" in print_scores.summary(table, names=print_scores.ALL_SCORES)


def test_log_tells_what_made_the_results(folder):
    log = read(folder, "results", "training.json")
    assert set(log) == {
        "config", "versions", "patches", "seconds", "training_seconds", "pretraining", "runs",
        "curves",
    }  # fmt: skip
    tiny = json.loads(json.dumps(train.SIZES["tiny"]))
    assert log["config"] == tiny | {"cruise_seed": protocol.CRUISE_SEED}
    assert set(log["versions"]) == {"python", "numpy", "keras", "tensorflow"}
    assert set(log["seconds"]) == set(train.STAGES) - {"results"}
    assert log["patches"].pop("null") >= 1
    assert all(number >= 2 for number in log["patches"].values())
    assert log["patches"]["train"] <= protocol.MOST_TRAINING_PATCHES
    assert list(log["pretraining"]) == ["both"]
    assert {(run["model"], run["input"]) for run in log["runs"]} == RUNS
    for part in (*log["runs"], *log["pretraining"].values()):
        assert set(part["history"]) == {"loss", "val_loss"} and part["seconds"] > 0
        assert np.isfinite(part["history"]["loss"]).all()


def test_models_are_shipped_and_load(folder):
    models, place = read(folder, "models", "models.json"), folder / "out" / "models"
    single = {"scratch_raw", "transfer_both", "pretrained_both"}
    assert set(models) == single | {"ensemble_both"}
    files = {path.name for path in place.iterdir()}
    assert files == {f"{name}.weights.h5" for name in single} | {"models.json"}
    for name, record in models.items():
        assert record["command"] == "make train" and 0 < record["threshold"] < 1
        model = network.load(name, place)
        assert record.items() <= dict(model.record).items()
        channels = len(_inputs.LAYERS[record["input"]])
        seen = np.asarray(model(np.ones((1, 16, 16, channels), "float32")))
        assert seen.shape == (1, 16, 16, 3)
        assert np.isfinite(seen).all() and 0 < seen[..., 0].min() <= seen[..., 0].max() < 1
    assert models["ensemble_both"]["members"] == ["transfer_both"]
    scored = {(one["model"], one["input"], one["seed"]): one["f1"] for one in records(folder)}
    assert models["scratch_raw"]["test_f1"] == scored["scratch", "raw", 1]
    assert models["ensemble_both"]["test_f1"] == scored["ensemble", "both", 0]


def test_second_call_resumes_from_the_cache(folder, capsys):
    def state(part):
        files = [path for path in (folder / part).rglob("*") if path.is_file()]
        return {path.name: path.stat().st_mtime_ns for path in files if path.name != "seconds.json"}

    before, found = state("cache"), records(folder)
    assert not any("part" in name or "checkpoint" in name for name in before)  # all whole
    job = maps.Job(train.SIZES["tiny"], folder / "cache" / "tiny", folder / "out")
    for stage in ("pretrain", "labelled", "finetune"):
        train.STAGES[stage](job)
    assert "validation F1" not in capsys.readouterr().out and state("cache") == before
    # a chunk that was not finished is made again, to the same pairs
    pairs = np.array(maps.read_pairs(job, "raw"))
    (job.cache / "chunks" / "000012").unlink()
    np.lib.format.open_memmap(job.cache / "pairs_both.npy", "r+")[12:] = 0
    call(folder, "--stage", "pairs")
    np.testing.assert_array_equal(maps.read_pairs(job, "raw"), pairs)
    assert records(folder) == found


def test_patches_without_stripes_keep_the_tracks(folder):
    job = maps.Job(train.SIZES["tiny"], folder / "cache" / "tiny", folder / "out")
    blocks = maps.labelled(job)
    null = blocks["train_null"]
    assert 0 < null.sum() < (~null).sum() / 2 and not blocks["test_null"].any()
    assert blocks["train_raw"].shape[1] == blocks["train_truth"].shape[1] == 2  # versions
    assert not blocks["train_truth"][null][..., 0].any()
    assert blocks["train_truth"][~null][..., 0].any(axis=(1, 2, 3)).all()
    # the first of them lies where the first labelled patch does
    where = int(np.argmax(null))
    np.testing.assert_array_equal(
        blocks["train_raw"][where, ..., 1], blocks["train_raw"][0, ..., 1]
    )
    assert np.abs(blocks["train_raw"][where, ..., 0] - blocks["train_raw"][0, ..., 0]).max() > 0.5
    # fewer cruises, farther data
    nearness = blocks["train_raw"][..., 1].mean(axis=(0, 2, 3))
    assert nearness[1] < nearness[0]


def test_trials_are_kept_and_made_once(folder, monkeypatch):
    size = train.SIZES["tiny"] | {"curve_pairs": (24,), "curve_widths": ((4, 4, 4, 4, 4),)}
    job = maps.Job(size, folder / "cache" / "tiny", folder / "out")
    wanted = [one for one in runs._variants(size) if one["varied"] in ("widths", "channels")]
    monkeypatch.setattr(runs, "_variants", lambda size: wanted)
    runs.draw_curves(job)
    found = json.loads((job.cache / "curves.json").read_text())
    assert [one["varied"] for one in found] == ["widths", "channels"]
    assert found[0]["weights"] < 20_000 < 400_000 < found[1]["weights"]
    assert all(0 <= one["validation_f1"] <= 1 for one in found)
    monkeypatch.setattr(runs, "_try", None)
    runs.draw_curves(job)  # nothing is left to try
    (job.cache / "curves.json").unlink()
