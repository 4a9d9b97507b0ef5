"""Ranks, permutations and sizes against R (coin, exactRankTests, base, effectsize, pROC) and against printed tables."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import pre_post
from evalkit.comparison.paired.effect_sizes import d_av, d_z, rank_biserial
from evalkit.comparison.paired.number_rows import pairs_of
from evalkit.numerics.proportions import mcnemar_exact
from evalkit.numerics.ranks import rank_sum, sign_flip, sign_median, signed_rank, superiority
from evalkit.numerics.ranks.signed import paired_shift
from evalkit.numerics.ranks.sums import group_shift
from evalkit.numerics.ranks.superiority import newcombe_5

HERE = Path(__file__).parent
R = pd.read_csv(HERE / "reference/ranks.csv").set_index(["set", "what"])["value"].to_dict()
PAIRS, GROUPS, TABLES = (pd.read_csv(HERE / f"inputs/{name}.csv") for name in ("pairs", "groups", "tables"))
PAIRED = list(PAIRS["set"].unique())
GROUPED = list(GROUPS["set"].unique())
SIDES = {"two.sided": "two-sided", "greater": "greater", "less": "less"}
LEVELS = (0.8, 0.95, 0.99)
EXACT = {"rel": 1e-8, "abs": 1e-300}


def paired(name):
    own = PAIRS[PAIRS["set"] == name]
    return pairs_of(own["before"].to_numpy(float), own["after"].to_numpy(float))


def grouped(name):
    own = GROUPS[GROUPS["set"] == name]
    return tuple(own.loc[own["group"] == k, "value"].to_numpy(float) for k in (0, 1))


def asked(name, kind="continuous", **options):
    own = PAIRS[PAIRS["set"] == name].reset_index(drop=True)
    table = pre_post(own["before"], own["after"], kind, selected_on="none", **options).tidy()
    return table[(table["part"] == "pairs") & (table["method"] != "")].set_index(["term", "method"])


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("side", SIDES)
def test_signed_ranks_are_coins(name, side):
    d = paired(name).difference
    ours = signed_rank(d, alternative=SIDES[side])
    # Both take small tails from 1: theirs end at 2e-16.
    assert ours.p_value == pytest.approx(R[name, f"wilcox.exact {side}"], rel=1e-8, abs=5e-16)
    if name == "darwin":
        return
    for zeros in ("Wilcoxon", "Pratt"):
        ours = signed_rank(d, zeros.lower(), SIDES[side])
        assert ours.method == "exact"
        assert ours.p_value == pytest.approx(R[name, f"coin {zeros} {side}_p"], rel=1e-8, abs=5e-16)
        assert ours.z == pytest.approx(R[name, f"coin {zeros} {side}_z"], **EXACT)
        assert ours.p_asymptotic == pytest.approx(
            R[name, f"coin asymptotic {zeros} {side}"], rel=1e-8, abs=5e-16
        )


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("level", LEVELS)
def test_shifts_are_rs_order_statistics(name, level):
    d = paired(name).difference
    for what, found in (("walsh", paired_shift(d, level)), ("median", sign_median(d, level))):
        expected = [R[name, f"{what} {level:g}_{k}"] for k in ("estimate", "low", "high", "level")]
        assert [found.estimate, found.conf_low, found.conf_high, found.level_achieved] == pytest.approx(
            expected, **EXACT
        )


@pytest.mark.parametrize("name", ["depression", "darwin"])
def test_without_ties_it_is_wilcox_test(name):
    found = signed_rank(paired(name).difference)
    ours = [found.p_value, found.shift.estimate, found.shift.conf_low, found.shift.conf_high]
    assert ours == pytest.approx(
        [R[name, f"wilcox.test_{k}"] for k in ("p", "estimate", "low", "high")], **EXACT
    )
    exact = [R[name, f"wilcox.exact interval_{k}"] for k in ("estimate", "low", "high")]
    assert ours[1:] == pytest.approx(exact, **EXACT)


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("side", SIDES)
def test_permutation_and_sign_tests(name, side):
    pairs = paired(name)
    up, down = int((pairs.difference > 0).sum()), int((pairs.difference < 0).sum())
    assert mcnemar_exact(down, up, SIDES[side]) == pytest.approx(R[name, f"sign {side}"], **EXACT)
    if (name, f"perm.test {side}") in R:
        ours = sign_flip(pairs.difference, SIDES[side])
        assert ours.method == "exact"
        assert ours.p_value == pytest.approx(R[name, f"perm.test {side}"], **EXACT)
    else:
        assert name in ("smooth", "earnings")


@pytest.mark.parametrize("name", [n for n in PAIRED if n != "darwin"])
def test_pre_post_of_measures(name):
    margin = R[name, "margin"]
    rows = asked(name, margin=margin)
    t = rows.loc[("difference", "paired_t")]
    assert [t["conf_low"], t["conf_high"]] == pytest.approx([R[name, "t_low"], R[name, "t_high"]], **EXACT)
    test = rows.loc[("change_test", "paired_t")]
    assert [test["p_value"], test["statistic"]] == pytest.approx(
        [R[name, "t_p"], R[name, "t_statistic"]], **EXACT
    )
    ranks = rows.loc[("change_test", "wilcoxon_exact")]
    assert ranks["p_value"] == pytest.approx(R[name, "wilcox.exact two.sided"], rel=1e-8, abs=5e-16)
    assert rows.loc[("equivalence", "paired_t"), "p_value"] == pytest.approx(R[name, "tost t"], **EXACT)
    assert rows.loc[("equivalence", "wilcoxon_exact"), "p_value"] == pytest.approx(
        R[name, "tost ranks"], **EXACT
    )
    shift = rows.loc[("hodges_lehmann", "walsh_exact")]
    assert shift[["estimate", "conf_low", "conf_high", "level_achieved"]].tolist() == pytest.approx(
        [R[name, f"walsh 0.95_{k}"] for k in ("estimate", "low", "high", "level")], **EXACT
    )
    size = rows.loc[("d_av", "bonett")]
    assert size[["estimate", "std_error", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [R[name, f"d_av_{k}"] for k in ("estimate", "se", "low", "high")], **EXACT
    )
    assert rows.loc[("g_av", "bonett"), "estimate"] == pytest.approx(R[name, "d_av_unbiased"], **EXACT)


@pytest.mark.parametrize("name", PAIRED)
def test_sizes(name):
    pairs = paired(name)
    found = d_z(pairs.difference)
    # R's noncentral t stops at 1e-12 of its own series, and uniroot follows it.
    assert [found.estimate, found.conf_low, found.conf_high] == pytest.approx(
        [R[name, f"d_z_{k}"] for k in ("estimate", "low", "high")], rel=1e-7
    )
    # effectsize optimises the noncentrality to about four digits.
    assert [found.estimate, found.conf_low, found.conf_high] == pytest.approx(
        [R[name, f"effectsize d_z_{k}"] for k in ("estimate", "low", "high")], rel=1e-3
    )
    assert rank_biserial(pairs.difference).estimate == pytest.approx(
        R[name, "effectsize rank_biserial"], **EXACT
    )
    for zeros in ("wilcoxon", "pratt"):
        own = rank_biserial(pairs.difference, zeros)
        assert [own.estimate, own.conf_low, own.conf_high] == pytest.approx(
            [R[name, f"rank_biserial {zeros}_{k}"] for k in ("estimate", "low", "high")], **EXACT, nan_ok=True
        )


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("side", SIDES)
def test_rank_sums_are_coins(name, side):
    ours = rank_sum(*grouped(name), SIDES[side])
    assert ours.method == "exact"
    assert ours.p_value == pytest.approx(R[name, f"coin {side}_p"], **EXACT)
    assert ours.p_value == pytest.approx(R[name, f"wilcox.exact {side}"], **EXACT)
    assert ours.z == pytest.approx(R[name, f"coin {side}_z"], **EXACT)
    assert ours.p_asymptotic == pytest.approx(R[name, f"coin asymptotic {side}"], **EXACT)


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("level", LEVELS)
def test_shift_between_groups(name, level):
    found = group_shift(*grouped(name), level)
    assert [found.estimate, found.conf_low, found.conf_high, found.level_achieved] == pytest.approx(
        [R[name, f"shift {level:g}_{k}"] for k in ("estimate", "low", "high", "level")], **EXACT
    )
    if (name, "wilcox.test_p") in R and level == 0.95:
        both = rank_sum(*grouped(name))
        ours = [both.p_value, both.shift.estimate, both.shift.conf_low, both.shift.conf_high]
        assert ours == pytest.approx(
            [R[name, f"wilcox.test_{k}"] for k in ("p", "estimate", "low", "high")], **EXACT
        )


@pytest.mark.parametrize("name", GROUPED)
def test_superiority_has_delongs_error_and_newcombes_limits(name):
    found = superiority(*grouped(name))
    assert [found.estimate, found.std_error] == pytest.approx(
        [R[name, "delong_estimate"], R[name, "delong_se"]], **EXACT
    )
    for level in (0.9, 0.95):
        own = superiority(*grouped(name), level)
        assert [own.newcombe_low, own.newcombe_high] == pytest.approx(
            [R[name, f"newcombe {level:g}_low"], R[name, f"newcombe {level:g}_high"]], **EXACT
        )


@pytest.mark.parametrize("name", ["sex", "vision", "small"])
@pytest.mark.parametrize("how", ["even", "odd"])
def test_ordered_answers(name, how):
    own = TABLES[TABLES["set"] == name]
    k = int(own["before"].max())
    before, after = (own[c].repeat(own["count"]).reset_index(drop=True) for c in ("before", "after"))
    scores = None if how == "even" else [0, 1, 3, 7][:k]
    order = list(range(1, k + 1))
    answer = {
        z: pre_post(before, after, "ordinal", order=order, scores=scores, zeros=z).tidy()
        for z in ("wilcoxon", "pratt")
    }
    rows = answer["wilcoxon"].query("part == 'pairs' and method != ''").set_index(["term", "method"])
    scored = rows.loc[("change_test", "scored_asymptotic")]
    # With scores coin gives the statistic before it is squared.
    assert scored["statistic"] == pytest.approx(R[name, f"mh_test {how}_statistic"] ** 2, **EXACT)
    # Far out, coin writes 0.
    assert scored["p_value"] == pytest.approx(R[name, f"mh_test {how}_p"], rel=1e-8, abs=1e-15)
    mean = rows.loc[("difference", "paired_t")]
    assert mean[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [R[name, f"mean {how}_{k}"] for k in ("estimate", "low", "high")], **EXACT
    )
    assert rows.loc[("change_test", "sign_test"), "p_value"] == pytest.approx(R[name, "sign"], **EXACT)
    assert rows.loc[("superiority", "tango"), "estimate"] == pytest.approx(R[name, "superiority"], **EXACT)
    law = "normal" if name == "vision" else "exact"
    for zeros, table in answer.items():
        shown = table.set_index("method").loc[f"{zeros}_{law}", "p_value"]
        assert shown == pytest.approx(R[name, f"coin {zeros.title()} {how}"], **EXACT)
    if name == "small":
        assert rows.loc[("change_test", "scored_exact"), "p_value"] == pytest.approx(
            R[name, f"perm.test {how} two.sided"], **EXACT
        )


def test_with_ties_exact_rank_tests_leaves_out_what_its_own_test_keeps():
    """Its interval takes the law of the ties at no shift for every shift; 2.92 is outside it, and is not rejected."""
    d = paired("sleep").changed
    assert R["sleep", "wilcox.exact interval_high"] == 2.9
    assert signed_rank(d - 2.92).p_value > 0.05
    found = paired_shift(d)
    assert found.estimate == pytest.approx(R["sleep", "wilcox.exact interval_estimate"])
    assert (found.conf_low, found.conf_high) == pytest.approx((1.05, 2.95))


# --- printed ------------------------------------------------------------------------------------------------------------------


def test_depression_as_hollander_and_wolfe_print_it():
    found = signed_rank(paired("depression").difference, alternative="less")
    # V, P and the estimate with its 96 % interval, with the sign of after − before (examples 3.1, 3.3 and 3.4).
    assert (found.statistic, round(found.p_value, 3)) == (5.0, 0.020)
    shift = paired_shift(paired("depression").difference, 0.96)
    assert round(shift.estimate, 2) == -0.46
    assert [round(v, 3) for v in (shift.conf_low, shift.conf_high)] == [-0.786, -0.01]
    assert round(shift.level_achieved, 3) == 0.961


def test_permeability_as_hollander_and_wolfe_print_it():
    found = rank_sum(*grouped("permeability"), alternative="greater", conf_level=0.92)
    assert (round(found.p_value, 3), round(found.shift.estimate, 3)) == (0.127, 0.305)


def test_darwins_maize_as_fisher_counted_it():
    # The Design of Experiments, §21: 863 of 32 768 sums as great, and as many as small.
    found = sign_flip(paired("darwin").difference)
    assert found.p_value == pytest.approx(2 * 863 / 32768, rel=1e-13)
    assert sign_flip(paired("darwin").difference, "greater").p_value == pytest.approx(863 / 32768, rel=1e-13)


def test_sleep_as_student_has_it():
    rows = asked("sleep")
    assert rows.loc[("change_test", "paired_t"), "statistic"] == pytest.approx(4.0621, abs=5e-5)
    assert rows.loc[("difference", "paired_t"), "estimate"] == pytest.approx(1.58)


def test_pain_as_brunner_and_munzel_print_it():
    found = superiority(*grouped("pain"))
    printed = (
        round(found.statistic, 4),
        round(found.df, 3),
        round(found.p_value, 6),
        round(found.estimate, 6),
    )
    assert printed == (3.1375, 17.683, 0.005786, 0.788961)


def test_newcombe_as_single_case_es_prints_it():
    a, b = np.array([20.0, 20, 26, 25, 22, 23]), np.array([28.0, 25, 24, 27, 30, 30, 29])
    at_90 = superiority(a, b, 0.9)
    assert [at_90.newcombe_low, at_90.newcombe_high] == pytest.approx(
        [0.6591091902344411, 0.9822247870934007], rel=1e-10
    )
    assert newcombe_5(at_90.estimate, 6, 7) == pytest.approx(
        (0.5973193600384168, 0.9859976893703788), rel=1e-10
    )


@pytest.mark.parametrize(
    ("means", "sds", "r", "n", "printed", "digits"),
    [
        ((102.1, 110.4), (14.6, 15.3), 0.75, 25, (0.5550319, 0.5433457, 0.1609934, 0.2394905, 0.8705732), 7),
        ((705.6, 602.4), (51.08, 33.17), 0.769, 8, (-2.3963, -2.2185, 0.65209, -3.6744, -1.1182), 4),
    ],
)
def test_bonett_as_statpsych_prints_it(means, sds, r, n, printed, digits):
    before, after = _with_moments(means, sds, r, n)
    plain, unbiased = d_av(before, after)
    ours = (plain.estimate, unbiased.estimate, plain.std_error, plain.conf_low, plain.conf_high)
    assert ours == pytest.approx(printed, abs=0.6 * 10**-digits)


def _with_moments(means, sds, r, n):
    """Return two waves with exactly these moments."""
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(n, 2))
    raw -= raw.mean(axis=0)
    own = np.linalg.qr(raw)[0] * math.sqrt(n - 1)
    return means[0] + sds[0] * own[:, 0], means[1] + sds[1] * (
        r * own[:, 0] + math.sqrt(1 - r * r) * own[:, 1]
    )
