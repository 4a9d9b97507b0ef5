"""What a scenario whose keys are each well written can still get wrong between them.

Not the bounds of one number: see `quantities`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from evalkit.errors import Fault
from evalkit.simulation.programme.quantities import Assumption
from evalkit.simulation.programme.words import OPTIONAL, Channel, ListChannel, Programme
from evalkit.tomlfile import TomlFile
from evalkit.vocabulary import standard


def unknown_tables(data: Mapping[str, Any], file: TomlFile) -> tuple[dict[str, Any], list[Fault]]:
    """Return the data without the channels and solutions that the vocabulary does not know, and a fault for each.

    What such a table lacks is not worth saying: its name is what is wrong.
    """
    words = standard()
    known = {
        "channels": [c for c in words.codes("channel") if c != "education_nationale"],
        "solutions": list(words.codes("status", "solution")),
    }
    out, found = dict(data), []
    for table, codes in known.items():
        if isinstance(data.get(table), Mapping):
            out[table] = {code: value for code, value in data[table].items() if code in codes}
            found += [_unknown((table, code), code, codes) for code in data[table] if code not in codes]
    return out, [file.fault(name, *key, **values) for name, key, values in found]


def check_between(model: Programme, file: TomlFile) -> list[Fault]:
    """Return every fault between the keys of a programme."""
    return [file.fault(name, *key, **values) for name, key, values in _found(model)]


Found = tuple[str, tuple[str | int, ...], dict[str, Any]]


def _found(model: Programme) -> Iterator[Found]:
    yield from _sites(model, (), model.sites)
    for code, channel in model.channels.items():
        yield from _channel(("channels", code), channel, model)
    if model.education_nationale is not None:
        yield from _list(model.education_nationale, model)
    for name in OPTIONAL:
        if getattr(model, name) is not None:
            yield from _mechanism((name,), getattr(model, name), model)
    yield from _at_most_one(("follow_up", "after_meeting"), model, _after_meeting(model))
    total = [sum(s.weight.at(site) for s in model.solutions.values()) for site in model.sites]
    if min(total) <= 0:
        yield "scenario.no_solution", ("solutions",), {}


def _after_meeting(model: Programme) -> list[Assumption]:
    after = model.follow_up.after_meeting
    parts = [getattr(after, n) for n in type(after).model_fields if n != "single_contact"]
    work, conferences = model.undeclared_work, model.case_conferences
    parts += [] if work is None else [work.takes_up]
    return parts + ([] if conferences is None else [conferences.presented])


def _mechanism(at: tuple[str, ...], given: BaseModel, model: Programme) -> Iterator[Found]:
    """Dates within the window and in order, and channels that exist."""
    start, stop = getattr(given, "start", None), getattr(given, "stop", None)
    days: list[tuple[tuple[str | int, ...], Any]] = [((*at, "from"), start), ((*at, "until"), stop)]
    days += [((*at, "dates", i), day) for i, day in enumerate(getattr(given, "dates", ()))]
    for key, day in days:
        if day is not None and not model.window.start <= day <= model.window.end:
            yield (
                "scenario.outside_window",
                key,
                {"day": day, "start": model.window.start, "stop": model.window.end},
            )
    if start is not None and stop is not None and stop < start:
        order = {"before": "from", "after": "until", "a": start, "b": stop}
        yield "scenario.dates_order", (*at, "until"), order
    for name in getattr(given, "channels", ()):
        if name not in model.channels:
            yield _unknown((*at, "channels"), name, list(model.channels))


def _channel(at: tuple[str, ...], channel: Channel | ListChannel, model: Programme) -> Iterator[Found]:
    yield from _at_most_one((*at, "ages"), model, [channel.ages.aged_16_17, channel.ages.aged_18])
    if standard().term("route", channel.route) is None:
        yield _unknown((*at, "route"), channel.route, standard().codes("route"))
    if isinstance(channel, Channel):
        start, stop = channel.start or model.window.start, channel.stop or model.window.identification_end
        for name, day in (("from", start), ("to", stop)):
            if not model.window.start <= day <= model.window.end:
                yield (
                    "scenario.outside_window",
                    (*at, name),
                    {"day": day, "start": model.window.start, "stop": model.window.end},
                )
        if stop < start:
            yield (
                "scenario.dates_order",
                (*at, "to"),
                {"before": "from", "after": "to", "a": start, "b": stop},
            )


def _list(given: ListChannel, model: Programme) -> Iterator[Found]:
    at = ("education_nationale",)
    yield from _channel(at, given, model)
    for name in given.overlaps_with:
        if name not in model.channels:
            yield _unknown((*at, "overlaps_with"), name, list(model.channels))
    for i, day in enumerate(given.dates):
        if not model.window.start <= day <= model.window.end:
            yield (
                "scenario.outside_window",
                (*at, "dates", i),
                {"day": day, "start": model.window.start, "stop": model.window.end},
            )


def _at_most_one(at: tuple[str, ...], model: Programme, parts: list[Assumption]) -> Iterator[Found]:
    total = max(sum(p.at(site) for p in parts) for site in model.sites)
    if total > 1 + 1e-9:
        yield "scenario.more_than_all", at, {"total": total}


def _sites(model: BaseModel, at: tuple[str, ...], sites: Collection[str]) -> Iterator[Found]:
    """A value given per site must name every site and no other."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        tables = value.items() if isinstance(value, dict) else [("", value)]
        for inner, one in tables:
            key = (*at, name, inner) if inner else (*at, name)
            if isinstance(one, BaseModel):
                yield from _sites(one, key, sites)
            elif isinstance(one, Assumption) and isinstance(one.value, dict):
                for site in one.value:
                    if site not in sites:
                        yield _unknown((*key, "value", site), site, sites)
                missing = [s for s in sites if s not in one.value]
                if missing:
                    yield "scenario.site_missing", (*key, "value"), {"missing": missing}


def _unknown(key: tuple[str | int, ...], name: str, known: Collection[str]) -> Found:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if near:
        return "scenario.unknown_name_near", key, {"given": name, "near": near[0]}
    return "scenario.unknown_name", key, {"given": name, "known": sorted(known)}
