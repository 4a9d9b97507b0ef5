"""Turnbull's curve and discrete-time hazards at their edges."""

import pickle

import matplotlib
import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.survival import cox, discrete_hazard, kaplan_meier, turnbull
from evalkit.survival.intervals.periods import runs_of
from evalkit.survival.intervals.ratio import Held, Seen
from evalkit.timetoevent import IntervalTimes, TimeToEvent

matplotlib.use("Agg")
INF = np.inf


def intervals(pairs, **columns):
    df = pd.DataFrame(pairs, columns=["lower", "upper"], dtype=float).assign(**columns)
    return TimeToEvent.from_intervals(df, "lower", "upper", provenance="records")


def visits(n=170, seed=5, exact=0.1):
    rng = np.random.default_rng(seed)
    time = np.ceil(200 * rng.weibull(1.5, n))
    edges = np.concatenate(
        [np.zeros((n, 1)), np.ceil(rng.exponential(60, (n, 8)).cumsum(axis=1)), np.full((n, 1), INF)], axis=1
    )
    at = (edges < time[:, None]).sum(axis=1)
    known = rng.random(n) < exact
    lower = np.where(known, time, edges[np.arange(n), at - 1])
    upper = np.where(known, time, edges[np.arange(n), at])
    return intervals(np.column_stack([lower, upper]), site=np.where(np.arange(n) % 2 == 0, "a", "b"))


# ---- Turnbull: masses ------------------------------------------------------------------------------------------------
def test_ends_of_intervals_are_open_or_closed():
    pairs = [(0, 30), (30, 60)]
    assert turnbull(intervals(pairs)).table["mass"].tolist() == [0.5, 0.5]
    closed = turnbull(intervals(pairs), closed="both").table
    assert closed[["lower", "upper", "mass"]].to_numpy().tolist() == [[30, 30, 1]]


def test_an_interval_from_the_origin_holds_day_0():
    table = turnbull(intervals([(0, 0), (0, 30), (10, INF)])).table
    assert table["lower"].tolist() == [0, 10]
    np.testing.assert_allclose(table["mass"], [0.5, 0.5])


def test_somebody_not_seen_to_leave_leaves_after():
    table = turnbull(intervals([(5, 5), (5, INF), (9, 9)])).table
    # Censored on the day of an event: at risk of it, as in a Kaplan-Meier curve.
    np.testing.assert_allclose(table["mass"], [1 / 3, 2 / 3])


def test_exact_times_give_the_kaplan_meier_curve():
    rng = np.random.default_rng(3)
    time, end = np.ceil(rng.exponential(30, 80)), np.ceil(rng.uniform(5, 60, 80))
    pairs = np.column_stack([np.minimum(time, end), np.where(time <= end, time, INF)])
    tte = TimeToEvent(time=np.minimum(time, end), cause=(time <= end).astype(int), causes=("exit",))
    expected = kaplan_meier(tte).at([10, 20, 30]).tidy()["estimate"]
    np.testing.assert_allclose(
        turnbull(intervals(pairs)).at([10, 20, 30]).tidy()["estimate"], expected, rtol=1e-9
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_maximum_is_that_of_slow_em(seed):
    times = visits(40, seed)
    curve = turnbull(times)
    step = curve.steps[0]
    assert step.best.excess <= 1e-10
    mass = np.full(len(step.pieces), 1 / len(step.pieces))
    for _ in range(4000):
        mass = mass * step.pieces.gradient(mass) / times.n
    assert abs(step.pieces.log_likelihood(mass) - step.best.log_likelihood) < 1e-4
    assert step.best.log_likelihood >= step.pieces.log_likelihood(mass) - 1e-10


def test_the_masses_are_the_only_ones():
    step = turnbull(visits(60)).steps[0]
    bent = step.pieces.curvature(step.best.mass, np.arange(len(step.pieces)))
    assert np.linalg.matrix_rank(bent, hermitian=True) == len(step.pieces)


def test_many_exact_times_among_intervals():
    curve = turnbull(visits(1500, 1, exact=0.4))
    assert curve.glance()["gradient_excess"].item() <= 1e-10


# ---- Turnbull: intervals ---------------------------------------------------------------------------------------------
def by_brute_force(times, time, share):
    """Return the highest log-likelihood with this share left, mass allowed between any two neighbouring ends."""
    ends = np.unique(np.r_[times.lower, times.upper[np.isfinite(times.upper)], time])
    points = np.unique(np.r_[ends, (ends[1:] + ends[:-1]) / 2, ends[-1] + 1])
    exact = times.lower == times.upper
    covers = np.where(
        exact[:, None],
        points == times.lower[:, None],
        (points > times.lower[:, None]) & (points <= times.upper[:, None]),
    )
    covers |= (points == 0) & (times.lower[:, None] == 0)
    after = points > time

    mass = np.where(after, share / after.sum(), (1 - share) / (~after).sum())
    for _ in range(20_000):
        mass = mass * (covers.T @ (1 / (covers @ mass)))
        mass = np.where(after, share * mass / mass[after].sum(), (1 - share) * mass / mass[~after].sum())
    return np.log(covers @ mass).sum()


@pytest.mark.parametrize(("time", "share"), [(60.0, 0.7), (60.0, 0.95), (150.0, 0.3), (151.5, 0.6)])
def test_a_share_held_fixed(time, share):
    times = visits(30, 2)
    seen = Seen.of(times.lower, times.upper, "right")
    held = Held(seen, time)
    expected = np.sqrt(
        2 * (turnbull(times).steps[0].best.log_likelihood - by_brute_force(times, time, share))
    )
    np.testing.assert_allclose(held.fallen(share), expected, rtol=1e-3)


def test_intervals_hold_what_the_masses_allow():
    curve = turnbull(visits(40, 9))
    pieces = curve.table[curve.table["lower"] < curve.table["upper"]].head(4)
    table = curve.at([0, *(pieces["lower"] + pieces["upper"]) / 2, *pieces["upper"]]).table
    assert (table["conf_low"] <= table["lowest"] + 1e-9).all()
    assert (table["conf_high"] >= table["highest"] - 1e-9).all()
    inside = table[table["status"] != "ok"]
    assert len(inside) == 4
    assert inside["estimate"].isna().all()
    assert inside["reason"].notna().all()


def test_before_and_after_everything():
    curve = turnbull(intervals([(10, 10)] * 20))
    before, after = curve.at([5, 12]).table[["estimate", "conf_low", "conf_high"]].to_numpy()
    reached = np.exp(-(1.959963984540054**2) / 40)
    np.testing.assert_allclose(before, [1, reached, 1])
    np.testing.assert_allclose(after, [0, 0, 1 - reached], atol=1e-9)


def test_quantiles_are_pieces():
    curve = turnbull(intervals([(0, 30), (30, 60), (60, 90), (90, INF)] * 10))
    table = curve.quantile([0.2, 0.4, 0.5, 0.9]).table
    assert table[["lower", "upper"]].iloc[:3].to_numpy().tolist() == [[0, 30], [30, 60], [60, 60]]
    assert table["status"].tolist() == ["ok", "ok", "ok", "not_estimable"]
    assert table["estimate"].iloc[2] == 60
    assert (table["conf_low"] <= table["lower"]).all()
    assert np.isnan(table["conf_high"].iloc[3])
    assert "90" in table["reason"].iloc[3].text("fr")


def test_answers_are_published_without_small_counts():
    curve = turnbull(visits(60), by="site")
    assert curve.at([20, 600]).publish().table["status"].eq("suppressed").any()
    joined = curve.publish()
    assert (joined.table["mass"] * joined.table["n"] > 10.99).all()
    assert len(joined.table) < len(curve.table)
    with pytest.raises(InputError, match="published"):
        joined.at(30)
    assert joined.glance().shape[0] == 1
    few = turnbull(visits(12), by="site").publish().table
    assert few["estimate"].isna().all()
    assert few["lower"].isna().all()
    assert turnbull(visits(60)).quantile(0.5).publish().table["n"].tolist() == [60]


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_curves_are_drawn_and_said(lang):
    curve = turnbull(visits(60), by="site")
    axes = curve.plot(lang=lang)
    assert axes.get_ylim() == (0, 1)
    assert "a" in [text.get_text() for text in axes.texts]
    assert curve.quantile(0.5).plot(lang=lang).get_xlim()[1] > 100
    assert curve.publish().plot(lang=lang).get_title(loc="left")
    assert turnbull(visits(60)).plot().get_xlim()[0] == 0
    said = curve.summary(lang)
    assert ("au plus tôt" if lang == "fr" else "earliest") in said
    assert pickle.loads(pickle.dumps(curve)).at(30).table.equals(curve.at(30).table)
    matplotlib.pyplot.close("all")


def test_numbers_name_groups_too():
    times = intervals([(0, 10), (5, 20), (3, INF), (4, 4)], arm=[0, 1, 0, 1])
    assert turnbull(times, by="arm").plot(lang="en").texts[0].get_text() == "arm 0"
    matplotlib.pyplot.close("all")


def test_one_row_and_huge_scales():
    assert turnbull(intervals([(3, 9)])).table[
        ["lower", "upper", "mass", "estimate"]
    ].to_numpy().tolist() == [[3, 9, 1, 0]]
    base = visits(50)
    for scale in (1e-8, 1e8):
        other = intervals(np.column_stack([base.lower, base.upper]) * scale)
        np.testing.assert_allclose(turnbull(other).table["mass"], turnbull(base).table["mass"], rtol=1e-6)


@pytest.mark.parametrize(
    ("times", "how", "said"),
    [
        (TimeToEvent(time=[1.0], cause=[1], causes=("a",)), {}, "kaplan_meier"),
        ([(0, 1)], {}, "IntervalTimes"),
        (IntervalTimes(np.array([]), np.array([])), {}, "no rows"),
        (intervals([(3, INF), (4, INF)]), {}, "nobody"),
        (intervals([(3, 4)]), {"closed": "left"}, "closed"),
        (intervals([(3, 4)]), {"by": "site"}, "no column 'site'"),
        (intervals([(3, 4)], mass=1), {"by": "mass"}, "rename"),
        (intervals([(3, 4), (3, 5)], site=["a", None]), {"by": "site"}, "missing in 1"),
        (intervals([(3, 4)]), {"conf_level": 95}, "conf_level"),
    ],
)
def test_turnbull_refuses(times, how, said):
    with pytest.raises(InputError, match=said):
        turnbull(times, **how)


def test_several_exits_are_refused_and_one_is_named():
    df = pd.DataFrame({"l": [0, 3, 5], "u": [3, 5, INF], "how": ["job", "prison", "censored"]})
    with pytest.raises(InputError, match="2 causes"):
        turnbull(TimeToEvent.from_intervals(df, "l", "u", "how"))
    named = turnbull(TimeToEvent.from_intervals(df.assign(how=["job", "job", "censored"]), "l", "u", "how"))
    assert "“job”" in named.question.text("en")


@pytest.mark.parametrize("asked", [[], [-1], [INF]])
def test_times_asked_must_be_times(asked):
    with pytest.raises(InputError, match="at:"):
        turnbull(visits(30)).at(asked)
    with pytest.raises(InputError, match="p:"):
        turnbull(visits(30)).quantile(1.0)


# ---- discrete hazards ------------------------------------------------------------------------------------------------
def people(n=200, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n).round(2)
    time = np.ceil(rng.exponential(90 * np.exp(-0.5 * x)))
    end = rng.integers(30, 240, n)
    frame = pd.DataFrame(
        {"t": np.minimum(time, end), "e": (time <= end).astype(int), "x": x, "site": rng.integers(0, 25, n)}
    )
    frame["arm"] = np.where(rng.random(n) < 0.5, "a", "b")
    return TimeToEvent.from_frame(frame, "t", "e", provenance="records")


def test_periods_cut_by_censoring():
    tte = TimeToEvent(time=[45, 60, 70, 20], cause=[1, 0, 0, 0], causes=("exit",))
    out = runs_of(tte, tte.cause > 0, 30.0, "leave_out")
    assert out.last.tolist() == [1, 1, 1, -1]
    assert (out.cut, out.lost) == (2, 0)
    counted = runs_of(tte, tte.cause > 0, 30.0, "count")
    assert counted.last.tolist() == [1, 1, 2, 0]
    assert counted.event.tolist() == [True, False, False, False]


def test_late_entry_within_a_period():
    tte = TimeToEvent(time=[50, 28, 65, 29], cause=[1, 1, 0, 0], causes=("exit",), entry=[10, 10, 30, 2])
    out = runs_of(tte, tte.cause > 0, 30.0, "leave_out")
    assert out.first.tolist() == [1, 1, 1, 1]
    assert out.last.tolist() == [1, 0, 1, -1]
    assert out.event.tolist() == [True, False, False, False]
    assert (out.cut, out.lost) == (4, 1)
    assert runs_of(tte, tte.cause > 0, 30.0, "count").first.tolist() == [0, 0, 1, 0]


def test_a_later_value_does_not_explain_an_earlier_event():
    # The covariate changes on day 40; the event on day 55 belongs to the period begun on day 30.
    tte = TimeToEvent(
        time=[40, 55],
        cause=[0, 1],
        causes=("exit",),
        entry=[0, 40],
        id=["p", "p"],
        covariates=pd.DataFrame({"x": [0, 1]}),
    )
    out = runs_of(tte, tte.cause > 0, 30.0, "leave_out")
    assert (out.first.tolist(), out.last.tolist(), out.event.tolist()) == ([0, 2], [1, 1], [True, False])


def test_day_0_belongs_to_the_first_period():
    tte = TimeToEvent(time=[0, 0, 30], cause=[1, 0, 0], causes=("exit",))
    out = runs_of(tte, tte.cause > 0, 30.0, "leave_out")
    assert (out.last.tolist(), out.event.tolist()) == ([0, -1, 0], [True, False, False])


def test_splitting_rows_changes_nothing():
    tte = people()
    half = np.minimum(np.floor(tte.time / 2), tte.time - 1)
    keep = half > 0
    frame = tte.covariates.assign(id=np.arange(tte.n))
    first = frame[keep].assign(start=0.0, stop=half[keep], e=0)
    second = frame.assign(start=np.where(keep, half, 0.0), stop=tte.time, e=tte.cause)
    split = TimeToEvent.from_frame(pd.concat([first, second]), "stop", "e", entry="start", id="id")
    found, expected = (discrete_hazard(t, "x").table for t in (split, tte))
    np.testing.assert_allclose(found["estimate"], expected["estimate"], rtol=1e-9)
    np.testing.assert_allclose(found["std_error"], expected["std_error"], rtol=1e-9)


def test_a_constant_hazard_by_hand():
    tte = TimeToEvent(
        time=[30, 60, 60], cause=[1, 1, 0], causes=("exit",), covariates=pd.DataFrame({"x": [0, 0, 0]})
    )
    fit = discrete_hazard(tte, "x", baseline="constant")
    row = fit.table.iloc[1]
    np.testing.assert_allclose(row["estimate"], np.log(2 / 3))
    assert fit.table["status"].tolist() == ["not_estimable", "ok"]
    assert fit.predict(pd.DataFrame({"x": [0]})).table["estimate"].round(6).tolist() == [1, 0.6, 0.36]


def test_cloglog_of_short_periods_is_a_cox_model():
    tte = people(400)
    found = discrete_hazard(tte, "x", period=1, link="cloglog", partial="count").table.iloc[0]
    expected = cox(tte, "x").table.iloc[0]
    np.testing.assert_allclose(
        found[["estimate", "std_error"]].astype(float),
        expected[["estimate", "std_error"]].astype(float),
        rtol=0.02,
    )


def test_periods_without_events_are_named_or_pooled():
    time = [20, 20, 80, 80, 110, 120, 120, 120]
    tte = TimeToEvent(
        time=time,
        cause=[1, 1, 1, 1, 0, 1, 0, 0],
        causes=("exit",),
        covariates=pd.DataFrame({"x": [0, 1] * 4}),
    )
    fit = discrete_hazard(tte, "x")
    base = fit.table[fit.table["part"] == "baseline"]
    assert base["status"].tolist() == ["ok", "not_estimable", "ok", "ok"]
    assert "no event" in base["reason"].iloc[1].text("en")
    assert any("periods 2" in said.text("en") for said in fit.caveats)
    curve = fit.predict(pd.DataFrame({"x": [0]})).table
    assert curve["estimate"].iloc[1] == curve["estimate"].iloc[2]
    pooled = discrete_hazard(tte, "x", pool=True)
    base = pooled.table[pooled.table["part"] == "baseline"]
    assert base["status"].eq("ok").all()
    assert base["estimate"].iloc[1] == base["estimate"].iloc[2]
    assert "period 3" in base["reason"].iloc[1].text("en")


def test_everybody_leaves_in_a_period():
    tte = TimeToEvent(
        time=[20, 20, 30, 50, 50],
        cause=[1, 1, 0, 1, 1],
        causes=("exit",),
        covariates=pd.DataFrame({"x": [0, 1, 0, 1, 0]}),
    )
    fit = discrete_hazard(tte, "x")
    assert "everybody" in fit.table["reason"].iloc[-1].text("en")
    new = pd.DataFrame({"x": [0]})
    assert fit.predict(new).table["estimate"].iloc[-1] == 0
    assert fit.predict(new, kind="hazard").table["estimate"].iloc[-1] == 1


def test_nobody_at_risk_in_between():
    tte = TimeToEvent(
        time=[20, 25, 30, 110, 115, 120], cause=[1, 1, 0, 1, 0, 0], causes=("exit",), entry=[0, 0, 0, 90, 90, 90],
        covariates=pd.DataFrame({"x": [0, 1, 1, 1, 0, 0]}),
    )  # fmt: skip
    fit = discrete_hazard(tte, "x")
    reasons = [None if r is None else r.text("en") for r in fit.table["reason"]]
    assert reasons[2:4] == ["nobody at risk in this period"] * 2
    assert fit.predict(pd.DataFrame({"x": [0]})).table["time"].max() == 30


def test_separation_aliased_and_constant_terms_are_named():
    tte = people()
    odd = tte.covariates.assign(
        twice=2 * tte.covariates["x"], one=1, seen=tte.cause, far=tte.covariates["x"] * 1e-8 + 1e9
    )
    fit = discrete_hazard(tte.with_covariates(odd), "x + twice + one")
    assert fit.table["status"].iloc[:3].tolist() == ["ok", "not_estimable", "not_estimable"]
    assert "x" in fit.table["reason"].iloc[1].text("en")
    np.testing.assert_allclose(
        fit.table["estimate"].iloc[0], discrete_hazard(tte, "x").table["estimate"].iloc[0], rtol=1e-8
    )
    for link in ("logit", "cloglog"):
        apart = discrete_hazard(tte.with_covariates(odd), "seen + x", link=link, baseline="quadratic")
        assert apart.table["status"].iloc[0] == "not_estimable"
        assert "separation" in apart.table["reason"].iloc[0].text("en")
        with pytest.raises(InputError, match="not estimated"):
            apart.predict(pd.DataFrame({"seen": [1], "x": [0]}))


def test_huge_scales_and_offsets():
    tte = people()
    x = tte.covariates["x"]
    plain = discrete_hazard(tte, "x").table.iloc[0]
    for scale, offset in ((1e8, 0.0), (1e-8, 0.0), (1.0, 1e6)):
        moved = discrete_hazard(tte.with_covariates(pd.DataFrame({"x": x * scale + offset})), "x").table.iloc[
            0
        ]
        np.testing.assert_allclose(moved["estimate"] * scale, plain["estimate"], rtol=1e-6)
        np.testing.assert_allclose(moved["std_error"] * scale, plain["std_error"], rtol=1e-6)


def test_competing_exits_end_the_risk():
    tte = TimeToEvent(
        time=[20, 40, 70, 100],
        cause=[1, 2, 1, 0],
        causes=("job", "prison"),
        covariates=pd.DataFrame({"x": [0, 1, 0, 1]}),
    )
    fit = discrete_hazard(tte, "x", baseline="constant", of="job")
    assert fit.glance()["n_person_periods"].item() == 1 + 2 + 3 + 3
    assert any("other exits" in said.text("en") for said in fit.caveats)
    anything = discrete_hazard(tte, "x", baseline="constant", of="any exit")
    assert anything.glance()["n_events"].item() == 3


def test_counts_are_repeated_rows():
    tte = people(80)
    count = np.random.default_rng(0).integers(1, 4, tte.n)
    frame = tte.covariates.assign(t=tte.time, e=tte.cause, count=count)
    weighted = TimeToEvent.from_frame(frame, "t", "e", weight="count")
    repeated = TimeToEvent.from_frame(
        frame.loc[np.repeat(frame.index, count)].drop(columns="count"), "t", "e"
    )
    for robust in (False, True):
        found, expected = (discrete_hazard(t, "x", robust=robust).table for t in (weighted, repeated))
        for column in ("estimate", "std_error", "n", "n_event"):
            np.testing.assert_allclose(found[column], expected[column], rtol=1e-9)


def test_clusters_few_and_two():
    fit = discrete_hazard(people(), "x", cluster="site")
    assert fit.robust
    assert any("25 clusters" in said.text("en") for said in fit.caveats)
    two = discrete_hazard(people(), "x", cluster="arm")
    assert two.table["status"].iloc[0] == "not_estimable"
    assert "2 clusters" in two.table["reason"].iloc[0].text("en")


def test_missing_values_are_refused_or_dropped():
    tte = people()
    gaps = tte.with_covariates(pd.DataFrame({"x": tte.covariates["x"].where(np.arange(tte.n) > 2)}))
    with pytest.raises(InputError, match="missing"):
        discrete_hazard(gaps, "x")
    fit = discrete_hazard(gaps, "x", missing="drop")
    assert any("3 people left out" in said.text("en") for said in fit.caveats)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"link": "probit"}, "link"),
        ({"baseline": "spline"}, "baseline"),
        ({"partial": "half"}, "partial"),
        ({"period": 0}, "period"),
        ({"period": 0.001}, "10,000"),
        ({"cluster": "nowhere"}, "cluster"),
    ],
)
def test_discrete_refuses(how, said):
    with pytest.raises(InputError, match=said):
        discrete_hazard(people(), "x", **how)


def test_discrete_refuses_data():
    x = pd.DataFrame({"x": [0, 1]})
    with pytest.raises(InputError, match="no event"):
        discrete_hazard(TimeToEvent(time=[30, 60], cause=[0, 0], causes=("exit",), covariates=x), "x")
    with pytest.raises(InputError, match="1 are in periods left out"):
        discrete_hazard(
            TimeToEvent(time=[25, 60], cause=[1, 0], causes=("exit",), entry=[5, 0], covariates=x), "x"
        )
    with pytest.raises(InputError, match="longer periods"):
        discrete_hazard(TimeToEvent(time=[25, 25], cause=[1, 1], causes=("exit",), covariates=x), "x")
    with pytest.raises(InputError, match="strata"):
        discrete_hazard(
            TimeToEvent(time=[30, 60], cause=[1, 0], causes=("exit",), stratum=["a", "b"], covariates=x), "x"
        )
    with pytest.raises(InputError, match="sampling"):
        discrete_hazard(_sampled(), "x")


def _sampled():
    x = pd.DataFrame({"x": [0, 1]})
    return TimeToEvent(
        time=[30, 60], cause=[1, 0], causes=("exit",), weight=[1.5, 2.5], weight_kind="sampling", covariates=x
    )


def test_predictions_refuse_and_keep_to_what_is_known():
    fit = discrete_hazard(people(), "x + arm")
    new = pd.DataFrame({"x": [0.0, 1.0], "arm": ["a", "b"], "time": [1, 2]})
    curves = fit.predict(new)
    assert curves.given == ("x", "arm")
    assert curves.table.groupby("row")["estimate"].apply(lambda s: s.is_monotonic_decreasing).all()
    with pytest.raises(InputError, match="kind"):
        fit.predict(new, kind="risk")
    with pytest.raises(InputError, match="arm"):
        fit.predict(pd.DataFrame({"x": [0.0], "arm": ["z"]}))
    plain = fit.predict(new, conf_type="plain").table
    assert (plain["conf_low"] >= 0).all()
    for lang in ("fr", "en"):
        assert curves.plot(lang=lang).get_ylim() == (0, 1)
        assert fit.predict(new, kind="hazard").plot(lang=lang) is not None
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_fits_are_said_drawn_pickled_and_published(lang):
    fit = discrete_hazard(people(), "x + arm", link="cloglog")
    assert ("rapport de risques" if lang == "fr" else "hazard ratio") in fit.summary(lang)
    assert fit.plot(lang=lang).get_xscale() == "log"
    ratios = fit.tidy(exponentiate=True)
    np.testing.assert_allclose(np.log(ratios["estimate"].iloc[0]), fit.table["estimate"].iloc[0])
    assert ratios["estimate"].iloc[-1] == fit.table["estimate"].iloc[-1] or np.isnan(
        ratios["estimate"].iloc[-1]
    )
    again = pickle.loads(pickle.dumps(fit))
    assert again.table["estimate"].equals(fit.table["estimate"])
    published = fit.publish()
    assert published.fitted is None
    base = published.table[published.table["part"] == "baseline"]
    assert base["status"].eq("suppressed").sum() >= 2
    with pytest.raises(InputError, match="published"):
        published.predict(pd.DataFrame({"x": [0.0], "arm": ["a"]}))
    assert published.glance().shape[0] == 1
    matplotlib.pyplot.close("all")
