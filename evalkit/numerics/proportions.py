"""Proportions, paired differences of proportions, and their intervals and tests, from counts alone.

Not for people or waves: `evalkit.comparison` pairs them and says what the numbers can and cannot show.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from scipy import optimize, stats

from evalkit.errors import InputError

ALTERNATIVES = ("two-sided", "greater", "less")
#: A probability smaller than a float can hold is given as the smallest float, which is an upper bound: never as 0.
_SMALLEST = sys.float_info.min


@dataclass(frozen=True)
class PairedCounts:
    """The 2 × 2 table of n people observed twice.

    Parameters
    ----------
    both : int
        1 before and 1 after.
    lost : int
        1 before, 0 after.
    gained : int
        0 before, 1 after.
    neither : int
        0 before and 0 after.

    Raises
    ------
    InputError
        If a count is negative or not whole.

    Examples
    --------
    >>> PairedCounts(both=1, lost=1, gained=7, neither=12).difference
    0.2857142857142857
    """

    both: int
    lost: int
    gained: int
    neither: int

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in vars(self).items() if value < 0 or value != int(value)}
        if wrong:
            raise InputError(f"paired counts: {wrong} must be whole numbers, zero or more")

    @property
    def n(self) -> int:
        """Number of pairs."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def discordant(self) -> int:
        """Number of people who changed."""
        return self.lost + self.gained

    @property
    def before(self) -> int:
        """Number of people at 1 before."""
        return self.both + self.lost

    @property
    def after(self) -> int:
        """Number of people at 1 after."""
        return self.both + self.gained

    @property
    def difference(self) -> float:
        """Proportion after minus proportion before; nan without pairs."""
        return (self.gained - self.lost) / self.n if self.n else math.nan


def wilson(x: float, n: float, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion, without continuity correction.

    Parameters
    ----------
    x, n : float
        Number of people with the outcome, number of people; n = 0 gives (nan, nan).
    conf_level : float

    Returns
    -------
    low, high : float

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17:857, method 3.

    Examples
    --------
    >>> [round(v, 4) for v in wilson(15, 148)]
    [0.0624, 0.1605]
    """
    if n == 0:
        return math.nan, math.nan
    z2 = _z(conf_level) ** 2
    p = x / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At the ends the interval touches 0 or 1 exactly; rounding must not push it past.
    return (0.0 if x == 0 else centre - half), (1.0 if x == n else centre + half)


def clopper_pearson(x: int, n: int, conf_level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a proportion, which covers at least at its level whatever the truth.

    Parameters
    ----------
    x, n : int
        Number of people with the outcome, number of people; n = 0 gives (nan, nan).
    conf_level : float

    Returns
    -------
    low, high : float

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26:404; Newcombe (1998), Statistics in Medicine 17:857, method 5.

    Examples
    --------
    >>> [round(v, 4) for v in clopper_pearson(15, 148)]
    [0.0578, 0.1617]
    """
    if n == 0:
        return math.nan, math.nan
    tail = (1 - conf_level) / 2
    low = 0.0 if x == 0 else float(stats.beta.ppf(tail, x, n - x + 1))
    high = 1.0 if x == n else float(stats.beta.isf(tail, x + 1, n - x))
    return low, high


def newcombe_paired(counts: PairedCounts, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Newcombe's square-and-add interval of the paired difference (after − before).

    The two Wilson intervals are joined with the correlation of the waves, itself corrected for continuity when positive.

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
    Newcombe (1998), Statistics in Medicine 17:2635, method 10.

    Examples
    --------
    >>> [round(v, 4) for v in newcombe_paired(PairedCounts(both=20, lost=2, gained=12, neither=16))]
    [0.0562, 0.3292]
    """
    n = counts.n
    if n == 0:
        return math.nan, math.nan
    p1, p2 = counts.before / n, counts.after / n
    low1, high1 = wilson(counts.before, n, conf_level)
    low2, high2 = wilson(counts.after, n, conf_level)
    phi = _newcombe_correlation(counts)
    down = (p2 - low2) ** 2 - 2 * phi * (p2 - low2) * (high1 - p1) + (high1 - p1) ** 2
    up = (high2 - p2) ** 2 - 2 * phi * (high2 - p2) * (p1 - low1) + (p1 - low1) ** 2
    difference = p2 - p1
    return difference - math.sqrt(max(down, 0.0)), difference + math.sqrt(max(up, 0.0))


def _newcombe_correlation(counts: PairedCounts) -> float:
    n = counts.n
    margins = counts.before * (n - counts.before) * counts.after * (n - counts.after)
    if margins == 0:
        return 0.0
    cross = counts.both * counts.neither - counts.lost * counts.gained
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    return cross / math.sqrt(margins)


def tango_paired(counts: PairedCounts, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Tango's score interval of the paired difference (after − before).

    The limits are the differences whose score statistic is exactly ± z; nothing breaks when nobody changed.

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
    Tango (1998), Statistics in Medicine 17:891, score interval.

    Examples
    --------
    >>> [round(v, 3) for v in tango_paired(PairedCounts(both=43, lost=1, gained=0, neither=0), 0.90)]
    [-0.096, 0.037]
    """
    if counts.n == 0:
        return math.nan, math.nan
    z = _z(conf_level)
    estimate = counts.difference

    def limit(end: float, target: float) -> float:
        if estimate == end:
            return end
        return float(
            optimize.brentq(
                lambda delta: tango_score(counts, delta) - target, estimate, end, xtol=1e-15, maxiter=500
            )
        )

    return limit(-1.0, z), limit(1.0, -z)


def tango_score(counts: PairedCounts, delta: float) -> float:
    """Return Tango's score statistic of the hypothesis "difference (after − before) = delta", standard normal under it.

    Parameters
    ----------
    counts : PairedCounts
        With at least one pair.
    delta : float
        In [−1, 1].

    Returns
    -------
    float
        Positive when the difference seen is above `delta`; at 0 it is McNemar's z.

    References
    ----------
    Tango (1998), Statistics in Medicine 17:891.

    Examples
    --------
    >>> round(tango_score(PairedCounts(both=43, lost=1, gained=0, neither=0), -0.1), 3)
    1.709
    """
    n = counts.n
    distance = counts.gained - counts.lost - n * delta
    if distance == 0:
        return 0.0
    # Restricted maximum likelihood of the probability of losing, given delta.
    b = -counts.discordant + (2 * n - counts.gained + counts.lost) * delta
    c = -counts.lost * delta * (1 - delta)
    p_lost = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * p_lost + delta * (1 - delta))
    # At delta = ±1 the variance vanishes: the statistic is infinite, and a very large number keeps the search going.
    return distance / math.sqrt(max(variance, 1e-12))


def mcnemar_exact(lost: int, gained: int, alternative: str = "two-sided") -> float:
    """Return the exact conditional p-value of McNemar's test: gained ~ Binomial(lost + gained, 1/2).

    Parameters
    ----------
    lost, gained : int
        Discordant pairs. Without any, p = 1.
    alternative : {"two-sided", "greater", "less"}
        "greater": the proportion is higher after than before.

    Returns
    -------
    float

    References
    ----------
    McNemar (1947), Psychometrika 12:153; Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.

    Examples
    --------
    >>> round(mcnemar_exact(1, 7), 4)
    0.0703
    """
    _check_alternative(alternative)
    m = lost + gained
    if alternative == "two-sided":
        return _positive(min(1.0, 2 * stats.binom.cdf(min(lost, gained), m, 0.5)))
    return _positive(stats.binom.cdf(lost if alternative == "greater" else gained, m, 0.5))


def mcnemar_mid_p(lost: int, gained: int, alternative: str = "two-sided") -> float:
    """Return the mid-p of McNemar's test: outcomes as extreme as the one seen count for half.

    Parameters
    ----------
    lost, gained : int
        Discordant pairs. Without any the mid-p is undefined and nan is returned (the formula would give 1/2 whatever happened).
    alternative : {"two-sided", "greater", "less"}
        "greater": the proportion is higher after than before.

    Returns
    -------
    float

    References
    ----------
    Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.

    Examples
    --------
    >>> round(mcnemar_mid_p(1, 7), 4)
    0.0391
    """
    _check_alternative(alternative)
    m = lost + gained
    if m == 0:
        return math.nan
    point = stats.binom.pmf(gained, m, 0.5)
    if alternative == "two-sided":
        if lost == gained:
            return float(1 - point / 2)
        return _positive(2 * stats.binom.cdf(min(lost, gained), m, 0.5) - point)
    return _positive(stats.binom.cdf(lost if alternative == "greater" else gained, m, 0.5) - point / 2)


def mcnemar_asymptotic(lost: int, gained: int, alternative: str = "two-sided") -> tuple[float, float]:
    """Return the statistic and p-value of McNemar's asymptotic test, without continuity correction.

    Parameters
    ----------
    lost, gained : int
        Discordant pairs. Without any the statistic is 0/0: (nan, nan).
    alternative : {"two-sided", "greater", "less"}

    Returns
    -------
    z : float
        (gained − lost) / √(gained + lost); its square is McNemar's chi-squared with one degree of freedom.
    p_value : float

    References
    ----------
    McNemar (1947), Psychometrika 12:153.

    Examples
    --------
    >>> [round(v, 3) for v in mcnemar_asymptotic(1, 7)]
    [2.121, 0.034]
    """
    _check_alternative(alternative)
    if lost + gained == 0:
        return math.nan, math.nan
    z = (gained - lost) / math.sqrt(gained + lost)
    if alternative == "two-sided":
        return z, _positive(2 * stats.norm.sf(abs(z)))
    return z, _positive(stats.norm.sf(z if alternative == "greater" else -z))


def mcnemar_floor(discordant: int, alternative: str = "two-sided", mid_p: bool = False) -> float:
    """Return the least p-value that so many discordant pairs can give, whatever the answer.

    Parameters
    ----------
    discordant : int
    alternative : {"two-sided", "greater", "less"}
    mid_p : bool
        For the mid-p instead of the exact test.

    Returns
    -------
    float
        nan for the mid-p without discordant pairs.

    Examples
    --------
    >>> mcnemar_floor(4), mcnemar_floor(4, mid_p=True)
    (0.125, 0.0625)
    """
    best = (discordant, 0) if alternative == "less" else (0, discordant)
    return (mcnemar_mid_p if mid_p else mcnemar_exact)(*best, alternative)


def _check_alternative(alternative: str) -> None:
    if alternative not in ALTERNATIVES:
        raise InputError(f"alternative must be one of {', '.join(ALTERNATIVES)}, but was {alternative!r}")


def _positive(p: float) -> float:
    return max(float(p), _SMALLEST)


def _z(conf_level: float) -> float:
    if not 0 < conf_level < 1:
        raise InputError(f"conf_level must lie strictly between 0 and 1, but was {conf_level}")
    return float(stats.norm.isf((1 - conf_level) / 2))
