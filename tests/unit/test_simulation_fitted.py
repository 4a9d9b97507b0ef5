"""Curves of the estimators as durations of a pathway: what they become, what is refused, how far a draw may stray."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import InputError
from evalkit.simulation import fitted, fitted_draws

S = ek.survival


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(7)
    time = np.ceil(rng.exponential(60, 300))
    cause = np.where(time > 150, 0, rng.choice([0, 1, 2], 300))
    covariates = pd.DataFrame({"site": rng.choice(["centre", "est"], 300)})
    return ek.TimeToEvent(
        time=np.minimum(time, 150), cause=cause, causes=("job", "lost"), covariates=covariates
    )


@pytest.fixture(scope="module")
def one_exit():
    return ek.TimeToEvent(time=[2, 3, 3, 5, 8], cause=[1, 1, 0, 0, 0], causes=("job",))


def table(**columns):
    return pd.DataFrame(columns)


def test_a_survival_becomes_the_share_gone_and_keeps_its_last_day(one_exit):
    got = fitted(S.kaplan_meier(one_exit))
    assert got["days"] == [2, 3, 8]
    assert got["incidence"]["event"] == pytest.approx([0.2, 0.4, 0.4])


def test_incidences_keep_their_causes_and_the_share_that_stays_is_no_cause(people):
    curve = S.aalen_johansen(people)
    got = fitted(curve)
    assert list(got["incidence"]) == ["job", "lost"]
    last = curve.at(150).tidy().set_index("cause")["estimate"]
    assert got["incidence"]["job"][-1] == pytest.approx(last["job"])
    assert got["incidence"]["lost"][-1] == pytest.approx(last["lost"])


def test_a_pathway_takes_every_kind_of_curve(people):
    single = ek.TimeToEvent(
        time=people.time, cause=(people.cause > 0).astype(int), causes=("left",), covariates=people.covariates
    )
    seen = table(seen=[0, 30, 30, 60], gone=[30, 60, 90, np.inf])
    month = table(site=["est"])
    curves = [
        S.kaplan_meier(single),
        S.aalen_johansen(people),
        S.turnbull(ek.TimeToEvent.from_intervals(seen, "seen", "gone")),
        S.parametric(single).predict(times=list(range(0, 150, 10))),
        S.discrete_hazard(single, "site", period=30).predict(month),
        S.cox(single, "site").predict(month),
        S.fine_gray(people, "site", "job").predict(month, times=[30, 90]).tidy().assign(cause="job"),
    ]
    for curve in curves:
        pathway = ek.simulation.Pathway({
            "start": "2024-01-01", "end": "2024-12-31",
            "sources": {"door": {"to": "inside", "dates": ["2024-01-01"], "size": 1}},
            "states": {"inside": {"kind": "delay", "duration": fitted(curve), "done": "out", "late": "out"},
                       "out": {"kind": "exit"}},
        })  # fmt: skip
        assert pathway.plan.rows[0].durations[0].days


def test_a_curve_between_visits_leaves_on_the_day_it_would_have_been_seen():
    seen = table(seen=[0, 30, 30, 60], gone=[30, 60, 90, np.inf])
    got = fitted(S.turnbull(ek.TimeToEvent.from_intervals(seen, "seen", "gone")))
    assert got["days"] == [30, 60, 90]
    assert got["incidence"]["event"] == pytest.approx([0.25, 0.625, 1.0])
    open_end = fitted(table(lower=[0.0, 60.0], upper=[30.0, np.inf], mass=[0.4, 0.6], estimate=[0.6, 0.0]))
    assert open_end == {"family": "fitted", "days": [30.0], "incidence": {"event": [pytest.approx(0.4)]}}


def test_times_in_weeks_become_days():
    weeks = table(time=[1, 2], estimate=[0.9, 0.5])
    assert fitted(weeks, unit="week")["days"] == [7, 14]
    tte = ek.TimeToEvent(time=[2, 3], cause=[1, 0], causes=("job",), unit="week")
    assert fitted(S.kaplan_meier(tte))["days"] == [14, 21]


def test_one_of_several_curves_is_named(people):
    curves = S.aalen_johansen(people, by="site")
    est = fitted(curves, site="est")
    mine = people.subset(people.covariates["site"].to_numpy() == "est")
    assert est == fitted(S.aalen_johansen(mine))
    assert est != fitted(curves, site="centre")


@pytest.mark.parametrize(
    ("levels", "said"),
    [({}, "say which: site=…"), ({"site": "nord"}, "no curve has “site” = nord"), ({"sex": "f"}, "it is by: site")],
)  # fmt: skip
def test_which_curve_must_be_clear(people, levels, said):
    with pytest.raises(InputError) as refusal:
        fitted(S.aalen_johansen(people, by="site"), **levels)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (table(time=[1, 2], estimate=[0.5, 0.6]), "rises on day 2"),
        (table(time=[1, 2], estimate=[0.2, 0.1], cause="job"), "falls on day 2"),
        (table(time=[1, 2], estimate=[0.5, np.nan]), "suppressed, missing or not estimable"),
        (table(time=[1, 2], estimate=[0.5, 0.4], status=["ok", "suppressed"]), "1 value is suppressed"),
        (table(time=[1, 1], estimate=[0.5, 0.4]), "repeated"),
        (table(time=[-1, 1], estimate=[0.5, 0.4]), "negative"),
        (table(time=[1, 2], estimate=[1.0, 1.0]), "nobody leaves"),
        (table(time=[1, 2], estimate=[90.0, 50.0]), "no share between 0 and 1"),
        (table(time=[1, 2, 1], estimate=[0.5, 0.6, 0.1], cause=["a", "a", "b"]), "the same days"),
        (table(time=[1, 1], estimate=[0.7, 0.6], cause=["a", "b"]), "add up to 1.3000"),
        (table(day=[1], estimate=[0.5]), "time is missing"),
        (table(time=[], estimate=[]), "no row"),
        ({"time": [1]}, "not dict"),
    ],
)  # fmt: skip
def test_what_is_no_curve_is_refused(given, said):
    with pytest.raises(InputError) as refusal:
        fitted(given)
    assert said in str(refusal.value)
    assert "fitted" in refusal.value.render("fr")


def test_a_hazard_and_an_unknown_unit_are_refused(one_exit):
    with pytest.raises(InputError, match="no share of people"):
        fitted(S.nelson_aalen(one_exit))
    with pytest.raises(InputError, match="“fortnight” is unknown"):
        fitted(S.kaplan_meier(one_exit), unit="fortnight")


# ---- draws -------------------------------------------------------------------------------------------------------------------
def at(curve, day):
    k = np.searchsorted(curve["days"], day, side="right") - 1
    return [share[k] if k >= 0 else 0.0 for share in curve["incidence"].values()]


@pytest.mark.parametrize("day", [20, 60, 140])
def test_draws_have_the_mean_and_aalens_standard_error_of_the_curve(people, day):
    curve = S.aalen_johansen(people, variance="aalen")
    drawn = np.array([at(c, day) for c in fitted_draws(curve, n=800, seed=3)])
    row = curve.at(day).tidy().set_index("cause").loc[["job", "lost"]]
    assert np.abs(drawn.mean(axis=0) - row["estimate"]).max() < 4 * row["std_error"].max() / np.sqrt(800)
    # The standard deviation of 800 draws is known to 2.5 %.
    assert drawn.std(axis=0, ddof=1) == pytest.approx(row["std_error"].to_numpy(), rel=0.1)


def test_every_draw_is_a_curve_with_the_follow_up_of_its_own(people):
    curve = S.aalen_johansen(people)
    for drawn in fitted_draws(curve, n=20, seed=1):
        shares = np.array(list(drawn["incidence"].values()))
        assert (np.diff(shares, axis=1) >= 0).all()
        assert shares[:, -1].sum() <= 1 + 1e-12
        assert drawn["days"][-1] == 150
        assert set(drawn["days"]) <= {*fitted(curve)["days"]}


def test_a_draw_does_not_depend_on_how_many_are_asked_for(people):
    curve = S.kaplan_meier(people, of="job")
    few, many = fitted_draws(curve, n=2, seed=5), fitted_draws(curve, n=5, seed=5)
    assert few == many[:2]
    assert few[0] != few[1]
    assert fitted_draws(curve, n=1, seed=6) != few[:1]


def test_a_curve_that_is_no_count_of_leavers_has_no_draws(people):
    single = ek.TimeToEvent(
        time=people.time, cause=(people.cause > 0).astype(int), causes=("left",), covariates=people.covariates
    )
    weighted = ek.TimeToEvent(
        time=[2, 3, 5], cause=[1, 1, 0], causes=("job",), weight=[1.5, 1.0, 2.0], weight_kind="sampling"
    )
    for curve in (
        S.parametric(single).predict(times=[10, 50]),
        S.cox(single, "site").predict(table(site=["est"])),
        S.kaplan_meier(weighted),
        S.kaplan_meier(single).at([10, 50]),
    ):
        with pytest.raises(InputError, match="draw its coefficients, not its points"):
            fitted_draws(curve, n=1, seed=1)
    with pytest.raises(InputError, match="at least 1 draw"):
        fitted_draws(S.kaplan_meier(single), n=0, seed=1)
