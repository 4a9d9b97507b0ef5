"""Concordance of a predictor with times, and its standard error: how often the one with the higher risk left sooner.

Not a validation on new people by itself: on the rows a model was fitted to it flatters the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.ordering import weight_below


@dataclass(frozen=True)
class Concordance:
    """Weights of comparable pairs and the share in the right order.

    Parameters
    ----------
    estimate, std_error : float
        nan when no pair can be compared.
    concordant, discordant, tied : float
        Weight of the pairs in the right order, in the wrong order, with equal predictors.
    """

    estimate: float
    std_error: float
    concordant: float
    discordant: float
    tied: float


def row_by_row(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return x @ beta such that equal rows have equal values: a product of matrices may round them apart, and ties would be lost.

    Examples
    --------
    >>> row_by_row(np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([0.1, 0.2])).tolist()
    [0.5, 0.5]
    """
    out = np.zeros(len(x))
    for column, weight in zip(x.T, beta, strict=True):
        if weight:
            out += column * weight
    return out


def concordance(
    predictor: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    entry: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    stratum: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
    frequency: bool = False,
) -> Concordance:
    """Return the concordance of a predictor of risk: an event against everybody at risk after it, within strata.

    Parameters
    ----------
    predictor, time : float arrays, shape (n,)
        The higher the predictor, the sooner the event.
    event : bool array, shape (n,)
    entry, weight : float arrays, shape (n,), optional
    stratum, cluster : int arrays, shape (n,), optional
        Pairs are compared within a stratum; rows of a cluster depend on each other.
    frequency : bool
        Whether weights count identical rows.

    Notes
    -----
    Harrell, Lee & Mark (1996), with the infinitesimal-jackknife variance of R's ``concordance`` (weights "n"):
    C = (concordant + tied / 2) / all. O(n log n).

    Examples
    --------
    >>> found = concordance(np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), np.array([True, True, False]))
    >>> round(found.estimate, 3), found.concordant, found.discordant
    (0.667, 2.0, 1.0)
    """
    n = len(time)
    weight = np.ones(n) if weight is None else weight
    rank = np.unique(predictor, return_inverse=True)[1]
    # Per row: weight of partners it is concordant, discordant, tied with.
    pairs = np.zeros((3, n))
    groups = (
        [np.arange(n)]
        if stratum is None
        else np.split(np.argsort(stratum, kind="stable"), np.cumsum(np.bincount(stratum))[:-1])
    )
    for rows in groups:
        if event[rows].any():
            came = None if entry is None else entry[rows]
            pairs[:, rows] = _partners(rank[rows], time[rows], event[rows], came, weight[rows])
    concordant, discordant, tied = (float(weight @ part) / 2 for part in pairs)
    every = concordant + discordant + tied
    if not every:
        return Concordance(np.nan, np.nan, 0.0, 0.0, 0.0)
    somers = (concordant - discordant) / every
    influence = (pairs[0] - pairs[1] - somers * pairs.sum(axis=0)) / every / 2
    if cluster is not None:
        variance = float((np.bincount(cluster, weight * influence) ** 2).sum())
    else:
        variance = float(((weight if frequency else weight**2) * influence**2).sum())
    return Concordance((somers + 1) / 2, float(np.sqrt(variance)), concordant, discordant, tied)


def _partners(
    rank: np.ndarray, time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, weight: np.ndarray
) -> np.ndarray:
    """Return, per row, the weight of partners in the right order, in the wrong one and tied, as event and as who was there."""
    out = np.zeros((3, len(time)))
    asking = np.flatnonzero(event)
    # As the event. Latest first; somebody censored on the day of an event was still there.
    order = np.lexsort((event, -time))
    later = np.searchsorted(-time[order], -time[asking], side="left")
    same_day = np.searchsorted(-time[order], -time[asking], side="right")
    censored_upto = np.concatenate([[0], np.cumsum(~event[order])])
    prefix = later + censored_upto[same_day] - censored_upto[later]
    found = _split(rank[order], weight[order], prefix, rank[asking])
    if entry is not None:
        absent = np.argsort(-entry, kind="stable")
        # On (entry, time]: who comes on the day of the event, or later, is not compared; the origin's are.
        came_after = np.searchsorted(-entry[absent], -time[asking], side="right")
        came_after[time[asking] == 0] = int((entry > 0).sum())
        found = found - _split(rank[absent], weight[absent], came_after, rank[asking])
    # An event is concordant with those of lower predictor.
    out[:, asking] += found
    # As who was still there: events before the row's end, on its day if it is censored, after it came.
    early = asking[np.argsort(time[asking], kind="stable")]
    when = time[early]
    upto = np.where(
        event, np.searchsorted(when, time, side="left"), np.searchsorted(when, time, side="right")
    )
    found = _split(rank[early], weight[early], upto, rank)
    if entry is not None:
        before = np.where(entry > 0, np.searchsorted(when, entry, side="right"), 0)
        found = found - _split(rank[early], weight[early], np.minimum(before, upto), rank)
    # It is concordant with earlier events of higher predictor.
    out += found[[1, 0, 2]]
    return out


def _split(rank: np.ndarray, weight: np.ndarray, prefix: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return the weight in each prefix below, above and equal to each query."""
    below, equal = weight_below(rank, weight, prefix, query)
    total = np.concatenate([[0.0], np.cumsum(weight)])[prefix]
    return np.stack([below, total - below - equal, equal])
