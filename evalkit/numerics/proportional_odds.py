"""The proportional odds model of two groups, from the table of categories: one odds ratio for every cut.

Not for covariates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.numerics.normal import chi2_p

_STEPS = 200


@dataclass(frozen=True)
class ProportionalOdds:
    """The fit.

    Parameters
    ----------
    log_odds_ratio : float
        Of being in a higher category, other group against the reference.
    std_error : float
        From the observed information.
    log_likelihood : float
    lack_of_fit, df, p_fit : float
        Likelihood ratio against one odds ratio per cut (the table itself); df 0 and nan with two categories.
    """

    log_odds_ratio: float
    std_error: float
    log_likelihood: float
    lack_of_fit: float
    df: int
    p_fit: float


def proportional_odds(reference: np.ndarray, other: np.ndarray) -> ProportionalOdds | None:
    """Return the fit, or None when the odds ratio has no finite estimate (nobody of one group is above anybody of the other).

    Parameters
    ----------
    reference, other : int array, shape (K,)
        People per category, lowest first; every category has somebody.

    Returns
    -------
    ProportionalOdds or None

    References
    ----------
    McCullagh (1980), Journal of the Royal Statistical Society B 42:109; as R's ``ordinal::clm``.

    Examples
    --------
    >>> fit = proportional_odds(np.array([14, 10, 6]), np.array([8, 11, 11]))
    >>> round(fit.log_odds_ratio, 4), round(fit.std_error, 4)
    (0.8615, 0.4873)
    """
    counts = np.vstack([reference, other]).astype(float)
    held = [np.flatnonzero(row) for row in counts]
    if len(held[0]) == 0 or len(held[1]) == 0 or counts.shape[1] < 2:
        return None
    if held[0][-1] <= held[1][0] or held[1][-1] <= held[0][0]:
        return None
    at = _start(counts)
    value, slope, curve = _likelihood(counts, at)
    for _ in range(_STEPS):
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > 1e-10:
            tried = at + size * step
            if (np.diff(tried[:-1]) > 0).all() and _likelihood(counts, tried)[0] >= value - 1e-12 * abs(
                value
            ):
                break
            size /= 2
        at = at + size * step
        value, slope, curve = _likelihood(counts, at)
        if np.abs(step).max() < 1e-12:
            break
    shares = counts / counts.sum(axis=1, keepdims=True)
    best = float(special.xlogy(counts, shares).sum())
    df = counts.shape[1] - 2
    off = max(2 * (best - value), 0.0)
    return ProportionalOdds(
        float(at[-1]), math.sqrt(float(np.linalg.inv(curve)[-1, -1])), value, off, df,
        float(chi2_p(off, df)) if df else math.nan,
    )  # fmt: skip


def _start(counts: np.ndarray) -> np.ndarray:
    """Return the cuts of both groups together, and no difference."""
    total = counts.sum(axis=0).cumsum()[:-1]
    return np.append(special.logit(total / counts.sum()), 0.0)


def _likelihood(counts: np.ndarray, at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log-likelihood, its slope, and the observed information; cuts first, log odds ratio last."""
    n_cuts = len(at) - 1
    value, slope, curve = 0.0, np.zeros(n_cuts + 1), np.zeros((n_cuts + 1, n_cuts + 1))
    for row, other in zip(counts, (False, True), strict=True):
        shift = at[-1] if other else 0.0
        below = special.expit(at[:-1] - shift)
        above = special.expit(shift - at[:-1])
        dense, bend = below * above, below * above * (above - below)
        # Chance of each category, and how it moves with the cuts below and above it.
        edges_low, edges_high = np.append(0.0, below), np.append(below, 1.0)
        tops_low, tops_high = np.append(1.0, above), np.append(above, 0.0)
        share = np.where(edges_low < 0.5, edges_high - edges_low, tops_low - tops_high)
        value += float(special.xlogy(row, share).sum())
        moves = np.zeros((n_cuts + 1, n_cuts + 1))  # category by parameter
        for k in range(n_cuts):
            moves[k, k] += dense[k]
            moves[k + 1, k] -= dense[k]
        if other:
            moves[:, -1] = -moves[:, :-1].sum(axis=1)
        value_by_share = np.divide(row, share, out=np.zeros_like(row), where=row > 0)
        slope += value_by_share @ moves
        twice = np.divide(value_by_share, share, out=np.zeros_like(row), where=row > 0)
        curve += (moves * twice[:, None]).T @ moves
        curve -= _bends(value_by_share, bend, n_cuts, other)
    return value, slope, curve


def _bends(weight: np.ndarray, bend: np.ndarray, n_cuts: int, other: bool) -> np.ndarray:
    """Return Σ weight × second derivatives of the chances."""
    out = np.zeros((n_cuts + 1, n_cuts + 1))
    for k in range(n_cuts):
        net = (weight[k] - weight[k + 1]) * bend[k]
        out[k, k] += net
        if other:
            out[k, -1] -= net
            out[-1, k] -= net
            out[-1, -1] += net
    return out
