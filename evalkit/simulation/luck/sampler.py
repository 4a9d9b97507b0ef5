"""From a number in (0, 1) to a duration, with the same bits whichever engine asks.

Not the luck itself (see `luck`), and not a library of distributions: everything is read through its cumulative hazard.

Only + − × ÷, square root, integer steps and exact scaling by powers of two are used: IEEE 754 fixes the result of each, so
plain Python, NumPy and compiled code agree to the last bit, which `log` and `exp` of different libraries do not.
A duration is drawn once, as ``e = -log(u) / hazard ratio``: the time at which the cumulative hazard reaches `e`. A hazard ratio
thus multiplies the hazard whatever the family, and one uniform makes one duration.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Ticks in a day: one tick is a second. Rounding moves no duration of minutes by a thousandth, and ties between draws are rare.
TICKS_PER_DAY = 86_400
#: A tick that never comes; far beyond any horizon and still exact as a float.
NEVER = 1 << 50

CONSTANT, EXPONENTIAL, WEIBULL, LOGNORMAL, TABLE, STEPS = range(6)

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SQRT_HALF = 0.7071067811865476
#: The largest number below 1: a survival so near to 1 that it rounds to it has no normal quantile.
_BELOW_ONE = 1.0 - 2.0**-53


def _log_series(m: Any) -> Any:
    """Return log of m in [sqrt(1/2), sqrt(2)): 2 artanh((m - 1)/(m + 1)) by its series, whose next term is below 2^-57."""
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 23.0
    for k in (21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0):
        p = p * z + 1.0 / k
    return 2.0 * s + 2.0 * s * (z * p)


def _exp_series(r: Any) -> Any:
    """Return exp of r in [-log(2)/2, log(2)/2] by its Taylor series, whose next term is below 2^-58."""
    p = 1.0 / 6227020800.0
    for f in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0):
        p = p * r + 1.0 / f
    return 1.0 + (r + r * r * p)


def log(x: float) -> float:
    """Return the natural logarithm of x > 0, within 2 units in the last place.

    Examples
    --------
    >>> log(10.0)
    2.302585092994046
    """
    m, k = math.frexp(x)
    if m < _SQRT_HALF:
        m, k = m * 2.0, k - 1
    return k * _LN2_HIGH + (_log_series(m) + k * _LN2_LOW)


def logs(x: np.ndarray) -> np.ndarray:
    """Return `log` of every element."""
    return logs_at_once(x)


def _logs_by_numpy(x: np.ndarray) -> np.ndarray:
    m, k = np.frexp(x)
    small = m < _SQRT_HALF
    m, k = np.where(small, m * 2.0, m), np.where(small, k - 1, k).astype(np.float64)
    return k * _LN2_HIGH + (_log_series(m) + k * _LN2_LOW)


#: What takes many logarithms: NumPy, or compiled code once the compiled draws are loaded; the same bits.
logs_at_once = _logs_by_numpy


def exp(x: float) -> float:
    """Return the exponential of x in [-700, 700] (held there), within 2 units in the last place.

    Examples
    --------
    >>> exp(0.0)
    1.0
    """
    x = min(max(x, -700.0), 700.0)
    k = math.floor(x * 1.4426950408889634 + 0.5)
    return math.ldexp(_exp_series((x - k * _LN2_HIGH) - k * _LN2_LOW), k)


def exps(x: np.ndarray) -> np.ndarray:
    """Return `exp` of every element."""
    x = np.minimum(np.maximum(x, -700.0), 700.0)
    k = np.floor(x * 1.4426950408889634 + 0.5)
    return np.ldexp(_exp_series((x - k * _LN2_HIGH) - k * _LN2_LOW), k.astype(np.int64))


# Wichura (1988), Algorithm AS 241, PPND16, Applied Statistics 37(3), 477-484: (numerator, denominator), highest power first.
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def _ratio(coefficients: Any, r: Any) -> Any:
    above, below = 0.0, 0.0
    for a, b in zip(*coefficients, strict=True):
        above = above * r + a
        below = below * r + b
    return above / below


def normal_quantile(p: float) -> float:
    """Return the standard normal quantile of p in (0, 1) (AS 241, about 1e-16 relative).

    Examples
    --------
    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    q = p - 0.5
    if -0.425 <= q <= 0.425:
        return q * _ratio(_CENTRE, 0.180625 - q * q)
    r = math.sqrt(-log(p if q < 0.0 else 1.0 - p))
    z = _ratio(_MIDDLE, r - 1.6) if r <= 5.0 else _ratio(_TAIL, r - 5.0)
    return -z if q < 0.0 else z


def normal_quantiles(p: np.ndarray) -> np.ndarray:
    """Return `normal_quantile` of every element."""
    q = p - 0.5
    out = q * _ratio(_CENTRE, 0.180625 - q * q)
    far = np.abs(q) > 0.425
    if far.any():
        left = q[far] < 0.0
        r = np.sqrt(-logs(np.where(left, p[far], 1.0 - p[far])))
        z = np.where(r <= 5.0, _ratio(_MIDDLE, r - 1.6), _ratio(_TAIL, r - 5.0))
        out[far] = np.where(left, -z, z)
    return out


@dataclass(frozen=True)
class Distribution:
    """A duration in days, in the form both engines read.

    Parameters
    ----------
    family : int
        CONSTANT (a), EXPONENTIAL (mean a), WEIBULL (scale a, shape 1/b), LOGNORMAL (exp(a + b z)), TABLE or STEPS (last day a).
    a, b : float
    hazard, days, slope : tuple of float
        TABLE: the time `days[k]` at which the cumulative hazard reaches `hazard[k]`, straight in between and after. STEPS: the
        hazard jumps to `hazard[k]` on `days[k]`; a draw beyond the last never comes.
    causes : tuple of tuple of float
        STEPS: at each jump, the cumulative shares of the causes.
    """

    family: int
    a: float = 0.0
    b: float = 0.0
    hazard: tuple[float, ...] = ()
    days: tuple[float, ...] = ()
    slope: tuple[float, ...] = ()
    causes: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def steps(cls, hazard: np.ndarray, days: np.ndarray, causes: np.ndarray, last: float) -> Distribution:
        """Make STEPS from the jumps of a curve; `causes` has one row per jump."""
        of = (tuple(float(v) for v in x) for x in (hazard, days))
        return cls(STEPS, last, 0.0, *of, (), tuple(tuple(float(v) for v in row) for row in causes))

    @classmethod
    def table(cls, hazard: np.ndarray, days: np.ndarray, last_slope: float) -> Distribution:
        """Make a TABLE from points; `last_slope` is days per unit of hazard after the last of them."""
        slope = np.append(np.diff(days) / np.diff(hazard), last_slope)
        return cls(TABLE, 0.0, 0.0, *(tuple(float(v) for v in x) for x in (hazard, days, slope)))

    def ticks(self, e: float) -> int:
        """Return the duration in ticks for a cumulative hazard `e`."""
        return in_ticks(self.days_at(e))

    def days_at(self, e: float) -> float:
        """Return the time in days at which the cumulative hazard reaches `e`."""
        if self.family == CONSTANT:
            return self.a
        if self.family == EXPONENTIAL:
            return self.a * e
        if self.family == WEIBULL:
            return self.a * exp(self.b * log(e))
        if self.family == LOGNORMAL:
            return exp(self.a - self.b * normal_quantile(min(exp(-e), _BELOW_ONE)))
        if self.family == STEPS:
            k = self.jump(e)
            return self.days[k] if k < len(self.days) else float(NEVER)
        k = max(bisect_right(self.hazard, e) - 1, 0)
        return self.days[k] + (e - self.hazard[k]) * self.slope[k]

    def jump(self, e: float) -> int:
        """Return the jump of STEPS at which the cumulative hazard reaches `e`; their number when none does."""
        return bisect_left(self.hazard, e)

    def hazard_by(self, days: float) -> float:
        """Return the cumulative hazard by a time in days; not for CONSTANT and LOGNORMAL."""
        if days <= 0.0:
            return 0.0
        if self.family == EXPONENTIAL:
            return days / self.a
        if self.family == WEIBULL:
            return exp(log(days / self.a) / self.b)
        k = bisect_right(self.days, days) - 1
        if self.family == STEPS:
            return self.hazard[k] if k >= 0 else 0.0
        if k < 0:
            return 0.0
        return self.hazard[k] + ((days - self.days[k]) / self.slope[k] if self.slope[k] > 0.0 else 0.0)

    @np.errstate(over="ignore")  # what is too long to be a number of days never comes
    def ticks_of(self, e: np.ndarray) -> np.ndarray:
        """Return `ticks` of every element, as int64."""
        if self.family == CONSTANT:
            days = np.full(len(e), self.a)
        elif self.family == EXPONENTIAL:
            days = self.a * e
        elif self.family == WEIBULL:
            days = self.a * exps(self.b * logs(e))
        elif self.family == LOGNORMAL:
            days = exps(self.a - self.b * normal_quantiles(np.minimum(exps(-e), _BELOW_ONE)))
        else:
            hazard, start, slope = (np.array(x) for x in (self.hazard, self.days, self.slope))
            k = np.maximum(np.searchsorted(hazard, e, side="right") - 1, 0)
            days = start[k] + (e - hazard[k]) * slope[k]
        return np.floor(np.minimum(days * TICKS_PER_DAY, float(NEVER)) + 0.5).astype(np.int64)


def in_ticks(days: float) -> int:
    """Return a time in days as whole ticks, rounded."""
    return math.floor(min(days * TICKS_PER_DAY, float(NEVER)) + 0.5)


def hazard_drawn(u: float, ratio: float) -> float:
    """Return the cumulative hazard at which a draw falls, under a hazard ratio."""
    return -log(u) / ratio


def hazards_drawn(u: np.ndarray, ratio: np.ndarray | float) -> np.ndarray:
    """Return `hazard_drawn` of every element."""
    return -logs(u) / ratio
