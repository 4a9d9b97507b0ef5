"""Sums of squares over people of what changes at their own events only: variances at every time in one pass.

Not a variance: the estimators say which vectors, and what multiplies them.
"""

from __future__ import annotations

import numpy as np


def running_squares(
    change: np.ndarray, place: np.ndarray, person: np.ndarray, scale: np.ndarray, m: int
) -> np.ndarray:
    """Return the sum over people of scale · v vᵀ after each time, v being the sum of a person's changes so far.

    Parameters
    ----------
    change : float array, shape (p, c)
    place : int array, shape (c,)
        The time (its position) from which each change counts; `m` or more counts nowhere.
    person : int array, shape (c,)
    scale : float array, shape (c,)
        The same for all changes of a person.
    m : int
        How many times there are.

    Returns
    -------
    squares : float array, shape (p, p, m)

    Examples
    --------
    >>> change = np.array([[1.0, 2.0, 1.0]])
    >>> squares = running_squares(change, np.array([0, 1, 1]), np.array([0, 0, 1]), np.ones(3), 2)
    >>> squares[0, 0].tolist()   # 1², then (1 + 2)² + 1²
    [1.0, 10.0]
    """
    order = np.argsort(person * (m + 1) + np.minimum(place, m), kind="stable")
    change, place, person, scale = change[:, order], place[order], person[order], scale[order]
    after = within(change, person)
    before = after - change
    p = len(change)
    squares = np.empty((p, p, m))
    for i in range(p):
        for j in range(i + 1):
            jump = scale * (after[i] * after[j] - before[i] * before[j])
            squares[i, j] = squares[j, i] = np.cumsum(np.bincount(place, jump, m + 1)[:m])
    return squares


def within(change: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Return running sums that begin anew with each person; `person` is sorted.

    Examples
    --------
    >>> within(np.array([[1.0, 2.0, 4.0]]), np.array([0, 0, 1])).tolist()
    [[1.0, 3.0, 4.0]]
    """
    if not change.shape[1]:
        return change
    total = np.cumsum(change, axis=1)
    first = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
    offset = (total - change)[:, first]
    return total - np.repeat(offset, np.diff(np.r_[first, len(person)]), axis=1)
