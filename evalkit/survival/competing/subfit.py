"""A fitted Fine-Gray model as a result: its table, its predictions, its picture.

Not a fit: `subdistribution` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels
from evalkit.errors import InputError
from evalkit.formula import Design
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.competing.spread import Look, score_influence
from evalkit.survival.core.showing import before_caveats, draw_ratios, exponentiated, for_readers
from evalkit.survival.proportional.newton import Maximum
from evalkit.survival.proportional.robust import Clusters
from evalkit.survival.proportional.table import variables
from evalkit.timetoevent import TimeToEvent


@dataclass(frozen=True, eq=False)
class SubFitted:
    """The data and the maximum behind a table, for what is asked of a model later.

    Parameters
    ----------
    look : Look
        The pseudo-likelihood at its maximum.
    top : Maximum
    clusters : Clusters
        Each row its own when none were named.
    times_counted : float array, shape (n,), optional
        Frequency weights of rows that are independent people.
    weighting : bool
        Whether variances allow for the estimated weights.
    event : bool array, shape (n,)
    design : Design
    tte : TimeToEvent
        The rows fitted.
    strata : tuple of str
    strata_names : tuple of tuple
        The values of the strata columns in each stratum.
    """

    look: Look
    top: Maximum
    clusters: Clusters
    times_counted: np.ndarray | None
    weighting: bool
    event: np.ndarray
    design: Design
    tte: TimeToEvent
    strata: tuple[str, ...]
    strata_names: tuple[tuple, ...]

    @property
    def count(self) -> np.ndarray:
        """How many people each row is."""
        return self.tte.weight if self.tte.weight_kind == "frequency" else np.ones(self.tte.n)

    @cached_property
    def coefficient_influence(self) -> np.ndarray:
        """What each cluster moves in the coefficients, shape (clusters, p); 0 for those not estimated."""
        score = score_influence(self.look, [self.clusters.code], self.clusters.n, self.weighting)
        if self.times_counted is not None:
            score /= np.sqrt(self.times_counted)[:, None]
        solid = ~np.isnan(np.diag(self.top.covariance))
        return score @ np.where(np.outer(solid, solid), self.top.covariance, 0.0)

    def by_cluster(self, influence: np.ndarray) -> np.ndarray:
        """Return the influence of rows summed by cluster, so that its squares add up to a variance."""
        if self.times_counted is not None:
            return np.bincount(self.clusters.code, influence / np.sqrt(self.times_counted), self.clusters.n)
        return np.bincount(self.clusters.code, influence, self.clusters.n)


@dataclass(frozen=True, repr=False)
class FineGrayFit(Result):
    """A fitted Fine-Gray model: one row per term, on the log scale.

    Parameters
    ----------
    fitted : SubFitted, optional
        A published fit no longer has it.
    covariance : float array, shape (p, p)
        Of the coefficients, nan where not estimated.
    conf_level : float
    variance : str
    cause : str
    """

    fitted: SubFitted | None = field(default=None)
    covariance: np.ndarray | None = field(default=None)
    conf_level: float = 0.95
    variance: str = "fine_gray"
    cause: str = ""

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per term.

        Parameters
        ----------
        exponentiate : bool
            Subdistribution hazard ratios and their bounds instead of their logarithms; ``std_error`` stays that of the logarithm.
        """
        table = self._worded(None)
        return exponentiated(table) if exponentiate else table

    def glance(self) -> pd.DataFrame:
        """Return one row: rows, exits of the kind, competing and censored, log pseudo-likelihoods, Wald test."""
        if self.fitted is None:
            return super().glance()
        fit = self.fitted
        counted = fit.count
        competing = (fit.tte.cause > 0) & ~fit.event
        solid = np.flatnonzero(np.isfinite(np.diag(self.covariance)))
        beta, wald = fit.top.beta[solid], np.nan
        if len(solid):
            square = self.covariance[np.ix_(solid, solid)]
            wald = float(beta @ np.linalg.pinv(square, hermitian=True) @ beta)
        return pd.DataFrame([{
            "n": int(counted.sum()), "n_events": int(counted[fit.event].sum()),
            "n_competing": int(counted[competing].sum()),
            "n_censored": int(counted[fit.tte.cause == 0].sum()),
            "log_likelihood": fit.top.seen.log_likelihood, "log_likelihood_null": fit.top.null,
            "wald_statistic": wald, "wald_df": len(solid), "wald_p_value": float(chi2_p(wald, len(solid))),
            "ties": "breslow", "variance": self.variance, "iterations": fit.top.steps,
        }])  # fmt: skip

    def predict(self, new: pd.DataFrame, times: float | Iterable[float] | None = None) -> Any:
        """Return the share gone by the exit, for people like those in `new`.

        Parameters
        ----------
        new : DataFrame
            One row per profile, with the columns of the formula (and the strata).
        times : number or list of numbers, optional
            Up to a hundred of the times at which the exit happened otherwise.

        Returns
        -------
        PredictedIncidence
            Columns: those of `new` that the model uses, time, estimate, std_error, bounds. Intervals are on the scale
            log(-log(1 - F)) and allow for everything estimated: baseline, coefficients and, with Fine and Gray's variance, weights.

        Raises
        ------
        InputError
            A time beyond the last one observed; columns absent; levels or strata not seen.

        Notes
        -----
        1 - exp(-Λ(t) exp(x'β)), as ``predict.crr``; variance by the influence of each person (Fine & Gray 1999, §6).
        """
        from evalkit.survival.competing.prediction import predicted

        if self.fitted is None:
            raise InputError("predict: a published fit no longer has the data; ask before publishing")
        return predicted(self, new, times)

    def residuals(self, kind: str = "schoenfeld") -> pd.DataFrame:
        """Return residuals by term.

        Parameters
        ----------
        kind : {"schoenfeld", "score"}
            Per time of the exit (and stratum), what those who took it had more than was expected: plotted against time they should
            show no slope. Or per person, what each adds to the score, through the weights as well under Fine and Gray's variance.

        Returns
        -------
        DataFrame
            One column per term; ``schoenfeld`` also ``time``, and ``stratum`` where there are several.

        Notes
        -----
        ``schoenfeld`` equals ``crr(...)$res``. Terms not estimated are nan.
        """
        if self.fitted is None:
            raise InputError("residuals: a published fit no longer has the data; ask before publishing")
        fit = self.fitted
        look, terms = fit.look, list(fit.design.terms)
        if kind == "score":
            values, before = score_influence(look, [np.arange(fit.tte.n)], fit.tte.n, fit.weighting), {}
        elif kind == "schoenfeld":
            values = _schoenfeld(look)
            before = {"time": look.slots.time}
            if fit.strata:
                before["stratum"] = [", ".join(map(str, fit.strata_names[s])) for s in look.slots.stratum]
        else:
            raise InputError(f"kind: must be 'schoenfeld' or 'score', but was {kind!r}")
        unknown = np.isnan(np.diag(fit.top.covariance))
        return pd.DataFrame(before | dict(zip(terms, np.where(unknown, np.nan, values).T, strict=True)))

    def summary(self, lang: str | None = None, max_rows: int = 60) -> str:
        """Return the fit as text: ratios, the test, the caveats."""
        text = super().summary(lang, max_rows)
        if self.fitted is None:
            return text
        lang = wording.language(lang)
        about = self.glance().iloc[0]
        line = wording.text(
            "survival_competing.fit_line", lang, n=int(about["n"]), n_events=int(about["n_events"]),
            n_competing=int(about["n_competing"]), n_censored=int(about["n_censored"]),
            statistic=float(about["wald_statistic"]), df=int(about["wald_df"]), p=float(about["wald_p_value"]),
        )  # fmt: skip
        return before_caveats(text, line, lang)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the ratios with their intervals on a log axis, and return the Axes."""
        lang = wording.language(lang)
        return draw_ratios(
            self, exponentiated(self._worded(lang)), "survival_competing.subdistribution_ratio", ax, lang
        )

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        return dataclasses.replace(published, fitted=None, covariance=None)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress_levels(self.table, policy, variables(self.table["term"]))

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return ratios, the columns a reader wants."""
        return for_readers(self, exponentiated(self.table), "survival_competing.subdistribution_ratio", lang)


def _schoenfeld(look: Look) -> np.ndarray:
    """Return, per slot, the columns of those whose exit is there, less their weighted mean over the risk set."""
    risk_x, _ = look.likelihood.slot_means(look.seen)
    total = look.likelihood.mean_weight * look.likelihood.deaths
    values = -risk_x * (total / look.seen.at_risk)[:, None]
    for rows in look.likelihood.parts:
        slot = rows.last[rows.event] - 1
        weight = 1.0 if rows.weight is None else rows.weight[rows.event]
        for k, centre in enumerate(look.likelihood.centre):
            values[:, k] += np.bincount(slot, weight * (rows.x[rows.event, k] - centre), len(values))
    return values
