"""A first map in two minutes: one small real survey, its lines, and what they show: `make demo`.

The survey of the Lucky Strike segment of the Mid-Atlantic Ridge (1993, 40 kB) is fetched once.
Where it cannot be had, a piece of the simulated Reykjanes Ridge takes its place, and is called so.
"""

import sys

import geopandas
import xarray as xr

import make_map
from helpers import _shared, data
from make_map import MAPS, ROOT
from studies import cases

SURVEY = "lucky_strike"
SIMULATED = "-31.5 -26.5 58.5 60.5"  # box (degrees) of the piece of the simulated Reykjanes Ridge


def real_survey():
    """Path, size of the cells (km) and description of the real survey; None where it is not had."""
    about = cases.SURVEYS[SURVEY]
    try:
        path = data.fetch(about.files[0])
    except data.DataUnavailable as reason:
        print(f"No real survey: {reason}")
        return None
    return path, about.spacing_km, f"{about.title}, real readings of 1993"


def simulated_survey():
    """Write simulated tracks as a table that `make map` reads; as `real_survey`."""
    table = cases.region_grid("reykjanes", cases.COVERAGE, cases.SEED).table
    path = ROOT / "build" / "demo" / "simulated_tracks.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["cruise", "time", "longitude", "latitude", "residual_nt"]
    with _shared.written(path) as beside:
        table[[name for name in columns if name in table]].to_csv(beside, index=False)
    return path, 2.0, "Reykjanes Ridge, SIMULATED readings on simulated tracks"


def five_lines(about, made, found):
    """Say in five lines what a map shows, each number from the map itself."""
    block, km = made["block"], float(made.attrs["spacing_km"])
    strike, _ = _shared.axial_mean(made["strike_deg"], made["coherence"])
    most, far = float(made["probability"].max()), float((made["distance_km"] > 4 * km).mean())
    error, coherence = float(made["uncertainty_nt"].median()), float(made["coherence"].mean())
    yield (
        f"{about}: {int(block.count()):,} cells of {km:g} km hold readings, "
        f"{float(block.min()):.0f} to {float(block.max()):.0f} nT."
    )
    yield f"Stripes run {strike:.0f} degrees east of north, with a coherence of {coherence:.2f}."
    lines = f"{len(found)} lines, {found['length_km'].sum():.0f} km" if len(found) else "No line"
    yield f"{lines}: crests of stripes; the highest probability the network gives is {most:.2f}."
    yield (
        f"Doubt what lies far from readings: {far:.0%} of the map is more than {4 * km:g} km away; "
        f"the expected error is {error:.0f} nT in the median."
    )
    yield f"Look at {MAPS / made.attrs['name']}.png, open the .gpkg beside it in QGIS."


def main():
    """Make the map and say what it shows."""
    real = real_survey()
    path, spacing_km, about = real or simulated_survey()
    name = f"demo_{SURVEY if real else 'simulated'}"
    options = ["--tracks", str(path), "--name", name, "--spacing", str(spacing_km)]
    make_map.main(options if real else [*options, "--box", SIMULATED])
    print("\nWhat it shows")
    written = MAPS / f"{name}.gpkg"
    found = geopandas.read_file(written, layer="lines") if written.exists() else ()
    with xr.open_dataset(MAPS / f"{name}.nc") as made:
        for number, line in enumerate(five_lines(about, made, found), start=1):
            print(f"{number}. {line}")


if __name__ == "__main__":
    sys.exit(main())
