"""What an answer owes to its assumptions: draws of them over their ranges, which of them decide, and where a gain would vanish.

Not an uncertainty of measurement: a range of assumptions says what the model could have answered, not how likely each answer is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.errors import InputError

#: An assumption as drawn: its low bound, its central value, its high bound.
Range = tuple[float, float, float]


def draw_assumptions(ranges: Mapping[str, Range], n: int, seed: int) -> pd.DataFrame:
    """Draw `n` sets of assumptions over their ranges, by Latin hypercube.

    Half of the draws lie below each central value and half above it, evenly on either side: the central value is the
    median of the draws even where the range is lopsided.

    Parameters
    ----------
    ranges : mapping of str to (low, value, high)
    n : int
        Number of draws, at least 2.
    seed : int

    Returns
    -------
    DataFrame
        One row per draw, one column per assumption.

    Raises
    ------
    InputError
        If a central value lies outside its range, or fewer than 2 draws are asked for.

    Notes
    -----
    McKay, Beckman and Conover (1979), Technometrics 21(2), 239-245: each of `n` equal slices of each range is drawn once.

    Examples
    --------
    >>> draws = draw_assumptions({"share": (0.3, 0.4, 1.0)}, n=4, seed=1)
    >>> (draws["share"] < 0.4).sum().item()
    2
    """
    if n < 2:
        raise InputError(f"n: {n} draws cannot show a range; ask for at least 2")
    outside = [
        f"{name} ({v} not in {lo} to {hi})" for name, (lo, v, hi) in ranges.items() if not lo <= v <= hi
    ]
    if outside:
        raise InputError(
            f"ranges: {len(outside)} central values lie outside their range: {', '.join(outside)}"
        )
    rng = np.random.default_rng(seed)
    columns = {}
    for name, (low, value, high) in ranges.items():
        u = (rng.permutation(n) + rng.random(n)) / n
        columns[name] = np.where(u < 0.5, low + 2 * u * (value - low), value + (2 * u - 1) * (high - value))
    return pd.DataFrame(columns)


def influence(draws: pd.DataFrame, outcome: np.ndarray | pd.Series) -> pd.DataFrame:
    """Rank the assumptions by how much of the outcome's spread over the draws goes with each of them.

    Parameters
    ----------
    draws : DataFrame of shape (n, k)
    outcome : array of shape (n,)

    Returns
    -------
    DataFrame
        ``term``, ``estimate`` (Spearman's rank correlation; its sign says which way the assumption pulls), ``share``
        (its square), ``n``, ``status``; the strongest first. An assumption or an outcome that never varies is not estimable.

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
    ranks = pd.Series(y).rank().to_numpy()
    rows = []
    for term in draws.columns:
        own = draws[term].rank().to_numpy()
        varies = own.std() > 0 and ranks.std() > 0
        r = float(np.corrcoef(own, ranks)[0, 1]) if varies else np.nan
        rows.append((str(term), r, r * r, len(y), "ok" if varies else "not_estimable"))
    table = pd.DataFrame(rows, columns=["term", "estimate", "share", "n", "status"])
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


def break_even(values: np.ndarray, outcome: np.ndarray, threshold: float, at: float) -> BreakEven:
    """Find the values nearest to `at`, on either side, where the outcome falls to `threshold`, by straight lines between points.

    Parameters
    ----------
    values : array of shape (k,)
        Values of one assumption at which the outcome was computed, in increasing order.
    outcome : array of shape (k,)
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
