"""Pre/post of a yes/no outcome: what it reports, what it refuses, and what it says at every edge."""

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import PrePost, pre_post
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance

PEOPLE = [f"p{i}" for i in range(200)]
TESTS = ["mcnemar_exact", "mcnemar_mid_p", "mcnemar_asymptotic"]


def waves(stayed_1=0, lost=0, gained=0, stayed_0=0, only_before=(), only_after=()):
    """Make two series with so many people of each kind, and answers seen at one date only."""
    pairs = [(1, 1)] * stayed_1 + [(1, 0)] * lost + [(0, 1)] * gained + [(0, 0)] * stayed_0
    before = pd.Series([b for b, _ in pairs] + list(only_before), dtype=float)
    after = pd.Series([a for _, a in pairs] + list(only_after), dtype=float)
    before.index = PEOPLE[: len(before)]
    after.index = PEOPLE[: len(pairs)] + PEOPLE[len(before) : len(before) + len(only_after)]
    return before, after


def row(result, term, method="", part=None):
    table = result.table
    found = table[(table["term"] == term) & (table["method"] == method)]
    if part is not None:
        found = found[found["part"] == part]
    assert len(found) == 1
    return found.iloc[0]


def keys(result):
    return [c.key.removeprefix("comparison.") for c in result.caveats]


def test_the_difference_is_after_minus_before_with_its_intervals_and_tests():
    result = pre_post(*waves(stayed_1=20, lost=2, gained=12, stayed_0=16))
    assert isinstance(result, PrePost)
    assert row(result, "difference", "newcombe")["estimate"] == pytest.approx(0.2)
    assert row(result, "difference", "newcombe")["conf_low"] == pytest.approx(0.0562, abs=5e-5)
    assert row(result, "change_test", "mcnemar_exact")["p_value"] == pytest.approx(0.012939453125)
    assert row(result, "change_test", "mcnemar_asymptotic")["statistic"] == pytest.approx(100 / 14)
    assert [row(result, t)["count"] for t in ("stayed_1", "moved_1_to_0", "moved_0_to_1", "stayed_0")] == [
        20, 2, 12, 16,
    ]  # fmt: skip
    assert row(result, "proportion_before", "wilson")["estimate"] == 0.44
    assert result.glance()["n_paired"].item() == 50


def test_people_are_matched_by_identity_not_by_position():
    before, after = waves(stayed_1=20, lost=2, gained=12, stayed_0=16)
    table = pre_post(before, after.iloc[::-1]).table
    pd.testing.assert_frame_equal(table, pre_post(before, after).table)


def test_wide_and_long_data_give_the_same_answer():
    before, after = waves(stayed_1=5, lost=2, gained=9, stayed_0=6, only_before=[1, 0])
    expected = pre_post(before, after).table.drop(columns="reason")
    wide = pd.DataFrame({"t0": before, "t1": after}).rename_axis("youth").reset_index()
    long = pd.concat(
        [
            pd.DataFrame({"youth": s.index, "year": year, "job": s.to_numpy()})
            for year, s in ((2010, before), (2011, after))
        ]
    )
    made = pre_post("t0", "t1", data=wide, person="youth").table.drop(columns="reason")
    # In wide data everyone is listed at both dates, so an absent answer is an empty one.
    same = expected["term"] != "empty_after"
    pd.testing.assert_frame_equal(made[same], expected[same])
    assert made.loc[~same, "count"].item() == 2
    made = pre_post("t0", "t1", data=wide.set_index("youth")).table.drop(columns="reason")
    pd.testing.assert_frame_equal(made[same], expected[same])
    made = pre_post(2010, 2011, data=long, person="youth", wave="year", outcome="job").table
    pd.testing.assert_frame_equal(made.drop(columns="reason"), expected)


@pytest.mark.parametrize("dtype", ["bool", "boolean", "Int64", "float64", "category"])
def test_any_way_of_writing_yes_and_no_is_read(dtype):
    before, after = waves(stayed_1=3, lost=1, gained=4, stayed_0=2)
    plain = pre_post(before, after).table["estimate"]
    other = pre_post(before.astype(int).astype(dtype), after.astype(int).astype(dtype)).table["estimate"]
    pd.testing.assert_series_equal(plain, other)


def test_everyone_is_accounted_for_by_date():
    before, after = waves(
        stayed_1=6, lost=2, gained=5, stayed_0=7, only_before=[1, 0, np.nan], only_after=[1, np.nan]
    )
    result = pre_post(before, after)
    people = {t: row(result, t)["count"] for t in result.table["term"] if t.startswith(("people", "empty"))}
    assert people == {
        "people_all": 25,
        "people_paired": 20,
        "people_only_before": 2,
        "people_only_after": 1,
        "people_neither": 2,
        "empty_before": 1,
        "empty_after": 1,
    }
    assert "attrition" in keys(result)
    assert row(result, "proportion_before", "wilson", "observed")["n"] == 22
    assert row(result, "proportion_before", "wilson", "pairs")["n"] == 20


def test_bounds_stand_beside_the_estimate_made_without_the_missing():
    before, after = waves(stayed_1=6, lost=2, gained=5, stayed_0=7, only_before=[1, 0], only_after=[1])
    result = pre_post(before, after)
    # Worst: the two lost are at 0, the entrant was at 1 already. Best: both at 1, the entrant was at 0.
    assert row(result, "difference_if_worst", "manski")["estimate"] == pytest.approx((3 - 1 + 0 + 0) / 23)
    assert row(result, "difference_if_best", "manski")["estimate"] == pytest.approx((3 + 0 + 1 + 1) / 23)


def test_without_missing_answers_the_bounds_are_the_estimate():
    result = pre_post(*waves(stayed_1=6, lost=2, gained=5, stayed_0=7))
    assert row(result, "difference_if_worst", "manski")["estimate"] == pytest.approx(0.15)
    assert row(result, "difference_if_best", "manski")["estimate"] == pytest.approx(0.15)
    assert "attrition" not in keys(result)


def test_no_counterfactual_is_said_first_with_the_trend_that_would_cancel():
    result = pre_post(*waves(stayed_1=20, lost=2, gained=12, stayed_0=16))
    assert result.caveats[0].key == "result.no_counterfactual"
    assert keys(result)[1:] == ["trend_up", "trend_bound"]
    assert "20.0 points" in result.caveats[1].text("en")
    assert "5,6 points" in result.caveats[2].text("fr")
    down = pre_post(*waves(stayed_1=20, lost=12, gained=2, stayed_0=16))
    assert keys(down)[1:] == ["trend_down", "trend_bound"]
    assert "5.6 points" in down.caveats[2].text("en")
    none = pre_post(*waves(stayed_1=20, lost=8, gained=8, stayed_0=16))
    assert keys(none)[1:] == ["trend_none"]


def test_when_nobody_changed_p_is_one_and_why_is_said_and_the_intervals_stand():
    result = pre_post(*waves(stayed_1=30, stayed_0=40))
    exact = row(result, "change_test", "mcnemar_exact")
    assert exact["p_value"] == 1
    assert exact["status"] == "ok"
    assert exact["reason"].key == "comparison.nobody_changed_exact"
    for method in ("mcnemar_mid_p", "mcnemar_asymptotic"):
        other = row(result, "change_test", method)
        assert other["status"] == "not_estimable"
        assert np.isnan(other["p_value"])
        assert other["reason"].key == "comparison.nobody_changed"
    for method in ("newcombe", "tango"):
        found = row(result, "difference", method)
        assert found["estimate"] == 0
        assert found["conf_low"] < 0 < found["conf_high"]
        assert np.isnan(found["std_error"])


def test_the_least_attainable_p_is_printed_and_said_when_it_binds():
    result = pre_post(*waves(stayed_1=30, gained=4, stayed_0=40))
    assert row(result, "change_test", "mcnemar_exact")["p_floor"] == 0.125
    assert row(result, "change_test", "mcnemar_mid_p")["p_floor"] == 0.0625
    assert "floor_binds" in keys(result)
    assert "0,125" in result.summary("fr")
    enough = pre_post(*waves(stayed_1=30, gained=6, stayed_0=40))
    assert "floor_binds" not in keys(enough)


def test_two_pairs_are_answered_with_what_they_can_show():
    result = pre_post(*waves(lost=1, gained=1))
    assert row(result, "change_test", "mcnemar_exact")["p_value"] == 1
    assert row(result, "change_test", "mcnemar_exact")["p_floor"] == 0.5
    assert row(result, "difference", "tango")["conf_high"] == pytest.approx(0.811, abs=1e-3)


def test_one_pair_is_not_taken_for_a_selection():
    result = pre_post(*waves(gained=1))
    assert row(result, "difference", "newcombe")["status"] == "ok"


@pytest.mark.parametrize("missing", ["before", "after"])
def test_a_wave_that_never_took_place_leaves_bounds_and_the_other_share(missing):
    before, after = waves(stayed_1=6, lost=2, gained=5, stayed_0=7)
    series = {"before": before, "after": after}
    series[missing] = series[missing].iloc[:0]
    result = pre_post(**series)
    for term, method in [
        ("difference", "newcombe"),
        ("difference", "tango"),
        *(("change_test", t) for t in TESTS),
    ]:
        found = row(result, term, method)
        assert found["status"] == "not_estimable"
        assert found["reason"].key == "comparison.wave_missing"
        assert found[["estimate", "p_value", "conf_low"]].isna().all()
    other = "proportion_after" if missing == "before" else "proportion_before"
    assert row(result, other, "wilson", "observed")["n"] == 20
    assert (
        row(result, "difference_if_worst", "manski")["estimate"]
        < row(result, "difference_if_best", "manski")["estimate"]
    )
    assert ("avant" if missing == "before" else "après") in result.summary("fr")


def test_people_seen_at_different_dates_only_make_no_pair():
    before, after = waves(only_before=[0, 1, 1], only_after=[1, 1])
    found = row(pre_post(before, after), "difference", "tango")
    assert found["status"] == "not_estimable"
    assert found["reason"].text("en") == "nobody is observed at both dates"


def test_all_missing_and_nobody_at_all_are_answers_too():
    empty = pd.Series([np.nan] * 3, index=list("abc"))
    for before, after in ((empty, empty), (empty.iloc[:0], empty.iloc[:0])):
        result = pre_post(before, after)
        assert row(result, "difference", "newcombe")["reason"].key == "comparison.no_person"
        assert (result.table.loc[result.table["term"] == "change_test", "status"] == "not_estimable").all()
        assert result.summary("fr")
    bounds = row(pre_post(empty, empty), "difference_if_worst", "manski")
    assert bounds["estimate"] == -1


def selected(gained=24, stayed_0=55, **more):
    return waves(gained=gained, stayed_0=stayed_0, **more)


def test_when_selection_fixed_the_start_the_test_is_refused_and_the_natural_rate_given():
    result = pre_post(*selected(), selected_on="before == 0")
    for term, method in [
        ("difference", "newcombe"),
        ("difference", "tango"),
        *(("change_test", t) for t in TESTS),
    ]:
        found = row(result, term, method)
        assert found["status"] == "not_estimable"
        assert found["reason"].key == "comparison.selected"
        assert found[["estimate", "p_value"]].isna().all()
    assert row(result, "natural_rate", "wilson")["estimate"] == pytest.approx(24 / 79)
    assert row(result, "proportion_after", "wilson")["conf_low"] == pytest.approx(0.2135, abs=1e-4)
    assert row(result, "proportion_after", "clopper_pearson")["conf_low"] < 0.2135
    assert "natural_return" in keys(result)
    assert "30,4\u202f%" in result.summary("fr")
    assert not any(k.startswith("trend") for k in keys(result))


def test_a_common_start_is_taken_for_a_selection_unless_said_otherwise():
    detected = pre_post(*selected())
    assert row(detected, "difference", "tango")["reason"].key == "comparison.selected_detected"
    assert 'selected_on="none"' in detected.summary("en")
    told = pre_post(*selected(), selected_on="none")
    assert row(told, "difference", "tango")["status"] == "ok"


def test_everybody_starting_at_one_could_only_leave():
    result = pre_post(*waves(stayed_1=30, lost=10))
    assert row(result, "natural_rate", "wilson")["estimate"] == 0.25
    assert row(result, "proportion_after", "wilson")["estimate"] == 0.75
    assert "natural_departure" in keys(result)


def test_bounds_of_a_selected_group_are_about_those_selected():
    result = pre_post(*selected(only_before=[0] * 11, only_after=[1, 1]))
    assert row(result, "proportion_after_if_worst", "manski")["estimate"] == pytest.approx(24 / 90)
    assert row(result, "proportion_after_if_best", "manski")["estimate"] == pytest.approx(35 / 90)


def test_data_that_contradict_the_stated_selection_are_refused():
    with pytest.raises(InputError, match="3 people do not have the value 0"):
        pre_post(*waves(lost=3, gained=5, stayed_0=4), selected_on="before == 0")


def test_a_one_sided_test_is_named_and_its_intervals_stay_two_sided():
    before, after = waves(stayed_1=20, lost=2, gained=12, stayed_0=16)
    two, one = pre_post(before, after), pre_post(before, after, alternative="greater")
    assert row(one, "change_test", "mcnemar_exact")["p_value"] == pytest.approx(0.0064697265625)
    assert row(one, "change_test", "mcnemar_asymptotic")["statistic"] > 0
    assert row(one, "difference", "tango")["conf_low"] == row(two, "difference", "tango")["conf_low"]
    assert "plus après qu'avant" in one.summary("fr")
    assert row(pre_post(before, after, alternative="less"), "change_test", "mcnemar_exact")["p_value"] > 0.99


def test_all_faults_of_the_data_are_listed_with_the_values():
    before = pd.Series([0, 1, 1, 2], index=["a", "a", None, "b"])
    after = pd.Series([1, 1], index=["c", "c"])
    with pytest.raises(InputError) as error:
        pre_post(before, after)
    assert len(error.value.faults) == 3
    assert "1 person appears several times at the same date (a)" in str(error.value)
    assert "1 ligne n'a pas d'identifiant" in error.value.render("fr")
    with pytest.raises(InputError, match=r"2 values are neither 0 nor 1 \('oui' and 2\)"):
        pre_post(pd.Series(["oui", 2, 1], index=list("abc")), pd.Series([1, 0, 1], index=list("abc")))


def test_text_that_looks_like_a_number_is_refused():
    with pytest.raises(InputError, match="'1'"):
        pre_post(pd.Series(["1", "0"], index=list("ab")), pd.Series([1, 0], index=list("ab")))


def test_identifiers_written_in_two_ways_are_not_taken_for_strangers():
    with pytest.raises(InputError, match="numbers on one side and text on the other"):
        pre_post(pd.Series([1, 0], index=[1, 2]), pd.Series([1, 0], index=["1", "2"]))


def test_people_with_only_a_row_number_are_pointed_out():
    result = pre_post(pd.Series([1, 0, 0]), pd.Series([1, 1, 0]))
    assert "rows_numbered" in keys(result)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "nonsense"}, "kind: must be one of 'binary'"),
        ({"alternative": "more"}, "alternative: must be one of"),
        ({"selected_on": "before = 0"}, "selected_on: must be one of"),
        ({"conf_level": 95}, "strictly between 0 and 1"),
        ({"before": [0, 1]}, "a list has no person"),
        ({"data": [1]}, "data must be a DataFrame"),
        ({"data": pd.DataFrame({"a": [1]}), "before": "a", "after": "b"}, r"no column \['b'\]"),
        ({"data": pd.DataFrame({"w": [1]}), "before": 1, "after": 2, "wave": "w"}, "long data need"),
        (
            {
                "data": pd.DataFrame({"w": [1], "p": [1], "o": [1]}), "before": 1, "after": 2,
                "wave": "w", "person": "p", "outcome": "o",
            },
            "two different values of 'w'",
        ),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments, said):
    before, after = waves(stayed_1=3, lost=1, gained=4, stayed_0=2)
    with pytest.raises(InputError, match=said):
        pre_post(**{"before": before, "after": after, **arguments})


def test_no_argument_is_changed():
    before, after = waves(stayed_1=3, lost=1, gained=4, stayed_0=2, only_before=[np.nan])
    kept = before.copy(), after.copy()
    pre_post(before, after)
    pd.testing.assert_series_equal(before, kept[0])
    pd.testing.assert_series_equal(after, kept[1])


# ---- what may be published ---------------------------------------------------------------------------------------------


def shown(result, term, column, part="pairs"):
    table = result.table
    return table.loc[(table["term"] == term) & (table["part"] == part), column]


def test_enough_people_everywhere_publish_everything():
    before, after = waves(stayed_1=20, lost=12, gained=30, stayed_0=16)
    result = pre_post(before, after)
    assert (result.publish().table["status"] == "ok").all()


def test_a_small_cell_of_the_two_by_two_table_cannot_be_found_again():
    result = pre_post(*waves(stayed_1=21, lost=9, gained=21, stayed_0=17)).publish()
    cells = ["stayed_1", "moved_1_to_0", "moved_0_to_1", "stayed_0"]
    # The shares before and after are margins of the table: they stay, so every cell must go.
    assert all(shown(result, t, "count").isna().all() for t in cells)
    assert shown(result, "proportion_before", "count").item() == 30
    # From an interval or a p-value the number of people who changed can be solved.
    assert shown(result, "difference", "estimate").notna().all()
    for term in ("difference", "change_test"):
        columns = ["p_value", "p_floor", "statistic", "conf_low", "conf_high", "std_error"]
        assert result.table.loc[result.table["term"] == term, columns].isna().all(axis=None)
    assert "changes_hidden" in keys(result)
    assert "trend_bound" not in keys(result)
    assert "trend_up" in keys(result)


def test_a_handful_of_lost_people_cannot_be_found_by_subtraction():
    result = pre_post(*waves(stayed_1=20, lost=12, gained=30, stayed_0=16, only_before=[1, 0, 0])).publish()
    assert shown(result, "people_all", "count", "").isna().all()
    assert shown(result, "people_paired", "n", "").isna().all()
    assert shown(result, "difference_if_worst", "estimate", "everyone").isna().all()
    assert shown(result, "proportion_before", "n", "observed").isna().all()
    assert shown(result, "difference", "conf_low").notna().all()
    assert "78" in result.summary("en")
    assert "81" not in result.summary("en")


def test_few_positives_among_the_lost_are_not_shown_by_the_bounds():
    # 20 lost, of whom 3 were at 1: the bounds and the share among every answer would give the 3 away.
    result = pre_post(
        *waves(stayed_1=20, lost=12, gained=30, stayed_0=16, only_before=[1] * 3 + [0] * 17)
    ).publish()
    assert shown(result, "people_only_before", "count", "").item() == 20
    assert shown(result, "difference_if_worst", "estimate", "everyone").isna().all()
    assert shown(result, "proportion_before", "n", "observed").isna().all()


def test_small_numbers_of_a_selected_group_are_hidden_and_the_sentences_with_them():
    result = pre_post(*selected(gained=4, stayed_0=75)).publish()
    assert shown(result, "natural_rate", "estimate").isna().all()
    assert "natural_return" not in keys(result)
    assert (result.table.loc[result.table["term"] == "change_test", "status"] == "not_estimable").all()


def test_simulated_people_are_not_hidden():
    result = pre_post(*waves(stayed_1=1, lost=1, gained=1, stayed_0=1), provenance=Provenance("simulated"))
    assert (result.publish().table["status"] == "ok").all()


def test_a_lowered_threshold_shows_what_it_says():
    policy = Policy(3, "open data")
    result = pre_post(*waves(stayed_1=5, lost=4, gained=5, stayed_0=9)).publish(policy)
    assert shown(result, "change_test", "p_value").notna().all()


@pytest.mark.parametrize("lost", [1, 3, 8])
def test_a_published_answer_is_the_same_for_every_table_with_the_same_margins_and_a_small_cell(lost):
    # One more lost and one more gained, one fewer in each other cell: the shares before and after do not move.
    answers = [
        pre_post(*waves(stayed_1=40 - k, lost=k, gained=20 + k, stayed_0=35 - k)).publish()
        for k in (lost, lost + 1)
    ]
    one, other = (a.table.drop(columns="reason") for a in answers)
    pd.testing.assert_frame_equal(one, other)
    assert answers[0].summary("fr") == answers[1].summary("fr")


def test_the_picture_names_its_lines_in_words():
    import matplotlib.pyplot as plt

    ax = pre_post(*waves(stayed_1=20, lost=2, gained=12, stayed_0=16)).plot(lang="fr")
    names = " ".join(label.get_text().replace("\n", " ") for label in ax.get_yticklabels())
    plt.close(ax.figure)
    assert "différence (intervalle de Newcombe)" in names
    assert "part après (vues aux deux dates)" in names


WIDE = pd.DataFrame({"b": [0, 1, 1], "a": [1, 0, 1], "y": [3, 4, 5]}, index=["p", "q", "r"])


@pytest.mark.parametrize(
    ("before", "after", "more", "said"),
    [
        (WIDE["b"], WIDE["a"], {"data": WIDE}, "name columns of it, but one was a Series"),
        ("b", "a", {"data": pd.concat([WIDE, WIDE[["b"]]], axis=1)}, "several columns of data are called"),
        ("b", "b", {"data": WIDE}, "must be two columns"),
        (
            WIDE.set_index("y", append=True)["b"],
            WIDE["a"],
            {},
            "persons of before must be named by one column",
        ),
        (WIDE["b"], WIDE["a"], {"margin": np.inf}, "must have a limit on one side"),
        (WIDE["b"], WIDE["a"], {"margin": np.array([0.1, 0.2])}, "on both sides of 0"),
        (WIDE["b"], WIDE["a"], {"margin": pd.Series([0.1, 0.2])}, "must be one number, but 2 were given"),
        (WIDE["b"], WIDE["a"], {"kind": "count", "margin": (0, None)}, "must have a limit on one side"),
        (WIDE["b"], WIDE["a"], {"kind": "count", "margin": (-1, 2)}, "margin of a ratio must be above 0"),
        (WIDE["b"], WIDE["a"], {"kind": "count", "selected_on": 0}, "selected_on: must be None"),
        (WIDE["b"], WIDE["a"], {"kind": "continuous", "selected_on": "before == 0"}, "categories and counts"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(before, after, more, said):
    with pytest.raises(InputError, match=said):
        pre_post(before, after, **{"selected_on": "none", **more})
