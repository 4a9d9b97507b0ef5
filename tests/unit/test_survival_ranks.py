"""Rank tests, tests of mean times, permutation, pairs, adjusted p-values: what they say and refuse."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.numerics.multiple import adjusted
from evalkit.provenance import Provenance
from evalkit.survival import kaplan_meier, log_rank, pairwise, rmst, rmst_test
from evalkit.survival.ranks.areas import _areas_of
from evalkit.survival.ranks.permuting import arrangements, count
from evalkit.survival.ranks.weighting import NAMES
from evalkit.timetoevent import TimeToEvent

KEYS = ("entry", "id", "weight", "weight_kind", "provenance", "clock", "stratum")


def times(time, cause, causes=("relapse",), **columns):
    kept = {k: columns.pop(k) for k in KEYS if k in columns}
    return TimeToEvent(time=time, cause=cause, causes=causes, covariates=pd.DataFrame(columns), **kept)


def drawn(n, k=3, seed=1, **columns):
    rng = np.random.default_rng(seed)
    group = np.arange(n) % k
    event, end = rng.exponential(20 + 10 * group), rng.uniform(5, 60, n)
    return times(
        np.ceil(np.minimum(event, end)),
        (event <= end).astype(int),
        g=group,
        site=[f"s{i}" for i in group],
        **columns,
    )


def top(result):
    return result.table.iloc[0]


# ---- the family ----------------------------------------------------------------------------------------------------
def test_every_test_of_the_family_has_a_name_and_its_own_weights():
    tte = drawn(90)
    found = {name: log_rank(tte, "site", weights=name) for name in NAMES}
    values = {name: top(one)["statistic"] for name, one in found.items()}
    assert values["fleming-harrington"] == pytest.approx(values["log-rank"])
    assert len({round(v, 6) for v in values.values()}) >= 6
    assert top(found["gehan-breslow"])["method"] == "Gehan-Breslow"
    assert top(log_rank(tte, "site", rho=1, gamma=1))["method"] == "Fleming-Harrington, rho = 1, gamma = 1"
    one, other = log_rank(tte, "site", rho=1), log_rank(tte, "site", weights="peto-peto")
    assert top(one)["statistic"] == top(other)["statistic"]


def test_late_weights_see_late_differences():
    time = np.r_[np.arange(1, 21), np.arange(1, 11), np.arange(31, 41)].astype(float)
    tte = times(time, np.ones(40, int), g=[0] * 20 + [1] * 20)
    early, late = (top(log_rank(tte, "g", **w))["p_value"] for w in ({"rho": 2}, {"gamma": 2}))
    assert late < early


def test_scores_of_the_groups_add_to_0_and_are_observed_less_expected():
    table = log_rank(drawn(60), "site").table.iloc[1:]
    assert table["score"].sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(table["score"], table["n_event"] - table["expected"])


def test_a_trend_needs_an_order():
    tte = drawn(90)
    by_number = log_rank(tte, "g", trend=True)
    assert by_number.table["trend_score"].iloc[1:].tolist() == [0, 1, 2]
    assert top(by_number)["df"] == 1
    assert top(by_number)["method"] == "log-rank, trend"
    assert "log-rank, tendance" in by_number.summary("fr")
    given = log_rank(tte, "site", trend=True, scores=[10, 20, 30])
    assert top(given)["statistic"] == pytest.approx(top(by_number)["statistic"])
    ordered = tte.with_covariates(
        pd.DataFrame({"o": pd.Categorical(tte.covariates["site"], ["s0", "s1", "s2"], ordered=True)})
    )
    assert top(log_rank(ordered, "o", trend=True))["statistic"] == pytest.approx(top(by_number)["statistic"])
    with pytest.raises(InputError, match="nothing says how the groups"):
        log_rank(tte, "site", trend=True)
    with pytest.raises(InputError, match="one finite number for each of the 3 groups"):
        log_rank(tte, "site", trend=True, scores=[1, 2])
    with pytest.raises(InputError, match="ask trend=True"):
        log_rank(tte, "site", scores=[1, 2, 3])
    level = top(log_rank(tte, "site", trend=True, scores=[2, 2, 2]))
    assert level["status"] == "not_estimable"
    assert "same score" in level["reason"].text("en")


def test_what_the_family_refuses():
    tte = drawn(30)
    with pytest.raises(InputError, match="weights: must be one of"):
        log_rank(tte, "site", weights="savage")
    with pytest.raises(InputError, match="those of fleming-harrington"):
        log_rank(tte, "site", weights="gehan-breslow", rho=1)
    with pytest.raises(InputError, match="0 or more"):
        log_rank(tte, "site", gamma=-1)


def test_strata_that_hold_one_group_tell_nothing():
    tte = times([1, 2, 3, 4], [1, 1, 1, 1], g=[0, 0, 1, 1])
    found = top(log_rank(tte.with_covariates(pd.DataFrame({"s": [0, 0, 1, 1]})), "g", strata="s"))
    assert found["status"] == "not_estimable"
    assert "two groups are at risk" in found["reason"].text("en")


# ---- permutation ---------------------------------------------------------------------------------------------------
def test_all_arrangements_are_listed_once_within_strata():
    group, stratum = np.array([0, 0, 1, 2, 0, 1]), np.array([0, 0, 0, 0, 1, 1])
    found = np.concatenate(list(arrangements(group, stratum, "exact", 0)))
    assert len(found) == count(group, stratum) == 24
    assert len({tuple(line) for line in found}) == 24
    assert (np.sort(found[:, :4], axis=1) == [0, 0, 1, 2]).all()
    assert (np.sort(found[:, 4:], axis=1) == [0, 1]).all()


def test_the_exact_p_value_is_that_of_a_list_by_hand():
    time, cause = np.array([1.0, 2, 3, 3, 5, 6, 7, 8]), np.array([1, 1, 1, 0, 1, 0, 1, 1])
    seen = [0, 0, 1, 0, 1, 1, 0, 1]
    found = log_rank(times(time, cause, g=seen), "g", permutation="exact")
    # Scores by hand: event less the hazard lived through.
    n, d = np.array([8, 7, 6, 4, 2, 1.0]), np.ones(6)
    lived = np.cumsum(d / n)[np.searchsorted([1, 2, 3, 5, 7, 8], time, side="right") - 1]
    scores = cause - lived
    sums = [abs(scores[list(c)].sum()) for c in itertools.combinations(range(8), 4)]
    observed = abs(scores[np.array(seen) == 0].sum())
    assert top(found)["p_value"] == pytest.approx(np.mean([s >= observed - 1e-12 for s in sums]))
    assert found.glance()["least_p_value"].item() == pytest.approx(
        np.mean([s >= max(sums) - 1e-12 for s in sums])
    )
    assert "exact permutation (70 arrangements)" in top(found)["method"]
    assert any("do not depend on the group" in c.text("en") for c in found.caveats)
    assert any("Plus petite valeur de p" in c.text("fr") for c in found.caveats)


def test_draws_repeat_with_their_seed_and_approach_the_exact_value():
    tte = drawn(18, 2)
    exact = top(log_rank(tte, "g", permutation="exact"))
    drawn_twice = [top(log_rank(tte, "g", permutation=4999, seed=5)) for _ in range(2)]
    assert drawn_twice[0]["p_value"] == drawn_twice[1]["p_value"]
    assert drawn_twice[0]["p_value"] == pytest.approx(exact["p_value"], abs=0.02)
    assert drawn_twice[0]["statistic"] == exact["statistic"]
    far = times(np.r_[np.arange(1, 31), np.arange(101, 131)] * 1.0, np.ones(60, int), g=np.repeat([0, 1], 30))
    least = log_rank(far, "g", permutation=999)
    assert top(least)["p_value"] == 1 / 1000 == least.glance()["least_p_value"].item()


def test_rows_of_a_person_move_together_and_frequencies_are_people():
    tte = drawn(20, 2)
    middle = np.floor(tte.time / 2)
    room = middle > 0
    rows = np.r_[np.flatnonzero(room), np.arange(20)]
    changing = times(
        np.r_[middle[room] - 0.5, tte.time],
        np.r_[np.zeros(room.sum(), int), tte.cause],
        entry=np.r_[np.zeros(room.sum()), np.where(room, middle, 0)],
        id=rows,
        g=tte.covariates["g"].to_numpy()[rows],
    )
    found = log_rank(changing, "g", permutation=99)
    assert 0.01 <= top(found)["p_value"] <= 1
    moved = changing.with_covariates(pd.DataFrame({"g": np.r_[np.zeros(room.sum(), int), np.ones(20, int)]}))
    with pytest.raises(InputError, match=r"people change group"):
        log_rank(moved, "g", permutation=99)
    double = times(tte.time, tte.cause, weight=np.full(20, 2.0), g=tte.covariates["g"])
    repeated = times(
        np.repeat(tte.time, 2), np.repeat(tte.cause, 2), g=np.repeat(tte.covariates["g"].to_numpy(), 2)
    )
    one, two = (log_rank(t, "g", permutation=199) for t in (double, repeated))
    assert top(one)["statistic"] == pytest.approx(top(two)["statistic"])
    assert top(one)["p_value"] == top(two)["p_value"]


def test_what_a_permutation_refuses():
    tte = drawn(60, 2)
    with pytest.raises(InputError, match="too many to list"):
        log_rank(tte, "g", permutation="exact")
    for how in (5, True, "all", 99.5):
        with pytest.raises(InputError, match="must be 'exact' or a number of draws"):
            log_rank(tte, "g", permutation=how)
    late = times([5, 6, 4, 3], [1, 0, 1, 1], entry=[0, 2, 0, 0], g=[0, 1, 0, 1])
    with pytest.raises(InputError, match="cannot change places"):
        rmst_test(late, "g", 5, permutation=99)


def test_the_permutation_of_a_trend_looks_along_it():
    tte = drawn(30)
    found = log_rank(tte, "g", trend=True, permutation=499)
    assert top(found)["statistic"] == pytest.approx(
        top(log_rank(tte, "g", trend=True, scores=[5, 6, 7], permutation=99))["statistic"]
    )
    assert "trend, permutation (499 draws)" in top(found)["method"]


# ---- mean times ----------------------------------------------------------------------------------------------------
def test_two_groups_give_the_square_of_the_difference():
    tte = drawn(80, 2)
    row = rmst(tte, 30, by="g").table.query("term == 'difference'").iloc[0]
    found = rmst_test(tte, "g", 30)
    assert top(found)["statistic"] == pytest.approx(row["statistic"] ** 2)
    assert top(found)["p_value"] == pytest.approx(row["p_value"])
    assert (
        found.table["estimate"].iloc[1:].tolist()
        == rmst(tte, 30, by="g").table.query("term == 'rmst'")["estimate"].tolist()
    )


def test_k_groups_give_a_wald_test_on_contrasts():
    tte = drawn(120)
    means = rmst(tte, 30, by="g").table.query("term == 'rmst'")
    contrast, v = np.array([[1, -1, 0], [1, 0, -1]]), np.diag(means["std_error"] ** 2)
    gap = contrast @ means["estimate"].to_numpy()
    assert top(rmst_test(tte, "g", 30))["statistic"] == pytest.approx(
        gap @ np.linalg.solve(contrast @ v @ contrast.T, gap)
    )
    assert top(rmst_test(tte, "g", 30))["df"] == 2


def test_the_permuted_statistic_is_the_same_one():
    tte = drawn(14, 2)
    found = rmst_test(tte, "g", 12, permutation="exact")
    assert top(found)["statistic"] == pytest.approx(top(rmst_test(tte, "g", 12))["statistic"])
    # By hand, the statistic of every arrangement in which both groups were followed for the window.
    long_enough = tte.time >= 12
    rng = np.random.default_rng(1)
    shuffled = [rng.permutation(tte.covariates["g"]) for _ in range(60)]
    fair = [g for g in shuffled if all(long_enough[g == k].any() for k in (0, 1))]
    by_hand = [
        top(rmst_test(tte.with_covariates(pd.DataFrame({"g": g})), "g", 12))["statistic"] for g in fair
    ]
    ours = _areas_of(kaplan_meier(tte, by="g").rows, 12.0)(np.array(fair))
    np.testing.assert_allclose(ours, by_hand)
    assert "exact permutation (3,432 arrangements)" in top(found)["method"]


def test_a_mean_time_test_that_cannot_be_made_says_why():
    one = top(rmst_test(times([1, 2], [1, 0], g=["a", "a"]), "g", 1))
    assert "only one group" in one["reason"].text("en")
    none = rmst_test(times([1, 2, 3, 3], [1, 0, 0, 0], g=list("aabb")), "g", 2, permutation=99)
    assert top(none)["status"] == "not_estimable"
    assert np.isnan(top(none)["p_value"])
    assert none.table["status"].tolist() == ["not_estimable", "ok", "not_estimable"]
    with pytest.raises(InputError, match="by: name the covariate"):
        rmst_test(drawn(10), [])
    with pytest.raises(InputError, match="t: must be positive"):
        rmst_test(drawn(10), "g", -1)
    assert "longest" in rmst_test(drawn(40), "g").caveats[-1].text("en")


# ---- pairs ---------------------------------------------------------------------------------------------------------
def test_pairs_are_tests_of_two_groups_alone():
    tte = drawn(90)
    for test in ("log-rank", "tarone-ware"):
        found = pairwise(tte, "site", test=test).table
        for row in found.itertuples():
            two = tte.subset(tte.covariates["site"].isin([row.group, row.versus]).to_numpy())
            assert row.statistic == pytest.approx(top(log_rank(two, "site", weights=test))["statistic"])
    areas = pairwise(tte, "site", test="rmst", t=20).table
    two = tte.subset(tte.covariates["site"].isin(["s0", "s2"]).to_numpy())
    assert areas.iloc[1]["statistic"] == pytest.approx(top(rmst_test(two, "site", 20))["statistic"])
    assert areas["p_adjusted"].tolist() == pytest.approx(adjusted(areas["p_value"]).tolist())


def test_a_pair_that_cannot_be_compared_does_not_count():
    tte = times([2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 0, 0], g=list("aabbcc"))
    few = times([2, 3, 4, 5, 1, 1], [1, 1, 1, 1, 0, 0], g=list("aabbcc"))
    assert pairwise(tte, "g").table["p_adjusted"].notna().all()
    found = pairwise(few, "g")
    assert found.table["status"].tolist() == ["ok", "not_estimable", "not_estimable"]
    assert found.table["p_adjusted"][0] == found.table["p_value"][0]
    assert "for 1 comparisons" in found.caveats[-2].text("en")
    assert "2 comparaisons n'ont pas pu" in found.caveats[-1].text("fr").replace("\u2019", "'")


def test_what_pairs_refuse():
    tte = drawn(30)
    for asked, why in (
        ({"adjust": "bonferroni"}, "adjust: must be one of"),
        ({"test": "savage"}, "test: must be rmst or one of"),
        ({"test": "rmst", "rho": 1}, "those of rank tests"),
        ({"t": 3}, "the window of test='rmst'"),
        ({"test": "gehan-breslow", "gamma": 1}, "those of fleming-harrington"),
    ):
        with pytest.raises(InputError, match=why):
            pairwise(tte, "site", **asked)
    with pytest.raises(InputError, match="one group only"):
        pairwise(times([1, 2], [1, 1], g=["a", "a"]), "g")
    with pytest.raises(InputError, match="by: name"):
        pairwise(tte, [])


def test_pairs_within_strata_and_with_causes_say_so():
    tte = times(
        [2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 2, 1, 0, 1, 2, 1], ("a", "b"), g=list("uvuvuvuv"), s=list("xxxxyyyy")
    )
    said = [c.text("en") for c in pairwise(tte, "g", strata="s", adjust="none").caveats]
    assert any("Compared within each stratum" in s for s in said)
    assert any("the other exits (b) are censored" in s for s in said)
    assert any("not adjusted" in s for s in said)
    weighted = times([2, 3, 4], [1, 1, 1], g=list("uvu"), weight=[0.5, 1, 1], weight_kind="sampling")
    assert pairwise(weighted, "g").table["status"].tolist() == ["not_estimable"]
    assert "False" not in pairwise(tte, "g", adjust="bh", of="any exit").summary("fr")


# ---- adjusted p-values ---------------------------------------------------------------------------------------------
def test_adjusted_p_values_keep_the_unknown_and_the_order():
    p = [0.04, np.nan, 0.01, 0.03, 0.9]
    for method in ("holm", "bh"):
        out = adjusted(p, method)
        assert np.isnan(out[1])
        assert (out[[0, 2, 3, 4]] >= np.array(p)[[0, 2, 3, 4]]).all()
        assert out[2] <= out[3] <= out[0] <= out[4] <= 1
    assert adjusted(p, "none")[0] == 0.04
    assert np.isnan(adjusted([np.nan])).all()
    with pytest.raises(InputError, match="adjust: must be"):
        adjusted(p, "sidak")
    with pytest.raises(InputError, match=r"lie in \[0, 1\]"):
        adjusted([1.5])


# ---- publishing ----------------------------------------------------------------------------------------------------
def test_small_groups_are_hidden_and_nothing_gives_them_back():
    rng = np.random.default_rng(2)
    group = np.repeat(["a", "b", "c"], [60, 60, 5])
    tte = times(
        rng.integers(1, 20, 125) * 1.0,
        np.r_[np.tile([1, 0], 60), np.ones(5, int)],
        g=group,
        provenance=Provenance(kind="records"),
    )
    test = log_rank(tte, "g", permutation=99).publish().table
    assert test["score"].isna().all()
    assert np.isnan(test["statistic"][0])
    area = rmst_test(tte, "g", 15).publish().table
    assert np.isnan(area["statistic"][0])
    assert area.loc[area["g"] == "c", "estimate"].isna().all()
    pairs = pairwise(tte, "g").publish()
    assert (pairs.table["status"] == "suppressed").tolist() == [False, True, True]
    assert pairs.sizes == {}
    opened = times([2, 3, 4, 5], [1] * 4, g=list("aabb"), provenance=Provenance(kind="open"))
    assert pairwise(opened, "g").publish().sizes != {}


def test_results_pickle():
    tte = drawn(40)
    for found in (
        log_rank(tte, "g", permutation=99),
        rmst_test(tte, "g", 10, permutation=99),
        pairwise(tte, "g"),
    ):
        assert pickle.loads(pickle.dumps(found)).table.equals(found.table)
        assert found.summary("fr") != found.summary("en")


def test_tests_are_drawn():
    import matplotlib.pyplot as plt

    tte = drawn(60)
    weighted = log_rank(tte, "site", weights="gehan-breslow").plot(lang="en")
    assert 0 < weighted.get_xlim()[0] < 1 < weighted.get_xlim()[1] < 3
    assert len(rmst_test(tte, "site", 20).plot(lang="fr").get_yticklabels()) == 3
    assert "p = " in pairwise(tte, "site").plot(lang="en").get_yticklabels()[0].get_text().replace(
        "\u00a0", " "
    )
    weights = times(tte.time, tte.cause, weight=np.full(60, 2.0), g=tte.covariates["g"])
    twice = times(np.tile(tte.time, 2), np.tile(tte.cause, 2), g=np.tile(tte.covariates["g"], 2))
    one, two = (top(rmst_test(t, "g", 20, permutation=99)) for t in (weights, twice))
    assert one["statistic"] == pytest.approx(two["statistic"])
    plt.close("all")
