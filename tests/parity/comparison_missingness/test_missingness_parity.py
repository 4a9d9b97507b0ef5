"""Losses equal R: t.test and prop.test, glm with survey and numDeriv, mice; Lee's bounds also pyleebounds and linear programs."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from evalkit.comparison import attrition, tipping_point
from evalkit.comparison.missingness.bounds import lee_bounds_of
from evalkit.comparison.missingness.filled import pooled_row

HERE = Path(__file__).parent
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


@cache
def people(name):
    return pd.read_csv(HERE / "inputs" / f"{name}.csv")


@cache
def reference(name):
    return pd.read_csv(HERE / "reference" / f"{name}.csv", index_col=["data", "what"])


SMOKERS = {"kind": "continuous", "arm": "qsmk", "scale": (30, 180)}
WAVES = {"arm": "arm", "reference": "control", "missing": "error"}
ASKED = {
    "smokers_after": ("smokers", "wt82", SMOKERS),
    "smokers_change": ("smokers", "wt82", SMOKERS | {"before": "wt71"}),
    "waves_after": ("waves", "after", WAVES),
    "waves_score": ("waves", "score_after", WAVES | {"kind": "continuous", "before": "score_before", "scale": (0, 20)}),
}  # fmt: skip
MODELS = {
    "smokers_change": {"formula": "C(qsmk) + wt71 + C(sex) + age + C(education)"},
    "waves_after": {"characteristics": ["site", "age"]},
    "waves_score": {"formula": "arm * age + site + score_before"},
}


@cache
def answer(name):
    table, outcome, asked = ASKED[name]
    return attrition(people(table), outcome, **asked, **MODELS.get(name, {}), m=2, iterations=1).table


def rows_of(name, what):
    """Return our row of an R name: the method, then 1 or 0 for an arm, nothing for their difference."""
    table = answer(name)
    arms = [g for g in dict.fromkeys(table.loc[table["term"] == "lost", "group"]) if g][:2]
    method = what.rstrip("01")
    group = {"0": arms[0], "1": arms[1]}.get(what[len(method) :], f"{arms[1]} − {arms[0]}")
    part = None
    if method.startswith(("manski", "lee")):
        method, part = method.split("_")
    if method == "lost_newcombe":
        found = table[(table["term"] == "lost_difference")]
    else:
        found = table[(table["method"] == method) & (table["group"] == group)]
        found = found[~found["term"].isin(("largest_weight", "effective_n"))]
    if part is not None:
        found = found[found["part"].str.endswith({"low": "lowest", "high": "highest"}[part])]
    return found


def same(row, expected):
    assert row["estimate"] == pytest.approx(expected["estimate"], rel=1e-8, abs=1e-10)
    for ours, theirs in (("std_error", "se"), ("df", "df"), ("conf_low", "low"), ("conf_high", "high")):
        if theirs in expected and pd.notna(expected[theirs]):
            assert row[ours] == pytest.approx(expected[theirs], rel=1e-8, abs=1e-10), ours


# A share of 0 and 1 has Wilson's and Newcombe's intervals here, not Student's.
@pytest.mark.parametrize(
    ("name", "what"),
    [k for k in reference("bounds").index if k[0] != "waves_after" or not k[1].startswith(("complete_t", "complete_welch"))],
)  # fmt: skip
def test_complete_cases_and_bounds(name, what):
    found = rows_of(name, what)
    assert len(found) == 1
    same(found.iloc[0], reference("bounds").loc[(name, what)])


@pytest.mark.parametrize(("name", "what"), reference("weights").index)
def test_weighting_with_its_variance_by_stacked_equations(name, what):
    expected, found = reference("weights").loc[(name, what)], rows_of(name, what)
    assert len(found) == 1
    same(found.iloc[0], expected)
    assert found.iloc[0]["n"] == expected["n"]
    if pd.notna(expected["largest"]):
        table = answer(name)
        for term, theirs in (("largest_weight", "largest"), ("effective_n", "effective")):
            ours = table[(table["term"] == term) & (table["group"] == found.iloc[0]["group"])].iloc[0]
            assert ours["estimate"] == pytest.approx(expected[theirs], rel=1e-8)


@pytest.mark.parametrize(("name", "what"), reference("pooled").index)
def test_pooling_of_given_completed_sets(name, what):
    sets = people("imputations").query("data == @name")
    arms = [
        np.array([own["y"].to_numpy() for _, own in sets[sets["arm"] == arm].groupby("set")])
        for arm in (1, 0)
    ]
    asked = {"mi": arms, "mi1": arms[:1], "mi0": arms[1:]}[what]
    same(pooled_row("mean_after", "", asked, 0.95, (-np.inf, np.inf)), reference("pooled").loc[(name, what)])


def test_lee_bounds_equal_another_package_where_whole_people_are_taken_off():
    expected = pd.read_csv(HERE / "reference" / "lee_python.csv", index_col="data")
    for name, own in people("trimming").groupby("data"):
        one, other = (own.loc[own["arm"] == arm, "y"] for arm in (1, 0))
        found = lee_bounds_of(one.dropna().to_numpy(), len(one), other.dropna().to_numpy(), len(other))
        np.testing.assert_allclose([found.low, found.high], expected.loc[name], **CLOSE)


@pytest.mark.parametrize("name", ASKED)
def test_lee_bounds_are_the_extremes_over_all_ways_of_taking_that_share_off(name):
    table, outcome, asked = ASKED[name]
    data = people(table)
    if table == "smokers":
        data = pd.concat([data[data["wt82"].isna()], data.iloc[::9]]).drop_duplicates()
    response = data[outcome] - (data[asked["before"]] if "before" in asked else 0)
    treated = data[asked["arm"]].isin([1, "programme"])
    one, other = (response[w].dropna().to_numpy() for w in (treated, ~treated))
    found = lee_bounds_of(one, treated.sum(), other, (~treated).sum())
    shares = len(one) / treated.sum(), len(other) / (~treated).sum()
    trimmed, whole, sign = (one, other, 1) if shares[0] > shares[1] else (other, one, -1)
    kept = len(trimmed) * min(shares) / max(shares)
    ends = []
    for way in (1, -1):
        best = linprog(way * trimmed, A_eq=np.ones((1, len(trimmed))), b_eq=[kept], bounds=(0, 1))
        ends.append(sign * (way * best.fun / kept - whole.mean()))
    np.testing.assert_allclose([found.low, found.high], sorted(ends), rtol=1e-8)


def test_tipping_shifts_and_the_grid_of_a_continuous_outcome():
    asked = SMOKERS | {"before": "wt71", "scale": None}
    found = tipping_point(people("smokers"), "wt82", **asked, grid=[-5, 3])
    expected = reference("tipping").loc["smokers_change"]["x"]
    tips = found.table[found.table["term"] == "tipping_shift"].set_index(["part", "group"])["estimate"]
    for part, arm in (("interval", "1"), ("interval", "0"), ("sign", "1")):
        # R's root finder stops at 1e-13 of the shift.
        assert tips[part, arm] == pytest.approx(expected[f"{part}{arm}"], rel=1e-8)
    cell = found.grid.query("lost_other == -5 and lost_reference == 3").iloc[0]
    ours = cell[["estimate", "std_error", "conf_low", "conf_high"]].astype(float)
    np.testing.assert_allclose(ours, [expected[f"grid{i}"] for i in range(1, 5)], **CLOSE)


def test_tipping_shares_and_the_grid_of_a_yes_no_outcome():
    found = tipping_point(people("waves"), "after", **WAVES, grid=[0.2, 0.7])
    expected = reference("tipping").loc["waves_after"]["x"]
    cell = found.grid.query("lost_other == 0.2 and lost_reference == 0.7").iloc[0]
    for row, name in ((found.table.iloc[0], "base"), (cell, "grid")):
        ours = row[["estimate", "std_error", "conf_low", "conf_high"]].astype(float)
        np.testing.assert_allclose(ours, [expected[f"{name}{i}"] for i in range(1, 5)], **CLOSE)
    tips = found.table[found.table["term"] == "tipping_share"].set_index(["part", "group"])
    assert tips.loc[("interval", "control"), "estimate"] == pytest.approx(expected["interval0"], rel=1e-8)
    # R found no other root.
    assert tips["estimate"].notna().sum() == 1
