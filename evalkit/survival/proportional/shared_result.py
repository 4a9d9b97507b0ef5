"""A fitted shared-frailty model as a result: its table, its clusters, its picture.

Not a fit: `shared.frailty` makes it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels
from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.survival.core.showing import draw_ratios, exponentiated, for_readers
from evalkit.survival.proportional.table import variables
from evalkit.wording import message


@dataclass(frozen=True, repr=False)
class FrailtyFit(Result):
    """A fitted frailty model: one row per term, and one for the variance between clusters.

    Parameters
    ----------
    conf_level : float
    distribution : {"gamma", "gaussian"}
    theta : float
    clusters : DataFrame, optional
        Each cluster's effect; a published fit no longer has it.
    likelihoods : tuple of float
        Log-likelihoods: partial without frailty, partial at the maximum, marginal.
    null : float
        Log partial likelihood with neither terms nor frailty.
    second : float array, optional
        Covariance of the coefficients without the penalty's share: Gray's (1992), ``var2`` in R.
    """

    conf_level: float = 0.95
    distribution: str = "gamma"
    theta: float = 0.0
    clusters: pd.DataFrame | None = field(default=None)
    likelihoods: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    null: float = np.nan
    second: np.ndarray | None = field(default=None)

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per term, then the variance.

        Parameters
        ----------
        exponentiate : bool
            Hazard ratios and their bounds for the terms; the variance stays as it is.
        """
        table = self._worded(None)
        return _ratios(table) if exponentiate else table

    def glance(self) -> pd.DataFrame:
        """Return one row: people, events, clusters, log-likelihoods, the variance and its test."""
        if self.clusters is None:
            return super().glance()
        row = self.table[self.table["part"] == "variance"].iloc[0]
        plain, partial, marginal = self.likelihoods
        return pd.DataFrame([{
            "n": int(row["n"]), "n_events": int(row["n_event"]), "n_clusters": len(self.clusters), "log_likelihood_null": self.null,
            "log_likelihood_plain": plain, "log_likelihood_partial": partial, "log_likelihood_marginal": marginal,
            "theta": self.theta, "lr_statistic": row["statistic"], "lr_p_value": row["p_value"],
            "distribution": self.distribution,
        }])  # fmt: skip

    def frailties(self) -> Result:
        """Return each cluster's effect: the logarithm of what its hazard is multiplied by, people by pseudonym.

        Notes
        -----
        Effects are drawn towards 0, the more so the fewer events a cluster has; the interval takes theta as known.
        """
        if self.clusters is None:
            raise InputError("frailties: a published fit no longer has the clusters; ask before publishing")
        name = self.clusters.columns[0]
        question = message("survival_penalties.question_clusters", cluster=name)
        return Result(self.clusters, question, self.caveats, self.provenance, labels=self.labels)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the hazard ratios with their intervals on a log axis, and return the Axes."""
        lang = wording.language(lang)
        frame = self._worded(lang)
        effects = frame[frame["part"] == "effect"].drop(columns="part")
        return draw_ratios(self, exponentiated(effects), "survival.hazard_ratio", ax, lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no cluster."""
        published = super().publish(policy)
        return (
            published
            if self.provenance.kind != "records"
            else dataclasses.replace(published, clusters=None, second=None)
        )

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress_levels(self.table, policy, variables(self.table["term"], self.table["part"]))

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return hazard ratios and the variance, the columns a reader wants."""
        return for_readers(self, _ratios(self.table), "survival_penalties.ratio_or_variance", lang)


def _ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return the effects as ratios, the other rows as they are."""
    return table.where(table["part"] != "effect", exponentiated(table))
