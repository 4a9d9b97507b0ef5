"""People of two groups read from a table or from series: outcome, group, weights, clusters, covariates, and who was left out.

Not for the same people at two dates: `paired.waves` matches them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import binary_values, number_values, two_levels
from evalkit.disclosure import Headcount, Headcounts
from evalkit.errors import Fault, InputError
from evalkit.formula import parse
from evalkit.numerics.arguments import numbers, one_of
from evalkit.wording import Message, message

#: Arguments that may be a column or a series, besides outcome and group.
_ROLES = ("weights", "cluster", "strata", "exposure", "balancing", "matched")


@dataclass(frozen=True, eq=False)
class Groups:
    """The n people of two groups who have everything that is asked.

    Parameters
    ----------
    outcome : float array, shape (n,)
        0 and 1 when binary; the position 0 … K − 1 in `categories` when ordinal or nominal.
    treated : bool array, shape (n,)
        True in the group that is compared with the reference. Either group may be empty.
    levels : (str, str)
        The reference group and the other, as written.
    names : Mapping of str to str
        Name of the column (or series) of each role: outcome, group, weights, cluster, strata, exposure.
    covariates : DataFrame, n rows
        Columns of the formula adjusted for; a fresh index 0 … n − 1.
    categories : tuple
        Categories somebody holds, in order (ordinal and nominal).
    scores : float array, shape (K,)
        Number of each of `categories` (ordinal).
    weights : float array, shape (n,), optional
        Survey weights, all above 0.
    cluster, strata : int array, shape (n,), optional
        Codes 0, 1, 2 … of clusters and strata.
    exposure : float array, shape (n,), optional
    balancing, matched : float array, shape (n,), optional
        Weights of 0 or more that should make the groups alike; 1 for people of a matched sample, 0 for the others.
    n_total : int
        Rows given.
    n_group : (int, int)
        Rows given of each group, reference first, whatever else they lack.
    lacking : Mapping of str to (int, int)
        Column to how many of each group lack it.
    n_without_group : int
        Rows whose group is not known.
    """

    outcome: np.ndarray
    treated: np.ndarray
    levels: tuple[str, str]
    names: Mapping[str, str]
    covariates: pd.DataFrame
    categories: tuple[Any, ...] = ()
    scores: np.ndarray | None = None
    weights: np.ndarray | None = None
    cluster: np.ndarray | None = None
    strata: np.ndarray | None = None
    exposure: np.ndarray | None = None
    balancing: np.ndarray | None = None
    matched: np.ndarray | None = None
    n_total: int = 0
    n_group: tuple[int, int] = (0, 0)
    lacking: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    n_without_group: int = 0

    @property
    def n(self) -> int:
        """Number of people compared."""
        return len(self.outcome)

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of people compared, reference group first."""
        return int((~self.treated).sum()), int(self.treated.sum())

    def split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values of the reference group and of the other."""
        return values[~self.treated], values[self.treated]

    def caveats(self) -> tuple[Message, ...]:
        """Return who was left out, and why: one sentence per column with its counts by group."""
        said = []
        if self.n_without_group:
            said.append(
                message(
                    "comparison_groups.without_group",
                    column=self.names["group"],
                    n=Headcount(self.n_without_group),
                )
            )
        said += [
            message(
                "comparison_groups.left_out",
                column=column,
                counts=Headcounts.of(dict(zip(self.levels, k, strict=True))),
            )
            for column, k in self.lacking.items()
        ]
        return tuple(said)


def read_groups(
    outcome: Any,
    group: Any,
    data: Any,
    function: str,
    *,
    kind: str = "binary",
    reference: Any = None,
    adjust: str | None = None,
    missing: str = "error",
    order: Sequence[Any] | None = None,
    scores: Sequence[float] | None = None,
    **roles: Any,
) -> Groups:
    """Return the people of both groups.

    Parameters
    ----------
    outcome, group : str or Series
        Columns of `data`, or series with the same index.
    data : DataFrame, optional
    function : str
        Public name of who asks, for errors.
    kind : str
    reference : optional
        Value of `group` compared with; default: the first in order.
    adjust : str, optional
        Right-hand side of a formula; its columns must be in `data`.
    missing : {"error", "drop"}
    order, scores : sequence, optional
        Categories of an ordinal or nominal outcome in order; the number of each.
    **roles : str or Series
        ``weights``, ``cluster``, ``strata``, ``exposure``, ``balancing``, ``matched``.

    Raises
    ------
    InputError
        Series that do not meet, missing values unless dropped, no two groups, outcomes not of the kind, weights not above 0.
    """
    one_of(missing, ("error", "drop"), "missing")
    asked = {"outcome": outcome, "group": group, **{r: v for r, v in roles.items() if v is not None}}
    table, names = _one_table(asked, data, function)
    variables = _variables(adjust, data, function)
    if taken := [c for c in variables if any(isinstance(w, str) and w == c for w in (outcome, group))]:
        raise InputError(
            f"{function}: adjust names {taken}, which is the outcome or the group itself; take it out"
        )
    for column in variables:
        table[f"adjust:{column}"] = data[column].array
    if len(table) == 0:
        raise InputError(f"{function}: there is nobody: no row was given")
    said = {c: names.get(c, c.removeprefix("adjust:")) for c in table}
    _refuse_missing(table, said, missing, function)
    known = table["group"].notna().to_numpy()
    first, second = _levels(table.loc[known, "group"], names["group"], function, reference)
    other = (table["group"] == second).to_numpy(dtype=bool, na_value=False)
    here = (other, known & ~other)
    lacking = {
        said[c]: (int((here[1] & table[c].isna()).sum()), int((here[0] & table[c].isna()).sum()))
        for c in table
        if c != "group"
    }
    kept = table.notna().all(axis=1).to_numpy()
    rows = table[kept]
    values, categories, numbered = _values(rows["outcome"], names["outcome"], function, kind, order, scores)
    return Groups(
        values,
        other[kept],
        (str(first), str(second)),
        names,
        rows[[f"adjust:{c}" for c in variables]].set_axis(list(variables), axis=1).reset_index(drop=True),
        categories,
        numbered,
        **{r: _role(r, rows[r], names[r], function) for r in _ROLES if r in rows},
        n_total=len(table),
        n_group=(int(here[1].sum()), int(here[0].sum())),
        lacking={c: k for c, k in lacking.items() if any(k)},
        n_without_group=int((~known).sum()),
    )


def _one_table(asked: Mapping[str, Any], data: Any, function: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the roles as columns of one table, and the name each had."""
    if data is not None and not isinstance(data, pd.DataFrame):
        raise InputError(f"{function}: data must be a DataFrame, but was {type(data).__name__}")
    series, faults = {}, []
    for role, what in asked.items():
        if isinstance(what, pd.Series):
            series[role] = what
        elif data is None:
            faults.append(f"{function}: {role} must be a pandas Series, or the name of a column with data=")
        elif not isinstance(what, str) or what not in data.columns:
            faults.append(
                f"{function}: no column {what!r} in data for {role}; it has {data.columns.tolist()}"
            )
        elif isinstance(data[what], pd.DataFrame):
            faults.append(f"{function}: several columns of data are called {what!r}; rename all but one")
        else:
            series[role] = data[what]
    if faults:
        raise InputError([Fault({"en": f}) for f in faults])
    index = data.index if data is not None else series["outcome"].index
    aligned = {role: _aligned(s, index, role, function) for role, s in series.items()}
    names = {
        role: what if isinstance(what, str) else str(what.name) if what.name is not None else role
        for role, what in asked.items()
    }
    return pd.DataFrame({role: s.array for role, s in aligned.items()}), names


def _aligned(series: pd.Series, index: pd.Index, role: str, function: str) -> pd.Series:
    """Return a series in the order of `index`; people of one that are not in the other are refused with counts."""
    if series.index.equals(index):
        return series
    if len(series) != len(index):
        raise InputError(
            f"{function}: {role} has {len(series)} rows where {len(index)} were expected; give one row per person in both"
        )
    twice = int(series.index.duplicated().sum()), int(index.duplicated().sum())
    if any(twice):
        raise InputError(
            f"{function}: the index of {role} differs from that of the rest, and cannot be matched because people are listed "
            f"twice ({max(twice)} rows); give both the same index"
        )
    strangers = int((~series.index.isin(index)).sum())
    if strangers:
        raise InputError(
            f"{function}: {strangers} of {len(index)} people of {role} are not in the index of the rest; "
            "give both the same index"
        )
    return series.reindex(index)


def _variables(adjust: str | None, data: Any, function: str) -> tuple[str, ...]:
    if adjust is None:
        return ()
    if data is None:
        raise InputError(f"{function}: adjust= names columns, so data= is needed")
    columns = tuple(dict.fromkeys(f.column for term in parse(adjust) for f in term))
    absent = [c for c in columns if c not in data.columns]
    if absent:
        raise InputError(f"{function}: no column {absent} in data; it has {data.columns.tolist()}")
    return columns


def _refuse_missing(table: pd.DataFrame, said: Mapping[str, str], missing: str, function: str) -> None:
    lacking = {said[c]: int(table[c].isna().sum()) for c in table}
    lacking = {c: k for c, k in lacking.items() if k}
    if lacking and missing == "error":
        raise InputError([
            Fault({"en": f"{function}: {c} is missing in {k} of {len(table)} rows; fill it in, or say missing='drop' to leave "
                         "those rows out and have them counted by group"})
            for c, k in lacking.items()
        ])  # fmt: skip


def _levels(values: pd.Series, column: str, function: str, reference: Any) -> tuple[Any, Any]:
    """Return the two groups; a categorical column of two may have nobody in one of them."""
    if isinstance(values.dtype, pd.CategoricalDtype) and values.nunique() < 2:
        both = list(values.cat.categories)
        if len(both) == 2:
            return two_levels(pd.Series(both), column, function, both[0] if reference is None else reference)
    return two_levels(values, column, function, reference)


def _values(
    outcome: pd.Series, column: str, function: str, kind: str, order: Any, scores: Any
) -> tuple[np.ndarray, tuple[Any, ...], np.ndarray | None]:
    """Return the outcome as floats, its categories, and their scores."""
    if kind in ("binary", "continuous", "count") and (order is not None or scores is not None):
        raise InputError(
            f"{function}: order and scores are for ordinal and nominal outcomes, not {kind} ones"
        )
    if kind == "binary":
        return binary_values(outcome, column, function), (), None
    if kind in ("continuous", "count"):
        found = number_values(outcome, column, function)
        odd = int(((found < 0) | (found != np.rint(found))).sum()) if kind == "count" else 0
        if odd:
            raise InputError(
                f"{function}: {column} must hold counts (whole numbers, 0 or more), but {odd} of {len(found)} rows do not"
            )
        return found, (), None
    listed = _categories(outcome, column, function, kind, order)
    if scores is None:
        numbered = np.arange(1.0, len(listed) + 1)
    else:
        numbered = numbers(scores, "scores")
        if (
            len(numbered) != len(listed)
            or not (np.diff(numbered) > 0).all()
            or not np.isfinite(numbered).all()
        ):
            raise InputError(
                f"{function}: scores must be {len(listed)} increasing numbers, one per category {listed}, but were {scores!r}"
            )
    held = set(outcome)
    used = [i for i, c in enumerate(listed) if c in held]
    place = {listed[i]: float(k) for k, i in enumerate(used)}
    values = np.array([place[v] for v in outcome], dtype=float)
    return values, tuple(listed[i] for i in used), numbered[used] if kind == "ordinal" else None


def _categories(outcome: pd.Series, column: str, function: str, kind: str, order: Any) -> list[Any]:
    if order is not None:
        listed = list(order)
        if len(set(listed)) != len(listed):
            raise InputError(f"{function}: order names a category twice: {listed}")
        unlisted = sorted({repr(v) for v in outcome if v not in set(listed)})
        if unlisted:
            raise InputError(
                f"{function}: {column} holds {', '.join(unlisted[:5])}, which order does not name; list every category"
            )
        return listed
    if isinstance(outcome.dtype, pd.CategoricalDtype):
        return list(outcome.cat.categories)
    found = list(pd.unique(outcome))
    if kind == "ordinal" and not all(isinstance(v, (int, float, np.number)) for v in found):
        raise InputError(
            f"{function}: {column} holds words, whose order is not known; give order=[lowest, …, highest], or an ordered "
            "categorical column"
        )
    return sorted(found, key=lambda v: (isinstance(v, str), v))


def _role(role: str, values: pd.Series, column: str, function: str) -> np.ndarray:
    if role in ("cluster", "strata"):
        return pd.factorize(values, sort=False)[0]
    if role == "matched":
        return binary_values(values, column, function)
    found = number_values(values, column, function)
    wrong = int(((found < 0) if role == "balancing" else (found <= 0)).sum())
    if wrong:
        why = {
            "weights": "a weight says how many people a person stands for; leave those rows out, or mend their weights",
            "exposure": "an exposure is the time behind a count; leave those rows out, or mend it",
            "balancing": "a weight that makes groups alike is 0 or more; mend those",
        }[role]
        below = "below 0" if role == "balancing" else "0 or less"
        raise InputError(f"{function}: {column} ({role}) is {below} in {wrong} of {len(found)} rows; {why}")
    return found
