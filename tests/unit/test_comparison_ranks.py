"""Pre/post of measures and of ordered answers: edges, refusals, words, publishing."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from evalkit.comparison import pre_post
from evalkit.comparison.paired.effect_sizes import d_z, noncentrality
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.ranks import sign_flip

DEGREES = ["bad", "fair", "good", "very good"]
CERTAIN = ("difference", "hodges_lehmann", "median_difference", "change_test", "equivalence", "superiority")


def waves(before, after):
    people = [f"p{i}" for i in range(len(before))]
    return pd.Series(before, index=people), pd.Series(after, index=people)


def measured(before, after, **options):
    return pre_post(*waves(before, after), "continuous", **options)


def ordered(before, after, **options):
    return pre_post(*waves(before, after), "ordinal", **{"order": DEGREES, **options})


def lines(answer):
    """Return the rows about pairs by (term, method)."""
    table = answer.table[(answer.table["part"] == "pairs") & (answer.table["method"] != "")]
    return table.set_index(["term", "method"])


def numbers_of(answer):
    return answer.table.set_index("term")["count"].dropna()


def said(answer, lang="en"):
    return " ".join(c.text(lang) for c in answer.caveats)


@pytest.fixture
def points():
    rng = np.random.default_rng(11)
    before = rng.normal(50, 9, 40).round(1)
    return before, (before + rng.normal(2, 5, 40)).round(1)


@pytest.fixture
def answers():
    rng = np.random.default_rng(12)
    return rng.choice(DEGREES, 80, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(DEGREES, 80, p=[0.2, 0.25, 0.3, 0.25])


# --- zero variance, few pairs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 1.0, 0.1])
def test_equal_differences_have_no_t_test_and_keep_their_exact_ones(shift):
    answer = measured(
        [3.2, 1.1, 4.0, 2.5, 9.9, 7.3], [v + shift for v in (3.2, 1.1, 4.0, 2.5, 9.9, 7.3)], margin=2.0
    )
    rows = lines(answer)
    for key in (
        ("change_test", "paired_t"),
        ("d_z", "noncentral_t"),
        ("d_av", "bonett"),
        ("equivalence", "paired_t"),
    ):
        assert rows.loc[key, "status"] == "not_estimable"
        assert math.isnan(rows.loc[key, "p_value"])
    mean = rows.loc[("difference", "paired_t")]
    assert mean["estimate"] == pytest.approx(shift)
    assert math.isnan(mean["conf_low"])
    assert "spread is zero" in mean["reason"].text("en")
    exact = rows.loc[("change_test", "sign_flip_exact")]
    assert exact["p_value"] == (1.0 if shift == 0 else 2 / 64)
    assert rows.loc[("change_test", "wilcoxon_exact"), "p_value"] == exact["p_value"]
    assert rows.loc[("change_test", "sign_test"), "p_value"] == exact["p_value"]
    assert rows.loc[("hodges_lehmann", "walsh_exact"), "estimate"] == pytest.approx(shift)
    assert "single point" in said(answer)


def test_nobody_changed_says_that_p_is_1_by_construction():
    answer = measured([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    rows = lines(answer)
    assert rows.loc[("rank_biserial", "u_statistic_wilcoxon"), "status"] == "not_estimable"
    assert "by construction" in said(answer)
    assert "difference of zero" in said(answer)


def test_two_pairs():
    answer = measured([1.0, 2.0], [2.0, 4.0])
    rows = lines(answer)
    assert rows.loc[("change_test", "paired_t"), "p_value"] == pytest.approx(0.2048328)
    assert rows.loc[("change_test", "wilcoxon_exact"), ["p_value", "p_floor"]].tolist() == [0.5, 0.5]
    shift = rows.loc[("hodges_lehmann", "walsh_exact")]
    assert shift[["conf_low", "conf_high", "level_achieved"]].tolist() == [1.0, 2.0, 0.5]
    assert rows.loc[("g_av", "bonett"), "status"] == "not_estimable"
    assert "50.0%, below the 95% asked" in said(answer)
    assert "cannot go below 0.500" in said(answer)


def test_one_pair():
    rows = lines(measured([1.0], [2.0]))
    assert rows.loc[("difference", "paired_t"), "estimate"] == 1.0
    assert rows.loc[("change_test", "paired_t"), "status"] == "not_estimable"
    assert rows.loc[("change_test", "sign_test"), "p_value"] == 1.0
    assert math.isnan(rows.loc[("hodges_lehmann", "walsh_exact"), "conf_low"])
    assert rows.loc[("hodges_lehmann", "walsh_exact"), "level_achieved"] == 0.0


def test_nobody_seen_twice_and_a_wave_that_never_was():
    apart = measured([1.0, np.nan], [np.nan, 2.0])
    empty = measured([np.nan] * 3, [1.0, 2.0, 3.0], scale=(0, 5))
    for answer in (apart, empty):
        rows = answer.table[answer.table["term"].isin(CERTAIN)]
        assert (rows["status"] == "not_estimable").all()
        assert rows["p_value"].isna().all()
    assert "“before” date" in said(empty)
    asked = measured([1.0, np.nan], [np.nan, 2.0], margin=1).table.set_index("term").loc["equivalence"]
    assert (asked["status"] == "not_estimable").all()
    bounds = empty.table.set_index("term")["estimate"]
    assert (bounds["difference_if_worst"], bounds["difference_if_best"]) == (-3.0, 2.0)


def test_nobody_at_all():
    answer = measured([np.nan], [np.nan], scale=(0, 1))
    assert "no answer, neither before nor after" in said(answer)
    bounds = answer.table.set_index("term")["estimate"]
    assert (bounds["difference_if_worst"], bounds["difference_if_best"]) == (-1.0, 1.0)
    listed_nobody = pre_post(pd.Series(dtype=float), pd.Series(dtype=float), "continuous", scale=(0, 1)).table
    assert (
        listed_nobody.loc[listed_nobody["term"] == "difference_if_worst", "status"] == "not_estimable"
    ).all()


def test_a_tiny_p_is_never_zero():
    n = 300
    rows = lines(measured(np.arange(n) / 7, 1e9 + np.arange(n) / 7 + np.arange(n) % 2))
    p = rows["p_value"].dropna()
    assert len(p) == 4
    assert (p > 0).all()
    assert p[("change_test", "paired_t")] < 1e-300


def test_ten_equal_changes_nine_of_them_up_have_the_exact_p():
    # scipy gives 0.0273 (method="exact") or 0.0114 (approx); the law of ten equal ranks is the coin's.
    rows = lines(measured(np.arange(10.0), np.arange(10.0) + np.r_[np.ones(9), -1]))
    for method in ("wilcoxon_exact", "sign_flip_exact", "sign_test"):
        assert rows.loc[("change_test", method), "p_value"] == pytest.approx(22 / 1024)


# --- tests and their laws -----------------------------------------------------------------------------------------------------


def test_zeros_are_named_and_change_only_the_ranks(points):
    before, after = points[0], points[1].copy()
    after[:9] = before[:9]
    by = {zeros: lines(measured(before, after, zeros=zeros)) for zeros in ("wilcoxon", "pratt")}
    assert (
        by["wilcoxon"].loc[("change_test", "wilcoxon_exact"), "p_value"]
        != by["pratt"].loc[("change_test", "pratt_exact"), "p_value"]
    )
    assert (
        by["wilcoxon"].loc[("change_test", "sign_test"), "p_value"]
        == by["pratt"].loc[("change_test", "sign_test"), "p_value"]
    )
    assert "left out before ranking" in said(measured(before, after))
    assert "ranked with the others" in said(measured(before, after, zeros="pratt"))


def test_who_did_not_change_counts_in_the_centre_and_a_second_row_leaves_them_out(points):
    before, after = points[0], points[1].copy()
    after[:9] = before[:9]
    answer = measured(before, after)
    both = answer.table[answer.table["term"] == "hodges_lehmann"].set_index("part")
    assert abs(both.loc["changed", "estimate"]) > abs(both.loc["pairs", "estimate"])
    assert both["n"].to_dict() == {"pairs": 40, "changed": 31}
    assert "as R does" in said(answer)


def test_decimals_that_floats_blur_are_ties():
    # 3.3 - 3.2 and 0.3 - 0.2 differ in their last digits; both are a rise of a tenth.
    rows = lines(measured([3.2, 0.2, 5.0, 1.0], [3.3, 0.3, 4.9, 1.0]))
    assert rows.loc[("change_test", "wilcoxon_exact"), "statistic"] == 4.0
    answer = measured([3.2, 0.2, 5.0, 1.0], [3.3, 0.3, 4.9, 1.0])
    assert numbers_of(answer)["stayed"] == 1


def test_differences_without_a_unit_are_enumerated_then_drawn():
    rng = np.random.default_rng(7)
    few, many = rng.normal(0.3, 1, 12), rng.normal(0.3, 1, 60)
    whole = sign_flip(few)
    assert (whole.method, whole.p_floor) == ("exact", 2 / 2**12)
    sums = np.array([np.sum(few * s) for s in np.array(np.meshgrid(*[[-1, 1]] * 12)).reshape(12, -1).T])
    assert whole.p_value == pytest.approx((np.abs(sums) >= abs(few.sum()) - 1e-9).mean())
    assert sign_flip(few, "greater").p_value == pytest.approx((sums >= few.sum() - 1e-9).mean())
    assert sign_flip(few, "less").p_floor == 1 / 2**12
    drawn = measured(np.arange(60.0), np.arange(60.0) + many, seed=5)
    row = lines(drawn).loc[("change_test", "sign_flip_drawn")]
    assert row["p_floor"] == 1 / 20_000
    assert (
        row["p_value"]
        == lines(measured(np.arange(60.0), np.arange(60.0) + many, seed=5)).loc[
            ("change_test", "sign_flip_drawn"), "p_value"
        ]
    )
    assert "19,999 arrangements" in said(drawn)
    assert sign_flip(many, "greater", seed=2).p_value < 0.5 < sign_flip(many, "less", seed=2).p_value


def test_many_points_with_decimals_are_drawn_rather_than_counted():
    rng = np.random.default_rng(8)
    assert sign_flip(rng.normal(0, 9e4, 400).round(0)).method == "drawn"


def test_one_side_is_said_and_halves_the_t_test(points):
    both, one = measured(*points), measured(*points, alternative="greater")
    key = ("change_test", "paired_t")
    assert lines(one).loc[key, "p_value"] == pytest.approx(lines(both).loc[key, "p_value"] / 2)
    assert "higher after than before" in said(one)


def test_margins_ask_both_sides_or_one(points):
    both = lines(measured(*points, margin=5))
    below = lines(measured(*points, margin=(-5, None)))
    above = lines(measured(*points, margin=(None, 5)))
    for key in (("equivalence", "paired_t"), ("equivalence", "wilcoxon_exact")):
        assert both.loc[key, "p_value"] == pytest.approx(
            max(below.loc[key, "p_value"], above.loc[key, "p_value"])
        )
        assert both.loc[key, "conf_level"] == pytest.approx(0.9)
        inside = both.loc[key, "conf_low"] > -5 and both.loc[key, "conf_high"] < 5
        assert inside == (both.loc[key, "p_value"] < 0.05)
    assert below.loc[("equivalence", "paired_t"), "margin_high"] == math.inf
    assert "non-inferiority" in said(measured(*points, margin=(-5, None)))


def test_sizes_are_of_the_same_sign_and_d_z_inverts_the_noncentral_t(points):
    rows = lines(measured(*points))
    signs = {np.sign(rows.loc[(t, m), "estimate"]) for t, m in (
        ("d_z", "noncentral_t"), ("d_av", "bonett"), ("g_av", "bonett"), ("rank_biserial", "u_statistic_wilcoxon"))}  # fmt: skip
    assert signs == {np.sign(rows.loc[("difference", "paired_t"), "estimate"])}
    huge = d_z(np.array([1.0, 1.001, 0.999, 1.0005]))
    assert huge.conf_low < huge.estimate < huge.conf_high
    assert noncentrality(2.02e4, 20, 0.025) / 1.01 == pytest.approx(noncentrality(2e4, 20, 0.025), rel=1e-8)
    assert noncentrality(-3.0, 5, 0.975) == pytest.approx(-noncentrality(3.0, 5, 0.025))


def test_all_changes_one_way_have_a_size_without_interval():
    answer = measured([1.0, 2.0, 4.0, 4.5], [2.0, 2.5, 7.0, 6.0])
    row = lines(answer).loc[("rank_biserial", "u_statistic_wilcoxon")]
    assert row["estimate"] == 1.0
    assert math.isnan(row["conf_low"])
    assert "same direction" in said(answer)
    two = lines(measured([1.0, 2.0, 3.0], [3.0, 1.0, 3.0])).loc[("rank_biserial", "u_statistic_wilcoxon")]
    assert -1 <= two["conf_low"] < 0 < two["conf_high"] <= 1


# --- people -------------------------------------------------------------------------------------------------------------------


def test_who_is_lost_is_counted_and_bounded(points):
    before, after = points[0], points[1].copy()
    after[:5] = np.nan
    free, bounded = measured(before, after), measured(before, after, scale=(0, 100))
    assert numbers_of(free)["people_only_before"] == 5
    assert "nothing bounds" in said(free)
    rows = bounded.table.set_index("term")["estimate"]
    assert rows["difference_if_worst"] == pytest.approx((np.r_[np.zeros(5), after[5:]] - before).mean())
    assert rows["difference_if_best"] == pytest.approx((np.r_[np.full(5, 100.0), after[5:]] - before).mean())
    observed = bounded.table[(bounded.table["term"] == "mean_before") & (bounded.table["part"] == "observed")]
    assert observed["n"].tolist() == [40]


def test_who_came_in_later_is_counted_apart(points, answers):
    before = points[0].copy()
    before[:4] = np.nan
    assert "only after" in said(measured(before, points[1]))
    first = answers[0].astype(object)
    first[:4] = None
    answer = ordered(first, answers[1])
    assert "only after" in said(answer)
    assert numbers_of(answer)["people_only_after"] == 4


def test_the_same_start_for_all_is_taken_for_a_selection():
    refused = measured([3.0] * 5, [1.0, 4.0, 5.0, 2.0, 6.0])
    assert (refused.table.loc[refused.table["term"].isin(CERTAIN), "status"] == "not_estimable").all()
    assert "as if selection had fixed it" in said(refused)
    allowed = lines(measured([3.0] * 5, [1.0, 4.0, 5.0, 2.0, 6.0], selected_on="none"))
    assert allowed.loc[("change_test", "paired_t"), "status"] == "ok"


# --- what is refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"selected_on": "before < 10"}, "regression_to_the_mean"),
        ({"selected_on": "before == 0"}, "regression_to_the_mean"),
        ({"order": [1, 2]}, "does not read order"),
        ({"scores": [1, 2]}, "does not read scores"),
        ({"scale": (5, 1)}, "least, greatest"),
        ({"scale": (0, math.inf)}, "least, greatest"),
        ({"scale": (0, 2)}, "lies outside scale"),
        ({"zeros": "split"}, "zeros"),
    ],
)
def test_measures_refuse(options, match):
    with pytest.raises(InputError, match=match):
        measured([1.0, 2.0, 3.0], [2.0, 2.5, 1.0], **options)


@pytest.mark.parametrize("values", [["a", "b", "c"], [1.0, 2.0, math.inf], [True, False, True]])
def test_measures_must_be_finite_numbers(values):
    with pytest.raises(InputError, match="after"):
        measured([1.0, 2.0, 3.0], values)


@pytest.mark.parametrize(
    ("before", "options", "match"),
    [
        (["bad", "fair"], {"order": None}, "must know the order"),
        (["bad", "poor"], {}, "not in the order"),
        (["bad", "fair"], {"order": ["bad"]}, "at least two"),
        (["bad", "fair"], {"order": ["bad", "fair", "bad"]}, "each once"),
        (["bad", "fair"], {"order": ["bad", None]}, "none missing"),
        (["bad", "fair"], {"scores": [1, 2, 3]}, "4 rising numbers"),
        (["bad", "fair"], {"scores": [1, 2, 2, 3]}, "rising"),
        (["bad", "fair"], {"scale": (1, 4)}, "does not read scale"),
        (["bad", "fair"], {"selected_on": "before == 0"}, "regression_to_the_mean"),
    ],
)
def test_ordered_answers_refuse(before, options, match):
    with pytest.raises(InputError, match=match):
        ordered(before, ["bad", "fair"], **options)


def test_ordered_columns_must_agree_and_numbers_must_be_few():
    one = pd.Categorical(["a", "b"], categories=["a", "b"], ordered=True)
    other = pd.Categorical(["a", "b"], categories=["b", "a"], ordered=True)
    with pytest.raises(InputError, match="same order"):
        ordered(one, other, order=None)
    with pytest.raises(InputError, match="different numbers"):
        ordered(np.arange(40.0), np.arange(40.0), order=None)
    with pytest.raises(InputError, match="must know the order"):
        ordered(pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"]), order=None)


def test_answers_that_are_lists_are_refused():
    with pytest.raises(InputError, match="a text or a number"):
        ordered([["bad"], ["fair"]], ["bad", "fair"])
    with pytest.raises(InputError, match="a text or a number"):
        ordered(["bad", "fair"], ["bad", "fair"], order=[["bad"], ["fair"]])


# --- ordered answers ----------------------------------------------------------------------------------------------------------


def test_ordered_answers_by_list_by_column_and_by_numbers_are_one(answers):
    before, after = answers
    at = {d: i + 1 for i, d in enumerate(DEGREES)}
    listed = ordered(before, after)
    column = pre_post(*(pd.Series(pd.Categorical(w, DEGREES, ordered=True)) for w in answers), "ordinal")
    numeric = ordered([at[v] for v in before], [at[v] for v in after], order=None)
    for other in (column, numeric):
        ours, theirs = (lines(a)[["estimate", "p_value", "conf_low", "conf_high"]] for a in (listed, other))
        pd.testing.assert_frame_equal(ours, theirs)
    assert "“bad” = 1, “fair” = 2, “good” = 3 and “very good” = 4, equally spaced" in said(listed)
    assert "the very numbers" in said(numeric)


def test_a_wave_that_never_took_place_leaves_the_other_described(answers):
    first = pd.Series(pd.Categorical(answers[0], DEGREES, ordered=True))
    answer = pre_post(first, pd.Series(np.full(80, np.nan)), "ordinal")
    assert (answer.table.loc[answer.table["term"] == "superiority", "status"] == "not_estimable").all()
    assert "“after” date" in said(answer)
    observed = answer.table[(answer.table["term"] == "mean_before") & (answer.table["part"] == "observed")]
    assert observed["n"].tolist() == [80]
    seen = answer.table[answer.table["term"].eq("answers_before") & answer.table["part"].eq("observed")]
    assert seen["count"].sum() == 80
    text = pre_post(first, pd.Series(answers[1]), "ordinal")
    assert lines(text).loc[("superiority", "tango"), "estimate"] == pytest.approx(
        lines(ordered(*answers)).loc[("superiority", "tango"), "estimate"]
    )


def test_numbers_with_a_gap_keep_their_distance():
    rows = lines(ordered([1, 5, 1, 2], [5, 5, 2, 1], order=None))
    assert rows.loc[("difference", "paired_t"), "estimate"] == pytest.approx(1.0)


def test_superiority_is_of_directions_and_scores_move_only_the_rest(answers):
    even, odd = ordered(*answers), ordered(*answers, scores=[0, 1, 5, 6])
    counts = numbers_of(even)
    share = (counts["went_up"] - counts["went_down"]) / 80
    for answer in (even, odd):
        assert lines(answer).loc[("superiority", "tango"), "estimate"] == pytest.approx(share)
    key = ("change_test", "sign_test")
    assert lines(even).loc[key, "p_value"] == lines(odd).loc[key, "p_value"]
    assert (
        lines(even).loc[("difference", "paired_t"), "estimate"]
        != lines(odd).loc[("difference", "paired_t"), "estimate"]
    )
    assert "as given" in said(odd)
    assert "worth the same everywhere" in said(odd)


def test_an_unused_category_changes_nothing_but_its_own_row(answers):
    few, more = ordered(*answers), ordered(*answers, order=[*DEGREES, "perfect"])
    keep = ["estimate", "p_value", "conf_low", "conf_high"]
    drop = [("difference_if_worst", "manski"), ("difference_if_best", "manski")]
    pd.testing.assert_frame_equal(
        lines(few)[keep].drop(drop, errors="ignore"), lines(more)[keep].drop(drop, errors="ignore")
    )
    unused = more.table[more.table["category"] == "perfect"]
    assert unused["count"].tolist() == [0, 0]


def test_one_category_only_is_a_start_that_nobody_left():
    answer = ordered(["bad"] * 4, ["bad"] * 4)
    assert (answer.table.loc[answer.table["term"] == "change_test", "status"] == "not_estimable").all()
    free = lines(ordered(["bad"] * 4, ["bad"] * 4, selected_on="none"))
    assert free.loc[("change_test", "scored_exact"), "p_value"] == 1.0
    assert free.loc[("change_test", "scored_asymptotic"), "status"] == "not_estimable"
    low, high = free.loc[("superiority", "tango"), ["conf_low", "conf_high"]]
    assert low < 0 < high


def test_lost_answers_are_bounded_by_the_order_but_not_by_numbers_seen(answers):
    before, after = answers[0], answers[1].astype(object)
    after[:12] = None
    assert "difference_if_worst" in set(ordered(before, after).table["term"])
    at = {d: i + 1 for i, d in enumerate(DEGREES)}
    numeric = ordered([at[v] for v in before], [at.get(v) for v in after], order=None)
    assert "difference_if_worst" not in set(numeric.table["term"])


def test_one_sided_scores_use_the_normal_law(answers):
    row = lines(ordered(*answers, alternative="less")).loc[("change_test", "scored_asymptotic")]
    assert math.isnan(row["df"])
    assert row["p_value"] > 0.5


# --- words, pictures, publishing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_summaries_have_no_code_left(points, answers, lang):
    before, after = points[0], points[1].copy()
    after[:3], after[5:8] = np.nan, before[5:8]
    for answer in (
        measured(before, after, margin=4, scale=(0, 100)),
        ordered(*answers, margin=0.5, zeros="pratt"),
    ):
        text = answer.summary(lang, max_rows=99)
        codes = set(answer.table["term"]) | set(answer.table["part"]) | set(answer.table["method"])
        left = [c for c in codes if "_" in c and f"{c} " in text]
        assert [c for c in left if c not in ("d_z", "d_av", "g_av")] == []
        assert len(pickle.loads(pickle.dumps(answer)).table) == len(answer.table)


def test_the_picture_shows_what_is_in_the_unit_of_the_outcome(points):
    ax = measured(*points).plot(lang="fr")
    names = " ".join(label.get_text().replace("\n", " ") for label in ax.get_yticklabels())
    plt.close(ax.figure)
    assert "centre de Hodges-Lehmann" in names
    assert "d_z" not in names


def test_a_median_that_is_somebodys_change_is_hidden(points):
    published = measured(*points).publish()
    rows = lines(published)
    assert rows.loc[("difference", "paired_t"), "status"] == "ok"
    median = rows.loc[("median_difference", "sign_interval")]
    assert median["status"] == "suppressed"
    assert median[["estimate", "conf_low", "conf_high", "level_achieved"]].isna().all()
    assert "very change of too few people" in said(published)
    assert published.crowds == {}


def test_a_median_that_many_share_stays():
    rng = np.random.default_rng(3)
    before = rng.integers(0, 10, 120)
    answer = measured(before, before + rng.choice([-1, 0, 1], 120))
    assert lines(answer.publish()).loc[("median_difference", "sign_interval"), "status"] == "ok"


def test_few_who_went_down_hide_every_direction_and_the_tests_that_count_them():
    before = np.arange(60.0)
    after = before + np.r_[np.full(4, -1.0), np.zeros(20), np.full(18, 2.0), np.full(18, 3.0)]
    answer = measured(before, after, margin=3)
    published = answer.publish()
    shown = published.table
    for term in ("went_up", "went_down", "stayed"):
        assert shown.loc[shown["term"] == term, "count"].isna().all()
    rows = lines(published)
    for method in ("sign_flip_exact", "wilcoxon_exact", "sign_test"):
        assert rows.loc[("change_test", method), ["p_value", "p_floor"]].isna().all()
    assert shown.loc[shown["part"] == "changed", "n"].isna().all()
    assert rows.loc[("change_test", "paired_t"), "status"] == "ok"
    assert "Too few people went up" in said(published)
    assert rows.loc[("rank_biserial", "u_statistic_wilcoxon"), "status"] == "suppressed"


def test_floors_are_no_longer_said_when_they_are_hidden():
    before = np.arange(14.0)
    after = before + np.r_[1.0, 2.0, -3.0, np.zeros(11)]
    answer = measured(before, after)
    assert "cannot go below" in said(answer)
    assert "cannot go below" not in said(answer.publish())


def test_the_level_of_a_hidden_interval_is_not_said():
    few = measured([1.0, 2.0, 3.0, 5.0], [2.0, 2.5, 5.0, 4.0])
    assert "87.5%" in said(few)
    assert "87.5%" not in said(few.publish())
    assert not any("87.5" in str(r) for r in few.publish().tidy()["reason"])
    before = np.arange(40.0)
    after = before + np.r_[np.arange(1.0, 5.0), np.zeros(36)]
    assert "87.5%" in said(measured(before, after))
    assert "87.5%" not in said(measured(before, after).publish())


def test_few_lost_hide_what_their_sum_follows_from(points):
    before, after = points[0], points[1].copy()
    after[:3] = np.nan
    published = measured(before, after, scale=(0, 100)).publish()
    shown = published.table
    hidden = shown[(shown["part"].isin(["everyone", "observed"])) & shown["n"].gt(0)]
    assert hidden.empty or (hidden["status"] == "suppressed").all()
    assert shown.loc[shown["term"] == "people_all", "count"].isna().all()


@pytest.mark.parametrize("kind", ["continuous", "ordinal"])
@pytest.mark.parametrize("lost", [(3, 20), (20, 3)])
def test_empty_answers_and_bases_do_not_give_away_the_few_seen_once(kind, lost):
    rng = np.random.default_rng(5)
    before, after = (rng.integers(1, 5, 83).astype(float) for _ in range(2))
    after[60 : 60 + lost[0]] = before[60 + lost[0] :] = np.nan
    shown = pre_post(*waves(before, after), kind).publish().table
    people = shown.set_index("term")["count"]
    assert people[["people_only_before", "people_only_after"]].isna().all()
    # 83 − 60 seen twice are 23: of wide data the empty answers, or the base of a mean, would give both numbers.
    assert people[["people_all", "people_paired"]].tolist() == [83, 60]
    assert people[["empty_before", "empty_after"]].isna().all()
    assert shown.loc[shown["part"] == "observed", "n"].isna().all()


@pytest.mark.parametrize("zeros", ["wilcoxon", "pratt"])
@pytest.mark.parametrize("unit", [10, 100, 3])
def test_equivalence_by_ranks_does_not_depend_on_the_unit(zeros, unit):
    # Less a margin of 0.1 the changes 0.3 and −0.1 are equally far from it; as floats they are not.
    before = np.array([4, 0, 2, 1, 7, 9, 3, 8, 1, 4, 3, 3])
    after = before + [4, 0, 2, -1, -2, -4, 0, -2, -1, 4, -3, -3]
    tests = [
        lines(measured(before / u, after / u, margin=(-2 / u, 3 / u), zeros=zeros)).loc["equivalence"]
        for u in (1, unit)
    ]
    assert tests[1]["p_value"].tolist() == pytest.approx(tests[0]["p_value"].tolist(), rel=1e-9)


def test_few_changes_of_scores_cannot_be_solved_from_their_sum_and_squares():
    before, after = ["no"] * 50 + ["yes"] * 50, ["yes"] * 3 + ["no"] * 47 + ["yes"] * 50
    answer = ordered(before, after, order=["no", "yes"], margin=0.2)
    published = answer.publish()
    rows = lines(published)
    # The sum of the differences and that of their squares are both 3: three went up, nobody down.
    difference = rows.loc[("difference", "paired_t")]
    assert difference["estimate"] == 0.03
    assert difference[["std_error", "conf_low", "conf_high"]].isna().all()
    assert rows.loc[("change_test", "scored_asymptotic"), ["statistic", "p_value"]].isna().all()
    assert rows.loc[("equivalence", "paired_t"), ["std_error", "p_value", "conf_low"]].isna().all()
    assert rows.loc[("hodges_lehmann", "walsh_exact"), ["estimate", "conf_low", "conf_high"]].isna().all()
    assert "Too few people went up" in said(published)


def test_a_rare_answer_hides_all_counts_and_the_spread_of_the_mean(answers):
    before, after = answers[0].copy(), answers[1]
    before[before == "very good"] = "good"
    before[:4] = "very good"
    published = ordered(before, after).publish()
    shown = published.table
    rare = shown["term"].isin(["answers_before", "answers_after"])
    assert shown.loc[rare, "count"].isna().all()
    mean = lines(published).loc[("mean_before", "t_interval")]
    assert math.isfinite(mean["estimate"])
    assert math.isnan(mean["std_error"])
    assert "gave one same answer" in said(published)


def test_answers_of_the_few_who_were_lost_cannot_be_taken_from_totals():
    before = np.repeat(DEGREES, 30).astype(object)
    after = np.roll(before, 7)
    after[:13] = None
    answer = ordered(before, after)
    cells = answer.table["part"].eq("observed") & answer.table["term"].eq("answers_before")
    assert answer.table.loc[cells, "count"].tolist() == [30] * 4
    # Thirteen are lost, all of the first degree: enough to be shown.
    assert answer.publish().table.loc[cells, "count"].notna().all()
    after[:13], after[40:45] = before[:13], None
    few = ordered(before, after)
    assert few.publish().table.loc[cells, "count"].isna().all()


def test_two_categories_hide_the_mean_too():
    before, after = ["no"] * 25 + ["yes"] * 5, ["no"] * 13 + ["yes"] * 17
    rows = lines(ordered(before, after, order=["no", "yes"]).publish())
    assert rows.loc[("mean_before", "t_interval"), "status"] == "suppressed"
    assert rows.loc[("difference", "paired_t"), "status"] == "suppressed"


def test_simulated_people_are_shown_whole(points):
    from evalkit.provenance import Provenance

    answer = measured(*points, provenance=Provenance(kind="simulated"))
    assert (answer.publish().table["status"] != "suppressed").all()
    lowered = measured(*points).publish(Policy(1, "exercise"))
    assert (lowered.table["status"] != "suppressed").all()
