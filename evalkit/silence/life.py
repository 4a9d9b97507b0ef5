"""One person's days in order: engaged, silent, back, in a solution, gone; the rules of time stand here and nowhere else.

Not a reader of records: days are whole numbers from the entry interview, already sorted out by `engagement`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evalkit.spells import CENSORED

#: A recorded decision, kept beside the computed silence: the earlier of the two ends the spell.
RECORDED = "abandoned"
UNKNOWN = "unknown"
DISENGAGED = "disengaged"
REENGAGED = "reengaged"
#: What a person returns to when a solution or an interruption ends and nothing else is recorded.
RETURNED = "follow_up"
#: Kinds of mark, in the order in which those of one day are taken.
CONTACT, BOOKING, STATUS = 0, 1, 2

#: (day, kind, what): a contact (None), a booking (day of the appointment), a situation begun (class, code).
Mark = tuple[int, int, Any]
#: (episode, state, start, stop, exit)
Stay = tuple[int, str, int, int, str]


class Life:
    """Reads one person's marks into stays.

    Parameters
    ----------
    days : int
        A silence of so many full days without contact is disengagement: the next contact comes on day ``days + 1`` or later.
    at_threshold : bool
        Date disengagement when the silence has lasted `days`, rather than when it began.

    Notes
    -----
    The silence begins at the later of the last contact, the end of the last solution or interruption, and the date of the
    last appointment booked ahead; each of these starts the count anew.
    """

    __slots__ = (
        "abandoned", "at_threshold", "days", "disengaged", "episode", "held", "last", "last_contact", "open_since",
        "pending", "spared", "state", "stays",
    )  # fmt: skip

    def __init__(self, days: int, at_threshold: bool):
        self.days, self.at_threshold = days, at_threshold
        self.state: str | None = "engaged"
        self.episode = self.open_since = self.last = self.last_contact = 0
        self.held = -1
        #: A recorded decision or an unknown situation: what it means depends on what follows.
        self.pending: tuple[int, str] | None = None
        self.stays: list[Stay] = []
        #: Episode to the day, both kept.
        self.disengaged: dict[int, int] = {}
        self.abandoned: dict[int, int] = {}
        #: Starts of silences that would have been disengagement without an appointment ahead.
        self.spared: set[int] = set()

    @property
    def silent_since(self) -> int:
        """The day the present silence began."""
        return max(self.last, self.held)

    def read(self, marks: Iterable[Mark], end: int) -> None:
        """Take the marks in order, up to the end of observation."""
        for day, kind, what in marks:
            self._let_silence_run(day)
            if kind == CONTACT:
                self._contact(day)
            elif kind == BOOKING:
                self.held = max(self.held, what)
            else:
                self._situation(day, *what)
        self._let_silence_run(end + 1)
        self._settle()
        if self.state is not None:
            self._leave(end, CENSORED, None)

    # -- what a mark does --------------------------------------------------------------------------------------------
    def _contact(self, day: int) -> None:
        if self.pending and self.pending[1] == UNKNOWN:
            self.pending = None  # in contact, so engaged, whatever the situation
        self._settle()
        if self.state == DISENGAGED:
            self._leave(day, REENGAGED, "engaged")
        elif self.state is None:
            self._return(day, "engaged")
        self.last_contact = day
        if self.state == "engaged":
            self.last = day

    def _situation(self, day: int, klass: str, code: str) -> None:
        if klass == UNKNOWN:
            self._lose_sight(day)
            return
        if self.pending and self.pending[1] == UNKNOWN:
            self.pending = None  # resolved by what is now recorded
        self._settle()
        if klass in ("solution", "interruption"):
            if self.state is None:
                self._return(day, klass)
            else:
                self._leave(day, code, klass)
        elif klass == "engaged":
            self._resume(day, code)
        elif code == RECORDED and self.state in ("engaged", DISENGAGED):
            self.abandoned.setdefault(self.episode, day)
            if self.state == "engaged":
                self.pending = (day, code)
        elif self.state is not None:
            self._leave(day, code, None)

    def _resume(self, day: int, code: str) -> None:
        """A recorded engaged situation ends a solution or an absence; it is no contact, and ends no silence."""
        if self.state in ("solution", "interruption"):
            self._leave(day, code, "engaged")
            self.last = day
        elif self.state is None:
            self._return(day, "engaged")

    def _lose_sight(self, day: int) -> None:
        if self.state == "engaged":
            self.pending = self.pending or (day, UNKNOWN)
        elif self.state in ("solution", "interruption"):
            self._leave(day, UNKNOWN, None)

    # -- how stays end -----------------------------------------------------------------------------------------------
    def _let_silence_run(self, day: int) -> None:
        """Disengage a person whose silence lasted before `day`."""
        if self.state != "engaged":
            return
        since = self.silent_since
        if day <= since + self.days:
            if day > self.last + self.days:
                self.spared.add(self.last)
            return
        when = since + self.days if self.at_threshold else since
        at, code = self.pending or (None, None)
        if code != UNKNOWN:
            self.disengaged[self.episode] = when
        if at is None or (code == RECORDED and when < at):
            self.pending = None
            self._leave(when, DISENGAGED, DISENGAGED)
        else:
            self._settle()

    def _settle(self) -> None:
        """Let a recorded decision or an unknown situation that nothing has resolved end the stay."""
        if self.pending:
            (day, code), self.pending = self.pending, None
            self._leave(day, code, None)

    def _leave(self, day: int, code: str, state: str | None) -> None:
        self.stays.append((self.episode, self.state or "", self.open_since, day, code))
        # Leaving disengagement opens a new episode, a return from an exit too.
        if self.state == DISENGAGED and state is not None:
            self.episode += 1
        self.state, self.open_since = state, day

    def _return(self, day: int, state: str) -> None:
        self.episode += 1
        self.state, self.open_since, self.last = state, day, day


def cut(stays: list[Stay], close: int) -> list[Stay]:
    """Return the stays up to the closing day: everybody still somewhere is censored there, nothing lies after it.

    A stay of the engaged state that begins on the closing day is kept, without length: its first day is a day at risk.
    """
    kept = []
    for i, (episode, state, start, stop, code) in enumerate(stays):
        if start > close or (start == close and not (state == "engaged" or i == 0)):
            continue
        kept.append((episode, state, start, min(stop, close), code if stop <= close else CENSORED))
    return kept
