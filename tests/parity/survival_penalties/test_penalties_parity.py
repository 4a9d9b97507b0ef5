"""Shared frailty equals R's coxph with frailty(sparse = FALSE), ridge its ridge(), lasso and elastic net glmnet."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.survival import cox, frailty
from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
SHARED = HERE.parent / "survival" / "inputs"
TERMS = " + ".join(f"x{k + 1}" for k in range(25))
#: How each data set of R's script is read and fitted here.
MODELS = {
    "sites": ("x + helped", {"cluster": "site"}),
    "strata": ("x + helped", {"cluster": "site", "strata": "region"}),
    "breslow": ("x + helped", {"cluster": "site", "ties": "breslow"}),
    "counted": ("x + helped", {"cluster": "site"}),
    "episodes": ("arm + x", {"cluster": "id"}),
    "changing": ("arm + x", {"cluster": "id"}),
    "rossi": ("fin + prio", {"cluster": "age"}),
    "ties": ("age + sex", {"cluster": "cluster"}),
}


def reference(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "reference" / f"{name}.csv")


def times(name: str) -> TimeToEvent:
    if name in ("sites", "strata", "breslow", "counted"):
        df = pd.read_csv(HERE / "inputs" / "sites.csv")
        weight = "count" if name == "counted" else None
        return TimeToEvent.from_frame(df, "stop", "event", entry="start", weight=weight)
    if name in ("episodes", "changing"):
        df = pd.read_csv((HERE / "inputs" if name == "episodes" else SHARED) / f"{name}.csv")
        return TimeToEvent.from_frame(df, "stop", "event", entry="start", id="id")
    df = pd.read_csv(SHARED / f"{name}.csv")
    if name == "ties":
        return TimeToEvent.from_frame(df.assign(event=(df["cause"] == 1).astype(int)), "time", "event")
    return TimeToEvent.from_frame(df, "week", "arrest")


def many(weighted: bool = False) -> TimeToEvent:
    df = pd.read_csv(HERE / "inputs" / "many.csv")
    if not weighted:
        return TimeToEvent.from_frame(df, "time", "event")
    df["weight"] = 1 + (df["weight"] > 1)
    return TimeToEvent.from_frame(df, "time", "event", weight="weight", weight_kind="frequency")


@pytest.mark.parametrize("law", ["gamma", "gaussian"])
@pytest.mark.parametrize("model", MODELS)
def test_fit_at_a_fixed_variance(model, law):
    formula, how = MODELS[model]
    fit = frailty(times(model), formula, distribution=law, theta=0.6, **how)
    expected = reference("fixed").query("model == @model and law == @law")
    found = fit.tidy().query("part == 'effect'")
    close = {"rtol": 1e-8, "atol": 1e-9}
    np.testing.assert_allclose(found["estimate"], expected["estimate"], **close)
    np.testing.assert_allclose(found["std_error"], expected["std_error"], **close)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.second)), expected["second"], **close)
    np.testing.assert_allclose(fit.likelihoods[1], expected["partial"].iloc[0], rtol=1e-9)
    if law == "gamma":
        np.testing.assert_allclose(fit.likelihoods[2], expected["marginal"].iloc[0], rtol=1e-10)


@pytest.mark.parametrize("law", ["gamma", "gaussian"])
@pytest.mark.parametrize("model", MODELS)
def test_best_variance(model, law):
    formula, how = MODELS[model]
    fit = frailty(times(model), formula, distribution=law, **how)
    expected = reference("best").query("model == @model and law == @law").iloc[0]
    # R's search on the gamma likelihood stops when the likelihood no longer moves: theta is then good to the root of its rounding.
    close = 2e-5 if law == "gamma" else 1e-7
    np.testing.assert_allclose(fit.theta, expected["theta"], rtol=close)
    np.testing.assert_allclose(fit.tidy()["estimate"].iloc[0], expected["first"], rtol=close)
    if law == "gamma":
        np.testing.assert_allclose(fit.likelihoods[2], expected["marginal"], rtol=1e-11)
        assert fit.likelihoods[2] >= expected["marginal"] - 1e-9
        np.testing.assert_allclose(fit.null, expected["null"], rtol=1e-11)


@pytest.mark.parametrize("law", ["gamma", "gaussian"])
@pytest.mark.parametrize("model", ["sites", "episodes"])
def test_effects_of_clusters(model, law):
    formula, how = MODELS[model]
    fit = frailty(times(model), formula, distribution=law, theta=0.6, **how)
    expected = reference("clusters").query("model == @model and law == @law").set_index("cluster")
    found = fit.clusters.set_axis(pd.unique(_clusters(model)))
    found = found.loc[expected.index]
    np.testing.assert_allclose(found["estimate"], expected["estimate"], rtol=1e-7, atol=1e-9)
    if expected["std_error"].notna().any():
        np.testing.assert_allclose(found["std_error"], expected["std_error"], rtol=1e-7)


def _clusters(model: str) -> pd.Series:
    tte = times(model)
    return tte.covariates["site"] if model == "sites" else pd.Series(tte.id)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("theta", [3, 30])
def test_ridge(theta, scale, ties):
    tte = many()
    # R's variance of a column has the divisor n - 1.
    penalty = theta * tte.n / (tte.n - 1) if scale else theta
    fit = cox(tte, TERMS, ties=ties, penalty=penalty, standardise=scale)
    expected = reference("ridge").query(
        "data == 'many' and theta == @theta and scale == @scale and ties == @ties"
    )
    np.testing.assert_allclose(fit.tidy()["estimate"], expected["estimate"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fit.tidy()["std_error"], expected["std_error"], rtol=1e-8)
    np.testing.assert_allclose(fit.glance()["log_likelihood"], expected["partial"].iloc[0], rtol=1e-10)
    np.testing.assert_allclose(fit.glance()["lr_df"], expected["df"].iloc[0], rtol=1e-8)


def test_ridge_of_rows_in_strata():
    fit = cox(times("changing"), "x + arm", strata="site", penalty=5, standardise=False)
    expected = reference("ridge").query("data == 'changing'")
    np.testing.assert_allclose(fit.tidy()["estimate"], expected["estimate"], rtol=1e-8)
    np.testing.assert_allclose(fit.tidy()["std_error"], expected["std_error"], rtol=1e-8)


@pytest.mark.parametrize("weights", ["none", "weight"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("alpha", [1, 0.5, 0.1])
def test_elastic_net(alpha, standardize, weights):
    table = reference("glmnet").query(
        "alpha == @alpha and standardize == @standardize and weights == @weights"
    )
    tte = many(weights == "weight")
    total = tte.n if tte.weight is None else tte.weight.sum()
    for lambda_, expected in table.groupby("lambda"):
        fit = cox(
            tte, TERMS, ties="breslow", penalty=lambda_ * total, l1_ratio=alpha, standardise=standardize
        )
        np.testing.assert_allclose(fit.tidy()["estimate"], expected["estimate"], rtol=1e-6, atol=1e-8)
