"""Archives: what lies in them is read wherever it lies, in bounds; damage spoils only itself."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from helpers import tracks

TABLE = b"lon,lat,anomaly\n" + b"".join(b"%d.5,%d,3\n" % (k, k) for k in range(20))
GOOD = TABLE.replace(b"anomaly", b"residual")


def zipped(how=zipfile.ZIP_DEFLATED, /, **members):
    """Pack files by name as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(name, content, sparse=False):
    """Pack a file as a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        item = tarfile.TarInfo(name)
        item.size = len(content)
        archive.addfile(item, io.BytesIO(content))
    data = bytearray(out.getvalue())
    if sparse:  # as GNU tar writes a file of 10 GB with a hole
        data[156:157] = b"S"
        data[386:410] = b"%011o\0%011o\0" % (0, len(content))
        data[483:495] = b"%011o\0" % (8 * 1024**3 - 1)
        data[148:156] = b" " * 8
        data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv.bz2", bz2.compress),
        ("a.csv.xz", lzma.compress),
        ("a.csv.gz", gzip.compress),
        ("a.tbz2", lambda content: bz2.compress(tarred("a.csv", content))),
        ("a.txz", lambda content: lzma.compress(tarred("a.csv", content))),
        ("a.zip", lambda content: zipped(**{"deep/a.txt": content})),
        ("a.zip", lambda content: zipped(b=zipped(**{"a.xyz": gzip.compress(content)}))),
        ("renamed.dat", gzip.compress),
    ],
)
def test_any_wrapping_is_taken_off(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(TABLE))
    assert len(tracks.read_tracks(tmp_path / name)) == len(tracks.read_tracks(tmp_path)) == 20


ZEROS = bytes(60_000_000)
BOMBS = {
    "zeros.zip": zipped(**{f"{k}.csv": ZEROS for k in range(3)}),
    "zeros.csv.gz": gzip.compress(ZEROS, 9) * 4,
    "zeros.csv.bz2": bz2.compress(ZEROS) * 4,
    "zeros.csv.xz": lzma.compress(ZEROS) * 4,
    "nested.zip": zipped(a=zipped(b=zipped(c=zipped(d=zipped(e=TABLE))))),
    "sparse.tar": tarred("a.csv", TABLE, sparse=True),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_swells_is_left_out_by_name_and_the_rest_is_read(tmp_path, name):
    (tmp_path / name).write_bytes(BOMBS[name])
    (tmp_path / "good.csv").write_bytes(GOOD)
    tracemalloc.start()
    table = tracks.read_tracks(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) == 20 and peak < 400e6
    error = tracks.report(table)["error"].dropna()
    assert error.str.contains(name).all() and len(error)
    assert error.str.contains("unpacks to|three deep|sparse|damaged").all()


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
def test_damage_anywhere_spoils_one_archive_alone(tmp_path, kind):
    packed = {
        "zip": zipped(**{"a.csv": TABLE, "b.csv": TABLE}), "tar": tarred("a.csv", TABLE),
        "gz": gzip.compress(TABLE), "bz2": bz2.compress(TABLE), "xz": lzma.compress(TABLE),
    }[kind]  # fmt: skip
    (tmp_path / "good.csv").write_bytes(GOOD)
    rng = np.random.default_rng(3)
    for _ in range(60):
        content = bytearray(packed)
        for place in rng.integers(0, len(content), rng.integers(1, 5)):
            content[place] = rng.integers(0, 256)
        (tmp_path / f"a.{kind}").write_bytes(content[: rng.integers(4, len(content) + 1)])
        table = tracks.read_tracks(tmp_path)
        assert (table["cruise"] == "good").sum() == 20
        told = {*table.attrs["report"], *table.attrs["passed_over"]}
        assert any(name.startswith("a") for name in told) or kind == "zip"


ODS = b"application/vnd.oasis.opendocument.spreadsheet"


def test_archives_of_one_name_both_count(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.zip").write_bytes(zipped(**{"a.csv": TABLE}))
    given = [tmp_path / folder / "a.zip" for folder in ("one", "two")]
    for table in (tracks.read_tracks(given), tracks.read_tracks(tmp_path)):
        assert len(table) == 40 and len(tracks.report(table)) == 2
        assert table["cruise"].nunique() == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "packed as 7z: unpack it first"),
        ("a.rar", b"Rar!\x1a", "packed as rar"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "is a spreadsheet; save it as CSV"),
        ("a.ods", zipped(zipfile.ZIP_STORED, mimetype=ODS), "is a spreadsheet; save it"),
    ],
)
def test_what_cannot_be_unpacked_says_what_to_do(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(tracks.TrackError, match=said):
        tracks.read_tracks(tmp_path / name)
    with pytest.raises(tracks.TrackError, match=said):
        tracks.read_tracks(tmp_path)
