"""Intervals and tests read from the likelihood itself: how far one coefficient may go before the rest cannot make up for it.

Not for clustered rows or sampling weights: the likelihood takes rows as independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evalkit.errors import InputError
from evalkit.survival.proportional.exact import ExactLikelihood
from evalkit.survival.proportional.newton import Maximum
from evalkit.survival.proportional.partial import Likelihood

_MOST_STEPS = 200
#: Squared distance to the maximum, in standard errors, at which the climb ends.
_NEAR = 1e-18
#: Precision of a bound, in normal quantiles.
_EXACT = 1e-10


class Objective(Protocol):
    """What is maximised: a log-likelihood, penalised or not."""

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient, not finite where `beta` is absurd."""
        ...

    def information(self, beta: np.ndarray) -> np.ndarray:
        """Return the information, which tells how long a first step may be."""
        ...


@dataclass(frozen=True)
class Plain:
    """A partial likelihood as it is."""

    likelihood: Likelihood | ExactLikelihood

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient."""
        seen = self.likelihood.look(beta)
        return (seen.log_likelihood, seen.gradient) if seen.usable else (-np.inf, np.full(len(beta), np.nan))

    def information(self, beta: np.ndarray) -> np.ndarray:
        """Return the observed information."""
        return self.likelihood.information(self.likelihood.look(beta))[0]


def climb(
    objective: Objective, beta: np.ndarray, free: np.ndarray, usual: np.ndarray, near: float = _NEAR
) -> tuple[np.ndarray, float, np.ndarray]:
    """Maximise over the coefficients `free`, the others fixed where they are.

    Parameters
    ----------
    objective : Objective
    beta : float array, shape (p,)
        Where to begin.
    free : int array
    usual : float array, shape (p,)
        Root of the information about each coefficient where nothing is known yet, at 0.
    near : float
        Squared distance to the maximum, in standard errors, that is near enough.

    Returns
    -------
    beta, value, gradient

    Raises
    ------
    InputError
        No maximum after many steps.

    Notes
    -----
    Quasi-Newton (BFGS) from the inverse information: the penalty's second derivatives are never needed.
    """
    value, gradient = objective.at(beta)
    if not len(free):
        return beta, value, gradient
    inverse = _inverse(objective.information(beta)[np.ix_(free, free)], usual[free])
    for _ in range(_MOST_STEPS):
        step = inverse @ gradient[free]
        if gradient[free] @ step < near:
            return beta, value, gradient
        longest = 1.0
        for _ in range(40):
            new = beta.copy()
            new[free] += longest * step
            new_value, new_gradient = objective.at(new)
            if new_value >= value + 1e-4 * longest * gradient[free] @ step - 1e-12 * (1 + abs(value)):
                break
            longest /= 2
        else:
            # As near as rounding lets it come.
            return beta, value, gradient
        moved, fallen = longest * step, gradient[free] - new_gradient[free]
        beta, value, gradient = new, new_value, new_gradient
        size = moved @ fallen
        if size > 1e-14 * np.sqrt((moved @ moved) * (fallen @ fallen)):
            left = np.eye(len(free)) - np.outer(moved, fallen) / size
            inverse = left @ inverse @ left.T + np.outer(moved, moved) / size
    raise InputError(
        f"cox: no maximum after {_MOST_STEPS} steps; look for columns on very different scales or nearly equal columns"
    )


def profiles(objective: Objective, top: Maximum, z: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return signed roots of likelihood-ratio statistics, and the bounds of profile intervals.

    Parameters
    ----------
    objective : Objective
        With its maximum at `top`.
    top : Maximum
        A coefficient that runs away has a bound on one side.
    z : float
        Normal quantile of the level.

    Returns
    -------
    root, low, high : float arrays, shape (p,)
        nan for aliased coefficients.

    Notes
    -----
    A bound is where twice the fall of the likelihood, maximised over the other coefficients, is z²; Venzon & Moolgavkar (1988),
    Heinze & Schemper (2001) for the penalised likelihood.
    """
    p = len(top.beta)
    root, low, high = (np.full(p, np.nan) for _ in range(3))
    active = np.array([k for k in range(p) if k not in top.aliased], dtype=np.int64)
    usual = usual_size(objective, p)
    for k in active:
        line = _Line(objective, top, k, active, usual)
        if k in top.runaway:
            sign = top.runaway[k]
            bound, at_zero = line.bound(-sign, z), line.fall(0.0)
            root[k] = sign * at_zero
            low[k], high[k] = (bound, np.inf) if sign > 0 else (-np.inf, bound)
        else:
            root[k] = np.sign(top.beta[k]) * line.fall(0.0)
            low[k], high[k] = line.bound(-1.0, z), line.bound(1.0, z)
    return root, low, high


class _Line:
    """The likelihood along one coefficient, the others at their best."""

    def __init__(self, objective: Objective, top: Maximum, k: int, active: np.ndarray, usual: np.ndarray):
        self.objective, self.k, self.usual = objective, k, usual
        self.highest = top.seen.log_likelihood
        self.runs = k in top.runaway
        # At the limit of what runs away the rest is as if it were fixed there; but when that itself is held, anything may move.
        self.others = np.array(
            [j for j in active if j != k and (self.runs or j not in top.runaway)], dtype=np.int64
        )
        self.best = top.beta.copy()
        self.slope = np.zeros(len(self.best))
        if self.runs:
            self.best[k], self.unit = 0.0, 1 / usual[k]
        else:
            # How the others move along with this one, near the maximum.
            column = np.nan_to_num(top.covariance[:, k])
            self.unit = float(np.sqrt(column[k]))
            self.slope = column / column[k]
        self.start = self.at = float(self.best[k])
        self.beta = self.best

    def fall(self, value: float) -> float:
        """Return the root of twice the fall of the likelihood at this value."""
        return self._look(value)[0]

    def bound(self, side: float, z: float) -> float:
        """Return the value on this side of the maximum at which the root of twice the fall is `z`."""
        self.at, self.beta = self.start, self.best
        ahead = side * self.start + (0.0 if self.runs else z * self.unit)
        near, far = -np.inf if self.runs else side * self.start, np.inf
        for _ in range(100):
            fallen, gradient = self._look(side * ahead)
            if abs(fallen - z) < _EXACT:
                break
            near, far = (ahead, far) if fallen < z else (near, ahead)
            # The root of the fall is nearly linear.
            rate = -side * gradient / fallen if fallen > 0 else 0.0
            step = (z - fallen) / rate if rate > 0 else self.unit
            new = ahead + float(np.clip(step, -8 * self.unit, 8 * self.unit))
            ahead = new if near < new < far else (near + far) / 2
        return side * ahead

    def _look(self, value: float) -> tuple[float, float]:
        beta = self.beta + self.slope * (value - self.at)
        beta[self.k] = value
        self.beta, height, gradient = climb(self.objective, beta, self.others, self.usual)
        self.at = value
        return float(np.sqrt(max(2 * (self.highest - height), 0.0))), float(gradient[self.k])


def usual_size(objective: Objective, p: int) -> np.ndarray:
    """Return the root of the information about each coefficient at 0."""
    return np.sqrt(np.maximum(np.diag(objective.information(np.zeros(p))), np.finfo(float).tiny))


def _inverse(information: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Return the inverse of an information matrix, flat directions far out stiffened."""
    size = np.maximum(np.sqrt(np.maximum(np.diag(information), 0.0)), 1e-6 * usual)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    return (vectors / np.maximum(values, 1e-10)) @ vectors.T / np.outer(size, size)
