"""The pages on comparison are run, and its table of coverage is what its script makes."""

import doctest
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "comparison.md"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("comparison*.md")), ids=lambda p: p.stem)
def test_every_example_of_the_pages_runs(page):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert tried > 10
    assert failed == 0


def test_there_are_pages_and_the_guide_links_them():
    guide = PAGE.read_text(encoding="utf-8")
    pages = {p.name for p in (ROOT / "docs").glob("comparison-*.md")}
    assert pages
    assert all(f"({name}" in guide for name in pages)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(
        "pre_post_coverage", ROOT / "benchmarks" / "pre_post_coverage.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(script):
    text = PAGE.read_text(encoding="utf-8").split(script.BEGIN)[1].split(script.END)[0]
    for line in text.strip().splitlines()[2:]:
        truth, n, *figures = (part.strip() for part in line.strip("| ").split("|"))
        yield (truth, int(n)), [float(v) for v in figures]


def test_the_table_has_every_truth_and_size(script):
    assert set(dict(printed(script))) == {(t, n) for t in script.TRUTHS for n in script.SIZES}


@pytest.mark.parametrize(("truth", "n"), [("no change, many move", 20), ("rare outcome, + 6 points", 79)])
def test_fewer_draws_agree_with_the_table_within_their_error(script, truth, n):
    draws = 3000
    found = list(script.cell(n, truth, draws=draws, seed=7).values())
    for ours, theirs in zip(found, dict(printed(script))[truth, n], strict=True):
        error = (theirs * (1 - theirs) * (1 / draws + 1 / script.DRAWS)) ** 0.5
        assert abs(ours - theirs) < 4 * error + 0.001


def test_intervals_cover_and_exact_tests_hold_their_level_in_the_whole_table(script):
    for (truth, _), (newcombe, tango, _, exact, mid_p, _) in printed(script):
        assert newcombe > 0.945
        assert tango > 0.93
        if truth.startswith("no change"):
            assert exact < 0.05
            assert mid_p < 0.053
