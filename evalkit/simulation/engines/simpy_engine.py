"""The readable engine: SimPy keeps the clock, callbacks move people along the table. The reference for every other engine.

Not a place for randomness or for meaning: draws come from `luck`, what a state means is the tape's.

The order of simultaneous events is declared, and is the same for every engine: (time, kind, identity), the kinds being
capacity that opens or changes, arrivals, ends of delays, limits: who can be served at the very instant their patience ends is
served. A person passes through states that last nothing before anybody else moves; those whom they freed follow in the order in
which they were served.
"""

from __future__ import annotations

import gc
from collections import deque
from typing import Any

import numpy as np
import simpy

from evalkit.simulation.engines.stays import BALKED, DONE, LATE, LEFT, OPEN, PREEMPTED, Log
from evalkit.simulation.luck.draws import Draws, Visit
from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.moving import Coming, Moving
from evalkit.simulation.luck.population import People
from evalkit.simulation.plan.capacity import ADD
from evalkit.simulation.plan.numbers import EXIT, WAIT, Plan, Row

#: Kinds of events, in their order within an instant.
_OPEN, _ARRIVE, _END, _LIMIT = range(4)
#: How a state is entered: as usual; first in line, after having been preempted; to finish what was left.
_USUAL, _FIRST, _RESUME = range(3)


Granted = tuple[int, int, int]


class _Due(simpy.Event):
    """An event at a declared place within its instant; SimPy's own timeouts would be ordered by when they were made."""

    #: Nothing fails, and nothing is handed over: said once, not event by event.
    _ok, _value = True, None

    def __init__(self, env: simpy.Environment, delay: int, order: int, callback: Any, what: Any):
        self.env, self.callbacks, self.what = env, [callback], what
        env.schedule(self, priority=order, delay=delay)


class _Queue:
    """People waiting for one pool in one queue, what is free there, and who was served and may be preempted."""

    def __init__(self, free: int, priorities: list[int]):
        self.free = free
        self.lines: dict[int, deque[tuple[int, int]]] = {p: deque() for p in priorities}
        self.waiting = 0
        #: Person to (state waited in, priority, when served: a number that grows).
        self.served: dict[int, tuple[int, int, int]] = {}


def run(plan: Plan, people: People, luck: Luck) -> Log:
    """Play once and return what happened."""
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
        self.draws, self.moving_draws = Draws(plan, people, luck), Moving(plan, people, luck)
        self.env: Any = simpy.Environment()
        self.site: list[int] = people.codes["site"].tolist()
        self.head: list[int] = people.head.tolist()
        self.rows, self.horizon, self.now = plan.rows, plan.horizon, 0
        self.n = n = len(people)
        capacity = plan.capacity
        priorities = [sorted({r.priority for r in plan.rows if r.pool == p}) for p in range(len(plan.pools))]
        self.queues = [
            [_Queue(free, priorities[p]) for free in units] for p, units in enumerate(capacity.units)
        ]
        self.queue_of: list[list[int]] = capacity.queue.tolist()
        self.state, self.since, self.stay = [-1] * n, [0] * n, [0] * n
        self.visits: list[dict[int, int]] = [{} for _ in range(n)]
        self.fate: list[Any] = [None] * n
        self.held: list[set[int]] = [set() for _ in range(n)]
        #: Who was preempted: what is left of which state, and how it would end.
        self.left: dict[int, tuple[int, int, int, Visit]] = {}
        #: Who was just given a unit that may be taken back, and of which pool, state waited in, priority.
        self.granted: dict[int, Granted] = {}
        #: Of those who may be preempted: pool, when the delay they are in ends, and how.
        self.ends: dict[int, tuple[int, int, int]] = {}
        self.turn = 0
        self.preemptible = {r.pool for r in plan.rows if r.preempt}
        tracks = len(plan.tracks)
        self.standing: list[list[int]] = [[0] * tracks for _ in range(n)] if tracks else [[]] * n
        self.coming: list[list[Coming]] = [[None] * tracks for _ in range(n)] if tracks else [[]] * n
        self.gone = np.zeros(n, dtype=bool)
        self.arrived = people.arrival.copy()
        self.log: list[tuple[int, int, int, int, int, int, int]] = []
        self.changes: list[tuple[int, int, int, int]] = []
        self.brings: dict[int, list[int]] = {}
        for k, rule in enumerate(plan.brings):
            self.brings.setdefault(rule.state, []).append(k)
        self.moving: deque[tuple[int, int, int]] = deque()

    def run(self) -> Log:
        n = self.n
        for tick, opened in self.plan.capacity.openings:
            _Due(self.env, tick, _OPEN * n, self._open, opened)
        for i, tick in enumerate(self.people.arrival.tolist()):
            if tick < self.horizon:
                _Due(self.env, tick, _ARRIVE * n + i, self._arrive, i)
        self.env.run(until=self.horizon)
        self.now = self.horizon
        for i, s in enumerate(self.state):
            if s >= 0:
                self._catch_up(i, self.horizon - 1)
                self._leave(i, OPEN)
        return Log.of(self.log, self.changes, self.arrived)

    # ---- events ---------------------------------------------------------------------------------------------------------
    def _open(self, event: _Due) -> None:
        self.now = self.env.now
        for pool, queue, number, what in event.what:
            here = self.queues[pool][queue]
            here.free = here.free + number if what == ADD else number
            self._serve(pool, queue)
        self._settle()

    def _arrive(self, event: _Due) -> None:
        self.now = self.env.now
        self.moving.append((event.what, self.head[event.what], _USUAL))
        self._settle()

    def _end(self, event: _Due) -> None:
        self.now = self.env.now
        i, stay, how = event.what
        if self.stay[i] == stay:  # not preempted meanwhile
            self._go_on(i, how)
            self._settle()

    def _limit(self, event: _Due) -> None:
        self.now = self.env.now
        i, stay = event.what
        if self.stay[i] == stay:  # still in that queue
            row = self.rows[self.state[i]]
            self.queues[row.pool][self._queue_at(i, row.pool)].waiting -= 1
            self.left.pop(i, None)
            self._go_on(i, LATE)
            self._settle()

    # ---- moves ----------------------------------------------------------------------------------------------------------
    def _settle(self) -> None:
        while self.moving:
            self._enter(*self.moving.popleft())

    def _go_on(self, i: int, how: int) -> None:
        self._leave(i, how)
        self.moving.append((i, self.fate[i][2 + how], _USUAL))

    def _leave(self, i: int, how: int) -> None:
        s = self.state[i]
        self.log.append((i, self.stay[i], s, self.visits[i][s] - 1, self.since[i], self.now, how))
        self.stay[i] += 1
        self.state[i] = -1
        if i in self.ends:
            self._cannot_be_preempted(i)

    def _enter(self, i: int, s: int, how_entered: int) -> None:
        now, visits, granted = self.now, self.visits[i], self.granted.pop(i, None)
        while True:
            row = self.rows[s]
            number = visits.get(s, 0)
            visits[s] = number + 1
            self.state[i] = s
            self.since[i] = now
            if how_entered == _RESUME:
                self._resume(i, granted)
                return
            for pool in row.release:
                self._release(i, pool)
            if row.changes or self.standing[i]:
                self._change_tracks(i, row, number)
            for k in self.brings.get(s, ()):
                self._bring(i, k, number)
            if row.kind == EXIT:
                self.gone[i] = True
                self._leave(i, LEFT)
                return
            fate = self.draws.fixed[s]
            if fate is None:
                fate = self._visit(s, number, i, row)
            self.fate[i] = fate
            duration, limit, _, _ = fate
            if row.kind == WAIT:
                if row.balk_to >= 0 and how_entered == _USUAL and self._turned_away(i, row):
                    self._leave(i, BALKED)
                    s = row.balk_to
                    continue
                self._queue(i, row, limit, how_entered)
                return
            how, delay = (LATE, limit) if limit < duration else (DONE, duration)
            if how == DONE:
                delay = max(delay, row.not_before - now)
            if delay > 0:
                self._stay_until(i, now + delay, how, delay, granted)
                return
            granted = None
            self._leave(i, how)
            s = fate[2 + how]

    def _visit(self, s: int, number: int, i: int, row: Row) -> Visit:
        if row.dynamic:
            return self.moving_draws.visit(s, number, i, self.now, self.standing[i], self.coming[i])
        return self.draws.visit(s, number, i, self._inside)

    def _stay_until(self, i: int, end: int, how: int, delay: int, granted: Granted | None) -> None:
        if end < self.horizon:
            _Due(self.env, delay, _END * self.n + i, self._end, (i, self.stay[i], how))
        # A unit given back on the way here can no longer be taken back.
        if granted is not None and granted[0] in self.held[i]:
            pool, waited_in, priority = granted
            self.turn += 1
            self.queues[pool][self._queue_at(i, pool)].served[i] = (waited_in, priority, self.turn)
            self.ends[i] = (pool, end, how)

    def _inside(self) -> np.ndarray:
        return np.flatnonzero(~self.gone)

    # ---- tracks and those whom one brings -------------------------------------------------------------------------------
    def _catch_up(self, i: int, tick: int) -> None:
        """Let the changes that came by a tick stand."""
        for track, change in enumerate(self.coming[i]):
            if change is not None and change[0] <= tick:
                if change[1] != self.standing[i][track]:
                    self.changes.append((i, track, change[1], change[0]))
                self.standing[i][track], self.coming[i][track] = change[1], None

    def _change_tracks(self, i: int, row: Row, number: int) -> None:
        self._catch_up(i, self.now)
        for change in row.changes:
            to_come = self.moving_draws.change(change, number, i, self.now)
            if to_come is not None:
                self.coming[i][change.track] = to_come
        self._catch_up(i, self.now)

    def _bring(self, i: int, rule: int, number: int) -> None:
        if number >= self.plan.brings[rule].most:
            return
        child = int(self.people.bring[rule][i, number])
        if child >= 0:
            delay = int(self.people.after[child])
            if self.now + delay < self.horizon:
                self.arrived[child] = self.now + delay
                _Due(self.env, delay, _ARRIVE * self.n + child, self._arrive, child)

    # ---- pools ----------------------------------------------------------------------------------------------------------
    def _queue_at(self, i: int, pool: int) -> int:
        return self.queue_of[pool][self.site[i]]

    def _turned_away(self, i: int, row: Row) -> bool:
        at = self._queue_at(i, row.pool)
        queue = self.queues[row.pool][at]
        return queue.free <= 0 and queue.waiting >= row.balk_at[at]

    def _queue(self, i: int, row: Row, limit: int, how_entered: int) -> None:
        at = self._queue_at(i, row.pool)
        queue = self.queues[row.pool][at]
        line, place = queue.lines[row.priority], (i, self.stay[i])
        if how_entered == _FIRST:
            line.appendleft(place)
        else:
            line.append(place)
        queue.waiting += 1
        # Where more is held than there is, a unit taken back would serve nobody.
        if row.preempt and queue.free == 0 and how_entered == _USUAL:
            self._preempt(row, at)
        self._serve(row.pool, at)
        still_waits = self.state[i] >= 0
        if still_waits and self.now + limit < self.horizon:
            _Due(self.env, limit, _LIMIT * self.n + i, self._limit, (i, self.stay[i]))

    def _serve(self, pool: int, at: int) -> None:
        queue, held = self.queues[pool][at], self.plan.capacity.held[pool]
        if not queue.waiting:
            return
        for line in queue.lines.values():
            while line and queue.free > 0:
                i, stay = line.popleft()
                if self.stay[i] == stay:
                    queue.free -= 1
                    queue.waiting -= 1
                    if held:
                        self.held[i].add(pool)
                    if pool in self.preemptible:
                        self.granted[i] = (pool, self.state[i], self.rows[self.state[i]].priority)
                    if i in self.left:
                        self._leave(i, DONE)
                        self.moving.append((i, self.left[i][0], _RESUME))
                    else:
                        self._go_on(i, DONE)

    def _release(self, i: int, pool: int) -> None:
        if pool in self.held[i]:
            self.held[i].discard(pool)
            at = self._queue_at(i, pool)
            self.queues[pool][at].free += 1
            self._serve(pool, at)

    # ---- preemption -----------------------------------------------------------------------------------------------------
    def _preempt(self, row: Row, at: int) -> None:
        """Take a unit back from the least urgent of those served, the last served among equals, if less urgent than this row."""
        queue = self.queues[row.pool][at]
        if not queue.served:
            return
        i = max(queue.served, key=lambda k: queue.served[k][1:])
        waited_in, priority, _ = queue.served[i]
        if priority <= row.priority:
            return
        _, end, how = self.ends[i]
        self.left[i] = (self.state[i], end - self.now, how, self.fate[i])
        self._leave(i, PREEMPTED)
        self.held[i].discard(row.pool)
        queue.free += 1
        self.moving.append((i, waited_in, _FIRST))

    def _cannot_be_preempted(self, i: int) -> None:
        pool, _, _ = self.ends.pop(i)
        self.queues[pool][self._queue_at(i, pool)].served.pop(i, None)

    def _resume(self, i: int, granted: Granted | None) -> None:
        _, rest, how, self.fate[i] = self.left.pop(i)
        self._stay_until(i, self.now + rest, how, rest, granted)
