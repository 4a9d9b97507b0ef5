"""Proportions of the same people at two dates, further than their difference: its adjusted Wald interval, their ratio, and how near
to "no difference" they are.

Not for people or waves: from the 2 × 2 table alone, as `proportions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize, stats

from evalkit.numerics.normal import z_value
from evalkit.numerics.proportions import PairedCounts, tango_score
from evalkit.numerics.tails import positive


def bonett_price_paired(counts: PairedCounts, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Bonett and Price's adjusted Wald interval of the paired difference (after − before).

    Half a person is added to each of the four cells *of the interval*, so that the Wald formula uses (lost + 1) / (n + 2) and
    (gained + 1) / (n + 2); the estimate is left alone. Limits beyond −1 and 1 are cut off there.

    Parameters
    ----------
    counts : PairedCounts
    conf_level : float

    Returns
    -------
    low, high : float
        (nan, nan) without pairs.

    References
    ----------
    Bonett & Price (2012), Journal of Educational and Behavioral Statistics 37:479; Fagerland, Lydersen & Laake (2014), Statistics in
    Medicine 33:2850, section 4.4.

    Examples
    --------
    >>> [round(v, 4) for v in bonett_price_paired(PairedCounts(both=59, lost=16, gained=6, neither=80))]
    [-0.1195, -0.0032]
    """
    n = counts.n
    if n == 0:
        return math.nan, math.nan
    lost, gained = (counts.lost + 1) / (n + 2), (counts.gained + 1) / (n + 2)
    centre = gained - lost
    half = z_value(conf_level) * math.sqrt((lost + gained - centre**2) / (n + 2))
    return max(centre - half, -1.0), min(centre + half, 1.0)


def bonett_price_ratio(counts: PairedCounts, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Bonett and Price's hybrid Wilson interval of the ratio of two paired proportions (after / before).

    Two Wilson intervals, among people at 1 at least once, at a level such that their quotient has the level asked.

    Parameters
    ----------
    counts : PairedCounts
    conf_level : float

    Returns
    -------
    low, high : float
        `high` is infinite when nobody was at 1 before; (nan, nan) when nobody ever was.

    References
    ----------
    Bonett & Price (2006), Psychological Methods 11:1, as given in Fagerland, Lydersen & Laake (2014), Statistics in Medicine 33:2850.

    Examples
    --------
    >>> [round(v, 4) for v in bonett_price_ratio(PairedCounts(both=59, lost=16, gained=6, neither=80))]
    [0.7579, 0.991]
    """
    ever = counts.both + counts.lost + counts.gained
    if ever == 0:
        return math.nan, math.nan
    after, before = counts.after + 1, counts.before + 1
    joint = math.sqrt((counts.discordant + 2) / (after * before))
    apart = sum(math.sqrt((1 - x / (ever + 2)) / x) for x in (after, before))
    z = joint / apart * z_value(conf_level)
    low_after, high_after = _wilson(counts.after, ever, z)
    low_before, high_before = _wilson(counts.before, ever, z)
    return low_after / high_before, high_after / low_before if low_before > 0 else math.inf


def _wilson(x: int, n: int, z: float) -> tuple[float, float]:
    """Return the Wilson limits at a quantile rather than a level; exactly 0 and 1 at the ends."""
    spread = z * math.sqrt(z * z + 4 * x * (1 - x / n))
    low = 0.0 if x == 0 else (2 * x + z * z - spread) / (2 * (n + z * z))
    high = 1.0 if x == n else (2 * x + z * z + spread) / (2 * (n + z * z))
    return low, high


def tang_ratio(counts: PairedCounts, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Tang's score interval of the ratio of two paired proportions (after / before).

    The limits are the ratios whose score statistic is exactly ± z; nothing breaks when nobody changed.

    Parameters
    ----------
    counts : PairedCounts
    conf_level : float

    Returns
    -------
    low, high : float
        `high` is infinite when nobody was at 1 before; (nan, nan) when nobody ever was.

    References
    ----------
    Tang, Tang & Chan (2003), Statistics in Medicine 22:1217.

    Examples
    --------
    >>> [round(v, 4) for v in tang_ratio(PairedCounts(both=59, lost=16, gained=6, neither=80))]
    [0.7476, 0.9876]
    """
    if counts.both + counts.discordant == 0:
        return math.nan, math.nan
    z = z_value(conf_level)

    def off(target: float) -> Callable[[float], float]:
        return lambda log_ratio: _tang_score(counts, math.exp(log_ratio)) - target

    low = 0.0 if counts.after == 0 else math.exp(_root(off(z), counts, step=-1.0))
    high = math.inf if counts.before == 0 else math.exp(_root(off(-z), counts, step=1.0))
    return low, high


def _root(off: Callable[[float], float], counts: PairedCounts, step: float) -> float:
    """Return where `off`, which falls as the ratio grows, is 0, going from the estimate in the direction of `step`."""
    # Without a finite estimate the search starts at a ratio surely on the right side of it.
    ends = {0: -math.log(counts.n) - 20.0, 1: math.log(counts.n) + 20.0}
    if counts.after == 0:
        start = ends[0]
    elif counts.before == 0:
        start = ends[1]
    else:
        start = math.log(counts.after / counts.before)
    there = start + step
    while off(there) * step > 0:
        there += step
    return float(optimize.brentq(off, start, there, xtol=1e-14, maxiter=500))


def _tang_score(counts: PairedCounts, ratio: float) -> float:
    """Return the score statistic of the hypothesis "after = ratio × before"."""
    distance = counts.after - ratio * counts.before
    if distance == 0:
        return 0.0
    n, ever = counts.n, counts.both + counts.discordant
    # Restricted maximum likelihood of the probability of losing, given the ratio: the larger root of a p² + b p + c.
    a = n * (1 + ratio)
    b = counts.before * ratio**2 - (counts.after + 2 * counts.lost)
    c = counts.lost * (1 - ratio) * ever / n
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    # Written so that nothing cancels, whatever the sign of b.
    p_lost = (root - b) / (2 * a) if b <= 0 else -2 * c / (b + root)
    variance = n * (1 + ratio) * max(p_lost, 0.0) + ever * (ratio - 1)
    return distance / math.sqrt(max(variance, 1e-300))


def tango_equivalence(counts: PairedCounts, margin: tuple[float, float]) -> tuple[float, float]:
    """Return the statistic and p-value of two one-sided score tests: is the paired difference within the margins?

    Parameters
    ----------
    counts : PairedCounts
        With at least one pair.
    margin : (float, float)
        Least and greatest difference that do not matter, in (−1, 1); an infinite side is not tested (non-inferiority).

    Returns
    -------
    statistic : float
        Of the side that is less clear, positive when the difference lies within.
    p_value : float
        The larger of the two. It is at most α exactly when Tango's interval at
        the level 1 − 2α lies within them.

    References
    ----------
    Tango (1998), Statistics in Medicine 17:891; Liu, Hsueh, Hsieh & Chen (2002), Statistics in Medicine 21:231 (the test with
    restricted maximum likelihood, without continuity correction).

    Examples
    --------
    >>> [round(v, 3) for v in tango_equivalence(PairedCounts(both=43, lost=1, gained=0, neither=0), (-0.1, math.inf))]
    [1.709, 0.044]
    """
    low, high = margin
    sides = []
    if math.isfinite(low):
        sides.append(tango_score(counts, low))
    if math.isfinite(high):
        sides.append(-tango_score(counts, high))
    statistic = min(sides)
    return statistic, positive(stats.norm.sf(statistic))
