"""Read cruises from files, folders and archives, in whatever format each of them is.

One table holds any number of cruises, a row for each magnetic reading in the order of the files:
``cruise, time, longitude, latitude, total_field_nt, residual_nt, depth_m``. ``time`` is UTC, as
datetime64[ns] without a time zone; longitudes lie in -180..180. What a file held and which of
its rows were rejected, and why, stands in ``table.attrs["report"]``; see `report`.

A folder or an archive is looked through whole. What cannot be a track is passed over; what
should be one and is not readable becomes a line of the report, not an error, unless it was
named itself. Archives are read in memory, nothing is unpacked to disk.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from .. import _shared
from . import _binary, _csv, _mgd77, _table

TABLES = {".csv", ".txt", ".tsv", ".xyz"}  # where the file itself is named
TRACKS = {".m77t", ".mgd77", ".a77", ".dat", ".nc", ".csv", ".gmt"}
ARCHIVES = {".zip", ".tar", ".tgz", ".gz"}
SUPPORTED = (
    "MGD77T (.m77t), fixed-width MGD77 (.mgd77, .a77, .dat), MGD77+ (.nc), a table with named "
    "columns (.csv; .txt, .tsv and .xyz where the file itself is named), old-GMT binary (.gmt), "
    "and NCEI deliveries of them as folder, .zip, .tar or .tar.gz"
)
DAMAGED = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error)
DAMAGED += (NotImplementedError, RuntimeError)  # of zipfile: unknown compression, a password
READERS = {
    "mgd77t": _mgd77.read_mgd77t,
    "mgd77": _mgd77.read_mgd77,
    "netcdf": _binary.read_netcdf,
    "mgg": _binary.read_mgg,
}


def read_tracks(path, columns=None) -> pd.DataFrame:
    r"""Read cruises from files, folders and archives.

    Parameters
    ----------
    path : str, pathlib.Path or sequence of them
        A file, a folder or archive that is searched with all its subfolders (an NCEI delivery,
        ``trackline-item-*/MGD77_*/*.m77t``, as a folder, ``.zip``, ``.tar`` or ``.tar.gz``), or
        several of any. Formats: MGD77T, fixed-width MGD77, MGD77+ netCDF, old-GMT binary, and
        tables with named columns (CSV).
    columns : dict, optional
        For CSV: our name to the file's, such as ``{"time": "UTC", "longitude": "x_deg",
        "residual_nt": "dT"}``. Usual names are recognised without it.

    Returns
    -------
    pandas.DataFrame
        ``cruise``, ``time`` (UTC), ``longitude`` (-180 to 180), ``latitude``, ``total_field_nt``,
        ``residual_nt`` and ``depth_m``; a row has a position, a time, and a total field or a
        residual. ``residual_nt`` is at first the file's own, on the reference field of its day;
        `residual` recomputes it. Missing values are NaN. ``attrs["report"]`` counts, for each
        file, the rows read, kept and rejected by reason; ``attrs["about"]`` tells what the files
        say of themselves (``instrument``, ``reference_field`` and the like), ``attrs["files"]``
        the files of each cruise, and ``attrs["passed_over"]`` the files that are no tracks.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    TrackError
        If a file that was named is in none of the formats, has no magnetic column or no valid
        row. In a folder or archive one good file is enough; the others are in the report.

    Notes
    -----
    MGD77T: UTC is DATE and TIME (hhmm with decimal minutes) plus TIMEZONE hours; a blank TIMEZONE
    is taken as UTC. Text files: a last line without a line end is rejected as truncated unless
    each field that a row needs is followed by another (its very last field may be cut all the
    same): NCEI drops trailing empty fields, so a short line alone proves nothing. Where a table
    has no times, which residuals do not need, they are made up in the order of the rows.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "mine.csv"
    ...     _ = file.write_text("UTC,lon,lat,dT\n2001-02-03T04:05,327.5,38,-120\n")
    ...     table = read_tracks(file, {"time": "UTC", "residual_nt": "dT"})
    >>> table[["cruise", "longitude", "residual_nt"]].to_dict("records")
    [{'cruise': 'mine', 'longitude': -32.5, 'residual_nt': -120.0}]
    """
    given = [path] if isinstance(path, str | Path) else list(path)
    tables, headers = [], {}
    attrs = {"report": {}, "about": {}, "files": {}, "passed_over": []}
    for found in _shared.progress(find_tracks(given), "reading tracks"):
        if found.ending == ".h77t" and not found.named:
            headers[found.name[:-5]] = _mgd77.read_h77t(found.content or b"")
            continue
        reading = _read_one(found, columns, attrs)
        if reading is not None:
            tables.append(reading.table)
    if not tables:
        why = " ".join(count.get("error", "") for count in attrs["report"].values())
        raise _table.TrackError(f"No file holds a readable track. {why}".strip())
    for name in attrs["about"]:
        attrs["about"][name] |= headers.get(name[:-5], {}) if name[-5:].lower() == ".m77t" else {}
    table = pd.concat(tables, ignore_index=True)
    table.attrs |= attrs
    return table


def _read_one(found, columns, attrs):
    """Read one file and write down what it gave; None where it gave no rows."""
    try:
        reading = read_found(found, columns)
    except _table.TrackError as error:
        if found.named:
            raise
        attrs["report"][found.name] = {"rows_read": 0, "rows_kept": 0, "error": str(error)}
        return None
    if reading is None:
        attrs["passed_over"].append(found.name)
        return None
    attrs["report"][found.name] = reading.counts
    attrs["about"][found.name] = reading.about
    for cruise in reading.table["cruise"].unique():
        attrs["files"].setdefault(cruise, []).append(found.name)
    return reading


def report(table: pd.DataFrame) -> pd.DataFrame:
    """Tabulate what was read, kept and rejected.

    Parameters
    ----------
    table : pandas.DataFrame
        A table from `read_tracks`, or one derived from it.

    Returns
    -------
    pandas.DataFrame
        A row for each file: ``rows_read``, ``rows_kept``, a column for each reason that
        occurred, and ``error`` where a whole file was rejected.

    Raises
    ------
    TrackError
        If the table carries no report.
    """
    if "report" not in table.attrs:
        raise _table.TrackError("This table has no report; it does not come from read_tracks")
    rows = pd.DataFrame.from_dict(table.attrs["report"], orient="index").rename_axis("file")
    order = ["rows_read", "rows_kept", *_table.REASONS, "depth blanked", "error"]
    rows = rows[[name for name in order if name in rows]].copy()
    for name in rows.columns.drop("error", errors="ignore"):
        rows[name] = rows[name].fillna(0).astype(int)
    always = ["rows_read", "rows_kept", "error"]
    return rows.loc[:, [name in always or rows[name].any() for name in rows.columns]]


@dataclass
class Found:
    """A file that may be a cruise, or a fault in its place."""

    name: str  # for the report: relative to the folder or archive it was found in
    where: str  # its full name, for messages
    content: bytes | None  # None where it could not be read
    named: bool = False  # by the caller, so that a fault in it is an error
    fault: str = ""  # why it could not be read

    @property
    def stem(self):
        """Name of the file without folder and ending."""
        return PurePosixPath(self.name).stem

    @property
    def ending(self):
        """Ending of the file in lower case."""
        return PurePosixPath(self.name).suffix.lower()


def find_tracks(given):
    """Yield each file once that may be a cruise, in the order given and by name.

    Those have the endings of `TRACKS` or ``.h77t``; a file that was named itself may have any.
    """
    given = [Path(start) for start in given]
    for start in given:
        if not start.exists():
            raise FileNotFoundError(f"No such file or folder: {start}")
    if not given:
        raise _table.TrackError("No path was given; give a file, a folder or a list of them")
    seen, names = set(), set()
    for start in given:
        for file, named in _listed(start):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            name = file.name if named else file.relative_to(start).as_posix()
            for found in _open(file, str(file) if name in names else name, named):
                names.add(found.name)
                yield found


def _listed(start):
    """Files to look at, and whether the caller named them."""
    if start.is_file():
        return [(start, True)]
    wanted = TRACKS | ARCHIVES
    files = sorted(p for p in start.rglob("*") if p.is_file())
    inside = [(p, False) for p in files if p.suffix.lower() in wanted | {".h77t"}]
    if not any(p.suffix.lower() in wanted for p, _ in inside):
        kinds = sorted({p.suffix or "no suffix" for p in files})
        holds = f"it holds only {', '.join(kinds)}" if kinds else "it is empty"
        raise _table.TrackError(
            f"No track file in the folder {start}; {holds}. Readable: {SUPPORTED}"
        )
    return inside


def _open(file, name, named):
    """Yield the file itself, or the members of an archive."""
    try:
        content = file.read_bytes()
    except OSError as error:
        yield Found(name, str(file), None, named, f"{file} cannot be read: {error.strerror}")
        return
    yield from _unpack(Found(name, str(file), content, named))
    if named and file.suffix.lower() == ".m77t":
        beside = [p for p in file.parent.glob(f"{file.stem}.*") if p.suffix.lower() == ".h77t"]
        for header in beside[:1]:
            yield Found(f"{name[:-5]}.h77t", str(header), header.read_bytes())


def _unpack(found, depth=0):
    """Yield what is no archive as it is, and of an archive its members; faults as faults."""
    content = found.content
    is_tar = content[257:262] == b"ustar" or found.ending == ".tar"
    if depth > 2 or not (content[:2] == b"\x1f\x8b" or content[:4] == b"PK\x03\x04" or is_tar):
        yield found
        return
    try:
        if content[:2] == b"\x1f\x8b":
            inside, whole = _gunzip(content)
            inner = found.name.removesuffix(".gz")
            inner = f"{inner[:-4]}.tar" if inner.endswith(".tgz") else inner
            yield from _unpack(Found(inner, found.where, inside, found.named), depth + 1)
            if not whole:
                raise EOFError("the compressed data end too early")
            return
        for member, inside in _members(content):
            where = f"{found.where}: {member}"
            inner = Found(f"{found.name}/{member}", where, inside)
            if isinstance(inside, str):
                yield Found(inner.name, where, None, False, f"{where} cannot be read: {inside}")
            else:
                yield from _unpack(inner, depth + 1)
    except DAMAGED as error:
        fault = f"{found.where} is a damaged archive: {error}"
        yield Found(f"{found.name} (damaged)", found.where, None, False, fault)


def _gunzip(content):
    """Decompress as much as there is of a gzip file, and tell whether its end is there."""
    out = []
    while content.startswith(b"\x1f\x8b"):  # there may be several, one after the other
        engine = zlib.decompressobj(31)
        out.append(engine.decompress(content))
        content = engine.unused_data
    return b"".join(out), engine.eof


def _members(content):
    """Yield name and bytes of the members that may be tracks; a text in place of bytes says why."""
    wanted = TRACKS | ARCHIVES | {".h77t"}
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for item in sorted(archive.infolist(), key=lambda item: item.filename):
                if PurePosixPath(item.filename).suffix.lower() in wanted and not item.is_dir():
                    try:
                        yield item.filename, archive.read(item)
                    except DAMAGED as error:
                        yield item.filename, str(error)
        return
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for item in archive:
            if item.isfile() and PurePosixPath(item.name).suffix.lower() in wanted:
                inside = archive.extractfile(item).read()
                yield item.name, inside if len(inside) == item.size else "it is cut off"
        if content[archive.offset : archive.offset + 512] != bytes(512):
            raise tarfile.ReadError("it has no end mark, so members may be missing")


def kind_of(found, columns):
    """Format of a file, by its content, and by its ending where that is not enough; or None."""
    content = found.content
    if found.ending == ".m77t":
        return "mgd77t"
    if content.startswith(_binary.NETCDF):  # in a folder, a grid is no cruise
        cruise = found.named or b"mtf1" in content or b"MGD77" in content
        return "netcdf" if cruise else None
    if _mgd77.looks_fixed(content) or found.ending in (".mgd77", ".a77"):
        return "mgd77"
    if found.ending == ".gmt" and _binary.looks_mgg(content):
        return "mgg"
    first = content[:4096].replace(b"\r", b"\n").split(b"\n")[0].upper().split(b"\t")
    if {*(name.encode() for name in _mgd77.PLACE_AND_TIME)} <= {*first} or b"FORMAT_77" in first:
        return "mgd77t"
    if _csv.looks_named(content, columns) or (found.named and found.ending in TABLES):
        return "csv"
    return None


def read_found(found, columns) -> _table.Reading | None:
    """Read one file in the format that it is in; None for one in a folder that is no track."""
    if found.content is None:
        raise _table.TrackError(found.fault)
    kind = kind_of(found, columns)
    if kind == "csv":
        return _csv.read_csv(found.content, found.where, found.stem, columns)
    if kind is not None:
        return READERS[kind](found.content, found.where, found.stem)
    if found.named:
        raise _table.TrackError(
            f"{found.where} is in no format that is read here: {SUPPORTED}. "
            f"It begins {found.content[:40].decode('latin-1')!r}"
        )
    return None
