"""Firth's penalised partial likelihood: finite coefficients where the likelihood itself has none, less bias with few events.

Not shrinkage of one's choosing: the penalty is half the log determinant of the information, and nothing is tuned.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from evalkit.survival.proportional.newton import Maximum, certain, invert
from evalkit.survival.proportional.partial import Likelihood, Pass
from evalkit.survival.proportional.profile import climb, usual_size
from evalkit.survival.proportional.tied import seen_by_events


@dataclass(frozen=True)
class Penalised:
    """A partial likelihood plus half the log determinant of its information.

    Parameters
    ----------
    likelihood : Likelihood
        In one part.
    active : int array, optional
        Columns that enter; all of them otherwise.

    Notes
    -----
    Firth (1993), Heinze & Schemper (2001), eq. 2: U*_k = U_k + ½ tr(I⁻¹ ∂I/∂β_k). ∂I/∂β_k is a sum over tied events of third
    central moments of the covariates at risk; against I⁻¹ it needs the moments of the covariates and of x'I⁻¹x only.
    """

    likelihood: Likelihood
    active: np.ndarray | None = None

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the penalised value and gradient."""
        seen = self.likelihood.look(beta)
        nothing = -np.inf, np.full(len(beta), np.nan)
        if not seen.usable:
            return nothing
        information = self.likelihood.information(seen)[0]
        inside = np.arange(len(beta)) if self.active is None else self.active
        block = np.ix_(inside, inside)
        size = np.sqrt(np.maximum(np.diag(information)[inside], np.finfo(float).tiny))
        sign, log_det = np.linalg.slogdet(information[block] / np.outer(size, size))
        if sign <= 0 or not np.isfinite(log_det):
            return nothing
        inverse = np.zeros_like(information)
        try:
            inverse[block] = invert(information[block])
        except np.linalg.LinAlgError:
            return nothing
        value = seen.log_likelihood + log_det / 2 + float(np.log(size).sum())
        return value, seen.gradient + third_moments(self.likelihood, seen, inverse) / 2

    def information(self, beta: np.ndarray) -> np.ndarray:
        """Return the information of the likelihood without its penalty."""
        return self.likelihood.information(self.likelihood.look(beta))[0]


def penalised_maximum(likelihood: Likelihood, top: Maximum) -> Maximum:
    """Return the maximum of the penalised likelihood, from that of the likelihood itself.

    Parameters
    ----------
    likelihood : Likelihood
    top : Maximum
        Of the likelihood without penalty; coefficients may have run away.

    Returns
    -------
    Maximum
        With penalised likelihoods, the inverse information at the penalised estimates as covariance, nothing running away.
    """
    p = len(top.beta)
    active = np.array([k for k in range(p) if k not in top.aliased], dtype=np.int64)
    objective = Penalised(likelihood, active)
    if not len(active):
        return top
    null = objective.at(np.zeros(p))[0]
    start = np.zeros(p) if top.runaway else top.beta
    beta, value, _ = climb(objective, start, active, usual_size(objective, p), near=1e-22)
    seen = likelihood.look(beta)
    covariance = np.full((p, p), np.nan)
    covariance[np.ix_(active, active)] = certain(likelihood.information(seen)[0][np.ix_(active, active)])
    seen = dataclasses.replace(seen, log_likelihood=value)
    return Maximum(beta, covariance, seen, null, top.steps, top.aliased, {})


def third_moments(likelihood: Likelihood, seen: Pass, inverse: np.ndarray) -> np.ndarray:
    """Return tr(J ∂I/∂β_k) for each k: third central moments of the covariates at risk, summed over tied events.

    Parameters
    ----------
    likelihood, seen
        In one part.
    inverse : float array, shape (p, p)
        J, symmetric.
    """
    rows, risk = likelihood.parts[0], seen.risks[0]
    p = len(likelihood.centre)
    x = rows.x - likelihood.centre
    square = np.einsum("ij,ij->i", x @ inverse, x)
    pairs = [(a, b) for a in range(p) for b in range(a, p)]
    columns = [risk, *(risk * x[:, k] for k in range(p)), risk * square, *(risk * square * x[:, k] for k in range(p)),
               *(risk * x[:, a] * x[:, b] for a, b in pairs)]  # fmt: skip
    slot, at_risk = seen_by_events(likelihood, columns)
    moments = at_risk[1:] / at_risk[0]
    mean, size, size_x, second = moments[:p], moments[p], moments[p + 1 : 2 * p + 1], moments[2 * p + 1 :]
    turned = inverse @ mean
    crossed = np.zeros_like(mean)
    for (a, b), value in zip(pairs, second, strict=True):
        crossed[a] += value * turned[b]
        if a != b:
            crossed[b] += value * turned[a]
    crossed -= mean * (mean * turned).sum(axis=0)
    third = size_x - size * mean - 2 * crossed
    return third @ likelihood.mean_weight[slot]
