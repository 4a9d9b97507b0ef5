"""Repeated measures and models of a yes or no equal R.

`scripts/make_inputs.py` made `inputs/`, `scripts/reference.R` made `reference/r.csv`; see tests/parity/DATA.md.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import ancova, conditional_logit, firth_logit, gee, mixed_model

HERE = Path(__file__).parent
REFERENCE = pd.read_csv(HERE / "reference" / "r.csv", dtype={"term": str})
FORMULA = {"gaussian": "score", "binomial": "yes", "poisson": "count"}
RIGHT = "C(month) + helped + mood"


@cache
def table(name):
    return pd.read_csv(HERE / "inputs" / f"{name}.csv")


def complete():
    visits = table("visits")
    return visits[visits.groupby("who")["who"].transform("size") == 4]


def reference(case):
    rows = REFERENCE[REFERENCE["case"] == case]
    assert len(rows), case
    return rows


def agree(
    fit, case, rtol=1e-8, atol=1e-10, quantities=("estimate", "std_error", "df", "p_value"), method=None
):
    """Compare every coefficient of a case; return how many numbers were compared."""
    ours = fit.tidy()
    if method is not None:
        ours = ours[ours["method"] == method]
    ours = ours[ours["part"] == ""].drop_duplicates("term").set_index("term")
    compared = 0
    for row in reference(case).itertuples():
        if row.quantity in quantities and row.term in ours.index:
            assert ours.loc[row.term, row.quantity] == pytest.approx(row.value, rel=rtol, abs=atol), row
            compared += 1
    assert compared >= len(quantities)
    return compared


# -- GEE -----------------------------------------------------------------------------------------------------------------
CLASSIC = [
    ("gee-gaussian-exchangeable", "gaussian", "exchangeable", table),
    ("gee-binomial-independence", "binomial", "independence", table),
    ("gee-binomial-exchangeable", "binomial", "exchangeable", table),
    ("gee-poisson-exchangeable", "poisson", "exchangeable", table),
    ("gee-gaussian-ar1-complete", "gaussian", "ar1", lambda _: complete()),
    ("gee-binomial-ar1-complete", "binomial", "ar1", lambda _: complete()),
]


@pytest.mark.parametrize(("case", "family", "working", "data"), CLASSIC, ids=[c[0] for c in CLASSIC])
def test_gee_equals_rs_gee(case, family, working, data):
    fit = gee(
        data("visits"),
        FORMULA[family],
        RIGHT,
        person="who",
        time="month",
        family=family,
        working=working,
        covariance="CR0",
    )
    assert agree(fit, case, quantities=("estimate", "std_error")) == 13 + (working != "independence")


def test_gee_of_firms_equals_rs_gee():
    fit = gee(
        table("firms"),
        "invest",
        "value + capital",
        person="firm",
        time="year",
        working="exchangeable",
        covariance="CR0",
    )
    assert agree(fit, "gee-gaussian-exchangeable-firms", quantities=("estimate", "std_error")) == 8


@pytest.mark.parametrize("family", FORMULA)
def test_weighted_gee_equals_geepack(family):
    fit = gee(
        table("visits"),
        FORMULA[family],
        RIGHT,
        person="who",
        family=family,
        weights="weight",
        covariance="CR0",
    )
    assert agree(fit, f"gee-weighted-{family}", quantities=("estimate", "std_error")) == 12


CLUB = [
    *((f"club-{family}-independence", family, "independence", table) for family in FORMULA),
    ("club-gaussian-exchangeable", "gaussian", "exchangeable", table),
    ("club-gaussian-ar1-complete", "gaussian", "ar1", lambda _: complete()),
]


@pytest.mark.parametrize("kind", ["CR2", "CR3"])
@pytest.mark.parametrize(("case", "family", "working", "data"), CLUB, ids=[c[0] for c in CLUB])
def test_small_sample_errors_and_degrees_of_freedom_equal_clubsandwich(case, family, working, data, kind):
    fit = gee(
        data("visits"),
        FORMULA[family],
        RIGHT,
        person="who",
        time="month",
        family=family,
        working=working,
        covariance=kind,
    )
    assert agree(fit, f"{case}-{kind}", quantities=("std_error", "df")) == 12
    if kind == "CR2" and (REFERENCE.query("case == @case + '-CR2'")["term"] == "joint").any():
        mine = fit.tidy().query("method == 'hotelling'").iloc[0]
        theirs = reference(f"{case}-CR2").query("term == 'joint'").set_index("quantity")["value"]
        for name in ("statistic", "df", "p_value"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-7), name


@pytest.mark.parametrize("kind", ["CR2", "CR3"])
def test_firms_small_sample_errors_equal_clubsandwich(kind):
    fit = gee(
        table("firms"),
        "invest",
        "value + capital",
        person="firm",
        time="year",
        working="exchangeable",
        covariance=kind,
    )
    assert agree(fit, f"club-gaussian-exchangeable-firms-{kind}", quantities=("std_error", "df")) == 6


def test_means_and_changes_over_dates_equal_the_delta_method_in_r():
    fit = gee(table("visits"), "yes", RIGHT, person="who", time="month", family="binomial")
    rows = fit.tidy()
    means, changes = (rows[rows["term"] == t].set_index("time") for t in ("mean", "change_from_first"))
    theirs = reference("means-binomial").pivot(index="term", columns="quantity", values="value")
    for month in (0, 3, 6, 12):
        for name in ("estimate", "std_error"):
            assert means.loc[month, name] == pytest.approx(theirs.loc[str(month), name], rel=1e-8)
    for month in (3, 6, 12):
        assert changes.loc[month, "estimate"] == pytest.approx(theirs.loc[str(month), "change"], rel=1e-8)
        assert changes.loc[month, "std_error"] == pytest.approx(
            theirs.loc[str(month), "change_error"], rel=1e-8
        )


# -- mixed models ----------------------------------------------------------------------------------------------------------
MIXED = [
    ("mixed-visits", "visits", "score", RIGHT, {"person": "who", "time": "month"}),
    ("mixed-visits-slope", "visits", "score", RIGHT, {"person": "who", "time": "month", "slope": "month"}),
    ("mixed-firms", "firms", "invest", "value + capital", {"person": "firm"}),
]


@pytest.mark.parametrize(("case", "name", "outcome", "formula", "how"), MIXED, ids=[c[0] for c in MIXED])
def test_mixed_models_equal_lme4_with_pbkrtest_and_lmertest(case, name, outcome, formula, how):
    fit = mixed_model(table(name), outcome, formula, **how)
    # lme4 stops where its deviance no longer moves: 1e-8 of a variance, which degrees of freedom feel a little more.
    agree(fit, f"{case}-Kenward-Roger", rtol=2e-6)
    agree(
        mixed_model(table(name), outcome, formula, df="satterthwaite", **how),
        f"{case}-Satterthwaite",
        rtol=2e-5,
    )
    theirs = reference(case).set_index("term")["value"]
    assert fit.glance()["log_likelihood"].item() == pytest.approx(theirs["model"], rel=1e-10)
    ours = fit.tidy().query("method == 'profile'").set_index("term")["estimate"]
    order = (
        ["sd_person", "sd_residual"]
        if len(ours) == 2
        else ["sd_person", "sd_slope", "correlation_slope", "sd_residual"]
    )
    for k, name in enumerate(order):
        assert ours[name] == pytest.approx(theirs[f"vc{k + 1}"], rel=2e-6), name
    joint = reference(f"{case}-Kenward-Roger").query("term == 'joint'").set_index("quantity")["value"]
    if len(joint):
        mine = fit.tidy().query("method == 'joint_kr'").iloc[0]
        assert [mine["statistic"], mine["df"]] == pytest.approx([joint["statistic"], joint["df"]], rel=2e-6)


@pytest.mark.parametrize(("case", "name", "outcome", "formula", "person"), [
    ("mixed-visits-ml", "visits", "score", RIGHT, "who"), ("mixed-firms-ml", "firms", "invest", "value + capital", "firm"),
])  # fmt: skip
def test_profile_intervals_of_variances_lie_where_lme4s_deviance_has_risen(
    case, name, outcome, formula, person
):
    fit = mixed_model(table(name), outcome, formula, person=person, reml=False)
    ours = fit.tidy().set_index("term")
    for row in reference(case).itertuples():
        if row.term != "model":
            # Ends by optimize() and uniroot() in R, which stop some 1e-7 away.
            assert ours.loc[row.term, row.quantity] == pytest.approx(row.value, rel=1e-6), row


def test_robust_mixed_model_equals_clubsandwich_on_lme():
    fit = mixed_model(table("visits"), "score", RIGHT, person="who", robust=True)
    agree(fit, "club-mixed-visits-CR2", rtol=1e-6, quantities=("std_error", "df"))
    joint = reference("club-mixed-visits-CR2").query("term == 'joint'").set_index("quantity")["value"]
    mine = fit.tidy().query("method == 'hotelling'").iloc[0]
    assert [mine["statistic"], mine["df"]] == pytest.approx([joint["statistic"], joint["df"]], rel=1e-6)


# -- conditional logit -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("case", "name", "outcome", "formula", "person", "one"), [
    ("clogit-visits", "visits", "yes", "mood + C(month)", "who", "mood"),
    ("clogit-firms", "firms", "high", "value + capital", "firm", "value"),
])  # fmt: skip
def test_conditional_logit_equals_exact_clogit(case, name, outcome, formula, person, one):
    fit = conditional_logit(table(name), outcome, formula, person=person)
    agree(fit, case, quantities=("estimate", "std_error"))
    rows = fit.tidy()
    theirs = reference(case).set_index(["term", "quantity"])["value"]
    mine = rows[(rows["term"] == one) & (rows["method"] == "likelihood_ratio")].iloc[0]
    assert rows.set_index("term").loc["model_test", "statistic"] == pytest.approx(
        theirs["model", "statistic"], rel=1e-8
    )
    assert mine["statistic"] == pytest.approx(theirs[one, "lr"], rel=1e-8)
    assert [mine["conf_low"], mine["conf_high"]] == pytest.approx(
        [theirs[one, "conf_low"], theirs[one, "conf_high"]], rel=1e-7
    )


def test_pairs_equal_binom_test():
    visits = table("visits")
    two = visits[visits["month"].isin([0, 12])]
    two = two[two.groupby("who")["who"].transform("size") == 2].assign(
        later=lambda d: (d["month"] == 12).astype(int)
    )
    rows = conditional_logit(two, "yes", "later", person="who").tidy().set_index("term")
    theirs = reference("clogit-pairs").set_index("quantity")["value"]
    assert rows.loc["later", "estimate"].iloc[0] == pytest.approx(theirs["estimate"], rel=1e-10)
    assert rows.loc["exact_test", "p_value"] == pytest.approx(theirs["exact"], rel=1e-10)
    assert [rows.loc["exact_test", c] for c in ("conf_low", "conf_high")] == pytest.approx(
        [theirs["exact_low"], theirs["exact_high"]], rel=1e-8
    )


# -- Firth -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("case", "name", "outcome", "formula", "weights"), [
    ("firth-pupils", "pupils", "GRADE", "GPA + TUCE + PSI", None),
    ("firth-separating", "separating", "yes", "mark + dose", None),
    ("firth-separating-weighted", "separating", "yes", "mark + dose", "times"),
])  # fmt: skip
def test_firth_equals_brglm2_and_its_profile(case, name, outcome, formula, weights):
    fit = firth_logit(table(name), outcome, formula, weights=weights)
    agree(fit, case, quantities=("estimate", "std_error"))
    # The profile by optim(), which stops some 1e-8 of the likelihood below its top.
    agree(fit, case, rtol=2e-5, quantities=("statistic", "conf_low", "conf_high"))
    flic = fit.tidy().set_index("term").loc["intercept_for_predictions", "estimate"]
    assert flic == pytest.approx(reference(case).set_index("term").loc["flic", "value"], rel=1e-8)


# -- ANCOVA ----------------------------------------------------------------------------------------------------------------
def test_ancova_of_workers_equals_clubsandwich_and_estimatr():
    _ancova(ancova(table("workers"), "re75", "re78", "treat", adjust="age + black"), "ancova-workers")


def test_ancova_of_visits_equals_clubsandwich_and_estimatr():
    visits = table("visits")
    first, last = (visits[visits["month"] == m].set_index("who") for m in (0, 12))
    wide = first[["helped", "score"]].join(last["score"].rename("later"), how="inner")
    _ancova(ancova(wide, "score", "later", "helped"), "ancova-visits")


def _ancova(fit, case):
    rows = fit.tidy()
    effects = rows[rows["term"] == "effect"].set_index("method")
    theirs = reference(case).set_index(["term", "quantity"])["value"]
    for method in ("post_only", "change_score", "ancova", "ancova_lin"):
        for name in ("estimate", "std_error", "df"):
            assert effects.loc[method, name] == pytest.approx(theirs[method, name], rel=1e-8), (method, name)
    for name in ("estimate", "std_error"):
        assert effects.loc["ancova_lin", name] == pytest.approx(theirs["lm_lin", name], rel=1e-8)
        assert rows.set_index("term").loc["slopes_differ", name] == pytest.approx(
            theirs["slopes_differ", name], rel=1e-8
        )
    found = rows.set_index("term").loc["correlation_before_after", "estimate"]
    assert found == pytest.approx(theirs["correlation", "estimate"], rel=1e-10)


def test_no_reference_number_is_left_unread():
    assert np.isfinite(REFERENCE["value"]).all()
