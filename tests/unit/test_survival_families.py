"""Parametric laws at their edges: what cannot be estimated is named, what has no meaning is refused with what to do."""

import dataclasses
import pickle
import sys

import numpy as np
import pandas as pd
import pytest

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.survival import compare_families, cure, parametric
from evalkit.survival.families import jets, laws
from evalkit.survival.families.climbing import NoMaximum
from evalkit.timetoevent import TimeToEvent

FAMILIES = ["exponential", "weibull", "log_normal", "log_logistic", "generalised_gamma", "spline"]
NEW = pd.DataFrame({"x": [0.0, 1.0], "g": [0, 1]})


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def frame(n=120, seed=3):
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=n), rng.integers(0, 2, n)
    time = np.ceil(30 * np.exp(0.3 * x) * rng.weibull(1.3, n))
    end = rng.integers(5, 60, n)
    return pd.DataFrame({
        "time": np.minimum(time, end), "left": (time <= end).astype(int), "x": x, "g": g, "arm": np.where(g, "b", "a"),
        "cluster": rng.integers(0, 20, n), "w": rng.uniform(0.5, 2, n),
    })  # fmt: skip


def times(df=None, **options):
    options = {"provenance": "open"} | options
    return TimeToEvent.from_frame(frame() if df is None else df, "time", "left", **options)


def reasons(fit):
    table = fit.tidy()
    assert (table["status"].eq("ok") == table["reason"].isna()).all()
    return dict(table.loc[table["status"] != "ok", ["term", "reason"]].itertuples(index=False))


# -- columns that tell nothing -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_aliased_and_constant_columns_are_named_and_the_rest_fitted(family):
    df = frame().assign(twice=lambda d: 2 * d["x"], one=1.0)
    odd, plain = parametric(times(df), "x + twice + one + g", family), parametric(times(df), "x + g", family)
    said = reasons(odd)
    assert set(said) == {"twice", "one"}
    assert "x" in said["twice"]
    assert "same value" in said["one"]
    kept = odd.tidy()[~odd.tidy()["term"].isin(said)]
    np.testing.assert_allclose(kept["estimate"], plain.tidy()["estimate"], rtol=1e-9)
    np.testing.assert_allclose(kept["std_error"], plain.tidy()["std_error"], rtol=1e-8)
    new = NEW.assign(twice=[0.0, 2.0], one=1.0)
    np.testing.assert_allclose(
        odd.predict(new, 20).tidy()["estimate"], plain.predict(NEW, 20).tidy()["estimate"], rtol=1e-9
    )
    wrong = odd.predict(new.assign(twice=[0.0, 3.0]), 20).tidy()
    assert wrong["status"].tolist() == ["ok", "not_estimable"]
    assert np.isnan(wrong["estimate"][1])
    assert "twice" in wrong["reason"][1]


@pytest.mark.parametrize("family", FAMILIES)
def test_separation_is_named_and_the_rest_given_at_the_limit(family):
    df = frame().assign(left=lambda d: d["left"] * (d["g"] == 0))
    fit = parametric(times(df), "x + g", family)
    said = reasons(fit)
    assert set(said) == {"g"}
    assert "falls" in said["g"] if family == "spline" else "rises" in said["g"]
    # People who never leave tell nothing of the others at that limit.
    rest = parametric(times(df[df["g"] == 0]), "x", family)
    kept = fit.tidy()[fit.tidy()["term"] != "g"]
    tolerance = {"rtol": 1e-3, "atol": 1e-3}
    np.testing.assert_allclose(kept["estimate"], rest.tidy()["estimate"], **tolerance)
    np.testing.assert_allclose(kept["std_error"], rest.tidy()["std_error"], **tolerance)
    assert any("without end" in c.text("en") for c in fit.caveats)
    assert fit.predict(NEW, 20).tidy()["status"].tolist() == ["ok", "not_estimable"]


@pytest.mark.parametrize("family", FAMILIES)
def test_scales_and_offsets_of_columns_do_not_matter(family):
    df = frame().assign(big=lambda d: 1e9 + 1e8 * d["x"], tiny=lambda d: 1e-8 * d["x"])
    expected = parametric(times(df), "x", family).tidy().set_index("term").loc["x", ["statistic", "p_value"]]
    for column in ("big", "tiny"):
        found = (
            parametric(times(df), column, family)
            .tidy()
            .set_index("term")
            .loc[column, ["statistic", "p_value"]]
        )
        np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_huge_and_tiny_times(family, scale):
    df = frame()
    one = parametric(times(df), "x", family).glance()["log_likelihood"][0]
    other = parametric(times(df.assign(time=df["time"] * scale)), "x", family).glance()["log_likelihood"][0]
    np.testing.assert_allclose(one, other + df["left"].sum() * np.log(scale), rtol=1e-10)


# -- nothing, or too little --------------------------------------------------------------------------------------------
def test_no_event_and_no_rows_are_refused():
    with pytest.raises(InputError, match="no event among 120 rows"):
        parametric(times(frame().assign(left=0)))
    with pytest.raises(InputError, match="no rows"):
        parametric(TimeToEvent([], [], ("left",)))
    with pytest.raises(InputError, match="needs a TimeToEvent"):
        parametric(frame())


@pytest.mark.parametrize("family", FAMILIES[1:5])
def test_one_row_has_no_law_with_a_scale(family):
    with pytest.raises(NoMaximum, match="no maximum"):
        parametric(TimeToEvent([3.0], [1], ("left",)), family=family)


def test_one_row_has_a_rate():
    found = parametric(TimeToEvent([3.0], [1], ("left",)), family="exponential").tidy().iloc[0]
    np.testing.assert_allclose(found["estimate"], np.log(3))


@pytest.mark.parametrize("family", ["weibull", "log_normal", "log_logistic", "generalised_gamma"])
def test_times_fitted_exactly_are_refused(family):
    df = pd.DataFrame({"time": np.exp(np.arange(1, 7.0)), "left": 1, "u": np.arange(6.0)})
    with pytest.raises(NoMaximum, match="fitted exactly"):
        parametric(times(df), "u", family)


def test_families_without_a_maximum_stand_in_the_comparison():
    df = pd.DataFrame({"time": np.exp(np.arange(1, 7.0)), "left": 1, "u": np.arange(6.0)})
    found = compare_families(times(df), "u", ["exponential", "weibull"]).tidy()
    assert found["status"].tolist() == ["ok", "not_estimable"]
    assert "no maximum" in found["reason"][1]
    with pytest.raises(InputError, match="no family"):
        compare_families(times(df), "u", ["weibull"])


def test_families_are_compared_by_aic():
    found = compare_families(times(), "x", knots=1)
    table = found.tidy().set_index("family")
    assert table["difference"].min() == 0
    fit = parametric(times(), "x", "spline", knots=1)
    np.testing.assert_allclose(table.loc["spline", "aic"], fit.glance()["aic"][0])
    assert "écart d'AIC" in found.summary("fr")


# -- time 0 ------------------------------------------------------------------------------------------------------------
def test_events_on_day_0_are_refused_or_moved_as_said():
    df = pd.concat([frame(), pd.DataFrame({"time": [0, 0, 0], "left": [1, 1, 0]})])
    with pytest.raises(InputError, match=r"time 0 in 2 of 123 rows.*zero=0.5"):
        parametric(times(df))
    with pytest.raises(InputError, match="first positive time"):
        parametric(times(df), zero=3)
    fit = parametric(times(df), zero=0.5)
    assert any("2 events at time 0 count at 0.500" in c.text("en") for c in fit.caveats)
    moved = df.assign(time=np.where((df["time"] == 0) & (df["left"] == 1), 0.5, df["time"]))
    # Somebody censored on day 0 tells nothing.
    same = parametric(times(moved[moved["time"] > 0])).tidy()["estimate"]
    np.testing.assert_allclose(fit.tidy()["estimate"], same, rtol=1e-10)


# -- arguments ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"family": "gaussian"}, "family: must be one of"),
        ({"family": "spline", "scale": "cubic"}, "scale: must be one of"),
        ({"knots": 2}, "knots: only family='spline'"),
        ({"scale": "odds"}, "scale: only family='spline'"),
        ({"family": "exponential", "ancillary": "x"}, "no scale"),
        ({"family": "spline", "ancillary": "x"}, "no scale"),
        ({"family": "spline", "knots": [1e6]}, "between the first and last event"),
        ({"family": "spline", "knots": [-1]}, "above 0"),
        ({"family": "spline", "knots": 500}, "distinct event times"),
        ({"of": "nothing"}, "of: must be"),
        ({"formula": "nobody"}, "no column"),
        ({"conf_level": 1.0}, "conf_level"),
        ({"cluster": "nobody"}, "no column"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(InputError, match=match):
        parametric(times(), **options)


def test_missing_values_are_refused_or_counted():
    df = frame()
    df.loc[[3, 5], "x"] = np.nan
    df.loc[5, "g"] = np.nan
    with pytest.raises(InputError, match="missing: x in 2"):
        parametric(times(df), "x")
    fit = parametric(times(df), "x", ancillary="g", missing="drop")
    assert any("2 people left out" in c.text("en") for c in fit.caveats)
    same(fit, parametric(times(df.drop(index=[3, 5])), "x", ancillary="g"))
    none = frame().assign(x=lambda d: d["x"].where(d["left"] == 0))
    with pytest.raises(InputError, match="no event among"):
        parametric(times(none), "x", missing="drop")


def same(one, other):
    columns = ["estimate", "std_error"]
    np.testing.assert_allclose(one.tidy()[columns], other.tidy()[columns], rtol=1e-9)


# -- variances ---------------------------------------------------------------------------------------------------------
def test_sampling_weights_need_a_robust_variance():
    tte = times(weight="w", weight_kind="sampling")
    with pytest.raises(InputError, match="sampling weights"):
        parametric(tte, "x")
    fit = parametric(tte, "x", robust=True)
    assert np.isnan(fit.glance()["lr_statistic"][0])
    half = times(frame().assign(w=lambda d: d["w"] / 7), weight="w", weight_kind="sampling")
    same(fit, parametric(half, "x", robust=True))


def test_two_clusters_and_one_cluster_per_arm_have_no_variance():
    df = frame().assign(two=lambda d: d.index % 2)
    fit = parametric(times(df), "x", cluster="two")
    assert set(reasons(fit)) == {"(Intercept)", "x", "Log(scale)"}
    assert fit.tidy()["estimate"].notna().all()
    assert fit.tidy()["std_error"].isna().all()
    arm = parametric(times(df.assign(u=(df["cluster"] == 3).astype(int))), "x + u", cluster="cluster")
    assert set(reasons(arm)) == {"u"}


def test_people_with_several_rows_are_one_cluster_each():
    df = frame()
    cut = df["time"] / 2
    rows = pd.concat([df.assign(start=0, time=cut, left=0), df.assign(start=cut)])
    rows["id"] = rows.index
    split = TimeToEvent.from_frame(rows, "time", "left", entry="start", id="id", provenance="open")
    same(parametric(split, "x", robust=True), parametric(times(), "x", robust=True))
    assert parametric(split, "x").tidy()["n"][0] == 120


# -- covariates that change, people who leave twice -----------------------------------------------------------------------
def changing():
    df = frame().iloc[:40]
    rows = pd.concat(
        [df.assign(start=0, time=df["time"] / 2, left=0), df.assign(start=df["time"] / 2, x=df["x"] + 1)]
    )
    return TimeToEvent.from_frame(
        rows.assign(id=rows.index), "time", "left", entry="start", id="id", provenance="open"
    )


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("log_normal", {}), ("log_logistic", {}), ("generalised_gamma", {}), ("weibull", {"ancillary": "x"}),
        ("spline", {"scale": "odds"}),
    ],
)  # fmt: skip
def test_covariates_that_change_are_refused_where_that_has_no_meaning(family, options):
    with pytest.raises(InputError, match="change from one row of a person to the next, for 40 ids"):
        parametric(changing(), "x", family, **options)


def test_covariates_that_change_act_on_the_hazard():
    fit = parametric(changing(), "x", "exponential")
    assert any("present value" in c.text("en") for c in fit.caveats)
    # A Poisson regression of events on time at risk is the same model.
    tte = changing()
    design, poisson = np.column_stack([np.ones(tte.n), tte.covariates["x"]]), np.array([-4.0, 0.0])
    for _ in range(20):
        mean = (tte.time - tte.entry) * np.exp(design @ poisson)
        poisson += np.linalg.solve(design.T @ (mean[:, None] * design), design.T @ (tte.event - mean))
    np.testing.assert_allclose(fit.tidy()["estimate"], -poisson, rtol=1e-7)
    np.testing.assert_allclose(fit.tidy(ratio="hazard")["estimate"], np.exp(poisson[1]), rtol=1e-7)
    parametric(changing(), "x", "spline", knots=1)
    parametric(changing(), "x", "weibull")


def test_repeated_events_ask_for_clusters():
    df = pd.DataFrame(
        {"id": [1, 1, 2, 3, 4], "start": [0, 4, 0, 0, 0], "time": [4, 9, 3, 8, 5], "left": [1, 1, 1, 0, 1]}
    )
    fit = parametric(TimeToEvent.from_frame(df, "time", "left", entry="start", id="id"), family="exponential")
    assert any('cluster="id"' in c.text("en") for c in fit.caveats)


# -- causes, strata, intervals -------------------------------------------------------------------------------------------
def test_other_causes_are_censored_and_said():
    df = frame().assign(cause=lambda d: d["left"] * (1 + (d["g"] == 1)))
    codes = {0: "censored", 1: "quit", 2: "job"}
    tte = TimeToEvent.from_frame(df, "time", "cause", codes, provenance="open")
    job = parametric(tte, "x", of="job")
    same(job, parametric(times(df.assign(left=(df["cause"] == 2).astype(int))), "x"))
    assert any("“job” alone" in c.text("en") for c in job.caveats)
    same(parametric(tte, "x", of="any exit"), parametric(times(df), "x"))
    stratified = TimeToEvent.from_frame(df, "time", "cause", codes, strata="arm", provenance="open")
    fit = parametric(stratified, "x + stratum")
    assert any("strata" in c.text("en") for c in fit.caveats)
    same(fit, parametric(tte, "x + arm"))


def intervals(**columns):
    df = pd.DataFrame({"low": [0, 0, 5, 5, 7, 9], "high": [np.inf, 4, 9, 5, np.inf, 12]}).assign(**columns)
    return TimeToEvent.from_intervals(df, "low", "high", cause="exit" if "exit" in columns else None)


@pytest.mark.parametrize("family", ["exponential", "weibull", "log_normal", "log_logistic", "spline"])
def test_intervals_are_read(family):
    fit = parametric(intervals(), family=family, **({"knots": 0} if family == "spline" else {}))
    assert any("3 events are known to lie in an interval only" in c.text("en") for c in fit.caveats)
    assert fit.tidy()["status"].eq("ok").all()
    assert len(fit.plot(lang="fr").lines) == 1


def test_exits_known_to_intervals():
    tte = intervals(exit=["censored", "quit", "job", "quit", "censored", "quit"])
    with pytest.raises(InputError, match="exits have 2 names"):
        parametric(tte)
    with pytest.raises(InputError, match="of: must be"):
        parametric(tte, of="death")
    with pytest.raises(InputError, match="do not name their exits"):
        parametric(intervals(), of="quit")
    fit = parametric(tte, of="quit")
    assert fit.glance()["n_events"][0] == 3
    assert any("censored at its beginning" in c.text("en") for c in fit.caveats)
    assert parametric(tte, of="any exit").glance()["n_events"][0] == 4
    one = parametric(intervals(exit=["censored", "quit", "quit", "quit", "censored", "quit"]))
    assert "“quit”" in one.question.text("en")
    empty = dataclasses.replace(intervals(), lower=np.zeros(0), upper=np.zeros(0), covariates=pd.DataFrame())
    with pytest.raises(InputError, match="no rows"):
        parametric(empty)


# -- ratios ------------------------------------------------------------------------------------------------------------
def test_ratios():
    fit = parametric(times(), "x + g")
    table = fit.tidy()
    time, hazard = fit.tidy(exponentiate=True), fit.tidy(ratio="hazard")
    np.testing.assert_allclose(time["estimate"], np.exp(table["estimate"][1:3]))
    line = parametric(times(), "x + g", "spline", knots=0)
    for column in ("estimate", "std_error", "p_value", "conf_low", "conf_high"):
        np.testing.assert_allclose(hazard[column], line.tidy(exponentiate=True)[column], rtol=1e-6)
    odds = parametric(times(), "x", "log_logistic").tidy(ratio="odds")
    other = parametric(times(), "x", "spline", knots=0, scale="odds").tidy(exponentiate=True)
    np.testing.assert_allclose(odds[["estimate", "std_error"]], other[["estimate", "std_error"]], rtol=1e-6)
    with pytest.raises(InputError, match="has ratios of time"):
        parametric(times(), "x", "log_normal").tidy(ratio="hazard")
    with pytest.raises(InputError, match="probits"):
        parametric(times(), "x", "spline", scale="normal").tidy(exponentiate=True)
    with pytest.raises(InputError, match="depends on covariates"):
        parametric(times(), "x", ancillary="g").tidy(ratio="hazard")
    aliased = parametric(times(frame().assign(one=1)), "x + one").tidy(ratio="hazard")
    assert aliased["status"].tolist() == ["ok", "not_estimable"]
    assert np.isnan(aliased["estimate"][1])


# -- predictions -------------------------------------------------------------------------------------------------------
def test_questions_past_the_follow_up():
    fit = parametric(times(), "x + g")
    last = times().time.max()
    with pytest.raises(InputError, match="beyond the last observation"):
        fit.predict(NEW, last + 1)
    far = fit.predict(NEW, last + 1, extrapolate=True)
    assert any("past the last observation" in c.text("en") for c in far.caveats)
    late = fit.predict(NEW, kind="quantile", p=[0.1, 0.99]).tidy()
    assert late["status"].tolist() == ["ok", "not_estimable"] * 2
    assert late["reason"].iloc[1].startswith("past the last observation")
    assert not any("Extended" in c.text("en") for c in fit.predict(NEW, kind="quantile", p=0.1).caveats)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"new": None, "times": 3}, "give new data"),
        ({"new": [1], "times": 3}, "DataFrame"),
        ({"new": NEW.iloc[:0], "times": 3}, "no rows"),
        ({"new": NEW}, "at which times"),
        ({"new": NEW, "times": -1}, "0 or more"),
        ({"new": NEW, "times": []}, "0 or more"),
        ({"new": NEW, "times": 0, "kind": "hazard"}, "above 0"),
        ({"new": NEW, "times": 3, "kind": "odds"}, "kind: must be one of"),
        ({"new": NEW, "kind": "quantile", "p": 1.0}, "strictly between"),
    ],
)
def test_questions_without_an_answer(options, match):
    with pytest.raises(InputError, match=match):
        parametric(times(), "x + g").predict(**options)


def test_what_numbers_do_not_hold_is_said():
    far = parametric(times(), "x + g").predict(NEW, 1e300, "hazard", extrapolate=True).tidy()
    assert far["status"].eq("not_estimable").all()
    assert far["reason"].str.contains("too extreme").all()
    assert wording.number(-3.217e20, "en") == "-3.22 × 10^20"
    assert wording.number(1e15, "fr") == "1,00 × 10^15"


def test_everybody_is_there_at_the_origin():
    fit = parametric(times(), "arm")
    found = fit.predict(pd.DataFrame({"arm": ["b"]}), [0, 10]).tidy().iloc[0]
    assert found[["estimate", "std_error", "conf_low", "conf_high"]].tolist() == [1, 0, 1, 1]
    with pytest.raises(InputError, match="not seen|no such level|unknown|level"):
        fit.predict(pd.DataFrame({"arm": ["c"]}), 10)


def test_a_spline_that_rises_is_said():
    rng = np.random.default_rng(1)
    time = np.concatenate([rng.uniform(1, 1.3, 60), rng.uniform(20, 21, 60)])
    fit = parametric(TimeToEvent(time, np.ones(120), ("left",)), family="spline", knots=5)
    assert any("rises in places" in c.text("en") for c in fit.caveats)


# -- a result like others ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_fits_pickle_publish_and_speak(family):
    fit = parametric(times(provenance="records"), "x + arm", family)
    again = pickle.loads(pickle.dumps(fit))
    new = pd.DataFrame({"x": [0.0], "arm": ["a"]})
    pd.testing.assert_frame_equal(again.predict(new, 9).tidy(), fit.predict(new, 9).tidy())
    published = fit.publish(Policy())
    assert published.model is None
    assert "log_likelihood" not in published.glance()
    for ask in (lambda: published.predict(new, 9), published.plot):
        with pytest.raises(InputError, match="published"):
            ask()
    for lang in wording.LANGUAGES:
        assert "AIC" in fit.summary(lang)
        assert "AIC" not in published.summary(lang)
        axes = fit.plot(lang=lang)
        assert len(axes.lines) >= 2
    assert parametric(times(), family=family).summary("fr")
    assert fit.publish().table.equals(fit.publish().table)


def test_small_cells_of_a_fit_are_hidden():
    df = frame().assign(rare=lambda d: (d.index < 4).astype(int), left=1)
    published = parametric(times(df, provenance="records"), "x + rare").publish()
    table = published.tidy().set_index("term")
    assert table.loc["rare", "status"] == "suppressed"
    assert np.isnan(table.loc["rare", "estimate"])


@pytest.mark.parametrize("kind", ["survival", "hazard", "cumulative_hazard", "quantile", "rmst"])
def test_predictions_are_drawn(kind):
    fit = parametric(times(unit="visit"), "x + g")
    options = {} if kind == "quantile" else {"times": [5, 10, 20]}
    found = fit.predict(NEW, kind=kind, extrapolate=True, **options)
    for lang in wording.LANGUAGES:
        axes = found.plot(lang=lang)
        assert axes.has_data()
        assert found.summary(lang)
    assert fit.plot().has_data()


def test_large_data_begin_with_a_part_of_them():
    rng = np.random.default_rng(8)
    n = 60_000
    x = rng.integers(0, 2, n)
    df = pd.DataFrame(
        {"time": np.ceil(50 * np.exp(0.3 * x) * rng.weibull(1.4, n)), "left": rng.random(n) < 0.6, "x": x}
    )
    df["rare"] = 0
    # Not one of those the first look takes.
    df.loc[[1, 2, 3, 4], "rare"] = 1
    fit = parametric(times(df), "x + rare")
    assert fit.glance()["distance"][0] < 1e-8
    doubled = parametric(times(df.assign(n=1), weight="n"), "x + rare")
    same(fit, doubled)
    big = times(df.assign(left=df["left"] & (df["x"] == 0)))
    assert set(reasons(parametric(big, "x"))) == {"x"}


# -- the laws themselves -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("q", [-1.3, -0.6, -2e-6, 3e-6, 0.02, 0.3, 1.0, 2.5])
def test_derivatives_of_the_generalised_gamma(q):
    y = np.linspace(-1.5, 1.2, 9)
    eta = (np.full(9, 0.1), np.full(9, -0.2), np.full(9, q))
    family, h = laws.FAMILIES["generalised_gamma"], 1e-4
    # Close to 0 the law is known to first order in Q.
    close = 1e-6 if abs(q) > 1e-4 else 1e-3
    for part in (family.survival, family.density):
        jet = part(eta, y)
        for i in range(3):
            up, down = (part(tuple(e + k * h * (j == i) for j, e in enumerate(eta)), y) for k in (1, -1))
            np.testing.assert_allclose(
                jet.first[i], (up.value - down.value) / (2 * h), rtol=close, atol=close
            )
            for j in range(3):
                slope = (up.first[j] - down.first[j]) / (2 * h)
                np.testing.assert_allclose(
                    jet.bend(min(i, j), max(i, j)), slope, rtol=close, atol=100 * close
                )
    log_s = np.log(np.linspace(0.05, 0.95, 9))
    np.testing.assert_allclose(family.survival(eta, family.quantile(eta, log_s)).value, log_s, rtol=1e-6)


def test_special_cases_of_the_generalised_gamma():
    y, mu, s = np.linspace(-2, 1.5, 12), np.full(12, 0.2), np.full(12, -0.3)
    family = laws.FAMILIES["generalised_gamma"]
    for q, name in ((1.0, "weibull"), (0.0, "log_normal")):
        other = laws.FAMILIES[name]
        for part in ("survival", "density"):
            ours = getattr(family, part)((mu, s, np.full(12, q)), y).value
            np.testing.assert_allclose(ours, getattr(other, part)((mu, s), y).value, rtol=1e-10)


def test_a_part_of_nothing_is_a_jet_too():
    jet = laws.FAMILIES["weibull"].survival((np.zeros(3), np.zeros(3)), np.array([-30.0, -1.0, 0.5]))
    lost = jets.log_lost(jet)
    # Where hardly anybody has left yet, log(1 - S) is log of the hazard built up.
    np.testing.assert_allclose(lost.value[0], -30.0, rtol=1e-9)
    np.testing.assert_allclose((-jet).value, -jet.value)


def test_a_cured_share_that_leans_on_the_law_says_so():
    rng = np.random.default_rng(8)
    time, leaves = rng.weibull(1.2, 400) * 100, rng.random(400) < 0.6

    def watched(last):
        exits = leaves & (time < last)
        return cure(TimeToEvent(np.where(exits, time, last), exits.astype(int), ("left",)))

    short, long = watched(120.0), watched(900.0)
    said = [c.text("en") for c in short.caveats]
    assert any("is extrapolation" in text for text in said)
    assert not any("is extrapolation" in c.text("en") for c in long.caveats)


def test_what_separation_leaves_nothing_of_is_named_not_given_a_huge_error():
    frame = pd.DataFrame(
        {"sep": [1, 1, 1, 1, 0, 0, 0, 0], "C": [1, 0, 1, 0, 1, 0, 1, 0], "g": [0.0, 1, 2, 3, 3, 2, 1, 0]}
    )
    tte = TimeToEvent([3.0, 5, 2, 7, 8, 9, 6, 4], frame["sep"], ("left",), covariates=frame)
    for family in ("exponential", "weibull"):
        table = parametric(tte, "sep + C + g", family=family).table
        given = table[table["status"] == "ok"]
        assert (table["status"] != "ok").any()
        assert (given["std_error"] < 100).all()
        assert table.loc[table["status"] != "ok", "reason"].notna().all()
