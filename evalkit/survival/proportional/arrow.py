"""A partial likelihood with one penalised effect per cluster: its maximum, and the covariance of what it estimates.

Not a choice of how large the effects may be: `shared` asks for the maximum at each variance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from evalkit.errors import InputError
from evalkit.survival.proportional.partial import Likelihood, Pass

_MOST_STEPS = 200
#: Squared distance to the maximum, in standard errors, at which one last step is taken.
_NEAR = 1e-15
#: Work (clusters² × slots) up to which the matrix of all clusters is formed.
_EXACT = 5e8


@dataclass(frozen=True, eq=False)
class Penalty:
    """What effects of clusters cost, given their variance: value, slope and curvature by cluster.

    Parameters
    ----------
    of : callable
        Effects, shape (G,), to (cost, slopes, curvatures).
    """

    of: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Top:
    """The maximum at one variance.

    Parameters
    ----------
    beta : float array, shape (p,)
    effect : float array, shape (G,)
    seen : Pass
    hazard : float array, shape (G,)
        Summed over each cluster's rows: the events expected of it.
    curvature : float array, shape (G,)
        Of the penalty.
    value : float
        Log partial likelihood, the penalty taken off.
    """

    beta: np.ndarray
    effect: np.ndarray
    seen: Pass
    hazard: np.ndarray
    curvature: np.ndarray
    value: float


class Arrow:
    """The likelihood of p coefficients and G cluster effects.

    Parameters
    ----------
    likelihood : Likelihood
        With one part, whose offset is ours to write on.
    base : float array, shape (n,)
        What is in the predictor besides.
    code : int array, shape (n,)
        Cluster of each row.
    n_clusters : int

    Notes
    -----
    The information is an arrow: p rows and columns, and a block of the clusters that is a diagonal less what risk sets share. Steps
    are Newton's, solved by conjugate gradients with products of the whole information (`Likelihood.turned`); as a
    preconditioner the shared part is dd'/Σd, with d the events expected of each cluster, exact when the shares of the clusters in
    the risk do not move. R's ``coxph`` takes the block as diagonal.
    """

    def __init__(self, likelihood: Likelihood, base: np.ndarray, code: np.ndarray, n_clusters: int):
        self.likelihood, self.base, self.code, self.n = likelihood, base, code, n_clusters
        rows = likelihood.parts[0]
        self.rows, self.x = rows, rows.x - likelihood.centre
        weight = np.ones(len(rows.event)) if rows.weight is None else rows.weight[rows.event]
        self.deaths = np.bincount(code[rows.event], weight, n_clusters)

    def maximise(self, penalty: Penalty, beta: np.ndarray, effect: np.ndarray) -> Top:
        """Find the maximum from a start.

        Raises
        ------
        InputError
            No maximum after many steps.
        """
        top = self._look(penalty, beta, effect)
        # A start from another variance may be absurd at this one.
        if not np.isfinite(top.value):
            top = self._look(penalty, np.zeros_like(beta), np.zeros_like(effect))
        before = np.inf
        for _ in range(_MOST_STEPS):
            slope = self._slope(penalty, top)
            step = self._solver(top)(slope, 1e-9)
            distance = float(slope @ step)
            top = self._climb(penalty, top, step)
            if distance < _NEAR or (distance < 1e-11 and distance > 0.5 * before):
                return top
            before = distance
        raise InputError(
            f"frailty: no maximum after {_MOST_STEPS} steps; look for columns on very different scales"
        )

    def covariance(self, top: Top) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the covariance of the coefficients, the same without the penalty's share, and the variance of each effect.

        Notes
        -----
        Of the coefficients: the inverse of the whole information H, and H⁻¹ I H⁻¹ with I that without the penalty (Gray 1992; ``var``
        and ``var2`` of R). Of the effects: exact for up to some hundreds of clusters, else with the preconditioner's block.
        """
        p = len(top.beta)
        solve = self._solver(top)
        columns = np.array([solve(unit, 1e-13) for unit in np.eye(p, p + self.n)]).reshape(p, p + self.n)
        first = columns[:, :p]
        second = first - (columns[:, p:] * top.curvature) @ columns[:, p:].T
        block = self._block_inverse(top)
        spread = np.diag(block) if block.ndim == 2 else block
        cross = self._cross(top)[0]
        turned = block @ cross if block.ndim == 2 else self._near_block(top)(cross)
        return (
            (first + first.T) / 2,
            (second + second.T) / 2,
            spread + ((turned @ first) * turned).sum(axis=1),
        )

    def log_determinant(self, top: Top) -> float:
        """Return the log-determinant of the clusters' block, penalty included."""
        if self.exact:
            return float(np.linalg.slogdet(self._block(top))[1])
        whole = top.hazard + top.curvature
        return float(np.log(whole).sum() + np.log1p(-(top.hazard**2 / whole).sum() / top.hazard.sum()))

    @property
    def exact(self) -> bool:
        """Whether the clusters' block is formed."""
        return self.n**2 * len(self.likelihood.deaths) <= _EXACT

    # -- pieces ------------------------------------------------------------------------------------------------------
    def _look(self, penalty: Penalty, beta: np.ndarray, effect: np.ndarray) -> Top:
        self.rows.offset[:] = self.base + effect[self.code]
        seen = self.likelihood.look(beta)
        with np.errstate(over="ignore"):
            cost, _, curvature = penalty.of(effect)
        hazard = np.bincount(self.code, seen.hazards[0], self.n)
        value = seen.log_likelihood - cost if seen.usable else -np.inf
        return Top(beta, effect, seen, hazard, curvature, value)

    def _slope(self, penalty: Penalty, top: Top) -> np.ndarray:
        return np.concatenate([top.seen.gradient, self.deaths - top.hazard - penalty.of(top.effect)[1]])

    def _climb(self, penalty: Penalty, top: Top, step: np.ndarray) -> Top:
        p = len(top.beta)
        slack = 1e-10 * (1 + abs(top.value))
        for _ in range(40):
            new = self._look(penalty, top.beta + step[:p], top.effect + step[p:])
            if new.value >= top.value - slack:
                return new
            step = step / 2
        return top

    def _times(self, top: Top, vector: np.ndarray) -> np.ndarray:
        """Return the information times a vector."""
        p = len(top.beta)
        moved = self.x @ vector[:p] + vector[p:][self.code]
        change = self.likelihood.turned(top.seen, [moved])[0]
        own = np.bincount(self.code, change, self.n) + top.curvature * vector[p:]
        return np.concatenate([change @ self.x, own])

    def _cross(self, top: Top) -> tuple[np.ndarray, np.ndarray]:
        """Return the information of clusters with coefficients, shape (G, p), and that of the coefficients."""
        p = len(top.beta)
        cross, own = np.empty((self.n, p)), np.empty((p, p))
        for k in range(p):
            change = self.likelihood.turned(top.seen, [self.x[:, k]])[0]
            cross[:, k], own[:, k] = np.bincount(self.code, change, self.n), change @ self.x
        return cross, own

    def _near_block(self, top: Top) -> Callable[[np.ndarray], np.ndarray]:
        """Return what multiplies by the inverse of the clusters' block, its shared part taken as dd'/Σd."""
        d, whole = top.hazard, top.hazard + top.curvature
        left = float((d * top.curvature / whole).sum())

        def solve(columns: np.ndarray) -> np.ndarray:
            scaled = (columns.T / whole).T
            return scaled + np.multiply.outer(d / whole, (d @ scaled) / left)

        return solve

    def _solver(self, top: Top) -> Callable[[np.ndarray, float], np.ndarray]:
        """Return what solves with the whole information, by preconditioned conjugate gradients, as closely as asked."""
        p = len(top.beta)
        near = self._near_block(top)
        cross, own = self._cross(top)
        turned = near(cross)
        factor = linalg.cho_factor(own - cross.T @ turned, lower=True) if p else None

        def guess(v: np.ndarray) -> np.ndarray:
            head = linalg.cho_solve(factor, v[:p] - turned.T @ v[p:]) if p else v[:0]
            return np.concatenate([head, near(v[p:]) - turned @ head])

        def solve(wanted: np.ndarray, close: float) -> np.ndarray:
            found, left = np.zeros_like(wanted), wanted.copy()
            way = ahead = guess(left)
            size = start = float(left @ ahead)
            for _ in range(_MOST_STEPS):
                if not size > close**2 * start:
                    break
                pushed = self._times(top, way)
                length = size / float(way @ pushed)
                found, left = found + length * way, left - length * pushed
                ahead = guess(left)
                size, before = float(left @ ahead), size
                way = ahead + size / before * way
            return found

        return solve

    def _block(self, top: Top) -> np.ndarray:
        """Return the information of the clusters' effects, penalty included, shape (G, G)."""
        n_slots = len(self.likelihood.deaths)
        rows, risk = self.rows, top.seen.risks[0]
        count = lambda slot, whose, values: np.bincount(slot * self.n + whose, values, (n_slots + 1) * self.n)
        net = count(rows.last, self.code, risk)
        if rows.first is not None:
            net = net - count(rows.first, self.code, risk)
        net = net.reshape(n_slots + 1, self.n)
        at_risk = np.cumsum(net[::-1], axis=0)[::-1][1:]
        ends = count(rows.last[rows.event] - 1, self.code[rows.event], risk[rows.event])
        dying = ends.reshape(n_slots + 1, self.n)[:n_slots]
        shared = self.likelihood.shared(top.seen, at_risk, dying)
        return np.diag(top.hazard + top.curvature) - shared

    def _block_inverse(self, top: Top) -> np.ndarray:
        """Return the inverse of the clusters' block, or only its diagonal when it is not formed."""
        if self.exact:
            return np.linalg.inv(self._block(top))
        d, whole = top.hazard, top.hazard + top.curvature
        return 1 / whole + (d / whole) ** 2 / float((d * top.curvature / whole).sum())
