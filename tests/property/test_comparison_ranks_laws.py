"""Laws of pre/post comparisons of numbers and of the rank engine: swaps, relabelling, enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison import pre_post
from evalkit.numerics.ranks import rank_sum, sign_flip, sign_median, signed_rank, superiority
from evalkit.numerics.ranks.signed import paired_shift

SWAPPED = {"two-sided": "two-sided", "greater": "less", "less": "greater"}
sides = st.sampled_from(sorted(SWAPPED))
small = st.lists(st.integers(-4, 4), min_size=1, max_size=8).map(lambda v: np.array(v, dtype=float))
pairs = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=25)


def asked(before, after, kind="continuous", people=None, **options):
    people = [f"p{i}" for i in range(len(before))] if people is None else people
    series = (pd.Series(np.asarray(v, dtype=float), index=people) for v in (before, after))
    return pre_post(*series, kind, selected_on="none", **options).table


def all_signs(sizes):
    return np.array([np.dot(sizes, s) for s in itertools.product((-1, 1), repeat=len(sizes))])


def share(sums, seen, side):
    if side == "greater":
        return np.mean(sums >= seen - 1e-9)
    return np.mean(sums <= seen + 1e-9) if side == "less" else np.mean(np.abs(sums) >= abs(seen) - 1e-9)


@given(small, sides)
@settings(max_examples=50, deadline=None)
def test_permutation_is_the_enumeration_of_signs(d, side):
    sums = all_signs(np.abs(d))
    assert sign_flip(d, side).p_value == pytest.approx(share(sums, d.sum(), side), rel=1e-12)
    # Without a common unit the same enumeration, made by doubling.
    assert sign_flip(d * np.pi, side).p_value == pytest.approx(share(sums, d.sum(), side), rel=1e-12)


@given(small, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
@settings(max_examples=50, deadline=None)
def test_a_shift_lies_within_its_limits_and_its_level_is_counted(d, level):
    for found in (paired_shift(d, level), sign_median(d, level)):
        if np.isfinite(found.conf_low):
            assert found.conf_low <= found.estimate <= found.conf_high
            assert found.level_achieved >= level - 1e-12 or found.conf_low in (d.min(), -d.max())
    signs = all_signs(np.arange(1, len(d) + 1))
    walsh = paired_shift(d, level)
    reached = {1 - 2 * np.mean(signs <= s) for s in np.unique(signs)}
    assert min(abs(walsh.level_achieved - r) for r in reached) < 1e-9


@given(small, sides, st.sampled_from(["wilcoxon", "pratt"]))
@settings(max_examples=50, deadline=None)
def test_turning_every_difference_turns_the_answer(d, side, zeros):
    one, other = signed_rank(d, zeros, side), signed_rank(-d, zeros, SWAPPED[side])
    assert one.p_value == pytest.approx(other.p_value, rel=1e-12)
    assert one.shift.estimate == pytest.approx(-other.shift.estimate, abs=1e-12)
    if np.isfinite(one.shift.conf_low):
        assert one.shift.conf_low == pytest.approx(-other.shift.conf_high, abs=1e-12)


@given(small, small, sides)
@settings(max_examples=50, deadline=None)
def test_swapping_groups_turns_the_answer(x, y, side):
    one, other = rank_sum(x, y, side), rank_sum(y, x, SWAPPED[side])
    assert one.p_value == pytest.approx(other.p_value, rel=1e-12)
    assert one.statistic + other.statistic == len(x) * len(y)
    assert one.shift.estimate == pytest.approx(-other.shift.estimate, abs=1e-12)
    here, there = superiority(x, y), superiority(y, x)
    assert here.estimate == pytest.approx(1 - there.estimate)
    assert here.newcombe_low == pytest.approx(1 - there.newcombe_high, abs=1e-9)
    assert 0 <= here.newcombe_low <= here.estimate <= here.newcombe_high <= 1


@given(pairs, sides, st.sampled_from(["continuous", "ordinal"]))
@settings(max_examples=25, deadline=None)
def test_swapping_waves_flips_signs(answers, side, kind):
    before, after = zip(*answers, strict=True)
    options = {"order": [1, 2, 3, 4, 5]} if kind == "ordinal" else {"scale": (1, 5)}
    forth = asked(before, after, kind, alternative=side, margin=0.7, **options)
    back = asked(after, before, kind, alternative=SWAPPED[side], margin=0.7, **options)
    for ours, theirs in zip(forth.to_dict("records"), back.to_dict("records"), strict=True):
        assert ours["method"] == theirs["method"]
        assert ours["p_value"] == pytest.approx(theirs["p_value"], rel=1e-9, nan_ok=True)
        if ours["term"] in (
            "difference",
            "hodges_lehmann",
            "median_difference",
            "superiority",
            "d_z",
            "d_av",
            "g_av",
            "rank_biserial",
        ):
            assert ours["estimate"] == pytest.approx(-theirs["estimate"], abs=1e-9, nan_ok=True)
            assert ours["conf_low"] == pytest.approx(-theirs["conf_high"], rel=1e-7, abs=1e-7, nan_ok=True)


@given(pairs, st.randoms(use_true_random=False), st.sampled_from(["continuous", "ordinal"]))
@settings(max_examples=20, deadline=None)
def test_relabelling_people_and_shuffling_rows_change_nothing(answers, random, kind):
    before, after = (np.array(v) for v in zip(*answers, strict=True))
    order = list(range(len(before)))
    random.shuffle(order)
    one = asked(before, after, kind)
    people = [f"x{i}" for i in order]
    two = asked(before[order], after[order], kind, people=people)
    columns = ["estimate", "p_value", "conf_low", "conf_high", "count", "n"]
    pd.testing.assert_frame_equal(one[columns], two[columns], rtol=1e-9)


@given(pairs)
@settings(max_examples=25, deadline=None)
def test_p_values_are_never_zero_nor_below_their_floor(answers):
    table = asked(*zip(*answers, strict=True), "ordinal", margin=1.0)
    p = table["p_value"].dropna()
    assert ((p > 0) & (p <= 1)).all()
    floored = table.dropna(subset=["p_floor", "p_value"])
    assert (floored["p_value"] >= floored["p_floor"] * (1 - 1e-12)).all()
    assert not (table["status"].eq("not_estimable") & table["reason"].isna()).any()


@given(pairs, st.floats(-50, 50), st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_another_unit_moves_differences_and_nothing_else(answers, shift, scale):
    before, after = (np.array(v, dtype=float) for v in zip(*answers, strict=True))
    shift, scale = round(shift, 1), round(scale, 1)
    one, two = asked(before, after), asked(before * scale + shift, after * scale + shift)
    for term in ("difference", "hodges_lehmann", "median_difference"):
        ours, theirs = (t.loc[t["term"].eq(term), ["estimate", "conf_low", "conf_high"]] for t in (one, two))
        np.testing.assert_allclose(ours * scale, theirs, rtol=1e-7, atol=1e-9)
    ranks = one["method"].isin(["wilcoxon_exact", "sign_test", "paired_t"])
    np.testing.assert_allclose(one.loc[ranks, "p_value"], two.loc[ranks, "p_value"], rtol=1e-6)
