"""Laws of a pre/post comparison: swapping the dates flips signs, names of people do not matter, bounds hold the truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison import pre_post
from evalkit.numerics import proportions as prop

counts = st.builds(prop.PairedCounts, *[st.integers(0, 60)] * 4).filter(lambda c: c.n > 0)
answers = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.sampled_from([0.0, 1.0, np.nan])),
    min_size=1,
    max_size=25,
)


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_hold_the_estimate_and_flip_with_the_dates(c, level):
    swapped = prop.PairedCounts(c.both, c.gained, c.lost, c.neither)
    complement = prop.PairedCounts(c.neither, c.gained, c.lost, c.both)
    for interval in (prop.newcombe_paired, prop.tango_paired):
        low, high = interval(c, level)
        assert -1 <= low <= c.difference + 1e-12
        assert c.difference - 1e-12 <= high <= 1
        assert interval(swapped, level) == pytest.approx((-high, -low), abs=1e-10)
        assert interval(complement, level) == pytest.approx((-high, -low), abs=1e-10)


@given(counts)
def test_a_higher_level_gives_a_wider_interval(c):
    for interval in (prop.newcombe_paired, prop.tango_paired):
        narrow, wide = interval(c, 0.8), interval(c, 0.99)
        assert wide[0] <= narrow[0] + 1e-12
        assert narrow[1] <= wide[1] + 1e-12


@given(counts)
def test_the_score_interval_and_the_asymptotic_test_agree(c):
    if c.discordant == 0:
        return
    z, p = prop.mcnemar_asymptotic(c.lost, c.gained)
    low, high = prop.tango_paired(c, 0.95)
    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (low > 0 or high < 0)


@given(counts)
def test_mid_p_lies_below_the_exact_p(c):
    for side in prop.ALTERNATIVES:
        if c.discordant:
            assert prop.mcnemar_mid_p(c.lost, c.gained, side) <= prop.mcnemar_exact(c.lost, c.gained, side)
            assert prop.mcnemar_floor(c.discordant, side) <= prop.mcnemar_exact(c.lost, c.gained, side)


def frame(pairs):
    people = [f"p{i}" for i in range(len(pairs))]
    return pd.DataFrame(pairs, columns=["before", "after"], index=people)


def figures(result):
    return result.table.drop(columns=["reason"])


@settings(max_examples=40, deadline=None)
@given(answers, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_names_of_people_matter(pairs, luck):
    df = frame(pairs)
    order = list(df.index)
    luck.shuffle(order)
    plain = pre_post(df["before"], df["after"])
    renamed = df.rename(index={p: f"x{i}" for i, p in enumerate(order)})
    luck.shuffle(order)
    shuffled = pre_post(df["before"], df["after"].loc[order])
    pd.testing.assert_frame_equal(figures(plain), figures(shuffled))
    pd.testing.assert_frame_equal(figures(plain), figures(pre_post(renamed["before"], renamed["after"])))


@settings(max_examples=40, deadline=None)
@given(answers)
def test_swapping_the_dates_flips_the_difference_and_its_bounds(pairs):
    df = frame(pairs)
    rows = []
    for first, second in (("before", "after"), ("after", "before")):
        table = pre_post(df[first], df[second], selected_on="none").table
        rows.append(
            {(r["term"], r["method"]): r for _, r in table.iterrows() if r["term"].startswith("difference")}
        )
    one, two = rows
    for term, mirror in (
        ("difference_if_worst", "difference_if_best"),
        ("difference_if_best", "difference_if_worst"),
    ):
        worst, best = one[term, "manski"]["estimate"], two[mirror, "manski"]["estimate"]
        assert worst == pytest.approx(-best, nan_ok=True)
    for method in ("newcombe", "tango"):
        a, b = one["difference", method], two["difference", method]
        assert a["status"] == b["status"]
        assert a["estimate"] == pytest.approx(-b["estimate"], nan_ok=True)
        assert a["conf_low"] == pytest.approx(-b["conf_high"], abs=1e-10, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(answers, st.randoms(use_true_random=False))
def test_whatever_the_missing_answers_are_the_full_difference_lies_within_the_bounds(pairs, luck):
    df = frame(pairs)
    found = pre_post(df["before"], df["after"], selected_on="none").table.set_index("term")["estimate"]
    filled = df.map(lambda v: float(luck.randrange(2)) if np.isnan(v) else v)
    truth = (filled["after"] - filled["before"]).mean()
    assert found["difference_if_worst"] - 1e-12 <= truth <= found["difference_if_best"] + 1e-12
