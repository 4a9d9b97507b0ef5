"""The exact test of two groups over several categories, given all totals.

Not for ordered categories: their tests use the order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.numerics.arguments import generator
from evalkit.numerics.tails import positive

#: Most tables that are gone through one by one.
MOST_TABLES = 500_000
DRAWS = 9_999
#: Tables are "as likely" when their probabilities agree to this ratio, as in R's ``fisher.test``.
_TIED = 1e-7


@dataclass(frozen=True)
class FreemanHalton:
    """The test.

    Parameters
    ----------
    p_value, p_floor : float
        Never 0; the least that any table with these totals can give.
    method : {"exact", "drawn"}
    draws : int
        How many tables were drawn; 0 when exact.
    """

    p_value: float
    p_floor: float
    method: str
    draws: int = 0


def freeman_halton(
    reference: np.ndarray, other: np.ndarray, seed: int = 0, draws: int = DRAWS
) -> FreemanHalton:
    """Return the chance of tables no more likely than the one seen, given the totals of groups and categories.

    Parameters
    ----------
    reference, other : int array, shape (K,)
        People per category; every category has somebody, each group too.
    seed, draws : int
        Tables are drawn when there are more than `MOST_TABLES`; then p = (b + 1) / (B + 1).

    Returns
    -------
    FreemanHalton

    References
    ----------
    Freeman & Halton (1951), Biometrika 38:141; as R's ``fisher.test``.

    Examples
    --------
    >>> round(freeman_halton(np.array([3, 1, 0]), np.array([1, 2, 4])).p_value, 4)
    0.103
    """
    totals = reference + other
    m = int(other.sum())
    seen = _log_chance(other[None, :], totals)[0]
    if _size(totals, m) <= MOST_TABLES:
        log_chance = _log_chance(_tables(totals, m), totals)
        chance = np.exp(log_chance)
        p = chance[log_chance <= seen + _TIED].sum() / chance.sum()
        floor = chance[log_chance <= log_chance.min() + _TIED].sum() / chance.sum()
        return FreemanHalton(positive(p), positive(floor), "exact")
    drawn = generator(seed).multivariate_hypergeometric(totals, m, size=draws)
    as_rare = int((_log_chance(drawn, totals) <= seen + _TIED).sum())
    return FreemanHalton((as_rare + 1) / (draws + 1), 1 / (draws + 1), "drawn", draws)


def _log_chance(tables: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the log of the number of ways to each table, but for a constant."""
    return -(special.gammaln(tables + 1) + special.gammaln(totals - tables + 1)).sum(axis=1)


def _size(totals: np.ndarray, m: int) -> float:
    """Return how many tables there are, counted column by column."""
    ways = np.zeros(m + 1)
    ways[0] = 1.0
    for total in totals:
        run = np.concatenate([[0.0], ways.cumsum()])
        last = np.arange(m + 1)
        ways = run[last + 1] - run[np.maximum(last - int(total), 0)]
        if not math.isfinite(ways.sum()):  # pragma: no cover - more tables than a float counts
            return math.inf
    return float(ways[m])


def _tables(totals: np.ndarray, m: int) -> np.ndarray:
    """Return every row of the other group, shape (tables, K)."""
    found = np.zeros((1, 0), dtype=np.int64)
    left = np.array([m])
    rest = int(totals.sum())
    for total in totals:
        rest -= int(total)
        low = np.maximum(left - rest, 0)
        counts = np.minimum(left, total) - low + 1
        at = np.repeat(np.arange(len(left)), counts)
        value = low[at] + np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        found = np.column_stack([found[at], value])
        left = left[at] - value
    return found
