"""A smooth likelihood climbed to its top by Newton's steps, and where its profile has fallen by a quantile.

Not a likelihood: callers bring theirs, and look for separation first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from evalkit.errors import InputError

_STEPS = 200
#: Squared length of a Newton step, in standard errors, after which the next one is lost in rounding.
_DONE = 1e-16


def climb(
    likelihood: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]], beta: np.ndarray, what: str
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the top of a concave log-likelihood, its value there, and the information.

    Parameters
    ----------
    likelihood : callable
        ``likelihood(beta)`` returns the value, the score (p,) and the information (p, p).
    beta : float array, shape (p,)
        Where to begin.
    what : str
        Who asks, for the error.

    Raises
    ------
    InputError
        No top reached.

    Examples
    --------
    >>> top, value, _ = climb(lambda b: (-float((b - 2) @ (b - 2)), -2 * (b - 2), 2 * np.eye(1)), np.zeros(1), "example")
    >>> top.tolist(), abs(value)
    ([2.0], 0.0)
    """
    value, score, information = likelihood(beta)
    for _ in range(_STEPS):
        if not len(beta):
            return beta, value, information
        step = np.linalg.solve(information, score)
        near = float(score @ step) < _DONE * (1 + abs(value))
        size = 1.0
        while True:
            tried = likelihood(beta + size * step)
            if tried[0] >= value - 1e-12 * (1 + abs(value)):
                break
            size /= 2
            if size < 1e-10:
                return beta, value, information
        beta = beta + size * step
        value, score, information = tried
        if near:
            return beta, value, information
    raise InputError(
        f"{what}: no maximum reached in {_STEPS} steps; look for columns that nearly repeat one another"
    )


def profile_interval(
    profile: Callable[[float, np.ndarray], tuple[float, np.ndarray]],
    beta: np.ndarray,
    top: float,
    column: int,
    error: float,
    conf_level: float,
) -> tuple[float, float]:
    """Return where a profile log-likelihood has fallen by half the chi-squared quantile, on both sides of its maximum.

    Parameters
    ----------
    profile : callable
        ``profile(value, start)`` returns the log-likelihood with the column at `value`, and the coefficients there.
    beta : float array, shape (p,)
        Where the maximum `top` lies.
    column : int
    error : float
        A length to begin with: the standard error.
    conf_level : float

    Returns
    -------
    (float, float)
        −inf, inf for an end that is not reached within fifty standard errors.

    References
    ----------
    Venzon & Moolgavkar (1988), Applied Statistics 37:87, equation 1.
    """
    from scipy import optimize, special

    drop = float(special.chdtri(1, 1 - conf_level)) / 2
    ends = []
    for sign in (-1.0, 1.0):
        starts = [beta.copy()]

        def excess(distance: float, sign: float = sign, starts: list = starts) -> float:
            value, starts[0] = profile(float(beta[column]) + sign * distance, starts[0])
            return top - value - drop

        near, far = 0.0, error * math.sqrt(2 * drop)
        while far <= 50 * error and excess(far) < 0:
            near, far = far, far * 1.6
        if far > 50 * error:
            ends.append(sign * math.inf)
            continue
        size = max(error, 1e-12 * abs(float(beta[column])))
        found = optimize.brentq(excess, near, far, xtol=1e-10 * size, rtol=1e-10)
        ends.append(float(beta[column]) + sign * float(found))
    return ends[0], ends[1]
