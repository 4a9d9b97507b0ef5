"""Exact tests of a 2 × 2 table of two groups, and the exact odds ratio.

Not score intervals: those are in `two_proportions`.
"""

from __future__ import annotations

import math
import sys

import numpy as np
from scipy import optimize, special

from evalkit.numerics.tails import log_chances
from evalkit.numerics.two_proportions import TwoCounts

_SMALLEST = sys.float_info.min
#: Tables are "as likely" when their probabilities agree to this ratio, as in R's ``fisher.test``.
_TIED = 1 + 1e-7
#: Most tables (n0 + 1)(n1 + 1) that the unconditional test goes through.
MOST_TABLES = 40_000


def fisher(counts: TwoCounts, alternative: str = "two-sided", mid_p: bool = False) -> float:
    """Return the p-value of Fisher's exact test, given both margins.

    Parameters
    ----------
    counts : TwoCounts
    alternative : {"two-sided", "greater", "less"}
        "greater": more in the other group. Two-sided: tables no more likely than the one seen.
    mid_p : bool
        Count tables exactly as likely as the one seen (one-sided: that one) by half.

    Returns
    -------
    float

    References
    ----------
    Fisher (1935); Fagerland, Lydersen & Laake (2015), Statistical Methods in Medical Research 24:224, section 4.

    Examples
    --------
    >>> tea = TwoCounts(1, 4, 3, 4)
    >>> round(fisher(tea), 5), round(fisher(tea, mid_p=True), 5)
    (0.48571, 0.25714)
    """
    values, log_chance = _hypergeometric(counts)
    return _p_of(values, np.exp(log_chance), counts.x1, alternative, mid_p)


def fisher_floor(counts: TwoCounts, alternative: str = "two-sided", mid_p: bool = False) -> float:
    """Return the least p-value that these margins can give.

    Examples
    --------
    >>> round(fisher_floor(TwoCounts(1, 4, 3, 4)), 5)
    0.02857
    """
    values, log_chance = _hypergeometric(counts)
    chance = np.exp(log_chance)
    return min(_p_of(values, chance, int(end), alternative, mid_p) for end in (values[0], values[-1]))


def _hypergeometric(counts: TwoCounts) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of the other group may have the outcome given the margins, and the logarithm of how likely."""
    values = np.arange(max(0, counts.x - counts.n0), min(counts.n1, counts.x) + 1)
    v = values[:-1].astype(float)
    ways = (counts.n1 - v) * (counts.x - v) / ((v + 1) * (counts.n0 - counts.x + v + 1))
    return values, log_chances(np.log(ways))


def _p_of(values: np.ndarray, chance: np.ndarray, seen: int, alternative: str, mid_p: bool) -> float:
    here = values == seen
    if alternative == "two-sided":
        at = chance[here][0]
        as_likely = (chance <= at * _TIED) & (chance >= at / _TIED)
        beyond = (chance < at / _TIED).astype(float) + as_likely * (0.5 if mid_p else 1.0)
    else:
        beyond = (values > seen if alternative == "greater" else values < seen) + here * (
            0.5 if mid_p else 1.0
        )
    return min(max(float(chance @ beyond), _SMALLEST), 1.0)


def boschloo(counts: TwoCounts) -> float:
    """Return the two-sided p-value of the Fisher-Boschloo test: Fisher's p as statistic, only the group sizes given.

    Parameters
    ----------
    counts : TwoCounts

    Returns
    -------
    float
        The largest chance, whatever the common share, of a table whose Fisher p is no larger than the one seen. Nan beyond
        `MOST_TABLES` tables.

    References
    ----------
    Boschloo (1970), Statistica Neerlandica 24:1; Lydersen, Fagerland & Laake (2009), Statistics in Medicine 28:1159.

    Examples
    --------
    >>> round(boschloo(TwoCounts(1, 4, 3, 4)), 4)
    0.2891
    """
    n0, n1 = counts.n0, counts.n1
    if (n0 + 1) * (n1 + 1) > MOST_TABLES:
        return math.nan
    rejected = (_fisher_of_all(n0, n1) <= fisher(counts) * _TIED).astype(float)

    def chance(share: np.ndarray) -> np.ndarray:
        return ((_binomial(n0, share) @ rejected) * _binomial(n1, share)).sum(axis=1)

    # The chance is a polynomial in the share, with a few bumps per person at most: a grid finds the highest, a search climbs them.
    grid = np.linspace(0, 1, 40 * int(math.sqrt(n0 + n1)) + 201)
    heights = chance(grid)
    padded = np.concatenate([[-1.0], heights, [-1.0]])
    bumps = np.flatnonzero((heights >= padded[:-2]) & (heights >= padded[2:]))
    best = float(heights.max())
    for k in bumps[np.argsort(heights[bumps])[-2:]]:
        ends = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
        top = optimize.minimize_scalar(
            lambda s: -chance(np.array([s]))[0], bounds=ends, method="bounded", options={"xatol": 1e-9}
        )
        best = max(best, -float(top.fun))
    return min(max(best, _SMALLEST), 1.0)


def _binomial(n: int, share: np.ndarray) -> np.ndarray:
    """Return the chance of 0 … n at each share, shape (shares, n + 1)."""
    k = np.arange(n + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    p = share[:, None]
    return np.exp(ways + special.xlogy(k, p) + special.xlog1py(n - k, -p))


def _fisher_of_all(n0: int, n1: int) -> np.ndarray:
    """Return the two-sided Fisher p of every table, shape (n0 + 1, n1 + 1)."""
    out = np.ones((n0 + 1, n1 + 1))
    ways = [
        special.gammaln(n + 1) - special.gammaln(np.arange(n + 1) + 1) - special.gammaln(n - np.arange(n + 1) + 1)
        for n in (n0, n1)
    ]  # fmt: skip
    for x in range(n0 + n1 + 1):
        values = np.arange(max(0, x - n0), min(n1, x) + 1)
        log_chance = ways[0][x - values] + ways[1][values]
        chance = np.exp(log_chance - log_chance.max())
        order = np.argsort(chance, kind="stable")
        total = np.cumsum(chance[order]) / chance.sum()
        last = np.searchsorted(chance[order], chance * _TIED, side="right") - 1
        out[x - values, values] = total[last]
    return out


def conditional_odds_ratio(counts: TwoCounts, conf_level: float = 0.95) -> tuple[float, float, float]:
    """Return the odds ratio most likely given both margins, and its exact interval (Cornfield's exact).

    Parameters
    ----------
    counts : TwoCounts
    conf_level : float

    Returns
    -------
    estimate, low, high : float
        As R's ``fisher.test``, whose limits stop at three digits: 0 or inf where a
        cell is empty; nan, 0, inf when only one table has these margins.

    References
    ----------
    Cornfield (1956), Third Berkeley Symposium 4:135; Fisher's noncentral hypergeometric law.

    Examples
    --------
    >>> [round(v, 3) for v in conditional_odds_ratio(TwoCounts(1, 4, 3, 4))]
    [6.408, 0.212, 626.244]
    """
    values, log_chance = _hypergeometric(counts)
    low_end, high_end = counts.x1 == values[0], counts.x1 == values[-1]
    if len(values) == 1:
        return math.nan, 0.0, math.inf

    def law(log_psi: float) -> np.ndarray:
        tilted = log_chance + values * log_psi
        return np.exp(tilted - special.logsumexp(tilted))

    tail = (1 - conf_level) / 2
    above, below = values >= counts.x1, values <= counts.x1
    estimate = 0.0 if low_end else math.inf
    if not (low_end or high_end):
        estimate = _solve(lambda t: float(law(t) @ (values - counts.x1)))
    low = 0.0 if low_end else _solve(lambda t: float(law(t) @ above) - tail)
    high = math.inf if high_end else _solve(lambda t: tail - float(law(t) @ below))
    return estimate, low, high


def _solve(rising) -> float:
    """Return the ratio at whose logarithm a rising function is 0."""
    far = 1.0
    while rising(-far) > 0 or rising(far) < 0:
        far *= 2
    return math.exp(optimize.brentq(rising, -far, far, xtol=1e-15, rtol=4 * sys.float_info.epsilon))
