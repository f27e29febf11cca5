"""The web pages and the students' version: whole, offline, and without solutions."""

import re
import zipfile

import nbformat
import pytest

import make_site
import make_student
import toys

ROOT = make_site.ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Render the project's pages; return their folder."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_site, "SITE", folder)
        patch.setattr(make_site, "EXECUTED", folder / "none")  # the stored outputs
        make_site.main()
    return folder


@pytest.mark.rest
def test_every_notebook_and_text_has_a_page(site):
    names = {path.name for path in site.glob("*.html")}
    notebooks = {f"{path.stem}.html" for path in ROOT.glob("notebooks/*.ipynb")}
    assert names >= notebooks | {"index.html", "docs_glossary.html", "docs_lesson_plan.html"}
    assert not list(site.glob("*.part"))


@pytest.mark.rest
def test_pages_ask_nobody_and_their_links_lead_somewhere(site):
    for page in site.glob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(r"<script|<link|src=\"(?!data:)|url\(|@import", text), page.name
        for target in re.findall(r'href="([^"#:]+)', text):
            if target.endswith(".html"):
                assert (site / target).exists(), f"{page.name} -> {target}"
            assert not target.endswith(".ipynb"), f"{page.name} -> {target}"


@pytest.mark.rest
def test_pages_show_figures_outputs_and_formulas(site):
    page = (site / "02_anisotropic_diffusion.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") >= 4 and "coherence 0." in page
    assert "<math" in page and "$" not in re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL)
    assert 'alt="Truth, linear interpolation' in page


def test_names_of_files_are_text_in_links():
    path = ROOT / "notebooks" / 'a"><img src=x>.ipynb'
    pages = {path: make_site.page_name(path)}
    link = '<a href="a&quot;&gt;&lt;img src=x&gt;.ipynb#b">'
    made = make_site.linked(link, path.parent, pages)
    assert made == '<a href="a&quot;&gt;&lt;img src=x&gt;.html#b">'


def test_formulas_in_code_stay():
    text = "a $x_1$ and `$HOME` and\n```\n$y$\n```\n$$ z\n= 1 $$"
    made = make_site.with_mathml(text)
    assert made.count("<math") == 2 and "`$HOME`" in made and "\n$y$\n" in made
    assert 'display="block"' in made


def test_an_explorer_shows_its_first_picture():
    state = {
        "box": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_a", "IPY_MODEL_b"]}},
        "a": {"model_name": "SliderModel", "state": {}},
        "b": {"model_name": "ImageModel", "state": {},
              "buffers": [{"path": ["value"], "data": "aGk="}]},
    }  # fmt: skip
    cell = toys.code("explore.Explorer()")
    data = {make_site.WIDGET: {"model_id": "box"}, "text/plain": "Explorer()"}
    cell.outputs = [nbformat.v4.new_output("display_data", data)]
    saved = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": saved})
    shown = make_site.with_pictures(notebook).cells[0].outputs[0].data
    assert shown == {"text/plain": "Explorer()", "image/png": "aGk="}


def test_an_executed_copy_is_used_if_its_code_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(make_site, "EXECUTED", tmp_path)
    path = toys.write(tmp_path / "stored" / "00_toy.ipynb", [toys.code("print(1)")])
    assert not make_site.notebook_of(path).cells[0].outputs
    ran = toys.code("print(1)")
    ran.outputs = [nbformat.v4.new_output("stream", name="stdout", text="1")]
    toys.write(tmp_path / "00_toy.ipynb", [ran])
    assert make_site.notebook_of(path).cells[0].outputs[0].text == "1"
    toys.write(path, [toys.code("print(2)")])
    assert not make_site.notebook_of(path).cells[0].outputs


def test_students_get_everything_but_the_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(make_student, "STUDENT", tmp_path / "student")
    make_student.main()
    given = tmp_path / "student"
    names = {path.name for path in given.glob("notebooks/*.ipynb")}
    assert "01_track_gridding.ipynb" in names
    assert not [name for name in names if name.startswith("S")]
    for path in given.glob("notebooks/*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    for path in given.rglob("*.md"):
        assert "S1_solutions" not in path.read_text("utf-8"), path
    assert not (given / "docs" / "lesson_plan.md").exists()
    for part in ("helpers/data/_regions.py", "Makefile", "requirements.lock", "data/timescale.csv"):
        assert (given / part).exists(), part
    packed = zipfile.ZipFile(f"{given}.zip").namelist()
    assert "notebooks/00_start_here.ipynb" in packed
    assert not [name for name in packed if "S1_" in name]
