"""From your own track files to lines for a GIS: `make map BOX="W E S N" TRACKS=folder/`.

    python tools/make_map.py --box -46.4 -43 44.4 46.6 --tracks my_cruises/ --name mine

Writes into build/maps/: NAME.geojson and NAME.gpkg (the lines), NAME.png (what they were found in)
and NAME.nc (grid, guided map, probability), which notebook A3 opens to mend the lines by hand.
"""

import argparse
import sys

import matplotlib

matplotlib.use("Agg")

from run_notebooks import ROOT

sys.path.insert(0, str(ROOT))

from helpers import (  # noqa: E402
    cases,
    cleaning,
    data,
    diffusion,
    gridding,
    levelling,
    lines,
    maps,
    tracks,
)

MAPS = ROOT / "build" / "maps"
FEW = 1000  # readings; with fewer the map is a guess, and the reader is told


def options(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    box = ("WEST", "EAST", "SOUTH", "NORTH")
    parser.add_argument("--box", type=float, nargs=4, required=True, metavar=box, help="degrees")
    parser.add_argument("--tracks", required=True, nargs="+", help="files, folders or archives")
    parser.add_argument("--name", default="mine", help="of the files written")
    parser.add_argument("--spacing", type=float, default=2.0, help="side of a cell (km)")
    return parser.parse_args(arguments)


def readings(paths, region):
    """Read tracks, clean and level them; return the table of what lies in the region."""
    table = tracks.residual(tracks.read_tracks(paths if len(paths) > 1 else paths[0]))
    inside = region.contains(table["longitude"], table["latitude"])
    if not inside.any():
        west, east, south, north = (
            f(table[name]) for name in ("longitude", "latitude") for f in (min, max)
        )
        raise SystemExit(
            f"None of the {len(table):,} readings lies in the box. They reach from {west:.1f} to "
            f"{east:.1f} E and {south:.1f} to {north:.1f} N; give the box as west east south north."
        )
    table = tracks.remove_cruise_median(cleaning.clean(table[inside]))
    try:
        return levelling.level(table, region)[0]
    except ValueError as problem:  # no crossings: the median of each cruise has to do
        print(f"Not levelled: {problem}")
        return table


def draw(region, made, found):
    """Draw readings, guided map, probability and lines."""
    limit = maps.robust_limit(made["block"])
    panels = [
        maps.Panel(made["block"], "readings", limit=limit),
        maps.Panel(made["anomaly"], "guided diffusion", limit=limit),
        maps.Panel(made["probability"], "probability of a lineation", "probability"),
        maps.Panel(made["distance_km"], "lines over distance to data", "distance", lines=found),
    ]
    return maps.draw_maps(region, panels, source="your own tracks; coastlines: Natural Earth")


def main(arguments=None):
    """Make the map that the command line asks for."""
    asked = options(arguments)
    region = data.region_from_box(*asked.box, name=asked.name, title=asked.name)
    table = readings(asked.tracks, region)
    print(f"{len(table):,} readings of {table['cruise'].nunique()} cruises in the box")
    if len(table) < FEW:
        print(f"That is few (under {FEW:,}): read the distance map before any line.")
    grid = gridding.grid_tracks(table, region, asked.spacing)
    guided = diffusion.guided(grid["block"], grid["weight"])
    prediction, found = cases.detect(grid, guided, model=cases.SINGLE)
    layers = ("anomaly", "strike_deg", "coherence", "uncertainty_nt")
    made = grid.assign({name: guided[name] for name in layers})
    made = made.assign(probability=prediction["probability"])
    made.attrs.update(box=asked.box, name=asked.name, data=f"{', '.join(asked.tracks)}")
    MAPS.mkdir(parents=True, exist_ok=True)
    target = MAPS / asked.name
    made.to_netcdf(target.with_suffix(".nc"))
    draw(region, made, found).savefig(target.with_suffix(".png"), dpi=150)
    if len(found):
        for ending in (".geojson", ".gpkg"):
            lines.write(found, target.with_suffix(ending))
    print(f"{len(found)} lines, {found['length_km'].sum():,.0f} km; see {MAPS}/{asked.name}.*")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tracks.TrackError, FileNotFoundError, ValueError) as problem:
        sys.exit(f"{problem}")
