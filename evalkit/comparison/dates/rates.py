"""Counts over time and shares over time: quasi-likelihood fits, as they are, with Newey-West errors, and with autoregression.

Not for yes/no answers of people: one row is one point of the series.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from evalkit.comparison.dates.serial import Fit, autoregressive, kernel

_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Counts:
    """Events by point.

    Parameters
    ----------
    events : float array, shape (n,)
    size : float array, shape (n,)
        For counts, what they are counted over (1 where nothing was said); for shares, how many were asked.
    offset : float array, shape (n,)
        Known part of the linear predictor.
    shares : bool
        Whether events are part of `size` (logit link) or only in proportion to it (log link).
    """

    events: np.ndarray
    size: np.ndarray
    offset: np.ndarray
    shares: bool

    def mean(self, predictor: np.ndarray) -> np.ndarray:
        """Return the expected events."""
        if self.shares:
            return self.size / (1 + np.exp(-(predictor + self.offset)))
        return np.exp(predictor + self.offset)

    def variance(self, mean: np.ndarray) -> np.ndarray:
        """Return the variance of events if nothing but chance were at work."""
        return mean * (1 - mean / self.size) if self.shares else mean


def likely(x: np.ndarray, counts: Counts) -> np.ndarray | None:
    """Return the coefficients of the Poisson or binomial fit, None when it does not arrive."""
    import statsmodels.api as sm

    if counts.shares:
        answer = counts.events / counts.size
        model = sm.GLM(
            answer, x, family=sm.families.Binomial(), var_weights=counts.size, offset=counts.offset
        )
    else:
        model = sm.GLM(counts.events, x, family=sm.families.Poisson(), offset=counts.offset)
    with warnings.catch_warnings():
        # What it warns of (perfect prediction, no convergence) is looked at here.
        warnings.simplefilter("ignore")
        try:
            beta = np.asarray(model.fit(maxiter=_ROUNDS, tol=1e-13, tol_criterion="params").params)
        except ValueError:  # weights that overflow on the way to an infinite slope
            return None
    if not np.isfinite(beta).all():
        return None
    mean = counts.mean(x @ beta)
    slack = x.T @ (counts.events - mean)
    arrived = np.abs(slack).max() <= 1e-6 * max(counts.events.sum(), 1.0) * np.abs(x).max()
    return beta if arrived and (counts.variance(mean) > 1e-6).all() else None


def dispersion(x: np.ndarray, counts: Counts, beta: np.ndarray) -> float:
    """Return Pearson's X² over its degrees of freedom: how many times the variance exceeds that of chance."""
    mean = counts.mean(x @ beta)
    return float(((counts.events - mean) ** 2 / counts.variance(mean)).sum() / (len(mean) - x.shape[1]))


def standing(x: np.ndarray, counts: Counts, beta: np.ndarray) -> np.ndarray:
    """Return Pearson residuals."""
    mean = counts.mean(x @ beta)
    return (counts.events - mean) / np.sqrt(counts.variance(mean))


def quasi(x: np.ndarray, counts: Counts, beta: np.ndarray) -> Fit:
    """Return the quasi-likelihood fit: points independent, variance in proportion to the mean."""
    weight = counts.variance(counts.mean(x @ beta))
    bread = np.linalg.inv(x.T @ (weight[:, None] * x))
    return Fit(beta, dispersion(x, counts, beta) * bread, float(len(weight) - x.shape[1]))


def newey_west(x: np.ndarray, counts: Counts, beta: np.ndarray, place: np.ndarray, lag: int) -> Fit:
    """Return the same coefficients with Newey-West errors, n/(n − k) times larger, df = n − k."""
    mean = counts.mean(x @ beta)
    weight = counts.variance(mean)
    bread = np.linalg.inv(x.T @ (weight[:, None] * x))
    meat = kernel(x * (counts.events - mean)[:, None], place, lag)
    n, k = x.shape
    return Fit(beta, n / (n - k) * bread @ meat @ bread, float(n - k))


def autoregressive_rates(x: np.ndarray, counts: Counts, beta: np.ndarray, place: np.ndarray) -> Fit | None:
    """Return the fit whose Pearson residuals follow a first-order autoregression: `serial.autoregressive` on the working model.

    Notes
    -----
    Breslow & Clayton (1993), JASA 88:9: the working answer and weights, made again until coefficients stay.
    """
    for _ in range(_ROUNDS):
        predictor = x @ beta
        with np.errstate(over="ignore", invalid="ignore"):
            mean = counts.mean(predictor)
            weight = counts.variance(mean)
        if not (np.isfinite(weight).all() and (weight > 1e-9).all()):
            return None
        root = np.sqrt(weight)
        working = predictor + (counts.events - mean) / weight
        try:
            fit = autoregressive(root[:, None] * x, root * working, place)
        except np.linalg.LinAlgError:  # a segment whose weights fell to nothing on the way
            return None
        if fit is None:
            return None
        moved = np.abs(fit.beta - beta).max()
        beta = fit.beta
        if moved < 1e-9:
            return fit
    return None
