"""Laws of regression to the mean: another unit changes the unit only, and who is who changes nothing."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit as ek

values = st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=4, max_size=12)


def answer(pairs, mean, scale=1.0, shift=0.0, order=None):
    frame = pd.DataFrame(pairs, columns=["before", "after"], dtype=float) * scale + shift
    frame = frame if order is None else frame.iloc[order]
    table = ek.comparison.regression_to_the_mean(
        "before", "after", data=frame, mean=mean * scale + shift, correlation=0.6
    ).tidy()
    return table


@settings(max_examples=30, deadline=None)
@given(values, st.integers(-50, 50), st.sampled_from([0.25, 3.0]), st.sampled_from([0.0, 64.0]))
def test_another_unit_changes_the_unit_only(pairs, mean, scale, shift):
    one, other = answer(pairs, mean), answer(pairs, mean, scale, shift)
    assert (one["status"] == other["status"]).all()
    differences = one["term"].isin(["difference", "corrected_difference", "expected_return"])
    for column in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(
            other.loc[differences, column], one.loc[differences, column] * scale, rtol=1e-6, atol=1e-6
        )
    np.testing.assert_allclose(other["p_value"], one["p_value"], rtol=1e-6, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(values, st.integers(-50, 50), st.randoms(use_true_random=False))
def test_shuffling_people_changes_nothing(pairs, mean, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    one, other = answer(pairs, mean), answer(pairs, mean, order=order)
    for column in ("estimate", "conf_low", "conf_high", "p_value"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-7, atol=1e-9)
