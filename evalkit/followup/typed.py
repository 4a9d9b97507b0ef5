"""From a table of texts to a frame of days, numbers and codes, with a fault for every value that is not what its column holds.

Not the checks between rows: those are in `checks`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evalkit.followup.faults import Faults
from evalkit.followup.schema import Field, tables
from evalkit.followup.tables import Column, Origin, TextTable
from evalkit.followup.values import YEARS, Unreadable, days, free, number_text, numbers, read_each
from evalkit.vocabulary import Vocabulary, fold
from evalkit.wording import Message, message

#: A new track this close to a known one is taken for a slip of the pen.
_SLIP = 0.8
#: A long file number that a spreadsheet has rounded: 1,23E+12.
_ROUNDED = re.compile(r"\d[.,]?\d*[eE]\+?\d{2}")


def typed(
    target: str, table: TextTable, vocabulary: Vocabulary, dates: str | None, faults: Faults
) -> tuple[pd.DataFrame, Origin]:
    """Return a table as a frame: declared fields first, then the columns kept, in the order they came.

    Blank values are NaT, nan or None; a field in `always` is there even when no file has it.
    """
    schema = tables()[target]
    reader = _Reader(table.origin, vocabulary, dates, faults)
    n = len(table.origin)
    out: dict[str, Any] = {}
    for of in schema.fields.values():
        if of.name in table.columns:
            out[of.name] = reader.read(of, table.columns[of.name], out)
        elif of.name in schema.always:
            out[of.name] = reader.read(of, Column.absent(n), out)
    for name, column in table.columns.items():
        if name not in schema.fields:
            out[name] = free(column)
    # The container is fixed so that pandas 2 and 3 hold texts alike.
    frame = pd.DataFrame({k: pd.Series(v, dtype=v.dtype) for k, v in out.items()}, index=pd.RangeIndex(n))
    return frame, table.origin


class _Reader:
    """Reads the columns of one table."""

    def __init__(self, origin: Origin, vocabulary: Vocabulary, dates: str | None, faults: Faults):
        self.origin, self.vocabulary, self.dates, self.faults = origin, vocabulary, dates, faults

    def read(self, of: Field, column: Column, so_far: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the values of one field."""
        if of.required:
            self.faults.rows("blank", self.origin, np.flatnonzero(column.blank), of.name)
        if of.kind == "date":
            values, unread = days(column, self.dates)
            self._unread(of, column, unread)
            return values
        if of.kind == "number":
            values, unread = numbers(column)
            self._unread(of, column, unread)
            self._implausible_age(of, values)
            return values
        if of.kind == "code":
            return self._codes(of.name, str(of.group), column)
        if of.kind == "track":
            return self._tracks(of, column)
        if of.kind == "state":
            return self._states(of, column, so_far["track"])
        if of.kind == "id":
            at = np.flatnonzero(
                np.isin(column.codes, [i for i, t in enumerate(column.distinct) if _ROUNDED.fullmatch(t)])
            )
            self.faults.rows("id_rounded", self.origin, at, of.name, column.texts()[at])
        return column.texts()

    def _implausible_age(self, of: Field, values: np.ndarray) -> None:
        at = np.flatnonzero((values < 0) | (values > 120))
        self.faults.rows(
            "age", self.origin, at, of.name, np.array([number_text(v) for v in values[at]], dtype=object)
        )

    def _unread(self, of: Field, column: Column, unread: Mapping[int, str]) -> None:
        for reason in sorted(set(unread.values())):
            codes = [i for i, why in unread.items() if why == reason]
            at = np.flatnonzero(np.isin(column.codes, codes))
            # The years allowed and the declared format are told where the sentence speaks of them.
            said = {"first_year": str(YEARS[0]), "last_year": str(YEARS[1]), "format": self.dates or ""}
            self.faults.rows(reason, self.origin, at, of.name, column.texts()[at], lambda i, said=said: said)

    def _codes(self, name: str, group: str, column: Column, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the codes of a column; with `rows`, only those rows must be known, the others keep their text."""
        known = [self.vocabulary.recognise(group, t) for t in column.distinct]
        values = column.take(known, None, object)
        wrong = ~column.blank & pd.isna(values)
        if rows is not None:
            values = np.where(rows, values, column.texts())
            wrong &= rows
        at = np.flatnonzero(wrong)
        texts = column.texts()[at]
        where = dict(zip(at.tolist(), texts, strict=True))
        self.faults.rows(
            "unknown_code", self.origin, at, name, texts, lambda i: {"hint": self._hint(group, where[i])}
        )
        return values

    def _hint(self, group: str, value: str) -> Message:
        near = self.vocabulary.nearest(group, value)
        if near:
            return message("records.near", near=near)
        terms = self.vocabulary.groups.get(group, {}).values()
        return message("records.choices", known=[message("records.quoted", word=t.labels) for t in terms])

    def _tracks(self, of: Field, column: Column) -> np.ndarray:
        """Return tracks: known ones as codes, others under their own name unless a known one is nearly spelled so."""
        spelled = {
            fold(s): s
            for t in self.vocabulary.groups["track"].values()
            for s in (t.code, t.fr, t.en, *t.aliases)
        }

        def one(text: str) -> str:
            code = self.vocabulary.recognise("track", text)
            if code:
                return code
            near = difflib.get_close_matches(fold(text), spelled, n=1, cutoff=_SLIP)
            if near and not fold(text).startswith(near[0]):
                slips[text] = spelled[near[0]]
                raise Unreadable("track_near")
            return text

        slips: dict[str, str] = {}
        values, _ = read_each(column, one, None, object)
        texts = column.texts()
        at = np.flatnonzero([t in slips for t in texts]) if slips else np.empty(0, dtype=np.int64)
        self.faults.rows(
            "track_near", self.origin, at, of.name, texts[at], lambda i: {"near": slips[texts[i]]}
        )
        return np.where(column.blank, "status", values)

    def _states(self, of: Field, column: Column, tracks: np.ndarray) -> np.ndarray:
        """Return situations: codes on tracks of class "status", free names on the others."""
        status = np.isin(tracks.astype(str), self.vocabulary.codes("track", "status"))
        return self._codes(of.name, "status", column, status)
