"""Turnbull's curve equals npsurv's, its intervals those of Thomas & Grunkemeier on exact times; discrete hazards equal R's glm."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.survival import discrete_hazard, turnbull
from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
SHARED = HERE.parent / "survival" / "inputs"
TABLES = ["diabetes", "monthly", "mixed", "followed", "status"]
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


def reference(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "reference" / f"{name}.csv")


def intervals(name: str):
    return TimeToEvent.from_intervals(pd.read_csv(HERE / "inputs" / f"{name}.csv"), "lower", "upper")


def people(name: str, weight: str | None = None, kind: str | None = None) -> TimeToEvent:
    df = pd.read_csv(SHARED / f"{name}.csv")
    if name == "rossi":
        return TimeToEvent.from_frame(df, "week", "arrest", unit="week")
    if name == "ties":
        codes = {0: "censored", 1: "one", 2: "two", 3: "three"}
        return TimeToEvent.from_frame(df, "time", "cause", codes, weight=weight, weight_kind=kind)
    codes = {0: "censored", 1: "one", 2: "two"} if name == "late" else None
    event = "cause" if name == "late" else "event"
    return TimeToEvent.from_frame(df, "stop", event, codes, entry="start", id="id")


@pytest.mark.parametrize("name", TABLES)
def test_pieces_and_masses(name):
    curves = {"all": turnbull(intervals(name))}
    whole = intervals(name)
    for group in whole.covariates["group"].unique():
        curves[group] = turnbull(whole, by="group")
    likelihoods = reference("likelihoods").query("data == @name").set_index("group")
    for group, curve in curves.items():
        expected = reference("pieces").query("data == @name and group == @group")
        table, about = curve.table, curve.glance()
        if group != "all":
            table, about = table[table["group"] == group], about[about["group"] == group]
        assert about["gradient_excess"].item() <= 1e-10
        if name != "followed":
            # Without intervals npsurv writes another likelihood.
            known = likelihoods.loc[group, "log_likelihood"]
            np.testing.assert_allclose(about["log_likelihood"].item(), known, rtol=1e-10)
        if likelihoods.loc[group, "gradient"] < 1e-8:
            # npsurv stops where its likelihood no longer moves; elsewhere only the likelihood is compared.
            held = table[table["mass"] > 1e-9]
            expected = expected[expected["mass"] > 1e-9]
            np.testing.assert_allclose(held[["lower", "upper"]], expected[["lower", "upper"]], **CLOSE)
            np.testing.assert_allclose(held["mass"], expected["mass"], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", TABLES)
def test_curve_near_survfit(name):
    expected = reference("survfit").query("data == @name").drop_duplicates("time")
    found = turnbull(intervals(name)).at(expected["time"]).tidy()
    # survfit stops when no share moves by 5e-5, which may be 0.02 from the maximum; it puts what is in a piece at its middle.
    assert (expected["estimate"].to_numpy() > found["lowest"] - 0.02).all()
    assert (expected["estimate"].to_numpy() < found["highest"] + 0.02).all()


def test_likelihood_ratio_interval_of_exact_times():
    for level, expected in reference("thomas_grunkemeier").groupby("level"):
        found = turnbull(intervals("followed"), conf_level=level).at(expected["time"]).tidy()
        np.testing.assert_allclose(found["estimate"], expected["estimate"], **CLOSE)
        np.testing.assert_allclose(found["conf_low"], expected["low"], rtol=1e-7)
        np.testing.assert_allclose(found["conf_high"], expected["high"], rtol=1e-7)


PERIOD = {"ties": 10, "rossi": 4, "late": 8, "changing": 12}
MODELS = {
    "rossi_logit": ("fin + age + prio", {}),
    "rossi_cloglog": ("fin + age + prio", {"link": "cloglog"}),
    "rossi_quadratic_logit": ("fin * wexp", {"baseline": "quadratic"}),
    "rossi_quadratic_cloglog": ("fin * wexp", {"baseline": "quadratic", "link": "cloglog"}),
    "rossi_log": ("schooling", {"baseline": "log", "link": "cloglog"}),
    "rossi_constant": ("fin", {"baseline": "constant"}),
    "rossi_cluster": ("fin + prio", {"cluster": "age"}),
    "ties_count": ("age + site", {}),
    "ties_leave_out": ("age + site", {}),
    "late_count": ("x + group", {"baseline": "linear", "cluster": "cluster"}),
    "late_leave_out": ("x + group", {"baseline": "linear", "cluster": "cluster"}),
    "changing_count": ("arm + x", {"link": "cloglog", "cluster": "id"}),
    "changing_leave_out": ("arm + x", {"link": "cloglog", "cluster": "id"}),
}


def fitted(model: str):
    formula, how = MODELS[model]
    name = model.split("_")[0]
    partial = "leave_out" if model.endswith("leave_out") else "count"
    tte = people(name, "count", "frequency") if name == "ties" else people(name)
    of = None if len(tte.causes) == 1 else "one"
    return discrete_hazard(tte, formula, period=PERIOD[name], partial=partial, of=of, **how)


def ordered(fit) -> pd.DataFrame:
    """Return our rows in the order R writes its terms."""
    table = fit.tidy()
    table = table[table["status"] == "ok"]
    baseline, effects = table[table["part"] == "baseline"], table[table["part"] == "effect"]
    return pd.concat([baseline, effects])


@pytest.mark.parametrize("model", MODELS)
def test_discrete_hazards(model):
    fit = fitted(model)
    expected = reference("terms").query("model == @model")
    # A period without an event has no level; R's runs away.
    expected = (
        expected[expected["std_error"] < 50]
        if "cluster" not in MODELS[model][1]
        else expected[expected["estimate"] > -15]
    )
    found = ordered(fit)
    # With this link R's glm goes towards the maximum by a constant factor a step, and stops on the deviance.
    close = CLOSE if MODELS[model][1].get("link") != "cloglog" else {"rtol": 1e-7, "atol": 1e-10}
    np.testing.assert_allclose(found["estimate"], expected["estimate"], **close)
    np.testing.assert_allclose(found["std_error"], expected["std_error"], rtol=1e-7)
    about, whole = fit.glance().iloc[0], reference("fits").query("model == @model").iloc[0]
    np.testing.assert_allclose(about["n_person_periods"], whole["rows"])
    np.testing.assert_allclose(about["n_events"], whole["events"])
    np.testing.assert_allclose(about["log_likelihood"], whole["log_likelihood"], rtol=1e-9)


def test_sampling_weights():
    tte = people("ties", "weight", "sampling")
    fit = discrete_hazard(
        tte, "age + sex", period=15, link="cloglog", baseline="linear", cluster="cluster", of="one"
    )
    expected = reference("terms").query("model == 'ties_sampling'")
    np.testing.assert_allclose(ordered(fit)["estimate"], expected["estimate"], rtol=1e-8, atol=2e-9)
    np.testing.assert_allclose(ordered(fit)["std_error"], expected["std_error"], rtol=1e-7)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_predictions(link):
    fit = fitted(f"rossi_{link}")
    new = pd.DataFrame({"fin": [1], "age": [20], "prio": [2]})
    expected = reference("predicted").query("model == @model", local_dict={"model": f"rossi_{link}"})
    survival = fit.predict(new).tidy().iloc[1:]
    np.testing.assert_allclose(survival["time"], 4 * expected["period"])
    np.testing.assert_allclose(survival["estimate"], expected["survival"], **CLOSE)
    np.testing.assert_allclose(survival["std_error"], expected["survival_se"], rtol=1e-8)
    hazard = fit.predict(new, kind="hazard").tidy()
    np.testing.assert_allclose(hazard["estimate"], expected["hazard"], **CLOSE)
    np.testing.assert_allclose(hazard["std_error"], expected["hazard_se"], rtol=1e-8)
