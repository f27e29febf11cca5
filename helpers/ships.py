"""Simulated cruises over a simulated anomaly: where ships went and what they would have read.

Errors follow what levelling of real cruises shows (crossover errors of a few tens of nT): an
offset and a drift for each cruise, a heading error, diurnal variation, noise and navigation.
"""

import numpy as np
import pandas as pd
from scipy import ndimage

SAMPLE_KM = 1.0  # distance between readings along a track
SPEED_KM_H = 18.0  # about 10 knots
OFFSET_NT, DRIFT_NT, HEADING_NT, DIURNAL_NT, NOISE_NT = 15.0, 8.0, 6.0, 8.0, 4.0  # standard dev.
NAVIGATION_KM = 0.5
SURVEY_SHARE = 0.2  # share of cruises that are a survey of parallel lines, not a transit
LAUNCH = pd.Timestamp("1970-01-01")


def cruise_over(dataset, region, rng, coverage=0.1):
    """Send simulated cruises over a simulated region.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``anomaly`` (nT) on (northing, easting) in km, as `seafloor.simulate_region` gives.
    region : helpers.data.Region
        Turns kilometres into longitude and latitude.
    rng : numpy.random.Generator
        Source of all randomness.
    coverage : float
        Share of the cells that some track crosses, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        A track table: cruise, time (UTC), longitude, latitude, total_field_nt (NaN: only the
        residual is simulated), residual_nt, depth_m (NaN).  Readings on land are left out.

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 0.9.
    """
    anomaly = dataset["anomaly"]
    table = lay_tracks(anomaly.northing.to_numpy(), anomaly.easting.to_numpy(), rng, coverage)
    table["residual_nt"] = read_field(anomaly.to_numpy(), anomaly, table, rng)
    table = table[np.isfinite(table.residual_nt)].reset_index(drop=True)
    longitude, latitude = region.unproject(table.easting_km, table.northing_km)
    table["longitude"] = (np.asarray(longitude) + 180) % 360 - 180
    table["latitude"] = latitude
    table["cruise"] = "SIM" + table["cruise"].astype(str).str.zfill(3)
    table["time"] = LAUNCH + pd.to_timedelta(table["hours"], unit="h")
    table["total_field_nt"], table["depth_m"] = np.nan, np.nan
    columns = "cruise time longitude latitude total_field_nt residual_nt depth_m".split()
    return table[columns]


def lay_tracks(northing, easting, rng, coverage):
    """Lay transits and surveys over a box until they cover a share of its cells.

    Parameters
    ----------
    northing, easting : numpy.ndarray, 1-D
        Cell centres (km).
    rng : numpy.random.Generator
        Source of all randomness.
    coverage : float
        Share of cells wanted.

    Returns
    -------
    pandas.DataFrame
        One row a reading: ``cruise`` (number), ``easting_km``, ``northing_km``,
        ``heading_deg`` (clockwise from north) and ``hours`` since the first cruise.

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 0.9.
    """
    if not 0 < coverage < 0.9:
        raise ValueError(f"coverage is {coverage}; give the share of cells, between 0 and 0.9.")
    spacing = easting[1] - easting[0]
    box = (easting[0], easting[-1], northing[0], northing[-1])
    crossed = np.zeros((len(northing), len(easting)), bool)
    pieces, cruise = [], 0
    while crossed.mean() < coverage:
        survey = rng.random() < SURVEY_SHARE
        corners = _survey(box, rng) if survey else _transit(box, rng)
        piece = _sample(corners, box)
        if len(piece) < 10:
            continue
        piece["cruise"] = cruise
        row = np.rint((piece.northing_km - northing[0]) / spacing).astype(int)
        column = np.rint((piece.easting_km - easting[0]) / spacing).astype(int)
        new = ~crossed
        crossed[row, column] = True
        if not (crossed & new).any():
            continue
        piece["hours"] += 24.0 * 30 * cruise
        pieces.append(piece)
        cruise += 1
    return pd.concat(pieces, ignore_index=True)


def read_field(field, anomaly, table, rng):
    """Read the field along tracks: the field where the ship was, and the errors of each cruise.

    Parameters
    ----------
    field : numpy.ndarray, shape (northing, easting)
        True anomaly (nT).
    anomaly : xarray.DataArray
        Any grid with the coordinates (km) of `field`.
    table : pandas.DataFrame
        From `lay_tracks`.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    numpy.ndarray, shape (len(table),)
        Residual (nT), NaN where the field is NaN.
    """
    number = int(table["cruise"].max()) + 1
    cruise = table["cruise"].to_numpy()
    spacing = float(anomaly.easting[1] - anomaly.easting[0])
    shift = rng.normal(0, NAVIGATION_KM, (2, number))[:, cruise]
    row = (table["northing_km"].to_numpy() + shift[0] - float(anomaly.northing[0])) / spacing
    column = (table["easting_km"].to_numpy() + shift[1] - float(anomaly.easting[0])) / spacing
    truth = ndimage.map_coordinates(field, [row, column], order=1, mode="nearest")
    offset, cos, sin = rng.normal(0, [[OFFSET_NT], [HEADING_NT], [HEADING_NT]], (3, number))
    drift = rng.normal(0, DRIFT_NT, number) / 500.0  # per hour: reached after about three weeks
    heading, hours = np.radians(table["heading_deg"].to_numpy()), table["hours"].to_numpy()
    day = DIURNAL_NT * np.sin(2 * np.pi * hours / 24 + rng.uniform(0, 2 * np.pi, number)[cruise])
    error = offset[cruise] + cos[cruise] * np.cos(heading) + sin[cruise] * np.sin(heading)
    error += drift[cruise] * (hours % 720) + day
    return truth + error + rng.normal(0, NOISE_NT, len(table))


def _transit(box, rng):
    """Corners of a passage across the box with one or two changes of course."""
    west, east, south, north = box
    angle = rng.uniform(0, 2 * np.pi)
    centre = np.array([rng.uniform(west, east), rng.uniform(south, north)])
    half = np.hypot(east - west, north - south)
    bend = rng.normal(0, 0.15)
    ahead = np.array([np.cos(angle), np.sin(angle)])
    back = -np.array([np.cos(angle + bend), np.sin(angle + bend)])
    return np.array([centre + half * back, centre, centre + half * ahead])


def _survey(box, rng):
    """Corners of a survey: parallel lines and one tie line."""
    west, east, south, north = box
    size = min(east - west, north - south)
    length, gap = rng.uniform(0.2, 0.5) * size, rng.uniform(0.03, 0.08) * size
    lines = int(rng.integers(4, 10))
    centre = np.array([rng.uniform(west, east), rng.uniform(south, north)])
    angle = rng.uniform(0, np.pi)
    along, across = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = []
    for line in range(lines):
        side = 1 if line % 2 else -1
        start = centre + (line - lines / 2) * gap * across
        corners += [start - side * length / 2 * along, start + side * length / 2 * along]
    return np.array(corners + [centre - lines / 2 * gap * across])


def _sample(corners, box):
    """Place readings every `SAMPLE_KM` along straight legs, inside the box only."""
    legs = np.diff(corners, axis=0)
    length = np.hypot(*legs.T)
    ends = np.concatenate([[0], np.cumsum(length)])
    distance = np.arange(0, ends[-1], SAMPLE_KM)
    east = np.interp(distance, ends, corners[:, 0])
    north = np.interp(distance, ends, corners[:, 1])
    leg = np.clip(np.searchsorted(ends, distance, "right") - 1, 0, len(legs) - 1)
    heading = np.degrees(np.arctan2(legs[leg, 0], legs[leg, 1])) % 360
    inside = (east > box[0]) & (east < box[1]) & (north > box[2]) & (north < box[3])
    hours = distance / SPEED_KM_H
    values = {"easting_km": east, "northing_km": north, "heading_deg": heading, "hours": hours}
    table = pd.DataFrame({name: column[inside] for name, column in values.items()})
    if len(table):
        table["hours"] -= table["hours"].iloc[0]
    return table
