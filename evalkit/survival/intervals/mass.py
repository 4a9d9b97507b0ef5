"""The share of people in each innermost interval, by nonparametric maximum likelihood, with or without a share fixed.

Not a curve: `npmle` makes one of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

#: How far above 1 a mean likelihood ratio may be at the maximum (Gentleman & Geyer 1994): 0 but for rounding.
CERTAIN = 1e-10
#: Above so many pieces with mass the last, quadratic steps would take too long: the first kind of step goes on.
_DENSE = 4000
_MOST_STEPS = 400


@dataclass(frozen=True, eq=False)
class Pieces:
    """Innermost intervals, and which run of them each kind of observation covers.

    Parameters
    ----------
    lower, upper : float arrays, shape (m,)
    open_left : bool array, shape (m,)
        Whether a piece is without its lower end.
    first, stop : int arrays, shape (r,)
        Observations cover the pieces ``first <= j < stop``.
    count : float array, shape (r,)
        How many observations do.
    """

    lower: np.ndarray
    upper: np.ndarray
    open_left: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    count: np.ndarray

    @classmethod
    def of(
        cls, lower: np.ndarray, upper: np.ndarray, count: np.ndarray, closed: str, cut: float | None = None
    ) -> Pieces:
        """Find them (Peto 1973, Turnbull 1976): from a left end to the right end that follows it, with no end in between.

        Parameters
        ----------
        lower, upper, count : float arrays, shape (k,)
            Observations, and how many people have each.
        closed : {"right", "both"}
        cut : float, optional
            A time that no piece goes across: the share before it can then be held fixed.

        Examples
        --------
        >>> p = Pieces.of(np.array([0.0, 2.0, 3.0]), np.array([4.0, 6.0, np.inf]), np.ones(3), "right")
        >>> p.lower.tolist(), p.upper.tolist(), p.first.tolist(), p.stop.tolist()
        ([3.0], [4.0], [0], [1])
        """
        times = np.concatenate([lower, upper, [] if cut is None else [cut]])
        values, place = np.unique(times, return_inverse=True)
        low, high = 2 * place[: len(lower)], 2 * place[len(lower) : 2 * len(lower)]
        # "Just after" a time is between it and the next: an odd key. The origin belongs to what begins there.
        after = (lower < upper) & (lower > 0) & ((closed == "right") | np.isinf(upper))
        low = low + after
        begins, stops = np.unique(low), np.unique(high)
        if cut is not None:
            begins = np.union1d(begins, 2 * place[-1:] + 1)
            stops = np.union1d(stops, 2 * place[-1:])
        ends = np.concatenate([2 * begins, 2 * stops + 1])
        ends.sort()
        inner = np.flatnonzero((ends[:-1] % 2 == 0) & (ends[1:] % 2 == 1))
        left, right = ends[inner] // 2, ends[inner + 1] // 2
        a, b = np.searchsorted(left, low, side="left"), np.searchsorted(right, high, side="right")
        if cut is not None:
            # What begins or ends at the cut only, and holds nobody, is no piece.
            held = (
                np.cumsum(np.bincount(a, minlength=len(left) + 1) - np.bincount(b, minlength=len(left) + 1))[
                    :-1
                ]
                > 0
            )
            shift = np.concatenate([[0], np.cumsum(held)])
            left, right, a, b = left[held], right[held], shift[a], shift[b]
        kinds, whose = np.unique(a * (len(left) + 1) + b, return_inverse=True)
        first, stop = np.divmod(kinds, len(left) + 1)
        total = np.bincount(whose, count, len(kinds))
        return cls(values[left // 2], values[right // 2], left % 2 == 1, first, stop, total)

    def __len__(self) -> int:
        return len(self.lower)

    def log_likelihood(self, mass: np.ndarray) -> float:
        """Return the log-likelihood of these masses, minus infinity when an observation would be impossible."""
        share = self._share(mass)
        return float(self.count @ np.log(share)) if (share > 0).all() else -np.inf

    def gradient(self, mass: np.ndarray) -> np.ndarray:
        """Return the derivative of the log-likelihood to each piece's mass."""
        return self._covered(self.count / self._share(mass))

    def curvature(self, mass: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return minus the second derivatives among the chosen pieces.

        Notes
        -----
        Pieces j <= l share the observations that begin by j and stop after l: two cumulative sums, however many people there are.
        """
        k = len(chosen)
        begin, end = np.searchsorted(chosen, self.first), np.searchsorted(chosen, self.stop)
        table = np.bincount(begin * (k + 1) + end, self.count / self._share(mass) ** 2, (k + 1) ** 2).reshape(
            k + 1, k + 1
        )
        both = np.cumsum(np.cumsum(table, axis=0)[:, ::-1], axis=1)[:, ::-1][:k, 1:]
        return np.triu(both) + np.triu(both, 1).T

    def _share(self, mass: np.ndarray) -> np.ndarray:
        reached = np.concatenate([[0.0], np.cumsum(mass)])
        return reached[self.stop] - reached[self.first]

    def _covered(self, values: np.ndarray) -> np.ndarray:
        m = len(self) + 1
        return np.cumsum(np.bincount(self.first, values, m) - np.bincount(self.stop, values, m))[:-1]


@dataclass(frozen=True, eq=False)
class Best:
    """Masses of highest likelihood.

    Parameters
    ----------
    mass : float array, shape (m,)
    log_likelihood : float
    excess : float
        By how much the largest mean likelihood ratio exceeds 1: the certificate, see `CERTAIN`.
    """

    mass: np.ndarray
    log_likelihood: float
    excess: float


def maximise(pieces: Pieces, split: int = 0, after: float = 1.0, start: np.ndarray | None = None) -> Best:
    """Find the masses of highest likelihood.

    Parameters
    ----------
    pieces : Pieces
    split : int
        The pieces from this one on hold together `after`, those before it the rest.
    after : float, in [0, 1]
    start : float array, shape (m,), optional

    Notes
    -----
    Newton steps on the pieces that have mass, negative ones dropped, as a quadratic programme (Wang 2007); pieces whose mean
    likelihood ratio exceeds 1 join again. Begun, and where a step fails continued, by EM and iterative convex minorant steps
    (Wellner & Zhan 1997). At the maximum no mean ratio exceeds 1, and that of every piece with mass is 1.
    """
    halves = [(slice(0, split), 1 - after), (slice(split, len(pieces)), after)]
    halves = [(part, total) for part, total in halves if part.stop > part.start]
    mass = np.full(len(pieces), 1 / len(pieces)) if start is None else start
    mass = _scaled(mass, halves)
    if start is None:
        for _ in range(8):
            mass = _minorant(pieces, _expected(pieces, mass, halves), halves)
    value, excess, idle = pieces.log_likelihood(mass), np.inf, 0
    for _ in range(_MOST_STEPS):
        slope = pieces.gradient(mass)
        ratio = _ratios(slope, mass, halves)
        # Past what the likelihood's digits show, the ratios still tell which way is up.
        idle = idle + 1 if ratio.max() - 1 >= excess else 0
        excess = min(excess, float(ratio.max() - 1))
        if ratio.max() <= 1 + CERTAIN or idle > 50:
            break
        new = _newton(pieces, mass, slope, ratio, halves)
        if new is None:
            new = _minorant(pieces, _expected(pieces, mass, halves), halves)
        mass, value = new, pieces.log_likelihood(new)
    excess = float(_ratios(pieces.gradient(mass), mass, halves).max() - 1)
    return Best(mass, value, excess)


def _scaled(mass: np.ndarray, halves: list[tuple[slice, float]]) -> np.ndarray:
    mass = mass.copy()
    for part, total in halves:
        held = mass[part].sum()
        mass[part] = mass[part] * (total / held) if held > 0 else total / (part.stop - part.start)
    return mass


def _ratios(slope: np.ndarray, mass: np.ndarray, halves: list[tuple[slice, float]]) -> np.ndarray:
    """Return each piece's mean likelihood ratio: how much the likelihood gains, at first, by mass moved there."""
    out = np.ones_like(slope)
    for part, total in halves:
        if total > 0:
            out[part] = slope[part] * total / float(mass[part] @ slope[part])
    return out


def _expected(pieces: Pieces, mass: np.ndarray, halves: list[tuple[slice, float]]) -> np.ndarray:
    """Take an EM step: each observation's person is shared out among the pieces it covers."""
    return _scaled(mass * pieces.gradient(mass), halves)


def _minorant(pieces: Pieces, mass: np.ndarray, halves: list[tuple[slice, float]]) -> np.ndarray:
    """Take an iterative convex minorant step on the cumulative shares, halved until the likelihood rises."""
    if len(halves) > 1 or len(pieces) < 3:
        return mass
    m = len(pieces)
    reached = np.cumsum(mass)[:-1]
    share = pieces._share(mass)
    inverse = pieces.count / share
    up = np.bincount(pieces.stop, inverse, m + 1) - np.bincount(pieces.first, inverse, m + 1)
    bend = np.bincount(pieces.stop, inverse / share, m + 1) + np.bincount(
        pieces.first, inverse / share, m + 1
    )
    bend = np.maximum(bend[1:m], 1e-10 * bend.max())
    aim = optimize.isotonic_regression(reached + up[1:m] / bend, weights=bend).x.clip(0, 1)
    best, step = pieces.log_likelihood(mass), 1.0
    for _ in range(20):
        new = np.diff(reached + step * (aim - reached), prepend=0.0, append=1.0).clip(0)
        if pieces.log_likelihood(new) > best:
            return new
        step /= 2
    return mass


def _newton(
    pieces: Pieces, mass: np.ndarray, slope: np.ndarray, ratio: np.ndarray, halves: list[tuple[slice, float]]
) -> np.ndarray | None:
    """Take a Newton step among the pieces with mass and those that should have some; None when it leads nowhere."""
    peak = np.r_[True, ratio[1:] >= ratio[:-1]] & np.r_[ratio[:-1] >= ratio[1:], True]
    chosen = np.flatnonzero((mass > 0) | (peak & (ratio > 1 + CERTAIN)))
    if len(chosen) > _DENSE:
        return None
    bent = pieces.curvature(mass, chosen)
    size = np.sqrt(np.diag(bent))
    bent = bent / np.outer(size, size) + 1e-13 * np.eye(len(size))
    free = np.ones(len(chosen), dtype=bool)
    aim = np.zeros(len(chosen))
    while free.any():
        x = _programme(bent, slope, size, chosen, free, halves)
        if x is None:
            return None
        if (x >= 0).all():
            aim[free] = x
            break
        free[np.flatnonzero(free)[x < 0]] = False
    new = np.zeros_like(mass)
    new[chosen] = aim
    best, step = pieces.log_likelihood(mass), 1.0
    for _ in range(12):
        tried = _scaled((mass + step * (new - mass)).clip(0), halves)
        if pieces.log_likelihood(tried) >= best - 1e-14 * (1 + abs(best)):
            return tried
        step /= 2
    return None


def _programme(
    bent: np.ndarray,
    slope: np.ndarray,
    size: np.ndarray,
    chosen: np.ndarray,
    free: np.ndarray,
    halves: list[tuple[slice, float]],
) -> np.ndarray | None:
    """Return the masses that maximise the quadratic approximation with each half's total kept."""
    who = chosen[free]
    belongs = np.array([(who >= part.start) & (who < part.stop) for part, _ in halves], dtype=float)
    totals = np.array([total for _, total in halves])
    used = belongs.any(axis=1)
    if not used[totals > 0].all():
        return None
    # The second derivatives times the masses are the first: the aim needs no mass of its own.
    right = np.vstack([2 * slope[who], belongs[used]]) / size[free]
    try:
        factor = linalg.cho_factor(bent[np.ix_(free, free)], lower=True)
    except linalg.LinAlgError:
        return None
    solved = linalg.cho_solve(factor, right.T) / size[free, None]
    level = np.linalg.solve(belongs[used] @ solved[:, 1:], belongs[used] @ solved[:, 0] - totals[used])
    return solved[:, 0] - solved[:, 1:] @ level
