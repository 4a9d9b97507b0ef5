"""Maximise a parametric likelihood, and say which directions have no maximum.

Not a likelihood, nor a table: `likelihood` computes, `fit` reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from evalkit.errors import InputError
from evalkit.survival.families.likelihood import Likelihood, Seen

#: A column whose part not explained by earlier columns is this small (of 1) is taken as explained.
_ALIASED = 1e-10
#: Squared distance to the maximum, in standard errors, at which one last step is taken.
_NEAR = 1e-16
#: How much a predictor may still move in a step once the likelihood no longer does.
_RUNAWAY = 0.03
#: Logarithm of a scale, in the units of log time, below which the times are fitted exactly.
_EXACT = -18.0
#: Shape of a generalised gamma past which it is a wall, not a law: the Weibull has 1, the log-normal 0.
_WALL = 12.0
_MOST_STEPS = 100


class NoMaximum(InputError):
    """The likelihood keeps growing."""


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


@dataclass(frozen=True, eq=False)
class Unit:
    """How much a change of each parameter matters: a location is measured in scales.

    Parameters
    ----------
    location : slice
    scale : int, optional
        Position of the log scale; None where there is none, or where it is known.
    shape : int, optional
        Position of the shape of a generalised gamma.
    p : int
    """

    location: slice
    scale: int | None
    shape: int | None
    p: int

    @classmethod
    def of(cls, family: Any, widths: Sequence[int], n_basis: int) -> Unit:
        """Find the location and the scale among blocks of these widths."""
        place = dict(zip(family.parts, np.concatenate([[0], np.cumsum(widths)]), strict=False))
        width = dict(zip(family.parts, widths, strict=True))
        p = n_basis + int(sum(widths))
        if "location" not in place:
            return cls(slice(0, 0), None, None, p)
        location = slice(int(place["location"]), int(place["location"]) + width["location"])
        scale = int(place["scale"]) if width["scale"] else None
        return cls(location, scale, int(place["shape"]) if "shape" in width else None, p)

    def absurd(self, theta: np.ndarray) -> bool:
        """Return whether the scale has shrunk to nothing, or the shape grown past what a law of times has."""
        tiny = self.scale is not None and theta[self.scale] < _EXACT
        return bool(tiny or (self.shape is not None and abs(theta[self.shape]) > _WALL))

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """Return the units at these parameters, shape (p,)."""
        out = np.ones(self.p)
        if self.scale is not None:
            out[self.location] = np.exp(-theta[self.scale])
        return out


def climb(
    likelihood: Likelihood,
    start: np.ndarray,
    directions: np.ndarray,
    unit: Unit,
    what: str,
) -> Summit:
    """Find the maximum by Newton's method with halved steps; where the likelihood is not concave, along its own bends.

    Parameters
    ----------
    likelihood : Likelihood
    start : float array, shape (p,)
    directions : float array, shape (p, q)
        Columns: where to move; unit vectors of the parameters to be estimated, or others under a constraint.
    unit : Unit
    what : str
        The estimator, for messages.

    Raises
    ------
    NoMaximum
        None after many steps, or a scale that shrinks without end.
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
        stuck = not moved or not np.isfinite(step).all()
        if stuck or unit.absurd(theta):
            break
    raise NoMaximum(
        f"{what}: no maximum: the likelihood keeps growing, as when the times are fitted exactly, when late entries leave next to "
        "nothing known, or when the shape of a generalised gamma runs away; use a family with fewer parameters, or fewer terms"
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
    # A floor under what is flat: a step without a number would follow.
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-150))
    scaled = information / np.outer(size, size)
    try:
        factor = linalg.cho_factor(scaled, lower=True)
        return linalg.cho_solve(factor, gradient / size) / size, True
    except linalg.LinAlgError:
        # Uphill all the same: bends the wrong way are turned, flat ones are given a floor.
        values, vectors = np.linalg.eigh(scaled)
        values = np.maximum(np.abs(values), 1e-6 * np.abs(values).max())
        with np.errstate(all="ignore"):
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
