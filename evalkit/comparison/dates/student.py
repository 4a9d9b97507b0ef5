"""An estimate with its standard error and degrees of freedom, as a row says it: interval, statistic, p-value that is never 0.

Not a place for standard errors.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from scipy import stats

from evalkit.comparison.core.rows import ratio_of


@dataclass(frozen=True)
class Asked:
    """Level of the intervals, which stay two-sided, and side of the tests."""

    conf_level: float = 0.95
    alternative: str = "two-sided"


def reach(value: float, error: float, df: float, conf_level: float) -> tuple[float, float]:
    """Return the two ends of Student's interval."""
    width = float(stats.t.ppf((1 + conf_level) / 2, df)) * error
    return value - width, value + width


def by_student(value: float, error: float, df: float, asked: Asked, ratio: bool = False) -> dict[str, Any]:
    """Return the figures of a row; with `ratio` estimate and interval are exponentials, and the error stays on the logarithmic scale.

    Examples
    --------
    >>> found = by_student(1.0, 0.5, 10.0, Asked())
    >>> [round(found[k], 3) for k in ("statistic", "p_value", "conf_low", "conf_high")]
    [2.0, 0.073, -0.114, 2.114]
    """
    low, high = reach(value, error, df, asked.conf_level)
    t = value / error
    tail = {
        "two-sided": 2 * stats.t.sf(abs(t), df),
        "greater": stats.t.sf(t, df),
        "less": stats.t.cdf(t, df),
    }[asked.alternative]
    shown = ratio_of if ratio else float
    return {
        "estimate": shown(value),
        "std_error": error,
        "statistic": t,
        "df": df,
        "p_value": max(float(tail), sys.float_info.min),
        "conf_low": shown(low),
        "conf_high": shown(high),
        "conf_level": asked.conf_level,
    }
