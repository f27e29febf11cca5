"""MGD77T and fixed-width MGD77: each row is read as it is meant, or counted under its reason."""

import numpy as np
import pandas as pd
import pytest

from helpers import tracks
from helpers.tracks import _table
from track_files import (
    M77T_NAMES,
    cards,
    fetched,
    fixed,
    m77t,
    m77t_row,
    read,
    read_m77t,
    record,
)

# ------------------------------------------------------------------ MGD77T


def test_one_row_in_the_promised_columns(tmp_path):
    table = read_m77t(tmp_path, m77t_row())
    assert list(table) == _table.COLUMNS
    assert table.time.dtype == "datetime64[ns]"
    (row,) = table.to_dict("records")
    assert row == {
        "cruise": "TEST01",
        "time": pd.Timestamp("1997-06-05 14:15"),
        "longitude": -110.25,
        "latitude": -45.5,
        "total_field_nt": 46015.7,
        "residual_nt": -14.5,
        "depth_m": 3900.0,
    }


def test_trailing_empty_fields_may_be_left_out_and_more_may_follow(tmp_path):
    short = m77t_row().rstrip("\t")
    table = read_m77t(tmp_path, m77t_row(), short, m77t_row() + "\t1\t2\t3", m77t_row() + "\t\t\t")
    assert len(table) == 4 and table.duplicated().sum() == 3


def test_a_last_row_that_is_cut_is_counted(tmp_path):
    row = m77t_row()
    table = read(tmp_path, m77t(row, row[: row.index("-110") + 2]).rstrip("\n"), "cut.m77t")
    counted = tracks.report(table).loc["cut.m77t"].to_dict()
    assert counted == {"rows_read": 2, "rows_kept": 1, "truncated line": 1}


def test_a_byte_order_mark_and_accents_do_no_harm(tmp_path):
    content = b"\xef\xbb\xbf" + m77t(m77t_row(SURVEY_ID="Curaçao")).encode("latin-1")
    assert read(tmp_path, content, "a.m77t").cruise.tolist() == ["Curaçao"]


@pytest.mark.parametrize(
    ("changes", "utc"),
    [
        ({"TIMEZONE": "5"}, "1997-06-05 19:15"),
        ({"TIMEZONE": "-12", "TIME": "0100"}, "1997-06-04 13:00"),
        ({"TIMEZONE": "12", "TIME": "1830", "DATE": "19991231"}, "2000-01-01 06:30"),
        ({"TIME": "1415.5"}, "1997-06-05 14:15:30"),
        ({"TIME": "5.25"}, "1997-06-05 00:05:15"),
        ({"TIME": "0000", "DATE": "20000229"}, "2000-02-29 00:00"),
        ({"TIMEZONE": ""}, "1997-06-05 14:15"),
        ({"TIMEZONE": "-3.5"}, "1997-06-05 10:45"),
    ],
)
def test_time_is_utc(tmp_path, changes, utc):
    assert read_m77t(tmp_path, m77t_row(**changes)).time[0] == pd.Timestamp(utc)


def test_missing_values(tmp_path):
    table = read_m77t(
        tmp_path,
        m77t_row(CORR_DEPTH="", MAG_RES=""),
        m77t_row(MAG_TOT=""),
        m77t_row(SURVEY_ID=" ", MAG_TOT=" 46000 "),
        m77t_row(CORR_DEPTH="99999"),
        m77t_row(CORR_DEPTH="deep"),
    )
    assert table.depth_m.isna().tolist() == [True, False, False, True, True]
    assert table.residual_nt.isna().tolist() == [True, False, False, False, False]
    assert table.total_field_nt.isna().tolist() == [False, True, False, False, False]
    assert table.total_field_nt[2] == 46000 and table.cruise[2] == "test"
    assert tracks.report(table).loc["test.m77t", "depth blanked"] == 2


@pytest.mark.parametrize(
    ("reason", "bad"),
    [
        ("bad position", [{"LAT": "90.01"}, {"LAT": "-91"}, {"LON": "360.1"}, {"LON": "-181"}]),
        ("bad position", [{"LAT": ""}, {"LON": ""}]),
        ("bad time", [{"DATE": "19970229"}, {"DATE": "19971301"}, {"DATE": "970605"}]),
        ("bad time", [{"TIME": "2400"}, {"TIME": "1260"}]),
        ("bad time", [{"TIME": "-5"}, {"TIMEZONE": "99"}, {"DATE": "1e300"}]),
        ("no magnetic reading", [{"MAG_TOT": "", "MAG_RES": ""}, {"MAG_TOT": " ", "MAG_RES": ""}]),
        ("unparsable number", [{"LAT": "12S"}, {"MAG_TOT": "--"}, {"TIME": "12:30"}]),
        ("unparsable number", [{"LON": "inf"}, {"MAG_TOT": "nan"}, {"MAG_RES": "1,5"}]),
        # a row with several faults counts once
        ("unparsable number", [{"LAT": "x", "LON": "999", "DATE": "0", "MAG_TOT": "1"}]),
        ("repeated header", [{name: name for name in M77T_NAMES}]),
        ("total field out of range", [{"MAG_TOT": t, "MAG_RES": ""} for t in ("14999", "99999")]),
        ("total field out of range", [{"MAG_TOT": t, "MAG_RES": ""} for t in ("0", "-46000")]),
        ("residual out of range", [{"MAG_TOT": "", "MAG_RES": r} for r in ("9999.9", "-32768")]),
    ],
)
def test_every_rejection_is_counted_under_its_reason(tmp_path, reason, bad):
    rows = [m77t_row(**changes) for changes in bad]
    table = read_m77t(tmp_path, m77t_row(), *rows, m77t_row(TIME="1500"))
    assert len(table) == 2 and table.total_field_nt.tolist() == [46015.7, 46015.7]
    counted = tracks.report(table).loc["test.m77t"].to_dict()
    assert counted == {"rows_read": 2 + len(bad), "rows_kept": 2, reason: len(bad)}


def test_old_cruises_in_ships_time():
    """V1707 kept zone 5 and then 4; both must come out in UTC, without a jump back."""
    table = tracks.read_tracks(fetched("ncei/v1707.m77t"))
    assert len(table) == 766
    assert table.time.is_monotonic_increasing
    assert table.time[0] == pd.Timestamp("1961-03-20 23:38")


# ------------------------------------------------------------------ fixed-width MGD77


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [True, False])
def test_a_record_of_fixed_width(tmp_path, end, header):
    table = read(tmp_path, fixed(record(), end=end, header=header))
    (row,) = table.to_dict("records")
    assert row == {
        "cruise": "TEST77",
        "time": pd.Timestamp("1978-04-08 09:15:18"),  # 15.300 minutes
        "longitude": -70.8783,
        "latitude": -53.3067,
        "total_field_nt": 46015.7,
        "residual_nt": -14.5,
        "depth_m": 3900.5,
    }
    about = table.attrs["about"]["test.mgd77"]
    expected = {
        "institution": "INSTITUTE OF TESTS",
        "platform": "R/V EXAMPLE",
        "navigation": "GPS",
        "instrument": "PROTON PRECESSION",
        "reference_field": "IGRF-65",
    }
    assert about == (expected if header else {})


@pytest.mark.parametrize(
    ("changes", "utc"),
    [
        ({"zone": "+04"}, "1978-04-08 13:15:18"),
        ({"zone": "-12"}, "1978-04-07 21:15:18"),
        ({"zone": "+99"}, "1978-04-08 09:15:18"),
        ({"zone": "  4"}, "1978-04-08 13:15:18"),
        ({"kind": "3", "zone": "+0450", "year": "78"}, "1978-04-08 13:45:18"),
        ({"kind": "3", "zone": "+9999", "year": "62"}, "1962-04-08 09:15:18"),
        ({"kind": "3", "zone": " 0000", "year": "05"}, "2005-04-08 09:15:18"),
        ({"clock": " 9 0500"}, "1978-04-08 09:00:30"),
    ],
)
def test_times_of_both_record_types(tmp_path, changes, utc):
    assert read(tmp_path, fixed(record(**changes))).time[0] == pd.Timestamp(utc)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("bad position", {"lat": "+9999999"}),
        ("bad position", {"lat": "-9000001"}),
        ("bad position", {"lon": "+36000001"}),
        ("bad position", {"lon": " " * 9}),
        ("bad time", {"monthday": "0230"}),
        ("bad time", {"year": "2100"}),
        ("bad time", {"clock": "2460000"}),
        ("no magnetic reading", {"total": "999999", "res": "+99999"}),
        ("total field out of range", {"total": "000000", "res": "+99999"}),
        ("unparsable number", {"res": "-0O145"}),
        ("unparsable number", {"total": "4601 7"}),
        ("unparsable number", {"lat": "--533067"}),
        ("not a data record", {"kind": "7"}),
    ],
)
def test_bad_records_are_counted_by_reason(tmp_path, reason, changes):
    table = read(tmp_path, fixed(record(), record(**changes), record()))
    assert len(table) == 2
    counted = tracks.report(table).loc["test.mgd77"].to_dict()
    assert counted == {"rows_read": 3, "rows_kept": 2, reason: 1}


@pytest.mark.parametrize(
    ("note", "change"),
    [
        ("time interpolated", {"clock": "9999999"}),
        ("time interpolated", {"year": "9999"}),
        ("total field blanked", {"total": "000000"}),
        ("residual blanked", {"res": "+99990"}),
    ],
)
def test_what_is_blanked_or_missing_in_a_record_that_is_kept(tmp_path, note, change):
    table = read(tmp_path, fixed(record(), record(**change), record(clock="0925300")))
    counted = tracks.report(table).loc["test.mgd77"].to_dict()
    assert counted == {"rows_read": 3, "rows_kept": 3, note: 1}
    middle = "09:20:18" if note == "time interpolated" else "09:15:18"
    assert table.time[1] == pd.Timestamp(f"1978-04-08 {middle}")
    assert np.isnan(table.total_field_nt[1]) == (note == "total field blanked")
    assert np.isnan(table.residual_nt[1]) == (note == "residual blanked")


def test_a_header_of_one_card_takes_no_record_with_it(tmp_path):
    short = [record(clock=f"09{k:02d}300")[:78] for k in range(30)]
    content = "\n".join([cards()[0], *short, ""])
    assert len(read(tmp_path, content)) == 30


def test_short_records_and_missing_values(tmp_path):
    short = record()[:78]
    table = read(
        tmp_path,
        fixed(record(depth="999999", res="+99999"), short, record()[:77], record(depth="xx9999")),
    )
    assert len(table) == 3
    assert np.isnan(table.depth_m.tolist()).tolist() == [True, False, True]
    assert np.isnan(table.residual_nt[0])
    shown = tracks.report(table).iloc[0]
    assert shown["truncated line"] == 1 and shown["depth blanked"] == 1


def test_a_last_record_without_end_is_cut(tmp_path):
    content = fixed(record(), record())
    assert len(read(tmp_path, content[:-1])) == 2
    table = read(tmp_path, content[:-20])
    assert len(table) == 1 and tracks.report(table).iloc[0]["truncated line"] == 1


def test_several_cruises_with_headers_and_a_card_that_begins_with_5(tmp_path):
    second = cards("OTHER")
    second[3] = "5" + second[3][1:]
    text = "\n".join([*cards(), record(), *second, record(name="OTHER"), record(name=" ")]) + "\n"
    table = read(tmp_path, text, "two.dat")
    assert table.cruise.tolist() == ["TEST77", "OTHER", "two"]
    assert tracks.report(table).iloc[0].to_dict() == {"rows_read": 3, "rows_kept": 3}


def test_a_tape_without_line_ends(tmp_path):
    table = read(tmp_path, "".join([*cards(), record(), record(total="460200"), record()]))
    assert table.total_field_nt.tolist() == [46015.7, 46020.0, 46015.7]
