"""A plan and its people as flat arrays, which a compiled engine reads.

Not an engine: nothing happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.population import People
from evalkit.simulation.luck.sampler import STEPS, Distribution
from evalkit.simulation.plan.choices import ERA, Choice, Way
from evalkit.simulation.plan.numbers import Hazard, Plan, Row


class Laws(NamedTuple):
    """Distributions: family and two numbers, where each one's table begins and ends, and its causes."""

    family: np.ndarray
    a: np.ndarray
    b: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    hazard: np.ndarray
    days: np.ndarray
    slope: np.ndarray
    cause_start: np.ndarray
    n_causes: np.ndarray
    cause: np.ndarray


class Choices(NamedTuple):
    """For each state and each of duration, limit, done, late: which traits tell people apart, and the case of each combination."""

    start: np.ndarray
    count: np.ndarray
    trait: np.ndarray
    levels: np.ndarray
    case_start: np.ndarray
    case: np.ndarray


class States(NamedTuple):
    """One row per state; the lists of each stand one after the other, `…_start` to `…_start` of the next."""

    key: np.ndarray
    kind: np.ndarray
    pool: np.ndarray
    line: np.ndarray
    priority: np.ndarray
    not_before: np.ndarray
    balk_to: np.ndarray
    balk_at: np.ndarray
    preempt: np.ndarray
    release_start: np.ndarray
    release: np.ndarray
    law_start: np.ndarray
    law: np.ndarray
    way_start: np.ndarray
    way: np.ndarray
    cause_to_start: np.ndarray
    cause_to: np.ndarray
    change_start: np.ndarray
    change_track: np.ndarray
    change_level: np.ndarray
    change_share: np.ndarray
    change_law: np.ndarray
    change_key: np.ndarray
    bring_start: np.ndarray
    bring_rule: np.ndarray


class Ways(NamedTuple):
    """Routes: cumulative shares and where they lead."""

    start: np.ndarray
    cumulative: np.ndarray
    target: np.ndarray


class Hazards(NamedTuple):
    """For each state, of its duration and of its limit: ratios by trait and by track, and shocks."""

    trait_start: np.ndarray
    trait: np.ndarray
    track_start: np.ndarray
    track: np.ndarray
    ratio_start: np.ndarray
    ratio: np.ndarray
    shock_start: np.ndarray
    shock_tick: np.ndarray
    shock_ratio: np.ndarray


class Pools(NamedTuple):
    """Queues of all pools, numbered through: `queue[pool, site]`, what is free at first, and what opens when."""

    queue: np.ndarray
    held: np.ndarray
    free: np.ndarray
    line_start: np.ndarray
    preemptible: np.ndarray
    open_tick: np.ndarray
    open_start: np.ndarray
    open_pool: np.ndarray
    open_queue: np.ndarray
    open_number: np.ndarray
    open_what: np.ndarray


class Sheet(NamedTuple):
    """Everything of a plan."""

    states: States
    laws: Laws
    choices: Choices
    ways: Ways
    hazards: Hazards
    pools: Pools
    eras: np.ndarray
    most: np.ndarray
    n_tracks: int
    horizon: int


class Crowd(NamedTuple):
    """The people."""

    identity: np.ndarray
    site: np.ndarray
    head: np.ndarray
    arrival: np.ndarray
    order: np.ndarray
    elapsed: np.ndarray
    codes: np.ndarray
    bring_start: np.ndarray
    bring: np.ndarray
    after: np.ndarray
    seed: np.uint64
    replication: np.uint64


def sheet(plan: Plan) -> Sheet:
    """Flatten a plan."""
    return _Flat(plan).sheet()


def crowd(plan: Plan, people: People, luck: Luck) -> Crowd:
    """Flatten people; arrivals are sorted once, by tick and identity."""
    traits = [t for t in plan.levels if t not in plan.tracks]
    n = len(people)
    codes = np.empty((len(traits), n), dtype=np.int32)
    for k, trait in enumerate(traits):
        codes[k] = people.codes[trait]
    sizes = [table.size for table in people.bring]
    bring = np.concatenate([t.ravel() for t in people.bring]) if people.bring else np.zeros(0, dtype=np.int64)
    comes = np.flatnonzero(people.arrival < plan.horizon)
    order = comes[np.argsort(people.arrival[comes], kind="stable")]
    return Crowd(
        people.identity, people.codes["site"].astype(np.int32), people.head.astype(np.int32), people.arrival, order,
        people.elapsed, codes, _starts(sizes), bring, people.after, np.uint64(luck.seed), np.uint64(luck.replication),
    )  # fmt: skip


def _starts(sizes: Iterable[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(list(sizes), dtype=np.int64))]).astype(np.int64)


def _int(values: Iterable[Any]) -> np.ndarray:
    return np.array(list(values), dtype=np.int64)


def _float(values: Iterable[Any]) -> np.ndarray:
    return np.array(list(values), dtype=np.float64)


class _Flat:
    def __init__(self, plan: Plan):
        self.plan = plan
        self.traits = [t for t in plan.levels if t not in plan.tracks]
        self.laws: list[Distribution] = []
        self.ways: list[Way] = []

    def sheet(self) -> Sheet:
        plan = self.plan
        states = self._states()
        return Sheet(
            states, self._laws(), self._choices(), self._ways(), self._hazards(), self._pools(), _int(plan.eras.ticks),
            _int(rule.most for rule in plan.brings), len(plan.tracks), plan.horizon,
        )  # fmt: skip

    def _trait(self, name: str) -> int:
        if name == ERA:
            return len(self.traits) + len(self.plan.tracks)
        if name in self.plan.tracks:
            return len(self.traits) + self.plan.tracks.index(name)
        return self.traits.index(name)

    def _law(self, of: Distribution) -> int:
        self.laws.append(of)
        return len(self.laws) - 1

    def _states(self) -> States:
        rows = self.plan.rows
        laws = [[self._law(d) for d in of] for r in rows for of in (r.durations, r.limits)]
        ways = [[self._way(w) for w in of] for r in rows for of in (r.done, r.late)]
        causes = [list(to) for r in rows for to in r.by_cause]
        changes = [c for r in rows for c in r.changes]
        rules = [[k for k, rule in enumerate(self.plan.brings) if rule.state == s] for s in range(len(rows))]
        most = max((len(r.balk_at) for r in rows), default=0)
        balk_at = np.zeros((len(rows), max(most, 1)), dtype=np.int64)
        for s, r in enumerate(rows):
            balk_at[s, : len(r.balk_at)] = r.balk_at
        # A case of a duration finds its causes at the same place as its law.
        cause_to = {id(d): to for r in rows for d, to in zip(r.durations, r.by_cause, strict=True)}
        by_law = [list(cause_to.get(id(d), ())) for d in self.laws]
        del causes
        return States(
            np.array([r.key for r in rows], dtype=np.uint64), _int(r.kind for r in rows), _int(r.pool for r in rows),
            _int(self._line(r) for r in rows), _int(r.priority for r in rows), _int(r.not_before for r in rows),
            _int(r.balk_to for r in rows), balk_at, _int(r.preempt for r in rows), _starts(len(r.release) for r in rows),
            _int(p for r in rows for p in r.release), _starts(map(len, laws)), _int(x for of in laws for x in of),
            _starts(map(len, ways)), _int(x for of in ways for x in of), _starts(map(len, by_law)),
            _int(x for of in by_law for x in of), _starts(len(r.changes) for r in rows), _int(c.track for c in changes),
            _int(c.level for c in changes), _float(c.share for c in changes), _int(self._law(c.after) for c in changes),
            np.array([c.key for c in changes], dtype=np.uint64), _starts(map(len, rules)), _int(k for of in rules for k in of),
        )  # fmt: skip

    def _line(self, row: Row) -> int:
        """Return the rank of a row's priority among those of its pool."""
        if row.pool < 0:
            return -1
        return sorted({r.priority for r in self.plan.rows if r.pool == row.pool}).index(row.priority)

    def _way(self, way: Way) -> int:
        self.ways.append(way)
        return len(self.ways) - 1

    def _laws(self) -> Laws:
        laws = self.laws
        n_causes = [len(d.causes[0]) if d.family == STEPS and d.causes else 0 for d in laws]
        return Laws(
            _int(d.family for d in laws), _float(d.a for d in laws), _float(d.b for d in laws),
            _starts(len(d.hazard) for d in laws)[:-1], _starts(len(d.hazard) for d in laws)[1:],
            _float(x for d in laws for x in d.hazard), _float(x for d in laws for x in d.days),
            _float(x for d in laws for x in (d.slope or (0.0,) * len(d.hazard))),
            _starts(len(d.causes) * k for d, k in zip(laws, n_causes, strict=True))[:-1], _int(n_causes),
            _float(x for d in laws for row in d.causes for x in row),
        )  # fmt: skip

    def _choices(self) -> Choices:
        every = [
            c
            for r in self.plan.rows
            for c in (r.duration_choice, r.limit_choice, r.done_choice, r.late_choice)
        ]
        traits = [self._trait(t) for c in every for t in c.traits]
        levels = [k for c in every for k in np.shape(c.cases)]
        return Choices(
            _starts(len(c.traits) for c in every)[:-1], _int(len(c.traits) for c in every), _int(traits), _int(levels),
            _starts(np.size(c.cases) for c in every)[:-1], np.concatenate([_flat_cases(c) for c in every]),
        )  # fmt: skip

    def _ways(self) -> Ways:
        return Ways(
            _starts(len(w.targets) for w in self.ways), _float(x for w in self.ways for x in w.cumulative),
            _int(x for w in self.ways for x in w.targets),
        )  # fmt: skip

    def _hazards(self) -> Hazards:
        every: list[Hazard] = [h for r in self.plan.rows for h in (r.hazard, r.limit_hazard)]
        # Ratios by trait stand first, then those by track, hazard by hazard.
        lists: list[Sequence[float]] = [r for h in every for _, r in (*h.traits, *h.tracks)]
        return Hazards(
            _starts(len(h.traits) for h in every), _int(self._trait(t) for h in every for t, _ in h.traits),
            _starts(len(h.tracks) for h in every), _int(k for h in every for k, _ in h.tracks),
            _starts(map(len, lists)), _float(x for r in lists for x in r),
            _starts(len(h.shocks) for h in every), _int(t for h in every for t, _ in h.shocks),
            _float(x for h in every for _, x in h.shocks),
        )  # fmt: skip

    def _pools(self) -> Pools:
        capacity, rows = self.plan.capacity, self.plan.rows
        first = _starts(map(len, capacity.names))
        lines = [len({r.priority for r in rows if r.pool == p}) for p in range(len(capacity.names))]
        opened = [(p, first[p] + q, k, what) for _, of in capacity.openings for p, q, k, what in of]
        preempting = {r.pool for r in rows if r.preempt}
        queue = (
            (capacity.queue + first[:-1, None]) if len(capacity.queue) else np.zeros((0, 1), dtype=np.int64)
        )
        return Pools(
            queue, _int(capacity.held), _int(u for of in capacity.units for u in of),
            _starts(lines[p] for p, names in enumerate(capacity.names) for _ in names),
            _int(p in preempting for p in range(len(capacity.names))), _int(t for t, _ in capacity.openings),
            _starts(len(of) for _, of in capacity.openings), _int(p for p, _, _, _ in opened),
            _int(q for _, q, _, _ in opened), _int(k for _, _, k, _ in opened), _int(w for _, _, _, w in opened),
        )  # fmt: skip


def _flat_cases(choice: Choice) -> np.ndarray:
    return np.asarray(choice.cases, dtype=np.int64).ravel()
