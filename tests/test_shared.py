"""Files are whole or not there."""

import pytest

from helpers import _shared
from studies import protocol


def test_a_file_is_as_it_was_if_writing_fails(tmp_path):
    path = tmp_path / "kept.json"
    protocol.save_json(path, {"a": 1})
    with pytest.raises(OSError, match="disk full"), _shared.whole(path) as beside:
        assert beside.parent == path.parent and beside.suffix == path.suffix
        beside.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == '{\n "a": 1\n}\n'


def test_what_an_interrupted_run_left_is_not_added_to(tmp_path):
    path = tmp_path / "new.txt"
    with pytest.raises(OSError), _shared.whole(path) as beside:
        beside.write_text("half")
        raise OSError
    with _shared.whole(path) as again:
        assert again == beside and not again.exists()
        again.write_text("all")
    assert path.read_text() == "all"
    assert [each.name for each in tmp_path.iterdir()] == ["new.txt"]
