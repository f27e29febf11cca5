"""Execute the notebooks, two at a time, each in a fresh kernel.

    python tools/run_notebooks.py               executes all into build/notebooks/
    python tools/run_notebooks.py --only 02     only those whose name starts with 02
    python tools/run_notebooks.py --store       rewrites the notebooks themselves, in stored form

The stored form keeps text outputs and drops what makes noise in a diff: pictures, widget state,
stderr, timings and all metadata but the kernel's name and cell tags. Two runs are byte-identical.
"""

import argparse
import hashlib
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_TIMEOUT_S = 600
AT_ONCE = 2  # notebooks; each takes up to 1.5 GB
# begin first, so that none runs alone at the end; S1 takes up what the others have computed
LONGEST = ("05", "04", "A2", "02", "03", "S1")
ONE_THREAD = dict.fromkeys(  # for each of what runs at once
    ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "1",
)
# Encrypt what passes between this tool and the kernels, where both can
ENCRYPT = Config({"KernelManager": {"transport_encryption": "auto"}})
FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)


def find_notebooks(folder, only=""):
    """Return the notebooks of a folder in order: 00 to 05, A1, A2 and on, then S1."""
    found = sorted(path for path in folder.glob("*.ipynb") if path.name.startswith(only))
    if not found:
        raise SystemExit(f"no notebook named {only}*.ipynb in {folder}: check the name")
    return found


def execute(notebook, folder, timeout_s=CELL_TIMEOUT_S, after_cell=None):
    """Execute a notebook in place, in a fresh kernel that starts in ``folder``."""
    client = NotebookClient(
        notebook,
        timeout=timeout_s,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=True,
        on_cell_executed=after_cell,
        config=ENCRYPT,
    )
    client.execute()


def where_it_failed(notebook):
    """Say which cell failed: the last code cell that was started."""
    code = [(k, cell) for k, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    begun = [(k, cell) for k, cell in code if "execution" in cell.metadata]
    if not begun:
        return "before its first cell"
    position, cell = begun[-1]
    first_line = (cell.source.strip().splitlines() or [""])[0]
    return f"in cell {position} (counted from 0), which begins: {first_line}"


def stable(text):
    """Replace what changes from run to run; tests/nbval_sanitize.cfg does the same."""
    return re.sub(r"0x[0-9a-fA-F]{6,16}", "ADDRESS", text)


def stored_output(output):
    """Reduce one output to its text; return None where nothing is left."""
    if output.output_type == "stream":
        if output.name != "stdout":
            return None
        return nbformat.v4.new_output("stream", name="stdout", text=stable(output.text))
    if output.output_type == "error":
        kept = {"ename": output.ename, "evalue": stable(output.evalue), "traceback": []}
        return nbformat.v4.new_output("error", **kept)
    if "text/plain" not in output.data:
        return None
    kept = {"text/plain": stable(output.data["text/plain"])}
    return nbformat.v4.new_output(output.output_type, data=kept)


def joined(outputs):
    """Join neighbouring pieces of stdout, which come cut at random."""
    result = []
    for output in outputs:
        if result and output.output_type == result[-1].output_type == "stream":
            result[-1].text += output.text
        else:
            result.append(output)
    return result


def stored_form(notebook, name):
    """Return the stored form of an executed notebook."""
    result = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    count = 0
    for position, cell in enumerate(notebook.cells):
        new = nbformat.from_dict({"cell_type": cell.cell_type, "source": cell.source.rstrip()})
        new.id = hashlib.sha256(f"{name}:{position}".encode()).hexdigest()[:8]
        tags = cell.metadata.get("tags", [])
        new.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            count += 1
            new.execution_count = count
            new.outputs = joined(filter(None, map(stored_output, cell.outputs)))
            for output in new.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
        result.cells.append(new)
    nbformat.validate(result)
    return result


def write(notebook, path):
    """Write a notebook, whole or not at all."""
    write_text(nbformat.writes(notebook) + "\n", path)


def write_text(text, path):
    """Write a file beside its place, then move it there, so that no half file is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def run(path, target, store=False, timeout_s=CELL_TIMEOUT_S, after_cell=None):
    """Execute one notebook and write it to ``target``; return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    begin = time.perf_counter()
    try:
        execute(notebook, path.parent, timeout_s, after_cell)
    except FAILURES as problem:
        raise SystemExit(f"{path.name} failed {where_it_failed(notebook)}\n{problem}") from None
    seconds = time.perf_counter() - begin
    write(stored_form(notebook, path.stem) if store else notebook, target)
    return seconds


def _turn(path):
    """When a notebook begins: the longest first, the others in order."""
    start = path.name[:2]
    return (LONGEST.index(start) if start in LONGEST else len(LONGEST)), path.name


def code_cells(path):
    """Count the cells of a notebook that are executed."""
    return sum(cell.cell_type == "code" for cell in nbformat.read(path, as_version=4).cells)


def main(arguments=None):
    """Run the notebooks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "notebooks")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "notebooks")
    parser.add_argument("--only", default="", metavar="02", help="first letters of the name")
    parser.add_argument("--store", action="store_true", help="rewrite the notebooks themselves")
    parser.add_argument("--timeout", type=int, default=CELL_TIMEOUT_S, help="seconds for a cell")
    options = parser.parse_args(arguments)
    if options.store and os.environ.get("FULL"):
        raise SystemExit("stored outputs come from the default run: unset FULL")
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # as in the tests: the same sums in the same order
    os.environ["TQDM_DISABLE"] = "1"  # in the kernels: no bars in what is stored
    os.environ.pop("MPLBACKEND", None)
    notebooks = find_notebooks(options.folder.resolve(), options.only)
    if len(notebooks) > 1:
        os.environ.update(ONE_THREAD)
    with (
        tqdm(total=sum(map(code_cells, notebooks)), unit="cell", disable=None) as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def one(path):
            target = path if options.store else options.output.resolve() / path.name
            return run(path, target, options.store, options.timeout, lambda **_: bar.update())

        try:
            begun = {path: pool.submit(one, path) for path in sorted(notebooks, key=_turn)}
            for path in notebooks:
                bar.write(f"{path.name:36s}{begun[path].result():7.1f} s")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    print(f"written to {options.folder if options.store else options.output}")


if __name__ == "__main__":
    sys.exit(main())
