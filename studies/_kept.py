"""Intermediate results on disk: what notebooks, figures and tests share is computed once.

A result lies under `build/cache/`, in a folder named by a hash of all that it is made from: the
sources of the rooms that it rests on, the embedded data and weights, the exact packages.  So a
changed source never meets an old result.  joblib writes each result beside its place and then
renames it, computes anew what it cannot read, and only warns where the disk is full.  Of two
processes that ask for the same at once one computes, and the other waits.
"""

import ast
import functools
import hashlib
import warnings
from pathlib import Path

import joblib

from helpers._shared import ROOT, locked

FOLDER = ROOT / "build" / "cache"
ROOMS = "_shared.py data tracks seafloor network gridding diffusion lines scores maps".split()
EMBEDDED = "data/context data/models data/timescale.csv data/registry.csv requirements.lock".split()
MADE_FROM = (".py", ".nc", ".csv", ".json", ".h5", ".lock", ".shp", ".dbf")


class _Nothing(Exception):
    """A function had nothing to give, as where a file cannot be had: that is not kept."""


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
        @functools.wraps(function)
        def made(*args, **kwargs):
            result = function(*args, **kwargs)
            if result is None:
                raise _Nothing
            return result

        in_memory = {}

        @functools.wraps(function)
        def found(*args, **kwargs):
            asked = joblib.hash((args, kwargs))
            if in_memory.get(asked) is None:
                in_memory[asked] = on_disk(asked, args, kwargs)
            return in_memory[asked]

        def on_disk(asked, args, kwargs):
            folder = FOLDER / made_from(last_room, function.__module__, also)
            try:
                with locked(folder / f"{function.__name__}_{asked}"):
                    return joblib.Memory(folder, verbose=0).cache(made)(*args, **kwargs)
            except _Nothing:
                return None
            except OSError as problem:  # such as a full disk: only the keeping fails
                warnings.warn(f"{function.__name__} is not kept: {problem}", stacklevel=3)
                return function(*args, **kwargs)

        return found

    return keep


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
