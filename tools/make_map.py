"""From your own files to lines for a GIS: `make map BOX="W E S N" TRACKS=folder/`.

    python tools/make_map.py --box -46.4 -43 44.4 46.6 --tracks my_cruises/ --name mine
    python tools/make_map.py --grid emag2.csv --box -46.4 -43 44.4 46.6

Writes into build/maps/: NAME.gpkg (layers lines and crests), NAME.geojson (the lines),
NAME_crests.geojson (the crests of single tracks), NAME.png (what they were found in) and NAME.nc
(grid, guided map, probability), which notebook A3 opens to mend the lines by hand.
"""

import argparse
import glob
import math
import os
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

from helpers import _shared, data, diffusion, gridding, lines, maps, network, tracks

MAPS = ROOT / "build" / "maps"
FEW = 1000  # readings; with fewer the map is a guess, and the reader is told
WIDEST_DEG = 40.0  # a box that nobody gave is no wider,
LINE_KM, LEAST_KM = 5.0, 40.0  # nor narrower than a line: then it gets so much
MUCH = 0.05  # a larger share of the rows of a file or cruise is not lost without a warning
GRID_KM = 2.0  # side of a cell where nothing tells it
CELLS_KM = (0.05, 100.0)  # smallest and largest side of a cell
LONGEST_NAME = 80
MOST_CELLS = 20_000_000
MOST_BYTES = 300_000_000  # of a grid that is read whole
EXAMPLE = 'BOX="-46.4 -43 44.4 46.6", which is west, east, south and north in degrees'
LAYERS = ("anomaly", "strike_deg", "coherence", "uncertainty_nt")
TICK_SHARE = {True: 0.04, False: 0.015}  # of the width of the map: length of the tick of a crest
COLOURS = {1: "#E69F00", -1: "#56B4E9"}  # of peaks and troughs
LEGEND = (
    "white: lines; ticks square to the track: crests of single tracks (orange peaks, blue\n"
    f"troughs; short: of a probability below {tracks.SURE:g}), which show no strike"
)


ASKED = {  # option: what it is; as variables of make in capitals
    "box": "west east south north (degrees)",
    "tracks": "files, folders or archives",
    "grid": "a grid that others made, in place of tracks; emag2 fetches EMAG2 v3",
    "columns": "of a table: 'longitude=X residual_nt=dT'",
    "variable": "of a grid file that holds several: which",
    "crs": "projection of a grid that does not say it, such as EPSG:32625",
    "units": "of a grid that does not say it: nT, T, ...",
    "prior": f"of the strike: {', '.join(data.STRIKES)}; without it the readings alone tell it",
    "name": "of the files written",
    "spacing": "side of a cell (km); chosen by the distance between lines, of a grid 2",
}
USAGE = """Say of what, and where: make map TRACKS=my_cruises/ BOX="-46.4 -43 44.4 46.6"
TRACKS: files, folders or archives; or GRID: a grid that others made, or GRID=emag2, which fetches
EMAG2 v3 for the BOX.
BOX: west, east, south, north in degrees; without it, all of the data.
PRIOR=isochrons takes the strike from there where tracks leave it open (or lineations, or age).
NAME=my_map names the files; SPACING=4 makes cells of 4 km, in place of those that suit the lines.
COLUMNS="longitude=X latitude=Y residual_nt=dT" names the columns of a table.
VARIABLE, CRS=EPSG:32625 and UNITS=nT tell of a grid what its file does not say."""


def options(arguments=None, more=()):
    """Read the command line, or the environment, where `make` puts what its user writes.

    `more` has options of another tool, by name.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = ASKED | dict(more)
    for name, what in every.items():
        parser.add_argument(f"--{name}", nargs="*", default=[], help=what)
    parser.add_argument("--as-make", action="store_true", help="take MAP_BOX and the like")
    asked = parser.parse_args(arguments)
    if asked.as_make:
        for name in every:
            text = os.environ.get(f"MAP_{name.upper()}", "")
            setattr(asked, name, getattr(asked, name) or ([text] if text else []))
    for name in every:
        if name != "tracks":
            setattr(asked, name, " ".join(getattr(asked, name)).strip())
    asked.box, asked.tracks = box_of(asked.box), paths_of(asked.tracks)
    if bool(asked.tracks) == bool(asked.grid):
        raise ValueError(USAGE)
    asked.columns = columns_of(asked.columns)
    if asked.prior and asked.prior not in data.STRIKES:
        raise ValueError(f"PRIOR is {asked.prior!r}; it is one of {', '.join(data.STRIKES)}")
    asked.name = asked.name or "mine"
    asked.stem = _shared.safe_name(asked.name)
    if len(asked.stem.encode()) > LONGEST_NAME:
        raise ValueError(f"NAME is {len(asked.stem)} letters long; up to {LONGEST_NAME} make files")
    asked.spacing = spacing_of(asked.spacing)
    return asked


def spacing_of(text):
    """Read the side of a cell (km); None where nothing is said."""
    if not text:
        return None
    try:
        spacing = float(text)
    except ValueError:
        spacing = math.nan
    if not CELLS_KM[0] <= spacing <= CELLS_KM[1]:
        raise ValueError(
            f"SPACING is {text!r}; it is the side of a cell in km, {CELLS_KM[0]:g} to "
            f"{CELLS_KM[1]:g}, such as SPACING=4"
        )
    return spacing


def columns_of(text):
    """Read which column of a table is which: "longitude=X residual_nt='my dT'"."""
    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError:
        pairs = [("", "", "")]
    if not all(ours and sign and theirs for ours, sign, theirs in pairs):
        raise ValueError(
            f"COLUMNS is {text!r}; write our name, = and that of the file for each column: "
            "COLUMNS=\"longitude=X latitude=Y residual_nt='my dT'\""
        )
    return {ours: theirs for ours, _, theirs in pairs}


def box_of(text):
    """Read a box as people write it: "-33 -29 38 41", with commas, or "33W 29W 38N 41N"."""
    if not text.strip():
        return None
    text = text.replace("\N{MINUS SIGN}", "-")
    parts = re.sub(r"(?<=\d)\s*°?\s*(?=[NSEWnsew])|(?<=\d)\s*°", "", text)
    parts = [part for part in re.split(r"[\s,;/]+", parts) if part]
    found = [re.fullmatch(r"([-+]?)(\d+(?:\.\d*)?)([NSEWnsew]?)", part) for part in parts]
    if len(found) != 4 or not all(found):
        raise ValueError(f"The box {text!r} is not four numbers; write {EXAMPLE}.")
    edges = []
    for match, letters in zip(found, ("EW", "EW", "NS", "NS"), strict=True):
        sign, number, letter = match[1], match[2], match[3].upper()
        if letter and (letter not in letters or sign):
            raise ValueError(
                f"In the box {text!r} {match[0]!r} stands where a number {' or '.join(letters)} "
                f"(without a sign) should; write {EXAMPLE}."
            )
        edges.append(float(number) * (-1 if sign == "-" or letter in ("S", "W") else 1))
    west, east, south, north = edges
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
    """Put a box around readings, across the date line where that is shorter; of some width."""
    lon = np.sort(table["longitude"].to_numpy(float) % 360)
    gaps = np.diff(np.append(lon, lon[0] + 360))
    last = int(gaps.argmax())  # the widest gap without readings lies outside the box
    west, width = lon[(last + 1) % lon.size], 360 - gaps[last]
    west = (west + 180) % 360 - 180
    south, north = (float(f(table["latitude"])) for f in (min, max))
    if max(width, north - south) > WIDEST_DEG:
        raise ValueError(
            f"The readings reach from {west:.1f} to {west + width:.1f} E and {south:.1f} to "
            f"{north:.1f} N, too wide for one map; choose a part of it. Most lie in "
            f'BOX="{box_of_most(table)}", which is west, east, south and north in degrees.'
        )
    degree = _shared.KM_PER_DEGREE * max(math.cos(math.radians((south + north) / 2)), 0.05)
    wide_km, high_km = width * degree, (north - south) * _shared.KM_PER_DEGREE
    more_x = (LEAST_KM - wide_km) / 2 / degree if wide_km < LINE_KM else 0.0
    more_y = (LEAST_KM - high_km) / 2 / _shared.KM_PER_DEGREE if high_km < LINE_KM else 0.0
    if more_x or more_y:
        print(f"The readings lie on a single line: the box around it is {LEAST_KM:g} km wide.")
    south, north = max(south - more_y, -90.0), min(north + more_y, 90.0)
    edges = west - more_x, west + width + more_x, south, north
    return tuple(round(float(edge), 2) for edge in edges)


def box_of_most(table, side_deg=5.0):
    """Write the box of a few degrees in which most of the readings lie."""
    corner = np.floor(table[["longitude", "latitude"]].to_numpy() / side_deg) * side_deg
    corners, number = np.unique(corner, axis=0, return_counts=True)
    west, south = corners[number.argmax()]
    return f"{west:g} {west + side_deg:g} {max(south, -90):g} {min(south + side_deg, 90):g}"


def tell_files(table):
    """Say of each file what was kept and what not, and which files were left out."""
    for name, row in tracks.report(table).iterrows():
        if isinstance(row.get("error"), str):
            print(f"Left out {name}: {row['error']}")
            continue
        read, kept = int(row["rows_read"]), int(row["rows_kept"])
        rest = row.drop(["rows_read", "rows_kept", "error"], errors="ignore")
        lost = [f"{number:,} {reason}" for reason, number in rest.items() if number]
        print(f"{name}: kept {kept:,} of {read:,}" + (f" ({', '.join(lost)})" if lost else ""))
        if read - kept > MUCH * read:
            print(f"Warning: {1 - kept / read:.0%} of the rows of {name} are lost.")
    passed = [name for name in table.attrs["passed_over"] if name not in table.attrs["report"]]
    if passed:
        print(f"No tracks, passed over: {', '.join(passed)}")


def tell_cleaning(table):
    """Say of each cruise what cleaning took off it."""
    shown = tracks.cleaning_report(table)
    kept = ("rows_in", "rows_out", "removed_share", "out_of_order", "gaps", "swaps", "jumps_left")
    taken = [name for name in shown if name not in (*kept, "times_spread")]
    for cruise, row in shown[shown["removed_share"] > 0].iterrows():
        steps = ", ".join(f"{int(row[name]):,} {name}" for name in taken if row[name])
        print(f"{cruise}: cleaning took {steps} of {int(row['rows_in']):,} readings")
        if row["removed_share"] > MUCH:
            print(f"Warning: cleaning took {row['removed_share']:.0%} of the readings of {cruise}.")


def inside(table, region):
    """Take the readings of a table that lie in the region."""
    within = region.contains(table["longitude"], table["latitude"])
    if not within.any():
        west, east, south, north = (
            f(table[name]) for name in ("longitude", "latitude") for f in (min, max)
        )
        raise ValueError(
            f"None of the {len(table):,} readings lies in the box. They reach from {west:.1f} to "
            f"{east:.1f} E and {south:.1f} to {north:.1f} N; give the box as west east south "
            "north, or none at all."
        )
    return table[within]


def levelled(table, region):
    """Level cleaned readings; the median of each cruise has to do where none cross."""
    table = tracks.remove_cruise_median(table)
    try:
        return tracks.level(table, region)[0]
    except ValueError as problem:
        why = str(problem).split(";")[0]
        print(f"Not levelled: {why}; the median of each cruise is taken off instead.")
        return table


def of_tracks(asked):
    """Read tracks and grid them; return the region, the grid, the table and the crests."""
    table = tracks.read_tracks(asked.tracks, asked.columns or None)
    tell_files(table)
    read = table = tracks.residual(table)
    if asked.box is None:  # a single wrong position must not decide the box: clean first
        table = tracks.clean(table)
        asked.box = box_around(table)
        region = region_of(asked)
        table = inside(table, region)
    else:
        region = region_of(asked)
        table = tracks.clean(inside(table, region))
    tell_cleaning(table)
    table = levelled(table, region)
    settle_cells(asked, table, region)
    number = table["cruise"].nunique()
    print(f"{len(table):,} readings of {number} cruise{'s' * (number != 1)} in the box")
    if len(table) < FEW:
        print(f"That is few (under {FEW:,}): read the distance map before any line.")
    crests = crests_of(read, region)
    grid = gridding.grid_tracks(table, region, asked.spacing, uncertainty=False)
    return region, grid, table, crests


def crests_of(table, region):
    """Find the crests in a region, of whole cruises: what the box cuts off changes none."""
    here = region.contains(table["longitude"], table["latitude"])
    whole = table[table["cruise"].isin(table["cruise"][here].unique())]
    return tracks.crests(tracks.clean(whole), region=region)


def of_grid(asked):
    """Read a grid and put it on the map; return the region, the map, and None twice: no tracks."""
    path = Path(asked.grid).expanduser()
    if asked.grid.lower() == "emag2" and not path.exists():
        if asked.box is None:
            raise ValueError(f"GRID=emag2 fetches a box of the world: write {EXAMPLE}.")
        path = data.emag2(asked.box)
    if asked.box is None and path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} is a large grid: choose a part of it, {EXAMPLE}.")
    choices = {name: getattr(asked, name) or None for name in ("variable", "crs", "units")}
    grid = gridding.read_grid(path, box=asked.box, **choices)
    if grid.attrs.get("blanked"):
        print(f"{path.name}: {grid.attrs['blanked']}")
    if asked.box is None:
        try:
            region = gridding.region_of(grid, asked.stem)
        except ValueError as problem:
            raise ValueError(f"{problem}; choose a part of it, {EXAMPLE}.") from problem
        asked.box = region.west, region.east, region.south, region.north
    region = region_of(asked)
    settle_cells(asked, None, region)
    made = gridding.on_map(grid, region, asked.spacing)
    print(f"{int(made['block'].notnull().sum()):,} cells with a value in the box")
    print("All count as data, also those that the makers of the grid interpolated: see A2.")
    return region, made, None, None


def region_of(asked):
    """Make the region of the box, unless it has too many cells."""
    region = data.region_from_box(*asked.box, name=asked.stem, title=asked.name)
    spacing = asked.spacing or GRID_KM
    x, y = region.outline()
    rows, columns = (int(np.ptp(edge) / spacing) for edge in (y, x))
    if not 1 <= rows * columns <= MOST_CELLS:
        smaller = "a smaller box, or larger cells: SPACING=4" if rows * columns else "smaller cells"
        raise ValueError(
            f"The box has {rows:,} x {columns:,} cells of {spacing:g} km; choose {smaller}."
        )
    return region


def settle_cells(asked, table, region):
    """Choose the side of a cell where nobody did, if the box can bear it; say how many it has."""
    if asked.spacing is None and table is None:
        asked.spacing = GRID_KM
    elif asked.spacing is None:
        asked.spacing = gridding.choose_spacing(table, region)
        # a dense survey in a wide box: cells of GRID_KM fit, as `region_of` has seen
        while np.prod([axis.size for axis in region.grid_coords(asked.spacing)]) > MOST_CELLS:
            asked.spacing *= 2
        print(f"Cells of {asked.spacing:g} km suit how far lines lie apart (SPACING sets others).")
    rows, columns = (axis.size for axis in region.grid_coords(asked.spacing))
    print(f"Box {', '.join(f'{edge:g}' for edge in asked.box)}: {rows} x {columns} cells")


def prior_of(asked, region, grid):
    """Published strike on the cells of a map where one is asked for, else None; say whose it is."""
    if not asked.prior:
        return None
    strike = data.published_strike(asked.prior, region, asked.spacing)
    near = network.knowable(grid).to_numpy()
    share = np.isfinite(strike.to_numpy())[near].mean()
    print(f"Prior of the strike: {strike.attrs['source']}, known on {share:.0%} of the cells near "
          "data")  # fmt: skip
    return strike


def supported(found, grid, table, prior=None):
    """Take the lines that readings support, and those that are left out, with the reason."""
    try:
        return lines.supported(found, grid, table, False if prior is None else prior)
    except ValueError:  # a grid of others with values along tracks alone
        print("The grid has values along lines only: what supports a line is not judged.")
        return lines.Supported(found, found[:0].assign(reason=""))


def draw(region, made, found, crests, source):
    """Draw readings, guided map, probability, and lines and crests."""
    limit = maps.robust_limit(made["block"])
    ticks = drawn_crests(region, made, crests)
    title = (
        "lines over distance to data" if crests is None else "lines and crests, distance to data"
    )
    guided = "guided diffusion"
    if "prior" in made.attrs:
        guided += f", prior: {made.attrs['prior'].split()[0]}"
    panels = [
        maps.Panel(made["block"], "readings", limit=limit),
        maps.Panel(made["anomaly"], guided, limit=limit),
        maps.Panel(made["probability"], "probability of a lineation", "probability"),
        maps.Panel(made["distance_km"], title, "distance", lines=found, overlays=ticks),
    ]
    if "prior" in made.attrs:
        source += f"; prior of the strike: {made.attrs['prior']}"
    told = f"{source}; coastlines: Natural Earth"
    return maps.draw_maps(region, panels, source=f"{told}\n{LEGEND}" if ticks else told)


def drawn_crests(region, made, crests):
    """Give the ticks of crests, each kind with how to draw it: by sign, the sure ones longer."""
    if crests is None or not len(crests):
        return ()
    wide = float(np.ptp(made["easting"].to_numpy()))
    sure = crests["probability"] >= tracks.SURE
    kinds = [(sign, is_sure) for is_sure in (False, True) for sign in COLOURS]
    drawn = []
    for sign, is_sure in kinds:
        those = crests[(crests["sign"] == sign) & (sure == is_sure)]
        ticks = lines.crest_ticks(those, region, TICK_SHARE[is_sure] * wide)
        drawn.append((ticks, {"color": COLOURS[sign], "lw": 0.8 if is_sure else 0.4}))
    return tuple(drawn)


def write(asked, region, made, found, crests):
    """Write map, picture, lines and crests, each whole or not at all; say where they are."""
    MAPS.mkdir(parents=True, exist_ok=True)
    target = {e: MAPS / f"{asked.stem}.{e}" for e in ("nc", "png", "geojson", "gpkg")}
    target["crests"] = MAPS / f"{asked.stem}_crests.geojson"
    if box_before(target["nc"]) not in (None, tuple(asked.box)):
        print(f"This replaces a map {asked.stem} of another box; NAME=... would keep both.")
    figure = draw(region, made, found, crests, f"{asked.name}: {made.attrs['data']}")
    with _shared.written(target["png"]) as beside:
        figure.savefig(beside, dpi=150)
    points = None if crests is None or crests.empty else lines.crest_points(crests)
    for name in ("geojson", "gpkg", "crests"):  # those of the map before
        target[name].unlink(missing_ok=True)
    if len(found):
        lines.write(found, target["geojson"])
    if len(found) or points is not None:
        lines.write(found, target["gpkg"], points)
    if points is not None:
        lines.write(points, target["crests"])
    with _shared.written(target["nc"]) as beside:  # the last: it is what notebook A3 looks for
        made.to_netcdf(beside)
    tell_found(found, crests)
    print(f"See {MAPS}/{asked.stem}.*")
    if len(found):
        print("To mend the lines by hand: make lab, open notebook A3, Run > Run All Cells.")


def tell_found(found, crests):
    """Say how many lines and crests there are."""
    if len(found):
        print(f"{len(found)} lines, {found['length_km'].sum():,.0f} km")
        if "prior" in found:
            given = found[found["strike_from"] == "prior"]
            lone = int((given["tracks"] == 1).sum())
            print(
                f"{len(given)} of them have their strike from the prior, "
                f"{found['prior'].iloc[0]}; {lone} are crossed by one track only"
            )
    else:
        print("No line is supported by these data.")
    if crests is None:
        print("No crests: they are found along tracks, and a grid has none.")
        return
    sure = int((crests["probability"] >= tracks.SURE).sum())
    print(f"{len(crests)} crests along single tracks, {sure} of them with a probability of "
          f"{tracks.SURE:g} or more")  # fmt: skip


def box_before(path):
    """Box of the map that stands under a name, None where there is none that can be read."""
    try:
        with xr.open_dataset(path) as before:
            return tuple(map(float, before.attrs["box"]))
    except (OSError, ValueError, KeyError, RuntimeError):
        return None


def main(arguments=None):
    """Make the map that the command line asks for."""
    asked = options(arguments)
    print("Reading and gridding ...", flush=True)
    region, grid, table, crests = of_grid(asked) if asked.grid else of_tracks(asked)
    print("Guided diffusion ...", flush=True)
    prior = prior_of(asked, region, grid)
    known = None if prior is None else diffusion.Known(strike_deg=prior, strike_suffices=True)
    guided = diffusion.guided(grid["block"], grid["weight"], known=known)
    print("The network looks for lines ...", flush=True)
    prediction, found = lines.find(grid, guided, model=lines.SINGLE)
    found, left_out = supported(found, grid, table, prior)
    near = network.knowable(grid)  # beyond, nothing is known of stripes: blank in file and picture
    made = grid.assign({name: guided[name].where(near) for name in LAYERS})
    made = made.assign(linear=grid["anomaly"], probability=prediction["probability"])
    source = asked.grid or ", ".join(Path(path).name for path in asked.tracks)
    made.attrs.update(box=asked.box, name=asked.name, data=source)
    if prior is not None:
        made.attrs["prior"] = prior.attrs["source"]
        found = found.assign(prior=prior.attrs["source"])
    write(asked, region, made, found, crests)
    for reason, own in left_out.groupby("reason"):
        print(f"Left out: {len(own)} lines, {own['length_km'].sum():,.0f} km, {reason}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tracks.TrackError, data.DataUnavailable, FileNotFoundError, ValueError) as problem:
        sys.exit(f"{problem}")
