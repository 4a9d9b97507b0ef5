"""What every estimator does first with a `TimeToEvent`: accept it or say why not, find groups, say what it took for granted.

Not an estimator: it returns arrays, group names and caveats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names
from evalkit.result import KEYS, VALUES
from evalkit.survival.core.sums import RiskSums
from evalkit.timetoevent import IntervalTimes, TimeToEvent
from evalkit.wording import Message, message


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows ready to be summed: contiguous intervals of one person in one group are one row.

    Parameters
    ----------
    time, cause, entry, weight, id : arrays, shape (n,)
        As in `TimeToEvent`.
    group : int array, shape (n,)
    groups : tuple of tuple
        The values of the `by` columns in each group.
    by : tuple of str
    known : tuple of arrays, optional
        Times and entries, and the same as whole numbers: used as long as they are those of the sample.
    """

    time: np.ndarray
    cause: np.ndarray
    entry: np.ndarray | None
    weight: np.ndarray | None
    id: np.ndarray | None
    group: np.ndarray
    groups: tuple[tuple, ...]
    by: tuple[str, ...]
    known: tuple[np.ndarray | None, ...] | None = None

    def sums(self, n_causes: int) -> RiskSums:
        """Return the sums over the risk set of every group."""
        group = self.group if len(self.groups) > 1 else None
        time, entry = self.time, self.entry
        if self.known is not None and self.known[0] is time and self.known[1] is entry:
            time, entry = self.known[2:]
        return RiskSums.of(time, self.cause, entry, self.weight, group, self.groups, n_causes)

    def part(self, group: int) -> Sample:
        """Return the rows of one group."""
        mask = self.group == group
        kept = {
            name: None if (value := getattr(self, name)) is None else value[mask]
            for name in ("time", "cause", "entry", "weight", "id", "group")
        }
        return replace(self, known=None, **kept)


def accept(tte: Any, estimator: str) -> TimeToEvent:
    """Return `tte`, or say why this estimator cannot read it."""
    if isinstance(tte, IntervalTimes):
        raise InputError(
            f"{estimator}: these times are only known to lie in intervals; it needs exact times. Midpoints would bias "
            "it: use an estimator for intervals, or make times with TimeToEvent.from_frame"
        )
    if not isinstance(tte, TimeToEvent):
        raise InputError(f"{estimator}: needs a TimeToEvent, but was given {type(tte).__name__}")
    if tte.n == 0:
        raise InputError(f"{estimator}: there are no rows; give at least one observed person")
    return tte


def levels(
    tte: TimeToEvent, by: str | Sequence[str] | None, argument: str = "by"
) -> tuple[tuple[str, ...], tuple, np.ndarray]:
    """Return the `by` columns, the distinct groups in order, and each row's group; `argument` is what errors call it.

    Raises
    ------
    InputError
        A column is not there, or has missing values (with counts).
    """
    columns = column_names(by, argument)
    if not columns:
        return (), ((),), np.broadcast_to(np.int64(0), tte.n)
    taken = [c for c in columns if c in KEYS or c in VALUES]
    if taken:
        raise InputError(
            f"{argument}: {', '.join(map(repr, taken))} is the name of a column of results; rename the covariate"
        )
    absent = [c for c in columns if c not in tte.covariates]
    if absent:
        have = ", ".join(map(str, tte.covariates.columns)) or "none"
        raise InputError(
            f"{argument}: no column {', '.join(map(repr, absent))} among the covariates; they are {have}"
        )
    code: Any = 0
    names: list[tuple] = [()]
    for column in columns:
        values = tte.covariates[column]
        if values.isna().any():
            raise InputError(
                f"{argument}: {column!r} is missing in {int(values.isna().sum())} of {tte.n} rows; "
                "give the missing a level of their own or leave those rows out"
            )
        own, found = _levels_of(values)
        code = own if len(columns) == 1 else code * len(found) + own
        if len(columns) == 1 and not isinstance(values.dtype, pd.CategoricalDtype):
            return columns, tuple((value,) for value in found), code
        held, code = _compact(code, len(names) * len(found))
        names = [(*names[i // len(found)], found[i % len(found)]) for i in held]
    return columns, tuple(names), code


def _compact(code: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes there are, and each row's place among them.

    Combinations that nobody has are no groups; left in, they would be as many as the product of the levels of all columns.
    """
    if size > 2 * len(code) + 1000:
        return np.unique(code, return_inverse=True)
    there = np.bincount(code, minlength=size) > 0
    return np.flatnonzero(there), code if there.all() else (np.cumsum(there) - 1)[code]


def sample(tte: TimeToEvent, cause: np.ndarray, by: str | Sequence[str] | None) -> Sample:
    """Return the rows by group, `cause` recoded as the estimator wants it."""
    columns, groups, group = levels(tte, by)
    known = (tte.time, tte.entry, tte.ticks, tte.entry_ticks)
    made = Sample(tte.time, cause, tte.entry, tte.weight, tte.id, group, groups, columns, known)
    return _joined(made) if tte.id is not None and tte.entry is not None else made


def cause_of_interest(
    tte: TimeToEvent, of: str | None, estimator: str
) -> tuple[np.ndarray, Any, list[Message]]:
    """Return 0/1 exits for a single-event curve, what the event is called, and the caveat that goes with it.

    Raises
    ------
    InputError
        Several causes and `of` not given, or not one of them.
    """
    if of == "any exit":
        label = message("survival.any_exit") if len(tte.causes) > 1 else label_of(tte, tte.causes[0])
        return (tte.cause > 0).view(np.int8), label, []
    if of is None and len(tte.causes) > 1:
        raise InputError(
            f"{estimator}: exits have {len(tte.causes)} causes ({', '.join(tte.causes)}). With competing exits ask "
            "aalen_johansen. Or say of='any exit', or of='one cause' for the hypothetical case in which the others "
            "would not happen"
        )
    if of is not None and of not in tte.causes:
        raise InputError(f"of: must be 'any exit' or one of {', '.join(tte.causes)}, but was {of!r}")
    name = tte.causes[0] if of is None else of
    said = []
    if len(tte.causes) > 1:
        others = [label_of(tte, c) for c in tte.causes if c != name]
        said = [message("survival.hypothetical", event=label_of(tte, name), others=others)]
    return (tte.cause == tte.causes.index(name) + 1).view(np.int8), label_of(tte, name), said


def refuse_second_exits(tte: TimeToEvent, exits: np.ndarray, estimator: str) -> None:
    """Refuse a person who exits more than once: after an exit nobody is at risk of a first one.

    On the gap clock every episode begins again at 0 and is an observation of its own, which `caveats` says.
    """
    if tte.id is None or tte.clock == "gap":
        return
    leavers = pd.Series(tte.id[exits.astype(bool)])
    again = leavers[leavers.duplicated()].nunique()
    if again:
        raise InputError(
            f"{estimator}: {again} ids exit more than once; after an exit nobody is at risk of a first one. "
            "Keep each person's rows up to the first exit, or give one id per episode"
        )


def caveats(tte: TimeToEvent, repeated: bool = True) -> list[Message]:
    """Return what the times bring with them: their rule, delayed entry, the weights, people who exit more than once."""
    said = list(tte.rule)
    if tte.entry is not None and (late := _late_comers(tte)):
        said.append(message("survival.delayed_entry", n=Headcount(late)))
    if tte.weight is not None:
        said.append(message(f"survival.weights_{tte.weight_kind}"))
    if repeated and tte.id is not None and pd.Series(tte.id[tte.cause > 0]).duplicated().any():
        said.append(message("survival.repeated_exits"))
    return said


def label_of(tte: TimeToEvent, code: str) -> Any:
    """Return the label of a cause in both languages, or its code."""
    return dict(tte.labels[code]) if code in tte.labels else code


def by_columns(by: Sequence[str], groups: Sequence[tuple], repeats: Sequence[int] | int) -> Mapping[str, Any]:
    """Return the `by` columns of a table in which each group fills so many rows."""
    counts = np.broadcast_to(repeats, len(groups))
    return {
        name: [value for group, n in zip(groups, counts, strict=True) for value in [group[i]] * int(n)]
        for i, name in enumerate(by)
    }


def _levels_of(values: pd.Series) -> tuple[np.ndarray, list]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.int64), list(values.cat.categories)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "bi":
        # A few whole numbers near each other are their own codes: no hashing.
        numbers = values.to_numpy()
        numbers = numbers.view(np.int8) if numbers.dtype == bool else numbers
        low, high = int(numbers.min()), int(numbers.max())
        if high - low <= 1000:
            code = np.subtract(numbers, low, dtype=np.int64) if low else numbers.astype(np.int64, copy=False)
            # Of two neighbours that are the least and the greatest, both are there.
            seen = np.ones(2, bool) if high == low + 1 else np.bincount(code, minlength=high - low + 1) > 0
            kind = bool if values.dtype == bool else int
            found = [kind(low + k) for k in np.flatnonzero(seen)]
            return (code if seen.all() else (np.cumsum(seen) - 1)[code]), found
    code, found = pd.factorize(values, sort=True)
    return code.astype(np.int64), list(found)


def _late_comers(tte: TimeToEvent) -> int:
    first = (
        tte.entry
        if tte.id is None
        else pd.Series(tte.entry).groupby(pd.factorize(tte.id)[0]).min().to_numpy()
    )
    return int((first > 0).sum())


def _joined(rows: Sample) -> Sample:
    """Join the contiguous rows of a person: a split is neither a censoring nor an arrival."""
    who = pd.factorize(rows.id)[0]
    if len(who) == who.max() + 1:
        return rows
    order = np.lexsort((rows.time, who))
    who, time, entry = who[order], rows.time[order], rows.entry[order]
    cause, group = rows.cause[order], rows.group[order]
    weight = None if rows.weight is None else rows.weight[order]
    linked = (who[1:] == who[:-1]) & (entry[1:] == time[:-1]) & (cause[:-1] == 0) & (group[1:] == group[:-1])
    # A second row of no length at the origin is an exit there, not a split.
    linked &= entry[1:] > entry[:-1]
    if weight is not None:
        linked &= weight[1:] == weight[:-1]
    first, last = np.flatnonzero(np.r_[True, ~linked]), np.flatnonzero(np.r_[~linked, True])
    return replace(
        rows,
        known=None,
        time=time[last],
        cause=cause[last],
        entry=entry[first],
        weight=None if weight is None else weight[last],
        id=rows.id[order][last],
        group=group[last],
    )
