"""What every stage uses: whole files, bars of progress, axial angles, correlation."""

import contextlib
import os
import re
import tempfile
from pathlib import Path

import filelock
import numpy as np
import xarray as xr
from scipy import ndimage
from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parents[1]  # of the workbook
KM_PER_DEGREE = 111.2  # of latitude
MOMENT_S = 2.0  # what takes longer shows a bar
# digits of what stands for no value: nines, eights, the ends of int16 (scaled, too), 999.25
FILL_DIGITS = re.compile(r"9{3,}|8{3,}|3276[78]|99925")
FEW_CELLS = 4  # up to this distance a disc laid on every marked cell is quicker than all distances
POLL_S = 0.01  # between two looks whether a lock is free


@contextlib.contextmanager
def written(path):
    """Give a place to write a file to; what was written there then takes the file's name.

    The place has the file's own name, in a hidden folder beside it that nobody else writes to;
    what libraries leave there (journals, indices) goes with it.  If writing fails, the file stays
    as it was.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix=".part_", dir=path.parent) as folder:
        place = Path(folder) / path.name
        yield place
        place.replace(path)


@contextlib.contextmanager
def locked(path, timeout_s=-1, waiting=""):
    """Keep others, processes and threads, from a file or a store; they wait here for their turn.

    Who has to wait may print a line, and after `timeout_s` there is a TimeoutError. A process that
    dies lets go. The hidden file beside, by which all know of the lock, stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), poll_interval=POLL_S)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if waiting:
            print(waiting, flush=True)
        lock.acquire(timeout=timeout_s)
    try:
        yield
    finally:
        lock.release()


FIRST_BYTES = {  # of files of points and lines that GDAL reads, by their ending
    ".geojson": b"{", ".json": b"{", ".gpkg": b"SQLite format 3", ".gmt": b"#",
    ".shp": b"\0\0\x27\x0a",
}  # fmt: skip


def check_vector(path):
    """Refuse a file that is not what its ending says, before GDAL, which opens by content, sees it.

    A file called ``.geojson`` may hold text that makes GDAL read other files or ask servers.
    ValueError for that, and for other endings.
    """
    path = Path(path)
    expected = FIRST_BYTES.get(path.suffix.lower())
    if expected is None:
        raise ValueError(f"{path} ends in {path.suffix!r}; read are {', '.join(FIRST_BYTES)}.")
    with open(path, "rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(expected):
        raise ValueError(f"{path} is no {path.suffix} file: it begins {start[:20]!r}.")


def progress(items, text):
    """Go through items, with a bar that says what is being done where it takes a while.

    The environment variable TQDM_DISABLE=1 keeps bars away, as from stored outputs.
    """
    return tqdm(items, text, leave=False, delay=MOMENT_S, disable=_no_bars())


def _no_bars():
    """Whether bars are unwanted; tqdm itself does not ask in notebooks."""
    return bool(os.environ.get("TQDM_DISABLE"))


@contextlib.contextmanager
def stages(text, number):
    """Give a function to call with the name of each of so many stages, shown beside a bar."""
    options = {"leave": False, "delay": MOMENT_S, "disable": _no_bars()}
    with tqdm(desc=text, total=number, **options) as bar:

        def begin(stage):
            bar.set_postfix_str(stage, refresh=False)
            bar.update()

        yield begin


def safe_name(text):
    """Turn what somebody calls a thing into the name of a file: letters, digits, _, - and dots."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "mine"


def save_arrays(path, arrays):
    """Write arrays by name as ``.npz``."""
    with written(path) as beside:
        np.savez(beside, **arrays)


def save_weights(path, model):
    """Write the weights of a keras model; the path ends in ``.weights.h5``."""
    with written(path) as beside:
        model.save_weights(beside)


def cell_of(east_km, north_km, easting, northing):
    """Row and column of places (km) on a grid: 0 at the centre of its first cell, not rounded.

    Easting and northing are the centres of the cells (km), evenly spaced.
    """
    pairs = ((north_km, northing), (east_km, easting))
    return tuple(
        (np.asarray(place, float) - float(axis[0])) / (float(axis[1]) - float(axis[0]))
        for place, axis in pairs
    )


def edges(easting, northing):
    """West, east, south and north edge (km) of a grid whose cells have these centres."""
    half = 0.5 * float(easting[1] - easting[0])
    ends = (float(axis[k]) for axis in (easting, northing) for k in (0, -1))
    return [end + sign * half for end, sign in zip(ends, (-1, 1, -1, 1), strict=True)]


def axial_mean(strike_deg, weight):
    """Mean of strikes (0 to 180 degrees) and their agreement (0: none, 1: all the same).

    A strike of 0 degrees is one of 180: the angles are doubled, averaged as vectors and halved.
    """
    double = np.exp(2j * np.radians(np.asarray(strike_deg)))
    mean = np.sum(np.asarray(weight) * double) / np.sum(weight)
    return float(np.degrees(np.angle(mean)) / 2 % 180), float(abs(mean))


def axial_difference(one_deg, other_deg):
    """Angle between strikes (degrees, 0 to 90)."""
    return np.abs((np.asarray(one_deg) - np.asarray(other_deg) + 90) % 180 - 90)


def as_dataset(layers, northing, easting, **attrs):
    """Make a dataset on cells (km) of layers by name: values, units and what they are, in words.

    Floats are kept as float32, all else as bytes.
    """
    variables = {}
    for name, (values, units, text) in layers.items():
        values = values.astype("float32" if values.dtype.kind == "f" else "uint8")
        variables[name] = (("northing", "easting"), values, {"units": units, "long_name": text})
    axes = {"northing": northing, "easting": easting}
    coords = {name: (name, at, {"units": "km", "long_name": name}) for name, at in axes.items()}
    return xr.Dataset(variables, coords, attrs)


def mean_of_known(values):
    """Mean of the values that are known, NaN where none is."""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


def within(cells, distance):
    """Cells that lie so near to marked ones, in cells; none where none is marked."""
    if not cells.any():
        return np.zeros(cells.shape, bool)
    if distance > FEW_CELLS:
        return ndimage.distance_transform_edt(~cells) <= distance
    reach = np.arange(-int(distance), int(distance) + 1)
    return ndimage.binary_dilation(cells, reach[:, None] ** 2 + reach**2 <= distance**2)


def agreement(field, truth):
    """Correlation of a field with the truth over the cells where both are known (not NaN)."""
    field, truth = np.asarray(field, float), np.asarray(truth, float)
    known = np.isfinite(field) & np.isfinite(truth)
    return float(np.corrcoef(field[known], truth[known])[0, 1])


def fill_values(values):
    """Find the numbers that stand for "no value" among values: extremes far from all others.

    Those are nines, eights and the like that lie apart, and whatever is repeated very far away.
    """
    found = []
    for _ in range(4):
        if values.size < 2:
            break
        ends = {float(values.min()), float(values.max())}
        marks = [end for end in ends if _like_fill(end)]
        others = values[~np.isin(values, marks)]
        now = [end for end in marks if others.size and _isolated(end, values, others)]
        now = now or [end for end in ends if _plateau(end, values)]
        found += now
        values = values[~np.isin(values, now)]
        if not now:
            break
    return found


def _like_fill(value):
    """Whether a value is written as fills are: 999, -9999, 999.9, 8888, -3276.8."""
    return FILL_DIGITS.fullmatch(f"{abs(value):.7g}".replace(".", "").lstrip("0")) is not None


def _isolated(value, values, others):
    """Whether a value that looks like a fill lies apart: further if it stands only once."""
    low, high = float(others.min()), float(others.max())
    gap = max(low - value, value - high)
    often = np.count_nonzero(values == value) >= 3
    return gap > (0.25 if often else 2) * (high - low)


def _plateau(value, values):
    """Whether an extreme without such digits is repeated so often, so far away, that it is none."""
    others = values[values != value]
    if others.size < 10 or values.size - others.size < 10 or len(np.unique(others[:1000])) < 10:
        return False
    low, high = float(others.min()), float(others.max())
    return max(low - value, value - high) > 2 * (high - low)
