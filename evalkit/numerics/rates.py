"""Two rates of events: their ratio, exact given the total, and robust to people who differ more than chance makes them.

Not for people seen at two dates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from evalkit.numerics.proportions import clopper_pearson
from evalkit.numerics.tails import log_chances, positive

#: Beyond so many events the chances of all their splits are not listed.
_LISTED = 1_000_000


def exact_rate_ratio(
    x0: int, e0: float, x1: int, e1: float, conf_level: float = 0.95
) -> tuple[float, float, float]:
    """Return the ratio of two Poisson rates and its exact interval, given the total of events.

    Parameters
    ----------
    x0, e0 : number
        Events and exposure of the reference group.
    x1, e1 : number
        Of the other group.
    conf_level : float

    Returns
    -------
    estimate, low, high : float
        nan, 0, inf without events; an infinite ratio when only the reference has none.

    References
    ----------
    Przyborowski & Wilenski (1940), Biometrika 31:313; as R's ``poisson.test``.

    Examples
    --------
    >>> [round(v, 4) for v in exact_rate_ratio(2, 17877, 11, 23011)]
    [4.2729, 0.9325, 39.672]
    """
    if x0 + x1 == 0:
        return math.nan, 0.0, math.inf
    low, high = clopper_pearson(x1, x0 + x1, conf_level)
    scale = e0 / e1
    estimate = x1 / x0 * scale if x0 else math.inf
    return estimate, low / (1 - low) * scale, (high / (1 - high) if high < 1 else math.inf) * scale


def exact_rate_p(
    x0: int, e0: float, x1: int, e1: float, ratio: float = 1.0, alternative: str = "two-sided", mid_p: bool = False
) -> float:  # fmt: skip
    """Return the p-value that the ratio of two Poisson rates is `ratio`, given the total of events.

    Parameters
    ----------
    x0, e0, x1, e1 : number
        Events and exposure of the reference and of the other group.
    ratio : float
    alternative : {"two-sided", "greater", "less"}
        Two-sided: totals no more likely than the one seen.
    mid_p : bool
        Count what is exactly as likely as what was seen (one-sided: that alone) by half.

    Returns
    -------
    float
        1 without events (mid-p: nan).

    References
    ----------
    Przyborowski & Wilenski (1940), Biometrika 31:313; as R's ``poisson.test``.

    Examples
    --------
    >>> round(exact_rate_p(2, 17877, 11, 23011), 5)
    0.0492
    """
    total = x0 + x1
    if total == 0:
        return math.nan if mid_p else 1.0
    if total > _LISTED:
        return _by_tails(int(x1), int(total), ratio * e1 / (ratio * e1 + e0), alternative, mid_p)
    before = np.arange(total)
    chance = np.exp(log_chances(np.log((total - before) / (before + 1)) + math.log(ratio * e1 / e0)))
    here = np.arange(total + 1) == x1
    share = 0.5 if mid_p else 1.0
    if alternative == "two-sided":
        at = chance[here][0]
        same = np.abs(chance - at) <= 1e-7 * at if at > 0 else here
        return positive(chance @ (((chance < at) & ~same) + share * same))
    beyond = np.arange(total + 1) > x1 if alternative == "greater" else np.arange(total + 1) < x1
    return positive(chance @ (beyond + share * here))


def _by_tails(x: int, total: int, share: float, alternative: str, mid_p: bool) -> float:
    """Return the same p-value from the binomial law's tails: with many events, its points are too many to list."""
    law = stats.binom(total, share)
    here = law.pmf(x)
    half = 0.5 * here if mid_p else 0.0
    if alternative != "two-sided":
        return positive((law.sf(x - 1) if alternative == "greater" else law.cdf(x)) - half)
    alike = lambda k: half if mid_p and abs(law.pmf(k) - here) <= 1e-7 * here else 0.0
    mode = int((total + 1) * share)
    if abs(law.logpmf(x) - law.logpmf(mode)) <= 1e-7:
        return positive(1.0 - half - sum(alike(k) for k in {mode - 1, mode, mode + 1} - {x}))
    # On the other side of the mode, chances fall steadily: the first point no more likely than x is found by halving.
    low, high = (mode, total + 1) if x < mode else (-1, mode)
    enough = lambda k: law.logpmf(k) <= law.logpmf(x) + 1e-7
    while high - low > 1:
        middle = (low + high) // 2
        inward = enough(middle) if x < mode else not enough(middle)
        low, high = (low, middle) if inward else (middle, high)
    far = law.sf(high - 1) if x < mode else law.cdf(low)
    near = law.cdf(x) if x < mode else law.sf(x - 1)
    return positive(min(1.0, near + far - half - alike(high if x < mode else low)))


@dataclass(frozen=True)
class Robust:
    """A log rate ratio, or a difference of rates, whose precision comes from the spread between people.

    Parameters
    ----------
    estimate, std_error, df : float
    """

    estimate: float
    std_error: float
    df: float

    def interval(self, conf_level: float) -> tuple[float, float]:
        """Return the interval of Student's law."""
        half = float(special.stdtrit(self.df, (1 + conf_level) / 2)) * self.std_error
        return self.estimate - half, self.estimate + half

    def p_value(self, alternative: str = "two-sided", value: float = 0.0) -> float:
        """Return the p-value that the estimate is `value`."""
        t = (self.estimate - value) / self.std_error
        if alternative == "two-sided":
            return positive(2 * special.stdtr(self.df, -abs(t)))
        return positive(special.stdtr(self.df, -t if alternative == "greater" else t))


def spread_of_rate(count: np.ndarray, exposure: np.ndarray) -> float:
    """Return the variance of a rate Σy / Σe from how people differ from it; nan for one person.

    Notes
    -----
    Σ (yᵢ − λ eᵢ)² / (1 − hᵢ) / (Σ e)², hᵢ = eᵢ / Σ e: the HC2 variance of a Poisson model with one rate (MacKinnon & White 1985,
    Journal of Econometrics 29:305); with equal exposures the variance of a mean.

    Examples
    --------
    >>> y = np.array([0.0, 3.0, 1.0, 4.0])
    >>> bool(abs(spread_of_rate(y, np.ones(4)) - y.var(ddof=1) / 4) < 1e-15)
    True
    """
    if len(count) < 2:
        return math.nan
    total = exposure.sum()
    off = count - count.sum() / total * exposure
    return float((off**2 / (1 - exposure / total)).sum() / total**2)


def quasi_poisson(x0: float, x1: float, rates: tuple[float, float], dispersion: float, df: float) -> Robust:
    """Return the log rate ratio with variance dispersion · (1 / x0 + 1 / x1), on df = n − 2.

    References
    ----------
    McCullagh & Nelder (1989), §6.2; as R's ``glm(family = quasipoisson)``.

    Examples
    --------
    >>> round(quasi_poisson(10, 20, (1.0, 2.0), 1.5, 18).std_error, 4)
    0.4743
    """
    return Robust(math.log(rates[1] / rates[0]), math.sqrt(dispersion * (1 / x0 + 1 / x1)), df)


def dispersion_of(count: np.ndarray, exposure: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's dispersion of counts around one rate per group: Σ (y − μ)² / μ over n − 2.

    Examples
    --------
    >>> dispersion_of(np.array([1.0, 3, 2, 6]), np.ones(4), np.array([False, False, True, True]))
    1.5
    """
    total = 0.0
    for mine in (~other, other):
        expected = count[mine].sum() / exposure[mine].sum() * exposure[mine]
        total += float(((count[mine] - expected) ** 2 / expected).sum())
    return total / (len(count) - 2)
