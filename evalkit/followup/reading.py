"""The way from what the user points at to three checked frames: find, recognise, type, check, and say what was done.

Not the noun: `FollowUp` is made of what comes out.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.followup import columns, sources
from evalkit.followup.checks import Tables, check
from evalkit.followup.faults import Faults
from evalkit.followup.frames import as_table
from evalkit.followup.mapping import Mapping
from evalkit.followup.schema import TARGETS, key, tables
from evalkit.followup.tables import Column, Origin, RawTable, TextTable
from evalkit.followup.typed import typed
from evalkit.provenance import KINDS, Provenance, digest
from evalkit.tomlfile import load
from evalkit.vocabulary import Vocabulary, standard
from evalkit.wording import Message, message

Day = str | pd.Timestamp | Any


@dataclass(frozen=True)
class Checked:
    """What a `FollowUp` is made of."""

    people: pd.DataFrame
    events: pd.DataFrame
    situations: pd.DataFrame
    as_of: pd.Timestamp
    vocabulary: Vocabulary
    provenance: Provenance
    notes: tuple[Message, ...]


@dataclass
class _Run:
    """One reading under way: its faults, its notes, the parts of each table."""

    vocabulary: Vocabulary
    mapping: Mapping
    faults: Faults
    notes: list[Message] = field(default_factory=list)
    parts: dict[str, list[TextTable]] = field(default_factory=lambda: {t: [] for t in TARGETS})
    headings: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    #: Texts of the rows of people that are refused: what follows from their absence is no fault of its own.
    refused: set[str] = field(default_factory=set)

    def add(self, raw: RawTable | None, name: str, stem: str) -> None:
        """Take one file in."""
        table = tables()[name]
        if raw is None:
            self.broken.add(table.into)
            return
        self.headings |= {key(h) for h in raw.headings}
        if table.into == "people":
            self.refused |= raw.refused
        found = columns.as_fields(raw, table, self.mapping.section(stem, table), self.faults)
        if found is None:
            self.broken.add(table.into)
            return
        text, claims = found
        self.parts[table.into].append(text)
        self._note(raw, table.into, claims)

    def _note(self, raw: RawTable, into: str, claims: columns.Claims) -> None:
        read = [raw.headings[i] for i in sorted(claims.fields)]
        self.notes.append(
            message("records.read", file=raw.file, n=len(raw), table=_label(into), headings=read)
        )
        if claims.kept:
            self.notes.append(message("records.kept", file=raw.file, headings=list(claims.kept.values())))
        naming = columns.naming(claims.kept.values()) if into == "people" else []
        if naming:
            self.notes.append(message("records.identifying", file=raw.file, headings=naming))
        if raw.above:
            self.notes.append(message("records.above", file=raw.file, n=raw.above))

    def finish(self, as_of: pd.Timestamp | None) -> dict[str, pd.DataFrame]:
        """Type, check and put in order what was taken in, or raise all faults."""
        self._unused_mapping()
        frames: dict[str, pd.DataFrame] = {}
        origins: dict[str, Origin] = {}
        for target in TARGETS:
            table = TextTable.joined(self.parts[target] or [_empty(target)])
            frames[target], origins[target] = typed(
                target, table, self.vocabulary, self.mapping.dates, self.faults
            )
        if not len(frames["people"]):
            if "people" not in self.broken and not self.refused:
                self.faults.add("nobody", file=origins["people"].files[0])
        elif as_of is not None and "people" not in self.broken:
            frames, origins = self._settle(frames, origins, as_of)
            check(Tables(frames, origins), as_of, self.vocabulary, self.faults, frozenset(self.refused))
        self.faults.raise_if_any()
        return {t: _in_order(frames[t], t) for t in TARGETS}

    def _settle(
        self, frames: dict[str, pd.DataFrame], origins: dict[str, Origin], as_of: pd.Timestamp
    ) -> tuple[dict[str, pd.DataFrame], dict[str, Origin]]:
        """Set planned situations aside and open those whose end is still to come; count what the reader should know."""
        table, origin = frames["situations"], origins["situations"]
        if "progress" in table:
            planned = table["progress"].isin(self.vocabulary.codes("progress", "planned")).to_numpy()
            self._count("planned_situations", int(planned.sum()))
            table, origin = table.loc[~planned].reset_index(drop=True), origin.take(~planned)
            ongoing = table["progress"].isin(self.vocabulary.codes("progress", "ongoing")) & (
                table["end"] <= as_of
            )
            self._count("ongoing_but_ended", int(ongoing.sum()))
        ahead = table["end"] > as_of
        if ahead.any():
            before = table["planned_end"] if "planned_end" in table else pd.Series(pd.NaT, index=table.index)
            table = table.assign(end=table["end"].mask(ahead), planned_end=before.mask(ahead, table["end"]))
            self._count("ends_ahead", int(ahead.sum()))
        events, people = frames["events"], frames["people"]
        stale = events["outcome"].isin(self.vocabulary.codes("outcome", "planned")) & (
            events["date"] <= as_of
        )
        self._count("stale_appointments", int(stale.sum()))
        self._count("repeated_acts", int(events.duplicated().sum()))
        if {"eliminated_on", "entered_on"} <= set(people):
            self._count(
                "eliminated_then_entered", int((people["eliminated_on"] < people["entered_on"]).sum())
            )
        return {**frames, "situations": table}, {**origins, "situations": origin}

    def _count(self, name: str, n: int) -> None:
        if n:
            self.notes.append(message(f"records.{name}", n=n))

    def _unused_mapping(self) -> None:
        """A heading the mapping speaks of and no file has is a slip: the column it meant would be read wrong in silence."""
        for k, (own, line) in self.mapping.said.items():
            if k not in self.headings and not self.broken:
                near = difflib.get_close_matches(k, self.headings, n=1, cutoff=0.5)
                hint = message("records.near", near=near[0]) if near else message("records.correct_or_remove")
                self.faults.add("mapping_unused", file=self.mapping.name, line=line, value=own, hint=hint)


def read(
    path: str | Path,
    as_of: Day = None,
    mapping: str | Path | MappingABC[str, Any] | None = None,
    vocabulary: Vocabulary | str | Path | None = None,
) -> Checked:
    """Read a folder or a workbook; see `FollowUp.read`."""
    faults = Faults()
    source = sources.find(path, faults)
    faults.raise_if_any()
    words = _vocabulary(vocabulary)
    if source.own_words:
        words = words.extended(_own(source.own_words, sources.OWN_WORDS))
    run = _Run(words, Mapping.read(mapping, words), faults)
    closing = _closing_day(as_of, source, faults)
    kind = _kind(source, faults)
    unread = list(source.unread)
    for item in source.items:
        name = sources.table_of(item.stem, run.mapping.files)
        if name is None:
            unread.append(item.label)
            continue
        table = tables()[name]
        section = run.mapping.section(item.stem, table)
        raw = item.read(lambda h, t=table, s=section: columns.count_known(h, t, s), faults, run.mapping.blank)
        run.add(raw, name, item.stem)
    if not run.parts["people"] and "people" not in run.broken:
        run.broken.add("people")
        faults.add("no_people", file=source.name, found=[i.label for i in source.items] or ["–"])
    frames = run.finish(closing)
    given = [Path(p) for p in (mapping, vocabulary) if isinstance(p, str | Path)]
    _say_the_rest(run, source, kind, [name for name in unread if name not in {p.name for p in given}])
    inputs = {**source.inputs, **{p.name: digest(p) for p in given}}
    return _checked(frames, closing, run, Provenance(kind, inputs))


def _say_the_rest(run: _Run, source: sources.Source, kind: str, unread: list[str]) -> None:
    if unread:
        run.notes.append(message("records.unread", files=unread))
    if kind != "records":
        run.notes.append(message("records.kind_said", file=source.about_name, kind=kind))
    absent = [_label(t) for t in TARGETS if not run.parts[t]]
    if absent:
        run.notes.append(message("records.absent_tables", tables=absent))


def from_frames(
    people: pd.DataFrame, events: pd.DataFrame | None, situations: pd.DataFrame | None,
    as_of: Day, vocabulary: Vocabulary | str | Path | None, provenance: Provenance | None,
) -> Checked:  # fmt: skip
    """Take frames; see `FollowUp.from_frames`."""
    faults = Faults()
    run = _Run(_vocabulary(vocabulary), Mapping(), faults)
    closing = _closing_day(as_of, sources.Source("as_of", ()), faults)
    given = {"people": people, "events": events, "situations": situations}
    for name, frame in given.items():
        if frame is not None:
            run.add(as_table(frame, name, faults), name, name)
    frames = run.finish(closing)
    if provenance is None:
        provenance = Provenance("records", {n: digest(f) for n, f in given.items() if f is not None})
    return _checked(frames, closing, run, provenance)


def _checked(
    frames: MappingABC[str, pd.DataFrame], as_of: pd.Timestamp | None, run: _Run, provenance: Provenance
) -> Checked:
    assert as_of is not None  # a missing closing day is a fault, and faults were raised
    return Checked(
        frames["people"],
        frames["events"],
        frames["situations"],
        as_of,
        run.vocabulary,
        provenance,
        tuple(run.notes),
    )


def _closing_day(as_of: Day, source: sources.Source, faults: Faults) -> pd.Timestamp | None:
    """Return the closing day; the argument and the file must agree where both speak."""
    said: dict[str, pd.Timestamp] = {}
    for who, value in (("argument", as_of), (source.about_name, source.about.get("as_of"))):
        if value is None:
            continue
        found = sources.closing_day(value)
        if found is None:
            faults.add("as_of_unreadable", file=None if who == "argument" else who, value=str(value))
            return None
        said[who] = found
    if not said:
        faults.add("as_of_missing", file=source.name)
        return None
    if len(set(said.values())) > 1:
        argument, written = said.values()
        faults.add("as_of_disagree", file=source.about_name, argument=argument, written=written)
    return next(iter(said.values()))


def _kind(source: sources.Source, faults: Faults) -> str:
    kind = source.about.get("kind", "records").strip().lower()
    if kind not in KINDS:
        faults.add("kind", file=source.about_name, value=kind, known=list(KINDS))
        return "records"
    return kind


def _vocabulary(given: Vocabulary | str | Path | None) -> Vocabulary:
    if given is None:
        return standard()
    if isinstance(given, Vocabulary):
        return given if given == standard() else standard().extended(given)
    return standard().extended(_own(load(given).data, Path(given).name))


def _own(tables_: MappingABC[str, Any], file: str) -> Vocabulary:
    try:
        return Vocabulary.of(tables_)
    except (KeyError, TypeError, AttributeError) as error:
        faults = Faults()
        faults.add("bad_vocabulary", file=file, value=str(error).strip("'\""))
        raise InputError(faults.found) from None


def _empty(target: str) -> TextTable:
    table = tables()[target]
    names = [f for f in table.fields if f == "person" or f in table.always]
    nothing = np.empty(0, dtype=np.int64)
    origin = Origin(nothing, nothing.astype(np.int32), (target,), ("row",), ({},))
    return TextTable({n: Column.absent(0) for n in names}, origin)


def _in_order(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """Sort by person, then by day: the order of an export's lines means nothing."""
    by = {"people": ["person"], "events": ["person", "date"], "situations": ["person", "track", "start"]}[
        target
    ]
    keys: list[np.ndarray] = []
    for name in by:
        values = frame[name]
        keys.append(values.to_numpy() if name in ("date", "start") else pd.factorize(values, sort=True)[0])
    return frame.iloc[np.lexsort(keys[::-1])].reset_index(drop=True)


def _label(target: str) -> Message:
    return message(f"records.table_{target}")
