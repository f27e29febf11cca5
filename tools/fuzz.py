"""Read thousands of damaged files: `make fuzz` (20,000 by default, from a seed).

    python tools/fuzz.py --files 2000 --seed 7

Each file is one of the small inputs of the tests, changed at random. It must be read, its rows
accounted for, or be refused by an error that names it, within 5 s and 1 GB. A process of its own
reads it, so that one that dies is told, too. What fails is kept in build/fuzz/.
"""

import argparse
import bz2
import collections
import gzip
import io
import lzma
import multiprocessing
import resource
import sys
import tarfile
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np

from run_notebooks import ROOT

sys.path.insert(0, str(ROOT))

CASES = ROOT / "tests" / "cases"
FOUND = ROOT / "build" / "fuzz"
SLOWEST_S, MOST_GB = 5.0, 1.0
PATIENCE_S = 60.0  # until a process is taken for stuck, its start included
GRIDS = tuple(f"{number}_" for number in (*range(40, 50), 54))  # folders that hold grids
ODD = b'- 9999 1e308 nan inf -0 0x1f 99999999999999999999 * " 12:60 1,5 N ../../x <b>'.split()
ODD += [b"", b"\0", b"\xff\xfe"]  # what stands where a number should
PACKERS = (gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")


def sources():
    """List the files to start from and whether they are grids."""
    found = [p for p in sorted(CASES.rglob("*")) if p.is_file()]
    return [(p, p.parent.name.startswith(GRIDS) or "hostile" in p.parts) for p in found]


def packed(content, rng):
    """Pack a file in one of the ways that files come in."""
    kind = rng.integers(0, 5)
    if kind < 3:
        pack, ending = PACKERS[kind]
        return pack(content), ending
    out = io.BytesIO()
    if kind == 3:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.csv", content)
        return out.getvalue(), ".zip"
    with tarfile.open(fileobj=out, mode="w") as archive:
        item = tarfile.TarInfo("inside.csv")
        item.size = len(content)
        archive.addfile(item, io.BytesIO(content))
    return out.getvalue(), ".tar"


def mutated(content, rng):
    """Change a file at random: bytes, fields, lines, parts left out, doubled or cut off."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        if not data:
            break
        a, b = sorted(rng.integers(0, len(data) + 1, 2))
        b = min(b, a + 2000)
        kind = rng.integers(0, 8)
        if kind == 0:
            data[a : a + 1] = bytes([rng.integers(0, 256)])
        elif kind == 1:
            data[a : a + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
        elif kind == 2:
            del data[a:b]
        elif kind == 3:
            data[a:a] = data[a:b]
        elif kind == 4:
            del data[len(data) - (len(data) - a) // 2 :]
        elif kind == 5:  # a field of a table
            fields = bytes(data[a:b]).split(b",")
            fields[rng.integers(0, len(fields))] = ODD[rng.integers(0, len(ODD))]
            data[a:b] = b",".join(fields)
        elif kind == 6:  # a separator or line end
            old, new = (b",;\t \n|"[k : k + 1] for k in rng.integers(0, 6, 2))
            data[a:b] = data[a:b].replace(old, new)
        else:
            data[a:a] = ODD[rng.integers(0, len(ODD))]
    return bytes(data)


def made(number, seed):
    """Make one damaged file: its name, its content, and whether it is read as a grid."""
    rng = np.random.default_rng([seed, number])
    every = sources()
    path, is_grid = every[rng.integers(0, len(every))]
    content, name = path.read_bytes(), path.name
    if not is_grid and rng.random() < 0.2:
        content, ending = packed(content, rng)
        name += ending
    return name, mutated(content, rng), is_grid


def read(path, is_grid):
    """Read a file; say what came out, and raise where it is not sound."""
    from helpers import gridding, tracks
    from helpers.tracks import _table

    try:
        if is_grid:
            grid = gridding.read_grid(path)
            if not np.nanmax(np.abs(grid)) <= 10_000:
                raise AssertionError("values beyond physics")
            return "read"
        table = tracks.read_tracks(path)
    except ValueError as error:
        if path.name.split(".")[0] not in str(error):
            raise AssertionError(f"the error does not name the file: {error}") from error
        return "refused"
    for count in table.attrs["report"].values():
        lost = sum(count.get(reason, 0) for reason in _table.REASONS)
        if count["rows_read"] != count["rows_kept"] + lost:
            raise AssertionError("rows are not accounted for")
    good = table["longitude"].between(-180, 180) & table["latitude"].between(-90, 90)
    good &= ~(table["residual_nt"].abs() > 10_000)
    if not (good & table["time"].notna()).all():
        raise AssertionError("rows beyond physics")
    return "read"


def worker(pipe, folder, seed):
    """Read the files whose numbers come through the pipe."""
    warnings.simplefilter("ignore")
    while True:
        number = pipe.recv()
        name, content, is_grid = made(number, seed)
        path = Path(folder) / name
        path.write_bytes(content)
        begun = time.perf_counter()
        try:
            outcome = read(path, is_grid)
        except Exception as error:  # that is what is looked for
            outcome = f"{type(error).__name__}: {error}"[:300]
        taken = time.perf_counter() - begun
        path.unlink()
        gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        pipe.send((outcome, taken, gb))


class Reader:
    """A process that reads files, started anew when one of them was its end."""

    def __init__(self, folder, seed):
        folder.mkdir(parents=True, exist_ok=True)
        self.given, self.pipe, self.process = (folder, seed), None, None

    def read(self, number):
        """Read one file; outcome, seconds and the peak memory (GB) so far."""
        if self.process is None or not self.process.is_alive():
            self.pipe, other = multiprocessing.Pipe()
            start = multiprocessing.get_context("spawn").Process
            self.process = start(target=worker, args=(other, *self.given), daemon=True)
            self.process.start()
            other.close()
        self.pipe.send(number)
        try:
            if self.pipe.poll(PATIENCE_S):
                return self.pipe.recv()
        except EOFError:
            return "the process died", 0.0, 0.0
        self.process.kill()
        self.process.join()
        return "no answer", np.inf, 0.0


def main(arguments=None):
    """Read so many damaged files and tell how they ended; 1 if any ended badly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    from helpers import _shared

    FOUND.mkdir(parents=True, exist_ok=True)
    reader, ends = Reader(FOUND / "now", asked.seed), collections.Counter()
    slowest, most, bad = 0.0, 0.0, []
    for number in _shared.progress(range(asked.files), "damaged files"):
        outcome, taken, gb = reader.read(number)
        fine = outcome in ("read", "refused")
        ends[outcome if fine else "bad"] += 1
        slowest, most = max(slowest, taken), max(most, gb)
        if not fine or taken > SLOWEST_S or gb > MOST_GB:
            name, content, _ = made(number, asked.seed)
            (FOUND / f"{number}_{name}").write_bytes(content)
            bad.append(f"{number} {name}: {outcome}, {taken:.1f} s, {gb:.2f} GB")
    print(f"{asked.files:,} files: {ends['read']:,} read, {ends['refused']:,} refused, "
          f"{ends['bad']:,} otherwise; slowest {slowest:.2f} s, peak {most:.2f} GB")  # fmt: skip
    for line in bad[:50]:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
