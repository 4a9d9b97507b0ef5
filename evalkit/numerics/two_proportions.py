"""Two independent proportions: difference, ratio and odds ratio with score intervals, and margins, from counts alone.

Not for people: `evalkit.comparison` counts them. Exact tests of the 2 × 2 table are in `two_by_two`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from scipy import optimize, special

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.numerics.proportions import wilson

_SMALLEST = sys.float_info.min
#: A statistic no quantile reaches: keeps a search going where the variance vanishes.
_HUGE = 1e12
#: Ratios are searched between e^-300 and e^300, whose squares still fit a float.
_FAR = 300.0


@dataclass(frozen=True)
class TwoCounts:
    """The 2 × 2 table of two groups: how many have the outcome, of how many.

    Parameters
    ----------
    x0, n0 : int
        Reference group.
    x1, n1 : int
        Other group.

    Raises
    ------
    InputError
        If a count is negative, not whole, or larger than its group, or a group is empty.

    Examples
    --------
    >>> TwoCounts(48, 80, 56, 70).difference
    0.20000000000000007
    """

    x0: int
    n0: int
    x1: int
    n1: int

    def __post_init__(self) -> None:
        wrong = [v for v in (self.x0, self.n0, self.x1, self.n1) if v < 0 or v != int(v)]
        if wrong or self.x0 > self.n0 or self.x1 > self.n1 or 0 in (self.n0, self.n1):
            raise InputError(
                f"two counts: {vars(self)} must be whole numbers, zero or more, none above its group, no group empty"
            )

    @property
    def n(self) -> int:
        """Number of people."""
        return self.n0 + self.n1

    @property
    def x(self) -> int:
        """Number of people with the outcome."""
        return self.x0 + self.x1

    @property
    def p0(self) -> float:
        """Share in the reference group."""
        return self.x0 / self.n0

    @property
    def p1(self) -> float:
        """Share in the other group."""
        return self.x1 / self.n1

    @property
    def difference(self) -> float:
        """Share of the other group minus that of the reference."""
        return self.p1 - self.p0

    @property
    def ratio(self) -> float:
        """Share of the other group over that of the reference; inf, or nan when nobody has the outcome."""
        return self.p1 / self.p0 if self.x0 else (math.inf if self.x1 else math.nan)

    @property
    def odds_ratio(self) -> float:
        """Odds of the other group over those of the reference; inf, or nan when everybody or nobody has the outcome."""
        above, below = self.x1 * (self.n0 - self.x0), self.x0 * (self.n1 - self.x1)
        return above / below if below else (math.inf if above else math.nan)


# ---- difference ------------------------------------------------------------------------------------------------------


def newcombe_difference(counts: TwoCounts, conf_level: float = 0.95) -> tuple[float, float]:
    """Return Newcombe's interval of the difference: the two Wilson intervals, squared and added.

    Parameters
    ----------
    counts : TwoCounts
    conf_level : float

    Returns
    -------
    low, high : float

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17:873, method 10.

    Examples
    --------
    >>> [round(v, 4) for v in newcombe_difference(TwoCounts(48, 80, 56, 70))]
    [0.0524, 0.3339]
    """
    low0, high0 = wilson(counts.x0, counts.n0, conf_level)
    low1, high1 = wilson(counts.x1, counts.n1, conf_level)
    down = math.hypot(counts.p1 - low1, high0 - counts.p0)
    up = math.hypot(high1 - counts.p1, counts.p0 - low0)
    return max(counts.difference - down, -1.0), min(counts.difference + up, 1.0)


def score_difference(
    counts: TwoCounts, conf_level: float = 0.95, corrected: bool = True
) -> tuple[float, float]:
    """Return the score interval of the difference.

    Parameters
    ----------
    counts : TwoCounts
    conf_level : float
    corrected : bool
        True: Miettinen and Nurminen's, whose variance is multiplied by N / (N − 1). False: Mee's.

    Returns
    -------
    low, high : float
        The differences whose score statistic is ± z.

    References
    ----------
    Miettinen & Nurminen (1985), Statistics in Medicine 4:213, equations 8 and 9; Mee (1984), Biometrics 40:1175.

    Examples
    --------
    >>> [round(v, 4) for v in score_difference(TwoCounts(48, 80, 56, 70))]
    [0.0528, 0.3382]
    """
    z, estimate = z_value(conf_level), counts.difference

    def limit(end: float, target: float) -> float:
        if estimate == end:
            return end
        return _root(lambda d: difference_z(counts, d, corrected) - target, estimate, end)

    return limit(-1.0, z), limit(1.0, -z)


def difference_z(counts: TwoCounts, delta: float, corrected: bool = False) -> float:
    """Return the score statistic of the hypothesis "difference = delta".

    Parameters
    ----------
    counts : TwoCounts
    delta : float
        In [−1, 1].
    corrected : bool
        Multiply the variance by N / (N − 1), as Miettinen and Nurminen do; without, it is Farrington and Manning's statistic.

    Returns
    -------
    float
        Very large, with its sign, where the variance vanishes.

    References
    ----------
    Farrington & Manning (1990), Statistics in Medicine 9:1447, equation 1 with method 3.

    Examples
    --------
    >>> round(difference_z(TwoCounts(48, 80, 56, 70), 0.0) ** 2, 4)
    7.0234
    """
    p0 = _restricted_difference(counts, delta)
    p1 = min(max(p0 + delta, 0.0), 1.0)
    variance = p0 * (1 - p0) / counts.n0 + p1 * (1 - p1) / counts.n1
    return _statistic(counts.difference - delta, _grown(variance, counts, corrected))


def _restricted_difference(counts: TwoCounts, delta: float) -> float:
    """Return the most likely share of the reference group when the shares differ by delta."""
    low, high = max(0.0, -delta), min(1.0, 1.0 - delta)

    # The slope of the log-likelihood falls from one end to the other: its root needs no cubic, and keeps all its digits.
    def slope(p0: float) -> float:
        p1 = p0 + delta
        return (
            _over(counts.x0, p0)
            - _over(counts.n0 - counts.x0, 1 - p0)
            + _over(counts.x1, p1)
            - _over(counts.n1 - counts.x1, 1 - p1)
        )

    inside = 1e-15
    if high - low <= 2 * inside or slope(low + inside) <= 0:
        return low
    if slope(high - inside) >= 0:
        return high
    return float(optimize.brentq(slope, low + inside, high - inside, xtol=1e-16, rtol=1e-15, maxiter=500))


def difference_margin(counts: TwoCounts, low: float, high: float) -> tuple[float, float, float]:
    """Return Farrington and Manning's tests that the difference lies above `low`, below `high`, and between both.

    Parameters
    ----------
    counts : TwoCounts
    low, high : float
        Margins in (−1, 1); −inf and inf: no limit there.

    Returns
    -------
    p_above, p_below, p_between : float
        The last is the larger of the two (two one-sided tests); nan where there is no limit.

    References
    ----------
    Farrington & Manning (1990), Statistics in Medicine 9:1447; Schuirmann (1987) for the two one-sided tests.

    Examples
    --------
    >>> [round(p, 4) for p in difference_margin(TwoCounts(84, 100, 86, 100), -0.1, 0.1)]
    [0.0105, 0.0598, 0.0598]
    """
    above = math.nan if low == -math.inf else normal_tail(difference_z(counts, low))
    below = math.nan if high == math.inf else normal_tail(-difference_z(counts, high))
    return above, below, max(above, below) if above == above and below == below else math.nan


# ---- ratio -----------------------------------------------------------------------------------------------------------


def score_ratio(counts: TwoCounts, conf_level: float = 0.95, corrected: bool = True) -> tuple[float, float]:
    """Return the score interval of the ratio of two proportions.

    Parameters
    ----------
    counts : TwoCounts
    conf_level : float
    corrected : bool
        True: Miettinen and Nurminen's, whose variance is multiplied by N / (N − 1). False: Koopman's.

    Returns
    -------
    low, high : float
        0 where the other group has no outcome, inf where the reference has none.

    References
    ----------
    Koopman (1984), Biometrics 40:513; Miettinen & Nurminen (1985), Statistics in Medicine 4:213, equations 10 to 12.

    Examples
    --------
    >>> [round(v, 4) for v in score_ratio(TwoCounts(1, 34, 7, 34), corrected=False)]
    [1.2209, 42.5757]
    """
    return _ratio_limits(
        counts, conf_level, counts.ratio, lambda log_phi: _ratio_z(counts, math.exp(log_phi), corrected),
        low_is_0=counts.x1 == 0, high_is_inf=counts.x0 == 0,
    )  # fmt: skip


def _ratio_z(counts: TwoCounts, phi: float, corrected: bool) -> float:
    """Return the score statistic of the hypothesis "ratio = phi"."""
    b = counts.n1 * phi + counts.x1 + counts.n0 + counts.x0 * phi
    root = math.sqrt(max(b * b - 4 * counts.n * phi * counts.x, 0.0))
    p0 = min(2 * counts.x / (b + root), 1.0, 1.0 / phi)
    p1 = min(p0 * phi, 1.0)
    variance = phi * phi * p0 * (1 - p0) / counts.n0 + p1 * (1 - p1) / counts.n1
    return _statistic(counts.p1 - phi * counts.p0, _grown(variance, counts, corrected))


# ---- odds ratio ------------------------------------------------------------------------------------------------------


def score_odds_ratio(
    counts: TwoCounts, conf_level: float = 0.95, corrected: bool = True
) -> tuple[float, float]:
    """Return the score interval of the odds ratio.

    Parameters
    ----------
    counts : TwoCounts
    conf_level : float
    corrected : bool
        True: Miettinen and Nurminen's, whose variance is multiplied by N / (N − 1). False: Cornfield's without continuity correction.

    Returns
    -------
    low, high : float
        0 and inf where a cell of the table is empty.

    References
    ----------
    Cornfield (1956), Third Berkeley Symposium 4:135; Miettinen & Nurminen (1985), Statistics in Medicine 4:213, equations 13 to 15.

    Examples
    --------
    >>> [round(v, 4) for v in score_odds_ratio(TwoCounts(4, 14, 9, 13))]
    [1.0934, 28.9419]
    """
    low_is_0 = counts.x1 == 0 or counts.x0 == counts.n0
    high_is_inf = counts.x0 == 0 or counts.x1 == counts.n1
    return _ratio_limits(
        counts, conf_level, counts.odds_ratio, lambda log_psi: _odds_z(counts, log_psi, corrected), low_is_0, high_is_inf
    )  # fmt: skip


def _odds_z(counts: TwoCounts, log_psi: float, corrected: bool) -> float:
    """Return the score statistic of the hypothesis "odds ratio = exp(log_psi)"."""
    if log_psi < 0:
        # The mirror image keeps the ratio above 1, so that nothing is lost in a small number less 1.
        return -_odds_z(TwoCounts(counts.x1, counts.n1, counts.x0, counts.n0), -log_psi, corrected)
    less_1 = math.expm1(log_psi)
    a = counts.n0 * less_1
    b = counts.n0 + counts.n1 * (1 + less_1) - counts.x * less_1
    root = math.sqrt(b * b + 4 * a * counts.x)
    p0 = 2 * counts.x / (b + root) if b > 0 else (root - b) / (2 * a)
    p0 = min(p0, 1.0)
    p1 = p0 * (1 + less_1) / (1 + p0 * less_1)
    q1 = (1 - p0) / (1 + p0 * less_1)
    inverse = _over(1, counts.n0 * p0 * (1 - p0)) + _over(1, counts.n1 * p1 * q1)
    return _statistic(counts.x1 - counts.n1 * p1, _grown(1 / inverse, counts, corrected))


# ---- shared ----------------------------------------------------------------------------------------------------------


def normal_tail(z: float) -> float:
    """Return the chance of a normal value above z, never 0."""
    return max(float(special.ndtr(-z)), _SMALLEST)


def _ratio_limits(
    counts: TwoCounts, conf_level: float, estimate: float, statistic: Callable[[float], float], low_is_0: bool, high_is_inf: bool
) -> tuple[float, float]:  # fmt: skip
    """Return the ratios whose statistic is ± z, searched on the scale of logarithms."""
    z = z_value(conf_level)
    if math.isnan(estimate):
        return 0.0, math.inf
    start = math.log(estimate) if 0 < estimate < math.inf else 0.0
    low = 0.0 if low_is_0 else math.exp(_search(lambda t: statistic(t) - z, start))
    high = math.inf if high_is_inf else math.exp(_search(lambda t: statistic(t) + z, start))
    return low, high


def _search(function: Callable[[float], float], start: float) -> float:
    """Return the root of a falling function, searched from `start` in steps that double."""
    way = 1.0 if function(start) > 0 else -1.0
    step, here = 1.0, start
    while abs(here + way * step) < _FAR:
        there = here + way * step
        if function(there) * way <= 0:
            return _root(function, here, there)
        here, step = there, 2 * step
    return way * _FAR


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    return float(optimize.brentq(function, one, other, xtol=1e-15, rtol=4 * sys.float_info.epsilon, maxiter=500))  # fmt: skip


def _statistic(distance: float, variance: float) -> float:
    if distance == 0:
        return 0.0
    if variance <= 0 or abs(distance) > _HUGE * math.sqrt(variance):
        return math.copysign(_HUGE, distance)
    return distance / math.sqrt(variance)


def _grown(variance: float, counts: TwoCounts, corrected: bool) -> float:
    return variance * counts.n / (counts.n - 1) if corrected else variance


def _over(count: float, share: float) -> float:
    if count == 0:
        return 0.0
    return count / share if share > 0 else _HUGE * count
