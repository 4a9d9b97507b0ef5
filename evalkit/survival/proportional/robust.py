"""Variances that hold when rows of one cluster depend on each other, and when they do not exist.

Not for choosing what the clusters are: the analyst names them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.proportional.partial import Likelihood, Pass
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which rows go together.

    Parameters
    ----------
    name : str
        Empty when each row or person is on its own.
    code : int array, shape (n,)
    n : int
    """

    name: str
    code: np.ndarray
    n: int


def find_clusters(tte: TimeToEvent, cluster: str | None, robust: bool) -> Clusters | None:
    """Return the clusters asked for, None when a model-based variance was.

    Raises
    ------
    InputError
        No such column, or missing values in it.
    """
    if cluster is None and not robust:
        return None
    if cluster is None:
        values = np.arange(tte.n) if tte.id is None else tte.id
    elif cluster in tte.covariates:
        values = tte.covariates[cluster]
    elif cluster == "id" and tte.id is not None:
        values = tte.id
    else:
        have = ", ".join(map(str, tte.covariates.columns)) or "none"
        raise InputError(f"cluster: no column {cluster!r} among the covariates, nor ids; they are {have}")
    code, found = pd.factorize(values)
    if (code < 0).any():
        n = int((code < 0).sum())
        raise InputError(
            f"cluster: {cluster!r} is missing in {n} of {tte.n} rows; say which cluster they are in"
        )
    return Clusters(cluster or "", code, len(found))


def sandwich(
    likelihood: Likelihood,
    seen: Pass,
    covariance: np.ndarray,
    clusters: Clusters,
    times_counted: np.ndarray | None,
) -> np.ndarray:
    """Return the robust covariance of the estimated coefficients, nan for the others.

    Parameters
    ----------
    likelihood, seen
        With one part, at the maximum.
    covariance : float array, shape (p, p)
        Model-based; nan where not estimated.
    clusters : Clusters
    times_counted : float array, shape (n,), optional
        Frequency weights of rows that are independent people: their squares, not their sums, repeat.

    Notes
    -----
    D'D with D the residuals of each cluster times the inverse information (Lin & Wei 1989; R's ``cluster``).
    """
    solid = ~np.isnan(np.diag(covariance))
    if times_counted is None:
        score = likelihood.residuals(seen, [clusters.code], clusters.n)
    else:
        score = likelihood.residuals(seen, [clusters.code], clusters.n) / np.sqrt(times_counted)[:, None]
    moved = score[:, solid] @ covariance[np.ix_(solid, solid)]
    out = np.full_like(covariance, np.nan)
    out[np.ix_(solid, solid)] = moved.T @ moved
    return out


def without_variance(matrix: np.ndarray, clusters: Clusters) -> dict[int, Message]:
    """Return the columns whose robust variance cannot be estimated, and why.

    Two clusters in all; or a column that is the same all through each cluster and has one of its two values in one cluster only.
    """
    if clusters.n <= 2:
        reason = message("survival.two_clusters", n_clusters=clusters.n)
        return dict.fromkeys(range(matrix.shape[1]), reason)
    first = np.full(clusters.n, -1, dtype=np.int64)
    # The first row of each cluster stands for it: written last, it stays.
    first[clusters.code[::-1]] = np.arange(len(clusters.code))[::-1]
    found = {}
    for k in range(matrix.shape[1]):
        column = matrix[:, k]
        values = column[first]
        if not np.array_equal(values[clusters.code], column):
            continue
        distinct, counts = np.unique(values, return_counts=True)
        if len(distinct) == 2 and counts.min() == 1:
            found[k] = message("survival.cluster_per_arm", value=float(distinct[counts.argmin()]))
    return found


def without_spread(model: np.ndarray, covariance: np.ndarray) -> dict[int, Message]:
    """Take away the robust variance of coefficients that nobody moves: a few people in balance tell nothing of the precision."""
    found = np.diag(covariance)
    still = np.flatnonzero(np.isfinite(found) & (found <= 1e-16 * np.diag(model)))
    covariance[still] = covariance[:, still] = np.nan
    return dict.fromkeys(still.tolist(), message("survival.no_spread"))
