"""Two waves of answers matched by person: who is seen twice, who only once, and what is wrong with the input.

Not for estimates: whatever the kind of outcome, the pairing is the same.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import number_values
from evalkit.errors import Fault, InputError
from evalkit.wording import fault


@dataclass(frozen=True)
class Waves:
    """The answers of each person at both dates.

    Parameters
    ----------
    frame : DataFrame
        Indexed by person, columns ``before`` and ``after``; a missing answer is NA.
    listed_before, listed_after : ndarray of bool
        Who is in each file, answered or not.
    numbered : bool
        True when persons carry only a row number.
    """

    frame: pd.DataFrame
    listed_before: np.ndarray
    listed_after: np.ndarray
    numbered: bool

    @property
    def has_before(self) -> np.ndarray:
        """Who answered before."""
        return self.frame["before"].notna().to_numpy()

    @property
    def has_after(self) -> np.ndarray:
        """Who answered after."""
        return self.frame["after"].notna().to_numpy()

    def counts(self) -> dict[str, int]:
        """Return how many people there are and how many are seen at each date."""
        before, after = self.has_before, self.has_after
        return {
            "people_all": len(self.frame),
            "people_paired": int((before & after).sum()),
            "people_only_before": int((before & ~after).sum()),
            "people_only_after": int((~before & after).sum()),
            "people_neither": int((~before & ~after).sum()),
            "empty_before": int((self.listed_before & ~before).sum()),
            "empty_after": int((self.listed_after & ~after).sum()),
        }


def measured(waves: Waves, name: str, function: str) -> np.ndarray:
    """Return the finite numbers of one wave, nan where missing; anything else is refused with counts."""
    known = waves.frame[name].notna().to_numpy()
    found = np.full(len(known), np.nan)
    if known.any():
        # A column of numbers with gaps may have become a column of objects on the way.
        found[known] = number_values(waves.frame[name][known].infer_objects(), name, function)
    return found


def pair(before: pd.Series, after: pd.Series) -> Waves:
    """Match two series by their index, the person.

    Raises
    ------
    InputError
        For persons listed twice at a date, missing identifiers, or identifiers of different types that never meet.
    """
    faults = [*_index_faults(before, "before"), *_index_faults(after, "after")]
    if faults:
        raise InputError(faults)
    if _never_meet(before.index, after.index):
        raise InputError(fault("comparison.ids_differ"))
    people = before.index.union(after.index, sort=False)
    return Waves(
        pd.DataFrame({"before": before.reindex(people), "after": after.reindex(people)}),
        people.isin(before.index),
        people.isin(after.index),
        numbered=isinstance(before.index, pd.RangeIndex) and before.index.name is None,
    )


def as_series(before: Any, after: Any, data: Any, person: str | None, wave: str | None, outcome: str | None):
    """Return the two waves as series indexed by person, from series, a wide frame or a long frame."""
    if data is None:
        if not (isinstance(before, pd.Series) and isinstance(after, pd.Series)):
            raise InputError(
                "pre_post: before and after must be pandas Series indexed by person; a list has no person "
                "to match by (or give data=, a wide or long DataFrame)"
            )
        return before, after
    if not isinstance(data, pd.DataFrame):
        raise InputError(f"pre_post: data must be a DataFrame, but was {type(data).__name__}")
    _need_columns(data, [c for c in (person, wave, outcome) if c is not None])
    if wave is None:
        _need_columns(data, [before, after])
        if before == after:
            raise InputError(f"pre_post: before and after must be two columns, but both were {before!r}")
        indexed = data if person is None else data.set_index(person)
        return indexed[before], indexed[after]
    if person is None or outcome is None:
        raise InputError("pre_post: long data need person=, wave= and outcome= (three column names)")
    known = data[wave].dropna().unique().tolist()
    unknown = [w for w in (before, after) if w not in known]
    if unknown or before == after:
        raise InputError(
            f"pre_post: before={before!r} and after={after!r} must be two different values of {wave!r}; "
            f"it holds {known}"
        )
    indexed = data.set_index(person)
    return indexed.loc[indexed[wave] == before, outcome], indexed.loc[indexed[wave] == after, outcome]


def _need_columns(data: pd.DataFrame, names: list) -> None:
    odd = [name for name in names if not isinstance(name, Hashable)]
    if odd:
        raise InputError(
            f"pre_post: with data=, before, after, person, wave and outcome name columns of it, but one was a {type(odd[0]).__name__}"
        )
    twice = [name for name in names if (data.columns == name).sum() > 1]
    if twice:
        raise InputError(f"pre_post: several columns of data are called {twice}; rename all but one")
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise InputError(f"pre_post: no column {missing} in data; it has {data.columns.tolist()}")


def _index_faults(series: pd.Series, column: str) -> list[Fault]:
    if isinstance(series.index, pd.MultiIndex):
        raise InputError(
            f"pre_post: persons of {column} must be named by one column, but the index has {series.index.nlevels}; join them into one"
        )
    found = []
    empty = int(series.index.isna().sum())
    if empty:
        found.append(fault("comparison.empty_person", column=column, count=empty))
    named = series.index[~series.index.isna()]
    twice = named[named.duplicated()].unique()
    if len(twice):
        shown = [str(person) for person in twice[:5]] + (["…"] if len(twice) > 5 else [])
        found.append(fault("comparison.duplicate_person", column=column, count=len(twice), ids=shown))
    return found


def _never_meet(one: pd.Index, other: pd.Index) -> bool:
    """Tell whether persons fail to match only because one file holds numbers and the other text."""
    if len(one) == 0 or len(other) == 0 or one.isin(other).any():
        return False
    return bool(one.map(str).isin(other.map(str)).any())
