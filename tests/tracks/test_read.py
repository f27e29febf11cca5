"""Every format of cruise gives the same table, and archives are read as folders are."""

import gzip
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from helpers import tracks
from track_files import fetched, fixed, m77t, m77t_row, mgg, read, record

M77T = m77t(m77t_row(SURVEY_ID="A"))


# ------------------------------------------------------------------ MGD77+ netCDF


def test_a_real_cruise_in_mgd77_plus():
    table = tracks.read_tracks(fetched("ncei/rc0402_01010006.nc"))
    assert table.cruise.unique().tolist() == ["RC0402"] and len(table) == 843
    assert tracks.report(table).iloc[0]["no magnetic reading"] == 866 - 843
    # the first and the range of values that the file's own attributes state
    assert table.time[0] == pd.Timestamp("1963-03-12 05:51")
    assert table.time.iloc[-1] <= pd.Timestamp("1963-03-20 12:40")
    assert table.longitude[0] == pytest.approx(-80.06437, abs=1e-9)
    assert table.latitude.max() == pytest.approx(33.0, abs=1e-6)
    assert (table.total_field_nt.min(), table.total_field_nt.max()) == (50789, 54429)
    assert (table.residual_nt.min(), table.residual_nt.max()) == pytest.approx((-469.7, 2288.3))
    assert table.depth_m.isna().all()
    about = table.attrs["about"]["rc0402_01010006.nc"]
    assert about["reference_field"] == "IGRF-65" and about["platform"] == "Robert Conrad"
    # the reading agrees with the field of its day
    assert abs(tracks.residual(table).residual_nt.median()) < 300


def plus(path, units="seconds since 1970-01-01 00:00:00 0", kind="NETCDF4"):
    """Write three rows of MGD77+, values as scaled integers; the last has no reading."""
    made = xr.Dataset(
        {
            "lat": ("time", [10.0, 20, 30]),
            "lon": ("time", [190.0, 20, 30]),
            "mag": ("time", [1.5, -2.5, np.nan]),
            "depth": 4000,  # one value for all rows
        },
        {"time": ("time", [0.0, 60, 120], {"units": units})},
        {"Format_Acronym": "MGD77"},
    )
    scales = {"lat": 1e-7, "lon": 2e-7, "mag": 0.1}
    coded = {name: {"dtype": "i4", "_FillValue": -(2**31), "scale_factor": scale}
             for name, scale in scales.items()}  # fmt: skip
    made.to_netcdf(path, format=kind, encoding=coded)
    return path


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_scales_missing_values_and_constants(tmp_path, kind):
    table = tracks.read_tracks(plus(tmp_path / "a.nc", "minutes since 2001-02-03", kind))
    assert table.time.tolist() == [pd.Timestamp("2001-02-03"), pd.Timestamp("2001-02-03 01:00")]
    np.testing.assert_allclose(table.longitude, [-170, 20], atol=1e-7)
    np.testing.assert_allclose(table.residual_nt, [1.5, -2.5])
    assert table.depth_m.tolist() == [4000, 4000] and table.cruise.tolist() == ["a", "a"]
    assert tracks.report(table).iloc[0]["no magnetic reading"] == 1


def test_other_netcdf_and_damage_are_clear_errors(tmp_path):
    with pytest.raises(tracks.TrackError, match="netCDF but not MGD77.*lat, lon, depth"):
        xr.load_dataset(plus(tmp_path / "a.nc")).drop_vars("mag").to_netcdf(tmp_path / "b.nc")
        tracks.read_tracks(tmp_path / "b.nc")
    with pytest.raises(tracks.TrackError, match="times in units 'fortnights'"):
        tracks.read_tracks(plus(tmp_path / "a.nc", "fortnights"))
    for kind in ("NETCDF3_CLASSIC", "NETCDF4"):
        path = plus(tmp_path / "a.nc", kind=kind)
        content = path.read_bytes()
        for stop in np.linspace(9, len(content) * 0.9, 25).astype(int):
            path.write_bytes(content[:stop])
            with pytest.raises(tracks.TrackError, match="damaged netCDF|not MGD77|is cut off"):
                tracks.read_tracks(path)


# ------------------------------------------------------------------ old-GMT binary


@pytest.mark.parametrize("order", ["<", ">"])
def test_old_gmt_in_either_byte_order(tmp_path, order):
    table = read(tmp_path, mgg(order), "a.gmt")
    (row,) = table.to_dict("records")
    assert row.pop("total_field_nt") != row  # NaN: the format holds no total field
    assert row == {
        "cruise": "AGENCY",
        "time": pd.Timestamp("1993-01-01 00:01"),
        "longitude": -169.75,
        "latitude": 10.5,
        "residual_nt": -34.0,
        "depth_m": 3900.0,
    }


@pytest.mark.parametrize(
    ("content", "read_rows", "truncated"),
    [(mgg(count=5), 5, 3), (mgg(extra=b"123"), 3, 1), (mgg()[:-1], 2, 1), (mgg(count=0), 2, 0)],
)
def test_old_gmt_that_is_cut_is_counted(tmp_path, content, read_rows, truncated):
    counts = read(tmp_path, content, "a.gmt").attrs["report"]["a.gmt"]
    assert counts["rows_read"] == read_rows and counts["truncated line"] == truncated
    assert counts["rows_kept"] == 1


def test_lucky_strike_begins_and_ends_as_in_the_table_made_of_it():
    """The CSV that Mirone has beside the binary file has its times cut to whole minutes."""
    table = tracks.read_tracks(fetched("surveys/so_lucky.gmt"))
    assert len(table) == 1110
    ends = table.iloc[[0, -1]]
    assert ends.time.dt.strftime("%Y%m%d %H:%M").tolist() == ["19930711 01:17", "19930712 20:01"]
    assert ends.longitude.tolist() == [-32.4005, -32.325699]
    assert ends.latitude.tolist() == [37.2547, 37.337]
    assert ends.residual_nt.tolist() == [-34.0, 223.0]


# ------------------------------------------------------------------ tables with named columns


def test_the_surveys_in_csv_are_recognised():
    index = tracks.read_tracks(fetched("surveys/index17.csv"))
    assert len(index) == 7873 and index.time[0] == pd.Timestamp("2017-09-11 14:49")
    first = index.iloc[0]
    assert (first.longitude, first.latitude) == (71.09997, -26.17391)
    assert (first.total_field_nt, first.residual_nt) == (46015.7, -208.0)  # not MAG_TOT2
    ew = tracks.read_tracks(fetched("surveys/ew0007.csv"))
    assert len(ew) == 27635
    assert ew.time[0] == pd.Timestamp("2000-07-17 00:35")  # written 12:35-12:00


def test_projected_metres_without_projection_are_refused():
    path = fetched("surveys/DataBoxTest.csv")
    with pytest.raises(tracks.TrackError, match=r"projected positions \(x, y\).*projection"):
        tracks.read_tracks(path)
    said = {"time": "SurveyNumber", "longitude": "X", "latitude": "Y", "residual_nt": "MagAnomaly"}
    with pytest.raises(tracks.TrackError, match="'X' holds no degrees.*projected metres"):
        tracks.read_tracks(path, columns=said)


SAID = {"time": "when", "longitude": "E", "latitude": "N", "residual_nt": "dT"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_columns_that_the_caller_names(tmp_path, separator):
    text = "# a note\nwhen,N,E,dT,depth\n1993-07-11T01:17:30+02:00,10,190,-3.5,x\n"
    text = text.replace(",", separator)
    table = read(tmp_path, text, "mine.csv", columns=SAID)
    (row,) = table.drop(columns=["total_field_nt", "depth_m"]).to_dict("records")
    assert row == {
        "cruise": "mine",
        "time": pd.Timestamp("1993-07-10 23:17:30"),
        "longitude": -170.0,
        "latitude": 10.0,
        "residual_nt": -3.5,
    }
    assert tracks.report(table).iloc[0]["depth blanked"] == 1
    with pytest.raises(tracks.TrackError, match="no column for time, longitude"):
        read(tmp_path, text, "mine.csv")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"longitude": "Q"}, "no column 'Q'; it has time, lon"),
        ({"height": "lon"}, "columns names height; the table has only"),
    ],
)
def test_columns_that_the_table_lacks(tmp_path, columns, words):
    with pytest.raises(tracks.TrackError, match=words):
        read(tmp_path, "time,lon,lat,mag_res\n", "mine.csv", columns=columns)


@pytest.mark.parametrize(
    ("reason", "bad"),
    [
        ("bad time", "yesterday,1,2,3"),
        ("time interpolated", ",1,2,3"),
        ("bad time", "1993-02-30 10:00,1,2,3"),
        ("bad position", "1993-07-11,361,2,3"),
        ("bad position", "1993-07-11,1,,3"),
        ("no magnetic reading", "1993-07-11,1,2,"),
        ("no magnetic reading", "1993-07-11,1,2"),
        ("no magnetic reading", "1993-07-11,1,2,NaN"),
        ("unparsable number", "1993-07-11,1,2X,3"),
        ("unparsable number", "1993-07-11,1,2E,3"),
        ("wrong number of fields", "1993-07-11,1,2,3,4"),
        ("residual out of range", "1993-07-11,1,2,-9999"),
        ("unparsable number", '"1993-07-11,1,2,x'),
        ("repeated header", "time,lon,lat,mag_res"),
    ],
)
def test_bad_rows_of_a_table_are_counted_by_reason(tmp_path, reason, bad):
    good = "1993-07-11 10:00,1,2,3\n"
    table = read(tmp_path, f"time,lon,lat,mag_res\n{good}{bad}\n{good}", "a.csv")
    kept = 3 if reason == "time interpolated" else 2
    assert tracks.report(table).iloc[0].to_dict() == {"rows_read": 3, "rows_kept": kept, reason: 1}


def test_quoted_fields_and_a_date_beside_a_time(tmp_path):
    text = 'survey,date,time,lon,lat,mag_tot\n"A, first",2001-02-03,04:05:06,1,2,45000\n'
    table = read(tmp_path, text, "a.csv")
    assert table.cruise[0] == "A, first" and table.time[0] == pd.Timestamp("2001-02-03 04:05:06")


# ------------------------------------------------------------------ folders and archives


MEMBERS = {
    "trackline-item-1/MGD77_1/a.m77t": M77T.encode(),
    "trackline-item-1/MGD77_1/a.h77t": b"SURVEY_ID\tFORMAT_77\tMAG_INSTR\nA\tMGD77T\tproton\n",
    "trackline-item-1/readme.txt": b"hello",
    "trackline-item-2/B.MGD77": fixed(record()).encode(),
    "trackline-item-2/bad.m77t": b"nonsense",
    "trackline-item-2/grid.csv": b"a,b\n1,2\n",
}


def packed(path):
    """Write MEMBERS as a folder, a zip or a tar, by the ending of the path."""
    folder = path.with_name(f"packed_{path.name}") if path.suffix else path
    for name, content in MEMBERS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if path.suffix:
        kind = {".zip": "zip", ".tar": "tar"}.get(path.suffix, "gztar")
        os.rename(shutil.make_archive(folder, kind, folder), path)
        shutil.rmtree(folder)
    return path


def last_part(name):
    return name.rsplit("/", 1)[-1]


@pytest.mark.parametrize("name", ["folder", "all.zip", "all.tar", "all.tar.gz", "all.tgz"])
def test_a_delivery_in_any_wrapping(tmp_path, name):
    table = tracks.read_tracks(packed(tmp_path / name))
    assert table.cruise.tolist() == ["A", "TEST77"]
    report = tracks.report(table)
    assert [last_part(k) for k in report.index] == ["a.m77t", "B.MGD77", "bad.m77t"]
    assert report.rows_kept.tolist() == [1, 1, 0]
    assert "not MGD77T" in report.error.iloc[2]
    about = {last_part(k): said for k, said in table.attrs["about"].items()}
    assert about["a.m77t"] == {"instrument": "proton"}
    assert [last_part(k) for k in table.attrs["passed_over"]] == ["grid.csv"]


def test_archives_within_folders_and_single_compressed_files(tmp_path):
    (tmp_path / "in").mkdir()
    packed(tmp_path / "in/delivery.zip")
    (tmp_path / "in/c.m77t.gz").write_bytes(gzip.compress(M77T.encode()))
    table = tracks.read_tracks(tmp_path / "in")
    assert table.cruise.tolist() == ["A", "A", "TEST77"]
    assert list(table.attrs["report"])[0] == "c.m77t"
    assert len(tracks.read_tracks(tmp_path / "in/c.m77t.gz")) == 1


@pytest.mark.parametrize("name", ["all.zip", "all.tar", "all.tar.gz"])
def test_an_archive_cut_anywhere_says_so(tmp_path, name):
    content = packed(tmp_path / name).read_bytes()
    end = content.rindex(b"PK\x05\x06") if name == "all.zip" else len(content)
    outcomes = set()
    for stop in np.linspace(1, end - 1, 60).astype(int):
        (tmp_path / name).write_bytes(content[:stop])
        try:
            table = tracks.read_tracks(tmp_path / name)
        except tracks.TrackError as error:
            assert str(tmp_path / name) in str(error)
            outcomes.add("refused")
        else:
            faults = tracks.report(table).get("error", pd.Series(dtype=str)).dropna()
            whole = {"A", "TEST77"} == set(table.cruise) and len(table.attrs["report"]) == 3
            assert whole or faults.str.contains("damaged|cut off").any()
            outcomes.add("read")
    assert outcomes == ({"refused"} if name == "all.zip" else {"refused", "read"})


def test_the_header_beside_a_file_is_read(tmp_path):
    table = tracks.read_tracks(packed(tmp_path) / "trackline-item-1/MGD77_1/a.m77t")
    assert table.attrs["about"] == {"a.m77t": {"instrument": "proton"}}
    about = tracks.read_tracks(fetched("ncei/v1707.m77t")).attrs["about"]["v1707.m77t"]
    assert about["reference_field"] == "IGRF 65" and about["platform"] == "Vema"


def test_the_content_decides_where_the_ending_does_not(tmp_path):
    assert len(read(tmp_path, M77T, "a.txt")) == 1
    assert len(read(tmp_path, fixed(record()), "a.txt")) == 1
    assert len(read(tmp_path, "time,lon,lat,mag_res\n2001-01-01,1,2,3\n", "a.txt")) == 1


def lonlatmag(header, sep=",", offset=0.0, rows=40):
    """Write a table of a ship that sails north along 327 E, a reading a minute of latitude."""
    lines = [sep.join((f"{327:.4f}", f"{38 + k / 60:.4f}", f"{offset + 50 * np.sin(k / 4):.1f}"))
             for k in range(rows)]  # fmt: skip
    return "\n".join([header, *lines, ""]).encode()


@pytest.mark.parametrize(
    ("name", "header", "sep"),
    [
        ("a.csv", "Lon,Lat,Mag_nT", ","),
        ("a.csv", "Longitude (deg),Latitude (deg),Residual [nT]", ","),
        ("a.txt", "LONG_DD\tLAT_DD\tanomaly", "\t"),
        ("a.xyz", "lon lat mag", " "),
        ("a.xyz", "  lon   lat   mag", "   "),
    ],
)
def test_residuals_need_no_times_and_names_as_people_write_them(tmp_path, name, header, sep):
    table = read(tmp_path, lonlatmag(header, sep), name)
    assert len(table) == 40 and table["longitude"].eq(-33).all()
    assert table["residual_nt"].iloc[8] == pytest.approx(50 * np.sin(2), abs=0.06)
    assert table["total_field_nt"].isna().all()
    seconds = np.diff(table["time"]) / np.timedelta64(1, "s")
    assert np.allclose(seconds, 1.853 / 18 * 3600, rtol=0.01)  # a minute of latitude at 18 km/h
    assert "made up" in table.attrs["about"][name]["time"]


def test_a_mag_column_of_the_size_of_the_field_is_a_total_field(tmp_path):
    rows = [
        f"2001-01-01T{k // 60:02d}:{k % 60:02d},-33,{38 + k / 400},{44000 + k}" for k in range(90)
    ]
    table = read(tmp_path, "\n".join(["UTC,LONG_DD,LAT_DD,Mag", *rows, ""]), "a.csv")
    assert table["total_field_nt"].iloc[-1] == 44089 and table["residual_nt"].isna().all()


def test_a_catalogue_of_earthquakes_is_no_track(tmp_path):
    (tmp_path / "quakes.csv").write_text(
        "time,latitude,longitude,mag,magType\n2001-01-01,1,2,5,mb\n"
    )
    (tmp_path / "a.csv").write_bytes(lonlatmag("lon,lat,mag"))
    table = tracks.read_tracks(tmp_path)
    assert len(table) == 40 and table.attrs["passed_over"] == ["quakes.csv"]


# ------------------------------------------------------------------ files that are none

UNKNOWN = "no format.*MGD77T.*old-GMT.*tar.gz"  # the list of those that are read


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("odd.m77t", "", "not MGD77T"),
        ("odd.m77t", "lon,lat,mag\n1,2,3\n", "not MGD77T.*begins 'lon,lat,mag'"),
        ("odd.m77t", "\x89HDF\r\n\x1a\n\x00\x00", "damaged netCDF"),
        ("odd.m77t", "SURVEY_ID\tFORMAT_77\nA\tMGD77T\n", "header file.*give the .m77t"),
        ("odd.m77t", "SURVEY_ID\tDATE\tTIME\tLAT\tLON\nA\t1\t1\t1\t1\n", "no magnetic column"),
        ("odd.m77t", "DATE\tTIME\tLAT\tLON\tLON\tMAG_TOT\n1\t1\t1\t1\t1\t1\n", "twice: LON"),
        ("odd.m77t", m77t(), "no valid row: 0 read"),
        ("odd.m77t", m77t().rstrip("\n"), "no valid row: 0 read"),
        ("odd.m77t", m77t(m77t_row(LAT="99")), "1 read, 1 bad position"),
        ("odd.mgd77", "hello world\n", "not fixed-width MGD77.*begins 'hello"),
        ("odd.csv", "a,b\n1,2\n", "no column for time, longitude, latitude, total_field_nt or"),
        ("odd.csv", "time,lon,lat\n1,2,3\n", "no column for total_field_nt or residual_nt"),
        ("odd.csv", "time,lon,lon,lat,mag_res\n", "twice: lon"),
        ("odd.csv", "time,lon,lat,mag_res\n", "no valid row: 0 read"),
        ("odd.csv", "", "no column for.*among none"),
        ("odd.csv", "-33.0 38.1 -20\n-33.0 38.2 -18\n", "no line with the names.*longitude,lat"),
        # a total field needs times
        ("odd.csv", lonlatmag("lon,lat,mag", offset=44000), "'mag' is a total.*COLUMNS='time="),
        ("odd.bin", "1 2 3\n", UNKNOWN),
        ("odd.dat", "\0\1\2", UNKNOWN),
        ("odd", "", UNKNOWN),
        ("odd.gmt", "#", UNKNOWN),
    ],
)
def test_a_file_that_holds_no_track_is_a_clear_error(tmp_path, name, content, words):
    with pytest.raises(tracks.TrackError, match=words) as error:
        read(tmp_path, content, name)
    assert str(tmp_path / name) in str(error.value)


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


def test_a_file_given_twice_is_read_once_and_faults_are_told_by_path(tmp_path):
    first = packed(tmp_path / "all") / "trackline-item-1/MGD77_1/a.m77t"
    first.write_text(first.read_text() + m77t_row(LAT="99") + "\n")
    table = tracks.read_tracks([tmp_path, first])
    assert table.cruise.tolist() == ["A", "TEST77"] and table.index.tolist() == [0, 1]
    shown = tracks.report(table)
    assert shown.loc["all/trackline-item-1/MGD77_1/a.m77t", "bad position"] == 1
    assert "not MGD77T" in shown.loc["all/trackline-item-2/bad.m77t", "error"]
    (tmp_path / "all/trackline-item-2/B.MGD77").unlink()
    with pytest.raises(tracks.TrackError, match="No file holds.*not MGD77T"):
        tracks.read_tracks(tmp_path / "all/trackline-item-2")


def test_report_needs_a_table_that_was_read():
    with pytest.raises(tracks.TrackError, match="no report"):
        tracks.report(pd.DataFrame())
