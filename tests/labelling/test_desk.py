"""The desk: maps of one's own are opened, labelled, compared and learned from without code."""

import re

import geopandas
import ipywidgets
import numpy as np
import pytest
import xarray as xr

import toys
from helpers import labelling
from helpers.labelling import _desk, _layer


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Write a map of stripes that run north, with the lines on their crests."""
    folder = tmp_path_factory.mktemp("maps")
    toys.write_map(folder, "stripes")
    return folder


@pytest.fixture
def made(maps, tmp_path):
    return labelling.Desk(maps, tmp_path, who="Ada", mouse=False)


def test_without_a_map_it_says_how_to_make_one(tmp_path):
    empty = labelling.Desk(tmp_path / "none", tmp_path)
    assert "make map TRACKS=" in empty.status.value and empty.labeller is None
    assert all(empty.buttons[name].disabled for name in ("start", "picks", "compare", "tune"))
    assert repr(empty) == "Desk(none)"


def test_a_map_made_since_is_found(maps, tmp_path):
    folder = tmp_path / "maps"
    late = labelling.Desk(folder, tmp_path, mouse=False)
    folder.mkdir()
    (folder / "v1.2.nc").write_bytes((maps / "stripes.nc").read_bytes())
    late.buttons["again"].click()
    assert late.map.label == "v1.2" and late.labeller is not None
    late.labeller.add([(np.array([[0, 0], [10, 10.0]]), "drawn")])
    assert (tmp_path / "v1.2@me.geojson").exists()


def test_what_cannot_be_opened_is_passed_over_with_its_name_and_why(maps, tmp_path):
    whole, folder = (maps / "stripes.nc").read_bytes(), tmp_path / "maps"
    folder.mkdir()
    (folder / "good.nc").write_bytes(whole)
    (folder / "short.nc").write_bytes(whole[:48])
    (folder / "half.nc").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.nc").touch()
    (folder / "folder.nc").mkdir()
    (folder / "gone.nc").symlink_to(tmp_path / "nowhere")
    with xr.open_dataset(maps / "stripes.nc") as made:
        made.load()
    made.drop_attrs().to_netcdf(folder / "bare.nc")
    made.assign_attrs(box="no box").to_netcdf(folder / "box.nc")
    made.drop_vars("block").to_netcdf(folder / "lacks.nc")
    made.rename(easting="x").to_netcdf(folder / "axes.nc")
    flipped = bytearray(whole)
    flipped[len(whole) // 2 :: 97] = bytes(len(flipped[len(whole) // 2 :: 97]))
    (folder / "late.nc").write_bytes(flipped)  # its head may be read
    desk = labelling.Desk(folder, tmp_path, mouse=False)
    desk.look()
    assert [label for label, _ in desk.map.options if label != "late"] == ["good"]
    desk.map.label = "good"
    assert desk.labeller.layer.path.name == "good@me.geojson" and desk.place.children
    bad = {"short.nc", "half.nc", "empty.nc", "folder.nc", "bare.nc", "box.nc", "lacks.nc"}
    assert bad | {"axes.nc"} <= set(desk.passed_over)
    assert all(f"{name} " in desk.left_out.value for name in bad)
    assert desk.passed_over["bare.nc"] == "is no map of `make map`: it has no attribute 'box'"
    assert "layer 'block'" in desk.passed_over["lacks.nc"]


def test_a_map_damaged_behind_its_head_gives_way_to_another(maps, tmp_path, monkeypatch):
    for name in ("good", "late"):
        (tmp_path / f"{name}.nc").write_bytes((maps / "stripes.nc").read_bytes())
    load = xr.Dataset.load

    def fails(grid, **options):
        if "late" in grid.encoding["source"]:
            raise OSError(-101, "NetCDF: HDF error")
        return load(grid, **options)

    monkeypatch.setattr(xr.Dataset, "load", fails)
    desk = labelling.Desk(tmp_path, tmp_path, mouse=False)
    assert desk.map.label == "good" and desk.place.children
    assert desk.passed_over == {"late.nc": "cannot be read (NetCDF: HDF error)"}


def test_no_two_layers_have_one_name(maps, tmp_path):
    pairs = [("a", "b_me"), ("a_b", "me"), ("a", "b@me"), ("a@b", "me"), ("a", "A B")]
    pairs += [("a", "A_B"), ("a", "A%20B"), ("a", ".A B."), ("a", "Ö"), ("a@me", "found")]
    assert len({_desk._layer_name(*pair) for pair in pairs}) == len(pairs)
    for stem, _ in pairs[:2]:
        (tmp_path / f"{stem}.nc").write_bytes((maps / "stripes.nc").read_bytes())
    desk = labelling.Desk(tmp_path, tmp_path / "labels", mouse=False)
    for stem, who in pairs[:2]:
        desk.map.label, desk.who.value = stem, who
        assert not desk.labeller.layer.lines
        desk.labeller.add([(np.array([[0, 0], [10, 10.0]]), "drawn")])
    desk.map.label, desk.who.value = "a", "Ada"
    assert [label for label, _ in desk.other.options] == ["b_me"]


def test_layers_with_names_of_before_are_found_or_named(made, tmp_path):
    region = made.opened.region
    old = tmp_path / "stripes_Ada_L.geojson"
    labelling.Layer(old, region, "Ada L", "a map").add([(0, 0), (10, 10)])
    made.who.value = "Ada L"
    assert made.labeller.layer.path == old and len(made.labeller.layer.lines) == 1
    made.who.value = "Ada_L"  # whose lines these are not
    assert not made.labeller.layer.lines
    assert "stripes_Ada_L.geojson has a name as they were given before" in made.said
    assert "rename it to stripes@Ada_L.geojson" in made.said
    assert "stripes_Ada_L" in [label for label, _ in made.other.options]


def test_a_damaged_layer_is_said_and_another_name_works(made, tmp_path):
    (tmp_path / "stripes@Ben.geojson").write_text('{"type": "Feat')
    made.who.value = "Ben"
    assert "stripes@Ben.geojson cannot be read" in made.said and not made.place.children
    assert made.buttons["tune"].disabled
    made.who.value = "B" * 300
    assert "name too long" in made.said.lower()
    made.who.value = "Cy"
    assert made.place.children and not made.buttons["tune"].disabled


EVIL = "<img src=x onerror=alert(1)>"


def widgets_of(box):
    """Walk through a widget and all in it."""
    yield box
    for child in getattr(box, "children", ()):
        yield from widgets_of(child)


def test_names_and_attributes_of_files_are_text_never_html(maps, tmp_path):
    folder, labels = tmp_path / EVIL, tmp_path / "labels"
    seen = []

    def look(desk):
        shown = [w.value for w in widgets_of(desk.box) if isinstance(w, ipywidgets.HTML)]
        seen.extend(text for text in shown if "img" in text)
        assert not any(re.search("<img", text) for text in shown), shown
        for widget in widgets_of(desk.box):  # else their labels would be read as HTML
            assert not getattr(widget, "description_allow_html", False)

    look(labelling.Desk(folder, labels, mouse=False))  # no map in it yet
    folder.mkdir()
    toys.write_map(folder, EVIL)
    with xr.open_dataset(folder / f"{EVIL}.nc") as made:
        made = made.load().assign_attrs(data=EVIL)
    made["block"].attrs["units"] = EVIL
    made.to_netcdf(folder / f"{EVIL}.nc")
    made.assign_attrs(box=EVIL).to_netcdf(folder / f"{EVIL}2.nc")
    desk = labelling.Desk(folder, labels, who=EVIL, mouse=False)
    look(desk)
    for child in (desk.labeller, desk):
        for button in [name for name in child.buttons if name not in ("tune", "picks")]:
            child.buttons[button].click()
            look(desk)
    desk.labeller.controls["field"].value = "readings"
    look(desk)
    desk.who.value = "Ben"
    desk.buttons["start"].click()
    desk.buttons["compare"].click()
    look(desk)
    layer = labelling.Layer(labels / f"{EVIL}.geojson", desk.opened.region, EVIL, EVIL)
    look(labelling.Labeller(layer, desk.opened.fields, mouse=False))
    assert len(seen) > 10 and any("Passed over" in text for text in seen)
    assert any("of &lt;img" in text for text in seen)  # the name of the other


def test_the_lines_of_the_network_are_a_start_that_undo_takes_back(made, maps):
    assert not made.labeller.layer.lines  # independent of the network unless asked for
    made.buttons["start"].click()
    added = list(made.labeller.layer.lines.values())
    assert len(added) == len(geopandas.read_file(maps / "stripes.geojson"))
    assert all(line.source == "network" and len(line.points) < 10 for line in added)
    made.labeller.undo()
    assert not made.labeller.layer.lines


def test_each_name_has_its_layer_and_two_are_compared(made, tmp_path):
    made.buttons["start"].click()
    made.who.value = "Ben / B."
    assert not made.labeller.layer.lines
    assert (tmp_path / "stripes@Ada.geojson").exists()
    assert {label for label, _ in made.other.options} == {"Ada", _desk.NETWORK}
    made.buttons["compare"].click()
    assert "no lines to compare" in made.said
    ours = _layer.read(tmp_path / "stripes@Ada.geojson", made.labeller.layer.region)
    made.labeller.add([(line.points, "drawn") for line in ours[::2]])
    got = made.compare()
    assert got["precision"] > 0.99 and 0.4 < got["recall"] < 0.7
    assert "of Ada (dashed)" in made.said and len(made.labeller.other) == len(ours)
    again = _layer.read(tmp_path / "stripes@Ben%20%2F%20B..geojson", made.labeller.layer.region)
    assert {line.who for line in again} == {"Ben / B."}


@pytest.mark.rest
def test_the_network_learns_from_the_lines_and_the_map_changes(made, tmp_path):
    made.buttons["tune"].click()
    assert "draw some first" in made.said
    made.buttons["start"].click()
    traced = made.tune(epochs=1)
    assert "lines, 1 epochs" in made.said and made.image.layout.display == ""
    assert bytes(made.image.value).startswith(b"\x89PNG")
    assert (tmp_path / "stripes@Ada@found.geojson").exists() == bool(len(traced))


def test_labels_of_another_place_are_pointed_out(made, tmp_path):
    made.labeller.add([(np.array([[5000, 0], [5010, 10.0]]), "drawn")])
    made.look()
    assert "outside this map" in made.said


def test_what_was_looked_at_is_around_the_lines():
    line = labelling.Line(np.array([[0, 0], [50, 20.0]]), "Ada", "", "")
    assert _desk.around([line]) == (-10, 60, -10, 30)
    with pytest.raises(ValueError, match="draw some first"):
        _desk.around([])


def test_everything_has_a_label(made):
    controls = [made.map, made.who, made.other, *made.buttons.values()]
    assert all(control.description for control in controls) and made.image.tooltip
