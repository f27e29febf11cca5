"""The desk: maps of one's own are opened, labelled, compared and learned from without code."""

import geopandas
import numpy as np
import pytest

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
    assert (tmp_path / "v1.2_me.geojson").exists()


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
    assert (tmp_path / "stripes_Ada.geojson").exists()
    assert {label for label, _ in made.other.options} == {"Ada", _desk.NETWORK}
    made.buttons["compare"].click()
    assert "no lines to compare" in made.said
    ours = _layer.read(tmp_path / "stripes_Ada.geojson", made.labeller.layer.region)
    made.labeller.add([(line.points, "drawn") for line in ours[::2]])
    got = made.compare()
    assert got["precision"] > 0.99 and 0.4 < got["recall"] < 0.7
    assert "of Ada (dashed)" in made.said and len(made.labeller.other) == len(ours)
    again = _layer.read(tmp_path / "stripes_Ben_B.geojson", made.labeller.layer.region)
    assert {line.who for line in again} == {"Ben / B."}


@pytest.mark.rest
def test_the_network_learns_from_the_lines_and_the_map_changes(made, tmp_path):
    made.buttons["tune"].click()
    assert "draw some first" in made.said
    made.buttons["start"].click()
    traced = made.tune(epochs=1)
    assert "lines, 1 epochs" in made.said and made.image.layout.display == ""
    assert bytes(made.image.value).startswith(b"\x89PNG")
    assert (tmp_path / "found_stripes_Ada.geojson").exists() == bool(len(traced))


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
