"""Laws of paired shares, categories and counts: waves swapped, people shuffled, categories renamed, exact equals brute force."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison import pre_post
from evalkit.numerics import paired_proportions as shares
from evalkit.numerics import paired_rates as rates
from evalkit.numerics import square_tables as square
from evalkit.numerics.proportions import PairedCounts, tango_paired

few = settings(max_examples=25, deadline=None)
fewer = settings(max_examples=8, deadline=None)
cells = st.tuples(*[st.integers(0, 30)] * 4).filter(any)
tables = st.integers(2, 4).flatmap(lambda k: st.lists(st.integers(0, 6), min_size=k * k, max_size=k * k))
moves = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=8)
numbers = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=15)


def swapped(c):
    return PairedCounts(c.both, c.gained, c.lost, c.neither)


@few
@given(cells, st.sampled_from([0.8, 0.95]))
def test_swapping_the_waves_turns_differences_round_and_ratios_over(four, level):
    counts = PairedCounts(*four)
    low, high = shares.bonett_price_paired(counts, level)
    assert shares.bonett_price_paired(swapped(counts), level) == pytest.approx((-high, -low), abs=1e-12)
    for interval in (shares.tang_ratio, shares.bonett_price_ratio):
        low, high = interval(counts, level)
        if math.isnan(low):
            continue
        over = tuple(1 / v if v else math.inf for v in (high, low))
        assert interval(swapped(counts), level) == pytest.approx(over, rel=1e-8)


@few
@given(cells)
def test_the_ratio_lies_in_its_intervals_and_excludes_one_as_the_difference_excludes_zero(four):
    counts = PairedCounts(*four)
    if counts.before == 0 or counts.after == 0:
        return
    low, high = shares.tang_ratio(counts)
    assert low <= counts.after / counts.before * (1 + 1e-12)
    assert high >= counts.after / counts.before * (1 - 1e-12)
    # At "no change" both score statistics are McNemar's, so the intervals agree about it.
    below, above = tango_paired(counts)
    z = (counts.gained - counts.lost) / math.sqrt(counts.discordant) if counts.discordant else 0.0
    if abs(abs(z) - 1.959964) > 1e-6:
        assert (low > 1) == (below > 0)
        assert (high < 1) == (above < 0)


@few
@given(cells, st.floats(0.02, 0.4), st.floats(0.02, 0.4))
def test_wider_margins_never_make_equivalence_less_clear(four, narrow, more):
    counts = PairedCounts(*four)
    inner = shares.tango_equivalence(counts, (-narrow, narrow))[1]
    assert shares.tango_equivalence(counts, (-narrow - more, narrow + more))[1] <= inner + 1e-12
    low, high = tango_paired(counts, 0.9)
    if abs(inner - 0.05) > 1e-8:
        assert (inner < 0.05) == (low > -narrow and high < narrow)


@few
@given(tables, st.randoms(use_true_random=False))
def test_renaming_categories_and_swapping_waves_change_no_test(values, random):
    k = math.isqrt(len(values))
    table = np.array(values).reshape(k, k)
    order = random.sample(range(k), k)
    for test in (square.stuart_maxwell, square.bhapkar, square.bowker):
        found = test(table)
        for other in (test(table[np.ix_(order, order)]), test(table.T)):
            assert other.statistic == pytest.approx(found.statistic, rel=1e-8, abs=1e-10, nan_ok=True)
            assert other.df == pytest.approx(found.df, nan_ok=True)


@few
@given(moves)
def test_the_exchange_equals_every_person_moving_either_way(people):
    position = {"a": 0, "b": 1, "c": 2}
    pairs = [(position[b], position[a]) for b, a in people]
    table = np.zeros((3, 3))
    for b, a in pairs:
        table[b, a] += 1
    found = square.exchanged(table, np.random.default_rng(0))
    movers = [(b, a) for b, a in pairs if b != a]
    if not movers:
        assert found is None
        return
    off = table + table.T
    np.fill_diagonal(off, 0)
    inverse = np.linalg.pinv(np.diag(off.sum(axis=1)) - off)
    values = []
    for flips in itertools.product([1, -1], repeat=len(movers)):
        shift = np.zeros(3)
        for sign, (b, a) in zip(flips, movers, strict=True):
            shift[a] += sign
            shift[b] -= sign
        values.append(shift @ inverse @ shift)
    values = np.array(values)
    seen = values[0]
    assert found[0].p_value == pytest.approx((values >= seen - 1e-7).mean(), rel=1e-9)
    assert found[0].p_floor == pytest.approx((values >= values.max() - 1e-7).mean(), rel=1e-9)
    assert found[0].p_floor <= found[0].p_value + 1e-12


@fewer
@given(moves, st.randoms(use_true_random=False))
def test_shuffling_and_renaming_people_changes_no_row_of_categories(people, random):
    before, after = (pd.Series(v, index=[f"p{i}" for i in range(len(v))]) for v in zip(*people, strict=True))
    base = pre_post(before, after, "nominal", selected_on="none").table.drop(columns="reason")
    order = random.sample(range(len(people)), len(people))
    names = {name: f"q{i}" for i, name in enumerate(random.sample(list(before.index), len(before)))}
    other = pre_post(before.iloc[order].rename(names), after.rename(names), "nominal", selected_on="none")
    pd.testing.assert_frame_equal(other.table.drop(columns="reason"), base)


@fewer
@given(moves)
def test_differences_of_all_categories_add_up_to_zero_and_swap_with_the_waves(people):
    before, after = (pd.Series(v, index=[f"p{i}" for i in range(len(v))]) for v in zip(*people, strict=True))
    there = pre_post(before, after, "nominal", selected_on="none").table
    back = pre_post(after, before, "nominal", selected_on="none").table
    one, other = (t[(t["term"] == "difference") & (t["method"] == "tango")] for t in (there, back))
    assert one["estimate"].sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(one["conf_low"], -other["conf_high"], atol=1e-9)


@few
@given(numbers, st.randoms(use_true_random=False))
def test_swapping_the_waves_turns_the_rate_ratio_over(people, random):
    before, after = map(np.array, zip(*people, strict=True))
    totals, back = (
        rates.Totals(before.sum(), after.sum(), 2.0, 3.0),
        rates.Totals(after.sum(), before.sum(), 3.0, 2.0),
    )
    if totals.events:
        for mid_p in (False, True):
            low, high = rates.conditional_interval(totals, mid_p=mid_p)
            over = tuple(1 / v if v else math.inf for v in (high, low))
            assert rates.conditional_interval(back, mid_p=mid_p) == pytest.approx(over, rel=1e-7)
            p = rates.conditional_test(totals, mid_p=mid_p)
            assert rates.conditional_test(back, mid_p=mid_p) == pytest.approx(p, rel=1e-9)
            assert rates.conditional_floor(totals, mid_p=mid_p) <= p * (1 + 1e-9)
    order = random.sample(range(len(before)), len(before))
    one, other = (
        rates.robust_ratio(before, after, (2.0, 3.0)),
        rates.robust_ratio(after[order], before[order], (3.0, 2.0)),
    )
    assert other.log_ratio == pytest.approx(-one.log_ratio, nan_ok=True, abs=1e-12)
    assert other.std_error == pytest.approx(one.std_error, nan_ok=True, rel=1e-9)


@few
@given(st.integers(0, 25), st.integers(0, 25), st.floats(0.3, 3.0))
def test_the_exact_test_rejects_exactly_what_its_interval_leaves_out(before, after, ratio):
    totals = rates.Totals(before, after)
    if totals.events == 0:
        return
    low, high = rates.conditional_interval(totals)
    p = rates.conditional_test(totals, ratio=ratio)
    if abs(p - 0.05) > 1e-9:
        assert (p > 0.05) == (low < ratio < high)


@few
@given(st.integers(0, 12), st.integers(0, 12))
def test_equal_exposures_make_mcnemar_s_test_of_the_totals(before, after):
    if before + after == 0:
        return
    totals = rates.Totals(before, after)
    assert rates.conditional_test(totals) == pytest.approx(rates.least_likely_test(totals)[0], rel=1e-9)
