"""Labels drawn by people: lines on disk after every stroke.

A layer of lines is one GeoJSON file in longitude and latitude, which any GIS opens.  Each line
knows who drew it, when (UTC) and on what data.  The file is written anew, beside its place and
then moved there, whenever a line changes: what was drawn survives the death of the kernel.  A
stroke changes what stands on disk at that moment, so that two notebooks may draw in one layer.
`_learn` scores layers against each other and trains with them.
"""

import hashlib
import json
import os
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import shorten

import geopandas
import numpy as np
import pandas as pd
import xarray as xr
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from shapely.geometry import LineString

from .. import _shared, data

DECIMALS = 6  # of longitude and latitude on disk: about 0.1 m
SHOWN = {  # of a map of one's own, by the name in the labeller's menu
    "guided diffusion": "anomaly",
    "linear interpolation": "linear",
    "readings": "block",
    "probability": "probability",
    "expected error": "uncertainty_nt",
    "distance to data": "distance_km",
}
AXES = ("northing", "easting")
JOIN_KM = 60.0  # neighbouring picks of one isochron are joined up to this distance
WAIT_S = 60  # for another notebook that writes the same layer


@dataclass(frozen=True)
class Line:
    """One line of a layer.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, 2)
        Easting and northing (km) in the region's projection, two points or more.
    who, when, data : str
        Who drew it, when (ISO 8601, UTC), and on what data.
    source : str
        ``drawn``, or what it came from, such as ``picks C5n.o``.
    id : str
        Tells the line from all others, also after it was changed; given by itself.
    """

    points: np.ndarray
    who: str
    when: str
    data: str
    source: str = "drawn"
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Layer:
    """The lines of one person on one map, kept in a file.

    Each stroke is done to the lines that stand in the file by then, and what another notebook has
    changed there since is taken over.

    Parameters
    ----------
    path : str or pathlib.Path
        The GeoJSON file; read if it exists, else made at the first stroke.
    region : helpers.data.Region
        Gives the projection.
    who, about : str
        Who draws, and on what data; written into every line.

    Attributes
    ----------
    lines : dict of int to Line
        The lines by number; the numbers stay while the layer lives.

    Raises
    ------
    ValueError
        If `who` or `about` is empty, or the file holds something else than lines.
    TimeoutError
        By strokes, if another process does not let go of the file.
    """

    def __init__(self, path, region, who, about):
        if not who or not about:
            raise ValueError("Say who draws and on what data: both are written into every line.")
        self.path, self.region, self.who, self.about = Path(path), region, who, about
        self.lines, self._numbers, self._past, self._written = {}, {}, [], None
        self._take(self._standing())

    def add(self, points, source="drawn"):
        """Add a line through points (km); return its number."""
        line = self._made(points, source)
        self._keep({line.id: line})
        return self._numbers[line.id]

    def add_all(self, pieces):
        """Add many lines, ``(points, source)`` each, as one stroke."""
        made = [self._made(*piece) for piece in pieces]
        self._keep({line.id: line for line in made})

    def change(self, number, points):
        """Give a line other points (km); it is then drawn by whoever moved it."""
        old = self.lines[number]
        self._keep({old.id: replace(self._made(points, old.source), id=old.id)})

    def delete(self, number):
        """Take a line out."""
        self._keep({self.lines[number].id: None})

    def undo(self):
        """Go back to before the last stroke of ours; return whether there was one."""
        if not self._past:
            return False
        self._stroke(self._past[-1])
        self._past.pop()
        return True

    def _made(self, points, source):
        points = np.asarray(points, float)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise ValueError(f"A line needs two points (easting, northing) or more, got {points}.")
        when = datetime.now(UTC).isoformat(timespec="seconds")
        return Line(points, self.who, when, self.about, source)

    def _keep(self, changes):
        """Do a stroke that can be undone."""
        self._past.append(self._stroke(changes))

    def _stroke(self, changes):
        """Change lines by id (None: take out) on disk, then here; return what was in their place.

        Nobody else writes between our reading and our writing.
        """
        with _shared.locked(self.path, WAIT_S):
            lines = {line.id: line for line in self._standing()}
            before = {key: lines.get(key) for key in changes}
            lines = [line for line in (lines | changes).values() if line is not None]
            # one that comes back stands where it stood
            lines.sort(key=lambda line: self._numbers.get(line.id, len(self._numbers)))
            write(lines, self.path, self.region)
            self._written = _state(self.path)
        self._take(lines)
        return before

    def _standing(self):
        """Lines on disk, which need not be read if nobody has written since we did."""
        if not self.path.exists():
            return []
        if _state(self.path) == self._written:
            return list(self.lines.values())
        return read(self.path, self.region)

    def _take(self, lines):
        """Take lines as ours; those known keep their numbers."""
        for line in lines:
            self._numbers.setdefault(line.id, len(self._numbers))
        self.lines = {self._numbers[line.id]: line for line in lines}


def _state(path):
    """Tell one state of a file from another: it changes whenever it is written anew."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def write(lines, path, region):
    """Write lines as GeoJSON, beside the place and then moved there, on disk before it returns."""
    features = []
    for line in lines:
        place = np.column_stack(region.unproject(*line.points.T)).round(DECIMALS)
        about = {name: getattr(line, name) for name in ("who", "when", "data", "source", "id")}
        shape = {"type": "LineString", "coordinates": place.tolist()}
        features.append({"type": "Feature", "properties": about, "geometry": shape})
    path.parent.mkdir(parents=True, exist_ok=True)
    with _shared.written(path) as beside, beside.open("w", encoding="utf-8") as stream:
        json.dump({"type": "FeatureCollection", "features": features}, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())


def read(path, region):
    """Read lines that `write` wrote, or that a GIS drew (GeoJSON or GeoPackage).

    Their points are in km of the region's projection.  Columns other than ours are passed over,
    ours may be missing; other shapes than lines are a ValueError.
    """
    try:
        _shared.check_vector(path)
        table = geopandas.read_file(path, layer=_layer_of_lines(path))
    except Exception as problem:
        raise ValueError(
            f"{path} cannot be read as lines ({problem}). Restore it from a copy, or move it away "
            "to begin with an empty layer."
        ) from problem
    table = table.to_crs("EPSG:4326").explode(index_parts=False) if len(table) else table
    other = sorted(set(table.geometry.geom_type) - {"LineString"})
    if other:
        raise ValueError(f"{path} holds {', '.join(other)}; a layer of labels holds lines only.")
    found = {}
    for row in table.to_dict("records"):
        shape = row["geometry"]
        points = np.column_stack(region.project(*np.array(shape.coords)[:, :2].T))
        given = {name: _text(row.get(name), "unknown") for name in ("who", "when", "data")}
        line = Line(points, source=_text(row.get("source"), "drawn"), **given)
        key = _text(row.get("id"), "")
        if key in ("", *found):  # of a GIS, or copied there: the same for all who read the file
            text = f"{len(found)} {key} {given} {line.source} {shape.wkt}"
            key = hashlib.sha256(text.encode()).hexdigest()[:32]
        found[key] = replace(line, id=key)
    return list(found.values())


def _layer_of_lines(path):
    """Name the layer of lines where `make map` wrote others beside it; else None, the first."""
    names = geopandas.list_layers(path)["name"].tolist()
    return "lines" if len(names) > 1 and "lines" in names else None


def _text(value, absent):
    """Text of a cell of a table."""
    if not value or pd.isna(value):
        return absent
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@dataclass(frozen=True)
class OwnMap:
    """A map that `make map` made of somebody's own tracks: ``build/maps/NAME.nc``."""

    region: data.Region
    grid: xr.Dataset  # as networks see it

    @property
    def fields(self):
        """Maps by name, as the labeller shows them."""
        named = {name: self.grid[key] for name, key in SHOWN.items() if key in self.grid}
        return {name: layer for name, layer in named.items() if layer.dims == AXES}

    @property
    def about(self):
        """What the map was made of."""
        return str(self.grid.attrs["data"])


def open_map(path, load=True):
    """Open a map of one's own (`OwnMap`), or only its head.

    What cannot be read, or is no such map, is a ValueError with a short reason that goes on after
    the file's name.
    """
    try:
        with xr.open_dataset(path) as stored:
            lacking = _lacking(stored)
            grid = stored.load() if load and not lacking else stored
    except Exception as problem:  # whatever the libraries below find wrong
        reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise ValueError(f"cannot be read ({shorten(reason, 80)})") from problem
    if lacking:
        raise ValueError(f"is no map of `make map`: it has no {lacking}")
    try:
        box = np.array(grid.attrs["box"], float)
        region = data.region_from_box(*box.tolist(), name=str(grid.attrs["name"]))
    except (ValueError, TypeError) as problem:
        reason = f"its box is {grid.attrs['box']}"
        raise ValueError(f"is no map of `make map`: {shorten(reason, 80)}") from problem
    return OwnMap(region, grid)


def _lacking(grid):
    """Name the first thing that a map must have and this one has not; empty if it has all."""
    for name in ("box", "name", "data"):
        if name not in grid.attrs:
            return f"attribute {name!r}"
    for name in AXES:
        axis = grid.get(name, xr.DataArray())
        if axis.dims != (name,) or axis.size < 2 or not (np.diff(axis.astype(float)) > 0).all():
            return f"axis {name!r} that ascends"
    for name in ("anomaly", "block", "distance_km"):
        layer = grid.get(name, xr.DataArray())
        if layer.dims != AXES or layer.dtype.kind not in "fiu":
            return f"layer {name!r} of numbers on northing and easting"
    return ""


def simpler(points, tolerance_km):
    """Leave out points of a line (n, 2) that bend it by less (Douglas & Peucker 1973)."""
    return np.array(LineString(points).simplify(tolerance_km).coords)


def pick_lines(table, region):
    """Join the picks of each end of each chron to lines, to start a layer from.

    Picks of one isochron are joined by their minimum spanning tree, without edges beyond 60 km,
    and the tree is cut where it branches.  A pick marks the *border* of a polarity block, a label
    the crest of its anomaly beside it: lines made here are to be moved.

    Parameters
    ----------
    table : pandas.DataFrame
        From `data.region_picks`.
    region : helpers.data.Region
        Gives the projection.

    Returns
    -------
    list of tuple
        Points, array (n, 2) in km, and source, as `Layer.add_all` takes them.
    """
    found = []
    for (chron, end), part in table.groupby(["chron", "end"]):
        points = np.column_stack(region.project(part["longitude"], part["latitude"]))
        for path in _paths(np.unique(points, axis=0)):
            found.append((path, f"picks {chron}.{end}"))
    return found


def table_of(lines, region):
    """Give lines as a table with geometry (km), for maps and for `lines.write`.

    Parameters
    ----------
    lines : iterable of Line
    region : helpers.data.Region

    Returns
    -------
    geopandas.GeoDataFrame
        ``who``, ``when``, ``data``, ``source``, ``length_km`` and ``geometry``.
    """
    rows = [
        {name: value for name, value in vars(line).items() if name != "points"}
        | {"geometry": LineString(line.points)}
        for line in lines
    ]
    columns = ["who", "when", "data", "source", "geometry"]
    made = geopandas.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=region.crs)
    return made.assign(length_km=made.length)


def _paths(points):
    """Cut the minimum spanning tree of points at its branches and its long edges."""
    if len(points) < 2:
        return []
    tree = minimum_spanning_tree(cdist(points, points)).tocoo()
    short = tree.data <= JOIN_KM
    edges = np.column_stack([tree.row, tree.col])[short]
    degree = np.bincount(edges.ravel(), minlength=len(points))
    left = {tuple(sorted(edge)) for edge in edges.tolist()}
    ends = [k for k in np.flatnonzero(degree) if degree[k] != 2]
    found = []
    for start in ends:
        while (path := _walk(start, left, degree)) is not None:
            found.append(points[path])
    return found


def _walk(start, left, degree):
    """Follow edges from a node to the next end or branch, taking them out of `left`."""
    path = [start]
    while len(path) == 1 or degree[path[-1]] == 2:
        step = next((edge for edge in sorted(left) if path[-1] in edge), None)
        if step is None:
            break
        left.discard(step)
        path.append(step[0] if step[1] == path[-1] else step[1])
    return path if len(path) > 1 else None
