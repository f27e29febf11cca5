"""Grids as tables of longitude, latitude and value: EMAG2 as delivered, GMT's, and others."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._grid_checks import (
    BOX_EXAMPLE,
    LEAST_FILLED,
    X_NAMES,
    Y_NAMES,
    GridError,
    ask,
    assemble,
    checked_box,
    listed,
    margins,
    settle_crs,
)

START_BYTES = 65_536  # of a table in which its names and its first numbers stand
CHUNK_ROWS = 2_000_000  # of the EMAG2 table, which is too large for memory
MOST_ROWS = 25_000_000  # kept; each takes about 80 bytes while it is put on a grid: 2 GB
EMAG2_V3 = ["i", "j", "lon", "lat", "sea level", "upward", "code", "error"]
BARE = {8: EMAG2_V3, 4: ["lon", "lat", "value", "error"], 3: ["lon", "lat", "value"]}
ALIASES = {"upcont": "upward", "upwardcontinued": "upward"}
NOT_A_NUMBER = ["*", "-", "--", "NaN", "nan", "NA", "N/A", "null", ""]
NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eEdD][-+]?\d+)?|[-+]?nan", re.I)
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+|[-+]?\d+")
# words in the names of columns, from the surest; a column with a word of OTHER is no anomaly
ANOMALY = (
    set("anomaly anomalies anom residual resid tfa tma dt deltat df sealevel".split()),
    set("mag magn magnetic magnetics nt nanotesla gamma tmi f".split()),
    set("z value values val data grid".split()),
)
DEGREES = {"lon", "long", "lng", "longitude", "lat", "latitude"}
OTHER = set(
    "error err std stdev sigma sd uncertainty code count number height depth elevation altitude alt"
    " elev topo topography bathymetry gravity grav faa bouguer freeair mgal i j row column col id"
    " time date year upward distance quality flag weight".split()
)


@dataclass(frozen=True)
class Form:
    """How a table is written: encoding, separator, decimals, first row of numbers, names."""

    encoding: str
    separator: str
    decimal: str
    skip: int
    width: int
    names: list | None


@dataclass(frozen=True)
class Places:
    """Which columns are x, y and the value, what x and y are called, the unit of the value."""

    x: int
    y: int
    value: int
    labels: tuple
    axis_unit: str
    unit: str


def first_numbers(path):
    """Whether a file begins as a table of numbers, with or without names above."""
    try:
        return form_of(path) is not None
    except GridError:
        return False


def read_table(path, choice):
    """Read a table of a regular grid: EMAG2, or columns that its first line names."""
    form = form_of(path)
    places = columns_of(path.name, form, choice)
    table, crs, scale = _rows(path, form, places, choice)
    values, x, y = _pivot(table, path.name)
    # what the axes are was settled by the first rows: the unit is that of the projection now
    chosen = choice.__class__(choice.box, None, crs, choice.units)
    return assemble(
        path.name, lambda *part: values[part], x * scale, y * scale, chosen, unit=places.unit
    )


def form_of(path):
    """Find out how a table is written from its beginning."""
    with open(path, "rb") as file:
        start = file.read(START_BYTES)
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines = re.split(r"\r\n|\n|\r", start.decode(encoding, errors="replace"))
    if len(start) == START_BYTES:
        lines = lines[:-1]  # the last one may be cut
    for number, line in enumerate(lines):
        separator, decimal = _separator(line)
        fields = _fields(line, separator)
        if len(fields) > 1 and all(NUMBER.fullmatch(field) for field in fields[:2]):
            names = _names(lines[:number], separator, len(fields))
            sign = {" ": r"\s+"}.get(separator, separator)
            return Form(encoding, sign, decimal, number, len(fields), names)
    text = next((line.strip() for line in lines if line.strip()), "")
    shown = repr(text[:40]) if "://" not in text else "with an address"
    raise GridError(f"{path.name} is not a table of numbers: it begins {shown}.")


def _separator(line):
    """Give the separator of a line of numbers, and the sign before its decimals."""
    for separator in (";", "\t"):
        if separator in line:
            comma = "." not in line and "," in line
            return separator, "," if comma else "."
    words = line.split()
    if "," in line and len(words) > 1 and all(DECIMAL_COMMA.fullmatch(word) for word in words):
        return " ", ","
    return ("," if "," in line else " "), "."


def _fields(line, separator):
    """Split a line, and take blanks and quotes from its fields."""
    parts = line.split() if separator == " " else line.split(separator)
    return [part.strip().strip("\"'").strip() for part in parts]


def _names(above, separator, width):
    """Names of the columns in the lines above the numbers; None if there are none."""
    last = next((line for line in reversed(above) if line.strip()), "")
    for line in reversed(above):
        bare = line.strip().lstrip("#%!/>").strip()
        joined = re.sub(r"\s+([(\[])", r"\1", bare)  # "Longitude (deg)" is one name
        for sign in dict.fromkeys((separator, ",", ";", "\t", " ")):
            fields = _fields(joined, sign)
            if len(fields) == width and _place(fields, X_NAMES) and _place(fields, Y_NAMES):
                return fields
    if last and last.strip()[0] not in "#%!/>":
        return _fields(last.strip(), separator)
    return None


def _words(name):
    """Words of a column's name without its unit: "Mag_anomaly (nT)" has mag and anomaly."""
    bare = re.sub(r"[(\[].*?[)\]]", "", name)
    bare = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", bare)
    return [word for word in re.split(r"[^a-z\u03b3]+", bare.lower()) if word]


def _place(names, known):
    """Places of the columns whose name begins or ends with one of the known words."""
    return [place for place, name in enumerate(names) if _known(name, known)]


def _known(name, known):
    """Known word at the beginning or the end of a column's name; None if there is none."""
    words = _words(name)
    return next((word for word in words[:1] + words[-1:] if word in known), None)


def columns_of(name, form, choice):
    """Find x, y and the value among the columns of a table."""
    names = form.names
    if names is None:
        return _bare_columns(name, form, choice)
    wanted = choice.variable
    x, y = (_one_axis(name, names, known, choice) for known in (X_NAMES, Y_NAMES))
    if len(names) != form.width:
        raise GridError(
            f"{name} has {form.width} columns, and its first line names {len(names)}: "
            f"{listed(names)}."
        )
    others = [place for place in range(len(names)) if place not in (x, y)]
    if wanted is None:
        best = _anomalies(names, others)
    else:
        best = [place for place in others if _same(names[place], wanted)]
        best = best or ([int(wanted) - 1] if str(wanted).isdigit() else [])
        best = [place for place in best if place in others]
    if len(best) != 1:
        offered = [names[place] for place in best or others]
        raise GridError(
            f"{name} has the columns {listed(names)}; say which holds the anomaly: "
            f"{ask('variable', offered[0] if offered else 'anomaly')}."
        )
    labels = _known(names[x], X_NAMES), _known(names[y], Y_NAMES)
    return Places(x, y, best[0], labels, _unit(names[x]), _unit(names[best[0]]))


def _bare_columns(name, form, choice):
    """Columns of a table without names, known by their number."""
    names, wanted = BARE.get(form.width), choice.variable
    if names and wanted is None:
        wanted = "sea level" if form.width == 8 else "value"
    if str(wanted).isdigit() and names is None:
        places = [0, 1, int(wanted) - 1]
    elif names:
        same = [place for place, entry in enumerate(names) if _same(entry, wanted)]
        number = int(wanted) - 1 if str(wanted).isdigit() else -1
        places = [names.index("lon"), names.index("lat"), same[0] if same else number]
    else:
        places = [0, 1, -1]
    if places[2] in places[:2] or not 0 <= places[2] < form.width:
        raise GridError(
            f"{name} has {form.width} columns without names, and column {wanted!r} was asked for; "
            "EMAG2 v3 has 8 (column 'sea level' or 'upward'), v2 has 4, a table of longitude, "
            f"latitude and anomaly has 3. Name them in a first line, or say which: "
            f"{ask('variable', 3)}."
        )
    return Places(*places, ("x", "y"), "", "")


def _key(name):
    """Letters and digits of a name, for comparing."""
    key = re.sub(r"[\W_]+", "", str(name).lower())
    return ALIASES.get(key, key)


def _same(name, wanted):
    """Whether a column is the wanted one, named with its unit or without."""
    return _key(wanted) in (_key(name), _key(re.sub(r"[(\[].*?[)\]]", "", name)))


def _one_axis(name, names, known, choice):
    """Place of the one column of longitudes (or latitudes), or of x (or y)."""
    places = _place(names, known)
    degrees = [place for place in places if _known(names[place], DEGREES)]
    if len(places) > 1 and 0 < len(degrees) < len(places):  # both degrees and metres
        places = degrees if choice.crs is None else [p for p in places if p not in degrees]
    if len(places) != 1:
        axis = "longitude" if known is X_NAMES else "latitude"
        raise GridError(
            f"{name} has the columns {listed(names)}; one of {axis} is needed, called {axis}, "
            f"{axis[:3]} or {'x' if known is X_NAMES else 'y'}."
        )
    return places[0]


def _anomalies(names, places):
    """Columns whose names say most surely that they hold the anomaly."""
    words = {place: set(_words(names[place])) | {_key(names[place])} for place in places}
    usable = [place for place in places if not words[place] & OTHER]
    for surest in ANOMALY:
        found = [place for place in usable if words[place] & surest]
        if found:
            return found
    return usable


def _unit(name):
    """Find a unit in the name of a column: in brackets, or nT, km, m at its end."""
    found = re.search(r"[(\[](.*?)[)\]]", name)
    if found:
        return found[1]
    last = (_words(name) or [""])[-1]
    return last if last in ("nt", "km", "m") and len(_words(name)) > 1 else ""


def _rows(path, form, places, choice):
    """Rows of a table in the box; its projection, and the factor to the unit of that."""
    order = (places.x, places.y, places.value)
    options = {"header": None, "usecols": sorted(order), "dtype": "float64", "comment": "#"}
    options |= {"sep": form.separator, "decimal": form.decimal, "encoding": form.encoding}
    options |= {"skiprows": form.skip, "na_values": NOT_A_NUMBER, "skipinitialspace": True}
    options |= {"encoding_errors": "replace"}
    parts, kept, crs, scale, inside = [], 0, None, 1.0, None
    try:
        with pd.read_csv(path, chunksize=CHUNK_ROWS, **options) as chunks:
            for chunk in chunks:
                part = chunk[list(order)].set_axis(["x", "y", "value"], axis=1)
                _check_places(path.name, part)
                if inside is None:
                    x, y = part["x"].to_numpy(), part["y"].to_numpy()
                    about = (places.axis_unit, places.labels)
                    crs, scale = settle_crs(path.name, x, y, choice.crs, None, *about)
                    inside = _inside_of(x, y, crs, choice.box)
                parts.append(part[inside(part)])
                kept += len(parts[-1])
                if kept > MOST_ROWS:
                    raise GridError(
                        f"{path.name} has more than {MOST_ROWS:,} cells, too many for the memory; "
                        f"choose a part of it: {BOX_EXAMPLE}."
                    )
    except GridError:
        raise
    except (ValueError, OverflowError) as error:
        text = str(error).splitlines()[0][:120] if "://" not in str(error) else "a wrong row"
        raise GridError(f"{path.name} is not a table of numbers: {text}.") from error
    return pd.concat(parts), crs, scale


def _check_places(name, part):
    """Refuse rows that lie nowhere."""
    bad = int((~np.isfinite(part[["x", "y"]])).any(axis=1).sum())
    if bad:
        raise GridError(f"{name}: {bad:,} of its rows have no position, as a file that is cut off.")


def _inside_of(x, y, crs, box):
    """Give a function that marks the rows of a table in a box and its margin."""
    from pyproj import CRS

    if box is None or not CRS(crs).is_geographic:
        return lambda part: np.ones(len(part), dtype=bool)
    west, width, south, north = checked_box(box)
    beyond_x, beyond_y = margins(*(_steps(axis) for axis in (x, y)))
    start, width = west - beyond_x, width + 2 * beyond_x
    low, high = south - beyond_y, north + beyond_y

    def inside(part):
        return ((part["x"] - start) % 360 <= width) & part["y"].between(low, high)

    return inside


def _steps(axis):
    """Step between the different positions of a column, 0 if it has one only."""
    gaps = np.diff(np.unique(axis.round(6)))
    return float(np.median(gaps)) if gaps.size else 0.0


def _pivot(table, name):
    """Put a table of x, y and value on its rows and columns."""
    if len(table) < 4:
        raise GridError(f"{name} has {len(table)} cells in the box; give another box.")
    x, column = np.unique(table["x"].round(6), return_inverse=True)
    y, row = np.unique(table["y"].round(6), return_inverse=True)
    if len(y) * len(x) > LEAST_FILLED * len(table):
        raise GridError(
            f"{name} holds {len(table):,} places that are no regular grid, but lie on {len(y):,} "
            "latitudes and as many longitudes: are they readings along tracks? Those are read by "
            "tracks.read_tracks, or make map TRACKS=..."
        )
    values = np.full((len(y), len(x)), np.nan)
    values[row, column] = table["value"]
    with np.errstate(invalid="ignore"):
        twice = int((np.abs(values[row, column] - table["value"]) > 1).sum())
    if twice:
        raise GridError(f"{name} has {twice:,} places that stand in it twice, with other values.")
    return values, x, y
