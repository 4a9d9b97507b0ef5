"""Which exit is the event, which compete, which censor, from which origin on which clock: spells in, times to event out.

Not an estimator, and not a rule of silence: every exit present must be named here, so that none is decided by accident.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import Fault, InputError
from evalkit.spells import AT_RISK, CENSORED, INTERIOR, Spells, leads_to
from evalkit.timetoevent import TimeToEvent
from evalkit.vocabulary import Vocabulary
from evalkit.wording import Message, catalogue, message

CLOCKS = ("entry", "calendar", "gap")
#: Where time starts: the origin of the spells, or the beginning of a stay in a state other than the one at risk.
ORIGINS = ("entry", "disengaged", "solution", "interruption")
UNKNOWNS = ("event", "censored", "competing")
UNKNOWN = "unknown"
#: Classes of the vocabulary that stand for all their exits, as one cause.
_CLASSES = ("solution", "interruption", "exit", "engaged")


class Bounds(NamedTuple):
    """The two extremes that unknown situations leave open for the event."""

    low: TimeToEvent
    high: TimeToEvent


@dataclass(frozen=True)
class Endpoint:
    """What is counted, from spells.

    Parameters
    ----------
    event : str
        The exit of interest: a code, or a class of the vocabulary ("solution", "interruption", "exit") standing for all
        its codes as one cause.
    competing : sequence of str
        Exits that prevent the event; each code or class is a cause of its own.
    censored : sequence of str
        Exits treated as an end of observation, besides the end of observation itself.
    paused : sequence of str
        Exits after which a person may come back within the episode and is then at risk again: illness and prison interrupt.
    origin : {"entry", "disengaged", "solution", "interruption"}
        "entry": the origin of the spells, at risk in the state of their clock. A state: at risk in that state, each stay
        from its own beginning when `clock` is "gap" (time to resuming contact, time in a solution).
    clock : {"entry", "gap", "calendar"}
        Days from the person's origin; from the start of each time at risk; from the earliest origin of all.
    recurrent : bool
        Keep every time at risk of a person, rather than the first only.
    horizon_days : float, optional
        Observation stops there: later exits are censored.
    unknown : {"event", "censored", "competing"}, optional
        What an unknown situation counts as. It must be said when there are any: see `bounds`.

    Notes
    -----
    On the engagement clock the first day of a stay is a day at risk: a stay that begins on day b > 0 (a return from a
    solution, a contact resumed) is observed on (b − ½, stop], so that a loss on its first day has a risk set. At the origin
    day 0 is included as it is. The two clocks before entry have a true delayed entry, and no such half day.

    Raises
    ------
    InputError
        If an argument is wrong, or a cause is named twice.

    Examples
    --------
    >>> sp = Spells(pd.DataFrame({
    ...     "person": ["a", "b", "c"], "episode": 0, "state": "engaged", "start": 0, "stop": [40, 0, 70],
    ...     "origin": pd.Timestamp("2010-06-01"), "exit": ["employment", "disengaged", "censored"],
    ... }))
    >>> Endpoint("disengaged", competing=["solution"]).of(sp)
    TimeToEvent: 3 rows (1 censored, 1 disengaged, 1 solution), 0 to 70 days
    """

    event: str
    competing: Sequence[str] = ()
    censored: Sequence[str] = ()
    origin: str = "entry"
    clock: str = "entry"
    recurrent: bool = False
    horizon_days: float | None = None
    paused: Sequence[str] = ()
    unknown: str | None = None

    def __post_init__(self) -> None:
        faults = []
        for name in ("competing", "censored", "paused"):
            value = getattr(self, name)
            if isinstance(value, str):
                faults.append(f"{name}: give a list, [{value!r}], not a text")
                value = (value,)
            object.__setattr__(
                self, name, tuple(v for v in value if not (name == "censored" and v == CENSORED))
            )
        named = (self.event, *self.competing, *self.censored, *self.paused)
        twice = sorted({n for n in named if named.count(n) > 1})
        if twice:
            faults.append(f"exits: {', '.join(twice)} named more than once; an exit has one meaning")
        if CENSORED in named:
            faults.append("exits: 'censored' is the end of observation and can be nothing else")
        for name, allowed in (("origin", ORIGINS), ("clock", CLOCKS), ("unknown", (None, *UNKNOWNS))):
            if getattr(self, name) not in allowed:
                said = ", ".join(str(a) for a in allowed)
                faults.append(f"{name}: must be one of {said}, but was {getattr(self, name)!r}")
        if self.horizon_days is not None and not self.horizon_days > 0:
            faults.append(f"horizon_days: must be above 0, but was {self.horizon_days!r}")
        if faults:
            raise InputError([Fault({"en": f}) for f in faults])

    def of(self, spells: Spells) -> TimeToEvent:
        """Return the times at risk and how each ended.

        Raises
        ------
        InputError
            If an exit present is not named (with counts and a suggestion), if unknown situations are not decided, or if a
            covariate came after the origin.
        """
        _refuse_acquired(spells)
        meaning = self._meaning(spells)
        rows, lost = self._at_risk(spells, meaning)
        causes = tuple(dict.fromkeys(cause for cause in meaning.values() if cause))
        number = {code: causes.index(cause) + 1 if cause else 0 for code, cause in meaning.items()}
        rows = rows.assign(_cause=rows["exit"].map({**number, CENSORED: 0, INTERIOR: 0}).astype(np.int64))
        rows["_entry"], rows["_time"] = self._times(spells, rows)
        if self.horizon_days is not None:
            rows = rows[rows["_entry"] < self.horizon_days].reset_index(drop=True)
            rows["_cause"] = rows["_cause"].where(rows["_time"] <= self.horizon_days, 0)
            rows["_time"] = rows["_time"].clip(upper=self.horizon_days)
        return TimeToEvent(
            time=rows["_time"].to_numpy(),
            cause=rows["_cause"].to_numpy(),
            causes=causes,
            entry=rows["_entry"].to_numpy() if (rows["_entry"] > 0).any() else None,
            id=rows["person"].to_numpy(),
            covariates=rows[[c for c in rows if c in ("person", "episode") or c in spells.covariates]],
            clock=self.clock,
            question=message("endpoint.question", event=_label(self.event, spells.vocabulary)),
            rule=(*spells.rule, *self._words(spells, rows, lost), *spells.caveats),
            provenance=spells.provenance,
            horizon=self.horizon_days,
            labels={
                **spells.labels,
                **{c: x for c in causes if isinstance(x := _label(c, spells.vocabulary), dict)},
            },
        )

    def bounds(self, spells: Spells) -> Bounds:
        """Return the times to event with every unknown situation counted first as never the event, then as the event."""
        return Bounds(
            low=dataclasses.replace(self, unknown="competing").of(spells),
            high=dataclasses.replace(self, unknown="event").of(spells),
        )

    # -- inside ------------------------------------------------------------------------------------------------------
    def _meaning(self, spells: Spells) -> dict[str, str | None]:
        """Return the cause of each exit code, "" for one that censors, None for one that pauses; causes as declared."""
        vocabulary, present = spells.vocabulary, set(spells.frame["exit"]) - {INTERIOR, CENSORED}
        named: list[tuple[str, str | None]] = [(n, n) for n in (self.event, *self.competing)]
        named += [(n, "") for n in self.censored] + [(n, None) for n in self.paused]
        own = {n for n, _ in named}
        meaning: dict[str, str | None] = {}
        faults = []
        for name, cause in named:
            codes = _codes(name, vocabulary, present)
            if not codes:
                faults.append(
                    Fault({"en": f"exits: {name!r} is no exit; {_nearest(name, vocabulary, present)}"})
                )
            # A code named by itself goes before the class it belongs to.
            meaning |= {code: cause for code in codes if code == name or code not in own}
        undecided = vocabulary.codes("status", UNKNOWN)
        if self.unknown and own.intersection(undecided):
            faults.append(
                Fault({"en": f"unknown: named among the exits and by unknown={self.unknown!r}; say it once"})
            )
        if faults:
            raise InputError(faults)
        if self.unknown:
            said = {"event": self.event, "competing": UNKNOWN, "censored": ""}[self.unknown]
            meaning |= dict.fromkeys(undecided, said)
        return meaning

    def _at_risk(self, spells: Spells, meaning: dict[str, str | None]) -> tuple[pd.DataFrame, int]:
        """Return the rows at risk with the time at risk (`_run`) each belongs to, and how many people left during a pause."""
        frame = spells.frame
        state = AT_RISK[spells.clock] if self.origin == "entry" else self.origin
        here = (frame["state"] == state).to_numpy(dtype=bool)
        if not here.any():
            raise InputError(
                f"origin: nobody is ever in the state {state!r}, only in {sorted(set(frame['state']))}"
            )
        _refuse_unnamed(spells.vocabulary, frame.loc[here, "exit"], meaning)
        pausing = [code for code, cause in meaning.items() if cause is None]
        away = (
            frame["state"].isin([leads_to(code, spells.vocabulary) for code in pausing]).to_numpy(dtype=bool)
            & ~here
        )
        back = [c for c in set(frame["exit"]) if leads_to(c, spells.vocabulary) == state]
        paused = frame["exit"].isin(pausing).to_numpy(dtype=bool)
        returns = away & (paused | frame["exit"].isin(back).to_numpy(dtype=bool))
        joined = (frame["exit"] == INTERIOR).to_numpy(dtype=bool) | (here & paused) | returns
        follows = frame["person"].eq(frame["person"].shift()).to_numpy(dtype=bool)
        goes_on = follows & np.insert(joined[:-1], 0, False)
        run = np.cumsum(~goes_on)
        lost = away & goes_on & ~joined & (frame["exit"] != CENSORED).to_numpy(dtype=bool)
        rows = frame.assign(_run=run, _fresh=spells.fresh)[here].reset_index(drop=True)
        if not self.recurrent:
            rows = rows[
                rows["_run"] == rows.groupby("person", sort=False)["_run"].transform("first")
            ].reset_index(drop=True)
        return rows, int(np.isin(run[lost], rows["_run"]).sum())

    def _times(self, spells: Spells, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return entry and time on the clock of the endpoint."""
        if self.clock == "gap":
            shift = -rows.groupby("_run", sort=False)["start"].transform("first")
        elif self.clock == "calendar":
            shift = (rows["origin"] - rows["origin"].min()) / pd.Timedelta(days=1)
        else:
            shift = pd.Series(0.0, index=rows.index)
        entry, time = (
            (rows["start"] + shift).to_numpy(dtype=float),
            (rows["stop"] + shift).to_numpy(dtype=float),
        )
        delayed = (spells.clock == "wandering") & (rows["start"] > 0).to_numpy(dtype=bool)
        # Half a day: the first day of a stay is a day at risk (Notes of the class).
        first_day = rows["_fresh"].to_numpy(dtype=bool) & ~delayed & (entry > 0)
        return np.where(first_day, entry - 0.5, entry), time

    def _words(self, spells: Spells, rows: pd.DataFrame, lost: int) -> list[Message]:
        """Return the endpoint as sentences."""
        vocabulary = spells.vocabulary
        said = [message("endpoint.event", event=_label(self.event, vocabulary))]
        for name in ("competing", "censored", "paused"):
            exits = getattr(self, name)
            if exits:
                said.append(message(f"endpoint.{name}", exits=[_label(e, vocabulary) for e in exits]))
        if lost:
            said.append(message("endpoint.left_during_pause", n=Headcount(lost)))
        n_unknown = int(rows["exit"].isin(vocabulary.codes("status", UNKNOWN)).sum())
        if self.unknown and n_unknown:
            said.append(message(f"endpoint.unknown_{self.unknown}", n=Headcount(n_unknown)))
        if spells.frame["episode"].max() > 0 or self.recurrent:
            said.append(message("endpoint.recurrent" if self.recurrent else "endpoint.first"))
        if self.clock == "calendar":
            said.append(message("endpoint.clock_calendar", date=rows["origin"].min()))
        elif self.clock == "gap":
            said.append(message("endpoint.clock_gap"))
        if self.horizon_days is not None:
            said.append(message("endpoint.horizon", days=self.horizon_days))
        return said


def _refuse_acquired(spells: Spells) -> None:
    faults = []
    for name in sorted(spells.acquired):
        dated = f"spells.split_by({name!r}) dates it; " if name in spells.tracks else ""
        faults.append(Fault({
            "en": f"covariates: {name!r} came after the origin, so that its holders could not have left before it came (immortal "
            f"time); {dated}spells.landmark(day) takes what was known on a day; spells.without({name!r}) leaves it out"
        }))  # fmt: skip
    if faults:
        raise InputError(faults)


def _refuse_unnamed(vocabulary: Vocabulary, exits: pd.Series, meaning: dict[str, str | None]) -> None:
    counts = exits[~exits.isin([INTERIOR, CENSORED, *meaning])].value_counts()
    faults = [
        Fault(
            {"en": f"exits: {n} spells end with {code!r}, which is not named; {_advice(code, vocabulary)}"},
            count=int(n),
        )
        for code, n in counts.items()
    ]
    if faults:
        raise InputError(faults)


def _advice(code: str, vocabulary: Vocabulary) -> str:
    term = vocabulary.term("status", code)
    klass = term.klass if term else None
    if klass == UNKNOWN:
        return "it is neither event nor censoring: say unknown='event', 'competing' or 'censored', or use bounds()"
    if klass == "interruption":
        return f"name it in paused (at risk again on return) or competing, alone or as the class {klass!r}"
    if klass in _CLASSES:
        return f"name it in competing (or, as a sensitivity, censored), alone or as the class {klass!r}"
    return "name it in competing (or, as a sensitivity, censored)"


def _codes(name: str, vocabulary: Vocabulary, present: set[str]) -> tuple[str, ...]:
    """Return the exit codes a name stands for: itself, or all of its class."""
    if name in present or any(vocabulary.term(group, name) for group in ("exit", "status")):
        return (name,)
    if name in _CLASSES:
        return (*vocabulary.codes("status", name), *vocabulary.codes("exit", name))
    return ()


def _nearest(name: str, vocabulary: Vocabulary, present: set[str]) -> str:
    known = sorted({*vocabulary.codes("status"), *vocabulary.codes("exit"), *_CLASSES, *present} - {CENSORED})
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _label(name: str, vocabulary: Vocabulary) -> dict[str, str] | str:
    """Return the labels of an exit or of a class of exits; a code nobody labelled stands for itself."""
    term = vocabulary.term("exit", name) or vocabulary.term("status", name)
    if term:
        return term.labels
    return catalogue("endpoint").get(f"class_{name}", name)
