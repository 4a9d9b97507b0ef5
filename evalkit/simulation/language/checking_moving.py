"""What moves with time and what it can get wrong: tracks, shocks, curves with causes, people whom others bring.

Not states and routes as such: see `checking`.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.simulation.language.flaw import Flaw, Key, unknown
from evalkit.simulation.language.tables import PathwayTables, State


def moving_flaws(tables: PathwayTables) -> Iterator[Flaw]:
    """Yield everything wrong with tracks, shocks, causes and people brought by others."""
    for name in tables.tracks:
        if name in tables.attributes or name in ("source", "site", "record"):
            yield Flaw(("tracks", name), "attribute_taken", {"given": name})
    for name, state in tables.states.items():
        yield from _set(("states", name, "set"), state, tables)
        yield from _causes(("states", name), state, tables)
    yield from _shocks(tables)
    for name, source in tables.sources.items():
        at: Key = ("sources", name)
        if source.spawned is not None and source.spawned.state not in tables.states:
            yield unknown((*at, "spawned", "state"), "state", source.spawned.state, tables.states)
        first = tables.states.get(source.to)
        if source.elapsed is not None and first is not None and first.kind != "delay":
            yield Flaw((*at, "elapsed"), "elapsed_delay", {"state": source.to})
        drawn = {
            "elapsed": source.elapsed,
            "spawned": source.spawned and source.spawned.delay,
            "overlap": source.overlap and source.overlap.delay,
        }
        for field, duration in drawn.items():
            if duration and duration.family == "fitted":
                yield Flaw((*at, field), "fitted_here", {})


def _set(at: Key, state: State, tables: PathwayTables) -> Iterator[Flaw]:
    for track, change in state.tracks.items():
        if track not in tables.tracks:
            yield unknown((*at, track), "track", track, tables.tracks)
        elif change.to not in tables.tracks[track].levels:
            yield unknown((*at, track), "level", change.to, tables.tracks[track].levels)
        if change.after.family == "fitted":
            yield Flaw((*at, track), "fitted_here", {})


def _causes(at: Key, state: State, tables: PathwayTables) -> Iterator[Flaw]:
    curves = [c.duration for c in state.duration or () if c.duration.family == "fitted"]
    for case in state.limit or ():
        if case.duration.family == "fitted":
            yield Flaw((*at, "limit"), "fitted_here", {})
    if state.by_cause and not curves:
        yield Flaw((*at, "by_cause"), "cause_without_curve", {})
    for curve in curves:
        for cause in curve.incidence or {}:
            if state.by_cause and cause not in state.by_cause:
                yield unknown((*at, "by_cause"), "cause", cause, state.by_cause)
        if sum(c[-1] for c in (curve.incidence or {}).values()) < 1 - 1e-12 and not state.late:
            yield Flaw(at, "curve_without_late", {})
    for to in state.by_cause.values():
        if to not in tables.states:
            yield unknown((*at, "by_cause"), "state", to, tables.states)
    if state.by_cause and state.done and all(c.duration.family == "fitted" for c in state.duration or ()):
        yield Flaw((*at, "done"), "done_and_causes", {})


def _shocks(tables: PathwayTables) -> Iterator[Flaw]:
    for i, shock in enumerate(tables.shocks):
        at: Key = ("shocks", i)
        for name in shock.sources:
            if name not in tables.sources:
                yield unknown((*at, "sources", name), "source", name, tables.sources)
            elif not tables.sources[name].periods:
                yield Flaw((*at, "sources", name), "shock_periods", {"source": name})
        for field, of in (("hazards", "duration"), ("limits", "limit")):
            for name in getattr(shock, field):
                if name not in tables.states:
                    yield unknown((*at, field, name), "state", name, tables.states)
                elif not getattr(tables.states[name], of):
                    yield Flaw((*at, field, name), f"ratio_without_{of}", {})
