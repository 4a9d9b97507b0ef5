"""Adjusted differences equal R's: estimatr, sandwich, clubSandwich, MatchIt, Matching, and stacked estimating equations."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from causaldata import cps_mixtape, nsw_mixtape

from evalkit.comparison.adjusting import logit
from evalkit.comparison.adjusting.matching import pairs_of
from evalkit.comparison.adjusting.options import options_of
from evalkit.comparison.adjusting.rows import adjusted_rows
from evalkit.comparison.adjusting.sample import sample_of
from evalkit.comparison.groups.people import read_groups
from evalkit.comparison.groups.plan import GroupPlan

HERE = Path(__file__).parent
NSW = "age + educ + black + hisp + marr + nodegree + re74 + re75"
NHEFS = (
    "sex + race + poly(age, degree=2) + C(education) + poly(smokeintensity, degree=2) + poly(smokeyrs, degree=2) + C(exercise) "
    "+ C(active) + poly(wt71, degree=2)"
)
#: Name of a case: table, group, outcome, formula, kind, and roles.
CASES = {
    "nsw": ("nsw", "treat", "re78", NSW, "continuous", {}),
    "nhefs": ("nhefs", "qsmk", "wt82_71", NHEFS, "continuous", {}),
    "nhefs_yes": ("nhefs", "qsmk", "gained", "sex + race + age + smokeyrs + wt71", "binary", {}),
    "mixed": ("mixed", "arm", "wage", "age + site + score", "continuous", {}),
    "mixed_untied": ("mixed", "arm", "wage", "age + site + score + noise", "continuous", {}),
    "mixed_yes": ("mixed", "arm", "placed", "age + site + score", "binary", {}),
    "mixed_weighted": ("mixed", "arm", "wage", "age + site + score", "continuous", {"weights": "weight"}),
    "mixed_clustered": ("mixed", "arm", "placed", "age + site + score", "binary", {"cluster": "cluster"}),
    "mixed_wage_clustered": (
        "mixed",
        "arm",
        "wage",
        "age + site + score",
        "continuous",
        {"cluster": "cluster"},
    ),
}


@cache
def reference(name):
    return pd.read_csv(HERE / "reference" / f"{name}.csv")


@cache
def groups(case):
    table, group, outcome, formula, kind, roles = CASES[case]
    data = pd.read_csv(HERE / "inputs" / f"{table}.csv")
    return read_groups(outcome, group, data, "two_groups", kind=kind, adjust=formula, **roles)


@cache
def answer(case, estimand, methods=(), options=()):
    plan = GroupPlan(
        kind=CASES[case][4], adjust=CASES[case][3], estimand=estimand, method=methods, options=dict(options)
    )
    return pd.DataFrame(adjusted_rows(groups(case), plan))


def one(table, method, term="adjusted_difference"):
    return table[(table["method"] == method) & (table["term"] == term)].iloc[0]


@pytest.mark.parametrize(
    "expected", reference("lines").to_dict("records"), ids=lambda r: "-".join(map(str, list(r.values())[:3]))
)
def test_lines_with_hc2_and_cr2(expected):
    estimand = "ate" if expected["part"] == "common" else expected["part"]
    found = one(answer(expected["data"], estimand, ("regression", "ancova")), expected["method"])
    for column in ("estimate", "std_error", "df"):
        assert found[column] == pytest.approx(expected[column], rel=1e-8)


@pytest.mark.parametrize("case", reference("stacked")["data"].unique())
def test_weighting_balancing_doubly_robust_and_standardised_with_everything_estimated_counted(case):
    expected = reference("stacked").query("data == @case")
    for row in expected.to_dict("records"):
        estimand = "ate" if row["part"] == "ato" else row["part"]
        table = answer(case, estimand, ("regression", "iptw", "aipw", "entropy", "overlap_weights"))
        found = one(table, row["method"])
        # Derivatives are numerical in R: eight digits of the estimate, six of its error.
        assert found["estimate"] == pytest.approx(row["difference"], rel=1e-8)
        assert found["std_error"] == pytest.approx(row["se"], rel=1e-6)
        if CASES[case][4] == "binary":
            ratio = one(table, row["method"], "adjusted_ratio")
            assert np.log(ratio["estimate"]) == pytest.approx(row["log_ratio"], rel=1e-7)
            assert ratio["std_error"] == pytest.approx(row["se_log"], rel=1e-6)


ONCE = {"replace": False}
RUNS = {
    "plain": ONCE, "two": {"ratio": 2, **ONCE}, "caliper": {"caliper": 0.1, **ONCE}, "exact": {"exact": ("black", "nodegree"), **ONCE},
    "smallest": {"order": "smallest", **ONCE}, "data": {"order": "data", **ONCE}, "atc": ONCE, "replace": {},
    "replace_two": {"ratio": 2}, "replace_caliper": {"caliper": 0.05},
}  # fmt: skip


def options(run, case):
    return {"exact": ("site",), **ONCE} if (run, case) == ("exact", "mixed") else RUNS[run]


@pytest.mark.parametrize(("case", "run"), reference("match_weights").groupby(["data", "run"]).groups)
def test_partners_are_those_of_matchit(case, run):
    expected = reference("match_weights").query("data == @case and run == @run")
    sample, _, _ = sample_of(groups(case), CASES[case][3], CASES[case][4] == "binary")
    score = logit.fit(sample.matrix, sample.terms, sample.treated, sample.weight, "group")
    asked = options_of(options(run, case), list(groups(case).covariates), "two_groups")
    weights = pairs_of(sample, score, asked, treated=run != "atc").weights(sample.n)
    partners = (sample.treated == (run == "atc")) & (weights > 0)
    # MatchIt makes the weights of partners add up to their number.
    weights[partners] *= partners.sum() / weights[partners].sum()
    third = np.flatnonzero(weights > 0)
    third = third[third % 3 == 0]
    np.testing.assert_array_equal(third, expected["row"])
    np.testing.assert_allclose(weights[third], expected["weight"], rtol=1e-10)


@pytest.mark.parametrize(
    "expected", reference("match_estimates").to_dict("records"), ids=lambda r: f"{r['data']}-{r['run']}"
)
def test_matched_differences_with_pairs_as_clusters(expected):
    run, case = expected["run"], expected["data"]
    table = answer(case, "atc" if run == "atc" else "att", ("matching",), tuple(options(run, case).items()))
    found = one(table, "matching")
    assert found["estimate"] == pytest.approx(expected["estimate"], rel=1e-9)
    assert found["std_error"] == pytest.approx(expected["std_error"], rel=1e-9)


@pytest.mark.parametrize(
    "expected",
    reference("abadie_imbens").to_dict("records"),
    ids=lambda r: f"{r['data']}-{r['part']}-{r['ratio']}",
)
def test_abadie_and_imbens(expected):
    found = one(
        answer(expected["data"], expected["part"], ("matching",), (("ratio", expected["ratio"]),)), "matching"
    )  # fmt: skip
    assert found["estimate"] == pytest.approx(expected["estimate"], rel=1e-9)
    assert found["std_error"] == pytest.approx(expected["std_error"], rel=1e-9)


def survey():
    """The trained of the experiment beside the men of the survey, with the terms of Mixtape Sessions' lab."""
    lot, others = (
        d.load_pandas().data.drop(columns="data_id").astype(float) for d in (nsw_mixtape, cps_mixtape)
    )
    data = pd.concat([lot[lot["treat"] == 1], others], ignore_index=True)
    return data.assign(
        age2=data.age**2,
        age3=data.age**3,
        educ2=data.educ**2,
        u74=data.re74.eq(0) + 0.0,
        u75=data.re75.eq(0) + 0.0,
    )


@pytest.mark.parametrize(
    ("estimand", "method", "printed"), [("ate", "iptw", -6784.387), ("att", "matching", 1727.186)]
)  # fmt: skip
def test_what_stata_prints_in_the_lab_of_mixtape_sessions(estimand, method, printed):
    formula = "age + age2 + age3 + educ + educ2 + marr + nodegree + black + hisp + re74 + re75 + u74 + u75"
    people = read_groups("re78", "treat", survey(), "two_groups", kind="continuous", adjust=formula)
    plan = GroupPlan(kind="continuous", adjust=formula, estimand=estimand, method=(method,))
    assert adjusted_rows(people, plan)[0]["estimate"] == pytest.approx(printed, abs=0.0005)


def test_what_hernan_and_robins_print():
    """What If, section 12.2: 3.4 kilograms (2.4 to 4.5), an interval that takes the weights as known and so is the wider."""
    found = one(answer("nhefs", "ate", ("iptw",)), "iptw")
    assert round(found["estimate"], 1) == 3.4
    assert 2.4 <= round(found["conf_low"], 1) < round(found["conf_high"], 1) <= 4.5
