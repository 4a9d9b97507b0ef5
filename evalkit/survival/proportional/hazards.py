"""The baseline of a Cox model as running sums: what every prediction, its variance and a curve at chosen values are read from.

Not a result: `prediction` makes tables of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.survival.core.slots import Slots
from evalkit.survival.core.sums import SAME_TIME
from evalkit.survival.proportional.partial import Likelihood, Pass


@dataclass(frozen=True, eq=False)
class Hazards:
    """Sums over event times, 0 first, each stratum going on from the last.

    Parameters
    ----------
    slots : Slots
    hazard : float array, shape (L + 1,)
        Cumulative hazard of somebody at the centre.
    spread : float array, shape (L + 1,)
        Variance it would have were the coefficients known.
    drift : float array, shape (L + 1, p)
        Mean of the covariates at risk (less the centre), summed over the hazard.
    n_risk, n_event : float arrays, shape (L,)

    Notes
    -----
    Breslow's estimator, with Efron's correction for ties when the fit has it. Tsiatis's variance, as in R's ``survfit.coxph``:
    r² (spread + d'Vd) with d = Λ₀ z - drift, r the relative hazard and z the covariates less the centre.
    """

    slots: Slots
    hazard: np.ndarray
    spread: np.ndarray
    drift: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray

    @classmethod
    def of(cls, likelihood: Likelihood, seen: Pass, slots: Slots) -> Hazards:
        """Sum what a look at the data saw."""
        step, e0, e1 = likelihood.hazard_terms(seen)
        risk_x, event_x = likelihood.slot_means(seen)
        rows = likelihood.parts[0]
        weight = np.ones(len(rows.last)) if rows.weight is None else rows.weight
        n_risk, n_event = rows.sums(weight, len(slots))
        drift = e0[:, None] * risk_x - e1[:, None] * event_x
        return cls(slots, _from_zero(step), _from_zero(e0), _from_zero(drift), n_risk, n_event)

    def passed(self, stratum: int, times: np.ndarray) -> tuple[int, np.ndarray]:
        """Return where a stratum's event times begin, and how many of all slots have passed at each time."""
        begin, end = np.searchsorted(self.slots.stratum, [stratum, stratum + 1])
        own = self.slots.time[begin:end] * (1 - SAME_TIME)
        return int(begin), begin + np.searchsorted(own, times, side="right")

    def between(
        self, stratum: int, after: np.ndarray, upto: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rise of hazard, spread and drift in a stratum on (after, upto]; from the origin included when `after` is 0."""
        begin, last = self.passed(stratum, upto)
        _, first = self.passed(stratum, after)
        first = np.where(after > 0, first, begin)
        return tuple(sums[last] - sums[first] for sums in (self.hazard, self.spread, self.drift))  # type: ignore[return-value]


def _from_zero(steps: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
