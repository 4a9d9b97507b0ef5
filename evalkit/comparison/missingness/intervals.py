"""Intervals of one mean and of a difference: Student, Welch, Newcombe, logit, and Imbens and Manski's for what is only bounded.

Not estimates: each method has its module.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from evalkit.numerics.normal import z_value
from evalkit.numerics.proportions import wilson


def t_value(df: float, conf_level: float) -> float:
    """Return Student's quantile of a two-sided interval, normal for infinite `df`."""
    if math.isinf(df):
        return z_value(conf_level)
    return float(special.stdtrit(df, (1 + conf_level) / 2))


def welch_df(*parts: tuple[float, float]) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of independent variances.

    Parameters
    ----------
    *parts : (variance, df)
        Variance of each mean, and the degrees of freedom it was estimated with (infinite when known).

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2:110; Welch (1947), Biometrika 34:28.

    Examples
    --------
    >>> round(welch_df((1.0, 9.0), (1.0, 9.0)), 6)
    18.0
    """
    below = sum(v * v / df for v, df in parts)
    return sum(v for v, _ in parts) ** 2 / below if below > 0 else math.inf


def newcombe(x1: float, n1: float, x0: float, n0: float, conf_level: float) -> tuple[float, float]:
    """Return Newcombe's hybrid score interval of a difference of two independent shares, the first minus the second.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17:873, method 10.

    Examples
    --------
    >>> [round(v, 4) for v in newcombe(56, 70, 48, 80, 0.95)]
    [0.0524, 0.3339]
    """
    p1, p0 = x1 / n1, x0 / n0
    low1, high1 = wilson(x1, n1, conf_level)
    low0, high0 = wilson(x0, n0, conf_level)
    down, up = math.hypot(p1 - low1, high0 - p0), math.hypot(high1 - p1, p0 - low0)
    return p1 - p0 - down, p1 - p0 + up


def on_logit(share: float, error: float, quantile: float) -> tuple[float, float]:
    """Return an interval of a share made on the logit scale, so that it stays between 0 and 1.

    Examples
    --------
    >>> [round(v, 4) for v in on_logit(0.5, 0.1, 1.96)]
    [0.3135, 0.6865]
    """
    centre, half = special.logit(share), quantile * error / (share * (1 - share))
    return float(special.expit(centre - half)), float(special.expit(centre + half))


def around(
    mean: float, error: float, quantile: float, limits: tuple[float, float], logit: bool = False
) -> tuple[float, float]:
    """Return mean ± quantile × error, no further than what is possible; on the logit scale for a share.

    Examples
    --------
    >>> [round(v, 2) for v in around(0.8, 0.2, 1.96, (-1.0, 1.0))]
    [0.41, 1.0]
    """
    if logit:
        return on_logit(mean, error, quantile)
    return max(mean - quantile * error, limits[0]), min(mean + quantile * error, limits[1])


def imbens_manski(
    low: float, high: float, error_low: float, error_high: float, conf_level: float
) -> tuple[float, float]:
    """Return an interval that holds the parameter, of which only bounds are known, with at least the given chance.

    Parameters
    ----------
    low, high : float
        Estimated bounds.
    error_low, error_high : float
        Their standard errors, not both 0.
    conf_level : float

    Returns
    -------
    (float, float)
        low − c·error_low and high + c·error_high, with Φ(c + (high − low)/max(error)) − Φ(−c) = conf_level: c goes from the two-sided
        normal quantile (bounds that meet) to the one-sided one (bounds far apart).

    References
    ----------
    Imbens & Manski (2004), Econometrica 72:1845, equations 6 and 7.

    Examples
    --------
    >>> [round(v, 3) for v in imbens_manski(0.0, 0.0, 1.0, 1.0, 0.95)]
    [-1.96, 1.96]
    >>> [round(v, 3) for v in imbens_manski(0.0, 9.0, 1.0, 1.0, 0.95)]
    [-1.645, 10.645]
    """
    apart = (high - low) / max(error_low, error_high)
    two_sided = z_value(conf_level)
    one_sided = float(special.ndtri(conf_level))
    c = optimize.brentq(
        lambda x: special.ndtr(x + apart) - special.ndtr(-x) - conf_level,
        one_sided - 1e-6, two_sided + 1e-6, xtol=1e-15, rtol=8.9e-16, maxiter=500,
    )  # fmt: skip
    return low - c * error_low, high + c * error_high


def spread(values: np.ndarray) -> float:
    """Return the variance of the mean of some values, nan for fewer than two, 0 when all are alike."""
    if len(values) < 2:
        return math.nan
    if np.ptp(values) == 0:
        return 0.0
    return float(values.var(ddof=1)) / len(values)
