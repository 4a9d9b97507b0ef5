"""A fitted model of whole periods as a result: its table, what it predicts, its picture.

Not a fit: `discrete` makes it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels, suppress_partition
from evalkit.errors import InputError
from evalkit.formula import Design
from evalkit.numerics.normal import z_value
from evalkit.result import KEYS, VALUES, Result
from evalkit.survival.core.showing import draw_ratios, exponentiated, for_readers
from evalkit.survival.curves.readings import labels_of, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.survival.intervals.binomial import fall, hazard
from evalkit.survival.proportional.prediction import Predictions
from evalkit.survival.proportional.table import variables
from evalkit.wording import message

KINDS = ("survival", "hazard")


@dataclass(frozen=True, eq=False)
class FittedPeriods:
    """What a prediction needs.

    Parameters
    ----------
    design : Design
    beta : float array, shape (q + p,)
        The baseline's coefficients, then the terms'.
    covariance : float array, shape (q + p, q + p)
        nan for what is not estimated.
    baseline : float array, shape (K, q)
        What each period's predictor is made of.
    used : bool array, shape (K,)
        Periods with a level of their own; in the others nobody, or everybody, met the event.
    totals : tuple of float arrays, shape (K,)
        At risk, and with the event, in each period.
    log_likelihood : float
    link : str
    period : float
    """

    design: Design
    beta: np.ndarray
    covariance: np.ndarray
    baseline: np.ndarray
    used: np.ndarray
    totals: tuple[np.ndarray, np.ndarray]
    log_likelihood: float
    link: str
    period: float


@dataclass(frozen=True, repr=False)
class DiscreteFit(Result):
    """A fitted model of whole periods: one row per term, then the baseline.

    Parameters
    ----------
    fitted : FittedPeriods, optional
        A published fit no longer has it.
    conf_level : float
    link : {"logit", "cloglog"}
    unit : str
    robust : bool
        Whether the standard errors are robust.
    event : Message, str or mapping
        What the event is called.
    """

    fitted: FittedPeriods | None = field(default=None)
    conf_level: float = 0.95
    link: str = "logit"
    unit: str = "day"
    robust: bool = False
    event: Any = ""

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per term, then the baseline.

        Parameters
        ----------
        exponentiate : bool
            Odds ratios ("logit") or hazard ratios ("cloglog") for the terms, with their bounds; the baseline stays on its scale.
        """
        table = self._worded(None)
        return _ratios(table) if exponentiate else table

    def glance(self) -> pd.DataFrame:
        """Return one row: people-periods, events, periods, log-likelihood, AIC.

        The likelihood is that of the periods, not comparable with a partial one. Under a robust variance it takes rows as independent.
        """
        if self.fitted is None:
            return super().glance()
        fit = self.fitted
        at_risk, met = fit.totals
        df = int((~np.isnan(np.diag(fit.covariance))).sum())
        return pd.DataFrame([{
            "n_person_periods": float(at_risk.sum()), "n_events": float(met.sum()), "n_periods": len(at_risk), "period": fit.period,
            "log_likelihood": fit.log_likelihood, "df": df, "aic": 2 * df - 2 * fit.log_likelihood, "link": self.link,
        }])  # fmt: skip

    def predict(self, new: pd.DataFrame, kind: str = "survival", conf_type: str = "log-log") -> Predictions:
        """Return, for people of given characteristics, the share left after each period, or the share that meets the event in it.

        Parameters
        ----------
        new : DataFrame
            One row per person, with the columns of the formula.
        kind : {"survival", "hazard"}
        conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
            Of a survival; the interval of a hazard is on the scale of the link.

        Returns
        -------
        Predictions
            Column ``row`` is the position in `new`; ``time`` the end of the period. Nothing from a period with nobody at risk on.

        Raises
        ------
        InputError
            Columns or values missing, levels the model does not know; a term that was not estimated.

        Notes
        -----
        S(k) = Π (1 - h_j); delta method. Periods without an event add no variance: their level is at the limit.
        """
        if self.fitted is None:
            raise InputError("predict: a published fit no longer has its baseline; ask before publishing")
        if kind not in KINDS:
            raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
        taken = [c for c in new.columns if c in KEYS or c in VALUES or c == "row"]
        new = new.drop(columns=taken).reset_index(drop=True)
        parts = [_curve(self.fitted, x, kind, conf_type, self.conf_level) for x in self._encoded(new)]
        frame = pd.concat([part.assign(row=i) for i, part in enumerate(parts)], ignore_index=True)
        given = [c for c in self.fitted.design.variables if c in new]
        for column in given:
            frame[column] = new[column].to_numpy()[frame["row"].to_numpy()]
        question = message(
            f"survival_intervals.question_predicted_{kind}",
            event=self.event,
            unit=unit_name(self.unit, 2),
            period=self.fitted.period,
        )
        return Predictions(
            frame[["row", *given, *(c for c in frame if c not in ("row", *given))]], question, self.caveats, self.provenance,
            labels=labels_of(self.labels, self.unit), kind="survival" if kind == "survival" else "period_hazard", unit=self.unit,
            given=tuple(given),
        )  # fmt: skip

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the ratios of the terms with their intervals on a log axis, and return the Axes."""
        lang = wording.language(lang)
        frame = self._worded(lang)
        effects = frame[frame["part"] == "effect"].drop(columns="part")
        return draw_ratios(self, exponentiated(effects), f"survival_intervals.ratio_{self.link}", ax, lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, fitted=None)

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _encoded(self, new: pd.DataFrame) -> np.ndarray:
        fit = self.fitted
        x = fit.design.encode(new)
        q = fit.baseline.shape[1]
        lost = np.isnan(np.diag(fit.covariance))[q:]
        constant = fit.design.matrix.max(axis=0) == fit.design.matrix.min(axis=0)
        for k in np.flatnonzero(lost):
            # A term that was constant says nothing about another value; at its own it is in the baseline.
            if not (constant[k] and (x[:, k] == fit.design.matrix[0, k]).all()):
                raise InputError(
                    f"predict: {fit.design.terms[k]} was not estimated (see its row for the reason); refit without it first"
                )
        return x

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide small counts; levels of periods add up to the events of all, so one is not hidden alone."""
        effect = self.table["part"] != "baseline"
        levels = [v if e else None for v, e in zip(variables(self.table["term"]), effect, strict=True)]
        table, hidden = suppress_levels(self.table, policy, levels)
        rows = list(np.flatnonzero((self.table["part"] == "baseline").to_numpy()))
        if len(rows) > 1:
            table, more = suppress_partition(table, policy, [(None, rows)], count="n_event")
            hidden = max(hidden, more)
        # Who was there at the start of two periods, less the events, tells who was lost in between: as on a curve, rounded down.
        step = max(policy.threshold // 2, 1)
        rounded = np.floor(table["n"].astype(float) / step) * step
        return table.assign(n=table["n"].where(effect, rounded)), hidden

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the ratios and the baseline, the columns a reader wants."""
        return for_readers(self, _ratios(self.table), f"survival_intervals.ratio_or_level_{self.link}", lang)


def _curve(fit: FittedPeriods, x: np.ndarray, kind: str, conf_type: str, level: float) -> pd.DataFrame:
    """Return what one person's periods are predicted to be."""
    at_risk, met = fit.totals
    seen = np.concatenate([np.flatnonzero(at_risk == 0), [len(at_risk)]])[0]
    q = fit.baseline.shape[1]
    known = ~np.isnan(np.diag(fit.covariance))
    covariance = np.where(known[:, None] & known[None, :], fit.covariance, 0.0)
    columns = (
        np.hstack([fit.baseline[:seen], np.tile(np.where(known[q:], x, 0.0), (seen, 1))])
        * fit.used[:seen, None]
    )
    predictor = columns @ np.where(known, fit.beta, 0.0)
    full = ~fit.used[:seen] & (met[:seen] > 0)
    gone = np.maximum(at_risk[:seen] - met[:seen] - np.append(at_risk[1:seen], 0.0), 0.0)
    counts = {"n_risk": at_risk[:seen], "n_event": met[:seen], "n_censor": gone}
    time = fit.period * np.arange(1, seen + 1)
    if kind == "hazard":
        error = np.sqrt(np.maximum(((columns @ covariance) * columns).sum(axis=1), 0.0))
        half = z_value(level) * error
        share = lambda shift: np.where(
            fit.used[:seen], hazard(fit.link, predictor + shift), full.astype(float)
        )
        slope = np.exp(predictor + _log_stay(fit.link, predictor))
        return pd.DataFrame({
            "time": time, "estimate": share(0.0), "std_error": np.where(fit.used[:seen], slope * error, np.nan),
            "conf_low": np.where(fit.used[:seen], share(-half), np.nan), "conf_high": np.where(fit.used[:seen], share(half), np.nan),
            "conf_level": level, **counts,
        })  # fmt: skip
    stay, rate = fall(fit.link, predictor)
    left = np.exp(np.cumsum(np.where(fit.used[:seen], stay, np.where(full, -np.inf, 0.0))))
    moved = np.cumsum(columns * rate[:, None], axis=0)
    error = left * np.sqrt(np.maximum(((moved @ covariance) * moved).sum(axis=1), 0.0))
    low, high = interval(left, error, conf_type, level)
    frame = pd.DataFrame({
        "time": time, "estimate": left, "std_error": error, "conf_low": low, "conf_high": high, "conf_level": level, **counts,
    })  # fmt: skip
    origin = dict.fromkeys(frame, 0.0) | {
        "estimate": 1.0, "conf_low": 1.0, "conf_high": 1.0, "conf_level": level, "n_risk": at_risk[0],
    }  # fmt: skip
    return pd.concat([pd.DataFrame([origin]), frame], ignore_index=True)


def _log_stay(link: str, predictor: np.ndarray) -> np.ndarray:
    """Return what the logarithm of the hazard's derivative to the predictor has beside the predictor."""
    return -2 * np.logaddexp(0, predictor) if link == "logit" else -np.exp(predictor)


def _ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return the effects as ratios, the other rows as they are."""
    return table.where(table["part"] != "effect", exponentiated(table))
