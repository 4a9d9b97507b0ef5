"""Laws of penalised Cox models and of shared frailty."""

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.survival import cox, frailty
from evalkit.timetoevent import TimeToEvent

QUICK = settings(max_examples=12, deadline=None, derandomize=True)


@st.composite
def people(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(30, 80))
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 2, n), "site": rng.integers(0, 6, n)})
    frame["t"] = np.ceil(rng.exponential(20 * np.exp(-0.5 * frame["x"] + 0.3 * (frame["site"] % 3))))
    frame["e"] = (rng.random(n) < 0.7).astype(int)
    assume(frame["e"].sum() > 12)
    return frame


def tte(frame):
    return TimeToEvent.from_frame(frame, "t", "e")


@QUICK
@given(people(), st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.1, 20))
def test_a_larger_penalty_draws_further(frame, l1_ratio, penalty):
    spread = frame[["x", "z"]].std(ddof=0)
    size = lambda fit: float(
        (
            l1_ratio * (fit["estimate"] * spread.to_numpy()).abs()
            + (1 - l1_ratio) / 2 * (fit["estimate"] * spread.to_numpy()) ** 2
        ).sum()
    )
    near, far = (cox(tte(frame), "x + z", penalty=p, l1_ratio=l1_ratio).table for p in (penalty, 2 * penalty))
    assert size(far) <= size(near) + 1e-9


@QUICK
@given(people(), st.randoms(use_true_random=False))
def test_order_of_rows_and_time_scale_change_nothing(frame, random):
    order = list(frame.index)
    random.shuffle(order)
    other = frame.loc[order].assign(t=3 * frame["t"])
    drawn = [cox(tte(f), "x + z", penalty=3, l1_ratio=0.5).table["estimate"] for f in (frame, other)]
    np.testing.assert_allclose(*drawn, atol=1e-8)
    shared = [frailty(tte(f), "x + z", cluster="site", theta=0.4).table["estimate"] for f in (frame, other)]
    np.testing.assert_allclose(*shared, rtol=1e-6, atol=1e-8)


@QUICK
@given(people(), st.sampled_from(["gamma", "gaussian"]), st.floats(0.05, 3))
def test_effects_balance_and_no_variance_is_better(frame, law, theta):
    fit = frailty(tte(frame), "x", cluster="site", distribution=law)
    other = frailty(tte(frame), "x", cluster="site", distribution=law, theta=theta)
    effect = other.clusters["estimate"]
    # Gamma frailties have the mean 1, logarithms of log-normal ones the mean 0.
    balance = np.exp(effect).mean() - 1 if law == "gamma" else effect.mean()
    assert abs(balance) < 1e-6
    if law == "gamma":
        assert fit.likelihoods[2] >= other.likelihoods[2] - 1e-7
