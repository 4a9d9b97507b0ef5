"""Parametric laws equal R's survreg, likelihoods written out in R, and lifelines; the script that made the numbers is in scripts/."""

import importlib.util
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from parity.survival.tables import times

from evalkit.survival import cure, parametric
from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
CLOSE = {"rtol": 1e-8, "atol": 1e-9}
#: Where the slopes of the reference are differences, not exact: its own rounding.
ROUGH = {"rtol": 2e-7, "atol": 1e-7}
LAWS = ("exponential", "weibull", "log_normal", "log_logistic")


@cache
def table(folder, name):
    return pd.read_csv(HERE / folder / f"{name}.csv")


def reference(name, **where):
    frame = table("reference", name)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame), (name, where)
    return frame


def visits():
    return TimeToEvent.from_intervals(
        table("inputs", "visits"), lower="lower", upper="upper", provenance="open"
    )


def leavers(weight=None, kind=None, entry=None):
    df = table("inputs", "leavers")
    df = df.assign(half=df["count"] / 2, first=np.where(df["time"] > 10, 5, 0))
    return TimeToEvent.from_frame(
        df, "time", "left", weight=weight, weight_kind=kind, entry=entry, provenance="open"
    )


def waltons():
    own = times("waltons")
    return own.with_covariates(
        pd.DataFrame({"control": (own.covariates["group"] == "control").astype(float)})
    )


CASES = {
    "rossi": (lambda: times("rossi"), "fin + age + prio", {}),
    "rossi robust": (lambda: times("rossi"), "fin + age + prio", {"robust": True}),
    "rossi cluster": (lambda: times("rossi"), "fin + prio", {"cluster": "age"}),
    "rossi bare": (lambda: times("rossi"), "1", {}),
    "waltons": (waltons, "control", {}),
    "leukemia": (lambda: times("leukemia"), "Rx + logWBC", {}),
    "visits": (visits, "x + site", {}),
    "visits robust": (visits, "x + site", {"robust": True}),
    "visits cluster": (visits, "x + site", {"cluster": "cluster"}),
    "leavers count": (lambda: leavers("count"), "helped + z", {}),
    "leavers sampling": (lambda: leavers("half", "sampling"), "helped + z", {"cluster": "cluster"}),
}


@pytest.mark.parametrize("family", LAWS)
@pytest.mark.parametrize("case", CASES)
def test_coefficients_equal_survreg(case, family):
    data, formula, options = CASES[case]
    fit = parametric(data(), formula, family, **options)
    expected = reference("survreg_terms", case=case, family=family)
    found = fit.tidy()
    np.testing.assert_allclose(found["estimate"], expected["estimate"], **CLOSE)
    np.testing.assert_allclose(found["std_error"], expected["std_error"], **CLOSE)
    about, whole = fit.glance().iloc[0], reference("survreg_fits", case=case, family=family).iloc[0]
    np.testing.assert_allclose(about["log_likelihood"], whole["log_likelihood"], rtol=1e-10)
    np.testing.assert_allclose(about["log_likelihood_null"], whole["null"], rtol=1e-10)
    if not case.endswith(("sampling", "visits robust", "visits cluster")):
        np.testing.assert_allclose(
            about[["aic", "bic"]].astype(float), whole[["aic", "bic"]].astype(float), rtol=1e-10
        )


@pytest.mark.parametrize("family", LAWS[1:])
def test_a_scale_for_each_level_equals_survreg_strata(family):
    expected = reference("survreg_terms", case="rossi scales", family=family)
    tte = times("rossi")
    for level, place in ((0, -2), (1, -1)):
        fit = parametric(tte, "fin + age", family, ancillary=f'C(race, ref="{level}")')
        found = fit.tidy()
        np.testing.assert_allclose(found["estimate"][:3], expected["estimate"][:3], **CLOSE)
        np.testing.assert_allclose(found["std_error"][:3], expected["std_error"][:3], **CLOSE)
        own = found[found["term"] == "Log(scale)"].iloc[0]
        np.testing.assert_allclose(own["estimate"], expected["estimate"].iloc[place], **CLOSE)
        np.testing.assert_allclose(own["std_error"], expected["std_error"].iloc[place], **CLOSE)


NEW = {
    "rossi": pd.DataFrame({"fin": [0, 1], "age": [20, 35], "prio": [8, 0]}),
    "rossi robust": pd.DataFrame({"fin": [0, 1], "age": [20, 35], "prio": [8, 0]}),
    "waltons": pd.DataFrame({"control": [0.0, 1.0]}),
    "leukemia": pd.DataFrame({"Rx": [0, 1], "logWBC": [2.0, 4.0]}),
    "visits": pd.DataFrame({"x": [-1.0, 1.0], "site": ["east", "west"]}),
}


@pytest.mark.parametrize("family", LAWS)
@pytest.mark.parametrize("case", NEW)
def test_quantiles_equal_predict_survreg(case, family):
    data, formula, options = CASES[case]
    fit = parametric(data(), formula, family, **options)
    found = fit.predict(NEW[case], kind="quantile", p=[0.1, 0.5, 0.9], extrapolate=True).tidy()
    expected = reference("survreg_quantiles", case=case, family=family).sort_values(["row", "part"])
    np.testing.assert_allclose(found["estimate"], expected["estimate"], **CLOSE)
    np.testing.assert_allclose(found["std_error"], expected["std_error"], **CLOSE)


def written(case, family):
    expected = reference("written_terms", case=case, family=family)
    return expected, ROUGH if family == "generalised_gamma" else CLOSE


def agree(fit, case, family):
    expected, close = written(case, family)
    found = fit.tidy()
    np.testing.assert_allclose(found["estimate"], expected["estimate"], **close)
    np.testing.assert_allclose(found["std_error"], expected["std_error"], **close)
    np.testing.assert_allclose(
        fit.glance()["log_likelihood"][0], expected["log_likelihood"].iloc[0], rtol=1e-10
    )


@pytest.mark.parametrize("family", ["weibull", "log_logistic", "log_normal", "generalised_gamma"])
def test_delayed_entry_equals_the_likelihood_written_out(family):
    agree(parametric(times("late", event=1), "x + z", family), "late", family)


@pytest.mark.parametrize(("case", "formula"), [("rossi", "fin + prio"), ("waltons", "control")])
def test_generalised_gamma_equals_the_likelihood_written_out(case, formula):
    agree(parametric(CASES[case][0](), formula, "generalised_gamma"), case, "generalised_gamma")


@pytest.mark.parametrize("scale", ["hazard", "odds", "normal"])
@pytest.mark.parametrize(
    ("case", "formula", "knots"),
    [("rossi", "fin + prio", 1), ("rossi", "fin + prio", 3), ("late", "x + z", 1), ("waltons", "control", 1)],
)
def test_splines_equal_the_likelihood_written_out(case, formula, knots, scale):
    data = times("late", event=1) if case == "late" else CASES[case][0]()
    agree(parametric(data, formula, "spline", knots=knots, scale=scale), case, f"{scale}{knots}")


@pytest.mark.parametrize("family", LAWS)
def test_cure_equals_the_likelihood_written_out(family):
    agree(cure(leavers(), "z", "helped", family), "leavers", family)
    agree(cure(leavers(), family=family), "leavers bare", family)


def test_cure_with_counts_and_delayed_entry_equals_the_likelihood_written_out():
    agree(cure(leavers("count"), "z", "helped"), "leavers count", "weibull")
    agree(cure(leavers(entry="first"), "z", "helped"), "leavers late", "weibull")


def test_cure_equals_the_fixed_point_of_em():
    found = cure(leavers(), "z", "helped").tidy()["estimate"]
    np.testing.assert_allclose(found, reference("cure_em")["estimate"], rtol=1e-7)


def test_the_profile_interval_of_the_cured_share_equals_that_of_r():
    found = cure(leavers()).cured_share().tidy().iloc[0]
    expected = reference("cure_profile").iloc[0]
    np.testing.assert_allclose(
        found[["conf_low", "conf_high", "estimate"]].astype(float), expected.astype(float), rtol=1e-8
    )


# -- lifelines, which stops early: to four digits ----------------------------------------------------------------------
def test_lifelines_agrees_on_generalised_gamma_entry_and_splines():
    from lifelines import GeneralizedGammaFitter, SplineFitter, WeibullAFTFitter

    flies = waltons()
    left = flies.time[flies.event]
    late = times("late", event=1)
    df = late.covariates[["x"]].assign(T=late.time, E=late.event, start=late.entry)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = WeibullAFTFitter().fit(df, "T", "E", entry_col="start")
        gamma = GeneralizedGammaFitter().fit(flies.time, flies.event)
        spline = SplineFitter(knot_locations=np.array([left.min(), 40.0, left.max()])).fit(
            flies.time, flies.event
        )
    ours = parametric(late, "x", "weibull").tidy()["estimate"]
    np.testing.assert_allclose(ours[1], theirs.params_["lambda_", "x"], rtol=1e-4)
    np.testing.assert_allclose(-ours[2], theirs.params_["rho_", "Intercept"], atol=1e-4)
    ours = parametric(flies, family="generalised_gamma")
    np.testing.assert_allclose(ours.glance()["log_likelihood"][0], gamma.log_likelihood_, rtol=1e-7)
    found = [gamma.mu_, gamma.ln_sigma_, gamma.lambda_]
    np.testing.assert_allclose(ours.tidy()["estimate"], found, rtol=1e-2)
    ours = parametric(flies, family="spline", knots=[40])
    np.testing.assert_allclose(ours.glance()["log_likelihood"][0], spline.log_likelihood_, rtol=1e-6)
    np.testing.assert_allclose(ours.tidy()["estimate"], spline.params_, rtol=1e-2)


def test_lifelines_agrees_on_the_cured_share():
    from lifelines import MixtureCureFitter, WeibullFitter

    tte = leavers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = MixtureCureFitter(base_fitter=WeibullFitter()).fit(tte.time, tte.event)
    ours = cure(tte).cured_share().tidy()["estimate"].item()
    np.testing.assert_allclose(ours, theirs.cured_fraction_, rtol=1e-4)


# -- the inputs --------------------------------------------------------------------------------------------------------
def test_the_script_makes_the_tables():
    spec = importlib.util.spec_from_file_location("make_families", HERE / "scripts" / "make_inputs.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name in ("visits", "leavers"):
        pd.testing.assert_frame_equal(getattr(script, name)(), table("inputs", name), check_dtype=False)
