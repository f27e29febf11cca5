"""Reading cruises, counting what is rejected, and the residual against the direct evaluation."""

from datetime import datetime

import numpy as np
import pandas as pd
import ppigrf
import pytest

from helpers import data, tracks
from helpers.tracks import _residual, _table
from registry_files import fetch_or_skip

HEADER = (
    "SURVEY_ID\tTIMEZONE\tDATE\tTIME\tLAT\tLON\tPOS_TYPE\tCORR_DEPTH\tMAG_TOT\tMAG_RES\tFREEAIR"
).split("\t")
GOOD = {
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


def line(columns=HEADER, **changes):
    row = GOOD | changes
    return "\t".join(row.get(name, "") for name in columns)


def write(path, *lines, columns=HEADER, end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = end.join(["\t".join(columns), *lines]) + end
    path.write_bytes(text.encode("latin-1"))
    return path


def read_rows(tmp_path, *lines, **how):
    return tracks.read_tracks(write(tmp_path / "test.m77t", *lines, **how))


def cruise(name):
    """Path of a real cruise, or a skip that says why there is none."""
    return fetch_or_skip(f"tracks/ncei/{name}.m77t")


# ------------------------------------------------------------------ reading


def test_one_row_in_the_promised_columns(tmp_path):
    table = read_rows(tmp_path, line())
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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_order_of_columns_and_line_end(tmp_path, end, seed):
    expected = read_rows(tmp_path, line(), line(TIME="1416", MAG_TOT="46020"))
    columns = list(np.random.default_rng(seed).permutation(HEADER))
    rows = [line(columns), line(columns, TIME="1416", MAG_TOT="46020")]
    pd.testing.assert_frame_equal(read_rows(tmp_path, *rows, columns=columns, end=end), expected)


def test_trailing_empty_fields_may_be_left_out_and_more_may_follow(tmp_path):
    short = line().rstrip("\t")
    table = read_rows(tmp_path, line(), short, line() + "\t1\t2\t3", line() + "\t\t\t")
    assert len(table) == 4 and table.duplicated().sum() == 3


def test_a_byte_order_mark_and_accents_do_no_harm(tmp_path):
    path = write(tmp_path / "a.m77t", line(SURVEY_ID="Curaçao"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert tracks.read_tracks(path).cruise.tolist() == ["Curaçao"]


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
    assert read_rows(tmp_path, line(**changes)).time[0] == pd.Timestamp(utc)


def test_longitudes_come_out_between_minus_and_plus_180(tmp_path):
    given = ["179.9", "180", "-180", "180.1", "359.5", "-0.5"]
    table = read_rows(tmp_path, *(line(LON=lon) for lon in given))
    np.testing.assert_allclose(table.longitude, [179.9, 180, -180, -179.9, -0.5, -0.5])


def test_missing_values(tmp_path):
    table = read_rows(
        tmp_path,
        line(CORR_DEPTH="", MAG_RES=""),
        line(MAG_TOT=""),
        line(SURVEY_ID=" ", MAG_TOT=" 46000 "),
        line(CORR_DEPTH="99999"),
        line(CORR_DEPTH="deep"),
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
        ("bad time", [{"DATE": ""}, {"TIME": ""}, {"TIME": "2400"}, {"TIME": "1260"}]),
        ("bad time", [{"TIME": "-5"}, {"TIMEZONE": "99"}, {"DATE": "1e300"}]),
        ("no magnetic reading", [{"MAG_TOT": "", "MAG_RES": ""}, {"MAG_TOT": " ", "MAG_RES": ""}]),
        ("unparsable number", [{"LAT": "12S"}, {"MAG_TOT": "--"}, {"TIME": "12:30"}]),
        ("unparsable number", [{"LON": "inf"}, {"MAG_TOT": "nan"}, {"MAG_RES": "1,5"}]),
        ("total field out of range", [{"MAG_TOT": "14999"}, {"MAG_TOT": "99999"}]),
        ("total field out of range", [{"MAG_TOT": "0"}, {"MAG_TOT": "-46000"}]),
    ],
)
def test_every_rejection_is_counted_under_its_reason(tmp_path, reason, bad):
    rows = [line(**changes) for changes in bad]
    table = read_rows(tmp_path, line(), *rows, line(TIME="1500"))
    assert len(table) == 2 and table.total_field_nt.tolist() == [46015.7, 46015.7]
    counted = tracks.report(table).loc["test.m77t"].to_dict()
    assert counted == {"rows_read": 2 + len(bad), "rows_kept": 2, reason: len(bad)}


def test_a_row_with_several_faults_counts_once(tmp_path):
    worst = line(LAT="x", LON="999", DATE="0", MAG_TOT="1")
    counts = read_rows(tmp_path, line(), worst).attrs["report"]["test.m77t"]
    assert counts["unparsable number"] == 1
    assert counts["rows_read"] == counts["rows_kept"] + 1 == 2


def test_a_header_line_in_the_middle_is_counted(tmp_path):
    table = read_rows(tmp_path, line(), "\t".join(HEADER), line(TIME="1500"))
    assert len(table) == 2
    assert tracks.report(table).loc["test.m77t", "repeated header"] == 1


def test_a_file_cut_anywhere_gives_true_rows_or_a_counted_rejection(tmp_path):
    rows = [line(TIME=f"14{k:02d}", LON=f"-110.{k}25", MAG_TOT=f"460{k}5.7") for k in range(3)]
    path = write(tmp_path / "cut.m77t", *rows)
    whole, content = tracks.read_tracks(path), path.read_bytes()
    exact = [name for name in _table.COLUMNS if name != "residual_nt"]
    second = content.index(rows[1].encode())
    for stop in range(second, len(content)):
        path.write_bytes(content[:stop])
        table = tracks.read_tracks(path)
        counts = table.attrs["report"]["cut.m77t"]
        rejected = sum(counts[reason] for reason in counts if not reason.startswith("rows_"))
        assert counts["rows_read"] == counts["rows_kept"] + rejected
        lines_begun = content[:stop].rstrip(b"\n").count(b"\n")
        assert counts["rows_read"] == lines_begun
        pd.testing.assert_frame_equal(table[exact], whole[exact][: len(table)])
        assert table.residual_nt[:-1].equals(whole.residual_nt[: len(table) - 1])


def test_a_line_cut_in_a_needed_field_is_called_truncated(tmp_path):
    path = write(tmp_path / "cut.m77t", line(), line(TIME="1416"))
    text = path.read_text()
    path.write_text(text[: text.rindex("110.25") + 4])
    table = tracks.read_tracks(path)
    assert len(table) == 1
    assert tracks.report(table).loc["cut.m77t", "truncated line"] == 1


def test_damaged_bytes_never_give_another_kind_of_error(tmp_path):
    path = write(tmp_path / "damaged.m77t", *(line(TIME=f"14{k:02d}") for k in range(5)))
    content, rng = path.read_bytes(), np.random.default_rng(2)
    outcomes = set()
    for _ in range(400):
        damaged = np.frombuffer(content, dtype=np.uint8).copy()
        where = rng.integers(0, damaged.size, rng.integers(1, 12))
        damaged[where] = rng.choice(list(b'\0\t\n\r" "TrueNaN,1eE-+.;x\xff'), where.size)
        path.write_bytes(damaged.tobytes())
        try:
            table = tracks.read_tracks(path)
        except tracks.TrackError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        counts = dict(table.attrs["report"]["damaged.m77t"])
        counts.pop("depth blanked")
        assert counts.pop("rows_read") == sum(counts.values())
        assert table.latitude.between(-90, 90).all() and table.longitude.between(-180, 180).all()
        assert table.time.notna().all()
    assert outcomes == {"refused", "read"}


# ------------------------------------------------------------------ files that are none


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not MGD77T"),
        (b"lon,lat,mag\n1,2,3\n", "not MGD77T.*begins 'lon,lat,mag'"),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "not MGD77T"),
        (b"SURVEY_ID\tFORMAT_77\tCENTER_ID\nA\tMGD77T\t1\n", "header file.*give the .m77t"),
        (b"SURVEY_ID\tDATE\tTIME\tLAT\tLON\tFREEAIR\nA\t1\t1\t1\t1\t1\n", "no magnetic column"),
        (b"DATE\tTIME\tLAT\tLON\tLON\tMAG_TOT\n1\t1\t1\t1\t1\t1\n", "twice: LON"),
        ("\t".join(HEADER).encode() + b"\n", "no valid row: 0 read"),
        ("\t".join(HEADER).encode(), "no valid row: 0 read"),
        ("\n".join(["\t".join(HEADER), line(LAT="99"), ""]).encode(), "1 read, 1 bad position"),
    ],
)
def test_a_file_that_holds_no_track_is_a_clear_error(tmp_path, content, words):
    path = tmp_path / "odd.m77t"
    path.write_bytes(content)
    with pytest.raises(tracks.TrackError, match=words) as error:
        tracks.read_tracks(path)
    assert str(path) in str(error.value)


def test_a_missing_file_and_empty_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or folder.*nowhere"):
        tracks.read_tracks(tmp_path / "nowhere.m77t")
    (tmp_path / "empty/below").mkdir(parents=True)
    with pytest.raises(tracks.TrackError, match="No track file.*it is empty"):
        tracks.read_tracks(tmp_path / "empty")
    (tmp_path / "empty/below/readme.txt").write_text("hello")
    with pytest.raises(tracks.TrackError, match=r"holds only \.txt"):
        tracks.read_tracks(tmp_path / "empty")
    with pytest.raises(tracks.TrackError, match="No path"):
        tracks.read_tracks([])


def test_a_delivery_is_read_whole_and_its_faults_are_reported(tmp_path):
    first = tmp_path / "trackline-item-1/MGD77_1/a.m77t"
    write(first, line(SURVEY_ID="A"), line(SURVEY_ID="A", LAT="99"))
    write(tmp_path / "trackline-item-2/MGD77_2/B.M77T", line(SURVEY_ID="B"))
    (tmp_path / "trackline-item-2/MGD77_2/b.h77t").write_text("SURVEY_ID\tFORMAT_77\n")
    odd = [name for name in HEADER if not name.startswith("MAG")]
    write(tmp_path / "trackline-item-3/c.m77t", line(odd), columns=odd)
    table = tracks.read_tracks(tmp_path)
    assert table.cruise.tolist() == ["A", "B"] and table.index.tolist() == [0, 1]
    shown = tracks.report(table)
    assert shown.rows_kept.tolist() == [1, 1, 0]
    assert shown.loc["trackline-item-1/MGD77_1/a.m77t", "bad position"] == 1
    assert "no magnetic column" in shown.loc["trackline-item-3/c.m77t", "error"]
    # the same file twice is read once; a list may mix files and folders
    again = tracks.read_tracks([tmp_path, first])
    assert again.cruise.tolist() == ["A", "B"]
    with pytest.raises(tracks.TrackError, match="No file holds.*no magnetic column"):
        tracks.read_tracks(tmp_path / "trackline-item-3")


def test_report_needs_a_table_that_was_read():
    with pytest.raises(tracks.TrackError, match="no report"):
        tracks.report(pd.DataFrame())


# ------------------------------------------------------------------ residual


def test_field_equals_the_direct_evaluation_at_any_time():
    """ppigrf interpolates coefficients in time; we interpolate the field: both are linear."""
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(-180, 180, 60), rng.uniform(-89, 89, 60)
    when = pd.Timestamp("1900-01-01") + pd.to_timedelta(rng.integers(0, 47_000, 60), unit="D")
    field = _residual.reference_field(lon, lat, when)
    for k in range(60):
        direct = ppigrf.igrf(lon[k], lat[k], 0.0, when[k].to_pydatetime())
        # rounding only: the field itself is about 5e4 nT in double precision
        np.testing.assert_allclose(field[:, k], np.ravel(direct), atol=1e-5)


def test_field_at_epochs_poles_and_outside_the_model():
    times = np.array(["1900-01-01", "1995-01-01", "2030-01-01"], dtype="datetime64[ns]")
    field = _residual.reference_field([10, 10, 10], [0, 0, 0], times)
    for k, year in enumerate([1900, 1995, 2030]):
        direct = ppigrf.igrf(10, 0, 0.0, datetime(year, 1, 1))
        np.testing.assert_allclose(field[:, k], np.ravel(direct), atol=1e-6)
    assert 5.5e4 < np.linalg.norm(_residual.reference_field(0, 90, times[1])) < 5.9e4
    outside = np.array(["1899-12-31", "2030-01-02", "NaT"], dtype="datetime64[ns]")
    assert np.isnan(_residual.reference_field([10] * 3, [0] * 3, outside)).all()


def test_residual_keeps_the_files_own_where_it_cannot_be_recomputed(tmp_path):
    rows = [line(), line(MAG_TOT=""), line(DATE="20400101"), line(MAG_RES="")]
    table = tracks.residual(read_rows(tmp_path, *rows))
    assert table.recomputed.tolist() == [True, False, False, True]
    assert table.residual_nt[1] == table.residual_nt[2] == -14.5
    direct = ppigrf.igrf(-110.25, -45.5, 0.0, datetime(1997, 6, 5, 14, 15))
    assert table.residual_nt[0] == pytest.approx(46015.7 - np.linalg.norm(direct), abs=1e-4)
    assert table.attrs["residual"] == {"model": "IGRF-14", "recomputed": 2, "kept_from_file": 2}


def test_residual_does_not_change_its_input(tmp_path):
    table = read_rows(tmp_path, line())
    tracks.residual(table)
    tracks.remove_cruise_median(table)
    assert table.residual_nt.tolist() == [-14.5] and list(table) == _table.COLUMNS


def test_the_median_of_each_cruise_goes(tmp_path):
    rows = [line(SURVEY_ID=who, MAG_RES=res) for who, res in zip("AAABB", "12957", strict=True)]
    table = tracks.remove_cruise_median(read_rows(tmp_path, *rows))
    assert table.residual_nt.tolist() == [-1, 0, 7, -1, 1]
    assert table.attrs["cruise_median_nt"] == {"A": 2.0, "B": 6.0}


def test_the_trend_of_each_cruise_goes_and_wild_readings_do_not_bend_it():
    rng, days = np.random.default_rng(0), np.linspace(0, 20, 3000)
    table = pd.DataFrame(
        {
            "cruise": np.repeat(["A", "B"], days.size),
            "time": pd.Timestamp("2001-01-01") + pd.to_timedelta(np.r_[days, days], unit="D"),
            "residual_nt": np.r_[40 + 1.5 * (days - 10), -70 - 0.8 * (days - 10)],
        }
    )
    clean = tracks.remove_cruise_trend(table)
    # lines alone go to the last digit
    assert np.abs(clean.residual_nt).max() < 1e-6
    noise = rng.normal(0, 5, len(table))
    noise[rng.random(len(table)) < 0.2] += 800
    copy = table.assign(residual_nt=table.residual_nt + noise)
    trend = tracks.remove_cruise_trend(copy).attrs["cruise_trend"]
    for name, offset, slope in (("A", 40, 1.5), ("B", -70, -0.8)):
        # a fifth of wild readings on one side moves a median of 5 nT noise by 0.32 sd = 1.6 nT;
        # its slope has a standard error of about 5 / sqrt(1000) / 5.8 days = 0.03
        assert trend[name]["offset_nt"] == pytest.approx(offset, abs=2.5)
        assert trend[name]["slope_nt_per_day"] == pytest.approx(slope, abs=0.12)


def test_a_trend_of_one_reading_is_its_value_and_of_none_is_nothing(tmp_path):
    rows = [line(SURVEY_ID="A", MAG_RES="7"), line(SURVEY_ID="B", MAG_RES="")]
    table = read_rows(tmp_path, *rows)
    done = tracks.remove_cruise_trend(table)
    assert done.residual_nt[0] == 0 and np.isnan(done.residual_nt[1])
    assert done.attrs["cruise_trend"]["A"] == {"offset_nt": 7.0, "slope_nt_per_day": 0.0}
    assert table.residual_nt[0] == 7 and "cruise_trend" not in table.attrs


# ------------------------------------------------------------------ real cruises


@pytest.mark.parametrize(
    ("name", "survey", "read", "kept", "spread_nt"),
    [
        ("nbp9707", "NBP9707", 23890, 23870, 129.3),
        ("nbp97-4a", "NBP97-4A", 25145, 24947, 90.2),
        ("nbp9908", "NBP9908", 29607, 28006, 102.1),
    ],
)
def test_real_cruises(name, survey, read, kept, spread_nt):
    table = tracks.read_tracks(cruise(name))
    assert table.cruise.unique().tolist() == [survey] and len(table) == kept
    shown = tracks.report(table).loc[f"{name}.m77t"]
    assert (shown.rows_read, shown.rows_kept) == (read, kept)
    assert shown["no magnetic reading"] == read - kept
    assert table.time.is_monotonic_increasing
    new = tracks.residual(table)
    assert new.recomputed.all()
    # the file's own residual was made with the reference field of its day
    assert (new.residual_nt - table.residual_nt).std() == pytest.approx(spread_nt, abs=0.1)
    # against IGRF-14 the cruise lies about zero: its median is smaller than a stripe
    assert abs(new.residual_nt.median()) < 60 < new.residual_nt.std() < 250
    rng = np.random.default_rng(1)
    for k in rng.integers(0, kept, 8):
        row = new.iloc[k]
        direct = ppigrf.igrf(row.longitude, row.latitude, 0.0, row.time.to_pydatetime())
        assert row.residual_nt == pytest.approx(
            row.total_field_nt - np.linalg.norm(direct), abs=1e-4
        )


def test_real_cruises_cross_the_pacific_antarctic_region():
    table = tracks.read_tracks([cruise("nbp9707"), cruise("nbp97-4a"), cruise("nbp9908")])
    inside = data.region("pacific_antarctic").contains(table.longitude, table.latitude)
    assert table.cruise[inside].value_counts().min() > 3000


def test_old_cruises_in_ships_time():
    """V1707 kept zone 5 and then 4; both must come out in UTC, without a jump back."""
    table = tracks.read_tracks(cruise("v1707"))
    assert len(table) == 766
    assert table.time.is_monotonic_increasing
    assert table.time[0] == pd.Timestamp("1961-03-20 23:38")
