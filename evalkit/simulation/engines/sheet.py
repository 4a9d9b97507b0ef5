"""A plan and its people as flat arrays, which the compiled engine reads; `layout` says what stands where.

Not an engine: nothing happens here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.simulation.engines import layout as at
from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.population import People
from evalkit.simulation.luck.sampler import CONSTANT, STEPS, TICKS_PER_DAY, Distribution
from evalkit.simulation.plan.choices import ERA, Choice, Way
from evalkit.simulation.plan.numbers import Hazard, Plan, Row


@dataclass(frozen=True, eq=False)
class Sheet:
    """A plan in arrays.

    Parameters
    ----------
    c : int64 array, shape (COUNTERS,)
        Counters as a play finds them.
    t, f : int64 and float64 arrays
        Lists, choices, hazards, routes; the real numbers they name.
    s, d, q : int64 arrays
        One row per state, per law, per queue.
    group : int64 array, shape (sites,)
        Sites of one group share a pool, if only through others; groups have nothing to do with each other.
    openings : tuple of int64 array, shape (openings, 5)
        Per group, in the order of ticks, pools and queues.
    traits : tuple of str
        Fixed traits, in the order of their columns.
    """

    c: np.ndarray
    t: np.ndarray
    f: np.ndarray
    s: np.ndarray
    d: np.ndarray
    q: np.ndarray
    group: np.ndarray
    openings: tuple[np.ndarray, ...]
    traits: tuple[str, ...]


def sheet(plan: Plan) -> Sheet:
    """Flatten a plan, once."""
    kept = vars(plan).get("_sheet")
    if kept is None:
        kept = _Flat(plan).sheet()
        object.__setattr__(plan, "_sheet", kept)
    return kept


def crowd(plan: Plan, people: People) -> np.ndarray:
    """Return what of people never changes: int64, one row each, see `layout`."""
    traits = sheet(plan).traits
    wide = sum(table.shape[1] for table in people.bring)
    a = np.empty((len(people), at.TRAITS + len(traits) + wide), dtype=np.int64)
    a[:, at.IDENTITY] = people.identity.view(np.int64)
    a[:, at.SITE], a[:, at.HEAD] = people.codes["site"], people.head
    a[:, at.ARRIVAL], a[:, at.AFTER] = people.arrival, people.after if len(people.after) else 0
    # Days are ticks divided by the ticks of a day: rounding gives the ticks back.
    a[:, at.ELAPSED] = np.rint(people.elapsed * TICKS_PER_DAY)
    for k, trait in enumerate(traits):
        a[:, at.TRAITS + k] = people.codes[trait]
    column = at.TRAITS + len(traits)
    for table in people.bring:
        a[:, column : column + table.shape[1]] = table
        column += table.shape[1]
    return a


def lucky(counters: np.ndarray, luck: Luck) -> np.ndarray:
    """Return counters with the key of a play's luck."""
    c = counters.copy()
    c[[at.SEED, at.REPLICATION]] = np.array([luck.seed, luck.replication], dtype=np.uint64).view(np.int64)
    return c


class _Flat:
    """Writes a plan down; each method returns the place where it wrote."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.traits = tuple(t for t in plan.levels if t not in plan.tracks)
        self.whole: list[int] = []
        self.real: list[float] = []
        self.laws: list[list[int]] = []

    def sheet(self) -> Sheet:
        """Return everything of the plan."""
        plan, capacity = self.plan, self.plan.capacity
        states = np.array([self._state(s, row) for s, row in enumerate(plan.rows)], dtype=np.int64)
        first = np.concatenate([[0], np.cumsum([len(names) for names in capacity.names])]).astype(np.int64)
        queue = capacity.queue + first[:-1, None] if len(capacity.names) else np.zeros((0, 1), dtype=np.int64)
        c = np.zeros(at.COUNTERS, dtype=np.int64)
        c[[at.ENTERS, at.ENTERS_LAST]] = -1
        c[at.HORIZON], c[at.N_TRACKS], c[at.N_SITES] = plan.horizon, len(plan.tracks), len(plan.sites)
        c[at.N_POOLS] = len(plan.pools)
        c[at.QUEUE_OF] = self._put(queue.ravel().tolist())
        c[at.ERAS], c[at.N_ERAS] = self._put(plan.eras.ticks), len(plan.eras.ticks)
        group = _groups(queue, len(plan.sites))
        of_queue = np.zeros(first[-1], dtype=np.int64)
        for of in queue:
            of_queue[of] = group
        openings = self._openings(first)
        apart = tuple(openings[of_queue[openings[:, at.OPEN_QUEUE]] == g] for g in range(group.max() + 1))
        return Sheet(
            c, np.array(self.whole, dtype=np.int64), np.array(self.real, dtype=np.float64), states,
            np.array(self.laws, dtype=np.int64).reshape(-1, 9), self._queues(), group, apart, self.traits,
        )  # fmt: skip

    def _put(self, values: Sequence[int] | np.ndarray) -> int:
        self.whole.extend(int(v) for v in values)
        return len(self.whole) - len(values)

    def _put_real(self, values: Sequence[float]) -> int:
        self.real.extend(float(v) for v in values)
        return len(self.real) - len(values)

    def _state(self, s: int, row: Row) -> list[int]:
        line = sorted({r.priority for r in self.plan.rows if r.pool == row.pool}).index(row.priority)
        release, changes, brings = self._put(row.release), self._changes(row), self._brings(s)
        ways = [self._ways(of) for of in (row.done, row.late)]
        choices = (row.duration_choice, row.limit_choice, row.done_choice, row.late_choice)
        return [
            _signed(row.key), row.kind, row.pool, line, row.priority, row.not_before, row.balk_to, self._put(row.balk_at),
            row.preempt, _plain(row), release, release + len(row.release), *changes, *brings,
            self._durations(row.durations, row.by_cause), self._durations(row.limits, ()), *ways,
            *(self._choice(one) for one in choices), self._hazard(row.hazard), self._hazard(row.limit_hazard),
        ]  # fmt: skip

    def _changes(self, row: Row) -> tuple[int, int]:
        flat = [
            (c.track, c.level, self._put_real([c.share]), self._law(c.after), _signed(c.key))
            for c in row.changes
        ]
        first = self._put([v for one in flat for v in one])
        return first, first + at.CHANGE_SIZE * len(flat)

    def _brings(self, s: int) -> tuple[int, int]:
        column, flat = at.TRAITS + len(self.traits), []
        for rule in self.plan.brings:
            flat += [column, rule.most] if rule.state == s else []
            column += rule.most
        first = self._put(flat)
        return first, first + len(flat)

    def _durations(self, of: Sequence[Distribution], by_cause: Sequence[Sequence[int]]) -> int:
        if not of:
            return -1
        causes = by_cause or ((),) * len(of)
        return self._put([self._law(one, to) for one, to in zip(of, causes, strict=True)])

    def _law(self, of: Distribution, to: Sequence[int] = ()) -> int:
        n_causes = len(of.causes[0]) if of.family == STEPS and of.causes else 0
        self.laws.append([
            of.family, self._put_real([of.a, of.b]), len(of.hazard), self._put_real(of.hazard), self._put_real(of.days),
            self._put_real(of.slope), n_causes, self._put_real([x for row in of.causes for x in row]),
            self._put(to) if to else -1,
        ])  # fmt: skip
        return len(self.laws) - 1

    def _ways(self, ways: Sequence[Way]) -> int:
        if not ways:
            return -1
        return self._put(
            [self._put([len(w.targets), self._put_real(w.cumulative), *w.targets]) for w in ways]
        )

    def _choice(self, choice: Choice) -> int:
        if not choice.traits:
            return -1
        traits = [self._trait(t) for t in choice.traits]
        pairs = [v for pair in zip(traits, np.shape(choice.cases), strict=True) for v in pair]
        return self._put([len(traits), *pairs, *np.ravel(choice.cases)])

    def _trait(self, name: str) -> int:
        if name == ERA:
            return at.ERA_TRAIT
        if name in self.plan.tracks:
            return at.TRACK - self.plan.tracks.index(name)
        return at.TRAITS + self.traits.index(name)

    def _hazard(self, hazard: Hazard) -> int:
        traits = [v for t, r in hazard.traits for v in (self._trait(t), self._put_real(r))]
        tracks = [v for k, r in hazard.tracks for v in (k, self._put_real(r))]
        if not traits and not tracks and not hazard.shocks:
            return -1
        shocks = self._put_real([by for _, by in hazard.shocks])
        sizes = [len(hazard.traits), len(hazard.tracks), len(hazard.shocks), shocks]
        return self._put([*sizes, *traits, *tracks, *(tick for tick, _ in hazard.shocks)])

    def _queues(self) -> np.ndarray:
        capacity, rows = self.plan.capacity, self.plan.rows
        lines = [len({r.priority for r in rows if r.pool == p}) for p in range(len(capacity.names))]
        preempting = {r.pool for r in rows if r.preempt}
        flat = [
            (units, 0, -1, capacity.held[p], p in preempting, lines[p])
            for p, of in enumerate(capacity.units)
            for units in of
        ]
        q = np.full((len(flat), at.LINES + 2 * max(lines, default=0)), -1, dtype=np.int64)
        q[:, : at.LINES] = np.array(flat, dtype=np.int64).reshape(-1, at.LINES)
        return q

    def _openings(self, first: np.ndarray) -> np.ndarray:
        flat = [
            (tick, first[p] + k, number, what, p)
            for tick, of in self.plan.capacity.openings
            for p, k, number, what in of
        ]
        return np.array(flat, dtype=np.int64).reshape(-1, 5)


def _signed(key: int) -> int:
    return key - (1 << 64) if key >> 63 else key


def _plain(row: Row) -> bool:
    """Tell whether nothing about a visit is left to luck."""
    return all(d.family == CONSTANT for d in (*row.durations, *row.limits)) and all(
        len(w.targets) == 1 for w in (*row.done, *row.late)
    )


def _groups(queue: np.ndarray, sites: int) -> np.ndarray:
    """Return the group of each site: sites whose queues are the same somewhere go together."""
    group = np.arange(sites)
    for of in queue:
        for q in np.unique(of):
            mine = group[of == q]
            if len(mine) > 1:
                group[np.isin(group, mine)] = mine.min()
    return np.unique(group, return_inverse=True)[1].reshape(-1)
