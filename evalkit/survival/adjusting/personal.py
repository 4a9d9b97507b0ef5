"""What each row moves in a curve: the derivative of an Aalen-Johansen probability, or of the area under it, by the row's weight.

Not a variance: whoever asks squares and sums, by person or cluster, with what else was estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.survival.core.influence import Steps, incidence_steps
from evalkit.survival.core.sums import merged


@dataclass(frozen=True, eq=False)
class Personal:
    """The influence of every row on one probability.

    Parameters
    ----------
    times : float array, shape (m,)
        Distinct times at which somebody left.
    value : float array, shape (m + 1,)
        The probability before the first time and after each.
    entered, gone : float arrays, shape (3, n)
        Coefficients of (1, P, B) while the row is at risk and once it has left.
    basis : float array, shape (3, m + 1)
    left_at : int array, shape (n,)
        Place on `times` of each row's end.

    Notes
    -----
    See `core.influence.influence_variance`: the derivative is linear in (1, P(t), B(t)), with coefficients that change only
    when a row leaves.
    """

    times: np.ndarray
    value: np.ndarray
    entered: np.ndarray
    gone: np.ndarray
    basis: np.ndarray
    left_at: np.ndarray

    def estimate(self, time: float) -> float:
        """Return the probability at a time."""
        return float(self.value[np.searchsorted(self.times, time, side="right")])

    def at(self, time: float) -> np.ndarray:
        """Return the influence on the probability at a time, shape (n,)."""
        j = int(np.searchsorted(self.times, time, side="right"))
        at_risk, left = self.basis[:, j] @ self.entered, self.basis[:, j] @ self.gone
        return np.where(self.left_at < j, left, at_risk)

    def area(self, until: float) -> float:
        """Return the area under the probability from 0 to a time."""
        return float(area_under(self.times, self.value, until))

    def on_area(self, until: float) -> np.ndarray:
        """Return the influence on that area, shape (n,)."""
        ends = np.minimum(self.times[self.left_at], until)
        whole = np.array([area_under(self.times, row, until) for row in self.basis])
        upto = np.stack([area_under(self.times, row, ends) for row in self.basis])
        return (self.entered * upto).sum(axis=0) + (self.gone * (whole[:, None] - upto)).sum(axis=0)


def personal(steps: Steps, left_at: np.ndarray, cause: np.ndarray, state: int | None) -> Personal:
    """Return the influence of rows that were all there from the origin.

    Parameters
    ----------
    steps : Steps
        Of the (weighted) sums.
    left_at : int array, shape (n,)
        Place on ``steps.times`` of each row's end.
    cause : int array, shape (n,)
        0 censored, k the k-th exit.
    state : int, optional
        Which exit's incidence (from 0); None for the share with no exit yet.

    Examples
    --------
    >>> steps = incidence_steps(np.array([1.0, 2.0]), np.array([2.0, 1.0]), np.array([[1.0, 0.0]]))
    >>> personal(steps, np.array([0, 1]), np.array([1, 0]), None).at(1.0).tolist()
    [-0.25, 0.25]
    """
    y, exits, free = steps.n_risk, steps.n_event.sum(axis=0), steps.free
    seen = (y > 0) & (exits > 0)
    going_on = seen & (y > exits * (1 + 1e-12))
    q = _cumulated(np.divide(exits, y * (y - exits), out=np.zeros_like(y), where=going_on))
    own_q = np.divide(1.0, y - exits, out=np.zeros_like(y), where=going_on)
    per_head = np.divide(free[:-1], y, out=np.zeros_like(y), where=seen)
    inverse = np.divide(1.0, y, out=np.zeros_like(y), where=seen)
    p = 1 - free if state is None else steps.incidence[state]
    leaving = exits if state is None else steps.n_event[state]
    own = (cause > 0) if state is None else (cause == state + 1)
    b = _cumulated(per_head * leaving * (q[:-1] - inverse))
    a = q[left_at + 1] - (cause > 0) * own_q[left_at]
    nobody = np.zeros(len(left_at))
    entered = np.stack([nobody, nobody, nobody + 1])
    gone = np.stack([b[left_at + 1] + own * per_head[left_at] - a * p[left_at + 1], a, nobody])
    basis = np.stack([np.ones(len(p)), p, b])
    # The share with no exit loses what all exits gain.
    sign = -1.0 if state is None else 1.0
    return Personal(steps.times, free if state is None else p, sign * entered, sign * gone, basis, left_at)


def steps_of(
    time: np.ndarray, cause: np.ndarray, n_causes: int, weight: np.ndarray | None = None
) -> tuple[Steps, np.ndarray]:
    """Return the probabilities of rows that were all there from the origin, and each row's place among the times."""
    times, left_at = merged(time)
    m = len(times)
    gone = (
        np.bincount(cause.astype(np.int64) * m + left_at, weight, (n_causes + 1) * m)
        .reshape(n_causes + 1, m)
        .astype(float)
    )
    at_risk = np.cumsum(gone.sum(axis=0)[::-1])[::-1]
    return incidence_steps(times, at_risk, gone[1:]), left_at


def area_under(times: np.ndarray, values: np.ndarray, until: np.ndarray | float) -> np.ndarray:
    """Return the area from 0 under a step curve: `values` before the first time and after each.

    Examples
    --------
    >>> area_under(np.array([1.0, 2.0]), np.array([1.0, 0.5, 0.0]), np.array([0.5, 1.5, 9.0])).tolist()
    [0.5, 1.25, 1.5]
    """
    starts = np.concatenate([[0.0], times])
    built = np.concatenate([[0.0], np.cumsum(np.diff(starts) * values[:-1])])
    j = np.searchsorted(times, until, side="right")
    return built[j] + values[j] * (np.asarray(until) - starts[j])


def _cumulated(steps: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(steps)])
