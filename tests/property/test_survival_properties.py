"""Laws of the survival core: what must hold whatever the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalkit.survival import aalen_johansen, cox, kaplan_meier, log_rank
from evalkit.survival.core.sample import sample
from evalkit.survival.core.sums import RiskSums
from evalkit.timetoevent import TimeToEvent

FEW = settings(max_examples=30, deadline=None, derandomize=True)
CAUSES = ("school", "work", "moved")


@st.composite
def rows(draw, n_causes=3, late=True, smallest=6, largest=40):
    """Times with heavy ties or none, day-0 exits, late entries, two groups, a covariate."""
    n = draw(st.integers(smallest, largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = draw(st.booleans())
    time = rng.integers(0, draw(st.sampled_from([4, 12, 60])), n).astype(float)
    if not whole:
        time = time + rng.random(n).round(3)
    entry = None
    if late and draw(st.booleans()):
        entry = np.where((rng.random(n) < 0.5) & (time > 1), np.floor(time * rng.random(n)), 0.0)
    return TimeToEvent(
        time=time, cause=rng.integers(0, n_causes + 1, n), causes=CAUSES[:n_causes], entry=entry, id=np.arange(n),
        covariates=pd.DataFrame({"group": rng.choice(["a", "b"], n), "x": rng.normal(size=n).round(2)}),
    )  # fmt: skip


def estimates(result):
    return result.table[["estimate", "std_error"]].to_numpy()


def shuffled(tte, seed=1):
    order = np.random.default_rng(seed).permutation(tte.n)
    return TimeToEvent(
        time=tte.time[order], cause=tte.cause[order], causes=tte.causes, id=tte.id[order],
        entry=None if tte.entry is None else tte.entry[order], covariates=tte.covariates.iloc[order],
    )  # fmt: skip


def split(tte):
    """Cut every row that has room somewhere in the middle."""
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    middle = np.floor((entry + tte.time) / 2)
    room = (middle > entry) & (middle < tte.time)
    first, second = np.flatnonzero(room), np.arange(tte.n)
    return TimeToEvent(
        time=np.r_[middle[first], tte.time], cause=np.r_[np.zeros(len(first), int), tte.cause], causes=tte.causes,
        entry=np.r_[entry[first], np.where(room, middle, entry)], id=np.r_[tte.id[first], tte.id],
        covariates=tte.covariates.iloc[np.r_[first, second]],
    )  # fmt: skip


@FEW
@given(rows())
def test_probabilities_lie_in_0_1_move_one_way_and_sum_to_1(tte):
    table = aalen_johansen(tte, by="group").table
    assert table["estimate"].between(-1e-12, 1 + 1e-12).all()
    total = table.groupby(["group", "time"])["estimate"].sum()
    np.testing.assert_allclose(total, 1, atol=1e-12)
    for (_, cause), part in table.groupby(["group", "cause"]):
        change = np.diff(part["estimate"])
        assert (change <= 1e-12).all() if cause == "no_exit" else (change >= -1e-12).all()


@FEW
@given(rows(late=False))
def test_bounds_hold_the_estimate(tte):
    for conf_type in ("log-log", "plain", "log", "logit", "arcsin"):
        table = kaplan_meier(tte, of="any exit", conf_type=conf_type).table.dropna()
        assert (table["conf_low"] <= table["estimate"] + 1e-12).all()
        assert (table["conf_high"] >= table["estimate"] - 1e-12).all()


@FEW
@given(rows())
def test_renaming_and_reordering_rows_changes_nothing(tte):
    other = shuffled(tte)
    for estimator in (aalen_johansen, lambda t, by: kaplan_meier(t, by=by, of="any exit")):
        pd.testing.assert_frame_equal(
            estimator(tte, by="group").table, estimator(other, by="group").table, rtol=1e-12
        )


@FEW
@given(rows())
def test_splitting_rows_changes_no_curve_and_no_test(tte):
    cut = split(tte)
    as_entered = tte if tte.entry is not None else TimeToEvent(
        time=tte.time, cause=tte.cause, causes=tte.causes, entry=np.zeros(tte.n), id=tte.id, covariates=tte.covariates
    )  # fmt: skip
    for estimator in (aalen_johansen, lambda t: kaplan_meier(t, by="group", of="any exit")):
        pd.testing.assert_frame_equal(
            estimator(as_entered).table, estimator(cut).table, rtol=1e-9, atol=1e-12
        )
    one, two = (log_rank(t, "group", of="any exit").table["statistic"].iloc[0] for t in (as_entered, cut))
    np.testing.assert_allclose(one, two, rtol=1e-9)


@FEW
@given(rows(n_causes=1))
def test_splitting_rows_changes_no_cox_model(tte):
    assume(_fits(tte))
    one, two = (cox(t, "x").table[["estimate", "std_error"]].to_numpy() for t in (tte, split(tte)))
    np.testing.assert_allclose(one, two, rtol=1e-7)
    robust = [cox(t, "x", cluster="id").table["std_error"] for t in (tte, split(tte))]
    np.testing.assert_allclose(robust[0], robust[1], rtol=1e-7)


@FEW
@given(rows(late=False), st.integers(0, 2**32 - 1))
def test_frequency_weights_are_repeated_rows(tte, seed):
    weight = np.random.default_rng(seed).integers(1, 4, tte.n)
    parts = {"causes": tte.causes}
    weighted = TimeToEvent(time=tte.time, cause=tte.cause, weight=weight, covariates=tte.covariates, **parts)
    again = np.repeat(np.arange(tte.n), weight)
    repeated = TimeToEvent(
        time=tte.time[again], cause=tte.cause[again], covariates=tte.covariates.iloc[again], **parts
    )
    for estimator in (aalen_johansen, lambda t: kaplan_meier(t, by="group", of="any exit")):
        pd.testing.assert_frame_equal(
            estimator(weighted).table, estimator(repeated).table, rtol=1e-9, atol=1e-12
        )
    one, two = (
        log_rank(t, "group", of="any exit").table[["statistic", "n", "n_event"]] for t in (weighted, repeated)
    )
    pd.testing.assert_frame_equal(one, two, rtol=1e-9)
    if _fits(tte):
        found = [
            cox(t, "x", of="school").table[["estimate", "std_error"]].to_numpy() for t in (weighted, repeated)
        ]
        np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


@FEW
@given(rows(n_causes=1, late=False))
def test_without_censoring_kaplan_meier_is_the_share_still_there(tte):
    everybody = TimeToEvent(time=tte.time, cause=np.ones(tte.n, int), causes=tte.causes)
    table = kaplan_meier(everybody).table
    share = [(tte.time > t + 1e-12).mean() for t in table["time"]]
    np.testing.assert_allclose(table["estimate"], share, atol=1e-12)


@FEW
@given(rows(n_causes=1))
def test_with_one_cause_aalen_johansen_is_one_less_kaplan_meier(tte):
    incidence = aalen_johansen(tte).table.query("cause == 'school'")["estimate"].to_numpy()
    np.testing.assert_allclose(incidence, 1 - kaplan_meier(tte).table["estimate"], atol=1e-12)


@FEW
@given(rows(n_causes=1, late=False))
def test_a_rank_test_looks_at_the_order_of_times_only(tte):
    moved = TimeToEvent(
        time=(tte.time + 1) ** 2.5, cause=tte.cause, causes=tte.causes, covariates=tte.covariates
    )
    for rho in (0, 1):
        one, two = (log_rank(t, "group", rho=rho).table["statistic"].iloc[0] for t in (tte, moved))
        np.testing.assert_allclose(one, two, rtol=1e-9)


@FEW
@given(rows(n_causes=1))
def test_scaling_time_changes_no_cox_model(tte):
    assume(_fits(tte))
    scaled = TimeToEvent(
        time=tte.time / 30.4375, cause=tte.cause, causes=tte.causes, covariates=tte.covariates,
        entry=None if tte.entry is None else tte.entry / 30.4375,
    )  # fmt: skip
    np.testing.assert_allclose(estimates(cox(tte, "x")), estimates(cox(scaled, "x")), rtol=1e-8)


@FEW
@given(rows(), st.lists(st.integers(0, 2), min_size=40, max_size=40))
def test_sums_of_parts_are_the_sums_of_the_whole(tte, where):
    whole = sample(tte, tte.cause, "group").sums(3)
    where = np.array(where[: tte.n])
    total = None
    for part in np.unique(where):
        sums = sample(tte.subset(where == part), tte.cause[where == part], "group").sums(3)
        total = sums if total is None else total + sums
    order = [total.groups.index(g) for g in whole.groups]
    np.testing.assert_allclose(total.times, whole.times, rtol=1e-12)
    np.testing.assert_array_equal(total.exits[order], whole.exits)
    np.testing.assert_array_equal(total.entries[order], whole.entries)
    np.testing.assert_array_equal(total.start[order], whole.start)
    np.testing.assert_array_equal(total.n_risk()[order], whole.n_risk())
    assert isinstance(total, RiskSums)


def _fits(tte):
    """Whether a model with x has a finite maximum and enough events to be told apart from rounding."""
    if (tte.cause == 1).sum() < 4:
        return False
    row = cox(tte, "x", of=tte.causes[0]).table.iloc[0]
    return row["status"] == "ok" and row["std_error"] < 3
