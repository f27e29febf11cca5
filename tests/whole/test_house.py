"""The house: who may import whom, what a face is, and what an import costs."""

import ast
import doctest
import importlib
import subprocess
import sys

import nbformat
import numpy
import pandas
import pytest
import xarray

from helpers._shared import ROOT

# a room imports only rooms that stand before it
ORDER = (
    "_shared explore data tracks seafloor network gridding diffusion largearea lines scores maps "
    "labelling"
).split()
FACES = sorted(path.parent.name for path in (ROOT / "helpers").glob("*/__init__.py"))
SOURCES = sorted((ROOT / "helpers").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def imports(path):
    """Yield the full names of what a file of helpers imports from this repository."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base = [*base, *(node.module or "").split(".")]
            yield from ([*filter(None, base), alias.name] for alias in node.names)


def room(path):
    """Name the room in helpers that a file belongs to."""
    return path.relative_to(ROOT / "helpers").parts[0].removesuffix(".py")


def test_every_room_has_its_place_in_the_order():
    assert {room(path) for path in SOURCES} == {*ORDER, "__init__"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    for name in imports(path):
        assert name[0] != "studies", f"helpers import studies: {'.'.join(name)}"
        if name[0] == "helpers" and room(path) != "__init__":
            above = ORDER[: ORDER.index(room(path)) + 1]
            assert name[1] in above, f"{room(path)} imports {name[1]}, which stands below it"


@pytest.mark.parametrize("face", FACES)
def test_a_face_hands_on_names_and_defines_nothing(face):
    path = ROOT / "helpers" / face / "__init__.py"
    tree = ast.parse(path.read_text("utf-8"))
    assert not [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    module = importlib.import_module(f"helpers.{face}")
    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{face}.{name} is not explained"


@pytest.mark.parametrize("face", FACES)
def test_examples_of_a_face_are_right(face):
    module = importlib.import_module(f"helpers.{face}")
    runner, finder = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), doctest.DocTestFinder()
    for name in module.__all__:
        given = getattr(module, name)
        # an example may use what its face hands on, and np, pd and xr
        known = vars(module) | {face: module, "np": numpy, "pd": pandas, "xr": xarray}
        for example in finder.find(given, name, globs=known) if callable(given) else ():
            assert runner.run(example).failed == 0, f"the example of {face}.{name}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_enter_rooms_by_their_faces(path):
    cells = nbformat.read(path, as_version=4).cells
    tree = ast.parse("\n".join(cell.source for cell in cells if cell.cell_type == "code"))
    rooms = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] not in ("helpers", "studies") or "." not in node.module
            if node.module in ("helpers", "studies"):
                rooms |= {alias.name for alias in node.names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            inner = node.value.id in rooms and node.attr.startswith("_")
            assert not inner, f"{node.value.id}.{node.attr} is inside a room"
    assert rooms <= {*ORDER, *(path.stem for path in (ROOT / "studies").iterdir())}


CHEAP = """
import importlib, sys, helpers
for room in "tracks seafloor network gridding diffusion lines".split():
    importlib.import_module(f"helpers.{room}")
    heavy = {"tensorflow", "keras", "matplotlib", "cartopy"} & set(sys.modules)
    assert not heavy, f"{room} imports {heavy}"
"""


def test_an_import_is_cheap():
    done = subprocess.run([sys.executable, "-c", CHEAP], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
