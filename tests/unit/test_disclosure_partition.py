"""A total never gives a hidden count away, and a sentence never says a small count."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from evalkit.disclosure import Headcount, Policy, suppress_partition, veil
from evalkit.result import Result
from evalkit.wording import Message, message, text


def test_one_hidden_part_takes_the_smallest_other_with_it():
    table = pd.DataFrame({"count": [100, 4, 36, 60], "share": [1.0, 0.04, 0.36, 0.6]})
    out, n = suppress_partition(table, Policy(), [(0, [1, 2, 3])])
    assert n == 2
    assert out["count"].isna().tolist() == [False, True, True, False]
    assert out["share"].isna().tolist() == [False, True, True, False]


def test_two_hidden_parts_whose_sum_is_small_take_a_third():
    table = pd.DataFrame({"count": [63, 1, 1, 11, 50]})
    out, _ = suppress_partition(table, Policy(), [(0, [1, 2, 3, 4])])
    assert out["status"].tolist() == ["ok", "suppressed", "suppressed", "suppressed", "ok"]


def test_zeros_stay_and_the_total_goes_when_nothing_else_can():
    table = pd.DataFrame({"count": [12, 12, 0]})
    assert suppress_partition(table, Policy(), [(0, [1, 2])])[1] == 0
    table = pd.DataFrame({"count": [7, 7, 0]})
    out, _ = suppress_partition(table, Policy(), [(0, [1, 2])])
    assert out["count"].isna().tolist() == [True, True, False]


def test_a_line_and_a_column_are_both_protected():
    # Two sites and their sum, two states and their sum.
    names = ["A/x", "A/y", "A/all", "B/x", "B/y", "B/all", "all/x", "all/y", "all/all"]
    table = pd.DataFrame({"cell": names, "count": [3, 40, 43, 50, 60, 110, 53, 100, 153]})
    lines = [(2, [0, 1]), (5, [3, 4]), (8, [6, 7]), (6, [0, 3]), (7, [1, 4]), (8, [2, 5])]
    out, n = suppress_partition(table, Policy(), lines)
    assert n == 4
    assert set(out.loc[out["status"] == "suppressed", "cell"]) == {"A/x", "A/y", "B/x", "B/y"}


def test_a_threshold_of_one_hides_nothing():
    table = pd.DataFrame({"count": [3, 1, 2]})
    assert suppress_partition(table, Policy(1, "open data"), [(0, [1, 2])])[1] == 0


@given(st.lists(st.integers(0, 60), min_size=2, max_size=8))
def test_no_hidden_part_follows_from_its_total(parts):
    table = pd.DataFrame({"count": [sum(parts), *parts]})
    out, _ = suppress_partition(table, Policy(), [(0, list(range(1, len(parts) + 1)))])
    shown = out["count"].to_numpy(float)
    hidden = np.isnan(shown[1:])
    assert not ((shown > 0) & (shown < 11)).any()
    if hidden.any() and not np.isnan(shown[0]):
        assert hidden.sum() > 1
        assert shown[0] - np.nansum(shown[1:]) >= 11


def test_a_sentence_says_fewer_than_eleven():
    said = message("result.more_rows", n=Headcount(3))
    assert said.text("en") == "… and 3 more rows"
    assert veil(said, Policy()).text("fr") == "… et moins de 11 lignes de plus"
    assert veil(message("result.more_rows", n=Headcount(30)), Policy()).text("en") == "… and 30 more rows"
    nested = Message("result.not_estimable", {"reason": said})
    assert text("result.not_estimable", "en", reason=veil(nested, Policy()).values["reason"]) == (
        "not estimable: … and fewer than 11 more rows"
    )


def test_the_gate_veils_the_question_the_caveats_and_the_reasons():
    said = message("result.more_rows", n=Headcount(3))
    table = pd.DataFrame({"n": [50, 60], "reason": [said, None]})
    out = Result(table, said, caveats=(said,)).publish()
    assert out.question.text("en") == out.caveats[0].text("en") == "… and fewer than 11 more rows"
    assert out.tidy()["reason"].tolist()[0] == "… and fewer than 11 more rows"
