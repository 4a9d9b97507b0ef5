"""Maximise a partial likelihood, and say which coefficients have no maximum: constant, aliased, or running away.

Not a likelihood, nor a table: `partial` computes, `proportional` reports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from evalkit.errors import InputError
from evalkit.survival.proportional.partial import Likelihood, Pass

#: A column whose part not explained by earlier columns is this small (of 1) is taken as explained: R uses about 2e-12.
_ALIASED = 1e-10
#: Squared distance to the maximum, in standard errors, at which one last step is taken.
_NEAR = 1e-16
#: How much the linear predictors may still spread in a step once the likelihood no longer moves.
_RUNAWAY = 0.3
_MOST_STEPS = 60
#: Above so many entries of the matrix, an information matrix is kept for several steps.
_LARGE = 2_000_000


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where the likelihood is highest.

    Parameters
    ----------
    beta : float array, shape (p,)
        0 for coefficients not estimated.
    covariance : float array, shape (p, p)
        Inverse information; nan for coefficients not estimated.
    seen : Pass
        The last look at the data, at `beta`.
    null : float
        Log-likelihood at 0.
    steps : int
    aliased : mapping of int to list of int
        Column to the earlier columns it follows from (empty: it does not vary where it matters).
    runaway : mapping of int to float
        Column to the direction (±1) in which the likelihood grows without end.
    """

    beta: np.ndarray
    covariance: np.ndarray
    seen: Pass
    null: float
    steps: int
    aliased: dict[int, list[int]]
    runaway: dict[int, float]


def maximise(
    likelihood: Likelihood,
    scale: np.ndarray,
    spread: Callable[[np.ndarray], float],
    start: np.ndarray | None = None,
) -> Maximum:
    """Find the maximum by Newton's method with halved steps.

    Parameters
    ----------
    likelihood : Likelihood
    scale : float array, shape (p,)
        A typical deviation of each column, 0 for a constant one.
    spread : callable
        Change of coefficients to the spread of linear predictors it makes.
    start : float array, shape (p,), optional
        Where to begin.

    Raises
    ------
    InputError
        No maximum after many steps.
    """
    p = len(scale)
    null = likelihood.null()
    beta = np.zeros(p) if start is None else start
    seen = likelihood.look(beta)
    if not seen.usable or seen.log_likelihood < null:
        beta = np.zeros(p)
        seen = likelihood.look(beta)
    information, gram = likelihood.information(seen)
    aliased = _aliased(information, gram, scale)
    active = np.array([k for k in range(p) if k not in aliased], dtype=np.int64)
    keep = sum(part.x.size for part in likelihood.parts) > _LARGE
    beta = np.where(np.isin(np.arange(p), active), beta, 0.0)
    if len(active) < p and beta.any():
        seen = likelihood.look(beta)
    runaway: dict[int, float] = {}
    distance, steps = np.inf, 0
    fresh = True
    while len(active):
        step = np.zeros(p)
        step[active] = _solve(information, seen.gradient, active)
        before, distance = distance, float(seen.gradient @ step)
        # A look at the rows only when the step is not negligible beside the columns.
        moving = distance < 1e-8 and np.abs(step) @ scale > 1e-5
        if moving and spread(step) > _RUNAWAY:
            runaway = _directions(step, scale)
            break
        # Near the maximum; or as near as rounding lets the distance fall.
        near = distance < _NEAR or (fresh and 0.5 * before < distance < 1e-10)
        if not fresh and not near and distance > 0.05 * before:
            # The kept information no longer leads anywhere fast.
            (information, _), fresh = likelihood.information(seen), True
            distance = before
            continue
        if steps >= _MOST_STEPS:
            raise InputError(
                f"cox: no maximum after {steps} steps; look for columns on very different scales, nearly equal columns, or "
                "an event that hardly anybody of some level met"
            )
        steps += 1
        beta, seen = _climb(likelihood, beta, seen, step)
        if not keep or near:
            (information, _), fresh = likelihood.information(seen), True
        else:
            fresh = False
        if near:
            break
    if not fresh:
        information, _ = likelihood.information(seen)
    solid = np.array([k for k in active if k not in runaway], dtype=np.int64)
    covariance = np.full((p, p), np.nan)
    covariance[np.ix_(solid, solid)] = invert(information[np.ix_(solid, solid)])
    return Maximum(beta, covariance, seen, null, steps, aliased, runaway)


def invert(information: np.ndarray) -> np.ndarray:
    """Return the inverse of an information matrix, columns of any scale."""
    if not len(information):
        return information
    size = np.sqrt(np.diag(information))
    factor = linalg.cho_factor(information / np.outer(size, size), lower=True)
    return linalg.cho_solve(factor, np.eye(len(size))) / np.outer(size, size)


def _climb(likelihood: Likelihood, beta: np.ndarray, seen: Pass, step: np.ndarray) -> tuple[np.ndarray, Pass]:
    """Take the step, halved until the likelihood does not fall."""
    slack = 1e-10 * (1 + abs(seen.log_likelihood))
    for _ in range(40):
        new = likelihood.look(beta + step)
        if new.usable and new.log_likelihood >= seen.log_likelihood - slack:
            return beta + step, new
        step = step / 2
    return beta, seen


def _solve(information: np.ndarray, gradient: np.ndarray, active: np.ndarray) -> np.ndarray:
    block = information[np.ix_(active, active)]
    size = np.sqrt(np.maximum(np.diag(block), np.finfo(float).tiny))
    try:
        factor = linalg.cho_factor(block / np.outer(size, size), lower=True)
        return linalg.cho_solve(factor, gradient[active] / size) / size
    except linalg.LinAlgError:
        # Flat directions far out: the least-squares step leaves them alone.
        return np.linalg.lstsq(block / np.outer(size, size), gradient[active] / size, rcond=1e-12)[0] / size


def _aliased(information: np.ndarray, gram: np.ndarray, scale: np.ndarray) -> dict[int, list[int]]:
    """Return the columns that follow from earlier ones, in order, and which they follow from."""
    found: dict[int, list[int]] = {}
    kept: list[int] = []
    diagonal = np.diag(information)
    if (scale > 0).all() and (diagonal > _ALIASED * gram).all():
        size = np.sqrt(diagonal)
        factor, failed = linalg.lapack.dpotrf(information / np.outer(size, size), lower=True)
        # The squared pivots are what earlier columns leave unexplained.
        if not failed and (np.diag(factor) ** 2 > _ALIASED).all():
            return found
    for k in range(len(scale)):
        if scale[k] == 0 or diagonal[k] <= _ALIASED * gram[k]:
            found[k] = []
            continue
        if kept:
            size = np.sqrt(diagonal[kept])
            block = information[np.ix_(kept, kept)] / np.outer(size, size)
            column = information[kept, k] / size / np.sqrt(diagonal[k])
            share = np.linalg.solve(block, column)
            if 1 - column @ share < _ALIASED:
                found[k] = [j for j, part in zip(kept, share, strict=True) if abs(part) > 1e-6]
                continue
        kept.append(k)
    return found


def _directions(step: np.ndarray, scale: Sequence[float] | np.ndarray) -> dict[int, float]:
    """Return the columns that still move, and which way."""
    moved = step * np.where(np.asarray(scale) > 0, scale, 1.0)
    return {
        int(k): float(np.sign(moved[k])) for k in np.flatnonzero(np.abs(moved) > 1e-3 * np.abs(moved).max())
    }
