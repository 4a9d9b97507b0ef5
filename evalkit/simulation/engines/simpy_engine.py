"""The readable engine: SimPy keeps the clock, callbacks move people along the table. The reference for every other engine.

Not a place for randomness or for meaning: draws come from `draws`, what a state means is the tape's.

The order of simultaneous events is declared, and is the same for every engine: (time, kind, identity), the kinds being slots
opening, arrivals, ends of delays, limits: who can be served at the very instant their patience ends is served. A person passes
through states that last nothing before anybody else moves; those whom they freed follow in the order in which they were served.
"""

from __future__ import annotations

import gc
from collections import deque
from typing import Any

import numpy as np
import simpy

from evalkit.simulation.luck.draws import Draws
from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.population import People
from evalkit.simulation.plan.numbers import EXIT, WAIT, Plan

#: Kinds of events, in their order within an instant.
_OPEN, _ARRIVE, _END, _LIMIT = range(4)
#: How a stay ended.
DONE, LATE, LEFT, OPEN = range(4)


class _Due(simpy.Event):
    """An event at a declared place within its instant; SimPy's own timeouts would be ordered by when they were made."""

    def __init__(self, env: simpy.Environment, delay: int, order: int, callback: Any, what: Any):
        self.env, self.callbacks, self.what = env, [callback], what
        self._ok, self._value = True, None
        env.schedule(self, priority=order, delay=delay)


class _Queue:
    """People waiting for one pool at one site, and what is free there."""

    def __init__(self, free: int, priorities: list[int]):
        self.free = free
        self.lines: dict[int, deque[tuple[int, int]]] = {p: deque() for p in priorities}


def run(plan: Plan, people: People, luck: Luck) -> np.ndarray:
    """Play once.

    Returns
    -------
    int64 array, shape (stays, 7)
        Person (row of `people`), number of the stay, state, number of the visit, first tick, last tick, how it ended; in the
        order of persons and stays. Who is inside at the horizon has an open last stay.
    """
    # A play makes hundreds of thousands of small objects and drops none in rings: looking for rings takes a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _Play(plan, people, luck).run()
    finally:
        if collecting:
            gc.enable()


class _Play:
    def __init__(self, plan: Plan, people: People, luck: Luck):
        self.plan, self.people = plan, people
        self.draws = Draws(plan, people, luck)
        self.env: Any = simpy.Environment()
        self.site: list[int] = people.codes["site"].tolist()
        self.rows, self.horizon, self.now = plan.rows, plan.horizon, 0
        self.n = n = len(people)
        priorities = [sorted({r.priority for r in plan.rows if r.pool == p}) for p in range(len(plan.pools))]
        self.queues = [[_Queue(free, priorities[p]) for free in units] for p, units in enumerate(plan.units)]
        self.state, self.since, self.stay = [-1] * n, [0] * n, [0] * n
        self.visits: list[dict[int, int]] = [{} for _ in range(n)]
        self.fate: list[Any] = [None] * n
        self.held: list[set[int]] = [set() for _ in range(n)]
        self.gone = np.zeros(n, dtype=bool)
        self.log: list[tuple[int, int, int, int, int, int, int]] = []
        self.moving: deque[tuple[int, int]] = deque()

    def run(self) -> np.ndarray:
        n = self.n
        for tick, opened in self.plan.openings:
            _Due(self.env, tick, _OPEN * n, self._open, opened)
        for i, tick in enumerate(self.people.arrival.tolist()):
            _Due(self.env, tick, _ARRIVE * n + i, self._arrive, i)
        self.env.run(until=self.horizon)
        self.now = self.horizon
        for i, s in enumerate(self.state):
            if s >= 0:
                self._leave(i, OPEN)
        log = np.array(self.log, dtype=np.int64).reshape(-1, 7)
        return log[np.lexsort((log[:, 1], log[:, 0]))]

    # ---- events ---------------------------------------------------------------------------------------------------------
    def _open(self, event: _Due) -> None:
        self.now = self.env.now
        for pool, site, slots in event.what:
            self.queues[pool][site].free = slots
            self._serve(pool, site)
        self._settle()

    def _arrive(self, event: _Due) -> None:
        self.now = self.env.now
        self.moving.append((event.what, int(self.people.head[event.what])))
        self._settle()

    def _end(self, event: _Due) -> None:
        self.now = self.env.now
        i, how = event.what
        self._go_on(i, how)
        self._settle()

    def _limit(self, event: _Due) -> None:
        self.now = self.env.now
        i, stay = event.what
        if self.stay[i] == stay:  # still in that queue
            self._go_on(i, LATE)
            self._settle()

    # ---- moves ----------------------------------------------------------------------------------------------------------
    def _settle(self) -> None:
        while self.moving:
            self._enter(*self.moving.popleft())

    def _go_on(self, i: int, how: int) -> None:
        self._leave(i, how)
        self.moving.append((i, self.fate[i][2 + how]))

    def _leave(self, i: int, how: int) -> None:
        s = self.state[i]
        self.log.append((i, self.stay[i], s, self.visits[i][s] - 1, self.since[i], self.now, how))
        self.stay[i] += 1
        self.state[i] = -1

    def _enter(self, i: int, s: int) -> None:
        now, visits = self.now, self.visits[i]
        while True:
            row = self.rows[s]
            number = visits.get(s, 0)
            visits[s] = number + 1
            self.state[i], self.since[i] = s, now
            for pool in row.release:
                self._release(i, pool)
            if row.kind == EXIT:
                self.gone[i] = True
                self._leave(i, LEFT)
                return
            self.fate[i] = fate = self.draws.visit(s, number, i, self._inside)
            duration, limit = fate[:2]
            if row.kind == WAIT:
                self._queue(i, row.pool, row.priority, limit)
                return
            how, delay = (LATE, limit) if limit < duration else (DONE, duration)
            if how == DONE:
                delay = max(delay, row.not_before - now)
            if delay > 0:
                if now + delay < self.horizon:
                    _Due(self.env, delay, _END * self.n + i, self._end, (i, how))
                return
            self._leave(i, how)
            s = fate[2 + how]

    def _inside(self) -> np.ndarray:
        return np.flatnonzero(~self.gone)

    # ---- pools ----------------------------------------------------------------------------------------------------------
    def _queue(self, i: int, pool: int, priority: int, limit: int) -> None:
        site = self.site[i]
        self.queues[pool][site].lines[priority].append((i, self.stay[i]))
        self._serve(pool, site)
        still_waits = self.state[i] >= 0
        if still_waits and self.now + limit < self.horizon:
            _Due(self.env, limit, _LIMIT * self.n + i, self._limit, (i, self.stay[i]))

    def _serve(self, pool: int, site: int) -> None:
        queue, held = self.queues[pool][site], self.plan.held[pool]
        for line in queue.lines.values():
            while line and queue.free > 0:
                i, stay = line.popleft()
                if self.stay[i] == stay:
                    queue.free -= 1
                    if held:
                        self.held[i].add(pool)
                    self._go_on(i, DONE)

    def _release(self, i: int, pool: int) -> None:
        if pool in self.held[i]:
            self.held[i].discard(pool)
            self.queues[pool][self.site[i]].free += 1
            self._serve(pool, self.site[i])
