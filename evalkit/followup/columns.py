"""Which column of a file is which field: by the mapping file first, then by the names a heading goes by.

Not a reader of values.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

import numpy as np

from evalkit.followup.faults import Faults
from evalkit.followup.mapping import Section
from evalkit.followup.schema import Field, Table, identifying, key
from evalkit.followup.tables import Column, Origin, RawTable, TextTable
from evalkit.vocabulary import fold
from evalkit.wording import Message, message

#: What an accented letter becomes when a text in UTF-8 was once read as CP1252 (é → Ã©), or was lost (�).
_DAMAGED = re.compile("Ã[©¨ª«®¯´»¼§¢‰€ˆŠ\xa0]|â€™|\ufffd")


@dataclass(frozen=True)
class Claims:
    """Position of a column to the field it is, or to the name it is kept under; columns left out are in neither."""

    fields: MappingABC[int, str]
    kept: MappingABC[int, str]


def count_known(headings: Sequence[str], table: Table, section: Section) -> int:
    """Return how many headings the table knows, 0 when the person's is not among them: headings, or a title?"""
    keys = {key(h) for h in headings}
    person = table.fields["person"]
    if not keys & (person.strong | person.weak | {k for k, f in section.columns.items() if f == "person"}):
        return 0
    return len(keys & frozenset(section.columns).union(*(f.strong | f.weak for f in table.fields.values())))


def as_fields(
    raw: RawTable, table: Table, section: Section, faults: Faults
) -> tuple[TextTable, Claims] | None:
    """Return a file under the names of its fields, constants and defaults added; None when a needed column is missing."""
    before = len(faults.found)
    _refuse_damaged(raw, faults)
    claims = _claim(raw, table, section, faults)
    columns = {name: raw.columns[i] for i, name in claims.fields.items()}
    for name, text in section.constants.items():
        columns[name] = Column.constant(text, len(raw))
    missing = [f for f in table.fields.values() if f.required and f.name not in columns]
    for of in missing:
        faults.add(
            "column_missing", file=raw.file, field=of.name, heading=of.fr, hint=_near_heading(raw, of, claims)
        )
    if missing or len(faults.found) > before:
        return None
    for name, text in table.defaults.items():
        columns.setdefault(name, _default(name, text, columns, len(raw)))
    columns = {name: _renamed(c, section.codes.get(name)) for name, c in columns.items()}
    columns |= {name: raw.columns[i] for i, name in claims.kept.items()}
    headings = {name: raw.headings[i] for i, name in claims.fields.items()}
    return TextTable(columns, Origin.of(raw, headings)), claims


def _claim(raw: RawTable, table: Table, section: Section, faults: Faults) -> Claims:
    keys = _usable(raw, section, faults)
    fields: dict[int, str] = {}
    for of in table.fields.values():
        mapped = [i for i, k in keys.items() if section.columns.get(k) == of.name]
        strong = [i for i, k in keys.items() if k in of.strong and k not in section.columns]
        _take(raw, of, [*mapped, *strong], section, fields, faults)
    for of in table.fields.values():
        if of.name in fields.values() or of.name in section.constants:
            continue
        weak = [i for i, k in keys.items() if k in of.weak and i not in fields and k not in section.columns]
        _take(raw, of, weak, section, fields, faults)
    return Claims(fields, {i: raw.headings[i] for i in keys if i not in fields})


def _take(
    raw: RawTable, of: Field, at: Sequence[int], section: Section, fields: dict[int, str], faults: Faults
) -> None:
    if len(at) > 1:
        faults.add("two_columns", file=raw.file, field=of.labels, headings=[raw.headings[i] for i in at])
    elif at and of.name in section.constants:
        faults.add("constant_and_column", file=raw.file, column=raw.headings[at[0]], field=of.labels)
    fields |= dict.fromkeys(at, of.name)


def _refuse_damaged(raw: RawTable, faults: Faults) -> None:
    headings: dict[str, str] = {}
    for i, heading in enumerate(raw.headings):
        if _DAMAGED.search(heading):
            faults.add("damaged", file=raw.file, column=heading, value=heading, times=message("records.once"))
        bad = [c for c, t in enumerate(raw.columns[i].distinct) if _DAMAGED.search(t)]
        if bad:
            headings[str(i)] = heading
            at = np.flatnonzero(np.isin(raw.columns[i].codes, bad))
            faults.rows("damaged", Origin.of(raw, headings), at, str(i), raw.columns[i].texts()[at])


def _usable(raw: RawTable, section: Section, faults: Faults) -> dict[int, str]:
    """Return the key of every column that has a heading and is not to be ignored."""
    keys: dict[int, str] = {}
    for i, heading in enumerate(raw.headings):
        k = key(heading) or fold(heading)
        if not k:
            if not raw.columns[i].blank.all():
                first = int(np.flatnonzero(~raw.columns[i].blank)[0])
                place = {raw.unit: int(raw.lines[first])}
                faults.add(
                    "heading_blank",
                    file=raw.file,
                    **place,
                    value=raw.columns[i].texts()[first],
                    position=i + 1,
                )
        elif k in keys.values():
            faults.add("heading_twice", file=raw.file, column=heading)
        elif k not in section.ignore:
            keys[i] = k
    return keys


def _default(name: str, text: str, columns: MappingABC[str, Column], n: int) -> Column:
    """Return what a file of this kind says without a column; schemes are each a track of its own."""
    if name == "track" and text.endswith(" "):
        state = columns["state"]
        return Column(state.codes, tuple(text + s for s in state.distinct))
    return Column.constant(text, n)


def _renamed(column: Column, codes: MappingABC[str, str] | None) -> Column:
    if not codes:
        return column
    return Column(column.codes, tuple(codes.get(fold(t), t) for t in column.distinct))


def _near_heading(raw: RawTable, of: Field, claims: Claims) -> Message:
    free = {key(h): h for i, h in enumerate(raw.headings) if i not in claims.fields and h}
    for spelling in sorted(of.strong):
        near = difflib.get_close_matches(spelling, free, n=1, cutoff=0.75)
        if near:
            return message("records.near_heading", near=free[near[0]])
    return message("records.headings_read", headings=[h for h in raw.headings if h][:12])


def naming(headings: Iterable[str]) -> list[str]:
    """Return the headings that name a person outright."""
    return [h for h in headings if key(h) in identifying()]
