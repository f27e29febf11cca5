"""Intermediate results on disk: what notebooks, figures and tests share is computed once.

A result lies under `build/cache/`, in a folder named by a hash of all that it is made from: the
sources of the rooms that it rests on, the embedded data and weights, the exact packages.  So a
changed source never meets an old result.  Each result is written beside its place and then renamed,
what cannot be read is computed anew, and a full disk costs only the keeping.  Of two processes that
ask for the same at once one computes, and the other waits.

Results are pickled as a whole: joblib, which saves each array by itself, reads the names of cruises
in a track table one by one, and takes seconds.
"""

import ast
import contextlib
import functools
import hashlib
import pickle
import warnings
from pathlib import Path

import joblib
import pandas as pd
import xarray as xr

from helpers._shared import ROOT, locked, written

FOLDER = ROOT / "build" / "cache"
ROOMS = "_shared.py data tracks seafloor network gridding diffusion lines scores".split()
ROOMS += ["maps", "labelling"]
EMBEDDED = "data/context data/models data/timescale.csv data/registry.csv requirements.lock".split()
MADE_FROM = (".py", ".nc", ".csv", ".json", ".h5", ".lock", ".shp", ".dbf")


def kept(last_room, *also):
    """Keep what a function returns: in memory, and on disk for other processes and later runs.

    Parameters
    ----------
    last_room : str
        The last room of helpers, in their order, that the function rests on.
    *also : str
        Other folders that it rests on, from the root of the workbook.

    Returns
    -------
    callable
        The decorator.  What returns None is called anew the next time.
    """

    def keep(function):
        in_memory = {}

        @functools.wraps(function)
        def found(*args, **kwargs):
            asked = _hash(args, kwargs)
            if in_memory.get(asked) is None:
                in_memory[asked] = on_disk(asked, args, kwargs)
            return in_memory[asked]

        def on_disk(asked, args, kwargs):
            folder = FOLDER / made_from(last_room, function.__module__, also)
            path = folder / f"{function.__module__}.{function.__name__}_{asked}.pkl"
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(locked(path))
                except OSError as problem:  # such as a folder that nobody may write to
                    _warn(path, problem)
                result = _read(path)
                if result is None:
                    result = function(*args, **kwargs)
                    _write(path, result)
            return result

        return found

    return keep


def _hash(args, kwargs):
    """Hash arguments, each by itself: what they share does not tell one call from another."""
    named = {name: joblib.hash(_told(value)) for name, value in kwargs.items()}
    return joblib.hash(([joblib.hash(_told(value)) for value in args], named))


def _told(value):
    """Give a map or a table as what it holds.

    A map is hashed layer by layer: one that was computed shares axes with others, one that was read
    does not, and joblib sees the difference.  A table becomes a number for each row: to hash its
    texts one by one takes seconds.
    """
    if isinstance(value, xr.DataArray):
        return value.name, _told(value.to_dataset(name="values"))
    if isinstance(value, xr.Dataset):
        layers = {name: joblib.hash((layer.dims, layer.to_numpy(), layer.attrs))
                  for name, layer in value.variables.items()}  # fmt: skip
        return "map", layers, sorted(value.coords), joblib.hash(value.attrs)
    if type(value) is not pd.DataFrame:
        return value
    rows = pd.util.hash_pandas_object(value).to_numpy()
    return "table", value.dtypes.astype(str).to_dict(), value.attrs, rows


def _read(path):
    """Read a result; None where there is none, or none that can be read."""
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except Exception:  # a damaged file fails anywhere in pickle
        return None


def _write(path, result):
    """Write a result, whole or not at all; None is not kept."""
    if result is None:
        return
    try:
        with written(path) as beside, open(beside, "wb") as file:
            pickle.dump(result, file, pickle.HIGHEST_PROTOCOL)
    except OSError as problem:  # such as a full disk: only the keeping fails
        _warn(path, problem)


def _warn(path, problem):
    warnings.warn(f"{path.stem} is not kept: {problem}", stacklevel=5)


def once(function):
    """Call a function of helpers or of a package, or take from disk what the same call has given.

    Parameters
    ----------
    function : callable
        What it returns follows from its arguments alone, and none of them is changed.

    Returns
    -------
    callable
        Takes the same arguments.  It computes anew where any of them has changed, or a package, or
        a source of helpers on which the function rests.

    Examples
    --------
    >>> from helpers import data
    >>> from studies import cases
    >>> cases.once(data.timescale)()["chron"][0]
    'C1n'
    """
    package, _, room = function.__module__.partition(".")
    return kept(room.partition(".")[0] if package == "helpers" else ROOMS[0])(function)


@functools.cache
def made_from(last_room, module, also=(), root=ROOT):
    """Hash everything that a result is made from: sources, embedded data, packages."""
    parts = [f"helpers/{room}" for room in ROOMS[: ROOMS.index(last_room) + 1]]
    parts += [*EMBEDDED, *also, *_studies(f"{module.replace('.', '/')}.py", root)]
    files = [path for part in parts for path in (root / part, *(root / part).rglob("*"))]
    found = hashlib.sha256()
    for path in sorted({path for path in files if path.suffix in MADE_FROM and path.is_file()}):
        found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _studies(part, root, known=frozenset()):
    """Find a module of studies, and those of studies that it imports."""
    if part in known or not (root / part).is_file():
        return known
    known |= {part}
    for node in ast.walk(ast.parse((root / part).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = Path(part).parents[node.level - 1] / (node.module or "").replace(".", "/")
            known |= _studies(f"{folder}.py", root, known)
            for alias in node.names:
                known |= _studies(f"{folder}/{alias.name}.py", root, known)
    return known
