"""Files of the registry for tests."""

import pytest

from helpers import data
from helpers.data import _registry


def fetch_or_skip(name):
    """Path of a file, or a skip that says why there is none; with a mirror nothing is skipped."""
    try:
        return data.fetch(name)
    except data.DataUnavailable:
        if _registry.mirror_folder() is not None:
            raise
        pytest.skip("a file of the registry is not at hand")
