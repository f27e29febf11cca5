"""Files within archives: zip, tar, gzip, bzip2 and xz, one in the other, in memory and in bounds.

What unpacks to more than a hundred times its size is no track; it is named and left alone, as is
whatever is damaged.
"""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

STREAMS = {  # first bytes: engine, endings
    b"\x1f\x8b": (lambda: zlib.decompressobj(31), (".gz", ".tgz")),
    b"BZh": (bz2.BZ2Decompressor, (".bz2", ".tbz2", ".tbz")),
    b"\xfd7zXZ\x00": (lambda: lzma.LZMADecompressor(memlimit=200_000_000), (".xz", ".txz")),
}
ZIP = b"PK\x03\x04"
OTHERS = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x1f\x9d": "compress (.Z)"}
DEEPEST = 3  # archives within archives
RATIO, FREE_BYTES = 100, 50_000_000  # most that a byte may unpack to, beyond so much in all
MOST_BYTES = 2_000_000_000  # of one member
PIECE = 1_000_000  # bytes unpacked at once


@dataclass
class Part:
    """A file out of an archive, or a fault in its place."""

    name: str
    where: str
    content: bytes | None  # None where it could not be read
    alone: bool = True  # it is the file itself, or all that a compressed file holds
    fault: str = ""


class _TooLargeError(Exception):
    """An archive that unpacks to more than can be."""


def unpack(name, where, content):
    """Yield what is no archive as it is, and of an archive its members; faults as faults."""
    yield from _unpack(Part(name, where, content), [max(4 * FREE_BYTES, RATIO * len(content))], 0)


def is_spreadsheet(content) -> bool:
    """Whether a file is one of the usual spreadsheets."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        return True
    start = content[:4000]
    return content.startswith(ZIP) and (
        b"[Content_Types].xml" in start or b"opendocument.spreadsheet" in start
    )


def _unpack(part, budget, depth):
    """Yield the members of an archive, as long as the budget of bytes lasts."""
    content = part.content
    other = next((name for magic, name in OTHERS.items() if content.startswith(magic)), None)
    if other:
        part.content, part.fault = None, f"{part.where} is packed as {other}: unpack it first"
        yield part
        return
    magic = next((magic for magic in STREAMS if content.startswith(magic)), None)
    is_tar = content[257:262] == b"ustar" or PurePosixPath(part.name).suffix.lower() == ".tar"
    if not (magic or is_tar or content.startswith(ZIP)) or is_spreadsheet(content):
        yield part
        return
    try:
        if depth > DEEPEST:
            raise _TooLargeError("archives lie more than three deep in each other")
        if magic:
            inside, fault = _inflated(content, magic, budget)
            inner = Part(_without_ending(part.name, magic), part.where, inside, part.alone)
            yield from _unpack(inner, budget, depth + 1)
            if fault:
                raise fault
            return
        members = _zipped(content, budget) if content.startswith(ZIP) else _tarred(content, budget)
        for member, inside in members:
            place = f"{part.where}: {member}"
            if isinstance(inside, str):
                fault = f"{place} cannot be read: {inside}"
                yield Part(f"{part.name}/{member}", place, None, False, fault)
            else:
                inner = Part(f"{part.name}/{member}", place, inside, False)
                yield from _unpack(inner, budget, depth + 1)
    except Exception as error:  # whatever a damaged archive raises: the others are still read
        fault = f"{part.where} is a damaged archive: {error}"
        if isinstance(error, _TooLargeError):
            fault = f"{part.where} is left out: {error}"
        yield Part(f"{part.name} (damaged)", part.where, None, False, fault)


def _without_ending(name, magic):
    """Name of what a compressed file holds."""
    path = PurePosixPath(name)
    if path.suffix.lower() in STREAMS[magic][1]:
        ending = ".tar" if path.suffix.lower().startswith(".t") else ""
        return str(path.with_suffix(ending))
    return name


def _spend(budget, number):
    """Take bytes off what an archive may unpack to."""
    budget[0] -= number
    if budget[0] < 0:
        raise _TooLargeError(f"it unpacks to more than {RATIO} times its size")


def _inflated(content, magic, budget):
    """Decompress as much as there is of a file; and what is wrong with its end, if anything."""
    out, made, taken = [], 0, len(content)
    try:
        while content.startswith(magic):  # there may be several, one after the other
            engine = STREAMS[magic][0]()
            data = content
            while not engine.eof:
                piece = engine.decompress(data, PIECE)
                data = getattr(engine, "unconsumed_tail", b"")
                if not piece and not data and getattr(engine, "needs_input", True):
                    raise EOFError("the compressed data end too early")
                out.append(piece)
                made += len(piece)
                _spend(budget, len(piece))
                if made > min(max(FREE_BYTES, RATIO * taken), MOST_BYTES):
                    raise _TooLargeError(f"it unpacks to more than {RATIO} times its size")
            content = engine.unused_data
    except _TooLargeError:
        raise
    except Exception as error:
        return b"".join(out), error
    return b"".join(out), None


def _zipped(content, budget):
    """Yield name and bytes of the members of a zip; a text in place of bytes says why."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for item in sorted(archive.infolist(), key=lambda item: item.filename):
            if item.is_dir() or _hidden(item.filename):
                continue
            most = min(max(FREE_BYTES, RATIO * item.compress_size), MOST_BYTES)
            if item.file_size > most:
                yield item.filename, f"it unpacks to {item.file_size:,} bytes, too much for a track"
                continue
            try:
                with archive.open(item) as file:
                    inside = file.read(most + 1)
            except Exception as error:  # a password, an unknown compression, a wrong sum
                yield item.filename, str(error)
                continue
            _spend(budget, len(inside))
            yield item.filename, inside


def _tarred(content, budget):
    """Yield name and bytes of the members of a tar; a text in place of bytes says why."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for item in archive:
            if not item.isfile() or _hidden(item.name):
                continue
            if item.issparse() or item.size > len(content):
                yield item.name, "it is cut off" if not item.issparse() else "it is sparse"
                continue
            inside = archive.extractfile(item).read()
            _spend(budget, len(inside))
            yield item.name, inside if len(inside) == item.size else "it is cut off"
        if content[archive.offset : archive.offset + 512] != bytes(512):
            raise tarfile.ReadError("it has no end mark, so members may be missing")


def _hidden(name):
    """Whether a member is what systems put beside files."""
    return any(part.startswith((".", "__MACOSX")) and part != "." for part in name.split("/"))
