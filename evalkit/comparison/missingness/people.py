"""People of a study with losses, read from a table: outcome (empty for the lost), before, arm, characteristics, reasons.

Not estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import binary_values, number_values, rows_of
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names, numbers
from evalkit.numerics.imputation import describe
from evalkit.wording import Message

#: More groups than this are names, not arms.
MOST_ARMS = 12


@dataclass(frozen=True, eq=False)
class People:
    """One row per person, rows without a "before" or an arm left out when that was asked.

    Parameters
    ----------
    after : float array, shape (n,)
        nan for the lost.
    before : float array, shape (n,), optional
    arm : int array, shape (n,)
        Place in `levels`; 0 is the reference.
    levels : tuple of str
        Names of the arms; ("",) without arms.
    frame : DataFrame, n rows
        All columns of the table.
    characteristics : tuple of str
    reason : str, optional
        Column of the reasons of loss.
    arm_column : str
        "" without arms.
    binary : bool
    scale : (float, float), optional
        Least and greatest value an answer can have.
    caveats : tuple of Message
        Who was left out.
    """

    after: np.ndarray
    before: np.ndarray | None
    arm: np.ndarray
    levels: tuple[str, ...]
    frame: pd.DataFrame
    characteristics: tuple[str, ...]
    reason: str | None
    arm_column: str
    binary: bool
    scale: tuple[float, float] | None
    caveats: tuple[Message, ...]

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.after)

    @property
    def seen(self) -> np.ndarray:
        """Who has an answer, bool array of shape (n,)."""
        return np.isfinite(self.after)

    @property
    def response(self) -> np.ndarray:
        """What is averaged: after, or after − before; nan for the lost."""
        return self.after if self.before is None else self.after - self.before

    @property
    def term(self) -> str:
        """What the mean of one group is called."""
        if self.before is not None:
            return "change"
        return "share_after" if self.binary else "mean_after"

    @property
    def contrast_term(self) -> str:
        """What the difference between two groups is called."""
        return "difference" if self.before is None else "difference_of_changes"

    @property
    def limits(self) -> tuple[float, float]:
        """Least and greatest mean response possible; infinite when the scale is not known."""
        if self.scale is None:
            return -np.inf, np.inf
        low, high = self.scale
        return (low, high) if self.before is None else (low - high, high - low)

    @property
    def contrast_limits(self) -> tuple[float, float]:
        """Least and greatest difference of two such means."""
        reach = self.limits[1] - self.limits[0]
        return -reach, reach

    def filled(self, value: float) -> np.ndarray:
        """Return the response with one answer "after" for all the lost, shape (n,)."""
        after = np.where(self.seen, self.after, value)
        return after if self.before is None else after - self.before

    def groups(self) -> Iterator[tuple[str, np.ndarray]]:
        """Give each arm's name and who is in it."""
        for place, name in enumerate(self.levels):
            yield name, self.arm == place

    def contrasts(self) -> Iterator[tuple[str, int, int]]:
        """Give the name of each comparison of an arm with the reference, and the places of the two."""
        for place in range(1, len(self.levels)):
            yield f"{self.levels[place]} − {self.levels[0]}", place, 0


def read(
    data: Any,
    outcome: str,
    function: str,
    *,
    before: str | None,
    arm: str | None,
    characteristics: str | Sequence[str] = (),
    reason: str | None = None,
    kind: str,
    reference: Any,
    scale: Sequence[float] | None,
    missing: str,
) -> People:
    """Return the people.

    Raises
    ------
    InputError
        Columns that are not there or named twice, values of the wrong kind, outside the scale; missing "before" or arm unless dropped.
    """
    own = column_names([c for c in (outcome, before, arm, reason) if c is not None], f"{function}: columns")
    traits = column_names(characteristics, f"{function}: characteristics")
    if twice := sorted(set(own) & set(traits)):
        raise InputError(f"{function}: characteristics: {twice} are named elsewhere already; take them out")
    needed = [c for c in (before, arm) if c is not None]
    _, kept, said = rows_of(data, needed, function, missing)
    _present(data, [*own, *traits], function)
    frame = data.loc[kept].reset_index(drop=True)
    for name in traits:
        _check_trait(frame[name], function)
    limits = _scale(scale, kind, function)
    after = _answers(frame[outcome], outcome, kind, limits, function)
    first = None if before is None else _answers(frame[before], before, kind, limits, function)
    place, levels = np.zeros(len(frame), dtype=int), ("",)
    if arm is not None:
        place, levels = _arms(frame[arm], arm, function, reference)
    elif reference is not None:
        raise InputError(f"{function}: reference={reference!r} names a group, but no arm was given")
    # How many were left out may be few people: written so that the gate can veil it.
    said = tuple(Message(c.key, {**c.values, "count": Headcount(c.values["count"])}) for c in said)
    return People(
        after, first, place, levels, frame, traits, reason, arm or "", kind == "binary", limits, said
    )


def _present(data: pd.DataFrame, columns: list[str], function: str) -> None:
    absent = [c for c in columns if c not in data.columns]
    if absent:
        raise InputError(f"{function}: no column {absent} in data; it has {data.columns.tolist()}")
    twice = [c for c in columns if isinstance(data[c], pd.DataFrame)]
    if twice:
        raise InputError(f"{function}: several columns of data are called {twice}; rename all but one")


def _check_trait(column: pd.Series, function: str) -> None:
    """Refuse a characteristic that says nothing, or whose values cannot be put in order."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        number_values(column, str(column.name), function)
    kinds = {type(v).__name__ for v in column.dropna()} if column.dtype == object else set()
    if len(kinds) > 1:
        raise InputError(f"{function}: {column.name} mixes {sorted(kinds)}; write its values in one way")
    describe(column)


def _scale(scale: Sequence[float] | None, kind: str, function: str) -> tuple[float, float] | None:
    if kind == "binary":
        if scale is not None:
            raise InputError(f"{function}: scale is for kind='continuous'; answers of 0 and 1 have theirs")
        return 0.0, 1.0
    if scale is None:
        return None
    found = numbers(scale, "scale")
    if found.shape != (2,) or not np.isfinite(found).all() or not found[0] < found[1]:
        raise InputError(f"{function}: scale must be (lowest, highest) possible answer, but was {scale!r}")
    return float(found[0]), float(found[1])


def _answers(
    column: pd.Series, name: str, kind: str, scale: tuple[float, float] | None, function: str
) -> np.ndarray:
    known = column.notna().to_numpy()
    values = np.full(len(column), np.nan)
    if not known.any():
        return values
    read_as = binary_values if kind == "binary" else number_values
    values[known] = read_as(column[known], name, function)
    if scale is not None:
        outside = int(((values < scale[0]) | (values > scale[1])).sum())
        if outside:
            raise InputError(
                f"{function}: {name} lies outside scale={scale} in {outside} of {len(column)} rows; widen the scale or mend them"
            )
    return values


def _arms(column: pd.Series, name: str, function: str, reference: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return each person's place among the arms, and the arms' names, the reference first."""
    found = list(pd.unique(column))
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = [c for c in column.cat.categories if c in set(found)]
    else:
        found = sorted(found, key=lambda v: (str(type(v)), v) if isinstance(v, str) else ("", v))
    if not 2 <= len(found) <= MOST_ARMS:
        raise InputError(
            f"{function}: {name} must hold two groups or a few (at most {MOST_ARMS}), but holds {len(found)}: {found[:6]}"
        )
    if reference is not None and reference not in found:
        raise InputError(f"{function}: reference={reference!r} is no value of {name}, which holds {found}")
    first = found[0] if reference is None else reference
    order = [first, *(v for v in found if v != first)]
    place = {level: i for i, level in enumerate(order)}
    return np.array([place[v] for v in column], dtype=int), tuple(map(level_name, order))


def level_name(level: Any) -> str:
    """Return a level as people write it: 1 for 1.0."""
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)
