"""Sums over the risk set per distinct time: the one object every curve and rank test is read from, and it adds.

Not an estimator, and free of pandas: parts of a data set (files, sites) give their sums, and the sum of the parts is the
sum of the whole. Whole days lie on a day grid; other times on their distinct values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.days import whole_days

#: Two times nearer than this, relative to their size, are one time written with rounding (0.1 + 0.2 and 0.3).
SAME_TIME = 1e-12


@dataclass(frozen=True, eq=False)
class RiskSums:
    """Who came under observation, who left and how, at each distinct time.

    Parameters
    ----------
    times : float array, shape (m,)
        Distinct and ascending.
    exits : float array, shape (g, k + 1, m)
        Weight leaving at each time, per group and way: 0 censored, then the k causes.
    entries : float array, shape (g, m)
        Weight coming under observation just after each time.
    start : float array, shape (g,)
        Weight under observation from the origin.
    groups : tuple of tuple
        What each group is called.

    Notes
    -----
    At ``times[j]`` are at risk those who started, plus who entered before, less who left before: a row is at risk on
    ``(entry, time]``, from the origin included when its entry is 0.

    Examples
    --------
    >>> a = RiskSums.of(np.array([2.0, 5.0]), np.array([1, 0]))
    >>> b = RiskSums.of(np.array([3.0, 5.0]), np.array([1, 1]))
    >>> both = a + b
    >>> both.times, both.n_risk()[0]
    (array([2., 3., 5.]), array([4., 3., 2.]))
    """

    times: np.ndarray
    exits: np.ndarray
    entries: np.ndarray
    start: np.ndarray
    groups: tuple[tuple, ...] = ((),)

    @classmethod
    def of(
        cls,
        time: np.ndarray,
        cause: np.ndarray,
        entry: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        group: np.ndarray | None = None,
        groups: tuple[tuple, ...] = ((),),
        n_causes: int = 1,
    ) -> RiskSums:
        """Sum over rows.

        Parameters
        ----------
        time, cause, entry, weight : arrays, shape (n,)
            As in `TimeToEvent`.
        group : int array, shape (n,), optional
            Position in `groups`.
        """
        times, at, came = grid(time, entry)
        m, g, ways = len(times), len(groups), n_causes + 1
        exits = _counted(at, cause, group if g > 1 else None, weight, m, ways, g).reshape(g, ways, m)
        if entry is None:
            used = np.flatnonzero(exits.any(axis=(0, 1)))
            exits = exits[:, :, used].astype(float)
            return cls(times[used], exits, np.zeros((g, len(used))), exits.sum(axis=(1, 2)), groups)
        late = entry > 0
        came = came.astype(np.int64) if g == 1 else group * m + came
        entries = np.bincount(came[late], None if weight is None else weight[late], g * m).reshape(g, m)
        whom = np.zeros(len(time), dtype=np.int64) if g == 1 else group
        start = np.bincount(whom[~late], None if weight is None else weight[~late], g).astype(float)
        used = np.flatnonzero(exits.any(axis=(0, 1)) | entries.any(axis=0))
        return cls(
            times[used], exits[:, :, used].astype(float), entries[:, used].astype(float), start, groups
        )

    def __add__(self, other: RiskSums) -> RiskSums:
        if self.exits.shape[1] != other.exits.shape[1]:
            raise ValueError(f"causes: {self.exits.shape[1] - 1} and {other.exits.shape[1] - 1} do not add")
        groups = tuple(dict.fromkeys((*self.groups, *other.groups)))
        times, places = merged(np.concatenate([self.times, other.times]))
        exits = np.zeros((len(groups), self.exits.shape[1], len(times)))
        entries, start = np.zeros((len(groups), len(times))), np.zeros(len(groups))
        for part, at in ((self, places[: len(self.times)]), (other, places[len(self.times) :])):
            for i, name in enumerate(part.groups):
                j = groups.index(name)
                np.add.at(exits[j], (slice(None), at), part.exits[i])
                np.add.at(entries[j], at, part.entries[i])
                start[j] += part.start[i]
        return RiskSums(times, exits, entries, start, groups)

    def n_risk(self) -> np.ndarray:
        """Return the weight at risk at each time, shape (g, m)."""
        change = self.entries - self.exits.sum(axis=1)
        before = np.cumsum(change, axis=1) - change
        # Weights that are not whole leave rounding behind where nobody is left.
        left = self.start[:, None] + before
        return np.where(left > 1e-9 * np.maximum(self.start[:, None], 1.0), left, 0.0)

    def at_risk(self, time: float | np.ndarray) -> np.ndarray:
        """Return the weight at risk just before any time, shape (g, len(time))."""
        change = self.entries - self.exits.sum(axis=1)
        upto = np.concatenate([np.zeros((len(self.start), 1)), np.cumsum(change, axis=1)], axis=1)
        return self.start[:, None] + upto[:, np.searchsorted(self.times, np.atleast_1d(time), side="left")]

    def last(self) -> np.ndarray:
        """Return the last time at which anybody of each group left, nan for a group that is empty."""
        left = self.exits.any(axis=1)
        return np.array([self.times[np.flatnonzero(row)[-1]] if row.any() else np.nan for row in left])


#: Rows counted at a time: few enough that what is computed of them stays in the processor's cache.
_BLOCK = 1 << 16


def _counted(
    at: np.ndarray,
    cause: np.ndarray,
    group: np.ndarray | None,
    weight: np.ndarray | None,
    m: int,
    ways: int,
    g: int,
) -> np.ndarray:
    """Return the weight per (group, way, time), flat."""
    size = g * ways * m
    narrow = np.int32 if size < 2**31 else np.int64
    n = len(at)
    # With nearly as many places as rows, adding up the blocks would cost more than it saves.
    step = _BLOCK if size <= _BLOCK // 8 else max(n, 1)
    total = None
    for first in range(0, max(n, 1), step):
        here = slice(first, first + step)
        place = np.multiply(cause[here], m, dtype=narrow, casting="unsafe")
        place += at[here]
        if group is not None:
            place += np.multiply(group[here], ways * m, dtype=narrow, casting="unsafe")
        found = np.bincount(place, None if weight is None else weight[here], size)
        total = found if total is None else total + found
    return total


def grid(
    time: np.ndarray, entry: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the times of the grid and the place on it of each `time` and each `entry`.

    Whole numbers that are not much more numerous than the rows are their own place: no sorting.
    """
    days = whole_days(time)
    came = None if entry is None else whole_days(entry)
    if days is not None and (entry is None or came is not None):
        top = int(days.max(initial=0))
        return np.arange(top + 1, dtype=float), days, came
    every = time if entry is None else np.concatenate([time, entry])
    times, place = merged(every)
    return times, place[: len(time)], None if entry is None else place[len(time) :]


def as_one(time: np.ndarray, entry: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return times and entries with those equal but for rounding made equal."""
    times, place = merged(time if entry is None else np.concatenate([time, entry]))
    values = times[place]
    return values[: len(time)], None if entry is None else values[len(time) :]


def merged(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, those equal but for rounding taken as one, and the place of each value."""
    distinct, place = np.unique(values, return_inverse=True)
    if len(distinct) < 2:
        return distinct, place
    new = np.concatenate([[True], np.diff(distinct) > SAME_TIME * distinct[1:]])
    if new.all():
        return distinct, place
    return distinct[new], (np.cumsum(new) - 1)[place]
