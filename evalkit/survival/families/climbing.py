"""Maximise a parametric likelihood, and say which directions have no maximum.

Not a likelihood, nor a table: `likelihood` computes, `fit` reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from evalkit.errors import InputError
from evalkit.survival.families.likelihood import Likelihood, Seen

#: A column whose part not explained by earlier columns is this small (of 1) is taken as explained.
_ALIASED = 1e-10
#: Squared distance to the maximum, in standard errors, at which one last step is taken.
_NEAR = 1e-16
#: How much a predictor may still move in a step once the likelihood no longer does.
_RUNAWAY = 0.3
_MOST_STEPS = 200


@dataclass(frozen=True, eq=False)
class Summit:
    """Where the likelihood is highest.

    Parameters
    ----------
    theta : float array, shape (p,)
    seen : Seen
        At `theta`.
    steps : int
    drift : float array, shape (p,), optional
        The direction in which the likelihood grows without end, if there is one.
    """

    theta: np.ndarray
    seen: Seen
    steps: int
    drift: np.ndarray | None = None


def climb(
    likelihood: Likelihood,
    start: np.ndarray,
    directions: np.ndarray,
    unit: Callable[[np.ndarray], np.ndarray],
    what: str,
) -> Summit:
    """Find the maximum by Newton's method with halved steps; where the likelihood is not concave, along its own bends.

    Parameters
    ----------
    likelihood : Likelihood
    start : float array, shape (p,)
    directions : float array, shape (p, q)
        Columns: where to move; unit vectors of the parameters to be estimated, or others under a constraint.
    unit : callable
        Parameters to how much a change of each by 1 matters, shape (p,).
    what : str
        The estimator, for messages.

    Raises
    ------
    InputError
        No maximum after many steps, or a scale that shrinks without end.
    """
    theta, seen = start, likelihood.look(start)
    if not np.isfinite(seen.value):
        raise InputError(
            f"{what}: the likelihood has no value where the search begins; look for times of absurd size or "
            "intervals with no width"
        )
    distance = np.inf
    for steps in range(1, _MOST_STEPS + 1):
        information = directions.T @ likelihood.information(seen) @ directions
        gradient = directions.T @ seen.gradient
        along, concave = _newton(information, gradient)
        before, distance = distance, float(gradient @ along)
        step = directions @ along
        if distance < 1e-8 and np.abs(step * unit(theta)).max(initial=0.0) > _RUNAWAY:
            return Summit(theta, seen, steps, step)
        # Near the maximum; or as near as rounding lets the distance fall.
        near = concave and (distance < _NEAR or 0.5 * before < distance < 1e-11)
        theta, seen, moved = _ascend(likelihood, theta, seen, step)
        if near or (concave and not moved and distance < 1e-9):
            return Summit(theta, seen, steps)
    raise InputError(
        f"{what}: no maximum after {_MOST_STEPS} steps: the likelihood keeps growing, as when the times are fitted exactly or "
        "late entries leave next to nothing known; use a family with fewer parameters, or fewer terms"
    )


def invert(information: np.ndarray) -> np.ndarray:
    """Return the inverse of an information matrix; nan where it is not that of a maximum."""
    if not len(information):
        return information
    size = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    try:
        factor = linalg.cho_factor(information / np.outer(size, size), lower=True)
    except linalg.LinAlgError:
        return np.full_like(information, np.nan)
    return linalg.cho_solve(factor, np.eye(len(size))) / np.outer(size, size)


def aliased(matrix: np.ndarray) -> dict[int, list[int]]:
    """Return the columns that follow from earlier ones, and which; the first column is that of ones.

    Parameters
    ----------
    matrix : float array, shape (n, k)
        Centred and scaled but for the ones; a constant column is 0.

    Returns
    -------
    mapping of int to list of int
        Column to the columns it follows from (empty: it does not vary).
    """
    gram = matrix.T @ matrix
    size = np.sqrt(np.diag(gram))
    found: dict[int, list[int]] = {}
    kept: list[int] = []
    for k in range(len(gram)):
        if size[k] == 0:
            found[k] = []
            continue
        if kept:
            block = gram[np.ix_(kept, kept)] / np.outer(size[kept], size[kept])
            column = gram[kept, k] / size[kept] / size[k]
            share = np.linalg.solve(block, column)
            if 1 - column @ share < _ALIASED:
                found[k] = [j for j, part in zip(kept, share, strict=True) if j and abs(part) > 1e-6]
                continue
        kept.append(k)
    return found


def _newton(information: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the step, and whether the likelihood is concave here."""
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), np.finfo(float).tiny))
    scaled = information / np.outer(size, size)
    try:
        factor = linalg.cho_factor(scaled, lower=True)
        return linalg.cho_solve(factor, gradient / size) / size, True
    except linalg.LinAlgError:
        # Uphill all the same: bends the wrong way are turned, flat ones are given a floor.
        values, vectors = np.linalg.eigh(scaled)
        values = np.maximum(np.abs(values), 1e-6 * np.abs(values).max())
        return vectors @ (vectors.T @ (gradient / size) / values) / size, False


def _ascend(
    likelihood: Likelihood, theta: np.ndarray, seen: Seen, step: np.ndarray
) -> tuple[np.ndarray, Seen, bool]:
    """Take the step, halved until the likelihood does not fall."""
    slack = 1e-13 * (1 + abs(seen.value))
    for _ in range(40):
        new = likelihood.look(theta + step)
        if new.value >= seen.value - slack:
            return theta + step, new, True
        step = step / 2
    return theta, seen, False
