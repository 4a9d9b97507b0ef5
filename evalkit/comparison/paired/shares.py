"""Rows about a share of the same people at two dates: difference, ratio, equivalence, bounds, the share itself.

Not a kind of outcome: `binary` has one such share, `nominal` one per category.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import row
from evalkit.comparison.paired.equivalence import equivalence_row, tost_level
from evalkit.comparison.paired.plan import Plan
from evalkit.numerics import paired_proportions as paired
from evalkit.numerics import proportions as prop
from evalkit.wording import Message, message

_DIFFERENCES = {
    "newcombe": prop.newcombe_paired,
    "tango": prop.tango_paired,
    "bonett_price": paired.bonett_price_paired,
}
_RATIOS = {"tang": paired.tang_ratio, "bonett_price_ratio": paired.bonett_price_ratio}


def counted(before: np.ndarray, after: np.ndarray) -> prop.PairedCounts:
    """Return the 2 × 2 table of two arrays of 0, 1 and nan."""
    both = np.isfinite(before) & np.isfinite(after)
    return prop.PairedCounts(*(
        int(((before == b) & (after == a) & both).sum()) for b, a in ((1, 1), (1, 0), (0, 1), (0, 0))
    ))  # fmt: skip


def differences(
    counts: prop.PairedCounts,
    plan: Plan,
    stop: Message | None,
    methods: tuple[str, ...] = tuple(_DIFFERENCES),
    **keys: Any,
) -> list[dict]:
    """Return the difference with each interval, or why there is none."""
    rows = []
    for method in methods:
        if stop:
            rows.append(row("difference", "pairs", method, n=counts.n, reason=stop, ok=False, **keys))
            continue
        low, high = _DIFFERENCES[method](counts, plan.conf_level)
        rows.append(row(
            "difference", "pairs", method, estimate=counts.difference, std_error=wald(counts),
            conf_low=low, conf_high=high, conf_level=plan.conf_level, n=counts.n, **keys,
        ))  # fmt: skip
    return rows


def wald(counts: prop.PairedCounts) -> float:
    """Return the standard error of the difference, nan when it would be 0: nobody changed, or everybody changed alike."""
    variance = counts.discordant - (counts.gained - counts.lost) ** 2 / counts.n
    return math.sqrt(variance) / counts.n if variance > 0 else math.nan


def ratios(counts: prop.PairedCounts, plan: Plan, stop: Message | None) -> list[dict]:
    """Return the ratio after / before with each interval, or why there is none."""
    if stop is None and counts.before == 0 and counts.after == 0:
        stop = message("comparison_tables.nobody_at_1")
    rows = []
    for method, interval in _RATIOS.items():
        if stop:
            rows.append(row("ratio", "pairs", method, n=counts.n, reason=stop, ok=False))
            continue
        low, high = interval(counts, plan.conf_level)
        rows.append(row(
            "ratio", "pairs", method, estimate=counts.after / counts.before if counts.before else math.inf,
            conf_low=low, conf_high=high, conf_level=plan.conf_level, n=counts.n,
            reason=None if counts.before else message("comparison_tables.none_before"),
        ))  # fmt: skip
    return rows


def equivalence(counts: prop.PairedCounts, plan: Plan, stop: Message | None, **keys: Any) -> list[dict]:
    """Return the test that the difference lies within the margins, if there are any."""
    if plan.margin is None:
        return []
    if stop:
        return [equivalence_row("pairs", "tost_tango", plan, counts.n, stop, **keys)]
    statistic, p = paired.tango_equivalence(counts, plan.margin)
    low, high = prop.tango_paired(counts, tost_level(plan.conf_level))
    return [equivalence_row(
        "pairs", "tost_tango", plan, counts.n, estimate=counts.difference, statistic=statistic, p_value=p,
        conf_low=low, conf_high=high, **keys,
    )]  # fmt: skip


def share(term: str, part: str, method: str, x: int, n: int, plan: Plan, **keys: Any) -> dict:
    """Return a share with its interval, or that there is nobody to take a share of."""
    if n == 0:
        reason = message("comparison.no_pair" if part == "pairs" else "comparison.no_person")
        return row(term, part, method, n=0, reason=reason, ok=False, **keys)
    low, high = getattr(prop, method)(x, n, plan.conf_level)
    return row(
        term, part, method, estimate=x / n, conf_low=low, conf_high=high, conf_level=plan.conf_level, count=x, n=n, **keys
    )  # fmt: skip


def entrants(before: np.ndarray, after: np.ndarray, plan: Plan, **keys: Any) -> list[dict]:
    """Return the share after among people without a "before", who are in no difference; nothing if there are none."""
    new = after[np.isfinite(after) & ~np.isfinite(before)]
    if len(new) == 0:
        return []
    return [share("proportion_after", "people_only_after", "wilson", int(new.sum()), len(new), plan, **keys)]


def bounds(before: np.ndarray, after: np.ndarray, **keys: Any) -> list[dict]:
    """Return the worst-case bounds of the difference among everybody known (Manski 1989)."""
    n = len(before)
    if n == 0:
        reason = message("comparison.no_person")
        ends = ("difference_if_worst", "difference_if_best")
        return [row(term, "everyone", "manski", n=0, reason=reason, ok=False, **keys) for term in ends]
    return [
        row(term, "everyone", "manski", n=n, **keys,
             estimate=float((np.nan_to_num(after, nan=a) - np.nan_to_num(before, nan=1.0 - a)).mean()))
        for term, a in (("difference_if_worst", 0.0), ("difference_if_best", 1.0))
    ]  # fmt: skip


def bounds_of_selected(before: np.ndarray, after: np.ndarray, **keys: Any) -> list[dict]:
    """Return the bounds of the share after, when selection fixed the start.

    Nobody without a "before" was selected on it, so they are about those who had one.
    """
    chosen = np.isfinite(before)
    rows = []
    for term, value in (("proportion_after_if_worst", 0.0), ("proportion_after_if_best", 1.0)):
        filled = np.nan_to_num(after[chosen], nan=value)
        if len(filled):
            rows.append(row(term, "everyone", "manski", estimate=float(filled.mean()), n=len(filled), **keys))
    return rows


def entrants_said(before_known: np.ndarray, after_known: np.ndarray) -> tuple[Message, ...]:
    """Return the sentence about people without a "before", if there are any."""
    return (message("comparison_tables.entrants"),) if (after_known & ~before_known).any() else ()
