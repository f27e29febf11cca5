"""Make the version for students: the workbook without solutions and without stored outputs.

python tools/make_student.py      writes build/student/ and build/student.zip
"""

import re
import shutil
import sys

import nbformat

from run_notebooks import ROOT, find_notebooks, write

STUDENT = ROOT / "build" / "student"
PARTS = ("helpers", "studies", "data", "figures", "docs", "tools", ".binder")
FILES = ("README.md", "LICENSE*", "CITATION.cff", "Makefile", "pyproject.toml")
FILES += ("environment.yml", "requirements.*")
FOR_TEACHERS = ("lesson_plan.md", "__pycache__", ".ipynb_checkpoints")


def without_outputs(notebook):
    """Take the outputs and counts out of a notebook: they tell what should come out."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def without_teachers_links(text):
    """Take the links to solutions and lesson plan out of a text, and the rows that hold them."""
    rows = [row for row in text.splitlines(keepends=True) if not re.match(r"\| \[S\d ", row)]
    return re.sub(r"\[([^\]]+)\]\([^)]*(S\d_\w+\.ipynb|lesson_plan\.md)\)", r"\1", "".join(rows))


def main():
    """Copy what students get."""
    shutil.rmtree(STUDENT, ignore_errors=True)
    for name in PARTS:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns(*FOR_TEACHERS)
            shutil.copytree(ROOT / name, STUDENT / name, ignore=ignored)
    for pattern in FILES:
        for path in ROOT.glob(pattern):
            shutil.copy(path, STUDENT / path.name)
    given = [path for path in find_notebooks(ROOT / "notebooks") if path.name[0] != "S"]
    for path in given:
        notebook = without_outputs(nbformat.read(path, as_version=4))
        write(notebook, STUDENT / "notebooks" / path.name)
    for path in [STUDENT / "README.md", *STUDENT.glob("docs/*.md")]:
        path.write_text(without_teachers_links(path.read_text("utf-8")), "utf-8")
    archive = shutil.make_archive(str(STUDENT), "zip", STUDENT)
    print(f"{len(given)} notebooks without solutions in {STUDENT} and {archive}")


if __name__ == "__main__":
    sys.exit(main())
