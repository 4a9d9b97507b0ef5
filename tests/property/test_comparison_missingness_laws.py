"""Laws of the answers about losses: what must not matter does not, bounds are the extremes, tipping points tip."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.comparison import attrition, tipping_point
from evalkit.comparison.missingness.bounds import lee_bounds_of
from evalkit.comparison.missingness.intervals import imbens_manski
from evalkit.numerics.separation import recession

QUICK = {"m": 2, "iterations": 1}
ANSWERS = st.sampled_from([0.0, 1.0, np.nan])
PEOPLE = st.lists(
    st.tuples(ANSWERS, st.sampled_from("ab"), st.sampled_from([0.0, 1.0]), st.integers(0, 3)),
    min_size=6,
    max_size=24,
)
NUMBERS = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=7)


def table(people):
    frame = pd.DataFrame(people, columns=["y", "arm", "first", "level"])
    assume(frame["arm"].nunique() == 2)
    return frame


def figures(found, *methods):
    rows = found.table[found.table["method"].isin(methods)]
    return rows.set_index(["term", "group", "part", "method"])[
        ["estimate", "conf_low", "conf_high"]
    ].sort_index()


SURE = (
    "complete_newcombe",
    "complete_welch",
    "complete_wilson",
    "manski",
    "lee",
    "ipw",
    "newcombe",
    "wilson",
)


@settings(max_examples=8, deadline=None)
@given(PEOPLE, st.randoms())
def test_the_order_of_people_changes_nothing(people, random):
    frame = table(people)
    shuffled = list(range(len(frame)))
    random.shuffle(shuffled)
    asked = {"arm": "arm", "before": "first", "characteristics": "level", **QUICK}
    one, other = (attrition(d, "y", **asked) for d in (frame, frame.iloc[shuffled]))
    pd.testing.assert_frame_equal(figures(one, *SURE), figures(other, *SURE), rtol=1e-7, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(PEOPLE, st.booleans())
def test_the_other_reference_turns_every_difference_round(people, with_before):
    frame = table(people)
    asked = {"arm": "arm", "before": "first" if with_before else None, **QUICK}
    one, other = (attrition(frame, "y", reference=r, **asked) for r in ("a", "b"))
    terms = ["difference", "difference_of_changes", "lost_difference"]
    one, other = (f.table[f.table["term"].isin(terms) & (f.table["method"] != "mi")] for f in (one, other))
    turned = other.assign(
        estimate=-other["estimate"], conf_low=-other["conf_high"], conf_high=-other["conf_low"],
        part=other["part"].str.replace("lowest", "x").str.replace("highest", "lowest").str.replace("x", "highest"),
    )  # fmt: skip
    keys, values = ["term", "part", "method"], ["estimate", "conf_low", "conf_high"]
    ours, theirs = (t.set_index(keys)[values].sort_index() for t in (one, turned))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-7, atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(PEOPLE)
def test_manskis_bounds_hold_the_complete_cases_and_every_imputation(people):
    found = attrition(table(people), "y", arm="arm", **QUICK).table
    for (term, group), own in found[found["term"].isin(["share_after", "difference"])].groupby(
        ["term", "group"]
    ):
        bounds = own.set_index("part")["estimate"]
        inside = own.loc[own["method"].str.startswith(("complete", "mi")), "estimate"].dropna()
        assert (inside >= bounds["everyone_lowest"] - 1e-12).all(), (term, group)
        assert (inside <= bounds["everyone_highest"] + 1e-12).all(), (term, group)


def extremes(values, kept):
    """Return the least and greatest mean of so many of the values, one of them perhaps in part, over every choice."""
    whole, part = int(kept + 1e-9), kept - int(kept + 1e-9)
    means = []
    for chosen in combinations(range(len(values)), whole):
        total = sum(values[i] for i in chosen)
        rest = [values[i] for i in range(len(values)) if i not in chosen] if part > 1e-9 else [0.0]
        means += [(total + part * r) / kept for r in rest]
    return min(means), max(means)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.integers(-3, 3)), min_size=3, max_size=12))
def test_those_whom_the_model_is_sure_of_are_found_at_once(people):
    seen, arm, age = (np.array(column, dtype=float) for column in zip(*people, strict=True))
    x = np.column_stack([np.ones(len(people)), arm, age, arm * age]) * np.where(seen, 1.0, -1.0)[:, None]
    strict = x @ recession(x)[1] > 1e-6
    left = x[~strict]
    assert (x @ recession(x)[1] >= -1e-8).all()
    # Nobody left is foretold by a model of those left.
    assert not len(left) or (left @ recession(left)[1] <= 1e-6).all()


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS, st.integers(0, 6), st.integers(0, 6))
def test_lees_bounds_are_the_extremes_over_every_choice(one, other, lost_one, lost_other):
    sizes = len(one) + lost_one, len(other) + lost_other
    found = lee_bounds_of(np.array(one), sizes[0], np.array(other), sizes[1])
    shares = len(one) / sizes[0], len(other) / sizes[1]
    if shares[0] >= shares[1]:
        low, high = extremes(one, len(one) * shares[1] / shares[0])
        expected = low - np.mean(other), high - np.mean(other)
    else:
        low, high = extremes(other, len(other) * shares[0] / shares[1])
        expected = np.mean(one) - high, np.mean(one) - low
    np.testing.assert_allclose([found.low, found.high], expected, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-5, 5), st.floats(0, 10), st.floats(0.01, 3), st.floats(0.01, 3), st.floats(0.5, 0.999)
)  # fmt: skip
def test_imbens_and_manskis_interval_holds_the_bounds_and_is_inside_that_of_both(
    low, width, error_low, error_high, conf_level
):
    from evalkit.numerics.normal import z_value

    found = imbens_manski(low, low + width, error_low, error_high, conf_level)
    z = z_value(conf_level)
    assert found[0] <= low + 1e-9
    assert found[1] >= low + width - 1e-9
    assert found[0] >= low - z * error_low - 1e-5
    assert found[1] <= low + width + z * error_high + 1e-5


@settings(max_examples=25, deadline=None)
@given(
    st.integers(5, 40),
    st.integers(5, 40),
    st.integers(1, 20),
    st.integers(0, 20),
    st.floats(-3, 3),
    st.integers(0, 99),
)
def test_beyond_the_tipping_shift_the_answer_is_overturned(n_one, n_other, lost_one, lost_other, gap, seed):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "arm": ["a"] * (n_other + lost_other) + ["b"] * (n_one + lost_one),
        "y": [*rng.normal(0, 1, n_other), *[np.nan] * lost_other, *rng.normal(gap, 1, n_one), *[np.nan] * lost_one],
    })  # fmt: skip
    tips = tipping_point(data, "y", "continuous", arm="arm")
    tips = tips.table[(tips.table["term"] == "tipping_shift") & (tips.table["group"] == "b")].set_index(
        "part"
    )["estimate"]
    start = tipping_point(data, "y", "continuous", arm="arm", grid=[0.0]).grid.iloc[0]
    sign = np.sign(start["estimate"])
    assert np.sign(tips["sign"]) == -sign
    if start["part"] != "tip_within":
        # The interval tips before the estimate does.
        assert 0 < -sign * tips["interval"] < -sign * tips["sign"]
        shifts = [tips["interval"] * 0.99, tips["interval"] * 1.01, 0.0]
        grid = tipping_point(data, "y", "continuous", arm="arm", grid=shifts).grid.query(
            "lost_reference == 0"
        )
        verdicts = grid.set_index("lost_other")["part"]
        assert verdicts[shifts[0]] == start["part"]
        assert verdicts[shifts[1]] == "tip_within"


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_the_share_that_gives_a_value_gives_it(ones, zeros, lost):
    data = pd.DataFrame({"y": [1.0] * ones + [0.0] * zeros + [np.nan] * lost})
    null = (ones + 0.25 * lost) / len(data)
    tips = tipping_point(data, "y", null=null, grid=[0.25])
    row = tips.table[tips.table["part"] == "sign"].iloc[0]
    if row["status"] == "ok":
        assert row["estimate"] == pytest.approx(0.25, abs=1e-9)
    else:
        assert row["reason"].key.endswith("tip_zero")
    assert tips.grid["estimate"].item() == pytest.approx(null)
