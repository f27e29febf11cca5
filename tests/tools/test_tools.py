"""The tools: running and storing notebooks, their rules, nbval's settings, figures, scores."""

import json
import subprocess
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

import check_notebooks
import make_figures
import print_scores
import run_notebooks
import toys
from pictures import differs
from studies import _kept

ROOT = run_notebooks.ROOT


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Return the path of a toy notebook, executed and in stored form."""
    path = toys.write(tmp_path_factory.mktemp("toy") / "00_toy.ipynb", toys.good_cells())
    run_notebooks.main(["--folder", str(path.parent), "--store"])
    return path


def broken(notebook, path):
    """Return the names of the rules that a notebook breaks."""
    return {rule.__name__ for rule in check_notebooks.RULES if list(rule(notebook, path))}


# --- running and storing


def test_two_runs_are_identical_to_the_byte(stored):
    first = stored.read_bytes()
    run_notebooks.main(["--folder", str(stored.parent), "--store"])
    assert stored.read_bytes() == first
    assert [path.name for path in stored.parent.iterdir()] == ["00_toy.ipynb"]


def test_what_the_stored_form_keeps_and_drops(stored):
    text = stored.read_text()
    for dropped in 'noise widget-view image/png text/html Traceback execution" 0x'.split():
        assert dropped not in text
    notebook = nbformat.read(stored, as_version=4)
    cells = notebook.cells
    assert dict(notebook.metadata) == {"kernelspec": run_notebooks.KERNEL}
    assert all(set(cell.metadata) <= {"tags"} for cell in cells)
    assert len({cell.id for cell in cells}) == len(cells)
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert outputs[0].text == "0.0 nT\n"
    printed = [output.text for output in outputs if output.output_type == "stream"]
    assert "1\n2\n" in printed  # joined over the line that went to stderr
    plain = [output.data["text/plain"] for output in outputs if "data" in output]
    assert any("age_ma" in value for value in plain)
    assert "<object at ADDRESS>" in plain
    assert "Explorer(draw_wave: wavelength_km=20)" in plain


def test_without_store_the_notebook_is_left_alone(stored, tmp_path):
    before = stored.read_bytes()
    run_notebooks.main(["--folder", str(stored.parent), "--output", str(tmp_path / "build")])
    assert stored.read_bytes() == before
    executed = (tmp_path / "build" / "00_toy.ipynb").read_text()
    assert "noise" in executed and "widget-view" in executed  # whole, for people to look at


def test_notebooks_run_in_order_in_their_own_folder(tmp_path, capsys):
    folder = tmp_path / "n"
    for name in ("A1_last", "01_second", "00_first"):
        cells = [toys.code("print(__import__('os').getcwd())")]
        toys.write(folder / f"{name}.ipynb", cells)
    run_notebooks.main(["--folder", str(folder), "--output", str(tmp_path / "o")])
    printed = capsys.readouterr().out
    assert printed.index("00_first") < printed.index("01_second") < printed.index("A1_last")
    assert " s\n" in printed
    assert str(folder) in (tmp_path / "o" / "00_first.ipynb").read_text()
    given = ["--folder", str(folder), "--output", str(tmp_path / "p")]
    run_notebooks.main([*given, "--only", "01"])
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["01_second.ipynb"]
    with pytest.raises(SystemExit, match="no notebook named 07"):
        run_notebooks.main([*given, "--only", "07"])


@pytest.mark.parametrize(
    ("source", "timeout", "expected"),
    [
        ("depth = 3\n1 / 0", "60", "ZeroDivisionError"),
        ("import time\ntime.sleep(30)", "1", "[Tt]imed out"),
        ("import os\nos._exit(1)", "60", "[Kk]ernel"),
    ],
)
def test_a_failure_names_notebook_and_cell_and_changes_nothing(tmp_path, source, timeout, expected):
    cells = [toys.text("# Title"), toys.code("fine = 1"), toys.code(source), toys.code("after = 1")]
    path = toys.write(tmp_path / "03_bad.ipynb", cells)
    before = path.read_bytes()
    said = f"(?s)03_bad.ipynb failed in cell 2.*{expected}"
    with pytest.raises(SystemExit, match=said) as failure:
        run_notebooks.main(["--folder", str(tmp_path), "--store", "--timeout", timeout])
    assert f"begins: {source.splitlines()[0]}" in str(failure.value)
    assert path.read_bytes() == before


def test_stored_outputs_never_come_from_the_large_run(tmp_path, monkeypatch):
    monkeypatch.setenv("FULL", "1")
    with pytest.raises(SystemExit, match="unset FULL"):
        run_notebooks.main(["--folder", str(tmp_path), "--store"])


# --- rules: a good notebook keeps all, and each rule can fail


def test_a_good_notebook_breaks_no_rule(stored):
    assert broken(nbformat.read(stored, as_version=4), stored) == set()


PICTURE = nbformat.v4.new_output("display_data", {"image/png": "aaaa"})


@pytest.mark.parametrize(
    ("rule", "where", "new"),
    [
        ("unchecked", slice(3, 4), {"outputs": []}),
        ("unchecked", slice(None), {"metadata": {}}),
        ("wrong_counts", slice(1, 2), {"execution_count": 7}),
        ("errors", slice(-3, -2), {"metadata": {}}),
        ("unknown_tags", slice(1, 2), {"metadata": {"tags": ["nbval-check-outputs"]}}),
        ("trailing_semicolons", slice(3, 4), {"source": "value = 0;  "}),
        ("pictures", slice(3, 4), {"outputs": [PICTURE]}),
        ("pictures", slice(2, 3), {"source": "![A map](../figures/nowhere.png)"}),
        ("pictures", slice(2, 3), {"source": "![](map.png)"}),
        ("sections", slice(-1, None), {"source": "## Check yourself\n\n## References"}),
        ("few_exercises", slice(-1, None), {"source": toys.ENDING.replace("2. Why?", "")}),
        ("sections", slice(1), {"source": "# A toy\n\nJust begin."}),
        ("sections", slice(1), {"source": toys.OPENING[2:]}),
        ("wrong_form", slice(1, 2), {"metadata": {"collapsed": True}}),
    ],
)
def test_each_rule_can_fail(stored, tmp_path, rule, where, new):
    notebook = nbformat.read(stored, as_version=4)
    for cell in notebook.cells[where]:
        cell.update(nbformat.from_dict(new))
    path = tmp_path / stored.name
    nbformat.write(notebook, path)
    assert rule in broken(nbformat.read(path, as_version=4), path)


def test_order_of_the_notebooks():
    names = [*check_notebooks.FIRST, "A1_simulated_seafloor", "A2_real_cruises"]
    assert not list(check_notebooks.out_of_order(names))
    assert "05_regional_application" in str(list(check_notebooks.out_of_order(names[:5])))
    assert not list(check_notebooks.out_of_order([*names[:6], "A3_x", "S1_solutions"]))
    assert "numbered [2]" in str(list(check_notebooks.out_of_order([*names, "S2_more"])))
    assert "not named" in str(list(check_notebooks.out_of_order([*names, "Untitled"])))


def test_solutions_and_exercises_are_held_together():
    toy = nbformat.v4.new_notebook(cells=toys.good_cells())
    solved = toys.text("### 01.1 Try it\n\nText.\n\n### 01.2 Why\n\n### 01.3 No such")
    answers = nbformat.v4.new_notebook(cells=[solved])
    found = list(check_notebooks.without_solution({"01_toy": toy, "S1_solutions": answers}))
    assert found == ["solution 01.3 has no exercise"]
    solved.source = "### 01.1 Try it"
    found = list(check_notebooks.without_solution({"01_toy": toy, "S1_solutions": answers}))
    assert found == ["exercise 01.2 has no solution"]


# --- nbval with the project's settings


def nbval(*paths):
    """Run nbval on notebooks as `make test` does; return its output."""
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "-p", "conftest"]
    command += ["-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    command += ["--nbval-sanitize-with", "tests/nbval_sanitize.cfg", *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


def test_nbval_compares_what_is_tagged_and_lets_no_cell_write_to_stderr(stored, tmp_path):
    text = stored.read_text()
    for old, new in (("64.0 nT", "64.1 nT"), ("     2.5", "     2.6"), ("_km=20)", "_km=21)")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    changed = tmp_path / "changed.ipynb"
    changed.write_text(text)
    output = nbval(stored, changed)
    assert "the cell writes to stderr: noise" in output
    # that cell in both notebooks, and the three changed ones
    assert "5 failed, 25 passed" in output, output


# --- figures


def draw_map(shift=0, title="A map of stripes"):
    """Draw a map of stripes, as the workbook's figures do."""
    figure, axes = plt.subplots(figsize=(6, 4))
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    stripes = np.sin((x + 0.3 * y + shift) / 2.5)
    axes.imshow(stripes, cmap="RdBu_r")
    axes.set_title(title)
    return figure


@pytest.fixture
def toy_figures(monkeypatch, tmp_path_factory):
    """Put two toy figures in the place of studies/figures/all.py, with a cache of their own."""
    monkeypatch.setattr(_kept, "FOLDER", tmp_path_factory.mktemp("cache"))
    figures = {"map_one": draw_map, "map_two": lambda: draw_map(shift=3)}
    captions = {"map_one": "Simulated stripes.", "map_two": "The same, shifted."}
    monkeypatch.setattr(make_figures, "registry", lambda: (figures, captions))
    monkeypatch.setattr(make_figures, "AT_ONCE", 1)  # other processes know no toys
    return figures


def test_figures_are_drawn_the_same_each_time_and_indexed(toy_figures, tmp_path, capsys):
    (tmp_path / "old.png").write_bytes(b"")
    make_figures.main([], folder=tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.glob("map*.png")}
    assert set(first) == {"map_one.png", "map_two.png"}
    make_figures.main([], folder=tmp_path)  # now from the cache
    assert {path.name: path.read_bytes() for path in tmp_path.glob("map*.png")} == first
    assert make_figures.png(draw_map()) == first["map_one.png"]
    assert b"Software" not in first["map_one.png"]
    readme = (tmp_path / "README.md").read_text()
    assert "![map one](map_one.png)\n\nSimulated stripes." in readme
    assert "old.png has no function" in capsys.readouterr().out
    assert plt.get_fignums() == []


def test_one_figure_alone(toy_figures, tmp_path):
    make_figures.main(["--only", "map_two"], folder=tmp_path)
    assert [path.name for path in tmp_path.glob("*.png")] == ["map_two.png"]
    with pytest.raises(SystemExit, match="no figure 'map_six'; there are: map_one, map_two"):
        make_figures.main(["--only", "map_six"], folder=tmp_path)


def test_every_figure_needs_a_caption(monkeypatch):
    stub = SimpleNamespace(FIGURES={"a": draw_map}, CAPTIONS={"b": "Text"})
    monkeypatch.setattr(make_figures.importlib, "import_module", lambda name: stub)
    with pytest.raises(SystemExit, match=r"differ in \['a', 'b'\]"):
        make_figures.registry()


def test_the_tolerance_lets_the_same_pass_and_a_change_fail(tmp_path):
    committed = tmp_path / "map.png"
    make_figures.write_bytes(make_figures.png(draw_map()), committed)
    (tmp_path / "again").mkdir()
    again = tmp_path / "again"
    assert differs(make_figures.png(draw_map()), committed, again) is None
    assert differs(make_figures.png(draw_map(shift=0.001)), committed, again) is None
    for change in ({"shift": 1}, {"title": "A map of strikes"}):
        assert differs(make_figures.png(draw_map(**change)), committed, again) is not None, change


# --- scores


def records():
    """Return records of two models over three seeds and two regions."""
    return [
        dict(model=model, input="raw", seed=seed, region=region, f1=base + seed / 10, x="y")
        for model, base in (("scratch", 0.2), ("transfer", 0.5))
        for seed in range(3)
        for region in ("epr", "reykjanes")
    ]


def test_scores_are_means_over_seeds_with_an_interval(tmp_path, capsys):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(records()))
    print_scores.main(["--file", str(path), "--all"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["model", "input", "seeds", "f1"]
    # seeds give .2 .3 .4: mean .3, t(2) = 4.303, half-width 4.303 * .1 / sqrt(3) = .248
    assert lines[2].split() == ["scratch", "raw", "3", "0.300", "±", "0.248"]
    assert len(lines) == 4
    print_scores.main(["--file", str(path), "--by", "region"])
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_the_table_of_the_shipped_scores_fits_a_terminal(capsys):
    print_scores.main([])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) > 10 and max(map(len, rows)) <= 100


def test_one_seed_has_no_interval_and_a_missing_score_a_dash(tmp_path, capsys):
    path = tmp_path / "scores.json"
    one = {"model": "a", "input": "raw", "seed": 0}
    path.write_text(json.dumps([one | {"f1": 0.5}, one | {"model": "b", "ece": 0.1}]))
    print_scores.main(["--file", str(path), "--all"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [["a", "raw", "1", "0.500", "-"], ["b", "raw", "1", "-", "0.100"]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "make train"), ("[{", "not JSON"), ("{}", "list of records"), ('[{"f1": 1}]', "model")],
)
def test_unusable_scores_are_explained(tmp_path, content, expected):
    path = tmp_path / "scores.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit, match=expected):
        print_scores.main(["--file", str(path)])


def test_the_cells_of_an_appendix_run_with_the_rest_and_may_take_their_time():
    import conftest

    marks = []
    cell = type("IPyNbCell", (SimpleNamespace,), {})(
        path=ROOT / "notebooks" / "A1_simulated_seafloor.ipynb",
        parent=SimpleNamespace(skip_compare=("image/png",)),
        add_marker=marks.append,
        compare_outputs=None,
    )
    conftest.pytest_collection_modifyitems([cell, object()])
    assert [mark.name for mark in marks] == ["rest"]
    assert cell.output_timeout == conftest.OUTPUT_TIMEOUT_S > 5


def test_without_a_mirror_only_what_was_left_out_is_excused():
    from conftest import excusing_left_out

    said = [{"output_type": "stream", "name": "stdout", "text": "Left out: a cruise\n"}]
    other = [{"output_type": "stream", "name": "stdout", "text": "3 lines\n"}]
    judge = excusing_left_out(SimpleNamespace(), lambda test, ref, skip_compare: test == ref)
    assert judge(other, other) and not judge([], other) and not judge(said[:0], said)
    assert judge(said, other)  # the file cannot be had
    assert judge([], other)  # a guarded cell after it
    assert not judge(other, said)  # whatever still speaks is compared
