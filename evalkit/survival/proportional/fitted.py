"""The data and the maximum behind a table of hazard ratios, for what is asked of a model later.

Not a result: `result` shows it, `prediction`, `residuals` and `assumption` read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalkit.formula import Design
from evalkit.survival.core.slots import Slots
from evalkit.survival.core.sums import as_one
from evalkit.survival.proportional.exact import ExactLikelihood
from evalkit.survival.proportional.hazards import Hazards
from evalkit.survival.proportional.newton import Maximum, invert
from evalkit.survival.proportional.partial import Likelihood, Pass
from evalkit.survival.proportional.penalised import Price, effective_df
from evalkit.survival.proportional.ranking import Concordance, concordance, row_by_row
from evalkit.survival.proportional.robust import Clusters
from evalkit.timetoevent import TimeToEvent


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model, as arrays.

    Parameters
    ----------
    likelihood, slots, top
        See `partial`, `slots`, `newton`.
    covariance : float array, shape (p, p)
        The one reported: robust when that was asked.
    event : bool array, shape (n,)
    design : Design
    tte : TimeToEvent
        The rows fitted.
    strata : tuple of tuple
        The values of the strata columns in each stratum.
    formula : str
    clusters : Clusters, optional
        None when the variance is the model's own.
    stratum : int array, shape (n,), optional
        Position of each row in `strata`; None when there is one.
    offset_centre : float
        Taken from the offset before the fit.
    penalised : bool
        Whether `top` maximises Firth's penalised likelihood.
    price : Price, optional
        Of a ridge or a lasso: what `top` was drawn towards 0 by.
    """

    likelihood: Likelihood | ExactLikelihood
    slots: Slots
    top: Maximum
    covariance: np.ndarray
    event: np.ndarray
    design: Design
    tte: TimeToEvent
    strata: tuple[tuple, ...]
    formula: str = ""
    clusters: Clusters | None = None
    stratum: np.ndarray | None = None
    offset_centre: float = 0.0
    penalised: bool = False
    price: Price | None = None

    @cached_property
    def sums(self) -> tuple[Likelihood, Pass]:
        """The likelihood whose sums the baseline and the residuals read, and what it saw at the maximum: Breslow's for exact ties."""
        if isinstance(self.likelihood, ExactLikelihood):
            return self.likelihood.whole, self.likelihood.whole.look(self.top.beta)
        return self.likelihood, self.top.seen

    @cached_property
    def hazards(self) -> Hazards:
        """Running sums of the baseline."""
        return Hazards.of(*self.sums, self.slots)

    @property
    def solid(self) -> np.ndarray:
        """Columns that were estimated."""
        return np.flatnonzero(~np.isnan(np.diag(self.top.covariance)))

    @cached_property
    def origin(self) -> np.ndarray:
        """Values of the columns at which the likelihood's centred predictor is 0."""
        rows = self.likelihood.parts[0]
        # The matrix may have been centred beforehand.
        return self.design.matrix[0] - rows.x[0] + self.likelihood.centre

    @property
    def count(self) -> np.ndarray:
        """How many people or rows each row is."""
        tte = self.tte
        return tte.weight if tte.weight_kind == "frequency" else np.ones(tte.n)

    @cached_property
    def tests(self) -> dict[str, tuple[float, int]]:
        """Likelihood-ratio, Wald and score statistics with their degrees of freedom."""
        top, solid = self.top, self.solid
        if self.price is not None:
            # Drawn towards 0, no statistic has its usual law.
            return dict.fromkeys(
                ("lr", "wald", "score"), (np.nan, effective_df(self.likelihood, top, self.price))
            )
        df = len(solid) + len(top.runaway) + len(top.emptied)
        beta = top.beta[solid]
        reported = self.covariance[np.ix_(solid, solid)]
        wald = 0.0 if not len(solid) else np.nan
        if len(solid) and np.isfinite(reported).all():
            wald = float(beta @ np.linalg.pinv(reported, hermitian=True) @ beta)
        ratio = 2 * (top.seen.log_likelihood - top.null)
        return {"lr": (ratio, df), "wald": (wald, len(solid)), "score": (self._score(), df)}

    def _score(self) -> float:
        if self.penalised:
            # The test at 0 would be that of the likelihood without its penalty.
            return np.nan
        top = self.top
        active = np.array([k for k in range(len(top.beta)) if k not in top.aliased], dtype=np.int64)
        if not len(active):
            return 0.0
        start = self.likelihood.look(np.zeros(len(top.beta)))
        information, _ = self.likelihood.information(start)
        gradient = start.gradient[active]
        return float(gradient @ invert(information[np.ix_(active, active)]) @ gradient)

    @cached_property
    def concordance(self) -> Concordance:
        """Harrell's C within strata, with its standard error."""
        tte = self.tte
        predictor = row_by_row(self.likelihood.parts[0].x, self.top.beta)
        if (offset := self.likelihood.parts[0].offset) is not None:
            predictor = predictor + offset
        time, entry = as_one(tte.time, tte.entry)
        return concordance(
            predictor, time, self.event, entry, tte.weight,
            stratum=self.stratum, cluster=None if self.clusters is None else self.clusters.code,
            frequency=tte.weight_kind == "frequency",
        )  # fmt: skip
