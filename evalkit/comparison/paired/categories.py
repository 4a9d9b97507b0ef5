"""Answers of a nominal outcome: which categories there are, and the number of each answer.

Not for estimates, and not for an order that means something: that is the ordinal kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.paired.waves import Waves
from evalkit.errors import Fault, InputError
from evalkit.wording import fault

#: More categories than this are a number or a free text, not a nominal outcome.
_MOST = 30


@dataclass(frozen=True)
class Categories:
    """The answers of everybody by category.

    Parameters
    ----------
    names : tuple of str
        Categories as they are written.
    before, after : float array, shape (people,)
        Position of each answer in `names`; nan where missing.
    """

    names: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @property
    def paired(self) -> np.ndarray:
        """Who is seen at both dates."""
        return np.isfinite(self.before) & np.isfinite(self.after)

    def table(self) -> np.ndarray:
        """Return people seen twice by category before (rows) and after (columns)."""
        k = len(self.names)
        found = np.zeros((k, k), dtype=int)
        np.add.at(found, (self.before[self.paired].astype(int), self.after[self.paired].astype(int)), 1)
        return found

    def one(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        """Return both waves as 1 (this category), 0 (another) and nan."""
        return tuple(
            np.where(np.isfinite(wave), (wave == at).astype(float), np.nan)
            for wave in (self.before, self.after)
        )


def categories_of(waves: Waves, order: tuple[Any, ...] | None) -> Categories:
    """Return the answers by category.

    Parameters
    ----------
    waves : Waves
    order : tuple, optional
        All categories that may occur; by default those of a categorical column, else those seen at either date, sorted.

    Raises
    ------
    InputError
        For answers outside `order`, the same category twice in it, or too many categories.
    """
    listed = _listed(waves) if order is None else list(order)
    _check_listed(listed)
    at = {value: i for i, value in enumerate(listed)}
    faults: list[Fault] = []
    coded = {}
    for name in ("before", "after"):
        answers = waves.frame[name]
        known = answers.notna().to_numpy()
        raw = answers.to_numpy(dtype=object)
        coded[name] = np.array(
            [at.get(_hashable(v), np.nan) if k else np.nan for v, k in zip(raw, known, strict=True)],
            dtype=float,
        )
        bad = raw[known & ~np.isfinite(coded[name])]
        if len(bad):
            shown = sorted({repr(v) for v in bad})
            values = shown[:5] + (["…"] if len(shown) > 5 else [])
            faults.append(fault("comparison_tables.not_listed", column=name, count=len(bad), values=values))
    if faults:
        raise InputError(faults)
    return Categories(tuple(map(_written, listed)), coded["before"], coded["after"])


def _listed(waves: Waves) -> list[Any]:
    columns = [waves.frame["before"], waves.frame["after"]]
    if all(isinstance(c.dtype, pd.CategoricalDtype) for c in columns):
        return list(dict.fromkeys([*columns[0].cat.categories, *columns[1].cat.categories]))
    seen = {_hashable(v) for c in columns for v in c.dropna().to_numpy(dtype=object)}
    try:
        return sorted(seen)
    except TypeError:
        kinds = sorted({type(v).__name__ for v in seen})
        raise InputError(
            f"pre_post: categories are of several types ({', '.join(kinds)}); write them all alike, or list them with order="
        ) from None


def _check_listed(listed: list[Any]) -> None:
    empty = [v for v in listed if pd.api.types.is_scalar(v) and pd.isna(v)]
    if empty:
        raise InputError("pre_post: order= lists a missing value; missing answers are no category")
    names = [_written(_hashable(v)) for v in listed]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"pre_post: categories must be written differently, but {twice} stand twice")
    if len(listed) > _MOST:
        raise InputError(
            f"pre_post: kind='nominal' takes at most {_MOST} categories, but {len(listed)} were found; "
            "group them, or say kind='count' or 'continuous' if they are numbers"
        )


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise InputError(f"pre_post: a category must be a text or a number, but one was {value!r}") from None
    return value


def _written(value: Any) -> str:
    """Return a category as it is shown: whole numbers without decimals, whatever the column became for want of an answer."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
