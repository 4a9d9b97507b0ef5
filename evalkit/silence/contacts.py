"""Which acts are contacts and which are not, and why: attended or answered, or coming from the youth.

Not the place where silence is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Headcount
from evalkit.errors import Fault, InputError
from evalkit.result import Result
from evalkit.silence.records import Records, observed_until, of_each
from evalkit.vocabulary import Vocabulary, standard
from evalkit.wording import Message, message

#: Classes of acts, each with its own rule; see the vocabulary.
CLASSES = ("meeting", "exchange", "outreach", "professional")
#: Why an act is a contact.
YES = ("attended", "taken_as_held", "incoming", "answered", "kind_missing")
#: Why an act is none.
NO = (
    "booked", "after_observation", "not_listed", "between_professionals", "not_reached", "unclear", "no_direction",
    "unanswered",
)  # fmt: skip
#: What the records leave open, said with every result.
_DOUBTFUL = ("taken_as_held", "kind_missing", "unclear", "no_direction", "after_observation")


@dataclass(frozen=True)
class Contacts:
    """The rule of contact, as data; called with a follow-up it returns each person's days of contact.

    Parameters
    ----------
    kinds : frozenset of str, or mapping of str to str, optional
        A set: only these kinds of act, each by the rule of its class. A mapping: the class by which a kind is judged instead
        of its own. None: the vocabulary's classes.

    Notes
    -----
    *Meeting*: a contact when attended, or when no outcome is recorded (counted). *Exchange*: when incoming and not marked
    unreached, or outgoing and answered. *Outreach*: when answered. *Professional*: never. An act without a kind is a contact
    unless its outcome says otherwise. What is planned, or dated after the closing date, is an appointment and never a contact.
    """

    kinds: frozenset[str] | Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        kinds = self.kinds
        if isinstance(kinds, str):
            raise InputError(f"contacts: give a set of kinds of act, {{{kinds!r}}}, not a text")
        if isinstance(kinds, Mapping):
            wrong = [(k, c) for k, c in kinds.items() if c not in CLASSES]
            if wrong:
                said = ", ".join(f"{k!r}: {c!r}" for k, c in wrong)
                raise InputError(f"contacts: {said}; each kind is judged as one of {', '.join(CLASSES)}")
            object.__setattr__(self, "kinds", dict(kinds))
        elif kinds is not None:
            object.__setattr__(self, "kinds", frozenset(kinds))
            if not kinds:
                raise InputError(
                    "contacts: the set is empty, so that nobody would ever be in contact; name kinds of act"
                )

    def __call__(self, fu: Records) -> pd.DataFrame:
        """Return each person's days of contact in order.

        Returns
        -------
        DataFrame
            person, date, acts (how many acts made that day a contact).
        """
        made = fu.events.loc[self.why(fu).isin(YES).to_numpy(), ["person", "date"]]
        return made.groupby(["person", "date"], sort=True).size().rename("acts").reset_index()

    def why(self, fu: Records) -> pd.Series:
        """Return, for each act, why it is a contact (a code of `YES`) or none (a code of `NO`), indexed as ``fu.events``."""
        events = fu.events
        kind, outcome, direction = self._codes(fu)
        day = events["date"].to_numpy(dtype="datetime64[D]")
        last = of_each(events["person"], observed_until(fu)).to_numpy(dtype="datetime64[D]")
        meeting, exchange = kind == "meeting", kind == "exchange"
        reached, unsaid = outcome == "reached", outcome == ""
        after_closing = day > np.datetime64(pd.Timestamp(fu.as_of), "D")
        decided = [
            ((outcome == "planned") | (after_closing & (outcome != "not_reached")), "booked"),
            (kind == "not_listed", "not_listed"),
            (kind == "professional", "between_professionals"),
            (outcome == "not_reached", "not_reached"),
            (day > last, "after_observation"),
            ((outcome == "unclear") & (meeting | (kind == "")), "unclear"),
            (meeting & reached, "attended"),
            (meeting & unsaid, "taken_as_held"),
            (kind == "", "kind_missing"),
            (exchange & (direction == "incoming"), "incoming"),
            (reached, "answered"),
            (exchange & (direction == ""), "no_direction"),
        ]
        why = np.select([c for c, _ in decided], [name for _, name in decided], "unanswered")
        return pd.Series(why, index=events.index, dtype=object)

    def tally(self, fu: Records) -> Result:
        """Return how many acts are contacts and how many are not, by reason."""
        counts = self.why(fu).value_counts()
        rows = [
            (yes, name, int(counts.get(name, 0)))
            for yes, names in (("contact", YES), ("no_contact", NO))
            for name in names
        ]
        table = pd.DataFrame(rows, columns=["part", "reason", "count"])
        labels = wording.labels("silence", "contact", "no_contact", *(f"why_{name}" for name in (*YES, *NO)))
        labels = {code.removeprefix("why_"): said for code, said in labels.items()}
        return Result(
            table[table["count"] > 0].reset_index(drop=True), message("silence.question_contacts"), self.words(), fu.provenance,
            labels=labels,
        )  # fmt: skip

    def doubts(self, fu: Records) -> list[Message]:
        """Return what the records leave open about who was reached, with counts; that they hold no act at all."""
        if fu.events.empty:
            return [message("silence.no_acts")]
        counts = self.why(fu).value_counts()
        return [message(f"silence.{name}", n=Headcount(counts[name])) for name in _DOUBTFUL if name in counts]

    def appointments(self, fu: Records) -> pd.DataFrame:
        """Return the appointments whose date may pause the silence: planned ones, missed ones, any with a day of booking.

        One called off before its date is no longer ahead.

        Returns
        -------
        DataFrame
            person, date, booked_on (NaT when not recorded), planned (bool).
        """
        events = fu.events
        kind, outcome, _ = self._codes(fu)
        ahead = (events["date"] > pd.Timestamp(fu.as_of)).to_numpy()
        missed = outcome == "not_reached"
        planned = ((outcome == "planned") | ahead) & ~missed
        booked_on = events.get("booked_on", pd.Series(pd.NaT, index=events.index, dtype="datetime64[ns]"))
        meeting = (kind == "meeting") | (kind == "")
        kept = meeting & (planned | missed | booked_on.notna().to_numpy()) & ~(missed & ahead)
        return events.assign(booked_on=booked_on, planned=planned).loc[
            kept, ["person", "date", "booked_on", "planned"]
        ]

    def words(self) -> tuple[Message, ...]:
        """Return the rule of contact in words."""
        said = [message("silence.rule_contact")]
        if isinstance(self.kinds, Mapping):
            said.append(message("silence.rule_kinds_as", kinds=_labels(self.kinds)))
        elif self.kinds is not None:
            said.append(message("silence.rule_kinds", kinds=_labels(self.kinds)))
        return tuple(said)

    def _codes(self, fu: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the class of each act's kind, outcome and direction; "" where it is missing."""
        vocabulary = fu.vocabulary
        return (
            _classes(fu.events, "kind", self._kinds(vocabulary)),
            _classes(fu.events, "outcome", _known(vocabulary, "outcome")),
            _classes(fu.events, "direction", _known(vocabulary, "direction")),
        )

    def _kinds(self, vocabulary: Vocabulary) -> dict[str, str]:
        """Return the class by which each kind of act is judged."""
        known = _known(vocabulary, "act")
        if self.kinds is None:
            return known
        faults = [_unknown_kind(vocabulary, kind) for kind in self.kinds if kind not in known]
        if not isinstance(self.kinds, Mapping):
            faults += [_never_counts(kind) for kind in self.kinds if known.get(kind) == "professional"]
        if faults:
            raise InputError(faults)
        if isinstance(self.kinds, Mapping):
            return {**known, **self.kinds}
        return {code: klass if code in self.kinds else "not_listed" for code, klass in known.items()}


def _labels(kinds: Iterable[str]) -> list[dict[str, str] | str]:
    terms = {kind: standard().term("act", kind) for kind in sorted(kinds)}
    return [term.labels if term else kind for kind, term in terms.items()]


def _known(vocabulary: Vocabulary, group: str) -> dict[str, str]:
    return {code: term.klass for code, term in vocabulary.groups.get(group, {}).items()}


def _classes(events: pd.DataFrame, column: str, classes: Mapping[str, str]) -> np.ndarray:
    """Return the class of each code of a column, "" where it is missing; an unknown code is refused."""
    if column not in events:
        return np.full(len(events), "", dtype=object)
    values = events[column]
    unknown = values[values.notna() & ~values.isin(list(classes))]
    if len(unknown):
        shown = ", ".join(repr(v) for v in unknown.unique()[:5])
        raise InputError(
            f"events, {column}: {len(unknown)} values are no code of the vocabulary ({shown}); read the records with "
            "FollowUp.read or FollowUp.from_frames"
        )
    found = values.map(dict(classes)).to_numpy(dtype=object)
    found[values.isna().to_numpy()] = ""
    return found


def _unknown_kind(vocabulary: Vocabulary, kind: str) -> Fault:
    near = vocabulary.nearest("act", kind)
    hint = (
        f"did you mean {vocabulary.recognise('act', near)!r}?"
        if near
        else f"known: {', '.join(vocabulary.codes('act'))}"
    )
    return Fault({"en": f"contacts: {kind!r} is no kind of act; {hint}"})


def _never_counts(kind: str) -> Fault:
    return Fault({
        "en": f"contacts: acts of kind {kind!r} are between professionals and never count; to count them, say by which rule: "
        f"contacts={{{kind!r}: 'exchange'}}"
    })  # fmt: skip
