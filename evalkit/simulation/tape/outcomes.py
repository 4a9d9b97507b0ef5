"""What a play comes to: how many spotted, eliminated, mobilised, in which situation on a day, after what wait.

Not an estimate with its error (see `replicate`), and counted from the tape's own people, so that nobody is counted twice.
"""

from __future__ import annotations

import datetime as dt
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
    # Counted once, then compared with every other scenario's: kept with the tape.
    if upto not in tape.known_lives:
        tape.known_lives[upto] = _lives(tape, upto)
    return tape.known_lives[upto]


def _lives(tape: Tape, upto: int) -> Lives:
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
    if len(rows):
        situation[_Silence(tape).holding(rows, upto)] = "disengaged"
    return situation


class _Silence:
    """The rule of `evalkit.silence` with appointments pausing the count, told from stays: kept light, since it is asked in every
    play; a test holds it to the rule itself."""

    def __init__(self, tape: Tape):
        words, states = tape.pathway.vocabulary, list(tape.pathway.tables.states.values())
        reached, meeting = words.codes("outcome", "reached"), words.codes("act", "meeting")
        paused = words.codes("status", ("solution", "interruption"))
        self.days = tape.pathway.tables.silence
        self.waits = np.array([s.kind == "wait" and s.event is not None for s in states])
        self.contact = np.array([s.event is not None and s.event.outcome in reached for s in states])
        self.missed = np.array([
            s.event is not None and s.event.kind in meeting and s.event.outcome not in reached for s in states
        ])  # fmt: skip
        self.has_situation = np.array([bool(s.situation) for s in states])
        self.pauses = np.array([s.situation in paused for s in states])

    def holding(self, rows: np.ndarray, upto: int) -> np.ndarray:
        """Return which records are disengaged when `upto` comes, from their stays in order."""
        person, state, start, stop = rows[:, 0], rows[:, 2], rows[:, 4], rows[:, 5]
        at = np.arange(len(rows))
        first = np.maximum.accumulate(np.where(np.diff(person, prepend=-1) != 0, at, 0))

        def last(flag: np.ndarray, before: bool) -> np.ndarray:
            """Return the last row of the record so far (before this one, or up to it) where the flag holds, -1 for none."""
            found = np.maximum.accumulate(np.where(flag, at, -1))
            found = np.concatenate([[-1], found[:-1]]) if before else found
            return np.where(found >= first, found, -1)

        waits, contact, missed = (
            self.waits[state],
            self.contact[state] & ~self.waits[state],
            self.missed[state],
        )
        # Whoever is in a solution or an interruption is not silent: the count begins again when that changes.
        told = contact | (self.has_situation[state] & ~waits)
        paused = last(told, before=True)
        paused = (paused >= 0) & self.pauses[state[paused]]
        heard = contact | (told & (paused != self.pauses[state]))
        missed = missed & ~waits & ~heard
        since = last(heard | missed, before=True)
        since = np.where(since >= 0, start[since], 0)
        booked = last(waits, before=True)
        booked = np.where(booked >= 0, start[booked], -1)
        too_long = missed & self._long(since, booked)
        ends = np.append(np.flatnonzero(np.diff(person)), len(rows) - 1)
        out = last(too_long, before=False)[ends] > last(heard, before=False)[ends]
        newest = last(heard | missed, before=False)[ends]
        newest = np.where(newest >= 0, start[newest], 0)
        # An appointment that lies ahead pauses the count on the day on which it was booked.
        ahead = waits[ends] & (stop[ends] >= upto)
        return person[ends[out | self._long(newest, np.where(ahead, start[ends], upto - 1))]]

    def _long(self, since: np.ndarray, now: np.ndarray) -> np.ndarray:
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


@dataclass(frozen=True, eq=False)
class Margins:
    """By what, which level, and whom each level holds: ones and zeros, shape (levels, people)."""

    names: tuple[tuple[str, str], ...]
    members: np.ndarray

    @classmethod
    def of(cls, given: Sequence[tuple[str, str, np.ndarray]]) -> Margins:
        """Stack the levels, so that one product counts all of them; counts are exact far beyond any play."""
        return cls(
            tuple((by, level) for by, level, _ in given), np.array([m for _, _, m in given], dtype=np.float64)
        )


def _margins(tape: Tape, people: Lives) -> Margins:
    plan, tables = tape.plan, tape.pathway.tables
    everybody = np.ones(len(people.person), dtype=bool)
    out = [("", "", everybody)]
    out += [("site", site, people.site == k) for k, site in enumerate(plan.sites)]
    for s, (name, source) in enumerate(tables.sources.items()):
        if source.programme:
            out.append(("channel", source.channel or name, people.channel == s))
    for name, attribute in tables.attributes.items():
        if attribute.recorded:
            out += [(name, level, people.traits[name] == level) for level in attribute.levels]
    return Margins.of(out)


def _counted(outcome: str, part: str, who: np.ndarray, margins: Margins) -> Iterator[Row]:
    found = margins.members @ who
    for (by, level), count in zip(margins.names, found.tolist(), strict=True):
        yield outcome, part, by, level, count


def _averaged(outcome: str, part: str, days: np.ndarray, who: np.ndarray, margins: Margins) -> Iterator[Row]:
    for (by, level), member in zip(margins.names, margins.members, strict=True):
        mine = who & (member > 0)
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
        margins = Margins.of(
            [
                ("", "", here),
                *[("site", name, here & (site == k)) for k, name in enumerate(plan.sites)],
            ]
        )
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
