"""Pre/post of shares (ratio, equivalence, entrants), categories and counts: figures, refusals, and what is said at every edge."""

import math
import pickle

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from evalkit.comparison import pre_post
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics import paired_proportions as shares
from evalkit.numerics import paired_rates as rates
from evalkit.numerics import square_tables as square
from evalkit.numerics.proportions import PairedCounts, mcnemar_exact, mcnemar_mid_p, tango_paired
from evalkit.numerics.tails import positive

matplotlib.use("Agg")


def people(values, start=0):
    return pd.Series(list(values), index=[f"p{i}" for i in range(start, start + len(values))])


def binary(both=0, lost=0, gained=0, neither=0, **more):
    before = people([1] * (both + lost) + [0] * (gained + neither))
    after = people([1] * both + [0] * lost + [1] * gained + [0] * neither)
    return pre_post(before, after, **more)


def crossed(cells, only_before=(), only_after=(), **more):
    """Compare people given as {(before, after): how many}."""
    pairs = [pair for pair, k in cells.items() for _ in range(k)]
    before = people([b for b, _ in pairs] + list(only_before))
    after = people([a for _, a in pairs])
    late = people(list(only_after), start=len(before))
    return pre_post(before, pd.concat([after, late]) if len(late) else after, "nominal", **more)


def counted(before, after, **more):
    return pre_post(people(before), people(after), "count", **more)


def row(result, term, method="", **keys):
    table = result.table
    found = table[(table["term"] == term) & (table["method"] == method)]
    for key, value in keys.items():
        found = found[found[key] == value]
    assert len(found) == 1
    return found.iloc[0]


def said(result):
    return [c.key.partition(".")[2] for c in result.caveats]


# ---- a share: ratio, adjusted Wald interval, equivalence, entrants -------------------------------------------------------


def test_the_ratio_and_the_third_interval_stand_beside_the_difference():
    result = binary(59, 16, 6, 80)
    assert row(result, "ratio", "tang")["estimate"] == pytest.approx(65 / 75)
    assert row(result, "ratio", "bonett_price_ratio")["conf_high"] == pytest.approx(0.9910, abs=5e-5)
    assert row(result, "difference", "bonett_price")["conf_low"] == pytest.approx(-0.1195, abs=5e-5)


@pytest.mark.parametrize("four", [(12, 5, 9, 20), (3, 0, 4, 9), (7, 2, 0, 5), (1, 7, 1, 12)])
def test_tang_s_limits_are_where_the_score_of_the_searched_likelihood_is_1_96(four):
    counts = PairedCounts(*four)
    for ratio in shares.tang_ratio(counts):

        def cost(at, ratio=ratio):
            both, lost = at
            gained = both * (ratio - 1) + lost * ratio
            chances = np.array([both, lost, gained, 1 - both - lost - gained])
            if (chances <= 0).any():
                return np.inf
            return -float(np.array(four) @ np.log(chances))

        starts = [
            (b, q)
            for b in (0.01, 0.05, 0.2, 0.4)
            for q in (0.01, 0.05, 0.2, 0.4)
            if np.isfinite(cost((b, q)))
        ]
        best = min(
            (optimize.minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13}) for start in starts),
            key=lambda found: found.fun,
        )  # fmt: skip
        both, lost = best.x
        variance = counts.n * ((1 + ratio) * ratio * (both + lost) - 2 * ratio * both)
        z = (counts.after - ratio * counts.before) / math.sqrt(variance)
        assert abs(z) == pytest.approx(1.959964, abs=2e-3)


def test_a_ratio_to_nobody_has_only_a_lower_bound_and_says_so():
    result = binary(gained=9, neither=11, selected_on="none")
    for method in ("tang", "bonett_price_ratio"):
        found = row(result, "ratio", method)
        assert found["estimate"] == math.inf == found["conf_high"]
        assert 1 < found["conf_low"] < 9
    assert "none_before" in said(result)
    gone = row(binary(lost=9, neither=11), "ratio", "tang")
    assert (gone["estimate"], gone["conf_low"]) == (0, 0)
    assert 0 < gone["conf_high"] < 1


def test_a_ratio_of_nothing_to_nothing_is_not_estimable():
    found = row(binary(neither=12, selected_on="none"), "ratio", "tang")
    assert found["status"] == "not_estimable"
    assert found["reason"].key == "comparison_tables.nobody_at_1"


def test_selection_refuses_ratio_and_equivalence_too():
    result = binary(gained=24, neither=55, margin=0.1)
    for term, method in (("ratio", "tang"), ("equivalence", "tost_tango")):
        assert row(result, term, method)["reason"].key == "comparison.selected_detected"


def test_the_standard_error_is_no_zero_when_everybody_changed_alike():
    found = row(binary(lost=12, selected_on="none"), "difference", "newcombe")
    assert found["estimate"] == -1
    assert math.isnan(found["std_error"])
    assert found["conf_high"] > -1


def test_equivalence_is_significant_exactly_when_its_interval_lies_within_the_margins():
    result = binary(20, 5, 6, 60, margin=0.1)
    found = row(result, "equivalence", "tost_tango")
    assert found["conf_level"] == pytest.approx(0.9)
    assert (found["margin_low"], found["margin_high"]) == (-0.1, 0.1)
    assert (found["p_value"] <= 0.05) == (found["conf_low"] > -0.1 and found["conf_high"] < 0.1)
    edge = tango_paired(PairedCounts(20, 5, 6, 60), 0.9)[1]
    _, p = shares.tango_equivalence(PairedCounts(20, 5, 6, 60), (-0.5, edge))
    assert p == pytest.approx(0.05, abs=1e-9)
    assert "equivalence_both" in said(result)


def test_one_margin_makes_a_test_on_one_side():
    low = row(binary(43, 1, 0, 0, margin=(-0.1, None), selected_on="none"), "equivalence", "tost_tango")
    assert low["p_value"] == pytest.approx(0.0438, abs=5e-5)
    assert low["margin_high"] == math.inf
    result = binary(43, 1, 0, 0, margin=(None, 0.1), selected_on="none")
    assert row(result, "equivalence", "tost_tango")["p_value"] == pytest.approx(0.00715, abs=5e-5)
    assert "equivalence_not_above" in said(result)
    assert "non-supériorité" in result.summary("fr")


@pytest.mark.parametrize("margin", [1.0, 10, (-2, 0.1)])
def test_a_margin_in_points_is_refused(margin):
    with pytest.raises(InputError, match="between -1 and 1"):
        binary(20, 5, 6, 60, margin=margin)


def test_margins_need_a_level_above_one_half():
    with pytest.raises(InputError, match=r"above 0\.5"):
        binary(20, 5, 6, 60, margin=0.1, conf_level=0.5)


def test_equivalence_when_nobody_changed_has_a_variance_all_the_same():
    found = row(binary(30, 0, 0, 40, margin=0.05), "equivalence", "tost_tango")
    assert found["p_value"] == pytest.approx(0.02746, abs=1e-5)


def test_people_without_a_before_are_counted_apart():
    before, after = people([1, 0, 0, 1]), people([1, 1, 0, 1, 1, 1, 0])
    result = pre_post(before, after)
    found = row(result, "proportion_after", "wilson", part="people_only_after")
    assert (found["count"], found["n"], found["estimate"]) == (2, 3, pytest.approx(2 / 3))
    assert row(result, "difference", "tango")["n"] == 4
    assert "entrants" in said(result)
    assert "vues seulement après" in result.summary("fr")


def test_a_hidden_share_takes_the_difference_and_the_ratio_with_it():
    result = binary(2, 3, 30, 60, margin=0.3).publish()
    table = result.table
    assert (
        table.loc[table["part"] == "pairs", ["term", "count"]]
        .query("term == 'proportion_before'")["count"]
        .isna()
        .all()
    )
    for term in ("difference", "ratio", "equivalence"):
        assert table.loc[table["term"] == term, ["estimate", "conf_low", "p_value"]].isna().all(axis=None)
    assert table.loc[table["part"] == "everyone", "estimate"].isna().all()


def test_hidden_numbers_of_people_lost_are_not_read_from_every_answer():
    before = people([1] * 32 + [0] * 46 + [0, 0, 1])
    after = pd.concat(
        [people([1] * 20 + [0] * 12 + [1] * 30 + [0] * 16), people([1] * 20 + [0] * 20, start=100)]
    )
    table = pre_post(before, after).publish().table
    assert table.loc[table["part"].isin(["observed", "people_only_after", "everyone"]), "n"].isna().all()
    assert table.loc[(table["term"] == "difference") & (table["method"] == "tango"), "conf_low"].notna().all()


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_picture_of_a_share_says_whose_share_and_has_no_ratio(lang):
    ax = binary(59, 16, 6, 80, margin=0.1).plot(lang=lang)
    names = [t.get_text().replace("\n", " ") for t in ax.get_yticklabels()]
    assert len(names) == 5
    assert not any("Tang " in n or n.endswith("Tang)") for n in names)
    matplotlib.pyplot.close(ax.figure)


# ---- categories ----------------------------------------------------------------------------------------------------------

JOBS = {("job", "job"): 9, ("job", "none"): 4, ("none", "job"): 12, ("none", "none"): 30, ("none", "course"): 8, ("course", "job"): 5,
        ("course", "course"): 6}  # fmt: skip


def test_tests_differences_shares_and_cells_of_categories():
    result = crossed(JOBS)
    assert row(result, "homogeneity_test", "stuart_maxwell")["df"] == 2
    assert row(result, "symmetry_test", "bowker")["df"] == 3
    assert row(result, "difference", "tango", category="job")["estimate"] == pytest.approx(13 / 74)
    assert row(result, "moved", category="none", to="course")["count"] == 8
    assert row(result, "moved", category="job", to="course")["count"] == 0
    assert row(result, "proportion_before", "wilson", category="course")["count"] == 11
    assert sum(result.table.loc[result.table["term"].isin(["moved", "stayed"]), "count"]) == 74
    assert result.glance()["categories"].item() == 3
    assert said(result)[:3] == ["no_counterfactual", "trend_category", "holm"]
    assert "21.6 points" in result.caveats[1].text("en")


def test_two_categories_are_mcnemar_s_test_exactly():
    result = crossed({("a", "a"): 1, ("a", "b"): 1, ("b", "a"): 7, ("b", "b"): 12})
    yes = binary(1, 1, 7, 12)
    chi2 = row(yes, "change_test", "mcnemar_asymptotic")
    for term, method in (("homogeneity_test", "stuart_maxwell"), ("symmetry_test", "bowker")):
        found = row(result, term, method)
        assert (found["statistic"], found["df"]) == (pytest.approx(chi2["statistic"], rel=1e-12), 1)
        assert found["p_value"] == pytest.approx(chi2["p_value"], rel=1e-12)
        assert row(result, term, "exchange")["p_value"] == pytest.approx(mcnemar_exact(1, 7), rel=1e-12)
        assert row(result, term, "exchange_mid_p")["p_value"] == pytest.approx(mcnemar_mid_p(1, 7), rel=1e-12)
        assert row(result, term, "exchange")["p_floor"] == pytest.approx(2 * 0.5**8)
    # Both categories have the same test: nothing to correct.
    assert row(result, "change_test", "mcnemar_mid_p_holm", category="a")["p_value"] == pytest.approx(
        mcnemar_mid_p(1, 7), rel=1e-12
    )
    assert row(result, "difference", "tango", category="a")["conf_low"] == pytest.approx(
        row(yes, "difference", "tango")["conf_low"]
    )


def test_categories_nobody_is_in_change_nothing_but_their_own_rows():
    plain, wide = crossed(JOBS), crossed(JOBS, order=["course", "job", "none", "prison", "army"])
    for term, method in (
        ("homogeneity_test", "stuart_maxwell"),
        ("homogeneity_test", "bhapkar"),
        ("symmetry_test", "bowker"),
    ):
        for column in ("statistic", "df", "p_value"):
            assert row(plain, term, method)[column] == pytest.approx(row(wide, term, method)[column])
    empty = row(wide, "difference", "tango", category="army")
    assert empty["estimate"] == 0 < empty["conf_high"]
    assert row(wide, "change_test", "mcnemar_mid_p", category="army")["status"] == "not_estimable"
    assert row(wide, "change_test", "mcnemar_mid_p_holm", category="job")["p_value"] == pytest.approx(
        row(plain, "change_test", "mcnemar_mid_p_holm", category="job")["p_value"]
    )


def test_a_category_seen_at_one_date_only_makes_no_table_without_its_square():
    result = crossed(
        {("a", "a"): 9, ("a", "b"): 4, ("a", "c"): 5, ("b", "a"): 6, ("b", "b"): 8, ("b", "c"): 2}
    )
    assert row(result, "homogeneity_test", "stuart_maxwell")["statistic"] == pytest.approx(7.35)
    assert row(result, "proportion_before", "wilson", category="c")["count"] == 0
    assert row(result, "moved", category="c", to="a")["count"] == 0


def test_groups_between_which_nobody_moved_take_degrees_of_freedom_away_and_it_is_said():
    result = crossed(
        {("a", "a"): 8, ("a", "b"): 3, ("b", "a"): 9, ("c", "d"): 6, ("d", "c"): 1, ("e", "e"): 5}
    )
    assert row(result, "homogeneity_test", "stuart_maxwell")["df"] == 2
    assert row(result, "homogeneity_test", "stuart_maxwell")["statistic"] == pytest.approx(3 + 25 / 7)
    assert "linked" in said(result)


def test_when_nobody_changed_category_no_test_is_made_and_intervals_stand():
    result = crossed({("a", "a"): 20, ("b", "b"): 15})
    assert row(result, "homogeneity_test", "exchange")["p_value"] == 1
    for method in ("stuart_maxwell", "bhapkar", "exchange_mid_p"):
        found = row(result, "homogeneity_test", method)
        assert found["status"] == "not_estimable"
        assert found["reason"].key == "comparison.nobody_changed"
    assert row(result, "symmetry_test", "bowker")["status"] == "not_estimable"
    assert row(result, "difference", "tango", category="a")["conf_high"] > 0
    assert "trend_none" in said(result)


def test_everybody_moving_the_same_way_has_no_bhapkar_but_an_exact_p():
    result = crossed({("a", "b"): 12}, selected_on="none")
    found = row(result, "homogeneity_test", "bhapkar")
    assert found["reason"].key == "comparison_tables.zero_variance"
    assert row(result, "homogeneity_test", "exchange")["p_value"] == pytest.approx(2 * 0.5**12)


def test_few_moves_say_the_least_p():
    result = crossed({("a", "a"): 20, ("a", "b"): 2, ("b", "a"): 1, ("b", "b"): 3})
    assert row(result, "homogeneity_test", "exchange")["p_floor"] == 0.25
    assert "floor_binds" in said(result)


def test_too_many_arrangements_are_drawn_from_the_seed_and_it_is_said():
    rng = np.random.default_rng(5)
    before, after = (people(rng.choice(list("abcd"), 400)) for _ in range(2))
    one, again, other = (pre_post(before, after, "nominal", seed=s) for s in (1, 1, 2))
    found = row(one, "homogeneity_test", "exchange_drawn")
    assert found["p_floor"] == 1 / 20_000
    assert found["p_value"] == row(again, "homogeneity_test", "exchange_drawn")["p_value"]
    assert found["p_value"] != row(other, "homogeneity_test", "exchange_drawn")["p_value"]
    assert found["p_value"] == pytest.approx(
        row(one, "homogeneity_test", "stuart_maxwell")["p_value"], abs=0.02
    )
    assert "drawn" in said(one)


def test_bounds_of_each_category_hold_every_missing_answer():
    result = crossed({("a", "a"): 5, ("a", "b"): 3, ("b", "a"): 6}, only_before=["a", "b"], only_after=["b"])
    low, high = (
        row(result, f"difference_if_{end}", "manski", category="a")["estimate"] for end in ("worst", "best")
    )
    # At least: the two lost ended elsewhere, the entrant began here.
    assert low == pytest.approx((11 - 9 - 1) / 17)
    assert high == pytest.approx((11 + 2 - 9) / 17)
    assert row(result, "proportion_after", "wilson", category="b", part="people_only_after")["estimate"] == 1


def test_a_common_start_is_a_selection_and_the_departures_are_shown_instead():
    result = crossed(
        {("none", "none"): 30, ("none", "job"): 20, ("none", "course"): 15}, only_before=["none"] * 5
    )
    assert row(result, "homogeneity_test", "exchange")["reason"].key == "comparison.selected_detected"
    assert "everybody starts at “none”" in row(result, "difference", "tango", category="job")["reason"].text(
        "en"
    )
    assert row(result, "natural_rate", "wilson")["estimate"] == pytest.approx(35 / 65)
    assert row(result, "proportion_after_if_worst", "manski", category="job")["estimate"] == pytest.approx(
        20 / 70
    )
    assert row(result, "proportion_after_if_best", "manski", category="job")["estimate"] == pytest.approx(
        25 / 70
    )
    assert "natural_leaving" in said(result)
    unknown = pre_post(people([None] * 3), people(["job"] * 3), "nominal", selected_on="none", order=["job"])
    assert row(unknown, "homogeneity_test", "bhapkar")["reason"].key == "comparison.wave_missing"
    told = crossed({("none", "none"): 30, ("none", "job"): 20}, selected_on="none")
    assert row(told, "homogeneity_test", "stuart_maxwell")["status"] == "ok"
    named = crossed({("none", "none"): 30, ("none", "job"): 20}, selected_on="before == none")
    assert row(named, "homogeneity_test", "stuart_maxwell")["reason"].key == "comparison.selected"
    with pytest.raises(InputError, match="do not have the value none"):
        crossed(JOBS, selected_on="before == none")
    with pytest.raises(InputError, match="selected_on"):
        crossed(JOBS, selected_on="before == prison")


def test_equivalence_of_every_category_is_that_of_the_worst():
    result = crossed(JOBS, margin=0.1)
    each = result.table[(result.table["term"] == "equivalence") & (result.table["method"] == "tost_tango")]
    assert len(each) == 3
    assert row(result, "equivalence", "tost_all")["p_value"] == each["p_value"].max()
    refused = crossed({("a", "a"): 5, ("a", "b"): 5}, margin=0.1)
    assert row(refused, "equivalence", "tost_all")["status"] == "not_estimable"


def test_a_wave_that_never_took_place_and_nobody_at_all_are_answers():
    before = people(["a", "b", "a"])
    empty = pd.Series([], dtype=object)
    result = pre_post(before, empty, "nominal", margin=0.2)
    assert row(result, "homogeneity_test", "stuart_maxwell")["reason"].key == "comparison.wave_missing"
    assert row(result, "proportion_before", "wilson", category="a", part="observed")["count"] == 2
    assert pre_post(empty, empty, "nominal").summary("fr")
    apart = pre_post(before, people(["a"], start=10), "nominal")
    assert row(apart, "symmetry_test", "bowker")["reason"].key == "comparison.no_pair"


def test_categories_are_read_in_their_order_and_whole_numbers_stay_whole():
    kind = pd.CategoricalDtype(["low", "high", "unknown"])
    before, after = (people(v).astype(kind) for v in (["low", "high", "low"], ["high", "high", None]))
    result = pre_post(before, after, "nominal")
    assert list(dict.fromkeys(result.table["category"]))[:4] == ["", "low", "high", "unknown"]
    coded = pre_post(people([1, 2, 3, 1]), people([2.0, 2.0, np.nan, 3.0]), "nominal")
    assert list(dict.fromkeys(coded.table["category"]))[1:] == ["1", "2", "3"]
    assert list(
        dict.fromkeys(pre_post(people([1.0, np.nan]), people([2.5, np.nan]), "nominal").table["category"])
    )[1:] == ["1", "2.5"]
    labelled = crossed({("n", "tango"): 3, ("tango", "n"): 5, ("n", "n"): 2})
    assert "intervalle de Tango" in labelled.summary("fr")
    shown = labelled.display("fr")["catégorie"]
    assert set(shown) == {"", "n", "tango"}


@pytest.mark.parametrize(
    ("before", "after", "more", "words"),
    [
        (
            ["a", "b", "x"],
            ["a", "y", "y"],
            {"order": ["a", "b"]},
            "1 value is not in the list.*2 values are not in the list",
        ),
        (["a", "b"], ["a", "b"], {"order": ["a", "b", "a"]}, "stand twice"),
        (["a", "b"], ["a", "b"], {"order": ["a", "b", None]}, "missing answers are no category"),
        (["a", 1], ["a", 1], {}, "several types"),
        ([["a"], "b"], ["b", "b"], {}, "a category must be a text or a number"),
        (list(range(40)), list(range(40)), {}, "at most 30 categories, but 40"),
        (["a", "b"], ["b", "a"], {"alternative": "greater"}, "no direction"),
        (["a", "b"], ["b", "a"], {"margin": 5}, "between -1 and 1"),
        (["a", "b"], ["b", "a"], {"seed": -1}, "seed"),
    ],
)
def test_categories_that_cannot_be_read_are_refused(before, after, more, words):
    with pytest.raises(InputError, match=f"(?s){words}"):
        pre_post(people(before), people(after), "nominal", **more)


def test_a_table_with_more_rows_than_columns_or_halves_is_no_square_table():
    with pytest.raises(InputError, match="as many rows"):
        square.stuart_maxwell(np.ones((2, 3)))
    with pytest.raises(InputError, match="whole numbers"):
        square.bowker([[1, 0.5], [2, 3]])
    assert math.isnan(square.bhapkar(np.zeros((2, 2))).statistic)


BIG = {("a", "a"): 40, ("a", "b"): 20, ("a", "c"): 15, ("b", "a"): 30, ("b", "b"): 25, ("b", "c"): 12, ("c", "a"): 14, ("c", "b"): 18,
       ("c", "c"): 33}  # fmt: skip


def figures(table):
    return table[["estimate", "std_error", "statistic", "p_value", "p_floor", "conf_low", "conf_high"]]


def test_a_large_table_is_published_whole():
    assert (crossed(BIG, margin=0.2).publish().table["status"] == "ok").all()


def test_a_small_cell_takes_tests_and_intervals_with_it_and_cannot_be_solved():
    result = crossed({**BIG, ("a", "b"): 4}, margin=0.2).publish()
    table = result.table
    cells = table[table["term"].isin(["moved", "stayed"])]
    hidden = cells[cells["count"].isna()]
    assert len(hidden) >= 4
    assert ((hidden["category"] == "a") & (hidden["to"] == "b")).any()
    # Any line or column of the table that hides one cell hides another.
    for side in ("category", "to"):
        assert (hidden.groupby(side).size() >= 2).all()
    tests = table["term"].isin(["homogeneity_test", "symmetry_test", "change_test"])
    assert figures(table[tests]).isna().all(axis=None)
    differences = table[table["term"] == "difference"]
    assert differences["estimate"].notna().all()
    assert figures(differences).drop(columns="estimate").isna().all(axis=None)
    assert "categories_hidden" in said(result)
    assert "trend_category" in said(result)
    assert "holm" in said(result)


def test_a_small_category_takes_its_difference_the_bounds_and_the_sentence_with_it():
    cells = {
        ("a", "a"): 60,
        ("a", "b"): 20,
        ("b", "a"): 25,
        ("b", "b"): 40,
        ("a", "c"): 14,
        ("b", "c"): 15,
        ("c", "a"): 3,
    }
    result = crossed(cells).publish()
    table = result.table
    own = table[table["category"] == "c"]
    assert own.loc[own["term"] == "difference", "estimate"].isna().all()
    assert table.loc[table["part"] == "everyone", "estimate"].isna().all()
    assert "trend_category" not in said(result)
    # Shares of the same date add up: at least two are hidden.
    before = table[(table["term"] == "proportion_before") & (table["part"] == "pairs")]
    assert before["count"].isna().sum() >= 2


def test_few_lost_of_one_category_hide_every_answer_and_the_bounds():
    result = crossed(BIG, only_before=["a"] * 3 + ["b"] * 15 + ["c"] * 12).publish()
    table = result.table
    assert table.loc[table["part"].isin(["everyone", "observed"]), "estimate"].isna().all()
    assert table.loc[table["term"] == "people_only_before", "count"].item() == 30
    assert table.loc[table["term"] == "homogeneity_test", "p_value"].notna().all()
    few = crossed(BIG, only_before=["a"] * 3).publish().table
    assert few.loc[few["part"] == "", "n"].isna().all()


def test_a_selected_group_hides_few_departures():
    result = crossed({("a", "a"): 60, ("a", "b"): 4}).publish()
    assert math.isnan(row(result, "natural_rate", "wilson")["estimate"])
    assert "natural_leaving" not in said(result)
    assert result.table.loc[result.table["term"].isin(["moved", "stayed"]), "count"].sum() == 0
    enough = crossed({("a", "a"): 60, ("a", "b"): 24, ("a", "c"): 30}).publish()
    assert row(enough, "natural_rate", "wilson")["count"] == 54


def test_an_open_threshold_hides_nothing():
    result = crossed({**BIG, ("a", "b"): 4}).publish(Policy(threshold=1, reason="a test"))
    assert row(result, "moved", category="a", to="b")["count"] == 4


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_pictures_of_categories(lang):
    ax = crossed(BIG).plot(lang=lang)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    other = crossed({("a", "a"): 60, ("a", "b"): 24}).plot(lang=lang)
    assert other.get_xlabel() == ("part après" if lang == "fr" else "share after")
    matplotlib.pyplot.close("all")


# ---- counts --------------------------------------------------------------------------------------------------------------

CLUMPED = ([0, 3, 5, 1, 0, 2, 8, 1, 4, 2, 0, 6], [1, 0, 9, 0, 2, 0, 1, 1, 0, 3, 4, 0])


def test_ratios_tests_dispersion_and_levels_of_counts():
    result = counted(*CLUMPED)
    exact = row(result, "rate_ratio", "poisson_exact")
    assert exact["estimate"] == pytest.approx(21 / 32)
    assert row(result, "events_before")["count"] == 32
    assert row(result, "rate_after")["estimate"] == pytest.approx(21 / 12)
    assert row(result, "carriers_after")["count"] == 7
    assert row(result, "changed")["count"] == 11
    robust = row(result, "rate_ratio", "robust")
    assert robust["df"] == 11
    assert robust["conf_low"] < exact["conf_low"] < exact["conf_high"] < robust["conf_high"]
    assert row(result, "dispersion", "pearson")["estimate"] > 2
    assert {"read_robust", "clumped", "few_carry", "trend_ratio"} <= set(said(result))
    assert row(result, "mean_difference", "paired_t")["estimate"] == pytest.approx(-11 / 12)
    assert "d’une personne" not in result.summary("en")


def test_the_exchange_of_dates_is_exact_by_listing_and_needs_equal_exposures():
    result = counted([3, 0, 2, 5, 1], [1, 1, 0, 2, 1])
    d = np.array([2, -1, 2, 3])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1)
    expected = (np.abs(d @ signs) >= 6).mean()
    found = row(result, "change_test", "exchange")
    assert found["p_value"] == pytest.approx(expected)
    assert found["p_floor"] == 0.125
    unequal = counted([3, 0, 2, 5, 1], [1, 1, 0, 2, 1], exposure=(1, 2))
    assert row(unequal, "change_test", "exchange")["reason"].key == "comparison_tables.no_exchange"
    still = counted([1, 2, 3], [1, 2, 3])
    assert row(still, "change_test", "exchange")["reason"].key == "comparison.nobody_changed_exact"


def test_calm_counts_are_not_called_clumped():
    result = counted([2, 3, 1, 2, 3, 2, 1, 2], [1, 2, 1, 1, 2, 1, 1, 1])
    assert "clumped" not in said(result)


def test_exposure_makes_rates_and_two_two_sided_tests():
    result = counted([4, 3, 2, 5], [9, 7, 3, 8], exposure=(6, 12))
    assert row(result, "rate_ratio", "robust")["estimate"] == pytest.approx(27 / 12 / (14 / 6))
    assert row(result, "rate_before")["estimate"] == pytest.approx(14 / 4 / 6)
    assert row(result, "change_test", "poisson_least_likely")["status"] == "ok"
    assert "exposure_said" in said(result)
    assert "poisson_least_likely" not in set(counted([4, 3], [9, 7]).table["method"])


def test_one_side_is_named_and_agrees_with_the_direction():
    up = counted([4, 3, 2, 5, 1], [9, 7, 3, 8, 2], alternative="greater")
    down = counted([4, 3, 2, 5, 1], [9, 7, 3, 8, 2], alternative="less")
    for method in ("robust", "poisson_exact", "poisson_mid_p"):
        assert row(up, "change_test", method)["p_value"] < 0.05 < row(down, "change_test", method)["p_value"]
    assert "one_sided" in said(up)


def test_the_trend_that_would_cancel_a_ratio_is_said_with_that_of_its_interval():
    up = counted([4, 3, 2, 5, 1], [9, 7, 3, 8, 2])
    low = row(up, "rate_ratio", "robust")["conf_low"]
    texts = [c.text("en") for c in up.caveats]
    assert any(f"by {low:.2f} would be enough for the" in t for t in texts)
    down = counted([9, 7, 3, 8, 2], [4, 3, 2, 5, 1])
    assert "trend_ratio_bound" in said(down)
    assert "trend_ratio_bound" not in said(counted(*CLUMPED))
    assert "trend_none" in said(counted([1, 2, 0], [2, 0, 1]))


def test_no_event_before_has_a_lower_bound_only():
    result = counted([0, 0, 0, 0], [3, 2, 4, 1], selected_on="none")
    exact = row(result, "rate_ratio", "poisson_exact")
    assert exact["estimate"] == exact["conf_high"] == math.inf
    assert exact["conf_low"] > 1
    robust = row(result, "rate_ratio", "robust")
    assert robust["reason"].key == "comparison_tables.no_event_at"
    assert row(result, "dispersion", "pearson")["status"] == "not_estimable"
    assert "no_event_before" in said(result)
    assert result.plot(lang="fr") is not None
    matplotlib.pyplot.close("all")
    none_after = counted([3, 2, 4, 1], [0, 0, 0, 0], margin=1.5)
    assert row(none_after, "rate_ratio", "poisson_exact")["conf_low"] == 0
    assert row(none_after, "equivalence", "tost_robust")["status"] == "not_estimable"
    assert row(none_after, "equivalence", "tost_poisson")["p_value"] > 0.5


def test_no_event_at_all_is_not_estimable():
    result = counted([0, 0, 0], [0, 0, 0], selected_on="none", margin=1.5)
    for term in ("rate_ratio", "change_test", "equivalence", "mean_difference", "dispersion"):
        found = result.table[result.table["term"] == term]
        assert (found["status"] == "not_estimable").all()
    assert "no_event" in [r.key.partition(".")[2] for r in result.table["reason"] if r is not None]


def test_everybody_changing_in_the_same_proportion_gives_no_p_from_a_zero_variance():
    result = counted([1, 2, 3, 4, 7], [3, 6, 9, 12, 21])
    assert row(result, "change_test", "robust")["reason"].key == "comparison_tables.alike"
    assert row(result, "rate_ratio", "poisson_exact")["status"] == "ok"
    same = counted([2, 3, 4], [3, 4, 5])
    found = row(same, "mean_difference", "paired_t")
    assert found["estimate"] == 1
    assert math.isnan(found["conf_low"])
    assert found["reason"].key == "comparison_tables.alike_difference"


def test_one_pair_and_few_events_say_what_they_cannot_show():
    result = counted([2], [1])
    assert row(result, "rate_ratio", "robust")["status"] == "not_estimable"
    assert row(result, "change_test", "poisson_exact")["p_floor"] == 0.25
    assert {"floor_events", "floor_binds"} <= set(said(result))


def test_a_common_start_of_counts_is_a_selection():
    result = counted([0] * 6, [0, 1, 2, 0, 3, 1], margin=1.2)
    for term in ("rate_ratio", "change_test", "equivalence"):
        assert (result.table.loc[result.table["term"] == term, "status"] == "not_estimable").all()
    assert row(result, "rate_ratio", "robust")["reason"].key == "comparison.selected_detected"
    assert "natural_level" in said(result)
    told = counted([2] * 6, [0, 1, 2, 0, 3, 1], selected_on="before == 2")
    assert row(told, "change_test", "robust")["reason"].key == "comparison.selected"
    with pytest.raises(InputError, match="1 person does not have the value 0"):
        counted([0, 0, 3], [1, 1, 1], selected_on="before == 0")
    with pytest.raises(InputError, match="selected_on"):
        counted([0, 0, 3], [1, 1, 1], selected_on="before > 0")


def test_equivalence_of_counts_is_on_the_scale_of_ratios():
    before = [10, 12, 9, 11, 14, 8, 10, 13, 9, 12] * 4
    result = counted(before, [b + (-1) ** i for i, b in enumerate(before)], margin=1.25)
    for method in ("tost_robust", "tost_poisson"):
        found = row(result, "equivalence", method)
        assert (found["margin_low"], found["margin_high"]) == (0.8, 1.25)
        assert found["p_value"] < 0.05
        assert 0.8 < found["conf_low"] < found["conf_high"] < 1.25
    assert "equivalence_ratio" in said(result)
    one = counted(before, before[::-1], margin=(0.8, None))
    assert row(one, "equivalence", "tost_poisson")["p_value"] == pytest.approx(
        rates.conditional_test(rates.Totals(sum(before), sum(before)), "greater", 0.8)
    )
    assert "equivalence_not_below" in said(one)
    assert "equivalence_not_above" in said(counted(before, before[::-1], margin=(None, 1.2)))
    with pytest.raises(InputError, match=r"above 0\.5"):
        counted(before, before[::-1], margin=1.2, conf_level=0.4)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([1, 2.5], [-1, 2], "(?s)before.*1 value is not a whole number.*2.5.*after.*-1"),
        ([1, "2"], [1, 2], "'2'"),
        ([True, False], [1, 2], "2 values are not whole numbers"),
        ([1, math.inf], [1, 2], "inf"),
    ],
)
def test_what_is_no_count_is_refused(before, after, words):
    with pytest.raises(InputError, match=words):
        counted(before, after)


@pytest.mark.parametrize("exposure", [(1, 0), (1,), (1, math.inf), ("a", 1)])
def test_exposures_are_two_positive_numbers(exposure):
    with pytest.raises(InputError, match="exposure"):
        counted([1, 2], [2, 1], exposure=exposure)


def test_missing_counts_are_said_to_have_no_bounds_and_entrants_stand_apart():
    result = pre_post(people([1, 2, 3, None]), people([2, 2, None, None, 7, 5]), "count")
    assert "no_bounds" in said(result)
    assert "attrition" not in said(result)
    assert row(result, "rate_after", part="people_only_after")["estimate"] == 6
    assert row(result, "rate_after", part="pairs")["estimate"] == 2
    nothing = pre_post(people([1.0, 2.0]), pd.Series([], dtype=float), "count")
    assert row(nothing, "rate_before")["reason"].key == "comparison.no_pair"
    assert row(nothing, "rate_ratio", "robust")["reason"].key == "comparison.wave_missing"


def many(n=150, seed=3):
    rng = np.random.default_rng(seed)
    return rng.poisson(2, n), rng.poisson(3, n)


def test_counts_of_many_people_are_published():
    result = counted(*many()).publish()
    table = result.table
    assert (
        table.loc[table["term"].isin(["rate_ratio", "change_test", "mean_difference"]), "status"]
        .eq("ok")
        .all()
    )
    assert "hidden" not in " ".join(said(result))


def test_totals_of_few_people_are_hidden_with_all_that_follows():
    before, after = many()
    after[5:] = 0
    result = counted(before, after).publish()
    table = result.table
    assert (
        table.loc[table["part"] == "pairs", ["estimate", "count", "p_value", "conf_low"]]
        .isna()
        .all(axis=None)
    )
    assert "counts_hidden" in said(result)
    assert not {"trend_ratio", "clumped", "few_carry"} & set(said(result))


def test_few_changes_hide_intervals_and_tests_and_leave_the_totals():
    before, _ = many()
    after = before.copy()
    after[:4] += 3
    result = counted(before, after).publish()
    assert row(result, "events_after")["count"] == after.sum()
    assert row(result, "rate_ratio", "robust")["estimate"] == pytest.approx(after.sum() / before.sum())
    assert math.isnan(row(result, "rate_ratio", "robust")["conf_low"])
    assert math.isnan(row(result, "mean_difference", "paired_t")["std_error"])
    for method in ("robust", "poisson_exact"):
        assert math.isnan(row(result, "change_test", method)["p_value"])
    assert math.isnan(row(result, "changed")["count"])


def test_all_but_a_few_with_events_hide_only_that_number():
    before, after = many()
    before[:], after[:] = before + 1, after + 1
    before[0] = 0
    result = counted(before, after).publish()
    assert math.isnan(row(result, "carriers_before")["count"])
    assert row(result, "events_before")["count"] == before.sum()


def test_a_few_who_did_not_change_are_not_read_from_the_least_p():
    before, after = many()
    after = np.where(after == before, after + 1, after)
    after[:3] = before[:3]
    result = counted(before, after).publish()
    assert math.isnan(row(result, "changed")["count"])
    assert math.isnan(row(result, "change_test", "exchange")["p_floor"])
    assert row(result, "change_test", "robust")["p_value"] > 0


def test_few_entrants_are_hidden_with_their_counts():
    before, after = many()
    new = pd.concat([people(after), people([3, 4], start=1000)])
    result = pre_post(people(before), new, "count").publish()
    assert (
        result.table.loc[result.table["part"] == "people_only_after", ["estimate", "count", "n"]]
        .isna()
        .all(axis=None)
    )
    assert result.table.loc[result.table["part"] == "", "n"].isna().all()
    more = pd.concat([people(after), people([3, 4, 2, 0] * 4, start=1000)])
    shown = pre_post(people(before), more, "count").publish()
    # Four of the sixteen have no event: that number alone is hidden.
    assert math.isnan(row(shown, "carriers_after", part="people_only_after")["count"])
    assert row(shown, "events_after", part="people_only_after")["count"] == 36


# ---- every answer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "result",
    [
        lambda: binary(20, 5, 6, 60, margin=0.1),
        lambda: crossed(JOBS, margin=0.1, only_before=["job"], only_after=["none"]),
        lambda: counted(*CLUMPED, margin=1.2, exposure=(2, 3)),
    ],
    ids=["binary", "nominal", "count"],
)
def test_answers_pickle_and_speak_both_languages_without_codes(result):
    made = result()
    again = pickle.loads(pickle.dumps(made))
    pd.testing.assert_frame_equal(again.tidy(), made.tidy())
    for lang in ("fr", "en"):
        text = made.summary(lang, max_rows=200)
        assert "_" not in text
        assert made.publish().summary(lang, max_rows=200)
    assert (made.table["p_value"].dropna() > 0).all()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("binary", {"exposure": (1, 2)}),
        ("binary", {"order": [0, 1]}),
        ("nominal", {"scores": [1, 2]}),
        ("count", {"scale": (0, 5)}),
    ],
)
def test_arguments_of_another_kind_are_refused_not_passed_over(kind, more):
    with pytest.raises(InputError, match=f"does not read {next(iter(more))}"):
        pre_post(people([0, 1, 1]), people([1, 1, 0]), kind, **more)


def test_p_is_never_zero_however_many_changed():
    result = crossed({("a", "b"): 3000, ("b", "a"): 1, ("a", "a"): 3})
    assert (result.table["p_value"].dropna() > 0).all()
    counts = counted([900] * 5 + [901], [1, 0, 2, 0, 1, 0])
    assert (counts.table["p_value"].dropna() > 0).all()
    assert positive(0.0) > 0


def test_pure_numbers_without_anybody_are_not_figures():
    nobody = PairedCounts(0, 0, 0, 0)
    for interval in (shares.bonett_price_paired, shares.bonett_price_ratio, shares.tang_ratio):
        assert all(math.isnan(v) for v in interval(nobody))
    empty = rates.Totals(0, 0)
    assert math.isnan(empty.ratio)
    assert all(math.isnan(v) for v in rates.conditional_interval(empty))
    assert math.isnan(rates.conditional_test(empty))
    assert math.isnan(rates.conditional_floor(empty))
    assert all(math.isnan(v) for v in rates.least_likely_test(empty))
    assert math.isnan(rates.dispersion(np.array([]), np.array([])).ratio)


# ---- what several sums together would give away ----------------------------------------------------------------------------


def test_a_shown_zero_does_not_give_the_other_cells_of_a_share_away():
    # 56 pairs, 21 at 1 before, 42 after: with "nobody stayed at 0" shown, the 7 who stayed at 1 would follow.
    table = binary(7, 14, 35, 0).publish().table
    cells = table["term"].isin(["stayed_1", "moved_1_to_0", "moved_0_to_1", "stayed_0"])
    assert table.loc[cells, "count"].isna().all()


def test_lines_and_columns_together_do_not_give_a_cell_of_categories_away():
    counts = [[10, 18, 26, 10], [34, 9, 13, 65], [22, 12, 14, 24], [17, 0, 2, 10]]
    cells = {(a, b): counts[i][j] for i, a in enumerate("abcd") for j, b in enumerate("abcd")}
    result = crossed(cells).publish()
    assert result.table.loc[result.table["term"].isin(["moved", "stayed"]), "count"].isna().all()
    assert row(result, "proportion_before", "wilson", category="d", part="pairs")["count"] == 29


def test_exchanges_of_very_large_counts_are_drawn():
    rng = np.random.default_rng(1)
    before, after = rng.integers(10**6, 2 * 10**6, (2, 40))
    found = row(counted(before, after), "change_test", "exchange_drawn")
    assert found["p_floor"] == 1 / 20_000
    assert found["reason"].key == "comparison_tables.drawn"
