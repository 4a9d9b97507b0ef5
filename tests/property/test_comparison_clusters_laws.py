"""Laws of clusters and draws: names and order of people change nothing, swapping arms flips signs, exact equals brute force."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit as ek
from evalkit.numerics.clustered import least_squares

compare = ek.comparison
outcomes = st.lists(st.integers(0, 6), min_size=24, max_size=24)
slow = settings(max_examples=15, deadline=None)
slower = settings(max_examples=5, deadline=None)


def table(values, clusters=6):
    site = np.arange(24) % clusters
    return pd.DataFrame({
        "y": np.array(values, dtype=float) + np.arange(24) % 7 / 10, "site": site, "treat": site % 2,
        "x": np.arange(24) * 5 % 11, "pair": site // 2,
    })  # fmt: skip


def asked(data):
    lot = {"assignment": "cluster", "cluster": "site"}
    return [
        compare.cluster_regression(data, "y", "treat + x", "site"),
        compare.randomisation_test(data, "y", "treat", **lot),
        compare.randomisation_test(data, "y", "treat", statistic="studentised", **lot),
        compare.randomisation_test(data, "y", "treat", statistic="rank_sum", **lot),
        compare.randomisation_test(
            data, "y", "treat", assignment="stratified cluster", cluster="site", strata="pair"
        ),
        compare.wild_cluster_bootstrap(data, "y", "treat + x", "site"),
        compare.intracluster_correlation(data, "y", "site", treatment="treat"),
    ]


FIGURES = ["estimate", "std_error", "statistic", "df", "p_value", "p_floor", "conf_low", "conf_high"]


@slower
@given(outcomes, st.permutations(range(24)), st.permutations("abcdef"))
def test_order_and_names_change_nothing(values, order, names):
    data = table(values)
    moved = data.iloc[order].assign(
        site=lambda d: d["site"].map(dict(enumerate(names))), pair=lambda d: d["pair"].map("p{}".format)
    )
    for one, other in zip(asked(data), asked(moved), strict=True):
        assert one.table["status"].tolist() == other.table["status"].tolist()
        np.testing.assert_allclose(
            one.table[FIGURES].astype(float), other.table[FIGURES].astype(float), rtol=1e-6, atol=1e-9
        )


@slower
@given(outcomes)
def test_swapping_arms_flips_signs(values):
    data = table(values)
    for one, other in zip(asked(data)[:5], asked(data.assign(treat=1 - data["treat"]))[:5], strict=True):
        a, b = (answer.table.drop_duplicates("term").set_index("term").loc for answer in (one, other))
        term = "treat" if "treat" in one.table["term"].tolist() else "shift_difference"
        test = "treat" if term == "treat" else "lot_test"
        assert a[test, "p_value"] == pytest.approx(b[test, "p_value"], rel=1e-9)
        np.testing.assert_allclose(
            [a[term, "estimate"], a[term, "conf_low"]], [-b[term, "estimate"], -b[term, "conf_high"]], rtol=1e-6, atol=1e-9
        )  # fmt: skip


@slower
@given(outcomes, st.floats(0.1, 50), st.floats(-100, 100))
def test_scale_and_origin_of_the_outcome_leave_p_alone(values, scale, origin):
    data = table(values)
    moved = data.assign(y=origin + scale * data["y"])
    for one, other in zip(asked(data)[:6], asked(moved)[:6], strict=True):
        np.testing.assert_allclose(
            one.table.loc[one.table["term"] != "intercept", "p_value"].astype(float),
            other.table.loc[other.table["term"] != "intercept", "p_value"].astype(float), rtol=1e-6,
        )  # fmt: skip


@slow
@given(st.lists(st.integers(0, 5), min_size=4, max_size=8), st.data())
def test_all_draws_equal_brute_force(values, data):
    n = len(values)
    m = data.draw(st.integers(1, n - 1))
    y, z = np.array(values, dtype=float), np.arange(n) < m
    answer = compare.randomisation_test(pd.DataFrame({"y": y, "z": z.astype(int)}), "y", "z")

    def gap(chosen):
        inside = np.isin(np.arange(n), chosen)
        return abs(y[inside].mean() - y[~inside].mean())

    all_gaps = np.array([gap(c) for c in combinations(range(n), m)])
    seen = gap(range(m))
    found = answer.table.set_index("term").loc["lot_test", "p_value"]
    assert found == pytest.approx((all_gaps >= seen - 1e-9).mean())


@slow
@given(outcomes, st.integers(2, 5))
def test_people_repeated_within_clusters_change_no_cluster_variance_but_cr0(values, times):
    data = table(values)
    x = np.column_stack([np.ones(24), data["treat"], data["x"]])
    once = least_squares(data["y"], x, None, data["site"], "CR0")
    again = least_squares(
        np.tile(data["y"], times), np.tile(x, (times, 1)), None, np.tile(data["site"], times), "CR0"
    )
    weighted = least_squares(data["y"], x, np.full(24, float(times)), data["site"], "CR0")
    np.testing.assert_allclose(once.covariance, again.covariance, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(once.covariance, weighted.covariance, rtol=1e-8, atol=1e-12)


@slow
@given(outcomes)
def test_cr2_equals_cr0_with_one_constant_and_equal_clusters_but_for_g_over_g_minus_one(values):
    y = table(values)["y"]
    sites = np.arange(24) % 6
    kinds = [
        least_squares(y, np.ones((24, 1)), None, sites, kind).covariance[0, 0]
        for kind in ("CR0", "CR1", "CR2", "CR3")
    ]
    assert kinds[1] == pytest.approx(kinds[2], rel=1e-9)
    assert kinds[1] == pytest.approx(kinds[0] * 6 / 5, rel=1e-9)
    assert kinds[3] == pytest.approx(kinds[0] * 36 / 25, rel=1e-9)
