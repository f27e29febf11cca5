"""Read cruises from files, folders and archives, in whatever format each of them is.

One table holds any number of cruises, a row for each magnetic reading in the order of the files:
``cruise, time, longitude, latitude, total_field_nt, residual_nt, depth_m``. ``time`` is UTC, as
datetime64[ns] without a time zone; longitudes lie in -180..180. What a file held and which of
its rows were rejected, and why, stands in ``table.attrs["report"]``; see `report`.

A folder or an archive is looked through whole, whatever its files are called. What should be a
track and is not readable becomes a line of the report, not an error, unless it was named itself;
what cannot be one is passed over. Archives are read in memory, in bounds; nothing is unpacked to
disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from .. import _shared
from . import _archives, _binary, _csv, _mgd77, _names, _table

TABLES = {".csv", ".txt", ".tsv", ".xyz", ".tab", ".dat", ".asc"}  # may be one if it was named
SUPPORTED = (
    "MGD77T (.m77t), fixed-width MGD77 (.mgd77, .a77, .dat), MGD77+ (.nc), a table of text with "
    "named columns (.csv, .txt, .tsv, .xyz, .tab, .dat), old-GMT binary (.gmt), "
    "and NCEI deliveries of them as folder, .zip, .tar or .tar.gz"
)
NO_TABLE = {".txt", ".md", ".pdf", ".doc", ".html", ".htm", ".rtf", ".log"}  # need no mention
HIDDEN = (".", "~$", "Thumbs.db", "desktop.ini", "__MACOSX")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
MOST_BYTES = 2_000_000_000  # of one file
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
        For tables: our name to the file's, such as ``{"time": "UTC", "longitude": "x_deg",
        "residual_nt": "dT"}``, or ``date`` and ``time`` where these are two columns. Usual names
        are recognised without it.

    Returns
    -------
    pandas.DataFrame
        ``cruise``, ``time`` (UTC), ``longitude`` (-180 to 180), ``latitude``, ``total_field_nt``,
        ``residual_nt`` and ``depth_m``; a row has a position, a time, and a total field or a
        residual. ``residual_nt`` is at first the file's own, on the reference field of its day;
        `residual` recomputes it. Missing values are NaN. ``attrs["report"]`` counts, for each
        file, the rows read, kept and rejected by reason; ``attrs["about"]`` tells what the files
        say of themselves (``instrument``, ``reference_field`` and the like), ``attrs["files"]``
        the files of each cruise, and ``attrs["passed_over"]`` the files that are no tracks. Where
        a cruise has no times there is a column ``time_made_up`` (bool). A cruise that its file does
        not name is called after the file, and after its folder where two files have one name.

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
    same): NCEI drops trailing empty fields, so a short line alone proves nothing. Residuals need no
    time: one that is missing is interpolated between the rows before and after, and where a cruise
    has none they are made up in the order of the rows (and serve for no reference field).
    Numbers for "no value" (beyond physics, nines and eights, a repeated extreme) are blanked.

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
    readings, headers = [], {}
    attrs = {"report": {}, "about": {}, "files": {}, "passed_over": []}
    for found in _shared.progress(find_tracks(given), "reading tracks"):
        if found.ending == ".h77t" and not found.named:
            headers[found.name[:-5]] = _mgd77.read_h77t(found.content or b"")
            continue
        reading = _read_one(found, columns, attrs)
        if reading is not None:
            readings.append((found.name, reading))
    if not readings:
        raise _table.TrackError(_nothing(given, attrs))
    tables = _with_cruises_named(readings)
    for (name, reading), table in zip(readings, tables, strict=True):
        attrs["about"][name] = reading.about
        attrs["about"][name] |= headers.get(name[:-5], {}) if name[-5:].lower() == ".m77t" else {}
        for cruise in table["cruise"].unique():
            attrs["files"].setdefault(cruise, []).append(name)
    table = pd.concat(tables, ignore_index=True)
    if "time_made_up" in table:
        table["time_made_up"] = table["time_made_up"].eq(True)
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
    if isinstance(reading, str):  # why it is no track
        if reading or found.ending not in NO_TABLE:
            attrs["passed_over"].append(found.name)
        if reading:
            attrs["report"][found.name] = {"rows_read": 0, "rows_kept": 0, "error": reading}
        return None
    attrs["report"][found.name] = reading.counts
    return reading


def _nothing(given, attrs):
    """Say why no file held a track."""
    why = " ".join(count.get("error", "") for count in attrs["report"].values())
    folder = next((start for start in map(Path, given) if start.is_dir()), None)
    if why or folder is None:
        names = ", ".join(str(start) for start in given)
        return f"No file holds a readable track in {names}. {why}".strip()
    kinds = sorted({p.suffix or "no suffix" for p in folder.rglob("*") if p.is_file()})
    holds = f"it holds only {', '.join(kinds)}" if kinds else "it is empty"
    return f"No track file in the folder {folder}; {holds}. Readable: {SUPPORTED}"


def _with_cruises_named(readings):
    """Tables whose cruises have short names: readers call a nameless one by the file's full name.

    It gets the name of the file without ending, or as much of its path as tells it from others.
    """
    nameless = [name for name, reading in readings if (reading.table["cruise"] == name).any()]
    paths = {name: PurePosixPath(name).with_suffix("").parts for name in nameless}
    if len(set(paths.values())) < len(paths):  # told apart by their endings alone
        paths = {name: PurePosixPath(name).parts for name in nameless}
    short, length = {}, 1
    while paths:
        tails = {name: "/".join(parts[-length:]) for name, parts in paths.items()}
        often = pd.Series(tails).value_counts()
        short |= {name: tail for name, tail in tails.items() if often[tail] == 1}
        paths = {name: parts for name, parts in paths.items() if name not in short}
        length += 1
    tables = []
    for name, reading in readings:
        table = reading.table
        if name in short:
            cruise = table["cruise"].to_numpy(dtype=object)
            table = table.assign(cruise=np.where(cruise == name, short[name], cruise))
        tables.append(table)
    return tables


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
        occurred and for what was blanked or made up in rows that are kept, and ``error`` where a
        whole file was left out.

    Raises
    ------
    TrackError
        If the table carries no report.
    """
    if "report" not in table.attrs:
        raise _table.TrackError("This table has no report; it does not come from read_tracks")
    rows = pd.DataFrame.from_dict(table.attrs["report"], orient="index").rename_axis("file")
    order = ["rows_read", "rows_kept", *_table.REASONS, *_table.NOTES, "error"]
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
    """Yield each file once that may be a cruise, in the order given and by name."""
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
            name = str(file) if name in names else name
            names.add(name)
            yield from _open(file, name, named)


def _listed(start):
    """Files to look at, and whether the caller named them."""
    if start.is_file():
        return [(start, True)]
    files = sorted(p for p in start.rglob("*") if p.is_file())
    return [
        (p, False)
        for p in files
        if not any(part.startswith(HIDDEN) for part in p.relative_to(start).parts)
    ]


def _open(file, name, named):
    """Yield the file itself, or the members of an archive."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise OSError(0, f"it is larger than {MOST_BYTES / 1e9:g} GB")
        content = file.read_bytes()
    except OSError as error:
        yield Found(name, str(file), None, named, f"{file} cannot be read: {error.strerror}")
        return
    for part in _archives.unpack(name, str(file), content):
        yield Found(part.name, part.where, part.content, named and part.alone, part.fault)
    if named and file.suffix.lower() == ".m77t":
        beside = [p for p in file.parent.glob(f"{file.stem}.*") if p.suffix.lower() == ".h77t"]
        for header in beside[:1]:
            yield Found(f"{name[:-5]}.h77t", str(header), header.read_bytes())


def kind_of(found, columns):
    """Format of a file, by its content, and by its ending where that is not enough; or None."""
    content = found.content
    if content.startswith(_binary.NETCDF):  # in a folder, a grid is no cruise
        cruise = found.named or b"mtf1" in content or b"MGD77" in content
        return "netcdf" if cruise else None
    if _mgd77.looks_fixed(content):
        return "mgd77"
    if found.ending in (".m77t", ".mgd77", ".a77"):
        return "mgd77t" if found.ending == ".m77t" else "mgd77"
    if found.ending == ".gmt" and _binary.looks_mgg(content):
        return "mgg"
    first = content[:4096].replace(b"\r", b"\n").split(b"\n")[0]
    names = first.upper().split(b"\t")
    if {*(name.encode() for name in _mgd77.PLACE_AND_TIME)} <= {*names} or b"FORMAT_77" in names:
        return "mgd77t"
    if _mgd77.looks_nameless(first):
        return "mgd77t"
    may_be = found.named and found.ending in TABLES and not _is_binary(content)
    return "csv" if may_be or _csv.looks_named(content, columns) else None


def read_found(found, columns) -> _table.Reading | str:
    """Read one file in the format that it is in; of one in a folder that is no track, say why.

    The text is empty where the file looks like no table at all.
    """
    if found.content is None:
        raise _table.TrackError(found.fault)
    if _archives.is_spreadsheet(found.content) or found.ending in SPREADSHEETS:
        raise _table.TrackError(f"{found.where} is a spreadsheet; save it as CSV")
    kind = kind_of(found, columns)
    try:
        if kind == "csv":
            return _csv.read_csv(found.content, found.where, found.name, columns)
        if kind is not None:
            return READERS[kind](found.content, found.where, found.name)
    except _table.TrackError:
        raise
    except Exception as error:
        raise _table.TrackError(
            f"{found.where} is damaged, or not what it seems ({kind}): {error}"
        ) from error
    if found.named:
        raise _table.TrackError(
            f"{found.where} is in no format that is read here: {SUPPORTED}. "
            f"It begins {found.content[:40].decode('latin-1')!r}"
        )
    return _why_no_track(found)


def _is_binary(content):
    """Whether a file is no text: zeros in it, but for those of UTF-16."""
    return b"\0" in content[:1000] and content[:2] not in (b"\xff\xfe", b"\xfe\xff")


def _why_no_track(found):
    """Say what a file in a folder has instead of the columns of a track; nothing for no table."""
    prose = found.ending in NO_TABLE and not _csv.has_columns(found.content)
    header = [] if prose or _is_binary(found.content) else _csv.header_of(found.content)
    if len(header) < 3:
        return ""
    return f"no columns of a track are recognised among {_names.shown(header)}. " + _names.advice(
        "residual_nt"
    )
