"""Cox models equal R's survival: exact ties, offsets, robust variants, predictions, residuals, tests of proportionality, profiles."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from parity.survival.tables import agree, times

from evalkit.survival import cox

HERE = Path(__file__).parent
#: (data, model) -> formula, how to read the data, how to fit.
FITS = {
    ("rossi", "exact"): ("fin + age + prio", {}, {"ties": "exact"}),
    ("leukemia", "exact"): ("Rx + logWBC", {}, {"ties": "exact"}),
    ("leukemia", "exact strata"): ("Rx + logWBC", {}, {"ties": "exact", "strata": "sex"}),
    ("ties", "exact"): ("age + site + sex", {}, {"ties": "exact"}),
    ("late", "exact"): ("x + z", {}, {"ties": "exact"}),
    ("changing", "exact"): ("arm + x + site", {}, {"ties": "exact"}),
    ("ties", "exact offset"): ("age + site", {}, {"ties": "exact", "offset": "count"}),
    ("rossi", "offset"): ("fin + age", {}, {"offset": "prio"}),
    ("leukemia", "offset"): ("Rx", {}, {"offset": "logWBC"}),
    ("ties", "offset"): ("age + site", {}, {"offset": "count"}),
    ("late", "offset"): ("x", {}, {"offset": "z", "ties": "breslow"}),
    ("changing", "offset cluster"): ("x + site", {}, {"offset": "arm", "cluster": "id"}),
    ("rossi", "breslow cluster"): ("fin + age + prio", {}, {"ties": "breslow", "cluster": "age"}),
    ("rossi", "robust strata"): ("fin + age + prio", {}, {"strata": "wexp", "robust": True}),
    ("leukemia", "robust breslow strata"): ("Rx + logWBC", {}, {"strata": "sex", "ties": "breslow", "robust": True}),
    ("ties", "breslow cluster strata"): ("age + sex", {}, {"strata": "site", "ties": "breslow", "cluster": "cluster"}),
    ("ties", "sampling breslow strata"): (
        "age + sex", {"weight": "weight", "kind": "sampling"}, {"strata": "site", "ties": "breslow", "robust": True}),
    ("ties", "sampling cluster strata"): (
        "age + sex", {"weight": "weight", "kind": "sampling"}, {"strata": "site", "cluster": "cluster"}),
    ("late", "breslow cluster strata"): ("x + z", {}, {"strata": "group", "ties": "breslow", "cluster": "cluster"}),
    ("late", "robust"): ("x + z", {}, {"robust": True}),
    ("changing", "breslow cluster strata"): ("arm + x", {}, {"strata": "site", "ties": "breslow", "cluster": "id"}),
    ("changing", "plain"): ("arm + x + site", {}, {}),
}  # fmt: skip
CURVES = {
    ("rossi", "plain"): ("fin + age + prio", {}, {}, (0, 99, 300)),
    ("rossi", "breslow"): ("fin + age + prio", {}, {"ties": "breslow"}, (0, 99, 300)),
    ("leukemia", "strata"): ("Rx + logWBC", {}, {"strata": "sex"}, (0, 21, 39)),
    ("ties", "sampling"): (
        "age + site",
        {"weight": "weight", "kind": "sampling"},
        {"cluster": "cluster"},
        (1, 8, 32),
    ),
    ("late", "strata"): ("x + z", {}, {"strata": "group"}, (0, 1, 29)),
    ("changing", "cluster"): ("arm + x + site", {}, {"cluster": "id"}, (0, 1, 76)),
    ("rossi", "exact"): ("fin + age + prio", {}, {"ties": "exact"}, (0, 99)),
    ("rossi", "offset"): ("fin + age", {}, {"offset": "prio10"}, (0, 99)),
}
RESIDUALS = {
    ("rossi", "plain"): ("fin + prio", {}, {}),
    ("leukemia", "strata"): ("Rx + logWBC", {}, {"strata": "sex"}),
    ("ties", "breslow"): ("age + sex", {}, {"ties": "breslow"}),
    ("ties", "sampling"): ("age + sex", {"weight": "weight", "kind": "sampling"}, {"cluster": "cluster"}),
    ("late", "plain"): ("x + z", {}, {}),
    ("changing", "strata"): ("arm + x", {}, {"strata": "site"}),
    ("changing", "collapse"): ("arm + x", {}, {}),
}
CHECKS = {
    ("rossi", "plain"): ("fin + age + race + wexp + mar + paro + prio", {}, {}),
    ("rossi", "breslow factor"): ("fin + schooling + prio", {}, {"ties": "breslow"}),
    ("leukemia", "strata"): ("Rx + logWBC", {}, {"strata": "sex"}),
    ("ties", "factor"): ("age + site + sex", {}, {}),
    ("ties", "sampling"): (
        "age + site + sex",
        {"weight": "weight", "kind": "sampling"},
        {"cluster": "cluster"},
    ),
    ("late", "strata"): ("x + z", {}, {"strata": "group"}),
    ("changing", "factor"): ("arm + x + site", {}, {}),
}
PROFILES = {
    ("leukemia", "profile"): ("Rx + logWBC", {"conf": "profile"}),
    ("leukemia", "firth"): ("Rx + logWBC", {"firth": True}),
    ("leukemia", "firth breslow strata"): (
        "Rx + logWBC",
        {"firth": True, "ties": "breslow", "strata": "sex"},
    ),
    ("late", "firth"): ("x + z", {"firth": True}),
    ("late", "profile strata"): ("x + z", {"conf": "profile", "strata": "group"}),
    ("ties", "firth"): ("age + sex", {"firth": True}),
    ("changing", "firth strata"): ("arm + x", {"firth": True, "strata": "site"}),
    ("rossi", "profile"): ("fin + prio", {"conf": "profile"}),
    ("leukemia", "firth separated"): ("Rx", {"firth": True}),
}


@cache
def _read(name):
    return pd.read_csv(HERE / "reference" / f"{name}.csv")


def reference(name, data, model):
    frame = _read(name)
    frame = frame[(frame["data"] == data) & (frame["model"] == model)]
    assert len(frame), (name, data, model)
    return frame.reset_index(drop=True)


def fitted(data, model, formula, read, how):
    tte = times(data, **read)
    if "prio10" in how.values():
        tte = tte.with_covariates(pd.DataFrame({"prio10": tte.covariates["prio"] / 10}))
    if (data, model) == ("changing", "exact"):
        tte = tte.subset(tte.id <= 25)
    if model == "firth separated":
        tte = tte.subset(((tte.covariates["Rx"] == 1) | ~tte.event).to_numpy())
    return cox(tte, formula, **how)


def in_our_order(table, terms):
    ours = [t.replace("[", "").replace("]", "") for t in terms]
    return table.set_index("term").loc[ours]


@pytest.mark.parametrize(("data", "model"), FITS)
def test_fits(data, model):
    found = fitted(data, model, *FITS[data, model])
    expected = in_our_order(reference("terms", data, model), found.table["term"])
    agree(found.table["estimate"], expected["estimate"])
    agree(found.table["std_error"], expected["std_error"])
    agree(np.sqrt(np.diag(found.fitted.top.covariance)), expected["naive"])
    said, glance = reference("fits", data, model).iloc[0], found.glance().iloc[0]
    agree(glance["log_likelihood_null"], said["null"])
    agree(glance["log_likelihood"], said["log_likelihood"])
    agree(found.fitted.tests["score"][0], said["score"])
    agree(glance["concordance"], said["concordance"])
    agree(glance["concordance_std_error"], said["concordance_error"])


@pytest.mark.parametrize(("data", "model"), CURVES)
def test_survival_and_hazard_of_given_people(data, model):
    formula, read, how, rows = CURVES[data, model]
    fit = fitted(data, model, formula, read, how)
    new = fit.fitted.tte.covariates.iloc[list(rows)]
    expected = reference("curves", data, model)
    asked = np.unique(expected["time"])
    for kind in ("log", "log-log", "plain"):
        found = fit.predict(new, asked, conf_type=kind).table
        theirs = expected[expected["type"] == kind]
        for ours, column in (
            ("estimate", "estimate"),
            ("std_error", "std_error"),
            ("conf_low", "low"),
            ("conf_high", "high"),
        ):
            known = (
                found["estimate"].to_numpy() < 1
            )  # before the first event R has no bound on two of the scales
            agree(found[ours][known], theirs[column][known], (kind, ours))
    found = fit.predict(new, asked, kind="cumulative_hazard").table
    agree(found["estimate"], theirs["hazard"])
    # Of exp(-H) the error is exp(-H) times that of H.
    agree(found["std_error"] * np.exp(-found["estimate"]), theirs["std_error"])


@pytest.mark.parametrize(("data", "model"), [key for key in CURVES if key[1] not in ("exact", "offset")])
def test_linear_predictors(data, model):
    formula, read, how, rows = CURVES[data, model]
    fit = fitted(data, model, formula, read, how)
    new = fit.fitted.tte.covariates.iloc[list(rows)]
    expected = reference("relative", data, model)
    # Without strata R centres at the unweighted means; so do we but for sampling weights.
    for ours, theirs in (("zero", "zero"), ("mean", "strata")):
        if theirs == "strata" and model == "sampling":
            continue
        found = fit.predict(new, kind="lp", reference=ours).table
        part = expected[expected["reference"] == theirs]
        agree(found["estimate"], part["estimate"], ours)
        agree(found["std_error"], part["std_error"], ours)
    risk = fit.predict(new, kind="risk", reference="zero").table
    agree(risk["estimate"], np.exp(expected[expected["reference"] == "zero"]["estimate"]))


@pytest.mark.parametrize(
    ("data", "model", "formula", "how"),
    [
        ("rossi", "plain", "fin + age + prio", {}),
        ("leukemia", "strata", "Rx + logWBC", {"strata": "sex"}),
        ("ties", "breslow", "age + site + sex", {"ties": "breslow"}),
        ("waltons", "plain", "group", {}),
    ],
)
def test_expected_events(data, model, formula, how):
    found = fitted(data, model, formula, {}, how).predict(kind="expected").table
    expected = reference("expected", data, model)
    agree(found["estimate"].iloc[expected["row"]], expected["estimate"])
    agree(found["std_error"].iloc[expected["row"]], expected["std_error"])


@pytest.mark.parametrize(("data", "model"), RESIDUALS)
def test_residuals(data, model):
    fit = fitted(data, model, *RESIDUALS[data, model])
    expected = reference("residuals", data, model)
    collapse = "id" if model == "collapse" else None
    assert expected["kind"].nunique() == (5 if collapse else 7)
    for (kind, weighted), part in expected.groupby(["kind", "weighted"]):
        found = fit.residuals(kind, collapse, bool(weighted))
        if kind.endswith("schoenfeld"):
            stratum = np.zeros(len(found)) if fit.fitted.stratum is None else fit.fitted.stratum[found.index]
            found = found.groupby(found.pop("time").to_numpy() + 1000 * stratum).sum()
        for column, values in part.dropna().groupby("column"):
            agree(found.iloc[:, column].loc[values["row"]], values["value"], (kind, weighted, column))


@pytest.mark.parametrize(("data", "model"), CHECKS)
def test_proportional_hazards(data, model):
    fit = fitted(data, model, *CHECKS[data, model])
    expected = reference("checks", data, model)
    assert expected["transform"].nunique() >= 3
    for transform, part in expected.groupby("transform"):
        found = fit.check(transform).table
        part = part.set_index("term").loc[found["term"]]
        agree(found["statistic"], part["statistic"], transform)
        agree(found["df"], part["df"])
        agree(found["p_value"], part["p"])


@pytest.mark.parametrize(("data", "model"), PROFILES)
def test_profiles_and_firth(data, model):
    """R's coxph evaluates likelihood and information only; optim and uniroot find maximum and bounds, to some 1e-6."""
    formula, how = PROFILES[data, model]
    found = fitted(data, model, formula, {}, how)
    expected = reference("profiles", data, model)
    assert found.glance()["log_likelihood"].item() == pytest.approx(expected["value"].iloc[0], rel=1e-10)
    for ours, theirs in (
        ("estimate", "estimate"),
        ("std_error", "std_error"),
        ("conf_low", "low"),
        ("conf_high", "high"),
        ("statistic", "root"),
    ):
        np.testing.assert_allclose(found.table[ours], expected[theirs], rtol=2e-6, atol=2e-7, err_msg=ours)
