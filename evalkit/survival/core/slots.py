"""Where each row stands among the event times of its stratum: what turns every risk-set sum into two look-ups.

Not a likelihood: `partial` sums over these places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.days import whole_days
from evalkit.survival.core.sums import SAME_TIME


@dataclass(frozen=True, eq=False)
class Slots:
    """Distinct (stratum, event time) pairs, in order, and the run of them during which each row is at risk.

    Parameters
    ----------
    first, last : int arrays, shape (n,)
        Row i is at risk in slots ``first[i] <= slot < last[i]``; `first` is None when it is 0 for all.
    time : float array, shape (L,)
    stratum : int array, shape (L,)
    order : int array, shape (n,), optional
        Rows in order of `last`, where they had to be sorted.
    """

    first: np.ndarray | None
    last: np.ndarray
    time: np.ndarray
    stratum: np.ndarray
    order: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.time)


def place(
    time: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
) -> Slots:
    """Find the slots of all rows.

    Parameters
    ----------
    time, entry : float arrays, shape (n,)
    event : bool array, shape (n,)
    stratum : int array, shape (n,), optional
        Codes from 0.

    Examples
    --------
    >>> s = place(np.array([2.0, 5.0, 7.0]), np.array([True, False, True]), entry=np.array([0.0, 2.0, 0.0]))
    >>> s.first.tolist(), s.last.tolist(), s.time.tolist()
    ([0, 1, 0], [1, 1, 2], [2.0, 7.0])
    """
    values, at, came, order = _ranks(time, event, entry)
    width = len(values)
    key = at if stratum is None else stratum * width + at
    n_keys = width if stratum is None else width * (int(stratum.max()) + 1)
    before = None
    if n_keys <= max(4096, 4 * len(time)):
        happened = np.bincount(key[event], minlength=n_keys) > 0
        passed = np.cumsum(happened)
        keys = np.flatnonzero(happened)
        last = np.take(passed, key)
        passed_before = lambda k: np.where(k < 0, 0, np.take(passed, k))
    else:
        keys = np.unique(key[event])
        last = np.searchsorted(keys, key, side="right")
        passed_before = lambda k: np.searchsorted(keys, k, side="right")
    origin = None if stratum is None else stratum * width - 1
    if came is not None:
        before = came if origin is None else origin + 1 + came
        before = np.where(entry > 0, before, -1 if origin is None else origin)
    elif origin is not None:
        before = origin
    first = None if before is None else passed_before(before)
    return Slots(first, last, values[keys % width], keys // width, order if stratum is None else None)


def _ranks(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return the possible times and, for each row, the place of the last one it reaches and of the last before it came.

    And, when times had to be sorted, their order.
    """
    days = whole_days(time)
    came = None if entry is None or days is None else whole_days(entry)
    if days is not None and (entry is None or came is not None):
        return np.arange(float(days.max(initial=0)) + 1), days, came, None
    order = np.argsort(time)
    distinct = time[order[event[order]]]
    if len(distinct) > 1:
        distinct = distinct[np.concatenate([[True], np.diff(distinct) > SAME_TIME * distinct[1:]])]
    # Place 0 is "before any event", so that place k + 1 is the k-th event time.
    values = np.concatenate([[-1.0], distinct])
    bound = distinct * (1 - SAME_TIME)
    at = _passed(bound, time, order)
    return values, at, None if entry is None else _passed(bound, entry, np.argsort(entry)), order


def _passed(bound: np.ndarray, time: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return how many bounds each time has reached: both in order, so that one walk along them is enough."""
    begin = np.searchsorted(time[order], bound, side="left")
    count = np.diff(np.concatenate([[0], begin, [len(time)]]))
    passed = np.empty(len(time), dtype=np.int64)
    passed[order] = np.repeat(np.arange(len(bound) + 1), count)
    return passed
