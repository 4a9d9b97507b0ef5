"""How alike people of one cluster are, and how many people they are worth.

Not a test of clustering: with few clusters the interval is wide, and that is the answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Alike:
    """Intracluster correlation by analysis of variance.

    Parameters
    ----------
    icc, low, high : float
        nan when no cluster has two people, or nobody differs. May be negative: people of a cluster less alike than strangers.
    design_effect : float
        By how much clusters multiply the variance of a mean, 1 + (m − 1) ICC, ICC taken as 0 when negative.
    size : float
        m, the mean cluster size weighted by itself, Σn²/Σn.
    """

    icc: float
    low: float
    high: float
    design_effect: float
    size: float


def alike(
    outcome: np.ndarray, cluster: Sequence[Any], treated: np.ndarray | None = None, conf_level: float = 0.95
) -> Alike:
    """Return the intracluster correlation, within arms when arms are given.

    Parameters
    ----------
    outcome : float array, shape (n,)
    cluster : sequence, length n
    treated : bool array, shape (n,), optional
        A cluster with people of both arms counts as two.
    conf_level : float

    Notes
    -----
    Donner (1986), International Statistical Review 54:67: (MSB − MSW)/(MSB + (n₀ − 1)MSW), n₀ = (N − Σ_arms Σn²/N_arm)/(G − arms). The
    interval is Searle's, exact for normal outcomes and clusters of one size, with n₀ for their size otherwise (Searle 1971, Linear
    Models, section 9.8). Kerry & Bland (2001), Statistics in Medicine 20:377, for the design effect under unequal sizes.

    Examples
    --------
    >>> found = alike(np.array([1.0, 2, 2, 3, 7, 8]), ["a", "a", "b", "b", "c", "c"])
    >>> round(found.icc, 3), round(found.design_effect, 3)
    (0.953, 1.953)
    """
    arm = np.zeros(len(outcome), dtype=int) if treated is None else np.asarray(treated, dtype=int)
    codes = pd.factorize(np.asarray(cluster, dtype=object))[0]
    table = pd.DataFrame({"y": outcome, "arm": arm, "cluster": codes})
    groups = table.groupby(["arm", "cluster"])["y"].agg(["size", "mean"]).reset_index()
    n, k, arms = len(table), len(groups), groups["arm"].nunique()
    size = float((groups["size"] ** 2).sum() / n)
    unknown = Alike(math.nan, math.nan, math.nan, math.nan, size)
    if k == n or k <= arms:
        return unknown
    means = groups.merge(table.groupby("arm")["y"].agg(["mean", "size"]), left_on="arm", right_index=True)
    between = float((means["size_x"] * (means["mean_x"] - means["mean_y"]) ** 2).sum()) / (k - arms)
    own = table.groupby(["arm", "cluster"])["y"].transform("mean")
    within = float(((table["y"] - own) ** 2).sum()) / (n - k)
    n0 = (n - float((means["size_x"] ** 2 / means["size_y"]).sum())) / (k - arms)
    scale = float(np.abs(outcome).max()) ** 2
    if between + (n0 - 1) * within <= 1e-20 * scale:
        return unknown
    icc = (between - within) / (between + (n0 - 1) * within)
    low, high = math.nan, math.nan
    if within > 1e-20 * scale:
        ratio, tail = between / within, (1 - conf_level) / 2
        ends = [ratio / stats.f.ppf(q, k - arms, n - k) for q in (1 - tail, tail)]
        low, high = ((f - 1) / (f + n0 - 1) for f in ends)
    return Alike(icc, float(low), float(high), 1 + (size - 1) * max(icc, 0.0), size)
