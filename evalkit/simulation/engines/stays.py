"""What an engine hands back: everybody's stays, the changes of their tracks, and when those arrived whom somebody brought.

Not their meaning: that is the tape's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from evalkit.simulation.luck.population import People

#: How a stay ended.
DONE, LATE, LEFT, OPEN, BALKED, PREEMPTED = range(6)


@dataclass(frozen=True, eq=False)
class Log:
    """What happened in one play.

    Parameters
    ----------
    stays : int64 array, shape (stays, 7)
        Person (row of the people), number of the stay, state, number of the visit, first tick, last tick, how it ended; in the
        order of persons and stays. Who is inside at the horizon has an open last stay.
    changes : int64 array, shape (changes, 4)
        Person, track, level, tick; in the order of persons, tracks and ticks.
    arrived : int64 array, shape (people,)
        Tick of arrival; never, for those whom nobody brought.
    """

    stays: np.ndarray
    changes: np.ndarray
    arrived: np.ndarray

    @classmethod
    def of(cls, stays: Sequence | np.ndarray, changes: Sequence | np.ndarray, arrived: np.ndarray) -> Log:
        """Put what an engine noted in order."""
        log = np.array(stays, dtype=np.int64).reshape(-1, 7)
        moves = np.array(changes, dtype=np.int64).reshape(-1, 4)
        return cls(log[np.lexsort((log[:, 1], log[:, 0]))], in_order(moves), arrived)


def in_order(changes: np.ndarray) -> np.ndarray:
    """Return changes in the order of persons, tracks and ticks."""
    return changes[np.lexsort((changes[:, 3], changes[:, 1], changes[:, 0]))]


def arrived(people: People, log: Log, horizon: int) -> tuple[People, Log]:
    """Return the people who came, without those whom nobody brought, and their log."""
    came = log.arrived < horizon
    if came.all() and not people.bring:
        return people, log
    place = np.cumsum(came) - 1
    kept = {
        f.name: getattr(people, f.name)[came]
        for f in fields(People)
        if f.name not in ("codes", "numbers", "bring", "brought_by", "arrival", "own_arrival")
    }
    brought_by = people.brought_by[came]
    brought_by[brought_by >= 0] = place[brought_by[brought_by >= 0]]
    arrival = log.arrived[came]
    own = np.where(brought_by >= 0, arrival, people.own_arrival[came])
    of = {name: {t: v[came] for t, v in getattr(people, name).items()} for name in ("codes", "numbers")}
    stays, changes = log.stays.copy(), log.changes.copy()
    stays[:, 0], changes[:, 0] = place[stays[:, 0]], place[changes[:, 0]]
    made = People(**kept, **of, arrival=arrival, own_arrival=own, brought_by=brought_by, bring=())
    return made, replace(log, stays=stays, changes=changes, arrived=arrival)
