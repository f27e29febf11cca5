"""Maps of one's own to label, compare and learn from: menus and buttons in place of code.

`make map` puts maps into a folder; the desk lists them, opens one in the labeller under the name
of whoever draws, measures how far two people agree, and fine-tunes the shipped network.
"""

import contextlib
import glob
import re
import unicodedata
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

import ipywidgets
import numpy as np
import xarray as xr

from .. import _shared, data, explore, lines, maps, network, scores
from . import _labeller, _layer, _learn

NETWORK = "the network"
AROUND_KM = 10.0  # what lies so near to the box around the lines counts as looked at
EPOCHS, SEED = 20, 5
FEW = 10  # lines
FEW_LINES = f" Fewer than {FEW} lines teach little: the network may forget more than it learns."
SIMPLER_KM = 1.0  # lines of the network keep the points that they need for this precision
NO_MAP = (
    "No map in {folder} yet. In a terminal, in the folder of the workbook, write<br>"
    "<code>make map TRACKS=my_cruises/</code> (your files or folder), then press <em>Look "
    "again</em>."
)
BETWEEN = "@"  # map and person in the name of a file; never in what `_escaped` gives
OLDER = (
    "; {old} has a name as they were given before and may hold lines of yours: rename it to {new} "
    "to go on with them"
)
BUTTONS = {
    "again": ("Look again", "Look for maps made since"),
    "start": ("Add the network's lines", "All lines that the network found; Undo takes them back"),
    "picks": (
        "Add published picks",
        "Picks of the GSFML joined along chrons; Undo takes them back",
    ),
    "compare": ("Compare", "Score your lines against those of the person chosen"),
    "tune": ("Fine-tune on my lines", "Train the shipped network further; takes a minute or two"),
}


class Desk(explore.Shown):
    """The labeller for maps of one's own, with what comes before and after drawing.

    Parameters
    ----------
    maps : pathlib.Path
        Where `make map` writes.
    labels : pathlib.Path
        Where the layers are kept: ``MAP@PERSON.geojson``.
    who : str
        Name first shown.
    mouse : bool
        As for `_labeller.Labeller`.

    Attributes
    ----------
    said : str
        What the last action did, as shown under the map.
    passed_over : dict of str to str
        Files among the maps that cannot be opened, and why.
    """

    def __init__(self, maps, labels, who="me", mouse=True):
        self.maps, self.labels, self.mouse = Path(maps), Path(labels), mouse
        self.opened, self.labeller, self.said = None, None, ""
        self.map = explore.choice("Your map", [])
        self.who = ipywidgets.Text(value=who, description="Your name", continuous_update=False)
        self.other = explore.choice("Compare with", [])
        self.buttons = {}
        for name, (text, tip) in BUTTONS.items():
            made = ipywidgets.Button(description=text, tooltip=tip, layout={"width": "auto"})
            made.on_click(lambda _button, name=name: self._do(name))
            self.buttons[name] = made
        self.status, self.place = ipywidgets.HTML(), ipywidgets.VBox()
        self.left_out, self.passed_over = ipywidgets.HTML(), {}
        self.image = explore.picture("Probability before and after fine-tuning, and the change")
        self.image.layout.display = "none"
        self.box = self._laid_out()
        for control in (self.map, self.who):
            control.observe(self._open, names="value")
        self.look()

    def look(self):
        """List the maps, the newest first, and open the newest; pass over what is no map."""
        found, self.passed_over = [], {}
        for path in _newest_first(self.maps):
            try:
                _layer.open_map(path, load=False)
                found.append(path)
            except ValueError as problem:
                self.passed_over[path.name] = str(problem)
        self._offer(found)

    def compare(self):
        """Score the lines against those of the other person; return the scores."""
        made = self.opened.grid
        theirs = self._lines_of(self.other.value)
        mine, near = list(self.labeller.layer.lines.values()), network.knowable(made)
        if not mine or not theirs:
            raise ValueError("There are no lines to compare: draw some first.")
        got = _learn.agreement(mine, theirs, made, near)
        mirrored = _learn.label_of(mine, made)[:, ::-1].astype(float)
        chance = scores.score_lines(mirrored, _learn.label_of(theirs, made), near)["f1"]
        self.labeller.show_other(theirs)
        self._say(
            f"{len(mine)} lines of yours against {len(theirs)} of {self.other.label} (dashed): "
            f"{got['precision']:.0%} of yours lie on theirs, {got['recall']:.0%} of theirs "
            f"on yours; F1 {got['f1']:.2f}, by chance {chance:.2f} (your lines mirrored)."
        )
        return got | {"chance": chance}

    def tune(self, epochs=EPOCHS):
        """Fine-tune the shipped network on the lines; show and write what it then finds."""
        made, region = self.opened.grid, self.opened.region
        drawn = list(self.labeller.layer.lines.values())
        self._say("training: a minute or two ...")
        target = _learn.truth_of(drawn, made, around(drawn))
        tuned, history = _learn.fine_tune(lines.SINGLE, made, target, epochs, seed=SEED)
        near, shipped = network.knowable(made), network.load(lines.SINGLE)
        found = {"shipped": shipped, "fine-tuned": tuned}
        found = {k: network.predict(m, made, near)["probability"] for k, m in found.items()}
        self._show(found, target, made)
        kept = xr.Dataset({"probability": found["fine-tuned"].where(near)})
        traced = lines.trace(kept.assign_attrs(crs=region.crs), shipped.record["threshold"])
        change = float(abs(found["fine-tuned"] - found["shipped"]).where(near).mean())
        self._say(
            f"{len(drawn)} lines, {len(history['loss'])} epochs: the probability changed by "
            f"{change:.3f} on average. {self._keep(traced)}{FEW_LINES * (len(drawn) < FEW)}"
        )
        return traced

    # --- parts

    def _do(self, name):
        """Do what a button says; an error becomes a message."""
        does = {"again": self.look, "start": self._add_network, "picks": self._add_picks}
        try:
            (does | {"compare": self.compare, "tune": self.tune})[name]()
        except (ValueError, OSError) as problem:
            self._say(str(problem))

    def _offer(self, paths):
        """Offer these maps and open the first."""
        self.map.unobserve(self._open, names="value")
        self.map.options = [(path.stem, path) for path in paths]
        self.map.value = paths[0] if paths else None
        self.map.observe(self._open, names="value")
        listed = "; ".join(f"{name} {reason}" for name, reason in self.passed_over.items())
        self.left_out.value = f"<small>Passed over: {escape(listed)}</small>" if listed else ""
        self._open()

    def _open(self, _change=None):
        """Open the map chosen under the name given."""
        self.image.layout.display = "none"
        path, who = self.map.value, self.who.value.strip()
        self._close(path is not None and who)
        if path is None or not who:
            text = NO_MAP.format(folder=escape(str(self.maps))) if path is None else "Your name?"
            self._say(text, plain=False)
            return
        try:
            self.opened = _layer.open_map(path)
        except ValueError as problem:  # what stands behind the head of the file is damaged
            self.passed_over[path.name] = str(problem)
            self._offer([other for _, other in self.map.options if other != path])
            return
        try:
            self._start_on(path, who)
        except (ValueError, OSError) as problem:  # as a damaged layer, or too long a name
            self._close(False)
            self._say(str(problem))

    def _close(self, ready):
        """Take the labeller away, and let only those buttons be pressed that can do something."""
        self.place.children = ()
        for name, button in self.buttons.items():
            button.disabled = name != "again" and not ready

    def _start_on(self, path, who):
        """Show a map with the layer of a person."""
        kept, older = self._path(path, who)
        layer = _layer.Layer(kept, self.opened.region, who, self.opened.about)
        self.labeller = _labeller.Labeller(layer, self.opened.fields, mouse=self.mouse)
        self.place.children = (self.labeller.box,)
        self._list_others()
        self._say(
            f"{len(layer.lines)} lines of {who}, kept in {layer.path}{older}{_elsewhere(layer)}"
        )

    def _list_others(self):
        """List whose lines of this map there are."""
        stem, start = self.map.value.stem, self.map.value.with_suffix(".geojson")
        names = []
        for path in sorted(self.labels.glob(f"{_escaped(stem)}{BETWEEN}*.geojson")):
            who = path.stem.partition(BETWEEN)[2]
            if BETWEEN not in who:  # else what a tuned network found
                names.append((unquote(who), path))
        for path in sorted(self.labels.glob(f"{glob.escape(stem)}_*.geojson")):
            if BETWEEN not in path.stem.removeprefix(stem):  # of before, or of a GIS
                names.append((path.stem, path))
        names = [(name, path) for name, path in names if path != self.labeller.layer.path]
        names += [(NETWORK, start)] if start.exists() else []
        self.other.options, self.other.value = names, names[0][1] if names else None
        self.buttons["compare"].disabled = not self.other.options
        self.buttons["start"].disabled = not start.exists()

    def _path(self, path, who):
        """File of somebody's lines on a map, and a note if an older one may be meant.

        Files were called MAP_PERSON before, a name that two pairs may share: one whose lines are
        all of this person is gone on with.
        """
        new = self.labels / f"{_layer_name(path.stem, who)}.geojson"
        old = self.labels / f"{path.stem}_{_shared.safe_name(who)}.geojson"
        if new.exists() or not old.exists():
            return new, ""
        with contextlib.suppress(ValueError):
            if {line.who for line in _layer.read(old, self.opened.region)} == {who}:
                return old, ""
        return new, OLDER.format(old=old.name, new=new.name)

    def _lines_of(self, path):
        if path is None:
            raise ValueError("There is nobody to compare with; draw under a second name first.")
        return _layer.read(path, self.opened.region)

    def _add_network(self):
        """Add the lines that the network found, as one stroke."""
        found = self._lines_of(self.map.value.with_suffix(".geojson"))
        simple = [_layer.simpler(line.points, SIMPLER_KM) for line in found]
        self.labeller.add([(points, "network") for points in simple])
        self._say(f"{len(found)} lines added (green): move, delete or leave them")

    def _add_picks(self):
        """Add the picks of the GSFML, joined along chrons, as one stroke."""
        region = self.opened.region
        table = data.region_picks(region)
        found = [] if table is None else _layer.pick_lines(table, region)
        if not found:
            self._say("no published picks here, or the registry of data cannot be reached")
            return
        self.labeller.add(found)
        self._say(f"{len(found)} lines from picks: borders of blocks, to be moved to the crests")

    def _keep(self, traced):
        """Write the lines of the tuned network; say where."""
        layer = _layer_name(self.map.value.stem, self.labeller.layer.who)
        path = self.labels / f"{layer}{BETWEEN}found.geojson"
        path.unlink(missing_ok=True)
        if not len(traced):
            return "The network now finds no line."
        lines.write(traced, path)
        return f"The network now finds {len(traced)} lines: {path}."

    def _show(self, found, target, made):
        """Show the probability before and after, and the change with the lines drawn."""
        spacing = float(made["easting"][1] - made["easting"][0])
        change = {"change, your lines": found["fine-tuned"] - found["shipped"]}
        figure = maps.draw_probabilities(
            found | change, target[..., 0], spacing, source=made.attrs["data"]
        )
        self.image.value = explore.png(figure)
        self.image.layout.display = ""

    def _laid_out(self):
        first = ipywidgets.HBox([self.map, self.who, self.buttons["again"]])
        start = ipywidgets.HBox([self.buttons["start"], self.buttons["picks"]])
        after = ipywidgets.HBox([self.other, self.buttons["compare"], self.buttons["tune"]])
        shown = [self.place, after, self.status, self.image]
        return ipywidgets.VBox([first, self.left_out, start, *shown])

    def _say(self, text, plain=True):
        self.said = text
        self.status.value = f"<span role='status'>{escape(text) if plain else text}</span>"

    def __repr__(self):
        """Text that does not change from run to run."""
        return f"Desk({self.maps.name})"


def _newest_first(folder):
    """List the maps of a folder; those that vanish meanwhile are left out."""
    times = {}
    for path in folder.glob("*.nc"):
        with contextlib.suppress(OSError):
            times[path] = path.stat().st_mtime
    return sorted(times, key=lambda path: -times[path])


def _layer_name(stem, who):
    """Name of the file of somebody's lines on a map, which no other pair of names has."""
    return f"{_escaped(stem)}{BETWEEN}{_escaped(who)}"


def _escaped(text):
    """Write a name as part of a file's: what is no letter, digit, _, - or dot as in addresses."""
    return re.sub(
        r"[^\w.-]", lambda found: quote(found[0], safe=""), unicodedata.normalize("NFC", text)
    )


def around(drawn):
    """Box around lines (west, east, south, north; km), a little larger: what was looked at."""
    if not drawn:
        raise ValueError("There is no line to learn from: draw some first.")
    places = np.vstack([line.points for line in drawn])
    (west, south), (east, north) = places.min(axis=0) - AROUND_KM, places.max(axis=0) + AROUND_KM
    return west, east, south, north


def _elsewhere(layer):
    """Warn of lines that lie outside the map, drawn on another one of the same name."""
    if not layer.lines:
        return ""
    places = np.vstack([line.points for line in layer.lines.values()])
    if layer.region.contains(*layer.region.unproject(*places.T)).any():
        return ""
    return (
        "; all of them lie outside this map. Was its name used for another? Make it with NAME=..."
    )
