"""How far apart two groups are on one characteristic, in units that do not grow with the number of people.

Not a test: a standardised difference says how large a gap is, a p-value mostly how many people there are.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np


def smd_means(one: np.ndarray, other: np.ndarray) -> float:
    """Return the standardised difference of two means.

    Parameters
    ----------
    one, other : ndarray
        Values of the two groups; nan are left out.

    Returns
    -------
    float
        |mean₁ − mean₂| / √((s₁² + s₂²) / 2); nan when a group has fewer than two values, or nobody differs while the means do.

    References
    ----------
    Austin (2009), Statistics in Medicine 28:3083, section 3.1.

    Examples
    --------
    >>> round(smd_means(np.array([1.0, 2, 3]), np.array([2.0, 3, 4])), 6)
    1.0
    """
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if len(one) < 2 or len(other) < 2:
        return math.nan
    gap = abs(float(one.mean() - other.mean()))
    spread = math.sqrt((float(one.var(ddof=1)) + float(other.var(ddof=1))) / 2)
    if gap == 0:
        return 0.0
    return gap / spread if spread > 0 else math.nan


def smd_shares(one: np.ndarray, other: np.ndarray) -> float:
    """Return the standardised difference of two distributions over the same categories.

    Parameters
    ----------
    one, other : ndarray
        Number of people in each category, in the same order.

    Returns
    -------
    float
        √(dᵀ S⁻¹ d), with d the differences of shares and S the mean of the two multinomial covariances, one category left out; nan
        when a group is empty or the two have no category in common (no scale to measure the gap).

    References
    ----------
    Yang & Dalton (2012), SAS Global Forum, paper 335.

    Examples
    --------
    >>> round(smd_shares(np.array([30, 70]), np.array([50, 50])), 4)
    0.417
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if one.sum() == 0 or other.sum() == 0:
        return math.nan
    if not ((one > 0) & (other > 0)).any():
        return math.nan
    used = (one + other) > 0
    p, q = one[used] / one.sum(), other[used] / other.sum()
    # The answer does not depend on which category is left out; the largest keeps S far from singular.
    kept = np.arange(len(p)) != int(np.argmax(p + q))
    p, q = p[kept], q[kept]
    if len(p) == 0:
        return 0.0
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    gap = p - q
    return math.sqrt(max(float(gap @ np.linalg.solve(covariance, gap)), 0.0))


def largest_pair(groups: list[np.ndarray], measure) -> float:
    """Return the largest of a measure over every pair of groups, nan when no pair has one.

    Examples
    --------
    >>> groups = [np.array([0.0, 2]), np.array([1.0, 3]), np.array([4.0, 6])]
    >>> round(largest_pair(groups, smd_means), 3)
    2.828
    """
    found = [measure(a, b) for a, b in combinations(groups, 2)]
    known = [v for v in found if not math.isnan(v)]
    return max(known) if known else math.nan
