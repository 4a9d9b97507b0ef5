"""Rows of two groups compared on counts: the ratio of rates, exact for events that come by chance, robust for people who differ.

Not for weighted samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, ratio_of, row
from evalkit.comparison.groups.made import PARTS, Made, margin_rows, none_rows, obstacle
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.numerics import rates
from evalkit.wording import Message, message


def rows_of(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows."""
    exposure = np.ones(groups.n) if groups.exposure is None else groups.exposure
    events = [int(v.sum()) for v in groups.split(groups.outcome)]
    time = [float(v.sum()) for v in groups.split(exposure)]
    described = [
        row("rate", part, "", estimate=x / e, n=n)
        for part, x, e, n in zip(PARTS, events, time, groups.sizes, strict=True) if n
    ]  # fmt: skip
    if stop := obstacle(groups):
        return Made([*none_rows({"rate_ratio": "conditional_exact"}, groups.n, stop), *described])
    rows = [*_exact(events, time, groups.n, plan), *_robust(groups, exposure, events, time, plan), *described]
    rows += [
        row("events", part, "", estimate=float(x), n=n)
        for part, x, n in zip(PARTS, events, groups.sizes, strict=True)
    ]
    return Made(rows, _dispersed(groups, exposure, events))


def _exact(events: list[int], time: list[float], n: int, plan: GroupPlan) -> list[dict[str, Any]]:
    args = (events[0], time[0], events[1], time[1])
    estimate, low, high = rates.exact_rate_ratio(*args, conf_level=plan.conf_level)
    if sum(events) == 0:
        why = message("comparison_groups.no_event")
        rows = none_rows({"rate_ratio": "conditional_exact", "group_test": "conditional_exact"}, n, why)
        return rows + (none_rows({"equivalence": "conditional_exact"}, n, why) if plan.margin else [])
    reason = message("comparison_groups.ratio_without_end") if 0 in events else None
    share = time[1] / sum(time)
    rows = [
        row("rate_ratio", "", "conditional_exact", estimate=estimate, conf_low=low, conf_high=high, conf_level=plan.conf_level,
            n=n, reason=reason),
        row("group_test", "", "conditional_exact", p_value=rates.exact_rate_p(*args, alternative=plan.alternative),
            p_floor=_floor(sum(events), share, plan.alternative), n=n),
        row("group_test", "", "conditional_mid_p", p_value=rates.exact_rate_p(*args, alternative=plan.alternative, mid_p=True), n=n),
    ]  # fmt: skip
    if plan.margin is not None:
        bottom, top = plan.margin
        above = rates.exact_rate_p(*args, ratio=bottom, alternative="greater") if bottom > 0 else math.nan
        below = rates.exact_rate_p(*args, ratio=top, alternative="less") if math.isfinite(top) else math.nan
        rows += margin_rows(above, below, plan, "conditional_exact", {"estimate": estimate}, n)
    return rows


def _floor(total: int, share: float, alternative: str) -> float:
    """Return the least p that so many events can give."""
    ends = [rates.exact_rate_p(total - x, 1 - share, x, share, alternative=alternative) for x in (0, total)]
    return min(ends)


def _robust(
    groups: Groups, exposure: np.ndarray, events: list[int], time: list[float], plan: GroupPlan
) -> list[dict[str, Any]]:
    """Return the ratio with the precision that people's own differences give, and the difference of rates."""
    rate = (events[0] / time[0], events[1] / time[1])
    parts = [
        rates.spread_of_rate(y, e)
        for y, e in zip(groups.split(groups.outcome), groups.split(exposure), strict=True)
    ]
    n = groups.n
    if stop := _no_ratio(groups, events, parts):
        rows = none_rows({"rate_ratio": "sandwich"}, n, stop)
        return [
            *rows,
            missing_row("rate_ratio", "", "quasi_poisson", n, stop),
            *_difference(groups, rate, parts, plan),
        ]
    relative = [v / r**2 for v, r in zip(parts, rate, strict=True)]
    log = rates.Robust(
        math.log(rate[1] / rate[0]), math.sqrt(sum(relative)), _welch_df(relative, groups.sizes)
    )
    rows = [_ratio_row("sandwich", log, plan, n)]
    if n > 2:
        dispersion = rates.dispersion_of(groups.outcome, exposure, groups.treated)
        quasi = rates.quasi_poisson(*events, rate, dispersion, n - 2)
        rows.append(_ratio_row("quasi_poisson", quasi, plan, n))
    return [*rows, *_difference(groups, rate, parts, plan)]


def _no_ratio(groups: Groups, events: list[int], parts: list[float]) -> Message | None:
    if sum(events) == 0:
        return message("comparison_groups.no_event")
    if 0 in events:
        return message("comparison_groups.no_event_in_group", level=groups.levels[events.index(0)])
    if any(math.isnan(v) for v in parts):
        return message("comparison_groups.group_of_one")
    size = float(groups.outcome.max())
    return None if math.sqrt(sum(parts)) > 1e-12 * size else message("comparison_groups.no_spread")


def _welch_df(parts: list[float], sizes: tuple[int, int]) -> float:
    return 1 / sum((part / sum(parts)) ** 2 / (n - 1) for part, n in zip(parts, sizes, strict=True))


def _ratio_row(method: str, found: rates.Robust, plan: GroupPlan, n: int) -> dict[str, Any]:
    low, high = found.interval(plan.conf_level)
    return row(
        "rate_ratio", "", method, estimate=ratio_of(found.estimate), std_error=found.std_error,
        statistic=found.estimate / found.std_error, df=found.df, p_value=found.p_value(plan.alternative),
        conf_low=ratio_of(low), conf_high=ratio_of(high), conf_level=plan.conf_level, n=n,
    )  # fmt: skip


def _difference(
    groups: Groups, rate: tuple[float, float], parts: list[float], plan: GroupPlan
) -> list[dict[str, Any]]:
    estimate = rate[1] - rate[0]
    if not math.sqrt(sum(parts)) > 1e-12 * max(float(groups.outcome.max()), 1e-300):
        why = message(f"comparison_groups.{'group_of_one' if min(groups.sizes) < 2 else 'no_spread'}")
        return [row("rate_difference", "", "sandwich", estimate=estimate, n=groups.n, ok=False, reason=why)]
    found = rates.Robust(estimate, math.sqrt(sum(parts)), _welch_df(parts, groups.sizes))
    low, high = found.interval(plan.conf_level)
    return [row(
        "rate_difference", "", "sandwich", estimate=estimate, std_error=found.std_error,
        statistic=estimate / found.std_error, df=found.df, p_value=found.p_value(plan.alternative), conf_low=low, conf_high=high,
        conf_level=plan.conf_level, n=groups.n,
    )]  # fmt: skip


def _dispersed(groups: Groups, exposure: np.ndarray, events: list[int]) -> tuple[Message, ...]:
    """Return the sentence about people who differ more than chance makes them."""
    if 0 in events or groups.n < 3:
        return ()
    dispersion = rates.dispersion_of(groups.outcome, exposure, groups.treated)
    return (message("comparison_groups.dispersed", times=dispersion),) if dispersion > 1.5 else ()
