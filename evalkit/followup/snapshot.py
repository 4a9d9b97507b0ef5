"""Where each person stands on one day, by what the records say and nothing later.

Not a silence rule: who is disengaged on that day is for `silence` to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Policy, suppress
from evalkit.errors import InputError
from evalkit.followup.checks import by_person, deaths
from evalkit.result import Result
from evalkit.wording import Message, catalogue, fault, message, text

if TYPE_CHECKING:
    from evalkit.followup.noun import FollowUp

#: Tracks shown even when nobody has one.
_ALWAYS = ("referent", "co_accompaniment")


@dataclass(frozen=True, repr=False)
class Snapshot(Result):
    """One row per person on one day; published, it is counts by situation and never people."""

    def counts(self) -> pd.DataFrame:
        """Return how many people stand in each phase and situation: `part` (phase), `term` (situation), `count`."""
        table = pd.DataFrame({"part": self.table["phase"], "term": self.table["situation"].fillna("none")})
        return table.groupby(["part", "term"], sort=True).size().rename("count").reset_index()

    def _cell(self, column: str, value: Any, lang: str) -> str:
        if column == "entered":
            return text("records.yes" if value else "records.no", lang)
        return super()._cell(column, value, lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress(self.counts(), policy)


def snapshot(fu: FollowUp, day: pd.Timestamp) -> Snapshot:
    """Return the situation of each person on `day`; see `FollowUp.at`."""
    first = first_record(fu)
    if day > fu.as_of or (first is not None and day < first):
        raise InputError(fault("records.at_outside", day=day, first=first, as_of=fu.as_of))
    people = fu.people
    person = people["person"]
    now = fu.situations.loc[(fu.situations["start"] <= day) & ~(fu.situations["end"] <= day)]
    status = now.loc[now["track"] == "status"].set_index("person")
    died = by_person(deaths(people, fu.situations), person)
    dead = (died <= day).to_numpy()
    situation = by_person(status["state"], person).astype(object).mask(dead, "death")
    since = by_person(status["start"], person).mask(dead, died)
    classes = {code: term.klass for code, term in fu.vocabulary.groups["status"].items()}
    phase = _phase(people, situation.map(classes), day)
    hidden = np.isin(phase, ["not_observed", "not_yet"])
    situation, since = situation.mask(hidden), since.mask(hidden)
    table = pd.DataFrame({"person": person})
    if "site" in people:
        table["site"] = people["site"]
    entered = _on(people, "entered_on") <= day
    table = table.assign(
        phase=phase, entered=entered, situation=situation, situation_class=situation.map(classes), since=since
    )
    out = hidden | (phase == "exited") | (phase == "eliminated")
    tracks = [t for t in fu.situations["track"].unique() if t not in fu.vocabulary.codes("track", "status")]
    for track in dict.fromkeys([*_ALWAYS, *tracks]):
        held = now.loc[now["track"] == track].set_index("person")["state"]
        table[track] = by_person(held, person).astype(object).mask(out)
    # Missing is None in every column of texts, as in the records.
    for name in table.columns.difference(["entered", "since"]):
        table[name] = pd.Series([None if pd.isna(v) else v for v in table[name]], dtype=object)
    return Snapshot(
        table,
        message("records.at_question", day=day),
        _caveats(fu, table, day),
        fu.provenance,
        labels=_labels(fu),
    )


def first_record(fu: FollowUp) -> pd.Timestamp | None:
    """Return the day of the first thing recorded of the programme: birth and school are before it."""
    found = [fu.people[c].min() for c in ("spotted_on", "eliminated_on", "entered_on") if c in fu.people]
    found += [fu.events["date"].min(), fu.situations["start"].min()]
    found = [d for d in found if pd.notna(d)]
    return min(found) if found else None


def _on(people: pd.DataFrame, name: str) -> pd.Series:
    return people[name] if name in people else pd.Series(pd.NaT, index=people.index, dtype="datetime64[ns]")


def _phase(people: pd.DataFrame, classes: pd.Series, day: pd.Timestamp) -> np.ndarray:
    spotted, entered, eliminated = (_on(people, f"{w}_on") for w in ("spotted", "entered", "eliminated"))
    said = (
        people["eliminated_for"].notna()
        if "eliminated_for" in people
        else pd.Series(False, index=people.index)
    )
    exited = (classes == "exit").to_numpy()
    return np.select(
        [
            _on(people, "observed_until") < day,
            exited & ~((spotted > day) & ~(entered <= day)),
            entered <= day,
            (spotted > day) | (spotted.isna() & (entered > day)),
            (eliminated <= day) | (eliminated.isna() & said),
            spotted <= day,
        ],
        ["not_observed", "exited", "entered", "not_yet", "eliminated", "spotted"],
        default="undated",
    )


def _caveats(fu: FollowUp, table: pd.DataFrame, day: pd.Timestamp) -> tuple[Message, ...]:
    said = [message("records.at_rule")]
    unknown = int(((table["phase"] == "entered") & table["situation"].isna()).sum())
    if unknown:
        said.append(message("records.at_no_situation", n=unknown))
    people = fu.people
    if "eliminated_for" in people:
        undated = int((people["eliminated_for"].notna() & _on(people, "eliminated_on").isna()).sum())
        if undated:
            said.append(message("records.at_undated_elimination", n=undated))
    return tuple(said)


def _labels(fu: FollowUp) -> dict[str, Any]:
    words = {k.removeprefix("word_"): v for k, v in catalogue("records").items() if k.startswith("word_")}
    tracks = {code: t.labels for code, t in fu.vocabulary.groups["track"].items() if t.klass != "status"}
    return {**words, **tracks, **{code: t.labels for code, t in fu.vocabulary.groups["status"].items()}}
