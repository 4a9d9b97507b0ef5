"""k × k tables of the same people at two dates: did the distribution change, and did people move both ways alike?

Not for people or waves: from the table alone. Two categories give McNemar's test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats
from scipy.sparse import csgraph

from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p
from evalkit.numerics.tails import positive

#: So many arrangements are listed one by one; beyond, they are drawn.
MOST_LISTED = 2**18


@dataclass(frozen=True)
class ChiSquared:
    """A chi-squared test.

    Parameters
    ----------
    statistic, df, p_value : float
        nan when there is nothing to test: nobody changed, or the variance is zero.
    """

    statistic: float
    df: float
    p_value: float


NO_TEST = ChiSquared(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Exchanged:
    """A test by exchange of the two dates within each person.

    Parameters
    ----------
    p_value, p_floor : float
        And the least p that the same people could have given.
    mid_p, mid_p_floor : float
        The same with the arrangements as extreme as the one seen counted for half; nan when drawn.
    arrangements : int
        How many were listed, or drawn.
    listed : bool
        True: all of them, so that p is exact.
    """

    p_value: float
    p_floor: float
    mid_p: float
    mid_p_floor: float
    arrangements: int
    listed: bool


def checked(table: np.ndarray) -> np.ndarray:
    """Return a square table of whole counts as floats, or refuse it."""
    found = np.asarray(table, dtype=float)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or found.shape[0] == 0:
        raise InputError(
            f"square table: must have as many rows (before) as columns (after), but has {found.shape}"
        )
    if not np.isfinite(found).all() or (found < 0).any() or (found != np.round(found)).any():
        raise InputError("square table: counts must be whole numbers, zero or more")
    return found


def stuart_maxwell(table: np.ndarray) -> ChiSquared:
    """Return the Stuart-Maxwell test that the shares of all categories are the same before and after.

    Parameters
    ----------
    table : array, shape (k, k)
        People by category before (rows) and after (columns).

    Returns
    -------
    ChiSquared
        ``df`` is the rank of the covariance: categories that nobody left or joined do not count, and groups of categories
        between which nobody moved lose one each. The statistic is d' V⁻ d with the generalised inverse, never with anything added.

    References
    ----------
    Stuart (1955), Biometrika 42:412; Maxwell (1970), British Journal of Psychiatry 116:651.

    Examples
    --------
    >>> found = stuart_maxwell([[596, 18, 6, 5], [0, 2, 0, 0], [0, 0, 42, 0], [11, 0, 0, 0]])
    >>> round(found.statistic, 2), found.df
    (26.25, 3.0)
    """
    table = checked(table)
    kept, df = _independent(table)
    if df == 0:
        return NO_TEST
    shift = (table.sum(axis=0) - table.sum(axis=1))[kept]
    return _tested(float(shift @ np.linalg.solve(_moves(table)[np.ix_(kept, kept)], shift)), df)


def bhapkar(table: np.ndarray) -> ChiSquared:
    """Return Bhapkar's test that the shares of all categories are the same before and after.

    As Stuart-Maxwell, with the covariance estimated without supposing equality; so a little larger, by 1 / (1 − statistic / n).

    Returns
    -------
    ChiSquared
        Nothing to test when that covariance is zero in some direction, as when everybody moved the same way.

    References
    ----------
    Bhapkar (1966), Journal of the American Statistical Association 61:228.

    Examples
    --------
    >>> found = bhapkar([[596, 18, 6, 5], [0, 2, 0, 0], [0, 0, 42, 0], [11, 0, 0, 0]])
    >>> round(found.statistic, 3)
    27.304
    """
    under_equality = stuart_maxwell(table)
    if math.isnan(under_equality.statistic):
        return NO_TEST
    left = 1 - under_equality.statistic / float(checked(table).sum())
    if left < 1e-12:
        return NO_TEST
    return _tested(under_equality.statistic / left, int(under_equality.df))


def bowker(table: np.ndarray) -> ChiSquared:
    """Return Bowker's test of symmetry: between any two categories, as many people moved one way as the other.

    Returns
    -------
    ChiSquared
        Pairs of categories between which nobody moved do not count in ``df``.

    References
    ----------
    Bowker (1948), Journal of the American Statistical Association 43:572.

    Examples
    --------
    >>> found = bowker([[596, 18, 6, 5], [0, 2, 0, 0], [0, 0, 42, 0], [11, 0, 0, 0]])
    >>> round(found.statistic, 2), found.df
    (26.25, 3.0)
    """
    table = checked(table)
    one, other = _pairs(table)
    if len(one) == 0:
        return NO_TEST
    there, back = table[one, other], table[other, one]
    return _tested(float(((there - back) ** 2 / (there + back)).sum()), len(one))


def exchanged(
    table: np.ndarray, rng: np.random.Generator, draws: int = 19_999
) -> tuple[Exchanged, Exchanged] | None:
    """Return the tests of equal shares and of symmetry by exchange of the two dates within each person.

    If nothing changed with time, each person who moved might as well have moved the other way: between two categories the
    number who went one way is binomial with chance 1/2. All such tables are listed when there are at most `MOST_LISTED`; else
    `draws` are drawn, and p = (1 + as extreme) / (1 + draws).

    Parameters
    ----------
    table : array, shape (k, k)
    rng : Generator
    draws : int

    Returns
    -------
    shares, symmetry : Exchanged
        With the statistics of `stuart_maxwell` and `bowker`; None when nobody changed. Two categories: McNemar's exact test.

    Examples
    --------
    >>> shares, _ = exchanged([[1, 1], [7, 12]], np.random.default_rng(0))
    >>> round(shares.p_value, 4), round(shares.mid_p, 4), shares.arrangements
    (0.0703, 0.0391, 9)
    """
    table = checked(table)
    one, other = _pairs(table)
    if len(one) == 0:
        return None
    moved = (table[one, other] + table[other, one]).astype(int)
    listed = float(np.prod(moved + 1.0)) <= MOST_LISTED
    if listed:
        forth, weight = _all_arrangements(moved)
    else:
        forth, weight = rng.binomial(moved, 0.5, size=(draws, len(moved))), None
    seen = table[one, other][None, :]
    found = []
    for statistic in (_shift_statistic(table, one, other, moved), _symmetry_statistic(moved)):
        values, target = statistic(forth), float(statistic(seen)[0])
        found.append(_judged(values, target, weight))
    return found[0], found[1]


def _judged(values: np.ndarray, target: float, weight: np.ndarray | None) -> Exchanged:
    # Equal statistics differ by rounding only.
    slack = 1e-9 * max(1.0, target)
    beyond, equal = values > target + slack, np.abs(values - target) <= slack
    if weight is None:
        draws = len(values)
        p = (1 + int((beyond | equal).sum())) / (draws + 1)
        return Exchanged(p, 1 / (draws + 1), math.nan, math.nan, draws, False)
    highest = weight[values >= values.max() - 1e-9 * max(1.0, values.max())].sum()
    more, same = float(weight[beyond].sum()), float(weight[equal].sum())
    return Exchanged(
        positive(more + same),
        positive(highest),
        positive(more + same / 2),
        positive(highest / 2),
        len(values),
        True,
    )


def _all_arrangements(moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return every number of people who may have gone "forth" between each two categories, and its chance."""
    axes = np.meshgrid(*(np.arange(m + 1) for m in moved), indexing="ij")
    forth = np.stack([axis.ravel() for axis in axes], axis=1)
    chance = np.ones(len(forth))
    for at, m in enumerate(moved):
        chance *= stats.binom.pmf(np.arange(m + 1), m, 0.5)[forth[:, at]]
    return forth, chance


def _shift_statistic(table: np.ndarray, one: np.ndarray, other: np.ndarray, moved: np.ndarray):
    kept, df = _independent(table)
    step = np.zeros((len(one), len(table)))
    step[np.arange(len(one)), other] += 1.0
    step[np.arange(len(one)), one] -= 1.0
    inverse = np.linalg.inv(_moves(table)[np.ix_(kept, kept)])

    def statistic(forth: np.ndarray) -> np.ndarray:
        shift = ((2 * forth - moved) @ step)[:, kept]
        return np.einsum("ai,ij,aj->a", shift, inverse, shift)

    return statistic


def _symmetry_statistic(moved: np.ndarray):
    return lambda forth: ((2 * forth - moved) ** 2 / moved).sum(axis=1)


def _moves(table: np.ndarray) -> np.ndarray:
    """Return the covariance of the shifts when people move either way alike (Stuart's, which is also that of the exchange)."""
    both_ways = table + table.T
    np.fill_diagonal(both_ways, 0.0)
    return np.diag(both_ways.sum(axis=1)) - both_ways


def _pairs(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of categories between which somebody moved."""
    one, other = np.triu_indices(len(table), 1)
    some = table[one, other] + table[other, one] > 0
    return one[some], other[some]


def _independent(table: np.ndarray) -> tuple[np.ndarray, int]:
    """Return categories whose shifts are linearly independent: all but one of each set of categories linked by moves."""
    one, other = _pairs(table)
    k = len(table)
    links = sparse.coo_matrix((np.ones(len(one)), (one, other)), shape=(k, k))
    _, group = csgraph.connected_components(links, directed=False)
    first = np.unique(group, return_index=True)[1]
    kept = np.setdiff1d(np.arange(k), first)
    return kept, len(kept)


def _tested(statistic: float, df: int) -> ChiSquared:
    return ChiSquared(statistic, float(df), float(chi2_p(statistic, df)))
