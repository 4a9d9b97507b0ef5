"""Inverse square roots of matrices too large to be written: a diagonal plus a product of thin matrices, applied to a few columns.

Not for matrices that fit: those have their eigenvalues computed.
"""

from __future__ import annotations

import numpy as np
from scipy import special

#: Eigenvalues below this share of the largest are zero: the generalised inverse leaves their directions out.
NULL = 1e-11


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    """Return the generalised inverse square root of symmetric non-negative matrices.

    Parameters
    ----------
    matrix : float array, shape (..., n, n)

    Examples
    --------
    >>> inverse_root(np.diag([4.0, 0.0])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = values > NULL * values[..., -1:]
    power = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return (vectors * power[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def inverse_root_times(
    diagonal: np.ndarray,
    thin: np.ndarray,
    core: np.ndarray,
    columns: np.ndarray,
    null: np.ndarray,
    least: float,
) -> np.ndarray:
    """Return G^(−1/2) times some columns, for G = diag(d) + Y S Y'.

    Parameters
    ----------
    diagonal : float array, shape (n,)
    thin : float array Y, shape (n, r)
    core : float array S, shape (r, r)
    columns : float array, shape (n, k)
    null : float array, shape (n, m)
        Orthonormal basis of what G sends to zero (m may be 0).
    least : float
        A lower bound of the other eigenvalues, as a share of the largest of `diagonal`.

    Notes
    -----
    Hale, Higham & Trefethen (2008), SIAM Journal on Numerical Analysis 46:2505, method 3: a sum of resolvents (G + w²)⁻¹, each by
    Woodbury's identity; the error falls as exp(−2π²N / log(largest / least)).
    """
    columns = columns - null @ (null.T @ columns)
    high = 2.0 * float(diagonal.max())
    low = float(diagonal.max()) * least
    nodes = int(np.ceil((np.log(high / low) + 3) * 36 / (2 * np.pi**2)))
    quarter = special.ellipkm1(low / high)
    at = (np.arange(nodes) + 0.5) * quarter / nodes
    far = at > quarter / 2
    # Far nodes are read from the other end of the quarter period, where the elliptic functions keep their digits.
    sn, cn, dn, _ = special.ellipj(np.where(far, quarter - at, at), 1 - low / high)
    k = np.sqrt(low / high)
    shift = low * np.where(far, cn / (k * sn), sn / cn) ** 2
    weight = np.where(far, dn / (k * sn**2), dn / cn**2)
    total = np.zeros_like(columns)
    for w2, share in zip(shift, weight, strict=True):
        inverse = 1 / (diagonal + w2)
        one, two = inverse[:, None] * columns, inverse[:, None] * thin
        bridge = np.linalg.solve(np.eye(len(core)) + core @ (thin.T @ two), core @ (thin.T @ one))
        total += share * (one - two @ bridge)
    total *= 2 * quarter * np.sqrt(low) / (np.pi * nodes)
    return total - null @ (null.T @ total)
