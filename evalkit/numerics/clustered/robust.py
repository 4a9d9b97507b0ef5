"""What a cluster-robust fit answers: a contrast with its standard error and degrees of freedom, several at once with their F test.

Not the sandwich: `sandwich` makes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.linalg import solve_triangular

from evalkit.errors import InputError

#: A standard error below this share of what it is computed from is rounding.
_ROUNDING = 1e-11
#: A contrast whose squared part in what one cluster decides alone is above this has no standard error.
_ALONE = 1e-10


@dataclass(frozen=True)
class Contrast:
    """One combination of coefficients.

    Parameters
    ----------
    estimate, std_error, df : float
        The degrees of freedom are Satterthwaite's; nan with the standard error when there is a `reason`.
    reason : {None, "aliased", "no_spread", "one_cluster_alone"}
        Why there is no standard error: the contrast uses a collinear column; the residuals it rests on are zero but for rounding (a
        perfect fit); a single cluster decides part of it (the only treated one, one per arm), whose residuals cancel whatever
        it is, so that nothing says how it might have differed.
    """

    estimate: float
    std_error: float
    df: float
    reason: str | None = None

    @property
    def statistic(self) -> float:
        """Estimate over standard error."""
        return self.estimate / self.std_error

    def p_value(self, null: float = 0.0, alternative: str = "two-sided") -> float:
        """Return the p-value of Student's law, never 0; nan without a standard error."""
        if self.reason is not None:
            return math.nan
        t = (self.estimate - null) / self.std_error
        tail = {"greater": t, "less": -t, "two-sided": abs(t)}[alternative]
        p = float(stats.t.sf(tail, self.df)) * (2 if alternative == "two-sided" else 1)
        return max(min(p, 1.0), float(np.finfo(float).tiny))

    def interval(self, conf_level: float = 0.95) -> tuple[float, float]:
        """Return the interval of Student's law; nan without a standard error."""
        if self.reason is not None:
            return math.nan, math.nan
        reach = float(stats.t.isf((1 - conf_level) / 2, self.df)) * self.std_error
        return self.estimate - reach, self.estimate + reach


@dataclass(frozen=True)
class Wald:
    """A test that several contrasts are all zero.

    Parameters
    ----------
    statistic : float
        F, scaled as Hotelling's T².
    df_num, df_den, p_value : float
    reason : str or None
        As in `Contrast`, and "few_clusters": the clusters leave no degrees of freedom for so many contrasts at once.
    """

    statistic: float
    df_num: float
    df_den: float
    p_value: float
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Robust:
    """Coefficients with their cluster-robust covariance, and what their degrees of freedom are computed from.

    Parameters
    ----------
    coef : float array, shape (p,)
        nan for collinear columns.
    covariance : float array, shape (p, p)
    kind : str
        CR0, CR1, CR1S, CR2, CR3 or KC.
    names : tuple of str
    aliased : tuple of str
        Columns that others make up; they have no coefficient.
    n, n_clusters : int
    estimable : bool array, shape (p,)
    root : float array, shape (k, k)
        Upper triangular R with R'R = X'WX, over the k estimable columns.
    starts : int array, shape (n_clusters,)
        First row of each cluster in the arrays that follow, whose rows go cluster by cluster.
    rows : tuple of four float arrays, shape (n, k)
        U = XR⁻¹, WU, F = A'WU (A the adjustment), ΦF.
    middle : float array, shape (k, k)
        U'WΦWU.
    alone : float array, shape (k, k)
        Projector on the directions that single clusters decide alone.
    magnitude : float array, shape (k,)
        What the scores would be if residuals did not cancel: the scale of rounding.
    """

    coef: np.ndarray
    covariance: np.ndarray
    kind: str
    names: tuple[str, ...]
    aliased: tuple[str, ...]
    n: int
    n_clusters: int
    estimable: np.ndarray
    root: np.ndarray
    starts: np.ndarray
    rows: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    middle: np.ndarray
    alone: np.ndarray
    magnitude: np.ndarray

    def contrast(self, weights: Any) -> Contrast:
        """Return a combination of coefficients with its standard error and Satterthwaite degrees of freedom.

        Parameters
        ----------
        weights : str, or sequence of float, shape (p,)
            Name of a coefficient, or what each is multiplied by.

        Raises
        ------
        InputError
            An unknown name, weights of another length.

        References
        ----------
        Bell & McCaffrey (2002), Survey Methodology 28:169; Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics
        36:672, eq. 11-12.
        """
        c = self._weights(weights)
        if (c[~self.estimable] != 0).any():
            return Contrast(math.nan, math.nan, math.nan, "aliased")
        estimate = float(c[self.estimable] @ self.coef[self.estimable])
        inner = self._inner(c[None, :])
        variance = float(
            c[self.estimable] @ self.covariance[np.ix_(self.estimable, self.estimable)] @ c[self.estimable]
        )
        reason = self._obstacle(inner[:, 0], variance)
        if reason:
            return Contrast(estimate, math.nan, math.nan, reason)
        laws = _Laws(self, inner)
        df = laws.mean[0, 0] ** 2 / laws.product(0, 0, 0, 0)
        return Contrast(estimate, math.sqrt(variance), float(df))

    def wald(self, weights: Sequence[Any]) -> Wald:
        """Return the test that several contrasts are all zero (approximate Hotelling T², "HTZ").

        Parameters
        ----------
        weights : sequence of names or of weights, q of them

        References
        ----------
        Pustejovsky & Tipton (2018), eq. 14-16; Tipton & Pustejovsky (2015), Journal of Educational and Behavioral Statistics 40:604.
        """
        c = np.array([self._weights(w) for w in weights])
        q = len(c)
        if (c[:, ~self.estimable] != 0).any():
            return Wald(math.nan, q, math.nan, math.nan, "aliased")
        kept = c[:, self.estimable]
        if np.linalg.matrix_rank(kept) < q:
            raise InputError(f"contrasts: {q} were given, but some follow from the others")
        inner = self._inner(c)
        covariance = kept @ self.covariance[np.ix_(self.estimable, self.estimable)] @ kept.T
        for at in range(q):
            if reason := self._obstacle(inner[:, at], float(covariance[at, at])):
                return Wald(math.nan, q, math.nan, math.nan, reason)
        laws = _Laws(self, inner)
        values, vectors = np.linalg.eigh(laws.mean)
        small = np.linalg.eigvalsh(_as_correlation(covariance))[0] < 1e-10
        if small or values[0] <= 1e-12 * values[-1]:
            return Wald(math.nan, q, math.nan, math.nan, "few_clusters")
        laws = _Laws(self, inner @ (vectors / np.sqrt(values)) @ vectors.T)
        total = sum(laws.product(s, s, t, t) + laws.product(s, t, t, s) for s in range(q) for t in range(q))
        eta = q * (q + 1) / total
        if eta - q + 1 <= 0:
            return Wald(math.nan, q, math.nan, math.nan, "few_clusters")
        estimates = kept @ self.coef[self.estimable]
        f = (eta - q + 1) / (eta * q) * float(estimates @ np.linalg.solve(covariance, estimates))
        p = max(float(stats.f.sf(f, q, eta - q + 1)), float(np.finfo(float).tiny))
        return Wald(f, q, float(eta - q + 1), p)

    def _weights(self, weights: Any) -> np.ndarray:
        if isinstance(weights, str):
            if weights not in self.names:
                raise InputError(f"contrast: no coefficient {weights!r}; they are {', '.join(self.names)}")
            return np.array([name == weights for name in self.names], dtype=float)
        found = np.asarray(weights, dtype=float)
        if found.shape != (len(self.names),):
            raise InputError(
                f"contrast: needs {len(self.names)} weights, one per coefficient, but has shape {found.shape}"
            )
        return found

    def _inner(self, c: np.ndarray) -> np.ndarray:
        """Return contrasts in the coordinates of the rows, shape (k, q)."""
        return solve_triangular(self.root, c[:, self.estimable].T, trans="T")

    def _obstacle(self, inner: np.ndarray, variance: float) -> str | None:
        if float(inner @ self.alone @ inner) > _ALONE * float(inner @ inner):
            return "one_cluster_alone"
        return None if variance > (_ROUNDING * float(np.abs(inner) @ self.magnitude)) ** 2 else "no_spread"


class _Laws:
    """Under the working model each cluster's score is normal: covariances P_st[j, k] of scores s of cluster j and t of cluster k.

    Never built: P is a diagonal plus a product of thin matrices, [a b] K [a b]', so that a thousand clusters cost no million cells.
    """

    def __init__(self, fit: Robust, inner: np.ndarray) -> None:
        u, wu, f, phi_f = fit.rows
        g, phi_g = f @ inner, phi_f @ inner
        k, q = u.shape[1], inner.shape[1]
        self.thin = [
            np.hstack([
                np.add.reduceat(u * g[:, [s]], fit.starts, axis=0),
                np.add.reduceat(wu * phi_g[:, [s]], fit.starts, axis=0),
            ])
            for s in range(q)
        ]  # fmt: skip
        self.core = np.block([[fit.middle, -np.eye(k)], [-np.eye(k), np.zeros((k, k))]])
        self.own = [[np.add.reduceat(g[:, s] * phi_g[:, t], fit.starts) for t in range(q)] for s in range(q)]
        self.mean = np.array(
            [[self.own[s][t].sum() + self._low(s, t).sum() for t in range(q)] for s in range(q)]
        )

    def product(self, s: int, t: int, v: int, w: int) -> float:
        """Return Σ_jk P_st[j, k] P_vw[j, k]."""
        one, other = self.own[s][t], self.own[v][w]
        # tr(L_st L_vw') with L = X_s K X_t'.
        both = np.sum(
            (self.thin[v].T @ self.thin[s] @ self.core) * (self.core @ self.thin[w].T @ self.thin[t])
        )
        return float(one @ other + one @ self._low(v, w) + other @ self._low(s, t) + both)

    def _low(self, s: int, t: int) -> np.ndarray:
        return np.einsum("jk,kl,jl->j", self.thin[s], self.core, self.thin[t])


def _as_correlation(covariance: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale)
