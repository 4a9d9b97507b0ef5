"""Which case of a row is for whom and when, and where routes lead, as arrays.

Not a draw.
"""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.simulation.language.durations import Case
from evalkit.simulation.luck.sampler import TICKS_PER_DAY

#: The trait that stands for dates: between which of the dates that cases mention a person enters a state.
ERA = "\x1eera"


@dataclass(frozen=True)
class Eras:
    """The times between the dates that cases mention.

    Parameters
    ----------
    start : date
        First day of the play.
    ticks : tuple of int
        First ticks of the eras after the first.
    """

    start: dt.date
    ticks: tuple[int, ...] = ()

    @classmethod
    def of(cls, start: dt.date, cases: Iterable[Case]) -> Eras:
        """Cut the calendar at every date that a case mentions."""
        found = set()
        for case in cases:
            found |= {cls._tick(start, case.start)} if case.start else set()
            found |= {cls._tick(start, case.stop) + TICKS_PER_DAY} if case.stop else set()
        return cls(start, tuple(sorted(found)))

    @staticmethod
    def _tick(start: dt.date, day: dt.date) -> int:
        return (day - start).days * TICKS_PER_DAY

    def at(self, tick: int) -> int:
        """Return the era of a tick."""
        return bisect_right(self.ticks, tick)

    def within(self, era: int, case: Case) -> bool:
        """Tell whether an era lies between the dates of a case, both included."""
        first = self.ticks[era - 1] if era else None
        if case.start is not None and (first is None or first < self._tick(self.start, case.start)):
            return False
        return case.stop is None or first is None or first <= self._tick(self.start, case.stop)


@dataclass(frozen=True)
class Choice:
    """Which case of a row applies to whom: an array over the traits that the cases mention, in `traits` order."""

    traits: tuple[str, ...]
    cases: np.ndarray

    @classmethod
    def of(cls, conditions: Sequence[Case], levels: Mapping[str, Sequence[str]], eras: Eras) -> Choice:
        """Resolve ordered conditions; the first that fits is taken."""
        traits = {name for case in conditions for name in case.when}
        if any(case.start or case.stop for case in conditions):
            traits.add(ERA)
        named = tuple(sorted(traits))
        levels = {**levels, ERA: tuple(str(k) for k in range(len(eras.ticks) + 1))}
        shape = tuple(len(levels[t]) for t in named)
        cases = np.zeros(shape, dtype=np.int64)
        for at in itertools.product(*(range(n) for n in shape)):
            person = {t: levels[t][k] for t, k in zip(named, at, strict=True)}
            era = int(person.get(ERA, 0))
            cases[at] = next(
                c
                for c, case in enumerate(conditions)
                if all(person[t] == v for t, v in case.when.items()) and eras.within(era, case)
            )
        return cls(named, cases)

    def take(self, codes: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """Return the case of each of `n` people from the codes of their traits."""
        if not self.traits:
            return np.full(n, int(self.cases), dtype=np.int64)
        return self.cases[tuple(codes[t] for t in self.traits)]


@dataclass(frozen=True)
class Way:
    """One set of routes: cumulative shares, the last being 1, and the state behind each."""

    cumulative: tuple[float, ...]
    targets: tuple[int, ...]
