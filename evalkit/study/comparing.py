"""Compares regenerated tables with the expected ones, cell by cell, within the study's tolerance.

Not a cache: an unchanged input never excuses a changed number.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit import wording
from evalkit.disclosure import COUNTS, DERIVED
from evalkit.errors import Drift
from evalkit.result import VALUES
from evalkit.study.declaration import Tolerance
from evalkit.wording import Message, message

_INTEGER = re.compile(r"[-+]?\d+")
_EMPTY = {"", "nan", "NaN", "NA"}


@dataclass(frozen=True)
class Difference:
    """One thing that is not as expected.

    Parameters
    ----------
    kind : {"file_missing", "file_extra", "column_missing", "column_extra", "row_missing", "row_extra", "cell"}
    file : str
    row : str
        The key of the row in words, or "".
    column, expected, got : str
    """

    kind: str
    file: str
    row: str = ""
    column: str = ""
    expected: str = ""
    got: str = ""

    def said(self) -> Message:
        """Return the difference as a sentence."""
        return message(f"study.{self.kind}", file=self.file, row=self.row, column=self.column,
                       expected=self.expected or "–", got=self.got or "–", gap=self.gap)  # fmt: skip

    @property
    def gap(self) -> str:
        """Return got minus expected when both are numbers."""
        expected, got = _number(self.expected), _number(self.got)
        return "–" if expected is None or got is None else f"{got - expected:+.6g}"


@dataclass(frozen=True)
class Check:
    """The outcome of comparing a study with its expected tables.

    Parameters
    ----------
    differences : tuple of Difference
    n_files, n_cells : int
        How much was compared.
    """

    differences: tuple[Difference, ...]
    n_files: int
    n_cells: int

    @property
    def ok(self) -> bool:
        """Whether something was compared and nothing differs."""
        return self.n_files > 0 and not self.differences

    def summary(self, lang: str | None = None, first: int = 10) -> str:
        """Return the verdict and the `first` differences, in `lang`."""
        if self.ok:
            return wording.text(
                "study.check_ok", lang, n=self.n_cells, tables=message("study.tables", n=self.n_files)
            )
        if not self.differences:
            return wording.text("study.check_nothing", lang)
        lines = [wording.text("study.check_drift", lang, n=len(self.differences))]
        lines += [f"- {d.said().text(lang)}" for d in self.differences[:first]]
        if len(self.differences) > first:
            lines.append(wording.text("study.check_more", lang, n=len(self.differences) - first))
        return "\n".join(lines)

    def require(self) -> None:
        """Raise `Drift` unless everything is as expected."""
        if not self.ok:
            raise Drift({lang: self.summary(lang) for lang in wording.LANGUAGES})


def compare(expected: Path, got: Path, tolerance: Tolerance) -> Check:
    """Compare the CSV files of two folders.

    Words and whole numbers must be equal, other numbers lie within the band of their column; a missing value equals only a
    missing value.
    """
    names_expected = {p.name for p in expected.glob("*.csv")}
    names_got = {p.name for p in got.glob("*.csv")}
    found = [Difference("file_missing", name) for name in sorted(names_expected - names_got)]
    found += [Difference("file_extra", name) for name in sorted(names_got - names_expected)]
    n_cells = 0
    for name in sorted(names_expected & names_got):
        one, other = _read(expected / name), _read(got / name)
        n_cells += len(one.rows) * len(one.columns)
        found += _compare_tables(name, one, other, tolerance)
    return Check(tuple(found), len(names_expected & names_got), n_cells)


@dataclass(frozen=True)
class _Table:
    columns: list[str]
    rows: list[dict[str, str]]


def _read(path: Path) -> _Table:
    """Read every cell as it is written: a CSV reader that guesses types would hide 1 against 1.0."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        return _Table(list(reader.fieldnames or []), rows)


def _compare_tables(name: str, expected: _Table, got: _Table, tolerance: Tolerance) -> Iterator[Difference]:
    yield from (
        Difference("column_missing", name, column=c) for c in expected.columns if c not in got.columns
    )
    yield from (Difference("column_extra", name, column=c) for c in got.columns if c not in expected.columns)
    shared = [c for c in expected.columns if c in got.columns]
    keys = [c for c in shared if c not in {*VALUES, *COUNTS, *DERIVED}]

    def key(row: dict[str, str]) -> tuple[str, ...]:
        return tuple(row[c] for c in keys)

    def said(row: dict[str, str], number: int) -> str:
        return ", ".join(f"{c}={row[c]}" for c in keys if row[c] not in _EMPTY) or str(number + 1)

    pairs = _paired(expected.rows, got.rows, [key(r) for r in expected.rows], [key(r) for r in got.rows])
    for number, (one, other) in enumerate(pairs):
        if other is None:
            assert one is not None  # a pair has at least one side
            yield Difference("row_missing", name, said(one, number))
        elif one is None:
            yield Difference("row_extra", name, said(other, number))
        else:
            for column in shared:
                if not _same(one[column], other[column], column, tolerance):
                    yield Difference("cell", name, said(one, number), column, one[column], other[column])


Row = dict[str, str]


def _paired(
    expected: Sequence[Row], got: Sequence[Row], keys_expected: list[tuple], keys_got: list[tuple]
) -> list[tuple[Row | None, Row | None]]:
    """Pair rows by position when there are as many, else by key, the n-th of a key with the n-th of the same key."""
    if len(expected) == len(got):
        return list(zip(expected, got, strict=True))
    left = {(k, i): row for k, i, row in zip(keys_got, _occurrence(keys_got), got, strict=True)}
    pairs: list[tuple[Row | None, Row | None]] = []
    for k, i, row in zip(keys_expected, _occurrence(keys_expected), expected, strict=True):
        pairs.append((row, left.pop((k, i), None)))
    return pairs + [(None, row) for row in left.values()]


def _occurrence(keys: list[tuple]) -> list[int]:
    seen: Counter = Counter()
    out = []
    for k in keys:
        out.append(seen[k])
        seen[k] += 1
    return out


def _same(expected: str, got: str, column: str, tolerance: Tolerance) -> bool:
    if expected == got or (expected in _EMPTY and got in _EMPTY):
        return True
    if _INTEGER.fullmatch(expected) and _INTEGER.fullmatch(got):
        return int(expected) == int(got)
    one, other = _number(expected), _number(got)
    if one is None or other is None:
        return False
    if math.isinf(one) or math.isinf(other):
        return one == other
    band = tolerance.of(column)
    return abs(other - one) <= band.atol + band.rtol * abs(one)


def _number(cell: str) -> float | None:
    if cell in _EMPTY:
        return None
    try:
        return float(cell)
    except ValueError:
        return None
