"""Maps in a region's own projection, with coastline, tracks, lines and scale bar."""

from dataclasses import dataclass

import cartopy.crs as ccrs
import cartopy.feature as cfeature
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from .. import _shared, data

STYLES = {  # kind: (colour map, lowest, highest); None: from the data, symmetric for anomalies
    "anomaly": ("RdBu_r", None, None),
    "probability": ("magma", 0.0, 1.0),
    "uncertainty": ("viridis", 0.0, None),
    "distance": ("cividis", 0.0, None),
    "strike": ("twilight", 0.0, 180.0),
    "coherence": ("viridis", 0.0, 1.0),
    "age": ("viridis", None, None),
    "relief": ("cividis", None, None),
    "label": ("Greys", 0.0, 1.0),
}
SIMULATED = "simulated anomaly and tracks over the real age and relief (Seton et al. 2020, ETOPO1)"


@dataclass
class Panel:
    """One map of a figure: a grid, how to draw it, and what to draw on top."""

    grid: object  # DataArray on (northing, easting) in km of the region's projection, or None
    title: str
    kind: str = "anomaly"  # one of `STYLES`
    limit: float | None = None  # highest value (for anomalies: highest absolute value)
    lines: object = None  # GeoDataFrame in the same projection, drawn on top
    table: object = None  # track table whose readings are drawn as points
    region: object = None  # where the map lies, if not in the region of the figure
    overlays: tuple = ()  # pairs of lines and options of `draw_lines`, drawn over the grid


class RegionProjection(ccrs.Projection):
    """A region's own projection for cartopy, in km."""

    def __init__(self, region):
        super().__init__(region.crs)
        east, north = region.outline()
        margin = 0.1 * max(np.ptp(east), np.ptp(north))
        west, south = east.min() - margin, north.min() - margin
        self.bounds = (west, east.max() + margin, south, north.max() + margin)
        self.threshold = 5.0


def draw_maps(region, panels, columns=2, source=SIMULATED, size=4.6):
    """Draw maps side by side, of one region or of several.

    Parameters
    ----------
    region : helpers.data.Region
        Gives projection and frame.
    panels : list of Panel
        The maps.
    columns : int
        Maps in a row.
    source : str
        Where the data come from; written under the maps.
    size : float
        Width of a map in inches.
    """
    data.use_offline_coastlines()
    west, east, south, north = _frame(region, panels)
    rows = -(-len(panels) // columns)
    width = min(0.8 * size, size - 0.92)  # the rest holds labels and colour bar
    height = width * (north - south) / (east - west) + 0.55
    figure = plt.figure(figsize=(size * columns, height * rows + 0.25), layout="constrained")
    for number, panel in enumerate(panels, start=1):
        here = panel.region or region
        axis = figure.add_subplot(rows, columns, number, projection=RegionProjection(here))
        frame = _frame(here, [panel]) if panel.region else (west, east, south, north)
        _draw_panel(figure, axis, here, panel, frame)
    add_source(figure, source)
    return figure


def add_source(figure, text):
    """Say under a figure where its data come from, in small grey letters."""
    figure.supxlabel(text, fontsize=8, color="0.35")


def robust_limit(grid):
    """Choose the highest absolute value of a colour scale: the 97th percentile of what is drawn.

    Examples
    --------
    >>> robust_limit([-97.0, *range(100), np.nan])
    97.0
    """
    return float(np.nanpercentile(np.abs(np.asarray(grid)), 97))


def _frame(region, panels):
    """Extent of the map in km: that of the grids where there are any, else of the region."""
    for panel in panels:
        if panel.grid is not None:
            x, y = panel.grid.easting.to_numpy(), panel.grid.northing.to_numpy()
            return float(x[0]), float(x[-1]), float(y[0]), float(y[-1])
    east, north = region.outline()
    return east.min(), east.max(), north.min(), north.max()


def _draw_panel(figure, axis, region, panel, frame):
    """Draw one map: grid, coast, tracks, lines, scale bar and colour bar."""
    axis.set(xlim=frame[:2], ylim=frame[2:])
    axis.add_feature(cfeature.NaturalEarthFeature("physical", "land", "50m"), fc="0.8", zorder=2)
    axis.add_feature(
        cfeature.NaturalEarthFeature("physical", "coastline", "50m"), fc="none", ec="0.3", lw=0.5,
        zorder=3,
    )  # fmt: skip
    if panel.grid is not None:
        _draw_grid(figure, axis, panel)
    if panel.table is not None:
        east, north = region.project(panel.table["longitude"], panel.table["latitude"])
        axis.scatter(east, north, s=0.3, color="k", lw=0, zorder=4, rasterized=True)
    for lines, options in panel.overlays:
        if len(lines):
            draw_lines(axis, lines, **{"zorder": 4, "lw": 0.6} | options)
    if panel.lines is not None and len(panel.lines):
        colour = "k" if panel.kind == "anomaly" else "w"
        draw_lines(axis, panel.lines, color=colour, lw=0.7, zorder=5)
    grid = axis.gridlines(draw_labels=True, lw=0.3, color="0.5", x_inline=False, y_inline=False)
    grid.top_labels = grid.right_labels = False
    grid.xlocator, grid.ylocator = MaxNLocator(5), MaxNLocator(6)
    grid.xlabel_style = grid.ylabel_style = {"size": 7}
    axis.set_title(panel.title, fontsize=10)
    _scale_bar(axis, frame)


def draw_lines(axis, lines, **style):
    """Draw lines (km) on a map; geopandas' own `plot` draws the whole figure at each call."""
    parts = lines.geometry.explode()
    axis.add_collection(LineCollection([np.asarray(line.coords) for line in parts], **style))


def _draw_grid(figure, axis, panel):
    """Draw the grid of a panel and its colour bar."""
    name, low, high = STYLES[panel.kind]
    values = panel.grid.to_numpy().astype(float)
    if panel.kind == "anomaly":
        high = panel.limit or robust_limit(values)
        low = -high
    high = panel.limit or high
    extent = _shared.edges(panel.grid.easting, panel.grid.northing)
    shown = axis.imshow(
        values, origin="lower", extent=extent, cmap=name, vmin=low, vmax=high,
        transform=axis.projection, interpolation="nearest", zorder=1,
    )  # fmt: skip
    units = panel.grid.attrs.get("units", "1")
    text = panel.kind if units in ("1", "") else f"{panel.kind} ({units})"
    figure.colorbar(shown, ax=axis, shrink=0.75, aspect=25, pad=0.02, label=text)


def _scale_bar(axis, frame):
    """Draw a bar of a round length in the lower left corner."""
    west, east, south, north = frame
    wanted = (east - west) / 5
    length = max(step for step in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if step <= max(wanted, 2))
    x, y = west + 0.04 * (east - west), south + 0.05 * (north - south)
    axis.plot([x, x + length], [y, y], color="k", lw=3, zorder=6, transform=axis.projection)
    axis.plot([x, x + length], [y, y], color="w", lw=1, zorder=7, transform=axis.projection)
    axis.text(
        x + length / 2, y + 0.02 * (north - south), f"{length} km", ha="center", fontsize=7,
        zorder=7, transform=axis.projection, bbox={"fc": "w", "alpha": 0.7, "lw": 0, "pad": 0.8},
    )  # fmt: skip
