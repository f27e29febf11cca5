"""What supports a line: surveys of known geometry, and lines drawn by hand over them."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

from helpers import data, gridding, lines
from helpers.lines import _support

REGION = data.region_from_box(-2, 2, 49, 51, name="box")


def survey(*corners, step_km=0.5, cruise=None):
    """Legs through corners (km), each of a ship of its own or all of one, as a track table."""
    parts = []
    for k, path in enumerate(corners):
        line = LineString(path)
        at = np.arange(0, line.length, step_km)
        places = np.array([line.interpolate(km).coords[0] for km in at])
        parts.append(pd.DataFrame(places, columns=["east", "north"]).assign(
            cruise=cruise or f"S{k}", hours=500 * k + at / 18))  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    table["longitude"], table["latitude"] = REGION.unproject(table["east"], table["north"])
    table["time"] = pd.Timestamp("2001-01-01") + pd.to_timedelta(table["hours"], unit="h")
    return table.assign(residual_nt=100 * np.sin(table["east"] / 5))


def judged(table, *paths, **options):
    """Judge lines through places (km)."""
    found = geopandas.GeoDataFrame(geometry=[LineString(p) for p in paths], crs=REGION.crs)
    found = found.assign(length_km=found.length)
    return lines.supported(found, gridding.grid_tracks(table, REGION, 2.0), table, **options)


NORTH = [(0, -40), (0, 40)]  # a line
EAST = [[(-60, y), (60, y)] for y in (-30, 0, 30)]  # tracks


def test_a_line_that_two_tracks_cross_apart_is_supported():
    kept, left_out = judged(survey(*EAST[:2]), NORTH)
    assert kept["tracks"].tolist() == [2] and not len(left_out)
    assert kept["strike_from"].tolist() == ["readings"]
    assert kept["gap_km"][0] == pytest.approx(36, abs=3)  # from 4 km north of one to the end
    near, far = (judged(survey(*EAST), [(0, -y), (0, y)]).lines for y in (4, 34))
    assert near["position_km"][0] < far["position_km"][0] < 3.5
    assert judged(survey(*EAST), NORTH).lines["tracks"].tolist() == [3]


@pytest.mark.parametrize("tracks", [EAST[1:2], [EAST[1], EAST[1]], [EAST[1], [(-60, 3), (60, 3)]]])
def test_one_track_tells_no_strike_however_often_it_is_sailed(tracks):
    kept, left_out = judged(survey(*tracks), NORTH, [(-30, -30), (30, 30)])
    assert not len(kept)
    assert left_out["reason"].tolist() == [_support.SQUARE, _support.LONE]
    assert left_out["tracks"].tolist() == [1, 1]


@pytest.mark.parametrize("gap", [-20, 0, 10])
def test_a_track_in_two_pieces_is_one(gap):
    pieces = survey([(-60, 0), (gap - 4, 0)], [(gap + 4, 0), (60, 0)], cruise="A")
    assert judged(pieces, NORTH).left_out["reason"].tolist() == [_support.SQUARE]
    oblique = judged(pieces, [(-40, -20), (40, 20)]).left_out
    assert oblique["reason"].tolist() == [_support.LONE]


def test_two_legs_of_a_ship_that_turns_are_two_tracks():
    bend = survey([(-60, -30), (0, -30)], [(0, -30), (-30, 40)], cruise="A")
    kept, _ = judged(bend, [(-12, -50), (-12, 30)])
    assert kept["tracks"].tolist() == [2]


def test_with_a_prior_one_track_is_enough():
    kept, _ = judged(survey(EAST[1]), NORTH, prior=True)
    assert kept["strike_from"].tolist() == ["prior"]
    assert len(judged(survey(EAST[1]), [(0, 50), (0, 90)], prior=True).left_out) == 1


def test_a_prior_gives_their_strike_to_the_lines_along_it_where_it_is_known():
    table, prior = survey(EAST[1]), gridding.grid_tracks(survey(EAST[1]), REGION, 2.0)["block"]
    prior = prior.copy(data=np.full(prior.shape, 20.0)).where(prior["easting"] < 30)
    paths = NORTH, [(-40, -40), (-10, 40)], [(-40, -20), (40, 20)], [(40, -30), (40, 30)]
    kept, left_out = judged(table, *paths, prior=prior)
    assert kept["strike_from"].tolist() == ["prior"] * 2
    assert left_out["strike_from"].tolist() == ["readings"] * 2  # across it, and beyond it
    kept, _ = judged(survey(*EAST), *paths, prior=prior)  # now the readings tell it of all
    assert kept["strike_from"].tolist() == ["prior", "prior", "readings", "readings"]


def mowed(*ties):
    """Survey lines 10 km apart that run north, joined by short legs where the ship turns."""
    path = []
    for k, x in enumerate(range(-50, 51, 10)):
        path += [(x, -60), (x, 60)] if k % 2 == 0 else [(x, 60), (x, -60)]
    return survey(path, *ties, cruise="M")


@pytest.mark.parametrize("x", [0, 4])  # on a survey line, and beside it
@pytest.mark.parametrize("reach", [40, 58])  # also up to where the ship turns
def test_lines_along_survey_lines_need_tie_lines(x, reach):
    line = [(x, -reach), (x, reach)]
    _, left_out = judged(mowed(), line)
    assert left_out["reason"].tolist() == [_support.PARALLEL]
    kept, _ = judged(mowed([(-60, 20), (60, 20)]), line)
    assert kept["tracks"].tolist() == [2]  # the tie line, and the survey lines
    across, _ = judged(mowed(), [(-45, 5), (45, 5)])
    assert across["tracks"][0] >= 9  # all that it crosses


@pytest.mark.parametrize(
    ("turned", "coherence", "legs", "flagged"),
    [(60, 0.9, 3, True), (40, 0.9, 3, False), (60, 0.7, 3, False), (60, 0.9, 2, False)],
)
def test_a_strike_that_changes_without_one_line_is_left_out(
    turned, coherence, legs, flagged, monkeypatch
):
    """By more than 45 degrees, and where enough legs are left to be sure of the other strike."""

    def told(readings, windows, left_out):
        assert set(left_out) <= {-1, *readings["leg"]}
        rows = [(0.0, 0.9, 4.0) if one != 1 else (turned, coherence, legs) for one in left_out]
        return pd.DataFrame(rows, columns=["strike_deg", "coherence", "legs"])

    monkeypatch.setattr(_support.diffusion, "strike_without", told)
    kept, left_out = judged(survey(*EAST), NORTH)
    if flagged:
        assert left_out["reason"].tolist() == ["a strike that changes when one line is left out"]
        assert left_out["change_deg"].tolist() == [60] and left_out["tracks"].tolist() == [3]
    else:
        assert kept["change_deg"].tolist() == [turned if coherence == 0.9 and legs == 3 else 0]
    lines = judged(survey(*EAST), NORTH, prior=True).lines  # its strike is not of the readings
    assert np.isnan(lines["change_deg"]).all()
    many = [[(-60, y), (60, y)] for y in range(-32, 33, 16)]
    assert np.isnan(judged(survey(*many), NORTH).lines["change_deg"]).all()  # nor rests on one


def test_with_two_tracks_nobody_knows_the_strike_without_one_of_them():
    kept, left_out = judged(survey(*EAST[:2]), NORTH)
    assert np.isnan(kept["change_deg"]).all() and not len(left_out)


def test_far_from_all_tracks_there_is_no_support():
    _, left_out = judged(survey(*EAST), [(-20, 70), (20, 90)])
    assert left_out["reason"].tolist() == [_support.NO_TRACK]


def full_grid():
    """A grid with values everywhere but in the east."""
    north, east = np.mgrid[-80:81, -120:121] * 1.0
    table = pd.DataFrame({"east": east.ravel(), "north": north.ravel(), "cruise": "A"})
    table = table[table["east"] < 60]
    table["longitude"], table["latitude"] = REGION.unproject(table["east"], table["north"])
    table["time"] = pd.Timestamp("2001-01-01")
    return gridding.grid_tracks(table.assign(residual_nt=table["east"]), REGION, 2.0)


def test_on_a_full_grid_lines_along_the_edge_of_the_data_are_left_out():
    paths = [(0, -40), (0, 40)], [(56, -40), (56, 40)], [(20, 0), (58, 0)]
    found = geopandas.GeoDataFrame(geometry=[LineString(p) for p in paths], crs=REGION.crs)
    kept, left_out = lines.supported(found.assign(length_km=found.length), full_grid())
    assert left_out.index.size == 1 and left_out.geometry[0].coords[0][0] == 56
    assert left_out["reason"].tolist() == [_support.EDGE]
    assert kept["tracks"].tolist() == [0, 0] and (kept["gap_km"] == 0).all()


def test_what_is_missing_is_said_and_nothing_stays_nothing():
    table = survey(*EAST)
    grid = gridding.grid_tracks(table, REGION, 2.0)
    found = geopandas.GeoDataFrame(geometry=[LineString(NORTH)], crs=REGION.crs)
    with pytest.raises(ValueError, match="The grid is of tracks; give the track table"):
        lines.supported(found, grid)
    with pytest.raises(ValueError, match=r"The grid lacks \['distance_km'\]"):
        lines.supported(found, grid.drop_vars("distance_km"), table)
    kept, left_out = lines.supported(found[:0], grid, table)
    assert not len(kept) and not len(left_out)
    assert (
        {"tracks", "gap_km", "position_km", "change_deg", "strike_from"}
        <= set(kept)
        < set(left_out)
    )
