"""The likelihood of a linear mixed model with a level of its own, and if asked a slope, for each person, climbed to its exact top.

Not inference on coefficients: `small_samples` does that at the top found here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

#: Values of the ratio of standard deviations (person over residual) from which the climb begins.
_STARTS = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0)
#: Beyond this ratio the residual is rounding.
_LARGEST = 1e4
#: A ratio below this is 0: the data show no difference between people beyond rounding.
_ZERO = 1e-6


@dataclass(frozen=True, eq=False)
class Mixed:
    """Cross-products of a mixed model, from which its deviance follows for any variances.

    Parameters
    ----------
    zz : float array, shape (patterns, q, q)
        People seen at the same dates have the same: one pattern.
    people : int array, shape (patterns,)
    cross : float array, shape (patterns, q, q, p + 1, p + 1)
        Sums over the people of a pattern of the products of their z'[x y].
    xx : float array, shape (p + 1, p + 1)
        The outcome last.
    n : int
    reml : bool
    """

    zz: np.ndarray
    people: np.ndarray
    cross: np.ndarray
    xx: np.ndarray
    n: int
    reml: bool

    @property
    def q(self) -> int:
        """1 with a level for each person, 2 with a slope too."""
        return self.zz.shape[1]

    @property
    def free(self) -> int:
        """Rows that the residual variance is divided by."""
        return self.n - (len(self.xx) - 1 if self.reml else 0)

    def parts(self, theta: np.ndarray) -> tuple[complex, complex, np.ndarray]:
        """Return the log-determinants' sum, the residual sum of squares, and the coefficients, at a relative Cholesky factor.

        References
        ----------
        Bates, Mächler, Bolker & Walker (2015), Journal of Statistical Software 67(1), equations 34 and 41.
        """
        lower = self._lower(theta)
        inner = np.eye(self.q) + np.einsum("ba,gbc,cd->gad", lower, self.zz, lower)
        share = np.einsum("ab,gbc,dc->gad", lower, np.linalg.inv(inner), lower)
        rest = self.xx - np.einsum("gab,gabcd->cd", share, self.cross)
        beta = np.linalg.solve(rest[:-1, :-1], rest[:-1, -1])
        squares = rest[-1, -1] - rest[-1, :-1] @ beta
        determinants = self.people @ _logdet(inner)
        if self.reml:
            determinants = determinants + _logdet(rest[:-1, :-1])
        return determinants, squares, beta

    def profiled(self, theta: np.ndarray) -> complex:
        """Return the deviance at the best residual variance."""
        determinants, squares, _ = self.parts(theta)
        return determinants + self.free * (1 + np.log(2 * math.pi * squares / self.free))

    def deviance(self, theta: np.ndarray, sigma: complex) -> complex:
        """Return the deviance at a residual standard deviation."""
        determinants, squares, _ = self.parts(theta)
        return determinants + squares / sigma**2 + self.free * np.log(2 * math.pi * sigma**2)

    def _lower(self, theta: np.ndarray) -> np.ndarray:
        if self.q == 1:
            return np.asarray(theta).reshape(1, 1)
        return np.array([[theta[0], 0.0], [theta[1], theta[2]]])


def _logdet(matrix: np.ndarray) -> np.ndarray:
    sign, size = np.linalg.slogdet(matrix)
    return np.log(sign) + size if np.iscomplexobj(matrix) else size


def cross_products(x: np.ndarray, y: np.ndarray, z: np.ndarray, person: np.ndarray, reml: bool) -> Mixed:
    """Return the cross-products of rows sorted by person."""
    starts = np.flatnonzero(np.r_[True, np.diff(person) != 0])
    xy = np.column_stack([x, y])
    zz = np.add.reduceat(z[:, :, None] * z[:, None, :], starts, axis=0)
    zx = np.add.reduceat(z[:, :, None] * xy[:, None, :], starts, axis=0)
    patterns, code, people = np.unique(zz, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(code.reshape(-1), kind="stable")
    firsts = np.cumsum(people) - people
    cross = np.stack([
        np.einsum("pac,pbd->abcd", mine, mine) for mine in np.split(zx[order], firsts[1:])
    ])  # fmt: skip
    return Mixed(patterns, people, cross, xy.T @ xy, len(y), reml)


def slopes(function, at: np.ndarray) -> np.ndarray:
    """Return the gradient of a function that takes complex numbers, exact to rounding.

    References
    ----------
    Squire & Trapp (1998), SIAM Review 40:110.
    """
    out = np.empty(len(at))
    for k in range(len(at)):
        moved = at.astype(complex)
        moved[k] += 1e-30j
        out[k] = (function(moved) / 1e-30).imag
    return out


def lowest(function, start: np.ndarray, bounds: list[tuple[float, float]]) -> tuple[np.ndarray, float]:
    """Return the lowest point of a smooth function within bounds, by descent: its value to rounding, its place nearly."""
    from scipy.optimize import minimize

    def both(v: np.ndarray) -> tuple[float, np.ndarray]:
        return float(np.real(function(v))), slopes(function, v)

    found = minimize(
        both,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8},
    )
    return found.x, float(found.fun)


def settled(
    function, best: np.ndarray, value: float, bounds: list[tuple[float, float]]
) -> tuple[np.ndarray, float]:
    """Return the lowest point with its place to rounding too: Newton's steps until nothing moves."""
    low, high = np.array(bounds, dtype=float).T
    for _ in range(20):
        gradient = slopes(function, best)
        held = ((best <= low) & (gradient > 0)) | ((best >= high) & (gradient < 0))
        move = np.flatnonzero(~held)
        if not len(move):
            break
        curve = np.array([
            (slopes(function, _shifted(best, k, 1e-5)) - slopes(function, _shifted(best, k, -1e-5)))[move]
            / (2e-5 * max(1.0, abs(best[k])))
            for k in move
        ])  # fmt: skip
        values, vectors = np.linalg.eigh((curve + curve.T) / 2)
        if values[0] <= 0:
            break
        step = -vectors @ ((vectors.T @ gradient[move]) / values)
        tried = best.copy()
        tried[move] = np.clip(best[move] + step, low[move], high[move])
        new = float(np.real(function(tried)))
        if not new <= value + 1e-11 * (1 + abs(value)):
            break
        near = np.max(np.abs(tried - best)) < 1e-12 * (1 + np.max(np.abs(best)))
        best, value = tried, new
        if near:
            break
    return best, value


def _shifted(at: np.ndarray, k: int, share: float) -> np.ndarray:
    moved = at.copy()
    moved[k] += share * max(1.0, abs(at[k]))
    return moved


@dataclass(frozen=True, eq=False)
class Top:
    """Where the likelihood of a mixed model is highest.

    Parameters
    ----------
    theta : float array
        Relative Cholesky factor of the variances between people.
    sigma : float
        Residual standard deviation.
    beta : float array, shape (p,)
    between : float array, shape (q, q)
        Covariance between people.
    deviance : float
    singular : bool
        Whether a variance between people is 0, or a correlation ±1.
    """

    theta: np.ndarray
    sigma: float
    beta: np.ndarray
    between: np.ndarray
    deviance: float
    singular: bool


def top_of(model: Mixed) -> Top:
    """Return the top, looked for from several starting points: a likelihood of variances may have two."""
    if model.q == 1:
        bounds = [(0.0, _LARGEST)]
        tried = [float(np.real(model.profiled(np.array([s])))) for s in _STARTS]
        starts = [np.array([_STARTS[int(np.argmin(tried))]]), np.array([1.0])]
    else:
        bounds = [(0.0, _LARGEST), (-_LARGEST, _LARGEST), (0.0, _LARGEST)]
        starts = [np.array(s) for s in ((1.0, 0.0, 1.0), (1.0, 0.0, 0.1), (0.3, 0.0, 0.3), (0.5, 0.1, 0.0))]
    found = [lowest(model.profiled, start, bounds) for start in starts]
    # Exactly no difference between people is a corner that the descent may stop short of.
    corner = np.zeros(len(bounds))
    found.append((corner, float(np.real(model.profiled(corner)))))
    theta, deviance = settled(model.profiled, *min(found, key=lambda pair: pair[1]), bounds)
    if model.q == 2 and theta[0] == 0.0 and theta[2] == 0.0:
        theta = np.array([0.0, 0.0, abs(theta[1])])
    _, squares, beta = model.parts(theta)
    sigma = math.sqrt(max(float(squares), 0.0) / model.free)
    lower = model._lower(theta)
    singular = bool(theta[0] < _ZERO or (model.q == 2 and theta[2] < _ZERO * max(1.0, abs(theta[1]))))
    return Top(theta, sigma, np.real(beta), sigma**2 * lower @ lower.T, deviance, singular)


def component_intervals(model: Mixed, top: Top, conf_level: float) -> dict[str, tuple[float, float]]:
    """Return the profile intervals of the standard deviations (and of the correlation), on the likelihood that was climbed.

    Parameters
    ----------
    model : Mixed
    top : Top
    conf_level : float

    Returns
    -------
    mapping of name to (low, high)
        ``sd_person``, ``sd_residual``, and with a slope ``sd_slope``, ``correlation``. The least a standard deviation can be is 0.
    """
    from scipy import special

    drop = float(special.chdtri(1, 1 - conf_level))
    names = (
        ["sd_person", "sd_residual"]
        if model.q == 1
        else ["sd_person", "sd_slope", "correlation", "sd_residual"]
    )
    best = _free_of(top)
    # Far beyond where a likelihood that has a top can lead.
    bounds: list[tuple[float, float]] = [(0.0, _LARGEST * top.sigma)] * len(names)
    if model.q == 2:
        bounds[2] = (-math.pi / 2, math.pi / 2)
    bounds[-1] = (0.01 * top.sigma, _LARGEST * top.sigma)

    def deviance(free: np.ndarray) -> complex:
        sigma = free[-1]
        if model.q == 1:
            return model.deviance(free[:1] / sigma, sigma)
        theta = np.array([free[0], free[1] * np.sin(free[2]), free[1] * np.cos(free[2])]) / sigma
        return model.deviance(theta, sigma)

    return {
        name: _ends(deviance, best, bounds, k, top.deviance + drop, top.sigma) for k, name in enumerate(names)
    }


def _free_of(top: Top) -> np.ndarray:
    if len(top.between) == 1:
        return np.array([math.sqrt(top.between[0, 0]), top.sigma])
    first, second = np.sqrt(np.diag(top.between))
    angle = (
        math.asin(max(-1.0, min(1.0, top.between[0, 1] / (first * second)))) if first * second > 0 else 0.0
    )
    return np.array([first, second, angle, top.sigma])


def _ends(deviance, best: np.ndarray, bounds: list, k: int, level: float, unit: float) -> tuple[float, float]:
    """Return where the least deviance with one parameter held has risen to a level, on both sides of its best value."""
    from scipy.optimize import brentq

    others = np.arange(len(best)) != k
    free = [b for b, other in zip(bounds, others, strict=True) if other]
    angle = k == 2 and len(best) == 4
    ends = []
    for sign in (-1.0, 1.0):
        starts = [best[others], best[others]]

        # Each value is computed once: another start must not give the same place another height.
        @cache
        def above(value: float, starts: list = starts) -> float:
            def rest(v: np.ndarray) -> complex:
                whole = np.empty(len(best), dtype=v.dtype)
                whole[others], whole[k] = v, value
                return deviance(whole)

            if len(free) == 1:
                return lowest_along(rest, free[0]) - level
            starts[1], found = min((lowest(rest, s, free) for s in starts), key=lambda pair: pair[1])
            return found - level

        limit = bounds[k][int(sign > 0)]
        near, step = float(best[k]), 0.25 * (1.0 if angle else max(float(best[k]), 0.1 * unit))
        while True:
            far = near + sign * step
            if sign * (far - limit) >= 0:
                far = limit
            if above(far) > 0:
                found = near
                if far != near and above(near) < 0:
                    found = float(brentq(above, near, far, xtol=1e-10 * max(abs(far), 1e-300), rtol=1e-10))
                ends.append(found)
                break
            if far == limit:
                ends.append(float(far) if angle or sign < 0 else math.inf)
                break
            near, step = far, 1.6 * step
    return (math.sin(ends[0]), math.sin(ends[1])) if angle else (ends[0], ends[1])


def lowest_along(function, bounds: tuple[float, float]) -> float:
    """Return the least value of a function of one positive number, looked for on a grid of orders of size first."""
    from scipy.optimize import minimize_scalar

    low, high = bounds
    floor = max(low, 1e-6 * high)
    grid = np.log(np.append([floor], np.geomspace(max(floor, 1e-7 * high), high, 17)[1:]))
    along = lambda u: float(np.real(function(np.array([math.exp(u)]))))
    values = [along(u) for u in grid]
    at = int(np.argmin(values))
    least = [values[at]]
    if low == 0.0:
        least.append(float(np.real(function(np.zeros(1)))))
    if 0 < at < len(grid) - 1:
        # Where a likelihood is this flat its height is exact long before its place.
        least.append(float(minimize_scalar(along, (grid[at - 1], grid[at], grid[at + 1]), tol=1e-9).fun))
    return min(least)
