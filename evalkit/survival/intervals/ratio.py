"""Likelihood-ratio intervals of Turnbull's curve: shares, and times, that the data do not reject.

Not an estimate: `mass` makes those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from evalkit.numerics.normal import z_value
from evalkit.survival.intervals.mass import Pieces, maximise

#: A share this near 0 or 1 is rejected whenever somebody's interval excludes it.
_EDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Seen:
    """Intervals observed, and how many people have each.

    Parameters
    ----------
    lower, upper, count : float arrays, shape (k,)
    closed : {"right", "both"}
    """

    lower: np.ndarray
    upper: np.ndarray
    count: np.ndarray
    closed: str

    @classmethod
    def of(cls, lower: np.ndarray, upper: np.ndarray, closed: str) -> Seen:
        """Count the people of each interval."""
        pairs, count = np.unique(np.column_stack([lower, upper]), axis=0, return_counts=True)
        return cls(pairs[:, 0], pairs[:, 1], count.astype(float), closed)

    def pieces(self, cut: float | None = None) -> Pieces:
        """Return the innermost intervals; none goes across `cut`."""
        return Pieces.of(self.lower, self.upper, self.count, self.closed, cut)

    def times(self) -> np.ndarray:
        """Return the origin and all finite ends: between two of them nothing changes."""
        ends = np.unique(np.concatenate([[0.0], self.lower, self.upper]))
        return ends[np.isfinite(ends)]


class Held:
    """The likelihood with the share left at one time held fixed.

    Parameters
    ----------
    seen : Seen
    time : float

    Notes
    -----
    Twice the fall of the log-likelihood, against a chi-squared of one degree: Thomas & Grunkemeier (1975) for exact times. Held
    fixed, a share may lie where the free maximum has none: the time asked is an end of pieces on both sides. The root of the fall is
    nearly a straight line, so that few shares need be tried.
    """

    def __init__(self, seen: Seen, time: float):
        self.pieces = seen.pieces(time)
        self.split = int(np.searchsorted(self.pieces.upper, time, side="right"))
        self.free = maximise(self.pieces)
        self.n = float(seen.count.sum())

    def fallen(self, share: float) -> float:
        """Return the root of twice the fall of the log-likelihood at this share."""
        pieces, split = self.pieces, self.split
        if split in (0, len(pieces)):
            # Nobody's interval reaches to one side: what is moved there explains nothing.
            kept = share if split == 0 else 1 - share
            return float(np.sqrt(-2 * self.n * np.log(min(kept, 1.0)))) if kept > 0 else np.inf
        if (share == 0 and (pieces.first >= split).any()) or (share == 1 and (pieces.stop <= split).any()):
            return np.inf
        found = maximise(pieces, split, share, self.free.mass)
        return float(np.sqrt(max(2 * (self.free.log_likelihood - found.log_likelihood), 0.0)))

    def interval(self, lowest: float, highest: float, level: float) -> tuple[float, float]:
        """Return the shares that are not rejected, those between `lowest` and `highest` being the best ones."""
        z = z_value(level)
        fall = lambda share: self.fallen(share) - z
        low, high = 0.0, 1.0
        if lowest > _EDGE and fall(0.0) > 0 and fall(_EDGE) > 0:
            low = float(optimize.brentq(fall, _EDGE, lowest, xtol=1e-9))
        if highest < 1 - _EDGE and fall(1.0) > 0 and fall(1 - _EDGE) > 0:
            high = float(optimize.brentq(fall, highest, 1 - _EDGE, xtol=1e-9))
        return low, high


def not_rejected(seen: Seen, share: float, lower: float, upper: float, level: float) -> tuple[float, float]:
    """Return the first and last times at which `share` left is not rejected; infinite when there is no last one.

    Parameters
    ----------
    lower, upper : float
        Between which times the curve passes that share.
    """
    z, times = z_value(level), seen.times()
    fits = lambda at: Held(seen, float(times[at])).fallen(share) <= z
    before, after = int(np.searchsorted(times, lower)), int(np.searchsorted(times, min(upper, times[-1])))
    if lower == upper:
        # The curve jumps over the share there: the time just before, and the time itself, are looked at.
        before -= 1
    low, high = lower, upper
    if before >= 0 and fits(before):
        low = float(times[_edge(fits, before, -1)])
    if fits(after):
        last = _edge(fits, after, len(times))
        high = float(times[last + 1]) if last + 1 < len(times) else np.inf
    return low, high


def _edge(fits: Callable[[int], bool], near: int, far: int) -> int:
    """Return the place farthest from `near`, towards `far` and not as far, that still fits."""
    while abs(far - near) > 1:
        middle = (near + far) // 2
        near, far = (middle, far) if fits(middle) else (near, middle)
    return near
