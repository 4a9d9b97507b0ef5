"""What each pool of a play offered and gave, week by week.

Not a judgement of whether it was enough: see `summary`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.simulation.engines.stays import DONE, OPEN, PREEMPTED
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.plan.capacity import ADD

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape

_WEEK = 7 * TICKS_PER_DAY


def pools(tape: Tape) -> pd.DataFrame:
    """Return one row per pool, queue and week; see `Tape.pools`."""
    queues = [(p, q) for p, names in enumerate(tape.plan.capacity.names) for q in range(len(names))]
    return pd.concat([_weeks(tape, p, q) for p, q in queues], ignore_index=True) if queues else pd.DataFrame()


def _weeks(tape: Tape, pool: int, queue: int) -> pd.DataFrame:
    plan, capacity = tape.plan, tape.plan.capacity
    n = -(-plan.horizon // _WEEK)
    ends = np.minimum(np.arange(1, n + 1) * _WEEK, plan.horizon)
    at_pool = np.array([r.pool == pool for r in plan.rows])[tape.log[:, 2]]
    here = (capacity.queue[pool] == queue)[tape.people.codes["site"][tape.log[:, 0]]]
    waits = tape.log[at_pool & here]
    waiting = _count_upto(waits[:, 4], ends) - _count_upto(waits[waits[:, 6] != OPEN, 5], ends)
    served = waits[waits[:, 6] == DONE]
    if capacity.held[pool]:
        offered = _units(tape, pool, queue, ends)
        used = _in_use(tape, pool, here, served, ends)
    else:
        used = np.bincount(served[:, 5] // _WEEK, minlength=n).astype(np.float64)
        offered = np.zeros(n)
        for tick, opened in capacity.openings:
            offered[tick // _WEEK] += sum(slots for p, q, slots, _ in opened if p == pool and q == queue)
    return pd.DataFrame({
        "pool": plan.pools[pool], "site": capacity.names[pool][queue], "week": np.arange(n),
        "week_start": tape.dates(np.arange(n) * _WEEK), "offered": offered, "used": used, "queue": waiting,
    })  # fmt: skip


def _units(tape: Tape, pool: int, queue: int, ends: np.ndarray) -> np.ndarray:
    """Return the mean number of units there over each week."""
    capacity = tape.plan.capacity
    starts = np.concatenate([[0], ends[:-1]])
    offered = np.full(len(ends), capacity.units[pool][queue], dtype=np.float64)
    for tick, opened in capacity.openings:
        for p, q, number, what in opened:
            if p == pool and q == queue and what == ADD:
                offered += number * np.clip(ends - tick, 0, ends - starts) / (ends - starts)
    return offered


def _in_use(tape: Tape, pool: int, here: np.ndarray, served: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the mean number of held units over each week: from being served to giving back, or to being preempted."""
    log, rows = tape.log, tape.plan.rows
    gives_back = np.array([pool in r.release for r in rows])[log[:, 2]]
    back = np.concatenate([log[gives_back & here][:, [0, 1, 4]], _taken_back(tape, pool, here)])
    free = np.full(len(served), tape.plan.horizon, dtype=np.int64)
    where = {(int(i), int(stay)): int(t) for i, stay, t in back}
    stays: dict[int, list[int]] = {}
    for i, stay in where:
        stays.setdefault(i, []).append(stay)
    for row, (i, stay) in enumerate(served[:, [0, 1]].tolist()):
        later = [x for x in stays.get(i, ()) if x > stay]
        if later:
            free[row] = where[(i, min(later))]
    starts = np.concatenate([[0], ends[:-1]])
    overlap = np.minimum(free[:, None], ends) - np.maximum(served[:, 5][:, None], starts)
    return np.maximum(overlap, 0).sum(axis=0) / (ends - starts)


def _taken_back(tape: Tape, pool: int, here: np.ndarray) -> np.ndarray:
    """Return person, stay and tick at which a unit of this pool was taken back: at the end of the stay.

    Whoever is preempted waits for that very pool next, which tells it from other units they may hold.
    """
    log = tape.log
    at = np.flatnonzero((log[:, 6] == PREEMPTED) & here)
    waits_for = np.array([r.pool for r in tape.plan.rows])
    return log[at[waits_for[log[at + 1, 2]] == pool]][:, [0, 1, 5]]


def _count_upto(ticks: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return how many ticks lie before each end."""
    return np.searchsorted(np.sort(ticks), ends, side="left")
