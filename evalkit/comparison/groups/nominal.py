"""Rows of two groups compared on unordered categories: an overall test, exact or drawn, and differences category by category.

Not for weighted samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.groups.made import Made, none_rows, obstacle
from evalkit.comparison.groups.ordinal import category_rows, counts_of
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.errors import InputError
from evalkit.numerics import two_by_two as exact
from evalkit.numerics import two_proportions as two
from evalkit.numerics.multiple import adjusted
from evalkit.numerics.normal import chi2_p
from evalkit.numerics.two_by_k import freeman_halton
from evalkit.wording import message


def rows_of(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows."""
    if plan.alternative != "two-sided" or plan.margin is not None:
        raise InputError("two_groups: categories without an order have no side and no margin; leave both out")
    table = counts_of(groups)
    cells = category_rows(groups, table)
    if stop := obstacle(groups):
        return Made([*none_rows({"group_test": "chi_squared"}, groups.n, stop), *cells])
    return Made([*_overall(table, plan), *_by_category(groups, table, plan), *cells])


def _overall(table: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    n = int(table.sum())
    if table.shape[1] < 2:
        return none_rows({"group_test": "chi_squared"}, n, message("comparison_groups.one_category"))
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / n
    statistic, df = float(((table - expected) ** 2 / expected).sum()), float(table.shape[1] - 1)
    few = int((expected < 5).sum())
    reason = message("comparison_groups.few_expected", count=few, total=expected.size) if few else None
    found = freeman_halton(*table, seed=plan.seed)
    drawn = message("comparison_groups.drawn", draws=found.draws, seed=plan.seed) if found.draws else None
    return [
        row("group_test", "", "chi_squared", statistic=statistic, df=df, p_value=float(chi2_p(statistic, df)), n=n, reason=reason),
        row("group_test", "", f"freeman_halton_{found.method}", p_value=found.p_value, p_floor=found.p_floor, n=n, reason=drawn),
    ]  # fmt: skip


def _by_category(groups: Groups, table: np.ndarray, plan: GroupPlan) -> list[dict[str, Any]]:
    """Return the difference of shares of each category, with Fisher's p adjusted for there being several."""
    size = table.sum(axis=1)
    counts = [two.TwoCounts(int(a), int(size[0]), int(b), int(size[1])) for a, b in table.T]
    if len(counts) == 1:
        why = message("comparison_groups.one_category")
        return [
            missing_row("share_difference", "", "newcombe", groups.n, why)
            | {"category": str(groups.categories[0])}
        ]
    # Two categories are one question asked twice.
    p = adjusted([exact.fisher(c) for c in counts]) if len(counts) > 2 else [exact.fisher(c) for c in counts]
    floors = [exact.fisher_floor(c) * (len(counts) if len(counts) > 2 else 1) for c in counts]
    rows = []
    for category, c, value, floor in zip(groups.categories, counts, p, floors, strict=True):
        low, high = two.newcombe_difference(c, plan.conf_level)
        rows.append(row(
            "share_difference", "", "newcombe", category=str(category), estimate=c.difference, conf_low=low, conf_high=high,
            conf_level=plan.conf_level, n=c.n,
        ))  # fmt: skip
        rows.append(row(
            "share_test", "", "fisher_holm" if len(counts) > 2 else "fisher_exact", category=str(category),
            p_value=float(value), p_floor=min(floor, 1.0) if not math.isnan(floor) else math.nan, n=c.n,
        ))  # fmt: skip
    return rows
