"""What must hold for any file of tracks: hypothesis looks for one where it does not."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import tracks
from helpers.tracks import _table
from track_files import fixed, mgg, record

NAMES = ["SURVEY_ID", "TIMEZONE", "DATE", "TIME", "LAT", "LON", "MAG_TOT", "MAG_RES", "CORR_DEPTH"]
CSV_NAMES = ["cruise", "time", "lon", "lat", "mag_tot", "mag_res", "depth"]
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def number(low, high, places):
    """Decimal numbers as files write them."""
    scale = 10**places
    whole = st.integers(int(low * scale), int(high * scale))
    return whole.map(lambda n: f"{n / scale:.{places}f}")


TIMES = st.datetimes(pd.Timestamp("1950-01-01"), pd.Timestamp("2030-01-01"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "when": TIMES.map(lambda when: when.replace(second=0, microsecond=0)),
            "zone": st.integers(-12, 12),
            "lat": number(-100, 100, 5),
            "lon": number(-200, 380, 5),
            "total": st.one_of(st.just(""), number(10_000, 80_000, 1)),
            "res": st.one_of(st.just(""), number(-900, 900, 1)),
            "depth": st.one_of(st.just(""), number(-10, 13_000, 1)),
        }
    ),
    min_size=1,
    max_size=6,
)


def is_valid(row):
    """What the workbook promises to keep."""
    place = abs(float(row["lat"])) <= 90 and -180 <= float(row["lon"]) <= 360
    return bool(place and (total_of(row) or row["res"]))


def total_of(row):
    """Total field as it is kept: blank where it is none of the Earth's."""
    return row["total"] if row["total"] and 15e3 <= float(row["total"]) <= 75e3 else ""


def as_m77t(rows, order, end):
    lines = ["\t".join(order)]
    for row in rows:
        fields = {"SURVEY_ID": "A", "TIMEZONE": str(row["zone"])}
        fields |= {"DATE": f"{row['when']:%Y%m%d}", "TIME": f"{row['when']:%H%M}"}
        fields |= {"LAT": row["lat"], "LON": row["lon"], "MAG_TOT": row["total"]}
        fields |= {"MAG_RES": row["res"], "CORR_DEPTH": row["depth"]}
        lines.append("\t".join(fields[name] for name in order))
    return end.join(lines) + end


def as_csv(rows, order, end):
    lines = [",".join(order)]
    for row in rows:
        local = f"{row['when']:%Y-%m-%d %H:%M:%S}{-row['zone']:+03d}:00"
        fields = ["A", local, row["lon"], row["lat"], row["total"], row["res"], row["depth"]]
        named = dict(zip(CSV_NAMES, fields, strict=True))
        lines.append(",".join(named[name] for name in order))
    return end.join(lines) + end


def as_fixed(rows, end):
    """Lines of MGD77; a longitude needs at most 9 characters and a latitude 8, with the sign."""

    def scaled(text, unit, width, missing):
        return missing if not text else f"{round(float(text) * unit):+0{width}d}"

    lines = [
        record(
            zone=f"{row['zone']:+03d}",
            year=f"{row['when']:%Y}",
            monthday=f"{row['when']:%m%d}",
            clock=f"{row['when']:%H%M}000",
            lat=scaled(row["lat"], 1e5, 8, ""),
            lon=scaled(row["lon"], 1e5, 9, ""),
            total=scaled(row["total"], 10, 6, "999999").lstrip("+").rjust(6, "0"),
            res=scaled(row["res"], 10, 6, ""),
            depth=scaled(row["depth"], 10, 6, "999999").lstrip("+").rjust(6, "0"),
        )
        for row in rows
        if row["res"]
    ]
    return fixed(*lines, end=end)


def read(content, name):
    """Read a file of these bytes; None where it is refused, which must be a TrackError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            return tracks.read_tracks(path)
        except tracks.TrackError:
            return None


def assert_sound(table):
    """Hold what is true of any table that was read: counts that add up, places and times."""
    assert list(table) in (_table.COLUMNS, [*_table.COLUMNS, "time_made_up"])
    for counts in table.attrs["report"].values():
        assert counts["rows_read"] == counts["rows_kept"] + sum(counts[k] for k in _table.REASONS)
        assert set(counts) == {"rows_read", "rows_kept", *_table.REASONS, *_table.NOTES}
    assert len(table) == sum(c["rows_kept"] for c in table.attrs["report"].values()) > 0
    assert table.latitude.between(-90, 90).all() and table.longitude.between(-180, 180).all()
    assert table.time.notna().all() and table.time.dtype == "datetime64[ns]"
    assert (table.total_field_nt.notna() | table.residual_nt.notna()).all()
    assert (table.depth_m.isna() | table.depth_m.between(0, 12_000)).all()


def assert_holds(table, rows):
    """Hold the table against the rows that were written."""
    good = [row for row in rows if is_valid(row)]
    if not good:
        assert table is None
        return
    assert_sound(table)
    assert table.attrs["report"].popitem()[1]["rows_read"] == len(rows)
    utc = [pd.Timestamp(row["when"]) + pd.Timedelta(hours=row["zone"]) for row in good]
    assert table.time.tolist() == utc
    turn = (table.longitude - [float(row["lon"]) for row in good]) / 360
    np.testing.assert_allclose(turn, turn.round(), atol=1e-12)  # the same meridian
    for ours, theirs in [("latitude", "lat"), ("residual_nt", "res")]:
        written = [float(row[theirs] or "nan") for row in good]
        np.testing.assert_allclose(table[ours], written, atol=1e-9)
    totals = [float(total_of(row) or "nan") for row in good]
    np.testing.assert_allclose(table["total_field_nt"], totals, atol=1e-9)


def written(data, kind):
    """Draw the content of a file of a kind, and the rows in it (old GMT: two of its own)."""
    rows, end = data.draw(ROWS), data.draw(ENDS)
    if kind == "m77t":
        return as_m77t(rows, data.draw(st.permutations(NAMES)), end).encode(), rows
    if kind == "csv":
        return as_csv(rows, data.draw(st.permutations(CSV_NAMES)), end).encode(), rows
    if kind == "mgd77":
        rows = [row for row in rows if row["res"]]
        return as_fixed(rows, end).encode(), rows
    return mgg(data.draw(st.sampled_from("<>"))), None


@pytest.mark.parametrize("kind", ["m77t", "csv", "mgd77"])
@BOUNDED
@given(st.data())
def test_rows_come_back_from_columns_in_any_order_and_any_line_end(kind, data):
    content, rows = written(data, kind)
    assert_holds(read(content, f"a.{kind}"), rows)


@pytest.mark.parametrize("kind", ["m77t", "csv", "mgd77", "gmt"])
@BOUNDED
@given(st.data())
def test_a_cut_file_gives_the_first_rows_or_is_refused(kind, data):
    """Nothing else changes."""
    content, _ = written(data, kind)
    cut = content[: data.draw(st.integers(0, len(content)), label="cut at")]
    whole, table = read(content, f"a.{kind}"), read(cut, f"a.{kind}")
    if table is None:
        return
    assert_sound(table)
    # the last field of the last row may be cut where no needed field follows: see read_tracks
    surest = ["time", "longitude", "latitude"]
    pd.testing.assert_frame_equal(table[surest], whole[surest][: len(table)])
    pd.testing.assert_frame_equal(table[:-1], whole[: len(table) - 1])


@pytest.mark.parametrize("kind", ["m77t", "csv", "mgd77", "gmt"])
@BOUNDED
@given(st.data())
def test_a_damaged_file_is_read_or_refused(kind, data):
    damaged = bytearray(written(data, kind)[0])
    for _ in range(data.draw(st.integers(1, 8))):
        where = data.draw(st.integers(0, len(damaged) - 1))
        damaged[where] = data.draw(st.sampled_from(list(b'\0\t\n\r" 5,eE-+.;x\xff#')))
    table = read(bytes(damaged), f"a.{kind}")
    if table is not None:
        assert_sound(table)


@BOUNDED
@given(
    st.sampled_from(["a.m77t", "a.csv", "a.mgd77", "a.gmt", "a.nc", "a.zip", "a.tar", "a.gz", "a"]),
    st.one_of(
        st.binary(max_size=400),
        st.sampled_from([b"CDF\x01", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x1f\x8b"]).flatmap(
            lambda start: st.binary(max_size=600).map(lambda rest: start + rest)
        ),
    ),
)
def test_any_bytes_are_read_or_refused(name, content):
    table = read(content, name)
    if table is not None:
        assert_sound(table)
