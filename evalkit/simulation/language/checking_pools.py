"""What pools can get wrong: sites, sharing, changes, queues that turn away or preempt, and pools that never serve anybody.

Not whether held units come back: that follows people's ways, in `checking`.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.simulation.language.flaw import Flaw, Key, by_site, unknown
from evalkit.simulation.language.tables import PathwayTables, Pool


def pool_flaws(tables: PathwayTables) -> Iterator[Flaw]:
    """Yield everything wrong with the pools and the waits for them."""
    for name, pool in tables.pools.items():
        at: Key = ("pools", name)
        yield from _numbers(at, pool, tables)
        yield from _shared((*at, "shared"), pool, tables)
    for name, state in tables.states.items():
        here: Key = ("states", name)
        pool = tables.pools.get(state.pool or "")
        if state.balk is not None:
            if state.kind != "wait":
                yield Flaw((*here, "balk"), "field_refused", {"field": "balk", "kind": state.kind})
            if state.balk.to not in tables.states:
                yield unknown((*here, "balk", "to"), "state", state.balk.to, tables.states)
            yield from by_site((*here, "balk", "at"), state.balk.at, tables)
        if state.preempt and (pool is None or pool.units is None):
            yield Flaw((*here, "preempt"), "preempt_units", {})
        if pool is not None and not state.limit and not _ever(pool, tables):
            yield Flaw((*here, "pool"), "never_served", {"pool": state.pool})


def _numbers(at: Key, pool: Pool, tables: PathwayTables) -> Iterator[Flaw]:
    for field in ("weekly", "units"):
        yield from by_site((*at, field), getattr(pool, field) or {}, tables)
        for i, change in enumerate(pool.changes):
            yield from by_site((*at, "changes", i, field), getattr(change, field) or {}, tables)
    if pool.sessions is not None:
        yield from by_site((*at, "sessions", "places"), pool.sessions.places, tables)


def _shared(at: Key, pool: Pool, tables: PathwayTables) -> Iterator[Flaw]:
    if isinstance(pool.shared, bool):
        return
    seen: set[str] = set()
    for group in pool.shared:
        for site in group:
            if site not in tables.sites:
                yield unknown(at, "site", site, tables.sites)
            if site in seen:
                yield Flaw(at, "site_twice", {"site": site})
            seen.add(site)


def _ever(pool: Pool, tables: PathwayTables) -> bool:
    """Tell whether a pool ever has anything to give, at some site."""
    if pool.sessions is not None:
        held = any(tables.start <= day <= tables.end for day in pool.sessions.dates)
        return held and any(pool.sessions.places.values())
    numbers = [
        pool.weekly or pool.units or {},
        *(c.weekly or c.units or {} for c in pool.changes if c.start <= tables.end),
    ]
    return any(any(n.values()) for n in numbers)
