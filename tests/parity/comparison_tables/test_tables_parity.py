"""Paired shares, square tables and paired counts equal R (coin, sandwich, base) and the printed examples.

`scripts/reference.R` made the tables of `reference/`; `published.json` cites each source with the digits it prints.
"""

import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import pre_post
from evalkit.numerics import paired_proportions as shares
from evalkit.numerics import paired_rates as rates
from evalkit.numerics import square_tables as square
from evalkit.numerics.proportions import PairedCounts, tango_paired, tango_score

HERE = Path(__file__).parent
PUBLISHED = json.loads((HERE / "reference" / "published.json").read_text(encoding="utf-8"))


@cache
def reference(name):
    return pd.read_csv(HERE / "reference" / f"{name}.csv")


@cache
def table(name):
    cells = pd.read_csv(HERE / "inputs" / "square.csv")
    cells = cells[cells["name"] == name]
    return cells.pivot(index="before", columns="after", values="n").to_numpy()


def same(found, expected, rtol=1e-8):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=rtol, atol=1e-12)


def rows(frame):
    return [pytest.param(r, id="-".join(str(v) for v in list(r)[:4])) for r in frame.itertuples(index=False)]


@pytest.mark.parametrize("expected", rows(reference("square")))
def test_square_tables_equal_r(expected):
    counts = table(expected.name)
    homogeneity, symmetry = square.stuart_maxwell(counts), square.bowker(counts)
    same(homogeneity.statistic, expected.stuart_maxwell)
    assert homogeneity.df == expected.df
    if expected.p_stuart_maxwell > 0:  # R's package gives 0 below 1e-16
        same(homogeneity.p_value, expected.p_stuart_maxwell, rtol=1e-7)
    same(square.bhapkar(counts).statistic, expected.bhapkar)
    same(symmetry.statistic, expected.bowker)
    assert symmetry.df == expected.df_bowker
    same(symmetry.p_value, expected.p_bowker)


@pytest.mark.parametrize("expected", rows(reference("square").dropna(subset="exchange")))
def test_exchange_of_dates_equals_every_arrangement_listed_by_r_and_draws_of_coin(expected):
    shift, symmetry = square.exchanged(table(expected.name), np.random.default_rng(1))
    found = (shift.p_value, shift.mid_p, symmetry.p_value, symmetry.mid_p, shift.p_floor)
    same(
        found,
        [getattr(expected, c) for c in ("exchange", "exchange_mid_p", "symmetry", "symmetry_mid_p", "floor")],
    )
    error = math.sqrt(shift.p_value * (1 - shift.p_value) / 200_000)
    assert abs(expected.coin_drawn - shift.p_value) < 4 * error + 1e-5


@pytest.mark.parametrize("name", ["pathogens", "few", "apart", "arrives", "sparse", "diagnosis"])
def test_the_answer_carries_the_same_figures_by_category(name):
    counts = table(name)
    expected = reference("square").set_index("name").loc[name]
    before, after = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), len(counts))
    answer = pre_post(
        pd.Series(before).rename(lambda i: f"p{i}"), pd.Series(after).rename(lambda i: f"p{i}"), "nominal",
        order=range(len(counts)), selected_on="none",
    )  # fmt: skip
    made = {key: group["p_value"].tolist() for key, group in answer.table.groupby(["term", "method"])}
    statistic = answer.table.loc[answer.table["method"] == "stuart_maxwell", "statistic"].item()
    same(statistic, expected["stuart_maxwell"])
    same(made["homogeneity_test", "exchange_mid_p"], expected["exchange_mid_p"])
    for method, column in (("mcnemar_mid_p", "mid_p"), ("mcnemar_mid_p_holm", "holm")):
        listed = [float(v) if v.strip() != "NA" else math.nan for v in expected[column].split(";")]
        same(made["change_test", method], listed)


@pytest.mark.parametrize("expected", rows(reference("totals")))
def test_ratios_of_totals_equal_poisson_test(expected):
    totals = rates.Totals(expected.before, expected.after, expected.time_before, expected.time_after)
    same(rates.conditional_interval(totals, expected.conf_level), (expected.low, expected.high))
    same(
        rates.conditional_interval(totals, expected.conf_level, mid_p=True),
        (expected.mid_low, expected.mid_high),
    )
    same(rates.least_likely_test(totals)[0], expected.p_least_likely)
    same(rates.conditional_test(totals, "greater"), expected.p_greater)
    same(rates.conditional_test(totals, "less"), expected.p_less)
    same(rates.conditional_test(totals, "greater", mid_p=True), expected.mid_greater)
    same(rates.conditional_test(totals, "less", mid_p=True), expected.mid_less)
    both = (rates.conditional_test(totals, "greater", 0.8), rates.conditional_test(totals, "less", 1.25))
    same(max(both), expected.p_tost)


@pytest.mark.parametrize("expected", rows(reference("people")))
def test_the_robust_ratio_equals_a_clustered_poisson_regression(expected):
    people = pd.read_csv(HERE / "inputs" / "counts.csv")
    people = people[people["name"] == expected.name].set_index("person")
    times = (people["time_before"].iloc[0], people["time_after"].iloc[0])
    before, after = (people[c].rename(lambda i: f"p{i}") for c in ("before", "after"))
    made = pre_post(before, after, "count", exposure=times).table.set_index(["term", "method"])
    robust = made.loc[("rate_ratio", "robust")]
    same(robust["estimate"], math.exp(expected.log_ratio))
    same(robust["std_error"], math.exp(expected.log_ratio) * expected.std_error)
    spread = made.loc[("dispersion", "pearson")]
    same(spread[["estimate", "statistic", "df"]], (expected.dispersion, expected.pearson, expected.df))
    mean = made.loc[("mean_difference", "paired_t")]
    same(
        mean[["estimate", "conf_low", "conf_high"]],
        (expected.mean_difference, expected.t_low, expected.t_high),
    )


@pytest.mark.parametrize("expected", rows(reference("equivalence")))
def test_score_tests_of_margins_equal_a_likelihood_maximised_by_search(expected):
    counts = PairedCounts(*(int(getattr(expected, c)) for c in ("both", "lost", "gained", "neither")))
    same(tango_score(counts, expected.low), expected.z_low)
    np.testing.assert_allclose(tango_score(counts, expected.high), expected.z_high, rtol=1e-8, atol=1e-9)
    same(shares.tango_equivalence(counts, (expected.low, expected.high))[1], expected.p)


@pytest.mark.parametrize("case", PUBLISHED["shares"], ids=lambda c: f"{c['method']} {c['source'][-13:]}")
def test_intervals_of_shares_equal_the_printed_ones(case):
    low, high = getattr(shares, case["method"])(PairedCounts(*case["counts"]))
    assert [round(low, case["digits"]), round(high, case["digits"])] == [case["low"], case["high"]]


@pytest.mark.parametrize("case", PUBLISHED["margins"])
def test_the_score_test_of_a_margin_equals_the_printed_one(case):
    statistic, p = shares.tango_equivalence(PairedCounts(*case["counts"]), (case["low"], math.inf))
    assert (round(statistic, case["digits"]), round(p, case["digits"])) == (case["statistic"], case["p"])
    low, _ = tango_paired(PairedCounts(*case["counts"]), 0.9)
    assert (low > case["low"]) == (p < 0.05)


@pytest.mark.parametrize("case", PUBLISHED["squares"], ids=lambda c: c["table"])
def test_square_tables_equal_the_printed_statistics(case):
    found = {
        m: getattr(square, m)(table(case["table"])).statistic for m in ("stuart_maxwell", "bhapkar", "bowker")
    }
    asked = [m for m in found if m in case]
    assert [round(found[m], case["digits"]) for m in asked] == [case[m] for m in asked]
