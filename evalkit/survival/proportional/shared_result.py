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
        from evalkit import figures

        lang = wording.language(lang)
        frame = _ratios(self._worded(lang))
        frame = frame[frame["part"] == "effect"].drop(columns="part")
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=1.0, log=True,
            axis=wording.text("survival.hazard_ratio", lang),
        )  # fmt: skip

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
        shown = [
            "part",
            "term",
            "estimate",
            "conf_low",
            "conf_high",
            "p_value",
            "n",
            "n_event",
            "status",
            "reason",
        ]
        words = {k: wording.text("survival_penalties.ratio_or_variance", k) for k in wording.LANGUAGES}
        plain = Result(_ratios(self.table)[shown], self.question, labels={**self.labels, "estimate": words})
        return plain._display_frame(lang)


def _ratios(table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy()
    effects = (table["part"] == "effect").to_numpy()
    for column in ("estimate", "conf_low", "conf_high"):
        with np.errstate(over="ignore"):  # beyond the largest number it is infinite
            table.loc[effects, column] = np.exp(table.loc[effects, column].astype(float))
    return table
