"""Laws of Cox fits: what cannot matter does not, whatever the data."""

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.survival import cox
from evalkit.survival.proportional.exact import given_number
from evalkit.timetoevent import TimeToEvent

LIGHT = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HOWS = st.sampled_from([{}, {"ties": "breslow"}, {"firth": True}, {"ties": "exact"}])


def people(seed, n=45):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame({
        "t": np.ceil(rng.exponential(9 * np.exp(-0.4 * x))), "e": (rng.random(n) < 0.75).astype(int), "x": x.round(2),
        "z": rng.integers(0, 2, n), "id": np.arange(n), "s": rng.integers(0, 2, n),
    })  # fmt: skip


def fit(df, formula="x + z", entry=None, **how):
    return cox(TimeToEvent.from_frame(df, "t", "e", id="id" if entry else None, entry=entry), formula, **how)


def answers(found, asked):
    """Return everything a fit says, as numbers."""
    said = [found.table[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy().ravel()]
    said.append(
        found.predict(asked, [3], kind="survival").table[["estimate", "std_error"]].to_numpy().ravel()
    )
    said.append([found.fitted.concordance.estimate, found.fitted.concordance.std_error])
    if found.ties != "exact":
        said.append(found.check("km").table["statistic"].to_numpy())
    return np.concatenate(said)


@LIGHT
@given(seed=st.integers(0, 10_000), how=HOWS)
def test_the_order_of_rows_does_not_matter(seed, how):
    df = people(seed)
    other = df.sample(frac=1, random_state=seed)
    np.testing.assert_allclose(
        answers(fit(df, **how), df.head(2)), answers(fit(other, **how), df.head(2)), rtol=1e-6, atol=1e-8
    )


@LIGHT
@given(seed=st.integers(0, 10_000), how=HOWS, day=st.integers(1, 12))
def test_splitting_rows_at_any_day_does_not_matter(seed, how, day):
    df = people(seed).assign(start=0.0)
    first = df.assign(t=np.minimum(df["t"], day), e=np.where(df["t"] > day, 0, df["e"]))
    later = df[df["t"] > day].assign(start=float(day))
    split = pd.concat([first, later], ignore_index=True)
    whole, parts = fit(df, **how), fit(split, entry="start", **how)
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(whole.table[columns], parts.table[columns], rtol=1e-6, atol=1e-8)
    a, b = (f.predict(df.head(2), [3]).table for f in (whole, parts))
    np.testing.assert_allclose(a["std_error"], b["std_error"], rtol=1e-6)
    rest = parts.residuals(collapse="id")["residual"]
    np.testing.assert_allclose(whole.residuals()["residual"], rest, rtol=1e-6, atol=1e-8)
    if whole.ties != "exact":
        # The ranks and the Kaplan-Meier curve know one row per person; time itself does not change.
        stats = (f.check("identity").table["statistic"] for f in (whole, parts))
        np.testing.assert_allclose(*stats, rtol=1e-6, atol=1e-8)


@LIGHT
@given(seed=st.integers(0, 10_000), how=HOWS, unit=st.sampled_from([7.0, 365.25, 1e-3]))
def test_the_unit_of_time_does_not_matter(seed, how, unit):
    df = people(seed)
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(
        fit(df, **how).table[columns],
        fit(df.assign(t=df["t"] / unit), **how).table[columns],
        rtol=1e-7,
        atol=1e-9,
    )


@LIGHT
@given(seed=st.integers(0, 10_000))
def test_expected_events_of_everybody_are_those_seen(seed):
    df = people(seed)
    for found in (fit(df, ties="breslow"), fit(df, ties="breslow", strata="s")):
        np.testing.assert_allclose(
            found.predict(kind="expected").table["estimate"].sum(), df["e"].sum(), rtol=1e-9
        )


@LIGHT
@given(seed=st.integers(0, 10_000), bound=st.sampled_from(["conf_low", "conf_high"]))
def test_intervals_hold_their_estimate_and_firth_is_always_finite(seed, bound):
    df = people(seed, n=12)
    if not df["e"].any():
        return
    found = fit(df, firth=True).table
    ok = found["status"] == "ok"
    sign = -1 if bound == "conf_low" else 1
    assert np.isfinite(found.loc[ok, bound]).all()
    assert (sign * (found.loc[ok, bound] - found.loc[ok, "estimate"]) > 0).all()


@LIGHT
@given(scores=st.lists(st.floats(-30, 30), min_size=3, max_size=12), number=st.integers(1, 11))
def test_of_those_at_risk_as_many_are_chosen_as_met_the_event(scores, number):
    number = min(number, len(scores))
    _, chosen, spread = given_number(np.array(scores), number, np.eye(len(scores)))
    np.testing.assert_allclose(chosen.sum(), number, rtol=1e-9)
    assert (chosen > -1e-9).all()
    assert (chosen < 1 + 1e-9).all()
    np.testing.assert_allclose(spread.sum(axis=0), 0, atol=1e-8)
