"""Exact p-values by counting every arrangement, floors, and what happens at the edges."""

import itertools
import math
import sys

import pytest

from evalkit.errors import InputError
from evalkit.numerics import proportions as prop


def brute(lost, gained, alternative, mid):
    """Count the 2^m ways in which m people who changed could have changed."""
    m = lost + gained
    seen = gained
    distance = abs(seen - m / 2)
    more = same = 0
    for ways in itertools.product((0, 1), repeat=m):
        k = sum(ways)
        further = {
            "two-sided": abs(k - m / 2) > distance,
            "greater": k > seen,
            "less": k < seen,
        }[alternative]
        equal = abs(k - m / 2) == distance if alternative == "two-sided" else k == seen
        more += further
        same += equal and not further
    return (more + same / (2 if mid else 1)) / 2**m


@pytest.mark.parametrize("alternative", prop.ALTERNATIVES)
def test_exact_and_mid_p_equal_the_count_of_every_arrangement(alternative):
    for lost, gained in itertools.product(range(7), repeat=2):
        if lost + gained == 0:
            continue
        exact = prop.mcnemar_exact(lost, gained, alternative)
        mid = prop.mcnemar_mid_p(lost, gained, alternative)
        assert exact == pytest.approx(brute(lost, gained, alternative, mid=False), abs=1e-14)
        assert mid == pytest.approx(brute(lost, gained, alternative, mid=True), abs=1e-14)


@pytest.mark.parametrize("alternative", prop.ALTERNATIVES)
@pytest.mark.parametrize("mid", [False, True])
def test_the_floor_is_the_least_p_over_every_answer(alternative, mid):
    test = prop.mcnemar_mid_p if mid else prop.mcnemar_exact
    for m in range(1, 9):
        least = min(test(m - k, k, alternative) for k in range(m + 1))
        assert prop.mcnemar_floor(m, alternative, mid) == pytest.approx(least, rel=1e-12)


def test_a_p_value_is_never_zero_however_many_people_changed():
    for p in (
        prop.mcnemar_exact(0, 5000),
        prop.mcnemar_mid_p(0, 5000),
        prop.mcnemar_asymptotic(0, 5000)[1],
        prop.mcnemar_exact(0, 5000, "greater"),
    ):
        assert p == sys.float_info.min


def test_without_change_only_the_exact_test_has_a_p_value():
    assert prop.mcnemar_exact(0, 0) == 1
    assert math.isnan(prop.mcnemar_mid_p(0, 0))
    assert all(math.isnan(v) for v in prop.mcnemar_asymptotic(0, 0))


def test_without_change_the_score_interval_has_a_closed_form():
    # Tango 1998: z^2 / (n + z^2) on each side.
    z2 = 1.959963984540054**2
    for n in (1, 5, 79):
        low, high = prop.tango_paired(prop.PairedCounts(n, 0, 0, 0))
        assert (-low, high) == pytest.approx((z2 / (n + z2),) * 2, abs=1e-12)


def test_no_pair_gives_no_interval():
    nobody = prop.PairedCounts(0, 0, 0, 0)
    assert all(math.isnan(v) for v in (*prop.tango_paired(nobody), *prop.newcombe_paired(nobody)))
    assert all(math.isnan(v) for v in (*prop.wilson(0, 0), *prop.clopper_pearson(0, 0), nobody.difference))


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="lost"):
        prop.PairedCounts(1, -1, 0, 0)
    with pytest.raises(InputError, match="alternative must be one of"):
        prop.mcnemar_exact(1, 2, "bigger")
    with pytest.raises(InputError, match="conf_level"):
        prop.wilson(1, 2, 95)
