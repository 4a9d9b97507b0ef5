"""Standardised sizes of a paired difference, each with an interval: d_z, d_av and its unbiased version, matched rank-biserial.

Not tests, and not for choosing what is large: that depends on the outcome.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.normal import z_value

#: Beyond it the noncentral t is computed as its limit, which scipy's series does not reach.
_HUGE = 2e4


@dataclass(frozen=True)
class Size:
    """One effect size with its interval.

    Parameters
    ----------
    estimate : float
    conf_low, conf_high : float
        nan when the interval does not exist.
    std_error : float
        nan when the interval is not made from one.
    """

    estimate: float
    conf_low: float
    conf_high: float
    std_error: float = math.nan


def d_z(differences: np.ndarray, conf_level: float = 0.95) -> Size:
    """Return the mean difference over the standard deviation of the differences, with its exact noncentral-t interval.

    Parameters
    ----------
    differences : float array, shape (n,)
        At least two, not all equal.
    conf_level : float

    Returns
    -------
    Size

    Notes
    -----
    The interval is exact for normal differences: its ends are the noncentralities for which the t seen lies at either tail, over √n.

    References
    ----------
    Cohen (1988), Statistical Power Analysis, §2.3.5. Steiger & Fouladi (1997), in What If There Were No Significance Tests?, p. 221.

    Examples
    --------
    >>> found = d_z(np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
    >>> round(found.estimate, 4), round(found.conf_low, 4), round(found.conf_high, 4)
    (0.4192, -0.2397, 1.0573)
    """
    n = len(differences)
    root = math.sqrt(n)
    size = float(np.mean(differences) / np.std(differences, ddof=1))
    tail = (1 - conf_level) / 2
    low, high = (noncentrality(size * root, n - 1, p) / root for p in (1 - tail, tail))
    return Size(size, low, high)


def noncentrality(t: float, df: float, probability: float) -> float:
    """Return the noncentrality for which a t below `t` has this probability.

    Examples
    --------
    >>> round(noncentrality(0.0, 9, 0.975), 4)
    -1.96
    """
    from scipy import optimize, special, stats

    if t < 0:
        return -noncentrality(-t, df, 1 - probability)
    if t > _HUGE:
        # The normal part no longer counts (by 1 in t²): T is below t when its chi is above c / t.
        return t * math.sqrt(float(stats.chi2.isf(probability, df)) / df)
    off = lambda c: float(stats.nct.cdf(t, df, c)) - probability
    # T is below t at least as often as below 0, so the answer is no smaller than this; at t = 0 it is this, to the last digit.
    low = -float(special.ndtri(probability))
    if off(low) <= 0:
        return low
    step = 1.0 + t
    high = low + step
    while off(high) > 0:
        high += step
    return float(optimize.brentq(off, low, high, xtol=1e-12, rtol=1e-14, maxiter=500))


def d_av(before: np.ndarray, after: np.ndarray, conf_level: float = 0.95) -> tuple[Size, Size]:
    """Return the mean difference over the root of the mean of the two variances, as it is and without its bias.

    Parameters
    ----------
    before, after : float array, shape (n,)
        At least two; one of them varies.
    conf_level : float

    Returns
    -------
    d_av, g_av : Size
        Both with Bonett's interval around d_av; g_av is d_av √((n − 2) / (n − 1)), nan below three pairs.

    References
    ----------
    Bonett (2008), Psychological Methods 13:99, equation 6 and the adjustment below it; unequal variances allowed. Cumming (2012),
    Understanding the New Statistics, p. 291.

    Examples
    --------
    >>> b = np.array([12.0, 15, 9, 14, 10, 11, 13, 8])
    >>> plain, unbiased = d_av(b, b + np.array([1.0, 2, 0, 1, 3, 1, 0, 2]))
    >>> round(plain.estimate, 4), round(unbiased.estimate, 4), round(plain.conf_low, 4), round(plain.conf_high, 4)
    (0.5, 0.4629, 0.1036, 0.8964)
    """
    n = len(before)
    v1, v2 = float(np.var(before, ddof=1)), float(np.var(after, ddof=1))
    both = float(np.cov(before, after)[0, 1])
    variance = (v1 + v2) / 2
    size = float(np.mean(after) - np.mean(before)) / math.sqrt(variance)
    df = n - 1
    se = math.sqrt(
        size**2 * (v1**2 + v2**2 + 2 * both**2) / (8 * df * variance**2)
        + max(v1 + v2 - 2 * both, 0.0) / (df * variance)
    )
    low, high = size - z_value(conf_level) * se, size + z_value(conf_level) * se
    unbiased = size * math.sqrt((n - 2) / df) if n > 2 else math.nan
    return Size(size, low, high, se), Size(unbiased, low, high, se)


def rank_biserial(differences: np.ndarray, zeros: str = "wilcoxon", conf_level: float = 0.95) -> Size:
    """Return the matched rank-biserial correlation: ranks for a rise less ranks for a fall, over all ranks that have a sign.

    It is also, of all pairs of people (each with itself too), the share whose two differences add up to a rise, less the share that
    add up to a fall.

    Parameters
    ----------
    differences : float array, shape (n,)
        Some not zero.
    zeros : {"wilcoxon", "pratt"}
        Zeros left out before ranking, or ranked and then left out.
    conf_level : float

    Returns
    -------
    Size
        The interval is nan when all differences have the same sign: its error would be zero.

    Notes
    -----
    The interval is Wilson's of the share (1 + r) / 2 of pairs that rise, with the t quantile of n − 1 degrees of freedom, and with as
    many people as would give that share its error as a U-statistic (Hoeffding 1948, Annals of Mathematical Statistics 19:293),
    estimated from how each person's difference stands against everybody's. R's effectsize takes the variance under "no change"
    instead, and covers 0.80 to 0.85 where most change, however many people there are.

    References
    ----------
    Kerby (2014), Comprehensive Psychology 3:11.IT.3.1. King & Minium (2003), Statistical Reasoning in Psychology and Education.

    Examples
    --------
    >>> found = rank_biserial(np.array([3.0, 1.0, -2.0, 5.0, 4.0, 6.0, -1.0]))
    >>> round(found.estimate, 4), round(found.conf_low, 4), round(found.conf_high, 4)
    (0.6786, -0.3632, 0.9663)
    """
    from scipy import special, stats

    d = np.asarray(differences, dtype=float)
    if zeros == "wilcoxon":
        d = d[d != 0]
    ranks = stats.rankdata(np.abs(d))[d != 0]
    size = float((np.sign(d[d != 0]) * ranks).sum() / ranks.sum())
    n = len(d)
    if abs(size) >= 1:
        return Size(size, math.nan, math.nan)
    ordered = np.sort(d)
    above = n - np.searchsorted(ordered, -d, side="right")
    below = np.searchsorted(ordered, -d, side="left")
    # Each person against everybody: rises less falls, and pairs with a sign; the pair with oneself counts in full, others are shared.
    score = (above - below + np.sign(d)) / (n + 1)
    signed = np.where(d == 0, (d != 0).sum(), n + 1) / (n + 1)
    se = 2 * float(np.std((score - size * signed) / signed.mean(), ddof=1)) / math.sqrt(n)
    share, z2 = (1 + size) / 2, float(special.stdtrit(n - 1, (1 + conf_level) / 2)) ** 2
    people = share * (1 - share) / (se / 2) ** 2
    middle = (share + z2 / (2 * people)) / (1 + z2 / people)
    half = math.sqrt(z2 * (share * (1 - share) / people + z2 / (4 * people**2))) / (1 + z2 / people)
    return Size(size, 2 * (middle - half) - 1, 2 * (middle + half) - 1, se)
