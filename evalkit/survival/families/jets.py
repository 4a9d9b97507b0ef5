"""Values with their first and second derivatives by the predictors of a row, and the rules that combine them.

Not a model: families make jets of log survival and log density, the likelihood adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Jet:
    """A function of a few predictors at n rows, to second order.

    Parameters
    ----------
    value : float array, shape (n,)
    first : tuple of float array, shape (n,)
        Derivative by each predictor.
    second : mapping of (int, int) to float array, shape (n,)
        Derivatives by predictors i <= j; absent where they are zero everywhere.
    """

    value: np.ndarray
    first: tuple[np.ndarray, ...]
    second: dict[tuple[int, int], np.ndarray]

    def __neg__(self) -> Jet:
        return Jet(-self.value, tuple(-f for f in self.first), {k: -s for k, s in self.second.items()})

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs of predictors i <= j."""
        q = len(self.first)
        return [(i, j) for i in range(q) for j in range(i, q)]

    def bend(self, i: int, j: int) -> np.ndarray | float:
        """Return the second derivative by two predictors, 0 where it is absent."""
        return self.second.get((i, j), 0.0)

    def moved(self, shift: int, q: int) -> Jet:
        """Return the same function among `q` predictors, its own starting at `shift`."""
        zero = np.zeros(len(self.value))
        first = [zero] * q
        first[shift : shift + len(self.first)] = self.first
        return Jet(self.value, tuple(first), {(i + shift, j + shift): s for (i, j), s in self.second.items()})


def log_lost(survival: Jet) -> Jet:
    """Return log(1 - S) from log S."""
    # 1 - S where S is near 1, and where it is near 0, without losing digits.
    lost = np.log(-np.expm1(survival.value))
    odds = np.exp(survival.value - lost)
    first = tuple(-odds * f for f in survival.first)
    second = {
        (i, j): -odds * survival.bend(i, j) - odds * (1 + odds) * survival.first[i] * survival.first[j]
        for i, j in survival.pairs()
    }
    return Jet(lost, first, second)


def log_between(early: Jet, late: Jet) -> Jet:
    """Return log(S(L) - S(R)) from log S(L) and log S(R), functions of the same predictors."""
    gone = -np.expm1(late.value - early.value)
    p = 1 / gone
    q = p - 1
    first = tuple(p * a - q * b for a, b in zip(early.first, late.first, strict=True))
    second = {
        (i, j): p * (early.bend(i, j) + early.first[i] * early.first[j])
        - q * (late.bend(i, j) + late.first[i] * late.first[j])
        - first[i] * first[j]
        for i, j in early.pairs()
    }
    return Jet(early.value + np.log(gone), first, second)


def log_mixed(cured: np.ndarray, survival: Jet) -> Jet:
    """Return log(c + (1 - c) S), c the inverse logit of predictor 0, S a function of the others.

    With r the chance of not being cured given survival so far, logit r = log S - logit c: every derivative follows from it.
    """
    at = survival.moved(1, len(survival.first) + 1)
    share = _expit(cured)
    stay = _expit(survival.value - cured)
    value = np.logaddexp(_log_expit(cured), _log_expit(-cured) + survival.value)
    lean = (np.full(len(cured), -1.0), *at.first[1:])
    first = tuple((1 - stay) - share if i == 0 else stay * at.first[i] for i in range(len(at.first)))
    second = {(i, j): stay * (1 - stay) * lean[i] * lean[j] + stay * at.bend(i, j) for i, j in at.pairs()}
    second[0, 0] = second[0, 0] - share * (1 - share)
    return Jet(value, first, second)


def log_uncured_density(cured: np.ndarray, density: Jet) -> Jet:
    """Return log((1 - c) f), c the inverse logit of predictor 0."""
    at = density.moved(1, len(density.first) + 1)
    share = _expit(cured)
    second = dict(at.second)
    second[0, 0] = -share * (1 - share)
    return Jet(at.value + _log_expit(-cured), (-share, *at.first[1:]), second)


def _expit(x: np.ndarray) -> np.ndarray:
    return np.exp(_log_expit(x))


def _log_expit(x: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0.0, -x)
