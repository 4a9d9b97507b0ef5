"""Rows of two groups compared on a yes/no outcome: difference, ratio, odds ratio, tests, margins, people per one more.

Not for weighted samples: `weighted` has those.
"""

from __future__ import annotations

import math
from typing import Any

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.groups.made import PARTS, Made, margin_rows, none_rows, obstacle, share_row
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.numerics import two_by_two as exact
from evalkit.numerics import two_proportions as two
from evalkit.numerics.normal import sided_p
from evalkit.wording import message


def rows_of(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows."""
    x = [int(v.sum()) for v in groups.split(groups.outcome)]
    shares = [
        share_row("proportion", part, k, n, plan) for part, k, n in zip(PARTS, x, groups.sizes, strict=True) if n
    ]  # fmt: skip
    if stop := obstacle(groups):
        return Made([*none_rows({"difference": "newcombe"}, groups.n, stop), *shares])
    counts = two.TwoCounts(x[0], groups.sizes[0], x[1], groups.sizes[1])
    rows = [*_differences(counts, plan), *_ratios(counts, plan), *_tests(counts, plan)]
    if plan.margin is not None:
        rows += _margin(counts, plan)
    return Made([*rows, *_people_per_one(counts, plan), *shares])


def _differences(counts: two.TwoCounts, plan: GroupPlan) -> list[dict[str, Any]]:
    limits = {
        "newcombe": two.newcombe_difference(counts, plan.conf_level),
        "miettinen_nurminen": two.score_difference(counts, plan.conf_level),
    }
    return [
        row("difference", "", method, estimate=counts.difference, conf_low=low, conf_high=high,
            conf_level=plan.conf_level, n=counts.n)
        for method, (low, high) in limits.items()
    ]  # fmt: skip


def _ratios(counts: two.TwoCounts, plan: GroupPlan) -> list[dict[str, Any]]:
    level = plan.conf_level
    conditional = exact.conditional_odds_ratio(counts, level)
    made = {
        ("risk_ratio", "koopman"): (counts.ratio, *two.score_ratio(counts, level, corrected=False)),
        ("risk_ratio", "miettinen_nurminen"): (counts.ratio, *two.score_ratio(counts, level)),
        ("odds_ratio", "cornfield"): (counts.odds_ratio, *two.score_odds_ratio(counts, level, corrected=False)),
        ("odds_ratio", "miettinen_nurminen"): (counts.odds_ratio, *two.score_odds_ratio(counts, level)),
        ("odds_ratio", "conditional_exact"): conditional,
    }  # fmt: skip
    rows = []
    for (term, method), (estimate, low, high) in made.items():
        if math.isnan(estimate):
            key = "nobody_has_it" if counts.x == 0 else "everybody_has_it"
            rows.append(missing_row(term, "", method, counts.n, message(f"comparison_groups.{key}")))
            continue
        reason = (
            message("comparison_groups.ratio_without_end")
            if 0 in (estimate, low) or high == math.inf
            else None
        )
        rows.append(row(
            term, "", method, estimate=estimate, conf_low=low, conf_high=high, conf_level=level, n=counts.n, reason=reason,
        ))  # fmt: skip
    return rows


def _tests(counts: two.TwoCounts, plan: GroupPlan) -> list[dict[str, Any]]:
    side, rows = plan.alternative, []
    alike = counts.x in (0, counts.n)
    why = (
        message(f"comparison_groups.{'nobody' if counts.x == 0 else 'everybody'}_has_it_test")
        if alike
        else None
    )
    for method, mid_p in (("fisher_exact", False), ("fisher_mid_p", True)):
        if alike and mid_p:
            rows.append(missing_row("group_test", "", method, counts.n, why))
            continue
        rows.append(row(
            "group_test", "", method, p_value=exact.fisher(counts, side, mid_p), p_floor=exact.fisher_floor(counts, side, mid_p),
            n=counts.n, reason=why,
        ))  # fmt: skip
    if side == "two-sided":
        p = exact.boschloo(counts)
        if math.isnan(p):
            why_not = message("comparison_groups.boschloo_large")
            rows.append(missing_row("group_test", "", "boschloo", counts.n, why_not))
        else:
            rows.append(row("group_test", "", "boschloo", p_value=p, n=counts.n, reason=why))
    if alike:
        return [*rows, missing_row("group_test", "", "chi_squared", counts.n, why)]
    z = two.difference_z(counts, 0.0)
    figures = {"statistic": z * z, "df": 1.0} if side == "two-sided" else {"statistic": z}
    return [*rows, row("group_test", "", "chi_squared", p_value=sided_p(z, side), n=counts.n, **figures)]


def _margin(counts: two.TwoCounts, plan: GroupPlan) -> list[dict[str, Any]]:
    low, high = plan.margin  # type: ignore[misc]
    above, below, _ = two.difference_margin(counts, low, high)
    return margin_rows(above, below, plan, "farrington_manning", {"estimate": counts.difference}, counts.n)


def _people_per_one(counts: two.TwoCounts, plan: GroupPlan) -> list[dict[str, Any]]:
    """Return how many people make one more, or one fewer, with the outcome: both when the difference may go either way.

    Notes
    -----
    Altman (1998), British Medical Journal 317:1309: an interval of the difference that holds 0 is, turned over, two pieces that
    meet at infinity.
    """
    low, high = two.newcombe_difference(counts, plan.conf_level)
    rows = []
    for term, nearest, farthest, estimate in (
        ("people_per_one_more", low, high, counts.difference),
        ("people_per_one_fewer", -high, -low, -counts.difference),
    ):
        if farthest <= 0:
            continue
        open_ = nearest <= 0
        rows.append(row(
            term, "", "newcombe", estimate=1 / estimate if estimate > 0 else math.nan, conf_low=1 / farthest,
            conf_high=math.inf if open_ else 1 / nearest, conf_level=plan.conf_level, n=counts.n,
            reason=message("comparison_groups.two_pieces") if open_ else None,
        ))  # fmt: skip
    return rows
