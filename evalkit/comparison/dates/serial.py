"""Linear models of a series whose neighbours resemble each other: Newey-West errors, and first-order autoregression by REML.

Not the design of an interrupted series: `segments` makes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

#: Beyond this the series is a random walk as far as so few points can tell.
EDGE = 0.97
#: A step off the real line (Squire & Trapp 1998, SIAM Review 40:110).
_TURN = 1e-20j


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients with their covariance.

    Parameters
    ----------
    beta : float array, shape (k,)
    cov : float array, shape (k, k)
    df : callable or float
        Degrees of freedom of a contrast: a number for all, or a function of its weights.
    rho : float
        First-order autocorrelation that the covariance assumes; nan when it assumes none.
    """

    beta: np.ndarray
    cov: np.ndarray
    df: float | Satterthwaite
    rho: float = math.nan

    def contrast(self, weights: np.ndarray) -> tuple[float, float, float]:
        """Return the estimate, standard error and degrees of freedom of ``weights @ beta``."""
        variance = max(float(weights @ self.cov @ weights), 0.0)
        df = self.df(weights) if callable(self.df) else self.df
        return float(weights @ self.beta), math.sqrt(variance), float(df)


def usual_lag(n: int) -> int:
    """Return the lag of Newey & West (1994): the whole part of 4 (n/100)^(2/9).

    Examples
    --------
    >>> usual_lag(24), usual_lag(48), usual_lag(170)
    (2, 3, 4)
    """
    return int(4 * (n / 100) ** (2 / 9))


def kernel(scores: np.ndarray, place: np.ndarray, lag: int) -> np.ndarray:
    """Return the sum of products of scores, Bartlett's weights falling to 0 beyond `lag`.

    Parameters
    ----------
    scores : float array, shape (n, k)
    place : int array, shape (n,)
        Where each point stands in time; a gap keeps its length.
    lag : int

    Notes
    -----
    Newey & West (1987), Econometrica 55:703, equation 5.
    """
    apart = np.abs(place[:, None] - place[None, :])
    return scores.T @ (np.maximum(1 - apart / (lag + 1), 0.0) @ scores)


def newey_west(x: np.ndarray, y: np.ndarray, place: np.ndarray, lag: int) -> Fit:
    """Return least squares with Newey-West errors, n/(n − k) times larger for few points, df = n − k.

    Parameters
    ----------
    x : float array, shape (n, k)
    y : float array, shape (n,)
    place : int array, shape (n,)
    lag : int
    """
    n, k = x.shape
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ (x.T @ y)
    meat = kernel(x * (y - x @ beta)[:, None], place, lag)
    return Fit(beta, n / (n - k) * bread @ meat @ bread, float(n - k))


@dataclass(frozen=True, eq=False)
class Satterthwaite:
    """Degrees of freedom of a contrast under the autoregression: 2 V² over the variance of V.

    Parameters
    ----------
    x : float array, shape (n, k)
    place : int array, shape (n,)
    rho : float
    spread : float array, shape (2, 2)
        Covariance of (rho, log variance), from the curvature of the restricted likelihood.
    """

    x: np.ndarray
    place: np.ndarray
    rho: float
    spread: np.ndarray

    def __call__(self, weights: np.ndarray) -> float:
        turned = np.log(weights @ _bread(self.x, self.place, self.rho + _TURN) @ weights)
        slope = np.array([turned.imag / _TURN.imag, 1.0])
        n, k = self.x.shape
        df = 2 / float(slope @ self.spread @ slope)
        return min(max(df, 1.0), float(n - k))


def autoregressive(x: np.ndarray, y: np.ndarray, place: np.ndarray) -> Fit | None:
    """Return the model with first-order autoregressive errors by restricted maximum likelihood; None at the edge of stationarity.

    Parameters
    ----------
    x : float array, shape (n, k)
    y : float array, shape (n,)
    place : int array, shape (n,)
        A gap of d steps has the correlation rho^d.

    Notes
    -----
    Harville (1977), JASA 72:320, for the likelihood, as ``nlme::gls(correlation = corAR1())``; Satterthwaite's degrees of freedom in
    place of n − k, since rho is itself estimated from few points.
    """
    grid = np.linspace(-0.98, 0.98, 50)
    at = int(np.argmin([_restricted(x, y, place, r)[0] for r in grid]))
    if at in (0, len(grid) - 1):
        return None
    rho = float(optimize.brentq(lambda r: _slope(x, y, place, r), grid[at - 1], grid[at + 1], xtol=1e-14))
    if abs(rho) > EDGE:
        return None
    _, beta, variance = _restricted(x, y, place, rho)
    n, k = x.shape
    cov = variance * _bread(x, place, rho)
    return Fit(beta, cov, Satterthwaite(x, place, rho, _spread(x, y, place, rho, n - k)), rho)


def _spread(x: np.ndarray, y: np.ndarray, place: np.ndarray, rho: float, free: int) -> np.ndarray:
    """Return the covariance of (rho, log variance), the inverse curvature of the restricted likelihood.

    The profile's curvature is the inverse of the variance of rho; given rho, log variance has the variance 2/(n − k).
    """
    step = 1e-5
    curve = (_slope(x, y, place, rho + step) - _slope(x, y, place, rho - step)) / (2 * step)
    follow = np.log(_restricted(x, y, place, rho + _TURN)[2]).imag / _TURN.imag
    var_rho = 1 / max(curve, 1.0)
    cross = follow * var_rho
    return np.array([[var_rho, cross], [cross, 2 / free + follow * cross]])


def _slope(x: np.ndarray, y: np.ndarray, place: np.ndarray, rho: float) -> float:
    """Return the derivative by rho of minus the restricted likelihood, to the last digits: its imaginary part beside the real line."""
    return _restricted(x, y, place, rho + _TURN)[0].imag / _TURN.imag


def _whitened(z: np.ndarray, place: np.ndarray, rho: Any) -> tuple[np.ndarray, Any]:
    """Return z made of independent parts of equal variance, and the log determinant of the correlation."""
    gap = np.diff(place)
    tie = rho**gap
    rest = np.sqrt(1 - tie**2)
    shape = (-1,) + (1,) * (z.ndim - 1)
    after = (z[1:] - tie.reshape(shape) * z[:-1]) / rest.reshape(shape)
    return np.concatenate([z[:1], after]), 2 * np.log(rest).sum()


def _bread(x: np.ndarray, place: np.ndarray, rho: Any) -> np.ndarray:
    white, _ = _whitened(x, place, rho)
    return np.linalg.inv(white.T @ white)


def _restricted(x: np.ndarray, y: np.ndarray, place: np.ndarray, rho: Any) -> tuple[Any, np.ndarray, Any]:
    """Return minus the restricted log-likelihood (variance profiled out, constants left out), the coefficients and the variance."""
    n, k = x.shape
    white, log_det = _whitened(np.column_stack([x, y]), place, rho)
    xs, ys = white[:, :-1], white[:, -1]
    cross = xs.T @ xs
    beta = np.linalg.solve(cross, xs.T @ ys)
    rest = ys - xs @ beta
    variance = rest @ rest / (n - k)
    sign, size = np.linalg.slogdet(cross)
    return 0.5 * ((n - k) * np.log(variance) + log_det + np.log(sign) + size), beta, variance


def durbin_watson(rest: np.ndarray, place: np.ndarray) -> float:
    """Return Durbin & Watson's ratio, from neighbours one step apart."""
    near = np.diff(place) == 1
    return float((np.diff(rest)[near] ** 2).sum() / (rest**2).sum())


def autocorrelations(rest: np.ndarray, place: np.ndarray, most: int) -> np.ndarray:
    """Return the autocorrelations of residuals at lags 1 … most, pairs across a gap taken at their real distance."""
    apart = place[None, :] - place[:, None]
    products = np.outer(rest, rest)
    return np.array([products[apart == k].sum() for k in range(1, most + 1)]) / float(rest @ rest)
