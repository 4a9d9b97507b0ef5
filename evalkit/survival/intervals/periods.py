"""Days cut into whole periods: in which periods each row counts as at risk, and with what outcome.

Not a model: `discrete` fits one. Rows are never multiplied: a row holds the run of its periods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.timetoevent import TimeToEvent

#: A time this near the end of a period, in periods, is that end written with rounding.
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Runs:
    """The run of periods each row is at risk in; empty where ``first > last``.

    Parameters
    ----------
    first, last : int arrays, shape (n,)
        Periods counted from 0, both ends included.
    event : bool array, shape (n,)
        Whether the last period of the run ends with the event.
    cut : int
        Periods left out because observation began or ended within them.
    lost : int
        Events in periods left out.
    """

    first: np.ndarray
    last: np.ndarray
    event: np.ndarray
    cut: int
    lost: int


def runs_of(tte: TimeToEvent, exits: np.ndarray, period: float, partial: str) -> Runs:
    """Return each row's run of periods.

    Parameters
    ----------
    tte : TimeToEvent
    exits : bool array, shape (n,)
        Which rows end with the event.
    period : float
    partial : {"leave_out", "count"}
        What a period is in which observation begins late or is cut by censoring.

    Notes
    -----
    A period belongs to the row in force when it begins, so that a later value of a covariate never explains an earlier event; an event
    counts with that row. Another exit ends the run and counts as "no event" in its period: that period was seen to its end.

    Examples
    --------
    >>> tte = TimeToEvent(time=[45, 60, 70], cause=[1, 0, 0], causes=("exit",))
    >>> runs = runs_of(tte, tte.cause > 0, 30.0, "leave_out")
    >>> runs.first.tolist(), runs.last.tolist(), runs.event.tolist(), runs.cut
    ([0, 0, 0], [1, 1, 1], [True, False, False], 1)
    """
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    order, linked = _chains(tte, entry)
    start, end = entry[order] / period, tte.time[order] / period
    first = np.where(linked, np.ceil(start - _SAME), np.floor(start + _SAME)).astype(np.int64)
    last = np.maximum(np.ceil(end - _SAME).astype(np.int64) - 1, 0)
    chain = np.cumsum(~linked) - 1
    ends = np.r_[~linked[1:], True]
    # The last row of a chain that has a period of its own stands for how the chain ends.
    owners = np.flatnonzero(first <= last)
    final = np.zeros(chain[-1] + 1, dtype=np.int64)
    final[chain[owners]] = owners
    event = np.zeros(tte.n, dtype=bool)
    event[final] = exits[order][ends]
    cut, lost = 0, 0
    if partial == "leave_out":
        inside = lambda x: np.abs(x - np.rint(x)) > _SAME
        late = ~linked & (entry[order] > 0) & inside(start)
        lost = int((late & event & (first == last)).sum())
        short = np.zeros(tte.n, dtype=bool)
        short[final] = (tte.cause[order] == 0)[ends] & (inside(end) | (end == 0))[ends]
        # Begun late and censored within one period: one period is left out, not two.
        cut = int(late.sum() + short.sum() - (late & short & (first == last)).sum())
        first, last = first + late, last - short
    event &= first <= last
    back = np.empty(tte.n, dtype=np.int64)
    back[order] = np.arange(tte.n)
    return Runs(first[back], last[back], event[back], cut, lost)


def _chains(tte: TimeToEvent, entry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order in which the rows of a person follow each other, and whether each goes on where the one before stopped."""
    if tte.id is None:
        return np.arange(tte.n), np.zeros(tte.n, dtype=bool)
    who = pd.factorize(tte.id)[0]
    order = np.lexsort((tte.time, entry, who))
    who, entry, time, cause = who[order], entry[order], tte.time[order], tte.cause[order]
    linked = np.zeros(tte.n, dtype=bool)
    linked[1:] = (
        (who[1:] == who[:-1]) & (entry[1:] == time[:-1]) & (cause[:-1] == 0) & (entry[1:] > entry[:-1])
    )
    return order, linked


@dataclass(frozen=True, eq=False)
class Cells:
    """People counted by characteristics and period, a block of characteristics at a time.

    Parameters
    ----------
    x : float array, shape (U, p)
        The distinct characteristics.
    group : int array, shape (U,)
        Cluster of each; 0 without clusters.
    start : int array, shape (U + 1,)
        Where the rows of each begin in the arrays below.
    first, last : int arrays, shape (n,)
    event : bool array, shape (n,)
    weight : float array, shape (n,)
    n_periods : int
    """

    x: np.ndarray
    group: np.ndarray
    start: np.ndarray
    first: np.ndarray
    last: np.ndarray
    event: np.ndarray
    weight: np.ndarray
    n_periods: int

    @classmethod
    def of(cls, x: np.ndarray, runs: Runs, weight: np.ndarray, group: np.ndarray | None) -> Cells:
        """Put together the rows of equal characteristics (and cluster)."""
        used = np.flatnonzero(runs.first <= runs.last)
        columns = [*x[used].T] if group is None else [*x[used].T, group[used]]
        pattern = (
            pd.DataFrame(dict(enumerate(columns)))
            .groupby(list(range(len(columns))), sort=False)
            .ngroup()
            .to_numpy()
        )
        order = np.argsort(pattern, kind="stable")
        count = np.bincount(pattern)
        start = np.concatenate([[0], np.cumsum(count)])
        rows = used[order]
        some = rows[start[:-1]]
        groups = np.zeros(len(some), dtype=np.int64) if group is None else group[some]
        return cls(
            np.ascontiguousarray(x[some]), groups, start, runs.first[rows], runs.last[rows], runs.event[rows], weight[rows],
            int(runs.last[used].max()) + 1,
        )  # fmt: skip

    def block(self, begin: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how many of each pattern were at risk in each period, and how many met the event, shape (stop - begin, K)."""
        rows = slice(self.start[begin], self.start[stop])
        pattern = np.repeat(np.arange(stop - begin), np.diff(self.start[begin : stop + 1]))
        k, size = self.n_periods + 1, stop - begin
        weight, last, event = self.weight[rows], self.last[rows], self.event[rows]
        change = np.bincount(pattern * k + self.first[rows], weight, size * k)
        change -= np.bincount(pattern * k + last + 1, weight, size * k)
        at_risk = np.cumsum(change.reshape(size, k), axis=1)[:, :-1]
        met = np.bincount((pattern * k + last)[event], weight[event], size * k).reshape(size, k)[:, :-1]
        # Weights that are not whole leave rounding behind where nobody is left.
        return np.where(at_risk > 1e-9, at_risk, 0.0), met

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how many were at risk in each period, and how many met the event."""
        k = self.n_periods + 1
        change = np.bincount(self.first, self.weight, k) - np.bincount(self.last + 1, self.weight, k)
        at_risk = np.cumsum(change)[:-1]
        return np.where(at_risk > 1e-9, at_risk, 0.0), np.bincount(
            self.last[self.event], self.weight[self.event], self.n_periods
        )
