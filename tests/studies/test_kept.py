"""What is kept on disk is given again, and never where what it was made from has changed."""

import pickle
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from studies import _kept

ROOT = _kept.ROOT
CALLED = []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Let results be kept in a folder of the test."""
    monkeypatch.setattr(_kept, "FOLDER", tmp_path)
    CALLED.clear()
    return tmp_path


def squares(number):
    """Squares up to a number; None for 0."""
    CALLED.append(number)
    return np.arange(number) ** 2 if number else None


def again():
    """Decorate anew, as another process does."""
    return _kept.kept("data")(squares)


def test_a_result_is_computed_once_for_all_processes(folder):
    for _ in range(2):
        np.testing.assert_array_equal(again()(4), [0, 1, 4, 9])
    assert CALLED == [4]
    assert again()(3).size == 3 and CALLED == [4, 3]


def test_nothing_is_not_kept(folder):
    assert again()(0) is None and again()(0) is None
    assert CALLED == [0, 0]


def test_a_damaged_result_is_computed_anew(folder):
    again()(4)
    for path in folder.rglob("*.pkl"):
        path.write_bytes(path.read_bytes()[:40])
    np.testing.assert_array_equal(again()(4), [0, 1, 4, 9])
    assert CALLED == [4, 4]


def test_a_full_disk_costs_only_the_keeping(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_kept.pickle, "dump", full)
    with pytest.warns(UserWarning, match="not kept: .*No space left"):
        np.testing.assert_array_equal(again()(4), [0, 1, 4, 9])


@pytest.mark.parametrize(
    ("changed", "valid"),
    [
        ("helpers/seafloor/crust.py", False),
        ("helpers/_shared.py", False),
        ("data/timescale.csv", False),
        ("requirements.lock", False),
        ("studies/cases.py", False),
        ("studies/protocol.py", False),  # which cases imports
        ("studies/figures/regions.py", False),  # of another folder that is named
        ("studies/region_doubts.py", True),
        ("helpers/lines/_write.py", True),
        ("README.md", True),
    ],
)
def test_a_changed_source_never_meets_an_old_result(tmp_path, changed, valid):
    for name in ("helpers", "studies", "data"):
        ignored = shutil.ignore_patterns("__pycache__", "natural_earth", "models")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("requirements.lock", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    keys = []
    for text in ("", "\n"):
        with open(tmp_path / changed, "a") as file:
            file.write(text)
        _kept.made_from.cache_clear()
        keys.append(_kept.made_from("diffusion", "studies.cases", ("studies/figures",), tmp_path))
    assert (keys[0] == keys[1]) is valid


def a_map(noise_nt=1.0, name="anomaly"):
    """Make a map with another that shares its axes."""
    first = xr.DataArray(np.full((2, 3), noise_nt), [("northing", [0, 2]), ("easting", [0, 2, 4])])
    return xr.Dataset({name: first, "weight": first.copy(data=np.ones((2, 3)))}, attrs={"nT": 1.0})


def test_what_was_read_from_disk_asks_the_same_as_what_was_computed():
    table = pd.DataFrame({"cruise": ["a", "b"], "residual_nt": [1.0, np.nan]})
    computed = a_map()
    computed = computed.assign(linear=computed["anomaly"])
    for value in (computed, computed["anomaly"], table):
        read = pickle.loads(pickle.dumps(value))
        assert _kept._hash((value, value), {}) == _kept._hash((read, value), {})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_map(), a_map(noise_nt=2.0)),
        (a_map(), a_map(name="block")),
        (a_map(), a_map().assign_attrs(nT=2.0)),
        (a_map(), a_map().assign_coords(northing=[0, 3])),
        (a_map(), a_map().astype("float32")),
        (a_map()["anomaly"], a_map()["weight"]),
        (pd.DataFrame({"cruise": ["a", "b"]}), pd.DataFrame({"cruise": ["b", "a"]})),
        (pd.DataFrame({"value": [1.0]}), pd.DataFrame({"other": [1.0]})),
    ],
)
def test_other_maps_and_tables_ask_for_something_else(one, other):
    assert _kept._hash((one,), {}) != _kept._hash((other,), {})


TWO = """
import sys
from pathlib import Path
import numpy as np
from studies import _kept
_kept.FOLDER = Path(sys.argv[1])

def slow(seed):
    with open(_kept.FOLDER / "computed", "a") as file:
        file.write("once ")
    return np.random.default_rng(seed).normal(size=1_000_000)

slow.__module__ = "studies.cases"
print(_kept.kept("data")(slow)(3).sum())
"""


def test_of_processes_at_once_one_computes(tmp_path):
    command = [sys.executable, "-c", TWO, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1
    assert all(process.returncode == 0 for process in running)
    assert (tmp_path / "computed").read_text() == "once "
