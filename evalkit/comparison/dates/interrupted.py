"""The answer about an interrupted series: how it is drawn, and what of it may leave the room.

Not estimates: `interruption` makes the rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, masked
from evalkit.disclosure import Policy
from evalkit.wording import message

_CHANGES = ("slope_before", "level_change", "slope_change", "slope_after")
#: Codes of the table.
WORDS = (
    *_CHANGES, *(f"{name}_ratio" for name in _CHANGES), *(f"{name}_odds" for name in _CHANGES), "expected", "counterfactual",
    "effect", "effect_relative", "durbin_watson", "autocorrelation_1", "autocorrelation_2", "autocorrelation_3",
    "autoregression", "dispersion", "points_before", "points_after", "points_absent", "series", "control",
    "against_control", "ar1_reml", "newey_west", "quasi_poisson", "quasi_binomial", "description", "residuals", "start",
    "time", "n", "count",
)  # fmt: skip
#: Points in a segment from which the model does not give each one back.
_SAFE = 4


@dataclass(frozen=True, repr=False)
class InterruptedTimeSeries(Comparison):
    """Changes of level and slope of a series.

    Parameters
    ----------
    points : DataFrame
        Columns ``place``, ``label``, ``observed``, ``expected``, ``counterfactual``, ``segment``: what the picture shows.
    small : DataFrame, optional
        Counts of people behind each point, and its ``segment``; None when they are not known.
    """

    points: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    small: pd.DataFrame | None = None

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the points, what the model expects, the earlier trend prolonged, and the interruptions; return the matplotlib Axes."""
        from evalkit import figures

        return figures.interrupted(self.points, self.question.text(lang), ax=ax, lang=wording.language(lang))

    def publish(self, policy: Policy | None = None) -> InterruptedTimeSeries:
        """Pass the gate; see `Result.publish`.

        Points with few people are no longer drawn, and all figures are hidden when such a point lies in a segment so short that
        its model gives the points back.
        """
        policy = policy or Policy()
        out = super().publish(policy)
        if self.provenance.kind != "records":
            return out
        if self.small is None:
            return out.with_caveats(message("comparison_dates.points_unchecked"))
        tiny = self._tiny(policy)
        if not tiny.any():
            return dataclasses.replace(out, small=None)
        points = self.points.assign(observed=self.points["observed"].mask(tiny))
        if self._given_back(tiny):
            points[["expected", "counterfactual"]] = np.nan
        hidden = message("comparison_dates.points_hidden", n=int(tiny.sum()), threshold=policy.threshold)
        out = dataclasses.replace(out, points=points, small=None).with_caveats(hidden)
        return (
            out.with_caveats(message("comparison_dates.short_and_small")) if self._given_back(tiny) else out
        )

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        # Here `n` and `count` are points of time, which are nobody's secret.
        if self.small is None or not self._given_back(self._tiny(policy)):
            return self.table, 0
        told = ~self.table["term"].str.startswith("points_").to_numpy()
        return masked(self.table, told, why=message("comparison_dates.short_and_small"))

    def _tiny(self, policy: Policy) -> np.ndarray:
        counts = self.small.drop(columns="segment")
        return counts.apply(policy.small).to_numpy().any(axis=1)

    def _given_back(self, tiny: np.ndarray) -> bool:
        segment = self.small["segment"].to_numpy()
        short = np.bincount(segment)[segment] < _SAFE
        return bool((tiny & short).any())
