"""Small cells are hidden before anything leaves the analyst's hands: primary suppression on tidy frames, and what a total gives away.

Not a guarantee against differencing between linked tables: that is for the person who publishes to weigh. What is hidden here is
a missing value with status "suppressed", never a zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: Columns that count people. `n` is the base of a row: when it is small, so is everything in the row.
COUNTS = ("n", "n_risk", "n_event", "n_censor", "n_missing", "numerator", "denominator", "count")
#: Columns computed from them, hidden with them.
DERIVED = ("estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "share", "smd")


@dataclass(frozen=True)
class Policy:
    """How few people make a cell too small to publish.

    Parameters
    ----------
    threshold : int
        Counts from 1 to ``threshold - 1`` are hidden. 11 is the strictest French rule found for natural persons.
    reason : str or mapping of language to str, optional
        Required, in writing, when the threshold is lowered.

    Raises
    ------
    ValueError
        If the threshold is below 11 and no reason is given.
    """

    threshold: int = 11
    reason: str | Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.threshold < 1:
            raise ValueError(f"threshold must be at least 1, but was {self.threshold}")
        if self.threshold < 11 and not str(self.reason or "").strip():
            raise ValueError(f"a threshold of {self.threshold}, below 11, needs a written reason")

    def small(self, counts: pd.Series) -> pd.Series:
        """Return which counts must be hidden."""
        values = counts.to_numpy(dtype=float, na_value=np.nan)
        return (values > 0) & (values < self.threshold)  # type: ignore[return-value]


def suppress(table: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, int]:
    """Hide small counts and what follows from them.

    A row with any small count loses all its counts and all its derived columns: a share beside its denominator
    gives the numerator away. A complement gives it away too, so a numerator within ``threshold`` of its base is hidden as well.

    Returns
    -------
    table : DataFrame
        With ``status`` set to "suppressed" on the rows concerned.
    n_hidden : int
        How many rows lost a value.
    """
    counts = [c for c in COUNTS if c in table]
    if not counts or policy.threshold <= 1:
        return table, 0
    hide = np.zeros(len(table), dtype=bool)
    for column in counts:
        hide |= np.asarray(policy.small(table[column]))
    for part, base in (("numerator", "denominator"), ("count", "n"), ("n_event", "n_risk"), ("n_event", "n")):
        if part in table and base in table:
            rest = table[base].astype(float) - table[part].astype(float)
            hide |= np.asarray(policy.small(rest)) & (np.asarray(table[part].astype(float)) > 0)
    return _hidden(table, hide)


def suppress_partition(
    table: pd.DataFrame,
    policy: Policy,
    partitions: Iterable[tuple[int | None, Sequence[int]]],
    count: str = "count",
) -> tuple[pd.DataFrame, int]:
    """Hide small counts, then enough of their neighbours that no total gives a hidden one away.

    In each partition (parts that add up to a total) at least two parts are hidden or none, and those hidden add up to at least the
    threshold, so that subtracting what is shown from the total does not give a small count either. The smallest shown part
    is hidden first, zeros never, the total last. A row in two partitions (a line and a column of a table) is protected in both.

    Parameters
    ----------
    table : DataFrame
        With the column `count`.
    policy : Policy
    partitions : iterable of (total, parts)
        Row positions; `total` is None when the total is not a row but is known (it stands in the column `n`, or in a sentence).
    count : str
        The column that adds up.

    Returns
    -------
    table : DataFrame
        With ``status`` set to "suppressed" on the rows concerned.
    n_hidden : int

    Notes
    -----
    Simple secondary suppression: it does not compute how closely a hidden count can be bracketed, nor does it see other tables.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"term": ["all", "a", "b", "c"], "count": [100, 4, 36, 60]})
    >>> suppress_partition(cells, Policy(), [(0, [1, 2, 3])])[0]["count"].tolist()
    [100.0, nan, nan, 60.0]
    """
    if policy.threshold <= 1:
        return table, 0
    return _hidden(table, protected(table[count], too_small(table, policy), partitions, policy))


def too_small(table: pd.DataFrame, policy: Policy) -> np.ndarray:
    """Return which rows `suppress` hides."""
    out, _ = suppress(table.drop(columns="status", errors="ignore"), policy)
    if "status" not in out:
        return np.zeros(len(table), dtype=bool)
    return (out["status"] == "suppressed").to_numpy()


def protected(
    counts: pd.Series,
    hide: np.ndarray,
    partitions: Iterable[tuple[int | None, Sequence[int]]],
    policy: Policy,
) -> np.ndarray:
    """Return the cells to hide so that those of `hide` do not follow from totals; see `suppress_partition`.

    Two cells that count the same people, in two tables say, are a partition with one part.

    Parameters
    ----------
    counts : Series, length n
    hide : ndarray of bool, length n
        Hidden already; not changed.
    partitions : iterable of (total, parts)
    policy : Policy

    Returns
    -------
    ndarray of bool, length n
    """
    values = np.nan_to_num(counts.to_numpy(dtype=float, na_value=np.nan))
    hide = hide.copy()
    wanted = [(total, list(parts)) for total, parts in partitions]
    while any([_protect(values, hide, total, parts, policy.threshold) for total, parts in wanted]):
        pass
    return hide


def _protect(
    values: np.ndarray, hide: np.ndarray, total: int | None, parts: list[int], threshold: int
) -> bool:
    """Hide in place one more cell of a partition that gives a hidden one away; return whether one was hidden."""
    # A hidden zero protects nothing, and needs no protection.
    covered = [i for i in parts if hide[i] and values[i] > 0]
    total_hidden = total is not None and hide[total]
    if total_hidden:
        safe = bool(covered) or not values[parts].any()
    else:
        safe = not covered or (len(covered) > 1 and values[covered].sum() >= threshold)
    if safe:
        return False
    shown = [i for i in parts if not hide[i] and values[i] > 0]
    if shown:
        hide[min(shown, key=lambda i: values[i])] = True
    elif total is not None and not total_hidden:
        hide[total] = True
    else:
        return False
    return True


def _hidden(table: pd.DataFrame, hide: np.ndarray) -> tuple[pd.DataFrame, int]:
    """Return the table without the counts of these rows and what follows from them."""
    if not hide.any():
        return table, 0
    counts = [c for c in COUNTS if c in table]
    out = table.copy()
    for column in [*counts, *(c for c in DERIVED if c in table)]:
        out[column] = out[column].astype(float).mask(hide)
    if "status" not in out:
        out["status"] = "ok"
    out.loc[hide, "status"] = "suppressed"
    return out, int(hide.sum())


def suppress_levels(
    table: pd.DataFrame,
    policy: Policy,
    variable: Sequence[object],
    people: np.ndarray | None = None,
) -> tuple[pd.DataFrame, int]:
    """Hide small counts of the terms of a model, then what would give them away, a level that is not in the table included.

    The rows of one variable are levels that add up to everybody (the largest count of the table, by ``cause`` when there are
    several) with the reference level, which is often not shown: everybody less the levels shown tells how many it holds.

    Parameters
    ----------
    table : DataFrame
        Columns ``n`` and ``n_event``.
    policy : Policy
    variable : sequence, one per row
        What the row is a level of; None for rows that count something else.
    people : float array, optional
        How many people had the events of each row, where one person may have several.

    Returns
    -------
    table : DataFrame
    n_hidden : int

    Examples
    --------
    >>> import pandas as pd
    >>> fit = pd.DataFrame({"term": ["age", "site[b]"], "n": [300, 295], "n_event": [100, 97]})
    >>> suppress_levels(fit, Policy(), ["age", "site"])[0]["n"].tolist()
    [300.0, nan]
    """
    import pandas as pd

    if policy.threshold <= 1 or not len(table):
        return table, 0
    # What is hidden of the rows elsewhere (a small part of its base) is hidden here too, events in place of people or not.
    hide = too_small(table, policy)
    cells = table[["n", "n_event"]].astype(float).reset_index(drop=True)
    if people is not None:
        cells["n_event"] = people
    cause = table["cause"].tolist() if "cause" in table else [None] * len(table)
    rows: dict[object, list[int]] = {}
    for i, key in enumerate(zip(cause, variable, strict=True)):
        if key[1] is not None:
            rows.setdefault(key, []).append(i)
    parts, rests = [], []
    for (whose, _), own in rows.items():
        total = cells[[c == whose for c in cause]].max()
        for levels in [own] if cells["n"].iloc[own].sum() <= total["n"] else [[i] for i in own]:
            parts.append([*levels, len(cells) + len(rests)])
            rests.append((total - cells.iloc[levels].sum()).clip(lower=0))
    cells = pd.concat([cells, pd.DataFrame(rests, columns=["n", "n_event"])], ignore_index=True)
    hide = np.append(hide, np.zeros(len(rests), dtype=bool)) | too_small(cells, policy)
    for part in parts:
        # A level that is not shown covers one that is hidden.
        hide[part[-1]] |= hide[part[:-1]].any()
    for count in ("n", "n_event"):
        hide = protected(cells[count], hide, [(None, part) for part in parts], policy)
    return _hidden(table, hide[: len(table)])


def suppress_since(
    table: pd.DataFrame, policy: Policy, by: Sequence[str] = (), steps: bool = False
) -> tuple[pd.DataFrame, int]:
    """Hide small counts where ``n_event`` counts from the origin to ``time``, and times that too few events part from the last shown.

    Two rows whose counts differ by one tell when one person left. A row without a time counts all events. With `steps` the
    estimates step with the events of others too, and a time without any more is hidden as well.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"time": [26, 27, 52], "estimate": 0.1, "n": 200, "n_event": [30, 31, 60]})
    >>> suppress_since(scores, Policy())[0]["n_event"].tolist()
    [30.0, nan, 60.0]
    """
    if policy.threshold <= 1 or not {"time", "n_event"} <= set(table):
        return suppress(table, policy)
    hide = too_small(table, policy)
    groups = table.groupby(list(by), sort=False, dropna=False).indices.values() if by else [range(len(table))]
    for group in groups:
        rows = np.asarray(group)
        events = table["n_event"].to_numpy(float)[rows]
        time = table["time"].fillna(np.inf).to_numpy(float)[rows]
        last = 0.0
        for at in np.unique(time):
            here = time == at
            more = events[here].max() - last
            if hide[rows[here]].any() or more < policy.threshold and (steps or more > 0):
                hide[rows[here]] = True
            else:
                last = events[here].max()
    return _hidden(table, hide)


class Headcount(int):
    """A number of people inside a message: `veil` writes "fewer than 11" for it when it is small.

    Examples
    --------
    >>> Headcount(5) + 1
    6
    """


class Headcounts(str):
    """Numbers of people by group inside a message: `veil` writes "…" for them when one is small, since their total stands by.

    Examples
    --------
    >>> Headcounts.of({"a": 30, "b": 3})
    'a: 30, b: 3'
    """

    smallest: float = np.inf

    @classmethod
    def of(cls, counts: Mapping[object, float]) -> Headcounts:
        """Write the counts above 0."""
        said = {name: n for name, n in counts.items() if n}
        text = cls(", ".join(f"{name}: {n}" for name, n in said.items()))
        text.smallest = float(min(said.values(), default=np.inf))
        return text


def veil(message: Any, policy: Policy) -> Any:
    """Return the message with its small head counts replaced by "fewer than …"."""
    values = {}
    for name, value in message.values.items():
        if isinstance(value, Headcount) and 0 < value < policy.threshold:
            value = type(message)("result.few", {"threshold": policy.threshold})
        elif isinstance(value, Headcounts) and value.smallest < policy.threshold:
            value = "…"
        elif dataclasses.is_dataclass(value) and hasattr(value, "values"):  # a message inside a message
            value = veil(value, policy)
        values[name] = value
    return dataclasses.replace(message, values=values)
