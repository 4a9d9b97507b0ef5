"""People of two groups at several dates, read from a long table: who is treated, what is after, who is seen at every date.

Not the estimates: `twofold` and `leads` make them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import binary_values, number_values, rows_of, two_levels
from evalkit.errors import Fault, InputError
from evalkit.formula import design, parse
from evalkit.wording import Message

FUNCTION = "difference_in_differences"


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows: one answer of one person at one date.

    Parameters
    ----------
    y, weight : float arrays, shape (n,)
    treated, after : bool arrays, shape (n,)
    date : int array, shape (n,)
        Number of the date, in order.
    dates : tuple
        The dates as given.
    first_after : int
        Number of the first date that is after.
    unit, cluster : int arrays, shape (n,), optional
    covariates : float array, shape (n, p)
    names : tuple of str
        Of the covariates.
    groups : (str, str)
        Reference and treated.
    weighted : bool
    known : (int, int)
        People in the data by group, reference first, answers or not; 0 when people are not known.
    """

    y: np.ndarray
    weight: np.ndarray
    treated: np.ndarray
    after: np.ndarray
    date: np.ndarray
    dates: tuple[Any, ...]
    first_after: int
    unit: np.ndarray | None
    cluster: np.ndarray | None
    covariates: np.ndarray
    names: tuple[str, ...]
    groups: tuple[str, str]
    weighted: bool
    known: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def complete(self) -> np.ndarray:
        """Which rows are of people seen at every date, shape (n,); people must be known."""
        return np.bincount(self.unit)[self.unit] == len(self.dates)

    def only(self, kept: np.ndarray) -> Sample:
        """Return some of the rows."""
        picked = {
            name: value[kept] if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }
        if self.unit is not None:
            picked["unit"] = pd.factorize(picked["unit"])[0]
        return Sample(**picked)


def read(
    data: pd.DataFrame,
    outcome: str,
    group: str,
    time: str,
    post: Any,
    unit: str | None,
    cluster: str | None,
    adjust: str | None,
    weights: str | None,
    kind: str,
    reference: Any,
    missing: str,
) -> tuple[Sample, tuple[Message, ...]]:
    """Return the sample, and who was left out.

    Raises
    ------
    InputError
        What `rows_of` refuses; a person twice at a date, or in both groups (starts at several dates), or in two clusters; weights or
        covariates that change in time; no date before or none after.
    """
    covariates = (
        [] if adjust is None else list(dict.fromkeys(f.column for term in parse(adjust) for f in term))
    )
    columns = [c for c in (outcome, group, time, unit, cluster, weights, *covariates) if c is not None]
    frame, _, said = rows_of(data, columns, FUNCTION, missing)
    values = (binary_values if kind == "binary" else number_values)(frame[outcome], outcome, FUNCTION)
    base, other = two_levels(frame[group], group, FUNCTION, reference)
    date, dates, first_after = _dates(frame[time], time, post)
    if unit is not None:
        _one_of_each(frame, unit, time, group, [c for c in (cluster, weights, *covariates) if c])
    made = None if adjust is None else design(adjust, frame)
    weight = np.ones(len(frame)) if weights is None else number_values(frame[weights], weights, FUNCTION)
    if (bad := int((weight <= 0).sum())) > 0:
        raise InputError(f"{FUNCTION}: {weights} must be above 0, but is not in {bad} of {len(frame)} rows")
    sample = Sample(
        values, weight, (frame[group] == other).to_numpy(), date >= first_after, date, dates, first_after,
        *(None if c is None else pd.factorize(frame[c])[0] for c in (unit, cluster)),
        np.empty((len(frame), 0)) if made is None else made.matrix, () if made is None else made.terms,
        (str(base), str(other)), weights is not None, _known(data, unit, group, (base, other)),
    )  # fmt: skip
    return sample, said


def _known(data: pd.DataFrame, unit: str | None, group: str, levels: tuple[Any, Any]) -> tuple[int, int]:
    if unit is None:
        return 0, 0
    return tuple(int(data.loc[data[group] == level, unit].nunique()) for level in levels)


def _dates(times: pd.Series, column: str, post: Any) -> tuple[np.ndarray, tuple[Any, ...], int]:
    """Return the number of each row's date, the dates in order, and the number of the first one after."""
    listed = isinstance(post, (list, tuple, set, pd.Index, np.ndarray))
    if isinstance(times.dtype, pd.CategoricalDtype):
        dates = [c for c in times.cat.categories if (times == c).any()]
    else:
        dates = list(times.unique())
        text = any(isinstance(d, str) for d in dates)
        if text and (post is None or len(dates) > 2):
            raise InputError(
                f"{FUNCTION}: {column} holds text, which has no order in time: make it dates, numbers or an ordered category"
                + ("" if len(dates) > 2 else ", or name the value that is after: post=…")
            )
        later = set(post if listed else [post]) if text else set()
        dates = sorted(dates, key=lambda d: d in later) if text else sorted(dates)
    if len(dates) < 2:
        raise InputError(
            f"{FUNCTION}: {column} holds one date only ({dates[0]!r}); a before and an after are needed"
        )
    if post is None:
        if len(dates) > 2:
            raise InputError(
                f"{FUNCTION}: {column} holds {len(dates)} dates; say which is the first after: post=…"
            )
        first = 1
    else:
        after = set(post) if listed else {post}
        if not listed and post not in dates and not isinstance(post, str):
            after = {d for d in dates if d >= post}
        elif not listed:
            if post not in dates:
                raise InputError(f"{FUNCTION}: post={post!r} is no value of {column}, which holds {dates}")
            after = set(dates[dates.index(post) :])
        unknown = [d for d in after if d not in dates]
        first = len(dates) - len(after)
        if unknown or first < 1 or not after or any(d not in after for d in dates[first:]):
            raise InputError(
                f"{FUNCTION}: post={post!r} must leave dates before and name all later ones after; {column} holds {dates}"
            )
    number = {d: k for k, d in enumerate(dates)}
    return np.array([number[d] for d in times]), tuple(dates), first


def _one_of_each(frame: pd.DataFrame, unit: str, time: str, group: str, fixed: list[str]) -> None:
    faults = []
    twice = int(frame.duplicated([unit, time]).sum())
    if twice:
        faults.append(
            f"{twice} rows list a {unit} again at the same {time}; keep one row per person and date"
        )
    by_unit = frame.groupby(unit, observed=True, sort=False)
    if moved := int((by_unit[group].nunique() > 1).sum()):
        faults.append(
            f"{group} changes in time for {moved} people. If it says who is treated at that date, starts are staggered: one model "
            "with fixed effects for people and dates would compare some of them with people treated already, with negative weights "
            "(Goodman-Bacon 2021); use event_study, or let the column say who is ever treated"
        )
    for column in fixed:
        if changed := int((by_unit[column].nunique() > 1).sum()):
            faults.append(
                f"{column} changes in time for {changed} people; use its value before (what comes after may be an effect)"
            )
    if faults:
        raise InputError([Fault({"en": f"{FUNCTION}: {fault}"}) for fault in faults])


def written(date: Any) -> Any:
    """Return a date as a table says it: days as dates, numbers as text (a year takes no separator)."""
    if isinstance(date, pd.Timestamp):
        return date.date()
    return date if hasattr(date, "isoformat") else str(date)
