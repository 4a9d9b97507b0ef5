"""The page on the rules of time is run, and its table of biases is the committed one."""

import csv
import doctest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "time.md"
ROWS = {
    "all censored 90 days before closing": "closing_minus_90",
    "dated at the threshold": "threshold",
    "events on day 0 left out": "without_day_0",
    "each censored at their own last contact": "own_last_contact",
    "all observed to the closing date": "closing",
}


def test_every_example_of_the_page_runs():
    failed, tried = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert tried > 15
    assert failed == 0


def test_the_table_of_biases_is_the_committed_one():
    with open(ROOT / "tests" / "closed_loop" / "silence_bias.csv", newline="", encoding="utf-8") as file:
        found = {row["treatment"]: row for row in csv.DictReader(file)}
    table = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for start, name in ROWS.items():
        line = next(x for x in table if x.startswith(f"| {start}"))
        share, bias, error = (float(c.strip().replace("−", "-")) for c in line.strip("| ").split("|")[1:])
        row = found[name]
        assert (share, bias, error) == tuple(
            round(float(row[c]), 3) for c in ("estimate", "bias", "mc_error")
        )
