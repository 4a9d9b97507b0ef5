"""Brier scores, areas under the ROC curve and concordances equal R's: riskRegression::Score, pec, survival::concordance."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.survival import brier_score, concordance, cox
from evalkit.survival.validating.predicting import Asked
from evalkit.survival.validating.ranking import uno_parts
from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
SOURCES = {
    "rossi": ("survival", "week", "arrest"), "ties": ("survival", "time", "cause"), "arms": ("survival_adjusting", "time", "cause"),
}  # fmt: skip


@cache
def reference(name):
    return pd.read_csv(HERE / "reference" / f"{name}.csv")


def risks(name):
    return pd.read_csv(HERE / "inputs" / f"{name.rstrip('cu')}_risks.csv").to_numpy()


def people(name):
    room, time, cause = SOURCES[name.rstrip("cu")]
    df = pd.read_csv(HERE.parent / room / "inputs" / f"{name.rstrip('cu')}.csv")
    codes = None
    if name.endswith("c"):
        codes = {0: "censored"} | {k: f"exit {k}" for k in range(1, df[cause].max() + 1)}
    else:
        df[cause] = (df[cause] > 0).astype(int)
    if name.endswith("u"):
        df[time] = df[time] + 0.001 * np.arange(1, len(df) + 1)
    return TimeToEvent.from_frame(df, time, cause, codes, provenance="open")


#: Score's errors take censored people one by one: they are those of the derivative without ties but for terms of size 1 / n. Nobody of
#: `rossi` is censored before week 52. That ours are the derivative of the estimate is a unit test.
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("rossi", 1e-8), ("armsu", 1e-3), ("ties", 0.05), ("arms", 0.05), ("tiesc", 0.05), ("armsc", 0.05)],
)
def test_brier_scores_and_areas_with_their_errors(name, tolerance):
    expected = reference("score")
    expected = expected[expected["data"] == name]
    times = np.sort(expected["time"].unique())
    found = brier_score(risks(name), people(name), times, given="incidence").table
    areas = concordance(risks(name), people(name), "auc", times=times, given="incidence").table
    joined = expected.merge(pd.concat([found, areas]), on=["term", "time"])
    assert len(joined) == len(expected) == 9
    np.testing.assert_allclose(joined["estimate_y"], joined["estimate_x"], rtol=1e-10)
    n = people(name).n
    # Score divides a variance by n - 1 where we divide by n.
    np.testing.assert_allclose(
        joined["std_error_y"] * np.sqrt(n / (n - 1)), joined["std_error_x"], rtol=tolerance
    )


@pytest.mark.parametrize(("name", "formula"), [("rossi", "fin + age + prio"), ("arms", "arm + age + sex")])
def test_integrated_scores(name, formula):
    expected = reference("integrated").set_index("data").loc[name]
    tte = people(name)
    found = brier_score(cox(tte, formula), tte, expected["time"]).table.set_index("term")["estimate"]
    assert found["integrated"] == pytest.approx(expected["model"], rel=1e-8)
    assert found["integrated_reference"] == pytest.approx(expected["reference"], rel=1e-8)


@pytest.mark.parametrize(
    "row", reference("concordance").to_dict("records"), ids=lambda r: f"{r['data']} {r['kind']} {r['tau']}"
)
def test_concordance(row):
    tte, risk = people(row["data"]), risks(row["data"])[:, 0]
    tau = None if np.isnan(row["tau"]) else row["tau"]
    found = concordance(risk, tte, row["kind"], tau=tau).table.iloc[0]
    assert found["estimate"] == pytest.approx(row["estimate"], rel=1e-10)
    error = found["std_error"]
    if row["kind"] == "uno":
        # R takes the chance of being observed as known.
        asked = Asked.of(None, tte, None, "survival", "test")
        error = np.sqrt(asked.squared(sum(uno_parts(asked, risk, tau)[1:3])))
    assert error == pytest.approx(row["known"], rel=1e-8)


def test_scikit_survival_agrees_without_ties():
    expected = reference("sksurv")
    tte, risk = people("armsu"), risks("armsu")
    found = pd.concat([
        brier_score(risk, tte, [15, 30, 60], given="incidence").table,
        concordance(risk, tte, "auc", times=[15, 30, 60], given="incidence").table,
        concordance(risk[:, 0], tte, "uno", tau=60.5).table,
    ])  # fmt: skip
    joined = expected.merge(found, on=["term", "time"])
    assert len(joined) == len(expected) == 7
    np.testing.assert_allclose(joined["estimate_y"], joined["estimate_x"], rtol=1e-12)
