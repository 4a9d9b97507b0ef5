"""The normal and chi-squared laws as results use them: a quantile for an interval, a p-value that is never zero.

Not a place for tests: each hall computes its own statistic.
"""

from __future__ import annotations

from numbers import Real
from statistics import NormalDist

import numpy as np

from evalkit.errors import InputError


def z_value(conf_level: float) -> float:
    """Return the normal quantile of a two-sided interval.

    Examples
    --------
    >>> round(z_value(0.95), 6)
    1.959964
    """
    if not isinstance(conf_level, Real) or not 0 < conf_level < 1:
        raise InputError(f"conf_level: must lie strictly between 0 and 1, but was {conf_level}")
    # Wichura's algorithm, to 16 digits: a curve with intervals does not wait for scipy to load.
    return -NormalDist().inv_cdf((1 - conf_level) / 2)


def two_sided_p(z: np.ndarray | float) -> np.ndarray:
    """Return the p-value of a normal statistic, nan where it is nan, never 0.

    Examples
    --------
    >>> round(float(two_sided_p(1.959964)), 6), float(two_sided_p(60.0)) > 0
    (0.05, True)
    """
    from scipy import special

    return _never_zero(2 * special.ndtr(-np.abs(np.asarray(z, dtype=float))))


def sided_p(z: float, alternative: str) -> float:
    """Return the p-value of one normal statistic, "greater", "less" or "two-sided"; nan stays nan, never 0.

    Examples
    --------
    >>> round(sided_p(1.644854, "greater"), 6)
    0.05
    """
    from scipy import special

    if alternative == "two-sided":
        return float(two_sided_p(z))
    return float(_never_zero(special.ndtr(-z if alternative == "greater" else z)))


def chi2_p(statistic: np.ndarray | float, df: np.ndarray | float) -> np.ndarray:
    """Return the upper tail of a chi-squared statistic, never 0."""
    from scipy import special

    return _never_zero(special.chdtrc(df, np.asarray(statistic, dtype=float)))


def _never_zero(p: np.ndarray) -> np.ndarray:
    # Underflow, not certainty: the smallest positive number says "less than anything that can be written".
    return np.where(p == 0, np.finfo(float).tiny, p)
