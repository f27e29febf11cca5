"""The widget that draws labels on a map: with the mouse, or with the keyboard alone.

The map is a canvas of ipympl, matplotlib's own and maintained front end for notebooks: it hands
mouse and keys to Python in JupyterLab, Jupyter Notebook 7 and VS Code alike, and needs no code
of ours in the browser.  All that the mouse does can also be done with a cross that sliders and
buttons move, so the keyboard is enough, and without ipympl the same controls stand over a plain
picture.
"""

import io
from functools import partial
from html import escape

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from shapely.geometry import LineString, Point

from .. import _shared, explore, maps

MODES = {
    "draw": "Draw: each click adds a point; Finish line ends the line.",
    "move": "Move: drag a point; or act on it, move the cross, and act again.",
    "delete": "Delete: click a line to take it out; Undo brings it back.",
}
REACH = 0.02  # share of the map's width within which a click means a line
COLOURS = {"own": "k", "start": "#009E73", "current": "#D55E00", "other": "#CC79A7"}
WIDE, HIGH = 7.4, (3.0, 8.0)  # inches; the height follows the map, within these
NO_CANVAS = (
    "No map above, or it does not answer to the mouse? This front end lacks ipympl. Write "
    "<code>Labeller(..., mouse=False)</code> and use the sliders and buttons, or install ipympl "
    "beside JupyterLab and load the page again."
)


class Labeller(explore.Shown):
    """A map with a layer of lines on it, to draw, move and delete; every stroke goes to disk.

    Parameters
    ----------
    layer : helpers.labelling.Layer
        The lines, changed in place.
    fields : dict of str to xarray.DataArray
        Maps of one window by name, on (northing, easting) in km of the layer's region; the menu
        *Map* chooses among them.
    mouse : bool
        Use ipympl. Without it the map is a picture, and sliders and buttons do all.

    Attributes
    ----------
    said : str
        What the last action did, as shown beside the buttons.
    """

    def __init__(self, layer, fields, mouse=True):
        if not fields:
            raise ValueError("Labeller needs at least one map; give fields={'name': map}.")
        self.layer, self.fields = layer, dict(fields)
        self.other = []  # lines of somebody else, shown and not changed
        self.current, self.held, self.said = None, None, ""  # line drawn, point held
        self.bar = None  # the scale of colours
        self._start = None  # the first point of a line, which is no line yet
        self.figure = Figure(figsize=_size(self.fields), layout="constrained")
        self.axis = self.figure.add_subplot()
        self.axis.format_coord = partial(in_degrees, layer.region)  # under the mouse
        self.canvas = live(self.figure) if mouse else None
        self._make_controls()
        self._draw_map()
        self._say(f"{len(layer.lines)} lines in {layer.path.name}")
        self.box = self._laid_out()
        if self.canvas is not None:
            self.canvas.mpl_connect("button_press_event", self._pressed)
            self.canvas.mpl_connect("button_release_event", self._released)
            self.canvas.mpl_connect("key_press_event", self._left)

    # --- what the user does

    def act(self, east_km, north_km):
        """Do at a place what the mode says, as a click there or the button *Act* does."""
        mode = self.controls["mode"].value
        does = {"draw": self._add_point, "move": self._move, "delete": self._delete}[mode]
        try:
            does(np.array([east_km, north_km]))
        except (ValueError, OSError) as problem:  # of the file or its disk
            self._say(f"not saved: {problem}")
        self._draw_lines()

    def finish(self):
        """End the line that is being drawn."""
        self.current = self.held = self._start = None
        self._say("line finished" if self.layer.lines else "no line yet")
        self._draw_lines()

    def undo(self):
        """Take the last stroke back."""
        self.current = self.held = self._start = None
        try:
            self._say("undone" if self.layer.undo() else "nothing to undo")
        except (ValueError, OSError) as problem:
            self._say(f"not saved: {problem}")
        self._draw_lines()

    def add(self, pieces):
        """Add many lines, ``(points, source)`` each, as one stroke, and draw them."""
        self.layer.add_all(pieces)
        self.finish()
        self._say(f"{len(pieces)} lines added, saved")

    def show_other(self, lines):
        """Show lines of somebody else, dashed."""
        self.other = list(lines)
        self._draw_lines()

    def _add_point(self, place):
        if self.current in self.layer.lines:
            points = np.vstack([self.layer.lines[self.current].points, place])
            self.layer.change(self.current, points)
            self._say(f"line of {len(points)} points, saved")
        elif self._start is None:
            self._start = place
            self._say("first point; a line needs two")
        else:
            self.current = self.layer.add([self._start, place])
            self._start = None
            self._say("new line, saved")

    def _move(self, place):
        if self.held is None:
            self.held = self._nearest_point(place)
            self._say("no point near here" if self.held is None else "point held; now its place")
            return
        number, which = self.held
        points = self.layer.lines[number].points.copy()
        points[which] = place
        self.held = None
        self.layer.change(number, points)
        self._say("point moved, saved")

    def _delete(self, place):
        near = self._nearest_line(place)
        if near is None:
            self._say("no line near here")
            return
        self.layer.delete(near)
        self._say("line deleted, saved; Undo brings it back")

    def _nearest_point(self, place):
        """Find the nearest point within reach; return its line and position, or None."""
        found = [
            (np.hypot(*(point - place)), number, which)
            for number, line in self.layer.lines.items()
            for which, point in enumerate(line.points)
        ]
        distance, *where = min(found, default=(np.inf, None, None))
        return tuple(where) if distance <= self._reach() else None

    def _nearest_line(self, place):
        """Find the nearest line within reach; return its number, or None."""
        found = [
            (LineString(line.points).distance(Point(place)), number)
            for number, line in self.layer.lines.items()
        ]
        distance, number = min(found, default=(np.inf, None))
        return number if distance <= self._reach() else None

    def _reach(self):
        return REACH * np.ptp(self.axis.get_xlim())

    # --- mouse

    def _pressed(self, event):
        """Draw, delete, or take hold of a point."""
        if event.inaxes is self.axis and event.button == 1 and not self._navigating():
            self.act(event.xdata, event.ydata)

    def _released(self, event):
        """Let go of the point held where the mouse has gone."""
        if self.held is not None and event.inaxes is self.axis and not self._navigating():
            number, which = self.held
            start = self.layer.lines[number].points[which]
            if np.hypot(*(start - [event.xdata, event.ydata])) > 0.5 * self._reach():
                self.act(event.xdata, event.ydata)

    def _left(self, event):
        """Let the keyboard out of the canvas, which keeps all keys to itself, Tab too."""
        goal = {"tab": "up", "shift+tab": "undo", "escape": "undo"}.get(event.key)
        if goal is not None:
            self.buttons[goal].focus()

    def _navigating(self):
        """Whether the toolbar's pan or zoom has the mouse."""
        return bool(self.canvas.toolbar.mode)

    # --- what the user sees

    def _make_controls(self):
        frame = next(iter(self.fields.values()))
        self.controls = {
            "mode": ipywidgets.ToggleButtons(
                options=list(MODES), description="Mode", tooltips=list(MODES.values())
            ),
            "field": explore.choice("Map", list(self.fields)),
        }
        for name, label in (("easting", "Cross, easting"), ("northing", "Cross, northing")):
            place = frame[name].to_numpy()
            step = float(abs(place[1] - place[0]))
            middle = float(place[place.size // 2])
            made = explore.slider(label, middle, float(place.min()), float(place.max()), step, "km")
            made.readout_format = ".0f" if step >= 1 else ".2f"
            made.observe(self._moved_cross, names="value")
            self.controls[name] = made
        self.controls["mode"].observe(self._changed_mode, names="value")
        self.controls["field"].observe(lambda _change: self._draw_map(), names="value")
        self.buttons = {
            name: ipywidgets.Button(description=text, tooltip=tip)
            for name, (text, tip) in {
                "act": ("Act at the cross", "Do at the cross what a click there does"),
                "finish": ("Finish line", "The next point begins another line"),
                "undo": ("Undo", "Take the last stroke back"),
                "up": ("Up to the buttons", "Take the keyboard back to the buttons over the map"),
            }.items()
        }
        self.buttons["act"].on_click(lambda _button: self.act(*self._cross()))
        self.buttons["finish"].on_click(lambda _button: self.finish())
        self.buttons["undo"].on_click(lambda _button: self.undo())
        self.buttons["up"].on_click(lambda _button: self.buttons["act"].focus())
        self.status = ipywidgets.HTML()
        self.image = explore.picture("Map with the lines drawn; the cross is moved by the sliders")

    def _laid_out(self):
        foot = [self.buttons[name] for name in ("act", "finish", "undo")]
        over = [*self.controls.values(), ipywidgets.HBox([*foot, self.status])]
        if self.canvas is None:
            return ipywidgets.VBox([*over, self.image])
        hint = ipywidgets.HTML(f"<small>{NO_CANVAS}</small>")
        return ipywidgets.VBox([*over, self.canvas, self.buttons["up"], hint])

    def _cross(self):
        return self.controls["easting"].value, self.controls["northing"].value

    def _moved_cross(self, _change):
        self.cross.set_data(*([value] for value in self._cross()))
        self._say(f"cross at {in_degrees(self.layer.region, *self._cross())}")
        self._show()

    def _changed_mode(self, _change):
        self.current = self.held = self._start = None
        self._say(MODES[self.controls["mode"].value])
        self._draw_lines()

    def _say(self, text):
        self.said = text
        self.status.value = f"<span role='status'>{escape(text)}</span>"

    def _draw_map(self):
        """Draw the map chosen, then the lines."""
        field = self.fields[self.controls["field"].value]
        sides = _shared.edges(field["easting"].to_numpy(), field["northing"].to_numpy())
        self.axis.clear()
        shown = self.axis.imshow(field, origin="lower", extent=sides, **colours(field))
        self._draw_bar(shown, field)
        self.axis.set(xlabel="easting (km)", ylabel="northing (km)")
        self.marks = []
        (self.cross,) = self.axis.plot(*([value] for value in self._cross()), "+", color="k", ms=16)
        self._draw_lines()

    def _draw_bar(self, shown, field):
        """Say what the colours mean, with the unit."""
        if self.bar is None:
            self.bar = self.figure.colorbar(
                shown, ax=self.axis, shrink=0.6, fraction=0.05, pad=0.02
            )
        else:
            self.bar.update_normal(shown)
        unit = field.attrs.get("units", "")
        name = self.controls["field"].value
        self.bar.set_label(f"{name} ({unit})" if unit not in ("", "1") else name)

    def _draw_lines(self):
        """Draw all lines anew, the one in hand marked."""
        for mark in self.marks:
            mark.remove()
        east, north = self.axis.get_xlim(), self.axis.get_ylim()
        self.marks = [
            self.axis.plot(*line.points.T, color=COLOURS["other"], lw=1.5, ls="--")[0]
            for line in self.other
        ]
        in_hand = {self.current, self.held and self.held[0]}
        for number, line in self.layer.lines.items():
            kind = "own" if line.source == "drawn" else "start"
            colour = COLOURS["current" if number in in_hand else kind]
            self.marks += self.axis.plot(*line.points.T, "o-", color=colour, lw=1.5, ms=3)
        if self._start is not None:
            self.marks += self.axis.plot(*self._start, "o", color=COLOURS["current"], ms=5)
        self.axis.set(xlim=east, ylim=north)
        self._show()

    def _show(self):
        """Bring the figure to the screen."""
        if self.canvas is not None:
            self.canvas.draw_idle()
            return
        buffer = io.BytesIO()
        FigureCanvasAgg(self.figure).print_png(buffer)
        self.image.value = buffer.getvalue()

    def __repr__(self):
        """Text that does not change from run to run."""
        return f"Labeller({self.layer.path.name}, {self.layer.who})"


def _size(fields):
    """Choose width and height of the figure (inches) by the shape of the maps."""
    rows, columns = next(iter(fields.values())).shape
    return WIDE, float(np.clip(0.82 * WIDE * rows / columns + 0.6, *HIGH))


# The canvas: a figure that answers to the mouse in a notebook; its colours and its words.


def live(figure):
    """Put a figure on a canvas of ipympl, a widget; None where ipympl is not installed.

    Where matplotlib is loaded already, ipympl makes itself its backend when it is imported, and
    the other figures of the notebook are then no longer shown; so the one before is put back.
    """
    before = matplotlib.get_backend()
    plt.switch_backend(before)  # loads it: it must have told the notebook of itself by now
    interactive = matplotlib.is_interactive()
    try:
        from ipympl.backend_nbagg import Canvas, FigureManager
    except ImportError:
        return None
    if matplotlib.get_backend() != before:
        plt.switch_backend(before)
        matplotlib.interactive(interactive)
    canvas = Canvas(figure)
    manager = FigureManager(canvas, 0)
    canvas.mpl_disconnect(manager.key_press_handler_id)  # keys are the page's, not matplotlib's
    canvas.header_visible, canvas.toolbar_position = False, "right"
    return canvas


def in_degrees(region, east_km, north_km):
    """Write a place of a map (km) in degrees, as in ``"39.50 N, 31.02 W"``."""
    longitude, latitude = (float(value) for value in region.unproject(east_km, north_km))
    longitude = (longitude + 180) % 360 - 180
    return (
        f"{abs(latitude):.2f} {'N' if latitude >= 0 else 'S'}, "
        f"{abs(longitude):.2f} {'E' if longitude >= 0 else 'W'}"
    )


def colours(field):
    """Colours of a map, for ``imshow``: about zero where it has negative values, else from zero."""
    limit = maps.robust_limit(field)
    signed = float(field.min()) < 0
    return {"cmap": "RdBu_r" if signed else "Greys", "vmin": -limit if signed else 0, "vmax": limit}
