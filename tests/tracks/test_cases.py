"""Small files as people have them, each read right or refused in words (`tests/cases/inputs`)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import tracks
from track_files import read

CASES = Path(__file__).parents[1] / "cases" / "inputs"
FIRST, LAST = pd.Timestamp("1994-06-02 03:00"), pd.Timestamp("1996-07-03 13:32")


def case(name):
    """Read one of the files; its residual is recomputed where it can be."""
    return tracks.residual(tracks.read_tracks(f"{CASES}/{name}"))


def lost(table):
    """Rows that were not kept, by reason, and what was blanked or made up."""
    shown = tracks.report(table).drop(columns=["rows_read", "rows_kept", "error"], errors="ignore")
    return {name: int(number) for name, number in shown.sum().items()}


TIMED = [  # 300 rows from `FIRST` to `LAST`, the first at 38.6 N, 32 W
    "01_m77t_saved_as_csv/syn.csv",
    "02_time_hhmmss_without_zeros/syn.csv",
    "05_degrees_and_minutes_in_columns/syn.csv",
    "05_degrees_and_minutes_in_columns/syn_lat_min.csv",
    "06_hemisphere_in_a_column/syn.csv",
    "21_m77t_without_header_line",
    "22_fixed_width_called_m77t",
    "24_date_and_time_columns_of_other_names/seaspy.csv",
    "24_date_and_time_columns_of_other_names/seaspy_iso.csv",
    "24_date_and_time_columns_of_other_names/bob.csv",
    *(f"25_times_as_people_write_them/{name}.csv" for name in (
        "compact14 day_of_year dmonyyyy dmy epoch mdy_ampm mixed ymdhm_columns").split()),
    "26_utf16/syn.csv",
    "27_decimal_commas/syn.csv",
    "28_degrees_as_text/dm.csv",
    "28_degrees_as_text/suffix.csv",
    "30_pangaea_tab/syn.tab",
    "53_gravity_anomaly_beside_mag/syn.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", TIMED)
def test_all_rows_at_their_places_and_times(name):
    table = case(name)
    assert len(table) == 300 and lost(table) == {}
    assert (table.time.iloc[0], table.time.iloc[-1]) == (FIRST, LAST)
    assert table.longitude[0] == -32 and table.latitude[0] == pytest.approx(38.6)
    assert table.longitude[25] == pytest.approx(-30.97959, abs=2e-5)
    assert table.latitude[25] == pytest.approx(38.65102, abs=2e-5)
    assert table.residual_nt[0] == pytest.approx(-137.8, abs=0.1)
    assert table.residual_nt.abs().max() < 151
    assert len(tracks.clean(table)) == 300


LOSSES = {  # rows kept, and what became of the others
    "03_dates_without_time_of_day/syn.csv": (300, {}),
    "04_date_beside_decimal_hour/syn.csv": (300, {}),
    **{f"08_missing_anomalies_as_numbers/fill_{number}.csv": (273, {"residual out of range": 27})
       for number in ("-32768", "-9999", "1e20", "9999.9", "99999")},
    "09_m77t_residual_of_nines/syn01.m77t": (185, {"residual out of range": 15}),
    "11_one_position_0_0/syn.csv": (299, {"bad position": 1}),
    "12_same_file_name_in_two_folders": (300, {"time made up": 300}),
    "14_longitudes_continuous_over_date_line/to_362.csv": (100, {"time made up": 100}),
    "14_longitudes_continuous_over_date_line/to_minus182.csv": (100, {"time made up": 100}),
    "15_blank_field_in_fixed_columns/syn.txt":
        (240, {"no magnetic reading": 60, "time made up": 240}),
    "16_row_names_without_a_header/syn.csv": (200, {"time made up": 200}),
    "16_row_names_without_a_header/syn.txt": (200, {"time made up": 200}),
    "17_folder_of_csv_and_txt": (400, {"time made up": 400}),
    "18_folder_with_unknown_columns": (300, {"time made up": 200}),
    "23_residuals_without_date_and_time/syn01.m77t": (200, {"time made up": 200}),
    "23_residuals_without_date_and_time/syn01_blank_time.csv": (200, {"time made up": 200}),
    "23_residuals_without_date_and_time/syn01_some_blank.csv": (200, {"time interpolated": 67}),
    "29_geosoft_xyz/syn.xyz": (291, {"no magnetic reading": 9, "time made up": 291}),
    "31_names_behind_a_hash/syn.csv": (300, {"time made up": 300}),
    "31_names_behind_a_hash/segments.txt": (300, {"time made up": 300}),
    "32_gmt_mgd77_table/syn01.dat": (200, {}),
    "33_spreadsheet/tables.zip": (200, {"time made up": 200}),
    "50_single_line_without_box/ns.csv": (100, {"time made up": 100}),
    "51_comma_in_a_remark/syn.csv": (225, {"wrong number of fields": 75}),
    "52_minutes_only_with_fast_sampling/syn.csv": (1200, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_lost_is_counted_and_cleaning_keeps_the_rest(name):
    table = case(name)
    assert (len(table), lost(table)) == LOSSES[name]
    assert table.residual_nt.abs().max() < 160
    assert len(tracks.clean(table)) == len(table)


def test_first_readings_of_tables_of_text():
    for name, first in {
        "16_row_names_without_a_header/syn.txt": (-32.0, 38.6, -137.8),
        "29_geosoft_xyz/syn.xyz": (-31.95918, 38.60204, -103.9),
        "31_names_behind_a_hash/segments.txt": (-32.0, 38.6, -137.8),
        "14_longitudes_continuous_over_date_line/to_362.csv": (-2.0, -40.0, -80.1),
        "14_longitudes_continuous_over_date_line/to_minus182.csv": (178.0, -40.0, -80.1),
    }.items():
        row = case(name).iloc[0]
        assert (row.longitude, row.latitude, row.residual_nt) == first
    first = case("32_gmt_mgd77_table/syn01.dat").iloc[0]
    assert (first.time, first.total_field_nt, first.cruise) == (FIRST, 44458.6, "SYN01")
    table = case("04_date_beside_decimal_hour/syn.csv")
    assert table.time.dt.round("min")[:2].tolist() == [FIRST, FIRST + pd.Timedelta(minutes=8)]


def test_made_up_times_serve_for_no_reference_field():
    table = case("07_total_and_anomaly_without_time/syn1968.csv")
    assert not table.recomputed.any() and table.time_made_up.all() and len(table) == 360
    assert table.residual_nt.iloc[[0, 1]].tolist() == [148.6, -86.5]
    assert table.residual_nt.abs().max() <= 150


@pytest.mark.parametrize("ending", ["-9999.m77t", "0.csv", "0.m77t", "99999.9.m77t"])
def test_a_total_field_that_is_none_is_blanked_not_its_row(ending):
    table = case(f"10_total_field_missing_residual_good/syn01_tot_{ending}")
    assert len(table) == 200 and lost(table) == {"total field blanked": 200}
    assert table.total_field_nt.isna().all() and table.residual_nt[0] == -137.8


@pytest.mark.parametrize("ending", ["m77t", "mgd77"])
def test_a_second_sensor_stands_in(ending):
    table = case(f"20_only_the_second_sensor/syn01.{ending}")
    assert lost(table) == {"second sensor": 200} and table.total_field_nt[0] == 44458.6


def test_years_of_two_nines():
    table = case("19_type3_records_of_1999/syn01.mgd77")
    assert len(table) == 200 and table.time[0] == pd.Timestamp("1999-06-02 03:00")


def test_files_of_one_name_are_two_tracks(tmp_path):
    table = case("12_same_file_name_in_two_folders")
    assert table.cruise.value_counts().to_dict() == {"lineA/mag": 200, "lineB/mag": 100}
    table = case("13_blank_survey_id_same_name")
    assert table.cruise.value_counts().to_dict() == {"legA/data": 200, "legB/data": 100}
    one = tracks.read_tracks(f"{CASES}/12_same_file_name_in_two_folders/lineA")
    assert one.cruise.unique().tolist() == ["mag"]
    row = "lon,lat,anomaly\n1,2,3\n1,2.1,3\n"
    for name in ("a.csv", "a.txt"):
        (tmp_path / name).write_text(row)
    assert tracks.read_tracks(tmp_path).cruise.unique().tolist() == ["a.csv", "a.txt"]


def test_each_file_of_a_folder_is_read_or_named(tmp_path):
    table = case("17_folder_of_csv_and_txt")
    assert sorted(tracks.report(table).index) == ["leg1.csv", "leg2.txt", "leg3.csv"]
    assert table.attrs["passed_over"] == [] and table.cruise.nunique() == 3
    (tmp_path / "line.csv").write_text("Easting_m;Northing_m;Feld\n1;2;3\n")
    (tmp_path / "good.csv").write_text("lon,lat,anomaly\n1,2,3\n1,2.1,3\n")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\0\0\0")
    (tmp_path / "notes.md").write_text("Three legs, two ships, one year.\nThe first, of May.\n")
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04..[Content_Types].xml")
    table = tracks.read_tracks(tmp_path)
    assert table.attrs["passed_over"] == ["line.csv", "photo.png"]
    errors = tracks.report(table)["error"].dropna()
    assert "among Easting_m, Northing_m, Feld" in errors["line.csv"]
    assert "COLUMNS=" in errors["line.csv"]
    assert "is a spreadsheet; save it as CSV" in errors["book.xlsx"]


def test_a_spreadsheet_is_named():
    with pytest.raises(tracks.TrackError, match=r"syn\.xlsx is a spreadsheet; save it as CSV"):
        tracks.read_tracks(f"{CASES}/33_spreadsheet/syn.xlsx")


# ------------------------------------------------------------------ relatives of these cases


def rows(header, *lines):
    return "\n".join([header, *lines, ""])


@pytest.mark.parametrize(
    ("header", "line", "utc"),
    [
        ("time", "2004-05-01T03:00:00+02:00", "01:00"),
        ("time", "2004/05/01 03:00:30", "03:00:30"),
        ("time", "1-May-2004 3:00", "03:00"),
        ("time", "May 1 2004 03:00", "03:00"),
        ("time", "01.05.2004 03:00", "03:00"),
        ("time", "05/31/2004 03:00", "03:00 31"),
        ("time", "2004122T030000", "03:00"),
        ("time", "200405010300", "03:00"),
        ("time", "1083380400000", "03:00"),
        ("date,time", "2004-05-01,0300", "03:00"),
        ("date,time", "20040501,03:00:15.5", "03:00:15.5"),
        ("date,time", "2004-05-01,30015", "03:00:15"),
        ("date,utc", "01-May-2004,3:00 PM", "15:00"),
        ("year,doy,hour", "2004,122,3.25", "03:15"),
        ("year,month,day,time", "2004,5,1,03:00", "03:00"),
        ("date,hour,min,sec", "2004-05-01,3,4,5.5", "03:04:05.5"),
    ],
)
def test_other_forms_of_times(tmp_path, header, line, utc):
    text = rows(f"{header},lon,lat,mag_tot", f"{line},1,2,45000", f"{line},1,2.001,45000")
    clock, _, day = utc.partition(" ")
    want = pd.Timestamp(f"2004-05-{day or '01'} {clock}")
    assert read(tmp_path, text, "a.csv").time.tolist() == [want, want]


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("time", "03/04/2005 10:00", "'03/04/2005 10:00', which may be day/month.*year-month-day"),
        ("time", "45123.5", "'time' holds 45123.5, no time that is read here; read are 1994"),
        ("time", "03:00:00", "times of day such as '03:00:00', and no column the date"),
        ("time", "yesterday", "'time' holds no time.*'yesterday'.*read are 1994-06-02"),
        ("date,time", "2004-05-01,12", "'time' holds 12 to 12 for a time of day.*03:00:00"),
        ("year,month,day,hour", "94,5,1,3", "years of two digits, such as 94"),
        ("time,tz", "2004-05-01T03:00,5", "'tz' holds a time zone, 5"),
    ],
)
def test_times_that_can_be_read_in_two_ways_are_refused(tmp_path, header, line, words):
    text = rows(f"{header},lon,lat,mag_tot", f"{line},1,2,45000", f"{line},1,2.001,45000")
    with pytest.raises(tracks.TrackError, match=words):
        read(tmp_path, text, "a.csv")


def test_date_and_time_can_both_be_named(tmp_path):
    text = rows("Tag,Uhr,E,N,Feld", "2004-05-01,03:00:15,1,2,45000")
    said = dict(date="Tag", time="Uhr", longitude="E", latitude="N", total_field_nt="Feld")
    table = read(tmp_path, text, "a.csv", columns=said)
    assert table.time[0] == pd.Timestamp("2004-05-01 03:00:15")


@pytest.mark.parametrize(
    ("header", "line", "place"),
    [
        ("lat,lon", "38°36'00\"N,32°00.00'W", (-32, 38.6)),
        ("lat,lon", "38:36:36,-32:15:00", (-32.25, 38.61)),
        ("lat,lon", "S38.6,E32.5", (32.5, -38.6)),
        ("lat,lon", "-0 30.0,-0 15.0", (-0.25, -0.5)),
        ("lat_deg,lat_min,lat_ns,lon_deg,lon_min,lon_ew", "38,36,S,32,15,E", (32.25, -38.6)),
        ("lat,lat_min,lat_sec,lon,lon_min,lon_sec", "-38,36,36,-0,30,0", (-0.5, -38.61)),
    ],
)
def test_other_forms_of_positions(tmp_path, header, line, place):
    text = rows(f"{header},anomaly", f"{line},3", f"{line},4")
    table = read(tmp_path, text, "a.csv")
    assert (table.longitude[0], table.latitude[0]) == pytest.approx(place)


def test_positions_that_cannot_be_are_refused_or_counted(tmp_path):
    track = [f"{38},{-32},{k}" for k in range(30)]
    with pytest.raises(tracks.TrackError, match="whole degrees.*minutes stand in another column"):
        read(tmp_path, rows("lat,lon,anomaly", *track), "a.csv")
    with pytest.raises(tracks.TrackError, match="'lat' holds 150, and latitudes lie between"):
        read(tmp_path, rows("lat,lon,anomaly", "150,10.5,3", "149.9,10.5,3"), "a.csv")
    bad = ["38 61.0 N,32 0 W,3", "38.5N,32.5N,3", "38 30 N,-32 0 W,3"]
    table = read(tmp_path, rows("lat,lon,anomaly", "38 30 N,32 0 W,3", *bad), "a.csv")
    assert len(table) == 1 and lost(table)["unparsable number"] == 3


@pytest.mark.parametrize("fill", ["999", "-999.9", "8888.8", "1e35", "-1000"])
def test_numbers_for_no_value_are_found_by_their_repetition(tmp_path, fill):
    value = np.round(90 * np.sin(np.arange(60) / 4), 1).astype(str)
    value[10:22] = fill
    text = rows("lon,lat,anomaly", *(f"{k / 100},2.5,{v}" for k, v in enumerate(value)))
    table = read(tmp_path, text, "a.csv")
    assert len(table) == 48 and lost(table)["residual out of range"] == 12


def test_large_anomalies_are_no_fills(tmp_path):
    value = 1500 * np.sin(np.arange(60) / 9)
    value[[20, 40]] = 999.0
    text = rows("lon,lat,anomaly", *(f"{k / 100},2.5,{v:.1f}" for k, v in enumerate(value)))
    assert len(read(tmp_path, text, "a.csv")) == 60


def test_a_column_mostly_zero_is_told_by_the_rest(tmp_path):
    lines = [f"2001-01-01T00:{k:02d},1,{2 + k / 500},{45000 + k if k % 3 == 0 else 0}"
             for k in range(60)]  # fmt: skip
    table = read(tmp_path, rows("time,lon,lat,mag", *lines), "a.csv")
    assert len(table) == 20 and lost(table) == {"total field out of range": 40}


def test_units_in_the_header(tmp_path):
    table = read(tmp_path, rows("lon,lat,anomaly [µT]", "1,2,0.15", "1,2.1,0.2"), "a.csv")
    assert table.residual_nt.tolist() == pytest.approx([150, 200])
    with pytest.raises(tracks.TrackError, match="no column for .*total_field_nt or residual_nt"):
        read(tmp_path, rows("lon,lat,anomaly [mGal]", "1,2,15", "1,2.1,20"), "a.csv")


def test_rows_that_cannot_be_told_apart_are_counted_not_shifted(tmp_path):
    text = rows("lon lat note anomaly", "1 2 a 3", "1 2.1 4", "1 2.2 b c 5", "1 2.3 d 6")
    table = read(tmp_path, text, "a.txt")
    assert table.residual_nt.tolist() == [3, 6] and lost(table)["wrong number of fields"] == 2
    text = rows("lon,lat,anomaly,note", '1,2,3,"a, b"', "1,2.1,4,", "1,2.2,5,c,,,")
    assert read(tmp_path, text, "b.csv").residual_nt.tolist() == [3, 4, 5]


def test_a_field_that_is_missing_lets_no_other_take_its_place(tmp_path):
    full = [f"1,{2 + k / 100},{k},3500" for k in range(9)]
    text = rows("lon,lat,anomaly,depth", *full, "1,2.5,3500")
    table = read(tmp_path, text, "a.csv")
    assert table.residual_nt.max() == 8 and lost(table)["wrong number of fields"] == 1
    short = [line.removesuffix(",3500") for line in full]  # empty fields at the end left out
    assert len(read(tmp_path, rows("lon,lat,anomaly,depth", *short, full[0]), "a.csv")) == 10


def test_kilometres_are_no_degrees_whatever_they_are_called(tmp_path):
    text = rows("Easting_km,Northing_km,dT", "12.5,30.1,3", "12.6,30.2,4")
    said = {"longitude": "Easting_km", "latitude": "Northing_km", "residual_nt": "dT"}
    with pytest.raises(tracks.TrackError, match="Easting_km and Northing_km are kilometres"):
        read(tmp_path, text, "a.csv", columns=said)


def test_preambles_in_words_and_marks(tmp_path):
    text = "Survey of the Azores\nDate of export: today\n\n" + rows("lon;lat;anomaly", "1;2;3")
    assert read(tmp_path, text, "a.csv").residual_nt.tolist() == [3]


def test_a_table_in_random_order_without_times_is_kept_whole(tmp_path):
    rng = np.random.default_rng(0)
    places = rng.uniform(-30, 30, (20_000, 2))
    text = rows("lon,lat,anomaly", *(f"{x:.4f},{y:.4f},12" for x, y in places))
    table = read(tmp_path, text, "a.csv")
    assert len(table) == 20_000 and table.time.max() < pd.Timestamp("2100-01-01")


def test_days_with_and_without_a_time_of_day_are_read_in_one_order(tmp_path):
    """Spreadsheets leave midnight out: only the last row tells that the day comes first."""
    rows = ["01/02/2005,1,1,5", "01/03/2005,2,2,6", "13/03/2005 01:00:00,3,3,7"]
    path = tmp_path / "midnight.csv"
    path.write_text("\n".join(["time,longitude,latitude,anomaly", *rows, ""]))
    found = tracks.read_tracks(path)["time"].tolist()
    assert found == [pd.Timestamp(f"2005-{day}") for day in ("02-01", "03-01", "03-13 01:00")]
