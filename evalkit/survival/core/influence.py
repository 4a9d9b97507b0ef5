"""Infinitesimal-jackknife variance of the Aalen-Johansen estimator: what each person's weight moves, squared and summed.

Not for regression: `robust` does that. One pass over the times, whatever the number of people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Steps:
    """One group's probabilities at its m times, as `incidence_steps` makes them.

    Parameters
    ----------
    times, n_risk : float arrays, shape (m,)
    n_event : float array, shape (k, m)
    free : float array, shape (m + 1,)
        Probability of no exit yet, before the first time and after each.
    incidence : float array, shape (k, m + 1)
    """

    times: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    free: np.ndarray
    incidence: np.ndarray


def incidence_steps(times: np.ndarray, n_risk: np.ndarray, n_event: np.ndarray) -> Steps:
    """Return the Aalen-Johansen probabilities of one initial state and k exits, exact on ties."""
    hazard = np.divide(n_event, n_risk, out=np.zeros_like(n_event, dtype=float), where=n_risk > 0)
    free = np.concatenate([[1.0], np.cumprod(1 - hazard.sum(axis=0))])
    free[free < 1e-15] = 0.0
    risen = np.cumsum(free[:-1] * hazard, axis=1)
    # Everybody gone by one exit is 1, not 1 less a rounding.
    risen[risen > 1 - 1e-12] = 1.0
    return Steps(times, n_risk, n_event, free, np.concatenate([np.zeros((len(n_event), 1)), risen], axis=1))


def influence_variance(
    steps: Steps,
    left_at: np.ndarray,
    cause: np.ndarray,
    came_after: np.ndarray | None = None,
    times_counted: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    person: np.ndarray | None = None,
) -> np.ndarray:
    """Return the variance of each cause's incidence at each time, the event-free state last.

    Parameters
    ----------
    steps : Steps
    left_at : int array, shape (r,)
        Place on ``steps.times`` of each row's end.
    cause : int array, shape (r,)
        0 censored, k the k-th exit.
    came_after : int array, shape (r,), optional
        How many of the times had passed when the row came under observation; 0 at the origin.
    times_counted : float array, shape (r,), optional
        How many identical people a row is (each contributes its square).
    scale : float array, shape (r,), optional
        Sampling weight: multiplies the influence before squaring.
    person : int array, shape (r,), optional
        Rows of one person add before they are squared; needed only when somebody has several.

    Returns
    -------
    variance : float array, shape (k + 1, m)

    Notes
    -----
    With Y at risk, dN exits, S the event-free probability, Q = Σ dN / (Y (Y - dN)) and B_k = Σ S₋ dN_k (Q₋ - 1/Y) / Y, the
    derivative of P_k(t) with respect to a row's weight is linear in (1, P_k(t), B_k(t)), with coefficients that change only
    when the row enters and leaves. So the sum of squares needs six running sums per cause. The variance is that of
    R's ``survfit`` for multi-state data (Therneau, "Methods" vignette of R survival, section on the AJ estimate).
    """
    times_counted = np.ones(len(left_at)) if times_counted is None else times_counted
    scale = np.ones(len(left_at)) if scale is None else scale
    if person is not None:
        # Identical people have identical sums over their rows.
        scale = scale * np.sqrt(times_counted)
    came = np.zeros(len(left_at), dtype=np.int64) if came_after is None else came_after
    m = len(steps.times)
    variance = np.empty((len(steps.n_event) + 1, m))
    for i, (basis, entered, gone) in enumerate(_states(steps, left_at, cause, came)):
        squares = _running_squares(entered * scale, gone * scale, came, left_at, times_counted, person, m)
        variance[i] = ((squares * basis[:, 1:]).sum(axis=1) * basis[:, 1:]).sum(axis=0)
    return _settled(variance, steps)


def hazard_variance(
    n_risk: np.ndarray,
    n_event: np.ndarray,
    left_at: np.ndarray,
    event: np.ndarray,
    came_after: np.ndarray | None,
    scale: np.ndarray,
    person: np.ndarray | None,
) -> np.ndarray:
    """Return the variance of the cumulative hazard at each time, with `left_at` and what follows as in `influence_variance`.

    Notes
    -----
    With h = dN / Y, the derivative with respect to a row's weight is dN_i / Y less what Σ h / Y gained while it was at risk.
    """
    inverse = np.divide(1.0, n_risk, out=np.zeros_like(n_risk, dtype=float), where=n_risk > 0)
    gained = np.concatenate([[0.0], np.cumsum(n_event * inverse**2)])
    came = np.zeros(len(left_at), dtype=np.int64) if came_after is None else came_after
    entered = np.stack([gained[came], np.full(len(left_at), -1.0)])
    own = np.where(event, inverse[left_at], 0.0)
    gone = np.stack([own - gained[left_at + 1] + gained[came], np.zeros(len(left_at))])
    basis = np.stack([np.ones(len(n_risk)), gained[1:]])
    squares = _running_squares(
        entered * scale, gone * scale, came, left_at, np.ones(len(left_at)), person, len(n_risk)
    )
    variance = ((squares * basis).sum(axis=1) * basis).sum(axis=0)
    return np.maximum(variance, 0.0)


def area_influence(
    steps: Steps, t: float, left_at: np.ndarray, cause: np.ndarray, came_after: np.ndarray | None = None
) -> np.ndarray:
    """Return what each row's weight moves in the area under each cause's incidence up to `t`, the event-free state last.

    Parameters
    ----------
    steps : Steps
    t : float
    left_at, cause, came_after
        As in `influence_variance`.

    Returns
    -------
    influence : float array, shape (k + 1, r)
        The event-free state's with the sign of the time lost to all causes.
    """
    came = np.zeros(len(left_at), dtype=np.int64) if came_after is None else came_after
    widths = np.diff(np.concatenate([[0.0], np.minimum(steps.times, t), [t]]))
    out = np.empty((len(steps.n_event) + 1, len(left_at)))
    for i, (basis, entered, gone) in enumerate(_states(steps, left_at, cause, came)):
        area = np.zeros((3, basis.shape[1] + 1))
        np.cumsum(basis * widths, axis=1, out=area[:, 1:])
        there = entered * (area[:, left_at + 1] - area[:, came])
        after = gone * (area[:, -1:] - area[:, left_at + 1])
        out[i] = (there + after).sum(axis=0)
    return out


def _states(
    steps: Steps, left_at: np.ndarray, cause: np.ndarray, came: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each state the basis (1, P, B) before the times and after each, and each row's vectors on it.

    The first vector holds while a row is at risk, the second once it has left.
    """
    exits, free, k = steps.n_event.sum(axis=0), steps.free, len(steps.n_event)
    q, own_q, per_head, inverse = _parts(steps, exits)
    a = q[left_at + 1] - q[came] - (cause > 0) * own_q[left_at]
    for i in range(k + 1):
        # The event-free state loses what all causes gain: the influence is that of their sum.
        p = steps.incidence[i] if i < k else 1 - free
        d_k = steps.n_event[i] if i < k else exits
        own = (cause == i + 1) if i < k else (cause > 0)
        b = np.concatenate([[0.0], np.cumsum(per_head * d_k * (q[:-1] - inverse))])
        entered = np.stack([q[came] * p[came] - b[came], -q[came], np.ones(len(a))])
        at_exit = b[left_at + 1] - b[came] - q[came] * (p[left_at + 1] - p[came]) + own * per_head[left_at]
        gone = np.stack([at_exit - a * p[left_at + 1], a, np.zeros(len(a))])
        yield np.stack([np.ones(len(p)), p, b]), entered, gone


def counted_variance(steps: Steps, censored: np.ndarray) -> np.ndarray:
    """Return what `influence_variance` does when everybody is there from the origin and rows are independent people.

    Parameters
    ----------
    steps : Steps
    censored : float array, shape (m,)

    Returns
    -------
    variance : float array, shape (k + 1, m)

    Notes
    -----
    People who leave at one time in one way have the same influence: b - a p (censored, or gone by another exit) or that plus S₋ / Y
    (gone by this one). So counts say all, and the cost does not depend on how many people there are.
    """
    y, exits = steps.n_risk, steps.n_event.sum(axis=0)
    q, own_q, per_head, inverse = _parts(steps, exits)
    p = np.concatenate([steps.incidence, 1 - steps.free[None]])[:, 1:]
    own = np.concatenate([steps.n_event, exits[None]])
    b = np.cumsum(per_head * own * (q[:-1] - inverse), axis=1)
    other, stayed, left = exits - own, q[1:], q[1:] - own_q
    if_censored, if_other = b - stayed * p, b - left * p
    if_own = if_other + per_head
    squares = censored * if_censored**2 + other * if_other**2 + own * if_own**2
    crossed = (censored * stayed) * if_censored + left * (other * if_other + own * if_own)
    alike = np.cumsum(censored * stayed**2 + exits * left**2)
    variance = np.cumsum(squares, axis=1) + 2 * p * np.cumsum(crossed, axis=1) + p**2 * alike
    variance += b**2 * (y - exits - censored)
    return _settled(variance, steps)


def _parts(steps: Steps, exits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return Q (0 first), 1 / (Y - dN), S₋ / Y and 1 / Y at each time, 0 where nothing happens."""
    y = steps.n_risk
    seen = (y > 0) & (exits > 0)
    going_on = seen & (y > exits * (1 + 1e-12))
    own_q = np.divide(1.0, y - exits, out=np.zeros_like(y), where=going_on)
    inverse = np.divide(1.0, y, out=np.zeros_like(y), where=seen)
    q = np.concatenate([[0.0], np.cumsum(exits * inverse * own_q)])
    return q, own_q, steps.free[:-1] * inverse, inverse


def _settled(variance: np.ndarray, steps: Steps) -> np.ndarray:
    """Return variances without what rounding leaves behind; when nobody is left the event-free share is 0 for certain."""
    variance[-1, steps.free[1:] == 0] = 0.0
    variance[variance < 1e-15] = 0.0
    return variance


def _running_squares(
    entered: np.ndarray,
    gone: np.ndarray,
    came: np.ndarray,
    left_at: np.ndarray,
    counted: np.ndarray,
    person: np.ndarray | None,
    m: int,
) -> np.ndarray:
    """Return the sum over people of v vᵀ after each time, v being `entered` while at risk and `gone` afterwards."""
    k = len(entered)
    squares = np.empty((k, k, m))
    if person is None:
        places = np.concatenate([came, left_at, left_at])
        signs = np.concatenate([counted, counted, -counted])
        vectors = np.concatenate([entered, gone, entered], axis=1)
        before = np.zeros_like(vectors)
    else:
        # A person's vector is the sum over rows entered and left so far: follow it boundary by boundary.
        change = np.concatenate([entered, gone - entered], axis=1)
        places, whose = np.concatenate([came, left_at]), np.concatenate([person, person])
        leaving = np.repeat([0, 1], len(came))
        # A row enters after `came` times have passed, so at the same place as (and before) an exit at that time.
        order = np.lexsort((leaving, places, whose))
        change, places, whose = change[:, order], places[order], whose[order]
        total = np.cumsum(change, axis=1)
        first = np.flatnonzero(np.r_[True, whose[1:] != whose[:-1]])
        offset = np.concatenate([np.zeros((k, 1)), total], axis=1)[:, first]
        vectors = total - np.repeat(offset, np.diff(np.r_[first, len(whose)]), axis=1)
        before = vectors - change
        signs = np.ones(len(places))
    for i in range(k):
        for j in range(i + 1):
            jump = signs * (vectors[i] * vectors[j] - before[i] * before[j])
            # Rows that came in after the last time count nowhere.
            squares[i, j] = squares[j, i] = np.cumsum(np.bincount(places, jump, m + 1)[:m])
    return squares
