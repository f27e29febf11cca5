"""What a grid that others made must be: its projection, unit, blanks, axes and size.

Every reader of a format hands its axes and a way to read a part to `assemble`, which gives the
grid. What is wrong is said by `GridError`, with the name of the file.
"""

import re
import shlex
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .. import _shared

MARGIN_DEG = 0.5  # read beyond a box at least, so that its projected edges are covered
MARGIN_CELLS = 2.5  # and as many cells, so that a coarse grid can be interpolated
CELL_BYTES = 27  # that a cell takes while it is read
MOST_CELLS = 75_000_000  # so many take 2 GB
LEAST_FILLED = 50  # cells of a grid for each that its file holds, at most
MOST_NT = 10_000  # no anomaly of the seafloor is larger
TESLA = 1e-3  # values that are all smaller, without a unit, may be tesla
X_NAMES = {"x", "lon", "long", "lng", "longitude", "easting", "east"}
Y_NAMES = {"y", "lat", "latitude", "northing", "north"}
METRIC_NAMES = {"easting", "northing", "east", "north"}
METRES = {"m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0}
METRES |= {"km": 1000.0, "kilometer": 1000.0, "kilometers": 1000.0, "kilometre": 1000.0}
METRES |= {"kilometres": 1000.0, "ft": 0.3048, "feet": 0.3048, "foot": 0.3048}
METRES |= {"us-ft": 1200 / 3937, "us_survey_foot": 1200 / 3937}
NANOTESLA = {
    "nt": 1.0, "nanotesla": 1.0, "nanoteslas": 1.0, "gamma": 1.0, "gammas": 1.0, "\u03b3": 1.0,
    "t": 1e9, "tesla": 1e9, "teslas": 1e9, "mt": 1e6, "millitesla": 1e6, "pt": 1e-3,
    "picotesla": 1e-3, "ut": 1e3, "\u00b5t": 1e3, "\u03bct": 1e3, "microtesla": 1e3,
    "microteslas": 1e3, "gauss": 1e5, "milligauss": 100.0,
}  # fmt: skip
NO_UNIT = {"1", "none", "unknown", "unitless", "dimensionless", "-", "n/a", "user_z_unit"}
BOX_EXAMPLE = (
    'read_grid(path, box=(-46.4, -43, 44.4, 46.6)), or BOX="-46.4 -43 44.4 46.6" at make map'
)


class GridError(ValueError):
    """What is wrong with the file of a grid, in one sentence that names it."""


@dataclass(frozen=True)
class Choice:
    """What the caller asks of a file: a part of it, a layer, a projection, a unit."""

    box: tuple | None = None
    variable: str | int | None = None
    crs: object = None
    units: str | None = None


def ask(option, example):
    """Say how a choice is made, in Python and at `make map`."""
    example = str(example)
    typed = shlex.quote(example)
    return f'read_grid(path, {option}="{example}"), or {option.upper()}={typed} at make map'


def listed(names):
    """List names in a message, the first dozen of them."""
    names = [str(name)[:40] for name in names]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def is_geographic(crs):
    """Whether x and y of a projection are degrees."""
    from pyproj import CRS

    return CRS(crs).is_geographic


def as_grid(values, x, y, crs):
    """Put values on coordinates of cell centres, both then ascending: a grid on (y, x)."""
    grid = xr.DataArray(values, {"y": np.asarray(y, float), "x": np.asarray(x, float)}, ("y", "x"))
    return grid.astype("float32").sortby(["y", "x"]).assign_attrs(crs=str(crs))


def assemble(name, read, x, y, choice, crs=None, unit="", axis_unit="", labels=("x", "y")):
    """Read a part of a file as a grid in nT.

    `read` gives the values of a slice of rows and a slice of columns; `crs` and `unit` are what
    the file says, `axis_unit` the unit of its positions along axes called `labels`.
    """
    x, y = (_axis(name, label, axis) for label, axis in zip(labels, (x, y), strict=True))
    crs, scale = settle_crs(name, x, y, choice.crs, crs, axis_unit, labels)
    x, y = x * scale, y * scale
    (rows, y), (columns, x) = window(name, x, y, crs, choice.box)
    check_cells(name, len(rows) * len(columns))
    values = _taken(read, rows, columns)
    factor = unit_factor(name, unit if choice.units is None else choice.units)
    values, blanked = without_fills(name, values, factor or 1.0)
    if factor is None:
        _refuse_tesla(name, values)
    elif factor != 1:
        values *= np.float32(factor)
    y, row = _even(name, labels[1], y)
    x, column = _even(name, labels[0], x)
    if (len(y), len(x)) != values.shape:
        if len(y) * len(x) > min(LEAST_FILLED * values.size, MOST_CELLS):
            raise _uneven(name, "its rows and columns", np.diff(x))
        whole = np.full((len(y), len(x)), np.nan, dtype="float32")
        whole[np.ix_(row, column)] = values
        values = whole
    return as_grid(values, x, y, crs).assign_attrs(blanked=blanked)


def check_cells(name, cells):
    """Refuse more cells than there should be in memory."""
    if cells > MOST_CELLS:
        raise GridError(
            f"{name} has {cells:,} cells, which would take {cells * CELL_BYTES / 1e9:.1f} GB; "
            f"choose a part of it: {BOX_EXAMPLE}."
        )


def _axis(name, label, values):
    """Positions along an axis as floats, if they are numbers and each stands once."""
    values = np.asarray(values, float).ravel()
    if values.size < 2:
        raise GridError(f"{name} has {values.size} positions along {label}; a grid has 2 or more.")
    bad = np.count_nonzero(~np.isfinite(values))
    if bad:
        raise GridError(f"{name}: {bad} of {values.size} positions along {label} are no numbers.")
    again = np.count_nonzero(np.diff(np.sort(values)) <= 0)
    if again:
        raise GridError(f"{name}: {again} of {values.size} positions along {label} are repeated.")
    return values


def _step(axis):
    """Step of an axis: the median, which holes in it don't move."""
    return float(np.median(np.diff(np.sort(axis))))


# What x and y are.


def settle_crs(name, x, y, given=None, said=None, axis_unit="", labels=("x", "y")):
    """Find the projection of x and y, and the factor that brings them to its unit.

    What the caller gives counts before what the file says. Without both they are degrees if their
    range, names and unit allow it.
    """
    unit = str(axis_unit).strip().lower()
    west, east, south, north = (float(f(axis)) for axis in (x, y) for f in (np.min, np.max))
    degrees = -361 <= west and east <= 361 and -90.6 <= south and north <= 90.6
    span = (
        f"{name}: x runs from {west:g} to {east:g} and y from {south:g} to {north:g}"
        f"{f' ({unit})' if unit in METRES else ''}"
    )
    crs = _parsed(name, said if given is None else given)
    if crs is None:
        metric = unit in METRES or bool(METRIC_NAMES & {str(label).lower() for label in labels})
        if degrees and not metric:
            return "EPSG:4326", 1.0
        raise GridError(
            f"{span}, which are no degrees, and the file names no projection; name it: "
            f"{ask('crs', 'EPSG:32625')}."
        )
    if crs.is_geographic:
        if not degrees or unit in METRES:
            raise GridError(
                f"{span}, which are no degrees, as its projection has; name the right one: "
                f"{ask('crs', 'EPSG:32625')}."
            )
        return _written(crs, given), 1.0
    if unit.startswith("degree"):
        raise GridError(f"{span} in degrees; they are not in the projection {crs.name}.")
    scale = _scale(crs, unit)
    middle = (west + east) / 2 * scale, (south + north) / 2 * scale
    turn = _transformer(name, crs)
    back = turn.transform(*turn.transform(*middle, direction="INVERSE"))
    if not np.allclose(back, middle, rtol=1e-3, atol=1e4 / _metres(crs)):
        raise GridError(f"{span}, where the projection {crs.name} has no place on the Earth.")
    return _written(crs, given), scale


def _parsed(name, crs):
    """Understand a projection as pyproj does."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if crs is None:
        return None
    try:
        return CRS.from_user_input(crs)
    except (CRSError, TypeError, ValueError, AttributeError) as error:
        raise GridError(
            f"{name}: {str(crs)[:60]!r} is no projection that is known; name it by its EPSG code: "
            f"{ask('crs', 'EPSG:32625')}."
        ) from error


def _written(crs, given):
    """Write a projection: as it was given, or as WKT."""
    return given if isinstance(given, str) else crs.to_wkt()


def _scale(crs, unit):
    """Factor from the unit of the positions to the unit of the projection."""
    scale = METRES.get(unit, _metres(crs)) / _metres(crs)
    return 1.0 if abs(scale - 1) < 1e-9 else scale


def _metres(crs):
    """Metres of the unit of a projection."""
    return crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0


def _transformer(name, crs):
    """Give the transformer from degrees to a projection."""
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        return Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except ProjError as error:
        raise GridError(f"{name}: its projection cannot be turned into degrees.") from error


# Which part is read.


def checked_box(box):
    """Give west, width, south and north of a box in degrees."""
    try:
        west, east, south, north = (float(edge) for edge in box)
    except (TypeError, ValueError):
        west = east = south = north = np.nan
    width = (east - west) % 360 or 360.0
    if not (np.isfinite(width) and south < north and east != west):
        raise GridError(
            f"The box is {box}; four numbers in degrees are expected: west, east, south, north, "
            "with south less than north."
        )
    return west, width, south, north


def window(name, x, y, crs, box=None):
    """Find the rows and columns to read, each with its positions, ascending.

    Degrees are turned to one piece without a seam, and a meridian that stands at both ends of a
    whole turn is taken once.
    """
    turning = is_geographic(crs)
    low_x, high_x, low_y, high_y = -np.inf, np.inf, -np.inf, np.inf
    if box is not None:
        low_x, high_x, low_y, high_y = _bounds(name, box, x, y, crs)
    reach = f"x {x.min():g} to {x.max():g}, y {y.min():g} to {y.max():g}"
    if turning:
        start = _first(x) if box is None else low_x
        x = start + (x - start) % 360
    rows, columns = np.argsort(y), np.argsort(x)
    if turning:
        same, along = 0.01 * _step(x), x[columns]
        once = (np.diff(along, prepend=-np.inf) > same) & (along < along[0] + 360 - same)
        columns = columns[once]
    rows = rows[(y[rows] >= low_y) & (y[rows] <= high_y)]
    columns = columns[(x[columns] >= low_x) & (x[columns] <= high_x)]
    if min(len(rows), len(columns)) < 2:
        raise GridError(
            f"{name} has {len(rows) * len(columns)} cells in the box {box or 'of the Earth'}; give "
            f"another box. It reaches over {reach}."
        )
    return (rows, y[rows]), (columns, x[columns])


def margins(step_x, step_y, metres=None, latitude=0.0):
    """Degrees to read beyond a box: half a degree, or two and a half cells if they are large."""
    east = north = 1.0
    if metres is not None:  # steps in a projection
        north = metres / 1000 / _shared.KM_PER_DEGREE
        east = north / max(np.cos(np.radians(latitude)), 0.05)
    return (
        max(MARGIN_DEG, MARGIN_CELLS * step_x * east),
        max(MARGIN_DEG, MARGIN_CELLS * step_y * north),
    )


def _bounds(name, box, x, y, crs):
    """West, east, south and north, as x and y, of a box with its margin."""
    from pyproj import CRS

    west, width, south, north = checked_box(box)
    crs = CRS(crs)
    if crs.is_geographic:
        beyond_x, beyond_y = margins(_step(x), _step(y))
        width = min(width + 2 * beyond_x, 360)
        return west - beyond_x, west - beyond_x + width, south - beyond_y, north + beyond_y
    beyond_x, beyond_y = margins(_step(x), _step(y), _metres(crs), max(abs(south), abs(north)))
    low, high = west - beyond_x, west + width + beyond_x
    if high - low >= 360:
        low, high = -180.0, 180.0
    edges = low, max(south - beyond_y, -90), high, min(north + beyond_y, 90)
    low_x, low_y, high_x, high_y = _transformer(name, crs).transform_bounds(*edges)
    if not np.all(np.isfinite([low_x, low_y, high_x, high_y])):
        raise GridError(f"The box {box} lies outside the projection of {name}, {crs.name}.")
    return low_x, high_x, low_y, high_y


def _first(x):
    """Longitude where a grid begins: east of its widest gap, as 359 in 0, 1, 359."""
    along = np.sort(x)
    gaps = np.diff(along)
    widest = int(gaps.argmax())
    whole = along[0] + 360 - along[-1]
    return float(along[widest + 1] if gaps[widest] > max(whole, 1.5 * _step(x)) else along[0])


def _taken(read, rows, columns):
    """Read rows and columns in their order, by as few slices as there are runs of columns."""
    top, sorted_columns = int(rows.min()), np.sort(columns)
    runs = np.split(sorted_columns, np.flatnonzero(np.diff(sorted_columns) > 1) + 1)
    wanted = slice(top, int(rows.max()) + 1)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: no value, below
        parts = [
            np.asarray(read(wanted, slice(int(run[0]), int(run[-1]) + 1))).astype("float32")
            for run in runs
        ]
    block = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    return block[np.ix_(rows - top, np.searchsorted(sorted_columns, columns))]


# What the values are.


def unit_factor(name, unit):
    """Give the factor from a unit to nT; None if there is no unit."""
    text = re.sub(r"(nano|micro|milli)\s+(?=tesla)", r"\1", str(unit or "").strip().lower())
    power = re.fullmatch(r"(?:10(?:\^|\*\*)?|1e)\s*(-?\d{1,2})\s*t(?:esla)?", text)
    if power:
        return 10.0 ** int(power[1]) * 1e9
    words = {word for word in re.split(r"[\s,;=()\[\]{}]+|\bor\b", text) if word} - NO_UNIT
    if not words:
        return None
    found = {NANOTESLA.get(word) for word in words}
    if len(found) > 1 or None in found:
        raise GridError(
            f"{name} has the unit {str(unit).strip()[:40]!r}, which is none of a magnetic anomaly "
            "(nT, gamma, \u00b5T, mT, T). If the unit is wrong, say the right one: "
            f"{ask('units', 'nT')}."
        )
    return found.pop()


def _refuse_tesla(name, values):
    """Refuse values without a unit that are all too small to be nT."""
    largest = float(np.nanmax(np.abs(values)))
    if 0 < largest < TESLA:
        raise GridError(
            f"{name} says no unit and its largest value is {largest:.3g}: is it in tesla? Say the "
            f"unit: {ask('units', 'T')}."
        )


def without_fills(name, values, factor=1.0):
    """Blank what stands for no value, and say in words how many cells and what stood there.

    Nothing above 10,000 nT is an anomaly; smaller fills are known by their digits or repetition,
    as extremes far from all other values. `factor` turns the values into nT.
    """
    values = np.array(values, dtype="float32")
    known = np.count_nonzero(~np.isnan(values))
    over = np.abs(values) > MOST_NT / factor
    found, counts = np.unique(values[over], return_counts=True)
    values[over] = np.nan
    fills = _shared.fill_values(values[~np.isnan(values)])
    for fill in fills:
        found, counts = np.append(found, fill), np.append(counts, (values == fill).sum())
        values[values == fill] = np.nan
    left = np.count_nonzero(~np.isnan(values))
    scattered = len(found) > 20 and counts.sum() > left and 2 * counts.max() < counts.sum()
    if not known:
        raise GridError(f"{name} has no value in the part that is read: all cells are blank.")
    if (left < known and left < max(4, known / 1000)) or scattered:
        raise GridError(
            f"{name}: {known - left:,} of {known:,} values, {found.min():.7g} to "
            f"{found.max():.7g}, are too large for an anomaly in nT or stand for no value, and "
            f"{left:,} are left; an anomaly in nT is expected, not a total field."
        )
    return values, _blanked(found, counts)


def _blanked(found, counts):
    """Say which values were blanked and how often."""
    if not len(found):
        return ""
    if len(found) > 3:
        return (
            f"{counts.sum():,} cells of {len(found)} values from {found.min():.7g} to "
            f"{found.max():.7g} taken as no value"
        )
    order = np.argsort(-counts, kind="stable")
    parts = [f"{counts[place]:,} cells of {found[place]:.7g}" for place in order]
    return f"{' and '.join(parts)} taken as no value"


# How the rows and columns lie.


def _even(name, label, axis):
    """Give an axis without holes, and the places on it of the positions there are.

    An axis whose steps change slowly, as latitudes of a Mercator map, stays as it is.
    """
    gaps, places = np.diff(axis), np.arange(axis.size)
    step = float(np.mean(gaps[gaps <= 1.5 * np.median(gaps)]))
    if _off_line(axis, places) <= 0.3 * step:
        return axis, places
    cells = np.rint(gaps / step)
    if cells.min() >= 1 and cells.sum() < LEAST_FILLED * axis.size + 1000:
        spread = np.concatenate([[0], np.cumsum(cells)]).astype(int)
        if _off_line(axis, spread) <= 0.3 * step:
            whole = np.linspace(axis[0], axis[-1], spread[-1] + 1)
            whole[spread] = axis
            return whole, spread
    bend = gaps[1:] / gaps[:-1]
    if bend.min() >= 0.5 and bend.max() <= 2 and gaps.max() <= 10 * gaps.min():
        return axis, places
    raise _uneven(name, label, gaps)


def _off_line(axis, places):
    """Largest distance of an axis from a straight line through its ends."""
    line = axis[0] + places * ((axis[-1] - axis[0]) / places[-1])
    return float(np.abs(axis - line).max())


def _uneven(name, label, gaps):
    """Make the error about an axis that is none of a grid."""
    return GridError(
        f"{name} is no regular grid: the steps along {label} run from {gaps.min():g} to "
        f"{gaps.max():g}. Put it on even steps first; readings along tracks are read by "
        "tracks.read_tracks, or make map TRACKS=..."
    )
