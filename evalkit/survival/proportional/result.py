"""A fitted Cox model as a result: its table, its tests, its baseline, its picture.

Not a fit: `proportional.cox` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.curves.curveset import CurveValues
from evalkit.survival.curves.readings import labels_of
from evalkit.survival.proportional.fitted import Fitted
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
        if exponentiate:
            for column in ("estimate", "conf_low", "conf_high"):
                table[column] = np.exp(table[column])
        return table

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

    def baseline(self, at: dict[str, float] | None = None) -> CurveValues:
        """Return the cumulative baseline hazard, by stratum.

        Parameters
        ----------
        at : mapping, optional
            Term to its value; every term is 0 otherwise (numbers 0, categories at their reference level).

        Returns
        -------
        CurveValues
            Columns: the strata, time, estimate, n_event. Without intervals.

        Notes
        -----
        Breslow's estimator, with Efron's correction for ties when the fit has it; R's ``basehaz(centered = FALSE)``.
        """
        if self.fitted is None:
            raise InputError("baseline: a published fit no longer has the data; ask before publishing")
        fit, terms = self.fitted, self.fitted.design.terms
        given = at or {}
        unknown = [name for name in given if name not in terms]
        if unknown:
            raise InputError(f"at: no term {', '.join(map(repr, unknown))}; they are {', '.join(terms)}")
        # The matrix may have been centred: its own zero is then the mean.
        offset = fit.design.matrix[0] - fit.likelihood.parts[0].x[0]
        profile = np.array([float(given.get(name, 0.0)) for name in terms]) - offset
        relative = np.exp((profile - fit.likelihood.centre) @ fit.top.beta)
        slots = fit.slots
        step = fit.likelihood.cumulative_hazard(fit.top.seen) * relative
        frame = pd.DataFrame(
            {"time": slots.time, "estimate": step, "n_event": fit.likelihood.deaths.astype(float)}
        )
        for i, name in enumerate(self.strata):
            frame[name] = [fit.strata[code][i] for code in slots.stratum]
        frame["estimate"] = frame.groupby(slots.stratum)["estimate"].cumsum()
        rows = fit.likelihood.parts[0]
        frame["n_risk"], _ = rows.sums(np.ones(len(rows.last)), len(slots))
        frame["n_censor"] = 0.0
        columns = [*self.strata, "time", "estimate", "n_risk", "n_event", "n_censor"]
        question = message("survival.question_baseline", event=self.question.values["event"])
        return CurveValues(
            frame[columns],
            question,
            self.caveats,
            self.provenance,
            labels=labels_of(self.labels, fit.tte.unit),
            by=self.strata,
        )

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
        line = wording.text(
            "survival.fit_line", lang, n_rows=int(about["n"]), n_events=int(about["n_events"]),
            test=message(f"survival.test_{test}"), statistic=float(about[f"{test}_statistic"]), df=int(about[f"{test}_df"]),
            p=float(about[f"{test}_p_value"]), concordance=float(about["concordance"]),
        )  # fmt: skip
        head, gap, tail = text.partition("\n\n" + wording.text("result.caveats_title", lang))
        return head + "\n\n" + line + gap + tail

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the hazard ratios with their intervals on a log axis, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        frame = self._worded(lang)
        for column in ("estimate", "conf_low", "conf_high"):
            frame[column] = np.exp(frame[column])
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=1.0, log=True,
            axis=wording.text("survival.hazard_ratio", lang),
        )  # fmt: skip

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, fitted=None)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return hazard ratios, the columns a reader wants."""
        ratios = self.tidy(exponentiate=True)
        shown = ["term", "estimate", "conf_low", "conf_high", "p_value", "n", "n_event", "status", "reason"]
        labels = {
            **self.labels,
            "estimate": {k: wording.text("survival.hazard_ratio", k) for k in wording.LANGUAGES},
        }
        plain = Result(ratios.assign(reason=self.table["reason"])[shown], self.question, labels=labels)
        return plain._display_frame(lang)
