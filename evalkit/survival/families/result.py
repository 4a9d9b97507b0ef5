"""A fitted law of times as a result: its table, its ratios, its likelihood, its predictions, its picture.

Not a fit: `fit.parametric` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels
from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p, two_sided_p, z_value
from evalkit.result import Result
from evalkit.survival.core.showing import READ, before_caveats
from evalkit.survival.curves.readings import unit_name
from evalkit.survival.families.model import Model
from evalkit.survival.families.predicting import Predictions, mean_curve, predict
from evalkit.survival.families.table import glance_of
from evalkit.survival.proportional.table import variables
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

_COLUMNS = ("estimate", "conf_low", "conf_high")
#: Which ratios a family has besides that of times: -beta/sigma is their logarithm.
_OTHER = {"exponential": "hazard", "weibull": "hazard", "log_logistic": "odds"}


@dataclass(frozen=True, repr=False)
class ParametricFit(Result):
    """A fitted law of times: one row per parameter.

    Parameters
    ----------
    model : Model, optional
        A published fit no longer has it.
    covariance : float array, shape (p, p), optional
        The one reported, in the units of the search.
    conf_level : float
    family : str
    scale : str, optional
        Of a spline: what it describes.
    robust : bool
        Whether the standard errors are robust.
    """

    model: Model | None = None
    covariance: np.ndarray | None = None
    conf_level: float = 0.95
    family: str = "weibull"
    scale: str | None = None
    robust: bool = False

    def tidy(self, exponentiate: bool = False, ratio: str | None = None) -> pd.DataFrame:
        """Return one row per parameter, or ratios of the terms.

        Parameters
        ----------
        exponentiate : bool
            The terms only, as ratios with their bounds: how many times as long ("time"), or in a spline how many times the hazard or
            the odds. ``std_error`` stays that of the logarithm.
        ratio : {"time", "hazard", "odds"}, optional
            Which ratio: a Weibull or exponential model has "time" and "hazard", a log-logistic "time" and "odds". Implies
            `exponentiate`.
        """
        if not exponentiate and ratio is None:
            return self._worded(None)
        return self._ratios(ratio or self.natural)

    @property
    def natural(self) -> str:
        """The ratio that a coefficient is the logarithm of."""
        return {None: "time", "hazard": "hazard", "odds": "odds", "normal": "probit"}[self.scale]

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, log-likelihoods, likelihood-ratio test of all terms, AIC, BIC.

        Under a robust variance the likelihood-ratio test is nan: it takes rows as independent. `distance` is how far
        the maximum still is from where the search ended, in standard errors.
        """
        if self.model is None:
            return super().glance()
        row = glance_of(self.model, self.robust)
        test = row["lr_statistic"] if row["lr_df"] else np.nan
        row["lr_statistic"], row["lr_p_value"] = test, float(chi2_p(test, max(row["lr_df"], 1)))
        return pd.DataFrame([row])

    def predict(
        self,
        new: pd.DataFrame | None = None,
        times: float | Iterable[float] | None = None,
        kind: str = "survival",
        p: float | Iterable[float] = 0.5,
        extrapolate: bool = False,
    ) -> Predictions:
        """Return what the law says of new people.

        Parameters
        ----------
        new : DataFrame, m rows, optional
            With the columns of the formula; not needed without covariates.
        times : number or list of numbers
            For every kind but "quantile".
        kind : {"survival", "hazard", "cumulative_hazard", "quantile", "rmst"}
            "quantile": when a share `p` has met the event; "rmst": mean time without the event within a window.
        p : number or list of numbers
        extrapolate : bool
            Whether times past the last observation may be asked about.

        Returns
        -------
        Predictions
            Column `row` (position in `new`) and `time` (or `part`, the share).

        Raises
        ------
        InputError
            Times past the last observation, unless `extrapolate`; a quantile past it is "not_estimable".

        Notes
        -----
        Delta method: log(-log S) for survival, the logarithm for hazards and quantiles, the logit of the share of the window for mean
        times.
        Quantiles and their standard errors are those of R's ``predict.survreg(type = "quantile", se.fit = TRUE)``.
        """
        model, covariance = self._known("predict")
        return predict(model, covariance, new, times, kind, p, extrapolate, self.conf_level, self.caveats)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the survival the law gives these people on average over their Kaplan-Meier curve, and return the Axes.

        Times known only to lie in intervals have no Kaplan-Meier curve: the law is then drawn alone.
        """
        from evalkit import figures

        lang = wording.language(lang)
        model, covariance = self._known("plot")
        rows = model.rows
        grid = np.linspace(0, rows.last, 241)[1:]
        fitted = mean_curve(model, covariance, grid, self.conf_level)
        start = pd.DataFrame({"time": [0.0], "estimate": 1.0, "conf_low": 1.0, "conf_high": 1.0})
        name = message(f"survival_families.{self.family}").text(lang)
        curves = [pd.concat([start, fitted], ignore_index=True).assign(group=name)]
        if (rows.exact | ~rows.ended).all():
            from evalkit.survival.curves.single import kaplan_meier

            seen = TimeToEvent(
                time=rows.lower, cause=rows.ended, causes=("event",), entry=rows.entry, id=rows.id, weight=rows.weight,
                weight_kind=rows.weight_kind, unit=rows.unit, clock="gap" if rows.episodes else "entry", provenance=rows.provenance,
            )  # fmt: skip
            observed = kaplan_meier(seen).table[["time", "estimate"]]
            curves.insert(0, observed.assign(group="Kaplan-Meier"))
        title = message("survival.question_survival", event=rows.event, unit=unit_name(rows.unit, 2))
        return figures.steps(
            pd.concat(curves, ignore_index=True), title=title.text(lang), unit=rows.unit, ax=ax, lang=lang
        )

    def summary(self, lang: str | None = None, max_rows: int = 60) -> str:
        """Return the fit as text: the ratios (or the parameters without terms), the likelihood, the caveats."""
        text = super().summary(lang, max_rows)
        if self.model is None:
            return text
        lang = wording.language(lang)
        return before_caveats(text, self._line(lang), lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        return dataclasses.replace(published, model=None, covariance=None)

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress_levels(self.table, policy, variables(self.table["term"], self.table["part"]))

    def _line(self, lang: str) -> str:
        about = self.glance().iloc[0]
        return wording.text(
            "survival_families.fit_line", lang, n_rows=int(about["n"]), n_events=int(about["n_events"]),
            log_likelihood=float(about["log_likelihood"]), df=int(about["n_parameters"]), aic=float(about["aic"]),
        )  # fmt: skip

    def _known(self, what: str) -> tuple[Model, np.ndarray]:
        if self.model is None or self.covariance is None:
            raise InputError(f"{what}: a published fit no longer has the model; ask before publishing")
        return self.model, self.covariance

    def _terms(self) -> np.ndarray:
        """Return which rows of the table are terms of times."""
        part, term = self.table["part"], self.table["term"].astype(str)
        gamma = (part == "baseline") & term.str.fullmatch(r"gamma\d+")
        return (part.isin(("location", "baseline")) & ~gamma & (term != "(Intercept)")).to_numpy()

    def _ratios(self, ratio: str) -> pd.DataFrame:
        have = [self.natural] + ([_OTHER[self.family]] if self.family in _OTHER else [])
        if self.natural == "probit":
            raise InputError(
                "ratio: coefficients of a spline on the normal scale are differences of probits, not ratios"
            )
        if ratio not in have:
            raise InputError(
                f"ratio: a {self.family} model has ratios of {' and '.join(have)}, but was asked for {ratio!r}"
            )
        table = self._worded(None)
        if ratio != self.natural:
            self._turn(table)
        table = table[self._terms()].reset_index(drop=True)
        with np.errstate(over="ignore"):
            for column in _COLUMNS:
                table[column] = np.exp(table[column])
        return table

    def _turn(self, table: pd.DataFrame) -> None:
        """Put -beta/sigma, with its standard error, where the table has beta."""
        model, covariance = self._known("ratio")
        scales = [k for k, (part, _) in enumerate(model.names()) if part == "scale"]
        if len(scales) > 1:
            raise InputError(
                "ratio: the scale depends on covariates, so that no one ratio holds at all times"
            )
        shared, z = model.in_units(covariance), z_value(self.conf_level)
        log_scale = model.estimate[scales[0]] if scales else 0.0
        per = np.exp(-log_scale)
        for k in np.flatnonzero(self._terms()):
            value = -per * model.estimate[k]
            slope = np.array([-per, -value])
            at = [k, *scales]
            part = slope[: len(at)]
            error = np.sqrt(part @ shared[np.ix_(at, at)] @ part)
            if self.table["status"].iloc[k] != "ok":
                value = error = np.nan
            table.loc[k, ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]] = [
                value, error, value / error, float(two_sided_p(value / error)), value - z * error, value + z * error,
            ]  # fmt: skip

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return ratios, the columns a reader wants; the parameters where there is none."""
        shown = list(READ)
        terms = self._terms()
        if not terms.any() or self.natural == "probit":
            return Result(self.table[["part", *shown]], self.question, labels=self.labels)._display_frame(
                lang
            )
        ratios = self._ratios(self.natural).assign(reason=self.table["reason"][terms].to_numpy())
        word = f"survival_families.ratio_{self.natural}"
        labels = {**self.labels, "estimate": {g: wording.text(word, g) for g in wording.LANGUAGES}}
        return Result(ratios[shown], self.question, labels=labels)._display_frame(lang)
