"""The Explorer: every control moves the picture, and errors are seen."""

import asyncio
import functools
import importlib
import inspect
import re
from io import BytesIO
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from helpers import explore


def draw_wave(wavelength_km, shift, colour):
    """Draw a sine of the given wavelength."""
    if wavelength_km == 13:
        raise ValueError("<13> km is an unlucky wavelength")
    figure, axes = plt.subplots(figsize=(3, 2))
    x = np.linspace(0, 100, 400)
    axes.plot(x, np.sin(2 * np.pi * (x / wavelength_km + shift)), color=colour)
    return figure


def make(draw=draw_wave, wavelength_km=20, **options):
    controls = {
        "wavelength_km": explore.slider("Wavelength", wavelength_km, 10, 40, 1, "km"),
        "shift": explore.slider("Shift", 0.0, 0.0, 0.5, 0.1),
        "colour": explore.choice("Colour", ["black", "red", "blue"]),
    }
    return explore.Explorer(draw, controls, **{"alt": "A sine wave"} | options)


def settings_of(control):
    """Return every value that a control can take."""
    if hasattr(control, "options"):
        return list(control.options)
    return np.arange(control.min, control.max + control.step / 2, control.step).tolist()


@pytest.mark.parametrize("name", ["wavelength_km", "shift", "colour"])
def test_every_setting_of_every_control_changes_the_picture(name):
    explorer = make()
    control = explorer.controls[name]
    settings = [value for value in settings_of(control) if value not in (13, control.value)]
    assert len(settings) >= 2
    for value in settings:
        before = explorer.image.value
        control.value = int(value) if name == "wavelength_km" else value
        assert not explorer.error
        assert explorer.image.value != before


def test_the_picture_is_a_png_and_has_a_text():
    explorer = make()
    assert matplotlib.image.imread(BytesIO(explorer.image.value)).shape == (200, 300, 4)
    assert explorer.image.tooltip == "A sine wave. Wavelength 20 km, Shift 0, Colour black"
    explorer.controls["shift"].value = 0.3
    assert explorer.image.tooltip == "A sine wave. Wavelength 20 km, Shift 0.3, Colour black"


def test_reset_draws_the_first_picture_once():
    calls = []

    def draw(**values):
        calls.append(values)
        return draw_wave(**values)

    explorer = make(draw)
    first = explorer.image.value
    explorer.controls["wavelength_km"].value = 30
    explorer.controls["colour"].value = "red"
    assert explorer.image.value != first
    del calls[:]
    explorer.reset_button.click()
    assert calls == [{"wavelength_km": 20, "shift": 0.0, "colour": "black"}]
    assert explorer.image.value == first


def test_an_error_is_shown_in_place_of_the_picture_and_goes_away():
    explorer = make()
    explorer.controls["wavelength_km"].value = 13
    assert "unlucky wavelength" in explorer.error
    assert "&lt;13&gt; km is an unlucky wavelength" in explorer.message.value  # escaped
    assert "draw_wave" in explorer.message.value
    assert explorer.image.layout.display == "none"
    assert explorer.busy.value == ""
    explorer.controls["wavelength_km"].value = 14
    assert not explorer.error and not explorer.message.value
    assert explorer.image.layout.display == ""


def test_an_error_in_the_first_picture_stops_the_cell():
    with pytest.raises(ValueError, match="unlucky"):
        make(wavelength_km=13)


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="control.*alt"):
        explore.Explorer(draw_wave, {}, alt="A sine wave")
    with pytest.raises(ValueError, match="control.*alt"):
        make(alt="")


def test_the_mark_is_up_while_drawing():
    seen = []

    def draw(**values):
        if seen:
            seen.append(explorer.busy.value)
        return draw_wave(**values)

    explorer = make(draw)
    seen.append("ready")
    explorer.controls["shift"].value = 0.2
    assert seen[0] == "ready" and "drawing …" in seen[1] and len(seen) == 2
    assert explorer.busy.value == ""


def test_coarse_while_the_slider_moves_and_fine_when_it_rests(monkeypatch):
    monkeypatch.setattr("helpers.explore.REST_S", 0.2)
    calls = []

    def draw(shift, coarse=False):
        calls.append((shift, coarse))
        return draw_wave(20, shift, "red" if coarse else "black")

    async def drag():
        control = explorer.controls["shift"]
        for value in (0.1, 0.2, 0.3):
            control.value = value
            assert "drawing …" in explorer.busy.value
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.6)

    explorer = explore.Explorer(
        draw, {"shift": explore.slider("Shift", 0.0, 0.0, 0.5, 0.1)}, alt="A wave"
    )
    assert explorer.controls["shift"].continuous_update
    fine = matplotlib.image.imread(BytesIO(explorer.image.value)).shape
    asyncio.run(drag())
    assert calls == [(0.0, False), (0.1, True), (0.2, True), (0.3, True), (0.3, False)]
    assert explorer.busy.value == ""
    assert matplotlib.image.imread(BytesIO(explorer.image.value)).shape == fine
    assert explorer.image.layout.width == "300px"  # the coarse picture is shown at the same size


def test_without_a_coarse_picture_a_slider_reports_when_it_is_let_go():
    assert not make().controls["shift"].continuous_update
    live = make(live=True)
    assert live.controls["shift"].continuous_update and not live.has_coarse


def test_the_code_draws_the_picture_that_is_shown():
    explorer = make()
    assert explorer.code == "_ = draw_wave(wavelength_km=20, shift=0.0, colour='black')"
    explorer.controls["shift"].value = 0.1 + 0.2  # 0.30000000000000004
    explorer.controls["colour"].value = "red"
    explorer.code_button.click()
    assert "shift=0.3," in explorer.code_area.value
    assert explorer.code_area.layout.display == ""
    names = {"draw_wave": draw_wave}
    exec(explorer.code_area.value, names)
    buffer = BytesIO()
    names["_"].savefig(buffer, format="png", dpi=explore.DPI)
    assert buffer.getvalue() == explorer.image.value


def test_the_code_names_the_data_and_breaks_long_lines():
    def draw(table, **values):
        return draw_wave(**values)

    bound = functools.partial(draw, [1, 2])
    with pytest.raises(ValueError, match="`call`"):
        make(bound)
    call = "maps.draw_a_wave_with_a_long_name(table_of_cruises, ...)"
    explorer = make(bound, call=call)
    lines = explorer.code.splitlines()
    assert lines[0] == "_ = maps.draw_a_wave_with_a_long_name(" and lines[-1] == ")"
    assert lines[1:3] == ["    table_of_cruises,", "    wavelength_km=20,"]
    compile(explorer.code, "code", "exec")


def test_repr_is_stable_text_and_the_view_is_a_widget():
    explorer = make()
    bundle = explorer._repr_mimebundle_()
    expected = "Explorer(draw_wave: wavelength_km=20, shift=0.0, colour='black')"
    assert bundle["text/plain"] == repr(explorer) == repr(make()) == expected
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_labels_carry_units_and_kinds_follow_the_numbers():
    assert explore.slider("Width", 20, 2, 60, 2, "km").description == "Width (km)"
    assert explore.slider("Rounds", 3, 1, 6, 1).description == "Rounds"
    assert type(explore.slider("Rounds", 3, 1, 6, 1)).__name__ == "IntSlider"
    assert type(explore.slider("Width", 20, 2, 60, 0.5, "km")).__name__ == "FloatSlider"
    assert explore.choice("Map", ["raw", "guided"], "guided").value == "guided"


def test_no_figure_is_left_open():
    plt.close("all")
    explorer = make()
    explorer.controls["shift"].value = 0.3
    assert plt.get_fignums() == []


NOTEBOOKS = sorted(Path(__file__).resolve().parents[1].glob("notebooks/*.ipynb"))


def explorers_of(path):
    """Return the cells of a notebook that hold an explorer or its controls."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    marks = ("explore.slider(", "explore.Explorer(")
    return "\n".join(text for text in cells if any(mark in text for mark in marks))


EXPLORED = {path.stem: text for path in NOTEBOOKS if (text := explorers_of(path))}


def test_every_notebook_of_the_way_has_an_explorer():
    assert {name[:2] for name in EXPLORED} >= {"00", "01", "02", "03", "04", "05", "A1"}


@pytest.mark.parametrize("name", EXPLORED)
def test_the_code_that_an_explorer_of_a_notebook_writes_fits_its_function(name):
    text = EXPLORED[name]
    (call,) = set(re.findall(r"\b((?:maps|figures\.explorers)\.draw_\w+)\(", text))
    module, _, name = call.rpartition(".")
    package = "helpers" if module == "maps" else "studies"
    arguments = inspect.signature(getattr(importlib.import_module(f"{package}.{module}"), name))
    controls = re.findall(r'"(\w+)": explore\.', text)
    given = re.search(rf"{re.escape(call)}\((.*?)\.\.\.\)", text)[1]
    bound = len([part for part in re.split(r", *", given) if part])
    names = [key for key in arguments.parameters if key != "coarse"]
    assert names[bound : bound + len(controls)] == controls
