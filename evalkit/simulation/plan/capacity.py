"""Capacity in numbers: which queue a site's people stand in, what opens when, what changes on a date.

Not who is served: that is an engine's.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from evalkit.simulation.language.tables import WEEKDAYS, Calendar, PathwayTables, Pool
from evalkit.simulation.luck.sampler import TICKS_PER_DAY

#: What an opening does: the slots of before are lost and so many are there, or so many units come (or go).
SET, ADD = 0, 1
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


#: (pool, queue, number, SET or ADD)
Opening = tuple[int, int, int, int]


@dataclass(frozen=True)
class Capacity:
    """The pools of a pathway.

    Parameters
    ----------
    queue : int array, shape (pools, sites)
        Queue of each site, numbered within the pool.
    names : tuple of tuple of str
        Per pool, its queues: the site, or the sites that share it.
    held : tuple of bool
    units : tuple of tuple of int
        Per pool and queue, units at the start.
    openings : tuple of (tick, tuple of Opening)
    """

    queue: np.ndarray
    names: tuple[tuple[str, ...], ...]
    held: tuple[bool, ...]
    units: tuple[tuple[int, ...], ...]
    openings: tuple[tuple[int, tuple[Opening, ...]], ...]

    @classmethod
    def of(cls, tables: PathwayTables) -> Capacity:
        """Lower the pools."""
        groups = [_groups(pool, tables.sites) for pool in tables.pools.values()]
        queue = np.zeros((len(groups), len(tables.sites)), dtype=np.int64)
        for p, group in enumerate(groups):
            for q, sites in enumerate(group):
                queue[p, [tables.sites.index(s) for s in sites]] = q
        pools = list(tables.pools.values())
        held = tuple(pool.units is not None for pool in pools)
        units = tuple(
            tuple(at(_units(pool, tables.start), sites[0]) if pool.units else 0 for sites in group)
            for pool, group in zip(pools, groups, strict=True)
        )
        names = tuple(tuple("+".join(sites) for sites in group) for group in groups)
        return cls(queue, names, held, units, _openings(tables, groups))


def at(by_site: Mapping[str, int], site: str) -> int:
    """Return a whole number given for every site (under the empty name) or per site; 0 for a site not named."""
    return by_site.get(site, by_site.get("", 0))


def _groups(pool: Pool, sites: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the sites of each queue of a pool, in the order of sites."""
    if pool.shared is False:
        return [(s,) for s in sites]
    if pool.shared is True:
        return [sites]
    together = {s: group for group in pool.shared for s in group}
    found: dict[tuple[str, ...], None] = {}
    for site in sites:
        group = together.get(site, (site,))
        found[tuple(s for s in sites if s in group)] = None
    return list(found)


def _units(pool: Pool, day: dt.date) -> Mapping[str, int]:
    """Return the units on a day: those of the last change that has begun."""
    begun = [c for c in sorted(pool.changes, key=lambda c: c.start) if c.start <= day]
    return (begun[-1].units if begun else pool.units) or {}


def _openings(
    tables: PathwayTables, groups: list[list[tuple[str, ...]]]
) -> tuple[tuple[int, tuple[Opening, ...]], ...]:
    """Return (tick, ((pool, queue, number, what), …)) for every day on which something opens or changes."""
    days = (tables.end - tables.start).days + 1
    shares = _day_shares(tables.calendar, tables.start, days)
    found: dict[int, list[Opening]] = {}
    for p, pool in enumerate(tables.pools.values()):
        for q, sites in enumerate(groups[p]):
            for day, number, what in _days(pool, sites[0], shares, tables.start):
                found.setdefault(day * TICKS_PER_DAY, []).append((p, q, number, what))
    return tuple((tick, tuple(found[tick])) for tick in sorted(found))


def _days(pool: Pool, site: str, shares: np.ndarray, start: dt.date) -> Iterator[tuple[int, int, int]]:
    if pool.sessions is not None:
        places = at(pool.sessions.places, site)
        for day in sorted({(d - start).days for d in pool.sessions.dates}):
            if 0 <= day < len(shares):
                yield day, places, SET
                # A committee's unused places are gone the next day.
                if day + 1 < len(shares):
                    yield day + 1, 0, SET
        return
    if pool.weekly is not None:
        for day, slots in _opening_days(pool, site, shares, start):
            yield day, slots, SET
        return
    before = at(_units(pool, start), site)
    for change in sorted(pool.changes, key=lambda c: c.start):
        day = (change.start - start).days
        if 0 < day < len(shares):
            now = at(change.units or {}, site)
            yield day, now - before, ADD
            before = now


def _day_shares(calendar: Calendar, start: dt.date, days: int) -> np.ndarray:
    shares = np.ones(days)
    for reduced in calendar.reduced:
        first, last = (reduced.start - start).days, (reduced.stop - start).days
        shares[max(first, 0) : max(last + 1, 0)] *= reduced.share
    for day in calendar.closed:
        if 0 <= (day - start).days < days:
            shares[(day - start).days] = 0.0
    return shares


def _opening_days(pool: Pool, site: str, shares: np.ndarray, start: dt.date) -> list[tuple[int, int]]:
    weekdays = sorted(WEEKDAYS.index(d) for d in set(pool.on))
    order = _SPREAD[len(weekdays)]
    changes = sorted(pool.changes, key=lambda c: c.start)
    out = []
    for day, share in enumerate(shares):
        weekday = (start + dt.timedelta(days=day)).weekday()
        if weekday in weekdays:
            today = start + dt.timedelta(days=day)
            weekly = at(
                next((c.weekly for c in reversed(changes) if c.start <= today), pool.weekly) or {}, site
            )
            # Rounding and spread are both monotone in the number: more slots a week never mean fewer on any day.
            week = math.floor(weekly * (share if pool.calendar else 1.0) + 0.5)
            each, more = divmod(week, len(weekdays))
            out.append((day, each + (order.index(weekdays.index(weekday)) < more)))
    return out
