"""Laws of bands, restricted means, landmarks and bootstrap: what must hold whatever the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.survival import kaplan_meier, landmark, rmst
from evalkit.timetoevent import TimeToEvent

FEW = settings(max_examples=25, deadline=None, derandomize=True)


@st.composite
def rows(draw, late=True):
    """Times with heavy ties or none, day-0 exits, late entries, two groups."""
    n = draw(st.integers(8, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    time = rng.integers(0, draw(st.sampled_from([6, 15, 60])), n).astype(float)
    if draw(st.booleans()):
        time = time + rng.random(n).round(3)
    entry = None
    if late and draw(st.booleans()):
        entry = np.where((rng.random(n) < 0.4) & (time > 1), np.floor(time * rng.random(n)), 0.0)
    group = np.r_[["a", "b"], rng.choice(["a", "b"], n - 2)]
    return made(time, rng.integers(0, 2, n), entry, group)


def made(time, cause, entry, group, **more):
    return TimeToEvent(
        time=time,
        cause=cause,
        causes=("event",),
        entry=entry,
        covariates=pd.DataFrame({"group": group}),
        **more,
    )


def moved(tte, scale=1.0, order=None, times=1):
    order = np.arange(tte.n) if order is None else order
    order = np.tile(order, times)
    entry = None if tte.entry is None else scale * tte.entry[order]
    return made(scale * tte.time[order], tte.cause[order], entry, tte.covariates["group"].to_numpy()[order])


def window(tte):
    ends = [
        (part["time"].iloc[-1], part["estimate"].iloc[-1])
        for _, part in kaplan_meier(tte, by="group").table.groupby("group")
    ]
    still = [t for t, s in ends if s > 0]
    return min(still) if still else max(t for t, _ in ends)


def numbers(table):
    return table[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy()


@FEW
@given(rows(), st.integers(0, 99))
def test_row_order_and_scale_of_time_change_nothing(tte, seed):
    t = window(tte)
    if t == 0:
        return
    shuffled = moved(tte, order=np.random.default_rng(seed).permutation(tte.n))
    one, two = rmst(tte, t, by="group").table, rmst(shuffled, t, by="group").table
    np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-9, atol=1e-12)
    stretched = rmst(moved(tte, scale=8.0), 8 * t, by="group").table
    ratios = one["term"].isin(["ratio", "ratio_lost"]).to_numpy()
    np.testing.assert_allclose(numbers(stretched)[ratios], numbers(one)[ratios], rtol=1e-9)
    np.testing.assert_allclose(numbers(stretched)[~ratios], 8 * numbers(one)[~ratios], rtol=1e-9, atol=1e-12)


@FEW
@given(rows())
def test_frequency_weights_of_2_are_doubled_rows(tte):
    t = window(tte)
    weighted = made(tte.time, tte.cause, tte.entry, tte.covariates["group"], weight=np.full(tte.n, 2.0))
    twice = moved(tte, times=2)
    if t > 0:
        np.testing.assert_allclose(
            numbers(rmst(weighted, t, by="group").table), numbers(rmst(twice, t, by="group").table), rtol=1e-9
        )
    for kind in ("equal_precision", "hall_wellner"):
        np.testing.assert_allclose(
            numbers(kaplan_meier(weighted).band(kind, lower=0).table),
            numbers(kaplan_meier(twice).band(kind, lower=0).table),
            rtol=1e-9,
        )


@FEW
@given(rows())
def test_kept_and_lost_time_add_to_the_window_and_lie_in_it(tte):
    t = window(tte)
    if t == 0:
        return
    table = rmst(tte, t, by="group").table
    kept, lost = (table.loc[table["term"] == term, "estimate"].to_numpy() for term in ("rmst", "time_lost"))
    np.testing.assert_allclose(kept + lost, t)
    assert ((kept >= -1e-12) & (kept <= t + 1e-12)).all()


@FEW
@given(rows(late=False))
def test_a_band_holds_the_pointwise_interval_and_ignores_the_scale_of_time(tte):
    curves = kaplan_meier(tte)
    band = curves.band(lower=0, upper=tte.time.max()).table
    held = band["conf_low"].notna() & curves.table["conf_low"].notna()
    assert (band["conf_low"][held] <= curves.table["conf_low"][held] + 1e-9).all()
    assert (band["conf_high"][held] >= curves.table["conf_high"][held] - 1e-9).all()
    np.testing.assert_allclose(
        numbers(band),
        numbers(kaplan_meier(moved(tte, scale=4.0)).band(lower=0, upper=4 * tte.time.max()).table),
        rtol=1e-9,
    )


@FEW
@given(rows(), st.integers(0, 12))
def test_after_a_landmark_the_curve_is_the_conditional_one(tte, day):
    if not ((tte.time > day) & ((0 if tte.entry is None else tte.entry) <= day)).any() or (
        tte.entry is not None and (tte.entry > day).any()
    ):
        return
    whole, after = kaplan_meier(tte).table, kaplan_meier(landmark(tte, day)).table
    at = whole.loc[whole["time"] <= day, "estimate"].iloc[-1]
    later = whole[whole["time"] > day]
    np.testing.assert_allclose(at * after.loc[after["time"] > day, "estimate"], later["estimate"], atol=1e-12)
    restarted = kaplan_meier(landmark(tte, day, origin="shifted")).table
    np.testing.assert_allclose(restarted["estimate"].iloc[1:], after.loc[after["time"] > day, "estimate"])


@FEW
@given(rows())
def test_a_bootstrap_interval_lies_among_the_times(tte):
    row = kaplan_meier(tte).bootstrap(0.4, n=100).table.iloc[0]
    bounds = row[["conf_low", "conf_high"]].astype(float).dropna()
    assert ((bounds >= 0) & (bounds <= tte.time.max())).all()
    assert bounds.is_monotonic_increasing
