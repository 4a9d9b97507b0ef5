"""Differences in differences, staggered starts and interrupted series equal R's and other packages' (see DATA.md)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import difference_in_differences, interrupted_time_series
from evalkit.comparison.dates import grouptime as gt
from evalkit.comparison.dates import serial
from evalkit.comparison.dates.segments import Segments

HERE = Path(__file__).parent
PACKAGES = json.loads((HERE / "reference" / "packages.json").read_text())


@cache
def reference():
    table = pd.read_csv(HERE / "reference" / "reference.csv", dtype={"term": str})
    return table.set_index(["case", "term", "what"])["value"]


def expected(case, term):
    return reference()[case][term].to_dict()


def load(name):
    return pd.read_csv(HERE / "inputs" / f"{name}.csv")


def rows(answer, **where):
    table = answer.tidy()
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def check(row, wanted, rtol=1e-8):
    for name, value in wanted.items():
        assert row[name] == pytest.approx(value, rel=rtol, abs=1e-12), name


def two_by_two(y="y", **options):
    kind = "binary" if y == "placed" else "continuous"
    return difference_in_differences(
        load("two_groups"), y, group="treated", time="date", post=2010, unit="id", kind=kind, **options
    )  # fmt: skip


def main(answer, method, part="pairs"):
    return rows(answer, term="difference_in_differences", part=part, method=method).iloc[0]


@pytest.mark.parametrize("y", ["y", "placed"])
def test_changes_equal_welch_estimatr_and_plm(y):
    found = main(two_by_two(y), "welch")
    check(found, expected(f"pairs_{y}", "welch"))
    check(found, expected(f"pairs_{y}", "hc2_estimatr"))
    assert found["estimate"] == pytest.approx(expected(f"pairs_{y}", "plm")["estimate"], rel=1e-8)


@pytest.mark.parametrize("y", ["y", "placed"])
@pytest.mark.parametrize(
    ("case", "method", "options"),
    [
        ("cr2", "cr2", {"cluster": "site"}),
        ("weighted_cr2", "cr2", {"cluster": "site", "weights": "weight"}),
        ("weighted_hc2", "hc2", {"weights": "weight"}),
        ("regression", "regression", {"adjust": "age"}),
        ("regression_cr2", "regression", {"adjust": "age", "cluster": "site"}),
    ],
)
def test_changes_by_cluster_weighted_and_adjusted_equal_clubsandwich(y, case, method, options):
    check(main(two_by_two(y, **options), method), expected(f"pairs_{y}", case))


def test_separate_samples_equal_estimatr_and_clubsandwich():
    data = load("two_groups").query("date in (2009, 2010)")
    ask = {"group": "treated", "time": "date"}
    plain = main(difference_in_differences(data, "y", **ask), "welch", "observed")
    check(plain, expected("cross", "hc2") | expected("cross", "welch"))
    answer = difference_in_differences(data, "y", cluster="site", adjust="age", **ask)
    check(main(answer, "cr2", "observed"), expected("cross", "cr2"))
    check(main(answer, "regression", "observed"), expected("cross", "regression"))


def test_all_answers_of_people_who_come_and_go_equal_clubsandwich():
    data = load("two_groups").query("kept == 1")
    answer = difference_in_differences(data, "y", group="treated", time="date", post=2010, unit="id")
    check(main(answer, "cr2_person", "observed"), expected("observed", "cr2_person"))


@pytest.mark.parametrize(("case", "cluster"), [("dates_id", None), ("dates_site", "site")])
def test_each_date_equals_clubsandwich(case, cluster):
    answer = two_by_two(cluster=cluster)
    for date in ("2008", "2010", "2011"):
        check(rows(answer, term="effect_at", time=date).iloc[0], expected(case, date))
    check(rows(answer, term="average_effect").iloc[0], expected(case, "average"))


@pytest.mark.parametrize("y", ["y", "placed"])
@pytest.mark.parametrize("cluster", ["id", "site"])
def test_joint_test_and_straight_line_equal_clubsandwich(y, cluster):
    answer = difference_in_differences(
        load("two_groups"), y, group="treated", time="date", post=2011, unit="id", cluster=cluster
    )
    check(rows(answer, term="pretrend_test").iloc[0], expected(f"late_{y}_{cluster}", "pretrend"))
    wanted = expected(f"late_{y}_{cluster}", "line")
    by_regression = wanted.pop("of_regression")
    found = rows(answer, term="effect_if_trend_goes_on").iloc[0]
    check(found, wanted)
    assert found["estimate"] == pytest.approx(by_regression, rel=1e-8)


def nsw(**options):
    long = load("nsw").melt(
        id_vars=["id", "treat", "age", "educ", "black"],
        value_vars=["re75", "re78"],
        var_name="year",
        value_name="earned",
    )
    return difference_in_differences(
        long, "earned", group="treat", time="year", post="re78", unit="id", **options
    )


def test_nsw_equals_welch_and_regression():
    answer = nsw(adjust="age + educ + black")
    check(main(answer, "welch"), expected("nsw", "welch"))
    check(main(answer, "regression"), expected("nsw", "regression"))
    assert round(main(answer, "welch")["estimate"]) == 1529


@pytest.mark.parametrize("case", ["nsw", "two_groups", "two_groups_weighted"])
def test_doubly_robust_equals_drdid(case):
    if case == "nsw":
        answer = nsw(adjust="age + educ + black")
    else:
        data = load("two_groups").query("date in (2009, 2010)")
        weights = "weight" if case.endswith("weighted") else None
        answer = difference_in_differences(
            data, "y", group="treated", time="date", unit="id", adjust="age", weights=weights
        )
    wanted = PACKAGES[f"{case}/doubly_robust"]
    found = main(answer, "doubly_robust")
    assert found["estimate"] == pytest.approx(wanted["att"], rel=1e-8)
    # drdid's error is the standard deviation of the influence, whose mean is 0: the same sum over n(n - 1).
    assert found["std_error"] == pytest.approx(wanted["error"], rel=1e-8)
    regression = main(answer, "regression")
    assert regression["estimate"] == pytest.approx(PACKAGES[f"{case}/regression"]["att"], rel=1e-8)


def test_one_treated_state_has_a_difference_and_no_test():
    # Huntington-Klein, The Effect, ch. 18: -0.022; he prints a standard error by state all the same.
    from causaldata import organ_donations

    data = organ_donations.load_pandas().data
    data["California"] = (data["State"] == "California").astype(int)
    answer = difference_in_differences(
        data, "Rate", group="California", time="Quarter_Num", post=4, unit="State"
    )
    table = rows(answer, term="difference_in_differences")
    assert round(table.iloc[0]["estimate"], 3) == -0.022
    assert table["p_value"].isna().all()
    assert table.iloc[1]["status"] == "not_estimable"


# ---- staggered starts --------------------------------------------------------------------------------------------------

STAGGERED = [key for key in PACKAGES if key.count("/") == 2]


@pytest.mark.parametrize("key", STAGGERED)
def test_group_time_effects_and_averages_equal_csdid(key):
    name, group, base = key.split("/")
    controls = "never" if group == "nevertreated" else "not_yet"
    data = load(name)
    wide = data.pivot(index=["unit", "start"], columns="date", values="y").reset_index()
    start = wide["start"].to_numpy()
    panel = gt.Panel(wide[list(range(1, 7))].to_numpy(), np.where(start == 0, 6, start - 1), 6)
    made = gt.cells(panel, controls, "previous" if base == "varying" else "last", few=False)
    wanted = PACKAGES[key]

    def error(average):
        return np.sqrt(average.influence @ average.influence) / len(start)

    cells = pd.DataFrame(wanted["cells"])
    cells = cells[np.isfinite(cells["se"])].reset_index(drop=True)
    mine = pd.DataFrame({"group": made.start + 1.0, "year": made.date + 1.0, "att": made.effect})
    mine["se"] = np.sqrt((made.influence**2).sum(axis=0)) / len(start)
    pd.testing.assert_frame_equal(
        mine.sort_values(["group", "year"]).reset_index(drop=True),
        cells.sort_values(["group", "year"]).reset_index(drop=True), rtol=1e-8, check_dtype=False,
    )  # fmt: skip
    lengths, starts = gt.since_start(panel, made), gt.by_start(panel, made)
    overall = {
        "simple": gt.by_size(panel, made, made.after),
        "group": gt.over_starts(panel, starts),
        "dynamic": gt.evenly([a for e, a in lengths.items() if e >= 0]),
    }
    for kind, average in overall.items():
        assert average.effect == pytest.approx(wanted[kind]["att"], rel=1e-8)
        assert error(average) == pytest.approx(wanted[kind]["se"], rel=1e-8)
    for kind, found, shift in (("group", starts, -1), ("dynamic", lengths, 0)):
        told = zip(wanted[kind]["at"], wanted[kind]["att_at"], wanted[kind]["se_at"], strict=True)
        for at, att, se in told:
            if np.isfinite(se):
                assert found[int(at) + shift].effect == pytest.approx(att, rel=1e-8)
                assert error(found[int(at) + shift]) == pytest.approx(se, rel=1e-8)


# ---- interrupted series --------------------------------------------------------------------------------------------------

COLUMNS = {
    "slope_before": "T", "level_change": "D{}", "slope_change": "R{}",
}  # fmt: skip


def compare_series(
    answer, case, suffix="", ratio=False, methods=("ar1_reml", "newey_west"), part="series", starts=1
):
    for term, column in COLUMNS.items():
        for k in range(1, starts + 1):
            for method in methods:
                short = {"ar1_reml": "reml", "newey_west": "nw"}.get(method, "quasi")
                wanted = expected(case, f"{short}_{column.format(k)}")
                found = rows(answer, term=term + suffix, part=part, method=method)
                found = found.iloc[0] if term == "slope_before" else found.iloc[k - 1]
                # R finds the maximum of the restricted likelihood, flat there, to about 1e-7 in rho; see the test at its own rho.
                model = method == "ar1_reml"
                if "estimate" in wanted:
                    value = np.log(found["estimate"]) if ratio else found["estimate"]
                    near = 1e-5 * wanted["std_error"] if model else 1e-8 * abs(wanted["estimate"])
                    assert abs(value - wanted["estimate"]) <= near
                assert found["std_error"] == pytest.approx(wanted["std_error"], rel=1e-5 if model else 1e-8)
    model = rows(answer, term="autoregression", part=part).iloc[0]
    assert model["estimate"] == pytest.approx(expected(case, "reml")["rho"], abs=2e-6)


def test_the_nile_at_one_and_two_interruptions_equals_nlme_and_sandwich():
    nile = load("nile")
    one = interrupted_time_series(nile, "volume", time="year", start=1899, lag=4)
    compare_series(one, "nile")
    wanted = expected("nile", "ols")
    assert rows(one, term="durbin_watson").iloc[0]["estimate"] == pytest.approx(
        wanted["durbin_watson"], rel=1e-8
    )
    assert rows(one, term="autocorrelation_1").iloc[0]["estimate"] == pytest.approx(wanted["acf1"], rel=1e-8)
    two = interrupted_time_series(nile, "volume", time="year", start=[1899, 1930], lag=3)
    compare_series(two, "nile_two", starts=2)


def test_months_without_a_gap_equal_sandwich():
    run = load("monthly").query("18 <= index <= 32")
    compare_series(interrupted_time_series(run, "y", time="month", start="2011-05-01", lag=2), "monthly_run")


def test_months_with_gaps_season_and_control_equal_nlme():
    data = load("monthly")
    answer = interrupted_time_series(data, "y", time="month", start="2011-05-01", season=(12, 1), lag=3)
    compare_series(answer, "monthly", methods=("ar1_reml",))
    compared = interrupted_time_series(data, "y", time="index", start=28, control="control")
    compare_series(compared, "monthly_gap", methods=("ar1_reml",), part="against_control")


def test_counts_shares_and_ratios_equal_glm_sandwich_and_the_working_model():
    data = load("monthly")
    # sandwich's Newey-West knows no gaps.
    some = {"methods": ("ar1_reml", "quasi"), "ratio": True}
    visits = interrupted_time_series(
        data, "visits", time="month", start="2011-05-01", kind="count", denominator="population",
        control="other_visits", control_denominator="other_population",
    )  # fmt: skip
    shares = interrupted_time_series(
        data, "visits", time="month", start="2011-05-01", kind="share", denominator="population"
    )
    for answer, case, suffix, part, method in (
        (visits, "visits", "_ratio", "series", "quasi_poisson"),
        (visits, "ratio", "_ratio", "against_control", "quasi_binomial"),
        (shares, "shares", "_odds", "series", "quasi_binomial"),
    ):
        compare_series(answer, case, suffix, part=part, **some | {"methods": ("ar1_reml", method)})
        spread = rows(answer, term="dispersion", part=part).iloc[0]["estimate"]
        assert spread == pytest.approx(expected(case, "dispersion")["value"], rel=1e-8)


def test_few_counts_with_two_interruptions_equal_glm_and_sandwich():
    answer = interrupted_time_series(
        load("weekly"), "calls", time="week", start=[14, 25], kind="count", lag=3
    )
    methods = ("ar1_reml", "newey_west", "quasi_poisson")
    compare_series(answer, "weekly", "_ratio", ratio=True, methods=methods, starts=2)


@pytest.mark.parametrize(("case", "starts"), [("nile", (1899,)), ("nile_two", (1899, 1930))])
def test_at_the_same_autocorrelation_coefficients_equal_nlme_to_the_last_digits(case, starts):
    nile = load("nile")
    place = (nile["year"] - 1871).to_numpy()
    x = Segments(tuple(s - 1871 for s in starts)).matrix(place)
    rho = expected(case, "reml")["rho"]
    _, beta, variance = serial._restricted(x, nile["volume"].to_numpy(float), place, rho)
    error = np.sqrt(variance * np.diag(serial._bread(x, place, rho)))
    names = ["(Intercept)", "T", *(f"{letter}{k + 1}" for k in range(len(starts)) for letter in "DR")]
    for k, name in enumerate(names):
        wanted = expected(case, f"reml_{name}")
        assert [beta[k], error[k]] == pytest.approx([wanted["estimate"], wanted["std_error"]], rel=1e-8)
