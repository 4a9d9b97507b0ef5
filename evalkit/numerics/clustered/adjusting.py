"""Adjustments of a cluster's scores for the leverage that few clusters have on their own fit.

Not the covariance: `sandwich` sums what is adjusted here. Arrays hold several clusters of one size; the design is orthonormal in
the weights, U'WU = I.
"""

from __future__ import annotations

import numpy as np

from evalkit.numerics.clustered.roots import NULL, inverse_root, inverse_root_times

#: Largest cluster whose matrix is written down when its people differ in variance.
_WRITTEN = 300


def adjusted(kind: str, u: np.ndarray, wu: np.ndarray, phi: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return A'WU of each cluster.

    Parameters
    ----------
    kind : {"CR0", "CR2", "CR3", "KC"}
    u, wu : float arrays, shape (clusters, n, k)
    phi : float array, shape (clusters, n) or (clusters, n, n)
        Working covariance, its diagonal alone when there is nothing else.
    middle : float array, shape (k, k)
        U'WΦWU over all clusters; the identity when Φ = W⁻¹.

    Returns
    -------
    float array, shape (clusters, n, k)

    Notes
    -----
    With H = UU'W and B = (I − H)Φ(I − H)' seen in one cluster: CR2 is A = V'(VBV')^(−1/2)V with V'V = Φ; Kauermann and Carroll's is
    A = (I − H)^(−1/2), the same when Φ is a multiple of the identity in the cluster; CR3 is A = (I − H)⁻¹. Generalised inverses where
    a cluster decides something alone.

    References
    ----------
    Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics 36:672, eq. 7 and Theorem 1; Kauermann & Carroll (2001),
    Journal of the American Statistical Association 96:1387; Bell & McCaffrey (2002), Survey Methodology 28:169.
    """
    if kind == "CR0":
        return wu
    if kind == "CR3":
        values, vectors = np.linalg.eigh(np.swapaxes(u, 1, 2) @ wu)
        left = 1 - values
        power = np.where(left > NULL, 1 / np.where(left > NULL, left, 1.0), 0.0)
        return wu @ ((vectors * power[:, None, :]) @ np.swapaxes(vectors, 1, 2))
    size, k = u.shape[1:]
    if phi.ndim == 3 or size <= 2 * k:
        return _written(kind, u, wu, phi, middle)
    alike = kind == "KC" or bool((np.ptp(phi, axis=1) <= 1e-14 * phi.max(axis=1)).all())
    if alike:
        return _thin(u, wu, phi, middle)[0]
    if size <= _WRITTEN:
        return _written(kind, u, wu, phi, middle)
    return np.stack([_large(*each, middle) for each in zip(u, wu, phi, strict=True)])


def _written(kind: str, u: np.ndarray, wu: np.ndarray, phi: np.ndarray, middle: np.ndarray) -> np.ndarray:
    if phi.ndim == 2:
        phi = phi[:, :, None] * np.eye(phi.shape[1])
    lower = np.linalg.cholesky(phi)
    upper = np.swapaxes(lower, 1, 2)
    cross = u @ np.swapaxes(phi @ wu, 1, 2)
    b = phi - cross - np.swapaxes(cross, 1, 2) + u @ middle @ np.swapaxes(u, 1, 2)
    if kind == "CR2":
        return lower @ inverse_root(upper @ b @ lower) @ upper @ wu
    half = np.linalg.solve(lower, b)
    inner = inverse_root(np.linalg.solve(lower, np.swapaxes(half, 1, 2)))
    return np.linalg.solve(upper, inner @ upper @ wu)


def _thin(
    u: np.ndarray, wu: np.ndarray, phi: np.ndarray, middle: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Φ^(−1/2) K^(−1/2) Φ^(1/2) WU, K in the span of the design, and that span, with K = Φ^(−1/2)BΦ^(−1/2)."""
    s = np.sqrt(phi)[:, :, None]
    span = np.linalg.qr(np.concatenate([u / s, s * wu], axis=2))[0]
    back = np.swapaxes(span, 1, 2)
    one, other = back @ (u / s), back @ (s * wu)
    cross = one @ np.swapaxes(other, 1, 2)
    inner = np.eye(span.shape[2]) - cross - np.swapaxes(cross, 1, 2) + one @ middle @ np.swapaxes(one, 1, 2)
    return span @ (inverse_root(inner) @ other) / s, inner, span


def _large(u: np.ndarray, wu: np.ndarray, phi: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return CR2's A'WU of one cluster without any matrix as wide as the cluster."""
    k = u.shape[1]
    _, inner, span = _thin(u[None], wu[None], phi[None], middle)
    values, vectors = np.linalg.eigh(inner[0])
    zero = values <= NULL * max(values[-1], 1.0)
    # VBV'x = 0 where K sends Φx to zero.
    null = np.linalg.qr((span[0] @ vectors[:, zero]) / phi[:, None])[0]
    least = 0.01 * min(1.0, values[~zero].min()) * (phi.min() / phi.max()) ** 2
    v = np.sqrt(phi)[:, None]
    core = np.block([[middle, -np.eye(k)], [-np.eye(k), np.zeros((k, k))]])
    thin = np.hstack([v * u, v * phi[:, None] * wu])
    return v * inverse_root_times(phi**2, thin, core, v * wu, null, least)
