"""Laws of competing exits: order, unit of time, splits and repeated rows change nothing; parts add up to the whole."""

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.survival import aalen_johansen, fine_gray, gray_test, years_lost
from evalkit.survival.competing.staying import Part, weighted_likelihood
from evalkit.timetoevent import TimeToEvent

CAUSES = ("one", "two")


@st.composite
def frames(draw):
    n, seed = draw(st.integers(30, 60)), draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 15, n) if draw(st.booleans()) else rng.uniform(0, 15, n).round(2)
    df = pd.DataFrame({
        "time": time.astype(float), "cause": rng.integers(0, 3, n), "x": rng.normal(size=n), "g": rng.integers(0, 2, n),
        "count": rng.integers(1, 4, n),
    })  # fmt: skip
    assume((df["cause"] == 1).sum() > 8 and (df["cause"] == 2).sum() > 3 and df["g"].nunique() == 2)
    return df


def times(df, **how):
    covariates = df[["x", "g"]].reset_index(drop=True)
    return TimeToEvent(
        time=df["time"].to_numpy(), cause=df["cause"].to_numpy(), causes=CAUSES, covariates=covariates, **how
    )


def numbers(tte):
    """Return everything estimated, as one row of numbers."""
    fit = fine_gray(tte, "x + g", censoring_by="g").table
    gray = gray_test(tte, by="g").table.query("part == 'test'")["statistic"]
    return np.concatenate([fit["estimate"], fit["std_error"], gray])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(frames(), st.integers(0, 1000), st.sampled_from([0.25, 3.0, 1e4]))
def test_order_and_unit_change_nothing(df, seed, unit):
    base = numbers(times(df))
    np.testing.assert_allclose(
        numbers(times(df.sample(frac=1, random_state=seed))), base, rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(numbers(times(df.assign(time=df["time"] * unit))), base, rtol=1e-6, atol=1e-9)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(frames())
def test_frequency_weights_are_repeated_rows(df):
    counted = numbers(times(df, weight=df["count"].to_numpy(float)))
    repeated = numbers(times(df.loc[df.index.repeat(df["count"])]))
    np.testing.assert_allclose(counted, repeated, rtol=1e-6, atol=1e-9)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(frames(), st.integers(1, 14))
def test_splitting_a_person_changes_nothing(df, day):
    df = df.assign(id=np.arange(len(df)))
    before = df.assign(entry=0.0)
    after = before[before["time"] > day].assign(entry=float(day))
    first = before.assign(
        time=before["time"].clip(upper=day), cause=before["cause"].where(before["time"] <= day, 0)
    )
    split = pd.concat([first, after], ignore_index=True)
    made = times(split, entry=split["entry"].to_numpy(), id=split["id"].to_numpy())
    np.testing.assert_allclose(numbers(made), numbers(times(df)), rtol=1e-6, atol=1e-9)
    window = float(df.groupby("g")["time"].max().min())
    assume(window > 0)
    lost = [years_lost(t, window, by="g").table[["estimate", "std_error"]] for t in (made, times(df))]
    np.testing.assert_allclose(*lost, rtol=1e-8, atol=1e-10)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(frames(), st.integers(2, 5), st.integers(0, 1000), st.booleans())
def test_parts_add_up_to_the_whole(df, n_parts, seed, late):
    rng = np.random.default_rng(seed)
    entry = (
        np.where(rng.random(len(df)) < 0.5, rng.integers(0, 3, len(df)), 0).astype(float)
        if late
        else np.zeros(len(df))
    )
    arrays = {
        "time": df["time"].to_numpy() + 20 * late, "kind": df["cause"].to_numpy(), "entry": entry if late else None,
        "stratum": df["g"].to_numpy(), "group": df["g"].to_numpy(), "weight": df["count"].to_numpy(float),
    }  # fmt: skip
    x = np.asfortranarray(df[["x"]].to_numpy())
    where = rng.integers(0, n_parts, len(df))
    rows = [np.flatnonzero(where == k) for k in np.unique(where)]
    parts = [
        Part(np.asfortranarray(x[i]), **{k: None if a is None else a[i] for k, a in arrays.items()})
        for i in rows
    ]
    found = []
    for split in ([Part(x, **arrays)], parts):
        likelihood, _, _ = weighted_likelihood(split, np.zeros(1), 2, frequency=True)
        seen = likelihood.look(np.array([0.4]))
        information, _ = likelihood.information(seen)
        found.append([seen.log_likelihood, *seen.gradient, *information.ravel(), likelihood.null()])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10, atol=1e-10)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(frames())
def test_shares_sum_to_one_time_lost_to_the_window_and_predictions_rise(df):
    tte = times(df)
    curves = aalen_johansen(tte, by="g").table
    np.testing.assert_allclose(curves.groupby(["g", "time"])["estimate"].sum(), 1, atol=1e-12)
    assert curves["estimate"].between(0, 1).all()
    window = float(df.groupby("g")["time"].max().min())
    assume(window > 0)
    kept = years_lost(tte, window, by="g").table.query("term == 'years_lost'")
    np.testing.assert_allclose(kept.groupby("g")["estimate"].sum(), window)
    shares = fine_gray(tte, "x").predict(pd.DataFrame({"x": [-1.0, 2.0]})).table
    for _, curve in shares.groupby("x"):
        assert (np.diff(curve["estimate"]) >= 0).all()
        assert curve["estimate"].between(0, 1).all()
