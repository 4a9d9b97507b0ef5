"""Long data made ready: one row per person and date, sorted, with the columns of the model and who was seen when.

Not a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import binary_values, number_values, rows_of
from evalkit.comparison.core.rows import row
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import Design, design, parse
from evalkit.wording import Message, message

#: Patterns of dates shown; the rest is one row.
_PATTERNS = 8


@dataclass(frozen=True, eq=False)
class Long:
    """Rows of people at dates.

    Parameters
    ----------
    frame : DataFrame, n rows
        Rows used, sorted by person and date, numbered from 0.
    y : float array, shape (n,)
    x : float array, shape (n, p)
        The constant first, unless left out.
    terms : tuple of str
        Names of the columns of `x`.
    design : Design
    person : int array, shape (n,)
        From 0, without gaps.
    time : int array, shape (n,)
        Place among `times`; the place among a person's rows when there is no date.
    times : tuple
        Dates in order; empty without.
    weight : float array, shape (n,)
    caveats : tuple of Message
    n_total : int
        Rows of the data, before any was left out.
    persons_total : int
    """

    frame: pd.DataFrame
    y: np.ndarray
    x: np.ndarray
    terms: tuple[str, ...]
    design: Design
    person: np.ndarray
    time: np.ndarray
    times: tuple
    weight: np.ndarray
    caveats: tuple[Message, ...]
    n_total: int
    persons_total: int

    @property
    def n_persons(self) -> int:
        """How many people have a row that is used."""
        return int(self.person.max()) + 1

    def per_person(self) -> np.ndarray:
        """Return the number of rows of each person."""
        return np.bincount(self.person)


def read_long(
    data: Any,
    outcome: str,
    formula: str,
    function: str,
    person: str | None,
    time: str | None = None,
    weights: str | None = None,
    family: str = "gaussian",
    missing: str = "error",
    constant: bool = True,
    also: Sequence[str] = (),
) -> Long:
    """Return the rows of a model, or refuse them.

    Parameters
    ----------
    data : DataFrame
    outcome, person, time, weights : str
        Columns. Without `person` every row is somebody else.
    formula : str
    function : str
        Public name of who asks, for errors.
    family : {"gaussian", "binomial", "poisson"}
    missing : {"error", "drop"}
    constant : bool
        Whether `x` begins with a constant.
    also : sequence of str
        Further columns that must be filled.

    Raises
    ------
    InputError
        No such columns, missing values unless dropped, a person twice at a date, outcomes that are none of the family.
    """
    variables = [f.column for term in parse(formula) for f in term]
    if outcome in variables:
        raise InputError(f"{function}: the outcome {outcome!r} cannot stand in its own formula {formula!r}")
    asked = [c for c in (outcome, person, time, weights) if c is not None]
    odd = [c for c in asked if not isinstance(c, str)]
    if odd:
        raise InputError(f"{function}: columns are named by text, but {odd!r} was given")
    frame, kept, said = rows_of(data, [*asked, *variables, *also], function, missing)
    if len(said):
        alone = set(data[person].dropna()) - set(frame[person]) if person else set()
        if alone:
            said = (*said, message("comparison_repeated.persons_lost", n=Headcount(len(alone))))
    frame = _plain(frame, time)
    y = _outcome(frame[outcome], outcome, family, function)
    weight = _weights(frame, weights, function)
    code = np.arange(len(frame)) if person is None else pd.factorize(frame[person], sort=False)[0]
    place, times = _places(frame, time, code)
    if person is not None and time is not None:
        _refuse_twice(frame, person, time, function)
    made = design(formula, frame)
    order = np.lexsort((place, _ranked(frame, person, code)))
    x = np.asarray(made.matrix, dtype=float)[order]
    if constant:
        x = np.column_stack([np.ones(len(x)), x])
    sorted_code = pd.factorize(code[order])[0]
    return Long(
        frame.iloc[order].reset_index(drop=True),
        y[order],
        x,
        (*(("constant",) if constant else ()), *made.terms),
        made,
        sorted_code,
        place[order],
        times,
        weight[order],
        said,
        len(data),
        len(data) if person is None else int(data[person].nunique()),
    )


def _plain(frame: pd.DataFrame, time: str | None) -> pd.DataFrame:
    """Return the rows without categories that nobody has, and dates of a calendar as text, which a formula takes as categories."""
    made = {
        c: frame[c].cat.remove_unused_categories()
        for c in frame
        if isinstance(frame[c].dtype, pd.CategoricalDtype)
    }
    if time is not None and pd.api.types.is_datetime64_any_dtype(frame[time]):
        whole = (frame[time] == frame[time].dt.normalize()).all()
        made[time] = frame[time].dt.strftime("%Y-%m-%d" if whole else "%Y-%m-%d %H:%M:%S.%f").astype(object)
    return frame.assign(**made)


def _outcome(values: pd.Series, column: str, family: str, function: str) -> np.ndarray:
    if family == "binomial":
        return binary_values(values, column, function)
    found = number_values(values, column, function)
    if family == "poisson" and (odd := int(((found < 0) | (found != np.rint(found))).sum())):
        raise InputError(
            f"{function}: {column} must hold counts (0, 1, 2 …), but is negative or no whole number in {odd} of {len(found)} rows"
        )
    return found


def _weights(frame: pd.DataFrame, weights: str | None, function: str) -> np.ndarray:
    if weights is None:
        return np.ones(len(frame))
    found = number_values(frame[weights], weights, function)
    if (odd := int((found <= 0).sum())) > 0:
        raise InputError(
            f"{function}: the weights {weights} are zero or negative in {odd} of {len(found)} rows; give positive weights"
        )
    return found


def _places(frame: pd.DataFrame, time: str | None, code: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Return the place of each row among the dates, and the dates in order."""
    if time is None:
        return pd.Series(code).groupby(code).cumcount().to_numpy(), ()
    column = frame[time]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(int), tuple(column.cat.categories)
    kinds = {isinstance(v, str) for v in column} if column.dtype == object else set()
    if len(kinds) > 1:
        raise InputError(
            f"time: {time} mixes text and other values, which have no order; write them all alike"
        )
    place, times = pd.factorize(column, sort=True)
    return place, tuple(times)


def _refuse_twice(frame: pd.DataFrame, person: str, time: str, function: str) -> None:
    twice = frame[frame.duplicated([person, time], keep="first")]
    if len(twice):
        pairs = twice[[person, time]].drop_duplicates().head(5).itertuples(index=False)
        shown = ", ".join(f"{p!r} at {t!r}" for p, t in pairs) + (", …" if len(twice) > 5 else "")
        raise InputError(
            f"{function}: {len(twice)} rows repeat a person at the same date ({shown}); keep one row per person and date"
        )


def _ranked(frame: pd.DataFrame, person: str | None, code: np.ndarray) -> np.ndarray:
    """Return the place of each person in an order that the order of rows does not change, where identifiers have one."""
    if person is None:
        return code
    try:
        return pd.factorize(frame[person], sort=True)[0]
    except TypeError:
        return code


def people_rows(rows: Long) -> list[dict]:
    """Return who was seen, how often and in which pattern, as rows."""
    seen, persons = rows.per_person(), rows.n_persons
    made = [
        row("persons", count=persons, n=rows.persons_total),
        row("observations", count=len(rows.y), n=rows.n_total),
    ]
    if not rows.times:
        return made
    for k, when in enumerate(rows.times):
        made.append(row("persons_at_date", count=int((rows.time == k).sum()), n=persons, time=when))
    made.append(row("persons_every_date", count=int((seen == len(rows.times)).sum()), n=persons))
    return [*made, *_patterns(rows)]


def _patterns(rows: Long) -> list[dict]:
    """Return how many people were seen at which dates: 1 seen, 0 not, in order of date."""
    there = np.zeros((rows.n_persons, len(rows.times)), dtype=int)
    there[rows.person, rows.time] = 1
    found = pd.Series(["".join(map(str, line)) for line in there]).value_counts().sort_index(ascending=False)
    found = found.sort_values(ascending=False, kind="stable")
    if len(found) == 1:
        return []
    shown = found.head(_PATTERNS)
    made = [row("pattern", part=str(name), count=int(k), n=rows.n_persons) for name, k in shown.items()]
    if len(found) > _PATTERNS:
        made.append(row("pattern", part="other", count=int(found.iloc[_PATTERNS:].sum()), n=rows.n_persons))
    return made


def independent(x: np.ndarray, size: np.ndarray | None = None) -> np.ndarray:
    """Return which columns do not repeat those before them, as a bool array.

    Parameters
    ----------
    x : float array, shape (n, p)
    size : float array, shape (p,), optional
        Lengths of the columns before something was taken out of them; what is left by rounding counts as nothing.

    Examples
    --------
    >>> independent(np.array([[1.0, 2, 0], [1, 2, 1], [1, 2, 3]])).tolist()
    [True, False, True]
    """
    kept = np.zeros(x.shape[1], dtype=bool)
    basis = np.zeros((len(x), 0))
    for j in range(x.shape[1]):
        long = float(np.linalg.norm(x[:, j])) if size is None else float(size[j])
        if long == 0:
            continue
        left = x[:, j] / long
        for _ in range(2):  # twice: what rounding left of the first projection goes with the second
            left = left - basis @ (basis.T @ left)
        if np.linalg.norm(left) > 1e-9:
            kept[j] = True
            basis = np.column_stack([basis, left / np.linalg.norm(left)])
    return kept
