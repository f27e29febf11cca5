"""Toys: notebooks for the tests of tools and browser, maps and stripes for those of methods."""

import nbformat
import numpy as np
import xarray as xr

from helpers import data, lines

OPENING = """# A toy

In 5 minutes you will do nothing and learn nothing; you need nothing."""

ENDING = "## Check yourself\n\n## On your own\n\n1. Try it.\n2. Why?\n\n## References"

EXPLORER = """
import matplotlib.pyplot as plt
import numpy as np

from helpers.explore import Explorer, slider


def draw_wave(wavelength_km):
    if wavelength_km == 22:
        raise ValueError("22 km is an unlucky wavelength")
    figure, axes = plt.subplots(figsize=(3, 2))
    x = np.linspace(0, 100, 400)
    axes.plot(x, np.sin(2 * np.pi * x / wavelength_km))
    return figure


Explorer(draw_wave, {"wavelength_km": slider("Wavelength", 20, 10, 40, 1, "km")}, alt="A wave")
"""


def code(source, *tags):
    """Return a code cell with tags."""
    return nbformat.v4.new_code_cell(source.strip(), metadata={"tags": list(tags)} if tags else {})


def text(source):
    """Return a markdown cell."""
    return nbformat.v4.new_markdown_cell(source)


def write(path, cells):
    """Write cells as a notebook; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def good_cells():
    """Return the cells of a toy that keeps every rule once it is stored."""
    cells = [text(OPENING), code("import sys")]
    for k in range(9):
        cells += [
            text(f"Step {k}. " + "One more word here. " * 18),
            code(f"value = {k} ** 2\nprint(f'{{value:.1f}} nT')", "nbval-check-output"),
        ]
    cells += [
        text("What a table, a warning and an object leave behind."),
        code("import pandas as pd\n\npd.DataFrame({'age_ma': [1.5, 2.5]})", "nbval-check-output"),
        code("print(1)\nprint('noi' + 'se', file=sys.stderr)\nprint(2)", "nbval-check-output"),
        code("object()", "nbval-check-output"),
        text("An error that is the lesson."),
        code("raise ValueError('expected an age, got a depth')", "raises-exception"),
        code(EXPLORER, "nbval-check-output"),
        text(ENDING),
    ]
    return cells


def grid(layers, axes=None, **attributes):
    """Return fields as a map: rows northing, columns easting (km), cells of 2 km if no axes."""
    layers = {name: np.asarray(part) for name, part in layers.items()}
    if axes is None:
        shape = np.broadcast_shapes(*(part.shape for part in layers.values()))
        axes = [2.0 * np.arange(size) for size in shape]
    shape, dims = [len(axis) for axis in axes], ("northing", "easting")
    made = {name: (dims, np.broadcast_to(part, shape).copy()) for name, part in layers.items()}
    return xr.Dataset(made, dict(zip(dims, axes, strict=True)), attributes)


def rows(*numbers, shape=(60, 80), width=1):
    """Return a map with straight lines across all of it, `width` rows thick around each row."""
    made = np.zeros(shape)
    for row in numbers:
        made[row - width // 2 : row + width // 2 + 1] = 1.0
    return made


def across_strike(shape, strike_deg):
    """Return the distance (cells) across strike, to the right of it, from the middle of a map."""
    row, column = np.indices(shape)
    strike = np.radians(strike_deg)
    east, north = column - shape[1] // 2, row - shape[0] // 2
    return east * np.cos(strike) - north * np.sin(strike)


def stripes(number, seed, size=32):
    """Return patches of stripes, their crests and strikes: what a network should learn at once."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((size, size))
    inputs = np.ones((number, size, size, 2), "float32")
    truth = np.ones((number, size, size, 4), "float32")
    for one in range(number):
        angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        wave = np.cos(0.5 * (row * np.sin(angle) + column * np.cos(angle)) + phase)
        inputs[one, ..., 0] = wave + rng.normal(0, 0.1, wave.shape)
        truth[one, ..., 0] = wave > 0.8
        truth[one, ..., 2:] = np.cos(2 * angle), -np.sin(2 * angle)  # the strike is -angle
    return inputs, truth


def write_map(folder, name, box=(-2.2, 2.2, 48, 51)):
    """Write a map of stripes that run north, as `make map` does, and the lines on their crests."""
    region = data.region_from_box(*box, name=name)
    northing, easting = region.grid_coords(2.0)
    wave = np.cos(2 * np.pi * easting / 40) * np.ones((northing.size, 1))
    layers = dict.fromkeys(("anomaly", "linear", "block"), 200 * wave)
    layers |= {"coherence": 1.0, "weight": 1.0, "strike_deg": 0.0, "distance_km": 0.0}
    layers |= {"probability": np.clip(wave, 0, 1), "uncertainty_nt": 10.0}
    about = {"box": box, "name": name, "data": "test cruises", "crs": region.crs}
    made = grid(layers, (northing, easting), **about).astype("float32")
    made.to_netcdf(folder / f"{name}.nc")
    lines.write(lines.trace(made, 0.8), folder / f"{name}.geojson")


def damaged(whole, number, seed=0):
    """Yield copies of a file that were truncated, overwritten with zeros, or had bits flipped."""
    rng = np.random.default_rng(seed)
    for k in range(number):
        made = bytearray(whole)
        if k % 4 == 0:
            made = made[: rng.integers(len(whole))]
        elif k % 4 == 1:
            first = rng.integers(len(whole))
            made[first : first + 500] = bytes(len(made[first : first + 500]))
        else:  # in the head, where the structure stands, and anywhere
            end = min(2000, len(whole)) if k % 4 == 2 else len(whole)
            for place in rng.integers(0, end, 8):
                made[place] ^= 1 << rng.integers(8)
        yield bytes(made)
