"""Times known only to lie between two days: what visits, monthly reports and silence leave.

Not an estimator: Turnbull's and the parametric ones read it; estimators for exact times refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.timetoevent.checks import CENSORED, fault, frozen, rows, time_faults


@dataclass(frozen=True, eq=False)
class IntervalTimes:
    """Times known only to lie in ``[lower, upper]``: what visits, monthly reports and silence leave.

    Parameters
    ----------
    lower, upper : float arrays, shape (n,), in `unit`
        ``0 <= lower <= upper``; `upper` infinite where the event was not seen.
    exit : array of str, shape (n,), optional
        Name of the exit, ``"censored"`` where `upper` is infinite.
    covariates : DataFrame, n rows

    Raises
    ------
    InputError
        With rows and counts.
    """

    lower: np.ndarray
    upper: np.ndarray
    exit: np.ndarray | None = None
    covariates: pd.DataFrame = field(default_factory=pd.DataFrame)
    unit: str = "day"
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", frozen(self.lower, float))
        object.__setattr__(self, "upper", frozen(self.upper, float))
        if self.upper.shape != self.lower.shape:
            raise InputError(
                f"upper: shape {self.upper.shape} for {self.lower.shape} lower bounds; give one per row"
            )
        faults = time_faults("lower", self.lower)
        missing = np.isnan(self.upper)
        if missing.any():
            faults.append(
                fault(f"upper: missing in {rows(missing)}; write infinity where the event was never seen")
            )
        turned = self.upper < self.lower
        if turned.any():
            faults.append(
                fault(f"upper: below lower in {rows(turned)}; an interval runs from lower to upper")
            )
        if self.exit is not None:
            unnamed = np.isfinite(self.upper) == (self.exit == CENSORED)
            if unnamed.any():
                faults.append(fault(
                    f"cause: in {rows(unnamed)} an ended interval has no exit named or an open one has; "
                    "name the exit exactly where upper is finite"
                ))  # fmt: skip
        if faults:
            raise InputError(faults)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.lower)
