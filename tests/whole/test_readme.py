"""What README.md says: its tables come from the results files, its links lead somewhere."""

import re

import pytest

import print_scores

ROOT = print_scores.ROOT
README = (ROOT / "README.md").read_text()


def test_the_table_of_scores_is_the_one_that_training_wrote():
    table = print_scores.read(ROOT / "data" / "results" / "scores.json")
    assert between("scores") == print_scores.readme_table(table)


def test_the_tables_of_real_data_are_those_of_the_bench():
    assert between("real data") == print_scores.real_tables()


def between(name):
    """What stands between two markers of README.md."""
    begin, end = (mark.format(name) for mark in print_scores.MARKS)
    return README.split(begin)[1].split(end)[0].strip()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_to_files_lead_somewhere(link):
    assert link.startswith("https://doi.org/") or (ROOT / link).exists()


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for command in set(re.findall(r"make ([a-z]+)", README)):
        assert re.search(rf"^{command}:", makefile, re.M), command
