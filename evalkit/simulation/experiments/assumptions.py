"""What an answer owes to its assumptions: draws of them over their ranges, which of them decide, and where a gain would vanish.

Not an uncertainty of measurement: a range of assumptions says what the model could have answered, not how likely each answer is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.simulation.experiments.playing import play
from evalkit.simulation.programme.quantities import Assumption
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.log import Tape
from evalkit.simulation.tape.outcomes import KEYS, counts, sooner

Until = dt.date | str | None


def draw_assumptions(keys: Sequence[str], n: int, seed: int) -> pd.DataFrame:
    """Draw `n` sets of positions of assumptions within their ranges, by Latin hypercube.

    Parameters
    ----------
    keys : sequence of str
        Dotted names of assumptions. One more at the end changes nothing for the others.
    n : int
        Number of draws, at least 2.
    seed : int

    Returns
    -------
    DataFrame
        One row per draw, one column per key: 0 is the low bound, 0.5 the central value, 1 the high bound; see `placed`.

    Raises
    ------
    InputError
        If fewer than 2 draws are asked for, or a key comes twice.

    Notes
    -----
    McKay, Beckman and Conover (1979), Technometrics 21(2), 239-245: each of `n` equal slices is drawn once for each key.

    Examples
    --------
    >>> draws = draw_assumptions(["outreach.spacing", "counsellors.notice"], n=4, seed=1)
    >>> (draws < 0.5).sum().tolist()
    [2, 2]
    """
    if n < 2:
        raise InputError(f"n: {n} draws cannot show a range; ask for at least 2")
    if len(set(keys)) < len(keys):
        raise InputError(f"keys: {len(keys) - len(set(keys))} come twice; name each assumption once")
    rng = np.random.default_rng(seed)
    return pd.DataFrame({key: (rng.permutation(n) + rng.random(n)) / n for key in keys})


def placed(scenario: Scenario, positions: Mapping[str, float]) -> Scenario:
    """Return a scenario with assumptions moved within their ranges; those it does not have are left out.

    Half of the positions lie below each central value and half above it, so that the central value is the median of the draws
    even where the range is lopsided. Sites move together. Whole quantities are rounded.

    Parameters
    ----------
    scenario : Scenario
    positions : mapping of str to float
        Dotted name of an assumption to its position: 0 low bound, 0.5 central value, 1 high bound.

    Raises
    ------
    InputError
        If an assumption has no range.
    """
    changes: dict[str, float] = {}
    for key, assumption, quantity in scenario.quantities():
        if key in positions:
            for site, value in _placed(key, assumption, positions[key]).items():
                changes[f"{key}.{site}" if site else key] = round(value) if quantity.whole else value
    return scenario.with_(changes)


def _placed(key: str, assumption: Assumption, position: float) -> dict[str, float]:
    out = {}
    for site, value, low, high in assumption.items():
        if np.isnan(low):
            raise InputError(f"{key}: has no range ({assumption.status}); leave it out, or give it one")
        below, above = low + 2 * position * (value - low), value + (2 * position - 1) * (high - value)
        out[site] = float(below if position < 0.5 else above)
    return out


def over_assumptions(
    base: Scenario,
    other: Scenario,
    draws: pd.DataFrame,
    n: int,
    seed: int,
    jobs: int = 1,
    until: Until = None,
) -> pd.DataFrame:
    """Play two scenarios under every draw of their assumptions, with the same luck, and return the mean differences.

    An assumption that both scenarios have moves in both. Draws that leave `base` as it is share its plays.

    Parameters
    ----------
    base, other : Scenario
    draws : DataFrame
        Positions, as `draw_assumptions` makes them; every column must be an assumption of `other`.
    n : int
        Plays of each scenario under each draw, with the luck of replications 0 to ``n - 1``.
    seed, jobs, until
        As in `contrast`; the result does not depend on `jobs`.

    Returns
    -------
    DataFrame
        draw, outcome, part, by, level, before, after, estimate (mean difference over the `n` plays; for the outputs of
        `sooner`, their mean).

    Raises
    ------
    InputError
        If `other` has no assumption of a column's name.
    """
    known = {key for key, _, _ in other.quantities()}
    unknown = [key for key in draws.columns if key not in known]
    if unknown:
        raise InputError(
            f"draws: {other.name} has no assumption {', '.join(unknown)}; see scenario.assumptions()"
        )
    groups: dict[str, tuple[Scenario, list[tuple[int, Scenario]]]] = {}
    for draw, positions in enumerate(draws.to_dict("records")):
        before = placed(base, positions)  # type: ignore[arg-type]
        groups.setdefault(before.digest, (before, []))[1].append((draw, placed(other, positions)))  # type: ignore[arg-type]
    work = [(before, others, n, seed, until) for before, others in groups.values()]
    if jobs == 1:
        parts = [_contrasts(*one) for one in work]
    else:
        from joblib import Parallel, delayed

        parts = Parallel(n_jobs=jobs)(delayed(_contrasts)(*one) for one in work)
    table = pd.concat([frame for part in parts for frame in part])
    return table.sort_values("draw", kind="stable", ignore_index=True)


def _contrasts(
    base: Scenario, others: list[tuple[int, Scenario]], n: int, seed: int, until: Until
) -> list[pd.DataFrame]:
    tapes = [play(base, seed, r) for r in range(n)]
    before = [_indexed(counts(tape, until)) for tape in tapes]
    out = []
    for draw, other in others:
        rows = [_difference(tapes[r], before[r], play(other, seed, r), until) for r in range(n)]
        table = (
            pd.concat(rows)
            .groupby(level=list(range(len(KEYS))), sort=False, dropna=False)
            .mean()
            .reset_index()
        )
        out.append(table.assign(draw=draw)[["draw", *KEYS, "before", "after", "estimate"]])
    return out


def _indexed(table: pd.DataFrame) -> pd.Series[Any]:
    return table.set_index(list(KEYS))["value"]


def _difference(base: Tape, before: pd.Series[Any], tape: Tape, until: Until) -> pd.DataFrame:
    after = _indexed(counts(tape, until))
    table = pd.DataFrame({"before": before.reindex(after.index), "after": after})
    table["estimate"] = table["after"] - table["before"].fillna(0.0)
    gained = _indexed(sooner(base, tape, until))
    return pd.concat([table, pd.DataFrame({"estimate": gained})])


def influence(draws: pd.DataFrame, outcome: np.ndarray | pd.Series[Any]) -> pd.DataFrame:
    """Rank the assumptions by how much of the outcome's spread over the draws goes with each of them.

    Parameters
    ----------
    draws : DataFrame of shape (n, k)
    outcome : array of shape (n,)

    Returns
    -------
    DataFrame
        ``term``, ``estimate`` (Spearman's rank correlation; its sign says which way the assumption pulls), ``share``
        (its square), ``low`` and ``high`` (mean outcome over the third of the draws in which the assumption is lowest, and
        highest), ``n``, ``status``; the strongest first. An assumption or an outcome that never varies is not estimable.

    Raises
    ------
    InputError
        If the two do not have the same length, or an outcome is missing.

    Notes
    -----
    Spearman (1904), ties at their mean rank. Over a Latin hypercube the assumptions are nearly uncorrelated, so that the
    squares nearly add up to what the ranks of the assumptions explain together.

    Examples
    --------
    >>> draws = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 4.0, 2.0, 3.0]})
    >>> influence(draws, [10.0, 20.0, 30.0, 40.0])[["term", "estimate"]].round(2).to_dict("list")
    {'term': ['a', 'b'], 'estimate': [1.0, 0.4]}
    """
    y = np.asarray(outcome, dtype=float)
    if len(y) != len(draws):
        raise InputError(f"outcome: {len(y)} values for {len(draws)} draws; give one a draw")
    if np.isnan(y).any():
        raise InputError(f"outcome: {int(np.isnan(y).sum())} of {len(y)} values are missing; play every draw")
    ranks, third = pd.Series(y).rank().to_numpy(), max(1, len(y) // 3)
    rows = []
    for term in draws.columns:
        own = draws[term].rank().to_numpy()
        order = np.argsort(own, kind="stable")
        varies = own.std() > 0 and ranks.std() > 0
        r = float(np.corrcoef(own, ranks)[0, 1]) if varies else np.nan
        low, high = y[order[:third]].mean(), y[order[-third:]].mean()
        rows.append((str(term), r, r * r, low, high, len(y), "ok" if varies else "not_estimable"))
    table = pd.DataFrame(rows, columns=["term", "estimate", "share", "low", "high", "n", "status"])
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True)
class BreakEven:
    """Where an outcome falls to a threshold on either side of a central value; None where it does not, as far as was looked.

    Parameters
    ----------
    below, above : float or None
    searched : (float, float)
        The least and the greatest value looked at.
    """

    below: float | None
    above: float | None
    searched: tuple[float, float]


def break_even(values: Sequence[float], outcome: Sequence[float], threshold: float, at: float) -> BreakEven:
    """Find the values nearest to `at`, on either side, where the outcome falls to `threshold`, by straight lines between points.

    Parameters
    ----------
    values : sequence of float
        Values of one assumption at which the outcome was computed, in increasing order.
    outcome : sequence of float
    threshold : float
    at : float
        The central value, inside `values`.

    Returns
    -------
    BreakEven

    Raises
    ------
    InputError
        If the values do not increase, or the outcome at `at` is already at the threshold or below.

    Examples
    --------
    >>> break_even([0.0, 0.5, 1.0], [0.0, 10.0, 20.0], threshold=1.0, at=0.5)
    BreakEven(below=0.05, above=None, searched=(0.0, 1.0))
    """
    x, y = np.asarray(values, dtype=float), np.asarray(outcome, dtype=float)
    if len(x) != len(y) or len(x) < 2 or (np.diff(x) <= 0).any():
        raise InputError("values: give at least two, increasing, with one outcome each")
    if not x[0] <= at <= x[-1] or np.interp(at, x, y) <= threshold:
        raise InputError(f"at: the outcome at {at} is not above {threshold}, so there is nothing to lose")
    crossings = []
    for (x0, x1), (y0, y1) in zip(zip(x, x[1:], strict=False), zip(y, y[1:], strict=False), strict=True):
        if (y0 > threshold) != (y1 > threshold):
            crossings.append(float(x0 + (threshold - y0) * (x1 - x0) / (y1 - y0)))
    return BreakEven(
        max((c for c in crossings if c < at), default=None),
        min((c for c in crossings if c > at), default=None),
        (float(x[0]), float(x[-1])),
    )
