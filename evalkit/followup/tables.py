"""The shapes a dashboard takes between a file and the noun: columns of distinct texts, rows that know their line.

Not a reader and not a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evalkit.wording import Message, message

_CONTROL = {c: None for c in (*range(32), 127, 0xFFFE, 0xFFFF, 0xFEFF, 0x200B) if c not in (9, 10)}


def clean(text: str) -> str:
    """Return a value as it is kept: no control characters, line breaks as one kind, no blanks around.

    Examples
    --------
    >>> clean("\\ufeff Paris\\r\\nEst \\x00")
    'Paris\\nEst'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL).strip()


@dataclass(frozen=True)
class Column:
    """One column as text: `codes` gives for each row a position in `distinct`, -1 where the cell is blank."""

    codes: np.ndarray
    distinct: tuple[str, ...]

    @classmethod
    def of(cls, codes: np.ndarray, texts: Iterable[str], blank: frozenset[str] = frozenset()) -> Column:
        """Clean the distinct texts; those that are empty, or among `blank`, become missing."""
        cleaned = [clean(t) for t in texts]
        index: dict[str, int] = {}
        lookup = [-1 if not t or t in blank else index.setdefault(t, len(index)) for t in cleaned]
        return cls(np.array([*lookup, -1], dtype=np.int64)[codes], tuple(index))

    @classmethod
    def constant(cls, text: str, n: int) -> Column:
        """Return `text` on every row."""
        return cls.of(np.zeros(n, dtype=np.int64), [text])

    @classmethod
    def absent(cls, n: int) -> Column:
        """Return `n` blank rows."""
        return cls(np.full(n, -1, dtype=np.int64), ())

    @classmethod
    def joined(cls, parts: Sequence[Column]) -> Column:
        """Return the parts under one another."""
        shifts = np.cumsum([0, *(len(p.distinct) for p in parts)])
        codes = [np.where(p.codes < 0, -1, p.codes + s) for p, s in zip(parts, shifts[:-1], strict=True)]
        return cls.of(np.concatenate(codes), [t for p in parts for t in p.distinct])

    def take(self, values: Iterable[Any], missing: Any, dtype: Any) -> np.ndarray:
        """Return one value per row, given one per distinct text."""
        out = np.empty(len(self.distinct) + 1, dtype=dtype)
        for i, value in enumerate(values):
            out[i] = value
        out[-1] = missing
        return out[self.codes]

    def texts(self) -> np.ndarray:
        """Return the rows as an object array of str and None."""
        return self.take(self.distinct, None, object)

    @property
    def blank(self) -> np.ndarray:
        """Which rows have no value."""
        return self.codes < 0


@dataclass(frozen=True)
class RawTable:
    """One file or sheet as text, with the line of each row.

    `unit` is "line" for text files, "row" for sheets and frames; `above` counts the lines left unread above the headings;
    `refused` holds every text of the rows that could not be cut into cells, and are not among `columns`.
    """

    file: str
    stem: str
    headings: tuple[str, ...]
    columns: tuple[Column, ...]
    lines: np.ndarray
    unit: str = "line"
    above: int = 0
    encoding: str | None = None
    separator: str | None = None
    refused: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class Origin:
    """Where the rows of a table came from: the file and line of each, the files' own headings."""

    lines: np.ndarray
    sources: np.ndarray
    files: tuple[str, ...]
    units: tuple[str, ...]
    headings: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, raw: RawTable, headings: Mapping[str, str]) -> Origin:
        """Return the origin of the rows of one file."""
        return cls(raw.lines, np.zeros(len(raw), dtype=np.int32), (raw.file,), (raw.unit,), (headings,))

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, i: int, column: str) -> dict[str, Any]:
        """Return where row `i` is, as the arguments of a fault."""
        source = int(self.sources[i])
        heading = self.headings[source].get(column, column)
        return {"file": self.files[source], self.units[source]: int(self.lines[i]), "column": heading}

    def line(self, i: int) -> Message:
        """Return the line or row of row `i` as it is named inside a sentence."""
        return message(f"records.on_{self.unit(i)}", at=int(self.lines[i]))

    def unit(self, i: int) -> str:
        """Return what row `i` is in its file: a "line" or a "row"."""
        return self.units[int(self.sources[i])]

    def take(self, rows: np.ndarray) -> Origin:
        """Return the origin of some rows (a mask or positions)."""
        return replace(self, lines=self.lines[rows], sources=self.sources[rows])


@dataclass(frozen=True)
class TextTable:
    """A table under its own fields' names, every value still text."""

    columns: Mapping[str, Column]
    origin: Origin

    @classmethod
    def joined(cls, parts: Sequence[TextTable]) -> TextTable:
        """Return the parts under one another; a column missing from one is blank there."""
        if len(parts) == 1:
            return parts[0]
        names = list(dict.fromkeys(n for p in parts for n in p.columns))
        columns = {
            n: Column.joined([p.columns.get(n, Column.absent(len(p.origin))) for p in parts]) for n in names
        }
        shifts = np.cumsum([0, *(len(p.origin.files) for p in parts)])
        origin = Origin(
            np.concatenate([p.origin.lines for p in parts]),
            np.concatenate([p.origin.sources + s for p, s in zip(parts, shifts[:-1], strict=True)]),
            tuple(f for p in parts for f in p.origin.files),
            tuple(u for p in parts for u in p.origin.units),
            tuple(h for p in parts for h in p.origin.headings),
        )
        return cls(columns, origin)
