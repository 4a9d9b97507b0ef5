"""A fitted Cox model as a result: its table, its tests, its baseline, its picture.

Not a fit: `proportional.cox` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels
from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.core.showing import before_caveats, draw_ratios, exponentiated, for_readers
from evalkit.survival.curves.curveset import CurveValues
from evalkit.survival.proportional.assumption import HazardCheck, check
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.prediction import Predictions, baseline_of, predict
from evalkit.survival.proportional.ratios import Contrasts, Ratios, contrast, hazard_ratios
from evalkit.survival.proportional.residuals import residuals
from evalkit.survival.proportional.table import concerned, variables
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

if TYPE_CHECKING:
    from evalkit.survival.adjusting.result import AdjustedCurves


@dataclass(frozen=True, repr=False)
class CoxFit(Result):
    """A fitted Cox model: one row per term, on the log scale.

    Parameters
    ----------
    fitted : Fitted, optional
        A published fit no longer has it.
    conf_level : float
    ties : str
    robust : bool
        Whether the standard errors are robust.
    strata : tuple of str
    offset : str, optional
    conf : {"wald", "profile"}
    """

    fitted: Fitted | None = field(default=None)
    conf_level: float = 0.95
    ties: str = "efron"
    robust: bool = False
    strata: tuple[str, ...] = ()
    offset: str | None = None
    conf: str = "wald"

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per term.

        Parameters
        ----------
        exponentiate : bool
            Hazard ratios and their bounds instead of their logarithms; ``std_error`` stays that of the logarithm.
        """
        table = self._worded(None)
        return exponentiated(table) if exponentiate else table

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, log-likelihoods, three tests, AIC, concordance.

        Under a robust variance the likelihood-ratio and score tests are nan: they take rows as independent.
        """
        if self.fitted is None:
            return super().glance()
        fit = self.fitted
        counted = fit.count
        row: dict[str, Any] = {
            "n": int(counted.sum()), "n_events": int(counted[fit.event].sum()),
            "log_likelihood": fit.top.seen.log_likelihood, "log_likelihood_null": fit.top.null,
        }  # fmt: skip
        for name, (statistic, df) in fit.tests.items():
            if self.robust and name != "wald":
                statistic = np.nan
            row |= {
                f"{name}_statistic": statistic,
                f"{name}_df": df,
                f"{name}_p_value": float(chi2_p(statistic, df)),
            }
        df = fit.tests["lr"][1]
        row["aic"] = 2 * df - 2 * row["log_likelihood"]
        row["concordance"], row["concordance_std_error"] = fit.concordance.estimate, fit.concordance.std_error
        row["concordance_method"] = message("survival.concordance_method").text()
        row |= {"ties": self.ties, "iterations": fit.top.steps}
        return pd.DataFrame([row])

    def baseline(
        self, at: dict[str, float] | None = None, kind: str = "cumulative_hazard", conf_type: str = "log-log"
    ) -> CurveValues:
        """Return the baseline with its interval, by stratum.

        Parameters
        ----------
        at : mapping, optional
            Term to its value; every term is 0 otherwise (numbers 0, categories at their reference level).
        kind : {"cumulative_hazard", "survival"}
        conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
            Of a survival; the interval of a cumulative hazard is on the log scale.

        Returns
        -------
        CurveValues
            Columns: the strata, time, estimate, std_error, bounds, n_risk, n_event; one row per time with an event.

        Notes
        -----
        Breslow's estimator, with Efron's correction for ties when the fit has it; R's ``survfit(fit, newdata)`` and
        ``basehaz(centered = FALSE)``. Variance: see `Hazards`.
        """
        fit = self._asked("baseline")
        return baseline_of(self, fit, at or {}, kind, conf_type)

    def predict(
        self,
        new: pd.DataFrame | TimeToEvent | None = None,
        times: float | Iterable[float] | None = None,
        kind: str = "survival",
        conf_type: str = "log-log",
        reference: str = "mean",
    ) -> Predictions:
        """Return what the model predicts for people of given characteristics.

        Parameters
        ----------
        new : DataFrame or TimeToEvent, optional
            One row per person, with the columns of the formula, the strata and the offset. A `TimeToEvent` gives each person's own
            follow-up, characteristics that change in several rows of an id ("expected", "survival"). The people fitted otherwise
            ("lp", "risk", "expected").
        times : number or list of numbers, optional
            For "survival" and "cumulative_hazard"; every time with an event otherwise.
        kind : {"survival", "cumulative_hazard", "risk", "lp", "expected"}
            "lp": log hazard relative to `reference`; "risk": its exponential; "expected": events expected over a follow-up.
        conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
            Of a survival; other intervals are on the log scale, that of "lp" on its own.
        reference : {"mean", "zero"}
            What "lp" and "risk" compare with: the mean of the columns (in each stratum), or 0 everywhere.

        Returns
        -------
        Predictions
            Column ``row`` is the position in `new`. ``std_error`` of a "risk" is that of its logarithm.

        Raises
        ------
        InputError
            Columns or values missing, levels or strata the model does not know, times beyond the follow-up.

        Notes
        -----
        Equal to R's ``survfit(fit, newdata)`` and ``predict(fit, newdata, se.fit = TRUE)``.

        Examples
        --------
        >>> from evalkit.survival import cox
        >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
        >>> tte = TimeToEvent(time=[9, 2, 7, 4, 12, 3, 8, 5], cause=[1, 1, 1, 1, 0, 1, 1, 1], causes=("relapse",), covariates=people)
        >>> fit = cox(tte, "helped")
        >>> fit.predict(pd.DataFrame({"helped": [0, 1]}), times=5).tidy()["estimate"].round(3).tolist()
        [0.273, 0.731]
        """
        self._asked("predict")
        return predict(self, new, times, kind, conf_type, reference)

    def residuals(
        self, kind: str = "martingale", collapse: str | None = None, weighted: bool | None = None
    ) -> pd.DataFrame:
        """Return residuals, one row per row fitted ("schoenfeld" kinds: per event).

        Parameters
        ----------
        kind : {"martingale", "deviance", "score", "dfbeta", "dfbetas", "schoenfeld", "scaled_schoenfeld"}
        collapse : str, optional
            ``"id"`` or a covariate: residuals are summed over its groups.
        weighted : bool, optional
            Whether residuals are multiplied by the weights; as in R, "dfbeta" and "dfbetas" are, others are not.

        Returns
        -------
        DataFrame
            Column ``residual``, or one column per term; the index is the position of the row, or the group.

        Notes
        -----
        Equal to R's ``residuals(fit, type)``.
        """
        return residuals(self._asked("residuals"), kind, collapse, weighted)

    def check(self, transform: str = "km") -> HazardCheck:
        """Test whether the hazards are proportional: whether effects change with time, term by term and together.

        Parameters
        ----------
        transform : {"km", "identity", "rank", "log"}
            The scale of time on which an effect would change.

        Notes
        -----
        Score test of Grambsch & Therneau (1994) with the whole information, equal to ``cox.zph`` of R's survival 3.
        """
        return check(self, self._asked("check"), transform)

    def hazard_ratios(self) -> Ratios:
        """Return hazard ratios variable by variable, the reference levels shown with their numbers of people and events.

        Returns
        -------
        Ratios
            ``term`` is the variable, ``part`` the level; ``std_error`` is that of the logarithm.
        """
        return hazard_ratios(self, self._asked("hazard_ratios"))

    def contrast(self, weights: Mapping[str, float] | Mapping[str, Mapping[str, float]]) -> Contrasts:
        """Return linear combinations of coefficients with their intervals and tests.

        Parameters
        ----------
        weights : mapping
            Term to its weight: ``{"site[b]": 1, "site[c]": -1}`` compares two levels; a reference level may be named. Or name to such
            a mapping, for several combinations.

        Returns
        -------
        Contrasts
            On the log scale; ``.tidy(exponentiate=True)`` gives ratios.
        """
        return contrast(self, self._asked("contrast"), weights)

    def _asked(self, what: str) -> Fitted:
        if self.fitted is None:
            raise InputError(f"{what}: a published fit no longer has the data; ask before publishing")
        return self.fitted

    def adjusted(
        self,
        by: str,
        times: float | Sequence[float] | None = None,
        rmst: float | None = None,
        conf_type: str = "log-log",
    ) -> AdjustedCurves:
        """Return what the model predicts on average were everybody at each level of `by`, with intervals.

        Parameters and details: `evalkit.survival.adjusting.standardised`.
        """
        from evalkit.survival.adjusting.standardised import standardised

        return standardised(self, by, times, rmst, conf_type)

    def summary(self, lang: str | None = None, max_rows: int = 60) -> str:
        """Return the fit as text: hazard ratios, the tests, the caveats."""
        text = super().summary(lang, max_rows)
        if self.fitted is None:
            return text
        lang = wording.language(lang)
        about = self.glance().iloc[0]
        test = "wald" if self.robust else "lr"
        # A lasso fit has no test.
        key = "survival.fit_line" if np.isfinite(about[f"{test}_statistic"]) else "survival.fit_line_untested"
        line = wording.text(
            key, lang, n_rows=int(about["n"]), n_events=int(about["n_events"]),
            test=message(f"survival.test_{test}"), statistic=float(about[f"{test}_statistic"]), df=int(about[f"{test}_df"]),
            p=float(about[f"{test}_p_value"]), concordance=float(about["concordance"]),
        )  # fmt: skip
        return before_caveats(text, line, lang)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the hazard ratios with their intervals on a log axis, and return the Axes."""
        lang = wording.language(lang)
        return draw_ratios(self, exponentiated(self._worded(lang)), "survival.hazard_ratio", ax, lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, fitted=None)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide terms, and levels that give the reference level away, by the number of people, not of their events."""
        fit = self.fitted
        people = None if fit is None else concerned(fit.design.matrix, fit.event, fit.tte)
        return suppress_levels(self.table, policy, variables(self.table["term"]), people)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return hazard ratios, the columns a reader wants."""
        ratios = exponentiated(self.table)
        return for_readers(self, ratios, "survival.hazard_ratio", lang)
