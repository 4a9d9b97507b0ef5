"""Pseudo-values, g-computation and weighted curves equal R's: survival, prodlim, riskRegression::ate, nnet."""

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.survival import adjusted_curves, cox, pseudo_values
from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
SOURCES = {
    "rossi": ("survival", "week", "arrest"), "leukemia": ("survival", "t", "status"), "ties": ("survival", "time", "cause"),
    "arms": ("survival_adjusting", "time", "cause"),
}  # fmt: skip


@cache
def reference(name):
    return pd.read_csv(HERE / "reference" / f"{name}.csv", dtype={"level": str, "versus": str})


def people(name, **causes):
    room, time, cause = SOURCES[name]
    df = pd.read_csv(HERE.parent / room / "inputs" / f"{name}.csv")
    if causes.get("any_exit"):
        df[cause] = (df[cause] > 0).astype(int)
    codes = None
    if df[cause].max() > 1:
        codes = {0: "censored"} | {k: f"exit {k}" for k in range(1, df[cause].max() + 1)}
    return TimeToEvent.from_frame(df, time, cause, codes, provenance="open")


PSEUDO = reference("pseudo").groupby(["data", "kind", "method"], sort=False)


@pytest.mark.parametrize(("data", "kind", "method"), PSEUDO.groups)
def test_pseudo_values(data, kind, method):
    expected = PSEUDO.get_group((data, kind, method))
    tte = people(data)
    of = None if len(tte.causes) == 1 else "any exit"
    if kind.startswith("incidence"):
        of = tte.causes[int(kind[-1]) - 1]
    asked = expected["time"].unique()
    found = pseudo_values(tte, asked, kind.rstrip("12"), of=of, method=method)
    joined = expected.merge(found, left_on=["row", "time"], right_on=["id", "time"])
    assert len(joined) == len(expected)
    np.testing.assert_allclose(joined["pseudo_y"], joined["pseudo_x"], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("table", "name", "formula", "by", "ties", "tolerance"),
    [
        ("gformula", "untied", "arm + age + sex", "arm", "efron", 1e-8),
        ("gformula", "untied", "site + age + sex + arm", "site", "breslow", 1e-8),
        # With ties, against numerical derivatives.
        ("numerical", "arms", "site + age + sex + arm", "site", "breslow", 1e-6),
        ("numerical", "arms", "site + age + sex + arm", "site", "efron", 1e-6),
        ("numerical", "arms", "arm + age + sex", "arm", "efron", 1e-6),
    ],
)
def test_standardised_curves_and_their_errors(table, name, formula, by, ties, tolerance):
    expected = reference(table)
    own = {"0", "1"} if by != "site" else {"a", "b", "c"}
    expected = expected[(expected["data"] == name) & (expected["ties"] == ties) & expected["level"].isin(own)]
    tte = people("arms", any_exit=True)
    if name == "untied":
        tte = dataclasses.replace(tte, time=tte.time + 0.001 * np.arange(1, tte.n + 1))
    fit = cox(tte, formula, ties=ties)
    found = fit.adjusted(by, times=expected["time"].unique())
    risks = found.table.assign(level=found.table[by].astype(str), estimate=1 - found.table["estimate"])
    joined = expected[expected["term"] == "risk"].merge(risks, on=["level", "time"])
    assert len(joined) == (expected["term"] == "risk").sum() > 0
    np.testing.assert_allclose(joined["estimate_y"], joined["estimate_x"], rtol=1e-8)
    np.testing.assert_allclose(joined["std_error_y"], joined["std_error_x"], rtol=tolerance)
    for row in expected[expected["term"] == "difference"].itertuples():
        levels = {str(level): level for level in found.levels}
        mine = found.contrast(reference=levels[row.versus]).table
        mine = mine[(mine[by].astype(str) == row.level) & (mine["time"] == row.time)].iloc[0]
        assert -mine["estimate"] == pytest.approx(row.estimate, rel=1e-8)
        assert mine["std_error"] == pytest.approx(row.std_error, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "formula", "by", "strata"),
    [
        ("rossi", "fin * wexp + log(age) + prio", "fin", None),
        ("arms", "site * sex + age + arm", "site", None),
        ("arms strata", "arm + age", "arm", "sex"),
    ],
)
def test_standardised_curves_with_efron_ties(name, formula, by, strata):
    expected = reference("efron")
    expected = expected[expected["data"] == name]
    fit = cox(people(name.split()[0], any_exit=True), formula, strata=strata)
    found = fit.adjusted(by, times=expected["time"].unique()).table
    joined = expected.merge(found.assign(level=found[by].astype(str)), on=["level", "time"])
    assert len(joined) == len(expected)
    np.testing.assert_allclose(joined["estimate_y"], joined["estimate_x"], rtol=1e-8)


@pytest.mark.parametrize(
    ("name", "formula", "by", "tolerance"),
    [
        ("rossi", "prio + mar + fin", "wexp", 1e-8),
        ("arms", "age + sex", "arm", 1e-8),
        # nnet::multinom stops a little before the maximum.
        ("sites", "age + sex + arm", "site", 1e-6),
    ],
)
def test_weighted_curves(name, formula, by, tolerance):
    expected = reference("weighted")
    expected = expected[expected["data"] == name]
    source = "rossi" if name == "rossi" else "arms"
    for competing in [False] if name == "rossi" else [False, True]:
        tte = people(source, any_exit=not competing)
        found = adjusted_curves(tte, by, formula, times=expected["time"].unique())
        table = found.table.assign(level=found.table[by].astype(str))
        if competing:
            part = expected[expected["cause"] != "none"].assign(cause=lambda d: "exit " + d["cause"])
            joined = part.merge(table, on=["level", "time", "cause"])
        else:
            part = expected[expected["cause"] == "none"]
            joined = part.merge(table, on=["level", "time"])
        assert len(joined) == len(part) > 0
        np.testing.assert_allclose(joined["estimate_y"], joined["estimate_x"], rtol=tolerance)
        effective = found.overlap().table.set_index(found.overlap().table[by].astype(str))["effective_n"]
        np.testing.assert_allclose(joined["effective"], effective.loc[joined["level"]], rtol=tolerance)
