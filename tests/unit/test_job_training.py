"""The job-training study comes back: the answer of the lot, what before/after would have said, what the survey says."""

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from evalkit.study import Study

STUDY = Path(__file__).resolve().parents[2] / "studies" / "job-training"


def expected(name):
    return pd.read_csv(STUDY / "expected" / f"{name}.csv")


def test_the_study_comes_back():
    check = Study.load(STUDY).check()
    assert check.ok, check.summary("en")


def test_what_comes_back_are_the_known_answers():
    answers = expected("answers").set_index("term")["estimate"]
    assert answers[["lot", "did_lot", "before_after", "survey", "did_survey"]].tolist() == [
        1794,
        1529,
        4817,
        -8498,
        3621,
    ]
    assert answers[["regression", "iptw", "matching", "aipw", "entropy"]].between(1300, 1800).all()


def test_every_value_printed_elsewhere_is_found_again():
    printed = expected("printed_against_found")
    assert len(printed) == len(pd.read_csv(STUDY / "facts" / "printed.csv")) == 7
    assert set(printed["verdict"]) == {"same"}


def test_only_answers_with_a_fair_group_hold_the_benchmark():
    holds = expected("answers").set_index("term")["holds"]
    assert holds[["before_after", "survey", "did_survey"]].eq("no").all()
    assert holds.drop(["before_after", "survey", "did_survey"]).eq("yes").all()


def test_balancing_leaves_no_gap_and_weighting_no_large_one():
    gaps = expected("balance").set_index("term").abs().max()
    assert gaps["unadjusted"] > 2
    assert gaps["iptw"] < 0.1
    assert gaps["entropy"] == pytest.approx(0, abs=1e-9)


def test_the_page_does_not_say_that_men_unlikely_to_be_trained_have_no_counterpart():
    # One trained man in seven is as unlikely as they; and a regression leaves nobody out.
    said = tomllib.loads((STUDY / "wording.toml").read_text(encoding="utf-8"))["overlap_text"]
    assert all("{share:pct}" in text and "{own:pct}" in text for text in said.values())
    assert "régression" in said["fr"].lower()
    assert "regression" in said["en"].lower()
