"""Cluster-robust covariance: large clusters, blocks, collinear columns, and where there is no precision to be had."""

import math
import pickle

import numpy as np
import pytest

from evalkit.errors import InputError
from evalkit.numerics.clustered import adjusting, least_squares, sandwich
from evalkit.numerics.clustered.roots import inverse_root, inverse_root_times

TWO_ARMS = np.column_stack([np.ones(8), [0, 0, 0, 0, 0, 0, 1, 1]])
Y = np.array([1.0, 2, 3, 4, 5, 6, 9, 8])
FOUR = [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("target", [None, "own"])
def test_a_large_cluster_needs_no_matrix_as_wide_as_itself(monkeypatch, target):
    rng = np.random.default_rng(0)
    n = 300
    cluster = np.repeat([0, 1, 2, 3], [40, 60, 100, 100])
    x = np.column_stack([np.ones(n), cluster == 0, rng.normal(size=n)])
    e, w = rng.normal(size=n), rng.uniform(0.1, 3, n)
    phi = None if target is None else rng.uniform(0.5, 2, n)
    fits = []
    for written in (10**6, 5):
        monkeypatch.setattr(adjusting, "_WRITTEN", written)
        fits.append(sandwich(x, e, cluster, coef=np.zeros(3), weight=w, target=phi))
    assert fits[0].covariance == pytest.approx(fits[1].covariance, rel=1e-9)
    assert fits[0].contrast("x2").df == pytest.approx(fits[1].contrast("x2").df, rel=1e-9)


def test_the_inverse_root_by_resolvents_is_that_of_the_eigenvalues():
    rng = np.random.default_rng(1)
    d = rng.uniform(0.05, 2, 30)
    y = np.linalg.qr(rng.normal(size=(30, 2)))[0] * 0.2
    columns = rng.normal(size=(30, 3))
    direct = inverse_root(np.diag(d) - y @ y.T) @ columns
    assert inverse_root_times(d, y, -np.eye(2), columns, np.zeros((30, 0)), 1e-6) == pytest.approx(
        direct, rel=1e-10
    )


def test_a_hundred_thousand_people_in_four_clusters_take_no_time():
    rng = np.random.default_rng(2)
    n = 100_000
    cluster = rng.integers(0, 4, n)
    x = np.column_stack([np.ones(n), cluster % 2, rng.normal(size=n)])
    fit = least_squares(rng.normal(size=n) + cluster, x, None, cluster)
    assert 1.9 < fit.contrast("x1").df < 2.1


def test_blocks_that_are_diagonal_equal_weights():
    rng = np.random.default_rng(3)
    cluster = rng.integers(0, 9, 60)
    x = np.column_stack([np.ones(60), rng.normal(size=60)])
    e, w = rng.normal(size=60), rng.uniform(0.5, 2, 60)
    order = list(dict.fromkeys(cluster))
    blocks = [np.diag(w[cluster == k]) for k in order]
    plain = sandwich(x, e, cluster, coef=np.zeros(2), weight=w)
    for weight, target in ((blocks, None), (w, [np.linalg.inv(b) for b in blocks]), (blocks, 1 / w)):
        full = sandwich(x, e, cluster, coef=np.zeros(2), weight=weight, target=target)
        assert full.covariance == pytest.approx(plain.covariance, rel=1e-10)
        assert full.contrast("x1").df == pytest.approx(plain.contrast("x1").df, rel=1e-10)
    unweighted = sandwich(x, e, cluster, coef=np.zeros(2))
    only_target = sandwich(x, e, cluster, coef=np.zeros(2), target=[np.eye(len(b)) for b in blocks])
    assert only_target.covariance == pytest.approx(unweighted.covariance, rel=1e-10)


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR1S", "CR2", "CR3", "KC"])
def test_one_treated_cluster_has_no_standard_error_whatever_the_formula(kind):
    found = least_squares(Y, TWO_ARMS, None, FOUR, kind).contrast("x1")
    assert found.estimate == pytest.approx(5.0)
    assert found.reason == "one_cluster_alone"
    assert math.isnan(found.std_error)
    assert math.isnan(found.p_value())
    assert all(math.isnan(end) for end in found.interval())


def test_one_cluster_per_arm_one_cluster_in_all_and_a_perfect_fit():
    assert (
        least_squares(Y, TWO_ARMS, None, [0] * 6 + [1] * 2, "CR1").contrast("x1").reason
        == "one_cluster_alone"
    )
    assert least_squares(Y, TWO_ARMS, None, [0] * 8).contrast("x0").reason == "one_cluster_alone"
    perfect = least_squares(2 + 3 * TWO_ARMS[:, 1], TWO_ARMS, None, [1, 1, 2, 2, 3, 3, 4, 5])
    assert perfect.contrast("x1").reason == "no_spread"
    assert perfect.contrast("x1").estimate == pytest.approx(3)
    assert perfect.wald(["x1"]).reason == "no_spread"


def test_a_person_alone_on_a_column_has_no_standard_error_by_any_hc():
    x = np.column_stack([np.ones(8), np.eye(8)[3]])
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        assert least_squares(Y, x, kind=kind).contrast("x1").reason == "one_cluster_alone"
        assert least_squares(Y, x, kind=kind).contrast("x0").std_error > 0


def test_collinear_columns_are_named_and_change_nothing_else():
    x = np.column_stack([TWO_ARMS, 1 - TWO_ARMS[:, 1], [1, 2, 3, 4, 5, 6, 7, 9]])
    cluster = [1, 1, 2, 2, 3, 3, 4, 5]
    fit = least_squares(Y, x, None, cluster, names=["one", "treat", "rest", "age"])
    alone = least_squares(Y, x[:, [0, 1, 3]], None, cluster, names=["one", "treat", "age"])
    assert fit.aliased == ("rest",)
    assert fit.rank == 3
    assert math.isnan(fit.coef[2])
    assert fit.contrast("rest").reason == "aliased"
    assert fit.wald(["rest", "age"]).reason == "aliased"
    one, other = fit.contrast("treat"), alone.contrast("treat")
    assert [one.estimate, one.std_error, one.df] == pytest.approx(
        [other.estimate, other.std_error, other.df], rel=1e-12
    )


def test_fixed_effects_of_clusters_leave_contrasts_within_them():
    rng = np.random.default_rng(4)
    cluster, treat = rng.integers(0, 6, 60), rng.integers(0, 2, 60)
    x = np.column_stack([cluster[:, None] == np.arange(6), treat]).astype(float)
    fit = least_squares(rng.normal(size=60), x, rng.uniform(1, 2, 60), cluster)
    assert fit.contrast("x6").reason is None
    assert fit.contrast("x0").reason == "one_cluster_alone"


def test_the_df_of_hc2_is_bell_and_mccaffrey_for_two_groups():
    x = np.column_stack([np.ones(12), [0] * 4 + [1] * 8])
    found = least_squares(np.arange(12.0) ** 1.5, x).contrast([0, 1])
    want = (1 / 4 + 1 / 8) ** 2 / (1 / (4**2 * 3) + 1 / (8**2 * 7))
    assert found.df == pytest.approx(want, rel=1e-12)


def test_weights_of_zero_are_rows_left_out_and_their_scale_means_nothing():
    w = np.array([1, 2, 0, 3, 1, 1, 2, 0.0])
    x = np.column_stack([np.ones(8), [0, 1, 0, 1, 0, 1, 1, 0]])
    one = least_squares(Y, x, w, FOUR)
    kept = w > 0
    other = least_squares(Y[kept], x[kept], 7 * w[kept], np.array(FOUR)[kept])
    assert one.n == 6
    assert one.covariance == pytest.approx(other.covariance, rel=1e-12)
    assert one.contrast("x1").df == pytest.approx(other.contrast("x1").df, rel=1e-12)


def test_one_contrast_by_f_is_its_t_squared():
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
    fit = least_squares(rng.normal(size=40), x, None, np.repeat(range(8), 5))
    one, test = fit.contrast("x1"), fit.wald(["x1"])
    assert test.statistic == pytest.approx(one.statistic**2, rel=1e-10)
    assert test.df_den == pytest.approx(one.df, rel=1e-10)
    assert test.p_value == pytest.approx(one.p_value(), rel=1e-10)
    assert one.p_value(alternative="greater") + one.p_value(alternative="less") == pytest.approx(1)


def test_too_many_contrasts_for_the_clusters_are_refused():
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 4))])
    fit = least_squares(rng.normal(size=40), x, None, np.repeat(range(4), 10))
    found = fit.wald(["x1", "x2", "x3", "x4"])
    assert found.reason == "few_clusters"
    assert math.isnan(found.p_value)
    with pytest.raises(InputError, match="follow from the others"):
        fit.wald(["x1", "x1"])


def test_a_huge_effect_has_a_p_above_zero_and_fits_pickle():
    x = np.column_stack([np.ones(400), np.arange(400) % 2])
    fit = least_squares(1e6 * x[:, 1] + np.sin(np.arange(400.0)), x)
    assert 0 < fit.contrast("x1").p_value() < 1e-300
    assert 0 < fit.wald(["x0", "x1"]).p_value < 1e-300
    assert pickle.loads(pickle.dumps(fit)).contrast("x1") == fit.contrast("x1")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: least_squares(Y, TWO_ARMS, None, [None, *FOUR[1:]]), "missing in 1 of 8"),
        (lambda: least_squares(Y, TWO_ARMS, None, FOUR[:5]), "5 clusters"),
        (lambda: least_squares(Y, TWO_ARMS, None, FOUR, "HC2"), "kind"),
        (lambda: least_squares(Y, TWO_ARMS, kind="CR2"), "kind"),
        (lambda: least_squares(Y[:4], TWO_ARMS), "as many rows"),
        (lambda: least_squares(Y * np.nan, TWO_ARMS), "no finite numbers"),
        (lambda: least_squares(Y, TWO_ARMS, -np.ones(8)), "none negative"),
        (lambda: least_squares(Y, TWO_ARMS, np.zeros(8)), "some above 0"),
        (lambda: least_squares(Y, np.zeros((8, 1))), "every column is zero"),
        (lambda: least_squares(Y, TWO_ARMS, weights_are="odd"), "weights_are"),
        (lambda: least_squares(Y, TWO_ARMS).contrast("age"), "no coefficient 'age'"),
        (lambda: least_squares(Y, TWO_ARMS).contrast([1, 2, 3]), "needs 2 weights"),
        (lambda: sandwich(TWO_ARMS, Y, FOUR, coef=np.zeros(2), weight=-np.ones(8)), "none negative"),
        (lambda: sandwich(TWO_ARMS, Y, FOUR, coef=np.zeros(2), weight=np.zeros(8)), "above 0"),
        (lambda: sandwich(TWO_ARMS, Y, FOUR, coef=np.zeros(2), weight=[np.eye(3)] * 4), "one square block"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(ask, said):
    with pytest.raises(InputError, match=said):
        ask()
    assert said
