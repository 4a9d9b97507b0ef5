"""The mean number of events by time when some people leave for good, and what each person's weight moves in it.

Not a result: `counts` makes one of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.survival.recurrent.histories import Histories
from evalkit.survival.recurrent.running import running_squares


@dataclass(frozen=True, eq=False)
class Mean:
    """One group's counts at its m times, and the mean they make.

    Parameters
    ----------
    at_risk, events, gone : float arrays, shape (m,)
        Weight at risk just before each time, of events at it, of terminal exits at it.
    multiplier : float array, shape (m,), optional
        A function of time by which each step of the mean is multiplied (a test's weights); 1 otherwise.

    Notes
    -----
    μ(t) = Σ S(u-) dN(u) / Y(u), S the Kaplan-Meier estimate of no terminal exit yet: Ghosh & Lin (2000, Biometrics 56, eq. 2);
    without terminal exits Nelson (1995) and Lawless & Nadeau (1995). Variance: the sum over people of the squared derivative of
    μ(t) with respect to their weight, which is the estimator of Ghosh & Lin (their eq. 4) and R's ``std.chaz`` of
    ``survfit(id =)``.
    """

    at_risk: np.ndarray
    events: np.ndarray
    gone: np.ndarray
    multiplier: np.ndarray | None = None

    @property
    def free(self) -> np.ndarray:
        """Probability of no terminal exit before each time."""
        after = np.cumprod(1 - _ratio(self.gone, self.at_risk))
        after[after < 1e-15] = 0.0
        return np.concatenate([[1.0], after[:-1]])

    @property
    def per_head(self) -> np.ndarray:
        """What one event at each time adds."""
        rise = _ratio(self.free, self.at_risk)
        return rise if self.multiplier is None else rise * self.multiplier

    @property
    def value(self) -> np.ndarray:
        """The mean after each time."""
        return np.cumsum(self.per_head * self.events)

    def changes(self, rows: Histories) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return how each person's derivative changes: at entries, exits and events; with their places and people.

        The derivative of μ(t) is linear in (1, μ(t), g(t)), g being `basis`; its coefficients change only at these moments.
        """
        y, hazard, mean = self.at_risk, _ratio(self.gone, self.at_risk), self.value
        going_on = y > self.gone * (1 + 1e-12)
        alone = np.where(going_on, _ratio(np.ones_like(y), y - self.gone), 0.0)
        spent, lost, lost_mean = self._cumulated(hazard * alone, mean)
        zero = np.zeros(len(rows.came))
        entered = np.stack([(spent + lost_mean)[rows.came], -lost[rows.came], zero + 1])
        left = np.stack([-(spent + lost_mean)[rows.left + 1], lost[rows.left + 1], zero - 1])
        over = rows.gone * alone[rows.left]
        left += np.stack([over * mean[rows.left], -over, zero])
        nothing = np.zeros(len(rows.event))
        happened = np.stack([self.per_head[rows.event], nothing, nothing])
        return (
            np.concatenate([entered, left, happened], axis=1),
            np.concatenate([rows.came, rows.left, rows.event]),
            np.concatenate([rows.owner, rows.owner, rows.who]),
        )

    def basis(self) -> np.ndarray:
        """Return (1, μ(t), g(t)) at each time, shape (3, m)."""
        y, mean = self.at_risk, self.value
        going_on = y > self.gone * (1 + 1e-12)
        alone = np.where(going_on, _ratio(np.ones_like(y), y - self.gone), 0.0)
        spent, lost, lost_mean = self._cumulated(_ratio(self.gone, y) * alone, mean)
        return np.stack([np.ones_like(mean), mean, -spent[1:] + mean * lost[1:] - lost_mean[1:]])

    def variance(self, rows: Histories) -> np.ndarray:
        """Return the variance of the mean after each time."""
        change, place, person = self.changes(rows)
        squares = running_squares(change, place, person, rows.scale[person], len(self.at_risk))
        basis = self.basis()
        found = np.einsum("it,ijt,jt->t", basis, squares, basis)
        # Squares that cancel leave rounding behind.
        return np.where(found < 1e-15, 0.0, found)

    def final(self, rows: Histories) -> np.ndarray:
        """Return each person's derivative after the last time, shape (n,)."""
        change, _, person = self.changes(rows)
        moved = self.basis()[:, -1] @ change
        return np.bincount(person, moved, len(rows.weight))

    def _cumulated(self, share: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return what a person at risk loses up to each time: by its events, and by its terminal exits twice."""
        spent = self.per_head * _ratio(self.events, self.at_risk)
        return tuple(np.concatenate([[0.0], np.cumsum(x)]) for x in (spent, share, share * mean))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros(len(b)), where=b > 0)
