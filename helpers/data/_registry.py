"""The data registry: files that are fetched, each with its sha256, licence and citation.

`data/registry.csv` lists real cruises, picks, fracture zones and the like. A file is looked up
in the mirror folder that LMA_DATA_MIRROR names (a relative one counts from the workbook's root),
then in the cache (LMA_DATA_CACHE, or the user's own), then downloaded once by `pooch`. Every file
is checked against its sha256 before its path is given out. A download may take so long and be so
large, and who asks for a file that somebody else is fetching waits for it.

What cannot be had is left out, and said once in a process.  A command that starts several names a
file in LMA_LEFT_OUT; all add to it what was missing, and the command ends with one list of it.
"""

from __future__ import annotations

import csv
import difflib
import functools
import hashlib
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

from .. import _shared

DATA = _shared.ROOT / "data"
CONNECT_S, READ_S = 10, 30  # seconds to wait for a server, and for each piece of its answer
WHOLE_S = 300  # seconds for a whole file
MOST_BYTES = 100_000_000  # of a file; the largest in the registry has 3 million
TRIES = 2  # a download that breaks off is tried once more

_unreachable: dict[str, str] = {}  # server -> reason; not asked again in this process
_said: set[str] = set()  # files whose lack was said in this process
MANY = 3  # more missing files of one folder are counted, not listed


class DataUnavailable(RuntimeError):
    """A file of the registry cannot be had; the message says why and what to do."""


class ChecksumError(DataUnavailable):
    """A file is there but its bytes are not the expected ones."""


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

    Examples
    --------
    >>> from helpers import data
    >>> data.citation("timescales/gsfml_timescales.txt")
    'Gee, J. S. & Kent, D. V. (2007), ... (free with citation)'
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
    DataUnavailable
        If it is in neither mirror nor cache and cannot be downloaded, or if the file in the
        mirror, the cache or the download is not the expected one (`ChecksumError`).

    Notes
    -----
    A download takes its name only when it is whole and its checksum right. A server that cannot
    be reached is not asked again in the same process.
    """
    try:
        return _fetch(_entry(name))
    except DataUnavailable:
        if os.environ.get("LMA_LEFT_OUT"):
            record = Path(os.environ["LMA_LEFT_OUT"])
            record.parent.mkdir(parents=True, exist_ok=True)  # as build/ in a fresh clone
            with record.open("a", encoding="utf-8") as lines:
                lines.write(f"{name}\n")
        raise


def try_fetch(name: str) -> Path | None:
    """Fetch a file, or print in one line that it is missing and go on.

    Parameters
    ----------
    name : str
        Name of the file in the registry.

    Returns
    -------
    pathlib.Path or None
        None where the file cannot be had; `fetch` says why.

    Raises
    ------
    KeyError
        If there is no such file in the registry.
    """
    return next(iter(fetch_those_at_hand([name])), None)


def fetch_those_at_hand(names) -> list[Path]:
    """Paths of those files that can be had; a line says which cannot, once in a process."""
    paths, missing = [], []
    for name in names:
        try:
            paths.append(fetch(name))
        except ChecksumError as problem:  # a damaged file is another matter than one not there
            print(f"Left out: {problem}")
        except DataUnavailable:
            missing.append(name)
    new = [name for name in missing if name not in _said]
    _said.update(new)
    if new:
        print(f"Left out, since not at hand: {', '.join(_counted(new))}")
    return paths


def left_out() -> str:
    """List what was missing since LMA_LEFT_OUT was named, and what to do; empty if nothing was."""
    record = Path(os.environ.get("LMA_LEFT_OUT") or os.devnull)
    names = sorted(set(record.read_text(encoding="utf-8").split())) if record.exists() else []
    if not names:
        return ""
    folder = mirror_folder()
    listed = "".join(f"  {text}\n" for text in _counted(names))
    return (
        f"Left out, since these files are not at hand and could not be fetched:\n{listed}"
        "Run again where there is a network, or set LMA_DATA_MIRROR to a folder that holds them "
        f"({'it is not set' if folder is None else f'now {folder}'})."
    )


def _counted(names):
    """Names of files, those of one folder counted where they are many."""
    folders = {}
    for name in names:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    for folder, those in folders.items():
        yield from [f"{len(those)} files of {folder}/"] if len(those) > MANY else those


def at_hand() -> dict[str, bool]:
    """Tell which files of the registry are at hand without a network.

    Returns
    -------
    dict of str to bool
        For each file of the registry, whether the mirror or the cache has it.
    """
    folders = [place for place in (mirror_folder(), cache_folder()) if place is not None]
    return {name: any((place / name).is_file() for place in folders) for name in entries()}


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
def entries() -> dict[str, dict[str, str]]:
    """Rows of data/registry.csv by name."""
    with open(DATA / "registry.csv", newline="", encoding="utf-8") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def _entry(name):
    """Row of one file; KeyError with the closest names where there is none."""
    if name in entries():
        return entries()[name]
    short = {known.rsplit("/", 1)[-1].lower(): known for known in entries()}
    near = difflib.get_close_matches(str(name).rsplit("/", 1)[-1].lower(), short, n=3)
    hint = f"Closest: {', '.join(short[key] for key in near)}" if near else "See data.at_hand()"
    raise KeyError(f"No file {name!r} in the registry. {hint}")


def _fetch(entry):
    """Path of a file in mirror or cache, or downloaded; `DataUnavailable` says why not."""
    name, url = entry["name"], entry["url"]
    for place, folder in (("mirror", mirror_folder()), ("cache", cache_folder())):
        if folder is not None and (folder / name).is_file():
            return _checked(folder / name, entry, place)
    reason = _fetch_once(entry)
    if reason:
        raise DataUnavailable(
            f"{name} is in neither mirror nor cache and could not be downloaded: {reason}. "
            f"Fetch {url} where there is a network. {_by_hand(name)}"
        )
    return cache_folder() / name


def _fetch_once(entry):
    """Download a file unless another thread or process just did; None, or why not in words."""
    path = cache_folder() / entry["name"]
    try:
        with _shared.locked(path):
            if path.is_file():
                _checked(path, entry, "cache")
                return None
            return _download(entry)
    except OSError as error:  # of the lock
        return not_written(error)


def not_written(error):
    return f"the cache cannot be written ({error}); LMA_DATA_CACHE may name another folder"


def _by_hand(name):
    """Say what to do where a file cannot be downloaded."""
    folder = mirror_folder()
    note = "it is not set" if folder is None else f"now {folder}"
    if folder is not None and not folder.is_dir():
        note += ", which is no folder"
    return (
        f"Put it at {cache_folder() / name}, or set LMA_DATA_MIRROR to a folder that holds "
        f"{name} ({note})."
    )


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
    }[place]
    raise ChecksumError(
        f"{entry['name']} in the {place} is not the expected file: its sha256 is {actual}, "
        f"expected {entry['sha256']}. {todo}."
    )


def _download(entry):
    """Let pooch download a file to the cache and check it; None, or in words why it could not."""
    import pooch

    name, url = entry["name"], entry["url"]
    files = pooch.create(cache_folder(), "", registry={name: entry["sha256"]}, urls={name: url})
    pooch.get_logger().setLevel("WARNING")

    def fetch():
        try:
            files.fetch(name, downloader=stream)
        except ValueError as error:  # pooch's, of the sha256
            if isinstance(error, OSError):  # some of requests' errors are both
                raise
            raise ChecksumError(
                f"{name}: the download is not the expected file. Try again later; {url} may have "
                f"changed, nothing was kept. {error}"
            ) from error

    return why_not(url, fetch)


def why_not(url, work) -> str | None:
    """Let `work` download from an address; None, or in words why it could not.

    A server that cannot be reached is not asked again in the same process.
    """
    import requests

    server = urlsplit(url).netloc
    if server in _unreachable:
        return _unreachable[server]
    for _ in range(TRIES):
        try:
            work()
            return None
        except requests.HTTPError as error:
            return f"{server} answered {error.response.status_code} {error.response.reason}"
        except (requests.ConnectionError, requests.Timeout) as error:
            why = f"{server} cannot be reached ({type(error).__name__}; not asked again)"
            return _unreachable.setdefault(server, why)
        except _TooLong:
            why = f"{server} was not done after {WHOLE_S} s (not asked again)"
            return _unreachable.setdefault(server, why)
        except _TooLarge:
            return f"{server} gives more than {MOST_BYTES / 1e6:g} MB"
        except requests.exceptions.ContentDecodingError:
            return f"what {server} gives is compressed and cannot be unpacked"
        except requests.RequestException:
            continue
        except OSError as error:
            return not_written(error)
    return f"{server} broke off in the middle, {TRIES} times"


class _TooLong(Exception):
    """A download took longer than it may."""


class _TooLarge(Exception):
    """A download is larger than it may be."""


def stream(url, place, _pooch=None):
    """Download a file, as pooch asks, in a thread that is left alone if the server takes too long.

    The timeouts of requests count from one byte to the next: a server that sends one now and then
    keeps them from ever being over.
    """
    given_up, problems = threading.Event(), []

    def work():
        try:
            _stream(url, place, given_up)
        except Exception as problem:  # raised again where it is waited for
            problems.append(problem)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WHOLE_S)
    if thread.is_alive():
        given_up.set()
        raise _TooLong
    if problems:
        raise problems[0]


def _stream(url, place, given_up):
    """Write what a server answers to a file, up to the largest size."""
    import requests

    size, timeout = 0, (CONNECT_S, READ_S)
    with open(place, "wb") as file, requests.get(url, stream=True, timeout=timeout) as answer:
        answer.raise_for_status()
        for piece in answer.iter_content(65536):
            size += len(piece)
            if size > MOST_BYTES:
                raise _TooLarge
            if given_up.is_set():
                return
            file.write(piece)
