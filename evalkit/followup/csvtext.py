"""Reads one text file of records as it is: encoding, separator, headings' line, quotation marks, line of every row.

Not a typer of values: everything stays text.
"""

from __future__ import annotations

import codecs
import collections
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.followup.faults import Faults
from evalkit.followup.tables import Column, RawTable, clean

SEPARATORS = (";", ",", "\t", "|")
#: Rows searched for the headings: exports may begin with a title.
PREVIEW = 25
_CHUNK = 20_000
_BREAK = re.compile("\r\n|\r|\n")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: What a file may hold and still be empty.
_NOTHING = "".join(SEPARATORS) + '" \r\n\x00'

#: Headings to how many of them are known: 0 when none of them names the person.
Recognise = Callable[[Sequence[str]], int]


def read_csv(path: Path, recognise: Recognise, faults: Faults, blank: frozenset[str]) -> RawTable | None:
    """Read a file, adding to `faults` what cannot be read; None when there are no headings to go by.

    Parameters
    ----------
    recognise : callable
        Counts the known headings of a row, 0 when the person's is not among them: the first row that counts for something
        holds the headings, and the separator that makes most headings known is the file's.
    blank : frozenset of str
        Values that mean "no value".
    """
    name = path.name
    decoded = decode(path.read_bytes(), name, faults)
    if decoded is None:
        return None
    text, encoding = decoded
    if not text.strip(_NOTHING):
        faults.add("empty_file", file=name)
        return None
    hint = re.match(r"sep=(.)\r?\n", text)
    separator, above = _layout(text, recognise, hint[1] if hint else None)
    try:
        top, headings = next(itertools.islice(_records(text, separator), above, None))
        body = _Body(name, top, [clean(h) for h in headings], faults)
        for lines, rows in _chunks(text, separator):
            body.add(lines, rows)
    except _BrokenRecord as error:
        faults.add("broken_quotes", file=name, line=error.line)
        return None
    body.say_ragged()
    return body.table(path.stem, above - bool(hint), encoding, separator, blank)


def decode(data: bytes, name: str, faults: Faults) -> tuple[str, str] | None:
    """Return the text and its encoding: what a byte-order mark says, else UTF-8 when it is, else CP1252."""
    marked = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    faults.add("encoding", file=name, line=line)
    return None


class _BrokenRecord(csv.Error):
    """A record that cannot be cut into cells; `line` is where it begins."""

    def __init__(self, line: int):
        super().__init__(line)
        self.line = line


def _reader(text: str, separator: str, strict: bool) -> Any:
    return csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=strict, skipinitialspace=True
    )


def _records(text: str, separator: str, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield the line each record begins on and its cells; blank lines are passed over."""
    reader = _reader(text, separator, strict)
    end = 0
    try:
        for row in reader:
            if row:
                yield end + 1, row
            end = reader.line_num
    except csv.Error as error:
        raise _BrokenRecord(end + 1) from error


def _chunks(text: str, separator: str) -> Iterator[tuple[np.ndarray, list[list[str]]]]:
    """Yield many records at once, blank lines as empty ones, with the line each begins on: fast on a million lines."""
    reader = _reader(text, separator, strict=True)
    end = 0
    while True:
        try:
            rows = list(itertools.islice(reader, _CHUNK))
        except csv.Error:
            # Once more, record by record, up to the broken one: its line is wanted.
            collections.deque(_records(text, separator), maxlen=0)
            raise  # pragma: no cover - the second pass stops where the first did
        if not rows:
            return
        lines = np.arange(end + 1, end + 1 + len(rows), dtype=np.int64)
        if reader.line_num - end > len(rows):
            # Some record of the chunk runs over several lines: those are the line breaks inside its cells.
            inside = [sum(len(_BREAK.findall(cell)) for cell in row) for row in rows]
            lines[1:] += np.cumsum(inside)[:-1]
        end = reader.line_num
        yield lines, rows


def _layout(text: str, recognise: Recognise, hint: str | None) -> tuple[str, int]:
    """Return the separator and how many records stand above the headings."""
    best, score = (SEPARATORS[0], 0), (-1, -1)
    for separator in (hint, *SEPARATORS) if hint else SEPARATORS:
        try:
            rows = [row for _, row in itertools.islice(_records(text, separator, strict=False), PREVIEW)]
        except _BrokenRecord:
            continue
        top = top_row(rows, recognise)
        # With no known heading at all, the separator that cuts the first line into most cells.
        this = (recognise(rows[top]), len(rows[0]))
        if this > score:
            best, score = (separator, top), this
    return best


def top_row(rows: Sequence[Sequence[str]], recognise: Recognise) -> int:
    """Return which row holds the headings: the first that knows the person's, else the first."""
    return next((i for i, row in enumerate(rows) if recognise(row)), 0)


class _Body:
    """The rows below the headings, gathered by chunks: each distinct text is kept once."""

    def __init__(self, name: str, top: int, headings: list[str], faults: Faults):
        self.name, self.top, self.headings, self.faults = name, top, headings, faults
        self.index: list[dict[str, int]] = [{} for _ in headings]
        self.codes: list[list[np.ndarray]] = [[] for _ in headings]
        self.lines: list[np.ndarray] = []
        self.ragged: list[tuple[int, int]] = []
        self.refused: set[str] = set()

    def add(self, lines: np.ndarray, rows: list[list[str]]) -> None:
        """Take in some records, those down to the headings excepted."""
        if lines[0] <= self.top:
            below = int(np.searchsorted(lines, self.top, side="right"))
            lines, rows = lines[below:], rows[below:]
        width = len(self.headings)
        if any(len(row) != width or not row[0].strip() for row in rows):
            lines, rows = self._straightened(lines, rows)
        if not len(rows):
            return
        self.lines.append(lines)
        for cells, index, codes in zip(zip(*rows, strict=True), self.index, self.codes, strict=True):
            codes.append(np.array([index.setdefault(c, len(index)) for c in cells], dtype=np.int64))

    def _straightened(self, lines: np.ndarray, rows: list[list[str]]) -> tuple[np.ndarray, list[list[str]]]:
        """Leave out rows with no value at all, cut blank cells beyond the headings, set rows of another length apart."""
        width = len(self.headings)
        kept = []
        for i, row in enumerate(rows):
            if not any(clean(c) for c in row):
                continue
            if len(row) < width or any(clean(c) for c in row[width:]):
                self.ragged.append((int(lines[i]), len(row)))
                self.refused.update(map(clean, row))
            else:
                kept.append(i)
        return lines[kept], [rows[i][:width] for i in kept]

    def say_ragged(self) -> None:
        """Add the faults of the rows that have too many or too few cells."""
        for line, cells in self.ragged[:5]:
            self.faults.add("ragged", file=self.name, line=line, cells=cells, width=len(self.headings))
        if len(self.ragged) > 5:
            line = self.ragged[5][0]
            self.faults.add("more_ragged", file=self.name, line=line, count=len(self.ragged) - 5)

    def table(self, stem: str, above: int, encoding: str, separator: str, blank: frozenset[str]) -> RawTable:
        """Return what was read."""
        nothing = np.empty(0, dtype=np.int64)
        columns = [
            Column.of(np.concatenate([nothing, *codes]), index, blank)
            for codes, index in zip(self.codes, self.index, strict=True)
        ]
        lines = np.concatenate([nothing, *self.lines])
        return RawTable(
            self.name, stem, tuple(self.headings), tuple(columns), lines, "line", above, encoding, separator,
            frozenset(self.refused),
        )  # fmt: skip
