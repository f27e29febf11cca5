"""Settings that let the tests, and nbval above all, judge fairly.

nbval runs each notebook in a kernel of its own, so what a kernel should know is set here, in
the environment that it inherits.
"""

import os
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
# nbval waits this long for the next message of a cell; its own 5 s is hard-coded, and a cell that
# shows a whole region to the networks says nothing for minutes on one thread.
OUTPUT_TIMEOUT_S = 900
# Not compared: warnings differ from machine to machine, and the HTML of a table repeats its text.
NOT_COMPARED = ("stderr", "text/html", "image/svg+xml")

paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
# absolute, since kernels start in another folder
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
os.environ.pop("MPLBACKEND", None)  # a kernel chooses its own inline backend
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # the same sums in the same order
os.environ["TQDM_DISABLE"] = "1"  # no progress bars in stored outputs
os.environ.setdefault("LMA_LEFT_OUT", str(Path(tempfile.mkdtemp()) / "left_out.txt"))


def pytest_collection_modifyitems(items):
    """Adapt nbval's cells: what is left out of a comparison, and how long to wait."""
    for item in items:
        if type(item).__name__ == "IPyNbCell":
            if item.path.name[0] in "AS":  # the appendices and the solutions
                item.add_marker(pytest.mark.rest)
            item.output_timeout = OUTPUT_TIMEOUT_S
            seen = item.parent.skip_compare
            item.parent.skip_compare = (*seen, *(key for key in NOT_COMPARED if key not in seen))
            if not os.environ.get("LMA_DATA_MIRROR"):
                item.compare_outputs = excusing_left_out(item.parent, item.compare_outputs)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """Fail a cell of a notebook that writes to stderr, which the stored form does not keep."""
    outcome = yield
    outputs = getattr(item, "test_outputs", None) or []
    said = "".join(output["text"] for output in outputs if output.get("name") == "stderr")
    if said and outcome.excinfo is None:
        outcome.force_exception(AssertionError(f"the cell writes to stderr: {said}"))


def excusing_left_out(notebook, compare):
    """Excuse cells whose registry files cannot be had; with a mirror nothing is excused.

    Such a cell says "Left out, ..."; those that depend on it are guarded and say nothing.
    """

    def judge(test, ref, skip_compare=None):
        if any("Left out" in output.get("text", "") for output in test):
            notebook.left_out = True
            return True
        if not test and getattr(notebook, "left_out", False):
            return True
        return compare(test, ref, skip_compare)

    return judge


def pytest_terminal_summary(terminalreporter):
    """List once, at the end, what was left out for want of files."""
    from helpers import data

    if not hasattr(terminalreporter.config, "workerinput") and data.left_out():
        terminalreporter.write_line(data.left_out())


@pytest.fixture(autouse=True, scope="session")
def _draw_without_a_screen():
    """Let tests draw where there is no screen, and open no window where there is one."""
    import matplotlib

    matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    """Close the figures that a test leaves open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
