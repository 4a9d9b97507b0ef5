"""Designs on one series of dates: an interrupted time series, its level or its slope.

Not people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evalkit.comparison.planning.design import Design, inside, t_chance


@dataclass(frozen=True)
class InterruptedSeries(Design):
    """A series with one interruption: the change of level, or of slope, by generalised least squares with known autocorrelation.

    Parameters
    ----------
    change : float
        Of the level at the interruption, or of the slope per date.
    of : {"level", "slope"}
    sd : float
        Of one date around the line.
    correlation : float
        Between a date and the next (first-order autoregression).
    share_before : float
        Of the dates.
    """

    EFFECT: ClassVar[str] = "change"
    COUNTED: ClassVar[str] = "dates"
    LEAST: ClassVar[int] = 6
    METHOD: ClassVar[str] = "least_squares"
    change: float = 0.0
    of: str = "level"
    sd: float = 1.0
    correlation: float = 0.0
    share_before: float = 0.5

    def faults(self) -> list[str]:
        found = [
            *inside("change", self.change, -math.inf, math.inf),
            *inside("sd", self.sd, 0, math.inf),
            *inside("correlation", self.correlation, -1, 1),
            *inside("share_before", self.share_before, 0, 1),
        ]
        if self.of not in ("level", "slope"):
            found.append(f"of must be one of 'level', 'slope', but was {self.of!r}")
        return found

    def error(self, n: int) -> float:
        """Return the standard error of the change with n dates."""
        before = min(max(round(n * self.share_before), 2), n - 2)
        t = np.arange(n) - before
        post = (t >= 0).astype(float)
        x = np.column_stack([np.ones(n), t, post, post * t])
        # Rows of x, each less the correlation times the one before, have independent errors.
        r = self.correlation
        white = np.vstack([math.sqrt(1 - r * r) * x[:1], x[1:] - r * x[:-1]])
        covariance = np.linalg.inv(white.T @ white) * self.sd**2 * (1 - r * r)
        at = 2 if self.of == "level" else 3
        return math.sqrt(covariance[at, at])

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        return t_chance(self.change / self.error(n), n - 4, alpha, alternative)
