"""Inference on the coefficients of a mixed model that few people leave: Kenward and Roger's, or Satterthwaite's degrees of freedom.

Not a fit: `variances` finds the top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from evalkit.comparison.repeated.variances import Top
from evalkit.numerics.clustered import Contrast, Wald

METHODS = ("kenward_roger", "satterthwaite")


@dataclass(frozen=True, eq=False)
class Small:
    """What contrasts of a mixed model are computed from.

    Parameters
    ----------
    beta : float array, shape (p,)
    covariance : float array, shape (p, p)
        Of the coefficients at the variances found.
    corrected : float array, shape (p, p)
        Kenward and Roger's; the same as `covariance` with Satterthwaite.
    moves : float array, shape (r, p, p)
        Derivative of `covariance` by each of the r variances, with the sign turned.
    spread : float array, shape (r, r)
        Covariance of the estimated variances.
    identified : bool
        Whether the data tell the variances apart.
    """

    beta: np.ndarray
    covariance: np.ndarray
    corrected: np.ndarray
    moves: np.ndarray
    spread: np.ndarray
    identified: bool

    def contrast(self, weights: np.ndarray) -> Contrast:
        """Return a combination of coefficients with its degrees of freedom.

        References
        ----------
        Kenward & Roger (1997), Biometrics 53:983, section 3 (for one combination their degrees of freedom are Satterthwaite's
        with the expected information, and their factor is 1).
        """
        c = np.asarray(weights, dtype=float)
        plain = float(c @ self.covariance @ c)
        turned = np.einsum("i,rij,j->r", c, self.moves, c)
        variance = float(turned @ self.spread @ turned)
        df = 2 * plain**2 / variance if variance > 0 else math.inf
        return Contrast(float(c @ self.beta), math.sqrt(float(c @ self.corrected @ c)), df)

    def wald(self, weights: Sequence[Any]) -> Wald:
        """Return Kenward and Roger's F test that several combinations are all zero.

        References
        ----------
        Kenward & Roger (1997), Biometrics 53:983, pages 987-988; special cases as in Halekoh & Højsgaard (2014), Journal of
        Statistical Software 59(9), section 3.
        """
        c = np.array(weights, dtype=float)
        q = len(c)
        inverse = np.linalg.inv(c @ self.covariance @ c.T)
        turned = np.einsum("ai,rij,bj,bc->rac", c, self.moves, c, inverse)
        traces = np.einsum("raa->r", turned)
        a1 = float(traces @ self.spread @ traces)
        a2 = float(np.einsum("rs,rab,sba->", self.spread, turned, turned))
        factor, df = _scaled(a1, a2, q)
        estimate = c @ self.beta
        f = factor / q * float(estimate @ np.linalg.solve(c @ self.corrected @ c.T, estimate))
        if not (math.isfinite(df) and df > 0 and f >= 0):
            return Wald(math.nan, q, math.nan, math.nan, "few_clusters")
        return Wald(f, q, df, max(float(stats.f.sf(f, q, df)), float(np.finfo(float).tiny)))


def _scaled(a1: float, a2: float, q: int) -> tuple[float, float]:
    """Return the factor of the F statistic and its denominator degrees of freedom."""
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    c1, c2, c3 = (v / (3 * q + 2 * (1 - g)) for v in (g, q - g, q + 2 - g))
    v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
    v0 = 0.0 if abs(v0) < 1e-10 else v0
    rho = ((1 - a2 / q) / v1) ** 2 * v0 / v2 / q if v1 else math.inf
    df = 4 + (q + 2) / (q * rho - 1)
    factor = 1.0 if abs(df - 2) < 1e-2 else df * (1 - a2 / q) / (df - 2)
    return factor, df


def small_sample(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, person: np.ndarray, top: Top, reml: bool, method: str
) -> Small:
    """Return what contrasts need, at the top of the likelihood.

    Parameters
    ----------
    x : float array, shape (n, p)
    y : float array, shape (n,)
    z : float array, shape (n, q)
    person : int array, shape (n,)
        Sorted, from 0 without gaps.
    top : Top
    reml : bool
    method : {"kenward_roger", "satterthwaite"}
        Satterthwaite's uses the observed information of the variances; the expected one where a variance is 0, as Kenward and
        Roger's.
    """
    xs, residual, zs, there = (padded(v, person) for v in (x, y - x @ top.beta, z, np.ones(len(y))))
    q, p = z.shape[1], x.shape[1]
    eye = np.eye(xs.shape[1])
    units = [np.outer(np.eye(q)[a], np.eye(q)[b]) for a in range(q) for b in range(a + 1)]
    units = [(u + u.T) / (1 + np.array_equal(u, u.T)) for u in units]
    by = [np.einsum("ita,ab,isb->its", zs, u, zs) for u in units] + [there[:, :, None] * eye]
    v = (
        np.einsum("ita,ab,isb->its", zs, top.between, zs)
        + eye * np.where(there, top.sigma**2, 1.0)[:, :, None]
    )
    inverse = np.linalg.inv(v)
    vx = inverse @ xs
    covariance = np.linalg.inv(np.einsum("itk,itl->kl", xs, vx))
    turned = [inverse @ d for d in by]
    first = np.array([-np.einsum("itk,its,isl->kl", vx, d, vx) for d in by])
    r = len(by)
    second = np.array([
        [np.einsum("itk,its,isu,iul->kl", vx, by[a], turned[b], vx) for b in range(r)] for a in range(r)
    ])  # fmt: skip
    traces = np.array([[np.einsum("its,ist->", turned[a], turned[b]) for b in range(r)] for a in range(r)])
    reduced = traces - np.array([
        [2 * np.trace(covariance @ second[a, b]) - np.trace(covariance @ first[a] @ covariance @ first[b]) for b in range(r)]
        for a in range(r)
    ])  # fmt: skip
    expected = reduced / 2
    size = np.sqrt(np.maximum(np.diag(expected), 0.0))
    identified = bool(size.all() and np.linalg.eigvalsh(expected / np.outer(size, size))[0] > 1e-8)
    moves = np.array([covariance @ f @ covariance for f in first])
    if not identified:
        return Small(top.beta, covariance, covariance, moves, np.zeros((r, r)), False)
    spread = np.linalg.inv(expected)
    if method == "satterthwaite":
        u = np.einsum("its,is->it", inverse, residual)
        du = [np.einsum("its,is->it", d, u) for d in by]
        weighed = [np.einsum("its,is->it", inverse, d) for d in du]
        xu = [np.einsum("itk,it->k", vx, d) for d in du]
        squares = np.array([
            [np.einsum("it,it->", du[a], weighed[b]) - xu[a] @ covariance @ xu[b] for b in range(r)] for a in range(r)
        ])  # fmt: skip
        observed = squares - (reduced if reml else traces) / 2
        if not top.singular and np.linalg.eigvalsh(observed / np.outer(size, size))[0] > 1e-8:
            spread = np.linalg.inv(observed)
        return Small(top.beta, covariance, covariance, moves, spread, True)
    gain = np.zeros((p, p))
    for a in range(r):
        for b in range(r):
            gain += spread[a, b] * (second[a, b] - first[a] @ covariance @ first[b])
    corrected = covariance + 2 * covariance @ gain @ covariance
    return Small(top.beta, covariance, (corrected + corrected.T) / 2, moves, spread, True)


def padded(values: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Return rows as one block a person, filled with zeros where somebody has fewer."""
    counts = np.bincount(person)
    place = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = np.zeros((len(counts), counts.max(), *values.shape[1:]))
    out[person, place] = values
    return out
