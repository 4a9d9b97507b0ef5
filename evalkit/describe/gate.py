"""Tables of counts that pass the disclosure gate together: what one hides, its neighbour on the page does not show.

Not the rule of what is too small: that is `evalkit.disclosure`.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.disclosure import Policy, protected, too_small
from evalkit.result import Result

#: Group that stands for everybody, and group of those without a value.
ALL, MISSING = "all", "missing"
#: A total with its parts, by row position.
Partition = tuple[int | None, Sequence[int]]


@dataclass(frozen=True, repr=False)
class Counted(Result, ABC):
    """A result made of counts that add up, on its own or beside others."""

    _beside: tuple[Counted, ...] = ()

    @abstractmethod
    def partitions(self) -> Iterable[Partition]:
        """Return what adds up in the table."""

    @abstractmethod
    def keys(self) -> list[Hashable]:
        """Return what each row counts, in terms common to all tables: the same key is the same number of people."""

    @abstractmethod
    def bases(self) -> list[int | None]:
        """Return, for each row, the row that counts its base `n`, if there is one."""

    def hidden(self, policy: Policy) -> np.ndarray:
        """Return which rows to hide, the tables beside this one considered."""
        together = self._beside or (self,)
        mine = next(i for i, other in enumerate(together) if other.table is self.table)
        return _hidden_together(together, policy)[mine]

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        hide = self.hidden(policy)
        return self._without(hide, policy), int(hide.sum())

    def _without(self, hide: np.ndarray, policy: Policy) -> pd.DataFrame:
        """Return the table without the figures of the rows hidden."""
        figures = [
            c for c in ("count", "n", "share", "estimate", "numerator", "denominator") if c in self.table
        ]
        out = self.table.copy()
        out[figures] = out[figures].astype(float).mask(np.repeat(hide[:, None], len(figures), axis=1))
        out["status"] = np.where(hide, "suppressed", "ok")
        # A hidden count must not come back as the base of a shown one, nor from a share.
        unbased = np.array([base is not None and hide[base] for base in self.bases()], dtype=bool)
        for column in ("n", "share", "denominator"):
            if column in out:
                out[column] = out[column].mask(unbased)
        return out


def beside(results: Sequence[Counted]) -> list[Counted]:
    """Return results that, when published, each consider what the others show."""
    return [dataclasses.replace(r, _beside=tuple(results)) for r in results]


def _hidden_together(results: Sequence[Counted], policy: Policy) -> list[np.ndarray]:
    tables = [r.table for r in results]
    starts = np.cumsum([0, *map(len, tables)])
    counts = pd.concat([_counts(t) for t in tables], ignore_index=True)
    hide = np.concatenate([too_small(t, policy) for t in tables])
    partitions: list[Partition] = []
    same: list[tuple[int, int]] = []
    first: dict[Hashable, int] = {}
    for result, start in zip(results, starts[:-1].tolist(), strict=True):
        for total, parts in result.partitions():
            partitions.append((None if total is None else total + start, [i + start for i in parts]))
        for i, key in enumerate(result.keys()):
            if key is not None and first.setdefault(key, i + start) != i + start:
                partitions.append((first[key], [i + start]))
                same.append((first[key], i + start))
        bases = [(i + start, base + start) for i, base in enumerate(result.bases()) if base is not None]
        # A base of many people is hidden for the sake of others; that none of them is in a line tells of nobody.
        same += [(i, base) for i, base in bases if counts[base] < policy.threshold]
    found = _with_zeros(protected(counts, hide, partitions, policy), counts, same)
    return [found[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]


def _with_zeros(hide: np.ndarray, counts: pd.Series, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Hide the zeros whose small base is hidden, or that another table hides: "none of them" tells of a few people too."""
    hide = hide.copy()
    zero = (counts == 0).to_numpy()
    both = np.array([*pairs, *((b, a) for a, b in pairs)], dtype=np.int64).reshape(-1, 2)
    while True:
        more = np.zeros(len(hide), dtype=bool)
        more[both[hide[both[:, 1]], 0]] = True
        more &= zero & ~hide
        if not more.any():
            return hide
        hide |= more


def _counts(table: pd.DataFrame) -> pd.Series:
    return table["count" if "count" in table else "numerator"].astype(float)
