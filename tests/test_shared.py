"""Files are whole or not there, and one writer waits for the other."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import _shared
from studies import protocol


def test_a_file_is_as_it_was_if_writing_fails(tmp_path):
    path = tmp_path / "kept.json"
    protocol.save_json(path, {"a": 1})
    with pytest.raises(OSError, match="disk full"), _shared.written(path) as beside:
        assert beside.parent.parent == path.parent and beside.name == path.name
        beside.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == '{\n "a": 1\n}\n'
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]


def test_two_writers_at_once_leave_one_whole_file_and_nothing_else(tmp_path):
    path, both = tmp_path / "new.txt", threading.Barrier(2)

    def write(letter):
        with _shared.written(path) as beside:
            beside.write_text(letter)
            (beside.parent / "new.txt-journal").write_text("of a library")
            both.wait(10)  # each has written before either is done
            with beside.open("a") as stream:
                stream.write(letter)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "ab"))
    assert path.read_text() in ("aa", "bb")
    assert [each.name for each in tmp_path.iterdir()] == ["new.txt"]


HOLDS = """
import sys
from helpers import _shared
with _shared.locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_lock_is_waited_for_and_the_dead_let_go(tmp_path, capfd):
    path, command = tmp_path / "deep" / "store", [sys.executable, "-c", HOLDS]
    with subprocess.Popen([*command, path], stdin=-1, stdout=-1) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError), _shared.locked(path, 0.1, "waiting for it"):
            pass
        assert capfd.readouterr().out == "waiting for it\n"
        other.kill()
        with _shared.locked(path, 10):
            pass
