"""Made-up cruise files in the formats of the trade, for the tests that read them."""

import numpy as np

from helpers import tracks
from registry_files import fetch_or_skip

M77T_NAMES = (
    "SURVEY_ID\tTIMEZONE\tDATE\tTIME\tLAT\tLON\tPOS_TYPE\tCORR_DEPTH\tMAG_TOT\tMAG_RES\tFREEAIR"
).split("\t")
M77T_FIELDS = {
    "SURVEY_ID": "TEST01",
    "TIMEZONE": "0",
    "DATE": "19970605",
    "TIME": "1415",
    "LAT": "-45.5",
    "LON": "-110.25",
    "CORR_DEPTH": "3900",
    "MAG_TOT": "46015.7",
    "MAG_RES": "-14.5",
}


def fetched(name):
    """Path of a file of the registry, or a skip that says why there is none."""
    return fetch_or_skip(f"tracks/{name}")


def cards(name="TEST77"):
    """24 header cards of 80 characters, made up; numbered in their last two."""
    lines = []
    for k in range(1, 25):
        text = {
            1: f"4{name:<8}MGD7701030007    5513319790619INSTITUTE OF TESTS",
            2: f"{'NOWHERE':<18}{'R/V EXAMPLE':<21}1SHIP  A. TESTER",
            5: f"{'GPS':<40}WGS84",
            7: f"{'PROTON PRECESSION':<40}PAPER",
            13: f"{'01001':<17}03IGRF-65",
        }.get(k, "")
        lines.append(f"{text:<78}{k:02d}")
    return lines


def record(kind="5", name="TEST77", zone="+00", year="1978", **changes):
    """One record of 120 characters; the fields are texts as they stand in the file."""
    part = {"monthday": "0408", "clock": "0915300", "lat": "-5330670", "lon": "-07087830"}
    part |= {"depth": "039005", "total": "460157", "second": "999999", "res": "-00145"} | changes
    text = f"{kind}{name:<8}{zone}{year}{part['monthday']}{part['clock']}{part['lat']}{part['lon']}"
    text += f"1999999{part['depth']}991{part['total']}{part['second']}{part['res']}"
    return text.ljust(120, "9")


def fixed(*records, end="\n", header=True):
    return end.join([*(cards() if header else []), *records]) + end


def mgg(order="<", count=2, year=1993, extra=b""):
    head = np.array([year, count], dtype=f"{order}i4").tobytes() + b"AGENCY\0\0\0\0"
    kind = [("t", f"{order}i4"), ("place", f"{order}i4", 2), ("rest", f"{order}i2", 3)]
    rows = np.array(
        [(60, (10_500_000, 190_250_000), (-32000, -34, -3900)), (90, (0, 0), (1, -32000, 1))],
        dtype=kind,
    )
    return head + rows.tobytes() + extra


def read(tmp_path, content, name="test.mgd77", **how):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    return tracks.read_tracks(path, **how)


def m77t_row(columns=M77T_NAMES, **changes):
    row = M77T_FIELDS | changes
    return "\t".join(row.get(name, "") for name in columns)


def m77t(*lines, columns=M77T_NAMES, end="\n"):
    return end.join(["\t".join(columns), *lines]) + end


def read_m77t(tmp_path, *lines):
    return read(tmp_path, m77t(*lines), "test.m77t")
