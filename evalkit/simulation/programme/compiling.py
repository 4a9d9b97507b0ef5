"""From the programme's language to the table of states: what a scenario does to a youth, row by row.

Not a check and not a run: the tables returned are checked by `Pathway`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evalkit.simulation.programme.compiling_caseload import ordinary
from evalkit.simulation.programme.compiling_mechanisms import Mechanisms, silent
from evalkit.simulation.programme.compiling_sources import (
    LIST,
    Row,
    by_site,
    exponential,
    interview,
    reminder,
    sources,
    with_default,
)
from evalkit.simulation.programme.quantities import Assumption
from evalkit.simulation.programme.words import Channel, ListChannel, Programme

AGES = {"16-17": (16.0, 18.0), "18": (18.0, 19.0), "19-25": (19.0, 26.0)}
#: Who is served first: (priority of a first interview, of a follow-up one); the smallest goes first.
_PRIORITIES = {"followed": (1, 0), "new": (0, 1), "none": (0, 0)}


def tables(model: Programme) -> dict[str, Any]:
    """Return the ``[pathway]`` tables of a programme."""
    w = model.window
    people, more = dict(sources(model)), Mechanisms(model)
    return {
        "start": w.start, "end": w.end, "closing": w.dashboard_end, "sites": model.sites,
        "silence": model.follow_up.silence.at(model.sites[0]),
        "calendar": more.calendar(),
        "attributes": {
            "age": {"levels": list(AGES), "between": AGES, "number": "age_at_entry"},
            "sex": {"levels": ["F", "M"]},
            "level": {"levels": ["below_V", "V"]},
            "reachable": {"levels": ["yes", "no"], "recorded": False},
            # Acquired after entry: shown as a trait it would invite a comparison with immortal time.
            "co_accompanied": {"levels": ["yes", "no"], "recorded": False},
            **({} if model.family_contact is None else {"family": {"levels": ["yes", "no"], "recorded": False}}),
        },
        "tracks": more.tracks(),
        "pools": {
            "interviews": more.in_one({
                "weekly": {s: int(model.counsellors.slots_per_week.at(s)) for s in model.sites},
                "on": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            }),
            **more.pools(),
        },
        "sources": people,
        "states": _reached(dict(_Rows(model).all()), people),
    }  # fmt: skip


def _reached(states: dict[str, Row], sources: dict[str, Row]) -> dict[str, Row]:
    """Leave out the states to which no share leads: a share of 0 switches a mechanism off."""
    todo, seen = [s["to"] for s in sources.values()], set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [to for way in ("done", "late") for to in _ways(states[name].get(way, []))]
    return {name: _without(row, seen) for name, row in states.items() if name in seen}


def _ways(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    return [to for case in given for to, share in case["to"].items() if share > 0]


def _without(row: Row, kept: set[str]) -> Row:
    out = dict(row)
    for way in ("done", "late"):
        if isinstance(row.get(way), list):
            out[way] = [
                {**case, "to": {t: s for t, s in case["to"].items() if t in kept}} for case in row[way]
            ]
    return out


# ---- states -------------------------------------------------------------------------------------------------------------
def _mean(a: Assumption, site: str) -> Any:
    return exponential(a.at(site))


class _Rows:
    def __init__(self, model: Programme):
        self.model, self.sites, self.more = model, model.sites, Mechanisms(model)
        self.new, self.later = _PRIORITIES[model.counsellors.served_first]
        self.channels: dict[str, Channel | ListChannel] = dict(model.channels)
        if model.education_nationale is not None:
            self.channels[LIST] = model.education_nationale

    def all(self) -> Iterator[tuple[str, Row]]:
        yield from self._spotting()
        yield from self._outreach()
        yield from self._first_interview()
        yield from self._meetings()
        yield from self._solutions()
        yield from self._silence()
        yield from self._exits()
        yield from ordinary(self.model, self.later, self.more.released())
        yield from self.more.rows(self.new, self.later)

    def _cases(
        self, make: Callable[[str, str], Any], what: str, when: Mapping[str, str] | None = None
    ) -> list[Row]:
        """Return one case per source and site; the last is the default, unless all are for some people only."""
        cases = [
            {"when": {**(when or {}), "source": c, "site": s}, what: make(c, s)} for c in self.channels for s in self.sites
        ]  # fmt: skip
        return cases if when else with_default(cases, what)

    def _by_site(self, make: Callable[[str], Any], what: str) -> list[Row]:
        return by_site(self.sites, make, what)

    def _by_era(self, cases: Callable[[dt.date | None], list[Row]]) -> list[Row]:
        """Return the cases of each era, the latest first; a date at which nothing changes is not mentioned."""
        eras = self.more.eras()
        made = [cases(day) for day in eras]
        kept = [k for k in range(len(eras)) if k + 1 == len(eras) or made[k] != made[k + 1]]
        out: list[Row] = []
        for k in kept:
            since = {} if eras[k] is None else {"from": eras[k]}
            out += [{**since, **case} for case in made[k]]
        return out

    def _silences(self, routes: Callable[[str, float], Row]) -> list[Row]:
        """Return the cases of a row from which people may fall silent: by era, site and the tracks that bear on it."""

        def cases(day: dt.date | None) -> list[Row]:
            made = [
                {"when": {**when, "site": s}, "to": routes(s, ratio)} for s in self.sites for when, ratio in self.more.silence(s, day)
            ]  # fmt: skip
            return with_default(made, "to")

        return self._by_era(cases)

    def _spotting(self) -> Iterator[tuple[str, Row]]:
        given = self.model.education_nationale
        if given is not None:

            def sorted_out(s: str) -> Row:
                inside, new = given.in_territory.at(s), 1 - given.known.at(s)
                lost = given.false_match.at(s)
                return {
                    "to_spot": inside * new * (1 - lost), "false_match": inside * new * lost,
                    "known_already": inside * (1 - new), "outside_territory": 1 - inside,
                }  # fmt: skip

            yield "listed", {"kind": "delay", "duration": 0, "done": self._by_site(sorted_out, "to")}
            yield "to_spot", {
                "kind": "delay", "duration": self._by_site(lambda s: _mean(given.delay, s), "duration"), "done": "review",
            }  # fmt: skip
            for name in ("false_match", "known_already", "outside_territory"):
                yield name, {"kind": "exit"}
        yield "review", {
            "kind": "delay", "mark": "spotted", "not_before": self.model.window.mobilisation,
            "duration": self._by_site(lambda s: _mean(self.model.outreach.first_attempt, s), "duration"),
            "done": self._cases(self._eliminations, "to"),
        }  # fmt: skip
        for code in ("not_dropout", "out_of_scope", "not_reached", "refused"):
            yield (
                code,
                {
                    "kind": "exit",
                    "eliminated": code,
                    **(self.more.released() if code == "not_reached" else {}),
                },
            )

    def _eliminations(self, code: str, site: str) -> Row:
        channel = self.channels[code]
        found, outside = channel.not_dropout.at(site), channel.out_of_scope.at(site)
        return {
            "not_dropout": found, "out_of_scope": (1 - found) * outside, "attempt_1": (1 - found) * (1 - outside),
        }  # fmt: skip

    def _outreach(self) -> Iterator[tuple[str, Row]]:
        rules = self.model.outreach
        last = int(max(rules.attempts.at(s) for s in self.sites))

        def attempt(k: int, day: dt.date | None) -> list[Row]:
            def one(code: str, site: str, by: float = 1.0) -> Row:
                effect = rules.officer_effect.at(site) * self.more.contact(site, day) * by
                return to(min(1.0, self.channels[code].reached.at(site) * effect), site)

            def to(reached: float, site: str) -> Row:
                return self.more.attempt(reached, site, day, "answered", f"unanswered_{k}", "taken_elsewhere")

            never = [
                {"when": {"reachable": "no", "site": s}, "to": {k: v for k, v in to(0.0, s).items() if v > 0}}
                for s in self.sites
            ]
            if all(case["to"] == never[0]["to"] for case in never):
                never = [{"when": {"reachable": "no"}, "to": never[0]["to"]}]
            by_family = {s: self.more.family(s) for s in self.sites}
            helped = set(by_family.values()) != {1.0}
            family = (
                self._cases(lambda c, s: one(c, s, by_family[s]), "to", {"family": "yes"}) if helped else []
            )
            return [*never, *family, *self._cases(one, "to")]

        def then(k: int) -> Callable[[str], Row]:
            return lambda s: {"not_reached" if k >= rules.attempts.at(s) else f"attempt_{k + 1}": 1.0}

        for k in range(1, last + 1):
            routes = self._by_era(lambda day, k=k: attempt(k, day))
            yield f"attempt_{k}", {"kind": "delay", "duration": 0, "done": routes}
            yield f"unanswered_{k}", {
                "kind": "delay", "duration": self._by_site(lambda s: rules.spacing.at(s), "duration"),
                "done": self._by_site(then(k), "to"), "event": reminder("unanswered"),
            }  # fmt: skip
        yield "answered", {
            "kind": "delay", "duration": 0, "event": reminder("answered"),
            "done": self._cases(lambda c, s: _share(self.channels[c].refused.at(s), "refused", "notice"), "to"),
        }  # fmt: skip

    def _first_interview(self) -> Iterator[tuple[str, Row]]:
        c, after = self.model.counsellors, self.model.follow_up.after_meeting
        yield "notice", {
            "kind": "delay", "duration": self._by_site(lambda s: c.notice.at(s), "duration"),
            "done": "place_queue" if self.more.holds_places else "first_queue",
        }  # fmt: skip
        yield "first_queue", {
            "kind": "wait", "pool": "interviews", "priority": self.new, "done": "first_appointment", "event": interview("planned"),
            "limit": self._by_site(lambda s: _mean(c.patience, s), "duration"), "late": "not_reached",
        }  # fmt: skip

        def shows_up(instead: str) -> list[Row]:
            return self._by_site(
                lambda s: {instead: 1 - c.no_show_first.at(s), "first_missed": c.no_show_first.at(s)}, "to"
            )

        duplicates = [
            {"when": {"record": "duplicate", **case.get("when", {})}, "to": case["to"]}
            for case in shows_up("duplicate")
        ]
        has_duplicates = self.model.education_nationale is not None
        yield "first_appointment", {
            "kind": "delay", "duration": 0, "done": [
                *(duplicates if has_duplicates else []), *self.more.with_referent(shows_up), *shows_up("entered"),
            ],
        }  # fmt: skip
        yield "first_missed", {
            "kind": "delay", "duration": self._by_site(lambda s: c.rebooking.at(s), "duration"), "event": interview("absent"),
            "done": self._by_site(lambda s: {"first_queue": c.rebooked.at(s), "not_reached": 1 - c.rebooked.at(s)}, "to"),
        }  # fmt: skip
        if has_duplicates:
            yield "duplicate", {"kind": "exit", **self.more.released()}
        yield "entered", {
            "kind": "delay", "duration": 0, "mark": "entered", "event": interview("attended"), "situation": "jobseeker",
            "done": self._silences(lambda s, by: _two(silent(after.single_contact.at(s), by), "gap")), **self.more.set_at_entry(),
        }  # fmt: skip

    def _meetings(self) -> Iterator[tuple[str, Row]]:
        c, f = self.model.counsellors, self.model.follow_up
        gap = {"family": "lognormal"}
        yield "gap", {
            "kind": "delay", "done": "follow_up_queue",
            "duration": self._by_site(lambda s: {**gap, "median": f.gap.at(s), "sigma": f.gap_spread.at(s)}, "duration"),
        }  # fmt: skip
        yield "follow_up_queue", {
            "kind": "wait", "pool": "interviews", "priority": self.later, "done": "follow_up_appointment",
            "event": interview("planned"),
        }  # fmt: skip
        yield "follow_up_appointment", {
            "kind": "delay", "duration": 0,
            "done": self._by_site(lambda s: {"meeting": 1 - c.no_show.at(s), "missed": c.no_show.at(s)}, "to"),
        }  # fmt: skip
        yield "missed", {
            "kind": "delay", "event": interview("absent"),
            "duration": self._by_site(lambda s: c.rebooking.at(s), "duration"),
            "done": self._silences(lambda s, by: _not_rebooked(c.rebooked.at(s), by)),
        }  # fmt: skip
        yield "meeting", {
            "kind": "delay", "duration": 0, "event": interview("attended"), "done": self._silences(self._after_meeting),
        }  # fmt: skip
        yield "project", {"kind": "delay", "duration": 0, "situation": "project", "done": "gap"}

    def _after_meeting(self, site: str, ratio: float) -> Row:
        after = self.model.follow_up.after_meeting
        weights = {code: s.weight.at(site) for code, s in self.model.solutions.items()}
        found, total = after.solution.at(site), sum(weights.values())
        falls = after.falls_silent.at(site)
        ways = {
            "silent_0": falls, "abandoned": after.abandons.at(site),
            **{f"in_{code}": found * weight / total for code, weight in weights.items()},
            "project": after.project.at(site), "moved": after.moved.at(site), "administrative": after.administrative.at(site),
            "illness": after.illness.at(site), "prison": after.prison.at(site),
            **self.more.after_meeting(site),
        }  # fmt: skip
        goes_on = max(0.0, 1 - sum(ways.values()))
        if ratio == 1:
            return {**ways, "gap": goes_on}
        # Only those whom the ratio moves change places: whatever else a draw would have brought, it still brings.
        fall = min(silent(falls, ratio), falls + goes_on)
        del ways["silent_0"]
        return {
            "silent_0": min(fall, falls), "keeps_contact": max(0.0, falls - fall), **ways,
            "loses_contact": max(0.0, fall - falls), "gap": goes_on - max(0.0, fall - falls),
        }  # fmt: skip

    def _solutions(self) -> Iterator[tuple[str, Row]]:
        f = self.model.follow_up
        for code, solution in self.model.solutions.items():
            yield f"in_{code}", {
                "kind": "delay", "situation": code,
                "duration": self._by_site(lambda s, one=solution: _mean(one.lasts, s), "duration"),
                "done": self._by_site(lambda s, one=solution: {"back": one.returns.at(s), "drifts": 1 - one.returns.at(s)}, "to"),
            }  # fmt: skip
        for code, lasts in (("illness", f.illness_lasts), ("prison", f.prison_lasts)):
            yield code, {
                "kind": "delay", "situation": code, "done": "back",
                "duration": self._by_site(lambda s, a=lasts: _mean(a, s), "duration"),
            }  # fmt: skip
        yield "back", {
            "kind": "delay", "duration": 0, "situation": "jobseeker", "done": "gap",
            "event": {"kind": "phone", "outcome": "answered", "direction": "incoming"},
        }  # fmt: skip
        yield "drifts", {"kind": "delay", "duration": 0, "situation": "jobseeker", "done": "silent_0"}

    def _silence(self) -> Iterator[tuple[str, Row]]:
        """Latent silence: reminders until the threshold, then attempts at reactivation, then a decision."""
        f = self.model.follow_up
        reminders = int(f.reminders.at(self.sites[0]))
        for k in range(reminders + 1):
            following = f"silent_{k + 1}" if k < reminders else self._after_threshold(1)
            yield f"silent_{k}", {
                "kind": "delay", "latent": "disengaged", "late": "returned",
                "duration": self._by_site(lambda s: f.silence.at(s) / (reminders + 1), "duration"), "done": following,
                "limit": self._by_site(lambda s: _mean(f.returns_alone, s), "duration"),
                **({"event": reminder("unanswered")} if k else {}),
            }  # fmt: skip
        effect = self.model.outreach.officer_effect
        for k in range(1, self._reactivations() + 1):

            def answers(day: dt.date | None, k: int = k) -> list[Row]:
                def one(s: str) -> Row:
                    back = min(1.0, f.reactivated.at(s) * effect.at(s) * self.more.contact(s, day))
                    return self.more.attempt(back, s, day, "reactivated", f"no_answer_{k}", "taken_over")

                return self._by_site(one, "to")

            yield f"reactivation_{k}", {
                "kind": "delay", "duration": 0, "latent": "disengaged", "done": self._by_era(answers),
            }  # fmt: skip
            yield f"no_answer_{k}", {
                "kind": "delay", "latent": "disengaged", "event": reminder("unanswered"),
                "duration": self._by_site(lambda s: self.model.outreach.spacing.at(s), "duration"),
                "done": self._after_threshold(k + 1),
            }  # fmt: skip
        yield "decision", {
            "kind": "delay", "duration": 0, "latent": "disengaged",
            "done": self._by_site(lambda s: _share(f.recorded_abandoned.at(s), "abandoned", "out_of_sight"), "to"),
        }  # fmt: skip
        yield "out_of_sight", {
            "kind": "delay", "latent": "disengaged", **self.more.released(),
            "done": "returned_late" if self.more.holds_places else "returned",
            "duration": self._by_site(lambda s: _mean(f.returns_late, s), "duration"),
        }  # fmt: skip
        if self._reactivations():
            yield "reactivated", {
                "kind": "delay", "duration": 0, "event": reminder("answered"), "done": "follow_up_queue",
            }  # fmt: skip
        yield "returned", {
            "kind": "delay", "duration": 0, "done": "follow_up_queue",
            "event": {"kind": "phone", "outcome": "answered", "direction": "incoming"},
        }  # fmt: skip

    def _reactivations(self) -> int:
        return int(self.model.follow_up.reactivations.at(self.sites[0]))

    def _after_threshold(self, k: int) -> str:
        return f"reactivation_{k}" if k <= self._reactivations() else "decision"

    def _exits(self) -> Iterator[tuple[str, Row]]:
        for code in ("abandoned", "moved", "administrative"):
            yield code, {"kind": "exit", "situation": code, **self.more.released()}


def _two(falls: float, other: str) -> Row:
    return {other: 1 - falls, "silent_0": falls}


def _not_rebooked(rebooked: float, ratio: float) -> Row:
    if ratio == 1:
        return {"follow_up_queue": rebooked, "silent_0": 1 - rebooked}
    return _two(silent(1 - rebooked, ratio), "follow_up_queue")


def _share(share: float, state: str, other: str) -> Row:
    return {state: share, other: 1 - share}
