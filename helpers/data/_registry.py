"""The data registry: files that are fetched, each with its sha256, licence and citation.

`data/registry.csv` lists real cruises, picks, fracture zones and the like. A file is looked up
in the mirror folder that LMA_DATA_MIRROR names (a relative one counts from the workbook's root),
then in the cache (LMA_DATA_CACHE, or the user's own), then downloaded once. Every file is
checked against its sha256 before its path is given out.
"""

from __future__ import annotations
from pathlib import Path
from urllib.parse import urlsplit
import contextlib
import csv
import difflib
import functools
import hashlib
import os


from .. import _shared

DATA = _shared.ROOT / "data"
CONNECT_S, READ_S = 10, 30  # seconds to wait for a server, and for each piece of its answer
TRIES = 2  # a download that breaks off is tried once more

_unreachable: dict[str, str] = {}  # server -> reason; not asked again in this process


class DataUnavailable(RuntimeError):
    """A file of the registry cannot be had; the message says why and what to do."""


class ChecksumError(DataUnavailable):
    """A file is there but its bytes are not the expected ones."""


def names(folder: str = "") -> list[str]:
    """List the files of the registry.

    Parameters
    ----------
    folder : str
        Beginning of the names wanted, such as ``"tracks/ncei/"``; all by default.

    Returns
    -------
    list of str
    """
    return [name for name in _registry() if name.startswith(folder)]


def citation(name: str) -> str:
    """Say what to cite for a file of the registry, and its licence.

    Parameters
    ----------
    name : str
        Name of the file in the registry.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If there is no such file.
    """
    entry = _entry(name)
    return f"{entry['citation']} ({entry['licence']})"


def fetch(name: str) -> Path:
    """Give the path of a registry file, downloading it if need be.

    Parameters
    ----------
    name : str
        Name of the file in the registry, such as ``"tracks/ncei/nbp9707.m77t"``.

    Returns
    -------
    pathlib.Path
        A file whose sha256 is the registry's.

    Raises
    ------
    KeyError
        If there is no such file in the registry; the message names the closest.
    ChecksumError
        If the file in the mirror, the cache or the download is not the expected one.
    DataUnavailable
        If it is in neither mirror nor cache and cannot be downloaded.

    Notes
    -----
    A download goes to a part file that takes the final name only when its checksum is right. A
    server that cannot be reached is not asked again in the same process; see `retry_network`.
    """
    entry = _entry(name)
    for place, folder in (("mirror", mirror_folder()), ("cache", cache_folder())):
        if folder is not None and (folder / name).is_file():
            return _checked(folder / name, entry, place)
    if entry["url"] == "-":
        raise DataUnavailable(
            f"{name} is in neither mirror nor cache, and it has no address to download from. "
            f"{_by_hand(name)} Where it comes from: {entry['citation']}."
        )
    return _download(entry, cache_folder() / name)


def try_fetch(name: str) -> Path | None:
    """Fetch a file, or print in one line why it is missing and go on.

    Parameters
    ----------
    name : str
        Name of the file in the registry.

    Returns
    -------
    pathlib.Path or None
        None where the file cannot be had.

    Raises
    ------
    KeyError
        If there is no such file in the registry.
    """
    try:
        return fetch(name)
    except DataUnavailable as reason:
        print(f"Left out: {reason}")
        return None


def at_hand() -> dict[str, bool]:
    """Tell which files of the registry are at hand without a network.

    Returns
    -------
    dict of str to bool
        For each file of the registry, whether the mirror or the cache has it.
    """
    folders = [place for place in (mirror_folder(), cache_folder()) if place is not None]
    return {name: any((place / name).is_file() for place in folders) for name in names()}


def retry_network() -> None:
    """Forget which servers could not be reached, so that the next fetch asks them again."""
    _unreachable.clear()


def mirror_folder() -> Path | None:
    """Folder that LMA_DATA_MIRROR names, or None; a relative path counts from the root."""
    named = os.environ.get("LMA_DATA_MIRROR")
    return DATA.parent / Path(named).expanduser() if named else None


def cache_folder() -> Path:
    """Folder of the downloads: LMA_DATA_CACHE, or the user's own cache."""
    named = os.environ.get("LMA_DATA_CACHE")
    if named:
        return DATA.parent / Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("lineations"))


@functools.lru_cache(maxsize=1)
def _registry() -> dict[str, dict[str, str]]:
    """Rows of data/registry.csv by name."""
    with open(DATA / "registry.csv", newline="", encoding="utf-8") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def _entry(name):
    """Row of one file; KeyError with the closest names where there is none."""
    if name in _registry():
        return _registry()[name]
    short = {known.rsplit("/", 1)[-1].lower(): known for known in _registry()}
    near = difflib.get_close_matches(str(name).rsplit("/", 1)[-1].lower(), short, n=3)
    hint = f"Closest: {', '.join(short[key] for key in near)}" if near else "See data.names()"
    raise KeyError(f"No file {name!r} in the registry. {hint}")


def _by_hand(name):
    """Say what to do where a file cannot be downloaded."""
    return (
        f"Put it at {cache_folder() / name}, or set LMA_DATA_MIRROR to a folder that holds "
        f"{name}{_mirror_note()}."
    )


def _mirror_note():
    """Give a word on the mirror that is set now."""
    folder = mirror_folder()
    if folder is None:
        return " (it is not set)"
    return f" (now {folder}{'' if folder.is_dir() else ', which is no folder'})"


@functools.lru_cache(maxsize=1024)
def _sha256(path, _size, _mtime_ns):
    """Hash a file once for each state of it."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checked(path, entry, place):
    """Give the path back if its bytes are the registry's."""
    state = path.stat()
    actual = _sha256(path, state.st_size, state.st_mtime_ns)
    if actual == entry["sha256"]:
        return path
    todo = {
        "mirror": f"Replace {path}, or unset LMA_DATA_MIRROR",
        "cache": f"Delete {path} and fetch it again",
        "download": f"Try again later; {entry['url']} may have changed, nothing was kept",
    }[place]
    raise ChecksumError(
        f"{entry['name']} in the {place} is not the expected file: its sha256 is {actual}, "
        f"expected {entry['sha256']}. {todo}."
    )


def _download(entry, target):
    """Download to a part file, check it, and only then give it its name."""
    server = urlsplit(entry["url"]).netloc
    reason = _unreachable.get(server)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        if reason is None:
            target.parent.mkdir(parents=True, exist_ok=True)
            reason = _transfer(entry["url"], part, server)
        if reason is None:
            _checked(part, entry, "download")
            os.replace(part, target)
            return target
    except OSError as error:
        reason = f"the cache cannot be written ({error}); LMA_DATA_CACHE may name another folder"
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    raise DataUnavailable(
        f"{entry['name']} is in neither mirror nor cache and could not be downloaded: {reason}. "
        f"Fetch {entry['url']} where there is a network. {_by_hand(entry['name'])}"
    )


def _transfer(url, part, server):
    """Copy a URL to a file; None on success, else the reason in words."""
    import pooch

    get = pooch.HTTPDownloader(progressbar=False, timeout=(CONNECT_S, READ_S))
    for _ in range(TRIES):
        try:
            get(url, str(part), None)
            return None
        except OSError as error:  # as are all errors of requests, which pooch downloads with
            kinds = {kind.__name__ for kind in type(error).__mro__}
            if "RequestException" not in kinds:
                raise
            if "HTTPError" in kinds:
                return f"{server} answered {error.response.status_code} {error.response.reason}"
            if kinds & {"ConnectionError", "Timeout"}:
                why = f"{server} cannot be reached ({type(error).__name__}; not asked again)"
                return _unreachable.setdefault(server, why)
    return f"{server} broke off in the middle, {TRIES} times"
