"""The disclosure gate where one person moves several times: people are counted, not moves.

Not the gate of curves at which everybody leaves once: `disclosure.coarsen_curve` is, and finishes the work here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evalkit.disclosure import COUNTS, DERIVED, Policy, coarsen_curve


def coarsen_counts(
    part: pd.DataFrame,
    when: np.ndarray,
    who: np.ndarray,
    weight: np.ndarray,
    policy: Policy,
    keep_rows: bool = False,
) -> tuple[pd.DataFrame, int]:
    """Merge the steps of one mean count that too few people make, and hide what `coarsen_curve` hides.

    Parameters
    ----------
    part : DataFrame
        The rows of one group in time order.
    when, who : arrays, shape (e,)
        Time of each event and whose it is.
    weight : float array
        How many people each person in `who` is.
    policy : Policy
    keep_rows : bool
        Hide the rows not kept instead of leaving them out.

    Returns
    -------
    table : DataFrame
    n_hidden : int
        Rows merged or hidden.
    """
    if policy.threshold <= 1 or not len(part):
        return part, 0
    times = part["time"].to_numpy(dtype=float)
    row_of = np.searchsorted(times, when, side="left")
    order = np.argsort(row_of, kind="stable")
    bounds = np.searchsorted(row_of[order], np.arange(len(times) + 1))
    since: set = set()
    keep, people = np.zeros(len(times), dtype=bool), 0.0
    for row, time in enumerate(times):
        for person in who[order[bounds[row] : bounds[row + 1]]]:
            if person not in since:
                since.add(person)
                people += weight[person]
        # The origin says nothing of anybody, unless something happened there.
        if people >= policy.threshold or (row == 0 and time == 0 and not since):
            keep[row] = True
            since, people = set(), 0.0
    block = np.concatenate([[0], np.cumsum(keep)[:-1]])[: len(times)]
    merged = part[keep].copy()
    for column in ("n_event", "n_censor"):
        total = np.bincount(block, part[column].to_numpy(dtype=float), block.max() + 1)
        merged[column] = total[: len(merged)]
    # Nobody leaves by an event, so who is left does not give away who moved.
    coarse, _ = coarsen_curve(merged, policy, keep_rows=keep_rows, there=np.zeros(len(merged)))
    if not keep_rows and len(coarse):
        return coarse, len(part) - int((coarse["status"] != "suppressed").sum())
    blank = part if keep_rows else part.iloc[:1]
    out = hidden(blank, np.ones(len(blank), dtype=bool))
    for index in coarse.index if keep_rows else ():
        out.loc[out.index[np.flatnonzero(keep)[index]], coarse.columns] = coarse.loc[index]
    return out, int((out["status"] == "suppressed").sum())


def hidden(table: pd.DataFrame, where: np.ndarray) -> pd.DataFrame:
    """Return the table with the counts of these rows, and what follows from them, missing and status "suppressed"."""
    out = table.copy()
    for column in (c for c in (*COUNTS, *DERIVED) if c in out):
        out[column] = out[column].astype(float).mask(where)
    status = out["status"] if "status" in out else pd.Series("ok", index=out.index)
    return out.assign(status=status.mask(where, "suppressed"))


def too_few(moved: Mapping[str, float], here: Mapping[str, float], threshold: int) -> set[str]:
    """Return the states to hide at a time: few people moved in or out since they were last shown, or few are in them.

    The next smallest follow until the hidden ones cover each other: shares sum to 1.

    Examples
    --------
    >>> sorted(too_few({"a": 40, "b": 3, "c": 37}, {"a": 60, "b": 9, "c": 40}, 11))
    ['b', 'c']
    """
    found = {s for s in here if 0 < moved.get(s, 0) < threshold or 0 < here[s] < threshold}
    while found and (len(found) < 2 or sum(here[s] for s in found) < threshold):
        rest = [s for s in here if s not in found and here[s] > 0]
        if not rest:
            break
        found.add(min(rest, key=lambda s: here[s]))
    return found


def coarsen_shares(
    table: pd.DataFrame,
    moves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    after: np.ndarray,
    weight: np.ndarray,
    policy: Policy,
    keep_rows: bool = False,
) -> tuple[pd.DataFrame, int]:
    """Merge the times between which too few people moved, and hide states that few people are in or moved to or from.

    Parameters
    ----------
    table : DataFrame
        The rows of one group: all states at each time, in time order.
    moves : mapping of state to (time, person)
        Arrivals and departures, in time order.
    after : float array, shape (times, states)
        How many are in each state after each time.
    weight : float array
        How many people each person is.
    policy : Policy
    keep_rows : bool
        Hide the rows not kept instead of leaving them out.

    Returns
    -------
    table : DataFrame
    n_hidden : int
        Rows merged or hidden.
    """
    threshold = policy.threshold
    if threshold <= 1 or not len(table):
        return table, 0
    states = list(dict.fromkeys(table["state"]))
    s = len(states)
    times = table["time"].to_numpy(dtype=float)[::s]
    risk = table["n_risk"].to_numpy(dtype=float).reshape(-1, s)
    counts = {c: table[c].to_numpy(dtype=float).reshape(-1, s).copy() for c in ("n_event", "n_censor")}
    since: dict[str, set] = {state: set() for state in states}
    moved: set = set()
    seen = dict.fromkeys(states, 0)
    shown, blank = np.zeros(risk.shape, dtype=bool), np.zeros(risk.shape, dtype=bool)
    pending = {c: np.zeros(s) for c in counts}
    for row, time in enumerate(times):
        for state in states:
            when, who = moves[state]
            end = int(np.searchsorted(when, time, side="right"))
            since[state].update(who[seen[state] : end].tolist())
            moved.update(who[seen[state] : end].tolist())
            seen[state] = end
        for c in counts:
            pending[c] += counts[c][row]
        origin = row == 0 and time == 0 and not moved
        if risk[row].sum() < threshold or not (origin or _heads(moved, weight) >= threshold):
            blank[row] = True
            continue
        here = {
            x: min((v for v in (risk[row, i], after[row, i]) if v > 0), default=0.0)
            for i, x in enumerate(states)
        }
        veiled = too_few({x: _heads(since[x], weight) for x in states}, here, threshold)
        for i, state in enumerate(states):
            (blank if state in veiled else shown)[row, i] = True
            for c in counts:
                few = 0 < pending[c][i] < threshold
                counts[c][row, i] = np.nan if few else pending[c][i]
            if state not in veiled:
                since[state] = set()
        moved = set()
        pending = {c: np.zeros(s) for c in counts}
    step = max(threshold // 2, 1)
    out = table.assign(
        n_risk=(np.floor(risk / step) * step).ravel(), **{c: v.ravel() for c, v in counts.items()}
    )
    out = hidden(out, blank.ravel())
    kept = shown.any(axis=1).repeat(s) | keep_rows
    if not kept.any():
        kept[:s] = True
    return out[kept], int(blank.sum())


def _heads(people: set, weight: np.ndarray) -> float:
    return float(sum(weight[p] for p in people))
