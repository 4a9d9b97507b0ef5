"""Laws of two groups: swapping them turns signs round, the order and names of people change nothing, exact tests count every table."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison import balance, two_groups
from evalkit.numerics import rates
from evalkit.numerics import two_by_two as exact
from evalkit.numerics import two_proportions as two
from evalkit.numerics.proportional_odds import proportional_odds
from evalkit.numerics.survey import Design, two_ratios
from evalkit.numerics.two_by_k import freeman_halton
from evalkit.numerics.two_means import permutation, welch

few = settings(max_examples=25, deadline=None)


@st.composite
def counts(draw, most=40):
    n0, n1 = draw(st.integers(1, most)), draw(st.integers(1, most))
    return two.TwoCounts(draw(st.integers(0, n0)), n0, draw(st.integers(0, n1)), n1)


def swapped(c):
    return two.TwoCounts(c.x1, c.n1, c.x0, c.n0)


def complement(c):
    return two.TwoCounts(c.n0 - c.x0, c.n0, c.n1 - c.x1, c.n1)


@few
@given(counts(), st.booleans())
def test_swapping_groups_turns_intervals_round(c, corrected):
    for interval in (two.newcombe_difference, lambda t: two.score_difference(t, corrected=corrected)):
        low, high = interval(c)
        assert interval(swapped(c)) == pytest.approx((-high, -low), abs=1e-9)
        assert interval(complement(c)) == pytest.approx((-high, -low), abs=1e-9)
        assert -1 <= low <= c.difference + 1e-12
        assert c.difference - 1e-12 <= high <= 1
    for interval in (two.score_ratio, two.score_odds_ratio):
        low, high = interval(c, corrected=corrected)
        other = interval(swapped(c), corrected=corrected)
        turned = tuple(math.inf if v == 0 else 1 / v for v in (high, low))
        assert other == pytest.approx(turned, rel=1e-6)
    low, high = two.score_odds_ratio(c, corrected=corrected)
    assert two.score_odds_ratio(complement(c), corrected=corrected) == pytest.approx(
        tuple(math.inf if v == 0 else 1 / v for v in (high, low)), rel=1e-6
    )


@few
@given(counts(), st.sampled_from([0.8, 0.95, 0.99]))
def test_score_intervals_end_where_the_test_just_rejects(c, level):
    low, high = two.score_difference(c, level, corrected=False)
    z = -two.z_value(level)
    if -1 < low < c.difference:
        assert two.difference_z(c, low) == pytest.approx(-z, rel=1e-6)
    if c.difference < high < 1:
        assert two.difference_z(c, high) == pytest.approx(z, rel=1e-6)
    assert two.difference_z(c, c.difference) == 0


@few
@given(counts(), st.sampled_from(["two-sided", "greater", "less"]))
def test_fishers_p_lies_between_its_floor_and_1(c, side):
    for mid_p in (False, True):
        p, floor = exact.fisher(c, side, mid_p), exact.fisher_floor(c, side, mid_p)
        assert 0 < floor <= p * (1 + 1e-12) <= 1 + 1e-12
    turned = {"greater": "less", "less": "greater"}.get(side, side)
    assert exact.fisher(swapped(c), turned) == pytest.approx(exact.fisher(c, side), rel=1e-9)


@settings(max_examples=12, deadline=None)
@given(counts(most=8))
def test_boschloo_is_the_largest_chance_of_a_fisher_p_as_small(c):
    p = exact.boschloo(c)
    seen = exact.fisher(c) * (1 + 1e-7)
    tables = [(a, b) for a in range(c.n0 + 1) for b in range(c.n1 + 1)]
    hit = [(a, b) for a, b in tables if exact.fisher(two.TwoCounts(a, c.n0, b, c.n1)) <= seen]

    def chance(s):
        return sum(
            math.comb(c.n0, a) * math.comb(c.n1, b) * s ** (a + b) * (1 - s) ** (c.n - a - b) for a, b in hit
        )

    brute = max(chance(s) for s in np.linspace(0, 1, 401))
    assert brute <= p + 1e-9
    assert p <= exact.fisher(c) * (1 + 1e-6)


@few
@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.5, 3.1, 7.0]), min_size=2, max_size=8),
    st.data(),
    st.sampled_from(["two-sided", "greater", "less"]),
)
def test_the_permutation_test_counts_every_arrangement(values, data, side):
    values = np.array(values)
    m = data.draw(st.integers(1, len(values) - 1))
    found = permutation(values[m:], values[:m], side)
    mean = values.sum() * m / len(values)
    sums = np.array([values[list(s)].sum() - mean for s in itertools.combinations(range(len(values)), m)])
    seen = values[:m].sum() - mean
    as_far = {
        "two-sided": abs(sums) >= abs(seen) - 1e-9,
        "greater": sums >= seen - 1e-9,
        "less": sums <= seen + 1e-9,
    }
    assert found.method == "exact"
    assert found.p_value == pytest.approx(as_far[side].mean(), abs=1e-12)
    assert found.p_floor <= found.p_value + 1e-12


@few
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=8))
def test_freeman_halton_counts_every_arrangement(people):
    category = np.array([c for c, _ in people])
    other = np.array([g for _, g in people])
    if other.all() or not other.any():
        return
    _, category = np.unique(category, return_inverse=True)
    k = category.max() + 1
    seen = np.bincount(category[other], minlength=k)
    totals = np.bincount(category, minlength=k)
    found = freeman_halton(totals - seen, seen)
    m = int(other.sum())
    tables = [
        tuple(np.bincount(category[list(s)], minlength=k)) for s in itertools.combinations(range(len(people)), m)
    ]  # fmt: skip
    chance = {t: tables.count(t) / len(tables) for t in set(tables)}
    brute = sum(p for p in chance.values() if p <= chance[tuple(seen)] * (1 + 1e-9))
    assert found.p_value == pytest.approx(brute, rel=1e-9)
    assert found.p_floor == pytest.approx(
        sum(p for p in chance.values() if p <= min(chance.values()) * (1 + 1e-9))
    )


@few
@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.1, 10), st.floats(0.1, 10))
def test_swapping_groups_turns_the_rate_ratio_round(x0, x1, e0, e1):
    estimate, low, high = rates.exact_rate_ratio(x0, e0, x1, e1)
    other = rates.exact_rate_ratio(x1, e1, x0, e0)
    if x0 + x1 == 0:
        assert math.isnan(estimate)
        assert (low, high) == (0, math.inf)
        return
    turned = [math.inf if v == 0 else 1 / v for v in (estimate, high, low)]
    assert other == pytest.approx(tuple(turned), rel=1e-9)
    assert rates.exact_rate_p(x0, e0, x1, e1) == pytest.approx(rates.exact_rate_p(x1, e1, x0, e0), rel=1e-6)


@few
@given(
    st.lists(st.integers(0, 12), min_size=3, max_size=3), st.lists(st.integers(0, 12), min_size=3, max_size=3)
)
def test_proportional_odds_turn_round_with_the_groups_and_with_the_order(a, b):
    a, b = np.array(a), np.array(b)
    used = a + b > 0
    a, b = a[used], b[used]
    fit, other, backwards = (
        proportional_odds(a, b) if len(a) else None,
        proportional_odds(b, a) if len(a) else None,
        proportional_odds(a[::-1], b[::-1]) if len(a) else None,
    )
    assert (fit is None) == (other is None) == (backwards is None)
    if fit is not None:
        for turned in (other, backwards):
            assert turned.log_odds_ratio == pytest.approx(-fit.log_odds_ratio, abs=1e-7)
            assert turned.std_error == pytest.approx(fit.std_error, rel=1e-6)


KINDS = ("binary", "continuous", "ordinal", "nominal", "count")


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.booleans())
def test_order_and_names_of_people_change_nothing(kind, seed, weighted):
    rng = np.random.default_rng(seed)
    n = 24
    y = rng.integers(0, 2 if kind == "binary" else 4, n)
    frame = pd.DataFrame({"y": y, "g": rng.permutation(["a", "b"] * 12), "w": rng.uniform(1, 3, n)})
    extra = {"weights": "w"} if weighted else {}
    first = two_groups("y", "g", data=frame, kind=kind, **extra).table
    mixed = frame.sample(frac=1, random_state=seed % 1000).set_index(pd.Index(rng.permutation(1000)[:n]))
    second = two_groups("y", "g", data=mixed, kind=kind, **extra).table
    pd.testing.assert_frame_equal(
        first.drop(columns="reason"), second.drop(columns="reason"), rtol=1e-7, atol=1e-12
    )
    assert len(first) > 3


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_swapping_the_reference_turns_differences_round(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"y": rng.normal(size=20).round(2), "g": ["a", "b"] * 10, "w": rng.uniform(1, 3, 20)}
    )
    for term, method, extra in (
        ("difference", "welch", {}),
        ("shift", "hodges_lehmann", {}),
        ("difference", "linearised", {"weights": "w"}),
    ):
        one, other = (
            two_groups("y", "g", data=frame, kind="continuous", reference=r, **extra).table.query(
                f"term == '{term}' and method == '{method}'"
            ).iloc[0] for r in "ab"
        )  # fmt: skip
        turned = (-one.estimate, -one.conf_high, -one.conf_low)
        assert (other.estimate, other.conf_low, other.conf_high) == pytest.approx(turned)
    smd = [balance(frame, "g", ["y"], reference=r).table["smd_before"].iloc[-1] for r in "ab"]
    assert smd[0] == pytest.approx(-smd[1])


@few
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=9), st.floats(0.1, 50))
def test_weights_count_by_their_proportion(values, factor):
    y = np.array(values)
    treated = np.arange(len(y)) % 2 == 1
    w = np.linspace(1, 2, len(y))
    one, other = (two_ratios(Design(w * f), treated, y, np.ones(len(y))) for f in (1.0, factor))
    assert other.values == pytest.approx(one.values, rel=1e-9, abs=1e-12)
    assert other.covariance.ravel() == pytest.approx(one.covariance.ravel(), rel=1e-7, abs=1e-12)


@few
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6)
)  # fmt: skip
def test_no_mean_is_ever_certain(x, y):
    found = welch(np.array(x), np.array(y))
    if math.isnan(found.std_error):
        assert math.isnan(found.p_value)
        assert math.isnan(found.low)
    else:
        assert found.std_error > 0
        assert 0 < found.p_value <= 1
        assert found.low < found.high
