"""Laws of interval-observed times and of discrete-time hazards."""

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.survival import discrete_hazard, turnbull
from evalkit.timetoevent import TimeToEvent

QUICK = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def intervals(draw):
    n = draw(st.integers(2, 25))
    lower = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    length = draw(st.lists(st.sampled_from([0, 1, 3, 8, np.inf]), min_size=n, max_size=n))
    frame = pd.DataFrame({"lower": np.array(lower, float)})
    frame["upper"] = frame["lower"] + length
    assume(np.isfinite(frame["upper"]).any())
    return frame


def curve(frame, **how):
    return turnbull(TimeToEvent.from_intervals(frame, "lower", "upper"), **how)


@QUICK
@given(intervals(), st.sampled_from(["right", "both"]))
def test_masses_are_a_certified_law(frame, closed):
    fit = curve(frame, closed=closed)
    assert (fit.table["mass"] > 0).all()
    np.testing.assert_allclose(fit.table["mass"].sum(), 1)
    assert fit.table["estimate"].is_monotonic_decreasing
    assert fit.glance()["gradient_excess"].item() <= 1e-9
    assert (fit.table["upper"].to_numpy()[:-1] <= fit.table["lower"].to_numpy()[1:]).all()


@QUICK
@given(intervals(), st.randoms(use_true_random=False))
def test_order_repeats_and_scale_change_nothing(frame, random):
    plain = curve(frame).table
    order = list(frame.index)
    random.shuffle(order)
    twice = curve(pd.concat([frame.loc[order], frame]) * 4).table
    np.testing.assert_allclose(twice["mass"], plain["mass"], atol=1e-6)
    np.testing.assert_allclose(twice["lower"], 4 * plain["lower"])


@settings(max_examples=10, deadline=None, derandomize=True)
@given(intervals(), st.integers(0, 25))
def test_an_interval_holds_the_estimate_and_widens_with_its_level(frame, time):
    rows = [curve(frame, conf_level=level).at(time).table.iloc[0] for level in (0.5, 0.95)]
    assert rows[1]["conf_low"] <= rows[0]["conf_low"] + 1e-7 <= rows[0]["lowest"] + 2e-7
    assert rows[1]["conf_high"] >= rows[0]["conf_high"] - 1e-7 >= rows[0]["highest"] - 2e-7


@st.composite
def followed(draw):
    n = draw(st.integers(20, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    time = rng.integers(1, 120, n).astype(float)
    cause = (rng.random(n) < 0.6).astype(int)
    assume(cause.sum() > 5)
    return pd.DataFrame({"t": time, "e": cause, "x": rng.integers(0, 3, n)})


@QUICK
@given(followed(), st.sampled_from(["logit", "cloglog"]), st.sampled_from(["count", "leave_out"]))
def test_events_expected_are_those_seen(frame, link, partial):
    tte = TimeToEvent.from_frame(frame, "t", "e")
    fit = discrete_hazard(tte, "x", period=30, link=link, partial=partial)
    if link == "logit" and (fit.table["status"][0] == "ok"):
        # The score of each level: expected events in a period are those that came.
        at_risk, met = fit.fitted.totals
        counts = np.zeros((3, len(at_risk)))
        for x, t, e in frame[["x", "t", "e"]].to_numpy(dtype=int):
            whole = int(np.ceil(t / 30)) if e or partial == "count" else t // 30
            counts[x, :whole] += 1
        hazard = fit.predict(pd.DataFrame({"x": [0, 1, 2]}), kind="hazard").table
        expected = hazard.pivot(index="row", columns="time", values="estimate").to_numpy()
        np.testing.assert_allclose((counts * expected).sum(axis=0)[: len(met)], met, atol=1e-6)
    share = (
        fit.predict(pd.DataFrame({"x": [1]})).table["estimate"]
        if fit.table["status"][0] == "ok"
        else pd.Series([1.0])
    )
    assert share.between(0, 1).all()
    assert share.is_monotonic_decreasing


@QUICK
@given(followed(), st.integers(1, 119))
def test_splitting_at_any_day_changes_nothing(frame, day):
    frame = frame.assign(id=np.arange(len(frame)), start=0.0)
    late = frame["t"] > day
    split = pd.concat(
        [frame[~late], frame[late].assign(t=float(day), e=0), frame[late].assign(start=float(day))]
    )
    found, expected = (
        discrete_hazard(TimeToEvent.from_frame(f, "t", "e", entry="start", id="id"), "x", period=30).table
        for f in (split, frame)
    )
    np.testing.assert_allclose(found["estimate"], expected["estimate"], rtol=1e-6, atol=1e-8)
    assert found["n"].tolist() == expected["n"].tolist()
