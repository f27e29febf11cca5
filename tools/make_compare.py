"""Judge what is drawn of a survey: `make compare TRACKS=folder/ PICKS=file.gmt BOX="W E S N"`.

    python tools/make_compare.py --tracks my_cruises/ --picks Croon++_2008_G3.gmt --box ...

Prints, beside chance: polarity blocks crossed by the network's lines, by a plain filter, by crests
and peaks along the track, and by lines moved and turned; lines against those that experts drew;
withheld lines predicted. Writes build/maps/NAME_compare.json. Without PICKS those of the registry
are taken.
"""

import json
import sys

import make_map
from helpers import _shared, data, tracks
from make_map import MAPS
from studies import real_data

PICKS = {"picks": "file of picks: .gmt of the GSFML, .csv, .shp"}
USAGE = """Say of what: make compare TRACKS=my_cruises/ PICKS=file.gmt BOX="-46.4 -43 44.4 46.6"
PICKS: picks of the GSFML (.gmt), a shapefile, or a table with longitude, latitude and age_ma;
without it, those of the registry. BOX, NAME, SPACING, COLUMNS and PRIOR as of make map."""


def tell(found):
    """Print what was found, in words and tables."""
    if found["methods"]:
        print(f"\nPolarity blocks of picks: {found['blocks']} on {found['km']:,.0f} km of track")
        print(f"{'':9s}{'crossed':>8s}{'crossings':>10s}{'in no block':>12s}{'by chance':>17s}")
        for name, one in found["methods"].items():
            low, high = one["by_chance_95"]
            chance = f"{one['by_chance']:.1f} ({low:.0f}-{high:.0f})"
            print(f"{name:9s}{one['crossed']:8d}{one['crossings']:10d}{one['without_block']:12d}"
                  f"{chance:>17s}")  # fmt: skip
    else:
        print("\nNo blocks: no cruise has four picks or more on its track.")
    drawn = found["lines"]
    print(f"\n{drawn['lines']} lines, {drawn['length_km']:,.0f} km", end="")
    if drawn["km"] is None:
        print("; none to hold against lineations of experts.")
    else:
        low, high = drawn["moved_km_90"]
        moved = f"{drawn['moved_km']:.1f} km, {low:.1f}-{high:.1f}; {drawn['moved_deg']:.0f} deg"
        print(f"; to the nearest of {drawn['lineations']} lineations of experts "
              f"{drawn['km']:.1f} km and {drawn['deg']:.0f} degrees (moved lines: {moved})")
    tell_withheld(found["withheld"])


def tell_withheld(found):
    """Print how withheld lines were predicted."""
    if found is None:
        print("\nNo line can be left out.")
        return
    head = f"Withheld: {found['lines']} lines of {found['lines_in_all']}"
    print(f"\n{head:28s}{'rms nT':>8s}{'median nT':>11s}{'correlation':>13s}{'resolved':>10s}")
    for name in real_data.METHODS:
        one = found[name]
        r, km = one["correlation"], one["resolved_km"]
        print(f"{name.replace('_', ' '):28s}{one['rms_nt']:8.0f}{one['median_abs_nt']:11.0f}"
              f"{'-' if r is None else f'{r:.2f}':>13s}"
              f"{'-' if km is None else f'{km:.0f} km':>10s}")  # fmt: skip
    print(f"Within the expected error {found['within_1_sigma']:.0%}, within twice "
          f"{found['within_2_sigma']:.0%} (68 and 95 % are honest)")  # fmt: skip


def main(arguments=None):
    """Judge the survey that the command line asks for."""
    try:
        asked = make_map.options(arguments, PICKS)
    except ValueError as problem:
        raise ValueError(USAGE if str(problem) == make_map.USAGE else problem) from problem
    if asked.grid:
        raise ValueError("make compare judges tracks; a GRID has none. " + USAGE)
    picks = data.read_picks(asked.picks) if asked.picks else None
    table = tracks.read_tracks(asked.tracks, asked.columns or None)
    make_map.tell_files(table)
    if asked.box is None:
        asked.box = make_map.box_around(tracks.clean(tracks.residual(table)))
    region = make_map.region_of(asked)
    here = make_map.inside(table, region)  # says where the readings are if none is in the box
    make_map.settle_cells(asked, tracks.clean(here), region)
    prior = data.published_strike(asked.prior, region, asked.spacing) if asked.prior else None
    found = real_data.compare(table, region, picks, asked.spacing, prior=prior)
    if prior is not None:
        found["prior"] = prior.attrs["source"]
        print(f"Prior of the strike: {found['prior']}")
        if asked.prior == "lineations":
            print("The lineations that lines are held against below are those of the prior.")
    if found["not_levelled"]:
        print(f"Not levelled: {found['not_levelled']}; the median of each cruise is taken off.")
    tell(found)
    MAPS.mkdir(parents=True, exist_ok=True)
    path = MAPS / f"{asked.stem}_compare.json"
    with _shared.written(path) as beside:
        beside.write_text(json.dumps(found, indent=1))
    print(f"\nWritten: {path}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tracks.TrackError, data.DataUnavailable, FileNotFoundError, ValueError) as problem:
        sys.exit(f"{problem}")
