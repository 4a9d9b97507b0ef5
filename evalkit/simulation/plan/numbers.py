"""The numbers of a pathway, as every engine reads them: ticks, indices, distributions, openings.

Not a draw: nothing here is random.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.simulation.language.checking import RECORDS, targets
from evalkit.simulation.language.tables import WEEKDAYS, Calendar, Duration, PathwayTables, Pool, State
from evalkit.simulation.luck.keyed import key_of
from evalkit.simulation.luck.sampler import (
    CONSTANT,
    EXPONENTIAL,
    LOGNORMAL,
    NEVER,
    TICKS_PER_DAY,
    WEIBULL,
    Distribution,
    log,
)

DELAY, WAIT, EXIT = 0, 1, 2
_KINDS = {"delay": DELAY, "wait": WAIT, "exit": EXIT}
#: The order in which the days of a week get a slot more when the week's slots do not divide evenly: nested, so that one slot
#: more a week is one more on one day and one fewer on none.
_SPREAD = {
    1: (0,),
    2: (0, 1),
    3: (0, 2, 1),
    4: (0, 2, 1, 3),
    5: (0, 2, 4, 1, 3),
    6: (0, 2, 4, 1, 3, 5),
    7: (0, 2, 4, 6, 1, 3, 5),
}


@dataclass(frozen=True)
class Choice:
    """Which case of a row applies to whom: an array over the traits that the cases mention, in `traits` order."""

    traits: tuple[str, ...]
    cases: np.ndarray

    @classmethod
    def of(cls, conditions: Sequence[Mapping[str, str]], levels: Mapping[str, Sequence[str]]) -> Choice:
        """Resolve ordered conditions; the first that fits is taken."""
        traits = tuple(sorted({name for when in conditions for name in when}))
        shape = tuple(len(levels[t]) for t in traits)
        cases = np.zeros(shape, dtype=np.int64)
        for at in itertools.product(*(range(n) for n in shape)):
            person = {t: levels[t][k] for t, k in zip(traits, at, strict=True)}
            cases[at] = next(
                c for c, when in enumerate(conditions) if all(person[t] == v for t, v in when.items())
            )
        return cls(traits, cases)

    def take(self, codes: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """Return the case of each of `n` people from the codes of their traits."""
        if not self.traits:
            return np.full(n, int(self.cases), dtype=np.int64)
        return self.cases[tuple(codes[t] for t in self.traits)]


@dataclass(frozen=True)
class Way:
    """One set of routes: cumulative shares, the last being 1, and the state behind each."""

    cumulative: tuple[float, ...]
    targets: tuple[int, ...]


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
    ratios: tuple[tuple[str, tuple[float, ...]], ...]
    sources: frozenset[int]

    @property
    def fixed(self) -> bool:
        """Whether nothing about a visit is left to luck and all people fare alike."""
        return (
            self.kind != EXIT
            and len(self.done) == 1
            and len(self.done[0].targets) == 1
            and not self.limits
            and all(d.family == CONSTANT for d in self.durations)
            and len(self.durations) <= 1
        )


@dataclass(frozen=True)
class Plan:
    """A pathway in numbers."""

    start: dt.date
    horizon: int
    sites: tuple[str, ...]
    states: tuple[str, ...]
    pools: tuple[str, ...]
    sources: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]
    held: tuple[bool, ...]
    units: tuple[tuple[int, ...], ...]
    openings: tuple[tuple[int, tuple[tuple[int, int, int], ...]], ...]
    tables: PathwayTables

    @classmethod
    def of(cls, tables: PathwayTables) -> Plan:
        """Lower checked tables."""
        levels = {
            "source": tuple(tables.sources), "site": tables.sites, "record": RECORDS,
            **{name: a.levels for name, a in tables.attributes.items()},
        }  # fmt: skip
        days = (tables.end - tables.start).days + 1
        reach = _reach(tables)
        rows = tuple(_row(name, state, tables, levels, reach[name]) for name, state in tables.states.items())
        pools = tuple(tables.pools)
        held = tuple(p.units is not None for p in tables.pools.values())
        units = tuple(tuple(_at(p.units or {}, s) for s in tables.sites) for p in tables.pools.values())
        return cls(
            tables.start, days * TICKS_PER_DAY, tables.sites, tuple(tables.states), pools, tuple(tables.sources), levels,
            rows, held, units, _openings(tables, days), tables,
        )  # fmt: skip

    def tick(self, day: dt.date) -> int:
        """Return the first tick of a day."""
        return (day - self.start).days * TICKS_PER_DAY


def _at(by_site: Mapping[str, int], site: str) -> int:
    return by_site.get(site, by_site.get("", 0))


def number_at(by_site: Mapping[str, float], site: str) -> float:
    """Return a number given for every site (under the empty name) or per site; 0 for a site not named."""
    return by_site.get(site, by_site.get("", 0.0))


def _row(
    name: str,
    state: State,
    tables: PathwayTables,
    levels: Mapping[str, tuple[str, ...]],
    sources: frozenset[int],
) -> Row:
    pools, index = tuple(tables.pools), {s: i for i, s in enumerate(tables.states)}

    def ways(cases: Sequence[object]) -> tuple[tuple[Way, ...], Choice]:
        if not cases:
            return (), Choice((), np.array(0))
        return tuple(_way(c.to, index) for c in cases), Choice.of([c.when for c in cases], levels)  # type: ignore[attr-defined]

    def durations(cases: Sequence[object] | None) -> tuple[tuple[Distribution, ...], Choice]:
        if not cases:
            return (), Choice((), np.array(0))
        return tuple(distribution(c.duration) for c in cases), Choice.of([c.when for c in cases], levels)  # type: ignore[attr-defined]

    ratios = tuple(
        (trait, tuple(by_level.get(level, 1.0) for level in levels[trait]))
        for trait, by_level in state.hazard_ratios.items()
    )
    not_before = 0 if state.not_before is None else (state.not_before - tables.start).days * TICKS_PER_DAY
    return Row(
        key_of(name), _KINDS[state.kind], pools.index(state.pool) if state.pool else -1, state.priority,
        tuple(pools.index(p) for p in state.release), not_before, *durations(state.duration), *durations(state.limit),
        *ways(state.done), *ways(state.late), ratios, sources,
    )  # fmt: skip


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


def distribution(given: Duration) -> Distribution:
    """Return a duration in the form both engines read; gamma and empirical ones are frozen as cumulative-hazard tables."""
    if given.family == "constant":
        return Distribution(CONSTANT, float(given.value or 0.0))
    if given.family == "exponential":
        return Distribution(EXPONENTIAL, float(given.mean or 0.0))
    if given.family == "weibull":
        return Distribution(WEIBULL, float(given.scale or 0.0), 1.0 / float(given.shape or 1.0))
    if given.family == "lognormal":
        return Distribution(LOGNORMAL, log(float(given.median or 1.0)), float(given.sigma or 0.0))
    if given.family == "gamma":
        return _gamma(float(given.mean or 1.0), float(given.shape or 1.0))
    if given.family == "uniform":
        return _quantiles(np.array([given.low, given.high], dtype=float))
    return _quantiles(np.sort(np.array(given.values, dtype=float)))


def _gamma(mean: float, shape: float) -> Distribution:
    from scipy import stats

    hazard = np.concatenate([np.geomspace(1e-6, 1.0, 192), np.linspace(1.0, 40.0, 313)[1:]])
    days = stats.gamma.isf(np.exp(-hazard), shape, scale=mean / shape)
    hazard, days = np.insert(hazard, 0, 0.0), np.insert(days, 0, 0.0)
    return Distribution.table(hazard, days, mean / shape)


def _quantiles(values: np.ndarray) -> Distribution:
    """Return the distribution whose quantile function joins the sorted values by straight lines, on a fine hazard grid."""
    p = np.unique(
        np.concatenate([np.linspace(0.0, 1.0, 513)[:-1], np.arange(len(values) - 1) / (len(values) - 1)])
    )
    p = np.concatenate([p, 1.0 - 2.0 ** -np.arange(10, 50)])
    days = np.interp(p, np.arange(len(values)) / (len(values) - 1), values)
    return Distribution.table(-np.log1p(-p), days, 0.0)


def _openings(tables: PathwayTables, days: int) -> tuple[tuple[int, tuple[tuple[int, int, int], ...]], ...]:
    """Return (tick, ((pool, site, slots), …)) for every day on which some weekly pool opens; unused slots are lost then."""
    shares = _day_shares(tables.calendar, tables.start, days)
    found: dict[int, list[tuple[int, int, int]]] = {}
    for p, pool in enumerate(tables.pools.values()):
        if pool.weekly is None:
            continue
        for k, site in enumerate(tables.sites):
            weekly = _at(pool.weekly, site)
            for day, slots in _opening_days(pool, weekly, shares, tables.start):
                found.setdefault(day * TICKS_PER_DAY, []).append((p, k, slots))
    return tuple((tick, tuple(found[tick])) for tick in sorted(found))


def _day_shares(calendar: Calendar, start: dt.date, days: int) -> np.ndarray:
    shares = np.ones(days)
    for reduced in calendar.reduced:
        first, last = (reduced.start - start).days, (reduced.stop - start).days
        shares[max(first, 0) : max(last + 1, 0)] *= reduced.share
    for day in calendar.closed:
        if 0 <= (day - start).days < days:
            shares[(day - start).days] = 0.0
    return shares


def _opening_days(pool: Pool, weekly: int, shares: np.ndarray, start: dt.date) -> list[tuple[int, int]]:
    weekdays = sorted(WEEKDAYS.index(d) for d in set(pool.on))
    order = _SPREAD[len(weekdays)]
    out = []
    for day, share in enumerate(shares):
        weekday = (start + dt.timedelta(days=day)).weekday()
        if weekday in weekdays:
            # Rounding and spread are both monotone in the number: more slots a week never mean fewer on any day.
            week = math.floor(weekly * (share if pool.calendar else 1.0) + 0.5)
            each, more = divmod(week, len(weekdays))
            out.append((day, each + (order.index(weekdays.index(weekday)) < more)))
    return out


__all__ = ["DELAY", "EXIT", "NEVER", "WAIT", "Choice", "Plan", "Row", "Way", "distribution", "number_at"]
