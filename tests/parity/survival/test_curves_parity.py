"""Curves, quantiles, areas, competing exits and rank tests equal R's survival and cmprsk to 1e-8."""

from dataclasses import replace

import numpy as np
import pytest
from parity.survival.tables import agree, reference, times

from evalkit.survival import aalen_johansen, kaplan_meier, log_rank, nelson_aalen
from evalkit.timetoevent import TimeToEvent

CURVES = {
    "rossi": ("rossi", "fin", {}),
    "waltons": ("waltons", "group", {}),
    "leukemia": ("leukemia", "Rx", {}),
    "ties": ("ties", "site", {}),
    "ties-count": ("ties", "site", {"weight": "count", "kind": "frequency"}),
    "ties-sampling": ("ties", "site", {"weight": "weight", "kind": "sampling"}),
    "late": ("late", "group", {"event": 1}),
    "late-all": ("late", None, {"event": 1}),
    "changing": ("changing", "site", {}),
}
CONF_TYPES = ["plain", "log", "log-log", "logit", "arcsin"]


def rows_of(data, **how):
    """Return rows, not people, as R's survfit takes them: some of "changing" exit twice, no first exits for the estimator."""
    return replace(times(data, **how), id=None)


def steps_of(name, group):
    """Return R's rows. It counts an absence between two rows of a person as no censoring, we do: only events compare then."""
    expected = reference("curves", data=name, group=group)
    return expected[expected["n_event"] > 0] if name == "changing" else expected


def by_group(frame, by, name=""):
    """Return the rows of each group, without the row put at time 0 when nobody left there."""
    left = frame["n_event"] + (0 if name == "changing" else frame["n_censor"]) > 0
    frame = frame[left]
    return {"": frame} if by is None else {str(k): part for k, part in frame.groupby(by, sort=True)}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("conf_type", CONF_TYPES)
def test_kaplan_meier(name, conf_type):
    data, by, how = CURVES[name]
    found = by_group(
        kaplan_meier(rows_of(data, **how), by, of="any exit", conf_type=conf_type).table, by, name
    )
    for group, part in found.items():
        expected = steps_of(name, group)
        agree(part["time"], expected["time"])
        agree(part["n_risk"], expected["n_risk"])
        agree(part["n_event"], expected["n_event"])
        agree(part["estimate"], expected["estimate"])
        agree(part["std_error"], expected["std_error"])
        agree(part["conf_low"], expected[f"low.{conf_type}"], (group, "low"))
        agree(part["conf_high"], expected[f"high.{conf_type}"], (group, "high"))


@pytest.mark.parametrize("name", [n for n in CURVES if n not in ("ties-sampling", "changing")])
def test_numbers_censored(name):
    data, by, how = CURVES[name]
    for group, part in by_group(kaplan_meier(rows_of(data, **how), by, of="any exit").table, by).items():
        agree(part["n_censor"], steps_of(name, group)["n_censor"])


@pytest.mark.parametrize("name", [n for n in CURVES if n != "ties-sampling"])
def test_nelson_aalen(name):
    data, by, how = CURVES[name]
    for group, part in by_group(nelson_aalen(times(data, **how), by, of="any exit").table, by, name).items():
        expected = steps_of(name, group)
        agree(part["estimate"], expected["hazard"])
        agree(part["std_error"], expected["hazard_error"])


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("conf_type", ["plain", "log-log"])
def test_quantiles(name, conf_type):
    data, by, how = CURVES[name]
    curves = kaplan_meier(rows_of(data, **how), by, of="any exit", conf_type=conf_type)
    found = curves.quantile([0.1, 0.25, 0.5, 0.75]).table
    for group, part in {"": found}.items() if by is None else ((str(k), p) for k, p in found.groupby(by)):
        expected = reference("quantiles", data=name, group=group, conf_type=conf_type)
        agree(part["part"], expected["p"])
        for ours, theirs in (("estimate", "estimate"), ("conf_low", "low"), ("conf_high", "high")):
            agree(part[ours], expected[theirs], (group, ours))


@pytest.mark.parametrize("name", [n for n in CURVES if n not in ("ties-sampling",)])
@pytest.mark.parametrize("t", [9, 15.5])
def test_restricted_mean(name, t):
    data, by, how = CURVES[name]
    found = kaplan_meier(rows_of(data, **how), by, of="any exit").rmst(t).table
    expected = reference("areas", data=name, t=t)
    agree(found["estimate"], expected["estimate"])
    agree(found["std_error"], expected["std_error"])


INCIDENCE = {
    "ties": ("ties", "site", {}),
    "ties-all": ("ties", None, {}),
    "ties-sampling": ("ties", None, {"weight": "weight", "kind": "sampling"}),
    "late": ("late", "group", {}),
}


def rossi_in_two():
    tte = times("rossi")
    return TimeToEvent(
        time=tte.time, cause=tte.covariates["two"], causes=("one", "two"), covariates=tte.covariates
    )


@pytest.mark.parametrize("name", [*INCIDENCE, "rossi"])
@pytest.mark.parametrize(("conf_type", "suffix"), [("log-log", ""), ("plain", ".plain"), ("log", ".log")])
def test_aalen_johansen_as_survfit(name, conf_type, suffix):
    data, by, how = INCIDENCE.get(name, ("rossi", "fin", {}))
    tte = rossi_in_two() if name == "rossi" else times(data, **how)
    found = aalen_johansen(tte, by, conf_type=conf_type).table.replace({"cause": {"no_exit": "(s0)"}})
    parts = (
        {("", c): p for c, p in found.groupby("cause")}
        if by is None
        else dict(list(found.groupby([by, "cause"])))
    )
    for (group, cause), part in parts.items():
        expected = reference("incidence", data=name, group=str(group), cause=cause)
        part = part[part["time"].isin(expected["time"])]
        expected = expected[expected["time"].isin(part["time"])]
        assert len(part) > 10
        if name != "ties-sampling":  # R shows people there, we show the weights that make the estimate
            agree(part["n_risk"], expected["n_risk"], (group, cause))
        agree(part["estimate"], expected["estimate"], (group, cause))
        agree(part["std_error"], expected["std_error"], (group, cause))
        agree(part["conf_low"], expected[f"low{suffix}"], (group, cause))
        agree(part["conf_high"], expected[f"high{suffix}"], (group, cause))


@pytest.mark.parametrize("data", ["ties", "rossi", "waltons"])
def test_aalen_johansen_as_cuminc(data):
    tte, by = times(data), {"ties": "site", "rossi": "fin", "waltons": "group"}[data]
    if data != "ties":
        split = 25 if data == "rossi" else 50
        cause = tte.cause * (1 + (tte.time > split))
        tte = TimeToEvent(time=tte.time, cause=cause, causes=("one", "two"), covariates=tte.covariates)
    found = aalen_johansen(tte, by, variance="aalen").table
    for (group, cause), part in found[found["cause"] != "no_exit"].groupby([by, "cause"]):
        expected = reference(
            "aalen", data=data, group=str(group), cause=1 + ["one", "two", "three"].index(cause)
        )
        part = part[part["time"].isin(expected["time"])]
        expected = expected[expected["time"].isin(part["time"])]
        assert len(part) > 10
        agree(part["estimate"], expected["estimate"], (group, cause))
        agree(part["std_error"] ** 2, expected["variance"], (group, cause))


@pytest.mark.parametrize("rho", [0, 1, 0.5])
@pytest.mark.parametrize(
    ("data", "test", "by", "strata"),
    [
        ("rossi", "fin", "fin", None),
        ("rossi", "schooling", "schooling", None),
        ("waltons", "group", "group", None),
        ("leukemia", "Rx", "Rx", "sex"),
        ("ties", "site", "site", None),
        ("ties", "site within sex", "site", "sex"),
    ],
)
def test_log_rank(data, test, by, strata, rho):
    found = log_rank(times(data), by, strata=strata, rho=rho).table
    expected = reference("rank_tests", data=data, test=test, rho=rho)
    agree(found["statistic"].iloc[0], expected["statistic"].iloc[0])
    assert found["df"].iloc[0] == expected["df"].iloc[0]
    agree(found["expected"].iloc[1:], expected["expected"])
    if rho == 0:
        agree(found["n_event"].iloc[1:], expected["observed"])
    assert np.isfinite(found["p_value"].iloc[0])
