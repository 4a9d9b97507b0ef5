"""From two means and what each person moves in them to rows: difference, ratio, their precision.

Not a choice of method.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from evalkit.comparison.adjusting.sample import NotEstimable
from evalkit.comparison.core.rows import row
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.wording import message

#: A standard error below this share of the outcome's size is made of rounding.
ROUNDING = 1e-11


@dataclass(frozen=True, eq=False)
class Means:
    """Means of both groups, were they made of the same people.

    Parameters
    ----------
    treated, reference : float
    moved_treated, moved_reference : float array, shape (n,)
        What each person moves in each: estimate less truth is about the sum.
    cluster : int array, shape (n,), optional
        People who count as one: clusters, or matched pairs.
    factor : float
        Correction of the variance for a small sample; n / (n − 1) of people or clusters is made besides.
    n : int
        People the estimate rests on.
    """

    treated: float
    reference: float
    moved_treated: np.ndarray
    moved_reference: np.ndarray
    n: int
    cluster: np.ndarray | None = None
    factor: float = 1.0

    def spread(self, moved: np.ndarray) -> tuple[float, float]:
        """Return the standard error of a sum of what is moved, and its degrees of freedom (nan: normal law)."""
        if self.cluster is None:
            units, df = moved, math.nan
        else:
            units = np.bincount(np.unique(self.cluster, return_inverse=True)[1], weights=moved)
            df = len(units) - 1.0
        if len(units) < 2:
            raise NotEstimable(message("comparison_adjusting.one_cluster"))
        return math.sqrt(self.factor * len(units) / (len(units) - 1) * float(units @ units)), df


def rows_of_means(
    means: Means, plan: GroupPlan, part: str, method: str, ratio: bool, size: float
) -> list[dict[str, Any]]:
    """Return the difference, and the ratio where both means are above 0.

    Parameters
    ----------
    means : Means
    plan : GroupPlan
    part, method : str
    ratio : bool
        Whether the ratio is asked.
    size : float
        Size of the outcome (largest distance from its mean), against which rounding is judged.

    Raises
    ------
    NotEstimable
        A standard error made of rounding.
    """
    difference = means.treated - means.reference
    se, df = means.spread(means.moved_treated - means.moved_reference)
    rows = [estimate_row("adjusted_difference", part, method, difference, se, df, means.n, plan, size)]
    if not ratio:
        return rows
    if min(means.treated, means.reference) <= 0:
        why = message("comparison_adjusting.no_ratio")
        return [*rows, row("adjusted_ratio", part, method, n=means.n, ok=False, reason=why)]
    relative = means.moved_treated / means.treated - means.moved_reference / means.reference
    log = math.log(means.treated / means.reference)
    made = estimate_row("adjusted_ratio", part, method, log, *means.spread(relative), means.n, plan, 1.0)
    # The standard error stays that of the logarithm, which is where interval and test are made.
    made |= {c: math.exp(made[c]) for c in ("estimate", "conf_low", "conf_high")}
    return [*rows, made]


def estimate_row(
    term: str, part: str, method: str, estimate: float, se: float, df: float, n: int, plan: GroupPlan, size: float
) -> dict[str, Any]:  # fmt: skip
    """Return one row with interval and test, from the normal law or Student's with `df`.

    Raises
    ------
    NotEstimable
        A standard error made of rounding.
    """
    if not se > ROUNDING * size:
        raise NotEstimable(message("comparison_adjusting.no_spread"))
    law = stats.norm if math.isnan(df) else stats.t(df)
    reach = float(law.isf((1 - plan.conf_level) / 2)) * se
    t = estimate / se
    p = {"greater": law.sf(t), "less": law.cdf(t), "two-sided": 2 * law.sf(abs(t))}[plan.alternative]
    return row(
        term, part, method, estimate=estimate, std_error=se, statistic=t, df=df,
        p_value=max(min(float(p), 1.0), sys.float_info.min), conf_low=estimate - reach, conf_high=estimate + reach,
        conf_level=plan.conf_level, n=n,
    )  # fmt: skip
