"""From the programme's language to the table of states: what a scenario does to a youth, row by row.

Not a check and not a run: the tables returned are checked by `Pathway`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evalkit.simulation.programme.compiling_sources import LIST, Row, exponential, sources
from evalkit.simulation.programme.quantities import Assumption
from evalkit.simulation.programme.words import Channel, ListChannel, Programme

AGES = {"16-17": (16.0, 18.0), "18": (18.0, 19.0), "19-25": (19.0, 26.0)}
#: Who is served first: (priority of a first interview, of a follow-up one); the smallest goes first.
_PRIORITIES = {"followed": (1, 0), "new": (0, 1), "none": (0, 0)}


def tables(model: Programme) -> dict[str, Any]:
    """Return the ``[pathway]`` tables of a programme."""
    w = model.window
    people = dict(sources(model))
    return {
        "start": w.start, "end": w.end, "closing": w.dashboard_end, "sites": model.sites,
        "silence": model.follow_up.silence.at(model.sites[0]),
        "calendar": model.calendar.model_dump(by_alias=True),
        "attributes": {
            "age": {"levels": list(AGES), "between": AGES, "number": "age_at_entry"},
            "sex": {"levels": ["F", "M"]},
            "level": {"levels": ["below_V", "V"]},
            "reachable": {"levels": ["yes", "no"], "recorded": False},
            # Acquired after entry: shown as a trait it would invite a comparison with immortal time.
            "co_accompanied": {"levels": ["yes", "no"], "recorded": False},
        },
        "pools": {
            "interviews": {
                "weekly": {s: int(model.counsellors.slots_per_week.at(s)) for s in model.sites},
                "on": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            },
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
        self.model, self.sites = model, model.sites
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
        yield from self._ordinary()

    def _cases(self, make: Callable[[str, str], Any], what: str) -> list[Row]:
        """Return one case per source and site; the last is the default."""
        cases = [
            {"when": {"source": c, "site": s}, what: make(c, s)} for c in self.channels for s in self.sites
        ]
        cases[-1] = {what: cases[-1][what]}
        return cases

    def _by_site(self, make: Callable[[str], Any], what: str) -> list[Row]:
        cases: list[Row] = [{"when": {"site": s}, what: make(s)} for s in self.sites]
        cases[-1] = {what: cases[-1][what]}
        return cases

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
            yield code, {"kind": "exit", "eliminated": code}

    def _eliminations(self, code: str, site: str) -> Row:
        channel = self.channels[code]
        found, outside = channel.not_dropout.at(site), channel.out_of_scope.at(site)
        return {
            "not_dropout": found, "out_of_scope": (1 - found) * outside, "attempt_1": (1 - found) * (1 - outside),
        }  # fmt: skip

    def _outreach(self) -> Iterator[tuple[str, Row]]:
        rules = self.model.outreach
        last = int(max(rules.attempts.at(s) for s in self.sites))

        def attempt(k: int) -> list[Row]:
            def one(code: str, site: str) -> Row:
                reached = min(1.0, self.channels[code].reached.at(site) * rules.officer_effect.at(site))
                return {"answered": reached, f"unanswered_{k}": 1 - reached}

            return [{"when": {"reachable": "no"}, "to": {f"unanswered_{k}": 1.0}}, *self._cases(one, "to")]

        def then(k: int) -> Callable[[str], Row]:
            return lambda s: {"not_reached" if k >= rules.attempts.at(s) else f"attempt_{k + 1}": 1.0}

        for k in range(1, last + 1):
            yield f"attempt_{k}", {"kind": "delay", "duration": 0, "done": attempt(k)}
            yield f"unanswered_{k}", {
                "kind": "delay", "duration": self._by_site(lambda s: rules.spacing.at(s), "duration"),
                "done": self._by_site(then(k), "to"), "event": _reminder("unanswered"),
            }  # fmt: skip
        yield "answered", {
            "kind": "delay", "duration": 0, "event": _reminder("answered"),
            "done": self._cases(lambda c, s: _share(self.channels[c].refused.at(s), "refused", "notice"), "to"),
        }  # fmt: skip

    def _first_interview(self) -> Iterator[tuple[str, Row]]:
        c, after = self.model.counsellors, self.model.follow_up.after_meeting
        yield "notice", {
            "kind": "delay", "duration": self._by_site(lambda s: c.notice.at(s), "duration"), "done": "first_queue",
        }  # fmt: skip
        yield "first_queue", {
            "kind": "wait", "pool": "interviews", "priority": self.new, "done": "first_appointment", "event": _interview("planned"),
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
            "kind": "delay", "duration": 0, "done": [*(duplicates if has_duplicates else []), *shows_up("entered")],
        }  # fmt: skip
        yield "first_missed", {
            "kind": "delay", "duration": self._by_site(lambda s: c.rebooking.at(s), "duration"), "event": _interview("absent"),
            "done": self._by_site(lambda s: {"first_queue": c.rebooked.at(s), "not_reached": 1 - c.rebooked.at(s)}, "to"),
        }  # fmt: skip
        if has_duplicates:
            yield "duplicate", {"kind": "exit"}
        yield "entered", {
            "kind": "delay", "duration": 0, "mark": "entered", "event": _interview("attended"), "situation": "jobseeker",
            "done": self._by_site(
                lambda s: {"gap": 1 - after.single_contact.at(s), "silent_0": after.single_contact.at(s)}, "to"),
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
            "event": _interview("planned"),
        }  # fmt: skip
        yield "follow_up_appointment", {
            "kind": "delay", "duration": 0,
            "done": self._by_site(lambda s: {"meeting": 1 - c.no_show.at(s), "missed": c.no_show.at(s)}, "to"),
        }  # fmt: skip
        yield "missed", {
            "kind": "delay", "event": _interview("absent"),
            "duration": self._by_site(lambda s: c.rebooking.at(s), "duration"),
            "done": self._by_site(lambda s: {"follow_up_queue": c.rebooked.at(s), "silent_0": 1 - c.rebooked.at(s)}, "to"),
        }  # fmt: skip
        yield "meeting", {
            "kind": "delay", "duration": 0, "event": _interview("attended"), "done": self._by_site(self._after_meeting, "to"),
        }  # fmt: skip
        yield "project", {"kind": "delay", "duration": 0, "situation": "project", "done": "gap"}

    def _after_meeting(self, site: str) -> Row:
        after = self.model.follow_up.after_meeting
        weights = {code: s.weight.at(site) for code, s in self.model.solutions.items()}
        found, total = after.solution.at(site), sum(weights.values())
        ways = {
            "silent_0": after.falls_silent.at(site), "abandoned": after.abandons.at(site),
            **{f"in_{code}": found * weight / total for code, weight in weights.items()},
            "project": after.project.at(site), "moved": after.moved.at(site), "administrative": after.administrative.at(site),
            "illness": after.illness.at(site), "prison": after.prison.at(site),
        }  # fmt: skip
        return {**ways, "gap": max(0.0, 1 - sum(ways.values()))}

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
                **({"event": _reminder("unanswered")} if k else {}),
            }  # fmt: skip
        effect = self.model.outreach.officer_effect
        for k in range(1, self._reactivations() + 1):

            def answer(s: str, k: int = k) -> Row:
                back = min(1.0, f.reactivated.at(s) * effect.at(s))
                return {"reactivated": back, f"no_answer_{k}": 1 - back}

            yield (
                f"reactivation_{k}",
                {"kind": "delay", "duration": 0, "latent": "disengaged", "done": self._by_site(answer, "to")},
            )
            yield f"no_answer_{k}", {
                "kind": "delay", "latent": "disengaged", "event": _reminder("unanswered"),
                "duration": self._by_site(lambda s: self.model.outreach.spacing.at(s), "duration"),
                "done": self._after_threshold(k + 1),
            }  # fmt: skip
        yield "decision", {
            "kind": "delay", "duration": 0, "latent": "disengaged",
            "done": self._by_site(lambda s: _share(f.recorded_abandoned.at(s), "abandoned", "out_of_sight"), "to"),
        }  # fmt: skip
        yield "out_of_sight", {
            "kind": "delay", "latent": "disengaged", "done": "returned",
            "duration": self._by_site(lambda s: _mean(f.returns_late, s), "duration"),
        }  # fmt: skip
        if self._reactivations():
            yield "reactivated", {
                "kind": "delay", "duration": 0, "event": _reminder("answered"), "done": "follow_up_queue",
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
            yield code, {"kind": "exit", "situation": code}

    def _ordinary(self) -> Iterator[tuple[str, Row]]:
        """The people already followed and the ordinary newcomers: appointments, until they leave."""
        load, c, f = self.model.caseload, self.model.counsellors, self.model.follow_up
        followed = any(load.youths.at(s) > 0 for s in self.sites)
        if not followed and not any(load.newcomers.at(s) > 0 for s in self.sites):
            return
        if followed:
            # Met at a random moment of their rhythm, so what is left until the next appointment is spread over it.
            yield "followed_before", {
                "kind": "delay", "duration": self._by_site(lambda s: _mean(load.gap, s), "duration"), "done": "ordinary_queue",
            }  # fmt: skip
        yield "ordinary_queue", {
            "kind": "wait", "pool": "interviews", "priority": self.later, "done": "ordinary_appointment",
            "event": _interview("planned"),
        }  # fmt: skip
        yield "ordinary_appointment", {
            "kind": "delay", "duration": 0, "done": self._by_site(lambda s: {
                "ordinary_meeting": 1 - c.no_show.at(s), "ordinary_missed": c.no_show.at(s)}, "to"),
        }  # fmt: skip
        yield "ordinary_missed", {
            "kind": "delay", "duration": self._by_site(lambda s: c.rebooking.at(s), "duration"), "event": _interview("absent"),
            "done": "ordinary_queue",
        }  # fmt: skip
        yield "ordinary_meeting", {
            "kind": "delay", "duration": 0, "event": _interview("attended"), "situation": "follow_up",
            "done": self._by_site(lambda s: {"ordinary_left": load.leaves.at(s), "ordinary_gap": 1 - load.leaves.at(s)}, "to"),
        }  # fmt: skip
        yield "ordinary_gap", {
            "kind": "delay", "done": "ordinary_queue", "duration": self._by_site(
                lambda s: {"family": "lognormal", "median": load.gap.at(s), "sigma": f.gap_spread.at(s)}, "duration"),
        }  # fmt: skip
        yield "ordinary_left", {"kind": "exit"}


def _share(share: float, state: str, other: str) -> Row:
    return {state: share, other: 1 - share}


def _reminder(outcome: str) -> Mapping[str, str]:
    return {"kind": "reminder", "outcome": outcome, "direction": "outgoing"}


def _interview(outcome: str) -> Mapping[str, str]:
    return {"kind": "interview", "outcome": outcome}
