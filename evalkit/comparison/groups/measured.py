"""Rows of two groups compared on a number: means, shift, superiority, standardised difference, permutation and rank tests.

Not for weighted samples, nor for yes/no outcomes written as numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.groups.made import PARTS, Made, margin_rows, none_rows, obstacle
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.numerics import two_means as two
from evalkit.numerics.ranks import rank_sum, superiority
from evalkit.wording import Message, message


def rows_of(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows."""
    x, y = groups.split(groups.outcome)
    means = [r for part, values in zip(PARTS, (x, y), strict=True) for r in mean_rows(part, values, plan)]
    if stop := obstacle(groups):
        return Made([*none_rows({"difference": "welch"}, groups.n, stop), *means])
    rows = [*mean_difference(x, y, plan, "difference"), *_ranks(x, y, plan), *superiority_rows(x, y, plan)]
    rows += [*_standardised(x, y, plan), *permutation_rows(x, y, plan)]
    return Made([*rows, *means])


def mean_difference(x: np.ndarray, y: np.ndarray, plan: GroupPlan, term: str) -> list[dict[str, Any]]:
    """Return the difference of means with Welch's interval and test, and the tests of its margins."""
    found, n = two.welch(x, y, plan.conf_level, plan.alternative), len(x) + len(y)
    if math.isnan(found.std_error):
        reason = _no_spread(x, y)
        made = [row(term, "", "welch", estimate=found.estimate, n=n, ok=False, reason=reason)]
        return made + (none_rows({"equivalence": "welch"}, n, reason) if plan.margin else [])
    rows = [row(
        term, "", "welch", estimate=found.estimate, std_error=found.std_error, statistic=found.statistic, df=found.df,
        p_value=found.p_value, conf_low=found.low, conf_high=found.high, conf_level=plan.conf_level, n=n,
    )]  # fmt: skip
    if plan.margin is not None:
        above, below = found.tail(plan.margin[0], True), found.tail(plan.margin[1], False)
        figures = {"estimate": found.estimate, "df": found.df}
        rows += margin_rows(above, below, plan, "welch", figures, n)
    return rows


def _no_spread(x: np.ndarray, y: np.ndarray) -> Message:
    """Return why a mean has no precision."""
    key = "group_of_one" if min(len(x), len(y)) < 2 else "no_spread"
    return message(f"comparison_groups.{key}")


def _ranks(x: np.ndarray, y: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    found, n = rank_sum(x, y, plan.alternative, plan.conf_level), len(x) + len(y)
    shift = found.shift
    reason = None
    if shift.level_achieved < plan.conf_level:
        reason = message(
            "comparison_groups.level_not_reached", level=shift.level_achieved, asked=plan.conf_level
        )
    rows = [row(
        "shift", "", "hodges_lehmann", estimate=shift.estimate, conf_low=shift.conf_low, conf_high=shift.conf_high,
        conf_level=plan.conf_level, level_achieved=shift.level_achieved, n=n, reason=reason,
    )]  # fmt: skip
    return [*rows, rank_test(found, n)]


def rank_test(found: Any, n: int) -> dict[str, Any]:
    """Return the row of the Mann-Whitney test."""
    reason = message("comparison_groups.all_alike") if math.isnan(found.z) else None
    return row(
        "group_test", "", f"mann_whitney_{found.method}", statistic=found.statistic, p_value=found.p_value,
        p_floor=found.p_floor, n=n, reason=reason,
    )  # fmt: skip


def superiority_rows(x: np.ndarray, y: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    """Return the chance that somebody of the other group lies above somebody of the reference, equal ones for half."""
    found, n = superiority(x, y, plan.conf_level, plan.alternative), len(x) + len(y)
    rows = [row(
        "superiority", "", "newcombe_5", estimate=found.estimate, conf_low=found.newcombe_low,
        conf_high=found.newcombe_high, conf_level=plan.conf_level, n=n,
    )]  # fmt: skip
    if math.isnan(found.p_value):
        alike = np.ptp(np.concatenate([x, y])) == 0
        key = "no_spread" if alike else "group_of_one" if min(len(x), len(y)) < 2 else "placements_alike"
        return [
            *rows,
            missing_row("superiority", "", "brunner_munzel", n, message(f"comparison_groups.{key}")),
        ]
    return [*rows, row(
        "superiority", "", "brunner_munzel", estimate=found.estimate, std_error=found.std_error, statistic=found.statistic,
        df=found.df, p_value=found.p_value, conf_low=found.low, conf_high=found.high, conf_level=plan.conf_level, n=n,
    )]  # fmt: skip


def _standardised(x: np.ndarray, y: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    estimate, low, high = two.hedges_g(x, y, plan.conf_level)
    n = len(x) + len(y)
    if math.isnan(estimate):
        key = "no_spread" if n > 3 else "too_few_to_standardise"
        return none_rows({"standardised_difference": "hedges_g"}, n, message(f"comparison_groups.{key}"))
    return [row(
        "standardised_difference", "", "hedges_g", estimate=estimate, conf_low=low, conf_high=high,
        conf_level=plan.conf_level, n=n,
    )]  # fmt: skip


def permutation_rows(x: np.ndarray, y: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    """Return the permutation test of the difference of means."""
    found = two.permutation(x, y, plan.alternative, plan.seed)
    reason = None
    if np.ptp(np.concatenate([x, y])) == 0:
        reason = message("comparison_groups.all_alike")
    elif found.draws:
        reason = message("comparison_groups.drawn", draws=found.draws, seed=plan.seed)
    return [row(
        "group_test", "", f"permutation_{found.method}", p_value=found.p_value, p_floor=found.p_floor,
        n=len(x) + len(y), reason=reason,
    )]  # fmt: skip


def mean_rows(part: str, values: np.ndarray, plan: GroupPlan, term: str = "mean") -> list[dict[str, Any]]:
    """Return the mean of a group with Student's interval, and its standard deviation."""
    from scipy import stats

    n = len(values)
    if n == 0:
        return []
    mean = float(values.mean())
    if n < 2:
        return [
            row(term, part, "student", estimate=mean, n=n, reason=message("comparison_groups.mean_of_one"))
        ]
    sd = float(values.std(ddof=1))
    half = float(stats.t.isf((1 - plan.conf_level) / 2, n - 1)) * sd / math.sqrt(n)
    # Nobody differs: the interval would be a point, as if the mean were certain.
    alike = message("comparison_groups.mean_of_alike") if np.ptp(values) == 0 else None
    spread = {
        "std_error": sd / math.sqrt(n), "conf_low": mean - half, "conf_high": mean + half, "conf_level": plan.conf_level,
    }  # fmt: skip
    return [
        row(term, part, "student", estimate=mean, n=n, reason=alike, **({} if alike else spread)),
        row("standard_deviation", part, "", estimate=0.0 if alike else sd, n=n),
    ]
