"""The page on survival is run."""

import doctest
from pathlib import Path


def test_every_example_of_the_page_runs():
    page = Path(__file__).parents[2] / "docs" / "survival.md"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert tried > 150
    assert failed == 0
