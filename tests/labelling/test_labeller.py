"""The labeller: clicks and buttons become lines on disk, with a canvas and without."""

import types
from functools import partial

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import toys
from helpers import data, labelling
from helpers.labelling import _labeller, _layer

REGION = data.region_from_box(-3, 3, 48, 52, name="box")


@pytest.fixture
def field():
    axis = np.arange(-100, 101, 2.0)
    return toys.grid({"map": np.sin(axis / 10)}, (axis, axis))["map"]


@pytest.fixture
def layer(tmp_path):
    return labelling.Layer(tmp_path / "lines.geojson", REGION, "Ada", "a test grid")


@pytest.fixture(params=[True, False], ids=["canvas", "picture"])
def made(request, layer, field):
    fields = {"map": field, "distance": abs(field)}
    return labelling.Labeller(layer, fields, mouse=request.param)


def stored(made):
    """Return the points of the lines on disk."""
    path = made.layer.path
    return [line.points.round(3).tolist() for line in _layer.read(path, REGION)]


def test_points_become_lines_and_each_is_saved(made):
    made.act(0, 0)
    assert "needs two" in made.said and not made.layer.path.exists()
    made.act(10, 0)
    assert stored(made) == [[[0, 0], [10, 0]]]
    made.act(20, 5)
    assert stored(made) == [[[0, 0], [10, 0], [20, 5]]]
    made.finish()
    made.act(50, 50)
    made.act(60, 60)
    assert [len(points) for points in stored(made)] == [3, 2]
    made.undo()
    assert [len(points) for points in stored(made)] == [3]


def test_a_point_is_moved(made):
    made.layer.add([(0, 0), (10, 0)])
    made.controls["mode"].value = "move"
    made.act(50, 50)
    assert "no point near" in made.said
    made.act(9, 1)
    made.act(30, 40)
    assert stored(made) == [[[0, 0], [30, 40]]] and "saved" in made.said


def test_a_line_is_deleted_and_comes_back(made):
    made.layer.add([(0, 0), (100, 0)])
    made.controls["mode"].value = "delete"
    made.act(50, 30)
    assert "no line near" in made.said and len(stored(made)) == 1
    made.act(50, 2)
    assert stored(made) == []
    made.buttons["undo"].click()
    assert len(stored(made)) == 1


def test_a_stroke_that_cannot_be_saved_is_said_and_not_shown(made):
    made.layer.add([(0, 0), (100, 0)])
    made.layer.path.write_text("damaged meanwhile, <b>by hand</b>")
    made.controls["mode"].value = "delete"
    made.act(50, 2)
    assert made.said.startswith("not saved: ") and "lines.geojson cannot be read" in made.said
    assert len(made.layer.lines) == 1
    made.buttons["undo"].click()
    assert made.said.startswith("not saved: ") and "<b>" not in made.status.value


def test_the_keyboard_is_enough(made):
    for east, north in ((-20, 10), (40, 10)):
        made.controls["easting"].value, made.controls["northing"].value = east, north
        made.buttons["act"].click()
    made.buttons["finish"].click()
    assert stored(made) == [[[-20, 10], [40, 10]]]
    # a label each, by which a screen reader calls them
    assert all(control.description for control in made.controls.values())
    assert all(button.description for button in made.buttons.values())
    assert made.image.tooltip


def test_the_mouse_draws_and_drags(layer, field):
    made = labelling.Labeller(layer, {"map": field})
    made.canvas.draw()  # lays the axes out

    def event(east, north, button=1, inside=True):
        axis = made.axis if inside else None
        return types.SimpleNamespace(xdata=east, ydata=north, button=button, inaxes=axis)

    for place in ((0, 0), (10, 0)):
        made._pressed(event(*place))
        made._released(event(*place))
    made._pressed(event(20, 0, button=3))  # other buttons and places do nothing
    made._pressed(event(20, 0, inside=False))
    assert stored(made) == [[[0, 0], [10, 0]]]
    made.controls["mode"].value = "move"
    made._pressed(event(10, 0))
    made._released(event(30, 20))
    assert stored(made) == [[[0, 0], [30, 20]]]
    gone = []
    for name, button in made.buttons.items():
        button.focus = partial(gone.append, name)
    for key in ("a", "tab", "shift+tab"):
        made._left(types.SimpleNamespace(key=key))
    assert gone == ["up", "undo"]
    made.canvas.toolbar.mode = "zoom rect"  # the mouse is the toolbar's
    made._pressed(event(30, 20))
    assert made.held is None


def test_what_is_drawn_is_seen(layer, field):
    other = [labelling.Line(np.array([[0.0, 0.0], [50.0, 50.0]]), "Ben", "", "")]
    made = labelling.Labeller(layer, {"map": field, "size": abs(field)}, mouse=False)
    made.show_other(other)
    before = made.image.value
    made.act(0, 50)
    made.act(80, -50)
    after = made.image.value
    assert after != before
    made.controls["field"].value = "size"
    assert made.image.value != after and len(made.marks) == 2  # Ben's line and ours
    assert made.axis.images[0].get_cmap().name == "Greys"


def test_without_ipympl_the_picture_serves(layer, field, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ipympl.backend_nbagg", None)
    made = labelling.Labeller(layer, {"map": field})
    assert made.canvas is None and made.image in made.box.children
    made.act(0, 0)
    made.act(10, 10)
    assert len(stored(made)) == 1


def test_the_text_is_stable_and_the_hint_is_there(made):
    assert repr(made) == "Labeller(lines.geojson, Ada)"
    bundle = made._repr_mimebundle_()
    assert bundle["text/plain"] == repr(made)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    hints = [part for part in made.box.children if "mouse=False" in str(getattr(part, "value", ""))]
    assert bool(hints) == (made.canvas is not None)
    with pytest.raises(ValueError, match="at least one map"):
        labelling.Labeller(made.layer, {})


def test_other_figures_of_a_notebook_are_still_shown():
    """Ipympl, imported, would make itself the backend of all figures, and they were not shown."""
    cells = [
        "import matplotlib.pyplot as plt\nfrom matplotlib.figure import Figure\n"
        "from helpers.labelling import _labeller\nassert _labeller.live(Figure()) is not None",
        "_ = plt.subplots()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3").execute()
    assert "image/png" in notebook.cells[1].outputs[0]["data"]


def test_the_colours_have_a_unit_and_the_cross_tells_degrees(layer, field):
    field.attrs["units"] = "nT"
    made = labelling.Labeller(layer, {"map": field, "share": abs(field).assign_attrs(units="1")})
    assert made.bar.ax.get_ylabel() == "map (nT)"
    made.controls["field"].value = "share"
    assert made.bar.ax.get_ylabel() == "share"
    made.controls["northing"].value = 2
    assert made.said == "cross at 50.02 N, 0.00 E"
    assert _labeller.in_degrees(REGION, -71.5, -111.3) == "48.99 N, 0.98 W"
