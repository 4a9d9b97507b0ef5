"""Laws of adjusted curves, pseudo-values and scores, whatever the data."""

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival import aalen_johansen, adjusted_curves, brier_score, concordance, cox, pseudo_values
from evalkit.timetoevent import TimeToEvent

SOME = settings(max_examples=15, deadline=None)


@st.composite
def people(draw, causes=2):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(30, 60))
    x = rng.normal(size=n)
    arm = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x))).astype(int)
    time = np.ceil(rng.exponential(draw(st.sampled_from([4, 30])), n))
    cause = rng.integers(0, causes + 1, n)
    assume(20 < arm.sum() * 2 < 2 * n - 20)
    return TimeToEvent(
        time=time, cause=cause, causes=("one", "two")[:causes], covariates=pd.DataFrame({"x": x, "arm": arm})
    )


def early(tte):
    """Return two times within the follow-up of both arms."""
    last = min(tte.time[tte.covariates["arm"] == a].max() for a in (0, 1))
    assume(last > 2)
    return [1.0, float(last - 1)]


def shuffled(tte, seed):
    order = np.random.default_rng(seed).permutation(tte.n)
    return TimeToEvent(
        time=tte.time[order], cause=tte.cause[order], causes=tte.causes, covariates=tte.covariates.iloc[order]
    )


@SOME
@given(people(), st.integers(0, 99))
def test_weighted_shares_sum_to_one_and_order_changes_nothing(tte, seed):
    at = early(tte)
    try:
        found = adjusted_curves(tte, "arm", "x", times=at, rmst=at[-1])
    except InputError as error:
        assume("hardly overlap" not in str(error))
        raise
    total = found.table.groupby(["arm", "time"])["estimate"].sum()
    np.testing.assert_allclose(total, 1, atol=1e-12)
    # Time lost to each exit and time without any fill the window.
    np.testing.assert_allclose(found.rmst().table.groupby("arm")["estimate"].sum(), at[-1], rtol=1e-12)
    again = adjusted_curves(shuffled(tte, seed), "arm", "x", times=at, rmst=at[-1])
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(again.table[column], found.table[column], rtol=1e-7, atol=1e-12)


@SOME
@given(people(causes=1), st.floats(0.01, 100))
def test_standardised_curves_fall_and_scaling_time_changes_nothing(tte, scale):
    at = early(tte)
    assume(tte.event.sum() > 8)
    found = cox(tte, "arm + x").adjusted("arm", times=at, rmst=at[-1])
    assert ((found.table["estimate"] >= 0) & (found.table["estimate"] <= 1)).all()
    assert (found.table.groupby("arm")["estimate"].diff().dropna() <= 0).all()
    scaled = TimeToEvent(time=tte.time * scale, cause=tte.cause, causes=tte.causes, covariates=tte.covariates)
    again = cox(scaled, "arm + x").adjusted(
        "arm", times=np.multiply(at, scale) * (1 + 1e-9), rmst=at[-1] * scale
    )
    np.testing.assert_allclose(again.table["estimate"], found.table["estimate"], rtol=1e-6)
    np.testing.assert_allclose(
        again.rmst().table["std_error"], scale * found.rmst().table["std_error"], rtol=1e-5
    )


@SOME
@given(people())
def test_pseudo_values_of_all_exits_sum_to_one(tte):
    at = early(tte)
    parts = [pseudo_values(tte, at, "incidence", of=of)["pseudo"] for of in tte.causes]
    still = pseudo_values(tte, at, of="any exit")["pseudo"]
    np.testing.assert_allclose(parts[0] + parts[1] + still, 1, atol=1e-9)


@SOME
@given(people())
def test_pseudo_values_without_ties_of_the_last_average_near_the_estimate(tte):
    at = early(tte)
    found = pseudo_values(tte, at, "incidence").groupby("time")["pseudo"].mean()
    curve = aalen_johansen(tte).at(at).table.query("cause == 'one'")["estimate"]
    np.testing.assert_allclose(found, curve, atol=5 / tte.n)


@SOME
@given(people(causes=1), st.integers(0, 99))
def test_scores_do_not_depend_on_order_and_ranks_only_on_ranks(tte, seed):
    at = early(tte)[:1]
    told = lambda new, times: np.exp(-np.outer(np.exp(new["x"]), times) / 20)
    one, two = brier_score(told, tte, at).table, brier_score(told, shuffled(tte, seed), at).table
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(one[column], two[column], rtol=1e-9, atol=1e-12)
    for kind in ("harrell", "uno"):
        x = tte.covariates["x"].to_numpy()
        a, b, c = (concordance(score, tte, kind).table["estimate"].iloc[0] for score in (x, np.exp(x), -x))
        np.testing.assert_allclose([a, a], [b, 1 - c], rtol=1e-12)
