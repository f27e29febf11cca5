"""The guard: notebooks keep the rules that make nbval's verdict worth something.

The rules stand in tools/check_notebooks.py; tests/tools/test_tools.py breaks each of them once.
"""

import os

import nbformat
import pytest

import check_notebooks

NOTEBOOKS = sorted((check_notebooks.ROOT / "notebooks").glob("*.ipynb"))


def test_the_notebooks_are_there_in_order():
    if not NOTEBOOKS and not os.environ.get("CI"):
        pytest.skip("no notebook yet")
    assert not list(check_notebooks.out_of_order([path.stem for path in NOTEBOOKS]))


@pytest.mark.parametrize("rule", check_notebooks.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_rule(path, rule):
    broken = list(rule(nbformat.read(path, as_version=4), path))
    assert not broken, "\n".join([path.name, *broken])


def test_every_exercise_has_a_solution():
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    assert not list(check_notebooks.without_solution(notebooks))
