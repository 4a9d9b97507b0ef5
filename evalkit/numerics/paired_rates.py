"""Ratio of two rates from counts of the same people at two dates: conditional on the total, and person by person.

Not for people or waves: from totals, or from two arrays of counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from evalkit.numerics.proportions import clopper_pearson
from evalkit.numerics.tails import from_tails, positive


@dataclass(frozen=True)
class Totals:
    """Events at two dates and the time behind them.

    Parameters
    ----------
    before, after : int
        Events in all.
    time_before, time_after : float
        Time (or any exposure) in all, above 0.

    Examples
    --------
    >>> Totals(11, 6, 800.0, 1083.0).ratio < 1
    True
    """

    before: int
    after: int
    time_before: float = 1.0
    time_after: float = 1.0

    @property
    def events(self) -> int:
        """Events at both dates."""
        return self.before + self.after

    @property
    def ratio(self) -> float:
        """Rate after over rate before; infinite without events before, nan without any event."""
        if self.before == 0:
            return math.inf if self.after else math.nan
        return self.after / self.time_after / (self.before / self.time_before)

    def share_after(self, ratio: float) -> float:
        """Return which share of the events falls after, if the rates have that ratio."""
        weight = ratio * self.time_after
        return weight / (weight + self.time_before)

    def ratio_of(self, share: float) -> float:
        """Return the ratio of rates that gives that share of events after."""
        if share >= 1:
            return math.inf
        return share / (1 - share) * self.time_before / self.time_after


def conditional_interval(
    totals: Totals, conf_level: float = 0.95, mid_p: bool = False
) -> tuple[float, float]:
    """Return the interval of the ratio of two Poisson rates, conditional on the number of events.

    Parameters
    ----------
    totals : Totals
    conf_level : float
    mid_p : bool
        False: exact, of Clopper and Pearson. True: mid-p, shorter, with the level kept on average only.

    Returns
    -------
    low, high : float
        `high` is infinite without events before; (nan, nan) without any event.

    References
    ----------
    Przyborowski & Wilenski (1940), Biometrika 31:313; as R's ``poisson.test(c(after, before), c(time_after, time_before))``. Mid-p:
    Cohen & Yang (1994), Statistics in Medicine 13:2189.

    Examples
    --------
    >>> [round(v, 4) for v in conditional_interval(Totals(17, 11, 1083.5, 800.0))]
    [0.371, 1.9834]
    """
    n = totals.events
    if n == 0:
        return math.nan, math.nan
    limits = (_mid_p_limits if mid_p else clopper_pearson)(totals.after, n, conf_level)
    return totals.ratio_of(limits[0]), totals.ratio_of(limits[1])


def _mid_p_limits(x: int, n: int, conf_level: float) -> tuple[float, float]:
    tail = (1 - conf_level) / 2

    def above(share: float) -> float:
        return stats.binom.sf(x, n, share) + stats.binom.pmf(x, n, share) / 2 - tail

    def below(share: float) -> float:
        return stats.binom.cdf(x - 1, n, share) + stats.binom.pmf(x, n, share) / 2 - tail

    low = 0.0 if x == 0 else optimize.brentq(above, 0.0, x / n if x < n else 1.0, xtol=1e-15)
    high = 1.0 if x == n else optimize.brentq(below, x / n if x > 0 else 0.0, 1.0, xtol=1e-15)
    return float(low), float(high)


def conditional_test(
    totals: Totals, alternative: str = "two-sided", ratio: float = 1.0, mid_p: bool = False
) -> float:
    """Return the p-value of the hypothesis that two Poisson rates have that ratio, conditional on the number of events.

    Two-sided: twice the smaller tail, so that test and interval agree. R's ``poisson.test`` adds up less likely outcomes instead
    (`least_likely_test`); the two are the same when both dates have the same exposure and `ratio` is 1.

    Returns
    -------
    float
        nan without any event.

    References
    ----------
    Przyborowski & Wilenski (1940), Biometrika 31:313; Fay (2010), Biostatistics 11:373.

    Examples
    --------
    >>> round(conditional_test(Totals(7, 1)), 4), round(conditional_test(Totals(7, 1), mid_p=True), 4)
    (0.0703, 0.0391)
    """
    n, x = totals.events, totals.after
    if n == 0:
        return math.nan
    law = stats.binom(n, totals.share_after(ratio))
    return from_tails(law.cdf(x), law.sf(x - 1), law.pmf(x), alternative, mid_p)


def conditional_floor(totals: Totals, alternative: str = "two-sided", mid_p: bool = False) -> float:
    """Return the least p-value of `conditional_test` that so many events can give, however they fall."""
    n = totals.events
    if n == 0:
        return math.nan
    ends = (
        Totals(n, 0, totals.time_before, totals.time_after),
        Totals(0, n, totals.time_before, totals.time_after),
    )
    return min(conditional_test(end, alternative, mid_p=mid_p) for end in ends)


def least_likely_test(totals: Totals) -> tuple[float, float]:
    """Return the two-sided p-value that adds up all outcomes no likelier than the one seen (R's ``poisson.test``), and its floor.

    Examples
    --------
    >>> round(least_likely_test(Totals(17, 11, 1083.5, 800.0))[0], 4)
    0.8492
    """
    n, share = totals.events, totals.share_after(1.0)
    if n == 0:
        return math.nan, math.nan
    p, *ends = (positive(stats.binomtest(x, n, share).pvalue) for x in (totals.after, 0, n))
    return p, min(ends)


@dataclass(frozen=True)
class Robust:
    """The ratio of two rates with a variance estimated from person to person.

    Parameters
    ----------
    log_ratio, std_error : float
        nan when a total is 0; the error is nan when it would be 0 (everybody changed in the same proportion), or with one person.
    df : float
        Of Student's law: people − 1.
    """

    log_ratio: float
    std_error: float
    df: float

    def interval(self, conf_level: float) -> tuple[float, float]:
        """Return the interval of the ratio."""
        half = stats.t.isf((1 - conf_level) / 2, self.df) * self.std_error
        return math.exp(self.log_ratio - half), math.exp(self.log_ratio + half)

    def test(self, alternative: str = "two-sided", ratio: float = 1.0) -> tuple[float, float]:
        """Return the t statistic and p-value of the hypothesis that the rates have that ratio."""
        t = (self.log_ratio - math.log(ratio)) / self.std_error
        if alternative == "two-sided":
            return t, positive(2 * stats.t.sf(abs(t), self.df))
        return t, positive(stats.t.sf(t if alternative == "greater" else -t, self.df))


def robust_ratio(before: np.ndarray, after: np.ndarray, exposure: tuple[float, float] = (1.0, 1.0)) -> Robust:
    """Return the ratio of two rates with a variance that supposes nothing about how events of a person go together.

    Parameters
    ----------
    before, after : array, shape (n,)
        Counts of each person.
    exposure : (float, float)
        Time of each person at each date.

    Returns
    -------
    Robust

    Notes
    -----
    Delta method on the two means of the same people: the variance of the log ratio is that of the mean of
    (after_i / mean after − before_i / mean before), with divisor n − 1. It is the sandwich variance of a Poisson
    regression on the date, clustered by person, times n / (n − 1) (``sandwich::vcovCL(type = "HC0", cadjust = TRUE)``).

    References
    ----------
    Liang & Zeger (1986), Biometrika 73:13.

    Examples
    --------
    >>> found = robust_ratio(np.array([3, 0, 2, 5]), np.array([1, 1, 2, 2]))
    >>> round(math.exp(found.log_ratio), 3), round(found.std_error, 4)
    (0.6, 0.3485)
    """
    n, total_before, total_after = len(before), float(np.sum(before)), float(np.sum(after))
    if n == 0 or total_before == 0 or total_after == 0:
        return Robust(math.nan, math.nan, math.nan)
    log_ratio = math.log(total_after / total_before) - math.log(exposure[1] / exposure[0])
    if n == 1:
        return Robust(log_ratio, math.nan, math.nan)
    # In whole numbers as long as possible, so that people who all changed alike give exactly 0.
    parts = (np.asarray(after) * total_before - np.asarray(before) * total_after) * (
        n / total_after / total_before
    )
    error = math.sqrt(float((parts**2).sum()) / (n * (n - 1)))
    return Robust(log_ratio, error if error > 0 else math.nan, float(n - 1))


@dataclass(frozen=True)
class Dispersion:
    """How much people's changes differ, against what chance alone would give.

    Parameters
    ----------
    ratio : float
        Pearson's statistic over `df`: about 1 if events fall before or after by chance, more if they are clumped by person.
    statistic, df : float
    """

    ratio: float
    statistic: float
    df: float


def dispersion(before: np.ndarray, after: np.ndarray) -> Dispersion:
    """Return Pearson's dispersion of the share of each person's events that fall after.

    Given a person's events in all, the number after is binomial if rates multiply and events are independent, however much people
    differ in how many they have. Dispersion above 1 says they are not, and that intervals from totals are too narrow.

    Parameters
    ----------
    before, after : array, shape (n,)

    Returns
    -------
    Dispersion
        nan with fewer than two people with events, or all events at one date.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 4.5.

    Examples
    --------
    >>> round(dispersion(np.array([3, 0, 2, 5]), np.array([1, 1, 2, 2])).ratio, 3)
    0.813
    """
    each = np.asarray(before, dtype=float) + np.asarray(after, dtype=float)
    some = each > 0
    each, seen = each[some], np.asarray(after, dtype=float)[some]
    share = seen.sum() / each.sum() if len(each) else math.nan
    if len(each) < 2 or share in (0.0, 1.0):
        return Dispersion(math.nan, math.nan, math.nan)
    statistic = float(((seen - each * share) ** 2 / (each * share * (1 - share))).sum())
    return Dispersion(statistic / (len(each) - 1), statistic, float(len(each) - 1))
