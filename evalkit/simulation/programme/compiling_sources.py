"""Where a scenario's youths come from: one source per channel, the list, those followed before, ordinary newcomers.

Not what happens to them: see `compiling`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from evalkit.simulation.programme.referrals import concerned, periods
from evalkit.simulation.programme.words import Channel, ListChannel, Programme

LIST = "education_nationale"
#: Source names of the youths who are no one's discovery: already followed at the start, or ordinary newcomers.
FOLLOWED, NEWCOMERS = "already_followed", "newcomers"
Row = dict[str, Any]


def sources(model: Programme) -> Iterator[tuple[str, Row]]:
    """Yield the name and the table of each source."""
    for code, channel in model.channels.items():
        held_back = model.confidentiality is not None and code in concerned(
            model, model.confidentiality.channels
        )
        yield code, {
            "to": "kept_confidential" if held_back else "review", "arrivals": channel.arrivals, "periods": periods(model, code),
            "channel": code, "route": channel.route, "attributes": _attributes(model, channel, 0.0),
        }  # fmt: skip
    if model.education_nationale is not None:
        yield LIST, _list_source(model, model.education_nationale)
    held = model.portfolio is not None
    ordinary = {"programme": False, "attributes": _ordinary(model)}
    if any(model.caseload.youths.at(s) > 0 for s in model.sites):
        youths = {s: int(model.caseload.youths.at(s)) for s in model.sites}
        yield FOLLOWED, {"to": "followed_place" if held else "followed_before", "initial": youths, **ordinary}
    if any(model.caseload.newcomers.at(s) > 0 for s in model.sites):
        weeks = ((model.window.end - model.window.start).days + 1) / 7
        number = {s: model.caseload.newcomers.at(s) * weeks for s in model.sites}
        period = {"from": model.window.start, "to": model.window.end, "number": number}
        yield (
            NEWCOMERS,
            {"to": "newcomer_place" if held else "ordinary_queue", "periods": [period], **ordinary},
        )


def _list_source(model: Programme, given: ListChannel) -> Row:
    size = {s: round(listed(given, s)) for s in model.sites}
    source: Row = {
        "to": "listed", "dates": _handed_over(model, given), "size": size, "channel": LIST, "route": given.route,
        "attributes": _attributes(model, given, given.unreachable.at(model.sites[0])),
    }  # fmt: skip
    others = given.overlaps_with or tuple(model.channels)
    source["overlap"] = {
        "with": others, "share": overlap_share(model, given, others), "delay": exponential(given.delay.at(model.sites[0])),
        "missed": given.missed_match.at(model.sites[0]), "duplicate_to": "review",
    }  # fmt: skip
    return source


def listed(given: ListChannel, site: str) -> float:
    """Return how many youths one list names at a site."""
    named = given.youths_per_year.at(site) / given.lists_per_year.at(site)
    return named if given.coverage is None else named * given.coverage.at(site)


def _handed_over(model: Programme, given: ListChannel) -> list[dt.date]:
    """Return the days on which the lists come: the planned ones, as late as the agreement."""
    late = dt.timedelta(days=round(given.agreement.at(model.sites[0])))
    return [day + late for day in given.dates]


def overlap_share(model: Programme, given: ListChannel, others: tuple[str, ...]) -> float:
    """Return the share of the other channels' youths who are on a list too: those known on the lists over those spotted, at most 1.

    What the lists know beyond that is known from elsewhere (already followed) and brings nobody new.
    """
    known = spotted = 0.0
    for s in model.sites:
        on_lists = listed(given, s) * len(given.dates)
        known += on_lists * given.in_territory.at(s) * given.known.at(s)
        spotted += sum(model.channels[c].spotted.at(s) for c in others)
    return min(1.0, known / spotted) if spotted else 0.0


def _attributes(model: Programme, channel: Channel | ListChannel, unreachable: float) -> Row:
    site = model.sites[0]
    young, eighteen = channel.ages.aged_16_17.at(site), channel.ages.aged_18.at(site)
    return {
        "age": {"16-17": young, "18": eighteen, "19-25": max(0.0, 1 - young - eighteen)},
        **_traits(model),
        "reachable": {"yes": 1 - unreachable, "no": unreachable},
    }  # fmt: skip


def _ordinary(model: Programme) -> Row:
    return {"age": {"19-25": 1.0}, **_traits(model), "reachable": {"yes": 1.0}}


def _traits(model: Programme) -> Row:
    site, family = model.sites[0], model.family_contact
    girls, below, joint = (
        getattr(model.youths, n).at(site) for n in ("girls", "below_level_V", "co_accompanied")
    )
    return {
        "sex": {"F": girls, "M": 1 - girls}, "level": {"below_V": below, "V": 1 - below},
        "co_accompanied": {"yes": joint, "no": 1 - joint},
        **({} if family is None else {"family": {"yes": family.share.at(site), "no": 1 - family.share.at(site)}}),
    }  # fmt: skip


def exponential(mean: float) -> Any:
    """Return an exponential duration, or no duration at all for a mean of 0."""
    return {"family": "exponential", "mean": mean} if mean > 0 else 0.0


def by_site(sites: tuple[str, ...], make: Callable[[str], Any], what: str) -> list[Row]:
    """Return one case per site; the last is for everybody else."""
    return with_default([{"when": {"site": s}, what: make(s)} for s in sites], what)


def with_default(cases: list[Row], what: str) -> list[Row]:
    """Return the cases, the last being for everybody else."""
    return [*cases[:-1], {what: cases[-1][what]}]


def reminder(outcome: str) -> Row:
    """Return what the dashboard writes of a reminder."""
    return {"kind": "reminder", "outcome": outcome, "direction": "outgoing"}


def interview(outcome: str) -> Row:
    """Return what the dashboard writes of an interview."""
    return {"kind": "interview", "outcome": outcome}
