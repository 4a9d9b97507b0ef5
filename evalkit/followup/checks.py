"""What records cannot say: every contradiction within and between the tables, all at once.

Not what a value may be: `typed` has read each value. Nothing here loops over rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.followup.faults import Faults
from evalkit.followup.tables import Origin
from evalkit.vocabulary import Vocabulary

#: Dates of a person that a file cut on `as_of` cannot hold beyond it.
_PAST = ("birth_date", "left_school_on", "spotted_on", "eliminated_on", "entered_on", "observed_until")
#: (earlier field, later field, sentence): a later date before the earlier one is impossible.
_ORDER = (
    ("birth_date", "spotted_on", "before_birth"),
    ("birth_date", "entered_on", "before_birth"),
    ("spotted_on", "entered_on", "entered_before_spotted"),
    ("spotted_on", "eliminated_on", "eliminated_before_spotted"),
    ("entered_on", "observed_until", "observed_before_entry"),
)
#: What cannot come before the start of a situation.
_AFTER_START = (
    ("end", "end_before_start"),
    ("planned_end", "end_before_start"),
    ("confirmed_on", "confirmed_before_start"),
)


@dataclass(frozen=True)
class Tables:
    """The three frames, each with where its rows came from."""

    frames: Mapping[str, pd.DataFrame]
    origins: Mapping[str, Origin]


def check(
    tables: Tables,
    as_of: pd.Timestamp,
    vocabulary: Vocabulary,
    faults: Faults,
    refused: frozenset[str] = frozenset(),
) -> None:
    """Add to `faults` every contradiction between values, rows and tables.

    `refused` holds the texts of the rows of people already refused: acts and situations of these people are only counted.
    """
    _Checks(tables, as_of, vocabulary, faults, refused).run()


class _Checks:
    def __init__(
        self,
        tables: Tables,
        as_of: pd.Timestamp,
        vocabulary: Vocabulary,
        faults: Faults,
        refused: frozenset[str],
    ):
        self.refused = refused
        self.people, self.events, self.situations = (
            tables.frames[t] for t in ("people", "events", "situations")
        )
        self.origins, self.as_of, self.vocabulary, self.faults = tables.origins, as_of, vocabulary, faults

    def run(self) -> None:
        self._duplicates()
        self._people_dates()
        self._eliminated_after_entry()
        self._unknown_people("events")
        self._unknown_people("situations")
        self._events_after_as_of()
        self._booked()
        self._situation_dates()
        self._overlaps()
        self._after_death()

    # ---- sentences ----------------------------------------------------------------------------------------------------
    def _say(
        self, name: str, table: str, mask: np.ndarray, column: str, **fields: pd.Series | np.ndarray
    ) -> None:
        """Add the fault `name` for the rows of `mask`; `fields` give each row's values in the sentence."""
        if not mask.any():
            return
        given = {k: np.asarray(v, dtype=object) for k, v in fields.items()}

        def more(i: int) -> dict[str, Any]:
            return {"as_of": self.as_of, **{k: v[i] for k, v in given.items()}}

        self.faults.rows(name, self.origins[table], np.flatnonzero(mask), column, more=more)

    # ---- people -------------------------------------------------------------------------------------------------------
    def _duplicates(self) -> None:
        person = self.people["person"]
        again = (person.duplicated() & person.notna()).to_numpy()
        if again.any():
            first = person.map({p: i for i, p in reversed(list(enumerate(person)))})
            origin = self.origins["people"]
            where = [origin.line(int(i)) if pd.notna(i) else "" for i in first]
            self._say(
                "duplicate_person",
                "people",
                again,
                "person",
                person=person,
                first=np.array(where, dtype=object),
            )

    def _people_dates(self) -> None:
        people = self.people
        for name in _PAST:
            self._later_than_as_of("people", name)
        for earlier, later, sentence in _ORDER:
            if earlier in people and later in people:
                wrong = (people[later] < people[earlier]).to_numpy()
                self._say(
                    sentence,
                    "people",
                    wrong,
                    later,
                    person=people["person"],
                    day=people[later],
                    other=people[earlier],
                )

    def _eliminated_after_entry(self) -> None:
        """Eliminated, then won back after all, is a history; eliminated on or after entry, or undated, is not."""
        people = self.people
        if "entered_on" not in people:
            return
        entered = people["entered_on"]
        dated = (
            people["eliminated_on"] if "eliminated_on" in people else pd.Series(pd.NaT, index=people.index)
        )
        said = (
            people["eliminated_for"].notna()
            if "eliminated_for" in people
            else pd.Series(False, index=people.index)
        )
        wrong = entered.notna() & ((dated >= entered) | (dated.isna() & said))
        column = "eliminated_on" if "eliminated_on" in people else "eliminated_for"
        self._say(
            "eliminated_and_entered", "people", wrong.to_numpy(), column, person=people["person"], day=entered
        )

    # ---- events and situations ----------------------------------------------------------------------------------------
    def _unknown_people(self, table: str) -> None:
        person = self.frame(table)["person"]
        known = set(self.people["person"])
        codes, distinct = pd.factorize(person)
        strange = np.array([p not in known for p in distinct] + [False])[codes]  # -1, the last: blank
        bare = {_bare(p): p for p in self.people["person"].dropna()} if strange.any() else {}
        at = np.flatnonzero(strange)
        texts = person.to_numpy(dtype=object)[at]
        origin = self.origins[table]
        follows = np.array([t in self.refused for t in texts], dtype=bool)
        if follows.any():
            first = origin.place(int(at[follows][0]), "person")
            self.faults.add("person_refused", **first, count=int(follows.sum()))
        at, texts = at[~follows], texts[~follows]
        near = np.array([_bare(t) in bare for t in texts], dtype=bool)
        self.faults.rows("unknown_person", origin, at[~near], "person", texts[~near])
        where = dict(zip(at.tolist(), texts, strict=True))
        self.faults.rows(
            "unknown_person_near", origin, at[near], "person", texts[near],
            lambda i: {"near": bare[_bare(where[i])]},
        )  # fmt: skip

    def frame(self, table: str) -> pd.DataFrame:
        return {"people": self.people, "events": self.events, "situations": self.situations}[table]

    def _outcome_in(self, *classes: str) -> np.ndarray:
        return self.events["outcome"].isin(self.vocabulary.codes("outcome", classes)).to_numpy()

    def _events_after_as_of(self) -> None:
        """An appointment booked ahead, or already called off, is no contact; anything else cannot have taken place."""
        late = (self.events["date"] > self.as_of).to_numpy()
        called_off = self.events["outcome"].isin(("cancelled", "postponed")).to_numpy()
        wrong = late & ~self._outcome_in("planned") & ~called_off
        self._say(
            "event_after_as_of",
            "events",
            wrong,
            "date",
            person=self.events["person"],
            day=self.events["date"],
        )

    def _booked(self) -> None:
        events = self.events
        self._later_than_as_of("events", "booked_on")
        if "booked_on" in events:
            wrong = (events["booked_on"] > events["date"]).to_numpy()
            self._say(
                "booked_after", "events", wrong, "booked_on",
                person=events["person"], day=events["booked_on"], other=events["date"],
            )  # fmt: skip

    def _situation_dates(self) -> None:
        table = self.situations
        person, start = table["person"], table["start"]
        self._later_than_as_of("situations", "start", "situation_after_as_of")
        self._later_than_as_of("situations", "confirmed_on")
        for name, sentence in _AFTER_START:
            if name in table:
                early = (table[name] < start).to_numpy()
                self._say(sentence, "situations", early, name, person=person, day=table[name], other=start)
        if "progress" in table:
            finished = table["progress"].isin(self.vocabulary.codes("progress", "finished"))
            endless = (finished & table["end"].isna()).to_numpy()
            self._say("finished_without_end", "situations", endless, "end", person=person)

    def _later_than_as_of(self, table: str, name: str, sentence: str = "after_as_of") -> None:
        frame = self.frame(table)
        if name in frame:
            late = (frame[name] > self.as_of).to_numpy()
            self._say(sentence, table, late, name, person=frame["person"], day=frame[name])

    def _overlaps(self) -> None:
        """A situation that begins before another of the same person and track is over."""
        table = self.situations
        usable = table["person"].notna() & table["track"].notna() & table["start"].notna()
        if not usable.any():
            return
        far = np.iinfo(np.int64).max
        start = table["start"].to_numpy().astype("datetime64[D]").astype(np.int64)
        end = table["end"].to_numpy().astype("datetime64[D]").astype(np.int64)
        end = np.where(table["end"].isna().to_numpy(), far, end)
        who = pd.factorize(table["person"])[0]
        track = pd.factorize(table["track"])[0]
        at = np.flatnonzero(usable.to_numpy())
        at = at[np.lexsort((end[at], start[at], track[at], who[at]))]
        group = np.cumsum(np.r_[True, (who[at][1:] != who[at][:-1]) | (track[at][1:] != track[at][:-1])])
        until = pd.Series(end[at]).groupby(group).cummax().to_numpy()
        over = np.r_[False, (group[1:] == group[:-1]) & (start[at][1:] < until[:-1])]
        if not over.any():
            return
        # The one still running is, of those before, the one that ends last.
        holder = pd.Series(
            np.where(np.r_[True, group[1:] != group[:-1]] | (end[at] == until), np.arange(len(at)), -1)
        )
        holder = holder.cummax().to_numpy()
        first = np.zeros(len(table), dtype=np.int64)
        first[at[1:]] = at[holder[:-1]]
        wrong = np.zeros(len(table), dtype=bool)
        wrong[at[over]] = True
        origin = self.origins["situations"]
        lines = np.array(
            [origin.line(int(i)) if w else "" for i, w in zip(first, wrong, strict=True)], dtype=object
        )
        others = [self._label(int(i)) if w else "" for i, w in zip(first, wrong, strict=True)]
        labels = [self._label(i) if w else "" for i, w in enumerate(wrong)]
        self._say(
            "overlap", "situations", wrong, "start", person=table["person"], day=table["start"], first=lines,
            state=_objects(labels), other=_objects(others), track=_objects(self._track_labels()),
        )  # fmt: skip

    def _label(self, i: int) -> Any:
        return self._word("status", self.situations["state"].iloc[i])

    def _word(self, group: str, code: object) -> Any:
        term = self.vocabulary.term(group, str(code))
        return term.labels if term else str(code)

    def _track_labels(self) -> list[Any]:
        words = {t: self._word("track", t) for t in self.situations["track"].unique()}
        return [words[t] for t in self.situations["track"]]

    # ---- the dead -----------------------------------------------------------------------------------------------------
    def _after_death(self) -> None:
        death = deaths(self.people, self.situations)
        if death.empty:
            return
        for table, column in (("events", "date"), ("situations", "start")):
            frame = self.frame(table)
            died = by_person(death, frame["person"])
            wrong = (frame[column] > died).to_numpy()
            if table == "events":
                # What professionals do among themselves goes on, and a letter that finds nobody is no contact.
                apart = frame["kind"].isin(self.vocabulary.codes("act", "professional")).to_numpy()
                wrong = wrong & ~apart & ~self._outcome_in("not_reached", "planned")
            self._say(
                f"{table}_after_death",
                table,
                wrong,
                column,
                person=frame["person"],
                day=frame[column],
                other=died,
            )


def deaths(people: pd.DataFrame, situations: pd.DataFrame) -> pd.Series:
    """Return the day of death by person, of those recorded dead: the first of a situation or an elimination."""
    dead = situations.loc[
        (situations["track"] == "status") & (situations["state"] == "death"), ["person", "start"]
    ]
    found = [dead.set_index("person")["start"]]
    if "eliminated_for" in people and "eliminated_on" in people:
        dead = people.loc[(people["eliminated_for"] == "death") & people["eliminated_on"].notna()]
        found.append(dead.set_index("person")["eliminated_on"])
    filled = [f for f in found if len(f)]
    if not filled:
        return pd.Series(dtype="datetime64[ns]")
    return pd.concat(filled).dropna().groupby(level=0).min()


def _bare(person: str) -> str:
    """Return a file number without what spreadsheets and hands change: leading zeros, a decimal point, capitals."""
    return person.removesuffix(".0").lstrip("0").casefold()


def by_person(values: pd.Series, person: pd.Series) -> pd.Series:
    """Return for each row the value of its person, missing where there is none; `values` has one row per person."""
    return pd.Series(values.reindex(person).to_numpy(), index=person.index)


def _objects(values: list[Any]) -> np.ndarray:
    """Return an object array of the values themselves: labels are mappings numpy must not look into."""
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
