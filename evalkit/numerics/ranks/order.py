"""Hodges-Lehmann shifts: the middle of all sums of two sorted lists, and the limits that a count of them gives.

Not for choosing the count: the laws of the rank statistics give it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalkit.numerics.normal import z_value

#: Sums that are sorted; more are searched by counting, in memory that grows with people, not pairs.
_WRITTEN = 250_000


@dataclass(frozen=True)
class Shift:
    """A Hodges-Lehmann estimate with its interval.

    Parameters
    ----------
    estimate : float
    conf_low, conf_high : float
        Order statistics of the averages or differences; nan when even the widest interval has level 0.
    conf_level : float
        Level asked.
    level_achieved : float
        Level the interval has: the least at or above the level asked that the statistic can give; its highest when all lie below.
    method : {"exact", "normal"}
        Where the count comes from.
    """

    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    level_achieved: float
    method: str


class PairSums:
    """All sums a_i + b_j of two lists, or a_i + a_j with i ≤ j, found by their order; many sums are counted, not written down.

    Parameters
    ----------
    a : float array
    b : float array, optional
        None: sums of `a` with itself, each pair once, each value with itself too.
    """

    def __init__(self, a: np.ndarray, b: np.ndarray | None = None):
        self.a = np.sort(np.asarray(a, dtype=float))
        self.b = self.a if b is None else np.sort(np.asarray(b, dtype=float))
        self.start = np.arange(len(self.a)) if b is None else np.zeros(len(self.a), dtype=np.int64)
        self.size = int((len(self.b) - self.start).sum())

    def first_above(self, value: float) -> np.ndarray:
        """Return, for each a_i, the first j with a_i + b_j > value (the number of b when there is none).

        The sums are compared as floats write them, so that counting and picking never disagree.
        """
        low, high = self.start.copy(), np.full(len(self.a), len(self.b))
        while (open_ := low < high).any():
            middle = (low + high) // 2
            above = self.a + self.b[np.minimum(middle, len(self.b) - 1)] > value
            high = np.where(open_ & above, middle, high)
            low = np.where(open_ & ~above, middle + 1, low)
        return low

    @cached_property
    def _written(self) -> np.ndarray:
        sums = self.a[:, None] + self.b[None, :]
        return np.sort(sums[np.arange(len(self.b)) >= self.start[:, None]])

    def kth(self, k: int) -> float:
        """Return the k-th smallest sum, k from 1 to `size`."""
        if self.size <= _WRITTEN:
            return float(self._written[k - 1])
        low = math.nextafter(float(self.a[0] + self.b[0]), -math.inf)
        high = float(self.a[-1] + self.b[-1])
        while True:
            first = self.first_above(low)
            has = first < len(self.b)
            nearest = float((self.a[has] + self.b[first[has]]).min())
            if self._count(nearest) >= k:
                return nearest
            low = nearest
            middle = low + (high - low) / 2
            if self._count(middle) >= k:
                high = middle
            else:
                low = middle

    def _count(self, value: float) -> int:
        return int((self.first_above(value) - self.start).sum())

    def median(self) -> float:
        """Return the middle sum, or the mean of the two middle ones."""
        below, above = (self.size + 1) // 2, self.size // 2 + 1
        one = self.kth(below)
        return (one if below == above else (one + self.kth(above)) / 2) + 0.0


def counted(below: np.ndarray, conf_level: float) -> tuple[int, float]:
    """Return how many extreme averages each end leaves out, plus one, and the level that gives.

    Parameters
    ----------
    below : float array
        P(T ≤ t) for t = 0, 1 …, of a symmetric law.
    conf_level : float

    Returns
    -------
    k : int
        The limits are the k-th smallest and the k-th largest; at least 1.
    level_achieved : float

    Examples
    --------
    >>> counted(np.array([0.125, 0.25, 0.375, 0.625, 0.75, 0.875, 1.0]), 0.5)
    (2, 0.5)
    """
    # A level such as 0.9375 is met by 1 - 2/32 whatever the last digit of either.
    k = int(np.searchsorted(below, (1 - conf_level) / 2 * (1 + 1e-12), side="right"))
    k = max(1, min(k, (len(below) + 1) // 2))
    return k, max(0.0, float(1 - 2 * below[k - 1]))


def approximated(mean: float, sd: float, conf_level: float) -> tuple[int, float]:
    """Return the same as `counted` from the normal law with continuity correction."""
    from scipy import special

    k = max(1, math.floor(mean - z_value(conf_level) * sd - 0.5) + 1)
    return k, float(1 - 2 * special.ndtr((k - 0.5 - mean) / sd))


def limits(sums: PairSums, k: int, level_achieved: float) -> tuple[float, float]:
    """Return the k-th smallest and the k-th largest sum; nan when they would have level 0."""
    if level_achieved <= 0:
        return math.nan, math.nan
    # + 0.0: a limit of zero is not "-0".
    return sums.kth(k) + 0.0, sums.kth(sums.size + 1 - k) + 0.0
