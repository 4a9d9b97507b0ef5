"""Firth's penalised logit: finite estimates under separation, and less bias with few events.

Not for results: halls make sentences and rows of these numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p
from evalkit.numerics.profile import profile_interval

_STEPS = 300
_NEAR = 1e-11
#: Steps in a row that gain nothing but rounding: far out, where the information all but vanishes, steps never get shorter.
_IDLE = 20


@dataclass(frozen=True, eq=False)
class Firth:
    """A penalised fit.

    Parameters
    ----------
    beta : float array, shape (p,)
    covariance : float array, shape (p, p)
        Inverse of the information at the estimate.
    log_likelihood : float
        Penalised: ℓ(β) + ½ log |I(β)|.
    fitted : float array, shape (n,)
        Probabilities.
    """

    beta: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    fitted: np.ndarray


def firth_fit(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, fixed: dict[int, float] | None = None,
    start: np.ndarray | None = None,
) -> Firth:  # fmt: skip
    """Return the maximum of the logit likelihood penalised by Jeffreys' prior.

    Parameters
    ----------
    x : float array, shape (n, p)
        Columns, the constant included; of full rank.
    y : float array, shape (n,)
        0 and 1.
    weight : float array, shape (n,), optional
        How many people each row stands for.
    fixed : dict, optional
        Column to a value at which it stays (the penalty is that of the whole model, as in profiles and ratio tests).
    start : float array, shape (p,), optional

    Raises
    ------
    InputError
        Columns that repeat others; no maximum reached.

    References
    ----------
    Firth (1993), Biometrika 80:27, section 3.2. Heinze & Schemper (2002), Statistics in Medicine 21:2409, equations 1-2.

    Examples
    --------
    >>> x = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1]])
    >>> fit = firth_fit(x, np.array([0, 1, 0, 0, 1, 1, 1, 1]))
    >>> fit.beta.round(6).tolist() == np.log([1.5 / 3.5, (4.5 / 0.5) / (1.5 / 3.5)]).round(6).tolist()
    True
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    # In columns of one size the information can be inverted whatever the units.
    scale = np.sqrt((weight @ x**2) / weight.sum())
    scale[scale == 0] = 1.0
    z = x / scale
    if np.linalg.matrix_rank(z[weight > 0]) < x.shape[1]:
        raise InputError("firth: columns of the model repeat one another; leave some out")
    free = np.array([j not in (fixed or {}) for j in range(x.shape[1])])
    beta = np.zeros(x.shape[1]) if start is None else np.asarray(start, dtype=float) * scale
    for j, value in (fixed or {}).items():
        beta[j] = value * scale[j]
    beta, value, inverse, fitted = _climb(z, y, weight, beta, free)
    # The determinant of the information in the units given.
    return Firth(beta / scale, inverse / np.outer(scale, scale), float(value + np.log(scale).sum()), fitted)


def _climb(z: np.ndarray, y: np.ndarray, weight: np.ndarray, beta: np.ndarray, free: np.ndarray):
    value, fitted, inverse = _penalised(z, y, weight, beta)
    if not math.isfinite(value):
        raise InputError(
            "firth: the likelihood has no value at the start; look for extreme values in the columns"
        )
    idle = 0
    for _ in range(_STEPS):
        score = _score(z, y, weight, fitted, inverse)[free]
        step = np.zeros(len(beta))
        step[free] = _step(z, y, weight, beta, free, score, inverse)
        if np.max(np.abs(step), initial=0.0) < _NEAR * (1 + np.max(np.abs(beta))):
            return beta + step, *_at(z, y, weight, beta + step)
        size = min(1.0, 5.0 / max(np.max(np.abs(step)), 1e-300))
        while True:
            tried = _penalised(z, y, weight, beta + size * step)
            if tried[0] >= value - 1e-13 * (1 + abs(value)):
                break
            size /= 2
            if size < 1e-10:
                return beta, value, inverse, fitted
        beta = beta + size * step
        idle = idle + 1 if tried[0] - value <= 1e-12 * (1 + abs(value)) else 0
        value, fitted, inverse = tried
        if idle == _IDLE:
            return beta, value, inverse, fitted
    raise InputError(
        f"firth: no maximum reached in {_STEPS} steps; look for columns that nearly repeat one another"
    )


def _score(
    z: np.ndarray, y: np.ndarray, weight: np.ndarray, fitted: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    hat = weight * fitted * (1 - fitted) * np.einsum("ij,jk,ik->i", z, inverse, z)
    return z.T @ (weight * (y - fitted) + hat * (0.5 - fitted))


def _step(
    z: np.ndarray, y: np.ndarray, weight: np.ndarray, beta: np.ndarray, free: np.ndarray, score: np.ndarray, inverse: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Return Newton's step where the penalised likelihood curves downwards, Fisher's elsewhere, which always climbs."""
    if not free.any():
        return score
    columns = []
    for k in np.flatnonzero(free):
        ends = []
        for sign in (1.0, -1.0):
            moved = beta.copy()
            moved[k] += sign * 1e-5
            value, fitted, there = _penalised(z, y, weight, moved)
            if not math.isfinite(value):
                return np.linalg.solve(np.linalg.inv(inverse)[np.ix_(free, free)], score)
            ends.append(_score(z, y, weight, fitted, there)[free])
        columns.append((ends[0] - ends[1]) / 2e-5)
    curve = -np.array(columns)
    curve = (curve + curve.T) / 2
    if np.linalg.eigvalsh(curve)[0] > 0:
        return np.linalg.solve(curve, score)
    return np.linalg.solve(np.linalg.inv(inverse)[np.ix_(free, free)], score)


def _at(z: np.ndarray, y: np.ndarray, weight: np.ndarray, beta: np.ndarray):
    value, fitted, inverse = _penalised(z, y, weight, beta)
    return value, inverse, fitted


def _penalised(z: np.ndarray, y: np.ndarray, weight: np.ndarray, beta: np.ndarray):
    """Return the penalised log-likelihood, the probabilities, and the inverse information; −inf where it has none."""
    from scipy.special import expit

    linear = z @ beta
    fitted = expit(linear)
    information = (z * (weight * fitted * (1 - fitted))[:, None]).T @ z
    sign, logdet = np.linalg.slogdet(information)
    if sign <= 0 or not math.isfinite(logdet):
        return -math.inf, fitted, None
    value = float(weight @ (y * linear - np.logaddexp(0, linear))) + 0.5 * logdet
    return value, fitted, np.linalg.inv(information)


def firth_test(
    fit: Firth, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None, column: int
) -> tuple[float, float]:
    """Return the penalised likelihood-ratio statistic of one column, and its p-value.

    References
    ----------
    Heinze & Schemper (2002), Statistics in Medicine 21:2409, section 2.2.
    """
    without = firth_fit(x, y, weight, {column: 0.0})
    statistic = max(2 * float(fit.log_likelihood - without.log_likelihood), 0.0)
    return statistic, float(chi2_p(statistic, 1))


def firth_interval(
    fit: Firth, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None, column: int, conf_level: float
) -> tuple[float, float]:
    """Return the profile penalised likelihood interval of one column; an end that is never reached is infinite.

    References
    ----------
    Heinze & Schemper (2002), Statistics in Medicine 21:2409, section 2.2.
    """

    def profile(value: float, _: np.ndarray) -> tuple[float, np.ndarray]:
        # Far out a separated likelihood may have several tops: each climb begins at the same place, whatever was tried before.
        found = firth_fit(x, y, weight, {column: value}, fit.beta)
        return found.log_likelihood, found.beta

    error = math.sqrt(fit.covariance[column, column])
    return profile_interval(profile, fit.beta, fit.log_likelihood, column, error, conf_level)
