"""The rank engine: laws against enumeration, edges of the tests and of the shifts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.numerics.ranks import drawing_law, rank_sum, sign_law, signed_rank, superiority
from evalkit.numerics.ranks.laws import untied_rank_sum, untied_signed_rank, whole
from evalkit.numerics.ranks.order import PairSums, approximated, counted


def signed_by_hand(d: np.ndarray, zeros: str, alternative: str) -> float:
    """Enumerate every sign."""
    d = d[d != 0] if zeros == "wilcoxon" else d
    ranks = stats.rankdata(np.abs(d))[d != 0]
    positive = d[d != 0] > 0
    seen, middle = ranks[positive].sum(), ranks.sum() / 2
    sums = np.array([ranks @ np.array(s) for s in itertools.product((0, 1), repeat=len(ranks))])
    return _share(sums, seen, middle, alternative)


def drawn_by_hand(x: np.ndarray, y: np.ndarray, alternative: str) -> float:
    """Enumerate every group."""
    ranks = stats.rankdata(np.concatenate([x, y]))
    sums = np.array([sum(c) for c in itertools.combinations(ranks, len(y))])
    return _share(sums, ranks[len(x) :].sum(), len(y) * ranks.mean(), alternative)


def _share(sums: np.ndarray, seen: float, middle: float, alternative: str) -> float:
    if alternative == "greater":
        return float((sums >= seen - 1e-9).mean())
    if alternative == "less":
        return float((sums <= seen + 1e-9).mean())
    return float((np.abs(sums - middle) >= abs(seen - middle) - 1e-9).mean())


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("zeros", ["wilcoxon", "pratt"])
def test_signed_rank_is_the_enumeration(zeros, alternative):
    rng = np.random.default_rng(1)
    for _ in range(25):
        d = rng.integers(-3, 4, size=rng.integers(1, 9)).astype(float)
        found = signed_rank(d, zeros, alternative)
        expected = signed_by_hand(d, zeros, alternative) if (d != 0).any() else 1.0
        assert found.p_value == pytest.approx(expected, rel=1e-12)
        assert found.p_floor <= found.p_value
        assert found.method == "exact"


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_rank_sum_is_the_enumeration(alternative):
    rng = np.random.default_rng(2)
    for _ in range(25):
        x, y = (rng.integers(0, 4, size=rng.integers(1, 6)).astype(float) for _ in range(2))
        found = rank_sum(x, y, alternative)
        assert found.p_value == pytest.approx(drawn_by_hand(x, y, alternative), rel=1e-12)
        assert found.statistic == sum((b > a) + (b == a) / 2 for a in x for b in y)
        assert found.p_floor <= found.p_value


def test_two_sided_of_a_skew_law_is_distance_not_doubling():
    # One tie makes the law skew: U = 2 is 2 above the mean, nothing lies as far below.
    x, y = np.array([1.0, 1.0, 1.0, 2.0]), np.array([3.0])
    found = rank_sum(x, y)
    assert found.p_value == pytest.approx(0.2)
    assert rank_sum(x, y, "greater").p_value == pytest.approx(0.2)


@pytest.mark.parametrize("written", [0, 10**6])
def test_shifts_are_order_statistics_of_all_pairs(monkeypatch, written):
    monkeypatch.setattr("evalkit.numerics.ranks.order._WRITTEN", written)
    rng = np.random.default_rng(3)
    for n in (1, 2, 3, 7, 12):
        d = np.round(rng.normal(size=n), 1)
        walsh = np.sort([(d[i] + d[j]) / 2 for i in range(n) for j in range(i, n)])
        sums = PairSums(d)
        assert [sums.kth(k) / 2 for k in range(1, sums.size + 1)] == pytest.approx(walsh.tolist())
        assert signed_rank(d).shift.estimate == pytest.approx(np.median(walsh))
        y = np.round(rng.normal(size=5), 1)
        pairs = np.sort([b - a for a in d for b in y])
        both = PairSums(-d, y)
        assert [both.kth(k) for k in range(1, both.size + 1)] == pytest.approx(pairs.tolist())
        assert rank_sum(d, y).shift.estimate == pytest.approx(np.median(pairs))


def test_laws_without_ties_are_scipys():
    assert untied_signed_rank(8)[10] == pytest.approx(stats.wilcoxon(np.arange(1, 9) * np.array([1, 1, 1, 1, -1, -1, -1, -1.0]),
                                                                     method="exact", alternative="less").pvalue)  # fmt: skip
    assert len(untied_rank_sum(3, 5)) == 16
    assert untied_rank_sum(3, 5)[-1] == pytest.approx(1.0)
    x, y = np.arange(5.0), np.array([-1.5, 2.5, 3.5])
    ours = rank_sum(x, y, "greater").p_value
    assert ours == pytest.approx(stats.mannwhitneyu(y, x, alternative="greater", method="exact").pvalue)


def test_all_zero_and_all_equal_say_p_1_and_no_statistic():
    found = signed_rank(np.zeros(6))
    assert (found.p_value, found.p_floor, found.n_zero) == (1.0, 1.0, 6)
    assert math.isnan(found.statistic)
    assert found.shift.estimate == 0.0
    equal = rank_sum(np.ones(3), np.ones(4))
    assert (equal.p_value, equal.p_floor, equal.statistic) == (1.0, 1.0, 6.0)
    assert math.isnan(equal.z)


def test_few_pairs_have_the_widest_interval_and_its_level():
    two = signed_rank(np.array([1.0, 3.0])).shift
    assert (two.conf_low, two.conf_high, two.level_achieved) == (1.0, 3.0, 0.5)
    one = signed_rank(np.array([2.0])).shift
    assert one.estimate == 2.0
    assert math.isnan(one.conf_low)
    assert one.level_achieved == 0.0
    assert rank_sum(np.array([1.0]), np.array([2.0])).shift.level_achieved == 0.0
    six = signed_rank(np.arange(1.0, 7.0)).shift
    assert six.level_achieved == pytest.approx(1 - 2 / 64)
    assert (six.conf_low, six.conf_high) == (1.0, 6.0)


def test_a_level_that_is_met_exactly_is_not_exceeded():
    k, achieved = counted(untied_signed_rank(5), 0.9375)
    assert (k, achieved) == (1, 0.9375)


def test_many_people_use_the_normal_law_and_say_so():
    rng = np.random.default_rng(4)
    d = rng.normal(0.1, 1, size=5_000)
    found = signed_rank(d)
    assert (found.method, found.shift.method) == ("normal", "normal")
    assert math.isnan(found.p_floor)
    assert found.p_value == found.p_asymptotic
    assert found.shift.conf_low < found.shift.estimate < found.shift.conf_high
    x, y = rng.normal(size=400), rng.normal(0.2, 1, size=400)
    two = rank_sum(x, y)
    assert (two.method, two.shift.method) == ("normal", "normal")
    assert two.p_value == pytest.approx(
        stats.mannwhitneyu(y, x, use_continuity=False, method="asymptotic").pvalue
    )


def test_the_normal_count_agrees_with_the_exact_one():
    n = 300
    exact = counted(untied_signed_rank(n), 0.95)
    rough = approximated(n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24), 0.95)
    assert abs(exact[0] - rough[0]) <= 5
    assert rough[1] == pytest.approx(0.95, abs=1e-3)


def test_a_tiny_p_is_never_zero():
    assert signed_rank(np.arange(1.0, 1_040.0)).p_value > 0
    assert signed_rank(np.arange(1.0, 3_001.0)).p_value > 0


def test_superiority_at_the_edges():
    apart = superiority(np.arange(5.0), np.arange(10.0, 16.0))
    assert apart.estimate == 1.0
    assert (apart.newcombe_high, math.isnan(apart.std_error), math.isnan(apart.p_value)) == (1.0, True, True)
    assert 0.5 < apart.newcombe_low < 1
    below = superiority(np.arange(10.0, 16.0), np.arange(5.0))
    assert below.newcombe_high == pytest.approx(1 - apart.newcombe_low)
    alone = superiority(np.array([1.0]), np.array([0.0, 2.0]))
    assert alone.estimate == 0.5
    assert math.isnan(alone.df)
    level = superiority(np.ones(4), np.ones(5))
    assert level.estimate == 0.5
    assert level.newcombe_low < 0.5 < level.newcombe_high


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_brunner_munzel_is_scipys(alternative):
    rng = np.random.default_rng(5)
    x, y = rng.integers(0, 6, 15).astype(float), rng.integers(1, 7, 12).astype(float)
    ours = superiority(x, y, alternative=alternative)
    # scipy's "less" means that x tends to be below y.
    turned = {"greater": "less", "less": "greater"}.get(alternative, alternative)
    theirs = stats.brunnermunzel(x, y, alternative=turned)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue)


def test_whole_numbers_of_a_common_unit():
    found, unit = whole(np.array([0.1, -0.3, 2.0]))
    assert (found.tolist(), unit) == ([1, -3, 20], 0.1)
    assert whole(np.array([1 / 3])) is None
    assert whole(np.array([2e6])) is None
    assert whole(np.array([]))[0].tolist() == []


def test_laws_of_nothing_and_of_everybody():
    assert sign_law(np.array([], dtype=int)).p_value(0) == 1.0
    assert drawing_law(np.array([3, 3, 3]), 2).values.tolist() == [6]
    everybody = drawing_law(np.array([1, 2, 5]), 3)
    assert everybody.values.tolist() == [8]
    assert drawing_law(np.array([1, 2, 5]), 0).p_value(0) == 1.0


@pytest.mark.parametrize("values", [[], [math.nan, 1.0], [math.inf], [[1.0]]])
def test_what_is_no_list_of_numbers_is_refused(values):
    for ask in (signed_rank, lambda v: rank_sum(v, [1.0]), lambda v: superiority([1.0], v)):
        with pytest.raises(InputError, match="finite"):
            ask(np.array(values))
    with pytest.raises(InputError, match="zeros"):
        signed_rank(np.array([1.0]), zeros="split")
