"""A fitted Cox model as a result: its table, its tests, its baseline, its picture.

Not a fit: `proportional.cox` makes it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.formula import Design
from evalkit.numerics.normal import chi2_p
from evalkit.numerics.ordering import weight_below
from evalkit.result import Result
from evalkit.survival.core.slots import Slots
from evalkit.survival.curves.curveset import CurveValues
from evalkit.survival.curves.readings import labels_of
from evalkit.survival.proportional.newton import Maximum, invert
from evalkit.survival.proportional.partial import Likelihood
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message


@dataclass(frozen=True, eq=False)
class Fitted:
    """The data and the maximum behind a table, for what is asked of a model later.

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
    """

    likelihood: Likelihood
    slots: Slots
    top: Maximum
    covariance: np.ndarray
    event: np.ndarray
    design: Design
    tte: TimeToEvent
    strata: tuple[tuple, ...]

    @cached_property
    def tests(self) -> dict[str, tuple[float, int]]:
        """Likelihood-ratio, Wald and score statistics with their degrees of freedom."""
        top = self.top
        solid = np.flatnonzero(~np.isnan(np.diag(top.covariance)))
        df = len(solid) + len(top.runaway)
        beta = top.beta[solid]
        reported = self.covariance[np.ix_(solid, solid)]
        wald = 0.0 if not len(solid) else np.nan
        if len(solid) and np.isfinite(reported).all():
            wald = float(beta @ np.linalg.pinv(reported, hermitian=True) @ beta)
        active = np.array([k for k in range(len(top.beta)) if k not in top.aliased], dtype=np.int64)
        start = self.likelihood.look(np.zeros(len(top.beta)))
        information, _ = self.likelihood.information(start)
        gradient = start.gradient[active]
        score = (
            float(gradient @ invert(information[np.ix_(active, active)]) @ gradient) if len(active) else 0.0
        )
        ratio = 2 * (top.seen.log_likelihood - top.null)
        return {"lr": (ratio, df), "wald": (wald, len(solid)), "score": (score, df)}

    @cached_property
    def concordance(self) -> float:
        """Share of comparable pairs in the right order, ties of the predictor counting half (Harrell's C, within strata)."""
        tte = self.tte
        predictor = self.likelihood.parts[0].x @ self.top.beta
        weight = np.ones(tte.n) if tte.weight is None else tte.weight
        stratum = np.zeros(tte.n, dtype=np.int64)
        if len(self.strata) > 1:
            # A row that is never at risk at an event is compared with nobody.
            stratum = np.where(self.slots.last > (0 if self.slots.first is None else self.slots.first), 0, -1)
            reached = stratum == 0
            stratum[reached] = self.slots.stratum[self.slots.last[reached] - 1]
        agreeing = tied = pairs = 0.0
        for code in np.unique(stratum[stratum >= 0]):
            rows = stratum == code
            entry = None if tte.entry is None else tte.entry[rows]
            a, t, n = _pairs(predictor[rows], tte.time[rows], self.event[rows], entry, weight[rows])
            agreeing, tied, pairs = agreeing + a, tied + t, pairs + n
        return (agreeing + tied / 2) / pairs if pairs else np.nan


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
    """

    fitted: Fitted | None = field(default=None)
    conf_level: float = 0.95
    ties: str = "efron"
    robust: bool = False
    strata: tuple[str, ...] = ()

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
        fit, tte = self.fitted, self.fitted.tte
        counted = np.ones(tte.n) if tte.weight_kind != "frequency" else tte.weight
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
        row["concordance"] = fit.concordance
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


def _pairs(
    predictor: np.ndarray, time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, weight: np.ndarray
) -> tuple[float, float, float]:
    """Return the weight of pairs in the right order, tied and in all: an event against everybody at risk after it."""
    rank = np.unique(predictor, return_inverse=True)[1]
    asking = np.flatnonzero(event)
    # Latest first; somebody censored on the day of an event was still there.
    order = np.lexsort((event, -time))
    later = np.searchsorted(-time[order], -time[asking], side="left")
    same_day = np.searchsorted(-time[order], -time[asking], side="right")
    censored_upto = np.concatenate([[0], np.cumsum(~event[order])])
    prefix = later + censored_upto[same_day] - censored_upto[later]
    below, equal = weight_below(rank[order], weight[order], prefix, rank[asking])
    total = np.concatenate([[0.0], np.cumsum(weight[order])])[prefix]
    if entry is not None:
        absent = np.argsort(-entry, kind="stable")
        # On (entry, time]: who comes on the day of the event, or later, is not compared; the origin's are.
        came_after = np.searchsorted(-entry[absent], -time[asking], side="right")
        came_after[time[asking] == 0] = int((entry > 0).sum())
        not_below, not_equal = weight_below(rank[absent], weight[absent], came_after, rank[asking])
        below, equal = below - not_below, equal - not_equal
        total = total - np.concatenate([[0.0], np.cumsum(weight[absent])])[came_after]
    own = weight[asking]
    return float(own @ below), float(own @ equal), float(own @ total)
