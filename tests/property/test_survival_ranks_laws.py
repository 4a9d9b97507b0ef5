"""Laws of rank tests and tests of mean times: what must hold whatever the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.survival import log_rank, pairwise, rmst_test
from evalkit.survival.core.sample import sample
from evalkit.survival.ranks.totals import Totals, rank_scores
from evalkit.survival.ranks.weighting import NAMES, Weighting
from evalkit.timetoevent import TimeToEvent

FEW = settings(max_examples=25, deadline=None, derandomize=True)
NAME = st.sampled_from(list(NAMES))


@st.composite
def rows(draw):
    """Times with ties or none, late entries, three groups, two strata."""
    n = draw(st.integers(12, 50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    time = rng.integers(1, draw(st.sampled_from([5, 15, 60])), n).astype(float)
    if draw(st.booleans()):
        time = time + rng.random(n).round(3)
    entry = (
        np.where((rng.random(n) < 0.4) & (time > 1), np.floor(time * rng.random(n)), 0.0)
        if draw(st.booleans())
        else None
    )
    frame = pd.DataFrame({"g": rng.integers(0, 3, n), "s": rng.integers(0, 2, n)})
    return TimeToEvent(
        time=time, cause=rng.integers(0, 2, n), causes=("event",), entry=entry, covariates=frame
    )


def moved(tte, scale=1.0, order=None, **more):
    order = np.arange(tte.n) if order is None else order
    return TimeToEvent(
        time=scale * tte.time[order], cause=tte.cause[order], causes=tte.causes, covariates=tte.covariates.iloc[order],
        entry=None if tte.entry is None else scale * tte.entry[order], **more,
    )  # fmt: skip


def first(result):
    return result.table["statistic"].iloc[0]


@FEW
@given(rows(), NAME, st.sampled_from([None, "s"]), st.booleans())
def test_row_order_scale_of_time_and_repetition(tte, name, strata, trend):
    asked = {"by": "g", "weights": name, "strata": strata, "trend": trend}
    one = first(log_rank(tte, **asked))
    np.testing.assert_allclose(
        one,
        first(log_rank(moved(tte, order=np.random.default_rng(1).permutation(tte.n)), **asked)),
        rtol=1e-8,
    )
    np.testing.assert_allclose(one, first(log_rank(moved(tte, scale=0.25), **asked)), rtol=1e-8)
    weighted, twice = moved(tte, weight=np.full(tte.n, 2.0)), moved(tte, order=np.tile(np.arange(tte.n), 2))
    np.testing.assert_allclose(first(log_rank(weighted, **asked)), first(log_rank(twice, **asked)), rtol=1e-8)


@FEW
@given(rows())
def test_without_powers_fleming_and_harrington_is_the_log_rank_test(tte):
    assert first(log_rank(tte, "g")) == first(log_rank(tte, "g", weights="fleming-harrington")) or np.isnan(
        first(log_rank(tte, "g"))
    )


@FEW
@given(rows(), NAME, st.sampled_from([[], ["s"]]))
def test_the_scores_of_a_groups_people_add_to_its_score(tte, name, within):
    weighting = Weighting.of(name, 0.5, 1.0) if name == "fleming-harrington" else Weighting.of(name)
    made = sample(tte, tte.cause, [*within, "g"])
    totals = Totals.of(made.sums(1), len(within), weighting)
    scores = rank_scores(made, len(within), weighting)
    for j, key in enumerate(totals.keys):
        members = [i for i, group in enumerate(made.groups) if group[len(within) :] == key]
        own = scores[np.isin(made.group, members)].sum()
        np.testing.assert_allclose(
            own, (totals.observed - totals.expected)[j], atol=1e-9 * max(1, np.abs(scores).max())
        )


@FEW
@given(rows())
def test_relabelled_groups_give_the_same_test(tte):
    other = tte.with_covariates(pd.DataFrame({"h": tte.covariates["g"].map({0: "z", 1: "x", 2: "y"})}))
    np.testing.assert_allclose(first(log_rank(tte, "g")), first(log_rank(other, "h")), rtol=1e-8)
    one, two = pairwise(tte, "g").table, pairwise(other, "h").table
    np.testing.assert_allclose(sorted(one["p_value"].fillna(2)), sorted(two["p_value"].fillna(2)), rtol=1e-8)
    assert (one["p_adjusted"].fillna(1) >= one["p_value"].fillna(1) - 1e-15).all()


@FEW
@given(rows())
def test_mean_times_test_ignores_row_order_and_scale(tte):
    one = rmst_test(tte, "g")
    t = one.table["time"].iloc[0]
    shuffled = moved(tte, order=np.random.default_rng(2).permutation(tte.n))
    np.testing.assert_allclose(first(one), first(rmst_test(shuffled, "g", t)), rtol=1e-8)
    np.testing.assert_allclose(first(one), first(rmst_test(moved(tte, scale=4.0), "g", 4 * t)), rtol=1e-8)


@FEW
@given(rows(), st.integers(0, 5))
def test_an_exact_p_value_is_a_share_of_arrangements_and_at_least_the_least(tte, seed):
    few = tte.subset(np.random.default_rng(seed).permutation(tte.n) < 9)
    found = log_rank(few, "g", permutation="exact")
    if found.table["status"].iloc[0] == "ok":
        about = found.glance().iloc[0]
        share = found.table["p_value"].iloc[0] * about["arrangements"]
        assert abs(share - round(share)) < 1e-6
        assert found.table["p_value"].iloc[0] >= about["least_p_value"] - 1e-12
