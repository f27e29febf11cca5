"""The registry against a server on loopback, and the embedded data against their checksums."""

import gzip
import hashlib
import http.server
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from helpers import data
from helpers.data import _registry

BODY = b"SURVEY_ID\tMAG_TOT\n" * 4000
NAME = "tracks/test.m77t"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path; counts requests.

    /good, /wrong, /short (breaks off), /missing (404), /endless, /drips (a byte now and then, in
    the head or in the body), /gzip_... (compressed, and damaged in some way).
    """

    def do_GET(self):
        self.server.asked.append(self.path)
        good, kind = self.path in self.server.good, self.path.strip("/")
        if kind == "drips_head":
            return self.drip(b"HTTP/1.0 200 OK\r\n")
        self.send_response(404 if self.path == "/missing" else 200)
        body = BODY if good or kind in ("short", "slow") else b"not the file"
        if kind.startswith("gzip"):
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(BODY)
            if kind != "gzip":
                body = {"head": b"no gzip" + body, "flip": body[:40] + b"0000" + body[44:],
                        "half": body[: len(body) // 2]}[kind.removeprefix("gzip_")]  # fmt: skip
        if kind not in ("endless", "drips_body"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind == "endless":
            for _ in range(1000):
                self.wfile.write(bytes(10_000))
        elif kind == "drips_body":
            self.drip(BODY)
        else:
            time.sleep(0.2 if kind == "slow" else 0)
            self.wfile.write(body[: len(body) // 2] if kind == "short" else body)

    def drip(self, text):
        """Send a byte now and then until nobody listens."""
        for k in range(100):
            self.wfile.write(text[k % len(text) :][:1])
            time.sleep(0.05)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.asked, made.good = [], {"/good"}
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def listed(monkeypatch, tmp_path):
    """Put one file in an otherwise empty registry; no mirror, a cache of its own."""
    monkeypatch.delenv("LMA_DATA_MIRROR", raising=False)
    monkeypatch.setenv("LMA_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("LMA_LEFT_OUT", raising=False)
    monkeypatch.setattr(_registry, "_unreachable", {})

    def put(url):
        row = {"name": NAME, "sha256": hashlib.sha256(BODY).hexdigest(), "url": url}
        row |= {"licence": "none", "citation": "nobody (1900)"}
        monkeypatch.setattr(_registry, "entries", lambda: {NAME: row})

    return put


def url(server, path):
    return f"http://127.0.0.1:{server.server_port}{path}"


def cached_files(tmp_path):
    found = (tmp_path / "cache").rglob("*")
    return [path for path in found if path.is_file() and path.suffix != ".lock"]


def test_downloads_once_and_then_reads_the_cache(server, listed, tmp_path):
    listed(url(server, "/good"))
    first, second = data.fetch(NAME), data.fetch(NAME)
    assert first == second == tmp_path / "cache" / NAME
    assert first.read_bytes() == BODY
    assert server.asked == ["/good"] and data.at_hand()[NAME]
    assert cached_files(tmp_path) == [first]


def test_the_mirror_comes_first_and_what_it_lacks_is_downloaded(
    server, listed, tmp_path, monkeypatch
):
    listed(url(server, "/good"))
    monkeypatch.setenv("LMA_DATA_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror/tracks").mkdir(parents=True)
    assert data.fetch(NAME) == tmp_path / "cache" / NAME
    (tmp_path / "mirror" / NAME).write_bytes(BODY)
    assert data.fetch(NAME) == tmp_path / "mirror" / NAME
    assert server.asked == ["/good"]


def test_a_relative_mirror_counts_from_the_root(monkeypatch, tmp_path):
    monkeypatch.setenv("LMA_DATA_MIRROR", "../elsewhere")
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).resolve().parents[2]
    assert _registry.mirror_folder().resolve() == root.parent / "elsewhere"


@pytest.mark.parametrize("place", ["mirror", "cache"])
def test_a_wrong_checksum_on_disk_names_file_sums_and_remedy(
    place, server, listed, tmp_path, monkeypatch
):
    listed(url(server, "/good"))
    monkeypatch.setenv("LMA_DATA_MIRROR", str(tmp_path / "mirror"))
    path = tmp_path / place / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"changed")
    with pytest.raises(_registry.ChecksumError) as error:
        data.fetch(NAME)
    for part in (NAME, place, str(path), hashlib.sha256(b"changed").hexdigest()):
        assert part in str(error.value)
    assert hashlib.sha256(BODY).hexdigest() in str(error.value)
    assert path.read_bytes() == b"changed"  # a reader's file is never overwritten
    path.write_bytes(BODY)
    assert data.fetch(NAME) == path


@pytest.mark.parametrize(
    ("path", "kind", "words", "requests"),
    [
        ("/wrong", _registry.ChecksumError, "download is not the expected file", 1),
        ("/short", data.DataUnavailable, "broke off", 2),
        ("/missing", data.DataUnavailable, "404", 1),
    ],
)
def test_a_bad_download_is_one_clear_error_and_leaves_nothing(
    path, kind, words, requests, server, listed, tmp_path
):
    listed(url(server, path))
    with pytest.raises(kind, match=words) as error:
        data.fetch(NAME)
    assert NAME in str(error.value) and url(server, path) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(server.asked) == requests
    assert cached_files(tmp_path) == []
    server.good.add(path)  # once the server is well, the same call succeeds
    if path == "/wrong":
        assert data.fetch(NAME).read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/endless", data.DataUnavailable, "gives more than 0.2 MB"),
        ("/gzip_head", data.DataUnavailable, "compressed and cannot be unpacked"),
        ("/gzip_flip", data.DataUnavailable, "compressed and cannot be unpacked"),
        ("/gzip_half", data.DataUnavailable, "not the expected file|broke off|unpacked"),
    ],
)
def test_a_bad_server_is_one_clear_error(path, kind, words, server, listed, tmp_path, monkeypatch):
    monkeypatch.setattr(_registry, "MOST_BYTES", 200_000)
    listed(url(server, path))
    with pytest.raises(kind, match=words):
        data.fetch(NAME)
    assert cached_files(tmp_path) == []
    listed(url(server, "/gzip"))
    assert data.fetch(NAME).read_bytes() == BODY


@pytest.mark.parametrize("path", ["/drips_head", "/drips_body"])
def test_a_server_that_sends_a_byte_now_and_then_is_left(
    path, server, listed, tmp_path, monkeypatch
):
    monkeypatch.setattr(_registry, "WHOLE_S", 0.3)
    listed(url(server, path))
    begun = time.monotonic()
    for _ in range(2):
        with pytest.raises(data.DataUnavailable, match="not done after 0.3 s"):
            data.fetch(NAME)
    assert time.monotonic() - begun < 2 and server.asked == [path]
    assert cached_files(tmp_path) == []


def test_threads_that_want_one_file_get_it_whole_by_one_download(server, listed):
    server.good.add("/slow")
    listed(url(server, "/slow"))
    with ThreadPoolExecutor(6) as pool:
        paths = list(pool.map(data.fetch, [NAME] * 6))
    assert len(set(paths)) == 1 and paths[0].read_bytes() == BODY
    assert server.asked == ["/slow"]


def test_a_server_out_of_reach_is_asked_only_once(server, listed, tmp_path, monkeypatch, capsys):
    connect = mock.Mock(side_effect=ConnectionRefusedError(111, "Connection refused"))
    monkeypatch.setattr("socket.socket.connect", connect)
    listed(url(server, "/good"))
    for _ in range(3):
        with pytest.raises(data.DataUnavailable, match="cannot be reached") as error:
            data.fetch(NAME)
    assert connect.call_count == 1
    for part in (NAME, url(server, "/good"), str(tmp_path / "cache" / NAME), "LMA_DATA_MIRROR"):
        assert part in str(error.value)
    assert not data.at_hand()[NAME]


def test_what_is_left_out_is_said_once_and_listed_at_the_end(
    server, listed, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("socket.socket.connect", mock.Mock(side_effect=ConnectionRefusedError))
    monkeypatch.setenv("LMA_LEFT_OUT", str(tmp_path / "build" / "left_out.txt"))
    listed(url(server, "/good"))
    assert data.left_out() == ""
    assert [data.try_fetch(NAME) for _ in range(3)] == [None] * 3
    assert capsys.readouterr().out == f"Left out, since not at hand: {NAME}\n"
    said = data.left_out()
    assert said.count(NAME) == 1 and said.count("LMA_DATA_MIRROR") == 1
    assert len(said.splitlines()) == 3


def test_a_cache_that_cannot_be_written(server, listed, tmp_path, monkeypatch):
    listed(url(server, "/good"))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LMA_DATA_CACHE", str(tmp_path / "file"))
    with pytest.raises(data.DataUnavailable, match="cache cannot be written.*LMA_DATA_CACHE"):
        data.fetch(NAME)


def test_an_unknown_name_shows_the_closest():
    for call in (data.fetch, data.try_fetch, data.citation):
        with pytest.raises(KeyError, match="tracks/ncei/nbp9707.m77t"):
            call("NBP9707.m77t")


def test_every_row_of_the_registry_is_complete():
    rows = _registry.entries()
    assert "tracks/ncei/nbp9707.m77t" in rows
    for name, row in rows.items():
        assert re.fullmatch("[0-9a-f]{64}", row["sha256"]), name
        assert re.match(r"https://\S+/[0-9a-f]{40}/\S+", row["url"]), name
        assert row["licence"] and row["citation"], name
    assert "10.1029/2008GC002019" in data.citation("picks/Croon++_2008_G3.gmt")


@pytest.mark.skipif(_registry.mirror_folder() is None, reason="LMA_DATA_MIRROR is not set")
def test_the_mirror_holds_every_file_as_listed():
    for name in _registry.entries():
        assert data.fetch(name).is_file()


# ------------------------------------------------------------------ embedded data


def readme_rows():
    text = (_registry.DATA / "README.md").read_text()
    return {m[3]: m for m in re.finditer(r"\| `([0-9a-f]{64})` \| (\d+) \| `(.+?)` \|", text)}


def test_embedded_files_match_the_checksums_in_the_readme():
    rows = readme_rows()
    for name, row in rows.items():
        content = (_registry.DATA / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row[1], name
        assert len(content) == int(row[2]), name
    made = {"timescale.csv"}
    for folder in ("context", "natural_earth"):
        files = [path for path in (_registry.DATA / folder).rglob("*") if path.is_file()]
        made |= {path.relative_to(_registry.DATA).as_posix() for path in files}
    assert set(rows) == made
    assert sum(int(row[2]) for row in rows.values()) < 10e6


@pytest.mark.parametrize("name", data.REGIONS)
def test_context_covers_its_region_with_sensible_values(name):
    here, cut = data.region(name), data.context(name)
    assert cut.age_ma.dims == cut.relief_m.dims == ("latitude", "longitude")
    for axis, low, high in (
        (cut.longitude, here.west, here.east),
        (cut.latitude, here.south, here.north),
    ):
        np.testing.assert_allclose(np.diff(axis), 0.1, atol=1e-9)
        assert axis[0] <= low and axis[-1] >= high
    lon, lat = np.meshgrid(cut.longitude, cut.latitude)
    inside = here.contains(lon, lat)
    ages = cut.age_ma.values[inside]
    ages = ages[np.isfinite(ages)]
    young, old = here.age_range_ma
    assert young <= ages.min() < young + 1 and old - 1 < ages.max() <= old
    # ocean: most of each box has an age and lies deep, and the youngest floor is shallower
    assert ages.size > 0.9 * inside.sum()
    assert -6000 < np.median(cut.relief_m.values[inside]) < -1000


def test_context_names_its_sources():
    cut = data.context("epr")
    assert "10.1029/2020GC009214" in cut.age_ma.attrs["references"]
    assert cut.age_ma.attrs["units"] == "Ma" and cut.relief_m.attrs["units"] == "m"
    # the crest of the ridge near 9.9 N, 104.2 W, is young; Pacific floor at 120 W there is not
    assert cut.age_ma.sel(latitude=9.9, longitude=-104.3, method="nearest") < 1
    assert cut.age_ma.sel(latitude=9.9, longitude=-119.0, method="nearest") > 15


def test_timescale_holds_published_boundaries_in_order():
    table = data.timescale()
    assert list(table) == ["chron", "young_ma", "old_ma", "sequence", "cryptochron"]
    assert (table.old_ma > table.young_ma).all()
    assert (table.young_ma.values[1:] > table.old_ma.values[:-1]).all()
    assert table.chron.is_unique and table.cryptochron.dtype == bool
    ages = table.set_index("chron")[["young_ma", "old_ma"]].apply(tuple, axis=1)
    # Cande & Kent (1995) and Gee & Kent (2007), by hand
    assert ages["C1n"] == (0.0, 0.78) and ages["C2An.1n"] == (2.581, 3.04)
    assert ages["C5n.2n"] == (9.92, 10.949) and ages["C34n"] == (83.0, 120.6)
    assert ages["M1n"] == (121.0, 123.19) and ages["M22n.1n"] == (147.06, 148.57)
    assert set(table.chron[table.cryptochron]) == {
        *("C1r.2r-1n", "C4r.2r-1n", "C4Ar.1r-1n", "C5r.2r-1n", "C5r.2r-2n", "C5r.3r-1n"),
        *("C5Dr-1n", "C7Ar-1n"),
    }
    assert list(table.sequence.unique()) == ["C", "M", "deep-tow"]
    assert table.old_ma[table.sequence == "M"].max() == 157.27


def test_coastlines_draw_with_the_network_cut_off(tmp_path):
    """In a process of its own, with an empty cache and sockets that refuse."""
    script = f"""
import socket
def refuse(*_, **__): raise OSError("no network in this test")
socket.socket.connect = refuse
import cartopy, matplotlib
matplotlib.use("agg")
import cartopy.crs, cartopy.feature, matplotlib.pyplot as plt
from helpers import data, maps
cartopy.config["data_dir"] = {str(tmp_path / "empty")!r}
panel = maps.Panel(None, "no grid")
maps.draw_maps(data.region("reykjanes"), [panel]).savefig({str(tmp_path)!r} + "/map_50m.png")
data.use_offline_coastlines()
for scale in ("110m", "50m"):
    fig, ax = plt.subplots(subplot_kw={{"projection": cartopy.crs.PlateCarree()}})
    ax.set_extent([-40, -15, 54, 66])
    ax.coastlines(scale)
    ax.add_feature(cartopy.feature.LAND.with_scale(scale))
    fig.savefig({str(tmp_path)!r} + f"/{{scale}}.png")
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=_registry.DATA.parent)
    assert min(path.stat().st_size for path in tmp_path.glob("*m.png")) > 5000
