"""What the optional mechanisms of a scenario add to its pathway: states, pools, tracks, and shares that move with dates and tracks.

Not the pathway they add to: see `compiling`. Whatever stands at its neutral value leaves the pathway's shares as they were, to the
bit, and shifts nobody's luck: draws are keyed by the name of the state.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from evalkit.simulation.programme.compiling_sources import Row, by_site, exponential, reminder
from evalkit.simulation.programme.mechanisms import Posts
from evalkit.simulation.programme.quantities import Assumption
from evalkit.simulation.programme.referrals import concerned
from evalkit.simulation.programme.words import Programme

_DAY = dt.timedelta(days=1)
#: Track to its level other than the first.
TRACKS = {"co_accompaniment": "joint", "referent": "named"}
PLACES, CONFERENCE = "places", "case_conference"


class Mechanisms:
    """The mechanisms of a programme, as the rows of its pathway ask for them."""

    def __init__(self, model: Programme):
        self.model, self.sites = model, model.sites
        self.posts: list[Posts] = [p for p in (model.project_officers, model.social_workers) if p is not None]
        self.holds_places = model.portfolio is not None

    # ---- shares that move -----------------------------------------------------------------------------------------------
    def eras(self) -> list[dt.date | None]:
        """Return the dates from which a share may change, the latest first, and None for before."""
        cuts = {p.start for p in self.posts} | {p.stop + _DAY for p in self.posts if p.stop is not None}
        if self.model.national_platforms is not None:
            cuts.add(self.model.national_platforms.start)
        return [*sorted(cuts, reverse=True), None]

    def contact(self, site: str, day: dt.date | None) -> float:
        """Return the ratio on the share reached or reactivated."""
        product = 1.0
        for post in self.posts:
            product = product * (post.contact.at(site) if _there(post, day) else 1.0)
        return product

    def taken(self, site: str, day: dt.date | None) -> float:
        """Return the share whom the national platforms turn out to have taken, at an attempt."""
        there = self.model.national_platforms
        return 0.0 if there is None or day is None or day < there.start else there.takes.at(site)

    def family(self, site: str) -> float:
        """Return the ratio on the share reached of those whose family can be."""
        return 1.0 if self.model.family_contact is None else self.model.family_contact.contact.at(site)

    def silence(self, site: str, day: dt.date | None) -> Iterator[tuple[dict[str, str], float]]:
        """Yield (levels of tracks, hazard ratio of falling silent), everybody else last."""
        workers, ratio = self.model.social_workers, 1.0
        if workers is not None and _there(workers, day):
            ratio = workers.silence.at(site)
        of = (("co_accompaniment", self.model.co_accompaniment), ("referent", self.model.named_referents))
        moved = [(t, a.silence.at(site)) for t, a in of if a is not None and not _neutral(a.silence)]
        for standing in itertools.product((True, False), repeat=len(moved)):
            when, by = {}, ratio
            for (track, own), there in zip(moved, standing, strict=True):
                if there:
                    when[track], by = TRACKS[track], by * own
            yield when, by

    # ---- tables ---------------------------------------------------------------------------------------------------------
    def tracks(self) -> Row:
        """Return the tracks of the pathway, shown on those of the vocabulary."""
        given = {"co_accompaniment": self.model.co_accompaniment, "referent": self.model.named_referents}
        return {
            t: {"levels": ["none", TRACKS[t]], "shown": t} for t, table in given.items() if table is not None
        }

    def pools(self) -> Row:
        """Return the pools that mechanisms add."""
        out: Row = {}
        held, conferences = self.model.portfolio, self.model.case_conferences
        if held is not None:
            units = {s: int(held.counsellors.at(s) * held.youths_each.at(s)) for s in self.sites}
            out[PLACES] = self.in_one({"units": units})
        if conferences is not None:
            places = {s: int(conferences.places.at(s)) for s in self.sites}
            out[CONFERENCE] = {"sessions": {"dates": conferences.dates, "places": places}}
        return out

    def in_one(self, pool: Row) -> Row:
        """Return a pool, one for all sites where they are merged."""
        if self.model.merger is None or len(self.sites) == 1:
            return pool
        kind = "weekly" if "weekly" in pool else "units"
        return {**pool, kind: {**dict.fromkeys(self.sites, 0), self.sites[0]: sum(pool[kind].values())}, "shared": True}  # fmt: skip

    def calendar(self) -> Row:
        """Return the calendar, with fewer slots while services are reorganised."""
        calendar = self.model.calendar.model_dump(by_alias=True)
        merger = self.model.merger
        if merger is not None and not _neutral(merger.slots):
            less = {"from": merger.start, "to": merger.stop, "share": merger.slots.at(self.sites[0])}
            calendar["reduced"] = [*calendar["reduced"], less]
        return calendar

    # ---- on the way to the entry ----------------------------------------------------------------------------------------
    def attempt(self, reached: float, site: str, day: dt.date | None, yes: str, no: str, gone: str) -> Row:
        """Return the routes of an attempt to reach somebody."""
        taken = self.taken(site, day)
        if taken == 0:
            return {yes: reached, no: 1 - reached}
        return {yes: reached * (1 - taken), gone: taken, no: (1 - reached) * (1 - taken)}

    def with_referent(self, shows_up: Callable[[str], list[Row]]) -> list[Row]:
        """Return the routes of those who get a named referent as they enter."""
        named = self.model.named_referents
        if named is None:
            return []
        cases = []
        for channel in concerned(self.model, named.channels):
            cases += [
                {"from": named.start, "when": {"source": channel, "site": s}, "to": case["to"]}
                for s, case in zip(self.sites, shows_up("referent_named"), strict=True)
            ]
        return cases

    def set_at_entry(self) -> Row:
        """Return what entering changes on the tracks: the search for a partner begins."""
        joint = self.model.co_accompaniment
        if joint is None:
            return {}
        site = self.sites[0]
        found = {
            "to": TRACKS["co_accompaniment"], "share": joint.share.at(site), "after": exponential(joint.search.at(site)),
        }  # fmt: skip
        return {"set": {"co_accompaniment": found}}

    def released(self) -> Row:
        """Return what a state in which nobody is followed any more gives back."""
        return {"release": [PLACES]} if self.holds_places else {}

    # ---- rows -----------------------------------------------------------------------------------------------------------
    def rows(self, new: int, later: int) -> Iterator[tuple[str, Row]]:
        """Yield the states that mechanisms add; priorities of first and of later interviews."""
        held_back, named = self.model.confidentiality, self.model.named_referents
        if held_back is not None:
            yield "kept_confidential", {
                "kind": "delay", "done": "review",
                "duration": self._by_site(lambda s: exponential(held_back.delay.at(s)), "duration"),
            }  # fmt: skip
        if named is not None:
            change = {"to": TRACKS["referent"], "share": named.covered.at(self.sites[0])}
            yield (
                "referent_named",
                {"kind": "delay", "duration": 0, "set": {"referent": change}, "done": "entered"},
            )
        if self.model.national_platforms is not None:
            yield "taken_elsewhere", {"kind": "exit", "eliminated": "not_dropout"}
            yield "taken_over", {"kind": "exit", "situation": "administrative", **self.released()}
        yield "keeps_contact", {"kind": "delay", "duration": 0, "done": "gap"}
        yield "loses_contact", {"kind": "delay", "duration": 0, "done": "silent_0"}
        yield from self._conferences()
        yield from self._undeclared()
        if self.holds_places:
            yield from self._places(new, later)

    def _by_site(self, make: Callable[[str], Any], what: str) -> list[Row]:
        return by_site(self.sites, make, what)

    def after_meeting(self, site: str) -> Row:
        """Return the further ways from a meeting."""
        work, conferences = self.model.undeclared_work, self.model.case_conferences
        return {
            **({} if work is None else {"undeclared_0": work.takes_up.at(site)}),
            **({} if conferences is None else {"conference_queue": conferences.presented.at(site)}),
        }

    def _conferences(self) -> Iterator[tuple[str, Row]]:
        given = self.model.case_conferences
        if given is None:
            return

        def decided(site: str) -> Row:
            weights = {f"in_{code}": s.weight.at(site) for code, s in self.model.solutions.items()}
            total, found = sum(weights.values()), given.solution.at(site)
            return {**{state: found * w / total for state, w in weights.items()}, "gap": 1 - found}

        yield "conference_queue", {
            "kind": "wait", "pool": CONFERENCE, "limit": given.patience.at(self.sites[0]), "late": "gap", "done": "conference",
        }  # fmt: skip
        yield "conference", {
            "kind": "delay", "duration": 0, "event": {"kind": "case_conference"}, "done": self._by_site(decided, "to"),
        }  # fmt: skip

    def _undeclared(self) -> Iterator[tuple[str, Row]]:
        """The programme sees silence and sends its reminders; the youth is at work."""
        given, f = self.model.undeclared_work, self.model.follow_up
        if given is None:
            return
        reminders = int(f.reminders.at(self.sites[0]))
        lasts = self._by_site(lambda s: exponential(given.lasts.at(s)), "duration")
        for k in range(reminders + 1):
            yield f"undeclared_{k}", {
                "kind": "delay", "limit": lasts, "late": "undeclared_ends",
                "duration": self._by_site(lambda s: f.silence.at(s) / (reminders + 1), "duration"),
                "done": f"undeclared_{k + 1}" if k < reminders else "undeclared_work",
                **({"event": reminder("unanswered")} if k else {}),
            }  # fmt: skip
        yield "undeclared_work", {"kind": "delay", "duration": lasts, "done": "undeclared_ends"}
        yield "undeclared_ends", {
            "kind": "delay", "duration": 0,
            "done": self._by_site(lambda s: {"returned": given.returns.at(s), "silent_0": 1 - given.returns.at(s)}, "to"),
        }  # fmt: skip

    def _places(self, new: int, later: int) -> Iterator[tuple[str, Row]]:
        """A place with a counsellor, held from the first appointment to the end of follow-up."""
        patience = self.model.counsellors.patience
        yield "place_queue", {
            "kind": "wait", "pool": PLACES, "priority": new, "done": "first_queue",
            "limit": self._by_site(lambda s: exponential(patience.at(s)), "duration"), "late": "not_reached",
        }  # fmt: skip
        yield "returned_late", {
            "kind": "delay", "duration": 0, "done": "place_again",
            "event": {"kind": "phone", "outcome": "answered", "direction": "incoming"},
        }  # fmt: skip
        for name, to in (
            ("place_again", "follow_up_queue"),
            ("followed_place", "followed_before"),
            ("newcomer_place", "ordinary_queue"),
        ):
            yield name, {"kind": "wait", "pool": PLACES, "priority": later, "done": to}


def silent(share: float, ratio: float) -> float:
    """Return a share who fall silent under a hazard ratio: proportional hazards, in discrete time.

    Examples
    --------
    >>> silent(0.19, 1.0), round(silent(0.19, 0.5), 3)
    (0.19, 0.1)
    """
    return share if ratio == 1 else 1 - (1 - share) ** ratio


def _there(post: Posts, day: dt.date | None) -> bool:
    return day is not None and post.start <= day and (post.stop is None or day <= post.stop)


def _neutral(a: Assumption) -> bool:
    values = a.value.values() if isinstance(a.value, dict) else [a.value]
    return all(v == 1 for v in values)
