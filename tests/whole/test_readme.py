"""What README.md says: its table comes from the results file, its links lead somewhere."""

import re

import pytest

import print_scores

ROOT = print_scores.ROOT
README = (ROOT / "README.md").read_text()


def test_the_table_of_scores_is_the_one_that_training_wrote():
    between = README.split(print_scores.MARKS[0])[1].split(print_scores.MARKS[1])[0].strip()
    table = print_scores.read(ROOT / "data" / "results" / "scores.json")
    assert between == print_scores.readme_table(table)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_to_files_lead_somewhere(link):
    assert link.startswith("https://doi.org/") or (ROOT / link).exists()


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for command in set(re.findall(r"make ([a-z]+)", README)):
        assert re.search(rf"^{command}:", makefile, re.M), command
