"""Two groups equal R and the printed tables.

`scripts/reference.R` made `reference/`; it says which package gave what. Printed figures stand here with their source.
"""

from __future__ import annotations

import csv
import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import balance, two_groups
from evalkit.numerics import two_by_two as exact
from evalkit.numerics import two_proportions as two

HERE = Path(__file__).parent


@cache
def reference(name: str) -> dict[tuple[str, str, str], float]:
    with open(HERE / "reference" / f"{name}.csv", newline="", encoding="utf-8") as file:
        return {
            (r["data"], r["term"], r["what"]): float("nan" if r["value"] == "NA" else r["value"])
            for r in csv.DictReader(file)
        }


@cache
def frame(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / "inputs" / f"{name}.csv")


def names(table: str) -> list[str]:
    return list(dict.fromkeys(key[0] for key in reference(table)))


def the(answer, term, method, part=""):
    t = answer.table
    found = t[(t["term"] == term) & (t["method"] == method) & (t["part"] == part)]
    assert len(found) == 1, (term, method, part)
    return found.iloc[0]


# ---- printed ---------------------------------------------------------------------------------------------------------

#: Newcombe (1998), Statistics in Medicine 17:873, table II, methods 5 (Mee), 6 (Miettinen-Nurminen) and 10: (x1, n1, x0, n0).
NEWCOMBE = [
    ((56, 70, 48, 80), (0.0533, 0.3377), (0.0528, 0.3382), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1821, 0.8370), (0.1700, 0.8406), (0.1705, 0.8090)),
    ((6, 7, 2, 7), (0.0544, 0.8478), (0.0342, 0.8534), (0.0582, 0.8062)),
    ((5, 56, 0, 29), (-0.0313, 0.1926), (-0.0326, 0.1933), (-0.0381, 0.1926)),
    ((0, 10, 0, 20), (-0.1611, 0.2775), (-0.1658, 0.2844), (-0.1611, 0.2775)),
    ((0, 10, 0, 10), (-0.2775, 0.2775), (-0.2879, 0.2879), (-0.2775, 0.2775)),
    ((10, 10, 0, 20), (0.7225, 1.0), (0.7156, 1.0), (0.6791, 1.0)),
    ((10, 10, 0, 10), (0.6777, 1.0), (0.6636, 1.0), (0.6075, 1.0)),
]


@pytest.mark.parametrize(("table", "mee", "corrected", "newcombe"), NEWCOMBE)
def test_differences_equal_newcombes_table(table, mee, corrected, newcombe):
    x1, n1, x0, n0 = table
    counts = two.TwoCounts(x0, n0, x1, n1)
    for found, printed in (
        (two.score_difference(counts, corrected=False), mee),
        (two.score_difference(counts), corrected),
        (two.newcombe_difference(counts), newcombe),
    ):
        assert found == pytest.approx(printed, abs=5.1e-5)


PERONDI, RITLAND, LAMPASONA = (1, 34, 7, 34), (15, 72, 0, 16), (4, 14, 9, 13)


@pytest.mark.parametrize(
    ("table", "function", "options", "printed"),
    [
        # Fagerland, Lydersen & Laake (2017), Statistical Analysis of Contingency Tables, chapter 4 (the data of their 2015 paper).
        (PERONDI, two.newcombe_difference, {}, (0.0189, 0.3404)),
        (PERONDI, two.score_difference, {"corrected": False}, (0.0284, 0.3439)),
        (RITLAND, two.score_difference, {}, (-0.3164, -0.0056)),
        (PERONDI, two.score_ratio, {"corrected": False}, (1.2209, 42.5757)),
        (PERONDI, two.score_ratio, {}, (1.2086, 43.0330)),
        (LAMPASONA, two.score_odds_ratio, {}, (1.0934, 28.9419)),
    ],
)
def test_score_intervals_equal_the_printed_ones(table, function, options, printed):
    assert function(two.TwoCounts(*table), **options) == pytest.approx(printed, abs=5.1e-5)


@pytest.mark.parametrize(
    ("table", "printed"),
    [((1, 4, 3, 4), 0.25714), (PERONDI, 0.02966), (LAMPASONA, 0.03914), (RITLAND, 0.04466), ((127, 129, 745, 748), 0.09193139)],
)  # fmt: skip
def test_fishers_mid_p_equals_the_printed_one(table, printed):
    assert exact.fisher(two.TwoCounts(*table), mid_p=True) == pytest.approx(printed, abs=5.1e-6)


# ---- shares ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names("shares"))
def test_shares_equal_r(name):
    *table, level = map(float, name.split("-"))
    counts = two.TwoCounts(*map(int, table))
    conditional = exact.conditional_odds_ratio(counts, level)
    z = two.difference_z(counts, 0.0)
    ours = {
        "newcombe": two.newcombe_difference(counts, level),
        "koopman": two.score_ratio(counts, level, corrected=False),
        "mee": two.score_difference(counts, level, corrected=False),
        "mee_epiR": two.score_difference(counts, level, corrected=False),
        "mn_difference": two.score_difference(counts, level),
        "cornfield": two.score_odds_ratio(counts, level, corrected=False),
        "mn_odds": two.score_odds_ratio(counts, level),
        "conditional": conditional[1:],
    }
    single = {
        ("conditional", "estimate"): conditional[0],
        ("chi_squared", "statistic"): z * z,
        ("chi_squared", "p"): math.erfc(abs(z) / math.sqrt(2)),
        ("fisher_mid_p", "p"): exact.fisher(counts, mid_p=True),
        ("fisher_two.sided", "p"): exact.fisher(counts),
        ("fisher_greater", "p"): exact.fisher(counts, "greater"),
        ("fisher_less", "p"): exact.fisher(counts, "less"),
    }
    for margin in (-0.1, 0.15):
        above, below, _ = two.difference_margin(
            counts, *((margin, math.inf) if margin < 0 else (-math.inf, margin))
        )
        single["farrington_manning", f"{margin:g}"] = above if margin < 0 else below
    seen = 0
    for (data, term, what), value in reference("shares").items():
        if data != name:
            continue
        if term == "boschloo":
            mine = exact.boschloo(counts)
        else:
            mine = single[term, what] if (term, what) in single else ours[term][what == "high"]
        # epiR stops at 1e-7 in the limit or 1e-6 in the statistic; the cubic loses digits where its roots meet.
        loose = {
            "mee_epiR": 1e-5,
            "mee": 1e-7,
            "mn_difference": 1e-7,
            "farrington_manning": 1e-7,
            "koopman": 1e-7,
        }
        assert mine == pytest.approx(value, rel=loose.get(term, 1e-8), abs=loose.get(term, 1e-11)), (
            term,
            what,
        )
        seen += 1
    assert seen >= 11


# ---- people ----------------------------------------------------------------------------------------------------------

OUTCOMES = {
    "trial": ("re78", "quarter", "quarter"),
    "people": ("score", "answer", "contacts"),
    "few": ("score", "answer", "contacts"),
}


def check(data, term, values, table="people", rel=1e-8):
    for what, value in values.items():
        assert value == pytest.approx(reference(table)[data, term, what], rel=rel, abs=1e-12), (term, what)


def figures(row):
    ours = {
        "estimate": "estimate",
        "std_error": "std_error",
        "df": "df",
        "p": "p_value",
        "low": "conf_low",
        "high": "conf_high",
    }
    return {what: row[column] for what, column in ours.items()}


@pytest.mark.parametrize("name", OUTCOMES)
def test_means_equal_r(name):
    data = frame(name)
    answer = two_groups(OUTCOMES[name][0], "treat", data=data, kind="continuous", margin=(-1, 1.5))
    w = the(answer, "difference", "welch")
    check(name, "welch", figures(w))
    assert the(answer, "equivalence", "welch").p_value == pytest.approx(
        max(reference("people")[name, "welch", "above"], reference("people")[name, "welch", "below"]),
        rel=1e-8,
    )
    h = the(answer, "standardised_difference", "hedges_g")
    check(name, "hedges_g", {"estimate": h.estimate})
    # effectsize searches its limits to some 1e-5.
    check(name, "hedges_g", {"low": h.conf_low, "high": h.conf_high}, rel=2e-4)
    # Of the trial, whose values are drawn, one side is enough.
    for side in ("greater",) if name == "trial" else ("greater", "less"):
        one = two_groups(OUTCOMES[name][0], "treat", data=data, kind="continuous", alternative=side)
        check(name, "welch", {f"p_{side}": the(one, "difference", "welch").p_value})
        if name != "trial":
            check(name, "permutation", {side: the(one, "group_test", "permutation_exact").p_value})
            check(name, "mann_whitney", {side: the(one, "group_test", "mann_whitney_exact").p_value})
    if name != "trial":
        check(name, "permutation", {"two.sided": the(answer, "group_test", "permutation_exact").p_value})
        check(name, "mann_whitney", {"two.sided": the(answer, "group_test", "mann_whitney_exact").p_value})


@pytest.mark.parametrize("name", OUTCOMES)
def test_ordered_categories_equal_r(name):
    answer = two_groups(OUTCOMES[name][1], "treat", data=frame(name), kind="ordinal", scores=None)
    odds, fit = (the(answer, "proportional_odds_ratio", "wald"), the(answer, "proportional_odds_fit", "likelihood_ratio"))  # fmt: skip
    check(name, "proportional_odds", {"estimate": math.log(odds.estimate), "std_error": odds.std_error})
    check(name, "proportional_odds", {"lack_of_fit": fit.statistic}, rel=1e-6)
    score = the(answer, "score_difference", "welch")
    check(name, "score_difference", {"estimate": score.estimate, "p": score.p_value})
    check(name, "score_permutation", {"two.sided": the(answer, "group_test", "permutation_exact").p_value})


@pytest.mark.parametrize("name", ["people", "few"])
def test_unordered_categories_equal_r(name):
    answer = two_groups("path", "treat", data=frame(name), kind="nominal")
    chi = the(answer, "group_test", "chi_squared")
    whole = the(answer, "group_test", "freeman_halton_exact").p_value
    check(name, "nominal", {"statistic": chi.statistic, "p": chi.p_value, "fisher": whole})
    holm = answer.table[answer.table["term"] == "share_test"].set_index("category")["p_value"]
    check(name, "holm", holm.to_dict())


@pytest.mark.parametrize("name", OUTCOMES)
def test_counts_equal_r(name):
    exposure = None if name == "trial" else "months"
    answer = two_groups(
        OUTCOMES[name][2], "treat", data=frame(name), kind="count", exposure=exposure, margin=(0.8, 1.25)
    )
    ratio = the(answer, "rate_ratio", "conditional_exact")
    check(name, "rate_exact", {"estimate": ratio.estimate, "low": ratio.conf_low, "high": ratio.conf_high,
                               "p": the(answer, "group_test", "conditional_exact").p_value})  # fmt: skip
    both = [reference("people")[name, "rate_margin", m] for m in ("0.8", "1.25")]
    assert the(answer, "equivalence", "conditional_exact").p_value == pytest.approx(max(both), rel=1e-8)
    quasi = the(answer, "rate_ratio", "quasi_poisson")
    check(
        name,
        "quasi_poisson",
        {"estimate": math.log(quasi.estimate), "std_error": quasi.std_error, "p": quasi.p_value},
    )
    check(name, "rate_hc2", {"std_error": the(answer, "rate_ratio", "sandwich").std_error})


# ---- samples drawn with weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names("survey"))
def test_weighted_samples_equal_r(name):
    data, plan = name.split(" ")
    people = frame(data)
    design = {"weights": "weight"}
    if plan != "weights":
        design["cluster"] = "cluster"
    if plan == "strata":
        design["strata"] = "stratum"
    number, yes, count = (
        ("re78", "employed", "quarter") if data == "trial" else ("score", "placed", "contacts")
    )
    exposure = {} if data == "trial" else {"exposure": "months"}
    mean = two_groups(number, "treat", data=people, kind="continuous", **design)
    d = the(mean, "difference", "linearised")
    check(name, "mean_difference", {k: v for k, v in figures(d).items() if k != "std_error"}, "survey")
    assert d.statistic == pytest.approx(reference("survey")[name, "mean_difference", "statistic"], rel=1e-8)
    untied = people.assign(untied=people[number] + 1e-6 * np.arange(1, len(people) + 1))
    r = the(
        two_groups("untied", "treat", data=untied, kind="continuous", **design),
        "rank_difference",
        "lumley_scott",
    )
    check(
        name, "rank", {"estimate": r.estimate, "statistic": r.statistic, "df": r.df, "p": r.p_value}, "survey"
    )
    share = two_groups(yes, "treat", data=people, **design)
    s = the(share, "difference", "linearised")
    check(
        name, "share_difference", {"estimate": s.estimate, "statistic": s.statistic, "p": s.p_value}, "survey"
    )
    rate = two_groups(count, "treat", data=people, kind="count", **design, **exposure)
    for term, r in (
        ("risk_ratio", the(share, "risk_ratio", "linearised")),
        ("odds", the(share, "odds_ratio", "linearised")),
        ("rate_ratio", the(rate, "rate_ratio", "linearised")),
    ):
        check(name, term, {"estimate": math.log(r.estimate), "std_error": r.std_error}, "survey")
    if data == "people":
        path = the(two_groups("path", "treat", data=people, kind="nominal", **design), "group_test", "wald_f")
        check(name, "wald_f", {"statistic": path.statistic, "p": path.p_value}, "survey")
    for k, part in enumerate(("reference", "other")):
        for term, method in (("logit", "logit"), ("beta", "korn_graubard")):
            r = the(share, "proportion", method, part)
            check(name, f"{term}_{k}", {"low": r.conf_low, "high": r.conf_high}, "survey")
        for term, r in (
            ("mean", the(mean, "mean", "linearised", part)),
            ("rate", the(rate, "rate", "linearised", part)),
        ):
            check(name, f"{term}_{k}", {"estimate": r.estimate, "std_error": r.std_error}, "survey")


# ---- balance ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names("balance"))
def test_balance_equals_matchit(name):
    known = {key[1:]: v for key, v in reference("balance").items() if key[0] == name}
    weights = [v for (term, _), v in known.items() if term == "weights"]
    covariates = list(dict.fromkeys(term for term, _ in known if term != "weights"))
    people = frame(name).assign(subclass=weights)
    table = balance(people, "treat", covariates, weights="subclass").table.set_index("term")
    seen = 0
    for (term, what), value in known.items():
        if term == "weights" or np.isnan(value):
            continue
        assert table.loc[term, what] == pytest.approx(value, rel=1e-8, abs=1e-10), (term, what)
        seen += 1
    assert seen >= 25
