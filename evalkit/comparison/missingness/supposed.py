"""The answer when the lost of each group are supposed to be so and so: estimate, interval, and where it is overturned.

Not an estimate of what the lost are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from evalkit.comparison.missingness.intervals import spread, t_value, welch_df
from evalkit.comparison.missingness.people import People


@dataclass(frozen=True, eq=False)
class Group:
    """One group, its lost left open.

    Parameters
    ----------
    name : str
    after : float array, shape (n,)
        nan for the lost.
    before : float array, shape (n,)
        0 without a "before".
    binary : bool
    scale : (float, float)
        Infinite when not known.
    """

    name: str
    after: np.ndarray
    before: np.ndarray
    binary: bool
    scale: tuple[float, float]

    @property
    def seen(self) -> np.ndarray:
        """Who has an answer."""
        return np.isfinite(self.after)

    @property
    def lost(self) -> int:
        """How many have none."""
        return int((~self.seen).sum())

    @property
    def like_seen(self) -> float:
        """The supposition that the lost are like those seen: their share, or a shift of 0."""
        return float(self.after[self.seen].mean()) if self.binary else 0.0

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest supposition that the scale leaves."""
        if self.binary:
            return 0.0, 1.0
        change = float((self.after - self.before)[self.seen].mean())
        first = float(self.before[~self.seen].mean())
        return self.scale[0] - first - change, self.scale[1] - first - change

    def at(self, supposed: float | None) -> tuple[float, tuple[tuple[float, float], ...]]:
        """Return the mean response of everybody, and the parts of its variance with their degrees of freedom.

        A share is the answer of each lost person on average, and the response a mean of filled-in values. A shift is added to the
        mean of those seen, so the share lost is what multiplies it. None: like those seen, whose share is itself estimated.
        """
        if self.binary:
            share = self.like_seen if supposed is None else supposed
            values = np.where(self.seen, self.after, share) - self.before
            mean = float(values.mean())
            if supposed is None:
                # What each person seen moves in the share of the lost.
                values = values + np.where(self.seen, self.after - share, 0.0) * (self.lost / self.seen.sum())
            return mean, ((spread(values), math.inf),)
        known = (self.after - self.before)[self.seen]
        n, share, shift = len(self.after), self.lost / len(self.after), supposed or 0.0
        mean = float(known.mean()) + share * shift
        return mean, ((spread(known), len(known) - 1.0), (shift**2 * share * (1 - share) / n, math.inf))


@dataclass(frozen=True)
class Supposed:
    """An estimate with its interval.

    Parameters
    ----------
    estimate, std_error, df, low, high : float
    """

    estimate: float
    std_error: float
    df: float
    low: float
    high: float


def groups_of(people: People) -> list[Group]:
    """Return the groups, the reference last (it is subtracted)."""
    before = np.zeros(people.n) if people.before is None else people.before
    scale = (-math.inf, math.inf) if people.scale is None else people.scale
    made = [
        Group(name, people.after[own], before[own], people.binary, scale) for name, own in people.groups()
    ]
    return made[::-1]


def answer_at(groups: list[Group], supposed: list[float | None], conf_level: float) -> Supposed:
    """Return the mean of one group, or the first group's less the second's, under these suppositions (None: like those seen)."""
    found = [group.at(value) for group, value in zip(groups, supposed, strict=True)]
    estimate = found[0][0] - (found[1][0] if len(found) == 2 else 0.0)
    parts = [part for _, own in found for part in own]
    error, df = math.sqrt(sum(v for v, _ in parts)), welch_df(*parts)
    half = t_value(df, conf_level) * error
    return Supposed(estimate, error, df, estimate - half, estimate + half)


def tipping(groups: list[Group], which: int, null: float, conf_level: float, interval: bool) -> float | None:
    """Return what the lost of one group must be for the answer to reach `null`, those of the other being like the seen.

    Parameters
    ----------
    groups : list of Group
        One, or two of which the second is subtracted.
    which : int
        The group whose lost are moved; at least one is lost.
    null : float
    conf_level : float
    interval : bool
        True: the nearer end of the interval reaches `null`; False: the estimate does.

    Returns
    -------
    float or None
        None when nothing that the scale allows does.
    """
    start = answer_at(groups, [None] * len(groups), conf_level)
    above = start.estimate > null
    # The estimate rises with the lost of the first group, and falls with those of the second.
    down = above == (which == 0)

    def left(value: float) -> float:
        moved = answer_at(groups, [value if i == which else None for i in range(len(groups))], conf_level)
        reached = moved.estimate if not interval else moved.low if above else moved.high
        return (reached - null) if above else (null - reached)

    begin, end = groups[which].like_seen, groups[which].ends[0 if down else 1]
    if math.isinf(end):
        end = _far_enough(
            left, begin, -1.0 if down else 1.0, max(abs(start.estimate - null), start.std_error)
        )
    if left(end) > 0:
        return None
    return float(optimize.brentq(left, begin, end, xtol=1e-14, rtol=1e-14, maxiter=500))


def _far_enough(left: Callable[[float], float], base: float, sign: float, step: float) -> float:
    """Return a supposition at which the answer is overturned; some lost person is shifted, so there is one."""
    while left(base + sign * step) > 0:
        step *= 2
    return base + sign * step
