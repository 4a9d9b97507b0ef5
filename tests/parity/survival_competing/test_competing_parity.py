"""Fine-Gray, Gray's test and time lost equal R's cmprsk and survival to 1e-8."""

import hashlib
import importlib.util
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from parity.survival.tables import agree, times

from evalkit.survival import cause_specific, fine_gray, gray_test, years_lost
from evalkit.survival.competing.spread import _ahead, _gone, through_weights
from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
CODES = {0: "censored", 1: "one", 2: "two"}
MODELS = {
    ("ties", "one"): ("age + site + sex", {}),
    ("ties", "two"): ("age + site + sex", {"cause": "two"}),
    ("ties", "groups"): ("age + site + sex", {"censoring_by": "site"}),
    ("ties", "count"): ("age + site + sex", {}),
    ("continuous", "one"): ("x + arm", {}),
    ("continuous", "two"): ("x + arm", {"cause": "two"}),
    ("continuous", "groups"): ("x + arm", {"censoring_by": "group"}),
    ("rossi", "two"): ("fin + age + prio", {"cause": "two"}),
    ("waltons", "one"): ("group", {}),
}
WEIGHTED = {
    ("late", "one"): ("x + z", {}),
    ("late", "two"): ("x + z", {"cause": "two"}),
    ("late", "cluster"): ("x + z", {"cluster": "cluster"}),
    ("late", "strata"): ("x + z", {"strata": "group", "censoring_by": "group"}),
    ("continuous", "one"): ("x + arm", {}),
    ("continuous", "cluster"): ("x + arm", {"cluster": "cluster"}),
}


@cache
def table(folder, name):
    return pd.read_csv(HERE / folder / f"{name}.csv", dtype={"group": str}, keep_default_na=False)


def expected(name, **where):
    frame = table("reference", name)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame), (name, where)
    return frame.reset_index(drop=True)


@cache
def data(name, model="one"):
    if name == "continuous":
        return TimeToEvent.from_frame(pd.read_csv(HERE / "inputs" / "continuous.csv"), "time", "cause", CODES)
    if name == "ties" and model == "count":
        return times(name, weight="count")
    if name == "ties-sampling":
        return times("ties", weight="weight", kind="sampling")
    if name not in ("rossi", "waltons"):
        return times(name)
    time, event, end = ("week", "arrest", 25) if name == "rossi" else ("T", "E", 50)
    df = pd.read_csv(HERE.parent / "survival" / "inputs" / f"{name}.csv")
    df["cause"] = df[event] * (1 + (df[time] > end))
    return TimeToEvent.from_frame(df, time, "cause", CODES)


@cache
def fit(name, model, variance="fine_gray"):
    formula, how = (MODELS if variance == "fine_gray" else WEIGHTED)[name, model]
    return fine_gray(data(name, model), formula, variance=variance, **how)


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_fine_gray_is_crr(name, model):
    found, wanted = fit(name, model), expected("crr_terms", data=name, model=model)
    agree(found.table["estimate"], wanted["estimate"])
    if model != "groups":
        agree(found.table["std_error"], wanted["std_error"])
    about, likelihood = found.glance().iloc[0], expected("crr_fits", data=name, model=model).iloc[0]
    agree(about["log_likelihood"], likelihood["log_likelihood"])
    agree(about["log_likelihood_null"], likelihood["null"])


@pytest.mark.parametrize("name", ["ties", "continuous"])
def test_by_censoring_group_crr_leaves_out_the_exits_of_other_groups(name):
    """crr's q(u) of a group counts only exits of that group, though all face the same baseline: rebuilt so, it is crr's to 1e-8."""
    fitted = fit(name, "groups").fitted
    look, part = fitted.look, fitted.look.parts[0]
    everybody = [np.arange(len(part.time))]
    score = look.likelihood.residuals(look.seen, everybody, len(part.time))
    risk_x, _ = look.likelihood.slot_means(look.seen)
    mean = risk_x / look.seen.at_risk[:, None]
    gone, *gone_x = _gone(look, 0, mean.shape[1])
    rows = look.likelihood.parts[0]
    moved = np.zeros((*gone.shape, mean.shape[1]))
    for group in range(len(gone)):
        own = rows.event[part.group[rows.event] == group]
        step = np.bincount(rows.last[own] - 1, minlength=len(look.slots)) / look.seen.at_risk
        ahead = _ahead(look, 0, step[:, None] * np.column_stack([np.ones(len(step)), mean]))[group]
        for k in range(mean.shape[1]):
            moved[group, :, k] = gone_x[k][group] * ahead[:, 0] - gone[group] * ahead[:, k + 1]
    at = look.observation.place(part.time)
    for k in range(mean.shape[1]):
        score[:, k] += through_weights(look.observation, part, moved[:, :, k], at)
    influence = score @ fitted.top.covariance
    wanted = expected("crr_terms", data=name, model="groups")["std_error"]
    agree(np.sqrt((influence**2).sum(axis=0)), wanted)
    agree_loosely = fit(name, "groups").table["std_error"]
    np.testing.assert_allclose(agree_loosely, wanted, rtol=0.02)


@pytest.mark.parametrize(("name", "model"), WEIGHTED)
def test_fine_gray_is_finegray_with_coxph(name, model):
    found, wanted = fit(name, model, "robust"), expected("finegray", data=name, model=model)
    agree(found.table["estimate"], wanted["estimate"])
    agree(found.table["std_error"], wanted["std_error"])
    agree(found.glance()["log_likelihood"], wanted["log_likelihood"][:1])
    agree(found.glance()["log_likelihood_null"], wanted["null"][:1])


@pytest.mark.parametrize(
    ("name", "model", "profiles"),
    [
        ("ties", "one", {"age": [20, 25], "site": ["east", "west"], "sex": ["f", "m"]}),
        ("ties", "two", {"age": [20, 25], "site": ["east", "west"], "sex": ["f", "m"]}),
        ("continuous", "one", {"x": [0.5, -1], "arm": [1, 0]}),
    ],
)
def test_predictions_are_those_of_predict_crr(name, model, profiles):
    wanted = expected("crr_predictions", data=name, model=model)
    found = fit(name, model).predict(pd.DataFrame(profiles), sorted(set(wanted["time"]))).table
    agree(found["estimate"], wanted["estimate"])


@pytest.mark.parametrize(("name", "model"), [("ties", "one"), ("ties", "two"), ("continuous", "one")])
def test_schoenfeld_residuals_are_those_of_crr(name, model):
    found, wanted = fit(name, model).residuals(), expected("crr_residuals", data=name, model=model)
    agree(found["time"], wanted["time"])
    agree(found.iloc[:, 1], wanted["first"])
    agree(found.iloc[:, -1], wanted["last"])


@pytest.mark.parametrize(
    ("name", "model", "by", "how"),
    [
        ("ties", "plain", "site", {}),
        ("ties", "rho 1", "site", {"rho": 1}),
        ("ties", "rho -0.5", "site", {"rho": -0.5}),
        ("ties", "strata", "site", {"strata": "sex"}),
        ("ties", "count", "site", {}),
        ("continuous", "plain", "arm", {}),
        ("continuous", "strata", "arm", {"strata": "group"}),
        ("rossi", "plain", "fin", {}),
        ("rossi", "strata", "fin", {"rho": 1, "strata": "wexp"}),
        ("waltons", "plain", "group", {}),
    ],
)
def test_gray_is_cuminc(name, model, by, how):
    found = gray_test(data(name, model), by=by, **how).table.query("part == 'test'")
    wanted = expected("gray", data=name, model=model)
    for column in ("statistic", "df"):
        agree(found[column], wanted[column], column)
    # R's p-values are 1 - pchisq: exact to 1e-15, not relatively.
    np.testing.assert_allclose(found["p_value"], wanted["p_value"], rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "t", "by"),
    [
        ("ties", 30, "site"),
        ("ties-sampling", 25.5, None),
        ("late", 30, "group"),
        ("rossi", 52, "fin"),
        ("continuous", 20, "arm"),
    ],
)
def test_time_lost_is_the_area_under_survfit(name, t, by):
    found = years_lost(data(name), t, by=by).table.query("term == 'years_lost'")
    wanted = expected("lost", data=name)
    for row in wanted.itertuples():
        ours = found[found["cause"] == ("no_exit" if row.cause == "(s0)" else row.cause)]
        if by is not None:
            ours = ours[ours[by].astype(str) == row.group]
        agree(ours["estimate"], [row.estimate])
        agree(ours["std_error"], [row.std_error])


@pytest.mark.parametrize(
    ("name", "formula", "profiles"),
    [
        ("ties", "age + sex", {"age": [20, 25], "sex": ["m", "f"]}),
        ("continuous", "x + arm", {"x": [0.5, -1], "arm": [1, 0]}),
        ("late", "x + z", {"x": [0.5, -1], "z": [1, 0]}),
    ],
)
def test_shares_from_all_models_are_those_of_multi_state_survfit(name, formula, profiles):
    models = cause_specific(data(name), formula, ties="breslow", subdistribution=False)
    wanted = expected("shares", data=name)
    found = models.predict(pd.DataFrame(profiles), sorted(set(wanted["time"]))).table
    first = next(iter(profiles))
    for row in wanted.itertuples():
        ours = found[
            (found[first] == profiles[first][row.profile - 1])
            & (found["time"] == row.time)
            & (found["cause"] == ("no_exit" if row.cause == "(s0)" else row.cause))
        ]
        agree(ours["estimate"], [row.estimate])


def test_the_table_is_the_one_listed_and_the_script_still_makes_it():
    listed = re.search(
        r"`survival_competing/inputs/continuous\.csv` \|.*`([0-9a-f]{64})` \|",
        (HERE.parent / "DATA.md").read_text(encoding="utf-8"),
    )
    path = HERE / "inputs" / "continuous.csv"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[1]
    spec = importlib.util.spec_from_file_location("make_inputs", HERE / "scripts" / "make_inputs.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    pd.testing.assert_frame_equal(script.continuous(), pd.read_csv(path))
