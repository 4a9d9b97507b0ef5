"""What every clock reads from a follow-up: end of observation, dated situations, covariates; and how spells are made of it.

Not a rule: what a contact is stands in `contacts`, what silence means in `life`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.provenance import Provenance
from evalkit.spells import Spells
from evalkit.vocabulary import Vocabulary
from evalkit.wording import Message

if TYPE_CHECKING:
    from evalkit.silence import Silence


class Records(Protocol):
    """What the rule of silence reads: a `FollowUp` is one; the layer above is not imported for it."""

    @property
    def people(self) -> pd.DataFrame: ...
    @property
    def events(self) -> pd.DataFrame: ...
    @property
    def situations(self) -> pd.DataFrame: ...
    @property
    def as_of(self) -> pd.Timestamp: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def provenance(self) -> Provenance: ...


#: Columns of people that are dates of the process, not covariates.
_PROCESS = (
    "birth_date", "left_school_on", "spotted_on", "eliminated_on", "eliminated_for", "entered_on", "observed_until",
)  # fmt: skip
#: Covariates that only the entry interview tells, hence unknown at spotting.
_TOLD_AT_ENTRY = ("entry_route", "age_at_entry")
_YEAR = 365.25


def days_between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the days from `first` to `last`, nan where either is missing."""
    return (last - first) / np.timedelta64(1, "D")


def of_each(person: pd.Series, values: pd.Series) -> pd.Series:
    """Return each person's value, missing where there is none; unlike ``map``, dates stay dates when nobody has one."""
    return values.reindex(person.to_numpy()).set_axis(person.index)


def observed_until(fu: Records) -> pd.Series:
    """Return the last day each person is observed: the closing day of the file, or the person's own where earlier."""
    people = fu.people.set_index("person")
    as_of = pd.Timestamp(fu.as_of)
    if "observed_until" not in people:
        return pd.Series(as_of, index=people.index)
    return people["observed_until"].fillna(as_of).clip(upper=as_of)


def situations_of(fu: Records) -> pd.DataFrame:
    """Return the situations that have begun; a planned one is none yet."""
    situations = fu.situations
    begun = situations["start"] <= pd.Timestamp(fu.as_of)
    if "progress" in situations:
        begun &= ~situations["progress"].isin(fu.vocabulary.codes("progress", "planned"))
    return situations[begun]


def covariates(fu: Records, clock: str) -> pd.DataFrame:
    """Return one row per person: the columns of people known at the origin of the clock, with age at that origin."""
    people = fu.people
    at_entry = clock == "engagement"
    leave = [c for c in people if c in _PROCESS or (c in _TOLD_AT_ENTRY and not at_entry)]
    found = people.drop(columns=leave)
    origin, name = ("entered_on", "age_at_entry") if at_entry else ("spotted_on", "age_at_spotting")
    if name not in found and "birth_date" in people and origin in people:
        found[name] = ((people[origin] - people["birth_date"]).dt.days / _YEAR).astype(float)
    return found


def made(
    fu: Records,
    rule: Silence,
    clock: str,
    frame: pd.DataFrame,
    known: pd.DataFrame,
    caveats: tuple[Message, ...],
) -> Spells:
    """Return the spells of a clock from its stays and its covariates.

    A column of people that bears the name of a track (a referent, say) came after the origin and has no date: it is marked.
    """
    situations = situations_of(fu)
    kept = [c for c in ("person", "track", "state", "start", "end") if c in situations]
    tracks = set(situations["track"]) | (set(fu.vocabulary.codes("track")) - {"status"})
    names = [c for c in known.columns if c != "person"]
    acquired = frozenset(names) & tracks
    labels = wording.labels("silence", "gap_before_entry", "age_at_entry", "age_at_spotting")
    return Spells(
        frame=frame.merge(known, on="person", how="left", validate="many_to_one"),
        clock=clock,
        rule=rule.words(clock),
        caveats=caveats,
        known_at_origin=frozenset(names) - acquired,
        acquired=acquired,
        provenance=fu.provenance,
        vocabulary=fu.vocabulary,
        labels=labels,
        _situations=situations[kept].reset_index(drop=True),
    )
