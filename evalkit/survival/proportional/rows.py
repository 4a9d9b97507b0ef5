"""Rows standing on slots: every sum over a risk set, whatever is summed.

Not a likelihood: `partial` says what to sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Up to so many slots a table of them stays in cache, and rows are added to it as they come.
FEW_SLOTS = 16384
#: Up to so many numbers all columns are added up by one call.
_FEW_CELLS = 32768


@dataclass(frozen=True, eq=False)
class Rows:
    """A part of the rows, numbered on slots that all parts share.

    Parameters
    ----------
    x : float array, shape (n, p), columns contiguous
    first, last : int arrays, shape (n,)
        See `Slots`; `first` None for 0.
    event : int array
        Positions of the rows that end with the event.
    weight : float array, shape (n,), optional
    offset : float array, shape (n,), optional
        Added to each row's predictor with the coefficient 1.
    order : int array, shape (n,), optional
        Rows in order of `last`, where that is known.
    """

    x: np.ndarray
    first: np.ndarray | None
    last: np.ndarray
    event: np.ndarray
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    order: np.ndarray | None = None

    @cached_property
    def place(self) -> np.ndarray:
        """Twice the slot a row ends in, plus 1 when it ends with the event: one count then gives both sums."""
        place = 2 * self.last.astype(np.int64)
        place[self.event] += 1
        return place

    @cached_property
    def slot(self) -> np.ndarray:
        """Slot of each event, counted from 0."""
        return self.last[self.event] - 1

    @cached_property
    def _runs(self) -> Runs:
        order = np.argsort(self.last) if self.order is None else self.order
        return Runs.of(order, self.last, self.event)

    def sums(self, values: np.ndarray, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
        """Return, per slot, the sum of `values` over the rows at risk in it, and over those whose event is there."""
        if n_slots <= FEW_SLOTS:
            both = np.bincount(self.place, values, 2 * n_slots + 2)[2:].reshape(n_slots, 2)
            at_risk, dying = np.cumsum((both[:, 0] + both[:, 1])[::-1])[::-1], both[:, 1]
        else:
            # A table of all slots leaves the cache: rows in order of their slot do not need one.
            at_risk, dying = self._runs.sums(values, n_slots)
        if self.first is not None:
            # Sums over later strata are in there too: a row that starts at slot f is taken out of all slots before f.
            starts = np.bincount(self.first, values, n_slots + 1)[1:]
            at_risk = at_risk - np.cumsum(starts[::-1])[::-1]
        return at_risk, dying

    def column_sums(
        self, risk: np.ndarray, centre: np.ndarray, n_slots: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return `sums` of risk × centred column, for every column: two arrays of shape (n_slots, p)."""
        p = self.x.shape[1]
        if type(self) is Rows and self.x.size <= _FEW_CELLS and n_slots <= FEW_SLOTS:
            return self._all_at_once((self.x - centre) * risk[:, None], n_slots)
        at_risk, dying = np.empty((n_slots, p), order="F"), np.empty((n_slots, p), order="F")
        column = np.empty_like(risk)
        for k in range(p):
            if centre[k]:
                np.subtract(self.x[:, k], centre[k], out=column)
                column *= risk
            else:
                np.multiply(self.x[:, k], risk, out=column)
            at_risk[:, k], dying[:, k] = self.sums(column, n_slots)
        return at_risk, dying

    def _all_at_once(self, values: np.ndarray, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `sums` of every column by one count: with few rows, calls cost more than additions."""
        p = values.shape[1]
        place, first = self._cells
        both = np.bincount(place, values.ravel(), (2 * n_slots + 2) * p)[2 * p :].reshape(n_slots, 2, p)
        change = both[:, 0] + both[:, 1]
        if first is not None:
            change -= np.bincount(first, values.ravel(), (n_slots + 1) * p)[p:].reshape(n_slots, p)
        return np.cumsum(change[::-1], axis=0)[::-1], both[:, 1]

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray | None]:
        columns = np.arange(self.x.shape[1])
        cells = lambda rows: (rows[:, None] * len(columns) + columns).ravel()
        return cells(self.place), None if self.first is None else cells(self.first)

    def during(self, cumulative: np.ndarray) -> np.ndarray:
        """Return, per row, the rise of a cumulative sum over slots (0 first) while the row is at risk."""
        risen = np.take(cumulative, self.last)
        if self.first is not None:
            risen -= np.take(cumulative, self.first)
        return risen

    def exposure(
        self, cumulative: np.ndarray, tied: np.ndarray | None, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return `during`, less what is in `tied` for the slot of the event, for rows that end with it; in `out` if it fits."""
        if tied is not None and self.first is None:
            # By place, one look-up does both.
            table = np.repeat(cumulative, 2)
            table[3::2] -= tied
            return np.take(table, self.place, out=out, mode="clip")
        exposure = self.during(cumulative)
        if tied is not None:
            exposure[self.event] -= np.take(tied, self.slot)
        return exposure

    def thinned(self, every: int) -> Rows:
        """Return one row in `every`, on the same slots."""
        ends = np.zeros(len(self.last), dtype=bool)
        ends[self.event] = True
        some = slice(None, None, every)
        return Rows(
            np.asfortranarray(self.x[some]),
            None if self.first is None else self.first[some],
            self.last[some],
            np.flatnonzero(ends[some]),
            None if self.weight is None else self.weight[some],
            None if self.offset is None else self.offset[some],
        )


@dataclass(frozen=True, eq=False)
class Runs:
    """Rows in order of the slot they end in: those still there are the rest of the rows.

    Parameters
    ----------
    order : int array, shape (n,)
        Positions of rows.
    begin : int array
        Where, in order, the rows begin that end in each slot or later.
    ending : int array
        Where, in order, the rows are that end with the event.
    slots, start : int arrays
        The slots, from 0, that have an event, and where those of each begin in `ending`.
    """

    order: np.ndarray
    begin: np.ndarray
    ending: np.ndarray
    slots: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, order: np.ndarray, last: np.ndarray, event: np.ndarray) -> Runs:
        """Find the runs."""
        ends = np.zeros(len(last), dtype=bool)
        ends[event] = True
        ending = np.flatnonzero(ends[order])
        died = np.bincount(last[event], minlength=1)[1:]
        slots = np.flatnonzero(died)
        return cls(
            order,
            np.cumsum(np.bincount(last, minlength=1))[:-1],
            ending,
            slots,
            (np.cumsum(died) - died)[slots],
        )

    def sums(self, values: np.ndarray, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
        """Return, per slot, the sum over the rows that end in it or later, and over those whose event is there."""
        values = np.take(values, self.order)
        rest = np.zeros(len(values) + 1)
        np.cumsum(values[::-1], out=rest[-2::-1])
        at_risk, dying = np.zeros(n_slots), np.zeros(n_slots)
        at_risk[: len(self.begin)] = np.take(rest, self.begin)
        if len(self.slots):
            ends = np.take(values, self.ending)
            dying[self.slots] = ends if len(ends) == len(self.slots) else np.add.reduceat(ends, self.start)
        return at_risk, dying
