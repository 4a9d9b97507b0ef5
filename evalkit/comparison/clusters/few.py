"""How many clusters each arm has, and when they are too few for any test.

Not a test: it says whether one can be made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.clustered import Robust
from evalkit.wording import Message, message

#: Below so many degrees of freedom Satterthwaite's approximation is not trusted (Pustejovsky & Tipton 2018, section 4).
FEW = 4.0


@dataclass(frozen=True)
class Arms:
    """Clusters and people by arm, the reference first.

    Parameters
    ----------
    clusters : (int, int)
        Clusters with at least one person in the arm; a cluster with both counts twice.
    people : (int, int)
    mixed : int
        Clusters with people of both arms.
    total : int
        Clusters in all.
    """

    clusters: tuple[int, int]
    people: tuple[int, int]
    mixed: int
    total: int

    @property
    def obstacle(self) -> Message | None:
        """Return why no test can be made, or None."""
        if self.total == 1:
            return message("comparison_clusters.one_cluster")
        if min(self.people) == 0:
            return message("comparison_clusters.empty_arm")
        if self.clusters == (1, 1):
            return message("comparison_clusters.one_each")
        if self.clusters[1] == 1:
            return message("comparison_clusters.one_treated", others=self.clusters[0])
        if self.clusters[0] == 1:
            return message("comparison_clusters.one_control", others=self.clusters[1])
        return None


def count_arms(treated: Any, cluster: Sequence[Any]) -> Arms:
    """Return clusters and people by arm.

    Parameters
    ----------
    treated : bool or 0/1 array, shape (n,)
    cluster : sequence, length n
        Any labels, none missing.

    Examples
    --------
    >>> count_arms([0, 0, 1, 1, 1], ["a", "b", "c", "c", "d"])
    Arms(clusters=(2, 2), people=(2, 3), mixed=0, total=4)
    """
    treated = np.asarray(treated, dtype=float)
    codes, found = pd.factorize(np.asarray(cluster, dtype=object))
    if len(codes) != len(treated) or (codes < 0).any():
        raise InputError(f"cluster: needs one label per row, {len(treated)} of them, none missing")
    if not np.isin(treated, (0, 1)).all():
        raise InputError("treated: must hold 0 and 1 (or False and True), one per row")
    holds = [np.bincount(codes[treated == arm], minlength=len(found)) > 0 for arm in (0, 1)]
    return Arms(
        (int(holds[0].sum()), int(holds[1].sum())),
        (int((treated == 0).sum()), int((treated == 1).sum())),
        int((holds[0] & holds[1]).sum()),
        len(found),
    )


def refuse_few_clusters(treated: Any, cluster: Sequence[Any]) -> Message | None:
    """Return why clusters are too few for a standard error, a test or an interval; None when they are not.

    One cluster in an arm (two sites, one treated region) leaves nothing to tell the programme from what sets that cluster apart
    anyway: its residuals cancel whatever it is, and robust, bootstrap and jackknife formulas then print precision out of nothing.

    Parameters
    ----------
    treated : bool or 0/1 array, shape (n,)
    cluster : sequence, length n

    References
    ----------
    Donald & Lang (2007), Review of Economics and Statistics 89:221; MacKinnon & Webb (2017), Journal of Applied Econometrics 32:233.

    Examples
    --------
    >>> refuse_few_clusters([0, 0, 1, 1], ["Est", "Est", "Nord", "Nord"]).key
    'comparison_clusters.one_each'
    >>> refuse_few_clusters([0, 0, 1, 1], ["a", "b", "c", "d"]) is None
    True
    """
    return count_arms(treated, cluster).obstacle


def why_not(reason: str, fit: Robust) -> Message:
    """Return in words why a contrast has no standard error; `reason` is that of `Contrast` or `Wald`."""
    if reason == "aliased":
        return message("comparison_clusters.aliased", columns=list(fit.aliased))
    if reason == "one_cluster_alone" and fit.n_clusters == 1:
        return message("comparison_clusters.one_cluster")
    return message(f"comparison_clusters.{reason}")
