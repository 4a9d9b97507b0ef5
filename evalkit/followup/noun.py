"""The dashboard of a programme as one value: people, dated acts, dated situations, and the day the file was cut.

Not an analysis: what the records mean for time at risk is said by `Silence`; here they are only read, checked and given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from evalkit.errors import InputError
from evalkit.followup import reading
from evalkit.followup.schema import TARGETS, tables
from evalkit.followup.snapshot import Snapshot, snapshot
from evalkit.followup.sources import closing_day
from evalkit.followup.writing import write
from evalkit.provenance import Provenance
from evalkit.silence import Silence
from evalkit.vocabulary import Vocabulary, standard
from evalkit.wording import Message, language, number, text

if TYPE_CHECKING:
    from evalkit.spells import Spells


@dataclass(frozen=True, eq=False, repr=False)
class FollowUp:
    """The dashboard of a programme.

    Made by `read` or `from_frames`, which check every row; made directly it trusts its frames, whose shape alone is checked.

    Parameters
    ----------
    people : DataFrame
        One row per person, sorted by `person`. Only `person` (str) is sure to be there. Fields evalkit knows: site, sex,
        birth_date, age_at_entry (years), arrondissement, level, diploma, last_class, left_school_on, channel, spotted_on,
        eliminated_on, eliminated_for, entered_on, entry_route, cluster, observed_until; any other column is a covariate.
    events : DataFrame
        Dated acts, sorted by person and date: person, date, kind, direction, outcome, partner, and covariates.
    situations : DataFrame
        Dated situations, sorted by person, track and start: person, track, state, start, end (NaT: open; never after
        `as_of`, a later end is `planned_end`), and covariates. A situation holds from its start to the eve of its end.
    as_of : Timestamp
        The day the file was cut: nothing later is known.
    vocabulary : Vocabulary
    provenance : Provenance
    notes : tuple of Message
        What was read and how: files, rows, columns recognised, kept or left aside.

    Examples
    --------
    >>> people = pd.DataFrame({"person": ["007", "12"], "entered_on": ["01/02/2011", "2011-03-01"]})
    >>> events = pd.DataFrame({"person": ["007"], "date": ["15/03/2011"], "kind": ["Entretien"], "outcome": ["Présent"]})
    >>> fu = FollowUp.from_frames(people, events, as_of="2011-09-30")
    >>> fu
    FollowUp: 2 people, 1 act, 0 situations, closed on 30 September 2011
    >>> fu.events["kind"].item(), fu.events["outcome"].item()
    ('interview', 'attended')
    """

    people: pd.DataFrame
    events: pd.DataFrame
    situations: pd.DataFrame
    as_of: pd.Timestamp
    vocabulary: Vocabulary = field(default_factory=standard)
    provenance: Provenance = field(default_factory=Provenance)
    notes: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        for target in TARGETS:
            frame = getattr(self, target)
            wanted = tables()[target].always or ("person",)
            missing = [c for c in wanted if c not in frame]
            if missing:
                raise InputError(
                    f"{target}: {', '.join(missing)} missing; make a FollowUp with read or from_frames"
                )
            for name in set(frame.columns) & {
                f.name for f in tables()[target].fields.values() if f.kind == "date"
            }:
                if not pd.api.types.is_datetime64_any_dtype(frame[name].dtype):
                    raise InputError(
                        f"{target}[{name!r}] holds no dates; make a FollowUp with read or from_frames"
                    )

    @classmethod
    def read(
        cls,
        path: str | Path,
        as_of: str | pd.Timestamp | Any = None,
        mapping: str | Path | Mapping[str, Any] | None = None,
        vocabulary: Vocabulary | str | Path | None = None,
    ) -> FollowUp:
        """Read a dashboard: a folder of CSV (or Parquet) files, or an Excel workbook.

        French exports are read as they are: ``;``, decimal commas, CP1252 or UTF-8, day/month/year, French headings and
        labels (``docs/records.md``).

        Parameters
        ----------
        path : path
        as_of : date or text, optional
            The day the file was cut. Needed unless the folder's ``dashboard.toml`` or the workbook's sheet "about" says it;
            where both speak they must agree.
        mapping : path or mapping, optional
            A mapping file: the export's own names of files, headings and codes.
        vocabulary : Vocabulary or path, optional
            A study's own words, added to those evalkit ships with.

        Returns
        -------
        FollowUp

        Raises
        ------
        InputError
            With everything that is wrong: file, line (or row), column, value, count, and what to do.
        """
        return cls._of(reading.read(path, as_of, mapping, vocabulary))

    @classmethod
    def from_frames(
        cls,
        people: pd.DataFrame,
        events: pd.DataFrame | None = None,
        situations: pd.DataFrame | None = None,
        *,
        as_of: str | pd.Timestamp | Any,
        vocabulary: Vocabulary | str | Path | None = None,
        provenance: Provenance | None = None,
    ) -> FollowUp:
        """Take frames, with the headings, codes and checks of `read`; rows are numbered from 0, as `iloc` does.

        A column evalkit does not know becomes numbers if every value is one, dates if every value is one, texts otherwise.

        Raises
        ------
        InputError
            With everything that is wrong.
        """
        return cls._of(reading.from_frames(people, events, situations, as_of, vocabulary, provenance))

    @classmethod
    def _of(cls, read: reading.Checked) -> FollowUp:
        return cls(
            read.people,
            read.events,
            read.situations,
            read.as_of,
            read.vocabulary,
            read.provenance,
            read.notes,
        )

    def write(self, path: str | Path, lang: str = "en") -> Path:
        """Write the dashboard so that `read` gives back an equal one, and return the path.

        Parameters
        ----------
        path : path
            A folder, or a workbook when it ends in ``.xlsx``.
        lang : {"en", "fr"}
            "fr" writes a French export: headings, labels, ``;``, decimal commas, day/month/year.

        Raises
        ------
        InputError
            If the folder holds other files of records, which would be read with these, or a workbook cannot hold the rows.
        """
        return write(self, Path(path), language(lang))

    def equals(self, other: FollowUp) -> bool:
        """Return whether two follow-ups hold the same records, cut on the same day, in the same words."""
        return (
            self.as_of == other.as_of
            and self.provenance.kind == other.provenance.kind
            and self.vocabulary == other.vocabulary
            and all(_same(getattr(self, t), getattr(other, t)) for t in TARGETS)
        )

    def __eq__(self, other: object) -> bool:
        return self.equals(other) if isinstance(other, FollowUp) else NotImplemented

    #: Equal by its frames, which have no hash.
    __hash__ = None  # type: ignore[assignment]

    def at(self, day: str | pd.Timestamp | Any) -> Snapshot:
        """Return each person's situation on a day, from what is recorded up to that day.

        Returns
        -------
        Snapshot
            A `Result` with one row per person: person, site, phase (not_yet, spotted, eliminated, entered, exited,
            not_observed, undated), entered, situation (code), situation_class, since, and the state of each other track
            (referent, co_accompaniment …). Published, it is counts and never people.

        Raises
        ------
        InputError
            Outside the days between the first record and `as_of`.
        """
        asked = closing_day(day)
        if asked is None:
            raise InputError(f"day: {day!r} is not a date; give one such as 2011-06-30")
        return snapshot(self, asked)

    def spells(self, silence: Silence | None = None, clock: str = "engagement") -> Spells:
        """Return the spells that a silence rule makes of the records; see `Silence.spells`."""
        return Silence.of(silence).spells(self, clock)

    def summary(self, lang: str | None = None) -> str:
        """Return what was read and how, in `lang`."""
        lang = language(lang)
        return "\n".join([self._headline(lang), *(f"- {note.text(lang)}" for note in self.notes)])

    def _headline(self, lang: str) -> str:
        counts = [
            text(
                f"records.{name}_counted",
                lang,
                n=len(getattr(self, name)),
                written=number(len(getattr(self, name)), lang),
            )
            for name in TARGETS
        ]
        return text("records.headline", lang, counts=", ".join(counts), as_of=self.as_of)

    def __repr__(self) -> str:
        return self._headline(language())


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    if set(one.columns) != set(other.columns) or len(one) != len(other):
        return False
    for name in one.columns:
        a, b = one[name], other[name]
        if a.dtype.kind != b.dtype.kind or not ((a == b) | (a.isna() & b.isna())).all():
            return False
    return True
