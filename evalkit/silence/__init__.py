"""The rule that turns contacts into engagement and disengagement, stated in words wherever its results go.

Not a statistic: it says who was where and when; `Endpoint` says what is counted, the survival room estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit.errors import Fault, InputError
from evalkit.result import Result
from evalkit.silence.before_entry import wait_spells, wandering_spells
from evalkit.silence.compare import compare
from evalkit.silence.contacts import Contacts
from evalkit.silence.engagement import engagement_spells, today
from evalkit.silence.records import Records
from evalkit.spells import Spells
from evalkit.wording import Message, message

__all__ = ["Contacts", "Silence"]

DATINGS = ("last_contact", "threshold")
BOOKINGS = ("pauses", "counts")
#: A longer silence than a century is a slip: no follow-up is that long, and its dates could not be written.
LONGEST = 36_500
_CLOCKS = {"engagement": engagement_spells, "wandering": wandering_spells, "wait": wait_spells}


@dataclass(frozen=True)
class Silence:
    """When a person without contact counts as disengaged.

    Parameters
    ----------
    days : int
        Full days without contact: with 90, a contact on the 90th day is in time, on the 91st it is not.
    dated_at : {"last_contact", "threshold"}
        The day of the event. ``"last_contact"``: the day the silence began; everybody is then censored `days` before the
        closing date (or before the end of their own observation), since no later silence can be told from a short one.
        ``"threshold"``: `days` later; everybody is observed to the closing date, and the first `days` days are event-free
        by construction.
    booked : {"pauses", "counts"}
        Whether an appointment booked ahead stops the count until its date (a full waiting list must not create
        disengagement by itself). The day of booking is read from a column ``booked_on`` of the events. Without it, an
        appointment still planned is taken as booked at the contact before it, and a missed, cancelled or postponed one
        pauses only if the silence had not run out by its date.
    contacts : collection of str, or mapping of str to str, optional
        Which acts count, by code. A collection: these kinds only, each by the rule of its class. A mapping: the class by
        which a kind is judged instead of its own ("meeting": when attended; "exchange": when incoming, or answered;
        "outreach": when answered; "professional": never).
    comparisons : sequence of int
        Lengths of silence shown beside each other by `compare`.
    unconfirmed_days : int
        An open solution without confirmation or contact for longer than this before the closing date is flagged.

    Raises
    ------
    InputError
        Every argument that is wrong, at once.

    Examples
    --------
    >>> print(Silence().words()[1].text("en"))
    Disengaged: 90 days in a row without contact and outside any solution.
    >>> print(Silence(contacts={"family_contact": "exchange"}).words()[1].text("en"))
    Rule of contact particular to this analysis for: Contact with the family.
    """

    days: int = 90
    dated_at: str = "last_contact"
    booked: str = "pauses"
    contacts: Any = None
    comparisons: tuple[int, ...] = (60, 90, 120)
    unconfirmed_days: int = 180

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.contacts, Contacts):
            put(self, "contacts", Contacts(self.contacts))
        put(self, "comparisons", tuple(self.comparisons))
        faults = [
            f"{name}: must be a whole number of days from 1 to {LONGEST}, but was {value!r}"
            for name, value in (
                ("days", self.days), ("unconfirmed_days", self.unconfirmed_days), *(("comparisons", d) for d in self.comparisons),
            )
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST
        ]  # fmt: skip
        faults += [
            f"{name}: must be one of {', '.join(allowed)}, but was {value!r}"
            for name, value, allowed in (
                ("dated_at", self.dated_at, DATINGS),
                ("booked", self.booked, BOOKINGS),
            )
            if value not in allowed
        ]
        if faults:
            raise InputError([Fault({"en": f}) for f in faults])

    @classmethod
    def of(cls, rule: Silence | None) -> Silence:
        """Return `rule`, or the default rule for None.

        Raises
        ------
        InputError
            If it is anything else, a bare number of days for instance.
        """
        if rule is None:
            return cls()
        if not isinstance(rule, Silence):
            days = rule if isinstance(rule, int) and not isinstance(rule, bool) else 90
            raise InputError(f"silence: must be a Silence, but was {rule!r}; write Silence(days={days})")
        return rule

    def spells(self, fu: Records, clock: str = "engagement") -> Spells:
        """Return who was where from when to when on one of the three clocks.

        Parameters
        ----------
        fu : FollowUp
        clock : {"engagement", "wandering", "wait"}
            Days from the entry interview; from the last link with an institution (observed from spotting on); from spotting.
        """
        if clock not in _CLOCKS:
            raise InputError(f"clock: must be one of {', '.join(_CLOCKS)}, but was {clock!r}")
        return _CLOCKS[clock](fu, self)

    def today(self, fu: Records) -> pd.DataFrame:
        """Return where those who entered stand at the end of their observation, and how long each has been silent.

        Returns
        -------
        DataFrame
            person; state (missing after an exit); last_contact; silent_since (the last contact, or the end of the last
            solution, or the last appointment kept open for them); silent_days (missing unless engaged or disengaged; 0 while
            an appointment is ahead); booked_until (the date of that appointment, missing when there is none). When the
            records hold no act at all, ``attrs["caveats"]`` says so in each language: silence cannot then be told from missing
            acts.
        """
        return today(fu, self)

    def compare(self, fu: Records, by: str | None = None) -> Result:
        """Return disengagement under each length of silence of `comparisons`, beside each other.

        Parameters
        ----------
        fu : FollowUp
        by : str, optional
            A column of people, for example "site".

        Returns
        -------
        Result
            ``n`` people analysed, ``n_event`` of them disengaged at least once, their crude ``share``, ``days`` at risk, and
            ``estimate``: disengagements (recurrent ones included) per 100 person-months at risk.
        """
        return compare(fu, self, by)

    def words(self, clock: str = "engagement") -> tuple[Message, ...]:
        """Return the rule as sentences, those that matter on a clock."""
        if clock != "engagement":
            return (message(f"silence.rule_{clock}"), *self.contacts.words())
        return (
            *self.contacts.words(),
            message("silence.rule_silence", days=self.days),
            message(f"silence.rule_booked_{self.booked}"),
            message("silence.rule_pause"),
            message(f"silence.rule_{self.dated_at}", days=self.days),
            message("silence.rule_abandoned"),
        )

    def in_words(self, lang: str | None = None, clock: str = "engagement") -> str:
        """Return the rule as a paragraph in `lang`."""
        return " ".join(m.text(lang) for m in self.words(clock))
