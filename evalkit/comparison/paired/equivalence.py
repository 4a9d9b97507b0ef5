"""Equivalence and non-inferiority of a paired comparison: the row of the test, its level, what its margins mean.

Not the tests: each kind of outcome has its own.
"""

from __future__ import annotations

import math
from typing import Any

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.paired.plan import Plan
from evalkit.errors import InputError
from evalkit.wording import Message, message


def tost_level(conf_level: float) -> float:
    """Return the level of the interval that lies within the margins when both one-sided tests reject: 1 − 2 (1 − level).

    Examples
    --------
    >>> round(tost_level(0.95), 10)
    0.9
    """
    if conf_level <= 0.5:
        raise InputError(f"conf_level: must lie above 0.5 for a test of equivalence, but was {conf_level!r}")
    return 2 * conf_level - 1


def bounded_margin(plan: Plan, what: str) -> None:
    """Refuse a margin that no difference of shares can reach.

    Raises
    ------
    InputError
        If a finite margin lies outside −1 to 1.
    """
    if plan.margin is not None and any(abs(m) >= 1 for m in plan.margin if math.isfinite(m)):
        raise InputError(
            f"pre_post: margin of {what} must lie strictly between -1 and 1, but was {plan.margin!r}"
        )


def equivalence_row(
    part: str, method: str, plan: Plan, n: int, stop: Message | None = None, **values: Any
) -> dict[str, Any]:
    """Return the row of a test against the margins, or why there is none."""
    low, high = plan.margin or (-math.inf, math.inf)
    margins = {"margin_low": low, "margin_high": high}
    if stop:
        return missing_row("equivalence", part, method, n, stop) | margins | _keys(values)
    level = {"conf_level": tost_level(plan.conf_level)} if "conf_low" in values else {}
    return row("equivalence", part, method, n=n, **level, **margins, **values)


def _keys(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if isinstance(v, str)}


def said_of_margins(plan: Plan, ratio: bool = False) -> list[Message]:
    """Return what the test against the margins asks, if there are any."""
    if plan.margin is None:
        return []
    (low, high), about = plan.margin, {"alpha": 1 - plan.conf_level, "level": tost_level(plan.conf_level)}
    if math.isinf(high):
        return [message("comparison_tables.equivalence_not_below", limit=low, **about)]
    if low == (0.0 if ratio else -math.inf):
        return [message("comparison_tables.equivalence_not_above", limit=high, **about)]
    key = "equivalence_ratio" if ratio else "equivalence_both"
    return [message(f"comparison_tables.{key}", low=low, high=high, **about)]
