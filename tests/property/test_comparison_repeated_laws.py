"""Laws of repeated measures: names and order of people change nothing, swapping dates or groups turns signs, brute force agrees."""

import itertools

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison import ancova, conditional_logit, firth_logit, gee, mixed_model
from evalkit.comparison.repeated.likelihood import exact_law
from evalkit.numerics.separation import separated

QUICK = settings(max_examples=4, deadline=None)
COLUMNS = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]
seeds = st.integers(0, 10_000)


def frame(seed, n=9):
    """People at two or three dates."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {"who": np.repeat(np.arange(n), 3), "m": np.tile([0, 1, 2], n), "g": np.repeat(np.arange(n) % 2, 3)}
    )
    data["y"] = np.round(rng.normal(size=n)[data["who"]] + rng.normal(size=3 * n), 1)
    data["b"] = rng.integers(0, 2, 3 * n)
    return data[(data["m"] == 0) | (rng.random(3 * n) < 0.8)].reset_index(drop=True)


def numbers(fit):
    return fit.tidy()[COLUMNS].to_numpy(dtype=float)


@QUICK
@given(seeds)
def test_names_and_order_of_people_change_nothing(seed):
    data = frame(seed)
    other = data.assign(who=[f"{(7 * k + 3) % 31:02d}" for k in data["who"]]).sample(
        frac=1, random_state=seed
    )
    for fit in (
        lambda d: gee(d, "y", "C(m) * g", person="who", time="m"),
        lambda d: gee(d, "b", "C(m)", person="who", time="m", family="binomial"),
        lambda d: conditional_logit(d, "b", "m", person="who"),
        lambda d: firth_logit(d, "b", "m + g"),
    ):
        np.testing.assert_allclose(numbers(fit(other)), numbers(fit(data)), rtol=1e-6, atol=1e-8)


@QUICK
@given(seeds)
def test_swapping_two_dates_turns_the_sign(seed):
    data = frame(seed).query("m < 2")
    swapped = data.assign(m=1 - data["m"])
    for make in (
        lambda d: gee(d, "y", "m", person="who"),
        lambda d: mixed_model(d, "y", "m", person="who"),
        lambda d: conditional_logit(d, "b", "m", person="who"),
        lambda d: firth_logit(d, "b", "m"),
    ):
        one, other = (f.tidy().query("term == 'm'").iloc[0] for f in (make(data), make(swapped)))
        np.testing.assert_allclose(other["estimate"], -one["estimate"], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(other["p_value"], one["p_value"], rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(other["conf_low"], -one["conf_high"], rtol=1e-5, atol=1e-8)


@QUICK
@given(seeds)
def test_swapping_groups_turns_the_sign_of_ancova(seed):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"g": np.arange(14) % 2, "pre": rng.integers(0, 9, 14), "post": rng.normal(size=14)})
    one = ancova(data, "pre", "post", "g").tidy().query("term == 'effect'")
    other = ancova(data, "pre", "post", "g", reference=1).tidy().query("term == 'effect'")
    np.testing.assert_allclose(other["estimate"], -one["estimate"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(other[["std_error", "df"]], one[["std_error", "df"]], rtol=1e-7)


@QUICK
@given(seeds, st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_another_scale_of_the_score_is_another_scale_of_the_answer(seed, by, shift):
    data = frame(seed)
    other = data.assign(y=by * data["y"] + shift)
    for make in (
        lambda d: gee(d, "y", "C(m)", person="who"),
        lambda d: mixed_model(d, "y", "C(m)", person="who"),
    ):
        one, two = (f.tidy().set_index("term").loc["m[1]"] for f in (make(data), make(other)))
        np.testing.assert_allclose(two["estimate"], by * one["estimate"], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(two["p_value"], one["p_value"], rtol=1e-5, atol=1e-8)


@QUICK
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=4, max_size=8))
def test_the_exact_law_is_brute_force(rows):
    x, y = np.array(rows).T
    who = np.arange(len(x)) // 4
    law = exact_law(x, y, who)
    pools = [sorted(set(itertools.permutations(y[who == k]))) for k in np.unique(who)]
    sums = [int(np.concatenate(choice) @ x) for choice in itertools.product(*pools)]
    values, counts = np.unique(sums, return_counts=True)
    assert law.values.tolist() == values.tolist()
    np.testing.assert_allclose(law.probabilities(), counts / counts.sum(), rtol=1e-9)
    share = counts / counts.sum()
    mine = share[values == law.seen].item()
    np.testing.assert_allclose(law.p_value()[0], share[share <= mine * (1 + 1e-7)].sum(), rtol=1e-9)


@QUICK
@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 1)), min_size=3, max_size=12))
def test_one_column_separates_when_its_values_do_not_cross(rows):
    x, y = np.array(rows, dtype=float).T
    found = separated(np.column_stack([np.ones(len(x)), x]), y)
    if len(set(y)) == 1:
        assert found[0]
    elif len(set(x)) > 1:
        yes, no = x[y == 1], x[y == 0]
        assert found[1] == (yes.min() >= no.max() or no.min() >= yes.max())
