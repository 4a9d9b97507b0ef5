"""Cluster-robust covariance of any linearised model: CR0, CR1, CR2, CR3 and Kauermann-Carroll, from its design, weights and residuals.

Not a fit: coefficients and residuals come from the model. Effects of clusters go in as columns of the design, not absorbed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular

from evalkit.errors import InputError
from evalkit.numerics.arguments import one_of
from evalkit.numerics.clustered.adjusting import adjusted
from evalkit.numerics.clustered.robust import Robust

#: Name of each kind, and the adjustment it makes before any factor.
KINDS = {"CR0": "CR0", "CR1": "CR0", "CR1S": "CR0", "CR2": "CR2", "CR3": "CR3", "KC": "KC"}
#: A column whose part of its own is below this share of its length is made up by the others.
_ALIASED = 1e-9


def sandwich(
    design: np.ndarray,
    residual: np.ndarray,
    cluster: Sequence[Any],
    *,
    coef: np.ndarray,
    kind: str = "CR2",
    weight: np.ndarray | Sequence[np.ndarray] | None = None,
    target: np.ndarray | Sequence[np.ndarray] | None = None,
    names: Sequence[str] | None = None,
    scale: np.ndarray | None = None,
) -> Robust:
    """Return the cluster-robust covariance of coefficients that solve Σ D_i'W_i e_i = 0.

    Parameters
    ----------
    design : float array, shape (n, p)
        Design of a linear model, or derivative ∂μ/∂β of another (its intercept included).
    residual : float array, shape (n,)
        y − μ, in the same scale.
    cluster : sequence, length n
        Cluster of each row.
    coef : float array, shape (p,)
        Not read for columns that the others make up.
    kind : {"CR2", "CR0", "CR1", "CR1S", "CR3", "KC"}
        CR1: factor G/(G − 1). CR1S: Stata's G(n − 1)/((G − 1)(n − p)). CR2: Bell and McCaffrey's, unbiased when `target` is
        right. CR3: the jackknife's (Mancl and DeRouen's for GEE). KC: Kauermann and Carroll's, which is CR2 under independence.
    weight : float array of shape (n,), or one block of shape (n_i, n_i) per cluster in order of first appearance, optional
        Working inverse covariance W; default 1. Rows of weight 0 are left out.
    target : the same, optional
        Covariance Φ under which the adjustment is unbiased; default W⁻¹.
    names : sequence of str, optional
        Of the columns.
    scale : float array, shape (n,), optional
        Size of the numbers the residuals were made from (outcomes), to tell a residual from rounding.

    Returns
    -------
    Robust
        With ``contrast`` and ``wald``.

    Raises
    ------
    InputError
        Lengths that differ, unknown kind, a missing cluster, a negative weight, a block of another size, nothing left.

    References
    ----------
    Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics 36:672 (R's clubSandwich); Liang & Zeger (1986),
    Biometrika 73:13.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> y = np.array([1.0, 2, 3, 2, 4, 6])
    >>> fit = sandwich(x, y - x @ [2, 2], [1, 1, 2, 3, 3, 4], coef=np.array([2.0, 2.0]))
    >>> effect = fit.contrast([0, 1])
    >>> round(effect.estimate, 3), round(effect.std_error, 3), round(effect.df, 3)
    (2.0, 1.581, 2.0)
    """
    one_of(kind, KINDS, "kind")
    design, residual = np.asarray(design, dtype=float), np.asarray(residual, dtype=float)
    n, p = design.shape
    names = tuple(f"x{k}" for k in range(p)) if names is None else tuple(names)
    codes, found = pd.factorize(np.asarray(cluster, dtype=object), use_na_sentinel=True)
    if {len(residual), len(codes)} != {n} or len(names) != p:
        raise InputError(
            f"clusters: {n} rows and {p} columns, but {len(residual)} residuals, {len(codes)} clusters, "
            f"{len(names)} names"
        )
    if lacking := int((codes < 0).sum()):
        raise InputError(f"cluster: missing in {lacking} of {n} rows; say which cluster each row belongs to")
    order = np.argsort(codes, kind="stable")
    w, phi = _covariances(weight, target, codes, order, len(found))
    if isinstance(w, np.ndarray) and not w.all():
        order, phi, w = order[w > 0], phi[w > 0], w[w > 0]
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    sizes = np.diff(np.r_[starts, len(order)])
    if len(order) == 0:
        raise InputError("clusters: no row has a weight above 0")
    x, e = design[order], residual[order]
    estimable, root = independent(_times_root(w, x, starts, sizes))
    u = solve_triangular(root, x[:, estimable].T, trans="T").T
    wu = _times(w, u, starts, sizes)
    middle = wu.T @ _times(phi, wu, starts, sizes)
    f = _adjusted_rows(KINDS[kind], u, wu, phi, middle, starts, sizes)
    f = f * math.sqrt(_factor(kind, len(starts), len(order), u.shape[1]))
    scores = np.add.reduceat(f * e[:, None], starts, axis=0)
    half = solve_triangular(root, scores.T)
    covariance = np.full((p, p), math.nan)
    covariance[np.ix_(estimable, estimable)] = half @ half.T
    size = (
        np.abs(e) if scale is None else np.maximum(np.abs(e), np.abs(np.asarray(scale, dtype=float))[order])
    )
    return Robust(
        coef=np.where(estimable, np.asarray(coef, dtype=float), math.nan),
        covariance=covariance,
        kind=kind,
        names=names,
        aliased=tuple(name for name, kept in zip(names, estimable, strict=True) if not kept),
        n=len(order),
        n_clusters=len(starts),
        estimable=estimable,
        root=root,
        starts=starts,
        rows=(u, wu, f, _times(phi, f, starts, sizes)),
        middle=middle,
        alone=_alone(u, wu, starts, sizes),
        magnitude=np.abs(wu).T @ size,
    )


def _covariances(
    weight: Any, target: Any, codes: np.ndarray, order: np.ndarray, clusters: int
) -> tuple[Any, Any]:
    """Return W and Φ, row by row in the order of clusters: both diagonals, or both lists of blocks."""
    n = len(codes)
    given = {"weight": weight, "target": target}
    blocks = {k: _is_blocks(v) for k, v in given.items()}
    for name, value in given.items():
        if value is None:
            continue
        if blocks[name]:
            shapes = [np.shape(b) for b in value]
            if shapes != [(k, k) for k in np.bincount(codes, minlength=clusters).tolist()]:
                raise InputError(
                    f"{name}: needs one square block per cluster, in order of first appearance, but has {shapes[:5]}"
                )
            given[name] = [np.asarray(b, dtype=float) for b in value]
            continue
        found = np.asarray(value, dtype=float)
        if found.shape != (n,) or not np.isfinite(found).all() or (found < 0).any():
            raise InputError(f"{name}: must be {n} finite numbers, none negative, one per row")
        given[name] = found[order]
    if not any(blocks.values()):
        w = np.ones(n) if weight is None else given["weight"]
        with np.errstate(divide="ignore"):
            return w, (1 / w if target is None else given["target"])
    ends = np.cumsum(np.bincount(codes, minlength=clusters))[:-1]
    full = {
        name: value if value is None or blocks[name] else [np.diag(d) for d in np.split(value, ends)]
        for name, value in given.items()
    }
    w = full["weight"] or [np.eye(len(b)) for b in full["target"]]
    return w, full["target"] or [np.linalg.inv(b) for b in w]


def _is_blocks(value: Any) -> bool:
    return value is not None and len(value) > 0 and np.ndim(value[0]) == 2


def _times(matrix: Any, rows: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    if isinstance(matrix, np.ndarray):
        return matrix[:, None] * rows
    return np.vstack([b @ rows[s : s + k] for b, s, k in zip(matrix, starts, sizes, strict=True)])


def _times_root(matrix: Any, rows: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    root = np.sqrt(matrix) if isinstance(matrix, np.ndarray) else [np.linalg.cholesky(b).T for b in matrix]
    return _times(root, rows, starts, sizes)


def independent(whitened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which columns are not made up by those before them, and R of those."""
    estimable = np.ones(whitened.shape[1], dtype=bool)
    while True:
        kept = whitened[:, estimable]
        if kept.shape[1] == 0:
            raise InputError("design: every column is zero")
        root = np.linalg.qr(kept[:, : len(kept)], mode="r")
        length = np.sqrt((kept**2).sum(axis=0))
        own = np.zeros(kept.shape[1])
        own[: len(root)] = np.abs(np.diag(root))
        low = np.flatnonzero(own <= _ALIASED * length)
        if len(low) == 0:
            return estimable, root
        estimable[np.flatnonzero(estimable)[low[0]]] = False


def _adjusted_rows(
    adjustment: str,
    u: np.ndarray,
    wu: np.ndarray,
    phi: Any,
    middle: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    """Return A'WU, clusters of one size at once."""
    out = np.empty_like(u)
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        # Not more than some millions of cells at a time.
        for part in np.array_split(chosen, math.ceil(len(chosen) * size * min(size, 300) / 4e6)):
            rows = starts[part][:, None] + np.arange(size)
            covariance = phi[rows] if isinstance(phi, np.ndarray) else np.stack([phi[k] for k in part])
            out[rows] = adjusted(adjustment, u[rows], wu[rows], covariance, middle)
    return out


def _alone(u: np.ndarray, wu: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return Σ vv' over the directions v that one cluster decides alone: U_j'W_jU_j v = v, hence no other row has them."""
    total = np.zeros((u.shape[1], u.shape[1]))
    # An eigenvalue of 1 needs a trace of 1; most clusters are far from it.
    trace = np.add.reduceat((u * wu).sum(axis=1), starts)
    for j in np.flatnonzero(trace > 1 - 1e-9):
        rows = slice(starts[j], starts[j] + sizes[j])
        # Only directions that its own rows span: with many effects of clusters they are far fewer than columns.
        span = np.linalg.qr(u[rows].T)[0]
        values, vectors = np.linalg.eigh((u[rows] @ span).T @ (wu[rows] @ span))
        mine = span @ vectors[:, values > 1 - 1e-9]
        total += mine @ mine.T
    return total


def _factor(kind: str, clusters: int, n: int, p: int) -> float:
    if kind not in ("CR1", "CR1S") or clusters < 2:
        return 1.0
    factor = clusters / (clusters - 1)
    return factor * (n - 1) / (n - p) if kind == "CR1S" and n > p else factor
