"""Two independent means: Welch's interval and tests, the standardised difference, and the permutation test.

Not for ranks, nor for the same people twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import optimize, special, stats

from evalkit.numerics.arguments import generator
from evalkit.numerics.ranks import drawing_law
from evalkit.numerics.ranks.laws import drawing_work
from evalkit.numerics.tails import positive

#: Most arrangements that are gone through one by one.
MOST_ARRANGEMENTS = 200_000
#: Additions that counting a law of whole numbers may take (well below a second).
_WORK = 200_000_000
#: Arrangements drawn when they are too many.
DRAWS = 9_999
#: Beyond so many people a draw takes a millisecond, and fewer are made: their number is said, and so is the floor it sets.
_LARGE, _FEWER = 20_000, 1_999
#: Sums that differ by less than this share of the values' size are equal but for rounding.
_EQUAL = 1e-12


@dataclass(frozen=True)
class Welch:
    """Difference of two means with unequal variances.

    Parameters
    ----------
    estimate, std_error, df : float
    low, high : float
    statistic, p_value : float
        All nan but `estimate` when a group has one value, or when nobody differs from their group.
    """

    estimate: float
    std_error: float = math.nan
    df: float = math.nan
    low: float = math.nan
    high: float = math.nan
    statistic: float = math.nan
    p_value: float = math.nan

    def tail(self, value: float, above: bool) -> float:
        """Return the one-sided p-value that the difference lies above (or below) `value`."""
        t = (self.estimate - value) / self.std_error
        return positive(special.stdtr(self.df, -t if above else t))


def welch(x: np.ndarray, y: np.ndarray, conf_level: float = 0.95, alternative: str = "two-sided") -> Welch:
    """Return the difference of means y − x, without assuming equal variances.

    Parameters
    ----------
    x, y : float array
        The reference and the other group, at least one value each.
    conf_level : float
    alternative : {"two-sided", "greater", "less"}

    Returns
    -------
    Welch

    References
    ----------
    Welch (1947), Biometrika 34:28; Satterthwaite (1946), Biometrics Bulletin 2:110.

    Examples
    --------
    >>> found = welch(np.array([1.0, 2, 3, 4]), np.array([3.0, 5, 9]))
    >>> round(found.estimate, 3), round(found.df, 3), round(found.p_value, 4)
    (3.167, 2.541, 0.2066)
    """
    estimate = float(y.mean() - x.mean())
    parts = [float(v.var(ddof=1)) / len(v) if len(v) > 1 else math.nan for v in (x, y)]
    size = max(float(np.abs(x).max()), float(np.abs(y).max()))
    if not math.sqrt(sum(parts)) > _EQUAL * size:
        return Welch(estimate)
    se = math.sqrt(sum(parts))
    # By shares, whose squares do not underflow.
    df = 1 / sum((part / sum(parts)) ** 2 / (len(v) - 1) for part, v in zip(parts, (x, y), strict=True))
    t = estimate / se
    half = float(special.stdtrit(df, (1 + conf_level) / 2)) * se
    tail = special.stdtr(df, -abs(t) if alternative == "two-sided" else t if alternative == "less" else -t)
    p = positive(2 * tail if alternative == "two-sided" else tail)
    return Welch(estimate, se, df, estimate - half, estimate + half, t, p)


def hedges_g(x: np.ndarray, y: np.ndarray, conf_level: float = 0.95) -> tuple[float, float, float]:
    """Return the difference of means in pooled standard deviations, without its small-sample bias, and its interval.

    Parameters
    ----------
    x, y : float array
    conf_level : float

    Returns
    -------
    estimate, low, high : float
        nan when nobody differs from their group, or fewer than three people are there.

    Notes
    -----
    The interval turns round the noncentral t law of the pooled statistic, so it takes both variances for equal.

    References
    ----------
    Hedges (1981), Journal of Educational Statistics 6:107; Steiger & Fouladi (1997) for the interval.

    Examples
    --------
    >>> [round(v, 4) for v in hedges_g(np.array([1.0, 2, 3, 4, 5]), np.array([3.0, 4, 5, 6, 9]))]
    [1.097, -0.1679, 2.3072]
    """
    n_x, n_y = len(x), len(y)
    df = n_x + n_y - 2
    squares = float(((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum())
    size = max(float(np.abs(x).max()), float(np.abs(y).max()))
    if df < 1 or not math.sqrt(squares / max(df, 1)) > _EQUAL * size:
        return math.nan, math.nan, math.nan
    root = math.sqrt(1 / n_x + 1 / n_y)
    t = float(y.mean() - x.mean()) / (math.sqrt(squares / df) * root)
    # With df = 1 the correction's gamma function is infinite: the bias is not defined.
    unbiased = (
        math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2) if df > 1 else math.nan
    )
    tail = (1 - conf_level) / 2
    ends = [_noncentrality(t, df, chance) for chance in (1 - tail, tail)]
    low, high = (unbiased * root * end for end in ends)
    return unbiased * t * root, low, high


def _noncentrality(t: float, df: float, chance: float) -> float:
    """Return the noncentrality at which values up to t have this chance."""
    away = lambda nc: float(stats.nct.cdf(t, df, nc)) - chance
    reach = 2.0
    while not (away(t - reach) > 0 > away(t + reach)):
        reach *= 2
        if reach > 1e4:
            return math.nan
    return float(optimize.brentq(away, t - reach, t + reach, xtol=1e-13, rtol=1e-14))


@dataclass(frozen=True)
class Permutation:
    """A permutation test of two groups.

    Parameters
    ----------
    p_value, p_floor : float
        Never 0; the least that any outcome can give.
    method : {"exact", "drawn"}
        Every arrangement counted, or some drawn at random (the one seen among them).
    draws : int
        How many were drawn; 0 when exact.
    """

    p_value: float
    p_floor: float
    method: str
    draws: int = 0


def permutation(
    x: np.ndarray, y: np.ndarray, alternative: str = "two-sided", seed: int = 0, draws: int = DRAWS
) -> Permutation:
    """Test that group labels could be exchanged, by the difference of means.

    Every arrangement counts when they are few, or when the values are whole multiples of a unit with a moderate sum; otherwise
    some are drawn.

    Parameters
    ----------
    x, y : float array
    alternative : {"two-sided", "greater", "less"}
        Two-sided: differences as far from 0 on either side.
    seed, draws : int

    Returns
    -------
    Permutation

    References
    ----------
    Pitman (1937); Streitberg & Roehmel (1986) for the count; Phipson & Smyth (2010) for (b + 1) / (B + 1).

    Examples
    --------
    >>> found = permutation(np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    >>> found.p_value, found.p_floor, found.method
    (0.1, 0.1, 'exact')
    """
    values = np.concatenate([x, y])
    whole = _whole(values)
    if whole is not None and drawing_work(whole, len(y)) <= _WORK:
        law = drawing_law(whole, len(y))
        return Permutation(
            law.p_value(int(whole[len(x) :].sum()), alternative), law.floor(alternative), "exact"
        )
    centred = values - values.mean()
    seen = float(centred[len(x) :].sum())
    slack = _EQUAL * float(np.abs(centred).sum())
    few = min(len(x), len(y))
    if math.comb(len(values), few) <= MOST_ARRANGEMENTS:
        members = np.array(list(combinations(range(len(values)), few)))
        sums = centred[members].sum(axis=1) * (1 if few == len(y) else -1)
        p = float(_extreme(sums, seen, slack, alternative).mean())
        ends = (sums.min(), sums.max())
        floors = [float(_extreme(sums, end, slack, alternative).mean()) for end in ends]
        return Permutation(positive(p), min(floors), "exact")
    rng, draws = generator(seed), min(draws, _FEWER) if len(values) > _LARGE else draws
    # Sorted: the same people in another order give the same draws.
    ordered = np.sort(centred)
    sums = np.array([rng.permutation(ordered)[: len(y)].sum() for _ in range(draws)])
    as_far = int(_extreme(sums, seen, slack, alternative).sum())
    return Permutation((as_far + 1) / (draws + 1), 1 / (draws + 1), "drawn", draws)


def _whole(values: np.ndarray) -> np.ndarray | None:
    """Return the values as whole numbers from 0 in their smallest unit (1 or a decimal to 1e-4), None when they are not."""
    for unit in (1.0, 0.1, 0.01, 0.001, 0.0001):
        scaled = (values - values.min()) / unit
        found = np.rint(scaled)
        if found.max() < 2**40 and np.allclose(
            scaled, found, rtol=0, atol=1e-9 * max(1.0, float(found.max()))
        ):
            whole = found.astype(np.int64)
            return whole // max(int(np.gcd.reduce(whole)), 1)
    return None


def _extreme(sums: np.ndarray, seen: float, slack: float, alternative: str) -> np.ndarray:
    if alternative == "two-sided":
        return np.abs(sums) >= abs(seen) - slack
    return sums >= seen - slack if alternative == "greater" else sums <= seen + slack
