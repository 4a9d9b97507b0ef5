"""Events observed and expected in each group with their covariance, from sums over the risk set; and each person's score.

Not a test by itself: `family` and `comparing` make tests of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evalkit.survival.core.sample import Sample
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.readings import passed, places
from evalkit.survival.ranks.weighting import Weighting
from evalkit.wording import Message, message


@dataclass(frozen=True, eq=False)
class Totals:
    """What every group contributes, added over strata.

    Parameters
    ----------
    keys : list of tuple
        The groups.
    observed, expected : float arrays, shape (k,)
        Weighted events.
    variance : float array, shape (k, k)
        Hypergeometric covariance of observed less expected.
    size, deaths : float arrays, shape (k,)
        People, events.
    """

    keys: list[tuple]
    observed: np.ndarray
    expected: np.ndarray
    variance: np.ndarray
    size: np.ndarray
    deaths: np.ndarray

    @classmethod
    def of(cls, sums: RiskSums, n_strata_columns: int, weighting: Weighting) -> Totals:
        """Sum over strata, whose values come first in the groups of `sums`."""
        keys = list(dict.fromkeys(group[n_strata_columns:] for group in sums.groups))
        place = {key: j for j, key in enumerate(keys)}
        k = len(keys)
        observed, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
        size, deaths = np.zeros(k), np.zeros(k)
        at_risk, events = sums.n_risk(), sums.exits[:, 1]
        seen = sums.start + sums.entries.sum(axis=1)
        for members in in_strata(sums, n_strata_columns).values():
            here = np.array([place[sums.groups[i][n_strata_columns:]] for i in members])
            size[here] += seen[members]
            deaths[here] += events[members].sum(axis=1)
            happened = np.flatnonzero(events[members].any(axis=0))
            n, d = (a[np.ix_(members, happened)] for a in (at_risk, events))
            everyone, every_death = n.sum(axis=0), d.sum(axis=0)
            weight = weighting.at(everyone, every_death)
            share = n / everyone
            observed[here] += (weight * d).sum(axis=1)
            expected[here] += (weight * share * every_death).sum(axis=1)
            spread = np.divide(
                weight**2 * every_death * (everyone - every_death), everyone - 1,
                out=np.zeros_like(everyone), where=everyone > 1,
            )  # fmt: skip
            variance[np.ix_(here, here)] += np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
        return cls(keys, observed, expected, variance, size, deaths)

    def test(self, line: np.ndarray | None = None) -> tuple[float, float, Message | None]:
        """Return the statistic, its degrees of freedom, and why there is none; along `line`, a score per group, if given."""
        reason = None
        top = self.variance.max(initial=0.0)
        compared = np.flatnonzero(np.diag(self.variance) > 1e-12 * max(top, 1e-300))
        if len(self.observed) < 2:
            reason = message("survival.one_group")
        elif self.deaths.sum() == 0:
            reason = message("survival.no_event")
        elif len(compared) == 0:
            reason = message("survival.no_comparison")
        elif line is not None and np.ptp(line[compared]) == 0:
            reason = message("survival_ranks.no_order")
        if reason is not None:
            return np.nan, np.nan, reason
        gap, square = (self.observed - self.expected)[compared], self.variance[np.ix_(compared, compared)]
        if line is not None:
            # Scores count from their middle: the scale of a constant must not drown what differs.
            slope = line[compared] - line[compared].mean()
            return float((slope @ gap) ** 2 / (slope @ square @ slope)), 1.0, None
        # Differences sum to 0 over the groups compared, so one of them tells nothing more.
        df = int(np.linalg.matrix_rank(square, tol=1e-10 * top))
        return float(gap @ np.linalg.pinv(square, rcond=1e-10, hermitian=True) @ gap), float(df), None


def in_strata(sums: RiskSums, n_strata_columns: int) -> dict[tuple, list[int]]:
    """Return the positions of the groups in each stratum."""
    found: dict[tuple, list[int]] = {}
    for i, group in enumerate(sums.groups):
        found.setdefault(group[:n_strata_columns], []).append(i)
    return found


def only(sums: RiskSums, n_strata_columns: int, keys: list[tuple]) -> RiskSums:
    """Return the sums of some groups alone, in all strata."""
    chosen = [i for i, group in enumerate(sums.groups) if group[n_strata_columns:] in keys]
    return replace(
        sums,
        exits=sums.exits[chosen],
        entries=sums.entries[chosen],
        start=sums.start[chosen],
        groups=tuple(sums.groups[i] for i in chosen),
    )


def rank_scores(rows: Sample, n_strata_columns: int, weighting: Weighting) -> np.ndarray:
    """Return each row's score, weight at its event less the weighted hazard it lived through; a group's sum is its score.

    Returns
    -------
    scores : float array, shape (n,)
    """
    sums = rows.sums(1)
    at, came = places(sums.times, rows.time), passed(sums.times, rows.entry)
    at_risk, events = sums.n_risk(), sums.exits[:, 1]
    scores = np.empty(len(rows.time))
    for members in in_strata(sums, n_strata_columns).values():
        n, d = at_risk[members].sum(axis=0), events[members].sum(axis=0)
        happened = d > 0
        weight = np.zeros(len(n))
        weight[happened] = weighting.at(n[happened], d[happened])
        hazard = np.divide(d, n, out=np.zeros(len(n)), where=happened)
        lived = np.concatenate([[0.0], np.cumsum(weight * hazard)])
        here = np.isin(rows.group, members)
        before = 0.0 if came is None else lived[came[here]]
        scores[here] = weight[at[here]] * (rows.cause[here] > 0) - (lived[at[here] + 1] - before)
    return scores
