"""Curves before they are shown: steps that a few people make are merged, so that no step tells of one of them.

Not for tables: `tables` hides their small cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.disclosure.tables import COUNTS, DERIVED, Policy

if TYPE_CHECKING:
    import pandas as pd


def coarsen_curve(
    table: pd.DataFrame,
    policy: Policy,
    by: Sequence[str] = (),
    keep_rows: bool = False,
    there: np.ndarray | None = None,
) -> tuple[pd.DataFrame, int]:
    """Merge the steps of a curve that too few people make: one step tells of one person, two at-risk counts of those between.

    A time is kept when at least the threshold of people made the curve step since the last time kept, as many were at risk, and
    as many, or nobody, were left by those who moved on that very day.
    Numbers at risk are rounded down to a multiple of half the threshold, a small number censored in between is hidden. When
    exits of several causes share a time (column ``cause``), a cause with a small count since it was last shown is hidden there,
    with a second one if the others would give it away.

    Parameters
    ----------
    table : DataFrame
        Columns ``time``, ``n_risk``, ``n_event``, ``n_censor``, ``estimate`` …, in time order within each group; the row of a
        cause ``"no_exit"`` counts all exits.
    policy : Policy
    by : sequence of str
        The columns that make the groups, ``cause`` included when there.
    keep_rows : bool
        Hide the rows not kept instead of leaving them out (for times somebody asked for).
    there : array, optional
        The exits on the very day of each row, where ``n_event`` counts those of several days.

    Returns
    -------
    table : DataFrame
    n_hidden : int
        Rows merged or hidden.

    Examples
    --------
    >>> import pandas as pd
    >>> steps = pd.DataFrame({"time": [0, 5, 9], "estimate": [1, 0.9, 0.7], "n_risk": [50, 50, 45],
    ...                       "n_event": [0, 5, 10], "n_censor": [0, 0, 0]})
    >>> coarsen_curve(steps, Policy())[0][["time", "n_risk", "n_event"]].to_numpy().tolist()
    [[0.0, 50.0, 0.0], [9.0, 45.0, 15.0]]
    """
    import pandas as pd

    if policy.threshold <= 1 or not len(table):
        return table, 0
    table = table.assign(there=table["n_event"].to_numpy(dtype=float) if there is None else there)
    groups = [c for c in by if c != "cause"]
    split = [part for _, part in table.groupby(groups, sort=False, observed=True)] if groups else [table]
    parts = [_coarse_group(part, policy.threshold, keep_rows) for part in split]
    out = pd.concat(parts, ignore_index=True)
    hidden = int((out["status"] == "suppressed").sum())
    return out.drop(columns="there"), hidden + len(table) - len(out)


def _coarse_group(part: pd.DataFrame, threshold: int, keep_rows: bool) -> pd.DataFrame:
    """Coarsen the curve, or the curves of several causes, of one group."""
    out = part.copy()
    for column in ("n_risk", "n_event", "n_censor"):
        out[column] = out[column].astype(float)
    if "status" not in out:
        out["status"] = "ok"
    several = "cause" in part
    since: dict[object, float] = {}
    moved = censored = 0.0
    shown, hidden, merged = [], [], []
    for time, rows in part.groupby("time", sort=False).indices.items():
        at = part.iloc[rows]
        steps = dict(zip(at["cause"] if several else [None], at["n_event"].astype(float), strict=True))
        total = steps.pop("no_exit") if "no_exit" in steps else sum(steps.values())
        for state, count in steps.items():
            since[state] = since.get(state, 0.0) + count
        moved += total
        censored += float(at["n_censor"].iloc[0])
        origin = time == 0 and total == 0 and censored == 0
        risk = float(at["n_risk"].iloc[0])
        # Who is left gives away who moved, and the other way round.
        on_the_day = dict(zip(at["cause"] if several else [None], at["there"], strict=True))
        few_left = 0 < risk - on_the_day.pop("no_exit", sum(on_the_day.values())) < threshold
        if risk < threshold or few_left or not (origin or moved >= threshold):
            merged.extend(rows)
            continue
        veiled = _veiled_states(since, threshold)
        for row, state in zip(rows, at["cause"] if several else [None], strict=True):
            (hidden if state in veiled else shown).append(row)
            count = moved if state == "no_exit" or not several else since.get(state, 0.0)
            out.iloc[row, out.columns.get_loc("n_event")] = count
            out.iloc[row, out.columns.get_loc("n_censor")] = np.nan if 0 < censored < threshold else censored
            if not origin:
                step = max(threshold // 2, 1)
                out.iloc[row, out.columns.get_loc("n_risk")] = np.floor(risk / step) * step
        since = {state: count for state, count in since.items() if state in veiled}
        moved = censored = 0.0
    blank = hidden + (merged if keep_rows or not shown else [])
    if not shown and not keep_rows:
        blank = blank[: 1 if not several else len(part.groupby("time", sort=False).head(1))]
    for column in [*(c for c in COUNTS if c in out), *(c for c in DERIVED if c in out)]:
        values = out[column].to_numpy(dtype=float, copy=True)
        values[blank] = np.nan
        out[column] = values
    out.iloc[blank, out.columns.get_loc("status")] = "suppressed"
    return out.iloc[sorted(shown + blank)]


def _veiled_states(since: dict[object, float], threshold: int) -> set[object]:
    """Return the states to hide: those with a small count, and the next smallest until the hidden ones cover each other."""
    veiled = {state for state, count in since.items() if 0 < count < threshold}
    while veiled and (len(veiled) < 2 or sum(since[s] for s in veiled) < threshold):
        rest = [state for state, count in since.items() if count > 0 and state not in veiled]
        if not rest:
            break
        veiled.add(min(rest, key=lambda state: since[state]))
    return veiled
