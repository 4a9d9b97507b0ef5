"""Sums of parts are the sums of the whole: every estimator of the core, people split in any way."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.survival import aalen_johansen, cox, fine_gray, kaplan_meier, log_rank
from evalkit.survival.competing.incidence import jackknife_rows, steps_of
from evalkit.survival.competing.spread import Look, score_influence
from evalkit.survival.competing.staying import Part, weighted_likelihood
from evalkit.survival.core.influence import incidence_steps, influence_variance
from evalkit.survival.core.sample import sample
from evalkit.survival.core.slots import place
from evalkit.survival.proportional import rows as rows_module
from evalkit.survival.proportional.newton import maximise, warm
from evalkit.survival.proportional.partial import Likelihood
from evalkit.survival.proportional.sites import EventTimes, Site, fit_sites
from evalkit.survival.ranks.totals import Totals
from evalkit.survival.ranks.weighting import Weighting
from evalkit.timetoevent import TimeToEvent

FEW = settings(max_examples=25, deadline=None, derandomize=True)
CAUSES = ("school", "work", "moved")
SAME = {"rtol": 1e-10, "atol": 1e-12}


@st.composite
def people(draw, n_causes=1, weights=(None, "frequency"), late=True):
    """Rows with heavy ties or none, late entries, weights; groups, strata, clusters, two covariates; and a way to split them."""
    n = draw(st.integers(40, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    time = rng.integers(1, draw(st.sampled_from([6, 20, 90])), n).astype(float)
    if draw(st.booleans()):
        time += rng.random(n).round(2)
    entry = None
    if late and draw(st.booleans()):
        entry = np.where((rng.random(n) < 0.5) & (time > 2), np.floor((time - 1) * rng.random(n)), 0.0)
    kind = draw(st.sampled_from(weights))
    weight = {None: None, "frequency": rng.integers(1, 4, n), "sampling": rng.uniform(0.5, 3, n)}[kind]
    frame = pd.DataFrame({
        "x": rng.normal(size=n), "z": rng.integers(0, 2, n), "group": rng.choice(["a", "b", "c"], n),
        "stratum": rng.integers(0, 3, n), "cluster": rng.integers(0, 9, n),
    })  # fmt: skip
    tte = TimeToEvent(
        time=time, cause=rng.integers(0, n_causes + 1, n), causes=CAUSES[:n_causes], entry=entry, weight=weight, weight_kind=kind,
        covariates=frame, id=np.arange(n),
    )  # fmt: skip
    where = rng.integers(0, draw(st.integers(2, 5)), n)
    return tte, [np.flatnonzero(where == part) for part in np.unique(where)]


def subset(tte, rows):
    return tte.subset(np.isin(np.arange(tte.n), rows))


def added(tte, parts, n_causes, by=None):
    """The sums of all parts, each computed from its own rows alone."""
    few = [subset(tte, rows) for rows in parts]
    return reduce(add, [sample(part, part.cause, by).sums(n_causes) for part in few])


@FEW
@given(people())
def test_kaplan_meier(drawn):
    tte, parts = drawn
    sums = added(tte, parts, 1)
    steps, _ = steps_of(sums, 0)
    assert sums.start[0] + sums.entries.sum() == (tte.n if tte.weight is None else tte.weight.sum())
    table = kaplan_meier(tte).table.query("time > 0")
    np.testing.assert_allclose(steps.times, table["time"], rtol=1e-12)
    np.testing.assert_allclose(steps.free[1:], table["estimate"], **SAME)
    n, d = steps.n_risk, steps.n_event[0]
    last = n > d
    greenwood = steps.free[1:][last] * np.sqrt(np.cumsum((d / (n * np.where(last, n - d, 1.0)))[last]))
    np.testing.assert_allclose(greenwood, table["std_error"][last.tolist()], **SAME)


@FEW
@given(people())
def test_log_rank_within_strata(drawn):
    tte, parts = drawn
    sums = added(tte, parts, 1, ["stratum", "group"])
    totals = Totals.of(sums, 1, Weighting.of())
    statistic, df, _ = totals.test()
    test = log_rank(tte, "group", strata="stratum").table.iloc[0]
    np.testing.assert_allclose([statistic, df], [test["statistic"], test["df"]], rtol=1e-9)
    np.testing.assert_allclose(totals.observed.sum(), totals.expected.sum(), rtol=1e-10)


@FEW
@given(people(n_causes=3, weights=(None, "frequency", "sampling")))
def test_aalen_johansen_with_the_jackknife_variance(drawn):
    tte, parts = drawn
    steps, _ = steps_of(added(tte, parts, 3), 0)
    variance = 0
    for rows in parts:
        # The second round: what a part's own people move, given the probabilities of all.
        part = subset(tte, rows)
        moved = jackknife_rows(part, sample(part, part.cause, None), steps, 0)
        variance = variance + influence_variance(steps, *moved)
    table = aalen_johansen(tte).table.query("time > 0")
    for named, estimate, square in zip(
        (*CAUSES, "no_exit"), (*steps.incidence, steps.free), variance, strict=True
    ):
        own = table[table["cause"] == named]
        np.testing.assert_allclose(estimate[1:], own["estimate"], **SAME)
        np.testing.assert_allclose(np.sqrt(square), own["std_error"], rtol=1e-10, atol=1e-7)


@FEW
@given(people(n_causes=3))
def test_aalen_johansen_with_aalens_variance(drawn):
    tte, parts = drawn
    sums, whole = added(tte, parts, 3), sample(tte, tte.cause, None).sums(3)
    for name in ("times", "exits", "entries", "start"):
        np.testing.assert_array_equal(getattr(sums, name), getattr(whole, name))
    one, two = (incidence_steps(s.times, s.n_risk()[0], s.exits[0, 1:]) for s in (sums, whole))
    # Aalen's variance reads nothing else.
    np.testing.assert_array_equal(one.incidence, two.incidence)


def sites_of(tte, parts, strata=False, cluster=False):
    frame = tte.covariates
    x = frame[["x", "z"]].to_numpy(dtype=float)
    pick = lambda values, rows: None if values is None else np.asarray(values)[rows]
    return [
        Site(
            x[rows], tte.time[rows], tte.event[rows], pick(tte.entry, rows), pick(tte.weight, rows),
            pick(frame["stratum"] if strata else None, rows), pick(frame["cluster"] if cluster else None, rows),
        )
        for rows in parts
    ]  # fmt: skip


def estimable(fit):
    """Whether the maximum is told apart from rounding: neither separated nor nearly flat."""
    return (fit.table["status"] == "ok").all() and (fit.table["std_error"] < 3).all()


@FEW
@given(people(), st.sampled_from(["efron", "breslow"]), st.booleans())
def test_cox_with_late_entries_strata_and_weights(drawn, ties, strata):
    tte, parts = drawn
    fit = cox(tte, "x + z", ties=ties, strata="stratum" if strata else None)
    assume(estimable(fit))
    top, robust = fit_sites(sites_of(tte, parts, strata), ties, tte.weight_kind == "frequency")
    assert robust is None
    np.testing.assert_allclose(top.beta, fit.table["estimate"], **SAME)
    np.testing.assert_allclose(np.sqrt(np.diag(top.covariance)), fit.table["std_error"], **SAME)
    assert top.seen.log_likelihood == pytest.approx(fit.fitted.top.seen.log_likelihood, rel=1e-11)
    assert top.null == pytest.approx(fit.fitted.top.null, rel=1e-11)


@FEW
@given(people(weights=(None, "sampling")), st.booleans())
def test_cox_by_clusters_that_live_in_several_parts(drawn, strata):
    tte, parts = drawn
    fit = cox(tte, "x + z", cluster="cluster", strata="stratum" if strata else None)
    assume(estimable(fit))
    _, robust = fit_sites(sites_of(tte, parts, strata, cluster=True))
    np.testing.assert_allclose(np.sqrt(np.diag(robust)), fit.table["std_error"], **SAME)


@FEW
@given(people())
def test_cox_of_people_cut_into_intervals_that_lie_in_several_parts(drawn):
    tte, parts = drawn
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    middle = np.floor((entry + tte.time) / 2)
    cut = (middle > entry) & (middle < tte.time)
    first = TimeToEvent(
        time=middle[cut], cause=np.zeros(cut.sum(), int), causes=tte.causes, entry=entry[cut],
        weight=None if tte.weight is None else tte.weight[cut], covariates=tte.covariates[cut],
    )  # fmt: skip
    second = TimeToEvent(
        time=tte.time, cause=tte.cause, causes=tte.causes, entry=np.where(cut, middle, entry), weight=tte.weight,
        covariates=tte.covariates,
    )  # fmt: skip
    fit = cox(tte, "x + z")
    assume(estimable(fit) and cut.any())
    sites = sites_of(first, [np.arange(first.n)]) + sites_of(second, parts)
    top, _ = fit_sites(sites, frequency=tte.weight_kind == "frequency")
    np.testing.assert_allclose(top.beta, fit.table["estimate"], **SAME)
    np.testing.assert_allclose(np.sqrt(np.diag(top.covariance)), fit.table["std_error"], **SAME)


@FEW
@given(people(n_causes=2, late=False), st.booleans())
def test_fine_gray_by_clusters_that_live_in_several_parts(drawn, by_group):
    tte, parts = drawn
    fit = fine_gray(tte, "x + z", cluster="cluster", censoring_by="group" if by_group else None)
    assume(estimable(fit))
    frame = tte.covariates
    x = frame[["x", "z"]].to_numpy(dtype=float)
    group = pd.factorize(frame["group"], sort=True)[0]
    split = [
        Part(
            np.asfortranarray(x[rows]), tte.time[rows], tte.cause[rows],
            weight=None if tte.weight is None else tte.weight[rows], group=group[rows] if by_group else None,
        )
        for rows in parts
    ]  # fmt: skip
    frequency = tte.weight_kind == "frequency"
    likelihood, slots, observation = weighted_likelihood(
        split, np.zeros(2), group.max() + 1 if by_group else 1, frequency
    )
    top = maximise(likelihood, x.std(axis=0))
    look = Look(likelihood, slots, observation, split, top.seen)
    score = score_influence(look, [frame["cluster"].to_numpy()[rows] for rows in parts], 9)
    moved = score @ top.covariance
    np.testing.assert_allclose(top.beta, fit.table["estimate"], **SAME)
    np.testing.assert_allclose(np.sqrt(np.diag(moved.T @ moved)), fit.table["std_error"], **SAME)


@FEW
@given(people(), st.booleans())
def test_rows_in_order_of_their_slots_say_what_a_table_of_slots_says(drawn, strata):
    tte, _ = drawn
    assume(tte.event.any())
    slots = place(tte.time, tte.event, tte.entry, tte.covariates["stratum"].to_numpy() if strata else None)
    values = np.random.default_rng(0).random(tte.n)
    answers = []
    for few in (rows_module.FEW_SLOTS, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rows_module, "FEW_SLOTS", few)
            rows = rows_module.Rows(
                np.zeros((tte.n, 1)), slots.first, slots.last, np.flatnonzero(tte.event), order=slots.order
            )
            answers.append(rows.sums(values, len(slots)))
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("whole", [True, False])
def test_a_large_fit_that_begins_at_a_subsample_ends_where_a_cold_one_does(whole):
    rng = np.random.default_rng(3)
    n, p = 120_000, 20
    x = np.asfortranarray(rng.normal(size=(n, p)))
    time = rng.exponential(300 * np.exp(-x @ np.linspace(-0.3, 0.3, p)))
    time = np.ceil(time) if whole else time.round(4) + 1e-4
    event = (rng.random(n) < 0.6) & (time < 700)
    slots = place(np.minimum(time, 700), event)
    likelihood = Likelihood.of(x, slots, event, None, False, np.zeros(p), "efron")
    scale = np.ones(p)
    start = warm(likelihood, scale)
    assert start.information is not None
    one, two = maximise(likelihood, scale, start=start), maximise(likelihood, scale)
    error = np.sqrt(np.diag(two.covariance))
    np.testing.assert_allclose(one.beta, two.beta, atol=1e-9 * error.min())
    np.testing.assert_allclose(np.sqrt(np.diag(one.covariance)), error, rtol=1e-9)
    assert one.seen.log_likelihood == pytest.approx(two.seen.log_likelihood, rel=1e-13)
    here = likelihood.look(one.beta)
    np.testing.assert_allclose(one.seen.risks[0], here.risks[0], rtol=1e-8)
    np.testing.assert_allclose(one.seen.hazards[0], here.hazards[0], rtol=1e-8)


def test_event_times_but_for_rounding_are_one():
    one = EventTimes.of(np.array([0.1 + 0.2, 5.0]), np.array([0, 0]), np.ones(2))
    two = EventTimes.of(np.array([0.3, 5.0, 5.0]), np.array([0, 0, 1]), np.array([2.0, 1.0, 1.0]))
    both = one + two
    assert both.number.tolist() == [2, 2, 1]
    assert both.weight.tolist() == [3, 2, 1]
    assert both.stratum.tolist() == [0, 0, 1]
    nothing = EventTimes.of(np.zeros(0), np.zeros(0, int), np.zeros(0))
    assert (both + nothing).number.tolist() == [2, 2, 1]
