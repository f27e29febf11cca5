"""The published strike of a region: lines drawn by hand, and the files of the registry."""

import geopandas
import numpy as np
import pytest
import shapely

from helpers import _shared, data
from helpers.data import _published, _registry, _strike
from registry_files import fetch_or_skip

BOX = data.region_from_box(-33, -27, -3, 3, name="box")


def lines(*paths):
    """Lines through places (km) of the box."""
    return geopandas.GeoDataFrame(geometry=[shapely.LineString(p) for p in paths], crs=BOX.crs)


@pytest.fixture
def drawn(monkeypatch):
    """Put lines in the place of those of the registry; whatever is asked for, it is at hand."""
    monkeypatch.setattr(_registry, "fetch", lambda name: None)

    def put(**found):
        for name in ("isochrons", "ridges", "fracture_zones", "lineations"):
            monkeypatch.setattr(_published, name, lambda _, found=found.get(name): found)

    return put


def at(strike, east, north):
    return float(strike.sel(easting=east, northing=north, method="nearest"))


def test_the_strike_is_that_of_the_lines_around_and_ends_out_of_their_reach(drawn):
    drawn(lineations=lines([(-300, -350), (-300, 350)], [(-290, -350), (-290, 350)]))
    strike = data.published_strike("lineations", BOX, 5.0)
    northing, easting = BOX.grid_coords(5.0)
    assert strike.shape == (northing.size, easting.size) and strike.attrs["units"] == "degree"
    assert strike.attrs["source"] == "lineations (Cande et al. 1989, Nakanishi et al. 1989)"
    known = np.isfinite(strike.to_numpy())
    assert known[:, easting < -105].all() and not known[:, easting > -75].any()  # 200 km
    assert _shared.axial_difference(strike.to_numpy()[known], 0).max() < 0.1


def test_between_two_strikes_lies_their_mean_over_north(drawn):
    """170 and 10 degrees are 20 apart, and 0 lies between them."""
    slope = np.tan(np.radians(10))
    one, other = ([(x - s * 350 * slope, -350), (x + s * 350 * slope, 350)]
                  for x, s in ((-60, -1), (60, 1)))  # fmt: skip
    drawn(lineations=lines(one, other))
    strike = data.published_strike("lineations", BOX, 5.0)
    assert _shared.axial_difference(at(strike, 0, 0), 0) < 1
    assert at(strike, 180, 0) == pytest.approx(10, abs=2)
    assert at(strike, -180, 0) == pytest.approx(170, abs=2)


def test_legs_along_fracture_zones_do_not_count(drawn):
    """An isochron of two pieces that a leg joins, with and without a fracture zone drawn there."""
    stair = [(-60, -330), (-60, 0), (60, 0), (60, 330)]
    drawn(isochrons=lines(stair))
    short = data.published_strike("isochrons", BOX, 5.0)
    assert _shared.axial_difference(at(short, -60, -150), 0) < 1
    stair[2:] = [(330, 0), (330, 330)]  # longer than either piece
    drawn(isochrons=lines(stair), fracture_zones=lines([(-300, 5), (400, 5)]))
    long = data.published_strike("isochrons", BOX, 5.0)
    assert _shared.axial_difference(at(long, -60, -20), 0) < 1
    assert _shared.axial_difference(at(long, 100, 0), 0) < 1  # not of the leg that it lies on
    drawn(isochrons=lines(stair))
    assert (
        _shared.axial_difference(at(data.published_strike("isochrons", BOX, 5.0), 150, 0), 90) < 1
    )


def test_the_ridge_is_the_isochron_of_today(drawn):
    drawn(isochrons=lines([(-300, -300), (-300, 300)]), ridges=lines([(0, -300), (150, 300)]))
    strike = data.published_strike("isochrons", BOX, 5.0)
    assert at(strike, 75, 0) == pytest.approx(np.degrees(np.arctan2(150, 600)), abs=0.5)


def test_without_words_files_or_lines_it_is_said(drawn, monkeypatch):
    with pytest.raises(ValueError, match="under 'picks'; there are age, isochrons, lineations"):
        data.published_strike("picks", BOX)
    drawn(lineations=lines([(900, 0), (950, 0)]))
    with pytest.raises(ValueError, match="Nothing of lineations .*within 200 km of the box -33, "):
        data.published_strike("lineations", BOX, 5.0)
    drawn(isochrons=lines())
    with pytest.raises(ValueError, match="Nothing of isochrons"):
        data.published_strike("isochrons", BOX, 5.0)
    with pytest.raises(ValueError, match="in no region with an embedded age grid .epr, reykjanes"):
        data.published_strike("age", BOX)

    def missing(name):
        raise data.DataUnavailable(f"{name} cannot be had")

    drawn()
    monkeypatch.setattr(_registry, "fetch", missing)
    for source, name in (("isochrons", "Isochrons.gmt"), ("lineations", "lineations.gmt")):
        with pytest.raises(data.DataUnavailable, match=f"{name} cannot be had"):
            data.published_strike(source, BOX, 5.0)


def test_the_embedded_age_strikes_as_its_contours_do(monkeypatch):
    """A plane of age that grows towards 60 degrees: its isochrons strike 150."""
    cut = data.context("epr").copy()
    region = data.region_from_box(-112, -108, 2, 6)
    east, north = np.meshgrid(cut["longitude"], cut["latitude"])
    x, y = region.project(east, north)
    plane = 50 + (x * np.sin(np.pi / 3) + y * np.cos(np.pi / 3)) / 100
    cut["age_ma"] = cut["age_ma"].copy(data=np.where(x > 100, np.nan, plane))
    monkeypatch.setattr(_strike._regions, "context", lambda name: cut)
    strike = data.published_strike("age", region, 10.0)
    np.testing.assert_allclose(strike, 150, atol=2.5)  # also where no age is known, within reach


@pytest.mark.parametrize("source", ["isochrons", "lineations"])
def test_what_is_published_of_the_reykjanes_ridge_agrees_with_its_age(source):
    for name in (_published.ISOCHRONS, _published.RIDGES, *_published.LINEATIONS):
        fetch_or_skip(name)
    region = data.region("reykjanes")
    age, strike = (data.published_strike(name, region, 10.0) for name in ("age", source))
    off = _shared.axial_difference(age.to_numpy(), strike.to_numpy())
    assert np.isfinite(off).mean() > 0.85 and np.nanmedian(off) < 6
    assert np.nanquantile(off, 0.95) < 22
