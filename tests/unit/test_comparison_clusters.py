"""Clusters at the edges: one per arm, singletons, ids of every kind, weights, separation, draws that can show nothing."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.comparison.clusters.alike import alike
from evalkit.comparison.clusters.draws import Lot
from evalkit.comparison.clusters.few import count_arms, refuse_few_clusters
from evalkit.comparison.clusters.rows import cluster_rows, few_caveats
from evalkit.comparison.clusters.wild import weights_of
from evalkit.comparison.groups.people import read_groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.errors import InputError
from evalkit.numerics.clustered import Contrast
from evalkit.provenance import Provenance

compare = ek.comparison


def people(clusters=8, each=15, seed=1):
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(clusters), each)
    n = len(site)
    return pd.DataFrame({
        "site": site, "treat": site % 2, "x": rng.normal(size=n), "w": rng.integers(1, 4, n),
        "y": rng.normal(size=clusters)[site] + rng.normal(size=n), "b": rng.integers(0, 2, n), "k": rng.poisson(1, n),
    })  # fmt: skip


def by_term(answer):
    return answer.tidy().query("part != 'ratio'").set_index("term")


# ---- too few clusters -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("treated", "cluster", "key"),
    [
        ([0, 0, 1, 1], list("aabb"), "one_each"),
        ([0, 0, 0, 1], list("abcd"), "one_treated"),
        ([0, 1, 1, 1], list("abcd"), "one_control"),
        ([0, 1, 0, 1], list("aaaa"), "one_cluster"),
        ([0, 0, 0, 0], list("abab"), "empty_arm"),
        ([0, 1, 0, 0], list("aabc"), "one_treated"),
    ],
)
def test_too_few_clusters_are_told_apart(treated, cluster, key):
    assert refuse_few_clusters(treated, cluster).key == f"comparison_clusters.{key}"


def test_enough_clusters_are_not_refused_and_mixed_ones_are_counted():
    assert refuse_few_clusters([0, 1, 0, 1], list("aabb")) is None
    assert count_arms([0, 1, 0, 1, 1], list("aabbc")) == count_arms(
        [False, True, False, True, True], [1, 1, 2, 2, 3]
    )
    assert count_arms([0, 1, 0, 1, 1], list("aabbc")).mixed == 2


@pytest.mark.parametrize("treated", [[0, 1, 2], [0, np.nan, 1]])
def test_arms_other_than_two_are_refused(treated):
    with pytest.raises(InputError, match="0 and 1"):
        count_arms(treated, list("abc"))
    with pytest.raises(InputError, match="none missing"):
        count_arms([0, 1, 1], ["a", None, "b"])
    assert len(treated) == 3


@pytest.mark.parametrize("family", ["gaussian", "binomial", "poisson"])
@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2", "CR3"])
def test_two_sites_have_an_estimate_and_nothing_else(family, kind):
    data = people(2, 40)
    outcome = {"gaussian": "y", "binomial": "b", "poisson": "k"}[family]
    answer = compare.cluster_regression(data, outcome, "treat + x", "site", family=family, kind=kind)
    row = by_term(answer).loc["treat"]
    assert row["status"] == "not_estimable"
    assert math.isfinite(row["estimate"])
    assert row[["std_error", "statistic", "df", "p_value", "conf_low", "conf_high"]].isna().all()
    assert "une seule grappe par bras" in answer.summary("fr")
    assert by_term(answer).loc["all_terms", "status"] == "not_estimable"


@pytest.mark.parametrize("weights", ["rademacher", "webb", "mammen"])
def test_no_weights_rescue_one_treated_cluster(weights):
    data = people(7).assign(treat=lambda d: (d["site"] == 3).astype(int))
    answer = compare.wild_cluster_bootstrap(data, "y", "treat + x", "site", weights=weights)
    row = answer.tidy().loc[0]
    assert row["status"] == "not_estimable"
    assert math.isfinite(row["estimate"])
    assert math.isnan(row["p_value"])
    assert "MacKinnon" in answer.summary("en")


def test_two_clusters_per_arm_are_answered_with_a_warning():
    answer = compare.cluster_regression(people(4), "y", "treat", "site")
    row = by_term(answer).loc["treat"]
    assert row["df"] == pytest.approx(2)
    assert "comparison_clusters.few_df" in [c.key for c in answer.caveats]


def test_three_equal_clusters_per_arm_leave_four_degrees_and_no_warning():
    answer = compare.cluster_regression(people(6), "y", "treat", "site")
    assert by_term(answer).loc["treat", "df"] == pytest.approx(4)
    assert "comparison_clusters.few_df" not in [c.key for c in answer.caveats]


def test_degrees_of_freedom_below_one_are_said():
    said = [few_caveats("x", Contrast(1.0, 1.0, df)) for df in (0.5, 1.5, 4.5)]
    assert [[c.key for c in each] for each in said] == [
        ["comparison_clusters.no_df"],
        ["comparison_clusters.few_df"],
        [],
    ]
    assert few_caveats("x", Contrast(1.0, math.nan, math.nan, "aliased")) == []


# ---- regression -------------------------------------------------------------------------------------------------------
def test_clusters_may_have_any_kind_of_name():
    data = people()
    site = data["site"]
    found = [
        by_term(compare.cluster_regression(data.assign(site=named), "y", "treat + x", "site")).loc["treat"]
        for named in (
            site,
            site.map("site {}".format),
            site.astype("category"),
            site * 1.5,
            site.astype("Int64"),
        )
    ]
    for other in found[1:]:
        assert other[["std_error", "df"]].tolist() == pytest.approx(
            found[0][["std_error", "df"]].tolist(), rel=1e-12
        )


def test_a_missing_cluster_is_refused_or_counted():
    data = people().astype({"site": "object"})
    data.loc[[0, 5], "site"] = None
    with pytest.raises(InputError, match="site is missing in 2 of 120 rows"):
        compare.cluster_regression(data, "y", "treat", "site")
    answer = compare.cluster_regression(data, "y", "treat", "site", missing="drop")
    assert by_term(answer).loc["treat", "n"] == 118
    assert answer.glance()["n_total"].item() == 120
    assert "Rows left out because 'site' is missing there: 2" in answer.summary("en")


def test_every_cluster_of_one_person_is_hc2():
    data = people().assign(site=range(120))
    found = by_term(compare.cluster_regression(data, "y", "treat", "site"))
    a, b = (data.loc[data["treat"] == arm, "y"] for arm in (0, 1))
    assert found.loc["treat", "std_error"] == pytest.approx(
        math.sqrt(a.var() / len(a) + b.var() / len(b)), rel=1e-12
    )
    assert found.loc["icc", "status"] == "not_estimable"


def test_a_treatment_within_clusters_is_said_and_one_without_arms_counts_clusters():
    data = people()
    mixed = compare.cluster_regression(data.assign(treat=np.arange(120) % 2), "y", "treat", "site")
    assert "8 of 8 clusters have people of both arms" in mixed.summary("en")
    number = compare.cluster_regression(data, "y", "x", "site")
    assert by_term(number).loc["clusters", "estimate"] == 8
    assert (
        compare.cluster_regression(data, "y", "x + treat", "site", treatment="treat")
        .tidy()["term"]
        .eq("clusters_other")
        .any()
    )


def test_groups_as_words_are_compared_with_the_first():
    data = people().assign(arm=lambda d: np.where(d["treat"] == 1, "test", "control"))
    words = by_term(compare.cluster_regression(data, "y", "arm", "site"))
    numbers = by_term(compare.cluster_regression(data, "y", "treat", "site"))
    assert words.loc["arm[test]", "p_value"] == pytest.approx(numbers.loc["treat", "p_value"], rel=1e-12)
    assert words.loc["clusters_other", "estimate"] == 4


def test_separation_is_named_and_nothing_of_the_model_is_shown():
    data = people().assign(
        b=lambda d: np.where(d["treat"] == 1, 1, d["b"]), k=lambda d: np.where(d["treat"] == 1, 0, d["k"])
    )
    for outcome, family in (("b", "binomial"), ("k", "poisson")):
        answer = compare.cluster_regression(data, outcome, "treat + x", "site", family=family)
        found = by_term(answer)
        assert found.loc[["intercept", "treat", "x"], "status"].eq("not_estimable").all()
        assert found.loc[["intercept", "treat", "x"], "estimate"].isna().all()
        assert "infinite" in answer.summary("en")


def test_ratios_are_exponentials_and_keep_their_p():
    table = compare.cluster_regression(people(), "k", "treat", "site", family="poisson").tidy()
    one, other = (
        table[(table["term"] == "treat") & (table["part"] == p)].iloc[0] for p in ("coefficient", "ratio")
    )
    assert other["estimate"] == pytest.approx(math.exp(one["estimate"]))
    assert other["conf_high"] == pytest.approx(math.exp(one["conf_high"]))
    assert other["p_value"] == one["p_value"]


def test_a_perfect_fit_has_no_p():
    data = people().assign(y=lambda d: 2 + 3 * d["treat"])
    answer = compare.cluster_regression(data, "y", "treat", "site")
    found = by_term(answer)
    assert found.loc["treat", "status"] == "not_estimable"
    assert found.loc["treat", "estimate"] == pytest.approx(3)
    assert found["p_value"].isna().all()


def test_weights_are_said_and_zero_ones_counted():
    data = people()
    data.loc[:3, "w"] = 0
    answer = compare.cluster_regression(data, "y", "treat", "site", weights="w", kind="CR1")
    said = answer.summary("en")
    assert "4 rows of weight zero left out" in said
    assert "understates the uncertainty" in said
    logit = compare.cluster_regression(data, "b", "treat + x", "site", weights="w", family="binomial")
    assert by_term(logit).loc["treat", "status"] == "ok"


@pytest.mark.parametrize(
    ("change", "ask", "said"),
    [
        ({}, {"outcome": "no"}, "no column"),
        ({}, {"formula": "y + treat"}, "both outcome and in the formula"),
        ({}, {"family": "gamma"}, "family"),
        ({}, {"kind": "HC1"}, "kind"),
        ({}, {"outcome": "y", "family": "binomial"}, "must hold 0 and 1"),
        ({}, {"outcome": "y", "family": "poisson"}, "counts"),
        ({}, {"treatment": "age"}, "is not in the formula"),
        ({}, {"treatment": "x", "formula": "treat + x"}, "exactly two values"),
        ({}, {"weights": "neg"}, "below 0"),
        ({}, {"cluster": None}, "cluster must be a text"),
        ({}, {"conf_level": 2}, "conf_level"),
    ],
)
def test_a_regression_that_cannot_be_asked(change, ask, said):
    data = people().assign(neg=-1.0)
    with pytest.raises(InputError, match=said):
        compare.cluster_regression(data, **{"outcome": "y", "formula": "treat", "cluster": "site", **ask})
    assert change == {}


# ---- two groups -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["continuous", "binary", "ordinal", "count", "nominal"])
def test_two_groups_show_their_clusters(kind):
    data = people().assign(level=lambda d: d["k"].clip(upper=2), time=2.0)
    outcome = {"continuous": "y", "binary": "b", "ordinal": "level", "count": "k", "nominal": "level"}[kind]
    roles = {"exposure": "time"} if kind == "count" else {"weights": "w"} if kind == "continuous" else {}
    groups = read_groups(outcome, "treat", data, "f", kind=kind, cluster="site", adjust="x", **roles)
    rows, said = cluster_rows(groups, GroupPlan(kind=kind, adjust="x", margin=(-0.5, math.inf)))
    table = pd.DataFrame(rows).set_index(["term", "method"])
    if kind == "nominal":
        assert table.loc[("difference", "CR2"), "status"] == "not_estimable"
        return
    term = "score_difference" if kind == "ordinal" else "difference"
    plain = compare.cluster_regression(
        data, outcome, "treat", "site", weights="w" if "weights" in roles else None
    )
    scale = 2.0 if kind == "count" else 1.0
    assert table.loc[(term, "CR2"), "std_error"] * scale == pytest.approx(
        by_term(plain).loc["treat", "std_error"]
    )
    assert table.loc[(term, "CR2_adjusted"), "status"] == "ok"
    assert ("equivalence", "CR2") in table.index or kind == "count"
    assert said[0].key == "comparison_clusters.between_clusters"


def test_two_groups_of_one_cluster_each_are_only_described():
    groups = read_groups("y", "treat", people(2), "f", kind="continuous", cluster="site")
    rows, _ = cluster_rows(groups, GroupPlan(kind="continuous", margin=(-1, 1)))
    table = pd.DataFrame(rows).set_index("term")
    assert table.loc["difference", "status"] == "not_estimable"
    assert math.isfinite(table.loc["difference", "estimate"])
    assert table.loc[["difference", "equivalence"], "p_value"].isna().all()


# ---- draws by lot -----------------------------------------------------------------------------------------------------
def test_two_clusters_drawn_have_a_floor_of_one():
    answer = compare.randomisation_test(people(2), "y", "treat", assignment="cluster", cluster="site")
    found = by_term(answer)
    assert found.loc["lot_test", ["p_value", "p_floor"]].tolist() == [1.0, 1.0]
    assert found.loc["shift_difference", "status"] == "not_estimable"
    assert found.loc["arrangements", "estimate"] == 2
    assert "ne peut pas descendre au-dessous de 1,000" in answer.summary("fr")


def test_six_clusters_have_a_floor_of_a_tenth():
    answer = compare.randomisation_test(people(6), "y", "treat", assignment="cluster", cluster="site")
    assert by_term(answer).loc["lot_test", "p_floor"] == pytest.approx(0.1)
    assert by_term(answer).loc["arrangements", "estimate"] == 20


def test_a_draw_with_one_outcome_shows_nothing():
    data = pd.DataFrame({"y": [1.0, 2, 3, 4], "treat": [0, 1, 0, 1], "s": [1, 1, 2, 2]})
    assert Lot(np.array([True]), np.array([0])).count == 1
    answer = compare.randomisation_test(
        data, "y", "treat", assignment="stratified", strata="s", statistic="studentised"
    )
    assert by_term(answer).loc["lot_test", "status"] == "not_estimable"
    assert "au moins deux unités" in answer.summary("fr")


def test_strata_with_one_arm_are_left_out_and_counted():
    data = pd.DataFrame(
        {"y": np.arange(9.0), "treat": [0, 1, 0, 1, 1, 0, 1, 1, 1], "s": [1, 1, 1, 1, 2, 2, 3, 3, 3]}
    )
    answer = compare.randomisation_test(data, "y", "treat", assignment="stratified", strata="s")
    found = by_term(answer)
    assert found.loc["people_left_out", "count"] == 3
    assert found.loc["arrangements", "estimate"] == 12
    assert "3 people of 1 strata" in answer.summary("en")
    with pytest.raises(InputError, match="no stratum"):
        compare.randomisation_test(
            data.iloc[[0, 6]].assign(s=[1, 2]), "y", "treat", assignment="stratified", strata="s"
        )


@pytest.mark.parametrize("statistic", ["difference", "rank_sum", "studentised"])
def test_everybody_alike_is_no_proof_of_anything(statistic):
    data = people(6).assign(y=1.0)
    found = by_term(compare.randomisation_test(data, "y", "treat", statistic=statistic, draws=99))
    assert not (found["p_value"] < 1).any()
    assert found.loc["shift_difference", "status"] == "not_estimable"


def test_too_many_draws_are_sampled_with_a_seed_and_never_give_zero():
    data = people().assign(y=lambda d: d["y"] + 50 * d["treat"])
    one = compare.randomisation_test(data, "y", "treat", draws=199, seed=3)
    same = compare.randomisation_test(data, "y", "treat", draws=199, seed=3)
    assert by_term(one).loc["lot_test", "p_value"] == 1 / 200
    assert by_term(one).loc["lot_test", "p_floor"] == 1 / 200
    pd.testing.assert_frame_equal(one.tidy(), same.tidy())
    assert by_term(one).loc["shift_difference", "level_achieved"] == 0.95


@pytest.mark.parametrize("statistic", ["difference", "studentised", "rank_sum"])
def test_ends_of_the_interval_are_where_the_test_turns(statistic):
    data = people(8, 3)
    ask = {"assignment": "cluster", "cluster": "site", "statistic": statistic, "conf_level": 0.9}
    row = by_term(compare.randomisation_test(data, "y", "treat", **ask)).loc["shift_difference"]
    for end, outwards in (("conf_low", -1), ("conf_high", 1)):
        ps = []
        for step in (-1e-6, 1e-6):
            moved = data.assign(y=data["y"] - (row[end] + step * outwards) * data["treat"])
            ps.append(
                by_term(compare.randomisation_test(moved, "y", "treat", **ask)).loc["lot_test", "p_value"]
            )
        assert ps[0] > 0.1 >= ps[1]


def test_a_yes_no_outcome_says_what_a_shift_is():
    answer = compare.randomisation_test(people(10, 4), "b", "treat", assignment="cluster", cluster="site")
    assert "comparison_clusters.shift_binary" in [c.key for c in answer.caveats]
    booleans = compare.randomisation_test(
        people(10, 4).assign(b=lambda d: d["b"] == 1), "b", "treat", assignment="cluster", cluster="site"
    )
    assert booleans.tidy()["p_value"].equals(answer.tidy()["p_value"])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"assignment": "cluster"}, "needs cluster="),
        ({"assignment": "stratified"}, "needs strata="),
        ({"cluster": "site"}, "of no use"),
        ({"assignment": "cluster", "cluster": "mixed"}, "whole clusters cannot have been drawn"),
        (
            {"assignment": "stratified cluster", "cluster": "site", "strata": "mixed"},
            "whole clusters cannot have been drawn",
        ),
        ({"assignment": "coin"}, "assignment"),
        ({"statistic": "t"}, "statistic"),
        ({"alternative": "more"}, "alternative"),
        ({"draws": 0}, "draws"),
        ({"seed": -1}, "seed"),
        ({"reference": 7}, "reference"),
    ],
)
def test_a_draw_that_cannot_be_asked(ask, said):
    data = people().assign(mixed=np.tile([0, 1, 2], 40))
    with pytest.raises(InputError, match=said):
        compare.randomisation_test(data, "y", "treat", **ask)
    assert said


# ---- wild bootstrap ---------------------------------------------------------------------------------------------------
def test_signs_of_few_clusters_are_all_examined():
    data = people(5).assign(treat=lambda d: (d["site"] < 2).astype(int))
    answer = compare.wild_cluster_bootstrap(data, "y", "treat", "site")
    row = answer.tidy().loc[0]
    assert row["method"] == "bootstrap_exact"
    assert row["p_floor"] == pytest.approx(2**-4)
    assert row["p_value"] * 32 == pytest.approx(round(row["p_value"] * 32))
    assert "0,062" in answer.summary("fr")
    assert "comparison_clusters.few_treated" in [c.key for c in answer.caveats]


def test_more_clusters_are_sampled_and_reproducible():
    data = people(14, 4)
    one, other = (
        compare.wild_cluster_bootstrap(data, "y", "x", "site", draws=199, seed=5, weights=w)
        for w in ("webb", "webb")
    )
    assert one.tidy().loc[0, "method"] == "bootstrap_drawn"
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    assert one.tidy().loc[0, "p_value"] >= 1 / 200
    assert weights_of("mammen", 5, 4000, np.random.default_rng(0))[1:].mean() == pytest.approx(0, abs=0.03)


def test_a_null_other_than_zero_moves_the_outcome():
    data = people(7)
    there = compare.wild_cluster_bootstrap(data, "y", "treat + x", "site", null=0.7).tidy().loc[0]
    moved = (
        compare.wild_cluster_bootstrap(
            data.assign(y=data["y"] - 0.7 * data["treat"]), "y", "treat + x", "site"
        )
        .tidy()
        .loc[0]
    )
    assert there["p_value"] == moved["p_value"]
    assert there["statistic"] == pytest.approx(moved["statistic"])


def test_an_interval_with_no_end_says_so():
    data = people(4)
    row = compare.wild_cluster_bootstrap(data, "y", "treat", "site").tidy().loc[0]
    assert math.isnan(row["conf_low"])
    assert "no 95% interval" in row["reason"] or "95" in row["reason"]


@pytest.mark.parametrize(("size", "offset", "null"), [(1e-8, 0.0, 1.0), (1.0, 1e9, 1e4), (1e8, 0.0, 1e12)])
def test_the_data_are_one_of_their_own_draws_however_far_the_null(size, offset, null):
    for seed in range(20):
        data = people(4, 4, seed=seed)
        data["y"] = data["y"] * size + offset
        row = compare.wild_cluster_bootstrap(data, "y", "treat", "site", null=null).tidy().loc[0]
        assert row["p_value"] >= 2 / 2**4  # the data and their mirror


def test_a_collinear_or_perfect_term_is_refused_by_the_bootstrap():
    data = people(6).assign(double=lambda d: 2 * d["x"])
    assert (
        compare.wild_cluster_bootstrap(data, "y", "x + double", "site", term="double").tidy().loc[0, "status"]
        == "not_estimable"
    )
    perfect = data.assign(y=lambda d: 1 + d["x"])
    assert (
        compare.wild_cluster_bootstrap(perfect, "y", "x", "site").tidy().loc[0, "status"] == "not_estimable"
    )


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"term": "age"}, "no coefficient"),
        ({"weights": "odd"}, "weights"),
        ({"draws": 1.5}, "draws"),
    ],
)
def test_a_bootstrap_that_cannot_be_asked(ask, said):
    with pytest.raises(InputError, match=said):
        compare.wild_cluster_bootstrap(people(), "y", "treat", "site", **ask)
    assert said


# ---- likeness ---------------------------------------------------------------------------------------------------------
def test_likeness_within_arms_leaves_the_programme_out():
    data = people().assign(y=lambda d: d["y"] + 30 * d["treat"])
    apart = by_term(compare.intracluster_correlation(data, "y", "site", treatment="treat"))
    together = by_term(compare.intracluster_correlation(data, "y", "site"))
    assert apart.loc["icc", "estimate"] < 0.8 < together.loc["icc", "estimate"]
    assert apart.loc["effective_people", "estimate"] == pytest.approx(
        120 / apart.loc["design_effect", "estimate"]
    )


def test_likeness_at_the_edges():
    assert math.isnan(alike(np.ones(6), list("aabbcc")).icc)
    assert math.isnan(alike(np.arange(4.0), list("abcd")).icc)
    assert math.isnan(alike(np.arange(4.0), list("aaaa")).icc)
    assert alike(np.array([1.0, 1, 2, 2]), list("aabb")).icc == 1
    opposite = compare.intracluster_correlation(
        pd.DataFrame({"y": [0, 1, 0, 1, 1, 0], "s": list("aabbcc")}), "y", "s"
    )
    assert by_term(opposite).loc["design_effect", "estimate"] == 1
    assert "less alike than strangers" in opposite.summary("en")


# ---- words, gate, pickling --------------------------------------------------------------------------------------------
def answers():
    data = people()
    yield compare.cluster_regression(data, "b", "treat + x", "site", family="binomial")
    yield compare.randomisation_test(data, "y", "treat", assignment="cluster", cluster="site")
    yield compare.randomisation_test(data, "y", "treat", statistic="studentised", draws=99)
    yield compare.wild_cluster_bootstrap(data, "y", "treat", "site")
    yield compare.intracluster_correlation(data, "y", "site", treatment="treat")


def test_summaries_are_in_words_and_answers_pickle():
    for answer in answers():
        shown = answer.summary("fr")
        for code in (
            "lot_",
            "clusters_",
            "people_",
            "not_estimable",
            "bootstrap_",
            "within_arms",
            "design_effect",
            "CR2_",
        ):
            assert code not in shown
        assert pickle.loads(pickle.dumps(answer)).summary("en") == answer.summary("en")


def test_a_small_arm_hides_everything_about_the_arms():
    data = people(8, 2).query("treat == 0 or site in (1, 3)")
    for answer in (
        compare.cluster_regression(data, "y", "treat", "site"),
        compare.randomisation_test(data, "y", "treat", assignment="cluster", cluster="site"),
        compare.wild_cluster_bootstrap(data, "y", "treat", "site"),
    ):
        gone = answer.publish()
        assert gone.table[["estimate", "p_value", "conf_low", "count"]].isna().all(axis=None)
        assert gone.cells == ()
        assert "Too few people" in gone.summary("en")
        assert "cannot go below" not in gone.summary("en")


def test_a_description_of_a_small_arm_is_hidden_too():
    gone = compare.cluster_regression(people(2, 6), "y", "treat", "site").publish()
    assert gone.table["estimate"].isna().all()


def test_few_yes_answers_hide_the_difference_from_which_they_could_be_solved():
    data = people().assign(b=lambda d: (np.arange(120) % 40 == 3).astype(int))
    drawn = compare.randomisation_test(data, "b", "treat", draws=99)
    flipped = compare.wild_cluster_bootstrap(data, "b", "treat", "site", draws=99)
    by_family = [
        compare.cluster_regression(data, "b", "treat", "site", family=f) for f in ("gaussian", "binomial")
    ]
    for answer in (drawn, flipped, *by_family):
        gone = answer.publish().table.set_index("term")
        counted = gone.index.str.startswith(("clusters", "people", "arrangements"))
        asked = [c for c in ("estimate", "p_value", "conf_low", "statistic", "level_achieved") if c in gone]
        assert gone.loc[~counted, asked].isna().all(axis=None)
        assert gone.loc["people_other", "count"] == 60
        assert "Too few people" in answer.publish().summary("en")


def test_a_coefficient_of_few_people_is_hidden_and_open_data_pass():
    data = people().assign(rare=lambda d: (np.arange(120) % 24 == 0).astype(int))
    answer = compare.cluster_regression(data, "y", "treat + rare", "site")
    assert math.isnan(answer.publish().table.set_index("term").loc["rare", "estimate"])
    assert math.isfinite(answer.publish().table.set_index("term").loc["treat", "estimate"])
    opened = compare.cluster_regression(data, "y", "treat + rare", "site", provenance=Provenance(kind="open"))
    assert math.isfinite(opened.publish().table.set_index("term").loc["rare", "estimate"])


def test_a_picture_has_coefficients_only_and_none_without_an_interval():
    from matplotlib import pyplot as plt

    for family, outcome in (("gaussian", "y"), ("binomial", "b")):
        axes = compare.cluster_regression(people(), outcome, "treat + x", "site", family=family).plot(
            lang="fr"
        )
        assert [t.get_text().split(" (")[0] for t in axes.get_yticklabels() if t.get_text()] == ["treat", "x"]
    likeness = compare.intracluster_correlation(people(), "y", "site").plot(lang="en")
    assert any("intracluster" in t.get_text() for t in likeness.get_yticklabels())
    assert not [
        t
        for t in compare.cluster_regression(people(2, 20), "y", "treat", "site").plot().get_yticklabels()
        if t.get_text()
    ]
    plt.close("all")


def test_likeness_without_any_spread_within_clusters_has_no_interval_and_says_why():
    data = pd.DataFrame({"site": list("aabbcd"), "y": [1.0, 1, 0, 0, 1, 0]})
    answer = compare.intracluster_correlation(data, "y", "site")
    row = answer.tidy().set_index("term").loc["icc"]
    assert row["estimate"] == 1
    assert row[["conf_low", "conf_high", "conf_level"]].isna().all()
    assert "nothing allows an interval" in answer.summary("en")
    assert "intervalle" in answer.summary("fr")


def test_sentences_of_a_published_answer_count_nobody():
    data = people(4, 2)
    for answer in (
        compare.cluster_regression(data, "y", "treat", "site"),
        compare.randomisation_test(data, "y", "treat"),
        compare.cluster_regression(data, "y", "x", "site", weights="w"),
    ):
        assert "8 people" in answer.summary("en")
        assert "8 people" not in answer.publish().summary("en")
