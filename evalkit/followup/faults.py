"""Collects what is wrong with a dashboard: one fault for a value however often it occurs, every kind of fault shown.

Not the checks: those decide what is wrong, this says it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from evalkit.errors import Fault, InputError
from evalkit.followup.tables import Origin
from evalkit.wording import Message, fault, message

#: Faults of one kind in one column that are told one by one; the others are counted in one sentence.
SHOWN = 3
#: Lines named for a value that occurs often.
LINES = 3


class Faults:
    """A growing list of faults; `raise_if_any` ends it."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, name: str, /, **values: Any) -> None:
        """Add the fault ``records.<name>``."""
        self.found.append(fault(f"records.{name}", **values))

    def rows(
        self, name: str, origin: Origin, at: np.ndarray, column: str,
        values: np.ndarray | None = None, more: Callable[[int], Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """Add the fault ``records.<name>`` for the rows at positions `at`.

        Parameters
        ----------
        column : str
            The field concerned; the file's own heading is shown.
        values : array, optional
            One value per position: equal values make one fault with its count and first lines. Without it each row is one.
        more : callable, optional
            Position of a fault's first row to further values of its sentence.
        """
        if not len(at):
            return
        groups = [at[[i]] for i in range(min(len(at), SHOWN))] if values is None else _grouped(at, values)
        for group in groups[:SHOWN]:
            first = int(group[0])
            said = dict(more(first)) if more else {}
            if values is not None:
                said["value"] = values[int(np.flatnonzero(at == first)[0])]
            self.add(
                name, **origin.place(first, column), count=len(group), times=_times(origin, group), **said
            )
        left = len(at) - sum(len(g) for g in groups[:SHOWN])
        if left:
            rest = np.setdiff1d(at, np.concatenate(groups[:SHOWN]))
            self.add("more_of_these", **origin.place(int(rest[0]), column), count=left)

    def raise_if_any(self) -> None:
        """Raise an `InputError` with all faults: file by file, each from its first line to its last."""
        if self.found:
            files = {f.file: i for i, f in reversed(list(enumerate(self.found)))}
            raise InputError(sorted(self.found, key=lambda f: (files[f.file], f.line or 0)))


def _grouped(at: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Return the positions of each value, values in order of first appearance."""
    index: dict[Any, int] = {}
    codes = np.fromiter((index.setdefault(v, len(index)) for v in values), dtype=np.int64, count=len(values))
    order = np.argsort(codes, kind="stable")
    return np.split(at[order], np.cumsum(np.bincount(codes))[:-1])


def _times(origin: Origin, group: np.ndarray) -> Message:
    """Return nothing for one row, else how many times and the first lines."""
    if len(group) == 1:
        return message("records.once")
    lines = [str(origin.lines[i]) for i in group[:LINES]]
    unit = message(f"records.several_{origin.unit(int(group[0]))}")
    if len(group) <= LINES:
        return message("records.times", n=len(group), unit=unit, lines=lines)
    return message("records.many_times", n=len(group), unit=unit, lines=", ".join(lines))
