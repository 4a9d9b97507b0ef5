"""What a plan supposes: how people would leave by day, and how long each would be watched.

Not data: shares come from a pilot, a report or a guess, and the plan says which days they were given for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Nodes per piece: integrands are smooth between the break points, and this many make the rule exact to rounding.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True, eq=False)
class Course:
    """Exits by time, each with a constant hazard between the days given; the last hazards go on.

    Parameters
    ----------
    days : float array, shape (m,)
        Ascending, above 0.
    hazards : float array, shape (k, m)
        Per cause, on ``(days[j - 1], days[j]]``.
    """

    days: np.ndarray
    hazards: np.ndarray

    @classmethod
    def through(cls, *shares: Mapping[float, float]) -> Course:
        """Return the course that passes through the shares gone by each cause on the days given (the same days for all).

        Notes
        -----
        On a piece with hazards h_k and H = Σ h_k, the survival falls by exp(-HΔ) and cause k gains S (1 - exp(-HΔ)) h_k / H: so
        each h_k is the part of H that its gain is of all gains.

        Examples
        --------
        >>> course = Course.through({180: 0.5})
        >>> round(float(course.survival(np.array([360.0]))[0]), 12)
        0.25
        """
        days = np.array(sorted(shares[0]), dtype=float)
        gone = np.array([[0.0, *(part[day] for day in sorted(part))] for part in shares])
        left = 1 - gone.sum(axis=0)
        gains = np.diff(gone, axis=1)
        total = np.log(left[:-1] / left[1:]) / np.diff(days, prepend=0.0)
        every = gains.sum(axis=0)
        part = np.divide(gains, every, out=np.zeros_like(gains), where=every > 0)
        return cls(days, part * total)

    @classmethod
    def along(cls, time: np.ndarray, survival: np.ndarray) -> Course:
        """Return the course of a survival curve: at its steps it has the curve's values, between them a constant hazard."""
        later = (time > 0) & (survival > 0)
        return cls.through(dict(zip(time[later].tolist(), (1 - survival[later]).tolist(), strict=True)))

    def _piece(self, t: np.ndarray) -> np.ndarray:
        return np.minimum(np.searchsorted(self.days, t, side="left"), len(self.days) - 1)

    def hazard(self, t: np.ndarray, cause: int | None = None) -> np.ndarray:
        """Return the hazard at `t`, of all causes together or of one."""
        rates = self.hazards.sum(axis=0) if cause is None else self.hazards[cause]
        return rates[self._piece(t)]

    def survival(self, t: np.ndarray) -> np.ndarray:
        """Return the share with no exit by `t`."""
        rates = self.hazards.sum(axis=0)
        start = np.concatenate([[0.0], self.days[:-1]])
        upto = np.concatenate([[0.0], np.cumsum(rates * (self.days - start))])
        piece = self._piece(t)
        return np.exp(-(upto[piece] + rates[piece] * (t - start[piece])))

    def incidence(self, t: np.ndarray, cause: int) -> np.ndarray:
        """Return the share gone by `cause` by `t`."""
        rates = self.hazards.sum(axis=0)
        part = np.divide(self.hazards[cause], rates, out=np.zeros_like(rates), where=rates > 0)
        edges = np.concatenate([[0.0], self.days])
        left = self.survival(edges)
        upto = np.concatenate([[0.0], np.cumsum(part * (left[:-1] - left[1:]))])
        piece = self._piece(t)
        return upto[piece] + part[piece] * (left[piece] - self.survival(t))


@dataclass(frozen=True)
class Window:
    """How long each person is watched: entries spread evenly, one day on which the file is cut, a horizon, people lost.

    Parameters
    ----------
    accrual : float
        Entries are spread evenly over this long; 0 when all enter together.
    cut : float
        Time of the cut since the first entry, may be infinite. A cut before the end of the accrual leaves out those not entered.
    horizon : float
        At most so long for each person, may be infinite.
    loss : float
        Hazard of being lost.
    """

    accrual: float
    cut: float
    horizon: float
    loss: float

    @property
    def last(self) -> float:
        """The longest anybody is watched."""
        return min(self.cut, self.horizon)

    def watched(self, t: np.ndarray) -> np.ndarray:
        """Return the share of people who enter and are still watched a time `t` later."""
        if self.accrual > 0 and np.isfinite(self.cut):
            entered = np.clip((self.cut - t) / self.accrual, 0.0, 1.0)
        else:
            entered = (t <= self.cut).astype(float)
        return entered * np.exp(-self.loss * t) * (t <= self.horizon)

    def nodes(self, courses: Sequence[Course], upto: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
        """Return times and weights that integrate over (0, last], exact where all is smooth between the days given."""
        end = min(self.last, upto)
        breaks = np.concatenate([[0.0, self.cut - self.accrual, end], *(course.days for course in courses)])
        breaks = np.unique(breaks[(breaks >= 0) & (breaks <= end)])
        half, middle = np.diff(breaks) / 2, (breaks[1:] + breaks[:-1]) / 2
        t = middle[:, None] + half[:, None] * _NODES
        return t.ravel(), (half[:, None] * _WEIGHTS).ravel()
