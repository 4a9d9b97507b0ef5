"""Rows of two groups compared on ordered categories: superiority, mean score, rank test, one odds ratio for every cut.

Not for weighted samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import ratio_of, row
from evalkit.comparison.groups.made import PARTS, Made, none_rows, obstacle
from evalkit.comparison.groups.measured import (
    mean_difference,
    mean_rows,
    permutation_rows,
    rank_test,
    superiority_rows,
)
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.numerics.normal import sided_p, z_value
from evalkit.numerics.proportional_odds import proportional_odds
from evalkit.numerics.ranks import rank_sum
from evalkit.wording import message


def rows_of(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows."""
    table = counts_of(groups)
    cells = category_rows(groups, table)
    scored = groups.scores[groups.outcome.astype(int)]  # type: ignore[index]
    means = [
        r for part, v in zip(PARTS, groups.split(scored), strict=True) for r in mean_rows(part, v, plan, "mean_score")
    ]  # fmt: skip
    if stop := obstacle(groups):
        return Made([*none_rows({"superiority": "newcombe_5"}, groups.n, stop), *means, *cells])
    x, y = groups.split(groups.outcome)
    rows = [
        *superiority_rows(x, y, plan),
        rank_test(rank_sum(x, y, plan.alternative, plan.conf_level), groups.n),
    ]
    rows += [
        *mean_difference(*groups.split(scored), plan, "score_difference"),
        *permutation_rows(*groups.split(scored), plan),
    ]
    return Made([*rows, *_odds(table, plan), *means, *cells])


def counts_of(groups: Groups) -> np.ndarray:
    """Return people by group (reference first) and category, shape (2, K)."""
    return np.array([
        np.bincount(v.astype(int), minlength=len(groups.categories)) for v in groups.split(groups.outcome)
    ])  # fmt: skip


def category_rows(groups: Groups, table: np.ndarray) -> list[dict[str, Any]]:
    """Return how many of each group are in each category."""
    return [
        row("category_share", part, "", category=str(category), estimate=float(count / of.sum()), count=int(count), n=int(of.sum()))
        for part, of in zip(PARTS, table, strict=True) if of.sum()
        for category, count in zip(groups.categories, of, strict=True)
    ]  # fmt: skip


def _odds(table: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    n = int(table.sum())
    fit = proportional_odds(*table)
    if fit is None:
        key = "one_category" if table.shape[1] == 1 else "odds_without_end"
        return none_rows({"proportional_odds_ratio": "wald"}, n, message(f"comparison_groups.{key}"))
    z = fit.log_odds_ratio / fit.std_error
    half = z_value(plan.conf_level) * fit.std_error
    rows = [row(
        "proportional_odds_ratio", "", "wald", estimate=math.exp(fit.log_odds_ratio), std_error=fit.std_error, statistic=z,
        p_value=sided_p(z, plan.alternative), conf_low=ratio_of(fit.log_odds_ratio - half),
        conf_high=ratio_of(fit.log_odds_ratio + half), conf_level=plan.conf_level, n=n,
    )]  # fmt: skip
    if fit.df:
        rows.append(row(
            "proportional_odds_fit", "", "likelihood_ratio", statistic=fit.lack_of_fit, df=float(fit.df), p_value=fit.p_fit, n=n,
        ))  # fmt: skip
    return rows
