"""The numbers of a pathway, as every engine reads them: ticks, indices, distributions, queues.

Not a draw: nothing here is random.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.simulation.language.checking import RECORDS, targets
from evalkit.simulation.language.durations import DurationCase
from evalkit.simulation.language.tables import PathwayTables, RouteCase, State
from evalkit.simulation.luck.keyed import key_of
from evalkit.simulation.luck.sampler import (
    CONSTANT,
    NEVER,
    STEPS,
    TICKS_PER_DAY,
    Distribution,
)
from evalkit.simulation.plan.capacity import Capacity, at
from evalkit.simulation.plan.choices import ERA, Choice, Eras, Way
from evalkit.simulation.plan.distributions import as_table, distribution

DELAY, WAIT, EXIT = 0, 1, 2
_KINDS = {"delay": DELAY, "wait": WAIT, "exit": EXIT}


@dataclass(frozen=True)
class Hazard:
    """What multiplies the hazard of a duration, person by person and as time passes.

    Parameters
    ----------
    traits : tuple of (trait, ratio per level)
        Fixed for a person.
    tracks : tuple of (track, ratio per level)
        As the track stands.
    shocks : tuple of (tick, ratio)
        Ratio from each tick on; 1 before the first.
    """

    traits: tuple[tuple[str, tuple[float, ...]], ...] = ()
    tracks: tuple[tuple[int, tuple[float, ...]], ...] = ()
    shocks: tuple[tuple[int, float], ...] = ()

    @property
    def moving(self) -> bool:
        """Whether it changes as time passes."""
        return bool(self.tracks or self.shocks)


@dataclass(frozen=True)
class Change:
    """A change of a track on entering a state."""

    track: int
    level: int
    share: float
    after: Distribution
    key: int


@dataclass(frozen=True)
class Row:
    """One state in numbers."""

    key: int
    kind: int
    pool: int
    priority: int
    release: tuple[int, ...]
    not_before: int
    durations: tuple[Distribution, ...]
    duration_choice: Choice
    limits: tuple[Distribution, ...]
    limit_choice: Choice
    done: tuple[Way, ...]
    done_choice: Choice
    late: tuple[Way, ...]
    late_choice: Choice
    hazard: Hazard
    limit_hazard: Hazard
    by_cause: tuple[tuple[int, ...], ...]
    balk_at: tuple[int, ...]
    balk_to: int
    preempt: bool
    changes: tuple[Change, ...]
    sources: frozenset[int]
    dynamic: bool

    @property
    def fixed(self) -> bool:
        """Whether nothing about a visit is left to luck and all people fare alike."""
        return (
            self.kind != EXIT
            and not self.dynamic
            and len(self.done) == 1
            and len(self.done[0].targets) == 1
            and not self.limits
            and all(d.family == CONSTANT for d in self.durations)
            and len(self.durations) <= 1
        )


@dataclass(frozen=True)
class Brings:
    """People who come out of other people's entries into a state."""

    state: int
    source: int
    share: float
    delay: Distribution
    most: int


@dataclass(frozen=True)
class Plan:
    """A pathway in numbers."""

    start: dt.date
    horizon: int
    sites: tuple[str, ...]
    states: tuple[str, ...]
    pools: tuple[str, ...]
    sources: tuple[str, ...]
    tracks: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]
    capacity: Capacity
    eras: Eras
    brings: tuple[Brings, ...]
    tables: PathwayTables

    @classmethod
    def of(cls, tables: PathwayTables) -> Plan:
        """Lower checked tables."""
        levels = {
            "source": tuple(tables.sources), "site": tables.sites, "record": RECORDS,
            **{name: a.levels for name, a in tables.attributes.items()},
            **{name: t.levels for name, t in tables.tracks.items()},
        }  # fmt: skip
        days = (tables.end - tables.start).days + 1
        eras = Eras.of(tables.start, [c for s in tables.states.values() for c in _cases(s)])
        capacity, reach = Capacity.of(tables), _reach(tables)
        make = _Rows(tables, levels, eras, capacity)
        rows = tuple(make.row(name, state, reach[name]) for name, state in tables.states.items())
        states = tuple(tables.states)
        brings = tuple(
            Brings(
                states.index(s.spawned.state),
                k,
                s.spawned.share,
                distribution(s.spawned.delay),
                s.spawned.most,
            )
            for k, s in enumerate(tables.sources.values())
            if s.spawned is not None
        )
        return cls(
            tables.start, days * TICKS_PER_DAY, tables.sites, states, tuple(tables.pools), tuple(tables.sources),
            tuple(tables.tracks), levels, rows, capacity, eras, brings, tables,
        )  # fmt: skip

    def tick(self, day: dt.date) -> int:
        """Return the first tick of a day."""
        return (day - self.start).days * TICKS_PER_DAY


def number_at(by_site: Mapping[str, float], site: str) -> float:
    """Return a number given for every site (under the empty name) or per site; 0 for a site not named."""
    return by_site.get(site, by_site.get("", 0.0))


def _cases(state: State) -> list[DurationCase | RouteCase]:
    return [*(state.duration or ()), *(state.limit or ()), *state.done, *state.late]


class _Rows:
    """Lowers states one by one."""

    def __init__(
        self, tables: PathwayTables, levels: Mapping[str, tuple[str, ...]], eras: Eras, capacity: Capacity
    ):
        self.tables, self.levels, self.eras, self.capacity = tables, levels, eras, capacity
        self.pools, self.tracks = tuple(tables.pools), tuple(tables.tracks)
        self.index = {s: i for i, s in enumerate(tables.states)}
        self.elapsed = {s.to for s in tables.sources.values() if s.elapsed is not None}

    def row(self, name: str, state: State, sources: frozenset[int]) -> Row:
        """Return a state in numbers."""
        hazard = self._hazard(state.hazard_ratios, [(s, s.hazards.get(name)) for s in self.tables.shocks])
        limit_hazard = self._hazard(
            state.limit_hazard_ratios, [(s, s.limits.get(name)) for s in self.tables.shocks]
        )
        told = hazard.moving or name in self.elapsed
        durations, duration_choice = self._durations(state.duration, told)
        limits, limit_choice = self._durations(state.limit, limit_hazard.moving)
        done, done_choice = self._ways(state.done)
        late, late_choice = self._ways(state.late)
        asked = {t for c in (duration_choice, limit_choice, done_choice, late_choice) for t in c.traits}
        dynamic = (
            told
            or limit_hazard.moving
            or ERA in asked
            or bool(asked & set(self.tracks))
            or any(d.family == STEPS for d in durations)
            or bool(limit_hazard.traits)
        )
        pool = self.pools.index(state.pool) if state.pool else -1
        balk = self._balk(state, pool)
        not_before = (
            0 if state.not_before is None else (state.not_before - self.tables.start).days * TICKS_PER_DAY
        )
        return Row(
            key_of(name), _KINDS[state.kind], pool, state.priority, tuple(self.pools.index(p) for p in state.release),
            not_before, durations, duration_choice, limits, limit_choice, done, done_choice, late, late_choice, hazard,
            limit_hazard, self._by_cause(state), *balk, state.preempt, self._changes(name, state), sources, dynamic,
        )  # fmt: skip

    def _ways(self, cases: Sequence[RouteCase]) -> tuple[tuple[Way, ...], Choice]:
        if not cases:
            return (), Choice((), np.array(0))
        return tuple(_way(c.to, self.index) for c in cases), Choice.of(cases, self.levels, self.eras)

    def _durations(
        self, cases: Sequence[DurationCase] | None, told: bool
    ) -> tuple[tuple[Distribution, ...], Choice]:
        """Return durations; `told`: their hazard by a given time will be asked for."""
        if not cases:
            return (), Choice((), np.array(0))
        made = tuple(distribution(c.duration) for c in cases)
        return tuple(as_table(d) for d in made) if told else made, Choice.of(cases, self.levels, self.eras)

    def _hazard(self, ratios: Mapping[str, Mapping[str, float]], shocks: Sequence[tuple]) -> Hazard:
        of = {
            name: tuple(by_level.get(level, 1.0) for level in self.levels[name])
            for name, by_level in ratios.items()
        }
        traits = tuple((n, r) for n, r in of.items() if n not in self.tracks)
        tracks = tuple((self.tracks.index(n), r) for n, r in of.items() if n in self.tracks)
        return Hazard(traits, tracks, self._shocked(shocks))

    def _shocked(self, shocks: Sequence[tuple]) -> tuple[tuple[int, float], ...]:
        """Return the product of the shocks from each date on at which one begins or ends."""
        tick = lambda day: (day - self.tables.start).days * TICKS_PER_DAY
        mine = [
            (tick(s.start), NEVER if s.stop is None else tick(s.stop) + TICKS_PER_DAY, ratio)
            for s, ratio in shocks
            if ratio is not None
        ]
        edges = sorted({t for begin, end, _ in mine for t in (begin, end) if t < NEVER})
        out = []
        for edge in edges:
            ratio = 1.0
            for begin, end, by in mine:
                ratio = ratio * by if begin <= edge < end else ratio
            out.append((edge, ratio))
        return tuple(out)

    def _by_cause(self, state: State) -> tuple[tuple[int, ...], ...]:
        """Return, per case of the duration, the state each cause leads to; nothing for durations without causes."""
        return tuple(
            tuple(self.index[state.by_cause[c]] for c in case.duration.incidence or {})
            if state.by_cause
            else ()
            for case in state.duration or ()
        )

    def _balk(self, state: State, pool: int) -> tuple[tuple[int, ...], int]:
        if state.balk is None:
            return (), -1
        firsts = [name.split("+")[0] for name in self.capacity.names[pool]]
        return tuple(at(state.balk.at, site) for site in firsts), self.index[state.balk.to]

    def _changes(self, name: str, state: State) -> tuple[Change, ...]:
        return tuple(
            Change(
                self.tracks.index(track),
                self.levels[track].index(c.to),
                c.share,
                distribution(c.after),
                key_of(f"\x1etrack:{track}:{name}"),
            )
            for track, c in state.tracks.items()
        )


def _way(shares: Mapping[str, float], index: Mapping[str, int]) -> Way:
    kept = {to: share for to, share in shares.items() if share > 0}
    cumulative = list(itertools.accumulate(kept.values()))
    cumulative[-1] = 1.0
    return Way(tuple(cumulative), tuple(index[to] for to in kept))


def _reach(tables: PathwayTables) -> dict[str, frozenset[int]]:
    """Return, for each state, the sources whose people can come to it: nobody else needs draws there."""
    found: dict[str, set[int]] = {name: set() for name in tables.states}
    sources = list(tables.sources)
    heads = [(s.to, i) for i, s in enumerate(tables.sources.values())]
    for name, source in tables.sources.items():
        if source.overlap is not None:
            later = [sources.index(n) for n in (name, *source.overlap.sources)]
            heads += [(source.overlap.duplicate_to, i) for i in later]
    while heads:
        state, source_index = heads.pop()
        if source_index not in found[state]:
            found[state].add(source_index)
            heads += [(to, source_index) for to in targets(tables.states[state])]
    return {name: frozenset(indices) for name, indices in found.items()}
