"""Generalised estimating equations solved to rounding: coefficients, scale and working correlation of people seen several times.

Not standard errors: `numerics.clustered` makes those of what is solved here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.errors import EvalkitError
from evalkit.wording import Message, message

LINKS = {"gaussian": "identity", "binomial": "logit", "poisson": "log"}
_STEPS = 500
#: Step of the coefficients, in working standard errors, that no longer matters.
_NEAR = 1e-11


class NotEstimable(EvalkitError):
    """Nothing can be estimated from these rows, for a reason that the answer gives."""

    def __init__(self, reason: Message):
        self.reason = reason
        super().__init__(str(reason))


def mean_of(linear: np.ndarray, family: str) -> np.ndarray:
    """Return the mean of each row."""
    from scipy.special import expit

    if family == "binomial":
        return expit(linear)
    return np.exp(linear) if family == "poisson" else linear


def slope_of(mean: np.ndarray, family: str) -> np.ndarray:
    """Return how fast the mean moves with the linear part; the variance of the family too, links being canonical."""
    if family == "binomial":
        return mean * (1 - mean)
    return mean if family == "poisson" else np.ones_like(mean)


@dataclass(frozen=True, eq=False)
class Pile:
    """People seen at the same dates (or as often): their rows, shape (people, rows), and the distances between dates."""

    rows: np.ndarray
    gaps: np.ndarray


@dataclass(frozen=True, eq=False)
class Solved:
    """What the equations give, in columns of one size and residuals of one unit, so that units change nothing but units.

    Parameters
    ----------
    beta : float array, shape (p,)
        In the units of the data.
    residual : float array, shape (n,)
        Over `unit`.
    derivative : float array, shape (n, p)
        By the coefficients of the columns over `size`.
    size : float array, shape (p,)
    unit : float
        1 unless the family is gaussian.
    magnitude : float array, shape (n,)
        Of the numbers the residuals were made from, over `unit`.
    scale, correlation : float
        φ (in the units of the data) and α of the working covariance; α is 0 under independence.
    blocks : list of float arrays, or float array, shape (n,)
        Working inverse covariance of each person in order of first appearance; its diagonal under independence.
    """

    beta: np.ndarray
    residual: np.ndarray
    derivative: np.ndarray
    size: np.ndarray
    unit: float
    magnitude: np.ndarray
    scale: float
    correlation: float
    blocks: list[np.ndarray] | np.ndarray


def root_mean_square(values: np.ndarray) -> np.ndarray:
    """Return the size of each column, 1 for a column of zeros; numbers near the largest there are do not overflow."""
    largest = np.max(np.abs(values), axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    size = largest * np.sqrt(np.mean((values / largest) ** 2, axis=0))
    return np.where(size > 0, size, 1.0)


def piles(person: np.ndarray, time: np.ndarray, by_time: bool) -> list[Pile]:
    """Return people sorted by when they are seen; rows are sorted by person and date."""
    starts = np.flatnonzero(np.r_[True, np.diff(person) != 0])
    ends = np.r_[starts[1:], len(person)]
    sets: dict[tuple, list[int]] = {}
    for start, end in zip(starts, ends, strict=True):
        key = tuple((time[start:end] - time[start]).tolist()) if by_time else tuple(range(end - start))
        sets.setdefault(key, []).append(start)
    return [
        Pile(np.array(first)[:, None] + np.arange(len(key)), np.abs(np.subtract.outer(np.array(key), np.array(key))))
        for key, first in sets.items()
    ]  # fmt: skip


def solve(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, person: np.ndarray, time: np.ndarray, family: str, working: str
) -> Solved:  # fmt: skip
    """Solve the estimating equations.

    Parameters
    ----------
    x : float array, shape (n, p)
        Of full rank, without separation; rows sorted by person and date.
    y, weight : float arrays, shape (n,)
    person, time : int arrays, shape (n,)
    family : {"gaussian", "binomial", "poisson"}
    working : {"independence", "exchangeable", "ar1"}

    Raises
    ------
    NotEstimable
        The correlation has too few pairs, or an impossible value; no solution reached.

    Notes
    -----
    Liang & Zeger (1986), Biometrika 73:13, equations 5-6 and section 4. φ: squared Pearson residuals over n − p. Exchangeable α:
    their products over all pairs of rows of a person, over φ and the number of pairs − p. For "ar1": the mean product over
    pairs one date apart, over the mean square; the correlation is α to the power of how many dates lie between. As R's ``gee``
    (and, without missing dates, statsmodels); ``geepack`` has other divisors.

    Examples
    --------
    >>> x, who = np.ones((4, 1)), np.array([0, 0, 1, 1])
    >>> solve(x, np.array([1.0, 2, 4, 5]), np.ones(4), who, np.array([0, 1, 0, 1]), "gaussian", "independence").beta.tolist()
    [3.0]
    """
    size = root_mean_square(x)
    z, unit, plain = x / size, 1.0, np.zeros(x.shape[1])
    rest = y
    if family == "gaussian":
        root = np.sqrt(weight)
        plain = np.linalg.lstsq(z * root[:, None], y * root, rcond=None)[0]
        rest = y - z @ plain
        unit = float(root_mean_square(rest))
        if np.abs(rest).max() <= 1e-12 * np.abs(y).max():
            unit = float(root_mean_square(y))
        rest = rest / unit
    groups = piles(person, time, working == "ar1")
    beta = _start(z, rest, family)
    if working != "independence":
        beta, _ = _iterated(z, rest, weight, groups, family, "independence", beta)
    beta, correlation = _iterated(z, rest, weight, groups, family, working, beta)
    mean = mean_of(z @ beta, family)
    slope = slope_of(mean, family)
    residual = rest - mean
    scale = float((weight / slope) @ residual**2) / max(len(y) - x.shape[1], 1)
    return Solved(
        (plain + beta * unit) / size,
        residual,
        slope[:, None] * z,
        size,
        unit,
        np.abs(y) / unit + slope * (np.abs(z) @ np.abs(beta + plain / unit)),
        scale * unit**2,
        correlation,
        _blocks(np.sqrt(weight / slope), groups, correlation, working),
    )


def _start(x: np.ndarray, y: np.ndarray, family: str) -> np.ndarray:
    if family != "poisson":
        return np.zeros(x.shape[1])
    return np.linalg.lstsq(x, np.log(np.maximum(y, 0.1)), rcond=None)[0]


def _iterated(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, groups: list[Pile], family: str, working: str, beta: np.ndarray
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Return the coefficients and the correlation at which neither moves any more."""
    correlation = 0.0
    for _ in range(_STEPS):
        with np.errstate(over="ignore"):
            mean = mean_of(x @ beta, family)
        slope = slope_of(mean, family)
        if not np.isfinite(mean).all() or not (slope > 0).all():
            break
        pearson = (y - mean) * np.sqrt(weight / slope)
        # Roots of the variance cancel half of the derivative: z'R⁻¹z is D'V⁻¹D.
        z = x * np.sqrt(weight * slope)[:, None]
        scale = float(pearson @ pearson) / max(len(y) - x.shape[1], 1)
        found = _correlation(groups, pearson, scale, x.shape[1], working)
        information, score = np.zeros((x.shape[1],) * 2), np.zeros(x.shape[1])
        for group in groups:
            rz = np.einsum("ij,pjk->pik", _inverse(group, found, working), z[group.rows])
            information += np.einsum("pik,pil->kl", z[group.rows], rz)
            score += np.einsum("pik,pi->k", rz, pearson[group.rows])
        step = np.linalg.solve(information, score)
        length = np.sqrt(max(float(step @ information @ step), 0.0) / max(scale, 1e-20))
        # A linear part that leaps would leave the range where means can be computed.
        beta = beta + step * min(1.0, 20.0 / max(np.max(np.abs(x @ step), initial=0.0), 1e-300))
        settled = abs(found - correlation) < _NEAR
        correlation = found
        if length < _NEAR * np.sqrt(len(y)) and settled:
            return beta, correlation
    raise NotEstimable(message("comparison_repeated.no_solution", steps=_STEPS))


def _correlation(groups: list[Pile], pearson: np.ndarray, scale: float, p: int, working: str) -> float:
    if working == "independence":
        return 0.0
    total, pairs, longest = 0.0, 0, max(len(g.gaps) for g in groups)
    if longest == 1 or scale < 1e-20:
        return 0.0
    for group in groups:
        chosen = np.triu(group.gaps == 1 if working == "ar1" else np.ones_like(group.gaps, dtype=bool), 1)
        e = pearson[group.rows]
        total += float(np.einsum("pi,ij,pj->", e, chosen.astype(float), e))
        pairs += int(chosen.sum()) * len(e)
    if working == "ar1":
        found = total / pairs / float(np.mean(pearson**2)) if pairs else 0.0
    elif pairs <= p:
        raise NotEstimable(message("comparison_repeated.few_pairs", pairs=pairs, p=p))
    else:
        found = total / (pairs - p) / scale
    lowest = -1.0 if working == "ar1" else -1 / (longest - 1)
    if not lowest < found < 1:
        raise NotEstimable(message("comparison_repeated.impossible_correlation", value=found, low=lowest))
    return found


def _inverse(group: Pile, correlation: float, working: str) -> np.ndarray:
    if correlation == 0.0:
        return np.eye(len(group.gaps))
    power = group.gaps if working == "ar1" else (group.gaps > 0).astype(int)
    return np.linalg.inv(correlation**power)


def _blocks(
    root: np.ndarray, groups: list[Pile], correlation: float, working: str
) -> list[np.ndarray] | np.ndarray:
    if correlation == 0.0:
        return root**2
    made: dict[int, np.ndarray] = {}
    for group in groups:
        inverse = _inverse(group, correlation, working)
        for rows in group.rows:
            made[rows[0]] = root[rows][:, None] * inverse * root[rows]
    return [made[first] for first in sorted(made)]
