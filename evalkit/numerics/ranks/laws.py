"""Exact laws of sums of whole scores: signs given at random, or a group drawn at random, counted one score at a time.

Not for scores with decimals that no common unit makes whole: those are enumerated or drawn.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

#: Additions that counting a law may take; beyond it (a second or two) the normal law is used, and named.
WORK = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Law:
    """The law of a whole-valued statistic.

    Parameters
    ----------
    least : int
        Its least value.
    step : int
        Distance between the values listed.
    mass : float array
        Probability of ``least``, ``least + step``, …
    centre : tuple of int
        Its mean as a fraction (numerator, denominator), so that distances to it are compared without rounding.
    """

    least: int
    step: int
    mass: np.ndarray
    centre: tuple[int, int]

    @property
    def values(self) -> np.ndarray:
        """The values listed, some of which may have probability 0."""
        return self.least + self.step * np.arange(len(self.mass), dtype=np.int64)

    def p_value(self, value: int, alternative: str = "two-sided") -> float:
        """Return the probability of a statistic as extreme as `value`.

        Parameters
        ----------
        value : int
        alternative : {"two-sided", "greater", "less"}
            Two-sided: as far from the mean, on either side (as coin and exactRankTests do; doubling the smaller tail is
            another convention when the law is skew).

        Returns
        -------
        float
            Never 0: the smallest float stands for less.
        """
        if alternative == "greater":
            extreme = self.values >= value
        elif alternative == "less":
            extreme = self.values <= value
        else:
            top, bottom = self.centre
            extreme = np.abs(bottom * self.values - top) >= abs(bottom * value - top)
        return min(1.0, max(float(self.mass[extreme].sum()), sys.float_info.min))

    def floor(self, alternative: str = "two-sided") -> float:
        """Return the least p-value that any outcome can give."""
        possible = self.values[self.mass > 0]
        least, most = int(possible[0]), int(possible[-1])
        if alternative == "two-sided":
            return min(self.p_value(least), self.p_value(most))
        return self.p_value(most if alternative == "greater" else least, alternative)


def sign_work(scores: np.ndarray) -> int:
    """Return how many additions `sign_law` takes."""
    step = int(np.gcd.reduce(scores, initial=0)) or 1
    return len(scores) * (int(scores.sum()) // step + 1)


def sign_law(scores: np.ndarray) -> Law:
    """Return the law of the sum of the scores whose sign is plus, every sign being plus or minus like the toss of a coin.

    Parameters
    ----------
    scores : int array, shape (n,)
        0 or more; ranks are doubled first so that midranks are whole.

    Returns
    -------
    Law

    References
    ----------
    Streitberg & Roehmel (1986), Statistical Software Newsletter 12:10: the shift algorithm, here in probabilities, which add without
    cancelling, so that the smallest tail is right to 13 digits.

    Examples
    --------
    >>> law = sign_law(np.array([2, 4, 6]))
    >>> law.p_value(12), law.p_value(12, "greater")
    (0.25, 0.125)
    """
    scores = np.asarray(scores, dtype=np.int64)
    step = int(np.gcd.reduce(scores, initial=0)) or 1
    moves = np.sort(scores // step)
    total = int(moves.sum())
    mass = np.zeros(total + 1)
    mass[0] = 1.0
    reached = 0
    for move in moves:
        kept = 0.5 * mass[: reached + 1]
        reached += int(move)
        mass[: reached + 1] = 0.0
        mass[: len(kept)] = kept
        mass[move : move + len(kept)] += kept
    return Law(0, step, mass, (step * total, 2))


def drawing_work(scores: np.ndarray, m: int) -> int:
    """Return how many additions `drawing_law` takes."""
    moves = np.sort(scores - scores.min())
    step = int(np.gcd.reduce(moves, initial=0)) or 1
    m = min(m, len(scores) - m)
    return len(scores) * (m + 1) * (int(moves[len(moves) - m :].sum()) // step + 1)


def drawing_law(scores: np.ndarray, m: int) -> Law:
    """Return the law of the sum of m scores drawn at random, without replacement, from all of them.

    Parameters
    ----------
    scores : int array, shape (N,)
    m : int
        From 0 to N.

    Returns
    -------
    Law

    References
    ----------
    Streitberg & Roehmel (1986), Statistical Software Newsletter 12:10.

    Examples
    --------
    >>> law = drawing_law(np.array([1, 2, 3, 4]), 2)
    >>> law.values.tolist(), round(law.p_value(7, "greater"), 6)
    ([3, 4, 5, 6, 7], 0.166667)
    """
    scores = np.asarray(scores, dtype=np.int64)
    n, total = len(scores), int(scores.sum())
    if 2 * m > n:
        # Who is left out is drawn at random too, and they are fewer: their law is read backwards.
        other = drawing_law(scores, n - m)
        most = other.least + other.step * (len(other.mass) - 1)
        return Law(total - most, other.step, other.mass[::-1], (m * total, n))
    base = int(scores.min()) if n else 0
    moves = np.sort(scores - base)
    step = int(np.gcd.reduce(moves, initial=0)) or 1
    moves //= step
    sums = np.concatenate([[0], np.cumsum(moves)]).tolist()
    mass = np.zeros((m + 1, sums[n] - sums[n - m] + 1))
    mass[0, 0] = 1.0
    for seen, move in enumerate(moves.tolist()):
        # Of the first `seen`, k are drawn so far: at most m, and enough that those left can make up m.
        for k in range(min(seen, m), max(0, m - n + seen) - 1, -1):
            low, high = sums[k], sums[seen] - sums[seen - k] + 1
            drawn = (m - k) / (n - seen)
            if k < m:
                mass[k + 1, low + move : high + move] += drawn * mass[k, low:high]
            mass[k, low:high] *= 1.0 - drawn
    # The least m scores are reached first; what lies below them has probability 0 and is not listed.
    first = int(moves[:m].sum())
    return Law(m * base + step * first, step, mass[m, first:], (m * total, n))


@lru_cache(maxsize=16)
def untied_signed_rank(n: int) -> np.ndarray:
    """Return P(T ≤ t), t = 0 … n(n + 1)/2, of the signed-rank statistic of n differences without ties.

    Examples
    --------
    >>> untied_signed_rank(3)[:2].tolist()
    [0.125, 0.25]
    """
    return np.cumsum(sign_law(np.arange(1, n + 1)).mass)


@lru_cache(maxsize=16)
def untied_rank_sum(m: int, n: int) -> np.ndarray:
    """Return P(U ≤ u), u = 0 … mn, of the Mann-Whitney statistic of m and n people without ties.

    Examples
    --------
    >>> untied_rank_sum(2, 2).round(6).tolist()
    [0.166667, 0.333333, 0.666667, 0.833333, 1.0]
    """
    return np.cumsum(drawing_law(np.arange(m + n), m).mass)


def whole(values: np.ndarray, most: float = 1e6) -> tuple[np.ndarray, float] | None:
    """Return values as whole numbers of a common unit (1, 0.1, 0.01 …) and that unit, or None when none makes them whole.

    Parameters
    ----------
    values : float array
    most : float
        Units per value allowed, at most.

    Examples
    --------
    >>> whole(np.array([0.5, -1.25]))
    (array([  50, -125]), 0.01)
    >>> whole(np.array([1 / 3])) is None
    True
    """
    values = np.asarray(values, dtype=float)
    largest = float(np.abs(values).max(initial=0.0))
    for digits in range(7):
        scaled = values * 10.0**digits
        if largest * 10.0**digits > most:
            return None
        rounded = np.rint(scaled)
        if np.allclose(scaled, rounded, rtol=0, atol=1e-9 * max(1.0, largest * 10.0**digits)):
            return rounded.astype(np.int64), 10.0**-digits
    return None
