"""What a play comes to: how many spotted, eliminated, mobilised, in which situation on a day, after what wait.

Not an estimate with its error (see `replicate`), and counted from the tape's own people, so that nobody is counted twice.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.simulation.engines.stays import BALKED, DONE, LATE, LEFT
from evalkit.simulation.luck.population import DUPLICATE
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.plan.numbers import WAIT
from evalkit.simulation.tape.days import played_day

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape

#: The keys of one output: what, which part of it, by what, at which level (empty: over everybody).
KEYS = ("outcome", "part", "by", "level")


@dataclass(frozen=True)
class Lives:
    """The programme's people on a day, one row per person: duplicate records are left out, their person is here once.

    Parameters
    ----------
    person : uint64 array
        Identities, sorted.
    site, channel : int64 arrays
        Positions in the plan's sites and sources; the channel is the one that brought the person first.
    spotted, entered : int64 arrays
        Ticks, -1 when it has not happened by the end of the day.
    elimination, situation : object arrays
        Codes; the situation of those who entered: as recorded, or ``disengaged`` after so many days of silence.
    traits : mapping of str to object array
    """

    person: np.ndarray
    site: np.ndarray
    channel: np.ndarray
    spotted: np.ndarray
    entered: np.ndarray
    elimination: np.ndarray
    situation: np.ndarray
    traits: Mapping[str, np.ndarray]


def lives(tape: Tape, until: dt.date | str | None = None) -> Lives:
    """Return where each of the programme's people stands at the end of a day.

    Parameters
    ----------
    tape : Tape
    until : date
        The pathway's closing day by default, else the last day played.
        Somebody without solution is disengaged after the pathway's `silence` in days without contact, unless an appointment is
        booked.
    """
    upto = end_of(tape, until)
    people, plan = tape.people, tape.plan
    states = list(tape.pathway.tables.states.values())
    programme = np.array([s.programme for s in tape.pathway.tables.sources.values()])
    spotted = tape.spotted
    spotted = np.where(spotted < upto, spotted, -1)
    entered = tape.first(tape.rows(mark="entered"))
    entered = np.where(entered < upto, entered, -1)
    mine = np.flatnonzero(
        programme[people.own_source] & (people.codes["record"] != DUPLICATE) & (spotted >= 0)
    )

    elimination = np.full(len(people), "", dtype=object)
    # Whoever resumes after having been preempted enters nothing anew.
    log = tape.log[(tape.log[:, 4] < upto) & ~tape.resumed]
    coded = np.array([s.eliminated or "" for s in states], dtype=object)[log[:, 2]]
    out = coded != ""
    elimination[log[out, 0]] = coded[out]
    situation = _situations(tape, log, upto)
    situation[entered < 0] = ""
    return Lives(
        people.identity[mine], people.codes["site"][mine], people.spotted_by[mine], spotted[mine], entered[mine],
        elimination[mine], situation[mine],
        {n: np.array(plan.levels[n], dtype=object)[people.codes[n][mine]] for n in plan.tables.attributes},
    )  # fmt: skip


def end_of(tape: Tape, until: dt.date | str | None) -> int:
    return tape.plan.tick(played_day(tape, until, "until", tape.closing)) + TICKS_PER_DAY


def _situations(tape: Tape, log: np.ndarray, upto: int) -> np.ndarray:
    """Return each record's situation: the last one recorded, unless it is at risk and silent for too long."""
    states, words = list(tape.pathway.tables.states.values()), tape.pathway.vocabulary
    situation = np.full(len(tape.people), "", dtype=object)
    coded = np.array([s.situation or "" for s in states], dtype=object)[log[:, 2]]
    new = coded != ""
    situation[log[new, 0]] = coded[new]
    at_risk = np.isin(situation, words.codes("status", "engaged"))
    rows = log[at_risk[log[:, 0]]]
    bounds = np.append(np.flatnonzero(np.diff(rows[:, 0], prepend=-1)), len(rows))
    silence = _Silence(tape)
    for first, stop in itertools.pairwise(bounds.tolist()):
        if silence.holds(rows[first:stop, [2, 4, 5]].tolist(), upto):
            situation[rows[first, 0]] = "disengaged"
    return situation


class _Silence:
    """The rule of `evalkit.silence` with appointments pausing the count, told from stays: kept light, since it is asked in every
    play; a test holds it to the rule itself."""

    def __init__(self, tape: Tape):
        words, states = tape.pathway.vocabulary, list(tape.pathway.tables.states.values())
        reached, meeting = words.codes("outcome", "reached"), words.codes("act", "meeting")
        paused = words.codes("status", ("solution", "interruption"))
        self.days = tape.pathway.tables.silence
        self.waits = [s.kind == "wait" and s.event is not None for s in states]
        self.contact = [s.event is not None and s.event.outcome in reached for s in states]
        self.missed = [
            s.event is not None and s.event.kind in meeting and s.event.outcome not in reached for s in states
        ]
        self.situation = [s.situation for s in states]
        self.pauses = [s.situation in paused for s in states]

    def holds(self, stays: list[list[int]], upto: int) -> bool:
        """Return whether a record with these stays (state, first tick, last tick) is disengaged when `upto` comes."""
        since, out, paused, booked = 0, False, False, -1
        for state, start, stop in stays:
            if self.waits[state]:
                booked = start
                if stop >= upto:
                    return out or self._long(since, booked)
            elif self.contact[state] or (self.situation[state] and paused != self.pauses[state]):
                since, out, paused = start, False, self.pauses[state]
            elif self.missed[state]:
                out = out or self._long(since, booked)
                since = start
        return out or self._long(since, upto - 1)

    def _long(self, since: int, now: int) -> bool:
        return now // TICKS_PER_DAY - since // TICKS_PER_DAY >= self.days


def counts(tape: Tape, until: dt.date | str | None = None) -> pd.DataFrame:
    """Return the outputs of one play.

    Parameters
    ----------
    tape : Tape
    until : date
        Counted up to the end of this day; by default the closing day.

    Returns
    -------
    DataFrame
        outcome, part, by, level, value. People are counted once, by identity. Every level that could occur is there, at 0 if
        it did not; a mean over nobody is missing. Outcomes: spotted, eliminated (part: code), pending (spotted, neither
        eliminated nor entered), mobilised, situation (part: code, of those mobilised), in_solution, spotted_to_interview (days,
        among those mobilised), spotted_to_interview_restricted (days up to `until`, the never-mobilised included), wait_days
        (part: state; days of wait for a pool of those who joined its queue, those still waiting counted for what has passed),
        waiting, gave_up, served and, where a queue turns people away, balked (part: state; whoever is preempted waits, and is
        served, again), left (part: exit, records), duplicates (records).

    Examples
    --------
    >>> from evalkit.simulation import Pathway, play
    >>> shop = Pathway({
    ...     "start": "2024-01-01", "end": "2024-01-31", "pools": {"desk": {"weekly": 2}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 20}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
    ... })
    >>> table = counts(play(shop, seed=1))
    >>> table.set_index(["outcome", "part", "by"])["value"].loc[("waiting", "queue", "")].item()
    10.0
    """
    upto = end_of(tape, until)
    rows = [*_people_rows(tape, lives(tape, until), upto), *_wait_rows(tape, upto), *_record_rows(tape, upto)]
    return pd.DataFrame(rows, columns=[*KEYS, "value"])


Row = tuple[str, str, str, str, float]


def _people_rows(tape: Tape, people: Lives, upto: int) -> Iterator[Row]:
    tables, words = tape.pathway.tables, tape.pathway.vocabulary
    n, mobilised = len(people.person), people.entered >= 0
    gone = (people.elimination != "") & ~mobilised
    margins = _margins(tape, people)
    yield from _counted("spotted", "", np.ones(n, dtype=bool), margins)
    for code in dict.fromkeys(s.eliminated for s in tables.states.values() if s.eliminated):
        yield from _counted("eliminated", code, gone & (people.elimination == code), margins)
    yield from _counted("pending", "", ~mobilised & ~gone, margins)
    yield from _counted("mobilised", "", mobilised, margins)
    codes = dict.fromkeys(s.situation for s in tables.states.values() if s.situation)
    for code in [*codes, *(["disengaged"] if codes else [])]:
        yield from _counted("situation", code, people.situation == code, margins)
    solutions = words.codes("status", "solution")
    yield from _counted("in_solution", "", np.isin(people.situation, solutions), margins)
    days = (people.entered - people.spotted) / TICKS_PER_DAY
    yield from _averaged("spotted_to_interview", "", days, mobilised, margins)
    restricted = (np.where(mobilised, people.entered, upto) - people.spotted) / TICKS_PER_DAY
    yield from _averaged("spotted_to_interview_restricted", "", restricted, np.ones(n, dtype=bool), margins)


#: By what, and the membership of each level.
Margin = tuple[str, str, np.ndarray]


def _margins(tape: Tape, people: Lives) -> list[Margin]:
    plan, tables = tape.plan, tape.pathway.tables
    everybody = np.ones(len(people.person), dtype=bool)
    out: list[Margin] = [("", "", everybody)]
    out += [("site", site, people.site == k) for k, site in enumerate(plan.sites)]
    for s, (name, source) in enumerate(tables.sources.items()):
        if source.programme:
            out.append(("channel", source.channel or name, people.channel == s))
    for name, attribute in tables.attributes.items():
        if attribute.recorded:
            out += [(name, level, people.traits[name] == level) for level in attribute.levels]
    return out


def _counted(outcome: str, part: str, who: np.ndarray, margins: Sequence[Margin]) -> Iterator[Row]:
    for by, level, member in margins:
        yield outcome, part, by, level, float(np.sum(who & member))


def _averaged(
    outcome: str, part: str, days: np.ndarray, who: np.ndarray, margins: Sequence[Margin]
) -> Iterator[Row]:
    for by, level, member in margins:
        mine = who & member
        yield outcome, part, by, level, float(days[mine].mean()) if mine.any() else float("nan")


def _wait_rows(tape: Tape, upto: int) -> Iterator[Row]:
    plan, log = tape.plan, tape.log
    log = log[log[:, 4] < upto]
    site = tape.people.codes["site"][log[:, 0]]
    over = log[:, 5] < upto
    days = (np.minimum(log[:, 5], upto) - log[:, 4]) / TICKS_PER_DAY
    for s, row in enumerate(plan.rows):
        if row.kind != WAIT:
            continue
        here = log[:, 2] == s
        margins: list[Margin] = [
            ("", "", here),
            *[("site", name, here & (site == k)) for k, name in enumerate(plan.sites)],
        ]
        yield from _averaged("wait_days", plan.states[s], days, log[:, 6] != BALKED, margins)
        if row.balk_to >= 0:
            yield from _counted("balked", plan.states[s], over & (log[:, 6] == BALKED), margins)
        yield from _counted("served", plan.states[s], over & (log[:, 6] == DONE), margins)
        yield from _counted("gave_up", plan.states[s], over & (log[:, 6] == LATE), margins)
        yield from _counted("waiting", plan.states[s], ~over, margins)


def _record_rows(tape: Tape, upto: int) -> Iterator[Row]:
    plan, log = tape.plan, tape.log
    ended = log[(log[:, 6] == LEFT) & (log[:, 5] < upto)]
    left = np.bincount(ended[:, 2], minlength=len(plan.states))
    for s, name in enumerate(plan.states):
        if tape.pathway.tables.states[name].kind == "exit":
            yield "left", name, "", "", float(left[s])
    second = (tape.people.codes["record"] == DUPLICATE) & (tape.people.arrival < upto)
    yield "duplicates", "", "", "", float(second.sum())


def sooner(base: Tape, other: Tape, until: dt.date | str | None = None) -> pd.DataFrame:
    """Return how much sooner the same people are mobilised in `other` than in `base`, played with the same luck.

    The clock of each person starts on the first day on which either play spots them.

    Returns
    -------
    DataFrame
        outcome, part, by, level, value: ``sooner_paired`` (mean days gained among people mobilised in both plays),
        ``mobilised_in_both`` (how many), ``sooner_restricted`` (mean days gained up to `until` over everybody spotted in either
        play, those never mobilised counted up to `until`), ``gained`` and ``lost`` (people mobilised only in `other`, only in
        `base`).
    """
    upto = end_of(base, until)
    a, b = lives(base, until), lives(other, until)
    person = np.union1d(a.person, b.person)
    spotted, entered = [], []
    for one in (a, b):
        at = np.searchsorted(person, one.person)
        for column, into in ((one.spotted, spotted), (one.entered, entered)):
            whole = np.full(len(person), -1, dtype=np.int64)
            whole[at] = column
            into.append(whole)
    seen = [np.where(s >= 0, s, upto) for s in spotted]
    origin = np.minimum(*seen)
    both = (entered[0] >= 0) & (entered[1] >= 0)
    days = (entered[0] - entered[1]) / TICKS_PER_DAY
    held = [np.where(e >= 0, e, upto) - origin for e in entered]
    gain = (held[0] - held[1]) / TICKS_PER_DAY
    rows = [
        ("sooner_paired", float(days[both].mean()) if both.any() else float("nan")),
        ("mobilised_in_both", float(both.sum())),
        ("sooner_restricted", float(gain.mean()) if len(gain) else float("nan")),
        ("gained", float(((entered[0] < 0) & (entered[1] >= 0)).sum())),
        ("lost", float(((entered[0] >= 0) & (entered[1] < 0)).sum())),
    ]
    return pd.DataFrame([(name, "", "", "", value) for name, value in rows], columns=[*KEYS, "value"])
