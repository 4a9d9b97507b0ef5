"""The probability that somebody of one group lies above somebody of the other, with intervals that do not need a shape.

Not for the same people twice: who improved and who worsened is counted there.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.normal import z_value
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.numerics.ranks.sums import two_groups_value


@dataclass(frozen=True)
class Superiority:
    """P(y > x) + P(y = x) / 2 of two independent groups.

    Parameters
    ----------
    n_x, n_y : int
    estimate : float
    newcombe_low, newcombe_high : float
        Newcombe's method 5, which holds whatever is seen, complete separation included.
    std_error, df : float
        Brunner and Munzel's; nan when the placements of both groups do not vary, or a group has one person.
    low, high : float
        Brunner and Munzel's interval on the logit scale; nan as above, and when one group lies wholly above the other.
    statistic, p_value : float
        Brunner and Munzel's test of 1/2; nan as `std_error`. Never 0.
    conf_level : float
    """

    n_x: int
    n_y: int
    estimate: float
    newcombe_low: float
    newcombe_high: float
    std_error: float
    df: float
    low: float
    high: float
    statistic: float
    p_value: float
    conf_level: float


def superiority(
    x: np.ndarray, y: np.ndarray, conf_level: float = 0.95, alternative: str = "two-sided"
) -> Superiority:
    """Return how often y of one group lies above x of the other, equal pairs for half.

    Parameters
    ----------
    x, y : float array, shapes (n_x,) and (n_y,)
        Finite, at least one each; x is the reference.
    conf_level : float
    alternative : {"two-sided", "greater", "less"}
        Of the test; "greater": above 1/2.

    Returns
    -------
    Superiority

    Raises
    ------
    InputError
        An empty group, or a value that is not finite.

    References
    ----------
    Newcombe (2006), Statistics in Medicine 25:559, method 5. Brunner & Munzel (2000), Biometrical Journal 42:17. The variance of the
    placements is that of DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837, when there are no ties.

    Examples
    --------
    >>> found = superiority(np.array([1.0, 2.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0, 6.0]))
    >>> found.estimate, round(found.newcombe_low, 3), round(found.newcombe_high, 3)
    (0.8125, 0.398, 0.962)
    """
    from scipy import stats

    one_of(alternative, ALTERNATIVES, "alternative")
    conf_level = level(conf_level)
    x, y = two_groups_value(x, "x"), two_groups_value(y, "y")
    n_x, n_y = len(x), len(y)
    ranks = stats.rankdata(np.concatenate([x, y]))
    # Placements: how many of the other group lie below each person, equal ones for half.
    below_x = ranks[:n_x] - stats.rankdata(x)
    below_y = ranks[n_x:] - stats.rankdata(y)
    theta = float(below_y.sum() / (n_x * n_y))
    low5, high5 = newcombe_5(theta, n_x, n_y, conf_level)
    test = _brunner_munzel(below_x, below_y, theta, conf_level, alternative)
    return Superiority(n_x, n_y, theta, low5, high5, conf_level=conf_level, **test)


def _brunner_munzel(
    below_x: np.ndarray, below_y: np.ndarray, theta: float, conf_level: float, alternative: str
) -> dict[str, float]:
    """Return the test and the logit interval from the placements; nan when their variance is not known, or zero."""
    from scipy import special

    n_x, n_y = len(below_x), len(below_y)
    if min(n_x, n_y) < 2 or (np.ptp(below_x) == 0 and np.ptp(below_y) == 0):
        return dict.fromkeys(("std_error", "df", "low", "high", "statistic", "p_value"), math.nan)
    part_x = float(np.var(below_x, ddof=1)) / (n_y**2 * n_x)
    part_y = float(np.var(below_y, ddof=1)) / (n_x**2 * n_y)
    se = math.sqrt(part_x + part_y)
    df = (part_x + part_y) ** 2 / (part_x**2 / (n_x - 1) + part_y**2 / (n_y - 1))
    t = (theta - 0.5) / se
    two_sided = alternative == "two-sided"
    tail = special.stdtr(df, -abs(t) if two_sided else t if alternative == "less" else -t)
    half = special.stdtrit(df, (1 + conf_level) / 2) * se / (theta * (1 - theta))
    ends = special.expit(special.logit(theta) + np.array([-half, half]))
    return {
        "std_error": se, "df": df, "low": float(ends[0]), "high": float(ends[1]), "statistic": t,
        "p_value": max(float(2 * tail if two_sided else tail), sys.float_info.min),
    }  # fmt: skip


def newcombe_5(theta: float, n_x: int, n_y: int, conf_level: float = 0.95) -> tuple[float, float]:
    """Return the limits at which the estimate is z standard errors away, the error being that of the limit itself.

    Parameters
    ----------
    theta : float
        Estimate, from 0 to 1.
    n_x, n_y : int
    conf_level : float

    Returns
    -------
    low, high : float

    References
    ----------
    Newcombe (2006), Statistics in Medicine 25:559, method 5: Hanley and McNeil's variance with both group sizes replaced, within
    the brackets, by their mean.

    Examples
    --------
    >>> [round(v, 4) for v in newcombe_5(1.0, 10, 10)]
    [0.8002, 1.0]
    """
    from scipy import optimize

    z = z_value(conf_level)
    middle = (n_x + n_y) / 2 - 1

    def variance(t: float) -> float:
        return t * (1 - t) * (1 + middle * ((1 - t) / (2 - t) + t / (1 + t))) / (n_x * n_y)

    def limit(end: float) -> float:
        if theta == end:
            return end
        away = lambda t: (theta - t) ** 2 - z * z * variance(t)
        # Nothing at the estimate itself (−variance), everything at the end (the variance is 0 there).
        start = theta if 0 < theta < 1 else abs(theta - 1e-12)
        return float(optimize.brentq(away, start, end, xtol=1e-14))

    return limit(0.0), limit(1.0)
