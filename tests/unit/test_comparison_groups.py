"""Two groups: what each kind says, edges, wrong input, weights, clusters, adjusted estimates beside, what leaves the room."""

from __future__ import annotations

import math
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import TwoGroups, two_groups
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance

KINDS = ("binary", "continuous", "ordinal", "nominal", "count")
OPEN = Provenance(kind="open")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def S(*values):  # noqa: N802 - short, and read at every line
    return pd.Series(list(values))


def people(n=120, seed=5):
    rng = np.random.default_rng(seed)
    g = rng.random(n) < 0.45
    return pd.DataFrame({
        "group": np.where(g, "essai", "témoin"),
        "placed": (rng.random(n) < np.where(g, 0.6, 0.4)).astype(int),
        "score": rng.normal(10 + g, 3).round(1),
        "answer": np.clip(np.round(rng.normal(3 + 0.4 * g, 1.1)), 1, 5).astype(int),
        "path": rng.choice(["emploi", "formation", "rien"], n),
        "contacts": rng.poisson(2 + g),
        "months": rng.uniform(1, 6, n),
        "w": rng.uniform(0.5, 3, n),
        "site": rng.integers(0, 12, n),
        "age": rng.integers(16, 26, n),
    })  # fmt: skip


OUTCOME = {
    "binary": "placed",
    "continuous": "score",
    "ordinal": "answer",
    "nominal": "path",
    "count": "contacts",
}


def answer(kind, data=None, **options):
    data = people() if data is None else data
    return two_groups(OUTCOME[kind], "group", data=data, kind=kind, reference="témoin", **options)


def rows(result, term, method=None, part=None):
    t = result.table
    found = t[t["term"] == term]
    found = found if method is None else found[found["method"] == method]
    return found if part is None else found[found["part"] == part]


def one(result, term, method=None, part=None):
    found = rows(result, term, method, part)
    assert len(found) == 1
    return found.iloc[0]


def keys(result):
    return [c.key.split(".")[1] for c in result.caveats]


# ---- what every answer is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("design", ["", "w", "site", "both"])
def test_every_answer_reads_in_both_languages_draws_and_travels(kind, design):
    extra = {
        "": {},
        "w": {"weights": "w"},
        "site": {"cluster": "site"},
        "both": {"weights": "w", "cluster": "site"},
    }[design]
    made = answer(kind, **extra)
    assert isinstance(made, TwoGroups)
    fr, en = made.summary("fr"), made.summary("en")
    for code in ("comparison_groups", "newcombe", "miettinen", "mann_whitney", "people_compared", "CR2_"):
        assert code not in fr
        assert code not in en
    assert "tirage au sort" in fr
    assert pickle.loads(pickle.dumps(made)).summary("fr") == fr
    ok = made.table[made.table["status"] == "ok"]
    assert (ok["p_value"].dropna() > 0).all()
    assert ok.loc[ok["conf_low"].notna(), "conf_level"].eq(0.95).all()
    if design in ("", "w"):
        assert "essai" in made.plot(lang="fr").get_title(loc="left")


def test_the_difference_is_other_less_reference_and_the_table_says_who_is_compared():
    made = answer("binary")
    data = people()
    share = data.groupby("group")["placed"].mean()
    assert one(made, "difference", "newcombe").estimate == pytest.approx(share["essai"] - share["témoin"])
    seen = [one(made, "people_compared", part=p)["count"] for p in ("reference", "other")]
    assert seen == data["group"].value_counts()[["témoin", "essai"]].tolist()
    assert made.glance().loc[0, "n_compared"] == 120


def test_a_lot_is_said_only_when_declared():
    assert keys(answer("binary"))[0] == "no_lot"
    assert keys(answer("binary", assignment="random"))[0] == "by_lot"


def test_one_sided_tests_are_said_and_intervals_stay_two_sided():
    both, more = answer("continuous"), answer("continuous", alternative="greater")
    assert one(more, "difference").conf_low == one(both, "difference").conf_low
    assert one(more, "difference").p_value == pytest.approx(one(both, "difference").p_value / 2)
    assert "one_sided" in keys(more)
    assert rows(answer("binary", alternative="less"), "group_test", "boschloo").empty


# ---- yes/no ----------------------------------------------------------------------------------------------------------


def yes_no(x0, n0, x1, n1, **options):
    y = [1] * x0 + [0] * (n0 - x0) + [1] * x1 + [0] * (n1 - x1)
    return two_groups(pd.Series(y), pd.Series([0] * n0 + [1] * n1), **options)


def test_people_per_one_more_is_one_piece_or_two():
    clear = yes_no(12, 40, 28, 40)
    assert rows(clear, "people_per_one_fewer").empty
    more = one(clear, "people_per_one_more")
    d = one(clear, "difference", "newcombe")
    assert (more.estimate, more.conf_low, more.conf_high) == pytest.approx(
        (1 / d.estimate, 1 / d.conf_high, 1 / d.conf_low)
    )
    unclear = yes_no(12, 40, 15, 40)
    more, fewer = one(unclear, "people_per_one_more"), one(unclear, "people_per_one_fewer")
    assert more.conf_high == fewer.conf_high == math.inf
    assert more.estimate > 0
    assert math.isnan(fewer.estimate)
    assert more.reason.key == "comparison_groups.two_pieces"
    level = yes_no(10, 40, 10, 40)
    assert rows(level, "people_per_one_more")["estimate"].isna().all()


def test_nobody_or_everybody_has_the_outcome():
    nobody = yes_no(0, 12, 0, 15)
    assert (rows(nobody, "difference")["status"] == "ok").all()
    assert (rows(nobody, "risk_ratio")["status"] == "not_estimable").all()
    assert one(nobody, "group_test", "fisher_exact").p_value == 1
    assert one(nobody, "group_test", "chi_squared").status == "not_estimable"
    everybody = yes_no(12, 12, 15, 15)
    assert (rows(everybody, "risk_ratio")["status"] == "ok").all()
    assert (rows(everybody, "odds_ratio")["status"] == "not_estimable").all()


def test_an_empty_cell_gives_an_interval_without_an_end_and_nothing_is_added():
    made = yes_no(0, 20, 6, 20)
    ratio = one(made, "risk_ratio", "koopman")
    assert ratio.estimate == ratio.conf_high == math.inf
    assert ratio.conf_low > 1
    assert ratio.reason.key == "comparison_groups.ratio_without_end"
    assert one(made, "difference", "newcombe").estimate == pytest.approx(0.3)


def test_a_test_that_cannot_reach_the_level_says_so():
    made = yes_no(0, 3, 2, 3)
    floor = one(made, "group_test", "fisher_exact").p_floor
    assert floor > 0.05
    assert "floor_binds" in keys(made)


@pytest.mark.parametrize(
    ("margin", "term"),
    [(0.2, "equivalence"), ((-0.2, None), "non_inferiority"), ((None, 0.2), "non_superiority")],
)
def test_margins_of_shares_and_means(margin, term):
    for made in (
        answer("binary", margin=margin),
        answer("continuous", margin=margin),
        answer("binary", margin=margin, weights="w"),
    ):
        row = one(made, term)
        assert 0 < row.p_value < 1
        assert math.isnan(row.margin_low) == (term == "non_superiority")
    with pytest.raises(InputError, match="between -1 and 1"):
        answer("binary", margin=1.0)


def test_margins_of_rates_are_ratios():
    for extra in ({}, {"weights": "w"}):
        row = one(answer("count", margin=1.5, **extra), "equivalence")
        assert (row.margin_low, row.margin_high) == pytest.approx((1 / 1.5, 1.5))
        row = one(answer("count", margin=(0.5, None), **extra), "non_inferiority")
        assert row.p_value < 0.05
        assert math.isnan(row.margin_high)


def test_too_many_tables_for_boschloo_is_said():
    row = one(yes_no(100, 300, 120, 300), "group_test", "boschloo")
    assert row.status == "not_estimable"
    assert row.reason.key == "comparison_groups.boschloo_large"


# ---- edges of every kind ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("y", "g"),
    [
        ([0] * 10, [0] * 5 + [1] * 5),
        ([1] * 10, [0] * 5 + [1] * 5),
        ([0] * 5 + [1] * 5, [0] * 5 + [1] * 5),
        ([0, 1, 1, 0, 1], [0, 0, 0, 0, 1]),
        ([0, 1], [0, 1]),
    ],
    ids=["all 0", "all 1", "separated", "one in a group", "two people"],
)
@pytest.mark.parametrize("design", ["margin", "weights", "one cluster per arm"])
def test_edges_give_an_answer_and_never_a_certain_one(kind, y, g, design):
    y, g = pd.Series(y), pd.Series(g)
    extra = {
        "weights": {"weights": pd.Series(np.linspace(1, 2, len(y)))},
        "one cluster per arm": {"cluster": g},
    }.get(design, {})
    if design == "margin" and kind != "nominal":
        extra = {"margin": 0.2 if kind != "count" else 1.5}
    made = two_groups(y, g, kind=kind, **extra)
    table = made.table
    unknown = table["status"] == "not_estimable"
    assert table.loc[unknown, "p_value"].isna().all()
    assert table.loc[unknown, "reason"].notna().all()
    assert not (table["p_value"] < 1e-3).any()
    assert not (table["std_error"] < 1e-6).any()
    assert made.publish().summary("fr")
    if design == "one cluster per arm":
        assert table["p_value"].isna().all()
    else:
        described = table["term"].isin(["mean", "mean_score", "proportion"]) & table["conf_low"].isna()
        assert table.loc[described, "reason"].notna().all()


def test_a_group_without_any_answer_is_described_not_compared():
    y, g = S(0, 1, 0, 1, None, None), S("a", "a", "a", "a", "b", "b")
    for kind in KINDS:
        made = two_groups(y.astype("Int64"), g, kind=kind, missing="drop")
        assert made.table.iloc[0].status == "not_estimable"
        assert "“b”" in made.table.iloc[0].reason.text("en")
        assert one(made, "people_compared", part="other")["n"] == 2
    lone = S(*"aaa").astype(pd.CategoricalDtype(["a", "b"]))
    assert two_groups(S(0, 1, 1), lone).table.iloc[0].status == "not_estimable"
    for extra in ({"weights": S(1.0, 2, 1)}, {"cluster": S(1, 2, 3)}):
        assert two_groups(S(0, 1, 1), lone, **extra).table.iloc[0].status == "not_estimable"
    assert (
        two_groups(S(*"xyx"), lone, kind="nominal", weights=S(1.0, 2, 1)).table.iloc[0].status
        == "not_estimable"
    )


def test_missing_answers_are_refused_or_counted_by_group():
    data = people()
    data.loc[:2, "score"] = np.nan
    data.loc[5:6, "group"] = None
    with pytest.raises(InputError, match="score is missing in 3 of 120 rows") as error:
        answer("continuous", data)
    assert "group is missing in 2 of 120 rows" in str(error.value)
    made = answer("continuous", data, missing="drop")
    assert one(made, "people_without_group")["count"] == 2
    assert {"without_group", "left_out"} <= set(keys(made))
    used = rows(made, "people_compared")
    assert used["count"].sum() == 115
    assert used["n"].sum() == 118


def test_unused_categories_do_not_count():
    y = pd.Series(pd.Categorical(list("aabbab"), categories=list("abz")))
    made = two_groups(y, S(0, 0, 0, 1, 1, 1), kind="nominal")
    assert one(made, "group_test", "chi_squared").df == 1
    ordered = two_groups(y, S(0, 0, 0, 1, 1, 1), kind="ordinal", scores=[1, 2, 9])
    assert one(ordered, "mean_score", part="reference").estimate == pytest.approx(4 / 3)


def test_series_are_matched_by_their_index():
    y = pd.Series([0, 1, 1, 0], index=list("abcd"))
    g = pd.Series([1, 0, 1, 0], index=list("dcba"))
    assert one(two_groups(y, g), "difference", "newcombe").estimate == pytest.approx(0.5 - 0.5)
    same = two_groups(y, g.loc[list("abcd")])
    assert same.table.drop(columns="reason").equals(two_groups(y, g).table.drop(columns="reason"))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: two_groups(S(0, 1, 1), S(*"abc")), "holds 3: 'a', 'b', 'c'"),
        (lambda: two_groups(S(0, 1, 1), S(*"aaa")), "holds 1: 'a'"),
        (lambda: two_groups(S(0, 1), S(*"aba")), "3 rows where 2 were expected"),
        (lambda: two_groups(S(0, 1, 1), pd.Series(list("aba"), index=[7, 8, 0])), "2 of 3 people of group"),
        (lambda: two_groups(S(0, 1, 1), pd.Series(list("aba"), index=[1, 1, 0])), "listed twice"),
        (lambda: two_groups(S(0, 1, 2), S(*"aba")), "must hold 0 and 1"),
        (lambda: two_groups(S(0, 1, 1), S(*"aba"), weights=S(1, 0, -1)), "0 or less in 2 of 3 rows"),
        (lambda: two_groups([0, 1], [1, 0]), "pandas Series"),
        (lambda: two_groups("y", "g", data=[1]), "must be a DataFrame"),
        (lambda: two_groups("y", "g", data=people()), "no column 'y' in data"),
        (lambda: two_groups("a", "g", data=pd.DataFrame([[1, 2, 3]], columns=["a", "a", "g"])), "several columns"),
        (lambda: two_groups(S(0, 1, 1), S(*"aba"), kind="count", exposure=S(1, 0, 2)), "exposure"),
        (lambda: two_groups(S(0, 1, 1), S(*"aba"), exposure=S(1, 1, 2)), "exposure= is for counts"),
        (lambda: two_groups(S(*"xyx"), S(*"aba"), kind="ordinal"), "order is not known"),
        (lambda: two_groups(S(*"xyx"), S(*"aba"), kind="ordinal", order=["x"]), "does not name"),
        (lambda: two_groups(S(*"xyx"), S(*"aba"), kind="ordinal", order=["x", "x"]), "twice"),
        (lambda: two_groups(S(1, 2, 1), S(*"aba"), kind="ordinal", scores=[2, 1]), "increasing"),
        (lambda: two_groups(S(1.5, 2, 1), S(*"aba"), kind="count"), "whole numbers"),
        (lambda: two_groups(S(1.5, 2, 1), S(*"aba"), kind="continuous", order=[1]), "order and scores"),
        (lambda: two_groups(S(0, 1, 1), S(*"aba"), adjust="age"), "data= is needed"),
        (lambda: answer("binary", adjust="nothing"), "no column"),
        (lambda: answer("binary", method="iptw"), "say how to adjust"),
        (lambda: answer("binary", cluster="site", strata="site"), "needs weights"),
        (lambda: answer("nominal", margin=0.1), "no side and no margin"),
        (lambda: answer("binary", weights="w", cluster="site", strata="placed"), "several strata"),
        (lambda: answer("binary", seed=-1), "seed"),
        (lambda: two_groups(S(), S()), "nobody"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_in_words(call, said):
    with pytest.raises(InputError, match=said):
        call()


# ---- numbers, categories, counts -------------------------------------------------------------------------------------


def test_a_permutation_test_is_exact_or_says_how_many_were_drawn():
    rng = np.random.default_rng(3)
    y, g = pd.Series(rng.normal(size=60)), pd.Series([0, 1] * 30)
    drawn = two_groups(y, g, kind="continuous", seed=4)
    row = one(drawn, "group_test", "permutation_drawn")
    assert row.p_floor == pytest.approx(1e-4)
    assert row.reason.values["seed"] == 4
    again = two_groups(y, g, kind="continuous", seed=4)
    assert one(again, "group_test", "permutation_drawn").p_value == row.p_value
    few = two_groups(y[:10], g[:10], kind="continuous")
    assert one(few, "group_test", "permutation_exact").p_floor == pytest.approx(2 / 252)


def test_so_few_people_that_the_shift_cannot_reach_the_level():
    made = two_groups(S(1.0, 2.5, 4.0, 7.0), S(0, 0, 1, 1), kind="continuous")
    shift = one(made, "shift")
    assert shift.level_achieved < 0.95
    assert shift.reason.key == "comparison_groups.level_not_reached"


def test_counts_that_vary_more_than_chance_say_which_interval_to_read():
    rng = np.random.default_rng(1)
    y, g = pd.Series(rng.negative_binomial(0.5, 0.1, 100)), pd.Series([0, 1] * 50)
    made = two_groups(y, g, kind="count")
    assert "dispersed" in keys(made)
    exact, robust = one(made, "rate_ratio", "conditional_exact"), one(made, "rate_ratio", "sandwich")
    assert robust.conf_high / robust.conf_low > 1.5 * exact.conf_high / exact.conf_low
    assert "dispersed" not in keys(answer("count"))


def test_nothing_happens_in_one_group():
    made = two_groups(S(0, 0, 0, 2, 1, 3), S(0, 0, 0, 1, 1, 1), kind="count")
    assert one(made, "rate_ratio", "conditional_exact").conf_high == math.inf
    assert one(made, "rate_ratio", "sandwich").reason.key == "comparison_groups.no_event_in_group"
    assert one(made, "rate_difference").status == "ok"


def test_many_unordered_categories_are_drawn():
    rng = np.random.default_rng(2)
    y, g = pd.Series(rng.integers(0, 14, 400).astype(str)), pd.Series(rng.integers(0, 2, 400))
    made = two_groups(y, g, kind="nominal", seed=9)
    row = one(made, "group_test", "freeman_halton_drawn")
    assert abs(row.p_value - one(made, "group_test", "chi_squared").p_value) < 0.03
    assert row.p_floor == pytest.approx(1e-4)


# ---- designs ---------------------------------------------------------------------------------------------------------


def test_weights_make_estimates_about_the_population_and_say_so():
    made = answer("binary", weights="w")
    data = people()
    share = data.groupby("group").apply(
        lambda d: np.average(d["placed"], weights=d["w"]), include_groups=False
    )
    assert one(made, "difference").estimate == pytest.approx(share["essai"] - share["témoin"])
    assert rows(made, "group_test").empty
    assert "weights_mean" in keys(made)
    effective = rows(made, "effective_n")
    assert (effective["estimate"] < effective["n"]).all()


def test_weighted_designs_that_tell_nothing_of_their_precision():
    data = people()
    data["alone"] = np.arange(len(data))
    data["stratum"] = (data.index == 0).astype(int)
    assert (
        one(answer("binary", data, weights="w", strata="stratum"), "difference").reason.key
        == "comparison_groups.lonely"
    )
    data["pair"] = (data.index % 4 // 2).astype(str) + data["group"]
    data["half"] = data["pair"].str[0]
    few = answer("binary", data, weights="w", cluster="half")
    assert one(few, "difference", "linearised").reason.key == "comparison_groups.few_clusters"


def test_weighted_categories_are_tested_together_or_the_reason_is_said():
    made = answer("nominal", weights="w")
    assert one(made, "group_test", "wald_f").df == 2
    data = people()
    data["few"] = data.index % 3
    assert (
        one(answer("nominal", data, weights="w", cluster="few"), "group_test").reason.key
        == "comparison_groups.few_for_all"
    )
    same = answer("nominal", data.assign(path="job"), weights="w")
    assert one(same, "group_test").reason.key == "comparison_groups.one_category"
    yes = answer("nominal", data.assign(path=data["placed"]), weights="w")
    assert one(yes, "group_test").p_value == pytest.approx(
        one(answer("binary", weights="w"), "difference").p_value
    )


def test_two_sites_are_described_not_tested():
    data = people()
    data["town"] = data["group"]
    for extra in ({}, {"weights": "w"}, {"adjust": "age"}):
        made = answer("binary", data, cluster="town", **extra)
        assert made.table["p_value"].isna().all()
        assert made.table["conf_low"].isna().all()
    assert one(answer("binary", data, cluster="town"), "proportion", part="other").estimate > 0


def test_adjusted_estimates_stand_beside_the_raw_one():
    for kind in ("binary", "continuous", "count"):
        made = answer(kind, adjust=["age"], method=["regression", "iptw"])
        terms = made.table["term"].tolist()
        assert "adjusted_difference" in terms[:4]
        assert set(rows(made, "adjusted_difference")["method"]) == {"regression", "iptw"}
        assert "adjusted_" not in made.summary("fr")
    assert rows(answer("ordinal", adjust="age"), "adjusted_difference")["status"].eq("not_estimable").all()


# ---- what leaves the room --------------------------------------------------------------------------------------------

FIGURES = ["estimate", "std_error", "statistic", "df", "p_value", "p_floor", "conf_low", "conf_high", "count"]


def test_a_small_cell_hides_everything_it_could_be_solved_from():
    made = yes_no(5, 60, 30, 70)
    out = made.publish()
    hidden = out.table[~out.table["term"].eq("people_compared")]
    assert hidden[FIGURES].isna().all(axis=None)
    assert "few_hidden" in keys(out)
    assert rows(out, "people_compared")["count"].tolist() == [60, 70]
    assert out.fewest == 0
    assert out.publish().table.equals(out.table)
    shown = yes_no(15, 60, 30, 70).publish()
    assert shown.table["estimate"].equals(yes_no(15, 60, 30, 70).table["estimate"])
    free = yes_no(5, 60, 30, 70, provenance=OPEN).publish()
    assert free.table["p_value"].notna().any()
    lower = made.publish(Policy(5, reason="agreed"))
    assert one(lower, "difference", "newcombe").estimate == pytest.approx(30 / 70 - 5 / 60)


def test_few_people_left_out_are_not_told():
    data = people()
    data.loc[:2, "score"] = np.nan
    out = answer("continuous", data, missing="drop").publish()
    assert rows(out, "people_compared")[["count", "n"]].isna().any(axis=None)
    said = " ".join(c.text("en") for c in out.caveats)
    assert "essai: " not in said
    assert "témoin: " not in said


def test_a_mean_that_tells_of_a_few_people_is_hidden():
    y = pd.Series([0] * 25 + [900.0] * 5 + list(np.linspace(0, 50, 30)))
    out = two_groups(y, pd.Series([0] * 30 + [1] * 30), kind="continuous").publish()
    assert rows(out, "mean")["estimate"].isna().all()
    assert rows(out, "difference")["estimate"].isna().all()


def test_of_ordered_answers_superiority_stays():
    out = answer("ordinal").publish()
    assert answer("ordinal").fewest < 11
    kept = rows(out, "superiority", "newcombe_5").iloc[0]
    assert kept.estimate > 0
    assert math.isnan(kept.conf_low)
    assert rows(out, "mean_score")["estimate"].isna().all()
    assert rows(out, "category_share")[["estimate", "count"]].isna().all(axis=None)
    two = two_groups(S(*[1] * 30, *[2] * 30, *[1] * 5, *[2] * 35), S(*[0] * 60, *[1] * 40), kind="ordinal")
    assert rows(two.publish(), "superiority")["estimate"].isna().all()


def test_of_unordered_answers_the_categories_large_in_both_groups_stay():
    y = (
        ["job"] * 40
        + ["none"] * 30
        + ["other"] * 4
        + ["else"] * 20
        + ["job"] * 30
        + ["none"] * 35
        + ["other"] * 12
        + ["else"] * 13
    )
    out = two_groups(pd.Series(y), pd.Series([0] * 94 + [1] * 90), kind="nominal").publish()
    assert rows(out, "group_test")["p_value"].isna().all()
    assert rows(out, "share_test")["p_value"].isna().all()
    cells = rows(out, "category_share").set_index(["part", "category"])["count"]
    assert np.isnan(cells["reference", "other"])
    for part in ("reference", "other"):
        assert cells[part].isna().sum() >= 2
    shown = rows(out, "share_difference").set_index("category")["estimate"]
    assert np.isnan(shown["other"])
    assert shown["job"] == pytest.approx(30 / 90 - 40 / 94)


def test_the_order_of_ordered_answers_is_said():
    said = next(c for c in answer("ordinal").caveats if c.key.endswith("scores"))
    assert "“1” = 1, “2” = 2" in said.text("en")


def test_very_unlike_counts_do_not_overflow():
    made = two_groups(pd.Series([0] * 50 + [5_000] * 50), pd.Series([0] * 50 + [1] * 50), kind="count")
    assert 0 < one(made, "group_test", "conditional_exact").p_value < 1e-300


def test_values_equal_but_for_rounding_are_alike():
    made = two_groups(pd.Series([0.1] * 7 + [0.1 + 0.2] * 6), pd.Series([0] * 7 + [1] * 6), kind="continuous")
    assert one(made, "difference").status == "not_estimable"
    assert one(made, "standardised_difference").status == "not_estimable"
    assert rows(made, "mean")["conf_low"].isna().all()
    assert rows(made, "standard_deviation")["estimate"].eq(0).all()
