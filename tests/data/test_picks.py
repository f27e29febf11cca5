"""Picks of magnetic anomalies: files as they are published."""

import numpy as np
import pytest

from helpers.data import _published


def test_picks_are_read_with_their_columns(tmp_path):
    path = tmp_path / "some.gmt"
    path.write_text(
        "# @VGMT1.0 @GPOINT\n"
        "# @NChron|AnomalyEnd|AnomEndQua|CruiseName|Reference|DOI|GeeK2007|IDMethod\n"
        "# FEATURE_DATA\n"
        '# @DC2n|y|1|"NBP0403 s4"|A+B_1999|10.1/x|1.77|"Magnetic Anomaly"\n'
        "-113.5\t-49.25\n"
        '# @DC2n|o|2|N/A|A+B_1999|10.1/x||"Abyssal Hill"\n'
        "179.5 48\n"
    )
    table = _published.read_picks(path)
    assert list(table.columns) == _published.COLUMNS and len(table) == 2
    assert table.cruise[0] == "NBP0403 s4" and table.end.tolist() == ["y", "o"]
    assert table.age_ma[0] == 1.77 and np.isnan(table.age_ma[1]) and table.quality[1] == 2
    assert (table.longitude[0], table.latitude[1]) == (-113.5, 48)


def test_file_of_something_else_is_a_clear_error(tmp_path):
    path = tmp_path / "other.gmt"
    path.write_text("# @NName|Kind\n> \n1 2\n")
    with pytest.raises(ValueError, match="has the columns Name, Kind; picks need longitude.*GSFML"):
        _published.read_picks(path)
