"""What a pathway whose tables are each well formed can still get wrong: names nobody declared, routes that do not add up to 1,
states nobody reaches, units nobody gives back. All of it at once.

Not a simulation: nothing here asks whether the numbers are sensible.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

from evalkit.simulation.language.checking_moving import moving_flaws
from evalkit.simulation.language.checking_pools import pool_flaws
from evalkit.simulation.language.durations import DurationCase
from evalkit.simulation.language.flaw import Flaw, Key, by_site, targets, unknown
from evalkit.simulation.language.tables import PathwayTables, RouteCase, State
from evalkit.vocabulary import Vocabulary
from evalkit.wording import LANGUAGES, join, number

#: Conditions every person can meet besides their attributes.
BUILT_IN = ("source", "site", "record")
RECORDS = ("first", "duplicate")


def flaws(tables: PathwayTables, vocabulary: Vocabulary) -> list[Flaw]:
    """Return everything wrong between the tables."""
    return list(
        itertools.chain(
            _states(tables), _sources(tables), _words(tables, vocabulary), _unreachable(tables),
            _no_way_out(tables), _never_released(tables), _endless_instants(tables), moving_flaws(tables), pool_flaws(tables),
        )
    )  # fmt: skip


def _states(tables: PathwayTables) -> Iterator[Flaw]:
    for name, state in tables.states.items():
        at: Key = ("states", name)
        yield from _shape(at, state)
        if state.pool is not None and state.pool not in tables.pools:
            yield unknown((*at, "pool"), "pool", state.pool, tables.pools)
        for pool in state.release:
            if pool not in tables.pools:
                yield unknown((*at, "release"), "pool", pool, tables.pools)
            elif tables.pools[pool].units is None:
                yield Flaw((*at, "release"), "release_slots", {"pool": pool})
        for field in ("done", "late"):
            yield from _routes((*at, field), getattr(state, field), tables)
        for field in ("duration", "limit"):
            yield from _conditions((*at, field), getattr(state, field) or (), tables)
        yield from _ratios(at, state, tables)


#: kind: (fields it needs, fields it may not have).
_SHAPES = {
    "delay": (("duration", "done"), ("pool", "priority")),
    "wait": (("pool", "done"), ("duration", "not_before")),
    "exit": ((), ("duration", "limit", "not_before", "pool", "priority", "done", "late")),
}


def _fitted(state: State) -> bool:
    return any(c.duration.family == "fitted" for c in state.duration or ())


def _shape(at: Key, state: State) -> Iterator[Flaw]:
    needed, refused = _SHAPES[state.kind]
    if state.by_cause and _fitted(state):
        needed = tuple(f for f in needed if f != "done")
    for field in needed:
        if not getattr(state, field):
            yield Flaw(at, f"{state.kind}_needs", {"field": field})
    for field in refused:
        if getattr(state, field):
            yield Flaw((*at, field), "field_refused", {"field": field, "kind": state.kind})
    if state.limit and not state.late:
        yield Flaw(at, "limit_without_late", {})
    if state.late and not state.limit and not _fitted(state):
        yield Flaw(at, "late_without_limit", {})


def _routes(at: Key, cases: tuple[RouteCase, ...], tables: PathwayTables) -> Iterator[Flaw]:
    yield from _conditions(at, cases, tables)
    for case in cases:
        for to in case.to:
            if to not in tables.states:
                yield unknown((*at, to), "state", to, tables.states)
        total = sum(case.to.values())
        if abs(total - 1.0) > 1e-9:
            said = {
                lang: join([f"{to} {number(share, lang)}" for to, share in case.to.items()], lang)
                for lang in LANGUAGES
            }
            yield Flaw(at, "route_sum", {"total": round(total, 9), "shares": said})


def _conditions(
    at: Key, cases: tuple[RouteCase, ...] | tuple[DurationCase, ...], tables: PathwayTables
) -> Iterator[Flaw]:
    for case in cases:
        for name, value in case.when.items():
            yield from _condition(at, name, value, tables)
    if cases and not cases[-1].for_all:
        yield Flaw(at, "no_default", {})
    for case in cases[:-1]:
        if case.for_all:
            yield Flaw(at, "default_not_last", {})


def _condition(at: Key, name: str, value: str, tables: PathwayTables) -> Iterator[Flaw]:
    levels = _levels(name, tables)
    if levels is None:
        yield unknown(at, "condition", name, (*BUILT_IN, *tables.attributes, *tables.tracks))
    elif value not in levels:
        yield unknown(at, "level", value, levels)


def _levels(name: str, tables: PathwayTables) -> Collection[str] | None:
    for known in (tables.attributes, tables.tracks):
        if name in known:
            return known[name].levels
    return {"source": tables.sources, "site": tables.sites, "record": RECORDS}.get(name)


def _ratios(at: Key, state: State, tables: PathwayTables) -> Iterator[Flaw]:
    for field, of in (("hazard_ratios", "duration"), ("limit_hazard_ratios", "limit")):
        given = getattr(state, field)
        if given and not getattr(state, of):
            yield Flaw((*at, field), f"ratio_without_{of}", {})
        for name, ratios in given.items():
            for level in ratios:
                yield from _condition((*at, field, name), name, level, tables)


def _sources(tables: PathwayTables) -> Iterator[Flaw]:
    yield from _traits(tables)
    for name, source in tables.sources.items():
        at: Key = ("sources", name)
        if source.to not in tables.states:
            yield unknown((*at, "to"), "state", source.to, tables.states)
        for counts, field in ((source.size, "size"), (source.initial, "initial")):
            yield from by_site((*at, field), counts or {}, tables)
        for i, period in enumerate(source.periods):
            yield from by_site((*at, "periods", i, "number"), period.number, tables)
        yield from _attributes(at, source.attributes, tables)
        if source.overlap is not None:
            over: Key = (*at, "overlap")
            for other in source.overlap.sources:
                if other not in tables.sources:
                    yield unknown((*over, "with"), "source", other, tables.sources)
                if other == name:
                    yield Flaw((*over, "with"), "overlap_itself", {"source": name})
            if source.overlap.duplicate_to not in tables.states:
                yield unknown((*over, "duplicate_to"), "state", source.overlap.duplicate_to, tables.states)
            if not source.dates:
                yield Flaw(over, "overlap_without_dates", {})


def _traits(tables: PathwayTables) -> Iterator[Flaw]:
    """Names taken, levels and sites said twice, ranges of levels that do not exist or run backwards."""
    for site in sorted({s for s in tables.sites if tables.sites.count(s) > 1}):
        yield Flaw(("sites",), "said_twice", {"given": site})
    # People are called after their source, then their site: "a" at "b-c" and "a-b" at "c" would be the same persons.
    called = [
        (f"{source}-{site}", source) for source in tables.sources for site in dict.fromkeys(tables.sites)
    ]
    for name in sorted({n for n, _ in called if [c for c, _ in called].count(n) > 1}):
        yield Flaw(("sources", [s for n, s in called if n == name][-1]), "same_names", {"given": name})
    for group, of in (("attributes", tables.attributes), ("tracks", tables.tracks)):
        for name, trait in of.items():
            for level in sorted({x for x in trait.levels if trait.levels.count(x) > 1}):
                yield Flaw((group, name, "levels"), "said_twice", {"given": level})
    for name, attribute in tables.attributes.items():
        at: Key = ("attributes", name)
        if name in (*BUILT_IN, "person"):
            yield Flaw(at, "attribute_taken", {"given": name})
        for level, (low, high) in attribute.between.items():
            if level not in attribute.levels:
                yield unknown((*at, "between"), "level", level, attribute.levels)
            elif low >= high:
                yield Flaw((*at, "between", level), "between_order", {"low": low, "high": high})
        if attribute.number and not attribute.between:
            yield Flaw((*at, "number"), "number_without_between", {})


def _attributes(at: Key, given: Mapping[str, Mapping[str, float]], tables: PathwayTables) -> Iterator[Flaw]:
    for name, attribute in tables.attributes.items():
        here: Key = (*at, "attributes", name)
        if name not in given:
            if len(attribute.levels) > 1:
                yield Flaw((*at, "attributes"), "attribute_missing", {"given": name})
            continue
        for level in given[name]:
            if level not in attribute.levels:
                yield unknown(here, "level", level, attribute.levels)
        total = sum(given[name].values())
        if abs(total - 1.0) > 1e-9:
            yield Flaw(here, "share_sum", {"total": round(total, 9)})
    for name in given:
        if name not in tables.attributes:
            yield unknown((*at, "attributes", name), "attribute", name, tables.attributes)


def _words(tables: PathwayTables, vocabulary: Vocabulary) -> Iterator[Flaw]:
    """Codes the dashboard writes must be words of the vocabulary."""
    for name, state in tables.states.items():
        at: Key = ("states", name)
        written = [("situation", "status", state.situation), ("eliminated", "elimination", state.eliminated)]
        if state.event is not None:
            for field, group in (("kind", "act"), ("outcome", "outcome"), ("direction", "direction")):
                written.append(("event", group, getattr(state.event, field)))
        for field, group, code in written:
            if code is not None and vocabulary.term(group, code) is None:
                yield unknown((*at, field), "code", code, vocabulary.codes(group))
    for name, source in tables.sources.items():
        for field, group in (("channel", "channel"), ("route", "route")):
            code = getattr(source, field)
            if code is not None and vocabulary.term(group, code) is None:
                yield unknown(("sources", name, field), "code", code, vocabulary.codes(group))


def _unreachable(tables: PathwayTables) -> Iterator[Flaw]:
    own = [s for s in tables.sources.values() if s.spawned is None]
    came = _reached(
        [*(s.to for s in own), *(s.overlap.duplicate_to for s in own if s.overlap is not None)], tables
    )
    # Whoever was brought brings nobody: the others must come to the state first.
    brought = [s.to for s in tables.sources.values() if s.spawned is not None and s.spawned.state in came]
    seen = came | _reached(brought, tables)
    for name in tables.states:
        if name not in seen:
            yield Flaw(("states", name), "unreachable", {"state": name})


def _reached(heads: list[str], tables: PathwayTables) -> set[str]:
    """Return the states to which some way leads from these."""
    seen: set[str] = set()
    todo = [h for h in heads if h in tables.states]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [t for t in targets(tables.states[name]) if t in tables.states]
    return seen


def _no_way_out(tables: PathwayTables) -> Iterator[Flaw]:
    """States from which no exit can be reached: whoever comes there stays for ever, which is said with an exit or not at all."""
    # A name nobody declared, and a state that leads nowhere, are told elsewhere.
    leaves = {
        name
        for name, row in tables.states.items()
        if row.kind == "exit" or not targets(row) or not targets(row) <= tables.states.keys()
    }
    before: dict[str, set[str]] = {}
    for name, row in tables.states.items():
        for to in targets(row):
            before.setdefault(to, set()).add(name)
    todo = list(leaves)
    while todo:
        new = before.get(todo.pop(), set()) - leaves
        leaves |= new
        todo += new
    stuck = [name for name in tables.states if name not in leaves]
    if stuck:
        yield Flaw(("states", stuck[0]), "no_way_out", {"states": stuck, "n": len(stuck)})


def _never_released(tables: PathwayTables) -> Iterator[Flaw]:
    """Follow every way on from each grant of a held unit: an exit, or the same queue again, must not come before its release."""
    for name, state in tables.states.items():
        pool = tables.pools.get(state.pool or "")
        if state.kind != "wait" or pool is None or pool.units is None:
            continue
        seen: set[str] = set()
        todo = [to for case in state.done for to, share in case.to.items() if share > 0]
        while todo:
            here = todo.pop()
            row = tables.states.get(here)
            if row is None or here in seen or state.pool in row.release:
                continue
            seen.add(here)
            if row.kind == "exit" or row.pool == state.pool:
                yield Flaw(("states", name, "pool"), "never_released", {"pool": state.pool, "state": here})
                break
            todo += targets(row)


def _endless_instants(tables: PathwayTables) -> Iterator[Flaw]:
    """A ring of delays that last nothing and waits that may be served at once would never let time pass."""
    instants = {name for name, row in tables.states.items() if row.kind == "wait" or _may_last_nothing(row)}
    for name in tables.states:
        seen: set[str] = set()
        todo = list(targets(tables.states[name])) if name in instants else []
        while todo:
            here = todo.pop()
            if here == name:
                yield Flaw(("states", name), "endless", {"state": name})
                break
            if here not in seen and here in instants:
                seen.add(here)
                todo += targets(tables.states[here])


def _may_last_nothing(row: State) -> bool:
    cases = (*(row.duration or ()), *(row.limit or ()))
    return any(c.duration.family == "constant" and c.duration.value == 0 for c in cases)
