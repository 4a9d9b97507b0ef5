"""Counting pairs in order, all queries at once: what concordance needs.

Not a statistic by itself.
"""

from __future__ import annotations

import numpy as np


def weight_below(
    values: np.ndarray, weight: np.ndarray, prefix: np.ndarray, query: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each query, the weight in a prefix of `values` that lies below it, and that equals it.

    Parameters
    ----------
    values : int array, shape (n,)
        Ranks, 0 or more.
    weight : float array, shape (n,)
    prefix : int array, shape (q,)
        How many of the first values each query looks at.
    query : int array, shape (q,)

    Returns
    -------
    below, equal : float arrays, shape (q,)

    Notes
    -----
    A wavelet matrix: one stable partition per bit, O((n + q) log max) in all.

    Examples
    --------
    >>> weight_below(np.array([3, 1, 2, 1]), np.ones(4), np.array([4, 2]), np.array([2, 3]))
    (array([2., 1.]), array([1., 1.]))
    """
    low, high = np.zeros(len(query), dtype=np.int64), np.asarray(prefix, dtype=np.int64)
    below = np.zeros(len(query))
    top = int(max(values.max(initial=0), query.max(initial=0)))
    for bit in range(max(top.bit_length(), 1) - 1, -1, -1):
        is_zero = (values >> bit) & 1 == 0
        zeros = np.concatenate([[0], np.cumsum(is_zero)])
        light = np.concatenate([[0.0], np.cumsum(np.where(is_zero, weight, 0.0))])
        goes_up = (query >> bit) & 1 == 1
        below += np.where(goes_up, light[high] - light[low], 0.0)
        low, high = (np.where(goes_up, zeros[-1] + at - zeros[at], zeros[at]) for at in (low, high))
        order = np.concatenate([np.flatnonzero(is_zero), np.flatnonzero(~is_zero)])
        values, weight = values[order], weight[order]
    total = np.concatenate([[0.0], np.cumsum(weight)])
    return below, total[high] - total[low]
