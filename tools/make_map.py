"""From your own files to lines for a GIS: `make map BOX="W E S N" TRACKS=folder/`.

    python tools/make_map.py --box -46.4 -43 44.4 46.6 --tracks my_cruises/ --name mine
    python tools/make_map.py --grid emag2.csv --box -46.4 -43 44.4 46.6

Writes into build/maps/: NAME.geojson and NAME.gpkg (the lines), NAME.png (what they were found in)
and NAME.nc (grid, guided map, probability), which notebook A3 opens to mend the lines by hand.
"""

import argparse
import glob
import re
import shlex
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import xarray as xr

from run_notebooks import ROOT

sys.path.insert(0, str(ROOT))

from helpers import _shared, data, diffusion, gridding, lines, maps, tracks

MAPS = ROOT / "build" / "maps"
FEW = 1000  # readings; with fewer the map is a guess, and the reader is told
WIDEST_DEG = 40.0  # a box that nobody gave is no wider
MOST_CELLS = 20_000_000
MOST_BYTES = 300_000_000  # of a grid that is read whole
EXAMPLE = 'BOX="-46.4 -43 44.4 46.6", which is west, east, south and north in degrees'
LAYERS = ("anomaly", "strike_deg", "coherence", "uncertainty_nt")


def options(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--box", nargs="+", default=[], help="west east south north (degrees)")
    parser.add_argument("--tracks", nargs="+", default=[], help="files, folders or archives")
    parser.add_argument("--grid", default="", help="a grid that others made, in place of tracks")
    parser.add_argument("--columns", default="", help="of a table: 'longitude=X residual_nt=dT'")
    parser.add_argument("--name", default="mine", help="of the files written")
    parser.add_argument("--spacing", type=float, default=2.0, help="side of a cell (km)")
    asked = parser.parse_args(arguments)
    asked.box, asked.tracks = box_of(" ".join(asked.box)), paths_of(asked.tracks)
    if bool(asked.tracks) == bool(asked.grid):
        raise ValueError("Say of what: TRACKS=my_cruises/ (files, folders, archives) or GRID=file")
    asked.columns = dict(pair.split("=", 1) for pair in shlex.split(asked.columns) if "=" in pair)
    asked.stem = _shared.safe_name(asked.name)
    return asked


def box_of(text):
    """Read a box as people write it: "-33 -29 38 41", with commas, or "33W 29W 38N 41N"."""
    found = re.findall(r"([-+\N{MINUS SIGN}]?\d+(?:\.\d+)?)\s*°?\s*([NSEWnsew]?)", text)
    rest = re.sub(r"[-+\N{MINUS SIGN}\d.°NSEWnsew,;/\s]", "", text)
    if not text.strip():
        return None
    if len(found) != 4 or rest:
        raise ValueError(f"The box {text!r} is not four numbers; write {EXAMPLE}.")
    value = [float(number.replace("\N{MINUS SIGN}", "-")) for number, _ in found]
    turned = [letter in "SWsw" and letter != "" for _, letter in found]
    west, east, south, north = (-v if turn else v for v, turn in zip(value, turned, strict=True))
    if not -90 <= south < north <= 90:
        raise ValueError(
            f"In the box {text!r} south is {south:g} and north is {north:g}; south comes first, "
            f"and both lie between -90 and 90. Write {EXAMPLE}."
        )
    return west, east, south, north


def paths_of(given):
    """Turn what stood behind TRACKS into paths: one with blanks in it, or several."""
    found = []
    for text in filter(None, given):
        for part in [text] if Path(text).expanduser().exists() else shlex.split(text):
            part = str(Path(part).expanduser())
            found += sorted(glob.glob(part)) if glob.has_magic(part) else [part]
    return found


def box_around(table):
    """Put a box around readings, across the date line where that is shorter."""
    lon = np.sort(table["longitude"].to_numpy(float) % 360)
    gaps = np.diff(np.append(lon, lon[0] + 360))
    last = int(gaps.argmax())  # the widest gap without readings lies outside the box
    west, width = lon[(last + 1) % lon.size], 360 - gaps[last]
    west = (west + 180) % 360 - 180
    south, north = (float(f(table["latitude"])) for f in (min, max))
    if max(width, north - south) > WIDEST_DEG:
        raise ValueError(
            f"The readings reach from {west:.1f} to {west + width:.1f} E and {south:.1f} to "
            f"{north:.1f} N, too wide for one map; choose a part of it: {EXAMPLE}."
        )
    return tuple(round(edge, 2) for edge in (west, west + width, south, north))


def readings(table, region):
    """Clean and level the readings of a table that lie in the region."""
    inside = region.contains(table["longitude"], table["latitude"])
    if not inside.any():
        west, east, south, north = (
            f(table[name]) for name in ("longitude", "latitude") for f in (min, max)
        )
        raise ValueError(
            f"None of the {len(table):,} readings lies in the box. They reach from {west:.1f} to "
            f"{east:.1f} E and {south:.1f} to {north:.1f} N; give the box as west east south "
            "north, or none at all."
        )
    table = tracks.remove_cruise_median(tracks.clean(table[inside]))
    try:
        return tracks.level(table, region)[0]
    except ValueError as problem:  # no crossings: the median of each cruise has to do
        print(f"Not levelled: {problem}")
        return table


def of_tracks(asked):
    """Read tracks and grid them; return the region and the grid."""
    table = tracks.read_tracks(asked.tracks, asked.columns or None)
    report = tracks.report(table)
    if "error" in report:
        for name, error in report["error"].dropna().items():
            print(f"Left out {name}: {error}")
    table = tracks.residual(table)
    asked.box = asked.box or box_around(table)
    region = region_of(asked)
    table = readings(table, region)
    number = table["cruise"].nunique()
    print(f"{len(table):,} readings of {number} cruise{'s' * (number != 1)} in the box")
    if len(table) < FEW:
        print(f"That is few (under {FEW:,}): read the distance map before any line.")
    return region, gridding.grid_tracks(table, region, asked.spacing)


def of_grid(asked):
    """Read a grid and put it on the map; return the region and the map."""
    path = Path(asked.grid).expanduser()
    if asked.box is None and path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} is a large grid: choose a part of it, {EXAMPLE}.")
    grid = gridding.read_grid(path, box=asked.box)
    if asked.box is None:
        try:
            region = gridding.region_of(grid, asked.stem)
        except ValueError as problem:
            raise ValueError(f"{problem}; choose a part of it, {EXAMPLE}.") from problem
        asked.box = region.west, region.east, region.south, region.north
    region = region_of(asked)
    made = gridding.on_map(grid, region, asked.spacing)
    print(f"{int(made['block'].notnull().sum()):,} cells with a value in the box")
    print("All count as data, also those that the makers of the grid interpolated: see A2.")
    return region, made


def region_of(asked):
    """Make the region of the box, unless it has too many cells."""
    region = data.region_from_box(*asked.box, name=asked.stem, title=asked.name)
    rows, columns = (axis.size for axis in region.grid_coords(asked.spacing))
    if rows * columns > MOST_CELLS:
        raise ValueError(
            f"The box has {rows:,} x {columns:,} cells of {asked.spacing:g} km; choose a smaller "
            "box, or larger cells: SPACING=4."
        )
    print(f"Box {', '.join(f'{edge:g}' for edge in asked.box)}: {rows} x {columns} cells")
    return region


def draw(region, made, found, source):
    """Draw readings, guided map, probability and lines."""
    limit = maps.robust_limit(made["block"])
    panels = [
        maps.Panel(made["block"], "readings", limit=limit),
        maps.Panel(made["anomaly"], "guided diffusion", limit=limit),
        maps.Panel(made["probability"], "probability of a lineation", "probability"),
        maps.Panel(made["distance_km"], "lines over distance to data", "distance", lines=found),
    ]
    return maps.draw_maps(region, panels, source=f"{source}; coastlines: Natural Earth")


def write(asked, region, made, found):
    """Write map, picture and lines; say where they are."""
    MAPS.mkdir(parents=True, exist_ok=True)
    target, old = {e: MAPS / f"{asked.stem}.{e}" for e in ("nc", "png", "geojson", "gpkg")}, None
    if target["nc"].exists():
        with xr.open_dataset(target["nc"]) as before:
            old = tuple(map(float, before.attrs["box"]))
    if old not in (None, tuple(asked.box)):
        print(f"This replaces a map {asked.stem} of another box; NAME=... would keep both.")
    made.to_netcdf(target["nc"])
    draw(region, made, found, f"{asked.name}: {made.attrs['data']}").savefig(target["png"], dpi=150)
    for ending in ("geojson", "gpkg"):
        target[ending].unlink(missing_ok=True)
        if len(found):
            lines.write(found, target[ending])
    print(f"{len(found)} lines, {found['length_km'].sum():,.0f} km; see {MAPS}/{asked.stem}.*")
    print("To mend them by hand: make lab, open notebook A3, Run > Run All Cells.")


def main(arguments=None):
    """Make the map that the command line asks for."""
    asked = options(arguments)
    print("Reading and gridding ...", flush=True)
    region, grid = of_grid(asked) if asked.grid else of_tracks(asked)
    print("Guided diffusion ...", flush=True)
    guided = diffusion.guided(grid["block"], grid["weight"])
    print("The network looks for lines ...", flush=True)
    prediction, found = lines.find(grid, guided, model=lines.SINGLE)
    made = grid.assign({name: guided[name] for name in LAYERS})
    made = made.assign(linear=grid["anomaly"], probability=prediction["probability"])
    source = asked.grid or ", ".join(Path(path).name for path in asked.tracks)
    made.attrs.update(box=asked.box, name=asked.name, data=source)
    write(asked, region, made, found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tracks.TrackError, FileNotFoundError, ValueError) as problem:
        sys.exit(f"{problem}")
