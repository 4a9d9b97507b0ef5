"""Clusters equal R's clubSandwich, sandwich, estimatr, coin, exactRankTests, psych and plain enumeration; `scripts/` made it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import evalkit as ek
from evalkit.comparison.clusters.alike import alike
from evalkit.formula import design
from evalkit.numerics.clustered import least_squares, sandwich

HERE = Path(__file__).parent
REGRESSION = pd.read_csv(HERE / "reference" / "regression.csv")
LOTS = pd.read_csv(HERE / "reference" / "lots.csv")
WILD = pd.read_csv(HERE / "reference" / "wild.csv").query("kind == 'rademacher'")
#: Fit of R to: table, outcome, formula, cluster, weights, family.
FITS = {
    "hiv": ("hiv", "got", "any + distvct + age", "villnum", None, "gaussian"),
    "hiv_weighted": ("hiv", "got", "any + distvct", "villnum", "weight", "gaussian"),
    "hiv_logit": ("hiv", "got", "any + distvct + age", "villnum", None, "binomial"),
    "insure": ("insure", "takeup_survey", "intensive + male + age", "village", None, "gaussian"),
    "insure_logit": ("insure", "takeup_survey", "intensive + literacy", "village", None, "binomial"),
    "castle": ("castle", "lhomicide", "post + poverty + C(sid) + C(year)", "sid", None, "gaussian"),
    "castle_weighted": ("castle", "lhomicide", "post + poverty + C(sid) + C(year)", "sid", "popwt", "gaussian"),
    "seeded": ("seeded", "y", "treat + x", "site", None, "gaussian"),
    "seeded_weighted": ("seeded", "y", "treat + x", "site", "weight", "gaussian"),
    "seeded_logit": ("seeded", "b", "treat + x", "site", None, "binomial"),
    "seeded_log": ("seeded", "k", "treat + x", "site", None, "poisson"),
    "seeded_log_weighted": ("seeded", "k", "treat + x", "site", "weight", "poisson"),
    "few": ("few", "y", "treat + x", "site", None, "gaussian"),
}  # fmt: skip


def read(name):
    return pd.read_csv(HERE / "inputs" / f"{name}.csv")


def matrix(data, formula):
    made = design(formula, data)
    return np.column_stack([np.ones(len(data)), made.matrix]), ("intercept", *made.terms)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR1S", "CR2", "CR3"])
@pytest.mark.parametrize("name", list(FITS))
def test_regression_equals_club_sandwich(name, kind):
    table, outcome, formula, cluster, weights, family = FITS[name]
    rows = REGRESSION[(REGRESSION["fit"] == name) & (REGRESSION["kind"] == kind)]
    if kind == "CR3" and table == "castle":
        assert rows.empty
        return
    assert len(rows) >= 11
    answer = ek.comparison.cluster_regression(
        read(table), outcome, formula, cluster, family=family, kind=kind, weights=weights
    )
    ours = answer.tidy().query("part != 'ratio'").set_index("term")
    for row in rows.query("term != 'all'").itertuples():
        assert ours.loc[row.term, row.column] == pytest.approx(row.value, rel=1e-8), (row.term, row.column)
    if table != "castle":
        for row in rows.query("term == 'all'").itertuples():
            assert ours.loc["all_terms", row.column] == pytest.approx(row.value, rel=1e-8), row.column


@pytest.mark.parametrize("name", ["castle", "castle_weighted"])
def test_two_contrasts_among_fixed_effects_equal_club_sandwich(name):
    table, outcome, formula, cluster, weights, _ = FITS[name]
    data = read(table)
    x, names = matrix(data, formula)
    w = None if weights is None else data[weights].to_numpy()
    test = least_squares(data[outcome], x, w, data[cluster], names=names).wald(["post", "poverty"])
    want = REGRESSION.query("fit == @name and kind == 'CR2' and term == 'all'").set_index("column")["value"]
    got = [test.statistic, test.df_den, test.p_value]
    assert got == pytest.approx(want[["statistic", "df", "p_value"]].tolist(), rel=1e-8)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2", "CR3", "KC"])
def test_full_blocks_equal_club_sandwich_on_gls(kind):
    rows = REGRESSION[REGRESSION["fit"] == "gls"]
    rho, sigma = (
        rows.query("term == 'rho' and column == @c")["value"].item() for c in ("estimate", "std_error")
    )
    waves = read("waves")
    x = np.column_stack([np.ones(len(waves)), waves["wave"], waves["treat"]])
    sizes = waves.groupby("person", sort=False).size()
    blocks = [np.linalg.inv(sigma**2 * ((1 - rho) * np.eye(k) + rho)) for k in sizes]
    ends = np.cumsum(sizes)[:-1]
    parts = list(zip(np.split(x, ends), np.split(waves["y"].to_numpy(), ends), blocks, strict=True))
    normal = sum(a.T @ w @ a for a, _, w in parts)
    coef = np.linalg.solve(normal, sum(a.T @ w @ b for a, b, w in parts))
    fit = sandwich(
        x,
        waves["y"] - x @ coef,
        waves["person"],
        coef=coef,
        kind=kind,
        weight=blocks,
        names=["one", "wave", "treat"],
    )
    found = rows[(rows["kind"] == kind) & (rows["term"] != "all")]
    assert len(found) >= 2
    for row in found.itertuples():
        assert getattr(fit.contrast(row.term), row.column) == pytest.approx(row.value, rel=1e-7), row.term
    if kind != "KC":
        test = fit.wald(["wave", "treat"])
        want = rows[(rows["kind"] == kind) & (rows["term"] == "all")].set_index("column")["value"]
        assert [test.statistic, test.df_den] == pytest.approx([want["statistic"], want["df"]], rel=1e-7)


@pytest.mark.parametrize("name", ["hiv", "hiv_weighted", "seeded", "seeded_weighted"])
@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3", "HC2_sampling"])
def test_people_on_their_own_equal_sandwich_and_club_sandwich(name, kind):
    table, outcome, formula, _, weights, _ = FITS[name]
    data = read(table)
    x, names = matrix(data, formula)
    w = None if weights is None else data[weights]
    meaning = "sampling" if kind == "HC2_sampling" else "precision"
    fit = least_squares(
        data[outcome], x, w, kind=kind.removesuffix("_sampling"), names=names, weights_are=meaning
    )
    rows = REGRESSION[(REGRESSION["fit"] == name) & (REGRESSION["kind"] == kind)]
    assert len(rows) >= 2
    for row in rows.itertuples():
        assert getattr(fit.contrast(row.term), row.column) == pytest.approx(row.value, rel=1e-8), row.term


@pytest.mark.parametrize("name", ["hiv", "seeded", "seeded_weighted"])
def test_cr1s_equals_sandwich(name):
    table, outcome, formula, cluster, weights, _ = FITS[name]
    data = read(table)
    x, names = matrix(data, formula)
    fit = least_squares(
        data[outcome], x, None if weights is None else data[weights], data[cluster], "CR1S", names=names
    )
    for row in REGRESSION[(REGRESSION["fit"] == name) & (REGRESSION["kind"] == "CL1")].itertuples():
        assert fit.contrast(row.term).std_error == pytest.approx(row.value, rel=1e-8), row.term


@pytest.mark.parametrize("kind", ["CR0", "CR2", "stata"])
def test_regression_equals_estimatr(kind):
    ours_kind = {"stata": "CR1S"}.get(kind, kind)
    answer = ek.comparison.cluster_regression(
        read("hiv"), "got", "any + distvct + age", "villnum", kind=ours_kind
    )
    ours = answer.tidy().set_index("term")
    # estimatr takes G − 1 degrees of freedom, and so other intervals, unless CR2 is asked.
    columns = (
        ("estimate", "std_error", "df", "conf_low", "conf_high")
        if kind == "CR2"
        else ("estimate", "std_error")
    )
    rows = REGRESSION[(REGRESSION["fit"] == "estimatr_hiv") & (REGRESSION["kind"] == kind)]
    compared = [row for row in rows.itertuples() if row.column in columns]
    assert len(compared) == 3 * len(columns)
    for row in compared:
        assert ours.loc[row.term, row.column] == pytest.approx(row.value, rel=1e-8), (row.term, row.column)


def test_difference_in_means_of_clusters_equals_estimatr():
    ours = (
        ek.comparison.cluster_regression(read("seeded"), "y", "treat", "site")
        .tidy()
        .set_index("term")
        .loc["treat"]
    )
    rows = REGRESSION[REGRESSION["fit"] == "estimatr_seeded"]
    assert len(rows) == 6
    for row in rows.itertuples():
        assert ours[row.column] == pytest.approx(row.value, rel=1e-8), row.column


@pytest.mark.parametrize(
    "row", [r for r in LOTS.itertuples() if r.column == "p_value" and r.fit != "few_cluster"]
)
def test_draws_equal_coin(row):
    lot = read("lot")
    outcome = {"lot_y": "y", "lot_share": "share", "lot_smooth": "smooth", "lot_strata": "y"}[row.fit]
    strata = {"assignment": "stratified", "strata": "stratum"} if row.fit == "lot_strata" else {}
    answer = ek.comparison.randomisation_test(
        lot, outcome, "treat", statistic=row.kind, alternative=row.term, **strata
    )
    found = answer.tidy().set_index("term").loc["lot_test", "p_value"]
    assert found == pytest.approx(row.value, rel=1e-10)


def test_the_interval_of_ranks_equals_wilcox_test_and_exact_rank_tests():
    answer = ek.comparison.randomisation_test(read("lot"), "smooth", "treat", statistic="rank_sum")
    ours = answer.tidy().set_index("term").loc["shift_difference"]
    rows = LOTS.query("term == 'interval' and fit == 'lot_smooth'")
    assert len(rows) == 4
    for row in rows.itertuples():
        assert ours[row.column] == pytest.approx(row.value, abs=1e-9), row.kind


def test_the_difference_of_blocks_equals_estimatr():
    answer = ek.comparison.randomisation_test(
        read("lot"), "smooth", "treat", assignment="stratified", strata="stratum"
    )
    want = LOTS.query("fit == 'lot_blocks'")["value"].item()
    assert answer.tidy().loc[0, "estimate"] == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("kind", ["difference", "studentised"])
def test_clusters_drawn_equal_enumeration(kind):
    answer = ek.comparison.randomisation_test(
        read("few"), "y", "treat", assignment="cluster", cluster="site", statistic=kind, conf_level=0.9
    )
    ours = answer.tidy().set_index("term")
    want = LOTS[(LOTS["fit"] == "few_cluster") & (LOTS["kind"] == kind)].set_index("column")["value"]
    assert ours.loc["difference", "estimate"] == pytest.approx(want["estimate"], rel=1e-10)
    assert ours.loc["lot_test", "p_value"] == pytest.approx(want["p_value"], rel=1e-10)
    assert ours.loc["lot_test", "statistic"] == pytest.approx(want["statistic"], rel=1e-10)
    found = ours.loc["shift_difference", ["conf_low", "conf_high"]].tolist()
    assert found == pytest.approx([want["conf_low"], want["conf_high"]], rel=1e-6)


@pytest.mark.parametrize(("fit", "term"), sorted(set(zip(WILD["fit"], WILD["term"], strict=True))))
def test_wild_bootstrap_equals_enumeration(fit, term):
    data, outcome, formula, cluster = {
        "few": (read("few"), "y", "treat + x", "site"),
        "seeded": (read("seeded"), "y", "treat + x", "site"),
        "castle": (read("castle").query("sid <= 8"), "lhomicide", "post + poverty", "sid"),
    }[fit]
    want = WILD[(WILD["fit"] == fit) & (WILD["term"] == term)].set_index("column")["value"]
    ask = {"term": term, "conf_level": 0.9}
    ours = ek.comparison.wild_cluster_bootstrap(data, outcome, formula, cluster, **ask).tidy().loc[0]
    for column in ("estimate", "p_value", "p_floor"):
        assert ours[column] == pytest.approx(want[column], rel=1e-10), column
    quarter = (
        ek.comparison.wild_cluster_bootstrap(data, outcome, formula, cluster, null=0.25, **ask).tidy().loc[0]
    )
    assert quarter["p_value"] == pytest.approx(want["p_quarter"], rel=1e-10)
    if "conf_low" in want:
        assert [ours["conf_low"], ours["conf_high"]] == pytest.approx(
            [want["conf_low"], want["conf_high"]], rel=1e-6
        )


def test_likeness_equals_psych_and_the_analysis_of_variance():
    want = pd.read_csv(HERE / "reference" / "alike.csv").set_index(["fit", "column"])["value"]
    castle = read("castle").query("year <= 2004")
    found = alike(castle["lhomicide"].to_numpy(), castle["sid"])
    assert [found.icc, found.low, found.high] == pytest.approx(
        want.loc["castle", ["estimate", "conf_low", "conf_high"]].tolist(), rel=1e-6
    )
    for name, outcome, cluster in (("hiv", "got", "villnum"), ("seeded", "y", "site")):
        data = read(name)
        assert alike(data[outcome].to_numpy(), data[cluster]).icc == pytest.approx(
            want[name, "estimate"], rel=1e-8
        )


def test_statsmodels_agrees_on_cr0_and_stata():
    data = read("hiv")
    x, names = matrix(data, "any + distvct")
    for kind, corrected in (("CR0", False), ("CR1S", True)):
        theirs = sm.OLS(data["got"], x).fit(
            cov_type="cluster", cov_kwds={"groups": data["villnum"].astype(int), "use_correction": corrected}
        )
        ours = least_squares(data["got"], x, None, data["villnum"], kind, names=names)
        assert np.sqrt(np.diag(ours.covariance)) == pytest.approx(theirs.bse.to_numpy(), rel=1e-8)


@pytest.mark.parametrize(
    ("name", "term", "p"),
    [("few", "treat", 0.53125), ("few", "x", 0.9609375), ("castle", "poverty", 0.015625)],
)
def test_wild_bootstrap_equals_wildboottest(name, term, p):
    # Printed by wildboottest 0.3.2 (B = 9999, so all signs; bootstrap_type "11", null imposed).
    data, outcome, formula, cluster = {
        "few": (read("few"), "y", "treat + x", "site"),
        "castle": (read("castle").query("sid <= 8"), "lhomicide", "post + poverty", "sid"),
    }[name]
    answer = ek.comparison.wild_cluster_bootstrap(data, outcome, formula, cluster, term=term)
    assert answer.tidy().loc[0, "p_value"] == pytest.approx(p, rel=1e-12)
