"""How many youths each channel brings from when to when: the channel's number, multiplied by what makes partners refer more or less.

Not the draws of arrivals: the pathway's sources make them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from evalkit.simulation.programme.words import Programme

_DAY = dt.timedelta(days=1)
#: From a date on (the second one included, if given) a ratio at each site.
Ratio = tuple[dt.date, dt.date | None, Callable[[str], float]]


def concerned(model: Programme, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels a mechanism concerns: those named, else all by which partners refer."""
    return named or tuple(code for code, channel in model.channels.items() if channel.route == "referral")


def periods(model: Programme, code: str) -> list[dict[str, Any]]:
    """Return the periods of a channel, each with the expected number of youths per site.

    A channel whose number nothing changes keeps one period, and its arrivals to the second.
    """
    channel = model.channels[code]
    first, last = channel.start or model.window.start, channel.stop or model.window.identification_end
    ratios = list(_ratios(model, code))
    cuts = {first} | {day for start, stop, _ in ratios for day in (start, *([stop + _DAY] if stop else []))}
    days = sorted(day for day in cuts if first <= day <= last)
    pieces: list[tuple[dt.date, dict[str, float]]] = []
    for day in days:
        by = {s: _at(ratios, day, s) for s in model.sites}
        if not pieces or pieces[-1][1] != by:
            pieces.append((day, by))
    ends = [*(day - _DAY for day, _ in pieces[1:]), last]
    whole = (last - first).days + 1
    out = []
    for (start, by), stop in zip(pieces, ends, strict=True):
        part = 1.0 if len(pieces) == 1 else ((stop - start).days + 1) / whole
        number = {s: float(channel.spotted.at(s)) * by[s] * part for s in model.sites}
        out.append({"from": start, "to": stop, "number": number})
    return out


def _at(ratios: list[Ratio], day: dt.date, site: str) -> float:
    product = 1.0
    for start, stop, ratio in ratios:
        if start <= day and (stop is None or day <= stop):
            product = product * ratio(site)
    return product


def _ratios(model: Programme, code: str) -> Iterator[Ratio]:
    for post in (model.project_officers, model.social_workers):
        if post is not None and code in concerned(model, post.channels):
            yield post.start, post.stop, post.referrals.at
    for since in (model.named_referents, model.national_platforms):
        if since is not None and code in concerned(model, since.channels):
            yield since.start, None, since.referrals.at
    given = model.education_nationale
    if given is not None and given.referrals is not None and code in concerned(model, ()):
        yield min(given.dates), None, given.referrals.at
    groups = model.working_groups
    if groups is not None and code in concerned(model, groups.channels):
        yield from _trust(model)


def _trust(model: Programme) -> Iterator[Ratio]:
    """Trust stands at ``growth`` to the power of the meetings held, up to its ceiling."""
    groups = model.working_groups
    assert groups is not None
    every = dt.timedelta(days=groups.every.at(model.sites[0]))
    day, held = groups.start, 1
    while day <= groups.stop:
        following = day + every
        until = following - _DAY if following <= groups.stop else None
        yield day, until, lambda s, n=held: min(groups.most.at(s), groups.growth.at(s) ** n)
        day, held = following, held + 1
