"""Linear models of a series whose neighbours resemble each other: Newey-West errors, and first-order autoregression by REML.

Not the design of an interrupted series: `segments` makes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize

#: Beyond this the series is a random walk as far as so few points can tell.
EDGE = 0.97


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
        step = 1e-4
        up, down = (
            math.log(weights @ _bread(self.x, self.place, self.rho + s) @ weights) for s in (step, -step)
        )
        slope = np.array([(up - down) / (2 * step), 1.0])
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
    grid = np.linspace(-0.95, 0.99, 40)
    values = [_restricted(x, y, place, r)[0] for r in grid]
    at = int(np.argmin(values))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    rho = float(
        optimize.minimize_scalar(
            lambda r: _restricted(x, y, place, r)[0], bounds=(low, high), method="bounded",
            options={"xatol": 1e-10},
        ).x
    )  # fmt: skip
    if abs(rho) > EDGE:
        return None
    _, beta, variance = _restricted(x, y, place, rho)
    n, k = x.shape
    curve = _curvature(lambda r: _restricted(x, y, place, r)[0], rho)
    # The profile's curvature is the inverse of var(rho); log variance given rho has variance 2/(n − k).
    spread = _spread(x, y, place, rho, curve, n - k)
    return Fit(beta, variance * _bread(x, place, rho), Satterthwaite(x, place, rho, spread), rho)


def _spread(
    x: np.ndarray, y: np.ndarray, place: np.ndarray, rho: float, curve: float, free: int
) -> np.ndarray:
    """Return the covariance of (rho, log variance)."""
    step = 1e-4
    up, down = (math.log(_restricted(x, y, place, rho + s)[2]) for s in (step, -step))
    follow = (up - down) / (2 * step)  # how the best log variance moves with rho
    var_rho = 1 / curve if curve > 0 else 1.0
    cross = follow * var_rho
    return np.array([[var_rho, cross], [cross, 2 / free + follow * cross]])


def _curvature(f, at: float) -> float:
    step = 1e-3
    return (f(at + step) - 2 * f(at) + f(at - step)) / step**2


def _whitened(z: np.ndarray, place: np.ndarray, rho: float) -> tuple[np.ndarray, float]:
    """Return z made of independent parts of equal variance, and the log determinant of the correlation."""
    gap = np.diff(place)
    tie = rho**gap
    rest = np.sqrt(1 - tie**2)
    shape = (-1,) + (1,) * (z.ndim - 1)
    after = (z[1:] - tie.reshape(shape) * z[:-1]) / rest.reshape(shape)
    return np.concatenate([z[:1], after]), 2 * float(np.log(rest).sum())


def _bread(x: np.ndarray, place: np.ndarray, rho: float) -> np.ndarray:
    white, _ = _whitened(x, place, rho)
    return np.linalg.inv(white.T @ white)


def _restricted(
    x: np.ndarray, y: np.ndarray, place: np.ndarray, rho: float
) -> tuple[float, np.ndarray, float]:
    """Return minus the restricted log-likelihood (variance profiled out, constants left out), the coefficients and the variance."""
    n, k = x.shape
    white, log_det = _whitened(np.column_stack([x, y]), place, rho)
    xs, ys = white[:, :-1], white[:, -1]
    cross = xs.T @ xs
    beta = np.linalg.solve(cross, xs.T @ ys)
    rest = ys - xs @ beta
    variance = float(rest @ rest) / (n - k)
    _, det = np.linalg.slogdet(cross)
    return 0.5 * ((n - k) * math.log(variance) + log_det + det), beta, variance


def durbin_watson(rest: np.ndarray, place: np.ndarray) -> float:
    """Return Durbin & Watson's ratio, from neighbours one step apart."""
    near = np.diff(place) == 1
    return float((np.diff(rest)[near] ** 2).sum() / (rest**2).sum())


def autocorrelations(rest: np.ndarray, place: np.ndarray, most: int) -> np.ndarray:
    """Return the autocorrelations of residuals at lags 1 … most, pairs across a gap taken at their real distance."""
    apart = place[None, :] - place[:, None]
    products = np.outer(rest, rest)
    return np.array([products[apart == k].sum() for k in range(1, most + 1)]) / float(rest @ rest)
