"""The chance of being under observation at a time, by group: what weighs those who left by another exit.

Not a curve of exits: it says how observation ends (and begins), so that a person who left otherwise counts for those of
his kind who would still be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.survival.core.sums import SAME_TIME, RiskSums, whole_days


@dataclass(frozen=True, eq=False)
class Observation:
    """The chance of being under observation just before any time, known up to a factor of each group.

    Parameters
    ----------
    times : float array, shape (m,)
        Distinct and ascending.
    before : float array, shape (g, m + 1)
        The chance just before each time, and after the last one.
    at_risk, censored : float arrays, shape (g, m)
        Weight that could be censored at each time, and weight that was.
    late : bool
        Whether anybody came after the origin.
    """

    times: np.ndarray
    before: np.ndarray
    at_risk: np.ndarray
    censored: np.ndarray
    late: bool

    @classmethod
    def of(cls, sums: RiskSums) -> Observation:
        """Read it from sums over the risk set, which may be those of several parts added.

        Notes
        -----
        The Kaplan-Meier estimate G(t-) of the censoring (Fine & Gray 1999, §4). Without late entries, somebody who exits at t could
        have been censored at t, as in ``cmprsk::crr``, and G is 0 after the last time of a group. With late entries it is G(t-) H(t-)
        (Geskus 2011, eq. 10), H running back in time over entries, and exits at t come before censorings at t, as in R's
        ``survival::finegray``.

        Examples
        --------
        >>> sums = RiskSums.of(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 1, 0, 1]))
        >>> Observation.of(sums).before.round(3).tolist()
        [[1.0, 0.75, 0.75, 0.375, 0.0]]
        """
        at_risk, censored = sums.n_risk(), sums.exits[:, 0]
        exited = sums.exits[:, 1:].sum(axis=1)
        late = bool(sums.entries.any())
        could = at_risk - exited if late else at_risk
        left = np.divide(censored, could, out=np.zeros_like(could), where=censored > 0)
        start = np.ones((len(could), 1))
        before = np.concatenate([start, np.cumprod(np.maximum(1 - left, 0.0), axis=1)], axis=1)
        before[before < 1e-15] = 0.0
        if late:
            after = at_risk - exited - censored + sums.entries
            came = np.divide(sums.entries, after, out=np.zeros_like(after), where=sums.entries > 0)
            seen = np.cumprod((1 - came)[:, ::-1], axis=1)[:, ::-1]
            before *= np.concatenate([np.where(seen < 1e-15, 0.0, seen), start], axis=1)
        for group, gone in enumerate(sums.exits.any(axis=1)):
            last = np.flatnonzero(gone)
            before[group, (last[-1] + 1 if len(last) else 0) :] = 0.0
        return cls(sums.times, before, could, censored, late)

    def place(self, time: np.ndarray) -> np.ndarray:
        """Return how many of the times lie before each `time`."""
        bound = self.times * (1 + SAME_TIME)
        days = whole_days(time)
        if days is None:
            return np.searchsorted(bound, time, side="left")
        return np.searchsorted(bound, np.arange(float(days.max(initial=0)) + 1), side="left")[days]
