"""Paired proportions equal R and the printed tables.

`pre_post.R` made `pre_post.csv`; `published.json` cites each paper with the digits it prints.
"""

import csv
import json
import math
from pathlib import Path

import pytest

from evalkit.numerics import proportions as prop

HERE = Path(__file__).parent
PUBLISHED = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
INTERVALS = {"newcombe": prop.newcombe_paired, "tango": prop.tango_paired}


def reference_rows():
    with open(HERE / "pre_post.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {k: float(v) if v else math.nan for k, v in row.items()}


ROWS = list(reference_rows())


@pytest.mark.parametrize("row", ROWS, ids=lambda r: "-".join(str(int(v)) for v in list(r.values())[:4]))
def test_intervals_and_tests_equal_r(row):
    counts = prop.PairedCounts(*(int(row[k]) for k in ("both", "lost", "gained", "neither")))
    level = row["conf_level"]
    pair = (counts.lost, counts.gained)
    chi2 = prop.mcnemar_asymptotic(*pair)[0] ** 2
    ours = {
        "exact": prop.mcnemar_exact(*pair),
        "exact_greater": prop.mcnemar_exact(*pair, "greater"),
        "exact_less": prop.mcnemar_exact(*pair, "less"),
        "mid_p": prop.mcnemar_mid_p(*pair),
        "mid_p_greater": prop.mcnemar_mid_p(*pair, "greater"),
        "chi2": chi2,
        "asymptotic": prop.mcnemar_asymptotic(*pair)[1],
    }
    for name, value in ours.items():
        assert value == pytest.approx(row[name], abs=1e-10, rel=1e-10, nan_ok=True), name
    for name, interval in {
        "tango": prop.tango_paired(counts, level),
        "newcombe": prop.newcombe_paired(counts, level),
        "clopper": prop.clopper_pearson(counts.after, counts.n, level),
        "wilson": prop.wilson(counts.after, counts.n, level),
    }.items():
        # R's root finder stops at its own tolerance; prop.test rounds nothing but touches 0 and 1 only to 1e-17.
        tolerance = 1e-9 if name == "tango" else 1e-10
        assert interval == pytest.approx((row[f"{name}_low"], row[f"{name}_high"]), abs=tolerance), name


@pytest.mark.parametrize("case", PUBLISHED["intervals"], ids=lambda c: f"{c['source'][:14]} {c['method']}")
def test_paired_intervals_equal_the_printed_ones(case):
    low, high = INTERVALS[case["method"]](prop.PairedCounts(*case["counts"]), case["conf_level"])
    assert [round(low, case["digits"]), round(high, case["digits"])] == [case["low"], case["high"]]


@pytest.mark.parametrize("case", PUBLISHED["tests"])
def test_mcnemar_p_values_equal_the_printed_ones(case):
    pair = (case["lost"], case["gained"])
    assert round(prop.mcnemar_exact(*pair), case["digits"]) == case["exact"]
    assert round(prop.mcnemar_mid_p(*pair), case["digits"]) == case["mid_p"]
    assert round(prop.mcnemar_asymptotic(*pair)[1], case["digits"]) == case["asymptotic"]


@pytest.mark.parametrize("case", PUBLISHED["proportions"], ids=lambda c: f"{c['x']}-{c['n']}")
def test_intervals_of_one_proportion_equal_the_printed_ones(case):
    for method in ("wilson", "clopper_pearson"):
        found = getattr(prop, method)(case["x"], case["n"])
        assert [round(v, case["digits"]) for v in found] == case[method]
