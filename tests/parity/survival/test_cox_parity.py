"""Cox models equal R's coxph (fitted to convergence) to 1e-8: coefficients, errors, likelihoods, tests, concordance, baseline."""

import numpy as np
import pytest
from parity.survival.tables import agree, reference, times

from evalkit.survival import cox

ROSSI = "fin + age + prio"
TIES = "age + site + sex"
#: (data, model) -> formula, how to read the data, how to fit.
MODELS = {
    ("rossi", "plain"): ("fin + age + race + wexp + mar + paro + prio", {}, {}),
    ("rossi", "factor"): ("fin + schooling + prio", {}, {}),
    ("rossi", "strata"): (ROSSI, {}, {"strata": ["wexp", "mar"]}),
    ("rossi", "cluster"): (ROSSI, {}, {"cluster": "age"}),
    ("rossi", "breslow"): (ROSSI, {}, {"ties": "breslow"}),
    ("rossi", "transforms"): ("fin * wexp + log(age)", {}, {}),
    ("leukemia", "plain"): ("Rx + logWBC", {}, {}),
    ("leukemia", "strata"): ("Rx + logWBC", {}, {"strata": "sex"}),
    ("waltons", "plain"): ("group", {}, {}),
    ("ties", "plain"): (TIES, {}, {}),
    ("ties", "second"): (TIES, {}, {"of": "two"}),
    ("ties", "cluster"): (TIES, {}, {"cluster": "cluster"}),
    ("ties", "cluster strata"): ("age + sex", {}, {"cluster": "cluster", "strata": "site"}),
    ("ties", "count"): (TIES, {"weight": "count"}, {}),
    ("ties", "sampling"): (TIES, {"weight": "weight", "kind": "sampling"}, {"cluster": "cluster"}),
    ("ties", "sampling robust"): (TIES, {"weight": "weight", "kind": "sampling"}, {"robust": True}),
    ("late", "plain"): ("x + z", {}, {}),
    ("late", "strata"): ("x + z", {}, {"strata": "group"}),
    ("late", "cluster"): ("x + z", {}, {"cluster": "cluster"}),
    ("late", "breslow"): ("x + z", {}, {"ties": "breslow"}),
    ("changing", "plain"): ("arm + x + site", {}, {}),
    ("changing", "cluster"): ("arm + x + site", {}, {"cluster": "id"}),
    ("changing", "cluster strata"): ("arm + x", {}, {"cluster": "id", "strata": "site"}),
}


def fitted(data, model):
    formula, read, fit = MODELS[data, model]
    return cox(times(data, **read), formula, **fit)


def in_our_order(table, terms):
    """Match R's names (``siteeast``, ``fin:wexp``, ``log(age)``) with ours (``site[east]``)."""
    ours = [t.replace("[", "").replace("]", "") for t in terms]
    return table.set_index("term").loc[ours]


@pytest.mark.parametrize(("data", "model"), MODELS)
def test_coefficients_and_errors(data, model):
    found = fitted(data, model)
    expected = in_our_order(reference("cox_terms", data=data, model=model), found.table["term"])
    agree(found.table["estimate"], expected["estimate"])
    agree(found.table["std_error"], expected["std_error"])
    agree(np.sqrt(np.diag(found.fitted.top.covariance)), expected["naive"])
    assert (found.table["status"] == "ok").all()


@pytest.mark.parametrize(("data", "model"), MODELS)
def test_likelihoods_tests_and_concordance(data, model):
    glance = fitted(data, model).glance().iloc[0]
    expected = reference("cox_fits", data=data, model=model).iloc[0]
    assert glance["n"] == expected["n"]
    assert glance["n_events"] == expected["n_events"]
    for ours, theirs in (("log_likelihood_null", "null"), ("log_likelihood", "log_likelihood"), ("wald_statistic", "wald"),
                         ("concordance", "concordance")):  # fmt: skip
        agree(glance[ours], expected[theirs], ours)
    if "cluster" in model or "sampling" in model:
        # They would take the rows of a cluster as independent.
        assert np.isnan(glance["lr_statistic"])
        assert np.isnan(glance["score_statistic"])
    else:
        agree(glance["lr_statistic"], expected["lr"])
        agree(glance["score_statistic"], expected["score"])


def test_an_aliased_column_is_named_and_the_rest_fitted():
    tte = times("rossi")
    tte = tte.with_covariates(
        tte.covariates[[]].assign(twice=2 * tte.covariates["age"] - tte.covariates["fin"])
    )
    found = cox(tte, "fin + age + twice + prio").table
    expected = reference("cox_terms", data="rossi", model="aliased").set_index("term").loc[found["term"]]
    agree(found["estimate"], expected["estimate"])
    agree(found["std_error"], expected["std_error"])
    twice = found.set_index("term").loc["twice"]
    assert twice["status"] == "not_estimable"
    assert "fin and age" in twice["reason"].text("en")


@pytest.mark.parametrize(
    ("data", "formula", "strata"), [("rossi", ROSSI, None), ("ties", "age", "site"), ("late", "x + z", None)]
)
def test_baseline(data, formula, strata):
    found = cox(times(data), formula, strata=strata).baseline().table
    for stratum, part in {"": found}.items() if strata is None else found.groupby(strata):
        expected = reference("baseline", data=data, stratum=stratum)
        # R repeats the value at times where somebody was censored only.
        expected = expected[
            np.isclose(expected["time"].to_numpy()[:, None], part["time"].to_numpy()).any(axis=1)
        ]
        agree(part["time"], expected["time"])
        agree(part["estimate"], expected["hazard"])
