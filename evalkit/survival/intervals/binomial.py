"""The likelihood of events in whole periods: a share per period and person, on the logit or the complementary log-log scale.

Not a table: `discrete` reports what is found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.survival.intervals.periods import Cells
from evalkit.survival.proportional.newton import Maximum, maximise
from evalkit.survival.proportional.robust import Clusters

LINKS = ("logit", "cloglog")
#: Cells (characteristics × periods) looked at together: they fit in cache.
_BLOCK = 1 << 17


@dataclass(frozen=True, eq=False)
class Glance:
    """What one look at the data leaves for the next step.

    Parameters
    ----------
    beta : float array, shape (q + p,)
    log_likelihood : float
    gradient : float array, shape (q + p,)
    """

    beta: np.ndarray
    log_likelihood: float
    gradient: np.ndarray

    @property
    def usable(self) -> bool:
        """Whether nothing overflowed."""
        return bool(np.isfinite(self.log_likelihood) and np.isfinite(self.gradient).all())


@dataclass(frozen=True, eq=False)
class Binomial:
    """The log-likelihood of coefficients: q of the baseline, p of characteristics.

    Parameters
    ----------
    cells : Cells
    baseline : float array, shape (K, q)
        What each period's predictor is made of.
    used : bool array, shape (K,)
        Periods that inform; the others have no event, or nobody without one, and are fitted exactly at the limit.
    link : {"logit", "cloglog"}

    Notes
    -----
    Fisher's (expected) information, as R's ``glm``.
    """

    cells: Cells
    baseline: np.ndarray
    used: np.ndarray
    link: str

    #: What `newton.maximise` asks of a likelihood of rows.
    parts = ()

    def null(self) -> float:
        """Return the log-likelihood at 0."""
        return self.look(np.zeros(self.baseline.shape[1] + self.cells.x.shape[1])).log_likelihood

    def look(self, beta: np.ndarray) -> Glance:
        """Return value and gradient."""
        q = self.baseline.shape[1]
        value, by_period, by_x = 0.0, np.zeros(len(self.baseline)), np.zeros(len(beta) - q)
        with np.errstate(all="ignore"):
            for x, at_risk, met, predictor, _ in self._blocks(beta):
                value += _log_likelihood(self.link, at_risk, met, predictor)
                pull = _pull(self.link, at_risk, met, predictor)
                by_period += pull.sum(axis=0)
                by_x += pull.sum(axis=1) @ x
        return Glance(beta, value, np.concatenate([by_period @ self.baseline, by_x]))

    def information(self, seen: Glance) -> tuple[np.ndarray, np.ndarray]:
        """Return the expected information, and its diagonal."""
        k, p = len(self.baseline), self.cells.x.shape[1]
        periods, cross, own = np.zeros(k), np.zeros((k, p)), np.zeros((p, p))
        for x, at_risk, _, predictor, _ in self._blocks(seen.beta):
            weight = at_risk * _weight(self.link, predictor)
            periods += weight.sum(axis=0)
            cross += weight.T @ x
            own += x.T @ (x * weight.sum(axis=1)[:, None])
        head = self.baseline.T @ (self.baseline * periods[:, None])
        side = self.baseline.T @ cross
        information = np.block([[head, side], [side.T, own]])
        return information, np.diag(information).copy()

    def scores(self, beta: np.ndarray, n_groups: int) -> np.ndarray:
        """Return the gradient by cluster, shape (n_groups, q + p)."""
        k = len(self.baseline)
        by_period, by_x = np.zeros((n_groups, k)), np.zeros((n_groups, self.cells.x.shape[1]))
        for x, at_risk, met, predictor, group in self._blocks(beta):
            pull = _pull(self.link, at_risk, met, predictor)
            np.add.at(by_period, group, pull)
            np.add.at(by_x, group, x * pull.sum(axis=1)[:, None])
        return np.hstack([by_period @ self.baseline, by_x])

    def _blocks(self, beta: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
        q = self.baseline.shape[1]
        level = self.baseline @ beta[:q]
        size = max(_BLOCK // len(level), 1)
        for begin in range(0, len(self.cells.x), size):
            stop = min(begin + size, len(self.cells.x))
            x = self.cells.x[begin:stop]
            at_risk, met = self.cells.block(begin, stop)
            yield (
                x,
                at_risk * self.used,
                met * self.used,
                (x @ beta[q:])[:, None] + level,
                self.cells.group[begin:stop],
            )


def maximum_of(likelihood: Binomial, matrix: np.ndarray) -> Maximum:
    """Return the maximum, begun at the shares of each period; `matrix` has the terms of all rows."""
    q = likelihood.baseline.shape[1]
    at_risk, met = likelihood.cells.totals()
    used = likelihood.used
    # From the shares of each period, smoothed a little so that none is at infinity.
    level = predictor_of(likelihood.link, (met[used] + 0.1) / (at_risk[used] + 0.2))
    start = np.zeros(q + matrix.shape[1])
    start[:q] = np.linalg.lstsq(
        likelihood.baseline[used] * np.sqrt(at_risk[used])[:, None],
        level * np.sqrt(at_risk[used]),
        rcond=None,
    )[0]
    scale = np.concatenate([np.abs(likelihood.baseline).max(axis=0), matrix.std(axis=0)])
    scale[q:][matrix.max(axis=0) == matrix.min(axis=0)] = 0.0

    def spread(step: np.ndarray) -> float:
        moved, level = likelihood.cells.x @ step[q:], likelihood.baseline[used] @ step[:q]
        return float(max(np.ptp(moved), np.ptp(level)))

    return maximise(likelihood, scale, spread, start)


def robust_covariance(
    likelihood: Binomial, top: Maximum, clusters: Clusters, times_counted: np.ndarray | None
) -> np.ndarray:
    """Return the robust covariance: the cross-product of each cluster's score times the inverse information."""
    solid = ~np.isnan(np.diag(top.covariance))
    score = likelihood.scores(top.beta, clusters.n)
    if times_counted is not None:
        score = score / np.sqrt(times_counted)[np.argsort(clusters.code, kind="stable")][:, None]
    moved = score[:, solid] @ top.covariance[np.ix_(solid, solid)]
    out = np.full_like(top.covariance, np.nan)
    out[np.ix_(solid, solid)] = moved.T @ moved
    return out


def hazard(link: str, predictor: np.ndarray) -> np.ndarray:
    """Return the share that meets the event within a period.

    Examples
    --------
    >>> hazard("logit", np.zeros(1)).tolist(), hazard("cloglog", np.zeros(1)).round(4).tolist()
    ([0.5], [0.6321])
    """
    return special.expit(predictor) if link == "logit" else -np.expm1(-np.exp(predictor))


def fall(link: str, predictor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the share left after a period, and minus its derivative to the predictor."""
    if link == "logit":
        return -np.logaddexp(0, predictor), special.expit(predictor)
    return -np.exp(predictor), np.exp(predictor)


def predictor_of(link: str, share: np.ndarray) -> np.ndarray:
    """Return the predictor at which a share meets the event."""
    return special.logit(share) if link == "logit" else np.log(-np.log1p(-share))


def _log_likelihood(link: str, at_risk: np.ndarray, met: np.ndarray, predictor: np.ndarray) -> float:
    stays, _ = fall(link, predictor)
    gone = -np.logaddexp(0, -predictor) if link == "logit" else np.log(-np.expm1(-np.exp(predictor)))
    return float(
        np.where(met > 0, met * gone, 0.0).sum() + np.where(at_risk > met, (at_risk - met) * stays, 0.0).sum()
    )


def _pull(link: str, at_risk: np.ndarray, met: np.ndarray, predictor: np.ndarray) -> np.ndarray:
    """Return the derivative of the log-likelihood to each cell's predictor."""
    if link == "logit":
        return met - at_risk * special.expit(predictor)
    rate = np.exp(predictor)
    return np.where(met > 0, met * rate / -np.expm1(-rate), 0.0) - at_risk * rate


def _weight(link: str, predictor: np.ndarray) -> np.ndarray:
    """Return the expected information of one person in each cell."""
    if link == "logit":
        share = special.expit(predictor)
        return share * (1 - share)
    rate = np.exp(np.minimum(predictor, 300))
    told = np.minimum(rate, 700)
    return np.where(
        rate < 700, np.divide(rate**2, np.expm1(told), out=np.zeros_like(rate), where=told > 0), 0.0
    )
