"""Statistics of a draw by lot, over all draws: their p-value, the least it can be, and the shifts that are not rejected.

Not the answer: `lots` words it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evalkit.comparison.clusters.draws import Lot

STATISTICS = ("difference", "studentised", "rank_sum")
#: Statistics closer than this share of the largest are equal.
_TIE = 1e-9
#: Cells of draws turned into numbers at a time.
_AT_ONCE = 2 * 10**6


@dataclass(frozen=True, eq=False)
class Units:
    """People grouped in the units that were drawn (one each, or clusters).

    Parameters
    ----------
    outcome : float array, shape (n,)
    unit : int array, shape (n,)
        Unit of each person.
    lot : Lot
    """

    outcome: np.ndarray
    unit: np.ndarray
    lot: Lot

    @property
    def size(self) -> np.ndarray:
        """People of each unit."""
        return np.bincount(self.unit, minlength=len(self.lot.treated)).astype(float)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Return sums of values of people over units."""
        return np.bincount(self.unit, weights=values, minlength=len(self.lot.treated))

    @property
    def treated(self) -> np.ndarray:
        """Who was treated, shape (n,)."""
        return self.lot.treated[self.unit]


@dataclass(frozen=True)
class Shifted:
    """Shifts that a test does not reject.

    Parameters
    ----------
    low, high : float
        ±inf where no shift is rejected.
    achieved : float
        Confidence the interval really has.
    """

    low: float
    high: float
    achieved: float


class Drawn:
    """The statistic as a function of a shift δ, for every draw: T(y − δ·treated).

    Parameters
    ----------
    units : Units
    draws : bool array, shape (draws, units)
        Row `seen` is what was drawn.
    statistic : {"difference", "studentised", "rank_sum"}
    """

    def __init__(self, units: Units, draws: np.ndarray, statistic: str, seen: int) -> None:
        self.units, self.draws, self.statistic, self.seen = units, draws, statistic, seen
        self.shares, self.parts = self._strata()
        y, z = units.outcome, units.treated.astype(float)
        # Numbers far from zero lose digits in sums; a constant changes no difference.
        self.level = float(y.mean())
        if statistic != "rank_sum":
            self.base, self.slope = self._difference(y - self.level), self._difference(z)
        if statistic == "studentised":
            self.spread = [
                self._variance(y - self.level, y - self.level),
                self._variance(y - self.level, z),
                self._variance(z, z),
            ]

    def values(self, shift: float) -> np.ndarray:
        """Return T for every draw; nan where a studentised one has no standard error."""
        if self.statistic == "rank_sum":
            return self._ranks(shift)
        top = self.base - shift * self.slope
        if self.statistic == "difference":
            return top
        bottom = self.spread[0] - 2 * shift * self.spread[1] + shift**2 * self.spread[2]
        scale = float(np.abs(self.units.outcome - self.level).max() + abs(shift)) ** 2
        return np.divide(
            top, np.sqrt(np.maximum(bottom, 0)), out=np.full_like(top, np.nan), where=bottom > 1e-20 * scale
        )

    def p(self, shift: float = 0.0, alternative: str = "two-sided") -> tuple[float, float]:
        """Return the p-value of a shift, and the least that any draw would have given."""
        t = self.values(shift)
        t = np.abs(t) if alternative == "two-sided" else t if alternative == "greater" else -t
        # A draw without a standard error is taken as extreme, which can only raise p.
        t = np.where(np.isnan(t), np.inf, t)
        slack = _TIE * float(np.abs(t[np.isfinite(t)]).max(initial=0.0))
        return float((t >= t[self.seen] - slack).mean()), float((t >= t.max() - slack).mean())

    def interval(self, conf_level: float) -> Shifted:
        """Return the shifts whose two-sided p exceeds 1 − conf_level."""
        out = int(math.floor((1 - conf_level) * len(self.draws) + 1e-9))
        if self.units.lot.swaps and len(self.draws) == self.units.lot.count:
            # Draws come in pairs with the same |T|: they are rejected together.
            out -= out % 2
        achieved = 1 - out / len(self.draws)
        if self.statistic == "difference":
            return Shifted(*self._exact_ends(out), achieved)
        if self.statistic == "rank_sum":
            return self._ranked(out)
        return Shifted(*self._searched_ends(out), achieved)

    def _exact_ends(self, out: int) -> tuple[float, float]:
        """Each draw is at least as extreme as the one made between two shifts, so that ends are order statistics of those."""
        seen, t, c = self.base[self.seen], self.base, self.slope
        same = 1 - c <= 1e-12
        opposite = 1 + c <= 1e-12
        one = np.where(same, -np.inf, (seen - t) / np.where(same, 1.0, 1 - c))
        two = np.where(opposite, np.inf, (seen + t) / np.where(opposite, 1.0, 1 + c))
        low, high = np.minimum(one, two), np.maximum(one, two)
        low, high = np.where(same | opposite, -np.inf, low), np.where(same | opposite, np.inf, high)
        return float(np.sort(low)[out]), float(np.sort(high)[::-1][out])

    def _ranked(self, out: int) -> Shifted:
        """A rank statistic changes only where a treated and a control person tie: their differences are the candidates."""
        y, z, stratum = self.units.outcome, self.units.treated, self.units.lot.stratum[self.units.unit]
        steps = np.unique(np.concatenate([
            np.subtract.outer(y[z & (stratum == s)], y[~z & (stratum == s)]).ravel() for s in np.unique(stratum)
        ]))  # fmt: skip
        # At a step ranks tie, which is never more extreme than on both of its sides.
        gaps = np.concatenate([[steps[0] - 1], (steps[1:] + steps[:-1]) / 2, [steps[-1] + 1]])
        centre = self._centre(gaps)
        first, last = self._last_held(gaps, centre, -1, out), self._last_held(gaps, centre, 1, out)
        rejected = [gaps[k] for k in (first - 1, last + 1) if 0 <= k < len(gaps)]
        return Shifted(
            float(steps[first - 1]) if first > 0 else -math.inf,
            float(steps[last]) if last < len(steps) else math.inf,
            1 - max((self.p(shift)[0] for shift in rejected), default=0.0),
        )

    def _last_held(self, gaps: np.ndarray, centre: int, side: int, out: int) -> int:
        """Return the gap farthest from the centre on one side that is not rejected, by bisection."""
        near, away = centre, 0 if side < 0 else len(gaps) - 1
        if self._held(gaps[away], out):
            return away
        while abs(away - near) > 1:
            middle = (away + near) // 2
            near, away = (middle, away) if self._held(gaps[middle], out) else (near, middle)
        return near

    def _centre(self, gaps: np.ndarray) -> int:
        """Return the gap where the statistic of the draw made is nearest to zero; it falls with the shift."""
        low, high = 0, len(gaps) - 1
        while low < high:
            middle = (low + high) // 2
            if self.values(gaps[middle])[self.seen] > 0:
                low = middle + 1
            else:
                high = middle
        around = [k for k in (low - 1, low) if k >= 0]
        return min(around, key=lambda k: abs(self.values(gaps[k])[self.seen]))

    def _searched_ends(self, out: int) -> tuple[float, float]:
        """Return the ends found by bisection, outwards from the difference."""
        centre = float(self.base[self.seen])
        reach = max(float(np.ptp(self.units.outcome)), 1e-12)
        ends = []
        for side in (-1, 1):
            away = next(
                (
                    centre + side * reach * 2**k
                    for k in range(12)
                    if not self._held(centre + side * reach * 2**k, out)
                ),
                None,
            )
            if away is None:
                ends.append(side * math.inf)
                continue
            near = centre
            for _ in range(200):
                middle = (near + away) / 2
                if middle in (near, away):
                    break
                if self._held(middle, out):
                    near = middle
                else:
                    away = middle
            ends.append(near)
        return ends[0], ends[1]

    def _held(self, shift: float, out: int) -> bool:
        """Tell whether more than `out` draws are at least as extreme as the one made."""
        t = np.abs(self.values(shift))
        t = np.where(np.isnan(t), np.inf, t)
        at = t[self.seen]
        finite = t[np.isfinite(t)]
        slack = _TIE * float(finite.max(initial=0.0))
        return bool((t >= at - slack).sum() > out)

    def _strata(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the share of people of each stratum, and its units."""
        lot = self.units.lot
        parts = [np.flatnonzero(lot.stratum == s) for s in range(int(lot.stratum.max()) + 1)]
        people = np.array([self.units.size[part].sum() for part in parts])
        return people / people.sum(), parts

    def _difference(self, values: np.ndarray) -> np.ndarray:
        """Return the mean among treated minus the mean among the others, strata weighted by their people."""
        size, total = self.units.size, self.units.total(values)
        found = np.zeros(len(self.draws))
        for share, part in zip(self.shares, self.parts, strict=True):
            people, sums = self._sums(part, size[part], total[part])
            found += share * (sums / people - (total[part].sum() - sums) / (size[part].sum() - people))
        return found

    def _variance(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return the variance of a difference (or covariance of two) between units, strata weighted by their people."""
        size, x, y = self.units.size, self.units.total(one), self.units.total(other)
        found = np.zeros(len(self.draws))
        for share, part in zip(self.shares, self.parts, strict=True):
            n, a, b = size[part], x[part], y[part]
            columns = np.column_stack([np.ones_like(n), n, a, b, a * b, n * b, a * n, n * n])
            treated = self._sums(part, *columns.T)
            for k, people, sa, sb, ab, nb, an, nn in (treated, columns.sum(axis=0)[:, None] - treated):
                ma, mb = sa / people, sb / people
                # Σ (a − m_a n)(b − m_b n) over the units of the arm.
                found += share**2 * k / (k - 1) * (ab - ma * nb - mb * an + ma * mb * nn) / people**2
        return found

    def _sums(self, part: np.ndarray, *columns: np.ndarray) -> np.ndarray:
        """Return sums over treated units of a stratum, shape (columns, draws); some draws at a time, since they are many."""
        stacked = np.column_stack(columns)
        step = max(1, _AT_ONCE // len(part))
        return np.hstack([
            stacked.T @ self.draws[first : first + step, part].T.astype(float)
            for first in range(0, len(self.draws), step)
        ])  # fmt: skip

    def _ranks(self, shift: float) -> np.ndarray:
        """Return the sum of ranks of the treated, within strata, less what it is on average over draws."""
        lot = self.units.lot
        y = self.units.outcome - shift * self.units.treated
        scale = max(float(np.abs(self.units.outcome).max()), abs(shift))
        y = np.round(y / scale, 12) if scale > 0 else y
        stratum = lot.stratum[self.units.unit]
        rank = np.zeros(len(y))
        for s in np.unique(stratum):
            here = stratum == s
            rank[here] = stats.rankdata(y[here])
        total = self.units.total(rank)
        mean = sum(total[part].sum() * lot.treated[part].mean() for part in self.parts)
        return self._sums(np.arange(len(total)), total)[0] - mean
